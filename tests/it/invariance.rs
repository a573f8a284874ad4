//! The same bytes however a study is cut up: threads, blocks, parts, a limit of time. Signals are in
//! `kill`.

use crate::program::Desk;

/// Cells in loops and in register tiles, on both sides of the chain.
const STUDY: &str = r#"
name = "invariance"
seed = 5
trials = 37
[network]
input = 3
hidden = 3
output = 3
depth = 2
[init]
kind = "gaussian"
std = 0.3
[descent]
learning_rate = 0.1
max_steps = 6000
[stop]
loss = 1e-6
[store]
block = 8
[sweep]
"init.std" = [0.05, 0.5, 3.0]
[[sweep.zip]]
"network.input" = [3, 2, 20]
"network.hidden" = [3, 4, 24]
"network.output" = [3, 5, 16]
"#;

fn run(arguments: &[&str]) -> Vec<u8> {
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    let mut all = vec!["run", "study.toml", "--quiet", "-o", "out"];
    all.extend(arguments);
    desk.succeed(&all);
    desk.read("out/results.h5")
}

#[test]
fn threads_and_blocks_decide_no_byte() {
    let expected = run(&["--threads", "1"]);
    for arguments in [
        ["--threads", "2", "--set", "store.block=8"],
        ["--threads", "5", "--set", "store.block=8"],
        ["--threads", "2", "--set", "store.block=1"],
        ["--threads", "2", "--set", "store.block=37"],
        ["--threads", "2", "--set", "store.block=0"],
        ["--threads", "2", "--set", "store.part_seconds=0.001"],
    ] {
        assert!(run(&arguments) == expected, "{arguments:?} gives other bytes");
    }
}

#[test]
fn parts_merge_to_the_same_bytes() {
    let expected = run(&[]);
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    let part = |share: &str| {
        let ran = desk.succeed(&["run", "study.toml", "-o", "out", "--part", share, "--quiet"]);
        assert!(ran.stderr.contains("deeplin merge"), "{}", ran.stderr);
    };
    part("2/2");
    let early = desk.run(&["merge", "out"]);
    assert_eq!(early.code, 3, "{}", early.stderr);
    assert!(early.stderr.contains("missing"), "{}", early.stderr);
    assert!(!desk.path("out/results.h5").exists(), "nothing is written before all rows are there");
    part("1/2");
    desk.succeed(&["merge", "out"]);
    assert!(desk.read("out/results.h5") == expected, "two parts merged");

    // Other numbers of parts, run one over the other.
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    for share in ["1/3", "2/2", "3/3", "5/5", "1/5", "2/5"] {
        desk.succeed(&["run", "study.toml", "-o", "out", "--part", share, "--quiet"]);
    }
    desk.succeed(&["run", "study.toml", "-o", "out", "--quiet"]);
    assert!(desk.read("out/results.h5") == expected, "parts of different cuts");
}

#[test]
fn a_limit_of_time_stops_and_continues() {
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    let arguments = ["run", "study.toml", "-o", "out", "--set", "store.block=4", "--max-time"];
    // No time at all: nothing is begun, whichever thread looks first.
    let none = desk.run(&[&arguments[..], &["0s"]].concat());
    assert_eq!(none.code, 75, "{}", none.stderr);
    assert!(none.stderr.contains("stopped early: 333 of 333 trials are left"), "{}", none.stderr);
    // A little: it may be enough for all on a fast machine.
    let some = desk.run(&[&arguments[..], &["20ms"]].concat());
    assert!(some.code == 0 || some.stderr.contains("continue"), "{}", some.stderr);
    let ran = desk.succeed(&[&arguments[..], &["1h"]].concat());
    assert!(ran.stdout.contains("results.h5"), "{}", ran.stdout);
    assert!(desk.read("out/results.h5") == run(&[]));
}

/// All methods of descent.
const METHODS: &str = r#"
name = "methods"
trials = 13
[network]
input = 3
hidden = 5
output = 2
depth = 3
[descent]
max_steps = 1500
[store]
block = 4
[sweep]
"descent.method" = ["gradient", "momentum", "nesterov", "perturbed", "flow"]
"init.std" = [0.01, 0.5]
"#;

#[test]
fn rows_of_all_methods_depend_on_nothing_else() {
    let run = |arguments: &[&str]| {
        let desk = Desk::new();
        desk.write("methods.toml", METHODS);
        desk.succeed(&[&["run", "methods.toml", "--quiet", "-o", "out"], arguments].concat());
        let results =
            deeplin::store::ResultsFile::open(&desk.path("out/results.h5")).expect("results");
        let kernels: Vec<&str> =
            results.kernels.iter().step_by(2).map(|cell| &*cell.kernel).collect();
        assert_eq!(kernels, ["compact", "momentum", "nesterov", "perturbed", "flow"]);
        desk.read("out/results.h5")
    };
    let expected = run(&["--threads", "1"]);
    for arguments in [
        &["--threads", "3", "--set", "store.block=1"][..],
        &["--threads", "2", "--set", "store.part_seconds=0.001"],
    ] {
        assert!(run(arguments) == expected, "{arguments:?} gives other bytes");
    }
}

/// Cells on OpenBLAS: matrix-vector products at one output, matrix products at width 120.
const WIDE: &str = r#"
name = "wide"
trials = 7
[network]
input = 120
hidden = 120
output = 120
depth = 3
[init]
kind = "xavier"
[descent]
learning_rate = 0.01
max_steps = 60
[sweep]
"network.output" = [1, 120]
"#;

#[test]
fn rows_of_wide_networks_do_not_depend_on_threads_either() {
    let run = |arguments: &[&str]| {
        let desk = Desk::new();
        desk.write("wide.toml", WIDE);
        desk.succeed(&[&["run", "wide.toml", "--quiet", "-o", "out"], arguments].concat());
        let results =
            deeplin::store::ResultsFile::open(&desk.path("out/results.h5")).expect("results");
        let kernels: Vec<&str> = results.kernels.iter().map(|cell| &*cell.kernel).collect();
        assert_eq!(kernels, ["thin", "panels"]);
        desk.read("out/results.h5")
    };
    let expected = run(&["--threads", "1"]);
    for arguments in [
        &["--threads", "2", "--set", "store.block=1"][..],
        &["--threads", "5", "--set", "store.block=3"],
    ] {
        assert!(run(arguments) == expected, "{arguments:?} gives other bytes");
    }
}
