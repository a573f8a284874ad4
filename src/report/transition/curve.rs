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
    pub(super) fn fit(points: &[Point], scale: AxisScale, question: &Question) -> Option<Self> {
        let Question { link, p, level, .. } = *question;
        let scaled = |point: &Point| Point { x: scale.scaled(point.x), ..*point };
        let points: Vec<Point> = points.iter().map(scaled).collect();
        if points.len() < 2 {
            return None;
        }
        let fit = match question.asymptotes {
            Asymptotes::None => plain(&points, link, p, level)?,
            Asymptotes::Free => free(&points, link, p, level)?,
        };
        let z = normal::quantile(0.5 + 0.5 * level);
        let way = (link.predictor(0.9) - link.predictor(0.1)) / fit.slope.abs();
        let Bracket { lower, upper } = fit.interval;
        Some(Self {
            threshold: scale.value(fit.threshold),
            interval: Bracket { lower: scale.value(lower), upper: scale.value(upper) },
            width: scale.value(way),
            error: 0.5 * (upper - lower) / z,
            ..fit
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

    /// The probability of a deviance as large as this one if the curve is right. `None` without degrees of
    /// freedom.
    pub fn lack_of_fit(&self) -> Option<f64> {
        (self.freedom > 0).then(|| chi_squared::upper(self.deviance, self.freedom))
    }
}

/// A curve from 0 to 1, on the scale of the fit.
fn plain(points: &[Point], link: Link, p: f64, level: f64) -> Option<Curve> {
    let fit = glm::fit(points, link).ok()?;
    let interval = match fit.crossing_region(p, level) {
        Region::Bounded { lower, upper } => Bracket { lower, upper },
        _ => Bracket { lower: f64::NEG_INFINITY, upper: f64::INFINITY },
    };
    Some(Curve {
        threshold: fit.crossing(p),
        interval,
        slope: fit.slope,
        width: 0.0,
        floor: 0.0,
        ceiling: 1.0,
        deviance: fit.deviance,
        freedom: fit.freedom,
        error: 0.0,
    })
}

/// A curve between free asymptotes, on the scale of the fit.
fn free(points: &[Point], link: Link, p: f64, level: f64) -> Option<Curve> {
    let fit = asymptotes::fit(points, link, p, level);
    if fit.step {
        return None;
    }
    // An asymptote of 0 or 1 is at its bound: it takes up no freedom.
    let inner = [fit.floor, fit.lapse].iter().filter(|&&asymptote| asymptote > 0.0).count();
    Some(Curve {
        threshold: fit.threshold,
        interval: fit.interval,
        slope: fit.slope,
        width: 0.0,
        floor: fit.floor,
        ceiling: 1.0 - fit.lapse,
        deviance: fit.deviance,
        freedom: points.len().saturating_sub(2 + inner) as u64,
        error: 0.0,
    })
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
