//! When it is tried to prove that a trial converges, and what came of it.
//!
//! Proofs are tried at first arrivals at a ladder of losses that the problem alone decides, so that what
//! is proved does not depend on how steps are cut into calls of a kernel. A trial on which a proof fails
//! says at which loss one could succeed if its weights stayed about where they are; rungs above that are
//! passed over, a few at most. So most trials are examined closely once or twice.

use std::sync::Arc;

use crate::kernel::real::Precision;
use crate::network::Weights;
use crate::network::target::Problem;
use crate::observe::certificate::Certifier;
use crate::study::{Cell, CertificateRule, Certified, TrialState};

/// The highest rung, as part of the excess loss of the zero network, and the ratio of the rungs: half a
/// decade.
const HIGHEST: f64 = 0.1;
const RUNGS_PER_DECADE: f64 = 2.0;

/// Most rungs.
const MOST_RUNGS: i32 = 64;

/// Most rungs that are passed over at a time.
const MOST_PASSED_OVER: usize = 4;

/// The proofs of one trial.
pub(super) struct Checks {
    rule: CertificateRule,
    learning_rate: f64,
    target: f64,
    /// The problem in the shape that is computed.
    problem: Arc<Problem>,
    /// Made when it is first needed.
    certifier: Option<Certifier>,
    /// Excess losses, decreasing.
    rungs: Vec<f64>,
    next: usize,
    proof: Option<Certified>,
    /// Whether no more proofs are tried.
    over: bool,
}

impl Checks {
    /// Those of a trial of `cell` with this learning rate, on `problem` in the shape that is computed, at
    /// its start or in a state.
    pub(super) fn new(
        cell: &Cell,
        learning_rate: f64,
        problem: &Arc<Problem>,
        excess_at_zero: f64,
        state: Option<&TrialState>,
    ) -> Self {
        let scale = if excess_at_zero > 0.0 { excess_at_zero } else { 1.0 };
        let rung = |k: i32| HIGHEST * scale * libm::pow(10.0, -f64::from(k) / RUNGS_PER_DECADE);
        // Proofs are about gradient descent with one learning rate.
        let is_provable = cell.precision == Precision::Float64 && cell.rule.is_plain();
        let over = !cell.certificate.check || !is_provable;
        let count = if over { 0 } else { MOST_RUNGS };
        // A trial that runs on is examined under its target too.
        let lowest = if cell.certificate.extra_steps > 0 { 0.0 } else { cell.stop.loss };
        let proof = state.and_then(|state| state.certificate);
        Self {
            rule: cell.certificate,
            learning_rate,
            target: cell.stop.loss,
            problem: Arc::clone(problem),
            certifier: None,
            rungs: (0..count).map(rung).take_while(|&rung| rung > lowest).collect(),
            next: state.map_or(0, |state| usize::try_from(state.next_check).unwrap_or(usize::MAX)),
            over: over || proof.is_some(),
            proof,
        }
    }

    /// The excess loss at or under which the next proof is tried before the end of the trial.
    pub(super) fn low(&self) -> f64 {
        let rung = self.rungs.get(self.next).filter(|_| !self.over);
        rung.copied().unwrap_or(f64::NEG_INFINITY)
    }

    /// The proof that was made.
    pub(super) fn proof(&self) -> Option<Certified> {
        self.proof
    }

    /// Number of the rung at which a proof is tried next.
    pub(super) fn next(&self) -> u64 {
        self.next as u64
    }

    /// Whether a proof ends the trial.
    pub(super) fn ends(&self) -> bool {
        self.rule.ends
    }

    /// Steps that the trial may go on without a proof after it has hit its target.
    pub(super) fn steps_on(&self) -> u64 {
        if self.over { 0 } else { self.rule.extra_steps }
    }

    /// Tries to prove that the trial converges from these weights, in the shape that is computed; whether
    /// it is proved now.
    pub(super) fn look(&mut self, excess: f64, step: u64, weights: &Weights) -> bool {
        if self.over {
            return self.proof.is_some();
        }
        if self.certifier.is_none() {
            let shape = weights.shape();
            self.certifier = Certifier::new(shape, &self.problem, self.learning_rate, self.target);
        }
        let Some(certifier) = &self.certifier else {
            self.over = true;
            return false;
        };
        match certifier.certify(weights, &self.problem) {
            Ok(certificate) => {
                let steps_bound = step.saturating_add(certificate.steps);
                self.proof = Some(Certified { step, rate: certificate.rate, steps_bound });
                self.over = true;
            }
            Err(norms) => {
                let passed = self.rungs.partition_point(|&rung| excess <= rung);
                let last = (passed + MOST_PASSED_OVER).min(self.rungs.len());
                let mut ahead = passed..last;
                let possible = |&i: &usize| certifier.is_possible(&norms, self.rungs[i]);
                self.next = ahead.find(possible).unwrap_or(last);
            }
        }
        self.proof.is_some()
    }
}
