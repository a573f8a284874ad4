//! Confidence intervals of the quantiles of any distribution, and of all of its distribution
//! function.

use super::beta::{Tail, ln_tail};

/// Two ranks of a sample in ascending order, counted from 1, that enclose a quantile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranks {
    /// Rank of the lower end; `None` if the sample is too small to bound the quantile from below.
    pub lower: Option<u64>,
    /// Rank of the upper end; `None` if the sample is too small to bound the quantile from above.
    pub upper: Option<u64>,
    /// Probability that the members of these ranks enclose the quantile if no two members can be
    /// equal; it is larger if they can.
    pub coverage: f64,
}

/// The ranks `l < u` with the `q` quantile in the closed interval from the `l`-th to the `u`-th of
/// `n` independent members with probability `level` or more, whatever their distribution (Thompson
/// 1936, Ann. Math. Statist. 7(3) 122-128).
///
/// The number `B` of members below the quantile is binomial: `l` is the largest rank with `P(B < l)
/// <= (1 - level)/2`, `u` the smallest above `q n` with `P(B >= u) <= (1 - level)/2`, and the
/// coverage is `P(l <= B < u)`. The binomial tails are those of the beta distribution, exact to
/// 1e-12 for up to 1e9 members. A sample may end in members that only stand for "later" or "never".
///
/// # Panics
/// If `q` or `level` is not strictly between 0 and 1.
pub fn quantile_ranks(n: u64, q: f64, level: f64) -> Ranks {
    assert!(q > 0.0 && q < 1.0, "the quantile of a probability in (0, 1), not {q}");
    assert!(level > 0.0 && level < 1.0, "a confidence level is between 0 and 1, not {level}");
    let tail = 0.5 * (1.0 - level);
    let middle = ((q * n as f64) as u64).min(n);
    // The ranks that will do for the lower end are those up to it, for the upper end those from it
    // on.
    let lower = first(1, middle + 1, |rank| below(rank, n, q) > tail) - 1;
    let upper = first(middle + 1, n + 1, |rank| at_least(rank, n, q) <= tail);
    Ranks {
        lower: (lower > 0).then_some(lower),
        upper: (upper <= n).then_some(upper),
        coverage: 1.0 - below(lower, n, q) - at_least(upper, n, q),
    }
}

/// Half the width of a band around the empirical distribution function of `n` independent members
/// that contains all of the true one with probability `level` or more: `sqrt(ln(2/alpha) / (2 n))`
/// (Dvoretzky, Kiefer and Wolfowitz 1956; the constant of Massart 1990, Ann. Probab. 18(3)
/// 1269-1283). Infinite for an empty sample.
///
/// # Panics
/// If `level` is not strictly between 0 and 1.
pub fn dkw_half_width(n: u64, level: f64) -> f64 {
    assert!(level > 0.0 && level < 1.0, "a confidence level is between 0 and 1, not {level}");
    libm::sqrt(0.5 * libm::log(2.0 / (1.0 - level)) / n as f64)
}

/// `P(B < rank)` for `B` binomial with `n` trials of probability `q`; meant for ranks below the
/// mean.
fn below(rank: u64, n: u64, q: f64) -> f64 {
    match rank {
        0 => 0.0,
        r => libm::exp(ln_tail(r as f64, (n - r + 1) as f64, q, Tail::Upper).0),
    }
}

/// `P(B >= rank)` for `B` binomial with `n` trials of probability `q`; meant for ranks above the
/// mean.
fn at_least(rank: u64, n: u64, q: f64) -> f64 {
    match rank {
        r if r > n => 0.0,
        r => libm::exp(ln_tail(r as f64, (n - r + 1) as f64, q, Tail::Lower).0),
    }
}

/// The first of `from..to` for which `holds` is true, or `to`; from there on it stays true.
fn first(from: u64, to: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (from, to);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Probabilities of 0, 1, .. n successes.
    fn binomial(n: u64, q: f64) -> Vec<f64> {
        let mut masses = vec![0.0; n as usize + 1];
        masses[0] = 1.0;
        for _ in 0..n {
            for i in (0..masses.len()).rev() {
                let below = if i == 0 { 0.0 } else { masses[i - 1] };
                masses[i] = masses[i] * (1.0 - q) + below * q;
            }
        }
        masses
    }

    #[test]
    fn known_ranks() {
        let ranks = quantile_ranks(100, 0.5, 0.95);
        assert_eq!((ranks.lower, ranks.upper), (Some(40), Some(61)));
        assert!((ranks.coverage - 0.964_799_8).abs() < 1e-7, "{ranks:?}");
        // Five members do not bound a median at 95 %, six do: 2 / 2^6 = 0.03125.
        let ranks = quantile_ranks(5, 0.5, 0.95);
        assert_eq!((ranks.lower, ranks.upper, ranks.coverage), (None, None, 1.0));
        let ranks = quantile_ranks(6, 0.5, 0.95);
        assert_eq!((ranks.lower, ranks.upper), (Some(1), Some(6)));
        assert!((ranks.coverage - 0.96875).abs() < 1e-14);
        assert_eq!(quantile_ranks(0, 0.5, 0.95).upper, None);
        // A high quantile of few members has no upper bound: 0.99^299 is above 0.025.
        let ranks = quantile_ranks(299, 0.99, 0.95);
        assert_eq!((ranks.lower, ranks.upper), (Some(292), None));
        assert_eq!(quantile_ranks(368, 0.99, 0.95).upper, Some(368));
    }

    #[test]
    fn many_members() {
        let n = 1_000_000_000;
        let ranks = quantile_ranks(n, 0.5, 0.95);
        let (lower, upper) = (ranks.lower.unwrap(), ranks.upper.unwrap());
        assert_eq!(lower, n + 1 - upper);
        // Normal approximation: 1.959964 standard deviations of sqrt(n)/2.
        assert!((500_000_000 - lower).abs_diff(30_990) <= 2, "{lower}");
        assert!((ranks.coverage - 0.95).abs() < 1e-4 && ranks.coverage >= 0.95);
    }

    #[test]
    fn ranks_are_as_close_as_the_level_allows() {
        for n in [1, 2, 7, 30, 101] {
            for q in [0.02, 0.1, 0.25, 0.5, 0.8, 0.99] {
                let masses = binomial(n, q);
                let below = |rank: u64| masses[..rank as usize].iter().sum::<f64>();
                let above = |rank: u64| masses[rank as usize..].iter().sum::<f64>();
                for level in [0.5, 0.9, 0.999] {
                    let tail = 0.5 * (1.0 - level);
                    let ranks = quantile_ranks(n, q, level);
                    let (l, u) = (ranks.lower.unwrap_or(0), ranks.upper.unwrap_or(n + 1));
                    assert!(l < u && below(l) <= tail && above(u) <= tail, "{n} {q} {level}");
                    assert!(
                        l as f64 + 1.0 > q * n as f64 || below(l + 1) > tail,
                        "{n} {q} {level}"
                    );
                    assert!(
                        u as f64 - 1.0 <= q * n as f64 || above(u - 1) > tail,
                        "{n} {q} {level}"
                    );
                    let coverage = 1.0 - below(l) - above(u);
                    assert!((ranks.coverage - coverage).abs() < 1e-12 && coverage >= level);
                }
            }
        }
    }

    #[test]
    fn known_band() {
        for (n, width) in [(1000, 0.042_946_940_834_673_76), (10_000, 0.013_581_015_157_406_196)] {
            assert!((dkw_half_width(n, 0.95) / width - 1.0).abs() < 4e-16, "{n}");
        }
        assert_eq!(dkw_half_width(0, 0.95), f64::INFINITY);
    }
}
