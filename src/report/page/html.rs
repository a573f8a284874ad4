//! Pieces of HTML.

use std::fmt::{Display, Write};

use crate::draw::Escaped;

/// What these display, one after the other.
pub(super) fn joined(parts: impl IntoIterator<Item = impl Display>) -> String {
    parts.into_iter().fold(String::new(), |mut text, part| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{part}");
        text
    })
}

/// Pairs of a term and what is said of it.
pub(super) fn terms<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let pairs = pairs.into_iter();
    let terms = pairs.map(|(term, said)| {
        format!("<div><dt>{}</dt><dd>{}</dd></div>\n", Escaped(&term), Escaped(&said))
    });
    format!("<dl>\n{}</dl>\n", joined(terms))
}

/// A `<select>` with its label; `data` is its attribute that scripts read.
pub(super) fn select(
    label: &str,
    data: &str,
    values: impl IntoIterator<Item = (String, String)>,
) -> String {
    let option = |(value, text): (String, String)| {
        format!("<option value=\"{}\">{}</option>", Escaped(&value), Escaped(&text))
    };
    let options = joined(values.into_iter().map(option));
    format!(
        "<label>{} <select {data} autocomplete=\"off\">{options}</select></label>\n",
        Escaped(&label)
    )
}
