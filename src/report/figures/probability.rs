//! The probability of convergence along an axis.

use super::arrangement::Arrangement;
use super::curves::{Estimate, Quantity, curve};
use super::{Group, Kind};
use crate::Result;
use crate::draw::{Axis, Panel, Sample, Scale};
use crate::report::format;
use crate::store::summary::CellSummary;

/// The scale of probabilities: a little more than from 0 to 1, so that marks at the ends are whole.
pub(super) const SCALE: Scale = Scale::Linear([-0.03, 1.03]);

/// The measured probability of a cell.
pub(super) const MEASURED: Quantity<'_> =
    Quantity { name: "P", of: &measured, text: format::probability };

fn measured(cell: &CellSummary) -> Option<Estimate> {
    let bounds = Some([cell.probability_lower, cell.probability_upper]);
    (cell.trials > 0).then_some(Estimate { value: cell.probability, bounds })
}

pub(super) fn group(arrangement: &Arrangement<'_>) -> Result<Group> {
    let along = arrangement.along();
    let y = Axis { label: "probability".to_owned(), scale: SCALE };
    let panels = |choice: &[usize]| {
        let titles = arrangement.panels().into_iter().enumerate();
        let panel = |(p, title)| {
            let series = (0..arrangement.series()).flat_map(|s| {
                let cells = (0..along.positions.len()).map(|x| arrangement.cell(choice, p, s, x));
                curve(arrangement, &along, &cells.collect::<Vec<_>>(), s, &MEASURED)
            });
            Panel { title, x: along.axis.clone(), y: y.clone(), marks: series.collect() }
        };
        Ok(titles.map(panel).collect())
    };
    let legend = arrangement.legend(Sample::SpottedLine);
    arrangement.group(Kind::Probability, legend, None, panels)
}
