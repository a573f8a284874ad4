//! Text files, compressed or not.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::error::{Error, Result};
use crate::foreign::file;

/// First bytes of a gzip stream (RFC 1952).
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];

/// Most bytes of a row: room for the widest table, and little of what a small compressed file can
/// expand to.
const LONGEST_ROW: usize = 4 << 20;

/// Opens a text file; gzip is told by its first bytes, whatever the file is called.
pub(super) fn open(path: &Path) -> Result<Text> {
    let file = file::open(path).map_err(Error::storage("open", path))?;
    let mut reader = BufReader::new(file);
    let start = reader.fill_buf().map_err(Error::storage("read", path))?;
    let inner: Box<dyn BufRead> = if start.starts_with(GZIP_MAGIC) {
        Box::new(BufReader::new(MultiGzDecoder::new(reader)))
    } else {
        Box::new(reader)
    };
    Ok(Text { inner, left: LONGEST_ROW })
}

/// Reads a finite number.
pub(super) fn number(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|value| value.is_finite())
}

/// The error for a text that cannot be read on.
pub(super) fn unreadable(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::InvalidData | ErrorKind::InvalidInput => {
            let help = "the file is damaged or no table: write it again".to_owned();
            Error::data(path, format!("cannot read it: {error}"), Some(help))
        }
        _ => Error::storage("read", path)(error),
    }
}

/// The bytes of a text, so many for each row.
pub(super) struct Text {
    inner: Box<dyn BufRead>,
    /// What may still be read for this row.
    left: usize,
}

impl Text {
    /// A row begins.
    pub(super) fn begin_row(&mut self) {
        self.left = LONGEST_ROW;
    }
}

impl BufRead for Text {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let bytes = self.inner.fill_buf()?;
        if self.left == 0 && !bytes.is_empty() {
            let message = format!("a row has more than {LONGEST_ROW} bytes");
            return Err(io::Error::new(ErrorKind::InvalidData, message));
        }
        Ok(&bytes[..bytes.len().min(self.left)])
    }

    fn consume(&mut self, count: usize) {
        self.left -= count;
        self.inner.consume(count);
    }
}

impl Read for Text {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut bytes = self.fill_buf()?;
        let count = bytes.read(into)?;
        self.consume(count);
        Ok(count)
    }
}
