//! A table as netCDF-4.

use std::path::Path;

use super::{Heading, Kind, Piece, Values};
use crate::Result;
use crate::store::column;
use crate::store::draft::{self, Attribute, Draft, Drafted, Named, words};
use crate::store::io::NewFile;
use crate::store::schema::CONVENTIONS;

/// Dimension of the rows.
const ROW: &str = "row";

/// As [`Format::write`](super::Format::write).
pub(super) fn write(
    path: &Path,
    file: Box<dyn NewFile>,
    heading: &Heading,
    next: &mut dyn FnMut() -> Result<Option<Piece>>,
) -> Result<Box<dyn NewFile>> {
    draft::write(path, file, |draft| {
        let mut attributes: Vec<Named<'_>> = vec![("Conventions", Attribute::Text(CONVENTIONS))];
        let said = heading.attributes.iter();
        attributes.extend(said.map(|(name, text)| (name.as_str(), Attribute::Text(text))));
        draft.attributes(&attributes)?;
        draft.numbered(ROW, heading.rows as usize, &words("number of the row"))?;
        fill(draft, heading, next)
    })
}

fn fill(
    draft: &mut Draft,
    heading: &Heading,
    next: &mut dyn FnMut() -> Result<Option<Piece>>,
) -> Drafted<()> {
    let create = |column| create(draft, column);
    let mut columns = heading.columns.iter().map(create).collect::<hdf5::Result<Vec<_>>>()?;
    while let Some(piece) = next()? {
        for ((column, values), of) in columns.iter_mut().zip(&piece.0).zip(&heading.columns) {
            match (values, &of.kind) {
                (Values::Numbers(numbers), _) => column.extend(numbers.iter().copied()),
                (Values::Wholes(codes), Kind::Truth) => {
                    column.extend(codes.iter().map(|&c| c as i8));
                }
                (Values::Wholes(codes), Kind::Word(words)) if are_few(words) => {
                    column.extend(codes.iter().map(|&c| c as i8));
                }
                (Values::Wholes(codes), Kind::Word(_)) => {
                    column.extend(codes.iter().map(|&c| c as i32));
                }
                (Values::Wholes(wholes), _) => column.extend(wholes.iter().copied()),
            }
            column.pack();
            column.write()?;
        }
        draft.check()?;
    }
    Ok(columns.into_iter().try_for_each(column::Column::finish)?)
}

/// Creates a variable without its values; words are CF flags.
fn create(draft: &mut Draft, column: &super::Column) -> hdf5::Result<column::Column> {
    let mut attributes = words(&column.long_name).to_vec();
    match &column.kind {
        Kind::Integer | Kind::Step => draft.column::<i64>(&column.name, &[ROW], &attributes),
        Kind::Number => draft.column::<f64>(&column.name, &[ROW], &attributes),
        Kind::Truth => {
            attributes.push(("flag_values", Attribute::Codes(&[0, 1])));
            attributes.push(("flag_meanings", Attribute::Text("no yes")));
            draft.column::<i8>(&column.name, &[ROW], &attributes)
        }
        Kind::Word(meanings) => {
            let narrow: Vec<i8> = (0..=i8::MAX).take(meanings.len()).collect();
            let wide: Vec<i32> = (0..).take(meanings.len()).collect();
            let few = are_few(meanings);
            // Flags are parted by blanks.
            let meanings: Vec<String> =
                meanings.iter().map(|word| word.replace(' ', "_")).collect();
            let meanings = meanings.join(" ");
            let values = if few { Attribute::Codes(&narrow) } else { Attribute::Ints(&wide) };
            attributes.push(("flag_values", values));
            attributes.push(("flag_meanings", Attribute::Text(&meanings)));
            match few {
                true => draft.column::<i8>(&column.name, &[ROW], &attributes),
                false => draft.column::<i32>(&column.name, &[ROW], &attributes),
            }
        }
    }
}

/// Whether the codes of these words are of eight bits.
fn are_few(words: &[String]) -> bool {
    words.len() <= i8::MAX as usize
}
