//! Where gradient descent starts: the laws of the initial weights.

use std::sync::Arc;

use ndarray::Array2;

use super::Weights;

/// A law of initial weights with its parameters (`init.kind` and its keys).
#[derive(Debug, Clone)]
pub enum Init {
    /// Independent `N(0, std^2)` entries.
    Gaussian {
        /// Standard deviation.
        std: f64,
    },
    /// Independent entries, uniform on `[-bound, bound]`.
    Uniform {
        /// Largest absolute value.
        bound: f64,
    },
    /// `N(0, gain^2 2 / (d_j + d_{j-1}))` (Glorot and Bengio 2010).
    Xavier {
        /// Factor on the standard deviation.
        gain: f64,
    },
    /// `N(0, gain^2 2 / d_{j-1})` (He et al. 2015).
    He {
        /// Factor on the standard deviation.
        gain: f64,
    },
    /// `gain` times Haar-distributed matrices with orthonormal rows or columns (Saxe et al. 2014).
    Orthogonal {
        /// Factor.
        gain: f64,
    },
    /// `scale` on the main diagonal plus `N(0, noise^2)` everywhere: a linear residual network.
    Identity {
        /// Main diagonal.
        scale: f64,
        /// Standard deviation of the noise.
        noise: f64,
    },
    /// Procedure 1 of Arora, Cohen, Golowich and Hu (2019).
    Balanced {
        /// Law of the end-to-end matrix.
        law: EndToEndLaw,
        /// Haar-distributed rotations between the layers.
        rotate: bool,
    },
    /// `W_N = 0`, the other layers the identity (Wu, Wang, Ma 2019).
    Zas,
    /// Given matrices `W_1 .. W_N`.
    Values(LayerValues),
    /// Matrices `W_1 .. W_N` from a file.
    File(Arc<Weights>),
}

/// Law of the end-to-end matrix `A` of balanced initial weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum EndToEndLaw {
    /// Independent `N(0, std^2)` entries.
    Std(f64),
    /// A uniformly distributed direction times this Frobenius norm.
    Norm(f64),
}

/// Explicit initial weights.
#[derive(Debug, Clone, PartialEq)]
pub enum LayerValues {
    /// One number a layer: that number on the main diagonal.
    Scalars(Vec<f64>),
    /// One matrix a layer.
    Matrices(Vec<Array2<f64>>),
}
