//! The kernel for narrow networks: several trials side by side, one SIMD lane a trial.
//!
//! This is the *compact* storage of batched BLAS: the same entry of as many matrices as a vector has
//! lanes lies side by side, so products of small matrices read like scalar code and need no shuffles,
//! whatever their shapes. A vector of trials is a *group*; very small networks advance several groups
//! in turns, so that one group's multiply-adds fill the time in which another waits for its results.
//!
//! Every entry of a product is one chain of fused multiply-adds over the inner index in increasing
//! order, and a lane never meets another: rows have the same bits whatever the vectors, lanes and
//! neighbours.

mod dims;
mod layout;
mod product;
mod running;

use std::marker::PhantomData;
use std::sync::Arc;

use dims::{Any, Dims, Square};
use layout::Layout;
use running::{Metric, Running};

use super::buffer::Buffer;
use super::chain::ChainPlan;
use super::real::Real;
use super::simd::{Simd, Work};
use super::{Kernel, Window, descend};
use crate::network::target::Problem;
use crate::network::{Shape, Weights};

/// Multiply-adds of a step that are to be in flight together, in vectors: networks whose step has fewer
/// advance several groups. Measured on networks 2x3, 3x3 and 4x4: fewer leave gaps, more change nothing.
const VECTORS_IN_FLIGHT: usize = 1000;
/// Groups at most.
const MOST_GROUPS: usize = 8;

/// Several trials, one SIMD lane each.
pub(super) struct Compact<T, S> {
    plan: ChainPlan,
    layout: Arc<Layout>,
    learning_rate: T,
    groups: usize,
    /// Groups one after another, each as [`Layout`] says.
    memory: Buffer<T>,
    /// `F` and `F'` of each group; empty for the identity.
    factors: Buffer<T>,
    factors_transposed: Buffer<T>,
    /// `(W - Phi) F` of each group.
    halves: Buffer<T>,
    /// Losses, and the windows that they have to stay in, by lane.
    losses: Buffer<T>,
    lows: Buffer<T>,
    highs: Buffer<T>,
    /// Groups whose chains and losses do not belong to their weights, a bit each.
    stale: u32,
    /// One trial in double precision, on its way in.
    trial: Vec<f64>,
    simd: PhantomData<S>,
}

/// Advances the kernel in a function that is compiled for its instructions.
struct Advance<'a, T, S> {
    kernel: &'a mut Compact<T, S>,
    max_steps: u64,
}

impl<T: Real, S: Simd<T>> Work for Advance<'_, T, S> {
    type Output = u64;

    #[inline(always)]
    unsafe fn run(self) -> u64 {
        let layout = Arc::clone(&self.kernel.layout);
        let depth = layout.dims.len() - 1;
        let square = layout.dims.iter().all(|&e| e == layout.dims[0]);
        match layout.dims[0] {
            1 if square => self.with(Square::<1, 1, 1> { depth }),
            2 if square => self.with(Square::<2, 2, 2> { depth }),
            3 if square => self.with(Square::<3, 3, 3> { depth }),
            4 if square => self.with(Square::<4, 2, 4> { depth }),
            8 if square => self.with(Square::<8, 2, 4> { depth }),
            16 if square => self.with(Square::<16, 2, 4> { depth }),
            _ => self.with(Any { layout: &layout }),
        }
    }
}

impl<T: Real, S: Simd<T>> Advance<'_, T, S> {
    #[inline(always)]
    fn with(self, dims: impl Dims) -> u64 {
        let steps = descend(&mut self.kernel.running(dims), self.max_steps);
        // `descend` ends with losses that belong to the weights.
        self.kernel.stale = 0;
        steps
    }
}

impl<T: Real, S: Simd<T>> Compact<T, S> {
    /// A kernel for networks of this shape.
    ///
    /// # Safety
    /// The processor has the instructions of `S`.
    pub(super) unsafe fn new(shape: &Shape, learning_rate: f64) -> Self {
        let plan = ChainPlan::new(shape);
        let groups = groups(&plan);
        Self::with_groups(plan, learning_rate, groups)
    }

    fn with_groups(plan: ChainPlan, learning_rate: f64, groups: usize) -> Self {
        let layout = Layout::new(&plan);
        let lanes = groups * S::LANES;
        Self {
            learning_rate: T::nearest(learning_rate),
            groups,
            memory: Buffer::zeros(lanes * layout.len),
            factors: Buffer::zeros(0),
            factors_transposed: Buffer::zeros(0),
            halves: Buffer::zeros(0),
            losses: Buffer::zeros(lanes),
            lows: Buffer::zeros(lanes),
            highs: Buffer::zeros(lanes),
            stale: running::all(groups),
            trial: vec![0.0; plan.parameters().max(plan.rows() * plan.dims()[0])],
            simd: PhantomData,
            layout: Arc::new(layout),
            plan,
        }
    }

    /// The kernel as its steps see it.
    #[inline(always)]
    fn running<D: Dims>(&mut self, dims: D) -> Running<T, S, D> {
        let (r, e) = (self.plan.rows(), self.plan.dims()[0]);
        let mirrored = self.plan.mirrored();
        let (across, half_rows) = if mirrored { (r, e) } else { (e, r) };
        let factor_len = self.factors.len() / (self.groups * S::LANES);
        let p = factor_len / across;
        let metric = (factor_len > 0).then(|| Metric {
            mirrored,
            p,
            factors: self.factors.as_ptr(),
            factors_transposed: self.factors_transposed.as_ptr(),
            factor_len,
            halves: self.halves.as_mut_ptr(),
            half_len: p * half_rows,
        });
        Running {
            dims,
            groups: self.groups,
            len: self.layout.len,
            memory: self.memory.as_mut_ptr(),
            phi: self.layout.phi,
            carried: self.layout.carried,
            learning_rate: self.learning_rate,
            metric,
            losses: self.losses.as_mut_ptr(),
            lows: self.lows.as_ptr(),
            highs: self.highs.as_ptr(),
            stale: self.stale,
            simd: PhantomData,
        }
    }

    /// Position in the memory of entry `i` (in vectors) of a lane.
    fn position(&self, lane: usize, i: usize) -> usize {
        let (group, lane) = (lane / S::LANES, lane % S::LANES);
        (group * self.layout.len + i) * S::LANES + lane
    }

    /// Puts `F` into a lane.
    fn load_factor(&mut self, lane: usize, problem: &Problem) {
        let Some(factor) = &problem.factor else { return };
        // Mirrored, the residual is d_0 x d_N and its half p x d_N; otherwise d_N x p.
        let across = if self.plan.mirrored() { self.plan.dims()[0] } else { self.plan.rows() };
        let lanes = self.groups * S::LANES;
        if self.factors.len() != factor.len() * lanes {
            self.factors = Buffer::zeros(factor.len() * lanes);
            self.factors_transposed = self.factors.clone();
            self.halves = Buffer::zeros(across * factor.ncols() * lanes);
        }
        let (group, lane) = (lane / S::LANES, lane % S::LANES);
        let start = group * factor.len() * S::LANES + lane;
        for (i, &entry) in factor.iter().enumerate() {
            self.factors[start + i * S::LANES] = T::nearest(entry);
        }
        for (i, &entry) in factor.t().iter().enumerate() {
            self.factors_transposed[start + i * S::LANES] = T::nearest(entry);
        }
    }
}

/// Groups for networks of this plan.
fn groups(plan: &ChainPlan) -> usize {
    let vectors = (plan.flops() / 2.0) as usize + plan.parameters();
    // A power of two, so that blocks of trials are whole numbers of rounds.
    VECTORS_IN_FLIGHT.div_ceil(vectors.max(1)).next_power_of_two().min(MOST_GROUPS)
}

impl<T: Real, S: Simd<T>> Kernel for Compact<T, S> {
    fn lanes(&self) -> usize {
        self.groups * S::LANES
    }

    fn load(&mut self, lane: usize, weights: &Weights, problem: &Problem) {
        let mut trial = std::mem::take(&mut self.trial);
        self.plan.orient(weights, &mut trial);
        for j in 1..=self.plan.depth() {
            let layer = &trial[self.plan.layer_start(j)..self.plan.layer_start(j + 1)];
            for (i, &w) in layer.iter().enumerate() {
                let at = self.position(lane, self.layout.layers[j - 1] + i);
                self.memory[at] = T::nearest(w);
            }
        }
        let (start, len) = (self.layout.phi, problem.phi.len());
        self.plan.orient_target(problem.phi.view(), &mut trial[..len]);
        for (i, &entry) in trial[..len].iter().enumerate() {
            let at = self.position(lane, start + i);
            self.memory[at] = T::nearest(entry);
        }
        self.trial = trial;
        self.load_factor(lane, problem);
        self.stale |= 1 << (lane / S::LANES);
    }

    fn clear(&mut self, lane: usize) {
        // Zero weights and a zero target: nothing moves, and the loss is 0.
        for i in 0..self.layout.len {
            let at = self.position(lane, i);
            self.memory[at] = T::default();
        }
        self.stale |= 1 << (lane / S::LANES);
    }

    fn unload(&self, lane: usize, weights: &mut Weights) {
        let Layout { dims, layers, .. } = &*self.layout;
        self.plan.restore(weights, |j, i, k| {
            self.memory[self.position(lane, layers[j - 1] + i * dims[j - 1] + k)].widen()
        });
    }

    fn advance(&mut self, max_steps: u64, windows: &[Window]) -> u64 {
        assert_eq!(windows.len(), self.lanes(), "a window for each lane");
        for (i, window) in windows.iter().enumerate() {
            (self.lows[i], self.highs[i]) = window.bounds();
        }
        // SAFETY: by the promise made to `new`.
        unsafe { S::enable(Advance { kernel: self, max_steps }) }
    }

    fn loss(&self, lane: usize) -> f64 {
        self.losses[lane].widen()
    }
}
