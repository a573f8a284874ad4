//! The score interval of a probability: shorter than the exact one, its level kept on average only.

use super::Interval;
use super::normal;

/// The score interval of Wilson (1927, J. Am. Stat. Assoc. 22(158) 209-212) for `successes` of
/// `trials`: all p whose expected number of successes is within `z` standard deviations of `k`,
/// where `z` is the `(1 + level)/2` quantile of the normal distribution. With `m = n - k` the ends
/// are
///
/// ```text
/// upper = (k + z^2/2 + z sqrt(k m / n + z^2/4)) / (n + z^2)
/// lower = k^2 / (n (n + z^2) upper)
/// ```
///
/// (the two roots of a quadratic equation; the smaller one without a difference), exact to a few
/// roundings. The probability that it contains p is near `level` on average over p, and can be far
/// below it for p near 0 or 1: 0.84 instead of 0.95 for ten trials. No trials tell nothing: `[0,
/// 1]`.
///
/// # Panics
/// If there are more successes than trials, or `level` is not strictly between 0 and 1.
pub fn wilson(successes: u64, trials: u64, level: f64) -> Interval {
    assert!(successes <= trials, "{successes} successes in {trials} trials");
    assert!(level > 0.0 && level < 1.0, "a confidence level is between 0 and 1, not {level}");
    if trials == 0 {
        return Interval { lower: 0.0, upper: 1.0 };
    }
    let z = -normal::quantile(0.5 * (1.0 - level));
    let (k, n) = (successes as f64, trials as f64);
    let failures = (trials - successes) as f64;
    let root = z * libm::sqrt(k / n * failures + 0.25 * z * z);
    let upper = (k + 0.5 * z * z + root) / (n + z * z);
    let lower = k / n * (k / (n + z * z)) / upper;
    Interval { lower, upper: if successes == trials { 1.0 } else { upper } }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::checks::{assert_known, cases, ends_are_in_order};
    use super::*;

    /// The formula at z = 1.959963984540054, to 16 digits.
    const KNOWN: &str = "
        0.95  0/1          0                      0.7934506856227626
        0.95  0/10         0                      0.27753279986288926
        0.95  1/10         0.017876213095072896   0.4041500267952385
        0.95  5/10         0.236593090512564      0.7634069094874361
        0.95  7/50         0.06950833427016292    0.26186193710585537
        0.95  15/50        0.1910355350088095     0.4375035046445341
        0.95  700/1000     0.6708761390827828     0.7275931575229951
        0.95  3/1000       0.0010207838811386186  0.008783014053503173
        0.95  0/1000000    0                      3.841444063944942e-6
        0.95  7/1000000    3.3908678349008543e-06 1.445052244882719e-05
        0.95  5/1000000000 2.135701139404344e-09  1.1705757628118388e-08
        0.9   15/50        0.2059336469114289     0.4145996274030791
        0.99  15/50        0.16483999062339336    0.4820208460636578
        0.999 15/50        0.13900910267695570    0.5321926030778597";

    #[test]
    fn known_values() {
        assert_known(KNOWN, 4e-15, wilson);
    }

    #[test]
    fn no_trials_tell_nothing() {
        assert_eq!(wilson(0, 0, 0.95), Interval { lower: 0.0, upper: 1.0 });
    }

    #[test]
    fn trials_needed_at_one_half() {
        for (half_width, trials) in [(0.02, 2400), (0.01, 9602), (0.001, 960_362)] {
            let enough = |n: u64| wilson(n / 2, n, 0.95).half_width() <= half_width;
            assert!(enough(trials) && !enough(trials - 4), "{half_width}");
        }
    }

    proptest! {
        #[test]
        fn ends_are_ordered_monotone_and_symmetric((k, n, level) in cases()) {
            ends_are_in_order((k, n), |k| wilson(k, n, level))?;
        }

        /// The definition: at an end, `k` is `z` standard deviations away from what is expected.
        #[test]
        fn the_ends_are_z_deviations_away(
            n in 1..1_000_000_u64, fraction in 0.0..1.0_f64, level in 0.5..0.9999_f64,
        ) {
            let k = (n as f64 * fraction) as u64;
            let interval = wilson(k, n, level);
            let z = normal::quantile(0.5 * (1.0 + level));
            for p in [interval.lower, interval.upper].into_iter().filter(|&p| p > 0.0 && p < 1.0) {
                let distance = (k as f64 - n as f64 * p) / (n as f64 * p * (1.0 - p)).sqrt();
                prop_assert!((distance.abs() - z).abs() < 1e-6);
            }
        }
    }
}
