//! Kernels with one trial: what is the same for all of them, whatever their products.

use super::real::Real;
use super::simd::{Simd, Work};
use super::{Kernel, Steps, Window, descend};
use crate::network::Weights;
use crate::network::target::Problem;

/// One trial, and the products of its steps. Made only where the instructions of `Vectors` are.
pub(super) trait Trial: Send {
    /// The format of its numbers.
    type Number: Real;
    /// The vectors that its steps are compiled for.
    type Vectors: Simd<Self::Number>;

    /// See [`Kernel::load`].
    fn load(&mut self, weights: &Weights, problem: &Problem);

    /// See [`Kernel::unload`].
    fn unload(&self, weights: &mut Weights);

    /// Suffix products from the output side, residual and loss. To be `#[inline(always)]` in every
    /// implementation.
    ///
    /// # Safety
    /// The processor has the instructions; inlined into [`Work`].
    unsafe fn forward(&mut self) -> Self::Number;

    /// Carries the scaled residual that [`forward`](Self::forward) has left towards the output,
    /// updating each layer on the way. To be `#[inline(always)]` in every implementation.
    ///
    /// # Safety
    /// As [`forward`](Self::forward).
    unsafe fn backward(&mut self);
}

/// The kernel of one trial.
pub(super) struct Single<K: Trial> {
    trial: K,
    loss: K::Number,
    bounds: (K::Number, K::Number),
    /// Whether the loss, and what the trial has computed with it, belong to the weights.
    fresh: bool,
    loaded: bool,
}

impl<K: Trial + 'static> Single<K> {
    /// A kernel into which nothing is loaded yet.
    pub(super) fn boxed(trial: K) -> Box<dyn Kernel> {
        let zero = K::Number::default();
        Box::new(Self { trial, loss: zero, bounds: (zero, zero), fresh: false, loaded: false })
    }
}

impl<K: Trial> Steps for Single<K> {
    #[inline(always)]
    fn refresh(&mut self) {
        if !self.fresh {
            // SAFETY: a trial is made only where its instructions are.
            self.loss = unsafe { self.trial.forward() };
            self.fresh = true;
        }
    }

    #[inline(always)]
    fn hold(&self) -> bool {
        self.loss > self.bounds.0 && self.loss <= self.bounds.1
    }

    #[inline(always)]
    fn step(&mut self) {
        // SAFETY: as above.
        unsafe { self.trial.backward() };
        self.fresh = false;
    }
}

/// Advances the kernel in a function that is compiled for its vectors.
struct Advance<'a, K: Trial> {
    kernel: &'a mut Single<K>,
    max_steps: u64,
}

impl<K: Trial> Work for Advance<'_, K> {
    type Output = u64;

    #[inline(always)]
    unsafe fn run(self) -> u64 {
        descend(self.kernel, self.max_steps)
    }
}

impl<K: Trial> Kernel for Single<K> {
    fn lanes(&self) -> usize {
        1
    }

    fn load(&mut self, _lane: usize, weights: &Weights, problem: &Problem) {
        self.trial.load(weights, problem);
        self.fresh = false;
        self.loaded = true;
    }

    fn clear(&mut self, _lane: usize) {
        self.loaded = false;
    }

    fn unload(&self, _lane: usize, weights: &mut Weights) {
        self.trial.unload(weights);
    }

    fn advance(&mut self, max_steps: u64, windows: &[Window]) -> u64 {
        if !self.loaded {
            return max_steps;
        }
        self.bounds = windows[0].bounds();
        // SAFETY: as in `refresh`.
        unsafe { K::Vectors::enable(Advance { kernel: self, max_steps }) }
    }

    fn loss(&self, _lane: usize) -> f64 {
        self.loss.widen()
    }
}
