//! Where the tally of every block is in the parts, and reading them cell by cell.

use std::collections::BTreeMap;
use std::path::Path;

use super::coverage::Coverage;
use super::io::FileSystem;
use super::manifest::Manifest;
use super::part::{BlockBytes, Contents};
use super::places::{Parts, Place};
use super::tally::Tally;
use crate::study::Block;
use crate::{Error, Result};

/// The tally of every block that is in the parts, once.
pub(super) struct Tallies<'a> {
    cells: usize,
    ladder: usize,
    max_steps: u64,
    parts: Parts<'a>,
    /// By cell and first trial: the number of trials, and where their tally is. Two blocks are the
    /// same or disjoint.
    blocks: BTreeMap<(usize, u64), (u64, Place)>,
}

impl<'a> Tallies<'a> {
    /// None yet, of this study.
    pub(super) fn new(fs: &'a dyn FileSystem, manifest: &Manifest) -> Self {
        Self {
            cells: manifest.cells(),
            ladder: manifest.ladder.len(),
            max_steps: manifest.max_steps,
            parts: Parts::new(fs),
            blocks: BTreeMap::new(),
        }
    }

    /// Enters the blocks of a part that are not there yet, and compares the others.
    ///
    /// # Errors
    /// [`Error::Content`] if another part has other bits for the same block.
    pub(super) fn add(&mut self, path: &Path, part: &Contents<'_>) -> Result<()> {
        self.parts.add(path);
        part.blocks.iter().try_for_each(|block| self.add_block(block))
    }

    fn add_block(&mut self, bytes: &BlockBytes<'_>) -> Result<()> {
        let Block { cell, first, count } = bytes.block;
        if let Some((_, there)) =
            self.blocks.get(&(cell, first)).filter(|(_, p)| !p.holds(bytes.rows))
        {
            let last = first + count - 1;
            let what = format!("the tally of trials {first}-{last} of cell {cell}");
            return Err(self.parts.contradiction(there, &what));
        }
        // Also one that is there: its part may have been put into this one, and be gone.
        let place = self.parts.place(bytes.offset, bytes.rows);
        self.blocks.insert((cell, first), (count, place));
        Ok(())
    }

    /// Leaves out what is behind the first gap of a cell.
    pub(super) fn keep_prefixes(&mut self, coverage: &Coverage) {
        self.blocks.retain(|&(cell, first), _| first < coverage.prefix(cell));
    }

    /// Gives the cells other numbers, in the same order; what is of cells without one is left out.
    pub(super) fn renumber(&mut self, numbers: &[Option<usize>]) {
        let blocks = std::mem::take(&mut self.blocks).into_iter();
        let number = |((cell, first), block)| Some(((numbers[cell]?, first), block));
        self.blocks = blocks.filter_map(number).collect();
        self.cells = numbers.iter().flatten().count();
    }

    /// Shows the tally of each cell to `visit`, in their order. One is in memory at a time.
    ///
    /// # Errors
    /// [`Error::Storage`] or [`Error::Content`] if a part is no longer as it was; those of `visit`.
    pub(super) fn visit<E: From<Error>>(
        &mut self,
        mut visit: impl FnMut(&Tally) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut bytes = Vec::new();
        for cell in 0..self.cells {
            let mut tally = Tally::new(self.ladder);
            for (_, (trials, place)) in self.blocks.range((cell, 0)..(cell + 1, 0)) {
                self.parts.read(place, &mut bytes)?;
                let block = Tally::from_bytes(&bytes, *trials, self.ladder, self.max_steps);
                tally.absorb(&block.expect("bytes that were read before"));
            }
            visit(&tally)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::io::Disk;
    use crate::store::manifest::tests::{axis, manifest, tallied};
    use crate::store::numerics::Numerics;
    use crate::store::part::tests::{row, tally};
    use crate::store::part::{BlockTally, decode, write_tallies};
    use crate::study::AxisValues;

    fn two_cells() -> Manifest {
        let axes = vec![axis("network.depth", AxisValues::Integers(vec![2, 3]))];
        let mut manifest = tallied(manifest(axes, 95, &[0.1, 0.01]), &[10, 40]);
        manifest.max_steps = 100_000;
        manifest
    }

    fn add(tallies: &mut Tallies<'_>, dir: &Path, blocks: &[BlockTally]) -> Result<()> {
        let manifest = two_cells();
        let path = write_tallies(&Disk, dir, &manifest, &Numerics::default(), blocks).unwrap();
        tallies.add(&path, &decode(&fs::read(&path).unwrap(), &manifest).unwrap())
    }

    /// The tally of the first trials of a cell.
    fn counted(cell: usize, trials: u64) -> Tally {
        let mut tally = Tally::new(2);
        (0..trials).for_each(|trial| tally.add_row(&row(cell, trial, 2)));
        tally
    }

    fn seen(tallies: &mut Tallies<'_>) -> Vec<Tally> {
        let mut seen = Vec::new();
        let visited: Result<()> = tallies.visit(|tally| {
            seen.push(tally.clone());
            Ok(())
        });
        visited.unwrap();
        seen
    }

    #[test]
    fn every_block_counts_once_and_prefixes_end_at_the_first_gap() {
        let dir = tempfile::tempdir().unwrap();
        let mut tallies = Tallies::new(&Disk, &two_cells());
        let [a, b, c] = [(0, 10), (10, 10), (30, 10)].map(|(t, n)| tally(0, t, n, 2));
        let end = tally(0, 90, 5, 2);
        let parts = [vec![a.clone(), c.clone()], vec![b.clone()], vec![a, b, c, end]];
        for blocks in parts {
            add(&mut tallies, dir.path(), &blocks).unwrap();
        }
        let whole = seen(&mut tallies);
        assert_eq!((whole[0].trials(), &whole[1]), (35, &Tally::new(2)));
        let mut coverage = Coverage::new(2);
        coverage.insert(Block { cell: 0, first: 0, count: 20 });
        coverage.insert(Block { cell: 0, first: 30, count: 10 });
        tallies.keep_prefixes(&coverage);
        assert_eq!(seen(&mut tallies), [counted(0, 20), Tally::new(2)]);
    }

    #[test]
    fn another_tally_of_the_same_block_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut tallies = Tallies::new(&Disk, &two_cells());
        add(&mut tallies, dir.path(), &[tally(1, 40, 40, 2)]).unwrap();
        let block = Block { cell: 1, first: 40, count: 40 };
        let other = BlockTally::new(block, &counted(1, 40));
        let error = add(&mut tallies, dir.path(), &[other]).unwrap_err().to_string();
        assert!(error.contains("contradicts"), "{error}");
        assert!(error.contains("the tally of trials 40-79 of cell 1"), "{error}");
    }
}
