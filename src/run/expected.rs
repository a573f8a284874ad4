//! How many steps trials take that have not ended, by those that have.

use super::blocks;
use super::method::Method;
use crate::store::counted::{CellCounts, Counted, OutcomeCounts};
use crate::study::{Axis, Cell};

/// What the steps of the trials of a cell take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepCost {
    /// Step limit.
    pub max_steps: u64,
    /// Operations of a step.
    pub operations: f64,
}

impl StepCost {
    /// That of a cell.
    pub fn of(cell: &Cell) -> Self {
        Self {
            max_steps: cell.stop.max_steps,
            operations: blocks::operations_of_step(&Method::of(cell)),
        }
    }
}

/// Steps of a trial of each cell with these step limits: the mean of those that have ended. Where none has,
/// as large a part of the limit as in the cells before it along the axes; else as in all cells; else all of it.
pub fn expected_steps(axes: &[Axis], counted: &Counted, limits: &[u64]) -> Vec<f64> {
    let known =
        |(cell, &limit): (CellCounts, &u64)| Some(mean_steps(&cell.there)? / limit.max(1) as f64);
    let known: Vec<Option<f64>> = counted.cells().zip(limits).map(known).collect();
    let of_all = mean(known.iter().flatten().copied()).unwrap_or(1.0);
    let mut parts: Vec<Option<f64>> = Vec::with_capacity(known.len());
    for (cell, known) in known.into_iter().enumerate() {
        let like_others = || mean(before(axes, cell).filter_map(|other| parts[other]));
        parts.push(known.or_else(like_others));
    }
    let steps = |(part, &limit): (Option<f64>, &u64)| part.unwrap_or(of_all) * limit as f64;
    parts.into_iter().zip(limits).map(steps).collect()
}

/// The cells one point before a cell, along each axis.
fn before(axes: &[Axis], cell: usize) -> impl Iterator<Item = usize> {
    let mut stride = 1;
    axes.iter().rev().filter_map(move |axis| {
        let of_axis = stride;
        stride *= axis.len();
        (!(cell / of_axis).is_multiple_of(axis.len())).then(|| cell - of_axis)
    })
}

fn mean_steps(counts: &OutcomeCounts) -> Option<f64> {
    let trials = counts.trials();
    (trials > 0).then(|| counts.steps as f64 / trials as f64)
}

/// The mean; `None` of nothing.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0_u64, 0.0), |(count, sum), x| (count + 1, sum + x));
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::parse;
    use crate::store::tally::Tally;
    use crate::study::Block;

    const STUDY: &str = "[sweep]\n\"network.hidden\" = [8, 32]\n\"init.std\" = [0.1, 0.2]";

    fn counts(trials: u64, steps: u64) -> OutcomeCounts {
        let mut tally = Tally::new(0);
        (0..trials).for_each(|_| tally.add(1, steps, 0, false));
        OutcomeCounts::of_tally(&tally)
    }

    #[test]
    fn cells_without_trials_are_like_those_before_them() {
        let axes = parse("study.toml", STUDY, &[], Path::new("")).unwrap().axes;
        let mut counted = Counted::new(4);
        let limits = [1000, 1000, 1000, 2000];
        assert_eq!(expected_steps(&axes, &counted, &limits), [1000.0, 1000.0, 1000.0, 2000.0]);
        counted.add(Block { cell: 1, first: 0, count: 2 }, |_| counts(2, 100));
        assert_eq!(expected_steps(&axes, &counted, &limits), [100.0, 100.0, 100.0, 200.0]);
        counted.add(Block { cell: 0, first: 0, count: 2 }, |_| counts(2, 300));
        // The last one lies behind both that are known, the mean of whose neighbours it has.
        assert_eq!(expected_steps(&axes, &counted, &limits), [300.0, 100.0, 300.0, 400.0]);
    }
}
