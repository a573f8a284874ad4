//! Comma-separated values (RFC 4180), compressed or not.

use std::path::{Path, PathBuf};

use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord, Trim};
use ndarray::Array2;

use super::columns::Columns;
use super::text::{self, Text};
use super::{Header, Rows};
use crate::error::{Error, Result};

/// Opens a CSV file; without a header the columns are numbered.
pub(super) fn open(path: &Path, header: Header) -> Result<(Columns, Box<dyn Rows>)> {
    let mut reader = ReaderBuilder::new()
        .has_headers(header == Header::Present)
        .trim(Trim::All)
        .from_reader(text::open(path)?);
    // Without a header this is the first row, which the reader will hand out again.
    let first = reader.headers().map_err(|e| refusal(path, e))?;
    let columns = match header {
        Header::Present => Columns::Named(first.iter().map(str::to_owned).collect()),
        Header::Absent => Columns::Numbered(first.len()),
    };
    let path = path.to_owned();
    let rows = Csv { path, reader, columns: columns.clone(), record: StringRecord::new() };
    Ok((columns, Box::new(rows)))
}

struct Csv {
    path: PathBuf,
    reader: Reader<Text>,
    columns: Columns,
    record: StringRecord,
}

impl Rows for Csv {
    fn fill(&mut self, chunk: &mut Array2<f64>) -> Result<usize> {
        for (count, mut row) in chunk.rows_mut().into_iter().enumerate() {
            self.reader.get_mut().begin_row();
            let more = self.reader.read_record(&mut self.record);
            if !more.map_err(|e| refusal(&self.path, e))? {
                return Ok(count);
            }
            for (i, (value, field)) in row.iter_mut().zip(&self.record).enumerate() {
                *value = text::number(field).ok_or_else(|| self.not_a_number(i, field))?;
            }
        }
        Ok(chunk.nrows())
    }
}

impl Csv {
    fn not_a_number(&self, column: usize, field: &str) -> Error {
        let line = self.record.position().map_or(0, csv::Position::line);
        let column = self.columns.name(column);
        let message = match field {
            "" => format!("line {line}, column `{column}` is empty"),
            _ => format!("line {line}, column `{column}`: `{field}` is not a finite number"),
        };
        let help = "drop such rows, or fill in a number, before the study".to_owned();
        Error::data(&self.path, message, Some(help))
    }
}

/// What the parser says, in our words.
fn refusal(path: &Path, error: csv::Error) -> Error {
    let line = error.position().map_or(0, csv::Position::line);
    match error.into_kind() {
        ErrorKind::Io(source) => text::unreadable(path, source),
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            let message = format!("line {line} has {len} fields, the first row {expected_len}");
            Error::data(path, message, Some("every row needs the same number of fields".to_owned()))
        }
        ErrorKind::Utf8 { .. } => Error::data(path, format!("line {line} is not UTF-8 text"), None),
        other => Error::data(path, format!("line {line} is not CSV: {other:?}"), None),
    }
}
