//! The kernel for wide networks: one trial, its chain of products computed by matrix products.

use super::chain::ChainPlan;
use super::{Kernel, Window};
use crate::network::target::Problem;
use crate::network::{Shape, Weights};

/// The three products of the chain, all row-major without gaps.
pub trait Products: Default + Send {
    /// `C = A B`: `A` is `m x k`, `B` is `k x n`.
    fn nn(&mut self, m: usize, n: usize, k: usize, a: &[f64], b: &[f64], c: &mut [f64]);
    /// `C = A B'`: `A` is `m x k`, `B` is `n x k`.
    fn nt(&mut self, m: usize, n: usize, k: usize, a: &[f64], b: &[f64], c: &mut [f64]);
    /// `C = C + alpha A' B`: `A` is `k x m`, `B` is `k x n`.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the literature, in its order")]
    fn tn_add(
        &mut self,
        m: usize,
        n: usize,
        k: usize,
        alpha: f64,
        a: &[f64],
        b: &[f64],
        c: &mut [f64],
    );
}

/// One trial on products `P`; all memory is taken when it is made.
pub struct Chain<P> {
    plan: ChainPlan,
    learning_rate: f64,
    /// Oriented layers.
    weights: Vec<f64>,
    /// Oriented `Phi`.
    phi: Vec<f64>,
    /// `F`, `e x p` with `e = d_0`; empty for the identity.
    factor: Vec<f64>,
    /// `S_0 .. S_{N-2}`.
    suffixes: Vec<Vec<f64>>,
    /// `eta U_{j-1}` and `eta U_j`, alternating.
    carried: [Vec<f64>; 2],
    /// `(W - Phi) F`, or its transpose if mirrored.
    half: Vec<f64>,
    loss: f64,
    /// Whether the suffixes, `U_0` and the loss belong to the weights.
    fresh: bool,
    loaded: bool,
    products: P,
}

impl<P: Products> Chain<P> {
    /// A kernel for networks of this shape.
    pub fn new(shape: &Shape, learning_rate: f64) -> Self {
        let plan = ChainPlan::new(shape);
        let r = plan.rows();
        let widest = plan.dims().iter().copied().max().unwrap_or(0);
        let suffixes = (1..plan.depth()).map(|j| vec![0.0; r * plan.dims()[j - 1]]).collect();
        Self {
            learning_rate,
            weights: vec![0.0; plan.parameters()],
            phi: vec![0.0; r * plan.dims()[0]],
            factor: Vec::new(),
            suffixes,
            carried: [vec![0.0; r * widest], vec![0.0; r * widest]],
            half: Vec::new(),
            loss: f64::NAN,
            fresh: false,
            loaded: false,
            products: P::default(),
            plan,
        }
    }

    /// Suffix products from the output side, residual and loss.
    fn forward(&mut self) {
        let (dims, r, depth) = (self.plan.dims(), self.plan.rows(), self.plan.depth());
        for j in (1..depth).rev() {
            let (e, e_below) = (dims[j], dims[j - 1]);
            let layer = &self.weights[self.plan.layer_start(j)..][..e * e_below];
            let (below, above) = self.suffixes.split_at_mut(j);
            let last = &self.weights[self.plan.layer_start(depth)..];
            let suffix = above.first().map_or(last, Vec::as_slice);
            self.products.nn(r, e_below, e, &suffix[..r * e], layer, &mut below[j - 1]);
        }
        let end_to_end = self.suffixes.first().unwrap_or(&self.weights);
        let carried = &mut self.carried[0][..self.phi.len()];
        // The learning rate enters once, in the residual: then all layers are rounded alike, and
        // symmetries of the start (`W_2 = -W_1`, say) survive in every bit.
        let norm_squared = if self.factor.is_empty() {
            residual(end_to_end, &self.phi, self.learning_rate, carried)
        } else {
            residual(end_to_end, &self.phi, 1.0, carried);
            self.apply_factor()
        };
        self.loss = 0.5 * norm_squared;
        self.fresh = true;
    }

    /// Turns `W - Phi` in `carried[0]` into `eta (W - Phi) F F'` and returns `||(W - Phi) F||_F^2`.
    fn apply_factor(&mut self) -> f64 {
        let (r, e) = (self.plan.rows(), self.plan.dims()[0]);
        let residual = &mut self.carried[0][..r * e];
        if self.plan.mirrored() {
            // The residual is transposed, r = d_N rows became columns: F' D', then F (F' D').
            let p = self.factor.len() / r;
            self.half.fill(0.0);
            self.products.tn_add(p, e, r, 1.0, &self.factor, residual, &mut self.half);
            self.products.nn(r, e, p, &self.factor, &self.half, residual);
        } else {
            let p = self.factor.len() / e;
            self.products.nn(r, p, e, residual, &self.factor, &mut self.half);
            self.products.nt(r, e, p, &self.half, &self.factor, residual);
        }
        for u in &mut self.carried[0][..r * e] {
            *u *= self.learning_rate;
        }
        sum_of_squares(&self.half)
    }

    /// Carries the scaled residual towards the output, updating each layer behind it.
    fn backward(&mut self) {
        let (dims, r, depth) = (self.plan.dims(), self.plan.rows(), self.plan.depth());
        let [mut from, mut to] = self.carried.each_mut();
        for j in 1..depth {
            let (e, e_below) = (dims[j], dims[j - 1]);
            let start = self.plan.layer_start(j);
            let (head, last) = self.weights.split_at_mut(self.plan.layer_start(depth));
            let layer = &mut head[start..start + e * e_below];
            let carried = &from[..r * e_below];
            self.products.nt(r, e, e_below, carried, layer, &mut to[..r * e]);
            let suffix = self.suffixes.get(j).map_or(&*last, Vec::as_slice);
            self.products.tn_add(e, e_below, r, -1.0, &suffix[..r * e], carried, layer);
            std::mem::swap(&mut from, &mut to);
        }
        let last = &mut self.weights[self.plan.layer_start(depth)..];
        for (w, u) in last.iter_mut().zip(from.iter()) {
            *w -= u;
        }
        self.fresh = false;
    }
}

impl<P: Products> Kernel for Chain<P> {
    fn lanes(&self) -> usize {
        1
    }

    fn load(&mut self, _lane: usize, weights: &Weights, problem: &Problem) {
        self.plan.orient(weights, &mut self.weights);
        self.plan.orient_target(problem.phi.view(), &mut self.phi);
        self.factor.clear();
        if let Some(factor) = &problem.factor {
            self.factor.extend(factor.iter());
            // Mirrored, the residual is d_0 x d_N and its half p x d_N; otherwise d_N x p.
            let across = if self.plan.mirrored() { self.plan.dims()[0] } else { self.plan.rows() };
            self.half.resize(across * factor.ncols(), 0.0);
        }
        self.fresh = false;
        self.loaded = true;
    }

    fn clear(&mut self, _lane: usize) {
        self.loaded = false;
    }

    fn unload(&self, _lane: usize, weights: &mut Weights) {
        self.plan.restore(&self.weights, weights);
    }

    fn advance(&mut self, max_steps: u64, windows: &[Window]) -> u64 {
        if !self.loaded {
            return max_steps;
        }
        if !self.fresh {
            self.forward();
        }
        for step in 0..max_steps {
            if !windows[0].holds(self.loss) {
                return step;
            }
            self.backward();
            self.forward();
        }
        max_steps
    }

    fn loss(&self, _lane: usize) -> f64 {
        self.loss
    }
}

/// Writes `scale (W - Phi)` and returns `||W - Phi||_F^2`, in one pass; the sum as in [`sum_of_squares`].
fn residual(end_to_end: &[f64], phi: &[f64], scale: f64, scaled: &mut [f64]) -> f64 {
    let mut partial = [0.0; LANES];
    let chunks = scaled.chunks_mut(LANES).zip(end_to_end.chunks(LANES)).zip(phi.chunks(LANES));
    for ((u, w), phi) in chunks {
        for (((p, u), w), phi) in partial.iter_mut().zip(u).zip(w).zip(phi) {
            let difference = w - phi;
            *p += difference * difference;
            *u = scale * difference;
        }
    }
    partial.iter().sum()
}

/// Partial sums of [`sum_of_squares`].
const LANES: usize = 8;

/// Sum of squares in eight interleaved partial sums, which the compiler keeps in vector registers;
/// the order is fixed by the length alone.
fn sum_of_squares(values: &[f64]) -> f64 {
    let mut partial = [0.0; LANES];
    for chunk in values.chunks(LANES) {
        for (p, x) in partial.iter_mut().zip(chunk) {
            *p += x * x;
        }
    }
    partial.iter().sum()
}

/// Plain loops: for networks too narrow to pay for a BLAS call.
#[derive(Debug, Default)]
pub struct PlainLoops;

impl Products for PlainLoops {
    fn nn(&mut self, _m: usize, n: usize, k: usize, a: &[f64], b: &[f64], c: &mut [f64]) {
        for (a_row, c_row) in a.chunks_exact(k).zip(c.chunks_exact_mut(n)) {
            c_row.fill(0.0);
            for (&a_il, b_row) in a_row.iter().zip(b.chunks_exact(n)) {
                for (c_ij, &b_lj) in c_row.iter_mut().zip(b_row) {
                    *c_ij += a_il * b_lj;
                }
            }
        }
    }

    fn nt(&mut self, _m: usize, n: usize, k: usize, a: &[f64], b: &[f64], c: &mut [f64]) {
        for (a_row, c_row) in a.chunks_exact(k).zip(c.chunks_exact_mut(n)) {
            for (c_ij, b_row) in c_row.iter_mut().zip(b.chunks_exact(k)) {
                *c_ij = a_row.iter().zip(b_row).map(|(x, y)| x * y).sum();
            }
        }
    }

    fn tn_add(
        &mut self,
        m: usize,
        n: usize,
        _k: usize,
        alpha: f64,
        a: &[f64],
        b: &[f64],
        c: &mut [f64],
    ) {
        for (a_row, b_row) in a.chunks_exact(m).zip(b.chunks_exact(n)) {
            for (&a_li, c_row) in a_row.iter().zip(c.chunks_exact_mut(n)) {
                let scaled = alpha * a_li;
                for (c_ij, &b_lj) in c_row.iter_mut().zip(b_row) {
                    *c_ij += scaled * b_lj;
                }
            }
        }
    }
}
