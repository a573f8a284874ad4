//! Writes `results.h5`, a function of the study, its rows and the numerics only.

use rayon::prelude::*;

use super::column::Column;
use super::draft::{Attribute, Draft, Drafted, Named, Values, words};
use super::histograms;
use super::looks::Looks;
use super::manifest::Manifest;
use super::numerics::Numerics;
use super::pieces::Pieces;
use super::rates::Rates;
use super::row::{self, RowBytes};
use super::schema::{
    self, CONDITIONS, LOSS_TARGET, OUTCOME_CODE, Place, Source, TRIAL, Type, Variable, meaning,
};
use super::summary::{CellSummary, Intervals};
use super::tallies::Tallies;
use super::tally::{self, Tally};
use super::traced::Traced;
use crate::stop::Outcome;
use crate::study::{Axis, AxisKey, AxisValues};
use crate::theorem;

/// The file's name.
pub const FILE: &str = "results.h5";

/// Name of the file of a study that is not complete.
pub const PARTIAL_FILE: &str = "partial.h5";

/// Bytes of rows whose chunks are packed together: enough to keep all processors busy.
const PACKED_TOGETHER: usize = 8 << 20;

/// What there is of the trials of a study: of each cell the first ones without a gap.
pub(super) enum Trials<'a> {
    /// Their rows.
    Rows(Pieces<'a>),
    /// What they come to.
    Tallies(Tallies<'a>),
}

/// What there is of a study.
pub(super) struct Found<'a> {
    pub trials: Trials<'a>,
    pub traced: Traced<'a>,
    /// Where precision decides how many trials there are: what is seen on the way.
    pub looks: Option<Looks>,
}

/// What is not there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Absent {
    /// Trials without a row.
    pub trials: u64,
    /// Trials without the trajectory that they should have.
    pub trajectories: u64,
}

/// Fills the results file of a study, and returns the summaries of its cells. Some of it may be `missing`.
/// `numerics` holds what the rest was computed with, more than one only if the caller was asked to mix.
///
/// # Errors
/// If HDF5 fails or rows cannot be read.
pub(super) fn write(
    draft: &mut Draft,
    manifest: &Manifest,
    numerics: &[Numerics],
    intervals: &Intervals,
    Found { trials, traced, .. }: &mut Found<'_>,
    missing: Absent,
) -> Drafted<Vec<CellSummary>> {
    write_root_attributes(draft, manifest, missing)?;
    write_coordinates(draft, manifest)?;
    let variables = match trials {
        Trials::Rows(_) => schema::variables(&manifest.ladder),
        Trials::Tallies(_) => schema::of_cells(),
    };
    let mut variables = variables
        .into_iter()
        .map(|variable| Ok((variable, create(draft, manifest, intervals, &variable)?)))
        .collect::<hdf5::Result<Vec<_>>>()?;
    let cells = match trials {
        Trials::Rows(pieces) => write_rows(draft, manifest, intervals, &mut variables, pieces)?,
        Trials::Tallies(tallies) => {
            histograms::write(draft, manifest, intervals, &mut variables, tallies)?
        }
    };
    for (variable, mut column) in variables {
        put_cells(&variable, &mut column, &cells);
        column.finish()?;
    }
    traced.write(draft, manifest)?;
    write_provenance(draft, manifest, numerics)?;
    Ok(cells)
}

/// Names of the sweep's dimensions.
pub(super) fn sweep_dimensions(manifest: &Manifest) -> Vec<String> {
    manifest.axes.iter().map(|axis| axis.keys[0].variable()).collect()
}

fn write_root_attributes(
    draft: &mut Draft,
    manifest: &Manifest,
    missing: Absent,
) -> hdf5::Result<()> {
    let keys: Vec<Vec<&str>> = manifest
        .axes
        .iter()
        .map(|axis| axis.keys.iter().map(|key| key.key.as_str()).collect())
        .collect();
    let sweep = serde_json::to_string(&keys).expect("plain data");
    let title = format!("{}: how likely gradient descent converges", manifest.name);
    let Absent { trials: missing, trajectories } = missing;
    let (rows, complete) = (manifest.keeps_rows(), missing == 0 && trajectories == 0);
    let equal = !manifest.is_adaptive();
    let version = match rows && complete && equal {
        true => schema::VERSION,
        false => schema::VERSION_WITHOUT_ALL_ROWS,
    };
    draft.attributes(&[
        ("Conventions", Attribute::Text(schema::CONVENTIONS)),
        ("title", Attribute::Text(&title)),
        ("source", Attribute::Text("deeplin: gradient descent on deep linear networks")),
        ("deeplin_format", Attribute::Text(schema::FORMAT)),
        ("format_version", Attribute::Ints(&version)),
        (schema::ROWS, Attribute::Whole(rows.into())),
        (schema::COMPLETE, Attribute::Whole(complete.into())),
        (schema::TRIALS_PER_CELL, Attribute::Whole(manifest.trials.cast_signed())),
        (schema::MISSING, Attribute::Whole(missing.cast_signed())),
        ("study", Attribute::Text(&manifest.name)),
        ("study_digest", Attribute::Text(&manifest.digest.hex())),
        // As text: not every reader has unsigned integers of 64 bits.
        ("seed", Attribute::Text(&manifest.seed.to_string())),
        ("sweep", Attribute::Text(&sweep)),
        ("config", Attribute::Text(&manifest.config)),
    ])
}

fn write_coordinates(draft: &mut Draft, manifest: &Manifest) -> hdf5::Result<()> {
    for axis in &manifest.axes {
        let key = &axis.keys[0];
        draft.dimension(
            &key.variable(),
            coordinates(key),
            &words(&format!("swept key {}", key.key)),
        )?;
    }
    if manifest.keeps_rows() {
        // The manifest was checked: the number of trials is a usize.
        let trials = manifest.trials as usize;
        draft.numbered(TRIAL, trials, &words(meaning(TRIAL)))?;
    }
    draft.numbered(CONDITIONS, tally::CONDITIONS, &words(meaning(CONDITIONS)))?;
    draft.numbered(OUTCOME_CODE, Outcome::ALL.len(), &words(meaning(OUTCOME_CODE)))?;
    if !manifest.ladder.is_empty() {
        let losses = Values::Float64(&manifest.ladder);
        draft.dimension(LOSS_TARGET, losses, &words(meaning(LOSS_TARGET)))?;
    }
    for axis in &manifest.axes {
        let dimension = axis.keys[0].variable();
        for key in &axis.keys[1..] {
            let meaning = format!("swept key {}, moving with {}", key.key, axis.keys[0].key);
            draft.variable(&key.variable(), &[&dimension], coordinates(key), &words(&meaning))?;
        }
    }
    Ok(())
}

fn coordinates(key: &AxisKey) -> Values<'_> {
    match &key.values {
        AxisValues::Floats(v) => Values::Float64(v),
        AxisValues::Integers(v) => Values::Int64(v),
        AxisValues::Labels(v) => Values::Text(v),
    }
}

/// Creates a variable of the root group without its values.
fn create(
    draft: &mut Draft,
    manifest: &Manifest,
    intervals: &Intervals,
    variable: &Variable,
) -> hdf5::Result<Column> {
    let sweep = sweep_dimensions(manifest);
    let trailing = variable.source.trailing().iter().copied();
    let dimensions: Vec<&str> = sweep.iter().map(String::as_str).chain(trailing).collect();

    let mut attributes = words(variable.long_name).to_vec();
    let (codes, meanings) = outcome_flags();
    let masks = [0, 1, 2, 3].map(|bit| 1_i8 << bit);
    let conditions = theorem::NAMES.join(" ");
    let of_all = format!("{}, Bonferroni", intervals.name());
    match variable.source {
        Source::Outcome => attributes.extend([
            ("flag_values", Attribute::Codes(&codes)),
            ("flag_meanings", Attribute::Text(&meanings)),
        ]),
        Source::Theorem => attributes.extend([
            ("flag_masks", Attribute::Codes(&masks)),
            ("flag_meanings", Attribute::Text(&conditions)),
        ]),
        Source::Certified => attributes.extend([
            ("flag_values", Attribute::Codes(&[0, 1])),
            ("flag_meanings", Attribute::Text("no_proof proved")),
        ]),
        Source::Bound(_) => attributes.extend([
            ("method", Attribute::Text(intervals.name())),
            ("level", Attribute::Float(intervals.level)),
        ]),
        Source::BoundBy(method, _) => attributes.extend([
            ("method", Attribute::Text(method(intervals))),
            ("level", Attribute::Float(intervals.level)),
        ]),
        Source::BoundOfAll(_) => attributes.extend([
            ("method", Attribute::Text(&of_all)),
            ("level", Attribute::Float(intervals.level)),
            ("level_of_each", Attribute::Float(intervals.level_of_all)),
        ]),
        _ => {}
    }
    let moving = auxiliary_coordinates(&manifest.axes);
    if !moving.is_empty() {
        attributes.push(("coordinates", Attribute::Text(&moving)));
    }

    let create = match variable.source.kind() {
        Type::Int8 => Draft::column::<i8>,
        Type::Steps if has_few_steps(manifest) => Draft::column::<i32>,
        Type::Steps | Type::Int64 => Draft::column::<i64>,
        Type::Float64 => Draft::column::<f64>,
    };
    create(draft, variable.name, &dimensions, &attributes)
}

/// The codes of all outcomes and their names, as CF flags.
pub(super) fn outcome_flags() -> ([i8; Outcome::ALL.len()], String) {
    (Outcome::ALL.map(|outcome| outcome as i8), Outcome::ALL.map(Outcome::name).join(" "))
}

/// Steps are in the narrowest type that holds the largest budget of any cell.
fn has_few_steps(manifest: &Manifest) -> bool {
    i32::try_from(manifest.max_steps).is_ok()
}

/// Writes the variables of each trial, and returns the summaries of the cells.
fn write_rows(
    draft: &Draft,
    manifest: &Manifest,
    intervals: &Intervals,
    variables: &mut [(Variable, Column)],
    pieces: &mut Pieces<'_>,
) -> Drafted<Vec<CellSummary>> {
    let mut rows = Rows { draft, manifest, intervals, variables, waiting: 0, cells: Vec::new() };
    let mut tally = Tally::default();
    pieces.visit(|cell, bytes| -> Drafted<()> {
        // Cells come one after the other; of some there may be nothing.
        while rows.cells.len() < cell {
            rows.end_cell(&std::mem::take(&mut tally))?;
        }
        for row in RowBytes::all(bytes, manifest.ladder.len()) {
            let certified = row.certificate_step() >= 0;
            tally.add(row.code(), row.steps(), row.theorem1(), certified);
        }
        rows.append(bytes)
    })?;
    while rows.cells.len() < manifest.cells() {
        rows.end_cell(&std::mem::take(&mut tally))?;
    }
    Ok(rows.cells)
}

/// Rows that are missing and written at a time, at most.
const MISSING_AT_A_TIME: u64 = 4096;

/// The variables of each trial on their way into the file.
struct Rows<'a> {
    draft: &'a Draft,
    manifest: &'a Manifest,
    intervals: &'a Intervals,
    variables: &'a mut [(Variable, Column)],
    /// Bytes of rows that wait in the columns.
    waiting: usize,
    /// The cells that are done.
    cells: Vec<CellSummary>,
}

impl Rows<'_> {
    fn append(&mut self, bytes: &[u8]) -> Drafted<()> {
        let narrow = has_few_steps(self.manifest);
        let rows = RowBytes::all(bytes, self.manifest.ladder.len());
        for (variable, column) in &mut *self.variables {
            put_rows(variable, column, rows.clone(), narrow);
        }
        self.waiting += bytes.len();
        if self.waiting >= PACKED_TOGETHER {
            self.waiting = 0;
            self.variables.par_iter_mut().for_each(|(_, column)| column.pack());
            for (_, column) in &mut *self.variables {
                column.write()?;
            }
            self.draft.check()?;
        }
        Ok(())
    }

    /// Ends a cell of which these trials are there: the others are shown as not run.
    fn end_cell(&mut self, tally: &Tally) -> Drafted<()> {
        let mut missing = self.manifest.trials - tally.trials();
        let mut bytes = Vec::new();
        while missing > 0 {
            let now = missing.min(MISSING_AT_A_TIME);
            bytes.clear();
            (0..now).for_each(|_| row::append_missing(self.manifest.ladder.len(), &mut bytes));
            self.append(&bytes)?;
            missing -= now;
        }
        put_table(self.variables, tally);
        self.cells.push(CellSummary::of(tally, self.intervals));
        Ok(())
    }
}

/// Appends rows to the column of a variable of each trial.
fn put_rows<'a>(
    variable: &Variable,
    column: &mut Column,
    rows: impl Iterator<Item = RowBytes<'a>>,
    narrow: bool,
) {
    // No row has more steps than the largest budget: that was checked when it was read.
    match variable.source {
        Source::Outcome => column.extend(rows.map(|row| row.code().cast_signed())),
        Source::Steps if narrow => column.extend(rows.map(|row| row.steps() as i32)),
        Source::Steps => column.extend(rows.map(|row| row.steps().cast_signed())),
        Source::HitSteps if narrow => {
            column.extend(rows.flat_map(|row| row.hits().map(|hit| hit as i32)));
        }
        Source::HitSteps => column.extend(rows.flat_map(RowBytes::hits)),
        Source::Measure(i) => column.extend(rows.map(|row| row.measure(i))),
        Source::Theorem => column.extend(rows.map(|row| row.theorem1().cast_signed())),
        Source::Certified => {
            column.extend(rows.map(|row| i8::from(row.certificate_step() >= 0)));
        }
        Source::CertificateStep => column.extend(rows.map(RowBytes::certificate_step)),
        Source::CertificateRate => column.extend(rows.map(RowBytes::certificate_rate)),
        Source::CertificateBound => column.extend(rows.map(RowBytes::certificate_bound)),
        Source::TheoremTable
        | Source::Count(_)
        | Source::Estimate(_)
        | Source::Bound(_)
        | Source::BoundBy(..)
        | Source::BoundOfAll(_) => {}
    }
}

/// Appends a cell to the column of the table of the convergence theorem.
pub(super) fn put_table(variables: &mut [(Variable, Column)], tally: &Tally) {
    let table =
        |(variable, _): &&mut (Variable, Column)| matches!(variable.source, Source::TheoremTable);
    for (_, column) in variables.iter_mut().filter(table) {
        column.extend(tally.theorem1().as_flattened().iter().map(|count| count.cast_signed()));
    }
}

/// Appends all cells to the column of a variable of each cell.
fn put_cells(variable: &Variable, column: &mut Column, cells: &[CellSummary]) {
    let cells = cells.iter().copied();
    match variable.source.place() {
        Some(Place::Count(of)) => column.extend(cells.map(|mut cell| of(&mut cell).cast_signed())),
        Some(Place::Number(of)) => column.extend(cells.map(|mut cell| *of(&mut cell))),
        None => {}
    }
}

/// Keys that move with the first of their axis: CF's auxiliary coordinate variables.
pub(super) fn auxiliary_coordinates(axes: &[Axis]) -> String {
    let moving = axes.iter().flat_map(|axis| &axis.keys[1..]);
    moving.map(AxisKey::variable).collect::<Vec<_>>().join(" ")
}

fn write_provenance(
    draft: &mut Draft,
    manifest: &Manifest,
    numerics: &[Numerics],
) -> hdf5::Result<()> {
    let fields: Vec<(&str, String)> = Numerics::default()
        .fields()
        .iter()
        .enumerate()
        .map(|(i, &(name, _))| (name, distinct(numerics.iter().map(|n| n.fields()[i].1))))
        .collect();
    let mut attributes: Vec<Named<'_>> =
        fields.iter().map(|(name, text)| (*name, Attribute::Text(text))).collect();
    let mixed = serde_json::to_string(numerics).expect("plain data");
    if numerics.len() > 1 {
        attributes.push(("mixed_numerics", Attribute::Text(&mixed)));
    }
    draft.group(schema::PROVENANCE, &attributes)?;
    write_by_cell(draft, manifest, schema::KERNEL, |k| &k.kernel)?;
    write_by_cell(draft, manifest, schema::PRECISION, |k| &k.precision)
}

/// Writes the learning rates that were tuned, if any were; NaN where none was.
pub(super) fn write_rates(
    draft: &mut Draft,
    manifest: &Manifest,
    rates: &Rates,
) -> hdf5::Result<()> {
    if manifest.tuned.is_empty() {
        return Ok(());
    }
    let rate = |cell| rates.get(&cell).copied().unwrap_or(f64::NAN);
    let values: Vec<f64> = (0..manifest.cells()).map(rate).collect();
    let sweep = sweep_dimensions(manifest);
    let dimensions: Vec<&str> = sweep.iter().map(String::as_str).collect();
    let (name, meaning) = schema::TUNED_LEARNING_RATE;
    draft.variable(name, &dimensions, Values::Float64(&values), &words(meaning))
}

/// Different texts in the order of their first appearance.
fn distinct<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for text in texts {
        if !seen.contains(&text) {
            seen.push(text);
        }
    }
    seen.join("; ")
}

/// A word for each cell, as CF flags.
fn write_by_cell(
    draft: &mut Draft,
    manifest: &Manifest,
    (name, long_name): (&str, &str),
    word: impl Fn(&super::CellKernel) -> &String,
) -> hdf5::Result<()> {
    let mut meanings: Vec<&String> = manifest.kernels.iter().map(&word).collect();
    meanings.sort_unstable();
    meanings.dedup();
    let codes = (0..=i8::MAX).take(meanings.len()).collect::<Vec<_>>();
    if codes.len() < meanings.len() {
        return Err(format!("there are more than {} different {name}s", codes.len()).into());
    }
    let values: Vec<i8> = manifest
        .kernels
        .iter()
        .map(|cell| codes[meanings.partition_point(|&m| m < word(cell))])
        .collect();
    let text = meanings.iter().map(|m| m.as_str()).collect::<Vec<_>>().join(" ");
    let mut attributes = words(long_name).to_vec();
    attributes.extend([
        ("flag_values", Attribute::Codes(&codes)),
        ("flag_meanings", Attribute::Text(&text)),
    ]);
    let sweep = sweep_dimensions(manifest);
    let dimensions: Vec<&str> = sweep.iter().map(String::as_str).collect();
    let path = format!("{}/{name}", schema::PROVENANCE);
    draft.variable(&path, &dimensions, Values::Int8(&values), &attributes)
}
