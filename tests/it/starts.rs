//! What the law of the initial weights decides: known answers about products of layers, and about how
//! often and how soon a descent arrives.
//!
//! Statistical tests have fixed seeds; each states how often another seed would fail it.

use std::collections::BTreeSet;
use std::sync::Arc;

use deeplin::kernel::Window;
use deeplin::kernel::real::Precision;
use deeplin::kernel::rule::{Method, Rule, Schedule};
use deeplin::kernel::select::Choice;
use deeplin::network::init::{EndToEndLaw, Init};
use deeplin::network::target::Target;
use deeplin::network::{matrix, svd};
use deeplin::start::Starts;
use deeplin::stats::proportion::{Interval, clopper_pearson};
use deeplin::stop::{Outcome, StopRule};
use deeplin::study::{Cell, TrialRow};
use ndarray::Array2;
use rayon::prelude::*;

use crate::support::{cell, rows};

fn has_converged(row: &TrialRow) -> bool {
    row.outcome == Outcome::Converged
}

/// How likely convergence is, by an interval that misses it for one seed in a million.
fn convergence(rows: &[TrialRow]) -> Interval {
    let converged = rows.iter().filter(|row| has_converged(row)).count();
    clopper_pearson(converged as u64, rows.len() as u64, 1.0 - 1e-6)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// `d_0 = d_N = ends`, and all hidden layers of this width.
fn barrel(ends: usize, width: usize, depth: usize) -> Vec<usize> {
    let mut dims = vec![width; depth + 1];
    (dims[0], dims[depth]) = (ends, ends);
    dims
}

/// Hu, Xiao and Pennington (2020): of orthogonal layers every product of neighbours is an isometry; with
/// narrower ends, those that begin at the input or end at the output.
#[test]
fn orthogonal_layers_multiply_to_isometries() {
    let orthogonal = |dims: &[usize]| {
        let cell = Cell { init: Arc::new(Init::Orthogonal { gain: 1.0 }), ..cell(dims) };
        Starts::new(2018, &cell).start(0).weights
    };
    let assert_isometry = |product: &Array2<f64>| {
        let sigma = svd::singular_values(product.view());
        assert!(sigma.iter().all(|s| (s - 1.0).abs() < 1e-13), "{sigma:?}");
    };
    let square = orthogonal(&[5; 41]);
    for first in 1..=40 {
        let mut product = Array2::eye(5);
        for last in first..=40 {
            product = matrix::product(square.layer(last), product.view());
            assert_isometry(&product);
        }
    }
    let narrow = orthogonal(&barrel(2, 5, 40));
    narrow.prefixes().iter().for_each(assert_isometry);
    let mut suffix = Array2::eye(2);
    for last in (2..=40).rev() {
        suffix = matrix::product(suffix.view(), narrow.layer(last));
        assert_isometry(&suffix);
    }
}

/// Hu, Xiao and Pennington (2020), at a learning rate of `1 / (2N)`: from orthogonal layers all trials
/// converge, and deeper nets take no more steps (9 in the median at depths 10 and 200); from normal ones of variance `1 / width`, much narrower
/// than the net is deep, the loss stays at that of the zero network, `1/2 ||Phi||^2 = 1`.
///
/// `ln ||W x||` has mean -27 and standard deviation 5.7 at depth 200, so that one trial in 20,000 is not
/// within 1 % of that: six of a hundred are for no seed in 1e15.
#[test]
fn narrow_deep_nets_need_orthogonal_layers() {
    let deep = |init: Init, depth: usize| Cell {
        init: Arc::new(init),
        learning_rate: 0.5 / depth as f64,
        stop: StopRule { loss: 1e-5, divergence: 1e12, max_steps: 200 },
        ..cell(&barrel(2, 4, depth))
    };
    let medians = [10, 200].map(|depth| {
        let rows = rows(&deep(Init::Orthogonal { gain: 1.0 }, depth), 100);
        assert!(rows.iter().all(has_converged), "depth {depth}");
        median(rows.iter().map(|row| row.steps as f64))
    });
    assert!(medians[1] <= medians[0] + 3.0 && medians[0] < 20.0, "{medians:?}");
    let rows = rows(&deep(Init::Gaussian { std: 0.5 }, 200), 100);
    let stuck = rows.iter().filter(|row| (row.measures.loss_final - 1.0).abs() < 0.01);
    assert!(stuck.count() >= 95 && !rows.iter().any(has_converged));
}

/// Du and Hu (2019): with the learning rate, the steps and the law of the start fixed, wider hidden layers
/// make it likelier that the loss comes down, up to 1. Of 1000 trials each, about 14, 523, 939 and 999
/// converge at the widths 4, 6, 8 and 16: intervals that each miss one seed in a million lie apart, for all
/// seeds but a few in a million.
#[test]
fn wide_hidden_layers_make_success_likely() {
    let likely = [4, 6, 8, 16].map(|width| {
        let wide = Cell {
            init: Arc::new(Init::Xavier { gain: 1.0 }),
            learning_rate: 0.05,
            stop: StopRule { loss: 1e-5, divergence: 1e12, max_steps: 80 },
            ..cell(&barrel(4, width, 4))
        };
        convergence(&rows(&wide, 1000))
    });
    for pair in likely.windows(2) {
        assert!(pair[0].upper < pair[1].lower, "{likely:?}");
    }
    assert!(likely[0].upper < 0.05 && likely[3].lower > 0.97, "{likely:?}");
}

/// Shamir (2018): chains of scalars from standard normal weights take exponentially many steps in their
/// depth: no more than the product of the layers is small, `e^(.6351814 N)`, and at least `e^(.3 N)`.
///
/// Medians of the times, trials that never came down counting as infinitely long, are good to .3 in their
/// logarithm: the slopes, about .48 under the flow and .36 under gradient descent, are more than five
/// standard errors from their bounds, which fails for one seed in a million at most.
#[test]
fn scalar_chains_take_exponentially_long() {
    let chain = |depth: usize| Cell {
        target: Arc::new(Target::Unit { norm: 1.0 }),
        init: Arc::new(Init::Gaussian { std: 1.0 }),
        learning_rate: 0.01,
        stop: StopRule { loss: 0.01, divergence: 1e30, max_steps: 100_000 },
        ..cell(&vec![1; depth + 1])
    };
    let log_median = |cell: &Cell| {
        let time = |row: &TrialRow| match has_converged(row) {
            true => row.measures.time_final,
            false => f64::INFINITY,
        };
        median(rows(cell, 600).iter().map(time)).ln()
    };
    let method = Method::Flow { tolerance: 1e-6, max_time: f64::INFINITY };
    let flow = Rule { method, schedule: Schedule::Constant };
    for (rule, depths, least) in [(flow, [8, 24], 0.3), (Rule::default(), [6, 12], 0.15)] {
        let medians: Vec<f64> = depths
            .into_par_iter()
            .map(|depth| log_median(&Cell { rule, ..chain(depth) }))
            .collect();
        let slope = (medians[1] - medians[0]) / (depths[1] - depths[0]) as f64;
        assert!(least < slope && slope < 0.635_181_4, "{rule:?}: {slope} of {medians:?}");
    }
}

/// Balanced starts of square nets conserve the sign of `det W` under small steps, so those that begin with
/// that of `Phi = I` converge and the others keep `||W - Phi|| >= sigma_min(Phi)`: for a symmetric law half
/// of them do (arXiv:2511.09925 proves 1/2 for four layers). The interval of 2000 trials misses 1/2 for
/// one seed in a million.
#[test]
fn half_of_balanced_matrix_starts_converge() {
    let half = Cell {
        init: Arc::new(Init::Balanced { law: EndToEndLaw::Std(0.5), rotate: true }),
        learning_rate: 0.02,
        stop: StopRule { loss: 1e-5, divergence: 1e12, max_steps: 20_000 },
        ..cell(&[2, 2, 2, 2, 2])
    };
    let rows = rows(&half, 2000);
    let Interval { lower, upper } = convergence(&rows);
    assert!(lower < 0.5 && 0.5 < upper, "{lower}..{upper}");
    let starts = Starts::new(2018, &half);
    for (trial, row) in (0..).zip(&rows) {
        let w = starts.start(trial).weights.end_to_end();
        let positive = w[[0, 0]] * w[[1, 1]] > w[[0, 1]] * w[[1, 0]];
        assert_eq!(has_converged(row), positive, "trial {trial}: {row:?}");
        assert!(positive || row.measures.loss_final >= 0.5, "trial {trial}: {row:?}");
    }
}

/// The zero padding of Procedure 1 (Arora, Cohen, Golowich and Hu 2019): rows and columns of the layers
/// beyond `min(d_0, d_N)` stay exactly zero, on every kernel.
#[test]
fn zero_padding_stays_zero() {
    let mut kernels = BTreeSet::new();
    for dims in [&[3, 6, 5, 4][..], &[2, 40, 40, 2], &[40, 50, 45, 30], &[30, 60, 60, 1]] {
        let balanced = Cell {
            target: Arc::new(Target::Gaussian { std: 0.3 }),
            init: Arc::new(Init::Balanced { law: EndToEndLaw::Std(0.3), rotate: false }),
            ..cell(dims)
        };
        let shape = &balanced.shape;
        let (depth, rank) = (shape.depth(), shape.input().min(shape.output()));
        let mut kernel = Choice::for_shape(shape).build(shape, 0.05, Precision::Float64);
        kernels.insert(Choice::for_shape(shape).name());
        let start = Starts::new(2018, &balanced).start(0);
        kernel.load(0, &start.weights, &start.problem);
        let open = Window { low: f64::NEG_INFINITY, high: f64::INFINITY };
        assert_eq!(kernel.advance(300, &vec![open; kernel.lanes()]), 300);
        let mut weights = start.weights.clone();
        kernel.unload(0, &mut weights);
        assert_ne!(weights, start.weights);
        for j in 1..=depth {
            for ((row, column), w) in weights.layer(j).indexed_iter() {
                let padding = (j < depth && row >= rank) || (j > 1 && column >= rank);
                assert!(!padding || *w == 0.0, "{dims:?}: layer {j}, {row}, {column}: {w}");
            }
        }
    }
    assert_eq!(kernels, BTreeSet::from(["compact", "panels", "thin"]));
}
