//! What was written where in a file, so that it can be checked at the end.

use std::collections::BTreeMap;
use std::io;

use super::io::OpenFile;
use crate::digest::Digest;

/// The writes to a file that no later one has touched.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Size and digest of what was written, by offset; disjoint.
    writes: BTreeMap<u64, (u64, Digest)>,
}

impl Ledger {
    /// Enters a write; earlier ones that it touches are no longer what is in the file.
    pub(super) fn enter(&mut self, offset: u64, bytes: &[u8]) {
        let size = bytes.len() as u64;
        let before = self.writes.range(..offset).next_back().map(|(&at, &(size, _))| (at, size));
        let reaching = before.filter(|(at, size)| at + size > offset).map(|(at, _)| at);
        let touched: Vec<u64> =
            self.writes.range(offset..offset + size).map(|(&at, _)| at).collect();
        for at in reaching.into_iter().chain(touched) {
            self.writes.remove(&at);
        }
        self.writes.insert(offset, (size, Digest::of(bytes)));
    }

    /// Whether a file gives back what was written.
    ///
    /// # Errors
    /// Those of the operating system.
    pub(super) fn agrees(&self, file: &mut dyn OpenFile) -> io::Result<bool> {
        let mut bytes = Vec::new();
        for (&offset, &(size, digest)) in &self.writes {
            bytes.resize(size as usize, 0);
            file.read_at(offset, &mut bytes)?;
            if Digest::of(&bytes) != digest {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::io::{Disk, FileSystem};

    #[test]
    fn the_last_write_counts_and_any_changed_byte_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = Disk.create_new(&dir.path().join("x")).unwrap();
        let mut ledger = Ledger::default();
        // Over the end of the first, over all of the second, inside the third.
        for (offset, bytes) in
            [(0, &b"aaaa"[..]), (8, b"bb"), (20, b"cccccc"), (3, b"dd"), (7, b"eeee"), (22, b"f")]
        {
            file.write_at(offset, bytes).unwrap();
            ledger.enter(offset, bytes);
        }
        assert_eq!(ledger.writes.keys().copied().collect::<Vec<_>>(), [3, 7, 22]);
        assert!(ledger.agrees(&mut *file).unwrap());
        for at in [3, 4, 7, 10, 22] {
            let mut there = [0];
            file.read_at(at, &mut there).unwrap();
            file.write_at(at, &[there[0] ^ 4]).unwrap();
            assert!(!ledger.agrees(&mut *file).unwrap(), "{at}");
            file.write_at(at, &there).unwrap();
        }
        assert!(ledger.agrees(&mut *file).unwrap());
    }
}
