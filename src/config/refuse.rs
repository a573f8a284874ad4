//! Refusals: errors that point into the text they are about.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use miette::NamedSource;

use crate::error::ConfigError;

/// A refusal; boxed, because it carries the text it points into.
pub(super) type Refusal = Box<ConfigError>;

/// At most this many mistakes are reported at once.
const MOST_REPORTED: usize = 10;

/// A text of configuration.
#[derive(Debug)]
pub(super) struct Source {
    /// What messages call it: a path, or `--set`.
    pub(super) name: String,
    /// The text itself.
    pub(super) text: String,
    /// Directory that relative paths in it start from.
    pub(super) base: PathBuf,
    /// Whether a person wrote it, and not the program's defaults.
    pub(super) given: bool,
}

/// Where something was written.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) source: Arc<Source>,
    pub(super) span: Range<usize>,
}

impl Place {
    /// A refusal with a caret here. What the program's defaults say is not shown: nobody wrote it.
    pub(super) fn refuse(&self, message: impl Into<String>, label: impl Into<String>) -> Refusal {
        let source = &self.source;
        let shown = source.given;
        Box::new(ConfigError {
            message: message.into(),
            source_code: shown.then(|| NamedSource::new(&source.name, source.text.clone())),
            span: shown.then(|| self.span.clone().into()),
            label: label.into(),
            help: None,
            others: Vec::new(),
        })
    }
}

impl Source {
    /// What messages call the text of a `--set`.
    pub(super) const SET: &str = "--set";

    /// How to sweep a key over what is written at a place of this text.
    pub(super) fn how_to_sweep(&self, key: &str, span: Range<usize>) -> String {
        let values = self.text.get(span).unwrap_or_default().trim();
        if self.name == Self::SET {
            format!("to sweep it: --set 'sweep.{key}={values}'")
        } else {
            format!("to sweep it, write it below `[sweep]`: \"{key}\" = {values}")
        }
    }
}

/// A refusal that concerns no single place.
pub(super) fn refuse(message: impl Into<String>) -> Refusal {
    Box::new(ConfigError {
        message: message.into(),
        source_code: None,
        span: None,
        label: String::new(),
        help: None,
        others: Vec::new(),
    })
}

/// `1 width`, `3 widths`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Adds advice to a refusal.
pub(super) trait Advise {
    /// The same refusal with what to do.
    fn advise(self, help: impl Into<String>) -> Self;
}

impl Advise for Refusal {
    fn advise(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Collects mistakes that do not depend on one another, to report them together.
#[derive(Debug, Default)]
pub(super) struct Refusals(Vec<Refusal>);

impl Refusals {
    pub(super) fn push(&mut self, refusal: Refusal) {
        if self.0.len() < MOST_REPORTED {
            self.0.push(refusal);
        }
    }

    /// The value of `result`, or `None` once its refusal is noted.
    pub(super) fn note<T>(&mut self, result: Result<T, Refusal>) -> Option<T> {
        result.map_err(|refusal| self.push(refusal)).ok()
    }

    /// The first mistake with the others attached, if there was one.
    pub(super) fn finish(self) -> Result<(), Refusal> {
        let mut all = self.0.into_iter();
        match all.next() {
            None => Ok(()),
            Some(mut first) => {
                first.others = all.map(|refusal| *refusal).collect();
                Err(first)
            }
        }
    }
}
