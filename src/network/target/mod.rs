//! What a network should become: the target matrix `Phi` and the loss around it.

pub mod data;
pub mod problem;
pub mod regression;
pub mod whitening;

use std::sync::Arc;

use ndarray::{Array1, Array2};

pub use problem::{Landscape, Problem};

use super::{Shape, matrix, svd};
use crate::rng::Random;

/// A kind of target with its parameters (`target.kind` and its keys). `Phi` is `d_N x d_0`.
#[derive(Debug, Clone)]
pub enum Target {
    /// `scale` times the identity; ones on the main diagonal of a rectangular matrix.
    Identity {
        /// Factor.
        scale: f64,
    },
    /// `values` on the main diagonal, zeros elsewhere; `min(d_0, d_N)` of them.
    Diagonal {
        /// Entries of the main diagonal.
        values: Vec<f64>,
    },
    /// `Q diag(eigenvalues) Q'` with Haar-distributed eigenvectors `Q`.
    Symmetric {
        /// `d_0 = d_N` eigenvalues.
        eigenvalues: Vec<f64>,
    },
    /// `U diag(singular_values) V'` with Haar-distributed singular vectors.
    Spectrum {
        /// `min(d_0, d_N)` singular values.
        singular_values: Vec<f64>,
    },
    /// Independent normal entries.
    Gaussian {
        /// Their standard deviation.
        std: f64,
    },
    /// `norm` in the first entry, zeros elsewhere.
    Unit {
        /// The first entry, equal to the Frobenius norm.
        norm: f64,
    },
    /// A matrix given by a file.
    Matrix(Arc<Array2<f64>>),
    /// A regression problem from data.
    Regression(Arc<Problem>),
}

impl Target {
    /// Whether the target has random parts, so that [`Draw`] matters.
    pub fn is_random(&self) -> bool {
        matches!(self, Self::Symmetric { .. } | Self::Spectrum { .. } | Self::Gaussian { .. })
    }

    /// The problem for networks of this shape; `random` is read only by random kinds.
    ///
    /// # Panics
    /// If the parameters do not fit `d_0` and `d_N`; those of a validated study do.
    pub fn realise(&self, shape: &Shape, random: &mut impl Random) -> Arc<Problem> {
        let (rows, cols) = (shape.output(), shape.input());
        let phi = match self {
            Self::Regression(problem) => return Arc::clone(problem),
            Self::Matrix(phi) => Array2::clone(phi),
            Self::Identity { scale } => diagonal(rows, cols, &vec![*scale; rows.min(cols)]),
            Self::Diagonal { values } => diagonal(rows, cols, values),
            Self::Unit { norm } => diagonal(rows, cols, &[*norm]),
            Self::Gaussian { std } => random.gaussian_matrix(rows, cols, *std),
            Self::Symmetric { eigenvalues } => {
                let q = svd::haar(random, rows, cols);
                spread(&q, eigenvalues, &q)
            }
            Self::Spectrum { singular_values } => {
                let k = singular_values.len();
                let u = svd::haar(random, rows, k);
                let v = svd::haar(random, cols, k);
                spread(&u, singular_values, &v)
            }
        };
        assert_eq!(phi.dim(), (rows, cols), "the target is d_N x d_0");
        Arc::new(Problem::from_matrix(phi))
    }
}

/// How often a random target is drawn (`target.draw`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Draw {
    /// Once: every trial of every cell with the same `[target]` table and the same `d_0`, `d_N` has
    /// the same target.
    Study,
    /// Anew for every trial.
    Trial,
}

/// `values` on the main diagonal of a `rows x cols` matrix, zeros elsewhere.
fn diagonal(rows: usize, cols: usize, values: &[f64]) -> Array2<f64> {
    let mut phi = Array2::zeros((rows, cols));
    for (i, &value) in values.iter().enumerate() {
        phi[[i, i]] = value;
    }
    phi
}

/// `U diag(values) V'`.
fn spread(u: &Array2<f64>, values: &[f64], v: &Array2<f64>) -> Array2<f64> {
    let scaled = u * &Array1::from(values.to_vec());
    matrix::product(scaled.view(), v.t())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::rng::{Purpose, stream};

    fn realise(target: &Target, dims: &[usize], trial: u64) -> Array2<f64> {
        let mut random = stream(5, &Digest::of(b"target"), Purpose::Target, trial);
        target.realise(&Shape::new(dims.to_vec()), &mut random).phi.clone()
    }

    #[test]
    fn deterministic_kinds() {
        let id = realise(&Target::Identity { scale: 2.0 }, &[3, 2], 0);
        assert_eq!(id, ndarray::array![[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]);
        let diag = realise(&Target::Diagonal { values: vec![3.0, -1.0] }, &[2, 5, 2], 0);
        assert_eq!(diag, ndarray::array![[3.0, 0.0], [0.0, -1.0]]);
        assert_eq!(realise(&Target::Unit { norm: 1.0 }, &[2, 1], 0), ndarray::array![[1.0, 0.0]]);
    }

    #[test]
    fn random_kinds_have_the_spectrum_asked_for() {
        let target = Target::Spectrum { singular_values: vec![3.0, 2.0, 0.5] };
        for dims in [[3, 5], [5, 3], [3, 3]] {
            let s = svd::singular_values(realise(&target, &dims, 1).view());
            for (got, want) in s.iter().zip([3.0, 2.0, 0.5]) {
                assert!((got - want).abs() < 1e-14, "{dims:?}: {s:?}");
            }
        }
        let symmetric =
            realise(&Target::Symmetric { eigenvalues: vec![4.0, -1.0, 0.25] }, &[3, 3], 1);
        assert!((&symmetric - &symmetric.t()).iter().all(|x| x.abs() < 1e-15));
        assert!((symmetric.diag().sum() - 3.25).abs() < 1e-14);
        assert_ne!(
            symmetric,
            realise(&Target::Symmetric { eigenvalues: vec![4.0, -1.0, 0.25] }, &[3, 3], 2)
        );
    }
}
