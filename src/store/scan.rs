//! What a directory of results holds already.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::coverage::Coverage;
use super::io::{FileSystem, is_gone};
use super::looks::Looks;
use super::manifest::{Manifest, parts_dir};
use super::numerics::Numerics;
use super::part::{Contents, Fault, decode_named, foreign};
use super::trajectories::{self, TrajectoryBytes};
use crate::study::Block;
use crate::{Error, Result};

/// What the parts of a directory hold.
#[derive(Debug, Clone)]
pub struct Scan {
    /// The trials that are there.
    pub coverage: Coverage,
    /// The trials whose trajectories are there, of those that are to have one.
    pub trajectories: Coverage,
    /// What all this was computed with: each different one, sorted, with a file that has it.
    pub numerics: Vec<(Numerics, PathBuf)>,
    /// Parts that are whole.
    pub parts: Vec<PathBuf>,
    /// Parts and files of trajectories that are damaged; what is in them does not count as being there.
    pub damaged: Vec<PathBuf>,
}

/// Reads and checks all parts and trajectories of `dir`.
///
/// # Errors
/// [`Error::Storage`] if something cannot be read; [`Error::Content`] for a part of another study or
/// of a newer format. Damaged parts are no error: a warning names each.
pub fn scan(fs: &dyn FileSystem, dir: &Path, manifest: &Manifest) -> Result<Scan> {
    scan_with(fs, dir, manifest, |_, _| Ok(()), |_, _| Ok(()))
}

/// What came of the trials in the parts of `dir`, for a study without a fixed number of them.
///
/// # Errors
/// As [`scan`].
///
/// # Panics
/// If the number of trials is fixed.
pub fn scan_looks(fs: &dyn FileSystem, dir: &Path, manifest: &Manifest) -> Result<Looks> {
    let mut looks = Looks::new(manifest).expect("a study without a fixed number of trials");
    let add = |_: &Path, part: &Contents<'_>| {
        looks.add(part);
        Ok(())
    };
    scan_with(fs, dir, manifest, add, |_, _| Ok(()))?;
    Ok(looks)
}

/// As [`scan`], showing every whole part to `visit`, and every whole file of trajectories to `trace`. One
/// of them is in memory at a time.
///
/// A part that is listed and then gone has been put into a larger one, which was there before, or set
/// aside, by another process: the directory is listed again, until nothing is missed. What was there
/// when the scan began is then in one of the parts that were seen.
///
/// # Errors
/// Also those of `visit` and `trace`.
pub(super) fn scan_with(
    fs: &dyn FileSystem,
    dir: &Path,
    manifest: &Manifest,
    visit: impl FnMut(&Path, &Contents<'_>) -> Result<()>,
    trace: impl FnMut(&Path, &trajectories::Contents<'_>) -> Result<()>,
) -> Result<Scan> {
    let mut scan = Scan::nothing(manifest);
    scan.read_new(fs, dir, manifest, &mut HashSet::new(), visit, trace)?;
    scan.numerics.sort_unstable();
    Ok(scan)
}

/// How often a directory is listed at most: what is missed every time is a link to nowhere.
const LISTINGS: usize = 100;

impl Scan {
    /// Nothing of a study.
    pub(super) fn nothing(manifest: &Manifest) -> Self {
        Self {
            coverage: Coverage::new(manifest.cells()),
            trajectories: Coverage::new(manifest.cells()),
            numerics: Vec::new(),
            parts: Vec::new(),
            damaged: Vec::new(),
        }
    }

    /// Takes what is in `dir` but for the files that were `seen`; whole ones are seen after that.
    pub(super) fn read_new(
        &mut self,
        fs: &dyn FileSystem,
        dir: &Path,
        manifest: &Manifest,
        seen: &mut HashSet<PathBuf>,
        mut visit: impl FnMut(&Path, &Contents<'_>) -> Result<()>,
        trace: impl FnMut(&Path, &trajectories::Contents<'_>) -> Result<()>,
    ) -> Result<()> {
        for listing in 1.. {
            let mut gone = false;
            for path in part_files(fs, &parts_dir(dir))? {
                if seen.contains(&path) {
                    continue;
                }
                match fs.read(&path) {
                    Ok(bytes) => self.take(&path, &bytes, manifest, &mut visit)?,
                    Err(e) if is_gone(&e) && listing < LISTINGS => {
                        gone = true;
                        continue;
                    }
                    Err(e) => return Err(Error::storage("read", &path)(e)),
                }
                self.see(path, seen);
            }
            if !gone {
                break;
            }
        }
        match manifest.trajectories {
            Some(_) => self.take_trajectories(fs, dir, manifest, seen, trace),
            None => Ok(()),
        }
    }

    /// What is damaged is looked at again: another file may come in its place.
    fn see(&self, path: PathBuf, seen: &mut HashSet<PathBuf>) {
        if !self.damaged.contains(&path) {
            seen.insert(path);
        }
    }

    /// Checks a part and takes what it holds.
    fn take(
        &mut self,
        path: &Path,
        bytes: &[u8],
        manifest: &Manifest,
        visit: &mut impl FnMut(&Path, &Contents<'_>) -> Result<()>,
    ) -> Result<()> {
        match decode_named(path, bytes, manifest) {
            Ok(part) => {
                visit(path, &part)?;
                self.damaged.retain(|damaged| damaged != path);
                self.add(path.to_owned(), part);
            }
            Err(fault) => self.pass_over(path, fault)?,
        }
        Ok(())
    }

    /// Checks the files of trajectories and takes what they hold. One that is gone has been set aside by
    /// another process.
    fn take_trajectories(
        &mut self,
        fs: &dyn FileSystem,
        dir: &Path,
        manifest: &Manifest,
        seen: &mut HashSet<PathBuf>,
        mut trace: impl FnMut(&Path, &trajectories::Contents<'_>) -> Result<()>,
    ) -> Result<()> {
        for path in trajectories::files(fs, dir)? {
            if seen.contains(&path) {
                continue;
            }
            let bytes = match fs.read(&path) {
                Ok(bytes) => bytes,
                Err(e) if is_gone(&e) => continue,
                Err(e) => return Err(Error::storage("read", &path)(e)),
            };
            match trajectories::decode_named(&path, &bytes, manifest) {
                Ok(contents) => {
                    trace(&path, &contents)?;
                    self.damaged.retain(|damaged| *damaged != path);
                    for &TrajectoryBytes { cell, trial, .. } in &contents.trajectories {
                        self.trajectories.insert(Block { cell, first: trial, count: 1 });
                    }
                    self.add_numerics(contents.numerics, &path);
                }
                Err(fault) => self.pass_over(&path, fault)?,
            }
            self.see(path, seen);
        }
        Ok(())
    }

    fn pass_over(&mut self, path: &Path, fault: Fault) -> Result<()> {
        match fault {
            Fault::Damaged(why) => {
                if !self.damaged.iter().any(|known| known == path) {
                    tracing::warn!("{} is damaged and ignored: {why}", path.display());
                    self.damaged.push(path.to_owned());
                }
                Ok(())
            }
            Fault::Foreign(why) => Err(foreign(path, &why)),
        }
    }

    fn add(&mut self, path: PathBuf, part: Contents<'_>) {
        for bytes in &part.blocks {
            self.coverage.insert(bytes.block);
        }
        self.add_numerics(part.numerics, &path);
        self.parts.push(path);
    }

    fn add_numerics(&mut self, numerics: Numerics, path: &Path) {
        if !self.numerics.iter().any(|(known, _)| *known == numerics) {
            self.numerics.push((numerics, path.to_owned()));
        }
    }
}

fn part_files(fs: &dyn FileSystem, parts: &Path) -> Result<Vec<PathBuf>> {
    let names = match fs.list(parts) {
        Ok(names) => names,
        Err(e) if e.kind() == ErrorKind::NotFound => Vec::new(),
        Err(e) => return Err(Error::storage("list", parts)(e)),
    };
    let ours = |name: &String| name.ends_with(".part") && !name.starts_with('.');
    Ok(names.into_iter().filter(ours).map(|name| parts.join(name)).collect())
}

#[cfg(test)]
#[expect(clippy::single_range_in_vec_init, reason = "a list of one range is meant")]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::io::Disk;
    use crate::store::manifest::tests::manifest;
    use crate::store::part::tests::rows;
    use crate::store::part::write_part;

    #[test]
    fn an_empty_directory_holds_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let scan = scan(&Disk, dir.path(), &manifest(vec![], 9, &[])).unwrap();
        assert_eq!(scan.coverage.total(), 0);
    }

    #[test]
    fn whole_parts_count_and_damaged_ones_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = manifest(vec![], 9, &[]);
        let write = |first| {
            let blocks = [rows(0, first, 3, 0)];
            write_part(&Disk, dir.path(), &manifest, &Numerics::default(), &blocks).unwrap()
        };
        let paths = [write(0), write(3), write(6)];
        let mut bytes = fs::read(&paths[1]).unwrap();
        bytes[100] ^= 1;
        fs::write(&paths[1], bytes).unwrap();
        fs::write(parts_dir(dir.path()).join(".x.part.h.1.0.tmp"), "half").unwrap();

        let scan = scan(&Disk, dir.path(), &manifest).unwrap();
        assert_eq!(scan.coverage.missing(0, 9), [3..6]);
        assert_eq!(scan.damaged, [paths[1].clone()]);
        assert_eq!(scan.parts.len(), 2);
        assert_eq!(scan.numerics.len(), 1);
    }

    #[test]
    fn a_part_of_another_study_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let other = manifest(vec![], 10, &[]);
        write_part(&Disk, dir.path(), &other, &Numerics::default(), &[rows(0, 0, 1, 0)]).unwrap();
        let error = scan(&Disk, dir.path(), &manifest(vec![], 9, &[])).unwrap_err();
        assert!(error.to_string().contains("belongs to the study"), "{error}");
    }
}
