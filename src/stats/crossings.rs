//! Where along an axis a probability crosses another one, which it may do several times, without a model
//! of its curve.
//!
//! A point is *shown* to be above or below `p` if its interval leaves `p` out; the intervals of all points
//! hold at once. Between a point shown on one side and the next one shown on the other side the
//! probability crosses `p`, whatever its curve: so there are at least that many crossings, and each
//! bracket holds one. A crossing to and fro between two neighbouring points, or where trials are too few
//! to show a side, is not seen.

use std::cmp::Ordering;
use std::ops::RangeInclusive;

use super::axis::{self, Bracket, Direction, Point};
use super::isotonic;
use super::method::simultaneous;
use super::proportion::Interval;

/// A crossing that the counts show.
#[derive(Debug, Clone, PartialEq)]
pub struct Crossing {
    /// Which way.
    pub direction: Direction,
    /// Between which places: the last one shown on the near side, the first one shown on the far side.
    pub bracket: Bracket,
    /// The points, by number, on which the probability goes this way: from the extreme before the
    /// crossing to the one behind it.
    pub piece: RangeInclusive<usize>,
}

/// On which side of `p` each point is shown to be, `Equal` where it is not shown: by `interval` of
/// successes, trials and a level that is high enough for all points at once ([`simultaneous`]), so that all sides are right at once with probability `level` or more.
///
/// # Panics
/// If `p` is not strictly between 0 and 1, or whenever `interval` does.
pub fn sides(
    points: &[Point],
    p: f64,
    level: f64,
    interval: impl Fn(u64, u64, f64) -> Interval,
) -> Vec<Ordering> {
    assert!(p > 0.0 && p < 1.0, "a probability between 0 and 1 is crossed, not {p}");
    let single = simultaneous(level, points.len().max(1) as u64);
    let side = |point: &Point| match interval(point.successes, point.trials, single) {
        Interval { lower, .. } if lower > p => Ordering::Greater,
        Interval { upper, .. } if upper < p => Ordering::Less,
        _ => Ordering::Equal,
    };
    points.iter().map(side).collect()
}

/// The crossings of `p` that these [`sides`] show, in order, each with the monotone piece it is on.
///
/// Two crossings that follow each other share the extreme between them: the mode of the unimodal
/// probability of greatest likelihood (Frisen 1986, The Statistician 35(4) 479-485) from the last point
/// before the first crossing to the first point behind the second one; the middle one of several. Before
/// the first crossing and behind the last one all points belong to its piece, unless a monotone probability
/// is contradicted there ([`isotonic::crossing`] at this level): then it too begins or ends at a mode.
///
/// # Panics
/// If there are not as many sides as points, the places are not in ascending order, a point has more
/// successes than trials, or `p` or `level` is not strictly between 0 and 1.
pub fn crossings(points: &[Point], sides: &[Ordering], p: f64, level: f64) -> Vec<Crossing> {
    assert_eq!(points.len(), sides.len(), "each point has a side");
    let shown: Vec<usize> = (0..sides.len()).filter(|&i| sides[i] != Ordering::Equal).collect();
    let turns: Vec<Turn> =
        shown.windows(2).filter_map(|pair| Turn::between(sides, pair[0], pair[1])).collect();
    let (Some(first), Some(last)) = (turns.first(), turns.last()) else { return Vec::new() };
    let monotone = |range: RangeInclusive<usize>, direction| {
        isotonic::crossing(&points[range], direction, p, level).is_some()
    };
    let (whole, end) = (0..=first.far, points.len() - 1);
    let start = match monotone(whole.clone(), first.direction) {
        true => 0,
        false => mode(points, whole, first.direction.opposite()).min(first.near),
    };
    let end = match monotone(last.near..=end, last.direction) {
        true => end,
        false => mode(points, last.near..=end, last.direction).max(last.far),
    };
    let between = turns.windows(2).map(|pair| {
        let (before, behind) = (&pair[0], &pair[1]);
        let mode = mode(points, before.near..=behind.far, before.direction);
        mode.clamp(before.far, behind.near)
    });
    let cuts: Vec<usize> = [start].into_iter().chain(between).chain([end]).collect();
    let crossing = |(turn, cut): (&Turn, &[usize])| Crossing {
        direction: turn.direction,
        bracket: Bracket { lower: points[turn.near].x, upper: points[turn.far].x },
        piece: cut[0]..=cut[1],
    };
    turns.iter().zip(cuts.windows(2)).map(crossing).collect()
}

/// Two points shown on different sides, by number, with none between them that is shown on any.
struct Turn {
    near: usize,
    far: usize,
    direction: Direction,
}

impl Turn {
    fn between(sides: &[Ordering], near: usize, far: usize) -> Option<Self> {
        let direction = match (sides[near], sides[far]) {
            (Ordering::Less, Ordering::Greater) => Direction::Increasing,
            (Ordering::Greater, Ordering::Less) => Direction::Decreasing,
            _ => return None,
        };
        Some(Self { near, far, direction })
    }
}

/// The place, by number, of the extreme of the probability of greatest likelihood that first goes this way
/// and then the other.
fn mode(points: &[Point], range: RangeInclusive<usize>, direction: Direction) -> usize {
    let (first, last) = range.clone().into_inner();
    let deviance = |range: RangeInclusive<usize>, estimates: &[f64]| {
        let of_point = |(point, &p): (&Point, &f64)| {
            axis::deviance(std::slice::from_ref(point), |_| (p, 1.0 - p))
        };
        points[range].iter().zip(estimates).map(of_point).sum::<f64>()
    };
    let candidate = |at: usize| {
        let before = isotonic::estimate(&points[first..=at], direction);
        let behind = isotonic::estimate(&points[at + 1..=last], direction.opposite());
        let turns =
            behind.first().is_none_or(|next| direction.sign() * (before[at - first] - next) >= 0.0);
        turns.then(|| (at, deviance(first..=at, &before) + deviance(at + 1..=last, &behind)))
    };
    let candidates: Vec<(usize, f64)> = range.filter_map(candidate).collect();
    let least = candidates.iter().map(|candidate| candidate.1).fold(f64::INFINITY, f64::min);
    let modes: Vec<usize> = candidates
        .iter()
        .filter(|candidate| candidate.1 == least)
        .map(|candidate| candidate.0)
        .collect();
    modes[(modes.len() - 1) / 2]
}
