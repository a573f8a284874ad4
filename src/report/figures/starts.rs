//! Outcomes by balancedness and margin of the start.

use super::arrangement::{Arrangement, Request, Slots, cell_name};
use super::outcomes::{self, Shown};
use super::{Group, Kind, Table};
use crate::Result;
use crate::draw::{Axis, Mark, Panel, Sample, Scale, Spot};
use crate::report::format::significant;
use crate::stop::Outcome;
use crate::store::reader::ResultsFile;

/// Trials that are shown in all.
const MOST: usize = 1200;

/// A trial: its balancedness and margin, and what became of it.
struct Trial {
    at: [f64; 2],
    outcome: Outcome,
    tip: String,
}

/// `None` if the rows of the trials are not there.
pub(super) fn group(results: &ResultsFile, request: &Request) -> Result<Option<Group>> {
    if !results.has_rows {
        return Ok(None);
    }
    let arrangement = Arrangement::new(results, Slots { x: false, series: 0, panels: 36 }, request);
    let trials: Vec<Vec<Trial>> =
        (0..results.cells.len()).map(|cell| of_cell(results, cell)).collect::<Result<_>>()?;
    if trials.iter().all(Vec::is_empty) {
        return Ok(None);
    }
    let all = || trials.iter().flatten().map(|trial| trial.at);
    let is_log = all().all(|at| at[0] > 0.0);
    let x = Axis {
        label: "balancedness of the start".to_owned(),
        scale: Scale::of(&all().map(|at| at[0]).collect::<Vec<_>>(), is_log),
    };
    let y = Axis {
        label: "deficiency margin".to_owned(),
        scale: Scale::signed(all().map(|at| at[1]).chain([0.0])),
    };
    let panels = |choice: &[usize]| {
        let titles = arrangement.panels().into_iter().enumerate();
        let panel = |(p, title)| {
            let cell = arrangement.cell(choice, p, 0, 0);
            Panel { title, x: x.clone(), y: y.clone(), marks: marks(&trials[cell]) }
        };
        Ok(titles.map(panel).collect())
    };
    let legend = outcomes::legend(Sample::Spot);
    arrangement.group(Kind::Starts, legend, Some(table(results, &trials)), panels).map(Some)
}

/// The first trials of a cell.
fn of_cell(results: &ResultsFile, cell: usize) -> Result<Vec<Trial>> {
    let shown = (MOST / results.cells.len()).max(1) as u64;
    let name = cell_name(results, cell);
    let shown = 0..results.cells[cell].trials.min(shown);
    let outcomes = results.outcomes_of(cell, &shown)?;
    let balancedness = results.measure("balancedness_initial", cell, shown.clone())?;
    let margins = results.measure("margin_initial", cell, shown)?;
    let trial = |(i, (outcome, steps)): (usize, (Outcome, u64))| {
        let at = [balancedness[i], margins[i]];
        let [balancedness, margin] = at.map(|number| significant(number, 3));
        let ended = format!("{} after {steps} steps", outcome.name());
        let tip =
            format!("{name}, trial {i}: {ended}, balancedness {balancedness}, margin {margin}");
        Trial { at, outcome, tip }
    };
    Ok(outcomes.into_iter().enumerate().map(trial).collect())
}

fn marks(trials: &[Trial]) -> Vec<Mark> {
    let of = |Shown { outcome, series, .. }: Shown| {
        let those = trials.iter().filter(|trial| trial.outcome == outcome);
        let spots = those.map(|trial| Spot { at: trial.at, tip: trial.tip.clone() });
        Mark::Spots { series, spots: spots.collect() }
    };
    let no_margin = Mark::Level(0.0);
    std::iter::once(no_margin).chain(outcomes::OUTCOMES.map(of)).collect()
}

/// Of each cell how many trials are shown, with the ranges of what is measured.
fn table(results: &ResultsFile, trials: &[Vec<Trial>]) -> Table {
    let header = ["cell", "trials shown", "balancedness", "margin"].map(str::to_owned);
    let rows = trials.iter().enumerate().map(|(cell, trials)| {
        let range = |which: usize| {
            let values = || trials.iter().map(|trial| trial.at[which]);
            let [least, most] =
                [values().fold(f64::NAN, f64::min), values().fold(f64::NAN, f64::max)];
            format!("{} .. {}", significant(least, 3), significant(most, 3))
        };
        vec![cell_name(results, cell), trials.len().to_string(), range(0), range(1)]
    });
    Table { header: header.to_vec(), rows: rows.collect() }
}
