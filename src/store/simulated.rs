//! A file system in memory for tests: any call can fail, and the power can be cut after any call.
//!
//! What has not been synced is pending. A power cut keeps, loses or garbles each pending write of a
//! file, and keeps or loses each pending change of the names in a directory, one by one. A sync that
//! fails loses what was pending, silently if asked again, as systems do; asking again is an offence.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rustix::io::Errno;

use super::driver;
use super::io::{FileSystem, NewFile, OpenFile};
use crate::digest::Digest;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A call fails.
    Once(Errno),
    /// A call and all after it fail.
    Lasting(Errno),
    /// A write puts half of its bytes into the file and fails.
    Short(Errno),
    /// The power is cut: this call and all after it never reach the disk.
    PowerCut,
}

/// The kind of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// Of the names in directories.
    Names,
    /// Reading.
    Read,
    /// Writing bytes.
    Write,
    /// Making something durable.
    Sync,
}

/// A file system in memory; clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Simulated(Arc<Mutex<State>>);

#[derive(Clone, Default)]
struct State {
    /// By number; numbers are not used again.
    files: Vec<Content>,
    dirs: BTreeMap<PathBuf, Names>,
    calls: Vec<Call>,
    /// From which call on, and what.
    fault: Option<(usize, Fault)>,
    offences: Vec<String>,
}

/// A file.
#[derive(Clone, Default)]
struct Content {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Write>,
    sync_failed: bool,
}

#[derive(Clone)]
enum Write {
    Bytes(usize, Vec<u8>),
    Size(usize),
}

/// A directory.
#[derive(Clone, Default)]
struct Names {
    files: BTreeMap<String, usize>,
    durable: BTreeMap<String, usize>,
    pending: Vec<Change>,
    sync_failed: bool,
}

#[derive(Clone)]
enum Change {
    Add(String, usize),
    Remove(String, usize),
    Rename(String, String, usize),
}

/// Whether results can be written to a file system that is not the machine's: only where the driver
/// for HDF5 is ours.
pub(crate) fn can_merge() -> bool {
    driver::is_known()
}

impl Simulated {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// A copy in which something goes wrong at the `at`-th call from now on.
    pub(crate) fn failing(&self, at: usize, fault: Fault) -> Self {
        let copy = self.restarted();
        copy.state().fault = Some((at, fault));
        copy
    }

    /// What a new process finds when the last one has ended.
    pub(crate) fn restarted(&self) -> Self {
        let mut state = self.state().clone();
        state.calls.clear();
        state.fault = None;
        state.offences.clear();
        state.files.iter_mut().for_each(|file| file.sync_failed = false);
        state.dirs.values_mut().for_each(|dir| dir.sync_failed = false);
        state.dirs.values_mut().for_each(Names::disown);
        Self(Arc::new(Mutex::new(state)))
    }

    /// What a new process finds when the power was cut: one of the many possibilities.
    pub(crate) fn after_power_cut(&self, seed: u64) -> Self {
        let copy = self.restarted();
        copy.state().lose_pending(&mut Chance { seed, drawn: 0 });
        copy
    }

    /// The calls that were made.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// What a process did that it must not do.
    pub(crate) fn offences(&self) -> Vec<String> {
        self.state().offences.clone()
    }

    /// Puts bytes where a file is.
    pub(crate) fn overwrite(&self, path: &Path, bytes: &[u8]) {
        let state = &mut *self.state();
        let number = state.number(path).unwrap();
        state.files[number] =
            Content { bytes: bytes.into(), durable: bytes.into(), ..Content::default() };
    }
}

impl State {
    /// Enters a call; fails if it has to.
    fn step(&mut self, call: Call) -> io::Result<()> {
        self.calls.push(call);
        let now = self.calls.len() - 1;
        match self.fault {
            Some((at, Fault::Once(error))) if now == at => Err(error.into()),
            Some((at, Fault::Lasting(error))) if now >= at => Err(error.into()),
            Some((at, Fault::PowerCut)) if now >= at => Err(Errno::IO.into()),
            _ => Ok(()),
        }
    }

    /// Whether calls fail because there is no machine any more.
    fn is_cut(&self) -> bool {
        self.fault.is_some_and(|(at, fault)| fault == Fault::PowerCut && self.calls.len() > at)
    }

    /// The error of a short write, if this call is one.
    fn short(&self) -> Option<Errno> {
        match self.fault {
            Some((at, Fault::Short(error))) if self.calls.len() - 1 == at => Some(error),
            _ => None,
        }
    }

    fn lose_pending(&mut self, chance: &mut Chance) {
        self.files.iter_mut().for_each(|file| file.lose_pending(chance));
        self.dirs.values_mut().for_each(|dir| dir.lose_pending(chance));
    }

    fn dir(&mut self, path: &Path) -> io::Result<&mut Names> {
        self.dirs.get_mut(path).ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn number(&mut self, path: &Path) -> io::Result<usize> {
        let (dir, name) = split(path);
        self.dir(dir)?.files.get(&name).copied().ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let number = self.number(from)?;
        if self.files[number].sync_failed {
            self.offences.push(format!("{} published, not durable", to.display()));
        }
        let ((dir, old), (_, new)) = (split(from), split(to));
        self.dir(dir)?.change(Change::Rename(old, new, number));
        Ok(())
    }
}

fn split(path: &Path) -> (&Path, String) {
    let name = path.file_name().unwrap().to_str().unwrap();
    (path.parent().unwrap(), name.to_owned())
}

impl Names {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.files);
        self.pending.push(change);
    }

    /// Makes temporary files those of a process that is no more: no process has the largest number.
    fn disown(&mut self) {
        let (mine, dead) = (format!(".{}.", std::process::id()), format!(".{}.", i32::MAX));
        let disowned = |name: &String| {
            if name.starts_with('.') { name.replace(&mine, &dead) } else { name.clone() }
        };
        for names in [&mut self.files, &mut self.durable] {
            *names = names.iter().map(|(name, number)| (disowned(name), *number)).collect();
        }
        for change in &mut self.pending {
            match change {
                Change::Add(name, _) | Change::Remove(name, _) => *name = disowned(name),
                Change::Rename(from, to, _) => (*from, *to) = (disowned(from), disowned(to)),
            }
        }
    }

    fn lose_pending(&mut self, chance: &mut Chance) {
        for change in std::mem::take(&mut self.pending) {
            if chance.draw().is_multiple_of(2) {
                change.apply(&mut self.durable);
            }
        }
        self.files = self.durable.clone();
    }
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Add(name, number) => {
                names.insert(name.clone(), *number);
            }
            Self::Remove(name, number) => {
                if names.get(name) == Some(number) {
                    names.remove(name);
                }
            }
            Self::Rename(from, to, number) => {
                if names.get(from) == Some(number) {
                    names.remove(from);
                }
                names.insert(to.clone(), *number);
            }
        }
    }
}

impl Content {
    fn write(&mut self, write: Write) {
        write.apply(&mut self.bytes);
        self.pending.push(write);
    }

    fn lose_pending(&mut self, chance: &mut Chance) {
        for write in std::mem::take(&mut self.pending) {
            match (chance.draw() % 3, write) {
                (0, write) => write.apply(&mut self.durable),
                (1, Write::Bytes(offset, bytes)) => {
                    let garbage = bytes.iter().map(|_| chance.draw()).collect();
                    Write::Bytes(offset, garbage).apply(&mut self.durable);
                }
                _ => {}
            }
        }
        self.bytes = self.durable.clone();
    }
}

impl Write {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Size(size) => to.resize(*size, 0),
            Self::Bytes(offset, bytes) => {
                to.resize(to.len().max(offset + bytes.len()), 0);
                to[*offset..][..bytes.len()].copy_from_slice(bytes);
            }
        }
    }
}

/// A seeded stream of bytes.
struct Chance {
    seed: u64,
    drawn: u64,
}

impl Chance {
    fn draw(&mut self) -> u8 {
        self.drawn += 1;
        let numbers = [self.seed, self.drawn / 32].map(u64::to_le_bytes);
        Digest::of(numbers.as_flattened()).0[(self.drawn % 32) as usize]
    }
}

impl FileSystem for Simulated {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let state = &mut *self.state();
        state.step(Call::Names)?;
        for dir in dir.ancestors().filter(|dir| !dir.as_os_str().is_empty()) {
            state.dirs.entry(dir.to_owned()).or_default();
        }
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = &mut *self.state();
        state.step(Call::Read)?;
        let mut names: Vec<String> = state.dir(dir)?.files.keys().cloned().collect();
        let inside = state.dirs.keys().filter(|inner| inner.parent() == Some(dir));
        names.extend(inside.map(|inner| split(inner).1));
        names.sort_unstable();
        Ok(names)
    }

    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        let state = &mut *self.state();
        state.step(Call::Read)?;
        let number = state.number(file)?;
        Ok(state.files[number].bytes.clone())
    }

    fn open(&self, file: &Path) -> io::Result<Box<dyn OpenFile>> {
        let state = &mut *self.state();
        state.step(Call::Read)?;
        let number = state.number(file)?;
        Ok(Box::new(Handle { disk: self.clone(), number }))
    }

    fn create_new(&self, file: &Path) -> io::Result<Box<dyn NewFile>> {
        let state = &mut *self.state();
        state.step(Call::Names)?;
        if state.number(file).is_ok() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let number = state.files.len();
        let (dir, name) = split(file);
        state.dir(dir)?.change(Change::Add(name, number));
        state.files.push(Content::default());
        Ok(Box::new(Handle { disk: self.clone(), number }))
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        let state = &mut *self.state();
        state.step(Call::Names)?;
        if state.number(to).is_ok() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        state.rename(from, to)
    }

    fn rename_over(&self, from: &Path, to: &Path) -> io::Result<()> {
        let state = &mut *self.state();
        state.step(Call::Names)?;
        state.rename(from, to)
    }

    fn age(&self, file: &Path) -> io::Result<Duration> {
        let state = &mut *self.state();
        state.step(Call::Read)?;
        state.number(file).map(|_| Duration::ZERO)
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        let state = &mut *self.state();
        state.step(Call::Names)?;
        let number = state.number(file)?;
        let (dir, name) = split(file);
        state.dir(dir)?.change(Change::Remove(name, number));
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let state = &mut *self.state();
        let done = state.step(Call::Sync);
        let (cut, names) = (state.is_cut(), state.dir(dir)?);
        let again = std::mem::replace(&mut names.sync_failed, done.is_err());
        if !cut {
            if done.is_ok() {
                names.durable = names.files.clone();
            }
            names.pending.clear();
        }
        if again && !cut {
            state.offences.push(format!("{} synced again", dir.display()));
        }
        done
    }
}

/// An open file.
struct Handle {
    disk: Simulated,
    number: usize,
}

impl Handle {
    fn call<T>(
        &self,
        call: Call,
        act: impl FnOnce(&mut State, usize) -> io::Result<T>,
    ) -> io::Result<T> {
        let state = &mut *self.disk.state();
        state.step(call)?;
        act(state, self.number)
    }
}

impl OpenFile for Handle {
    fn size(&mut self) -> io::Result<u64> {
        self.call(Call::Read, |state, number| Ok(state.files[number].bytes.len() as u64))
    }

    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.call(Call::Read, |state, number| {
            let there = state.files[number].bytes.get(offset as usize..);
            let there = there.and_then(|rest| rest.get(..bytes.len()));
            bytes.copy_from_slice(there.ok_or(ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }
}

impl NewFile for Handle {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.call(Call::Write, |state, number| {
            let short = state.short();
            let count = if short.is_some() { bytes.len() / 2 } else { bytes.len() };
            state.files[number].write(Write::Bytes(offset as usize, bytes[..count].to_vec()));
            short.map_or(Ok(()), |error| Err(error.into()))
        })
    }

    fn set_size(&mut self, size: u64) -> io::Result<()> {
        self.call(Call::Write, |state, number| {
            // Half of that is nothing.
            if let Some(error) = state.short() {
                return Err(error.into());
            }
            state.files[number].write(Write::Size(size as usize));
            Ok(())
        })
    }

    fn sync(&mut self) -> io::Result<()> {
        let state = &mut *self.disk.state();
        let done = state.step(Call::Sync);
        let (cut, file) = (state.is_cut(), &mut state.files[self.number]);
        let again = std::mem::replace(&mut file.sync_failed, done.is_err());
        if !cut {
            if done.is_ok() {
                file.durable = file.bytes.clone();
            }
            file.pending.clear();
        }
        if again && !cut {
            state.offences.push(format!("file {} synced again", self.number));
        }
        done
    }
}

mod tests {
    use super::*;

    /// A file with one synced and one pending write, whose name is not durable.
    fn example() -> Simulated {
        let disk = Simulated::default();
        disk.create_dir_all(Path::new("d")).unwrap();
        let mut file = disk.create_new(Path::new("d/a")).unwrap();
        file.write_at(0, b"synced").unwrap();
        file.sync().unwrap();
        file.write_at(6, b"pending").unwrap();
        disk
    }

    #[test]
    fn a_power_cut_keeps_what_is_synced_and_some_of_the_rest() {
        let disk = example();
        let found = |disk: &Simulated, seed| disk.after_power_cut(seed).read(Path::new("d/a")).ok();
        assert!((0..20).any(|seed| found(&disk, seed).is_none()));
        assert!((0..20).any(|seed| found(&disk, seed).is_some()));
        disk.sync_dir(Path::new("d")).unwrap();
        let all: Vec<_> = (0..50).map(|seed| found(&disk, seed).unwrap()).collect();
        assert!(all.iter().all(|bytes| bytes.starts_with(b"synced")));
        for bytes in [&b"synced"[..], b"syncedpending"] {
            assert!(all.iter().any(|found| found == bytes));
        }
        assert!(all.iter().any(|bytes| bytes.len() == 13 && bytes != b"syncedpending"));
    }

    #[test]
    fn a_failed_sync_loses_what_was_pending_and_asking_again_is_an_offence() {
        let disk = example().failing(1, Fault::Once(Errno::IO));
        let dir = Path::new("d");
        let mut file = disk.create_new(&dir.join("b")).unwrap();
        assert!(disk.sync_dir(dir).is_err());
        assert!(disk.offences().is_empty());
        disk.sync_dir(dir).unwrap();
        assert_eq!(disk.offences().len(), 1);
        file.sync().unwrap();
    }

    #[test]
    fn calls_fail_once_or_from_then_on_or_in_the_middle() {
        let write = |fault| {
            let disk = example().failing(1, fault);
            let mut file = disk.create_new(Path::new("d/b")).unwrap();
            let failed = [b"one", b"two"].map(|bytes| file.write_at(0, bytes).is_err());
            (failed, disk.state().files[1].bytes.clone())
        };
        assert_eq!(write(Fault::Once(Errno::NOSPC)), ([true, false], b"two".to_vec()));
        assert_eq!(write(Fault::Lasting(Errno::NOSPC)), ([true, true], vec![]));
        assert_eq!(write(Fault::Short(Errno::NOSPC)), ([true, false], b"two".to_vec()));
        let disk = example().failing(1, Fault::Short(Errno::NOSPC));
        let mut file = disk.create_new(Path::new("d/b")).unwrap();
        assert!(file.write_at(0, b"four").is_err());
        assert_eq!(disk.state().files[1].bytes, b"fo");
    }
}
