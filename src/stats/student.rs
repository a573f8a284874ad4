//! Quantiles of Student's t distribution.

use std::f64::consts::FRAC_PI_2;

use super::beta::{self, Tail};

/// The `t` with `P(|T| <= t) = level` for `freedom` degrees of freedom (Student 1908, Biometrika 6(1) 1-25),
/// from `f / (f + T^2) ~ Beta(f/2, 1/2)`.
///
/// # Panics
/// If there is no degree of freedom, or `level` is not strictly between 0 and 1.
pub fn two_sided(level: f64, freedom: u64) -> f64 {
    assert!(freedom > 0, "a t distribution has at least one degree of freedom");
    assert!(level > 0.0 && level < 1.0, "a confidence level is between 0 and 1, not {level}");
    if freedom == 1 {
        return libm::tan(FRAC_PI_2 * level);
    }
    let f = freedom as f64;
    let x = match 1.0 - level {
        outside if outside <= 0.5 => beta::quantile(0.5 * f, 0.5, Tail::Lower, outside),
        _ => beta::quantile(0.5 * f, 0.5, Tail::Upper, level),
    };
    (f * (1.0 - x) / x).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first three rows in closed form: `tan`, `l sqrt(2 / (1 - l^2))`; the others from tables.
    #[test]
    fn known_quantiles() {
        for (level, freedom, expected) in [
            (0.95, 1, 12.706_204_736_174_7),
            (0.95, 2, 4.302_652_729_749_46),
            (0.3, 2, 0.3 * (2.0_f64 / 0.91).sqrt()),
            (0.95, 3, 3.182_446_305_283_71),
            (0.99, 10, 3.169_272_672_616_87),
            (0.95, 1_000_000, 1.959_966_356_7),
        ] {
            let got = two_sided(level, freedom);
            assert!((got / expected - 1.0).abs() < 1e-9, "{level} {freedom}: {got}");
        }
    }
}
