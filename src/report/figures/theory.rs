//! What is proved beside what is measured.

use super::arrangement::Arrangement;
use super::curves::{Estimate, Quantity, curve};
use super::probability::{MEASURED, SCALE};
use super::{Group, Kind};
use crate::Result;
use crate::draw::{Axis, Key, Panel, Sample};
use crate::report::format;
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

pub(super) fn group(arrangement: &Arrangement<'_>) -> Result<Group> {
    let along = arrangement.along();
    let y = Axis { label: "share of the trials".to_owned(), scale: SCALE };
    let panels = |choice: &[usize]| {
        let titles = arrangement.panels().into_iter().enumerate();
        let panel = |(p, title)| {
            let cells: Vec<usize> =
                (0..along.positions.len()).map(|x| arrangement.cell(choice, p, 0, x)).collect();
            let mut marks = curve(arrangement, &along, &cells, 0, &MEASURED);
            for (i, &Counted { name, of: count }) in COUNTED.iter().enumerate() {
                let share = |cell: &CellSummary| {
                    let value = count(cell) as f64 / cell.trials as f64;
                    (cell.trials > 0).then_some(Estimate { value, bounds: None })
                };
                let quantity = Quantity { name, of: &share, text: format::probability };
                marks.extend(curve(arrangement, &along, &cells, i + 1, &quantity));
            }
            Panel { title, x: along.axis.clone(), y: y.clone(), marks }
        };
        Ok(titles.map(panel).collect())
    };
    let names = std::iter::once("converged").chain(COUNTED.iter().map(|counted| counted.name));
    let key =
        |(i, name): (usize, &str)| Key { sample: Sample::SpottedLine(i), label: name.to_owned() };
    let legend = (String::new(), names.enumerate().map(key).collect());
    arrangement.group(Kind::Theory, legend, None, panels)
}
