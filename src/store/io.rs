//! The file-system calls that storage makes: a trait, so that tests can fail each of them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use crate::foreign::file;

/// Largest file that is read whole, in bytes: nothing that the program writes and reads so comes near.
const MOST_AT_ONCE: u64 = 1 << 32;

/// What storage needs of a file system. Every call is one step that can fail on its own.
///
/// A call that a signal interrupts (EINTR) is made again below this trait, and only where the system
/// may interrupt it before anything was done: opening, reading, writing, truncating and syncing, which
/// the standard library does. Renaming, linking and removing are not interruptible. So an interruption
/// that comes up from here is an error like any other, and nothing above repeats a call that failed.
pub trait FileSystem: Send + Sync {
    /// Creates a directory and those above it, and makes their names durable.
    ///
    /// # Errors
    /// Those of the operating system, as in all methods.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;

    /// Names in a directory, sorted; names that are not UTF-8 are not ours and left out.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// The content of a regular file.
    fn read(&self, file: &Path) -> io::Result<Vec<u8>>;

    /// Opens a regular file, to read it in pieces.
    fn open(&self, file: &Path) -> io::Result<Box<dyn OpenFile>>;

    /// Creates a file that must not exist.
    fn create_new(&self, file: &Path) -> io::Result<Box<dyn NewFile>>;

    /// Renames a file; [`io::ErrorKind::AlreadyExists`] if the new name is taken.
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Renames a file over whatever has the new name.
    fn rename_over(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// How long ago a file was written to; zero if that is yet to come by this machine's clock.
    fn age(&self, file: &Path) -> io::Result<Duration>;

    /// Removes a file.
    fn remove(&self, file: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// A file that is read in pieces.
pub trait OpenFile: Send {
    /// Its size in bytes.
    ///
    /// # Errors
    /// Those of the operating system, as in all methods.
    fn size(&mut self) -> io::Result<u64>;

    /// Fills `bytes` with what is in the file from `offset` on;
    /// [`io::ErrorKind::UnexpectedEof`] if it ends before.
    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;
}

/// A file being written for the first time.
pub trait NewFile: OpenFile {
    /// Puts all of `bytes` into the file from `offset` on; what lies between its end and `offset`
    /// becomes zeros.
    ///
    /// # Errors
    /// Those of the operating system, as in all methods.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file off or fills it up with zeros.
    fn set_size(&mut self, size: u64) -> io::Result<()>;

    /// Makes the content durable. Not to be called again after an error: the system may have
    /// dropped the pages and then report success.
    fn sync(&mut self) -> io::Result<()>;
}

/// The content of a file that has at most `most` bytes.
///
/// # Errors
/// Those of the file system; [`io::ErrorKind::InvalidData`] if it is longer.
pub(crate) fn read_at_most(fs: &dyn FileSystem, file: &Path, most: u64) -> io::Result<Vec<u8>> {
    let size = fs.open(file)?.size()?;
    if size > most {
        return Err(file::too_long(size, most));
    }
    fs.read(file)
}

/// The file system of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl FileSystem for Disk {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        match fs::create_dir(dir) {
            Ok(()) => sync_parent(dir),
            Err(e) if e.kind() == ErrorKind::NotFound && above(dir).is_some() => {
                self.create_dir_all(above(dir).unwrap_or(dir))?;
                self.create_dir_all(dir)
            }
            Err(_) if dir.is_dir() => Ok(()),
            Err(e) => Err(e),
        }
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(dir)? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        file::read(file, MOST_AT_ONCE)
    }

    fn open(&self, file: &Path) -> io::Result<Box<dyn OpenFile>> {
        Ok(Box::new(file::open(file)?))
    }

    fn create_new(&self, file: &Path) -> io::Result<Box<dyn NewFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(file)?;
        Ok(Box::new(file))
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{CWD, RenameFlags, renameat_with};
            use rustix::io::Errno;
            match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
                // Not every file system can rename without replacing (NFS cannot).
                Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
                done => return done.map_err(io::Error::from),
            }
        }
        fs::hard_link(from, to)?;
        fs::remove_file(from)
    }

    fn rename_over(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn age(&self, file: &Path) -> io::Result<Duration> {
        Ok(fs::metadata(file)?.modified()?.elapsed().unwrap_or_default())
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        fs::remove_file(file)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        match File::open(dir)?.sync_all() {
            // Some network file systems know no such thing as syncing a directory.
            Err(e) if e.kind() == ErrorKind::InvalidInput => Ok(()),
            done => done,
        }
    }
}

/// Whether a call failed because the file is no longer there, which network file systems say in
/// another way if they knew it a moment ago.
pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::StaleNetworkFileHandle)
}

/// The directory that a directory is in, unless that is the current one or there is none.
fn above(dir: &Path) -> Option<&Path> {
    dir.parent().filter(|parent| !parent.as_os_str().is_empty())
}

fn sync_parent(dir: &Path) -> io::Result<()> {
    Disk.sync_dir(above(dir).unwrap_or(Path::new(".")))
}

impl OpenFile for File {
    fn size(&mut self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.seek(SeekFrom::Start(offset))?;
        self.read_exact(bytes)
    }
}

impl NewFile for File {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.seek(SeekFrom::Start(offset))?;
        self.write_all(bytes)
    }

    fn set_size(&mut self, size: u64) -> io::Result<()> {
        self.set_len(size)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renaming_to_a_taken_name_is_refused_and_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        fs::write(&a, "a").unwrap();
        fs::write(&b, "b").unwrap();
        let error = Disk.rename_new(&a, &b).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&a).unwrap(), b"a");
        assert_eq!(fs::read(&b).unwrap(), b"b");
    }

    #[test]
    fn directories_are_made_with_those_above_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b/c");
        for _ in 0..2 {
            Disk.create_dir_all(&deep).unwrap();
            assert!(deep.is_dir());
        }
        fs::write(deep.join("file"), "").unwrap();
        assert!(Disk.create_dir_all(&deep.join("file")).is_err());
        assert!(Disk.create_dir_all(&deep.join("file/d")).is_err());
    }

    #[test]
    fn reads_regular_files_only() {
        let dir = tempfile::tempdir().unwrap();
        for path in [dir.path(), &dir.path().join("absent")] {
            assert!(Disk.read(path).is_err());
            assert!(Disk.open(path).is_err());
        }
    }

    #[test]
    fn pieces_go_where_they_are_put_and_gaps_are_zeros() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let mut file = Disk.create_new(&path).unwrap();
        file.write_at(4, b"cd").unwrap();
        file.write_at(0, b"ab").unwrap();
        file.set_size(7).unwrap();
        let mut bytes = [1; 7];
        file.read_at(0, &mut bytes).unwrap();
        assert_eq!(&bytes, b"ab\0\0cd\0");

        let mut file = Disk.open(&path).unwrap();
        assert_eq!(file.size().unwrap(), 7);
        file.read_at(4, &mut bytes[..2]).unwrap();
        assert_eq!(&bytes[..2], b"cd");
        let error = file.read_at(6, &mut bytes[..2]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    }

    #[test]
    fn lists_sorted_names() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["c", "a", "b"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        assert_eq!(Disk.list(dir.path()).unwrap(), ["a", "b", "c"]);
    }
}
