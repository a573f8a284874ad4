//! Points between two ends: `{ linear = [a, b], points = n }` and `{ log = [a, b], points = n }`.
//!
//! The ends are kept exactly. What lies between is computed with `libm`, whose results are the same
//! bits on every machine, and rounded to 15 significant digits: so a step of 0.1 reads 0.3 and not
//! 0.30000000000000004, and decades read as such.

use std::ops::Range;

use super::value::{Node, Value};
use crate::suggest;

/// Most points of one form; the product of the axes has the same limit.
const MOST_POINTS: i64 = 1_000_000;

/// What the two forms look like, for messages.
pub(super) const FORMS: &str =
    "`{ linear = [a, b], points = n }` or `{ log = [a, b], points = n }`";

/// What a form has, of the first two one.
const NAMES: [&str; 3] = ["linear", "log", "points"];

/// A value that is not what it must be, and where.
#[derive(Debug)]
pub(super) struct Mismatch {
    pub(super) span: Range<usize>,
    /// Completes "... must be ...".
    pub(super) expected: String,
    pub(super) found: String,
    pub(super) help: Option<String>,
}

impl Mismatch {
    pub(super) fn new(value: &Value, expected: impl Into<String>) -> Self {
        Self {
            span: value.span.clone(),
            expected: expected.into(),
            found: value.describe(),
            help: None,
        }
    }
}

/// Whether a table with these keys is meant as one of the two forms.
pub(super) fn is_form<'a>(mut keys: impl Iterator<Item = &'a str>) -> bool {
    keys.any(|key| NAMES.contains(&key))
}

/// How many points a form asks for; 0 if it is none.
pub(super) fn count(form: &Node) -> u128 {
    let Node::Table(entries) = form else { return 0 };
    match entries.iter().find(|(key, _)| key == "points") {
        Some((_, Value { node: Node::Integer(n), .. })) => u128::try_from(*n).unwrap_or(0),
        _ => 0,
    }
}

/// The points of a form; each keeps the place of the form.
///
/// # Errors
/// If the form has other keys, ends that are not two numbers (above 0 for `log`), or a number of
/// points that is not a whole number from 2 on.
pub(super) fn expand(form: &Value) -> Result<Vec<Value>, Mismatch> {
    let Node::Table(entries) = &form.node else {
        return Err(Mismatch::new(form, FORMS));
    };
    if let Some((other, _)) = entries.iter().find(|(key, _)| !NAMES.contains(&key.as_str())) {
        let help = suggest::did_you_mean(&suggest::nearest(other, NAMES.into_iter()));
        return Err(Mismatch { help, ..no_form(form, &format!("with `{other}`")) });
    }
    let find = |name: &str| entries.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let (scale, ends) = match (find("linear"), find("log")) {
        (Some(ends), None) => (Scale::Linear, ends),
        (None, Some(ends)) => (Scale::Log, ends),
        (Some(_), Some(_)) => return Err(no_form(form, "with both")),
        (None, None) => return Err(no_form(form, "without ends")),
    };
    let points = find("points").ok_or_else(|| no_form(form, "without `points`"))?;
    let Node::Integer(count @ 2..=MOST_POINTS) = points.node else {
        return Err(Mismatch::new(points, "a whole number of points from 2 to 1000000"));
    };
    let (a, b) = scale.ends(ends)?;
    let last = count - 1;
    let at = |i: i64| match i {
        0 => a,
        i if i == last => b,
        i => round(scale.between(a, b, i as f64 / last as f64)),
    };
    Ok((0..count).map(|i| Value { node: Node::Float(at(i)), span: form.span.clone() }).collect())
}

/// That a table is not one of the two forms; `how` completes "a table ...".
fn no_form(form: &Value, how: &str) -> Mismatch {
    Mismatch { found: format!("a table {how}"), ..Mismatch::new(form, FORMS) }
}

/// Rising values with further ones between each two, which halve their distance so many times; in the
/// logarithm if all are positive and the last is more than ten times the first.
pub(super) fn halves(values: &[f64], halvings: u32) -> Vec<f64> {
    let [first, .., last] = values else { return values.to_vec() };
    let scale = if *first > 0.0 && *last > 10.0 * first { Scale::Log } else { Scale::Linear };
    let parts = 1_u32 << halvings;
    let between = |pair: &[f64]| {
        let (a, b) = (pair[0], pair[1]);
        let at = move |i| round(scale.between(a, b, f64::from(i) / f64::from(parts)));
        std::iter::once(a).chain((1..parts).map(at)).collect::<Vec<_>>()
    };
    values.windows(2).flat_map(between).chain([*last]).collect()
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Scale {
    Linear,
    Log,
}

impl Scale {
    fn ends(self, value: &Value) -> Result<(f64, f64), Mismatch> {
        let (ends, each) = match self {
            Self::Linear => ("a list of two numbers, the ends", "a number at both ends"),
            Self::Log => (
                "a list of two numbers above 0, the ends",
                "a number above 0 at both ends of `log`",
            ),
        };
        let Some([a, b]) = value.list() else {
            return Err(Mismatch::new(value, ends));
        };
        let end = |value: &Value| {
            let number = value.float().filter(|&x| self == Self::Linear || x > 0.0);
            number.ok_or_else(|| Mismatch::new(value, each))
        };
        Ok((end(a)?, end(b)?))
    }

    /// The point a fraction `t` of the way from `a` to `b`.
    fn between(self, a: f64, b: f64, t: f64) -> f64 {
        let mix = |a: f64, b: f64| a * (1.0 - t) + b * t;
        match self {
            Self::Linear => mix(a, b),
            Self::Log => libm::exp10(mix(libm::log10(a), libm::log10(b))),
        }
    }
}

/// `x` to 15 significant digits, and never `-0.0`.
fn round(x: f64) -> f64 {
    format!("{x:.14e}").parse().unwrap_or(x) + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn form(scale: &str, a: f64, b: f64, points: i64) -> Value {
        let ends = vec![Value::bare(Node::Float(a)), Value::bare(Node::Float(b))];
        Value::bare(Node::Table(vec![
            (scale.into(), Value::bare(Node::List(ends))),
            ("points".into(), Value::bare(Node::Integer(points))),
        ]))
    }

    fn floats(form: &Value) -> Vec<f64> {
        expand(form).unwrap().iter().map(|v| v.float().unwrap()).collect()
    }

    #[test]
    fn known_points() {
        let decades = [1e-3, 1e-2, 1e-1, 1.0, 10.0];
        assert_eq!(floats(&form("log", 1e-3, 10.0, 5)), decades);
        assert_eq!(floats(&form("log", 2.0, 16.0, 4)), [2.0, 4.0, 8.0, 16.0]);
        assert_eq!(floats(&form("linear", 0.0, 0.5, 6)), [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]);
        assert_eq!(floats(&form("linear", 0.0, 1.0, 4))[1], 0.333333333333333);
        // Pinned: these bits are in results files.
        let third = floats(&form("log", 0.05, 1.0, 8))[3];
        assert_eq!(third.to_bits(), 0.18053203938205_f64.to_bits());
    }

    #[test]
    fn known_halves() {
        assert_eq!(halves(&[0.0, 1.0, 3.0], 1), [0.0, 0.5, 1.0, 2.0, 3.0]);
        assert_eq!(
            halves(&[1.0, 16.0, 256.0], 2),
            [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0]
        );
        assert_eq!(halves(&[1.0, 2.0], 2), [1.0, 1.25, 1.5, 1.75, 2.0]);
        assert_eq!(halves(&[1.0, 2.0], 0), [1.0, 2.0]);
    }

    #[test]
    fn refused_forms() {
        let text = |span: &Value| expand(span).unwrap_err().expected;
        assert!(text(&form("log", 0.0, 1.0, 3)).contains("above 0"));
        assert!(text(&form("linear", 0.0, 1.0, 1)).contains("from 2"));
        assert!(text(&form("cubic", 0.0, 1.0, 3)).contains("linear = [a, b]"));
        assert!(text(&Value::bare(Node::Integer(3))).contains("log = [a, b]"));
    }

    proptest! {
        #[test]
        fn ends_are_exact_and_points_lie_between(
            a in 1e-12..1e12_f64, b in 1e-12..1e12_f64, points in 2..50_i64, log in any::<bool>(),
        ) {
            let x = floats(&form(if log { "log" } else { "linear" }, a, b, points));
            prop_assert_eq!(x.len() as i64, points);
            prop_assert_eq!((x[0], x[x.len() - 1]), (a, b));
            let (low, high) = (a.min(b) * (1.0 - 1e-14), a.max(b) * (1.0 + 1e-14));
            prop_assert!(x.iter().all(|&x| low <= x && x <= high));
        }
    }
}
