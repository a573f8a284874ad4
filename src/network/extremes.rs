//! Bounds of the extreme singular values of a small matrix, in a fixed order of operations: cheaper than
//! all singular values, and on the safe side of rounding.
//!
//! Of `M = A A'` (or `A'A`, whichever is smaller, `k x k`) reflections make a tridiagonal matrix, and
//! Sturm counts bisect for its first and last eigenvalue. With `u` the unit roundoff and `n >= k` the
//! longer side of `A`, forming `M` errs by at most `n u ||A||_F^2` (to first order), and `k - 2`
//! reflections from both sides are an error of a small multiple of `k^2 u ||M||_F` in `M` (Higham 2002,
//! Lemma 19.3), Sturm counts of a few `u ||M||_F` (Wilkinson 1965). Eigenvalues move by no more than the
//! norm of the error (Weyl), so `MARGIN k n u ||A||_F^2` covers all of it many times.

use ndarray::{Array2, ArrayView2};

use super::matrix;

/// How many times `k n u ||A||_F^2` eigenvalues of `M` may be off; the theory needs less than 20.
const MARGIN: f64 = 64.0;

/// Eigenvalues are bisected until the ends of an interval have at most this ratio: bounds are no sharper.
const RATIO: f64 = 1.0 + 1.0 / 256.0;

/// Squares of norms outside of this are not computed with: they may overflow or vanish.
const SQUARES: std::ops::Range<f64> = 1e-200..1e200;

/// Bounds of the extreme singular values of a matrix.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extremes {
    /// At most the smallest of its `min(m, n)` singular values.
    pub low: f64,
    /// At least the largest one.
    pub high: f64,
}

impl Extremes {
    /// Of the identity.
    pub const IDENTITY: Self = Self { low: 1.0, high: 1.0 };

    /// Of a matrix; of one that is not finite, or whose squares may overflow or vanish, nothing is
    /// known: 0 and infinity.
    pub fn of(a: ArrayView2<'_, f64>) -> Self {
        let square: f64 = a.iter().map(|x| x * x).sum();
        if !SQUARES.contains(&square) {
            let high = if square == 0.0 { SQUARES.start.sqrt() } else { f64::INFINITY };
            return Self { low: 0.0, high };
        }
        let a = if a.nrows() <= a.ncols() { a } else { a.reversed_axes() };
        let error = MARGIN * (a.nrows() * a.ncols()) as f64 * f64::EPSILON / 2.0 * square;
        let (diagonal, beside) = tridiagonal(matrix::product(a, a.t()));
        let squares: Vec<f64> = beside.iter().map(|e| e * e).collect();
        let below = |x: f64| eigenvalues_below(&diagonal, &squares, x);
        let ends = diagonal
            .iter()
            .fold((f64::INFINITY, 0.0_f64), |(low, high), &d| (low.min(d), high.max(d)));
        let (mut low, mut above) = (error, ends.0.max(error));
        // No eigenvalue is below `low`, unless all that is known is that it may be 0.
        if below(low) > 0 {
            low = 0.0;
        } else {
            while above > RATIO * low {
                let middle = (low * above).sqrt();
                if below(middle) == 0 { low = middle } else { above = middle }
            }
        }
        let (mut under, mut high) = (ends.1.max(error), square + error);
        while high > RATIO * under {
            let middle = (under * high).sqrt();
            if below(middle) == diagonal.len() { high = middle } else { under = middle }
        }
        let safe = 4.0 * f64::EPSILON;
        Self {
            low: (low - error).max(0.0).sqrt() * (1.0 - safe),
            high: (high + error).sqrt() * (1.0 + safe),
        }
    }
}

/// Diagonal and off-diagonal entries of a tridiagonal matrix with the eigenvalues of the symmetric `m`
/// (Householder 1958).
fn tridiagonal(mut m: Array2<f64>) -> (Vec<f64>, Vec<f64>) {
    let n = m.nrows();
    let entries = m.as_slice_mut().expect("a product is in standard layout");
    let (mut diagonal, mut beside) = (Vec::with_capacity(n), Vec::with_capacity(n));
    let [mut v, mut w] = [vec![0.0; n], vec![0.0; n]];
    for k in 0..n {
        diagonal.push(entries[k * n + k]);
        if k + 1 == n {
            break;
        }
        v[k + 1..].copy_from_slice(&entries[k * n + k + 1..(k + 1) * n]);
        let tail: f64 = v[k + 2..].iter().map(|x| x * x).sum();
        if tail == 0.0 {
            beside.push(v[k + 1]);
            continue;
        }
        let value = -(v[k + 1] * v[k + 1] + tail).sqrt().copysign(v[k + 1]);
        beside.push(value);
        v[k + 1] -= value;
        let beta = 2.0 / (v[k + 1] * v[k + 1] + tail);
        // The reflected matrix is M - v w' - w v', w = beta (M v - beta/2 (v'Mv) v).
        for i in k + 1..n {
            w[i] = beta * dot(&entries[i * n + k + 1..(i + 1) * n], &v[k + 1..]);
        }
        let half = 0.5 * beta * dot(&v[k + 1..], &w[k + 1..]);
        for i in k + 1..n {
            w[i] -= half * v[i];
        }
        for i in k + 1..n {
            let row = &mut entries[i * n + k + 1..(i + 1) * n];
            for ((x, &vj), &wj) in row.iter_mut().zip(&v[k + 1..]).zip(&w[k + 1..]) {
                *x -= v[i] * wj + w[i] * vj;
            }
        }
    }
    (diagonal, beside)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// How many eigenvalues are below `x`, from the signs of pivots.
fn eigenvalues_below(diagonal: &[f64], beside_squared: &[f64], x: f64) -> usize {
    let mut pivot = diagonal[0] - x;
    let mut count = usize::from(pivot < 0.0);
    for (d, e) in diagonal[1..].iter().zip(beside_squared) {
        let divisor = if pivot == 0.0 { f64::MIN_POSITIVE } else { pivot };
        pivot = d - x - e / divisor;
        count += usize::from(pivot < 0.0);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::svd;
    use crate::rng::{Purpose, stream};

    #[test]
    fn they_enclose_the_singular_values_and_are_close() {
        let digest = crate::digest::Digest::of(b"extremes");
        let mut random = stream(1, &digest, Purpose::Init, 0);
        for (m, n) in [(1, 1), (1, 7), (2, 2), (3, 5), (8, 8), (9, 4), (16, 16), (33, 32)] {
            for scale in [1e-20, 1.0, 1e20] {
                let a = Array2::from_shape_fn((m, n), |_| scale * random.gaussian());
                let exact = svd::svd(a.view()).s;
                let (largest, smallest) = (exact[0], exact[exact.len() - 1]);
                let Extremes { low, high } = Extremes::of(a.view());
                assert!(low <= smallest && smallest <= 1.01 * low, "{m}x{n} {low} {smallest}");
                assert!(largest <= high && high <= 1.01 * largest, "{m}x{n} {high} {largest}");
            }
        }
    }

    #[test]
    fn singular_and_odd_matrices() {
        let one_row = ndarray::array![[1.0, 2.0], [2.0, 4.0]];
        let Extremes { low, high } = Extremes::of(one_row.view());
        assert!(low < 1e-5 && (5.0..5.02).contains(&high), "{low} {high}");
        let near = Extremes::of(Array2::eye(6).view());
        assert!(near.low > 0.99 && near.low <= 1.0 && near.high < 1.01 && near.high >= 1.0);
        for odd in [f64::NAN, f64::INFINITY, 1e160] {
            let known = Extremes::of(Array2::from_elem((2, 3), odd).view());
            assert_eq!(known, Extremes { low: 0.0, high: f64::INFINITY });
        }
        assert_eq!(Extremes::of(Array2::zeros((2, 2)).view()), Extremes { low: 0.0, high: 1e-100 });
    }
}
