//! Outcomes by balancedness and margin of the start.

use std::collections::BTreeMap;

use super::arrangement::Arrangement;
use super::outcomes::{self, Shown};
use super::{Group, Kind, Table};
use crate::Result;
use crate::draw::{Axis, Mark, Panel, Sample, Scale, Spot};
use crate::report::format::significant;
use crate::stop::Outcome;

/// Trials that are shown in all.
const MOST: usize = 600;

/// A trial: its balancedness and margin, and what became of it.
struct Trial {
    at: [f64; 2],
    outcome: Outcome,
    tip: String,
}

pub(super) fn group(arrangement: &Arrangement<'_>) -> Result<Group> {
    let cells = arrangement.shown();
    let most = (MOST / cells.len()).max(1) as u64;
    let of_cell = |cell| Ok((cell, of_cell(arrangement, cell, most)?));
    let trials: BTreeMap<usize, Vec<Trial>> =
        cells.into_iter().map(of_cell).collect::<Result<_>>()?;
    let all = |which: usize| trials.values().flatten().map(move |trial| trial.at[which]);
    // Starts that are balanced to the last bit have no logarithm.
    let scale = match all(0).all(|balancedness| balancedness != 0.0) {
        true => Scale::of(&all(0).collect::<Vec<_>>(), true),
        false => Scale::signed(all(0)),
    };
    let x = Axis { label: "balancedness of the start".to_owned(), scale };
    let scale = Scale::signed(all(1).chain([0.0]));
    let y = Axis { label: "deficiency margin".to_owned(), scale };
    let panel = |choice: &[usize], p| {
        let cell = arrangement.cell(choice, p, 0, 0);
        Panel::of(x.clone(), y.clone(), marks(&trials[&cell]))
    };
    let legend = outcomes::legend(Sample::Spot);
    let group = arrangement.group(Kind::Starts, legend, Some(table(arrangement, &trials)), panel);
    let has_more = |cell: &usize| arrangement.results.cells[*cell].trials > most;
    let left_out = trials.keys().any(has_more).then(|| match most {
        1 => "Shown is the first trial of each cell.".to_owned(),
        most => format!("Shown are the first {most} trials of each cell."),
    });
    Ok(Group { left_out, ..group })
}

/// The first trials of a cell.
fn of_cell(arrangement: &Arrangement<'_>, cell: usize, most: u64) -> Result<Vec<Trial>> {
    let results = arrangement.results;
    let name = arrangement.full_name(cell);
    let shown = 0..results.cells[cell].trials.min(most);
    let outcomes = results.outcomes_of(cell, &shown)?;
    let balancedness = results.measure("balancedness_initial", cell, shown.clone())?;
    let margins = results.measure("margin_initial", cell, shown)?;
    let trial = |(i, (outcome, steps)): (usize, (Outcome, u64))| {
        let at = [balancedness[i], margins[i]];
        let [balancedness, margin] = at.map(|number| significant(number, 3));
        let ended = format!("{} after {steps} steps", outcomes::name(outcome));
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
fn table(arrangement: &Arrangement<'_>, trials: &BTreeMap<usize, Vec<Trial>>) -> Table {
    let header = ["cell", "trials shown", "balancedness", "margin"].map(str::to_owned);
    let rows = trials.iter().map(|(&cell, trials)| {
        let range = |which: usize| {
            let values = || trials.iter().map(|trial| trial.at[which]);
            let [least, most] =
                [values().fold(f64::NAN, f64::min), values().fold(f64::NAN, f64::max)];
            match least.is_nan() {
                true => "-".to_owned(),
                false => format!("{} .. {}", significant(least, 3), significant(most, 3)),
            }
        };
        vec![arrangement.full_name(cell), trials.len().to_string(), range(0), range(1)]
    });
    Table { header: header.to_vec(), rows: rows.collect() }
}
