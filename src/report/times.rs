//! How long trials take: the probability of having converged, of having failed, and of neither, by the
//! number of steps, and what converging once costs.

mod text;

pub use text::{csv, json, table};

use std::ops::Range;

use crate::Result;
use crate::stats::{Incidence, Interval, StepCounts, incidence, with_undecided};
use crate::store::reader::ResultsFile;
use crate::store::{Cost, Intervals};

/// What is asked of results.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    /// Of which cell; of all if `None`.
    pub cell: Option<usize>,
    /// Until which rung of the ladder is hit for the first time; until convergence if `None`.
    pub rung: Option<usize>,
    /// At how many numbers of steps, at least 2.
    pub points: u64,
}

/// An estimate of a probability, with the interval for it alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// The estimate.
    pub value: f64,
    /// The interval.
    pub interval: Interval,
}

impl Share {
    /// The estimate, and the bounds of the interval.
    pub(super) fn numbers(&self) -> [f64; 3] {
        [self.value, self.interval.lower, self.interval.upper]
    }
}

/// The probabilities by one number of steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// The number of steps.
    pub step: u64,
    /// Trials that were stopped undecided before.
    pub stopped: u64,
    /// Of having converged by then.
    pub converged: Share,
    /// Of having diverged or stalled by then.
    pub failed: Share,
    /// Of neither.
    pub undecided: Share,
}

/// How long the trials of a cell take.
#[derive(Debug, Clone, PartialEq)]
pub struct Times {
    /// Trials that converged.
    pub converged: u64,
    /// Trials that diverged or stalled before.
    pub failed: u64,
    /// Trials that were stopped undecided.
    pub undecided: u64,
    /// The probabilities, at rising numbers of steps.
    pub points: Vec<Point>,
    /// What converging once costs.
    pub cost: Cost,
}

impl Question {
    /// The numbers of the cells that are asked for.
    fn cells(&self, results: &ResultsFile) -> Range<usize> {
        self.cell.map_or(0..results.cells.len(), |cell| cell..cell + 1)
    }
}

/// The times of the cells that are asked for, with their numbers. They are read one by one.
///
/// # Errors
/// If they cannot be read.
///
/// # Panics
/// If there is no such cell or rung.
pub fn of_cells(
    results: &ResultsFile,
    question: Question,
) -> Result<impl Iterator<Item = Result<(usize, Times)>>> {
    let intervals = results.intervals()?;
    Ok(question.cells(results).map(move |cell| {
        let rows = results.step_counts(cell, question.rung)?;
        let mut times = Times::of(&rows, &intervals, question.points);
        if question.rung.is_some() && !intervals.is_fixed() {
            // How many trials there are was decided by other outcomes than those of a rung.
            times.cost.interval = Interval { lower: f64::NAN, upper: f64::NAN };
        }
        Ok((cell, times))
    }))
}

impl Times {
    /// All trials.
    pub fn trials(&self) -> u64 {
        self.converged + self.failed + self.undecided
    }

    /// From what happened at each number of steps: the cumulative incidences of convergence and of failure,
    /// which compete, and the probability of neither.
    ///
    /// Until a trial is stopped, the estimates are shares of all trials. From then on they are those of
    /// Aalen and Johansen (see [`incidence`](incidence())), which suppose that the stopped trials would have gone on like
    /// the others. The bounds suppose nothing: they are those of the study for a probability, the lower
    /// as if no stopped trial had come there, the upper as if all had. Each is for one number of steps.
    ///
    /// The `points` numbers of steps are such that about equally many trials are decided between two, the
    /// first and the last decided trial among them; and the last number of steps of all.
    ///
    /// # Panics
    /// If the steps do not rise, or `points` is below 2.
    pub fn of(rows: &[StepCounts], intervals: &Intervals, points: u64) -> Self {
        let curves = Curves::new(rows, intervals);
        let StepCounts { converged, failed, censored, .. } = curves.last();
        Self {
            converged,
            failed,
            undecided: censored,
            points: curves.ladder(points).into_iter().map(|step| curves.at(step)).collect(),
            cost: Cost::of(rows, intervals),
        }
    }
}

/// The probabilities by these numbers of steps, as in [`Times::of`]; none without trials.
///
/// # Panics
/// If the steps of the rows do not rise.
pub fn by(rows: &[StepCounts], intervals: &Intervals, steps: &[u64]) -> Vec<Point> {
    let curves = Curves::new(rows, intervals);
    let steps = if rows.is_empty() { &[] } else { steps };
    steps.iter().map(|&step| curves.at(step)).collect()
}

/// The probabilities as functions of the number of steps.
struct Curves<'a> {
    intervals: &'a Intervals,
    /// What happened up to each number of steps.
    passed: Vec<StepCounts>,
    converged: Vec<Incidence>,
    failed: Vec<Incidence>,
}

impl<'a> Curves<'a> {
    fn new(rows: &[StepCounts], intervals: &'a Intervals) -> Self {
        let failures = rows.iter().map(|row| StepCounts {
            converged: row.failed,
            failed: row.converged,
            ..*row
        });
        let sum = |passed: &mut StepCounts, row: &StepCounts| {
            *passed = StepCounts {
                step: row.step,
                converged: passed.converged + row.converged,
                failed: passed.failed + row.failed,
                censored: passed.censored + row.censored,
            };
            Some(*passed)
        };
        Self {
            intervals,
            passed: rows.iter().scan(StepCounts::default(), sum).collect(),
            converged: incidence(rows),
            failed: incidence(&failures.collect::<Vec<_>>()),
        }
    }

    /// What happened in all.
    fn last(&self) -> StepCounts {
        self.passed.last().copied().unwrap_or_default()
    }

    /// The numbers of steps at which the probabilities are shown.
    fn ladder(&self, points: u64) -> Vec<u64> {
        let decided = |passed: &StepCounts| passed.converged + passed.failed;
        let all = decided(&self.last());
        let at = |point: u64| {
            let further = u128::from(all - 1) * u128::from(point) / u128::from(points - 1);
            let rank = 1 + further as u64;
            self.passed[self.passed.partition_point(|passed| decided(passed) < rank)].step
        };
        let mut steps: Vec<u64> = if all > 0 { (0..points).map(at).collect() } else { Vec::new() };
        steps.extend(self.passed.last().map(|last| last.step));
        steps.dedup();
        steps
    }

    /// The probabilities by a number of steps.
    fn at(&self, step: u64) -> Point {
        let passed = |rows: usize| {
            rows.checked_sub(1).map_or_else(StepCounts::default, |last| self.passed[last])
        };
        let stopped = passed(self.passed.partition_point(|passed| passed.step < step)).censored;
        let StepCounts { converged, failed, .. } =
            passed(self.passed.partition_point(|passed| passed.step <= step));
        let trials = self.last().trials();
        let share = |count: u64, estimate: f64| Share {
            value: if stopped == 0 { count as f64 / trials as f64 } else { estimate },
            interval: with_undecided(count, stopped, trials, |k, n| self.intervals.interval(k, n)),
        };
        let law = |law: &[Incidence]| {
            let after = law.partition_point(|point| point.step <= step);
            after.checked_sub(1).map(|last| law[last])
        };
        let probability = |of: &[Incidence]| law(of).map_or(0.0, |point| point.converged);
        let undecided = law(&self.converged).map_or(1.0, |point| point.undecided);
        Point {
            step,
            stopped,
            converged: share(converged, probability(&self.converged)),
            failed: share(failed, probability(&self.failed)),
            undecided: share(trials - converged - failed - stopped, undecided),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::{Method, clopper_pearson, confidence_sequence};
    use crate::study::IntervalRule;

    fn row(step: u64, converged: u64, failed: u64, censored: u64) -> StepCounts {
        StepCounts { step, converged, failed, censored }
    }

    fn fixed() -> Intervals {
        Intervals::fixed(IntervalRule { method: Method::ClopperPearson, level: 0.95 }, 1)
    }

    fn watched() -> Intervals {
        Intervals::named("beta-binomial confidence sequence", 0.95, 1).unwrap()
    }

    /// Ten trials: failures at 2 and 8, successes at 4, 4, 8 and 16, the others stopped at 20.
    #[test]
    fn a_study_made_by_hand() {
        let rows =
            [row(2, 0, 1, 0), row(4, 2, 0, 0), row(8, 1, 1, 0), row(16, 1, 0, 0), row(20, 0, 0, 4)];
        let times = Times::of(&rows, &fixed(), 6);
        assert_eq!((times.converged, times.failed, times.undecided), (4, 2, 4));
        let share = |count| {
            let interval = clopper_pearson(count, 10, 0.95);
            Share { value: count as f64 / 10.0, interval }
        };
        let expected = [(2, 0, 1), (4, 2, 1), (8, 3, 2), (16, 4, 2), (20, 4, 2)];
        assert_eq!(times.points.len(), expected.len());
        for (point, (step, converged, failed)) in times.points.iter().zip(expected) {
            let undecided = share(10 - converged - failed);
            let (converged, failed) = (share(converged), share(failed));
            assert_eq!(*point, Point { step, stopped: 0, converged, failed, undecided });
        }
        // 2 + 8 + 16 + 16 + 80 steps in all. Up to 4: 2 + 9 x 4 for two, up to 8: 2 + 8 + 7 x 8 for three.
        let Cost { expected, cutoff, restarted, .. } = times.cost;
        assert_eq!((expected, cutoff, restarted), (122.0 / 4.0, 4.0, 19.0));
        let watched = Times::of(&rows, &watched(), 6);
        let first = watched.points[0].failed.interval;
        assert_eq!(first, confidence_sequence(1, 10, 0.95));
        let bounds = watched.cost.interval;
        assert!(bounds != times.cost.interval && bounds.contains(19.0), "{bounds:?}");
    }

    /// Between the steps at which trials end nothing happens; before, and after the last one, too.
    #[test]
    fn any_number_of_steps_has_its_probabilities() {
        let rows = [row(2, 0, 1, 0), row(4, 2, 0, 0), row(8, 1, 1, 0), row(20, 0, 0, 4)];
        let points = by(&rows, &fixed(), &[1, 4, 7, 8, 20, 21]);
        let counts = points.iter().map(|point| (point.converged.value * 9.0).round());
        assert_eq!(counts.collect::<Vec<_>>(), [0.0, 2.0, 2.0, 3.0, 3.0, 3.0]);
        let stopped: Vec<u64> = points.iter().map(|point| point.stopped).collect();
        assert_eq!(stopped, [0, 0, 0, 0, 0, 4]);
        assert_eq!(points[5].converged.interval.upper, clopper_pearson(7, 9, 0.95).upper);
        assert!(by(&[], &fixed(), &[1]).is_empty());
    }

    /// Aalen and Johansen by hand: half are stopped at 2, so that each of the others counts for two.
    #[test]
    fn stopped_trials_count_for_those_that_go_on() {
        let rows = [row(1, 2, 2, 0), row(2, 0, 0, 8), row(3, 4, 2, 0), row(4, 0, 0, 2)];
        let last = *Times::of(&rows, &fixed(), 2).points.last().unwrap();
        assert_eq!(last.stopped, 8);
        let bound = |share: Share, value: f64, count| {
            assert!((share.value - value).abs() < 1e-15, "{share:?}");
            assert_eq!(share.interval.lower, clopper_pearson(count, 20, 0.95).lower);
            assert_eq!(share.interval.upper, clopper_pearson(count + 8, 20, 0.95).upper);
        };
        bound(last.converged, 0.1 + 0.8 * 0.5, 6);
        bound(last.failed, 0.1 + 0.8 * 0.25, 4);
        bound(last.undecided, 0.8 * 0.25, 2);
    }

    #[test]
    fn nothing_is_shown_of_no_trials() {
        let none = Times::of(&[], &fixed(), 5);
        assert!(none.points.is_empty() && none.cost.expected.is_nan());
        let undecided = Times::of(&[row(9, 0, 0, 3)], &fixed(), 5);
        assert_eq!(undecided.points.len(), 1);
        assert_eq!(undecided.points[0].undecided.value, 1.0);
    }

    proptest! {
        /// With as many points as trials that were decided, every step at which one was is shown.
        #[test]
        fn enough_points_show_all_steps(
            counts in proptest::collection::vec((0..4_u64, 0..4_u64, 0..3_u64), 1..30),
            points in 2..40_u64,
        ) {
            let rows: Vec<_> =
                counts.iter().zip(1..).map(|(&(c, f, u), t)| row(t, c, f, u)).collect();
            let rows: Vec<_> = rows.into_iter().filter(|row| row.trials() > 0).collect();
            let decided: Vec<_> =
                rows.iter().filter(|row| row.converged + row.failed > 0).collect();
            let shown = |points| -> Vec<u64> {
                Times::of(&rows, &fixed(), points).points.iter().map(|point| point.step).collect()
            };
            let all: u64 = decided.iter().map(|row| row.converged + row.failed).sum();
            let steps = shown(all.max(2));
            prop_assert!(decided.iter().all(|row| steps.contains(&row.step)));
            let some = shown(points);
            prop_assert!(some.len() as u64 <= points + 1 && some.is_sorted_by(|a, b| a < b));
            let ends = [decided.first(), decided.last()];
            prop_assert!(ends.into_iter().flatten().all(|row| some.contains(&row.step)));
            for point in Times::of(&rows, &fixed(), points).points {
                let shares = [point.converged, point.failed, point.undecided];
                let sum: f64 = shares.iter().map(|share| share.value).sum();
                prop_assert!((sum - 1.0).abs() < 1e-12);
                prop_assert!(shares.iter().all(|share| share.interval.contains(share.value)));
            }
        }
    }
}
