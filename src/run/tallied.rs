//! How large the tallies of a study that keeps no rows can become: each histogram has at most as many
//! entries as there are trials, and as there are numbers of steps.

use super::blocks;
use crate::stop::Outcome;
use crate::study::{Cell, Study};

/// Bytes of an entry in memory, at most: a number and a count in nodes of a tree that are half full.
const IN_MEMORY: u64 = 40;

/// Bytes of an entry in `results.h5`, uncompressed, at most: a number of steps, a count, an outcome and a
/// number of rungs.
const IN_RESULTS: u64 = 25;

/// Entries of all histograms of so many trials of a cell: of the hits of each rung, and of the ends,
/// which are apart by outcome and by rungs hit.
fn entries(study: &Study, cell: &Cell, trials: u64) -> u64 {
    let rungs = study.ladder.len() as u64;
    let steps = cell.stop.max_steps.saturating_add(1);
    let ends = steps.saturating_mul((Outcome::ALL.len() as u64 - 1) * (rungs + 1)).min(trials);
    trials.min(steps).saturating_mul(rungs).saturating_add(ends)
}

/// Bytes of the tally of so many trials of a cell in memory.
pub fn in_memory(study: &Study, cell: &Cell, trials: u64) -> u64 {
    entries(study, cell, trials).saturating_mul(IN_MEMORY)
}

/// Bytes of the histograms of all cells in `results.h5`.
pub fn in_results(study: &Study) -> u64 {
    let of_cell = |cell: &Cell| entries(study, cell, study.trials).saturating_mul(IN_RESULTS);
    of_tried(study, study.cells.iter().map(of_cell))
}

/// The sum over all cells, as far as they can have trials: not all points of a refined axis can.
pub fn of_tried(study: &Study, of_cells: impl Iterator<Item = u64>) -> u64 {
    let all = of_cells.fold(0, u64::saturating_add);
    (u128::from(all) * study.most_cells() as u128 / study.cells.len().max(1) as u128) as u64
}

/// Bytes of the tally of so many trials of a cell in a part, about at most: with so many entries that
/// follow each other so closely, most numbers take a byte.
pub fn in_part(study: &Study, cell: &Cell, trials: u64) -> u64 {
    let each = trials.min(cell.stop.max_steps.saturating_add(1)).max(1);
    let digits = |mean: u64| u64::from(mean.checked_ilog2().unwrap_or(0)) / 7 + 1;
    let entry = digits(cell.stop.max_steps / each) + digits(trials / each);
    // Each block has its trials, the lengths, and the outcomes by conditions of the theorem.
    let outcomes = (2 + digits(trials)) * trials.min(64);
    entries(study, cell, trials).saturating_mul(entry).saturating_add(64 + outcomes)
}

/// Bytes of the tallies of all blocks in parts.
pub fn in_parts(study: &Study) -> u64 {
    let of_cell = |cell: &Cell| {
        let size = blocks::size(cell, &study.storage).min(study.trials);
        in_part(study, cell, size).saturating_mul(study.trials.div_ceil(size))
    };
    of_tried(study, study.cells.iter().map(of_cell))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::parse;
    use crate::store::part::BlockTally;
    use crate::store::{Histogram, Tally};
    use crate::study::{Block, Measures, TrialRow};

    /// A tally with as many entries as there can be.
    #[test]
    fn the_bounds_hold() {
        let text = |trials, max_steps| {
            format!(
                "trials = {trials}\n[descent]\nmax_steps = {max_steps}\n[stop]\nladder = [1.0, 0.1]\n\
                 [store]\nrows = false\nblock = {trials}"
            )
        };
        for (trials, max_steps) in [(1_u64, 5_u64), (500, 300), (500, 50_000), (40_000, 99)] {
            let text = text(trials, max_steps);
            let study = parse("study.toml", &text, &[], Path::new("")).unwrap();
            let mut tally = Tally::new(2);
            for trial in 0..trials {
                let steps = (trial * max_steps).div_ceil(trials) % (max_steps + 1);
                let hit = |rung| if trial / 4 % 3 > rung { steps as i64 } else { -1 };
                tally.add_row(&TrialRow {
                    outcome: Outcome::ALL[1 + (trial % 4) as usize],
                    steps,
                    measures: Measures::default(),
                    theorem1: (trial % 16) as u8,
                    certificate: None,
                    hit_steps: vec![hit(0), hit(1)],
                });
            }
            let most = entries(&study, &study.cells[0], trials);
            let hits: usize = tally.hits().iter().map(Histogram::len).sum();
            assert!((tally.ends().len() + hits) as u64 <= most);
            let bytes = BlockTally::new(Block { cell: 0, first: 0, count: trials }, &tally).size();
            assert!(bytes as u64 <= in_parts(&study), "{bytes} of {trials}");
            assert!(in_parts(&study) <= 3 * bytes as u64 + 100, "{bytes} of {trials}");
        }
    }
}
