//! From a results file to what people and programs read: a table, JSON, CSV.

mod export;
pub(crate) mod format;
pub mod rare;
pub(crate) mod table;

pub use export::{csv, json};
pub use table::table;

use crate::store::reader::ResultsFile;
use crate::study::{Axis, AxisKey};

/// Position on each axis of cell number `cell`, row-major (last axis fastest).
fn position(axes: &[Axis], mut cell: usize) -> Vec<usize> {
    let mut position = vec![0; axes.len()];
    for (p, axis) in position.iter_mut().zip(axes).rev() {
        *p = cell % axis.len();
        cell /= axis.len();
    }
    position
}

/// The swept keys, each with the number of its axis.
fn swept_keys(results: &ResultsFile) -> Vec<(usize, &AxisKey)> {
    results
        .axes
        .iter()
        .enumerate()
        .flat_map(|(i, axis)| axis.keys.iter().map(move |key| (i, key)))
        .collect()
}
