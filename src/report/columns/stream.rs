//! A new file that is written from its beginning to its end.

use std::io::{self, Write};

use crate::store::io::NewFile;

/// See the module's description. What is written goes to the file at once: callers gather.
pub(super) struct Stream {
    file: Box<dyn NewFile>,
    end: u64,
}

impl Stream {
    /// Onto a new, empty file.
    pub(super) fn new(file: Box<dyn NewFile>) -> Self {
        Self { file, end: 0 }
    }

    /// The file.
    pub(super) fn into_file(self) -> Box<dyn NewFile> {
        self.file
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_at(self.end, bytes)?;
        self.end += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
