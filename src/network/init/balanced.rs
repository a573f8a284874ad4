//! Balanced initial weights.

use ndarray::Array2;

use super::EndToEndLaw;
use crate::network::svd::{self, Svd};
use crate::network::{Shape, Weights, matrix};
use crate::rng::Random;

/// Procedure 1 of Arora, Cohen, Golowich and Hu (2019): an end-to-end matrix `A` is drawn from `law`,
/// and its singular value decomposition `A = U S V'` is spread evenly over the layers,
/// `W_N = U S^{1/N}`, `W_j = S^{1/N}`, `W_1 = S^{1/N} V'`, zero-padded to their shapes.
///
/// With `rotate`, layer `j` becomes `Q_j W_j Q_{j-1}'` with Haar-distributed `Q_1 .. Q_{N-1}`: as
/// balanced, and no longer aligned with the coordinate axes.
pub(super) fn draw(
    shape: &Shape,
    law: EndToEndLaw,
    rotate: bool,
    random: &mut impl Random,
) -> Weights {
    let depth = shape.depth();
    let a = end_to_end(shape, law, random);
    let mut weights = Weights::zeros(shape);
    if depth == 1 {
        weights.layer_mut(1).assign(&a);
        return weights;
    }
    let Svd { u, s, v } = svd::svd(a.view());
    let rank = s.len();
    assert!(shape.hidden().iter().all(|&d| d >= rank), "hidden widths hold the rank of A");
    let roots: Vec<f64> = s.iter().map(|&sigma| root(sigma, depth)).collect();
    for (k, &root) in roots.iter().enumerate() {
        for j in 2..depth {
            weights.layer_mut(j)[[k, k]] = root;
        }
        weights.layer_mut(1).row_mut(k).assign(&(&v.column(k) * root));
        weights.layer_mut(depth).column_mut(k).assign(&(&u.column(k) * root));
    }
    if rotate {
        rotate_between_layers(&mut weights, random);
    }
    weights
}

/// `A`, `d_N x d_0`.
fn end_to_end(shape: &Shape, law: EndToEndLaw, random: &mut impl Random) -> Array2<f64> {
    match law {
        EndToEndLaw::Std(std) => random.gaussian_matrix(shape.output(), shape.input(), std),
        EndToEndLaw::Norm(norm) => {
            let direction = random.gaussian_matrix(shape.output(), shape.input(), 1.0);
            &direction * (norm / matrix::frobenius(direction.view()))
        }
    }
}

/// `sigma^{1/n}`, by the pinned power function.
fn root(sigma: f64, n: usize) -> f64 {
    libm::pow(sigma, 1.0 / n as f64)
}

/// `W_j <- Q_j W_j Q_{j-1}'` with `Q_0 = Q_N = I` and Haar `Q_1 .. Q_{N-1}`.
fn rotate_between_layers(weights: &mut Weights, random: &mut impl Random) {
    let shape = weights.shape().clone();
    for j in 1..shape.depth() {
        let width = shape.dims()[j];
        let q = svd::haar(random, width, width);
        let rotated = matrix::product(q.view(), weights.layer(j));
        weights.layer_mut(j).assign(&rotated);
        let rotated = matrix::product(weights.layer(j + 1), q.t());
        weights.layer_mut(j + 1).assign(&rotated);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::observe::balancedness;
    use crate::rng::{Purpose, stream};
    use ndarray::s;

    #[test]
    fn weights_are_balanced_and_multiply_to_a() {
        for (dims, rotate) in [
            (vec![4, 4, 4], false),
            (vec![6, 5, 4, 3], true),
            (vec![3, 9, 7, 6], true),
            (vec![20, 8, 8, 1], false),
            (vec![20, 8, 8, 1], true),
            (vec![1, 1, 1, 1], false),
        ] {
            let shape = Shape::new(dims.clone());
            let law = EndToEndLaw::Norm(1.5);
            let random = || stream(9, &Digest::of(b"balanced"), Purpose::Init, 1);
            let weights = draw(&shape, law, rotate, &mut random());
            assert!(balancedness(&weights) < 1e-14, "{dims:?}");
            let a = end_to_end(&shape, law, &mut random());
            let error = matrix::frobenius((weights.end_to_end() - &a).view());
            assert!(error < 1e-14, "{dims:?}: {error}");
            assert!((matrix::frobenius(a.view()) - 1.5).abs() < 1e-15);
        }
    }

    #[test]
    fn padding_is_exactly_zero() {
        let weights = draw(
            &Shape::new(vec![5, 4, 4, 2]),
            EndToEndLaw::Std(1.0),
            false,
            &mut stream(9, &Digest::of(b"balanced"), Purpose::Init, 2),
        );
        assert!(weights.layer(1).slice(s![2.., ..]).iter().all(|&w| w == 0.0));
        assert!(weights.layer(3).slice(s![.., 2..]).iter().all(|&w| w == 0.0));
    }
}
