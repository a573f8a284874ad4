//! What is left of a study, cut into blocks.

use std::fmt;
use std::str::FromStr;

use super::method::Method;
use crate::store::counted::Sample;
use crate::store::coverage::Coverage;
use crate::study::{Block, Cell, StorageRule, Study};

/// Operations that a block costs at most, if all its trials run to the step limit: a part of a second
/// of one core, so that no worker waits long for the others at the end.
const FLOPS_PER_BLOCK: f64 = 5e9;

/// Operations a step costs at least, whatever the network: calls and checks.
const LEAST_OPERATIONS_PER_STEP: f64 = 100.0;

/// Operations a gradient costs for each weight besides the products: residual, update, traffic.
const OPERATIONS_PER_WEIGHT: f64 = 4.0;

/// Most trials of a block: keeps the rows in flight small.
const MOST_TRIALS: u64 = 4096;

/// Most trials of a block whose rows are not kept: the tallies of many trials are hardly larger than
/// those of few.
const MOST_TALLIED: u64 = 16 * MOST_TRIALS;

/// Trials of the blocks that a worker has open beside a larger one, at most: a slow trial keeps its
/// block open while others come and go.
pub const MOST_OPEN: u64 = 4 * MOST_TRIALS;

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

    /// Whether the thing of this number falls to this part, where all parts divide things among them.
    pub fn takes(self, number: u64) -> bool {
        number % self.count == self.index
    }

    /// Where this part begins among so many things, if all parts begin as far from each other as can be.
    pub(super) fn place(self, things: usize) -> usize {
        (u128::from(self.index) * things as u128 / u128::from(self.count)) as usize
    }

    /// So many things, as far as they fall to this part, about.
    pub(super) fn part_of(self, things: u64) -> f64 {
        things as f64 / self.count as f64
    }

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
/// trials. They come one by one: there may be millions.
pub fn left<'a>(
    study: &'a Study,
    coverage: &'a Coverage,
    share: Share,
) -> impl Iterator<Item = Block> + Send + 'a {
    let of_share = move |(turn, block)| (turn % share.count == share.index).then_some(block);
    in_turn(study, coverage).filter_map(of_share)
}

/// The trials of each cell of the study that `share` takes.
pub(super) fn samples(study: &Study, share: Share) -> Vec<Sample> {
    let Share { index, count: every } = share;
    let mut turn = 0;
    let of_cell = |cell: &Cell| {
        let size = size(cell, &study.storage);
        let first = (index + every - turn % every) % every;
        turn += study.trials.div_ceil(size);
        Sample { size, first, every }
    };
    study.cells.iter().map(of_cell).collect()
}

/// All blocks that `coverage` does not hold yet, each with its turn. Every cell is cut at multiples of
/// its block size, and the pieces go round the shares in turn, so that cheap and expensive cells are
/// spread evenly: share `I/N` takes the turns that leave `I - 1` when divided by `N`.
pub(super) fn in_turn<'a>(
    study: &'a Study,
    coverage: &'a Coverage,
) -> impl Iterator<Item = (u64, Block)> + Send + 'a {
    let with_turn = study.cells.iter().scan(0, |turn, cell| {
        let size = size(cell, &study.storage);
        let begin = *turn;
        *turn += study.trials.div_ceil(size);
        Some((cell, size, begin))
    });
    with_turn.flat_map(move |(cell, size, begin)| {
        let Cell { index, trials, .. } = *cell;
        coverage.missing(index, trials).into_iter().flat_map(move |missing| {
            let pieces = missing.start / size..missing.end.div_ceil(size);
            pieces.map(move |piece| {
                let first = missing.start.max(piece * size);
                let count = missing.end.min((piece + 1) * size) - first;
                (begin + piece, Block { cell: index, first, count })
            })
        })
    })
}

/// Trials of a block of this cell: a function of the cell and the configuration, so that all
/// processes cut alike.
pub fn size(cell: &Cell, storage: &StorageRule) -> u64 {
    storage.block.unwrap_or_else(|| {
        ((FLOPS_PER_BLOCK / operations(cell)) as u64).clamp(1, most_trials(storage))
    })
}

/// Most trials of a block of any cell.
pub fn most_trials(storage: &StorageRule) -> u64 {
    match storage {
        StorageRule { block: Some(size), .. } => *size,
        StorageRule { rows: true, .. } => MOST_TRIALS,
        StorageRule { rows: false, .. } => MOST_TALLIED,
    }
}

/// Operations of one trial that runs to its step limit, roughly: the products of the chain, and a few
/// for every weight.
pub(super) fn operations(cell: &Cell) -> f64 {
    operations_of_step(&Method::of(cell)) * cell.stop.max_steps as f64
}

/// Operations of one step, traffic and calls included: what its time follows.
pub(super) fn operations_of_step(method: &Method) -> f64 {
    let weights = (method.gradients as usize * method.shape.parameters()) as f64;
    let step = method.flops() + OPERATIONS_PER_WEIGHT * weights;
    step.max(LEAST_OPERATIONS_PER_STEP)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::parse;
    use crate::store::counted::{Counted, OutcomeCounts};
    use crate::store::tally::Tally;

    #[test]
    fn shares_take_what_is_missing_once_and_in_blocks() {
        let text = "trials = 20\n[store]\nblock = 6\n[sweep]\n\"init.std\" = [0.1, 0.2]";
        let study = parse("study.toml", text, &[], Path::new("")).unwrap();
        let mut coverage = Coverage::new(2);
        coverage.insert(Block { cell: 0, first: 4, count: 9 });
        let shares = ["1/3", "2/3", "3/3"].map(|share| share.parse().unwrap());
        let mut blocks: Vec<Block> =
            shares.into_iter().flat_map(|share| left(&study, &coverage, share)).collect();
        blocks.sort();
        let found: Vec<_> = blocks.iter().map(|b| (b.cell, b.first, b.count)).collect();
        let expected =
            [(0, 0, 4), (0, 13, 5), (0, 18, 2), (1, 0, 6), (1, 6, 6), (1, 12, 6), (1, 18, 2)];
        assert_eq!(found, expected);
        assert_eq!(left(&study, &coverage, Share::WHOLE).collect::<Vec<_>>(), blocks);
    }

    #[test]
    fn samples_are_the_trials_of_a_share() {
        let text = "trials = 20\n[store]\nblock = 6\n[sweep]\n\"init.std\" = [0.1, 0.2, 0.3]";
        let study = parse("study.toml", text, &[], Path::new("")).unwrap();
        let nothing = Coverage::new(3);
        for share in ["1/1", "1/3", "2/3", "3/3", "7/8"] {
            let share: Share = share.parse().unwrap();
            let samples = samples(&study, share);
            let mut counted = Counted::of_samples(&samples);
            let blocks: Vec<Block> = left(&study, &nothing, share).collect();
            for &block in &blocks {
                let mut tally = Tally::new(0);
                (0..block.count).for_each(|_| tally.add(1, 5, 0, false));
                counted.add(block, |_| OutcomeCounts::of_tally(&tally));
            }
            for cell in 0..3 {
                let of_cell = blocks.iter().filter(|block| block.cell == cell);
                let trials: u64 = of_cell.map(|block| block.count).sum();
                assert_eq!(counted.cell(cell).first.trials(), trials, "{share} {cell}");
            }
        }
    }

    #[test]
    fn shares_are_read_and_refused() {
        assert_eq!("2/8".parse(), Ok(Share { index: 1, count: 8 }));
        assert_eq!("2/8".parse::<Share>().map(|s| s.to_string()), Ok("2/8".to_owned()));
        for wrong in ["", "3", "0/4", "5/4", "1/0", "-1/2", "a/b", "1/2/3"] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
    }
}
