//! Foreign files: what is refused and how, what fuzzing has found, and many mutations of valid bytes.

use std::fs;
use std::path::Path;

use deeplin::digest::Digest;

use crate::entries::{self, HDF5, TARGETS, Target};
use crate::program::{Desk, Ran};

/// Mutations of each seed: in this process, and where each takes a process of its own.
const MUTATIONS: u64 = 400;
const MUTATIONS_APART: u64 = 30;

/// Numbers that are the same in every run.
struct Numbers {
    key: [u8; 32],
    count: u64,
}

impl Numbers {
    fn new(of: &str, seed: usize, mutation: u64) -> Self {
        Self { key: Digest::of(format!("{of} {seed} {mutation}").as_bytes()).0, count: 0 }
    }

    /// The next one, below `end`.
    fn below(&mut self, end: usize) -> usize {
        self.count += 1;
        let digest = Digest::of(&[&self.key[..], &self.count.to_le_bytes()].concat());
        let word = u64::from_le_bytes(digest.0[..8].try_into().expect("eight bytes"));
        (word % end.max(1) as u64) as usize
    }
}

/// One to four changes of the kinds that break parsers: bits, extreme bytes, cuts, repeats, words of
/// extreme numbers.
fn mutated(mut bytes: Vec<u8>, numbers: &mut Numbers) -> Vec<u8> {
    const WORDS: [u64; 5] = [0, 1, u64::MAX, i64::MAX as u64, 1 << 40];
    for _ in 0..=numbers.below(4) {
        if bytes.is_empty() {
            break;
        }
        let at = numbers.below(bytes.len());
        match numbers.below(6) {
            0 => bytes[at] ^= 1 << numbers.below(8),
            1 => bytes[at] = [0, 0x7f, 0x80, 0xff, b'[', b'\n'][numbers.below(6)],
            2 => bytes.truncate(at),
            3 => {
                let end = (at + 1 + numbers.below(16)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                let times = 1 + numbers.below(40);
                bytes.splice(at..at, piece.repeat(times));
            }
            4 => {
                let end = (at + 1 + numbers.below(16)).min(bytes.len());
                bytes.drain(at..end);
            }
            _ => {
                let word = WORDS[numbers.below(WORDS.len())].to_le_bytes();
                let width = [1, 2, 4, 8][numbers.below(4)].min(bytes.len() - at);
                bytes[at..at + width].copy_from_slice(&word[..width]);
            }
        }
    }
    bytes
}

/// Calls `enter` with what fuzzing has found, the seeds, and so many mutations of each.
fn feed(target: &Target, mutations: u64, enter: impl Fn(&[u8])) {
    for finding in regressions(target.name) {
        enter(&finding);
    }
    for (i, seed) in (target.seeds)().into_iter().enumerate() {
        for mutation in 0..mutations {
            enter(&mutated(seed.clone(), &mut Numbers::new(target.name, i, mutation)));
        }
        enter(&seed);
    }
}

/// The inputs that once were findings.
fn regressions(target: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/regressions").join(target);
    let Ok(entries) = fs::read_dir(dir) else { return vec![] };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a kept finding")).collect()
}

#[test]
fn mutated_bytes_are_refused_or_read() {
    for target in &TARGETS {
        feed(target, MUTATIONS, target.enter);
    }
}

/// Refused, whatever the reason, or read: never a panic or a signal.
fn must_end_well(ran: &Ran, codes: [i32; 2]) {
    assert!(codes.contains(&ran.code), "status {}: {}", ran.code, ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    assert_eq!(ran.code == 0, ran.stderr.is_empty(), "{}", ran.stderr);
}

/// HDF5's library has faults on such files; they end the process that reads, and not the program.
#[test]
fn mutated_results_do_not_crash_the_program() {
    let desk = Desk::new();
    feed(&HDF5[0], MUTATIONS_APART, |bytes| {
        let sealed = [bytes, &Digest::of(bytes).0].concat();
        fs::write(desk.path("results.h5"), sealed).expect("writing results");
        must_end_well(&desk.run(&["report", "results.h5"]), [0, 3]);
    });
}

#[test]
fn mutated_tables_do_not_crash_the_program() {
    let desk = Desk::new();
    desk.write("study.toml", &with_matrix("table.h5"));
    feed(&HDF5[1], MUTATIONS_APART, |bytes| {
        fs::write(desk.path("table.h5"), bytes).expect("writing a table");
        must_end_well(&desk.run(&["plan", "study.toml", "--quick"]), [0, 2]);
    });
}

/// A study whose target is a matrix of 2 x 3 in this file.
fn with_matrix(path: &str) -> String {
    format!(
        "trials = 2\n[network]\ninput = 3\nhidden = 2\noutput = 2\ndepth = 2\n\
         [target]\nkind = \"file\"\npath = \"{path}\"\n"
    )
}

/// Both ways of reading HDF5, here and in a process of its own, give the same study.
#[test]
fn a_table_read_apart_is_the_table() {
    let desk = Desk::new();
    for (i, bytes) in (HDF5[1].seeds)().into_iter().enumerate() {
        let name = format!("table-{i}.h5");
        fs::write(desk.path(&name), bytes).expect("writing a table");
        let study = desk.write("study.toml", &with_matrix(&name));
        desk.succeed(&["run", "study.toml", "--quiet", "-o", &name.replace(".h5", "")]);
        let here = deeplin::config::load(&study, &[]).expect("the study");
        let results = desk.path(&name.replace(".h5", "/results.h5"));
        let results = deeplin::store::ResultsFile::open(&results).expect("results");
        assert_eq!(results.digest, here.digest);
    }
}

/// Where a file is asked for: what names none is refused at once, with its name.
#[test]
#[cfg(unix)]
fn pipes_directories_and_devices_are_refused_at_once() {
    let desk = Desk::new();
    let pipe = desk.path("pipe.h5");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).expect("a pipe");
    fs::create_dir_all(desk.path("dir.h5/results.h5")).expect("a directory");
    for name in ["pipe.h5", "dir.h5", "/dev/zero"] {
        let ran = desk.run(&["report", name]);
        assert_eq!(ran.code, 3, "{name}: {}", ran.stderr);
        assert!(ran.stderr.contains("not a"), "{name}: {}", ran.stderr);
        let ran = desk.run(&["plan", "--quick", name]);
        assert_eq!(ran.code, 2, "{name}: {}", ran.stderr);
        assert!(ran.stderr.contains("not a regular file"), "{name}: {}", ran.stderr);
        desk.write("study.toml", &with_matrix(name));
        let ran = desk.run(&["plan", "--quick", "study.toml"]);
        assert!([2, 3].contains(&ran.code), "{name}: {}", ran.stderr);
        assert!(ran.stderr.contains("not a regular file"), "{name}: {}", ran.stderr);
    }
    fs::create_dir(desk.path("out")).expect("a directory");
    fs::rename(&pipe, desk.path("out/study.json")).expect("renaming");
    let ran = desk.run(&["merge", "out"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("study.json"), "{}", ran.stderr);
}

#[test]
fn configurations_that_would_fill_memory_or_stack_are_refused() {
    let desk = Desk::new();
    let long = "# long\n".repeat(200_000);
    let deep = format!("x = {}", "[".repeat(100_000));
    let tables = format!("[{}]\n", vec!["a"; 100_000].join("."));
    let inline = format!("x = {}", "{a = ".repeat(100_000));
    let axis = |key: &str, points: u64| {
        format!("\"{key}\" = {{ linear = [0.1, 1.0], points = {points} }}\n")
    };
    let keys = ["init.std", "init.gain", "init.norm", "init.scale"];
    let vast = |points| format!("[sweep]\n{}", keys.map(|key| axis(key, points)).concat());
    // The product is more than 64 bits can count; and axes that are too long before any product.
    let (product, points) = (vast(100_000), vast(1_000_001));
    for (text, words) in [
        (&long, "longer than"),
        (&deep, "not valid TOML"),
        (&tables, "TOML"),
        (&inline, "not valid TOML"),
        (&product, "cells, more than 1000000"),
        (&points, "have more than 4000000 points"),
    ] {
        desk.write("study.toml", text);
        let ran = desk.run(&["plan", "study.toml", "--quick"]);
        assert_eq!(ran.code, 2, "{words}: {}", ran.stderr);
        let said = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(words), "no {words} in {said}");
    }
}

/// A file of a few kilobytes that unpacks to a row without end.
#[test]
fn a_packed_row_without_end_is_refused() {
    use std::io::Write;
    let desk = Desk::new();
    let file = fs::File::create(desk.path("row.csv.gz")).expect("a file");
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::best());
    for _ in 0..8 {
        gzip.write_all(&vec![b'1'; 1 << 20]).expect("writing");
    }
    gzip.finish().expect("writing");
    desk.write("study.toml", &with_matrix("row.csv.gz"));
    let ran = desk.run(&["plan", "study.toml", "--quick"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("a row has more than"), "{}", ran.stderr);
}

/// Headers that make their parser allocate or recurse without end.
#[test]
fn hostile_npy_headers_are_refused() {
    let head =
        |length: u32, text: &[u8]| [b"\x93NUMPY\x02\0", &length.to_le_bytes()[..], text].concat();
    let dir = tempfile::tempdir().expect("a scratch directory");
    let path = dir.path().join("a.npy");
    for bytes in [head(u32::MAX, b"{"), head(4000, &[b'('; 4000]), head(4000, &[b'{'; 4000])] {
        fs::write(&path, bytes).expect("writing");
        let error = deeplin::network::matrix_file::load_matrix(&path, None).expect_err("hostile");
        assert!(error.to_string().contains("header is not one of a plain array"), "{error}");
    }
}

/// The targets that are fuzzed are these.
#[test]
fn every_target_has_its_program() {
    let manifest = include_str!("../fuzz/Cargo.toml");
    let script = include_str!("../../scripts/fuzz");
    for Target { name, .. } in TARGETS.iter().chain(&HDF5) {
        assert!(manifest.contains(&format!("path = \"bin/{name}.rs\"")), "{name}");
        assert!(script.contains(name), "{name}");
        assert_eq!(entries::target(name).name, *name);
    }
}
