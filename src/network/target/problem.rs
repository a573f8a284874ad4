//! The loss of one trial, reduced to what gradient descent needs.

use ndarray::Array2;

use crate::network::{Weights, matrix, svd};

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

impl Problem {
    /// The problem of reaching the matrix `phi`.
    pub fn from_matrix(phi: Array2<f64>) -> Self {
        Self { phi, factor: None, optimum: 0.0 }
    }

    /// `1/2 ||(W - Phi) F||_F^2` at an end-to-end matrix `W`: the loss without `optimum`.
    pub fn loss(&self, end_to_end: &Array2<f64>) -> f64 {
        let residual = end_to_end - &self.phi;
        let norm = match &self.factor {
            None => matrix::frobenius(residual.view()),
            Some(factor) => {
                matrix::frobenius(matrix::product(residual.view(), factor.view()).view())
            }
        };
        0.5 * norm * norm
    }

    /// `(W - Phi) F F'`, the gradient of the loss with respect to the end-to-end matrix `W`.
    pub fn residual(&self, end_to_end: &Array2<f64>) -> Array2<f64> {
        self.curved(&(end_to_end - &self.phi))
    }

    /// `D F F'`: how the gradient with respect to `W` changes when `W` changes by `D`.
    pub fn curved(&self, change: &Array2<f64>) -> Array2<f64> {
        match &self.factor {
            None => change.clone(),
            Some(factor) => {
                let half = matrix::product(change.view(), factor.view());
                matrix::product(half.view(), factor.t())
            }
        }
    }

    /// Gradients `G_j = S_j' (W - Phi) F F' P_{j-1}'` of all layers, where
    /// `S_j = W_N ... W_{j+1}` and `P_j = W_j ... W_1`.
    pub fn gradient(&self, weights: &Weights) -> Weights {
        let depth = weights.shape().depth();
        // Back from the output: S_j' times the residual, one layer at a time.
        let mut carried = self.residual(&weights.end_to_end());
        let mut gradient = Weights::zeros(weights.shape());
        let prefixes = weights.prefixes();
        for j in (1..=depth).rev() {
            let layer = matrix::product(carried.view(), prefixes[j - 1].t());
            gradient.layer_mut(j).assign(&layer);
            carried = matrix::product(weights.layer(j).t(), carried.view());
        }
        gradient
    }

    /// What the problem looks like to networks whose end-to-end matrix has at most this rank.
    pub fn landscape(&self, rank: usize) -> Landscape {
        let sigma_min = svd::singular_values(self.phi.view()).last().copied().unwrap_or(0.0);
        let reached = match &self.factor {
            None => self.phi.clone(),
            Some(factor) => matrix::product(self.phi.view(), factor.view()),
        };
        let floor = if rank < self.phi.nrows().min(self.phi.ncols()) {
            svd::singular_values(reached.view()).iter().skip(rank).map(|s| 0.5 * s * s).sum()
        } else {
            0.0
        };
        let zero = 0.5 * matrix::frobenius(reached.view()).powi(2);
        Landscape { sigma_min, floor, excess_at_zero: zero - floor }
    }
}

/// Constants of a problem for networks of one shape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Landscape {
    /// Smallest of the `min(d_0, d_N)` singular values of `Phi`.
    pub sigma_min: f64,
    /// Loss of the best end-to-end matrix of the network's rank, above `optimum`: with
    /// `k = min_j d_j`, `1/2 sum_{i > k} sigma_i(Phi F)^2` (Eckart and Young 1936); 0 without a
    /// bottleneck. *Excess* losses are losses above it.
    pub floor: f64,
    /// Excess loss of the zero network: the scale of the problem.
    pub excess_at_zero: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Shape;
    use ndarray::array;

    /// Known answer X6: a bottleneck of width k leaves the squares of the singular values beyond k.
    #[test]
    fn floor_of_a_bottleneck() {
        let problem =
            Problem::from_matrix(array![[3.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]]);
        for (rank, floor) in [(3, 0.0), (2, 0.5), (1, 2.5)] {
            let landscape = problem.landscape(rank);
            assert!((landscape.floor - floor).abs() < 1e-15);
            assert!((landscape.excess_at_zero - (7.0 - floor)).abs() < 1e-14);
            assert_eq!(landscape.sigma_min, 1.0);
        }
    }

    #[test]
    fn gradient_matches_finite_differences() {
        let shape = Shape::new(vec![3, 2, 4, 2]);
        let mut weights = Weights::zeros(&shape);
        for (i, w) in weights.as_mut_slice().iter_mut().enumerate() {
            *w = ((i * 7 + 3) % 11) as f64 / 11.0 - 0.4;
        }
        let phi = array![[1.0, -0.5, 0.25], [0.0, 2.0, -1.0]];
        let factor = array![[1.0, 0.2], [0.0, 0.7], [-0.3, 0.1]];
        for factor in [None, Some(factor)] {
            let problem = Problem { phi: phi.clone(), factor, optimum: 0.0 };
            let gradient = problem.gradient(&weights);
            for i in 0..shape.parameters() {
                let h = 1e-6;
                let at = |step: f64| {
                    let mut moved = weights.clone();
                    moved.as_mut_slice()[i] += step;
                    problem.loss(&moved.end_to_end())
                };
                let numeric = (at(h) - at(-h)) / (2.0 * h);
                assert!((gradient.as_slice()[i] - numeric).abs() < 1e-8, "entry {i}");
            }
        }
    }
}
