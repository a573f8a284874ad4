//! Which points of a refined axis get trials: after those of the sweep the ones about the place where the
//! probability crosses a value, halving the gaps there again and again.

use std::collections::BTreeMap;

use super::allotment::{Allotment, Seen, Standing};
use crate::study::{Axis, Refinement};

/// The cells of one combination of the other axes, by their positions on the refined one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slice {
    /// Cell number of position 0.
    first: usize,
    /// From one position to the next.
    stride: usize,
}

impl Slice {
    /// All slices along an axis, in the order of their first cells.
    pub(super) fn all(axes: &[Axis], along: usize) -> Vec<Self> {
        let product = |axes: &[Axis]| axes.iter().map(Axis::len).product::<usize>();
        let (stride, length) = (product(&axes[along + 1..]), axes[along].len());
        let outer = product(&axes[..along]);
        (0..outer)
            .flat_map(|o| (0..stride).map(move |i| Self { first: o * length * stride + i, stride }))
            .collect()
    }

    /// The cell at a position.
    pub(super) fn cell(self, position: usize) -> usize {
        self.first + position * self.stride
    }
}

/// The positions of a slice that get trials, as far as `known` says (see [`Allotment::standings`]): those of
/// the sweep, and then, whenever all that have trials have ended, those that [`next`] chooses, until there are
/// as many as asked for.
pub(super) fn positions(
    refinement: &Refinement,
    length: usize,
    slice: Slice,
    allotment: Allotment,
    known: &impl Fn(usize, u64) -> Option<Seen>,
) -> Vec<usize> {
    let mut chosen: Vec<usize> = (0..length).step_by(refinement.spacing).collect();
    let (mut positions, mut shares) = (chosen.clone(), BTreeMap::new());
    let mut left = refinement.cells as usize;
    while !chosen.is_empty() {
        let at = |i: usize, trials| known(slice.cell(chosen[i]), trials);
        for (&position, standing) in chosen.iter().zip(allotment.standings(chosen.len(), at)) {
            let Standing::Ended(trials) = standing else { return positions };
            let seen = known(slice.cell(position), trials).unwrap_or_default();
            shares.insert(position, seen.converged as f64 / trials as f64);
        }
        chosen = next(&shares, refinement.at, left);
        left -= chosen.len();
        positions.extend(&chosen);
    }
    positions
}

/// The next positions, at most so many: the middles of the gaps in which the share of trials that converge
/// crosses `at`, and of the gaps beside them; where these cannot be halved any more, of those nearest to them
/// that can. None where nothing crosses.
fn next(shares: &BTreeMap<usize, f64>, at: f64, most: usize) -> Vec<usize> {
    let points: Vec<(usize, f64)> =
        shares.iter().map(|(&position, &share)| (position, share)).collect();
    let gaps: Vec<[(usize, f64); 2]> = points.windows(2).map(|pair| [pair[0], pair[1]]).collect();
    let crosses = |gap: &[(usize, f64); 2]| (gap[0].1 >= at) != (gap[1].1 >= at);
    let crossings: Vec<usize> = (0..gaps.len()).filter(|&i| crosses(&gaps[i])).collect();
    let distance = |gap: usize| {
        let after = crossings.partition_point(|&crossing| crossing < gap);
        let near = &crossings[after.saturating_sub(1)..crossings.len().min(after + 1)];
        near.iter().map(|&crossing| crossing.abs_diff(gap)).min()
    };
    let splittable = |&gap: &usize| gaps[gap][1].0 - gaps[gap][0].0 > 1;
    let mut near: Vec<(usize, usize)> =
        (0..gaps.len()).filter(splittable).filter_map(|gap| Some((distance(gap)?, gap))).collect();
    near.sort_unstable();
    let Some(&(nearest, _)) = near.first() else { return Vec::new() };
    let middle = |&(_, gap): &(usize, usize)| (gaps[gap][0].0 + gaps[gap][1].0) / 2;
    near.iter()
        .take_while(|(distance, _)| *distance <= nearest + 1)
        .take(most)
        .map(middle)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::{AxisKey, AxisValues};

    fn axis(length: usize) -> Axis {
        let values = AxisValues::Integers(vec![0; length]);
        Axis { keys: vec![AxisKey { key: "key".to_owned(), values }] }
    }

    #[test]
    fn slices_hold_every_cell_once() {
        let axes = [axis(2), axis(5), axis(3)];
        let slices = Slice::all(&axes, 1);
        let cells = |slice: Slice| (0..5).map(move |position| slice.cell(position));
        let mut all: Vec<usize> = slices.iter().flat_map(|&slice| cells(slice)).collect();
        assert_eq!(cells(slices[1]).collect::<Vec<_>>(), [1, 4, 7, 10, 13]);
        all.sort_unstable();
        assert_eq!(all, (0..30).collect::<Vec<_>>());
        assert_eq!(Slice::all(&axes[1..2], 0).len(), 1);
    }

    /// All points of a curve, known at once.
    fn chosen(at: f64, cells: u64, curve: impl Fn(usize) -> f64) -> Vec<usize> {
        let refinement = Refinement { axis: 0, at, cells, spacing: 8 };
        let allotment = Allotment { every: 100, most: 100, rule: None };
        let known = |cell: usize, trials: u64| {
            let converged = (curve(cell) * trials as f64).round() as u64;
            Some(Seen { trials, converged, undecided: 0 })
        };
        let slice = Slice { first: 0, stride: 1 };
        let mut positions = positions(&refinement, 41, slice, allotment, &known);
        assert_eq!(positions[..6], [0, 8, 16, 24, 32, 40]);
        positions.drain(..6);
        positions
    }

    #[test]
    fn gaps_are_halved_about_the_crossing() {
        let step = |position| if position < 19 { 0.0 } else { 1.0 };
        // The gap that crosses, 16 to 24, first; then those beside it.
        assert_eq!(chosen(0.5, 3, step), [20, 12, 28]);
        assert_eq!(chosen(0.5, 6, step), [20, 12, 28, 18, 14, 22]);
        // Down to neighbours, and then on about them.
        let mut all = chosen(0.5, 12, step);
        all.sort_unstable();
        assert!(all.contains(&18) && all.contains(&19), "{all:?}");
        let mean = all.iter().sum::<usize>() as f64 / 12.0;
        assert!((mean - 18.5).abs() < 2.5, "{all:?}");
        assert_eq!(chosen(0.5, 1000, step).len(), 35, "all there are");
    }

    #[test]
    fn every_crossing_is_refined() {
        let window = |position| if (11..30).contains(&position) { 0.9 } else { 0.1 };
        let all = chosen(0.5, 20, window);
        assert!([10, 11, 29, 30].iter().all(|position| all.contains(position)), "{all:?}");
        assert!(chosen(0.95, 20, window).is_empty(), "nothing crosses");
    }

    /// What is not known yet holds up its own slice only at the points that have trials.
    #[test]
    fn nothing_is_chosen_before_all_have_ended() {
        let refinement = Refinement { axis: 0, at: 0.5, cells: 4, spacing: 4 };
        let allotment = Allotment { every: 10, most: 10, rule: None };
        let known = |cell: usize, trials: u64| {
            (cell != 4).then_some(Seen { trials, converged: cell as u64, undecided: 0 })
        };
        let slice = Slice { first: 0, stride: 1 };
        assert_eq!(positions(&refinement, 9, slice, allotment, &known), [0, 4, 8]);
    }
}
