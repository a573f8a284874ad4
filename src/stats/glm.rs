//! Binomial regression along one axis, and where its curve crosses a probability.

use super::axis::{self, Bracket, Direction, Point};
use super::chi_squared;
use super::fieller::{Covariance, Region, quotient};
use super::link::Link;
use super::normal;

/// A maximum likelihood fit of `g(p(x)) = level + slope (x - centre)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    /// `g`.
    pub link: Link,
    /// The mean place of the trials.
    pub centre: f64,
    /// The linear predictor there.
    pub level: f64,
    /// Its slope: positive where the probability increases.
    pub slope: f64,
    /// Covariance of level (first) and slope (second): the inverse of the expected information.
    pub covariance: Covariance,
    /// Twice the log-likelihood that the shares themselves have above the fit.
    pub deviance: f64,
    /// Number of points with trials minus 2.
    pub freedom: u64,
}

/// Why there is no fit: the likelihood has no maximum (Albert and Anderson 1984, Biometrika 71(1) 1-10),
/// because a step separates successes from failures, all but those at one place. There the slope is
/// infinite, and what is known is between which points the step is.
#[derive(Debug, Clone, PartialEq)]
pub struct Separation {
    /// Which way the step goes, `None` if all outcomes are the same or all trials are at one place.
    pub direction: Option<Direction>,
    points: Vec<Point>,
}

/// Fits the curve by Fisher scoring (iteratively reweighted least squares; McCullagh and Nelder 1989,
/// section 2.5) with halved steps where the likelihood would fall. The log-likelihood is concave for all
/// three links, so there is one maximum or none; which of the two is decided before, by counting.
///
/// Points at the same place count as separate ones in the degrees of freedom. Accuracy: coefficients
/// within about 1e-9 standard errors of the maximum.
///
/// # Panics
/// If a place is not finite, a point has more successes than trials, or there are no trials.
pub fn fit(points: &[Point], link: Link) -> Result<Fit, Separation> {
    let points = axis::observed(points);
    assert!(!points.is_empty(), "a fit needs trials");
    if let Some(separation) = separation(&points) {
        return Err(separation);
    }
    let (centre, scale) = axis::centre_and_scale(&points);
    let standard: Vec<Point> =
        points.iter().map(|point| Point { x: (point.x - centre) / scale, ..*point }).collect();
    let (coefficients, deviance) = maximise(&standard, link);
    let Covariance { first, mixed, second } = covariance(&standard, link, coefficients);
    Ok(Fit {
        link,
        centre,
        level: coefficients[0],
        slope: coefficients[1] / scale,
        covariance: Covariance { first, mixed: mixed / scale, second: second / scale / scale },
        deviance,
        freedom: points.len() as u64 - 2,
    })
}

impl Fit {
    /// The linear predictor at `x = 0`.
    pub fn intercept(&self) -> f64 {
        self.level - self.slope * self.centre
    }

    /// Standard errors of intercept and slope.
    pub fn standard_errors(&self) -> (f64, f64) {
        let Covariance { first, mixed, second } = self.covariance;
        let intercept = first - 2.0 * self.centre * mixed + self.centre * self.centre * second;
        (intercept.sqrt(), second.sqrt())
    }

    /// `p(x)`.
    pub fn probability(&self, x: f64) -> f64 {
        self.link.response(self.level + self.slope * (x - self.centre)).p
    }

    /// Where the curve crosses `p`: `centre + (g(p) - level) / slope`.
    ///
    /// # Panics
    /// If `p` is not strictly between 0 and 1.
    pub fn crossing(&self, p: f64) -> f64 {
        self.centre + (self.link.predictor(p) - self.level) / self.slope
    }

    /// The confidence set of [`Fit::crossing`] by Fieller's theorem, for a large sample.
    ///
    /// # Panics
    /// If `p` or `level` is not strictly between 0 and 1.
    pub fn crossing_region(&self, p: f64, level: f64) -> Region {
        assert!(level > 0.0 && level < 1.0, "a confidence level is between 0 and 1, not {level}");
        let covariance = Covariance { mixed: -self.covariance.mixed, ..self.covariance };
        let rise = self.link.predictor(p) - self.level;
        let z = normal::quantile(0.5 + 0.5 * level);
        quotient(rise, self.slope, covariance, z).moved(self.centre, 1.0)
    }

    /// The probability of a deviance as large as this one if the curve is right: the upper tail of the
    /// chi-squared distribution. `None` with two points, which every curve of this kind meets. For
    /// points with few expected successes or failures it is a rough guide only.
    pub fn lack_of_fit(&self) -> Option<f64> {
        (self.freedom > 0).then(|| chi_squared::upper(self.deviance, self.freedom))
    }
}

impl Separation {
    /// Between which places `p` is crossed: the last point whose share is on the one side of `p`, the
    /// first point whose share is on the other. An end is infinite where there is no such point, and
    /// both are if the direction is not known.
    ///
    /// # Panics
    /// If `p` is not strictly between 0 and 1.
    pub fn bracket(&self, p: f64) -> Bracket {
        assert!(p > 0.0 && p < 1.0, "a probability between 0 and 1 is crossed, not {p}");
        let mut bracket = Bracket { lower: f64::NEG_INFINITY, upper: f64::INFINITY };
        let Some(direction) = self.direction else { return bracket };
        for point in &self.points {
            let before = direction.sign() * (p - point.successes as f64 / point.trials as f64);
            if before > 0.0 {
                bracket.lower = bracket.lower.max(point.x);
            } else if before < 0.0 {
                bracket.upper = bracket.upper.min(point.x);
            }
        }
        bracket
    }
}

/// Whether a step in one direction has all failures on one side and all successes on the other, place
/// of the step included on both.
fn separation(points: &[Point]) -> Option<Separation> {
    let range = |has: &dyn Fn(&Point) -> bool| {
        let ends = (f64::INFINITY, f64::NEG_INFINITY);
        let places = points.iter().filter(|point| has(point)).map(|point| point.x);
        places.fold(ends, |(low, high), x| (low.min(x), high.max(x)))
    };
    let successes = range(&|point| point.successes > 0);
    let failures = range(&|point| point.successes < point.trials);
    let (up, down) = (failures.1 <= successes.0, successes.1 <= failures.0);
    let direction = match (up, down) {
        (false, false) => return None,
        (true, true) => None,
        (true, false) => Some(Direction::Increasing),
        (false, true) => Some(Direction::Decreasing),
    };
    Some(Separation { direction, points: points.to_vec() })
}

/// Level and slope of the largest likelihood over standardised points, and the deviance there.
fn maximise(points: &[Point], link: Link) -> ([f64; 2], f64) {
    let deviance = |[level, slope]: [f64; 2]| {
        axis::deviance(points, |u| {
            let response = link.response(level + slope * u);
            (response.p, response.q)
        })
    };
    // Where the shares do not follow the curve at all, the guess may be farther off than a constant, and so
    // far that no step leads back.
    let starts = [first_guess(points, link), constant(points, link)].map(|at| (at, deviance(at)));
    let [guess, constant] = starts;
    let (mut here, mut value) = if guess.1 <= constant.1 { guess } else { constant };
    for _ in 0..200 {
        let (score, information) = score_and_information(points, link, here);
        let step = solve(information, score);
        let gain = score[0] * step[0] + score[1] * step[1];
        let halved = (0..50).map(|halvings| {
            let factor = 0.5f64.powi(halvings);
            let there = [here[0] + factor * step[0], here[1] + factor * step[1]];
            (there, deviance(there))
        });
        // Rounding may raise the deviance of the last steps by an ulp or so: they are right all the same.
        let slack = 1e-14 * value;
        let Some((there, lower)) = halved.into_iter().find(|next| next.1 <= value + slack) else {
            break;
        };
        (here, value) = (there, lower);
        if gain < 1e-20 {
            break;
        }
    }
    (here, value)
}

/// Least squares for the links of the shares, those of 0 and 1 pulled inwards by half a trial.
fn first_guess(points: &[Point], link: Link) -> [f64; 2] {
    let (mut information, mut score) = ([0.0; 3], [0.0; 2]);
    for point in points {
        let share = (point.successes as f64 + 0.5) / (point.trials as f64 + 1.0);
        let eta = link.predictor(share);
        let response = link.response(eta);
        let weight =
            point.trials as f64 * response.slope / response.p * (response.slope / response.q);
        add(&mut information, weight, point.x);
        score[0] += weight * eta;
        score[1] += weight * eta * point.x;
    }
    solve(information, score)
}

/// The same probability everywhere.
fn constant(points: &[Point], link: Link) -> [f64; 2] {
    let sum =
        |count: fn(&Point) -> u64| points.iter().map(|point| count(point) as f64).sum::<f64>();
    [link.predictor(sum(|point| point.successes) / sum(|point| point.trials)), 0.0]
}

/// Gradient of the log-likelihood and its expected information (three entries of a symmetric matrix).
fn score_and_information(points: &[Point], link: Link, at: [f64; 2]) -> ([f64; 2], [f64; 3]) {
    let (mut information, mut score) = ([0.0; 3], [0.0; 2]);
    for point in points {
        let response = link.response(at[0] + at[1] * point.x);
        if response.p == 0.0 || response.q == 0.0 {
            continue;
        }
        let (n, k) = (point.trials as f64, point.successes as f64);
        let (up, down) = (response.slope / response.p, response.slope / response.q);
        add(&mut information, n * up * down, point.x);
        score[0] += k * up - (n - k) * down;
        score[1] += (k * up - (n - k) * down) * point.x;
    }
    (score, information)
}

/// Adds `weight (1, x)(1, x)'`.
fn add(matrix: &mut [f64; 3], weight: f64, x: f64) {
    matrix[0] += weight;
    matrix[1] += weight * x;
    matrix[2] += weight * x * x;
}

/// Solves the 2 x 2 system of a symmetric positive definite matrix.
fn solve([a, b, c]: [f64; 3], [r, s]: [f64; 2]) -> [f64; 2] {
    let determinant = a * c - b * b;
    [(c * r - b * s) / determinant, (a * s - b * r) / determinant]
}

/// The inverse of the expected information.
fn covariance(points: &[Point], link: Link, at: [f64; 2]) -> Covariance {
    let [a, b, c] = score_and_information(points, link, at).1;
    let determinant = a * c - b * b;
    Covariance { first: c / determinant, mixed: -b / determinant, second: a / determinant }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::digest::Digest;
    use crate::rng::{Purpose, Stream, stream};

    pub(crate) fn points(x: &[f64], counts: &[(u64, u64)]) -> Vec<Point> {
        let point = |(&x, &(successes, trials))| Point { x, successes, trials };
        x.iter().zip(counts).map(point).collect()
    }

    /// Successes of independent trials at these places.
    pub(crate) fn simulate(
        places: &[f64],
        trials: u64,
        probability: impl Fn(f64) -> f64,
        random: &mut Stream,
    ) -> Vec<Point> {
        let point = |&x: &f64| {
            let p = probability(x);
            let successes = (0..trials).filter(|_| random.uniform() < p).count() as u64;
            Point { x, successes, trials }
        };
        places.iter().map(point).collect()
    }

    /// Beetles killed by carbon disulphide (Bliss 1935, Ann. Appl. Biol. 22(1) 134-167).
    pub(crate) fn beetles() -> Vec<Point> {
        let dose = [1.6907, 1.7242, 1.7552, 1.7842, 1.8113, 1.8369, 1.8610, 1.8839];
        let killed =
            [(6, 59), (13, 60), (18, 62), (28, 56), (52, 63), (53, 59), (61, 62), (60, 60)];
        points(&dose, &killed)
    }

    /// What a fit of the beetles is to give, by Fisher scoring with 40 digits: statsmodels 0.15 agrees
    /// when it is made to iterate until nothing changes (by default it stops at a change of 1e-8 of the
    /// deviance, a relative 1.5e-7 before the end for the probit).
    struct Beetles {
        link: Link,
        coefficients: (f64, f64),
        errors: (f64, f64),
        deviance: f64,
        lack_of_fit: f64,
        half: f64,
        ends: (f64, f64),
    }

    const BEETLES: [Beetles; 3] = [
        Beetles {
            link: Link::Logit,
            coefficients: (-60.717_454_561_635_4, 34.270_325_734_147),
            errors: (5.180_711_463_34, 2.912_140_070_64),
            deviance: 11.232_231_097_419,
            lack_of_fit: 0.081_458_809_927_3,
            half: 1.771_720_964_447_6,
            ends: (1.763_858_171_772_5, 1.779_200_475_432_3),
        },
        Beetles {
            link: Link::Probit,
            coefficients: (-34.935_258_899_178, 19.727_934_211_322_3),
            errors: (2.647_917_798_62, 1.487_235_040_9),
            deviance: 10.119_758_113_001,
            lack_of_fit: 0.119_698_499_575,
            half: 1.770_852_362_186_4,
            ends: (1.763_114_319_497_8, 1.778_193_800_472),
        },
        Beetles {
            link: Link::Cloglog,
            coefficients: (-39.572_310_606_137_2, 22.041_169_820_757_5),
            errors: (3.240_272_619_67, 1.799_355_190_98),
            deviance: 3.446_438_733_024_4,
            lack_of_fit: 0.751_081_617_251,
            half: 1.778_753_033_726_6,
            ends: (1.770_212_883_406_2, 1.786_163_247_774),
        },
    ];

    fn assert_close(value: f64, expected: f64) {
        assert!((value / expected - 1.0).abs() < 2e-11, "{value} is not {expected}");
    }

    #[test]
    fn beetles_of_bliss() {
        for known in BEETLES {
            let fit = fit(&beetles(), known.link).unwrap();
            assert_close(fit.intercept(), known.coefficients.0);
            assert_close(fit.slope, known.coefficients.1);
            assert_close(fit.standard_errors().0, known.errors.0);
            assert_close(fit.standard_errors().1, known.errors.1);
            assert_close(fit.deviance, known.deviance);
            assert_eq!(fit.freedom, 6);
            assert_close(fit.lack_of_fit().unwrap(), known.lack_of_fit);
            assert_close(fit.crossing(0.5), known.half);
            let Region::Bounded { lower, upper } = fit.crossing_region(0.5, 0.95) else {
                panic!("the slope is far from zero")
            };
            assert_close(lower, known.ends.0);
            assert_close(upper, known.ends.1);
        }
    }

    /// The ratio of the coefficients of the complementary log-log fit is not the half but 1 - 1/e.
    #[test]
    fn where_the_predictor_of_the_beetles_is_zero() {
        let fit = fit(&beetles(), Link::Cloglog).unwrap();
        assert!((-fit.intercept() / fit.slope - 1.795_381_59).abs() < 5e-9);
        assert_close(fit.crossing(-libm::expm1(-1.0)), -fit.intercept() / fit.slope);
    }

    #[test]
    fn a_curve_through_all_points_is_found() {
        let exact: Vec<Point> = [-2.0, -0.5, 0.0, 1.0]
            .map(|x| {
                let trials = 1_000_000_000_u64;
                let p = Link::Cloglog.response(0.3 - 1.2 * x).p;
                Point { x, successes: (p * trials as f64).round() as u64, trials }
            })
            .to_vec();
        let fit = fit(&exact, Link::Cloglog).unwrap();
        assert!((fit.intercept() - 0.3).abs() < 1e-8 && (fit.slope + 1.2).abs() < 1e-8, "{fit:?}");
        assert!(fit.deviance < 1e-6 && fit.lack_of_fit().unwrap() > 0.999_999);
        assert!((fit.crossing(0.5) - (0.3 - Link::Cloglog.predictor(0.5)) / 1.2).abs() < 1e-8);
    }

    #[test]
    fn separation_is_seen() {
        let places = [1.0, 2.0, 3.0, 4.0];
        let infinity = f64::INFINITY;
        for (counts, direction, bracket) in [
            ([(0, 9), (0, 9), (9, 9), (9, 9)], Some(Direction::Increasing), (2.0, 3.0)),
            ([(9, 9), (9, 9), (0, 9), (0, 9)], Some(Direction::Decreasing), (2.0, 3.0)),
            ([(0, 9), (2, 9), (9, 9), (9, 9)], Some(Direction::Increasing), (2.0, 3.0)),
            ([(0, 9), (7, 9), (9, 9), (9, 9)], Some(Direction::Increasing), (1.0, 2.0)),
            ([(0, 9), (5, 10), (9, 9), (9, 9)], Some(Direction::Increasing), (1.0, 3.0)),
            ([(7, 9), (0, 9), (0, 9), (0, 9)], Some(Direction::Decreasing), (1.0, 2.0)),
            ([(9, 9), (0, 0), (0, 0), (0, 9)], Some(Direction::Decreasing), (1.0, 4.0)),
            ([(9, 9), (9, 9), (9, 9), (9, 9)], None, (-infinity, infinity)),
            ([(0, 9), (0, 9), (0, 9), (0, 9)], None, (-infinity, infinity)),
            ([(4, 9), (0, 0), (0, 0), (0, 0)], None, (-infinity, infinity)),
        ] {
            let separation = fit(&points(&places, &counts), Link::Logit).unwrap_err();
            assert_eq!(separation.direction, direction, "{counts:?}");
            let expected = Bracket { lower: bracket.0, upper: bracket.1 };
            assert_eq!(separation.bracket(0.5), expected, "{counts:?}");
        }
        for overlap in [[(0, 9), (1, 9), (8, 9), (9, 9)], [(1, 9), (0, 9), (0, 9), (0, 9)]] {
            // The second one: one success at the left end, and failures there too, is a step at x = 1.
            let fitted = fit(&points(&places, &overlap), Link::Probit);
            assert_eq!(fitted.is_err(), overlap[0].0 == 1);
        }
    }

    /// A slope that may be zero leaves the crossing open.
    #[test]
    fn a_flat_curve_has_no_bounded_region() {
        let flat = points(&[0.0, 1.0, 2.0], &[(50, 100), (52, 100), (51, 100)]);
        let fit = fit(&flat, Link::Logit).unwrap();
        assert!(!matches!(fit.crossing_region(0.5, 0.95), Region::Bounded { .. }));
        assert!(matches!(fit.crossing_region(0.99, 0.95), Region::Outside { .. }));
    }

    /// 1000 experiments at each of the three links: the share of Fieller sets that hold the truth and
    /// the share of lack-of-fit values below 0.05 are within 4 standard errors of the level, and 0.01
    /// for the error of the large-sample law (false alarm 2e-4 each); seed fixed.
    #[test]
    fn coverage_of_the_crossing_by_simulation() {
        let places = [-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0];
        for (trial, link) in (0..).zip(Link::ALL) {
            let mut random = stream(1, &Digest::of(b"glm"), Purpose::Init, trial);
            let truth = (link.predictor(0.5) + 0.4) / 1.5;
            let (mut held, mut rejected) = (0, 0);
            for _ in 0..1000 {
                let curve = |x| link.response(1.5 * x - 0.4).p;
                let fit = fit(&simulate(&places, 100, curve, &mut random), link).unwrap();
                held += usize::from(fit.crossing_region(0.5, 0.95).contains(truth));
                rejected += usize::from(fit.lack_of_fit().unwrap() < 0.05);
            }
            assert!((912..=988).contains(&held), "{link:?}: {held} of 1000 hold the truth");
            assert!((12..=88).contains(&rejected), "{link:?}: {rejected} of 1000 rejected");
        }
    }

    /// Shares that fall and rise again by far more than chance: a fit of the probit once ended where every
    /// probability was 1.
    #[test]
    fn shares_that_no_curve_follows() {
        let counts =
            [(365_094, 411_552), (263_946, 969_365), (399_737, 399_737), (446_977, 446_977)];
        let points = points(&[0.0, 1.0, 2.0, 6.0], &counts);
        for link in Link::ALL {
            let fit = fit(&points, link).unwrap();
            assert!((0.1..2.0).contains(&fit.slope) && fit.covariance.second > 0.0, "{fit:?}");
            assert!(fit.lack_of_fit() < Some(1e-9));
        }
    }

    proptest! {
        /// Moving, stretching and mirroring the axis, and swapping success and failure.
        #[test]
        fn the_fit_follows_the_axis(
            successes in prop::array::uniform5(1_u64..30), shift in -50.0..50.0_f64, stretch in 0.01..100.0_f64,
        ) {
            let places = [0.0, 1.0, 2.5, 3.0, 6.0];
            let base = points(&places, &successes.map(|k| (k, 30)));
            for link in Link::ALL {
                let here = fit(&base, link).unwrap();
                let moved: Vec<_> = base.iter().map(|p| Point { x: shift - stretch * p.x, ..*p }).collect();
                let there = fit(&moved, link).unwrap();
                prop_assert!((here.slope + there.slope * stretch).abs() < 1e-7 * here.slope.abs().max(1e-3));
                prop_assert!((here.deviance - there.deviance).abs() < 1e-9 * (1.0 + here.deviance));
                if link != Link::Cloglog {
                    let swapped: Vec<_> =
                        base.iter().map(|p| Point { successes: p.trials - p.successes, ..*p }).collect();
                    let there = fit(&swapped, link).unwrap();
                    prop_assert!((here.slope + there.slope).abs() < 1e-7 * here.slope.abs().max(1e-3));
                }
            }
        }

        /// Nothing is unfit for the fit: it ends, with finite numbers, or says that the data are separated.
        #[test]
        fn any_counts_are_dealt_with(
            counts in prop::collection::vec((0_u64..1_000_000, 0_u64..1_000_000), 1..8), origin in -1e6..1e6_f64,
        ) {
            let point = |(i, &(a, b)): (usize, &(u64, u64))| {
                Point { x: origin + i as f64, successes: a.min(b), trials: b.max(1) }
            };
            let any: Vec<_> = counts.iter().enumerate().map(point).collect();
            for link in Link::ALL {
                if let Ok(fit) = fit(&any, link) {
                    prop_assert!(fit.level.is_finite() && fit.slope.is_finite() && fit.deviance.is_finite());
                    prop_assert!(fit.covariance.first > 0.0 && fit.covariance.second > 0.0);
                }
            }
        }
    }
}
