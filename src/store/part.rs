//! Parts: immutable files of rows or of tallies, named and checked by their content.
//!
//! Layout, all numbers little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `DLINPART`: of rows; `DLINTALY`: of tallies |
//! | 2 + 2 | major and minor version of the format |
//! | 32 | digest of the study |
//! | 4 + 4 | number of measures (tallies have none), number of rungs of the ladder |
//! | 4 + n | length and text of the [`Numerics`], as JSON |
//! | 8 | number of blocks |
//! | 24 + ... | for each block: cell, first trial, number of trials; then its rows (see `row.rs`), or the length of its tally (8 bytes) and the tally (see `tally.rs`) |
//! | 32 | the seal: BLAKE3 of everything before |
//!
//! Blocks of rows may be cut anywhere. A tally cannot be cut, so its block is one of those that
//! [`Manifest::block_sizes`] fixes: then two parts have the same block or disjoint ones.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::cursor::{Cursor, TooShort};
use super::damage::move_aside;
use super::io::{FileSystem, is_gone};
use super::manifest::{Manifest, parts_dir};
use super::numerics::Numerics;
use super::publish::publish;
use super::row::{self, RowBytes};
use super::seal;
use super::tally::Tally;
use crate::digest::Digest;
use crate::study::{Block, Measures, TrialRow};
use crate::{Error, Result};

const MAGIC_ROWS: [u8; 8] = *b"DLINPART";
const MAGIC_TALLIES: [u8; 8] = *b"DLINTALY";
const VERSION: [u16; 2] = [3, 0];

/// The rows of a block.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockRows {
    /// Which trials.
    pub block: Block,
    /// Their rows, one for each.
    pub rows: Vec<TrialRow>,
}

/// The tally of all trials of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockTally {
    /// Which trials.
    pub block: Block,
    /// The bytes of their tally.
    bytes: Vec<u8>,
}

impl BlockTally {
    /// Of a block and the tally of its trials.
    ///
    /// # Panics
    /// If the tally is not of as many trials.
    pub fn new(block: Block, tally: &Tally) -> Self {
        assert_eq!(tally.trials(), block.count, "a tally of all trials of the block");
        Self { block, bytes: tally.to_bytes() }
    }

    /// Bytes of the tally.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }
}

/// The content of a part of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// What the rows were computed with.
    pub numerics: Numerics,
    /// The rows.
    pub blocks: Vec<BlockRows>,
}

/// The content of a part, in its bytes.
#[derive(Debug)]
pub(super) struct Contents<'a> {
    /// What the rows were computed with.
    pub numerics: Numerics,
    /// The blocks.
    pub blocks: Vec<BlockBytes<'a>>,
}

/// A block in the bytes of a part.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockBytes<'a> {
    /// Which trials.
    pub block: Block,
    /// Where in the file the rows or the tally begin.
    pub offset: u64,
    /// The bytes of the rows, one for each trial, all possible; or those of their tally, likewise.
    pub rows: &'a [u8],
}

/// Why the bytes of a part are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// They are not what was written. Harmless: the rows can be computed again.
    Damaged(String),
    /// They are whole but not of this study or not of a format that is known.
    Foreign(String),
}

/// Publishes rows as a part of the directory `dir`; returns its path. Equal parts are one file.
///
/// # Errors
/// As [`publish`].
///
/// # Panics
/// If a block does not have as many rows as trials, or a row not as many hits as the ladder rungs.
pub fn write_part(
    fs: &dyn FileSystem,
    dir: &Path,
    manifest: &Manifest,
    numerics: &Numerics,
    blocks: &[BlockRows],
) -> Result<PathBuf> {
    write(fs, dir, &encode(manifest, numerics, blocks))
}

/// Publishes tallies as a part, as [`write_part`] does rows.
///
/// # Errors
/// As [`publish`].
///
/// # Panics
/// If the study keeps rows, or has other blocks.
pub fn write_tallies(
    fs: &dyn FileSystem,
    dir: &Path,
    manifest: &Manifest,
    numerics: &Numerics,
    blocks: &[BlockTally],
) -> Result<PathBuf> {
    write(fs, dir, &encode_tallies(manifest, numerics, blocks))
}

fn write(fs: &dyn FileSystem, dir: &Path, bytes: &[u8]) -> Result<PathBuf> {
    let parts = parts_dir(dir);
    fs.create_dir_all(&parts).map_err(Error::storage("create", &parts))?;
    publish_encoded(fs, &parts, &name(bytes), bytes)
}

/// Publishes sealed bytes under a name that is made of them; returns the path.
pub(super) fn publish_encoded(
    fs: &dyn FileSystem,
    dir: &Path,
    name: &str,
    bytes: &[u8],
) -> Result<PathBuf> {
    let path = dir.join(name);
    match fs.read(&path) {
        // The name is the content, so other content under it is damage.
        Ok(there) if there != bytes => {
            let aside = move_aside(fs, &path).map_err(Error::storage("set aside", &path))?;
            tracing::warn!("{}: damaged, set aside as {}", path.display(), aside.display());
        }
        Err(e) if !is_gone(&e) => return Err(Error::storage("read", &path)(e)),
        _ => {}
    }
    publish(fs, dir, name, bytes)?;
    Ok(path)
}

/// The name of a part.
pub(super) fn name(sealed: &[u8]) -> String {
    format!("{}.part", seal::beginning(sealed))
}

/// Reads a part of the study `manifest`, which keeps rows.
///
/// # Errors
/// [`Error::Storage`] if it cannot be read, [`Error::Content`] if it is damaged (by its hash, checked
/// before anything else), of another study, or of a newer format.
pub fn read_part(fs: &dyn FileSystem, path: &Path, manifest: &Manifest) -> Result<Part> {
    let bytes = fs.read(path).map_err(Error::storage("read", path))?;
    let contents = decode(&bytes, manifest).map_err(|fault| match fault {
        Fault::Damaged(message) => Error::content(
            path,
            format!("is damaged: {message}"),
            Some("run the study again, which sets it aside and computes its rows anew".into()),
        ),
        Fault::Foreign(message) => foreign(path, &message),
    })?;
    let rows = |block: &BlockBytes<'_>| BlockRows {
        block: block.block,
        rows: RowBytes::all(block.rows, manifest.ladder.len())
            .filter_map(RowBytes::decode)
            .collect(),
    };
    Ok(Part { blocks: contents.blocks.iter().map(rows).collect(), numerics: contents.numerics })
}

/// The error for a part that does not belong to the directory it is in.
pub(super) fn foreign(path: &Path, message: &str) -> Error {
    let help = "move it out of the directory of this study";
    Error::content(path, message, Some(help.into()))
}

fn encode(manifest: &Manifest, numerics: &Numerics, blocks: &[BlockRows]) -> Vec<u8> {
    let ladder = manifest.ladder.len();
    // Blocks that follow each other become one: merging remembers every block of every part.
    let runs: Vec<&[BlockRows]> = blocks.chunk_by(|a, b| follows(&a.block, &b.block)).collect();
    let rows: usize = blocks.iter().map(|b| b.rows.len()).sum();
    let mut bytes = head(manifest, numerics, runs.len(), rows * row::size(ladder));
    for run in runs {
        let count = run.iter().map(|rows| rows.block.count).sum();
        append_block(Block { count, ..run[0].block }, &mut bytes);
        for BlockRows { block, rows } in run {
            assert_eq!(rows.len() as u64, block.count, "one row for each trial");
            for row in rows {
                assert_eq!(row.hit_steps.len(), ladder, "one hit for each rung");
                row::append(row, &mut bytes);
            }
        }
    }
    seal::append(&mut bytes);
    bytes
}

fn encode_tallies(manifest: &Manifest, numerics: &Numerics, blocks: &[BlockTally]) -> Vec<u8> {
    assert!(blocks.iter().all(|tally| manifest.is_block(tally.block)), "blocks of the study");
    let blocks: Vec<_> = blocks.iter().map(|tally| (tally.block, &tally.bytes[..])).collect();
    encode_bytes(manifest, numerics, &blocks)
}

/// A part of blocks whose rows or tallies are bytes already; those of rows do not follow each other.
pub(super) fn encode_bytes(
    manifest: &Manifest,
    numerics: &Numerics,
    blocks: &[(Block, impl AsRef<[u8]>)],
) -> Vec<u8> {
    let size = blocks.iter().map(|(_, content)| content.as_ref().len()).sum();
    let mut bytes = head(manifest, numerics, blocks.len(), size);
    for (block, content) in blocks {
        let content = content.as_ref();
        append_block(*block, &mut bytes);
        if !manifest.keeps_rows() {
            bytes.extend((content.len() as u64).to_le_bytes());
        }
        bytes.extend(content);
    }
    seal::append(&mut bytes);
    bytes
}

/// What the parts of a study begin with, and the measures they have of each trial.
fn kind(manifest: &Manifest) -> ([u8; 8], usize) {
    match manifest.block_sizes {
        None => (MAGIC_ROWS, Measures::COUNT),
        Some(_) => (MAGIC_TALLIES, 0),
    }
}

/// Everything before the first block, with room for so many blocks and bytes of their content.
fn head(manifest: &Manifest, numerics: &Numerics, blocks: usize, content: usize) -> Vec<u8> {
    let (magic, measures) = kind(manifest);
    let numerics = serde_json::to_vec(numerics).expect("plain data with text keys");
    let mut bytes = Vec::with_capacity(64 + numerics.len() + 32 * blocks + content + seal::SIZE);
    bytes.extend(magic);
    bytes.extend(VERSION.iter().flat_map(|v| v.to_le_bytes()));
    bytes.extend(manifest.digest.0);
    for length in [measures, manifest.ladder.len(), numerics.len()] {
        bytes.extend(u32::try_from(length).expect("short lists").to_le_bytes());
    }
    bytes.extend(numerics);
    bytes.extend((blocks as u64).to_le_bytes());
    bytes
}

/// Which trials a block has.
fn append_block(block: Block, bytes: &mut Vec<u8>) {
    for number in [block.cell as u64, block.first, block.count] {
        bytes.extend(number.to_le_bytes());
    }
}

fn follows(a: &Block, b: &Block) -> bool {
    a.cell == b.cell && a.first + a.count == b.first
}

/// Reads the bytes of a part of the study `manifest`. Never panics, whatever the bytes.
pub(super) fn decode<'a>(
    bytes: &'a [u8],
    manifest: &Manifest,
) -> std::result::Result<Contents<'a>, Fault> {
    let content = seal::content(bytes)
        .ok_or_else(|| Fault::Damaged("its content does not have the hash at its end".into()))?;
    let mut cursor = Cursor::new(content);
    read_head(&mut cursor, manifest)?;
    let numerics_len = cursor.u32()? as usize;
    let numerics = serde_json::from_slice(cursor.take(numerics_len)?)
        .map_err(|e| Fault::Damaged(format!("what it was computed with is unreadable: {e}")))?;
    let mut blocks = Vec::new();
    for _ in 0..cursor.u64()? {
        let (block, rows) = read_block(&mut cursor, manifest)?;
        let offset = (content.len() - cursor.left() - rows.len()) as u64;
        blocks.push(BlockBytes { block, offset, rows });
    }
    if !cursor.is_at_end() {
        return Err(Fault::Damaged("it is longer than it says".into()));
    }
    Ok(Contents { numerics, blocks })
}

/// As [`decode`], for the part at `path`, whose name has to be that of its content.
pub(super) fn decode_named<'a>(
    path: &Path,
    bytes: &'a [u8],
    manifest: &Manifest,
) -> std::result::Result<Contents<'a>, Fault> {
    let part = decode(bytes, manifest)?;
    let name = name(bytes);
    if path.file_name() == Some(OsStr::new(&name)) {
        return Ok(part);
    }
    Err(Fault::Damaged(format!("its content is that of {name}")))
}

/// Why a part is refused that was written with another `store.rows`.
fn of_other_kind(there: &str, kept: &str) -> String {
    format!("holds {there} of trials, but by its study.json this study keeps {kept} (store.rows)")
}

impl From<TooShort> for Fault {
    fn from(short: TooShort) -> Self {
        Self::Damaged(short.into())
    }
}

/// Everything up to the numerics: whether this is a part of this study.
fn read_head(cursor: &mut Cursor<'_>, manifest: &Manifest) -> std::result::Result<(), Fault> {
    let (magic, measures_of_kind) = kind(manifest);
    match cursor.array()? {
        there if there == magic => {}
        MAGIC_ROWS => return Err(Fault::Foreign(of_other_kind("rows", "tallies"))),
        MAGIC_TALLIES => return Err(Fault::Foreign(of_other_kind("tallies", "rows"))),
        _ => return Err(Fault::Foreign("is not a part of deeplin results".into())),
    }
    let major = cursor.u16()?;
    let minor = cursor.u16()?;
    if major != VERSION[0] {
        return Err(Fault::Foreign(format!(
            "has format version {major}.{minor}; this program reads {}.x",
            VERSION[0]
        )));
    }
    let digest = Digest(cursor.array()?);
    if digest != manifest.digest {
        return Err(Fault::Foreign(format!(
            "belongs to the study with digest {}, not to {:?} with digest {}",
            digest.short(),
            manifest.name,
            manifest.digest.short()
        )));
    }
    let (measures, ladder) = (cursor.u32()? as usize, cursor.u32()? as usize);
    if measures != measures_of_kind || ladder != manifest.ladder.len() {
        return Err(Fault::Foreign(format!(
            "has {measures} measures and {ladder} rungs instead of {measures_of_kind} and {}",
            manifest.ladder.len()
        )));
    }
    Ok(())
}

/// A block and the bytes of its rows or of its tally.
fn read_block<'a>(
    cursor: &mut Cursor<'a>,
    manifest: &Manifest,
) -> std::result::Result<(Block, &'a [u8]), Fault> {
    let (cell, first, count) = (cursor.u64()?, cursor.u64()?, cursor.u64()?);
    let cell = usize::try_from(cell).ok().filter(|&c| c < manifest.cells());
    let end = first.checked_add(count).filter(|&end| end <= manifest.trials);
    let (Some(cell), Some(_)) = (cell, end) else {
        return Err(Fault::Damaged("it holds trials that the study does not have".into()));
    };
    let block = Block { cell, first, count };
    let bytes = match manifest.block_sizes {
        None => read_rows(cursor, count, manifest)?,
        Some(_) => read_tally(cursor, block, manifest)?,
    };
    Ok((block, bytes))
}

/// The bytes of so many rows.
fn read_rows<'a>(
    cursor: &mut Cursor<'a>,
    count: u64,
    manifest: &Manifest,
) -> std::result::Result<&'a [u8], Fault> {
    let ladder = manifest.ladder.len();
    let size = usize::try_from(count).ok().and_then(|n| n.checked_mul(row::size(ladder)));
    let rows = cursor.take(size.ok_or(TooShort)?)?;
    if RowBytes::all(rows, ladder).all(|row| row.is_possible(manifest.max_steps)) {
        Ok(rows)
    } else {
        Err(Fault::Damaged("a row has an impossible outcome or step".into()))
    }
}

/// The bytes of the tally of a block.
fn read_tally<'a>(
    cursor: &mut Cursor<'a>,
    block: Block,
    manifest: &Manifest,
) -> std::result::Result<&'a [u8], Fault> {
    if !manifest.is_block(block) {
        return Err(Fault::Foreign(
            "holds tallies of other blocks than those of study.json (store.block)".into(),
        ));
    }
    let size = usize::try_from(cursor.u64()?).map_err(|_| TooShort)?;
    let tally = cursor.take(size)?;
    let ladder = manifest.ladder.len();
    match Tally::from_bytes(tally, block.count, ladder, manifest.max_steps) {
        Some(_) => Ok(tally),
        None => Err(Fault::Damaged("a tally is impossible".into())),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stop::Outcome;
    use crate::store::io::Disk;
    use crate::store::manifest;
    use crate::store::manifest::tests::{axis, manifest};
    use crate::study::AxisValues;
    use crate::study::Certified;

    /// A row that is a function of the numbers given, with every bit pattern of interest somewhere.
    pub(in crate::store) fn row(cell: usize, trial: u64, ladder: usize) -> TrialRow {
        let x = cell as f64 + trial as f64 / 8.0;
        let mut measures = [x; Measures::COUNT];
        measures[0] = -0.0;
        measures[1] = f64::from_bits(0x7ff8_0000_dead_beef);
        measures[2] = f64::NEG_INFINITY;
        let hits = (trial % (ladder as u64 + 1)).cast_signed();
        let certified = Certified { step: trial, rate: 0.5, steps_bound: 2 * trial };
        TrialRow {
            outcome: Outcome::ALL[1 + (cell + trial as usize) % 4],
            theorem1: (trial % 16) as u8,
            certificate: trial.is_multiple_of(3).then_some(certified),
            steps: 10 * trial + cell as u64,
            measures: Measures::from_array(measures),
            hit_steps: (0..ladder as i64).map(|r| if r < hits { r } else { -1 }).collect(),
        }
    }

    /// The rows of a block.
    pub(in crate::store) fn rows(cell: usize, first: u64, count: u64, ladder: usize) -> BlockRows {
        let block = Block { cell, first, count };
        let rows = (first..first + count).map(|t| row(cell, t, ladder)).collect();
        BlockRows { block, rows }
    }

    /// The tally of a block of [`row`]s.
    pub(in crate::store) fn tally(
        cell: usize,
        first: u64,
        count: u64,
        ladder: usize,
    ) -> BlockTally {
        let mut tally = Tally::new(ladder);
        (first..first + count).for_each(|t| tally.add_row(&row(cell, t, ladder)));
        BlockTally::new(Block { cell, first, count }, &tally)
    }

    /// A part of tallies, of a study in blocks of 2 and 3 trials.
    fn tallied() -> (Manifest, Vec<u8>) {
        let manifest = manifest::tests::tallied(example().0, &[2, 3]);
        let blocks = [tally(0, 0, 2, 1), tally(1, 3, 1, 1)];
        let bytes = encode_tallies(&manifest, &Numerics::default(), &blocks);
        (manifest, bytes)
    }

    fn example() -> (Manifest, Vec<u8>) {
        let manifest =
            manifest(vec![axis("network.depth", AxisValues::Integers(vec![2, 3]))], 4, &[0.1]);
        let blocks = [rows(0, 0, 2, 1), rows(1, 1, 1, 1)];
        let bytes = encode(&manifest, &Numerics::default(), &blocks);
        (manifest, bytes)
    }

    fn bits(part: &Part) -> Vec<u64> {
        let rows = part.blocks.iter().flat_map(|b| &b.rows);
        rows.flat_map(|r| r.measures.to_array().map(f64::to_bits)).collect()
    }

    #[test]
    fn rows_come_back_bit_for_bit() {
        let dir = tempfile::tempdir().unwrap();
        let (manifest, _) = example();
        let numerics = Numerics { blas: "OpenBLAS".into(), ..Numerics::default() };
        let blocks = vec![rows(0, 0, 2, 1), rows(1, 1, 1, 1)];
        let path = write_part(&Disk, dir.path(), &manifest, &numerics, &blocks).unwrap();
        let part = read_part(&Disk, &path, &manifest).unwrap();
        assert_eq!(part.numerics, numerics);
        assert_eq!(bits(&part), bits(&Part { numerics, blocks: blocks.clone() }));
        for (there, written) in part.blocks.iter().zip(&blocks) {
            assert_eq!(there.block, written.block);
            for (a, b) in there.rows.iter().zip(&written.rows) {
                assert_eq!((a.outcome, a.steps, &a.hit_steps), (b.outcome, b.steps, &b.hit_steps));
            }
        }
    }

    #[test]
    fn blocks_that_follow_each_other_become_one() {
        let (manifest, _) = example();
        let encoded = |blocks: &[BlockRows]| encode(&manifest, &Numerics::default(), blocks);
        let cut = [rows(0, 0, 1, 1), rows(0, 1, 2, 1), rows(1, 3, 1, 1)];
        assert!(encoded(&cut) == encoded(&[rows(0, 0, 3, 1), rows(1, 3, 1, 1)]));
        let apart = encoded(&[rows(0, 0, 1, 1), rows(0, 2, 1, 1)]);
        assert_eq!(decode(&apart, &manifest).unwrap().blocks.len(), 2);
    }

    #[test]
    fn every_truncation_and_every_flipped_byte_is_refused() {
        for (manifest, good) in [example(), tallied()] {
            assert!(decode(&good, &manifest).is_ok());
            for len in 0..good.len() {
                assert!(matches!(decode(&good[..len], &manifest), Err(Fault::Damaged(_))), "{len}");
            }
            for i in 0..good.len() {
                let mut bad = good.clone();
                bad[i] ^= 0x10;
                assert!(matches!(decode(&bad, &manifest), Err(Fault::Damaged(_))), "{i}");
            }
        }
    }

    #[test]
    fn wrong_content_under_a_right_hash_is_refused() {
        let (manifest, good) = example();
        let content = good.len() - seal::SIZE;
        for i in 0..content {
            for value in [0, 0x7f, 0xff] {
                let mut bad = good[..content].to_vec();
                if bad[i] == value {
                    continue;
                }
                bad[i] = value;
                seal::append(&mut bad);
                // Whatever it is taken for, the rows stay inside the study.
                if let Ok(part) = decode(&bad, &manifest) {
                    for BlockBytes { block, rows, offset } in part.blocks {
                        assert!(block.cell < 2 && block.first + block.count <= 4);
                        assert_eq!(rows.len() as u64, block.count * row::size(1) as u64);
                        assert_eq!(rows, &bad[offset as usize..][..rows.len()]);
                    }
                }
            }
        }
    }

    #[test]
    fn wrong_tallies_under_a_right_hash_are_refused() {
        let (manifest, good) = tallied();
        let content = good.len() - seal::SIZE;
        for i in 0..content {
            for value in 0..=u8::MAX {
                let mut bad = good[..content].to_vec();
                bad[i] = value;
                seal::append(&mut bad);
                if let Ok(part) = decode(&bad, &manifest) {
                    for BlockBytes { block, rows, offset } in part.blocks {
                        assert!(manifest.is_block(block));
                        assert!(Tally::from_bytes(rows, block.count, 1, 1000).is_some());
                        assert_eq!(rows, &bad[offset as usize..][..rows.len()]);
                    }
                }
            }
        }
    }

    #[test]
    fn tallies_of_other_blocks_and_of_studies_that_keep_rows_are_foreign() {
        let (manifest, good) = tallied();
        let refusal = |manifest: &Manifest, bytes: &[u8]| match decode(bytes, manifest) {
            Err(Fault::Foreign(message)) => message,
            other => panic!("{other:?}"),
        };
        let other = manifest::tests::tallied(manifest.clone(), &[2, 4]);
        assert!(refusal(&other, &good).contains("other blocks"));
        let (with_rows, rows) = example();
        assert!(refusal(&with_rows, &good).contains("holds tallies of trials"));
        assert!(refusal(&manifest, &rows).contains("holds rows of trials"));
    }

    #[test]
    fn parts_of_other_studies_and_formats_are_foreign() {
        for (manifest, good) in [example(), tallied()] {
            let mut other = manifest.clone();
            other.digest = Digest::of(b"other");
            assert!(matches!(decode(&good, &other), Err(Fault::Foreign(_))));
            let mut longer = manifest.clone();
            longer.ladder = vec![0.1, 0.01];
            assert!(matches!(decode(&good, &longer), Err(Fault::Foreign(_))));
            for (at, value) in [(0, b'X'), (8, 1)] {
                let mut bad = good[..good.len() - seal::SIZE].to_vec();
                bad[at] = value;
                seal::append(&mut bad);
                assert!(matches!(decode(&bad, &manifest), Err(Fault::Foreign(_))), "{at}");
            }
        }
    }

    #[test]
    fn a_damaged_file_under_the_name_of_a_part_makes_way() {
        let dir = tempfile::tempdir().unwrap();
        let (manifest, _) = example();
        let write = || {
            let blocks = [rows(0, 0, 1, 1)];
            write_part(&Disk, dir.path(), &manifest, &Numerics::default(), &blocks).unwrap()
        };
        let path = write();
        std::fs::write(&path, "damaged").unwrap();
        assert!(read_part(&Disk, &path, &manifest).is_err());
        assert_eq!(write(), path);
        assert!(read_part(&Disk, &path, &manifest).is_ok());
        let aside = path.with_extension("part.damaged");
        assert_eq!(std::fs::read_to_string(aside).unwrap(), "damaged");
    }

    #[test]
    fn a_part_under_another_name_is_damaged() {
        let (manifest, good) = example();
        let decoded = |name: &str| decode_named(Path::new(name), &good, &manifest);
        assert!(decoded(&name(&good)).is_ok());
        assert!(matches!(decoded("copy.part"), Err(Fault::Damaged(_))));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for (manifest, good) in [example(), tallied()] {
                prop_assert!(decode(&bytes, &manifest).is_err());
                // Past the hash, after a right head.
                let mut headed = good[..80].to_vec();
                headed.extend(&bytes);
                seal::append(&mut headed);
                let _ = decode(&headed, &manifest);
            }
        }
    }
}
