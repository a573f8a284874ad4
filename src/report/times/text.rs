//! Times as a table, JSON and CSV.

use std::fmt::Write;

use serde_json::{Map, Value, json as value};

use super::{Point, Question, Share, Times, of_cells};
use crate::Result;
use crate::report::export::{lines, swept};
use crate::report::format::{probability, significant, value as shown};
use crate::report::table::{align, plain_table, without_trailing_blanks};
use crate::report::{position, swept_keys};
use crate::stats::Interval;
use crate::store::Cost;
use crate::store::reader::ResultsFile;

/// Most cells that the table shows.
const MOST_CELLS: usize = 12;

/// What reaching the end of the question is called: a rung is hit.
fn success(question: Question) -> &'static str {
    if question.rung.is_some() { "hit" } else { "converged" }
}

/// For people: of each cell the probabilities by numbers of steps, and what a success costs.
///
/// # Errors
/// If that cannot be read.
pub fn table(results: &ResultsFile, question: Question) -> Result<String> {
    let mut text = format!("{}: {}\n", results.name, subject(results, question));
    for times in of_cells(results, question)?.take(MOST_CELLS) {
        let (cell, times) = times?;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n{}", of_cell(results, question, cell, &times));
    }
    let hidden = question.cells(results).len().saturating_sub(MOST_CELLS);
    if hidden > 0 {
        let _ = writeln!(text, "\n... and {hidden} cells more: see --cell, --at, --csv or --json");
    }
    let _ = writeln!(text, "\n{}", legend(results, question)?);
    Ok(text)
}

/// What the times are of.
fn subject(results: &ResultsFile, question: Question) -> String {
    match question.rung {
        None => "steps to convergence".to_owned(),
        Some(rung) => {
            let loss = significant(results.ladder[rung], 4);
            format!("steps to an excess loss of {loss}")
        }
    }
}

fn of_cell(results: &ResultsFile, question: Question, cell: usize, times: &Times) -> String {
    let at = position(&results.axes, cell);
    let keys = swept_keys(results).into_iter();
    let keys = keys.map(|(axis, key)| format!("{} {}", key.key, shown(&key.values, at[axis])));
    let place = keys.collect::<Vec<_>>().join(", ");
    let mut text = if place.is_empty() { place } else { format!("{place}: ") };
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{} trials, {} {}, {} failed, {} undecided",
        results.cells[cell].trials,
        times.converged,
        success(question),
        times.failed,
        times.undecided
    );
    if !times.points.is_empty() {
        let mut table = plain_table();
        let bounds = "[lower, upper]";
        let names = [success(question), bounds, "failed", bounds, "undecided", bounds];
        table.set_header(["step"].into_iter().chain(names));
        for point in &times.points {
            let shares = [point.converged, point.failed, point.undecided];
            let cells = shares.into_iter().flat_map(|s| [probability(s.value), interval(s)]);
            table.add_row([point.step.to_string()].into_iter().chain(cells));
        }
        align(&mut table);
        text += &without_trailing_blanks(&table);
        text += "\n";
    }
    text + &cost(&times.cost)
}

fn interval(share: Share) -> String {
    match share.interval {
        Some(Interval { lower, upper }) => {
            format!("[{}, {}]", probability(lower), probability(upper))
        }
        None => "-".to_owned(),
    }
}

/// What one success costs.
fn cost(cost: &Cost) -> String {
    if cost.expected.is_nan() {
        return " running time: none succeeded".to_owned();
    }
    let steps = |x: f64| significant(x, 4);
    let mut text = format!(" running time: {} steps", steps(cost.expected));
    if !cost.cutoff.is_nan() {
        // Writing to a string cannot fail.
        let _ = write!(text, "; {} with restarts after {}", steps(cost.restarted), cost.cutoff);
    }
    let Interval { lower, upper } = cost.interval;
    if upper.is_finite() {
        let _ = write!(text, " [{}, {}]", steps(lower), steps(upper));
    } else if !lower.is_nan() {
        let _ = write!(text, " [{}, no bound]", steps(lower));
    }
    text
}

/// What the columns mean.
fn legend(results: &ResultsFile, question: Question) -> Result<String> {
    let name = success(question);
    let intervals = results.intervals()?;
    let mut legend = format!(
        "{name}: probability of having {} by that step; failed: of having diverged or stalled\n\
         before; undecided: of neither. [lower, upper]: {} bounds at {} %, for one step at a time{}.\n\
         running time: steps of all trials per trial that {name}; with restarts after as many steps as cost\n\
         least, ",
        if question.rung.is_some() { "hit that loss" } else { "converged" },
        results.interval_method,
        significant(100.0 * results.interval_level, 4),
        if question.rung.is_some() {
            ",\nand for many trials where some were stopped before"
        } else {
            ""
        },
    );
    legend += match intervals.is_fixed() {
        true => "with bounds for all numbers of steps at once.",
        false => "without bounds: those are for a number of trials that is fixed beforehand.",
    };
    Ok(legend)
}

/// Name and value of each column of a point.
fn columns(question: Question, point: &Point) -> Vec<(String, Value)> {
    let shares = [
        (success(question), point.converged),
        ("failed", point.failed),
        ("undecided", point.undecided),
    ];
    let column = |(name, share): (&str, Share)| {
        [
            (name.to_owned(), value!(share.value)),
            (format!("{name}_lower"), value!(share.interval.map(|i| i.lower))),
            (format!("{name}_upper"), value!(share.interval.map(|i| i.upper))),
        ]
    };
    let step = [("step".to_owned(), value!(point.step))];
    step.into_iter().chain(shares.into_iter().flat_map(column)).collect()
}

/// All as one JSON object, numbers in full precision; null where there is none.
///
/// # Errors
/// If that cannot be read.
pub fn json(results: &ResultsFile, question: Question) -> Result<String> {
    let cell = |times: Result<(usize, Times)>| -> Result<Map<String, Value>> {
        let (cell, times) = times?;
        let mut object: Map<String, Value> = swept(results, cell).collect();
        let points =
            times.points.iter().map(|point| columns(question, point).into_iter().collect());
        let cost = times.cost;
        let values = [
            ("cell", value!(cell)),
            ("trial_count", value!(results.cells[cell].trials)),
            (
                if question.rung.is_some() { "hit_count" } else { "converged_count" },
                value!(times.converged),
            ),
            ("failed_count", value!(times.failed)),
            ("undecided_count", value!(times.undecided)),
            ("expected_running_time", value!(cost.expected)),
            ("restart_cutoff", value!(cost.cutoff)),
            ("restart_running_time", value!(cost.restarted)),
            ("restart_running_time_lower", value!(cost.interval.lower)),
            ("restart_running_time_upper", value!(cost.interval.upper)),
            ("points", points.collect::<Vec<Map<String, Value>>>().into()),
        ];
        object.extend(values.map(|(name, value)| (name.to_owned(), value)));
        Ok(object)
    };
    let cells = of_cells(results, question)?.map(cell).collect::<Result<Vec<_>>>()?;
    let object = value!({
        "name": results.name,
        "study_digest": results.digest.hex(),
        "loss_target": question.rung.map(|rung| results.ladder[rung]),
        "interval": { "method": results.interval_method, "level": results.interval_level },
        "cells": cells,
    });
    Ok(format!("{object:#}\n"))
}

/// A line for each number of steps of each cell as CSV with a header, numbers in full precision, empty where
/// there is none.
///
/// # Errors
/// If that cannot be read.
pub fn csv(results: &ResultsFile, question: Question) -> Result<String> {
    let mut rows = Vec::new();
    for times in of_cells(results, question)? {
        let (cell, times) = times?;
        rows.extend(times.points.iter().map(|point| -> Vec<(String, Value)> {
            let number = [("cell".to_owned(), value!(cell))];
            swept(results, cell).chain(number).chain(columns(question, point)).collect()
        }));
    }
    Ok(lines(&rows))
}
