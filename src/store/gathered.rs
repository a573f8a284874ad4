//! What the parts of a directory say while processes write them: each look reads what is new, and writes
//! nothing.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::allotment::Standing;
use super::counted::{CellCounts, Counted};
use super::io::FileSystem;
use super::looks::Looks;
use super::manifest::Manifest;
use super::merge::Missing;
use super::part::Contents;
use super::scan::Scan;
use crate::Result;

/// What has been read of a directory of results.
pub struct Gathered {
    /// What it is about.
    pub manifest: Manifest,
    /// What came of its trials.
    pub counted: Counted,
    scan: Scan,
    looks: Option<Looks>,
    seen: HashSet<PathBuf>,
}

impl Gathered {
    /// Nothing yet, of the study of `dir`.
    ///
    /// # Errors
    /// Those of [`Manifest::read`].
    pub fn new(fs: &dyn FileSystem, dir: &Path) -> Result<Self> {
        let manifest = Manifest::read(fs, dir)?;
        Ok(Self {
            counted: Counted::new(manifest.cells()),
            scan: Scan::nothing(&manifest),
            looks: Looks::new(&manifest),
            seen: HashSet::new(),
            manifest,
        })
    }

    /// Reads what is new in `dir`; whether trials or trajectories are.
    ///
    /// # Errors
    /// As [`scan`](super::scan::scan).
    pub fn look(&mut self, fs: &dyn FileSystem, dir: &Path) -> Result<bool> {
        let Self { manifest, counted, scan, looks, seen } = self;
        let before = (counted.coverage().total(), scan.trajectories.total());
        let add = |_: &Path, part: &Contents<'_>| {
            counted.add_part(part, manifest);
            if let Some(looks) = looks {
                looks.add(part);
            }
            Ok(())
        };
        scan.read_new(fs, dir, manifest, seen, add, |_, _| Ok(()))?;
        Ok((self.counted.coverage().total(), self.scan.trajectories.total()) != before)
    }

    /// How many trials each cell is to have; `None` if that is not known yet.
    pub fn wanted(&self) -> Vec<Option<u64>> {
        let of_standing = |standing| match standing {
            Standing::Ended(trials) => Some(trials),
            Standing::Open(_) => None,
        };
        match &self.looks {
            None => vec![Some(self.manifest.trials); self.manifest.cells()],
            Some(looks) => looks.standings().into_iter().map(of_standing).collect(),
        }
    }

    /// What came of the trials of each cell; of one that has ended, of those that results hold.
    pub fn counts(&self) -> Vec<CellCounts> {
        let mut counts: Vec<CellCounts> = self.counted.cells().collect();
        for (cell, ended) in self.looks.iter().flat_map(Looks::ended) {
            counts[cell] = ended;
        }
        counts
    }

    /// What is missing of the study.
    pub fn missing(&self) -> Missing {
        let open = self.looks.as_ref().map_or_else(Vec::new, |looks| {
            let (ends, open) = looks.prefixes();
            open.into_iter().map(|cell| (cell, ends.prefix(cell))).collect()
        });
        Missing::of(&self.scan, &self.manifest, open)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::io::Disk;
    use crate::store::manifest::parts_dir;
    use crate::store::manifest::tests::manifest;
    use crate::store::numerics::Numerics;
    use crate::store::part::tests::rows;
    use crate::store::part::write_part;

    #[test]
    fn looks_read_what_is_new() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = manifest(vec![], 9, &[]);
        manifest.establish(&Disk, dir.path()).unwrap();
        let write = |first, count| {
            let blocks = [rows(0, first, count, 0)];
            write_part(&Disk, dir.path(), &manifest, &Numerics::default(), &blocks).unwrap()
        };
        let mut gathered = Gathered::new(&Disk, dir.path()).unwrap();
        let mut look = || {
            let news = gathered.look(&Disk, dir.path()).unwrap();
            let cell = gathered.counted.cell(0);
            (news, cell.there.trials(), cell.first.trials(), gathered.missing().is_nothing())
        };
        assert_eq!(look(), (false, 0, 0, false));
        let part = write(0, 3);
        assert_eq!(look(), (true, 3, 3, false));
        // What was read once is not read again.
        fs::write(&part, "damaged").unwrap();
        assert_eq!(look(), (false, 3, 3, false));
        write(6, 3);
        assert_eq!(look(), (true, 6, 3, false));
        // One that is damaged is, until it is whole.
        let part = write(3, 3);
        let whole = fs::read(&part).unwrap();
        fs::write(&part, "damaged").unwrap();
        assert_eq!(look(), (false, 6, 3, false));
        fs::write(&part, whole).unwrap();
        assert_eq!(look(), (true, 9, 9, true));
        // Put together by a process that compacts its parts.
        write(0, 9);
        assert_eq!(look(), (false, 9, 9, true));
        assert_eq!(fs::read_dir(parts_dir(dir.path())).unwrap().count(), 4, "nothing is written");
    }
}
