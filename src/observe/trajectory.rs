//! One trial followed along its way.

use super::{Observer, balancedness, gradient_norm};
use crate::network::{Weights, matrix, svd};
use crate::start::Start;

/// Steps that are all recorded; later ones are spaced logarithmically.
const EVERY_STEP_UNTIL: u64 = 1000;
/// Records a decade after that.
const PER_DECADE: f64 = 100.0;

/// What is recorded along a trial; all columns are equally long. The last record is the end.
#[derive(Debug, Clone, Default)]
pub struct Trajectory {
    /// Updates made.
    pub step: Vec<i64>,
    /// The sum of the learning rates of these updates, or the time of a flow.
    pub time: Vec<f64>,
    /// Excess loss.
    pub loss: Vec<f64>,
    /// `sqrt(sum_j ||G_j||_F^2)`.
    pub gradient_norm: Vec<f64>,
    /// `max_j ||W_{j+1}' W_{j+1} - W_j W_j'||_F`.
    pub balancedness: Vec<f64>,
    /// `||W_N ... W_1||_F`.
    pub end_to_end_norm: Vec<f64>,
    /// Smallest of the `min(d_0, d_N)` singular values of the end-to-end matrix.
    pub sigma_min: Vec<f64>,
    /// The weights of the last record.
    pub last: Option<Weights>,
    /// Times to be sampled within the steps of a flow, ascending, and the excess losses and end-to-end
    /// matrices there, as far as the trial has come.
    pub times: Vec<f64>,
    /// See [`times`](Self::times).
    pub sample_loss: Vec<f64>,
    /// See [`times`](Self::times); each row-major.
    pub sample_end_to_end: Vec<f64>,
}

impl Trajectory {
    /// One that samples a flow at these times too.
    pub fn sampling(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        Self { times, ..Self::default() }
    }
}

impl Observer for Trajectory {
    fn next(&self, step: u64) -> Option<u64> {
        if step <= EVERY_STEP_UNTIL {
            return Some(step);
        }
        // The smallest recorded step at or after `step`: 1000 times a power of 10^(1/100), rounded up.
        let ratio = step as f64 / EVERY_STEP_UNTIL as f64;
        let below = (libm::log10(ratio) * PER_DECADE).floor() as i64 - 1;
        (below..)
            .map(|k| {
                let power = libm::pow(10.0, k as f64 / PER_DECADE);
                (EVERY_STEP_UNTIL as f64 * power).ceil() as u64
            })
            .find(|&recorded| recorded >= step)
    }

    fn observe(&mut self, step: u64, time: f64, excess: f64, weights: &Weights, start: &Start) {
        let end_to_end = weights.end_to_end();
        let sigma_min = svd::singular_values(end_to_end.view()).last().copied();
        self.step.push(step as i64);
        self.time.push(time);
        self.loss.push(excess);
        self.gradient_norm.push(gradient_norm(weights, &start.problem));
        self.balancedness.push(balancedness(weights));
        self.end_to_end_norm.push(matrix::frobenius(end_to_end.view()));
        self.sigma_min.push(sigma_min.unwrap_or(f64::NAN));
        self.last = Some(weights.clone());
    }

    fn next_time(&self) -> Option<f64> {
        self.times.get(self.sample_loss.len()).copied()
    }

    fn sample(&mut self, weights: &Weights, start: &Start) {
        let end_to_end = weights.end_to_end();
        self.sample_loss.push(start.problem.loss(&end_to_end) - start.landscape.floor);
        self.sample_end_to_end.extend(end_to_end.iter());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_first_then_logarithmically() {
        let trajectory = Trajectory::default();
        assert_eq!(trajectory.next(0), Some(0));
        assert_eq!(trajectory.next(1000), Some(1000));
        let mut steps = vec![];
        let mut step = 1001;
        while step < 1_000_000 {
            let next = trajectory.next(step).expect("there is always a next");
            assert!(next >= step);
            assert_eq!(trajectory.next(next), Some(next), "a recorded step is its own next");
            steps.push(next);
            step = next + 1;
        }
        assert_eq!(steps.len(), 300);
        assert_eq!(steps[99], 10_000);
        assert_eq!(steps[299], 1_000_000);
    }
}
