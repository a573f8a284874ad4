//! `deeplin report`.

use std::path::{Path, PathBuf};

use super::{Ending, output};
use crate::store::reader::ResultsFile;
use crate::{Result, report};

/// Show the table of a results file
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  deeplin report runs/quickstart/results.h5
  deeplin report runs/quickstart --csv > table.csv")]
pub(super) struct Arguments {
    /// results.h5, or the directory that holds it
    results: PathBuf,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// As CSV, one line a cell
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

pub(super) fn main(arguments: &Arguments) -> Result<Ending> {
    let results = open(&arguments.results)?;
    let text = if arguments.json {
        report::json(&results)
    } else if arguments.csv {
        report::csv(&results)
    } else {
        report::table(&results)
    };
    output::print(&text)?;
    Ok(Ending::Done)
}

/// Shows the table of a file.
pub(super) fn print_table(path: &Path) -> Result<()> {
    output::print(&report::table(&open(path)?))
}

fn open(path: &Path) -> Result<ResultsFile> {
    if path.is_dir() {
        ResultsFile::open(&path.join("results.h5"))
    } else {
        ResultsFile::open(path)
    }
}
