//! The table for programs.

use serde_json::{Map, Value, json as value};

use super::{position, swept_keys};
use crate::Result;
use crate::store::Cost;
use crate::store::reader::ResultsFile;
use crate::store::schema;
use crate::store::summary::CellSummary;
use crate::study::AxisValues;

/// Name and value of each column of a cell, as the variables of `results.h5` are called.
fn columns(cell: &CellSummary) -> [(&'static str, Value); 36] {
    let [balanced, margin, width, learning_rate] = cell.theorem1_met;
    let [expected, cutoff, restarted, restarted_lower, restarted_upper] = cost_columns(&cell.cost);
    [
        ("trial_count", value!(cell.trials)),
        ("converged_count", value!(cell.converged)),
        ("diverged_count", value!(cell.diverged)),
        ("stalled_count", value!(cell.stalled)),
        ("step_limit_count", value!(cell.step_limit)),
        // Without trials NaN, which JSON writes as null.
        ("probability", value!(cell.probability)),
        ("probability_lower", value!(cell.probability_lower)),
        ("probability_upper", value!(cell.probability_upper)),
        ("probability_upper_budget", value!(cell.probability_upper_budget)),
        ("probability_lower_simultaneous", value!(cell.probability_lower_of_all)),
        ("probability_upper_simultaneous", value!(cell.probability_upper_of_all)),
        // Without converged trials NaN too; a bound that they are too few for is infinite: null.
        ("steps_median", value!(cell.steps_median)),
        ("steps_median_lower", value!(cell.steps_median_interval.lower)),
        ("steps_median_upper", value!(cell.steps_median_interval.upper)),
        ("steps_q10", value!(cell.steps_q10)),
        ("steps_q10_lower", value!(cell.steps_q10_interval.lower)),
        ("steps_q10_upper", value!(cell.steps_q10_interval.upper)),
        ("steps_q90", value!(cell.steps_q90)),
        ("steps_q90_lower", value!(cell.steps_q90_interval.lower)),
        ("steps_q90_upper", value!(cell.steps_q90_interval.upper)),
        expected,
        cutoff,
        restarted,
        restarted_lower,
        restarted_upper,
        ("theorem1_balanced_count", value!(balanced)),
        ("theorem1_margin_count", value!(margin)),
        ("theorem1_width_count", value!(width)),
        ("theorem1_learning_rate_count", value!(learning_rate)),
        ("theorem1_count", value!(cell.theorem1)),
        ("joint_count", value!(cell.joint)),
        ("joint_probability", value!(cell.joint_probability)),
        ("joint_probability_lower", value!(cell.joint_probability_lower)),
        ("joint_probability_upper", value!(cell.joint_probability_upper)),
        ("certified_count", value!(cell.certified)),
        ("certified_probability_lower", value!(cell.certified_probability_lower)),
    ]
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
fn cells(results: &ResultsFile) -> Vec<Map<String, Value>> {
    let cell = |(i, cell): (usize, &CellSummary)| {
        swept(results, i).chain(columns(cell).map(|(name, v)| (name.to_owned(), v))).collect()
    };
    results.cells.iter().enumerate().map(cell).collect()
}

/// The swept keys with their values in a cell.
pub(super) fn swept(results: &ResultsFile, cell: usize) -> impl Iterator<Item = (String, Value)> {
    let position = position(&results.axes, cell);
    let keys = swept_keys(&results.axes).into_iter();
    keys.map(move |(axis, key)| (key.key.clone(), axis_value(&key.values, position[axis])))
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
    let mut cells = cells(results);
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
    lines(&cells(results))
}

/// Objects of the same keys as CSV with a header, empty where there is none.
pub(super) fn lines(rows: &[Map<String, Value>]) -> String {
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut writer = csv::Writer::from_writer(Vec::new());
    // A writer into memory does not fail.
    if let Some(first) = rows.first() {
        let _ = writer.write_record(first.keys());
    }
    for row in rows {
        let _ = writer.write_record(row.values().map(text));
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
