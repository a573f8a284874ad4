//! Where a descent pauses and where it must arrive: known answers about the landscape of the loss.

use std::collections::BTreeSet;
use std::sync::Arc;

use deeplin::descent::{Entry, run_observed};
use deeplin::digest::Digest;
use deeplin::kernel::Window;
use deeplin::kernel::rule::{Method, Rule, Schedule};
use deeplin::kernel::select;
use deeplin::network::init::{Init, LayerValues};
use deeplin::network::target::{Problem, Target};
use deeplin::network::{Shape, Weights};
use deeplin::observe::certificate::Certifier;
use deeplin::observe::spacing::{RecordedSteps, Spacing};
use deeplin::observe::trajectory::Recorder;
use deeplin::rng::{Purpose, Stream, stream};
use deeplin::run::method;
use deeplin::start::Starts;
use deeplin::stop::{Outcome, StopRule};
use deeplin::study::Cell;
use ndarray::{Array2, arr1};

use crate::support::{cell, rows};

// ------------------------------------------------------------------------------------------------
// Achour, Malgouyres and Gerchinovitz (2021): at critical points the loss is `1/2 sum_{i not in S}
// sigma_i(Phi)^2` for a set `S` of modes.

/// The critical values of `diag(3, 2, 1)` and their sets.
const CRITICAL: [(&[usize], f64); 8] = [
    (&[], 7.0),
    (&[0], 2.5),
    (&[1], 5.0),
    (&[2], 6.5),
    (&[0, 1], 0.5),
    (&[0, 2], 2.0),
    (&[1, 2], 4.5),
    (&[0, 1, 2], 0.0),
];

fn flow(tolerance: f64) -> Rule {
    let method = Method::Flow { tolerance, max_time: f64::INFINITY };
    Rule { method, schedule: Schedule::Constant }
}

/// Towards `diag(3, 2, 1)` in a net of so many square layers.
fn three_modes(depth: usize, init: Init, max_steps: u64) -> Cell {
    Cell {
        target: Arc::new(Target::Diagonal { values: vec![3.0, 2.0, 1.0] }),
        init: Arc::new(init),
        learning_rate: 0.02,
        stop: StopRule { loss: 1e-10, divergence: 1e12, max_steps },
        ..cell(&vec![3; depth + 1])
    }
}

/// All layers `diag(modes)`.
fn diagonal(depth: usize, modes: &[f64; 3]) -> Init {
    Init::Values(LayerValues::Matrices(vec![Array2::from_diag(&arr1(modes)); depth]))
}

/// Modes that begin at zero stay there: each set of the others leads to its critical value.
#[test]
fn every_critical_value_is_the_limit_of_a_descent() {
    for (set, value) in CRITICAL {
        let modes = [0, 1, 2].map(|i| f64::from(u8::from(set.contains(&i))));
        for (depth, rule) in [(2, Rule::default()), (2, flow(1e-10)), (3, Rule::default())] {
            let cell = Cell { rule, ..three_modes(depth, diagonal(depth, &modes), 20_000) };
            let row = &rows(&cell, 1)[0];
            assert_eq!(row.outcome == Outcome::Converged, value == 0.0, "{set:?}: {row:?}");
            let gradient = if value == 0.0 { 1e-4 } else { 1e-8 };
            assert!((row.measures.loss_final - value).abs() <= 1e-10, "{set:?}: {row:?}");
            assert!(row.measures.gradient_norm_final <= gradient, "{set:?}: {row:?}");
        }
    }
}

/// The critical values at which a traced trial pauses, in the order of its way: the loss is near one
/// wherever the gradient is small.
fn pauses(cell: &Cell, trial: u64) -> Vec<f64> {
    let recorded =
        RecordedSteps { spacing: Spacing::Linear, points: 10_000, max_steps: cell.stop.max_steps };
    let mut along = Recorder::new(cell, trial, recorded, Vec::new(), false);
    let starts = Starts::new(2018, cell);
    let entry = Entry { cell, trial, start: starts.start(trial), state: None };
    run_observed(method::kernel(cell).as_mut(), entry, &[], &mut along).expect("it goes on");
    let along = along.trajectory();
    let mut pauses = Vec::new();
    for (loss, gradient) in along.loss.iter().zip(&along.gradient_norm) {
        if *gradient < 0.03 {
            let near = CRITICAL.iter().find(|(_, value)| (loss - value).abs() < 3e-3);
            let (_, value) = near.unwrap_or_else(|| panic!("trial {trial} pauses at {loss}"));
            pauses.push(*value);
        }
    }
    pauses.dedup();
    pauses
}

/// From small weights a descent learns one mode after another, the largest first, and pauses before each:
/// never anywhere else, and never at another set than the largest ones.
#[test]
fn plateaus_from_small_weights_are_critical_values() {
    for (depth, std, rule) in
        [(2, 1e-8, Rule::default()), (2, 1e-8, flow(1e-10)), (3, 1e-3, flow(1e-10))]
    {
        let cell = Cell { rule, ..three_modes(depth, Init::Gaussian { std }, 40_000) };
        let mut seen = BTreeSet::new();
        for trial in 0..5 {
            let pauses = pauses(&cell, trial);
            assert!(pauses.windows(2).all(|pair| pair[1] < pair[0]), "{rule:?}: {pauses:?}");
            assert_eq!(pauses[0], 7.0);
            seen.extend(pauses.iter().map(|value| value.to_string()));
        }
        let largest_first = ["0", "0.5", "2.5", "7"].map(str::to_owned);
        assert_eq!(seen, BTreeSet::from(largest_first), "{depth} layers, {rule:?}");
    }
}

/// Where the sizes of the modes at the start decide the order, the plateaus of three orders have all eight
/// values. Mode `i` of a diagonal start of size `e^{-sigma_i t}` is learned about the time `t`.
#[test]
fn plateaus_name_the_modes_that_are_learned() {
    let orders = [
        ([0, 1, 2], [7.0, 2.5, 0.5, 0.0]),
        ([2, 0, 1], [7.0, 6.5, 2.0, 0.0]),
        ([1, 2, 0], [7.0, 5.0, 4.5, 0.0]),
    ];
    for (order, expected) in orders {
        let mut sizes = [0.0; 3];
        for (mode, time) in order.into_iter().zip([8.0, 24.0, 40.0]) {
            sizes[mode] = f64::exp(-[3.0, 2.0, 1.0][mode] * time);
        }
        for rule in [Rule::default(), flow(1e-10)] {
            let cell = Cell { rule, ..three_modes(2, diagonal(2, &sizes), 10_000) };
            assert_eq!(pauses(&cell, 0), expected, "{order:?}, {rule:?}");
        }
    }
}

// ------------------------------------------------------------------------------------------------
// Chatterjee (2022).

/// Weights of a random shape, and a target near what they compute.
fn near_a_minimum(random: &mut Stream) -> (Weights, Problem) {
    let below = |random: &mut Stream, n: usize| (random.uniform() * n as f64) as usize;
    let depth = 1 + below(random, 4);
    let dims: Vec<usize> = (0..=depth).map(|_| 1 + below(random, 5)).collect();
    let layer = |j: usize, random: &mut Stream| {
        random.gaussian_matrix(dims[j], dims[j - 1], 1.0 / (dims[j - 1] as f64).sqrt())
    };
    let layers: Vec<Array2<f64>> = (1..=depth).map(|j| layer(j, random)).collect();
    let weights = Weights::from_layers(&Shape::new(dims.clone()), &layers);
    let distance = 10f64.powf(-1.0 - 3.0 * random.uniform());
    let phi = weights.end_to_end() + random.gaussian_matrix(dims[depth], dims[0], distance);
    (weights, Problem::from_matrix(phi))
}

/// A ball around the weights, and a lower bound in it of `||grad l||^2 / l`. A certificate for the learning
/// rate `eta` bounds `K` from below by `(1 - q) / eta` in its ball, and `||grad l||^2 = <R, K R>` is at least
/// that times `||R||^2 = 2 l`.
fn ball(weights: &Weights, problem: &Problem) -> Option<(f64, f64)> {
    let eta = 1e-4;
    let certifier = Certifier::new(weights.shape(), problem, eta, 1e-12)?;
    let certificate = certifier.certify(weights, problem).ok()?;
    Some((certificate.radius, 2.0 * (1.0 - certificate.rate) / eta))
}

/// If `4 l(0) < r^2 alpha` for `alpha <= ||grad l||^2 / l` in the ball of radius `r` around the start, then
/// the flow stays in the ball and `l(t) <= e^{-alpha t} l(0)`.
#[test]
fn the_flow_stays_in_chatterjees_ball() {
    let mut held = 0;
    for case in 0..200 {
        let mut random = stream(5, &Digest::of(b"chatterjee"), Purpose::Init, case);
        let (start, problem) = near_a_minimum(&mut random);
        let Some((radius, alpha)) = ball(&start, &problem) else { continue };
        let initial = problem.loss(&start.end_to_end());
        if 4.0 * initial >= radius * radius * alpha {
            continue;
        }
        held += 1;
        let mut kernel = select::build(flow(1e-12), start.shape(), 1.0);
        kernel.load(0, &start, &problem);
        let mut now = start.clone();
        while kernel.loss(0).is_nan() || kernel.loss(0) > 1e-8 * initial {
            kernel.advance(1, &[Window { low: f64::NEG_INFINITY, high: f64::INFINITY }]);
            kernel.unload(0, &mut now);
            let moved = now.as_slice().iter().zip(start.as_slice()).map(|(a, b)| (a - b).powi(2));
            let moved = moved.sum::<f64>().sqrt();
            assert!(moved < radius, "case {case}: moved {moved} of {radius}");
            let bound = f64::exp(-alpha * kernel.time(0).expect("a flow has a time")) * initial;
            assert!(kernel.loss(0) <= bound * (1.0 + 1e-6), "case {case}: above {bound}");
        }
    }
    assert!(held > 60, "the condition holds in {held} cases");
}
