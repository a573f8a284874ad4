//! Many tests at once.

/// The p-values of several hypotheses, adjusted so that, if all hypotheses below `alpha` are rejected, a
/// true one is among them with probability at most `alpha`, whatever ties the tests together (Holm 1979,
/// Scand. J. Stat. 6(2) 65-70): in ascending order the `i`-th of `m` times `m - i + 1`, at least as large as
/// the one before, at most 1. In the order in which they were given.
///
/// # Panics
/// If one of them is not between 0 and 1.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    assert!(p_values.iter().all(|p| (0.0..=1.0).contains(p)), "probabilities: {p_values:?}");
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&i, &j| p_values[i].total_cmp(&p_values[j]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut least = 0.0_f64;
    for (place, &i) in order.iter().enumerate() {
        least = least.max(p_values[i] * (p_values.len() - place) as f64).min(1.0);
        adjusted[i] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// R: `p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")`.
    #[test]
    fn known_values() {
        assert_eq!(holm(&[0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02]);
        assert_eq!(holm(&[0.7, 0.9]), [1.0, 1.0]);
        assert_eq!(holm(&[0.04]), [0.04]);
        assert!(holm(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn between_one_test_and_all(p in proptest::collection::vec(0.0..=1.0_f64, 1..20)) {
            for (&p_value, adjusted) in p.iter().zip(holm(&p)) {
                prop_assert!(p_value <= adjusted && adjusted <= (p_value * p.len() as f64).min(1.0));
            }
        }

        #[test]
        fn order_is_kept(p in proptest::collection::vec(0.0..=1.0_f64, 2..20)) {
            let adjusted = holm(&p);
            for i in 1..p.len() {
                prop_assert!(p[i] < p[0] || adjusted[i] >= adjusted[0]);
            }
        }
    }
}
