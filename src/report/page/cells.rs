//! The table of the cells, which is sorted and filtered in the page.

use super::html::{joined, select};
use crate::draw::Escaped;
use crate::report::figures::{OUTCOMES, Shown};
use crate::report::format::points;
use crate::report::table::{columns, legend};
use crate::report::{position, swept_keys};
use crate::store::reader::ResultsFile;
use crate::store::summary::CellSummary;
use crate::study::Axis;

/// The section of the table.
pub(super) fn section(results: &ResultsFile) -> String {
    format!(
        "<section id=\"cells\" aria-labelledby=\"cells-title\">\n<h2 id=\"cells-title\">Cells</h2>\n\
         <p>{legend} Bars: converged, undecided, stalled and diverged trials, from left to right.</p>\n\
         <div class=\"controls\">\n{filters}<output id=\"shown\" for=\"\"></output>\n</div>\n\
         <div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"cells-title\">\n{table}</div>\n\
         </section>\n",
        legend = Escaped(&legend(results)),
        filters = joined(results.axes.iter().enumerate().map(|(i, axis)| filter(i, axis))),
        table = table(results),
    )
}

/// Chooses a value of an axis, or all.
fn filter(number: usize, axis: &Axis) -> String {
    let all = (String::new(), "all".to_owned());
    let values = points(axis).into_iter().enumerate().map(|(i, point)| (i.to_string(), point));
    select(&keys(axis), &format!("data-axis=\"{number}\""), std::iter::once(all).chain(values))
}

/// The keys of an axis.
pub(super) fn keys(axis: &Axis) -> String {
    let keys: Vec<&str> = axis.keys.iter().map(|key| key.key.as_str()).collect();
    keys.join(", ")
}

fn table(results: &ResultsFile) -> String {
    let columns = columns(results, usize::MAX);
    let swept = swept_keys(&results.axes).len();
    let head = |name: &String| {
        format!(
            "<th scope=\"col\" aria-sort=\"none\"><button type=\"button\">{}</button></th>",
            Escaped(&name)
        )
    };
    let (keys, rest) = columns.header.split_at(swept);
    let [keys, rest] = [keys, rest].map(|names| joined(names.iter().map(head)));
    let rows =
        columns.rows.iter().map(|(cell, entries)| row(results, *cell, entries.split_at(swept)));
    format!(
        "<table>\n<thead><tr>{keys}<th scope=\"col\">outcomes</th>{rest}</tr></thead>\n\
         <tbody>\n{}</tbody>\n</table>\n",
        joined(rows),
    )
}

/// The line of a cell: the values of its keys, how its trials ended, and what is said of it. A page may have very
/// many, so the ends of elements that HTML does not ask for are left out.
fn row(results: &ResultsFile, cell: usize, (keys, rest): (&[String], &[String])) -> String {
    let at: Vec<String> =
        position(&results.axes, cell).into_iter().map(|i| i.to_string()).collect();
    format!(
        "<tr data-at=\"{}\">{}<td>{}{}</td>\n",
        at.join(","),
        joined(keys.iter().map(|key| format!("<th scope=\"row\">{}", Escaped(&key)))),
        outcomes(&results.cells[cell]),
        joined(rest.iter().map(|entry| format!("<td>{}", Escaped(&entry)))),
    )
}

/// The shares of the outcomes in a bar, in the order and colours of the figure of outcomes; the numbers stand
/// beside it.
fn outcomes(cell: &CellSummary) -> String {
    let counts = OUTCOMES.map(|Shown { series, count, .. }| (series, count(cell)));
    let all: u64 = counts.iter().map(|(_, count)| count).sum();
    let share = |count: u64| 100.0 * count as f64 / all as f64;
    let parts = counts.iter().filter(|(_, count)| *count > 0).map(|(series, count)| {
        format!("<i class=s{series} style=width:{:.1}%></i>", share(*count))
    });
    format!("<div class=bar aria-hidden=true>{}</div>", joined(parts))
}
