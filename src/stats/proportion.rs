//! Confidence interval of a probability from a fixed number of independent trials.

use super::beta::{Tail, quantile};

/// A closed interval: of a probability, where nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Interval {
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

impl Interval {
    /// Whether the interval contains `p`.
    pub fn contains(&self, p: f64) -> bool {
        self.lower <= p && p <= self.upper
    }

    /// Half of the width.
    pub fn half_width(&self) -> f64 {
        0.5 * (self.upper - self.lower)
    }
}

/// The interval when `undecided` of the trials could still turn out either way: the lower end as if
/// they all fail, the upper end as if they all succeed.
///
/// It contains the interval of the outcomes they would have had, since the ends of `bounds(k, n)`
/// rise with `k`; so it is valid wherever `bounds` is, for a fixed number of trials or at all
/// times.
///
/// # Panics
/// If there are more successes and undecided trials than trials.
pub fn with_undecided(
    successes: u64,
    undecided: u64,
    trials: u64,
    bounds: impl Fn(u64, u64) -> Interval,
) -> Interval {
    assert!(
        successes <= trials && undecided <= trials - successes,
        "{successes} successes and {undecided} undecided in {trials} trials"
    );
    Interval {
        lower: bounds(successes, trials).lower,
        upper: bounds(successes + undecided, trials).upper,
    }
}

/// The exact two-sided interval of Clopper and Pearson (1934, Biometrika 26(4) 404-413) for
/// `successes` of `trials`: whatever the true probability, the interval contains it with
/// probability `level` or more, provided the number of trials was fixed beforehand.
///
/// With `alpha = 1 - level` the ends are the `alpha/2` quantile of `Beta(k, n - k + 1)` and the
/// `1 - alpha/2` quantile of `Beta(k + 1, n - k)`; 0 at `k = 0`, 1 at `k = n`. No trials tell
/// nothing: `[0, 1]`.
///
/// # Panics
/// If there are more successes than trials, or `level` is not strictly between 0 and 1.
pub fn clopper_pearson(successes: u64, trials: u64, level: f64) -> Interval {
    assert!(successes <= trials, "{successes} successes in {trials} trials");
    assert!(level > 0.0 && level < 1.0, "a confidence level is between 0 and 1, not {level}");
    let (k, n) = (successes, trials);
    let tail = 0.5 * (1.0 - level);
    // ln of the n-th root of the tail: the ends at k = n and k = 0 are that root and 1 minus it.
    let ln_root = libm::log(tail) / n as f64;
    let lower = match k {
        0 => 0.0,
        k if k == n => libm::exp(ln_root),
        k => quantile(k as f64, (n - k + 1) as f64, Tail::Lower, tail),
    };
    let upper = match k {
        k if k == n => 1.0,
        0 => -libm::expm1(ln_root),
        k => quantile((k + 1) as f64, (n - k) as f64, Tail::Upper, tail),
    };
    Interval { lower, upper }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::checks::{assert_agrees, assert_known, cases, ends_are_in_order};
    use super::*;

    /// Ends at 95 %, to 17 digits by arbitrary precision (scipy gives 11 of them at large counts).
    const KNOWN: &str = "
        0/1        0                      0.975
        0/10       0                      0.30849710781876294
        1/10       0.0025285785444617845  0.44501611702819542
        5/10       0.18708602844739857    0.81291397155260143
        7/50       0.058191700340372085   0.26739600249700844
        15/50      0.17861784566414693    0.44608232566117818
        700/1000   0.670538321302634      0.72827888787085554
        3/1000     0.00061909993164957126 0.0087420232384783036
        0/1000000  0                      3.6888726502064882e-6
        7/1000000  2.8143675343022198e-6  1.4422621834331028e-5
        5/1000000000 1.6234863920475397e-9 1.1668332040418512e-8";

    #[test]
    fn known_values() {
        assert_known(KNOWN, 1e-14, clopper_pearson);
        let of_99 = "0.99 15/50 0.14912089721971322 0.4899831803186808";
        assert_known(of_99, 1e-14, clopper_pearson);
    }

    #[test]
    fn no_trials_tell_nothing() {
        assert_eq!(clopper_pearson(0, 0, 0.95), Interval { lower: 0.0, upper: 1.0 });
    }

    /// `tests/reference/clopper_pearson.py` made the table.
    #[test]
    fn agrees_with_arbitrary_precision() {
        let table = include_str!("../../tests/reference/clopper_pearson.csv");
        assert_agrees(table, 2e-15, clopper_pearson);
    }

    #[test]
    fn undecided_trials_widen_the_interval() {
        let bounds = |k, n| clopper_pearson(k, n, 0.95);
        let interval = with_undecided(3, 2, 10, bounds);
        assert_eq!(interval, Interval { lower: bounds(3, 10).lower, upper: bounds(5, 10).upper });
        assert_eq!(with_undecided(3, 0, 10, bounds), bounds(3, 10));
        assert_eq!(with_undecided(0, 10, 10, bounds), Interval { lower: 0.0, upper: 1.0 });
        assert!(interval.contains(0.3) && !interval.contains(0.01));
        assert_eq!(Interval { lower: 0.25, upper: 0.75 }.half_width(), 0.25);
    }

    proptest! {
        #[test]
        fn ends_are_ordered_monotone_and_symmetric((k, n, level) in cases()) {
            ends_are_in_order((k, n), |k| clopper_pearson(k, n, level))?;
        }
    }
}
