//! Reads the trajectories of trials.

use hdf5::SliceOrIndex;

use super::{ResultsFile, position};
use crate::Result;
use crate::observe::trajectory::QUANTITIES;
use crate::store::schema::{RECORD, TRACED_TRIAL, TRAJECTORY};
use crate::study::Axis;

/// A quantity along the trials of a cell whose trajectories are there.
#[derive(Debug, Clone, PartialEq)]
pub struct Traced {
    records: usize,
    width: usize,
    together: usize,
    values: Vec<f64>,
}

impl Traced {
    /// The values at a record of a trial, row-major in the dimensions of the quantity; NaN behind the end of
    /// the trial.
    ///
    /// # Panics
    /// If there is no such record.
    pub fn record(&self, trial: usize, record: usize) -> &[f64] {
        assert!(record < self.records, "record {record} of {}", self.records);
        let begin = (trial * self.records + record) * self.width;
        &self.values[begin..begin + self.width]
    }

    /// How many values of a record are those of one matrix or pair of layers: the length of the last of its
    /// dimensions.
    pub fn together(&self) -> usize {
        self.together
    }
}

impl ResultsFile {
    /// How many trials of each cell have their trajectories in the file.
    ///
    /// # Errors
    /// [`crate::Error::Content`] if that cannot be read.
    pub fn traced_trials(&self) -> Result<usize> {
        if self.file.has(TRACED_TRIAL) { self.file.length(TRACED_TRIAL) } else { Ok(0) }
    }

    /// The numbers of updates at the records of each trial of a cell whose trajectory is there; none of trials
    /// that are missing.
    ///
    /// # Errors
    /// [`crate::Error::Content`] if they cannot be read, or there are none.
    ///
    /// # Panics
    /// If the file has no such cell.
    pub fn trajectory_steps(&self, cell: usize) -> Result<Vec<Vec<i64>>> {
        let (shape, selection) = self.select_records(cell)?;
        let steps: Vec<i64> =
            self.file.selected(&format!("{TRAJECTORY}step"), &shape, selection)?;
        let records = shape[shape.len() - 1];
        let there = |steps: &[i64]| steps.iter().copied().take_while(|step| *step >= 0).collect();
        Ok(steps.chunks(records.max(1)).map(there).collect())
    }

    /// A quantity (a name of [`QUANTITIES`]) along the trials of a cell; `None` if it was not recorded.
    ///
    /// # Errors
    /// As [`trajectory_steps`](Self::trajectory_steps).
    ///
    /// # Panics
    /// If there is no such cell or quantity.
    pub fn trajectory(&self, cell: usize, quantity: &str) -> Result<Option<Traced>> {
        let quantity = QUANTITIES.iter().find(|q| q.name == quantity).expect("a quantity");
        let name = format!("{TRAJECTORY}{}", quantity.name);
        if !self.file.has(&name) {
            return Ok(None);
        }
        let (mut shape, mut selection) = self.select_records(cell)?;
        let records = shape[shape.len() - 1];
        let (mut width, mut together) = (1, 1);
        for dimension in quantity.dimensions {
            let length = self.file.length(dimension.name())?;
            shape.push(length);
            selection.push((..).into());
            width *= length;
            together = length;
        }
        let values = self.file.selected(&name, &shape, selection)?;
        Ok(Some(Traced { records, width, together, values }))
    }

    /// Shape of a variable of each record, and the selection of those of one cell.
    fn select_records(&self, cell: usize) -> Result<(Vec<usize>, Vec<SliceOrIndex>)> {
        let mut shape: Vec<usize> = self.axes.iter().map(Axis::len).collect();
        let mut selection: Vec<SliceOrIndex> =
            position(cell, &shape).into_iter().map(|i| SliceOrIndex::from(i..i + 1)).collect();
        for dimension in [TRACED_TRIAL, RECORD] {
            shape.push(self.file.length(dimension)?);
            selection.push((..).into());
        }
        Ok((shape, selection))
    }
}
