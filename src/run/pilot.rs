//! The pilot: the first trials of the cells, run as a study runs them, to learn how many steps trials
//! take, and how long. Its rows are thrown away.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::method;
use super::probe::{Cost, at_once};
use super::spread::scattered;
use crate::descent;
use crate::start::Starts;
use crate::stop::Outcome;
use crate::study::{Block, Cell, Study, TrialRow};

/// When the last trial begins.
const TIME: Duration = Duration::from_millis(2500);
/// Cells that there is to be time for whatever their trials cost.
const CELLS: usize = 24;
/// Longest batch that is planned, in seconds.
const LONGEST: f64 = 1.0;

/// What was seen of one cell.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Seen {
    /// Trials that were run.
    pub(super) trials: u64,
    /// Of these, the ones that the pilot ended.
    pub(super) cut: u64,
    /// Steps of all of them; those that the pilot ended count as running to the step limit.
    pub(super) steps: f64,
    /// Seconds that they took.
    pub(super) seconds: f64,
    /// Seconds that they should have taken by their costs.
    pub(super) expected: f64,
}

impl Seen {
    /// These and others.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            trials: self.trials + other.trials,
            cut: self.cut + other.cut,
            steps: self.steps + other.steps,
            seconds: self.seconds + other.seconds,
            expected: self.expected + other.expected,
        }
    }
}

/// Runs the first trials of all cells, or of a spread of them if there are many, and tells for each
/// cell what was seen. `costs` gives what a trial of each cell costs.
///
/// Which trials are run depends on the time, but a trial that has begun is run to its end: stopping at
/// the clock would drop the long ones.
pub(super) fn pilot(study: &Study, costs: &[Cost], workers: usize) -> Vec<Seen> {
    // Not all cells of a refined axis have trials.
    let tried = || study.cells.iter().filter(|cell| cell.trials > 0);
    let share = TIME.as_secs_f64() * workers as f64 / tried().count().min(CELLS) as f64;
    let share = share.min(LONGEST);
    let has_time = |cell: &&Cell| costs[cell.index].cell + costs[cell.index].of_trial(1.0) < share;
    let cells: Vec<&Cell> = tried().filter(has_time).collect();
    let (begin, next, count) = (Instant::now(), AtomicU64::new(0), cells.len() as u64);
    let seen = at_once(workers, || {
        let mut seen = Vec::new();
        while begin.elapsed() < TIME {
            let turn = next.fetch_add(1, Ordering::Relaxed);
            if turn >= study.trials.saturating_mul(count) {
                break;
            }
            let cell = cells[scattered(turn % count, count) as usize];
            let batch = batch(study, cell, &costs[cell.index], turn / count, share);
            seen.extend(batch.map(|batch| (cell.index, batch)));
        }
        seen
    });
    let mut by_cell = vec![Seen::default(); study.cells.len()];
    for (cell, batch) in seen.into_iter().flatten() {
        by_cell[cell] = by_cell[cell].and(batch);
    }
    by_cell
}

/// Runs the `round`-th trials of a cell, as many as the kernel takes side by side, for at most about
/// so many seconds; `None` if the cell has no more trials.
fn batch(study: &Study, cell: &Cell, cost: &Cost, round: u64, seconds: f64) -> Option<Seen> {
    let begin = Instant::now();
    let mut kernel = method::kernel(cell);
    let lanes = kernel.lanes() as u64;
    let first = round * lanes;
    let count = lanes.min(study.trials.checked_sub(first).filter(|&left| left > 0)?);
    let time = (seconds - cost.cell) / lanes as f64 - cost.trial;
    let affordable = ((time / cost.step.max(f64::MIN_POSITIVE)) as u64).max(1);
    let mut short = cell.clone();
    // Not ended shortly before its end.
    if affordable < cell.stop.max_steps / 2 {
        short.stop.max_steps = affordable;
    }
    let starts = Starts::new(study.seed, cell);
    let block = Block { cell: cell.index, first, count };
    let go_on = AtomicBool::new(false);
    let rows = descent::run_block(kernel.as_mut(), &short, &starts, block, &study.ladder, &go_on);
    let is_cut =
        |row: &&TrialRow| row.outcome == Outcome::StepLimit && row.steps < cell.stop.max_steps;
    let cut = rows.iter().filter(is_cut).count() as u64;
    let left_out = cut as f64 * (cell.stop.max_steps - short.stop.max_steps) as f64;
    let longest = rows.iter().map(|row| row.steps).max().unwrap_or(0);
    Some(Seen {
        trials: count,
        cut,
        steps: rows.iter().map(|row| row.steps as f64).sum::<f64>() + left_out,
        seconds: begin.elapsed().as_secs_f64(),
        // The lanes go on together until the last one has ended.
        expected: cost.cell + lanes as f64 * cost.of_trial(longest as f64),
    })
}
