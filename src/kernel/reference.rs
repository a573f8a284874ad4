//! The oracle: gradient descent exactly as its formula reads, in plain loops.
//!
//! Every prefix and suffix product is formed on its own, nothing is mirrored or fused, and no BLAS
//! is called. Slow, always built; the other kernels are tested against it.

use super::{Kernel, Window};
use crate::network::target::Problem;
use crate::network::{Shape, Weights};

/// One trial in plain loops.
#[derive(Debug)]
pub struct Reference {
    learning_rate: f64,
    weights: Weights,
    problem: Option<Problem>,
    loss: f64,
}

impl Reference {
    /// A kernel for networks of this shape.
    pub fn new(shape: &Shape, learning_rate: f64) -> Self {
        Self { learning_rate, weights: Weights::zeros(shape), problem: None, loss: f64::NAN }
    }
}

impl Kernel for Reference {
    fn lanes(&self) -> usize {
        1
    }

    fn load(&mut self, _lane: usize, weights: &Weights, problem: &Problem) {
        assert_eq!(weights.shape(), self.weights.shape(), "a kernel serves one shape");
        self.weights.as_mut_slice().copy_from_slice(weights.as_slice());
        self.problem = Some(problem.clone());
        self.loss = problem.loss(&weights.end_to_end());
    }

    fn clear(&mut self, _lane: usize) {
        self.problem = None;
    }

    fn unload(&self, _lane: usize, weights: &mut Weights) {
        weights.as_mut_slice().copy_from_slice(self.weights.as_slice());
    }

    fn advance(&mut self, max_steps: u64, windows: &[Window]) -> u64 {
        let Some(problem) = &self.problem else {
            return max_steps;
        };
        for step in 0..max_steps {
            if !windows[0].holds(self.loss) {
                return step;
            }
            let gradient = problem.gradient(&self.weights);
            for (w, g) in self.weights.as_mut_slice().iter_mut().zip(gradient.as_slice()) {
                *w -= self.learning_rate * g;
            }
            self.loss = problem.loss(&self.weights.end_to_end());
        }
        max_steps
    }

    fn loss(&self, _lane: usize) -> f64 {
        self.loss
    }
}
