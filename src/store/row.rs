//! The bytes of a row in a part, little-endian: outcome (1 byte), conditions of the convergence theorem
//! (1), steps (8), step, rate and bound of the certificate (8 each; -1, NaN and -1: none), the measures
//! (8 each, bit for bit), first hits of the ladder (8 each).

use crate::stop::Outcome;
use crate::study::{Certified, Measures, TrialRow};
use crate::theorem;

const THEOREM: usize = 1;
const STEPS: usize = THEOREM + 1;
const CERTIFICATE: usize = STEPS + 8;
const MEASURES: usize = CERTIFICATE + 24;
const HITS: usize = MEASURES + 8 * Measures::COUNT;

/// Bytes of a row with hits of so many rungs.
pub(super) const fn size(ladder: usize) -> usize {
    HITS + 8 * ladder
}

/// Appends the bytes of the row of a trial that has not been run: what `results.h5` shows of it, -1 and
/// NaN.
pub(super) fn append_missing(ladder: usize, bytes: &mut Vec<u8>) {
    bytes.extend([Outcome::NotRun as u8, 0]);
    bytes.extend((-1_i64).to_le_bytes());
    append_certificate(None, bytes);
    bytes.extend([f64::NAN; Measures::COUNT].iter().flat_map(|m| m.to_le_bytes()));
    (0..ladder).for_each(|_| bytes.extend((-1_i64).to_le_bytes()));
}

/// Appends the bytes of a row.
pub(super) fn append(row: &TrialRow, bytes: &mut Vec<u8>) {
    bytes.extend([row.outcome as u8, row.theorem1]);
    bytes.extend(row.steps.to_le_bytes());
    append_certificate(row.certificate, bytes);
    bytes.extend(row.measures.to_array().iter().flat_map(|m| m.to_le_bytes()));
    bytes.extend(row.hit_steps.iter().flat_map(|h| h.to_le_bytes()));
}

fn append_certificate(certificate: Option<Certified>, bytes: &mut Vec<u8>) {
    let (step, rate, bound) = match certificate {
        None => (-1, f64::NAN, -1),
        Some(Certified { step, rate, steps_bound }) => {
            (step.cast_signed(), rate, steps_bound.cast_signed())
        }
    };
    bytes.extend(step.to_le_bytes());
    bytes.extend(rate.to_le_bytes());
    bytes.extend(bound.to_le_bytes());
}

/// The bytes of a row, which are as many as a row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowBytes<'a>(&'a [u8]);

impl<'a> RowBytes<'a> {
    /// The rows whose bytes follow each other in `bytes`.
    pub(super) fn all(bytes: &'a [u8], ladder: usize) -> impl Iterator<Item = Self> + Clone {
        bytes.chunks_exact(size(ladder)).map(Self)
    }

    fn word(self, at: usize) -> [u8; 8] {
        self.0[at..at + 8].try_into().expect("eight bytes")
    }

    /// Whether it can be a row of a study of so many steps.
    pub(super) fn is_possible(self, max_steps: u64) -> bool {
        let possible = |hit: i64| hit == -1 || u64::try_from(hit).is_ok_and(|h| h <= max_steps);
        Outcome::from_code(self.code()).is_some_and(|outcome| outcome != Outcome::NotRun)
            && self.theorem1() <= theorem::ALL
            && self.steps() <= max_steps
            && self.is_certificate_possible()
            && self.hits().all(possible)
    }

    /// Either nothing of a certificate or all of it.
    fn is_certificate_possible(self) -> bool {
        match (self.certificate_step(), self.certificate_bound()) {
            (-1, -1) => self.certificate_rate().is_nan(),
            (step, bound) => 0 <= step && step <= bound && self.certificate_rate() < 1.0,
        }
    }

    /// Code of its outcome.
    pub(super) fn code(self) -> u8 {
        self.0[0]
    }

    /// Conditions of the convergence theorem that its start meets.
    pub(super) fn theorem1(self) -> u8 {
        self.0[THEOREM]
    }

    /// Step of its certificate, -1 if it has none.
    pub(super) fn certificate_step(self) -> i64 {
        i64::from_le_bytes(self.word(CERTIFICATE))
    }

    /// Rate of its certificate, NaN if it has none.
    pub(super) fn certificate_rate(self) -> f64 {
        f64::from_le_bytes(self.word(CERTIFICATE + 8))
    }

    /// The step by which its certificate proves that it is at its target, -1 if it has none.
    pub(super) fn certificate_bound(self) -> i64 {
        i64::from_le_bytes(self.word(CERTIFICATE + 16))
    }

    /// Its certificate.
    fn certificate(self) -> Option<Certified> {
        Certified::new(self.certificate_step(), self.certificate_rate(), self.certificate_bound())
    }

    /// Its steps.
    pub(super) fn steps(self) -> u64 {
        u64::from_le_bytes(self.word(STEPS))
    }

    /// Its `i`-th measure.
    pub(super) fn measure(self, i: usize) -> f64 {
        f64::from_le_bytes(self.word(MEASURES + 8 * i))
    }

    /// Its first hits.
    pub(super) fn hits(self) -> impl Iterator<Item = i64> + 'a {
        let words = self.0[HITS..].chunks_exact(8);
        words.map(|word| i64::from_le_bytes(word.try_into().expect("eight bytes")))
    }

    /// The row, if it has an outcome.
    pub(super) fn decode(self) -> Option<TrialRow> {
        Some(TrialRow {
            outcome: Outcome::from_code(self.code())?,
            steps: self.steps(),
            measures: Measures::from_array(std::array::from_fn(|i| self.measure(i))),
            theorem1: self.theorem1(),
            certificate: self.certificate(),
            hit_steps: self.hits().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::part::tests::row;

    #[test]
    fn rows_come_back_bit_for_bit() {
        let rows = [row(0, 3, 2), row(1, 4, 2)];
        let mut bytes = Vec::new();
        for row in &rows {
            append(row, &mut bytes);
        }
        assert_eq!(bytes.len(), 2 * size(2));
        let bits = |row: &TrialRow| row.measures.to_array().map(f64::to_bits);
        for (there, row) in RowBytes::all(&bytes, 2).zip(&rows) {
            let there = there.decode().unwrap();
            assert_eq!(bits(&there), bits(row));
            assert_eq!((there.outcome, there.steps), (row.outcome, row.steps));
            assert_eq!(there.hit_steps, row.hit_steps);
            assert_eq!((there.theorem1, there.certificate), (row.theorem1, row.certificate));
        }
    }

    #[test]
    fn outcomes_and_steps_out_of_range_are_impossible() {
        let good = TrialRow { steps: 9, hit_steps: vec![9, -1], ..row(0, 0, 2) };
        let mut wrong = vec![good.clone(); 7];
        wrong[0].outcome = Outcome::NotRun;
        wrong[1].steps = 11;
        wrong[2].hit_steps[0] = 11;
        wrong[3].hit_steps[1] = -2;
        wrong[4].theorem1 = 16;
        let certified = |step, rate| Some(Certified { step, rate, steps_bound: 7 });
        wrong[5].certificate = certified(8, 0.5);
        wrong[6].certificate = certified(3, 1.0);
        let is_possible = |row: &TrialRow| {
            let mut bytes = Vec::new();
            append(row, &mut bytes);
            RowBytes(&bytes).is_possible(10)
        };
        assert!(is_possible(&good));
        assert!(!wrong.iter().any(is_possible));
    }
}
