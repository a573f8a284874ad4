//! What the rows of a cell say about its probability: one method a file, its source cited.

pub mod beta;
pub mod proportion;
pub mod quantile;

pub use proportion::{Interval, clopper_pearson};
pub use quantile::quantile;
