//! Trials of a cell from starts that are given.

use std::cell::RefCell;
use std::sync::atomic::AtomicBool;

use crate::descent::{self, Entry, Queue};
use crate::kernel::Kernel;
use crate::run::method;
use crate::start::Start;
use crate::study::{Cell, TrialRow, TrialState};

/// Runs trials of one cell on a kernel of its own.
pub(super) struct Runner<'a> {
    cell: Cell,
    kernel: RefCell<Box<dyn Kernel>>,
    stop: &'a AtomicBool,
}

impl<'a> Runner<'a> {
    /// For trials of `cell`, until `stop` is raised. Proofs that decide no outcome are left out.
    pub(super) fn new(cell: &Cell, stop: &'a AtomicBool) -> Self {
        let cell = Cell { certificate: cell.certificate.deciding(), ..cell.clone() };
        Self { kernel: RefCell::new(method::kernel(&cell)), cell, stop }
    }

    /// The excess loss at which a trial has converged.
    pub(super) fn target(&self) -> f64 {
        self.cell.stop.loss
    }

    /// The row of the trial from a start; `None` if it was stopped.
    pub(super) fn row(&self, start: Start) -> Option<TrialRow> {
        self.rows(std::iter::once((0, start))).pop().map(|(_, row)| row)
    }

    /// The rows of trials with these numbers, in the order in which they end; those that were stopped have
    /// none.
    pub(super) fn rows(&self, starts: impl Iterator<Item = (u64, Start)>) -> Vec<(u64, TrialRow)> {
        let mut list = List { cell: &self.cell, starts, rows: Vec::new() };
        descent::run(self.kernel.borrow_mut().as_mut(), &mut list, &[], self.stop);
        list.rows
    }
}

/// A queue of starts.
struct List<'a, I> {
    cell: &'a Cell,
    starts: I,
    rows: Vec<(u64, TrialRow)>,
}

impl<'a, I: Iterator<Item = (u64, Start)>> Queue<'a> for List<'a, I> {
    fn next(&mut self) -> Option<Entry<'a>> {
        let (trial, start) = self.starts.next()?;
        Some(Entry { cell: self.cell, trial, start, state: None })
    }

    fn done(&mut self, _cell: usize, trial: u64, row: TrialRow) {
        self.rows.push((trial, row));
    }

    fn is_due(&mut self) -> bool {
        false
    }

    fn keep(&mut self, _states: Vec<TrialState>) {}
}
