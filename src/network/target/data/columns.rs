//! Names of columns, and which of them are labels.

use std::path::Path;

use crate::error::{Error, Result};

/// How many columns a message lists.
const LISTED: usize = 8;

/// The columns of a table and how people refer to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Columns {
    /// By the names of a header row.
    Named(Vec<String>),
    /// By numbers from 0, or from the end by -1, -2, ...
    Numbered(usize),
    /// The label and then this many features, numbered from 1: LIBSVM.
    Labelled(usize),
}

impl Columns {
    /// Number of columns.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Named(names) => names.len(),
            Self::Numbered(count) => *count,
            Self::Labelled(features) => features + 1,
        }
    }

    /// The name of column `i`.
    pub(super) fn name(&self, i: usize) -> String {
        match self {
            Self::Named(names) => names[i].clone(),
            Self::Labelled(_) if i == 0 => "label".to_owned(),
            Self::Numbered(_) | Self::Labelled(_) => i.to_string(),
        }
    }

    /// Positions of the columns called `labels`, in that order.
    ///
    /// # Errors
    /// If none is asked for, one is unknown, ambiguous or given twice, or no feature would be left.
    pub(super) fn labels(&self, path: &Path, labels: &[String]) -> Result<Vec<usize>> {
        if let Self::Labelled(_) = self {
            return self.libsvm_label(path, labels);
        }
        if labels.is_empty() {
            let help = format!("name them in target.labels; the columns are {}", self.list());
            return Err(Error::data(path, "which columns are the labels is not said", Some(help)));
        }
        let mut positions = Vec::with_capacity(labels.len());
        for label in labels {
            let position = self.position(path, label)?;
            if positions.contains(&position) {
                return Err(Error::data(path, format!("label `{label}` is given twice"), None));
            }
            positions.push(position);
        }
        if positions.len() == self.len() {
            return Err(Error::data(path, "every column is a label, no feature is left", None));
        }
        Ok(positions)
    }

    /// The label of a LIBSVM file is its first entry; `target.labels` can only confirm it.
    fn libsvm_label(&self, path: &Path, labels: &[String]) -> Result<Vec<usize>> {
        match labels {
            [] => Ok(vec![0]),
            [only] if only == "label" => Ok(vec![0]),
            _ => Err(Error::data(
                path,
                "a LIBSVM file has one label, the first entry of each line",
                Some("leave target.labels out, or set it to [\"label\"]".to_owned()),
            )),
        }
    }

    fn position(&self, path: &Path, label: &str) -> Result<usize> {
        let count = self.len();
        match self {
            Self::Named(names) => {
                let mut found = (0..count).filter(|&i| names[i] == label);
                match (found.next(), found.next()) {
                    (Some(i), None) => Ok(i),
                    (Some(_), Some(_)) => {
                        let message = format!("several columns are called `{label}`");
                        Err(Error::data(path, message, None))
                    }
                    (None, _) => Err(self.unknown(path, label)),
                }
            }
            Self::Numbered(_) | Self::Labelled(_) => label
                .parse::<i64>()
                .ok()
                .map(|i| if i < 0 { i + count as i64 } else { i })
                .and_then(|i| usize::try_from(i).ok())
                .filter(|&i| i < count)
                .ok_or_else(|| self.unknown(path, label)),
        }
    }

    fn unknown(&self, path: &Path, label: &str) -> Error {
        let message = format!("there is no column `{label}`");
        let help = match self {
            Self::Named(names) if names.iter().all(|name| name.parse::<f64>().is_ok()) => {
                "the first row of a CSV file names its columns; here it holds numbers".to_owned()
            }
            Self::Named(names) => match nearest(label, names) {
                Some(name) => format!("is `{name}` meant? The columns are {}", self.list()),
                None => format!("the columns are {}", self.list()),
            },
            Self::Numbered(count) | Self::Labelled(count) => format!(
                "labels are column numbers: \"0\" to \"{}\", or from the end \"-1\" to \"-{count}\"",
                count - 1
            ),
        };
        Error::data(path, message, Some(help))
    }

    /// The first few columns, as a message lists them.
    fn list(&self) -> String {
        let count = self.len();
        let first: Vec<String> =
            (0..count.min(LISTED)).map(|i| format!("`{}`", self.name(i))).collect();
        let rest = if count > LISTED { format!(", ... ({count} in all)") } else { String::new() };
        first.join(", ") + &rest
    }
}

/// The name that `word` may be a misspelling of.
fn nearest<'a>(word: &str, names: &'a [String]) -> Option<&'a String> {
    let likeness = |name: &str| {
        strsim::normalized_damerau_levenshtein(&word.to_lowercase(), &name.to_lowercase())
    };
    names
        .iter()
        .map(|name| (likeness(name), name))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness >= 0.5)
        .map(|(_, name)| name)
}
