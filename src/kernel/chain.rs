//! The cheapest order of the products of one step. Pure: no numbers, only dimensions.

use ndarray::ArrayView2;

use crate::network::{Shape, Weights};

/// Plan of the chain of products for one shape.
///
/// With `r = min(d_0, d_N)`, all intermediate products have `r` rows when the chain starts at the
/// thinner end. A network whose thinner end is the input is *mirrored*: transposing every layer and
/// reversing their order leaves losses and gradients as they are, so only the case `d_N <= d_0` has
/// to be computed. In the oriented dimensions `e_0 .. e_N`, `r = e_N <= e_0`, one step is
///
/// ```text
/// S_{j-1} = S_j W_j          j = N-1 .. 1   (S_{N-1} = W_N)       r x e_{j-1}
/// U_0     = (S_0 - Phi) F F'                                      r x e_0
/// U_j     = U_{j-1} W_j'     j = 1 .. N-1                         r x e_j
/// W_j    <- W_j - eta S_j' U_{j-1}   (j < N),   W_N <- W_N - eta U_{N-1}
/// ```
///
/// which costs `6 r sum_{j=1}^{N-1} e_j e_{j-1}` flops ([`ChainPlan::flops`]), the count used in all
/// figures of throughput.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainPlan {
    dims: Vec<usize>,
    mirrored: bool,
}

impl ChainPlan {
    /// The plan for networks of this shape.
    pub fn new(shape: &Shape) -> Self {
        let mut dims = shape.dims().to_vec();
        let mirrored = shape.input() < shape.output();
        if mirrored {
            dims.reverse();
        }
        Self { dims, mirrored }
    }

    /// Oriented dimensions `e_0 .. e_N`, `e_N <= e_0`.
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// Whether layers are transposed and their order reversed.
    pub fn mirrored(&self) -> bool {
        self.mirrored
    }

    /// Number of layers `N`.
    pub fn depth(&self) -> usize {
        self.dims.len() - 1
    }

    /// `r`, the rows of every product of the chain.
    pub fn rows(&self) -> usize {
        self.dims[self.depth()]
    }

    /// Necessary floating-point operations of one step of one trial.
    pub fn flops(&self) -> f64 {
        let inner: f64 =
            (1..self.depth()).map(|j| self.dims[j] as f64 * self.dims[j - 1] as f64).sum();
        6.0 * self.rows() as f64 * inner
    }

    /// Where oriented layer `j` (from 1), `e_j x e_{j-1}` row-major, starts in a buffer that holds
    /// the layers one after another; `j = N + 1` gives the length of the buffer.
    pub fn layer_start(&self, j: usize) -> usize {
        (1..j).map(|i| self.dims[i] * self.dims[i - 1]).sum()
    }

    /// Number of entries of all layers.
    pub fn parameters(&self) -> usize {
        self.layer_start(self.depth() + 1)
    }

    /// Copies weights into an oriented buffer.
    pub fn orient(&self, weights: &Weights, oriented: &mut [f64]) {
        for j in 1..=self.depth() {
            let target = &mut oriented[self.layer_start(j)..self.layer_start(j + 1)];
            copy(self.view(weights.layer(self.original(j))), target);
        }
    }

    /// Copies oriented layers back into weights; `entry` gives entry `(i, k)` of oriented layer `j`.
    pub fn restore(&self, weights: &mut Weights, entry: impl Fn(usize, usize, usize) -> f64) {
        for j in 1..=self.depth() {
            let mut layer = weights.layer_mut(self.original(j));
            for ((row, column), w) in layer.indexed_iter_mut() {
                let (i, k) = if self.mirrored { (column, row) } else { (row, column) };
                *w = entry(j, i, k);
            }
        }
    }

    /// Copies `Phi`, `d_N x d_0`, as the oriented `e_N x e_0` matrix.
    pub fn orient_target(&self, phi: ArrayView2<'_, f64>, oriented: &mut [f64]) {
        copy(self.view(phi), oriented);
    }

    /// Number of the layer that oriented layer `j` is.
    fn original(&self, j: usize) -> usize {
        if self.mirrored { self.depth() + 1 - j } else { j }
    }

    /// The matrix, transposed if mirrored.
    fn view<'a>(&self, matrix: ArrayView2<'a, f64>) -> ArrayView2<'a, f64> {
        if self.mirrored { matrix.reversed_axes() } else { matrix }
    }
}

/// Copies a matrix into a row-major buffer.
fn copy(matrix: ArrayView2<'_, f64>, buffer: &mut [f64]) {
    for (b, &m) in buffer.iter_mut().zip(matrix.iter()) {
        *b = m;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flops_count_the_thin_side() {
        let flops = |dims: &[usize]| ChainPlan::new(&Shape::new(dims.to_vec())).flops();
        assert_eq!(flops(&[64, 64, 64, 64, 64]), 6.0 * 64.0 * 3.0 * 4096.0);
        assert_eq!(flops(&[128, 32, 32, 1]), 6.0 * (32.0 * 128.0 + 1024.0));
        assert_eq!(flops(&[1, 32, 32, 128]), flops(&[128, 32, 32, 1]));
        assert_eq!(flops(&[5, 5]), 0.0);
    }

    #[test]
    fn orientation_goes_there_and_back() {
        for dims in [vec![2, 5, 3], vec![3, 5, 2], vec![4, 1, 4], vec![1, 7]] {
            let shape = Shape::new(dims);
            let plan = ChainPlan::new(&shape);
            assert!(plan.rows() <= plan.dims()[0]);
            let mut weights = Weights::zeros(&shape);
            for (i, w) in weights.as_mut_slice().iter_mut().enumerate() {
                *w = i as f64;
            }
            let mut buffer = vec![0.0; plan.parameters()];
            plan.orient(&weights, &mut buffer);
            let mut back = Weights::zeros(&shape);
            plan.restore(&mut back, |j, i, k| {
                buffer[plan.layer_start(j) + i * plan.dims()[j - 1] + k]
            });
            assert_eq!(weights, back);
        }
    }
}
