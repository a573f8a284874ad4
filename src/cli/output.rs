//! The two streams.

use std::io::{self, ErrorKind, Write};
use std::path::Path;

use serde::Serialize;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::{Error, Result};

/// Writes results to stdout. A reader that has gone away (`| head`) is not an error.
pub(super) fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => {
            Err(Error::storage("write to", Path::new("standard output"))(e))
        }
        _ => Ok(()),
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

/// Says something on stderr; nobody listening is not an error.
pub(super) fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Reads a number strictly between 0 and 1.
pub(super) fn probability(text: &str) -> std::result::Result<f64, String> {
    let inside = |p: &f64| *p > 0.0 && *p < 1.0;
    let p = text.parse().ok().filter(inside);
    p.ok_or_else(|| "expected a number strictly between 0 and 1, for instance 0.95".to_owned())
}

/// Shows an error: message, place in the configuration, and what to do.
pub(super) fn error(error: Error) {
    say(format!("{:?}", miette::Report::new(error)).trim_end());
}

/// Warnings of the library go to stderr; `DEEPLIN_LOG` (as `RUST_LOG` elsewhere) asks for more.
pub(super) fn set_up_log() {
    let filter = EnvFilter::builder()
        .with_env_var("DEEPLIN_LOG")
        .with_default_directive(LevelFilter::WARN.into())
        .from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false)
        .without_time()
        .init();
}
