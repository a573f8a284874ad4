//! A table as Apache Parquet.

use std::io;
use std::path::Path;
use std::sync::Arc;

use ::parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use ::parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use ::parquet::errors::{ParquetError, Result as Written};
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use ::parquet::schema::types::{Type, TypePtr};

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
    let failed = |e| failure(path, e);
    let mut writer = create(file, heading).map_err(failed)?;
    while let Some(piece) = next()? {
        write_group(&mut writer, &heading.columns, &piece).map_err(failed)?;
    }
    Ok(writer.into_inner().map_err(failed)?.into_file())
}

fn create(file: Box<dyn NewFile>, heading: &Heading) -> Written<SerializedFileWriter<Stream>> {
    let fields = heading.columns.iter().map(field).collect::<Written<_>>()?;
    let schema = Type::group_type_builder("deeplin").with_fields(fields).build()?;
    let long_names = heading.columns.iter().map(|column| {
        let name = format!("long_name:{}", column.name);
        KeyValue::new(name, column.long_name.clone())
    });
    let pair = |(name, text): &(String, String)| KeyValue::new(name.clone(), text.clone());
    let metadata = heading.attributes.iter().map(pair).chain(long_names).collect();
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        // For words and steps, which are few; a dictionary of measures only adds to them.
        .set_dictionary_page_size_limit(1 << 16)
        .set_key_value_metadata(Some(metadata))
        .build();
    SerializedFileWriter::new(Stream::new(file), Arc::new(schema), Arc::new(properties))
}

/// A column as Parquet declares it: what there may be none of is optional.
fn field(column: &Column) -> Written<TypePtr> {
    let (physical, logical) = match column.kind {
        Kind::Integer | Kind::Step => (Physical::INT64, None),
        Kind::Number => (Physical::DOUBLE, None),
        Kind::Truth => (Physical::BOOLEAN, None),
        Kind::Word(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
    };
    let repetition = match column.kind {
        Kind::Step | Kind::Number => Repetition::OPTIONAL,
        Kind::Integer | Kind::Truth | Kind::Word(_) => Repetition::REQUIRED,
    };
    let field = Type::primitive_type_builder(&column.name, physical)
        .with_logical_type(logical)
        .with_repetition(repetition);
    Ok(Arc::new(field.build()?))
}

fn write_group(
    writer: &mut SerializedFileWriter<Stream>,
    columns: &[Column],
    piece: &Piece,
) -> Written<()> {
    let mut group = writer.next_row_group()?;
    for (column, values) in columns.iter().zip(&piece.0) {
        let mut writer = group.next_column()?.expect("a writer for each column");
        write_column(&mut writer, &column.kind, values)?;
        writer.close()?;
    }
    group.close().map(|_| ())
}

fn write_column(
    writer: &mut SerializedColumnWriter<'_>,
    kind: &Kind,
    values: &Values,
) -> Written<()> {
    match (kind, values) {
        (_, Values::Numbers(numbers)) => {
            let (there, levels) = those(numbers, |x| !x.is_nan());
            writer.typed::<DoubleType>().write_batch(&there, Some(&levels), None)?;
        }
        (Kind::Step, Values::Wholes(steps)) => {
            let (there, levels) = those(steps, |&step| step >= 0);
            writer.typed::<Int64Type>().write_batch(&there, Some(&levels), None)?;
        }
        (Kind::Truth, Values::Wholes(truths)) => {
            let truths: Vec<bool> = truths.iter().map(|&truth| truth != 0).collect();
            writer.typed::<BoolType>().write_batch(&truths, None, None)?;
        }
        (Kind::Word(words), Values::Wholes(codes)) => {
            let words: Vec<ByteArray> = words.iter().map(|word| word.as_str().into()).collect();
            let texts: Vec<ByteArray> = codes.iter().map(|&i| words[i as usize].clone()).collect();
            writer.typed::<ByteArrayType>().write_batch(&texts, None, None)?;
        }
        (Kind::Integer | Kind::Number, Values::Wholes(wholes)) => {
            writer.typed::<Int64Type>().write_batch(wholes, None, None)?;
        }
    }
    Ok(())
}

/// The values that are there, and for each whether it is one of them (1) or none (0).
fn those<T: Copy>(values: &[T], is_there: impl Fn(&T) -> bool) -> (Vec<T>, Vec<i16>) {
    let levels = values.iter().map(|value| i16::from(is_there(value))).collect();
    (values.iter().copied().filter(|value| is_there(value)).collect(), levels)
}

/// What failed below is the cause.
fn failure(path: &Path, error: ParquetError) -> Error {
    let cause = match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) => *cause,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    };
    Error::storage("write", path)(cause)
}
