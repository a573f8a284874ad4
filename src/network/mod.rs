//! Deep linear networks: dimensions, weights, where they start and what they should become.

mod bidiagonal;
pub mod extremes;
pub mod init;
pub mod matrix;
pub mod matrix_file;
pub mod shape;
pub mod svd;
pub mod target;
pub mod weights;

pub use shape::Shape;
pub use weights::Weights;
