//! deeplin measures how likely gradient descent on a deep linear network is to reach a global
//! minimum from a random start, and shows why the other starts do not.

// Referenced so that the linker keeps OpenBLAS, which ndarray, ndarray-linalg and the kernels call.
extern crate blas_src as _;

pub mod config;
pub mod digest;
pub mod error;
pub mod network;
pub mod rng;
pub mod stats;
pub mod stop;
pub mod study;

pub use error::{Error, Result};
