//! From a results file to what people and programs read: a table, JSON, CSV, a page.

pub mod axis;
pub mod columns;
pub mod comparison;
pub mod counts;
mod export;
pub mod figures;
pub(crate) mod format;
mod labels;
pub mod page;
pub mod rare;
pub mod standing;
pub(crate) mod table;
pub mod times;
pub mod transition;

pub use export::{csv, json};
pub use page::page;
pub use table::table;

use crate::study::{Axis, AxisKey};

/// Position on each axis of cell number `cell`, row-major (last axis fastest).
pub(crate) fn position(axes: &[Axis], mut cell: usize) -> Vec<usize> {
    let mut position = vec![0; axes.len()];
    for (p, axis) in position.iter_mut().zip(axes).rev() {
        *p = cell % axis.len();
        cell /= axis.len();
    }
    position
}

/// The number of the cell at these positions: the inverse of [`position`].
fn number(axes: &[Axis], position: &[usize]) -> usize {
    axes.iter().zip(position).fold(0, |number, (axis, at)| number * axis.len() + at)
}

/// The swept keys, each with the number of its axis.
fn swept_keys(axes: &[Axis]) -> Vec<(usize, &AxisKey)> {
    axes.iter()
        .enumerate()
        .flat_map(|(i, axis)| axis.keys.iter().map(move |key| (i, key)))
        .collect()
}
