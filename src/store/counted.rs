//! What came of the trials of a study so far, or of those of them that one process does: of all that are there,
//! and of the first ones of each cell, before the first that is missing. Which trials end first is not random,
//! so only the latter are a sample.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use super::coverage::Coverage;
use super::io::FileSystem;
use super::manifest::Manifest;
use super::part::{BlockBytes, Contents};
use super::row::RowBytes;
use super::scan::{Scan, scan_with};
use super::tally::Tally;
use crate::Result;
use crate::stop::Outcome;
use crate::study::{Block, TrialRow};

/// Numbers of trials by outcome, and their steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutcomeCounts {
    by_code: [u64; Outcome::ALL.len()],
    /// Steps of all of them together.
    pub steps: u64,
}

impl OutcomeCounts {
    /// Those of rows.
    pub fn of_rows<'a>(rows: impl IntoIterator<Item = &'a TrialRow>) -> Self {
        Self::of_ends(rows.into_iter().map(|row| (row.outcome as u8, row.steps)))
    }

    /// Those of a tally.
    pub fn of_tally(tally: &Tally) -> Self {
        let mut counts = Self::default();
        for end in tally.ends().iter() {
            counts.by_code[end.outcome as usize] += end.count;
            counts.steps = counts.steps.saturating_add(end.count.saturating_mul(end.steps));
        }
        counts
    }

    /// Those of trials with these codes of their outcomes and steps.
    pub(super) fn of_ends(ends: impl IntoIterator<Item = (u8, u64)>) -> Self {
        let mut counts = Self::default();
        for (code, steps) in ends {
            counts.by_code[usize::from(code)] += 1;
            counts.steps = counts.steps.saturating_add(steps);
        }
        counts
    }

    /// Number of trials.
    pub fn trials(&self) -> u64 {
        self.by_code.iter().sum()
    }

    /// Number of trials of this outcome.
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.by_code[outcome as usize]
    }

    /// Counts others too.
    pub(super) fn absorb(&mut self, other: &Self) {
        for (count, theirs) in self.by_code.iter_mut().zip(other.by_code) {
            *count += theirs;
        }
        self.steps = self.steps.saturating_add(other.steps);
    }
}

/// The trials of a cell that are a sample, in their order: of the blocks of a size every so many, from one on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Trials of a block, at least 1.
    pub size: u64,
    /// Number of the first block, less than [`every`](Self::every).
    pub first: u64,
    /// From a block to the next one.
    pub every: u64,
}

impl Sample {
    /// All trials.
    pub const ALL: Self = Self { size: 1, first: 0, every: 1 };

    /// The first trial of it from `trial` on.
    fn next(self, trial: u64) -> u64 {
        let block = trial / self.size;
        match (self.first + self.every - block % self.every) % self.every {
            0 => trial,
            blocks => (block + blocks).saturating_mul(self.size),
        }
    }

    /// Whether a trial is one of it.
    pub fn holds(self, trial: u64) -> bool {
        self.next(trial) == trial
    }

    /// The end of the trials of it, or of the others, that `trial` is one of.
    fn end(self, trial: u64) -> u64 {
        match self.next(trial) {
            _ if self.every == 1 => u64::MAX,
            next if next == trial => (trial / self.size + 1).saturating_mul(self.size),
            next => next,
        }
    }
}

/// What came of the trials of a cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CellCounts {
    /// Of all of the sample that are there.
    pub there: OutcomeCounts,
    /// Of those of the sample before the first that is missing.
    pub first: OutcomeCounts,
}

/// The counts of a cell while trials are entered.
#[derive(Debug, Clone, PartialEq, Eq)]
struct CellCounted {
    sample: Sample,
    counts: CellCounts,
    /// The first trial of the sample that is not among the first.
    next: u64,
    /// Of those of the sample behind it, by the first of those that came together.
    behind: BTreeMap<u64, OutcomeCounts>,
}

impl CellCounted {
    fn new(sample: Sample) -> Self {
        let (counts, behind) = (CellCounts::default(), BTreeMap::new());
        Self { sample, counts, next: sample.next(0), behind }
    }

    /// Enters trials that follow each other, all or none of the sample, none of which is there.
    fn enter(&mut self, first: u64, counts: OutcomeCounts) {
        if !self.sample.holds(first) {
            return;
        }
        self.counts.there.absorb(&counts);
        self.behind.insert(first, counts);
        while let Some(counts) = self.behind.remove(&self.next) {
            self.next = self.sample.next(self.next + counts.trials());
            self.counts.first.absorb(&counts);
        }
    }
}

/// What came of the trials of every cell; each counts once, however often it is entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    coverage: Coverage,
    cells: Vec<CellCounted>,
}

impl Counted {
    /// Nothing of so many cells, all of whose trials are a sample.
    pub fn new(cells: usize) -> Self {
        Self::of_samples(&vec![Sample::ALL; cells])
    }

    /// Nothing of cells with these samples.
    pub fn of_samples(samples: &[Sample]) -> Self {
        let cells = samples.iter().copied().map(CellCounted::new).collect();
        Self { coverage: Coverage::new(samples.len()), cells }
    }

    /// What came of the trials of a cell.
    pub fn cell(&self, cell: usize) -> CellCounts {
        self.cells[cell].counts
    }

    /// The same of every cell.
    pub fn cells(&self) -> impl ExactSizeIterator<Item = CellCounts> {
        self.cells.iter().map(|cell| cell.counts)
    }

    /// Which trials are there.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// Enters the trials of a block, of which some may be there; `count` says what came of those of some
    /// of its positions, from 0.
    pub fn add(&mut self, block: Block, count: impl Fn(Range<usize>) -> OutcomeCounts) {
        let Block { cell, first, count: trials } = block;
        for gap in self.coverage.gaps(cell, first..first + trials) {
            let mut start = gap.start;
            while start < gap.end {
                let end = self.cells[cell].sample.end(start).min(gap.end);
                let counts = count((start - first) as usize..(end - first) as usize);
                self.cells[cell].enter(start, counts);
                start = end;
            }
        }
        self.coverage.insert(block);
    }

    /// Enters the trials of a part.
    pub(super) fn add_part(&mut self, part: &Contents<'_>, manifest: &Manifest) {
        for bytes in &part.blocks {
            if manifest.keeps_rows() {
                self.add(bytes.block, |Range { start, end }| {
                    let rows = RowBytes::all(bytes.rows, manifest.ladder.len());
                    let rows = rows.skip(start).take(end - start);
                    OutcomeCounts::of_ends(rows.map(|row| (row.code(), row.steps())))
                });
            } else {
                self.add_tally(bytes, manifest);
            }
        }
    }

    /// Two blocks of tallies are the same or disjoint.
    fn add_tally(&mut self, bytes: &BlockBytes<'_>, manifest: &Manifest) {
        let block = bytes.block;
        let ladder = manifest.ladder.len();
        let tally = Tally::from_bytes(bytes.rows, block.count, ladder, manifest.max_steps);
        if let Some(tally) = tally {
            self.add(block, |_| OutcomeCounts::of_tally(&tally));
        }
    }
}

/// As [`scan`](super::scan::scan), with what came of the trials, of which these are the samples.
///
/// # Errors
/// As there.
pub fn scan_counted(
    fs: &dyn FileSystem,
    dir: &Path,
    manifest: &Manifest,
    samples: &[Sample],
) -> Result<(Scan, Counted)> {
    let mut counted = Counted::of_samples(samples);
    let add = |_: &Path, part: &Contents<'_>| {
        counted.add_part(part, manifest);
        Ok(())
    };
    let scan = scan_with(fs, dir, manifest, add, |_, _| Ok(()))?;
    Ok((scan, counted))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;
    use crate::store::io::Disk;
    use crate::store::manifest::tests::{manifest, tallied};
    use crate::store::numerics::Numerics;
    use crate::store::part::tests::{row, rows, tally};
    use crate::store::part::{decode, write_part, write_tallies};

    /// The first so many trials of a cell, or those of some numbers.
    fn counts(trials: impl Iterator<Item = u64>) -> OutcomeCounts {
        OutcomeCounts::of_rows(&trials.map(|trial| row(0, trial, 0)).collect::<Vec<_>>())
    }

    proptest! {
        /// However blocks overlap and in whatever order they come.
        #[test]
        fn every_trial_counts_once(
            blocks in prop::collection::vec((0_u64..60, 0_u64..20), 0..20),
            size in 1_u64..9,
            (first, every) in (1_u64..5).prop_flat_map(|every| (0..every, Just(every))),
        ) {
            let mut counted = Counted::of_samples(&[Sample { size, first, every }]);
            for &(first, count) in &blocks {
                let at = |position: usize| first + position as u64;
                let block = Block { cell: 0, first, count };
                counted.add(block, |range| counts(range.map(at)));
            }
            let holds = |trial: &u64| blocks.iter().any(|(f, n)| (*f..f + n).contains(trial));
            let cell = counted.cell(0);
            let of_sample = |trial: &u64| trial / size % every == first;
            prop_assert_eq!(cell.there, counts((0..80).filter(of_sample).filter(holds)));
            let first = (0..80).filter(of_sample).take_while(holds);
            prop_assert_eq!(cell.first, counts(first));
        }
    }

    #[test]
    fn parts_of_rows_and_of_tallies_say_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let mut rowed = manifest(vec![], 95, &[0.1, 0.01]);
        rowed.max_steps = 100_000;
        let tallied = tallied(rowed.clone(), &[10]);
        let numerics = Numerics::default();
        let (mut of_rows, mut of_tallies) = (Counted::new(1), Counted::new(1));
        for first in [20, 0, 20, 10, 40] {
            let blocks = [rows(0, first, 10, 2)];
            let path = write_part(&Disk, dir.path(), &rowed, &numerics, &blocks).unwrap();
            of_rows.add_part(&decode(&fs::read(path).unwrap(), &rowed).unwrap(), &rowed);
            let blocks = [tally(0, first, 10, 2)];
            let path = write_tallies(&Disk, dir.path(), &tallied, &numerics, &blocks).unwrap();
            of_tallies.add_part(&decode(&fs::read(path).unwrap(), &tallied).unwrap(), &tallied);
        }
        assert_eq!(of_rows, of_tallies);
        let cell = of_rows.cell(0);
        assert_eq!((cell.there.trials(), cell.first), (40, counts(0..30)));
    }
}
