//! `deeplin watch`.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use indicatif::HumanCount;
use serde_json::json as value;

use super::progress::{self, Throughput};
use super::report::{Form, Shown};
use super::{Ending, output, screen};
use crate::Result;
use crate::report::format::duration;
use crate::report::standing::{LEGEND, Standing, Trials};
use crate::run::work::expected_steps;
use crate::store::gathered::Gathered;
use crate::store::io::Disk;
use crate::store::results;
use crate::store::summary::Intervals;

/// Show how far a study is that other processes run, until all is there
#[derive(Debug, clap::Args)]
#[command(after_help = "\
It reads the parts that are published, and writes nothing. On a terminal it draws the table of the cells
over and over; elsewhere it prints a line whenever there are more trials, with --json an object. Cells show
the probability of their first trials without a gap, since those that end soon are not a fair sample.

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

pub(super) fn main(arguments: &Arguments) -> Result<Ending> {
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

/// What is watched, as it was when it was looked at last.
struct Watch<'a> {
    arguments: &'a Arguments,
    gathered: Gathered,
    began: Instant,
    throughput: Throughput,
    /// Trials that each cell is to have.
    wanted: Vec<Option<u64>>,
    is_complete: bool,
    /// What is said of the whole.
    sentence: String,
}

impl<'a> Watch<'a> {
    fn new(arguments: &'a Arguments) -> Result<Self> {
        Ok(Self {
            gathered: Gathered::new(&Disk, &arguments.dir)?,
            arguments,
            began: Instant::now(),
            throughput: Throughput::over(WINDOW),
            wanted: Vec::new(),
            is_complete: false,
            sentence: String::new(),
        })
    }

    fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Reads what is new; whether there is something, or nothing was said yet.
    fn look(&mut self) -> Result<bool> {
        let news = self.gathered.look(&Disk, &self.arguments.dir)? || self.sentence.is_empty();
        if news {
            self.wanted = self.gathered.wanted();
            self.is_complete = self.gathered.missing().is_nothing();
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
        let left = self.gathered.missing().trajectories.count();
        if left > 0 {
            parts.push(format!("{} trajectories missing", HumanCount(left)));
        }
        let steps = counted.cells().iter().map(|cell| cell.there.steps).sum();
        let rate = self.throughput.look(done, steps);
        if let (Some(rate), Some(steps)) = (rate, self.steps_left()) {
            parts.push(format!("left about {}", duration(steps / rate.steps.max(1.0))));
        }
        parts.extend(rate.map(|rate| rate.to_string()));
        parts.join(", ")
    }

    /// Steps of the trials that are missing, by those that are there; `None` if nothing is missing, or it is
    /// not known how many trials there will be.
    fn steps_left(&self) -> Option<f64> {
        let Gathered { manifest, counted, .. } = &self.gathered;
        // Steps of networks of different sizes are not alike, and there is one limit of them here.
        let mut keys = manifest.axes.iter().flat_map(|axis| &axis.keys);
        if keys.any(|key| key.key.starts_with("network.") || key.key == "descent.max_steps") {
            return None;
        }
        let limits = vec![manifest.max_steps; manifest.cells()];
        let steps = expected_steps(&manifest.axes, counted, &limits);
        let left = |cell: usize| {
            let Trials { done, of } = self.trials(cell);
            Some((of? - done) as f64 * steps[cell])
        };
        let left: Option<f64> = (0..steps.len()).map(left).sum();
        left.filter(|&left| left > 0.0)
    }

    fn trials(&self, cell: usize) -> Trials {
        let there = self.gathered.counted.cells()[cell].there.trials();
        let of = self.wanted[cell];
        Trials { done: there.min(of.unwrap_or(there)), of }
    }

    fn with_standing<T>(&self, use_it: impl FnOnce(&Standing<'_>) -> T) -> T {
        let Gathered { manifest, counted, .. } = &self.gathered;
        let trials = |cell| self.trials(cell);
        let intervals = Intervals::of(manifest);
        use_it(&Standing { axes: &manifest.axes, intervals, counted, trials: &trials })
    }

    /// What is drawn on a terminal.
    fn picture(&self) -> Vec<String> {
        let (columns, lines) = screen::size();
        let watched = duration(self.began.elapsed().as_secs_f64());
        let mut picture = vec![format!("{}, watched for {watched}", self.sentence)];
        self.with_standing(|standing| picture.extend(progress::cells(standing, columns, lines)));
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
                let mut legend = LEGEND.to_owned();
                if self.gathered.manifest.stopping.is_some() {
                    legend += "\nTrials that were computed beyond the end of a cell are counted here, and left out of results.";
                }
                let lines = lines.chain([String::new(), legend, String::new()]);
                lines.collect::<Vec<_>>().join("\n")
            }
        })
    }

    /// One line.
    fn json(&self, standing: &Standing<'_>) -> String {
        let missing = self.gathered.missing();
        let manifest = &self.gathered.manifest;
        value!({
            "name": manifest.name,
            "study_digest": manifest.digest.hex(),
            "complete": self.is_complete,
            "missing_trajectories": missing.trajectories.count(),
            "interval": { "method": standing.intervals.name(), "level": standing.intervals.level },
            "cells": standing.objects(),
        })
        .to_string()
    }
}
