//! How thresholds go with depth, width or another number of the sweep.

use std::collections::HashMap;

use super::{Course, Curve, Slice, Transition};
use crate::report::axis::{AxisScale, NumericAxis};
use crate::stats::scaling::{self, PowerLaw, Scale, Threshold};
use crate::study::Axis;
use crate::{Error, Result};

/// How thresholds go with the values of one axis.
#[derive(Debug, Clone)]
pub struct Scaling {
    /// The axis.
    pub axis: NumericAxis,
    /// The laws, by the values on the other axes and by crossing.
    pub laws: Vec<Law>,
}

/// A power law of thresholds over one axis, the other ones fixed.
#[derive(Debug, Clone)]
pub struct Law {
    /// Position on all axes of the first cell of its first slice.
    pub(super) position: Vec<usize>,
    /// Which way the probability goes at its thresholds.
    pub course: Course,
    /// Which one of the crossings that go this way, along each slice, from 1.
    pub ordinal: usize,
    /// How many thresholds with an interval there are.
    pub thresholds: usize,
    /// The law; `None` with fewer than two thresholds or if they have no such law.
    pub fit: Option<PowerLaw>,
    /// Confidence interval of its exponent.
    pub interval: Option<(f64, f64)>,
}

/// The axis over which a law is asked for.
///
/// # Errors
/// [`Error::Usage`] if it is the axis of the thresholds, no axis of numbers, or not positive.
pub(super) fn axis(
    axes: &[Axis],
    along: &NumericAxis,
    key: Option<&str>,
) -> Result<Option<NumericAxis>> {
    let Some(key) = key else { return Ok(None) };
    let axis = NumericAxis::of_key(axes, key)?;
    if axis.number == along.number {
        let message = format!("thresholds of `{}` are no function of `{key}`", along.key);
        return Err(Error::usage(message, Some("`--scaling` takes another axis".to_owned())));
    }
    if let Some(x) = axis.values.iter().find(|&&x| x <= 0.0) {
        let message = format!("`{key}` takes the value {x}: a power law is of positive numbers");
        return Err(Error::usage(message, None));
    }
    Ok(Some(axis))
}

impl Scaling {
    /// The laws of all slices that differ on this axis only, for the first, second, ... crossing of each
    /// way. A slice without such a crossing, or with a threshold that is not enclosed, is left out.
    pub(super) fn of(axis: NumericAxis, slices: &[Slice], scale: AxisScale, level: f64) -> Self {
        let mut laws: Vec<(Law, Vec<Threshold>)> = Vec::new();
        let mut numbers = HashMap::new();
        for slice in slices {
            let size = axis.values[slice.position[axis.number]];
            let mut position = slice.position.clone();
            position[axis.number] = 0;
            for (course, ordinal, transition) in numbered(slice) {
                let number = numbers.entry((position.clone(), course, ordinal));
                let law = *number.or_insert_with(|| {
                    laws.push((Law::new(position.clone(), course, ordinal), Vec::new()));
                    laws.len() - 1
                });
                let curve = transition.curve.as_ref();
                laws[law].1.extend(curve.and_then(|curve| threshold(curve, size, scale)));
            }
        }
        let fitted =
            |(law, thresholds): (Law, Vec<Threshold>)| law.fitted(&thresholds, scale, level);
        Self { axis, laws: laws.into_iter().map(fitted).collect() }
    }
}

impl Scaling {
    /// Takes back what the laws say of their own errors.
    pub(super) fn withhold_errors(&mut self) {
        for law in &mut self.laws {
            law.interval = None;
            if let Some(fit) = &mut law.fit {
                fit.freedom = 0;
            }
        }
    }
}

/// The crossings of a slice, each with its number among those that go the same way.
fn numbered(slice: &Slice) -> impl Iterator<Item = (Course, usize, &Transition)> {
    [Course::Rising, Course::Falling].into_iter().flat_map(|course| {
        let same = slice.transitions.iter().filter(move |transition| transition.course == course);
        same.zip(1..).map(move |(transition, ordinal)| (course, ordinal, transition))
    })
}

/// The threshold of a curve with its error, if both are good for a power law.
fn threshold(curve: &Curve, size: f64, scale: AxisScale) -> Option<Threshold> {
    let x = curve.threshold;
    let error = match scale {
        AxisScale::Log => x * curve.error,
        AxisScale::Linear => curve.error,
    };
    let good = |x: f64| x > 0.0 && x.is_finite();
    (good(x) && good(error)).then_some(Threshold { size, x, error })
}

impl Law {
    fn new(position: Vec<usize>, course: Course, ordinal: usize) -> Self {
        Self { position, course, ordinal, thresholds: 0, fit: None, interval: None }
    }

    fn fitted(self, thresholds: &[Threshold], scale: AxisScale, level: f64) -> Self {
        let scale = match scale {
            AxisScale::Log => Scale::Logarithmic,
            AxisScale::Linear => Scale::Plain,
        };
        let fit = if thresholds.len() < 2 { None } else { scaling::fit(thresholds, scale) };
        let interval = fit.map(|fit| fit.exponent_interval(level));
        Self { thresholds: thresholds.len(), fit, interval, ..self }
    }
}
