//! States of trials that are on their way: what a long trial needs to go on where it was left.
//!
//! A state is worth the time it saves and no more: the same rows come out without it. So states that
//! are damaged, or that were computed with other numerics, are named and passed over.
//!
//! Layout of a file, all numbers little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `DLINSTAT` |
//! | 2 + 2 | major and minor version of the format |
//! | 32 | digest of the study |
//! | 4 + n | length and text of the [`Numerics`], as JSON |
//! | 8 | number of states |
//! | for each | cell, trial, steps, time, whether it is unconfirmed, number of the next check (8 each); step, rate and bound of the certificate (8 each; -1, NaN and -1: none); steps at which the target was hit (8; -1: not yet), number and values of what was measured there (8 each); number and values of weights, memory of the method, weights and memory compared with, hits (8 each); whether it is recorded (8), number and values of what has been (8 each) |
//! | 32 | the seal: BLAKE3 of everything before |

use std::path::{Path, PathBuf};

use super::cursor::{Cursor, TooShort};
use super::damage::move_aside;
use super::io::{FileSystem, is_gone};
use super::manifest::Manifest;
use super::numerics::Numerics;
use super::publish::{publish, sweep};
use super::seal;
use crate::digest::Digest;
use crate::study::{Certified, Measures, TrialState};
use crate::{Error, Result};

const MAGIC: [u8; 8] = *b"DLINSTAT";
const VERSION: [u16; 2] = [4, 0];

/// The directory with the states of a directory of results.
pub fn states_dir(dir: &Path) -> PathBuf {
    dir.join("states")
}

/// Publishes states as a file of the directory of results `dir`; returns its path.
///
/// # Errors
/// As [`publish`].
pub fn write_states(
    fs: &dyn FileSystem,
    dir: &Path,
    manifest: &Manifest,
    numerics: &Numerics,
    states: &[&TrialState],
) -> Result<PathBuf> {
    let dir = states_dir(dir);
    fs.create_dir_all(&dir).map_err(Error::storage("create", &dir))?;
    let bytes = encode(manifest, numerics, states);
    let digest = Digest::of(&bytes[..bytes.len() - seal::SIZE]);
    let name = format!("{}.states", &digest.hex()[..32]);
    publish(fs, &dir, &name, &bytes)?;
    Ok(dir.join(name))
}

/// Reads all files of states of `dir`: each with its path, in the order of their names. One that is of
/// no use here is named in a warning and has none; one that is damaged is set aside; what killed
/// processes left of others is removed.
///
/// # Errors
/// [`Error::Storage`] if something cannot be read.
pub fn read_states(
    fs: &dyn FileSystem,
    dir: &Path,
    manifest: &Manifest,
    numerics: &Numerics,
) -> Result<Vec<(PathBuf, Vec<TrialState>)>> {
    let dir = states_dir(dir);
    sweep(fs, &dir)?;
    let names = match fs.list(&dir) {
        Ok(names) => names,
        Err(e) if is_gone(&e) => return Ok(Vec::new()),
        Err(e) => return Err(Error::storage("list", &dir)(e)),
    };
    let ours = |name: &&String| name.ends_with(".states") && !name.starts_with('.');
    let mut files = Vec::new();
    for path in names.iter().filter(ours).map(|name| dir.join(name)) {
        let bytes = match fs.read(&path) {
            Ok(bytes) => bytes,
            // Another process has gone on from them.
            Err(e) if is_gone(&e) => continue,
            Err(e) => return Err(Error::storage("read", &path)(e)),
        };
        let states = decode(&bytes, manifest, numerics).unwrap_or_else(|why| {
            tracing::warn!("{}: {why}; its trials begin anew", path.display());
            Vec::new()
        });
        if seal::content(&bytes).is_none() {
            set_aside(fs, &path);
            continue;
        }
        files.push((path, states));
    }
    Ok(files)
}

fn set_aside(fs: &dyn FileSystem, path: &Path) {
    match move_aside(fs, path) {
        Err(e) if !is_gone(&e) => {
            tracing::warn!("{}: damaged, but it cannot be set aside: {e}", path.display());
        }
        _ => {}
    }
}

fn encode(manifest: &Manifest, numerics: &Numerics, states: &[&TrialState]) -> Vec<u8> {
    let numerics = serde_json::to_vec(numerics).expect("plain data with text keys");
    let mut bytes = Vec::new();
    bytes.extend(MAGIC);
    bytes.extend(VERSION.iter().flat_map(|v| v.to_le_bytes()));
    bytes.extend(manifest.digest.0);
    bytes.extend(u32::try_from(numerics.len()).expect("a short text").to_le_bytes());
    bytes.extend(numerics);
    bytes.extend((states.len() as u64).to_le_bytes());
    for state in states {
        let TrialState { cell, trial, steps, weights, memory, before, hit_steps, .. } = state;
        let (time, unconfirmed) = (state.time.to_bits(), u64::from(state.unconfirmed));
        for number in [*cell as u64, *trial, *steps, time, unconfirmed, state.next_check] {
            bytes.extend(number.to_le_bytes());
        }
        append_certificate(state.certificate, &mut bytes);
        let (hit, measures) = match state.hit {
            None => (u64::MAX, Vec::new()),
            Some((hit, measures)) => (hit, measures.to_array().to_vec()),
        };
        bytes.extend(hit.to_le_bytes());
        for numbers in [&measures, weights, memory, before] {
            bytes.extend((numbers.len() as u64).to_le_bytes());
            bytes.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
        }
        bytes.extend((hit_steps.len() as u64).to_le_bytes());
        bytes.extend(hit_steps.iter().flat_map(|step| step.to_le_bytes()));
        let recorded = state.recorded.as_deref();
        let numbers = recorded.unwrap_or_default();
        for number in [u64::from(recorded.is_some()), numbers.len() as u64] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
    }
    seal::append(&mut bytes);
    bytes
}

/// Reads the bytes of a file of states, or says why they are of no use. Never panics, whatever they
/// are.
fn decode(
    bytes: &[u8],
    manifest: &Manifest,
    numerics: &Numerics,
) -> std::result::Result<Vec<TrialState>, String> {
    let content = seal::content(bytes).ok_or("its content does not have the hash at its end")?;
    let mut cursor = Cursor::new(content);
    if cursor.array()? != MAGIC {
        return Err("it does not hold states of trials".into());
    }
    let [major, minor] = [cursor.u16()?, cursor.u16()?];
    if major != VERSION[0] {
        return Err(format!("it has format version {major}.{minor}, not {}.x", VERSION[0]));
    }
    if Digest(cursor.array()?) != manifest.digest {
        return Err("it belongs to another study".into());
    }
    let length = cursor.u32()? as usize;
    let theirs: Numerics =
        serde_json::from_slice(cursor.take(length)?).map_err(|e| e.to_string())?;
    if theirs != *numerics {
        return Err(format!("it was computed differently: {}", theirs.differences(numerics)));
    }
    let count = cursor.u64()?;
    let mut states = Vec::new();
    for _ in 0..count {
        states.push(state(&mut cursor)?);
    }
    if cursor.is_at_end() { Ok(states) } else { Err("it is longer than it says".into()) }
}

fn state(cursor: &mut Cursor<'_>) -> std::result::Result<TrialState, TooShort> {
    Ok(TrialState {
        cell: usize::try_from(cursor.u64()?).unwrap_or(usize::MAX),
        trial: cursor.u64()?,
        steps: cursor.u64()?,
        time: f64::from_bits(cursor.u64()?),
        unconfirmed: cursor.u64()? != 0,
        next_check: cursor.u64()?,
        certificate: certificate(cursor)?,
        hit: hit(cursor)?,
        weights: cursor.list(f64::from_le_bytes)?,
        memory: cursor.list(f64::from_le_bytes)?,
        before: cursor.list(f64::from_le_bytes)?,
        hit_steps: cursor.list(i64::from_le_bytes)?,
        recorded: recorded(cursor)?,
    })
}

fn append_certificate(certificate: Option<Certified>, bytes: &mut Vec<u8>) {
    let (step, rate, bound) = match certificate {
        None => (u64::MAX, f64::NAN, u64::MAX),
        Some(Certified { step, rate, steps_bound }) => (step, rate, steps_bound),
    };
    bytes.extend([step, rate.to_bits(), bound].iter().flat_map(|n| n.to_le_bytes()));
}

fn certificate(cursor: &mut Cursor<'_>) -> std::result::Result<Option<Certified>, TooShort> {
    let (step, rate, bound) = (cursor.u64()?, f64::from_bits(cursor.u64()?), cursor.u64()?);
    Ok(Certified::new(step.cast_signed(), rate, bound.cast_signed()))
}

fn recorded(cursor: &mut Cursor<'_>) -> std::result::Result<Option<Vec<f64>>, TooShort> {
    let (is_recorded, numbers) = (cursor.u64()? != 0, cursor.list(f64::from_le_bytes)?);
    Ok(is_recorded.then_some(numbers))
}

fn hit(cursor: &mut Cursor<'_>) -> std::result::Result<Option<(u64, Measures)>, TooShort> {
    let (step, measures) = (cursor.u64()?, cursor.list(f64::from_le_bytes)?);
    let measures = <[f64; Measures::COUNT]>::try_from(measures).ok();
    Ok(measures.map(|measures| (step, Measures::from_array(measures))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::io::Disk;
    use crate::store::manifest::tests::manifest;

    fn example(trial: u64) -> TrialState {
        TrialState {
            cell: 0,
            trial,
            steps: 77 + trial,
            time: 0.1 * trial as f64,
            weights: vec![0.5, -0.0, f64::MIN_POSITIVE],
            memory: vec![-1.0, 0.0],
            before: vec![1.5, 2.0, -3.0, 4.0, 5.0],
            hit_steps: vec![12, -1],
            unconfirmed: trial == 1,
            next_check: 3 + trial,
            hit: (trial == 4).then_some((70, Measures::default())),
            certificate: (trial == 4).then_some(Certified { step: 9, rate: 0.75, steps_bound: 80 }),
            recorded: (trial == 4).then(|| vec![0.0, 7.0, -0.5]),
        }
    }

    #[test]
    fn states_come_back_bit_for_bit() {
        let dir = tempfile::tempdir().unwrap();
        let (manifest, numerics) = (manifest(vec![], 9, &[0.1, 0.01]), Numerics::default());
        let states = [example(1), example(4)];
        let wanted: Vec<&TrialState> = states.iter().collect();
        let path = write_states(&Disk, dir.path(), &manifest, &numerics, &wanted).unwrap();
        let files = read_states(&Disk, dir.path(), &manifest, &numerics).unwrap();
        assert_eq!(files, [(path, states.to_vec())]);
        assert!(files[0].1[0].weights[1].is_sign_negative());
    }

    #[test]
    fn states_of_other_numerics_or_studies_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let (mine, numerics) = (manifest(vec![], 9, &[]), Numerics::default());
        write_states(&Disk, dir.path(), &mine, &numerics, &[&example(1)]).unwrap();
        let other = Numerics { blas_core: "Zen".into(), ..Numerics::default() };
        for (manifest, numerics) in [(&mine, &other), (&manifest(vec![], 8, &[]), &numerics)] {
            let files = read_states(&Disk, dir.path(), manifest, numerics).unwrap();
            assert!(matches!(&files[..], [(_, states)] if states.is_empty()));
        }
    }

    #[test]
    fn every_truncation_and_every_flipped_byte_is_refused() {
        let (manifest, numerics) = (manifest(vec![], 9, &[]), Numerics::default());
        let good = encode(&manifest, &numerics, &[&example(1)]);
        assert!(decode(&good, &manifest, &numerics).is_ok());
        for i in 0..good.len() {
            assert!(decode(&good[..i], &manifest, &numerics).is_err(), "{i}");
            let mut bad = good.clone();
            bad[i] ^= 0x10;
            assert!(decode(&bad, &manifest, &numerics).is_err(), "{i}");
        }
    }

    #[test]
    fn wrong_content_under_a_right_hash_does_no_harm() {
        let (manifest, numerics) = (manifest(vec![], 9, &[]), Numerics::default());
        let good = encode(&manifest, &numerics, &[&example(1)]);
        let content = good.len() - seal::SIZE;
        let mut refused = 0;
        for i in 0..content {
            let mut bad = good[..content].to_vec();
            bad[i] = !bad[i];
            seal::append(&mut bad);
            refused += usize::from(decode(&bad, &manifest, &numerics).is_err());
        }
        assert!(refused > 100, "{refused}");
    }
}
