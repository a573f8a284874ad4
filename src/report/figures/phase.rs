//! The probability of convergence over two axes.

use super::arrangement::{Arrangement, Request, Slots, cell_name};
use super::contour::contour;
use super::{Group, Kind};
use crate::draw::{Key, Mark, Paint, Panel, Sample, Tile};
use crate::report::format::probability;
use crate::store::reader::ResultsFile;
use crate::store::summary::CellSummary;

/// The probability that the contour is at.
const LEVEL: f64 = 0.5;

/// `None` unless two axes have more than one value.
pub(super) fn group(results: &ResultsFile, request: &Request) -> Option<Group> {
    // Upwards goes what would be the series, however many values it has.
    let slots = Slots { x: true, series: usize::MAX, panels: 16 };
    let arrangement = Arrangement::new(results, slots, request);
    let (x, y) = (arrangement.names(arrangement.x?), arrangement.names(arrangement.series_axis()?));
    let [columns, rows] = [x.positions.len(), y.positions.len()];
    let panels = |choice: &[usize]| {
        let titles = arrangement.panels().into_iter().enumerate();
        let panel = |(p, title)| {
            let cells: Vec<usize> = (0..rows)
                .flat_map(|row| (0..columns).map(move |column| (row, column)))
                .map(|(row, column)| arrangement.cell(choice, p, row, column))
                .collect();
            let mut marks = vec![Mark::Tiles(tiles(results, &cells, columns))];
            marks.extend(contours(results, &cells, columns));
            Panel { title, x: x.axis.clone(), y: y.axis.clone(), marks }
        };
        Ok(titles.map(panel).collect())
    };
    let ramp = (0..=4).map(|i| f64::from(i) / 4.0);
    let key = |p: f64| Key { sample: Sample::Area(Paint::Ramp(p)), label: p.to_string() };
    let legend = ("probability".to_owned(), ramp.map(key).collect());
    let group = arrangement.group(Kind::Phase, legend, None, panels);
    Some(group.expect("nothing was read"))
}

fn tiles(results: &ResultsFile, cells: &[usize], columns: usize) -> Vec<Tile> {
    let tile = |(i, &cell): (usize, &usize)| {
        let (x, y) = ((i % columns) as f64, (i / columns) as f64);
        let CellSummary { trials, probability: p, probability_lower, probability_upper, .. } =
            results.cells[cell];
        let bounds = [probability_lower, probability_upper].map(probability).join(", ");
        Tile {
            x: [x - 0.5, x + 0.5],
            y: [y - 0.5, y + 0.5],
            paint: Paint::Ramp(p),
            label: label(p),
            tip: format!(
                "{}: P {} [{bounds}] of {trials} trials",
                cell_name(results, cell),
                probability(p)
            ),
        }
    };
    cells.iter().enumerate().map(tile).collect()
}

/// `.96`, `0`, `1`: short enough to stand in a tile; 0 and 1 only if they are exact.
fn label(p: f64) -> String {
    match p {
        _ if p.is_nan() => String::new(),
        0.0 | 1.0 => p.to_string(),
        _ => format!("{:.2}", p.clamp(0.01, 0.99)).trim_start_matches('0').to_owned(),
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
        Mark::Contour { dashed, pieces: contour(&values, columns, LEVEL) }
    };
    let bounds =
        vec![line(true, |cell| cell.probability_lower), line(true, |cell| cell.probability_upper)];
    [
        Mark::OnDemand { class: "contour-interval", marks: bounds },
        Mark::OnDemand { class: "contour", marks: vec![line(false, |cell| cell.probability)] },
    ]
}
