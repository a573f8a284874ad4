//! What a cell comes to: counts by outcome, the probability of convergence with bounds, and the
//! usual numbers of steps.

use super::tally::Tally;
use crate::stop::Outcome;
use crate::theorem;

/// How bounds of a probability are computed: given by the caller, since statistics stand above
/// storage.
#[derive(Clone, Copy)]
pub struct IntervalMethod<'a> {
    /// Name of the method, for the file.
    pub method: &'a str,
    /// Confidence level.
    pub level: f64,
    /// Lower and upper bound from a number of successes and a number of trials.
    pub bounds: &'a dyn Fn(u64, u64) -> (f64, f64),
}

/// Summary of one cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CellSummary {
    /// Trials.
    pub trials: u64,
    /// Those that converged.
    pub converged: u64,
    /// Those that diverged.
    pub diverged: u64,
    /// Those that stalled.
    pub stalled: u64,
    /// Those that were undecided when their budget was spent.
    pub step_limit: u64,
    /// Share of the trials that converged; NaN without trials.
    pub probability: f64,
    /// Lower bound of the probability of convergence: as if every undecided trial fails.
    pub probability_lower: f64,
    /// Upper bound of the probability of convergence: as if every undecided trial converges.
    pub probability_upper: f64,
    /// Upper bound of the probability of convergence within the budget of steps.
    pub probability_upper_budget: f64,
    /// Median of the steps of the trials that converged; NaN if none did.
    pub steps_median: f64,
    /// Their 0.1-quantile.
    pub steps_q10: f64,
    /// Their 0.9-quantile.
    pub steps_q90: f64,
    /// Trials whose start meets each of the conditions of the convergence theorem, in the order of
    /// [`theorem::NAMES`].
    pub theorem1_met: [u64; 4],
    /// Trials whose start meets all of them.
    pub theorem1: u64,
    /// Trials whose start is balanced enough and has a margin.
    pub joint: u64,
    /// Their share; NaN without trials.
    pub joint_probability: f64,
    /// Lower bound of the probability of such a start.
    pub joint_probability_lower: f64,
    /// Upper bound of it.
    pub joint_probability_upper: f64,
    /// Trials that are proved to converge.
    pub certified: u64,
    /// Lower bound of the probability of a trial that is proved to converge.
    pub certified_probability_lower: f64,
}

impl CellSummary {
    /// The summary of trials that were counted. No trials tell nothing.
    pub fn of(tally: &Tally, interval: &IntervalMethod<'_>) -> Self {
        let trials = tally.trials();
        let (converged, step_limit) =
            (tally.count(Outcome::Converged), tally.count(Outcome::StepLimit));
        let bounds = |successes| match trials {
            0 => (0.0, 1.0),
            _ => (interval.bounds)(successes, trials),
        };
        let (probability_lower, probability_upper_budget) = bounds(converged);
        let (_, probability_upper) = bounds(converged + step_limit);
        let steps = |numerator, denominator| {
            tally.steps().quantile(numerator, denominator).map_or(f64::NAN, |steps| steps as f64)
        };
        // The sign of 0 / 0 depends on the processor.
        let share = |count: u64| if trials == 0 { f64::NAN } else { count as f64 / trials as f64 };
        let joint = tally.meeting(theorem::BALANCED | theorem::MARGIN);
        let (joint_probability_lower, joint_probability_upper) = bounds(joint);
        Self {
            trials,
            converged,
            diverged: tally.count(Outcome::Diverged),
            stalled: tally.count(Outcome::Stalled),
            step_limit,
            probability: share(converged),
            probability_lower,
            probability_upper,
            probability_upper_budget,
            steps_median: steps(1, 2),
            steps_q10: steps(1, 10),
            steps_q90: steps(9, 10),
            theorem1_met: [0, 1, 2, 3].map(|bit| tally.meeting(1 << bit)),
            theorem1: tally.meeting(theorem::ALL),
            joint,
            joint_probability: share(joint),
            joint_probability_lower,
            joint_probability_upper,
            certified: tally.certified(),
            certified_probability_lower: bounds(tally.certified()).0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(trials: impl IntoIterator<Item = (Outcome, u64)>) -> Tally {
        let mut tally = Tally::default();
        for (outcome, steps) in trials {
            tally.add(outcome as u8, steps, (steps % 4) as u8, steps < 20);
        }
        tally
    }

    #[test]
    fn undecided_trials_widen_the_interval_upwards_only() {
        let share = |k: u64, n: u64| (k as f64 / n as f64 - 0.1, k as f64 / n as f64 + 0.1);
        let interval = IntervalMethod { method: "test", level: 0.9, bounds: &share };
        let (converged, late) = (Outcome::Converged, Outcome::StepLimit);
        let (diverged, stalled) = (Outcome::Diverged, Outcome::Stalled);
        let outcomes = [converged, converged, diverged, stalled, late, converged, late, late];
        let tally = tally(outcomes.into_iter().zip([30, 10, 1, 2, 99, 20, 99, 99]));
        let summary = CellSummary::of(&tally, &interval);
        assert_eq!(
            [summary.trials, summary.converged, summary.diverged, summary.stalled],
            [8, 3, 1, 1]
        );
        assert_eq!(summary.step_limit, 3);
        assert_eq!(summary.probability, 3.0 / 8.0);
        assert_eq!(summary.probability_lower, share(3, 8).0);
        assert_eq!(summary.probability_upper, share(6, 8).1);
        assert_eq!(summary.probability_upper_budget, share(3, 8).1);
        assert_eq!(summary.steps_median, 20.0);
        // Steps modulo 4 are the conditions: 2 2 1 2 3 0 3 3.
        assert_eq!((summary.theorem1_met, summary.theorem1), ([4, 6, 0, 0], 0));
        assert_eq!((summary.joint, summary.joint_probability), (3, 3.0 / 8.0));
        assert_eq!(summary.joint_probability_lower, share(3, 8).0);
        assert_eq!(summary.joint_probability_upper, share(3, 8).1);
        assert_eq!((summary.certified, summary.certified_probability_lower), (3, share(3, 8).0));
    }

    #[test]
    fn no_trials_tell_nothing() {
        let bounds = |k: u64, n: u64| (k as f64 / n as f64, k as f64 / n as f64);
        let interval = IntervalMethod { method: "test", level: 0.9, bounds: &bounds };
        let summary = CellSummary::of(&Tally::default(), &interval);
        assert_eq!(summary.trials, 0);
        assert_eq!(
            [summary.probability, summary.steps_q90].map(f64::to_bits),
            [f64::NAN.to_bits(); 2]
        );
        assert_eq!([summary.probability_lower, summary.probability_upper], [0.0, 1.0]);
    }
}
