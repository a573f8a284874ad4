//! `deeplin report`.

use std::path::{Path, PathBuf};

use super::{Ending, apart, output};
use crate::store::ResultsFile;
use crate::store::results;
use crate::{Error, Result, report};

/// Show the table of a results file
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  deeplin report runs/quickstart/results.h5
  deeplin report runs/quickstart --csv > table.csv")]
pub(super) struct Arguments {
    /// results.h5, or the directory that holds it
    results: PathBuf,
    #[command(flatten)]
    shown: Shown,
}

/// How a table is asked for.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Shown {
    /// As JSON
    #[arg(long)]
    json: bool,
    /// As CSV
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

impl Shown {
    /// The form.
    pub(super) fn form(self) -> Form {
        match (self.json, self.csv) {
            (true, _) => Form::Json,
            (_, true) => Form::Csv,
            _ => Form::Table,
        }
    }
}

/// In which form a table is shown.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Form {
    /// For people.
    Table,
    /// JSON.
    Json,
    /// CSV.
    Csv,
}

impl Form {
    /// The name on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }

    /// The table of these results.
    pub(super) fn text(self, results: &ResultsFile) -> Result<String> {
        match self {
            Self::Table => Ok(report::table(results)),
            Self::Json => report::json(results),
            Self::Csv => Ok(report::csv(results)),
        }
    }
}

pub(super) fn main(arguments: &Arguments) -> Result<Ending> {
    print(&file(&arguments.results, "report")?, arguments.shown.form())?;
    Ok(Ending::Done)
}

/// The file of results that a path is or holds, for this command.
pub(super) fn file(path: &Path, command: &str) -> Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let (all, some) = (path.join(results::FILE), path.join(results::PARTIAL_FILE));
    if !all.exists() && some.exists() {
        return Err(Error::usage(
            format!("{} holds no {} yet", path.display(), results::FILE),
            Some(format!(
                "`deeplin {command} {}` shows what was there when it was written",
                some.display()
            )),
        ));
    }
    Ok(all)
}

/// Shows the table of a file.
pub(super) fn print(path: &Path, form: Form) -> Result<()> {
    output::print(&apart::ask(&["report", form.name()].map(str::to_owned), path)?)
}
