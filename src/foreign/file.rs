//! Regular files, and no more of them than there is room for.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// Opens a regular file for reading. A directory, a device, or a pipe, on which a reader would wait
/// for ever, is refused at once.
///
/// # Errors
/// Those of the operating system; [`ErrorKind::InvalidInput`] for what is not a regular file.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    must_be_regular(&fs::metadata(path)?)?;
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // The name may have become that of a pipe since.
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
    }
    let file = options.open(path)?;
    must_be_regular(&file.metadata()?)?;
    Ok(file)
}

fn must_be_regular(metadata: &fs::Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file"))
}

/// The content of a regular file of at most `most` bytes.
///
/// # Errors
/// As [`open`]; [`ErrorKind::InvalidData`] if it is longer, [`ErrorKind::OutOfMemory`] if there is no
/// room for it.
pub(crate) fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let length = file.metadata()?.len();
    if length > most {
        return Err(too_long(length, most));
    }
    let mut bytes = Vec::new();
    // Within `most`, which fits.
    bytes.try_reserve_exact(length as usize).map_err(|_| ErrorKind::OutOfMemory)?;
    // One byte more than allowed, so that a file that grows meanwhile is seen.
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(too_long(bytes.len() as u64, most));
    }
    Ok(bytes)
}

/// The error for a file of `length` bytes where at most `most` are read.
pub(crate) fn too_long(length: u64, most: u64) -> io::Error {
    let message = format!("it has {length} bytes, and at most {most} are possible");
    io::Error::new(ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_opened() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "text").unwrap();
        let mut text = String::new();
        open(&file).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "text");
        assert_eq!(open(dir.path()).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(open(&dir.path().join("absent")).unwrap_err().kind(), ErrorKind::NotFound);
    }

    /// Were it opened, the test would not end: nobody writes to the pipe.
    #[test]
    #[cfg(unix)]
    fn pipes_and_devices_are_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
        for path in [pipe.as_path(), Path::new("/dev/zero")] {
            assert_eq!(open(path).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn longer_files_than_asked_for_are_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, [7; 100]).unwrap();
        assert_eq!(read(&path, 100).unwrap(), [7; 100]);
        let error = read(&path, 99).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(error.to_string().contains("100 bytes"), "{error}");
        // A file with a hole, of more bytes than any machine has.
        File::create(&path).unwrap().set_len(1 << 42).unwrap();
        assert_eq!(read(&path, 1 << 30).unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
