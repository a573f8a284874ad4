//! Quantiles of a sample.

/// The `q` quantile of a sample in ascending order as one of its members: the smallest `x` with
/// `F(x) >= q`, where `F` is the empirical distribution function (definition 1 of Hyndman and Fan
/// 1996, Am. Stat. 50(4) 361-365). `None` for an empty sample.
///
/// No value is made up between two members, so the quantile of step counts is a step count, and a
/// sample may end in members that only stand for "later".
///
/// # Panics
/// If `q` is not in `[0, 1]`.
pub fn quantile<T: Copy>(sorted: &[T], q: f64) -> Option<T> {
    assert!((0.0..=1.0).contains(&q), "a quantile is asked for by a number from 0 to 1, not {q}");
    let n = sorted.len() as f64;
    // Ranks are compared as the quotients they are: 0.07 * 100 is a little above 7.
    let mut rank = ((q * n) as usize).max(1);
    if (rank as f64) / n < q {
        rank += 1;
    }
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        for (sample, q, expected) in [
            (&[][..], 0.5, None),
            (&[7], 0.0, Some(7)),
            (&[7], 1.0, Some(7)),
            (&[1, 2], 0.5, Some(1)),
            (&[1, 2, 3], 0.5, Some(2)),
            (&[1, 2, 3, 4], 0.5, Some(2)),
            (&[1, 2, 3, 4], 0.51, Some(3)),
            (&[1, 1, 1, 9], 0.75, Some(1)),
            (&[1, 1, 1, 9], 1.0, Some(9)),
        ] {
            assert_eq!(quantile(sample, q), expected, "{sample:?} at {q}");
        }
    }

    #[test]
    fn whole_ranks_are_exact_in_spite_of_rounding() {
        for n in [10_usize, 100, 1000, 999] {
            let sample: Vec<usize> = (1..=n).collect();
            for rank in 1..=n {
                assert_eq!(quantile(&sample, rank as f64 / n as f64), Some(rank), "{rank} of {n}");
            }
        }
    }
}
