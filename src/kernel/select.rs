//! Which kernel a cell runs on: a function of its shape alone, so the choice is part of the study
//! and never of the moment.

use super::Kernel;
use super::blas::OpenBlas;
use super::chain::ChainPlan;
use super::gemm::{Chain, PlainLoops};
use super::tile::Tiles;
use crate::network::Shape;

/// Operations of a matrix-vector product from which OpenBLAS is worth its call. This and the other
/// thresholds: `cargo bench --bench kernels -- crossover`.
const GEMV_FROM: f64 = 512.0;
/// Operations of a product of matrices from which register tiles are fuller than loops.
const TILES_FROM: f64 = 300.0;
/// Operations of a product of matrices from which the blocking of OpenBLAS pays for its copies: between
/// widths 96 and 128.
const GEMM_FROM: f64 = 3e6;

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

    /// The kernel for networks of this shape, by the mean operation count of the products of its chain.
    pub fn for_shape(shape: &Shape) -> Self {
        let plan = ChainPlan::new(shape);
        let products = 3 * plan.depth().saturating_sub(1).max(1);
        let flops = plan.flops() / products as f64;
        if plan.rows() == 1 {
            return if flops < GEMV_FROM { Self::Loops } else { Self::OpenBlas };
        }
        match flops {
            f if f < TILES_FROM => Self::Loops,
            f if f < GEMM_FROM => Self::Tiles,
            _ => Self::OpenBlas,
        }
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
