//! The numbers that kernels compute in.

use std::fmt;
use std::ops::{Add, Mul, Neg, Sub};

/// Precision of a cell (`descent.precision`): the format of all numbers of its steps. What is measured
/// at the ends of a trial is always computed in double precision, from the weights as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    /// IEEE 754 binary64.
    #[default]
    Float64,
    /// IEEE 754 binary32: about twice the speed, and losses down to about 1e-11 of their scale.
    Float32,
}

impl Precision {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Float64, Self::Float32];

    /// The word in configurations, `f64` or `f32`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Float64 => "f64",
            Self::Float32 => "f32",
        }
    }

    /// The word in results files, as NumPy calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float64 => "float64",
            Self::Float32 => "float32",
        }
    }

    /// The precision of this key.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|precision| precision.key() == key)
    }

    /// Distance from 1 to the next number.
    pub fn epsilon(self) -> f64 {
        match self {
            Self::Float64 => f64::EPSILON,
            Self::Float32 => f64::from(f32::EPSILON),
        }
    }
}

/// A floating-point format.
pub trait Real:
    Copy
    + Default
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Neg<Output = Self>
    + Send
    + Sync
    + fmt::Debug
    + 'static
{
    /// Which one.
    const PRECISION: Precision;
    /// Numbers in a cache line of 64 bytes.
    const LINE: usize = 64 / size_of::<Self>();
    /// The nearest number.
    fn nearest(x: f64) -> Self;
    /// The largest number that is not above `x`, so that for numbers `y` of this format `y > x` and
    /// `y <= x` come out the same as in double precision; of NaN, NaN.
    fn floor(x: f64) -> Self;
    /// The same number in double precision.
    fn widen(self) -> f64;
    /// `self * b + c`, rounded once.
    fn fma(self, b: Self, c: Self) -> Self;
}

macro_rules! real {
    ($float:ident, $precision:ident, $floor:expr) => {
        impl Real for $float {
            const PRECISION: Precision = Precision::$precision;

            #[inline(always)]
            fn nearest(x: f64) -> Self {
                x as Self
            }

            #[inline(always)]
            fn floor(x: f64) -> Self {
                $floor(x)
            }

            #[inline(always)]
            fn widen(self) -> f64 {
                #[allow(clippy::cast_lossless, reason = "one of the two formats is f64 itself")]
                {
                    self as f64
                }
            }

            #[inline(always)]
            fn fma(self, b: Self, c: Self) -> Self {
                self.mul_add(b, c)
            }
        }
    };
}

real!(f64, Float64, |x| x);
real!(f32, Float32, |x: f64| {
    let nearest = x as f32;
    if f64::from(nearest) > x { nearest.next_down() } else { nearest }
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floors_keep_comparisons() {
        for x in [0.1, 1e-5, -0.3, 1e300, -1e300, 1e-60, f64::INFINITY, f64::NEG_INFINITY, 0.0] {
            let floor = <f32 as Real>::floor(x);
            assert!(
                f64::from(floor) <= x && f64::from(floor.next_up()) > x || x.is_infinite(),
                "{x}"
            );
            for y in [floor.next_down(), floor, floor.next_up()] {
                assert_eq!(f64::from(y) > x, y > floor, "{x} {y}");
            }
        }
        assert!(<f32 as Real>::floor(f64::NAN).is_nan());
        assert_eq!(<f64 as Real>::floor(0.1), 0.1);
    }

    #[test]
    fn keys_round_trip() {
        for precision in Precision::ALL {
            assert_eq!(Precision::from_key(precision.key()), Some(precision));
        }
        assert_eq!(Precision::from_key("f16"), None);
    }
}
