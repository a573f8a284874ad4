//! Whole studies from file to rows: what `deeplin run` does, without the start of the program.
//!
//! ```text
//! cargo bench --bench study
//! ```
//!
//! Prints, by net, trial-steps a second on one thread and on all, how far the threads multiply it, the
//! part of the peak measured in the same run, and the gain of single precision; then what is left of the
//! rate of full lanes when trials end at widely different steps, and the quickstart study. Variables that
//! pin OpenBLAS are removed from the environment first.
#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]

mod unpin;

use std::path::Path;
use std::time::{Duration, Instant};

use deeplin::config;
use deeplin::kernel::{blas, peak};
use deeplin::run::blocks::Share;
use deeplin::run::interrupt::Interrupt;
use deeplin::run::method::Method;
use deeplin::run::session::{self, Session};
use deeplin::run::{self, Options, Silent, numerics};
use deeplin::store::io::Disk;
use deeplin::study::Study;

/// Rounds, in each of which everything has one run after another: a ratio is of the same minutes of the
/// machine. Medians count.
const ROUNDS: usize = 5;
/// Operations of a run on one thread, about a second's worth; more for wide nets.
const FLOPS: f64 = 4e10;

fn main() {
    unpin::openblas();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    blas::prepare(threads).expect("a usable OpenBLAS");
    println!(
        "{:<14} {:>10} {:>10} {:>7} {:>7} {:>7} {:>9}",
        "net", "1 thread", "threads", "times", "% peak", "best", "f32 times"
    );
    for (width, depth) in [(2, 3), (4, 4), (8, 4), (16, 4), (32, 4), (64, 4), (128, 4), (256, 4)] {
        row(&format!("{width}x{depth}"), &vec![width; depth + 1], threads);
    }
    row("128-32-32-1", &[128, 32, 32, 1], threads);
    row("128-(32x7)-1", &[128, 32, 32, 32, 32, 32, 32, 32, 1], threads);
    ragged();
    quickstart(threads);
}

/// One net, all trials to the step limit.
fn row(name: &str, dims: &[usize], threads: usize) {
    let (single, both) = (study(dims, "f64", 1), study(dims, "f64", threads));
    let short = study(dims, "f32", 1);
    let flops = Method::of(&both.cells[0]).flops();
    let rounds: Vec<[f64; 5]> = (0..ROUNDS)
        .map(|_| {
            let peak = peak::measure(threads, Duration::from_millis(200));
            let [one, all, f32] =
                [(&single, 1), (&both, threads), (&short, 1)].map(|(study, n)| rate(study, n));
            [one, all, all / one, 100.0 * all * flops / peak, f32 / one]
        })
        .collect();
    let middle = |i: usize| median(rounds.iter().map(|round| round[i]));
    let best = rounds.iter().map(|round| round[3]).fold(0.0, f64::max);
    println!(
        "{name:<14} {:>10.3e} {:>10.3e} {:>7.2} {:>7.1} {best:>7.1} {:>9.2}",
        middle(0),
        middle(1),
        middle(2),
        middle(3),
        middle(4)
    );
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = numbers.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// A study of one net whose trials all run to the step limit, with [`FLOPS`] for every thread.
fn study(dims: &[usize], precision: &str, threads: usize) -> Study {
    let (input, output, depth) = (dims[0], dims[dims.len() - 1], dims.len() - 1);
    let (hidden, widest) = (&dims[1..depth], dims.iter().max().copied().unwrap_or(1));
    let text = |trials: u64, steps: u64| {
        format!(
            "trials = {trials}\n[network]\ninput = {input}\nhidden = {hidden:?}\noutput = {output}\n\
             depth = {depth}\n[init]\nstd = {:?}\n[descent]\nlearning_rate = 1e-6\n\
             max_steps = {steps}\nprecision = \"{precision}\"\n[stop]\nloss = 1e-7\nladder = [1e-7]\n\
             [store]\nblock = {}\n",
            0.5 / (widest as f64).sqrt(),
            if widest <= 20 { 64 } else { 1 }
        )
    };
    let trials = threads as u64 * if widest <= 20 { 512 } else { 4 };
    let probe = config::parse("bench", &text(1, 1), &[], Path::new(".")).expect("a study");
    let flops = Method::of(&probe.cells[0]).flops() * trials as f64;
    // Starts and ends of wide nets take as long as many steps.
    let steps = (FLOPS * threads as f64 / flops).max(widest as f64) as u64;
    config::parse("bench", &text(trials, steps), &[], Path::new(".")).expect("a study")
}

/// Trial-steps a second of a run; what starts and ends of trials take is not taken off.
fn rate(study: &Study, threads: usize) -> f64 {
    let (seconds, steps) = run(study, threads);
    steps as f64 / seconds
}

/// Runs a study in a directory that is thrown away: seconds to the last row, and steps.
fn run(study: &Study, threads: usize) -> (f64, u64) {
    let dir = tempfile::tempdir().expect("a directory");
    let options =
        Options { dir: dir.path().to_owned(), share: Share::WHOLE, workers: threads, mixed: false };
    let numerics = numerics::of_this_build(&blas::build());
    let begin = Instant::now();
    run::run(study, &options, &numerics, &Disk, &Interrupt::new(None), &Silent).expect("a run");
    let seconds = begin.elapsed().as_secs_f64();
    let sessions =
        std::fs::read(dir.path().join(session::FILE)).expect("what the run says of itself");
    let sessions: Vec<Session> = serde_json::from_slice(&sessions).expect("sessions");
    (seconds, sessions.iter().map(|session| session.steps).sum())
}

/// What is left of the rate of full lanes when trials end at widely different steps.
fn ragged() {
    let study = |learning_rate: f64| {
        let text = format!(
            "trials = 1000\n[network]\ninput = 8\nhidden = 8\noutput = 8\ndepth = 4\n[init]\nstd = 0.2\n\
             [descent]\nlearning_rate = {learning_rate:?}\nmax_steps = 20000\n[stop]\nloss = 1e-5\n"
        );
        config::parse("bench", &text, &[], Path::new(".")).expect("a study")
    };
    // The same starts, with steps so small that all run to the limit, and as they are.
    let kept = (0..ROUNDS).map(|_| {
        let [full, ragged] = [1e-6, 0.01].map(|learning_rate| rate(&study(learning_rate), 1));
        100.0 * ragged / full
    });
    println!(
        "trials that end at widely different steps keep {:.0} % of the rate of full lanes",
        median(kept)
    );
}

/// The quickstart study.
fn quickstart(threads: usize) {
    let study = config::load(Path::new("configs/quickstart.toml"), &[]).expect("quickstart");
    let (seconds, steps) = run(&study, threads);
    println!("quickstart: {seconds:.2} s, {:.3e} trial-steps a second", steps as f64 / seconds);
}
