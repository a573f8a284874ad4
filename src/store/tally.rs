//! Trials of a cell, counted exactly by everything that the cell's variables are made of.
//!
//! The bytes of a tally in a part, all numbers LEB128 in as few bytes as they need: how many trials are
//! certified; the histogram of eight times the conditions of the convergence theorem that a start meets
//! plus the code of the outcome; then the histogram of the steps of those that
//! converged, and for each rung of the ladder that of the first hits. A histogram is its number of
//! entries and the entries in ascending order: how far the number of steps is from the one before,
//! and how many trials took it. So equal tallies have equal bytes.

use std::collections::BTreeMap;

use crate::stop::Outcome;
use crate::study::TrialRow;
use crate::theorem;

/// How many sets of conditions of the convergence theorem there are.
pub const CONDITIONS: usize = theorem::ALL as usize + 1;

/// By conditions of the theorem and by code of outcome, numbers of trials.
pub type TheoremTable = [[u64; Outcome::ALL.len()]; CONDITIONS];

/// Kinds of trials that are told apart in bytes for each set of conditions.
const KIND: u64 = 8;

/// How many trials took how many steps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram(BTreeMap<u64, u64>);

impl Histogram {
    /// Counts a trial.
    pub fn add(&mut self, steps: u64) {
        *self.0.entry(steps).or_default() += 1;
    }

    /// Numbers of steps with their numbers of trials, in ascending order.
    pub fn entries(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter().map(|(&steps, &count)| (steps, count))
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no trial was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of trials.
    pub fn trials(&self) -> u64 {
        self.0.values().sum()
    }

    /// The smallest number of steps that at least the share `numerator / denominator` of the trials
    /// do not exceed (the inverse of the empirical distribution function); `None` without trials.
    pub fn quantile(&self, numerator: u64, denominator: u64) -> Option<u64> {
        let rank = (self.trials() * numerator).div_ceil(denominator);
        let mut passed = 0;
        let reached = |&(_, count): &(u64, u64)| {
            passed += count;
            passed >= rank
        };
        self.entries().find(reached).map(|(steps, _)| steps)
    }

    fn absorb(&mut self, other: &Self) {
        for (steps, count) in other.entries() {
            *self.0.entry(steps).or_default() += count;
        }
    }

    fn append(&self, bytes: &mut Vec<u8>) {
        append_number(self.len() as u64, bytes);
        let mut before = 0;
        for (steps, count) in self.entries() {
            append_number(steps - before, bytes);
            append_number(count, bytes);
            before = steps;
        }
    }

    /// Takes a histogram of at most `trials` trials of at most `max_steps` steps off the bytes.
    fn take(bytes: &mut &[u8], trials: u64, max_steps: u64) -> Option<Self> {
        let mut counts = BTreeMap::new();
        let (mut steps, mut counted) = (0_u64, 0_u64);
        for entry in 0..take_number(bytes)? {
            let further = take_number(bytes)?;
            steps = steps.checked_add(further).filter(|&steps| steps <= max_steps)?;
            let count = take_number(bytes).filter(|&count| count > 0)?;
            counted = counted.checked_add(count).filter(|&counted| counted <= trials)?;
            if entry > 0 && further == 0 {
                return None;
            }
            counts.insert(steps, count);
        }
        Some(Self(counts))
    }
}

/// Trials of a cell, counted: small however many they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    table: TheoremTable,
    /// Trials with a certificate.
    certified: u64,
    /// Steps of those that converged.
    steps: Histogram,
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
        self.table[usize::from(theorem1)][usize::from(code)] += 1;
        self.certified += u64::from(certified);
        if code == Outcome::Converged as u8 {
            self.steps.add(steps);
        }
    }

    /// Counts a trial with its first hits.
    pub fn add_row(&mut self, row: &TrialRow) {
        self.add(row.outcome as u8, row.steps, row.theorem1, row.certificate.is_some());
        for (histogram, &hit) in self.hits.iter_mut().zip(&row.hit_steps) {
            if let Ok(steps) = u64::try_from(hit) {
                histogram.add(steps);
            }
        }
    }

    /// Counts the trials of another tally too.
    pub(super) fn absorb(&mut self, other: &Self) {
        let theirs = other.table.as_flattened();
        for (count, theirs) in self.table.as_flattened_mut().iter_mut().zip(theirs) {
            *count += theirs;
        }
        self.certified += other.certified;
        self.steps.absorb(&other.steps);
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

    /// Steps of the trials that converged.
    pub fn steps(&self) -> &Histogram {
        &self.steps
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
        Histogram(entries.filter(|(_, count)| *count > 0).collect())
    }

    /// Its bytes.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        append_number(self.certified, &mut bytes);
        self.kinds().append(&mut bytes);
        self.steps.append(&mut bytes);
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
        let converged = tally.count(Outcome::Converged);
        if tally.trials() != trials {
            return None;
        }
        tally.steps = Histogram::take(bytes, converged, max_steps)?;
        for hits in &mut tally.hits {
            *hits = Histogram::take(bytes, trials, max_steps)?;
        }
        (bytes.is_empty() && tally.steps.trials() == converged).then_some(tally)
    }
}

/// Appends a number, seven bits a byte, the lowest first; all bytes but the last have the top bit.
fn append_number(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Takes a number off the bytes, if it is one in as few bytes as it needs.
fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..u64::BITS).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let digit = u64::from(byte & 0x7f);
        if digit.leading_zeros() < shift {
            return None;
        }
        number |= digit << shift;
        if byte < 0x80 {
            return (byte > 0 || shift == 0).then_some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::part::tests::row;

    #[test]
    fn quantiles_are_order_statistics() {
        let ten: Vec<u64> = (1..=10).rev().collect();
        let cases: [(&[u64], [u64; 3]); 5] = [
            (&[7], [7, 7, 7]),
            (&[2, 1], [1, 1, 2]),
            (&[1, 3, 2], [1, 2, 3]),
            (&[4, 4, 4, 4, 9], [4, 4, 9]),
            (&ten, [1, 5, 9]),
        ];
        for (times, expected) in cases {
            let mut histogram = Histogram::default();
            times.iter().for_each(|&steps| histogram.add(steps));
            let found = [(1, 10), (1, 2), (9, 10)].map(|(a, b)| histogram.quantile(a, b));
            assert_eq!(found, expected.map(Some), "{times:?}");
        }
        assert_eq!(Histogram::default().quantile(1, 2), None);
    }

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

    #[test]
    fn impossible_bytes_are_refused() {
        // One certified; two converged and one, that met conditions 2, stalled; 5 and 300 steps. One
        // rung, hit once at step 0.
        let good = [1, 2, 1, 2, 18, 1, 2, 5, 1, 0xa7, 2, 1, 1, 0, 1];
        let read = |bytes: &[u8]| Tally::from_bytes(bytes, 3, 1, 300);
        let there = read(&good).unwrap();
        assert_eq!((there.certified(), there.meeting(2), there.meeting(0)), (1, 1, 3));
        assert_eq!(there.theorem1()[2][Outcome::Stalled as usize], 1);
        assert_eq!(there.steps().entries().collect::<Vec<_>>(), [(5, 1), (300, 1)]);
        assert_eq!(there.hits()[0].entries().collect::<Vec<_>>(), [(0, 1)]);
        assert_eq!(there.to_bytes(), good);
        // More certified than trials; a trial that was not run; an outcome, conditions that there are
        // not; too few converged; a longer number than needed; over the step limit; no trial; one step
        // twice; more hits than trials; something behind the end.
        let wrong: [&[u8]; 11] = [
            &[4, 2, 1, 2, 18, 1, 2, 5, 1, 0xa7, 2, 1, 1, 0, 1],
            &[1, 2, 0, 1, 1, 2, 2, 5, 1, 0xa7, 2, 1, 1, 0, 1],
            &[1, 2, 1, 2, 4, 1, 2, 5, 1, 0xa7, 2, 1, 1, 0, 1],
            &[1, 2, 1, 2, 0x80, 1, 1, 2, 5, 1, 0xa7, 2, 1, 1, 0, 1],
            &[1, 2, 1, 2, 18, 1, 1, 5, 1, 1, 1, 0, 1],
            &[1, 2, 1, 2, 18, 1, 2, 0x85, 0, 1, 0xa7, 2, 1, 1, 0, 1],
            &[1, 2, 1, 2, 18, 1, 2, 5, 1, 0xa8, 2, 1, 1, 0, 1],
            &[1, 2, 1, 2, 18, 1, 3, 5, 1, 1, 0, 1, 1, 1, 0, 1],
            &[1, 2, 1, 2, 18, 1, 2, 5, 1, 0, 1, 1, 1, 0, 1],
            &[1, 2, 1, 2, 18, 1, 2, 5, 1, 0xa7, 2, 1, 1, 0, 4],
            &[1, 2, 1, 2, 18, 1, 2, 5, 1, 0xa7, 2, 1, 1, 0, 1, 0],
        ];
        assert!(wrong.iter().all(|bytes| read(bytes).is_none()));
        assert!((0..good.len()).all(|len| read(&good[..len]).is_none()));
        let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2];
        assert_eq!(take_number(&mut &huge[..]), None);
    }

    proptest! {
        #[test]
        fn numbers_come_back(number: u64) {
            let mut bytes = Vec::new();
            append_number(number, &mut bytes);
            let mut rest = &bytes[..];
            prop_assert_eq!(take_number(&mut rest), Some(number));
            prop_assert!(rest.is_empty());
        }

        /// What is read has the bytes that it was read from.
        #[test]
        fn bytes_are_canonical(bytes in prop::collection::vec(0_u8..6, 0..30)) {
            if let Some(tally) = Tally::from_bytes(&bytes, 5, 2, 9) {
                prop_assert_eq!(tally.to_bytes(), bytes);
            }
        }
    }
}
