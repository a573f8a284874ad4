//! What the trajectories of a study cost: time and bytes.

use super::blocks;
use super::method::Method;
use super::probe::Cost;
use crate::kernel::chain::ChainPlan;
use crate::observe::trajectory::Sizes;
use crate::store::coverage::Coverage;
use crate::store::manifest::Trajectories;
use crate::study::{Cell, Study};

/// Trials that a narrow kernel advances in the time of one: a trial alone takes as long as so many.
const LANES: f64 = 8.0;

/// Necessary operations of a step that a kernel makes while a record is made, in steps: without spectra,
/// and with them (measured at widths of 8 to 128: 40 to 60, and 7,000 to 15,000).
const STEPS_OF_A_RECORD: [f64; 2] = [50.0, 10_000.0];

/// What recording a trial of a cell costs besides its start.
struct Recording {
    /// As many trials take as long as this one alone.
    lanes: f64,
    /// Operations of all records.
    records: f64,
}

impl Recording {
    fn of(cell: &Cell, rule: &Trajectories) -> Self {
        let records = (rule.records as f64).min(cell.stop.max_steps as f64 + 1.0);
        let steps = STEPS_OF_A_RECORD[usize::from(rule.spectra)];
        let chain = ChainPlan::new(&cell.shape).flops();
        let lanes = if Method::of(cell).kernel == "compact" { LANES } else { 1.0 };
        Self { lanes, records: records * steps * chain }
    }
}

/// Operations of recording one trial of each cell that runs to its step limit, in those that the kernels
/// make in the same time.
pub(super) fn operations(study: &Study) -> Vec<f64> {
    let Some(rule) = Trajectories::of(study) else { return vec![0.0; study.cells.len()] };
    let of_cell = |cell: &Cell| {
        let Recording { lanes, records } = Recording::of(cell, &rule);
        lanes * blocks::operations(cell) + records
    };
    study.cells.iter().map(of_cell).collect()
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
/// costs and take so many steps; about, and with as many records as a trial has at most.
pub(super) fn seconds(study: &Study, there: &Coverage, costs: &[Cost], steps: &[f64]) -> f64 {
    let Some(rule) = Trajectories::of(study) else { return 0.0 };
    let of_cell = |cell: &Cell| {
        let (cost, steps) = (&costs[cell.index], steps[cell.index]);
        let Recording { lanes, records } = Recording::of(cell, &rule);
        let operation = cost.step / blocks::operations_of_step(&Method::of(cell));
        let trial = lanes * cost.of_trial(steps) + records * operation;
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
