//! Gradient descent: `W <- W - eta G`.

use super::{Descent, Now, combine};
use crate::kernel::slope::{Layers, Slope};

/// Keeps nothing.
pub(super) struct Gradient {
    /// `-G`.
    descent: Layers,
}

impl Gradient {
    /// With room for a gradient.
    pub(super) fn new(descent: Layers) -> Self {
        Self { descent }
    }
}

impl Descent for Gradient {
    fn step(&mut self, slope: &mut dyn Slope, now: &Now<'_>) -> f64 {
        slope.descent(&mut self.descent);
        combine(slope.weights_mut(), &self.descent, |w, d| w + now.rate * d);
        now.rate
    }

    fn begin(&mut self, _slope: &dyn Slope, _memory: &[f64]) {}

    fn memory(&self, _slope: &dyn Slope) -> Vec<f64> {
        Vec::new()
    }
}
