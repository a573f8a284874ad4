//! Singular values by way of a bidiagonal matrix, in a fixed order of operations.
//!
//! Reflections from both sides make the matrix bidiagonal (Golub and Kahan 1965), and the singular
//! values of `B` are bisected: each is as accurate as the entries of `B` (Demmel and Kahan 1990), so all
//! are within rounding of the largest. Sums are written in as many partial sums as vectors may have
//! lanes, or entry by entry, so that the compiler cannot but keep their order.

/// Partial sums of a sum, and singular values that are bisected together.
const LANES: usize = 8;

/// Sums of squares below this are zero: squares that have vanished might count in them, and the largest
/// entry of a matrix is at least 1.
const NEGLIGIBLE: f64 = f64::MIN_POSITIVE / f64::EPSILON;

/// Singular values, decreasing, of a matrix with `n` columns and no fewer rows, given row by row; its
/// largest entry is between 1 and 2.
pub(super) fn singular_values(mut a: Vec<f64>, n: usize) -> Vec<f64> {
    bisect(&bidiagonalise(&mut a, n))
}

/// A reflection `I - tau v v'` that takes a vector to a multiple of the first unit vector; but for its
/// first entry, `v` is that vector (Householder 1958).
struct Reflection {
    /// What the first entry of the vector becomes.
    value: f64,
    /// The first entry of `v`.
    head: f64,
    /// 0 if there is nothing to do.
    tau: f64,
}

impl Reflection {
    /// For a vector with this first entry and this sum of squares of the others.
    fn new(first: f64, tail: f64) -> Self {
        if tail < NEGLIGIBLE {
            return Self { value: first, head: first, tau: 0.0 };
        }
        let value = -(first * first + tail).sqrt().copysign(first);
        let head = first - value;
        Self { value, head, tau: -1.0 / (value * head) }
    }
}

/// Entries `b_11, b_12, b_22, b_23 .. b_nn` of the bidiagonal matrix that reflections make of `A`, given
/// row by row, which is used up.
///
/// Every step reads and writes what is left of `A` once: a row that has just been reflected is at once
/// added to `A'v` of the next step (Howell, Demmel, Fulton, Hammarling and Marmol 2008).
fn bidiagonalise(a: &mut [f64], n: usize) -> Vec<f64> {
    let mut b = Vec::with_capacity(2 * n);
    let [mut w, mut u, mut next] = [(); 3].map(|()| vec![0.0; n]);
    for row in a.chunks(n).skip(1) {
        for (sum, &x) in next.iter_mut().zip(row) {
            *sum += row[0] * x;
        }
    }
    for k in 0..n {
        let (above, below) = a.split_at_mut((k + 1) * n);
        let (pivot, row) = above[k * n + k..].split_at_mut(1);
        let left = Reflection::new(pivot[0], next[k]);
        b.push(left.value);
        if row.is_empty() {
            break;
        }
        // The reflected matrix is A - v w', w = tau A'v; of the pivot's row nothing else is needed.
        let (w, u, next) = (&mut w[k + 1..], &mut u[k + 1..], &mut next[k + 1..]);
        for ((w, &sum), x) in w.iter_mut().zip(&*next).zip(&mut *row) {
            *w = left.tau * (sum + left.head * *x);
            *x -= left.head * *w;
        }
        let right = Reflection::new(row[0], dot(&row[1..], &row[1..]));
        b.push(right.value);
        u.copy_from_slice(row);
        u[0] = right.head;
        next.fill(0.0);
        // Row by row both reflections: a <- a - v_i w, a <- a - y u, y = tau a'u.
        for (i, row) in below.chunks_mut(n).enumerate() {
            let (v, row) = row[k..].split_at_mut(1);
            subtract(v[0], w, row);
            let y = right.tau * dot(row, u);
            // The row of the next pivot is not added: its entry of `v` is not known yet.
            let factor = if i == 0 { 0.0 } else { row[0] - y * u[0] };
            for ((x, &u), sum) in row.iter_mut().zip(&*u).zip(&mut *next) {
                *x -= y * u;
                *sum += factor * *x;
            }
        }
    }
    b
}

/// `y = y - factor x`.
fn subtract(factor: f64, x: &[f64], y: &mut [f64]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y -= factor * x;
    }
}

/// `x'y`: one partial sum for each place in a group of [`LANES`], then what is left over.
fn dot(x: &[f64], y: &[f64]) -> f64 {
    let (xs, ys) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
    let rest: f64 = xs.remainder().iter().zip(ys.remainder()).map(|(x, y)| x * y).sum();
    let mut p = [0.0; LANES];
    for (x, y) in xs.zip(ys) {
        for l in 0..LANES {
            p[l] += x[l] * y[l];
        }
    }
    ((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7])) + rest
}

/// Singular values, decreasing, of the bidiagonal matrix with the entries `b_11, b_12, b_22 .. b_nn`:
/// the `i`-th from 0 is the largest number that has at least `i + 1` values at or above it. Halving the
/// numbers themselves, not the distance between them, finds zeros and tiny ones as fast as others.
fn bisect(b: &[f64]) -> Vec<f64> {
    let n = b.len().div_ceil(2);
    let squares: Vec<f64> = b.iter().map(|b| b * b).collect();
    let mut values = Vec::with_capacity(n);
    for first in (0..n).step_by(LANES) {
        // Bits of non-negative numbers are in the order of the numbers.
        let (mut low, mut high) = ([0; LANES], [f64::INFINITY.to_bits(); LANES]);
        for _ in 0..u64::BITS - 1 {
            let mut middle = [0; LANES];
            for l in 0..LANES {
                middle[l] = low[l] + (high[l] - low[l]) / 2;
            }
            let below = below(&squares, middle.map(f64::from_bits));
            for l in 0..LANES {
                if below[l] + first + l < n {
                    low[l] = middle[l];
                } else {
                    high[l] = middle[l];
                }
            }
        }
        values.extend(low.into_iter().take(n - first).map(f64::from_bits));
    }
    values
}

/// How many singular values are below each `x`, given the squares of `b_11, b_12, b_22 .. b_nn`.
///
/// The symmetric matrix with these entries beside a zero diagonal has the singular values and their
/// negatives as eigenvalues (Golub and Kahan 1965); as many are below `x` as pivots of it, less `x`, are
/// negative (Kahan 1966). A pivot of 0 is positive: `x` is not below itself.
fn below(squares: &[f64], x: [f64; LANES]) -> [usize; LANES] {
    let mut pivots = x.map(|x| -x.max(f64::MIN_POSITIVE));
    let mut negative = [1; LANES];
    for &square in squares {
        for l in 0..LANES {
            let pivot = -x[l] - square / pivots[l];
            let tiny = f64::MIN_POSITIVE.copysign(pivot);
            pivots[l] = if pivot.abs() < f64::MIN_POSITIVE { tiny } else { pivot };
            negative[l] += usize::from(pivots[l] < 0.0);
        }
    }
    negative.map(|count| count.saturating_sub(squares.len().div_ceil(2)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::network::svd;
    use crate::rng::{Purpose, stream};
    use ndarray::Array2;

    fn random(rows: usize, columns: usize) -> Array2<f64> {
        stream(7, &Digest::of(b"bidiagonal"), Purpose::Init, 0).gaussian_matrix(rows, columns, 1.0)
    }

    fn close(values: &[f64], expected: &[f64], error: f64) {
        assert_eq!(values.len(), expected.len());
        for (x, y) in values.iter().zip(expected) {
            assert!((x - y).abs() <= error, "{values:?} are not {expected:?}");
        }
    }

    /// `B B'` of `[[3/4, 1], [0, 5/4]]` has trace 3 1/8 and determinant `(15/16)^2`.
    #[test]
    fn known_singular_values() {
        close(&bisect(&[0.75, 1.0, 1.25]), &[f64::sqrt(45.0) / 4.0, f64::sqrt(5.0) / 4.0], 1e-15);
        assert_eq!(bisect(&[3.0]), [3.0]);
        assert_eq!(bisect(&[3.0, 0.0, -5.0, 0.0, 4.0]), [5.0, 4.0, 3.0]);
    }

    #[test]
    fn exact_zeros() {
        assert_eq!(bisect(&[0.0; 5]), [0.0; 3]);
        assert_eq!(bisect(&[3.0, 4.0, 0.0]), [5.0, 0.0]);
        let mut a = vec![0.0; 12 * 10];
        for (i, x) in [0.5, 0.0, 1.5, 1.0, 0.0, 0.0, 0.25].into_iter().enumerate() {
            a[i * 10 + (i + 3) % 10] = x;
        }
        let s = singular_values(a, 10);
        assert_eq!(s, [1.5, 1.0, 0.5, 0.25, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }

    /// `b_ii = 1`, `b_{i,i+1} = -1`: `2 sin((2 i - 1) pi / (4 n + 2))` (second differences).
    #[test]
    fn differences() {
        for n in [1, 2, 7, 8, 9, 50] {
            let b: Vec<f64> = (0..2 * n - 1).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
            let angle = |i: usize| (2 * i - 1) as f64 * std::f64::consts::PI / (4 * n + 2) as f64;
            let expected: Vec<f64> = (1..=n).rev().map(|i| 2.0 * angle(i).sin()).collect();
            close(&bisect(&b), &expected, 2e-15);
        }
    }

    /// Entries over 300 orders of magnitude leave each value as accurate as the largest.
    #[test]
    fn tiny_values_of_a_bidiagonal_matrix_are_accurate() {
        let b: Vec<f64> = [1.0, 1e-20, 1e-50, 0.0, 1e-100, 1e-130, 1e-145].to_vec();
        for (x, y) in bisect(&b).iter().zip([1.0, 1e-50, 1e-100, 1e-145]) {
            assert!((x / y - 1.0).abs() < 1e-15, "{x:e} is not {y:e}");
        }
    }

    #[test]
    fn equal_values() {
        let q = svd::haar(&mut stream(3, &Digest::of(b"equal"), Purpose::Init, 0), 40, 30);
        close(&singular_values(q.iter().copied().collect(), 30), &[1.0; 30], 1e-14);
    }

    /// Columns and rows too small for their squares are zero, and harm no others.
    #[test]
    fn negligible_columns_do_no_harm() {
        let a = random(20, 12);
        let expected = singular_values(a.iter().copied().collect(), 12);
        for tiny in [1e-140, 1e-146, 1e-154, 1e-160, 1e-200, 1e-310] {
            let mut wider = Array2::zeros((24, 16));
            for ((i, k), x) in wider.indexed_iter_mut() {
                let inside = (2..22).contains(&i) && (3..15).contains(&k);
                *x = if inside { a[[i - 2, k - 3]] } else { tiny * ((i + 2 * k) % 7) as f64 };
            }
            let mut with_zeros = expected.clone();
            with_zeros.resize(16, 0.0);
            close(&singular_values(wider.iter().copied().collect(), 16), &with_zeros, 1e-13);
        }
    }

    /// The order of operations is part of what results mean: these bits are those of every machine.
    #[test]
    fn bits_are_pinned() {
        let s = singular_values(random(45, 37).iter().copied().collect(), 37);
        assert_eq!(
            [s[0], s[17], s[36]].map(f64::to_bits),
            [0x4029_5635_bf6a_c9a7, 0x4017_95bd_094e_3ae5, 0x3ff1_18f6_ff80_cf8c]
        );
    }
}
