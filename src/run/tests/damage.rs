//! A part that is damaged in any way, under a whole run.

use std::path::{Path, PathBuf};

use super::faults::{DIR, complete, compute, results, study};
use crate::store::FileSystem;
use crate::store::manifest::parts_dir;
use crate::store::simulated::Simulated;

/// A finished study without its results, and its only part.
fn finished() -> (Simulated, PathBuf, Option<Vec<u8>>) {
    let fs = Simulated::default();
    complete(&study(1), &fs).unwrap();
    let expected = results(&fs);
    if expected.is_some() {
        fs.remove(&Path::new(DIR).join(crate::store::results::FILE)).unwrap();
    }
    let parts = parts_dir(Path::new(DIR));
    let names = fs.list(&parts).unwrap();
    assert_eq!(names.len(), 1, "one part of few rows");
    (fs, parts.join(&names[0]), expected)
}

/// Every truncation, and every byte with one bit, several and all flipped.
fn damages(good: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let shorter = (0..good.len()).map(|len| good[..len].to_vec());
    let flipped = (0..good.len()).flat_map(|i| {
        [1 << (i % 8), 0x55, 0xff].map(|mask| {
            let mut bad = good.to_vec();
            bad[i] ^= mask;
            bad
        })
    });
    let longer = [0, 0xff].map(|byte| [good, &[byte]].concat());
    shorter.chain(flipped).chain(longer)
}

#[test]
fn any_damage_of_a_part_is_set_aside_and_computed_again() {
    let study = study(1);
    let (finished, path, expected) = finished();
    let good = finished.read(&path).unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    for (i, bad) in damages(&good).enumerate() {
        let fs = finished.restarted();
        fs.overwrite(&path, &bad);
        // Merging takes the longest, and reads what `compute` leaves.
        if i % 16 == 0 {
            complete(&study, &fs).unwrap();
            assert!(results(&fs) == expected, "damage {i}: other results");
        } else {
            compute(&study, &fs).unwrap();
        }
        assert!(fs.read(&path).unwrap() == good, "damage {i}: not written anew");
        let aside = path.with_extension("part.damaged");
        assert!(fs.read(&aside).unwrap() == bad, "damage {i}: not kept");
        let names = fs.list(path.parent().unwrap()).unwrap();
        assert_eq!(names, [name.to_owned(), format!("{name}.damaged")], "damage {i}");
    }
}
