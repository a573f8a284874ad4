//! Independent runs of [`splitting`](super::splitting), together.

use super::splitting::Tally;
use super::{chi_squared, normal, student};

/// What independent runs of one problem counted, with equally many particles each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Run by run.
    pub runs: Vec<Tally>,
}

impl Counts {
    /// All runs together.
    pub fn total(&self) -> Tally {
        self.runs.iter().copied().reduce(Tally::and).expect("there is a run")
    }

    /// The chance that counts of independent Poisson variables of one mean are as unequal as those of the
    /// runs, by `sum (K - mean)^2 / mean ~ chi-squared` (Fisher 1950, Biometrics 6(1) 17-24); `None` for
    /// one run or events that are not rare. A tiny one says that the copies are too much alike.
    pub fn chance(&self) -> Option<f64> {
        self.dispersion().map(|d| chi_squared::upper(d * self.freedom() as f64, self.freedom()))
    }

    /// How many times the variance of the runs' counts is that of Poisson variables, where it is that by
    /// more than chance.
    pub fn excess(&self) -> Option<f64> {
        /// A chance that runs of chains that forget are not to be blamed for.
        const UNLIKELY: f64 = 0.01;
        self.dispersion().filter(|_| self.chance().is_some_and(|chance| chance < UNLIKELY))
    }

    /// Ends of the interval of `ln p`: the wider of that of the Poisson law of all runs together
    /// ([`Tally::ln_interval`]), and of that which takes their variance from how the runs differ, with
    /// Student's distribution in place of the normal one (quasi-likelihood: McCullagh and Nelder 1989,
    /// Generalized Linear Models, section 6.2).
    ///
    /// The law of the counts is Poisson for chains that forget where they began; real ones remember a little,
    /// and the second interval allows for it. Two or three runs say little of how they differ, so it is then
    /// much the wider one: eight are a good number.
    ///
    /// # Panics
    /// If `level` is not strictly between 0 and 1.
    pub fn ln_interval(&self, level: f64) -> (f64, f64) {
        assert!(level > 0.0 && level < 1.0, "a confidence level is between 0 and 1, not {level}");
        let spread = |d: f64| student::two_sided(level, self.freedom()) * d.sqrt();
        let z = normal::quantile(0.5 + 0.5 * level);
        self.total().ln_bounds(self.dispersion().map_or(z, |d| spread(d).max(z)))
    }

    /// The variance of the runs' counts over their mean.
    fn dispersion(&self) -> Option<f64> {
        let mean = self.total().removed as f64 / self.runs.len() as f64;
        let squares: f64 = self.runs.iter().map(|run| (run.removed as f64 - mean).powi(2)).sum();
        let freedom = self.freedom();
        (freedom > 0 && mean >= 1.0).then(|| squares / mean / freedom as f64)
    }

    fn freedom(&self) -> u64 {
        self.runs.len() as u64 - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(removed: &[u64]) -> Counts {
        let tally = |&removed: &u64| Tally {
            particles: 100,
            removed,
            unmoved: 0,
            accepted: 0,
            evaluations: 0,
        };
        Counts { runs: removed.iter().map(tally).collect() }
    }

    #[test]
    fn runs_that_agree_have_the_interval_of_one() {
        let fair = counts(&[1000, 1010, 990]);
        // (10^2 + 10^2) / 1000 with two degrees of freedom: exp(-0.1).
        assert!((fair.chance().unwrap() - libm::exp(-0.1)).abs() < 1e-12);
        assert_eq!(fair.excess(), None);
        assert_eq!(fair.ln_interval(0.95), fair.total().ln_interval(0.95));
        for few in [counts(&[1000]), counts(&[0, 1])] {
            assert_eq!((few.chance(), few.excess()), (None, None));
            assert_eq!(few.ln_interval(0.95), few.total().ln_interval(0.95));
        }
    }

    #[test]
    fn runs_that_differ_widen_it_to_their_spread() {
        let uneven = counts(&[900, 1000, 1100]);
        assert_eq!(uneven.excess(), Some(10.0));
        let (low, high) = uneven.ln_interval(0.95);
        // Two degrees of freedom: 4.30 standard deviations sqrt(10 * 3000) of a sum of 3000.
        let half = 4.302_652_73 * 30_000_f64.sqrt() / 300.0;
        assert!((0.5 * (high - low) / half - 1.0).abs() < 0.01 && low < -10.0 && -10.0 < high);
    }
}
