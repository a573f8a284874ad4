//! A study whose cells end when they are precise enough: rounds of trials, each planned from what is
//! there, until no cell needs more. How the rounds are cut decides nothing: where a cell ends is seen at
//! fixed numbers of trials (see [`looks`](crate::store::looks)), and what was computed beyond is left out.

use std::borrow::Cow;
use std::path::Path;
use std::time::{Duration, Instant};

use super::blocks::{self, Share};
use super::{Outcome, Run};
use crate::error::{Error, Result};
use crate::stats::Goal;
use crate::store::io::FileSystem;
use crate::store::looks::{Looks, Seen, Standing};
use crate::store::manifest::parts_dir;
use crate::store::scan::scan_looks;
use crate::study::{StoppingRule, Study};

/// A round has so many times the trials before it at most: more might be too many.
const GROWTH: f64 = 1.5;
/// And at least so many times, so that there are not too many rounds.
const LEAST_GROWTH: f64 = 1.1;

/// How often a process looks for what others have published.
const TICK: Duration = Duration::from_millis(200);
/// How long it waits for them at most, in intervals at which they publish, before it does their part.
const PATIENCE: f64 = 2.0;

/// Runs rounds until every cell has enough trials or the run is interrupted.
///
/// # Errors
/// As [`run`](super::run).
pub(super) fn run(run: &mut Run<'_>, rule: StoppingRule) -> Result<Outcome> {
    let mut study = run.study.clone();
    let mut outcome = Outcome::default();
    loop {
        let looks = scan_looks(run.fs, &run.options.dir, &run.manifest)?;
        let open = set_trials(&mut study, &looks, rule);
        outcome.cells_open = open;
        if open == 0 && outcome.trials_run > 0 && outcome.trajectories_left == 0 {
            return Ok(outcome);
        }
        let share = run.options.share;
        outcome = outcome.and(run.once(&study, share)?);
        outcome.cells_open = open;
        if outcome.was_stopped() || open == 0 {
            return Ok(outcome);
        }
        if !share.is_whole() && is_missing(run, &study)? && !wait_for_others(run)? {
            outcome = outcome.and(run.once(&study, Share::WHOLE)?);
            outcome.cells_open = open;
        }
        if outcome.was_stopped() || run.interrupt.raised() {
            return Ok(outcome);
        }
    }
}

/// Says how many trials each cell is to have next; how many cells are not precise enough yet.
fn set_trials(study: &mut Study, looks: &Looks, rule: StoppingRule) -> u64 {
    let mut open = 0;
    for cell in &mut study.cells {
        cell.trials = match looks.standing(cell.index) {
            Standing::Ended(trials) => trials,
            Standing::Open(seen) => {
                open += 1;
                next_trials(seen, rule, study.trials)
            }
        };
    }
    open
}

/// How many trials a cell should have that is not precise enough with those that were seen. The width of an
/// interval falls like one over the number of trials at most.
fn next_trials(seen: Seen, rule: StoppingRule, most: u64) -> u64 {
    let Seen { trials, converged, undecided } = seen;
    let half_width = |successes| rule.interval(successes, trials).half_width();
    let share = |successes| successes as f64 / trials as f64;
    let ends = [converged, converged + undecided];
    let wanted = match rule.goal {
        _ if trials == 0 => 0.0,
        Goal::HalfWidth(most) => ends.map(half_width).into_iter().fold(0.0, f64::max) / most,
        // Infinite for a share of 0.
        Goal::Relative(part) => {
            ends.map(|k| half_width(k) / (part * share(k))).into_iter().fold(0.0, f64::max)
        }
        Goal::Decide(_) => GROWTH,
    };
    let wanted = trials as f64 * wanted.clamp(LEAST_GROWTH, GROWTH);
    let looks = (wanted / rule.every as f64).ceil() as u64;
    looks.max(trials / rule.every + 1).saturating_mul(rule.every).min(most)
}

/// The study with as many trials of each cell as it can need: a half width is reached with one half of the
/// trials converging last.
pub(super) fn at_most(study: &Study) -> Cow<'_, Study> {
    let Some(rule) = study.stopping else { return Cow::Borrowed(study) };
    let is_enough = |looks: u64| {
        let trials = looks * rule.every;
        rule.is_met(trials / 2, 0, trials)
    };
    let most = study.trials.div_ceil(rule.every);
    let (mut low, mut high) = (0, most);
    while matches!(rule.goal, Goal::HalfWidth(_)) && low + 1 < high {
        let middle = low + (high - low) / 2;
        if is_enough(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    let mut study = study.clone();
    let trials = (high * rule.every).min(study.trials);
    study.cells.iter_mut().for_each(|cell| cell.trials = trials);
    Cow::Owned(study)
}

/// Whether trials of the round are missing that are not of this process's share.
fn is_missing(run: &Run<'_>, study: &Study) -> Result<bool> {
    let found = crate::store::scan::scan(run.fs, &run.options.dir, &run.manifest)?;
    Ok(blocks::left(study, &found.coverage, Share::WHOLE).next().is_some())
}

/// Waits until other processes have published something: whether they have, or the run is interrupted.
fn wait_for_others(run: &Run<'_>) -> Result<bool> {
    let parts = parts_dir(&run.options.dir);
    let before = listed(run.fs, &parts)?;
    let patience = Duration::from_secs_f64(PATIENCE * run.study.storage.part_seconds);
    let begin = Instant::now();
    while begin.elapsed() < patience {
        if run.interrupt.raised() || listed(run.fs, &parts)? != before {
            return Ok(true);
        }
        std::thread::sleep(TICK.min(patience));
    }
    Ok(false)
}

fn listed(fs: &dyn FileSystem, dir: &Path) -> Result<Vec<String>> {
    let mut names = fs.list(dir).map_err(Error::storage("list", dir))?;
    names.sort();
    Ok(names)
}
