//! Who is told how far a run is.

use super::work::Work;

/// Is told how far a run is, on the thread that publishes: what it does holds that up.
pub trait Progress {
    /// The run begins here, or a round of it.
    fn begin(&self, work: &Work);
    /// Before it begins, learning rates are tuned: of so many cells, these are done.
    fn tuning(&self, done: usize, cells: usize);
    /// It has come to here.
    fn update(&self, work: &Work);
    /// It ends, once.
    fn end(&self);
}

/// Shows nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &Work) {}
    fn tuning(&self, _: usize, _: usize) {}
    fn update(&self, _: &Work) {}
    fn end(&self) {}
}
