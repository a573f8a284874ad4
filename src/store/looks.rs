//! Where a study looks whether its cells have enough trials: at every so many, from the first trial on
//! without a gap. Which trials end first is not random, so others are not counted; and what is seen at a
//! look depends on the study only, so every process and every way to cut it ends at the same trials.

use super::coverage::Coverage;
use super::manifest::Manifest;
use super::part::{BlockBytes, Contents};
use super::row::RowBytes;
use super::tally::Tally;
use crate::stop::Outcome;
use crate::study::{Block, StoppingRule};

/// What came of some trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// Trials.
    pub trials: u64,
    /// Those that converged.
    pub converged: u64,
    /// Those that were undecided when their budget was spent.
    pub undecided: u64,
}

impl Seen {
    fn and(self, other: Self) -> Self {
        Self {
            trials: self.trials + other.trials,
            converged: self.converged + other.converged,
            undecided: self.undecided + other.undecided,
        }
    }
}

/// How a cell stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It ends with its first so many trials.
    Ended(u64),
    /// It needs more than these.
    Open(Seen),
}

/// What came of the trials of a study, from look to look.
#[derive(Debug)]
pub struct Looks {
    rule: StoppingRule,
    has_rows: bool,
    /// Most trials of a cell.
    most: u64,
    ladder: usize,
    max_steps: u64,
    /// Of each cell, between each look and the one before.
    cells: Vec<Vec<Seen>>,
    coverage: Coverage,
}

impl Looks {
    /// At no trials yet; `None` for a study with a fixed number of them.
    pub fn new(manifest: &Manifest) -> Option<Self> {
        Some(Self {
            rule: manifest.stopping?,
            has_rows: manifest.keeps_rows(),
            most: manifest.trials,
            ladder: manifest.ladder.len(),
            max_steps: manifest.max_steps,
            cells: vec![Vec::new(); manifest.cells()],
            coverage: Coverage::new(manifest.cells()),
        })
    }

    /// Enters the trials of a part; those that are there already are the same ones.
    pub(super) fn add(&mut self, part: &Contents<'_>) {
        for bytes in &part.blocks {
            if self.has_rows {
                self.add_rows(bytes);
            } else {
                self.add_tally(bytes);
            }
            self.coverage.insert(bytes.block);
        }
    }

    fn add_rows(&mut self, bytes: &BlockBytes<'_>) {
        let Block { cell, first, .. } = bytes.block;
        for (trial, row) in (first..).zip(RowBytes::all(bytes.rows, self.ladder)) {
            if !self.coverage.holds(cell, trial) {
                let is = |outcome: Outcome| u64::from(row.code() == outcome as u8);
                let (converged, undecided) = (is(Outcome::Converged), is(Outcome::StepLimit));
                self.enter(cell, trial, Seen { trials: 1, converged, undecided });
            }
        }
    }

    /// The block of a tally lies between two looks.
    fn add_tally(&mut self, bytes: &BlockBytes<'_>) {
        let Block { cell, first, count } = bytes.block;
        let tally = Tally::from_bytes(bytes.rows, count, self.ladder, self.max_steps);
        if let Some(tally) = tally.filter(|_| !self.coverage.holds(cell, first)) {
            let count = |outcome| tally.count(outcome);
            let (converged, undecided) = (count(Outcome::Converged), count(Outcome::StepLimit));
            self.enter(cell, first, Seen { trials: tally.trials(), converged, undecided });
        }
    }

    fn enter(&mut self, cell: usize, trial: u64, seen: Seen) {
        let look = (trial / self.rule.every) as usize;
        let looks = &mut self.cells[cell];
        if looks.len() <= look {
            looks.resize(look + 1, Seen::default());
        }
        looks[look] = looks[look].and(seen);
    }

    /// How a cell stands: it ends at the first look at which it is precise enough, or with the most trials
    /// that a cell may have.
    pub fn standing(&self, cell: usize) -> Standing {
        let prefix = self.coverage.prefix(cell);
        let mut so_far = Seen::default();
        for seen in &self.cells[cell] {
            let next = so_far.and(*seen);
            let is_whole = next.trials.is_multiple_of(self.rule.every) || next.trials == self.most;
            if next.trials > prefix || !is_whole {
                break;
            }
            so_far = next;
            let Seen { trials, converged, undecided } = so_far;
            if trials == self.most || self.rule.is_met(converged, undecided, trials) {
                return Standing::Ended(trials);
            }
        }
        Standing::Open(so_far)
    }

    /// How many trials each cell ends with, or has so far if it is open.
    pub fn prefixes(&self) -> Coverage {
        let mut prefixes = Coverage::new(self.cells.len());
        for cell in 0..self.cells.len() {
            let count = match self.standing(cell) {
                Standing::Ended(trials) => trials,
                Standing::Open(_) => self.coverage.prefix(cell),
            };
            prefixes.insert(Block { cell, first: 0, count });
        }
        prefixes
    }

    /// The cells that need more trials, with what is seen of them.
    pub fn open(&self) -> Vec<(usize, Seen)> {
        let open = |cell| match self.standing(cell) {
            Standing::Open(seen) => Some((cell, seen)),
            Standing::Ended(_) => None,
        };
        (0..self.cells.len()).filter_map(open).collect()
    }
}
