//! Recording trials: which are left, and one worker's part in it. Each runs once more, alone, so that
//! the trials of blocks are never held up.

use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::blocks::Share;
use super::checkpoint::Left;
use super::interrupt::Interrupt;
use super::meter::Meter;
use super::method;
use super::recorded::Recording;
use super::worker::Message;
use crate::descent::{self, Entry};
use crate::network::Weights;
use crate::observe::Observer;
use crate::observe::spacing::RecordedSteps;
use crate::observe::trajectory::{Recorder, Sizes};
use crate::start::{Start, Starts};
use crate::store::coverage::Coverage;
use crate::store::trajectories::Recorded;
use crate::study::{Cell, Study, TrajectoryRule, TrialState};

/// Trials of the study that `share` is to record and `there` does not hold yet: cell and number. They go
/// round the shares in turn.
pub(super) fn left<'a>(
    study: &'a Study,
    there: &'a Coverage,
    share: Share,
) -> impl Iterator<Item = (usize, u64)> + Send + 'a {
    let traced = study.record.map_or(0, |rule| rule.trials);
    let of_cell = move |cell: &'a Cell| (0..traced).map(move |trial| (cell.index, trial));
    let all = (0..).zip(study.cells.iter().flat_map(of_cell));
    let ours = move |&(turn, (cell, trial)): &_| share.takes(turn) && !there.holds(cell, trial);
    all.filter(ours).map(|(_, trial)| trial)
}

/// The recorder of a trial.
pub(super) fn recorder(rule: TrajectoryRule, cell: &Cell, trial: u64) -> Recorder {
    let TrajectoryRule { points, spacing, spectra, .. } = rule;
    let steps = RecordedSteps { spacing, points, max_steps: cell.stop.max_steps };
    Recorder::new(cell, trial, steps, Vec::new(), spectra)
}

/// Whether what has been recorded up to a state, if it is one of a trial that is recorded, fits its cell.
pub(super) fn fits(state: &TrialState, cell: &Cell, rule: Option<TrajectoryRule>) -> bool {
    let Some(numbers) = &state.recorded else { return true };
    let traced = rule.filter(|rule| state.trial < rule.trials);
    traced.is_some_and(|rule| recorder(rule, cell, state.trial).go_on(numbers))
}

/// Records the trials that `next` gives until none is left, the run is interrupted, or nobody takes what
/// was recorded. Trials go on from where they were `left`.
pub(super) fn work(
    study: &Study,
    left: &Left,
    next: impl Fn() -> Option<(usize, u64)>,
    interrupt: &Interrupt,
    sender: &Sender<Message>,
    meter: &Meter,
) {
    let Some(rule) = study.record else { return };
    let mut starts: Option<(usize, Starts<'_>)> = None;
    while !interrupt.raised()
        && let Some((index, trial)) = next()
    {
        let cell = &study.cells[index];
        let (_, starts) = match starts.take() {
            Some(known) if known.0 == index => starts.insert(known),
            _ => starts.insert((index, Starts::new(study.seed, cell))),
        };
        let mut recorder = recorder(rule, cell, trial);
        let state = left.get(&(index, trial, true));
        if let Some(numbers) = state.and_then(|state| state.recorded.as_ref()) {
            recorder.go_on(numbers);
        }
        let entry = Entry { cell, trial, start: starts.start(trial), state: state.cloned() };
        let interval = Duration::from_secs_f64(study.storage.part_seconds);
        let cost = Recording::of(cell, rule);
        let measured = Measured::from(state.map_or(0, |state| state.steps), cost, meter);
        let mut kept =
            Kept { recorder, interrupt, sender, interval, looked: Instant::now(), measured };
        let mut kernel = method::kernel(cell);
        let row = descent::run_observed(kernel.as_mut(), entry, &study.ladder, &mut kept);
        if row.is_none() {
            return;
        }
        let numbers = kept.recorder.so_far().to_numbers();
        let sizes = Sizes::of(&cell.shape);
        let recorded = Recorded { cell: index, trial, sizes, numbers };
        if sender.send(Message::Trajectory(recorded, kept.measured.made)).is_err() {
            return;
        }
    }
}

/// What is made of a trial that is recorded, from record to record.
struct Measured<'a> {
    cost: Recording,
    meter: &'a Meter,
    /// Where it was when that was said last.
    steps: u64,
    said: Instant,
    /// All of it.
    made: f64,
}

impl<'a> Measured<'a> {
    /// Of a trial that goes on after so many steps.
    fn from(steps: u64, cost: Recording, meter: &'a Meter) -> Self {
        Self { cost, meter, steps, said: Instant::now(), made: 0.0 }
    }

    /// There is a record at this step.
    fn record(&mut self, step: u64) {
        let made = self.cost.measure((step - self.steps) as f64, 1.0);
        let now = Instant::now();
        self.meter.add(made, made, now.duration_since(self.said));
        self.made += made;
        (self.steps, self.said) = (step, now);
    }
}

/// A recorder whose trial is kept where it is, now and then and when the run is interrupted.
struct Kept<'a> {
    recorder: Recorder,
    interrupt: &'a Interrupt,
    sender: &'a Sender<Message>,
    interval: Duration,
    looked: Instant,
    measured: Measured<'a>,
}

impl Observer for Kept<'_> {
    fn next(&self, step: u64) -> Option<u64> {
        self.recorder.next(step)
    }

    fn observe(&mut self, step: u64, time: f64, excess: f64, weights: &Weights, start: &Start) {
        self.recorder.observe(step, time, excess, weights, start);
        self.measured.record(step);
    }

    fn next_time(&self) -> Option<f64> {
        self.recorder.next_time()
    }

    fn sample(&mut self, weights: &Weights, start: &Start) {
        self.recorder.sample(weights, start);
    }

    fn goes_on(&mut self, state: &mut dyn FnMut() -> Option<TrialState>) -> bool {
        let stopped = self.interrupt.raised();
        if !stopped && self.looked.elapsed() < self.interval {
            return true;
        }
        self.looked = Instant::now();
        let recorded = Some(self.recorder.so_far().to_numbers());
        let state = state().map(|state| TrialState { recorded, ..state });
        let sent = state.is_none_or(|state| self.sender.send(Message::States(vec![state])).is_ok());
        sent && !stopped
    }
}
