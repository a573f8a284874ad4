//! Vector types: the same arithmetic on AVX-512, AVX2 and plain numbers.
//!
//! A kernel is written once over `Simd` and compiled for each of its types. Only IEEE 754 operations
//! are offered, fused multiply-add among them, so a sum whose order does not depend on the number of
//! lanes has the same bits on all of them.

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

/// A vector of `LANES` doubles.
///
/// # Safety
/// Every function must only be called on a processor that has the instruction set, and inlined into
/// a function that is compiled for it (otherwise it is right, and slow).
pub(super) trait Simd: Copy {
    /// Doubles in a vector.
    const LANES: usize;
    /// The vector.
    type Vector: Copy;

    /// All lanes `x`.
    unsafe fn splat(x: f64) -> Self::Vector;
    /// Reads `LANES` doubles, aligned or not.
    unsafe fn load(from: *const f64) -> Self::Vector;
    /// Writes `LANES` doubles, aligned or not.
    unsafe fn store(to: *mut f64, v: Self::Vector);
    /// `a * b + c`, rounded once.
    unsafe fn fma(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// Writes the transpose of the 4 x 4 matrix at `from` to `to`; strides in doubles.
    unsafe fn transpose4(from: *const f64, from_stride: usize, to: *mut f64, to_stride: usize);
}

/// Four doubles in an array.
#[derive(Debug, Clone, Copy)]
pub(super) struct Portable;

impl Simd for Portable {
    const LANES: usize = 4;
    type Vector = [f64; 4];

    #[inline(always)]
    unsafe fn splat(x: f64) -> [f64; 4] {
        [x; 4]
    }

    #[inline(always)]
    unsafe fn load(from: *const f64) -> [f64; 4] {
        // SAFETY: the caller vouches for four doubles.
        unsafe { from.cast::<[f64; 4]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f64, v: [f64; 4]) {
        // SAFETY: the caller vouches for four doubles.
        unsafe { to.cast::<[f64; 4]>().write_unaligned(v) }
    }

    #[inline(always)]
    unsafe fn fma(a: [f64; 4], b: [f64; 4], c: [f64; 4]) -> [f64; 4] {
        std::array::from_fn(|i| a[i].mul_add(b[i], c[i]))
    }

    #[inline(always)]
    unsafe fn transpose4(from: *const f64, from_stride: usize, to: *mut f64, to_stride: usize) {
        for i in 0..4 {
            for k in 0..4 {
                // SAFETY: the caller vouches for both matrices.
                unsafe { *to.add(k * to_stride + i) = *from.add(i * from_stride + k) };
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256d, __m512d, _mm256_fmadd_pd, _mm256_loadu_pd, _mm256_permute2f128_pd, _mm256_set1_pd,
        _mm256_storeu_pd, _mm256_unpackhi_pd, _mm256_unpacklo_pd, _mm512_fmadd_pd, _mm512_loadu_pd,
        _mm512_set1_pd, _mm512_storeu_pd,
    };

    use super::Simd;

    /// 256-bit vectors.
    #[derive(Debug, Clone, Copy)]
    pub(in crate::kernel) struct Avx2;

    // SAFETY of all blocks below: the trait's callers vouch for the instruction set and the memory.
    impl Simd for Avx2 {
        const LANES: usize = 4;
        type Vector = __m256d;

        #[inline(always)]
        unsafe fn splat(x: f64) -> __m256d {
            // SAFETY: see above.
            unsafe { _mm256_set1_pd(x) }
        }

        #[inline(always)]
        unsafe fn load(from: *const f64) -> __m256d {
            // SAFETY: see above.
            unsafe { _mm256_loadu_pd(from) }
        }

        #[inline(always)]
        unsafe fn store(to: *mut f64, v: __m256d) {
            // SAFETY: see above.
            unsafe { _mm256_storeu_pd(to, v) }
        }

        #[inline(always)]
        unsafe fn fma(a: __m256d, b: __m256d, c: __m256d) -> __m256d {
            // SAFETY: see above.
            unsafe { _mm256_fmadd_pd(a, b, c) }
        }

        #[inline(always)]
        unsafe fn transpose4(from: *const f64, from_stride: usize, to: *mut f64, to_stride: usize) {
            // SAFETY: see above.
            unsafe {
                let [a, b, c, d] = [0, 1, 2, 3].map(|i| _mm256_loadu_pd(from.add(i * from_stride)));
                let (ab_low, ab_high) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
                let (cd_low, cd_high) = (_mm256_unpacklo_pd(c, d), _mm256_unpackhi_pd(c, d));
                _mm256_storeu_pd(to, _mm256_permute2f128_pd(ab_low, cd_low, 0x20));
                _mm256_storeu_pd(to.add(to_stride), _mm256_permute2f128_pd(ab_high, cd_high, 0x20));
                let to = to.add(2 * to_stride);
                _mm256_storeu_pd(to, _mm256_permute2f128_pd(ab_low, cd_low, 0x31));
                _mm256_storeu_pd(to.add(to_stride), _mm256_permute2f128_pd(ab_high, cd_high, 0x31));
            }
        }
    }

    /// 512-bit vectors.
    #[derive(Debug, Clone, Copy)]
    pub(in crate::kernel) struct Avx512;

    impl Simd for Avx512 {
        const LANES: usize = 8;
        type Vector = __m512d;

        #[inline(always)]
        unsafe fn splat(x: f64) -> __m512d {
            // SAFETY: see above.
            unsafe { _mm512_set1_pd(x) }
        }

        #[inline(always)]
        unsafe fn load(from: *const f64) -> __m512d {
            // SAFETY: see above.
            unsafe { _mm512_loadu_pd(from) }
        }

        #[inline(always)]
        unsafe fn store(to: *mut f64, v: __m512d) {
            // SAFETY: see above.
            unsafe { _mm512_storeu_pd(to, v) }
        }

        #[inline(always)]
        unsafe fn fma(a: __m512d, b: __m512d, c: __m512d) -> __m512d {
            // SAFETY: see above.
            unsafe { _mm512_fmadd_pd(a, b, c) }
        }

        #[inline(always)]
        unsafe fn transpose4(from: *const f64, from_stride: usize, to: *mut f64, to_stride: usize) {
            // SAFETY: AVX-512 machines have AVX2; `Level::is_here` checks it.
            unsafe { Avx2::transpose4(from, from_stride, to, to_stride) }
        }
    }
}
