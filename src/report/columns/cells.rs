//! One row a cell.

use super::{Column, Heading, Kind, Piece, Values, attributes};
use crate::Result;
use crate::store::reader::ResultsFile;
use crate::store::schema::{self, CellValue, Variable};

/// As [`super::hand_on`], of [`Unit::Cell`](super::Unit::Cell).
pub(super) fn hand_on(
    results: &ResultsFile,
    take: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let of_schema = schema::of_cells().into_iter().filter_map(|variable| {
        Some((variable.name, variable.long_name, values(results, &variable)?))
    });
    let (name, long_name) = schema::TUNED_LEARNING_RATE;
    let tuned = Values::Numbers(results.tuned.clone());
    let tuned = (!results.tuned.is_empty()).then_some((name, long_name, tuned));
    let variables: Vec<(&str, &str, Values)> = of_schema.chain(tuned).collect();
    let column = |(name, long_name, values): &(&str, &str, Values)| Column {
        name: (*name).to_owned(),
        long_name: (*long_name).to_owned(),
        kind: match values {
            Values::Wholes(_) => Kind::Integer,
            Values::Numbers(_) => Kind::Number,
        },
    };
    let columns = super::columns_of_cell(results).into_iter().chain(variables.iter().map(column));
    let heading = Heading {
        columns: columns.collect(),
        rows: results.cells.len() as u64,
        attributes: attributes(results, "one row a cell"),
    };
    take(&heading.to_bytes())?;
    let cells: Vec<usize> = (0..results.cells.len()).collect();
    let of_cells = super::values_of_cells(results, &cells).into_iter();
    let all = of_cells.chain(variables.into_iter().map(|(_, _, values)| values));
    take(&Piece(all.collect()).to_bytes())
}

/// A variable of each cell; `None` for the table of the convergence theorem, which has axes of its own.
fn values(results: &ResultsFile, variable: &Variable) -> Option<Values> {
    let all = results.cells.iter().map(|cell| variable.of_cell(cell));
    let wholes = all.clone().map(|value| match value? {
        CellValue::Count(count) => Some(count.cast_signed()),
        CellValue::Number(_) => None,
    });
    let numbers = all.map(|value| match value? {
        CellValue::Number(number) => Some(number),
        CellValue::Count(_) => None,
    });
    let wholes = wholes.collect::<Option<_>>().map(Values::Wholes);
    wholes.or_else(|| numbers.collect::<Option<_>>().map(Values::Numbers))
}
