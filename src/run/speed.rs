//! How fast this machine multiplies: OpenBLAS beside the peak of multiply-adds.

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::kernel::blas::OpenBlas;
use crate::kernel::gemm::Products;
use crate::kernel::peak;
use crate::stats::quantile::quantile;

/// Repeats of every measurement, of which the median counts. They take turns, so that a change of
/// clock or of the neighbours' load meets all of them.
const REPEATS: usize = 7;
/// Time of one repeat.
const REPEAT: Duration = Duration::from_millis(40);
/// The least part of it that is timed: shorter than others usually interrupt a program for.
const PART: Duration = Duration::from_millis(2);

/// What one processor core does, all others idle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OneCore {
    /// Multiply-adds in registers, 1e9 double-precision operations a second.
    pub peak_gflops: f64,
    /// Products of square matrices by OpenBLAS.
    pub gemm: Vec<Gemm>,
}

/// Rate of the products of one width.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gemm {
    /// Rows and columns of the operands.
    pub width: usize,
    /// 1e9 operations a second.
    pub gflops: f64,
    /// Of the peak measured beside it.
    pub percent_of_peak: f64,
}

/// Measures one core with products of these widths.
pub fn one_core(widths: &[usize]) -> OneCore {
    let mut peaks = Vec::new();
    let mut rates = vec![Vec::new(); widths.len()];
    for _ in 0..REPEATS {
        peaks.push(peak::measure(1, REPEAT));
        for (rates, &width) in rates.iter_mut().zip(widths) {
            rates.push(product_rate(width, REPEAT));
        }
    }
    let peak = median(&mut peaks);
    let gemm = |(rates, &width): (&mut Vec<f64>, &usize)| {
        let rate = median(rates);
        Gemm { width, gflops: rate / 1e9, percent_of_peak: 100.0 * rate / peak }
    };
    OneCore { peak_gflops: peak / 1e9, gemm: rates.iter_mut().zip(widths).map(gemm).collect() }
}

/// Peak of `workers` workers together, 1e9 operations a second.
pub fn peak_gflops(workers: usize) -> f64 {
    let mut peaks: Vec<f64> = (0..REPEATS).map(|_| peak::measure(workers, 2 * REPEAT)).collect();
    median(&mut peaks) / 1e9
}

/// Operations a second of products `width x width` by OpenBLAS in the calling thread: the best of many
/// short parts of the time, since other programs can only slow it down (so does [`peak::measure`]).
pub(super) fn product_rate(width: usize, duration: Duration) -> f64 {
    let (a, b) = (vec![0.5; width * width], vec![0.25; width * width]);
    let mut c = vec![0.0; width * width];
    let flops = 2.0 * (width as f64).powi(3);
    let mut part = |length: Duration| {
        let (begin, mut products) = (Instant::now(), 0);
        while products == 0 || begin.elapsed() < length {
            OpenBlas.multiply((width, width, width), black_box(&a), &b, &mut c);
            products += 1;
        }
        flops * f64::from(products) / begin.elapsed().as_secs_f64()
    };
    let (begin, mut best) = (Instant::now(), 0.0);
    while begin.elapsed() < duration {
        best = f64::max(best, part(PART));
    }
    black_box(c);
    best
}

/// The middle value; 0 of none.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    quantile(values, 0.5).unwrap_or(0.0)
}
