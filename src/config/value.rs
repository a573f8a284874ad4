//! Values of a configuration, with the place each was written at.

use std::fmt;
use std::ops::Range;

/// A TOML value and the bytes it came from.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) node: Node,
    pub(super) span: Range<usize>,
}

/// The kinds of values a study can hold. Floats are finite and never `-0.0`, so that equal values
/// have equal texts.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Integer(i64),
    Float(f64),
    Flag(bool),
    Text(String),
    List(Vec<Value>),
    Table(Vec<(String, Value)>),
}

/// Equality of what is said, wherever it was written.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

impl Value {
    /// A value without a place in any text.
    pub(super) fn bare(node: Node) -> Self {
        Self { node, span: 0..0 }
    }

    /// The number, if it is one.
    pub(super) fn float(&self) -> Option<f64> {
        match self.node {
            Node::Float(x) => Some(x),
            Node::Integer(n) => Some(n as f64),
            _ => None,
        }
    }

    /// The elements, if it is a list.
    pub(super) fn list(&self) -> Option<&[Self]> {
        match &self.node {
            Node::List(items) => Some(items),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.node {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What it is, for messages: `the number 3`.
    pub(super) fn describe(&self) -> String {
        match &self.node {
            Node::Integer(_) => format!("the whole number {self}"),
            Node::Float(_) => format!("the number {self}"),
            Node::Flag(_) => format!("{self}"),
            Node::Text(text) if text.chars().count() > 40 => "a long text".to_owned(),
            Node::Text(_) => format!("the text {self}"),
            Node::List(items) => match items.len() {
                0 => "an empty list".to_owned(),
                1 => "a list with one value".to_owned(),
                n => format!("a list of {n} values"),
            },
            Node::Table(_) => "a table".to_owned(),
        }
    }

    /// As people write it: TOML, but a text without its quotes.
    pub(super) fn plain(&self) -> String {
        self.text().map_or_else(|| self.to_string(), str::to_owned)
    }
}

impl fmt::Display for Value {
    /// Canonical TOML: one text for one value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Node::Integer(n) => write!(f, "{n}"),
            // The shortest digits that read back as the same number; always with "." or "e".
            Node::Float(x) => write!(f, "{x:?}"),
            Node::Flag(flag) => write!(f, "{flag}"),
            Node::Text(text) => write_text(f, text),
            Node::List(items) => {
                f.write_str("[")?;
                write_joined(f, items.iter())?;
                f.write_str("]")
            }
            Node::Table(entries) => {
                f.write_str("{ ")?;
                for (i, (key, value)) in entries.iter().enumerate() {
                    let comma = if i > 0 { ", " } else { "" };
                    write!(f, "{comma}{key} = {value}")?;
                }
                f.write_str(" }")
            }
        }
    }
}

fn write_joined<'a>(
    f: &mut fmt::Formatter<'_>,
    items: impl Iterator<Item = &'a Value>,
) -> fmt::Result {
    for (i, item) in items.enumerate() {
        let comma = if i > 0 { ", " } else { "" };
        write!(f, "{comma}{item}")?;
    }
    Ok(())
}

/// A basic string of TOML: quotes, backslashes and control characters escaped.
fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            c if c.is_control() => write!(f, "\\u{:04X}", u32::from(c))?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reparse(value: &Value) -> toml_edit::Value {
        let document: toml_edit::Document<String> =
            toml_edit::Document::parse(format!("x = {value}\n")).unwrap();
        document["x"].as_value().unwrap().clone()
    }

    #[test]
    fn canonical_texts() {
        let list = Node::List(vec![Value::bare(Node::Integer(-3)), Value::bare(Node::Float(1e-5))]);
        let cases = [
            (Node::Integer(20_000), "20000"),
            (Node::Float(1.0), "1.0"),
            (Node::Float(1e300), "1e300"),
            (Node::Flag(true), "true"),
            (Node::Text("a\"b\\c\n".into()), r#""a\"b\\c\u000A""#),
            (list, "[-3, 1e-5]"),
        ];
        for (node, text) in cases {
            assert_eq!(Value::bare(node).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn texts_survive_toml(text in any::<String>()) {
            let value = Value::bare(Node::Text(text.clone()));
            let read = reparse(&value);
            prop_assert_eq!(read.as_str(), Some(text.as_str()));
        }

        #[test]
        fn floats_survive_toml(x in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL) {
            let read = reparse(&Value::bare(Node::Float(x)));
            prop_assert_eq!(read.as_float().map(f64::to_bits), Some(x.to_bits()));
        }
    }
}
