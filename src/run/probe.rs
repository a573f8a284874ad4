//! What trials cost on this machine, tried out: a start and its end, and a step.

use std::collections::HashMap;
use std::sync::Barrier;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::blocks::operations_of_step;
use super::method::{self, Method};
use super::speed::product_rate;
use super::spread::scattered;
use crate::descent;
use crate::kernel::Kernel;
use crate::start::Starts;
use crate::stop::StopRule;
use crate::study::{Block, Cell, Study};

/// When the last method is tried out; those of a study that has more are put between the others.
const ALL_PROBES: Duration = Duration::from_millis(1800);
/// Time for the starts and for the steps of one method, each.
const PROBE: Duration = Duration::from_millis(30);
/// Shortest run of steps that is timed, in seconds.
const SHORTEST: f64 = 0.003;
/// Most steps of a timed trial: fewer than the descent needs to see that nothing changes.
const MOST_STEPS: u64 = 4096;
/// Operations of a step above which a method is not tried out: a single start with its end would take
/// most of a second.
const TOO_LARGE: f64 = 1e9;
/// For these: the cost of a start with its end (measured: 26 steps of 256x4, 23 of 512x4), and of a
/// cell, in steps.
pub(super) const STEPS_OF_A_START: f64 = 25.0;
const STEPS_OF_A_CELL: f64 = 5.0;
/// Operations a second of one core, for a guess at how many steps can be timed.
const GUESSED_RATE: f64 = 3e10;
/// A learning rate that changes no weight and still is not zero, which products may leave out.
const STILL: f64 = 1e-30;

/// Seconds of one worker while all workers are busy.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Cost {
    /// To take up a cell: its target, its kernel.
    pub(super) cell: f64,
    /// Of a trial besides its steps: drawing, loading, measuring.
    pub(super) trial: f64,
    /// Of one step of one trial.
    pub(super) step: f64,
}

impl Cost {
    /// Of a trial with so many steps.
    pub(super) fn of_trial(&self, steps: f64) -> f64 {
        self.trial + self.step * steps
    }

    /// As many times as much.
    pub(super) fn scaled(self, factor: f64) -> Self {
        let Self { cell, trial, step } = self;
        Self { cell: cell * factor, trial: trial * factor, step: step * factor }
    }

    /// On the straight line in logarithms from this cost (`weight` 0) to another (1).
    fn towards(self, other: &Self, weight: f64) -> Self {
        // What is too short to be timed counts as a picosecond.
        let mix = |a: f64, b: f64| {
            let (a, b) = (a.max(1e-12).ln(), b.max(1e-12).ln());
            (a + weight * (b - a)).exp()
        };
        Self {
            cell: mix(self.cell, other.cell),
            trial: mix(self.trial, other.trial),
            step: mix(self.step, other.step),
        }
    }

    fn mean(costs: &[Self]) -> Self {
        let mean =
            |part: fn(&Self) -> f64| costs.iter().map(part).sum::<f64>() / costs.len() as f64;
        Self { cell: mean(|c| c.cell), trial: mean(|c| c.trial), step: mean(|c| c.step) }
    }
}

/// The cost of every method, each given with a cell that it computes.
pub(super) fn costs(
    study: &Study,
    methods: &[(Method, usize)],
    workers: usize,
) -> HashMap<Method, Cost> {
    let mut order: Vec<&(Method, usize)> = methods.iter().collect();
    order.sort_by(|(a, _), (b, _)| {
        let operations = operations_of_step(a).total_cmp(&operations_of_step(b));
        a.kernel.cmp(b.kernel).then(operations)
    });
    let (begin, count) = (Instant::now(), order.len() as u64);
    let mut tried: Vec<(&Method, Cost)> = Vec::new();
    for i in 0..count {
        let next = order[scattered(i, count) as usize];
        tried.push((&next.0, probe(study, next, workers)));
        if begin.elapsed() > ALL_PROBES {
            break;
        }
    }
    let between = |method: &Method| (method.clone(), interpolate(&tried, method));
    methods.iter().map(|(method, _)| between(method)).collect()
}

/// The cost of a method: its own if it was tried, else between its neighbours by operations of a step,
/// those with the same kernel if there are any; beyond the last one in proportion to the operations.
fn interpolate(tried: &[(&Method, Cost)], method: &Method) -> Cost {
    if let Some((_, cost)) = tried.iter().find(|(known, _)| *known == method) {
        return *cost;
    }
    let size = operations_of_step(method);
    let any_like_it = tried.iter().any(|(known, _)| known.kernel == method.kernel);
    let peers = tried.iter().filter(|(known, _)| !any_like_it || known.kernel == method.kernel);
    let mut sized: Vec<_> = peers.map(|(known, c)| (operations_of_step(known), *c)).collect();
    sized.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let next = sized.partition_point(|(s, _)| *s < size);
    match (next.checked_sub(1).map(|before| sized[before]), sized.get(next)) {
        (Some((s, below)), Some((t, above))) => {
            below.towards(above, (size / s).ln() / (t / s).ln())
        }
        (Some((s, cost)), None) => cost.scaled(size / s),
        (None, Some((s, cost))) => cost.scaled(size / s),
        (None, None) => Cost::default(),
    }
}

/// Tries one method on all workers at once.
fn probe(study: &Study, (method, cell): &(Method, usize), workers: usize) -> Cost {
    let operations = operations_of_step(method);
    let by_rate = |rate: f64| {
        let step = operations / rate;
        Cost { cell: STEPS_OF_A_CELL * step, trial: STEPS_OF_A_START * step, step }
    };
    if operations > TOO_LARGE {
        return Cost::mean(&at_once(workers, || by_rate(product_rate(256, PROBE))));
    }
    let costs = at_once(workers, || {
        let new = || Probe::new(study.seed, &study.cells[*cell]);
        let first = new().taken;
        let probe = new();
        let taken = probe.taken.min(first);
        Probe { taken, ..probe }.cost(operations / GUESSED_RATE)
    });
    let cost = Cost::mean(&costs);
    if cost.step > 0.0 {
        return cost;
    }
    // The start is not finite, so that no step was taken.
    let step = Cost::mean(&at_once(workers, || by_rate(product_rate(64, PROBE)))).step;
    Cost { step, ..cost }
}

/// Runs the same on every worker, all beginning together.
pub(super) fn at_once<T: Send>(workers: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(workers);
    std::thread::scope(|scope| {
        let begin = || {
            barrier.wait();
            work()
        };
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(begin)).collect();
        handles.into_iter().map(|handle| handle.join().expect("a worker that is no bug")).collect()
    })
}

/// One worker that tries a cell out, with weights that stay where they are.
struct Probe<'a> {
    /// How long it took to take up the cell.
    taken: Duration,
    starts: Starts<'a>,
    kernel: Box<dyn Kernel>,
    cell: Cell,
}

impl<'a> Probe<'a> {
    fn new(seed: u64, cell: &'a Cell) -> Self {
        let begin = Instant::now();
        let starts = Starts::new(seed, cell).with_rate(STILL);
        let mut cell = Cell { learning_rate: STILL, ..cell.clone() };
        let kernel = method::kernel(&cell);
        // Nothing ends a trial but the number of its steps.
        cell.stop = StopRule { loss: f64::NEG_INFINITY, ..cell.stop };
        Self { taken: begin.elapsed(), starts, kernel, cell }
    }

    /// The cost, if a step takes about `guess` seconds.
    fn cost(mut self, guess: f64) -> Cost {
        let shortest = self.repeat(1);
        // Steps that take as long as the rest: what is subtracted below is noisy.
        let enough = shortest + SHORTEST;
        let steps = ((enough / guess) as u64).clamp(2, MOST_STEPS);
        let step = (self.repeat(steps) - shortest).max(0.0) / (steps - 1) as f64;
        Cost { cell: self.taken.as_secs_f64(), trial: (shortest - step).max(0.0), step }
    }

    /// Seconds of a trial of so many steps: the least of what there is time for. Other programs can only
    /// slow it down, and so short a time cannot tell how much they do; the pilot can.
    fn repeat(&mut self, steps: u64) -> f64 {
        let begin = Instant::now();
        let mut least = self.time(steps);
        while begin.elapsed() < PROBE {
            least = least.min(self.time(steps));
        }
        least / self.kernel.lanes() as f64
    }

    /// Seconds of as many trials as the kernel has lanes, side by side, of so many steps.
    fn time(&mut self, steps: u64) -> f64 {
        self.cell.stop.max_steps = steps;
        let block = Block { cell: self.cell.index, first: 0, count: self.kernel.lanes() as u64 };
        let go_on = AtomicBool::new(false);
        let begin = Instant::now();
        descent::run_block(self.kernel.as_mut(), &self.cell, &self.starts, block, &[], &go_on);
        begin.elapsed().as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Shape;

    fn method(kernel: &'static str, width: usize) -> Method {
        Method { kernel, precision: "float64", shape: Shape::new(vec![width; 4]), gradients: 1 }
    }

    #[test]
    fn what_is_not_tried_lies_between_what_is() {
        let cost = |step| Cost { cell: 0.0, trial: step, step };
        let (narrow, wide, other) = (method("a", 8), method("a", 64), method("b", 32));
        let tried = [(&narrow, cost(1e-6)), (&wide, cost(1e-3)), (&other, cost(1.0))];
        assert_eq!(interpolate(&tried, &wide), cost(1e-3));
        let between = interpolate(&tried, &method("a", 32)).step;
        assert!(
            between > 1e-5 && between < 1e-3,
            "its own kernel counts, not the nearest: {between}"
        );
        let beyond = interpolate(&tried, &method("a", 128)).step;
        assert!((7.5e-3..8.0e-3).contains(&beyond), "in proportion to the operations: {beyond}");
        assert!(
            interpolate(&tried, &method("c", 32)).step > 0.0,
            "an unknown kernel is like others"
        );
    }
}
