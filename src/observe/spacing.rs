//! At which steps a trial is recorded.

pub use crate::study::Spacing;

/// The steps at which a trial is recorded: its start, and `points` more up to its step limit, equal ones
/// once. Steps are whole, so logarithmic spacing has every step at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedSteps {
    /// How they lie.
    pub spacing: Spacing,
    /// How many after the start, at least 1.
    pub points: u64,
    /// Step limit of the trial.
    pub max_steps: u64,
}

impl RecordedSteps {
    /// The first recorded step at or after `step`; `None` after the last.
    pub fn next(&self, step: u64) -> Option<u64> {
        if step == 0 {
            return Some(0);
        }
        let first = self.below(step).saturating_sub(1).max(1);
        (first..=self.points).map(|k| self.at(k)).find(|&recorded| recorded >= step)
    }

    /// How many there are at most.
    pub fn most(&self) -> u64 {
        self.points.min(self.max_steps) + 1
    }

    /// About how many a trial has that ends after so many steps, where it is recorded too.
    pub fn up_to(&self, steps: u64) -> u64 {
        (self.before(steps as f64) as u64 + 2).min(steps + 1).min(self.most())
    }

    /// About the step up to which so large a part (0 to 1) of the records lies of a trial that ends after
    /// so many steps.
    pub fn at_part(&self, part: f64, steps: u64) -> u64 {
        let (end, dense) = (steps as f64, self.dense());
        let records = part * self.before(end);
        let step = match self.spacing {
            Spacing::Log if records > dense => dense * libm::exp(records / dense - 1.0),
            Spacing::Log => records,
            Spacing::Linear => part * end,
        };
        step.round().min(end) as u64
    }

    /// About how many there are after the start and before the step `end`.
    fn before(&self, end: f64) -> f64 {
        let dense = self.dense();
        match self.spacing {
            Spacing::Linear => end / self.max_steps as f64 * self.points as f64,
            Spacing::Log if end > dense => dense + dense * libm::log(end / dense),
            Spacing::Log => end,
        }
    }

    /// With logarithmic spacing, how many there are in a factor e; up to as many steps each is recorded.
    fn dense(&self) -> f64 {
        (self.points as f64 - 1.0) / libm::log((self.max_steps as f64).max(2.0))
    }

    /// Step of record `k`, from 1.
    fn at(&self, k: u64) -> u64 {
        if k >= self.points {
            return self.max_steps;
        }
        match self.spacing {
            Spacing::Linear => {
                let product = u128::from(self.max_steps) * u128::from(k);
                product.div_ceil(u128::from(self.points)) as u64
            }
            Spacing::Log => {
                let exponent = (k - 1) as f64 / (self.points - 1) as f64;
                libm::pow(self.max_steps as f64, exponent).round() as u64
            }
        }
    }

    /// About the last record under `step`.
    fn below(&self, step: u64) -> u64 {
        let part = match self.spacing {
            Spacing::Linear => step as f64 / self.max_steps as f64 * self.points as f64,
            Spacing::Log => {
                let part = libm::log(step as f64) / libm::log(self.max_steps.max(2) as f64);
                1.0 + part * (self.points - 1) as f64
            }
        };
        (part as u64).min(self.points)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(spacing: Spacing, points: u64, max_steps: u64) -> Vec<u64> {
        let recorded = RecordedSteps { spacing, points, max_steps };
        let mut steps = Vec::new();
        let mut from = 0;
        while let Some(step) = recorded.next(from) {
            assert!(step >= from);
            assert_eq!(recorded.next(step), Some(step), "a recorded step is its own next");
            steps.push(step);
            from = step + 1;
        }
        assert!(steps.len() as u64 <= recorded.most());
        for (before, &step) in (0..).zip(&steps) {
            let about = recorded.up_to(step);
            assert!(
                about.abs_diff(before + 1) <= 2 + before / 4,
                "{about} instead of {before} + 1"
            );
            let back = recorded.up_to(recorded.at_part(0.5, step));
            assert!(
                back.abs_diff(about / 2) <= 3 + about / 8,
                "{back} of {about} in the first half"
            );
        }
        steps
    }

    #[test]
    fn both_ends_are_recorded_and_what_is_between_is_spaced() {
        assert_eq!(steps(Spacing::Linear, 4, 100), [0, 25, 50, 75, 100]);
        assert_eq!(steps(Spacing::Log, 4, 1000), [0, 1, 10, 100, 1000]);
        assert_eq!(steps(Spacing::Log, 7, 64), [0, 1, 2, 4, 8, 16, 32, 64]);
        assert_eq!(steps(Spacing::Linear, 5, 3), [0, 1, 2, 3]);
        for spacing in [Spacing::Linear, Spacing::Log] {
            assert_eq!(steps(spacing, 1, 9), [0, 9]);
            assert_eq!(steps(spacing, 3, 1), [0, 1]);
        }
    }

    #[test]
    fn every_step_first_then_logarithmically() {
        let steps = steps(Spacing::Log, 600, 1_000_000);
        assert_eq!(steps[..30], (0..30).collect::<Vec<u64>>()[..]);
        assert_eq!(steps.last(), Some(&1_000_000));
        let late = steps.windows(2).filter(|pair| pair[0] > 10_000);
        // 600 in six decades.
        late.for_each(|pair| {
            let ratio = pair[1] as f64 / pair[0] as f64;
            assert!((ratio - 1.0233).abs() < 1e-3, "{pair:?}");
        });
    }

    #[test]
    fn the_longest_trials_are_spaced_too() {
        for spacing in [Spacing::Linear, Spacing::Log] {
            let steps = steps(spacing, 50, 1_000_000_000_000);
            assert_eq!((steps.len(), steps.last()), (51, Some(&1_000_000_000_000)));
        }
    }
}
