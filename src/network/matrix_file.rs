//! Stand-in until the readers of matrices are merged.

use std::path::Path;

use ndarray::Array2;

use super::{Shape, Weights};
use crate::digest::Digest;
use crate::error::{Error, Result};

/// Stand-in.
pub fn load_matrix(path: &Path, _dataset: Option<&str>) -> Result<(Array2<f64>, Digest)> {
    Err(Error::data(path, "matrices cannot be read yet", None))
}

/// Stand-in.
pub fn load_weights(path: &Path, _group: Option<&str>, _shape: &Shape) -> Result<(Weights, Digest)> {
    Err(Error::data(path, "weights cannot be read yet", None))
}
