//! The curve through one crossing.

use super::Question;
use crate::report::axis::{AxisScale, NumericAxis};
use crate::stats::asymptotes;
use crate::stats::axis::{Bracket, Direction, Point};
use crate::stats::chi_squared;
use crate::stats::fieller::Region;
use crate::stats::glm;
use crate::stats::link::Link;
use crate::stats::normal;
use crate::{Error, Result};

/// Between which probabilities a curve goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asymptotes {
    /// Two that are fitted too.
    Free,
    /// 0 and 1.
    None,
}

impl Asymptotes {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Free, Self::None];

    /// Its word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::None => "none",
        }
    }
}

/// A curve `floor + (ceiling - floor) F(slope (u - u_0))` of greatest likelihood, `F` the inverse of the
/// link and `u` the value on the axis or its logarithm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Curve {
    /// Where it crosses `p`, in the units of the axis.
    pub threshold: f64,
    /// The confidence set of the threshold, or an interval around it: Fieller's without asymptotes, that of
    /// the profile likelihood with them. All of the axis where nothing is known.
    pub interval: Bracket,
    /// Slope of the linear predictor on the scale of the fit, positive where the probability rises.
    pub slope: f64,
    /// From where to where the curve has gone a tenth and nine tenths of the way between its asymptotes: the
    /// factor on a logarithmic scale, the distance on a linear one.
    pub width: f64,
    /// The lower asymptote.
    pub floor: f64,
    /// The upper asymptote.
    pub ceiling: f64,
    /// Twice the log-likelihood that the shares themselves have above the curve.
    pub deviance: f64,
    /// Degrees of freedom of the deviance: points minus parameters that are not at a bound.
    pub freedom: u64,
    /// Standard error of the threshold on the scale of the fit, that of a normal interval of equal length.
    pub(super) error: f64,
}

impl Curve {
    /// The curve through these points; `None` if it is a step as far as they tell.
    pub(super) fn fit(
        points: &[Point],
        scale: AxisScale,
        asymptotes: Asymptotes,
        question: &Question,
    ) -> Option<Self> {
        let points = scale.scaled_points(points);
        let curve = match asymptotes {
            Asymptotes::None => plain(&points, question)?,
            Asymptotes::Free => free(&points, question)?,
        };
        let Bracket { lower, upper } = curve.interval;
        Some(Self {
            threshold: scale.value(curve.threshold),
            interval: Bracket { lower: scale.value(lower), upper: scale.value(upper) },
            width: scale.value(curve.width),
            ..curve
        })
    }

    /// Which way it goes.
    pub fn direction(&self) -> Direction {
        if self.slope < 0.0 { Direction::Decreasing } else { Direction::Increasing }
    }

    /// Whether its threshold is enclosed from both sides.
    pub fn is_bounded(&self) -> bool {
        self.error.is_finite()
    }

    /// Takes back what it says of its own errors.
    pub(super) fn withhold_errors(&mut self) {
        self.interval = Bracket { lower: f64::NEG_INFINITY, upper: f64::INFINITY };
        (self.freedom, self.error) = (0, f64::INFINITY);
    }

    /// The probability of a deviance as large as this one if the curve is right. `None` without degrees of
    /// freedom.
    pub fn lack_of_fit(&self) -> Option<f64> {
        (self.freedom > 0).then(|| chi_squared::upper(self.deviance, self.freedom))
    }
}

/// A curve from 0 to 1, on the scale of the fit.
fn plain(points: &[Point], question: &Question) -> Option<Curve> {
    let Question { link, p, level, .. } = *question;
    let fit = glm::fit(points, link).ok()?;
    let interval = match fit.crossing_region(p, level) {
        Region::Bounded { lower, upper } => Bracket { lower, upper },
        _ => Bracket { lower: f64::NEG_INFINITY, upper: f64::INFINITY },
    };
    Some(Curve {
        threshold: fit.crossing(p),
        interval,
        slope: fit.slope,
        width: width(link, fit.slope),
        floor: 0.0,
        ceiling: 1.0,
        deviance: fit.deviance,
        freedom: fit.freedom,
        error: error(&interval, level),
    })
}

/// A curve between free asymptotes, on the scale of the fit.
fn free(points: &[Point], question: &Question) -> Option<Curve> {
    let Question { link, p, level, .. } = *question;
    if points.len() < 2 {
        return None;
    }
    let fit = asymptotes::fit(points, link, p, level);
    if fit.step || !has_flank(points, &fit) {
        return None;
    }
    // An asymptote of 0 or 1 is at its bound: it takes up no freedom.
    let inner = [fit.floor, fit.lapse].iter().filter(|&&asymptote| asymptote > 0.0).count();
    Some(Curve {
        threshold: fit.threshold,
        interval: fit.interval,
        slope: fit.slope,
        width: width(link, fit.slope),
        floor: fit.floor,
        ceiling: 1.0 - fit.lapse,
        deviance: fit.deviance,
        freedom: points.len().saturating_sub(2 + inner) as u64,
        error: error(&fit.interval, level),
    })
}

/// Whether the slope can be told: on two points or more a trial is expected to lie on the way between the
/// asymptotes. With one of them any slope will do that is large enough.
fn has_flank(points: &[Point], fit: &asymptotes::Fit) -> bool {
    /// Expected trials that count as none.
    const NONE: f64 = 1e-3;
    let away = |point: &&Point| {
        let p = fit.probability(point.x);
        let nearest = (p - fit.floor).min(1.0 - fit.lapse - p);
        point.trials as f64 * nearest > NONE
    };
    points.iter().filter(away).count() >= 2
}

/// From a tenth to nine tenths of the way.
fn width(link: Link, slope: f64) -> f64 {
    (link.predictor(0.9) - link.predictor(0.1)) / slope.abs()
}

/// The standard error whose normal interval is as long as this one.
fn error(interval: &Bracket, level: f64) -> f64 {
    0.5 * (interval.upper - interval.lower) / normal::quantile(0.5 + 0.5 * level)
}

/// Refuses a logarithmic scale for values that have no logarithm.
pub(super) fn check_scale(scale: AxisScale, axis: &NumericAxis) -> Result<()> {
    match axis.values.iter().find(|&&x| scale == AxisScale::Log && x <= 0.0) {
        None => Ok(()),
        Some(x) => Err(Error::usage(
            format!("`{}` takes the value {x}, which has no logarithm", axis.key),
            Some("use `--scale linear`".to_owned()),
        )),
    }
}
