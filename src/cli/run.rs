//! `deeplin run`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::HumanCount;

use super::report::{Form, Shown};
use super::{Ending, apart, merge, output, progress, report};
use crate::kernel::blas;
use crate::report::format::{counted, duration};
use crate::run::blocks::Share;
use crate::run::interrupt::Interrupt;
use crate::run::{self, Options, Outcome, numerics, threads};
use crate::store::io::Disk;
use crate::store::results;
use crate::study::Study;
use crate::{Error, Result, config};

/// Run what is missing of a study; ends with results.h5 and the table of probabilities
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Running again continues; when all is there it does nothing. INT, TERM, USR1 and USR2 stop the run soon \
and safely (exit status 75); a second INT stops it at once.

Examples:
  deeplin run study.toml
  deeplin run study.toml --set init.kind=balanced -o runs/balanced
  deeplin run study.toml --quiet --json > cells.json
  deeplin run study.toml --part 2/8 --max-time 3h50m    one of eight jobs,
  deeplin merge runs/my-study                           when all are done")]
pub(super) struct Arguments {
    /// The study, a TOML file (see `deeplin config`)
    config: PathBuf,
    /// Directory of the results [default: runs/NAME, the name of the study]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Run only this part of the study: I/N, I from 1
    #[arg(long, value_name = "I/N")]
    part: Option<Share>,
    /// Number of workers [default: what Slurm grants, else all processors]
    #[arg(short, long, value_name = "T", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Stop safely after this time: 90s, 3h50m, 2days
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    max_time: Option<Duration>,
    /// Override a key of the study; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Continue parts that were computed by another version, library or processor family, and record
    /// it in the results
    #[arg(long)]
    mixed: bool,
    #[command(flatten)]
    shown: Shown,
}

pub(super) fn main(arguments: &Arguments) -> Result<Ending> {
    let workers = threads::workers(arguments.threads.map(usize::from));
    // Before anything is computed, the target of a regression included.
    let blas = blas::prepare(workers)?;
    let study = config::load(&arguments.config, &arguments.sets)?;
    let dir = arguments.output.clone().unwrap_or_else(|| Path::new("runs").join(&study.name));
    config::preflight(&study, workers, &dir)?;
    let interrupt = Interrupt::on_signals(arguments.max_time).map_err(|error| {
        Error::Environment { message: format!("cannot listen to signals: {error}"), help: None }
    })?;
    let options = Options {
        dir,
        share: arguments.part.unwrap_or(Share::WHOLE),
        workers,
        mixed: arguments.mixed,
    };
    let progress = progress::display();
    let begin = Instant::now();
    let numerics = numerics::of_this_build(&blas);
    let outcome = run::run(&study, &options, &numerics, &Disk, &interrupt, progress.as_ref())?;
    say_what_ran(&outcome, begin.elapsed());
    finish(&study, &options, &outcome, arguments.shown.form())
}

/// What there is to do after the last row.
fn finish(study: &Study, options: &Options, outcome: &Outcome, form: Form) -> Result<Ending> {
    let dir = options.dir.display();
    if outcome.is_unfinished() {
        output::insist(&what_is_left(outcome));
        return Ok(Ending::Stopped);
    }
    if !options.share.is_whole() {
        output::insist(&format!(
            "part {} of {} is done; when all parts are: deeplin merge {dir}",
            options.share, study.name
        ));
        return Ok(Ending::Done);
    }
    let results = match finished(study, &options.dir) {
        Some(path) if outcome.trials_run == 0 && outcome.trajectories_run == 0 => path,
        _ => merge::write_results(&options.dir, options.mixed)?,
    };
    match form {
        Form::Table => {
            if !output::is_quiet() {
                report::print(&results, form)?;
            }
            output::print(&format!("{}\n", results.display()))?;
        }
        // Nothing else, so that it can be read.
        Form::Json | Form::Csv => report::print(&results, form)?,
    }
    Ok(Ending::Done)
}

/// The results of the study that are in the directory already.
fn finished(study: &Study, dir: &Path) -> Option<PathBuf> {
    let path = dir.join(results::FILE);
    let digest = apart::ask(&["digest".to_owned()], &path).ok()?;
    (digest == study.digest.hex()).then_some(path)
}

/// What a run that was stopped leaves. It differs whenever something was done: by that a task of a
/// cluster sees whether it is of use to go on.
fn what_is_left(outcome: &Outcome) -> String {
    let (left, share) = (HumanCount(outcome.share_left), HumanCount(outcome.share));
    let on_their_way = match outcome.on_their_way {
        0 => String::new(),
        trials => format!(
            ", {} of them on their way with {} steps made",
            HumanCount(trials),
            HumanCount(outcome.steps_on_their_way)
        ),
    };
    let trajectories = match outcome.trajectories_left {
        0 => String::new(),
        left => format!(" and the trajectories of {}", counted(left, "trial")),
    };
    let to_tune = match outcome.cells_to_tune {
        0 => String::new(),
        cells => {
            format!(", and learning rates of {} are still to be tuned", counted(cells, "cell"))
        }
    };
    let open = match outcome.cells_open {
        0 => String::new(),
        cells => format!(", and more trials are needed in {}", counted(cells, "cell")),
    };
    format!(
        "stopped early: {left} of {share} trials{trajectories} are left{on_their_way}{to_tune}{open}; run the \
         same command again to continue"
    )
}

/// What this run did, or that there was nothing to do.
fn say_what_ran(outcome: &Outcome, elapsed: Duration) {
    let recorded = match outcome.trajectories_run {
        0 => String::new(),
        trajectories => format!(", {} recorded,", HumanCount(trajectories)),
    };
    let nothing_left = outcome.share_left == 0 && outcome.trajectories_left == 0;
    output::say(&match outcome.trials_run {
        0 if nothing_left && recorded.is_empty() => {
            "all trials are there already; nothing to do".to_owned()
        }
        trials => {
            format!("{}{recorded} in {}", counted(trials, "trial"), duration(elapsed.as_secs_f64()))
        }
    });
}
