//! The probability of having converged by a number of steps.

use std::collections::BTreeMap;

use super::arrangement::{Arrangement, cell_name, step, steps};
use super::readings::readings;
use super::{Group, Kind, Table};
use crate::Result;
use crate::draw::{Axis, Mark, Panel, Sample, Spot};
use crate::report::format::probability;
use crate::report::times::{Point, Times, converged_by};
use crate::store::reader::ResultsFile;

/// Numbers of steps of all curves together, and of one at least and at most.
const POINTS: u64 = 12_000;
const FEWEST: u64 = 24;
const MOST: u64 = 60;

/// The numbers of steps of the table of numbers: powers of ten.
const POWERS: [u64; 8] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/// A cell: its curve, and the probability of having converged by each of [`POWERS`].
struct OfCell {
    times: Times,
    by: [Option<f64>; POWERS.len()],
}

pub(super) fn group(arrangement: &Arrangement<'_>) -> Result<Group> {
    let results = arrangement.results;
    let shown = arrangement.shown();
    let points = (POINTS / shown.len() as u64).clamp(FEWEST, MOST);
    let intervals = results.intervals()?;
    let of_cell = |cell: usize| {
        let rows = results.step_counts(cell, None)?;
        let times = Times::of(&rows, &intervals, points);
        Ok((cell, OfCell { times, by: POWERS.map(|steps| converged_by(&rows, steps)) }))
    };
    let cells: BTreeMap<usize, OfCell> = shown.into_iter().map(of_cell).collect::<Result<_>>()?;
    let x = steps(cells.values().flat_map(|cell| &cell.times.points).map(at));
    let y = Axis { label: "probability".to_owned(), scale: super::probability::SCALE };
    let panels = |choice: &[usize]| {
        let titles = arrangement.panels().into_iter().enumerate();
        let panel = |(p, title)| {
            let series = (0..arrangement.series()).flat_map(|s| {
                let cell = arrangement.cell(choice, p, s, 0);
                let points = &cells[&cell].times.points;
                let spots: Vec<Spot> = points.iter().map(spot).collect();
                let name = format!("{}, converged", arrangement.name(cell));
                let said = readings(s, name, true, &spots, cells.len());
                curve(points, s).into_iter().chain([Mark::Readings(said)])
            });
            Panel { title, x: x.clone(), y: y.clone(), marks: series.collect() }
        };
        Ok(titles.map(panel).collect())
    };
    let table = Some(table(results, &cells));
    arrangement.group(Kind::Times, arrangement.legend(Sample::Line), table, panels)
}

fn at(point: &Point) -> f64 {
    step(point.step)
}

fn spot(point: &Point) -> Spot {
    let [value, lower, upper] = point.converged.numbers().map(probability);
    let tip = format!("P {value} [{lower}, {upper}] by {} steps", point.step);
    Spot { at: [at(point), point.converged.value], tip }
}

fn curve(points: &[Point], series: usize) -> [Mark; 2] {
    let mut before = [0.0; 2];
    let mut band = Vec::new();
    for point in points {
        let [_, bounds @ ..] = point.converged.numbers();
        // Bounds too hold until the next step at which something happens.
        for [lower, upper] in [before, bounds] {
            band.push([at(point), lower, upper]);
        }
        before = bounds;
    }
    // There is no number of steps before the first.
    let band = band.split_off(band.len().min(1));
    let from_zero = points.first().map(|first| [at(first), 0.0]);
    let curve = points.iter().map(|point| [at(point), point.converged.value]);
    [
        Mark::OnDemand { class: "bounds", marks: vec![Mark::Band { series, points: band }] },
        Mark::Steps { series, points: from_zero.into_iter().chain(curve).collect() },
    ]
}

/// Of each cell the probability of having converged by powers of ten of steps, the first that all have ended by
/// the last.
fn table(results: &ResultsFile, cells: &BTreeMap<usize, OfCell>) -> Table {
    let steps = cells.values().flat_map(|cell| &cell.times.points).map(|point| point.step);
    let last = steps.max().unwrap_or(0);
    let columns = POWERS.iter().filter(|power| **power < last).count() + 1;
    let powers = POWERS.iter().take(columns);
    let header =
        std::iter::once("cell".to_owned()).chain(powers.map(|power| format!("by {power} steps")));
    let rows = cells.iter().map(|(&cell, of_cell)| {
        let by = of_cell.by.iter().take(columns).map(|p| probability(p.unwrap_or(f64::NAN)));
        std::iter::once(cell_name(results, cell)).chain(by).collect()
    });
    Table { header: header.collect(), rows: rows.collect() }
}
