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
use deeplin::run::{self, Options, Progress, Work, numerics};
use deeplin::store::io::Disk;
use deeplin::study::Study;

/// Runs of which the fastest counts: what else the machine does can only slow them down.
const RUNS: usize = 3;
/// Operations of a run on one thread, about a second's worth.
const FLOPS: f64 = 3e10;

struct Silent;

impl Progress for Silent {
    fn begin(&self, _work: Work) {}
    fn update(&self, _work: Work) {}
    fn end(&self) {}
}

fn main() {
    unpin::openblas();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    blas::prepare(threads).expect("a usable OpenBLAS");
    println!(
        "{:<14} {:>10} {:>10} {:>7} {:>7} {:>9}",
        "net", "1 thread", "threads", "times", "% peak", "f32 times"
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
    let single = study(dims, "f64", 1);
    let both = study(dims, "f64", threads);
    let peak = peak::measure(threads, Duration::from_millis(200));
    let one = rate(&single, 1);
    let all = rate(&both, threads);
    let f32 = rate(&study(dims, "f32", 1), 1);
    let percent = 100.0 * all * Method::of(&both.cells[0]).flops() / peak;
    println!(
        "{name:<14} {one:>10.3e} {all:>10.3e} {:>7.2} {percent:>7.1} {:>9.2}",
        all / one,
        f32 / one
    );
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
    let trials = threads as u64 * if widest <= 20 { 512 } else { 8 };
    let probe = config::parse("bench", &text(1, 1), &[], Path::new(".")).expect("a study");
    let flops = Method::of(&probe.cells[0]).flops() * trials as f64;
    let steps = (FLOPS * threads as f64 / flops).max(2.0) as u64;
    config::parse("bench", &text(trials, steps), &[], Path::new(".")).expect("a study")
}

/// Trial-steps a second of the fastest of a few runs; what starts and ends of trials take is not taken
/// off.
fn rate(study: &Study, threads: usize) -> f64 {
    let run = |_| {
        let (seconds, steps) = run(study, threads);
        steps as f64 / seconds
    };
    (0..RUNS).map(run).fold(0.0, f64::max)
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
    let text = |loss: &str| {
        format!(
            "trials = 2000\n[network]\ninput = 8\nhidden = 8\noutput = 8\ndepth = 4\n[init]\nstd = 0.2\n\
             [descent]\nlearning_rate = 0.01\nmax_steps = 20000\n[stop]\nloss = {loss}\n"
        )
    };
    let parse = |loss| config::parse("bench", &text(loss), &[], Path::new(".")).expect("a study");
    // The same starts: towards a target at the floor of rounding, and towards one that is soon met.
    let (full, ragged) = (parse("1e-26"), parse("1e-5"));
    let kept = 100.0 * rate(&ragged, 1) / rate(&full, 1);
    println!(
        "trials that end at widely different steps keep {kept:.0} % of the rate of full lanes"
    );
}

/// The quickstart study.
fn quickstart(threads: usize) {
    let study = config::load(Path::new("configs/quickstart.toml"), &[]).expect("quickstart");
    let (seconds, steps) = run(&study, threads);
    println!("quickstart: {seconds:.2} s, {:.3e} trial-steps a second", steps as f64 / seconds);
}
