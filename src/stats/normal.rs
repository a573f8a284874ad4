//! The standard normal distribution, accurate in the tails.
//!
//! The elementary functions come from `libm`, so the results are the same bits on every machine.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, LN_2};

/// `sqrt(1/2)` minus its nearest double.
const FRAC_1_SQRT_2_REST: f64 = -4.833_646_656_726_457e-17;

/// `1 / sqrt(2 pi)`.
const PEAK: f64 = 0.398_942_280_401_432_7;

/// The density `exp(-x^2/2) / sqrt(2 pi)`, to a relative 1e-15.
pub fn pdf(x: f64) -> f64 {
    // x^2 is rounded in its last bit, which a tail would feel: the square of the high half is exact.
    let high = f64::from(x as f32);
    if !(high * high).is_finite() {
        return if x.is_nan() { x } else { 0.0 };
    }
    PEAK * libm::exp(-0.5 * high * high) * libm::exp(-0.5 * (x - high) * (x + high))
}

/// `P(X <= x)`, to a relative 1e-15 as long as it is a normal number (`x > -37`).
pub fn cdf(x: f64) -> f64 {
    // Phi(x) = erfc(-x / sqrt 2) / 2; the first-order term repairs the rounding of the quotient.
    let t = -x * FRAC_1_SQRT_2;
    let rest = libm::fma(-x, FRAC_1_SQRT_2, -t) - x * FRAC_1_SQRT_2_REST;
    let repair = if t.abs() < 30.0 { FRAC_2_SQRT_PI * libm::exp(-t * t) * rest } else { 0.0 };
    0.5 * (libm::erfc(t) - repair)
}

/// The `x` with `P(X <= x) = p`: to a relative 2e-15, minus infinity at 0, infinity at 1.
///
/// Newton's method: near the median for `erf`, in a tail for `ln P`, which is concave, so that the
/// steps from `-sqrt(-2 ln 2p)`, which is left of the root, never pass it.
///
/// # Panics
/// If `p` is not in `[0, 1]`.
pub fn quantile(p: f64) -> f64 {
    assert!((0.0..=1.0).contains(&p), "a probability is in [0, 1], not {p}");
    if p == 0.0 || p == 1.0 {
        return (p - 0.5) * f64::INFINITY;
    }
    if (p - 0.5).abs() < 0.25 {
        return central(p - 0.5);
    }
    if p > 0.5 { -lower_tail(1.0 - p) } else { lower_tail(p) }
}

/// The `x` with `P(0 <= X <= x) = excess`.
fn central(excess: f64) -> f64 {
    let mut x = excess / PEAK;
    for _ in 0..60 {
        let step = (excess - 0.5 * libm::erf(x * FRAC_1_SQRT_2)) / pdf(x);
        x += step;
        if step.abs() <= 1e-16 * x.abs() {
            break;
        }
    }
    x
}

/// The `x` with `P(X <= x) = p`, for `p` at most 1/4.
fn lower_tail(p: f64) -> f64 {
    let ln_p = libm::log(p);
    let mut x = -(-2.0 * (ln_p + LN_2)).sqrt();
    for _ in 0..60 {
        let below = cdf(x);
        // At most e^(-x^2/2)/2 lies below a negative x, so the first value can be too small to see.
        if below == 0.0 {
            x *= 0.999;
            continue;
        }
        let step = (ln_p - libm::log(below)) * below / pdf(x);
        x += step;
        if step.abs() <= 1e-16 * x.abs() {
            break;
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Argument, density and lower tail.
    const KNOWN: [(f64, f64, f64); 9] = [
        (-37.0, 2.120_006_551_524_605_6e-298, 5.725_571_222_524_577e-300),
        (-20.3, 1.308_288_554_681_529e-90, 6.429_244_467_698_346e-92),
        (-8.1, 2.258_809_403_154_308_7e-15, 2.747_959_392_398_228_6e-16),
        (-3.7, 0.000_424_780_270_550_751_43, 0.000_107_799_733_477_388_26),
        (-1.0, 0.241_970_724_519_143_34, 0.158_655_253_931_457_05),
        (-1e-9, 0.398_942_280_401_432_7, 0.499_999_999_601_057_73),
        (0.5, 0.352_065_326_764_299_47, 0.691_462_461_274_013_1),
        (2.0, 0.053_990_966_513_188_05, 0.977_249_868_051_820_8),
        (6.0, 6.075_882_849_823_285e-9, 0.999_999_999_013_412_3),
    ];

    /// Lower tail and argument.
    const QUANTILES: [(f64, f64); 8] = [
        (1e-300, -37.047_096_299_361_2),
        (1e-20, -9.262_340_089_798_407),
        (1e-4, -3.719_016_485_455_680_4),
        (0.2, -0.841_621_233_572_914_2),
        (0.3, -0.524_400_512_708_040_8),
        (0.49999, -2.506_628_274_896_000_8e-5),
        (0.7, 0.524_400_512_708_040_7),
        (0.9999, 3.719_016_485_455_708_4),
    ];

    fn close(value: f64, expected: f64, tolerance: f64) -> bool {
        (value - expected).abs() <= tolerance * expected.abs()
    }

    /// By arbitrary precision.
    #[test]
    fn known_answers() {
        for (x, density, below) in KNOWN {
            assert!(close(pdf(x), density, 1e-15), "density at {x}: {}", pdf(x));
            assert!(close(cdf(x), below, 1e-15), "below {x}: {}", cdf(x));
        }
        assert!(close(quantile(0.975), 1.959_963_984_540_054_2, 1e-15));
        assert_eq!(quantile(0.5), 0.0);
        assert_eq!((quantile(0.0), quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
        for (p, x) in QUANTILES {
            assert!(close(quantile(p), x, 2e-15), "{p}: {}", quantile(p));
        }
    }

    proptest! {
        #[test]
        fn the_quantile_undoes_the_distribution(x in -37.0..0.0_f64) {
            let p = cdf(x);
            prop_assert!((quantile(p) - x).abs() <= 4e-15 * (1.0 + x.abs()), "{x}: {}", quantile(p));
            prop_assert_eq!(quantile(1.0 - p), -quantile(1.0 - (1.0 - p)));
        }
    }
}
