//! What a network should become: the target matrix `Phi` and the loss around it.

pub mod data;
pub mod problem;
pub mod regression;
pub mod whitening;

use std::sync::Arc;

use ndarray::Array2;

pub use problem::Problem;

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
