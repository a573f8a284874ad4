//! Learning rates that were tuned (`descent.learning_rate = "tuned"`): found once, then the same for every
//! process of a study and for its results.
//!
//! A file is JSON (its format and version, the study, the numerics, the rates by cell), then the seal: BLAKE3 of the JSON, 32 bytes. Its name is the
//! beginning of the seal. What is found of a cell depends on the study only, so the files of several
//! processes may overlap; they cannot differ.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::damage::move_aside;
use super::io::{FileSystem, is_gone};
use super::manifest::{Manifest, hex};
use super::numerics::Numerics;
use super::part::publish_encoded;
use super::publish::sweep;
use super::seal;
use crate::digest::Digest;
use crate::{Error, Result};

const FORMAT: &str = "deeplin rates";
const VERSION: [u32; 2] = [2, 0];

/// Learning rates by cell.
pub type Rates = BTreeMap<usize, f64>;

/// What a file holds.
#[derive(Debug, Serialize, Deserialize)]
struct Content {
    /// What the file is.
    format: String,
    /// Version of its format.
    format_version: [u32; 2],
    /// Digest of the study.
    #[serde(with = "hex")]
    study: Digest,
    /// What the rates were found with.
    numerics: Numerics,
    /// The rates.
    rates: Rates,
}

/// The rates of a directory of results.
#[derive(Debug, Default)]
pub struct Found {
    /// All of them.
    pub rates: Rates,
    /// What they were found with, each different one with a file that has it.
    pub numerics: Vec<(Numerics, PathBuf)>,
    /// Files that are damaged; what is in them does not count as being there.
    pub damaged: Vec<PathBuf>,
}

/// The directory with the rates of a directory of results.
pub fn rates_dir(dir: &Path) -> PathBuf {
    dir.join("rates")
}

/// Publishes rates as a file of the directory of results `dir`.
///
/// # Errors
/// As [`publish`](super::publish::publish).
pub fn write_rates(
    fs: &dyn FileSystem,
    dir: &Path,
    manifest: &Manifest,
    numerics: &Numerics,
    rates: &Rates,
) -> Result<()> {
    let dir = rates_dir(dir);
    fs.create_dir_all(&dir).map_err(Error::storage("create", &dir))?;
    let content = Content {
        format: FORMAT.into(),
        format_version: VERSION,
        study: manifest.digest,
        numerics: numerics.clone(),
        rates: rates.clone(),
    };
    let mut bytes = serde_json::to_vec_pretty(&content).expect("plain data");
    seal::append(&mut bytes);
    publish_encoded(fs, &dir, &name(&bytes), &bytes)?;
    Ok(())
}

/// Reads all rates of `dir`.
///
/// # Errors
/// [`Error::Storage`] if something cannot be read; [`Error::Content`] if a file belongs to another study
/// or is of a newer format, or if two files contradict each other. Damaged files are no error.
pub fn read_rates(fs: &dyn FileSystem, dir: &Path, manifest: &Manifest) -> Result<Found> {
    let dir = rates_dir(dir);
    let mut found = Found::default();
    let names = match fs.list(&dir) {
        Ok(names) => names,
        Err(e) if is_gone(&e) => return Ok(found),
        Err(e) => return Err(Error::storage("list", &dir)(e)),
    };
    let ours = |name: &&String| name.ends_with(".rates") && !name.starts_with('.');
    for path in names.iter().filter(ours).map(|name| dir.join(name)) {
        let bytes = match fs.read(&path) {
            Ok(bytes) => bytes,
            // Another process has set it aside.
            Err(e) if is_gone(&e) => continue,
            Err(e) => return Err(Error::storage("read", &path)(e)),
        };
        match seal::content(&bytes).filter(|_| path.file_name() == Some(OsStr::new(&name(&bytes))))
        {
            None => found.damaged.push(path),
            Some(json) => found.take(&path, decode(&path, json, manifest)?)?,
        }
    }
    Ok(found)
}

/// Sets damaged files of rates aside, and removes what killed processes left of others.
///
/// # Errors
/// Those of storage.
pub fn clean(fs: &dyn FileSystem, dir: &Path, damaged: &[PathBuf]) -> Result<()> {
    for path in damaged {
        match move_aside(fs, path) {
            Ok(aside) => {
                tracing::warn!("{}: damaged, set aside as {}", path.display(), aside.display());
            }
            Err(e) if is_gone(&e) => {}
            Err(e) => return Err(Error::storage("set aside", path)(e)),
        }
    }
    sweep(fs, &rates_dir(dir)).map(|_| ())
}

impl Found {
    fn take(&mut self, path: &Path, content: Content) -> Result<()> {
        for (cell, rate) in content.rates {
            let known = *self.rates.entry(cell).or_insert(rate);
            if known.to_bits() != rate.to_bits() {
                let message = format!(
                    "gives cell {cell} the learning rate {rate}, another file beside it {known}"
                );
                let help = "they were tuned with different versions or libraries: begin anew in \
                            another directory (-o)";
                return Err(Error::content(path, message, Some(help.into())));
            }
        }
        if !self.numerics.iter().any(|(known, _)| *known == content.numerics) {
            self.numerics.push((content.numerics, path.to_owned()));
        }
        Ok(())
    }
}

/// The name of a file.
fn name(sealed: &[u8]) -> String {
    match sealed.len() {
        0..seal::SIZE => String::new(),
        _ => format!("{}.rates", seal::beginning(sealed)),
    }
}

fn decode(path: &Path, json: &[u8], manifest: &Manifest) -> Result<Content> {
    #[derive(Deserialize)]
    struct Head {
        format: String,
        format_version: [u32; 2],
    }
    let refuse = |message: String| {
        let help = "move it out of the directory of this study";
        Error::content(path, message, Some(help.into()))
    };
    let head: Head = serde_json::from_slice(json)
        .ok()
        .filter(|head: &Head| head.format == FORMAT)
        .ok_or_else(|| refuse("holds no learning rates".into()))?;
    let [major, minor] = head.format_version;
    if major != VERSION[0] {
        let reads = VERSION[0];
        return Err(refuse(format!(
            "has format version {major}.{minor}; this program reads {reads}.x"
        )));
    }
    let content: Content = serde_json::from_slice(json)
        .map_err(|error| refuse(format!("is no list of learning rates: {error}")))?;
    if content.study != manifest.digest {
        return Err(refuse("belongs to another study".into()));
    }
    let possible = |(cell, rate): (&usize, &f64)| manifest.tuned.contains(cell) && *rate > 0.0;
    if !content.rates.iter().all(possible) {
        return Err(refuse("holds learning rates that the study does not have".into()));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::io::Disk;
    use crate::store::manifest::tests::{axis, manifest};
    use crate::study::AxisValues;

    /// A study of three cells, of which the last two are tuned.
    fn example() -> Manifest {
        let stds = AxisValues::Floats(vec![0.1, 0.2, 0.3]);
        let mut manifest = manifest(vec![axis("init.std", stds)], 5, &[]);
        manifest.tuned = vec![1, 2];
        manifest
    }

    fn write(dir: &Path, manifest: &Manifest, rates: &[(usize, f64)]) {
        let rates = rates.iter().copied().collect();
        write_rates(&Disk, dir, manifest, &Numerics::default(), &rates).unwrap();
    }

    fn only_file(dir: &Path) -> PathBuf {
        let files: Vec<_> = std::fs::read_dir(rates_dir(dir)).unwrap().collect();
        assert_eq!(files.len(), 1);
        files[0].as_ref().unwrap().path()
    }

    #[test]
    fn rates_of_several_files_come_back_together() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = example();
        assert!(read_rates(&Disk, dir.path(), &manifest).unwrap().rates.is_empty());
        let third = 1.0 / 3.0;
        write(dir.path(), &manifest, &[(1, third)]);
        write(dir.path(), &manifest, &[(1, third), (2, 0.1)]);
        let found = read_rates(&Disk, dir.path(), &manifest).unwrap();
        assert_eq!(found.rates, Rates::from([(1, third), (2, 0.1)]));
        assert_eq!(found.numerics.len(), 1);
    }

    #[test]
    fn contradictions_and_what_belongs_elsewhere_are_refused() {
        let cases: [(&[(usize, f64)], &str); 3] = [
            (&[(1, 0.25)], "gives cell 1 the learning rate"),
            (&[(0, 0.5)], "that the study does not have"),
            (&[(2, -0.5)], "that the study does not have"),
        ];
        for (rates, expected) in cases {
            let dir = tempfile::tempdir().unwrap();
            let manifest = example();
            write(dir.path(), &manifest, &[(1, 0.5)]);
            write(dir.path(), &manifest, rates);
            let error = read_rates(&Disk, dir.path(), &manifest).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let dir = tempfile::tempdir().unwrap();
        let mut other = example();
        other.digest = Digest::of(b"other");
        write(dir.path(), &other, &[(1, 0.5)]);
        let error = read_rates(&Disk, dir.path(), &example()).unwrap_err().to_string();
        assert!(error.contains("belongs to another study"), "{error}");
    }

    #[test]
    fn every_truncation_and_every_flipped_byte_is_damage() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = example();
        write(dir.path(), &manifest, &[(1, 0.5)]);
        let path = only_file(dir.path());
        let good = std::fs::read(&path).unwrap();
        let flipped = (0..good.len()).map(|i| {
            let mut bad = good.clone();
            bad[i] ^= 0x10;
            bad
        });
        for bad in (0..good.len()).map(|i| good[..i].to_vec()).chain(flipped) {
            std::fs::write(&path, bad).unwrap();
            let found = read_rates(&Disk, dir.path(), &manifest).unwrap();
            assert!(found.rates.is_empty() && found.damaged == [path.clone()]);
        }
        clean(&Disk, dir.path(), std::slice::from_ref(&path)).unwrap();
        assert!(only_file(dir.path()).extension() == Some(OsStr::new("damaged")));
        write(dir.path(), &manifest, &[(1, 0.5)]);
        assert_eq!(read_rates(&Disk, dir.path(), &manifest).unwrap().rates[&1], 0.5);
    }
}
