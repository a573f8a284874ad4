//! The loop of gradient descent: a queue of trials, advanced on a kernel until each has its verdict.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::kernel::chain::ChainPlan;
use crate::kernel::{Kernel, Window};
use crate::network::Weights;
use crate::network::target::Problem;
use crate::observe::{self, Observer};
use crate::reduce::{Plan, Reduction};
use crate::start::{Start, Starts};
use crate::stop::{Outcome, Thresholds, judge};
use crate::study::{Block, Cell, Measures, TrialRow};

/// Steps between two comparisons of the weights with themselves. Weights that come back to the same
/// bits after this many steps are on a cycle whose length divides it, 1 (a fixed point) to 10 and
/// many more: the map is deterministic, so the trial never converges, whatever its budget.
const STALL_PERIOD: u64 = 5040;

/// Floating-point operations in one call of the kernel, at most about: a fraction of a second, so
/// that a request to stop is heard soon.
const FLOPS_PER_CALL: f64 = 1e9;

/// A trial that is ready to begin.
#[derive(Debug)]
pub struct Entry<'a> {
    /// Its cell.
    pub cell: &'a Cell,
    /// Its number.
    pub trial: u64,
    /// Where it starts.
    pub start: Start,
}

/// Where trials come from and where their rows go.
pub trait Queue<'a> {
    /// The next trial, of any cell that the kernel computes; `None` if there is none, and then none
    /// ever after.
    fn next(&mut self) -> Option<Entry<'a>>;

    /// Takes the row of a trial, identified by the index of its cell and its number. Trials end in any
    /// order.
    fn done(&mut self, cell: usize, trial: u64, row: TrialRow);
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
        let loaded = || lanes.iter().flatten();
        let Some(steps) = loaded().map(|lane| lane.steps_to_event(u64::MAX)).min() else { return };
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let longest_call = loaded().map(|lane| lane.longest_call).min().unwrap_or(1);
        for (window, lane) in windows.iter_mut().zip(&lanes) {
            *window = lane.as_ref().map_or(IDLE, Lane::window);
        }
        let steps = kernel.advance(steps.min(longest_call), &windows);
        for (i, slot) in lanes.iter_mut().enumerate() {
            let Some(lane) = slot else { continue };
            if let Some(outcome) = lane.arrive(kernel, i, steps) {
                queue.done(lane.cell, lane.trial, lane.finish(kernel, i, outcome));
                *slot = None;
            }
        }
    }
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
        Some(Entry { cell: self.cell, trial, start: self.starts.start(trial) })
    }

    fn done(&mut self, _cell: usize, trial: u64, row: TrialRow) {
        self.rows.put(trial, row);
    }
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
        let Block { first, count, .. } = self.block;
        cell == self.block.cell && (first..first + count).contains(&trial)
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

    /// The rows before the first that is missing.
    pub fn prefix(self) -> Vec<TrialRow> {
        self.rows.into_iter().map_while(|row| row).collect()
    }
}

/// Runs one trial alone and shows it to `observer`; the row has the bits it has in a study.
pub fn run_observed(
    kernel: &mut dyn Kernel,
    cell: &Cell,
    starts: &Starts<'_>,
    trial: u64,
    ladder: &[f64],
    observer: &mut dyn Observer,
) -> TrialRow {
    for lane in 1..kernel.lanes() {
        kernel.clear(lane);
    }
    let mut windows = vec![IDLE; kernel.lanes()];
    let start = starts.start(trial);
    let mut lane = Lane::load(kernel, 0, Entry { cell, trial, start: start.clone() }, ladder);
    let mut next = observer.next(0);
    let mut steps = kernel.advance(0, &windows);
    loop {
        let verdict = lane.arrive(kernel, 0, steps);
        if verdict.is_some() || next == Some(lane.steps) {
            let excess = kernel.loss(0) - start.landscape.floor;
            observer.observe(lane.steps, excess, lane.weights(kernel, 0), &start);
            next = observer.next(lane.steps + 1);
        }
        if let Some(outcome) = verdict {
            return lane.finish(kernel, 0, outcome);
        }
        windows[0] = lane.window();
        let to_observe = next.map_or(u64::MAX, |step| step - lane.steps);
        steps = kernel.advance(lane.steps_to_event(to_observe).min(lane.longest_call), &windows);
    }
}

/// The window of a lane without a trial.
const IDLE: Window = Window { low: f64::NEG_INFINITY, high: f64::INFINITY };

/// Most steps of one call of the kernel.
fn longest_call(cell: &Cell) -> u64 {
    (FLOPS_PER_CALL / ChainPlan::new(&cell.shape).flops().max(1.0)).max(1.0) as u64
}

/// One trial on its way.
struct Lane {
    /// Index of its cell.
    cell: usize,
    trial: u64,
    /// Most steps of one call of the kernel.
    longest_call: u64,
    steps: u64,
    problem: Arc<Problem>,
    floor: f64,
    thresholds: Thresholds,
    /// Ladder of losses above the optimum of the data, and the rungs hit so far.
    ladder: Vec<f64>,
    hit_steps: Vec<i64>,
    rung: usize,
    measures: Measures,
    /// The kernel's weights at the last multiple of [`STALL_PERIOD`], and room for those of now.
    before: Weights,
    now: Weights,
    /// Where the kernel computes in a smaller shape: the way back, and room for the weights there.
    reduced: Option<(Reduction, Weights)>,
    /// The step of that multiple.
    compared: u64,
    /// The kernel's loss was at the target, but the loss recomputed from the weights was not.
    unconfirmed: bool,
}

impl Lane {
    /// Puts a trial into lane `i` of the kernel.
    fn load(
        kernel: &mut dyn Kernel,
        i: usize,
        Entry { cell, trial, start }: Entry<'_>,
        ladder: &[f64],
    ) -> Self {
        let Start { weights, problem, landscape } = start;
        let loss = problem.loss(&weights.end_to_end());
        let mut measures = Measures { loss_initial: loss - landscape.floor, ..Measures::default() };
        observe::measure_start(&weights, &problem, &landscape, &mut measures);
        let (now, reduced) = match Plan::of(cell) {
            None => {
                kernel.load(i, &weights, &problem);
                (weights, None)
            }
            Some(plan) => {
                let (reduction, small, small_problem) = Reduction::new(&plan, &weights, &problem);
                kernel.load(i, &small, &small_problem);
                (small, Some((reduction, weights)))
            }
        };
        Self {
            cell: cell.index,
            trial,
            longest_call: longest_call(cell),
            steps: 0,
            floor: landscape.floor,
            thresholds: cell.stop.thresholds(landscape.floor, landscape.excess_at_zero, loss),
            ladder: ladder.iter().map(|rung| rung + landscape.floor).collect(),
            hit_steps: vec![-1; ladder.len()],
            rung: 0,
            measures,
            before: now.clone(),
            now,
            reduced,
            compared: 0,
            problem,
            unconfirmed: false,
        }
    }

    /// The weights of the trial now, in its own shape.
    fn weights(&mut self, kernel: &dyn Kernel, i: usize) -> &Weights {
        kernel.unload(i, &mut self.now);
        match &mut self.reduced {
            None => &self.now,
            Some((reduction, full)) => {
                reduction.expand(&self.now, full);
                full
            }
        }
    }

    /// Losses among which nothing happens to the trial.
    fn window(&self) -> Window {
        if self.unconfirmed {
            return Window { low: f64::NEG_INFINITY, high: self.thresholds.diverged };
        }
        let rung = self.ladder.get(self.rung).copied().unwrap_or(f64::NEG_INFINITY);
        Window { low: self.thresholds.converged.max(rung), high: self.thresholds.diverged }
    }

    /// Steps until the trial has to be looked at, at most `limit`.
    fn steps_to_event(&self, limit: u64) -> u64 {
        if self.unconfirmed {
            return 1;
        }
        let to_comparison = STALL_PERIOD - self.steps % STALL_PERIOD;
        (self.thresholds.max_steps - self.steps).min(to_comparison).min(limit)
    }

    /// Looks at the trial after `steps` more steps: notes the rungs it has hit and judges it.
    fn arrive(&mut self, kernel: &dyn Kernel, i: usize, steps: u64) -> Option<Outcome> {
        self.steps += steps;
        let loss = kernel.loss(i);
        while self.ladder.get(self.rung).is_some_and(|&rung| loss <= rung) {
            self.hit_steps[self.rung] = self.steps as i64;
            self.rung += 1;
        }
        match judge(loss, self.steps, &self.thresholds) {
            Some(Outcome::Converged) => {
                self.confirm(kernel, i).or_else(|| self.compare_if_due(kernel, i))
            }
            None => self.compare_if_due(kernel, i),
            verdict => verdict,
        }
    }

    /// A trial has converged if the loss recomputed from its weights, in another order of operations,
    /// is at its target too; if rounding alone brought the kernel there, it goes on.
    fn confirm(&mut self, kernel: &dyn Kernel, i: usize) -> Option<Outcome> {
        let weights = self.weights(kernel, i);
        let (end_to_end, finite) = (weights.end_to_end(), weights.is_finite());
        if !finite {
            return Some(Outcome::Diverged);
        }
        let loss = self.problem.loss(&end_to_end);
        // A loss that is NaN confirms nothing.
        let confirmed = loss <= self.thresholds.converged;
        self.unconfirmed = !confirmed;
        if confirmed {
            Some(Outcome::Converged)
        } else if self.steps >= self.thresholds.max_steps {
            Some(Outcome::StepLimit)
        } else {
            None
        }
    }

    /// Compares at the multiples of [`STALL_PERIOD`].
    fn compare_if_due(&mut self, kernel: &dyn Kernel, i: usize) -> Option<Outcome> {
        let due = self.steps > self.compared && self.steps.is_multiple_of(STALL_PERIOD);
        if due { self.compare(kernel, i) } else { None }
    }

    /// Whether the weights are where they were [`STALL_PERIOD`] steps ago.
    fn compare(&mut self, kernel: &dyn Kernel, i: usize) -> Option<Outcome> {
        self.compared = self.steps;
        kernel.unload(i, &mut self.now);
        if !self.now.is_finite() {
            return Some(Outcome::Diverged);
        }
        if self.now.same_bits(&self.before) {
            return Some(Outcome::Stalled);
        }
        std::mem::swap(&mut self.now, &mut self.before);
        None
    }

    /// The row of the trial.
    fn finish(&mut self, kernel: &dyn Kernel, i: usize, outcome: Outcome) -> TrialRow {
        self.measures.loss_final = kernel.loss(i) - self.floor;
        let (problem, mut measures) = (Arc::clone(&self.problem), self.measures);
        let weights = self.weights(kernel, i);
        observe::measure_end(weights, &problem, &mut measures);
        let finite = weights.is_finite();
        TrialRow {
            // BLAS can hide NaN: whatever the loss says, weights that are not finite have diverged.
            outcome: if finite { outcome } else { Outcome::Diverged },
            steps: self.steps,
            measures,
            hit_steps: std::mem::take(&mut self.hit_steps),
        }
    }
}
