//! What the rows of a cell say about its probability: one method a file, its source cited.

pub mod asymptotes;
pub mod axis;
pub mod beta;
pub mod chi_squared;
pub mod fieller;
pub mod glm;
pub mod isotonic;
pub mod link;
pub mod normal;
pub mod proportion;
pub mod quantile;
pub mod scaling;
pub mod splitting;
pub mod stratified;

pub use proportion::{Interval, clopper_pearson};
pub use quantile::quantile;
