//! A block whose trials are on their way, and what is kept of it.

use crate::descent::Rows;
use crate::store::counted::OutcomeCounts;
use crate::store::part::{BlockRows, BlockTally};
use crate::store::tally::Tally;
use crate::study::{Block, Study, TrialRow};

/// What a worker gives the writer.
#[derive(Debug)]
pub(super) enum Kept {
    /// Rows of trials of a block that follow each other.
    Rows(BlockRows),
    /// The tally of a block, and what came of its trials.
    Tally(BlockTally, OutcomeCounts),
}

impl Kept {
    /// Which trials.
    pub(super) fn block(&self) -> Block {
        match self {
            Self::Rows(rows) => rows.block,
            Self::Tally(tally, _) => tally.block,
        }
    }

    /// What came of its trials.
    pub(super) fn counts(&self) -> OutcomeCounts {
        match self {
            Self::Rows(rows) => OutcomeCounts::of_rows(&rows.rows),
            Self::Tally(_, counts) => *counts,
        }
    }
}

/// A block with trials that have not ended.
pub(super) enum Open {
    /// Its rows are kept.
    Rows(Rows),
    /// Its rows are counted as they come.
    Tally { block: Block, tally: Box<Tally> },
}

impl Open {
    /// A block of the study, none of whose trials has ended.
    pub(super) fn new(study: &Study, block: Block) -> Self {
        if study.storage.rows {
            return Self::Rows(Rows::new(block));
        }
        let tally = Box::new(Tally::new(study.ladder.len()));
        Self::Tally { block, tally }
    }

    /// The block.
    pub(super) fn block(&self) -> Block {
        match self {
            Self::Rows(rows) => rows.block(),
            Self::Tally { block, .. } => *block,
        }
    }

    /// Whether a trial belongs to the block.
    pub(super) fn holds(&self, cell: usize, trial: u64) -> bool {
        match self {
            Self::Rows(rows) => rows.holds(cell, trial),
            Self::Tally { block, .. } => block.holds(cell, trial),
        }
    }

    /// Takes the row of a trial of the block, each once.
    pub(super) fn put(&mut self, trial: u64, row: TrialRow) {
        match self {
            Self::Rows(rows) => rows.put(trial, row),
            Self::Tally { tally, .. } => tally.add_row(&row),
        }
    }

    /// Whether all its trials have ended.
    pub(super) fn is_complete(&self) -> bool {
        match self {
            Self::Rows(rows) => rows.is_complete(),
            Self::Tally { block, tally } => tally.trials() == block.count,
        }
    }

    /// What is kept of it: all rows that are there, or the tally of all trials. Those that have ended
    /// before others are not a sample of the block, so nothing is kept of a tally that is not complete.
    pub(super) fn keep(self) -> Vec<Kept> {
        let is_complete = self.is_complete();
        match self {
            Self::Rows(rows) => {
                let kept = |(block, rows)| Kept::Rows(BlockRows { block, rows });
                rows.runs().into_iter().map(kept).collect()
            }
            Self::Tally { .. } if !is_complete => Vec::new(),
            Self::Tally { block, tally } => {
                let counts = OutcomeCounts::of_tally(&tally);
                vec![Kept::Tally(BlockTally::new(block, &tally), counts)]
            }
        }
    }
}
