//! Singular value decomposition and random orthonormal matrices in a fixed order of operations.
//!
//! LAPACK would be faster for wide matrices, but its last bits change with the processor, and these
//! bits decide where a trial starts (balanced and orthogonal initial weights) and what its row says.
//! Rotations are slow for wide matrices; what every trial needs, singular values alone, takes another
//! way there (`bidiagonal`).

use ndarray::{Array2, ArrayView2, Axis};

use super::{bidiagonal, matrix};
use crate::rng::Random;

/// `A = U diag(s) V'` with `s` decreasing: `U` is `m x k`, `V` is `n x k`, `k = min(m, n)`.
#[derive(Debug, Clone)]
pub struct Svd {
    /// Left singular vectors as columns; a column belonging to a zero singular value is zero.
    pub u: Array2<f64>,
    /// Singular values, decreasing.
    pub s: Vec<f64>,
    /// Right singular vectors as columns.
    pub v: Array2<f64>,
}

/// Pairs of columns are orthogonal when their cosine is at most this.
const ORTHOGONAL: f64 = 4.0 * f64::EPSILON;

/// Sweeps after which the columns are taken as they are. Quadratic convergence needs fewer than ten;
/// the bound only keeps a pathological matrix from running for ever.
const MAX_SWEEPS: usize = 60;

/// Most columns of matrices whose singular values alone are found by rotations too; measured, those of
/// 16 columns are found twice as fast by way of a bidiagonal matrix, those of 256 25 times.
const JACOBI_TO: usize = 8;

/// Singular value decomposition by one-sided Jacobi rotations (Hestenes 1958; Demmel and Veselic
/// 1992 for its high relative accuracy).
///
/// Entries that are not finite give NaN singular values and vectors.
pub fn svd(a: ArrayView2<'_, f64>) -> Svd {
    if a.nrows() < a.ncols() {
        let Svd { u, s, v } = svd(a.t());
        return Svd { u: v, s, v: u };
    }
    if !a.iter().all(|x| x.is_finite()) {
        let nan = |rows| Array2::from_elem((rows, a.ncols()), f64::NAN);
        return Svd { u: nan(a.nrows()), s: vec![f64::NAN; a.ncols()], v: nan(a.ncols()) };
    }
    let unit = unit(a);
    // Row p of `columns` is column p of A, rotated; row p of `basis` is column p of V.
    let mut columns = a.t().mapv(|x| x / unit).as_standard_layout().into_owned();
    let mut basis = Array2::eye(a.ncols());
    orthogonalise(&mut columns, &mut basis);
    sorted(&columns, &basis, unit)
}

/// Singular values alone, decreasing, within rounding of the largest; NaN if an entry is not finite.
pub fn singular_values(a: ArrayView2<'_, f64>) -> Vec<f64> {
    let a = if a.nrows() < a.ncols() { a.reversed_axes() } else { a };
    if a.ncols() <= JACOBI_TO || !a.iter().all(|x| x.is_finite()) {
        return svd(a).s;
    }
    let unit = unit(a);
    let rows = a.iter().map(|x| x / unit).collect();
    bidiagonal::singular_values(rows, a.ncols()).into_iter().map(|s| s * unit).collect()
}

/// The power of two of the largest entry: divided by it, which is exact, squares of entries do not
/// overflow, and those that matter do not vanish.
fn unit(a: ArrayView2<'_, f64>) -> f64 {
    let largest = a.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
    if largest > 0.0 { libm::ldexp(1.0, libm::ilogb(largest)) } else { 1.0 }
}

/// Rotates pairs of rows of `columns` (and of `basis` with them) until all are orthogonal.
fn orthogonalise(columns: &mut Array2<f64>, basis: &mut Array2<f64>) {
    for _ in 0..MAX_SWEEPS {
        let mut rotated = false;
        for p in 0..columns.nrows() {
            for q in p + 1..columns.nrows() {
                rotated |= rotate(columns, basis, p, q);
            }
        }
        if !rotated {
            return;
        }
    }
}

/// One Jacobi rotation; false if the pair was orthogonal already.
fn rotate(columns: &mut Array2<f64>, basis: &mut Array2<f64>, p: usize, q: usize) -> bool {
    let (mut pp, mut qq, mut pq) = (0.0, 0.0, 0.0);
    for (&x, &y) in columns.row(p).iter().zip(columns.row(q)) {
        pp += x * x;
        qq += y * y;
        pq += x * y;
    }
    if pq.abs() <= ORTHOGONAL * (pp * qq).sqrt() {
        return false;
    }
    let zeta = (qq - pp) / (2.0 * pq);
    let t = zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
    let c = 1.0 / (1.0 + t * t).sqrt();
    let s = c * t;
    for matrix in [columns, basis] {
        let (mut upper, mut lower) = matrix.view_mut().split_at(Axis(0), q);
        for (x, y) in upper.row_mut(p).iter_mut().zip(lower.row_mut(0)) {
            (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
        }
    }
    true
}

/// Orders the orthogonal columns by their norms, which are the singular values in these units.
fn sorted(columns: &Array2<f64>, basis: &Array2<f64>, unit: f64) -> Svd {
    let norms: Vec<f64> =
        columns.rows().into_iter().map(|row| matrix::frobenius(row.insert_axis(Axis(0)))).collect();
    let mut order: Vec<usize> = (0..norms.len()).collect();
    order.sort_by(|&i, &j| norms[j].total_cmp(&norms[i]));
    let mut u = Array2::zeros((columns.ncols(), order.len()));
    let mut v = Array2::zeros((basis.ncols(), order.len()));
    for (k, &i) in order.iter().enumerate() {
        v.column_mut(k).assign(&basis.row(i));
        if norms[i] != 0.0 {
            u.column_mut(k).assign(&columns.row(i).mapv(|x| x / norms[i]));
        }
    }
    Svd { u, s: order.iter().map(|&i| norms[i] * unit).collect(), v }
}

/// A `rows x cols` matrix with orthonormal columns (`rows >= cols`) or orthonormal rows, uniformly
/// distributed (Haar): a Gaussian matrix, orthonormalised by modified Gram-Schmidt, twice.
///
/// Gram-Schmidt leaves the diagonal of `R` positive, which is what makes `Q` Haar (Mezzadri 2007).
pub fn haar(random: &mut impl Random, rows: usize, cols: usize) -> Array2<f64> {
    // Rows of `q` are the vectors to be orthonormalised.
    let mut q = random.gaussian_matrix(rows.min(cols), rows.max(cols), 1.0);
    for i in 0..q.nrows() {
        for _ in 0..2 {
            for k in 0..i {
                let (done, mut rest) = q.view_mut().split_at(Axis(0), i);
                let mut row = rest.row_mut(0);
                let overlap: f64 = done.row(k).iter().zip(&row).map(|(x, y)| x * y).sum();
                row.zip_mut_with(&done.row(k), |y, x| *y -= overlap * x);
            }
        }
        let norm = matrix::frobenius(q.row(i).insert_axis(Axis(0)));
        q.row_mut(i).mapv_inplace(|x| x / norm);
    }
    if rows < cols { q } else { q.reversed_axes() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::rng::{Purpose, stream};
    use ndarray::array;

    fn random(rows: usize, cols: usize, trial: u64) -> Array2<f64> {
        stream(7, &Digest::of(b"svd"), Purpose::Init, trial).gaussian_matrix(rows, cols, 1.0)
    }

    fn largest(a: &Array2<f64>) -> f64 {
        a.iter().fold(0.0, |m: f64, x| m.max(x.abs()))
    }

    #[test]
    fn known_singular_values() {
        let s = singular_values(array![[3.0, 0.0], [4.0, 5.0]].view());
        assert!((s[0] - 45f64.sqrt()).abs() < 1e-14 && (s[1] - 5f64.sqrt()).abs() < 1e-14, "{s:?}");
        assert_eq!(singular_values(array![[3.0, 4.0]].view()), [5.0]);
        assert_eq!(singular_values(Array2::<f64>::zeros((2, 3)).view()), [0.0, 0.0]);
        let tiny = singular_values(array![[1e-200, 0.0], [0.0, 3e-200]].view());
        assert_eq!(tiny, [3e-200, 1e-200]);
    }

    #[test]
    fn factors_multiply_back_and_are_orthonormal() {
        for (trial, &(m, n)) in
            [(1, 1), (1, 5), (5, 1), (4, 4), (3, 7), (7, 3), (20, 20)].iter().enumerate()
        {
            let a = random(m, n, trial as u64);
            let Svd { u, s, v } = svd(a.view());
            let scaled = &u * &ndarray::Array1::from(s.clone());
            let back = matrix::product(scaled.view(), v.t());
            assert!(largest(&(back - &a)) < 1e-13, "{m}x{n}");
            let k = m.min(n);
            for q in [&u, &v] {
                let gram = matrix::product(q.t(), q.view());
                assert!(largest(&(gram - Array2::<f64>::eye(k))) < 1e-13, "{m}x{n}");
            }
            assert!(s.windows(2).all(|w| w[0] >= w[1]));
        }
    }

    /// Singular values by LAPACK, each of which must be within `1e-14 s_max` (45 rounding errors).
    fn assert_agrees_with_lapack(a: &Array2<f64>, what: &str) {
        use ndarray_linalg::SVD;
        let (_, expected, _) = a.svd(false, false).expect("LAPACK converges");
        let s = singular_values(a.view());
        assert_eq!(s.len(), expected.len(), "{what}");
        for (x, y) in s.iter().zip(&expected) {
            assert!((x - y).abs() <= 1e-14 * expected[0], "{what}: {x} and {y}");
        }
        assert!(s.windows(2).all(|pair| pair[0] >= pair[1]), "{what}");
    }

    const SIZES: [(usize, usize); 13] = [
        (1, 1),
        (1, 40),
        (40, 1),
        (6, 9),
        (8, 8),
        (9, 9),
        (9, 30),
        (17, 16),
        (64, 64),
        (60, 100),
        (100, 60),
        (65, 33),
        (300, 10),
    ];

    #[test]
    fn agrees_with_lapack() {
        for (trial, &(m, n)) in (0..).zip(&SIZES) {
            let a = random(m, n, 100 + trial);
            assert_agrees_with_lapack(&a, &format!("{m}x{n}"));
            // Rank 3, and every row a tenth of the one above it.
            let product = matrix::product(random(m, 3, 200).view(), random(3, n, 201).view());
            assert_agrees_with_lapack(&product, &format!("{m}x{n}, rank 3"));
            let graded = Array2::from_shape_fn((m, n), |(i, k)| a[[i, k]] * 0.1f64.powi(i as i32));
            assert_agrees_with_lapack(&graded, &format!("{m}x{n}, graded"));
            let upwards = Array2::from_shape_fn((m, n), |(i, k)| graded[[m - 1 - i, n - 1 - k]]);
            assert_agrees_with_lapack(&upwards, &format!("{m}x{n}, graded upwards"));
        }
    }

    #[test]
    fn singular_values_of_both_ways_agree() {
        for (trial, &(m, n)) in (0..).zip(&SIZES) {
            let a = random(m, n, 300 + trial);
            let s = singular_values(a.view());
            for (x, y) in s.iter().zip(&svd(a.view()).s) {
                assert!((x - y).abs() <= 1e-14 * s[0], "{m}x{n}: {x} and {y}");
            }
        }
    }

    #[test]
    fn storage_and_scale_change_no_bits() {
        for (m, n) in [(5, 3), (30, 20), (20, 30), (20, 20)] {
            let a = random(m, n, 400);
            let s = singular_values(a.view());
            let by_columns = a.t().as_standard_layout().into_owned();
            assert_eq!(singular_values(by_columns.t()), s);
            assert!(m == n || singular_values(by_columns.view()) == s);
            let unit = libm::ldexp(1.0, -600);
            let scaled: Vec<f64> = s.iter().map(|s| s * unit).collect();
            assert_eq!(singular_values((a * unit).view()), scaled);
        }
    }

    #[test]
    fn not_finite_gives_nan() {
        let s = singular_values(array![[1.0, f64::NAN], [0.0, f64::INFINITY]].view());
        assert!(s.iter().all(|x| x.is_nan()));
        for x in [f64::NAN, f64::NEG_INFINITY] {
            let mut a = random(20, 30, 5);
            a[[7, 11]] = x;
            let s = singular_values(a.view());
            assert!(s.len() == 20 && s.iter().all(|x| x.is_nan()));
        }
    }

    #[test]
    fn haar_matrices_are_orthonormal_either_way() {
        let mut random = stream(1, &Digest::of(b"haar"), Purpose::Init, 0);
        for (rows, cols) in [(1, 1), (4, 4), (3, 8), (8, 3), (40, 40)] {
            let q = haar(&mut random, rows, cols);
            assert_eq!(q.dim(), (rows, cols));
            let gram = if rows < cols {
                matrix::product(q.view(), q.t())
            } else {
                matrix::product(q.t(), q.view())
            };
            assert!(largest(&(gram - Array2::<f64>::eye(rows.min(cols)))) < 1e-14, "{rows}x{cols}");
        }
    }

    /// `E q_11^2 = 1/n` and `E q_11^4 = 3/(n(n+2))` for Haar; 1e4 draws, bounds at five standard errors.
    #[test]
    fn haar_moments() {
        let n = 3.0;
        let (mut second, mut fourth) = (0.0, 0.0);
        for trial in 0..10_000 {
            let q = haar(&mut stream(2, &Digest::of(b"haar"), Purpose::Init, trial), 3, 3);
            second += q[[0, 0]].powi(2) / 1e4;
            fourth += q[[0, 0]].powi(4) / 1e4;
        }
        assert!((second - 1.0 / n).abs() < 5.0 * 0.0030, "{second}");
        assert!((fourth - 3.0 / (n * (n + 2.0))).abs() < 5.0 * 0.0027, "{fourth}");
    }
}
