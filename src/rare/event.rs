//! Events of a start or its trial, and the scores that lead to them.

use super::trials::Runner;
use crate::error::{Error, Result};
use crate::kernel::rule::Method;
use crate::network::matrix;
use crate::network::target::Draw;
use crate::observe::balancedness;
use crate::start::Start;
use crate::stop::Outcome;
use crate::study::{Cell, TrialRow};
use crate::theorem::{self, Theorem};

/// What is to happen. The score of a start is above 0 if it does, and smaller the farther it is from that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event {
    /// A deficiency margin `c` above this one: `c - above`.
    Margin {
        /// The margin.
        above: f64,
    },
    /// A balancedness `b` below this one: `ln (below / b)`.
    Balanced {
        /// The balancedness; `None`: the most that theorem 1 allows any start, that of the largest margin
        /// there is, `sigma_min(Phi)`.
        below: Option<f64>,
    },
    /// A deficiency margin `c`, and balancedness `b` within what theorem 1 of Arora, Cohen, Golowich and Hu
    /// (2019) asks for it: `c / m(b) - 1` with the [least margin](theorem::least_margin) `m` that allows `b`;
    /// `c - 1` for a start without a margin.
    Joint,
    /// The trial converges within its budget of steps: `ln (target / l)` with the smaller of the excess
    /// losses `l` of its two ends, infinite if it converges.
    Converged,
}

impl Event {
    /// The event in words.
    pub fn meaning(self) -> String {
        match self {
            Self::Margin { above } => format!("a deficiency margin above {above}"),
            Self::Balanced { below: Some(below) } => format!("balancedness below {below}"),
            Self::Balanced { below: None } => {
                "balancedness below what theorem 1 allows the largest margin".to_owned()
            }
            Self::Joint => {
                "a deficiency margin, and the balancedness that theorem 1 asks for it".to_owned()
            }
            Self::Converged => "convergence within the step limit".to_owned(),
        }
    }

    /// Refuses a cell in which the event is sure or impossible, whatever the start, or does not depend on
    /// the start alone; `start` is any of its starts.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn check(self, cell: &Cell, start: &Start) -> Result<()> {
        let refuse =
            |message: String, help: &str| Err(Error::usage(message, Some(help.to_owned())));
        match self {
            Self::Converged if matches!(cell.rule.method, Method::Perturbed(_)) => refuse(
                "perturbed descent draws random numbers on the way".to_owned(),
                "only starts can be moved: take another descent.method, or count (deeplin run)",
            ),
            Self::Converged => Ok(()),
            Self::Balanced { .. } if cell.shape.depth() == 1 => refuse(
                "one layer is always balanced".to_owned(),
                "the event is for network.depth = 2 and more",
            ),
            Self::Joint | Self::Balanced { below: None } if start.problem.factor.is_some() => refuse(
                "theorem 1 does not speak of a loss with a metric".to_owned(),
                "whiten the inputs, or give a bound with --threshold (--event balanced)",
            ),
            Self::Margin { .. } | Self::Joint if !theorem::is_wide(&cell.shape) => refuse(
                "no start has a deficiency margin: a hidden layer is narrower than input and output"
                    .to_owned(),
                "widen network.hidden to min(network.input, network.output)",
            ),
            Self::Margin { .. } | Self::Joint => self.check_target(cell, start),
            Self::Balanced { below: None } if start.landscape.sigma_min <= 0.0 => refuse(
                "theorem 1 allows no imbalance: the smallest singular value of the target is 0".to_owned(),
                "give a bound with --threshold",
            ),
            Self::Balanced { .. } => Ok(()),
        }
    }

    /// Refuses a target that no start can have the margin for.
    fn check_target(self, cell: &Cell, start: &Start) -> Result<()> {
        let above = if let Self::Margin { above } = self { above } else { 0.0 };
        let (largest, varies) = (start.landscape.sigma_min, cell.draw == Draw::Trial);
        if largest > above || varies && cell.target.is_random() {
            return Ok(());
        }
        Err(Error::usage(
            format!("no start has a deficiency margin above {above}: the largest is {largest}"),
            Some("it is the smallest singular value of the target".to_owned()),
        ))
    }

    /// The score of a start; negative infinity of a trial that `runner` was kept from running to its end, and
    /// of a start whose numbers overflow.
    pub(super) fn score(self, start: Start, runner: &Runner<'_>) -> f64 {
        let score = self.nearness(start, runner);
        if score.is_nan() { f64::NEG_INFINITY } else { score }
    }

    fn nearness(self, start: Start, runner: &Runner<'_>) -> f64 {
        match self {
            Self::Margin { above } => start.margin() - above,
            Self::Balanced { below } => {
                let below = below.unwrap_or_else(|| most_imbalance(&start));
                libm::log(below / balancedness(&start.weights))
            }
            Self::Joint => joint(&start),
            Self::Converged => {
                runner.row(start).map_or(f64::NEG_INFINITY, |row| nearness(&row, runner.target()))
            }
        }
    }
}

/// `c / m(b) - 1`, or `c - 1` without a margin. The difference `c - m(b)` would be above 0 for the same starts,
/// but it leads to weights of size 0, where both vanish and `m` the more slowly.
fn joint(start: &Start) -> f64 {
    let margin = start.margin();
    if margin <= 0.0 {
        return margin - 1.0;
    }
    let norm = matrix::frobenius(start.problem.phi.view());
    let depth = start.weights.shape().depth();
    margin / theorem::least_margin(depth, norm, balancedness(&start.weights)) - 1.0
}

/// The balancedness that theorem 1 allows a start with the largest margin there is.
fn most_imbalance(start: &Start) -> f64 {
    let theorem = Theorem {
        depth: start.weights.shape().depth(),
        target_norm: matrix::frobenius(start.problem.phi.view()),
        margin: start.landscape.sigma_min,
        balancedness: f64::NAN,
        learning_rate: f64::NAN,
        wide: true,
    };
    theorem.most_imbalance()
}

/// `ln (target / l)` with the smaller excess loss of the two ends, at most 0 unless the trial converged.
fn nearness(row: &TrialRow, target: f64) -> f64 {
    if row.outcome == Outcome::Converged {
        return f64::INFINITY;
    }
    let loss = row.measures.loss_initial.min(row.measures.loss_final);
    if loss.is_nan() { f64::NEG_INFINITY } else { libm::log(target / loss.max(target)) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::config;
    use crate::start::Starts;
    use crate::study::{Measures, Study};

    fn study(text: &str) -> Study {
        let network = "[network]\ninput = 3\nhidden = 3\noutput = 3\ndepth = 3\n";
        config::parse("x", &format!("{network}{text}"), &[], Path::new(".")).unwrap()
    }

    /// Starts near the identity, about as near as the theorem asks.
    #[test]
    fn scores_are_above_0_where_the_theorem_says_so() {
        let mut held = [[0; 2]; 3];
        for noise in ["1e-6", "5e-6", "1e-5", "0.2", "0.4"] {
            let study = study(&format!("[init]\nkind = \"identity\"\nnoise = {noise}"));
            let cell = &study.cells[0];
            let (starts, stop) = (Starts::new(1, cell), AtomicBool::new(false));
            let runner = Runner::new(cell, &stop);
            for start in (0..50).map(|trial| starts.start(trial)) {
                let theorem = Theorem {
                    depth: 3,
                    target_norm: matrix::frobenius(start.problem.phi.view()),
                    margin: start.margin(),
                    balancedness: balancedness(&start.weights),
                    learning_rate: 0.1,
                    wide: true,
                };
                let most = Theorem { margin: 1.0, ..theorem }.most_imbalance();
                let both = theorem.balancedness <= theorem.most_imbalance();
                let margin = Event::Margin { above: 0.0 };
                for (k, (event, holds)) in [
                    (margin, theorem.margin > 0.0),
                    (Event::Balanced { below: None }, theorem.balancedness < most),
                    (Event::Joint, both),
                ]
                .into_iter()
                .enumerate()
                {
                    assert_eq!(event.score(start.clone(), &runner) > 0.0, holds, "{event:?}");
                    held[k][usize::from(holds)] += 1;
                }
            }
        }
        assert!(held.iter().flatten().all(|&count| count > 10), "{held:?}");
    }

    #[test]
    fn a_trial_is_nearer_the_smaller_its_loss() {
        let study = study("");
        let cell = &study.cells[0];
        let (starts, stop) = (Starts::new(1, cell), AtomicBool::new(false));
        let mut row = Runner::new(cell, &stop).row(starts.start(0)).unwrap();
        let mut with = |outcome, loss_initial, loss_final| {
            row.outcome = outcome;
            row.measures = Measures { loss_initial, loss_final, ..row.measures };
            nearness(&row, 1e-3)
        };
        assert_eq!(with(Outcome::Converged, 1.0, 1e-4), f64::INFINITY);
        assert_eq!(with(Outcome::StepLimit, 1.0, 1e-2), libm::log(1e-3 / 1e-2));
        assert_eq!(with(Outcome::Diverged, 2.0, f64::NAN), libm::log(1e-3 / 2.0));
        assert_eq!(with(Outcome::Diverged, 2.0, 1e9), libm::log(1e-3 / 2.0));
        assert_eq!(with(Outcome::StepLimit, 1.0, 1e-4), 0.0);
        assert_eq!(with(Outcome::Diverged, f64::NAN, f64::NAN), f64::NEG_INFINITY);
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        let stopped = Event::Converged.score(starts.start(0), &Runner::new(cell, &stop));
        assert_eq!(stopped, f64::NEG_INFINITY);
    }
}
