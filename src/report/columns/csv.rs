//! A table as comma-separated values.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use ::csv::{ErrorKind, Writer};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::stream::Stream;
use super::{Column, Heading, Kind, Piece, Values};
use crate::store::io::NewFile;
use crate::{Error, Result};

/// As [`Format::write`](super::Format::write).
pub(super) fn write(
    path: &Path,
    file: Box<dyn NewFile>,
    heading: &Heading,
    next: &mut dyn FnMut() -> Result<Option<Piece>>,
) -> Result<Box<dyn NewFile>> {
    let written = fill(path, BufWriter::new(Stream::new(file)), heading, next)?;
    into_file(written).map_err(Error::storage("write", path))
}

/// As [`write()`], compressed.
pub(super) fn write_compressed(
    path: &Path,
    file: Box<dyn NewFile>,
    heading: &Heading,
    next: &mut dyn FnMut() -> Result<Option<Piece>>,
) -> Result<Box<dyn NewFile>> {
    // Without a time, so that equal tables are equal bytes; digits hardly get shorter by more effort.
    let encoder = GzEncoder::new(BufWriter::new(Stream::new(file)), Compression::fast());
    let written = fill(path, encoder, heading, next)?;
    written.finish().and_then(into_file).map_err(Error::storage("write", path))
}

fn into_file(written: BufWriter<Stream>) -> io::Result<Box<dyn NewFile>> {
    Ok(written.into_inner().map_err(|e| e.into_error())?.into_file())
}

/// Writes the header and all rows, and gives the writer back.
fn fill<W: Write>(
    path: &Path,
    writer: W,
    heading: &Heading,
    next: &mut dyn FnMut() -> Result<Option<Piece>>,
) -> Result<W> {
    let failed = |e| Error::storage("write", path)(cause(e));
    let mut writer = Writer::from_writer(writer);
    writer.write_record(heading.columns.iter().map(|column| &column.name)).map_err(failed)?;
    while let Some(piece) = next()? {
        write_piece(&mut writer, &heading.columns, &piece).map_err(failed)?;
    }
    writer.into_inner().map_err(|e| Error::storage("write", path)(e.into_error()))
}

/// What failed below.
fn cause(error: ::csv::Error) -> io::Error {
    match error.into_kind() {
        ErrorKind::Io(cause) => cause,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn write_piece<W: Write>(
    writer: &mut Writer<W>,
    columns: &[Column],
    piece: &Piece,
) -> ::csv::Result<()> {
    let mut field = String::new();
    for row in 0..piece.rows() {
        for (column, values) in columns.iter().zip(&piece.0) {
            field.clear();
            append(&mut field, &column.kind, values, row);
            writer.write_field(&field)?;
        }
        writer.write_record(None::<&[u8]>)?;
    }
    Ok(())
}

/// Appends the text of a value: numbers with as many digits as they need to come back.
fn append(field: &mut String, kind: &Kind, values: &Values, row: usize) {
    // Writing to a string cannot fail.
    let _ = match (kind, values) {
        (_, Values::Numbers(numbers)) if numbers[row].is_nan() => Ok(()),
        (_, Values::Numbers(numbers)) => write!(field, "{:?}", numbers[row]),
        (Kind::Step, Values::Wholes(steps)) if steps[row] < 0 => Ok(()),
        (Kind::Word(words), Values::Wholes(codes)) => field.write_str(&words[codes[row] as usize]),
        (_, Values::Wholes(wholes)) => write!(field, "{}", wholes[row]),
    };
}
