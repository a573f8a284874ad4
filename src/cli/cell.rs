//! Which cell of a study a command is about.

use super::output;
use crate::run::tuning;
use crate::study::{Axis, AxisValues, Cell, Study};
use crate::{Error, Result};

/// Names a cell; not needed where a study has one.
#[derive(Debug, clap::Args)]
pub(super) struct CellArguments {
    /// Number of the cell, from 0, in the order of the sweep (last axis fastest)
    #[arg(long, value_name = "I", conflicts_with = "at")]
    cell: Option<usize>,
    /// The cell nearest to these values of the sweep's axes
    #[arg(long, value_name = "KEY=VALUE,...", value_delimiter = ',')]
    at: Vec<String>,
}

impl CellArguments {
    /// The cell that the arguments name.
    pub(super) fn find<'a>(&self, study: &'a Study) -> Result<&'a Cell> {
        let cells = study.cells.len();
        if let Some(index) = self.cell {
            return study.cells.get(index).ok_or_else(|| {
                Error::usage(
                    format!("there is no cell {index}: the study has {cells}"),
                    Some(format!("cells are numbered from 0 to {}", cells - 1)),
                )
            });
        }
        let places = places(&self.at)?;
        refuse_unknown(study, &places)?;
        let mut index = 0;
        for axis in &study.axes {
            index = index * axis.len() + position(axis, &places)?;
        }
        let cell = &study.cells[index];
        let chosen: Vec<String> =
            places.iter().map(|(key, _)| described(study, index, key)).collect();
        if !chosen.is_empty() {
            output::say(&format!("cell {index}: {}", chosen.join(", ")));
        }
        Ok(cell)
    }
}

/// The cell with the learning rate that its trials have.
pub(super) fn tuned(study: &Study, cell: &Cell, workers: usize) -> Result<Cell> {
    if cell.tuning.is_none() {
        return Ok(cell.clone());
    }
    output::say("tuning the learning rate of the cell, as the run does");
    let rate = tuning::tune_to_the_end(study.seed, cell, workers)?;
    output::say(&format!("its learning rate is {rate}"));
    Ok(Cell { learning_rate: rate, ..cell.clone() })
}

/// `key=value` pairs.
fn places(at: &[String]) -> Result<Vec<(&str, &str)>> {
    at.iter()
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

/// Refuses keys that are no axes of the sweep.
fn refuse_unknown(study: &Study, places: &[(&str, &str)]) -> Result<()> {
    let is_unknown = |key: &str| study.axes.iter().all(|axis| !has_key(axis, key));
    let Some((key, _)) = places.iter().find(|(key, _)| is_unknown(key)) else { return Ok(()) };
    let keys: Vec<&str> =
        study.axes.iter().flat_map(|axis| &axis.keys).map(|k| k.key.as_str()).collect();
    let axes = if keys.is_empty() { "the study has no sweep".to_owned() } else { keys.join(", ") };
    Err(Error::usage(format!("`{key}` is no axis of the sweep"), Some(format!("axes: {axes}"))))
}

fn has_key(axis: &Axis, key: &str) -> bool {
    axis.keys.iter().any(|k| k.key == key)
}

/// The point of an axis that is named, or the only one it has.
fn position(axis: &Axis, places: &[(&str, &str)]) -> Result<usize> {
    let named = places
        .iter()
        .find_map(|&(key, value)| Some((axis.keys.iter().find(|k| k.key == key)?, value)));
    match named {
        Some((key, value)) => nearest(&key.values, value).ok_or_else(|| {
            let values: Vec<String> = (0..axis.len()).map(|i| key.values.text(i)).collect();
            Error::usage(
                format!("`{value}` is no value of {}", key.key),
                Some(format!("its values are {}", values.join(", "))),
            )
        }),
        None if axis.len() == 1 => Ok(0),
        None => Err(Error::usage(
            format!("which cell? The sweep has an axis {}", axis.keys[0].key),
            Some(format!("say --at {}=VALUE, or --cell I", axis.keys[0].key)),
        )),
    }
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
        AxisValues::Integers(v) => v.iter().position(|x| text.parse() == Ok(*x)),
        AxisValues::Labels(v) => v.iter().position(|x| x == text),
    }
}

/// `key = value` of a cell.
fn described(study: &Study, mut index: usize, key: &str) -> String {
    for axis in study.axes.iter().rev() {
        if let Some(k) = axis.keys.iter().find(|k| k.key == key) {
            return format!("{key} = {}", k.values.text(index % axis.len()));
        }
        index /= axis.len();
    }
    key.to_owned()
}
