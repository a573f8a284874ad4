//! The file below an HDF5 file: what HDF5 writes and reads goes to a file of [`super::io`].

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::io::NewFile;
use super::ledger::Ledger;
use super::publish::unreliable;
use crate::{Error, Result};

/// A new file that HDF5 may be writing; clones are the same file.
///
/// HDF5 does not recover well when its driver fails (it may be unable to close the file at all).
/// So the first failure is kept here, from then on nothing is written any more, and HDF5 is left to
/// believe that all is well until it has closed the file, which is then given up.
#[derive(Clone)]
pub(super) struct Medium(Arc<Mutex<State>>);

struct State {
    /// `None` when it has been taken back.
    file: Option<Box<dyn NewFile>>,
    size: u64,
    failure: Option<io::Error>,
    ledger: Ledger,
}

impl Medium {
    /// An empty file.
    pub(super) fn new(file: Box<dyn NewFile>) -> Self {
        let state = State { file: Some(file), size: 0, failure: None, ledger: Ledger::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// A writer that panicked leaves a file that is given up, not a broken lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Size of the file.
    pub(super) fn size(&self) -> u64 {
        self.state().size
    }

    /// Whether something has failed and all further work is in vain.
    pub(super) fn has_failed(&self) -> bool {
        self.state().failure.is_some()
    }

    /// Writes bytes at a place.
    pub(super) fn write(&self, offset: u64, bytes: &[u8]) {
        let state = &mut *self.state();
        if state.attempt(|file| file.write_at(offset, bytes)) {
            state.ledger.enter(offset, bytes);
            state.size = state.size.max(offset + bytes.len() as u64);
        }
    }

    /// Reads bytes from a place; behind the end there are zeros. Returns whether that was possible.
    pub(super) fn read(&self, offset: u64, bytes: &mut [u8]) -> bool {
        let state = &mut *self.state();
        let there = state.size.saturating_sub(offset).min(bytes.len() as u64) as usize;
        let (there, beyond) = bytes.split_at_mut(there);
        beyond.fill(0);
        there.is_empty() || state.attempt(|file| file.read_at(offset, there))
    }

    /// Cuts the file off or fills it up.
    pub(super) fn set_size(&self, size: u64) {
        let state = &mut *self.state();
        if size != state.size && state.attempt(|file| file.set_size(size)) {
            state.size = size;
        }
    }

    /// Takes the file back, when HDF5 has closed it, and checks that it gives back what was written.
    ///
    /// # Errors
    /// The first failure of a call.
    pub(super) fn take(&self, path: &Path) -> Result<Box<dyn NewFile>> {
        let state = &mut *self.state();
        if let Some(failure) = state.failure.take() {
            return Err(Error::storage("write", path)(failure));
        }
        let mut file = state.file.take().expect("it is taken back once");
        let agrees = state.ledger.agrees(&mut *file).map_err(Error::storage("read back", path))?;
        if agrees { Ok(file) } else { Err(unreliable(path)) }
    }
}

impl State {
    /// Makes a call unless one has failed; returns whether it succeeded.
    fn attempt(&mut self, call: impl FnOnce(&mut dyn NewFile) -> io::Result<()>) -> bool {
        let (Some(file), None) = (&mut self.file, &self.failure) else { return false };
        self.failure = call(&mut **file).err();
        self.failure.is_none()
    }
}
