//! Trajectories of trials: immutable files, named and checked by their content as parts are.
//!
//! Layout, all numbers little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `DLINTRAJ` |
//! | 2 + 2 | major and minor version of the format |
//! | 32 | digest of the study |
//! | 4 + n | length and text of the [`Numerics`], as JSON |
//! | 8 | number of trajectories |
//! | for each | cell, trial, layers and the most singular values of a matrix of its network (8 each); number and values of its numbers (8 each; see [`Trajectory::to_numbers`](crate::observe::trajectory::Trajectory::to_numbers)) |
//! | 32 | the seal: BLAKE3 of everything before |

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::cursor::Cursor;
use super::io::{FileSystem, is_gone};
use super::manifest::{Manifest, Trajectories};
use super::numerics::Numerics;
use super::part::{Fault, publish_encoded};
use super::seal;
use crate::digest::Digest;
use crate::observe::trajectory::Sizes;
use crate::{Error, Result};

const MAGIC: [u8; 8] = *b"DLINTRAJ";
const VERSION: [u16; 2] = [2, 0];

/// The directory with the trajectories of a directory of results.
pub fn trajectories_dir(dir: &Path) -> PathBuf {
    dir.join("trajectories")
}

/// The trajectory of a trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Index of its cell.
    pub cell: usize,
    /// Its number.
    pub trial: u64,
    /// How long the dimensions of its records are.
    pub sizes: Sizes,
    /// All of its records, as one list.
    pub numbers: Vec<f64>,
}

impl Recorded {
    /// Bytes of its numbers.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.numbers[..])
    }
}

/// The content of a file of trajectories, in its bytes.
pub(super) struct Contents<'a> {
    /// What they were computed with.
    pub numerics: Numerics,
    /// One after another.
    pub trajectories: Vec<TrajectoryBytes<'a>>,
}

/// A trajectory in the bytes of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct TrajectoryBytes<'a> {
    /// Index of its cell.
    pub cell: usize,
    /// Its number.
    pub trial: u64,
    /// How long the dimensions of its records are.
    pub sizes: Sizes,
    /// Where in the file its numbers begin.
    pub offset: u64,
    /// The bytes of its numbers: whole records, as many as the study can have.
    pub numbers: &'a [u8],
}

/// Publishes trajectories as a file of the directory `dir`; returns its path. Equal ones are one file.
///
/// # Errors
/// As [`publish`](super::publish::publish).
pub fn write_trajectories(
    fs: &dyn FileSystem,
    dir: &Path,
    manifest: &Manifest,
    numerics: &Numerics,
    trajectories: &[Recorded],
) -> Result<PathBuf> {
    let dir = trajectories_dir(dir);
    fs.create_dir_all(&dir).map_err(Error::storage("create", &dir))?;
    let bytes = encode(manifest, numerics, trajectories);
    publish_encoded(fs, &dir, &name(&bytes), &bytes)
}

/// The files of trajectories of `dir`.
///
/// # Errors
/// [`Error::Storage`] if they cannot be listed.
pub(super) fn files(fs: &dyn FileSystem, dir: &Path) -> Result<Vec<PathBuf>> {
    let dir = trajectories_dir(dir);
    let names = match fs.list(&dir) {
        Ok(names) => names,
        Err(e) if is_gone(&e) => return Ok(Vec::new()),
        Err(e) => return Err(Error::storage("list", &dir)(e)),
    };
    let ours = |name: &String| name.ends_with(".trajectories") && !name.starts_with('.');
    Ok(names.into_iter().filter(ours).map(|name| dir.join(name)).collect())
}

fn name(sealed: &[u8]) -> String {
    format!("{}.trajectories", seal::beginning(sealed))
}

fn encode(manifest: &Manifest, numerics: &Numerics, trajectories: &[Recorded]) -> Vec<u8> {
    let numerics = serde_json::to_vec(numerics).expect("plain data with text keys");
    let content: usize = trajectories.iter().map(|recorded| 40 + recorded.bytes()).sum();
    let mut bytes = Vec::with_capacity(64 + numerics.len() + content + seal::SIZE);
    bytes.extend(MAGIC);
    bytes.extend(VERSION.iter().flat_map(|v| v.to_le_bytes()));
    bytes.extend(manifest.digest.0);
    bytes.extend(u32::try_from(numerics.len()).expect("a short text").to_le_bytes());
    bytes.extend(numerics);
    bytes.extend((trajectories.len() as u64).to_le_bytes());
    for Recorded { cell, trial, sizes, numbers } in trajectories {
        let [layers, singular] = [sizes.layers, sizes.singular].map(|n| n as u64);
        for number in [*cell as u64, *trial, layers, singular, numbers.len() as u64] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
    }
    seal::append(&mut bytes);
    bytes
}

/// Reads the bytes of the file at `path`, whose name has to be that of its content. Never panics,
/// whatever the bytes.
pub(super) fn decode_named<'a>(
    path: &Path,
    bytes: &'a [u8],
    manifest: &Manifest,
) -> std::result::Result<Contents<'a>, Fault> {
    let contents = decode(bytes, manifest)?;
    let name = name(bytes);
    if path.file_name() == Some(OsStr::new(&name)) {
        return Ok(contents);
    }
    Err(Fault::Damaged(format!("its content is that of {name}")))
}

fn decode<'a>(bytes: &'a [u8], manifest: &Manifest) -> std::result::Result<Contents<'a>, Fault> {
    let content = seal::content(bytes)
        .ok_or_else(|| Fault::Damaged("its content does not have the hash at its end".into()))?;
    let mut cursor = Cursor::new(content);
    let rule = read_head(&mut cursor, manifest)?;
    let length = cursor.u32()? as usize;
    let numerics = serde_json::from_slice(cursor.take(length)?)
        .map_err(|e| Fault::Damaged(format!("what it was computed with is unreadable: {e}")))?;
    let mut trajectories = Vec::new();
    for _ in 0..cursor.u64()? {
        let mut next = read_trajectory(&mut cursor, manifest, &rule)?;
        next.offset = (content.len() - cursor.left() - next.numbers.len()) as u64;
        trajectories.push(next);
    }
    if !cursor.is_at_end() {
        return Err(Fault::Damaged("it is longer than it says".into()));
    }
    Ok(Contents { numerics, trajectories })
}

/// Everything up to the numerics: whether these are trajectories of this study.
fn read_head(
    cursor: &mut Cursor<'_>,
    manifest: &Manifest,
) -> std::result::Result<Trajectories, Fault> {
    if cursor.array()? != MAGIC {
        return Err(Fault::Foreign("does not hold trajectories of trials".into()));
    }
    let [major, minor] = [cursor.u16()?, cursor.u16()?];
    if major != VERSION[0] {
        return Err(Fault::Foreign(format!(
            "has format version {major}.{minor}; this program reads {}.x",
            VERSION[0]
        )));
    }
    let of_study = Digest(cursor.array()?) == manifest.digest;
    let rule = manifest.trajectories.filter(|_| of_study);
    rule.ok_or_else(|| Fault::Foreign("belongs to another study".into()))
}

/// A trajectory, its place in the file aside.
fn read_trajectory<'a>(
    cursor: &mut Cursor<'a>,
    manifest: &Manifest,
    rule: &Trajectories,
) -> std::result::Result<TrajectoryBytes<'a>, Fault> {
    let impossible = || Fault::Damaged("it holds a trajectory that the study does not have".into());
    let mut number = || Ok::<_, Fault>(usize::try_from(cursor.u64()?).unwrap_or(usize::MAX));
    let (cell, trial, layers, singular) = (number()?, number()? as u64, number()?, number()?);
    let count = number()?;
    let possible = cell < manifest.cells()
        && trial < rule.trials
        && (1..=rule.layers).contains(&layers)
        && (1..=rule.singular).contains(&singular);
    if !possible {
        return Err(impossible());
    }
    let sizes = Sizes { layers, singular };
    let numbers = cursor.take(count.checked_mul(8).ok_or_else(impossible)?)?;
    let record = sizes.numbers(rule.spectra);
    if !count.is_multiple_of(record) || !(1..=rule.records).contains(&(count / record)) {
        return Err(impossible());
    }
    Ok(TrajectoryBytes { cell, trial, sizes, offset: 0, numbers })
}

/// The numbers of bytes of them.
pub(super) fn numbers(bytes: &[u8]) -> Vec<f64> {
    let (numbers, _) = bytes.as_chunks();
    numbers.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::store::manifest::tests::manifest;

    /// The manifest of a study with trajectories of three records at most, without spectra.
    fn example() -> Manifest {
        let mut manifest = manifest(vec![], 9, &[]);
        let (layers, singular) = (3, 2);
        manifest.trajectories =
            Some(Trajectories { trials: 2, records: 3, layers, singular, spectra: false });
        manifest
    }

    fn recorded(trial: u64, records: usize) -> Recorded {
        let sizes = Sizes { layers: 2, singular: 1 };
        let numbers = (0..records * sizes.numbers(false)).map(|i| i as f64 - 0.5).collect();
        Recorded { cell: 0, trial, sizes, numbers }
    }

    #[test]
    fn trajectories_come_back_bit_for_bit() {
        let (manifest, numerics) = (example(), Numerics::default());
        let wanted = [recorded(0, 3), recorded(1, 1)];
        let bytes = encode(&manifest, &numerics, &wanted);
        let contents = decode(&bytes, &manifest).unwrap();
        assert_eq!(contents.numerics, numerics);
        for (found, wanted) in contents.trajectories.iter().zip(&wanted) {
            assert_eq!((found.cell, found.trial, found.sizes), (0, wanted.trial, wanted.sizes));
            assert_eq!(numbers(found.numbers), wanted.numbers);
            assert!(bytes[found.offset as usize..].starts_with(found.numbers));
        }
    }

    #[test]
    fn what_the_study_does_not_have_is_refused() {
        let (manifest, numerics) = (example(), Numerics::default());
        let refused = |wrong: Recorded| {
            let bytes = encode(&manifest, &numerics, &[wrong]);
            matches!(decode(&bytes, &manifest), Err(Fault::Damaged(_)))
        };
        assert!(!refused(recorded(1, 3)));
        assert!(refused(recorded(2, 3)) && refused(recorded(1, 4)) && refused(recorded(1, 0)));
        assert!(refused(Recorded { cell: 1, ..recorded(0, 1) }));
        assert!(refused(Recorded { sizes: Sizes { layers: 4, singular: 1 }, ..recorded(0, 1) }));
        let mut longer = recorded(0, 1);
        longer.numbers.push(0.0);
        assert!(refused(longer));
        let mut other = manifest.clone();
        other.digest = Digest::of(b"other");
        let bytes = encode(&manifest, &numerics, &[recorded(0, 1)]);
        assert!(matches!(decode(&bytes, &other), Err(Fault::Foreign(_))));
    }

    #[test]
    fn every_truncation_and_every_flipped_byte_is_refused() {
        let (manifest, numerics) = (example(), Numerics::default());
        let good = encode(&manifest, &numerics, &[recorded(0, 2)]);
        for i in 0..good.len() {
            assert!(decode(&good[..i], &manifest).is_err(), "{i}");
            let mut bad = good.clone();
            bad[i] ^= 0x10;
            assert!(decode(&bad, &manifest).is_err(), "{i}");
            // Under a right hash it does no harm.
            bad.truncate(good.len() - seal::SIZE);
            seal::append(&mut bad);
            let _ = decode(&bad, &manifest);
        }
    }
}
