//! The Hessian of the loss with respect to all weights: its products with vectors, and the ends of its
//! spectrum.
//!
//! With `R = (W - Phi) F F'`, suffix products `S_j = W_N ... W_{j+1}`, prefix products
//! `P_j = W_j ... W_1`, and a direction `V_1 .. V_N` with derivatives `dS_j`, `dP_j` along it, layer `j`
//! of the product is
//!
//! ```text
//! (H V)_j = dS_j' R P_{j-1}'  +  S_j' (sum_i S_i V_i P_{i-1}) F F' P_{j-1}'  +  S_j' R dP_{j-1}'
//! dS_N = 0, dS_{j-1} = dS_j W_j + S_j V_j      dP_0 = 0, dP_j = W_j dP_{j-1} + V_j P_{j-1}
//! ```

use ndarray::Array2;
use ndarray_linalg::{Eigh, UPLO};

use super::nan_max;
use crate::network::target::Problem;
use crate::network::{Weights, matrix};
use crate::rng::Stream;

/// Relative error at which an end of the spectrum is taken.
const TOLERANCE: f64 = 1e-8;

/// Most products with the Hessian for one spectrum.
const MOST_PRODUCTS: usize = 300;

/// The eigenvalues of the small matrix take longer than a product with the Hessian.
const PRODUCTS_BETWEEN_CHECKS: usize = 8;

/// The Hessian at some weights, with what its products have in common.
#[derive(Debug)]
pub struct Hessian<'a> {
    weights: &'a Weights,
    problem: &'a Problem,
    /// `S_1 .. S_N`.
    suffixes: Vec<Array2<f64>>,
    /// `P_0 .. P_{N-1}`.
    prefixes: Vec<Array2<f64>>,
    /// `R`.
    residual: Array2<f64>,
}

/// The ends of the spectrum of a Hessian.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spectrum {
    /// Its largest eigenvalue, the sharpness: a step of more than `2 / largest` along its vector climbs.
    pub largest: f64,
    /// Its smallest eigenvalue: negative at a strict saddle.
    pub smallest: f64,
}

impl<'a> Hessian<'a> {
    /// At these weights.
    pub fn new(weights: &'a Weights, problem: &'a Problem) -> Self {
        let (shape, depth) = (weights.shape(), weights.shape().depth());
        let mut suffixes = vec![Array2::eye(shape.output())];
        for j in (2..=depth).rev() {
            let longer = product(&suffixes[suffixes.len() - 1], &weights.layer(j));
            suffixes.push(longer);
        }
        suffixes.reverse();
        let residual = problem.residual(&weights.end_to_end());
        Self { weights, problem, suffixes, prefixes: weights.prefixes(), residual }
    }

    /// `H V`, in the shape of the weights.
    ///
    /// # Panics
    /// If the direction has another shape.
    pub fn product(&self, direction: &Weights) -> Weights {
        assert_eq!(direction.shape(), self.weights.shape(), "a direction among the weights");
        let depth = self.weights.shape().depth();
        let moved = self.moved_prefixes(direction);
        // The derivative of the end-to-end matrix, then of the residual.
        let mut change = product(&self.weights.layer(depth), &moved[depth - 1]);
        change += &product(&direction.layer(depth), &self.prefixes[depth - 1]);
        let change = self.problem.curved(&change);
        let mut result = Weights::zeros(self.weights.shape());
        // The derivative of the suffix product, from the output side.
        let mut suffix = Array2::zeros((self.weights.shape().output(), self.suffix(depth).ncols()));
        for j in (1..=depth).rev() {
            let (s, p) = (self.suffix(j), &self.prefixes[j - 1]);
            let through = |left: &Array2<f64>, middle: &Array2<f64>, right: &Array2<f64>| {
                product(&product(&left.t(), middle), &right.t())
            };
            let sum = through(&suffix, &self.residual, p)
                + through(s, &change, p)
                + through(s, &self.residual, &moved[j - 1]);
            result.layer_mut(j).assign(&sum);
            if j > 1 {
                suffix = product(&suffix, &self.weights.layer(j)) + product(s, &direction.layer(j));
            }
        }
        result
    }

    /// `S_j`.
    fn suffix(&self, j: usize) -> &Array2<f64> {
        &self.suffixes[j - 1]
    }

    /// `dP_0 .. dP_{N-1}`.
    fn moved_prefixes(&self, direction: &Weights) -> Vec<Array2<f64>> {
        let depth = self.weights.shape().depth();
        let mut moved = vec![Array2::zeros(self.prefixes[0].dim())];
        for j in 1..depth {
            let next = product(&self.weights.layer(j), &moved[j - 1])
                + product(&direction.layer(j), &self.prefixes[j - 1]);
            moved.push(next);
        }
        moved
    }

    /// Both ends of the spectrum, by the method of Lanczos (1950) with full reorthogonalisation from a
    /// random vector, to a relative error of about 1e-8 of the larger end; NaN if the weights are not
    /// finite. An eigenvalue is missed only if its vectors are orthogonal to the random one.
    pub fn spectrum(&self, random: &mut Stream) -> Spectrum {
        if !self.weights.is_finite() || !self.residual.iter().all(|x| x.is_finite()) {
            return Spectrum { largest: f64::NAN, smallest: f64::NAN };
        }
        let size = self.weights.as_slice().len();
        let mut vectors = vec![unit((0..size).map(|_| random.gaussian()).collect())];
        let (mut diagonal, mut beside) = (Vec::new(), Vec::new());
        // Of the vectors that the products have brought.
        let mut longest = 0.0_f64;
        loop {
            let last = &vectors[vectors.len() - 1];
            let mut next = self.apply(last);
            longest = nan_max(longest, dot(&next, &next).sqrt());
            diagonal.push(dot(&next, last));
            // Twice is enough to be orthogonal to rounding.
            for _ in 0..2 {
                for vector in &vectors {
                    let along = dot(&next, vector);
                    next.iter_mut().zip(vector).for_each(|(x, v)| *x -= along * v);
                }
            }
            let norm = dot(&next, &next).sqrt();
            // Weights so large that products overflow.
            if !longest.is_finite() || !norm.is_finite() {
                return Spectrum { largest: f64::NAN, smallest: f64::NAN };
            }
            let products = diagonal.len();
            let exhausted = products == size.min(MOST_PRODUCTS) || norm <= f64::EPSILON * longest;
            if exhausted || products.is_multiple_of(PRODUCTS_BETWEEN_CHECKS) {
                let (spectrum, error) = ends(&diagonal, &beside, norm);
                let scale = spectrum.largest.abs().max(spectrum.smallest.abs());
                if exhausted || error <= TOLERANCE * scale {
                    return spectrum;
                }
            }
            beside.push(norm);
            next.iter_mut().for_each(|x| *x /= norm);
            vectors.push(next);
        }
    }

    fn apply(&self, vector: &[f64]) -> Vec<f64> {
        let mut direction = Weights::zeros(self.weights.shape());
        direction.as_mut_slice().copy_from_slice(vector);
        self.product(&direction).as_slice().to_vec()
    }
}

/// The ends of the spectrum of a tridiagonal matrix, and how far they are at most from eigenvalues of the
/// matrix it stands for, whose next entry beside the diagonal is `next`.
fn ends(diagonal: &[f64], beside: &[f64], next: f64) -> (Spectrum, f64) {
    let n = diagonal.len();
    let mut matrix = Array2::zeros((n, n));
    for (i, &d) in diagonal.iter().enumerate() {
        matrix[[i, i]] = d;
    }
    for (i, &b) in beside.iter().enumerate() {
        (matrix[[i, i + 1]], matrix[[i + 1, i]]) = (b, b);
    }
    let (values, vectors) = matrix.eigh(UPLO::Lower).expect("a finite symmetric matrix");
    let error = vectors[[n - 1, 0]].abs().max(vectors[[n - 1, n - 1]].abs()) * next;
    (Spectrum { largest: values[n - 1], smallest: values[0] }, error)
}

fn unit(mut vector: Vec<f64>) -> Vec<f64> {
    let norm = dot(&vector, &vector).sqrt();
    vector.iter_mut().for_each(|x| *x /= norm);
    vector
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn product<A, B>(
    a: &ndarray::ArrayBase<A, ndarray::Ix2>,
    b: &ndarray::ArrayBase<B, ndarray::Ix2>,
) -> Array2<f64>
where
    A: ndarray::Data<Elem = f64>,
    B: ndarray::Data<Elem = f64>,
{
    matrix::product(a.view(), b.view())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::network::Shape;
    use crate::rng::{Purpose, stream};
    use ndarray::array;

    fn random(salt: u64) -> Stream {
        stream(5, &Digest::of(b"hessian"), Purpose::Init, salt)
    }

    fn weights(dims: &[usize], salt: u64) -> Weights {
        let mut weights = Weights::zeros(&Shape::new(dims.to_vec()));
        let mut random = random(salt);
        weights.as_mut_slice().iter_mut().for_each(|w| *w = random.gaussian());
        weights
    }

    fn spectrum(weights: &Weights, phi: Array2<f64>) -> Spectrum {
        Hessian::new(weights, &Problem::from_matrix(phi)).spectrum(&mut random(0))
    }

    fn assert_ends(spectrum: Spectrum, smallest: f64, largest: f64) {
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-7 * largest.abs().max(1.0);
        assert!(
            close(spectrum.smallest, smallest) && close(spectrum.largest, largest),
            "{spectrum:?}"
        );
    }

    #[test]
    fn products_are_differences_of_gradients() {
        let factor = random(9).gaussian_matrix(3, 2, 1.0);
        for (dims, factor) in [
            (&[3, 2, 4, 2][..], None),
            (&[3, 2, 4, 2], Some(factor.clone())),
            (&[3, 2], Some(factor)),
        ] {
            let (at, direction) = (weights(dims, 1), weights(dims, 2));
            let phi = random(3).gaussian_matrix(2, 3, 1.0);
            let problem = Problem { phi, factor, optimum: 0.0 };
            let h = 1e-5;
            let gradient = |step: f64| {
                let mut moved = at.clone();
                let pairs = moved.as_mut_slice().iter_mut().zip(direction.as_slice());
                pairs.for_each(|(w, v)| *w += step * v);
                problem.gradient(&moved)
            };
            let (above, below) = (gradient(h), gradient(-h));
            let product = Hessian::new(&at, &problem).product(&direction);
            for (i, &entry) in product.as_slice().iter().enumerate() {
                let numeric = (above.as_slice()[i] - below.as_slice()[i]) / (2.0 * h);
                assert!(
                    (entry - numeric).abs() < 1e-6 * (1.0 + entry.abs()),
                    "{i}: {entry} {numeric}"
                );
            }
        }
    }

    /// Against all eigenvalues of the matrix that the products with unit vectors make.
    #[test]
    fn ends_of_the_spectrum_are_those_of_the_whole_matrix() {
        let at = weights(&[4, 3, 5, 2], 7);
        let problem = Problem::from_matrix(random(8).gaussian_matrix(2, 4, 1.0));
        let hessian = Hessian::new(&at, &problem);
        let size = at.as_slice().len();
        let mut matrix = Array2::zeros((size, size));
        for i in 0..size {
            let mut e = vec![0.0; size];
            e[i] = 1.0;
            matrix.row_mut(i).assign(&ndarray::ArrayView1::from(&hessian.apply(&e)));
        }
        let (values, _) = matrix.eigh(UPLO::Lower).unwrap();
        assert_ends(hessian.spectrum(&mut random(0)), values[0], values[size - 1]);
    }

    /// Kawaguchi 2016: at `W = 0` the Hessian of three layers or more is zero, and that of two has the
    /// eigenvalues `+-sigma_i(Phi)` besides zeros.
    #[test]
    fn origin() {
        let phi = || array![[2.0, 0.0, 0.0], [0.0, 0.0, 3.0]];
        let zero = |dims: &[usize]| Weights::zeros(&Shape::new(dims.to_vec()));
        assert_ends(spectrum(&zero(&[3, 4, 2]), phi()), -3.0, 3.0);
        assert_eq!(spectrum(&zero(&[3, 4, 4, 2]), phi()), Spectrum { largest: 0.0, smallest: 0.0 });
    }

    /// Achour, Malgouyres and Gerchinovitz 2021: critical points with the loss 1/2 of `diag(3, 2, 1)`
    /// that miss its last direction: a strict saddle for two layers, a non-strict one for three.
    #[test]
    fn saddles_of_two_layers_are_strict_and_of_three_not_always() {
        let phi = Array2::from_diag(&array![3.0, 2.0, 1.0]);
        for (depth, smallest) in [(2, -1.0), (3, 0.0)] {
            let root = |sigma: f64| sigma.powf(1.0 / depth as f64);
            let layer = Array2::from_diag(&array![root(3.0), root(2.0), 0.0]);
            let shape = Shape::new(vec![3; depth + 1]);
            let at = Weights::from_layers(&shape, &vec![layer; depth]);
            let problem = Problem::from_matrix(phi.clone());
            assert!((problem.loss(&at.end_to_end()) - 0.5).abs() < 1e-14);
            assert!(problem.gradient(&at).as_slice().iter().all(|g| g.abs() < 1e-14));
            let found = Hessian::new(&at, &problem).spectrum(&mut random(0)).smallest;
            assert!((found - smallest).abs() < 1e-7, "{depth} layers: {found}");
        }
    }

    /// X7: with one output, no minimiser is flatter than `N ||Phi||^(2 - 2/N)`; the balanced one is as
    /// flat as that.
    #[test]
    fn balanced_minimisers_with_one_output_are_flattest() {
        for depth in 1..5 {
            let norm: f64 = 1.7;
            let flattest = depth as f64 * norm.powf(2.0 - 2.0 / depth as f64);
            let shape = Shape::new(vec![1; depth + 1]);
            let layer = |w: f64| Array2::from_elem((1, 1), w);
            let even = vec![layer(norm.powf(1.0 / depth as f64)); depth];
            let balanced = Weights::from_layers(&shape, &even);
            let phi = || layer(norm);
            let sharpness = spectrum(&balanced, phi()).largest;
            assert!((sharpness - flattest).abs() < 1e-10 * flattest);
            if depth > 1 {
                let mut uneven = even.clone();
                uneven[0] *= 2.0;
                uneven[1] /= 2.0;
                let uneven = Weights::from_layers(&shape, &uneven);
                assert!(spectrum(&uneven, phi()).largest > flattest * 1.01);
            }
        }
    }

    #[test]
    fn weights_that_have_no_finite_products_have_no_spectrum() {
        let mut at = weights(&[1, 1, 1], 1);
        for large in [f64::INFINITY, f64::NAN, 1e200] {
            at.as_mut_slice().fill(large);
            let found = spectrum(&at, array![[1.0]]);
            assert!(found.largest.is_nan() && found.smallest.is_nan(), "{large}: {found:?}");
        }
    }
}
