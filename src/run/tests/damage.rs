//! A part or a file of trajectories that is damaged in any way, under a whole run.

use std::path::{Path, PathBuf};

use super::faults::{DIR, complete, compute, results, study};
use crate::store::FileSystem;
use crate::store::manifest::parts_dir;
use crate::store::simulated::Simulated;
use crate::store::trajectories::trajectories_dir;

/// A finished study without its results, and its files in a directory.
fn finished(dir: fn(&Path) -> PathBuf) -> (Simulated, Vec<PathBuf>, Option<Vec<u8>>) {
    let fs = Simulated::default();
    complete(&study(1), &fs).unwrap();
    let expected = results(&fs);
    if expected.is_some() {
        fs.remove(&Path::new(DIR).join(crate::store::results::FILE)).unwrap();
    }
    let dir = dir(Path::new(DIR));
    let files = fs.list(&dir).unwrap().iter().map(|name| dir.join(name)).collect();
    (fs, files, expected)
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
    let (finished, files, expected) = finished(parts_dir);
    let [path] = &files[..] else { panic!("one part of few rows") };
    set_aside_and_computed_again(&finished, path, expected.as_ref());
}

#[test]
fn any_damage_of_trajectories_is_set_aside_and_computed_again() {
    let (finished, files, expected) = finished(trajectories_dir);
    assert_eq!(files.len(), 2, "one of each cell");
    set_aside_and_computed_again(&finished, &files[0], expected.as_ref());
}

fn set_aside_and_computed_again(finished: &Simulated, path: &Path, expected: Option<&Vec<u8>>) {
    let study = study(1);
    let siblings = finished.list(path.parent().unwrap()).unwrap();
    let good = finished.read(path).unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    for (i, bad) in damages(&good).enumerate() {
        let fs = finished.restarted();
        fs.overwrite(path, &bad);
        // Merging takes the longest, and reads what `compute` leaves.
        if i % 16 == 0 {
            complete(&study, &fs).unwrap();
            assert!(results(&fs).as_ref() == expected, "damage {i}: other results");
        } else {
            compute(&study, &fs).unwrap();
        }
        assert!(fs.read(path).unwrap() == good, "damage {i}: not written anew");
        let aside = path.with_file_name(format!("{name}.damaged"));
        assert!(fs.read(&aside).unwrap() == bad, "damage {i}: not kept");
        let mut names = fs.list(path.parent().unwrap()).unwrap();
        names.retain(|other| *other != format!("{name}.damaged"));
        assert_eq!(names, siblings, "damage {i}");
    }
}
