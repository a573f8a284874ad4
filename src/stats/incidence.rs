//! The probability of convergence as a function of the number of steps, when some trials end
//! otherwise and some were stopped early.
//!
//! A trial that diverged or stalled can never converge: it is a competing outcome, not a censored
//! one. Leaving it out of the trials at risk, as Kaplan and Meier would, treats it as if it could
//! still converge, and overstates the probability. A trial that was stopped at its step limit is
//! censored.

use super::Interval;
use super::normal;

/// What happened at one number of steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StepCounts {
    /// The number of steps.
    pub step: u64,
    /// Trials that converged at it.
    pub converged: u64,
    /// Trials that ended otherwise at it and can never converge.
    pub failed: u64,
    /// Trials that were stopped after it, undecided.
    pub censored: u64,
}

impl StepCounts {
    /// Trials that ended or were stopped at it.
    pub fn trials(&self) -> u64 {
        self.converged + self.failed + self.censored
    }
}

/// The estimate at one number of steps; it holds from there to the next one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Incidence {
    /// The number of steps.
    pub step: u64,
    /// Trials that were neither decided nor stopped before it.
    pub at_risk: u64,
    /// Estimated probability of being decided neither way by then.
    pub undecided: f64,
    /// Estimated probability of having converged by then.
    pub converged: f64,
    /// Estimated variance of `converged`.
    pub variance: f64,
}

impl Incidence {
    /// The interval that is symmetric for `ln(-ln(1 - F))`, where `F` is the probability of having
    /// converged (Kalbfleisch and Prentice 1980, "The statistical analysis of failure time data",
    /// section 1.3, for `1 - F`):
    ///
    /// ```text
    /// 1 - (1 - F)^exp(-+ z s / ((1 - F) |ln(1 - F)|))        s^2 = variance
    /// ```
    ///
    /// It holds for one number of steps, approximately, with many trials. `None` while no trial
    /// converged, and where all did: then nothing estimates the error, and the exact interval of
    /// a proportion is the one to use.
    ///
    /// # Panics
    /// If `level` is not strictly between 0 and 1.
    pub fn interval(&self, level: f64) -> Option<Interval> {
        assert!(level > 0.0 && level < 1.0, "a confidence level is between 0 and 1, not {level}");
        /// Below it what is left is rounding: all converged.
        const LEAST_REST: f64 = 1e-14;
        if !(self.converged > 0.0 && self.variance > 0.0 && self.converged < 1.0 - LEAST_REST) {
            return None;
        }
        let z = -normal::quantile(0.5 * (1.0 - level));
        let ln_rest = libm::log1p(-self.converged);
        let error = z * libm::sqrt(self.variance) / ((1.0 - self.converged) * -ln_rest);
        let end = |shift: f64| -libm::expm1(ln_rest * libm::exp(shift));
        Some(Interval { lower: end(-error), upper: end(error) })
    }
}

/// The cumulative incidence of convergence (Aalen and Johansen 1978, Scand. J. Statist. 5(3)
/// 141-150).
///
/// With `n` trials at risk, `d` decided and `c` of them converged at a step, `S` undecided and `F`
/// converged before it,
///
/// ```text
/// F <- F + S c / n        S <- S (1 - d / n)
/// ```
///
/// Without failures `1 - F` is the estimate of Kaplan and Meier; without censoring `F` is the share
/// of trials that converged. The variance is of Greenwood's type: the covariances of `S` and `F`
/// are carried along with multinomial increments (Allignol, Schumacher and Beyersmann 2010, Biom.
/// J. 52(1) 126-137). It is `F (1 - F) / trials` without censoring and Greenwood's formula without
/// failures.
///
/// Trials stopped at a step were at risk at it. Rows with nobody decided give no point.
///
/// # Panics
/// If the steps do not rise.
pub fn incidence(rows: &[StepCounts]) -> Vec<Incidence> {
    assert!(rows.is_sorted_by(|a, b| a.step < b.step), "rows are in the order of their steps");
    let mut at_risk: u64 = rows.iter().map(StepCounts::trials).sum();
    let mut law = Law { undecided: 1.0, ..Law::default() };
    let mut points = vec![];
    for row in rows {
        let decided = row.converged + row.failed;
        if decided > 0 {
            law.advance(at_risk, row.converged, decided);
            points.push(Incidence {
                step: row.step,
                at_risk,
                undecided: law.undecided,
                converged: law.converged,
                variance: law.var_converged.max(0.0),
            });
        }
        at_risk -= decided + row.censored;
    }
    points
}

/// The two estimated probabilities with their covariances.
#[derive(Default)]
struct Law {
    undecided: f64,
    converged: f64,
    var_undecided: f64,
    var_converged: f64,
    covariance: f64,
}

impl Law {
    /// One step with `n` trials at risk.
    ///
    /// The shares `h = decided/n` and `g = converged/n` have the variances `h (1 - h)/n` and
    /// `g (1 - g)/n` and the covariance `g (1 - h)/n`, and are independent of the past.
    fn advance(&mut self, n: u64, converged: u64, decided: u64) {
        let share = |count: u64| count as f64 / n as f64;
        let (h, g) = (share(decided), share(converged));
        let (stay, other) = (share(n - decided), share(n - converged));
        let weight = self.undecided * self.undecided / n as f64;
        self.var_converged +=
            g * (2.0 * self.covariance + g * self.var_undecided) + weight * g * other;
        self.covariance = stay * (self.covariance + g * self.var_undecided - weight * g);
        self.var_undecided = stay * (stay * self.var_undecided + weight * h);
        self.converged += self.undecided * g;
        self.undecided *= stay;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(step: u64, converged: u64, failed: u64, censored: u64) -> StepCounts {
        StepCounts { step, converged, failed, censored }
    }

    /// Remission times of Freireich and others (1963, Blood 21(6) 699-716), the treated group.
    fn remissions() -> Vec<StepCounts> {
        [
            (6, 3, 1),
            (7, 1, 0),
            (9, 0, 1),
            (10, 1, 1),
            (11, 0, 1),
            (13, 1, 0),
            (16, 1, 0),
            (17, 0, 1),
            (19, 0, 1),
            (20, 0, 1),
            (22, 1, 0),
            (23, 1, 0),
            (25, 0, 1),
            (32, 0, 2),
            (34, 0, 1),
            (35, 0, 1),
        ]
        .map(|(step, ended, censored)| row(step, ended, 0, censored))
        .into()
    }

    #[test]
    fn without_failures_it_is_kaplan_meier() {
        let points = incidence(&remissions());
        let expected = [
            (6, 0.857143),
            (7, 0.806723),
            (10, 0.752941),
            (13, 0.690196),
            (16, 0.627451),
            (22, 0.537815),
            (23, 0.448179),
        ];
        assert_eq!(points.len(), expected.len());
        for (point, (step, undecided)) in points.iter().zip(expected) {
            assert_eq!(point.step, step);
            assert!((1.0 - point.converged - undecided).abs() < 1e-6, "{point:?}");
            assert!((point.undecided - undecided).abs() < 1e-6, "{point:?}");
        }
        for (index, lower, upper) in
            [(2, 0.503_199_511, 0.889_361_835), (6, 0.188_052_006, 0.680_142_628)]
        {
            let interval = points[index].interval(0.95).unwrap();
            assert!((1.0 - interval.upper - lower).abs() < 1e-9, "{interval:?}");
            assert!((1.0 - interval.lower - upper).abs() < 1e-9, "{interval:?}");
        }
    }

    /// `tests/reference/incidence.py` made the table.
    #[test]
    fn agrees_with_another_implementation() {
        let table = include_str!("../../tests/reference/incidence.csv");
        let mut sets: std::collections::BTreeMap<&str, Vec<(StepCounts, Vec<f64>)>> =
            std::collections::BTreeMap::default();
        for line in table.lines().skip(1) {
            let field: Vec<&str> = line.split(',').collect();
            let count = |i: usize| field[i].parse().unwrap();
            let row = row(count(1), count(2), count(3), count(4));
            let expected = field[5..].iter().map(|value| value.parse().unwrap()).collect();
            sets.entry(field[0]).or_default().push((row, expected));
        }
        assert_eq!(sets.len(), 4);
        for (name, set) in sets {
            let rows: Vec<StepCounts> = set.iter().map(|(row, _)| *row).collect();
            let points = incidence(&rows);
            let decided = set.iter().filter(|(row, _)| row.converged + row.failed > 0);
            assert_eq!(decided.clone().count(), points.len());
            for (point, (_, expected)) in points.iter().zip(decided) {
                let close = |value: f64, expected: f64| (value - expected).abs() < 1e-12;
                assert!(close(point.converged, expected[0]), "{name}: {point:?} {expected:?}");
                assert!(
                    close(point.variance.sqrt(), expected[1]),
                    "{name}: {point:?} {expected:?}"
                );
            }
        }
    }

    #[test]
    fn the_edges_have_no_interval() {
        assert_eq!(incidence(&[]), []);
        assert_eq!(incidence(&[row(5, 0, 0, 9)]), []);
        let points = incidence(&[row(1, 0, 2, 0), row(2, 3, 0, 0)]);
        assert_eq!((points[0].converged, points[0].variance), (0.0, 0.0));
        assert_eq!(points[0].interval(0.95), None);
        assert_eq!(points[1].undecided, 0.0);
        let points = incidence(&[row(1, 4, 0, 0)]);
        assert_eq!((points[0].converged, points[0].interval(0.95)), (1.0, None));
    }

    #[test]
    fn failures_censored_away_would_overstate_convergence() {
        let right = incidence(&[row(1, 0, 50, 0), row(2, 25, 0, 0), row(9, 0, 0, 25)]);
        let wrong = incidence(&[row(1, 0, 0, 50), row(2, 25, 0, 0), row(9, 0, 0, 25)]);
        assert_eq!((right[1].converged, wrong[0].converged), (0.25, 0.5));
    }

    #[test]
    fn many_trials_cost_no_more() {
        let rows: Vec<_> = (1..=1000).map(|step| row(step, 60_000, 40_000, 0)).collect();
        let last = *incidence(&rows).last().unwrap();
        assert!((last.converged - 0.6).abs() < 1e-12);
        assert!((last.variance / (0.6 * 0.4 / 1e8) - 1.0).abs() < 1e-6, "{last:?}");
    }

    fn rows(censoring: bool, failing: bool) -> impl Strategy<Value = Vec<StepCounts>> {
        let counts = (0..9_u64, 0..9_u64, 0..9_u64);
        proptest::collection::vec(counts, 1..40).prop_map(move |rows| {
            let rows = rows.into_iter().enumerate();
            rows.map(|(i, (converged, failed, censored))| {
                let failed = if failing { failed } else { 0 };
                row(i as u64, converged, failed, if censoring { censored } else { 0 })
            })
            .collect()
        })
    }

    proptest! {
        #[test]
        fn without_censoring_it_is_the_share(rows in rows(false, true)) {
            let trials: u64 = rows.iter().map(|row| row.converged + row.failed).sum();
            for point in incidence(&rows) {
                let converged: u64 =
                    rows.iter().filter(|row| row.step <= point.step).map(|row| row.converged).sum();
                let share = converged as f64 / trials as f64;
                prop_assert!((point.converged - share).abs() < 1e-13);
                let variance = share * (1.0 - share) / trials as f64;
                prop_assert!((point.variance - variance).abs() < 1e-13);
            }
        }

        #[test]
        fn without_failures_the_variance_is_greenwoods(rows in rows(true, false)) {
            let mut sum = 0.0;
            for point in incidence(&rows) {
                let ended = rows[point.step as usize].converged;
                if ended == point.at_risk {
                    break;
                }
                sum += ended as f64 / (point.at_risk as f64 * (point.at_risk - ended) as f64);
                let greenwood = point.undecided * point.undecided * sum;
                prop_assert!((point.variance - greenwood).abs() < 1e-13);
            }
        }

        #[test]
        fn probabilities_stay_probabilities(rows in rows(true, true)) {
            let mut last = 0.0;
            for point in incidence(&rows) {
                prop_assert!(point.converged >= last);
                prop_assert!(point.converged + point.undecided < 1.0 + 1e-12);
                prop_assert!(point.variance >= 0.0);
                if let Some(interval) = point.interval(0.9) {
                    prop_assert!(interval.contains(point.converged));
                    prop_assert!(interval.lower >= 0.0 && interval.upper <= 1.0);
                }
                last = point.converged;
            }
        }
    }
}
