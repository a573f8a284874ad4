//! What a success costs in steps when trials are started again and again.

use super::summary::Intervals;
use crate::stats::{Interval, StepCounts, best_restart, expected_running_time};

/// Steps until the first success. NaN where nothing is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Expected running time when every trial runs to its end (see [`expected_running_time`]); NaN if
    /// none succeeded.
    pub expected: f64,
    /// Number of steps after which it is best to start afresh (see [`best_restart`]); NaN if no trial
    /// succeeded before one was stopped.
    pub cutoff: f64,
    /// Expected running time with that cutoff; NaN without one.
    pub restarted: f64,
    /// Its interval, of all cutoffs at once (see [`Restart::interval`]); NaN without a cutoff, and
    /// where precision decides how many trials there are: it is for a number that was fixed beforehand.
    ///
    /// [`Restart::interval`]: crate::stats::Restart::interval
    pub interval: Interval,
}

impl Cost {
    /// How the bounds of [`Cost::interval`] are computed.
    pub const METHOD: &str = "Dvoretzky-Kiefer-Wolfowitz and Clopper-Pearson, all cutoffs at once";

    /// From what happened at each number of steps, with bounds at the level of `intervals`.
    pub fn of(rows: &[StepCounts], intervals: &Intervals) -> Self {
        let best = best_restart(rows);
        let unknown = Interval { lower: f64::NAN, upper: f64::NAN };
        let known = best.filter(|_| intervals.is_fixed());
        Self {
            expected: expected_running_time(rows).unwrap_or(f64::NAN),
            cutoff: best.map_or(f64::NAN, |best| best.cutoff as f64),
            restarted: best.map_or(f64::NAN, |best| best.cost()),
            interval: known.map_or(unknown, |best| best.interval(intervals.level)),
        }
    }
}
