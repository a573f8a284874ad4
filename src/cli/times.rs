//! `deeplin times`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::place::Place;
use super::report::{Form, Shown, file};
use super::{Ending, apart, output};
use crate::report::format::significant;
use crate::report::times::{self, Question};
use crate::store::ResultsFile;
use crate::study::Axis;
use crate::{Error, Result};

/// Show how long trials take: the probability of having converged by a number of steps
#[derive(Debug, clap::Args)]
#[command(after_help = "\
For each cell, at a few numbers of steps: the probability of having converged, of having failed \
(diverged or stalled, which competes with converging), and of neither, with bounds; and what a trial \
that converges costs in steps, with and without giving the others up early. --loss asks for the first \
step at or under another loss of the study's ladder.

Examples:
  deeplin times runs/quickstart --cell 5
  deeplin times runs/quickstart --at init.std=0.3,network.depth=4 --loss 1e-3
  deeplin times runs/quickstart --points 1000 --csv > times.csv")]
pub(super) struct Arguments {
    /// results.h5, or the directory that holds it
    results: PathBuf,
    #[command(flatten)]
    place: Place,
    /// Steps until the excess loss is at or under this loss of the ladder, instead of until convergence
    #[arg(long, value_name = "X")]
    loss: Option<f64>,
    /// At about how many numbers of steps
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(2..=10_000))]
    points: u64,
    #[command(flatten)]
    shown: Shown,
}

/// What of results is asked for, as another process of the program takes it.
#[derive(Debug, clap::Args)]
pub(super) struct Asked {
    #[arg(long)]
    cell: Option<usize>,
    #[arg(long)]
    rung: Option<usize>,
    #[arg(long)]
    points: u64,
}

impl Asked {
    /// The times in this form.
    pub(super) fn text(&self, form: Form, results: &ResultsFile) -> Result<String> {
        let &Self { cell, rung, points } = self;
        let question = Question { cell, rung, points };
        match form {
            Form::Table => times::table(results, question),
            Form::Json => times::json(results, question),
            Form::Csv => times::csv(results, question),
        }
    }

    /// The arguments that it is made of.
    fn arguments(&self) -> Vec<String> {
        let number = |name: &str, number: usize| format!("--{name}={number}");
        let cell = self.cell.map(|cell| number("cell", cell));
        let rung = self.rung.map(|rung| number("rung", rung));
        cell.into_iter().chain(rung).chain([format!("--points={}", self.points)]).collect()
    }
}

/// What can be asked of results: their cells and rungs.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Choices {
    pub(super) axes: Vec<Axis>,
    ladder: Vec<f64>,
}

impl Choices {
    /// Those of a file, read by another process.
    pub(super) fn ask(path: &Path) -> Result<Self> {
        serde_json::from_str(&apart::ask(&["choices".to_owned()], path)?)
            .map_err(|_| Error::content(path, "its axes cannot be read", None))
    }

    /// Those of a file, as JSON.
    pub(super) fn text(results: ResultsFile) -> String {
        let choices = Self { axes: results.axes, ladder: results.ladder };
        serde_json::to_string(&choices).expect("plain data")
    }

    /// The rung of this loss, however it is rounded.
    fn rung(&self, loss: f64) -> Result<usize> {
        /// How far a loss may be off that is written with fewer digits than it has.
        const ROUNDING: f64 = 1e-3;
        let distance = |rung: &f64| (rung - loss).abs();
        let rungs = self.ladder.iter().enumerate();
        let near = rungs.filter(|(_, rung)| distance(rung) <= ROUNDING * **rung);
        let nearest = near.min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)));
        nearest.map(|(number, _)| number).ok_or_else(|| {
            let rungs: Vec<String> = self.ladder.iter().map(|&rung| significant(rung, 4)).collect();
            let help = match rungs.is_empty() {
                true => "the study records no first hits".to_owned(),
                false => format!(
                    "its losses are {}; a study records others with stop.ladder",
                    rungs.join(", ")
                ),
            };
            Error::usage(format!("{loss} is no loss of the study's ladder"), Some(help))
        })
    }
}

pub(super) fn main(arguments: &Arguments) -> Result<Ending> {
    let path = file(&arguments.results, "times")?;
    let choices = Choices::ask(&path)?;
    let place = &arguments.place;
    let asked = Asked {
        cell: place.is_given().then(|| place.find(&choices.axes)).transpose()?,
        rung: arguments.loss.map(|loss| choices.rung(loss)).transpose()?,
        points: arguments.points,
    };
    let mut task = vec!["times".to_owned(), arguments.shown.form().name().to_owned()];
    task.extend(asked.arguments());
    output::print(&apart::ask(&task, &path)?)?;
    Ok(Ending::Done)
}
