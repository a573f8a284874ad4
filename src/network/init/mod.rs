//! Where gradient descent starts: the laws of the initial weights.

mod balanced;

use std::fmt::Debug;
use std::sync::Arc;

use ndarray::Array2;

use super::{Shape, Weights, svd};
use crate::rng::Random;

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
    /// A law of the caller's own.
    Own(Arc<dyn Law>),
}

/// A law of initial weights besides those of [`Init`]; see [`Study::with_law`](crate::study::Study::with_law).
pub trait Law: Debug + Send + Sync {
    /// What tells it from every other law: its name with its parameters. Laws of equal words are taken for
    /// one and the same.
    fn words(&self) -> String;

    /// Draws `W_1 .. W_N` of this shape. What is random has to come from `random`, and what comes out may
    /// depend on nothing else, or rows are not those of their trial.
    fn draw(&self, shape: &Shape, random: &mut dyn Random) -> Weights;
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

impl Init {
    /// Draws initial weights of this shape.
    ///
    /// # Panics
    /// If given matrices do not fit `shape`, or if balanced weights are asked of a network with a
    /// hidden width below `min(d_0, d_N)`; a validated study has neither.
    pub fn draw(&self, shape: &Shape, random: &mut impl Random) -> Weights {
        match self {
            Self::Gaussian { std } => {
                each_layer(shape, |_, rows, cols| random.gaussian_matrix(rows, cols, *std))
            }
            Self::Uniform { bound } => each_layer(shape, |_, rows, cols| {
                Array2::from_shape_simple_fn((rows, cols), || {
                    bound * (2.0 * random.uniform() - 1.0)
                })
            }),
            Self::Xavier { gain } => each_layer(shape, |_, rows, cols| {
                random.gaussian_matrix(rows, cols, gain * (2.0 / (rows + cols) as f64).sqrt())
            }),
            Self::He { gain } => each_layer(shape, |_, rows, cols| {
                random.gaussian_matrix(rows, cols, gain * (2.0 / cols as f64).sqrt())
            }),
            Self::Orthogonal { gain } => {
                each_layer(shape, |_, rows, cols| svd::haar(random, rows, cols) * *gain)
            }
            Self::Identity { scale, noise } => each_layer(shape, |_, rows, cols| {
                random.gaussian_matrix(rows, cols, *noise) + diagonal(rows, cols, *scale)
            }),
            Self::Balanced { law, rotate } => balanced::draw(shape, *law, *rotate, random),
            Self::Zas => each_layer(shape, |j, rows, cols| {
                diagonal(rows, cols, if j == shape.depth() { 0.0 } else { 1.0 })
            }),
            Self::Values(LayerValues::Scalars(values)) => {
                each_layer(shape, |j, rows, cols| diagonal(rows, cols, values[j - 1]))
            }
            Self::Values(LayerValues::Matrices(layers)) => Weights::from_layers(shape, layers),
            Self::File(weights) => Weights::clone(weights),
            Self::Own(law) => law.draw(shape, random),
        }
    }
}

/// Weights whose layer `j` is `draw(j, d_j, d_{j-1})`, drawn from layer 1 on.
fn each_layer(shape: &Shape, mut draw: impl FnMut(usize, usize, usize) -> Array2<f64>) -> Weights {
    let mut weights = Weights::zeros(shape);
    for j in 1..=shape.depth() {
        let (rows, cols) = shape.layer(j);
        weights.layer_mut(j).assign(&draw(j, rows, cols));
    }
    weights
}

/// `value` on the main diagonal of a `rows x cols` matrix.
fn diagonal(rows: usize, cols: usize, value: f64) -> Array2<f64> {
    Array2::from_shape_fn((rows, cols), |(i, k)| if i == k { value } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::rng::{Purpose, stream};

    fn draw(init: &Init, dims: &[usize], trial: u64) -> Weights {
        init.draw(
            &Shape::new(dims.to_vec()),
            &mut stream(3, &Digest::of(b"init"), Purpose::Init, trial),
        )
    }

    /// Mean square of the entries of layer `j`.
    fn mean_square(weights: &Weights, j: usize) -> f64 {
        let layer = weights.layer(j);
        layer.iter().map(|w| w * w).sum::<f64>() / layer.len() as f64
    }

    /// 40,000 entries: the relative standard error of a Gaussian's mean square is 0.7 %, of a
    /// uniform's 0.45 %; bounds at five of them (false alarm below 1e-5), seed fixed.
    #[test]
    fn variances() {
        let dims = [200, 200, 100];
        let cases = [
            (Init::Gaussian { std: 0.3 }, [0.09, 0.09]),
            (Init::Uniform { bound: 0.6 }, [0.12, 0.12]),
            (Init::Xavier { gain: 2.0 }, [4.0 * 2.0 / 400.0, 4.0 * 2.0 / 300.0]),
            (Init::He { gain: 1.0 }, [0.01, 0.01]),
        ];
        for (init, expected) in cases {
            let weights = draw(&init, &dims, 0);
            for (j, want) in expected.iter().enumerate() {
                let got = mean_square(&weights, j + 1);
                assert!(
                    (got / want - 1.0).abs() < 0.05,
                    "{init:?}: layer {} has {got}, not {want}",
                    j + 1
                );
            }
        }
        let uniform = draw(&Init::Uniform { bound: 0.6 }, &dims, 0);
        assert!(uniform.as_slice().iter().all(|w| w.abs() < 0.6));
    }

    #[test]
    fn orthogonal_products_are_isometries() {
        let weights = draw(&Init::Orthogonal { gain: 1.0 }, &[5, 5, 5, 5], 0);
        for s in svd::singular_values(weights.end_to_end().view()) {
            assert!((s - 1.0).abs() < 1e-14);
        }
    }

    #[test]
    fn identity_zas_and_values_on_rectangles() {
        let id = draw(&Init::Identity { scale: 2.0, noise: 0.0 }, &[3, 2], 0);
        assert_eq!(id.as_slice(), [2.0, 0.0, 0.0, 0.0, 2.0, 0.0]);
        let zas = draw(&Init::Zas, &[2, 2, 1], 0);
        assert_eq!(zas.as_slice(), [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
        let values = draw(&Init::Values(LayerValues::Scalars(vec![20.0, 0.025])), &[1, 1, 1], 0);
        assert_eq!(values.as_slice(), [20.0, 0.025]);
    }

    #[test]
    fn trials_differ_and_repeat() {
        let init = Init::Gaussian { std: 1.0 };
        assert_eq!(draw(&init, &[4, 4, 4], 5), draw(&init, &[4, 4, 4], 5));
        assert_ne!(draw(&init, &[4, 4, 4], 5), draw(&init, &[4, 4, 4], 6));
    }
}
