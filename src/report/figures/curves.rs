//! Estimates of cells along an axis, with bands.

use super::arrangement::{Along, Arrangement, cell_name};
use crate::draw::{Mark, Spot};
use crate::store::summary::CellSummary;

/// An estimate of a cell with its bounds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Estimate {
    pub(super) value: f64,
    pub(super) bounds: Option<[f64; 2]>,
}

/// What is estimated.
pub(super) struct Quantity<'a> {
    /// Its name before numbers.
    pub(super) name: &'a str,
    /// The estimate of a cell, if it has any.
    pub(super) of: &'a dyn Fn(&CellSummary) -> Option<Estimate>,
    /// How its numbers are written.
    pub(super) text: fn(f64) -> String,
}

/// The marks of a curve along x, in the colour of a series. Cells without an estimate are passed over.
pub(super) fn curve(
    arrangement: &Arrangement<'_>,
    along: &Along,
    cells: &[usize],
    series: usize,
    quantity: &Quantity<'_>,
) -> Vec<Mark> {
    let results = arrangement.results;
    let mut places: Vec<(f64, usize)> =
        along.positions.iter().copied().zip(cells.iter().copied()).collect();
    places.sort_by(|a, b| a.0.total_cmp(&b.0));
    let estimates = places.iter().filter_map(|&(x, cell)| {
        let estimate = (quantity.of)(&results.cells[cell])?;
        estimate.value.is_finite().then_some((x, cell, estimate))
    });
    let estimates: Vec<_> = estimates.collect();
    let band = estimates.iter().filter_map(|(x, _, estimate)| {
        let [lower, upper] = estimate.bounds?;
        Some([*x, lower, upper])
    });
    let spots = estimates.iter().map(|&(x, cell, estimate)| Spot {
        at: [x, estimate.value],
        tip: tip(quantity, &cell_name(results, cell), estimate, results.cells[cell].trials),
    });
    let band: Vec<_> = band.collect();
    let mut marks = Vec::new();
    if band.len() > 1 {
        marks.push(Mark::Band { series, points: band });
    }
    let points = estimates.iter().map(|(x, _, estimate)| [*x, estimate.value]);
    marks.push(Mark::Line { series, points: points.collect() });
    marks.push(Mark::Spots { series, spots: spots.collect() });
    marks
}

fn tip(
    quantity: &Quantity<'_>,
    cell: &str,
    Estimate { value, bounds }: Estimate,
    trials: u64,
) -> String {
    let Quantity { name, text, .. } = quantity;
    let bounds = bounds.map(|[lower, upper]| format!(" [{}, {}]", text(lower), text(upper)));
    format!("{cell}: {name} {}{} of {trials} trials", text(value), bounds.unwrap_or_default())
}
