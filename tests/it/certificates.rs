//! Proofs of convergence along whole trials.

use std::sync::Arc;

use deeplin::kernel::real::Precision;
use deeplin::network::init::Init;
use deeplin::stop::{Outcome, StopRule};
use deeplin::study::{Cell, CertificateRule, TrialRow};

use crate::support::{cell, rows};

/// Square networks of this width and depth with Gaussian starts that mostly converge, to a loss of
/// 1e-10.
fn square(width: usize, depth: usize) -> Cell {
    let std = 0.7 / (width as f64).sqrt();
    Cell {
        init: Arc::new(Init::Gaussian { std }),
        learning_rate: 0.05,
        stop: StopRule { loss: 1e-10, divergence: 1e12, max_steps: 20_000 },
        ..cell(&vec![width; depth + 1])
    }
}

fn converged(rows: &[TrialRow]) -> impl Iterator<Item = &TrialRow> {
    rows.iter().filter(|row| row.outcome == Outcome::Converged)
}

#[test]
fn trials_that_converge_are_certified() {
    for (width, depth, trials) in [(4, 2, 200), (8, 2, 200), (8, 4, 200), (16, 4, 40)] {
        let rows = rows(&square(width, depth), trials);
        let all = converged(&rows).count();
        let proved = converged(&rows).filter(|row| row.certificate.is_some()).count();
        assert!(4 * all as u64 > trials, "{width}x{depth}: {all} of {trials} converge");
        assert!(100 * proved >= 99 * all, "{width}x{depth}: {proved} of {all} are certified");
        for row in converged(&rows) {
            let Some(proof) = row.certificate else { continue };
            assert!(proof.step <= row.steps && row.steps <= proof.steps_bound, "{row:?}");
            assert!((0.0..1.0).contains(&proof.rate), "{row:?}");
        }
    }
}

#[test]
fn nothing_but_the_proofs_depends_on_whether_they_are_tried() {
    let with = square(8, 2);
    let without =
        Cell { certificate: CertificateRule { check: false, ..with.certificate }, ..with.clone() };
    let (with, without) = (rows(&with, 30), rows(&without, 30));
    assert!(with.iter().any(|row| row.certificate.is_some()));
    assert!(without.iter().all(|row| row.certificate.is_none()));
    let stripped = with.into_iter().map(|row| TrialRow { certificate: None, ..row });
    assert_eq!(stripped.collect::<Vec<_>>(), without);
}

#[test]
fn single_precision_proves_nothing() {
    let single = Cell {
        precision: Precision::Float32,
        stop: StopRule { loss: 1e-5, ..square(4, 2).stop },
        ..square(4, 2)
    };
    assert!(rows(&single, 20).iter().all(|row| row.certificate.is_none()));
}

/// A trial that has no proof at its target waits for one; its row is that of the hit but for the proof.
#[test]
fn a_trial_may_wait_for_its_proof() {
    let early = Cell { stop: StopRule { loss: 0.5, ..square(8, 3).stop }, ..square(8, 3) };
    let waiting = CertificateRule { extra_steps: 5000, ..early.certificate };
    let without = rows(&early, 40);
    let with = rows(&Cell { certificate: waiting, ..early }, 40);
    let mut later = 0;
    for (with, without) in with.iter().zip(&without) {
        assert_eq!(&TrialRow { certificate: without.certificate, ..with.clone() }, without);
        let Some(proof) = with.certificate else { continue };
        later += usize::from(proof.step > with.steps);
        assert!(proof.step <= with.steps + 5000);
    }
    assert!(later > 10, "{later}");
}

/// Proofs end trials above their target where they may, after the same steps.
#[test]
fn a_proof_may_end_a_trial() {
    let target = square(8, 2);
    let rule = CertificateRule { ends: true, ..target.certificate };
    let proved = rows(&Cell { certificate: rule, ..target.clone() }, 50);
    let all = rows(&target, 50);
    let mut early = 0;
    for (short, long) in proved.iter().zip(&all) {
        assert_eq!(short.certificate, long.certificate);
        if let Some(proof) = short.certificate {
            assert_eq!((short.outcome, short.steps), (Outcome::Converged, proof.step));
            early += usize::from(short.measures.loss_final > 1e-10);
        } else {
            assert_eq!(short, long);
        }
    }
    assert!(early > 25, "{early}");
}
