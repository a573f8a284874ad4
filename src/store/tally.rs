//! Trials of a cell, counted exactly by everything that the cell's variables are made of.
//!
//! The bytes of a tally in a part, all numbers LEB128 in as few bytes as they need: how many trials are
//! certified; the histogram of eight times the conditions of the convergence theorem that a start meets
//! plus the code of the outcome; the ends of all trials; for each rung of the ladder the histogram of the
//! first hits. So equal tallies have equal bytes.

use super::ends::Ends;
use super::histogram::{Histogram, append_number, take_number};
use crate::stop::Outcome;
use crate::study::TrialRow;
use crate::theorem;

/// How many sets of conditions of the convergence theorem there are.
pub const CONDITIONS: usize = theorem::ALL as usize + 1;

/// By conditions of the theorem and by code of outcome, numbers of trials.
pub type TheoremTable = [[u64; Outcome::ALL.len()]; CONDITIONS];

/// Kinds of trials that are told apart in bytes for each set of conditions.
const KIND: u64 = 8;

/// Trials of a cell, counted: small however many they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    table: TheoremTable,
    /// Trials with a certificate.
    certified: u64,
    ends: Ends,
    /// First hits of each rung of the ladder.
    hits: Vec<Histogram>,
}

impl Tally {
    /// Of no trials, with a ladder of so many rungs.
    pub fn new(ladder: usize) -> Self {
        Self { hits: vec![Histogram::default(); ladder], ..Self::default() }
    }

    /// Counts a trial, but for its first hits.
    ///
    /// # Panics
    /// If there are no such conditions or no outcome of this code.
    pub fn add(&mut self, code: u8, steps: u64, theorem1: u8, certified: bool) {
        self.add_end(code, 0, steps, theorem1, certified);
    }

    /// Counts a trial with its first hits.
    pub fn add_row(&mut self, row: &TrialRow) {
        // Rungs are hit one after the other.
        let hits = row.hit_steps.iter().map_while(|&hit| u64::try_from(hit).ok());
        let mut rungs = 0;
        for (histogram, steps) in self.hits.iter_mut().zip(hits) {
            histogram.add(steps);
            rungs += 1;
        }
        let certified = row.certificate.is_some();
        self.add_end(row.outcome as u8, rungs, row.steps, row.theorem1, certified);
    }

    fn add_end(&mut self, code: u8, rungs: usize, steps: u64, theorem1: u8, certified: bool) {
        self.table[usize::from(theorem1)][usize::from(code)] += 1;
        self.certified += u64::from(certified);
        self.ends.add(code, rungs, steps);
    }

    /// Counts the trials of another tally too.
    pub(super) fn absorb(&mut self, other: &Self) {
        let theirs = other.table.as_flattened();
        for (count, theirs) in self.table.as_flattened_mut().iter_mut().zip(theirs) {
            *count += theirs;
        }
        self.certified += other.certified;
        self.ends.absorb(&other.ends);
        for (hits, theirs) in self.hits.iter_mut().zip(&other.hits) {
            hits.absorb(theirs);
        }
    }

    /// Number of trials.
    pub fn trials(&self) -> u64 {
        self.table.as_flattened().iter().sum()
    }

    /// Number of trials of this outcome.
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.table.iter().map(|row| row[outcome as usize]).sum()
    }

    /// Numbers of trials by conditions of the convergence theorem and by outcome.
    pub fn theorem1(&self) -> &TheoremTable {
        &self.table
    }

    /// Number of trials whose start meets all of these conditions of the convergence theorem.
    pub fn meeting(&self, conditions: u8) -> u64 {
        let rows = (0..).zip(&self.table);
        rows.filter(|(row, _)| row & conditions == conditions).flat_map(|(_, row)| row).sum()
    }

    /// Number of trials with a certificate.
    pub fn certified(&self) -> u64 {
        self.certified
    }

    /// How its trials ended.
    pub fn ends(&self) -> &Ends {
        &self.ends
    }

    /// First hits of each rung of the ladder, of the trials that hit it.
    pub fn hits(&self) -> &[Histogram] {
        &self.hits
    }

    /// The table as a histogram.
    fn kinds(&self) -> Histogram {
        let rows = (0_u64..).zip(&self.table);
        let entries = rows.flat_map(|(conditions, row)| {
            (0_u64..).zip(row).map(move |(code, &count)| (KIND * conditions + code, count))
        });
        entries.filter(|(_, count)| *count > 0).collect()
    }

    /// Its bytes.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        append_number(self.certified, &mut bytes);
        self.kinds().append(&mut bytes);
        self.ends.append(self.hits.len(), &mut bytes);
        self.hits.iter().for_each(|hits| hits.append(&mut bytes));
        bytes
    }

    /// The tally of `trials` trials of a ladder of `ladder` rungs and at most `max_steps` steps that
    /// has these bytes, if there is one.
    pub(super) fn from_bytes(
        mut bytes: &[u8],
        trials: u64,
        ladder: usize,
        max_steps: u64,
    ) -> Option<Self> {
        let bytes = &mut bytes;
        let mut tally = Self::new(ladder);
        tally.certified = take_number(bytes).filter(|&certified| certified <= trials)?;
        let kinds = Histogram::take(bytes, trials, KIND * CONDITIONS as u64 - 1)?;
        for (kind, count) in kinds.entries() {
            let code = (kind % KIND) as u8;
            Outcome::from_code(code).filter(|&outcome| outcome != Outcome::NotRun)?;
            tally.table[(kind / KIND) as usize][usize::from(code)] = count;
        }
        if tally.trials() != trials {
            return None;
        }
        tally.ends = Ends::take(bytes, ladder, trials, max_steps)?;
        for hits in &mut tally.hits {
            *hits = Histogram::take(bytes, trials, max_steps)?;
        }
        (bytes.is_empty() && tally.is_consistent()).then_some(tally)
    }

    /// Whether the ends are those of its outcomes and of its hits.
    fn is_consistent(&self) -> bool {
        let has_ends = |outcome| self.ends.trials(outcome) == self.count(outcome);
        let mut hits = (0..).zip(&self.hits);
        Outcome::ALL.into_iter().all(has_ends)
            && hits.all(|(rung, hits)| hits.trials() == self.ends.hitting(rung))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::ends::End;
    use crate::store::part::tests::row;

    fn tally(trials: std::ops::Range<u64>, ladder: usize) -> Tally {
        let mut tally = Tally::new(ladder);
        trials.for_each(|trial| tally.add_row(&row(0, trial, ladder)));
        tally
    }

    #[test]
    fn a_tally_of_parts_is_the_tally_of_the_whole_bit_for_bit() {
        let mut sum = tally(0..100, 3);
        sum.absorb(&tally(100..1000, 3));
        let whole = tally(0..1000, 3);
        assert_eq!(sum, whole);
        let bytes = whole.to_bytes();
        assert_eq!(Tally::from_bytes(&bytes, 1000, 3, 10_000), Some(whole));
        for (trials, ladder, max_steps) in [(999, 3, 10_000), (1000, 2, 10_000), (1000, 3, 9000)] {
            assert_eq!(Tally::from_bytes(&bytes, trials, ladder, max_steps), None);
        }
    }

    /// One certified; two converged and one, that met conditions 2, stalled; one converged at 300 and one at
    /// 5, which hit the rung; the other stalled at 300; the rung is hit once at step 0.
    const GOOD: [u8; 24] =
        [1, 2, 1, 2, 18, 1, 3, 2, 1, 0xac, 2, 1, 1, 1, 5, 1, 3, 1, 0xac, 2, 1, 1, 0, 1];

    fn read(bytes: &[u8]) -> Option<Tally> {
        Tally::from_bytes(bytes, 3, 1, 300)
    }

    #[test]
    fn known_bytes() {
        let there = read(&GOOD).unwrap();
        assert_eq!((there.certified(), there.meeting(2), there.meeting(0)), (1, 1, 3));
        assert_eq!(there.theorem1()[2][Outcome::Stalled as usize], 1);
        let end = |outcome, rungs, steps| End { outcome, rungs, steps, count: 1 };
        let (converged, stalled) = (Outcome::Converged, Outcome::Stalled);
        let ends = [end(converged, 0, 300), end(converged, 1, 5), end(stalled, 0, 300)];
        assert_eq!(there.ends().iter().collect::<Vec<_>>(), ends);
        assert_eq!(there.hits()[0].entries().collect::<Vec<_>>(), [(0, 1)]);
        assert_eq!(there.to_bytes(), GOOD);
    }

    #[test]
    fn impossible_bytes_are_refused() {
        let [head, kinds, ends, hits] = [&GOOD[..1], &GOOD[1..6], &GOOD[6..21], &GOOD[21..]];
        let wrong: [(&str, [&[u8]; 4]); 15] = [
            ("more certified than trials", [&[4], kinds, ends, hits]),
            ("a trial that was not run", [head, &[2, 0, 1, 1, 2], ends, hits]),
            ("no such outcome", [head, &[2, 1, 2, 4, 1], ends, hits]),
            ("no such conditions", [head, &[2, 1, 2, 0x80, 1, 1], ends, hits]),
            ("too few trials", [head, &[2, 1, 1, 18, 1], ends, hits]),
            ("other outcomes", [head, &[2, 1, 1, 18, 2], ends, hits]),
            ("a longer number than needed", [head, kinds, ends, &[1, 0x80, 0, 1]]),
            (
                "over the step limit",
                [head, kinds, &[3, 2, 1, 0xad, 2, 1, 1, 1, 5, 1, 3, 1, 0xac, 2, 1], hits],
            ),
            ("no trial", [head, kinds, &[3, 2, 1, 9, 0, 1, 1, 5, 2, 3, 1, 9, 1], hits]),
            ("no entry", [head, kinds, &[4, 2, 1, 9, 1, 1, 1, 5, 1, 1, 0, 2, 1, 9, 1], hits]),
            ("one way twice", [head, kinds, &[3, 2, 1, 9, 1, 0, 1, 5, 1, 4, 1, 9, 1], hits]),
            ("no such way", [head, kinds, &[3, 2, 1, 9, 1, 1, 1, 5, 1, 7, 1, 9, 1], hits]),
            ("one step twice", [head, kinds, &[2, 3, 2, 5, 1, 0, 1, 3, 1, 9, 1], &[1, 0, 2]]),
            ("more hits than ends say", [head, kinds, ends, &[1, 0, 2]]),
            ("something behind the end", [head, kinds, ends, &[1, 0, 1, 0]]),
        ];
        for (why, bytes) in wrong {
            assert!(read(&bytes.concat()).is_none(), "{why}");
        }
        assert!((0..GOOD.len()).all(|len| read(&GOOD[..len]).is_none()));
    }

    proptest! {
        /// What is read has the bytes that it was read from.
        #[test]
        fn bytes_are_canonical(trials in 1..9_u64, at: prop::sample::Index, byte in 0_u8..9) {
            let mut bytes = tally(0..trials, 2).to_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Some(tally) = Tally::from_bytes(&bytes, trials, 2, 90) {
                prop_assert_eq!(tally.to_bytes(), bytes);
            }
        }
    }
}
