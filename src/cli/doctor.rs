//! `deeplin doctor`.

use std::fmt::Write;
use std::fs;
use std::time::{Duration, Instant};

use super::{Ending, output};
use crate::Result;
use crate::kernel::blas::{self, Build, OpenBlas, Threading};
use crate::kernel::gemm::Products;
use crate::kernel::peak;
use crate::kernel::simd::Level;
use crate::run::threads;

/// Check the libraries and the machine: BLAS build, core, threads and self-test; HDF5; processor; measured peak
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit status 4 if results on this machine could not be trusted.

Example:
  deeplin doctor")]
pub(super) struct Arguments {
    /// Workers to test with [default: as `deeplin run` would take]
    #[arg(short, long, value_name = "T", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
}

/// Products that each thread compares in the self-test.
const ROUNDS: usize = 20_000;

pub(super) fn main(arguments: &Arguments) -> Result<Ending> {
    let workers = threads::workers(arguments.threads.map(usize::from));
    let mut text = String::new();
    let mut line = |key: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{key:<22} {value}");
    };
    line("deeplin", &format!("{} ({})", env!("CARGO_PKG_VERSION"), env!("DEEPLIN_GIT_REVISION")));
    line("processor", &processor());
    line("workers", &workers.to_string());
    let (major, minor, micro) = hdf5::library_version();
    line("HDF5", &format!("{major}.{minor}.{micro}"));
    let build = match blas::prepare(workers) {
        Ok(build) => build,
        Err(error) => {
            line("OpenBLAS", &blas::build().config);
            output::print(&text)?;
            return Err(error);
        }
    };
    let sound = describe_blas(&build, workers, &mut line);
    describe_speed(workers, &mut line);
    output::print(&text)?;
    Ok(if sound { Ending::Done } else { Ending::Unsafe })
}

/// Says what the BLAS is and whether it can be trusted.
fn describe_blas(build: &Build, workers: usize, line: &mut impl FnMut(&str, &str)) -> bool {
    line("OpenBLAS", &build.config);
    line("OpenBLAS core", &build.core);
    line("OpenBLAS threading", build.threading.name());
    for pin in ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"] {
        if let Ok(value) = std::env::var(pin) {
            line(
                pin,
                &format!(
                    "{value} (set in the environment: it may pin slower products than this processor has)"
                ),
            );
        }
    }
    if build.threading == Threading::Serial {
        line("OpenBLAS self-test", "not run: a serial build is safe for one worker only");
        return true;
    }
    let wrong = blas::concurrent_self_test(workers, ROUNDS);
    let products = workers * ROUNDS;
    let verdict =
        if wrong == 0 { "passed" } else { "FAILED: do not use this library with several workers" };
    line(
        "OpenBLAS self-test",
        &format!("{verdict} ({wrong} of {products} concurrent products wrong)"),
    );
    wrong == 0
}

/// Measures the peak and how near products come to it.
fn describe_speed(workers: usize, line: &mut impl FnMut(&str, &str)) {
    let peak = peak::measure(workers, Duration::from_millis(500));
    let instructions = Level::detect().name();
    line("peak", &format!("{:.1} GF/s in {workers} workers ({instructions}, f64)", peak / 1e9));
    for width in [16, 64, 256] {
        let rate = product_rate(workers, width);
        let key = format!("products of width {width}");
        line(&key, &format!("{:.1} GF/s, {:.0} % of the peak", rate / 1e9, 100.0 * rate / peak));
    }
}

/// Operations a second of products `width x width` in all workers.
fn product_rate(workers: usize, width: usize) -> f64 {
    let one = || {
        let a = vec![0.5; width * width];
        let mut c = vec![0.0; width * width];
        let batch = (10_000_000 / (width * width * width)).max(1);
        let (begin, mut products) = (Instant::now(), 0);
        while begin.elapsed() < Duration::from_millis(150) {
            for _ in 0..batch {
                OpenBlas.multiply((width, width, width), &a, &a, &mut c);
            }
            products += batch;
        }
        2.0 * (width as f64).powi(3) * products as f64 / begin.elapsed().as_secs_f64()
    };
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(one)).collect();
        handles.into_iter().map(|h| h.join().unwrap_or(0.0)).sum()
    })
}

/// Name of the processor, where the operating system tells.
fn processor() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let name = model.map_or(std::env::consts::ARCH, |(_, name)| name.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{name}, {cores} processors available, {}", Level::detect().name())
}
