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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::glm::tests::{points, simulate};
    use super::super::proportion::clopper_pearson;
    use super::*;
    use crate::digest::Digest;
    use crate::rng::{Purpose, stream};

    const UP: Direction = Direction::Increasing;
    const DOWN: Direction = Direction::Decreasing;

    fn found(points: &[Point]) -> Vec<Crossing> {
        let sides = sides(points, 0.5, 0.95, clopper_pearson);
        crossings(points, &sides, 0.5, 0.95)
    }

    /// Crossings of these percentages of 1000 trials at places 0, 1, 2, ...
    fn of_percentages(percentages: &[u64]) -> Vec<(Direction, (f64, f64), RangeInclusive<usize>)> {
        let places: Vec<f64> = (0..percentages.len()).map(|i| i as f64).collect();
        let counts: Vec<(u64, u64)> = percentages.iter().map(|share| (10 * share, 1000)).collect();
        let parts = |crossing: Crossing| {
            let Bracket { lower, upper } = crossing.bracket;
            (crossing.direction, (lower, upper), crossing.piece)
        };
        found(&points(&places, &counts)).into_iter().map(parts).collect()
    }

    #[test]
    fn known_crossings() {
        for (percentages, expected) in [
            (&[0, 100][..], vec![(UP, (0.0, 1.0), 0..=1)]),
            (&[90, 50, 49, 10], vec![(DOWN, (0.0, 3.0), 0..=3)]),
            (&[0, 30, 90, 40, 0], vec![(UP, (1.0, 2.0), 0..=2), (DOWN, (2.0, 3.0), 2..=4)]),
            // The middle of a plateau, and its highest point.
            (&[0, 100, 100, 100, 0], vec![(UP, (0.0, 1.0), 0..=2), (DOWN, (3.0, 4.0), 2..=4)]),
            (&[0, 80, 99, 90, 0], vec![(UP, (0.0, 1.0), 0..=2), (DOWN, (3.0, 4.0), 2..=4)]),
            // A valley between two crossings, one before the first and a peak behind the last.
            (&[90, 10, 2, 20, 95], vec![(DOWN, (0.0, 1.0), 0..=2), (UP, (3.0, 4.0), 2..=4)]),
            (&[40, 2, 20, 95], vec![(UP, (2.0, 3.0), 1..=3)]),
            (&[2, 20, 95, 60], vec![(UP, (1.0, 2.0), 0..=2)]),
            // A plateau that is not quite one is none the less monotone.
            (&[2, 96, 98, 97], vec![(UP, (0.0, 1.0), 0..=3)]),
            (
                &[0, 100, 0, 100],
                vec![(UP, (0.0, 1.0), 0..=1), (DOWN, (1.0, 2.0), 1..=2), (UP, (2.0, 3.0), 2..=3)],
            ),
            (&[60, 70, 80], vec![]),
            (&[10, 50, 20], vec![]),
        ] {
            assert_eq!(of_percentages(percentages), expected, "{percentages:?}");
        }
        assert_eq!(found(&[]), vec![]);
    }

    /// A window twice open, in 1000 experiments: with probability .95 or more all that is shown is true. The
    /// observed share is below by 4 standard errors with chance 1e-4 (it is well above: Bonferroni). All four
    /// crossings are shown in nearly all of them.
    #[test]
    fn coverage_by_simulation() {
        let curve = |x: f64| 0.5 - 0.48 * libm::cos(std::f64::consts::TAU * x);
        let places: Vec<f64> = (0..25).map(|i| f64::from(i) / 12.0).collect();
        let mut random = stream(1, &Digest::of(b"crossings"), Purpose::Init, 0);
        let (mut held, mut all) = (0, 0);
        for _ in 0..1000 {
            let data = simulate(&places, 100, curve, &mut random);
            let found = found(&data);
            // At a quarter and three quarters of each period.
            let truth = [(0.25, UP), (0.75, DOWN), (1.25, UP), (1.75, DOWN)];
            let is_true = |crossing: &Crossing| {
                truth.iter().any(|&(x, d)| crossing.bracket.contains(x) && crossing.direction == d)
            };
            held += usize::from(found.iter().all(is_true));
            all += usize::from(found.len() == 4);
        }
        assert!(held > 922, "{held} of 1000");
        assert!(all > 990, "{all} of 1000");
    }

    proptest! {
        /// Crossings alternate, share the points where they meet, and each lies on its piece.
        #[test]
        fn pieces_follow_each_other(
            counts in prop::collection::vec((0_u64..60, 1_u64..60), 1..16),
        ) {
            let places: Vec<f64> = (0..counts.len()).map(|i| i as f64).collect();
            let counts: Vec<_> = counts.iter().map(|&(k, n)| (k.min(n), n)).collect();
            let data = points(&places, &counts);
            let up = found(&data);
            for crossing in &up {
                let (first, last) = crossing.piece.clone().into_inner();
                let Bracket { lower, upper } = crossing.bracket;
                prop_assert!(first as f64 <= lower && lower < upper && upper <= last as f64);
            }
            for pair in up.windows(2) {
                prop_assert_eq!(pair[0].direction, pair[1].direction.opposite());
                prop_assert_eq!(pair[0].piece.end(), pair[1].piece.start());
            }
            // The same from failures, the other way up.
            let failures = data.iter().map(|point| Point { successes: point.trials - point.successes, ..*point });
            let turned: Vec<Point> = failures.collect();
            let down = found(&turned);
            prop_assert_eq!(down.len(), up.len());
            for (a, b) in up.iter().zip(&down) {
                prop_assert_eq!((a.direction, a.bracket), (b.direction.opposite(), b.bracket));
            }
        }
    }
}
