//! The hash at the end of a stored file: BLAKE3 of everything before it.
//!
//! It is checked before anything is parsed. A results file needs it too: HDF5 has checksums for data
//! but not for all of its own structures, and crashes on some damaged ones. Other readers of HDF5
//! take no notice of bytes behind the end that the superblock names.

use std::io;

use super::io::{NewFile, OpenFile};
use crate::digest::Digest;

/// Bytes of a seal.
pub(super) const SIZE: usize = 32;

/// Bytes of a file that are in memory at a time.
const PIECE: u64 = 1 << 20;

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

/// The beginning of the seal of sealed bytes, in hexadecimal: the name of their file.
pub(super) fn beginning(sealed: &[u8]) -> String {
    let (_, seal) = sealed.split_last_chunk().expect("sealed bytes");
    Digest(*seal).hex()[..32].to_owned()
}

/// Puts the seal at the end of a file and returns it; the file is read in pieces.
pub(super) fn close(file: &mut dyn NewFile) -> io::Result<Digest> {
    let size = file.size()?;
    let seal = digest(file, size)?;
    file.write_at(size, &seal.0)?;
    Ok(seal)
}

/// The seal of a file, if it is right; the file is read in pieces.
pub(super) fn of(file: &mut dyn OpenFile) -> io::Result<Option<Digest>> {
    let Some(size) = file.size()?.checked_sub(SIZE as u64) else {
        return Ok(None);
    };
    let mut seal = [0; SIZE];
    file.read_at(size, &mut seal)?;
    Ok(Some(digest(file, size)?).filter(|digest| digest.0 == seal))
}

/// The digest of the first `size` bytes of a file.
fn digest(file: &mut dyn OpenFile, size: u64) -> io::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    let mut piece = vec![0; size.min(PIECE) as usize];
    let mut offset = 0;
    while offset < size {
        let bytes = &mut piece[..(size - offset).min(PIECE) as usize];
        file.read_at(offset, bytes)?;
        hasher.update(bytes);
        offset += bytes.len() as u64;
    }
    Ok(Digest(*hasher.finalize().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::io::{Disk, FileSystem};

    #[test]
    fn sealed_content_comes_back_and_changed_content_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let on_disk = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            of(&mut *Disk.open(&path).unwrap()).unwrap().is_some()
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

    #[test]
    fn a_file_is_sealed_as_its_bytes_are() {
        let dir = tempfile::tempdir().unwrap();
        for len in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 7] {
            let path = dir.path().join(len.to_string());
            let mut bytes: Vec<u8> = (0..len).map(|i| (i * i % 251) as u8).collect();
            let mut file = Disk.create_new(&path).unwrap();
            file.write_at(0, &bytes).unwrap();
            let seal = close(&mut *file).unwrap();
            append(&mut bytes);
            assert!(std::fs::read(&path).unwrap() == bytes, "{len}");
            assert_eq!(of(&mut *file).unwrap(), Some(seal));
        }
    }
}
