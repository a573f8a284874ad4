//! A cell with the learning rate that its trials have.

use super::output;
use crate::Result;
use crate::run::tuning;
use crate::study::{Cell, Study};

/// The cell with the learning rate that its trials have.
pub(super) fn tuned(study: &Study, cell: &Cell, workers: usize) -> Result<Cell> {
    if cell.tuning.is_none() {
        return Ok(cell.clone());
    }
    output::say("tuning the learning rate of the cell, as the run does");
    let rate = tuning::tune_to_the_end(study.seed, cell, workers)?;
    output::say(&format!("its learning rate is {rate}"));
    Ok(Cell { learning_rate: rate, ..cell.clone() })
}
