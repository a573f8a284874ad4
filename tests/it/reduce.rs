//! Exact reductions and single precision, through the whole descent of a cell.

use std::sync::Arc;

use deeplin::kernel::real::Precision;
use deeplin::network::init::{EndToEndLaw, Init};
use deeplin::network::target::Target;
use deeplin::run::method;
use deeplin::study::{Cell, TrialRow};

use crate::support;

fn rows(cell: &Cell) -> Vec<TrialRow> {
    support::rows_on(method::kernel(cell).as_mut(), cell, 40, &[1e-1, 1e-3])
}

/// Networks that reduce at the input, at the output, in the middle, and balanced ones: in the smaller
/// shape every trial ends alike, at the same step, with the same numbers up to round-off.
#[test]
fn reduced_networks_end_alike() {
    let gaussian = || Init::Gaussian { std: 0.4 };
    let balanced = |rotate| Init::Balanced { law: EndToEndLaw::Std(0.3), rotate };
    let cases = [
        (vec![30, 5, 4, 2], gaussian()),
        (vec![2, 4, 5, 30], gaussian()),
        (vec![2, 40, 3], gaussian()),
        (vec![3, 9, 9, 4], balanced(false)),
        (vec![3, 9, 9, 4], balanced(true)),
    ];
    for (dims, init) in cases {
        let target = Arc::new(Target::Gaussian { std: 0.3 });
        let full = Cell { target, init: Arc::new(init), reduce: false, ..support::cell(&dims) };
        let reduced = Cell { reduce: true, ..full.clone() };
        assert_ne!(method::Method::of(&full).shape, method::Method::of(&reduced).shape);
        for (a, b) in rows(&full).iter().zip(&rows(&reduced)) {
            assert_eq!((a.outcome, a.steps, &a.hit_steps), (b.outcome, b.steps, &b.hit_steps));
            let initial = a.measures.loss_initial;
            assert_eq!(initial, b.measures.loss_initial, "a start is a start");
            let difference = (a.measures.loss_final - b.measures.loss_final).abs();
            assert!(difference <= 1e-11 * initial, "{dims:?}: {difference}");
            let difference = (a.measures.balancedness_final - b.measures.balancedness_final).abs();
            assert!(difference < 1e-9, "{dims:?}: {difference}");
        }
    }
}

/// Away from the edge between outcomes, single precision ends as double precision does.
#[test]
fn single_precision_ends_alike() {
    let double = support::cell(&[6, 6, 6]);
    let single = Cell { precision: Precision::Float32, ..double.clone() };
    let (double, single) = (rows(&double), rows(&single));
    let same = double.iter().zip(&single).filter(|(a, b)| a.outcome == b.outcome).count();
    assert!(same >= 38, "{same} of 40");
    assert!(
        single.iter().zip(&double).any(|(a, b)| a.measures.loss_final != b.measures.loss_final)
    );
}
