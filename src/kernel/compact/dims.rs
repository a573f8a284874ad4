//! What the steps know of a network's dimensions, and how they compute its products with it.

use std::marker::PhantomData;

use super::layout::{GAP, Layout};
use super::product::{CARRY, Product, Tiled, UPDATE, subtract};
use crate::kernel::real::Real;
use crate::kernel::simd::Simd;

/// The dimensions that the steps read: those of a square network of a few sizes are known when the
/// program is compiled, and their products have no loops over tiles left.
pub(super) trait Dims: Copy {
    fn depth(self) -> usize;
    /// `e_j`.
    fn width(self, j: usize) -> usize;
    /// Where layer `j` (from 1) of a group begins, in vectors.
    fn layer(self, j: usize) -> usize;
    /// Where `S_j` (from 1) of a group begins, in vectors; `S_{N-1} = W_N`.
    fn suffix(self, j: usize) -> usize;

    /// Computes a product; of a residual, returns the sum of its squares.
    ///
    /// # Safety
    /// As [`Product::tile`].
    unsafe fn multiply<T: Real, S: Simd<T>, const FORM: u8>(self, product: Product<T>)
    -> S::Vector;

    /// Computes a pass.
    ///
    /// # Safety
    /// As [`Product::tile`].
    #[inline(always)]
    unsafe fn pass<T: Real, S: Simd<T>>(self, pass: Pass<T>) {
        // SAFETY: the caller's.
        unsafe { pass.in_turn::<S, Self>(self) }
    }
}

/// A layer on the way up: `U_j = U_{j-1} W_j'` and `W_j = W_j - S_j' U_{j-1}`; for `j = N-1`, where `W_N`
/// is `last`, also `W_N = W_N - U_{N-1}`.
pub(super) struct Pass<T> {
    pub(super) carry: Product<T>,
    pub(super) update: Product<T>,
    pub(super) last: Option<*mut T>,
}

impl<T: Real> Pass<T> {
    /// One product after the other.
    ///
    /// # Safety
    /// As [`Product::tile`].
    #[inline(always)]
    unsafe fn in_turn<S: Simd<T>, D: Dims>(self, dims: D) {
        let Self { carry, update, last } = self;
        // SAFETY: the caller's.
        unsafe {
            dims.multiply::<T, S, CARRY>(carry);
            dims.multiply::<T, S, UPDATE>(update);
            if let Some(last) = last {
                subtract::<T, S>(carry.m * carry.n, carry.c, last);
            }
        }
    }
}

/// All layers `W x W`, products in tiles of `R` rows and `C` columns.
#[derive(Clone, Copy)]
pub(super) struct Square<const W: usize, const R: usize, const C: usize> {
    pub(super) depth: usize,
}

impl<const W: usize, const R: usize, const C: usize> Square<W, R, C> {
    /// The sums of two products fit into the registers together. Then what both read is loaded once,
    /// and nothing is overwritten before it is read.
    const fn both<T: Real, S: Simd<T>>() -> bool {
        W == R && W == C && 2 * W * W <= S::SUMS
    }

    #[inline(always)]
    fn known<T: Real>(product: Product<T>) -> Product<T> {
        Product { m: W, n: W, k: W, ..product }
    }
}

impl<const W: usize, const R: usize, const C: usize> Dims for Square<W, R, C> {
    #[inline(always)]
    fn depth(self) -> usize {
        self.depth
    }

    #[inline(always)]
    fn width(self, _j: usize) -> usize {
        W
    }

    #[inline(always)]
    fn layer(self, j: usize) -> usize {
        (j - 1) * (W * W + GAP)
    }

    #[inline(always)]
    fn suffix(self, j: usize) -> usize {
        // S_1 .. S_{N-2} follow the layers, the last of which is S_{N-1}.
        let last = j + 1 == self.depth;
        (if last { j } else { self.depth + j - 1 }) * (W * W + GAP)
    }

    #[inline(always)]
    unsafe fn multiply<T: Real, S: Simd<T>, const FORM: u8>(
        self,
        product: Product<T>,
    ) -> S::Vector {
        const { assert!(W.is_multiple_of(R) && W.is_multiple_of(C)) };
        let product = Self::known(product);
        // SAFETY: the caller's.
        unsafe {
            let mut squares = S::splat(T::default());
            for i in (0..W).step_by(R) {
                for j in (0..W).step_by(C) {
                    squares = S::add(squares, product.tile::<S, R, C, FORM>(i, j));
                }
            }
            squares
        }
    }

    #[inline(always)]
    unsafe fn pass<T: Real, S: Simd<T>>(self, pass: Pass<T>) {
        let (carry, update) = (Self::known(pass.carry), Self::known(pass.update));
        // SAFETY: the caller's.
        unsafe {
            if const { Self::both::<T, S>() } {
                let carried = carry.sums::<S, R, C, CARRY>(0, 0);
                let updated = update.sums::<S, R, C, UPDATE>(0, 0);
                match pass.last {
                    None => carry.finish::<S, R, C, CARRY>(0, 0, carried),
                    Some(c) => Product { c, ..carry }.finish::<S, R, C, UPDATE>(0, 0, carried),
                };
                update.finish::<S, R, C, UPDATE>(0, 0, updated);
            } else {
                Pass { carry, update, ..pass }.in_turn::<S, Self>(self);
            }
        }
    }
}

/// Any dimensions.
#[derive(Clone, Copy)]
pub(super) struct Any<'a> {
    pub(super) layout: &'a Layout,
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
        self.layout.suffixes[j - 1]
    }

    #[inline(always)]
    unsafe fn multiply<T: Real, S: Simd<T>, const FORM: u8>(
        self,
        product: Product<T>,
    ) -> S::Vector {
        // A call, so that its many tiles are compiled once.
        // SAFETY: the caller's.
        unsafe { S::enable(Tiled::<T, S, FORM>(product, PhantomData)) }
    }
}
