//! A swept number that something is a function of.

use crate::stats::axis::Point;
use crate::study::{Axis, AxisKey, AxisValues};
use crate::{Error, suggest};

/// An axis of a sweep whose values are numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct NumericAxis {
    /// Which of the axes it is.
    pub number: usize,
    /// The swept key.
    pub key: String,
    /// Its values, in the order of the sweep, all different.
    pub values: Vec<f64>,
}

impl NumericAxis {
    /// The axis of this key.
    ///
    /// # Errors
    /// [`Error::Usage`] if the key is not swept, has no two values, the same value twice or others than
    /// numbers.
    pub fn of_key(axes: &[Axis], key: &str) -> crate::Result<Self> {
        let mut swept =
            axes.iter().enumerate().flat_map(|(i, axis)| axis.keys.iter().map(move |key| (i, key)));
        let values = match swept.find(|(_, swept)| swept.key == key) {
            Some((number, swept)) => numbers(swept).map(|values| (number, values)),
            None => Err(format!("the study does not sweep `{key}`")),
        };
        let (number, values) = values.map_err(|message| {
            let names = Self::names(axes);
            let help = format!("numbers are swept by {}", names.join(", "));
            let help = suggest::before(help, key, names.iter().copied());
            Error::usage(message, (!names.is_empty()).then_some(help))
        })?;
        Ok(Self { number, key: key.to_owned(), values })
    }

    /// The only axis of numbers.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is none or more than one; the message calls the option `option`.
    pub fn only(axes: &[Axis], option: &str) -> crate::Result<Self> {
        match Self::names(axes).as_slice() {
            [key] => Self::of_key(axes, key),
            [] => Err(Error::usage("the study sweeps no numbers", None)),
            keys => Err(Error::usage(
                format!("the study sweeps {} numbers: {}", keys.len(), keys.join(", ")),
                Some(format!("say which one with `{option} {}`", keys[0])),
            )),
        }
    }

    /// The keys that can be an axis of numbers.
    fn names(axes: &[Axis]) -> Vec<&str> {
        let keys = axes.iter().flat_map(|axis| &axis.keys);
        keys.filter(|key| numbers(key).is_ok()).map(|key| key.key.as_str()).collect()
    }
}

/// The values of a key as numbers, two or more and all different, or why they are not.
pub(super) fn numbers(swept: &AxisKey) -> Result<Vec<f64>, String> {
    let key = &swept.key;
    let values: Vec<f64> = match &swept.values {
        AxisValues::Floats(values) => values.clone(),
        AxisValues::Integers(values) => values.iter().map(|&value| value as f64).collect(),
        AxisValues::Labels(_) => return Err(format!("the values of `{key}` are not numbers")),
    };
    let mut sorted = values.clone();
    sorted.sort_by(f64::total_cmp);
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(format!("`{key}` has the same value twice"));
    }
    if values.len() < 2 {
        return Err(format!("`{key}` has one value only"));
    }
    Ok(values)
}

/// The scale on which a curve is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AxisScale {
    /// In the logarithm of the values.
    Log,
    /// In the values.
    Linear,
}

impl AxisScale {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Log, Self::Linear];

    /// Its word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Linear => "linear",
        }
    }

    /// Logarithmic if all values are positive and the largest is ten times the smallest or more.
    pub fn of(values: &[f64]) -> Self {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(0.0, f64::max);
        if least > 0.0 && most >= 10.0 * least { Self::Log } else { Self::Linear }
    }

    /// The value as it is fitted.
    pub fn scaled(self, x: f64) -> f64 {
        match self {
            Self::Log => libm::log(x),
            Self::Linear => x,
        }
    }

    /// Ascending points with their places as they are fitted; those that come to one place are one.
    pub(super) fn scaled_points(self, points: &[Point]) -> Vec<Point> {
        let mut scaled: Vec<Point> = Vec::with_capacity(points.len());
        for &Point { x, successes, trials } in points {
            let x = self.scaled(x);
            match scaled.last_mut().filter(|last| last.x >= x) {
                Some(last) => {
                    last.successes += successes;
                    last.trials += trials;
                }
                None => scaled.push(Point { x, successes, trials }),
            }
        }
        scaled
    }

    /// The inverse of [`scaled`](Self::scaled).
    pub fn value(self, u: f64) -> f64 {
        match self {
            Self::Log => libm::exp(u),
            Self::Linear => u,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes() -> Vec<Axis> {
        let axis = |keys: &[(&str, AxisValues)]| Axis {
            keys: keys
                .iter()
                .map(|(key, values)| AxisKey { key: (*key).to_owned(), values: values.clone() })
                .collect(),
        };
        let labels = AxisValues::Labels(vec!["he".to_owned(), "zas".to_owned()]);
        let integers = |values: [i64; 2]| AxisValues::Integers(values.to_vec());
        vec![
            axis(&[("init.kind", labels), ("init.gain", integers([3, 3]))]),
            axis(&[("network.depth", integers([2, 4]))]),
            axis(&[("target.scale", AxisValues::Floats(vec![1.0]))]),
        ]
    }

    #[test]
    fn a_key_is_found_or_refused() {
        let found = NumericAxis::of_key(&axes(), "network.depth").unwrap();
        let expected =
            NumericAxis { number: 1, key: "network.depth".into(), values: vec![2.0, 4.0] };
        assert_eq!(found, expected);
        for (key, message) in [
            ("init.std", "does not sweep `init.std`"),
            ("init.kind", "not numbers"),
            ("init.gain", "the same value twice"),
            ("target.scale", "one value only"),
        ] {
            let error = NumericAxis::of_key(&axes(), key).unwrap_err();
            assert!(error.to_string().contains(message), "{error}");
            let Error::Usage { help, .. } = error else { panic!("usage") };
            assert_eq!(help.unwrap(), "numbers are swept by network.depth");
        }
    }

    #[test]
    fn the_only_one_is_taken() {
        assert_eq!(NumericAxis::only(&axes(), "--axis").unwrap().key, "network.depth");
        let twice = [axes(), axes()].concat();
        let error = NumericAxis::only(&twice, "--axis").unwrap_err().to_string();
        assert_eq!(error, "the study sweeps 2 numbers: network.depth, network.depth");
        assert!(NumericAxis::only(&axes()[2..], "--axis").is_err());
    }

    #[test]
    fn points_at_one_place_are_one() {
        let point = |x| Point { x, successes: 1, trials: 3 };
        let scaled =
            AxisScale::Log.scaled_points(&[0.001, 0.001 + f64::EPSILON * 1e-3, 0.1].map(point));
        let counts: Vec<_> = scaled.iter().map(|point| (point.successes, point.trials)).collect();
        assert_eq!(counts, [(2, 6), (1, 3)]);
    }

    #[test]
    fn values_over_a_factor_of_ten_are_fitted_in_the_logarithm() {
        for (values, scale) in [
            (&[0.05, 1.0][..], AxisScale::Log),
            (&[10.0, 1.0], AxisScale::Log),
            (&[1.0, 9.9], AxisScale::Linear),
            (&[0.0, 1.0], AxisScale::Linear),
            (&[-10.0, 1.0], AxisScale::Linear),
        ] {
            assert_eq!(AxisScale::of(values), scale, "{values:?}");
        }
        assert!((AxisScale::Log.value(AxisScale::Log.scaled(0.3)) - 0.3).abs() < 1e-16);
        assert_eq!(AxisScale::Linear.value(AxisScale::Linear.scaled(-0.3)), -0.3);
    }
}
