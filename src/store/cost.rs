//! What a success costs in steps when trials are started again and again.

use super::summary::Intervals;
use crate::stats::{
    Interval, StepCounts, best_restart, expected_running_time, watched_restart_interval,
};

/// Steps until the first success. NaN where nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cost {
    /// Expected running time when every trial runs to its end (see [`expected_running_time`]); NaN if
    /// none succeeded.
    pub expected: f64,
    /// Number of steps after which it is best to start afresh (see [`best_restart`]); NaN if no trial
    /// succeeded before one was stopped.
    pub cutoff: f64,
    /// Expected running time with that cutoff; NaN without one.
    pub restarted: f64,
    /// Its interval, of all cutoffs at once: that of [`Restart::interval`], and where precision decides
    /// how many trials there are, [`watched_restart_interval`]; NaN without a cutoff.
    ///
    /// [`Restart::interval`]: crate::stats::Restart::interval
    pub interval: Interval,
}

impl Cost {
    /// From what happened at each number of steps, with bounds at the level of `intervals`.
    pub fn of(rows: &[StepCounts], intervals: &Intervals) -> Self {
        let best = best_restart(rows);
        let interval = best.map(|best| match intervals.is_fixed() {
            true => best.interval(intervals.level),
            false => watched_restart_interval(rows, best.cutoff, intervals.level),
        });
        Self {
            expected: expected_running_time(rows).unwrap_or(f64::NAN),
            cutoff: best.map_or(f64::NAN, |best| best.cutoff as f64),
            restarted: best.map_or(f64::NAN, |best| best.cost()),
            interval: interval.unwrap_or(Interval { lower: f64::NAN, upper: f64::NAN }),
        }
    }

    /// How the bounds of [`Cost::interval`] are computed.
    pub fn method(intervals: &Intervals) -> &'static str {
        match intervals.is_fixed() {
            true => "Dvoretzky-Kiefer-Wolfowitz and Clopper-Pearson, of all cutoffs at once",
            false => "Dvoretzky-Kiefer-Wolfowitz and confidence sequences, of all cutoffs at once",
        }
    }
}
