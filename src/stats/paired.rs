//! Comparing two probabilities: of trials that share their random numbers, and of trials that do
//! not.

use std::f64::consts::{LN_2, PI};

use super::beta::{Tail, deviance, ln_tail, stirling_error};
use super::sequence::{Prior, ln_evidence};
use super::{Interval, confidence_sequence, simultaneous, wilson};

/// Trials that were run twice, in two ways, from the same random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pairs {
    /// Trials that succeeded both ways.
    pub both: u64,
    /// Trials that succeeded the first way only.
    pub first: u64,
    /// Trials that succeeded the second way only.
    pub second: u64,
    /// Trials that succeeded neither way.
    pub neither: u64,
}

impl Pairs {
    /// Number of pairs.
    pub fn trials(&self) -> u64 {
        self.both + self.first + self.second + self.neither
    }

    /// Share of successes the first way, less that the second way. NaN without trials.
    pub fn difference(&self) -> f64 {
        if self.trials() == 0 {
            return f64::NAN;
        }
        (self.first as f64 - self.second as f64) / self.trials() as f64
    }

    /// The exact two-sided p-value of McNemar's test (1947, Psychometrika 12(2) 153-157) that both
    /// ways succeed with the same probability: twice the smaller binomial tail of the pairs that
    /// differ, at most 1. If they do, it is below `alpha` with probability at most `alpha`.
    ///
    /// The relative error is below 1e-11 for up to 1e9 pairs.
    pub fn p_value(&self) -> f64 {
        let (few, many) = (self.first.min(self.second), self.first.max(self.second));
        if few == many {
            return 1.0;
        }
        // The probability of `few` or fewer of `few + many` at one half.
        let (ln, _) = ln_tail((few + 1) as f64, many as f64, 0.5, Tail::Upper);
        libm::exp(LN_2 + ln).min(1.0)
    }

    /// The p-value with half of the probability of what was observed left out at each side
    /// (Lancaster 1961, J. Am. Stat. Assoc. 56(294) 223-234; recommended for McNemar's test by
    /// Fagerland, Lydersen and Laake 2013, BMC Med. Res. Methodol. 13:91). It is not bound to its
    /// level: given the number of pairs that differ, it is below `alpha` with up to 1.6 times that
    /// probability.
    pub fn mid_p_value(&self) -> f64 {
        if self.first == self.second {
            return 1.0;
        }
        let observed = libm::exp(ln_binomial_half(self.first as f64, self.second as f64));
        self.p_value() - observed
    }

    /// Interval of the difference of the two probabilities by method 10 of Newcombe (1998, Stat.
    /// Med. 17(22) 2635-2650): with the Wilson intervals `[l1, u1]` and `[l2, u2]` of the two
    /// shares `p1` and `p2`, and their correlation `phi` (less a correction for continuity when
    /// positive),
    ///
    /// ```text
    /// lower = p1 - p2 - sqrt(a^2 - 2 phi a b + b^2)        a = p1 - l1, b = u2 - p2
    /// upper = p1 - p2 + sqrt(c^2 - 2 phi c d + d^2)        c = u1 - p1, d = p2 - l2
    /// ```
    ///
    /// The probability that it contains the difference is near `level` on average, not in each
    /// case: for 20 pairs at 95 % it is 0.955 on average and 0.908 at the least. No pairs tell
    /// nothing: `[-1, 1]`.
    ///
    /// # Panics
    /// If `level` is not strictly between 0 and 1.
    pub fn interval(&self, level: f64) -> Interval {
        let (n, first, second) = (self.trials(), self.both + self.first, self.both + self.second);
        square_and_add((first, n), (second, n), self.correlation(), level)
    }

    /// The interval of a confidence sequence of the difference, for a number of pairs that was not fixed
    /// beforehand: with probability `level` or more all of them, after 1, 2, 3, ... pairs, contain the
    /// difference. It is the probability of a success the first way only less that of one the second way
    /// only, and each of these lies in the [`confidence_sequence`] of its share, at a level for both at once.
    ///
    /// # Panics
    /// If `level` is not strictly between 0 and 1.
    pub fn sequence(&self, level: f64) -> Interval {
        let at = |successes| confidence_sequence(successes, self.trials(), simultaneous(level, 2));
        let (first, second) = (at(self.first), at(self.second));
        Interval { lower: first.lower - second.upper, upper: first.upper - second.lower }
    }

    /// A p-value of McNemar's hypothesis that may be looked at after every pair: if it is true, the least
    /// of all is below `alpha` with probability at most `alpha`. One over the evidence of the
    /// beta-binomial mixture against one half among the pairs that differ (see
    /// [`sequence`](super::sequence); Ville's inequality), at most 1.
    pub fn sequence_p_value(&self) -> f64 {
        let differing = self.first + self.second;
        libm::exp(-ln_evidence(self.first, differing, 0.5, Prior::UNIFORM)).min(1.0)
    }

    /// Correlation of the two outcomes, where a positive covariance `D / n^2` is lessened by `1 /
    /// (2 n)`.
    fn correlation(&self) -> f64 {
        let product = |a: u64, b: u64| i128::from(a) * i128::from(b);
        let covariance =
            (product(self.both, self.neither) - product(self.first, self.second)) as f64;
        let corrected = if covariance > 0.0 {
            (covariance - 0.5 * self.trials() as f64).max(0.0)
        } else {
            covariance
        };
        let spread = |successes: u64| {
            libm::sqrt(successes as f64) * libm::sqrt((self.trials() - successes) as f64)
        };
        let spreads = spread(self.both + self.first) * spread(self.both + self.second);
        if spreads == 0.0 { 0.0 } else { corrected / spreads }
    }
}

/// Interval of the difference of two probabilities, `k1` of `n1` less `k2` of `n2` independent
/// trials, by method 10 of Newcombe (1998, Stat. Med. 17(8) 873-890): that of [`Pairs::interval`]
/// without the correlation. Nothing is known of a side without trials.
///
/// # Panics
/// If there are more successes than trials, or `level` is not strictly between 0 and 1.
pub fn difference_interval(first: (u64, u64), second: (u64, u64), level: f64) -> Interval {
    square_and_add(first, second, 0.0, level)
}

/// Successes and trials of both sides, and the correlation of their shares.
fn square_and_add(first: (u64, u64), second: (u64, u64), phi: f64, level: f64) -> Interval {
    let intervals = (wilson(first.0, first.1, level), wilson(second.0, second.1, level));
    if first.1 == 0 || second.1 == 0 {
        return Interval {
            lower: intervals.0.lower - intervals.1.upper,
            upper: intervals.0.upper - intervals.1.lower,
        };
    }
    let share = |(successes, trials): (u64, u64)| successes as f64 / trials as f64;
    let (p1, p2) = (share(first), share(second));
    let distance = |a: f64, b: f64| libm::sqrt((a * a - 2.0 * phi * a * b + b * b).max(0.0));
    Interval {
        lower: p1 - p2 - distance(p1 - intervals.0.lower, intervals.1.upper - p2),
        upper: p1 - p2 + distance(intervals.0.upper - p1, p2 - intervals.1.lower),
    }
}

/// `ln` of the probability of `k` successes and `m` failures at one half.
fn ln_binomial_half(k: f64, m: f64) -> f64 {
    let n = k + m;
    if k == 0.0 || m == 0.0 {
        return -n * LN_2;
    }
    let excess = k - 0.5 * n;
    stirling_error(n)
        - stirling_error(k)
        - stirling_error(m)
        - deviance(k, 0.5 * n, excess)
        - deviance(m, 0.5 * n, -excess)
        + 0.5 * libm::log(n / (2.0 * PI * k * m))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(both: u64, first: u64, second: u64, neither: u64) -> Pairs {
        Pairs { both, first, second, neither }
    }

    fn close(value: f64, expected: f64, tolerance: f64) -> bool {
        (value - expected).abs() <= tolerance * expected.abs()
    }

    /// Probability of `k` of `n` at one half.
    fn half(n: u64, k: u64) -> f64 {
        (0..k).fold(0.5_f64.powi(n as i32), |mass, i| mass * (n - i) as f64 / (i + 1) as f64)
    }

    /// Tables, their two p-values by summation, and 95 % intervals by the formula, with 40 digits.
    const KNOWN: &str = "
        1 1 7 12
            0.0703125 0.0390625 -0.50692022668614096 -0.025559124164859795
        14 5 0 22
            0.0625 0.03125 0.011483241383033258 0.22649268435121123
        36 12 2 0
            0.012939453125 0.00738525390625 0.056929584003238811 0.3404276029749407
        0 0 10 0
            0.001953125 0.0009765625 -1.0 -0.60750935043052416
        10 0 1 0
            1.0 0.5 -0.37735843645159567 0.17848123348085233
        480 30 10 480
            0.0022214337732293643 0.0014504910141113214 0.0075199602915880641 0.032449190719226337
        3 200 150 7
            0.0087200365305559491 0.0075241397881711724 0.037127742610734123 0.2377588995333697
        1000000 50000 50700 1000000
            0.027612869431937065 0.027392170045210599 -0.00062929597315528183 -3.7148278511569318e-5
        400000000 100000000 100030000 400000000
            0.033914182195977824 0.033908234120610027 -5.771842361422e-5 -2.279776336701e-6";

    #[test]
    fn known_values() {
        let words: Vec<&str> = KNOWN.split_whitespace().collect();
        for field in words.chunks(8) {
            let line = field.join(" ");
            let count = |i: usize| field[i].parse().unwrap();
            let value = |i: usize| field[i].parse::<f64>().unwrap();
            let pairs = pairs(count(0), count(1), count(2), count(3));
            assert!(close(pairs.p_value(), value(4), 1e-11), "{line}: {}", pairs.p_value());
            assert!(close(pairs.mid_p_value(), value(5), 1e-11), "{line}: {}", pairs.mid_p_value());
            let interval = pairs.interval(0.95);
            assert!((interval.lower - value(6)).abs() < 1e-13, "{line}: {interval:?}");
            assert!((interval.upper - value(7)).abs() < 1e-13, "{line}: {interval:?}");
        }
    }

    /// Airway data of Bentur and others in Fagerland, Lydersen and Laake (2014), to their three
    /// digits.
    #[test]
    fn a_published_interval() {
        let interval = pairs(1, 1, 7, 12).interval(0.95);
        assert!((interval.lower - -0.507).abs() < 5e-4, "{interval:?}");
        assert!((interval.upper - -0.026).abs() < 5e-4, "{interval:?}");
    }

    #[test]
    fn a_known_difference_of_independent_trials() {
        let interval = difference_interval((56, 70), (48, 80), 0.95);
        assert!(close(interval.lower, 0.052_431_472_402_364_98, 1e-13), "{interval:?}");
        assert!(close(interval.upper, 0.333_872_654_036_906_14, 1e-13), "{interval:?}");
    }

    #[test]
    fn nothing_tells_nothing() {
        let none = pairs(0, 0, 0, 0);
        assert_eq!(none.interval(0.95), Interval { lower: -1.0, upper: 1.0 });
        assert_eq!((none.p_value(), none.mid_p_value()), (1.0, 1.0));
        assert_eq!(none.difference().to_bits(), f64::NAN.to_bits());
        let (one_side, known) = (difference_interval((0, 0), (1, 10), 0.95), wilson(1, 10, 0.95));
        let expected = Interval { lower: 0.0 - known.upper, upper: 1.0 - known.lower };
        assert_eq!(one_side, expected);
    }

    #[test]
    fn p_values_are_binomial_sums() {
        for n in 0..60 {
            for k in 0..=n {
                let tail: f64 = (0..=k.min(n - k)).map(|i| half(n, i)).sum();
                let pairs = pairs(3, k, n - k, 8);
                assert!(close(pairs.p_value(), (2.0 * tail).min(1.0), 1e-12), "{k} of {n}");
                let mid = 2.0 * tail - half(n, k);
                assert!(close(pairs.mid_p_value(), mid, 1e-12), "{k} of {n}");
            }
        }
    }

    /// Given the number of pairs that differ, so also on average over it.
    #[test]
    fn the_exact_test_is_never_too_eager() {
        let (mut exact, mut mid) = (0.0_f64, 0.0_f64);
        for n in 0..200 {
            for alpha in [0.01, 0.05, 0.2] {
                let size = |p_value: &dyn Fn(&Pairs) -> f64| -> f64 {
                    let rejected = |k: &u64| p_value(&pairs(0, *k, n - k, 0)) <= alpha;
                    (0..=n).filter(rejected).map(|k| half(n, k)).sum()
                };
                exact = exact.max(size(&Pairs::p_value) / alpha);
                mid = mid.max(size(&Pairs::mid_p_value) / alpha);
            }
        }
        assert!(exact <= 1.0, "{exact}");
        assert!((1.0..1.6).contains(&mid), "{mid}");
    }

    /// Of `B(k + 1, n - k + 1) 2^n`, with six digits: 1 / (11 C(10, k)) against 2^-10.
    #[test]
    fn known_p_values_of_a_sequence() {
        for (first, second, expected) in [
            (0, 10, 11.0 / 1024.0),
            (10, 0, 11.0 / 1024.0),
            (9, 1, 110.0 / 1024.0),
            (5, 5, 1.0),
            (0, 0, 1.0),
        ] {
            let p = pairs(7, first, second, 2).sequence_p_value();
            assert!(close(p, expected, 1e-13), "{first}, {second}: {p}");
        }
    }

    /// By exact recursion over the pairs that differ, at one half: at some time up to the 2,000th the
    /// p-value for a fixed number is below 0.05 with probability 0.4 or more, that of a sequence with less
    /// than 0.05.
    #[test]
    fn looking_after_every_pair() {
        let ever = |p_value: &dyn Fn(&Pairs) -> f64| {
            let (mut masses, mut rejected) = (vec![1.0], 0.0);
            for n in 1..=2000_u64 {
                let mut next = vec![0.0; n as usize + 1];
                for (k, mass) in masses.iter().enumerate() {
                    next[k] += 0.5 * mass;
                    next[k + 1] += 0.5 * mass;
                }
                for (k, mass) in (0..=n).zip(&mut next) {
                    if *mass > 0.0 && p_value(&pairs(0, k, n - k, 0)) <= 0.05 {
                        rejected += *mass;
                        *mass = 0.0;
                    }
                }
                masses = next;
            }
            rejected
        };
        let (fixed, sequence) = (ever(&Pairs::p_value), ever(&Pairs::sequence_p_value));
        assert!(fixed > 0.4, "{fixed}");
        assert!((0.01..0.05).contains(&sequence), "{sequence}");
    }

    #[test]
    fn the_sequence_of_a_difference() {
        let seen = pairs(40, 25, 5, 30);
        let each = |k| confidence_sequence(k, 100, 0.975);
        let interval = seen.sequence(0.95);
        assert_eq!(interval.lower, each(25).lower - each(5).upper);
        assert_eq!(interval.upper, each(25).upper - each(5).lower);
        let fixed = seen.interval(0.95);
        assert!(interval.lower < fixed.lower && fixed.upper < interval.upper);
        assert_eq!(pairs(0, 0, 0, 0).sequence(0.95), Interval { lower: -1.0, upper: 1.0 });
    }

    /// All tables of `n` pairs.
    fn tables(n: u64) -> impl Iterator<Item = Pairs> {
        let sums = move |left: u64| (0..=left).map(move |first| (first, left - first));
        sums(n).flat_map(move |(both, rest)| {
            sums(rest).flat_map(move |(first, rest)| {
                sums(rest).map(move |(second, neither)| pairs(both, first, second, neither))
            })
        })
    }

    /// Exact coverage for 20 pairs by summation over all tables, for all laws in twentieths.
    #[test]
    fn coverage_is_near_the_level() {
        let n = 20_u64;
        let counts = |t: &Pairs| [t.both, t.first, t.second, t.neither];
        let factorial = |k: u64| (1..=k).map(|i| i as f64).product::<f64>();
        let power = |share: u64, k: u64| (share as f64 / n as f64).powi(k as i32);
        let outcomes: Vec<_> = tables(n)
            .map(|t| (factorial(n) / counts(&t).map(factorial).iter().product::<f64>(), t))
            .map(|(ways, t)| (ways, counts(&t), t.interval(0.95)))
            .collect();
        let (mut least, mut sum, mut laws) = (1.0_f64, 0.0, 0.0);
        for law in tables(n) {
            let covered = outcomes.iter().filter(|o| o.2.contains(law.difference()));
            let mass = |(ways, outcome, _): &(f64, [u64; 4], _)| {
                counts(&law).iter().zip(outcome).fold(*ways, |mass, (&p, &k)| mass * power(p, k))
            };
            let coverage: f64 = covered.map(mass).sum();
            (least, sum, laws) = (least.min(coverage), sum + coverage, laws + 1.0);
        }
        let mean = sum / laws;
        assert!((least - 0.908).abs() < 1e-3 && (mean - 0.955).abs() < 1e-3, "{least} {mean}");
    }

    #[test]
    fn swapping_the_ways_turns_the_interval_over() {
        for table in [pairs(5, 3, 9, 4), pairs(0, 0, 7, 1), pairs(1000, 30, 2, 5)] {
            let swapped = Pairs { first: table.second, second: table.first, ..table };
            let (here, there) = (table.interval(0.9), swapped.interval(0.9));
            assert!(
                (here.lower + there.upper).abs() < 1e-15
                    && (here.upper + there.lower).abs() < 1e-15
            );
            assert!(here.contains(table.difference()));
            assert_eq!(table.p_value(), swapped.p_value());
        }
    }

    /// Common random numbers pay: the interval is shorter than that of independent trials.
    #[test]
    fn agreement_shortens_the_interval() {
        let table = pairs(480, 30, 10, 480);
        let apart = difference_interval((510, 1000), (490, 1000), 0.95);
        assert!(table.interval(0.95).half_width() < 0.35 * apart.half_width());
    }
}
