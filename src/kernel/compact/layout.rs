//! Where the numbers of a group of trials lie.

use crate::kernel::chain::ChainPlan;

/// Vectors between the matrices of a group: without a gap those of a width that is a power of two would
/// lie a multiple of 4 KiB apart, where a load waits for stores that only look like its own.
pub(super) const GAP: usize = 6;

/// Where the matrices of a group begin, counted in vectors: layers, suffixes `S_1 .. S_{N-2}`, `Phi`,
/// and `eta U` twice.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) dims: Vec<usize>,
    pub(super) layers: Vec<usize>,
    /// Of `S_1 .. S_{N-1}`; the last is the last layer.
    pub(super) suffixes: Vec<usize>,
    pub(super) phi: usize,
    pub(super) carried: [usize; 2],
    pub(super) len: usize,
}

impl Layout {
    pub(super) fn new(plan: &ChainPlan) -> Self {
        let (dims, r, depth) = (plan.dims().to_vec(), plan.rows(), plan.depth());
        let widest = dims.iter().copied().max().unwrap_or(0);
        let mut len = 0;
        let mut take = |vectors: usize| {
            len += vectors + GAP;
            len - vectors - GAP
        };
        let layers: Vec<usize> = (1..=depth).map(|j| take(dims[j] * dims[j - 1])).collect();
        let mut suffixes: Vec<usize> = (2..depth).map(|j| take(r * dims[j - 1])).collect();
        suffixes.push(layers[depth - 1]);
        let phi = take(r * dims[0]);
        let carried = [take(r * widest), take(r * widest)];
        Self { layers, suffixes, phi, carried, len, dims }
    }
}
