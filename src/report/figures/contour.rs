//! Where a function on a grid takes a value.

/// The pieces of the contour at `level` of a function known at the points of a grid, `columns` to a row, in
/// the coordinates (column, row). Between neighbours it is taken to be linear; in each square of the grid the
/// pieces join the points where its edges cross the level (marching squares, Lorensen and Cline 1987 in two
/// dimensions), a saddle by the mean of its corners. Squares with a corner that is not finite have none.
pub(super) fn contour(values: &[f64], columns: usize, level: f64) -> Vec<[[f64; 2]; 2]> {
    let rows = values.len() / columns.max(1);
    let squares = (1..rows).flat_map(|row| (1..columns).map(move |column| (row - 1, column - 1)));
    squares
        .flat_map(|(row, column)| {
            let at = |dr: usize, dc: usize| values[(row + dr) * columns + column + dc] - level;
            let corners = [at(0, 0), at(0, 1), at(1, 1), at(1, 0)];
            let origin = [column as f64, row as f64];
            square(corners)
                .into_iter()
                .map(move |piece| piece.map(|[x, y]| [origin[0] + x, origin[1] + y]))
        })
        .collect()
}

/// The pieces where a function is 0 in the unit square whose corners, round from the origin, have these values.
fn square(corners: [f64; 4]) -> Vec<[[f64; 2]; 2]> {
    const PLACES: [[f64; 2]; 4] = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]];
    if corners.iter().any(|corner| !corner.is_finite()) {
        return Vec::new();
    }
    let is_above = |corner: usize| corners[corner % 4] >= 0.0;
    let crossing = |edge: usize| {
        let (from, to) = (edge, (edge + 1) % 4);
        let part = corners[from] / (corners[from] - corners[to]);
        let along =
            |axis: usize| PLACES[from][axis] + part * (PLACES[to][axis] - PLACES[from][axis]);
        [along(0), along(1)]
    };
    let crossed: Vec<usize> = (0..4).filter(|&edge| is_above(edge) != is_above(edge + 1)).collect();
    match crossed[..] {
        [a, b] => vec![[crossing(a), crossing(b)]],
        // Opposite corners are alike: the middle belongs to one pair of them, and the pieces cut off the others.
        [a, b, c, d] => {
            let is_middle_above = corners.iter().sum::<f64>() >= 0.0;
            match is_middle_above == is_above(0) {
                true => vec![[crossing(a), crossing(b)], [crossing(c), crossing(d)]],
                false => vec![[crossing(d), crossing(a)], [crossing(b), crossing(c)]],
            }
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_linear_function_has_a_straight_contour() {
        // x + 2 y on a grid of 4 x 3, at 2.5.
        let values: Vec<f64> = (0..12).map(|i| f64::from(i % 4) + 2.0 * f64::from(i / 4)).collect();
        let pieces = contour(&values, 4, 2.5);
        assert!(!pieces.is_empty());
        for [x, y] in pieces.into_iter().flatten() {
            assert!((x + 2.0 * y - 2.5).abs() < 1e-12, "{x} {y}");
        }
    }

    #[test]
    fn a_peak_has_a_closed_contour() {
        let mut values = vec![0.0; 9];
        values[4] = 1.0;
        let pieces = contour(&values, 3, 0.5);
        assert_eq!(pieces.len(), 4);
        for end in pieces.iter().flatten() {
            let meeting = pieces.iter().flatten().filter(|other| *other == end).count();
            assert_eq!(meeting, 2, "{end:?}");
        }
    }

    #[test]
    fn a_saddle_is_cut_by_its_mean() {
        // High at two opposite corners: joined if the mean is high.
        let separated = square([-1.0, 2.0, -1.0, 2.0]);
        assert_eq!(separated.len(), 2);
        for [a, b] in separated {
            // Each piece is near a low corner.
            assert!(((a[0] + b[0]) - (a[1] + b[1])).abs() < 1e-12, "{a:?} {b:?}");
        }
    }

    #[test]
    fn what_is_not_known_has_no_contour() {
        assert!(contour(&[0.0, 1.0, f64::NAN, 1.0], 2, 0.5).is_empty());
        assert!(contour(&[0.0, 1.0], 2, 0.5).is_empty());
        assert!(contour(&[], 0, 0.5).is_empty());
    }

    proptest! {
        #[test]
        fn a_contour_separates_what_is_above(values in prop::collection::vec(0.0..1.0_f64, 20)) {
            // Every edge of the grid that crosses the level is met by a piece, and no other edge is.
            let level = 0.5;
            let ends: Vec<[f64; 2]> = contour(&values, 5, level).into_iter().flatten().collect();
            for row in 0..4_usize {
                for column in 0..4_usize {
                    let (a, b) = (values[row * 5 + column], values[row * 5 + column + 1]);
                    let on_edge = |[x, y]: &&[f64; 2]| {
                        *y == row as f64 && (column as f64..=column as f64 + 1.0).contains(x)
                    };
                    let met = ends.iter().any(|end| on_edge(&end));
                    let crosses = (a >= level) != (b >= level);
                    prop_assert!(met || !crosses);
                }
            }
        }
    }
}
