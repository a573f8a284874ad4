//! Transitions: where along an axis the probability of convergence crosses `p`.
//!
//! A slice is what is counted along the axis with all other axes fixed. First it is asked, without a model,
//! how often the probability is shown to cross `p` and between which values
//! ([`crossings`](crate::stats::crossings)): along the standard deviation of initial weights it rises and
//! falls again. Then a curve is fitted to the monotone piece of each crossing ([`Curve`]).
//!
//! What is counted is convergence within the step limit, of which every trial tells; with
//! [`Undecided::Converged`] trials that were undecided there count as converged, which is the other end of
//! what they might have become. Where precision decided how many trials a cell has, the bounds are those of
//! a confidence sequence; estimates are those of greatest likelihood all the same, but intervals of
//! thresholds are right for numbers that were fixed beforehand only.
//!
//! Where the cells of a slice have starts in common (or targets, trial by trial), their counts rise and fall
//! together: what a curve says of its threshold's error, and of how well it fits, would be wrong and is left
//! out. Bounds of crossings, which add up chances, and estimates stand.

mod curve;
mod export;
mod law;
mod slice;
mod table;

pub use curve::{Asymptotes, Curve};
pub use law::{Law, Scaling};
pub use slice::{Course, Slice, Transition};

use rayon::prelude::*;

use self::slice::Piece;
use super::axis::{AxisScale, NumericAxis};
use super::counts::{CellCounts, Counts};
use super::position;
use crate::Result;
use crate::stats::link::Link;
use crate::study::Axis;

/// What is asked of the counts.
#[derive(Debug, Clone)]
pub struct Question {
    /// The key of the axis; `None`: the only one of numbers.
    pub axis: Option<String>,
    /// The probability that is crossed, strictly between 0 and 1.
    pub p: f64,
    /// Confidence level, strictly between 0 and 1.
    pub level: f64,
    /// The link of the curves.
    pub link: Link,
    /// Whether they go from 0 to 1.
    pub asymptotes: Asymptotes,
    /// The scale of the axis; `None`: as [`AxisScale::of`] its values.
    pub scale: Option<AxisScale>,
    /// What undecided trials count as.
    pub undecided: Undecided,
    /// The key of another axis over which thresholds may be a power law.
    pub scaling: Option<String>,
}

/// What trials count as that were undecided at the step limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undecided {
    /// They did not converge within the limit.
    Failed,
    /// They would with more steps.
    Converged,
}

impl Undecided {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Failed, Self::Converged];

    /// Its word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Converged => "converged",
        }
    }

    /// Trials of a cell that count as converged.
    fn successes(self, cell: &CellCounts) -> u64 {
        match self {
            Self::Failed => cell.converged,
            Self::Converged => cell.converged + cell.undecided,
        }
    }
}

/// The transitions of a study along one axis.
#[derive(Debug, Clone)]
pub struct Transitions {
    /// What was asked.
    question: Question,
    /// Name of the study.
    name: String,
    /// Trials of all cells that are missing.
    missing: u64,
    /// Whether precision decided how many trials each cell has.
    sequential: bool,
    /// Whether the cells of a slice are independent.
    independent: bool,
    /// All axes of the sweep.
    axes: Vec<Axis>,
    /// The one along which the probability is looked at.
    pub axis: NumericAxis,
    /// The scale of its curves.
    pub scale: AxisScale,
    /// The slices, row-major in the other axes.
    pub slices: Vec<Slice>,
    /// How thresholds go with another axis, if that was asked.
    pub scaling: Option<Scaling>,
}

/// Where the probabilities of a study cross `question.p`.
///
/// # Errors
/// [`crate::Error::Usage`] if an axis that is asked for is not there or no axis of numbers.
///
/// # Panics
/// If `question.p` or `question.level` is not strictly between 0 and 1.
pub fn transitions(counts: &Counts, question: &Question) -> Result<Transitions> {
    let axis = match &question.axis {
        Some(key) => NumericAxis::of_key(&counts.axes, key)?,
        None => NumericAxis::only(&counts.axes, "--axis")?,
    };
    let scaling = law::axis(&counts.axes, &axis, question.scaling.as_deref())?;
    let scale = question.scale.unwrap_or_else(|| AxisScale::of(&axis.values));
    curve::check_scale(scale, &axis)?;
    let positions = (0..counts.cells.len()).map(|cell| position(&counts.axes, cell));
    let first: Vec<_> = positions.enumerate().filter(|(_, p)| p[axis.number] == 0).collect();
    let stride: usize = counts.axes[axis.number + 1..].iter().map(Axis::len).product();
    let independent = counts.independent[axis.number];
    let slice = |(first, position): (usize, Vec<usize>)| {
        let cell = |i: usize| counts.cells[first + i * stride];
        let mut cells: Vec<(f64, CellCounts)> =
            axis.values.iter().enumerate().map(|(i, &x)| (x, cell(i))).collect();
        cells.retain(|(_, cell)| cell.trials > 0);
        cells.sort_by(|a, b| a.0.total_cmp(&b.0));
        let sequential = counts.sequential;
        let piece = Piece { cells: &cells, sequential, independent, scale, question };
        Slice { position, transitions: piece.transitions() }
    };
    let mut slices: Vec<Slice> = first.into_par_iter().map(slice).collect();
    let mut scaling = scaling.map(|axis| Scaling::of(axis, &slices, scale, question.level));
    if !independent {
        slices.iter_mut().for_each(Slice::withhold_errors);
    }
    if let Some(scaling) = &mut scaling
        && !(independent && counts.independent[scaling.axis.number])
    {
        scaling.withhold_errors();
    }
    Ok(Transitions {
        question: question.clone(),
        name: counts.name.clone(),
        missing: counts.missing,
        sequential: counts.sequential,
        independent,
        axes: counts.axes.clone(),
        axis,
        scale,
        slices,
        scaling,
    })
}

#[cfg(test)]
mod tests;
