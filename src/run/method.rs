//! How a cell is computed: the one place of a run that asks the kernels.

use crate::kernel::Kernel;
use crate::kernel::chain::ChainPlan;
use crate::kernel::select::{self, Choice};
use crate::network::Shape;
use crate::reduce::Plan;
use crate::study::Cell;

/// Kernel, precision, shape and gradients of a cell's computation: what decides the cost of a step.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Method {
    /// The kernel, as in files and messages.
    pub kernel: &'static str,
    /// The arithmetic, as in files and messages.
    pub precision: &'static str,
    /// The shape that is computed in.
    pub shape: Shape,
    /// Gradients that a step takes.
    pub gradients: u64,
}

impl Method {
    /// How `cell` is computed.
    pub fn of(cell: &Cell) -> Self {
        let shape = shape(cell);
        let kernel = match is_plain(cell) {
            true => Choice::for_shape(&shape).name(),
            false => cell.rule.method.name(),
        };
        let gradients = cell.rule.method.gradients();
        Self { kernel, precision: cell.precision.name(), shape, gradients }
    }

    /// Necessary floating-point operations of one step of one trial (of a flow, of one that is not
    /// rejected): those of its gradients.
    pub fn flops(&self) -> f64 {
        self.gradients as f64 * ChainPlan::new(&self.shape).flops()
    }
}

/// The kernel that computes `cell`.
pub fn kernel(cell: &Cell) -> Box<dyn Kernel> {
    let shape = shape(cell);
    match is_plain(cell) {
        true => Choice::for_shape(&shape).build(&shape, cell.learning_rate, cell.precision),
        false => select::build(cell.rule, &shape, cell.learning_rate),
    }
}

/// Whether this is gradient descent with one constant learning rate, which has fast kernels.
fn is_plain(cell: &Cell) -> bool {
    cell.rule.is_plain() && cell.rate_law.is_of_cell()
}

/// Whether the kernel of one cell can run trials of the other beside its own: equal steps, and losses
/// of one form.
pub(super) fn same_kernel(a: &Cell, b: &Cell) -> bool {
    a.index == b.index
        || a.learning_rate.to_bits() == b.learning_rate.to_bits()
            && (a.rule, a.rate_law) == (b.rule, b.rate_law)
            && a.target_digest == b.target_digest
            && Method::of(a) == Method::of(b)
}

/// The shape that `cell` is computed in: its own, or that of its exact reduction.
fn shape(cell: &Cell) -> Shape {
    Plan::of(cell).map_or_else(|| cell.shape.clone(), |plan| plan.shape)
}
