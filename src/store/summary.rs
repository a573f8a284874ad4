//! What a cell comes to: counts by outcome, the probability of convergence with bounds, and the
//! usual numbers of steps.

use std::collections::BTreeMap;

use crate::stop::Outcome;

/// How bounds of a probability are computed: given by the caller, since statistics stand above
/// storage.
#[derive(Clone, Copy)]
pub struct IntervalMethod<'a> {
    /// Name of the method, for the file.
    pub method: &'a str,
    /// Confidence level.
    pub level: f64,
    /// Lower and upper bound from a number of successes and a number of trials.
    pub bounds: &'a dyn Fn(u64, u64) -> (f64, f64),
}

/// Summary of one cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CellSummary {
    /// Trials.
    pub trials: u64,
    /// Those that converged.
    pub converged: u64,
    /// Those that diverged.
    pub diverged: u64,
    /// Those that stalled.
    pub stalled: u64,
    /// Those that were undecided when their budget was spent.
    pub step_limit: u64,
    /// Share of the trials that converged.
    pub probability: f64,
    /// Lower bound of the probability of convergence: as if every undecided trial fails.
    pub probability_lower: f64,
    /// Upper bound of the probability of convergence: as if every undecided trial converges.
    pub probability_upper: f64,
    /// Upper bound of the probability of convergence within the budget of steps.
    pub probability_upper_budget: f64,
    /// Median of the steps of the trials that converged; NaN if none did.
    pub steps_median: f64,
    /// Their 0.1-quantile.
    pub steps_q10: f64,
    /// Their 0.9-quantile.
    pub steps_q90: f64,
}

/// Trials of a cell, counted by what a summary needs: small however many they are.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// By code of outcome.
    outcomes: [u64; Outcome::ALL.len()],
    /// Those that converged by number of steps.
    steps: BTreeMap<u64, u64>,
}

impl Tally {
    /// Counts one trial.
    ///
    /// # Panics
    /// If there is no outcome of this code.
    pub fn add(&mut self, code: u8, steps: u64) {
        self.outcomes[usize::from(code)] += 1;
        if code == Outcome::Converged as u8 {
            *self.steps.entry(steps).or_default() += 1;
        }
    }

    /// The summary of what was counted.
    pub fn summary(&self, interval: &IntervalMethod<'_>) -> CellSummary {
        let count = |outcome: Outcome| self.outcomes[outcome as usize];
        let trials: u64 = self.outcomes.iter().sum();
        let (converged, step_limit) = (count(Outcome::Converged), count(Outcome::StepLimit));
        let (probability_lower, probability_upper_budget) = (interval.bounds)(converged, trials);
        let (_, probability_upper) = (interval.bounds)(converged + step_limit, trials);
        CellSummary {
            trials,
            converged,
            diverged: count(Outcome::Diverged),
            stalled: count(Outcome::Stalled),
            step_limit,
            probability: converged as f64 / trials as f64,
            probability_lower,
            probability_upper,
            probability_upper_budget,
            steps_median: self.quantile(1, 2),
            steps_q10: self.quantile(1, 10),
            steps_q90: self.quantile(9, 10),
        }
    }

    /// The smallest number of steps that at least the share `numerator / denominator` of the trials
    /// that converged do not exceed (the inverse of the empirical distribution function); NaN if
    /// none did.
    fn quantile(&self, numerator: u64, denominator: u64) -> f64 {
        let converged = self.outcomes[Outcome::Converged as usize];
        let rank = (converged * numerator).div_ceil(denominator);
        let mut passed = 0;
        for (&steps, &count) in &self.steps {
            passed += count;
            if passed >= rank {
                return steps as f64;
            }
        }
        f64::NAN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(trials: impl IntoIterator<Item = (Outcome, u64)>) -> Tally {
        let mut tally = Tally::default();
        for (outcome, steps) in trials {
            tally.add(outcome as u8, steps);
        }
        tally
    }

    #[test]
    fn quantiles_are_order_statistics() {
        let ten: Vec<u64> = (1..=10).rev().collect();
        let cases: [(&[u64], [f64; 3]); 5] = [
            (&[7], [7.0, 7.0, 7.0]),
            (&[2, 1], [1.0, 1.0, 2.0]),
            (&[1, 3, 2], [1.0, 2.0, 3.0]),
            (&[4, 4, 4, 4, 9], [4.0, 4.0, 9.0]),
            (&ten, [1.0, 5.0, 9.0]),
        ];
        for (times, expected) in cases {
            let tally = tally(times.iter().map(|&steps| (Outcome::Converged, steps)));
            let found = [(1, 10), (1, 2), (9, 10)].map(|(a, b)| tally.quantile(a, b));
            assert_eq!(found, expected, "{times:?}");
        }
        assert!(tally([(Outcome::StepLimit, 9)]).quantile(1, 2).is_nan());
    }

    #[test]
    fn undecided_trials_widen_the_interval_upwards_only() {
        let share = |k: u64, n: u64| (k as f64 / n as f64 - 0.1, k as f64 / n as f64 + 0.1);
        let interval = IntervalMethod { method: "test", level: 0.9, bounds: &share };
        let (converged, late) = (Outcome::Converged, Outcome::StepLimit);
        let (diverged, stalled) = (Outcome::Diverged, Outcome::Stalled);
        let outcomes = [converged, converged, diverged, stalled, late, converged, late, late];
        let summary =
            tally(outcomes.into_iter().zip([30, 10, 1, 2, 99, 20, 99, 99])).summary(&interval);
        assert_eq!(
            [summary.trials, summary.converged, summary.diverged, summary.stalled],
            [8, 3, 1, 1]
        );
        assert_eq!(summary.step_limit, 3);
        assert_eq!(summary.probability, 3.0 / 8.0);
        assert_eq!(summary.probability_lower, share(3, 8).0);
        assert_eq!(summary.probability_upper, share(6, 8).1);
        assert_eq!(summary.probability_upper_budget, share(3, 8).1);
        assert_eq!(summary.steps_median, 20.0);
    }
}
