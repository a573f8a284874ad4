//! All rows of a study by column, dense in cell and trial.

use crate::stop::Outcome;
use crate::study::{Measures, TrialRow};

/// The rows of every trial of every cell, column by column; cells are the slower index.
#[derive(Debug, Clone)]
pub struct Table {
    trials: usize,
    ladder: usize,
    outcome: Vec<i8>,
    steps: Vec<i64>,
    measures: Vec<Vec<f64>>,
    hit_steps: Vec<i64>,
}

impl Table {
    /// A table of `cells` times `trials` rows that are not there yet, with `ladder` hits each.
    pub fn new(cells: usize, trials: usize, ladder: usize) -> Self {
        let rows = cells * trials;
        Self {
            trials,
            ladder,
            outcome: vec![Outcome::NotRun as i8; rows],
            steps: vec![0; rows],
            measures: vec![vec![0.0; rows]; Measures::COUNT],
            hit_steps: vec![0; rows * ladder],
        }
    }

    /// Puts a row in its place. Returns whether it agrees bit for bit with what was there, if
    /// anything was; if it does not, the table keeps what it had.
    ///
    /// # Panics
    /// If cell, trial or the number of hits do not fit the table.
    #[must_use]
    pub fn set(&mut self, cell: usize, trial: usize, row: &TrialRow) -> bool {
        let i = self.index(cell, trial);
        if self.outcome[i] != Outcome::NotRun as i8 {
            return self.agrees(i, row);
        }
        self.outcome[i] = row.outcome as i8;
        self.steps[i] = row.steps.cast_signed();
        for (column, value) in self.measures.iter_mut().zip(row.measures.to_array()) {
            column[i] = value;
        }
        let hits = i * self.ladder..(i + 1) * self.ladder;
        self.hit_steps[hits].copy_from_slice(&row.hit_steps);
        true
    }

    fn agrees(&self, i: usize, row: &TrialRow) -> bool {
        let columns = self.measures.iter().zip(row.measures.to_array());
        self.outcome[i] == row.outcome as i8
            && self.steps[i] == row.steps.cast_signed()
            && columns.into_iter().all(|(column, value)| column[i].to_bits() == value.to_bits())
            && self.hit_steps[i * self.ladder..(i + 1) * self.ladder] == row.hit_steps
    }

    fn index(&self, cell: usize, trial: usize) -> usize {
        assert!(trial < self.trials, "trial {trial} of {}", self.trials);
        cell * self.trials + trial
    }

    /// Codes of the outcomes of all rows.
    pub fn outcome(&self) -> &[i8] {
        &self.outcome
    }

    /// Steps of all rows.
    pub fn steps(&self) -> &[i64] {
        &self.steps
    }

    /// The `i`-th measure of all rows.
    pub fn measure(&self, i: usize) -> &[f64] {
        &self.measures[i]
    }

    /// First hits of all rows; the rung of the ladder is the fastest index.
    pub fn hit_steps(&self) -> &[i64] {
        &self.hit_steps
    }

    /// Outcomes and steps of the trials of one cell.
    pub fn cell(&self, cell: usize) -> (&[i8], &[i64]) {
        let rows = cell * self.trials..(cell + 1) * self.trials;
        (&self.outcome[rows.clone()], &self.steps[rows])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::part::tests::row;

    #[test]
    fn keeps_rows_by_column() {
        let mut table = Table::new(2, 3, 2);
        let there = row(1, 2, 2);
        assert!(table.set(1, 2, &there));
        assert_eq!(table.outcome()[5], there.outcome as i8);
        assert_eq!(table.steps()[5], 21);
        assert_eq!(table.measure(1)[5].to_bits(), there.measures.loss_final.to_bits());
        assert_eq!(table.hit_steps()[10..], [-1, 2]);
        assert_eq!(table.cell(1).1, [0, 0, 21]);
    }

    #[test]
    fn any_differing_bit_is_noticed() {
        let mut table = Table::new(1, 1, 1);
        let first = row(0, 0, 1);
        assert!(table.set(0, 0, &first));
        assert!(table.set(0, 0, &first), "NaN and -0.0 agree with themselves");

        let mut others = vec![first.clone(); 4];
        others[0].outcome = Outcome::Stalled;
        others[1].steps += 1;
        others[2].measures.loss_initial = 0.0;
        others[3].hit_steps[0] = 5;
        for other in others {
            assert!(!table.set(0, 0, &other), "{other:?}");
        }
        assert!(table.set(0, 0, &first), "the first row stays");
    }
}
