//! Files that a study names: each is read once, however many cells use it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ndarray::Array2;

use crate::digest::Digest;
use crate::error::Result;
use crate::network::matrix_file::{load_matrix, load_weights};
use crate::network::target::Problem;
use crate::network::target::regression::{self, LoadedRegression, RegressionOptions};
use crate::network::{Shape, Weights};

/// What was read, with the digest of the file's bytes.
type Read<T> = Result<(T, Digest)>;

/// How files are read; tests put others in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Readers {
    pub(super) regression: fn(&Path, &RegressionOptions) -> Result<LoadedRegression>,
    pub(super) matrix: fn(&Path, Option<&str>) -> Read<Array2<f64>>,
    pub(super) weights: fn(&Path, Option<&str>, &Shape) -> Read<Weights>,
}

/// The readers of the program.
pub(super) const READERS: Readers =
    Readers { regression: regression::load, matrix: load_matrix, weights: load_weights };

/// The same, shared by the cells that use it.
type Loaded<T> = (Arc<T>, Digest);

/// A file with how it is to be read.
type Request = (PathBuf, String);

/// The files read so far.
#[derive(Debug)]
pub(super) struct Files {
    readers: Readers,
    regressions: HashMap<Request, Loaded<Problem>>,
    matrices: HashMap<Request, Loaded<Array2<f64>>>,
    weights: HashMap<Request, Loaded<Weights>>,
    /// Digests of the files in the order of their first use.
    digests: Vec<Digest>,
}

impl Files {
    /// Nothing read yet.
    pub(super) fn new(readers: Readers) -> Self {
        Self {
            readers,
            regressions: HashMap::new(),
            matrices: HashMap::new(),
            weights: HashMap::new(),
            digests: Vec::new(),
        }
    }

    /// Digests of the files, each once, in the order of their first use.
    pub(super) fn digests(&self) -> &[Digest] {
        &self.digests
    }

    /// A regression problem. What its reader noted is logged as a warning.
    pub(super) fn regression(
        &mut self,
        path: PathBuf,
        options: &RegressionOptions,
    ) -> Result<Loaded<Problem>> {
        let request = (path, format!("{options:?}"));
        if let Some(known) = self.regressions.get(&request) {
            return Ok(known.clone());
        }
        let LoadedRegression { problem, digest, notes } =
            (self.readers.regression)(&request.0, options)?;
        for note in notes {
            tracing::warn!("{}: {note}", request.0.display());
        }
        self.note(digest);
        Ok(self.regressions.entry(request).or_insert((Arc::new(problem), digest)).clone())
    }

    /// A matrix.
    pub(super) fn matrix(
        &mut self,
        path: PathBuf,
        dataset: Option<&str>,
    ) -> Result<Loaded<Array2<f64>>> {
        let request = (path, format!("{dataset:?}"));
        if let Some(known) = self.matrices.get(&request) {
            return Ok(known.clone());
        }
        let (matrix, digest) = (self.readers.matrix)(&request.0, dataset)?;
        self.note(digest);
        Ok(self.matrices.entry(request).or_insert((Arc::new(matrix), digest)).clone())
    }

    /// The weights of a network of this shape.
    pub(super) fn weights(
        &mut self,
        path: PathBuf,
        group: Option<&str>,
        shape: &Shape,
    ) -> Result<Loaded<Weights>> {
        let request = (path, format!("{group:?} {shape}"));
        if let Some(known) = self.weights.get(&request) {
            return Ok(known.clone());
        }
        let (weights, digest) = (self.readers.weights)(&request.0, group, shape)?;
        self.note(digest);
        Ok(self.weights.entry(request).or_insert((Arc::new(weights), digest)).clone())
    }

    fn note(&mut self, digest: Digest) {
        if !self.digests.contains(&digest) {
            self.digests.push(digest);
        }
    }
}
