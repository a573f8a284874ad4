//! What a cell comes to: counts by outcome, the probability of convergence with bounds, and the
//! usual numbers of steps.

use super::cost::Cost;
use super::ends::step_counts;
use super::histogram::Histogram;
use super::manifest::Manifest;
use super::tally::Tally;
use crate::stats::{Interval, Method, confidence_sequence, quantile_ranks, simultaneous};
use crate::stop::Outcome;
use crate::study::IntervalRule;
use crate::theorem;

/// Name of the bounds of studies in which precision decides how many trials there are.
pub(super) const SEQUENCE: &str = "beta-binomial confidence sequence";

/// Where bounds come from.
#[derive(Debug, Clone, Copy)]
enum Rule {
    Fixed(Method),
    Sequence,
}

impl Rule {
    fn name(self) -> &'static str {
        match self {
            Self::Fixed(method) => method.name(),
            Self::Sequence => SEQUENCE,
        }
    }
}

/// How bounds of the probabilities of a study are computed.
#[derive(Debug, Clone, Copy)]
pub struct Intervals {
    rule: Rule,
    /// Confidence level of each.
    pub level: f64,
    /// Level at which each interval of a cell has to be for all cells to be right at once.
    pub level_of_all: f64,
}

impl Intervals {
    /// For numbers of trials that were fixed beforehand, by this rule, for so many cells.
    pub fn fixed(rule: IntervalRule, cells: usize) -> Self {
        Self::at_level(Rule::Fixed(rule.method), rule.level, cells)
    }

    /// Those of a study: where precision decides how many trials there are, from a confidence sequence.
    pub fn of(manifest: &Manifest) -> Self {
        let cells = manifest.most_cells();
        match manifest.stopping {
            None => Self::fixed(manifest.interval, cells),
            Some(stopping) => Self::at_level(Rule::Sequence, stopping.level, cells),
        }
    }

    fn at_level(rule: Rule, level: f64, cells: usize) -> Self {
        Self { rule, level, level_of_all: simultaneous(level, cells.max(1) as u64) }
    }

    /// Those with this name of the method.
    pub fn named(name: &str, level: f64, cells: usize) -> Option<Self> {
        let fixed = Method::ALL.map(Rule::Fixed).into_iter();
        let rule = fixed.chain([Rule::Sequence]).find(|rule| rule.name() == name)?;
        (level > 0.0 && level < 1.0).then(|| Self::at_level(rule, level, cells))
    }

    /// Name of the method, for files and tables.
    pub fn name(&self) -> &'static str {
        self.rule.name()
    }

    /// Whether they are for a number of trials that was fixed beforehand.
    pub fn is_fixed(&self) -> bool {
        matches!(self.rule, Rule::Fixed(_))
    }

    /// The interval of a probability; no trials tell nothing.
    pub fn interval(&self, successes: u64, trials: u64) -> Interval {
        let (lower, upper) = self.at(self.level, successes, trials);
        Interval { lower, upper }
    }

    /// Share of trials that converged, NaN without any, and the bounds of its probability: the lower one as if
    /// every undecided trial fails, the upper one as if it converges.
    pub fn convergence(&self, converged: u64, undecided: u64, trials: u64) -> (f64, Interval) {
        let lower = self.interval(converged, trials).lower;
        let upper = self.interval(converged + undecided, trials).upper;
        (share(converged, trials), Interval { lower, upper })
    }

    /// The interval of a probability at a level; no trials tell nothing.
    fn at(&self, level: f64, successes: u64, trials: u64) -> (f64, f64) {
        match trials {
            0 => (0.0, 1.0),
            _ => {
                let Interval { lower, upper } = match self.rule {
                    Rule::Fixed(method) => method.interval(successes, trials, level),
                    Rule::Sequence => confidence_sequence(successes, trials, level),
                };
                (lower, upper)
            }
        }
    }
}

/// A part of so many trials; NaN without any: the sign of 0 / 0 depends on the processor.
fn share(count: u64, trials: u64) -> f64 {
    if trials == 0 { f64::NAN } else { count as f64 / trials as f64 }
}

/// Summary of one cell.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
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
    /// Share of the trials that converged; NaN without trials.
    pub probability: f64,
    /// Lower bound of the probability of convergence: as if every undecided trial fails.
    pub probability_lower: f64,
    /// Upper bound of the probability of convergence: as if every undecided trial converges.
    pub probability_upper: f64,
    /// Upper bound of the probability of convergence within the budget of steps.
    pub probability_upper_budget: f64,
    /// As [`probability_lower`](Self::probability_lower), so that the bounds of all cells hold at once.
    pub probability_lower_of_all: f64,
    /// As [`probability_upper`](Self::probability_upper), likewise.
    pub probability_upper_of_all: f64,
    /// Median of the steps of the trials that converged; NaN if none did.
    pub steps_median: f64,
    /// Interval of the median of all trials that converge: see [`quantile_interval`].
    pub steps_median_interval: Interval,
    /// Their 0.1-quantile.
    pub steps_q10: f64,
    /// Its interval, likewise.
    pub steps_q10_interval: Interval,
    /// Their 0.9-quantile.
    pub steps_q90: f64,
    /// Its interval, likewise.
    pub steps_q90_interval: Interval,
    /// What converging once costs in steps.
    pub cost: Cost,
    /// Trials whose start meets each of the conditions of the convergence theorem, in the order of
    /// [`theorem::NAMES`].
    pub theorem1_met: [u64; 4],
    /// Trials whose start meets all of them.
    pub theorem1: u64,
    /// Trials whose start is balanced enough and has a margin.
    pub joint: u64,
    /// Their share; NaN without trials.
    pub joint_probability: f64,
    /// Lower bound of the probability of such a start.
    pub joint_probability_lower: f64,
    /// Upper bound of it.
    pub joint_probability_upper: f64,
    /// Trials that are proved to converge.
    pub certified: u64,
    /// Lower bound of the probability of a trial that is proved to converge.
    pub certified_probability_lower: f64,
}

impl CellSummary {
    /// The summary of trials that were counted. No trials tell nothing.
    pub fn of(tally: &Tally, intervals: &Intervals) -> Self {
        let trials = tally.trials();
        let (converged, step_limit) =
            (tally.count(Outcome::Converged), tally.count(Outcome::StepLimit));
        let (probability, bounds) = intervals.convergence(converged, step_limit, trials);
        let of_all = |successes| intervals.at(intervals.level_of_all, successes, trials);
        let steps = tally.ends().steps(Outcome::Converged);
        let tenths = |part| steps.quantile(part, 10).map_or(f64::NAN, |at| at as f64);
        let between = |part: u64| quantile_interval(&steps, part as f64 / 10.0, intervals.level);
        let joint = tally.meeting(theorem::BALANCED | theorem::MARGIN);
        let joint_bounds = intervals.interval(joint, trials);
        Self {
            trials,
            converged,
            diverged: tally.count(Outcome::Diverged),
            stalled: tally.count(Outcome::Stalled),
            step_limit,
            probability,
            probability_lower: bounds.lower,
            probability_upper: bounds.upper,
            probability_upper_budget: intervals.interval(converged, trials).upper,
            probability_lower_of_all: of_all(converged).0,
            probability_upper_of_all: of_all(converged + step_limit).1,
            steps_median: tenths(5),
            steps_median_interval: between(5),
            steps_q10: tenths(1),
            steps_q10_interval: between(1),
            steps_q90: tenths(9),
            steps_q90_interval: between(9),
            cost: Cost::of(&step_counts(tally.ends().iter()), intervals),
            theorem1_met: [0, 1, 2, 3].map(|bit| tally.meeting(1 << bit)),
            theorem1: tally.meeting(theorem::ALL),
            joint,
            joint_probability: share(joint, trials),
            joint_probability_lower: joint_bounds.lower,
            joint_probability_upper: joint_bounds.upper,
            certified: tally.certified(),
            certified_probability_lower: intervals.interval(tally.certified(), trials).lower,
        }
    }
}

/// The interval of the `q` quantile of the steps of all trials that converge, from those that did: from
/// one of them to another (see [`quantile_ranks`]), whatever their law. Where they are too few for a
/// lower bound it is 0, and for an upper one infinite.
///
/// It is right for the number of trials that converged, so also where precision decides how many trials
/// there are: that looks at outcomes, never at steps.
///
/// # Panics
/// If `q` or `level` is not strictly between 0 and 1.
pub fn quantile_interval(steps: &Histogram, q: f64, level: f64) -> Interval {
    let ranks = quantile_ranks(steps.trials(), q, level);
    let at = |rank: Option<u64>| rank.and_then(|rank| steps.at_rank(rank)).map(|s| s as f64);
    Interval {
        lower: at(ranks.lower).unwrap_or(0.0),
        upper: at(ranks.upper).unwrap_or(f64::INFINITY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::clopper_pearson;

    fn tally(trials: impl IntoIterator<Item = (Outcome, u64)>) -> Tally {
        let mut tally = Tally::default();
        for (outcome, steps) in trials {
            tally.add(outcome as u8, steps, (steps % 4) as u8, steps < 20);
        }
        tally
    }

    #[test]
    fn undecided_trials_widen_the_interval_upwards_only() {
        let intervals = Intervals::fixed(IntervalRule { level: 0.9, ..IntervalRule::default() }, 4);
        let bounds = |k, level| clopper_pearson(k, 8, level);
        let (converged, late) = (Outcome::Converged, Outcome::StepLimit);
        let (diverged, stalled) = (Outcome::Diverged, Outcome::Stalled);
        let outcomes = [converged, converged, diverged, stalled, late, converged, late, late];
        let tally = tally(outcomes.into_iter().zip([30, 10, 1, 2, 99, 20, 99, 99]));
        let summary = CellSummary::of(&tally, &intervals);
        assert_eq!(
            [summary.trials, summary.converged, summary.diverged, summary.stalled],
            [8, 3, 1, 1]
        );
        assert_eq!(summary.step_limit, 3);
        assert_eq!(summary.probability, 3.0 / 8.0);
        assert_eq!(summary.probability_lower, bounds(3, 0.9).lower);
        assert_eq!(summary.probability_upper, bounds(6, 0.9).upper);
        assert_eq!(summary.probability_upper_budget, bounds(3, 0.9).upper);
        // 0.975 of each for 0.9 of all four.
        assert_eq!(summary.probability_lower_of_all, bounds(3, 0.975).lower);
        assert_eq!(summary.probability_upper_of_all, bounds(6, 0.975).upper);
        assert_eq!(summary.steps_median, 20.0);
        // Three that converged at 10, 20 and 30: P(B = 0) = 1/8 is above 0.05, so no median is bounded.
        let unbounded = Interval { lower: 0.0, upper: f64::INFINITY };
        assert_eq!(summary.steps_median_interval, unbounded);
        // 3 + 60 + 3 x 99 steps; up to 20: 3 + 10 + 5 x 20 for two, up to 30: 3 + 60 + 3 x 30 for three.
        assert_eq!((summary.cost.expected, summary.cost.cutoff), (120.0, 30.0));
        assert_eq!(summary.cost.restarted, 51.0);
        assert!(summary.cost.interval.contains(51.0) && summary.cost.interval.lower > 0.0);
        // Steps modulo 4 are the conditions: 2 2 1 2 3 0 3 3.
        assert_eq!((summary.theorem1_met, summary.theorem1), ([4, 6, 0, 0], 0));
        assert_eq!((summary.joint, summary.joint_probability), (3, 3.0 / 8.0));
        assert_eq!(summary.joint_probability_lower, bounds(3, 0.9).lower);
        assert_eq!(summary.joint_probability_upper, bounds(3, 0.9).upper);
        assert_eq!(
            (summary.certified, summary.certified_probability_lower),
            (3, bounds(3, 0.9).lower)
        );
    }

    /// 0.5^6 < 0.05/2 < 7 x 0.5^6: of six, the first and the last bound the median at 95 %.
    #[test]
    fn bounds_of_quantiles_are_members_of_the_sample() {
        let steps: Histogram = [(4, 1), (7, 4), (9, 1)].into_iter().collect();
        let interval = quantile_interval(&steps, 0.5, 0.95);
        assert_eq!(interval, Interval { lower: 4.0, upper: 9.0 });
        let interval = quantile_interval(&steps, 0.9, 0.95);
        assert_eq!(interval, Interval { lower: 7.0, upper: f64::INFINITY });
    }

    #[test]
    fn methods_come_back_by_their_names() {
        let rules = Method::ALL.map(Rule::Fixed).into_iter().chain([Rule::Sequence]);
        for rule in rules {
            let intervals = Intervals::named(rule.name(), 0.9, 3).unwrap();
            assert_eq!(intervals.name(), rule.name());
            assert_eq!(intervals.is_fixed(), !matches!(rule, Rule::Sequence));
        }
        assert!(Intervals::named("Wald", 0.9, 3).is_none());
        assert!(Intervals::named("Wilson", 1.0, 3).is_none());
    }

    #[test]
    fn no_trials_tell_nothing() {
        let intervals = Intervals::fixed(IntervalRule::default(), 1);
        let summary = CellSummary::of(&Tally::default(), &intervals);
        assert_eq!(summary.trials, 0);
        assert_eq!(
            [summary.probability, summary.steps_q90].map(f64::to_bits),
            [f64::NAN.to_bits(); 2]
        );
        assert_eq!([summary.probability_lower, summary.probability_upper], [0.0, 1.0]);
        assert_eq!(summary.steps_q10_interval, Interval { lower: 0.0, upper: f64::INFINITY });
        assert!(summary.cost.expected.is_nan() && summary.cost.interval.upper.is_nan());
    }
}
