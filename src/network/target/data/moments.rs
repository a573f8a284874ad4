//! Second moments of a regression data set: all that gradient descent needs of the data.

use std::path::Path;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, Axis};

use super::{Header, MAX_DIMENSION, Table};
use crate::error::{Error, Result};

/// Uncentred second moments of `m` samples with features `X` (`d_0 x m`) and labels `Y`
/// (`d_N x m`).
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// `m`.
    pub samples: u64,
    /// `XX'/m`, `d_0 x d_0`.
    pub xx: Array2<f64>,
    /// `YX'/m`, `d_N x d_0`.
    pub yx: Array2<f64>,
    /// `tr(YY')/m`.
    pub yy_trace: f64,
    /// Names of the features, in the order of the file.
    pub features: Vec<String>,
    /// Names of the labels, in the order asked for.
    pub labels: Vec<String>,
}

/// Streams a CSV, LIBSVM, NPY or HDF5 file once into second moments. `labels` are column names
/// (CSV), or column numbers from 0 (from -1 backwards) for NPY and HDF5; all other columns are
/// features. `dataset` names the dataset of an HDF5 file.
///
/// # Errors
/// If the file cannot be read as such a table of finite numbers, a label is not one of its columns,
/// there are too many columns, or the moments overflow.
pub fn moments(path: &Path, labels: &[String], dataset: Option<&str>) -> Result<Moments> {
    let mut table = Table::open(path, Header::Present, dataset)?;
    let label_columns = table.columns.labels(path, labels)?;
    let feature_columns: Vec<usize> =
        (0..table.columns.len()).filter(|i| !label_columns.contains(i)).collect();
    let (inputs, outputs) = (feature_columns.len(), label_columns.len());
    if inputs.max(outputs) > MAX_DIMENSION {
        let message =
            format!("{inputs} features and {outputs} labels: at most {MAX_DIMENSION} each");
        return Err(Error::data(path, message, None));
    }
    let mut xx = Array2::zeros((inputs, inputs));
    let mut yx = Array2::zeros((outputs, inputs));
    let mut yy_trace = 0.0;
    let samples = table.for_each_chunk(|rows| {
        let x = rows.select(Axis(1), &feature_columns);
        let y = rows.select(Axis(1), &label_columns);
        general_mat_mul(1.0, &x.t(), &x, 1.0, &mut xx);
        general_mat_mul(1.0, &y.t(), &x, 1.0, &mut yx);
        yy_trace += y.iter().map(|value| value * value).sum::<f64>();
    })?;
    let m = samples as f64;
    xx /= m;
    yx /= m;
    yy_trace /= m;
    if !xx.iter().chain(&yx).chain([&yy_trace]).all(|value: &f64| value.is_finite()) {
        let help = "divide the large columns by a constant first".to_owned();
        return Err(Error::data(path, "the squares of its numbers overflow", Some(help)));
    }
    let names = |columns: &[usize]| columns.iter().map(|&i| table.columns.name(i)).collect();
    let (features, labels) = (names(&feature_columns), names(&label_columns));
    Ok(Moments { samples, xx, yx, yy_trace, features, labels })
}
