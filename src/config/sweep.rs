//! Axes of a sweep: checked values of swept keys, and the size of their product.

use std::collections::{HashMap, HashSet};

use crate::study::{Axis, AxisKey, AxisValues};

use super::document::Leaf;
use super::holds::Holds;
use super::points::{self, Mismatch};
use super::refuse::{Advise, Place, Refusal, refuse};
use super::schema::Entry;
use super::settings::{known, mismatch};
use super::value::{Node, Value};

/// Most cells of a study.
pub(super) const MOST_CELLS: u128 = 1_000_000;

/// A swept key with its values along an axis.
#[derive(Debug, Clone)]
pub(super) struct SweptKey {
    pub(super) entry: &'static Entry,
    /// Checked values, no two equal unless the key is zipped with others.
    pub(super) values: Vec<Value>,
    /// Where the key was written.
    pub(super) place: Place,
}

/// Keys that move together.
pub(super) type Zip = Vec<SweptKey>;

/// Checks one swept key and expands its form.
///
/// # Errors
/// If the key is unknown or cannot be swept, or if a value is not one that the key takes.
pub(super) fn swept_key(leaf: &Leaf) -> Result<SweptKey, Refusal> {
    let entry = known(leaf)?;
    if !entry.sweepable {
        return Err(leaf
            .key_place
            .refuse(format!("`{}` cannot be swept", entry.key), "not an axis")
            .advise("it holds for the whole study: give it outside [sweep]"));
    }
    let raw = match &leaf.value.node {
        Node::List(items) if items.is_empty() => {
            let message = format!("the axis `{}` has no values", entry.key);
            return Err(leaf.at(leaf.value.span.clone()).refuse(message, "empty"));
        }
        Node::List(items) => items.clone(),
        Node::Table(_) => form(entry, &leaf.value).map_err(|wrong| mismatch(leaf, &wrong))?,
        _ => {
            let wrong = Mismatch::new(&leaf.value, format!("a list of values, {}", points::FORMS));
            return Err(mismatch(leaf, &wrong));
        }
    };
    let values: Result<_, _> = raw.iter().map(|value| entry.holds.check(value)).collect();
    let values = values.map_err(|wrong| mismatch(leaf, &wrong))?;
    Ok(SweptKey { entry, values, place: leaf.key_place.clone() })
}

/// The points of a form, whole where the key holds whole numbers.
fn form(entry: &Entry, value: &Value) -> Result<Vec<Value>, Mismatch> {
    let points = points::expand(value)?;
    if !entry.holds.is_whole() {
        return Ok(points);
    }
    let whole = |point: Value| match point.float() {
        Some(x) if x.fract() == 0.0 && x.abs() < 1e15 => {
            Ok(Value { node: Node::Integer(x as i64), ..point })
        }
        _ => Err(Mismatch {
            found: format!("{point}, one of the points of this axis"),
            help: Some(
                "give the whole numbers as a list, or ends and points that hit whole numbers"
                    .into(),
            ),
            ..Mismatch::new(&point, entry.holds.expected())
        }),
    };
    points.into_iter().map(whole).collect()
}

/// Checks axes against each other.
///
/// # Errors
/// If a key is swept twice, zipped keys differ in length, a point stands twice on an axis, or the
/// product has more than [`MOST_CELLS`] cells.
pub(super) fn check(axes: &[Vec<SweptKey>]) -> Result<(), Refusal> {
    refuse_repeated_key(axes)?;
    axes.iter().try_for_each(|axis| refuse_unequal_lengths(axis))?;
    let lengths = || axes.iter().map(|axis| axis[0].values.len());
    let cells = lengths().fold(1, |cells: u128, len| cells.saturating_mul(len as u128));
    if cells <= MOST_CELLS {
        return axes.iter().try_for_each(|axis| refuse_repeated_point(axis));
    }
    let product = lengths().map(|len| len.to_string()).collect::<Vec<_>>().join(" x ");
    let message = format!("the sweep has {product} = {cells} cells, more than {MOST_CELLS}");
    Err(refuse(message).advise("shorten an axis, or cut the sweep into several studies"))
}

fn refuse_unequal_lengths(axis: &[SweptKey]) -> Result<(), Refusal> {
    let len = |key: &SweptKey| key.values.len();
    let first = &axis[0];
    let Some(odd) = axis.iter().find(|key| len(key) != len(first)) else {
        return Ok(());
    };
    let message = format!(
        "zipped keys need equally many values: `{}` has {}, `{}` has {}",
        first.entry.key,
        len(first),
        odd.entry.key,
        len(odd)
    );
    Err(odd
        .place
        .refuse(message, "another length")
        .advise("give each key of a [[sweep.zip]] a list of the same length"))
}

/// Layers can bring one key twice: as an axis, and within a zip.
fn refuse_repeated_key(axes: &[Vec<SweptKey>]) -> Result<(), Refusal> {
    let mut seen = HashSet::new();
    match axes.iter().flatten().find(|key| !seen.insert(key.entry.key)) {
        None => Ok(()),
        Some(key) => {
            let message = format!("`{}` is swept twice", key.entry.key);
            Err(key.place.refuse(message, "again"))
        }
    }
}

fn refuse_repeated_point(axis: &[SweptKey]) -> Result<(), Refusal> {
    let mut seen = HashMap::new();
    for i in 0..axis[0].values.len() {
        let point: Vec<String> = axis.iter().map(|key| key.values[i].to_string()).collect();
        let said = point.join(", ");
        let Some(earlier) = seen.insert(point, i) else {
            continue;
        };
        let keys: Vec<&str> = axis.iter().map(|key| key.entry.key).collect();
        let place = Place { span: axis[0].values[i].span.clone(), ..axis[0].place.clone() };
        let message = format!(
            "the axis `{}` has {said} twice, at {} and {}",
            keys.join("`, `"),
            earlier + 1,
            i + 1
        );
        return Err(place
            .refuse(message, "again")
            .advise("equal cells would be counted twice: remove one"));
    }
    Ok(())
}

/// The axes as plain data.
pub(super) fn axes(axes: &[Vec<SweptKey>]) -> Vec<Axis> {
    let key = |key: &SweptKey| AxisKey { key: key.entry.key.to_owned(), values: axis_values(key) };
    axes.iter().map(|axis| Axis { keys: axis.iter().map(key).collect() }).collect()
}

fn axis_values(key: &SweptKey) -> AxisValues {
    let integer = |value: &Value| match value.node {
        Node::Integer(n) => Some(n),
        _ => None,
    };
    let floats = || key.values.iter().map(Value::float).collect::<Option<Vec<_>>>();
    let integers = || key.values.iter().map(integer).collect::<Option<Vec<_>>>();
    let labels = || AxisValues::Labels(key.values.iter().map(Value::plain).collect());
    match key.entry.holds {
        Holds::Float(_) | Holds::Rate(_) => floats().map_or_else(labels, AxisValues::Floats),
        Holds::Integer(..) | Holds::Widths => integers().map_or_else(labels, AxisValues::Integers),
        _ => labels(),
    }
}
