//! The kernel for narrow networks: several trials side by side, one SIMD lane a trial.
//!
//! This is the *compact* storage of batched BLAS: the same entry of as many matrices as a vector has
//! lanes lies side by side, so products of small matrices read like scalar code and need no shuffles,
//! whatever their shapes. A vector of trials is a *group*; very small networks advance several groups
//! in turns, so that one group's multiply-adds fill the time in which another waits for its results.
//!
//! Every entry of a product is one chain of fused multiply-adds over the inner index in increasing
//! order, and a lane never meets another: rows have the same bits whatever the vectors, lanes and
//! neighbours.

#![expect(
    clippy::needless_range_loop,
    reason = "plain loops over indices: iterators would be compiled anew for every size of tile"
)]

use std::marker::PhantomData;
use std::sync::Arc;

use super::buffer::Buffer;
use super::chain::ChainPlan;
use super::real::Real;
use super::simd::{Simd, Work};
use super::{Kernel, Steps, Window, descend};
use crate::network::target::Problem;
use crate::network::{Shape, Weights};

/// Multiply-adds of a step that are to be in flight together, in vectors: networks whose step has fewer
/// advance several groups. Measured on networks 2x3 and 4x4: fewer leave gaps, more change nothing.
const VECTORS_IN_FLIGHT: usize = 400;
/// Vectors between the matrices of a group: without a gap those of a width that is a power of two would
/// lie a multiple of 4 KiB apart, where a load waits for stores that only look like its own.
const GAP: usize = 6;
/// Groups at most.
const MOST_GROUPS: usize = 8;

/// Several trials, one SIMD lane each.
pub(super) struct Compact<T, S> {
    plan: ChainPlan,
    layout: Arc<Layout>,
    learning_rate: T,
    groups: usize,
    /// Groups one after another, each as [`Layout`] says.
    memory: Buffer<T>,
    /// `F` and `F'` of each group; empty for the identity.
    factors: Buffer<T>,
    factors_transposed: Buffer<T>,
    /// `(W - Phi) F` of each group.
    halves: Buffer<T>,
    /// Losses, and the windows that they have to stay in, by lane.
    losses: Buffer<T>,
    lows: Buffer<T>,
    highs: Buffer<T>,
    /// Groups whose chains and losses do not belong to their weights.
    stale: Vec<bool>,
    /// One trial in double precision, on its way in.
    trial: Vec<f64>,
    simd: PhantomData<S>,
}

/// Where the matrices of a group begin, counted in vectors: layers, suffixes `S_0 .. S_{N-2}`, `Phi`,
/// and `eta U` twice.
#[derive(Debug)]
struct Layout {
    dims: Vec<usize>,
    layers: Vec<usize>,
    /// Of `S_0 .. S_{N-1}`; the last is the last layer.
    suffixes: Vec<usize>,
    phi: usize,
    carried: [usize; 2],
    len: usize,
}

impl Layout {
    fn new(plan: &ChainPlan) -> Self {
        let (dims, r, depth) = (plan.dims().to_vec(), plan.rows(), plan.depth());
        let widest = dims.iter().copied().max().unwrap_or(0);
        let mut len = 0;
        let mut take = |vectors: usize| {
            len += vectors + GAP;
            len - vectors - GAP
        };
        let layers: Vec<usize> = (1..=depth).map(|j| take(dims[j] * dims[j - 1])).collect();
        let mut suffixes: Vec<usize> = (1..depth).map(|j| take(r * dims[j - 1])).collect();
        suffixes.push(layers[depth - 1]);
        let phi = take(r * dims[0]);
        let carried = [take(r * widest), take(r * widest)];
        Self { layers, suffixes, phi, carried, len, dims }
    }
}

/// The dimensions that the steps read: those of a square network of a few sizes are known when the
/// program is compiled, and their products have no loops over tiles left.
trait Dims: Copy {
    fn depth(self) -> usize;
    /// `e_j`.
    fn width(self, j: usize) -> usize;
    /// Where layer `j` (from 1) of a group begins, in vectors.
    fn layer(self, j: usize) -> usize;
    /// Where `S_j` of a group begins, in vectors; `S_{N-1} = W_N`.
    fn suffix(self, j: usize) -> usize;
    /// Computes a product.
    ///
    /// # Safety
    /// As [`Product`].
    unsafe fn multiply<T: Real, S: Simd<T>, const FORM: u8>(self, product: Product<T>);
}

/// All layers `W x W`.
#[derive(Clone, Copy)]
struct Square<const W: usize> {
    depth: usize,
}

/// `Square<W>`, with the rows and columns of the tiles that make a product.
macro_rules! square {
    ($w:literal: $rows:literal x $columns:literal) => {
        impl Dims for Square<$w> {
            #[inline(always)]
            fn depth(self) -> usize {
                self.depth
            }

            #[inline(always)]
            fn width(self, _j: usize) -> usize {
                $w
            }

            #[inline(always)]
            fn layer(self, j: usize) -> usize {
                (j - 1) * ($w * $w + GAP)
            }

            #[inline(always)]
            fn suffix(self, j: usize) -> usize {
                // S_0 .. S_{N-2} follow the layers, the last of which is S_{N-1}.
                let last = j + 1 == self.depth;
                (if last { j } else { self.depth + j }) * ($w * $w + GAP)
            }

            #[inline(always)]
            unsafe fn multiply<T: Real, S: Simd<T>, const FORM: u8>(self, product: Product<T>) {
                let square = Product { m: $w, n: $w, k: $w, ..product };
                // SAFETY: the caller's.
                unsafe {
                    for i in (0..$w).step_by($rows) {
                        for j in (0..$w).step_by($columns) {
                            square.tile::<S, $rows, $columns, FORM>(i, j);
                        }
                    }
                }
            }
        }
    };
}

square!(1: 1 x 1);
square!(2: 2 x 2);
square!(3: 3 x 3);
square!(4: 2 x 4);
square!(8: 2 x 4);
square!(16: 2 x 4);

/// Any dimensions.
#[derive(Clone, Copy)]
struct Any<'a> {
    layout: &'a Layout,
}

impl Dims for Any<'_> {
    #[inline(always)]
    fn depth(self) -> usize {
        self.layout.dims.len() - 1
    }

    #[inline(always)]
    fn width(self, j: usize) -> usize {
        self.layout.dims[j]
    }

    #[inline(always)]
    fn layer(self, j: usize) -> usize {
        self.layout.layers[j - 1]
    }

    #[inline(always)]
    fn suffix(self, j: usize) -> usize {
        self.layout.suffixes[j]
    }

    #[inline(always)]
    unsafe fn multiply<T: Real, S: Simd<T>, const FORM: u8>(self, product: Product<T>) {
        // A call, so that its many tiles are compiled once.
        // SAFETY: the caller's.
        unsafe { S::enable(Tiled::<T, S, FORM>(product, PhantomData)) }
    }
}

/// A product of any shape, tile by tile, in a function of its own.
struct Tiled<T, S, const FORM: u8>(Product<T>, PhantomData<S>);

impl<T: Real, S: Simd<T>, const FORM: u8> Work for Tiled<T, S, FORM> {
    type Output = ();

    #[inline(always)]
    unsafe fn run(self) {
        let whole = self.0.m - self.0.m % 2;
        for i in (0..whole).step_by(2) {
            // SAFETY: the caller's; the rows exist.
            unsafe { self.strip::<2>(i) };
        }
        if whole < self.0.m {
            // SAFETY: as above.
            unsafe { self.strip::<1>(whole) };
        }
    }
}

impl<T: Real, S: Simd<T>, const FORM: u8> Tiled<T, S, FORM> {
    /// `R` rows from `i` on: tiles of four columns, whose eight sums keep both multiply-adders busy and
    /// leave registers for what passes, and at the end one of up to seven.
    ///
    /// # Safety
    /// As [`Product::tile`].
    #[inline(always)]
    unsafe fn strip<const R: usize>(&self, i: usize) {
        let (product, mut j) = (&self.0, 0);
        // SAFETY: the caller's; the columns exist.
        unsafe {
            while product.n - j >= 8 {
                product.tile::<S, R, 4, FORM>(i, j);
                j += 4;
            }
            match product.n - j {
                7 => {
                    product.tile::<S, R, 4, FORM>(i, j);
                    product.tile::<S, R, 3, FORM>(i, j + 4);
                }
                6 => product.tile::<S, R, 6, FORM>(i, j),
                5 => product.tile::<S, R, 5, FORM>(i, j),
                4 => product.tile::<S, R, 4, FORM>(i, j),
                3 => product.tile::<S, R, 3, FORM>(i, j),
                2 => product.tile::<S, R, 2, FORM>(i, j),
                _ => product.tile::<S, R, 1, FORM>(i, j),
            }
        }
    }
}

/// `C = A B`, `A` `m x k`, `B` `k x n`.
const PLAIN: u8 = 0;
/// `C = A B'`, `A` `m x k`, `B` `n x k`.
const CARRY: u8 = 1;
/// `C = C - A' B`, `A` `k x m`, `B` `k x n`.
const UPDATE: u8 = 2;

/// A product of compact matrices in one of the forms [`PLAIN`], [`CARRY`], [`UPDATE`]; all matrices are
/// row-major without gaps, `C` is `m x n`.
#[derive(Clone, Copy)]
struct Product<T> {
    m: usize,
    n: usize,
    k: usize,
    a: *const T,
    b: *const T,
    c: *mut T,
}

impl<T: Real> Product<T> {
    /// Rows `i .. i + R` and columns `j .. j + C` of the product, their sums in registers.
    ///
    /// # Safety
    /// The processor has the instructions of `S`; the pointers reach matrices of these shapes; the rows
    /// and columns exist.
    #[inline(always)]
    unsafe fn tile<S: Simd<T>, const R: usize, const C: usize, const FORM: u8>(
        &self,
        i: usize,
        j: usize,
    ) {
        let Self { m, n, k, .. } = *self;
        // Distances, in vectors: in A from row to row and from one inner index to the next; in B from
        // one inner index to the next and from column to column.
        let (a_row, a_inner) = if FORM == UPDATE { (1, m) } else { (k, 1) };
        let (b_inner, b_column) = if FORM == CARRY { (1, k) } else { (n, 1) };
        // SAFETY: the caller's.
        unsafe {
            let mut a = self.a.add(i * a_row * S::LANES);
            let mut b = self.b.add(j * b_column * S::LANES);
            let c = self.c.add((i * n + j) * S::LANES);
            let mut sums = [[S::splat(T::default()); C]; R];
            let mut left = [S::splat(T::default()); R];
            for _ in 0..k {
                for x in 0..R {
                    left[x] = S::load(a.add(x * a_row * S::LANES));
                }
                for y in 0..C {
                    let right = S::load(b.add(y * b_column * S::LANES));
                    for x in 0..R {
                        sums[x][y] = S::fma(left[x], right, sums[x][y]);
                    }
                }
                a = a.wrapping_add(a_inner * S::LANES);
                b = b.wrapping_add(b_inner * S::LANES);
            }
            for x in 0..R {
                for y in 0..C {
                    let c = c.add((x * n + y) * S::LANES);
                    // The sum is rounded before it is subtracted, as that of the last layer is.
                    let entry =
                        if FORM == UPDATE { S::sub(S::load(c), sums[x][y]) } else { sums[x][y] };
                    S::store(c, entry);
                }
            }
        }
    }
}

/// The kernel in the middle of its steps: where its numbers lie, and what is known of its dimensions.
struct Running<T, S, D> {
    dims: D,
    groups: usize,
    /// Vectors of a group.
    len: usize,
    memory: *mut T,
    phi: usize,
    carried: [usize; 2],
    learning_rate: T,
    metric: Option<Metric<T>>,
    losses: *mut T,
    lows: *const T,
    highs: *const T,
    stale: *mut bool,
    simd: PhantomData<S>,
}

/// `F`, `F'` and `(W - Phi) F` of the groups.
struct Metric<T> {
    mirrored: bool,
    /// Columns of `F`.
    p: usize,
    factors: *const T,
    factors_transposed: *const T,
    /// Vectors of `F`.
    factor_len: usize,
    halves: *mut T,
    /// Vectors of a half.
    half_len: usize,
}

impl<T: Real, S: Simd<T>, D: Dims> Running<T, S, D> {
    /// Where something in group `g` begins.
    #[inline(always)]
    fn at(&self, g: usize, vectors: usize) -> *mut T {
        self.memory.wrapping_add((g * self.len + vectors) * S::LANES)
    }

    /// Suffix products from the output side, residuals and losses of groups `from .. to`.
    ///
    /// # Safety
    /// The processor has the instructions of `S`.
    #[inline(always)]
    unsafe fn forward(&self, from: usize, to: usize) {
        let (d, r) = (self.dims, self.dims.width(self.dims.depth()));
        for j in (1..d.depth()).rev() {
            let (e, e_below) = (d.width(j), d.width(j - 1));
            for g in from..to {
                let product = Product {
                    m: r,
                    n: e_below,
                    k: e,
                    a: self.at(g, d.suffix(j)),
                    b: self.at(g, d.layer(j)),
                    c: self.at(g, d.suffix(j - 1)),
                };
                // SAFETY: the layout has room for these shapes.
                unsafe { d.multiply::<T, S, PLAIN>(product) };
            }
        }
        for g in from..to {
            // SAFETY: the caller's.
            unsafe {
                let loss = match &self.metric {
                    None => self.residual(g, self.learning_rate),
                    Some(metric) => {
                        self.residual(g, T::nearest(1.0));
                        self.apply(metric, g)
                    }
                };
                S::store(self.losses.add(g * S::LANES), loss);
            }
        }
    }

    /// Writes `scale (W - Phi)` as `U_0` and returns `1/2 ||W - Phi||_F^2`.
    ///
    /// # Safety
    /// As [`forward`](Self::forward).
    #[inline(always)]
    unsafe fn residual(&self, g: usize, scale: T) -> S::Vector {
        let len = self.dims.width(self.dims.depth()) * self.dims.width(0);
        let (end_to_end, phi) = (self.at(g, self.dims.suffix(0)), self.at(g, self.phi));
        let carried = self.at(g, self.carried[0]);
        // SAFETY: all three matrices have `len` entries.
        unsafe {
            let scale = S::splat(scale);
            half_sum_of_squares::<T, S>(len, |i| {
                let i = i * S::LANES;
                let difference = S::sub(S::load(end_to_end.add(i)), S::load(phi.add(i)));
                S::store(carried.add(i), S::mul(scale, difference));
                difference
            })
        }
    }

    /// Turns `W - Phi` in `U_0` into `eta (W - Phi) F F'` and returns `1/2 ||(W - Phi) F||_F^2`.
    ///
    /// # Safety
    /// As [`forward`](Self::forward).
    #[inline(always)]
    unsafe fn apply(&self, metric: &Metric<T>, g: usize) -> S::Vector {
        let (r, e) = (self.dims.width(self.dims.depth()), self.dims.width(0));
        let (u, p) = (self.at(g, self.carried[0]), metric.p);
        // SAFETY: `load` has taken memory for F, F' and the half of each group.
        unsafe {
            let f = metric.factors.add(g * metric.factor_len * S::LANES);
            let f_transposed = metric.factors_transposed.add(g * metric.factor_len * S::LANES);
            let half = metric.halves.add(g * metric.half_len * S::LANES);
            let (to_half, back) = if metric.mirrored {
                // The residual is transposed, its r = d_0 rows meet F: F' U, then F (F' U).
                let to_half = Product { m: p, n: e, k: r, a: f_transposed, b: u, c: half };
                (to_half, Product { m: r, n: e, k: p, a: f, b: half, c: u })
            } else {
                let to_half = Product { m: r, n: p, k: e, a: u, b: f, c: half };
                (to_half, Product { m: r, n: e, k: p, a: half, b: f_transposed, c: u })
            };
            S::enable(Tiled::<T, S, PLAIN>(to_half, PhantomData));
            let vector = |i: usize| S::load(half.add(i * S::LANES));
            let loss = half_sum_of_squares::<T, S>(metric.half_len, vector);
            S::enable(Tiled::<T, S, PLAIN>(back, PhantomData));
            let scale = S::splat(self.learning_rate);
            for i in 0..r * e {
                let u = u.add(i * S::LANES);
                S::store(u, S::mul(scale, S::load(u)));
            }
            loss
        }
    }

    /// Carries the scaled residuals towards the output, updating each layer behind them.
    ///
    /// # Safety
    /// As [`forward`](Self::forward).
    #[inline(always)]
    unsafe fn backward(&self) {
        let (d, r, groups) = (self.dims, self.dims.width(self.dims.depth()), self.groups);
        let [mut from, mut to] = self.carried;
        for j in 1..d.depth() {
            let (e, e_below) = (d.width(j), d.width(j - 1));
            for g in 0..groups {
                let (layer, carried) = (self.at(g, d.layer(j)), self.at(g, from));
                let carry =
                    Product { m: r, n: e, k: e_below, a: carried, b: layer, c: self.at(g, to) };
                let update = Product {
                    m: e,
                    n: e_below,
                    k: r,
                    a: self.at(g, d.suffix(j)),
                    b: carried,
                    c: layer,
                };
                // SAFETY: the layout has room for these shapes.
                unsafe {
                    d.multiply::<T, S, CARRY>(carry);
                    d.multiply::<T, S, UPDATE>(update);
                }
            }
            std::mem::swap(&mut from, &mut to);
        }
        let last = d.depth();
        for g in 0..groups {
            let (layer, carried) = (self.at(g, d.layer(last)), self.at(g, from));
            for i in 0..r * d.width(last - 1) {
                // SAFETY: both matrices have these entries.
                unsafe {
                    let (w, u) = (layer.add(i * S::LANES), carried.add(i * S::LANES));
                    S::store(w, S::sub(S::load(w), S::load(u)));
                }
            }
        }
    }
}

/// `1/2 sum_i x_i^2` of `len` vectors, in four interleaved partial sums.
///
/// # Safety
/// The processor has the instructions of `S`; `x` may be called with indices below `len`.
#[inline(always)]
unsafe fn half_sum_of_squares<T: Real, S: Simd<T>>(
    len: usize,
    mut x: impl FnMut(usize) -> S::Vector,
) -> S::Vector {
    // SAFETY: the caller's.
    unsafe {
        let mut partial = [S::splat(T::default()); 4];
        let whole = len - len % 4;
        for i in (0..whole).step_by(4) {
            for (k, p) in partial.iter_mut().enumerate() {
                let x = x(i + k);
                *p = S::fma(x, x, *p);
            }
        }
        for (i, p) in (whole..len).zip(&mut partial) {
            let x = x(i);
            *p = S::fma(x, x, *p);
        }
        let [a, b, c, d] = partial;
        S::mul(S::splat(T::nearest(0.5)), S::add(S::add(a, b), S::add(c, d)))
    }
}

impl<T: Real, S: Simd<T>, D: Dims> Steps for Running<T, S, D> {
    #[inline(always)]
    fn refresh(&mut self) {
        for g in 0..self.groups {
            // SAFETY: a kernel is made only where its instructions are; `stale` has a flag a group.
            unsafe {
                if std::mem::take(&mut *self.stale.add(g)) {
                    self.forward(g, g + 1);
                }
            }
        }
    }

    #[inline(always)]
    fn hold(&self) -> bool {
        let mut hold = true;
        for g in 0..self.groups {
            // SAFETY: as in `refresh`; losses and windows have a vector for each group.
            unsafe {
                let [x, low, high] = [self.losses.cast_const(), self.lows, self.highs]
                    .map(|of| S::load(of.add(g * S::LANES)));
                hold &= S::within(x, low, high);
            }
        }
        hold
    }

    #[inline(always)]
    fn step(&mut self) {
        // SAFETY: as in `refresh`.
        unsafe {
            self.backward();
            self.forward(0, self.groups);
        }
    }
}

/// Advances the kernel in a function that is compiled for its instructions.
struct Advance<'a, T, S> {
    kernel: &'a mut Compact<T, S>,
    max_steps: u64,
}

impl<T: Real, S: Simd<T>> Work for Advance<'_, T, S> {
    type Output = u64;

    #[inline(always)]
    unsafe fn run(self) -> u64 {
        let layout = Arc::clone(&self.kernel.layout);
        let depth = layout.dims.len() - 1;
        let square = layout.dims.iter().all(|&e| e == layout.dims[0]);
        match layout.dims[0] {
            1 if square => descend(&mut self.kernel.running(Square::<1> { depth }), self.max_steps),
            2 if square => descend(&mut self.kernel.running(Square::<2> { depth }), self.max_steps),
            3 if square => descend(&mut self.kernel.running(Square::<3> { depth }), self.max_steps),
            4 if square => descend(&mut self.kernel.running(Square::<4> { depth }), self.max_steps),
            8 if square => descend(&mut self.kernel.running(Square::<8> { depth }), self.max_steps),
            16 if square => {
                descend(&mut self.kernel.running(Square::<16> { depth }), self.max_steps)
            }
            _ => descend(&mut self.kernel.running(Any { layout: &layout }), self.max_steps),
        }
    }
}

impl<T: Real, S: Simd<T>> Compact<T, S> {
    /// A kernel for networks of this shape.
    ///
    /// # Safety
    /// The processor has the instructions of `S`.
    pub(super) unsafe fn new(shape: &Shape, learning_rate: f64) -> Self {
        let plan = ChainPlan::new(shape);
        let groups = groups(&plan);
        Self::with_groups(plan, learning_rate, groups)
    }

    fn with_groups(plan: ChainPlan, learning_rate: f64, groups: usize) -> Self {
        let layout = Layout::new(&plan);
        let lanes = groups * S::LANES;
        Self {
            learning_rate: T::nearest(learning_rate),
            groups,
            memory: Buffer::zeros(lanes * layout.len),
            factors: Buffer::zeros(0),
            factors_transposed: Buffer::zeros(0),
            halves: Buffer::zeros(0),
            losses: Buffer::zeros(lanes),
            lows: Buffer::zeros(lanes),
            highs: Buffer::zeros(lanes),
            stale: vec![true; groups],
            trial: vec![0.0; plan.parameters().max(plan.rows() * plan.dims()[0])],
            simd: PhantomData,
            layout: Arc::new(layout),
            plan,
        }
    }

    /// The kernel as its steps see it.
    #[inline(always)]
    fn running<D: Dims>(&mut self, dims: D) -> Running<T, S, D> {
        let (r, e) = (self.plan.rows(), self.plan.dims()[0]);
        let mirrored = self.plan.mirrored();
        let (across, half_rows) = if mirrored { (r, e) } else { (e, r) };
        let factor_len = self.factors.len() / (self.groups * S::LANES);
        let p = factor_len / across;
        let metric = (factor_len > 0).then(|| Metric {
            mirrored,
            p,
            factors: self.factors.as_ptr(),
            factors_transposed: self.factors_transposed.as_ptr(),
            factor_len,
            halves: self.halves.as_mut_ptr(),
            half_len: p * half_rows,
        });
        Running {
            dims,
            groups: self.groups,
            len: self.layout.len,
            memory: self.memory.as_mut_ptr(),
            phi: self.layout.phi,
            carried: self.layout.carried,
            learning_rate: self.learning_rate,
            metric,
            losses: self.losses.as_mut_ptr(),
            lows: self.lows.as_ptr(),
            highs: self.highs.as_ptr(),
            stale: self.stale.as_mut_ptr(),
            simd: PhantomData,
        }
    }

    /// Position in the memory of entry `i` (in vectors) of a lane.
    fn position(&self, lane: usize, i: usize) -> usize {
        let (group, lane) = (lane / S::LANES, lane % S::LANES);
        (group * self.layout.len + i) * S::LANES + lane
    }

    /// Puts `F` into a lane.
    fn load_factor(&mut self, lane: usize, problem: &Problem) {
        let Some(factor) = &problem.factor else { return };
        // Mirrored, the residual is d_0 x d_N and its half p x d_N; otherwise d_N x p.
        let across = if self.plan.mirrored() { self.plan.dims()[0] } else { self.plan.rows() };
        let lanes = self.groups * S::LANES;
        if self.factors.len() != factor.len() * lanes {
            self.factors = Buffer::zeros(factor.len() * lanes);
            self.factors_transposed = self.factors.clone();
            self.halves = Buffer::zeros(across * factor.ncols() * lanes);
        }
        let (group, lane) = (lane / S::LANES, lane % S::LANES);
        let start = group * factor.len() * S::LANES + lane;
        for (i, &entry) in factor.iter().enumerate() {
            self.factors[start + i * S::LANES] = T::nearest(entry);
        }
        for (i, &entry) in factor.t().iter().enumerate() {
            self.factors_transposed[start + i * S::LANES] = T::nearest(entry);
        }
    }
}

/// Groups for networks of this plan.
fn groups(plan: &ChainPlan) -> usize {
    let vectors = (plan.flops() / 2.0) as usize + plan.parameters();
    // A power of two, so that blocks of trials are whole numbers of rounds.
    VECTORS_IN_FLIGHT.div_ceil(vectors.max(1)).next_power_of_two().min(MOST_GROUPS)
}

impl<T: Real, S: Simd<T>> Kernel for Compact<T, S> {
    fn lanes(&self) -> usize {
        self.groups * S::LANES
    }

    fn load(&mut self, lane: usize, weights: &Weights, problem: &Problem) {
        let mut trial = std::mem::take(&mut self.trial);
        self.plan.orient(weights, &mut trial);
        for j in 1..=self.plan.depth() {
            let layer = &trial[self.plan.layer_start(j)..self.plan.layer_start(j + 1)];
            for (i, &w) in layer.iter().enumerate() {
                let at = self.position(lane, self.layout.layers[j - 1] + i);
                self.memory[at] = T::nearest(w);
            }
        }
        let (start, len) = (self.layout.phi, problem.phi.len());
        self.plan.orient_target(problem.phi.view(), &mut trial[..len]);
        for (i, &entry) in trial[..len].iter().enumerate() {
            let at = self.position(lane, start + i);
            self.memory[at] = T::nearest(entry);
        }
        self.trial = trial;
        self.load_factor(lane, problem);
        self.stale[lane / S::LANES] = true;
    }

    fn clear(&mut self, lane: usize) {
        // Zero weights and a zero target: nothing moves, and the loss is 0.
        for i in 0..self.layout.len {
            let at = self.position(lane, i);
            self.memory[at] = T::default();
        }
        self.stale[lane / S::LANES] = true;
    }

    fn unload(&self, lane: usize, weights: &mut Weights) {
        let Layout { dims, layers, .. } = &*self.layout;
        self.plan.restore(weights, |j, i, k| {
            self.memory[self.position(lane, layers[j - 1] + i * dims[j - 1] + k)].widen()
        });
    }

    fn advance(&mut self, max_steps: u64, windows: &[Window]) -> u64 {
        assert_eq!(windows.len(), self.lanes(), "a window for each lane");
        for (i, window) in windows.iter().enumerate() {
            (self.lows[i], self.highs[i]) = window.bounds();
        }
        // SAFETY: by the promise made to `new`.
        unsafe { S::enable(Advance { kernel: self, max_steps }) }
    }

    fn loss(&self, lane: usize) -> f64 {
        self.losses[lane].widen()
    }
}
