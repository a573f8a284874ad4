//! What a cell comes to: counts by outcome, the probability of convergence with bounds, and the
//! usual numbers of steps.

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

impl CellSummary {
    /// The summary of complete trials with these outcome codes and steps.
    pub fn of(outcomes: &[i8], steps: &[i64], interval: &IntervalMethod<'_>) -> Self {
        let count = |outcome: Outcome| -> u64 {
            outcomes.iter().filter(|&&code| code == outcome as i8).count() as u64
        };
        let mut times: Vec<i64> = outcomes
            .iter()
            .zip(steps)
            .filter(|&(&code, _)| code == Outcome::Converged as i8)
            .map(|(_, &steps)| steps)
            .collect();
        times.sort_unstable();

        let trials = outcomes.len() as u64;
        let converged = times.len() as u64;
        let step_limit = count(Outcome::StepLimit);
        let (probability_lower, probability_upper_budget) = (interval.bounds)(converged, trials);
        let (_, probability_upper) = (interval.bounds)(converged + step_limit, trials);
        Self {
            trials,
            converged,
            diverged: count(Outcome::Diverged),
            stalled: count(Outcome::Stalled),
            step_limit,
            probability: converged as f64 / trials as f64,
            probability_lower,
            probability_upper,
            probability_upper_budget,
            steps_median: quantile(&times, 1, 2),
            steps_q10: quantile(&times, 1, 10),
            steps_q90: quantile(&times, 9, 10),
        }
    }
}

/// The smallest of the sorted `times` that at least the share `numerator / denominator` of them do
/// not exceed (the inverse of the empirical distribution function); NaN if there are none.
fn quantile(times: &[i64], numerator: usize, denominator: usize) -> f64 {
    match (times.len() * numerator).div_ceil(denominator) {
        0 => f64::NAN,
        rank => times[rank - 1] as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_order_statistics() {
        let ten: Vec<i64> = (1..=10).collect();
        let cases: [(&[i64], [f64; 3]); 4] = [
            (&[7], [7.0, 7.0, 7.0]),
            (&[1, 2], [1.0, 1.0, 2.0]),
            (&[1, 2, 3], [1.0, 2.0, 3.0]),
            (&ten, [1.0, 5.0, 9.0]),
        ];
        for (times, expected) in cases {
            let found = [(1, 10), (1, 2), (9, 10)].map(|(a, b)| quantile(times, a, b));
            assert_eq!(found, expected, "{times:?}");
        }
        assert!(quantile(&[], 1, 2).is_nan());
    }

    #[test]
    fn undecided_trials_widen_the_interval_upwards_only() {
        let share = |k: u64, n: u64| (k as f64 / n as f64 - 0.1, k as f64 / n as f64 + 0.1);
        let interval = IntervalMethod { method: "test", level: 0.9, bounds: &share };
        let outcomes = [1, 1, 2, 3, 4, 1, 4, 4];
        let steps = [30, 10, 1, 2, 99, 20, 99, 99];
        let summary = CellSummary::of(&outcomes, &steps, &interval);
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
