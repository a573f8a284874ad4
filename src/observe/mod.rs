//! What is measured on weights at the ends of a trial and along a traced one.
//!
//! Everything here goes through [`matrix::product`] and [`svd`], so it is the same on every machine.

pub mod acceleration;
pub mod certificate;
pub mod hessian;
pub mod imbalance;
pub mod spacing;
pub mod trajectory;

use self::imbalance::Imbalances;
use crate::network::target::{Landscape, Problem};
use crate::network::{Weights, matrix, svd};
use crate::start::Start;
use crate::study::{Cell, Measures, TrialState};
use crate::theorem::{self, Theorem};

/// Follows the weights of a trial along its way.
pub trait Observer {
    /// The first step at or after `step` that is to be observed.
    fn next(&self, step: u64) -> Option<u64>;

    /// The weights after `step` updates, at this time; `excess` is their excess loss.
    fn observe(&mut self, step: u64, time: f64, excess: f64, weights: &Weights, start: &Start);

    /// The next time that is to be sampled within the steps of a flow.
    fn next_time(&self) -> Option<f64>;

    /// The weights at that time.
    fn sample(&mut self, weights: &Weights, start: &Start);

    /// Whether the trial is to go on; asked between calls of the kernel. `state` gives where it is, `None`
    /// at its start.
    fn goes_on(&mut self, state: &mut dyn FnMut() -> Option<TrialState>) -> bool {
        let _ = state;
        true
    }
}

/// `max_j ||W_{j+1}' W_{j+1} - W_j W_j'||_F` over `j = 1..N-1`; 0 for one layer
/// (Arora, Cohen, Golowich, Hu 2019, definition 1).
pub fn balancedness(weights: &Weights) -> f64 {
    Imbalances::of(weights).balancedness()
}

/// `prod_j ||W_j||_F`, layer 1 first.
pub fn norm_product(weights: &Weights) -> f64 {
    (1..=weights.shape().depth()).map(|j| matrix::frobenius(weights.layer(j))).product()
}

/// The larger of two numbers, NaN if one is (`f64::max` would hide it).
fn nan_max(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

/// Fills in what is measured at the start of a trial, but for the loss; returns what [`measure_end`]
/// compares with.
pub fn measure_start(
    weights: &Weights,
    problem: &Problem,
    landscape: &Landscape,
    row: &mut Measures,
) -> Imbalances {
    let imbalances = Imbalances::of(weights);
    let end_to_end = weights.end_to_end();
    let distance = matrix::frobenius((&end_to_end - &problem.phi).view());
    row.balancedness_initial = imbalances.balancedness();
    row.margin_initial = landscape.sigma_min - distance;
    row.target_norm = matrix::frobenius(problem.phi.view());
    row.target_sigma_min = landscape.sigma_min;
    row.norm_product_initial = norm_product(weights);
    row.end_to_end_norm_initial = matrix::frobenius(end_to_end.view());
    imbalances
}

/// Judges the conditions of theorem 1 on a start that has been measured, and fills in its bound on the
/// steps. The theorem does not speak of a loss with a metric: then only the width is judged.
pub fn judge_theorem(cell: &Cell, learning_rate: f64, problem: &Problem, row: &mut Measures) -> u8 {
    let wide = theorem::is_wide(&cell.shape);
    row.theorem1_steps = f64::NAN;
    if problem.factor.is_some() {
        return if wide { theorem::WIDTH } else { 0 };
    }
    let theorem = Theorem {
        depth: cell.shape.depth(),
        target_norm: row.target_norm,
        margin: row.margin_initial,
        balancedness: row.balancedness_initial,
        // It is about gradient descent with one learning rate.
        learning_rate: if cell.rule.is_plain() { learning_rate } else { f64::NAN },
        wide,
    };
    row.theorem1_steps = theorem.steps(row.loss_initial, cell.stop.loss);
    theorem.conditions()
}

/// Fills in what is measured at the end of a trial that began with the imbalances `start`, but for the
/// loss.
pub fn measure_end(weights: &Weights, problem: &Problem, start: &Imbalances, row: &mut Measures) {
    let end_to_end = weights.end_to_end();
    let imbalances = Imbalances::of(weights);
    row.balancedness_final = imbalances.balancedness();
    row.balancedness_drift = imbalances.drift(start);
    row.sigma_min_final =
        svd::singular_values(end_to_end.view()).last().copied().unwrap_or(f64::NAN);
    row.gradient_norm_final = gradient_norm(weights, problem);
    row.end_to_end_norm_final = matrix::frobenius(end_to_end.view());
}

/// `sqrt(sum_j ||G_j||_F^2)`.
pub fn gradient_norm(weights: &Weights, problem: &Problem) -> f64 {
    problem.gradient(weights).norm()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Shape;
    use ndarray::array;

    fn scalars(values: &[f64]) -> Weights {
        let shape = Shape::new(vec![1; values.len() + 1]);
        let layers: Vec<_> = values.iter().map(|&v| array![[v]]).collect();
        Weights::from_layers(&shape, &layers)
    }

    #[test]
    fn measures_of_a_scalar_chain() {
        let weights = scalars(&[2.0, 0.5, 3.0]);
        let problem = Problem::from_matrix(array![[4.0]]);
        let mut row = Measures::default();
        let start = measure_start(&weights, &problem, &problem.landscape(1), &mut row);
        measure_end(&weights, &problem, &start, &mut row);
        assert_eq!(row.balancedness_initial, 9.0 - 0.25);
        assert_eq!((row.balancedness_final, row.balancedness_drift), (9.0 - 0.25, 0.0));
        assert_eq!(row.margin_initial, 4.0 - 1.0);
        assert_eq!(row.norm_product_initial, 3.0);
        assert_eq!(row.sigma_min_final, 3.0);
        // Gradient with respect to w_j is (3 - 4) 3 / w_j.
        assert_eq!(row.gradient_norm_final, (1.5f64.powi(2) + 6f64.powi(2) + 1.0).sqrt());
    }
}
