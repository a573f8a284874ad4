//! The smallest excess loss that rounding lets a trial attain.

use std::cell::OnceCell;

use ndarray::Array2;
use ndarray_linalg::SVD;

use crate::kernel::real::Precision;
use crate::network::matrix::{frobenius, product};
use crate::network::target::{Problem, Target};

/// The smallest excess loss worth asking for: `max(1e-28 h, 200 u f)` in double precision,
/// `max(4e-11 h, 200 u f)` in single precision, with `h = 1/2 ||Phi||_F^2`,
/// the loss of the zero network, and `f` the loss that no network of this rank gets below.
///
/// Near the minimum `W - Phi` is known to a few units in the last place of `Phi`, which makes its
/// square 15 to 80 `u^2` of `||Phi||^2` (measured, `u = 2^-53`): `1e-28` is some way above that.
/// Where the optimum is not zero, the excess over it is a difference of nearly equal numbers.
pub fn attainable_floor(precision: Precision, half_norm_squared: f64, rank_floor: f64) -> f64 {
    let share = match precision {
        Precision::Float64 => 1e-28,
        Precision::Float32 => 4e-11,
    };
    (share * half_norm_squared).max(1e2 * precision.epsilon() * rank_floor)
}

/// The size of a target: what its floor depends on.
#[derive(Debug)]
pub(super) struct Size {
    /// `1/2 ||Phi F||_F^2`; for normal entries its expectation.
    pub(super) half_norm_squared: f64,
    /// Squared singular values of `Phi F` where they are known without work; for normal entries
    /// none.
    known: Option<Vec<f64>>,
    /// The matrix to take them from otherwise.
    matrix: Option<Array2<f64>>,
    squares: OnceCell<Vec<f64>>,
}

impl Size {
    /// The size of a `d_N x d_0` target.
    pub(super) fn of(target: &Target, output: usize, input: usize) -> Self {
        match target {
            Target::Identity { scale } => Self::known(vec![scale * scale; output.min(input)]),
            Target::Diagonal { values: numbers }
            | Target::Symmetric { eigenvalues: numbers }
            | Target::Spectrum { singular_values: numbers } => {
                Self::known(numbers.iter().map(|x| x * x).collect())
            }
            Target::Unit { norm } => Self::known(vec![norm * norm]),
            Target::Gaussian { std } => Self {
                half_norm_squared: 0.5 * std * std * (output * input) as f64,
                ..Self::known(Vec::new())
            },
            Target::Matrix(phi) => Self::measured(phi.as_ref().clone()),
            Target::Regression(problem) => Self::measured(weighted(problem)),
        }
    }

    fn known(mut squares: Vec<f64>) -> Self {
        squares.sort_by(|a, b| b.total_cmp(a));
        let half_norm_squared = 0.5 * squares.iter().sum::<f64>();
        Self { half_norm_squared, known: Some(squares), matrix: None, squares: OnceCell::new() }
    }

    fn measured(matrix: Array2<f64>) -> Self {
        let norm = frobenius(matrix.view());
        Self {
            half_norm_squared: 0.5 * norm * norm,
            known: None,
            matrix: Some(matrix),
            squares: OnceCell::new(),
        }
    }

    /// The least loss of matrices of this rank, `1/2 sum_{i > rank} sigma_i^2` (Eckart, Young
    /// 1936).
    pub(super) fn rank_floor(&self, rank: usize) -> f64 {
        let dims = self.matrix.as_ref().map_or(usize::MAX, |m| m.nrows().min(m.ncols()));
        if rank >= dims {
            return 0.0;
        }
        let squares =
            self.known.as_ref().unwrap_or_else(|| self.squares.get_or_init(|| self.decompose()));
        0.5 * squares.iter().skip(rank).sum::<f64>()
    }

    fn decompose(&self) -> Vec<f64> {
        // A decomposition that fails leaves the other bound.
        let values = self.matrix.as_ref().and_then(|matrix| matrix.svd(false, false).ok());
        values.map_or_else(Vec::new, |(_, sigma, _)| sigma.iter().map(|s| s * s).collect())
    }
}

/// `Phi F`, whose norm the loss measures.
fn weighted(problem: &Problem) -> Array2<f64> {
    match &problem.factor {
        None => problem.phi.clone(),
        Some(factor) => product(problem.phi.view(), factor.view()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use ndarray::array;

    #[test]
    fn sizes_of_targets() {
        let diagonal = vec![1.0, -3.0, 2.0];
        let matrix = array![[0.0, 3.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -2.0]];
        let problem =
            Problem { phi: array![[2.0]], factor: Some(array![[3.0, 4.0]]), optimum: 7.0 };
        // Half the squared norm, and the least loss of rank 1.
        let cases = [
            (Target::Identity { scale: 2.0 }, 6.0, 4.0),
            (Target::Diagonal { values: diagonal.clone() }, 7.0, 2.5),
            (Target::Symmetric { eigenvalues: diagonal }, 7.0, 2.5),
            (Target::Unit { norm: 3.0 }, 4.5, 0.0),
            (Target::Gaussian { std: 2.0 }, 18.0, 0.0),
            (Target::Matrix(Arc::new(matrix)), 7.0, 2.5),
            (Target::Regression(Arc::new(problem)), 50.0, 0.0),
        ];
        for (target, half, rest) in cases {
            let size = Size::of(&target, 3, 3);
            assert!((size.half_norm_squared - half).abs() < 1e-12, "{target:?}");
            assert!((size.rank_floor(1) - rest).abs() < 1e-12, "{target:?}");
        }
    }

    #[test]
    fn floors() {
        assert_eq!(attainable_floor(Precision::Float64, 0.5, 0.0), 5e-29);
        assert_eq!(attainable_floor(Precision::Float64, 0.5, 1.0), 1e2 * f64::EPSILON);
        assert_eq!(attainable_floor(Precision::Float32, 0.5, 0.0), 2e-11);
    }
}
