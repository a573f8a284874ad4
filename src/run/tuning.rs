//! The learning rate of a cell where it is tuned: a search over the rates of a grid, as in the experiments
//! of Arora, Cohen, Golowich and Hu (2019), scored on pilot trials that do not count.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;

use super::method;
use crate::descent;
use crate::error::Result;
use crate::start::Starts;
use crate::stop::Outcome;
use crate::study::{Block, Cell, Study, TrialRow, Tuning};

/// Number of the first pilot trial: above those of every study.
const FIRST_PILOT: u64 = 1 << 63;

/// The learning rate of `cell`, which must be one that is tuned: the one of its grid at which most of the
/// pilot trials converge; of several the one at which they take the fewest steps, the others counting as
/// running to the step limit; then the one with the least mean loss at the end; then the least. `None` if
/// `stop` was raised. A function of the seed and the cell; runs on the pool that it is called on.
///
/// Where all pilots converge at some rate in `n` steps together, no trial of a better one takes more than
/// `n`: the others need not run longer. So it is known only of the rates that are not taken whether they
/// were stopped early, which depends on the order of the computation.
///
/// # Panics
/// If the learning rate of the cell is not tuned.
pub fn tune(seed: u64, cell: &Cell, stop: &AtomicBool) -> Option<f64> {
    let tuning = cell.tuning.as_ref().expect("a cell whose learning rate is tuned");
    let enough = AtomicU64::new(cell.stop.max_steps);
    // Large rates diverge or converge fast.
    let scores: Option<Vec<(Score, f64)>> = tuning
        .rates
        .par_iter()
        .rev()
        .map(|&rate| Some((score(seed, cell, tuning, rate, &enough, stop)?, rate)))
        .collect();
    let best = scores?.into_iter().reduce(|best, next| {
        let better = next.0.is_better_than(&best.0);
        // The later one is smaller.
        if better || !best.0.is_better_than(&next.0) { next } else { best }
    });
    best.map(|(_, rate)| rate)
}

/// As [`tune`], on so many threads of its own, to the end.
///
/// # Errors
/// If the threads cannot be started.
///
/// # Panics
/// As [`tune`].
pub fn tune_to_the_end(seed: u64, cell: &Cell, workers: usize) -> Result<f64> {
    let never = AtomicBool::new(false);
    let rate = super::pool(workers)?.install(|| tune(seed, cell, &never));
    Ok(rate.expect("nothing stops it"))
}

/// The study with the learning rates in the middle of their grids, to try it out before it is tuned.
pub(super) fn guessed(study: &Study) -> Cow<'_, Study> {
    if study.cells.iter().all(|cell| cell.tuning.is_none()) {
        return Cow::Borrowed(study);
    }
    let mut study = study.clone();
    for cell in &mut study.cells {
        if let Some(tuning) = &cell.tuning {
            cell.learning_rate = tuning.rates[tuning.rates.len() / 2];
        }
    }
    Cow::Owned(study)
}

/// How the pilot trials of a rate went.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Score {
    /// How many converged.
    converged: u64,
    /// Steps of all, those that did not converge counting as running to the step limit.
    steps: u64,
    /// Sum of their losses at the end.
    loss: f64,
}

impl Score {
    fn of(rows: &[TrialRow], max_steps: u64) -> Self {
        let has_converged = |row: &&TrialRow| row.outcome == Outcome::Converged;
        let steps = |row: &TrialRow| match row.outcome {
            Outcome::Converged => row.steps,
            _ => max_steps,
        };
        let loss = |row: &TrialRow| match row.outcome {
            Outcome::Diverged => f64::INFINITY,
            _ => row.measures.loss_final,
        };
        Self {
            converged: rows.iter().filter(has_converged).count() as u64,
            steps: rows.iter().map(steps).fold(0, u64::saturating_add),
            loss: rows.iter().map(loss).sum(),
        }
    }

    fn is_better_than(&self, other: &Self) -> bool {
        let order = self.converged.cmp(&other.converged).then(other.steps.cmp(&self.steps));
        order.then(other.loss.total_cmp(&self.loss)).is_gt()
    }
}

/// Runs the pilot trials at a rate, none longer than `enough` steps, which is lowered if they all converge.
fn score(
    seed: u64,
    cell: &Cell,
    tuning: &Tuning,
    rate: f64,
    enough: &AtomicU64,
    stop: &AtomicBool,
) -> Option<Score> {
    let mut pilot = Cell { learning_rate: rate, ..cell.clone() };
    pilot.stop.max_steps = enough.load(Ordering::Relaxed).min(cell.stop.max_steps);
    pilot.certificate = cell.certificate.deciding();
    let starts = Starts::new(seed, &pilot);
    let mut kernel = method::kernel(&pilot);
    let block = Block { cell: cell.index, first: FIRST_PILOT, count: tuning.trials };
    let rows = descent::run_block(kernel.as_mut(), &pilot, &starts, block, &[], stop);
    if rows.len() as u64 != tuning.trials {
        return None;
    }
    let score = Score::of(&rows, cell.stop.max_steps);
    if score.converged == tuning.trials {
        enough.fetch_min(score.steps, Ordering::Relaxed);
    }
    Some(score)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn study(text: &str) -> Study {
        let text = format!("{text}\n[descent]\nlearning_rate = \"tuned\"\n");
        config::parse("study.toml", &text, &[], std::path::Path::new("")).unwrap()
    }

    fn tuned(study: &Study, cell: usize) -> f64 {
        tune(study.seed, &study.cells[cell], &AtomicBool::new(false)).unwrap()
    }

    /// One layer: the residual shrinks by `1 - eta` a step, so 1 is the best rate, and all above 2 diverge.
    #[test]
    fn the_best_rate_of_one_layer_is_one() {
        let text = "[network]\ndepth = 1\ninput = 3\noutput = 2\n[stop]\nloss = 1e-20";
        let mut study = study(text);
        for (rates, best) in [
            (vec![0.01, 0.3, 0.9, 1.0, 1.2, 1.99, 2.5], 1.0),
            (vec![0.1, 0.2, 2.5, 4.0], 0.2),
            // None converges within the budget: the least loss at the end.
            (vec![1e-6, 1e-5, 1e-4, 3.0], 1e-4),
            // All diverge.
            (vec![3.0, 4.0], 3.0),
        ] {
            study.cells[0].tuning = Some(Tuning { rates, trials: 5 }.into());
            assert_eq!(tuned(&study, 0), best);
        }
    }

    /// Each rate run to its end alone gives the same answer as a search that stops them early.
    #[test]
    fn what_is_stopped_early_would_not_have_won() {
        let text = "[sweep]\n\"init.std\" = [0.3, 0.6]\n\"network.depth\" = [2, 3]";
        let mut study = study(text);
        for cell in &mut study.cells {
            cell.stop.max_steps = 3000;
        }
        for cell in &study.cells {
            let tuning = cell.tuning.as_ref().unwrap();
            let alone = |&rate: &f64| {
                let enough = AtomicU64::new(u64::MAX);
                let score = score(study.seed, cell, tuning, rate, &enough, &AtomicBool::new(false));
                (score.unwrap(), rate)
            };
            let all: Vec<(Score, f64)> = tuning.rates.iter().map(alone).collect();
            let (score, best) =
                all.iter().fold(
                    all[0],
                    |best, next| {
                        if next.0.is_better_than(&best.0) { *next } else { best }
                    },
                );
            assert_eq!(tuned(&study, cell.index), best);
            assert!(score.converged > 0);
        }
    }

    #[test]
    fn a_search_that_is_stopped_finds_nothing() {
        let study = study("");
        assert_eq!(tune(study.seed, &study.cells[0], &AtomicBool::new(true)), None);
    }
}
