//! What is proved beside what is measured.

use super::arrangement::Arrangement;
use super::curves::{Estimate, Quantity, curve};
use super::probability::{MEASURED, SCALE, open_key};
use super::{Group, Kind, Table};
use crate::draw::{Axis, Key, Panel, Sample};
use crate::store::summary::CellSummary;

/// What is true of some trials.
struct Counted {
    name: &'static str,
    of: fn(&CellSummary) -> u64,
}

/// What is shown beside the measured probability.
const COUNTED: [Counted; 3] = [
    Counted { name: "certified to converge", of: |cell| cell.certified },
    Counted { name: "start meets theorem 1", of: |cell| cell.theorem1 },
    Counted { name: "start balanced, with a margin", of: |cell| cell.joint },
];

pub(super) fn group(arrangement: &Arrangement<'_>) -> Group {
    let along = arrangement.along();
    let y = Axis { label: "share of the trials".to_owned(), scale: SCALE };
    let panel = |choice: &[usize], p| {
        let cells: Vec<usize> =
            (0..along.positions.len()).map(|x| arrangement.cell(choice, p, 0, x)).collect();
        let mut marks = curve(arrangement, &along, &cells, 0, &MEASURED);
        for (i, &Counted { name, of: count }) in COUNTED.iter().enumerate() {
            let share = |cell: &CellSummary| {
                let value = count(cell) as f64 / cell.trials as f64;
                (cell.trials > 0).then_some(Estimate { value, bounds: None, open: None })
            };
            let quantity = Quantity { name, of: &share, ..MEASURED };
            marks.extend(curve(arrangement, &along, &cells, i + 1, &quantity));
        }
        Panel::of(along.axis.clone(), y.clone(), marks)
    };
    let names = std::iter::once("converged").chain(COUNTED.iter().map(|counted| counted.name));
    let key =
        |(i, name): (usize, &str)| Key { sample: Sample::SpottedLine(i), label: name.to_owned() };
    let keys = names.enumerate().map(key).chain(open_key(arrangement)).collect();
    let table = Some(table(arrangement));
    arrangement.group(Kind::Theory, (String::new(), keys), table, panel)
}

/// Of each cell how many trials converged, and of how many that is proved in which way.
fn table(arrangement: &Arrangement<'_>) -> Table {
    let names = ["cell", "trials", "converged"].into_iter();
    let names = names.chain(COUNTED.iter().map(|counted| counted.name));
    let row = |cell: usize| {
        let summary = &arrangement.results.cells[cell];
        let counts = [summary.trials, summary.converged].into_iter();
        let counts = counts.chain(COUNTED.iter().map(|counted| (counted.of)(summary)));
        std::iter::once(arrangement.full_name(cell)).chain(counts.map(|n| n.to_string())).collect()
    };
    let rows = arrangement.shown().into_iter().map(row).collect();
    Table { header: names.map(str::to_owned).collect(), rows }
}
