//! A probability that is only known to be monotone along an axis: its estimate, bounds, and where it
//! is crossed, without a model of its curve.

use super::axis::{Bracket, Direction, Point};
use super::proportion::{Interval, clopper_pearson};

/// The maximum likelihood estimate of a monotone probability at these points, by pooling adjacent
/// violators (Ayer, Brunk, Ewing, Reid, Silverman 1955, Ann. Math. Stat. 26(4) 641-647): neighbours
/// whose shares go the wrong way are pooled until none does. A point without trials takes the value of a
/// neighbour; without any trials all are `NaN`.
///
/// # Panics
/// If the places are not in ascending order or a point has more successes than trials.
pub fn estimate(points: &[Point], direction: Direction) -> Vec<f64> {
    check(points);
    // Blocks of (successes, trials, number of points). Shares are compared as products, exactly.
    let mut blocks: Vec<(u128, u128, usize)> = Vec::new();
    for point in points {
        let mut block = (u128::from(point.successes), u128::from(point.trials), 1);
        while let Some(&last) = blocks.last() {
            let (here, there) = (block.0 * last.1, last.0 * block.1);
            let violated = match direction {
                Direction::Increasing => here < there,
                Direction::Decreasing => here > there,
            };
            if !violated && block.1 > 0 && last.1 > 0 {
                break;
            }
            blocks.pop();
            block = (block.0 + last.0, block.1 + last.1, block.2 + last.2);
        }
        blocks.push(block);
    }
    let values = blocks.iter().flat_map(|&(successes, trials, count)| {
        std::iter::repeat_n(successes as f64 / trials as f64, count)
    });
    values.collect()
}

/// Bounds that hold at all points at once with probability `level` or more, if the probability is
/// monotone in this direction: Clopper and Pearson's at level `1 - (1 - level) / m` for each of the `m`
/// points with trials (Bonferroni), each carried on to the points where it holds all the more. Where a
/// lower bound is above an upper one, a monotone probability is contradicted at this level.
///
/// # Panics
/// If the places are not in ascending order, a point has more successes than trials, or `level` is not
/// strictly between 0 and 1.
pub fn bounds(points: &[Point], direction: Direction, level: f64) -> Vec<Interval> {
    check(points);
    assert!(level > 0.0 && level < 1.0, "a confidence level is between 0 and 1, not {level}");
    let observed = points.iter().filter(|point| point.trials > 0).count().max(1);
    let single = 1.0 - (1.0 - level) / observed as f64;
    let interval = |point: &Point| clopper_pearson(point.successes, point.trials, single);
    let mut bounds: Vec<Interval> = points.iter().map(interval).collect();
    if direction == Direction::Decreasing {
        bounds.reverse();
    }
    for i in 1..bounds.len() {
        bounds[i].lower = bounds[i].lower.max(bounds[i - 1].lower);
    }
    for i in (1..bounds.len()).rev() {
        bounds[i - 1].upper = bounds[i - 1].upper.min(bounds[i].upper);
    }
    if direction == Direction::Decreasing {
        bounds.reverse();
    }
    bounds
}

/// Where a monotone probability crosses `p`: between the last point that is on the near side of `p` by
/// its [`bounds`] and the first that is on the far side. An end is infinite where no point is. The
/// bracket holds the crossing with probability `level` or more, whatever the curve, if the numbers of
/// trials were fixed beforehand; if the probability is `p` on a whole stretch, or jumps over it, then all
/// of the stretch, or the place of the jump. `None` if the bounds contradict a monotone probability.
///
/// # Panics
/// As [`bounds`], or if `p` is not strictly between 0 and 1.
pub fn crossing(points: &[Point], direction: Direction, p: f64, level: f64) -> Option<Bracket> {
    assert!(p > 0.0 && p < 1.0, "a probability between 0 and 1 is crossed, not {p}");
    let bounds = bounds(points, direction, level);
    if bounds.iter().any(|bound| bound.lower > bound.upper) {
        return None;
    }
    let (mut lower, mut upper) = (f64::NEG_INFINITY, f64::INFINITY);
    for (point, bound) in points.iter().zip(&bounds) {
        let (near, far) = match direction {
            Direction::Increasing => (bound.upper < p, bound.lower > p),
            Direction::Decreasing => (bound.lower > p, bound.upper < p),
        };
        if near {
            lower = lower.max(point.x);
        }
        if far {
            upper = upper.min(point.x);
        }
    }
    Some(Bracket { lower, upper })
}

/// Where the [`estimate`] of a monotone probability, joined by straight lines, crosses `p`; the middle of
/// the points at which it is `p`. `None` if it has no points on both sides.
///
/// # Panics
/// As [`estimate`], or if `p` is not strictly between 0 and 1.
pub fn crossing_estimate(points: &[Point], direction: Direction, p: f64) -> Option<f64> {
    assert!(p > 0.0 && p < 1.0, "a probability between 0 and 1 is crossed, not {p}");
    let beyond: Vec<f64> =
        estimate(points, direction).iter().map(|e| direction.sign() * (e - p)).collect();
    let near = beyond.iter().rposition(|&beyond| beyond < 0.0)?;
    let far = beyond.iter().position(|&beyond| beyond > 0.0)?;
    if far == near + 1 {
        let part = beyond[near] / (beyond[near] - beyond[far]);
        return Some(points[near].x + part * (points[far].x - points[near].x));
    }
    Some(0.5 * (points[near + 1].x + points[far - 1].x))
}

fn check(points: &[Point]) {
    assert!(points.windows(2).all(|pair| pair[0].x < pair[1].x), "places are in ascending order");
    for point in points {
        assert!(point.successes <= point.trials, "more successes than trials: {point:?}");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::glm::tests::{beetles, points, simulate};
    use super::*;
    use crate::digest::Digest;
    use crate::rng::{Purpose, stream};

    const UP: Direction = Direction::Increasing;
    const DOWN: Direction = Direction::Decreasing;

    fn mirrored(points: &[Point]) -> Vec<Point> {
        points.iter().rev().map(|point| Point { x: -point.x, ..*point }).collect()
    }

    #[test]
    fn known_estimates() {
        let places = [1.0, 2.0, 3.0, 4.0, 5.0];
        for (counts, direction, expected) in [
            ([(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)], UP, [0.0, 0.25, 0.5, 0.75, 1.0]),
            ([(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)], DOWN, [0.5, 0.5, 0.5, 0.5, 0.5]),
            ([(1, 4), (0, 4), (3, 4), (2, 4), (4, 4)], UP, [0.125, 0.125, 0.625, 0.625, 1.0]),
            ([(4, 4), (1, 10), (4, 10), (0, 4), (0, 4)], DOWN, [1.0, 0.25, 0.25, 0.0, 0.0]),
            ([(1, 4), (0, 0), (3, 4), (0, 0), (4, 4)], UP, [0.25, 0.25, 0.75, 0.75, 1.0]),
        ] {
            assert_eq!(estimate(&points(&places, &counts), direction), expected, "{counts:?}");
        }
        let late = estimate(&points(&[1.0, 2.0], &[(0, 0), (1, 2)]), UP);
        assert_eq!(late, [0.5, 0.5]);
        assert!(estimate(&points(&[1.0], &[(0, 0)]), UP)[0].is_nan());
    }

    #[test]
    fn known_crossings_of_the_estimate() {
        let places = [0.0, 1.0, 2.0, 3.0];
        for (counts, direction, expected) in [
            ([(0, 4), (1, 4), (3, 4), (4, 4)], UP, Some(1.5)),
            ([(0, 4), (0, 4), (0, 4), (3, 4)], UP, Some(2.0 + 2.0 / 3.0)),
            ([(4, 4), (3, 4), (0, 4), (1, 4)], DOWN, Some(1.4)),
            ([(0, 4), (2, 4), (2, 4), (4, 4)], UP, Some(1.5)),
            ([(0, 4), (3, 4), (1, 4), (4, 4)], UP, Some(1.5)),
            ([(0, 4), (0, 4), (2, 4), (4, 4)], UP, Some(2.0)),
            ([(0, 4), (1, 4), (1, 4), (2, 4)], UP, None),
            ([(0, 4), (1, 4), (3, 4), (4, 4)], DOWN, None),
        ] {
            let found = crossing_estimate(&points(&places, &counts), direction, 0.5);
            assert_eq!(found.is_some(), expected.is_some(), "{counts:?}");
            let error = found.zip(expected).map_or(0.0, |(a, b)| (a - b).abs());
            assert!(error < 1e-15, "{counts:?}: {found:?}");
        }
        assert_eq!(crossing_estimate(&[], UP, 0.5), None);
    }

    #[test]
    fn beetles_are_bracketed() {
        let bracket = crossing(&beetles(), UP, 0.5, 0.95).unwrap();
        // 28 of 56 tell nothing of a half; 18 of 62 and 52 of 63 do.
        assert_eq!(bracket, Bracket { lower: 1.7552, upper: 1.8113 });
        let mirror = crossing(&mirrored(&beetles()), DOWN, 0.5, 0.95).unwrap();
        assert_eq!(mirror, Bracket { lower: -1.8113, upper: -1.7552 });
        assert_eq!(crossing(&beetles(), DOWN, 0.5, 0.95), None);
    }

    #[test]
    fn an_end_without_evidence_is_open() {
        let low = points(&[1.0, 2.0], &[(0, 100), (1, 100)]);
        let infinity = f64::INFINITY;
        let bracket = |direction| crossing(&low, direction, 0.5, 0.95).unwrap();
        assert_eq!(bracket(UP), Bracket { lower: 2.0, upper: infinity });
        assert_eq!(bracket(DOWN), Bracket { lower: -infinity, upper: 1.0 });
        let nothing = points(&[1.0, 2.0], &[(0, 0), (0, 0)]);
        let open = Bracket { lower: -infinity, upper: infinity };
        assert_eq!(crossing(&nothing, UP, 0.5, 0.95), Some(open));
    }

    /// With one point before and one after, the bracket misses exactly when an interval does: its
    /// coverage is the product of two sums of binomial probabilities.
    #[test]
    fn the_level_is_kept_exactly_on_small_cases() {
        let n = 12_u64;
        let mass = |k: u64, p: f64| {
            (0..k).fold(1.0, |c, i| c * (n - i) as f64 / (i + 1) as f64)
                * p.powi(k as i32)
                * (1.0 - p).powi((n - k) as i32)
        };
        for (left, right) in [(0.1, 0.9), (0.45, 0.55), (0.02, 0.6), (0.5, 0.5), (0.49, 1.0)] {
            let mut held = 0.0;
            for (j, k) in (0..=n).flat_map(|j| (0..=n).map(move |k| (j, k))) {
                let data = points(&[0.0, 1.0], &[(j, n), (k, n)]);
                let bracket = crossing(&data, UP, 0.5, 0.9);
                // The crossing is somewhere in [0, 1]: the bracket has to hold all of it.
                if bracket.is_some_and(|b| b.contains(0.0) && b.contains(1.0)) {
                    held += mass(j, left) * mass(k, right);
                }
            }
            assert!(held >= 0.9, "{left} {right}: {held}");
        }
    }

    /// 1000 experiments each with a smooth curve, a plateau at the crossed probability and a jump over
    /// it. The bounds hold everywhere, and the bracket holds the crossing, in 95 % or more: the observed
    /// share is below by 4 standard errors with chance 1e-4 (it is well above: Bonferroni).
    #[test]
    fn coverage_by_simulation() {
        let places: Vec<f64> = (0..9).map(|i| f64::from(i) / 4.0 - 1.0).collect();
        let smooth = |x: f64| 1.0 / (1.0 + libm::exp(3.0 - 6.0 * x));
        let plateau = |x: f64| {
            if x < -0.5 {
                0.1
            } else if x > 0.6 {
                0.8
            } else {
                0.5
            }
        };
        let jump = |x: f64| if x < 0.1 { 0.3 } else { 0.8 };
        type Curve<'a> = &'a dyn Fn(f64) -> f64;
        let curves: [(Curve, &[f64]); 3] =
            [(&smooth, &[0.5]), (&plateau, &[-0.49, 0.59]), (&jump, &[0.1])];
        for (trial, (curve, crossings)) in (0..).zip(curves) {
            let mut random = stream(1, &Digest::of(b"isotonic"), Purpose::Init, trial);
            let mut held = [0, 0];
            for _ in 0..1000 {
                let data = simulate(&places, 60, curve, &mut random);
                let all = bounds(&data, UP, 0.95);
                let inside =
                    |(x, b): (&f64, &Interval)| b.lower <= curve(*x) && curve(*x) <= b.upper;
                held[0] += usize::from(places.iter().zip(&all).all(inside));
                let bracket = crossing(&data, UP, 0.5, 0.95);
                held[1] +=
                    usize::from(bracket.is_some_and(|b| crossings.iter().all(|&x| b.contains(x))));
            }
            assert!(held.iter().all(|&held| held > 922), "{held:?} of 1000");
        }
    }

    proptest! {
        #[test]
        fn estimates_are_monotone_and_keep_the_total(
            counts in prop::collection::vec((0_u64..50, 1_u64..50), 1..12),
        ) {
            let places: Vec<f64> = (0..counts.len()).map(|i| i as f64).collect();
            let counts: Vec<_> = counts.iter().map(|&(k, n)| (k.min(n), n)).collect();
            let data = points(&places, &counts);
            let up = estimate(&data, UP);
            prop_assert!(up.windows(2).all(|pair| pair[0] <= pair[1]));
            let total: f64 = up.iter().zip(&data).map(|(p, point)| p * point.trials as f64).sum();
            let successes: u64 = data.iter().map(|point| point.successes).sum();
            prop_assert!((total - successes as f64).abs() < 1e-9);
            let mut down = estimate(&mirrored(&data), DOWN);
            down.reverse();
            prop_assert_eq!(up, down);
        }
    }
}
