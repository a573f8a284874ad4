//! The pilot: the first trials of the cells, run as a study runs them, to learn how many steps trials
//! take, and how long. Its rows are thrown away.

use std::f64::consts::E;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::method;
use super::probe::{Cost, at_once};
use super::spread::scattered;
use crate::descent;
use crate::start::Starts;
use crate::stop::{Outcome, StopRule};
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
    /// Steps of all of them, with those that the ones it ended had still to make.
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
    let to_come = |row| steps_to_come(row, &cell.stop, &study.ladder);
    let left_out: f64 = rows.iter().filter(is_cut).map(to_come).sum();
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

/// Steps that a trial had still to make when it was ended: to the target, if the logarithm of its loss goes on
/// falling as it did from the last rung of the ladder that is a factor e above, and no further than to the
/// step limit.
fn steps_to_come(row: &TrialRow, stop: &StopRule, ladder: &[f64]) -> f64 {
    let loss = row.measures.loss_final;
    let hits = ladder.iter().zip(&row.hit_steps);
    let above = |&(rung, hit): &(&f64, &i64)| *hit >= 0 && *rung >= E * loss;
    let before = hits.take_while(above).last();
    let (loss_before, step) =
        before.map_or((row.measures.loss_initial, 0), |(&rung, &hit)| (rung, hit.cast_unsigned()));
    let fall = libm::log(loss_before / loss) / row.steps.saturating_sub(step) as f64;
    let steps = libm::log(loss / stop.loss) / fall;
    let left = stop.max_steps.saturating_sub(row.steps) as f64;
    // A loss that does not fall has no such number of steps.
    if steps >= 0.0 { steps.min(left) } else { left }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::Measures;

    #[test]
    fn losses_go_on_falling_as_they_did_lately() {
        let stop = StopRule { loss: 1e-6, divergence: 1e12, max_steps: 10_000 };
        let row = |steps, initial, last, hits: [i64; 2]| {
            let measures =
                Measures { loss_initial: initial, loss_final: last, ..Measures::default() };
            TrialRow {
                outcome: Outcome::StepLimit,
                steps,
                measures,
                theorem1: 0,
                certificate: None,
                hit_steps: hits.to_vec(),
            }
        };
        let ladder = [1.0, 1e-2];
        let to_come = |row: &TrialRow| steps_to_come(row, &stop, &ladder);
        // Two decades in 400 steps since the second rung: two more in as many.
        let falling = row(500, 1e4, 1e-4, [90, 100]);
        assert!((to_come(&falling) - 400.0).abs() < 1e-9);
        // No rung yet: a decade since the start.
        let early = row(500, 1e4, 1e3, [-1, -1]);
        assert!((to_come(&early) - 4500.0).abs() < 1e-9);
        // To the limit at most, as one does that rises or is not finite.
        assert_eq!(to_come(&row(500, 1e4, 9.9e3, [-1, -1])), 9500.0);
        for last in [1.0, 2.0, f64::INFINITY, f64::NAN] {
            assert_eq!(to_come(&row(500, 1.0, last, [-1, -1])), 9500.0, "{last}");
        }
    }
}
