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

mod curve;
mod export;
mod law;
mod table;

use rayon::prelude::*;

pub use curve::{Asymptotes, Curve};
pub use law::{Law, Scaling};

use super::axis::{AxisScale, NumericAxis};
use super::counts::{CellCounts, Counts};
use super::position;
use crate::Result;
use crate::stats::axis::{Bracket, Direction, Point};
use crate::stats::crossings::{Crossing, crossings, sides};
use crate::stats::link::Link;
use crate::stats::{clopper_pearson, confidence_sequence, isotonic};
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

/// The counts along an axis, all other axes fixed.
#[derive(Debug, Clone)]
pub struct Slice {
    /// Position on all axes of its first cell.
    position: Vec<usize>,
    /// Its crossings in order along the axis; one entry that says why, if there is none.
    pub transitions: Vec<Transition>,
}

/// A crossing, or that there is none.
#[derive(Debug, Clone)]
pub struct Transition {
    /// What the probability does.
    pub course: Course,
    /// The crossing is between these two values whatever the curve; an end is infinite where the counts
    /// show nothing. `None` without a crossing.
    pub bracket: Option<Bracket>,
    /// Where the monotone probability of greatest likelihood crosses `p`, joined by straight lines on the
    /// scale of the fit ([`isotonic::crossing_estimate`]).
    pub isotonic: Option<f64>,
    /// The curve; `None` without a crossing or if it is a step as far as the counts tell.
    pub curve: Option<Curve>,
    /// Points of the piece.
    pub points: usize,
    /// Trials of the piece.
    pub trials: u64,
    /// Those that were undecided.
    pub undecided: u64,
}

impl Transition {
    /// Whether there is a crossing but no curve.
    pub fn is_step(&self) -> bool {
        self.bracket.is_some() && self.curve.is_none()
    }
}

/// What a probability does along a piece of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// It crosses `p` upwards.
    Rising,
    /// It crosses `p` downwards.
    Falling,
    /// It is above at all points.
    Above,
    /// It is below at all points.
    Below,
    /// The trials are too few to tell.
    Unclear,
}

impl Course {
    /// Its word in tables and files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rising => "rising",
            Self::Falling => "falling",
            Self::Above => "above",
            Self::Below => "below",
            Self::Unclear => "unclear",
        }
    }

    /// The way of a crossing.
    fn direction(self) -> Option<Direction> {
        match self {
            Self::Rising => Some(Direction::Increasing),
            Self::Falling => Some(Direction::Decreasing),
            Self::Above | Self::Below | Self::Unclear => None,
        }
    }
}

impl From<Direction> for Course {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Increasing => Self::Rising,
            Direction::Decreasing => Self::Falling,
        }
    }
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
    let slice = |(first, position): (usize, Vec<usize>)| {
        let cell = |i: usize| counts.cells[first + i * stride];
        let mut cells: Vec<(f64, CellCounts)> =
            axis.values.iter().enumerate().map(|(i, &x)| (x, cell(i))).collect();
        cells.retain(|(_, cell)| cell.trials > 0);
        cells.sort_by(|a, b| a.0.total_cmp(&b.0));
        let piece = Piece { cells: &cells, sequential: counts.sequential, scale, question };
        Slice { position, transitions: piece.transitions() }
    };
    let slices: Vec<Slice> = first.into_par_iter().map(slice).collect();
    let scaling = scaling.map(|axis| Scaling::of(axis, &slices, scale, question.level));
    Ok(Transitions {
        question: question.clone(),
        name: counts.name.clone(),
        missing: counts.missing,
        sequential: counts.sequential,
        axes: counts.axes.clone(),
        axis,
        scale,
        slices,
        scaling,
    })
}

/// Cells that follow each other along an axis, all of them with trials.
#[derive(Clone, Copy)]
struct Piece<'a> {
    cells: &'a [(f64, CellCounts)],
    sequential: bool,
    scale: AxisScale,
    question: &'a Question,
}

impl Piece<'_> {
    /// What there is on a whole slice.
    fn transitions(self) -> Vec<Transition> {
        let points = self.points();
        let Question { p, level, .. } = *self.question;
        let interval = if self.sequential { confidence_sequence } else { clopper_pearson };
        let sides = sides(&points, p, level, interval);
        let shown = crossings(&points, &sides, p, level);
        if !shown.is_empty() {
            return shown.into_iter().map(|crossing| self.shown(crossing)).collect();
        }
        let course = match sides.first() {
            Some(side) if side.is_gt() && sides.iter().all(|side| side.is_gt()) => Course::Above,
            Some(side) if side.is_lt() && sides.iter().all(|side| side.is_lt()) => Course::Below,
            _ => Course::Unclear,
        };
        let fitted = if course == Course::Unclear { self.fitted(&points) } else { None };
        vec![fitted.unwrap_or_else(|| self.transition(course, None, None))]
    }

    fn points(self) -> Vec<Point> {
        let point = |(x, cell): &(f64, CellCounts)| Point {
            x: *x,
            successes: self.question.undecided.successes(cell),
            trials: cell.trials,
        };
        self.cells.iter().map(point).collect()
    }

    /// A crossing that the counts show without a model.
    fn shown(self, crossing: Crossing) -> Transition {
        let piece = Self { cells: &self.cells[crossing.piece], ..self };
        let curve = piece.curve(&piece.points(), self.question.asymptotes);
        let curve = curve.filter(|curve| curve.direction() == crossing.direction);
        piece.transition(crossing.direction.into(), Some(crossing.bracket), curve)
    }

    /// A crossing that no two points show, but a curve through all of them, if they may be monotone: the
    /// slope of the plain curve is not zero and the threshold is enclosed, both at the level that is asked
    /// for, and the threshold is among the points.
    fn fitted(self, points: &[Point]) -> Option<Transition> {
        let Question { p, level, .. } = *self.question;
        let (first, last) = (points.first()?.x, points.last()?.x);
        let bounded = |asymptotes| self.curve(points, asymptotes).filter(Curve::is_bounded);
        let (plain, curve) = (bounded(Asymptotes::None)?, bounded(self.question.asymptotes)?);
        let inside = first <= curve.threshold && curve.threshold <= last;
        let direction = curve.direction();
        if !inside || direction != plain.direction() {
            return None;
        }
        let bracket = isotonic::crossing(points, direction, p, level)?;
        Some(self.transition(direction.into(), Some(bracket), Some(curve)))
    }

    fn curve(self, points: &[Point], asymptotes: Asymptotes) -> Option<Curve> {
        Curve::fit(points, self.scale, asymptotes, self.question)
    }

    fn transition(
        self,
        course: Course,
        bracket: Option<Bracket>,
        curve: Option<Curve>,
    ) -> Transition {
        let sum =
            |count: fn(&CellCounts) -> u64| self.cells.iter().map(|(_, cell)| count(cell)).sum();
        let crossing = |direction| {
            let points = self.scale.scaled_points(&self.points());
            isotonic::crossing_estimate(&points, direction, self.question.p)
        };
        Transition {
            course,
            bracket,
            isotonic: course.direction().and_then(crossing).map(|u| self.scale.value(u)),
            curve,
            points: self.cells.len(),
            trials: sum(|cell| cell.trials),
            undecided: sum(|cell| cell.undecided),
        }
    }
}

#[cfg(test)]
mod tests;
