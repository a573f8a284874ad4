//! When an estimate of a probability is precise enough for sampling to end.

use serde::{Deserialize, Serialize};

use super::Interval;

/// What an interval has to come to. Sampling that ends by it needs intervals that hold at all numbers of
/// trials at once, those of a [confidence sequence](super::sequence): intervals for a fixed number are
/// wrong more often than they say if their width decides how many trials there are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Half the width is at most this.
    HalfWidth(f64),
    /// Half the width is at most this part of the share of successes; never so without a success.
    Relative(f64),
    /// The interval is on one side of this probability.
    Decide(f64),
}

impl Goal {
    /// Whether the interval of `successes` in `trials` is precise enough.
    pub fn is_reached(self, interval: Interval, successes: u64, trials: u64) -> bool {
        match self {
            Self::HalfWidth(most) => interval.half_width() <= most,
            Self::Relative(part) => {
                successes > 0 && interval.half_width() <= part * (successes as f64 / trials as f64)
            }
            Self::Decide(p) => interval.upper < p || interval.lower > p,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::confidence_sequence;

    /// The first number of trials at which every other one succeeding is precise enough.
    fn needed(goal: Goal, share: impl Fn(u64) -> u64) -> u64 {
        let is_reached =
            |&n: &u64| goal.is_reached(confidence_sequence(share(n), n, 0.95), share(n), n);
        (1..200_000).find(is_reached).unwrap()
    }

    /// About 9,157 trials of p = 1/2 for a half width of .02: four times those of Wald's interval, which
    /// does not allow for looking.
    #[test]
    fn half_width() {
        let n = needed(Goal::HalfWidth(0.02), |n| n / 2);
        assert!((9_100..9_200).contains(&n), "{n}");
    }

    #[test]
    fn relative_and_decided() {
        let half = Interval { lower: 0.4, upper: 0.6 };
        assert!(Goal::Relative(0.2).is_reached(half, 50, 100));
        assert!(!Goal::Relative(0.19).is_reached(half, 50, 100));
        assert!(!Goal::Relative(0.5).is_reached(Interval { lower: 0.0, upper: 0.1 }, 0, 100));
        for (p, decided) in [(0.39, true), (0.4, false), (0.5, false), (0.61, true)] {
            assert_eq!(Goal::Decide(p).is_reached(half, 50, 100), decided);
        }
        // Without a success p is soon known to be below one half: after 8 trials.
        assert!((5..15).contains(&needed(Goal::Decide(0.5), |_| 0)));
    }
}
