//! How rows are kept while a study runs and how they become `results.h5`.
//!
//! Workers publish immutable [`part`]s; [`merge()`] reads them into a [`table`] and builds the results
//! file in memory ([`results`], on [`image`]), so that HDF5 never touches a disk while it writes and
//! every byte goes through [`io::FileSystem`].

pub mod coverage;
mod guarded;
pub mod image;
pub mod io;
pub mod manifest;
pub mod merge;
pub mod numerics;
pub mod part;
pub mod publish;
pub mod reader;
pub mod results;
mod scale;
pub mod scan;
pub mod schema;
mod seal;
pub mod summary;
mod superblock;
pub mod table;
pub mod trace;

pub use coverage::Coverage;
pub use io::{Disk, FileSystem};
pub use manifest::{CellKernel, Manifest};
pub use merge::{Merge, MergeOptions, Missing, merge};
pub use numerics::Numerics;
pub use part::{BlockRows, Part};
pub use publish::Published;
pub use reader::ResultsFile;
pub use scan::{Scan, scan};
pub use summary::{CellSummary, IntervalMethod};
pub use table::Table;
