//! Trajectories in `results.h5`: those that `deeplin trace` records, the same bytes however the work is
//! cut up, and computed again when they are damaged.

use std::path::PathBuf;

use ndarray::{ArrayD, Axis, Slice};

use crate::program::{self, Desk};

/// Nets of different depths and widths, one of them computed by another method.
const STUDY: &str = r#"
name = "trajectories"
seed = 3
trials = 12
[network]
input = 4
output = 3
[target]
kind = "gaussian"
std = 0.5
[descent]
max_steps = 3000
[record]
trajectory = { trials = 2, points = 30, spacing = "log" }
[store]
block = 5
[sweep]
"init.std" = [0.1, 0.6]
[[sweep.zip]]
"network.depth" = [1, 3, 2]
"network.hidden" = [1, 5, 2]
"descent.method" = ["gradient", "gradient", "momentum"]
"#;

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    desk
}

fn run(desk: &Desk, more: &[&str]) {
    desk.succeed(&[&["run", "study.toml", "--quiet", "-o", "out"], more].concat());
}

/// The bytes of the results of an undisturbed run.
fn expected() -> Vec<u8> {
    let desk = desk();
    run(&desk, &["--threads", "1"]);
    desk.read("out/results.h5")
}

/// The files of trajectories.
fn files(desk: &Desk) -> Vec<PathBuf> {
    let all = program::files(&desk.path("out/trajectories"));
    all.into_iter().map(|(path, _)| path).collect()
}

/// What is there of `whole` beyond `part` is NaN, and `part` has its bits in its beginning.
fn assert_padded(whole: &ArrayD<f64>, part: &ArrayD<f64>, name: &str) {
    assert_eq!(whole.ndim(), part.ndim(), "{name}");
    let begin = whole.slice_each_axis(|axis| Slice::from(..part.len_of(axis.axis)));
    for (whole, part) in begin.iter().zip(part) {
        assert_eq!(whole.to_bits(), part.to_bits(), "{name}: {whole:e} and {part:e}");
    }
    let numbers = |array: &ArrayD<f64>| array.iter().filter(|x| !x.is_nan()).count();
    assert_eq!(numbers(whole), numbers(part), "{name} has more than the trace");
}

#[test]
fn they_are_those_of_traces() {
    let desk = desk();
    run(&desk, &[]);
    let results = hdf5::File::open(desk.path("out/results.h5")).expect("results");
    let read = |file: &hdf5::File, name: &str| {
        file.dataset(name).and_then(|d| d.read_dyn::<f64>()).unwrap_or_else(|e| panic!("{e}"))
    };
    let names = results.member_names().expect("names");
    let names = names.iter().filter_map(|name| name.strip_prefix("trajectory_"));
    let names: Vec<&str> = names.filter(|name| *name != "step").collect();
    assert!(names.len() > 15 && names.contains(&"sharpness"), "{names:?}");
    for cell in 0..6 {
        for trial in 0..2 {
            let [index, number] = [cell, trial].map(|n: usize| n.to_string());
            let trace = ["trace", "study.toml", "--cell", &index, "--trial", &number, "--spectra"];
            desk.succeed(&[&trace[..], &["--points", "30", "-o", "trace.h5"]].concat());
            let trace = hdf5::File::open(desk.path("trace.h5")).expect("a trace");
            let of_trial = |name: &str| {
                let mut whole = read(&results, &format!("trajectory_{name}"));
                for at in [cell / 3, cell % 3, trial] {
                    whole = whole.index_axis_move(Axis(0), at);
                }
                whole
            };
            for name in &names {
                match trace.dataset(name) {
                    Ok(_) => assert_padded(&of_trial(name), &read(&trace, name), name),
                    // A layer alone has no neighbour.
                    Err(_) => assert!(of_trial(name).iter().all(|x| x.is_nan()), "{name}"),
                }
            }
            let steps = read(&trace, "step");
            let all = of_trial("step");
            assert!(all.iter().zip(&steps).all(|(a, b)| a == b), "{all} and {steps}");
            assert!(all.iter().skip(steps.len()).all(|&step| step == -1.0), "{all}");
            assert_eq!(all.len(), 31);
        }
    }
}

#[test]
fn the_bytes_do_not_depend_on_how_the_work_was_cut() {
    let expected = expected();
    for arguments in [
        ["--threads", "3", "--set", "store.block=1"],
        ["--threads", "2", "--set", "store.part_seconds=0.001"],
    ] {
        let desk = desk();
        run(&desk, &arguments);
        assert!(desk.read("out/results.h5") == expected, "{arguments:?}");
    }
    let desk = desk();
    run(&desk, &["--part", "2/2"]);
    let ran = desk.run(&["merge", "out"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("6 of 12 trajectories are missing"), "{}", ran.stderr);
    desk.succeed(&["merge", "out", "--partial"]);
    run(&desk, &["--part", "1/2"]);
    desk.succeed(&["merge", "out"]);
    assert!(desk.read("out/results.h5") == expected, "in two parts");
}

#[test]
fn studies_without_rows_have_them_too() {
    let [with, without] = [&[][..], &["--set", "store.rows=false"]].map(|arguments| {
        let desk = desk();
        run(&desk, arguments);
        let file = hdf5::File::open(desk.path("out/results.h5")).expect("results");
        ["trajectory_loss", "trajectory_layer_singular_values"].map(|name| {
            let values = file.dataset(name).and_then(|d| d.read_raw::<f64>()).expect("numbers");
            values.into_iter().map(f64::to_bits).collect::<Vec<u64>>()
        })
    });
    assert_eq!(with, without);
}

/// A recorded trial of a second, processes of a third of one.
#[test]
fn a_trial_that_outlasts_every_process_goes_on() {
    let study = "name = \"long\"\ntrials = 1\n[network]\ninput = 3\nhidden = 3\noutput = 3\n\
                 [init]\nstd = 0.5\n[descent]\nlearning_rate = 1e-9\nmax_steps = 1500000\n\
                 [record]\ntrajectory = { trials = 1, points = 300, spacing = \"linear\" }";
    let desk = || {
        let desk = Desk::new();
        desk.write("study.toml", study);
        desk
    };
    let undisturbed = desk();
    run(&undisturbed, &[]);
    let desk = desk();
    let mut stopped = 0;
    let arguments = ["run", "study.toml", "--quiet", "-o", "out", "--threads", "1", "--max-time"];
    loop {
        // Longer and longer, so that slow machines come to an end too.
        let limit = format!("{}ms", 300 + 20 * stopped);
        let ran = desk.run(&[&arguments[..], &[&limit]].concat());
        match ran.code {
            0 => break,
            75 => stopped += 1,
            _ => panic!("{}", ran.stderr),
        }
        assert!(stopped < 200, "it ends at some time: {}", ran.stderr);
    }
    assert!(stopped >= 3, "{stopped}");
    let (there, expected) = (desk.read("out/results.h5"), undisturbed.read("out/results.h5"));
    assert!(there == expected, "stopped {stopped} times");
    assert!(program::files(&desk.path("out/states")).is_empty());
}

#[test]
fn damaged_ones_are_named_and_computed_again() {
    let desk = desk();
    run(&desk, &[]);
    let expected = desk.read("out/results.h5");
    let [path] = &files(&desk)[..] else { panic!("one file") };
    let good = std::fs::read(path).expect("trajectories");
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    std::fs::write(path, &bad).expect("writing");
    std::fs::remove_file(desk.path("out/results.h5")).expect("removing");
    let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
    let ran = desk.run(&["merge", "out"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    for words in [name, "is damaged", "12 of 12 trajectories are missing"] {
        assert!(ran.stderr.contains(words), "no `{words}` in {}", ran.stderr);
    }
    run(&desk, &[]);
    assert!(desk.read("out/results.h5") == expected);
    assert!(std::fs::read(path).expect("trajectories") == good, "computed again");
    assert!(std::fs::read(path.with_extension("trajectories.damaged")).expect("aside") == bad);
    // Nothing is left to do.
    let before = program::files(&desk.path("out"));
    run(&desk, &[]);
    assert_eq!(program::files(&desk.path("out")), before);
}

#[test]
fn plan_counts_them() {
    let desk = desk();
    let plan = |more: &[&str]| {
        let ran = desk.succeed(&[&["plan", "study.toml", "--quick", "--json"], more].concat());
        serde_json::from_str::<serde_json::Value>(&ran.stdout).expect("JSON")
    };
    let (with, few) = (plan(&[]), plan(&["--set", "record.trajectory.trials=1"]));
    assert_eq!((&with["trajectories_left"], &few["trajectories_left"]), (&12.into(), &6.into()));
    let disk = |plan: &serde_json::Value| plan["disk"]["needed"].as_u64().expect("bytes");
    assert!(disk(&with) > disk(&few));
}

#[test]
fn xarray_reads_them() {
    let Some(python) = program::python() else { return };
    let desk = desk();
    run(&desk, &["--part", "1/2"]);
    desk.succeed(&["merge", "out", "--partial"]);
    run(&desk, &[]);
    let [whole, partial] = ["out/results.h5", "out/partial.h5"].map(|name| desk.path(name));
    program::run_script(&python, "trajectories.py", &[&whole, &partial]);
}

/// A part of them, and the rest.
#[test]
fn a_run_says_how_many_it_records() {
    let desk = desk();
    let begin = |more: &[&str]| {
        let ran = desk.succeed(&[&["run", "study.toml", "-o", "out"], more].concat());
        let mut lines = ran.stderr.lines().map(str::to_owned);
        lines.find(|line| line.starts_with("begin: ")).unwrap_or(ran.stderr)
    };
    // Twelve trajectories and 18 blocks of at most five trials go round the parts in turn.
    let first = begin(&["--part", "1/2"]);
    assert_eq!(first, "begin: 0 of 36 trials, 0 of 6 trajectories");
    assert_eq!(begin(&[]), "begin: 36 of 72 trials, 6 of 12 trajectories");
}
