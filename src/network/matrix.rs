//! Small dense products in a fixed order of operations.
//!
//! What is computed once a trial (initial weights, what is observed at its ends) goes through these
//! loops instead of BLAS: IEEE 754 fixes every one of their operations, so the results are the same
//! bits on every machine, whatever BLAS is installed.

use ndarray::{Array2, ArrayView2};

/// `A B`, row-major; sums run over the inner index in increasing order, without fused multiply-add.
///
/// # Panics
/// If the inner dimensions differ.
pub fn product(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> Array2<f64> {
    assert_eq!(a.ncols(), b.nrows(), "inner dimensions of a product");
    let (m, n) = (a.nrows(), b.ncols());
    let (a, b) = (a.as_standard_layout(), b.as_standard_layout());
    let mut c = Array2::zeros((m, n));
    let standard = "arrays in standard layout are slices";
    let (a, b) = (a.as_slice().expect(standard), b.as_slice().expect(standard));
    let entries = c.as_slice_mut().expect(standard);
    let mut j = 0;
    while j < n {
        j += match n - j {
            8.. => strip::<8>(a, b, entries, n, j),
            4.. => strip::<4>(a, b, entries, n, j),
            2.. => strip::<2>(a, b, entries, n, j),
            _ => strip::<1>(a, b, entries, n, j),
        };
    }
    c
}

/// Computes columns `j .. j + C` of `C = A B`, whose rows have `n` entries; returns `C`.
fn strip<const C: usize>(a: &[f64], b: &[f64], c: &mut [f64], n: usize, j: usize) -> usize {
    let inner = b.len() / n;
    let mut rows = c.chunks_exact_mut(2 * n);
    let mut i = 0;
    for pair in &mut rows {
        let (first, second) = pair.split_at_mut(n);
        let [x, y] = tile::<2, C>(&a[i * inner..], b, inner, n, j);
        first[j..j + C].copy_from_slice(&x);
        second[j..j + C].copy_from_slice(&y);
        i += 2;
    }
    if let Some(row) = rows.into_remainder().get_mut(j..j + C) {
        let [x] = tile::<1, C>(&a[i * inner..], b, inner, n, j);
        row.copy_from_slice(&x);
    }
    C
}

/// The first `R` rows of `A` times columns `j .. j + C` of `B`, the sums in registers.
#[inline(always)]
fn tile<const R: usize, const C: usize>(
    a: &[f64],
    b: &[f64],
    inner: usize,
    n: usize,
    j: usize,
) -> [[f64; C]; R] {
    let mut sums = [[0.0; C]; R];
    for k in 0..inner {
        let right = &b[k * n + j..][..C];
        for x in 0..R {
            let left = a[x * inner + k];
            for y in 0..C {
                sums[x][y] += left * right[y];
            }
        }
    }
    sums
}

/// Frobenius norm, `sqrt(sum a_ij^2)`, summed in row-major order.
pub fn frobenius(a: ArrayView2<'_, f64>) -> f64 {
    a.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// The sign of the determinant of a square matrix, 0 if it is singular in this arithmetic: that of the
/// pivots of Gaussian elimination with partial pivoting. NaN if an entry is.
///
/// # Panics
/// If the matrix is not square.
pub fn determinant_sign(a: ArrayView2<'_, f64>) -> f64 {
    assert!(a.is_square(), "a determinant is of a square matrix");
    let (mut a, n) = (a.to_owned(), a.nrows());
    let mut sign = 1.0;
    for k in 0..n {
        let larger = |&i: &usize, &j: &usize| a[[i, k]].abs().total_cmp(&a[[j, k]].abs());
        let pivot = (k..n).rev().max_by(larger).expect("a row is left");
        if a[[pivot, k]] == 0.0 || a[[pivot, k]].is_nan() {
            return a[[pivot, k]].abs();
        }
        if pivot != k {
            sign = -sign;
            (k..n).for_each(|j| a.swap([k, j], [pivot, j]));
        }
        sign *= a[[k, k]].signum();
        for i in k + 1..n {
            let factor = a[[i, k]] / a[[k, k]];
            (k..n).for_each(|j| a[[i, j]] -= factor * a[[k, j]]);
        }
    }
    sign
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_one_sum_in_increasing_order() {
        let entry = |i: usize, k: usize| ((31 * i + 17 * k + 5) % 23) as f64 / 7.0 - 1.5;
        for (m, k, n) in
            [(0, 2, 3), (2, 0, 3), (3, 2, 0), (1, 1, 1), (2, 3, 4), (5, 7, 15), (4, 9, 23)]
        {
            let a = Array2::from_shape_fn((m, k), |(i, j)| entry(i, j));
            let b = Array2::from_shape_fn((n, k), |(i, j)| entry(j, i + 3));
            let expected = Array2::from_shape_fn((m, n), |(i, j)| {
                (0..k).fold(0.0, |sum, l| sum + a[[i, l]] * b[[j, l]])
            });
            assert_eq!(product(a.view(), b.t()), expected, "{m} x {k} x {n}");
        }
    }

    #[test]
    fn signs_of_determinants() {
        let sign = |a: &[f64], n| {
            determinant_sign(ArrayView2::from_shape((n, n), a).expect("a square matrix"))
        };
        assert_eq!(sign(&[], 0), 1.0);
        assert_eq!(sign(&[-3.0], 1), -1.0);
        assert_eq!(sign(&[0.0, 1.0, 1.0, 0.0], 2), -1.0);
        assert_eq!(sign(&[1.0, 2.0, 2.0, 4.0], 2), 0.0);
        assert!(sign(&[f64::NAN, 2.0, 2.0, 4.0], 2).is_nan());
        // A cyclic shift of three rows is even; its product underflows.
        let tiny = [0.0, 1e-200, 0.0, 0.0, 0.0, 1e-200, 1e-200, 0.0, 0.0];
        assert_eq!(sign(&tiny, 3), 1.0);
        assert_eq!(sign(&tiny.map(|x| -x), 3), -1.0);
    }
}
