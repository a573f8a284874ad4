//! `deeplin compare`.

use std::path::PathBuf;

use super::report::{Form, Shown, file};
use super::{Ending, apart, output};
use crate::Result;
use crate::report::comparison::{Question, compare};
use crate::store::ResultsFile;

/// Compare the values of an axis, trial by trial where they share their starts
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Every value of the axis is compared with the first, or with --baseline, everything else equal. Cells \
that differ in a key of [descent], [stop] or [certificate] have the same starts, so that a few hundred \
trials tell two learning rates apart: McNemar's exact test, and an interval of the paired difference. \
Cells that differ in [network], [target] or [init] have starts of their own.

Examples:
  deeplin compare runs/rates --axis descent.learning_rate
  deeplin compare runs/rates --axis descent.learning_rate --baseline 0.05")]
pub(super) struct Arguments {
    /// results.h5, or the directory that holds it
    results: PathBuf,
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    shown: Shown,
}

/// What is asked of results.
#[derive(Debug, clap::Args)]
pub(super) struct Asked {
    /// Key of the axis; may be left out if the study has only one
    #[arg(long, value_name = "KEY")]
    axis: Option<String>,
    /// Value that all others are compared with [default: the first]
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    baseline: Option<String>,
    /// Confidence level [default: that of the study]
    #[arg(long, value_name = "P", value_parser = output::probability)]
    level: Option<f64>,
}

impl Asked {
    /// The answer.
    pub(super) fn text(&self, results: &ResultsFile, form: Form) -> Result<String> {
        let Self { axis, baseline, level } = self;
        let question =
            Question { axis: axis.as_deref(), baseline: baseline.as_deref(), level: *level };
        let comparison = compare(results, &question)?;
        Ok(match form {
            Form::Table => comparison.table(),
            Form::Json => comparison.json(),
            Form::Csv => comparison.csv(),
        })
    }

    /// As arguments again.
    fn arguments(&self) -> Vec<String> {
        let level = self.level.map(|level| level.to_string());
        let given = [("axis", &self.axis), ("baseline", &self.baseline), ("level", &level)];
        given.iter().filter_map(|(name, v)| Some(format!("--{name}={}", v.as_ref()?))).collect()
    }
}

pub(super) fn main(arguments: &Arguments) -> Result<Ending> {
    let mut task = vec!["compare".to_owned(), arguments.shown.form().name().to_owned()];
    task.extend(arguments.asked.arguments());
    output::print(&apart::ask(&task, &file(&arguments.results, "compare")?)?)?;
    Ok(Ending::Done)
}
