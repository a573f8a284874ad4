//! From second moments of data to the loss around a target matrix.

use std::path::Path;

use super::Problem;
use super::data::{self, Moments};
use super::whitening::{Whitening, row_major};
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::network::matrix::frobenius;

/// The keys of `target.kind = "regression"`, without its path.
#[derive(Debug, Clone, PartialEq)]
pub struct RegressionOptions {
    /// The label columns: names (CSV), or numbers from 0, or from -1 backwards (NPY, HDF5).
    pub labels: Vec<String>,
    /// Whether the network sees whitened inputs (identity second moments) or the columns as they are.
    pub whiten: bool,
    /// Whether the labels are scaled so that `||Lyx||_F = 1`, for the inputs as the network sees them.
    pub rescale: bool,
    /// Eigenvalues of the inputs' second moments at or below this fraction of the largest are zero.
    pub rank_tolerance: f64,
    /// The dataset of an HDF5 file.
    pub dataset: Option<String>,
}

/// A regression problem from a file.
#[derive(Debug, Clone)]
pub struct LoadedRegression {
    /// The loss.
    pub problem: Problem,
    /// Digest of the file.
    pub digest: Digest,
    /// What the user should know, a sentence each: lost rank and what follows from it.
    pub notes: Vec<String>,
}

/// Reads a data file into a regression problem.
///
/// # Errors
/// As [`data::moments`]; and if the inputs are all zero, or unrelated to labels that are to be
/// rescaled.
pub fn load(path: &Path, options: &RegressionOptions) -> Result<LoadedRegression> {
    let digest = data::digest(path)?;
    let moments = data::moments(path, &options.labels, options.dataset.as_deref())?;
    let (problem, notes) =
        problem(&moments, options).map_err(|message| Error::data(path, message, None))?;
    Ok(LoadedRegression { problem, digest, notes })
}

/// The regression problem of these moments, and notes for the user.
///
/// Whitened inputs `x~ = M x` have `r` coordinates, the rank of `Lxx`, so `Phi = Lyx M'` is
/// `d_N x r`. Otherwise `Phi = Lyx Lxx^+` and `F` is `d_0 x r`. Either way the network sees only the
/// `r` directions kept, and the optimum is that of the best linear map of those.
///
/// # Errors
/// The message for the user, if the inputs are all zero, unrelated to labels that are to be
/// rescaled, or LAPACK fails.
pub fn problem(
    moments: &Moments,
    options: &RegressionOptions,
) -> std::result::Result<(Problem, Vec<String>), String> {
    let whitening = Whitening::of(&moments.xx, options.rank_tolerance)?;
    // Phi F in both cases: what the labels have in common with each whitened coordinate.
    let common = moments.yx.dot(&whitening.matrix.t());
    let seen = if options.whiten { &common } else { &moments.yx };
    let scale = if options.rescale { 1.0 / frobenius(seen.view()) } else { 1.0 };
    if !scale.is_finite() {
        return Err(
            "the labels do not vary with any feature, so they cannot be rescaled".to_owned()
        );
    }
    let explained = common.iter().map(|value| value * value).sum::<f64>();
    let optimum = 0.5 * scale * scale * (moments.yy_trace - explained).max(0.0);
    let notes = notes(moments, &whitening, options);
    let (phi, factor) = if options.whiten {
        (common, None)
    } else {
        (whitening.least_norm(&common)?, Some(whitening.factor))
    };
    let phi = row_major(&(phi * scale).view());
    let problem = Problem { phi, factor, optimum };
    Ok((problem, notes))
}

fn notes(moments: &Moments, whitening: &Whitening, options: &RegressionOptions) -> Vec<String> {
    let (rank, inputs) = (whitening.rank(), moments.features.len());
    let mut notes = Vec::new();
    if rank < inputs && options.whiten {
        notes.push(format!("the inputs have rank {rank} of {inputs}: set network.input = {rank}"));
    } else if rank < inputs {
        notes.push(format!(
            "the inputs have rank {rank} of {inputs}: the loss is flat in {} directions",
            inputs - rank
        ));
    }
    let zero = moments.features.iter().zip(moments.xx.diag()).filter(|(_, value)| **value == 0.0);
    let zero: Vec<&str> = zero.map(|(name, _)| name.as_str()).collect();
    if let [first, ..] = zero.as_slice() {
        notes
            .push(format!("{} of the features are zero in every row, `{first}` first", zero.len()));
    }
    notes
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use ndarray_linalg::LeastSquaresSvd;

    use super::*;
    use crate::rng::{Purpose, Stream, stream};

    const SAMPLES: usize = 60;

    fn random(trial: u64) -> Stream {
        stream(7, &Digest::of(b"regression"), Purpose::Target, trial)
    }

    fn options(whiten: bool, rescale: bool) -> RegressionOptions {
        RegressionOptions { labels: vec![], whiten, rescale, rank_tolerance: 1e-10, dataset: None }
    }

    /// Features in units far apart (`d_0 x m`) with two labels (`2 x m`). If `deficient`, one
    /// feature is the sum of two others and one is zero: rank 4 of 6.
    fn data(deficient: bool) -> (Array2<f64>, Array2<f64>) {
        let mut random = random(deficient.into());
        let mut x = random.gaussian_matrix(6, SAMPLES, 1.0) + 0.5;
        for (scale, mut row) in [1e-3, 1.0, 40.0, 1e4, 2.0, 1.0].into_iter().zip(x.rows_mut()) {
            row *= scale;
        }
        if deficient {
            let sum = &x.row(1) + &x.row(2);
            x.row_mut(4).assign(&sum);
            x.row_mut(5).fill(0.0);
        }
        let y = random.gaussian_matrix(2, 6, 1.0).dot(&x) * 1e-2
            + random.gaussian_matrix(2, SAMPLES, 10.0);
        (x, y)
    }

    fn moments(x: &Array2<f64>, y: &Array2<f64>) -> Moments {
        let m = x.ncols() as f64;
        Moments {
            samples: x.ncols() as u64,
            xx: x.dot(&x.t()) / m,
            yx: y.dot(&x.t()) / m,
            yy_trace: y.iter().map(|value| value * value).sum::<f64>() / m,
            features: (0..x.nrows()).map(|i| format!("x{i}")).collect(),
            labels: (0..y.nrows()).map(|i| format!("y{i}")).collect(),
        }
    }

    fn close(a: &Array2<f64>, b: &Array2<f64>, tolerance: f64) -> bool {
        frobenius((a - b).view()) <= tolerance * frobenius(b.view())
    }

    #[test]
    fn the_loss_is_that_of_the_data() {
        for (deficient, whiten) in [(false, false), (false, true), (true, false), (true, true)] {
            let (x, y) = data(deficient);
            let moments = moments(&x, &y);
            let (problem, _) = problem(&moments, &options(whiten, false)).unwrap();
            assert!(problem.phi.is_standard_layout());
            assert!(problem.factor.as_ref().is_none_or(Array2::is_standard_layout));
            let inputs =
                if whiten { Whitening::of(&moments.xx, 1e-10).unwrap().matrix.dot(&x) } else { x };
            let mut random = random(9);
            for size in [0.0, 1e-3, 1.0] {
                let w = random.gaussian_matrix(2, inputs.nrows(), size);
                let direct = 0.5 * frobenius((w.dot(&inputs) - &y).view()).powi(2) / SAMPLES as f64;
                let residual = &w - &problem.phi;
                let residual =
                    problem.factor.as_ref().map_or(residual.clone(), |f| residual.dot(f));
                let loss = 0.5 * frobenius(residual.view()).powi(2) + problem.optimum;
                assert!(
                    (loss / direct - 1.0).abs() < 1e-11,
                    "{deficient} {whiten}: {loss} {direct}"
                );
            }
        }
    }

    #[test]
    fn phi_is_the_least_squares_solution_of_least_norm() {
        let (x, y) = data(false);
        let direct = x.t().least_squares(&y.t()).unwrap().solution.reversed_axes();
        let (full, _) = problem(&moments(&x, &y), &options(false, false)).unwrap();
        assert!(close(&full.phi, &direct, 1e-9), "{:?} {direct:?}", full.phi);
        let best = 0.5 * frobenius((direct.dot(&x) - &y).view()).powi(2) / SAMPLES as f64;
        assert!((full.optimum / best - 1.0).abs() < 1e-11);

        let (x, y) = data(true);
        let moments = moments(&x, &y);
        let (deficient, _) = problem(&moments, &options(false, false)).unwrap();
        assert!(close(&deficient.phi.dot(&moments.xx), &moments.yx, 1e-11));
        let null = &deficient.phi.column(1) + &deficient.phi.column(2) - deficient.phi.column(4);
        let size = frobenius(deficient.phi.view());
        assert!(null.iter().chain(deficient.phi.column(5)).all(|part| part.abs() < 1e-11 * size));
    }

    #[test]
    fn rescaled_labels_have_unit_covariance_with_the_inputs() {
        let (x, y) = data(false);
        let moments = moments(&x, &y);
        let (white, _) = problem(&moments, &options(true, true)).unwrap();
        assert!((frobenius(white.phi.view()) - 1.0).abs() < 1e-14);
        let (raw, _) = problem(&moments, &options(false, true)).unwrap();
        let covariance = raw.phi.dot(&moments.xx);
        assert!((frobenius(covariance.view()) - 1.0).abs() < 1e-10);
        // The share of the labels that no linear map explains does not depend on scale or basis.
        let (plain, _) = problem(&moments, &options(true, false)).unwrap();
        let share = plain.optimum / frobenius(plain.phi.view()).powi(2);
        assert!((white.optimum / share - 1.0).abs() < 1e-12);
        let explained = frobenius(raw.phi.dot(raw.factor.as_ref().unwrap()).view()).powi(2);
        assert!((raw.optimum / explained / share - 1.0).abs() < 1e-12);
    }

    #[test]
    fn noiseless_labels_have_a_zero_optimum() {
        let (x, _) = data(true);
        let y = random(3).gaussian_matrix(2, 6, 1.0).dot(&x);
        let (problem, _) = problem(&moments(&x, &y), &options(true, true)).unwrap();
        assert!((0.0..1e-12).contains(&problem.optimum), "{}", problem.optimum);
    }

    #[test]
    fn notes_say_what_rank_is_left() {
        let (x, y) = data(true);
        let (_, notes) = problem(&moments(&x, &y), &options(true, true)).unwrap();
        assert_eq!(notes[0], "the inputs have rank 4 of 6: set network.input = 4");
        assert_eq!(notes[1], "1 of the features are zero in every row, `x5` first");
        let (_, notes) = problem(&moments(&x, &y), &options(false, true)).unwrap();
        assert_eq!(notes[0], "the inputs have rank 4 of 6: the loss is flat in 2 directions");
        let (x, y) = data(false);
        let (_, notes) = problem(&moments(&x, &y), &options(true, true)).unwrap();
        assert!(notes.is_empty(), "{notes:?}");
    }

    #[test]
    fn data_without_anything_to_learn_are_refused() {
        let (x, y) = data(false);
        let nothing = moments(&(&x * 0.0), &y);
        assert!(
            problem(&nothing, &options(true, false)).unwrap_err().contains("zero in every row")
        );
        let unrelated = moments(&x, &(&y * 0.0));
        assert!(problem(&unrelated, &options(true, true)).unwrap_err().contains("do not vary"));
        assert!(problem(&unrelated, &options(true, false)).is_ok());
    }
}
