//! Exact reductions: gradient descent on a smaller network that is the same descent in another basis.
//!
//! Gradients never leave what the network spans at its start. At the hidden layer `j` every gradient of
//! `W_j` has its columns, and every gradient of `W_{j+1}` its rows, in the span of the columns of
//! `W_j(0)` and the rows of `W_{j+1}(0)`; at the input it is the span of the rows of `W_1(0)` and `Phi`,
//! at the output that of the columns of `W_N(0)` and `Phi`. With an orthonormal basis `Q` of the span,
//! `W_j -> Q' W_j`, `W_{j+1} -> W_{j+1} Q` (`Phi` likewise) is an orthogonal change of basis that drops
//! directions in which nothing ever is. Losses are the same up to round-off. So
//!
//! ```text
//! d_j -> min(d_j, d_{j-1} + d_{j+1})      where d_{-1} means d_N and d_{N+1} means d_0,
//! ```
//!
//! which takes the networks of Arora, Cohen, Golowich and Hu (2019) from 128 inputs to 33. Balanced
//! starts (their Procedure 1) have hidden layers of rank `min(d_0, d_N)` from the start, so hidden widths
//! reduce to that: without rotations it is the zero padding that stays zero for ever.
//!
//! A loss with a metric, `1/2 ||(W - Phi) F||_F^2`, moves the rows of `W_1` by `F F'`: then the input is
//! left alone.

use ndarray::{Array2, ArrayView2, Axis};

use crate::kernel::chain::ChainPlan;
use crate::network::init::Init;
use crate::network::target::{Problem, Target};
use crate::network::{Shape, Weights, matrix};
use crate::study::Cell;

/// A reduction pays when it leaves at most this part of the operations of a step: below that, changing
/// the basis of every trial at its ends costs more than it saves.
const WORTH: f64 = 0.9;

/// How the networks of a cell are reduced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The shape that is computed.
    pub shape: Shape,
    /// Layers to be reduced, one after another, and their widths after it.
    steps: Vec<(usize, usize)>,
}

impl Plan {
    /// The reduction of a cell; `None` if there is none that pays, the cell wants none, or its method
    /// is not the same in another basis.
    pub fn of(cell: &Cell) -> Option<Self> {
        let metric =
            matches!(&*cell.target, Target::Regression(problem) if problem.factor.is_some());
        let balanced = matches!(&*cell.init, Init::Balanced { .. });
        let reduces = cell.reduce && cell.rule.commutes();
        reduces.then(|| Self::for_shape(&cell.shape, metric, balanced)).flatten()
    }

    fn for_shape(shape: &Shape, metric: bool, balanced: bool) -> Option<Self> {
        let mut dims = shape.dims().to_vec();
        let depth = shape.depth();
        let ends = shape.input().min(shape.output());
        let mut steps = Vec::new();
        loop {
            // The layer that loses most is next, so that its neighbours see the smaller one.
            let bound = |j: usize| {
                let around = dims[(j + depth) % (depth + 1)] + dims[(j + 1) % (depth + 1)];
                let hidden = j > 0 && j < depth;
                if hidden && balanced { around.min(ends) } else { around }
            };
            let candidates = (0..=depth).filter(|&j| j > 0 || !metric);
            let gains = candidates.map(|j| (dims[j].saturating_sub(bound(j)), depth - j));
            match gains.max() {
                Some((gain, from_output)) if gain > 0 => {
                    let j = depth - from_output;
                    dims[j] -= gain;
                    steps.push((j, dims[j]));
                }
                _ => break,
            }
        }
        let shape_reduced = Shape::new(dims);
        let flops = |shape: &Shape| ChainPlan::new(shape).flops();
        let pays = flops(&shape_reduced) <= WORTH * flops(shape) && !steps.is_empty();
        pays.then_some(Self { shape: shape_reduced, steps })
    }
}

/// The reduction of one trial: the bases, each `d x d'` with orthonormal columns.
#[derive(Debug, Clone)]
pub struct Reduction {
    bases: Vec<(usize, Array2<f64>)>,
}

impl Reduction {
    /// Reduces the start of a trial; also returns its weights and its problem in the reduced shape.
    pub fn new(plan: &Plan, weights: &Weights, problem: &Problem) -> (Self, Weights, Problem) {
        let depth = weights.shape().depth();
        // A cycle of matrices around the layers: `ring[j]` ends and `ring[j + 1]` begins at layer j,
        // Phi' closes it from the output to the input.
        let mut ring: Vec<Array2<f64>> = vec![problem.phi.t().to_owned()];
        ring.extend((1..=depth).map(|j| weights.layer(j).to_owned()));
        let mut bases = Vec::new();
        for &(j, width) in &plan.steps {
            let next = (j + 1) % (depth + 1);
            let basis = orthonormal(ring[j].view(), ring[next].view(), width);
            ring[j] = matrix::product(basis.t(), ring[j].view());
            ring[next] = matrix::product(ring[next].view(), basis.view());
            bases.push((j, basis));
        }
        let reduced = Weights::from_layers(&plan.shape, &ring[1..]);
        let problem = Problem {
            phi: ring[0].t().as_standard_layout().into_owned(),
            factor: problem.factor.clone(),
            optimum: problem.optimum,
        };
        (Self { bases }, reduced, problem)
    }

    /// Copies reduced weights into weights of the full shape.
    pub fn expand(&self, reduced: &Weights, full: &mut Weights) {
        let depth = full.shape().depth();
        let mut layers: Vec<Array2<f64>> =
            (1..=depth).map(|j| reduced.layer(j).to_owned()).collect();
        for (j, basis) in self.bases.iter().rev() {
            if *j > 0 {
                layers[j - 1] = matrix::product(basis.view(), layers[j - 1].view());
            }
            if *j < depth {
                layers[*j] = matrix::product(layers[*j].view(), basis.t());
            }
        }
        for (j, layer) in (1..).zip(&layers) {
            full.layer_mut(j).assign(layer);
        }
    }
}

/// An orthonormal basis, as `width` columns, of the span of the columns of `ending` and the rows of
/// `beginning`, whose dimension is at most `width`; if it is less, the last columns are zero.
///
/// Gram-Schmidt that takes the longest vector that is left and orthogonalises it twice ("twice is
/// enough": Giraud, Langou, Rozloznik and van den Eshof 2005).
fn orthonormal(
    ending: ArrayView2<'_, f64>,
    beginning: ArrayView2<'_, f64>,
    width: usize,
) -> Array2<f64> {
    let mut vectors: Vec<Vec<f64>> = ending.columns().into_iter().map(|v| v.to_vec()).collect();
    vectors.extend(beginning.rows().into_iter().map(|v| v.to_vec()));
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(width);
    while basis.len() < width {
        let squares = vectors.iter().map(|v| dot(v, v)).enumerate();
        let Some((longest, square)) = squares.max_by(|a, b| a.1.total_cmp(&b.1)) else { break };
        // What is not finite diverges at once in any basis.
        if square.is_nan() || square <= 0.0 {
            break;
        }
        let mut next = vectors.swap_remove(longest);
        normalise(&mut next);
        for known in &basis {
            subtract_projection(&mut next, known);
        }
        normalise(&mut next);
        for vector in &mut vectors {
            subtract_projection(vector, &next);
        }
        basis.push(next);
    }
    let mut columns = Array2::zeros((ending.nrows(), width));
    for (mut column, vector) in columns.axis_iter_mut(Axis(1)).zip(&basis) {
        for (entry, &x) in column.iter_mut().zip(vector) {
            *entry = x;
        }
    }
    columns
}

fn normalise(vector: &mut [f64]) {
    let norm = dot(vector, vector).sqrt();
    for x in vector {
        *x /= norm;
    }
}

fn subtract_projection(vector: &mut [f64], unit: &[f64]) {
    let overlap = dot(vector, unit);
    for (x, &u) in vector.iter_mut().zip(unit) {
        *x -= overlap * u;
    }
}

/// The inner product, in eight interleaved partial sums.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut partial = [0.0; 8];
    for (a, b) in a.chunks(8).zip(b.chunks(8)) {
        for ((p, x), y) in partial.iter_mut().zip(a).zip(b) {
            *p += x * y;
        }
    }
    partial.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::rng::{Purpose, stream};

    fn reduced(dims: &[usize], metric: bool, balanced: bool) -> Option<Vec<usize>> {
        let plan = Plan::for_shape(&Shape::new(dims.to_vec()), metric, balanced)?;
        Some(plan.shape.dims().to_vec())
    }

    #[test]
    fn shapes() {
        assert_eq!(reduced(&[128, 32, 32, 1], false, false), Some(vec![33, 32, 32, 1]));
        assert_eq!(reduced(&[1, 32, 32, 128], false, false), Some(vec![1, 32, 32, 33]));
        assert_eq!(reduced(&[128, 32, 32, 1], true, false), None);
        assert_eq!(reduced(&[8, 8, 8, 8], false, false), None);
        // A wide hidden layer between narrow ones.
        assert_eq!(reduced(&[2, 1000, 2], false, false), Some(vec![2, 4, 2]));
        assert_eq!(reduced(&[2, 1000, 2], true, false), Some(vec![2, 4, 2]));
        assert_eq!(reduced(&[50, 20, 9, 3], false, false), Some(vec![23, 20, 9, 3]));
        assert_eq!(reduced(&[3, 64, 64, 64, 3], false, true), Some(vec![3, 3, 3, 3, 3]));
        assert_eq!(reduced(&[128, 32, 32, 1], false, true), Some(vec![2, 1, 1, 1]));
        // Too little to pay for the change of basis.
        assert_eq!(reduced(&[10, 9, 20, 10], false, false), None);
    }

    #[test]
    fn there_and_back() {
        let mut random = stream(1, &Digest::of(b"reduce"), Purpose::Init, 0);
        for dims in [vec![30, 5, 4, 2], vec![2, 40, 2], vec![2, 4, 5, 30], vec![50, 20, 9, 3]] {
            let shape = Shape::new(dims);
            let plan = Plan::for_shape(&shape, false, false).expect("it reduces");
            let weights = Init::Gaussian { std: 0.5 }.draw(&shape, &mut random);
            let phi = random.gaussian_matrix(shape.output(), shape.input(), 1.0);
            let problem = Problem::from_matrix(phi);
            let (reduction, small, small_problem) = Reduction::new(&plan, &weights, &problem);
            let loss = problem.loss(&weights.end_to_end());
            assert!((small_problem.loss(&small.end_to_end()) / loss - 1.0).abs() < 1e-13);
            let mut back = Weights::zeros(&shape);
            reduction.expand(&small, &mut back);
            for (a, b) in back.as_slice().iter().zip(weights.as_slice()) {
                assert!((a - b).abs() < 1e-13);
            }
        }
    }

    #[test]
    fn a_span_of_lower_dimension_leaves_zero_columns() {
        let vectors = Array2::from_elem((5, 3), 2.0);
        let basis = orthonormal(vectors.view(), Array2::zeros((2, 5)).view(), 4);
        let norms: Vec<f64> = basis.columns().into_iter().map(|v| v.dot(&v)).collect();
        assert!((norms[0] - 1.0).abs() < 1e-15);
        // What rounding leaves may span more, but what it spans is orthonormal.
        assert!(norms[1..].iter().all(|&n| n == 0.0 || (n - 1.0).abs() < 1e-12));
    }
}
