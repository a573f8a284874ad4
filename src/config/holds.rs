//! What a key may hold: types and ranges, and values in their checked form.

use super::points::{self, Mismatch};
use super::trials;
use super::value::{Node, Value};
use crate::suggest;

/// Largest width of a layer.
pub(super) const WIDEST: i64 = 100_000;

/// Most numbers of a ladder or a list of rates.
pub(super) const MOST_RUNGS: usize = 64;

/// What a key may hold.
#[derive(Debug)]
pub(super) enum Holds {
    /// A name safe in paths.
    Name,
    /// Any text but the empty one.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A whole number from the first to the second.
    Integer(i64, i64),
    /// A number.
    Float(Bounds),
    /// A number above 0, or one of these words.
    Rate(&'static [&'static str]),
    /// A list of numbers.
    Floats(Bounds),
    /// One width, or a list of widths.
    Widths,
    /// One column name, or a list of them.
    Labels,
    /// One number a layer, or one matrix a layer.
    Layers,
    /// Strictly decreasing numbers above 0.
    Ladder,
    /// Strictly increasing numbers above 0.
    Rates,
    /// A number of trials, or when there are enough.
    Trials,
}

/// Which numbers are allowed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bounds {
    Any,
    AtLeast0,
    Above0,
    Above1,
    /// At least 0 and below 1.
    Fraction,
    /// Above 0 and below 1.
    Inside,
    /// At least 0 and at most 1.
    Unit,
    /// Above 0, at most a day in seconds.
    Day,
    /// From a hundred times the distance of 1 to the next number on, at most a tenth.
    Tolerance,
}

impl Bounds {
    fn hold(self, x: f64) -> bool {
        match self {
            Self::Any => true,
            Self::AtLeast0 => x >= 0.0,
            Self::Above0 => x > 0.0,
            Self::Above1 => x > 1.0,
            Self::Fraction => (0.0..1.0).contains(&x),
            Self::Inside => x > 0.0 && x < 1.0,
            Self::Unit => (0.0..=1.0).contains(&x),
            Self::Day => x > 0.0 && x <= 86_400.0,
            Self::Tolerance => (1e-14..=0.1).contains(&x),
        }
    }

    /// Completes "a number ...".
    fn words(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::AtLeast0 => " of at least 0",
            Self::Above0 => " above 0",
            Self::Above1 => " above 1",
            Self::Fraction => " of at least 0 and below 1",
            Self::Inside => " above 0 and below 1",
            Self::Unit => " from 0 to 1",
            Self::Day => " above 0 and at most 86400",
            Self::Tolerance => " from 1e-14 to 0.1",
        }
    }
}

impl Holds {
    /// Completes "... must be ...".
    pub(super) fn expected(&self) -> String {
        match self {
            Self::Name => {
                "a name of at most 64 letters, digits, `.`, `_` and `-`, beginning with a \
                           letter or a digit"
                    .into()
            }
            Self::Text => "a text".into(),
            Self::Word(words) => format!("one of {}", quoted(words)),
            Self::Flag => "true or false".into(),
            Self::Integer(low, i64::MAX) => format!("a whole number from {low} on"),
            Self::Integer(low, high) => format!("a whole number from {low} to {high}"),
            Self::Float(bounds) => format!("a number{}", bounds.words()),
            Self::Rate(words) => format!("a number above 0, or one of {}", quoted(words)),
            Self::Floats(bounds) => format!("a list of numbers, each a number{}", bounds.words()),
            Self::Widths => format!("a width from 1 to {WIDEST}, or a list of depth - 1 of them"),
            Self::Labels => "a column name or a list of column names".into(),
            Self::Layers => {
                "a list with one number a layer, or with one matrix (a list of rows) a layer".into()
            }
            Self::Ladder => monotone("decreasing"),
            Self::Rates => monotone("increasing"),
            Self::Trials => trials::expected(),
        }
    }

    /// Whether its values are whole numbers.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self, Self::Integer(..) | Self::Widths)
    }

    /// Whether its value may be a table.
    pub(super) fn takes_form(&self) -> bool {
        matches!(self, Self::Ladder | Self::Rates | Self::Trials)
    }

    /// The value in the one form that all ways of writing it have: floats for whole numbers where
    /// floats are meant, lists for a single column name.
    ///
    /// # Errors
    /// If it is not of the right type or out of range.
    pub(super) fn check(&self, value: &Value) -> Result<Value, Mismatch> {
        let wrong = || Mismatch::new(value, self.expected());
        let accept = |node: Node| Ok(Value { node, span: value.span.clone() });
        match (self, &value.node) {
            (Self::Name, Node::Text(text)) if is_name(text) => Ok(value.clone()),
            (Self::Text, Node::Text(text)) if is_plain(text) => Ok(value.clone()),
            (Self::Word(words), Node::Text(text)) if words.contains(&text.as_str()) => {
                Ok(value.clone())
            }
            (Self::Word(words), Node::Text(text)) => {
                let near = suggest::nearest(text, words.iter().copied());
                Err(Mismatch { help: suggest::did_you_mean(&near), ..wrong() })
            }
            (Self::Flag, Node::Flag(_)) => Ok(value.clone()),
            (Self::Integer(low, high), Node::Integer(n)) if (low..=high).contains(&n) => {
                Ok(value.clone())
            }
            (Self::Integer(..), Node::Float(x)) if x.fract() == 0.0 && x.abs() < 1e15 => {
                Err(Mismatch {
                    help: Some(format!("write {x} without a point or an exponent")),
                    ..wrong()
                })
            }
            (Self::Rate(words), Node::Text(text)) if words.contains(&text.as_str()) => {
                Ok(value.clone())
            }
            (Self::Rate(_), Node::Integer(_) | Node::Float(_)) => {
                Self::Float(Bounds::Above0).check(value).map_err(|_| wrong())
            }
            (Self::Float(bounds), _) => match value.float() {
                Some(x) if bounds.hold(x) => accept(Node::Float(x)),
                Some(_) => Err(wrong()),
                None => Err(Mismatch { help: numeric_text(value), ..wrong() }),
            },
            (Self::Floats(bounds), Node::List(items)) if !items.is_empty() => {
                accept(Node::List(each(items, &Self::Float(*bounds))?))
            }
            (Self::Widths, Node::List(items)) => {
                accept(Node::List(each(items, &Self::Integer(1, WIDEST))?))
            }
            (Self::Widths, Node::Integer(n)) if (1..=WIDEST).contains(n) => Ok(value.clone()),
            (Self::Labels, Node::Text(text)) if is_plain(text) => {
                accept(Node::List(vec![value.clone()]))
            }
            (Self::Labels, Node::List(items)) if !items.is_empty() => {
                accept(Node::List(each(items, &Self::Text)?))
            }
            (Self::Layers, Node::List(items)) if !items.is_empty() => {
                accept(Node::List(layers(items)?))
            }
            (Self::Trials, _) => trials::check(value),
            (Self::Ladder, _) => {
                numbers_in_order(value, self, "decreasing, below", |next, last| next < last)
            }
            (Self::Rates, _) => {
                numbers_in_order(value, self, "increasing, above", |next, last| next > last)
            }
            _ => Err(Mismatch { help: numeric_text(value), ..wrong() }),
        }
    }
}

/// Advice on a number that stands in quotes.
fn numeric_text(value: &Value) -> Option<String> {
    let text = value.text()?;
    text.parse::<f64>().ok().map(|_| format!("write {text} without quotes"))
}

/// Every element checked on its own.
fn each(items: &[Value], holds: &Holds) -> Result<Vec<Value>, Mismatch> {
    items.iter().map(|item| holds.check(item)).collect()
}

/// Numbers, or matrices as lists of equally long rows.
fn layers(items: &[Value]) -> Result<Vec<Value>, Mismatch> {
    const ROW: Holds = Holds::Floats(Bounds::Any);
    if items.iter().all(|item| item.float().is_some()) {
        return each(items, &Holds::Float(Bounds::Any));
    }
    let mut matrices = Vec::with_capacity(items.len());
    for item in items {
        let rows = item.list().filter(|rows| !rows.is_empty());
        let rows = rows.ok_or_else(|| Mismatch::new(item, "a matrix, a list of rows"))?;
        let rows = each(rows, &ROW)?;
        let width = |row: &Value| row.list().map_or(0, <[Value]>::len);
        if let Some(odd) = rows.iter().find(|row| width(row) != width(&rows[0])) {
            return Err(Mismatch::new(odd, format!("a row of {} numbers", width(&rows[0]))));
        }
        matrices.push(Value { node: Node::List(rows), span: item.span.clone() });
    }
    Ok(matrices)
}

/// What is expected of numbers in this order.
fn monotone(order: &str) -> String {
    format!(
        "strictly {order} numbers above 0, from 1 to {MOST_RUNGS} of them: a list, {}",
        points::FORMS
    )
}

/// Numbers above 0 of which each `follows` the last one; `order` completes "strictly ... the last one".
fn numbers_in_order(
    value: &Value,
    holds: &Holds,
    order: &str,
    follows: fn(f64, f64) -> bool,
) -> Result<Value, Mismatch> {
    let wrong = |value: &Value| Mismatch::new(value, holds.expected());
    let expanded = match &value.node {
        Node::Table(_) => points::expand(value)?,
        Node::List(items) => items.clone(),
        _ => return Err(wrong(value)),
    };
    if expanded.is_empty() || expanded.len() > MOST_RUNGS {
        return Err(wrong(value));
    }
    let numbers = each(&expanded, &Holds::Float(Bounds::Above0))?;
    let number = |value: &Value| value.float().unwrap_or(f64::NAN);
    if let Some(pair) = numbers.windows(2).find(|pair| !follows(number(&pair[1]), number(&pair[0])))
    {
        return Err(Mismatch::new(&pair[1], format!("strictly {order} {} here", pair[0])));
    }
    Ok(Value { node: Node::List(numbers), span: value.span.clone() })
}

/// `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`: safe as a file name everywhere.
fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

/// `"a", "b", "c"`.
pub(super) fn quoted(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    quoted.join(", ")
}
