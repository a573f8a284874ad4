//! How a cell is computed: the one place of a run that asks the kernels.

use crate::kernel::Kernel;
use crate::kernel::chain::ChainPlan;
use crate::kernel::select::Choice;
use crate::network::Shape;
use crate::study::Cell;

/// Kernel, precision and shape of a cell's computation: what decides the cost of a step.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Method {
    /// The kernel, as in files and messages.
    pub kernel: &'static str,
    /// The arithmetic, as in files and messages.
    pub precision: &'static str,
    /// The shape that is computed in.
    pub shape: Shape,
}

impl Method {
    /// How `cell` is computed.
    pub fn of(cell: &Cell) -> Self {
        Self {
            kernel: Choice::for_shape(&cell.shape).name(),
            precision: "float64",
            shape: cell.shape.clone(),
        }
    }

    /// Necessary floating-point operations of one step of one trial.
    pub fn flops(&self) -> f64 {
        ChainPlan::new(&self.shape).flops()
    }
}

/// The kernel that computes `cell`.
pub fn kernel(cell: &Cell) -> Box<dyn Kernel> {
    Choice::for_shape(&cell.shape).build(&cell.shape, cell.learning_rate)
}
