//! `deeplin doctor`.

use std::fmt::Write;

use serde::Serialize;

use super::pins::{self, Measured, Pinned};
use super::{Ending, output, processor};
use crate::kernel::blas::{self, Build, Threading};
use crate::kernel::simd::Level;
use crate::run::speed::{self, Gemm};
use crate::run::threads;
use crate::{Error, Result};

/// Check the libraries and the machine: BLAS build, core, threads and self-test; HDF5; processor;
/// measured peak, and how near products come to it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit status 4 if results on this machine could not be trusted.

Examples:
  deeplin doctor
  deeplin doctor --json")]
pub(super) struct Arguments {
    /// Workers to test with [default: as `deeplin run` would take]
    #[arg(short, long, value_name = "T", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// As one JSON object
    #[arg(long)]
    json: bool,
    /// Measures products alone; the program starts itself with it
    #[arg(long = PRODUCTS_ONLY, hide = true)]
    products_only: bool,
}

/// The hidden flag.
pub(super) const PRODUCTS_ONLY: &str = "products-only";

/// Products that each thread compares in the self-test.
const ROUNDS: usize = 20_000;

/// Widths of the products that are measured: one on OpenBLAS's path for small matrices, one beyond.
const WIDTHS: [usize; 2] = [64, 256];

/// Everything that is said.
#[derive(Debug, Serialize)]
struct Report {
    deeplin: &'static str,
    git_revision: &'static str,
    cpu: String,
    caches: Option<String>,
    /// That the operating system lets the process use.
    cores: usize,
    simd: &'static str,
    workers: usize,
    hdf5: String,
    blas: Blas,
    /// `None` if BLAS is unsafe, so that nothing was measured.
    #[serde(flatten)]
    speed: Option<Speed>,
}

#[derive(Debug, Serialize)]
struct Blas {
    config: String,
    core: String,
    threading: &'static str,
    self_test: Option<SelfTest>,
}

/// Products of several threads at once.
#[derive(Debug, Serialize)]
struct SelfTest {
    products: usize,
    wrong: usize,
}

#[derive(Debug, Serialize)]
struct Speed {
    /// All workers together.
    fma_peak_gflops: f64,
    fma_peak_one_core_gflops: f64,
    /// One core.
    gemm: Vec<Gemm>,
    pinned: Option<Pinned>,
}

pub(super) fn main(arguments: &Arguments) -> Result<Ending> {
    if arguments.products_only {
        let build = blas::prepare(1)?;
        output::print_json(&measured(&build))?;
        return Ok(Ending::Done);
    }
    let workers = threads::workers(arguments.threads.map(usize::from));
    let build = blas::prepare(workers);
    let report = examine(workers, build.as_ref());
    if arguments.json {
        output::print_json(&report)?;
    } else {
        output::print(&text(&report))?;
    }
    build?;
    let wrong = report.blas.self_test.map_or(0, |test| test.wrong);
    Ok(if wrong == 0 { Ending::Done } else { Ending::Unsafe })
}

/// Looks at everything; at no product if BLAS is unsafe.
fn examine(workers: usize, safe: std::result::Result<&Build, &Error>) -> Report {
    let build = safe.cloned().unwrap_or_else(|_| blas::build());
    let (major, minor, micro) = hdf5::library_version();
    Report {
        deeplin: env!("CARGO_PKG_VERSION"),
        git_revision: env!("DEEPLIN_GIT_REVISION"),
        cpu: processor::model(),
        caches: processor::caches(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        simd: Level::detect().name(),
        workers,
        hdf5: format!("{major}.{minor}.{micro}"),
        blas: Blas {
            self_test: safe.ok().and_then(|build| self_test(build, workers)),
            threading: build.threading.name(),
            config: build.config.clone(),
            core: build.core.clone(),
        },
        speed: safe.ok().map(|build| speed(build, workers)),
    }
}

/// `None` for a serial build, which is safe for one worker only.
fn self_test(build: &Build, workers: usize) -> Option<SelfTest> {
    (build.threading != Threading::Serial).then(|| SelfTest {
        products: workers * ROUNDS,
        wrong: blas::concurrent_self_test(workers, ROUNDS),
    })
}

fn measured(build: &Build) -> Measured {
    Measured { core: build.core.clone(), speed: speed::one_core(&WIDTHS) }
}

fn speed(build: &Build, workers: usize) -> Speed {
    let measured = measured(build);
    Speed {
        fma_peak_gflops: speed::peak_gflops(workers),
        fma_peak_one_core_gflops: measured.speed.peak_gflops,
        pinned: pins::pinned(&measured),
        gemm: measured.speed.gemm,
    }
}

/// The report for people.
fn text(report: &Report) -> String {
    let Report { deeplin, git_revision, cpu, cores, simd, workers, hdf5, blas, .. } = report;
    let mut text = String::new();
    let mut line = |key: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{key:<22} {value}");
    };
    line("deeplin", &format!("{deeplin} ({git_revision})"));
    line("processor", &format!("{cpu}, {cores} cores available, {simd}"));
    if let Some(caches) = &report.caches {
        line("caches", caches);
    }
    line("workers", &workers.to_string());
    line("HDF5", hdf5);
    line("OpenBLAS", &blas.config);
    line("OpenBLAS core", &blas.core);
    line("OpenBLAS threading", blas.threading);
    if let Some(speed) = &report.speed {
        line("OpenBLAS self-test", &tested(blas.self_test.as_ref()));
        lines_of_speed(speed, *workers, &mut line);
    }
    text
}

fn tested(test: Option<&SelfTest>) -> String {
    let Some(SelfTest { products, wrong }) = test else {
        return "not run: a serial build is safe for one worker only".to_owned();
    };
    let verdict = match wrong {
        0 => "passed",
        _ => "FAILED: do not use this library with several workers",
    };
    format!("{verdict} ({wrong} of {products} concurrent products wrong)")
}

fn lines_of_speed(speed: &Speed, workers: usize, line: &mut impl FnMut(&str, &str)) {
    let (one, all) = (speed.fma_peak_one_core_gflops, speed.fma_peak_gflops);
    line("peak", &format!("{one:.1} GF/s of one core, {all:.1} GF/s of {workers} workers (f64)"));
    for Gemm { width, gflops, percent_of_peak } in &speed.gemm {
        let key = format!("products of width {width}");
        line(&key, &format!("{gflops:.1} GF/s of one core, {percent_of_peak:.0} % of its peak"));
    }
    if let Some(pinned) = &speed.pinned {
        line("pinned", &pinned.message);
    }
}
