//! The probability of having converged by a number of steps.

use super::arrangement::{Arrangement, Request, Slots, cell_name, step};
use super::{Group, Kind, Table};
use crate::Result;
use crate::draw::{Axis, Mark, Panel, SERIES, Sample, Scale};
use crate::report::format::probability;
use crate::report::swept_keys;
use crate::report::times::{Point, Question, Times, of_cells};
use crate::store::reader::ResultsFile;

/// Numbers of steps of all curves together, and of one at least and at most.
const POINTS: u64 = 12_000;
const FEWEST: u64 = 8;
const MOST: u64 = 60;

pub(super) fn group(results: &ResultsFile, request: &Request) -> Result<Group> {
    let slots = Slots { x: false, series: SERIES, panels: 16 };
    let arrangement = Arrangement::new(results, slots, request);
    let points = (POINTS / results.cells.len() as u64).clamp(FEWEST, MOST);
    let of_all = Question { cell: None, rung: None, points };
    let times: Vec<Times> =
        of_cells(results, of_all)?.map(|cell| Ok(cell?.1)).collect::<Result<_>>()?;
    let steps = times.iter().flat_map(|times| &times.points).map(at);
    let x = Axis { label: "steps".to_owned(), scale: Scale::log(steps) };
    let y = Axis { label: "probability".to_owned(), scale: super::probability::SCALE };
    let panels = |choice: &[usize]| {
        let titles = arrangement.panels().into_iter().enumerate();
        let panel = |(p, title)| {
            let series = (0..arrangement.series())
                .flat_map(|s| curve(&times[arrangement.cell(choice, p, s, 0)].points, s));
            Panel { title, x: x.clone(), y: y.clone(), marks: series.collect() }
        };
        Ok(titles.map(panel).collect())
    };
    let table = Some(table(results, &times));
    arrangement.group(Kind::Times, arrangement.legend(Sample::Line), table, panels)
}

fn at(point: &Point) -> f64 {
    step(point.step)
}

fn curve(points: &[Point], series: usize) -> [Mark; 2] {
    let mut before = [0.0; 2];
    let mut band = Vec::new();
    for point in points {
        let bounds = [point.converged.interval.lower, point.converged.interval.upper];
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

/// Of each cell the probability at a few numbers of steps.
fn table(results: &ResultsFile, times: &[Times]) -> Table {
    /// Numbers of steps of a cell.
    const SHOWN: usize = 5;
    let keys = swept_keys(&results.axes).is_empty();
    let first = if keys { "study" } else { "cell" };
    let header = [first, "steps", "converged by then", "[lower, upper]"].map(str::to_owned);
    let rows = times.iter().enumerate().flat_map(|(cell, times)| {
        let name = cell_name(results, cell);
        let every = times.points.len().div_ceil(SHOWN).max(1);
        // The last one among them.
        times.points.iter().rev().step_by(every).collect::<Vec<_>>().into_iter().rev().map(
            move |point| {
                let share = point.converged;
                let bounds = [share.interval.lower, share.interval.upper].map(probability);
                vec![
                    name.clone(),
                    point.step.to_string(),
                    probability(share.value),
                    format!("[{}]", bounds.join(", ")),
                ]
            },
        )
    });
    Table { header: header.to_vec(), rows: rows.collect() }
}
