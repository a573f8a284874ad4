//! The format of `results.h5`: every variable with its name, axes, type and words.

use super::cost::Cost;
use super::summary::{CellSummary, Intervals};
use crate::study::Measures;

/// What the root attribute `deeplin_format` says.
pub const FORMAT: &str = "results";

/// Major and minor version of the format (`format_version`). Readers refuse a newer major version;
/// a newer minor one only adds to what they know.
pub const VERSION: [i32; 2] = [1, 4];

/// The version of a file without the row of every trial: one that keeps no rows, or a partial one.
/// Whoever knows version 1 only would take it for more than it is.
pub const VERSION_WITHOUT_ALL_ROWS: [i32; 2] = [3, 0];

/// Attribute of the root: 1 if there are variables of each trial, 0 if there are histograms instead.
pub const ROWS: &str = "rows";

/// Attribute of the root: 1 if all trials were run, else 0.
pub const COMPLETE: &str = "complete";

/// Attribute of the root: trials of a cell.
pub const TRIALS_PER_CELL: &str = "trials";

/// Attribute of the root: trials of all cells that are not in the file.
pub const MISSING: &str = "missing_trials";

/// Conventions that attributes of variables follow.
pub const CONVENTIONS: &str = "CF-1.11";

/// Dimension of the trials of a cell.
pub const TRIAL: &str = "trial";

/// Dimension of the trials of a cell whose trajectory is there.
pub const TRACED_TRIAL: &str = "traced_trial";

/// Dimension of the records of a trajectory.
pub const RECORD: &str = "record";

/// What the names of the variables of trajectories begin with.
pub const TRAJECTORY: &str = "trajectory_";

/// Dimension of the ladder of losses.
pub const LOSS_TARGET: &str = "loss_target";

/// Dimension of the sets of conditions of the convergence theorem.
pub const CONDITIONS: &str = "theorem1_conditions_value";

/// Dimension of the outcomes, by code.
pub const OUTCOME_CODE: &str = "outcome_code";

/// Variable of the trials by conditions of the theorem and by outcome.
pub const THEOREM_TABLE: &str = "theorem1_outcome_count";

/// What the coordinates of a dimension are that does not come from the sweep.
///
/// # Panics
/// If it is none of these.
pub fn meaning(dimension: &str) -> &'static str {
    match dimension {
        TRIAL => "number of the trial",
        CONDITIONS => "conditions of theorem 1, as the flags of theorem1_conditions",
        OUTCOME_CODE => "code of the outcome: not_run converged diverged stalled step_limit",
        LOSS_TARGET => "excess loss of a rung of the ladder",
        TRACED_TRIAL => "number of a trial whose trajectory is there",
        RECORD => "number of the record; after the last one of a trial its step is -1",
        other => panic!("{other} is a dimension of another kind"),
    }
}

/// A histogram of each cell or of each rung of each cell, one behind the other: CF's contiguous ragged
/// arrays over more than one dimension.
#[derive(Debug, Clone, Copy)]
pub struct Ragged {
    /// Dimension of the entries of all of them.
    pub entry: &'static str,
    /// What an entry is.
    pub meaning: &'static str,
    /// Variable of the numbers of steps, ascending in each histogram or part of one.
    pub value: (&'static str, &'static str),
    /// Variable of the numbers of trials that took so many.
    pub count: (&'static str, &'static str),
    /// Variable of the index of the first entry of each.
    pub first: (&'static str, &'static str),
    /// Variable of the number of entries of each.
    pub size: (&'static str, &'static str),
}

/// Steps of all trials, apart by outcome and by how many rungs of the ladder they hit.
pub const STEPS_HISTOGRAM: Ragged = Ragged {
    entry: "steps_entry",
    meaning: "number of the entry of the histograms of steps",
    value: ("steps_histogram_value", "number of steps"),
    count: (
        "steps_histogram_count",
        "trials that ended after exactly so many steps with steps_histogram_outcome and after \
         steps_histogram_rungs first hits",
    ),
    first: ("steps_histogram_first", "first entry of the histogram of the cell along steps_entry"),
    size: ("steps_histogram_size", "entries of the histogram of the cell"),
};

/// Variable of the outcomes of the entries of [`STEPS_HISTOGRAM`].
pub const STEPS_HISTOGRAM_OUTCOME: (&str, &str) =
    ("steps_histogram_outcome", "how these trials ended");

/// Variable of the rungs of the entries of [`STEPS_HISTOGRAM`].
pub const STEPS_HISTOGRAM_RUNGS: (&str, &str) = (
    "steps_histogram_rungs",
    "how many of loss_target, from the first, the excess loss of these trials was ever at or under",
);

/// First hits of the ladder.
pub const HITS_HISTOGRAM: Ragged = Ragged {
    entry: "hit_steps_entry",
    meaning: "number of the entry of the histograms of first hits",
    value: ("hit_steps_histogram_value", "number of steps"),
    count: (
        "hit_steps_histogram_count",
        "trials whose excess loss was at or under loss_target after exactly so many steps for the \
         first time; the others of the cell never hit it",
    ),
    first: (
        "hit_steps_histogram_first",
        "first entry of the histogram of the cell and loss_target along hit_steps_entry",
    ),
    size: ("hit_steps_histogram_size", "entries of the histogram of the cell and loss_target"),
};

/// Variable of the learning rates that were tuned, of each cell, and what it is; only in studies that tune.
pub const TUNED_LEARNING_RATE: (&str, &str) = (
    "tuned_learning_rate",
    "learning rate that pilot trials found best for the cell (NaN: none was tuned)",
);

/// Variable of the steps of the records of trajectories, and what it is.
pub const TRAJECTORY_STEP: (&str, &str) = ("trajectory_step", "updates made; -1: no record");

/// Variables of how each cell was computed, in the group [`PROVENANCE`], and what they are.
pub const KERNEL: (&str, &str) = ("kernel", "kernel that computed the cell");

/// See [`KERNEL`].
pub const PRECISION: (&str, &str) = ("precision", "format of its numbers");

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
    /// Conditions of the convergence theorem that the start of each trial meets: int8 of flags.
    Theorem,
    /// Whether each trial is proved to converge: int8.
    Certified,
    /// The step of that proof: int64.
    CertificateStep,
    /// The rate that is proved: float64.
    CertificateRate,
    /// The step by which the loss target is proved to be reached: int64.
    CertificateBound,
    /// Trials of each cell by conditions of the theorem and by outcome: int64.
    TheoremTable,
    /// A count of each cell: int64.
    Count(CountOf),
    /// A number of each cell: float64.
    Estimate(NumberOf),
    /// A bound of an interval of each cell: float64.
    Bound(NumberOf),
    /// A bound of an interval of each cell by a method of its own, which this names: float64.
    BoundBy(fn(&Intervals) -> &'static str, NumberOf),
    /// A bound of an interval of each cell, where all are to hold at once: float64.
    BoundOfAll(NumberOf),
}

/// Where a count is in the summary of a cell, to be read and to be set.
pub type CountOf = fn(&mut CellSummary) -> &mut u64;

/// Where a number is in the summary of a cell.
pub type NumberOf = fn(&mut CellSummary) -> &mut f64;

/// Where the values of a variable are in the summaries of the cells.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// Counts.
    Count(CountOf),
    /// Other numbers.
    Number(NumberOf),
}

/// A value of a variable of each cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CellValue {
    /// A count.
    Count(u64),
    /// Any other number; NaN: none.
    Number(f64),
}

impl Variable {
    /// Its value in a cell; `None` unless it has one number for each cell.
    pub fn of_cell(&self, cell: &CellSummary) -> Option<CellValue> {
        let cell = &mut { *cell };
        Some(match self.source.place()? {
            Place::Count(of) => CellValue::Count(*of(cell)),
            Place::Number(of) => CellValue::Number(*of(cell)),
        })
    }
}

/// Type of the values of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Codes and flags.
    Int8,
    /// Numbers of steps: as narrow as the largest budget of the study allows.
    Steps,
    /// Whole numbers.
    Int64,
    /// Numbers.
    Float64,
}

impl Type {
    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int8 => "int8",
            Self::Steps => "int32 or int64",
            Self::Int64 => "int64",
            Self::Float64 => "float64",
        }
    }
}

impl Source {
    /// Where the values are in the summaries of the cells; `None` unless each has one number.
    pub(super) fn place(self) -> Option<Place> {
        match self {
            Self::Count(of) => Some(Place::Count(of)),
            Self::Estimate(of) | Self::Bound(of) | Self::BoundBy(_, of) | Self::BoundOfAll(of) => {
                Some(Place::Number(of))
            }
            _ => None,
        }
    }

    /// Type of the values.
    pub fn kind(self) -> Type {
        match self {
            Self::Outcome | Self::Theorem | Self::Certified => Type::Int8,
            Self::Steps | Self::HitSteps => Type::Steps,
            Self::CertificateStep
            | Self::CertificateBound
            | Self::TheoremTable
            | Self::Count(_) => Type::Int64,
            Self::Measure(_)
            | Self::CertificateRate
            | Self::Estimate(_)
            | Self::Bound(_)
            | Self::BoundBy(..)
            | Self::BoundOfAll(_) => Type::Float64,
        }
    }

    /// Attributes besides those that every variable has.
    pub fn attributes(self) -> &'static [&'static str] {
        match self {
            Self::Outcome | Self::Certified => &["flag_values", "flag_meanings"],
            Self::Theorem => &["flag_masks", "flag_meanings"],
            Self::Bound(_) | Self::BoundBy(..) => &["method", "level"],
            Self::BoundOfAll(_) => &["method", "level", "level_of_each"],
            _ => &[],
        }
    }

    /// Names of the dimensions that follow those of the sweep.
    pub fn trailing(self) -> &'static [&'static str] {
        match self {
            Self::Outcome
            | Self::Steps
            | Self::Measure(_)
            | Self::Theorem
            | Self::Certified
            | Self::CertificateStep
            | Self::CertificateRate
            | Self::CertificateBound => &[TRIAL],
            Self::TheoremTable => &[CONDITIONS, OUTCOME_CODE],
            Self::HitSteps => &[TRIAL, LOSS_TARGET],
            Self::Count(_)
            | Self::Estimate(_)
            | Self::Bound(_)
            | Self::BoundBy(..)
            | Self::BoundOfAll(_) => &[],
        }
    }
}

/// The variables of each cell, in the order of the file.
pub fn of_cells() -> Vec<Variable> {
    CELL.into()
}

/// The variables of a study with this ladder of losses that keeps rows, in the order of the file.
pub fn variables(ladder: &[f64]) -> Vec<Variable> {
    let measures = Measures::NAMES.iter().enumerate().map(|(i, &(name, long_name))| Variable {
        name,
        long_name,
        source: Source::Measure(i),
    });
    let hit_steps = (!ladder.is_empty()).then_some(HIT_STEPS);
    CELL.into_iter().chain(TRIALS).chain(measures).chain(PROOFS).chain(hit_steps).collect()
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

const PROOFS: [Variable; 5] = [
    variable(
        "theorem1_conditions",
        "conditions of theorem 1 of arXiv:1810.02281 that the initial weights meet",
        Source::Theorem,
    ),
    variable(
        "certified",
        "whether the trial is proved to converge to a global minimum",
        Source::Certified,
    ),
    variable(
        "certificate_step",
        "step from whose weights it is proved that the trial converges; -1: none",
        Source::CertificateStep,
    ),
    variable(
        "certificate_rate",
        "factor by which the norm of the residual is proved to fall at least in every later step; \
         NaN: none",
        Source::CertificateRate,
    ),
    variable(
        "certificate_steps_bound",
        "step by which the loss is proved to be at or under its target; -1: none",
        Source::CertificateBound,
    ),
];

const HIT_STEPS: Variable = variable(
    "hit_steps",
    "first step at which the excess loss was at or under loss_target; -1: never",
    Source::HitSteps,
);

/// Method of the bounds of quantiles.
const ORDER_STATISTICS: &str = "order statistics";

const CELL: [Variable; 37] = [
    variable(
        "probability",
        "share of the trials that converged",
        Source::Estimate(|s| &mut s.probability),
    ),
    variable(
        "probability_lower",
        "lower bound of the probability of convergence, undecided trials counted as failures",
        Source::Bound(|s| &mut s.probability_lower),
    ),
    variable(
        "probability_upper",
        "upper bound of the probability of convergence, undecided trials counted as converged",
        Source::Bound(|s| &mut s.probability_upper),
    ),
    variable(
        "probability_upper_budget",
        "upper bound of the probability of convergence within the budget of steps",
        Source::Bound(|s| &mut s.probability_upper_budget),
    ),
    variable(
        "probability_lower_simultaneous",
        "lower bound of the probability of convergence, undecided trials counted as failures; of all \
         cells at once",
        Source::BoundOfAll(|s| &mut s.probability_lower_of_all),
    ),
    variable(
        "probability_upper_simultaneous",
        "upper bound of the probability of convergence, undecided trials counted as converged; of all \
         cells at once",
        Source::BoundOfAll(|s| &mut s.probability_upper_of_all),
    ),
    variable("trial_count", "trials", Source::Count(|s| &mut s.trials)),
    variable("converged_count", "trials that converged", Source::Count(|s| &mut s.converged)),
    variable("diverged_count", "trials that diverged", Source::Count(|s| &mut s.diverged)),
    variable(
        "stalled_count",
        "trials whose weights came back to the same bits short of the target",
        Source::Count(|s| &mut s.stalled),
    ),
    variable(
        "step_limit_count",
        "trials undecided when the budget of steps was spent",
        Source::Count(|s| &mut s.step_limit),
    ),
    variable(
        "steps_median",
        "median of the steps of the trials that converged",
        Source::Estimate(|s| &mut s.steps_median),
    ),
    variable(
        "steps_median_lower",
        "lower bound of the median of the steps of trials that converge",
        Source::BoundBy(|_| ORDER_STATISTICS, |s| &mut s.steps_median_interval.lower),
    ),
    variable(
        "steps_median_upper",
        "upper bound of the median of the steps of trials that converge",
        Source::BoundBy(|_| ORDER_STATISTICS, |s| &mut s.steps_median_interval.upper),
    ),
    variable(
        "steps_q10",
        "0.1-quantile of the steps of the trials that converged",
        Source::Estimate(|s| &mut s.steps_q10),
    ),
    variable(
        "steps_q10_lower",
        "lower bound of the 0.1-quantile of the steps of trials that converge",
        Source::BoundBy(|_| ORDER_STATISTICS, |s| &mut s.steps_q10_interval.lower),
    ),
    variable(
        "steps_q10_upper",
        "upper bound of the 0.1-quantile of the steps of trials that converge",
        Source::BoundBy(|_| ORDER_STATISTICS, |s| &mut s.steps_q10_interval.upper),
    ),
    variable(
        "steps_q90",
        "0.9-quantile of the steps of the trials that converged",
        Source::Estimate(|s| &mut s.steps_q90),
    ),
    variable(
        "steps_q90_lower",
        "lower bound of the 0.9-quantile of the steps of trials that converge",
        Source::BoundBy(|_| ORDER_STATISTICS, |s| &mut s.steps_q90_interval.lower),
    ),
    variable(
        "steps_q90_upper",
        "upper bound of the 0.9-quantile of the steps of trials that converge",
        Source::BoundBy(|_| ORDER_STATISTICS, |s| &mut s.steps_q90_interval.upper),
    ),
    variable(
        "expected_running_time",
        "steps of all trials per trial that converged",
        Source::Estimate(|s| &mut s.cost.expected),
    ),
    variable(
        "restart_cutoff",
        "steps after which it costs least to give a trial up and start afresh",
        Source::Estimate(|s| &mut s.cost.cutoff),
    ),
    variable(
        "restart_running_time",
        "expected steps until a trial converges when each is given up after restart_cutoff steps",
        Source::Estimate(|s| &mut s.cost.restarted),
    ),
    variable(
        "restart_running_time_lower",
        "lower bound of these steps",
        Source::BoundBy(Cost::method, |s| &mut s.cost.interval.lower),
    ),
    variable(
        "restart_running_time_upper",
        "upper bound of these steps",
        Source::BoundBy(Cost::method, |s| &mut s.cost.interval.upper),
    ),
    variable(
        "theorem1_balanced_count",
        "trials that begin as balanced as theorem 1 of arXiv:1810.02281 asks",
        Source::Count(|s| &mut s.theorem1_met[0]),
    ),
    variable(
        "theorem1_margin_count",
        "trials that begin with a deficiency margin",
        Source::Count(|s| &mut s.theorem1_met[1]),
    ),
    variable(
        "theorem1_width_count",
        "trials of networks without a hidden layer narrower than both ends",
        Source::Count(|s| &mut s.theorem1_met[2]),
    ),
    variable(
        "theorem1_learning_rate_count",
        "trials whose learning rate is as small as theorem 1 asks",
        Source::Count(|s| &mut s.theorem1_met[3]),
    ),
    variable(
        "theorem1_count",
        "trials whose initial weights meet all conditions of theorem 1",
        Source::Count(|s| &mut s.theorem1),
    ),
    variable(
        THEOREM_TABLE,
        "trials by the conditions of theorem 1 that their initial weights meet (as flags of \
         theorem1_conditions) and by the code of their outcome",
        Source::TheoremTable,
    ),
    variable(
        "joint_count",
        "trials that begin balanced as theorem 1 asks and with a deficiency margin",
        Source::Count(|s| &mut s.joint),
    ),
    variable(
        "joint_probability",
        "share of the trials that begin balanced as theorem 1 asks and with a deficiency margin",
        Source::Estimate(|s| &mut s.joint_probability),
    ),
    variable(
        "joint_probability_lower",
        "lower bound of the probability of such a start",
        Source::Bound(|s| &mut s.joint_probability_lower),
    ),
    variable(
        "joint_probability_upper",
        "upper bound of the probability of such a start",
        Source::Bound(|s| &mut s.joint_probability_upper),
    ),
    variable(
        "certified_count",
        "trials that are proved to converge to a global minimum",
        Source::Count(|s| &mut s.certified),
    ),
    variable(
        "certified_probability_lower",
        "lower bound of the probability of convergence from the trials that are proved to converge",
        Source::Bound(|s| &mut s.certified_probability_lower),
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::theorem;

    #[test]
    fn codes_of_outcomes_are_named_in_their_order() {
        let outcomes = crate::stop::Outcome::ALL.map(crate::stop::Outcome::name).join(" ");
        assert!(meaning(OUTCOME_CODE).ends_with(&format!(": {outcomes}")));
    }

    /// None is left out, and none is that of another.
    #[test]
    fn every_number_of_a_summary_has_its_place() {
        let mut cell = CellSummary::default();
        let mut places = 0;
        for place in of_cells().iter().filter_map(|variable| variable.source.place()) {
            places += 1;
            match place {
                Place::Count(of) => assert_eq!(std::mem::replace(of(&mut cell), 1), 0),
                Place::Number(of) => assert_eq!(std::mem::replace(of(&mut cell), 1.0), 0.0),
            }
        }
        assert_eq!(places, size_of::<CellSummary>() / size_of::<f64>());
    }

    #[test]
    fn conditions_of_the_theorem_are_in_their_order() {
        let met = CellSummary { theorem1_met: [1, 2, 3, 4], ..CellSummary::default() };
        let counts = theorem::NAMES.map(|name| {
            let name = format!("theorem1_{name}_count");
            let variable = of_cells().into_iter().find(|variable| variable.name == name);
            variable.expect("a variable of the condition").of_cell(&met)
        });
        assert_eq!(counts, [1, 2, 3, 4].map(|count| Some(CellValue::Count(count))));
    }

    #[test]
    fn names_are_unique_and_hits_need_a_ladder() {
        let with = variables(&[0.1]);
        let names: BTreeSet<_> = with.iter().map(|v| v.name).collect();
        assert_eq!(names.len(), with.len());
        assert!(names.contains("hit_steps"));
        assert_eq!(variables(&[]).len() + 1, with.len());
    }
}
