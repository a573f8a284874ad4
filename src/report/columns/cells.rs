//! One row a cell.

use super::{Column, Heading, Kind, Piece, Values, attributes};
use crate::Result;
use crate::store::reader::ResultsFile;
use crate::store::schema::{self, Source, Variable};

/// As [`super::hand_on`], of [`Unit::Cell`](super::Unit::Cell).
pub(super) fn hand_on(
    results: &ResultsFile,
    take: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let variables: Vec<(Variable, Values)> = schema::of_cells()
        .into_iter()
        .filter_map(|variable| Some((variable, values(results, &variable)?)))
        .collect();
    let column = |(variable, values): &(Variable, Values)| Column {
        name: variable.name.to_owned(),
        long_name: variable.long_name.to_owned(),
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
    let all = of_cells.chain(variables.into_iter().map(|(_, values)| values));
    take(&Piece(all.collect()).to_bytes())
}

/// A variable of each cell; `None` for the table of the convergence theorem, which has axes of its own.
fn values(results: &ResultsFile, variable: &Variable) -> Option<Values> {
    let cells = results.cells.iter();
    match variable.source {
        Source::Count(get) => {
            Some(Values::Wholes(cells.map(|cell| get(cell).cast_signed()).collect()))
        }
        Source::Estimate(get)
        | Source::Bound(get)
        | Source::BoundBy(_, get)
        | Source::BoundOfAll(get) => Some(Values::Numbers(cells.map(get).collect())),
        _ => None,
    }
}
