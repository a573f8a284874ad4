//! Times as a table, JSON and CSV.

use std::fmt::Write;

use serde_json::{Map, Value, json as value};

use super::{Point, Question, Share, Times, of_cells};
use crate::Result;
use crate::report::export::{cost_columns, lines, swept};
use crate::report::format::{probability, significant};
use crate::report::labels::Labels;
use crate::report::position;
use crate::report::table::{align, partial, plain_table, without_trailing_blanks};
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
    if results.missing > 0 {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n{}", partial(results));
    }
    let mut has_stopped = false;
    let labels = Labels::of(&results.axes);
    // Of a refined axis not all points have trials.
    let is_shown = |times: &Result<(usize, Times)>| {
        question.cell.is_some() || !matches!(times, Ok((_, times)) if times.trials() == 0)
    };
    for times in of_cells(results, question)?.filter(is_shown).take(MOST_CELLS) {
        let (cell, times) = times?;
        has_stopped |= times.points.iter().any(|point| point.stopped > 0);
        let _ = writeln!(text, "\n{}", of_cell(results, &labels, question, cell, &times));
    }
    let there = question.cells(results).filter(|&cell| results.cells[cell].trials > 0).count();
    let hidden = there.saturating_sub(MOST_CELLS);
    if hidden > 0 {
        let _ = writeln!(text, "\n... and {hidden} cells more: see --cell, --at, --csv or --json");
    }
    let _ = writeln!(text, "\n{}", legend(results, question, has_stopped));
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

fn of_cell(
    results: &ResultsFile,
    labels: &Labels<'_>,
    question: Question,
    cell: usize,
    times: &Times,
) -> String {
    let place = labels.named(&position(&results.axes, cell));
    let mut text = if place.is_empty() { place } else { format!("{place}: ") };
    if times.trials() == 0 {
        return text + "no trials";
    }
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
    let Interval { lower, upper } = share.interval;
    format!("[{}, {}]", probability(lower), probability(upper))
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
        let _ =
            write!(text, "; with restarts after {} steps {}", cost.cutoff, steps(cost.restarted));
    }
    let Interval { lower, upper } = cost.interval;
    if upper.is_finite() {
        let _ = write!(text, " [{}, {}]", steps(lower), steps(upper));
    } else if !lower.is_nan() {
        // Too few trials converged.
        let _ = write!(text, " [{}, no bound]", steps(lower));
    }
    text
}

/// What the columns mean.
fn legend(results: &ResultsFile, question: Question, has_stopped: bool) -> String {
    let name = success(question);
    let mut legend = format!(
        "{name}: probability of having {} by that step; failed: of having diverged or stalled\n\
         before; undecided: of neither.\n\
         [lower, upper]: {} bounds at {} %, of one step at a time.",
        if question.rung.is_some() { "hit that loss" } else { "converged" },
        results.interval_method,
        significant(100.0 * results.interval_level, 4),
    );
    if has_stopped {
        legend += "\nWhere trials were stopped before, the lower bound is as if they had not come there, the\n\
                   upper as if they had; the probability is as if they were like the others.";
    }
    legend += "\nrunning time: steps of all trials for each success; with restarts after as many steps as cost\n\
               least, with bounds of all cutoffs at once.";
    legend
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
            (format!("{name}_lower"), value!(share.interval.lower)),
            (format!("{name}_upper"), value!(share.interval.upper)),
        ]
    };
    let step = [("step", point.step), ("stopped_count", point.stopped)];
    let step = step.map(|(name, number)| (name.to_owned(), value!(number)));
    step.into_iter().chain(shares.into_iter().flat_map(column)).collect()
}

/// All as one JSON object, numbers in full precision; null where there is none.
///
/// # Errors
/// If that cannot be read.
pub fn json(results: &ResultsFile, question: Question) -> Result<String> {
    let mut cells = Vec::new();
    for times in of_cells(results, question)? {
        let (cell, times) = times?;
        cells.push(object(results, question, cell, &times));
    }
    let object = value!({
        "name": results.name,
        "study_digest": results.digest.hex(),
        "complete": results.missing == 0,
        "missing_trials": results.missing,
        "loss_target": question.rung.map(|rung| results.ladder[rung]),
        "interval": { "method": results.interval_method, "level": results.interval_level },
        "cells": cells,
    });
    Ok(format!("{object:#}\n"))
}

/// A cell.
fn object(
    results: &ResultsFile,
    question: Question,
    cell: usize,
    times: &Times,
) -> Map<String, Value> {
    let counts = [
        ("cell".to_owned(), value!(cell)),
        ("trial_count".to_owned(), value!(results.cells[cell].trials)),
        (format!("{}_count", success(question)), value!(times.converged)),
        ("failed_count".to_owned(), value!(times.failed)),
        ("undecided_count".to_owned(), value!(times.undecided)),
    ];
    let cost = cost_columns(&times.cost).map(|(name, value)| (name.to_owned(), value));
    let point = |point| columns(question, point).into_iter().collect::<Map<_, _>>();
    let points: Vec<Map<String, Value>> = times.points.iter().map(point).collect();
    let points = [("points".to_owned(), value!(points))];
    swept(results, cell).chain(counts).chain(cost).chain(points).collect()
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
        rows.extend(times.points.iter().map(|point| -> Map<String, Value> {
            let number = [("cell".to_owned(), value!(cell))];
            swept(results, cell).chain(number).chain(columns(question, point)).collect()
        }));
    }
    Ok(lines(&rows))
}
