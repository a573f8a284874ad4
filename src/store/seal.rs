//! The hash at the end of a stored file: BLAKE3 of everything before it.
//!
//! It is checked before anything is parsed. A results file needs it too: HDF5 has checksums for data
//! but not for all of its own structures, and crashes on some damaged ones. Other readers of HDF5
//! take no notice of bytes behind the end that the superblock names.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::digest::Digest;

/// Bytes of a seal.
pub(super) const SIZE: usize = 32;

/// Puts the seal at the end of `content`.
pub(super) fn append(content: &mut Vec<u8>) {
    let digest = Digest::of(content);
    content.extend(digest.0);
}

/// What is before the seal, if the seal is right.
pub(super) fn content(sealed: &[u8]) -> Option<&[u8]> {
    let (content, seal) = sealed.split_last_chunk::<SIZE>()?;
    (Digest::of(content).0 == *seal).then_some(content)
}

/// Whether a file has the right seal, read in pieces.
pub(super) fn is_whole(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let Some(content) = file.metadata()?.len().checked_sub(SIZE as u64) else {
        return Ok(false);
    };
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file.by_ref().take(content))?;
    let mut seal = Vec::new();
    file.read_to_end(&mut seal)?;
    Ok(seal == hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_content_comes_back_and_changed_content_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let on_disk = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            is_whole(&path).unwrap()
        };
        for len in [0, 1, 31, 1000] {
            let original = vec![7_u8; len];
            let mut sealed = original.clone();
            append(&mut sealed);
            assert_eq!(content(&sealed), Some(&original[..]));
            assert!(on_disk(&sealed));
            for i in 0..sealed.len() {
                let mut changed = sealed.clone();
                changed[i] ^= 1;
                assert_eq!(content(&changed), None);
                assert!(!on_disk(&changed));
                assert_eq!(content(&sealed[..i]), None);
            }
        }
    }
}
