//! What the trajectories of a study cost: time and bytes.

use super::blocks;
use super::method::Method;
use super::probe::Cost;
use crate::kernel::chain::ChainPlan;
use crate::network::Shape;
use crate::observe::spacing::RecordedSteps;
use crate::observe::trajectory::Sizes;
use crate::store::coverage::Coverage;
use crate::store::manifest::Trajectories;
use crate::study::{Cell, Study, TrajectoryRule};

/// Trials that a narrow kernel advances in the time of one: a trial alone takes as long as so many.
const LANES: f64 = 8.0;

/// Operations a second, for a guess.
const OPERATIONS_PER_SECOND: f64 = 6e9;

/// Seconds of a record by a guess, for networks of 2x2 to 96x3 right to a factor of 4. Without spectra: for
/// each layer, and for each operation of a step.
const SECONDS_OF_A_LAYER: f64 = 1e-5;
const SECONDS_OF_AN_OPERATION: f64 = 2e-9;

/// With them, most of it goes to the method of Lanczos, which takes at most so many products. For each
/// product and layer; and, to make its vectors orthogonal, for each weight and pair of products.
const MOST_PRODUCTS: f64 = 300.0;
const SECONDS_OF_A_PRODUCT: f64 = 4e-6;
const SECONDS_OF_A_PAIR: f64 = 1e-9;

/// What recording a trial of a cell costs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recording {
    /// As many trials take as long as this one alone.
    pub(super) lanes: f64,
    /// Seconds of a record, guessed.
    pub(super) record: f64,
    /// Seconds of a step of the trial alone, guessed.
    step: f64,
    /// When there is one.
    pub(super) steps: RecordedSteps,
}

impl Recording {
    pub(super) fn of(cell: &Cell, rule: TrajectoryRule) -> Self {
        let TrajectoryRule { spacing, points, spectra, .. } = rule;
        let method = Method::of(cell);
        let lanes = lanes(&method);
        Self {
            lanes,
            record: guessed(&cell.shape, spectra),
            step: lanes * blocks::operations_of_step(&method) / OPERATIONS_PER_SECOND,
            steps: RecordedSteps { spacing, points, max_steps: cell.stop.max_steps },
        }
    }

    /// Those of all cells of a study, if it records any trial.
    pub(super) fn of_cells(study: &Study) -> Vec<Self> {
        let of_cells = |rule| study.cells.iter().map(move |cell| Self::of(cell, rule));
        study.record.into_iter().flat_map(of_cells).collect()
    }

    /// So many steps and records in nanoseconds, guessed.
    pub(super) fn measure(&self, steps: f64, records: f64) -> f64 {
        1e9 * (self.step * steps + self.record * records)
    }

    /// The same of a trial that takes so many steps.
    pub(super) fn measure_up_to(&self, steps: f64) -> f64 {
        self.measure(steps, self.steps.up_to(steps as u64) as f64)
    }

    /// Seconds, if the trial takes so many steps and so long in a study, and a record so long.
    pub(super) fn seconds(&self, steps: f64, trial: f64, record: f64) -> f64 {
        self.lanes * trial + self.steps.up_to(steps as u64) as f64 * record
    }
}

/// As many trials take as long as one alone.
pub(super) fn lanes(method: &Method) -> f64 {
    if method.kernel == "compact" { LANES } else { 1.0 }
}

/// Seconds of a record of a network of this shape, guessed.
fn guessed(shape: &Shape, spectra: bool) -> f64 {
    let (layers, weights) = (shape.depth() as f64, shape.parameters() as f64);
    let operations = ChainPlan::new(shape).flops();
    let plain = SECONDS_OF_A_LAYER * layers + SECONDS_OF_AN_OPERATION * operations;
    let products = weights.min(MOST_PRODUCTS);
    let of_product = SECONDS_OF_A_PRODUCT * layers + SECONDS_OF_A_PAIR * products * weights;
    if spectra { plain + products * of_product } else { plain }
}

/// Trajectories of a study that are not `there` yet.
pub(super) fn left(study: &Study, there: &Coverage) -> u64 {
    let left = |cell: &Cell| missing(study, there, cell);
    study.cells.iter().map(left).sum()
}

pub(super) fn missing(study: &Study, there: &Coverage, cell: &Cell) -> u64 {
    let traced = study.record.map_or(0, |rule| rule.trials);
    there.missing(cell.index, traced).iter().map(|range| range.end - range.start).sum()
}

/// Seconds of trajectories.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Seconds {
    /// Of one worker for all of them.
    pub(super) all: f64,
    /// Of the longest.
    pub(super) longest: f64,
}

impl Seconds {
    /// Of so many workers that share them.
    pub(super) fn on(self, workers: f64) -> f64 {
        (self.all / workers).max(self.longest)
    }
}

/// Seconds of all trajectories that are not `there` yet, if trials of each cell have these costs and take so
/// many steps, and a record of it takes so long; about.
pub(super) fn seconds(
    study: &Study,
    there: &Coverage,
    costs: &[Cost],
    steps: &[f64],
    records: &[f64],
) -> Seconds {
    let mut seconds = Seconds::default();
    for (cell, recording) in study.cells.iter().zip(Recording::of_cells(study)) {
        let left = missing(study, there, cell);
        if left > 0 {
            let (steps, record) = (steps[cell.index], records[cell.index]);
            let one = recording.seconds(steps, costs[cell.index].of_trial(steps), record);
            seconds.all += left as f64 * one;
            seconds.longest = seconds.longest.max(one);
        }
    }
    seconds
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::parse;
    use crate::study::Block;

    /// Two trials of each of two cells, of which the second takes ten times as many steps.
    const STUDY: &str = "trials = 2\n[record]\ntrajectory = { trials = 2, points = 4, spectra = false }\n\
                         [sweep]\n\"descent.max_steps\" = [100, 1000]";

    #[test]
    fn workers_share_trajectories_but_not_one() {
        let study = parse("study.toml", STUDY, &[], Path::new("")).unwrap();
        let costs = [Cost { cell: 0.0, trial: 0.0, step: 1.0 }; 2];
        let seconds =
            |there: &Coverage| seconds(&study, there, &costs, &[100.0, 1000.0], &[7.0; 2]);
        let mut there = Coverage::new(2);
        let [short, long] = [100.0, 1000.0].map(|steps| LANES * steps + 7.0 * 5.0);
        let all = seconds(&there);
        assert_eq!(all, Seconds { all: 2.0 * (short + long), longest: long });
        assert_eq!([all.on(2.0), all.on(100.0)], [short + long, long]);
        there.insert(Block { cell: 1, first: 0, count: 2 });
        assert_eq!(seconds(&there), Seconds { all: 2.0 * short, longest: short });
    }
}
