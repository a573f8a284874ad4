//! Tails of the chi-squared distribution, central and not.
//!
//! With `a = k/2` and `y = x/2`, where `k` is the number of degrees of freedom, both tails are sums of
//! positive terms that begin at the density-like factor `D = y^a e^-y / Gamma(a + 1)`:
//!
//! ```text
//! P(X <= x) = D (1 + y/(a+1) + y^2/((a+1)(a+2)) + ...)
//! P(X >= x) = D (a/y + a(a-1)/y^2 + ...), down to the power 0 of y, or 1/2 and then erfc(sqrt y)
//! ```
//!
//! (Abramowitz and Stegun 1964, 6.5.29 and 26.4.4 to 26.4.5). The one whose terms fall is summed, the
//! other is its complement. Relative error of the tail that does not hold the mean: about 1e-14 up to
//! a hundred degrees of freedom, growing with the exponent and the freedom to 1e-12 at ten thousand.

use super::beta::deviance;

/// `P(X <= x)` with `freedom` degrees of freedom.
///
/// # Panics
/// If there is no degree of freedom, or `x` is negative or not a number.
pub fn lower(x: f64, freedom: u64) -> f64 {
    let (below, above) = tails(x, freedom);
    below.unwrap_or(1.0 - above.unwrap_or(0.0))
}

/// `P(X >= x)` with `freedom` degrees of freedom.
///
/// # Panics
/// If there is no degree of freedom, or `x` is negative or not a number.
pub fn upper(x: f64, freedom: u64) -> f64 {
    let (below, above) = tails(x, freedom);
    above.unwrap_or(1.0 - below.unwrap_or(0.0))
}

/// `P(X <= x)` where `X = ||Z + m||^2` for a standard normal `Z` of `freedom` entries and
/// `||m||^2 = noncentrality`: the Poisson mixture of central distributions (Fisher 1928, Proc. R. Soc.
/// Lond. A 121(788) 654-673), to an absolute 1e-13.
///
/// # Panics
/// If there is no degree of freedom, or another argument is negative or not a number.
pub fn noncentral_lower(x: f64, freedom: u64, noncentrality: f64) -> f64 {
    assert!(noncentrality >= 0.0, "a noncentrality is not negative: {noncentrality}");
    let mean = 0.5 * noncentrality;
    let weight = |j: u64| match j {
        0 => libm::exp(-mean),
        j => libm::exp(j as f64 * libm::log(mean) - mean - libm::lgamma(j as f64 + 1.0)),
    };
    // The terms of both factors together rise to one peak and fall: go on until they have fallen.
    let reach = mean + 12.0 * mean.sqrt() + 40.0;
    (0..=reach as u64).map(|j| weight(j) * lower(x, freedom + 2 * j)).sum()
}

/// The lower tail or the upper one, whichever is the sum of falling terms.
fn tails(x: f64, freedom: u64) -> (Option<f64>, Option<f64>) {
    assert!(freedom > 0, "a chi-squared distribution has at least one degree of freedom");
    assert!(x >= 0.0, "a sum of squares is not negative: {x}");
    let (a, y) = (0.5 * freedom as f64, 0.5 * x);
    if y == 0.0 {
        return (Some(0.0), None);
    }
    if y.is_infinite() {
        return (None, Some(0.0));
    }
    let factor = libm::exp(-deviance(a, y, a - y) - ln_gamma_excess(a));
    if y < a + 1.0 {
        (Some(factor * rising(a, y)), None)
    } else {
        (None, Some(falling(a, y, factor)))
    }
}

/// `ln(Gamma(a + 1) / (a/e)^a)`.
fn ln_gamma_excess(a: f64) -> f64 {
    if a < 30.0 {
        return libm::lgamma(a + 1.0) - a * (libm::log(a) - 1.0);
    }
    // Stirling's series; the first term left out is below 1e-16.
    let r = 1.0 / (a * a);
    let series = (1.0 / 12.0 - r * (1.0 / 360.0 - r * (1.0 / 1260.0 - r / 1680.0))) / a;
    0.5 * libm::log(2.0 * std::f64::consts::PI * a) + series
}

/// `1 + y/(a+1) + y^2/((a+1)(a+2)) + ...`
fn rising(a: f64, y: f64) -> f64 {
    let (mut sum, mut term, mut n) = (1.0, 1.0, 1.0);
    loop {
        term *= y / (a + n);
        if sum + term == sum {
            return sum;
        }
        sum += term;
        n += 1.0;
    }
}

/// `factor (a/y + a(a-1)/y^2 + ...)` as long as a factor of the numerator is positive, and for a half
/// number `a` the tail `erfc(sqrt y)` of one degree of freedom.
fn falling(a: f64, y: f64, factor: f64) -> f64 {
    let (mut sum, mut term, mut n) = (0.0, factor, a);
    while n > 0.75 {
        term *= n / y;
        sum += term;
        n -= 1.0;
        if term < 1e-18 * sum {
            return sum;
        }
    }
    if n > 0.25 { sum + libm::erfc(y.sqrt()) } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Argument, degrees of freedom, lower and upper tail.
    const KNOWN: [(f64, u64, f64, f64); 11] = [
        (0.01, 3, 0.000_265_165_058_655_609_8, 0.999_734_834_941_344_4),
        (1.0, 5, 0.037_434_226_752_703_63, 0.962_565_773_247_296_4),
        (30.0, 5, 0.999_985_251_418_961_6, 1.474_858_103_844_305_2e-5),
        (11.2322311, 6, 0.918_541_190_146_708_8, 0.081_458_809_853_291_26),
        (80.0, 100, 0.070_335_066_659_394_96, 0.929_664_933_340_605_1),
        (150.0, 100, 0.999_096_067_957_645_9, 0.000_903_932_042_354_009_1),
        (60.0, 7, 0.999_999_999_849_044_4, 1.509_555_302_298_912e-10),
        (9700.0, 10_000, 0.016_250_795_177_709_932, 0.983_749_204_822_290_1),
        (10_400.0, 10_000, 0.997_415_186_504_646_2, 0.002_584_813_495_353_809),
        (3.0, 21, 1.520_344_435_390_199_3e-6, 0.999_998_479_655_564_7),
        (120.5, 33, 0.999_999_999_993_177_8, 6.822_165_352_909_636e-12),
    ];

    fn close(value: f64, expected: f64, tolerance: f64) -> bool {
        (value - expected).abs() <= tolerance * expected.abs()
    }

    #[test]
    fn closed_forms() {
        for x in [0.0, 1e-9, 0.3, 1.0, 5.0, 40.0, 700.0] {
            assert!(close(upper(x, 2), libm::exp(-0.5 * x), 1e-13), "{x}");
            assert!(close(lower(x, 2), -libm::expm1(-0.5 * x), 1e-14), "{x}");
            assert!(close(upper(x, 1), libm::erfc((0.5 * x).sqrt()), 1e-13), "{x}");
            assert!(close(lower(x, 1), libm::erf((0.5 * x).sqrt()), 1e-13), "{x}");
        }
        assert_eq!((upper(f64::INFINITY, 7), lower(f64::INFINITY, 7)), (0.0, 1.0));
    }

    /// By arbitrary precision.
    #[test]
    fn known_answers() {
        for (x, freedom, below, above) in KNOWN {
            if below < 0.5 {
                assert!(
                    close(lower(x, freedom), below, 1e-12),
                    "{x} {freedom}: {}",
                    lower(x, freedom)
                );
            } else {
                assert!(
                    close(upper(x, freedom), above, 1e-12),
                    "{x} {freedom}: {}",
                    upper(x, freedom)
                );
            }
            assert!((lower(x, freedom) + upper(x, freedom) - 1.0).abs() < 1e-15);
        }
    }

    /// The margin of `W ~ N(0, 0.01 I)` with twenty entries and a target of norm 1: at least 0, 0.01, 0.1.
    #[test]
    fn known_noncentral_answers() {
        for (margin, expected) in [(0.0, 0.170_744), (0.01, 0.145_469), (0.1, 0.022_600)] {
            let radius = (1.0 - margin) / 0.1;
            let got = noncentral_lower(radius * radius, 20, 100.0);
            assert!((got - expected).abs() < 5e-7, "{margin}: {got}");
        }
        assert!(close(noncentral_lower(3.0, 5, 0.0), lower(3.0, 5), 1e-13));
    }
}
