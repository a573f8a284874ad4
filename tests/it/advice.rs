//! What is said to do when something else is given than was asked for, and that it is true.

use crate::program::{Desk, Ran};

const STUDY: &str = r#"
name = "small"
trials = 20
[network]
input = 2
hidden = 2
output = 2
depth = 2
[descent]
learning_rate = 0.1
max_steps = 500
[sweep]
"init.std" = [0.1, 0.5]
"#;

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    desk
}

/// The commands that read results.
const READERS: [&[&str]; 6] = [
    &["report"],
    &["plot"],
    &["times"],
    &["compare"],
    &["transition"],
    &["export", "-o", "rows.csv"],
];

#[test]
fn a_study_that_is_not_finished_is_told_from_none() {
    let desk = desk();
    desk.succeed(&["run", "study.toml", "--part", "1/2"]);
    std::fs::create_dir(desk.path("empty")).expect("a directory");
    for reader in READERS {
        for results in ["runs/small", "runs/small/results.h5"] {
            let ran = desk.run(&[reader, &[results]].concat());
            assert_eq!(ran.code, 3, "{}", ran.stderr);
            let advice = format!(
                "for what is there so far: `deeplin merge runs/small --partial`, then \
                 `deeplin {} runs/small/partial.h5`",
                reader[0]
            );
            for words in ["runs/small: the study is not finished", &advice] {
                assert!(ran.said().contains(words), "no {words} in {}", ran.said());
            }
        }
        let ran = desk.run(&[reader, &["empty"]].concat());
        let words = "empty: there is no study.json: this is not a directory of results";
        assert!(ran.code == 3 && ran.said().contains(words), "{}", ran.said());
    }
    // In the directory itself too.
    let mut command = desk.command(&["report", "results.h5"]);
    let ran = command.current_dir(desk.path("runs/small")).output().expect("starting deeplin");
    let said = Ran::from(ran).said();
    assert!(
        said.contains(".: the study is not finished") && said.contains("merge . --partial"),
        "{said}"
    );
    desk.succeed(&["merge", "runs/small", "--partial"]);
    let said = desk.run(&["report", "runs/small"]).said();
    assert!(said.contains("`deeplin report runs/small/partial.h5` shows what was there"), "{said}");
    desk.succeed(&["report", "runs/small/partial.h5"]);
}

#[test]
fn files_that_are_no_results_are_named_as_what_they_are() {
    let desk = desk();
    desk.succeed(&["run", "study.toml", "--quiet", "-o", "out"]);
    desk.succeed(&["trace", "study.toml", "--trial", "3", "--cell", "0", "-o", "trace.h5"]);
    for rows in ["rows.csv", "rows.nc", "rows.parquet"] {
        desk.succeed(&["export", "out", "-o", rows]);
    }
    for (file, words) in [
        ("trace.h5", "is not a results file but the trace of one trial"),
        ("rows.nc", "netCDF: exports are not read again"),
        ("rows.csv", "is no results file of deeplin (it is not HDF5)"),
        ("rows.parquet", "is no results file of deeplin (it is not HDF5)"),
        ("study.toml", "is no results file of deeplin (it is not HDF5)"),
        ("absent.h5", "absent.h5: cannot open it"),
    ] {
        for command in ["report", "plot"] {
            let ran = desk.run(&[command, file]);
            let said = ran.said();
            assert!(ran.code == 3 && said.contains(words), "{command} {file}: {said}");
            assert!(!said.contains("deeplin merge"), "that would write none of it anew: {said}");
        }
    }
    for command in [&["merge"][..], &["watch"], &["watch", "--once"]] {
        let ran = desk.run(&[command, &["study.toml"]].concat());
        let said = ran.said();
        assert!(ran.code == 3 && said.contains("not a directory of results"), "{said}");
    }
    // Results that were cut short are still called damaged.
    let results = desk.read("out/results.h5");
    std::fs::write(desk.path("cut.h5"), &results[..results.len() / 2]).expect("a file");
    let said = desk.run(&["report", "cut.h5"]).said();
    assert!(said.contains("hash") && said.contains("`deeplin merge` writes it anew"), "{said}");
}

/// `/dev/full` is a full disk, on Linux.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_keeps_what_only_a_run_keeps() {
    use std::fs::OpenOptions;

    use crate::program::Ran;

    let desk = desk();
    let onto_full = |arguments: &[&str]| {
        let full = OpenOptions::new().write(true).open("/dev/full").expect("a full disk");
        Ran::from(desk.command(arguments).stdout(full).output().expect("starting deeplin"))
    };
    let ran = onto_full(&["run", "study.toml", "--quiet", "-o", "out"]);
    assert_eq!(ran.code, 3);
    assert!(ran.said().contains("and the run continues from it"), "{}", ran.said());
    for reader in READERS.iter().filter(|reader| reader[0] != "export") {
        let ran = onto_full(&[*reader, &["out"]].concat());
        let said = ran.said();
        assert!(ran.code == 3 && said.contains("free space there"), "{said}");
        assert!(said.contains("run the same command again") && !said.contains("kept"), "{said}");
    }
}
