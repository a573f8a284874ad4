//! The two streams.

use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use miette::{MietteHandlerOpts, Report};
use serde::Serialize;
use textwrap::{WordSeparator, WordSplitter};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::screen::{Above, has_colors};
use crate::store::io::Disk;
use crate::store::publish::{is_for, publish_replacing};
use crate::{Error, Result};

/// Writes results to stdout. A reader that has gone away (`| head`) is not an error.
pub(super) fn print(text: &str) -> Result<()> {
    print_to_reader(text).map(|_| ())
}

/// Writes results to stdout; whether someone still reads them.
pub(super) fn print_to_reader(text: &str) -> Result<bool> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(e) => Err(Error::storage("write to", Path::new("standard output"))(e)),
    }
}

/// Writes one JSON object to stdout.
pub(super) fn print_json(value: &impl Serialize) -> Result<()> {
    print(&json_text(value))
}

/// One JSON object, as it is printed.
pub(super) fn json_text(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).expect("plain data") + "\n"
}

/// Puts bytes under a name, whole or not at all; what was there before is replaced.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    put(path, |dir, name| publish_replacing(&Disk, dir, name, bytes).map(|_| ()))
}

/// Publishes a file under the name that was asked for, by its directory and its name in there. If that fails,
/// it is said of this name, not of a temporary one, and what to do.
pub(super) fn put(path: &Path, publish: impl FnOnce(&Path, &str) -> Result<()>) -> Result<()> {
    let (dir, name) = place(path)?;
    publish(dir, name).map_err(|error| match error {
        Error::Storage { action, path: at, source, help }
            if at == dir || is_for(&at, dir, name) =>
        {
            let other = || "choose another file: its directory has to be there".to_owned();
            let help = Some(help.unwrap_or_else(other));
            Error::Storage { action, path: path.to_owned(), source, help }
        }
        other => other,
    })
}

/// The directory of a file and its name in there.
fn place(path: &Path) -> Result<(&Path, &str)> {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .ok_or_else(|| Error::usage(format!("`{}` does not name a file", path.display()), None))?;
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((dir, name))
}

/// How much is said on stderr.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Verbosity {
    /// Say nothing but warnings, errors and what is left to do: no progress, and no table after a run
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Say what is done, on stderr; twice (-vv): in detail
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    verbose: u8,
}

/// Whether nothing but warnings and errors is to be said.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Whether nothing but warnings and errors is to be said.
pub(super) fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Says something on stderr, if not told to be quiet.
pub(super) fn say(text: &str) {
    if !is_quiet() {
        insist(text);
    }
}

/// Says something on stderr in any case; nobody listening is not an error.
pub(super) fn insist(text: &str) {
    let _ = Above.write_all(format!("{text}\n").as_bytes());
}

/// Reads a number strictly between 0 and 1.
pub(super) fn probability(text: &str) -> std::result::Result<f64, String> {
    let inside = |p: &f64| *p > 0.0 && *p < 1.0;
    let p = text.parse().ok().filter(inside);
    p.ok_or_else(|| "expected a number strictly between 0 and 1, for instance 0.95".to_owned())
}

/// Breaks the lines of errors between words only: commands, paths and options in them stay as they are typed.
fn keep_words_whole() {
    let options = MietteHandlerOpts::new()
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .break_words(false);
    // Only the first call counts, and all say the same.
    let _ = miette::set_hook(Box::new(move |_| Box::new(options.clone().build())));
}

/// Shows an error: message, place in the configuration, and what to do; of a configuration every mistake.
pub(super) fn error(mut error: Error) {
    let others = match &mut error {
        Error::Config(first) => std::mem::take(&mut first.others),
        _ => Vec::new(),
    };
    let others = others.into_iter().map(Report::new);
    let reports = std::iter::once(Report::new(error)).chain(others);
    let texts: Vec<String> =
        reports.map(|report| format!("{report:?}").trim_end().to_owned()).collect();
    insist(&texts.join("\n\n"));
}

/// Warnings of the library go to stderr, and more or less as is asked for; `DEEPLIN_LOG` (as `RUST_LOG`
/// elsewhere) goes before.
pub(super) fn set_up(verbosity: Verbosity) {
    let Verbosity { quiet, verbose } = verbosity;
    QUIET.store(quiet, Ordering::Relaxed);
    keep_words_whole();
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    let filter = EnvFilter::builder()
        .with_env_var("DEEPLIN_LOG")
        .with_default_directive(level.into())
        .from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Above)
        .with_ansi(has_colors(&io::stderr()))
        .with_target(false)
        .without_time()
        .init();
}
