//! What the trajectories of a study cost: operations and bytes.

use super::blocks;
use super::method::Method;
use crate::kernel::chain::ChainPlan;
use crate::observe::trajectory::Sizes;
use crate::store::manifest::Trajectories;
use crate::study::{Cell, Study};

/// Trials that a narrow kernel advances in the time of one: a trial alone takes as long as so many.
const LANES: f64 = 8.0;

/// Operations of a step that take as long as one of a record, which has plain loops.
const SLOWER: f64 = 15.0;

/// Operations of a record without spectra, in steps of the chain.
const STEPS_OF_A_RECORD: f64 = 6.0;

/// The same for the ends of the Hessian's spectrum: about forty products with it.
const STEPS_OF_A_SPECTRUM: f64 = 250.0;

/// Operations of a singular value decomposition of an m x n matrix over m n min(m, n).
const OPERATIONS_OF_SVD: f64 = 20.0;

/// Operations of recording one trial of each cell that runs to its step limit, in those that the kernels
/// make in the same time.
pub fn operations(study: &Study) -> Vec<f64> {
    let Some(rule) = Trajectories::of(study) else { return vec![0.0; study.cells.len()] };
    study.cells.iter().map(|cell| of_trial(cell, &rule)).collect()
}

fn of_trial(cell: &Cell, rule: &Trajectories) -> f64 {
    let method = Method::of(cell);
    let lanes = if method.kernel == "compact" { LANES } else { 1.0 };
    let records = (rule.records as f64).min(cell.stop.max_steps as f64 + 1.0);
    let chain = ChainPlan::new(&cell.shape).flops();
    let pairs = cell.shape.dims().windows(2).map(|pair| (pair[0] as f64, pair[1] as f64));
    let layers: f64 = pairs.map(|(m, n)| m * n * m.min(n)).sum();
    let record = match rule.spectra {
        true => (STEPS_OF_A_RECORD + STEPS_OF_A_SPECTRUM) * chain + OPERATIONS_OF_SVD * layers,
        false => STEPS_OF_A_RECORD * chain,
    };
    lanes * blocks::operations(cell) + SLOWER * records * record
}

/// Bytes of the trajectory of a trial of a cell.
fn of_cell(cell: &Cell, rule: &Trajectories) -> u64 {
    bytes(rule, Sizes::of(&cell.shape))
}

/// Bytes of the longest trajectory in a network of these sizes.
fn bytes(rule: &Trajectories, sizes: Sizes) -> u64 {
    let numbers = sizes.numbers(rule.spectra) as u64;
    numbers.saturating_mul(8).saturating_mul(rule.records as u64)
}

/// Bytes of all trajectories in files of their own, and of those in `results.h5`, uncompressed.
pub fn on_disk(study: &Study) -> u64 {
    let Some(rule) = Trajectories::of(study) else { return 0 };
    let trials = (study.cells.len() as u64).saturating_mul(rule.trials);
    let in_results = bytes(&rule, rule.sizes()).saturating_mul(trials);
    in_files(study, &rule).saturating_add(in_results)
}

fn in_files(study: &Study, rule: &Trajectories) -> u64 {
    let of_all = |cell: &Cell| of_cell(cell, rule).saturating_mul(rule.trials);
    study.cells.iter().map(of_all).fold(0, u64::saturating_add)
}

/// Bytes of the trajectories of one worker: the one that grows, in a state, five times, and those that
/// wait for the writer.
pub fn of_worker(study: &Study) -> u64 {
    largest(study).saturating_mul(10)
}

fn largest(study: &Study) -> u64 {
    let largest = |rule| study.cells.iter().map(|cell| of_cell(cell, &rule)).max();
    Trajectories::of(study).and_then(largest).unwrap_or(0)
}

/// Bytes of the trajectories that become a file, which is read back, and of what merging remembers.
pub fn pending(study: &Study, most: usize) -> u64 {
    let Some(rule) = Trajectories::of(study) else { return 0 };
    let most = (most as u64).saturating_add(largest(study));
    let places = (study.cells.len() as u64).saturating_mul(rule.trials).saturating_mul(160);
    in_files(study, &rule).min(most).saturating_mul(3).saturating_add(places)
}
