//! The kernel for thin networks: `r = min(d_0, d_N)` at most four, one trial at a time.
//!
//! Here products are matrix-vector products: three multiply-adds a weight and step, and what decides is
//! how often a weight is loaded and stored. So carrying the residual through a layer and updating the
//! layer are one pass: each row of `W_j` meets `U_{j-1}` twice, once for its entry of `U_j`, once for
//! its update, and is loaded and stored once. The weights of one trial, not of a group of them, stay in
//! the first caches; the chain downward ends at the layer where the chain upward begins.
//!
//! Sums over columns are one partial sum for each place in a cache line, added in the order of
//! `simd::tree`; sums over rows are chains in increasing order. So rows have the same bits on
//! all vectors.

#![expect(
    clippy::needless_range_loop,
    reason = "plain loops over indices: iterators would be compiled anew for every size of tile"
)]

use std::marker::PhantomData;

use super::buffer::Buffer;
use super::chain::ChainPlan;
use super::elementwise::{residual, scale, subtract, sum_of_squares};
use super::real::Real;
use super::simd::{Simd, Work};
use super::single::Trial;
use crate::network::target::Problem;
use crate::network::{Shape, Weights};

/// Most rows of the chain.
pub(super) const MOST_ROWS: usize = 4;

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

/// A row-major matrix whose rows begin at cache lines and are filled up with zeros, and whose rows are
/// filled up with zeros to a multiple of four.
#[derive(Debug, Clone)]
struct Matrix<T> {
    rows: usize,
    columns: usize,
    /// Distance from one row to the next.
    stride: usize,
    entries: Buffer<T>,
}

impl<T: Real> Matrix<T> {
    fn zeros(rows: usize, columns: usize) -> Self {
        let stride = columns.next_multiple_of(T::LINE);
        let entries = Buffer::zeros(rows.next_multiple_of(4) * stride);
        Self { rows, columns, stride, entries }
    }

    /// Copies a row-major matrix without gaps.
    fn put(&mut self, from: &[f64]) {
        for (row, from) in
            self.entries.chunks_mut(self.stride).zip(from.chunks(self.columns)).take(self.rows)
        {
            for (entry, &x) in row.iter_mut().zip(from) {
                *entry = T::nearest(x);
            }
        }
    }

    fn entry(&self, i: usize, k: usize) -> T {
        self.entries[i * self.stride + k]
    }
}

/// `C = A B`, `A` `R x k`, `B` `k x n`, in a function of its own: every row of `B` is read once for all
/// rows of `A`.
///
/// # Safety
/// As [`Simd`]; the shapes fit.
#[inline(always)]
unsafe fn multiply<T: Real, S: Simd<T>, const R: usize>(
    a: &Matrix<T>,
    b: &Matrix<T>,
    c: &mut Matrix<T>,
) {
    debug_assert!(a.rows == R && c.rows == R && a.columns == b.rows && b.columns == c.columns);
    // SAFETY: the caller's.
    unsafe { S::enable(Multiply::<T, S, R> { a, b, c, simd: PhantomData }) }
}

/// See [`multiply`].
struct Multiply<'a, T, S, const R: usize> {
    a: &'a Matrix<T>,
    b: &'a Matrix<T>,
    c: &'a mut Matrix<T>,
    simd: PhantomData<S>,
}

impl<T: Real, S: Simd<T>, const R: usize> Work for Multiply<'_, T, S, R> {
    type Output = ();

    #[inline(always)]
    unsafe fn run(self) {
        let Self { a, b, c, .. } = self;
        let vectors = b.columns.div_ceil(S::LANES);
        let most = (S::SUMS / R).min(12);
        let blocks = vectors.div_ceil(most);
        let mut at = 0;
        for block in 0..blocks {
            // Of equal width, so that none has too few sums to keep the multiply-adders busy.
            let width = (vectors - at).div_ceil(blocks - block);
            // SAFETY: the caller's; the vectors exist, rows are filled up to whole ones.
            unsafe {
                match width {
                    2 if const { 2 * R <= S::SUMS } => columns::<T, S, R, 2>(a, b, c, at),
                    3 if const { 3 * R <= S::SUMS } => columns::<T, S, R, 3>(a, b, c, at),
                    4 if const { 4 * R <= S::SUMS } => columns::<T, S, R, 4>(a, b, c, at),
                    5 if const { 5 * R <= S::SUMS } => columns::<T, S, R, 5>(a, b, c, at),
                    6 if const { 6 * R <= S::SUMS } => columns::<T, S, R, 6>(a, b, c, at),
                    7 if const { 7 * R <= S::SUMS } => columns::<T, S, R, 7>(a, b, c, at),
                    8 if const { 8 * R <= S::SUMS } => columns::<T, S, R, 8>(a, b, c, at),
                    9 if const { 9 * R <= S::SUMS } => columns::<T, S, R, 9>(a, b, c, at),
                    10 if const { 10 * R <= S::SUMS } => columns::<T, S, R, 10>(a, b, c, at),
                    11 if const { 11 * R <= S::SUMS } => columns::<T, S, R, 11>(a, b, c, at),
                    12 if const { 12 * R <= S::SUMS } => columns::<T, S, R, 12>(a, b, c, at),
                    _ => columns::<T, S, R, 1>(a, b, c, at),
                }
            }
            at += width;
        }
    }
}

/// `V` vectors of columns of the product, from vector `at` on.
///
/// # Safety
/// As [`multiply`].
#[inline(always)]
unsafe fn columns<T: Real, S: Simd<T>, const R: usize, const V: usize>(
    a: &Matrix<T>,
    b: &Matrix<T>,
    c: &mut Matrix<T>,
    at: usize,
) {
    let (left, right) = (a.entries.as_ptr(), b.entries.as_ptr());
    // SAFETY: the caller's.
    unsafe {
        let mut sums = [[S::splat(T::default()); V]; R];
        let mut factors = [S::splat(T::default()); R];
        for i in 0..b.rows {
            let row = right.add(i * b.stride + at * S::LANES);
            for q in 0..R {
                factors[q] = S::splat(*left.add(q * a.stride + i));
            }
            for v in 0..V {
                let x = S::load(row.add(v * S::LANES));
                for q in 0..R {
                    sums[q][v] = S::fma(factors[q], x, sums[q][v]);
                }
            }
        }
        let c_at = c.entries.as_mut_ptr();
        for q in 0..R {
            for v in 0..V {
                S::store(c_at.add(q * c.stride + (at + v) * S::LANES), sums[q][v]);
            }
        }
    }
}

/// `C = A B'`, `A` `R x n`, `B` `k x n`, and, if `UPDATE`, `B = B - D' A`, `D` `R x k`, in a function of
/// its own: one pass over the rows of `B`, as many together as make four sums.
///
/// # Safety
/// As [`Simd`]; the shapes fit.
#[inline(always)]
unsafe fn multiply_transposed<T: Real, S: Simd<T>, const R: usize, const UPDATE: bool>(
    a: &Matrix<T>,
    b: &mut Matrix<T>,
    d: &Matrix<T>,
    c: &mut Matrix<T>,
) {
    debug_assert!(a.rows == R && c.rows == R && a.columns == b.columns && b.rows == c.columns);
    // SAFETY: the caller's.
    unsafe { S::enable(MultiplyTransposed::<T, S, R, UPDATE> { a, b, d, c, simd: PhantomData }) }
}

/// See [`multiply_transposed`].
struct MultiplyTransposed<'a, T, S, const R: usize, const UPDATE: bool> {
    a: &'a Matrix<T>,
    b: &'a mut Matrix<T>,
    d: &'a Matrix<T>,
    c: &'a mut Matrix<T>,
    simd: PhantomData<S>,
}

impl<T: Real, S: Simd<T>, const R: usize, const UPDATE: bool> Work
    for MultiplyTransposed<'_, T, S, R, UPDATE>
{
    type Output = ();

    #[inline(always)]
    unsafe fn run(self) {
        let Self { a, b, d, c, .. } = self;
        for i in (0..b.rows).step_by(const { MOST_ROWS / R }) {
            // SAFETY: the caller's; rows are filled up to a multiple of four.
            unsafe { rows_transposed::<T, S, R, UPDATE>(a, b, d, c, i) };
        }
    }
}

/// Rows `i .. i + 4 / R` of [`multiply_transposed`].
///
/// # Safety
/// As there.
#[inline(always)]
unsafe fn rows_transposed<T: Real, S: Simd<T>, const R: usize, const UPDATE: bool>(
    a: &Matrix<T>,
    b: &mut Matrix<T>,
    d: &Matrix<T>,
    c: &mut Matrix<T>,
    i: usize,
) {
    let vectors = a.columns.div_ceil(S::LANES);
    // SAFETY: the caller's.
    unsafe {
        let zero = S::splat(T::default());
        let mut pass = Pass::<T, S, R> {
            a: a.entries.as_ptr(),
            a_stride: a.stride,
            b: b.entries.as_mut_ptr().add(i * b.stride),
            b_stride: b.stride,
            factors: [[zero; R]; MOST_ROWS],
            sums: [[[zero; 2]; R]; MOST_ROWS],
        };
        if UPDATE {
            for x in 0..MOST_ROWS / R {
                for q in 0..R {
                    pass.factors[x][q] = S::splat(*d.entries.as_ptr().add(q * d.stride + i + x));
                }
            }
        }
        if T::LINE == S::LANES {
            for v in 0..vectors {
                pass.meet::<1, UPDATE>(v);
            }
        } else {
            for v in (0..vectors - vectors % 2).step_by(2) {
                pass.meet::<2, UPDATE>(v);
            }
            if vectors % 2 == 1 {
                // The second half of the last line is empty. Its zeros count on vectors that fill a
                // line: they turn a sum of -0 into 0.
                pass.meet::<1, UPDATE>(vectors - 1);
                for sum in pass.sums.as_flattened_mut() {
                    sum[1] = S::add(sum[1], zero);
                }
            }
        }
        let mut quads = [[zero; 2]; 4];
        for x in 0..MOST_ROWS / R {
            for q in 0..R {
                quads[x * R + q] = pass.sums[x][q];
            }
        }
        let c_at = c.entries.as_mut_ptr();
        if R == 1 {
            return S::sum4(quads, c_at.add(i));
        }
        let mut results = [T::default(); 4];
        S::sum4(quads, results.as_mut_ptr());
        for x in 0..MOST_ROWS / R {
            for q in 0..R {
                *c_at.add(q * c.stride + i + x) = results[x * R + q];
            }
        }
    }
}

/// The state of a pass over a few rows: of its arrays of four rows the first `4 / R` are used.
struct Pass<T, S: Simd<T>, const R: usize>
where
    T: Real,
{
    a: *const T,
    a_stride: usize,
    b: *mut T,
    b_stride: usize,
    factors: [[S::Vector; R]; MOST_ROWS],
    /// Partial sums: of the first half of every cache line, and of the second.
    sums: [[[S::Vector; 2]; R]; MOST_ROWS],
}

impl<T: Real, S: Simd<T>, const R: usize> Pass<T, S, R> {
    /// `P` vectors of the rows from `v` on, which begin a cache line, meet those of `A`. Both halves of
    /// a line are loaded in turn: processors with banked caches load two at once only from different
    /// halves.
    ///
    /// # Safety
    /// As [`multiply_transposed`].
    #[inline(always)]
    unsafe fn meet<const P: usize, const UPDATE: bool>(&mut self, v: usize) {
        // SAFETY: the caller's.
        unsafe {
            let mut u = [[S::splat(T::default()); P]; R];
            for q in 0..R {
                for part in 0..P {
                    u[q][part] = S::load(self.a.add(q * self.a_stride + (v + part) * S::LANES));
                }
            }
            for x in 0..MOST_ROWS / R {
                for part in 0..P {
                    let at = self.b.add(x * self.b_stride + (v + part) * S::LANES);
                    let w = S::load(at);
                    for q in 0..R {
                        self.sums[x][q][part] = S::fma(w, u[q][part], self.sums[x][q][part]);
                    }
                    if UPDATE {
                        // The sum is rounded before it is subtracted, as that of the last layer is.
                        let mut sum = S::mul(self.factors[x][0], u[0][part]);
                        for q in 1..R {
                            sum = S::fma(self.factors[x][q], u[q][part], sum);
                        }
                        S::store(at, S::sub(w, sum));
                    }
                }
            }
        }
    }
}

/// `C = A B`, `A` of any number of rows, where `a(i, k)` is an entry of `A`.
#[inline(always)]
fn multiply_any<T: Real>(a: impl Fn(usize, usize) -> T, b: &Matrix<T>, c: &mut Matrix<T>) {
    debug_assert!(b.columns == c.columns);
    let stride = b.stride;
    c.entries.fill(T::default());
    for i in 0..c.rows {
        for k in 0..b.rows {
            let factor = a(i, k);
            let (row, sums) = (&b.entries[k * stride..], &mut c.entries[i * stride..]);
            for (sum, &x) in sums[..stride].iter_mut().zip(&row[..stride]) {
                *sum = factor.fma(x, *sum);
            }
        }
    }
}
