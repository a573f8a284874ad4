//! What converging once costs in steps, along an axis.

use super::arrangement::{Arrangement, place, steps};
use super::curves::{Estimate, Quantity, curve};
use super::{Group, Kind, Table};
use crate::draw::{Axis, Panel, Sample};
use crate::report::format::significant;
use crate::store::Cost;
use crate::store::summary::CellSummary;

/// What converging once costs, in one of two ways.
#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    cost: fn(&Cost) -> Estimate,
}

/// Trials as they were run, and given up after the best number of steps.
const WAYS: [Way; 2] = [
    Way {
        name: "as run",
        cost: |cost| Estimate { value: cost.expected, bounds: None, open: None },
    },
    Way {
        name: "with restarts",
        cost: |cost| {
            let bounds = [cost.interval.lower, cost.interval.upper];
            let bounds = (!bounds[0].is_nan()).then_some(bounds);
            Estimate { value: cost.restarted, bounds, open: None }
        },
    },
];

/// How many times beyond the estimates bounds are shown.
const FAR: f64 = 10.0;

pub(super) fn group(arrangement: &Arrangement<'_>) -> Group {
    let along = arrangement.along();
    let y = axis(arrangement);
    let panel = |choice: &[usize], p, way: usize| {
        let of = |cell: &CellSummary| Some((WAYS[way].cost)(&cell.cost));
        let name = format!("steps each {}", WAYS[way].name);
        let quantity = Quantity { name: &name, of: &of, text: |x| significant(x, 4), place };
        let series = (0..arrangement.series()).flat_map(|s| {
            let cells = (0..along.positions.len()).map(|x| arrangement.cell(choice, p, s, x));
            curve(arrangement, &along, &cells.collect::<Vec<_>>(), s, &quantity)
        });
        Panel::of(along.axis.clone(), y.clone(), series.collect())
    };
    let legend = arrangement.legend(Sample::SpottedLine);
    let names = WAYS.map(|way| way.name);
    arrangement.group_of(Kind::RunningTime, legend, Some(table(arrangement)), &names, panel)
}

/// The axis of the costs.
fn axis(arrangement: &Arrangement<'_>) -> Axis {
    let costs = || arrangement.shown().into_iter().map(|cell| arrangement.results.cells[cell].cost);
    let values = costs().flat_map(|cost| [cost.expected, cost.restarted]).map(place);
    let values: Vec<f64> = values.filter(|steps| steps.is_finite()).collect();
    let [least, most] = [
        values.iter().copied().fold(f64::NAN, f64::min),
        values.iter().copied().fold(0.0, f64::max),
    ];
    // Bounds that are farther away end at the edge, so that the estimates can be told apart.
    let bounds = costs().flat_map(|cost| [cost.interval.lower, cost.interval.upper]);
    let bounds = bounds.map(|bound| place(bound).clamp(place(least / FAR), most * FAR));
    steps(bounds.chain(values.iter().copied()), "lower")
}

/// Of each cell the costs, and after how many steps trials are best given up.
fn table(arrangement: &Arrangement<'_>) -> Table {
    let header = ["cell", "as run", "with restarts", "[lower, upper]", "after"];
    let row = |cell: usize| {
        let Cost { expected, cutoff, restarted, interval } = arrangement.results.cells[cell].cost;
        let text = |x: f64| if x.is_nan() { "-".to_owned() } else { significant(x, 4) };
        let bounds = format!("[{}, {}]", text(interval.lower), text(interval.upper));
        vec![arrangement.full_name(cell), text(expected), text(restarted), bounds, text(cutoff)]
    };
    let rows = arrangement.shown().into_iter().map(row).collect();
    Table { header: header.map(str::to_owned).to_vec(), rows }
}
