//! Whether a study fits into memory and onto the disk, before anything runs: a process that is
//! killed for its memory leaves no message.

use std::path::Path;

use crate::error::{Error, Result};
use crate::kernel::select::Choice;
use crate::run::blocks::{self, MOST_OPEN};
use crate::run::{
    MOST_ROWS_PENDING, MOST_TALLIES_PENDING, MOST_TRAJECTORIES_PENDING, recorded, tallied,
};
use crate::store::compaction::LARGEST;
use crate::study::{Cell, Measures, Study};

use super::machine;

/// Bytes that a run needs whatever the study: the program, its libraries and their buffers.
const BASE: u64 = 64 << 20;

/// What a study will need, and what there is; all in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// Memory of the workers, of rows that are not written yet, and of merging.
    pub memory: u64,
    /// Memory that can be had; `None`: unknown.
    pub memory_available: Option<u64>,
    /// What bounds it.
    pub memory_bound: &'static str,
    /// Disk for parts and results, uncompressed.
    pub disk: u64,
    /// Free disk space; `None`: unknown.
    pub disk_available: Option<u64>,
}

/// Checks that `study` on `threads` workers, stored in `dir`, fits this machine.
///
/// # Errors
/// [`Error::Usage`] with the numbers and what to change, if it does not.
pub fn preflight(study: &Study, threads: usize, dir: &Path) -> Result<Estimate> {
    let estimate = Estimate::of(study, threads, dir);
    judge(study, &estimate, dir)?;
    Ok(estimate)
}

impl Estimate {
    /// What `study` on `threads` workers, stored in `dir`, will need, and what this machine has.
    pub fn of(study: &Study, threads: usize, dir: &Path) -> Self {
        let limit = machine::memory(Path::new("/"), |name| std::env::var(name).ok());
        Self {
            memory: memory(study, threads),
            memory_available: limit.as_ref().map(|limit| limit.bytes),
            memory_bound: limit.map_or("", |limit| limit.by),
            // Parts and results.h5, less what an earlier run has written already.
            disk: stored(study).saturating_sub(machine::bytes_below(dir)),
            disk_available: machine::disk(dir),
        }
    }

    /// Whether there is enough memory, as far as is known.
    pub fn memory_fits(&self) -> bool {
        self.memory_available.is_none_or(|bytes| self.memory <= bytes)
    }

    /// Whether there is enough disk space, as far as is known.
    pub fn disk_fits(&self) -> bool {
        self.disk_available.is_none_or(|bytes| self.disk <= bytes)
    }
}

/// Refuses an estimate that exceeds what there is.
fn judge(study: &Study, estimate: &Estimate, dir: &Path) -> Result<()> {
    let rows = format!("cells: {}, trials of each: {}", study.most_cells(), least_trials(study));
    if let Some(available) = estimate.memory_available.filter(|_| !estimate.memory_fits()) {
        return Err(Error::usage(
            format!(
                "this study needs about {} of memory ({rows}), but {} are available ({})",
                bytes_text(estimate.memory),
                bytes_text(available),
                estimate.memory_bound
            ),
            Some(format!(
                "use fewer trials, cells, {steps}rungs of stop.ladder or --threads, narrower networks, \
                 or a machine with more memory",
                steps = if study.storage.rows { "" } else { "steps (descent.max_steps), " }
            )),
        ));
    }
    if let Some(available) = estimate.disk_available.filter(|_| !estimate.disk_fits()) {
        return Err(Error::usage(
            format!(
                "this study needs about {} of disk ({rows}), but {} are free at {}",
                bytes_text(estimate.disk),
                bytes_text(available),
                dir.display()
            ),
            Some(format!(
                "use fewer trials, cells or rungs of stop.ladder, {rows}or choose a directory on a \
                 larger disk with -o",
                rows = if study.storage.rows { "keep no rows (store.rows = false), " } else { "" }
            )),
        ));
    }
    Ok(())
}

/// Trials that every cell has: where precision decides, those before the first look.
fn least_trials(study: &Study) -> u64 {
    study.stopping.map_or(study.trials, |rule| rule.every)
}

/// Bytes of one row: outcome, steps, measures and hits.
pub fn row_bytes(study: &Study) -> u64 {
    (1 + 8 + 8 * Measures::COUNT + 8 * study.ladder.len()) as u64
}

/// Bytes of all rows.
fn result_bytes(study: &Study) -> u64 {
    row_bytes(study).saturating_mul(least_trials(study)).saturating_mul(study.most_cells() as u64)
}

/// Bytes of all parts and of the results.
fn stored(study: &Study) -> u64 {
    let rows = match study.storage.rows {
        true => result_bytes(study).saturating_mul(2),
        false => tallied::in_parts(study).saturating_add(tallied::in_results(study)),
    };
    rows.saturating_add(recorded::on_disk(study))
}

/// Bytes of the whole run. Rows are in memory until they are a part, then a chunk at a time; of
/// tallies, those that blocks or a cell at hand come to.
fn memory(study: &Study, threads: usize) -> u64 {
    let workspace = study.cells.iter().map(workspace).max().unwrap_or(0);
    let [queue, pending, merging] = match study.storage.rows {
        true => [queue(study), pending(study), merging(study)],
        false => [tallying(study), tallies_pending(study), merging_tallies(study)],
    };
    let worker = workspace.saturating_add(queue).saturating_add(recorded::of_worker(study));
    BASE.saturating_add(worker.saturating_mul(threads as u64))
        .saturating_add(pending)
        .saturating_add(merging)
        .saturating_add(recorded::pending(study, MOST_TRAJECTORIES_PENDING))
}

/// The largest of something over the cells.
fn largest(study: &Study, bytes: impl Fn(&Cell) -> u64) -> u64 {
    study.cells.iter().map(bytes).max().unwrap_or(0)
}

/// Bytes of the tallies of one worker: of the blocks it has open, and of those that wait for the
/// writer.
fn tallying(study: &Study) -> u64 {
    largest(study, |cell| {
        let block = blocks::size(cell, &study.storage).min(least_trials(study));
        let waiting = tallied::in_part(study, cell, block).saturating_mul(5);
        tallied::in_memory(study, cell, block.max(MOST_OPEN)).saturating_add(waiting)
    })
}

/// Bytes of the tallies that become a part: themselves, the part, and the part read back.
fn tallies_pending(study: &Study) -> u64 {
    let block = largest(study, |cell| {
        tallied::in_part(study, cell, blocks::size(cell, &study.storage).min(least_trials(study)))
    });
    let most = (MOST_TALLIES_PENDING as u64).saturating_add(block);
    tallied::in_parts(study).min(most).saturating_mul(3)
}

/// Bytes of what merging remembers of tallies: where that of each block is, and that of one cell, in
/// memory and on its way into the file.
fn merging_tallies(study: &Study) -> u64 {
    let blocks = |cell: &Cell| least_trials(study).div_ceil(blocks::size(cell, &study.storage));
    let blocks = tallied::of_tried(study, study.cells.iter().map(blocks));
    let cell = largest(study, |cell| tallied::in_memory(study, cell, least_trials(study)));
    blocks.saturating_mul(128).saturating_add(cell.saturating_mul(2))
}

/// Bytes of the rows of one worker: the blocks it has open and those that wait for the writer, twice
/// what they take on disk.
fn queue(study: &Study) -> u64 {
    let block = blocks::most_trials(&study.storage).min(least_trials(study));
    let trials = block.saturating_mul(4).saturating_add(block.max(MOST_OPEN));
    let blocks = trials.saturating_mul(2 * row_bytes(study));
    blocks.min(result_bytes(study).saturating_mul(2))
}

/// Bytes of the rows that become a part: themselves, twice what they take on disk, the part, and the
/// part read back; or, beside the rows of the next one, parts that are merged and what they become.
fn pending(study: &Study) -> u64 {
    let most = (MOST_ROWS_PENDING as u64).saturating_mul(row_bytes(study));
    let rows = 4 * result_bytes(study).min(most);
    rows.saturating_add(2 * result_bytes(study).min(LARGEST))
}

/// Bytes of what merging remembers: where each 4096 rows are, and how many trials of a cell took how
/// many steps.
fn merging(study: &Study) -> u64 {
    let rows = least_trials(study).saturating_mul(study.most_cells() as u64);
    let steps = study.cells.iter().map(|cell| cell.stop.max_steps).max().unwrap_or(0);
    (rows / 32).saturating_add(least_trials(study).min(steps).saturating_mul(32))
}

/// Trials that one worker advances side by side at most, where one is a small matter: the lanes of the
/// widest vectors.
const LANES: u64 = 16;

/// Bytes of one worker: for every trial at hand four sets of weights (initial, current, earlier, being
/// drawn), the prefix and suffix products, the imbalances of its start, and its state, two sets of
/// weights, five times (gone on from, taken, kept, put into a file, read back); and the square matrices of
/// random rotations or of imbalances. Another method has one trial at hand, with what it works with, and
/// its memory where the weights are.
fn workspace(cell: &Cell) -> u64 {
    let (shape, rule) = (&cell.shape, &cell.rule);
    let dims: Vec<u64> = shape.dims().iter().map(|&d| d as u64).collect();
    let parameters: u64 = dims.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let thin = dims[0].min(dims[dims.len() - 1]);
    let products = 2 * thin * dims.iter().sum::<u64>();
    let widest = dims.iter().copied().max().unwrap_or(0);
    let imbalances: u64 = shape.hidden().iter().map(|&d| (d * d) as u64).sum();
    let lanes = if Choice::for_shape(shape) == Choice::Compact { LANES } else { 1 };
    let memory = rule.memory(shape.parameters()) as u64;
    let method = if rule.is_plain() { 0 } else { 14 * memory + rule.copies() * parameters };
    8 * (lanes * (14 * parameters + products + imbalances) + method + 3 * widest * widest)
}

/// `1.5 GiB`.
pub fn bytes_text(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut size = bytes as f64;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0);
    format!("{size:.digits$} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    fn study(text: &str) -> Study {
        parse("study.toml", text, &[], Path::new("")).unwrap()
    }

    #[test]
    fn sizes() {
        let study =
            study("trials = 10\n[stop]\nladder = [1.0, 0.1]\n[sweep]\n\"init.std\" = [0.1, 0.2]");
        let row = 9 + 8 * Measures::COUNT as u64 + 16;
        assert_eq!(row_bytes(&study), row);
        assert_eq!(result_bytes(&study), 20 * row);
        // Three layers of 8 x 8; four dimensions of 8, thin side 8; two pairs of layers.
        let trial = 14 * 192 + 2 * 8 * 32 + 2 * 64;
        assert_eq!(workspace(&study.cells[0]), 8 * (16 * trial + 3 * 64));
        let (one, three) = (memory(&study, 1), memory(&study, 3));
        assert_eq!(three - one, 2 * (workspace(&study.cells[0]) + 40 * row));
        assert_eq!(["1023 B", "1.5 KiB", "2.0 GiB"], [1023, 1536, 2 << 30].map(bytes_text));
    }

    #[test]
    fn memory_hardly_grows_with_the_number_of_trials() {
        let of = |trials: &str| {
            let text = format!("trials = {trials}\n[descent]\nmax_steps = 20");
            memory(&study(&text), 2)
        };
        assert!(of("1_000_000") > of("1000"));
        assert!(of("10_000_000") < of("1_000_000") + (1 << 20));
        assert!(of("10_000_000") < 512 << 20);
    }

    #[test]
    fn tallies_take_what_their_histograms_take() {
        let tallied = |trials: u64, max_steps: u64| {
            study(&format!(
                "trials = {trials}\n[descent]\nmax_steps = {max_steps}\n[store]\nrows = false"
            ))
        };
        let few = tallied(100_000_000, 500);
        assert!(memory(&few, 2) < 512 << 20);
        assert!(stored(&few) < 1 << 30, "{}", stored(&few));
        assert!(result_bytes(&few) > 8 << 30);
        // The exact histograms of as many numbers of steps as trials.
        let many = tallied(100_000_000, 1_000_000_000_000);
        assert!(memory(&many, 2) > 50 << 30);
        let dir = tempfile::tempdir().unwrap();
        let estimate = Estimate {
            memory: memory(&many, 2),
            memory_available: Some(16 << 30),
            memory_bound: "MemAvailable",
            disk: 0,
            disk_available: None,
        };
        let error = judge(&many, &estimate, dir.path()).unwrap_err();
        assert!(error.to_string().contains("16.0 GiB are available"), "{error}");
        let Error::Usage { help, .. } = error else { panic!("{error}") };
        assert!(help.unwrap().contains("descent.max_steps"));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_numbers() {
        let study = study("trials = 10");
        let estimate = Estimate {
            memory: 3 << 30,
            memory_available: Some(4 << 30),
            memory_bound: "MemAvailable",
            disk: 2 << 30,
            disk_available: Some(5 << 30),
        };
        let refusal = |estimate: &Estimate| {
            judge(&study, estimate, Path::new("runs/x")).unwrap_err().to_string()
        };
        assert!(judge(&study, &estimate, Path::new("")).is_ok());
        let no_memory = Estimate { memory_available: Some(1 << 30), ..estimate };
        assert_eq!(
            refusal(&no_memory),
            "this study needs about 3.0 GiB of memory (cells: 1, trials of each: 10), but 1.0 \
             GiB are available (MemAvailable)"
        );
        let no_disk = Estimate { disk_available: Some(1 << 20), ..estimate };
        assert!(refusal(&no_disk).contains("2.0 GiB of disk"), "{}", refusal(&no_disk));
        let unknown = Estimate { memory_available: None, disk_available: None, ..estimate };
        assert!(judge(&study, &unknown, Path::new("")).is_ok());
    }

    #[test]
    fn this_machine_runs_a_small_study_and_not_a_vast_one() {
        let dir = tempfile::tempdir().unwrap();
        let estimate = preflight(&study("trials = 10"), 2, dir.path()).unwrap();
        assert!(estimate.disk_available.is_some());
        let vast = study(
            "trials = 1_000_000_000\n[sweep]\n\"init.std\" = { linear = [0, 1], points = 1000 }",
        );
        assert!(preflight(&vast, 2, dir.path()).is_err());
    }
}
