//! Vectors that every machine has: arrays, which compilers turn into what vectors there are (NEON, say).

use super::{Simd, Work, tree};
use crate::kernel::real::Real;

/// Half a cache line of numbers in an array.
#[derive(Debug, Clone, Copy)]
pub(in crate::kernel) struct Portable;

macro_rules! portable {
    ($float:ident, $lanes:literal) => {
        impl Simd<$float> for Portable {
            const LANES: usize = $lanes;
            const SUMS: usize = 12;
            type Vector = [$float; $lanes];

            // A function of its own, as on the other instruction sets: work is compiled once.
            #[inline(never)]
            unsafe fn enable<W: Work>(work: W) -> W::Output {
                // SAFETY: the caller's.
                unsafe { work.run() }
            }

            #[inline(always)]
            unsafe fn splat(x: $float) -> Self::Vector {
                [x; $lanes]
            }

            #[inline(always)]
            unsafe fn load(from: *const $float) -> Self::Vector {
                // SAFETY: the caller vouches for the numbers.
                unsafe { from.cast::<Self::Vector>().read_unaligned() }
            }

            #[inline(always)]
            unsafe fn store(to: *mut $float, v: Self::Vector) {
                // SAFETY: the caller vouches for the numbers.
                unsafe { to.cast::<Self::Vector>().write_unaligned(v) }
            }

            #[inline(always)]
            unsafe fn add(a: Self::Vector, b: Self::Vector) -> Self::Vector {
                let mut out = [0.0; $lanes];
                for i in 0..$lanes {
                    out[i] = a[i] + b[i];
                }
                out
            }

            #[inline(always)]
            unsafe fn sub(a: Self::Vector, b: Self::Vector) -> Self::Vector {
                let mut out = [0.0; $lanes];
                for i in 0..$lanes {
                    out[i] = a[i] - b[i];
                }
                out
            }

            #[inline(always)]
            unsafe fn mul(a: Self::Vector, b: Self::Vector) -> Self::Vector {
                let mut out = [0.0; $lanes];
                for i in 0..$lanes {
                    out[i] = a[i] * b[i];
                }
                out
            }

            // Where the compiler may not assume the instruction, each lane is a call: then the calls of
            // a vector are kept in one place.
            #[cfg_attr(all(target_arch = "x86_64", not(target_feature = "fma")), inline(never))]
            #[cfg_attr(
                not(all(target_arch = "x86_64", not(target_feature = "fma"))),
                inline(always)
            )]
            unsafe fn fma(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
                let mut out = [0.0; $lanes];
                for i in 0..$lanes {
                    out[i] = a[i].fma(b[i], c[i]);
                }
                out
            }

            #[inline(always)]
            unsafe fn within(x: Self::Vector, low: Self::Vector, high: Self::Vector) -> bool {
                (0..$lanes).all(|i| x[i] > low[i] && x[i] <= high[i])
            }

            #[inline(always)]
            unsafe fn sum4(pairs: [[Self::Vector; 2]; 4], to: *mut $float) {
                for (i, pair) in pairs.iter().enumerate() {
                    // SAFETY: the caller vouches for four numbers.
                    unsafe { *to.add(i) = tree(pair.as_flattened()) };
                }
            }

            #[inline(always)]
            unsafe fn transpose4(
                from: *const $float,
                from_stride: usize,
                to: *mut $float,
                to_stride: usize,
            ) {
                for i in 0..4 {
                    for k in 0..4 {
                        // SAFETY: the caller vouches for both matrices.
                        unsafe { *to.add(k * to_stride + i) = *from.add(i * from_stride + k) };
                    }
                }
            }
        }
    };
}

portable!(f64, 4);
portable!(f32, 8);
