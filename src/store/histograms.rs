//! The histograms of a study that keeps no rows, in `results.h5`.

use super::column::Column;
use super::draft::{Attribute, Draft, Drafted, words};
use super::results::{put_table, sweep_dimensions};
use super::schema::{HITS_HISTOGRAM, LOSS_TARGET, Ragged, STEPS_HISTOGRAM, Variable};
use super::tallies::Tallies;
use super::tally::{Histogram, Tally};
use super::{CellSummary, Intervals, Manifest};

/// The histograms of one kind, as many of each cell.
struct Kind {
    ragged: Ragged,
    of: fn(&Tally) -> &[Histogram],
}

const STEPS: Kind =
    Kind { ragged: STEPS_HISTOGRAM, of: |tally| std::slice::from_ref(tally.steps()) };

const HITS: Kind = Kind { ragged: HITS_HISTOGRAM, of: Tally::hits };

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
    let mut kinds = vec![(STEPS, Vec::new())];
    if !manifest.ladder.is_empty() {
        kinds.push((HITS, Vec::new()));
    }
    let mut cells = Vec::new();
    tallies.visit(|tally| -> Drafted<()> {
        put_table(variables, tally);
        cells.push(CellSummary::of(tally, intervals));
        for (kind, sizes) in &mut kinds {
            sizes.extend((kind.of)(tally).iter().map(Histogram::len));
        }
        Ok(())
    })?;
    let mut columns = kinds
        .iter()
        .map(|(kind, sizes)| kind.create(draft, manifest, sizes))
        .collect::<hdf5::Result<Vec<_>>>()?;
    tallies.visit(|tally| -> Drafted<()> {
        for ((kind, _), [values, counts]) in kinds.iter().zip(&mut columns) {
            let entries = || (kind.of)(tally).iter().flat_map(Histogram::entries);
            values.extend(entries().map(|(steps, _)| steps.cast_signed()));
            counts.extend(entries().map(|(_, count)| count.cast_signed()));
            for column in [values, counts] {
                column.pack();
                column.write()?;
            }
        }
        Ok(draft.check()?)
    })?;
    for column in columns.into_iter().flatten() {
        column.finish()?;
    }
    Ok(cells)
}

impl Kind {
    /// Creates the variables of histograms of these sizes; those of values and counts are to be filled.
    fn create(
        &self,
        draft: &mut Draft,
        manifest: &Manifest,
        sizes: &[usize],
    ) -> hdf5::Result<[Column; 2]> {
        let Ragged { entry, meaning, value, count, first, size } = self.ragged;
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
}
