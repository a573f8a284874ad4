//! The figures of one kind, of which selectors show one.

use super::html::{joined, select};
use super::packed::packed;
use crate::draw::{Escaped, Figure};
use crate::report::figures::{Group, Kind, Table};

/// The section of a group.
pub(super) fn section(group: &Group) -> String {
    let (name, kind) = (group.kind.name(), group.kind);
    let mut figures = group.figures.iter().map(|(at, drawn)| figure(at, drawn));
    let first = figures.next().unwrap_or_default();
    let further = format!("Further figures of this kind, {} of them, are", figures.len());
    let plot = format!("deeplin plot RESULTS --figure {name} --at KEY=VALUE,... -o FILE.svg");
    format!(
        "<section class=\"group\" id=\"{name}\" aria-labelledby=\"{name}-title\">\n\
         <h2 id=\"{name}-title\">{}</h2>\n<p>{}</p>\n{}{first}{}{}</section>\n",
        Escaped(&kind.title()),
        Escaped(&says(group)),
        controls(group),
        packed(joined(figures), &further, &plot),
        group.table.as_ref().map(|table| numbers(kind, table)).unwrap_or_default(),
    )
}

/// What is seen in the figures, and what is not.
fn says(group: &Group) -> String {
    let left_out = group.left_out.as_ref().map(|text| format!(" {text}"));
    format!("{}{}", group.kind.says(), left_out.unwrap_or_default())
}

/// What is chosen and shown of a group, and a button that saves it.
fn controls(group: &Group) -> String {
    let choices = group.choices.iter().enumerate().map(|(i, choice)| {
        let values = choice.values.iter().enumerate();
        let values = values.map(|(i, value)| (i.to_string(), value.clone()));
        select(&choice.key, &format!("data-choice=\"{i}\""), values)
    });
    let toggles = group.kind.on_demand().iter().map(|(class, label)| {
        format!(
            "<label><input type=\"checkbox\" autocomplete=\"off\" data-layer=\"{}\"> {}</label>\n",
            Escaped(&class),
            Escaped(&label)
        )
    });
    format!(
        "<div class=\"controls\">\n{}{}<button type=\"button\" class=\"save\">Save as SVG</button>\n</div>\n",
        joined(choices),
        joined(toggles)
    )
}

/// A figure, which says in its title what it is of.
fn figure(at: &[usize], figure: &Figure) -> String {
    let at: Vec<String> = at.iter().map(usize::to_string).collect();
    format!(
        "<figure data-at=\"{}\">\n<div class=\"drawing\">{}</div>\n</figure>\n",
        at.join(","),
        figure.svg()
    )
}

/// The numbers behind the figures.
fn numbers(kind: Kind, table: &Table) -> String {
    let name = kind.name();
    let head = table.header.iter().map(|name| format!("<th scope=\"col\">{}</th>", Escaped(&name)));
    let row = |row: &Vec<String>| {
        let entries = row.iter().map(|entry| format!("<td>{}</td>", Escaped(&entry)));
        format!("<tr>{}</tr>\n", joined(entries))
    };
    format!(
        "<details>\n<summary id=\"{name}-numbers\">Numbers</summary>\n\
         <div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"{name}-numbers\">\n\
         {}</div>\n</details>\n",
        packed(
            format!(
                "<table>\n<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>\n</table>\n",
                joined(head),
                joined(table.rows.iter().map(row))
            ),
            &format!("Numbers in {} rows are", table.rows.len()),
            kind.command()
        )
    )
}
