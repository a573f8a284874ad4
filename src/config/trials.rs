//! `trials`: a number, or when a cell has enough of them.

use super::holds::{Bounds, Holds};
use super::points::Mismatch;
use super::value::{Node, Value};
use crate::stats::Goal;
use crate::study::StoppingRule;
use crate::suggest;

/// Most trials of a cell.
pub(super) const MOST: i64 = 1_000_000_000;
/// Least number of trials before the first look: fewer say nothing, and each look takes a little time.
const LEAST: i64 = 10;
/// The goals.
const GOALS: [&str; 3] = ["half_width", "relative", "decide"];

/// Completes "`trials` must be ...".
pub(super) fn expected() -> String {
    format!(
        "a whole number from 1 to {MOST}, or when there are enough: \
         `{{ min = 100, max = 1000000, half_width = 0.01 }}`, with `relative` or `decide` instead of \
         `half_width`, and a `level` if it is not 0.95"
    )
}

/// The value in its one form: a whole number, or a table with `min`, `max`, a goal and `level`.
///
/// # Errors
/// If it is neither.
pub(super) fn check(value: &Value) -> Result<Value, Mismatch> {
    const COUNT: Holds = Holds::Integer(1, MOST);
    let Node::Table(entries) = &value.node else {
        let help = COUNT.check(value).err().and_then(|mismatch| mismatch.help);
        let mismatch = || Mismatch { help, ..Mismatch::new(value, expected()) };
        return COUNT.check(value).map_err(|_| mismatch());
    };
    let keys = ["min", "max", "level"].into_iter().chain(GOALS);
    if let Some((key, odd)) = entries.iter().find(|(key, _)| !keys.clone().any(|k| k == key)) {
        let near = suggest::nearest(key, keys);
        let help = suggest::did_you_mean(&near);
        let found = format!("the key `{key}`");
        return Err(Mismatch { help, found, ..Mismatch::new(odd, expected()) });
    }
    let get = |key: &str| entries.iter().find(|(k, _)| k == key).map(|(_, value)| value);
    let number = |key: &str, default: i64, holds: &Holds| match get(key) {
        Some(given) => holds.check(given),
        None => Ok(Value { node: Node::Integer(default), span: value.span.clone() }),
    };
    let min = number("min", 100, &Holds::Integer(LEAST, MOST))?;
    let max = number("max", 1_000_000, &COUNT)?;
    let count = |value: &Value| value.float().unwrap_or(f64::NAN);
    if count(&max) < count(&min) {
        return Err(Mismatch::new(&max, format!("at least `min`, {min}")));
    }
    let level = match get("level") {
        Some(level) => Holds::Float(Bounds::Inside).check(level)?,
        None => Value { node: Node::Float(0.95), span: value.span.clone() },
    };
    let mut given = GOALS.iter().filter_map(|&key| Some((key, get(key)?)));
    let (Some((key, goal)), None) = (given.next(), given.next()) else {
        let found = "not exactly one of `half_width`, `relative` and `decide`".to_owned();
        return Err(Mismatch { found, ..Mismatch::new(value, expected()) });
    };
    let goal = Holds::Float(Bounds::Inside).check(goal)?;
    let entries = [("min", min), ("max", max), (key, goal), ("level", level)];
    let entries = entries.map(|(key, value)| (key.to_owned(), value)).into();
    Ok(Value { node: Node::Table(entries), span: value.span.clone() })
}

/// The most trials of a cell, and when it has enough, of a value that was checked.
pub(super) fn read(value: &Value) -> (u64, Option<StoppingRule>) {
    let Node::Table(entries) = &value.node else {
        return (whole(value), None);
    };
    let get = |key: &str| entries.iter().find(|(k, _)| k == key).map(|(_, value)| value);
    let known = |key: &str| get(key).unwrap_or_else(|| panic!("trials was checked to have {key}"));
    let number = |key: &str| get(key).and_then(Value::float);
    let goal = number("half_width")
        .map(Goal::HalfWidth)
        .or_else(|| number("relative").map(Goal::Relative))
        .or_else(|| number("decide").map(Goal::Decide));
    let rule = StoppingRule {
        every: whole(known("min")),
        level: known("level").float().unwrap_or(f64::NAN),
        goal: goal.expect("trials was checked to have a goal"),
        budget: None,
    };
    (whole(known("max")), Some(rule))
}

fn whole(value: &Value) -> u64 {
    match value.node {
        Node::Integer(n) => n.unsigned_abs(),
        _ => panic!("trials was checked to be a whole number"),
    }
}
