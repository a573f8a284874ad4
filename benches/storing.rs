//! What it costs to lose nothing: parts, their compaction and the states of long trials, with a part a
//! minute, next to the trials themselves.
//!
//! ```text
//! cargo bench --bench storing                # a little over two minutes for each net
//! cargo bench --bench storing -- 300         # seconds for each
//! ```
//!
//! Prints, by net, trials a second, what was stored, and two shares of storing: of the time (while the
//! writer stores, the workers go on, so this is what is lost at most), and of the processors, which is
//! what all workers lose together. The writer's share also has the receiving of rows in it.
#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]

mod unpin;

use std::path::Path;
use std::time::Duration;

use deeplin::config;
use deeplin::kernel::blas;
use deeplin::run::blocks::Share;
use deeplin::run::interrupt::Interrupt;
use deeplin::run::session::{self, Session};
use deeplin::run::{self, Options, Silent, numerics};
use deeplin::store::io::Disk;
use rustix::time::{ClockId, clock_gettime};

fn main() {
    unpin::openblas();
    let seconds =
        std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(125);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    blas::prepare(threads).expect("a usable OpenBLAS");
    println!(
        "{:<22} {:>10} {:>8} {:>9} {:>14}",
        "net", "trials/s", "MB", "% of time", "% of processors"
    );
    // Width, depth, learning rate; short trials, so that there are many to store.
    for (width, depth, rate, rows) in [
        (1, 2, 0.2, false),
        (1, 2, 0.2, true),
        (4, 4, 0.02, true),
        (16, 4, 0.01, true),
        (64, 4, 0.005, true),
    ] {
        let kept = if rows { "" } else { ", tallies only" };
        let row = measure(width, depth, rate, rows, threads, Duration::from_secs(seconds));
        println!("{:<22} {row}", format!("{width}x{depth}{kept}"));
    }
}

/// Runs trials of a net for so long, far fewer than the study has.
fn measure(
    width: usize,
    depth: usize,
    rate: f64,
    rows: bool,
    threads: usize,
    time: Duration,
) -> String {
    let text = format!(
        "trials = 20_000_000\n[network]\ninput = {width}\nhidden = {width}\noutput = {width}\n\
         depth = {depth}\n[init]\nstd = {:?}\n[descent]\nlearning_rate = {rate:?}\nmax_steps = 20000\n\
         [stop]\nloss = 1e-5\n[store]\nrows = {rows}\npart_seconds = 60.0\n",
        0.6 / (width as f64).sqrt(),
    );
    let study = config::parse("bench", &text, &[], Path::new(".")).expect("a study");
    let dir = tempfile::tempdir().expect("a directory");
    let options =
        Options { dir: dir.path().to_owned(), share: Share::WHOLE, workers: threads, mixed: false };
    let numerics = numerics::of_this_build(&blas::build());
    let [own, all] = [ClockId::ThreadCPUTime, ClockId::ProcessCPUTime].map(spent);
    // The thread that calls is the writer.
    let interrupt = Interrupt::new(Some(time));
    run::run(&study, &options, &numerics, &Disk, &interrupt, &Silent).expect("a run");
    let share = (spent(ClockId::ThreadCPUTime) - own) / (spent(ClockId::ProcessCPUTime) - all);
    let sessions =
        std::fs::read(dir.path().join(session::FILE)).expect("what the run says of itself");
    let sessions: Vec<Session> = serde_json::from_slice(&sessions).expect("sessions");
    let Session { trials, seconds, storing_seconds, .. } = sessions[0];
    format!(
        "{:>10.0} {:>8.1} {:>9.2} {:>14.2}",
        trials as f64 / seconds,
        stored(dir.path()) as f64 / 1e6,
        100.0 * storing_seconds / seconds,
        100.0 * share,
    )
}

/// Processor seconds so far.
fn spent(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    time.tv_sec as f64 + 1e-9 * time.tv_nsec as f64
}

/// Bytes of the parts and states.
fn stored(dir: &Path) -> u64 {
    let files = ["parts", "states"].into_iter().filter_map(|name| dir.join(name).read_dir().ok());
    files.flatten().flatten().filter_map(|file| file.metadata().ok()).map(|data| data.len()).sum()
}
