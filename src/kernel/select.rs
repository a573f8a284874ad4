//! Which kernel a cell runs on: a function of its shape alone, so the choice is part of the study
//! and never of the moment.

use super::Kernel;
use super::blas::OpenBlas;
use super::chain::ChainPlan;
use super::gemm::{Chain, PlainLoops};
use super::tile::Tiles;
use crate::network::Shape;

/// A way to run a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The chain of products in plain loops.
    Loops,
    /// The chain of products in register tiles.
    Tiles,
    /// The chain of products by OpenBLAS.
    OpenBlas,
}

impl Choice {
    /// All of them, for benchmarks and tests.
    pub const ALL: [Self; 3] = [Self::Loops, Self::Tiles, Self::OpenBlas];

    /// The kernel for networks of this shape.
    pub fn for_shape(shape: &Shape) -> Self {
        let plan = ChainPlan::new(shape);
        let products = 3 * plan.depth().saturating_sub(1).max(1);
        if plan.flops() / products as f64 >= 4096.0 { Self::OpenBlas } else { Self::Loops }
    }

    /// The word used in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loops => "loops",
            Self::Tiles => "tiles",
            Self::OpenBlas => "openblas",
        }
    }

    /// Makes the kernel.
    pub fn build(self, shape: &Shape, learning_rate: f64) -> Box<dyn Kernel> {
        match self {
            Self::Loops => Box::new(Chain::<PlainLoops>::new(shape, learning_rate)),
            Self::Tiles => Box::new(Chain::<Tiles>::new(shape, learning_rate)),
            Self::OpenBlas => Box::new(Chain::<OpenBlas>::new(shape, learning_rate)),
        }
    }
}
