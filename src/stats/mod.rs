//! What the rows of a cell say about its probability: one method a file, its source cited.

pub mod asymptotes;
pub mod axis;
pub mod beta;
#[cfg(test)]
mod checks;
pub mod chi_squared;
pub mod crossings;
pub mod fieller;
pub mod glm;
pub mod goal;
pub mod holm;
pub mod incidence;
pub mod isotonic;
pub mod jeffreys;
pub mod link;
pub mod method;
pub mod normal;
pub mod paired;
pub mod proportion;
pub mod quantile;
pub mod quantile_interval;
pub mod restart;
pub mod scaling;
pub mod sequence;
pub mod splitting;
pub mod splitting_runs;
pub mod stratified;
pub mod student;
pub mod wilson;

pub use goal::Goal;
pub use holm::holm;
pub use incidence::{Incidence, StepCounts, incidence};
pub use jeffreys::jeffreys;
pub use method::{Method, simultaneous};
pub use paired::{Pairs, difference_interval};
pub use proportion::{Interval, clopper_pearson, with_undecided};
pub use quantile::quantile;
pub use quantile_interval::{Ranks, dkw_half_width, quantile_ranks};
pub use restart::{Restart, best_restart, expected_running_time, watched_restart_interval};
pub use sequence::confidence_sequence;
pub use wilson::wilson;
