//! What converging once costs in steps, along an axis.

use super::arrangement::Arrangement;
use super::curves::{Estimate, Quantity, curve};
use super::{Group, Kind};
use crate::Result;
use crate::draw::{Axis, Panel, Sample, Scale};
use crate::report::format::significant;
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

/// How many times beyond the estimates bounds are shown.
const FAR: f64 = 10.0;

pub(super) fn group(arrangement: &Arrangement<'_>) -> Result<Group> {
    let along = arrangement.along();
    let costs = || arrangement.shown().into_iter().map(|cell| arrangement.results.cells[cell].cost);
    let values = costs().flat_map(|cost| [cost.expected, cost.restarted]);
    let values: Vec<f64> = values.filter(|steps| steps.is_finite()).collect();
    let [least, most] = [
        values.iter().copied().fold(f64::NAN, f64::min),
        values.iter().copied().fold(0.0, f64::max),
    ];
    // Bounds that are farther away end at the edge, so that the estimates can be told apart.
    let bounds = costs().flat_map(|cost| [cost.interval.lower, cost.interval.upper]);
    let bounds = bounds.map(|bound| bound.clamp(least / FAR, most * FAR));
    let steps = bounds.chain(values.iter().copied());
    let y = Axis { label: "steps".to_owned(), scale: Scale::log(steps) };
    let panels = |choice: &[usize]| {
        let titles = arrangement.panels().into_iter().enumerate();
        let two = titles.flat_map(|(p, title)| WAYS.map(|way| (p, title.clone(), way)));
        let panel = |(p, title, Way { name, cost }): (usize, String, Way)| {
            let of = |cell: &CellSummary| {
                let estimate = cost(cell);
                let bounds = estimate.bounds.filter(|bounds| !bounds[0].is_nan());
                Some(Estimate { bounds, ..estimate })
            };
            let quantity = Quantity { name: "steps", of: &of, text: |x| significant(x, 3) };
            let series = (0..arrangement.series()).flat_map(|s| {
                let cells = (0..along.positions.len()).map(|x| arrangement.cell(choice, p, s, x));
                curve(arrangement, &along, &cells.collect::<Vec<_>>(), s, &quantity)
            });
            let title = if title.is_empty() { name.to_owned() } else { format!("{title}, {name}") };
            Panel { title, x: along.axis.clone(), y: y.clone(), marks: series.collect() }
        };
        Ok(two.map(panel).collect())
    };
    let legend = arrangement.legend(Sample::SpottedLine);
    let mut group = arrangement.group(Kind::RunningTime, legend, None, panels)?;
    for (_, figure) in &mut group.figures {
        // The two ways beside each other.
        figure.columns = 2 * arrangement.columns().unwrap_or(1);
    }
    Ok(group)
}
