//! What a study will take on this machine: its cells by how they are computed, operations, blocks and
//! time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use serde::Serialize;

use super::MOST_ROWS_PENDING;
use super::blocks::{self, Share};
use super::method::Method;
use super::pilot::{Seen, pilot};
use super::probe::{Cost, costs};
use crate::network::Shape;
use crate::store::coverage::Coverage;
use crate::study::{Axis, Block, Cell, Study};

/// Blocks up to which their distribution over the workers is followed one by one.
const MOST_FOLLOWED: u64 = 1_000_000;

/// What is known of a study before it runs. Times and operations are those of the trials that are left.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// Name of the study.
    pub study: String,
    /// Its axes.
    pub axes: Vec<Length>,
    /// Points of the sweep.
    pub cells: u64,
    /// Trials of each.
    pub trials_per_cell: u64,
    /// Trials of all cells.
    pub trials: u64,
    /// Of these, the ones that are not there yet.
    pub trials_left: u64,
    /// Cells by what decides their cost.
    pub groups: Vec<Group>,
    /// Operations of all steps, if every trial runs to its step limit.
    pub flops: f64,
    /// Pieces of work.
    pub blocks: u64,
    /// Files that they are published in, about.
    pub parts: u64,
    /// Number of workers that the times are for.
    pub workers: usize,
    /// Time if every trial runs to its step limit.
    pub seconds_at_most: f64,
    /// Time by what the pilot saw.
    pub seconds_likely: Option<f64>,
    /// What the pilot ran.
    pub pilot: Option<Piloted>,
}

/// One axis of the sweep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Length {
    /// Keys that move along it.
    pub keys: Vec<String>,
    /// Number of points.
    pub points: usize,
}

/// Cells that are computed in the same way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// Dimensions of the network, input first.
    pub net: String,
    /// How many cells.
    pub cells: u64,
    /// Kernel.
    pub kernel: &'static str,
    /// Arithmetic.
    pub precision: &'static str,
    /// Operations of a step.
    pub flops_per_step: f64,
    /// Step limit.
    pub max_steps: u64,
    /// Operations of a trial that runs to the step limit.
    pub flops_per_trial: f64,
    /// Steps of a trial by what the pilot saw.
    pub mean_steps: Option<f64>,
    /// Its part of [`Plan::seconds_at_most`].
    pub seconds_at_most: f64,
    /// Its part of [`Plan::seconds_likely`].
    pub seconds_likely: Option<f64>,
}

/// What the pilot ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Piloted {
    /// Trials.
    pub trials: u64,
    /// Of these, the ones that were on their way when the pilot ended them, and that count as running
    /// to the step limit.
    pub unfinished: u64,
    /// Cells they belong to.
    pub cells: u64,
}

/// Estimates what `study` takes on `workers` workers if the trials of `coverage` are there already;
/// with a pilot, also what it likely takes. Takes up to about two seconds, with a pilot five. BLAS
/// must have been prepared for as many workers.
pub fn estimate(study: &Study, coverage: &Coverage, workers: usize, with_pilot: bool) -> Plan {
    let work = Work::of(study, coverage);
    let tried = work.costs(workers);
    let seen = (with_pilot && work.left > 0).then(|| pilot(study, &tried, workers));
    let costs = seen.as_ref().map_or_else(|| tried.clone(), |seen| work.corrected(&tried, seen));
    let limits = study.cells.iter().map(|cell| cell.stop.max_steps as f64).collect();
    let at_most = Forecast::new(&work, &costs, limits, workers);
    let likely = seen.as_ref().map(|s| Forecast::new(&work, &costs, work.mean_steps(s), workers));
    let cells = study.cells.len() as u64;
    let seconds = likely.as_ref().map(|forecast| forecast.seconds);
    Plan {
        study: study.name.clone(),
        axes: lengths(study),
        cells,
        trials_per_cell: study.trials,
        trials: cells.saturating_mul(study.trials),
        trials_left: work.left,
        groups: work.groups.iter().map(|g| g.described(&at_most, likely.as_ref())).collect(),
        flops: work.flops(),
        blocks: work.blocks.iter().fold(0, |sum: u64, &blocks| sum.saturating_add(blocks)),
        parts: parts(study, work.left, seconds.unwrap_or(at_most.seconds)),
        workers,
        seconds_at_most: at_most.seconds,
        seconds_likely: seconds,
        pilot: seen.as_deref().map(piloted),
    }
}

fn lengths(study: &Study) -> Vec<Length> {
    let keys = |axis: &Axis| axis.keys.iter().map(|key| key.key.clone()).collect();
    study.axes.iter().map(|axis| Length { keys: keys(axis), points: axis.len() }).collect()
}

/// Files that the rows of a run of so many seconds are published in.
fn parts(study: &Study, trials: u64, seconds: f64) -> u64 {
    let by_time = (seconds / study.storage.part_seconds).ceil() as u64;
    let by_rows = trials.div_ceil(MOST_ROWS_PENDING as u64);
    by_time.max(by_rows).min(trials)
}

fn piloted(seen: &[Seen]) -> Piloted {
    let all = seen.iter().fold(Seen::default(), |all, &cell| all.and(cell));
    let cells = seen.iter().filter(|cell| cell.trials > 0).count() as u64;
    Piloted { trials: all.trials, unfinished: all.cut, cells }
}

/// Times if the trials of each cell take so many steps.
struct Forecast {
    steps: Vec<f64>,
    /// Of each cell: its part of the time of all workers.
    cells: Vec<f64>,
    /// Until the last worker is done.
    seconds: f64,
}

impl Forecast {
    fn new(work: &Work<'_>, costs: &[Cost], steps: Vec<f64>, workers: usize) -> Self {
        let of_cell = |cell| work.seconds_of_cell(costs, &steps, cell) / workers as f64;
        let cells: Vec<f64> = (0..steps.len()).map(of_cell).collect();
        let followed = work.follow(costs, &steps, workers);
        let seconds = followed.unwrap_or_else(|| cells.iter().sum());
        Self { steps, cells, seconds }
    }
}

/// Cells of a study that are computed in the same way.
struct Members {
    net: Shape,
    method: Method,
    max_steps: u64,
    cells: Vec<usize>,
}

impl Members {
    /// A value for each cell, summed.
    fn sum(&self, values: &[f64]) -> f64 {
        self.cells.iter().map(|&cell| values[cell]).sum()
    }

    /// What is told of it.
    fn described(&self, at_most: &Forecast, likely: Option<&Forecast>) -> Group {
        let flops = self.method.flops();
        let count = self.cells.len();
        Group {
            net: self.net.to_string(),
            cells: count as u64,
            kernel: self.method.kernel,
            precision: self.method.precision,
            flops_per_step: flops,
            max_steps: self.max_steps,
            flops_per_trial: flops * self.max_steps as f64,
            mean_steps: likely.map(|forecast| self.sum(&forecast.steps) / count as f64),
            seconds_at_most: self.sum(&at_most.cells),
            seconds_likely: likely.map(|forecast| self.sum(&forecast.cells)),
        }
    }

    /// What was seen of its cells together.
    fn seen(&self, seen: &[Seen]) -> Seen {
        self.cells.iter().fold(Seen::default(), |all, &cell| all.and(seen[cell]))
    }
}

/// What is left to do.
struct Work<'a> {
    study: &'a Study,
    coverage: &'a Coverage,
    groups: Vec<Members>,
    /// Trials that are left, of each cell and of all.
    trials: Vec<u64>,
    left: u64,
    /// Blocks of each cell.
    blocks: Vec<u64>,
}

impl<'a> Work<'a> {
    fn of(study: &'a Study, coverage: &'a Coverage) -> Self {
        let missing = |cell: &Cell| coverage.missing(cell.index, study.trials);
        let trials = |cell| missing(cell).iter().map(|range| range.end - range.start).sum();
        let trials: Vec<u64> = study.cells.iter().map(trials).collect();
        let blocks = |cell: &Cell| {
            let size = blocks::size(cell, &study.storage);
            missing(cell).iter().map(|r| r.end.div_ceil(size) - r.start / size).sum()
        };
        Self {
            study,
            coverage,
            groups: groups(study),
            left: trials.iter().fold(0, |sum: u64, &trials| sum.saturating_add(trials)),
            trials,
            blocks: study.cells.iter().map(blocks).collect(),
        }
    }

    /// Operations of all steps up to the limits.
    fn flops(&self) -> f64 {
        let of_trials = |group: &Members| {
            let trials = group.cells.iter().map(|&cell| self.trials[cell] as f64).sum::<f64>();
            group.method.flops() * group.max_steps as f64 * trials
        };
        self.groups.iter().map(of_trials).sum()
    }

    /// What a trial of each cell costs.
    fn costs(&self, workers: usize) -> Vec<Cost> {
        let mut costs_of_cells = vec![Cost::default(); self.study.cells.len()];
        if self.left > 0 {
            let first = |group: &Members| (group.method.clone(), group.cells[0]);
            let methods: HashMap<Method, usize> = self.groups.iter().rev().map(first).collect();
            let methods: Vec<_> = methods.into_iter().collect();
            let costs = costs(self.study, &methods, workers);
            for group in &self.groups {
                for &cell in &group.cells {
                    costs_of_cells[cell] = costs[&group.method];
                }
            }
        }
        costs_of_cells
    }

    /// The costs in the light of what the pilot's trials took: it measures longer than a probe does,
    /// and with real trials.
    fn corrected(&self, costs: &[Cost], seen: &[Seen]) -> Vec<Cost> {
        let factor = |seen: Seen| (seen.expected > 0.0).then(|| seen.seconds / seen.expected);
        let all = seen.iter().fold(Seen::default(), |all, &cell| all.and(cell));
        let whole = factor(all).unwrap_or(1.0);
        let mut corrected = costs.to_vec();
        for group in &self.groups {
            let factor = factor(group.seen(seen)).unwrap_or(whole);
            for &cell in &group.cells {
                corrected[cell] = costs[cell].scaled(factor);
            }
        }
        corrected
    }

    /// Steps that trials of each cell take on average, as a part of the step limit: what was seen of
    /// the cell itself, else of the cells of its group, else of all cells, each cell counting once.
    fn mean_steps(&self, seen: &[Seen]) -> Vec<f64> {
        let limit = |cell: usize| self.study.cells[cell].stop.max_steps as f64;
        let part = |cell: usize| {
            let Seen { trials, steps, .. } = seen[cell];
            (trials > 0).then(|| steps / trials as f64 / limit(cell))
        };
        // Without any trial nothing is known but the limits.
        let of_all = mean((0..seen.len()).filter_map(part)).unwrap_or(1.0);
        let mut means = vec![0.0; seen.len()];
        for group in &self.groups {
            let of_group = mean(group.cells.iter().copied().filter_map(part)).unwrap_or(of_all);
            for &cell in &group.cells {
                means[cell] = part(cell).unwrap_or(of_group) * limit(cell);
            }
        }
        means
    }

    /// Seconds of one worker for all that is left of a cell, with so many steps a trial.
    fn seconds_of_cell(&self, costs: &[Cost], steps: &[f64], cell: usize) -> f64 {
        let cost = &costs[cell];
        let taken_up = cost.cell * self.blocks[cell] as f64;
        taken_up + cost.of_trial(steps[cell]) * self.trials[cell] as f64
    }

    /// Seconds until the last worker is done: blocks are handed out in order, each to the next worker
    /// that is free. `None` if there are too many to follow, so that the last ones do not matter.
    fn follow(&self, costs: &[Cost], steps: &[f64], workers: usize) -> Option<f64> {
        if self.blocks.iter().any(|&blocks| blocks > MOST_FOLLOWED)
            || self.blocks.iter().sum::<u64>() > MOST_FOLLOWED
        {
            return None;
        }
        let blocks = blocks::left(self.study, self.coverage, Share::WHOLE);
        let cost = |block: &Block| {
            let cost = &costs[block.cell];
            cost.cell + cost.of_trial(steps[block.cell]) * block.count as f64
        };
        Some(handed_out(blocks.iter().map(cost), workers))
    }
}

/// Groups in the order of their first cells.
fn groups(study: &Study) -> Vec<Members> {
    let mut groups: Vec<Members> = Vec::new();
    let mut known = HashMap::new();
    for cell in &study.cells {
        let (net, method, max_steps) = (cell.shape.clone(), Method::of(cell), cell.stop.max_steps);
        let position = *known.entry((net, method, max_steps)).or_insert(groups.len());
        if position == groups.len() {
            let (net, method) = (cell.shape.clone(), Method::of(cell));
            groups.push(Members { net, method, max_steps, cells: Vec::new() });
        }
        groups[position].cells.push(cell.index);
    }
    groups
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0_u64, 0.0), |(count, sum), x| (count + 1, sum + x));
    (count > 0).then(|| sum / count as f64)
}

/// When the last of `workers` is done with pieces of these lengths, each given to the first that is free.
fn handed_out(pieces: impl Iterator<Item = f64>, workers: usize) -> f64 {
    // Whole nanoseconds have an order.
    let mut free: BinaryHeap<Reverse<u64>> = vec![Reverse(0); workers].into();
    for piece in pieces {
        if let Some(Reverse(begin)) = free.pop() {
            free.push(Reverse(begin.saturating_add((piece * 1e9) as u64)));
        }
    }
    free.iter().map(|Reverse(end)| *end).max().unwrap_or(0) as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_worker_counts() {
        let handed = |pieces: &[f64], workers| handed_out(pieces.iter().copied(), workers);
        assert_eq!(handed(&[1.0, 1.0, 1.0], 2), 2.0);
        assert_eq!(handed(&[1.0, 1.0, 4.0], 2), 5.0);
        assert_eq!(handed(&[4.0, 1.0, 1.0], 2), 4.0);
        assert_eq!(handed(&[], 2), 0.0);
    }
}
