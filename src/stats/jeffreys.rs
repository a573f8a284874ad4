//! The Bayesian interval of a probability with Jeffreys' prior.

use super::Interval;
use super::beta::{Tail, quantile};

/// The equal-tailed interval of the Beta(1/2, 1/2) prior for `successes` of `trials`: with
/// `alpha = 1 - level`, the `alpha/2` and `1 - alpha/2` quantiles of `Beta(k + 1/2, n - k + 1/2)`.
///
/// The lower end is 0 at `k = 0` and the upper end 1 at `k = n`, as Brown, Cai and DasGupta (2001,
/// Stat. Sci. 16(2) 101-133, section 3.1) define the interval: otherwise it would nearly never
/// contain a p close to 0 or 1. Their further changes at 0, 1, n - 1 and n (section 4.1) are not
/// made.
///
/// The probability that it contains p is near `level` on average over p, not for each p. The ends
/// have the accuracy of [`quantile`]: they were compared with 40-digit ones for up to 1e9 trials.
/// No trials tell nothing: `[0, 1]`.
///
/// # Panics
/// If there are more successes than trials, or `level` is not strictly between 0 and 1.
pub fn jeffreys(successes: u64, trials: u64, level: f64) -> Interval {
    assert!(successes <= trials, "{successes} successes in {trials} trials");
    assert!(level > 0.0 && level < 1.0, "a confidence level is between 0 and 1, not {level}");
    let tail = 0.5 * (1.0 - level);
    let (a, b) = (successes as f64 + 0.5, (trials - successes) as f64 + 0.5);
    Interval {
        lower: if successes == 0 { 0.0 } else { quantile(a, b, Tail::Lower, tail) },
        upper: if successes == trials { 1.0 } else { quantile(a, b, Tail::Upper, tail) },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::checks::{assert_agrees, assert_known, cases, ends_are_in_order};
    use super::*;

    /// Ends at 95 % by another library's quantiles of the beta distribution.
    const KNOWN: &str = "
        0/1          0                      0.8532536836904249
        0/10         0                      0.2171962675092106
        1/10         0.011011673763161133   0.3813147710666164
        5/10         0.22352867025270517    0.7764713297472948
        7/50         0.0648717011505185     0.25532502815639163
        15/50        0.1868771325356566     0.4355279077018387
        700/1000     0.6710503460752892     0.7277938420638388
        3/1000       0.0008456348018298346  0.007984367358403443
        0/1000000    0                      2.5119393107467846e-6
        7/1000000    3.1310741717155116e-06 1.3744146648938875e-05
        5/1000000000 1.9078741285907745e-09 1.0960024595109589e-08";

    #[test]
    fn known_values() {
        assert_known(KNOWN, 1e-13, jeffreys);
    }

    #[test]
    fn no_trials_tell_nothing() {
        assert_eq!(jeffreys(0, 0, 0.95), Interval { lower: 0.0, upper: 1.0 });
    }

    /// `tests/reference/jeffreys.py` made the table.
    #[test]
    fn agrees_with_arbitrary_precision() {
        let table = include_str!("../../tests/reference/jeffreys.csv");
        assert_agrees(table, 4e-15, jeffreys);
    }

    proptest! {
        #[test]
        fn ends_are_ordered_monotone_and_symmetric((k, n, level) in cases()) {
            ends_are_in_order((k, n), |k| jeffreys(k, n, level))?;
        }
    }
}
