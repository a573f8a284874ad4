//! What the program does for another process of itself: reads foreign HDF5, with limits.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use super::{Ending, compare, export, plot, report, times};
use crate::foreign::Refusal;
use crate::foreign::apart::{self, Apart, Reply};
use crate::network::target::data::hdf5;
use crate::report::columns;
use crate::report::counts::Counts;
use crate::report::page;
use crate::store::reader::ResultsFile;
use crate::{Error, Result};

/// Read a file of HDF5 for another process of the program
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, clap::Subcommand)]
enum Task {
    /// The numbers of a dataset
    Table {
        #[arg(long)]
        dataset: Option<String>,
        path: PathBuf,
    },
    /// What is said of results
    Report { form: report::Form, path: PathBuf },
    /// The page of results
    Page { path: PathBuf },
    /// What is compared of results
    Compare {
        form: report::Form,
        #[command(flatten)]
        asked: compare::Asked,
        path: PathBuf,
    },
    /// What the cells of results count
    Counts { path: PathBuf },
    /// What can be asked of results
    Choices { path: PathBuf },
    /// How long their trials take
    Times {
        form: report::Form,
        #[command(flatten)]
        asked: times::Asked,
        path: PathBuf,
    },
    /// A figure of results
    Plot {
        #[command(flatten)]
        asked: plot::Asked,
        path: PathBuf,
    },
    /// The digest of the study that results are of
    Digest { path: PathBuf },
    /// Their trials or cells as one table
    Export { unit: export::Rows, path: PathBuf },
}

impl Task {
    /// The file that it is about.
    fn path(&self) -> &Path {
        match self {
            Self::Table { path, .. }
            | Self::Report { path, .. }
            | Self::Page { path }
            | Self::Compare { path, .. }
            | Self::Counts { path }
            | Self::Choices { path }
            | Self::Times { path, .. }
            | Self::Plot { path, .. }
            | Self::Digest { path }
            | Self::Export { path, .. } => path,
        }
    }
}

pub(super) fn main(arguments: &Arguments) -> Result<Ending> {
    limit(arguments.task.path());
    let mut stdout = io::stdout().lock();
    let mut reply = Reply(&mut stdout);
    let done = match carry_out(&arguments.task, &mut reply) {
        Ok(()) => reply.end(),
        Err(error) => reply.refused(&refusal(error)),
    };
    done.map_err(Error::storage("hand on", arguments.task.path()))?;
    Ok(Ending::Done)
}

fn carry_out(task: &Task, reply: &mut Reply<'_>) -> Result<()> {
    let text = match task {
        Task::Table { path, dataset } => return hdf5::send(path, dataset.as_deref(), reply),
        Task::Report { path, form } => form.text(&ResultsFile::open(path)?)?,
        Task::Page { path } => page(&ResultsFile::open(path)?)?,
        Task::Compare { path, form, asked } => asked.text(&ResultsFile::open(path)?, *form)?,
        Task::Counts { path } => Counts::of(&ResultsFile::open(path)?).to_json(),
        Task::Choices { path } => times::Choices::text(ResultsFile::open(path)?),
        Task::Times { path, form, asked } => asked.text(*form, &ResultsFile::open(path)?)?,
        Task::Plot { path, asked } => asked.text(&ResultsFile::open(path)?)?,
        Task::Digest { path } => ResultsFile::open(path)?.digest.hex(),
        Task::Export { path, unit } => {
            let mut take =
                |piece: &[u8]| reply.content(piece).map_err(Error::storage("hand on", path));
            return columns::hand_on(&ResultsFile::open(path)?, (*unit).into(), &mut take);
        }
    };
    /// Bytes of a piece.
    const PIECE: usize = 1 << 20;
    let mut pieces = text.as_bytes().chunks(PIECE);
    pieces
        .try_for_each(|piece| reply.content(piece))
        .map_err(Error::storage("hand on", task.path()))
}

/// An error without its file, which the one who asked knows.
fn refusal(error: Error) -> Refusal {
    match error {
        Error::Data { message, help, .. } | Error::Content { message, help, .. } => {
            Refusal { message, help, is_of_request: false }
        }
        Error::Usage { message, help } => Refusal { message, help, is_of_request: true },
        Error::Storage { action, source, help, .. } => {
            let message = format!("cannot {action} it: {source}");
            Refusal { message, help, is_of_request: false }
        }
        other => Refusal::plain(other.to_string()),
    }
}

/// What another process of the program says of results, piece by piece.
pub(super) struct Answer<'a> {
    apart: Apart,
    path: &'a Path,
}

impl<'a> Answer<'a> {
    /// Asks for `task` of [`Task`].
    pub(super) fn to(task: &[String], path: &'a Path) -> Result<Self> {
        let arguments: Vec<&OsStr> = task.iter().map(OsStr::new).collect();
        let apart = Apart::start(&arguments, path).ok_or_else(|| {
            let message = "the program does not know where it is itself".to_owned();
            Error::Environment { message, help: None }
        })?;
        Ok(Self { apart: apart.map_err(|refusal| refused(refusal, path))?, path })
    }

    /// The next piece; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>> {
        self.apart.next().map_err(|refusal| refused(refusal, self.path))
    }
}

/// The error that a refusal is.
fn refused(refusal: Refusal, path: &Path) -> Error {
    match refusal.is_of_request {
        true => Error::usage(refusal.message, refusal.help),
        false => Error::content(path, refusal.message, refusal.help),
    }
}

/// What another process of the program says of results, for `task` of [`Task`].
pub(super) fn ask(task: &[String], path: &Path) -> Result<String> {
    let mut answer = Answer::to(task, path)?;
    let mut text = Vec::new();
    while let Some(piece) = answer.next()? {
        text.extend(piece);
    }
    String::from_utf8(text).map_err(|_| Error::content(path, "its report is not text", None))
}

/// Limits this process: what it reads may be made to harm. A limit that the system does not have is
/// none.
#[cfg(unix)]
fn limit(path: &Path) {
    use rustix::process::{Resource, Rlimit, setrlimit};
    /// Memory in bytes.
    const MEMORY: u64 = 8 << 30;
    let seconds = apart::seconds(path);
    for (resource, most, last) in [
        // The first end says what it was, and could be ignored; the last could not.
        (Resource::Cpu, seconds, seconds.saturating_add(1)),
        (Resource::As, MEMORY, MEMORY),
        // It writes no file, opens few, and leaves no image of its memory.
        (Resource::Fsize, 0, 0),
        (Resource::Nofile, 64, 64),
        (Resource::Core, 0, 0),
    ] {
        let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(last) });
    }
}

#[cfg(not(unix))]
fn limit(_: &Path) {}
