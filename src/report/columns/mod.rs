//! Results as one table in long form, for the tools of others: named columns, one row a trial or a cell.
//!
//! A table is a [`Heading`] and [`Piece`]s of its rows, so that it is never in memory as a whole. Who reads
//! results hands it over as bytes to who writes the file, which may be another process.

mod cells;
mod csv;
mod format;
mod netcdf;
mod parquet;
mod rows;
mod stream;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::store::reader::ResultsFile;
use crate::study::AxisValues;

pub use format::Format;

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name: that of the variable of `results.h5` where it is one.
    pub name: String,
    /// What it is.
    pub long_name: String,
    /// What its values are.
    pub kind: Kind,
}

/// What the values of a column are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Whole numbers.
    Integer,
    /// Numbers of steps; below 0: none.
    Step,
    /// Numbers; NaN: none.
    Number,
    /// 1 for yes, 0 for no.
    Truth,
    /// One of these words, as its position.
    Word(Vec<String>),
}

/// What a table has besides its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heading {
    /// The columns.
    pub columns: Vec<Column>,
    /// Number of rows.
    pub rows: u64,
    /// What is said of the table as a whole, name and text.
    pub attributes: Vec<(String, String)>,
}

/// Values of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Of all kinds but [`Kind::Number`].
    Wholes(Vec<i64>),
    /// Of [`Kind::Number`].
    Numbers(Vec<f64>),
}

/// Some rows: equally many values of every column.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece(Vec<Values>);

/// What a row of a table is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A trial.
    Trial,
    /// A cell.
    Cell,
}

/// Hands a table of results to `take`: the heading, then the pieces, each as bytes.
///
/// # Errors
/// [`crate::Error::Usage`] if rows of trials are asked for and there are none; [`crate::Error::Content`] if
/// they cannot be read; those of `take`.
pub fn hand_on(
    results: &ResultsFile,
    unit: Unit,
    take: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    match unit {
        Unit::Trial => rows::hand_on(results, take),
        Unit::Cell => cells::hand_on(results, take),
    }
}

impl Kind {
    /// Whether a value of a column of this kind can be this number.
    fn has(&self, value: i64) -> bool {
        match self {
            Self::Integer | Self::Step => true,
            Self::Truth => value == 0 || value == 1,
            Self::Word(words) => usize::try_from(value).is_ok_and(|code| code < words.len()),
            Self::Number => false,
        }
    }
}

impl Heading {
    /// As bytes.
    fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain data")
    }

    /// From the first bytes that [`hand_on`] hands over; `None` if they are no heading.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// From the further bytes that [`hand_on`] hands over; `None` if they are no piece of this table.
    pub fn piece(&self, bytes: &[u8]) -> Option<Piece> {
        let (values, rest) = bytes.as_chunks::<8>();
        let rows = values.len().checked_div(self.columns.len())?;
        if !rest.is_empty() || rows * self.columns.len() != values.len() {
            return None;
        }
        let columns = self.columns.iter().enumerate();
        let column = |(i, column): (usize, &Column)| {
            let values = values[i * rows..(i + 1) * rows].iter();
            if column.kind == Kind::Number {
                return Some(Values::Numbers(values.map(|v| f64::from_le_bytes(*v)).collect()));
            }
            let wholes: Vec<i64> = values.map(|v| i64::from_le_bytes(*v)).collect();
            wholes.iter().all(|&v| column.kind.has(v)).then_some(Values::Wholes(wholes))
        };
        columns.map(column).collect::<Option<_>>().map(Piece)
    }
}

impl Piece {
    /// Number of rows.
    fn rows(&self) -> usize {
        self.0.first().map_or(0, |values| match values {
            Values::Wholes(values) => values.len(),
            Values::Numbers(values) => values.len(),
        })
    }

    /// Eight bytes a value, column by column.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 * self.0.len() * self.rows());
        for values in &self.0 {
            match values {
                Values::Wholes(v) => bytes.extend(v.iter().flat_map(|x| x.to_le_bytes())),
                Values::Numbers(v) => bytes.extend(v.iter().flat_map(|x| x.to_le_bytes())),
            }
        }
        bytes
    }
}

/// The columns that say which cell a row is of: its number, and the values of the swept keys.
fn columns_of_cell(results: &ResultsFile) -> Vec<Column> {
    let number = Column {
        name: "cell".to_owned(),
        long_name: "number of the cell, from 0".to_owned(),
        kind: Kind::Integer,
    };
    let swept = super::swept_keys(&results.axes).into_iter().map(|(_, key)| Column {
        name: key.variable(),
        long_name: format!("swept key {}", key.key),
        kind: match &key.values {
            AxisValues::Floats(_) => Kind::Number,
            AxisValues::Integers(_) => Kind::Integer,
            AxisValues::Labels(words) => Kind::Word(distinct(words)),
        },
    });
    [number].into_iter().chain(swept).collect()
}

/// The values of [`columns_of_cell`] for rows of these cells.
fn values_of_cells(results: &ResultsFile, cells: &[usize]) -> Vec<Values> {
    let position = |axis: usize| {
        let stride: usize = results.axes[axis + 1..].iter().map(crate::study::Axis::len).product();
        let length = results.axes[axis].len();
        cells.iter().map(move |cell| cell / stride % length)
    };
    let number = Values::Wholes(cells.iter().map(|&cell| cell as i64).collect());
    let keys = super::swept_keys(&results.axes).into_iter();
    let swept = keys.map(|(axis, key)| match &key.values {
        AxisValues::Floats(v) => Values::Numbers(position(axis).map(|i| v[i]).collect()),
        AxisValues::Integers(v) => Values::Wholes(position(axis).map(|i| v[i]).collect()),
        AxisValues::Labels(v) => {
            let words = distinct(v);
            let codes: Vec<i64> = v.iter().map(|word| code(&words, word)).collect();
            Values::Wholes(position(axis).map(|i| codes[i]).collect())
        }
    });
    [number].into_iter().chain(swept).collect()
}

/// The different words, in the order of their first appearance.
fn distinct(words: &[String]) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for word in words {
        if !seen.contains(word) {
            seen.push(word.clone());
        }
    }
    seen
}

/// Position of a word that is among these.
fn code(words: &[String], word: &String) -> i64 {
    words.iter().position(|w| w == word).expect("one of them") as i64
}

/// What is said of every table of results.
fn attributes(results: &ResultsFile, title: &str) -> Vec<(String, String)> {
    let pairs = [
        ("title", format!("{}: {title}", results.name)),
        ("source", format!("deeplin {}", env!("CARGO_PKG_VERSION"))),
        ("study", results.name.clone()),
        ("study_digest", results.digest.hex()),
        ("seed", results.seed.to_string()),
        ("missing_trials", results.missing.to_string()),
        ("config", results.config.clone()),
    ];
    pairs.map(|(name, text)| (name.to_owned(), text)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of all kinds with a piece of two rows.
    pub(super) fn example() -> (Heading, Piece) {
        let column = |(name, kind): (&str, Kind)| Column {
            name: name.to_owned(),
            long_name: format!("what {name} is"),
            kind,
        };
        let words = Kind::Word(vec!["two words".into(), "other".into()]);
        let columns = [
            ("cell", Kind::Integer),
            ("certificate_step", Kind::Step),
            ("loss_final", Kind::Number),
            ("certified", Kind::Truth),
            ("init_kind", words),
        ];
        let heading = Heading {
            columns: columns.map(column).into(),
            rows: 2,
            attributes: vec![("title".into(), "a \"title\"".into())],
        };
        let wholes = |values: [i64; 2]| Values::Wholes(values.into());
        let numbers = Values::Numbers(vec![f64::NAN, 1e-300]);
        let values = [wholes([-7, 8]), wholes([-1, 9]), numbers, wholes([0, 1]), wholes([1, 0])];
        (heading, Piece(values.into()))
    }

    #[test]
    fn headings_and_pieces_come_back_from_bytes() {
        let (heading, piece) = example();
        assert_eq!(Heading::from_bytes(&heading.to_bytes()), Some(heading.clone()));
        let bytes = piece.to_bytes();
        // Bit for bit, NaN too.
        assert_eq!(heading.piece(&bytes).unwrap().to_bytes(), bytes);
        assert_eq!(heading.piece(&[]).unwrap().rows(), 0);
    }

    #[test]
    fn bytes_that_are_no_piece_of_the_table_are_refused() {
        let (heading, piece) = example();
        let bytes = piece.to_bytes();
        for end in (1..bytes.len()).filter(|end| end % 40 != 0) {
            assert!(heading.piece(&bytes[..end]).is_none(), "{end}");
        }
        for (at, value) in [(6, 2), (7, -1), (8, 2), (9, -1)] {
            let mut wrong = bytes.clone();
            wrong[8 * at..8 * at + 8].copy_from_slice(&i64::to_le_bytes(value));
            assert!(heading.piece(&wrong).is_none(), "{at}");
        }
        let none = Heading { columns: vec![], ..heading };
        assert!(none.piece(&bytes).is_none());
    }
}
