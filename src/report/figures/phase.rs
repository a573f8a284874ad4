//! The probability of convergence over two axes.

use super::arrangement::Arrangement;
use super::contour::contour;
use super::{Group, Kind};
use crate::draw::{Key, Mark, Paint, Panel, Sample, Tile};
use crate::report::format::probability;
use crate::store::reader::ResultsFile;
use crate::store::summary::CellSummary;

/// The probability that the contour is at.
const LEVEL: f64 = 0.5;

/// # Panics
/// Unless two axes have more than one value.
pub(super) fn group(arrangement: &Arrangement<'_>) -> Group {
    let axes = [arrangement.x, arrangement.series_axis()];
    let [x, y] = axes.map(|axis| arrangement.names(axis.expect("two axes")));
    let [columns, rows] = [x.positions.len(), y.positions.len()];
    let panel = |choice: &[usize], p| {
        let cells: Vec<usize> = (0..rows)
            .flat_map(|row| (0..columns).map(move |column| (row, column)))
            .map(|(row, column)| arrangement.cell(choice, p, row, column))
            .collect();
        let mut marks = vec![Mark::Tiles(tiles(arrangement, &cells, columns))];
        marks.extend(contours(arrangement.results, &cells, columns));
        Panel::of(x.axis.clone(), y.axis.clone(), marks)
    };
    let ramp = (0..=4).map(|i| f64::from(i) / 4.0);
    let key = |(paint, label)| Key { sample: Sample::Area(paint), label };
    let others = [
        (Paint::Cornered(0.0), "most are undecided", is_open as fn(&CellSummary) -> bool),
        (Paint::Unknown, "no trials", |cell| cell.probability.is_nan()),
    ];
    let shown = arrangement.shown();
    let others = others.into_iter().filter_map(|(paint, label, is)| {
        let any = shown.iter().any(|&cell| is(&arrangement.results.cells[cell]));
        any.then(|| (paint, label.to_owned()))
    });
    let ramp = ramp.map(|p| (Paint::Ramp(p), p.to_string()));
    let legend = ("probability".to_owned(), ramp.chain(others).map(key).collect());
    arrangement.group(Kind::Phase, legend, None, panel)
}

fn tiles(arrangement: &Arrangement<'_>, cells: &[usize], columns: usize) -> Vec<Tile> {
    let tile = |(i, &cell): (usize, &usize)| {
        let (x, y) = ((i % columns) as f64, (i / columns) as f64);
        let CellSummary { trials, probability: p, probability_lower, probability_upper, .. } =
            arrangement.results.cells[cell];
        let bounds = [probability_lower, probability_upper].map(probability).join(", ");
        Tile {
            x: [x - 0.5, x + 0.5],
            y: [y - 0.5, y + 0.5],
            paint: paint(&arrangement.results.cells[cell]),
            label: label(p),
            tip: format!(
                "{}: P {} [{bounds}] of {trials} trials",
                arrangement.name(cell),
                probability(p)
            ),
        }
    };
    cells.iter().enumerate().map(tile).collect()
}

/// The darker, the more trials converged; with a corner where that says little.
fn paint(cell: &CellSummary) -> Paint {
    match cell.probability {
        p if p.is_nan() => Paint::Unknown,
        p if is_open(cell) => Paint::Cornered(p),
        p => Paint::Ramp(p),
    }
}

/// Whether most trials were undecided at the step limit.
fn is_open(cell: &CellSummary) -> bool {
    cell.step_limit > cell.trials / 2
}

/// `.96`, `0`, `1`: short enough to stand in a tile; 0 and 1 only if they are exact.
fn label(p: f64) -> String {
    match p {
        _ if p.is_nan() => String::new(),
        0.0 | 1.0 => p.to_string(),
        _ => format!(".{:02}", (100.0 * p).round().clamp(1.0, 99.0)),
    }
}

/// Where the probability is one half, and where its bounds are.
fn contours(results: &ResultsFile, cells: &[usize], columns: usize) -> [Mark; 2] {
    let line = |dashed: bool, of: fn(&CellSummary) -> f64| {
        let value = |&cell: &usize| {
            let summary = &results.cells[cell];
            if summary.trials > 0 { of(summary) } else { f64::NAN }
        };
        let values: Vec<f64> = cells.iter().map(value).collect();
        Mark::Contour { dashed, pieces: of_whole_columns(&values, columns) }
    };
    let bounds =
        vec![line(true, |cell| cell.probability_lower), line(true, |cell| cell.probability_upper)];
    [
        Mark::OnDemand { class: "contour-interval", marks: bounds },
        Mark::OnDemand { class: "contour", marks: vec![line(false, |cell| cell.probability)] },
    ]
}

/// The contour between the columns that have a value in every row: in refined studies, those of the sweep as it
/// was written.
fn of_whole_columns(values: &[f64], columns: usize) -> Vec<[[f64; 2]; 2]> {
    let rows = values.len() / columns;
    let is_whole =
        |&column: &usize| (0..rows).all(|row| values[row * columns + column].is_finite());
    let whole: Vec<usize> = (0..columns).filter(is_whole).collect();
    let of_row = |row: usize| whole.iter().map(move |column| values[row * columns + column]);
    let dense: Vec<f64> = (0..rows).flat_map(of_row).collect();
    let place = |x: f64| {
        let before = (x as usize).min(whole.len().saturating_sub(2));
        let [from, to] = [before, before + 1].map(|i| whole[i] as f64);
        from + (x - before as f64) * (to - from)
    };
    let pieces = contour(&dense, whole.len(), LEVEL);
    pieces.into_iter().map(|piece| piece.map(|[x, y]| [place(x), y])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_short_and_do_not_round_to_certainty() {
        for (p, expected) in
            [(0.0, "0"), (1.0, "1"), (0.345, ".35"), (0.999, ".99"), (1e-6, ".01"), (f64::NAN, "")]
        {
            assert_eq!(label(p), expected);
        }
    }

    #[test]
    fn columns_with_gaps_do_not_interrupt_the_contour() {
        let without = of_whole_columns(&[0.0, 0.2, 1.0, 1.0], 2);
        let with = of_whole_columns(&[0.0, 0.1, 0.2, 1.0, f64::NAN, 1.0], 3);
        let stretched: Vec<_> =
            without.iter().map(|piece| piece.map(|[x, y]| [2.0 * x, y])).collect();
        assert!(!with.is_empty());
        assert_eq!(with, stretched);
    }
}
