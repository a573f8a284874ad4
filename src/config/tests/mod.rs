//! Whole configurations.

mod files;
mod meaning;
mod refusals;
mod resolved;

use std::path::Path;

use crate::error::Result;
use crate::study::Study;

use super::parse;

/// The study of `text` with `sets` on top.
fn study(text: &str, sets: &[&str]) -> Result<Study> {
    let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
    parse("study.toml", text, &sets, Path::new(""))
}
