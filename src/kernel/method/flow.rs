//! Gradient flow `dW/dt = -G(W)` by the embedded Runge-Kutta pair of Dormand and Prince (1980), order 5
//! with an error estimate of order 4, with the step control and the dense output of DOPRI5 (Hairer,
//! Norsett and Wanner 1993, sections II.4 to II.6).
//!
//! The error of a step is measured in the Euclidean norm of all weights, as a part of the norm of all
//! weights: the same in every orthogonal basis, and in every scale.

use super::{Descent, Now, combine, norm};
use crate::kernel::slope::{Layers, Slope};
use crate::network::Weights;

/// The weights of stage `i + 2` are `W + h sum_j A[i][j] K_j`; those of stage 7 are the new weights.
const A: [[f64; 6]; 6] = [
    [1.0 / 5.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    [3.0 / 40.0, 9.0 / 40.0, 0.0, 0.0, 0.0, 0.0],
    [44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0, 0.0, 0.0, 0.0],
    [19_372.0 / 6561.0, -25_360.0 / 2187.0, 64_448.0 / 6561.0, -212.0 / 729.0, 0.0, 0.0],
    [9017.0 / 3168.0, -355.0 / 33.0, 46_732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18_656.0, 0.0],
    [35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
];
/// The new weights less those of order 4 are `h sum_j ERROR[j] K_j`.
const ERROR: [f64; 7] = [
    71.0 / 57_600.0,
    0.0,
    -71.0 / 16_695.0,
    71.0 / 1920.0,
    -17_253.0 / 339_200.0,
    22.0 / 525.0,
    -1.0 / 40.0,
];
/// What the dense output needs besides the ends of a step.
const DENSE: [f64; 7] = [
    -12_715_105_075.0 / 11_282_082_432.0,
    0.0,
    87_487_479_700.0 / 32_700_410_799.0,
    -10_690_763_975.0 / 1_880_347_072.0,
    701_980_252_875.0 / 199_316_789_632.0,
    -1_453_857_185.0 / 822_651_844.0,
    69_997_945.0 / 29_380_423.0,
];

/// A new step is so much shorter than the error would allow.
const SAFETY: f64 = 0.9;
/// Bounds of the ratio of a step to the one before.
const RATIO: (f64, f64) = (0.2, 10.0);
/// Exponents of the control: of the error of a step, and of the one before.
const PROPORTIONAL: f64 = 0.17;
const INTEGRAL: f64 = 0.04;
/// The least error that the control remembers.
const LEAST_ERROR: f64 = 1e-4;
/// Part of the weights that the first step is to move, about.
const FIRST: f64 = 0.01;
/// The first step where the weights are all zero.
const FIRST_FROM_ZERO: f64 = 1e-3;
/// The longest step: where nothing moves, steps would grow for ever.
const LONGEST: f64 = 1e9;
/// Attempts at a step, each at most a fifth as long as the one before when the error is not a number:
/// then nothing helps, and the weights are to show it.
const ATTEMPTS: usize = 100;

/// Keeps the length of the next step and the error of the last one.
pub(super) struct Flow {
    tolerance: f64,
    max_time: f64,
    /// Length of the next step; 0 at a start.
    length: f64,
    error: f64,
    /// `K_1 .. K_7`, `-G` at the stages.
    stages: [Layers; 7],
    /// Whether `K_7` belongs to the weights as they are.
    known: bool,
    /// The weights before the last step.
    before: Layers,
    room: Layers,
    /// Time and length of the last step.
    last: Option<(f64, f64)>,
}

impl Flow {
    /// With room from `zeros`.
    pub(super) fn new(tolerance: f64, max_time: f64, zeros: impl Fn() -> Layers) -> Self {
        Self {
            tolerance,
            max_time,
            length: 0.0,
            error: LEAST_ERROR,
            stages: std::array::from_fn(|_| zeros()),
            known: false,
            before: zeros(),
            room: zeros(),
            last: None,
        }
    }

    /// The length of the first step.
    fn first(&self) -> f64 {
        let (size, speed) = (norm(&self.before), norm(&self.stages[0]));
        let length = FIRST * size / speed;
        if length > 0.0 && length.is_finite() { length.min(LONGEST) } else { FIRST_FROM_ZERO }
    }

    /// `sum_j factors[j] K_j` in `room`.
    fn sum(&mut self, factors: &[f64]) {
        for layer in &mut self.room {
            layer.fill(0.0);
        }
        for (stage, &factor) in
            self.stages.iter().zip(factors).filter(|(_, factor)| **factor != 0.0)
        {
            combine(&mut self.room, stage, |sum, k| sum + factor * k);
        }
    }

    /// Makes a step of length `h`; returns its error as a part of what is tolerated.
    fn attempt(&mut self, slope: &mut dyn Slope, h: f64) -> f64 {
        for (i, row) in A.iter().enumerate() {
            self.sum(row);
            let weights = slope.weights_mut();
            combine(weights, &self.before, |_, w| w);
            combine(weights, &self.room, |w, sum| w + h * sum);
            if i + 1 == A.len() {
                // The loss of the new weights on the way, before the gradient takes its products.
                slope.loss();
            }
            slope.descent(&mut self.stages[i + 1]);
        }
        self.sum(&ERROR);
        let error = h * norm(&self.room);
        let size = norm(&self.before).max(norm(slope.weights()));
        if error == 0.0 { 0.0 } else { error / (self.tolerance * size) }
    }

    /// The length of the step after one of length `h` that was accepted.
    fn control(&self, error: f64, h: f64, grow: bool) -> f64 {
        let ratio = SAFETY * libm::pow(error, -PROPORTIONAL) * libm::pow(self.error, INTEGRAL);
        let most = if grow { RATIO.1 } else { 1.0 };
        // An error of zero makes the ratio infinite.
        (h * ratio.clamp(RATIO.0, most)).min(LONGEST)
    }
}

impl Descent for Flow {
    fn step(&mut self, slope: &mut dyn Slope, now: &Now<'_>) -> f64 {
        if self.known {
            self.stages.swap(0, 6);
        } else {
            slope.descent(&mut self.stages[0]);
        }
        combine(&mut self.before, slope.weights(), |_, w| w);
        if self.length == 0.0 {
            self.length = self.first();
        }
        let mut h = self.length.min(self.max_time - now.time);
        let mut rejected = false;
        for _ in 1..ATTEMPTS {
            let error = self.attempt(slope, h);
            if error <= 1.0 {
                self.length = self.control(error, h, !rejected);
                self.error = error.max(LEAST_ERROR);
                break;
            }
            rejected = true;
            let ratio = SAFETY * libm::pow(error, -0.2);
            h *= if ratio.is_nan() { RATIO.0 } else { ratio.clamp(RATIO.0, 1.0) };
        }
        self.known = true;
        self.last = Some((now.time, h));
        h
    }

    fn begin(&mut self, _slope: &dyn Slope, memory: &[f64]) {
        (self.length, self.error) = match *memory {
            [length, error] => (length, error),
            _ => (0.0, LEAST_ERROR),
        };
        (self.known, self.last) = (false, None);
    }

    fn memory(&self, _slope: &dyn Slope) -> Vec<f64> {
        vec![self.length, self.error]
    }

    fn max_time(&self) -> f64 {
        self.max_time
    }

    /// The interpolant of order 4.
    fn within(&self, slope: &dyn Slope, time: f64, weights: &mut Weights) -> bool {
        let Some((begin, h)) = self.last else { return false };
        if !(begin..=begin + h).contains(&time) {
            return false;
        }
        let x = ((time - begin) / h).min(1.0);
        let y = 1.0 - x;
        // `W + x ((W' - W) + y (h K_1 - (W' - W) + x ((W' - W) - h K_7 - (h K_1 - (W' - W)) + y h D)))`,
        // ordered by what stands there: W, W', the stages.
        let mut at = self.before.clone();
        let change = x * (1.0 - y + 2.0 * x * y);
        combine(&mut at, &self.before, |_, w| w * (1.0 - change));
        combine(&mut at, slope.weights(), |sum, w| sum + change * w);
        let mut factors = DENSE.map(|factor| h * x * x * y * y * factor);
        factors[0] += h * x * y * y;
        factors[6] -= h * x * x * y;
        for (stage, factor) in self.stages.iter().zip(factors) {
            combine(&mut at, stage, |sum, k| sum + factor * k);
        }
        slope.unload(&at, weights);
        true
    }
}
