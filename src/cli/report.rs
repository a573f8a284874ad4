//! `deeplin report`.

use std::path::{Path, PathBuf};

use super::{Ending, apart, output};
use crate::report::page;
use crate::store::io::{Disk, FileSystem, OpenFile};
use crate::store::{Manifest, ResultsFile, results};
use crate::{Error, Result, report};

/// Show the table of a results file, or write a page with its figures
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  deeplin report runs/quickstart/results.h5
  deeplin report runs/quickstart --csv > table.csv
  deeplin report runs/quickstart --html quickstart.html")]
pub(super) struct Arguments {
    /// results.h5, or the directory that holds it
    results: PathBuf,
    #[command(flatten)]
    shown: Shown,
    /// Write one page of HTML that needs nothing else: figures, the table of cells, the configuration; `-`
    /// writes it to stdout
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "csv"])]
    html: Option<PathBuf>,
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
    let results = file(&arguments.results, "report")?;
    match &arguments.html {
        Some(html) => write_page(&results, html)?,
        None => print(&results, arguments.shown.form())?,
    }
    Ok(Ending::Done)
}

/// Writes the page of results: the file appears whole or not at all.
fn write_page(results: &Path, html: &Path) -> Result<()> {
    let page = || apart::ask(&["page".to_owned()], results);
    if html == Path::new("-") {
        return output::print(&page()?);
    }
    refuse_other(html)?;
    let page = page()?;
    output::write(html, page.as_bytes())?;
    output::say(&format!("{} ({} kB)", html.display(), page.len().div_ceil(1000)));
    Ok(())
}

/// Refuses to write a page over a file that is none: results, say, or a study.
fn refuse_other(html: &Path) -> Result<()> {
    let mut beginning = [0; page::BEGINNING.len()];
    let is_other = |mut file: Box<dyn OpenFile>| {
        let is_page = file.read_at(0, &mut beginning).is_ok()
            && beginning.eq_ignore_ascii_case(page::BEGINNING.as_bytes());
        file.size().is_ok_and(|size| size > 0) && !is_page
    };
    // What is not there, or is no regular file, is left to the one who writes.
    if !Disk.open(html).is_ok_and(is_other) {
        return Ok(());
    }
    Err(Error::usage(
        format!("{} is there already and is no page", html.display()),
        Some("choose another name, or remove the file first".to_owned()),
    ))
}

/// The file of results that a path is or holds, for this command.
pub(super) fn file(path: &Path, command: &str) -> Result<PathBuf> {
    let all = if path.is_dir() { path.join(results::FILE) } else { path.to_owned() };
    if all.exists() || !all.ends_with(results::FILE) {
        return Ok(all);
    }
    let dir = all.parent().filter(|dir| !dir.as_os_str().is_empty());
    Err(unfinished(dir.unwrap_or(Path::new(".")), command))
}

/// Why a directory has no `results.h5`: its study is not finished, or it is none of this program's.
fn unfinished(dir: &Path, command: &str) -> Error {
    let some = dir.join(results::PARTIAL_FILE);
    let shown = format!("`deeplin {command} {}`", some.display());
    let so_far = if some.exists() {
        format!("{shown} shows what was there when it was written")
    } else if let Err(error) = Manifest::read(&Disk, dir) {
        return error;
    } else {
        format!(
            "for what is there so far: `deeplin merge {} --partial`, then {shown}",
            dir.display()
        )
    };
    let help = format!(
        "the same `deeplin run` as before continues it (`deeplin merge {}` once all its parts are done); {so_far}",
        dir.display()
    );
    let message = format!("the study is not finished: there is no {} yet", results::FILE);
    Error::content(dir, message, Some(help))
}

/// Shows the table of a file.
pub(super) fn print(path: &Path, form: Form) -> Result<()> {
    output::print(&apart::ask(&["report", form.name()].map(str::to_owned), path)?)
}
