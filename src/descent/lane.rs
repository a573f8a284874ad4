//! One trial in a lane of a kernel: when it is to be looked at, and what comes of it.

use std::sync::Arc;

use super::Entry;
use super::checks::Checks;
use crate::kernel::chain::ChainPlan;
use crate::kernel::{Kernel, Progress, Window};
use crate::network::Weights;
use crate::network::target::Problem;
use crate::observe::imbalance::Imbalances;
use crate::observe::{judge_theorem, measure_end, measure_start};
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
    let flops = cell.rule.method.gradients() as f64 * ChainPlan::new(&cell.shape).flops();
    (FLOPS_PER_CALL / flops.max(1.0)).max(1.0) as u64
}

/// One trial on its way.
pub(super) struct Lane {
    /// Index of its cell.
    cell: usize,
    trial: u64,
    /// Most steps of one call of the kernel.
    longest_call: u64,
    steps: u64,
    /// Where it was put in.
    first: u64,
    problem: Arc<Problem>,
    floor: f64,
    thresholds: Thresholds,
    /// Ladder of losses above the optimum of the data, and the rungs hit so far.
    ladder: Vec<f64>,
    hit_steps: Vec<i64>,
    rung: usize,
    measures: Measures,
    /// Imbalances of the start, from which the end's have drifted.
    imbalances: Imbalances,
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
    theorem1: u8,
    /// Tries to prove that it converges.
    checks: Checks,
    /// Steps and measures where it hit its target, if it goes on until it is proved, and the last step
    /// of that.
    hit: Option<(u64, Measures)>,
    last: u64,
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
        && match state.hit {
            None => (1..cell.stop.max_steps).contains(&state.steps),
            Some((hit, _)) => {
                let last = hit.saturating_add(cell.certificate.extra_steps);
                hit <= cell.stop.max_steps && (hit.max(1)..last).contains(&state.steps)
            }
        }
        && state.certificate.is_none_or(|proof| proof.step <= state.steps && proof.rate < 1.0)
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
        let imbalances = measure_start(&weights, &problem, &landscape, &mut measures);
        let theorem1 = judge_theorem(cell, terms.learning_rate, &problem, &mut measures);
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
        let rate = terms.learning_rate;
        let checks = Checks::new(cell, rate, &small, landscape.excess_at_zero, state.as_ref());
        let steps = state.as_ref().map_or(0, |state| state.steps);
        let unconfirmed = state.as_ref().is_some_and(|state| state.unconfirmed);
        let hit = state.as_ref().and_then(|state| state.hit);
        let last = hit.map_or(0, |(step, _)| step.saturating_add(cell.certificate.extra_steps));
        let hit_steps = state.map_or_else(|| vec![-1; ladder.len()], |state| state.hit_steps);
        Self {
            cell: cell.index,
            trial,
            longest_call: longest_call(cell),
            steps,
            first: steps,
            floor: landscape.floor,
            thresholds: cell.stop.thresholds(landscape.floor, landscape.excess_at_zero, loss),
            ladder: ladder.iter().map(|rung| rung + landscape.floor).collect(),
            rung: hit_steps.iter().filter(|&&step| step >= 0).count(),
            hit_steps,
            measures,
            imbalances,
            before,
            now,
            memory_before: memory_before.unwrap_or_else(|| kernel.memory(i)),
            autonomous: cell.rule.is_autonomous(),
            learning_rate: terms.learning_rate,
            reduced,
            compared: steps - steps % STALL_PERIOD,
            problem,
            theorem1,
            checks,
            hit,
            last,
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

    /// Updates made since it was put in.
    pub(super) fn steps_made(&self) -> u64 {
        self.steps - self.first
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
            certificate: self.checks.proof(),
            next_check: self.checks.next(),
            hit: self.hit,
            unconfirmed: self.unconfirmed,
            recorded: None,
        })
    }

    /// The sum of the learning rates of the steps made, or the time of a flow.
    pub(super) fn time(&self, kernel: &dyn Kernel, i: usize) -> f64 {
        kernel.time(i).unwrap_or(self.learning_rate * self.steps as f64)
    }

    /// The weights of the trial now, in its own shape.
    pub(super) fn weights(&mut self, kernel: &dyn Kernel, i: usize) -> &Weights {
        kernel.unload(i, &mut self.now);
        expanded(&mut self.reduced, &self.now)
    }

    /// The weights of the trial at a time within its last step, if the kernel can tell them.
    pub(super) fn within(&mut self, kernel: &dyn Kernel, i: usize, time: f64) -> Option<&Weights> {
        let known = kernel.within(i, time, &mut self.now);
        known.then(|| expanded(&mut self.reduced, &self.now))
    }

    /// Losses among which nothing happens to the trial.
    pub(super) fn window(&self) -> Window {
        if self.unconfirmed {
            return Window { low: f64::NEG_INFINITY, high: self.thresholds.diverged };
        }
        let check = self.checks.low() + self.floor;
        if self.hit.is_some() {
            return Window { low: check, high: self.thresholds.diverged };
        }
        let rung = self.ladder.get(self.rung).copied().unwrap_or(f64::NEG_INFINITY);
        let low = self.thresholds.converged.max(rung).max(check);
        Window { low, high: self.thresholds.diverged }
    }

    /// Steps until the trial has to be looked at, at most `limit`.
    pub(super) fn steps_to_event(&self, limit: u64) -> u64 {
        if self.unconfirmed {
            return 1;
        }
        let to_comparison = STALL_PERIOD - self.steps % STALL_PERIOD;
        let last = if self.hit.is_some() { self.last } else { self.thresholds.max_steps };
        (last - self.steps).min(to_comparison).min(limit)
    }

    /// Looks at the trial after `steps` more steps: notes the rungs it has hit and judges it.
    pub(super) fn arrive(&mut self, kernel: &dyn Kernel, i: usize, steps: u64) -> Option<Outcome> {
        self.steps += steps;
        let loss = kernel.loss(i);
        if self.hit.is_some() {
            return self.arrive_under_target(kernel, i, loss);
        }
        while self.ladder.get(self.rung).is_some_and(|&rung| loss <= rung) {
            self.hit_steps[self.rung] = self.steps as i64;
            self.rung += 1;
        }
        let verdict = match judge(loss, self.steps, &self.thresholds) {
            Some(Outcome::Converged) => self.confirm(kernel, i),
            None if self.is_proved_end(kernel, i, loss) => Some(Outcome::Converged),
            verdict => verdict,
        };
        let spent = || kernel.is_spent(i).then_some(Outcome::StepLimit);
        verdict.or_else(spent).or_else(|| self.compare_if_due(kernel, i))
    }

    /// Looks at a trial that has hit its target and goes on until it is proved, or for so long.
    fn arrive_under_target(&mut self, kernel: &dyn Kernel, i: usize, loss: f64) -> Option<Outcome> {
        let goes_on = loss.is_finite() && loss <= self.thresholds.diverged;
        let is_last = self.steps >= self.last;
        if goes_on && (is_last || loss <= self.checks.low() + self.floor) {
            kernel.unload(i, &mut self.now);
            self.checks.look(loss - self.floor, self.steps, &self.now);
        }
        let is_over = !goes_on || is_last || self.checks.proof().is_some();
        if is_over || self.compare_if_due(kernel, i).is_some() {
            return Some(Outcome::Converged);
        }
        None
    }

    /// Takes down what a trial has come to at its target, if it goes on until it is proved.
    fn goes_on_from_target(&mut self, kernel: &dyn Kernel, i: usize) -> bool {
        let steps_on = self.checks.steps_on();
        if steps_on == 0 {
            return false;
        }
        self.last = self.steps.saturating_add(steps_on);
        self.hit = Some((self.steps, self.measured(kernel, i)));
        true
    }

    /// Tries to prove that the trial converges, if it is at a loss for that; whether that ends it.
    fn is_proved_end(&mut self, kernel: &dyn Kernel, i: usize, loss: f64) -> bool {
        if loss > self.checks.low() + self.floor {
            return false;
        }
        kernel.unload(i, &mut self.now);
        self.checks.look(loss - self.floor, self.steps, &self.now) && self.checks.ends()
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
            self.checks.look(loss - self.floor, self.steps, &self.now);
            (!self.goes_on_from_target(kernel, i)).then_some(Outcome::Converged)
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

    /// What is measured of the trial, its end being here.
    fn measured(&mut self, kernel: &dyn Kernel, i: usize) -> Measures {
        self.measures.loss_final = kernel.loss(i) - self.floor;
        self.measures.learning_rate = self.learning_rate;
        self.measures.time_final = self.time(kernel, i);
        let mut measures = self.measures;
        kernel.unload(i, &mut self.now);
        let Self { reduced, now, problem, imbalances, .. } = self;
        measure_end(expanded(reduced, now), problem, imbalances, &mut measures);
        measures
    }

    /// The row of the trial.
    pub(super) fn finish(&mut self, kernel: &dyn Kernel, i: usize, outcome: Outcome) -> TrialRow {
        let (steps, measures, finite) = match self.hit {
            Some((steps, measures)) => (steps, measures, true),
            None => {
                let measures = self.measured(kernel, i);
                (self.steps, measures, self.now.is_finite())
            }
        };
        TrialRow {
            // BLAS can hide NaN: whatever the loss says, weights that are not finite have diverged.
            outcome: if finite { outcome } else { Outcome::Diverged },
            steps,
            measures,
            theorem1: self.theorem1,
            certificate: self.checks.proof(),
            hit_steps: std::mem::take(&mut self.hit_steps),
        }
    }
}

/// Weights of the kernel, in the trial's own shape.
fn expanded<'a>(reduced: &'a mut Option<(Reduction, Weights)>, now: &'a Weights) -> &'a Weights {
    match reduced {
        None => now,
        Some((reduction, full)) => {
            reduction.expand(now, full);
            full
        }
    }
}
