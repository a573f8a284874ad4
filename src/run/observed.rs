//! What the records of trajectories take on this machine, tried out: the trials that are to be recorded,
//! each up to a few of its records.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::method;
use super::probe::{Cost, at_once};
use super::recorded::Recording;
use super::recording::recorder;
use super::spread::scattered;
use crate::descent::{self, Entry};
use crate::network::Weights;
use crate::observe::Observer;
use crate::observe::trajectory::Recorder;
use crate::start::{Start, Starts};
use crate::study::{Cell, Study, TrajectoryRule, TrialState};

/// When the last trial begins.
const TIME: Duration = Duration::from_millis(1000);
/// Longest record that is tried out, in seconds by the guess.
const LONGEST: f64 = 1.5;
/// Longest way to the last record of a trial, in seconds: later ones may take longer, which goes unseen.
const WAY: f64 = 2.0;
/// Most records of a trial: more are better spent on other trials.
const MOST_RECORDS: f64 = 8.0;
/// The golden ratio: its multiples are spread evenly between whole numbers.
const GOLDEN: f64 = 0.618_033_988_749_895;

/// What was seen of records.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Seen {
    /// Seconds that they took.
    seconds: f64,
    /// Seconds that they should have taken by the guess.
    guessed: f64,
}

impl Seen {
    fn and(self, other: Self) -> Self {
        Self { seconds: self.seconds + other.seconds, guessed: self.guessed + other.guessed }
    }

    /// How much longer they took than by the guess, if there are any.
    fn factor(self) -> Option<f64> {
        (self.guessed > 0.0).then(|| self.seconds / self.guessed)
    }
}

/// Seconds of a record of each cell, guessed; none if no trial is recorded.
pub(super) fn guessed(study: &Study) -> Vec<f64> {
    Recording::of_cells(study).into_iter().map(|recording| recording.record).collect()
}

/// The same, tried out in some of these cells, whose trials have these costs and take so many steps: what was
/// seen of networks of their shape, else of all.
pub(super) fn timed(
    study: &Study,
    cells: &[usize],
    costs: &[Cost],
    steps: &[f64],
    workers: usize,
) -> Vec<f64> {
    let Some(rule) = study.record else { return Vec::new() };
    let trial = Tried { study, rule, costs, steps };
    let seen = trial.seen(cells, workers);
    let mut by_shape = HashMap::new();
    for &(cell, seen) in &seen {
        let of_shape: &mut Seen = by_shape.entry(&study.cells[cell].shape).or_default();
        *of_shape = of_shape.and(seen);
    }
    let of_all = by_shape.values().fold(Seen::default(), |all, &seen| all.and(seen));
    let factor = |cell: &Cell| by_shape.get(&cell.shape).and_then(|seen| seen.factor());
    let of_cell =
        |(cell, guess): (&Cell, f64)| guess * factor(cell).or(of_all.factor()).unwrap_or(1.0);
    study.cells.iter().zip(guessed(study)).map(of_cell).collect()
}

/// How trials are tried out.
struct Tried<'a> {
    study: &'a Study,
    rule: TrajectoryRule,
    costs: &'a [Cost],
    steps: &'a [f64],
}

impl Tried<'_> {
    /// What was seen of the records of trials of these cells, each with its cell. Which are tried depends on
    /// the time, but one that has begun is run to its last record.
    fn seen(&self, cells: &[usize], workers: usize) -> Vec<(usize, Seen)> {
        let recording = |cell: usize| Recording::of(&self.study.cells[cell], self.rule);
        let is_short = |&cell: &usize| recording(cell).record < LONGEST;
        let cells: Vec<usize> = cells.iter().copied().filter(is_short).collect();
        let (count, next, begin) = (cells.len() as u64, AtomicU64::new(0), Instant::now());
        let share = TIME.as_secs_f64() * workers as f64 / count as f64;
        let of_worker = || {
            let mut seen = Vec::new();
            while begin.elapsed() < TIME {
                let turn = next.fetch_add(1, Ordering::Relaxed);
                if turn >= self.rule.trials.saturating_mul(count) {
                    break;
                }
                let cell = cells[scattered(turn % count, count) as usize];
                // Other records of other trials.
                let offset = (0.5 + GOLDEN * turn as f64).fract();
                let seconds = share.min(TIME.as_secs_f64());
                seen.push((cell, self.of_trial(cell, turn / count, offset, seconds)));
            }
            seen
        };
        at_once(workers, of_worker).into_iter().flatten().collect()
    }

    /// Runs a trial up to as many of its records as take about so many seconds; they lie evenly among its
    /// records, as far as there is time for its steps, from the part `offset` of their distance on.
    fn of_trial(&self, cell: usize, trial: u64, offset: f64, seconds: f64) -> Seen {
        let (steps, cost) = (self.steps[cell], &self.costs[cell]);
        let cell = &self.study.cells[cell];
        let recording = Recording::of(cell, self.rule);
        let step = (recording.lanes * cost.step).max(f64::MIN_POSITIVE);
        let end = steps.min(WAY / step) as u64;
        let count = (seconds / recording.record).clamp(1.0, MOST_RECORDS) as u64;
        let part = |i: u64| (i as f64 + offset) / count as f64;
        let at = |i: u64| recording.steps.at_part(part(i), end);
        let mut timed = Timed {
            recorder: recorder(self.rule, cell, trial),
            steps: (0..count).map(at).collect(),
            guess: recording.record,
            seen: Seen::default(),
        };
        let start = Starts::new(self.study.seed, cell).start(trial);
        let entry = Entry { cell, trial, start, state: None };
        descent::run_observed(method::kernel(cell).as_mut(), entry, &[], &mut timed);
        timed.seen
    }
}

/// A recorder that is timed, at these steps and at the end of a trial that does not come so far.
struct Timed {
    recorder: Recorder,
    /// Ascending; those that are past are taken away.
    steps: Vec<u64>,
    /// Seconds of a record by the guess.
    guess: f64,
    seen: Seen,
}

impl Observer for Timed {
    fn next(&self, step: u64) -> Option<u64> {
        self.steps.iter().copied().find(|&next| next >= step)
    }

    fn observe(&mut self, step: u64, time: f64, excess: f64, weights: &Weights, start: &Start) {
        let begin = Instant::now();
        self.recorder.observe(step, time, excess, weights, start);
        let seconds = begin.elapsed().as_secs_f64();
        self.seen = self.seen.and(Seen { seconds, guessed: self.guess });
        self.steps.retain(|&next| next > step);
    }

    fn next_time(&self) -> Option<f64> {
        None
    }

    fn sample(&mut self, _: &Weights, _: &Start) {}

    fn goes_on(&mut self, _: &mut dyn FnMut() -> Option<TrialState>) -> bool {
        !self.steps.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::parse;

    /// Trials of two shapes, the wider of which takes too long to be tried out.
    const STUDY: &str = "trials = 3\n[network]\ninput = 4\noutput = 4\ndepth = 2\n[descent]\n\
                         max_steps = 500\n[record]\ntrajectory = { trials = 3 }\n[sweep]\n\
                         \"network.hidden\" = [4, 5000]";

    #[test]
    fn records_that_take_long_are_scaled_from_others() {
        let study = parse("study.toml", STUDY, &[], Path::new("")).unwrap();
        let costs = [Cost { cell: 0.0, trial: 1e-6, step: 1e-9 }; 2];
        let guessed = guessed(&study);
        assert!(guessed[0] < LONGEST && guessed[1] > LONGEST, "{guessed:?}");
        let timed = |cells: &[usize]| timed(&study, cells, &costs, &[100.0; 2], 2);
        assert_eq!(timed(&[1]), guessed, "nothing was tried out");
        let records = timed(&[0, 1]);
        let factors = [records[0] / guessed[0], records[1] / guessed[1]];
        assert!(records[0] > 0.0 && (factors[0] / factors[1] - 1.0).abs() < 1e-12, "{records:?}");
    }

    #[test]
    fn a_trial_is_run_to_its_last_record_only() {
        let study = parse("study.toml", STUDY, &[], Path::new("")).unwrap();
        let rule = study.record.unwrap();
        let costs = [Cost { cell: 0.0, trial: 1e-6, step: 1e-9 }; 2];
        let tried = Tried { study: &study, rule, costs: &costs, steps: &[100.0; 2] };
        let records = |seconds: f64| {
            let guess = Recording::of(&study.cells[0], rule).record;
            (tried.of_trial(0, 0, 0.5, seconds * guess).guessed / guess).round()
        };
        assert_eq!([records(0.1), records(3.5), records(1e6)], [1.0, 3.0, MOST_RECORDS]);
    }
}
