//! Density, distribution function and quantiles of the standard normal distribution.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// The density `exp(-x^2 / 2) / sqrt(2 pi)`.
pub fn pdf(x: f64) -> f64 {
    libm::exp(-0.5 * x * x) / libm::sqrt(2.0 * PI)
}

/// `P(X <= x)`. The relative error is a few roundings at the centre and grows as `x^2` of them in
/// the lower tail (2e-13 at -38).
pub fn cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// The `x` with `P(X <= x) = p`, to a relative error below 1e-15.
///
/// Algorithm AS 241 of Wichura (1988, Appl. Statist. 37(3) 477-484), routine PPND16: a rational
/// function of `p - 1/2` at the centre, and two of `sqrt(-ln p)` in the tails.
///
/// # Panics
/// If `p` is not strictly between 0 and 1.
pub fn quantile(p: f64) -> f64 {
    assert!(p > 0.0 && p < 1.0, "a normal quantile is of a probability in (0, 1), not {p}");
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        return q * ratio(&CENTRE, 0.180625 - q * q);
    }
    let r = libm::sqrt(-libm::log(p.min(1.0 - p)));
    let x = if r <= 5.0 { ratio(&TAIL, r - 1.6) } else { ratio(&FAR_TAIL, r - 5.0) };
    libm::copysign(x, q)
}

/// Quotient of two polynomials of degree 7, whose coefficients are in rising order.
fn ratio([above, below]: &[[f64; 8]; 2], x: f64) -> f64 {
    let value = |c: &[f64; 8]| c.iter().rev().fold(0.0, |sum, c| sum * x + c);
    value(above) / value(below)
}

#[expect(clippy::excessive_precision, reason = "as published")]
const CENTRE: [[f64; 8]; 2] = [
    [
        3.387_132_872_796_366_608_0,
        1.331_416_678_917_843_774_5e2,
        1.971_590_950_306_551_442_7e3,
        1.373_169_376_550_946_112_5e4,
        4.592_195_393_154_987_145_7e4,
        6.726_577_092_700_870_085_3e4,
        3.343_057_558_358_812_810_5e4,
        2.509_080_928_730_122_672_7e3,
    ],
    [
        1.0,
        4.231_333_070_160_091_125_2e1,
        6.871_870_074_920_579_083_0e2,
        5.394_196_021_424_751_107_7e3,
        2.121_379_430_158_659_586_7e4,
        3.930_789_580_009_271_061_0e4,
        2.872_908_573_572_194_267_4e4,
        5.226_495_278_852_854_561_0e3,
    ],
];

#[expect(clippy::excessive_precision, reason = "as published")]
const TAIL: [[f64; 8]; 2] = [
    [
        1.423_437_110_749_683_577_34,
        4.630_337_846_156_545_295_90,
        5.769_497_221_460_691_405_50,
        3.647_848_324_763_204_605_04,
        1.270_458_252_452_368_382_58,
        2.417_807_251_774_506_117_70e-1,
        2.272_384_498_926_918_458_33e-2,
        7.745_450_142_783_414_076_40e-4,
    ],
    [
        1.0,
        2.053_191_626_637_758_821_87,
        1.676_384_830_183_803_849_40,
        6.897_673_349_851_000_045_50e-1,
        1.481_039_764_274_800_745_90e-1,
        1.519_866_656_361_645_719_66e-2,
        5.475_938_084_995_344_946_00e-4,
        1.050_750_071_644_416_843_24e-9,
    ],
];

#[expect(clippy::excessive_precision, reason = "as published")]
const FAR_TAIL: [[f64; 8]; 2] = [
    [
        6.657_904_643_501_103_777_20,
        5.463_784_911_164_114_369_90,
        1.784_826_539_917_291_335_80,
        2.965_605_718_285_048_912_30e-1,
        2.653_218_952_657_612_309_30e-2,
        1.242_660_947_388_078_438_60e-3,
        2.711_555_568_743_487_578_15e-5,
        2.010_334_399_292_288_132_65e-7,
    ],
    [
        1.0,
        5.998_322_065_558_879_376_90e-1,
        1.369_298_809_227_358_053_10e-1,
        1.487_536_129_085_061_485_25e-2,
        7.868_691_311_456_132_591_00e-4,
        1.846_318_317_510_054_681_80e-5,
        1.421_511_758_316_445_888_70e-7,
        2.044_263_103_389_939_785_64e-15,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Probabilities and their quantiles, by 50-digit arithmetic.
    const KNOWN: [(f64, f64); 22] = [
        (1e-300, -37.0470962993612),
        (1e-100, -21.273453560965326),
        (1e-40, -13.31092137142517),
        (1.5e-11, -6.646570887477113),
        (1.3e-11, -6.667611456510741),
        (1e-09, -5.9978070150076865),
        (2.5e-05, -4.055626981122401),
        (0.001, -3.0902323061678136),
        (0.005, -2.575829303548901),
        (0.025, -1.9599639845400543),
        (0.074, -1.4466320671589785),
        (0.076, -1.4325027208258116),
        (0.1, -1.2815515655446004),
        (0.3, -0.5244005127080408),
        (0.4375, -0.1573106846101707),
        (0.499, -0.002506630899571766),
        (0.75, 0.6744897501960817),
        (0.9, 1.2815515655446006),
        (0.95, 1.6448536269514722),
        (0.975, 1.9599639845400538),
        (0.995, 2.5758293035489004),
        (0.999, 3.090232306167813),
    ];

    #[test]
    fn known_quantiles() {
        assert_eq!(quantile(0.5), 0.0);
        for (p, x) in KNOWN {
            assert!((quantile(p) / x - 1.0).abs() < 1e-15, "{p}: {} {x}", quantile(p));
        }
    }

    #[test]
    fn known_probabilities() {
        for (p, x) in KNOWN {
            let tolerance = 4e-16 * (2.0 + x * x);
            assert!((cdf(x) / p - 1.0).abs() < tolerance, "{x}: {} {p}", cdf(x));
        }
        assert_eq!(cdf(0.0), 0.5);
        assert_eq!(pdf(0.0), 0.398_942_280_401_432_7);
        assert!((pdf(2.0) / 0.053_990_966_513_188_06 - 1.0).abs() < 4e-16);
    }

    #[test]
    fn quantiles_are_odd_and_rise() {
        let mut last = f64::NEG_INFINITY;
        for i in 1..4096 {
            let p = f64::from(i) / 4096.0;
            assert_eq!(quantile(p), -quantile(1.0 - p), "{p}");
            assert!(quantile(p) > last, "{p}");
            last = quantile(p);
        }
    }

    #[test]
    fn the_density_is_the_slope() {
        for x in [-6.0, -1.0, 0.0, 0.3, 2.5] {
            let h = 1e-5;
            let slope = (cdf(x + h) - cdf(x - h)) / (2.0 * h);
            assert!((slope - pdf(x)).abs() < 1e-9, "{x}: {slope}");
        }
    }
}
