//! The loop of gradient descent: a queue of trials, advanced on a kernel until each has its verdict.

mod checks;
mod lane;

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use self::lane::Lane;
pub use self::lane::fits;
use crate::kernel::{Kernel, Window};
use crate::observe::Observer;
use crate::start::{Start, Starts};
use crate::study::{Block, Cell, TrialRow, TrialState};

/// A trial that is ready to begin.
#[derive(Debug)]
pub struct Entry<'a> {
    /// Its cell.
    pub cell: &'a Cell,
    /// Its number.
    pub trial: u64,
    /// Where it starts.
    pub start: Start,
    /// Where it was left, if it has been on its way before.
    pub state: Option<TrialState>,
}

/// Where trials come from and where their rows go.
pub trait Queue<'a> {
    /// The next trial, of any cell that the kernel computes; `None` if there is none, and then none
    /// ever after.
    fn next(&mut self) -> Option<Entry<'a>>;

    /// Takes the row of a trial, identified by the index of its cell and its number. Trials end in any
    /// order.
    fn done(&mut self, cell: usize, trial: u64, row: TrialRow);

    /// The kernel has made so many steps of each of its `trials`, with room for those in so many `lanes`.
    fn advanced(&mut self, steps: u64, trials: usize, lanes: usize) {
        let _ = (steps, trials, lanes);
    }

    /// A trial of a cell is about to be done that the kernel has made so many steps of, from where it was left
    /// and beyond the one at which it hit its target.
    fn made(&mut self, cell: usize, trial: u64, steps: u64) {
        let _ = (cell, trial, steps);
    }

    /// Whether it is time to [`keep`](Self::keep) the trials that are on their way. Asked between calls
    /// of the kernel.
    fn is_due(&mut self) -> bool;

    /// Takes the states of the trials that are on their way and have made steps: now and then, and
    /// when the descent is stopped.
    fn keep(&mut self, states: Vec<TrialState>);
}

/// Advances the trials of `queue` until all have ended or `stop` is raised. A lane that becomes free
/// takes the next trial at once.
pub fn run<'a>(
    kernel: &mut dyn Kernel,
    queue: &mut dyn Queue<'a>,
    ladder: &[f64],
    stop: &AtomicBool,
) {
    let mut lanes: Vec<Option<Lane>> = (0..kernel.lanes()).map(|_| None).collect();
    let mut windows = vec![IDLE; lanes.len()];
    // Lanes that stay without a trial from now on.
    let mut idle = vec![false; lanes.len()];
    loop {
        for i in 0..lanes.len() {
            if lanes[i].is_some() || idle[i] {
                continue;
            }
            match queue.next() {
                Some(entry) => lanes[i] = Some(Lane::load(kernel, i, entry, ladder)),
                None => {
                    kernel.clear(i);
                    idle[i] = true;
                }
            }
        }
        if lanes.iter().all(Option::is_none) {
            return;
        }
        let stopped = stop.load(Ordering::Relaxed);
        if stopped || queue.is_due() {
            queue.keep(states(kernel, &mut lanes));
        }
        if stopped {
            return;
        }
        let loaded = lanes.iter().flatten();
        let most = loaded.map(|lane| lane.steps_to_event(u64::MAX).min(lane.longest_call()));
        let most = most.min().unwrap_or(0);
        for (window, lane) in windows.iter_mut().zip(&lanes) {
            *window = lane.as_ref().map_or(IDLE, Lane::window);
        }
        let steps = kernel.advance(most, &windows);
        queue.advanced(steps, lanes.iter().flatten().count(), lanes.len());
        for (i, slot) in lanes.iter_mut().enumerate() {
            let Some(lane) = slot else { continue };
            if let Some(outcome) = lane.arrive(kernel, i, steps) {
                let (cell, trial) = lane.identity();
                queue.made(cell, trial, lane.steps_made());
                queue.done(cell, trial, lane.finish(kernel, i, outcome));
                *slot = None;
            }
        }
    }
}

/// Where the trials in the lanes are.
fn states(kernel: &dyn Kernel, lanes: &mut [Option<Lane>]) -> Vec<TrialState> {
    let lanes = lanes.iter_mut().enumerate();
    lanes.filter_map(|(i, lane)| lane.as_mut()?.state(kernel, i)).collect()
}

/// Runs the trials of `block`, which belongs to `cell`, and returns the rows of the longest complete
/// prefix: all of them unless `stop` was raised.
pub fn run_block(
    kernel: &mut dyn Kernel,
    cell: &Cell,
    starts: &Starts<'_>,
    block: Block,
    ladder: &[f64],
    stop: &AtomicBool,
) -> Vec<TrialRow> {
    let trials = block.first..block.first + block.count;
    let mut alone = Alone { cell, starts, trials, rows: Rows::new(block) };
    run(kernel, &mut alone, ladder, stop);
    alone.rows.prefix()
}

/// The queue of one block.
struct Alone<'a> {
    cell: &'a Cell,
    starts: &'a Starts<'a>,
    trials: Range<u64>,
    rows: Rows,
}

impl<'a> Queue<'a> for Alone<'a> {
    fn next(&mut self) -> Option<Entry<'a>> {
        let trial = self.trials.next()?;
        Some(Entry { cell: self.cell, trial, start: self.starts.start(trial), state: None })
    }

    fn done(&mut self, _cell: usize, trial: u64, row: TrialRow) {
        self.rows.put(trial, row);
    }

    fn is_due(&mut self) -> bool {
        false
    }

    fn keep(&mut self, _states: Vec<TrialState>) {}
}

/// The rows of a block, as they come.
#[derive(Debug)]
pub struct Rows {
    block: Block,
    rows: Vec<Option<TrialRow>>,
    missing: u64,
}

impl Rows {
    /// None yet.
    pub fn new(block: Block) -> Self {
        Self { block, rows: vec![None; block.count as usize], missing: block.count }
    }

    /// Whether a trial belongs to the block.
    pub fn holds(&self, cell: usize, trial: u64) -> bool {
        self.block.holds(cell, trial)
    }

    /// Puts a row in its place.
    ///
    /// # Panics
    /// If the trial is not of the block.
    pub fn put(&mut self, trial: u64, row: TrialRow) {
        let place = &mut self.rows[(trial - self.block.first) as usize];
        self.missing -= u64::from(place.is_none());
        *place = Some(row);
    }

    /// Whether all rows are there.
    pub fn is_complete(&self) -> bool {
        self.missing == 0
    }

    /// The block.
    pub fn block(&self) -> Block {
        self.block
    }

    /// The rows that are there, in runs without a gap, each with its block.
    pub fn runs(self) -> Vec<(Block, Vec<TrialRow>)> {
        let Block { cell, first, .. } = self.block;
        let mut runs: Vec<(Block, Vec<TrialRow>)> = Vec::new();
        for (trial, row) in (first..).zip(self.rows) {
            let Some(row) = row else { continue };
            match runs.last_mut() {
                Some((block, rows)) if block.first + block.count == trial => {
                    block.count += 1;
                    rows.push(row);
                }
                _ => runs.push((Block { cell, first: trial, count: 1 }, vec![row])),
            }
        }
        runs
    }

    /// The rows before the first that is missing.
    pub fn prefix(self) -> Vec<TrialRow> {
        self.rows.into_iter().map_while(|row| row).collect()
    }
}

/// Runs one trial alone, from its start or from where it was left, and shows it to `observer`; the row has
/// the bits it has in a study. `None` if the observer does not let it go on.
pub fn run_observed(
    kernel: &mut dyn Kernel,
    entry: Entry<'_>,
    ladder: &[f64],
    observer: &mut dyn Observer,
) -> Option<TrialRow> {
    for lane in 1..kernel.lanes() {
        kernel.clear(lane);
    }
    let mut windows = vec![IDLE; kernel.lanes()];
    let start = entry.start.clone();
    // A state is kept after its step was observed.
    let first = entry.state.as_ref().map_or(0, |state| state.steps + 1);
    let mut lane = Lane::load(kernel, 0, entry, ladder);
    let mut next = observer.next(first);
    let mut steps = kernel.advance(0, &windows);
    loop {
        let verdict = lane.arrive(kernel, 0, steps);
        if verdict.is_some() || next == Some(lane.steps()) {
            let excess = kernel.loss(0) - start.landscape.floor;
            let time = lane.time(kernel, 0);
            observer.observe(lane.steps(), time, excess, lane.weights(kernel, 0), &start);
            next = observer.next(lane.steps() + 1);
        }
        if let Some(outcome) = verdict {
            return Some(lane.finish(kernel, 0, outcome));
        }
        if !observer.goes_on(&mut || lane.state(kernel, 0)) {
            return None;
        }
        windows[0] = lane.window();
        let mut to_observe = next.map_or(u64::MAX, |step| step - lane.steps());
        if observer.next_time().is_some() {
            to_observe = 1;
        }
        steps = kernel.advance(lane.steps_to_event(to_observe).min(lane.longest_call()), &windows);
        while let Some(time) = observer.next_time() {
            let Some(weights) = lane.within(kernel, 0, time) else { break };
            observer.sample(weights, &start);
        }
    }
}

/// The window of a lane without a trial.
const IDLE: Window = Window { low: f64::NEG_INFINITY, high: f64::INFINITY };
