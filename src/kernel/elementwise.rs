//! What kernels do entry by entry, on vectors, in an order that the length alone decides.
//!
//! All functions are inlined into [`Work`](super::simd::Work), which compiles them for its vectors.

use super::real::Real;
use super::simd::Simd;

/// Writes `scale (W - Phi)` and returns `||W - Phi||_F^2`, in one pass.
///
/// # Safety
/// As [`Simd`]; the slices are equally long.
#[inline(always)]
pub(super) unsafe fn residual<T: Real, S: Simd<T>>(
    w: &[T],
    phi: &[T],
    scale: T,
    scaled: &mut [T],
) -> T {
    debug_assert!(w.len() == phi.len() && w.len() == scaled.len());
    let (w, phi, scaled_at) = (w.as_ptr(), phi.as_ptr(), scaled.as_mut_ptr());
    // SAFETY: the caller's.
    unsafe {
        let factor = S::splat(scale);
        squares::<T, S>(
            scaled.len(),
            |i| {
                let difference = S::sub(S::load(w.add(i)), S::load(phi.add(i)));
                S::store(scaled_at.add(i), S::mul(factor, difference));
                difference
            },
            |i| {
                let difference = *w.add(i) - *phi.add(i);
                *scaled_at.add(i) = scale * difference;
                difference
            },
        )
    }
}

/// `sum_i x_i^2`.
///
/// # Safety
/// As [`Simd`].
#[inline(always)]
pub(super) unsafe fn sum_of_squares<T: Real, S: Simd<T>>(x: &[T]) -> T {
    let at = x.as_ptr();
    // SAFETY: the caller's; the indices are inside.
    unsafe { squares::<T, S>(x.len(), |i| S::load(at.add(i)), |i| *at.add(i)) }
}

/// `sum_i x_i^2` of `len` numbers: one partial sum for each place in a cache line, then [`tree`]; what is
/// left over a whole number of lines is added one by one.
///
/// [`tree`]: super::simd::tree
///
/// # Safety
/// As [`Simd`]; `vector` gives `LANES` numbers from an index on, `single` one.
#[inline(always)]
unsafe fn squares<T: Real, S: Simd<T>>(
    len: usize,
    mut vector: impl FnMut(usize) -> S::Vector,
    mut single: impl FnMut(usize) -> T,
) -> T {
    // SAFETY: the caller's.
    unsafe {
        let zero = S::splat(T::default());
        let mut partial = [zero; 2];
        let whole = len - len % T::LINE;
        for line in (0..whole).step_by(T::LINE) {
            for (v, at) in (0..T::LINE).step_by(S::LANES).enumerate() {
                let x = vector(line + at);
                partial[v] = S::fma(x, x, partial[v]);
            }
        }
        let mut sums = [T::default(); 4];
        S::sum4([partial, [zero; 2], [zero; 2], [zero; 2]], sums.as_mut_ptr());
        (whole..len).fold(sums[0], |sum, i| {
            let x = single(i);
            x.fma(x, sum)
        })
    }
}

/// `w = w - u`, entry by entry.
#[inline(always)]
pub(super) fn subtract<T: Real>(u: &[T], w: &mut [T]) {
    for (w, &u) in w.iter_mut().zip(u) {
        *w = *w - u;
    }
}

/// `u = scale u`, entry by entry.
#[inline(always)]
pub(super) fn scale<T: Real>(scale: T, u: &mut [T]) {
    for u in u {
        *u = scale * *u;
    }
}
