//! Where the row of every trial is in the parts, and reading them in the order of cells and trials.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use super::coverage::Coverage;
use super::io::FileSystem;
use super::part::{BlockBytes, Contents};
use super::places::{Parts, Place};
use super::row;
use crate::{Error, Result};

/// Trials of a piece, at most; pieces of a cell begin at multiples of it, if the parts let them.
const TRIALS: u64 = 4096;

/// Every trial that is in the parts, once.
pub(super) struct Pieces<'a> {
    ladder: usize,
    parts: Parts<'a>,
    /// By cell and first trial; disjoint.
    pieces: BTreeMap<(usize, u64), Piece>,
    /// Of each cell, where it ends, if it does not with its last piece.
    ends: Option<Vec<u64>>,
}

/// Rows of trials that follow each other, in one part.
#[derive(Debug, Clone, Copy)]
struct Piece {
    count: u64,
    place: Place,
}

impl<'a> Pieces<'a> {
    /// None yet, of rows with hits of so many rungs.
    pub(super) fn new(fs: &'a dyn FileSystem, ladder: usize) -> Self {
        Self { ladder, parts: Parts::new(fs), pieces: BTreeMap::new(), ends: None }
    }

    /// Enters the trials of a part that are not there yet, and compares the others.
    ///
    /// # Errors
    /// [`Error::Content`] if another part has other bits for the same trial; [`Error::Storage`].
    pub(super) fn add(&mut self, path: &Path, part: &Contents<'_>) -> Result<()> {
        self.parts.add(path);
        part.blocks.iter().try_for_each(|block| self.add_block(block))
    }

    fn add_block(&mut self, bytes: &BlockBytes<'_>) -> Result<()> {
        let cell = bytes.block.cell;
        let end = bytes.block.first + bytes.block.count;
        let mut next = bytes.block.first;
        while next < end {
            let stop = end.min((next / TRIALS + 1) * TRIALS);
            let there = self.pieces.range(..=(cell, next)).next_back();
            let there =
                there.filter(|((c, first), piece)| *c == cell && first + piece.count > next);
            if let Some((&(_, first), &piece)) = there {
                let stop = stop.min(first + piece.count);
                self.compare(bytes, next..stop, first, piece)?;
                next = stop;
            } else {
                let following = self.pieces.range((cell, next)..(cell, stop)).next();
                let stop = following.map_or(stop, |((_, first), _)| *first);
                self.insert(bytes, next..stop);
                next = stop;
            }
        }
        Ok(())
    }

    /// Where the rows of some trials are in the bytes of rows that begin with trial `first`.
    fn place(&self, first: u64, trials: &Range<u64>) -> Range<usize> {
        let at = |trial| (trial - first) as usize * row::size(self.ladder);
        at(trials.start)..at(trials.end)
    }

    fn insert(&mut self, bytes: &BlockBytes<'_>, trials: Range<u64>) {
        let place = self.place(bytes.block.first, &trials);
        let offset = bytes.offset + place.start as u64;
        let place = self.parts.place(offset, &bytes.rows[place]);
        let piece = Piece { count: trials.end - trials.start, place };
        self.pieces.insert((bytes.block.cell, trials.start), piece);
    }

    /// Checks that the rows of some trials are those of the piece that has them already.
    fn compare(
        &mut self,
        bytes: &BlockBytes<'_>,
        trials: Range<u64>,
        first: u64,
        piece: Piece,
    ) -> Result<()> {
        let place = self.place(bytes.block.first, &trials);
        let whole = trials.start == first && trials.end == first + piece.count;
        if whole && piece.place.holds(&bytes.rows[place.clone()]) {
            // The part that had it may have been put into this one, and be gone.
            self.insert(bytes, trials);
            return Ok(());
        }
        let mut there = Vec::new();
        self.parts.read(&piece.place, &mut there)?;
        let ours = &bytes.rows[place];
        let theirs = &there[self.place(first, &trials)];
        let size = row::size(self.ladder);
        let pairs = ours.chunks_exact(size).zip(theirs.chunks_exact(size));
        match trials.zip(pairs).find(|(_, (ours, theirs))| ours != theirs) {
            None => Ok(()),
            Some((trial, _)) => {
                let what = format!("trial {trial} of cell {}", bytes.block.cell);
                Err(self.parts.contradiction(&piece.place, &what))
            }
        }
    }

    /// Leaves out what is behind the first gap of a cell.
    pub(super) fn keep_prefixes(&mut self, coverage: &Coverage) {
        self.pieces.retain(|&(cell, first), _| first < coverage.prefix(cell));
        self.ends = Some((0..coverage.cells()).map(|cell| coverage.prefix(cell)).collect());
    }

    /// Gives the cells other numbers, in the same order; what is of cells without one is left out.
    pub(super) fn renumber(&mut self, numbers: &[Option<usize>]) {
        let pieces = std::mem::take(&mut self.pieces).into_iter();
        let number = |((cell, first), piece)| Some(((numbers[cell]?, first), piece));
        self.pieces = pieces.filter_map(number).collect();
        let kept = |ends: &Vec<u64>| {
            ends.iter().zip(numbers).filter_map(|(&end, number)| number.map(|_| end)).collect()
        };
        self.ends = self.ends.as_ref().map(kept);
    }

    /// Shows all rows to `visit`, in the order of cells and trials: the cell and the bytes of some
    /// rows of it.
    ///
    /// # Errors
    /// [`Error::Storage`] or [`Error::Content`] if a part is no longer as it was; those of `visit`.
    pub(super) fn visit<E: From<Error>>(
        &mut self,
        mut visit: impl FnMut(usize, &[u8]) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut rows = Vec::new();
        for ((cell, first), piece) in std::mem::take(&mut self.pieces) {
            self.parts.read(&piece.place, &mut rows)?;
            let end = self.ends.as_ref().map_or(u64::MAX, |ends| ends[cell]);
            let count = piece.count.min(end.saturating_sub(first));
            visit(cell, &rows[..count as usize * row::size(self.ladder)])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::store::io::Disk;
    use crate::store::manifest::Manifest;
    use crate::store::manifest::tests::{axis, manifest};
    use crate::store::numerics::Numerics;
    use crate::store::part::tests::{row, rows};
    use crate::store::part::{decode, write_part};
    use crate::store::row::RowBytes;
    use crate::study::AxisValues;

    fn two_cells() -> Manifest {
        let mut manifest =
            manifest(vec![axis("network.depth", AxisValues::Integers(vec![2, 3]))], 20_000, &[0.1]);
        manifest.max_steps = 1_000_000;
        manifest
    }

    /// Stores blocks of a cell, each in a part, and enters them.
    fn add(pieces: &mut Pieces<'_>, dir: &Path, blocks: &[(usize, u64, u64)]) -> Vec<PathBuf> {
        let manifest = two_cells();
        let store = |&(cell, first, count): &(usize, u64, u64)| {
            let block = [rows(cell, first, count, 1)];
            let path = write_part(&Disk, dir, &manifest, &Numerics::default(), &block).unwrap();
            let bytes = fs::read(&path).unwrap();
            pieces.add(&path, &decode(&bytes, &manifest).unwrap()).unwrap();
            path
        };
        blocks.iter().map(store).collect()
    }

    fn seen(pieces: &mut Pieces<'_>) -> Vec<(usize, u64)> {
        let mut seen = Vec::new();
        let visited: Result<()> = pieces.visit(|cell, bytes| {
            assert!(bytes.len() <= TRIALS as usize * row::size(1));
            for bytes in RowBytes::all(bytes, 1) {
                let row = bytes.decode().unwrap();
                seen.push((cell, row.steps));
            }
            Ok(())
        });
        visited.unwrap();
        seen
    }

    #[test]
    fn rows_come_once_and_in_order_however_blocks_lie() {
        let dir = tempfile::tempdir().unwrap();
        let mut pieces = Pieces::new(&Disk, 1);
        let blocks = [
            (1, 3, 4),
            (0, 5000, 9000),
            // Before, over the end, inside, over both ends, and once more.
            (0, 0, 100),
            (0, 13_999, 6001),
            (0, 6000, 10),
            (0, 90, 5000),
            (0, 90, 5000),
        ];
        add(&mut pieces, dir.path(), &blocks);
        let expected = (0..20_000).map(|t| (0, t)).chain((3..7).map(|t| (1, t)));
        let expected: Vec<_> = expected.map(|(cell, t)| (cell, row(cell, t, 1).steps)).collect();
        assert!(seen(&mut pieces) == expected);
    }

    #[test]
    fn a_part_that_changes_between_two_readings_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut pieces = Pieces::new(&Disk, 1);
        let path = add(&mut pieces, dir.path(), &[(0, 0, 3)]).remove(0);
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 33;
        bytes[last] ^= 1;
        fs::write(&path, bytes).unwrap();
        let error = pieces.visit::<Error>(|_, _| Ok(())).unwrap_err();
        assert!(error.to_string().contains("has changed"), "{error}");
    }
}
