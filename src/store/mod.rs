//! How rows are kept while a study runs and how they become `results.h5`.
//!
//! Workers publish immutable [`part`]s of rows or, where no rows are kept, of [`tally`]s, and files of
//! [`trajectories`] of the trials that are recorded; [`merge()`] reads them in pieces and writes the results
//! file chunk by chunk ([`results`], on a [`draft`]), so that memory does not grow with the number of
//! trials. HDF5 writes through a driver of ours: every byte goes through [`io::FileSystem`].

pub mod allotment;
pub mod column;
pub mod compaction;
pub mod cost;
pub mod coverage;
mod cursor;
pub mod damage;
pub mod declaration;
pub mod draft;
mod driver;
pub mod ends;
mod filter;
mod guarded;
pub mod histogram;
mod histograms;
pub mod io;
mod ledger;
pub mod looks;
pub mod manifest;
mod medium;
pub mod merge;
pub mod numerics;
pub mod page;
pub mod part;
mod pieces;
mod places;
pub mod publish;
pub mod rates;
pub mod reader;
mod refinement;
pub mod results;
mod row;
pub mod scan;
pub mod schema;
mod seal;
pub mod states;
pub mod summary;
mod tallies;
pub mod tally;
pub mod trace;
mod traced;
pub mod trajectories;
mod unbound;

pub use cost::Cost;
pub use coverage::Coverage;
pub use ends::{End, Ends};
pub use histogram::Histogram;
pub use io::{Disk, FileSystem};
pub use manifest::{CellKernel, Manifest};
pub use merge::{Merge, MergeOptions, Missing, merge};
pub use numerics::Numerics;
pub use part::{BlockRows, BlockTally, Part};
pub use publish::Published;
pub use reader::ResultsFile;
pub use scan::{Scan, scan};
pub use summary::{CellSummary, Intervals};
pub use tally::Tally;

#[cfg(test)]
pub(crate) mod simulated;
