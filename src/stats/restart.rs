//! What one success costs in steps when trials are started again and again, and after how many
//! steps it is best to give up and start afresh.

use super::incidence::StepCounts;
use super::{Interval, clopper_pearson, confidence_sequence, dkw_half_width, simultaneous};

/// Trials that are ended after `cutoff` steps at the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restart {
    /// Steps after which a trial is given up.
    pub cutoff: u64,
    /// Trials.
    pub trials: u64,
    /// Those that converged in `cutoff` steps or fewer.
    pub converged: u64,
    /// Steps all of them took up to the cutoff.
    pub spent: u128,
}

/// The expected running time of black-box optimization: all steps taken, those of the trials that
/// did not converge included, per trial that converged (Hansen, Auger, Ros, Mersmann, Tusar and
/// Brockhoff 2021, "COCO", Optim. Methods Softw. 36(1) 114-144). `None` if none did.
///
/// It estimates the steps until the first success when trials are repeated within the same budget.
pub fn expected_running_time(rows: &[StepCounts]) -> Option<f64> {
    let converged: u64 = rows.iter().map(|row| row.converged).sum();
    let spent: u128 = rows.iter().map(|row| u128::from(row.step) * u128::from(row.trials())).sum();
    (converged > 0).then(|| spent as f64 / converged as f64)
}

/// The cutoff with the fewest expected steps until the first success, and the smallest of them if
/// there are several: the `t` with the least
///
/// ```text
/// E[min(T, t)] / F(t)        T: steps of a trial, F(t): probability of convergence by then
/// ```
///
/// under the empirical law. With the true law, starting afresh always after that many steps is the
/// best of all ways to restart independent trials (Luby, Sinclair and Zuckerman 1993, Inf. Process.
/// Lett. 47(4) 173-180). A failed trial costs the steps until it failed, one that is stopped costs
/// the cutoff.
///
/// Only cutoffs where some trial converged can be best, and only up to the first step at which
/// a trial was stopped undecided are the costs known. `None` if no trial converged by then.
///
/// # Panics
/// If the steps do not rise.
pub fn best_restart(rows: &[StepCounts]) -> Option<Restart> {
    let horizon = rows.iter().find(|row| row.censored > 0).map_or(u64::MAX, |row| row.step);
    let costs = cutoffs(rows).filter(|at| at.cutoff <= horizon && at.converged > 0);
    // Compared as fractions: ties are ties. The first of equals is kept.
    costs.reduce(|best, at| {
        let cheaper = at.spent * u128::from(best.converged) < best.spent * u128::from(at.converged);
        if cheaper { at } else { best }
    })
}

/// The cost of every cutoff at which a trial ended.
fn cutoffs(rows: &[StepCounts]) -> impl Iterator<Item = Restart> {
    assert!(rows.is_sorted_by(|a, b| a.step < b.step), "rows are in the order of their steps");
    let all: u64 = rows.iter().map(StepCounts::trials).sum();
    let (mut ended, mut converged, mut spent) = (0, 0, 0);
    rows.iter().map(move |row| {
        ended += row.trials();
        converged += row.converged;
        spent += u128::from(row.step) * u128::from(row.trials());
        let running = u128::from(row.step) * u128::from(all - ended);
        Restart { cutoff: row.step, trials: all, converged, spent: spent + running }
    })
}

impl Restart {
    /// Estimated expected number of steps until the first success.
    pub fn cost(&self) -> f64 {
        self.spent as f64 / self.converged as f64
    }

    /// Interval of the expected number of steps until the first success with this cutoff. With
    /// probability `level` or more it contains it for *all* cutoffs at once, so also for one that
    /// the same trials chose, whatever the law of the steps, for any fixed number of trials. The
    /// upper end may be infinite.
    ///
    /// Half of the risk goes to `E[min(T, t)]`: it is the area above the distribution function of
    /// `T` from 0 to `t`, so it is off by at most `t` times the half width of the band around it
    /// ([`dkw_half_width`]). The other half goes to `F`: if `k` of `n` trials converged by `t`,
    /// then `F(t)` is at least `F` at the `k`-th of them, and below the next at most `F` there;
    /// these are bounded by order statistics of uniform variables, whose quantiles are the ends of
    /// Clopper and Pearson. A level for `n` ranks at once makes them hold for all `t`.
    ///
    /// The interval is wide where trials are few: it needs some thousands of them for the cutoff,
    /// and more than a few that converged.
    ///
    /// # Panics
    /// If `level` is not strictly between 0 and 1.
    pub fn interval(&self, level: f64) -> Interval {
        assert!(level > 0.0 && level < 1.0, "a confidence level is between 0 and 1, not {level}");
        if self.trials == 0 {
            return Interval { lower: 0.0, upper: f64::INFINITY };
        }
        let each = simultaneous(level, 2);
        let share = clopper_pearson(self.converged, self.trials, simultaneous(each, self.trials));
        let (mean, cutoff) = (self.spent as f64 / self.trials as f64, self.cutoff as f64);
        let error = cutoff * dkw_half_width(self.trials, each);
        Interval {
            lower: (mean - error).max(0.0) / share.upper,
            upper: (mean + error).min(cutoff) / share.lower,
        }
    }
}

/// The interval of the expected number of steps until the first success with this cutoff, where the
/// outcomes of the trials decided how many there are, as in [`confidence_sequence`]; for all cutoffs at
/// once as [`Restart::interval`]. The upper end may be infinite.
///
/// With the probabilities `p` of converging and `u` of being stopped undecided, and the mean steps
/// `m = E[min(T, t)]` and the law `G` of the trials that converge, `f` of those that fail, it costs
///
/// ```text
/// m / G(t) + ((1 - p - u) f + u t) / (p G(t))
/// ```
///
/// A quarter of the risk goes each to `p` and `u`, which confidence sequences bound, and to the laws of
/// the steps of the trials that converge and of those that fail: given all outcomes, these are samples
/// of fixed size, with a band around their distribution functions ([`dkw_half_width`]). The cost rises
/// with `m`, `f` and `u` and falls with `p` and `G`.
///
/// The cutoff has to be at or before the first step at which a trial was stopped undecided.
///
/// # Panics
/// If `level` is not strictly between 0 and 1.
pub fn watched_restart_interval(rows: &[StepCounts], cutoff: u64, level: f64) -> Interval {
    assert!(level > 0.0 && level < 1.0, "a confidence level is between 0 and 1, not {level}");
    let each = simultaneous(level, 4);
    let [converged, failed] = [|row: &StepCounts| row.converged, |row: &StepCounts| row.failed]
        .map(|count| Steps::of(rows, cutoff, count, each));
    let censored: u64 = rows.iter().map(|row| row.censored).sum();
    let trials = converged.trials + failed.trials + censored;
    let success = confidence_sequence(converged.trials, trials, each);
    let undecided = confidence_sequence(censored, trials, each);
    let others = |mean: f64, success: f64, undecided: f64| {
        (1.0 - success) * mean + undecided * (cutoff as f64 - mean)
    };
    let cost = |mean: f64, others: f64, success: f64, share: f64| {
        if success * share > 0.0 {
            mean / share + others / (success * share)
        } else {
            f64::INFINITY
        }
    };
    let rest = undecided.upper.min(1.0 - success.lower);
    let low = others(failed.mean.lower, success.upper, undecided.lower);
    let high = others(failed.mean.upper, success.lower, rest);
    Interval {
        lower: cost(converged.mean.lower, low, success.upper, converged.share.upper),
        upper: cost(converged.mean.upper, high, success.lower, converged.share.lower),
    }
}

/// The steps of trials of one outcome that are ended at a cutoff.
struct Steps {
    /// These trials.
    trials: u64,
    /// Interval of their mean steps.
    mean: Interval,
    /// Interval of the share that ends by itself.
    share: Interval,
}

impl Steps {
    /// Of the trials that `count` counts, with one band at this level for both.
    fn of(
        rows: &[StepCounts],
        cutoff: u64,
        count: impl Fn(&StepCounts) -> u64,
        level: f64,
    ) -> Self {
        let (mut trials, mut ended, mut spent) = (0, 0, 0_u128);
        for row in rows {
            trials += count(row);
            ended += if row.step <= cutoff { count(row) } else { 0 };
            spent += u128::from(row.step.min(cutoff)) * u128::from(count(row));
        }
        let cutoff = cutoff as f64;
        if trials == 0 {
            let [mean, share] = [cutoff, 1.0].map(|upper| Interval { lower: 0.0, upper });
            return Self { trials, mean, share };
        }
        let width = dkw_half_width(trials, level);
        let around = |value: f64, error: f64, most: f64| Interval {
            lower: (value - error).max(0.0),
            upper: (value + error).min(most),
        };
        let share = ended as f64 / trials as f64;
        let mean = spent as f64 / trials as f64;
        let mean = around(mean, cutoff * width, cutoff);
        Self { trials, mean, share: around(share, width, 1.0) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(step: u64, converged: u64, failed: u64, censored: u64) -> StepCounts {
        StepCounts { step, converged, failed, censored }
    }

    #[test]
    fn known_running_times() {
        // Runs of 100, 200 and 300 steps, two of 1000 without success.
        let rows = [row(100, 1, 0, 0), row(200, 1, 0, 0), row(300, 1, 0, 0), row(1000, 0, 0, 2)];
        assert_eq!(expected_running_time(&rows), Some(2600.0 / 3.0));
        assert_eq!(expected_running_time(&rows[3..]), None);
        assert_eq!(expected_running_time(&[]), None);
        // Giving up after 300 steps: 100 + 200 + 3 * 300, after 100: 5 * 100.
        let best = best_restart(&rows).unwrap();
        let expected = Restart { cutoff: 300, trials: 5, converged: 3, spent: 1200 };
        assert_eq!((best, best.cost()), (expected, 400.0));
    }

    #[test]
    fn half_at_once_and_half_never() {
        let best = best_restart(&[row(1, 50, 0, 0), row(1000, 1, 0, 49)]).unwrap();
        assert_eq!((best.cutoff, best.cost()), (1, 2.0));
        // A failure that shows early is cheap.
        let best = best_restart(&[row(2, 0, 50, 0), row(10, 50, 0, 0)]).unwrap();
        assert_eq!((best.cutoff, best.cost()), (10, 12.0));
    }

    #[test]
    fn without_memory_all_cutoffs_cost_the_same() {
        let mut rows: Vec<_> = (1..=20).map(|step| row(step, 1 << (20 - step), 0, 0)).collect();
        rows[19].censored = 1;
        assert!(cutoffs(&rows).all(|at| at.cost() == 2.0));
        assert_eq!(best_restart(&rows).unwrap().cutoff, 1);
    }

    #[test]
    fn costs_beyond_the_first_stopped_trial_are_not_known() {
        let rows = [row(5, 1, 0, 0), row(8, 0, 0, 9), row(9, 900, 0, 0)];
        assert_eq!(best_restart(&rows).unwrap().cutoff, 5);
        assert_eq!(best_restart(&rows[1..]), None);
        assert_eq!(best_restart(&[row(5, 0, 3, 0)]), None);
    }

    /// Random numbers in [0, 1) by SplitMix64.
    fn uniforms(mut state: u64) -> impl FnMut() -> f64 {
        move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
        }
    }

    /// Steps 1 .. 9 with a tenth each, of which the even ones fail; a tenth is stopped at 10.
    #[test]
    fn the_interval_holds_for_the_cutoff_that_the_trials_choose() {
        let law: Vec<_> =
            (1..=9).map(|t| row(t, t % 2, 1 - t % 2, 0)).chain([row(10, 0, 0, 1)]).collect();
        let truth: Vec<f64> = cutoffs(&law).map(|at| at.cost()).collect();
        let mut uniform = uniforms(1);
        let (mut wide, mut repetitions) = (0.0_f64, 0);
        for _ in 0..300 {
            let mut rows: Vec<_> = law.iter().map(|r| row(r.step, 0, 0, 0)).collect();
            for _ in 0..4000 {
                let i = (10.0 * uniform()) as usize;
                rows[i].converged += law[i].converged;
                rows[i].failed += law[i].failed;
                rows[i].censored += law[i].censored;
            }
            let best = best_restart(&rows).unwrap();
            let interval = best.interval(0.95);
            wide = wide.max(interval.upper / interval.lower);
            repetitions += u32::from(interval.contains(truth[best.cutoff as usize - 1]));
        }
        assert!(repetitions >= 285, "{repetitions} of 300");
        assert!(wide < 1.8, "{wide}");
    }

    /// The law as above, watched until the confidence sequence of the share that converges is narrow
    /// enough: so outcomes decide how many trials there are. The interval is to be wrong in 15 of 300
    /// repetitions at most on average; more than 15 would be a failure of one that is right more often.
    #[test]
    fn watched_trials_have_an_interval_too() {
        let law: Vec<_> =
            (1..=9).map(|t| row(t, t % 2, 1 - t % 2, 0)).chain([row(10, 0, 0, 1)]).collect();
        let truth: Vec<f64> = cutoffs(&law).map(|at| at.cost()).collect();
        let mut uniform = uniforms(2);
        let (mut wide, mut right) = (0.0_f64, 0);
        for _ in 0..300 {
            let mut rows: Vec<_> = law.iter().map(|r| row(r.step, 0, 0, 0)).collect();
            let (mut trials, mut converged) = (0, 0);
            while trials == 0 || confidence_sequence(converged, trials, 0.95).half_width() > 0.03 {
                for _ in 0..200 {
                    let i = (10.0 * uniform()) as usize;
                    rows[i].converged += law[i].converged;
                    rows[i].failed += law[i].failed;
                    rows[i].censored += law[i].censored;
                    converged += law[i].converged;
                }
                trials += 200;
            }
            let best = best_restart(&rows).unwrap();
            let interval = watched_restart_interval(&rows, best.cutoff, 0.95);
            assert!(interval.contains(best.cost()), "{interval:?}");
            wide = wide.max(interval.upper / interval.lower);
            right += u32::from(interval.contains(truth[best.cutoff as usize - 1]));
        }
        assert!(right >= 285, "{right} of 300");
        assert!(wide < 2.0, "{wide}");
    }

    #[test]
    fn watched_trials_at_the_edges() {
        let interval = |rows: &[StepCounts], cutoff| watched_restart_interval(rows, cutoff, 0.95);
        let unknown = Interval { lower: 0.0, upper: f64::INFINITY };
        assert_eq!(interval(&[], 9), unknown);
        assert_eq!(interval(&[row(0, 3, 0, 0)], 0).lower, 0.0);
        let failures = interval(&[row(9, 0, 100_000, 0)], 9);
        assert!(failures.lower > 9.0 * 1000.0 && failures.upper == f64::INFINITY, "{failures:?}");
        // All converge at 5, but for what nothing excludes.
        let sure = interval(&[row(5, 1_000_000, 0, 0)], 5);
        assert!(sure.lower > 4.98 && sure.upper < 5.03 && sure.contains(5.0), "{sure:?}");
    }

    #[test]
    fn the_ends_at_the_edges() {
        let none = Restart { cutoff: 10, trials: 0, converged: 0, spent: 0 };
        assert_eq!(none.interval(0.95), Interval { lower: 0.0, upper: f64::INFINITY });
        let failures = Restart { cutoff: 10, trials: 100_000, converged: 0, spent: 1_000_000 };
        let interval = failures.interval(0.95);
        assert!(interval.lower > 10_000.0 && interval.upper == f64::INFINITY, "{interval:?}");
    }

    proptest! {
        #[test]
        fn the_best_of_all_cutoffs_by_definition(
            counts in proptest::collection::vec((0..4_u64, 0..4_u64), 1..30),
        ) {
            let rows: Vec<_> = counts.iter().zip(1..).map(|(&(c, f), t)| row(t, c, f, 0)).collect();
            let all: u64 = rows.iter().map(StepCounts::trials).sum();
            let cost = |cutoff: u64| {
                let spent: u64 = rows.iter().map(|r| r.step.min(cutoff) * r.trials()).sum();
                let converged: u64 =
                    rows.iter().filter(|r| r.step <= cutoff).map(|r| r.converged).sum();
                spent as f64 / converged as f64
            };
            let least = (1..=rows.len() as u64).map(cost).fold(f64::INFINITY, f64::min);
            match best_restart(&rows) {
                None => prop_assert!(rows.iter().all(|r| r.converged == 0)),
                Some(best) => {
                    prop_assert_eq!(best.cost(), least);
                    prop_assert_eq!(best.cost(), cost(best.cutoff));
                    prop_assert!((1..best.cutoff).all(|cutoff| cost(cutoff) > least));
                    prop_assert_eq!(best.trials, all);
                    prop_assert!(best.interval(0.9).contains(least));
                    prop_assert!(expected_running_time(&rows).unwrap() >= least);
                }
            }
        }
    }
}
