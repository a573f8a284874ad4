//! Text files, compressed or not.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::error::{Error, Result};

/// First bytes of a gzip stream (RFC 1952).
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];

/// Opens a text file; gzip is told by its first bytes, whatever the file is called.
pub(super) fn open(path: &Path) -> Result<Box<dyn BufRead>> {
    let file = File::open(path).map_err(Error::storage("open", path))?;
    let mut reader = BufReader::new(file);
    let start = reader.fill_buf().map_err(Error::storage("read", path))?;
    if start.starts_with(GZIP_MAGIC) {
        return Ok(Box::new(BufReader::new(MultiGzDecoder::new(reader))));
    }
    Ok(Box::new(reader))
}

/// Reads a finite number.
pub(super) fn number(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|value| value.is_finite())
}
