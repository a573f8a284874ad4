//! Reads variables of the trials of many cells at once.

use std::ops::Range;

use hdf5::{H5Type, SliceOrIndex};

use super::ResultsFile;
use crate::Result;
use crate::store::column::Grid;
use crate::study::Axis;

/// Rows that are read together, at most.
const MOST_ROWS: usize = 1 << 17;

/// Rows that follow each other in the file: cell after cell, in each trial after trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slab {
    /// Where they are along the axes of the sweep and among the trials.
    indices: Vec<Range<usize>>,
    /// Number of the first of them, counted over all cells.
    first: u64,
    /// Rows.
    len: u64,
    /// Trials of a cell.
    trials: u64,
}

impl Slab {
    /// The cell and the number of each trial, whether it is there or not.
    pub fn trials(&self) -> impl Iterator<Item = (usize, u64)> + use<> {
        let trials = self.trials;
        (self.first..self.first + self.len).map(move |i| ((i / trials) as usize, i % trials))
    }
}

impl ResultsFile {
    /// All rows in their order, in slabs of a few megabytes. A cell has as many of them as the study has
    /// trials; which are there, [`CellSummary::trials`](super::CellSummary) says.
    ///
    /// # Errors
    /// [`crate::Error::Content`] if the file keeps no rows, or says that it has others than it has.
    pub fn slabs(&self) -> Result<impl Iterator<Item = Slab> + use<>> {
        self.check_rows()?;
        let shape = self.shape();
        // What HDF5 holds can be counted, whatever the attributes say.
        self.file.of_shape("outcome", &shape)?;
        let grid = Grid::of_volume(&shape, MOST_ROWS);
        let trials = self.trials;
        let slabs = (0..grid.chunks()).scan(0, move |next, number| {
            let (first, len) = (*next, grid.values(number) as u64);
            *next += len;
            Some(Slab { indices: grid.indices(number), first, len, trials })
        });
        Ok(slabs)
    }

    /// The values of a variable of each trial in a slab.
    ///
    /// # Errors
    /// [`crate::Error::Content`] if they cannot be read or are not of this type.
    pub fn of_slab<T: H5Type>(&self, name: &str, slab: &Slab) -> Result<Vec<T>> {
        self.file.selected(name, &self.shape(), selection(slab))
    }

    /// The first hits of the ladder in a slab: all rungs of one trial after those of another; -1 for never.
    ///
    /// # Errors
    /// As [`Self::of_slab`].
    pub fn hits_of_slab(&self, slab: &Slab) -> Result<Vec<i64>> {
        let (mut shape, mut selection) = (self.shape(), selection(slab));
        shape.push(self.ladder.len());
        selection.push((..).into());
        self.file.selected("hit_steps", &shape, selection)
    }

    /// Shape of a variable of each trial.
    pub(super) fn shape(&self) -> Vec<usize> {
        // The number of trials fits: it was the length of a dimension.
        self.axes.iter().map(Axis::len).chain([self.trials as usize]).collect()
    }
}

fn selection(slab: &Slab) -> Vec<SliceOrIndex> {
    slab.indices.iter().cloned().map(SliceOrIndex::from).collect()
}
