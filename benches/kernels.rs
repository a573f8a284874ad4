//! Throughput of the kernels by net, against the floating-point peak measured in the same run.
//!
//! ```text
//! cargo bench --bench kernels               # every net on the kernel that a study takes
//! cargo bench --bench kernels -- all        # every net on every kernel
//! cargo bench --bench kernels -- crossover  # where one kernel overtakes another
//! cargo bench --bench kernels -- f32        # in single precision; with any of the others
//! cargo bench --bench kernels -- one        # on one thread; with any of the others
//! cargo bench --bench kernels -- 8-8-8-8-8  # this net only
//! ```
//!
//! Variables that pin OpenBLAS are removed from the environment first.
#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]

mod unpin;

use std::sync::Barrier;
use std::time::{Duration, Instant};

use deeplin::digest::Digest;
use deeplin::kernel::chain::ChainPlan;
use deeplin::kernel::real::Precision;
use deeplin::kernel::select::Choice;
use deeplin::kernel::simd::Level;
use deeplin::kernel::{Window, blas, peak};
use deeplin::network::Shape;
use deeplin::network::init::Init;
use deeplin::network::target::Problem;
use deeplin::rng::{Purpose, stream};
use ndarray::Array2;

/// Time for one measurement. Within it, the rate is that of the fastest burst of about half a
/// millisecond, and so is the peak: what else the machine does can only slow a burst down.
const RUN_TIME: Duration = Duration::from_millis(200);
/// Operations of a burst.
const FLOPS_A_BURST: f64 = 2e7;
const WINDOW: Window = Window { low: f64::NEG_INFINITY, high: f64::INFINITY };

fn main() {
    unpin::openblas();
    let asked = |word: &str| std::env::args().any(|argument| argument == word);
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if asked("one") { 1 } else { all };
    let build = blas::prepare(threads).expect("a usable OpenBLAS");
    let peak = peak::measure(threads, Duration::from_secs(1));
    println!(
        "OpenBLAS {} on {threads} threads; FMA peak {:.1} GF/s ({})",
        build.core,
        peak / 1e9,
        Level::detect().name()
    );
    let precision = if asked("f32") { Precision::Float32 } else { Precision::Float64 };
    if asked("crossover") {
        crossover(threads, precision);
    } else {
        nets(threads, precision, asked("all"));
    }
}

/// The dimensions on the command line, if any.
fn asked_net() -> Option<Vec<usize>> {
    let net = |text: String| text.split('-').map(|d| d.parse().ok()).collect::<Option<Vec<_>>>();
    std::env::args().filter_map(net).find(|dims| dims.len() > 1)
}

/// The table of nets.
fn nets(threads: usize, precision: Precision, every_kernel: bool) {
    let square = |width: usize, depth: usize| vec![width; depth + 1];
    let mut shapes: Vec<Vec<usize>> = vec![square(2, 3)];
    shapes.extend([4, 8, 16, 32, 64, 128, 256].map(|width| square(width, 4)));
    shapes.push(vec![33, 32, 32, 1]);
    shapes.push(vec![33, 32, 32, 32, 32, 32, 32, 32, 1]);
    shapes.push(vec![128, 32, 32, 1]);
    shapes.push(vec![128, 32, 32, 32, 32, 32, 32, 32, 1]);
    if let Some(net) = asked_net() {
        shapes = vec![net];
    }
    println!("{:<28} {:>9} {:>14} {:>9} {:>7}", "net", "kernel", "trial-steps/s", "GF/s", "% peak");
    for shape in shapes.into_iter().map(Shape::new) {
        let flops = ChainPlan::new(&shape).flops();
        let chosen = Choice::for_shape(&shape);
        let wanted = |choice: &Choice| choice.fits(&shape) && (every_kernel || *choice == chosen);
        for choice in Choice::ALL.into_iter().filter(wanted) {
            let Measured { rate, of_peak } = measure(&shape, choice, precision, threads);
            println!(
                "{:<28} {:>9} {rate:>14.4e} {:>9.2} {:>7.1}{}",
                shape.to_string(),
                choice.name(),
                rate * flops / 1e9,
                100.0 * of_peak,
                if every_kernel && choice == chosen { " *" } else { "" }
            );
        }
    }
    if every_kernel {
        println!("* chosen for a study");
    }
}

/// Every kernel by width, depth and rows of the chain, in percent of the fastest.
fn crossover(threads: usize, precision: Precision) {
    print!("{:<28} {:>14}", "net", "flops/product");
    println!("{}", Choice::ALL.map(|choice| format!(" {:>9}", choice.name())).concat());
    for depth in [2, 4] {
        for width in [2, 4, 8, 12, 16, 20, 24, 32, 48, 64, 128, 256, 512, 1024] {
            for output in [width, width / 4, 1] {
                let mut dims = vec![width; depth + 1];
                dims[depth] = output.max(1);
                let shape = Shape::new(dims);
                let rates = Choice::ALL.map(|choice| {
                    let fits = choice.fits(&shape);
                    if fits { measure(&shape, choice, precision, threads).rate } else { 0.0 }
                });
                let best = rates.into_iter().fold(0.0, f64::max);
                let products = (3 * (depth - 1)) as f64;
                print!(
                    "{:<28} {:>14.0}",
                    shape.to_string(),
                    ChainPlan::new(&shape).flops() / products
                );
                println!("{}", rates.map(|rate| format!(" {:>9.0}", 100.0 * rate / best)).concat());
            }
        }
    }
}

/// What was measured of one kernel on one net.
struct Measured {
    /// Trial-steps a second of all threads together.
    rate: f64,
    /// Part of the floating-point peak.
    of_peak: f64,
}

/// Rate and part of the peak, which is measured before and after.
fn measure(shape: &Shape, choice: Choice, precision: Precision, threads: usize) -> Measured {
    let before = peak::measure(threads, RUN_TIME / 2);
    let rate = rate(shape, choice, precision, threads);
    let peak = before.max(peak::measure(threads, RUN_TIME / 2));
    let lanes_more = if precision == Precision::Float32 { 2.0 } else { 1.0 };
    Measured { rate, of_peak: rate * ChainPlan::new(shape).flops() / (lanes_more * peak) }
}

/// Trial-steps a second of kernels on `threads` threads, over about a fifth of a second.
fn rate(shape: &Shape, choice: Choice, precision: Precision, threads: usize) -> f64 {
    let barrier = Barrier::new(threads);
    std::thread::scope(|scope| {
        let one = |thread: u64| {
            let mut kernel = choice.build(shape, 1e-9, precision);
            let lanes = kernel.lanes();
            let widest = shape.dims().iter().max().copied().unwrap_or(1) as f64;
            let init = Init::Gaussian { std: 1.0 / widest.sqrt() };
            let problem = Problem::from_matrix(Array2::zeros((shape.output(), shape.input())));
            for lane in 0..lanes {
                let trial = thread * lanes as u64 + lane as u64;
                let mut random = stream(1, &Digest::of(b"bench"), Purpose::Init, trial);
                kernel.load(lane, &init.draw(shape, &mut random), &problem);
            }
            let windows = vec![WINDOW; lanes];
            let flops = lanes as f64 * ChainPlan::new(shape).flops().max(50.0);
            let steps_a_call = (FLOPS_A_BURST / flops).max(1.0) as u64;
            kernel.advance(steps_a_call, &windows);
            barrier.wait();
            let (begin, mut best) = (Instant::now(), 0.0_f64);
            while begin.elapsed() < RUN_TIME {
                let burst = Instant::now();
                let steps = kernel.advance(steps_a_call, &windows);
                best = best.max((steps * lanes as u64) as f64 / burst.elapsed().as_secs_f64());
            }
            assert!((0..lanes).all(|i| kernel.loss(i).is_finite()), "it computes what it claims");
            best
        };
        let handles: Vec<_> =
            (0..threads as u64).map(|thread| scope.spawn(move || one(thread))).collect();
        handles.into_iter().map(|h| h.join().expect("worker")).sum()
    })
}
