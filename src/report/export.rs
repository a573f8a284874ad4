//! The table for programs.

use serde_json::{Map, Value, json as value};

use super::{position, swept_keys};
use crate::Result;
use crate::store::Cost;
use crate::store::reader::ResultsFile;
use crate::store::schema::{self, CellValue};
use crate::study::{Axis, AxisValues};

/// Columns of a table of `T`: the name of each, and its value.
pub(super) type Columns<T, const N: usize> = [(&'static str, fn(&T) -> Value); N];

/// Name and value of each column of a cell: the variables of `results.h5` with one number for each cell.
fn columns(
    results: &ResultsFile,
    cell: usize,
    number: fn(f64) -> Value,
) -> impl Iterator<Item = (String, Value)> {
    let of_schema = schema::of_cells().into_iter().filter_map(move |variable| {
        let value = match variable.of_cell(&results.cells[cell])? {
            CellValue::Count(count) => value!(count),
            CellValue::Number(x) => number(x),
        };
        Some((variable.name, value))
    });
    let (name, _) = schema::TUNED_LEARNING_RATE;
    let tuned = results.tuned.get(cell).map(|&rate| (name, number(rate)));
    of_schema.chain(tuned).map(|(name, value)| (name.to_owned(), value))
}

/// Name and value of each column of the cost.
pub(super) fn cost_columns(cost: &Cost) -> [(&'static str, Value); 5] {
    [
        ("expected_running_time", value!(cost.expected)),
        ("restart_cutoff", value!(cost.cutoff)),
        ("restart_running_time", value!(cost.restarted)),
        ("restart_running_time_lower", value!(cost.interval.lower)),
        ("restart_running_time_upper", value!(cost.interval.upper)),
    ]
}

/// Every cell: the swept keys with their values, then the columns.
fn cells(results: &ResultsFile, number: fn(f64) -> Value) -> Vec<Map<String, Value>> {
    let cell = |i| swept(results, i).chain(columns(results, i, number)).collect();
    (0..results.cells.len()).map(cell).collect()
}

/// The swept keys with their values in a cell.
pub(super) fn swept(results: &ResultsFile, cell: usize) -> impl Iterator<Item = (String, Value)> {
    let position = position(&results.axes, cell);
    let keys = swept_keys(&results.axes).into_iter();
    keys.map(move |(axis, key)| (key.key.clone(), axis_value(&key.values, position[axis])))
}

/// Their names.
pub(super) fn swept_names(axes: &[Axis]) -> impl Iterator<Item = String> {
    swept_keys(axes).into_iter().map(|(_, key)| key.key.clone())
}

/// A swept value, as itself.
pub(super) fn axis_value(values: &AxisValues, i: usize) -> Value {
    match values {
        AxisValues::Floats(v) => value!(v[i]),
        AxisValues::Integers(v) => value!(v[i]),
        AxisValues::Labels(v) => value!(v[i]),
    }
}

/// Everything of the table as one JSON object, numbers in full precision; of each cell also how many trials
/// met which conditions of the convergence theorem, by outcome.
///
/// # Errors
/// If that cannot be read.
pub fn json(results: &ResultsFile) -> Result<String> {
    // What is not finite is null: NaN, where there is none, and bounds that the trials are too few for.
    let mut cells = cells(results, |x| value!(x));
    for (i, cell) in cells.iter_mut().enumerate() {
        cell.insert(schema::THEOREM_TABLE.to_owned(), value!(results.theorem1(i)?));
    }
    let object = value!({
        "name": results.name,
        "study_digest": results.digest.hex(),
        // As text: not every reader of JSON keeps 64-bit integers.
        "seed": results.seed.to_string(),
        "trials": results.trials,
        "rows": results.has_rows,
        "complete": results.missing == 0,
        "missing_trials": results.missing,
        "interval": { "method": results.interval_method, "level": results.interval_level },
        "cells": cells,
    });
    Ok(format!("{object:#}\n"))
}

/// The cells as CSV with a header, numbers in full precision, empty where there is none.
pub fn csv(results: &ResultsFile) -> String {
    // As in a table of `export`, and what readers of CSV know.
    let number = |x: f64| if x.is_infinite() { value!(x.to_string()) } else { value!(x) };
    let cells = cells(results, number);
    lines(cells.iter().take(1).flat_map(Map::keys), &cells)
}

/// Objects with these keys as CSV: the keys, whether there are objects or not, then the values of each, empty
/// where there is none.
pub(super) fn lines<N: AsRef<str>>(
    names: impl IntoIterator<Item = N>,
    rows: &[Map<String, Value>],
) -> String {
    let names: Vec<N> = names.into_iter().collect();
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut writer = csv::Writer::from_writer(Vec::new());
    // A writer into memory does not fail.
    let _ = writer.write_record(&names);
    for row in rows {
        debug_assert!(
            row.keys().eq(names.iter().copied()),
            "{row:?} lacks keys of {names:?}, or has others"
        );
        let _ = writer.write_record(row.values().map(text));
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
