//! The theorems and claims of Arora, Cohen, Golowich and Hu, *A Convergence Analysis of Gradient Descent
//! for Deep Linear Neural Networks* (2019), and what else is known exactly about starts.
//!
//! Statistical tests have fixed seeds; each states how often another seed would fail it.

use std::sync::Arc;

use deeplin::digest::Digest;
use deeplin::kernel::real::Precision;
use deeplin::kernel::reference::Reference;
use deeplin::kernel::rule::{Method, Rule, Schedule};
use deeplin::kernel::select::Choice;
use deeplin::kernel::{Kernel, Window};
use deeplin::network::init::{EndToEndLaw, Init};
use deeplin::network::target::{Problem, Target};
use deeplin::network::{Shape, Weights, matrix, svd};
use deeplin::observe;
use deeplin::observe::acceleration::preconditioned;
use deeplin::rng::{Purpose, Stream, stream};
use deeplin::start::Starts;
use deeplin::stats::proportion::{Interval, clopper_pearson};
use deeplin::stop::{Outcome, StopRule};
use deeplin::study::{Cell, Measures};
use deeplin::theorem::{self, Theorem};
use ndarray::{Array1, Array2, ArrayView1};
use rayon::prelude::*;

use crate::support::{cell, rows};

const EVERYTHING: Window = Window { low: f64::NEG_INFINITY, high: f64::INFINITY };

/// Makes so many steps.
fn descend(kernel: &mut dyn Kernel, steps: u64) {
    assert_eq!(kernel.advance(steps, &vec![EVERYTHING; kernel.lanes()]), steps);
}

/// A start that Theorem 1 speaks of.
struct Admissible {
    weights: Weights,
    problem: Problem,
    /// `sigma_min(Phi) - ||W(0) - Phi||_F`.
    margin: f64,
    /// `||Phi||_F`.
    norm: f64,
}

impl Admissible {
    /// What the theorem says of it.
    fn theorem(&self, learning_rate: f64) -> Theorem {
        Theorem {
            depth: self.weights.shape().depth(),
            target_norm: self.norm,
            margin: self.margin,
            balancedness: observe::balancedness(&self.weights),
            learning_rate,
            wide: theorem::is_wide(self.weights.shape()),
        }
    }

    /// The largest learning rate that the theorem allows.
    fn rate(&self) -> f64 {
        self.theorem(f64::NAN).largest_rate()
    }

    /// The kernel that a study would use, with this start in its first lane and its loss up to date.
    fn kernel(&self, rate: f64) -> Box<dyn Kernel> {
        let shape = self.weights.shape();
        let mut kernel = Choice::for_shape(shape).build(shape, rate, Precision::Float64);
        (1..kernel.lanes()).for_each(|lane| kernel.clear(lane));
        kernel.load(0, &self.weights, &self.problem);
        descend(kernel.as_mut(), 0);
        kernel
    }

    fn is_admissible(&self) -> bool {
        self.theorem(self.rate()).conditions() == theorem::ALL
    }
}

fn uniform(random: &mut Stream, low: f64, high: f64) -> f64 {
    low + (high - low) * random.uniform()
}

fn below(random: &mut Stream, end: usize) -> usize {
    (random.uniform() * end as f64) as usize
}

/// A start of a random shape with `1..=depths` layers of at most 4 in- and outputs: balanced weights
/// near a random target, at most the part `furthest` of the way to where there is no margin, then moved
/// out of balance as far as the theorem lets them.
fn admissible(random: &mut Stream, depths: usize, most: usize, furthest: f64) -> Admissible {
    let depth = 1 + below(random, depths);
    let [input, output] = [0; 2].map(|_| 1 + below(random, most));
    let rank = input.min(output);
    let mut dims = vec![input];
    dims.extend((1..depth).map(|_| rank + below(random, 3)));
    dims.push(output);
    let shape = Shape::new(dims);
    let sigma: Vec<f64> = (0..rank).map(|_| uniform(random, 0.7, 1.4)).collect();
    let phi = with_singular_values(random, &shape, &sigma);
    let sigma_min = sigma.iter().copied().fold(f64::INFINITY, f64::min);
    let step = random.gaussian_matrix(output, input, 1.0);
    let length = sigma_min * uniform(random, 0.02, furthest) / matrix::frobenius(step.view());
    let balanced = balanced(random, &shape, &(&phi + &(&step * length)));
    let noise: Vec<f64> = balanced.as_slice().iter().map(|_| random.gaussian()).collect();
    let moved = |distance: f64| {
        let mut weights = balanced.clone();
        for (w, n) in weights.as_mut_slice().iter_mut().zip(&noise) {
            *w += distance * n;
        }
        let gap = matrix::frobenius((&weights.end_to_end() - &phi).view());
        let problem = Problem::from_matrix(phi.clone());
        let norm = matrix::frobenius(phi.view());
        Admissible { weights, problem, margin: sigma_min - gap, norm }
    };
    // One layer is always in balance.
    let (mut inside, mut outside) = (0.0, if depth > 1 { 0.5 } else { 0.0 });
    for _ in 0..30 {
        let middle = 0.5 * (inside + outside);
        if moved(middle).is_admissible() { inside = middle } else { outside = middle }
    }
    let start = moved(inside);
    assert!(start.is_admissible());
    start
}

/// `U diag(sigma) V'` with random orthonormal columns.
fn with_singular_values(random: &mut Stream, shape: &Shape, sigma: &[f64]) -> Array2<f64> {
    let u = svd::haar(random, shape.output(), sigma.len());
    let v = svd::haar(random, shape.input(), sigma.len());
    matrix::product((&u * &ArrayView1::from(sigma)).view(), v.t())
}

/// Weights with the end-to-end matrix `a`, balanced, with random rotations between the layers.
fn balanced(random: &mut Stream, shape: &Shape, a: &Array2<f64>) -> Weights {
    let depth = shape.depth();
    let svd::Svd { u, s, v } = svd::svd(a.view());
    let roots = s.iter().map(|sigma| sigma.powf(1.0 / depth as f64));
    let roots = Array2::from_diag(&roots.collect::<Array1<f64>>());
    // Between two layers a basis of orthonormal columns, `d_j x rank`.
    let mut bases = vec![v];
    bases.extend((1..depth).map(|j| svd::haar(random, shape.dims()[j], s.len())));
    bases.push(u);
    let layers: Vec<Array2<f64>> = bases
        .windows(2)
        .map(|pair| {
            let spread = matrix::product(pair[1].view(), roots.view());
            matrix::product(spread.view(), pair[0].t())
        })
        .collect();
    Weights::from_layers(shape, &layers)
}

/// Lemmas 1 and 2 at one step, and that the loss is under what Theorem 1 has for it.
fn assert_lemmas(start: &Admissible, kernel: &mut dyn Kernel, step: u64, rate: f64, initial: f64) {
    let mut weights = start.weights.clone();
    kernel.unload(0, &mut weights);
    let n = start.weights.shape().depth() as f64;
    let (theorem, loss) = (start.theorem(rate), kernel.loss(0));
    assert!(theorem.steps(initial, loss * (1.0 + 1e-12)) >= step as f64, "{loss} at {step}");
    assert!(observe::balancedness(&weights) <= 2.0 * theorem.most_imbalance());
    for j in 1..=start.weights.shape().depth() {
        let norm = svd::singular_values(weights.layer(j))[0];
        assert!(norm <= (4.0 * start.norm).powf(1.0 / n), "layer {j}: {norm}");
    }
    let sigma = svd::singular_values(weights.end_to_end().view());
    let sigma_min = sigma.last().copied().unwrap_or(0.0);
    descend(kernel, 1);
    let ratio = 1.0 - rate * sigma_min.powf(2.0 * (n - 1.0) / n);
    // The computed loss of nearly equal matrices is good to so many of their rounding errors.
    let rounding = 1e-14 * (loss + loss.sqrt());
    assert!(kernel.loss(0) <= ratio * loss + rounding, "{} after {loss}", kernel.loss(0));
}

/// Theorem 1 and Lemmas 1 and 2 at several steps of 10,000 random starts: at the largest learning rate
/// that is allowed, and with about the largest imbalance.
#[test]
fn theorem_1_holds_for_every_admissible_start() {
    (0..10_000_u64).into_par_iter().for_each(|trial| {
        let mut random = stream(1, &Digest::of(b"theorem 1"), Purpose::Init, trial);
        let start = admissible(&mut random, 4, 4, 0.6);
        let rate = start.rate();
        let mut kernel = start.kernel(rate);
        let (initial, mut step) = (kernel.loss(0), 0);
        for _ in 0..8 {
            assert_lemmas(&start, kernel.as_mut(), step, rate, initial);
            let next = step + 1 + below(&mut random, 100) as u64;
            descend(kernel.as_mut(), next - step - 1);
            step = next;
        }
    });
}

/// The whole way of 60 scalar ones: under 1e-6 of the loss at the step that Theorem 1 gives for it, with
/// both lemmas on the way.
#[test]
fn theorem_1_bounds_the_steps_to_the_target() {
    (0..60_u64).into_par_iter().for_each(|trial| {
        let mut random = stream(2, &Digest::of(b"theorem 1"), Purpose::Init, trial);
        let start = admissible(&mut random, 2, 1, 0.1);
        let rate = start.rate();
        let mut kernel = start.kernel(rate);
        let initial = kernel.loss(0);
        let bound = start.theorem(rate).steps(initial, 1e-6 * initial).ceil() as u64;
        let (mut step, mut gap) = (0, 1);
        while step + gap < bound {
            assert_lemmas(&start, kernel.as_mut(), step, rate, initial);
            descend(kernel.as_mut(), gap - 1);
            step += gap;
            gap *= 4;
        }
        descend(kernel.as_mut(), bound - step);
        assert!(kernel.loss(0) <= 1e-6 * initial, "{} of {initial}", kernel.loss(0));
    });
}

/// For `||Phi||_F = 1`, two scalar layers and the margin .9 at the rate that is allowed: the balanced start
/// needs 147,068 steps to a loss of 1e-6, and the theorem gives it 638,070.
#[test]
fn theorem_1_in_numbers() {
    let shape = Shape::new(vec![1, 1, 1]);
    let root = Array2::from_elem((1, 1), 0.9_f64.sqrt());
    let start = Admissible {
        weights: Weights::from_layers(&shape, &[root.clone(), root]),
        problem: Problem::from_matrix(Array2::eye(1)),
        margin: 0.9,
        norm: 1.0,
    };
    let mut kernel = start.kernel(start.rate());
    let bound = start.theorem(start.rate()).steps(kernel.loss(0), 1e-6);
    assert!((bound / 6.3807e5 - 1.0).abs() < 1e-4, "{bound}");
    let mut windows = vec![EVERYTHING; kernel.lanes()];
    windows[0].low = 1e-6;
    assert_eq!(kernel.advance(1_000_000, &windows), 147_068);
}

// ------------------------------------------------------------------------------------------------
// Probabilities. All intervals have a level such that a seed fails with a probability of at most 1e-6.

const LEVEL: f64 = 1.0 - 1e-6;

/// Measures of so many starts of a cell.
fn starts(cell: &Cell, trials: u64) -> Vec<Measures> {
    let starts = Starts::new(2018, cell);
    let measure = |trial| {
        let start = starts.start(trial);
        let mut measures = Measures::default();
        observe::measure_start(&start.weights, &start.problem, &start.landscape, &mut measures);
        measures
    };
    (0..trials).into_par_iter().map(measure).collect()
}

fn interval(measures: &[Measures], holds: impl Fn(&Measures) -> bool) -> Interval {
    let count = measures.iter().filter(|measures| holds(measures)).count() as u64;
    clopper_pearson(count, measures.len() as u64, LEVEL)
}

fn gaussian(dims: &[usize], std: f64) -> Cell {
    Cell {
        target: Arc::new(Target::Unit { norm: 1.0 }),
        init: Arc::new(Init::Gaussian { std }),
        ..cell(dims)
    }
}

/// One output, one layer of normal weights: `||W - Phi||^2 / s^2` has the noncentral chi-squared law with
/// `d` degrees of freedom and noncentrality `1 / s^2`. A million starts each; the expected values are
/// sums over a Poisson mixture.
#[test]
fn margins_of_one_layer_have_the_noncentral_chi_squared_law() {
    for (d, std, cases) in [
        (20, 0.1, &[(0.0, 0.170744), (0.01, 0.145469), (0.1, 0.022600)][..]),
        (4, 0.3, &[(0.0, 0.323928), (0.5, 0.010331)]),
        (33, 0.05, &[(0.0, 0.211774), (0.05, 0.034298)]),
    ] {
        let measures = starts(&gaussian(&[d, 1], std), 1_000_000);
        for &(margin, expected) in cases {
            let Interval { lower: low, upper: high } =
                interval(&measures, |start| start.margin_initial >= margin);
            assert!(low < expected && expected < high, "{d} {std} {margin}: {low}..{high}");
        }
    }
}

/// Several layers, one output: the direction of `W` is uniform and its squared norm `s^(2N)` times a
/// product of chi-squared variables. At the same norms, a uniform direction drawn otherwise has a margin
/// as often.
#[test]
fn margins_of_several_layers_come_from_norm_and_direction() {
    let (dims, std, margin) = ([5, 4, 3, 1], 0.6, 0.05);
    let measures = starts(&gaussian(&dims, std), 200_000);
    let Interval { lower: low, upper: high } =
        interval(&measures, |start| start.margin_initial >= margin);
    let mut random = stream(3, &Digest::of(b"direction"), Purpose::Init, 0);
    let mut chi_squared =
        |degrees: usize| (0..degrees).map(|_| random.gaussian().powi(2)).sum::<f64>();
    let count = (0..200_000)
        .filter(|_| {
            let rest: f64 = [4, 3].into_iter().map(&mut chi_squared).product();
            // The input's variable, split into the direction of `Phi` and the others.
            let (along, across) = (chi_squared(1), chi_squared(4));
            let norm = std.powi(3) * (rest * (along + across)).sqrt();
            let cosine = (along / (along + across)).sqrt();
            // The sign of the direction is that of a further coin: half of them each.
            let gap = |cosine: f64| (norm * norm - 2.0 * norm * cosine + 1.0).sqrt();
            let sign = if chi_squared(1) < 0.454_936_423_119_572_8 { -1.0 } else { 1.0 };
            1.0 - gap(sign * cosine) >= margin
        })
        .count();
    let Interval { lower: other_low, upper: other_high } =
        clopper_pearson(count as u64, 200_000, LEVEL);
    assert!(low < other_high && other_low < high, "{low}..{high}, {other_low}..{other_high}");
    assert!(high - low < 0.02);
}

/// Claim 2: `P(delta-balanced) >= 1 - 10 delta^-2 N s^4 d_max^3`.
#[test]
fn claim_2_bounds_the_imbalance() {
    for (dims, std) in [(&[4, 4, 4][..], 0.1), (&[8, 3, 5, 1], 0.3), (&[6, 6, 6, 6, 6], 0.2)] {
        let measures = starts(&gaussian(dims, std), 20_000);
        let depth = dims.len() - 1;
        let widest = dims.iter().copied().max().unwrap_or(1) as f64;
        for bound in [0.1, 0.5, 0.9] {
            let delta = (10.0 * depth as f64 * std.powi(4) * widest.powi(3) / (1.0 - bound)).sqrt();
            let Interval { lower: low, .. } =
                interval(&measures, |start| start.balancedness_initial <= delta);
            assert!(low >= bound, "{dims:?}: {low} < {bound}");
        }
    }
}

/// X8: for normal layers `A` (`a x d`) and `B` (`d x b`), `E ||A'A - BB'||_F^2 =
/// s^4 d ((a - b)^2 + (a + b)(d + 1))`. The mean of 100,000 starts is within five standard errors
/// (another seed fails once in a million and a half).
#[test]
fn x8_second_moment_of_the_imbalance() {
    for [b, d, a] in [[3, 4, 5], [1, 6, 2], [7, 1, 3]] {
        let std: f64 = 0.4;
        let measures = starts(&gaussian(&[b, d, a], std), 100_000);
        let squares: Vec<f64> = measures.iter().map(|m| m.balancedness_initial.powi(2)).collect();
        let [a, b, d] = [a, b, d].map(|n| n as f64);
        let expected = std.powi(4) * d * ((a - b).powi(2) + (a + b) * (d + 1.0));
        assert_mean(&squares, expected, 5.0);
    }
}

fn assert_mean(values: &[f64], expected: f64, errors: f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let error = (variance / n).sqrt();
    assert!((mean - expected).abs() <= errors * error, "{mean} +- {error}, not {expected}");
}

/// Claim 3: with one output and small weights a margin is there with probability .49 at least.
#[test]
fn claim_3_small_starts_have_a_margin() {
    for (dims, std) in [(&[10, 8, 1][..], 0.01), (&[6, 5, 4, 1], 0.05)] {
        let depth = dims.len() as i32 - 1;
        let measures = starts(&gaussian(dims, std), 100_000);
        let margin = 1e-3 * f64::powi(std, depth);
        let Interval { lower, upper } = interval(&measures, |start| start.margin_initial >= margin);
        assert!(upper >= 0.49 && lower > 0.48, "{lower}..{upper}");
    }
}

/// Theorem 2 for `a = d_0 = 100`: with probability .27623 at least, a balanced start with one output
/// converges. (Its learning rate is below 1e-17 there; larger ones do as well.)
#[test]
fn theorem_2_bounds_the_probability() {
    let (d, a) = (100.0_f64, 100.0_f64);
    let normal_cdf = |x: f64| 0.5 * libm::erfc(-x / 2.0_f64.sqrt());
    let bound =
        (1.0 - 2.0 * (-d / 16.0).exp()) * (3.0 - 4.0 * normal_cdf(2.0 * (2.0 / a).sqrt())) / 2.0;
    assert!((bound - 0.27623).abs() < 1e-5, "{bound}");
    let std = 1.0 / (a * d * d).sqrt();
    let cell = Cell {
        target: Arc::new(Target::Unit { norm: 1.0 }),
        init: Arc::new(Init::Balanced { law: EndToEndLaw::Std(std), rotate: false }),
        learning_rate: 0.05,
        stop: StopRule { loss: 1e-8, divergence: 1e12, max_steps: 20_000 },
        ..cell(&[100, 1, 1])
    };
    let converged = rows(&cell, 200).iter().filter(|row| row.outcome == Outcome::Converged).count();
    let Interval { lower: low, .. } = clopper_pearson(converged as u64, 200, LEVEL);
    assert!(low >= bound, "{low} < {bound}");
    // Its steps times its learning rate, for the flow that they come to: N = 2, ||Phi|| = 1.
    let max_time = 4.0 * (4.0_f64.ln() / (std * std * d) + f64::ln(1.0 / (8.0 * cell.stop.loss)));
    let method = Method::Flow { tolerance: 1e-8, max_time };
    let cell = Cell { rule: Rule { method, schedule: Schedule::Constant }, ..cell };
    let rows = rows(&cell, 200);
    let in_time = rows.iter().filter(|row| row.outcome == Outcome::Converged).count();
    let Interval { lower: low, .. } = clopper_pearson(in_time as u64, 200, LEVEL);
    assert!(low >= bound, "{low} < {bound}");
}

/// Shamir 2018: of `N` scalar layers with standard normal weights, `ln |prod w|` has mean -.6351814 N and
/// variance 1.2337006 N. Within five standard errors over 200,000 starts.
#[test]
fn products_of_scalar_layers_have_shamirs_moments() {
    for depth in [1, 3, 10] {
        let measures = starts(&gaussian(&vec![1; depth + 1], 1.0), 200_000);
        let logs: Vec<f64> = measures.iter().map(|m| m.end_to_end_norm_initial.ln()).collect();
        let mean = -0.635_181_4 * depth as f64;
        assert_mean(&logs, mean, 5.0);
        let squares: Vec<f64> = logs.iter().map(|log| (log - mean).powi(2)).collect();
        assert_mean(&squares, 1.233_700_6 * depth as f64, 5.0);
    }
}

// ------------------------------------------------------------------------------------------------
// The end-to-end matrix.

/// Arora, Cohen and Hazan 2018, theorem 1: from balanced weights the end-to-end matrix moves along
/// `-sum_j [W W']^((N-j)/N) dL/dW [W' W]^((j-1)/N)` as the learning rate tends to 0; the difference of a
/// step is of first order in it.
#[test]
fn balanced_steps_are_preconditioned_end_to_end() {
    for (depth, dims) in [(2, [3, 4]), (3, [4, 2]), (5, [3, 3])] {
        let [input, output] = dims;
        let mut shape = vec![input.min(output) + 1; depth + 1];
        (shape[0], shape[depth]) = (input, output);
        let shape = Shape::new(shape);
        let mut random = stream(4, &Digest::of(b"acceleration"), Purpose::Init, depth as u64);
        let a = random.gaussian_matrix(output, input, 0.7);
        let phi = random.gaussian_matrix(output, input, 0.7);
        let weights = balanced(&mut random, &shape, &a);
        let problem = Problem::from_matrix(phi.clone());
        let expected = preconditioned(&a, &(&a - &phi), depth);
        let error = |rate: f64| {
            let mut kernel = Reference::new(&shape, rate);
            kernel.load(0, &weights, &problem);
            let mut after = weights.clone();
            descend(&mut kernel, 1);
            kernel.unload(0, &mut after);
            let measured = (after.end_to_end() - &a) / -rate;
            matrix::frobenius((&measured - &expected).view()) / matrix::frobenius(expected.view())
        };
        let [coarse, fine] = [1e-4, 5e-5].map(error);
        assert!(coarse < 1e-2, "{coarse}");
        assert!((coarse / fine - 2.0).abs() < 0.01, "{coarse} {fine}");
    }
}
