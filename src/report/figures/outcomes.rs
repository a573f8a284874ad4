//! What became of the trials: shares of the outcomes, stacked.

use super::arrangement::{Along, Arrangement};
use super::{Group, Kind};
use crate::draw::{Axis, Key, Mark, Paint, Panel, Sample, Scale, Tile};
use crate::stop::Outcome;
use crate::store::summary::CellSummary;

/// How an outcome is shown.
pub(in crate::report) struct Shown {
    pub(super) outcome: Outcome,
    pub(super) name: &'static str,
    /// The series whose colour, hatch and shape it has.
    pub(in crate::report) series: usize,
    /// How many trials of a cell ended so.
    pub(in crate::report) count: fn(&CellSummary) -> u64,
}

/// The outcomes, in bars from below.
pub(in crate::report) const OUTCOMES: [Shown; 4] = [
    Shown {
        outcome: Outcome::Converged,
        name: "converged",
        series: 0,
        count: |cell| cell.converged,
    },
    Shown {
        outcome: Outcome::StepLimit,
        name: "undecided",
        series: 6,
        count: |cell| cell.step_limit,
    },
    Shown { outcome: Outcome::Stalled, name: "stalled", series: 3, count: |cell| cell.stalled },
    Shown { outcome: Outcome::Diverged, name: "diverged", series: 1, count: |cell| cell.diverged },
];

/// What an outcome is called in figures.
pub(super) fn name(outcome: Outcome) -> &'static str {
    let shown = OUTCOMES.iter().find(|shown| shown.outcome == outcome);
    shown.map_or(outcome.name(), |shown| shown.name)
}

/// What the outcomes look like.
pub(super) fn legend(sample: fn(usize) -> Sample) -> (String, Vec<Key>) {
    let key = |shown: &Shown| Key { sample: sample(shown.series), label: shown.name.to_owned() };
    (String::new(), OUTCOMES.iter().map(key).collect())
}

/// How wide a bar is; the next one begins at 1.
const WIDTH: f64 = 0.84;

pub(super) fn group(arrangement: &Arrangement<'_>) -> Group {
    // Bars are of one width, so they stand beside each other.
    let along = match arrangement.x {
        Some(axis) => arrangement.names(axis),
        None => arrangement.along(),
    };
    let y = Axis { label: "share of the trials".to_owned(), scale: Scale::Linear([0.0, 1.0]) };
    let panel = |choice: &[usize], p| {
        let bars = bars(arrangement, &along, choice, p);
        Panel::of(along.axis.clone(), y.clone(), vec![bars])
    };
    let legend = legend(|series| Sample::Area(Paint::Hatched(series)));
    arrangement.group(Kind::Outcomes, legend, None, panel)
}

fn bars(arrangement: &Arrangement<'_>, along: &Along, choice: &[usize], panel: usize) -> Mark {
    let results = arrangement.results;
    let mut tiles = Vec::new();
    for (i, x) in along.positions.iter().enumerate() {
        let cell = arrangement.cell(choice, panel, 0, i);
        let summary = &results.cells[cell];
        let mut below = 0;
        for Shown { name, series, count, .. } in OUTCOMES {
            let count = count(summary);
            let share = |count: u64| count as f64 / summary.trials as f64;
            let tip = format!("{}: {count} of {} {name}", arrangement.name(cell), summary.trials);
            let y = [share(below), share(below + count)];
            let x = [x - WIDTH / 2.0, x + WIDTH / 2.0];
            below += count;
            if count > 0 {
                tiles.push(Tile { x, y, paint: Paint::Hatched(series), label: String::new(), tip });
            }
        }
    }
    Mark::Tiles(tiles)
}
