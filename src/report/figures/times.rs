//! The probability of having converged by a number of steps.

use std::collections::BTreeMap;

use super::arrangement::{Arrangement, step, step_at, steps};
use super::readings::readings;
use super::{Group, Kind, Table};
use crate::Result;
use crate::draw::{Axis, Mark, Panel, Sample, Spot};
use crate::report::format::probability;
use crate::report::times::{Point, Times, by};
use crate::stats::Interval;

/// Numbers of steps of all curves together, and of one at least and at most.
const POINTS: u64 = 12_000;
const FEWEST: u64 = 10;
const MOST: u64 = 60;

/// The numbers of steps of the table of numbers before the last: powers of ten.
const POWERS: [u64; 8] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/// A cell: its curve, and where it is at each of [`POWERS`].
struct OfCell {
    times: Times,
    by: Vec<Point>,
}

pub(super) fn group(arrangement: &Arrangement<'_>) -> Result<Group> {
    let results = arrangement.results;
    let shown = arrangement.shown();
    let points = (POINTS / shown.len() as u64).clamp(FEWEST, MOST);
    let intervals = results.intervals()?;
    let of_cell = |cell: usize| {
        let rows = results.step_counts(cell, None)?;
        let times = Times::of(&rows, &intervals, points);
        Ok((cell, OfCell { times, by: by(&rows, &intervals, &POWERS) }))
    };
    let cells: BTreeMap<usize, OfCell> = shown.into_iter().map(of_cell).collect::<Result<_>>()?;
    let span = span(cells.values().flat_map(|cell| &cell.times.points));
    let x = steps(span, "left");
    let y = Axis { label: "probability".to_owned(), scale: super::probability::SCALE };
    let panel = |choice: &[usize], p| {
        let series = (0..arrangement.series()).flat_map(|s| {
            let cell = arrangement.cell(choice, p, s, 0);
            let times = &cells[&cell].times;
            let points = over(times, intervals.interval(0, times.trials()), span);
            let spots: Vec<Spot> = points.iter().map(spot).collect();
            let name = format!("{}, converged", arrangement.name(cell));
            let said = readings(s, name, true, &spots, cells.len());
            curve(&points, s).into_iter().chain([Mark::Readings(said)])
        });
        Panel::of(x.clone(), y.clone(), series.collect())
    };
    let table = Some(table(arrangement, &cells));
    Ok(arrangement.group(Kind::Times, arrangement.legend(Sample::Line), table, panel))
}

fn at(point: &Point) -> f64 {
    step(point.step)
}

/// The ends of the axis: from before the first of these points that a trial has converged by, so that what is
/// known until there is seen, to the last one.
fn span<'a>(points: impl Iterator<Item = &'a Point> + Clone) -> [f64; 2] {
    let converged = points.clone().filter(|point| point.converged.value > 0.0);
    let last = points.map(at).fold(step(0), f64::max);
    let first = converged.map(|point| point.step).min();
    [first.map_or(last / 100.0, |first| step(first / 2)).max(step(0)), last]
}

/// The curve of a cell from one end of the axis, where nothing has happened yet, as far as it is known: to the
/// other end if all trials are decided, else to the last step of its own.
fn over(times: &Times, none: Interval, [from, to]: [f64; 2]) -> Vec<[f64; 4]> {
    let number = |point: &Point| {
        let [value, lower, upper] = point.converged.numbers();
        [at(point), value, lower, upper]
    };
    let shown = times.points.iter().filter(|point| at(point) >= from);
    let mut curve: Vec<[f64; 4]> = shown.map(number).collect();
    // Where all was before, nothing is known of trials that were undecided then.
    if times.points.is_empty() || curve.is_empty() && times.undecided > 0 {
        return curve;
    }
    if curve.first().is_none_or(|&[first, ..]| from < first) {
        curve.insert(0, [from, 0.0, none.lower, none.upper]);
    }
    let [last, value, lower, upper] = curve[curve.len() - 1];
    if last < to && times.undecided == 0 {
        curve.push([to, value, lower, upper]);
    }
    curve
}

fn spot(&[x, value, lower, upper]: &[f64; 4]) -> Spot {
    let [text, lower, upper] = [value, lower, upper].map(probability);
    let tip = format!("P {text} [{lower}, {upper}] by step {}", step_at(x));
    Spot { at: [x, value], tip }
}

fn curve(points: &[[f64; 4]], series: usize) -> [Mark; 2] {
    // Bounds too are drawn as they were until the next of these steps.
    let bounds = |point: &[f64; 4]| [point[2], point[3]];
    let befores = points.first().into_iter().chain(points).map(bounds);
    let band = points.iter().zip(befores).flat_map(|(point, before)| {
        [before, bounds(point)].map(|[lower, upper]| [point[0], lower, upper])
    });
    let line = points.iter().map(|&[x, value, ..]| [x, value]);
    // The first step at which trials converge may be the end of the axis.
    let from_zero = points.first().map(|&[x, ..]| [x, 0.0]);
    [
        Mark::OnDemand {
            class: "bounds",
            marks: vec![Mark::Band { series, points: band.collect() }],
        },
        Mark::Steps { series, points: from_zero.into_iter().chain(line).collect() },
    ]
}

/// Of each cell the probability of having converged by powers of ten of steps, as far as some trial takes more,
/// and at the end of its trials.
fn table(arrangement: &Arrangement<'_>, cells: &BTreeMap<usize, OfCell>) -> Table {
    let steps = cells.values().flat_map(|cell| &cell.times.points).map(|point| point.step);
    let last = steps.max().unwrap_or(0);
    let powers = POWERS.iter().take_while(|power| **power < last);
    let names = powers.clone().map(|power| match power {
        1 => "by 1 step".to_owned(),
        power => format!("by {power} steps"),
    });
    let columns = powers.count();
    let rows = cells.iter().map(|(&cell, OfCell { times, by })| {
        let before = (0..columns).map(|i| by.get(i));
        let points = before.chain([times.points.last()]);
        let entries = points.map(|point| point.map_or_else(|| "-".to_owned(), entry));
        std::iter::once(arrangement.full_name(cell)).chain(entries).collect()
    });
    let header = std::iter::once("cell".to_owned()).chain(names).chain(["in the end".to_owned()]);
    Table { header: header.collect(), rows: rows.collect() }
}

/// `0.820 [0.760, 0.870]`.
fn entry(point: &Point) -> String {
    let [value, lower, upper] = point.converged.numbers().map(probability);
    format!("{value} [{lower}, {upper}]")
}
