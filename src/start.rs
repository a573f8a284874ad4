//! Where a trial starts: its problem and its initial weights, from the trial's number alone.

use std::sync::Arc;

use crate::kernel::real::Precision;
use crate::network::Weights;
use crate::network::target::{Draw, Landscape, Problem};
use crate::rng::{Purpose, stream};
use crate::study::Cell;

/// The starts of one cell.
#[derive(Debug)]
pub struct Starts<'a> {
    seed: u64,
    cell: &'a Cell,
    /// The problem of all trials; `None` if every trial draws its own.
    shared: Option<(Arc<Problem>, Landscape)>,
}

/// Everything gradient descent needs to begin a trial.
#[derive(Debug, Clone)]
pub struct Start {
    /// Initial weights.
    pub weights: Weights,
    /// The loss.
    pub problem: Arc<Problem>,
    /// Constants of the loss for networks of this shape.
    pub landscape: Landscape,
}

impl<'a> Starts<'a> {
    /// The starts of `cell` in the study with this seed.
    pub fn new(seed: u64, cell: &'a Cell) -> Self {
        let every_trial = cell.draw == Draw::Trial && cell.target.is_random();
        let shared = (!every_trial).then(|| problem(seed, cell, 0));
        Self { seed, cell, shared }
    }

    /// The start of trial number `trial`.
    pub fn start(&self, trial: u64) -> Start {
        let (problem, landscape) =
            self.shared.clone().unwrap_or_else(|| problem(self.seed, self.cell, trial));
        let mut random = stream(self.seed, &self.cell.digest, Purpose::Init, trial);
        let mut weights = self.cell.init.draw(&self.cell.shape, &mut random);
        if self.cell.precision == Precision::Float32 {
            // The start is what the kernel holds, so that what is measured on it is true of the descent.
            for w in weights.as_mut_slice() {
                *w = f64::from(*w as f32);
            }
        }
        Start { weights, problem, landscape }
    }
}

/// The problem of one trial.
fn problem(seed: u64, cell: &Cell, trial: u64) -> (Arc<Problem>, Landscape) {
    let mut random = stream(seed, &cell.target_digest, Purpose::Target, trial);
    let problem = cell.target.realise(&cell.shape, &mut random);
    let landscape = problem.landscape(cell.shape.rank());
    (problem, landscape)
}
