//! deeplin measures how likely gradient descent on a deep linear network is to reach a global
//! minimum from a random start, and shows why the other starts do not.
//!
//! A [`study`] is a grid of cells times numbered trials. [`config`] reads it from TOML; [`start`] draws
//! where a trial begins ([`network`], [`rng`]); [`descent`] advances trials on a [`kernel`] until
//! [`stop`] has a verdict on each and [`observe`] has measured its ends; [`store`] keeps the rows and
//! builds `results.h5`; [`run`] does all of it in parallel; [`rare`]
//! estimates probabilities too small to be counted; [`stats`] and [`report`] say what came out.
//! Each of these rooms imports only those before it in `tests/it/tidy.rs`, which checks it. How to use the
//! program and the crate, and what the numbers mean, is in the [`book`].
//!
//! ```
//! use std::path::Path;
//! use std::sync::atomic::AtomicBool;
//!
//! use deeplin::run::method;
//! use deeplin::start::Starts;
//! use deeplin::stop::Outcome;
//! use deeplin::study::Block;
//!
//! // Two layers of 8 x 8 from Gaussian weights towards the identity: the default study, made shallow.
//! let study = deeplin::config::parse("example", "network.depth = 2", &[], Path::new("."))?;
//! let cell = &study.cells[0];
//! let mut kernel = method::kernel(cell);
//! let trials = Block { cell: 0, first: 0, count: 20 };
//! let starts = Starts::new(study.seed, cell);
//! let stop = AtomicBool::new(false);
//! let rows = deeplin::descent::run_block(kernel.as_mut(), cell, &starts, trials, &study.ladder, &stop);
//! assert!(rows.iter().all(|row| row.outcome == Outcome::Converged));
//! # Ok::<(), deeplin::Error>(())
//! ```

// Referenced so that the linker keeps OpenBLAS, which ndarray, ndarray-linalg and the kernels call.
extern crate blas_src as _;

pub mod book;
pub mod cli;
pub mod config;
pub mod descent;
pub mod digest;
pub mod draw;
pub mod error;
mod foreign;
pub mod kernel;
pub mod network;
pub mod observe;
pub mod rare;
pub mod reduce;
pub mod report;
pub mod rng;
pub mod run;
pub mod start;
pub mod stats;
pub mod stop;
pub mod store;
pub mod study;
pub mod theorem;

pub use error::{Error, Result};
