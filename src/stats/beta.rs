//! Tails and quantiles of the beta distribution with whole-number shapes, accurate for shapes from
//! 1 to about 1e9 and for tail probabilities of any smallness.
//!
//! Everything happens in the log domain: with `n = a + b` and `y = 1 - x`
//!
//! ```text
//! I_x(a, b) = x^a y^b / B(a, b) * K(a, b, x)
//! ```
//!
//! where `K` is the continued fraction of DiDonato and Morris (1992, ACM Trans. Math. Softw. 18(3)
//! 360-373, eq. 9), all of whose terms are positive where it is used (`x` at most about the mean),
//! and the factor before it is the saddle-point expansion of Loader (2000, "Fast and accurate
//! computation of binomial probabilities"), which never subtracts large logarithms. The elementary
//! functions come from `libm`, so the results are the same bits on every machine.

use std::f64::consts::PI;

/// Which side of a quantile its probability lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// `P(X <= x)`.
    Lower,
    /// `P(X >= x)`.
    Upper,
}

impl Tail {
    fn other(self) -> Self {
        match self {
            Self::Lower => Self::Upper,
            Self::Upper => Self::Lower,
        }
    }
}

/// The `x` whose `tail` has probability `p` under `Beta(a, b)`.
///
/// Newton's method for `ln P` as a function of `ln x`. That function is concave (the density of
/// `ln X` is log-concave for `b >= 1`), so from the mean the first step passes the root and all
/// later ones approach it from the far side.
///
/// # Panics
/// If a shape is zero or `p` is not in `(0, 1/2]`: for larger `p` ask for the other tail.
pub fn quantile(a: u64, b: u64, tail: Tail, p: f64) -> f64 {
    assert!(a > 0 && b > 0, "shapes of a beta distribution are positive");
    assert!(p > 0.0 && p <= 0.5, "a tail probability is in (0, 1/2]");
    if a > b {
        // The smaller of x and 1 - x is the one to solve for: it can be tiny.
        return 1.0 - quantile(b, a, tail.other(), p);
    }
    let ln_p = libm::log(p);
    let mut x = a as f64 / (a + b) as f64;
    // Quadratic convergence: eight steps are usual. The bound is for the peace of the reader.
    for _ in 0..200 {
        let (value, slope) = ln_tail(a, b, x, tail);
        let step = (ln_p - value) / slope;
        let next = x * libm::exp(step);
        x = if next < 1.0 { next } else { 0.5 * (x + 1.0) };
        if step.abs() < 1e-12 {
            break;
        }
    }
    x
}

/// `ln P` of the `tail` at `x` under `Beta(a, b)`, and its derivative with respect to `ln x`.
///
/// Meant for the tail that does not contain the mean (the continued fraction is slow on the other).
///
/// # Panics
/// If a shape is zero or `x` is not in `(0, 1)`.
pub fn ln_tail(a: u64, b: u64, x: f64, tail: Tail) -> (f64, f64) {
    assert!(a > 0 && b > 0, "shapes of a beta distribution are positive");
    assert!(x > 0.0 && x < 1.0, "the argument of a beta tail is in (0, 1)");
    let (af, bf) = (a as f64, b as f64);
    let y = 1.0 - x;
    let excess = af - (af + bf) * x;
    let (fraction, sign) = match tail {
        Tail::Lower => (fraction(af, b, x, y, excess), 1.0),
        Tail::Upper => (fraction(bf, a, y, x, -excess), -1.0),
    };
    (ln_prefactor(af, bf, x, excess) + libm::log(fraction), sign / (y * fraction))
}

/// `ln(x^a y^b / B(a, b))` where `excess = a - (a + b) x`.
fn ln_prefactor(a: f64, b: f64, x: f64, excess: f64) -> f64 {
    let n = a + b;
    0.5 * libm::log(a / n * b / (2.0 * PI)) + stirling_error(n)
        - stirling_error(a)
        - stirling_error(b)
        - deviance(a, n * x, excess)
        - deviance(b, n * (1.0 - x), -excess)
}

/// `k ln(k / mean) + mean - k` where `excess = k - mean`: Loader's `bd0`, without cancellation near
/// `mean = k`.
pub(super) fn deviance(k: f64, mean: f64, excess: f64) -> f64 {
    if excess.abs() >= 0.1 * (k + mean) {
        return k * libm::log(k / mean) - excess;
    }
    // ln(k / mean) = 2 atanh v, expanded; the terms fall at least like 100^-j.
    let v = excess / (k + mean);
    let mut sum = excess * v;
    let mut term = 2.0 * k * v;
    for j in 1..1000 {
        term *= v * v;
        let next = sum + term / f64::from(2 * j + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

/// `ln n! - ln(sqrt(2 pi n) (n/e)^n)` for whole `n >= 1`.
fn stirling_error(n: f64) -> f64 {
    /// Values at 1 .. 15, computed with 40 digits.
    const SMALL: [f64; 15] = [
        0.081_061_466_795_327_26,
        0.041_340_695_955_409_29,
        0.027_677_925_684_998_34,
        0.020_790_672_103_765_093,
        0.016_644_691_189_821_193,
        0.013_876_128_823_070_748,
        0.011_896_709_945_891_77,
        0.010_411_265_261_972_096,
        0.009_255_462_182_712_733,
        0.008_330_563_433_362_87,
        0.007_573_675_487_951_841,
        0.006_942_840_107_209_53,
        0.006_408_994_188_004_207,
        0.005_951_370_112_758_848,
        0.005_554_733_551_962_801,
    ];
    if n < 16.0 {
        return SMALL[n as usize - 1];
    }
    let r = 1.0 / (n * n);
    // Stirling's series; the first term left out is below 2e-16 in absolute value at n = 16.
    (1.0 / 12.0 - r * (1.0 / 360.0 - r * (1.0 / 1260.0 - r * (1.0 / 1680.0 - r / 1188.0)))) / n
}

/// The continued fraction `K = 1/(beta_0 + alpha_1/(beta_1 + alpha_2/(beta_2 + ...)))` with
/// `I_x(a, b) = x^a y^b / B(a, b) * K`, by Lentz's method; `excess = a - (a + b) x`.
///
/// It ends by itself at `n = b`, and long before that when `x` is below the mean: after about
/// `sqrt(max(a, b))` terms.
fn fraction(a: f64, b: u64, x: f64, y: f64, excess: f64) -> f64 {
    let bf = b as f64;
    let mut value = a / (a + 1.0) * (excess + 1.0);
    let (mut c, mut d) = (value, 0.0);
    for n in 1..=b {
        let n = n as f64;
        let s = a + 2.0 * n - 1.0;
        let w = n * (bf - n) * x;
        let alpha = (a + n - 1.0) / s * ((a + bf + n - 1.0) / s) * w * x;
        let beta = n + w / s + (a + n) / (s + 2.0) * (excess + 1.0 + n * (1.0 + y));
        d = 1.0 / (beta + alpha * d);
        c = beta + alpha / c;
        value *= c * d;
        if (c * d - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    1.0 / value
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `P(X <= x)` under `Beta(a, b)` as the sum of binomial probabilities, all positive terms.
    fn lower_by_summation(a: u64, b: u64, x: f64) -> f64 {
        let n = a + b - 1;
        let mut term = (0..a).fold(1.0, |t, i| t * (n - i) as f64 / (i + 1) as f64 * x)
            * (1.0 - x).powi((n - a) as i32);
        let mut sum = 0.0;
        for k in a..=n {
            sum += term;
            term *= (n - k) as f64 / (k + 1) as f64 * x / (1.0 - x);
        }
        sum
    }

    #[test]
    fn tails_agree_with_binomial_sums() {
        for (a, b) in [(1, 1), (1, 7), (2, 2), (3, 40), (20, 20), (17, 300), (40, 41)] {
            let mean = a as f64 / (a + b) as f64;
            for x in [0.2 * mean, 0.7 * mean, mean] {
                let (ln, _) = ln_tail(a, b, x, Tail::Lower);
                let sum = lower_by_summation(a, b, x);
                assert!(
                    (ln.exp() / sum - 1.0).abs() < 1e-12,
                    "({a}, {b}) at {x}: {} {sum}",
                    ln.exp()
                );
            }
            for x in [mean, 0.5 * (1.0 + mean), 0.9 + 0.1 * mean] {
                let (ln, _) = ln_tail(a, b, x, Tail::Upper);
                let sum = lower_by_summation(b, a, 1.0 - x);
                assert!(
                    (ln.exp() / sum - 1.0).abs() < 1e-12,
                    "({a}, {b}) at {x}: {} {sum}",
                    ln.exp()
                );
            }
        }
    }

    #[test]
    fn the_slope_is_the_derivative() {
        for tail in [Tail::Lower, Tail::Upper] {
            for (a, b, x) in [(3, 40, 0.07), (1000, 3000, 0.25), (1, 1_000_000, 1e-6)] {
                let h = 1e-6;
                let up = ln_tail(a, b, x * libm::exp(h), tail).0;
                let down = ln_tail(a, b, x * libm::exp(-h), tail).0;
                let slope = ln_tail(a, b, x, tail).1;
                let difference = (up - down) / (2.0 * h);
                assert!((difference / slope - 1.0).abs() < 1e-5, "{difference} {slope}");
            }
        }
    }

    #[test]
    fn the_tail_of_a_quantile_is_its_probability() {
        for (a, b) in
            [(1, 1), (2, 9), (50, 51), (700, 301), (7, 1_000_000), (500_000_000, 500_000_000)]
        {
            for p in [0.5, 0.05, 1e-3, 1e-12, 1e-200] {
                for tail in [Tail::Lower, Tail::Upper] {
                    // The smaller of x and 1 - x carries the digits.
                    let (a, b, tail) = if a > b { (b, a, tail.other()) } else { (a, b, tail) };
                    let x = quantile(a, b, tail, p);
                    if x < 0.9 {
                        let (ln, slope) = ln_tail(a, b, x, tail);
                        let error = (ln - p.ln()).abs();
                        let rounding = 1e-15 * (slope.abs() + p.ln().abs());
                        assert!(error < 1e-13 + 4.0 * rounding, "({a}, {b}) {tail:?} {p}: {error}");
                    }
                }
            }
        }
    }

    #[test]
    fn closed_forms() {
        for n in [1, 2, 10, 1_000_000_000_u64] {
            let p = 0.025;
            let exact = -libm::expm1(libm::log(p) / n as f64);
            assert!((quantile(1, n, Tail::Upper, p) / exact - 1.0).abs() < 1e-14);
            let exact = -libm::expm1(libm::log1p(-p) / n as f64);
            assert!((quantile(1, n, Tail::Lower, p) / exact - 1.0).abs() < 1e-14);
        }
    }
}
