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

    use super::*;

    fn close(value: f64, expected: f64, tolerance: f64) -> bool {
        (value - expected).abs() <= tolerance * expected.abs()
    }

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
        for line in KNOWN.lines().skip(1) {
            let field: Vec<&str> = line.split_whitespace().collect();
            let (k, n) = field[0].split_once('/').unwrap();
            let interval = jeffreys(k.parse().unwrap(), n.parse().unwrap(), 0.95);
            let (lower, upper) = (field[1].parse().unwrap(), field[2].parse().unwrap());
            assert!(close(interval.lower, lower, 1e-13), "{line}: {interval:?}");
            assert!(close(interval.upper, upper, 1e-13), "{line}: {interval:?}");
        }
    }

    #[test]
    fn no_trials_tell_nothing() {
        assert_eq!(jeffreys(0, 0, 0.95), Interval { lower: 0.0, upper: 1.0 });
    }

    /// `tests/reference/jeffreys.py` made the table.
    #[test]
    fn agrees_with_arbitrary_precision() {
        let table = include_str!("../../tests/reference/jeffreys.csv");
        let mut rows = 0;
        for line in table.lines().skip(1) {
            let field: Vec<&str> = line.split(',').collect();
            let (k, n) = (field[0].parse().unwrap(), field[1].parse().unwrap());
            let value = |i: usize| field[i].parse::<f64>().unwrap();
            let interval = jeffreys(k, n, value(2));
            assert!(close(interval.lower, value(3), 4e-15), "{line}: {interval:?}");
            assert!(close(interval.upper, value(4), 4e-15), "{line}: {interval:?}");
            rows += 1;
        }
        assert!(rows > 150, "{rows} rows of reference values");
    }

    proptest! {
        #[test]
        fn ends_are_ordered_monotone_and_symmetric(
            magnitude in 0.0..9.0_f64, fraction in 0.0..1.0_f64, level in 0.5..0.9999_f64,
        ) {
            let n = 10_f64.powf(magnitude) as u64;
            let k = ((n as f64 * fraction) as u64).min(n - 1);
            let at = |k| jeffreys(k, n, level);
            let (here, next, mirror) = (at(k), at(k + 1), at(n - k));
            let share = k as f64 / n as f64;
            prop_assert!(0.0 <= here.lower && here.upper <= 1.0 && here.contains(share));
            prop_assert!(here.lower < next.lower && here.upper < next.upper);
            prop_assert!((here.lower - (1.0 - mirror.upper)).abs() < 1e-15);
            prop_assert!((here.upper - (1.0 - mirror.lower)).abs() < 1e-15);
        }
    }
}
