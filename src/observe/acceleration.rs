//! The way of the end-to-end matrix: implicit acceleration.

use ndarray::Array2;

use crate::network::svd::{Svd, svd};
use crate::network::{Weights, matrix};

/// `sum_j W_N ... W_{j+1} V_j W_{j-1} ... W_1`: how the end-to-end matrix changes when the layers change
/// along `V_1 .. V_N`.
///
/// # Panics
/// If the direction has another shape.
pub fn derivative(weights: &Weights, direction: &Weights) -> Array2<f64> {
    assert_eq!(weights.shape(), direction.shape(), "a direction among the weights");
    let mut product = weights.layer(1).to_owned();
    let mut change = direction.layer(1).to_owned();
    for j in 2..=weights.shape().depth() {
        change = matrix::product(weights.layer(j), change.view())
            + matrix::product(direction.layer(j), product.view());
        product = matrix::product(weights.layer(j), product.view());
    }
    change
}

/// The direction of steepest descent of balanced layers, seen from end to end
/// (Arora, Cohen and Hazan 2018, theorem 1):
///
/// ```text
/// sum_{j=1..N} [W W']^((N-j)/N) G [W' W]^((j-1)/N)
/// ```
///
/// for the end-to-end matrix `W` and the gradient `G` of the loss with respect to it, both `d_N x d_0`.
/// Gradient flow moves `W` against it; a step of gradient descent does up to an error of first order in
/// the learning rate, and of the imbalance.
///
/// # Panics
/// If the two do not have the same shape.
pub fn preconditioned(w: &Array2<f64>, gradient: &Array2<f64>, depth: usize) -> Array2<f64> {
    assert_eq!(w.dim(), gradient.dim(), "a gradient with respect to the end-to-end matrix");
    let Svd { u, s, v } = svd(w.view());
    (1..=depth)
        .map(|j| {
            let left = scaled(&u, &s, depth - j, depth, gradient);
            let right = scaled(&v, &s, j - 1, depth, &left.reversed_axes());
            right.reversed_axes()
        })
        .fold(Array2::zeros(w.dim()), |sum, term| sum + term)
}

/// `[M M']^(numerator/denominator) B` for `M = U diag(s) ...`: `U s^(2 numerator/denominator) U' B`; `B` for
/// the power 0.
fn scaled(
    u: &Array2<f64>,
    s: &[f64],
    numerator: usize,
    denominator: usize,
    b: &Array2<f64>,
) -> Array2<f64> {
    if numerator == 0 {
        return b.clone();
    }
    let mut within = matrix::product(u.t(), b.view());
    for (mut row, &sigma) in within.rows_mut().into_iter().zip(s) {
        row *= libm::pow(sigma, 2.0 * numerator as f64 / denominator as f64);
    }
    matrix::product(u.view(), within.view())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Shape;
    use ndarray::array;

    #[test]
    fn derivatives_are_differences_of_products() {
        let shape = Shape::new(vec![2, 3, 1, 2]);
        let of = |scale: f64| {
            let mut weights = Weights::zeros(&shape);
            let numbers = weights.as_mut_slice().iter_mut().enumerate();
            numbers.for_each(|(i, w)| *w = (scale * (i as f64 + 1.0)).sin());
            weights
        };
        let (at, direction) = (of(1.3), of(0.7));
        let end_to_end = |step: f64| {
            let mut moved = at.clone();
            let pairs = moved.as_mut_slice().iter_mut().zip(direction.as_slice());
            pairs.for_each(|(w, v)| *w += step * v);
            moved.end_to_end()
        };
        let numeric = (end_to_end(1e-5) - end_to_end(-1e-5)) / 2e-5;
        let error = &derivative(&at, &direction) - &numeric;
        assert!(error.iter().all(|x| x.abs() < 1e-9), "{error}");
    }

    #[test]
    fn scalars_are_scaled_by_a_power_of_their_size() {
        for (w, depth) in [(0.5_f64, 1), (0.5, 3), (-2.0, 4)] {
            let direction = preconditioned(&array![[w]], &array![[3.0]], depth);
            let n = depth as f64;
            let expected = 3.0 * n * w.abs().powf(2.0 - 2.0 / n);
            assert!((direction[[0, 0]] / expected - 1.0).abs() < 1e-14);
        }
    }

    /// Two layers: `W W' ^ (1/2) G + G (W' W)^(1/2)`, for a diagonal `W`.
    #[test]
    fn entries_of_two_layers_are_scaled_by_the_sum_of_both_singular_values() {
        let w = array![[2.0, 0.0, 0.0], [0.0, 0.5, 0.0]];
        let gradient = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
        let expected = array![[4.0, 5.0, 6.0], [10.0, 5.0, 3.0]];
        let direction = preconditioned(&w, &gradient, 2);
        assert!((&direction - &expected).iter().all(|x| x.abs() < 1e-14), "{direction}");
    }
}
