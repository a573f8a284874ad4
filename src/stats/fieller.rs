//! Confidence set of a quotient of two normal estimates.

/// Where a quotient may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Region {
    /// `[lower, upper]`: the denominator differs from zero at this level.
    Bounded {
        /// Lower end.
        lower: f64,
        /// Upper end.
        upper: f64,
    },
    /// Everything but the open interval `(below, above)`: the denominator may be zero, the quotient is
    /// not between these two. One of them may be infinite.
    Outside {
        /// Upper end of the lower part.
        below: f64,
        /// Lower end of the upper part.
        above: f64,
    },
    /// The whole line: nothing is known at this level.
    Everything,
}

impl Region {
    /// Whether `x` is in the set.
    pub fn contains(&self, x: f64) -> bool {
        match *self {
            Self::Bounded { lower, upper } => lower <= x && x <= upper,
            Self::Outside { below, above } => x <= below || above <= x,
            Self::Everything => true,
        }
    }

    /// The set of all `offset + scale x` with `x` in this one, for a positive `scale`.
    pub fn moved(self, offset: f64, scale: f64) -> Self {
        let f = |x: f64| offset + scale * x;
        match self {
            Self::Bounded { lower, upper } => Self::Bounded { lower: f(lower), upper: f(upper) },
            Self::Outside { below, above } => Self::Outside { below: f(below), above: f(above) },
            Self::Everything => Self::Everything,
        }
    }
}

/// Variances and covariance of two estimates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Covariance {
    /// Variance of the first.
    pub first: f64,
    /// Their covariance.
    pub mixed: f64,
    /// Variance of the second.
    pub second: f64,
}

/// The set of all `r` with `(a - r b)^2 <= z^2 Var(a - r b)`, for estimates `a` and `b` with this
/// covariance: the confidence set of the quotient of the estimated quantities of Fieller (1954, J. R.
/// Stat. Soc. B 16(2) 175-185). It is exact for normal estimates of known covariance, whatever the
/// denominator.
///
/// With `A = b^2 - z^2 V_b`, `B = -ab + z^2 V_ab`, `C = a^2 - z^2 V_a` the condition is
/// `A r^2 + 2 B r + C <= 0`.
///
/// # Panics
/// If `z` is not positive.
pub fn quotient(a: f64, b: f64, covariance: Covariance, z: f64) -> Region {
    assert!(z > 0.0, "a normal quantile for an interval is positive, not {z}");
    let square = z * z;
    let quadratic = b * b - square * covariance.second;
    let linear = square * covariance.mixed - a * b;
    let constant = a * a - square * covariance.first;
    let discriminant = linear * linear - quadratic * constant;
    if quadratic > 0.0 {
        // a / b solves the inequality, so a negative discriminant is a rounding error.
        let (lower, upper) = roots(quadratic, linear, constant, discriminant.max(0.0));
        return Region::Bounded { lower, upper };
    }
    if discriminant <= 0.0 || discriminant.is_nan() {
        return Region::Everything;
    }
    let (below, above) = roots(quadratic, linear, constant, discriminant);
    Region::Outside { below, above }
}

/// The roots of `A r^2 + 2 B r + C` in ascending order, without cancellation; one is infinite if `A` is 0.
fn roots(quadratic: f64, linear: f64, constant: f64, discriminant: f64) -> (f64, f64) {
    let sum = -(linear + discriminant.sqrt().copysign(linear));
    let (first, second) = match quadratic {
        // The set is a half line: 2 B r + C <= 0.
        0.0 => (f64::INFINITY.copysign(-linear), constant / sum),
        _ => (sum / quadratic, if sum == 0.0 { 0.0 } else { constant / sum }),
    };
    if quadratic == 0.0 && linear > 0.0 {
        // r <= -C / 2B: what is left out is to the right.
        return (second, f64::INFINITY);
    }
    if quadratic == 0.0 {
        return (f64::NEG_INFINITY, second);
    }
    (first.min(second), first.max(second))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::digest::Digest;
    use crate::rng::{Purpose, stream};

    fn covariance(first: f64, mixed: f64, second: f64) -> Covariance {
        Covariance { first, mixed, second }
    }

    #[test]
    fn known_answers() {
        // (4 - r 2)^2 <= 1 + r^2: 3 r^2 - 16 r + 15 <= 0.
        let root = 19f64.sqrt();
        let Region::Bounded { lower, upper } = quotient(4.0, 2.0, covariance(1.0, 0.0, 1.0), 1.0)
        else {
            panic!("bounded")
        };
        assert!(
            (lower - (8.0 - root) / 3.0).abs() < 1e-15
                && (upper - (8.0 + root) / 3.0).abs() < 1e-15
        );
        // (4 - r)^2 <= 1 + 4 r^2: 3 r^2 + 8 r - 15 >= 0.
        let root = 61f64.sqrt();
        let Region::Outside { below, above } = quotient(4.0, 1.0, covariance(1.0, 0.0, 4.0), 1.0)
        else {
            panic!("outside")
        };
        assert!(
            (below - (-4.0 - root) / 3.0).abs() < 1e-15
                && (above - (-4.0 + root) / 3.0).abs() < 1e-15
        );
        // (4 - r)^2 <= 1 + r^2: r >= 15/8, and its mirror image.
        let half = quotient(4.0, 1.0, covariance(1.0, 0.0, 1.0), 1.0);
        assert_eq!(half, Region::Outside { below: f64::NEG_INFINITY, above: 15.0 / 8.0 });
        let half = quotient(-4.0, 1.0, covariance(1.0, 0.0, 1.0), 1.0);
        assert_eq!(half, Region::Outside { below: -15.0 / 8.0, above: f64::INFINITY });
        assert_eq!(quotient(0.5, 0.5, covariance(1.0, 0.0, 1.0), 1.0), Region::Everything);
    }

    proptest! {
        #[test]
        fn the_set_is_what_it_says(
            a in -3.0..3.0_f64, b in -3.0..3.0_f64, first in 0.1..2.0_f64, second in 0.1..2.0_f64,
            correlation in -0.9..0.9_f64, r in -20.0..20.0_f64,
        ) {
            let mixed = correlation * (first * second).sqrt();
            let distance = (a - r * b).powi(2) - 3.0 * (first - 2.0 * r * mixed + r * r * second);
            prop_assume!(distance.abs() > 1e-9);
            let region = quotient(a, b, covariance(first, mixed, second), 3f64.sqrt());
            prop_assert_eq!(region.contains(r), distance <= 0.0, "{:?}", region);
        }
    }

    /// Exactly 95 % for normal estimates, even where the denominator is mostly noise. 20,000 draws, the
    /// share within 4.4 standard errors (false alarm 1e-5).
    #[test]
    fn coverage_is_the_level() {
        let mut random = stream(1, &Digest::of(b"fieller"), Purpose::Init, 0);
        for denominator in [0.3, 5.0] {
            let draws = 20_000;
            let hits = (0..draws).filter(|_| {
                let (g, h) = (random.gaussian(), random.gaussian());
                let estimates = (2.0 * denominator + g, denominator + 0.6 * g + 0.8 * h);
                quotient(
                    estimates.0,
                    estimates.1,
                    covariance(1.0, 0.6, 1.0),
                    1.959_963_984_540_054_2,
                )
                .contains(2.0)
            });
            let share = hits.count() as f64 / f64::from(draws);
            assert!(
                (share - 0.95).abs() < 4.4 * (0.95 * 0.05 / f64::from(draws)).sqrt(),
                "{share}"
            );
        }
    }
}
