//! Vector types: the same arithmetic on AVX-512, AVX2 and plain numbers.
//!
//! A kernel is written once over `Simd` and compiled for each of its types. Only IEEE 754 operations
//! are offered, fused multiply-add among them, so a sum whose order does not depend on the number of
//! lanes has the same bits on all of them.

mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(super) use portable::Portable;
#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

use super::real::Real;

/// An instruction set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// 512-bit vectors with fused multiply-add.
    Avx512,
    /// 256-bit vectors with fused multiply-add.
    Avx2,
    /// What every machine has.
    Portable,
}

impl Level {
    /// All levels, widest first.
    pub const ALL: [Self; 3] = [Self::Avx512, Self::Avx2, Self::Portable];

    /// The widest level of this processor; the environment variable `DEEPLIN_SIMD` (`avx2`,
    /// `portable`) lowers it, for tests.
    pub fn detect() -> Self {
        let wanted = std::env::var("DEEPLIN_SIMD").ok();
        let allowed = Self::ALL.iter().position(|level| Some(level.key()) == wanted.as_deref());
        let candidates = &Self::ALL[allowed.unwrap_or(0)..];
        candidates.iter().copied().find(|level| level.is_here()).unwrap_or(Self::Portable)
    }

    /// Whether this processor has it.
    pub fn is_here(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => is_x86_feature_detected!("avx512f") && Self::Avx2.is_here(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx512 | Self::Avx2 => false,
            Self::Portable => true,
        }
    }

    /// The word used in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Avx512 => "AVX-512",
            Self::Avx2 => "AVX2+FMA",
            Self::Portable => "portable",
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::Avx512 => "avx512",
            Self::Avx2 => "avx2",
            Self::Portable => "portable",
        }
    }
}

/// Work to be compiled for an instruction set: see [`Simd::enable`].
pub(super) trait Work {
    /// What it comes to.
    type Output;

    /// Does it. To be `#[inline(always)]` in every implementation.
    ///
    /// # Safety
    /// As the implementation says.
    unsafe fn run(self) -> Self::Output;
}

/// A vector of `LANES` numbers of type `T`.
///
/// # Safety
/// Every function must only be called on a processor that has the instruction set, and inlined into
/// [`Work`] that [`enable`](Self::enable) runs (otherwise it is right, and slow).
pub(super) trait Simd<T: Real>: Copy + Send + 'static {
    /// Numbers in a vector.
    const LANES: usize;
    /// Vectors that may be held as sums at once, operands of multiply-adds besides.
    const SUMS: usize;
    /// The vector.
    type Vector: Copy;

    /// Runs `work` in a function that is compiled for the instruction set.
    unsafe fn enable<W: Work>(work: W) -> W::Output;

    /// All lanes `x`.
    unsafe fn splat(x: T) -> Self::Vector;
    /// Reads `LANES` numbers, aligned or not.
    unsafe fn load(from: *const T) -> Self::Vector;
    /// Writes `LANES` numbers, aligned or not.
    unsafe fn store(to: *mut T, v: Self::Vector);
    /// `a + b`.
    unsafe fn add(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a - b`.
    unsafe fn sub(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a * b`.
    unsafe fn mul(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `c + a * b`, rounded once.
    unsafe fn fma(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// Whether `low < x <= high` in every lane; NaN never is.
    unsafe fn within(x: Self::Vector, low: Self::Vector, high: Self::Vector) -> bool;
    /// Writes the sums over the lanes of four pairs of vectors to `to`. With `2 LANES` partial sums
    /// `p` in each pair (`LANES` if the vector fills a cache line; then the second of a pair is not
    /// looked at), the order of additions is that of [`tree`].
    unsafe fn sum4(pairs: [[Self::Vector; 2]; 4], to: *mut T);
    /// Writes the transpose of the 4 x 4 matrix at `from` to `to`; strides in numbers.
    unsafe fn transpose4(from: *const T, from_stride: usize, to: *mut T, to_stride: usize);
}

/// The sum of a cache line of partial sums, halves folded onto each other until four are left:
/// `((p0 + p1) + (p2 + p3))`. The order that [`Simd::sum4`] takes on every instruction set.
pub(super) fn tree<T: Real>(partial: &[T]) -> T {
    let mut folded = [T::default(); 16];
    folded[..partial.len()].copy_from_slice(partial);
    let mut half = partial.len() / 2;
    while half >= 4 {
        for i in 0..half {
            folded[i] = folded[i] + folded[i + half];
        }
        half /= 2;
    }
    (folded[0] + folded[1]) + (folded[2] + folded[3])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs every operation of a vector type once on known numbers.
    struct Exercise<S>(std::marker::PhantomData<S>);

    impl<S: Simd<f64>> Work for Exercise<S> {
        type Output = Vec<u64>;

        #[inline(always)]
        unsafe fn run(self) -> Vec<u64> {
            let entry = |i: u32| f64::from((i * 37 + 11) % 101) / 101.0 - 0.5;
            let x: Vec<f64> = (0..64).map(entry).collect();
            let mut out = vec![0.0; 16];
            let p = x.as_ptr();
            // SAFETY: 64 numbers are there; the test has checked the instruction set.
            unsafe {
                let pair = |i: usize| [S::load(p.add(i)), S::load(p.add(i + S::LANES))];
                S::sum4([pair(0), pair(8), pair(16), pair(24)], out.as_mut_ptr());
                let whole = S::within(S::splat(1.0), S::splat(0.0), S::splat(1.0));
                let edge = S::within(S::splat(0.0), S::splat(0.0), S::splat(1.0));
                let nan = S::within(S::splat(f64::NAN), S::splat(0.0), S::splat(f64::INFINITY));
                assert!(whole && !edge && !nan);
            }
            for i in 0..4 {
                assert_eq!(out[i], tree(&x[8 * i..8 * i + 8]), "row {i}");
            }
            // SAFETY: as above; a 4 x 4 matrix with rows of eight, to rows of four.
            unsafe { S::transpose4(p, 8, out.as_mut_ptr(), 4) };
            for i in 0..4 {
                for k in 0..4 {
                    assert_eq!(out[4 * k + i], x[8 * i + k]);
                }
            }
            let mut lanes = [[0.0; 8]; 4];
            for at in (0..8).step_by(S::LANES) {
                // SAFETY: as above.
                unsafe {
                    let (a, b, c) =
                        (S::load(p.add(at)), S::load(p.add(8 + at)), S::load(p.add(16 + at)));
                    let results = [S::add(a, b), S::sub(a, b), S::mul(a, b), S::fma(a, b, c)];
                    for (lanes, result) in lanes.iter_mut().zip(results) {
                        S::store(lanes.as_mut_ptr().add(at), result);
                    }
                }
            }
            lanes.iter().flatten().map(|x| x.to_bits()).collect()
        }
    }

    #[test]
    fn every_operation_has_the_same_bits_on_all_instruction_sets() {
        // SAFETY: every machine has the portable vectors.
        let expected = unsafe {
            <Portable as Simd<f64>>::enable(Exercise::<Portable>(std::marker::PhantomData))
        };
        #[cfg(target_arch = "x86_64")]
        {
            if Level::Avx2.is_here() {
                // SAFETY: just checked.
                let got = unsafe {
                    <Avx2 as Simd<f64>>::enable(Exercise::<Avx2>(std::marker::PhantomData))
                };
                assert_eq!(got, expected);
            }
            if Level::Avx512.is_here() {
                // SAFETY: just checked.
                let got = unsafe {
                    <Avx512 as Simd<f64>>::enable(Exercise::<Avx512>(std::marker::PhantomData))
                };
                assert_eq!(got, expected);
            }
        }
        assert_eq!(expected.len(), 32);
    }
}
