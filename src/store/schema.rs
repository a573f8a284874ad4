//! The format of `results.h5`: every variable with its name, axes, type and words.

use super::summary::CellSummary;
use crate::study::Measures;

/// What the root attribute `deeplin_format` says.
pub const FORMAT: &str = "results";

/// Major and minor version of the format (`format_version`). Readers refuse a newer major version;
/// a newer minor one only adds to what they know.
pub const VERSION: [i32; 2] = [1, 0];

/// Conventions that attributes of variables follow.
pub const CONVENTIONS: &str = "CF-1.11";

/// Dimension of the trials of a cell.
pub const TRIAL: &str = "trial";

/// Dimension of the ladder of losses.
pub const LOSS_TARGET: &str = "loss_target";

/// Group of what decides the bits besides the study.
pub const PROVENANCE: &str = "provenance";

/// A variable of the root group.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub long_name: &'static str,
    /// Where its values come from, which decides its axes and type.
    pub source: Source,
}

/// Where the values of a variable come from.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// Outcome of each trial: int8 codes.
    Outcome,
    /// Steps of each trial: int32, or int64 if the largest budget needs it.
    Steps,
    /// First hits of the ladder by each trial: as [`Source::Steps`].
    HitSteps,
    /// A measure of each trial: float64.
    Measure(usize),
    /// A count of each cell: int64.
    Count(fn(&CellSummary) -> u64),
    /// A number of each cell: float64.
    Estimate(fn(&CellSummary) -> f64),
    /// A bound of an interval of each cell: float64.
    Bound(fn(&CellSummary) -> f64),
}

impl Source {
    /// Names of the dimensions that follow those of the sweep.
    pub fn trailing(self) -> &'static [&'static str] {
        match self {
            Self::Outcome | Self::Steps | Self::Measure(_) => &[TRIAL],
            Self::HitSteps => &[TRIAL, LOSS_TARGET],
            Self::Count(_) | Self::Estimate(_) | Self::Bound(_) => &[],
        }
    }
}

/// The variables of a study with this ladder of losses, in the order of the file.
pub fn variables(ladder: &[f64]) -> Vec<Variable> {
    let measures = Measures::NAMES.iter().enumerate().map(|(i, &(name, long_name))| Variable {
        name,
        long_name,
        source: Source::Measure(i),
    });
    let hit_steps = (!ladder.is_empty()).then_some(HIT_STEPS);
    CELL.into_iter().chain(TRIALS).chain(measures).chain(hit_steps).collect()
}

const fn variable(name: &'static str, long_name: &'static str, source: Source) -> Variable {
    Variable { name, long_name, source }
}

const TRIALS: [Variable; 2] = [
    variable("outcome", "how the trial ended", Source::Outcome),
    variable(
        "steps",
        "updates made when the trial ended; converged: the first step at or under the loss target",
        Source::Steps,
    ),
];

const HIT_STEPS: Variable = variable(
    "hit_steps",
    "first step at which the excess loss was at or under loss_target; -1: never",
    Source::HitSteps,
);

const CELL: [Variable; 12] = [
    variable(
        "probability",
        "share of the trials that converged",
        Source::Estimate(|s| s.probability),
    ),
    variable(
        "probability_lower",
        "lower bound of the probability of convergence, undecided trials counted as failures",
        Source::Bound(|s| s.probability_lower),
    ),
    variable(
        "probability_upper",
        "upper bound of the probability of convergence, undecided trials counted as converged",
        Source::Bound(|s| s.probability_upper),
    ),
    variable(
        "probability_upper_budget",
        "upper bound of the probability of convergence within the budget of steps",
        Source::Bound(|s| s.probability_upper_budget),
    ),
    variable("trial_count", "trials", Source::Count(|s| s.trials)),
    variable("converged_count", "trials that converged", Source::Count(|s| s.converged)),
    variable("diverged_count", "trials that diverged", Source::Count(|s| s.diverged)),
    variable(
        "stalled_count",
        "trials whose weights came back to the same bits short of the target",
        Source::Count(|s| s.stalled),
    ),
    variable(
        "step_limit_count",
        "trials undecided when the budget of steps was spent",
        Source::Count(|s| s.step_limit),
    ),
    variable(
        "steps_median",
        "median of the steps of the trials that converged",
        Source::Estimate(|s| s.steps_median),
    ),
    variable(
        "steps_q10",
        "0.1-quantile of the steps of the trials that converged",
        Source::Estimate(|s| s.steps_q10),
    ),
    variable(
        "steps_q90",
        "0.9-quantile of the steps of the trials that converged",
        Source::Estimate(|s| s.steps_q90),
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_hits_need_a_ladder() {
        let with = variables(&[0.1]);
        let names: BTreeSet<_> = with.iter().map(|v| v.name).collect();
        assert_eq!(names.len(), with.len());
        assert!(names.contains("hit_steps"));
        assert_eq!(variables(&[]).len() + 1, with.len());
    }
}
