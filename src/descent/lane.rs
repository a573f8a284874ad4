//! One trial in a lane of a kernel: when it is to be looked at, and what comes of it.

use std::sync::Arc;

use super::Entry;
use crate::kernel::chain::ChainPlan;
use crate::kernel::{Kernel, Progress, Window};
use crate::network::Weights;
use crate::network::target::Problem;
use crate::observe;
use crate::reduce::{Plan, Reduction};
use crate::start::Start;
use crate::stop::{Outcome, Thresholds, judge};
use crate::study::{Cell, Measures, TrialRow, TrialState};

/// Steps between two comparisons of the weights with themselves. Weights, and what the method keeps
/// besides them, that come back to the same bits after this many steps are on a cycle whose length
/// divides it, 1 (a fixed point) to 10 and many more: the map is deterministic, so the trial never
/// converges, whatever its budget. Where steps depend on their number or on random numbers this proves
/// nothing, and such trials never stall.
const STALL_PERIOD: u64 = 5040;

/// Floating-point operations in one call of the kernel, at most about: a fraction of a second, so
/// that a request to stop is heard soon.
const FLOPS_PER_CALL: f64 = 1e9;

/// Most steps of one call of the kernel.
fn longest_call(cell: &Cell) -> u64 {
    (FLOPS_PER_CALL / ChainPlan::new(&cell.shape).flops().max(1.0)).max(1.0) as u64
}

/// One trial on its way.
pub(super) struct Lane {
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
    /// The method's memory at that multiple.
    memory_before: Vec<f64>,
    /// Whether a state that comes back comes back for ever.
    autonomous: bool,
    /// Learning rate, before any schedule.
    learning_rate: f64,
    /// Where the kernel computes in a smaller shape: the way back, and room for the weights there.
    reduced: Option<(Reduction, Weights)>,
    /// The step of that multiple.
    compared: u64,
    /// The kernel's loss was at the target, but the loss recomputed from the weights was not.
    unconfirmed: bool,
}

/// Whether a trial of `cell` can go on from `state`, in a study with this number of rungs.
pub fn fits(state: &TrialState, cell: &Cell, rungs: usize) -> bool {
    let shape = Plan::of(cell).map_or_else(|| cell.shape.clone(), |plan| plan.shape);
    let parameters = shape.parameters();
    let memory = cell.rule.memory(parameters);
    [state.weights.len(), state.memory.len(), state.before.len()]
        == [parameters, memory, parameters + memory]
        && state.hit_steps.len() == rungs
        && (1..cell.stop.max_steps).contains(&state.steps)
}

impl Lane {
    /// Puts a trial into lane `i` of the kernel, where it starts or where it was left.
    ///
    /// # Panics
    /// If a state is not one of the cell: it has been checked by then.
    pub(super) fn load(
        kernel: &mut dyn Kernel,
        i: usize,
        Entry { cell, trial, start, state }: Entry<'_>,
        ladder: &[f64],
    ) -> Self {
        let Start { weights, problem, landscape, terms } = start;
        let loss = problem.loss(&weights.end_to_end());
        let mut measures = Measures { loss_initial: loss - landscape.floor, ..Measures::default() };
        observe::measure_start(&weights, &problem, &landscape, &mut measures);
        let (mut now, small, reduced) = match Plan::of(cell) {
            None => (weights, Arc::clone(&problem), None),
            Some(plan) => {
                let (reduction, small, small_problem) = Reduction::new(&plan, &weights, &problem);
                (small, Arc::new(small_problem), Some((reduction, weights)))
            }
        };
        let mut before = now.clone();
        let mut progress = Progress::default();
        let mut memory_before = None;
        if let Some(state) = &state {
            let (weights, memory) = state.before.split_at(state.weights.len());
            before.as_mut_slice().copy_from_slice(weights);
            memory_before = Some(memory.to_vec());
            now.as_mut_slice().copy_from_slice(&state.weights);
            let TrialState { steps, time, .. } = *state;
            progress = Progress { steps, time, memory: state.memory.clone() };
        }
        kernel.load(i, &now, &small);
        kernel.enter(i, terms, &progress);
        let steps = state.as_ref().map_or(0, |state| state.steps);
        let unconfirmed = state.as_ref().is_some_and(|state| state.unconfirmed);
        let hit_steps = state.map_or_else(|| vec![-1; ladder.len()], |state| state.hit_steps);
        Self {
            cell: cell.index,
            trial,
            longest_call: longest_call(cell),
            steps,
            floor: landscape.floor,
            thresholds: cell.stop.thresholds(landscape.floor, landscape.excess_at_zero, loss),
            ladder: ladder.iter().map(|rung| rung + landscape.floor).collect(),
            rung: hit_steps.iter().filter(|&&step| step >= 0).count(),
            hit_steps,
            measures,
            before,
            now,
            memory_before: memory_before.unwrap_or_else(|| kernel.memory(i)),
            autonomous: cell.rule.is_autonomous(),
            learning_rate: terms.learning_rate,
            reduced,
            compared: steps - steps % STALL_PERIOD,
            problem,
            unconfirmed,
        }
    }

    /// Index of its cell and its number.
    pub(super) fn identity(&self) -> (usize, u64) {
        (self.cell, self.trial)
    }

    /// Updates made.
    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    /// Most steps of one call of the kernel.
    pub(super) fn longest_call(&self) -> u64 {
        self.longest_call
    }

    /// Where the trial is, as it would be left now; `None` at its start.
    pub(super) fn state(&mut self, kernel: &dyn Kernel, i: usize) -> Option<TrialState> {
        if self.steps == 0 {
            return None;
        }
        kernel.unload(i, &mut self.now);
        Some(TrialState {
            cell: self.cell,
            trial: self.trial,
            steps: self.steps,
            time: self.time(kernel, i),
            weights: self.now.as_slice().to_vec(),
            memory: kernel.memory(i),
            before: [self.before.as_slice(), &self.memory_before].concat(),
            hit_steps: self.hit_steps.clone(),
            unconfirmed: self.unconfirmed,
        })
    }

    /// The sum of the learning rates of the steps made, or the time of a flow.
    pub(super) fn time(&self, kernel: &dyn Kernel, i: usize) -> f64 {
        kernel.time(i).unwrap_or(self.learning_rate * self.steps as f64)
    }

    /// The weights of the trial now, in its own shape.
    pub(super) fn weights(&mut self, kernel: &dyn Kernel, i: usize) -> &Weights {
        kernel.unload(i, &mut self.now);
        self.expanded()
    }

    /// The weights of the trial at a time within its last step, if the kernel can tell them.
    pub(super) fn within(&mut self, kernel: &dyn Kernel, i: usize, time: f64) -> Option<&Weights> {
        kernel.within(i, time, &mut self.now).then(|| self.expanded())
    }

    /// What is in `now`, in the trial's own shape.
    fn expanded(&mut self) -> &Weights {
        match &mut self.reduced {
            None => &self.now,
            Some((reduction, full)) => {
                reduction.expand(&self.now, full);
                full
            }
        }
    }

    /// Losses among which nothing happens to the trial.
    pub(super) fn window(&self) -> Window {
        if self.unconfirmed {
            return Window { low: f64::NEG_INFINITY, high: self.thresholds.diverged };
        }
        let rung = self.ladder.get(self.rung).copied().unwrap_or(f64::NEG_INFINITY);
        Window { low: self.thresholds.converged.max(rung), high: self.thresholds.diverged }
    }

    /// Steps until the trial has to be looked at, at most `limit`.
    pub(super) fn steps_to_event(&self, limit: u64) -> u64 {
        if self.unconfirmed {
            return 1;
        }
        let to_comparison = STALL_PERIOD - self.steps % STALL_PERIOD;
        (self.thresholds.max_steps - self.steps).min(to_comparison).min(limit)
    }

    /// Looks at the trial after `steps` more steps: notes the rungs it has hit and judges it.
    pub(super) fn arrive(&mut self, kernel: &dyn Kernel, i: usize, steps: u64) -> Option<Outcome> {
        self.steps += steps;
        let loss = kernel.loss(i);
        while self.ladder.get(self.rung).is_some_and(|&rung| loss <= rung) {
            self.hit_steps[self.rung] = self.steps as i64;
            self.rung += 1;
        }
        let verdict = match judge(loss, self.steps, &self.thresholds) {
            Some(Outcome::Converged) => self.confirm(kernel, i),
            verdict => verdict,
        };
        let spent = || kernel.is_spent(i).then_some(Outcome::StepLimit);
        verdict.or_else(spent).or_else(|| self.compare_if_due(kernel, i))
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

    /// Whether the trial is where it was [`STALL_PERIOD`] steps ago.
    fn compare(&mut self, kernel: &dyn Kernel, i: usize) -> Option<Outcome> {
        self.compared = self.steps;
        kernel.unload(i, &mut self.now);
        if !self.now.is_finite() {
            return Some(Outcome::Diverged);
        }
        let memory = kernel.memory(i);
        let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits();
        let returned =
            self.now.same_bits(&self.before) && memory.iter().zip(&self.memory_before).all(same);
        if returned && self.autonomous {
            return Some(Outcome::Stalled);
        }
        self.memory_before = memory;
        std::mem::swap(&mut self.now, &mut self.before);
        None
    }

    /// The row of the trial.
    pub(super) fn finish(&mut self, kernel: &dyn Kernel, i: usize, outcome: Outcome) -> TrialRow {
        self.measures.loss_final = kernel.loss(i) - self.floor;
        self.measures.learning_rate = self.learning_rate;
        self.measures.time_final = self.time(kernel, i);
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
