//! Damaged parts and trajectories, kept for who wants to look at them but out of the way.

use std::io;
use std::path::{Path, PathBuf};

use super::io::{FileSystem, is_gone};
use super::manifest::Manifest;
use super::{part, trajectories};

/// Renames a damaged part to `NAME.damaged` (or `NAME.damaged-2` and so on: what was set aside before
/// stays), and says so. Its trials are then computed again. Where that is not possible, in a directory
/// that may only be read, it is only said: nothing counts a damaged part.
pub fn set_aside(fs: &dyn FileSystem, path: &Path, manifest: &Manifest) {
    match move_aside(fs, path) {
        Ok(aside) if is_whole(fs, path, &aside, manifest) => put_back(fs, &aside, path),
        Ok(aside) => tracing::warn!(
            "{}: set aside as {}; its trials are computed again",
            path.display(),
            aside.display()
        ),
        // Another process was faster.
        Err(e) if is_gone(&e) => {}
        Err(e) => tracing::warn!("{}: cannot be set aside: {e}", path.display()),
    }
}

/// Renames a file to the first name for what is set aside that is free.
pub(super) fn move_aside(fs: &dyn FileSystem, path: &Path) -> io::Result<PathBuf> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".damaged");
    let mut number = 2;
    loop {
        let name = PathBuf::from(&aside);
        match fs.rename_new(path, &name) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                aside = path.as_os_str().to_owned();
                aside.push(format!(".damaged-{number}"));
                number += 1;
            }
            done => return done.map(|()| name),
        }
    }
}

/// Whether what was set aside is not the damaged part but one that another process has put in its
/// place since.
fn is_whole(fs: &dyn FileSystem, path: &Path, aside: &Path, manifest: &Manifest) -> bool {
    fs.read(aside).is_ok_and(|bytes| {
        part::decode_named(path, &bytes, manifest).is_ok()
            || trajectories::decode_named(path, &bytes, manifest).is_ok()
    })
}

fn put_back(fs: &dyn FileSystem, aside: &Path, path: &Path) {
    if let Err(e) = fs.rename_new(aside, path) {
        tracing::warn!("{}: cannot be put back: {e}", aside.display());
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::Numerics;
    use crate::store::io::Disk;
    use crate::store::manifest::tests::manifest;
    use crate::store::part::tests::rows;
    use crate::store::part::write_part;

    #[test]
    fn damaged_parts_make_way_and_none_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = manifest(vec![], 9, &[]);
        let path = dir.path().join("x.part");
        for (content, aside) in
            [("a", "x.part.damaged"), ("b", "x.part.damaged-2"), ("c", "x.part.damaged-3")]
        {
            fs::write(&path, content).unwrap();
            set_aside(&Disk, &path, &manifest);
            assert!(!path.exists());
            assert_eq!(fs::read_to_string(dir.path().join(aside)).unwrap(), content);
        }
        assert_eq!(fs::read_to_string(dir.path().join("x.part.damaged")).unwrap(), "a");
        set_aside(&Disk, &path, &manifest);
    }

    #[test]
    fn a_whole_part_in_the_place_of_a_damaged_one_stays() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = manifest(vec![], 9, &[]);
        let block = [rows(0, 0, 3, 0)];
        let path = write_part(&Disk, dir.path(), &manifest, &Numerics::default(), &block).unwrap();
        set_aside(&Disk, &path, &manifest);
        assert_eq!(Disk.list(path.parent().unwrap()).unwrap().len(), 1);
        assert!(path.exists());
    }
}
