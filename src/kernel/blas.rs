//! The only BLAS binding: products by OpenBLAS, and what OpenBLAS says about itself.

use std::ffi::{CStr, c_char, c_int};

use cblas_sys::{CBLAS_LAYOUT, CBLAS_TRANSPOSE, cblas_dgemm, cblas_sgemm};

use super::gemm::Products;
use crate::error::{Error, Result};

const ROW_MAJOR: CBLAS_LAYOUT = CBLAS_LAYOUT::CblasRowMajor;
const PLAIN: CBLAS_TRANSPOSE = CBLAS_TRANSPOSE::CblasNoTrans;
const TRANSPOSED: CBLAS_TRANSPOSE = CBLAS_TRANSPOSE::CblasTrans;

unsafe extern "C" {
    fn openblas_set_num_threads(threads: c_int);
    fn openblas_get_num_threads() -> c_int;
    fn openblas_get_parallel() -> c_int;
    fn openblas_get_config() -> *const c_char;
    fn openblas_get_corename() -> *const c_char;
}

/// Products by OpenBLAS, on row-major matrices without gaps. None of them multiplies by a transposed
/// matrix from the right, the one shape that its small-matrix path refuses.
#[derive(Debug, Default)]
pub struct OpenBlas;

macro_rules! products {
    ($float:ident, $gemm:ident) => {
        impl Products<$float> for OpenBlas {
            fn len(rows: usize, columns: usize) -> usize {
                rows * columns
            }

            fn position(_rows: usize, columns: usize, i: usize, k: usize) -> usize {
                i * columns + k
            }

            fn multiply(
                &mut self,
                (m, n, k): (usize, usize, usize),
                a: &[$float],
                b: &[$float],
                c: &mut [$float],
            ) {
                assert!(a.len() >= m * k && b.len() >= k * n && c.len() >= m * n);
                let (mi, ni, ki) = (int(m), int(n), int(k));
                let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
                // SAFETY: the three slices hold m x k, k x n and m x n entries, checked above.
                unsafe {
                    $gemm(ROW_MAJOR, PLAIN, PLAIN, mi, ni, ki, 1.0, a, ki, b, ni, 0.0, c, ni)
                };
            }

            fn subtract_transposed(
                &mut self,
                (m, n, k): (usize, usize, usize),
                a: &[$float],
                b: &[$float],
                c: &mut [$float],
            ) {
                assert!(a.len() >= k * m && b.len() >= k * n && c.len() >= m * n);
                let (mi, ni, ki) = (int(m), int(n), int(k));
                let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
                // SAFETY: the three slices hold k x m, k x n and m x n entries, checked above.
                unsafe {
                    $gemm(ROW_MAJOR, TRANSPOSED, PLAIN, mi, ni, ki, -1.0, a, mi, b, ni, 1.0, c, ni);
                }
            }

            fn transpose(&mut self, m: usize, n: usize, a: &[$float], b: &mut [$float]) {
                // In squares, so that both matrices are read and written by whole cache lines.
                const SIDE: usize = 16;
                for i0 in (0..m).step_by(SIDE) {
                    for k0 in (0..n).step_by(SIDE) {
                        for i in i0..m.min(i0 + SIDE) {
                            for k in k0..n.min(k0 + SIDE) {
                                b[k * m + i] = a[i * n + k];
                            }
                        }
                    }
                }
            }
        }
    };
}

products!(f64, cblas_dgemm);
products!(f32, cblas_sgemm);

/// A dimension as BLAS takes it.
fn int(dimension: usize) -> c_int {
    c_int::try_from(dimension).expect("a validated study has dimensions far below 2^31")
}

/// Variables of the environment with which OpenBLAS does not choose kernels and block sizes for itself.
pub const PINS: [&str; 3] = ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OPENBLAS_BLOCK_FACTOR"];

/// How an OpenBLAS build protects itself against several callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threading {
    /// Built without threads and without locks: two callers at once get wrong numbers.
    Serial,
    /// Built on POSIX threads.
    Pthreads,
    /// Built on OpenMP.
    OpenMp,
}

impl Threading {
    /// The word used in messages and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Serial => "serial",
            Self::Pthreads => "pthreads",
            Self::OpenMp => "OpenMP",
        }
    }
}

/// What the OpenBLAS in this process says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Version and build options.
    pub config: String,
    /// Family of kernels in use, for instance `SkylakeX`: it decides the last bits of products.
    pub core: String,
    /// How it is protected against several callers.
    pub threading: Threading,
    /// Threads a single call may use.
    pub threads: i32,
}

/// Asks OpenBLAS.
pub fn build() -> Build {
    // SAFETY: plain queries without arguments; the strings are static, or null in odd builds.
    let (config, core, parallel, threads) = unsafe {
        (
            owned(openblas_get_config()),
            owned(openblas_get_corename()),
            openblas_get_parallel(),
            openblas_get_num_threads(),
        )
    };
    let threading = match parallel {
        0 => Threading::Serial,
        2 => Threading::OpenMp,
        _ => Threading::Pthreads,
    };
    Build { config, core, threading, threads }
}

/// # Safety
/// `text` is null or a string that lives as long as the process.
unsafe fn owned(text: *const c_char) -> String {
    if text.is_null() {
        return "unknown".to_owned();
    }
    // SAFETY: not null, and a C string by the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().trim().to_owned()
}

/// Sets BLAS to one thread, since all parallelism is over trials, and refuses several workers over a
/// serial build. To be called once, before any product.
pub fn prepare(workers: usize) -> Result<Build> {
    // SAFETY: sets a number in OpenBLAS; no other thread calls BLAS yet.
    unsafe { openblas_set_num_threads(1) };
    let build = build();
    if build.threading == Threading::Serial && workers > 1 {
        return Err(Error::Environment {
            message: format!(
                "this OpenBLAS was built without threads ({}): called by {workers} workers at once it \
                 returns wrong numbers",
                build.config
            ),
            help: Some(
                "install a threaded OpenBLAS (Debian, Ubuntu: `apt-get install \
                 libopenblas-pthread-dev`; Fedora: `dnf install openblas-threads`; conda: \
                 `libopenblas=*=*pthreads*`), or run with `--threads 1`"
                    .to_owned(),
            ),
        });
    }
    if build.threads > 1 {
        return Err(Error::Environment {
            message: format!(
                "OpenBLAS keeps {} threads a call although it was set to one",
                build.threads
            ),
            help: Some("set OPENBLAS_NUM_THREADS=1 and OMP_NUM_THREADS=1".to_owned()),
        });
    }
    Ok(build)
}

/// Multiplies the same matrices from `workers` threads at once, `rounds` times each, and counts the
/// products that differ from the first: 0 on a sound library.
pub fn concurrent_self_test(workers: usize, rounds: usize) -> usize {
    const N: usize = 24;
    let entry = |i: usize| ((i * 37 + 11) % 101) as f64 / 101.0 - 0.5;
    let a: Vec<f64> = (0..N * N).map(entry).collect();
    let b: Vec<f64> = (0..N * N).map(|i| entry(i + 7)).collect();
    let multiply = || {
        let mut c = vec![0.0; N * N];
        OpenBlas.multiply((N, N, N), &a, &b, &mut c);
        c
    };
    let expected = multiply();
    std::thread::scope(|scope| {
        let count = || (0..rounds).filter(|_| multiply() != expected).count();
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(count)).collect();
        handles.into_iter().map(|h| h.join().unwrap_or(rounds)).sum()
    })
}
