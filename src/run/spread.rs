//! An order in which a few of many stand for all.

/// The `i`-th of the numbers below `n` in an order whose beginnings are spread over all of them: strides
/// of the golden ratio.
pub(super) fn scattered(i: u64, n: u64) -> u64 {
    let coprime = |stride: &u64| gcd(*stride, n) == 1;
    let golden = (0.618_034 * n as f64) as u64;
    let stride = (golden.max(1)..=n).find(coprime).unwrap_or(1);
    (u128::from(i) * u128::from(stride) % u128::from(n)) as u64
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_its_turn_and_neighbours_do_not_follow_each_other() {
        for n in [1, 2, 3, 12, 32, 1000] {
            let mut order: Vec<u64> = (0..n).map(|i| scattered(i, n)).collect();
            if n > 10 {
                assert!(
                    order.windows(2).all(|pair| pair[0].abs_diff(pair[1]) > n / 4),
                    "{order:?}"
                );
            }
            order.sort_unstable();
            assert_eq!(order, (0..n).collect::<Vec<_>>());
        }
    }
}
