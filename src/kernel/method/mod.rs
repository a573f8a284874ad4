//! The kernel of every method but gradient descent with a constant learning rate: one trial, a file a
//! method, always in double precision.
//!
//! The constant rate that belongs to a start (`descent.learning_rate = "theorem1"`) is computed here too:
//! the other kernels have one rate for all trials.

mod flow;
mod gradient;
mod momentum;
mod perturbed;

use super::buffer::Buffer;
use super::rule::{Method, Rule};
use super::slope::{Layers, Slope};
use super::{Kernel, Progress, Steps, Terms, Window, descend};
use crate::network::target::Problem;
use crate::network::{Shape, Weights};

/// What a step knows besides the weights.
struct Now<'a> {
    /// Updates made.
    step: u64,
    /// Learning rate of this step.
    rate: f64,
    /// The sum of the rates of the steps before, or the time of a flow.
    time: f64,
    /// What belongs to the trial.
    terms: &'a Terms,
}

/// One method: how a step moves the weights, and what it keeps between steps.
trait Descent: Send {
    /// Moves the weights of `slope`; returns by how much the time goes on.
    fn step(&mut self, slope: &mut dyn Slope, now: &Now<'_>) -> f64;

    /// Begins a trial: `memory` as [`memory`](Self::memory) gave it, empty at a start.
    fn begin(&mut self, slope: &dyn Slope, memory: &[f64]);

    /// What it keeps, as many numbers as [`Rule::memory`] says.
    fn memory(&self, slope: &dyn Slope) -> Vec<f64>;

    /// The time at which a trial ends undecided.
    fn max_time(&self) -> f64 {
        f64::INFINITY
    }

    /// Writes the weights at a `time` within the last step, if it can tell them.
    fn within(&self, _slope: &dyn Slope, _time: f64, _weights: &mut Weights) -> bool {
        false
    }
}

/// The kernel.
pub(super) struct Stepper {
    rule: Rule,
    slope: Box<dyn Slope>,
    descent: Box<dyn Descent>,
    /// The learning rate of trials that have none of their own.
    learning_rate: f64,
    terms: Terms,
    step: u64,
    time: f64,
    loss: f64,
    bounds: (f64, f64),
    loaded: bool,
}

impl Stepper {
    /// A kernel for networks of this shape, on a slope for them.
    pub(super) fn new(
        shape: &Shape,
        rule: Rule,
        learning_rate: f64,
        slope: Box<dyn Slope>,
    ) -> Self {
        let zeros =
            || -> Layers { slope.weights().iter().map(|w| Buffer::zeros(w.len())).collect() };
        let descent: Box<dyn Descent> = match rule.method {
            Method::Gradient => Box::new(gradient::Gradient::new(zeros())),
            Method::Momentum { momentum } => {
                Box::new(momentum::Momentum::new(shape, momentum, false, [zeros(), zeros()]))
            }
            Method::Nesterov { momentum } => {
                Box::new(momentum::Momentum::new(shape, momentum, true, [zeros(), zeros()]))
            }
            Method::Perturbed(perturbation) => {
                Box::new(perturbed::Perturbed::new(shape, perturbation, [zeros(), zeros()]))
            }
            Method::Flow { tolerance, max_time } => {
                Box::new(flow::Flow::new(tolerance, max_time, zeros))
            }
        };
        let terms = Terms { learning_rate, ..Terms::default() };
        Self {
            rule,
            slope,
            descent,
            learning_rate,
            terms,
            step: 0,
            time: 0.0,
            loss: f64::NAN,
            bounds: (0.0, 0.0),
            loaded: false,
        }
    }
}

impl Steps for Stepper {
    fn refresh(&mut self) {
        self.loss = self.slope.loss();
    }

    fn hold(&self) -> bool {
        self.loss > self.bounds.0 && self.loss <= self.bounds.1 && !self.is_spent(0)
    }

    fn step(&mut self) {
        let rate = self.terms.learning_rate * self.rule.schedule.factor(self.step);
        let now = Now { step: self.step, rate, time: self.time, terms: &self.terms };
        self.time += self.descent.step(self.slope.as_mut(), &now);
        self.step += 1;
    }
}

impl Kernel for Stepper {
    fn lanes(&self) -> usize {
        1
    }

    fn load(&mut self, lane: usize, weights: &Weights, problem: &Problem) {
        self.slope.load(weights, problem);
        let terms = Terms { learning_rate: self.learning_rate, ..Terms::default() };
        self.enter(lane, terms, &Progress::default());
        self.loaded = true;
    }

    fn enter(&mut self, _lane: usize, terms: Terms, progress: &Progress) {
        self.terms = terms;
        self.step = progress.steps;
        self.time = progress.time;
        self.descent.begin(self.slope.as_ref(), &progress.memory);
    }

    fn clear(&mut self, _lane: usize) {
        self.loaded = false;
    }

    fn unload(&self, _lane: usize, weights: &mut Weights) {
        self.slope.unload(self.slope.weights(), weights);
    }

    fn advance(&mut self, max_steps: u64, windows: &[Window]) -> u64 {
        if !self.loaded {
            return max_steps;
        }
        self.bounds = windows[0].bounds();
        descend(self, max_steps)
    }

    fn loss(&self, _lane: usize) -> f64 {
        self.loss
    }

    fn time(&self, _lane: usize) -> Option<f64> {
        Some(self.time)
    }

    fn memory(&self, _lane: usize) -> Vec<f64> {
        self.descent.memory(self.slope.as_ref())
    }

    /// Without a learning rate there is no step; a flow may have come to its last time.
    fn is_spent(&self, _lane: usize) -> bool {
        self.terms.learning_rate.is_nan() || self.time >= self.descent.max_time()
    }

    fn within(&self, _lane: usize, time: f64, weights: &mut Weights) -> bool {
        self.descent.within(self.slope.as_ref(), time, weights)
    }
}

/// `to = f(to, from)`, entry by entry.
fn combine(to: &mut Layers, from: &Layers, f: impl Fn(f64, f64) -> f64) {
    for (to, from) in to.iter_mut().zip(from) {
        for (to, &from) in to.iter_mut().zip(&**from) {
            *to = f(*to, from);
        }
    }
}

/// The Euclidean norm of all entries.
fn norm(layers: &Layers) -> f64 {
    layers.iter().flat_map(|layer| layer.iter()).map(|x| x * x).sum::<f64>().sqrt()
}
