//! Where a study looks whether its cells have enough trials: at every so many, from the first trial on
//! without a gap. Which trials end first is not random, so others are not counted; and what is seen at a
//! look depends on the study only, so every process and every way to cut it ends at the same trials.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use super::allotment::{Allotment, Seen, Standing};
use super::counted::{CellCounts, OutcomeCounts};
use super::coverage::Coverage;
use super::manifest::Manifest;
use super::part::{BlockBytes, Contents};
use super::refinement::{self, Slice};
use super::row::RowBytes;
use super::tally::Tally;
use crate::stop::Outcome;
use crate::study::{Block, Refinement};

/// What came of the trials of a study, from look to look.
#[derive(Debug)]
pub struct Looks {
    allotment: Allotment,
    /// Where an axis is refined: how, its number of points, and the cells along it.
    refined: Option<(Refinement, usize, Vec<Slice>)>,
    has_rows: bool,
    ladder: usize,
    max_steps: u64,
    /// Of each cell, between each look and the one before.
    cells: Vec<Vec<OutcomeCounts>>,
    coverage: Coverage,
}

impl Looks {
    /// At no trials yet; `None` for a study in which it is fixed which cells have how many.
    pub fn new(manifest: &Manifest) -> Option<Self> {
        let Manifest { stopping, refinement, axes, trials, .. } = manifest;
        let every = match (stopping, refinement) {
            (Some(rule), _) => rule.every,
            (None, Some(_)) => *trials,
            (None, None) => return None,
        };
        let refined = |rule: Refinement| (rule, axes[rule.axis].len(), Slice::all(axes, rule.axis));
        Some(Self {
            allotment: Allotment { every, most: *trials, rule: *stopping },
            refined: refinement.map(refined),
            has_rows: manifest.keeps_rows(),
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
                self.enter(cell, trial, &OutcomeCounts::of_ends([(row.code(), row.steps())]));
            }
        }
    }

    /// The block of a tally lies between two looks.
    fn add_tally(&mut self, bytes: &BlockBytes<'_>) {
        let Block { cell, first, count } = bytes.block;
        let tally = Tally::from_bytes(bytes.rows, count, self.ladder, self.max_steps);
        if let Some(tally) = tally.filter(|_| !self.coverage.holds(cell, first)) {
            self.enter(cell, first, &OutcomeCounts::of_tally(&tally));
        }
    }

    fn enter(&mut self, cell: usize, trial: u64, counts: &OutcomeCounts) {
        let look = (trial / self.allotment.every) as usize;
        let looks = &mut self.cells[cell];
        if looks.len() <= look {
            looks.resize(look + 1, OutcomeCounts::default());
        }
        looks[look].absorb(counts);
    }

    /// What came of the first trials of each cell, at each look for which they are all there.
    fn known(&self) -> Vec<Vec<Seen>> {
        let Allotment { every, most, .. } = self.allotment;
        let of_cell = |(cell, looks): (usize, &Vec<OutcomeCounts>)| {
            let prefix = self.coverage.prefix(cell);
            let mut so_far = OutcomeCounts::default();
            // A look that nothing is there of may stand before one that something is.
            let is_whole = |(number, seen): &(u64, Seen)| {
                let due = number.saturating_mul(every).min(most);
                seen.trials == due && due <= prefix
            };
            let sums = looks.iter().map(|counts| {
                so_far.absorb(counts);
                seen(&so_far)
            });
            (1..).zip(sums).take_while(is_whole).map(|(_, seen)| seen).collect()
        };
        self.cells.iter().enumerate().map(of_cell).collect()
    }

    /// The number of a look: so many trials are the first for which it is due.
    fn look(&self, trials: u64) -> usize {
        (trials.div_ceil(self.allotment.every) - 1) as usize
    }

    /// The cells that get trials, as far as that is known.
    fn chosen(&self, known: &impl Fn(usize, u64) -> Option<Seen>) -> Vec<usize> {
        let Some((refinement, length, slices)) = &self.refined else {
            return (0..self.cells.len()).collect();
        };
        let cells = |&slice: &Slice| {
            refinement::positions(refinement, *length, slice, self.allotment, known)
                .into_iter()
                .map(move |position| slice.cell(position))
        };
        slices.iter().flat_map(cells).collect()
    }

    /// How each cell stands. One that gets no trials has ended with none of them.
    pub fn standings(&self) -> Vec<Standing> {
        let known = self.known();
        let known = |cell: usize, trials| known[cell].get(self.look(trials)).copied();
        let chosen = self.chosen(&known);
        let at = |i: usize, trials| known(chosen[i], trials);
        let mut standings = vec![Standing::Ended(0); self.cells.len()];
        for (&cell, standing) in chosen.iter().zip(self.allotment.standings(chosen.len(), at)) {
            standings[cell] = standing;
        }
        standings
    }

    /// What came of the trials of each cell that has ended, as results have it: not of those that were computed
    /// beyond its end.
    pub fn ended(&self) -> HashMap<usize, CellCounts> {
        let counts = |(cell, standing): (usize, Standing)| match standing {
            Standing::Ended(trials) => Some((cell, self.counts(cell, trials))),
            Standing::Open(_) => None,
        };
        self.standings().into_iter().enumerate().filter_map(counts).collect()
    }

    /// What came of the first so many trials of a cell, at a look for which they are all there.
    fn counts(&self, cell: usize, trials: u64) -> CellCounts {
        let mut counts = OutcomeCounts::default();
        let looks = trials.div_ceil(self.allotment.every) as usize;
        self.cells[cell].iter().take(looks).for_each(|of_look| counts.absorb(of_look));
        CellCounts { there: counts, first: counts }
    }

    /// How many trials each cell should have next (see [`Allotment::planned`]).
    pub fn planned(&self, growth: RangeInclusive<f64>) -> Vec<u64> {
        let known = self.known();
        let known = |cell: usize, trials| known[cell].get(self.look(trials)).copied();
        let chosen = self.chosen(&known);
        let at = |i: usize, trials| known(chosen[i], trials);
        let mut planned = vec![0; self.cells.len()];
        for (&cell, trials) in chosen.iter().zip(self.allotment.planned(chosen.len(), growth, at)) {
            planned[cell] = trials;
        }
        planned
    }

    /// How many trials each cell comes to have, as far as what is there says (see
    /// [`Allotment::foreseen`]); `None` if that is nothing of a cell, or other cells may follow.
    pub fn foreseen(&self) -> Option<Vec<u64>> {
        let standings = self.standings();
        let is_known = |standing: &Standing| *standing != Standing::Open(Seen::default());
        let is_final = self.refined.is_none() && standings.iter().all(is_known);
        is_final.then(|| self.allotment.foreseen(&standings))
    }

    /// How many trials each cell ends with, or has so far if it is open, and the open cells.
    pub(super) fn prefixes(&self) -> (Coverage, Vec<usize>) {
        let (mut prefixes, mut open) = (Coverage::new(self.cells.len()), Vec::new());
        for (cell, standing) in self.standings().into_iter().enumerate() {
            let count = match standing {
                Standing::Ended(trials) => trials,
                Standing::Open(_) => {
                    open.push(cell);
                    self.coverage.prefix(cell)
                }
            };
            prefixes.insert(Block { cell, first: 0, count });
        }
        (prefixes, open)
    }
}

/// What decides of it.
fn seen(counts: &OutcomeCounts) -> Seen {
    Seen {
        trials: counts.trials(),
        converged: counts.count(Outcome::Converged),
        undecided: counts.count(Outcome::StepLimit),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::stats::Goal;
    use crate::store::io::Disk;
    use crate::store::manifest::tests::manifest;
    use crate::store::numerics::Numerics;
    use crate::store::part::tests::rows;
    use crate::store::part::{decode, write_part};
    use crate::study::StoppingRule;

    /// Of a cell with looks at every ten trials, when these blocks are there.
    fn standing(blocks: &[(u64, u64)], budget: Option<u64>) -> Standing {
        let dir = tempfile::tempdir().unwrap();
        let mut manifest = manifest(vec![], 1000, &[]);
        let goal = Goal::HalfWidth(0.001);
        manifest.stopping = Some(StoppingRule { every: 10, level: 0.95, goal, budget });
        let mut looks = Looks::new(&manifest).unwrap();
        for &(first, count) in blocks {
            let block = [rows(0, first, count, 0)];
            let part =
                write_part(&Disk, dir.path(), &manifest, &Numerics::default(), &block).unwrap();
            looks.add(&decode(&fs::read(&part).unwrap(), &manifest).unwrap());
        }
        let planned = looks.planned(1.1..=1.5)[0];
        let standing = looks.standings()[0];
        assert!(planned > standing.trials(), "{planned}");
        standing
    }

    #[test]
    fn what_is_beyond_the_end_of_a_cell_is_not_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut manifest = manifest(vec![], 1000, &[]);
        let goal = Goal::HalfWidth(0.4);
        manifest.stopping = Some(StoppingRule { every: 10, level: 0.95, goal, budget: None });
        let mut looks = Looks::new(&manifest).unwrap();
        assert_eq!(looks.ended(), HashMap::new());
        let block = [rows(0, 0, 95, 0)];
        let part = write_part(&Disk, dir.path(), &manifest, &Numerics::default(), &block).unwrap();
        looks.add(&decode(&fs::read(&part).unwrap(), &manifest).unwrap());
        let Standing::Ended(end) = looks.standings()[0] else { panic!("95 are enough") };
        let first = OutcomeCounts::of_rows(&block[0].rows[..end as usize]);
        assert!(end < 95 && first.trials() == end);
        let ended = CellCounts { there: first, first };
        assert_eq!(looks.ended(), HashMap::from([(0, ended)]));
    }

    /// Processes that run at once leave gaps, of a whole look too: what is behind one is not known yet.
    #[test]
    fn trials_behind_a_gap_are_not_seen() {
        for budget in [None, Some(10_000)] {
            for (blocks, expected) in [
                (&[(0, 10), (20, 10)][..], 10),
                (&[(10, 30)], 0),
                (&[(0, 10), (10, 5), (20, 10)], 10),
                (&[(0, 25), (40, 10)], 20),
                (&[(0, 10), (10, 10), (40, 20)], 20),
            ] {
                let Standing::Open(seen) = standing(blocks, budget) else { panic!("{blocks:?}") };
                assert_eq!(seen.trials, expected, "{blocks:?}");
            }
        }
    }
}
