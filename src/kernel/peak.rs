//! The floating-point peak of this machine, measured: what every figure of throughput is held against.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::simd::Level;

/// Independent accumulators: enough to hide the latency of fused multiply-add (4 cycles x 2 ports)
/// and few enough to stay in the 16 registers of AVX2.
const CHAINS: usize = 12;
/// Multiply-adds of each accumulator between two looks at the clock.
const BURST: usize = 20_000;

/// Double-precision operations a second of `threads` threads together, each doing nothing but
/// multiply-adds in registers for about `duration`; of each thread its fastest burst of a quarter of a
/// millisecond or so, since other programs can only slow it down.
pub fn measure(threads: usize, duration: Duration) -> f64 {
    let level = Level::detect();
    std::thread::scope(|scope| {
        let handles: Vec<_> =
            (0..threads).map(|_| scope.spawn(move || one_thread(level, duration))).collect();
        handles.into_iter().map(|h| h.join().unwrap_or(0.0)).sum::<f64>()
    })
}

/// Operations a second of one thread in its fastest burst.
fn one_thread(level: Level, duration: Duration) -> f64 {
    let (begin, mut best) = (Instant::now(), 0.0_f64);
    while begin.elapsed() < duration {
        let burst_begin = Instant::now();
        let operations: f64 = (0..4).map(|_| burst(level)).sum();
        best = best.max(operations / burst_begin.elapsed().as_secs_f64());
    }
    best
}

/// One burst of multiply-adds; returns the number of operations.
fn burst(level: Level) -> f64 {
    let (factor, term) = (black_box(0.999_999), black_box(1e-6));
    let lanes = match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => {
            // SAFETY: `detect` has found AVX-512F.
            unsafe { x86::burst_avx512(factor, term) }
        }
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => {
            // SAFETY: `detect` has found AVX2 and FMA.
            unsafe { x86::burst_avx2(factor, term) }
        }
        _ => burst_portable(factor, term),
    };
    (2 * CHAINS * BURST * lanes) as f64
}

/// The burst with four lanes of plain multiply and add.
fn burst_portable(factor: f64, term: f64) -> usize {
    const LANES: usize = 4;
    let mut sums = [[1.0; LANES]; CHAINS];
    for _ in 0..BURST {
        for sum in &mut sums {
            for x in sum {
                *x = *x * factor + term;
            }
        }
    }
    black_box(sums);
    LANES
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{_mm256_fmadd_pd, _mm256_set1_pd, _mm512_fmadd_pd, _mm512_set1_pd};
    use std::hint::black_box;

    use super::{BURST, CHAINS};

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn burst_avx2(factor: f64, term: f64) -> usize {
        let (factor, term) = (_mm256_set1_pd(factor), _mm256_set1_pd(term));
        let mut sums = [_mm256_set1_pd(1.0); CHAINS];
        for _ in 0..BURST {
            for sum in &mut sums {
                *sum = _mm256_fmadd_pd(*sum, factor, term);
            }
        }
        black_box(sums);
        4
    }

    #[target_feature(enable = "avx512f")]
    pub(super) fn burst_avx512(factor: f64, term: f64) -> usize {
        let (factor, term) = (_mm512_set1_pd(factor), _mm512_set1_pd(term));
        let mut sums = [_mm512_set1_pd(1.0); CHAINS];
        for _ in 0..BURST {
            for sum in &mut sums {
                *sum = _mm512_fmadd_pd(*sum, factor, term);
            }
        }
        black_box(sums);
        8
    }
}
