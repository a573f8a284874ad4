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
//! [`mod@reference`] evaluates it as written, [`gemm`] by the cheapest chain of products ([`chain`]).

pub mod blas;
pub mod chain;
pub mod gemm;
pub mod peak;
pub mod reference;
pub mod select;
pub mod simd;
pub mod tile;

use crate::network::Weights;
use crate::network::target::Problem;

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
}

/// Gradient descent with a constant learning rate on networks of one shape.
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

    /// Leaves a lane without a trial: it no longer stops the others.
    fn clear(&mut self, lane: usize);

    /// Copies the weights of a lane into `weights`, which has the kernel's shape.
    fn unload(&self, lane: usize, weights: &mut Weights);

    /// Takes up to `max_steps` steps in all lanes, and stops *before* the update at the first step
    /// where the loss of a lane with a trial is outside its window. Returns the steps taken.
    fn advance(&mut self, max_steps: u64, windows: &[Window]) -> u64;

    /// Loss at the weights of a lane, valid after [`advance`](Self::advance), also by 0 steps.
    fn loss(&self, lane: usize) -> f64;
}
