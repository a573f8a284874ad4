//! Where a trial starts: its problem and its initial weights, from the trial's number alone.

use std::sync::Arc;

use crate::kernel::Terms;
use crate::kernel::real::Precision;
use crate::network::target::{Draw, Landscape, Problem};
use crate::network::{Weights, matrix};
use crate::rng::{Purpose, Random, Source, Stream, stream};
use crate::study::{Cell, RateLaw};
use crate::theorem;

/// The starts of one cell.
#[derive(Debug)]
pub struct Starts<'a> {
    seed: u64,
    cell: &'a Cell,
    /// The problem of all trials; `None` if every trial draws its own.
    shared: Option<(Arc<Problem>, Landscape)>,
    /// The learning rate of all trials, instead of the cell's.
    rate: Option<f64>,
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
    /// Learning rate, and where further random numbers come from.
    pub terms: Terms,
}

impl Start {
    /// The deficiency margin `sigma_min(Phi) - ||W - Phi||_F`; not above 0: there is none (Arora, Cohen,
    /// Golowich and Hu 2019, definition 2).
    pub fn margin(&self) -> f64 {
        margin(&self.weights, &self.problem, &self.landscape)
    }
}

/// Whether the starts of a cell depend on the value of a key; if not, cells that differ in it have the same
/// starts, trial by trial (in single precision those rounded).
pub fn depends_on(key: &str) -> bool {
    let table = key.split_once('.').map_or("", |(table, _)| table);
    ["network", "target", "init"].contains(&table)
}

impl<'a> Starts<'a> {
    /// The starts of `cell` in the study with this seed.
    pub fn new(seed: u64, cell: &'a Cell) -> Self {
        let every_trial = cell.draw == Draw::Trial && cell.target.is_random();
        let shared = (!every_trial).then(|| problem(cell, &mut of_target(seed, cell, 0)));
        Self { seed, cell, shared, rate: None }
    }

    /// The same starts, with this learning rate.
    pub fn with_rate(self, rate: f64) -> Self {
        Self { rate: Some(rate), ..self }
    }

    /// The start of trial number `trial`.
    pub fn start(&self, trial: u64) -> Start {
        let drawn = || problem(self.cell, &mut of_target(self.seed, self.cell, trial));
        let problem = self.shared.clone().unwrap_or_else(drawn);
        let source = Source { seed: self.seed, digest: self.cell.digest, trial };
        let weights = self.cell.init.draw(&self.cell.shape, &mut source.stream(Purpose::Init));
        self.begin(problem, weights, source)
    }

    /// The start that takes its numbers from `random`: those of the target, if every trial draws its own,
    /// and then those of the weights. What is random on the way is that of trial 0.
    pub fn start_from(&self, random: &mut impl Random) -> Start {
        let problem = self.shared.clone().unwrap_or_else(|| problem(self.cell, random));
        let weights = self.cell.init.draw(&self.cell.shape, random);
        self.begin(problem, weights, Source { seed: self.seed, digest: self.cell.digest, trial: 0 })
    }

    /// The start with these weights.
    fn begin(
        &self,
        problem: (Arc<Problem>, Landscape),
        mut weights: Weights,
        random: Source,
    ) -> Start {
        let (problem, landscape) = problem;
        if self.cell.precision == Precision::Float32 {
            // The start is what the kernel holds, so that what is measured on it is true of the descent.
            for w in weights.as_mut_slice() {
                *w = f64::from(*w as f32);
            }
        }
        let learning_rate = match (self.rate, self.cell.rate_law) {
            (Some(rate), _) => rate,
            (None, RateLaw::Given | RateLaw::Tuned) => self.cell.learning_rate,
            (None, RateLaw::Theorem1) => theorem1_rate(&weights, &problem, &landscape),
        };
        let terms = Terms { learning_rate, random };
        Start { weights, problem, landscape, terms }
    }
}

/// The largest learning rate of theorem 1 for the deficiency margin of a start, NaN without one. Of the
/// other conditions of the theorem, balancedness is a measure of the trial; that hidden layers are wide
/// enough follows from a margin.
fn theorem1_rate(weights: &Weights, problem: &Problem, landscape: &Landscape) -> f64 {
    let norm = matrix::frobenius(problem.phi.view());
    theorem::largest_rate(weights.shape().depth(), norm, margin(weights, problem, landscape))
}

/// `sigma_min(Phi) - ||W - Phi||_F`.
fn margin(weights: &Weights, problem: &Problem, landscape: &Landscape) -> f64 {
    landscape.sigma_min - matrix::frobenius((&weights.end_to_end() - &problem.phi).view())
}

/// The random numbers of the target of a trial.
fn of_target(seed: u64, cell: &Cell, trial: u64) -> Stream {
    stream(seed, &cell.target_digest, Purpose::Target, trial)
}

/// A problem of the cell.
fn problem(cell: &Cell, random: &mut impl Random) -> (Arc<Problem>, Landscape) {
    let problem = cell.target.realise(&cell.shape, random);
    let landscape = problem.landscape(cell.shape.rank());
    (problem, landscape)
}
