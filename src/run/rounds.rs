//! A study whose cells end when they are precise enough: rounds of trials, each planned from what is
//! there, until no cell needs more. How the rounds are cut decides nothing: where a cell ends is seen at
//! fixed numbers of trials (see [`looks`](crate::store::looks)), and what was computed beyond is left out.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::{Duration, Instant};

use super::blocks::{self, Share};
use super::work::Round;
use super::{Outcome, Run};
use crate::error::{Error, Result};
use crate::stats::Goal;
use crate::store::allotment::Standing;
use crate::store::io::FileSystem;
use crate::store::looks::Looks;
use crate::store::manifest::parts_dir;
use crate::store::scan::scan_looks;
use crate::study::{Axis, Refinement, StoppingRule, Study};

/// A cell has so many times the trials of the round before: more might be too many, and with fewer there
/// would be too many rounds.
const GROWTH: RangeInclusive<f64> = 1.1..=1.5;

/// How often a process looks for what others have published.
const TICK: Duration = Duration::from_millis(200);
/// How long it waits for them at most, in intervals at which they publish, before it does their part.
const PATIENCE: f64 = 2.0;

/// Runs rounds until every cell has enough trials or the run is interrupted.
///
/// # Errors
/// As [`run`](super::run).
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome> {
    let mut study = run.study.clone();
    let mut outcome = Outcome::default();
    loop {
        let looks = scan_looks(run.fs, &run.options.dir, &run.manifest)?;
        let open = set_trials(&mut study, &looks);
        outcome.cells_open = open;
        tracing::info!("{open} cells need more trials");
        if open == 0 && outcome.trials_run > 0 && outcome.trajectories_left == 0 {
            return Ok(outcome);
        }
        let share = run.options.share;
        let round = Round { foreseen: looks.foreseen(), ended: looks.ended() };
        outcome = outcome.and(run.once(&study, share, round.clone())?);
        outcome.cells_open = open;
        if outcome.was_stopped() || open == 0 {
            return Ok(outcome);
        }
        if !share.is_whole() && is_left_alone(run, &study)? {
            outcome = outcome.and(run.once(&study, Share::WHOLE, round)?);
            outcome.cells_open = open;
        }
        if outcome.was_stopped() || run.interrupt.raised() {
            return Ok(outcome);
        }
    }
}

/// Says how many trials each cell is to have next; how many cells are not precise enough yet.
fn set_trials(study: &mut Study, looks: &Looks) -> u64 {
    for (cell, trials) in study.cells.iter_mut().zip(looks.planned(GROWTH)) {
        cell.trials = trials;
    }
    let is_open = |standing: &Standing| matches!(standing, Standing::Open(_));
    looks.standings().iter().filter(|standing| is_open(standing)).count() as u64
}

/// The study with as many trials of each cell as it can need, if its cells stand so: a half width is reached
/// with one half of the trials converging last. A budget that does not suffice for these is spread evenly. Of
/// a refined axis as many points have trials as can.
pub(super) fn at_most<'a>(study: &'a Study, standings: &[Standing]) -> Cow<'a, Study> {
    if !study.is_adaptive() {
        return Cow::Borrowed(study);
    }
    let mut study = study.clone();
    let trials = study.stopping.map_or(study.trials, |rule| most_trials(&study, rule, standings));
    let idle = idle(&study, standings);
    for cell in &mut study.cells {
        cell.trials = match standings.get(cell.index) {
            Some(Standing::Ended(trials)) if *trials > 0 => *trials,
            Some(Standing::Open(seen)) => trials.max(seen.trials),
            _ if idle.contains(&cell.index) => 0,
            _ => trials,
        };
    }
    Cow::Owned(study)
}

/// The cells of a refined axis that get no trials: those that are known to, and else the last ones between
/// those of the sweep.
fn idle(study: &Study, standings: &[Standing]) -> HashSet<usize> {
    let is_ended = |standing: &Standing| matches!(standing, Standing::Ended(_));
    if !standings.is_empty() && standings.iter().all(is_ended) {
        return (0..standings.len()).filter(|&cell| standings[cell].trials() == 0).collect();
    }
    let Some(Refinement { axis, cells, spacing, .. }) = study.refinement else {
        return HashSet::new();
    };
    let stride: usize = study.axes[axis + 1..].iter().map(Axis::len).product();
    let length = study.axes[axis].len();
    let between = (0..length).filter(|point| !point.is_multiple_of(spacing));
    let last: HashSet<usize> = between.skip(cells as usize).collect();
    let of_last = |cell: &usize| last.contains(&(cell / stride % length));
    (0..study.cells.len()).filter(of_last).collect()
}

/// The most trials of a cell by its rule; on average of those that have not ended, if a budget is less.
fn most_trials(study: &Study, rule: StoppingRule, standings: &[Standing]) -> u64 {
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
    let even = rule.budget.map_or(u64::MAX, |budget| {
        let ended = standings.iter().filter(|standing| matches!(standing, Standing::Ended(_)));
        let (count, spent) =
            ended.fold((0, 0), |(count, spent), standing| (count + 1, spent + standing.trials()));
        budget.saturating_sub(spent) / (study.cells.len() as u64 - count).max(1)
    });
    let even = even - even % rule.every;
    (high * rule.every).min(even.max(rule.every)).min(study.trials)
}

/// Whether trials of the round are missing that are not of this process's share, and no other process
/// publishes any.
fn is_left_alone(run: &Run<'_>, study: &Study) -> Result<bool> {
    // Listed first, so that nothing is missed that others publish while this process looks.
    let before = listed(run.fs, &parts_dir(&run.options.dir))?;
    let found = crate::store::scan::scan(run.fs, &run.options.dir, &run.manifest)?;
    let is_missing = blocks::left(study, &found.coverage, Share::WHOLE).next().is_some();
    Ok(is_missing && !wait_for_others(run, &before)?)
}

/// Waits until other processes have published something besides the parts of `before`: whether they have, or
/// the run is interrupted.
fn wait_for_others(run: &Run<'_>, before: &[String]) -> Result<bool> {
    let parts = parts_dir(&run.options.dir);
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
