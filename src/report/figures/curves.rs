//! Estimates of cells along an axis, with bands.

use super::arrangement::{Along, Arrangement};
use crate::draw::{Mark, Scale, Spot};
use crate::store::summary::CellSummary;

/// An estimate of a cell with its bounds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Estimate {
    pub(super) value: f64,
    pub(super) bounds: Option<[f64; 2]>,
    /// The upper bound if all undecided trials would converge, where there are any.
    pub(super) open: Option<f64>,
}

/// What is estimated.
pub(super) struct Quantity<'a> {
    /// Its name before numbers.
    pub(super) name: &'a str,
    /// The estimate of a cell, if it has any.
    pub(super) of: &'a dyn Fn(&CellSummary) -> Option<Estimate>,
    /// How its numbers are written.
    pub(super) text: fn(f64) -> String,
    /// Where its numbers are along y.
    pub(super) place: fn(f64) -> f64,
}

/// The marks of a curve along x, in the colour of a series. Cells without trials are passed over.
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
        let trials = results.cells[cell].trials;
        let estimate = (quantity.of)(&results.cells[cell]).filter(|_| trials > 0)?;
        Some((x, cell, estimate))
    });
    let estimates: Vec<_> = estimates.collect();
    let spots = estimates.iter().map(|&(x, cell, estimate)| Spot {
        at: [x, (quantity.place)(estimate.value)],
        tip: tip(quantity, &arrangement.name(cell), estimate, results.cells[cell].trials),
    });
    let spots = Mark::Spots { series, spots: spots.collect() };
    let placed = |&(x, cell, Estimate { value, bounds, open }): &(f64, usize, Estimate)| {
        let place = quantity.place;
        let bounds = bounds.map(|bounds| bounds.map(place));
        (x, cell, Estimate { value: place(value), bounds, open: open.map(place) })
    };
    let estimates: Vec<_> = estimates.iter().map(placed).collect();
    let bounds = |of: &[(f64, usize, Estimate)]| -> Vec<[f64; 3]> {
        let point = |&(x, _, estimate): &(f64, usize, Estimate)| {
            estimate.bounds.map(|[lower, upper]| [x, lower, upper])
        };
        of.iter().filter_map(point).collect()
    };
    // Nothing is between names, nor beside a single value.
    if matches!(along.axis.scale, Scale::Names(_)) || estimates.len() == 1 {
        let open = estimates.iter().map(std::slice::from_ref).filter_map(open).collect();
        let whiskers = Mark::Whiskers { series, points: bounds(&estimates) };
        return vec![whiskers, Mark::Bound { series, pieces: open }, spots];
    }
    // What is infinite interrupts the line and the band.
    let pieces = || estimates.split(|(_, _, estimate)| !estimate.value.is_finite());
    let bands = pieces().map(|piece| match bounds(piece) {
        points if points.len() == 1 => Mark::Whiskers { series, points },
        points => Mark::Band { series, points },
    });
    let open = Mark::Bound { series, pieces: pieces().filter_map(open).collect() };
    let line = estimates.iter().map(|(x, _, estimate)| [*x, estimate.value]).collect();
    bands.chain([open, Mark::Line { series, points: line }, spots]).collect()
}

/// The line of the bounds if undecided trials converge, beside each other or on top of the other bound;
/// `None` where none are undecided.
fn open(piece: &[(f64, usize, Estimate)]) -> Option<Vec<[f64; 2]>> {
    let upper = |estimate: &Estimate| estimate.bounds.map(|bounds| bounds[1]);
    match piece {
        [(x, _, estimate)] => Some(vec![[*x, upper(estimate)?], [*x, estimate.open?]]),
        _ => {
            piece.iter().find_map(|(_, _, estimate)| estimate.open)?;
            let point = |(x, _, estimate): &(f64, usize, Estimate)| {
                Some([*x, estimate.open.or_else(|| upper(estimate))?])
            };
            Some(piece.iter().filter_map(point).collect())
        }
    }
}

fn tip(
    quantity: &Quantity<'_>,
    cell: &str,
    Estimate { value, bounds, open }: Estimate,
    trials: u64,
) -> String {
    let Quantity { name, text, .. } = quantity;
    let bounds = bounds.map(|[lower, upper]| format!(" [{}, {}]", text(lower), text(upper)));
    let bounds = bounds.unwrap_or_default();
    let open = open.map(|open| format!("; up to {} if undecided ones converge", text(open)));
    let open = open.unwrap_or_default();
    format!("{cell}: {name} {}{bounds}, of {trials} trials{open}", text(value))
}
