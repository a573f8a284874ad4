//! The trajectories of a study: where each is, and how they come into `results.h5`.

use std::collections::BTreeMap;
use std::path::Path;

use super::column::Column;
use super::coverage::Coverage;
use super::draft::{Attribute, Draft, Drafted, words};
use super::io::FileSystem;
use super::manifest::{Manifest, Trajectories};
use super::places::{Parts, Place};
use super::results::{auxiliary_coordinates, sweep_dimensions};
use super::schema::{RECORD, TRACED_TRIAL, TRAJECTORY, TRAJECTORY_STEP, meaning};
use super::trajectories::{Contents, TrajectoryBytes, numbers};
use crate::Result;
use crate::observe::trajectory::{Dimension, Quantity, Sizes, quantities};

/// Every trajectory that there is, once.
pub(super) struct Traced<'a> {
    files: Parts<'a>,
    /// By cell and trial.
    places: BTreeMap<(usize, u64), (Place, Sizes)>,
}

impl<'a> Traced<'a> {
    /// None yet.
    pub(super) fn new(fs: &'a dyn FileSystem) -> Self {
        Self { files: Parts::new(fs), places: BTreeMap::new() }
    }

    /// Enters the trajectories of a file.
    ///
    /// # Errors
    /// [`Error::Content`](crate::Error::Content) if another file has other bits for the same trial.
    pub(super) fn add(&mut self, path: &Path, contents: &Contents<'_>) -> Result<()> {
        self.files.add(path);
        for TrajectoryBytes { cell, trial, sizes, offset, numbers } in &contents.trajectories {
            let there = self.places.get(&(*cell, *trial));
            if let Some((there, _)) = there.filter(|(there, _)| !there.holds(numbers)) {
                let what = format!("the trajectory of trial {trial} of cell {cell}");
                return Err(self.files.contradiction(there, &what));
            }
            let place = self.files.place(*offset, numbers);
            self.places.insert((*cell, *trial), (place, *sizes));
        }
        Ok(())
    }

    /// Leaves out what is behind the first trial of a cell whose row or trajectory is missing.
    pub(super) fn keep_prefixes(&mut self, rows: &Coverage, trajectories: &Coverage) {
        let kept = |cell| rows.prefix(cell).min(trajectories.prefix(cell));
        self.places.retain(|&(cell, trial), _| trial < kept(cell));
    }

    /// Writes the variables of a study's trajectories; those that are missing are NaN, and their steps -1.
    ///
    /// # Errors
    /// If HDF5 fails or a file is no longer as it was.
    pub(super) fn write(&mut self, draft: &mut Draft, manifest: &Manifest) -> Drafted<()> {
        let Some(rule) = manifest.trajectories else { return Ok(()) };
        create_dimensions(draft, &rule)?;
        let mut columns = Columns::create(draft, manifest, rule)?;
        let mut bytes = Vec::new();
        for cell in 0..manifest.cells() {
            for trial in 0..rule.trials {
                let numbers = match self.places.get(&(cell, trial)) {
                    None => None,
                    Some((place, sizes)) => {
                        self.files.read(place, &mut bytes)?;
                        Some((numbers(&bytes), *sizes))
                    }
                };
                columns.append(numbers.as_ref().map(|(numbers, sizes)| (&numbers[..], *sizes)))?;
                draft.check()?;
            }
        }
        Ok(columns.finish()?)
    }
}

fn create_dimensions(draft: &mut Draft, rule: &Trajectories) -> hdf5::Result<()> {
    // The manifest was checked: the number of trials is a usize.
    draft.numbered(TRACED_TRIAL, rule.trials as usize, &words(meaning(TRACED_TRIAL)))?;
    draft.numbered(RECORD, rule.records, &words(meaning(RECORD)))?;
    for dimension in Dimension::ALL {
        let length = rule.sizes().length(dimension);
        // Networks of one layer have no pairs.
        if is_used(dimension, rule) && length > 0 {
            draft.numbered(dimension.name(), length, &words(dimension.meaning()))?;
        }
    }
    Ok(())
}

/// Whether a quantity that is recorded has this dimension.
fn is_used(dimension: Dimension, rule: &Trajectories) -> bool {
    quantities(rule.spectra).any(|quantity| quantity.dimensions.contains(&dimension))
}

/// The variables of the trajectories on their way into the file.
struct Columns {
    rule: Trajectories,
    step: Column,
    quantities: Vec<(&'static Quantity, Column)>,
}

impl Columns {
    fn create(draft: &mut Draft, manifest: &Manifest, rule: Trajectories) -> hdf5::Result<Self> {
        let sweep = sweep_dimensions(manifest);
        let of_records = sweep.iter().map(String::as_str).chain([TRACED_TRIAL, RECORD]);
        let of_records: Vec<&str> = of_records.collect();
        let moving = auxiliary_coordinates(&manifest.axes);
        let with_words = |long_name| {
            let mut attributes = words(long_name).to_vec();
            if !moving.is_empty() {
                attributes.push(("coordinates", Attribute::Text(&moving)));
            }
            attributes
        };
        let (name, long_name) = TRAJECTORY_STEP;
        let step = draft.column::<i64>(name, &of_records, &with_words(long_name))?;
        let mut columns = Vec::new();
        for quantity in quantities(rule.spectra) {
            if rule.sizes().numbers_of(quantity) == 0 {
                continue;
            }
            let own = quantity.dimensions.iter().map(|dimension| dimension.name());
            let dimensions: Vec<&str> = of_records.iter().copied().chain(own).collect();
            let name = format!("{TRAJECTORY}{}", quantity.name);
            let attributes = with_words(quantity.long_name);
            columns.push((quantity, draft.column::<f64>(&name, &dimensions, &attributes)?));
        }
        Ok(Self { rule, step, quantities: columns })
    }

    /// Appends the numbers of a trajectory, or of none.
    fn append(&mut self, trajectory: Option<(&[f64], Sizes)>) -> hdf5::Result<()> {
        let Trajectories { records, spectra, .. } = self.rule;
        let (numbers, sizes) = trajectory.unwrap_or((&[], self.rule.sizes()));
        let there = numbers.len() / sizes.numbers(spectra);
        let steps = numbers[..there].iter().map(|&step| step as i64);
        self.step.extend(steps.chain(std::iter::repeat(-1)).take(records));
        let mut places = sizes.places(spectra, there);
        for (quantity, column) in &mut self.quantities {
            let place = places.find(|(other, _)| other.name == quantity.name);
            let (_, place) = place.expect("the same quantities in the same order");
            put(column, quantity, &numbers[place], sizes, &self.rule);
        }
        let quantities = self.quantities.iter_mut().map(|(_, column)| column);
        for column in quantities.chain([&mut self.step]).filter(|column| column.has_chunk()) {
            column.pack();
            column.write()?;
        }
        Ok(())
    }

    fn finish(self) -> hdf5::Result<()> {
        self.step.finish()?;
        self.quantities.into_iter().try_for_each(|(_, column)| column.finish())
    }
}

/// Appends the values of a quantity, NaN where the longest dimensions have more points than its own.
fn put(column: &mut Column, quantity: &Quantity, values: &[f64], own: Sizes, rule: &Trajectories) {
    let lengths = |sizes: Sizes| {
        let mut lengths = [1; 2];
        for (length, &dimension) in lengths.iter_mut().rev().zip(quantity.dimensions.iter().rev()) {
            *length = sizes.length(dimension);
        }
        lengths
    };
    let ([rows, columns], [most_rows, most_columns]) = (lengths(own), lengths(rule.sizes()));
    for record in 0..rule.records {
        for row in 0..most_rows {
            let begin = (record * rows + row) * columns;
            let there = match row < rows && begin < values.len() {
                true => &values[begin..begin + columns],
                false => &[],
            };
            let absent = std::iter::repeat(f64::NAN);
            column.extend(there.iter().copied().chain(absent).take(most_columns));
        }
    }
}
