//! Vectors of x86-64: AVX2 with FMA, and AVX-512.

#[allow(clippy::wildcard_imports, reason = "two dozen intrinsics by their own names")]
use std::arch::x86_64::*;

use super::{Simd, Work};

/// 256-bit vectors.
#[derive(Debug, Clone, Copy)]
pub(in crate::kernel) struct Avx2;

/// 512-bit vectors.
#[derive(Debug, Clone, Copy)]
pub(in crate::kernel) struct Avx512;

/// The operations that differ in the names of their intrinsics only.
macro_rules! operations {
    ($float:ident, $vector:ident, $set1:ident, $load:ident, $store:ident, $add:ident, $sub:ident,
     $mul:ident, $fma:ident) => {
        type Vector = $vector;

        #[inline(always)]
        unsafe fn splat(x: $float) -> $vector {
            // SAFETY: as the trait says, here and below.
            unsafe { $set1(x) }
        }

        #[inline(always)]
        unsafe fn load(from: *const $float) -> $vector {
            // SAFETY: see `splat`.
            unsafe { $load(from) }
        }

        #[inline(always)]
        unsafe fn store(to: *mut $float, v: $vector) {
            // SAFETY: see `splat`.
            unsafe { $store(to, v) }
        }

        #[inline(always)]
        unsafe fn add(a: $vector, b: $vector) -> $vector {
            // SAFETY: see `splat`.
            unsafe { $add(a, b) }
        }

        #[inline(always)]
        unsafe fn sub(a: $vector, b: $vector) -> $vector {
            // SAFETY: see `splat`.
            unsafe { $sub(a, b) }
        }

        #[inline(always)]
        unsafe fn mul(a: $vector, b: $vector) -> $vector {
            // SAFETY: see `splat`.
            unsafe { $mul(a, b) }
        }

        #[inline(always)]
        unsafe fn fma(a: $vector, b: $vector, c: $vector) -> $vector {
            // SAFETY: see `splat`.
            unsafe { $fma(a, b, c) }
        }
    };
}

/// The entry into functions that are compiled for the instruction set.
macro_rules! enable {
    ($features:literal) => {
        #[inline(always)]
        unsafe fn enable<W: Work>(work: W) -> W::Output {
            #[target_feature(enable = $features)]
            unsafe fn enabled<W: Work>(work: W) -> W::Output {
                // SAFETY: the caller's.
                unsafe { work.run() }
            }
            // SAFETY: as the trait says.
            unsafe { enabled(work) }
        }
    };
}

impl Simd<f64> for Avx2 {
    const LANES: usize = 4;
    const SUMS: usize = 12;
    enable!("avx2,fma");
    operations!(
        f64,
        __m256d,
        _mm256_set1_pd,
        _mm256_loadu_pd,
        _mm256_storeu_pd,
        _mm256_add_pd,
        _mm256_sub_pd,
        _mm256_mul_pd,
        _mm256_fmadd_pd
    );

    #[inline(always)]
    unsafe fn within(x: __m256d, low: __m256d, high: __m256d) -> bool {
        // SAFETY: see `splat`.
        unsafe {
            let above = _mm256_cmp_pd::<_CMP_GT_OQ>(x, low);
            let below = _mm256_cmp_pd::<_CMP_LE_OQ>(x, high);
            _mm256_movemask_pd(_mm256_and_pd(above, below)) == 0b1111
        }
    }

    #[inline(always)]
    unsafe fn sum4(pairs: [[__m256d; 2]; 4], to: *mut f64) {
        // SAFETY: see `splat`; the caller vouches for four numbers.
        unsafe {
            let [a, b, c, d] = pairs.map(|[low, high]| _mm256_add_pd(low, high));
            _mm256_storeu_pd(to, sum4_lanes(a, b, c, d));
        }
    }

    #[inline(always)]
    unsafe fn transpose4(from: *const f64, from_stride: usize, to: *mut f64, to_stride: usize) {
        // SAFETY: see `splat`; the caller vouches for both matrices.
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

impl Simd<f32> for Avx2 {
    const LANES: usize = 8;
    const SUMS: usize = 12;
    enable!("avx2,fma");
    operations!(
        f32,
        __m256,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_add_ps,
        _mm256_sub_ps,
        _mm256_mul_ps,
        _mm256_fmadd_ps
    );

    #[inline(always)]
    unsafe fn within(x: __m256, low: __m256, high: __m256) -> bool {
        // SAFETY: see `splat`.
        unsafe {
            let above = _mm256_cmp_ps::<_CMP_GT_OQ>(x, low);
            let below = _mm256_cmp_ps::<_CMP_LE_OQ>(x, high);
            _mm256_movemask_ps(_mm256_and_ps(above, below)) == 0xff
        }
    }

    #[inline(always)]
    unsafe fn sum4(pairs: [[__m256; 2]; 4], to: *mut f32) {
        // SAFETY: see `splat`; the caller vouches for four numbers.
        unsafe {
            let folded = pairs.map(|[low, high]| fold8(_mm256_add_ps(low, high)));
            _mm_storeu_ps(to, sum4_quads(folded));
        }
    }

    #[inline(always)]
    unsafe fn transpose4(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
        // SAFETY: see `splat`; the caller vouches for both matrices.
        unsafe {
            let [a, b, c, d] = [0, 1, 2, 3].map(|i| _mm_loadu_ps(from.add(i * from_stride)));
            let (ab_low, ab_high) = (_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
            let (cd_low, cd_high) = (_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
            _mm_storeu_ps(to, _mm_movelh_ps(ab_low, cd_low));
            _mm_storeu_ps(to.add(to_stride), _mm_movehl_ps(cd_low, ab_low));
            let to = to.add(2 * to_stride);
            _mm_storeu_ps(to, _mm_movelh_ps(ab_high, cd_high));
            _mm_storeu_ps(to.add(to_stride), _mm_movehl_ps(cd_high, ab_high));
        }
    }
}

impl Simd<f64> for Avx512 {
    const LANES: usize = 8;
    const SUMS: usize = 24;
    enable!("avx512f,avx2,fma");
    operations!(
        f64,
        __m512d,
        _mm512_set1_pd,
        _mm512_loadu_pd,
        _mm512_storeu_pd,
        _mm512_add_pd,
        _mm512_sub_pd,
        _mm512_mul_pd,
        _mm512_fmadd_pd
    );

    #[inline(always)]
    unsafe fn within(x: __m512d, low: __m512d, high: __m512d) -> bool {
        // SAFETY: see `splat`.
        unsafe {
            let above = _mm512_cmp_pd_mask::<_CMP_GT_OQ>(x, low);
            let below = _mm512_cmp_pd_mask::<_CMP_LE_OQ>(x, high);
            above & below == 0xff
        }
    }

    #[inline(always)]
    unsafe fn sum4(pairs: [[__m512d; 2]; 4], to: *mut f64) {
        // SAFETY: see `splat`; the caller vouches for four numbers.
        unsafe {
            let [a, b, c, d] = pairs.map(|[line, _]| {
                let (low, high) =
                    (_mm512_extractf64x4_pd::<0>(line), _mm512_extractf64x4_pd::<1>(line));
                _mm256_add_pd(low, high)
            });
            _mm256_storeu_pd(to, sum4_lanes(a, b, c, d));
        }
    }

    #[inline(always)]
    unsafe fn transpose4(from: *const f64, from_stride: usize, to: *mut f64, to_stride: usize) {
        // SAFETY: AVX-512 machines have AVX2; `Level::is_here` checks it.
        unsafe { <Avx2 as Simd<f64>>::transpose4(from, from_stride, to, to_stride) }
    }
}

impl Simd<f32> for Avx512 {
    const LANES: usize = 16;
    const SUMS: usize = 24;
    enable!("avx512f,avx2,fma");
    operations!(
        f32,
        __m512,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_add_ps,
        _mm512_sub_ps,
        _mm512_mul_ps,
        _mm512_fmadd_ps
    );

    #[inline(always)]
    unsafe fn within(x: __m512, low: __m512, high: __m512) -> bool {
        // SAFETY: see `splat`.
        unsafe {
            let above = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(x, low);
            let below = _mm512_cmp_ps_mask::<_CMP_LE_OQ>(x, high);
            above & below == 0xffff
        }
    }

    #[inline(always)]
    unsafe fn sum4(pairs: [[__m512; 2]; 4], to: *mut f32) {
        // SAFETY: see `splat`; the caller vouches for four numbers.
        unsafe {
            let folded = pairs.map(|[line, _]| {
                // AVX-512F has the extraction of halves for doubles only; bits are bits.
                let bits = _mm512_castps_pd(line);
                let low = _mm256_castpd_ps(_mm512_extractf64x4_pd::<0>(bits));
                let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(bits));
                fold8(_mm256_add_ps(low, high))
            });
            _mm_storeu_ps(to, sum4_quads(folded));
        }
    }

    #[inline(always)]
    unsafe fn transpose4(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
        // SAFETY: AVX-512 machines have AVX2; `Level::is_here` checks it.
        unsafe { <Avx2 as Simd<f32>>::transpose4(from, from_stride, to, to_stride) }
    }
}

/// `(x0 + x1) + (x2 + x3)` of each of four vectors.
///
/// # Safety
/// The processor has AVX2.
#[inline(always)]
unsafe fn sum4_lanes(a: __m256d, b: __m256d, c: __m256d, d: __m256d) -> __m256d {
    // SAFETY: the caller's.
    unsafe {
        // Halves 0 + 1 and 2 + 3 of a and b side by side, and of c and d.
        let ab = _mm256_hadd_pd(a, b);
        let cd = _mm256_hadd_pd(c, d);
        let low = _mm256_permute2f128_pd(ab, cd, 0x20);
        let high = _mm256_permute2f128_pd(ab, cd, 0x31);
        _mm256_add_pd(low, high)
    }
}

/// The halves of a vector added.
///
/// # Safety
/// The processor has AVX2.
#[inline(always)]
unsafe fn fold8(x: __m256) -> __m128 {
    // SAFETY: the caller's.
    unsafe { _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x)) }
}

/// `(x0 + x1) + (x2 + x3)` of each of four vectors.
///
/// # Safety
/// The processor has AVX2.
#[inline(always)]
unsafe fn sum4_quads([a, b, c, d]: [__m128; 4]) -> __m128 {
    // SAFETY: the caller's.
    unsafe { _mm_hadd_ps(_mm_hadd_ps(a, b), _mm_hadd_ps(c, d)) }
}
