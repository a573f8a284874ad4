//! Which kernel a cell runs on: a function of its shape alone, so the choice is part of the study
//! and never of the moment.

use super::Kernel;
use super::blas::OpenBlas;
use super::chain::ChainPlan;
use super::gemm::{Chain, PlainLoops};
use crate::network::Shape;

/// A way to run a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The chain of products in plain loops.
    Loops,
    /// The chain of products by OpenBLAS.
    OpenBlas,
}

/// Mean operation count of one product of the chain from which OpenBLAS is worth its calls; set by
/// `cargo bench --bench kernels -- crossover`.
const OPENBLAS_FROM_FLOPS: f64 = 4096.0;

impl Choice {
    /// The kernel for networks of this shape.
    pub fn for_shape(shape: &Shape) -> Self {
        let plan = ChainPlan::new(shape);
        let products = 3 * plan.depth().saturating_sub(1).max(1);
        if plan.flops() / products as f64 >= OPENBLAS_FROM_FLOPS {
            Self::OpenBlas
        } else {
            Self::Loops
        }
    }

    /// The word used in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loops => "loops",
            Self::OpenBlas => "openblas",
        }
    }

    /// Makes the kernel.
    pub fn build(self, shape: &Shape, learning_rate: f64) -> Box<dyn Kernel> {
        match self {
            Self::Loops => Box::new(Chain::<PlainLoops>::new(shape, learning_rate)),
            Self::OpenBlas => Box::new(Chain::<OpenBlas>::new(shape, learning_rate)),
        }
    }
}
