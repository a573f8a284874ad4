//! Which trials of which cell are there.

use std::ops::Range;

use crate::study::Block;

/// For every cell the set of trial numbers that are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// Sorted, disjoint ranges that do not touch.
    cells: Vec<Vec<Range<u64>>>,
}

impl Coverage {
    /// Nothing of any of `cells` cells.
    pub fn new(cells: usize) -> Self {
        Self { cells: vec![Vec::new(); cells] }
    }

    /// Adds the trials of a block; some may be there already.
    ///
    /// # Panics
    /// If the cell does not exist.
    pub fn insert(&mut self, block: Block) {
        if block.count == 0 {
            return;
        }
        let ranges = &mut self.cells[block.cell];
        let mut added = block.first..block.first + block.count;
        let from = ranges.partition_point(|r| r.end < added.start);
        let to = ranges.partition_point(|r| r.start <= added.end);
        if let (Some(first), Some(last)) = (ranges[from..to].first(), ranges[from..to].last()) {
            added = added.start.min(first.start)..added.end.max(last.end);
        }
        ranges.splice(from..to, [added]);
    }

    /// Whether a trial of `cell` is there.
    pub fn holds(&self, cell: usize, trial: u64) -> bool {
        let ranges = &self.cells[cell];
        let next = ranges.partition_point(|range| range.end <= trial);
        ranges.get(next).is_some_and(|range| range.start <= trial)
    }

    /// Whether the first `trials` trials of all cells are there.
    pub fn is_complete(&self, trials: u64) -> bool {
        (0..self.cells.len()).all(|cell| self.prefix(cell) >= trials)
    }

    /// The trials of `cell` among the first `trials` that are not there, in order.
    pub fn missing(&self, cell: usize, trials: u64) -> Vec<Range<u64>> {
        self.gaps(cell, 0..trials)
    }

    /// The trials of `cell` in a range that are not there, in order.
    pub fn gaps(&self, cell: usize, trials: Range<u64>) -> Vec<Range<u64>> {
        let ranges = &self.cells[cell];
        let mut missing = Vec::new();
        let mut next = trials.start;
        for range in &ranges[ranges.partition_point(|range| range.end <= trials.start)..] {
            if range.start >= trials.end {
                break;
            }
            if next < range.start {
                missing.push(next..range.start);
            }
            next = range.end;
        }
        if next < trials.end {
            missing.push(next..trials.end);
        }
        missing
    }

    /// The ranges of `cell` that are there, in order.
    pub fn present(&self, cell: usize) -> &[Range<u64>] {
        &self.cells[cell]
    }

    /// Number of trials of `cell` that are there.
    pub fn count(&self, cell: usize) -> u64 {
        self.cells[cell].iter().map(|r| r.end - r.start).sum()
    }

    /// Number of trials that are there, over all cells.
    pub fn total(&self) -> u64 {
        (0..self.cells.len()).map(|cell| self.count(cell)).sum()
    }

    /// How many trials of `cell` are there without a gap from trial 0 on: the ones that statistics
    /// may look at before a study is complete, because which trials finish first is not random.
    pub fn prefix(&self, cell: usize) -> u64 {
        match self.cells[cell].first() {
            Some(range) if range.start == 0 => range.end,
            _ => 0,
        }
    }

    /// Number of cells.
    pub fn cells(&self) -> usize {
        self.cells.len()
    }
}

#[cfg(test)]
#[expect(clippy::single_range_in_vec_init, reason = "a list of one range is meant")]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn block(first: u64, count: u64) -> Block {
        Block { cell: 0, first, count }
    }

    #[test]
    fn touching_and_overlapping_ranges_become_one() {
        let mut coverage = Coverage::new(1);
        for (first, count) in [(10, 5), (0, 5), (20, 5), (3, 8), (15, 5)] {
            coverage.insert(block(first, count));
        }
        assert_eq!(coverage.present(0), [0..25]);
        assert_eq!(coverage.prefix(0), 25);
    }

    #[test]
    fn gaps_are_missing() {
        let mut coverage = Coverage::new(2);
        coverage.insert(block(2, 3));
        coverage.insert(block(7, 2));
        assert_eq!(coverage.missing(0, 12), [0..2, 5..7, 9..12]);
        assert_eq!(coverage.missing(0, 6), [0..2, 5..6]);
        assert_eq!(coverage.missing(1, 4), [0..4]);
        assert_eq!(coverage.prefix(0), 0);
        assert_eq!(coverage.total(), 5);
    }

    proptest! {
        #[test]
        fn agrees_with_a_set_of_numbers(blocks in prop::collection::vec((0_u64..60, 0_u64..20), 0..20)) {
            let mut coverage = Coverage::new(1);
            let mut set = BTreeSet::new();
            for (first, count) in blocks {
                coverage.insert(block(first, count));
                set.extend(first..first + count);
            }
            let present: Vec<u64> = coverage.present(0).iter().cloned().flatten().collect();
            prop_assert_eq!(&present, &set.iter().copied().collect::<Vec<_>>());
            prop_assert!(coverage.present(0).windows(2).all(|w| w[0].end < w[1].start));
            prop_assert_eq!(coverage.count(0), set.len() as u64);

            let missing: Vec<u64> = coverage.missing(0, 50).into_iter().flatten().collect();
            let expected: Vec<u64> = (0..50).filter(|t| !set.contains(t)).collect();
            prop_assert_eq!(missing, expected);
            for first in [10, 30, 55] {
                let missing: Vec<u64> = coverage.gaps(0, first..first + 20).into_iter().flatten().collect();
                let expected: Vec<u64> = (first..first + 20).filter(|t| !set.contains(t)).collect();
                prop_assert_eq!(missing, expected);
            }

            let prefix = (0..).take_while(|t| set.contains(t)).count() as u64;
            prop_assert_eq!(coverage.prefix(0), prefix);
        }
    }
}
