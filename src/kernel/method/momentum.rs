//! The heavy ball, and Nesterov's accelerated gradient: see [`Method`](crate::kernel::rule::Method).

use super::{Descent, Now, combine};
use crate::kernel::slope::{Layers, Slope};
use crate::network::{Shape, Weights};

/// Keeps the velocity.
pub(super) struct Momentum {
    shape: Shape,
    momentum: f64,
    /// Whether the weights are where Nesterov's gradient is taken.
    ahead: bool,
    velocity: Layers,
    /// `-G`.
    descent: Layers,
}

impl Momentum {
    /// With room for a velocity and a gradient.
    pub(super) fn new(shape: &Shape, momentum: f64, ahead: bool, room: [Layers; 2]) -> Self {
        let [velocity, descent] = room;
        Self { shape: shape.clone(), momentum, ahead, velocity, descent }
    }
}

impl Descent for Momentum {
    fn step(&mut self, slope: &mut dyn Slope, now: &Now<'_>) -> f64 {
        slope.descent(&mut self.descent);
        let (momentum, rate) = (self.momentum, now.rate);
        combine(&mut self.velocity, &self.descent, |v, d| momentum * v + rate * d);
        if self.ahead {
            combine(slope.weights_mut(), &self.velocity, |w, v| w + momentum * v);
            combine(slope.weights_mut(), &self.descent, |w, d| w + rate * d);
        } else {
            combine(slope.weights_mut(), &self.velocity, |w, v| w + v);
        }
        rate
    }

    fn begin(&mut self, slope: &dyn Slope, memory: &[f64]) {
        let mut velocity = Weights::zeros(&self.shape);
        if !memory.is_empty() {
            velocity.as_mut_slice().copy_from_slice(memory);
        }
        slope.put(&velocity, &mut self.velocity);
    }

    fn memory(&self, slope: &dyn Slope) -> Vec<f64> {
        let mut velocity = Weights::zeros(&self.shape);
        slope.unload(&self.velocity, &mut velocity);
        velocity.as_slice().to_vec()
    }
}
