//! The probability of convergence along an axis.

use super::arrangement::Arrangement;
use super::curves::{Estimate, Quantity, curve};
use super::{Group, Kind};
use crate::draw::{Axis, Key, Panel, Sample, Scale};
use crate::report::format;
use crate::store::summary::CellSummary;

/// The scale of probabilities: a little more than from 0 to 1, so that marks at the ends are whole.
pub(super) const SCALE: Scale = Scale::Linear([-0.03, 1.03]);

/// The measured probability of a cell.
pub(super) const MEASURED: Quantity<'_> =
    Quantity { name: "P", of: &measured, text: format::probability, place: |p| p };

fn measured(cell: &CellSummary) -> Option<Estimate> {
    let bounds = Some([cell.probability_lower, cell.probability_upper_budget]);
    let open = (cell.step_limit > 0).then_some(cell.probability_upper);
    (cell.trials > 0).then_some(Estimate { value: cell.probability, bounds, open })
}

/// What the dotted line is, if there is one.
pub(super) fn open_key(arrangement: &Arrangement<'_>) -> Option<Key> {
    let any =
        arrangement.shown().into_iter().any(|cell| arrangement.results.cells[cell].step_limit > 0);
    let label = "upper bound if undecided trials converge".to_owned();
    any.then_some(Key { sample: Sample::Bound, label })
}

pub(super) fn group(arrangement: &Arrangement<'_>) -> Group {
    let along = arrangement.along();
    let y = Axis { label: "probability".to_owned(), scale: SCALE };
    let panel = |choice: &[usize], p| {
        let series = (0..arrangement.series()).flat_map(|s| {
            let cells = (0..along.positions.len()).map(|x| arrangement.cell(choice, p, s, x));
            curve(arrangement, &along, &cells.collect::<Vec<_>>(), s, &MEASURED)
        });
        Panel::of(along.axis.clone(), y.clone(), series.collect())
    };
    let (title, mut keys) = arrangement.legend(Sample::SpottedLine);
    keys.extend(open_key(arrangement));
    arrangement.group(Kind::Probability, (title, keys), None, panel)
}
