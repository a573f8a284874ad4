//! How a threshold grows with depth or width: `x = factor N^exponent`, by weighted least squares with
//! known errors.

use super::chi_squared;
use super::fieller::Covariance;
use super::normal;

/// A measured threshold at one size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// The size `N`: depth, width or whatever it may grow with.
    pub size: f64,
    /// The threshold `x`.
    pub x: f64,
    /// Its standard error, positive.
    pub error: f64,
}

/// Where the errors are taken to be normal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// In `ln x`, with standard error `error / x`: the fit of `ln x = a + b ln N` is linear, and its law
    /// exact for such errors. For thresholds whose errors are a share of them.
    Logarithmic,
    /// In `x`: the sum of `((x - e^a N^b) / error)^2` is made smallest, by Gauss and Newton. Where errors
    /// are small against the thresholds the two agree.
    Plain,
}

/// A fitted power law `ln x = ln_factor + exponent ln N`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerLaw {
    /// `a`.
    pub ln_factor: f64,
    /// `b`.
    pub exponent: f64,
    /// Covariance of `a` (first) and `b` (second): the inverse of the information at the fit.
    pub covariance: Covariance,
    /// Sum of the squared residuals, each divided by its variance.
    pub chi_squared: f64,
    /// Number of thresholds minus 2.
    pub freedom: u64,
}

/// Fits a power law (Aitken 1935, Proc. R. Soc. Edinb. 55 42-48: the best linear unbiased estimate for
/// errors of known variance). `None` if the fit on the plain scale does not settle, which takes errors as
/// large as the thresholds.
///
/// The variances are those given, not rescaled by the residuals: a poor fit shows in
/// [`PowerLaw::lack_of_fit`] and leaves the interval as it is.
///
/// # Panics
/// If a size, threshold or error is not positive and finite, or there are no two sizes.
pub fn fit(thresholds: &[Threshold], scale: Scale) -> Option<PowerLaw> {
    for threshold in thresholds {
        let Threshold { size, x, error } = *threshold;
        let good = [size, x, error].iter().all(|v| *v > 0.0 && v.is_finite());
        assert!(good, "sizes, thresholds and errors are positive: {threshold:?}");
    }
    let distinct = thresholds.iter().any(|threshold| threshold.size != thresholds[0].size);
    assert!(distinct, "a power law takes two sizes");
    let rows: Vec<Row> = thresholds.iter().map(Row::logarithmic).collect();
    let logarithmic = Line::through(&rows);
    let (line, chi_squared) = match scale {
        Scale::Logarithmic => (logarithmic, logarithmic.chi_squared(&rows)),
        Scale::Plain => plain(thresholds, logarithmic)?,
    };
    let freedom = thresholds.len() as u64 - 2;
    let Line { level, slope, .. } = line;
    let ln_factor = level - slope * line.centre;
    Some(PowerLaw {
        ln_factor,
        exponent: slope,
        covariance: line.covariance(),
        chi_squared,
        freedom,
    })
}

impl PowerLaw {
    /// `e^a N^b`.
    pub fn at(&self, size: f64) -> f64 {
        libm::exp(self.ln_factor + self.exponent * libm::log(size))
    }

    /// The normal interval of the exponent.
    ///
    /// # Panics
    /// If `level` is not strictly between 0 and 1.
    pub fn exponent_interval(&self, level: f64) -> (f64, f64) {
        assert!(level > 0.0 && level < 1.0, "a confidence level is between 0 and 1, not {level}");
        let half = normal::quantile(0.5 + 0.5 * level) * self.covariance.second.sqrt();
        (self.exponent - half, self.exponent + half)
    }

    /// The probability of residuals as large as these if the law is right. `None` for two thresholds.
    pub fn lack_of_fit(&self) -> Option<f64> {
        (self.freedom > 0).then(|| chi_squared::upper(self.chi_squared, self.freedom))
    }
}

/// One equation `y = level + slope (t - centre)` with its weight, one over the variance.
#[derive(Debug, Clone, Copy)]
struct Row {
    t: f64,
    y: f64,
    weight: f64,
}

impl Row {
    fn logarithmic(threshold: &Threshold) -> Self {
        let Threshold { size, x, error } = *threshold;
        Self { t: libm::log(size), y: libm::log(x), weight: (x / error) * (x / error) }
    }

    /// The equation linearised at `ln x = line(t)`: residual and error of `x` divided by its slope there.
    fn linearised(threshold: &Threshold, line: &Line) -> Self {
        let t = libm::log(threshold.size);
        let expected = libm::exp(line.at(t));
        let y = line.at(t) + threshold.x / expected - 1.0;
        Self { t, y, weight: (expected / threshold.error) * (expected / threshold.error) }
    }
}

/// A weighted least squares line about the weighted mean of `t`, where level and slope are uncorrelated.
#[derive(Debug, Clone, Copy)]
struct Line {
    centre: f64,
    level: f64,
    slope: f64,
    /// Sum of the weights, and of the weights times the squared distances from the centre.
    sums: (f64, f64),
}

impl Line {
    fn through(rows: &[Row]) -> Self {
        let total =
            |f: &dyn Fn(&Row) -> f64| rows.iter().map(|row| row.weight * f(row)).sum::<f64>();
        let weight = total(&|_| 1.0);
        let centre = total(&|row| row.t) / weight;
        let level = total(&|row| row.y) / weight;
        let spread = total(&|row| (row.t - centre) * (row.t - centre));
        let slope = total(&|row| (row.t - centre) * (row.y - level)) / spread;
        Self { centre, level, slope, sums: (weight, spread) }
    }

    fn at(&self, t: f64) -> f64 {
        self.level + self.slope * (t - self.centre)
    }

    fn chi_squared(&self, rows: &[Row]) -> f64 {
        rows.iter().map(|row| row.weight * (row.y - self.at(row.t)).powi(2)).sum()
    }

    /// Of the value at `t = 0` and the slope.
    fn covariance(&self) -> Covariance {
        let (level, slope) = (1.0 / self.sums.0, 1.0 / self.sums.1);
        let first = level + self.centre * self.centre * slope;
        Covariance { first, mixed: -self.centre * slope, second: slope }
    }
}

/// A step of so many squared standard errors is none; one so small that leads nowhere is of rounding's making.
const NO_STEP: f64 = 1e-16;
const ROUNDING: f64 = 1e-8;

/// Least squares on the plain scale from this line, and the sum of squares. A step is halved until the sum
/// does not rise.
fn plain(thresholds: &[Threshold], start: Line) -> Option<(Line, f64)> {
    let sum = |line: &Line| {
        let residual = |threshold: &Threshold| {
            (threshold.x - libm::exp(line.at(libm::log(threshold.size)))) / threshold.error
        };
        thresholds.iter().map(|threshold| residual(threshold).powi(2)).sum::<f64>()
    };
    let (mut here, mut value, mut length) = (start, sum(&start), f64::INFINITY);
    for _ in 0..200 {
        let rows: Vec<Row> = thresholds.iter().map(|t| Row::linearised(t, &here)).collect();
        let target = Line::through(&rows);
        // Squared length of the step in standard errors.
        let rise = target.level - here.at(target.centre);
        let turn = target.slope - here.slope;
        length = target.sums.0 * rise * rise + target.sums.1 * turn * turn;
        if length < NO_STEP * (1.0 + value) {
            return Some((target, sum(&target)));
        }
        let part = |factor: f64| Line {
            level: here.at(target.centre) + factor * rise,
            slope: here.slope + factor * turn,
            ..target
        };
        let mut halved = (0..50).map(|halvings| part(0.5f64.powi(halvings)));
        let Some(next) = halved.find(|line| sum(line) <= value * (1.0 + 1e-14)) else { break };
        (here, value) = (next, sum(&next));
    }
    (length < ROUNDING).then_some((here, value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::digest::Digest;
    use crate::rng::{Purpose, stream};

    const SIZES: [f64; 6] = [2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

    fn law(factor: f64, exponent: f64, relative: f64) -> Vec<Threshold> {
        let threshold = |size: f64| {
            let x = factor * size.powf(exponent);
            Threshold { size, x, error: relative * x }
        };
        SIZES.map(threshold).to_vec()
    }

    #[test]
    fn exact_data_give_the_law() {
        for (factor, exponent) in [(3.0, -0.5), (0.01, 2.0), (7.0, 0.0)] {
            for scale in [Scale::Logarithmic, Scale::Plain] {
                let fit = fit(&law(factor, exponent, 0.1), scale).unwrap();
                assert!((fit.exponent - exponent).abs() < 1e-13, "{fit:?}");
                assert!((fit.ln_factor - libm::log(factor)).abs() < 1e-13, "{fit:?}");
                assert!(fit.chi_squared < 1e-20 && fit.freedom == 4);
                assert!((fit.at(10.0) / (factor * 10f64.powf(exponent)) - 1.0).abs() < 1e-12);
                // Equal weights 100 at ln 2 times 1 .. 6, whose squared distances sum up to 17.5.
                let ln_2 = std::f64::consts::LN_2;
                let variance = 1.0 / (100.0 * 17.5 * ln_2 * ln_2);
                assert!((fit.covariance.second / variance - 1.0).abs() < 1e-12, "{fit:?}");
                assert!((fit.covariance.mixed / (-3.5 * ln_2 * variance) - 1.0).abs() < 1e-12);
            }
        }
    }

    /// Three thresholds by hand: equal weights 1 at `ln N = -1, 0, 1`.
    #[test]
    fn a_small_fit_by_hand() {
        let e = std::f64::consts::E;
        let at = |t: f64, y: f64| Threshold { size: e.powf(t), x: e.powf(y), error: e.powf(y) };
        let fit = fit(&[at(-1.0, 0.0), at(0.0, 3.0), at(1.0, 3.0)], Scale::Logarithmic).unwrap();
        assert!((fit.exponent - 1.5).abs() < 1e-14 && (fit.ln_factor - 2.0).abs() < 1e-14);
        assert!((fit.chi_squared - 1.5).abs() < 1e-13 && fit.freedom == 1);
        assert!((fit.lack_of_fit().unwrap() - libm::erfc(0.75f64.sqrt())).abs() < 1e-13);
        let (low, high) = fit.exponent_interval(0.95);
        let half = 1.959_963_984_540_054_2 * 0.5f64.sqrt();
        assert!((low - (1.5 - half)).abs() < 1e-13 && (high - (1.5 + half)).abs() < 1e-13);
    }

    #[test]
    fn two_thresholds_fit_and_say_nothing_of_the_fit() {
        let fit = fit(&law(3.0, -0.5, 0.1)[..2], Scale::Plain).unwrap();
        assert_eq!((fit.freedom, fit.lack_of_fit()), (0, None));
    }

    /// 2000 experiments on each scale, errors of 10 %: shares of intervals that hold the exponent, and of
    /// lack-of-fit values below 0.05, within 4 standard errors of the level (false alarm 1e-4 each), and
    /// 0.005 on the plain scale, where the law is that of large samples.
    #[test]
    fn coverage_by_simulation() {
        for (trial, scale, slack) in [(0, Scale::Logarithmic, 0.0), (1, Scale::Plain, 0.005)] {
            let mut random = stream(1, &Digest::of(b"scaling"), Purpose::Init, trial);
            let (mut held, mut rejected) = (0, 0);
            for _ in 0..2000 {
                let mut data = law(3.0, -0.5, 0.1);
                for threshold in &mut data {
                    match scale {
                        Scale::Logarithmic => threshold.x *= libm::exp(0.1 * random.gaussian()),
                        Scale::Plain => threshold.x += threshold.error * random.gaussian(),
                    }
                    if scale == Scale::Logarithmic {
                        threshold.error = 0.1 * threshold.x;
                    }
                }
                let fit = fit(&data, scale).unwrap();
                let (low, high) = fit.exponent_interval(0.95);
                held += usize::from(low <= -0.5 && -0.5 <= high);
                rejected += usize::from(fit.lack_of_fit().unwrap() < 0.05);
            }
            let bound = 4.0 * f64::sqrt(0.95 * 0.05 / 2000.0) + slack;
            assert!((held as f64 / 2000.0 - 0.95).abs() < bound, "{scale:?}: {held} held");
            assert!(
                (rejected as f64 / 2000.0 - 0.05).abs() < bound,
                "{scale:?}: {rejected} rejected"
            );
        }
    }

    /// Data that a law fits well, whose sum of squares is about as large as its rounding, and data whose
    /// errors are.
    #[test]
    fn rounding_does_not_keep_a_fit_from_ending() {
        let noise = [
            -0.3935747888558345,
            -0.052109469265344245,
            0.2025572713842754,
            0.5350139456150581,
            0.5844911271337655,
            0.9296221719929387,
        ];
        for (relative, exponent) in
            [(0.2, -1.779785094943299), (1e-6, 0.7), (1e-9, -2.0), (1e-14, 1.0)]
        {
            let mut data = law(1.0, exponent, relative);
            for (threshold, z) in data.iter_mut().zip(noise) {
                threshold.x += threshold.error * z;
            }
            let fit = fit(&data, Scale::Plain).unwrap_or_else(|| panic!("no fit at {relative}"));
            assert!((fit.exponent - exponent).abs() < 2.0 * relative, "{fit:?}");
        }
    }

    proptest! {
        /// The fit of smallest squares is a stationary point on its scale.
        #[test]
        fn no_neighbour_is_better(noise in prop::array::uniform6(-1.0..1.0_f64), exponent in -2.0..2.0_f64) {
            let mut data = law(1.0, exponent, 0.2);
            for (threshold, z) in data.iter_mut().zip(noise) {
                threshold.x += threshold.error * z;
            }
            let fit = fit(&data, Scale::Plain).unwrap();
            let sum = |a: f64, b: f64| {
                data.iter().map(|t| ((t.x - libm::exp(a + b * libm::log(t.size))) / t.error).powi(2)).sum::<f64>()
            };
            prop_assert!((sum(fit.ln_factor, fit.exponent) - fit.chi_squared).abs() < 1e-9);
            for (a, b) in [(1e-3, 0.0), (-1e-3, 0.0), (0.0, 1e-3), (0.0, -1e-3)] {
                prop_assert!(sum(fit.ln_factor + a, fit.exponent + b) >= fit.chi_squared);
            }
        }
    }
}
