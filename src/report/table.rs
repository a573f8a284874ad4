//! The table on the terminal.

use std::fmt::Write;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::format::{probability, significant, texts};
use super::labels::Labels;
use super::position;
use crate::store::reader::ResultsFile;
use crate::store::summary::CellSummary;

/// Longest table of cells that is shown.
const MOST_ROWS: usize = 120;
/// Longest second axis of a phase diagram.
const MOST_COLUMNS: usize = 12;

/// What was estimated, a phase diagram if two axes were swept, and a line for each cell.
pub fn table(results: &ResultsFile) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}: {}, seed {}\n", results.name, size(results), results.seed);
    if results.missing > 0 {
        let _ = writeln!(text, "{}\n", partial(results));
    }
    let _ = writeln!(text, "{}", cells(results));
    if let Some(diagram) = phase_diagram(results) {
        let _ = writeln!(text, "\n{diagram}");
    }
    let _ = writeln!(text, "\n{}", legend(results));
    text
}

/// How many cells and trials.
pub(super) fn size(results: &ResultsFile) -> String {
    // Those of a partial file differ because trials are missing.
    let differ = have_different_trials(results) && (results.missing == 0 || results.is_adaptive());
    format!(
        "{} cells x {}{} trials",
        shown(results).count(),
        if differ { "up to " } else { "" },
        results.trials
    )
}

/// The cells with their numbers; of those of a refined axis the ones that have trials.
fn shown(results: &ResultsFile) -> impl Iterator<Item = (usize, &CellSummary)> {
    let is_shown = |(_, cell): &(usize, &CellSummary)| cell.trials > 0 || results.missing > 0;
    results.cells.iter().enumerate().filter(is_shown)
}

/// Whether not all cells have as many trials as the study has room for.
fn have_different_trials(results: &ResultsFile) -> bool {
    shown(results).any(|(_, cell)| cell.trials != results.trials)
}

/// That trials are missing.
pub(super) fn partial(results: &ResultsFile) -> String {
    let all =
        results.cells.iter().fold(results.missing, |all, cell| all.saturating_add(cell.trials));
    format!(
        "PARTIAL: {} of {all} trials are missing. Each cell is of its first trials, before the first\n\
         that is missing; `trials` says how many.",
        results.missing
    )
}

/// That trials are missing, where no column says how many of each cell are there.
pub(super) fn partial_counts(missing: u64) -> String {
    format!(
        "PARTIAL: {missing} trials are missing. Each cell is of its first trials, before the first that is missing."
    )
}

/// What the columns mean.
pub(super) fn legend(results: &ResultsFile) -> String {
    let mut legend = format!(
        "P: part of the trials that converged within the step limit. [lower, upper]: {} bounds at {} %,\n\
         the lower from the converged trials alone, the upper as if every undecided trial would\n\
         converge with more steps. undecided: still above the loss target at the step limit.\n\
         stalled: proved never to converge. steps: median (10 % .. 90 %) of the converged trials.",
        results.interval_method,
        significant(100.0 * results.interval_level, 4),
    );
    if !results.tuned.is_empty() {
        legend += "\ntuned rate: the learning rate that pilot trials found best for the cell.";
    }
    for proof in proofs(results) {
        // Writing to a string cannot fail.
        let _ = write!(legend, "\n{}", proof.meaning);
    }
    legend
}

/// What is shown of each cell, as people read it.
pub(super) struct Columns {
    /// Their names, those of the swept keys first.
    pub header: Vec<String>,
    /// Number and entries of each cell.
    pub rows: Vec<(usize, Vec<String>)>,
}

/// The columns of the first cells, at most so many.
pub(super) fn columns(results: &ResultsFile, most: usize) -> Columns {
    const NAMES: [&str; 7] =
        ["P", "[lower, upper]", "converged", "undecided", "diverged", "stalled", "steps"];
    let labels = Labels::of(&results.axes);
    let differ = have_different_trials(results);
    let proofs = proofs(results);
    let row = |(i, cell): (usize, &CellSummary)| {
        let position = position(&results.axes, i);
        let mut row: Vec<String> = labels.values(&position).map(str::to_owned).collect();
        row.extend(results.tuned.get(i).map(|&rate| tuned(rate)));
        row.extend(differ.then(|| cell.trials.to_string()));
        row.extend(summary(cell));
        row.extend(proofs.iter().map(|proof| (proof.count)(cell).to_string()));
        (i, row)
    };
    let trials = differ.then_some("trials");
    let names = proofs.iter().map(|proof| proof.name);
    let rate = (!results.tuned.is_empty()).then_some("tuned rate");
    let header = labels.keys().chain(rate).chain(trials);
    Columns {
        header: header.chain(NAMES).chain(names).map(str::to_owned).collect(),
        rows: shown(results).take(most).map(row).collect(),
    }
}

/// A learning rate that was tuned.
fn tuned(rate: f64) -> String {
    if rate.is_nan() { "-".to_owned() } else { significant(rate, 4) }
}

/// A line for each cell.
fn cells(results: &ResultsFile) -> String {
    let Columns { header, rows } = columns(results, MOST_ROWS);
    let mut table = plain_table();
    table.set_header(header);
    table.add_rows(rows.into_iter().map(|(_, row)| row));
    align(&mut table);
    let hidden = shown(results).count().saturating_sub(MOST_ROWS);
    let table = without_trailing_blanks(&table);
    if hidden > 0 {
        format!("{table}\n... and {hidden} cells more: see --csv or --json")
    } else {
        table
    }
}

/// A column that is shown where it says something.
struct Proof {
    name: &'static str,
    meaning: &'static str,
    count: fn(&CellSummary) -> u64,
}

const PROOFS: [Proof; 3] = [
    Proof {
        name: "certified",
        meaning: "certified: proved to converge to a global minimum.",
        count: |cell| cell.certified,
    },
    Proof {
        name: "balanced+margin",
        meaning: "balanced+margin: starts as balanced as theorem 1 of arXiv:1810.02281 asks, and with a\n\
                  deficiency margin.",
        count: |cell| cell.joint,
    },
    Proof {
        name: "theorem 1",
        meaning: "theorem 1: starts that meet all of its conditions, and therefore converge.",
        count: |cell| cell.theorem1,
    },
];

/// The columns of which some cell has trials.
fn proofs(results: &ResultsFile) -> Vec<&'static Proof> {
    let says = |proof: &&Proof| results.cells.iter().any(|cell| (proof.count)(cell) > 0);
    PROOFS.iter().filter(says).collect()
}

/// The columns that do not depend on the sweep.
fn summary(cell: &CellSummary) -> [String; 7] {
    let steps = if cell.converged > 0 {
        let [median, low, high] = [cell.steps_median, cell.steps_q10, cell.steps_q90];
        format!("{median} ({low} .. {high})")
    } else {
        "-".to_owned()
    };
    [
        probability(cell.probability),
        format!(
            "[{}, {}]",
            probability(cell.probability_lower),
            probability(cell.probability_upper)
        ),
        cell.converged.to_string(),
        cell.step_limit.to_string(),
        cell.diverged.to_string(),
        cell.stalled.to_string(),
        steps,
    ]
}

/// Probabilities over two axes, the longer one downwards; `None` unless exactly two were swept.
fn phase_diagram(results: &ResultsFile) -> Option<String> {
    let [first, second] = results.axes.as_slice() else { return None };
    let transposed = first.len() < second.len();
    let (down, across) = if transposed { (second, first) } else { (first, second) };
    if across.len() > MOST_COLUMNS || down.len() > MOST_ROWS {
        return None;
    }
    let mut table = plain_table();
    let corner = format!("{} \\ {}", down.keys[0].key, across.keys[0].key);
    let header = texts(&across.keys[0].values);
    table.set_header(std::iter::once(corner).chain(header));
    for (d, name) in texts(&down.keys[0].values).into_iter().enumerate() {
        let entries = (0..across.len()).map(|a| {
            let cell = if transposed { a * second.len() + d } else { d * second.len() + a };
            let p = results.cells[cell].probability;
            format!("{} {}", probability(p), shade(p))
        });
        table.add_row(std::iter::once(name).chain(entries));
    }
    align(&mut table);
    Some(without_trailing_blanks(&table))
}

/// The lines of a table without blanks at their ends.
pub(crate) fn without_trailing_blanks(table: &Table) -> String {
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// A block as dark as the probability is high.
fn shade(p: f64) -> &'static str {
    match (4.0 * p).round() as i64 {
        0 => "    ",
        1 => "░░░░",
        2 => "▒▒▒▒",
        3 => "▓▓▓▓",
        _ => "████",
    }
}

/// A table without lines.
pub(crate) fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table
}

/// Numbers to the right.
pub(crate) fn align(table: &mut Table) {
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
}
