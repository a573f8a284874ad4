//! `deeplin rare`.

use std::path::PathBuf;

use indicatif::HumanCount;

use super::place::Place;
use super::progress::Pace;
use super::tuned::tuned;
use super::{Ending, output};
use crate::kernel::blas;
use crate::rare::event::Event;
use crate::rare::splitting;
use crate::rare::strata::{self, Quantity};
use crate::report::rare::{Splitting, Stratification, Subject};
use crate::run::interrupt::Interrupt;
use crate::run::threads;
use crate::stats::splitting::{Plan, Tally};
use crate::study::{Cell, Study};
use crate::{Error, Result, config};

/// Estimate a probability that is too small to be counted: of an event of the start, or of convergence
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("way").args(["event", "strata"]).required(true))]
#[command(after_help = "\
With --event, by multilevel splitting on the start: particles that are moved through rarer and rarer \
starts, for probabilities of 1e-9 and far below. With --strata, by trials from strata of starts, for \
convergence that depends on what can be seen of a start. The estimate is the same for any number of \
threads.

Examples:
  deeplin rare study.toml --event joint --at init.std=0.3,network.depth=2
  deeplin rare study.toml --event margin --threshold 0.5 --particles 2000
  deeplin rare study.toml --event converged --set descent.max_steps=100
  deeplin rare study.toml --strata determinant --looked 1000000 --trials 2000")]
pub(super) struct Arguments {
    /// The study, a TOML file
    config: PathBuf,
    #[command(flatten)]
    place: Place,
    /// The event of a start whose probability is estimated by splitting
    #[arg(long, value_enum)]
    event: Option<Kind>,
    /// Margin that is to be exceeded [default: 0]; balancedness to stay below [default: what theorem 1 allows
    /// the largest margin]
    #[arg(long, value_name = "X", conflicts_with = "strata", allow_negative_numbers = true)]
    threshold: Option<f64>,
    /// Particles of each run
    #[arg(long, conflicts_with = "strata", value_name = "N", default_value_t = 250, value_parser = clap::value_parser!(u64).range(2..=10_000_000))]
    particles: u64,
    /// Proposed moves of each copy
    #[arg(long, conflicts_with = "strata", value_name = "M", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    moves: u64,
    /// Independent runs; how they differ enters the interval, which is wide for two or three of them
    #[arg(long, conflicts_with = "strata", value_name = "R", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    runs: u64,
    /// Most starts that are scored, all runs together
    #[arg(long, conflicts_with = "strata", value_name = "MAX", default_value_t = 100_000_000)]
    evaluations: u64,
    /// What the strata of starts tell apart, which convergence is estimated from
    #[arg(long, value_enum)]
    strata: Option<Kinds>,
    /// Number of strata of margin or imbalance
    #[arg(long, conflicts_with = "event", value_name = "H", default_value_t = 8, value_parser = clap::value_parser!(u16).range(2..=1000))]
    bins: u16,
    /// Starts that are looked at
    #[arg(long, conflicts_with = "event", value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000_000))]
    looked: u64,
    /// Trials that are run
    #[arg(long, conflicts_with = "event", value_name = "N", default_value_t = 1000)]
    trials: u64,
    /// Pilot trials that do not count and say which strata get more of the trials [default: none, all get
    /// equally many]
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true,
        conflicts_with = "event"
    )]
    pilot: u64,
    /// Confidence level [default: interval.level of the study]
    #[arg(long, value_name = "P", value_parser = output::probability)]
    level: Option<f64>,
    /// Number of workers [default: what Slurm grants, else all processors]
    #[arg(short, long, value_name = "T", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Override a key of the study; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// As one JSON object
    #[arg(long)]
    json: bool,
    /// The strata as CSV
    #[arg(long, conflicts_with_all = ["json", "event"])]
    csv: bool,
}

/// Names of [`Event`] on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// A deficiency margin above a threshold
    Margin,
    /// Balancedness below a threshold
    Balanced,
    /// A margin, and the balancedness that theorem 1 asks for it
    Joint,
    /// The trial converges within its step limit; each start that is scored is a trial
    Converged,
}

/// Names of [`Quantity`] on the command line.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Kinds {
    /// The sign of the determinant of the end-to-end matrix
    Determinant,
    /// The deficiency margin, below zero too
    Margin,
    /// The balancedness
    Imbalance,
}

pub(super) fn main(arguments: &Arguments) -> Result<Ending> {
    let workers = threads::workers(arguments.threads.map(usize::from));
    blas::prepare(workers)?;
    let study = config::load(&arguments.config, &arguments.sets)?;
    let level = arguments.level.unwrap_or(study.interval.level);
    let cell = arguments.place.of(&study)?;
    let subject = Subject { study: study.name.clone(), cell: cell.index, level };
    let interrupt = Interrupt::on_signals(None).map_err(|error| Error::Environment {
        message: format!("cannot listen to signals: {error}"),
        help: None,
    })?;
    let task = Task { arguments, study: &study, cell, subject, workers, interrupt };
    let text = match (arguments.event, arguments.strata) {
        (Some(kind), _) => task.split(event(kind, arguments.threshold)?)?,
        (None, strata) => task.stratify(quantity(strata.expect("clap asks for one of the two")))?,
    };
    match text {
        Some(text) => output::print(&text).map(|()| Ending::Done),
        None => {
            output::say("stopped early: nothing is estimated");
            Ok(Ending::Stopped)
        }
    }
}

/// What is to be done, and with what.
struct Task<'a> {
    arguments: &'a Arguments,
    study: &'a Study,
    cell: &'a Cell,
    subject: Subject,
    workers: usize,
    interrupt: Interrupt,
}

impl Task<'_> {
    /// The probability of an event; `None` if it was stopped.
    fn split(self, event: Event) -> Result<Option<String>> {
        let Self { arguments, study, workers, .. } = self;
        let cell = match event {
            Event::Converged => &tuned(study, self.cell, workers)?,
            _ => self.cell,
        };
        let plan = Plan {
            particles: arguments.particles,
            moves: arguments.moves,
            evaluations: arguments.evaluations / arguments.runs,
        };
        let request = splitting::Request {
            seed: study.seed,
            cell,
            event,
            runs: arguments.runs,
            plan,
            workers,
        };
        let pace = Pace::new();
        let watch = |run, level, tally: &Tally| pace.say(|| reached(run, level, tally));
        let Some(counts) = splitting::estimate(&request, &self.interrupt, &watch)? else {
            return Ok(None);
        };
        let report = Splitting::new(self.subject, &request, &counts);
        Ok(Some(if arguments.json { output::json_text(&report) } else { report.text() }))
    }

    /// The probability of convergence; `None` if it was stopped.
    fn stratify(self, quantity: Quantity) -> Result<Option<String>> {
        let Self { arguments, study, workers, .. } = self;
        let cell = &tuned(study, self.cell, workers)?;
        let request = strata::Request {
            seed: study.seed,
            cell,
            quantity,
            strata: usize::from(arguments.bins),
            looked: arguments.looked,
            trials: arguments.trials,
            pilot: arguments.pilot,
            workers,
        };
        let pace = Pace::new();
        let watch = |trials| pace.say(|| format!("{} trials", HumanCount(trials)));
        let Some(strata) = strata::run(&request, &self.interrupt, &watch)? else { return Ok(None) };
        let report = Stratification::new(self.subject, &request, &strata);
        Ok(Some(match (arguments.json, arguments.csv) {
            (true, _) => output::json_text(&report),
            (_, true) => report.csv(),
            _ => report.text(),
        }))
    }
}

/// The event that is meant.
fn event(kind: Kind, threshold: Option<f64>) -> Result<Event> {
    let is_for_it = matches!(kind, Kind::Margin | Kind::Balanced);
    if let Some(threshold) = threshold
        && !(is_for_it && threshold.is_finite() && (kind == Kind::Margin || threshold > 0.0))
    {
        return Err(Error::usage(
            format!("--threshold {threshold} is out of place"),
            Some("--event margin takes any number, balanced one above 0, others none".to_owned()),
        ));
    }
    Ok(match kind {
        Kind::Margin => Event::Margin { above: threshold.unwrap_or(0.0) },
        Kind::Balanced => Event::Balanced { below: threshold },
        Kind::Joint => Event::Joint,
        Kind::Converged => Event::Converged,
    })
}

/// The quantity that is meant.
fn quantity(kind: Kinds) -> Quantity {
    match kind {
        Kinds::Determinant => Quantity::Determinant,
        Kinds::Margin => Quantity::Margin,
        Kinds::Imbalance => Quantity::Imbalance,
    }
}

/// How far a run is.
fn reached(run: u64, level: f64, tally: &Tally) -> String {
    format!(
        "run {run}: {} starts scored, down to a probability of 10^{:.1} (score {level:.3e}, wanted 0)",
        HumanCount(tally.evaluations),
        tally.ln_estimate() / std::f64::consts::LN_10
    )
}
