//! What is left of a study, cut into blocks.

use std::fmt;
use std::str::FromStr;

use super::method::Method;
use crate::store::coverage::Coverage;
use crate::study::{Block, Cell, StorageRule, Study};

/// Operations that a block costs at most, if all its trials run to the step limit: a few seconds of
/// one core.
const FLOPS_PER_BLOCK: f64 = 2e10;

/// Operations a step costs at least, whatever the network: calls and checks.
const LEAST_OPERATIONS_PER_STEP: f64 = 100.0;

/// Operations a step costs for each weight besides the products: residual, update, traffic.
const OPERATIONS_PER_WEIGHT: f64 = 4.0;

/// Most trials of a block: keeps the rows in flight small.
const MOST_TRIALS: u64 = 4096;

/// A part of a study that one process takes: `I/N`, `I` from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Which part, from 0.
    index: u64,
    /// Of how many.
    count: u64,
}

impl Share {
    /// The whole study.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Whether this is the whole study.
    pub fn is_whole(self) -> bool {
        self.count == 1
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("expected I/N with 1 <= I <= N, for instance 2/8, not `{text}`");
        let (index, count) = text.split_once('/').ok_or_else(expected)?;
        let index: u64 = index.trim().parse().map_err(|_| expected())?;
        let count: u64 = count.trim().parse().map_err(|_| expected())?;
        if index < 1 || index > count {
            return Err(expected());
        }
        Ok(Self { index: index - 1, count })
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.count)
    }
}

/// Blocks of the study that `share` takes and `coverage` does not hold yet, in the order of cells and
/// trials. Every cell is cut at multiples of its block size, and the pieces go round the shares in
/// turn, so that cheap and expensive cells are spread evenly.
pub fn left(study: &Study, coverage: &Coverage, share: Share) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut turn = 0;
    for cell in &study.cells {
        let size = size(cell, &study.storage);
        for missing in coverage.missing(cell.index, study.trials) {
            let mut first = missing.start;
            while first < missing.end {
                let piece = first / size;
                let end = missing.end.min((piece + 1) * size);
                if (turn + piece) % share.count == share.index {
                    blocks.push(Block { cell: cell.index, first, count: end - first });
                }
                first = end;
            }
        }
        turn += study.trials.div_ceil(size);
    }
    blocks
}

/// Trials of a block of this cell: a function of the cell and the configuration, so that all
/// processes cut alike.
pub(super) fn size(cell: &Cell, storage: &StorageRule) -> u64 {
    storage
        .block
        .unwrap_or_else(|| ((FLOPS_PER_BLOCK / operations(cell)) as u64).clamp(1, MOST_TRIALS))
}

/// Operations of one trial that runs to its step limit, roughly: the products of the chain, and a few
/// for every weight.
pub(super) fn operations(cell: &Cell) -> f64 {
    operations_of_step(&Method::of(cell)) * cell.stop.max_steps as f64
}

/// Operations of one step, traffic and calls included: what its time follows.
pub(super) fn operations_of_step(method: &Method) -> f64 {
    let step = method.flops() + OPERATIONS_PER_WEIGHT * method.shape.parameters() as f64;
    step.max(LEAST_OPERATIONS_PER_STEP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_and_refused() {
        assert_eq!("2/8".parse(), Ok(Share { index: 1, count: 8 }));
        assert_eq!("2/8".parse::<Share>().map(|s| s.to_string()), Ok("2/8".to_owned()));
        for wrong in ["", "3", "0/4", "5/4", "1/0", "-1/2", "a/b", "1/2/3"] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
    }
}
