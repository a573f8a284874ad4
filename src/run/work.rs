//! How far a run is: what came of the trials so far, what is left of the process's share of them, and how
//! long that takes.
//!
//! What trials cost differs from cell to cell, and is counted in operations: the steps that they really
//! took times the operations of a step. A trial that is left is taken to cost what those of its cell did; in
//! a cell none of whose trials has ended, what those of the cells before it along the axes did, as a part of
//! the step limit. Trials that are recorded are counted likewise, in time by a guess. How long that takes the
//! meters of the workers say, who count what is on its way too: at first that is most of it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::blocks::{self, Share};
use super::checkpoint::Left;
use super::expected::{StepCost, expected_steps};
use super::meter::{Meter, Meters};
use super::method::Method;
use super::probe::STEPS_OF_A_START;
use super::recorded::{Recording, lanes};
use super::recording;
use super::session::Did;
use crate::store::counted::{CellCounts, Counted, OutcomeCounts};
use crate::store::coverage::Coverage;
use crate::store::manifest::Manifest;
use crate::store::summary::Intervals;
use crate::study::{Axis, Block, Cell, Study};

/// Seconds of an operation, and of a nanosecond by the guess, until it is known better.
const PACES: [f64; 2] = [2e-10, 1e-9];

/// What a process has to do, and has done.
#[derive(Debug, Clone)]
pub struct Work {
    /// Axes of the sweep.
    pub axes: Vec<Axis>,
    /// How bounds of probabilities are computed.
    pub intervals: Intervals,
    /// Whether more trials may follow when these are done.
    pub is_adaptive: bool,
    /// The part of the study that the process does.
    pub share: Share,
    /// What came of the trials of the share that are there.
    pub counted: Counted,
    /// What there is to do of each cell.
    pub cells: Vec<CellWork>,
    /// What this process has done of it.
    pub did: Did,
    /// What it had done before.
    before: Did,
    /// Whether it is known how many trials follow when these are done.
    pub is_foreseen: bool,
    /// What came of the trials of cells that have ended, as results have it.
    ended_cells: HashMap<usize, CellCounts>,
    workers: usize,
    meters: Arc<Meters>,
    /// What the meters showed of all that has ended since they began: trials and recordings.
    ended: [f64; 2],
    /// What of that was made here of trials, and what it is by the steps of their rows: those that go on until
    /// they are proved make more.
    made: f64,
    by_rows: f64,
    begun: Instant,
}

/// A process, as far as it has come.
#[derive(Debug, Clone)]
pub(super) struct Process {
    /// Its share of the study.
    pub(super) share: Share,
    pub(super) workers: usize,
    pub(super) meters: Arc<Meters>,
    /// When it began.
    pub(super) begun: Instant,
    /// What it has done.
    pub(super) did: Did,
}

/// What is known of a study when a round of it begins.
#[derive(Debug, Clone, Default)]
pub(super) struct Round {
    /// How many trials each cell comes to have, of all processes together, if that can be told.
    pub(super) foreseen: Option<Vec<u64>>,
    /// What came of the trials of cells that have ended, as results have it.
    pub(super) ended: HashMap<usize, CellCounts>,
}

/// What there is to do of a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct CellWork {
    /// Trials of the share, those of earlier runs included.
    pub trials: u64,
    /// Of these, the ones that are left.
    pub left: u64,
    /// Trials that are expected to follow when these are done.
    later: f64,
    /// Trials that the share is to record, and those of them that are left.
    recordings: u64,
    recordings_left: u64,
    /// Steps that trials have made which are left on their way, and what of recordings is.
    steps_made: u64,
    recording_made: f64,
    steps: StepCost,
    /// As many trials take as long as one alone.
    lanes: f64,
    recording: Option<Recording>,
}

impl CellWork {
    fn of(cell: &Cell, recording: Option<Recording>) -> Self {
        Self {
            trials: 0,
            left: 0,
            later: 0.0,
            recordings: 0,
            recordings_left: 0,
            steps_made: 0,
            recording_made: 0.0,
            steps: StepCost::of(cell),
            lanes: lanes(&Method::of(cell)),
            recording,
        }
    }

    /// Operations of a trial that takes so many steps.
    fn operations(&self, steps: f64) -> f64 {
        (STEPS_OF_A_START + steps) * self.steps.operations
    }

    /// What recording one that takes so many steps is by the guess.
    fn of_recording(&self, steps: f64) -> f64 {
        self.recording.as_ref().map_or(0.0, |recording| recording.measure_up_to(steps))
    }

    /// All of its trials, and those that are left; in operations.
    fn trials(&self, steps: f64) -> Amount {
        let trial = self.operations(steps);
        let of = |count: u64| (count as f64 + self.later) * trial;
        let made = self.steps_made as f64 * self.steps.operations;
        Amount { all: of(self.trials), left: (of(self.left) - made).max(0.0) }
    }

    /// The same of what is recorded, by the guess.
    fn recordings(&self, steps: f64) -> Amount {
        let one = self.of_recording(steps);
        let left = self.recordings_left as f64 * one - self.recording_made;
        Amount { all: self.recordings as f64 * one, left: left.max(0.0) }
    }
}

/// All there is of something, and what is left of it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Amount {
    all: f64,
    left: f64,
}

impl Amount {
    fn and(self, other: Self) -> Self {
        Self { all: self.all + other.all, left: self.left + other.left }
    }

    /// As it is when the trials on their way are taken off, of which `meter` has counted what had not `ended`
    /// of it.
    fn without(self, meter: &Meter, ended: f64) -> Self {
        Self { left: (self.left - (meter.made() - ended).max(0.0)).max(0.0), ..self }
    }

    fn times(self, factor: f64) -> Self {
        Self { all: self.all * factor, left: self.left * factor }
    }
}

impl Work {
    /// That of a process that does its share of the trials of `study`, of which `counted` are there and
    /// `recorded` have left their trajectories.
    pub(super) fn new(
        study: &Study,
        manifest: &Manifest,
        process: Process,
        counted: Counted,
        recorded: &Coverage,
    ) -> Self {
        let Process { share, workers, meters, begun, did: before } = process;
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
            share,
            counted,
            cells,
            did: Did::default(),
            before,
            is_foreseen: !study.is_adaptive(),
            ended_cells: HashMap::new(),
            workers,
            ended: [meters.trials.made(), meters.recordings.made()],
            made: 0.0,
            by_rows: 0.0,
            meters,
            begun,
        }
    }

    /// It is a round of `study`, of which so much is known.
    pub(super) fn set_round(&mut self, round: Round, study: &Study) {
        if let Some(foreseen) = round.foreseen {
            for ((cell, of), trials) in self.cells.iter_mut().zip(&study.cells).zip(foreseen) {
                cell.later = self.share.part_of(trials.saturating_sub(of.trials));
            }
            self.is_foreseen = true;
        }
        self.ended_cells = round.ended;
    }

    /// What came of the trials of a cell; of one that has ended, of those that results hold.
    pub fn counts(&self, cell: usize) -> CellCounts {
        self.ended_cells.get(&cell).copied().unwrap_or_else(|| self.counted.cell(cell))
    }

    /// It goes on with trials of its share of `study` that were left on their way.
    pub(super) fn begin(&mut self, left: &Left, study: &Study) {
        let samples = blocks::samples(study, self.share);
        let recordings: HashSet<(usize, u64)> = match left.keys().any(|(.., recorded)| *recorded) {
            true => recording::left(study, &Coverage::new(study.cells.len()), self.share).collect(),
            false => HashSet::new(),
        };
        for (&(index, trial, recorded), state) in left {
            let cell = &mut self.cells[index];
            let is_due = trial < study.cells[index].trials && samples[index].holds(trial);
            if recorded && recordings.contains(&(index, trial)) {
                cell.recording_made += cell.of_recording(state.steps as f64);
            } else if !recorded && is_due && !self.counted.coverage().holds(index, trial) {
                cell.steps_made += state.steps;
            }
        }
    }

    /// A block is done, for which so many operations were `made` here; so many of its steps had been made before.
    pub(super) fn take(
        &mut self,
        block: Block,
        counts: OutcomeCounts,
        made: f64,
        steps_before: u64,
    ) {
        let steps = counts.steps.saturating_sub(steps_before);
        let cell = &mut self.cells[block.cell];
        cell.left = cell.left.saturating_sub(block.count);
        cell.steps_made = cell.steps_made.saturating_sub(steps_before);
        self.ended[0] += made;
        self.made += made;
        self.by_rows +=
            (STEPS_OF_A_START * block.count as f64 + steps as f64) * cell.steps.operations;
        self.did.trials += block.count;
        self.did.steps += steps;
        self.counted.add(block, |_| counts);
    }

    /// A trial of a cell is recorded, which the meter has counted as so much, and which had made so many steps
    /// before.
    pub(super) fn take_recording(&mut self, cell: usize, made: f64, steps_before: u64) {
        let cell = &mut self.cells[cell];
        cell.recordings_left = cell.recordings_left.saturating_sub(1);
        if steps_before > 0 {
            let before = cell.of_recording(steps_before as f64);
            cell.recording_made = (cell.recording_made - before).max(0.0);
        }
        self.ended[1] += made;
        self.did.trajectories += 1;
    }

    /// What this process has done of all its work.
    pub fn done(&self) -> Did {
        let mut done = self.before;
        done.add(&self.did);
        done
    }

    /// Trials of the share.
    pub fn trials(&self) -> u64 {
        self.cells.iter().map(|cell| cell.trials).sum()
    }

    /// Of these, the ones that are left.
    pub fn left(&self) -> u64 {
        self.cells.iter().map(|cell| cell.left).sum()
    }

    /// Trials of the share that are recorded.
    pub fn recordings(&self) -> u64 {
        self.cells.iter().map(|cell| cell.recordings).sum()
    }

    /// Of these, the ones that are left.
    pub fn recordings_left(&self) -> u64 {
        self.cells.iter().map(|cell| cell.recordings_left).sum()
    }

    /// How long the process has gone on.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// What is to be expected of the rest.
    pub fn outlook(&self) -> Outlook {
        let limits: Vec<u64> = self.cells.iter().map(|cell| cell.steps.max_steps).collect();
        let steps = expected_steps(&self.axes, &self.counted, &limits);
        let cells = || self.cells.iter().zip(steps.iter().copied());
        let beyond = if self.by_rows > 0.0 { self.made / self.by_rows } else { 1.0 };
        let trials = cells().map(|(cell, steps)| cell.trials(steps).times(beyond));
        let recordings = cells().map(|(cell, steps)| cell.recordings(steps));
        let Meters { trials: of_trials, recordings: of_recordings } = &*self.meters;
        let trials = trials.fold(Amount::default(), Amount::and).without(of_trials, self.ended[0]);
        let recordings = recordings.fold(Amount::default(), Amount::and);
        let recordings = recordings.without(of_recordings, self.ended[1]);
        let is_known = trials.left == 0.0 || of_trials.pace().is_some();
        let trials = trials.times(of_trials.pace().unwrap_or(PACES[0]));
        let recordings = recordings.times(of_recordings.pace().unwrap_or(PACES[1]));
        let Amount { all, left } = trials.and(recordings);
        let seconds =
            trials.left / self.full_workers() + recordings.left / self.recording_workers();
        Outlook {
            fraction: if all > 0.0 { 1.0 - (left / all).min(1.0) } else { 1.0 },
            seconds_left: is_known.then_some(seconds),
            is_bound: left > 0.0 && self.counted.cells().all(|cell| cell.there.trials() == 0),
        }
    }

    /// Workers whose kernels the trials that are left fill: less than one where they do not fill one.
    fn full_workers(&self) -> f64 {
        let full = |cell: &CellWork| (cell.left as f64 + cell.later) / cell.lanes;
        let full: f64 = self.cells.iter().map(full).sum();
        if full > 0.0 { full.min(self.workers as f64) } else { 1.0 }
    }

    /// Workers that there is a trial to record for.
    fn recording_workers(&self) -> f64 {
        self.recordings_left().clamp(1, self.workers as u64) as f64
    }
}

/// What is to be expected of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlook {
    /// The part of all operations that has been made, 0 to 1.
    pub fraction: f64,
    /// Seconds until the rest is done; `None` as long as there is nothing to tell it by.
    pub seconds_left: Option<f64>,
    /// Whether that is the most that it may take: no trial has ended yet.
    pub is_bound: bool,
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

    /// A process of two workers that has done nothing yet.
    fn process(share: Share) -> Process {
        let (meters, did) = (Arc::default(), Did::default());
        Process { share, workers: 2, meters, begun: Instant::now(), did }
    }

    /// The first trials of a cell are done, of so many steps each of which so many had been made before.
    fn take(work: &mut Work, cell: usize, count: u64, steps: u64, steps_before: u64) {
        let made = STEPS_OF_A_START * count as f64 + (count * steps - steps_before) as f64;
        let made = made * work.cells[cell].steps.operations;
        work.take(first(cell, count), counts(count, steps), made, steps_before);
    }

    fn first(cell: usize, count: u64) -> Block {
        Block { cell, first: 0, count }
    }

    #[test]
    fn what_is_left_costs_what_was_seen() {
        let study = study();
        let nothing = Coverage::new(4);
        let process = process(Share::WHOLE);
        let mut work = Work::new(&study, &manifest(&study), process, Counted::new(4), &nothing);
        work.begin(&Left::new(), &study);
        let nothing = Outlook { fraction: 0.0, seconds_left: None, is_bound: true };
        assert_eq!(work.outlook(), nothing);
        for cell in 0..3 {
            take(&mut work, cell, 10, 75, 0);
        }
        // Three seconds of a worker for these.
        work.meters.trials.add(work.ended[0], work.ended[0], Duration::from_secs(3));
        assert_eq!((work.trials(), work.left(), work.did.steps), (40, 10, 2250));
        // All trials cost as many steps, a step of the wide ones as many operations as of four narrow ones.
        let narrow = blocks::operations_of_step(&Method::of(&study.cells[0]));
        let wide = blocks::operations_of_step(&Method::of(&study.cells[3]));
        let expected = (2.0 * narrow + wide) / (2.0 * narrow + 2.0 * wide);
        let Outlook { fraction, seconds_left, is_bound } = work.outlook();
        assert!(!is_bound);
        assert!((fraction - expected).abs() < 1e-6, "{fraction} {expected}");
        // Ten trials do not fill the kernels of two workers.
        let full = 10.0 / work.cells[3].lanes;
        assert!(1.0 < full && full < 2.0, "{full}");
        let seconds = 3.0 * wide / (2.0 * narrow + wide) / full;
        assert!((seconds_left.unwrap() / seconds - 1.0).abs() < 1e-6, "{seconds_left:?} {seconds}");
        // Half of it is on its way.
        let half = wide * 10.0 * (STEPS_OF_A_START + 75.0) / 2.0;
        let pace = work.meters.trials.pace().unwrap();
        work.meters.trials.add(half, half, Duration::from_secs_f64(half * pace));
        let on_its_way = work.outlook().seconds_left.unwrap();
        assert!((on_its_way / (seconds / 2.0) - 1.0).abs() < 1e-6, "{on_its_way} {seconds}");
        take(&mut work, 3, 10, 400, 0);
        let all = Outlook { fraction: 1.0, seconds_left: Some(0.0), is_bound: false };
        assert_eq!(work.outlook(), all);
    }

    #[test]
    fn steps_of_earlier_processes_are_neither_left_nor_done() {
        let study = study();
        let mut work = Work::new(
            &study,
            &manifest(&study),
            process("1/2".parse().unwrap()),
            Counted::new(4),
            &Coverage::new(4),
        );
        work.cells[0].steps_made = 900;
        let before = work.outlook().fraction;
        assert!(before > 0.0 && before < 0.1, "{before}");
        let count = work.cells[0].trials;
        take(&mut work, 0, count, 1000, 900);
        assert_eq!(work.did.steps, 1000 * count - 900);
        assert_eq!(work.cells[0].steps_made, 0);
    }

    #[test]
    fn recordings_are_left_too() {
        let text = format!("{STUDY}\n[record]\ntrajectory = {{ trials = 2 }}");
        let study = parse("study.toml", &text, &[], Path::new("")).unwrap();
        let nothing = Coverage::new(4);
        let process = process(Share::WHOLE);
        let mut work = Work::new(&study, &manifest(&study), process, Counted::new(4), &nothing);
        for cell in 0..4 {
            take(&mut work, cell, 10, 75, 0);
        }
        work.meters.trials.add(work.ended[0], work.ended[0], Duration::from_secs(4));
        // Nothing is known of recordings but the guess.
        let recording = |cell: usize| work.cells[cell].of_recording(75.0);
        let all: f64 = (0..4).map(|cell| 2.0 * recording(cell)).sum();
        let seconds_left = work.outlook().seconds_left.unwrap();
        assert!((seconds_left / (all * 1e-9 / 2.0) - 1.0).abs() < 1e-9, "{seconds_left}");
        // One of eight takes five times as long.
        let made = recording(0);
        work.meters.recordings.add(made, made, Duration::from_secs_f64(5e-9 * made));
        work.take_recording(0, made, 0);
        let (before, seconds_left) = (seconds_left, work.outlook().seconds_left.unwrap());
        let expected = 5.0 * (1.0 - made / all) * before;
        assert!((seconds_left / expected - 1.0).abs() < 1e-5, "{seconds_left} {expected}");
    }

    #[test]
    fn what_follows_is_left_too() {
        let (study, nothing) = (study(), Coverage::new(4));
        let process = process(Share::WHOLE);
        let mut work = Work::new(&study, &manifest(&study), process, Counted::new(4), &nothing);
        let before = work.outlook().fraction;
        take(&mut work, 0, 10, 75, 0);
        let of_round = work.outlook().fraction;
        let round = Round { foreseen: Some(vec![30; 4]), ..Round::default() };
        work.set_round(round, &study);
        let of_all = work.outlook().fraction;
        assert!(before < of_all && of_all < of_round / 2.0, "{before} {of_all} {of_round}");
    }
}
