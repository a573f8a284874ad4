//! How a file appears: whole or not at all.
//!
//! Nothing here is tried twice. A system that failed to make bytes durable may have dropped them and
//! report success the next time it is asked, so after an error the temporary file is removed, the
//! error goes up, and the process ends with it: the writer publishes nothing more, and what was not
//! published is computed again by the next run.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::io::{FileSystem, NewFile, is_gone};
use super::seal;
use crate::digest::Digest;
use crate::{Error, Result};

/// What publishing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// The file is new.
    New,
    /// The file was there with the same bytes.
    AlreadyThere,
    /// The file was there with other bytes and has been replaced.
    Replaced,
}

/// Makes the file `name` with content `bytes` appear in `dir`, whole and durable, or not at all.
///
/// # Errors
/// [`Error::Storage`] if a step fails; [`Error::Content`] if the name is taken by other bytes or the
/// file system does not give back what was written.
pub fn publish(fs: &dyn FileSystem, dir: &Path, name: &str, bytes: &[u8]) -> Result<Published> {
    let path = dir.join(name);
    let temporary = Temporary::write(fs, dir, name, bytes)?;
    let published = match temporary.rename_new(&path, bytes) {
        Ok(Published::New) => Published::New,
        Ok(published) => {
            temporary.discard()?;
            published
        }
        Err(e) => {
            temporary.give_up();
            return Err(e);
        }
    };
    fs.sync_dir(dir).map_err(Error::storage("sync", dir))?;
    Ok(published)
}

/// As [`publish`], but a file of that name is replaced, unless its bytes are the same already.
///
/// # Errors
/// As [`publish`], without the contradiction.
pub fn publish_replacing(
    fs: &dyn FileSystem,
    dir: &Path,
    name: &str,
    bytes: &[u8],
) -> Result<Published> {
    let path = dir.join(name);
    let published = match fs.read(&path) {
        Ok(there) if there == bytes => return Ok(Published::AlreadyThere),
        Ok(_) => Published::Replaced,
        Err(e) if e.kind() == io::ErrorKind::NotFound => Published::New,
        Err(e) => return Err(Error::storage("read", &path)(e)),
    };
    Temporary::write(fs, dir, name, bytes)?.replace(dir, &path)?;
    Ok(published)
}

/// As [`publish_replacing`], for a file too large for memory: `build` fills the file that it is
/// given, in pieces, and gives it back; it is told its path too. The file gets a seal at its end.
///
/// # Errors
/// Also those of `build`.
pub fn publish_sealed(
    fs: &dyn FileSystem,
    dir: &Path,
    name: &str,
    build: impl FnOnce(&Path, Box<dyn NewFile>) -> Result<Box<dyn NewFile>>,
) -> Result<Published> {
    let path = dir.join(name);
    let (temporary, seal) = Temporary::build(fs, dir, name, build)?;
    let there = match fs.open(&path) {
        Ok(mut file) => Some(seal::of(&mut *file).map_err(Error::storage("read", &path))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => Some(Err(Error::storage("read", &path)(e))),
    };
    let published = match there.transpose() {
        Ok(Some(there)) if there == Some(seal) => {
            temporary.discard()?;
            return Ok(Published::AlreadyThere);
        }
        Ok(Some(_)) => Published::Replaced,
        Ok(None) => Published::New,
        Err(e) => {
            temporary.give_up();
            return Err(e);
        }
    };
    temporary.replace(dir, &path)?;
    Ok(published)
}

/// As [`publish_sealed`], for a file that others read, which therefore gets no seal; one of that name is
/// replaced only if `replace` says so.
///
/// # Errors
/// [`Error::Storage`] if a step fails, also because the name is taken; those of `build`.
pub fn publish_for_others(
    fs: &dyn FileSystem,
    dir: &Path,
    name: &str,
    replace: bool,
    build: impl FnOnce(&Path, Box<dyn NewFile>) -> Result<Box<dyn NewFile>>,
) -> Result<()> {
    let path = dir.join(name);
    let (temporary, file) = Temporary::create(fs, dir, name)?;
    let built = build(&temporary.path, file)
        .and_then(|mut file| file.sync().map_err(Error::storage("sync", &temporary.path)));
    let (temporary, ()) = temporary.unless_failed(built)?;
    if replace {
        return temporary.replace(dir, &path);
    }
    if let Err(e) = fs.rename_new(&temporary.path, &path) {
        temporary.give_up();
        return Err(Error::storage("publish", &path)(e));
    }
    fs.sync_dir(dir).map_err(Error::storage("sync", dir))
}

/// Finds out whether files can be made in `dir`, before much is computed for it.
///
/// # Errors
/// As [`publish`].
pub fn probe(fs: &dyn FileSystem, dir: &Path) -> Result<()> {
    Temporary::write(fs, dir, "probe", b"deeplin")?.discard()
}

/// Whether a path is that of the file `name` in `dir`, or of a temporary one that is to become it.
pub fn is_for(path: &Path, dir: &Path, name: &str) -> bool {
    let file = path.file_name().and_then(|file| file.to_str()).unwrap_or_default();
    path.parent() == Some(dir) && (file == name || Maker::of(file).is_some_and(|it| it.of == name))
}

fn contradiction(path: &Path) -> Error {
    let help = "two computations of the same thing disagree: look for a damaged disk or memory, or \
                a machine or library that changed in between (`deeplin doctor`); then move the \
                file away and run again";
    Error::content(path, "exists with other content than was computed now", Some(help.into()))
}

/// The error for a file that does not hold what was written into it.
pub(super) fn unreliable(path: &Path) -> Error {
    let help = "the disk or file system is not reliable; choose another directory with -o";
    Error::content(path, "reads back otherwise than it was written", Some(help.into()))
}

/// A complete, checked and durable file under a name that nobody reads.
struct Temporary<'a> {
    fs: &'a dyn FileSystem,
    path: PathBuf,
}

impl<'a> Temporary<'a> {
    fn create(fs: &'a dyn FileSystem, dir: &Path, name: &str) -> Result<(Self, Box<dyn NewFile>)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let (host, process) = (&*HOST, std::process::id());
        let path = dir.join(format!(".{name}.{host}.{process}.{n}.tmp"));
        let file = fs.create_new(&path).map_err(Error::storage("create", &path))?;
        Ok((Self { fs, path }, file))
    }

    /// One with these bytes.
    fn write(fs: &'a dyn FileSystem, dir: &Path, name: &str, bytes: &[u8]) -> Result<Self> {
        let (temporary, mut file) = Self::create(fs, dir, name)?;
        let written = file
            .write_at(0, bytes)
            .map_err(Error::storage("write", &temporary.path))
            .and_then(|()| file.sync().map_err(Error::storage("sync", &temporary.path)))
            .and_then(|()| temporary.check(bytes));
        drop(file);
        temporary.unless_failed(written).map(|(temporary, ())| temporary)
    }

    /// One that `build` fills, with its seal.
    fn build(
        fs: &'a dyn FileSystem,
        dir: &Path,
        name: &str,
        build: impl FnOnce(&Path, Box<dyn NewFile>) -> Result<Box<dyn NewFile>>,
    ) -> Result<(Self, Digest)> {
        let (temporary, file) = Self::create(fs, dir, name)?;
        let path = &temporary.path;
        let sealed = build(path, file).and_then(|mut file| {
            let seal = seal::close(&mut *file).map_err(Error::storage("write", path))?;
            file.sync().map_err(Error::storage("sync", path))?;
            drop(file);
            temporary.check_seal(seal)?;
            Ok(seal)
        });
        temporary.unless_failed(sealed)
    }

    fn unless_failed<T>(self, done: Result<T>) -> Result<(Self, T)> {
        match done {
            Ok(value) => Ok((self, value)),
            Err(e) => {
                self.give_up();
                Err(e)
            }
        }
    }

    fn check(&self, bytes: &[u8]) -> Result<()> {
        let there = self.fs.read(&self.path).map_err(Error::storage("read back", &self.path))?;
        if there == bytes { Ok(()) } else { Err(unreliable(&self.path)) }
    }

    fn check_seal(&self, seal: Digest) -> Result<()> {
        let there = self.fs.open(&self.path).and_then(|mut file| seal::of(&mut *file));
        match there.map_err(Error::storage("read back", &self.path))? {
            Some(there) if there == seal => Ok(()),
            _ => Err(unreliable(&self.path)),
        }
    }

    /// Renames the file to `path`, unless a file with these bytes is there.
    fn rename_new(&self, path: &Path, bytes: &[u8]) -> Result<Published> {
        /// A name may be taken and, a moment later, not be there: another process has compacted that
        /// part. More than once in a row is something else, a link to nowhere.
        const ATTEMPTS: usize = 3;
        let mut gone = None;
        for _ in 0..ATTEMPTS {
            match self.fs.rename_new(&self.path, path) {
                Ok(()) => return Ok(Published::New),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(Error::storage("publish", path)(e)),
            }
            match self.fs.read(path) {
                Ok(there) if there == bytes => return Ok(Published::AlreadyThere),
                Ok(_) => return Err(contradiction(path)),
                Err(e) if is_gone(&e) => gone = Some(e),
                Err(e) => return Err(Error::storage("read", path)(e)),
            }
        }
        Err(Error::storage("read", path)(gone.expect("every attempt found it gone")))
    }

    /// Renames the file to `path` in `dir`, over what is there.
    fn replace(self, dir: &Path, path: &Path) -> Result<()> {
        if let Err(e) = self.fs.rename_over(&self.path, path) {
            self.give_up();
            return Err(Error::storage("publish", path)(e));
        }
        self.fs.sync_dir(dir).map_err(Error::storage("sync", dir))
    }

    fn discard(self) -> Result<()> {
        self.fs.remove(&self.path).map_err(Error::storage("remove", &self.path))
    }

    /// Removes the file after a failure, which is what the caller reports.
    fn give_up(self) {
        if let Err(e) = self.fs.remove(&self.path) {
            tracing::warn!("cannot remove {}: {e}", self.path.display());
        }
    }
}

/// How long ago a temporary file was last written to when it is taken for left behind, whatever
/// machine its process was on: none is written to for as long as a day.
const ABANDONED: Duration = Duration::from_secs(7 * 24 * 3600);

/// Removes what processes left behind when they were killed while they published into `dir`, which
/// need not exist; returns how many files. Were one of them not dead after all, its publishing would
/// fail and it would say so.
///
/// # Errors
/// [`Error::Storage`] if the directory cannot be listed or a file not removed.
pub fn sweep(fs: &dyn FileSystem, dir: &Path) -> Result<usize> {
    let names = match fs.list(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(0),
        names => names.map_err(Error::storage("list", dir))?,
    };
    let mut removed = 0;
    for (name, maker) in names.iter().filter_map(|name| Some((name, Maker::of(name)?))) {
        let path = dir.join(name);
        let swept = match maker.is_dead() {
            true => fs.remove(&path).map(|()| true),
            false => sweep_abandoned(fs, &path),
        };
        match swept {
            Ok(swept) => removed += usize::from(swept),
            // Another process sweeps too, or this one's owner has published it.
            Err(e) if is_gone(&e) => {}
            Err(e) => return Err(Error::storage("remove", &path)(e)),
        }
    }
    Ok(removed)
}

/// Removes a temporary file if it is old; returns whether it was.
fn sweep_abandoned(fs: &dyn FileSystem, path: &Path) -> io::Result<bool> {
    let old = fs.age(path)? >= ABANDONED;
    if old {
        fs.remove(path)?;
    }
    Ok(old)
}

/// Who made a [`Temporary`], as its name says.
struct Maker<'a> {
    /// The name that the file is to have.
    of: &'a str,
    host: &'a str,
    process: i32,
}

impl<'a> Maker<'a> {
    fn of(name: &'a str) -> Option<Self> {
        // From the end: the number, the process, the machine, and what it is to become.
        let mut fields = name.strip_prefix('.')?.strip_suffix(".tmp")?.rsplitn(4, '.');
        fields.next()?.parse::<u64>().ok()?;
        let process = fields.next()?.parse().ok()?;
        let host = fields.next()?;
        fields.next().map(|of| Self { of, host, process })
    }

    /// Whether the process was of this machine and is no more.
    fn is_dead(&self) -> bool {
        self.host == *HOST && !is_running(self.process)
    }
}

#[cfg(unix)]
fn is_running(process: i32) -> bool {
    use rustix::io::Errno;
    use rustix::process::{Pid, test_kill_process};
    Pid::from_raw(process).is_none_or(|id| test_kill_process(id) != Err(Errno::SRCH))
}

#[cfg(not(unix))]
fn is_running(_process: i32) -> bool {
    true
}

/// Name of this machine: its letters, digits and hyphens.
pub fn host() -> &'static str {
    &HOST
}

/// Name of the machine, so that processes of several machines in one directory do not collide.
static HOST: LazyLock<String> = LazyLock::new(|| {
    #[cfg(unix)]
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let name = String::from("host");
    name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(64).collect()
});

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::SystemTime;

    use rustix::io::Errno;

    use super::*;
    use crate::store::io::Disk;
    use crate::store::simulated::{Fault, Simulated};

    fn names(dir: &Path) -> Vec<String> {
        Disk.list(dir).unwrap()
    }

    #[test]
    fn publishes_once_and_recognises_equal_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        assert_eq!(publish(&Disk, dir, "x", b"1").unwrap(), Published::New);
        assert_eq!(publish(&Disk, dir, "x", b"1").unwrap(), Published::AlreadyThere);
        assert_eq!(names(dir), ["x"]);
    }

    #[test]
    fn a_failure_can_be_told_by_the_name_that_was_wanted() {
        let (dir, fs) = (Path::new("d"), Simulated::default());
        let error = publish(&fs, dir, "x.svg", b"1").unwrap_err();
        let Error::Storage { path, .. } = error else { panic!("{error}") };
        assert_ne!(path, dir.join("x.svg"), "that of the temporary file");
        assert!(is_for(&path, dir, "x.svg") && is_for(&dir.join("x.svg"), dir, "x.svg"));
        let others = [("d", "x"), ("d", "svg"), ("e", "x.svg")];
        assert!(!others.iter().any(|(dir, name)| is_for(&path, Path::new(dir), name)), "{path:?}");
    }

    #[test]
    fn unequal_bytes_are_a_loud_error_and_the_first_stay() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        publish(&Disk, dir, "x", b"1").unwrap();
        let error = publish(&Disk, dir, "x", b"2").unwrap_err();
        assert!(matches!(error, Error::Content { .. }), "{error}");
        assert_eq!(names(dir), ["x"]);
        assert_eq!(fs::read(dir.join("x")).unwrap(), b"1");
    }

    #[test]
    fn replacing_leaves_equal_bytes_alone() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let published =
            [b"1", b"1", b"2"].map(|bytes| publish_replacing(&Disk, dir, "x", bytes).unwrap());
        assert_eq!(published, [Published::New, Published::AlreadyThere, Published::Replaced]);
        assert_eq!(fs::read(dir.join("x")).unwrap(), b"2");
        assert_eq!(names(dir), ["x"]);
    }

    #[test]
    fn a_failure_of_any_call_leaves_nothing_or_the_whole_file() {
        let (dir, disk) = (Path::new("d"), Simulated::default());
        disk.create_dir_all(dir).unwrap();
        // create, write, sync, read back, rename, sync of the directory
        for at in 0..6 {
            let fs = disk.failing(at, Fault::Once(Errno::NOSPC));
            let error = publish(&fs, dir, "x", b"whole").unwrap_err();
            assert!(matches!(error, Error::Storage { .. }), "call {at}: {error}");
            let there = fs.list(dir).unwrap();
            if at < 5 {
                assert!(there.is_empty(), "call {at}: {there:?}");
            } else {
                assert_eq!(fs.read(&dir.join("x")).unwrap(), b"whole");
            }
            assert!(publish(&fs.restarted(), dir, "x", b"whole").is_ok());
        }
        assert!(publish(&disk.failing(6, Fault::Once(Errno::NOSPC)), dir, "x", b"whole").is_ok());
    }

    /// A file for others that holds `text`.
    fn publish_text(
        fs: &dyn FileSystem,
        dir: &Path,
        text: &'static [u8],
        replace: bool,
    ) -> Result<()> {
        publish_for_others(fs, dir, "x", replace, |path, mut file| {
            file.write_at(0, text).map_err(Error::storage("write", path))?;
            Ok(file)
        })
    }

    #[test]
    fn files_for_others_have_no_seal_and_replace_only_if_asked() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let content = || fs::read(dir.join("x")).unwrap();
        publish_text(&Disk, dir, b"1", false).unwrap();
        assert_eq!(content(), b"1");
        let error = publish_text(&Disk, dir, b"2", false).unwrap_err();
        assert!(matches!(error, Error::Storage { .. }), "{error}");
        assert_eq!(content(), b"1");
        publish_text(&Disk, dir, b"3", true).unwrap();
        assert_eq!(content(), b"3");
        assert_eq!(names(dir), ["x"]);
    }

    #[test]
    fn a_failure_leaves_nothing_or_the_whole_file_for_others() {
        let (dir, disk) = (Path::new("d"), Simulated::default());
        disk.create_dir_all(dir).unwrap();
        // create, write, sync, rename, sync of the directory
        for at in 0..5 {
            for replace in [false, true] {
                let fs = disk.failing(at, Fault::Once(Errno::NOSPC));
                let error = publish_text(&fs, dir, b"whole", replace).unwrap_err();
                assert!(matches!(error, Error::Storage { .. }), "call {at}: {error}");
                let there = fs.list(dir).unwrap();
                if at < 4 {
                    assert!(there.is_empty(), "call {at}: {there:?}");
                } else {
                    assert_eq!(fs.read(&dir.join("x")).unwrap(), b"whole");
                }
            }
        }
        let fs = disk.failing(5, Fault::Once(Errno::NOSPC));
        publish_text(&fs, dir, b"whole", false).unwrap();
    }

    #[test]
    fn sweeps_what_dead_processes_left() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        // No process has the largest number: the kernel's limit is lower.
        let (host, me, dead) = (&*HOST, std::process::id(), i32::MAX);
        let kept = [
            format!(".x.part.{host}.{me}.0.tmp"),
            format!(".x.part.not-{host}.{dead}.0.tmp"),
            ".x.tmp".into(),
            format!("x.part.{host}.{dead}.0.tmp"),
        ];
        let left = [
            format!(".x.part.{host}.{dead}.0.tmp"),
            // Of another machine and of a process that is: too old all the same.
            format!(".y.part.not-{host}.{dead}.0.tmp"),
            format!(".y.part.{host}.{me}.0.tmp"),
        ];
        let old = SystemTime::now() - ABANDONED - Duration::from_secs(60);
        for name in kept.iter().chain(&left) {
            let file = fs::File::create(dir.join(name)).unwrap();
            if name.starts_with(".y") {
                file.set_modified(old).unwrap();
            }
        }
        assert_eq!(sweep(&Disk, dir).unwrap(), left.len());
        let mut kept = kept.to_vec();
        kept.sort();
        assert_eq!(names(dir), kept);
        assert_eq!(sweep(&Disk, &dir.join("absent")).unwrap(), 0);
    }

    #[test]
    fn a_probe_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        probe(&Disk, dir.path()).unwrap();
        assert!(names(dir.path()).is_empty());
        assert!(probe(&Disk, &dir.path().join("absent")).is_err());
    }

    #[test]
    fn a_failed_replacement_keeps_the_old_file() {
        let (dir, disk) = (Path::new("d"), Simulated::default());
        disk.create_dir_all(dir).unwrap();
        publish(&disk, dir, "x", b"old").unwrap();
        for at in 0..6 {
            let fs = disk.failing(at, Fault::Once(Errno::NOSPC));
            assert!(publish_replacing(&fs, dir, "x", b"new").is_err());
            assert_eq!(fs.list(dir).unwrap(), ["x"], "call {at}");
            assert_eq!(fs.read(&dir.join("x")).unwrap(), b"old");
        }
    }
}
