//! From TOML to a validated [`Study`]: the only parser of the program.
//!
//! Layers: the documented default (`configs/default.toml`, embedded), under the study file, under
//! each `--set key=value` in order. Like a compiler: text to leaves with places (`document`),
//! leaves checked against one table of keys (`schema`) and merged (`settings`), axes expanded
//! (`sweep`), cells checked and built (`resolve`). Nothing is checked again afterwards.
//!
//! Paths in a study file are relative to its directory; in a `--set`, to the current directory.

mod data;
mod descent;
mod document;
mod floor;
mod holds;
mod init;
mod ladder;
mod machine;
mod points;
mod preflight;
mod refine;
mod refuse;
mod resolve;
mod schema;
mod settings;
mod sweep;
mod target;
mod text;
mod trials;
mod value;
mod view;

#[cfg(test)]
mod tests;

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::foreign::file;
use crate::study::Study;

use data::{READERS, Readers};
use refuse::Source;

pub use floor::attainable_floor;
pub use preflight::{Estimate, bytes_text, preflight, row_bytes};

/// The documented default: every key with its meaning, its range and its value.
pub const DEFAULT: &str = include_str!("../../configs/default.toml");

/// Reads the study file at `path`, with the `--set` overrides `sets` on top.
///
/// # Errors
/// [`Error::Usage`] if the file cannot be read; [`Error::Config`] with the place of the mistake if
/// it is no valid study; [`Error::Data`] if a file it names cannot be used.
pub fn load(path: &Path, sets: &[String]) -> Result<Study> {
    let unreadable = |error: std::io::Error| {
        Error::usage(
            format!("cannot read the study {}: {error}", path.display()),
            Some(
                "give the path of a TOML file; `deeplin config > study.toml` makes one".to_owned(),
            ),
        )
    };
    let name = path.display().to_string();
    let bytes = file::read(path, document::LONGEST as u64).map_err(|error| match error.kind() {
        ErrorKind::InvalidData => document::too_long(&name).into(),
        _ => unreadable(error),
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + valid.iter().filter(|&&byte| byte == b'\n').count();
        refuse::refuse(format!("{name} is not UTF-8 text, at line {line}"))
    })?;
    parse(&name, &text, sets, path.parent().unwrap_or(Path::new("")))
}

/// Reads a study from `text`, called `name` in messages, with relative paths starting from `base`.
///
/// # Errors
/// As [`load`].
pub fn parse(name: &str, text: &str, sets: &[String], base: &Path) -> Result<Study> {
    parse_with(READERS, name, text, sets, base)
}

fn parse_with(
    readers: Readers,
    name: &str,
    text: &str,
    sets: &[String],
    base: &Path,
) -> Result<Study> {
    let source = |name: &str, text: &str, given| {
        Arc::new(Source { name: name.into(), text: text.into(), base: base.into(), given })
    };
    let default = source("configs/default.toml", DEFAULT, false);
    let settings = settings::merge(&default, &source(name, text, true), sets)?;
    resolve::resolve(&settings, readers)
}
