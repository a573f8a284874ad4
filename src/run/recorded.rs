//! What the trajectories of a study cost: time and bytes.

use super::blocks;
use super::method::Method;
use super::probe::Cost;
use crate::kernel::chain::ChainPlan;
use crate::observe::spacing::RecordedSteps;
use crate::observe::trajectory::Sizes;
use crate::store::coverage::Coverage;
use crate::store::manifest::Trajectories;
use crate::study::{Cell, Study, TrajectoryRule};

/// Trials that a narrow kernel advances in the time of one: a trial alone takes as long as so many.
const LANES: f64 = 8.0;

/// Necessary operations of a step that a kernel makes while a record is made, in steps: without spectra,
/// and with them (measured at widths of 8 to 128: 40 to 60, and 7,000 to 15,000).
const STEPS_OF_A_RECORD: [f64; 2] = [50.0, 10_000.0];

/// What recording a trial of a cell costs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recording {
    /// As many trials take as long as this one alone.
    lanes: f64,
    /// Operations of a record.
    record: f64,
    /// When there is one.
    steps: RecordedSteps,
}

impl Recording {
    fn of(cell: &Cell, rule: TrajectoryRule) -> Self {
        let TrajectoryRule { spacing, points, spectra, .. } = rule;
        let steps = STEPS_OF_A_RECORD[usize::from(spectra)];
        Self {
            lanes: if Method::of(cell).kernel == "compact" { LANES } else { 1.0 },
            record: steps * ChainPlan::new(&cell.shape).flops(),
            steps: RecordedSteps { spacing, points, max_steps: cell.stop.max_steps },
        }
    }

    /// Those of all cells of a study, if it records any trial.
    pub(super) fn of_cells(study: &Study) -> Vec<Self> {
        let of_cells = |rule| study.cells.iter().map(move |cell| Self::of(cell, rule));
        study.record.into_iter().flat_map(of_cells).collect()
    }

    /// What it costs, if the trial takes so many steps and costs so much in a study, and an operation so
    /// much.
    pub(super) fn cost(&self, steps: f64, trial: f64, operation: f64) -> f64 {
        let records = self.steps.up_to(steps as u64) as f64;
        self.lanes * trial + records * self.record * operation
    }
}

/// Trajectories of a study that are not `there` yet.
pub(super) fn left(study: &Study, there: &Coverage) -> u64 {
    let left = |cell: &Cell| missing(study, there, cell);
    study.cells.iter().map(left).sum()
}

fn missing(study: &Study, there: &Coverage, cell: &Cell) -> u64 {
    let traced = study.record.map_or(0, |rule| rule.trials);
    there.missing(cell.index, traced).iter().map(|range| range.end - range.start).sum()
}

/// Seconds of one worker for all trajectories that are not `there` yet, if trials of each cell have these
/// costs and take so many steps; about.
pub(super) fn seconds(study: &Study, there: &Coverage, costs: &[Cost], steps: &[f64]) -> f64 {
    let Some(rule) = study.record else { return 0.0 };
    let of_cell = |cell: &Cell| {
        let (cost, steps) = (&costs[cell.index], steps[cell.index]);
        let operation = cost.step / blocks::operations_of_step(&Method::of(cell));
        let trial = Recording::of(cell, rule).cost(steps, cost.of_trial(steps), operation);
        missing(study, there, cell) as f64 * trial
    };
    study.cells.iter().map(of_cell).sum()
}

/// Bytes of the longest trajectory in a network of these sizes.
fn bytes(rule: &Trajectories, sizes: Sizes) -> u64 {
    let numbers = sizes.numbers(rule.spectra) as u64;
    numbers.saturating_mul(8).saturating_mul(rule.records as u64)
}

/// Bytes of all trajectories in files of their own.
fn in_files(study: &Study, rule: &Trajectories) -> u64 {
    let of_cell = |cell: &Cell| bytes(rule, Sizes::of(&cell.shape)).saturating_mul(rule.trials);
    study.cells.iter().map(of_cell).fold(0, u64::saturating_add)
}

/// Bytes of the longest trajectory.
fn longest(study: &Study) -> u64 {
    Trajectories::of(study).map_or(0, |rule| bytes(&rule, rule.sizes()))
}

/// Bytes of all trajectories in files of their own and in `results.h5`, uncompressed.
pub fn on_disk(study: &Study) -> u64 {
    let Some(rule) = Trajectories::of(study) else { return 0 };
    let trials = (study.cells.len() as u64).saturating_mul(rule.trials);
    in_files(study, &rule).saturating_add(longest(study).saturating_mul(trials))
}

/// Bytes of the trajectories of one worker: the one that grows, five times in states, and those that wait
/// for the writer.
pub fn of_worker(study: &Study) -> u64 {
    longest(study).saturating_mul(10)
}

/// Bytes of the trajectories that become a file of at most about `most` bytes, of the file, and of the
/// file read back; and of what merging remembers, where each is.
pub fn pending(study: &Study, most: usize) -> u64 {
    let Some(rule) = Trajectories::of(study) else { return 0 };
    let most = (most as u64).saturating_add(longest(study));
    let places = (study.cells.len() as u64).saturating_mul(rule.trials).saturating_mul(160);
    in_files(study, &rule).min(most).saturating_mul(3).saturating_add(places)
}
