//! Stand-in until the readers of data sets are merged.

use std::path::Path;

use super::Problem;
use crate::digest::Digest;
use crate::error::{Error, Result};

/// How a data set becomes a regression problem.
#[derive(Debug, Clone, PartialEq)]
pub struct RegressionOptions {
    /// Columns to predict.
    pub labels: Vec<String>,
    /// Whether inputs are whitened.
    pub whiten: bool,
    /// Whether labels are rescaled.
    pub rescale: bool,
    /// Relative variance under which a direction is dropped.
    pub rank_tolerance: f64,
    /// Dataset within an HDF5 file.
    pub dataset: Option<String>,
}

/// A regression problem with where it came from.
#[derive(Debug, Clone)]
pub struct LoadedRegression {
    /// The problem.
    pub problem: Problem,
    /// Digest of the file's bytes.
    pub digest: Digest,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// Stand-in.
pub fn load(path: &Path, _options: &RegressionOptions) -> Result<LoadedRegression> {
    Err(Error::data(path, "data sets cannot be read yet", None))
}
