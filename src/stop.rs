//! When a trial ends, and as what.

/// How a trial ended. The discriminants are the codes of the variable `outcome` in `results.h5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// Not run yet.
    NotRun = 0,
    /// The excess loss reached its target.
    Converged = 1,
    /// Not finite, or the loss far above where it began.
    Diverged = 2,
    /// Proved never to converge in this arithmetic: the weights came back to the same bits.
    Stalled = 3,
    /// Undecided when the budget of steps was spent.
    StepLimit = 4,
}

impl Outcome {
    /// All outcomes, in the order of their codes.
    pub const ALL: [Self; 5] =
        [Self::NotRun, Self::Converged, Self::Diverged, Self::Stalled, Self::StepLimit];

    /// The word used in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotRun => "not_run",
            Self::Converged => "converged",
            Self::Diverged => "diverged",
            Self::Stalled => "stalled",
            Self::StepLimit => "step_limit",
        }
    }

    /// The outcome with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

/// When a trial ends. Losses are excess losses: above the global optimum of the problem.
#[derive(Debug, Clone, PartialEq)]
pub struct StopRule {
    /// Excess loss at or under which a trial has converged.
    pub loss: f64,
    /// A trial has diverged when its excess loss exceeds this many times the larger of its initial
    /// excess loss and the excess loss of the zero network.
    pub divergence: f64,
    /// Number of updates after which a trial is undecided.
    pub max_steps: u64,
}

/// The thresholds of one trial, as losses above the optimum of the data (`excess + floor`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// At or under it the trial has converged.
    pub converged: f64,
    /// Above it the trial has diverged.
    pub diverged: f64,
    /// At this step it is undecided.
    pub max_steps: u64,
}

impl StopRule {
    /// Thresholds of a trial whose problem has this loss floor and this excess loss at the zero
    /// network, and that starts at this loss.
    pub fn thresholds(&self, floor: f64, excess_at_zero: f64, loss_initial: f64) -> Thresholds {
        // NaN at the start is found by `judge`; `max` then leaves the scale of the problem.
        let scale = (loss_initial - floor).max(excess_at_zero);
        Thresholds {
            converged: floor + self.loss,
            diverged: floor + self.divergence * scale,
            max_steps: self.max_steps,
        }
    }
}

/// The verdict on a trial that has this loss after this many steps; `None`: it goes on.
///
/// The order is part of the meaning: a loss that is not finite is never compared, a trial that meets
/// its loss target at the last allowed step has converged.
pub fn judge(loss: f64, steps: u64, thresholds: &Thresholds) -> Option<Outcome> {
    if !loss.is_finite() || loss > thresholds.diverged {
        Some(Outcome::Diverged)
    } else if loss <= thresholds.converged {
        Some(Outcome::Converged)
    } else if steps >= thresholds.max_steps {
        Some(Outcome::StepLimit)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_in_order() {
        let rule = StopRule { loss: 1e-5, divergence: 1e3, max_steps: 100 };
        let thresholds = rule.thresholds(0.5, 2.0, 1.5);
        assert_eq!(thresholds, Thresholds { converged: 0.50001, diverged: 2000.5, max_steps: 100 });
        for (loss, steps, expected) in [
            (f64::NAN, 0, Some(Outcome::Diverged)),
            (f64::INFINITY, 0, Some(Outcome::Diverged)),
            (2000.6, 3, Some(Outcome::Diverged)),
            (2000.5, 3, None),
            (0.50001, 0, Some(Outcome::Converged)),
            (0.50001, 100, Some(Outcome::Converged)),
            (0.50002, 100, Some(Outcome::StepLimit)),
            (0.50002, 99, None),
        ] {
            assert_eq!(judge(loss, steps, &thresholds), expected, "loss {loss} at step {steps}");
        }
    }

    #[test]
    fn a_start_near_the_optimum_may_climb_to_the_scale_of_the_problem() {
        let rule = StopRule { loss: 1e-12, divergence: 1e12, max_steps: 1 };
        assert_eq!(rule.thresholds(0.0, 0.5, 1e-9).diverged, 0.5e12);
    }

    #[test]
    fn codes_round_trip() {
        for (code, outcome) in (0u8..).zip(Outcome::ALL) {
            assert_eq!(outcome as u8, code);
            assert_eq!(Outcome::from_code(code), Some(outcome));
        }
        assert_eq!(Outcome::from_code(5), None);
    }
}
