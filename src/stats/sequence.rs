//! Confidence sequence of a probability: intervals that may be looked at after every trial.
//!
//! An interval for a fixed number of trials that is watched until it looks tight is wrong far more
//! often than it says: at 95 % and p = 1/2 the score interval, watched from the tenth trial to the
//! 2000th, misses p at some time with probability 0.51 (tests below). A confidence sequence
//! contains p at *all* times at once with probability `level`, so any rule may end the sampling.
//! The price is an interval about twice as wide.
//!
//! The mixture of Robbins (1970, Ann. Math. Statist. 41(5) 1397-1409) with a beta prior, as in
//! Howard, Ramdas, McAuliffe and Sekhon (2021, Ann. Statist. 49(2) 1055-1080): under the true p the
//! ratio of the mixture's likelihood to that of p,
//!
//! ```text
//! M_n(p) = B(k + a, n - k + b) / (B(a, b) p^k (1 - p)^(n-k)),
//! ```
//!
//! is a martingale that starts at 1, so it ever reaches `1 / alpha` with probability at most
//! `alpha` (Ville's inequality). The sequence is the set of p below `1 / alpha`.

use std::f64::consts::PI;

use super::Interval;
use super::beta::{deviance, ln_beta, stirling_error};

/// A beta distribution over the possible probabilities. Whatever it is, the sequence keeps its
/// level; the intervals are narrowest at the probabilities it favours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prior {
    /// Shape of successes.
    pub a: f64,
    /// Shape of failures.
    pub b: f64,
}

impl Prior {
    /// All probabilities alike.
    pub const UNIFORM: Self = Self { a: 1.0, b: 1.0 };
    /// More weight on probabilities near 0 and 1.
    pub const JEFFREYS: Self = Self { a: 0.5, b: 0.5 };
}

/// The interval of the beta-binomial confidence sequence after `trials` trials, with the uniform
/// prior: see [`mixture`].
///
/// # Panics
/// As [`mixture`].
pub fn confidence_sequence(successes: u64, trials: u64, level: f64) -> Interval {
    mixture(successes, trials, level, Prior::UNIFORM)
}

/// The interval of the beta-binomial confidence sequence after `trials` trials: all p with
/// `M_n(p) < 1 / (1 - level)`. The intervals after 0, 1, 2, ... trials all contain the true
/// probability with probability `level` or more, so the number of trials need not be fixed.
///
/// With `m = n - k` and Loader's deviance `D`, the ends solve
///
/// ```text
/// D(k, n p) + D(m, n (1 - p)) = -ln(1 - level) - ln M_n(k / n)
/// ```
///
/// whose left side is convex in `ln p` and in `ln (1 - p)`: Newton's method cannot fail. Both ends
/// have a relative error below 1e-13 for up to 1e9 trials. No trials tell nothing: `[0, 1]`.
///
/// # Panics
/// If there are more successes than trials, `level` is not strictly between 0 and 1, or a shape of
/// the prior is not positive.
pub fn mixture(successes: u64, trials: u64, level: f64, prior: Prior) -> Interval {
    assert!(successes <= trials, "{successes} successes in {trials} trials");
    assert!(level > 0.0 && level < 1.0, "a confidence level is between 0 and 1, not {level}");
    if trials == 0 {
        return Interval { lower: 0.0, upper: 1.0 };
    }
    let (k, m) = (successes as f64, (trials - successes) as f64);
    let threshold = -libm::log1p(-level) - ln_least(k, m, prior);
    Interval { lower: lower_end(k, m, threshold).0, upper: lower_end(m, k, threshold).1 }
}

/// `ln M_n(p)`: the evidence against the probability `p`. It is above `ln(1 / alpha)` at some time
/// with probability at most `alpha` if `p` is true.
///
/// # Panics
/// If there are more successes than trials, `p` is not strictly between 0 and 1, or a shape of the
/// prior is not positive.
pub fn ln_evidence(successes: u64, trials: u64, p: f64, prior: Prior) -> f64 {
    assert!(successes <= trials, "{successes} successes in {trials} trials");
    assert!(p > 0.0 && p < 1.0, "evidence is against a probability in (0, 1), not {p}");
    if trials == 0 {
        return 0.0;
    }
    let (k, m) = (successes as f64, (trials - successes) as f64);
    ln_least(k, m, prior) + divergence(k, m, p)
}

/// `ln M_n(k / n)`, the least evidence there is: never positive.
///
/// Stirling's formula with the large terms cancelled by hand: `ln B(k + a, m + b)` and the
/// logarithm of the likelihood agree to all but a few units.
fn ln_least(k: f64, m: f64, prior: Prior) -> f64 {
    let Prior { a, b } = prior;
    assert!(a > 0.0 && b > 0.0, "shapes of a beta distribution are positive");
    /// `x ln((x + shift) / x)`.
    fn grown(x: f64, shift: f64) -> f64 {
        if x == 0.0 { 0.0 } else { x * libm::log1p(shift / x) }
    }
    let n = k + m;
    let (x, y, s) = (k + a, m + b, n + a + b);
    let powers = (a - 0.5) * libm::log(x / s) + (b - 0.5) * libm::log(y / s);
    let shifts = grown(k, a) + grown(m, b) - grown(n, a + b);
    let errors = stirling_error(x) + stirling_error(y) - stirling_error(s);
    powers + shifts + errors + 0.5 * libm::log(2.0 * PI / s) - ln_beta(a, b)
}

/// `n` times the Kullback-Leibler divergence of `p` from `k / n`.
fn divergence(k: f64, m: f64, p: f64) -> f64 {
    let n = k + m;
    let excess = k - n * p;
    deviance(k, n * p, excess) + deviance(m, n * (1.0 - p), -excess)
}

/// The `p <= k / n` whose divergence is `threshold`, and `1 - p`: each with all its digits.
fn lower_end(k: f64, m: f64, threshold: f64) -> (f64, f64) {
    let n = k + m;
    if k == 0.0 {
        return (0.0, 1.0);
    }
    if m == 0.0 {
        return (libm::exp(-threshold / n), -libm::expm1(-threshold / n));
    }
    // The smaller of p and 1 - p is the one to solve for: it can be tiny.
    if k > m && divergence(k, m, 0.5) >= threshold {
        let q = solve(m, k, threshold, 1.0);
        (1.0 - q, q)
    } else {
        let p = solve(k, m, threshold, -1.0);
        (p, 1.0 - p)
    }
}

/// The `p` in `(0, 1/2]` whose divergence is `threshold`, below `k / n` for `side = -1` and above
/// it for `side = 1`, by Newton's method in `ln p`.
///
/// The divergence is convex in `ln p` with its least value 0 at `k / n`: if the first step starts
/// too near, it ends beyond the root, and from there the steps approach it without passing it.
fn solve(k: f64, m: f64, threshold: f64, side: f64) -> f64 {
    let n = k + m;
    let guess = k / n * libm::exp(side * libm::sqrt(2.0 * threshold * m / (k * n)));
    let mut p = guess.min(0.5);
    // Quadratic convergence: six steps are usual. The bound is for the peace of the reader.
    for _ in 0..200 {
        let slope = (n * p - k) / (1.0 - p);
        let step = (threshold - divergence(k, m, p)) / slope;
        p = (p * libm::exp(step)).min(0.5);
        if step.abs() < 1e-15 * (1.0 + libm::log(p).abs()) {
            break;
        }
    }
    p
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::checks::{cases, close, ends_are_in_order};
    use super::super::{clopper_pearson, wilson};
    use super::*;

    /// Ends at 95 % by bisection on the definition, to 15 digits.
    const KNOWN: &str = "
        1   0/1       0                   0.975
        1   1/2       0.00840395987491247 0.991596040125088
        1   0/10      0                   0.416880275656536
        1   5/10      0.129219012400788   0.870780987599212
        1   7/50      0.0328489020649756  0.338385275668422
        1   0/100     0                   0.0732843734028999
        1   50/100    0.344590269277879   0.655409730722121
        1   700/1000  0.646984800818153   0.749662047437273
        1   0/1000    0                   0.00985559915728521
        1   3/1000    6.8531231697229e-5  0.0164183054931894
        1   7/1000000 3.20478281717572e-7 3.26966680508088e-5
        0.5 0/10      0                   0.376987350990677
        0.5 7/50      0.032336894890556   0.340346676406734
        0.5 700/1000  0.645437652617707   0.751016611450551
        0.5 0/1000    0                   0.00699750252142641
        0.5 7/1000000 6.65729412203154e-7 2.64370220786117e-5";

    #[test]
    fn known_values() {
        for line in KNOWN.lines().skip(1) {
            let field: Vec<&str> = line.split_whitespace().collect();
            let shape = field[0].parse().unwrap();
            let (k, n) = field[1].split_once('/').unwrap();
            let (k, n) = (k.parse().unwrap(), n.parse().unwrap());
            let interval = mixture(k, n, 0.95, Prior { a: shape, b: shape });
            let (lower, upper) = (field[2].parse().unwrap(), field[3].parse().unwrap());
            assert!(close(interval.lower, lower, 1e-13), "{line}: {interval:?}");
            assert!(close(interval.upper, upper, 1e-13), "{line}: {interval:?}");
            if shape == 1.0 {
                assert_eq!(interval, confidence_sequence(k, n, 0.95));
            }
        }
    }

    #[test]
    fn no_trials_tell_nothing() {
        assert_eq!(confidence_sequence(0, 0, 0.95), Interval { lower: 0.0, upper: 1.0 });
        assert_eq!(ln_evidence(0, 0, 0.3, Prior::UNIFORM), 0.0);
    }

    /// `tests/reference/confidence_sequence.py` made the table.
    #[test]
    fn agrees_with_arbitrary_precision() {
        let table = include_str!("../../tests/reference/confidence_sequence.csv");
        let (mut rows, mut worst) = (0, 0.0_f64);
        for line in table.lines().skip(1) {
            let field: Vec<&str> = line.split(',').collect();
            let (k, n) = (field[0].parse().unwrap(), field[1].parse().unwrap());
            let value = |i: usize| field[i].parse::<f64>().unwrap();
            let interval = mixture(k, n, value(2), Prior { a: value(3), b: value(4) });
            for (end, exact) in [(interval.lower, value(5)), (interval.upper, value(6))] {
                let error = if exact == 0.0 { end.abs() } else { (end / exact - 1.0).abs() };
                worst = worst.max(error);
                assert!(error < 1e-13, "{line}: {interval:?}");
            }
            rows += 1;
        }
        assert!(rows > 150, "{rows} rows of reference values");
    }

    /// The evidence of every possible sample, weighted by its probability, comes to 1.
    #[test]
    fn the_evidence_is_a_martingale() {
        for (p, prior) in [(0.5_f64, Prior::UNIFORM), (0.03, Prior::JEFFREYS)] {
            for n in [1, 10, 200_u64] {
                let mut mass = (1.0 - p).powi(n as i32);
                let mut mean = 0.0;
                for k in 0..=n {
                    mean += mass * libm::exp(ln_evidence(k, n, p, prior));
                    mass *= (n - k) as f64 / (k + 1) as f64 * p / (1.0 - p);
                }
                assert!((mean - 1.0).abs() < 1e-12, "{n} at {p}: {mean}");
            }
        }
    }

    #[test]
    fn the_ends_have_the_evidence_of_the_level() {
        for (k, n) in [(1, 2), (3, 1000), (999, 1000), (70, 100), (5, 1_000_000_000)] {
            let interval = confidence_sequence(k, n, 0.99);
            for end in [interval.lower, interval.upper] {
                let evidence = ln_evidence(k, n, end, Prior::UNIFORM);
                assert!((evidence - libm::log(100.0)).abs() < 1e-7, "{k}/{n}: {evidence}");
            }
        }
    }

    /// Probability that a rule ever leaves out the true `p` in `horizon` trials. `inside(k, n)`
    /// says whether the interval after `n` trials contains `p`, `looks(n)` whether anyone looks.
    ///
    /// The law of the number of successes among the samples that were never outside, trial by
    /// trial; what falls outside is taken out. The counts inside are neighbours, so only the
    /// outermost are tried: about `horizon^1.5` operations.
    fn miss(
        p: f64,
        horizon: u64,
        looks: impl Fn(u64) -> bool,
        inside: impl Fn(u64, u64) -> bool,
    ) -> f64 {
        // alive[i] is the probability of first + i successes.
        let (mut alive, mut first, mut missed) = (std::collections::VecDeque::from([1.0]), 0, 0.0);
        for n in 1..=horizon {
            alive.push_back(0.0);
            for i in (0..alive.len()).rev() {
                let below = if i == 0 { 0.0 } else { alive[i - 1] };
                alive[i] = alive[i] * (1.0 - p) + below * p;
            }
            // Probabilities that cannot matter any more count as missed.
            let gone = |k: u64, mass: f64| mass < 1e-22 || (looks(n) && !inside(k, n));
            while alive.front().is_some_and(|&mass| gone(first, mass)) {
                missed += alive.pop_front().unwrap_or(0.0);
                first += 1;
            }
            while alive.back().is_some_and(|&mass| gone(first + alive.len() as u64 - 1, mass)) {
                missed += alive.pop_back().unwrap_or(0.0);
            }
        }
        missed
    }

    fn miss_of_sequence(p: f64, horizon: u64, prior: Prior) -> f64 {
        let bound = libm::log(20.0);
        miss(p, horizon, |_| true, |k, n| ln_evidence(k, n, p, prior) < bound)
    }

    #[test]
    fn watching_a_sequence_keeps_its_level() {
        for (p, uniform, jeffreys) in
            [(0.5, 0.0370, 0.0374), (0.1, 0.0323, 0.0306), (0.01, 0.0169, 0.0191)]
        {
            for (prior, expected) in [(Prior::UNIFORM, uniform), (Prior::JEFFREYS, jeffreys)] {
                let missed = miss_of_sequence(p, 2000, prior);
                assert!((missed - expected).abs() < 5e-5, "{p}: {missed}, not {expected}");
            }
        }
    }

    #[test]
    fn watching_a_sequence_for_long_keeps_its_level() {
        for p in [0.5, 0.1, 0.01] {
            let missed = miss_of_sequence(p, 10_000, Prior::UNIFORM);
            assert!((0.01..0.05).contains(&missed), "{p}: {missed}");
        }
    }

    /// Why a sequence is needed at all.
    #[test]
    fn watching_an_interval_for_fixed_samples_breaks_its_level() {
        for (p, score, score_hundreds, exact_hundreds, exact_doubling) in [
            (0.5, 0.511, 0.259, 0.222, 0.194),
            (0.1, 0.483, 0.250, 0.216, 0.182),
            (0.01, 0.419, 0.253, 0.157, 0.100),
        ] {
            let score_interval = |k, n| wilson(k, n, 0.95).contains(p);
            let exact_interval = |k, n| clopper_pearson(k, n, 0.95).contains(p);
            let hundreds = |n| n % 100 == 0;
            let doubling = |n: u64| n >= 16 && n.is_power_of_two();
            for (missed, expected) in [
                (miss(p, 2000, |n| n >= 10, score_interval), score),
                (miss(p, 2000, hundreds, score_interval), score_hundreds),
                (miss(p, 2000, hundreds, exact_interval), exact_hundreds),
                (miss(p, 2048, doubling, exact_interval), exact_doubling),
            ] {
                assert!((missed - expected).abs() < 6e-4, "{p}: {missed}, not {expected}");
            }
        }
    }

    proptest! {
        #[test]
        fn ends_are_ordered_monotone_and_symmetric((k, n, level) in cases()) {
            ends_are_in_order((k, n), |k| confidence_sequence(k, n, level))?;
        }

        #[test]
        fn an_interval_for_a_fixed_number_lies_within(
            magnitude in 0.0..9.0_f64, fraction in 0.0..1.0_f64,
        ) {
            let n = 10_f64.powf(magnitude) as u64;
            let k = (n as f64 * fraction) as u64;
            let (fixed, anytime) = (clopper_pearson(k, n, 0.95), confidence_sequence(k, n, 0.95));
            // They agree after one trial, but for rounding.
            prop_assert!(anytime.lower <= fixed.lower + 1e-15);
            prop_assert!(fixed.upper <= anytime.upper + 1e-15);
        }
    }
}
