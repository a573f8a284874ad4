//! Certificates: proofs, made from the weights of one step, that gradient descent converges from there
//! to a global minimum.
//!
//! # What is proved
//!
//! Letters as in [`crate::kernel`]: `S_j = W_N ... W_{j+1}`, `P_j = W_j ... W_1`, the loss
//! `1/2 ||(W - Phi) F||_F^2` with `F = I` for a target matrix, and let `R = (W - Phi) F`, `r = ||R||_F` at
//! the weights given. Norms without index are spectral. Let `a_j >= ||W_j||`, `rho > 0`,
//! `b_j = a_j + rho`, and consider all weights `W'` with `||W'_j - W_j||_F <= rho` for every layer, the
//! *ball*. In it, by multiplying out,
//!
//! ```text
//! ||S'_j - S_j|| <= dS_j = prod_{i>j} b_i - prod_{i>j} a_i,    ||P'_j - P_j|| <= dP_j likewise.
//! ```
//!
//! One step of gradient descent from weights in the ball takes `W_j` to `W_j - eta G_j`,
//! `G_j = S_j' R (P_{j-1} F)'`. Multiplied out, and then by `F`,
//!
//! ```text
//! R(next) = R - eta K(R) + E F,    K(R) = sum_j S_j S_j' R (P_{j-1} F)' (P_{j-1} F),
//! ```
//!
//! where `E` collects the products with two factors `eta G` or more. `K` is a sum of symmetric operators,
//! each with eigenvalues between the products of the extreme squared singular values of its sides. Let `F`
//! have `p` columns, and let a singular value of a number that a matrix does not have be 0. With
//! `sigma_k(A + D) >= sigma_k(A) - ||D||` (Weyl) all eigenvalues of `K` are in `[mu, Lam]`,
//!
//! ```text
//! mu  = sum_j max(sigma_{d_N}(S_j) - dS_j, 0)^2 max(sigma_p(P_{j-1} F) - dP_{j-1} ||F||, 0)^2
//! Lam = sum_j L_j^2,    L_j = (||S_j|| + dS_j) (||P_{j-1} F|| + dP_{j-1} ||F||).
//! ```
//!
//! If the residual there is at most `r`, then `||G_j||_F <= g_j = L_j r` and
//!
//! ```text
//! ||E||_F <= prod(b_j + eta g_j) - prod b_j - sum_j eta g_j prod_{i != j} b_i,
//! ```
//!
//! of degree two and more in `r`, so `||E||/r` is largest at the first step. Hence every such step obeys
//! `||R(next)|| <= q ||R||`, `q = max(|1 - eta mu|, |1 - eta Lam|) + ||E|| ||F|| / r`. Let `q < 1` and
//!
//! ```text
//! eta max_j g_j / (1 - q) <= rho.
//! ```
//!
//! By induction all iterates are in the ball: if those up to step `t` are, their residuals are at most
//! `q^s r`, their gradients at most `q^s g_j`, and the sum of all these moves is within `rho`. So
//! `||R(t)|| <= q^t r` for ever: the trial converges, and since the loss tends to 0, to a global minimum.
//!
//! `needed(rho)`, the left side above, grows with `rho`; the least `rho` that is enough is sought on a
//! geometric grid, made faster by going to `needed(rho)` where that is larger. The least `rho` has the
//! best `q`.
//!
//! # Rounding
//!
//! Let `u` be the unit roundoff of double precision, `d` the largest dimension. A computed product of
//! matrices, in any order of summation, is off by at most `d u ||X||_F ||Y||_F <= d^2 u ||X|| ||Y||` to
//! first order (Higham 2002, section 3.5). What is computed here and by one step of a kernel from layers
//! is, along its longest path, a product of at most `2N + 4` factors, so with
//!
//! ```text
//! kappa = 4 (2N + 4) d^2 u    (no certificate unless below 1/100: then 4 covers the higher orders)
//! ```
//!
//! a product of layers is off by at most `kappa prod a_i`, `R` by at most
//! `kappa (prod a_i + ||Phi||_F) ||F||`, and a gradient of a kernel by at most
//! `kappa prod_{i != j} b_i (prod b_i + ||Phi||_F) ||F||^2`. Singular values come as bounds with their
//! own margin ([`crate::network::extremes`]); they are widened by `kappa prod a_i`. So `a_j`, `r`, `mu`,
//! `Lam` stand on the safe side of the exact ones of the weights as they are, and what is proved is true
//! of **exact gradient descent** from these weights. The scalars themselves are sums and products of
//! numbers that are not negative, each good to a few `N u`, for which `q` and `needed` are raised by
//! `64 (N + 1) u` of their size.
//!
//! The **computed** iterates of a kernel differ from exact steps by errors `e_j` of each update,
//!
//! ```text
//! ||e_j||_F <= c_j = 2 d u (b_j + eta g_j) + eta times the error of the gradient,
//! ```
//!
//! which change the next residual by at most `eps = ||F|| (prod(b_j + eta g_j + c_j) - prod(b_j + eta g_j))`.
//! The same proof holds for them down to a residual `r_end`: as long as `||R|| >= r_end`, `eps` is at most
//! `eps / r_end ||R||`. So `eps / r_end` is part of `q`, and `T max_j c_j` part of `needed`, `T` being the
//! steps to `r_end` at rate `q`. `r_end` belongs to the loss target, less what a loss may be off by: the
//! computed iterates are proved to arrive at the target within `T` steps, and nothing is claimed of them
//! under it, where they end in a noise of about `eps / (1 - q)`. If the residual is under the target
//! already, `r_end` is that residual and `T` is 0.
//!
//! Numbers that vanish (below 1e-308) are not accounted for. A network that is computed in a reduced shape
//! (`reduce`) is judged in that shape, on the weights and the target that its kernel holds. All this is
//! of constant learning rates and double precision.

use ndarray::{Array2, ArrayView2};

use crate::network::extremes::Extremes;
use crate::network::target::Problem;
use crate::network::{Shape, Weights, matrix};

/// Unit roundoff of double precision.
const UNIT: f64 = f64::EPSILON / 2.0;

/// Largest `kappa` for which errors of higher order are covered.
const MOST_ROUNDING: f64 = 0.01;

/// Ratio of the grid of radii.
const GROWTH: f64 = 1.25;

/// Most radii that are tried: those of 20 decades.
const MOST_RADII: usize = 200;

/// A proof that gradient descent converges from some weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Certificate {
    /// `q`: the norm of the residual falls at least by this factor in every step.
    pub rate: f64,
    /// `rho`: no layer ever moves farther, in Frobenius norm.
    pub radius: f64,
    /// `T`: after so many steps the loss is at or under the target.
    pub steps: u64,
}

/// What a certificate is made of, for trials of one problem.
#[derive(Debug, Clone)]
pub struct Certifier {
    depth: usize,
    learning_rate: f64,
    /// Residual at the loss target.
    target: f64,
    /// `||Phi||_F`.
    phi_norm: f64,
    /// Extreme singular values of `F`.
    factor: Extremes,
    /// Largest dimension.
    largest: f64,
    /// Relative error of products.
    kappa: f64,
}

/// Norms and singular values at some weights.
#[derive(Debug, Clone)]
pub struct Norms {
    /// `a_j`.
    layers: Vec<f64>,
    /// Of `S_1 .. S_N`; the low one is `sigma_{d_N}`.
    suffixes: Vec<Extremes>,
    /// Of `P_0 F .. P_{N-1} F`; the low one is `sigma_p`.
    prefixes: Vec<Extremes>,
    /// `r`.
    residual: f64,
}

impl Certifier {
    /// For gradient descent with this learning rate on this problem, whose loss target is `loss` above the
    /// optimum; `None` if no certificate is possible: a bottleneck keeps every network from the optimum.
    pub fn new(shape: &Shape, problem: &Problem, learning_rate: f64, loss: f64) -> Option<Self> {
        let (output, input) = problem.phi.dim();
        let columns = problem.factor.as_ref().map_or(input, Array2::ncols);
        let depth = shape.depth();
        let largest = shape.dims().iter().copied().max().unwrap_or(1).max(columns) as f64;
        let kappa = 4.0 * (2 * depth + 4) as f64 * largest * largest * UNIT;
        let factor = problem.factor.as_ref().map_or(Extremes::IDENTITY, |f| Extremes::of(f.view()));
        let wide = shape.rank() >= output.min(columns) && columns <= input;
        (wide && kappa < MOST_ROUNDING && factor.low > 0.0).then(|| Self {
            depth,
            learning_rate,
            target: (2.0 * loss).sqrt(),
            phi_norm: matrix::frobenius(problem.phi.view()),
            factor,
            largest,
            kappa,
        })
    }

    /// Tries to prove that gradient descent converges from `weights`. Without a proof: at which losses
    /// one may be possible (see [`Self::is_possible`]).
    pub fn certify(&self, weights: &Weights, problem: &Problem) -> Result<Certificate, Norms> {
        let products = Products::of(weights, problem);
        let rough = self.norms(&products, |a| {
            // Frobenius norms bound what singular values can be at best.
            let mean = matrix::frobenius(a) / (a.nrows().min(a.ncols()) as f64).sqrt();
            Extremes { low: mean, high: mean }
        });
        if self.search(&rough, rough.residual).is_none() {
            return Err(rough);
        }
        let mut norms = self.norms(&products, Extremes::of);
        self.widen(&mut norms);
        self.search(&norms, norms.residual).ok_or(norms)
    }

    /// Whether a certificate is possible at a loss, above the optimum, with norms like these.
    pub fn is_possible(&self, norms: &Norms, loss: f64) -> bool {
        self.search(norms, (2.0 * loss).sqrt()).is_some()
    }

    fn norms(
        &self,
        at: &Products<'_>,
        extremes: impl Fn(ArrayView2<'_, f64>) -> Extremes,
    ) -> Norms {
        let (output, columns) = at.residual.dim();
        // The k-th singular value, 0 if there is none.
        let up_to = |k: usize, a: ArrayView2<'_, f64>| {
            let known = extremes(a);
            if a.nrows().min(a.ncols()) < k { Extremes { low: 0.0, ..known } } else { known }
        };
        let mut suffixes: Vec<_> = at.suffixes.iter().map(|s| up_to(output, s.view())).collect();
        suffixes.push(Extremes::IDENTITY);
        let mut prefixes = vec![self.factor];
        prefixes.extend(at.prefixes.iter().map(|p| up_to(columns, p.view())));
        let weights = at.weights;
        Norms {
            layers: (1..=self.depth).map(|j| extremes(weights.layer(j)).high).collect(),
            suffixes,
            prefixes,
            residual: matrix::frobenius(at.residual.view()),
        }
    }

    /// Takes the rounding of the products into the norms.
    fn widen(&self, norms: &mut Norms) {
        let Norms { layers, suffixes, prefixes, residual } = norms;
        let (mut above, mut below) = (1.0, self.factor.high);
        let widen = |known: &mut Extremes, error: f64| {
            known.low = (known.low - error).max(0.0);
            known.high += error;
        };
        for j in (0..self.depth - 1).rev() {
            above *= layers[j + 1];
            widen(&mut suffixes[j], self.kappa * above);
        }
        for j in 1..self.depth {
            below *= layers[j - 1];
            widen(&mut prefixes[j], self.kappa * below);
        }
        *residual += self.loss_error(layers.iter().product());
    }

    /// How far a computed residual may be off, where the layers have this product of norms.
    fn loss_error(&self, product: f64) -> f64 {
        self.kappa * (product + self.phi_norm) * self.factor.high
    }

    /// The least radius of the grid at which the induction closes.
    fn search(&self, norms: &Norms, residual: f64) -> Option<Certificate> {
        if residual.is_nan() || residual <= 0.0 {
            return None;
        }
        let mut radius = 0.0;
        for _ in 0..MOST_RADII {
            let (rate, steps, needed) = self.at(norms, residual, radius)?;
            if needed <= radius {
                return Some(Certificate { rate, radius, steps });
            }
            radius = needed.max(GROWTH * radius);
        }
        None
    }

    /// `q`, `T` and the radius that is needed, if the ball has this radius; `None` if `q` is not below 1.
    fn at(&self, norms: &Norms, residual: f64, radius: f64) -> Option<(f64, u64, f64)> {
        let (n, eta) = (self.depth, self.learning_rate);
        let ball = Ball::new(norms, self.factor.high, radius);
        let mu: f64 = ball.low.iter().map(|l| l * l).sum();
        let lam: f64 = ball.high.iter().map(|l| l * l).sum();
        // prod b, what is linear and what is of higher order in the moves; the same product with rounding.
        let product: f64 = norms.layers.iter().map(|a| a + radius).product();
        let (mut constant, mut linear, mut higher) = (1.0, 0.0, 0.0);
        let (mut moved, mut rounded, mut most_rounding) = (1.0, 0.0, 0.0_f64);
        for (a, l) in norms.layers.iter().zip(&ball.high) {
            let (b, step) = (a + radius, eta * l * residual);
            higher = higher * (b + step) + linear * step;
            linear = linear * b + constant * step;
            constant *= b;
            // Of a layer of zeros, `b` may be 0 for rough norms only, of which no proof is made.
            let others = product / b.max(f64::MIN_POSITIVE);
            let gradient = self.kappa * others * (product + self.phi_norm);
            let rounding = 2.0 * self.largest * UNIT * (b + step)
                + eta * gradient * self.factor.high * self.factor.high;
            rounded = rounded * (b + step + rounding) + moved * rounding;
            moved *= b + step;
            most_rounding = most_rounding.max(rounding);
        }
        let slack = 64.0 * (n + 1) as f64 * UNIT;
        let end = (self.target * (1.0 - slack) - self.loss_error(product)).min(residual);
        if end.is_nan() || end <= 0.0 {
            return None;
        }
        let contraction = (1.0 - eta * mu).abs().max((1.0 - eta * lam).abs());
        let beyond = self.factor.high * (higher / residual + rounded / end);
        let rate = contraction + beyond + slack * (1.0 + eta * lam + beyond);
        if rate.is_nan() || rate >= 1.0 {
            return None;
        }
        let steps = (libm::log(residual / end) / -libm::log(rate) * (1.0 + slack)).ceil();
        let longest = ball.high.iter().fold(0.0, |m: f64, &l| m.max(l));
        let needed = eta * longest * residual / (1.0 - rate) + steps * most_rounding;
        (steps < 9e18).then_some((rate, steps as u64, needed * (1.0 + slack)))
    }
}

/// Bounds that hold in a ball, layer by layer: of the products of the singular values on both sides.
struct Ball {
    low: Vec<f64>,
    /// `L_j`.
    high: Vec<f64>,
}

impl Ball {
    fn new(norms: &Norms, factor: f64, radius: f64) -> Self {
        let n = norms.layers.len();
        let (mut low, mut high) = (vec![0.0; n], vec![0.0; n]);
        // The product of the norms so far, and how far products in the ball may be from this one: both
        // grow by (A + d)(a + rho) - A a = d (a + rho) + A rho.
        let (mut product, mut moved) = (1.0, 0.0);
        for j in (0..n).rev() {
            low[j] = (norms.suffixes[j].low - moved).max(0.0);
            high[j] = norms.suffixes[j].high + moved;
            moved = moved * (norms.layers[j] + radius) + product * radius;
            product *= norms.layers[j];
        }
        (product, moved) = (factor, 0.0);
        for j in 0..n {
            low[j] *= (norms.prefixes[j].low - moved).max(0.0);
            high[j] *= norms.prefixes[j].high + moved;
            moved = moved * (norms.layers[j] + radius) + product * radius;
            product *= norms.layers[j];
        }
        Self { low, high }
    }
}

/// The products of layers that bounds are made of.
struct Products<'a> {
    weights: &'a Weights,
    /// `S_1 .. S_{N-1}`.
    suffixes: Vec<Array2<f64>>,
    /// `P_1 F .. P_{N-1} F`.
    prefixes: Vec<Array2<f64>>,
    /// `R`.
    residual: Array2<f64>,
}

impl<'a> Products<'a> {
    fn of(weights: &'a Weights, problem: &Problem) -> Self {
        let depth = weights.shape().depth();
        let mut suffixes = Vec::with_capacity(depth);
        let mut suffix = weights.layer(depth).to_owned();
        for j in (1..depth).rev() {
            let next = matrix::product(suffix.view(), weights.layer(j));
            suffixes.push(std::mem::replace(&mut suffix, next));
        }
        suffixes.reverse();
        let difference = suffix - &problem.phi;
        let by_factor = |a: Array2<f64>| match &problem.factor {
            None => a,
            Some(factor) => matrix::product(a.view(), factor.view()),
        };
        let mut prefixes: Vec<Array2<f64>> = Vec::with_capacity(depth);
        for j in 1..depth {
            prefixes.push(match prefixes.last() {
                None => by_factor(weights.layer(1).to_owned()),
                Some(prefix) => matrix::product(weights.layer(j), prefix.view()),
            });
        }
        Self { weights, suffixes, prefixes, residual: by_factor(difference) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::kernel::reference::Reference;
    use crate::kernel::{Kernel, Window};
    use crate::rng::{Purpose, Stream, stream};
    use ndarray::array;

    const OPEN: [Window; 1] = [Window { low: f64::NEG_INFINITY, high: f64::INFINITY }];

    fn scalars(values: &[f64]) -> Weights {
        let shape = Shape::new(vec![1; values.len() + 1]);
        let layers: Vec<_> = values.iter().map(|&v| array![[v]]).collect();
        Weights::from_layers(&shape, &layers)
    }

    fn certify(weights: &Weights, problem: &Problem, rate: f64) -> Option<Certificate> {
        let certifier = Certifier::new(weights.shape(), problem, rate, 1e-10)?;
        certifier.certify(weights, problem).ok()
    }

    /// One layer: `R(t) = (1 - eta)^t R` exactly, for which there is nothing to lose.
    #[test]
    fn one_layer_is_certified_from_everywhere_with_its_rate() {
        let problem = Problem::from_matrix(array![[3.0, -1.0], [0.5, 2.0]]);
        let weights =
            Weights::from_layers(&Shape::new(vec![2, 2]), &[array![[9.0, 1.0], [4.0, -7.0]]]);
        for (eta, q) in [(0.1, 0.9), (1.0, 0.0), (1.9, 0.9)] {
            let certificate = certify(&weights, &problem, eta).expect("a contraction");
            assert!((certificate.rate - q).abs() < 1e-5, "{certificate:?}");
        }
        assert_eq!(certify(&weights, &problem, 2.0), None);
    }

    /// Two scalars at the minimum `w_1 w_2 = 1`: `K = w_1^2 + w_2^2`, and the edge is `eta = 2 / K`.
    #[test]
    fn the_rate_near_a_minimum_is_that_of_its_sharpness() {
        let problem = Problem::from_matrix(array![[1.0]]);
        let weights = scalars(&[2.0, 0.5 * (1.0 + 1e-7)]);
        let certificate = certify(&weights, &problem, 0.1).expect("a certificate");
        assert!((certificate.rate - (1.0 - 0.1 * 4.25)).abs() < 1e-2, "{certificate:?}");
        assert!(certify(&weights, &problem, 0.47).is_some());
        assert_eq!(certify(&weights, &problem, 2.0 / 4.25), None);
    }

    /// Wrong signs (never converge), a saddle, a bottleneck, and a data set on which nothing is unique.
    #[test]
    fn where_nothing_can_be_proved_nothing_is() {
        let one = Problem::from_matrix(array![[1.0]]);
        assert_eq!(certify(&scalars(&[0.5, -0.5]), &one, 0.1), None);
        assert_eq!(certify(&scalars(&[0.0, 0.0]), &one, 0.1), None);
        assert_eq!(certify(&scalars(&[f64::NAN, 1.0]), &one, 0.1), None);
        let two = Problem::from_matrix(array![[2.0, 0.0], [0.0, 1.0]]);
        let narrow = Shape::new(vec![2, 1, 2]);
        assert!(Certifier::new(&narrow, &two, 0.1, 1e-10).is_none());
        let line = Problem { factor: Some(array![[1.0, 2.0], [1.0, 2.0]]), ..two };
        assert!(Certifier::new(&Shape::new(vec![2, 2, 2]), &line, 0.1, 1e-10).is_none());
    }

    /// Zeros in the last layer, identities below: the whole way is proved from a start far off.
    #[test]
    fn a_layer_of_zeros_can_be_certified() {
        let problem = Problem::from_matrix(array![[0.1]]);
        assert!(certify(&scalars(&[1.0, 0.0]), &problem, 0.1).is_some());
    }

    /// A case of the property test: weights, and a target close to what they compute or far off.
    struct Case {
        weights: Weights,
        problem: Problem,
        learning_rate: f64,
    }

    impl Case {
        fn new(random: &mut Stream) -> Self {
            let below = |random: &mut Stream, n: usize| (random.uniform() * n as f64) as usize;
            let depth = 1 + below(random, 4);
            let most = [2, 4, 8, 16][below(random, 4)];
            let dims: Vec<_> = (0..=depth).map(|_| 1 + below(random, most)).collect();
            let shape = Shape::new(dims);
            let spread = 10f64.powf(1.5 * random.uniform() - 1.0);
            let mut weights = Weights::zeros(&shape);
            for w in weights.as_mut_slice() {
                *w = spread * random.gaussian();
            }
            let end_to_end = weights.end_to_end();
            let off = 10f64.powf(-8.0 * random.uniform()) * matrix::frobenius(end_to_end.view());
            let (rows, columns) = end_to_end.dim();
            let phi = &end_to_end + &random.gaussian_matrix(rows, columns, off);
            let factor = (random.uniform() < 0.3).then(|| {
                let columns = 1 + below(random, columns);
                random.gaussian_matrix(end_to_end.ncols(), columns, 1.0)
            });
            let problem = Problem { phi, factor, optimum: 0.0 };
            let edge = 2.0 / Self::sharpness(&weights, &problem);
            // Often close to the edge, from both sides.
            let share = match below(random, 3) {
                0 => random.uniform(),
                1 => 1.0 - 0.1 * random.uniform(),
                _ => 1.0 + 0.02 * (random.uniform() - 0.5),
            };
            Self { weights, problem, learning_rate: share * edge }
        }

        /// A bound of the largest eigenvalue of `K` that is close to it where one layer dominates.
        fn sharpness(weights: &Weights, problem: &Problem) -> f64 {
            let at = Products::of(weights, problem);
            let factor = problem.factor.as_ref().map_or(1.0, |f| Extremes::of(f.view()).high);
            let high = |a: Option<&Array2<f64>>| a.map(|a| Extremes::of(a.view()).high);
            let depth = weights.shape().depth();
            let term = |j: usize| {
                let above = high(at.suffixes.get(j)).unwrap_or(1.0);
                let below = j.checked_sub(1).map_or(Some(factor), |j| high(at.prefixes.get(j)));
                (above * below.unwrap_or(1.0)).powi(2)
            };
            (0..depth).map(term).sum()
        }

        fn residual(&self, weights: &Weights) -> f64 {
            (2.0 * self.problem.loss(&weights.end_to_end())).sqrt()
        }

        /// Runs a certified case on; true if it was certified.
        fn obeys(&self, case: u64) -> bool {
            let shape = self.weights.shape();
            let mut kernel = Reference::new(shape, self.learning_rate);
            kernel.load(0, &self.weights, &self.problem);
            let mut weights = self.weights.clone();
            let mut certificate = None;
            // From the beginning, or where its own descent has brought it closer.
            for steps in [0, 1, 10, 100] {
                kernel.advance(steps, &OPEN);
                kernel.unload(0, &mut weights);
                certificate = certify(&weights, &self.problem, self.learning_rate);
                if certificate.is_some() {
                    break;
                }
            }
            let Some(Certificate { rate, radius, steps }) = certificate else { return false };
            let (first, begin) = (self.residual(&weights), weights.clone());
            let target = 2e-10_f64.sqrt();
            let mut bound = first;
            for step in 1..=60 {
                kernel.advance(1, &OPEN);
                kernel.unload(0, &mut weights);
                bound *= rate;
                let residual = self.residual(&weights);
                assert!(
                    residual <= bound * (1.0 + 1e-9) || residual <= target,
                    "case {case}: {residual} above {bound} at step {step}, {shape}"
                );
                assert!(step < steps || residual <= target, "case {case}: late at step {step}");
                for j in 1..=shape.depth() {
                    let moved = &weights.layer(j) - &begin.layer(j);
                    let moved = matrix::frobenius(moved.view());
                    assert!(moved <= radius, "case {case}: layer {j} moved {moved} of {radius}");
                }
            }
            true
        }
    }

    /// Certified states keep what was promised, whatever the shape, the target, the start and the rate.
    /// `DEEPLIN_CERTIFICATE_CASES` says how many are tried (`scripts/certify`).
    #[test]
    fn certified_descents_keep_the_promise() {
        let cases = std::env::var("DEEPLIN_CERTIFICATE_CASES").ok();
        let cases = cases.map_or(2000, |n| n.parse().expect("a number of cases"));
        let digest = Digest::of(b"certificates");
        let certified = (0..cases)
            .filter(|&case| Case::new(&mut stream(1, &digest, Purpose::Init, case)).obeys(case))
            .count();
        assert!(certified as u64 > cases / 10, "{certified} of {cases} cases are certified");
    }
}
