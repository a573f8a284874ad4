//! What is said along a curve, at so many of its points that a page stays small.

use crate::draw::{Readings, Spot};

/// Points of all curves of a kind together at which something is said, and of one curve at least and at most.
const POINTS: usize = 6_000;
const FEWEST: usize = 6;
const MOST: usize = 60;

/// Readings of a curve in the colour of `series`, which is one of so many; `steps` as in [`Readings`].
///
/// `spots` are all of its points in ascending order of x, of which some are taken: the first, the last, and
/// others evenly between.
pub(super) fn readings(
    series: usize,
    curve: String,
    steps: bool,
    spots: &[Spot],
    curves: usize,
) -> Readings {
    let shown = spread(spots.len(), (POINTS / curves.max(1)).clamp(FEWEST, MOST));
    Readings { series, curve, steps, spots: shown.map(|i| spots[i].clone()).collect() }
}

/// At most so many of the numbers below `all`, the first and the last among them.
fn spread(all: usize, most: usize) -> impl Iterator<Item = usize> {
    let count = all.min(most);
    (0..count).map(move |i| i * (all - 1) / (count - 1).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_are_among_those_that_are_taken() {
        let spread = |all, most| spread(all, most).collect::<Vec<_>>();
        assert_eq!(spread(0, 8), [0; 0]);
        assert_eq!(spread(1, 8), [0]);
        assert_eq!(spread(5, 8), [0, 1, 2, 3, 4]);
        assert_eq!(spread(10, 4), [0, 3, 6, 9]);
        assert_eq!(spread(100, 8).len(), 8);
        assert_eq!(spread(100, 8).last(), Some(&99));
    }

    #[test]
    fn many_curves_say_less_each() {
        let spots = vec![Spot { at: [1.0, 2.0], tip: String::new() }; 100];
        let said = |curves| readings(0, String::new(), true, &spots, curves).spots.len();
        assert_eq!([1, 300, 100_000].map(said), [MOST, 20, FEWEST]);
    }
}
