//! Kernels: gradient descent on networks of one shape, as fast as it goes.
//!
//! A kernel holds one or more *lanes*, each with the weights of one trial, and advances them side by
//! side. What steps compute is the same for all:
//!
//! ```text
//! R   = (W_N ... W_1 - Phi) F F'
//! G_j = S_j' R P_{j-1}',   S_j = W_N ... W_{j+1},   P_j = W_j ... W_1
//! W_j <- W_j - eta G_j     for all layers at once
//! ```
//!
//! [`mod@reference`] evaluates it as written; the others by the cheapest chain of products ([`chain`]):
//! [`compact`] narrow networks, a lane of a vector for each trial; [`thin`] those with a chain of a few
//! rows; [`gemm`] all others, on products of our own ([`panel`]) or by OpenBLAS ([`blas`]). [`select`]
//! says which network runs on which. Other methods of descent ([`rule`]) have a kernel of their own,
//! `method`.

pub mod blas;
mod buffer;
pub mod chain;
pub mod compact;
mod elementwise;
pub mod gemm;
mod method;
pub mod panel;
pub mod peak;
pub mod real;
pub mod reference;
pub mod rule;
pub mod select;
pub mod simd;
mod single;
mod slope;
pub mod thin;

use real::Real;

use crate::network::Weights;
use crate::network::target::Problem;
use crate::rng::Source;

/// What belongs to a trial besides its weights and its problem.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terms {
    /// Its learning rate; NaN: it has none, so that no step is made.
    pub learning_rate: f64,
    /// Where its random numbers come from.
    pub random: Source,
}

/// Where a trial is in its method, besides its weights.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// Updates made.
    pub steps: u64,
    /// The sum of the learning rates of its steps, or the time of a flow.
    pub time: f64,
    /// What the method keeps between steps, as [`Kernel::memory`] gave it; empty at the start.
    pub memory: Vec<f64>,
}

/// Finite losses among which a lane goes on: `low < loss <= high`. NaN and infinity are outside every
/// window, whatever its bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// The lane stops at this loss or under it.
    pub low: f64,
    /// The lane stops above this loss.
    pub high: f64,
}

impl Window {
    /// Whether a lane with this loss goes on.
    pub fn holds(&self, loss: f64) -> bool {
        loss.is_finite() && loss > self.low && loss <= self.high
    }

    /// `low` and `high` such that finite and NaN losses in this format are inside,
    /// `low < loss <= high`, if and only if the window holds them.
    fn bounds<T: Real>(&self) -> (T, T) {
        (T::floor(self.low), T::floor(self.high.min(f64::MAX)))
    }
}

/// What the loop of gradient descent needs of a kernel.
trait Steps {
    /// Brings losses up to date with the weights.
    fn refresh(&mut self);
    /// Whether all losses are inside their windows.
    fn hold(&self) -> bool;
    /// One update in all lanes.
    fn step(&mut self);
}

/// [`Kernel::advance`], whatever the kernel.
#[inline(always)]
fn descend(kernel: &mut impl Steps, max_steps: u64) -> u64 {
    let mut step = 0;
    loop {
        kernel.refresh();
        if step == max_steps || !kernel.hold() {
            return step;
        }
        kernel.step();
        step += 1;
    }
}

/// Descent on networks of one shape: gradient descent with a constant learning rate, unless the kernel
/// is that of another [`rule`].
///
/// Losses are `1/2 ||(W - Phi) F||_F^2` (see [`Problem`]) and always belong to the weights the lane
/// holds. A lane's numbers never depend on what the other lanes hold, nor on how its steps are cut
/// into calls of [`advance`](Self::advance).
pub trait Kernel: Send {
    /// Number of trials advanced side by side.
    fn lanes(&self) -> usize;

    /// Puts a trial into a lane.
    ///
    /// # Panics
    /// If the shapes are not the kernel's.
    fn load(&mut self, lane: usize, weights: &Weights, problem: &Problem);

    /// Tells a kernel whose steps are more than the weights where the trial it has just loaded is.
    fn enter(&mut self, _lane: usize, _terms: Terms, _progress: &Progress) {}

    /// Leaves a lane without a trial: in a window without bounds it no longer stops the others.
    fn clear(&mut self, lane: usize);

    /// Copies the weights of a lane into `weights`, which has the kernel's shape.
    fn unload(&self, lane: usize, weights: &mut Weights);

    /// Takes up to `max_steps` steps in all lanes, and stops *before* the update at the first step
    /// where the loss of a lane with a trial is outside its window. Returns the steps taken.
    ///
    /// # Panics
    /// If there is not one window for each lane.
    fn advance(&mut self, max_steps: u64, windows: &[Window]) -> u64;

    /// Loss at the weights of a lane, valid after [`advance`](Self::advance), also by 0 steps.
    fn loss(&self, lane: usize) -> f64;

    /// The sum of the learning rates of all steps of the trial, or the time of a flow; `None`: the
    /// learning rate is the same at all steps.
    fn time(&self, _lane: usize) -> Option<f64> {
        None
    }

    /// What the method keeps between steps besides the weights.
    fn memory(&self, _lane: usize) -> Vec<f64> {
        Vec::new()
    }

    /// Whether the method makes no further step, whatever the loss.
    fn is_spent(&self, _lane: usize) -> bool {
        false
    }

    /// Writes the weights at a `time` within the last step, if the method can tell them.
    fn within(&self, _lane: usize, _time: f64, _weights: &mut Weights) -> bool {
        false
    }
}
