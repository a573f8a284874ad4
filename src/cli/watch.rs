//! `deeplin watch`.

use std::fs;
use std::io::{self, ErrorKind, IsTerminal};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use indicatif::HumanCount;
use serde_json::json as value;

use super::progress::{self, Throughput, rate};
use super::report::{Form, Shown};
use super::{Ending, output, screen};
use crate::Result;
use crate::config;
use crate::kernel::blas;
use crate::report::format::duration;
use crate::report::standing::{LEGEND, Standing, Trials};
use crate::run::expected::{StepCost, expected_steps};
use crate::store::counted::CellCounts;
use crate::store::gathered::Gathered;
use crate::store::io::Disk;
use crate::store::manifest::{self, Manifest};
use crate::store::merge::Missing;
use crate::store::results;
use crate::store::summary::Intervals;

/// Show how far a study is that other processes run, until all is there
#[derive(Debug, clap::Args)]
#[command(mut_arg("csv", |csv| csv.requires("once")))]
#[command(after_help = "\
It waits for a run to begin (except with --once), reads the parts that are published, and writes \
nothing. On a terminal it draws the table of the cells over and over; elsewhere it prints a line whenever \
there are more trials, with --json an object; CSV is one table, so it needs --once. Cells show the \
probability of their first trials without a gap, since those that end soon are not a fair sample.

Examples:
  deeplin watch runs/my-study
  deeplin watch runs/my-study --once
  deeplin watch runs/my-study --interval 1min --json >> progress.jsonl")]
pub(super) struct Arguments {
    /// Directory of the results
    dir: PathBuf,
    /// Time between two looks
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = interval)]
    interval: Duration,
    /// Look once, and show the table
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    shown: Shown,
}

/// Time over which throughput is measured: parts come minutes apart.
const WINDOW: Duration = Duration::from_secs(900);

/// Reads the time between two looks.
fn interval(text: &str) -> std::result::Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    match time.is_zero() {
        true => Err("expected a time above 0, for instance 2s".to_owned()),
        false => Ok(time),
    }
}

/// Waits until a run has begun in the directory.
fn wait_for_study(arguments: &Arguments) {
    let dir = &arguments.dir;
    // In a file none begins, nor where results are without the parts they were made of.
    let may_begin = || match fs::metadata(dir) {
        Ok(found) => found.is_dir() && !dir.join(results::FILE).exists(),
        Err(error) => error.kind() == ErrorKind::NotFound,
    };
    let is_missing = || {
        let manifest = dir.join(manifest::FILE).try_exists();
        manifest.is_ok_and(|is_there| !is_there) && may_begin()
    };
    if is_missing() {
        output::say(&format!("waiting for a run to begin in {} (Ctrl-C ends it)", dir.display()));
    }
    while is_missing() {
        sleep(arguments.interval);
    }
}

pub(super) fn main(arguments: &Arguments) -> Result<Ending> {
    if !arguments.once {
        wait_for_study(arguments);
    }
    let mut watch = Watch::new(arguments)?;
    let form = arguments.shown.form();
    if arguments.once {
        watch.look()?;
        output::print(&watch.text(form))?;
        return Ok(Ending::Done);
    }
    let draws = matches!(form, Form::Table) && io::stdout().is_terminal() && screen::is_there();
    while !watch.is_complete() {
        let news = watch.look()?;
        if draws {
            screen::draw(watch.picture());
        } else if (news || watch.is_complete()) && !output::print_to_reader(&watch.line(form))? {
            return Ok(Ending::Done);
        }
        if !watch.is_complete() {
            sleep(arguments.interval);
        }
    }
    if draws {
        screen::clear();
        output::print(&watch.text(Form::Table))?;
    }
    let dir = arguments.dir.display();
    if !arguments.dir.join(results::FILE).exists() {
        output::say(&format!(
            "all trials are there; results.h5 is written by a `run` of the whole study, or by `deeplin merge {dir}`"
        ));
    }
    Ok(Ending::Done)
}

/// What steps take in the cells of a study, by its configuration; `None` if it cannot be read any more, with
/// the data that it names. Where all cells have steps of one kind it is not needed.
fn step_costs(manifest: &Manifest) -> Option<Vec<StepCost>> {
    let mut keys = manifest.axes.iter().flat_map(|axis| &axis.keys);
    let decides = |key: &str| {
        let of_descent = ["descent.method", "descent.reduce", "descent.max_steps"];
        key.starts_with("network.") || of_descent.contains(&key)
    };
    if !keys.any(|key| decides(&key.key)) {
        let alike = StepCost { max_steps: manifest.max_steps, operations: 1.0 };
        return Some(vec![alike; manifest.cells()]);
    }
    blas::prepare(1).ok()?;
    let study = config::parse(&manifest.name, &manifest.config, &[], Path::new("")).ok()?;
    // What decides of its cells is in the digest, and what of it stands beside is not.
    let is_it = study.digest == manifest.digest && study.axes == manifest.axes;
    is_it.then(|| study.cells.iter().map(StepCost::of).collect())
}

/// What is watched, as it was when it was looked at last.
struct Watch<'a> {
    arguments: &'a Arguments,
    gathered: Gathered,
    began: Instant,
    /// Of trials, steps and operations.
    throughput: Throughput<3>,
    /// What steps take in each cell, if it is known.
    costs: Option<Vec<StepCost>>,
    /// Trials that each cell is to have.
    wanted: Vec<Option<u64>>,
    /// What came of them.
    counts: Vec<CellCounts>,
    /// What is missing of the study.
    missing: Missing,
    /// What is said of the whole.
    sentence: String,
}

impl<'a> Watch<'a> {
    fn new(arguments: &'a Arguments) -> Result<Self> {
        let gathered = Gathered::new(&Disk, &arguments.dir)?;
        Ok(Self {
            costs: step_costs(&gathered.manifest),
            missing: gathered.missing(),
            gathered,
            arguments,
            began: Instant::now(),
            throughput: Throughput::over(WINDOW),
            wanted: Vec::new(),
            counts: Vec::new(),
            sentence: String::new(),
        })
    }

    fn is_complete(&self) -> bool {
        self.missing.is_nothing()
    }

    /// Reads what is new; whether there is something, or nothing was said yet.
    fn look(&mut self) -> Result<bool> {
        let news = self.gathered.look(&Disk, &self.arguments.dir)? || self.sentence.is_empty();
        if news {
            self.wanted = self.gathered.wanted();
            self.counts = self.gathered.counts();
            self.missing = self.gathered.missing();
        }
        // Without news too: what is left takes longer then.
        self.sentence = self.in_words();
        Ok(news)
    }

    /// `small: 1,200 of 4,800 trials, left about 2 min 3 s, 35 trials/s, 1.2e6 steps/s`.
    fn in_words(&mut self) -> String {
        let Gathered { manifest, counted, .. } = &self.gathered;
        let done: u64 = (0..self.wanted.len()).map(|cell| self.trials(cell).done).sum();
        let wanted: Option<u64> = self.wanted.iter().copied().sum();
        let there = HumanCount(done);
        let mut parts = vec![match wanted {
            Some(all) => format!("{}: {there} of {} trials", manifest.name, HumanCount(all)),
            None => format!("{}: {there} trials, and more to come", manifest.name),
        }];
        let left = self.missing.trajectories.count();
        if left > 0 {
            parts.push(format!("{} trajectories missing", HumanCount(left)));
        }
        let steps = |cell: usize| counted.cell(cell).there.steps as f64;
        let all_steps = (0..self.wanted.len()).map(steps).sum();
        let costs = self.costs.iter().flatten().enumerate();
        let operations = costs.map(|(cell, cost)| steps(cell) * cost.operations).sum();
        let look = self.throughput.look([done as f64, all_steps, operations]);
        if let (Some([.., rate]), Some(left)) = (look, self.operations_left())
            && rate > 0.0
        {
            parts.push(format!("left about {}", duration(left / rate)));
        }
        parts.extend(look.map(|[trials, steps, _]| rate(trials, steps)));
        parts.join(", ")
    }

    /// Operations of the trials that are missing, by those that are there; `None` if nothing is missing, or it
    /// is not known how many trials there will be, or what they cost.
    fn operations_left(&self) -> Option<f64> {
        let Gathered { manifest, counted, .. } = &self.gathered;
        let costs = self.costs.as_ref()?;
        let limits: Vec<u64> = costs.iter().map(|cost| cost.max_steps).collect();
        let steps = expected_steps(&manifest.axes, counted, &limits);
        let left = |cell: usize| {
            let Trials { done, of } = self.trials(cell);
            Some((of? - done) as f64 * steps[cell] * costs[cell].operations)
        };
        let left: Option<f64> = (0..steps.len()).map(left).sum();
        left.filter(|&left| left > 0.0)
    }

    fn trials(&self, cell: usize) -> Trials {
        let there = self.gathered.counted.cell(cell).there.trials();
        let of = self.wanted[cell];
        Trials { done: there.min(of.unwrap_or(there)), of }
    }

    fn with_standing<T>(&self, use_it: impl FnOnce(&Standing<'_>) -> T) -> T {
        let manifest = &self.gathered.manifest;
        let trials = |cell| self.trials(cell);
        let intervals = Intervals::of(manifest);
        let (axes, cells) = (&manifest.axes[..], self.counts.len());
        let counted = |cell: usize| self.counts[cell];
        use_it(&Standing { axes, intervals, cells, counted: &counted, trials: &trials })
    }

    /// What is drawn on a terminal.
    fn picture(&self) -> Vec<String> {
        let (columns, lines) = screen::size();
        let watched = duration(self.began.elapsed().as_secs_f64());
        let mut picture = vec![format!("{}, watched for {watched}", self.sentence)];
        self.with_standing(|standing| picture.extend(progress::cells(standing, columns, lines)));
        picture.push(screen::dim(LEGEND));
        picture
    }

    /// What is said of a change.
    fn line(&self, form: Form) -> String {
        match form {
            Form::Table => format!("{}\n", self.sentence),
            _ => self.text(form),
        }
    }

    /// All cells.
    fn text(&self, form: Form) -> String {
        self.with_standing(|standing| match form {
            Form::Json => self.json(standing) + "\n",
            Form::Csv => standing.csv(),
            Form::Table => {
                let table = standing.table(usize::MAX, usize::MAX);
                let lines = [&self.sentence, ""].map(str::to_owned).into_iter();
                let lines = lines.chain([table.header]).chain(table.rows);
                let lines = lines.chain([String::new(), LEGEND.to_owned(), String::new()]);
                lines.collect::<Vec<_>>().join("\n")
            }
        })
    }

    /// One line.
    fn json(&self, standing: &Standing<'_>) -> String {
        let manifest = &self.gathered.manifest;
        value!({
            "name": manifest.name,
            "study_digest": manifest.digest.hex(),
            "complete": self.is_complete(),
            "missing_trajectories": self.missing.trajectories.count(),
            "interval": { "method": standing.intervals.name(), "level": standing.intervals.level },
            "cells": standing.objects(),
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::numerics;

    fn manifest(sweep: &str) -> Manifest {
        let text = format!("name = \"swept\"\n[sweep]\n{sweep}");
        let study = config::parse("study.toml", &text, &[], Path::new("")).unwrap();
        Manifest::from_study(&study, numerics::kernels(&study), None)
    }

    #[test]
    fn steps_of_different_networks_have_their_costs() {
        let alike = step_costs(&manifest("\"init.std\" = [0.1, 0.2]")).unwrap();
        assert_eq!(alike, [StepCost { max_steps: 20_000, operations: 1.0 }; 2]);
        let costs = step_costs(&manifest("\"network.hidden\" = [8, 32]")).unwrap();
        assert!(costs[1].operations > 2.0 * costs[0].operations, "{costs:?}");
        let limits = step_costs(&manifest("\"descent.max_steps\" = [10, 99]")).unwrap();
        assert_eq!([limits[0].max_steps, limits[1].max_steps], [10, 99]);
        assert_eq!(limits[0].operations, limits[1].operations);
        let methods = step_costs(&manifest("\"descent.method\" = [\"gradient\", \"flow\"]"));
        let methods = methods.unwrap();
        assert_eq!(methods[1].operations, 6.0 * methods[0].operations);
        // Of another version of the program, or with data that are gone.
        let mut other = manifest("\"network.hidden\" = [8, 32]");
        other.config = other.config.replace("20000", "20001");
        assert_eq!(step_costs(&other), None);
        other.config = "nonsense".to_owned();
        assert_eq!(step_costs(&other), None);
    }
}
