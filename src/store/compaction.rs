//! Compaction: many small parts become a few large ones.
//!
//! A process merges its own parts as they come: `FAN` of a tier become one of the next, so that of
//! `n` parts a few times `log n` remain; parts of `LARGE` bytes stay as they are. The larger part is
//! published first, so it is durable and has been read back, and only then are the small ones removed.
//! A process that ends in between leaves both, which is harmless: a trial may be in several parts.
//!
//! Several processes may do this in one directory, to the same parts, without locks. No row is lost:
//! a part is a function of its rows and of what they were computed with, whatever they were merged
//! from, so parts with the same rows are the same file, and a part is only removed when another one
//! that has all of its rows *and more* has been made durable. If that one is removed, a still larger
//! one is there; the chain cannot come back to where it began, so it ends at a part that is there.
//!
//! Rows of different numerics never come into one part, and rows that contradict each other are left
//! where they are: merging names both parts.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::io::{FileSystem, is_gone};
use super::manifest::{Manifest, parts_dir};
use super::numerics::Numerics;
use super::part::{self, Contents, decode_named, encode_bytes, publish_encoded};
use super::row;
use crate::study::Block;
use crate::{Error, Result};

/// How many parts of a tier become one of the next.
const FAN: usize = 16;

/// Bytes of a merged part, at most: it is in memory while it is made.
pub const LARGEST: u64 = 32 << 20;

/// Bytes of a part that is large enough.
const LARGE: u64 = LARGEST / FAN as u64;

/// The parts of a process that are still small.
pub struct Compaction<'a> {
    fs: &'a dyn FileSystem,
    dir: &'a Path,
    manifest: &'a Manifest,
    /// By how often they have been merged.
    tiers: Vec<Vec<PathBuf>>,
}

impl<'a> Compaction<'a> {
    /// That of a process which has no parts yet.
    pub fn new(fs: &'a dyn FileSystem, dir: &'a Path, manifest: &'a Manifest) -> Self {
        Self { fs, dir, manifest, tiers: Vec::new() }
    }

    /// Merges parts of earlier processes, if enough of them are small.
    ///
    /// # Errors
    /// Those of storage, here and in the other methods.
    pub fn adopt(&self, parts: impl IntoIterator<Item = PathBuf>) -> Result<()> {
        let mut small = Vec::new();
        for path in parts {
            match self.fs.open(&path).and_then(|mut file| file.size()) {
                Ok(size) if size < LARGE => small.push(path),
                Ok(_) => {}
                Err(e) if is_gone(&e) => {}
                Err(e) => return Err(Error::storage("open", &path)(e)),
            }
        }
        if small.len() >= FAN {
            self.merge(small)?;
        }
        Ok(())
    }

    /// Takes a part that this process has published.
    pub fn add(&mut self, part: PathBuf) -> Result<()> {
        let mut parts = vec![part];
        for tier in 0.. {
            if self.tiers.len() == tier {
                self.tiers.push(Vec::new());
            }
            self.tiers[tier].append(&mut parts);
            if self.tiers[tier].len() < FAN {
                break;
            }
            let full = std::mem::take(&mut self.tiers[tier]);
            parts = self.merge(full)?;
        }
        Ok(())
    }

    /// Merges what is still small, when this process publishes nothing more.
    pub fn finish(&mut self) -> Result<()> {
        let parts = std::mem::take(&mut self.tiers).concat();
        self.merge(parts).map(|_| ())
    }

    /// Merges parts, as far as they are there and small; returns those that they have become.
    fn merge(&self, parts: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
        let (mut merged, mut groups, mut total) = (Vec::new(), Groups::new(), 0);
        for path in parts {
            let Some(bytes) = self.read_small(&path)? else { continue };
            if total + bytes.len() as u64 > LARGEST {
                merged.extend(self.replace_all(std::mem::take(&mut groups))?);
                total = 0;
            }
            // One that is damaged is left to the next scan, which names it.
            if let Ok(part) = decode_named(&path, &bytes, self.manifest) {
                total += bytes.len() as u64;
                groups.entry(part.numerics.clone()).or_default().add(path, &part);
            }
        }
        merged.extend(self.replace_all(groups)?);
        Ok(merged)
    }

    /// The bytes of a part, unless it is large or has been merged by another process.
    fn read_small(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        let read = || -> io::Result<Option<Vec<u8>>> {
            let size = self.fs.open(path)?.size()?;
            if size < LARGE { self.fs.read(path).map(Some) } else { Ok(None) }
        };
        match read() {
            Err(e) if is_gone(&e) => Ok(None),
            done => done.map_err(Error::storage("read", path)),
        }
    }

    fn replace_all(&self, groups: Groups) -> Result<Vec<PathBuf>> {
        let replaced = groups.into_iter().map(|(numerics, group)| self.replace(&numerics, group));
        replaced.filter_map(Result::transpose).collect()
    }

    /// Puts a part in the place of others; returns it, if that can be done.
    fn replace(&self, numerics: &Numerics, group: Group) -> Result<Option<PathBuf>> {
        let Group { mut paths, blocks } = group;
        if paths.len() < 2 {
            return Ok(paths.pop());
        }
        let size = self.manifest.keeps_rows().then(|| row::size(self.manifest.ladder.len()));
        let Some(blocks) = union(blocks, size) else { return Ok(None) };
        let bytes = encode_bytes(self.manifest, numerics, &blocks);
        drop(blocks);
        let merged = publish_encoded(self.fs, &parts_dir(self.dir), &part::name(&bytes), &bytes)?;
        for path in paths.iter().filter(|path| **path != merged) {
            match self.fs.remove(path) {
                Err(e) if !is_gone(&e) => tracing::warn!(
                    "{}: cannot be removed, though its rows are in {} too: {e}",
                    path.display(),
                    merged.display()
                ),
                _ => {}
            }
        }
        Ok(Some(merged))
    }
}

/// Parts that may become one: those of the same numerics.
type Groups = BTreeMap<Numerics, Group>;

/// Parts and what is in them.
#[derive(Default)]
struct Group {
    paths: Vec<PathBuf>,
    blocks: Vec<(Block, Vec<u8>)>,
}

impl Group {
    fn add(&mut self, path: PathBuf, part: &Contents<'_>) {
        self.paths.push(path);
        self.blocks.extend(part.blocks.iter().map(|block| (block.block, block.rows.to_vec())));
    }
}

/// All trials once, in order: rows, of which each has `size` bytes, with blocks that follow each other
/// as one, or tallies, whose blocks are the same or disjoint. `None` if two blocks have other bytes for
/// the same trials.
fn union(mut blocks: Vec<(Block, Vec<u8>)>, size: Option<usize>) -> Option<Vec<(Block, Vec<u8>)>> {
    blocks.sort_by_key(|(block, _)| (block.cell, block.first));
    let mut union: Vec<(Block, Vec<u8>)> = Vec::new();
    for (block, content) in blocks {
        let touches = |last: &Block| match size {
            Some(_) => last.cell == block.cell && block.first <= last.first + last.count,
            None => *last == block,
        };
        let Some((last, known)) = union.last_mut().filter(|(last, _)| touches(last)) else {
            union.push((block, content));
            continue;
        };
        let there = &known[(block.first - last.first) as usize * size.unwrap_or(0)..];
        let common = there.len().min(content.len());
        let same = size.is_some() || there.len() == content.len();
        if !same || there[..common] != content[..common] {
            return None;
        }
        known.extend(&content[common..]);
        last.count = last.count.max(block.first + block.count - last.first);
    }
    Some(union)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::io::Disk;
    use crate::store::manifest::tests::manifest;
    use crate::store::part::tests::{row, rows};
    use crate::store::part::{read_part, write_part};
    use crate::store::scan::scan;

    fn example() -> Manifest {
        let mut manifest = manifest(vec![], 1_000_000, &[]);
        manifest.max_steps = 10_000_000;
        manifest
    }

    fn numerics(core: &str) -> Numerics {
        Numerics { blas_core: core.into(), ..Numerics::default() }
    }

    fn write(dir: &Path, core: &str, first: u64, count: u64) -> PathBuf {
        let block = [rows(0, first, count, 0)];
        write_part(&Disk, dir, &example(), &numerics(core), &block).unwrap()
    }

    fn parts(dir: &Path) -> usize {
        Disk.list(&parts_dir(dir)).unwrap().len()
    }

    /// That the rows of trials up to `end` are there.
    fn assert_there(dir: &Path, end: u64) {
        let scan = scan(&Disk, dir, &example()).unwrap();
        assert_eq!(scan.coverage.missing(0, end), []);
        assert!(scan.damaged.is_empty());
        for path in scan.parts {
            for BlockRowsOf { first, steps } in blocks(&path) {
                let expected: Vec<u64> =
                    (first..first + steps.len() as u64).map(|t| row(0, t, 0).steps).collect();
                assert_eq!(steps, expected);
            }
        }
    }

    struct BlockRowsOf {
        first: u64,
        steps: Vec<u64>,
    }

    fn blocks(path: &Path) -> Vec<BlockRowsOf> {
        let part = read_part(&Disk, path, &example()).unwrap();
        let steps = |rows: &[crate::study::TrialRow]| rows.iter().map(|row| row.steps).collect();
        part.blocks
            .iter()
            .map(|block| BlockRowsOf { first: block.block.first, steps: steps(&block.rows) })
            .collect()
    }

    #[test]
    fn parts_stay_few_and_become_one_at_the_end() {
        let (dir, manifest) = (tempfile::tempdir().unwrap(), example());
        let dir = dir.path();
        let mut compaction = Compaction::new(&Disk, dir, &manifest);
        for first in 0..600 {
            compaction.add(write(dir, "", first, 1)).unwrap();
            assert!(parts(dir) < 3 * FAN);
        }
        // 600 = 2 * 256 + 5 * 16 + 8
        assert_eq!(parts(dir), 2 + 5 + 8);
        assert_there(dir, 600);
        compaction.finish().unwrap();
        assert_eq!(parts(dir), 1);
        assert_there(dir, 600);
        // One part of all rows is what writing them at once would have been.
        let at_once = tempfile::tempdir().unwrap();
        let name = write(at_once.path(), "", 0, 600);
        let name = name.file_name().unwrap().to_str().unwrap();
        assert_eq!(Disk.list(&parts_dir(dir)).unwrap(), [name]);
    }

    #[test]
    fn processes_that_merge_the_same_parts_lose_no_row() {
        let (dir, manifest) = (tempfile::tempdir().unwrap(), example());
        let dir = dir.path();
        // Each has a part that the others have not, and they begin with the same one.
        let mut all: Vec<_> = (0..3).map(|_| Compaction::new(&Disk, dir, &manifest)).collect();
        for first in 0..40 {
            let part = write(dir, "", first, 1);
            for (i, compaction) in all.iter_mut().enumerate() {
                if first % 3 != i as u64 {
                    compaction.add(part.clone()).unwrap();
                }
            }
        }
        for compaction in &mut all {
            compaction.finish().unwrap();
            assert_there(dir, 40);
        }
    }

    #[test]
    fn what_a_crash_left_twice_is_merged_once() {
        let (dir, manifest) = (tempfile::tempdir().unwrap(), example());
        let dir = dir.path();
        let mut found: Vec<_> = (0..16).map(|first| write(dir, "", first, 1)).collect();
        found.push(write(dir, "", 0, 16));
        found.push(write(dir, "", 10, 16));
        found.push(dir.join("parts/gone.part"));
        Compaction::new(&Disk, dir, &manifest).adopt(found).unwrap();
        assert_eq!(parts(dir), 1);
        assert_there(dir, 26);
    }

    #[test]
    fn few_parts_and_large_ones_are_left_alone() {
        let (dir, manifest) = (tempfile::tempdir().unwrap(), example());
        let dir = dir.path();
        let write = |first, count| {
            let block = [rows(0, first, count, 0)];
            write_part(&Disk, dir, &manifest, &Numerics::default(), &block).unwrap()
        };
        let mut found: Vec<_> = (0..15).map(|first| write(first, 1)).collect();
        let compaction = Compaction::new(&Disk, dir, &manifest);
        compaction.adopt(found.clone()).unwrap();
        assert_eq!(parts(dir), 15);
        let large = write(100, LARGE / row::size(0) as u64);
        found.push(large.clone());
        compaction.adopt(found.clone()).unwrap();
        assert_eq!(parts(dir), 16);
        found.push(write(15, 1));
        compaction.adopt(found).unwrap();
        assert_eq!(parts(dir), 2);
        assert!(large.exists());
    }

    #[test]
    fn different_numerics_and_contradictions_stay_apart() {
        let (dir, manifest) = (tempfile::tempdir().unwrap(), example());
        let dir = dir.path();
        let mut compaction = Compaction::new(&Disk, dir, &manifest);
        for first in 0..8 {
            compaction.add(write(dir, "Haswell", first, 1)).unwrap();
            compaction.add(write(dir, "Zen", first, 1)).unwrap();
        }
        assert_eq!(scan(&Disk, dir, &manifest).unwrap().numerics.len(), 2);
        assert_eq!(parts(dir), 2);

        let mut other = rows(0, 3, 1, 0);
        other.rows[0].steps += 1;
        let other = write_part(&Disk, dir, &manifest, &numerics("Zen"), &[other]).unwrap();
        compaction.add(other).unwrap();
        compaction.finish().unwrap();
        assert_eq!(parts(dir), 3);
    }
}
