//! Products of compact matrices, a tile at a time.

#![expect(
    clippy::needless_range_loop,
    reason = "plain loops over indices: iterators would be compiled anew for every size of tile"
)]

use std::marker::PhantomData;

use crate::kernel::real::Real;
use crate::kernel::simd::{Simd, Work};

/// `C = A B`, `A` `m x k`, `B` `k x n`.
pub(super) const PLAIN: u8 = 0;
/// `C = A B'`, `A` `m x k`, `B` `n x k`.
pub(super) const CARRY: u8 = 1;
/// `C = C - A' B`, `A` `k x m`, `B` `k x n`.
pub(super) const UPDATE: u8 = 2;
/// `C = scale (A B - D)`, `A` `m x k`, `B` `k x n`, and the sum of the squares of `A B - D`.
pub(super) const RESIDUAL: u8 = 3;

/// A product of compact matrices in one of the forms above; all matrices are row-major without gaps, `C`
/// and `D` are `m x n`.
#[derive(Clone, Copy)]
pub(super) struct Product<T> {
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) k: usize,
    pub(super) a: *const T,
    pub(super) b: *const T,
    pub(super) c: *mut T,
    /// Of [`RESIDUAL`].
    pub(super) d: *const T,
    pub(super) scale: T,
}

impl<T: Real> Product<T> {
    /// A product of `(m, n, k)`.
    #[inline(always)]
    pub(super) fn new(
        (m, n, k): (usize, usize, usize),
        a: *const T,
        b: *const T,
        c: *mut T,
    ) -> Self {
        Self { m, n, k, a, b, c, d: std::ptr::null(), scale: T::default() }
    }

    /// Rows `i .. i + R` and columns `j .. j + C` of the product, their sums in registers; of
    /// [`RESIDUAL`] the sum of their squares.
    ///
    /// # Safety
    /// The processor has the instructions of `S`; the pointers reach matrices of these shapes; the rows
    /// and columns exist.
    #[inline(always)]
    pub(super) unsafe fn tile<S: Simd<T>, const R: usize, const C: usize, const FORM: u8>(
        &self,
        i: usize,
        j: usize,
    ) -> S::Vector {
        // SAFETY: the caller's.
        unsafe {
            let sums = self.sums::<S, R, C, FORM>(i, j);
            self.finish::<S, R, C, FORM>(i, j, sums)
        }
    }

    /// The sums of a tile.
    ///
    /// # Safety
    /// As [`tile`](Self::tile).
    #[inline(always)]
    pub(super) unsafe fn sums<S: Simd<T>, const R: usize, const C: usize, const FORM: u8>(
        &self,
        i: usize,
        j: usize,
    ) -> [[S::Vector; C]; R] {
        let Self { m, n, k, .. } = *self;
        // Distances, in vectors: in A from row to row and from one inner index to the next; in B from
        // one inner index to the next and from column to column.
        let (a_row, a_inner) = if FORM == UPDATE { (1, m) } else { (k, 1) };
        let (b_inner, b_column) = if FORM == CARRY { (1, k) } else { (n, 1) };
        // SAFETY: the caller's.
        unsafe {
            let mut a = self.a.wrapping_add(i * a_row * S::LANES);
            let mut b = self.b.wrapping_add(j * b_column * S::LANES);
            let zero = S::splat(T::default());
            let mut sums = [[zero; C]; R];
            let mut left = [zero; R];
            // The first products begin the sums: nothing has to be cleared for them.
            for x in 0..R {
                left[x] = S::load(a.wrapping_add(x * a_row * S::LANES));
            }
            for y in 0..C {
                let right = S::load(b.wrapping_add(y * b_column * S::LANES));
                for x in 0..R {
                    sums[x][y] = S::mul(left[x], right);
                }
            }
            for _ in 1..k {
                a = a.wrapping_add(a_inner * S::LANES);
                b = b.wrapping_add(b_inner * S::LANES);
                for x in 0..R {
                    left[x] = S::load(a.wrapping_add(x * a_row * S::LANES));
                }
                for y in 0..C {
                    let right = S::load(b.wrapping_add(y * b_column * S::LANES));
                    for x in 0..R {
                        sums[x][y] = S::fma(left[x], right, sums[x][y]);
                    }
                }
            }
            sums
        }
    }

    /// Writes a tile, given its sums.
    ///
    /// # Safety
    /// As [`tile`](Self::tile).
    #[inline(always)]
    pub(super) unsafe fn finish<S: Simd<T>, const R: usize, const C: usize, const FORM: u8>(
        &self,
        i: usize,
        j: usize,
        sums: [[S::Vector; C]; R],
    ) -> S::Vector {
        // SAFETY: the caller's.
        unsafe {
            let mut squares = [S::splat(T::default()); C];
            for x in 0..R {
                for y in 0..C {
                    let at = ((i + x) * self.n + j + y) * S::LANES;
                    let c = self.c.wrapping_add(at);
                    let entry = match FORM {
                        // The sum is rounded before it is subtracted, as that of the last layer is.
                        UPDATE => S::sub(S::load(c), sums[x][y]),
                        RESIDUAL => {
                            let difference = S::sub(sums[x][y], S::load(self.d.wrapping_add(at)));
                            squares[y] = S::fma(difference, difference, squares[y]);
                            S::mul(S::splat(self.scale), difference)
                        }
                        _ => sums[x][y],
                    };
                    S::store(c, entry);
                }
            }
            let mut sum = squares[0];
            for y in 1..C {
                sum = S::add(sum, squares[y]);
            }
            sum
        }
    }
}

/// A product of any shape, tile by tile, in a function of its own.
pub(super) struct Tiled<T, S, const FORM: u8>(pub(super) Product<T>, pub(super) PhantomData<S>);

impl<T: Real, S: Simd<T>, const FORM: u8> Work for Tiled<T, S, FORM> {
    type Output = S::Vector;

    #[inline(always)]
    unsafe fn run(self) -> S::Vector {
        let whole = self.0.m - self.0.m % 2;
        // SAFETY: the caller's; the rows exist.
        unsafe {
            let mut squares = S::splat(T::default());
            for i in (0..whole).step_by(2) {
                squares = S::add(squares, self.strip::<2>(i));
            }
            if whole < self.0.m {
                squares = S::add(squares, self.strip::<1>(whole));
            }
            squares
        }
    }
}

impl<T: Real, S: Simd<T>, const FORM: u8> Tiled<T, S, FORM> {
    /// `R` rows from `i` on: tiles of four columns, whose eight sums keep both multiply-adders busy and
    /// leave registers for what passes, and at the end one of up to seven.
    ///
    /// # Safety
    /// As [`Product::tile`].
    #[inline(always)]
    unsafe fn strip<const R: usize>(&self, i: usize) -> S::Vector {
        let (product, mut j) = (&self.0, 0);
        // SAFETY: the caller's; the columns exist.
        unsafe {
            let mut squares = S::splat(T::default());
            while product.n - j >= 8 {
                squares = S::add(squares, product.tile::<S, R, 4, FORM>(i, j));
                j += 4;
            }
            let last = match product.n - j {
                7 => S::add(
                    product.tile::<S, R, 4, FORM>(i, j),
                    product.tile::<S, R, 3, FORM>(i, j + 4),
                ),
                6 => product.tile::<S, R, 6, FORM>(i, j),
                5 => product.tile::<S, R, 5, FORM>(i, j),
                4 => product.tile::<S, R, 4, FORM>(i, j),
                3 => product.tile::<S, R, 3, FORM>(i, j),
                2 => product.tile::<S, R, 2, FORM>(i, j),
                _ => product.tile::<S, R, 1, FORM>(i, j),
            };
            S::add(squares, last)
        }
    }
}

/// `sum_i x_i^2` of `len` vectors, in four interleaved partial sums.
///
/// # Safety
/// The processor has the instructions of `S`; `x` may be called with indices below `len`.
#[inline(always)]
pub(super) unsafe fn sum_of_squares<T: Real, S: Simd<T>>(
    len: usize,
    mut x: impl FnMut(usize) -> S::Vector,
) -> S::Vector {
    // SAFETY: the caller's.
    unsafe {
        let mut partial = [S::splat(T::default()); 4];
        let whole = len - len % 4;
        for i in (0..whole).step_by(4) {
            for (k, p) in partial.iter_mut().enumerate() {
                let x = x(i + k);
                *p = S::fma(x, x, *p);
            }
        }
        for (i, p) in (whole..len).zip(&mut partial) {
            let x = x(i);
            *p = S::fma(x, x, *p);
        }
        let [a, b, c, d] = partial;
        S::add(S::add(a, b), S::add(c, d))
    }
}

/// `w = w - u`, `len` vectors.
///
/// # Safety
/// As [`Product::tile`].
#[inline(always)]
pub(super) unsafe fn subtract<T: Real, S: Simd<T>>(len: usize, u: *const T, w: *mut T) {
    for i in 0..len {
        // SAFETY: the caller's.
        unsafe {
            let (u, w) = (u.wrapping_add(i * S::LANES), w.wrapping_add(i * S::LANES));
            S::store(w, S::sub(S::load(w), S::load(u)));
        }
    }
}
