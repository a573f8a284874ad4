//! The products of thin chains: matrices of at most four rows times layers.
//!
//! Sums over columns are one partial sum for each place in a cache line, added in the order of
//! `simd::tree`; sums over rows are chains in increasing order. So rows have the same bits on
//! all vectors.

#![expect(
    clippy::needless_range_loop,
    reason = "plain loops over indices: iterators would be compiled anew for every size of tile"
)]

use std::marker::PhantomData;

use super::super::buffer::Buffer;
use super::super::real::Real;
use super::super::simd::{Simd, Work};

/// Most rows of the left operands.
pub(in crate::kernel) const MOST_ROWS: usize = 4;

/// A row-major matrix whose rows begin at cache lines and are filled up with zeros, and whose rows are
/// filled up with zeros to a multiple of four.
#[derive(Debug, Clone)]
pub(super) struct Matrix<T> {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Distance from one row to the next.
    pub(super) stride: usize,
    pub(super) entries: Buffer<T>,
}

impl<T: Real> Matrix<T> {
    pub(super) fn zeros(rows: usize, columns: usize) -> Self {
        let stride = columns.next_multiple_of(T::LINE);
        let entries = Buffer::zeros(rows.next_multiple_of(4) * stride);
        Self { rows, columns, stride, entries }
    }

    /// Copies a row-major matrix without gaps.
    pub(super) fn put(&mut self, from: &[f64]) {
        for (row, from) in
            self.entries.chunks_mut(self.stride).zip(from.chunks(self.columns)).take(self.rows)
        {
            for (entry, &x) in row.iter_mut().zip(from) {
                *entry = T::nearest(x);
            }
        }
    }

    pub(super) fn entry(&self, i: usize, k: usize) -> T {
        self.entries[i * self.stride + k]
    }
}

/// `C = A B`, `A` `R x k`, `B` `k x n`, in a function of its own: every row of `B` is read once for all
/// rows of `A`.
///
/// # Safety
/// As [`Simd`]; the shapes fit.
#[inline(always)]
pub(super) unsafe fn multiply<T: Real, S: Simd<T>, const R: usize>(
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
pub(super) unsafe fn multiply_transposed<
    T: Real,
    S: Simd<T>,
    const R: usize,
    const UPDATE: bool,
>(
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
pub(super) fn multiply_any<T: Real>(
    a: impl Fn(usize, usize) -> T,
    b: &Matrix<T>,
    c: &mut Matrix<T>,
) {
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
