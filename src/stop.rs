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
