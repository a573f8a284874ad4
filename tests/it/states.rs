//! Trials that are left on their way and gone on from there have the rows they have in one go.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use deeplin::config::parse;
use deeplin::descent::{self, Entry, Queue};
use deeplin::run::method::{self, Method};
use deeplin::start::Starts;
use deeplin::study::{Block, Cell, Study, TrialRow, TrialState};

/// Nets on every kernel, in both formats, reduced and not; of every outcome. The rungs are where the
/// descent can be stopped besides the tests for a stall. Trials of the last net run on from their target
/// until they are proved to converge.
const STUDY: &str = r#"
trials = 20
[network]
input = 3
hidden = 3
output = 3
depth = 3
[stop]
ladder = [1.0, 0.3, 0.1, 0.03, 0.01, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8]
[sweep]
"init.std" = [0.02, 0.4, 1.3]
[[sweep.zip]]
"network.input" = [3, 4, 14, 40, 60, 3]
"network.hidden" = [3, 5, 12, 40, 40, 4]
"network.output" = [3, 2, 12, 40, 1, 3]
"descent.precision" = ["f64", "f32", "f64", "f64", "f64", "f64"]
"descent.max_steps" = [30000, 12000, 11000, 2100, 12000, 12000]
"descent.learning_rate" = [0.05, 0.05, 0.05, 0.005, 0.05, 0.05]
"stop.loss" = [1e-9, 1e-9, 1e-9, 1e-9, 1e-9, 0.3]
"certificate.extra_steps" = [0, 0, 0, 0, 0, 12000]
"#;

/// A descent that is stopped again and again.
struct Stopped<'a> {
    cell: &'a Cell,
    starts: &'a Starts<'a>,
    trials: Vec<u64>,
    states: HashMap<u64, TrialState>,
    rows: BTreeMap<u64, TrialRow>,
    calls: u64,
    stop: &'a AtomicBool,
}

impl<'a> Queue<'a> for Stopped<'a> {
    fn next(&mut self) -> Option<Entry<'a>> {
        let trial = self.trials.pop()?;
        let state = self.states.remove(&trial);
        Some(Entry { cell: self.cell, trial, start: self.starts.start(trial), state })
    }

    fn done(&mut self, _cell: usize, trial: u64, row: TrialRow) {
        self.rows.insert(trial, row);
    }

    fn is_due(&mut self) -> bool {
        self.calls += 1;
        self.stop.store(self.calls.is_multiple_of(3), Ordering::Relaxed);
        false
    }

    fn keep(&mut self, states: Vec<TrialState>) {
        self.states.extend(states.into_iter().map(|state| (state.trial, state)));
    }
}

/// The rows of all trials, and how often a trial went on from a state.
fn stopped_again_and_again(study: &Study, cell: &Cell) -> (Vec<TrialRow>, usize) {
    let starts = Starts::new(study.seed, cell);
    let stop = AtomicBool::new(false);
    let mut resumed = 0;
    let (trials, states, rows) = (Vec::new(), HashMap::new(), BTreeMap::new());
    let mut queue = Stopped { cell, starts: &starts, trials, states, rows, calls: 0, stop: &stop };
    while (queue.rows.len() as u64) < study.trials {
        queue.trials = (0..study.trials).filter(|t| !queue.rows.contains_key(t)).collect();
        resumed += queue.states.len();
        assert!(queue.states.values().all(|state| descent::fits(state, cell, study.ladder.len())));
        stop.store(false, Ordering::Relaxed);
        let mut kernel = method::kernel(cell);
        descent::run(kernel.as_mut(), &mut queue, &study.ladder, &stop);
    }
    (queue.rows.into_values().collect(), resumed)
}

/// All methods, and schedules; reduced and not, of every outcome that they have.
const METHODS: &str = r#"
trials = 6
[network]
input = 3
output = 2
depth = 3
[descent]
learning_rate = 0.04
max_steps = 16000
momentum = 0.8
interval = 60
schedule_steps = 700
[stop]
loss = 1e-9
ladder = [1.0, 0.3, 0.1, 0.03, 0.01, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8]
[sweep]
"init.std" = [0.0, 0.4, 1.3]
"network.hidden" = [4, 9]
[[sweep.zip]]
"descent.method" = ["momentum", "nesterov", "perturbed", "flow", "gradient", "momentum"]
"descent.schedule" = ["constant", "constant", "constant", "constant", "cosine", "step"]
"#;

#[test]
fn trials_go_on_bit_for_bit() {
    let resumed_on = assert_that_trials_go_on(STUDY);
    assert_eq!(resumed_on.keys().collect::<Vec<_>>(), [&"compact", &"panels", &"thin"]);
    assert!(resumed_on.values().all(|&states| states >= 10), "{resumed_on:?}");
}

#[test]
fn trials_of_all_methods_go_on_bit_for_bit() {
    let resumed_on = assert_that_trials_go_on(METHODS);
    let methods = ["flow", "gradient", "momentum", "nesterov", "perturbed"];
    assert!(resumed_on.keys().eq(&methods), "{resumed_on:?}");
    assert!(resumed_on.values().all(|&states| states >= 10), "{resumed_on:?}");
}

/// Compares descents that were stopped with those that were not; how often trials went on, by kernel.
fn assert_that_trials_go_on(study: &str) -> BTreeMap<&'static str, usize> {
    let study = parse("states", study, &[], Path::new(".")).expect("a study");
    let mut resumed_on = BTreeMap::new();
    for cell in &study.cells {
        let block = Block { cell: cell.index, first: 0, count: study.trials };
        let starts = Starts::new(study.seed, cell);
        let mut kernel = method::kernel(cell);
        let go_on = AtomicBool::new(false);
        let expected =
            descent::run_block(kernel.as_mut(), cell, &starts, block, &study.ladder, &go_on);
        let (rows, resumed) = stopped_again_and_again(&study, cell);
        assert_eq!(format!("{rows:?}"), format!("{expected:?}"), "cell {}", cell.index);
        *resumed_on.entry(Method::of(cell).kernel).or_default() += resumed;
    }
    resumed_on
}
