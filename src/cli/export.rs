//! `deeplin export`.

use std::path::PathBuf;

use super::report::file;
use super::{Ending, apart, output};
use crate::report::columns::{Format, Heading, Unit};
use crate::report::format::counted;
use crate::store::io::Disk;
use crate::store::publish;
use crate::{Error, Result};

/// Write the trials of results as one table: Parquet, CSV or netCDF
#[derive(Debug, clap::Args)]
#[command(after_help = "\
One row a trial that was run: the number of its cell, a column for every swept key (init_std), its own \
number, and all that results.h5 has of it: outcome, steps, measures, conditions of theorem 1, \
certificate, and a column for every loss of the ladder (hit_steps_1e-3). What there is none of is null \
in Parquet and empty in CSV. The ending of FILE says the format: .parquet, .csv, .csv.gz or .nc.

Examples:
  deeplin export runs/quickstart -o rows.parquet
  deeplin export runs/quickstart -o rows.csv.gz
  deeplin export runs/quickstart --cells -o cells.csv")]
pub(super) struct Arguments {
    /// results.h5, or the directory that holds it
    results: PathBuf,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// One row a cell: its counts, probabilities, bounds and quantiles
    #[arg(long)]
    cells: bool,
    /// Replace FILE if it is there
    #[arg(long)]
    force: bool,
}

/// What a row is about, as another process of the program takes it.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Rows {
    /// A trial.
    Trials,
    /// A cell.
    Cells,
}

impl From<Rows> for Unit {
    fn from(rows: Rows) -> Self {
        match rows {
            Rows::Trials => Self::Trial,
            Rows::Cells => Self::Cell,
        }
    }
}

pub(super) fn main(arguments: &Arguments) -> Result<Ending> {
    let Arguments { output, cells, force, .. } = arguments;
    let format = Format::of(output)?;
    if !force && output.exists() {
        return Err(Error::usage(
            format!("{} is there already", output.display()),
            Some("choose another name with -o, or replace it with --force".to_owned()),
        ));
    }
    let results = file(&arguments.results, "export")?;
    let unit = if *cells { "cells" } else { "trials" };
    let mut answer = apart::Answer::to(&["export", unit].map(str::to_owned), &results)?;
    let unreadable = || Error::content(&results, "its table cannot be read", None);
    let heading = answer.next()?.and_then(|bytes| Heading::from_bytes(&bytes));
    let heading = heading.ok_or_else(unreadable)?;
    let mut next = || match answer.next()? {
        None => Ok(None),
        Some(bytes) => heading.piece(&bytes).map(Some).ok_or_else(unreadable),
    };
    output::put(output, |dir, name| {
        // Those that an export left that was stopped.
        publish::sweep(&Disk, dir)?;
        publish::publish_for_others(&Disk, dir, name, *force, |path, file| {
            format.write(path, file, &heading, &mut next)
        })
    })?;
    output::print(&format!(
        "{}: {} of {}\n",
        output.display(),
        counted(heading.rows, "row"),
        counted(heading.columns.len() as u64, "column")
    ))?;
    Ok(Ending::Done)
}
