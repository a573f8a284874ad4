//! Products of matrices of middling size, where a BLAS call spends a good part of its time on locks,
//! buffers and copies: register tiles over one packed panel at a time.
//!
//! Every entry is one chain of fused multiply-adds over the inner index in increasing order, so the
//! results have the same bits on every processor, whatever its vectors.

use super::gemm::Products;
use super::simd::{Level, Portable, Simd};

/// Rows of a register tile.
const ROWS: usize = 6;
/// Vectors across a register tile: with [`ROWS`] 12 sums, which hide the latency of multiply-add and
/// leave room for operands in 16 registers.
const VECTORS: usize = 2;
/// Columns of the widest panel.
const WIDEST: usize = VECTORS * 8;

/// Products by register tiles.
#[derive(Debug)]
pub struct Tiles {
    level: Level,
    /// One panel of the right operand, `k x columns`.
    panel: Vec<Line>,
}

/// Eight doubles, the cache line that panels are aligned to.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Line {
    _doubles: [f64; 8],
}

/// `C = A B` or `C = C + alpha A B`, where `A` is `m x k` with any strides.
#[derive(Clone, Copy)]
struct Task<'a> {
    m: usize,
    n: usize,
    k: usize,
    a: &'a [f64],
    /// Distance in `a` from one row to the next, and from one inner index to the next.
    a_strides: (usize, usize),
    b: &'a [f64],
    /// Whether `b` holds `B'` (`n x k`) instead of `B` (`k x n`).
    b_transposed: bool,
    /// `None`: overwrite `C`.
    add: Option<f64>,
}

impl Tiles {
    /// Products on the widest vectors of this processor.
    pub fn new() -> Self {
        Self::at(Level::detect())
    }

    /// Products at one level.
    ///
    /// # Panics
    /// If this processor does not have it.
    pub fn at(level: Level) -> Self {
        assert!(level.is_here(), "{} is not on this processor", level.name());
        Self { level, panel: Vec::new() }
    }

    fn run(&mut self, task: &Task<'_>, c: &mut [f64]) {
        let Task { m, n, k, .. } = *task;
        let last = |rows: usize, stride: usize| rows.saturating_sub(1) * stride;
        let a_end = last(m, task.a_strides.0) + last(k, task.a_strides.1);
        assert!(a_end < task.a.len() && task.b.len() >= k * n && c.len() >= m * n);
        let lines = k * WIDEST / 8;
        if self.panel.len() < lines {
            self.panel.resize(lines, Line { _doubles: [0.0; 8] });
        }
        let panel = self.panel.as_mut_ptr().cast::<f64>();
        // SAFETY: `at` has checked the level; the operands and the panel are large enough.
        unsafe {
            match self.level {
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => x86::avx512(task, panel, c.as_mut_ptr()),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => x86::avx2(task, panel, c.as_mut_ptr()),
                _ => multiply::<Portable>(task, panel, c.as_mut_ptr()),
            }
        }
    }
}

impl Default for Tiles {
    fn default() -> Self {
        Self::new()
    }
}

impl Products for Tiles {
    fn nn(&mut self, m: usize, n: usize, k: usize, a: &[f64], b: &[f64], c: &mut [f64]) {
        let a_strides = (k, 1);
        self.run(&Task { m, n, k, a, a_strides, b, b_transposed: false, add: None }, c);
    }

    fn nt(&mut self, m: usize, n: usize, k: usize, a: &[f64], b: &[f64], c: &mut [f64]) {
        let a_strides = (k, 1);
        self.run(&Task { m, n, k, a, a_strides, b, b_transposed: true, add: None }, c);
    }

    fn tn_add(
        &mut self,
        m: usize,
        n: usize,
        k: usize,
        alpha: f64,
        a: &[f64],
        b: &[f64],
        c: &mut [f64],
    ) {
        let a_strides = (1, m);
        self.run(&Task { m, n, k, a, a_strides, b, b_transposed: false, add: Some(alpha) }, c);
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::super::simd::{Avx2, Avx512};
    use super::{Task, multiply};

    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn avx2(task: &Task<'_>, panel: *mut f64, c: *mut f64) {
        // SAFETY: as the caller's.
        unsafe { multiply::<Avx2>(task, panel, c) }
    }

    #[target_feature(enable = "avx512f,avx2,fma")]
    pub(super) unsafe fn avx512(task: &Task<'_>, panel: *mut f64, c: *mut f64) {
        // SAFETY: as the caller's.
        unsafe { multiply::<Avx512>(task, panel, c) }
    }
}

/// The product, one panel of columns after another.
///
/// # Safety
/// The processor has the instructions of `S`; the operands are as large as `task` says; `panel` has
/// room for `k x VECTORS * LANES` doubles and `c` for `m x n`.
#[inline(always)]
unsafe fn multiply<S: Simd>(task: &Task<'_>, panel: *mut f64, c: *mut f64) {
    let width = VECTORS * S::LANES;
    for column in (0..task.n).step_by(width) {
        let columns = width.min(task.n - column);
        // SAFETY: columns `column .. column + columns` of B and C exist, and all rows of A.
        unsafe {
            pack::<S>(task, column, columns, panel);
            let mut row = 0;
            while row + ROWS <= task.m {
                block::<S, ROWS>(task, row, panel, c.add(row * task.n + column), columns);
                row += ROWS;
            }
            let c = c.add(row * task.n + column);
            match task.m - row {
                5 => block::<S, 5>(task, row, panel, c, columns),
                4 => block::<S, 4>(task, row, panel, c, columns),
                3 => block::<S, 3>(task, row, panel, c, columns),
                2 => block::<S, 2>(task, row, panel, c, columns),
                1 => block::<S, 1>(task, row, panel, c, columns),
                _ => {}
            }
        }
    }
}

/// Copies `columns` columns of `B` from `column` on into the panel, row-major and padded with zeros.
///
/// # Safety
/// As [`multiply`]; the columns exist.
#[inline(always)]
unsafe fn pack<S: Simd>(task: &Task<'_>, column: usize, columns: usize, panel: *mut f64) {
    let (n, k, width) = (task.n, task.k, VECTORS * S::LANES);
    let b = task.b.as_ptr();
    // SAFETY: all indices are below n in columns and below k in rows, and the panel is k x width.
    unsafe {
        if columns < width {
            std::slice::from_raw_parts_mut(panel, k * width).fill(0.0);
            for l in 0..k {
                for j in 0..columns {
                    let (row, stride) = if task.b_transposed { (column + j, k) } else { (l, n) };
                    let inner = if task.b_transposed { l } else { column + j };
                    *panel.add(l * width + j) = *b.add(row * stride + inner);
                }
            }
        } else if task.b_transposed {
            for j in (0..width).step_by(4) {
                let from = b.add((column + j) * k);
                let whole = k - k % 4;
                for l in (0..whole).step_by(4) {
                    S::transpose4(from.add(l), k, panel.add(l * width + j), width);
                }
                for l in whole..k {
                    for i in 0..4 {
                        *panel.add(l * width + j + i) = *from.add(i * k + l);
                    }
                }
            }
        } else {
            for l in 0..k {
                for v in 0..VECTORS {
                    let from = b.add(l * n + column + v * S::LANES);
                    S::store(panel.add(l * width + v * S::LANES), S::load(from));
                }
            }
        }
    }
}

/// `R` rows of the product from `row` on, over the columns of the panel; `c` points to the first entry.
///
/// # Safety
/// As [`multiply`]; the rows exist.
#[inline(always)]
unsafe fn block<S: Simd, const R: usize>(
    task: &Task<'_>,
    row: usize,
    panel: *const f64,
    c: *mut f64,
    columns: usize,
) {
    let (row_stride, inner_stride) = task.a_strides;
    let width = VECTORS * S::LANES;
    // SAFETY: rows `row .. row + R` of A and C exist, and the first `columns` columns of C.
    unsafe {
        let mut sums = [[S::splat(0.0); VECTORS]; R];
        // One pointer a row and a common offset: no address waits for another.
        let rows: [*const f64; R] =
            std::array::from_fn(|i| task.a.as_ptr().add((row + i) * row_stride));
        for l in 0..task.k {
            let b = panel.add(l * width);
            let right: [S::Vector; VECTORS] = std::array::from_fn(|v| S::load(b.add(v * S::LANES)));
            for (sums, a) in sums.iter_mut().zip(rows) {
                let left = S::splat(*a.add(l * inner_stride));
                for (sum, &right) in sums.iter_mut().zip(&right) {
                    *sum = S::fma(left, right, *sum);
                }
            }
        }
        if columns < width {
            // A copy, so that the sums of whole blocks never leave their registers.
            let copy = sums;
            store_some::<S, R>(task, &copy, c, columns);
        } else if let Some(alpha) = task.add {
            let alpha = S::splat(alpha);
            for (i, sums) in sums.iter().enumerate() {
                for (v, &sum) in sums.iter().enumerate() {
                    let c = c.add(i * task.n + v * S::LANES);
                    S::store(c, S::fma(alpha, sum, S::load(c)));
                }
            }
        } else {
            for (i, sums) in sums.iter().enumerate() {
                for (v, &sum) in sums.iter().enumerate() {
                    S::store(c.add(i * task.n + v * S::LANES), sum);
                }
            }
        }
    }
}

/// Stores the first `columns` columns of a block whose panel reaches beyond the last column of `C`.
///
/// # Safety
/// As [`multiply`]; `c` points to the first entry of the block.
#[inline(always)]
unsafe fn store_some<S: Simd, const R: usize>(
    task: &Task<'_>,
    sums: &[[S::Vector; VECTORS]; R],
    c: *mut f64,
    columns: usize,
) {
    for (i, sums) in sums.iter().enumerate() {
        let mut entries = [0.0; WIDEST];
        for (v, &sum) in sums.iter().enumerate() {
            // SAFETY: `WIDEST` entries hold the vectors of a row at any level.
            unsafe { S::store(entries.as_mut_ptr().add(v * S::LANES), sum) };
        }
        for (j, &entry) in entries.iter().enumerate().take(columns) {
            // SAFETY: row i of the block and its first `columns` columns exist.
            let c = unsafe { &mut *c.add(i * task.n + j) };
            *c = task.add.map_or(entry, |alpha| alpha.mul_add(entry, *c));
        }
    }
}
