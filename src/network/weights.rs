//! The weights of one network, in one buffer.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, ArrayViewMut2};

use super::{Shape, matrix};

/// `W_1 .. W_N` one after another in a single buffer, each row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    shape: Shape,
    data: Vec<f64>,
}

impl Weights {
    /// All zeros.
    pub fn zeros(shape: &Shape) -> Self {
        Self { shape: shape.clone(), data: vec![0.0; shape.parameters()] }
    }

    /// From matrices `W_1 .. W_N`.
    ///
    /// # Panics
    /// If the number of matrices or one of their dimensions does not fit `shape`.
    pub fn from_layers(shape: &Shape, layers: &[Array2<f64>]) -> Self {
        assert_eq!(layers.len(), shape.depth(), "one matrix a layer");
        let mut weights = Self::zeros(shape);
        for (j, layer) in layers.iter().enumerate() {
            weights.layer_mut(j + 1).assign(layer);
        }
        weights
    }

    /// The dimensions.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// All entries, layer 1 first.
    pub fn as_slice(&self) -> &[f64] {
        &self.data
    }

    /// All entries, layer 1 first.
    pub fn as_mut_slice(&mut self) -> &mut [f64] {
        &mut self.data
    }

    /// Where layer `j` (from 1) lies in the buffer.
    pub fn range(shape: &Shape, j: usize) -> Range<usize> {
        let dims = shape.dims();
        let start = (1..j).map(|i| dims[i] * dims[i - 1]).sum();
        start..start + dims[j] * dims[j - 1]
    }

    /// `W_j`, `d_j x d_{j-1}`, `j` from 1.
    pub fn layer(&self, j: usize) -> ArrayView2<'_, f64> {
        let range = Self::range(&self.shape, j);
        ArrayView2::from_shape(self.shape.layer(j), &self.data[range])
            .expect("layers tile the buffer")
    }

    /// `W_j`, `d_j x d_{j-1}`, `j` from 1.
    pub fn layer_mut(&mut self, j: usize) -> ArrayViewMut2<'_, f64> {
        let range = Self::range(&self.shape, j);
        ArrayViewMut2::from_shape(self.shape.layer(j), &mut self.data[range])
            .expect("layers tile the buffer")
    }

    /// Euclidean norm of all entries.
    pub fn norm(&self) -> f64 {
        self.data.iter().map(|w| w * w).sum::<f64>().sqrt()
    }

    /// Whether every entry is finite.
    pub fn is_finite(&self) -> bool {
        self.data.iter().all(|w| w.is_finite())
    }

    /// Whether every entry has the same bits as in `other`: unlike `==`, NaN equals itself and `-0`
    /// differs from `0`.
    pub fn same_bits(&self, other: &Self) -> bool {
        self.data.len() == other.data.len()
            && self.data.iter().zip(&other.data).all(|(a, b)| a.to_bits() == b.to_bits())
    }

    /// The prefix products `P_0 = I, P_1 = W_1, .. P_{N-1} = W_{N-1} ... W_1`.
    pub fn prefixes(&self) -> Vec<Array2<f64>> {
        let mut prefixes = vec![Array2::eye(self.shape.input())];
        for j in 1..self.shape.depth() {
            prefixes.push(matrix::product(self.layer(j), prefixes[j - 1].view()));
        }
        prefixes
    }

    /// The end-to-end matrix `W_N ... W_1`, `d_N x d_0`, multiplied from the input side.
    pub fn end_to_end(&self) -> Array2<f64> {
        let mut product = self.layer(1).to_owned();
        for j in 2..=self.shape.depth() {
            product = matrix::product(self.layer(j), product.view());
        }
        product
    }
}
