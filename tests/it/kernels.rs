//! Every kernel on every kind of shape, against the reference kernel.

use std::sync::Arc;

use deeplin::kernel::blas;
use deeplin::kernel::real::Precision;
use deeplin::kernel::reference::Reference;
use deeplin::kernel::select::Choice;
use deeplin::kernel::simd::Level;
use deeplin::kernel::{Kernel, Window};
use deeplin::network::target::{Problem, Target};
use deeplin::network::{Shape, Weights};
use deeplin::start::Starts;
use deeplin::study::Cell;
use ndarray::Array2;

use crate::support;

/// Ones, odd sizes, bottlenecks, one layer, both sides of the chain, and sizes around the block sizes
/// of BLAS kernels.
const SHAPES: &[&[usize]] = &[
    &[1, 1],
    &[1, 1, 1, 1],
    &[3, 2],
    &[2, 3],
    &[4, 4, 4],
    &[5, 3, 7],
    &[7, 3, 5],
    &[6, 1, 6],
    &[9, 8, 2, 8, 4],
    &[4, 8, 2, 8, 9],
    &[20, 6, 6, 1],
    &[1, 6, 6, 20],
    &[16, 16, 16, 16, 16],
    &[17, 15, 13, 11],
    &[33, 40, 31, 33],
    &[2, 65, 64, 3],
];

/// Every kernel that fits the shape, by name.
fn kernels(shape: &Shape, rate: f64) -> Vec<(&'static str, Box<dyn Kernel>)> {
    kernels_in(shape, rate, Precision::Float64)
}

fn kernels_in(
    shape: &Shape,
    rate: f64,
    precision: Precision,
) -> Vec<(&'static str, Box<dyn Kernel>)> {
    let fitting = Choice::ALL.into_iter().filter(|choice| choice.fits(shape));
    fitting.map(|choice| (choice.name(), choice.build(shape, rate, precision))).collect()
}

/// A window that holds every finite loss, for each lane.
fn everything(kernel: &dyn Kernel) -> Vec<Window> {
    vec![Window { low: f64::NEG_INFINITY, high: f64::INFINITY }; kernel.lanes()]
}

/// Gaussian starts and a Gaussian target of moderate size.
fn cell(dims: &[usize]) -> Cell {
    let widest = *dims.iter().max().expect("dimensions") as f64;
    Cell {
        target: Arc::new(Target::Gaussian { std: 1.0 / widest.sqrt() }),
        init: Arc::new(deeplin::network::init::Init::Gaussian { std: 0.8 / widest.sqrt() }),
        learning_rate: 0.05,
        ..support::cell(dims)
    }
}

#[test]
fn losses_and_weights_agree_with_the_reference() {
    blas::prepare(1).expect("a usable BLAS");
    for dims in SHAPES {
        let cell = cell(dims);
        let mut oracle = Reference::new(&cell.shape, cell.learning_rate);
        let expected = support::losses(&mut oracle, &cell, 3, 50);
        let mut expected_weights = Weights::zeros(&cell.shape);
        oracle.unload(0, &mut expected_weights);
        for (name, mut kernel) in kernels(&cell.shape, cell.learning_rate) {
            let got = support::losses(kernel.as_mut(), &cell, 3, 50);
            for (step, (a, b)) in got.iter().zip(&expected).enumerate() {
                assert!(
                    (a - b).abs() <= 1e-12 * expected[0],
                    "{name} {dims:?} step {step}: {a} {b}"
                );
            }
            let mut weights = Weights::zeros(&cell.shape);
            kernel.unload(0, &mut weights);
            for (a, b) in weights.as_slice().iter().zip(expected_weights.as_slice()) {
                assert!((a - b).abs() < 1e-12, "{name} {dims:?}: weights {a} {b}");
            }
        }
    }
}

/// A loss with a metric, `1/2 ||(W - Phi) F||^2`, on both sides of the chain, `F` square and not.
#[test]
fn a_factor_agrees_with_the_reference() {
    for dims in [[4, 6, 3], [3, 6, 4], [7, 20, 6], [6, 20, 7], [9, 5, 1], [1, 5, 9]] {
        for columns in [2, 4] {
            let shape = Shape::new(dims.to_vec());
            let entry = |i: usize| ((i * 29 + 13) % 17) as f64 / 17.0 - 0.5;
            let matrix = |rows, cols, salt| {
                Array2::from_shape_fn((rows, cols), |(i, k)| entry(i * cols + k + salt))
            };
            let problem = Problem {
                phi: matrix(dims[2], dims[0], 0),
                factor: Some(matrix(dims[0], columns, 5)),
                optimum: 0.0,
            };
            let layers: Vec<_> = (1..=2).map(|j| matrix(dims[j], dims[j - 1], 7 * j)).collect();
            let weights = Weights::from_layers(&shape, &layers);
            let mut oracle = Reference::new(&shape, 0.1);
            oracle.load(0, &weights, &problem);
            oracle.advance(100, &everything(&oracle));
            for (name, mut kernel) in kernels(&shape, 0.1) {
                kernel.load(0, &weights, &problem);
                kernel.advance(100, &everything(kernel.as_ref()));
                let (got, expected) = (kernel.loss(0), oracle.loss(0));
                assert!(
                    (got - expected).abs() < 1e-13,
                    "{name} {dims:?} x {columns}: {got} {expected}"
                );
                assert!(expected < 0.9 * problem.loss(&weights.end_to_end()), "descent descends");
            }
        }
    }
}

/// How steps are cut into calls decides no bit.
#[test]
fn calls_of_any_length_give_the_same_bits() {
    for dims in SHAPES {
        let cell = cell(dims);
        let start = Starts::new(1, &cell).start(0);
        for (name, mut kernel) in kernels(&cell.shape, cell.learning_rate) {
            let windows = everything(kernel.as_ref());
            let mut run = |calls: &[u64]| {
                kernel.load(0, &start.weights, &start.problem);
                for &steps in calls {
                    assert_eq!(kernel.advance(steps, &windows), steps);
                }
                let mut weights = Weights::zeros(&cell.shape);
                kernel.unload(0, &mut weights);
                (weights, kernel.loss(0).to_bits())
            };
            let whole = run(&[30]);
            assert_eq!(whole, run(&[1, 2, 0, 3, 24]), "{name} {dims:?}");
            assert_eq!(whole, run(&[1; 30]), "{name} {dims:?}");
        }
    }
}

/// A kernel stops at the first step outside the window, before the update.
#[test]
fn stops_before_the_update() {
    for (name, mut kernel) in kernels(&Shape::new(vec![1, 1, 1]), 0.1) {
        let cell = support::scalar_cell(&[0.5, 0.5], 1.0, 0.1);
        let losses = support::losses(kernel.as_mut(), &cell, 0, 20);
        let low = losses[7];
        let start = Starts::new(0, &cell).start(0);
        kernel.load(0, &start.weights, &start.problem);
        let mut windows = everything(kernel.as_ref());
        windows[0] = Window { low, high: 1.0 };
        let steps = kernel.advance(1000, &windows);
        assert_eq!((steps, kernel.loss(0)), (7, low), "{name}");
        assert_eq!(kernel.advance(1000, &windows), 0, "{name}: no further step");
    }
}

#[test]
fn nan_and_overflow_leave_every_window() {
    let window = Window { low: 0.0, high: f64::INFINITY };
    assert!(!window.holds(f64::NAN) && !window.holds(f64::INFINITY));
    for (name, mut kernel) in kernels(&Shape::new(vec![1, 1, 1]), 1.0) {
        let cell = support::scalar_cell(&[20.0, 3.0], 1.0, 1.0);
        let start = Starts::new(0, &cell).start(0);
        kernel.load(0, &start.weights, &start.problem);
        let mut windows = everything(kernel.as_ref());
        windows[0] = window;
        let steps = kernel.advance(1000, &windows);
        assert!(steps < 20 && !kernel.loss(0).is_finite(), "{name}: {steps} {}", kernel.loss(0));
    }
}

#[test]
fn openblas_is_sound_when_called_at_once() {
    let build = blas::prepare(2).expect("a threaded OpenBLAS");
    assert_eq!(build.threads, 1);
    assert_eq!(blas::concurrent_self_test(2, 2000), 0, "{build:?}");
}

/// The same rows from OpenBLAS, whether one thread asks or two at once.
#[test]
fn openblas_rows_do_not_depend_on_threads() {
    blas::prepare(2).expect("a threaded OpenBLAS");
    let cell = cell(&[90, 100, 80, 70]);
    let rows = || {
        let rate = cell.learning_rate;
        let mut kernel = Choice::OpenBlas.build(&cell.shape, rate, Precision::Float64);
        support::rows_on(kernel.as_mut(), &cell, 2, &[])
    };
    let expected = rows();
    std::thread::scope(|scope| {
        let both = [scope.spawn(rows), scope.spawn(rows)];
        for thread in both {
            assert_eq!(thread.join().expect("rows"), expected);
        }
    });
}

/// Compact, thin and panels: the same bits of weights and losses on every instruction set of this
/// machine, in both precisions, whatever the widths leave over of vectors and tiles.
#[test]
fn own_kernels_have_the_same_bits_on_all_instruction_sets() {
    let mut shapes: Vec<Vec<usize>> = SHAPES.iter().map(|dims| dims.to_vec()).collect();
    shapes.extend((1..=13).map(|width| vec![width; 4]));
    shapes.extend([1, 2, 3, 4].map(|r| vec![37, 29, 31, r]));
    shapes.push(vec![300, 80, 70, 300]);
    for dims in shapes {
        let cell = cell(&dims);
        let start = Starts::new(3, &cell).start(0);
        for choice in [Choice::Compact, Choice::Thin, Choice::Panels] {
            for precision in Precision::ALL {
                if !choice.fits(&cell.shape) {
                    continue;
                }
                let run = |level: Level| {
                    let rate = cell.learning_rate;
                    let mut kernel = choice.build_at(level, &cell.shape, rate, precision);
                    // Idle lanes, and neighbours that are elsewhere, change nothing.
                    let lane = if level == Level::Avx2 { kernel.lanes() - 1 } else { 0 };
                    kernel.load(lane, &start.weights, &start.problem);
                    let windows = everything(kernel.as_ref());
                    let mut losses = vec![];
                    for _ in 0..8 {
                        assert_eq!(kernel.advance(1, &windows), 1);
                        losses.push(kernel.loss(lane).to_bits());
                    }
                    let mut weights = Weights::zeros(&cell.shape);
                    kernel.unload(lane, &mut weights);
                    (losses, weights)
                };
                let expected = run(Level::Portable);
                for level in Level::ALL.into_iter().filter(|level| level.is_here()) {
                    let (choice, level_name) = (choice.name(), level.name());
                    assert_eq!(
                        run(level),
                        expected,
                        "{choice} {dims:?} {precision:?} {level_name}"
                    );
                }
            }
        }
    }
}

/// Single precision follows the oracle as far as its rounding allows.
#[test]
fn single_precision_follows_the_reference() {
    for dims in SHAPES {
        let cell = cell(dims);
        let mut oracle = Reference::new(&cell.shape, cell.learning_rate);
        let expected = support::losses(&mut oracle, &cell, 3, 50);
        for (name, mut kernel) in kernels_in(&cell.shape, cell.learning_rate, Precision::Float32) {
            let got = support::losses(kernel.as_mut(), &cell, 3, 50);
            for (a, b) in got.iter().zip(&expected) {
                assert!((a - b).abs() <= 1e-5 * expected[0], "{name} {dims:?}: {a} {b}");
            }
            assert_ne!(got[50], expected[50], "{name} {dims:?}: not in double precision");
        }
    }
}

/// A lane that takes another trial starts afresh, even after one that ended in NaN.
#[test]
fn a_lane_forgets_its_last_trial() {
    for dims in SHAPES {
        let cell = cell(dims);
        let starts = Starts::new(3, &cell);
        let start = starts.start(1);
        for (name, mut kernel) in kernels(&cell.shape, cell.learning_rate) {
            let windows = everything(kernel.as_ref());
            let mut run = |spoiled: bool| {
                if spoiled {
                    let mut wild = starts.start(0).weights;
                    wild.as_mut_slice().iter_mut().for_each(|w| *w *= 1e150);
                    kernel.load(0, &wild, &start.problem);
                    kernel.advance(10, &windows);
                }
                kernel.load(0, &start.weights, &start.problem);
                kernel.advance(10, &windows);
                kernel.loss(0)
            };
            let expected = run(false);
            assert_eq!(run(true), expected, "{name} {dims:?}");
        }
    }
}
