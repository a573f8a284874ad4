//! What is left of a study, cell by cell, and how long it takes if trials take so many steps.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use super::durable::Durable;
use super::expected::mean;
use super::method::Method;
use super::pilot::Seen;
use super::probe::{Cost, costs};
use super::{blocks, observed, recorded};
use crate::network::Shape;
use crate::store::coverage::Coverage;
use crate::study::{Block, Cell, Study};

/// Blocks up to which their distribution over the workers is followed one by one.
const MOST_FOLLOWED: u64 = 1_000_000;

/// What is left to do.
pub(super) struct Workload<'a> {
    study: &'a Study,
    coverage: &'a Coverage,
    trajectories: &'a Coverage,
    pub(super) groups: Vec<Alike>,
    /// Trials that are left, of each cell and of all.
    trials: Vec<u64>,
    pub(super) left: u64,
    /// Trajectories that are left.
    pub(super) recordings_left: u64,
    /// Blocks of each cell.
    blocks: Vec<u64>,
}

impl<'a> Workload<'a> {
    pub(super) fn of(study: &'a Study, durable: &'a Durable) -> Self {
        let Durable { rows: coverage, trajectories, .. } = durable;
        let missing = |cell: &Cell| coverage.missing(cell.index, cell.trials);
        let trials = |cell| missing(cell).iter().map(|range| range.end - range.start).sum();
        let trials: Vec<u64> = study.cells.iter().map(trials).collect();
        let blocks = |cell: &Cell| {
            let size = blocks::size(cell, &study.storage);
            missing(cell).iter().map(|r| r.end.div_ceil(size) - r.start / size).sum()
        };
        Self {
            study,
            coverage,
            trajectories,
            recordings_left: recorded::left(study, trajectories),
            groups: groups(study),
            left: trials.iter().fold(0, |sum: u64, &trials| sum.saturating_add(trials)),
            trials,
            blocks: study.cells.iter().map(blocks).collect(),
        }
    }

    /// Whether the rows of trials are kept.
    pub(super) fn keeps_rows(&self) -> bool {
        self.study.storage.rows
    }

    /// Number of blocks.
    pub(super) fn blocks(&self) -> u64 {
        self.blocks.iter().fold(0, |sum, &blocks| sum.saturating_add(blocks))
    }

    /// Operations of all steps up to the limits.
    pub(super) fn flops(&self) -> f64 {
        let of_trials = |group: &Alike| {
            let trials = group.cells.iter().map(|&cell| self.trials[cell] as f64).sum::<f64>();
            group.method.flops() * group.max_steps as f64 * trials
        };
        self.groups.iter().map(of_trials).sum()
    }

    /// What a trial of each cell costs.
    pub(super) fn costs(&self, workers: usize) -> Vec<Cost> {
        let mut costs_of_cells = vec![Cost::default(); self.study.cells.len()];
        if self.is_left() {
            let first = |group: &Alike| (group.method.clone(), group.cells[0]);
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
    pub(super) fn corrected(&self, costs: &[Cost], seen: &[Seen]) -> Vec<Cost> {
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
    pub(super) fn mean_steps(&self, seen: &[Seen]) -> Vec<f64> {
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
    pub(super) fn seconds_of_cell(&self, costs: &[Cost], steps: &[f64], cell: usize) -> f64 {
        let cost = &costs[cell];
        let taken_up = cost.cell * self.blocks[cell] as f64;
        taken_up + cost.of_trial(steps[cell]) * self.trials[cell] as f64
    }

    /// Seconds of the longest trial that is left, alone: what a study of few trials takes at least.
    pub(super) fn seconds_of_longest(&self, costs: &[Cost], steps: &[f64]) -> f64 {
        let of_cell = |group: &Alike, cell: usize| {
            let seconds = costs[cell].of_trial(steps[cell]);
            if self.trials[cell] > 0 { recorded::lanes(&group.method) * seconds } else { 0.0 }
        };
        let of_group = |group: &Alike| {
            let seconds = group.cells.iter().map(|&cell| of_cell(group, cell));
            seconds.fold(0.0, f64::max)
        };
        self.groups.iter().map(of_group).fold(0.0, f64::max)
    }

    /// Seconds of one worker for the learning rates that are tuned, with so many steps a trial; nothing is
    /// left of it where nothing is left of the study.
    pub(super) fn seconds_of_tuning(&self, costs: &[Cost], steps: &[f64]) -> f64 {
        let of_cell = |cell: &Cell| {
            tuning_trials(cell) as f64 * costs[cell.index].of_trial(steps[cell.index])
        };
        if self.left > 0 { self.study.cells.iter().map(of_cell).sum() } else { 0.0 }
    }

    /// Whether something is left.
    pub(super) fn is_left(&self) -> bool {
        self.left > 0 || self.recordings_left > 0
    }

    /// Seconds of a record of each cell, timed in trials that take so many steps; guessed if these are not
    /// known.
    pub(super) fn records(
        &self,
        costs: &[Cost],
        steps: Option<&[f64]>,
        workers: usize,
    ) -> Vec<f64> {
        let is_left = |cell: &&Cell| recorded::missing(self.study, self.trajectories, cell) > 0;
        let cells = || self.study.cells.iter().filter(is_left).map(|cell| cell.index).collect();
        match steps {
            Some(steps) if self.recordings_left > 0 => {
                let cells: Vec<usize> = cells();
                observed::timed(self.study, &cells, costs, steps, workers)
            }
            _ => observed::guessed(self.study),
        }
    }

    /// Seconds of all trajectories that are left, with so many steps a trial and so long a record.
    pub(super) fn seconds_of_recording(
        &self,
        costs: &[Cost],
        steps: &[f64],
        records: &[f64],
    ) -> recorded::Seconds {
        recorded::seconds(self.study, self.trajectories, costs, steps, records)
    }

    /// Seconds until the last worker of the longest of `tasks` tasks is done: the blocks of a task are
    /// handed out in order, each to the next of its workers that is free. `None` if there are too many
    /// to follow, so that the last ones do not matter.
    pub(super) fn follow(
        &self,
        costs: &[Cost],
        steps: &[f64],
        tasks: u64,
        workers: usize,
    ) -> Option<f64> {
        if self.blocks() > MOST_FOLLOWED {
            return None;
        }
        let piece = |(turn, block): (u64, Block)| {
            let cost = &costs[block.cell];
            let seconds = cost.cell + cost.of_trial(steps[block.cell]) * block.count as f64;
            (turn % tasks, seconds)
        };
        let pieces = blocks::in_turn(self.study, self.coverage).map(piece);
        Some(handed_out(pieces, workers))
    }

    /// How many of `tasks` tasks have something to do.
    pub(super) fn tasks_with_work(&self, tasks: u64) -> u64 {
        if tasks > MOST_FOLLOWED || self.blocks() > MOST_FOLLOWED {
            return tasks.min(self.blocks());
        }
        let turns = blocks::in_turn(self.study, self.coverage).map(|(turn, _)| turn % tasks);
        turns.collect::<HashSet<u64>>().len() as u64
    }
}

/// Trials that the learning rate of a cell is tuned on.
pub(super) fn tuning_trials(cell: &Cell) -> u64 {
    cell.tuning.as_ref().map_or(0, |tuning| tuning.rates.len() as u64 * tuning.trials)
}

/// Cells of a study that are computed in the same way.
pub(super) struct Alike {
    pub(super) net: Shape,
    pub(super) method: Method,
    pub(super) max_steps: u64,
    pub(super) cells: Vec<usize>,
}

impl Alike {
    /// A value for each cell, summed.
    pub(super) fn sum(&self, values: &[f64]) -> f64 {
        self.cells.iter().map(|&cell| values[cell]).sum()
    }

    /// What was seen of its cells together.
    fn seen(&self, seen: &[Seen]) -> Seen {
        self.cells.iter().fold(Seen::default(), |all, &cell| all.and(seen[cell]))
    }
}

/// Groups in the order of their first cells.
fn groups(study: &Study) -> Vec<Alike> {
    let mut groups: Vec<Alike> = Vec::new();
    let mut known = HashMap::new();
    for cell in study.cells.iter().filter(|cell| cell.trials > 0) {
        let (net, method, max_steps) = (cell.shape.clone(), Method::of(cell), cell.stop.max_steps);
        let position = *known.entry((net, method, max_steps)).or_insert(groups.len());
        if position == groups.len() {
            let (net, method) = (cell.shape.clone(), Method::of(cell));
            groups.push(Alike { net, method, max_steps, cells: Vec::new() });
        }
        groups[position].cells.push(cell.index);
    }
    groups
}

/// When the last worker of all tasks is done with pieces of these lengths, each given to the first of
/// the `workers` of its task that is free. Pieces come as (task, seconds).
fn handed_out(pieces: impl Iterator<Item = (u64, f64)>, workers: usize) -> f64 {
    // Whole nanoseconds have an order.
    let mut free: HashMap<u64, BinaryHeap<Reverse<u64>>> = HashMap::new();
    let mut last = 0;
    for (task, seconds) in pieces {
        let of_task = free.entry(task).or_insert_with(|| vec![Reverse(0); workers].into());
        if let Some(Reverse(begin)) = of_task.pop() {
            let end = begin.saturating_add((seconds * 1e9) as u64);
            last = last.max(end);
            of_task.push(Reverse(end));
        }
    }
    last as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::blocks::Share;

    #[test]
    fn the_last_worker_counts() {
        let handed = |pieces: &[f64], workers| handed_out(pieces.iter().map(|&p| (0, p)), workers);
        assert_eq!(handed(&[1.0, 1.0, 1.0], 2), 2.0);
        assert_eq!(handed(&[1.0, 1.0, 4.0], 2), 5.0);
        assert_eq!(handed(&[4.0, 1.0, 1.0], 2), 4.0);
        assert_eq!(handed(&[], 2), 0.0);
        let tasks = [(0, 1.0), (1, 1.0), (0, 1.0), (1, 5.0), (0, 1.0)];
        assert_eq!(handed_out(tasks.into_iter(), 1), 6.0, "tasks do not wait for each other");
        assert_eq!(handed_out(tasks.into_iter(), 2), 5.0);
    }

    /// Two groups of two cells each, of 10 trials, with step limits 100 and 1000.
    fn study() -> Study {
        let text =
            "trials = 10\n[sweep]\n\"descent.max_steps\" = [100, 1000]\n\"init.std\" = [0.1, 0.2]";
        crate::config::parse("study.toml", text, &[], std::path::Path::new("")).unwrap()
    }

    fn seen(trials: u64, steps: f64, seconds: f64) -> Seen {
        Seen { trials, cut: 0, steps, seconds, expected: trials as f64 }
    }

    #[test]
    fn cells_that_were_not_seen_are_like_those_that_were() {
        let study = study();
        let nothing = Durable::nothing(&study);
        let work = Workload::of(&study, &nothing);
        let none = Seen::default();
        let means = |seen: [Seen; 4]| work.mean_steps(&seen);
        assert_eq!(means([none; 4]), [100.0, 100.0, 1000.0, 1000.0]);
        // The other cell of the group has the same mean, the other group the same part of its limit.
        assert_eq!(means([seen(2, 50.0, 1.0), none, none, none]), [25.0, 25.0, 250.0, 250.0]);
        let both = [seen(2, 50.0, 1.0), none, seen(1, 500.0, 1.0), none];
        assert_eq!(means(both), [25.0, 25.0, 500.0, 500.0]);
    }

    #[test]
    fn slow_trials_raise_the_costs_of_their_group() {
        let study = study();
        let nothing = Durable::nothing(&study);
        let work = Workload::of(&study, &nothing);
        let costs = [Cost { cell: 0.0, trial: 1.0, step: 1.0 }; 4];
        let none = Seen::default();
        let steps =
            |seen: [Seen; 4]| work.corrected(&costs, &seen).iter().map(|c| c.step).collect();
        let corrected: Vec<f64> = steps([seen(1, 9.0, 3.0), none, seen(3, 9.0, 3.0), none]);
        assert_eq!(corrected, [3.0, 3.0, 1.0, 1.0]);
        let corrected: Vec<f64> = steps([seen(1, 9.0, 3.0), none, none, none]);
        assert_eq!(corrected, [3.0; 4], "a group that was not seen is like all");
    }

    #[test]
    fn what_is_there_is_no_work() {
        let study = study();
        let (nothing, mut there) = (Durable::nothing(&study), Durable::nothing(&study));
        let coverage = &mut there.rows;
        let all = Workload::of(&study, &nothing);
        coverage.insert(Block { cell: 2, first: 0, count: 10 });
        coverage.insert(Block { cell: 3, first: 2, count: 3 });
        let rest = Workload::of(&study, &there);
        assert_eq!((all.left, rest.left), (40, 27));
        // Steps at the limit that are left: 20 x 100 + 7 x 1000, instead of 20 x 100 + 20 x 1000.
        assert_eq!(rest.flops() * 22.0, all.flops() * 9.0);
        let whole = blocks::left(&study, &there.rows, Share::WHOLE);
        assert_eq!(rest.blocks(), whole.count() as u64);
        let cost = [Cost { cell: 0.0, trial: 0.0, step: 1.0 }; 4];
        let follow = |tasks, workers| rest.follow(&cost, &[1.0; 4], tasks, workers);
        assert_eq!(follow(1, 1), Some(27.0));
        assert_eq!(follow(1, 9), Some(10.0), "a block is one worker's");
        assert_eq!(follow(9, 1), Some(10.0));
    }

    #[test]
    fn the_longest_trial_is_alone() {
        let study = study();
        let mut there = Durable::nothing(&study);
        let cost = [Cost { cell: 0.0, trial: 1.0, step: 1.0 }; 4];
        let longest = |there: &Durable| {
            let work = Workload::of(&study, there);
            work.seconds_of_longest(&cost, &[4.0, 5.0, 9.0, 6.0])
        };
        let lanes = recorded::lanes(&Method::of(&study.cells[0]));
        assert!(lanes > 1.0 && longest(&there) == 10.0 * lanes);
        there.rows.insert(Block { cell: 2, first: 0, count: 10 });
        assert_eq!(longest(&there), 7.0 * lanes);
    }

    /// What is foretold of a task is what a process with its share would do.
    #[test]
    fn a_task_is_a_share() {
        let text = "trials = 20\n[store]\nblock = 3\n[sweep]\n\"init.std\" = [0.1, 0.2]";
        let study =
            crate::config::parse("study.toml", text, &[], std::path::Path::new("")).unwrap();
        let mut there = Durable::nothing(&study);
        there.rows.insert(Block { cell: 0, first: 4, count: 9 });
        let work = Workload::of(&study, &there);
        let cost = [Cost { cell: 0.0, trial: 0.0, step: 1.0 }; 2];
        for tasks in [1, 2, 3, 5, 40] {
            let trials = |index| {
                let share = format!("{index}/{tasks}").parse().unwrap();
                blocks::left(&study, &there.rows, share).map(|b| b.count).sum::<u64>()
            };
            let of_tasks: Vec<u64> = (1..=tasks).map(trials).collect();
            let longest = of_tasks.iter().max().map(|&trials| trials as f64);
            assert_eq!(work.follow(&cost, &[1.0; 2], tasks, 1), longest);
            let busy = of_tasks.iter().filter(|&&trials| trials > 0).count() as u64;
            assert_eq!(work.tasks_with_work(tasks), busy);
        }
    }
}
