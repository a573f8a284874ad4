//! What a probability does along an axis, all other axes fixed.

use std::cmp::Ordering;

use super::{Asymptotes, Curve, Question};
use crate::report::axis::AxisScale;
use crate::report::counts::CellCounts;
use crate::stats::axis::{Bracket, Direction, Point};
use crate::stats::crossings::{Crossing, crossings, sides};
use crate::stats::{clopper_pearson, confidence_sequence, isotonic};

/// The counts along an axis, all other axes fixed.
#[derive(Debug, Clone)]
pub struct Slice {
    /// Position on all axes of its first cell.
    pub(super) position: Vec<usize>,
    /// Its crossings in order along the axis; one entry that says why, if there is none.
    pub transitions: Vec<Transition>,
}

impl Slice {
    /// Takes back what its curves say of their own errors.
    pub(super) fn withhold_errors(&mut self) {
        let curves = self.transitions.iter_mut().filter_map(|transition| transition.curve.as_mut());
        curves.for_each(Curve::withhold_errors);
    }
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
    /// Whether only the curve shows the crossing, not the counts of two points.
    pub fn is_of_curve(&self) -> bool {
        let is_open = |bracket: &Bracket| !(bracket.lower.is_finite() && bracket.upper.is_finite());
        self.bracket.as_ref().is_some_and(is_open)
    }

    /// Whether there is a crossing but no curve.
    pub fn is_step(&self) -> bool {
        self.bracket.is_some() && self.curve.is_none()
    }
}

/// What a probability does along a piece of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

/// Cells that follow each other along an axis, all of them with trials.
#[derive(Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) cells: &'a [(f64, CellCounts)],
    pub(super) sequential: bool,
    pub(super) independent: bool,
    pub(super) scale: AxisScale,
    pub(super) question: &'a Question,
}

impl Piece<'_> {
    /// What there is on a whole slice.
    pub(super) fn transitions(self) -> Vec<Transition> {
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
        // It takes an interval that is right.
        let may_be_fitted = course == Course::Unclear && self.independent;
        let fitted = if may_be_fitted { self.fitted(&points, &sides) } else { None };
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
    fn fitted(self, points: &[Point], sides: &[Ordering]) -> Option<Transition> {
        let Question { p, level, .. } = *self.question;
        let (first, last) = (points.first()?.x, points.last()?.x);
        let bounded = |asymptotes| self.curve(points, asymptotes).filter(Curve::is_bounded);
        let (plain, curve) = (bounded(Asymptotes::None)?, bounded(self.question.asymptotes)?);
        let inside = first <= curve.threshold && curve.threshold <= last;
        let direction = curve.direction();
        let monotone = isotonic::crossing(points, direction, p, level).is_some();
        if !inside || !monotone || direction != plain.direction() {
            return None;
        }
        let (near, far) = match direction {
            Direction::Increasing => (Ordering::Less, Ordering::Greater),
            Direction::Decreasing => (Ordering::Greater, Ordering::Less),
        };
        let place = |i: usize| points[i].x;
        let lower = sides.iter().rposition(|&side| side == near).map_or(f64::NEG_INFINITY, place);
        let upper = sides.iter().position(|&side| side == far).map_or(f64::INFINITY, place);
        Some(self.transition(direction.into(), Some(Bracket { lower, upper }), Some(curve)))
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
