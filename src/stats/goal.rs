//! When an estimate of a probability is precise enough for sampling to end.

use serde::{Deserialize, Serialize};

use super::Interval;

/// What the bounds of a probability have to come to, where some trials are undecided: the interval of the
/// trials that succeeded, and that of those that succeeded or still might. More trials narrow each of the two,
/// but not the gap between them.
///
/// Sampling that ends by it needs intervals that hold at all numbers of trials at once, those of a
/// [confidence sequence](super::sequence): intervals for a fixed number are wrong more often than they say
/// if their width decides how many trials there are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Half the width of each interval is at most this.
    HalfWidth(f64),
    /// Half the width of each is at most this part of its share of trials; never so for a share of 0.
    Relative(f64),
    /// It is known whether the probability is above or below this, or that it depends on the undecided
    /// trials.
    Decide(f64),
}

impl Goal {
    /// Whether `successes` and `undecided` ones in `trials` are enough, by intervals of a number of successes
    /// in `trials`.
    pub fn is_reached(
        self,
        successes: u64,
        undecided: u64,
        trials: u64,
        interval: impl Fn(u64) -> Interval,
    ) -> bool {
        let ends = [successes, successes + undecided];
        let [low, high] = ends.map(&interval);
        match self {
            Self::HalfWidth(most) => low.half_width().max(high.half_width()) <= most,
            Self::Relative(part) => ends.iter().zip([low, high]).all(|(&count, interval)| {
                let share = count as f64 / trials as f64;
                count > 0 && interval.half_width() <= part * share
            }),
            Self::Decide(p) => low.lower > p || high.upper < p || (low.upper < p && high.lower > p),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::confidence_sequence;

    /// The first number of trials that is enough, with so many successes and undecided trials among `n`.
    fn needed(goal: Goal, seen: impl Fn(u64) -> (u64, u64)) -> u64 {
        let is_reached = |&n: &u64| {
            let (successes, undecided) = seen(n);
            goal.is_reached(successes, undecided, n, |k| confidence_sequence(k, n, 0.95))
        };
        (1..200_000).find(is_reached).unwrap()
    }

    /// About 9,157 trials of p = 1/2 for a half width of .02: four times those of Wald's interval, which
    /// does not allow for looking.
    #[test]
    fn half_width() {
        let n = needed(Goal::HalfWidth(0.02), |n| (n / 2, 0));
        assert!((9_100..9_200).contains(&n), "{n}");
        // Undecided trials add no more: each end is known as well.
        assert_eq!(needed(Goal::HalfWidth(0.02), |n| (n / 2, n - n / 2)), n);
        assert!(needed(Goal::HalfWidth(0.02), |n| (0, n)) < n / 10);
    }

    #[test]
    fn relative() {
        let half =
            |k: u64| Interval { lower: k as f64 / 100.0 - 0.1, upper: k as f64 / 100.0 + 0.1 };
        assert!(Goal::Relative(0.2).is_reached(50, 0, 100, half));
        assert!(!Goal::Relative(0.19).is_reached(50, 0, 100, half));
        assert!(!Goal::Relative(0.19).is_reached(50, 50, 100, half));
        assert!(
            !Goal::Relative(0.9).is_reached(0, 10, 100, half),
            "nothing is known of a share of 0"
        );
    }

    #[test]
    fn decided() {
        let tenth =
            |k: u64| Interval { lower: k as f64 / 100.0 - 0.1, upper: k as f64 / 100.0 + 0.1 };
        let decided = |p, k, u| Goal::Decide(p).is_reached(k, u, 100, tenth);
        for (p, expected) in
            [(0.39, true), (0.41, false), (0.5, false), (0.59, false), (0.61, true)]
        {
            assert_eq!(decided(p, 50, 0), expected, "{p}");
        }
        assert!(!decided(0.5, 30, 20), "more trials may tell");
        assert!(
            decided(0.5, 30, 40),
            "it depends on the undecided trials, which more cannot change"
        );
        // Without a success p is soon known to be below one half.
        assert!((5..15).contains(&needed(Goal::Decide(0.5), |_| (0, 0))));
    }
}
