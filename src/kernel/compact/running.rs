//! A step of all groups: the chain of products of [`ChainPlan`](crate::kernel::chain::ChainPlan).

use std::marker::PhantomData;

use super::dims::{Dims, Pass};
use super::product::{PLAIN, Product, RESIDUAL, Tiled, subtract, sum_of_squares};
use crate::kernel::Steps;
use crate::kernel::real::Real;
use crate::kernel::simd::Simd;

/// The kernel in the middle of its steps: where its numbers lie, and what is known of its dimensions.
pub(super) struct Running<T, S, D> {
    pub(super) dims: D,
    pub(super) groups: usize,
    /// Vectors of a group.
    pub(super) len: usize,
    pub(super) memory: *mut T,
    pub(super) phi: usize,
    pub(super) carried: [usize; 2],
    pub(super) learning_rate: T,
    pub(super) metric: Option<Metric<T>>,
    pub(super) losses: *mut T,
    pub(super) lows: *const T,
    pub(super) highs: *const T,
    /// Groups whose chains and losses do not belong to their weights, a bit each.
    pub(super) stale: u32,
    pub(super) simd: PhantomData<S>,
}

/// `F`, `F'` and `(W - Phi) F` of the groups.
pub(super) struct Metric<T> {
    pub(super) mirrored: bool,
    /// Columns of `F`.
    pub(super) p: usize,
    pub(super) factors: *const T,
    pub(super) factors_transposed: *const T,
    /// Vectors of `F`.
    pub(super) factor_len: usize,
    pub(super) halves: *mut T,
    /// Vectors of a half.
    pub(super) half_len: usize,
}

impl<T: Real, S: Simd<T>, D: Dims> Running<T, S, D> {
    /// Where something in group `g` begins.
    #[inline(always)]
    fn at(&self, g: usize, vectors: usize) -> *mut T {
        self.memory.wrapping_add((g * self.len + vectors) * S::LANES)
    }

    /// Suffix products from the output side, residuals and losses of groups `from .. to`.
    ///
    /// # Safety
    /// The processor has the instructions of `S`.
    #[inline(always)]
    unsafe fn forward(&self, from: usize, to: usize) {
        let d = self.dims;
        for j in (2..d.depth()).rev() {
            for g in from..to {
                let product = self.suffix(g, j, self.at(g, d.suffix(j - 1)));
                // SAFETY: the layout has room for these shapes.
                unsafe { d.multiply::<T, S, PLAIN>(product) };
            }
        }
        let half = T::nearest(0.5);
        for g in from..to {
            let scale = if self.metric.is_none() { self.learning_rate } else { T::nearest(1.0) };
            // SAFETY: as above.
            unsafe {
                let mut squares = if d.depth() == 1 {
                    self.residual(g, scale)
                } else {
                    let product = self.suffix(g, 1, self.at(g, self.carried[0]));
                    let residual = Product { d: self.at(g, self.phi), scale, ..product };
                    d.multiply::<T, S, RESIDUAL>(residual)
                };
                if let Some(metric) = &self.metric {
                    squares = self.apply(metric, g);
                }
                S::store(self.losses.wrapping_add(g * S::LANES), S::mul(S::splat(half), squares));
            }
        }
    }

    /// `S_j W_j`, to be written to `c`.
    #[inline(always)]
    fn suffix(&self, g: usize, j: usize, c: *mut T) -> Product<T> {
        let d = self.dims;
        let shape = (d.width(d.depth()), d.width(j - 1), d.width(j));
        Product::new(shape, self.at(g, d.suffix(j)), self.at(g, d.layer(j)), c)
    }

    /// Writes `scale (W - Phi)` as `U_0` and returns `||W - Phi||_F^2`, where the network is one layer.
    ///
    /// # Safety
    /// As [`forward`](Self::forward).
    #[inline(always)]
    unsafe fn residual(&self, g: usize, scale: T) -> S::Vector {
        let len = self.dims.width(1) * self.dims.width(0);
        let (end_to_end, phi) = (self.at(g, self.dims.layer(1)), self.at(g, self.phi));
        let carried = self.at(g, self.carried[0]);
        // SAFETY: all three matrices have `len` entries.
        unsafe {
            let scale = S::splat(scale);
            sum_of_squares::<T, S>(len, |i| {
                let i = i * S::LANES;
                let difference =
                    S::sub(S::load(end_to_end.wrapping_add(i)), S::load(phi.wrapping_add(i)));
                S::store(carried.wrapping_add(i), S::mul(scale, difference));
                difference
            })
        }
    }

    /// Turns `W - Phi` in `U_0` into `eta (W - Phi) F F'` and returns `||(W - Phi) F||_F^2`.
    ///
    /// # Safety
    /// As [`forward`](Self::forward).
    #[inline(always)]
    unsafe fn apply(&self, metric: &Metric<T>, g: usize) -> S::Vector {
        let (r, e) = (self.dims.width(self.dims.depth()), self.dims.width(0));
        let (u, p) = (self.at(g, self.carried[0]), metric.p);
        // SAFETY: `load` has taken memory for F, F' and the half of each group.
        unsafe {
            let f = metric.factors.wrapping_add(g * metric.factor_len * S::LANES);
            let f_transposed =
                metric.factors_transposed.wrapping_add(g * metric.factor_len * S::LANES);
            let half = metric.halves.wrapping_add(g * metric.half_len * S::LANES);
            let (to_half, back) = if metric.mirrored {
                // The residual is transposed, its r = d_0 rows meet F: F' U, then F (F' U).
                let to_half = Product::new((p, e, r), f_transposed, u, half);
                (to_half, Product::new((r, e, p), f, half, u))
            } else {
                let to_half = Product::new((r, p, e), u, f, half);
                (to_half, Product::new((r, e, p), half, f_transposed, u))
            };
            S::enable(Tiled::<T, S, PLAIN>(to_half, PhantomData));
            let vector = |i: usize| S::load(half.wrapping_add(i * S::LANES));
            let loss = sum_of_squares::<T, S>(metric.half_len, vector);
            S::enable(Tiled::<T, S, PLAIN>(back, PhantomData));
            let scale = S::splat(self.learning_rate);
            for i in 0..r * e {
                let u = u.wrapping_add(i * S::LANES);
                S::store(u, S::mul(scale, S::load(u)));
            }
            loss
        }
    }

    /// Carries the scaled residuals towards the output, updating each layer behind them.
    ///
    /// # Safety
    /// As [`forward`](Self::forward).
    #[inline(always)]
    unsafe fn backward(&self) {
        let (d, r, depth) = (self.dims, self.dims.width(self.dims.depth()), self.dims.depth());
        let [mut from, mut to] = self.carried;
        for j in 1..depth {
            let (e, e_below) = (d.width(j), d.width(j - 1));
            for g in 0..self.groups {
                let (layer, carried) = (self.at(g, d.layer(j)), self.at(g, from));
                let carry = Product::new((r, e, e_below), carried, layer, self.at(g, to));
                let suffix = self.at(g, d.suffix(j));
                let update = Product::new((e, e_below, r), suffix, carried, layer);
                let last = (j + 1 == depth).then(|| self.at(g, d.layer(depth)));
                // SAFETY: the layout has room for these shapes.
                unsafe { d.pass::<T, S>(Pass { carry, update, last }) };
            }
            std::mem::swap(&mut from, &mut to);
        }
        if depth == 1 {
            for g in 0..self.groups {
                let len = r * d.width(0);
                // SAFETY: as above.
                unsafe { subtract::<T, S>(len, self.at(g, from), self.at(g, d.layer(1))) };
            }
        }
    }
}

impl<T: Real, S: Simd<T>, D: Dims> Steps for Running<T, S, D> {
    #[inline(always)]
    fn refresh(&mut self) {
        while self.stale != 0 {
            // The groups that follow each other, side by side.
            let from = self.stale.trailing_zeros();
            let to = from + (self.stale >> from).trailing_ones();
            self.stale &= !(u32::MAX >> (32 - (to - from)) << from);
            // SAFETY: a kernel is made only where its instructions are.
            unsafe { self.forward(from as usize, to as usize) };
        }
    }

    #[inline(always)]
    fn hold(&self) -> bool {
        let mut hold = true;
        for g in 0..self.groups {
            // SAFETY: as in `refresh`; losses and windows have a vector for each group.
            unsafe {
                let [x, low, high] = [self.losses.cast_const(), self.lows, self.highs]
                    .map(|of| S::load(of.wrapping_add(g * S::LANES)));
                hold &= S::within(x, low, high);
            }
        }
        hold
    }

    #[inline(always)]
    fn step(&mut self) {
        // SAFETY: as in `refresh`.
        unsafe { self.backward() };
        self.stale = all(self.groups);
    }
}

/// A bit for each group.
pub(super) fn all(groups: usize) -> u32 {
    u32::MAX >> (32 - groups)
}
