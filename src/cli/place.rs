//! Which cell of a sweep an argument names.

use super::output;
use crate::study::{Axis, AxisKey, AxisValues, Cell, Study};
use crate::{Error, Result, suggest};

/// The arguments that name a cell.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// Number of the cell, from 0, in the order of the sweep (last axis fastest)
    #[arg(long, value_name = "I", conflicts_with = "at")]
    cell: Option<usize>,
    /// The cell at these values of the sweep's axes; of numbers with decimals the nearest count
    #[arg(long, value_name = "KEY=VALUE,...")]
    at: Vec<String>,
}

impl Place {
    /// Of each axis of a sweep the index of the value that is named, if one is.
    pub(super) fn fixed(&self, axes: &[Axis]) -> Result<Vec<Option<usize>>> {
        if self.cell.is_some() {
            let cell = self.find(axes)?;
            return Ok(crate::report::position(axes, cell).into_iter().map(Some).collect());
        }
        let places = places(&self.at)?;
        refuse_other_keys(axes, &places)?;
        let fixed = axes.iter().map(|axis| named(axis, &places));
        let fixed = fixed.collect::<Result<Vec<Option<usize>>>>()?;
        let first = axes.iter().zip(&fixed);
        let first = first.fold(0, |cell, (axis, at)| cell * axis.len() + at.unwrap_or(0));
        // It is the only one if all axes are named.
        let what = if fixed.contains(&None) { "cells" } else { &format!("cell {first}") };
        say(what, axes, first, &places);
        Ok(fixed)
    }

    /// Whether a cell is named.
    pub(super) fn is_given(&self) -> bool {
        self.cell.is_some() || !self.at.is_empty()
    }

    /// The cell of a study, or the only one.
    pub(super) fn of<'a>(&self, study: &'a Study) -> Result<&'a Cell> {
        if study.refinement.is_some() && self.cell.is_some() {
            return Err(Error::usage(
                "cells of a refined study are not numbered as those of its results",
                Some("name it by its values: --at init.std=0.3".to_owned()),
            ));
        }
        Ok(&study.cells[self.find(&study.axes)?])
    }

    /// The number of the cell of a sweep of these axes, or of the only one.
    pub(super) fn find(&self, axes: &[Axis]) -> Result<usize> {
        let cells: usize = axes.iter().map(Axis::len).product();
        if let Some(index) = self.cell {
            return (index < cells).then_some(index).ok_or_else(|| {
                Error::usage(
                    format!("there is no cell {index}: the study has {cells}"),
                    Some(format!("cells are numbered from 0 to {}", cells - 1)),
                )
            });
        }
        let places = places(&self.at)?;
        refuse_other_keys(axes, &places)?;
        let index = axes.iter().try_fold(0, |index, axis| {
            Ok::<_, Error>(index * axis.len() + position(axis, &places)?)
        })?;
        say(&format!("cell {index}"), axes, index, &places);
        Ok(index)
    }
}

/// Says which values those that are named were taken for, at a cell that has them.
fn say(what: &str, axes: &[Axis], cell: usize, places: &[(&str, &str)]) {
    let chosen: Vec<String> = places.iter().map(|(key, _)| described(axes, cell, key)).collect();
    if !chosen.is_empty() {
        output::say(&format!("{what}: {}", chosen.join(", ")));
    }
}

fn refuse_other_keys(axes: &[Axis], places: &[(&str, &str)]) -> Result<()> {
    let is_other = |(key, _): &&(&str, &str)| axes.iter().all(|axis| !has_key(axis, key));
    let other = places.iter().find(is_other);
    other.map_or(Ok(()), |(key, _)| Err(no_axis(axes, key)))
}

/// That a key is not swept.
pub(super) fn no_axis(axes: &[Axis], key: &str) -> Error {
    let keys: Vec<&str> = axes.iter().flat_map(|axis| &axis.keys).map(|k| k.key.as_str()).collect();
    let help = match keys.is_empty() {
        true => "the study has no sweep".to_owned(),
        false => {
            suggest::before(format!("its axes are {}", keys.join(", ")), key, keys.into_iter())
        }
    };
    Error::usage(format!("`{key}` is no axis of the sweep"), Some(help))
}

/// `key=value` pairs.
fn places(at: &[String]) -> Result<Vec<(&str, &str)>> {
    at.iter()
        .flat_map(|at| pairs(at))
        .map(|place| {
            let (key, value) = place.split_once('=').ok_or_else(|| {
                Error::usage(
                    format!("`--at {place}` is not KEY=VALUE"),
                    Some("for instance --at init.std=0.3,network.depth=4".to_owned()),
                )
            })?;
            Ok((key.trim(), value.trim()))
        })
        .collect()
}

/// The pairs of one argument: they begin after commas that a key follows, outside brackets. Values have
/// commas too, as lists and paths do.
fn pairs(at: &str) -> Vec<&str> {
    let is_key = |text: &str| {
        let is_of_key = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        !text.is_empty() && text.chars().all(is_of_key)
    };
    let begins_pair = |rest: &str| rest.split_once('=').is_some_and(|(key, _)| is_key(key.trim()));
    let (mut pairs, mut begin, mut depth) = (Vec::new(), 0, 0_usize);
    for (i, c) in at.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 && begins_pair(&at[i + 1..]) => {
                pairs.push(&at[begin..i]);
                begin = i + 1;
            }
            _ => {}
        }
    }
    pairs.push(&at[begin..]);
    pairs
}

fn has_key(axis: &Axis, key: &str) -> bool {
    axis.keys.iter().any(|k| k.key == key)
}

/// The point of an axis that is named, or the only one it has.
fn position(axis: &Axis, places: &[(&str, &str)]) -> Result<usize> {
    match named(axis, places)? {
        Some(position) => Ok(position),
        None if axis.len() == 1 => Ok(0),
        None => Err(Error::usage(
            format!("which cell? The sweep has an axis {}", axis.keys[0].key),
            Some(format!("say --at {}=VALUE, or --cell I", axis.keys[0].key)),
        )),
    }
}

/// The point of an axis that is named, by all of its keys that are.
fn named(axis: &Axis, places: &[(&str, &str)]) -> Result<Option<usize>> {
    let mut left: Vec<usize> = (0..axis.len()).collect();
    let mut is_named = false;
    for &(key, value) in places {
        let Some(key) = axis.keys.iter().find(|of| of.key == key) else { continue };
        is_named = true;
        let values = key.values.only(&left);
        let near = nearest(&key.values, value).ok_or_else(|| {
            let values: Vec<String> = (0..axis.len()).map(|i| key.values.text(i)).collect();
            Error::usage(
                format!("`{value}` is no value of {}", key.key),
                Some(format!("its values are {}", values.join(", "))),
            )
        })?;
        let wanted = key.values.text(near);
        let all = std::mem::take(&mut left).into_iter().enumerate();
        left = all.filter(|(i, _)| values.text(*i) == wanted).map(|(_, at)| at).collect();
        if left.is_empty() {
            return Err(Error::usage(
                format!("no point of the sweep has {} {wanted} with the other values", key.key),
                Some("keys that are swept together have their values in common".to_owned()),
            ));
        }
    }
    if is_named && left.len() > 1 {
        return Err(ambiguous(axis, places, &left));
    }
    Ok(left.first().copied().filter(|_| is_named))
}

/// That keys which are swept together have the values that are named at more than one point.
fn ambiguous(axis: &Axis, places: &[(&str, &str)], points: &[usize]) -> Error {
    let is_said = |key: &&AxisKey| places.iter().any(|(said, _)| *said == key.key);
    let said = axis.keys.iter().filter(is_said).map(|key| key.key.as_str());
    let other = axis.keys.iter().find(|key| !is_said(key));
    let help = other.map(|key| {
        let values: Vec<String> = points.iter().map(|&i| key.values.text(i)).collect();
        format!("say `{}` too, one of {}", key.key, values.join(", "))
    });
    Error::usage(
        format!(
            "{} points of the sweep have this value of {}",
            points.len(),
            said.collect::<Vec<_>>().join(" and of ")
        ),
        Some(help.unwrap_or_else(|| "name it by its number: --cell I".to_owned())),
    )
}

/// The index of the value nearest to `text`: people round the values of a logarithmic axis.
fn nearest(values: &AxisValues, text: &str) -> Option<usize> {
    let by_distance = |numbers: &mut dyn Iterator<Item = f64>| {
        let wanted: f64 = text.parse().ok().filter(|x: &f64| x.is_finite())?;
        let distances = numbers.map(|x| (x - wanted).abs()).enumerate();
        distances.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(i, _)| i)
    };
    match values {
        AxisValues::Floats(v) => by_distance(&mut v.iter().copied()),
        AxisValues::Integers(v) => {
            let whole = text.parse().ok().filter(|x: &f64| x.fract() == 0.0);
            let is_it = |x: &i64| text.parse() == Ok(*x) || whole == Some(*x as f64);
            v.iter().position(is_it)
        }
        AxisValues::Labels(v) => v.iter().position(|x| x == text),
    }
}

/// `key = value` of a cell.
fn described(axes: &[Axis], mut index: usize, key: &str) -> String {
    for axis in axes.iter().rev() {
        if let Some(k) = axis.keys.iter().find(|k| k.key == key) {
            return format!("{key} = {}", k.values.text(index % axis.len()));
        }
        index /= axis.len();
    }
    key.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_begin_where_a_key_follows_a_comma() {
        for (at, expected) in [
            ("init.std=0.3,network.depth=4", &["init.std=0.3", "network.depth=4"][..]),
            ("network.hidden=[3, 4],init.std=1", &["network.hidden=[3, 4]", "init.std=1"]),
            ("target.path=a, b/c.csv,init.std=1", &["target.path=a, b/c.csv", "init.std=1"]),
            ("init.std=0.3,", &["init.std=0.3,"]),
            ("init.std", &["init.std"]),
        ] {
            assert_eq!(pairs(at), expected, "{at}");
        }
    }

    #[test]
    fn a_point_is_named_by_as_many_keys_as_it_takes() {
        let key = |key: &str, values| AxisKey { key: key.to_owned(), values };
        let scale = AxisValues::Floats(vec![0.1, 0.2, 0.2]);
        let axis = Axis {
            keys: vec![
                key("network.depth", AxisValues::Integers(vec![1, 2, 3])),
                key("target.scale", scale),
            ],
        };
        let named = |at: &str| {
            let at = [at.to_owned()];
            places(&at).and_then(|places| named(&axis, &places)).map_err(|error| error.to_string())
        };
        assert_eq!(named("network.depth=2"), Ok(Some(1)));
        assert_eq!(named("network.depth=2.0"), Ok(Some(1)), "a whole number however it is written");
        assert!(named("network.depth=2.5").is_err());
        assert_eq!(named("target.scale=0.11"), Ok(Some(0)));
        assert_eq!(named("target.scale=0.2,network.depth=3"), Ok(Some(2)));
        let ambiguous = named("target.scale=0.2").unwrap_err();
        assert!(ambiguous.contains("2 points of the sweep have this value"), "{ambiguous}");
        assert_eq!(named("init.std=1"), Ok(None));
    }
}
