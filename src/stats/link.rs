//! Links of binomial regression: monotone maps between a probability and the real line.

use super::normal;

/// A link `g`; its inverse `F = g^-1` is a distribution function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// `g(p) = ln(p / (1 - p))` (Berkson 1944).
    Logit,
    /// `g(p) = Phi^-1(p)` (Bliss 1934).
    Probit,
    /// `g(p) = ln(-ln(1 - p))`, the complementary log-log link (Fisher 1922): not symmetric.
    Cloglog,
}

/// A probability, its complement and the slope at one value of the linear predictor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Response {
    /// `F`.
    pub p: f64,
    /// `1 - F`, with all its digits.
    pub q: f64,
    /// `F'`.
    pub slope: f64,
}

impl Link {
    /// All links.
    pub const ALL: [Self; 3] = [Self::Logit, Self::Probit, Self::Cloglog];

    /// Its word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Logit => "logit",
            Self::Probit => "probit",
            Self::Cloglog => "cloglog",
        }
    }

    /// `F`, `1 - F` and `F'` at `eta`, each to a relative 2e-15, or that times `1 + e^eta` for the complement
    /// and slope of the complementary log-log link.
    pub fn response(self, eta: f64) -> Response {
        match self {
            Self::Logit => {
                let (p, q) = (1.0 / (1.0 + libm::exp(-eta)), 1.0 / (1.0 + libm::exp(eta)));
                Response { p, q, slope: p * q }
            }
            Self::Probit => {
                Response { p: normal::cdf(eta), q: normal::cdf(-eta), slope: normal::pdf(eta) }
            }
            Self::Cloglog => {
                let rate = libm::exp(eta);
                let q = libm::exp(-rate);
                Response { p: -libm::expm1(-rate), q, slope: libm::exp(eta - rate) }
            }
        }
    }

    /// `g(p)`.
    ///
    /// # Panics
    /// If `p` is not strictly between 0 and 1.
    pub fn predictor(self, p: f64) -> f64 {
        assert!(p > 0.0 && p < 1.0, "a link takes a probability between 0 and 1, not {p}");
        match self {
            Self::Logit if p < 0.25 => libm::log(p) - libm::log1p(-p),
            // ln(p / (1 - p)) = 2 atanh(2p - 1), good where it passes 0.
            Self::Logit if p < 0.75 => 2.0 * libm::atanh(2.0 * (p - 0.5)),
            Self::Logit => libm::log(p) - libm::log(1.0 - p),
            Self::Probit => normal::quantile(p),
            Self::Cloglog => libm::log(-libm::log1p(-p)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_answers() {
        for (link, at_half, at_tenth) in [
            (Link::Logit, 0.0, -2.197_224_577_336_219_6),
            (Link::Probit, 0.0, -1.281_551_565_544_600_4),
            (Link::Cloglog, -0.366_512_920_581_664_33, -2.250_367_327_312_445_4),
        ] {
            assert!((link.predictor(0.5) - at_half).abs() < 1e-15, "{link:?}");
            assert!((link.predictor(0.1) - at_tenth).abs() < 2e-15, "{link:?}");
        }
    }

    proptest! {
        #[test]
        fn response_and_predictor_are_inverse(ln_p in -30.0..0.0_f64) {
            let p = libm::exp(ln_p);
            for link in Link::ALL {
                let response = link.response(link.predictor(p));
                prop_assert!((response.p / p - 1.0).abs() < 1e-13, "{link:?} {p}: {response:?}");
                prop_assert!((response.p + response.q - 1.0).abs() < 1e-15);
            }
        }

        #[test]
        fn the_slope_is_the_derivative(eta in -6.0..1.5_f64) {
            for link in Link::ALL {
                let (h, at) = (1e-5, |e| link.response(e).p);
                let difference = (at(eta + h) - at(eta - h)) / (2.0 * h);
                prop_assert!((difference - link.response(eta).slope).abs() < 1e-9, "{link:?}");
            }
        }
    }
}
