//! How far neighbouring layers are from being balanced, and how far they have come from where they began.

use ndarray::Array2;

use super::nan_max;
use crate::network::{Weights, matrix};

/// `D_j = W_{j+1}' W_{j+1} - W_j W_j'` for `j = 1..N-1`, each `d_j x d_j`: zero in balanced weights
/// (Arora, Cohen, Golowich and Hu 2019, definition 1).
///
/// Gradient flow conserves each of them (Arora, Cohen and Hazan 2018; Du, Hu and Lee 2018), so what a
/// computed flow moves them by is the error of its integration. A step of gradient descent with learning
/// rate `eta` moves them by `eta^2 (G_{j+1}' G_{j+1} - G_j G_j')` exactly, `G_j` the gradient of layer `j`.
#[derive(Debug, Clone)]
pub struct Imbalances(Vec<Array2<f64>>);

impl Imbalances {
    /// Those of these weights; one layer has none.
    pub fn of(weights: &Weights) -> Self {
        let pair = |j| {
            let (below, above) = (weights.layer(j), weights.layer(j + 1));
            matrix::product(above.t(), above) - matrix::product(below, below.t())
        };
        Self((1..weights.shape().depth()).map(pair).collect())
    }

    /// `||D_j||_F`, pair by pair.
    pub fn norms(&self) -> impl Iterator<Item = f64> {
        self.0.iter().map(|d| matrix::frobenius(d.view()))
    }

    /// `max_j ||D_j||_F`, 0 for one layer, NaN if one of them is.
    pub fn balancedness(&self) -> f64 {
        self.norms().fold(0.0, nan_max)
    }

    /// `||D_j - D_j(start)||_F`, pair by pair.
    ///
    /// # Panics
    /// If the two are not of one shape.
    pub fn moved_from(&self, start: &Self) -> impl Iterator<Item = f64> {
        assert_eq!(self.0.len(), start.0.len(), "imbalances of one network");
        self.0.iter().zip(&start.0).map(|(now, then)| {
            assert_eq!(now.dim(), then.dim(), "imbalances of one network");
            now.iter().zip(then).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
        })
    }

    /// `max_j ||D_j - D_j(start)||_F`, 0 for one layer, NaN if one of them is.
    ///
    /// # Panics
    /// As [`moved_from`](Self::moved_from).
    pub fn drift(&self, start: &Self) -> f64 {
        self.moved_from(start).fold(0.0, nan_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Shape;
    use ndarray::array;

    fn imbalances(values: &[f64]) -> Imbalances {
        let shape = Shape::new(vec![1; values.len() + 1]);
        let layers: Vec<_> = values.iter().map(|&v| array![[v]]).collect();
        Imbalances::of(&Weights::from_layers(&shape, &layers))
    }

    #[test]
    fn scalars() {
        let (start, end) = (imbalances(&[2.0, 0.5, 3.0]), imbalances(&[1.0, 2.0, 3.0]));
        assert_eq!(start.norms().collect::<Vec<_>>(), [3.75, 8.75]);
        assert_eq!(start.balancedness(), 8.75);
        // From -3.75 to 3, and from 8.75 to 5.
        assert_eq!(end.moved_from(&start).collect::<Vec<_>>(), [6.75, 3.75]);
        assert_eq!((end.drift(&start), start.drift(&end), end.drift(&end)), (6.75, 6.75, 0.0));
        let one = imbalances(&[2.0]);
        assert_eq!((one.balancedness(), one.drift(&one)), (0.0, 0.0));
    }

    #[test]
    fn nan_is_not_hidden() {
        let good = imbalances(&[1.0, 1.0, 1.0]);
        for wrong in [[1.0, f64::NAN, 1.0], [f64::INFINITY, f64::INFINITY, 1.0]] {
            let wrong = imbalances(&wrong);
            assert!(wrong.balancedness().is_nan() && wrong.drift(&good).is_nan());
        }
    }
}
