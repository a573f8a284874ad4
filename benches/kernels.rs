//! Throughput of the kernels by net, against the floating-point peak measured in the same run.
//!
//! ```text
//! cargo bench --bench kernels               # every net on every kernel
//! cargo bench --bench kernels -- crossover  # where OpenBLAS overtakes plain loops
//! ```
//!
//! OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE are removed from the environment first: they would pin
//! slower products than the processor has.
#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::process::Command;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use deeplin::digest::Digest;
use deeplin::kernel::chain::ChainPlan;
use deeplin::kernel::select::Choice;
use deeplin::kernel::simd::Level;
use deeplin::kernel::{Window, blas, peak};
use deeplin::network::Shape;
use deeplin::network::init::Init;
use deeplin::network::target::Problem;
use deeplin::rng::{Purpose, stream};
use ndarray::Array2;

const CHOICES: [Choice; 3] = Choice::ALL;
const WINDOW: [Window; 1] = [Window { low: f64::NEG_INFINITY, high: f64::INFINITY }];

fn main() {
    unpin_openblas();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let build = blas::prepare(threads).expect("a usable OpenBLAS");
    let peak = peak::measure(threads, Duration::from_secs(1));
    println!(
        "OpenBLAS {} on {threads} threads; FMA peak {:.1} GF/s ({})",
        build.core,
        peak / 1e9,
        Level::detect().name()
    );
    if std::env::args().any(|argument| argument == "crossover") {
        crossover(threads);
    } else {
        nets(threads, peak);
    }
}

/// Starts again without the variables that pin OpenBLAS, which reads them when it is loaded.
fn unpin_openblas() {
    const PINS: [&str; 2] = ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"];
    if PINS.iter().any(|pin| std::env::var_os(pin).is_some()) {
        let mut again = Command::new(std::env::current_exe().expect("own path"));
        again.args(std::env::args_os().skip(1));
        for pin in PINS {
            again.env_remove(pin);
        }
        let status = again.status().expect("starting again");
        std::process::exit(status.code().unwrap_or(1));
    }
}

/// The table of nets.
fn nets(threads: usize, peak: f64) {
    let square = |width: usize, depth: usize| vec![width; depth + 1];
    let mut shapes: Vec<Vec<usize>> = vec![square(2, 3)];
    shapes.extend([4, 8, 16, 32, 64, 128, 256].map(|width| square(width, 4)));
    shapes.push(vec![128, 32, 32, 1]);
    shapes.push(vec![128, 32, 32, 32, 32, 32, 32, 32, 1]);
    println!("{:<28} {:>9} {:>14} {:>9} {:>7}", "net", "kernel", "trial-steps/s", "GF/s", "% peak");
    for dims in shapes {
        let shape = Shape::new(dims);
        let flops = ChainPlan::new(&shape).flops();
        for choice in CHOICES {
            let rate = median_rate(&shape, choice, threads);
            let mark = if Choice::for_shape(&shape) == choice { " *" } else { "" };
            println!(
                "{:<28} {:>9} {:>14.4e} {:>9.2} {:>7.1}{mark}",
                shape.to_string(),
                choice.name(),
                rate,
                rate * flops / 1e9,
                100.0 * rate * flops / peak
            );
        }
    }
    println!("* chosen for a study");
}

/// Ratio of OpenBLAS to plain loops by width and depth.
fn crossover(threads: usize) {
    println!("{:<28} {:>14} {:>10}", "net", "flops/product", "openblas/loops");
    for depth in [2, 4] {
        for width in [2, 4, 6, 8, 10, 12, 14, 16, 20, 24, 32] {
            for output in [width, 1] {
                let mut dims = vec![width; depth + 1];
                dims[depth] = output;
                let shape = Shape::new(dims);
                let ratio = median_rate(&shape, Choice::OpenBlas, threads)
                    / median_rate(&shape, Choice::Loops, threads);
                let products = (3 * (depth - 1)) as f64;
                println!(
                    "{:<28} {:>14} {:>10.2}",
                    shape.to_string(),
                    ChainPlan::new(&shape).flops() / products,
                    ratio
                );
            }
        }
    }
}

/// Trial-steps a second of all threads together: median of five runs.
fn median_rate(shape: &Shape, choice: Choice, threads: usize) -> f64 {
    let mut rates: Vec<f64> = (0..5).map(|_| rate(shape, choice, threads)).collect();
    rates.sort_by(f64::total_cmp);
    rates[2]
}

/// Trial-steps a second of `threads` trials at once, over about a fifth of a second.
fn rate(shape: &Shape, choice: Choice, threads: usize) -> f64 {
    let barrier = Barrier::new(threads);
    std::thread::scope(|scope| {
        let one = |trial| {
            let mut kernel = choice.build(shape, 1e-9);
            let widest = shape.dims().iter().max().copied().unwrap_or(1) as f64;
            let mut random = stream(1, &Digest::of(b"bench"), Purpose::Init, trial);
            let weights = Init::Gaussian { std: 1.0 / widest.sqrt() }.draw(shape, &mut random);
            kernel.load(
                0,
                &weights,
                &Problem::from_matrix(Array2::zeros((shape.output(), shape.input()))),
            );
            let calls = (2e7 / ChainPlan::new(shape).flops().max(50.0)).max(1.0) as u64;
            kernel.advance(calls, &WINDOW);
            barrier.wait();
            let (begin, mut steps) = (Instant::now(), 0);
            while begin.elapsed() < Duration::from_millis(200) {
                steps += kernel.advance(calls, &WINDOW);
            }
            assert!(kernel.loss(0).is_finite(), "a benchmark computes what it claims");
            steps as f64 / begin.elapsed().as_secs_f64()
        };
        let handles: Vec<_> =
            (0..threads as u64).map(|trial| scope.spawn(move || one(trial))).collect();
        handles.into_iter().map(|h| h.join().expect("worker")).sum()
    })
}
