//! The kernel for wide networks: one trial, its chain of products computed by matrix products.
//!
//! The chain as [`ChainPlan`] writes it multiplies by `W_j'` from the right, the shape that panels have
//! to be copied for and that the small-matrix path of OpenBLAS refuses. So the residual is carried
//! transposed, `U_j' = W_j U_{j-1}'`, and transposed once a layer for the update, `r e_j` entries
//! instead of `e_j e_{j-1}`.

use std::marker::PhantomData;

use super::buffer::Buffer;
use super::chain::ChainPlan;
use super::elementwise::{residual, scale, subtract, sum_of_squares};
use super::real::Real;
use super::simd::Simd;
use super::single::Trial;
use crate::network::target::Problem;
use crate::network::{Shape, Weights};

/// The products of the chain, and how their matrices are stored.
pub trait Products<T>: Send {
    /// Numbers that a matrix takes.
    fn len(rows: usize, columns: usize) -> usize;
    /// Where entry `(i, k)` of a matrix lies.
    fn position(rows: usize, columns: usize, i: usize, k: usize) -> usize;
    /// `C = A B`: `A` is `m x k`, `B` is `k x n`.
    fn multiply(&mut self, mnk: (usize, usize, usize), a: &[T], b: &[T], c: &mut [T]);
    /// `C = C - A' B`: `A` is `k x m`, `B` is `k x n`.
    fn subtract_transposed(&mut self, mnk: (usize, usize, usize), a: &[T], b: &[T], c: &mut [T]);
    /// `B = A'`: `A` is `m x n`.
    fn transpose(&mut self, m: usize, n: usize, a: &[T], b: &mut [T]);
}

/// One trial on products `P`, what is done entry by entry on vectors `S`; all memory is taken when it
/// is made.
pub(super) struct Chain<T, S, P> {
    plan: ChainPlan,
    learning_rate: T,
    /// Oriented layers, `W_1` first.
    layers: Vec<Buffer<T>>,
    /// Oriented `Phi`.
    phi: Buffer<T>,
    metric: Option<Metric<T>>,
    /// `S_0 .. S_{N-2}`.
    suffixes: Vec<Buffer<T>>,
    /// `eta U_j`.
    carried: Buffer<T>,
    /// `eta U_{j-1}'` and `eta U_j'`, alternating.
    transposed: [Buffer<T>; 2],
    /// One matrix in double precision, on its way in.
    trial: Vec<f64>,
    products: P,
    simd: PhantomData<S>,
}

/// `F` of a loss `1/2 ||(W - Phi) F||_F^2`.
struct Metric<T> {
    /// Columns of `F`.
    p: usize,
    /// `F`, `d_0 x p`, and `F'`.
    factor: Buffer<T>,
    factor_transposed: Buffer<T>,
    /// `(W - Phi) F`, or its transpose if mirrored, and its dimensions.
    half: Buffer<T>,
}

impl<T: Real, S: Simd<T>, P: Products<T>> Chain<T, S, P> {
    /// A trial of networks of this shape.
    ///
    /// # Safety
    /// The processor has the instructions of `S`.
    pub(super) unsafe fn new(shape: &Shape, learning_rate: f64, products: P) -> Self {
        let plan = ChainPlan::new(shape);
        let (dims, r, depth) = (plan.dims(), plan.rows(), plan.depth());
        let matrix = |rows, columns| Buffer::zeros(P::len(rows, columns));
        let largest =
            |lens: &mut dyn Iterator<Item = usize>| Buffer::zeros(lens.max().unwrap_or(0));
        let carried = largest(&mut dims.iter().map(|&e| P::len(r, e)));
        let transposed = largest(&mut dims.iter().map(|&e| P::len(e, r)));
        Self {
            learning_rate: T::nearest(learning_rate),
            layers: (1..=depth).map(|j| matrix(dims[j], dims[j - 1])).collect(),
            phi: matrix(r, dims[0]),
            metric: None,
            suffixes: (1..depth).map(|j| matrix(r, dims[j - 1])).collect(),
            carried,
            transposed: [transposed.clone(), transposed],
            trial: vec![0.0; plan.parameters().max(r * dims[0])],
            products,
            simd: PhantomData,
            plan,
        }
    }

    /// Turns `W - Phi` in `carried` into `eta (W - Phi) F F'` and returns `||(W - Phi) F||_F^2`.
    ///
    /// # Safety
    /// As [`Trial::forward`].
    #[inline(always)]
    unsafe fn apply_metric(&mut self) -> T {
        let (r, e) = (self.plan.rows(), self.plan.dims()[0]);
        let Some(Metric { p, factor, factor_transposed, half }) = &mut self.metric else {
            return T::default();
        };
        let residual = &mut self.carried[..P::len(r, e)];
        if self.plan.mirrored() {
            // The residual is transposed, its rows are the d_0 that meet F: F' D', then F (F' D').
            self.products.multiply((*p, e, r), factor_transposed, residual, half);
            self.products.multiply((r, e, *p), factor, half, residual);
        } else {
            self.products.multiply((r, *p, e), residual, factor, half);
            self.products.multiply((r, e, *p), half, factor_transposed, residual);
        }
        // SAFETY: the caller's.
        unsafe {
            scale(self.learning_rate, residual);
            sum_of_squares::<T, S>(half)
        }
    }

    /// Carries the scaled residual towards the output, and subtracts the gradient of each layer from
    /// the layer, or from that of `other`.
    #[inline(always)]
    pub(super) fn carry(&mut self, mut other: Option<&mut Vec<Buffer<T>>>) {
        let (dims, r, depth) = (self.plan.dims(), self.plan.rows(), self.plan.depth());
        let (layers, last) = self.layers.split_at_mut(depth - 1);
        let [mut from, mut to] = self.transposed.each_mut();
        for j in 1..depth {
            let (e, e_below) = (dims[j], dims[j - 1]);
            if j == 1 {
                self.products.transpose(r, e_below, &self.carried, from);
            }
            self.products.multiply((e, r, e_below), &layers[j - 1], from, to);
            let suffix = self.suffixes.get(j).unwrap_or(&last[0]);
            let layer = match &mut other {
                None => &mut layers[j - 1],
                Some(other) => &mut other[j - 1],
            };
            self.products.subtract_transposed((e, e_below, r), suffix, &self.carried, layer);
            self.products.transpose(e, r, to, &mut self.carried);
            std::mem::swap(&mut from, &mut to);
        }
        let layer = match other {
            None => &mut last[0],
            Some(other) => &mut other[depth - 1],
        };
        subtract(&self.carried, layer);
    }

    /// The layers, in the order of the plan.
    pub(super) fn layers(&self) -> &Vec<Buffer<T>> {
        &self.layers
    }

    /// The layers, in the order of the plan.
    pub(super) fn layers_mut(&mut self) -> &mut Vec<Buffer<T>> {
        &mut self.layers
    }

    /// Copies what has the form of the layers into weights.
    pub(super) fn copy_out(&self, layers: &[Buffer<T>], weights: &mut Weights) {
        let dims = self.plan.dims();
        self.plan.restore(weights, |j, i, k| {
            layers[j - 1][P::position(dims[j], dims[j - 1], i, k)].widen()
        });
    }

    /// Copies weights into what has the form of the layers.
    pub(super) fn copy_in(&self, weights: &Weights, layers: &mut [Buffer<T>]) {
        put_layers::<T, P>(&self.plan, weights, &mut vec![0.0; self.plan.parameters()], layers);
    }
}

impl<T: Real, S: Simd<T>, P: Products<T>> Trial for Chain<T, S, P> {
    type Number = T;
    type Vectors = S;

    fn load(&mut self, weights: &Weights, problem: &Problem) {
        let Self { plan, trial, layers, phi, .. } = self;
        put_layers::<T, P>(plan, weights, trial, layers);
        plan.orient_target(problem.phi.view(), trial);
        put::<T, P>(plan.rows(), plan.dims()[0], trial, phi);
        self.metric = problem.factor.as_ref().map(|factor| {
            let (d, p) = factor.dim();
            // Mirrored, the residual is d_0 x d_N and its half p x d_N; otherwise d_N x p.
            let (rows, columns) =
                if plan.mirrored() { (p, plan.dims()[0]) } else { (plan.rows(), p) };
            let mut metric = Metric {
                p,
                factor: Buffer::zeros(P::len(d, p)),
                factor_transposed: Buffer::zeros(P::len(p, d)),
                half: Buffer::zeros(P::len(rows, columns)),
            };
            let entries: Vec<f64> = factor.iter().copied().collect();
            put::<T, P>(d, p, &entries, &mut metric.factor);
            let entries: Vec<f64> = factor.t().iter().copied().collect();
            put::<T, P>(p, d, &entries, &mut metric.factor_transposed);
            metric
        });
    }

    fn unload(&self, weights: &mut Weights) {
        self.copy_out(&self.layers, weights);
    }

    #[inline(always)]
    unsafe fn forward(&mut self) -> T {
        let (dims, r, depth) = (self.plan.dims(), self.plan.rows(), self.plan.depth());
        for j in (1..depth).rev() {
            let (e, e_below) = (dims[j], dims[j - 1]);
            let (below, above) = self.suffixes.split_at_mut(j);
            let suffix = above.first().unwrap_or(&self.layers[depth - 1]);
            self.products.multiply((r, e_below, e), suffix, &self.layers[j - 1], &mut below[j - 1]);
        }
        let end_to_end = self.suffixes.first().unwrap_or(&self.layers[0]);
        let carried = &mut self.carried[..self.phi.len()];
        // The learning rate enters once, in the residual: then all layers are rounded alike, and
        // symmetries of the start (`W_2 = -W_1`, say) survive in every bit.
        // SAFETY: the caller's.
        let norm_squared = unsafe {
            if self.metric.is_none() {
                residual::<T, S>(end_to_end, &self.phi, self.learning_rate, carried)
            } else {
                residual::<T, S>(end_to_end, &self.phi, T::nearest(1.0), carried);
                self.apply_metric()
            }
        };
        T::nearest(0.5) * norm_squared
    }

    #[inline(always)]
    unsafe fn backward(&mut self) {
        self.carry(None);
    }
}

/// Copies weights into their places; `room` is for all of them.
fn put_layers<T: Real, P: Products<T>>(
    plan: &ChainPlan,
    weights: &Weights,
    room: &mut [f64],
    layers: &mut [Buffer<T>],
) {
    plan.orient(weights, room);
    for (j, layer) in (1..).zip(layers) {
        let (rows, columns) = (plan.dims()[j], plan.dims()[j - 1]);
        put::<T, P>(rows, columns, &room[plan.layer_start(j)..], layer);
    }
}

/// Copies a row-major matrix into its place.
fn put<T: Real, P: Products<T>>(rows: usize, columns: usize, from: &[f64], to: &mut [T]) {
    for i in 0..rows {
        for k in 0..columns {
            to[P::position(rows, columns, i, k)] = T::nearest(from[i * columns + k]);
        }
    }
}
