//! Throughput of the kernels by net, against the floating-point peak measured in the same run.
//!
//! ```text
//! cargo bench --bench kernels               # every net on the kernel that a study takes
//! cargo bench --bench kernels -- all        # every net on every kernel
//! cargo bench --bench kernels -- crossover  # where one kernel overtakes another
//! cargo bench --bench kernels -- products   # the three products of the chain, one thread
//! ```
//!
//! OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE are removed from the environment first: they would pin
//! slower products than the processor has.
#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::process::Command;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use deeplin::digest::Digest;
use deeplin::kernel::blas::OpenBlas;
use deeplin::kernel::chain::ChainPlan;
use deeplin::kernel::gemm::Products;
use deeplin::kernel::select::Choice;
use deeplin::kernel::simd::Level;
use deeplin::kernel::tile::Tiles;
use deeplin::kernel::{Window, blas, peak};
use deeplin::network::Shape;
use deeplin::network::init::Init;
use deeplin::network::target::Problem;
use deeplin::rng::{Purpose, stream};
use ndarray::Array2;

/// Runs of which the median is taken.
const RUNS: usize = 7;
/// Time for one measurement of the peak beside a run.
const PEAK_TIME: Duration = Duration::from_millis(60);
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
    let asked = |word: &str| std::env::args().any(|argument| argument == word);
    if asked("crossover") {
        crossover(threads);
    } else if asked("products") {
        products();
    } else {
        nets(threads, asked("all"));
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
fn nets(threads: usize, every_kernel: bool) {
    let square = |width: usize, depth: usize| vec![width; depth + 1];
    let mut shapes: Vec<Vec<usize>> = vec![square(2, 3)];
    shapes.extend([4, 8, 16, 32, 64, 128, 256].map(|width| square(width, 4)));
    shapes.push(vec![128, 32, 32, 1]);
    shapes.push(vec![128, 32, 32, 32, 32, 32, 32, 32, 1]);
    println!("{:<28} {:>9} {:>14} {:>9} {:>7}", "net", "kernel", "trial-steps/s", "GF/s", "% peak");
    for shape in shapes.into_iter().map(Shape::new) {
        let flops = ChainPlan::new(&shape).flops();
        let chosen = Choice::for_shape(&shape);
        for choice in Choice::ALL.into_iter().filter(|&choice| every_kernel || choice == chosen) {
            let Measured { rate, of_peak } = measure(&shape, choice, threads);
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
fn crossover(threads: usize) {
    print!("{:<28} {:>14}", "net", "flops/product");
    println!("{}", Choice::ALL.map(|choice| format!(" {:>9}", choice.name())).concat());
    for depth in [2, 4] {
        for width in [2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192] {
            for output in [width, width / 4, 1] {
                let mut dims = vec![width; depth + 1];
                dims[depth] = output.max(1);
                let shape = Shape::new(dims);
                let rates = Choice::ALL.map(|choice| measure(&shape, choice, threads).rate);
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

/// The three products of the chain for square matrices, in percent of the peak of one thread.
fn products() {
    println!("{:<8} {:>10} {:>7} {:>7} {:>7}", "width", "products", "A B", "A B'", "A' B");
    for width in [8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256] {
        print_products("tiles", width, Tiles::new());
        print_products("openblas", width, OpenBlas);
    }
}

fn print_products(name: &str, n: usize, mut products: impl Products) {
    let matrix = |salt: usize| -> Vec<f64> {
        (0..n * n).map(|i| ((i * 37 + salt) % 101) as f64 / 1e3 - 0.05).collect()
    };
    let (a, b, mut c) = (matrix(1), matrix(2), matrix(3));
    let mut percent = |multiply: &mut dyn FnMut(&mut [f64])| {
        let ratios = (0..RUNS).map(|_| {
            let calls = (4e7 / (n * n * n) as f64).max(1.0) as usize;
            let before = peak::measure(1, PEAK_TIME);
            let begin = Instant::now();
            for _ in 0..calls {
                multiply(&mut c);
            }
            let rate = 2.0 * (n * n * n * calls) as f64 / begin.elapsed().as_secs_f64();
            200.0 * rate / (before + peak::measure(1, PEAK_TIME))
        });
        median(ratios)
    };
    let nn = percent(&mut |c| products.nn(n, n, n, &a, &b, c));
    let nt = percent(&mut |c| products.nt(n, n, n, &a, &b, c));
    let tn = percent(&mut |c| products.tn_add(n, n, n, -1e-9, &a, &b, c));
    println!("{n:<8} {name:>10} {nn:>7.1} {nt:>7.1} {tn:>7.1}");
}

/// What was measured of one kernel on one net.
struct Measured {
    /// Trial-steps a second of all threads together.
    rate: f64,
    /// Part of the floating-point peak.
    of_peak: f64,
}

/// Medians of [`RUNS`] runs. The peak is measured beside each run, so that a busy neighbour on the same
/// processor slows both and leaves their ratio.
fn measure(shape: &Shape, choice: Choice, threads: usize) -> Measured {
    let flops = ChainPlan::new(shape).flops();
    let runs: Vec<(f64, f64)> = (0..RUNS)
        .map(|_| {
            let before = peak::measure(threads, PEAK_TIME);
            let rate = rate(shape, choice, threads);
            let peak = 0.5 * (before + peak::measure(threads, PEAK_TIME));
            (rate, rate * flops / peak)
        })
        .collect();
    Measured {
        rate: median(runs.iter().map(|run| run.0)),
        of_peak: median(runs.iter().map(|run| run.1)),
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
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
