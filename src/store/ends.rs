//! How trials ended: with which outcome, after how many steps, and how far down the ladder.
//!
//! The bytes are those of the [`Histogram`]s of all ways to end that some trial took, in ascending order:
//! their number, then of each how far its number is from the one before (that of an outcome and `k` rungs
//! hit is the code of the outcome times one more than there are rungs, plus `k`) and its histogram.

use std::collections::BTreeMap;

use super::histogram::{Histogram, append_number, take_number};
use crate::stats::StepCounts;
use crate::stop::Outcome;

/// Trials that ended in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// How.
    pub outcome: Outcome,
    /// Rungs of the ladder that they hit: the first ones, whose losses are the largest.
    pub rungs: usize,
    /// Their number of steps.
    pub steps: u64,
    /// How many they are.
    pub count: u64,
}

impl End {
    /// What became of a trial as to a rung that it did not hit before it ended: one that converged
    /// there was stopped too early to tell.
    fn short_of_rung(self) -> Self {
        let outcome = match self.outcome {
            Outcome::Converged => Outcome::StepLimit,
            other => other,
        };
        Self { outcome, ..self }
    }

    /// What became of trials as to a rung that they hit after so many steps.
    fn at_rung(steps: u64, count: u64) -> Self {
        Self { outcome: Outcome::Converged, rungs: 0, steps, count }
    }
}

/// The ends of trials, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ends(BTreeMap<(u8, usize), Histogram>);

impl Ends {
    /// Counts a trial with this code of its outcome.
    pub fn add(&mut self, code: u8, rungs: usize, steps: u64) {
        self.0.entry((code, rungs)).or_default().add(steps);
    }

    /// All ends, in ascending order of outcome, rungs and steps.
    pub fn iter(&self) -> impl Iterator<Item = End> {
        self.0.iter().flat_map(|(&(code, rungs), histogram)| {
            let outcome = Outcome::from_code(code).expect("the code of an outcome");
            histogram.entries().map(move |(steps, count)| End { outcome, rungs, steps, count })
        })
    }

    /// Number of different ends.
    pub fn len(&self) -> usize {
        self.0.values().map(Histogram::len).sum()
    }

    /// Whether no trial was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Steps of the trials of an outcome.
    pub fn steps(&self, outcome: Outcome) -> Histogram {
        let mut steps = Histogram::default();
        self.of(outcome).for_each(|those| steps.absorb(those));
        steps
    }

    /// Number of trials of an outcome.
    pub(super) fn trials(&self, outcome: Outcome) -> u64 {
        self.of(outcome).map(Histogram::trials).sum()
    }

    fn of(&self, outcome: Outcome) -> impl Iterator<Item = &Histogram> {
        let code = outcome as u8;
        self.0.range((code, 0)..=(code, usize::MAX)).map(|(_, those)| those)
    }

    /// Number of trials that hit this rung.
    pub(super) fn hitting(&self, rung: usize) -> u64 {
        let those = self.0.iter().filter(|((_, rungs), _)| *rungs > rung);
        those.map(|(_, histogram)| histogram.trials()).sum()
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        for (way, histogram) in &other.0 {
            self.0.entry(*way).or_default().absorb(histogram);
        }
    }

    /// Appends the bytes of ends of a ladder of so many rungs.
    pub(super) fn append(&self, ladder: usize, bytes: &mut Vec<u8>) {
        append_number(self.0.len() as u64, bytes);
        let mut before = 0;
        for (&(code, rungs), histogram) in &self.0 {
            let way = (usize::from(code) * (ladder + 1) + rungs) as u64;
            append_number(way - before, bytes);
            histogram.append(bytes);
            before = way;
        }
    }

    /// Takes the ends of at most `trials` trials of a ladder of so many rungs and of at most `max_steps`
    /// steps off the bytes.
    pub(super) fn take(
        bytes: &mut &[u8],
        ladder: usize,
        trials: u64,
        max_steps: u64,
    ) -> Option<Self> {
        let ways = Outcome::ALL.len() * (ladder + 1);
        let mut ends = BTreeMap::new();
        let (mut way, mut left) = (0_u64, trials);
        for entry in 0..take_number(bytes)? {
            let further = take_number(bytes)?;
            way = way.checked_add(further).filter(|&way| way < ways as u64)?;
            let histogram = Histogram::take(bytes, left, max_steps)?;
            left -= histogram.trials();
            if histogram.is_empty() || (entry > 0 && further == 0) {
                return None;
            }
            let (code, rungs) = (way as usize / (ladder + 1), way as usize % (ladder + 1));
            ends.insert((code as u8, rungs), histogram);
        }
        Some(Self(ends))
    }
}

/// What happened at each number of steps at which a trial ended: it converged, failed for good
/// (diverged or stalled), or was stopped undecided.
pub fn step_counts(ends: impl IntoIterator<Item = End>) -> Vec<StepCounts> {
    let mut rows = BTreeMap::new();
    for End { outcome, steps: step, count, .. } in ends {
        let row = rows.entry(step).or_insert(StepCounts { step, ..StepCounts::default() });
        match outcome {
            Outcome::NotRun => continue,
            Outcome::Converged => row.converged += count,
            Outcome::Diverged | Outcome::Stalled => row.failed += count,
            Outcome::StepLimit => row.censored += count,
        }
    }
    rows.into_values().collect()
}

/// The same as to a rung of the ladder: a trial "converges" where it hits it first. One that ends
/// before it hits it has failed if it diverged or stalled, and was stopped undecided if it was at its
/// step limit or had converged to its own, looser target.
///
/// `hits` are the numbers of steps of first hits with how many trials they are of, `ends` the ends of all
/// trials.
pub fn hit_counts(
    rung: usize,
    hits: impl IntoIterator<Item = (u64, u64)>,
    ends: impl IntoIterator<Item = End>,
) -> Vec<StepCounts> {
    let missed = ends.into_iter().filter(|end| end.rungs <= rung).map(End::short_of_rung);
    step_counts(hits.into_iter().map(|(steps, count)| End::at_rung(steps, count)).chain(missed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(outcome: Outcome, rungs: usize, steps: u64, count: u64) -> End {
        End { outcome, rungs, steps, count }
    }

    fn row(step: u64, converged: u64, failed: u64, censored: u64) -> StepCounts {
        StepCounts { step, converged, failed, censored }
    }

    /// Two rungs; the first is hit at 3 by five trials, the second at 7 by two.
    fn ends() -> [End; 5] {
        [
            end(Outcome::Converged, 1, 9, 1),
            end(Outcome::Converged, 2, 7, 2),
            end(Outcome::Diverged, 1, 4, 2),
            end(Outcome::Stalled, 0, 7, 1),
            end(Outcome::StepLimit, 0, 9, 3),
        ]
    }

    #[test]
    fn outcomes_and_rungs_decide_what_an_end_is() {
        let expected = [row(4, 0, 2, 0), row(7, 2, 1, 0), row(9, 1, 0, 3)];
        assert_eq!(step_counts(ends()), expected);
        let first = [row(3, 5, 0, 0), row(7, 0, 1, 0), row(9, 0, 0, 3)];
        assert_eq!(hit_counts(0, [(3, 5)], ends()), first);
        let second = [row(4, 0, 2, 0), row(7, 2, 1, 0), row(9, 0, 0, 4)];
        assert_eq!(hit_counts(1, [(7, 2)], ends()), second);
    }

    #[test]
    fn ends_come_back_in_order() {
        let mut counted = Ends::default();
        for end in ends().into_iter().rev() {
            (0..end.count).for_each(|_| counted.add(end.outcome as u8, end.rungs, end.steps));
        }
        assert_eq!(counted.iter().collect::<Vec<_>>(), ends());
        assert_eq!((counted.len(), counted.hitting(0), counted.hitting(1)), (5, 5, 2));
        let converged = counted.steps(Outcome::Converged);
        assert_eq!(converged.entries().collect::<Vec<_>>(), [(7, 2), (9, 1)]);
        assert!(counted.steps(Outcome::NotRun).is_empty());
    }
}
