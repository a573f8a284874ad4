//! The probability of convergence over two axes.

use super::arrangement::{Along, Arrangement};
use super::contour::contour;
use super::{Group, Kind};
use crate::draw::{Key, Mark, Paint, Panel, Sample, Scale, Tile};
use crate::report::format::probability;
use crate::report::position;
use crate::store::reader::ResultsFile;
use crate::store::summary::CellSummary;

/// The probability that the contour is at.
const LEVEL: f64 = 0.5;

/// # Panics
/// Unless two axes have more than one value.
pub(super) fn group(arrangement: &Arrangement<'_>) -> Group {
    let axes = [arrangement.x, arrangement.series_axis()];
    let [along_x, y] = axes.map(|axis| arrangement.names(axis.expect("two axes")));
    let x = refined(arrangement).unwrap_or(along_x);
    let [columns, rows] = [x.positions.len(), y.positions.len()];
    let panel = |choice: &[usize], p| {
        let cells: Vec<usize> = (0..rows)
            .flat_map(|row| (0..columns).map(move |column| (row, column)))
            .map(|(row, column)| arrangement.cell(choice, p, row, column))
            .collect();
        let mut marks = vec![Mark::Tiles(tiles(arrangement, &cells, &x))];
        marks.extend(contours(arrangement.results, &cells, &x));
        Panel::of(x.axis.clone(), y.axis.clone(), marks)
    };
    arrangement.group(Kind::Phase, legend(arrangement, &x), None, panel)
}

/// What the tiles mean, of the rarer ones those that are there.
fn legend(arrangement: &Arrangement<'_>, x: &Along) -> (String, Vec<Key>) {
    let others = [
        (Paint::Cornered(0.0), "most are undecided", is_open as fn(&CellSummary) -> bool),
        (Paint::Unknown, "no trials", |cell| cell.probability.is_nan()),
    ];
    // Along a refined axis points without trials are not drawn.
    let shown = arrangement.shown().into_iter().map(|cell| &arrangement.results.cells[cell]);
    let drawn: Vec<&CellSummary> = shown.filter(|cell| cell.trials > 0 || are_names(x)).collect();
    let others = others.into_iter().filter(|(_, _, is)| drawn.iter().any(|cell| is(cell)));
    let others = others.map(|(paint, label, _)| (paint, label.to_owned()));
    let ramp = (0..=4).map(|i| f64::from(i) / 4.0).map(|p| (Paint::Ramp(p), p.to_string()));
    let key = |(paint, label)| Key { sample: Sample::Area(paint), label };
    ("probability".to_owned(), ramp.chain(others).map(key).collect())
}

/// Where cells are along x if it is refined: at their numbers, since between those of the sweep there are very
/// many where the probability changes. `None` if all cells have trials, if these are missing, or if it is
/// another axis that is refined: points of the sweep have trials whatever the other axes are.
fn refined(arrangement: &Arrangement<'_>) -> Option<Along> {
    let results = arrangement.results;
    let along = arrangement.along();
    if results.missing > 0 || are_names(&along) {
        return None;
    }
    let axis = arrangement.x?;
    let mut is_full = vec![true; along.positions.len()];
    for cell in arrangement.shown() {
        is_full[position(&results.axes, cell)[axis]] &= results.cells[cell].trials > 0;
    }
    let full = is_full.iter().filter(|is_full| **is_full).count();
    let is_rising = along.positions.is_sorted_by(|a, b| a < b);
    (is_rising && (2..is_full.len()).contains(&full)).then_some(along)
}

/// Whether cells stand beside each other, whatever their values are.
fn are_names(x: &Along) -> bool {
    matches!(x.axis.scale, Scale::Names(_))
}

fn tiles(arrangement: &Arrangement<'_>, cells: &[usize], x: &Along) -> Vec<Tile> {
    let cell = |cell: usize| &arrangement.results.cells[cell];
    let rows = cells.chunks(x.positions.len()).enumerate();
    let tiles = rows.flat_map(|(y, cells)| {
        let all = x.positions.iter().copied().zip(cells.iter().copied());
        // Each point of a refined axis reaches halfway to the next one that has trials.
        let (places, cells): (Vec<f64>, Vec<usize>) =
            all.filter(|(_, at)| are_names(x) || cell(*at).trials > 0).unzip();
        let y = y as f64;
        let edges = edges(&x.axis.scale, &places);
        let tile = |(at, edges): (&usize, &[f64])| Tile {
            x: [edges[0], edges[1]],
            y: [y - 0.5, y + 0.5],
            paint: paint(cell(*at)),
            label: label(cell(*at).probability),
            tip: tip(&arrangement.name(*at), cell(*at)),
        };
        cells.iter().zip(edges.windows(2)).map(tile).collect::<Vec<_>>()
    });
    tiles.collect()
}

/// Halfway between places, and as far beyond the first and the last.
fn edges(scale: &Scale, places: &[f64]) -> Vec<f64> {
    let [to, from] = even_and_back(scale);
    let at: Vec<f64> = places.iter().copied().map(to).collect();
    let half = |i: usize| match (at.get(i), at.get(i + 1)) {
        (Some(a), Some(b)) => (b - a) / 2.0,
        _ => 0.5,
    };
    let first = at.first().map(|first| first - half(0));
    let between = (0..at.len()).map(|i| {
        // Beyond the last one as far as before it.
        at[i] + if i + 1 < at.len() { half(i) } else { half(i.saturating_sub(1)) }
    });
    first.into_iter().chain(between).map(from).collect()
}

/// What is even along a scale, of a value, and the value of that.
fn even_and_back(scale: &Scale) -> [fn(f64) -> f64; 2] {
    if matches!(scale, Scale::Log(_)) { [libm::log, libm::exp] } else { [|x| x, |x| x] }
}

fn tip(name: &str, cell: &CellSummary) -> String {
    let CellSummary { trials, probability: p, probability_lower, probability_upper, .. } = *cell;
    let [p, lower, upper] = [p, probability_lower, probability_upper].map(probability);
    format!("{name}: P {p} [{lower}, {upper}] of {trials} trials")
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
fn contours(results: &ResultsFile, cells: &[usize], x: &Along) -> [Mark; 2] {
    let line = |dashed: bool, of: fn(&CellSummary) -> f64| {
        let value = |&cell: &usize| {
            let summary = &results.cells[cell];
            if summary.trials > 0 { of(summary) } else { f64::NAN }
        };
        let values: Vec<f64> = cells.iter().map(value).collect();
        Mark::Contour { dashed, pieces: of_whole_columns(&values, x) }
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
fn of_whole_columns(values: &[f64], x: &Along) -> Vec<[[f64; 2]; 2]> {
    let columns = x.positions.len();
    let rows = values.len() / columns;
    let is_whole =
        |&column: &usize| (0..rows).all(|row| values[row * columns + column].is_finite());
    let whole: Vec<usize> = (0..columns).filter(is_whole).collect();
    let of_row = |row: usize| whole.iter().map(move |column| values[row * columns + column]);
    let dense: Vec<f64> = (0..rows).flat_map(of_row).collect();
    let [even, value] = even_and_back(&x.axis.scale);
    let place = |at: f64| {
        let before = (at as usize).min(whole.len().saturating_sub(2));
        let [from, to] = [before, before + 1].map(|i| even(x.positions[whole[i]]));
        value(from + (at - before as f64) * (to - from))
    };
    let pieces = contour(&dense, whole.len(), LEVEL);
    pieces.into_iter().map(|piece| piece.map(|[x, y]| [place(x), y])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Axis;

    #[test]
    fn labels_are_short_and_do_not_round_to_certainty() {
        for (p, expected) in
            [(0.0, "0"), (1.0, "1"), (0.345, ".35"), (0.999, ".99"), (1e-6, ".01"), (f64::NAN, "")]
        {
            assert_eq!(label(p), expected);
        }
    }

    fn along(scale: Scale, positions: &[f64]) -> Along {
        let axis = Axis { label: String::new(), scale };
        Along { axis, positions: positions.to_vec() }
    }

    #[test]
    fn points_of_a_refined_axis_reach_halfway_to_the_next() {
        let linear = edges(&Scale::Linear([0.0, 9.0]), &[1.0, 2.0, 4.0]);
        assert_eq!(linear, [0.5, 1.5, 3.0, 5.0]);
        let log = edges(&Scale::Log([0.1, 10.0]), &[1.0, 4.0]);
        let expected = [0.5, 2.0, 8.0];
        assert!(log.iter().zip(expected).all(|(a, b)| (a / b - 1.0).abs() < 1e-14), "{log:?}");
        let names = Scale::Names(vec![String::new(); 2]);
        assert_eq!(edges(&names, &[0.0, 1.0]), [-0.5, 0.5, 1.5]);
        assert_eq!(edges(&names, &[0.0]), [-0.5, 0.5]);
        assert!(edges(&names, &[]).is_empty());
    }

    #[test]
    fn columns_with_gaps_do_not_interrupt_the_contour() {
        let names = |count: usize| {
            let positions: Vec<f64> = (0..count).map(|i| i as f64).collect();
            along(Scale::Names(vec![String::new(); count]), &positions)
        };
        let without = of_whole_columns(&[0.0, 0.2, 1.0, 1.0], &names(2));
        let gap = [0.0, 0.1, 0.2, 1.0, f64::NAN, 1.0];
        let with = of_whole_columns(&gap, &names(3));
        let stretched: Vec<_> =
            without.iter().map(|piece| piece.map(|[x, y]| [2.0 * x, y])).collect();
        assert!(!with.is_empty());
        assert_eq!(with, stretched);
        // Halfway in the logarithm where that is what is even.
        let log = of_whole_columns(&gap, &along(Scale::Log([1.0, 9.0]), &[1.0, 2.0, 9.0]));
        for ([a, b], [c, d]) in without.iter().zip(&log).map(|(a, b)| (*a, *b)) {
            for ([x, y], [u, v]) in [(a, c), (b, d)] {
                assert!((libm::pow(9.0, x) - u).abs() < 1e-12 && y == v, "{x} {u}");
            }
        }
    }
}
