//! What the tests share: cells made by hand, and the study of one of them.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use deeplin::descent;
use deeplin::digest::Digest;
use deeplin::kernel::Kernel;
use deeplin::kernel::real::Precision;
use deeplin::kernel::rule::Rule;
use deeplin::network::Shape;
use deeplin::network::init::{Init, LayerValues};
use deeplin::network::target::{Draw, Target};
use deeplin::run::method;
use deeplin::start::Starts;
use deeplin::stop::StopRule;
use deeplin::study::{Block, Cell, CertificateRule, RateLaw, TrialRow};

/// A cell with gaussian starts of standard deviation 0.5, the identity as target, learning rate 0.1,
/// at most 1000 steps to an excess loss of 1e-5.
pub(crate) fn cell(dims: &[usize]) -> Cell {
    Cell {
        index: 0,
        trials: 1,
        shape: Shape::new(dims.to_vec()),
        target: Arc::new(Target::Identity { scale: 1.0 }),
        target_digest: Digest::of(b"target"),
        draw: Draw::Study,
        init: Arc::new(Init::Gaussian { std: 0.5 }),
        learning_rate: 0.1,
        rate_law: RateLaw::Given,
        tuning: None,
        rule: Rule::default(),
        precision: Precision::Float64,
        reduce: true,
        stop: StopRule { loss: 1e-5, divergence: 1e12, max_steps: 1000 },
        certificate: CertificateRule::default(),
        digest: Digest::of(b"cell"),
    }
}

/// A cell of scalar layers that start at `values` and should multiply to `target`.
pub(crate) fn scalar_cell(values: &[f64], target: f64, learning_rate: f64) -> Cell {
    Cell {
        target: Arc::new(Target::Unit { norm: target }),
        init: Arc::new(Init::Values(LayerValues::Scalars(values.to_vec()))),
        learning_rate,
        ..cell(&vec![1; values.len() + 1])
    }
}

/// Rows of trials `0..trials` on the kernel that a study would use.
pub(crate) fn rows(cell: &Cell, trials: u64) -> Vec<TrialRow> {
    rows_on(method::kernel(cell).as_mut(), cell, trials, &[])
}

/// Rows of trials `0..trials` on this kernel, which is for the shape that the cell is computed in.
pub(crate) fn rows_on(
    kernel: &mut dyn Kernel,
    cell: &Cell,
    trials: u64,
    ladder: &[f64],
) -> Vec<TrialRow> {
    let starts = Starts::new(2018, cell);
    let block = Block { cell: 0, first: 0, count: trials };
    descent::run_block(kernel, cell, &starts, block, ladder, &AtomicBool::new(false))
}

/// Losses of `cell`'s trial `trial` at steps `0..=steps`.
pub(crate) fn losses(kernel: &mut dyn Kernel, cell: &Cell, trial: u64, steps: u64) -> Vec<f64> {
    use deeplin::kernel::Window;
    let start = Starts::new(2018, cell).start(trial);
    let everything = vec![Window { low: f64::NEG_INFINITY, high: f64::INFINITY }; kernel.lanes()];
    kernel.load(0, &start.weights, &start.problem);
    (0..=steps)
        .map(|step| {
            kernel.advance(u64::from(step > 0), &everything);
            kernel.loss(0)
        })
        .collect()
}
