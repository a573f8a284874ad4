//! The histograms of a study that keeps no rows, in `results.h5`.

use super::column::Column;
use super::draft::{Attribute, Draft, Drafted, words};
use super::histogram::Histogram;
use super::results::{outcome_flags, put_table, sweep_dimensions};
use super::schema::{
    HITS_HISTOGRAM, LOSS_TARGET, Ragged, STEPS_HISTOGRAM, STEPS_HISTOGRAM_OUTCOME,
    STEPS_HISTOGRAM_RUNGS, Variable,
};
use super::tallies::Tallies;
use super::tally::Tally;
use super::{CellSummary, Intervals, Manifest};

/// Adds the histograms of all cells and their tables to `variables`, and returns the summaries of the cells.
/// The tallies are read twice: the first time to see how many entries there are.
///
/// # Errors
/// If HDF5 fails or tallies cannot be read.
pub(super) fn write(
    draft: &mut Draft,
    manifest: &Manifest,
    intervals: &Intervals,
    variables: &mut [(Variable, Column)],
    tallies: &mut Tallies<'_>,
) -> Drafted<Vec<CellSummary>> {
    let (mut steps, mut hits) = (Vec::new(), Vec::new());
    let mut cells = Vec::new();
    tallies.visit(|tally| -> Drafted<()> {
        put_table(variables, tally);
        cells.push(CellSummary::of(tally, intervals));
        steps.push(tally.ends().len());
        hits.extend(tally.hits().iter().map(Histogram::len));
        Ok(())
    })?;
    let mut columns = Columns::create(draft, manifest, &steps, &hits)?;
    tallies.visit(|tally| -> Drafted<()> {
        columns.put(tally);
        columns.write()?;
        Ok(draft.check()?)
    })?;
    columns.finish()?;
    Ok(cells)
}

/// The variables of the entries, to be filled.
struct Columns {
    steps: [Column; 2],
    outcome: Column,
    rungs: Column,
    /// None without a ladder.
    hits: Option<[Column; 2]>,
}

impl Columns {
    /// Creates the variables of histograms of these sizes.
    fn create(
        draft: &mut Draft,
        manifest: &Manifest,
        steps: &[usize],
        hits: &[usize],
    ) -> hdf5::Result<Self> {
        let has_ladder = !manifest.ladder.is_empty();
        let steps = create(draft, manifest, &STEPS_HISTOGRAM, steps)?;
        let (codes, meanings) = outcome_flags();
        let mut attributes = words(STEPS_HISTOGRAM_OUTCOME.1).to_vec();
        attributes.extend([
            ("flag_values", Attribute::Codes(&codes)),
            ("flag_meanings", Attribute::Text(&meanings)),
        ]);
        let entry = [STEPS_HISTOGRAM.entry];
        let outcome = draft.column::<i8>(STEPS_HISTOGRAM_OUTCOME.0, &entry, &attributes)?;
        let (name, meaning) = STEPS_HISTOGRAM_RUNGS;
        let rungs = draft.column::<i64>(name, &entry, &words(meaning))?;
        let hits = has_ladder.then(|| create(draft, manifest, &HITS_HISTOGRAM, hits));
        Ok(Self { steps, outcome, rungs, hits: hits.transpose()? })
    }

    /// Appends the entries of a cell.
    fn put(&mut self, tally: &Tally) {
        let ends = || tally.ends().iter();
        put(&mut self.steps, || ends().map(|end| (end.steps, end.count)));
        self.outcome.extend(ends().map(|end| end.outcome as i8));
        self.rungs.extend(ends().map(|end| end.rungs as i64));
        if let Some(hits) = &mut self.hits {
            put(hits, || tally.hits().iter().flat_map(Histogram::entries));
        }
    }

    fn write(&mut self) -> hdf5::Result<()> {
        let columns = self.steps.iter_mut().chain([&mut self.outcome, &mut self.rungs]);
        for column in columns.chain(self.hits.iter_mut().flatten()) {
            column.pack();
            column.write()?;
        }
        Ok(())
    }

    fn finish(self) -> hdf5::Result<()> {
        let columns = self.steps.into_iter().chain([self.outcome, self.rungs]);
        columns.chain(self.hits.into_iter().flatten()).try_for_each(Column::finish)
    }
}

/// Appends numbers of steps with their numbers of trials.
fn put<I: Iterator<Item = (u64, u64)>>(
    [values, counts]: &mut [Column; 2],
    entries: impl Fn() -> I,
) {
    values.extend(entries().map(|(steps, _)| steps.cast_signed()));
    counts.extend(entries().map(|(_, count)| count.cast_signed()));
}

/// Creates the variables of histograms of these sizes; those of values and counts are to be filled.
fn create(
    draft: &mut Draft,
    manifest: &Manifest,
    ragged: &Ragged,
    sizes: &[usize],
) -> hdf5::Result<[Column; 2]> {
    let Ragged { entry, meaning, value, count, first, size } = *ragged;
    let sweep = sweep_dimensions(manifest);
    let rungs = (entry == HITS_HISTOGRAM.entry).then_some(LOSS_TARGET);
    let dimensions: Vec<&str> = sweep.iter().map(String::as_str).chain(rungs).collect();
    draft.numbered(entry, sizes.iter().sum(), &words(meaning))?;
    let firsts = sizes.iter().scan(0_i64, |next, &size| {
        let first = *next;
        *next += size as i64;
        Some(first)
    });
    let mut column = draft.column::<i64>(first.0, &dimensions, &words(first.1))?;
    column.extend(firsts);
    column.finish()?;
    let mut attributes = words(size.1).to_vec();
    attributes.push(("sample_dimension", Attribute::Text(entry)));
    let mut column = draft.column::<i64>(size.0, &dimensions, &attributes)?;
    column.extend(sizes.iter().map(|&size| size as i64));
    column.finish()?;
    let mut create = |(name, long_name)| draft.column::<i64>(name, &[entry], &words(long_name));
    Ok([create(value)?, create(count)?])
}
