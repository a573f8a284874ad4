//! Reading again what was seen in the parts.

use std::path::{Path, PathBuf};

use super::io::{FileSystem, OpenFile};
use crate::digest::Digest;
use crate::{Error, Result};

/// Bytes in a part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Number of the part.
    part: usize,
    offset: u64,
    size: usize,
    /// Digest of the bytes, because the part may have changed since.
    digest: Digest,
}

impl Place {
    /// Whether these bytes are there.
    pub(super) fn holds(&self, bytes: &[u8]) -> bool {
        self.digest == Digest::of(bytes)
    }
}

/// The parts, read one at a time.
pub(super) struct Parts<'a> {
    fs: &'a dyn FileSystem,
    paths: Vec<PathBuf>,
    /// The part that was read last, with its number: neighbours are often in the same one.
    open: Option<(usize, Box<dyn OpenFile>)>,
}

impl<'a> Parts<'a> {
    /// None yet.
    pub(super) fn new(fs: &'a dyn FileSystem) -> Self {
        Self { fs, paths: Vec::new(), open: None }
    }

    /// Enters a part.
    pub(super) fn add(&mut self, path: &Path) {
        self.paths.push(path.to_owned());
    }

    /// The place of bytes in the part that was entered last.
    pub(super) fn place(&self, offset: u64, bytes: &[u8]) -> Place {
        let part = self.paths.len() - 1;
        Place { part, offset, size: bytes.len(), digest: Digest::of(bytes) }
    }

    /// Reads what is at a place.
    ///
    /// # Errors
    /// [`Error::Storage`] or [`Error::Content`] if the part is no longer as it was.
    pub(super) fn read(&mut self, place: &Place, bytes: &mut Vec<u8>) -> Result<()> {
        let path = &self.paths[place.part];
        let file = match &mut self.open {
            Some((part, file)) if *part == place.part => file,
            open => {
                let file = self.fs.open(path).map_err(Error::storage("open", path))?;
                &mut open.insert((place.part, file)).1
            }
        };
        bytes.resize(place.size, 0);
        file.read_at(place.offset, bytes).map_err(Error::storage("read", path))?;
        if Digest::of(bytes) == place.digest {
            return Ok(());
        }
        let help = "another program writes to it, or the disk or memory is not reliable";
        Err(Error::content(path, "has changed while it was read", Some(help.into())))
    }

    /// The error for the part that was entered last, if it has other bits than another has at a place
    /// for the same trials.
    pub(super) fn contradiction(&self, other: &Place, what: &str) -> Error {
        let help = "the same trial gave two results: look for a changed library or machine, or \
                    damaged memory (`deeplin doctor`), remove the part that you do not trust, and \
                    run again";
        let (this, other) = (&self.paths[self.paths.len() - 1], &self.paths[other.part]);
        let message = format!("contradicts {} in {what}", other.display());
        Error::content(this, message, Some(help.into()))
    }
}
