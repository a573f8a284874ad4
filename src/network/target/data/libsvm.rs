//! The sparse text format of LIBSVM: `label index:value index:value ...`, indices from 1 and
//! ascending, anything after `#` a comment.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use ndarray::Array2;

use super::columns::Columns;
use super::text::{self, Text};
use super::{MAX_DIMENSION, Rows};
use crate::error::{Error, Result};

/// Opens a LIBSVM file. The largest index of the whole file is the number of features, so the file
/// is read once for it and a second time for the rows.
pub(super) fn open(path: &Path) -> Result<(Columns, Box<dyn Rows>)> {
    let mut lines = Lines::open(path)?;
    let mut features = 0;
    while lines.next(|index, _| features = features.max(index))? {}
    if features == 0 {
        return Err(Error::data(path, "no line has a feature", None));
    }
    Ok((Columns::Labelled(features), Box::new(Lines::open(path)?)))
}

struct Lines {
    path: PathBuf,
    reader: Text,
    line: String,
    number: u64,
}

impl Rows for Lines {
    fn fill(&mut self, chunk: &mut Array2<f64>) -> Result<usize> {
        for (count, mut row) in chunk.rows_mut().into_iter().enumerate() {
            row.fill(0.0);
            if !self.next(|index, value| row[index] = value)? {
                return Ok(count);
            }
        }
        Ok(chunk.nrows())
    }
}

impl Lines {
    fn open(path: &Path) -> Result<Self> {
        let reader = text::open(path)?;
        Ok(Self { path: path.to_owned(), reader, line: String::new(), number: 0 })
    }

    /// Reads the next line that is not blank and calls `entry` with its label, as index 0, and its
    /// features. Says whether there was one.
    fn next(&mut self, mut entry: impl FnMut(usize, f64)) -> Result<bool> {
        loop {
            self.line.clear();
            self.number += 1;
            self.reader.begin_row();
            let read = self.reader.read_line(&mut self.line);
            if read.map_err(|e| text::unreadable(&self.path, e))? == 0 {
                return Ok(false);
            }
            let content = self.line.split('#').next().unwrap_or_default();
            let mut fields = content.split_ascii_whitespace();
            let Some(label) = fields.next() else { continue };
            return parse(label, fields, &mut entry).map(|()| true).map_err(|message| {
                Error::data(&self.path, format!("line {}: {message}", self.number), None)
            });
        }
    }
}

/// Reads one line; an error is the words that follow its number.
fn parse<'a>(
    label: &str,
    fields: impl Iterator<Item = &'a str>,
    entry: &mut impl FnMut(usize, f64),
) -> std::result::Result<(), String> {
    if label.contains(',') {
        return Err(format!("`{label}`: several labels a line are not supported, only one number"));
    }
    let value = text::number(label).ok_or(format!("label `{label}` is not a finite number"))?;
    entry(0, value);
    let mut previous = 0;
    for field in fields {
        let (index, value) = field
            .split_once(':')
            .and_then(|(index, value)| Some((index.parse::<usize>().ok()?, text::number(value)?)))
            .ok_or(format!("`{field}` is not index:value with a whole and a finite number"))?;
        if index <= previous {
            return Err(format!("index {index} after {previous}: they count up from 1"));
        }
        if index > MAX_DIMENSION {
            return Err(format!("index {index} is more than {MAX_DIMENSION} features"));
        }
        entry(index, value);
        previous = index;
    }
    Ok(())
}
