//! Perturbed gradient descent, algorithm 1 of Jin, Ge, Netrapalli, Kakade and Jordan (2017):
//!
//! ```text
//! if ||G|| <= threshold and the last perturbation was more than `interval` steps ago:
//!     W <- W + noise, uniform from the ball of this radius around zero, over all weights
//! W <- W - eta G(W)
//! ```
//!
//! The noise of the k-th perturbation of a trial is a stream of its own, so it depends on the trial and
//! `k` only.

use super::{Descent, Now, combine, norm};
use crate::kernel::rule::Perturbation;
use crate::kernel::slope::{Layers, Slope};
use crate::network::{Shape, Weights};
use crate::rng::{Purpose, Stream};

/// Keeps when it perturbed last, and how often it has.
pub(super) struct Perturbed {
    rule: Perturbation,
    /// The step of the last perturbation.
    last: Option<u64>,
    count: u64,
    /// `-G`.
    descent: Layers,
    noise: Layers,
    room: Weights,
}

impl Perturbed {
    /// With room for a gradient and the noise.
    pub(super) fn new(shape: &Shape, rule: Perturbation, room: [Layers; 2]) -> Self {
        let [descent, noise] = room;
        Self { rule, last: None, count: 0, descent, noise, room: Weights::zeros(shape) }
    }

    fn is_due(&self, step: u64) -> bool {
        let waited = self.last.is_none_or(|last| step - last > self.rule.interval);
        waited && norm(&self.descent) <= self.rule.threshold
    }
}

impl Descent for Perturbed {
    fn step(&mut self, slope: &mut dyn Slope, now: &Now<'_>) -> f64 {
        slope.descent(&mut self.descent);
        if self.is_due(now.step) {
            let mut random = now.terms.random.stream(Purpose::Perturbation(self.count));
            draw(&mut random, self.rule.radius, self.room.as_mut_slice());
            slope.put(&self.room, &mut self.noise);
            combine(slope.weights_mut(), &self.noise, |w, x| w + x);
            slope.descent(&mut self.descent);
            (self.last, self.count) = (Some(now.step), self.count + 1);
        }
        combine(slope.weights_mut(), &self.descent, |w, d| w + now.rate * d);
        now.rate
    }

    fn begin(&mut self, _slope: &dyn Slope, memory: &[f64]) {
        // Steps and counts are far below 2^53.
        (self.last, self.count) = match *memory {
            [last, count] => ((last >= 0.0).then_some(last as u64), count as u64),
            _ => (None, 0),
        };
    }

    fn memory(&self, _slope: &dyn Slope) -> Vec<f64> {
        vec![self.last.map_or(-1.0, |last| last as f64), self.count as f64]
    }
}

/// A point of the ball of this radius, uniformly: a direction by normal numbers, a radius by `U^(1/d)`.
fn draw(random: &mut Stream, radius: f64, point: &mut [f64]) {
    for x in point.iter_mut() {
        *x = random.gaussian();
    }
    let length = point.iter().map(|x| x * x).sum::<f64>().sqrt();
    let scale = radius * libm::pow(random.uniform(), 1.0 / point.len() as f64) / length;
    for x in point.iter_mut() {
        *x *= scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Source;

    /// In d dimensions `(|x| / r)^d` is uniform: its mean over 1e4 draws is within five standard errors
    /// of 1/2, and so is the mean of each coordinate of 0 (variance `r^2 / (d + 2)`).
    #[test]
    fn noise_is_uniform_in_the_ball() {
        let (n, radius) = (10_000, 0.2);
        for d in [1_usize, 3, 12] {
            let mut point = vec![0.0; d];
            let (mut mean, mut first) = (0.0, 0.0);
            for k in 0..n {
                let mut random = Source::default().stream(Purpose::Perturbation(k));
                draw(&mut random, radius, &mut point);
                let length = point.iter().map(|x| x * x).sum::<f64>().sqrt();
                assert!(length <= radius * (1.0 + 1e-14));
                mean += libm::pow(length / radius, d as f64) / n as f64;
                first += point[0] / n as f64;
            }
            let bound = 5.0 / (12.0 * n as f64).sqrt();
            assert!((mean - 0.5).abs() < bound, "{d}: {mean}");
            let bound = 5.0 * radius / ((d as f64 + 2.0) * n as f64).sqrt();
            assert!(first.abs() < bound, "{d}: {first}");
        }
    }
}
