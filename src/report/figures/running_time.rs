//! What converging once costs in steps, along an axis.

use super::arrangement::{Arrangement, Request, Slots};
use super::curves::{Estimate, Quantity, curve};
use super::{Group, Kind};
use crate::draw::{Axis, Panel, SERIES, Sample, Scale};
use crate::report::format::significant;
use crate::store::reader::ResultsFile;
use crate::store::summary::CellSummary;

/// What converging once costs, in one of two ways.
#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    cost: fn(&CellSummary) -> Estimate,
}

/// Trials as they were run, and given up after the best number of steps.
const WAYS: [Way; 2] = [
    Way { name: "as run", cost: |cell| Estimate { value: cell.cost.expected, bounds: None } },
    Way {
        name: "with restarts",
        cost: |cell| {
            let interval = cell.cost.interval;
            Estimate { value: cell.cost.restarted, bounds: Some([interval.lower, interval.upper]) }
        },
    },
];

/// `None` if no trial converged.
pub(super) fn group(results: &ResultsFile, request: &Request) -> Option<Group> {
    let costs = || results.cells.iter().flat_map(|cell| [cell.cost.expected, cell.cost.restarted]);
    if !costs().any(f64::is_finite) {
        return None;
    }
    let slots = Slots { x: true, series: SERIES, panels: 8 };
    let arrangement = Arrangement::new(results, slots, request);
    let along = arrangement.along();
    let bounds =
        results.cells.iter().flat_map(|cell| [cell.cost.interval.lower, cell.cost.interval.upper]);
    let y = Axis { label: "steps".to_owned(), scale: Scale::log(costs().chain(bounds)) };
    let panels = |choice: &[usize]| {
        let titles = arrangement.panels().into_iter().enumerate();
        let two = titles.flat_map(|(p, title)| WAYS.map(|way| (p, title.clone(), way)));
        let panel = |(p, title, Way { name, cost }): (usize, String, Way)| {
            let of = |cell: &CellSummary| {
                let estimate = cost(cell);
                let bounds =
                    estimate.bounds.filter(|bounds| bounds.iter().all(|bound| *bound > 0.0));
                Some(Estimate { bounds, ..estimate })
            };
            let quantity = Quantity { name: "steps", of: &of, text: |x| significant(x, 3) };
            let series = (0..arrangement.series()).flat_map(|s| {
                let cells = (0..along.positions.len()).map(|x| arrangement.cell(choice, p, s, x));
                curve(&arrangement, &along, &cells.collect::<Vec<_>>(), s, &quantity)
            });
            let title = if title.is_empty() { name.to_owned() } else { format!("{title}, {name}") };
            Panel { title, x: along.axis.clone(), y: y.clone(), marks: series.collect() }
        };
        Ok(two.map(panel).collect())
    };
    let legend = arrangement.legend(Sample::SpottedLine);
    let group = arrangement.group(Kind::RunningTime, legend, None, panels);
    Some(group.expect("nothing was read"))
}
