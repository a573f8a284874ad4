//! The loss of one trial, reduced to what gradient descent needs.

use ndarray::Array2;

/// The loss `1/2 ||(W - Phi) F||_F^2 + optimum`, as a function of the end-to-end matrix `W`.
///
/// For a target matrix `F = I`. For a regression `L = 1/(2m) ||W X - Y||_F^2` with second moments
/// `Lxx = XX'/m` and `Lyx = YX'/m`: `F F' = Lxx`, `Phi = Lyx Lxx^+` is a minimiser and
/// `optimum = 1/2 tr(Lyy) - 1/2 ||Phi F||_F^2`; whitened inputs have `F = I`.
#[derive(Debug, Clone)]
pub struct Problem {
    /// `Phi`, `d_N x d_0`.
    pub phi: Array2<f64>,
    /// `F`, `d_0 x p`; `None` is the identity.
    pub factor: Option<Array2<f64>>,
    /// The loss at `W = Phi`: what no network can go below. 0 for a target matrix.
    pub optimum: f64,
}
