//! Which kernel a cell runs on: a function of its shape and precision alone, so the choice is part of
//! the study and never of the moment.

use super::Kernel;
use super::blas::OpenBlas;
use super::chain::ChainPlan;
use super::compact::Compact;
use super::gemm::{Chain, Products};
use super::method::Stepper;
use super::panel::Panels;
use super::real::{Precision, Real};
use super::rule::Rule;
#[cfg(target_arch = "x86_64")]
use super::simd::{Avx2, Avx512};
use super::simd::{Level, Portable, Simd};
use super::single::Single;
use super::slope::{OnPanels, Slope};
use super::thin::{self, Thin};
use crate::network::Shape;

/// Widest layer of networks that run compact: one trial a lane fills vectors whatever the width, but all
/// lanes' matrices have to stay in the second cache. This and the other thresholds:
/// `cargo bench --bench kernels -- crossover`.
const COMPACT_TO: usize = 24;
/// Widest layer from which OpenBLAS, whose blocking knows every cache, takes over. Up to 1,024 panels
/// were faster at every width on the machine of `benches/record`; beyond, nothing was measured.
const OPENBLAS_FROM: usize = 1025;

/// A way to run a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Several trials side by side, a lane each.
    Compact,
    /// One trial, fused passes over layers that meet few rows.
    Thin,
    /// One trial, products on panels.
    Panels,
    /// One trial, products by OpenBLAS.
    OpenBlas,
}

/// Makes the kernel of any rule, on the widest vectors of this processor, in double precision.
pub fn build(rule: Rule, shape: &Shape, learning_rate: f64) -> Box<dyn Kernel> {
    build_at(Level::detect(), rule, shape, learning_rate)
}

/// As [`build`], on vectors of this level.
///
/// # Panics
/// If the processor does not have the level.
pub fn build_at(level: Level, rule: Rule, shape: &Shape, learning_rate: f64) -> Box<dyn Kernel> {
    assert!(level.is_here(), "{} is not on this processor", level.name());
    // SAFETY: just checked.
    let slope: Box<dyn Slope> = unsafe {
        match level {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => Box::new(OnPanels::<Avx512>::new(shape)),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => Box::new(OnPanels::<Avx2>::new(shape)),
            _ => Box::new(OnPanels::<Portable>::new(shape)),
        }
    };
    Box::new(Stepper::new(shape, rule, learning_rate, slope))
}

impl Choice {
    /// All of them, for benchmarks and tests.
    pub const ALL: [Self; 4] = [Self::Compact, Self::Thin, Self::Panels, Self::OpenBlas];

    /// The kernel for networks of this shape.
    pub fn for_shape(shape: &Shape) -> Self {
        let plan = ChainPlan::new(shape);
        let widest = plan.dims().iter().copied().max().unwrap_or(0);
        match widest {
            _ if widest <= COMPACT_TO => Self::Compact,
            _ if plan.rows() <= thin::MOST_ROWS => Self::Thin,
            _ if widest < OPENBLAS_FROM => Self::Panels,
            _ => Self::OpenBlas,
        }
    }

    /// Whether this kernel can run networks of this shape.
    pub fn fits(self, shape: &Shape) -> bool {
        self != Self::Thin || ChainPlan::new(shape).rows() <= thin::MOST_ROWS
    }

    /// The word used in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compact => "compact",
            Self::Thin => "thin",
            Self::Panels => "panels",
            Self::OpenBlas => "openblas",
        }
    }

    /// Makes the kernel, on the widest vectors of this processor.
    ///
    /// # Panics
    /// If the kernel does not fit the shape.
    pub fn build(self, shape: &Shape, learning_rate: f64, precision: Precision) -> Box<dyn Kernel> {
        self.build_at(Level::detect(), shape, learning_rate, precision)
    }

    /// Makes the kernel on vectors of this level.
    ///
    /// # Panics
    /// If the kernel does not fit the shape, or the processor does not have the level.
    pub fn build_at(
        self,
        level: Level,
        shape: &Shape,
        learning_rate: f64,
        precision: Precision,
    ) -> Box<dyn Kernel> {
        assert!(level.is_here(), "{} is not on this processor", level.name());
        // SAFETY: just checked.
        unsafe {
            match (precision, level) {
                #[cfg(target_arch = "x86_64")]
                (Precision::Float64, Level::Avx512) => self.on::<f64, Avx512>(shape, learning_rate),
                #[cfg(target_arch = "x86_64")]
                (Precision::Float64, Level::Avx2) => self.on::<f64, Avx2>(shape, learning_rate),
                #[cfg(target_arch = "x86_64")]
                (Precision::Float32, Level::Avx512) => self.on::<f32, Avx512>(shape, learning_rate),
                #[cfg(target_arch = "x86_64")]
                (Precision::Float32, Level::Avx2) => self.on::<f32, Avx2>(shape, learning_rate),
                (Precision::Float64, _) => self.on::<f64, Portable>(shape, learning_rate),
                (Precision::Float32, _) => self.on::<f32, Portable>(shape, learning_rate),
            }
        }
    }

    /// # Safety
    /// The processor has the instructions of `S`.
    unsafe fn on<T: Real, S: Simd<T>>(self, shape: &Shape, rate: f64) -> Box<dyn Kernel>
    where
        OpenBlas: Products<T>,
    {
        // SAFETY: the caller's.
        unsafe {
            match self {
                Self::Compact => Box::new(Compact::<T, S>::new(shape, rate)),
                Self::Thin => match ChainPlan::new(shape).rows() {
                    1 => Single::boxed(Thin::<T, S, 1>::new(shape, rate)),
                    2 => Single::boxed(Thin::<T, S, 2>::new(shape, rate)),
                    3 => Single::boxed(Thin::<T, S, 3>::new(shape, rate)),
                    _ => Single::boxed(Thin::<T, S, 4>::new(shape, rate)),
                },
                Self::Panels => {
                    Single::boxed(Chain::<T, S, _>::new(shape, rate, Panels::<S>::new()))
                }
                Self::OpenBlas => Single::boxed(Chain::<T, S, _>::new(shape, rate, OpenBlas)),
            }
        }
    }
}
