//! What a study will take on this machine: its cells by how they are computed, operations, blocks and
//! time.

use serde::Serialize;

use super::durable::Durable;
use super::pilot::{Seen, pilot};
use super::probe::Cost;
use super::rounds::at_most;
use super::tasks::{Cut, Tasks};
use super::tuning::guessed;
use super::workload::{self, Alike, Workload};
use super::{MOST_ROWS_PENDING, MOST_TALLIES_PENDING, recorded, tallied};
use crate::study::{Axis, Study};

/// Rows a second that become parts and then results: what remains to do when the workers are done.
const ROWS_STORED_PER_SECOND: f64 = 2e5;

/// What is known of a study before it runs. Times and operations are those of the trials that are left.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// Name of the study.
    pub study: String,
    /// Its axes.
    pub axes: Vec<Length>,
    /// Points of the sweep.
    pub cells: u64,
    /// Trials of each; at most, if it ends when it is precise enough; on average, if a budget is less.
    pub trials_per_cell: u64,
    /// Trials of all cells.
    pub trials: u64,
    /// Whether what comes of trials decides which cells have how many.
    pub adaptive: bool,
    /// Trials of all cells that are spread by precision, if there is such a budget.
    pub budget: Option<u64>,
    /// The least that such a budget can be, if there can be one.
    pub least_budget: Option<u64>,
    /// Of these, the ones that are not there yet.
    pub trials_left: u64,
    /// Trials that learning rates are tuned on before, if they are.
    pub tuning_trials: u64,
    /// Trajectories of trials that are not there yet.
    pub trajectories_left: u64,
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
    /// What each of several tasks takes.
    pub tasks: Option<Tasks>,
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
    /// Those of the network that is computed: smaller, if an exact reduction pays.
    pub computed_as: String,
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
    /// Of these, the ones that were on their way when the pilot ended them, and whose losses are taken to fall
    /// on as they did.
    pub unfinished: u64,
    /// Cells they belong to.
    pub cells: u64,
}

/// Estimates what `study` takes on `workers` workers if what is `durable` is there already;
/// with a pilot, also what it likely takes; with a cut, also what each task does if it has as many
/// workers. Takes up to about two seconds, with a pilot five, and three more where trials are
/// recorded. BLAS must have been prepared for as many workers.
pub fn estimate(
    study: &Study,
    durable: &Durable,
    workers: usize,
    with_pilot: bool,
    cut: Option<Cut>,
) -> Plan {
    let study = &*at_most(study, &durable.standings);
    let study = &*guessed(study);
    let work = Workload::of(study, durable);
    let tried = work.costs(workers);
    let seen = (with_pilot && work.is_left()).then(|| pilot(study, &tried, workers));
    let costs = seen.as_ref().map_or_else(|| tried.clone(), |seen| work.corrected(&tried, seen));
    let means = seen.as_ref().map(|seen| work.mean_steps(seen));
    let records = work.records(&costs, means.as_deref(), workers);
    let limits = study.cells.iter().map(|cell| cell.stop.max_steps as f64).collect();
    let forecast = |steps| Forecast::new(&work, &costs, steps, &records, workers);
    let (at_most, likely) = (forecast(limits), means.map(forecast));
    let cells = study.cells.iter().filter(|cell| cell.trials > 0).count() as u64;
    let seconds = likely.as_ref().map(|forecast| forecast.seconds);
    let tasks = cut.filter(|_| work.left > 0).map(|cut| {
        let count = cut.count(seconds.unwrap_or(at_most.seconds), work.blocks());
        let longest = |forecast: &Forecast| forecast.longest(&work, &costs, count, workers);
        Tasks {
            count,
            with_work: work.tasks_with_work(count),
            seconds_at_most: longest(&at_most),
            seconds_likely: likely.as_ref().map(longest),
        }
    });
    Plan {
        study: study.name.clone(),
        axes: lengths(study),
        cells,
        trials_per_cell: study.cells.iter().map(|cell| cell.trials).max().unwrap_or(0),
        trials: study.cells.iter().fold(0, |sum: u64, cell| sum.saturating_add(cell.trials)),
        adaptive: study.is_adaptive(),
        budget: study.budget(),
        least_budget: study
            .stopping
            .filter(|_| study.refinement.is_none())
            .map(|rule| rule.every.min(study.trials).saturating_mul(study.cells.len() as u64)),
        trials_left: work.left,
        tuning_trials: study.cells.iter().map(workload::tuning_trials).sum(),
        trajectories_left: work.recordings_left,
        groups: work.groups.iter().map(|g| Group::of(g, &at_most, likely.as_ref())).collect(),
        flops: work.flops(),
        blocks: work.blocks(),
        parts: parts(study, work.left, seconds.unwrap_or(at_most.seconds)),
        workers,
        seconds_at_most: at_most.seconds,
        seconds_likely: seconds,
        pilot: seen.as_deref().map(piloted),
        tasks,
    }
}

impl Plan {
    /// About how many trials like those that are left so many seconds of one processor are enough for;
    /// `None` if nothing is left to tell it by.
    pub fn trials_in(&self, seconds: f64) -> Option<u64> {
        let all = self.seconds_likely.unwrap_or(self.seconds_at_most) * self.workers as f64;
        (self.trials_left > 0 && all > 0.0)
            .then(|| (seconds / all * self.trials_left as f64) as u64)
    }
}

impl Group {
    /// Of these cells.
    fn of(group: &Alike, at_most: &Forecast, likely: Option<&Forecast>) -> Self {
        let flops = group.method.flops();
        let count = group.cells.len();
        Self {
            net: group.net.to_string(),
            computed_as: group.method.shape.to_string(),
            cells: count as u64,
            kernel: group.method.kernel,
            precision: group.method.precision,
            flops_per_step: flops,
            max_steps: group.max_steps,
            flops_per_trial: flops * group.max_steps as f64,
            mean_steps: likely.map(|forecast| group.sum(&forecast.steps) / count as f64),
            seconds_at_most: group.sum(&at_most.cells),
            seconds_likely: likely.map(|forecast| group.sum(&forecast.cells)),
        }
    }
}

fn lengths(study: &Study) -> Vec<Length> {
    let keys = |axis: &Axis| axis.keys.iter().map(|key| key.key.clone()).collect();
    let points = |number: usize| {
        let length = study.axes[number].len();
        let refined = study.refinement.filter(|refinement| refinement.axis == number);
        refined.map_or(length, |refinement| refinement.most_points(length))
    };
    let axes = study.axes.iter().enumerate();
    axes.map(|(number, axis)| Length { keys: keys(axis), points: points(number) }).collect()
}

/// Files that the rows of a run of so many seconds are published in.
fn parts(study: &Study, trials: u64, seconds: f64) -> u64 {
    let by_time = (seconds / study.storage.part_seconds).ceil() as u64;
    let by_size = match study.storage.rows {
        true => trials.div_ceil(MOST_ROWS_PENDING as u64),
        false => tallied::in_parts(study).div_ceil(MOST_TALLIES_PENDING as u64),
    };
    by_time.max(by_size).min(trials)
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
    recording: recorded::Seconds,
    /// Until the last worker is done and the rows are stored.
    seconds: f64,
}

impl Forecast {
    fn new(
        work: &Workload<'_>,
        costs: &[Cost],
        steps: Vec<f64>,
        records: &[f64],
        workers: usize,
    ) -> Self {
        let of_cell = |cell| work.seconds_of_cell(costs, &steps, cell) / workers as f64;
        let cells: Vec<f64> = (0..steps.len()).map(of_cell).collect();
        let recording = work.seconds_of_recording(costs, &steps, records);
        let mut forecast = Self { steps, cells, recording, seconds: 0.0 };
        forecast.seconds = forecast.longest(work, costs, 1, workers);
        forecast
    }

    /// Seconds of the longest of so many tasks.
    fn longest(&self, work: &Workload<'_>, costs: &[Cost], tasks: u64, workers: usize) -> f64 {
        let followed = work.follow(costs, &self.steps, tasks, workers);
        let computed = followed.unwrap_or_else(|| self.cells.iter().sum::<f64>() / tasks as f64);
        let computed = computed.max(work.seconds_of_longest(costs, &self.steps));
        let rows = if work.keeps_rows() { work.left as f64 } else { 0.0 };
        let (rows, all_workers) = (rows / ROWS_STORED_PER_SECOND, (tasks * workers as u64) as f64);
        let tuning = work.seconds_of_tuning(costs, &self.steps) / all_workers;
        computed + tuning + self.recording.on(all_workers) + rows / tasks as f64
    }
}
