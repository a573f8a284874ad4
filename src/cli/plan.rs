//! `deeplin plan`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use indicatif::HumanCount;
use serde::Serialize;

use super::tasks::{Given, Submission, TaskArguments};
use super::{Ending, output};
use crate::config::{self, Estimate, bytes_text};
use crate::kernel::blas;
use crate::report::format::{counted, duration, significant};
use crate::report::table::{align, plain_table, without_trailing_blanks};
use crate::run::durable::Durable;
use crate::run::estimate::{self, Group, Piloted, Plan};
use crate::run::{self, numerics, threads};
use crate::store::io::Disk;
use crate::study::Study;
use crate::{Error, Result};

/// Say what a study will take on this machine: cells, kernels, operations, memory, disk, time. Runs
/// nothing but a pilot of a few seconds, writes nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  deeplin plan study.toml
  deeplin plan study.toml --set trials=10000 --threads 64
  deeplin plan study.toml --quick --json
  deeplin plan study.toml --core-hours 20             how many trials that buys
  deeplin plan study.toml --task-time 1h --threads 4  how many tasks that takes")]
pub(super) struct Arguments {
    /// The study, a TOML file (see `deeplin config`)
    config: PathBuf,
    /// Directory of the results, which may hold some already [default: runs/NAME]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Number of workers [default: what Slurm grants, else all processors]
    #[arg(short, long, value_name = "T", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Override a key of the study; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// No pilot: only the time that the study takes at most
    #[arg(long)]
    quick: bool,
    /// Say for how many trials so many hours of one processor are enough, as a budget of the study
    #[arg(long, value_name = "H", value_parser = hours)]
    core_hours: Option<f64>,
    #[command(flatten)]
    tasks: TaskArguments,
    /// As one JSON object
    #[arg(long)]
    json: bool,
}

/// Longest table of groups that is shown.
const MOST_ROWS: usize = 40;
/// Longest net that is written out.
const LONGEST_NET: usize = 32;

/// Everything that is said.
#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    plan: Plan,
    /// In bytes.
    memory: Need,
    /// In bytes, uncompressed.
    disk: Need,
    directory: String,
    /// Why `run` would refuse that directory.
    refusal: Option<String>,
    /// What the hours of a processor that were given are enough for.
    core_hours: Option<Affordable>,
    /// How to queue the tasks.
    submission: Option<Submission>,
}

/// What some hours of one processor are enough for.
#[derive(Debug, Serialize)]
struct Affordable {
    hours: f64,
    /// About so many trials of all cells.
    trials: u64,
    /// What says so to `run`, as `--set` takes it; none if these are too few for all cells, or trials of the
    /// study are there already: with other numbers it is another study.
    setting: Option<String>,
    /// How many trials are left, if some are there.
    trials_left: Option<u64>,
}

impl Affordable {
    fn of(hours: f64, plan: &Plan) -> Option<Self> {
        let trials = plan.trials_in(3600.0 * hours)?;
        // Three digits: it is no more exact than that.
        let scale = 10_u64.pow(trials.max(1).ilog10().saturating_sub(2));
        let trials = trials / scale * scale;
        let of_cell = trials / plan.cells.max(1);
        let trials_left = (plan.trials_left < plan.trials).then_some(plan.trials_left);
        let setting = match plan.least_budget {
            _ if trials_left.is_some() => None,
            Some(least) => (trials >= least).then(|| format!("budget.trials={trials}")),
            None => (of_cell > 0).then(|| format!("trials={of_cell}")),
        };
        Some(Self { hours, trials, setting, trials_left })
    }

    /// `about 1,230,000 trials: --set budget.trials=1230000`.
    fn text(&self) -> String {
        let trials = counted(self.trials, "trial");
        let hours = significant(self.hours, 4);
        match (&self.setting, self.trials_left) {
            (Some(setting), _) => format!("{hours} are enough for about {trials}: --set {setting}"),
            (None, Some(left)) if left <= self.trials => {
                format!("{hours} are enough for all that is left, {}", counted(left, "trial"))
            }
            (None, Some(left)) => {
                let left = HumanCount(left);
                format!("{hours} are enough for about {trials} of the {left} that are left")
            }
            (None, None) => {
                format!("{hours} are enough for about {trials}, too few for all cells")
            }
        }
    }
}

/// Reads a number of hours.
fn hours(text: &str) -> std::result::Result<f64, String> {
    let hours = text.parse().ok().filter(|hours: &f64| hours.is_finite() && *hours > 0.0);
    hours.ok_or_else(|| "expected a number of hours above 0, for instance 20".to_owned())
}

#[derive(Debug, Serialize)]
struct Need {
    needed: u64,
    available: Option<u64>,
    fits: bool,
    #[serde(skip)]
    bound: String,
}

pub(super) fn main(arguments: &Arguments) -> Result<Ending> {
    let workers = threads::workers(arguments.threads.map(usize::from));
    let blas = blas::prepare(workers)?;
    let study = config::load(&arguments.config, &arguments.sets)?;
    let directory = arguments.output.clone().unwrap_or_else(|| Path::new("runs").join(&study.name));
    let (memory, disk) = needs(&study, workers, &directory);
    let found = run::found(&study, &directory, &numerics::of_this_build(&blas), &Disk);
    let (durable, refusal) = match found {
        Ok(durable) => (durable, None),
        Err(error) => (Durable::nothing(&study), Some(refusal(&error))),
    };
    let cut = arguments.tasks.cut();
    let plan = estimate::estimate(&study, &durable, workers, !arguments.quick, cut);
    let submission = submission(arguments, &plan)?;
    let directory = directory.display().to_string();
    let core_hours = arguments.core_hours.and_then(|hours| Affordable::of(hours, &plan));
    let report = Report { plan, memory, disk, directory, refusal, core_hours, submission };
    if arguments.json {
        output::print_json(&report)?;
    } else {
        output::print(&text(&report))?;
    }
    Ok(Ending::Done)
}

/// How to queue the tasks, if the study is to be cut and something is left to do.
fn submission(arguments: &Arguments, plan: &Plan) -> Result<Option<Submission>> {
    let given = Given {
        config: &arguments.config,
        output: arguments.output.as_deref(),
        sets: &arguments.sets,
    };
    let submission = |tasks| Submission::new(tasks, plan.workers, plan.blocks, &given);
    plan.tasks.as_ref().map(submission).transpose()
}

/// Memory and disk.
fn needs(study: &Study, workers: usize, dir: &Path) -> (Need, Need) {
    let estimate = Estimate::of(study, workers, dir);
    let memory = Need {
        needed: estimate.memory,
        available: estimate.memory_available,
        fits: estimate.memory_fits(),
        bound: format!("available ({})", estimate.memory_bound),
    };
    let disk = Need {
        needed: estimate.disk,
        available: estimate.disk_available,
        fits: estimate.disk_fits(),
        bound: format!("free at {}", dir.display()),
    };
    (memory, disk)
}

/// An error with its cause in one line.
fn refusal(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// The report for people.
fn text(report: &Report) -> String {
    let plan = &report.plan;
    let mut text = format!("{}\n\n{}\n\n", header(plan), groups(&plan.groups));
    let mut line = |key: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{key:<12} {value}");
    };
    line("trials", &trials(report));
    if plan.trials_left == 0 && plan.trajectories_left == 0 {
        line("time", "nothing to do");
        return text;
    }
    if plan.tuning_trials > 0 && plan.trials_left > 0 {
        let pilots = HumanCount(plan.tuning_trials);
        line("", &format!("and up to {pilots} pilot trials before, that tune learning rates"));
    }
    if plan.trajectories_left > 0 {
        line("recorded", &counted(plan.trajectories_left, "trial"));
    }
    let flops = significant(plan.flops / 1e9, 4);
    line("operations", &format!("at most {flops} Gflop, if every trial runs to its step limit"));
    line("memory", &need(&report.memory));
    line("disk", &need(&report.disk));
    let parts = counted(plan.parts, "part");
    line("blocks", &format!("{}, published in about {parts}", HumanCount(plan.blocks)));
    let at_most = duration(plan.seconds_at_most);
    let workers = plan.workers;
    match plan.seconds_likely {
        Some(likely) => line(
            "time",
            &format!("about {}, at most {at_most} ({workers} workers)", duration(likely)),
        ),
        None => line("time", &format!("at most {at_most} ({workers} workers)")),
    }
    if let Some(pilot) = plan.pilot {
        line("", &piloted(pilot));
    }
    if let Some(affordable) = &report.core_hours {
        line("core-hours", &affordable.text());
    }
    if let (Some(tasks), Some(submission)) = (&plan.tasks, &report.submission) {
        for (key, value) in submission.lines(tasks, plan.workers) {
            line(key, &value);
        }
    }
    text
}

/// `study: 32 cells x 200 trials; network.depth (4) x init.std (8)`.
fn header(plan: &Plan) -> String {
    let axis = |axis: &estimate::Length| format!("{} ({})", axis.keys.join(" + "), axis.points);
    let axes: Vec<String> = plan.axes.iter().map(axis).collect();
    let swept = if axes.is_empty() { "no sweep".to_owned() } else { axes.join(" x ") };
    let cells = counted(plan.cells, "cell");
    let trials = HumanCount(plan.trials_per_cell);
    let trials = match plan.budget {
        Some(budget) => format!("{cells}, a budget of {} trials", HumanCount(budget)),
        None if plan.adaptive => format!("{cells} x up to {trials} trials"),
        None => format!("{cells} x {trials} trials"),
    };
    format!("{}: {trials}; {swept}", plan.study)
}

/// A line for each group of cells.
fn groups(groups: &[Group]) -> String {
    let mut table = plain_table();
    table.set_header([
        "net",
        "cells",
        "kernel",
        "precision",
        "flop/step",
        "step limit",
        "Gflop/trial",
        "steps",
        "at most",
        "likely",
    ]);
    for group in groups.iter().take(MOST_ROWS) {
        let unknown = || "-".to_owned();
        table.add_row([
            computed(&group.net, &group.computed_as),
            group.cells.to_string(),
            group.kernel.to_owned(),
            group.precision.to_owned(),
            significant(group.flops_per_step, 4),
            group.max_steps.to_string(),
            significant(group.flops_per_trial / 1e9, 4),
            group.mean_steps.map_or_else(unknown, |steps| format!("{steps:.0}")),
            duration(group.seconds_at_most),
            group.seconds_likely.map_or_else(unknown, duration),
        ]);
    }
    align(&mut table);
    let shown = without_trailing_blanks(&table);
    match groups.len().saturating_sub(MOST_ROWS) {
        0 => shown,
        hidden => format!("{shown}\n... and {hidden} lines more: see --json"),
    }
}

/// A net, and the smaller one that it is computed as, if it is (`descent.reduce`).
fn computed(original: &str, computed_as: &str) -> String {
    if original == computed_as {
        return net(original);
    }
    format!("{} as {}", net(original), net(computed_as))
}

/// A net; a deep one with its equal widths counted: `128-(32x7)-1`.
fn net(net: &str) -> String {
    if net.len() <= LONGEST_NET {
        return net.to_owned();
    }
    let dims: Vec<&str> = net.split('-').collect();
    let run = |run: &[&str]| match run {
        [width] => (*width).to_owned(),
        [width, ..] => format!("({width}x{})", run.len()),
        [] => String::new(),
    };
    dims.chunk_by(|a, b| a == b).map(run).collect::<Vec<_>>().join("-")
}

/// How many there are, and how many are there already.
fn trials(report: &Report) -> String {
    let plan = &report.plan;
    let (all, dir) = (HumanCount(plan.trials), &report.directory);
    if let Some(refusal) = &report.refusal {
        return format!("{all}; `deeplin run` would refuse {dir}: {refusal}");
    }
    match plan.trials - plan.trials_left {
        0 if plan.least_budget.is_some() => {
            format!("at most {all}: each cell ends when it is precise enough")
        }
        0 if plan.adaptive => {
            format!("at most {all}: what comes of trials decides where more follow")
        }
        0 => all.to_string(),
        _ if plan.trials_left == 0 => format!("{all}, all of them in {dir} already"),
        there => format!(
            "{all}, of which {} are in {dir} already; what follows is for the {} that are left",
            HumanCount(there),
            HumanCount(plan.trials_left)
        ),
    }
}

/// `about 70.2 MiB of 3.1 GiB available`.
fn need(need: &Need) -> String {
    let available = need.available.map_or_else(|| "what is".to_owned(), bytes_text);
    let verdict = if need.fits { "" } else { ": DOES NOT FIT, `deeplin run` would refuse" };
    format!("about {} of {available} {}{verdict}", bytes_text(need.needed), need.bound)
}

/// What the likely time is from.
fn piloted(pilot: Piloted) -> String {
    let seen = format!(
        "from a pilot of {} of {}",
        counted(pilot.trials, "trial"),
        counted(pilot.cells, "cell")
    );
    match pilot.unfinished {
        _ if pilot.trials == 0 => {
            "(a trial takes longer than a pilot may: every one counts as running to its limit)"
                .to_owned()
        }
        0 => seen,
        cut => format!("{seen}; {cut} of them it had to end: their losses are taken to fall on"),
    }
}
