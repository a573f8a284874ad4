//! Reads how trials ended, from their rows or from histograms.

use std::ops::Range;

use hdf5::SliceOrIndex;

use super::{ResultsFile, position};
use crate::Result;
use crate::stats::StepCounts;
use crate::stop::Outcome;
use crate::store::ends::{End, Ends, hit_counts, step_counts};
use crate::store::histogram::Histogram;
use crate::store::schema;
use crate::study::Axis;

/// How many trials of a cell came to a rung of the ladder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FirstHits {
    /// Trials that hit it.
    pub hit: u64,
    /// Those that were stopped before, at their step limit or because they had converged to a looser target.
    pub open: u64,
}

impl ResultsFile {
    /// How many trials of a cell came to each rung of the ladder. The same from rows and from histograms.
    ///
    /// # Errors
    /// [`crate::Error::Content`] if it cannot be read.
    ///
    /// # Panics
    /// If the file has no such cell.
    pub fn first_hit_counts(&self, cell: usize) -> Result<Vec<FirstHits>> {
        let mut counts = vec![FirstHits::default(); self.ladder.len()];
        let mut count = |rung: usize, is_hit: bool, outcome: Outcome, trials: u64| {
            if is_hit {
                counts[rung].hit += trials;
            } else if matches!(outcome, Outcome::StepLimit | Outcome::Converged) {
                counts[rung].open += trials;
            }
        };
        if !self.has_rows {
            for end in self.ends(cell)? {
                let rungs = 0..self.ladder.len();
                rungs.for_each(|rung| count(rung, rung < end.rungs, end.outcome, end.count));
            }
            return Ok(counts);
        }
        for trials in self.pieces(cell) {
            let outcomes = self.outcomes_of(cell, &trials)?;
            let hits = self.hit_steps(cell, &trials)?;
            for ((outcome, _), hits) in outcomes.iter().zip(hits.chunks(self.ladder.len().max(1))) {
                hits.iter().enumerate().for_each(|(rung, hit)| count(rung, *hit >= 0, *outcome, 1));
            }
        }
        Ok(counts)
    }

    /// The trials of a cell that are there, in as many pieces as are read at a time.
    fn pieces(&self, cell: usize) -> impl Iterator<Item = Range<u64>> + use<> {
        const PIECE: u64 = 1 << 20;
        let all = self.cells[cell].trials;
        (0..all).step_by(PIECE as usize).map(move |first| first..all.min(first + PIECE))
    }

    /// What happened to the trials of a cell at each number of steps at which one ended; with a rung of
    /// the ladder, as to that rung (see [`hit_counts`]). The same from rows and from histograms.
    ///
    /// # Errors
    /// [`crate::Error::Content`] if it cannot be read.
    ///
    /// # Panics
    /// If the file has no such cell or rung.
    pub fn step_counts(&self, cell: usize, rung: Option<usize>) -> Result<Vec<StepCounts>> {
        let rows = match (rung, self.has_rows) {
            (None, true) => step_counts(self.ends_of_rows(cell, None)?.1.iter()),
            (None, false) => step_counts(self.ends(cell)?),
            (Some(rung), true) => {
                let (hits, ends) = self.ends_of_rows(cell, Some(rung))?;
                hit_counts(rung, hits.entries(), ends.iter())
            }
            (Some(rung), false) => {
                hit_counts(rung, self.hits_histogram(cell, rung)?, self.ends(cell)?)
            }
        };
        let trials: u64 = rows.iter().map(StepCounts::trials).sum();
        if trials == self.cells[cell].trials {
            return Ok(rows);
        }
        Err(self.file.refuse(format!("the ends of cell {cell} are of {trials} trials")))
    }

    /// The first hits of a rung and the ends of the trials of a cell, as if there were no other rung.
    fn ends_of_rows(&self, cell: usize, rung: Option<usize>) -> Result<(Histogram, Ends)> {
        let (mut hits, mut ends) = (Histogram::default(), Ends::default());
        for trials in self.pieces(cell) {
            let outcomes = self.outcomes_of(cell, &trials)?;
            let first_hits = match rung {
                None => vec![-1; outcomes.len()],
                Some(rung) => self.first_hits(cell, rung, &trials)?,
            };
            for ((outcome, steps), hit) in outcomes.into_iter().zip(first_hits) {
                let hit = u64::try_from(hit).ok();
                hit.into_iter().for_each(|steps| hits.add(steps));
                let rungs = rung.filter(|_| hit.is_some()).map_or(0, |rung| rung + 1);
                ends.add(outcome as u8, rungs, steps);
            }
        }
        Ok((hits, ends))
    }

    /// The first hits of a rung by a range of trials of one cell; -1 for never.
    fn first_hits(&self, cell: usize, rung: usize, trials: &Range<u64>) -> Result<Vec<i64>> {
        let (mut shape, mut selection) = self.select(cell, trials);
        shape.push(self.ladder.len());
        selection.push((rung..rung + 1).into());
        self.file.selected("hit_steps", &shape, selection)
    }

    /// The ends of the trials of a cell.
    ///
    /// # Errors
    /// [`crate::Error::Content`] if they cannot be read, or the file has rows instead.
    ///
    /// # Panics
    /// If the file has no such cell.
    pub fn ends(&self, cell: usize) -> Result<Vec<End>> {
        const STEPS: schema::Ragged = schema::STEPS_HISTOGRAM;
        let place = self.place(&STEPS, cell, None)?;
        let codes: Vec<i8> = self.of_entries(schema::STEPS_HISTOGRAM_OUTCOME.0, &place)?;
        let names = [STEPS.value.0, STEPS.count.0, schema::STEPS_HISTOGRAM_RUNGS.0];
        let end = |([steps, count, rungs], code): ([u64; 3], i8)| {
            let outcome = Outcome::from_code(u8::try_from(code).ok()?)?;
            Some(End { outcome, rungs: rungs as usize, steps, count })
        };
        let ends = self.entries(names, cell, &place)?.into_iter().zip(codes).map(end);
        ends.collect::<Option<_>>().ok_or_else(|| self.file.refuse("an outcome is unknown"))
    }

    /// Numbers of steps of the first hits of a rung of the ladder with how many trials they are of,
    /// ascending.
    ///
    /// # Errors
    /// As [`Self::ends`].
    ///
    /// # Panics
    /// If the file has no such cell or rung.
    pub fn hits_histogram(&self, cell: usize, rung: usize) -> Result<Vec<(u64, u64)>> {
        const HITS: schema::Ragged = schema::HITS_HISTOGRAM;
        let place = self.place(&HITS, cell, Some(rung))?;
        let entries = self.entries([HITS.value.0, HITS.count.0], cell, &place)?;
        Ok(entries.into_iter().map(|[value, count]| (value, count)).collect())
    }

    /// These variables of the entries at a place, the second of them the numbers of trials of the cell.
    fn entries<const N: usize>(
        &self,
        names: [&str; N],
        cell: usize,
        place: &(usize, Range<usize>),
    ) -> Result<Vec<[u64; N]>> {
        let mut entries = vec![[0; N]; place.1.len()];
        for (i, name) in names.into_iter().enumerate() {
            for (entry, value) in entries.iter_mut().zip(self.of_entries::<i64>(name, place)?) {
                entry[i] = u64::try_from(value)
                    .map_err(|_| self.file.refuse("an entry of a histogram is negative"))?;
            }
        }
        let trials = entries.iter().try_fold(0_u64, |sum, entry| sum.checked_add(entry[1]));
        match trials.filter(|&trials| trials <= self.cells[cell].trials) {
            Some(_) => Ok(entries),
            None => Err(self.file.refuse("a histogram has more trials than its cell")),
        }
    }

    /// A variable of the entries at a place.
    fn of_entries<T: hdf5::H5Type>(
        &self,
        name: &str,
        (length, range): &(usize, Range<usize>),
    ) -> Result<Vec<T>> {
        match range.is_empty() {
            true => Ok(Vec::new()),
            false => self.file.selected(name, &[*length], vec![range.clone().into()]),
        }
    }

    /// How many entries all histograms of a kind have, and which of them are those of one.
    fn place(
        &self,
        ragged: &schema::Ragged,
        cell: usize,
        rung: Option<usize>,
    ) -> Result<(usize, Range<usize>)> {
        if self.has_rows {
            return Err(self.file.lacks("histograms: it has the row of every trial instead"));
        }
        let mut shape: Vec<usize> = self.axes.iter().map(Axis::len).collect();
        let mut at = position(cell, &shape);
        if let Some(rung) = rung {
            shape.push(self.ladder.len());
            at.push(rung);
        }
        let of_histogram = |name| -> Result<usize> {
            let selection = at.iter().map(|&i| SliceOrIndex::from(i..i + 1)).collect();
            let values: Vec<i64> = match shape.is_empty() {
                true => self.file.values(name, &shape)?,
                false => self.file.selected(name, &shape, selection)?,
            };
            let value = values.first().and_then(|&value| usize::try_from(value).ok());
            value.ok_or_else(|| self.file.refuse(format!("{name} is negative")))
        };
        let (first, size) = (of_histogram(ragged.first.0)?, of_histogram(ragged.size.0)?);
        let length = self.file.length(ragged.value.0)?;
        let end = first.checked_add(size).filter(|&end| end <= length);
        let end = end.ok_or_else(|| self.file.refuse("a histogram is longer than all of them"))?;
        Ok((length, first..end))
    }
}
