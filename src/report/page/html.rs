//! Text as HTML.

use std::fmt::{self, Display, Formatter, Write};

/// Text in an element or in an attribute between double quotes, whatever it holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a>(pub &'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\n' | '\t' => f.write_char(c),
            // No page may hold them, not even escaped.
            c if c.is_control() => f.write_char(char::REPLACEMENT_CHARACTER),
            c => f.write_char(c),
        })
    }
}

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
        format!("<div><dt>{}</dt><dd>{}</dd></div>\n", Text(term), Text(&said))
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
        format!("<option value=\"{}\">{}</option>", Text(&value), Text(&text))
    };
    let options = joined(values.into_iter().map(option));
    format!("<label>{} <select {data}>{options}</select></label>\n", Text(label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_an_element_or_an_attribute() {
        let text = Text("a\"b'<script>&amp;\0\r\n\u{85}").to_string();
        assert_eq!(text, "a&quot;b'&lt;script&gt;&amp;amp;\u{fffd}\u{fffd}\n\u{fffd}");
    }
}
