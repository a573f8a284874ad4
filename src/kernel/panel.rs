//! Products of matrices that are stored as the innermost loop of a product reads them.
//!
//! A BLAS call copies its operands into panels, takes locks and buffers for that, and throws the panels
//! away. Here all matrices of a chain *are* panels, from the load of a trial to its end: a panel is a
//! cache line of columns wide ([`Real::LINE`]), its rows follow one another, and the last one is filled
//! up with zeros. So the right operand streams from its panel, the left one is read entry by entry from
//! a few consecutive lines, and nothing is copied. Only `A B'` would read across panels; the chain
//! avoids it ([`super::gemm`]).
//!
//! Every entry is one chain of fused multiply-adds over the inner index in increasing order, so the
//! results have the same bits on every processor, whatever its vectors.

#![expect(
    clippy::needless_range_loop,
    reason = "plain loops over indices: iterators would be compiled anew for every size of tile"
)]

use std::marker::PhantomData;

use super::gemm::Products;
use super::real::Real;
use super::simd::{Simd, Work};

/// Inner indices of a block: a panel of the right operand of this height stays in the first cache.
const INNER: usize = 256;
/// Rows of a block: with [`INNER`] it stays in the second cache while panel after panel meets it.
/// A multiple of the rows of all tiles.
const ROWS: usize = 72;

/// Products by register tiles on panels.
#[derive(Debug)]
pub(super) struct Panels<S>(PhantomData<S>);

impl<S> Panels<S> {
    /// # Safety
    /// The processor has the instructions of `S`.
    pub(super) unsafe fn new() -> Self {
        Self(PhantomData)
    }
}

/// Panels of a matrix with this many columns.
fn panels<T: Real>(columns: usize) -> usize {
    columns.div_ceil(T::LINE)
}

impl<T: Real, S: Simd<T>> Products<T> for Panels<S> {
    fn len(rows: usize, columns: usize) -> usize {
        panels::<T>(columns) * rows * T::LINE
    }

    fn position(rows: usize, _columns: usize, i: usize, k: usize) -> usize {
        (k / T::LINE * rows + i) * T::LINE + k % T::LINE
    }

    fn multiply(&mut self, (m, n, k): (usize, usize, usize), a: &[T], b: &[T], c: &mut [T]) {
        let len = <Self as Products<T>>::len;
        assert!(a.len() >= len(m, k) && b.len() >= len(k, n) && c.len() >= len(m, n));
        let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
        let task = Task { m, n, k, a, b, c };
        // SAFETY: `new` was promised the instructions; the operands are large enough.
        unsafe { S::enable(Multiply::<T, S, false>(task, PhantomData)) }
    }

    fn subtract_transposed(
        &mut self,
        (m, n, k): (usize, usize, usize),
        a: &[T],
        b: &[T],
        c: &mut [T],
    ) {
        let len = <Self as Products<T>>::len;
        assert!(a.len() >= len(k, m) && b.len() >= len(k, n) && c.len() >= len(m, n));
        let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
        let task = Task { m, n, k, a, b, c };
        // SAFETY: as above.
        unsafe { S::enable(Multiply::<T, S, true>(task, PhantomData)) }
    }

    fn transpose(&mut self, m: usize, n: usize, a: &[T], b: &mut [T]) {
        let len = <Self as Products<T>>::len;
        assert!(a.len() >= len(m, n) && b.len() >= len(n, m));
        // SAFETY: as above.
        unsafe { S::enable(Transpose::<T, S>(m, n, a.as_ptr(), b.as_mut_ptr(), PhantomData)) }
    }
}

/// `C = A B` with `A` `m x k`, or `C = C - A' B` with `A` `k x m`; `B` is `k x n`, `C` is `m x n`.
#[derive(Clone, Copy)]
struct Task<T> {
    m: usize,
    n: usize,
    k: usize,
    a: *const T,
    b: *const T,
    c: *mut T,
}

/// A product; `UPDATE`: the one that is subtracted, with its left operand transposed.
struct Multiply<T, S, const UPDATE: bool>(Task<T>, PhantomData<S>);

impl<T: Real, S: Simd<T>, const UPDATE: bool> Work for Multiply<T, S, UPDATE> {
    type Output = ();

    /// Block by block: inner indices, rows, vectors of columns.
    #[inline(always)]
    unsafe fn run(self) {
        let Task { m, n, k, .. } = self.0;
        let vectors = n.div_ceil(S::LANES);
        for inner in (0..k.max(1)).step_by(INNER) {
            let inner = inner..k.min(inner + INNER);
            for rows in (0..m).step_by(ROWS) {
                let rows = rows..m.min(rows + ROWS);
                for vector in (0..vectors).step_by(2) {
                    let block = Block { inner: inner.clone(), rows: rows.clone(), vector };
                    // SAFETY: the caller's; rows, inner indices and vectors exist.
                    unsafe {
                        if vector + 1 < vectors {
                            self.tiles::<2>(&block);
                        } else {
                            self.tiles::<1>(&block);
                        }
                    }
                }
            }
        }
        // What tiles leave of a last panel of which they need half only.
        let filled = vectors * S::LANES;
        if !UPDATE && filled % T::LINE != 0 {
            // SAFETY: the last panel has `m` lines, of which the second half is empty.
            unsafe {
                let half = self.0.c.add((filled / T::LINE * m) * T::LINE + S::LANES);
                for i in 0..m {
                    S::store(half.add(i * T::LINE), S::splat(T::default()));
                }
            }
        }
    }
}

/// Rows of the next tile where `left` are left and `most` fit: what is not a whole number of the highest
/// tiles is shared between two.
fn height(left: usize, most: usize) -> usize {
    if left >= 2 * most || left == most {
        return most;
    }
    let share = if left > most || left > 6 { left.div_ceil(2) } else { left };
    if share > 6 { share.next_multiple_of(2) } else { share }
}

/// A range of a product: inner indices, rows, and the first vector of columns.
struct Block {
    inner: std::ops::Range<usize>,
    rows: std::ops::Range<usize>,
    vector: usize,
}

impl<T: Real, S: Simd<T>, const UPDATE: bool> Multiply<T, S, UPDATE> {
    /// Tiles of `V` vectors across, as high as registers allow; the rest in two halves, so that none is
    /// too low to keep the multiply-adders busy.
    ///
    /// # Safety
    /// The caller's of [`Work::run`]; the block lies inside the product.
    #[inline(always)]
    unsafe fn tiles<const V: usize>(&self, block: &Block) {
        let mut i = block.rows.start;
        while i < block.rows.end {
            let high = height(block.rows.end - i, S::SUMS / 2);
            // SAFETY: the caller's.
            unsafe {
                match high {
                    12 if const { S::SUMS >= 24 } => self.tile::<12, V>(block, i),
                    10 if const { S::SUMS >= 20 } => self.tile::<10, V>(block, i),
                    8 if const { S::SUMS >= 16 } => self.tile::<8, V>(block, i),
                    6 => self.tile::<6, V>(block, i),
                    5 => self.tile::<5, V>(block, i),
                    4 => self.tile::<4, V>(block, i),
                    3 => self.tile::<3, V>(block, i),
                    2 => self.tile::<2, V>(block, i),
                    _ => self.tile::<1, V>(block, i),
                }
            }
            i += high;
        }
    }

    /// `R` rows from `i` on, `V` vectors of columns.
    ///
    /// # Safety
    /// As [`tiles`](Self::tiles); the rows exist.
    #[inline(always)]
    unsafe fn tile<const R: usize, const V: usize>(&self, block: &Block, i: usize) {
        let Task { m, k, .. } = self.0;
        // SAFETY: the caller's.
        unsafe {
            let (mut a, mut b, mut c) = ([self.0.a; R], [self.0.b; V], [self.0.c; V]);
            for v in 0..V {
                let column = (block.vector + v) * S::LANES;
                let (panel, within) = (column / T::LINE, column % T::LINE);
                b[v] = self.0.b.add((panel * k + block.inner.start) * T::LINE + within);
                c[v] = self.0.c.add((panel * m + i) * T::LINE + within);
            }
            // How far it is in the left operand to the next inner index, within a line of them and from
            // line to line.
            let (step, line_step) =
                if UPDATE { (T::LINE, T::LINE * T::LINE) } else { (1, m * T::LINE) };
            for x in 0..R {
                let row = i + x;
                let start = if UPDATE {
                    (row / T::LINE * k) * T::LINE + row % T::LINE
                } else {
                    row * T::LINE
                };
                a[x] = self.0.a.add(start + block.inner.start / T::LINE * line_step);
            }
            let mut sums = [[S::splat(T::default()); V]; R];
            if !UPDATE && block.inner.start > 0 {
                for x in 0..R {
                    for v in 0..V {
                        sums[x][v] = S::load(c[v].add(x * T::LINE));
                    }
                }
            }
            let mut left = block.inner.len();
            while left > 0 {
                for within in 0..left.min(T::LINE) {
                    let mut right = [S::splat(T::default()); V];
                    for v in 0..V {
                        right[v] = S::load(b[v].add(within * T::LINE));
                    }
                    for x in 0..R {
                        let factor = S::splat(*a[x].add(within * step));
                        for v in 0..V {
                            sums[x][v] = S::fma(factor, right[v], sums[x][v]);
                        }
                    }
                }
                for a in &mut a {
                    *a = a.wrapping_add(line_step);
                }
                for b in &mut b {
                    *b = b.wrapping_add(T::LINE * T::LINE);
                }
                left = left.saturating_sub(T::LINE);
            }
            for x in 0..R {
                for v in 0..V {
                    let c = c[v].add(x * T::LINE);
                    // The sum is rounded before it is subtracted, as that of the last layer is.
                    let entry = if UPDATE { S::sub(S::load(c), sums[x][v]) } else { sums[x][v] };
                    S::store(c, entry);
                }
            }
        }
    }
}

/// `B = A'` for an `m x n` matrix `A`.
struct Transpose<T, S>(usize, usize, *const T, *mut T, PhantomData<S>);

impl<T: Real, S: Simd<T>> Work for Transpose<T, S> {
    type Output = ();

    #[inline(always)]
    unsafe fn run(self) {
        let Self(m, n, a, b, _) = self;
        let position =
            |rows: usize, i: usize, k: usize| (k / T::LINE * rows + i) * T::LINE + k % T::LINE;
        let (m4, n4) = (m - m % 4, n - n % 4);
        // SAFETY: the caller's; all indices are inside A and B.
        unsafe {
            for k in (0..n4).step_by(4) {
                for i in (0..m4).step_by(4) {
                    let (from, to) = (a.add(position(m, i, k)), b.add(position(n, k, i)));
                    S::transpose4(from, T::LINE, to, T::LINE);
                }
                for i in m4..m {
                    for k in k..k + 4 {
                        *b.add(position(n, k, i)) = *a.add(position(m, i, k));
                    }
                }
            }
            for k in n4..n {
                for i in 0..m {
                    *b.add(position(n, k, i)) = *a.add(position(m, i, k));
                }
            }
            for i in m..panels::<T>(m) * T::LINE {
                for k in 0..n {
                    *b.add(position(n, k, i)) = T::default();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::height;

    #[test]
    fn heights_cover_all_rows_with_tiles_that_there_are() {
        for most in [6, 12] {
            for rows in 1..=72 {
                let mut left = rows;
                while left > 0 {
                    let high = height(left, most);
                    assert!(
                        high <= left.min(most) && [1, 2, 3, 4, 5, 6, 8, 10, 12].contains(&high),
                        "{rows}"
                    );
                    left -= high;
                }
            }
        }
    }
}
