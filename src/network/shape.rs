//! The dimensions of a network.

use std::fmt;

/// Dimensions `d_0 .. d_N` of a deep linear network of depth `N`: layer `j` (counted from 1, as in
/// the literature) is the matrix `W_j` with `d_j` rows and `d_{j-1}` columns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Shape {
    dims: Vec<usize>,
}

impl Shape {
    /// A shape from `d_0 .. d_N`.
    ///
    /// # Panics
    /// If there are fewer than two dimensions or one of them is zero.
    pub fn new(dims: Vec<usize>) -> Self {
        assert!(dims.len() >= 2, "a network has at least one layer");
        assert!(dims.iter().all(|&d| d > 0), "every dimension is at least 1");
        Self { dims }
    }

    /// `d_0 .. d_N`.
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// Number of layers, `N`.
    pub fn depth(&self) -> usize {
        self.dims.len() - 1
    }

    /// `d_0`.
    pub fn input(&self) -> usize {
        self.dims[0]
    }

    /// `d_N`.
    pub fn output(&self) -> usize {
        self.dims[self.depth()]
    }

    /// `d_1 .. d_{N-1}`.
    pub fn hidden(&self) -> &[usize] {
        &self.dims[1..self.depth()]
    }

    /// Rows and columns `(d_j, d_{j-1})` of layer `j` in `1..=N`.
    pub fn layer(&self, j: usize) -> (usize, usize) {
        (self.dims[j], self.dims[j - 1])
    }

    /// Number of entries of all layers together.
    pub fn parameters(&self) -> usize {
        (1..=self.depth()).map(|j| self.dims[j] * self.dims[j - 1]).sum()
    }

    /// Largest rank an end-to-end matrix of this shape can have: the smallest dimension.
    pub fn rank(&self) -> usize {
        self.dims.iter().copied().min().unwrap_or(0)
    }
}

impl fmt::Display for Shape {
    /// `128-32-32-1`, input first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, d) in self.dims.iter().enumerate() {
            if i > 0 {
                f.write_str("-")?;
            }
            write!(f, "{d}")?;
        }
        Ok(())
    }
}
