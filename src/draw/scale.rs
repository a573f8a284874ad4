//! Where values are along an axis, and which of them are written there.

use super::text;

/// Where the values of an axis are.
#[derive(Debug, Clone, PartialEq)]
pub enum Scale {
    /// Evenly from the first value to the second.
    Linear([f64; 2]),
    /// The same of whole numbers: nothing is written between them.
    Whole([f64; 2]),
    /// Evenly in the logarithm, from the first positive value to the second.
    Log([f64; 2]),
    /// From the first value to the second, evenly near 0 and in the logarithm far from it: by the inverse
    /// hyperbolic sine of the value over `unit`.
    Signed {
        /// The first value and the last.
        range: [f64; 2],
        /// About where the one goes over into the other.
        unit: f64,
    },
    /// Names beside each other: number `i` goes from `i - 1/2` to `i + 1/2`.
    Names(Vec<String>),
}

impl Scale {
    /// A linear scale for these values, those that are not finite left out; from 0 to 1 if there are none.
    pub fn linear(values: impl IntoIterator<Item = f64>) -> Self {
        let [low, high] = range(values.into_iter()).unwrap_or([0.0, 1.0]);
        // A single value, or one with round-off, stands in the middle.
        let size = low.abs().max(high.abs());
        let is_wide = high - low > 1e-9 * size;
        let margin = if is_wide { 0.04 * (high - low) } else { size.max(1.0) / 2.0 };
        Self::Linear([low - margin, high + margin])
    }

    /// A logarithmic scale for these values, those that are not positive left out; from 1 to 10 if there are
    /// none.
    pub fn log(values: impl IntoIterator<Item = f64>) -> Self {
        let positive = values.into_iter().filter(|x| *x > 0.0);
        let [low, high] = range(positive).unwrap_or([1.0, 10.0]);
        // By logarithms, since the ratio of two numbers may be none.
        let [a, b] = [low, high].map(libm::log);
        let margin = if b - a > 1e-9 { 0.03 * (b - a) } else { 1.0 };
        let end = |ln: f64| libm::exp(ln).clamp(f64::MIN_POSITIVE, f64::MAX);
        Self::Log([end(a - margin), end(b + margin)])
    }

    /// A scale for values of both signs and many magnitudes; linear if they are not of many.
    pub fn signed(values: impl IntoIterator<Item = f64>) -> Self {
        /// Magnitudes that have room.
        const MAGNITUDES: f64 = 1e-4;
        let values: Vec<f64> = values.into_iter().filter(|x| x.is_finite()).collect();
        let sizes = || values.iter().map(|x| x.abs()).filter(|x| *x > 0.0);
        let (least, most) = (sizes().fold(f64::INFINITY, f64::min), sizes().fold(0.0, f64::max));
        if least > most || most < 20.0 * least {
            return Self::linear(values);
        }
        let unit = least.max(MAGNITUDES * most);
        let Some([low, high]) = range(values.iter().map(|x| libm::asinh(x / unit))) else {
            return Self::linear(values);
        };
        let margin = 0.04 * (high - low);
        let value = |place: f64| unit * libm::sinh(place);
        Self::Signed { range: [value(low - margin), value(high + margin)], unit }
    }

    /// A scale for swept values: logarithmic if `log`.
    pub fn of(values: &[f64], log: bool) -> Self {
        if log { Self::log(values.iter().copied()) } else { Self::linear(values.iter().copied()) }
    }

    /// Where a value is, from 0 to 1 along the axis; `None` if it has no place. One outside the range is at
    /// the end that is nearer.
    pub(super) fn place(&self, x: f64) -> Option<f64> {
        let place = match self {
            Self::Linear([low, high]) | Self::Whole([low, high]) => (x - low) / (high - low),
            Self::Log([low, high]) if x > 0.0 => {
                let [x, low, high] = [x, *low, *high].map(libm::log);
                (x - low) / (high - low)
            }
            Self::Log(_) => f64::NAN,
            Self::Signed { range, unit } => {
                let [low, high] = range.map(|end| libm::asinh(end / unit));
                (libm::asinh(x / unit) - low) / (high - low)
            }
            Self::Names(names) => (x + 0.5) / names.len().max(1) as f64,
        };
        (!place.is_nan()).then(|| place.clamp(0.0, 1.0))
    }

    /// The values that are written, with how; of numbers about `about` many.
    pub(super) fn ticks(&self, about: usize) -> Vec<(f64, String)> {
        match self {
            Self::Linear(range) => linear_ticks(*range, about, 0.0),
            Self::Whole(range) => linear_ticks(*range, about, 1.0),
            Self::Log([low, high]) if *high < 5.0 * low => linear_ticks([*low, *high], about, 0.0),
            Self::Log(range) => log_ticks(*range, about),
            Self::Signed { range, unit } => signed_ticks(*range, *unit, about),
            Self::Names(names) => {
                names.iter().enumerate().map(|(i, name)| (i as f64, name.clone())).collect()
            }
        }
    }

    /// Width of the widest of what is written.
    pub(super) fn widest_tick(&self, about: usize, size: f64) -> f64 {
        self.ticks(about).iter().map(|(_, tick)| text::width(tick, size)).fold(0.0, f64::max)
    }
}

/// The smallest and the largest of the finite ones.
fn range(values: impl Iterator<Item = f64>) -> Option<[f64; 2]> {
    values.filter(|x| x.is_finite()).fold(None, |range, x| match range {
        None => Some([x, x]),
        Some([low, high]) => Some([low.min(x), high.max(x)]),
    })
}

/// Multiples of 1, 2 or 5 times a power of ten, which is not below `least`.
fn linear_ticks([low, high]: [f64; 2], about: usize, least: f64) -> Vec<(f64, String)> {
    let rough = ((high - low) / about.max(1) as f64).max(least);
    if !(rough > 0.0 && rough.is_finite()) {
        return Vec::new();
    }
    let power = libm::floor(libm::log10(rough)) as i32;
    let unit = libm::pow(10.0, f64::from(power));
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * unit >= rough).unwrap_or(10.0);
    let step = factor * unit;
    let decimals =
        usize::try_from(-libm::floor(libm::log10(step * (1.0 + 1e-9))) as i64).unwrap_or(0);
    let (first, last) = (libm::ceil(low / step - 1e-9), libm::floor(high / step + 1e-9));
    let text = |x: f64| match x {
        0.0 => "0".to_owned(),
        x if x.abs() >= 1e5 || x.abs() < 1e-4 => {
            // As many digits as tell two steps apart.
            let digits = libm::log10(x.abs()).floor() - libm::log10(step).floor();
            power_text(x, digits.clamp(0.0, 15.0) as usize)
        }
        x => format!("{x:.decimals$}").replace('-', "−"),
    };
    let count = (last - first).clamp(-1.0, 100.0) as i64;
    (0..=count)
        .map(|i| {
            // Adding 0 makes a zero positive.
            let x = (first + i as f64) * step + 0.0;
            (x, text(x))
        })
        .collect()
}

/// 0, and powers of ten of both signs, as many as fit.
fn signed_ticks([low, high]: [f64; 2], unit: f64, about: usize) -> Vec<(f64, String)> {
    let long = low.abs().max(high.abs());
    // The longer side has its part of them.
    let [below, above] = [low, high].map(|end| libm::asinh(end / unit));
    let part = below.abs().max(above.abs()) / (above - below);
    let about = libm::ceil(about as f64 * part.min(1.0)) as usize;
    let powers = log_ticks([unit, long.max(unit)], about);
    let negative = powers.iter().rev().map(|(x, text)| (-x, format!("−{text}")));
    let zero = (0.0, "0".to_owned());
    let all = negative.chain([zero]).chain(powers.iter().cloned());
    all.filter(|(x, _)| (low..=high).contains(x)).collect()
}

/// Powers of ten, as many as fit; in a range of few decades 2 and 5 times them too.
fn log_ticks([low, high]: [f64; 2], about: usize) -> Vec<(f64, String)> {
    let (first, last) =
        (libm::floor(libm::log10(low)) as i32, libm::ceil(libm::log10(high)) as i32);
    let decades = libm::log10(high) - libm::log10(low);
    let factors: &[f64] = match decades / about.max(1) as f64 {
        d if d < 0.25 => &[1.0, 2.0, 5.0],
        d if d < 0.5 => &[1.0, 3.0],
        _ => &[1.0],
    };
    let every = libm::ceil(decades / about.max(1) as f64).max(1.0) as i32;
    let powers = (first..=last).filter(|power| power.rem_euclid(every) == 0);
    let within = |x: &f64| (low * (1.0 - 1e-9)..=high * (1.0 + 1e-9)).contains(x);
    powers
        .flat_map(|power| factors.iter().map(move |factor| decimal(*factor, power)))
        .filter(within)
        .map(|x| (x, power_text(x, 0)))
        .collect()
}

/// `factor` times a power of ten, rightly rounded.
fn decimal(factor: f64, power: i32) -> f64 {
    format!("{factor}e{power}").parse().expect("a number")
}

/// `0.01`, `300`, `10⁻⁵`, `3×10⁶`; of a mantissa at most so many decimals.
fn power_text(x: f64, decimals: usize) -> String {
    let scientific = format!("{x:.decimals$e}");
    let (mantissa, power) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    if (-3..4).contains(&power) {
        return format!("{x}").replace('-', "−");
    }
    let mantissa = match mantissa.contains('.') {
        true => mantissa.trim_end_matches('0').trim_end_matches('.'),
        false => mantissa,
    };
    let mantissa = mantissa.replace('-', "−");
    let power = superscript(power);
    if mantissa == "1" { format!("10{power}") } else { format!("{mantissa}×10{power}") }
}

/// A number as an exponent.
fn superscript(power: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let digit = |c: char| c.to_digit(10).map_or('⁻', |digit| DIGITS[digit as usize]);
    power.to_string().chars().map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(scale: &Scale) -> Vec<String> {
        scale.ticks(5).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        for (scale, expected) in [
            (Scale::Linear([0.0, 1.0]), &["0", "0.2", "0.4", "0.6", "0.8", "1.0"][..]),
            (Scale::Linear([-1.04, 1.04]), &["−1.0", "−0.5", "0", "0.5", "1.0"]),
            (Scale::Linear([0.0, 5e6]), &["0", "10⁶", "2×10⁶", "3×10⁶", "4×10⁶", "5×10⁶"]),
            (
                Scale::Linear([200_098.0, 200_131.0]),
                &["2.001×10⁵", "2.0011×10⁵", "2.0012×10⁵", "2.0013×10⁵"],
            ),
            (Scale::Log([1.0, 1e4]), &["1", "10", "100", "1000", "10⁴"]),
            (Scale::Log([0.05, 1.0]), &["0.1", "0.3", "1"]),
            (Scale::Log([0.9, 30.0]), &["1", "3", "10", "30"]),
            (Scale::Log([1.0, 3.0]), &["1.0", "1.5", "2.0", "2.5", "3.0"]),
            (Scale::Log([1e-12, 1.0]), &["10⁻¹²", "10⁻⁹", "10⁻⁶", "0.001", "1"]),
        ] {
            assert_eq!(texts(&scale), expected, "{scale:?}");
        }
    }

    #[test]
    fn values_of_both_signs_have_their_places() {
        let scale = Scale::signed([-3000.0, -1.5, 2.0]);
        assert_eq!(texts(&scale), ["−1000", "−100", "−10", "0"]);
        let places: Vec<f64> =
            [-3000.0, -30.0, -1.5, 0.0, 2.0].map(|x| scale.place(x).unwrap()).to_vec();
        assert!(places.is_sorted_by(|a, b| b - a > 0.02), "{places:?}");
        assert!(matches!(Scale::signed([-1.0, 0.0, 2.0]), Scale::Linear(_)));
        assert!(matches!(Scale::signed([0.0, f64::NAN]), Scale::Linear(_)));
    }

    #[test]
    fn values_have_their_places() {
        let log = Scale::Log([0.01, 100.0]);
        assert_eq!(log.place(1.0), Some(0.5));
        assert_eq!((log.place(0.0), log.place(f64::NAN)), (None, None));
        assert_eq!((log.place(1e-9), log.place(f64::INFINITY)), (Some(0.0), Some(1.0)));
        let names = Scale::Names(vec!["he".to_owned(), "zas".to_owned()]);
        assert_eq!(
            (names.place(-0.5), names.place(0.0), names.place(1.5)),
            (Some(0.0), Some(0.25), Some(1.0))
        );
    }

    #[test]
    fn a_scale_holds_its_values() {
        for scale in [
            Scale::linear([3.0]),
            Scale::linear([0.0]),
            Scale::log([3.0]),
            Scale::linear([]),
            Scale::log([f64::NAN, -1.0, f64::INFINITY]),
            Scale::log([1e-320, 1e-3, 1e300]),
            Scale::log([f64::MIN_POSITIVE, f64::MAX]),
            Scale::linear([1.0, 1.0 + f64::EPSILON]),
        ] {
            assert!(scale.ticks(5).len() < 20, "{scale:?}");
            assert!(!scale.ticks(5).is_empty(), "{scale:?}");
        }
        assert!(Scale::linear([3.0]).place(3.0).is_some_and(|place| place > 0.2 && place < 0.8));
        assert!(Scale::log([1e-3, 1e3]).place(1e-3).is_some_and(|place| place > 0.0));
    }
}
