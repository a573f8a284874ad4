//! How far a run is: what came of the trials so far, what is left of the process's share of them, and how
//! long that takes.
//!
//! What trials cost differs from cell to cell, and is counted in operations: the steps that they really
//! took times the operations of a step. A trial that is left is taken to cost what those of its cell did; in
//! a cell none of whose trials has ended, what those of the cells before it along the axes did, as a part of
//! the step limit.

use std::time::{Duration, Instant};

use super::blocks::{self, Share};
use super::checkpoint::Left;
use super::method::Method;
use super::probe::STEPS_OF_A_START;
use super::recorded::Recording;
use super::recording;
use super::session::Did;
use crate::store::counted::{CellCounted, Counted, OutcomeCounts};
use crate::store::coverage::Coverage;
use crate::store::manifest::Manifest;
use crate::store::summary::Intervals;
use crate::study::{Axis, Block, Cell, Study};

/// What a process has to do, and has done.
#[derive(Debug, Clone)]
pub struct Work {
    /// Axes of the sweep.
    pub axes: Vec<Axis>,
    /// How bounds of probabilities are computed.
    pub intervals: Intervals,
    /// Whether more trials may follow when these are done.
    pub is_adaptive: bool,
    /// What came of the trials that are there, those of others included.
    pub counted: Counted,
    /// What there is to do of each cell.
    pub cells: Vec<CellWork>,
    /// What this process has done of it.
    pub did: Did,
    /// Operations that it has made since it began with these trials.
    operations: f64,
    begun: Instant,
}

/// What there is to do of a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct CellWork {
    /// Trials of the share, those of earlier runs included.
    pub trials: u64,
    /// Of these, the ones that are left.
    pub left: u64,
    /// Trials that the share is to record, and those of them that are left.
    recordings: u64,
    recordings_left: u64,
    /// Steps that trials have made which are left on their way.
    steps_made: u64,
    max_steps: u64,
    /// Operations of a step of one trial.
    step: f64,
    recording: Option<Recording>,
}

impl CellWork {
    fn of(cell: &Cell, recording: Option<Recording>) -> Self {
        Self {
            trials: 0,
            left: 0,
            recordings: 0,
            recordings_left: 0,
            steps_made: 0,
            max_steps: cell.stop.max_steps,
            step: blocks::operations_of_step(&Method::of(cell)),
            recording,
        }
    }

    /// Operations of a trial that takes so many steps.
    fn operations(&self, steps: f64) -> f64 {
        (STEPS_OF_A_START + steps) * self.step
    }

    /// Operations of recording one.
    fn operations_of_recording(&self, steps: f64) -> f64 {
        let trial = self.operations(steps);
        self.recording.as_ref().map_or(0.0, |recording| recording.cost(steps, trial, 1.0))
    }

    /// Operations of all its trials, and of those that are left.
    fn all_and_left(&self, steps: f64) -> (f64, f64) {
        let (trial, recording) = (self.operations(steps), self.operations_of_recording(steps));
        let sum = |trials, recorded| trials as f64 * trial + recorded as f64 * recording;
        let made = self.steps_made as f64 * self.step;
        let left = sum(self.left, self.recordings_left) - made;
        (sum(self.trials, self.recordings), left.max(0.0))
    }
}

impl Work {
    /// That of a share of the trials of `study`, of which `counted` are there and `recorded` have left their
    /// trajectories.
    pub(super) fn new(
        study: &Study,
        manifest: &Manifest,
        share: Share,
        counted: Counted,
        recorded: &Coverage,
    ) -> Self {
        let recordings = Recording::of_cells(study);
        let of_cell = |cell: &Cell| CellWork::of(cell, recordings.get(cell.index).cloned());
        let mut cells: Vec<CellWork> = study.cells.iter().map(of_cell).collect();
        let nothing = Coverage::new(study.cells.len());
        for block in blocks::left(study, &nothing, share) {
            cells[block.cell].trials += block.count;
        }
        for block in blocks::left(study, counted.coverage(), share) {
            cells[block.cell].left += block.count;
        }
        for (cell, _) in recording::left(study, &nothing, share) {
            cells[cell].recordings += 1;
        }
        for (cell, _) in recording::left(study, recorded, share) {
            cells[cell].recordings_left += 1;
        }
        Self {
            axes: study.axes.clone(),
            intervals: Intervals::of(manifest),
            is_adaptive: study.is_adaptive(),
            counted,
            cells,
            did: Did::default(),
            operations: 0.0,
            begun: Instant::now(),
        }
    }

    /// It begins now, with trials that were left on their way.
    pub(super) fn begin(&mut self, left: &Left) {
        for (&(cell, _, recorded), state) in left {
            if !recorded {
                self.cells[cell].steps_made += state.steps;
            }
        }
        self.begun = Instant::now();
    }

    /// A block is done, of whose steps so many had been made before.
    pub(super) fn take(&mut self, block: Block, counts: OutcomeCounts, steps_before: u64) {
        let steps = counts.steps.saturating_sub(steps_before);
        let cell = &mut self.cells[block.cell];
        cell.left = cell.left.saturating_sub(block.count);
        cell.steps_made = cell.steps_made.saturating_sub(steps_before);
        self.operations += (STEPS_OF_A_START * block.count as f64 + steps as f64) * cell.step;
        self.did.trials += block.count;
        self.did.steps += steps;
        self.counted.add(block, |_| counts);
    }

    /// A trial of a cell is recorded.
    pub(super) fn take_recording(&mut self, cell: usize) {
        let counts = self.counted.cells()[cell].there;
        let work = &mut self.cells[cell];
        work.recordings_left = work.recordings_left.saturating_sub(1);
        let steps = mean_steps(&counts).unwrap_or(work.max_steps as f64);
        self.operations += work.operations_of_recording(steps);
        self.did.trajectories += 1;
    }

    /// Trials of the share.
    pub fn trials(&self) -> u64 {
        self.cells.iter().map(|cell| cell.trials).sum()
    }

    /// Of these, the ones that are left.
    pub fn left(&self) -> u64 {
        self.cells.iter().map(|cell| cell.left).sum()
    }

    /// How long it has gone on.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// What is to be expected of the rest.
    pub fn outlook(&self) -> Outlook {
        let (mut all, mut left) = (0.0, 0.0);
        let limits: Vec<u64> = self.cells.iter().map(|cell| cell.max_steps).collect();
        let steps = expected_steps(&self.axes, &self.counted, &limits);
        for (cell, steps) in self.cells.iter().zip(steps) {
            let of_cell = cell.all_and_left(steps);
            all += of_cell.0;
            left += of_cell.1;
        }
        let fraction = if all > 0.0 { 1.0 - (left / all).min(1.0) } else { 1.0 };
        let seconds = self.elapsed().as_secs_f64() * left / self.operations;
        let seconds_left = (self.operations > 0.0 || left == 0.0).then_some(seconds);
        Outlook { fraction, seconds_left: seconds_left.map(|s| if left > 0.0 { s } else { 0.0 }) }
    }
}

/// What is to be expected of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlook {
    /// The part of all operations that has been made, 0 to 1.
    pub fraction: f64,
    /// Seconds until the rest is done; `None` as long as there is nothing to tell it by.
    pub seconds_left: Option<f64>,
}

/// Steps of a trial of each cell with these step limits: the mean of those that have ended. Where none has,
/// as large a part of the limit as in the cells before it along the axes; else as in all cells; else all of it.
pub fn expected_steps(axes: &[Axis], counted: &Counted, limits: &[u64]) -> Vec<f64> {
    let known =
        |(cell, &limit): (&CellCounted, &u64)| Some(mean_steps(&cell.there)? / limit.max(1) as f64);
    let known: Vec<Option<f64>> = counted.cells().iter().zip(limits).map(known).collect();
    let of_all = mean(known.iter().flatten().copied()).unwrap_or(1.0);
    let mut parts: Vec<Option<f64>> = Vec::with_capacity(known.len());
    for (cell, known) in known.into_iter().enumerate() {
        let like_others = || mean(before(axes, cell).filter_map(|other| parts[other]));
        parts.push(known.or_else(like_others));
    }
    let steps = |(part, &limit): (Option<f64>, &u64)| part.unwrap_or(of_all) * limit as f64;
    parts.into_iter().zip(limits).map(steps).collect()
}

/// The cells one point before a cell, along each axis.
fn before(axes: &[Axis], cell: usize) -> impl Iterator<Item = usize> {
    let mut stride = 1;
    axes.iter().rev().filter_map(move |axis| {
        let of_axis = stride;
        stride *= axis.len();
        (!(cell / of_axis).is_multiple_of(axis.len())).then(|| cell - of_axis)
    })
}

fn mean_steps(counts: &OutcomeCounts) -> Option<f64> {
    let trials = counts.trials();
    (trials > 0).then(|| counts.steps as f64 / trials as f64)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0_u64, 0.0), |(count, sum), x| (count + 1, sum + x));
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::parse;
    use crate::run::manifest;
    use crate::store::tally::Tally;

    /// Two axes of two points; the networks of the first are four times as expensive in the second.
    const STUDY: &str = "trials = 10\n[network]\ninput = 8\noutput = 8\ndepth = 2\n[descent]\n\
                         max_steps = 1000\n[sweep]\n\"network.hidden\" = [8, 32]\n\"init.std\" = [0.1, 0.2]";

    fn study() -> Study {
        parse("study.toml", STUDY, &[], Path::new("")).unwrap()
    }

    fn counts(trials: u64, steps: u64) -> OutcomeCounts {
        let mut tally = Tally::new(0);
        (0..trials).for_each(|_| tally.add(1, steps, 0, false));
        OutcomeCounts::of_tally(&tally)
    }

    fn first(cell: usize, count: u64) -> Block {
        Block { cell, first: 0, count }
    }

    #[test]
    fn cells_without_trials_are_like_those_before_them() {
        let axes = study().axes;
        let mut counted = Counted::new(4);
        let limits = [1000, 1000, 1000, 2000];
        assert_eq!(expected_steps(&axes, &counted, &limits), [1000.0, 1000.0, 1000.0, 2000.0]);
        counted.add(first(1, 2), |_| counts(2, 100));
        assert_eq!(expected_steps(&axes, &counted, &limits), [100.0, 100.0, 100.0, 200.0]);
        counted.add(first(0, 2), |_| counts(2, 300));
        // The last one lies behind both that are known, the mean of whose neighbours it has.
        assert_eq!(expected_steps(&axes, &counted, &limits), [300.0, 100.0, 300.0, 400.0]);
    }

    #[test]
    fn what_is_left_costs_what_was_seen() {
        let study = study();
        let nothing = Coverage::new(4);
        let mut work =
            Work::new(&study, &manifest(&study), Share::WHOLE, Counted::new(4), &nothing);
        work.begin(&Left::new());
        let Outlook { fraction, seconds_left } = work.outlook();
        assert_eq!((fraction, seconds_left), (0.0, None));
        for cell in 0..3 {
            work.take(first(cell, 10), counts(10, 75), 0);
        }
        assert_eq!((work.trials(), work.left(), work.did.steps), (40, 10, 2250));
        // All trials cost as many steps, a step of the wide ones as many operations as of four narrow ones.
        let narrow = blocks::operations_of_step(&Method::of(&study.cells[0]));
        let wide = blocks::operations_of_step(&Method::of(&study.cells[3]));
        let expected = (2.0 * narrow + wide) / (2.0 * narrow + 2.0 * wide);
        let Outlook { fraction, seconds_left } = work.outlook();
        assert!((fraction - expected).abs() < 1e-12, "{fraction} {expected}");
        assert!(seconds_left.is_some_and(|seconds| seconds > 0.0));
        work.take(first(3, 10), counts(10, 400), 0);
        assert_eq!(work.outlook(), Outlook { fraction: 1.0, seconds_left: Some(0.0) });
    }

    #[test]
    fn steps_of_earlier_processes_are_neither_left_nor_done() {
        let study = study();
        let mut work = Work::new(
            &study,
            &manifest(&study),
            "1/2".parse().unwrap(),
            Counted::new(4),
            &Coverage::new(4),
        );
        work.cells[0].steps_made = 900;
        let before = work.outlook().fraction;
        assert!(before > 0.0 && before < 0.1, "{before}");
        let count = work.cells[0].trials;
        work.take(first(0, count), counts(count, 1000), 900);
        assert_eq!(work.did.steps, 1000 * count - 900);
        assert_eq!(work.cells[0].steps_made, 0);
    }
}
