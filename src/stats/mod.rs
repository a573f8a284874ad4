//! What the rows of a cell say about its probability: one method a file, its source cited.

pub mod beta;
pub mod proportion;
pub mod quantile;
pub mod sequence;

pub use proportion::{Interval, clopper_pearson, with_undecided};
pub use quantile::quantile;
pub use sequence::confidence_sequence;
