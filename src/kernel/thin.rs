//! The kernel for thin networks: `r = min(d_0, d_N)` at most four, one trial at a time.
//!
//! Here products are matrix-vector products: three multiply-adds a weight and step, and what decides is
//! how often a weight is loaded and stored. So carrying the residual through a layer and updating the
//! layer are one pass: each row of `W_j` meets `U_{j-1}` twice, once for its entry of `U_j`, once for
//! its update, and is loaded and stored once. The weights of one trial, not of a group of them, stay in
//! the first caches; the chain downward ends at the layer where the chain upward begins.

mod products;

use std::marker::PhantomData;

pub(super) use products::MOST_ROWS;
use products::{Matrix, multiply, multiply_any, multiply_transposed};

use super::chain::ChainPlan;
use super::elementwise::{residual, scale, subtract, sum_of_squares};
use super::real::Real;
use super::simd::Simd;
use super::single::Trial;
use crate::network::target::Problem;
use crate::network::{Shape, Weights};

/// One trial with `R` rows in its chain.
pub(super) struct Thin<T, S, const R: usize> {
    plan: ChainPlan,
    learning_rate: T,
    /// Oriented layers, `W_1` first.
    layers: Vec<Matrix<T>>,
    phi: Matrix<T>,
    /// `F` (or `F'` if mirrored) and `(W - Phi) F`.
    metric: Option<(Matrix<T>, Matrix<T>)>,
    /// `S_0 .. S_{N-2}`.
    suffixes: Vec<Matrix<T>>,
    /// `eta U_0 .. eta U_{N-1}`.
    carried: Vec<Matrix<T>>,
    simd: PhantomData<S>,
}

impl<T: Real, S: Simd<T>, const R: usize> Thin<T, S, R> {
    /// A trial of networks of this shape.
    ///
    /// # Safety
    /// The processor has the instructions of `S`.
    ///
    /// # Panics
    /// If the chain does not have `R` rows.
    pub(super) unsafe fn new(shape: &Shape, learning_rate: f64) -> Self {
        let plan = ChainPlan::new(shape);
        assert_eq!(plan.rows(), R, "the rows of the chain");
        let (dims, depth) = (plan.dims(), plan.depth());
        Self {
            learning_rate: T::nearest(learning_rate),
            layers: (1..=depth).map(|j| Matrix::zeros(dims[j], dims[j - 1])).collect(),
            phi: Matrix::zeros(R, dims[0]),
            metric: None,
            suffixes: (1..depth).map(|j| Matrix::zeros(R, dims[j - 1])).collect(),
            carried: (0..depth).map(|j| Matrix::zeros(R, dims[j])).collect(),
            simd: PhantomData,
            plan,
        }
    }

    /// Turns `W - Phi` in `U_0` into `eta (W - Phi) F F'` and returns `||(W - Phi) F||_F^2`.
    ///
    /// # Safety
    /// As [`Trial::forward`].
    #[inline(always)]
    unsafe fn apply_metric(&mut self) -> T {
        let Some((factor, half)) = &mut self.metric else { return T::default() };
        let u = &mut self.carried[0];
        // SAFETY: the caller's.
        let norm_squared = unsafe {
            if self.plan.mirrored() {
                multiply_any(|x, q| factor.entry(x, q), u, half);
                multiply_any(|q, x| factor.entry(x, q), half, u);
            } else {
                multiply::<T, S, R>(u, factor, half);
                let unused = &self.phi;
                multiply_transposed::<T, S, R, false>(half, factor, unused, u);
            }
            sum_of_squares::<T, S>(&half.entries)
        };
        scale(self.learning_rate, &mut u.entries);
        norm_squared
    }
}

impl<T: Real, S: Simd<T>, const R: usize> Trial for Thin<T, S, R> {
    type Number = T;
    type Vectors = S;

    fn load(&mut self, weights: &Weights, problem: &Problem) {
        let plan = &self.plan;
        let mut oriented = vec![0.0; plan.parameters().max(R * plan.dims()[0])];
        plan.orient(weights, &mut oriented);
        for (j, layer) in (1..).zip(&mut self.layers) {
            layer.put(&oriented[plan.layer_start(j)..plan.layer_start(j + 1)]);
        }
        plan.orient_target(problem.phi.view(), &mut oriented);
        self.phi.put(&oriented[..R * plan.dims()[0]]);
        self.metric = problem.factor.as_ref().map(|factor| {
            let mirrored = plan.mirrored();
            let factor = if mirrored { factor.t() } else { factor.view() };
            let entries: Vec<f64> = factor.iter().copied().collect();
            let mut own = Matrix::zeros(factor.nrows(), factor.ncols());
            own.put(&entries);
            // Mirrored, F' is p x d_0 and the half p x d_N; otherwise F is d_0 x p, the half d_N x p.
            let half = if mirrored { (own.rows, plan.dims()[0]) } else { (R, own.columns) };
            (own, Matrix::zeros(half.0, half.1))
        });
    }

    fn unload(&self, weights: &mut Weights) {
        self.plan.restore(weights, |j, i, k| self.layers[j - 1].entry(i, k).widen());
    }

    #[inline(always)]
    unsafe fn forward(&mut self) -> T {
        let depth = self.plan.depth();
        // SAFETY: the caller's; the matrices were made for these products.
        unsafe {
            for j in (1..depth).rev() {
                let (below, above) = self.suffixes.split_at_mut(j);
                let suffix = above.first().unwrap_or(&self.layers[depth - 1]);
                multiply::<T, S, R>(suffix, &self.layers[j - 1], &mut below[j - 1]);
            }
            let end_to_end = self.suffixes.first().unwrap_or(&self.layers[0]);
            let len = self.phi.stride * R;
            let scale = if self.metric.is_some() { T::nearest(1.0) } else { self.learning_rate };
            let (w, phi) = (&end_to_end.entries[..len], &self.phi.entries[..len]);
            let mut norm_squared =
                residual::<T, S>(w, phi, scale, &mut self.carried[0].entries[..len]);
            if self.metric.is_some() {
                norm_squared = self.apply_metric();
            }
            T::nearest(0.5) * norm_squared
        }
    }

    #[inline(always)]
    unsafe fn backward(&mut self) {
        let depth = self.plan.depth();
        let (layers, last) = self.layers.split_at_mut(depth - 1);
        for j in 1..depth {
            let (below, above) = self.carried.split_at_mut(j);
            let suffix = self.suffixes.get(j).unwrap_or(&last[0]);
            // SAFETY: as in `forward`.
            unsafe {
                let (from, to) = (&below[j - 1], &mut above[0]);
                multiply_transposed::<T, S, R, true>(from, &mut layers[j - 1], suffix, to);
            }
        }
        subtract(&self.carried[depth - 1].entries, &mut last[0].entries);
    }
}
