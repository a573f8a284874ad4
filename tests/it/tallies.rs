//! Studies that keep no rows, and results of studies that are not complete.

use std::collections::BTreeMap;
use std::path::Path;

use deeplin::stop::Outcome;
use deeplin::store::ResultsFile;

use crate::program::Desk;

const STUDY: &str = r#"
name = "tallied"
trials = 150
[network]
input = 3
hidden = 3
output = 3
depth = 2
[descent]
learning_rate = 0.1
max_steps = 3000
[stop]
loss = 1e-6
[store]
rows = false
block = 8
[sweep]
"init.std" = [0.05, 0.5, 3.0]
"network.depth" = [1, 3]
"#;

const WITH_ROWS: &[&str] = &["--set", "store.rows=true"];

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    desk
}

/// Runs the study into `out`.
fn run(desk: &Desk, arguments: &[&str]) {
    desk.succeed(&[&["run", "study.toml", "--quiet", "-o", "out"], arguments].concat());
}

/// `results.h5` of the study, run with these arguments.
fn results(arguments: &[&str]) -> Vec<u8> {
    let desk = desk();
    run(&desk, arguments);
    desk.read("out/results.h5")
}

fn open(desk: &Desk, name: &str) -> ResultsFile {
    ResultsFile::open(&desk.path(name)).expect("results")
}

/// The bits of a variable of each cell.
fn bits(path: &Path, name: &str) -> Vec<u64> {
    let file = hdf5::File::open(path).expect("results");
    let variable = file.dataset(name).expect("a variable");
    match variable.dtype().and_then(|t| t.to_descriptor()).expect("a type") {
        hdf5::types::TypeDescriptor::Float(_) => {
            variable.read_raw::<f64>().expect("numbers").into_iter().map(f64::to_bits).collect()
        }
        _ => {
            let counts = variable.read_raw::<i64>().expect("counts");
            counts.into_iter().map(i64::cast_unsigned).collect()
        }
    }
}

/// How often each number that is not negative occurs.
fn counted(numbers: impl Iterator<Item = i64>) -> Vec<(u64, u64)> {
    let mut counts = BTreeMap::new();
    for number in numbers.filter_map(|number| u64::try_from(number).ok()) {
        *counts.entry(number).or_default() += 1;
    }
    counts.into_iter().collect()
}

#[test]
fn without_rows_all_else_is_the_same_to_the_last_bit() {
    let (kept, tallied) = (desk(), desk());
    run(&kept, WITH_ROWS);
    run(&tallied, &[]);
    for name in [
        "probability",
        "probability_lower",
        "probability_upper",
        "probability_upper_budget",
        "trial_count",
        "converged_count",
        "diverged_count",
        "stalled_count",
        "step_limit_count",
        "steps_median",
        "steps_median_lower",
        "steps_median_upper",
        "steps_q10",
        "steps_q10_lower",
        "steps_q90",
        "steps_q90_upper",
        "expected_running_time",
        "restart_cutoff",
        "restart_running_time",
        "restart_running_time_lower",
        "restart_running_time_upper",
    ] {
        let of = |desk: &Desk| bits(&desk.path("out/results.h5"), name);
        assert_eq!(of(&kept), of(&tallied), "{name}");
    }
    let (rows, tallies) = (open(&kept, "out/results.h5"), open(&tallied, "out/results.h5"));
    let total: u64 = tallies.cells.iter().map(|cell| cell.converged).sum();
    assert!(total > 100, "{total} trials have steps to compare");
    for cell in 0..6 {
        let there = rows.rows(cell, 0..150).expect("rows");
        let converged = there.iter().filter(|row| row.outcome == Outcome::Converged);
        let steps = counted(converged.map(|row| row.steps.cast_signed()));
        let ends = tallies.step_counts(cell, None).expect("ends");
        let ends = ends.iter().filter(|row| row.converged > 0);
        assert_eq!(ends.map(|row| (row.step, row.converged)).collect::<Vec<_>>(), steps);
        for rung in 0..rows.ladder.len() {
            let hits = counted(there.iter().map(|row| row.hit_steps[rung]));
            assert_eq!(tallies.hits_histogram(cell, rung).expect("a histogram"), hits);
        }
    }
    let said = |desk: &Desk, arguments: &[&str]| desk.succeed(arguments).stdout;
    for arguments in [
        &["report", "out"][..],
        &["times", "out"],
        &["times", "out", "--json", "--points", "1000"],
        &["times", "out", "--csv", "--loss", "1e-3"],
        &["times", "out", "--json", "--loss", "10"],
    ] {
        assert_eq!(said(&kept, arguments), said(&tallied, arguments), "{arguments:?}");
    }
    let refused = tallies.rows(0, 0..1).expect_err("no rows").to_string();
    assert!(refused.contains("store.rows = false"), "{refused}");
    tallied.succeed(&["trace", "study.toml", "--trial", "7", "--cell", "1", "-o", "trace.h5"]);
}

/// Trials that converge are stopped before they come to a loss below their target: what is known of that
/// loss is the same from rows and from tallies, and does not suppose that they are like the others.
#[test]
fn a_rung_below_the_target_is_bounded() {
    let deep = ["--set", "stop.ladder=[1.0,1e-6,3e-7]"];
    let (kept, tallied) = (desk(), desk());
    run(&kept, &[&deep[..], WITH_ROWS].concat());
    run(&tallied, &deep);
    let json = ["times", "out", "--json", "--loss", "3e-7"];
    let said = |desk: &Desk| desk.succeed(&json).stdout;
    let text = said(&kept);
    assert_eq!(text, said(&tallied));
    let times: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let results = open(&tallied, "out/results.h5");
    let mut stopped = 0;
    for (cell, summary) in results.cells.iter().enumerate() {
        let of_cell = &times["cells"][cell];
        let hits: u64 =
            results.hits_histogram(cell, 2).expect("hits").iter().map(|(_, count)| count).sum();
        assert_eq!(of_cell["hit_count"], hits);
        assert_eq!(of_cell["undecided_count"], summary.converged + summary.step_limit - hits);
        assert_eq!(of_cell["failed_count"], summary.diverged + summary.stalled);
        let last = of_cell["points"].as_array().and_then(|points| points.last()).expect("a point");
        let number = |name: &str| last[name].as_u64().expect("a number");
        let before = number("stopped_count");
        let bounds = |count| deeplin::stats::clopper_pearson(count, 150, 0.95);
        assert_eq!(last["hit_lower"], bounds(hits).lower);
        assert_eq!(last["hit_upper"], bounds(hits + before).upper);
        stopped += before;
    }
    assert!(stopped > 100, "{stopped} trials converged before others ended");
    let table = tallied.succeed(&["times", "out", "--loss", "3e-7"]).stdout;
    assert!(table.contains("Where trials were stopped before"), "{table}");
}

#[test]
fn threads_blocks_and_parts_decide_no_byte() {
    let expected = results(&["--threads", "1"]);
    for arguments in [
        ["--threads", "2", "--set", "store.part_seconds=0.001"],
        ["--threads", "2", "--set", "store.block=1"],
        ["--threads", "3", "--set", "store.block=0"],
        ["--threads", "5", "--set", "store.block=150"],
    ] {
        assert!(results(&arguments) == expected, "{arguments:?} gives other bytes");
    }
    // Parts of different cuts, run one over the other.
    let desk = desk();
    for share in ["1/3", "2/2", "3/3", "5/5", "1/5", "2/5"] {
        run(&desk, &["--part", share]);
    }
    run(&desk, &[]);
    assert!(desk.read("out/results.h5") == expected, "parts of different cuts");
    // Nothing counts twice that two processes have computed.
    let other = self::desk();
    run(&other, &["--part", "1/2", "--set", "store.part_seconds=0.001"]);
    for entry in std::fs::read_dir(other.path("out/parts")).expect("parts").flatten() {
        let to = desk.path("out/parts").join(entry.file_name());
        std::fs::copy(entry.path(), to).expect("copying a part");
    }
    desk.succeed(&["merge", "out"]);
    assert!(desk.read("out/results.h5") == expected, "blocks that are there twice");
}

#[test]
fn what_a_directory_keeps_cannot_change() {
    let desk = desk();
    run(&desk, &["--part", "1/2"]);
    for (sets, expected) in [
        ("store.rows=true", "keeps tallies of this study, not rows"),
        ("store.block=9", "tallies of blocks of 8 trials of cell 0"),
    ] {
        let ran = desk.run(&["run", "study.toml", "-o", "out", "--set", sets]);
        assert_eq!(ran.code, 3, "{}", ran.stderr);
        let message = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(message.contains(expected) && message.contains("store."), "{}", ran.stderr);
    }
    let plan = ["plan", "study.toml", "--quick", "-o", "out", "--set", "store.rows=true"];
    let plan = desk.succeed(&plan).stdout;
    assert!(plan.contains("holds tallies of trials"), "{plan}");
}

#[test]
fn a_plan_of_many_trials_fits_without_rows_only() {
    let desk = desk();
    let disk = |rows: &str| {
        let sets = ["--set", "trials=100_000_000", "--set", "store.block=0", "--set", rows];
        let plan =
            desk.succeed(&[&["plan", "study.toml", "--quick", "--json"], &sets[..]].concat());
        let plan: serde_json::Value = serde_json::from_str(&plan.stdout).expect("JSON");
        plan["disk"]["needed"].as_u64().expect("a number")
    };
    let (with, without) = (disk("store.rows=true"), disk("store.rows=false"));
    assert!(without < with / 5, "{without} of {with}");
}

#[test]
fn partial_results_say_what_they_are() {
    for rows in ["store.rows=true", "store.rows=false"] {
        let desk = desk();
        let set = ["--set", rows];
        run(&desk, &[&set[..], &["--part", "1/2"]].concat());
        let refused = desk.run(&["merge", "out"]);
        assert_eq!(refused.code, 3, "{}", refused.stderr);
        assert!(refused.stderr.contains("--partial"), "{}", refused.stderr);
        let merged = desk.succeed(&["merge", "out", "--partial"]);
        assert_eq!(merged.stdout, "out/partial.h5\n");
        assert!(merged.stderr.contains("trials are missing"), "{}", merged.stderr);
        assert!(merged.stderr.contains("left out"), "{}", merged.stderr);
        assert!(!desk.path("out/results.h5").exists(), "that is always of all trials");
        let of_directory = desk.run(&["report", "out"]);
        assert_eq!(of_directory.code, 3, "{}", of_directory.stderr);
        assert!(of_directory.said().contains("deeplin report out/partial.h5` shows"));
        let first = desk.read("out/partial.h5");
        let file = open(&desk, "out/partial.h5");
        let there: u64 = file.cells.iter().map(|cell| cell.trials).sum();
        // Blocks of 8 go round two shares: each cell begins with a block or with a gap.
        assert!(file.cells.iter().all(|cell| [0, 8].contains(&cell.trials)) && there >= 8);
        assert_eq!(file.missing, 900 - there);
        let table = desk.succeed(&["report", "out/partial.h5"]).stdout;
        assert!(table.starts_with("tallied: 6 cells x 150 trials"), "{table}");
        let missing = format!("PARTIAL: {} of 900 trials are missing", file.missing);
        assert!(table.contains(&missing), "{table}");
        let times = desk.succeed(&["times", "out/partial.h5"]).stdout;
        assert!(times.contains(&missing) && times.contains(": 8 trials"), "{times}");
        let json = desk.succeed(&["report", "out/partial.h5", "--json"]).stdout;
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(
            (&json["complete"], &json["missing_trials"]),
            (&false.into(), &file.missing.into())
        );
        drop(file);

        desk.succeed(&["merge", "out", "--partial"]);
        assert!(desk.read("out/partial.h5") == first, "the same trials, the same bytes");
        run(&desk, &set);
        let merged = desk.succeed(&["merge", "out", "--partial"]);
        assert!(merged.stderr.contains("all trials are there"), "{}", merged.stderr);
        assert!(desk.read("out/partial.h5") == desk.read("out/results.h5"), "{rows}");
        let table = desk.succeed(&["report", "out/partial.h5"]).stdout;
        assert!(!table.contains("PARTIAL"), "{table}");
    }
}
