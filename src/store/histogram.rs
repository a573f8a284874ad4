//! How many trials took how many steps, and its bytes.
//!
//! All numbers are LEB128 in as few bytes as they need: the number of entries, and the entries in
//! ascending order: how far the number of steps is from the one before, and how many trials took it.

use std::collections::BTreeMap;

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
        self.at_rank((self.trials() * numerator).div_ceil(denominator))
    }

    /// The steps of the trial of this rank, from 1, in ascending order; `None` if there are fewer.
    pub fn at_rank(&self, rank: u64) -> Option<u64> {
        let mut passed = 0;
        let reached = |&(_, count): &(u64, u64)| {
            passed += count;
            passed >= rank
        };
        self.entries().find(reached).map(|(steps, _)| steps)
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        for (steps, count) in other.entries() {
            *self.0.entry(steps).or_default() += count;
        }
    }

    pub(super) fn append(&self, bytes: &mut Vec<u8>) {
        append_number(self.len() as u64, bytes);
        let mut before = 0;
        for (steps, count) in self.entries() {
            append_number(steps - before, bytes);
            append_number(count, bytes);
            before = steps;
        }
    }

    /// Takes a histogram of at most `trials` trials of at most `max_steps` steps off the bytes.
    pub(super) fn take(bytes: &mut &[u8], trials: u64, max_steps: u64) -> Option<Self> {
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

impl FromIterator<(u64, u64)> for Histogram {
    /// Of different numbers, each with how many trials it has, which is not 0.
    fn from_iter<I: IntoIterator<Item = (u64, u64)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

/// Appends a number, seven bits a byte, the lowest first; all bytes but the last have the top bit.
pub(super) fn append_number(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Takes a number off the bytes, if it is one in as few bytes as it needs.
pub(super) fn take_number(bytes: &mut &[u8]) -> Option<u64> {
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

    #[test]
    fn longer_numbers_than_there_are_are_refused() {
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
    }
}
