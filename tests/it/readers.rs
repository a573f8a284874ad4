//! `results.h5` and `partial.h5` in the hands of others: xarray with both engines, ncdump, h5dump.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::{self, Desk};

/// A label axis, an integer axis, and two keys zipped on a float axis.
const SWEPT: &str = r#"
name = "swept"
trials = 30
[network]
input = 3
hidden = 4
output = 2
[descent]
max_steps = 800
[sweep]
"init.kind" = ["gaussian", "balanced"]
"network.depth" = [1, 3]
[[sweep.zip]]
"init.std" = [0.05, 0.5]
"descent.learning_rate" = [0.1, 0.05]
"#;

const UNSWEPT: &str = r#"
name = "unswept"
trials = 30
[descent]
learning_rate = 0.1
max_steps = 500
"#;

/// Files without rows, one of them without a trial that was decided, and a partial one.
const LACKING: [(&str, &str, &[&str]); 4] = [
    ("swept", "swept-tallied/results.h5", &["--set", "store.rows=false"]),
    (
        "unswept",
        "nothing/results.h5",
        &["--set", "store.rows=false", "--set", "descent.max_steps=1"],
    ),
    ("swept", "partial/partial.h5", &["--set", "store.block=7", "--part", "2/2"]),
    (
        "swept",
        "both/partial.h5",
        &["--set", "store.block=7", "--part", "2/2", "--set", "store.rows=false"],
    ),
];

/// Adds the files that do not have every row.
fn add_lacking(desk: &Desk) {
    for (study, file, arguments) in LACKING {
        let (dir, name) = file.split_once('/').expect("a file in a directory");
        let run = ["run", &format!("{study}.toml"), "--quiet", "-o", dir];
        desk.succeed(&[&run[..], arguments].concat());
        if name == "partial.h5" {
            desk.succeed(&["merge", dir, "--partial"]);
        }
    }
}

/// Both files on a desk.
fn results() -> Desk {
    let desk = Desk::new();
    for (name, text) in [("swept", SWEPT), ("unswept", UNSWEPT)] {
        desk.write(&format!("{name}.toml"), text);
        desk.succeed(&["run", &format!("{name}.toml"), "--quiet", "-o", name]);
    }
    desk
}

#[test]
fn xarray_sees_named_dimensions_and_coordinates() {
    let Some(python) = program::python() else { return };
    let desk = results();
    let (swept, unswept) = (desk.path("swept/results.h5"), desk.path("unswept/results.h5"));
    program::run_script(&python, "readers.py", &[&swept, &unswept]);
}

#[test]
fn xarray_sees_what_files_lack() {
    let Some(python) = program::python() else { return };
    let desk = results();
    add_lacking(&desk);
    let files = LACKING.map(|(_, file, _)| desk.path(file));
    let mut all = vec![desk.path("swept/results.h5")];
    all.extend(files);
    let all: Vec<&Path> = all.iter().map(PathBuf::as_path).collect();
    program::run_script(&python, "lacking.py", &all);
}

/// What a tool prints of a file.
fn dump(tool: &str, arguments: &[&str], path: &Path) -> Option<String> {
    match Command::new(tool).args(arguments).arg(path).output() {
        Err(_) => {
            program::may_skip(tool);
            None
        }
        Ok(output) => {
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{tool} fails on {}:\n{stderr}", path.display());
            Some(String::from_utf8_lossy(&output.stdout).into_owned())
        }
    }
}

#[test]
fn ncdump_and_h5dump_read_both() {
    let desk = results();
    for (name, dimensions) in
        [("swept", "init_kind, network_depth, init_std, trial"), ("unswept", "trial")]
    {
        let path = desk.path(&format!("{name}/results.h5"));
        if let Some(header) = dump("ncdump", &["-h"], &path) {
            for line in [
                &format!("byte outcome({dimensions}) ;"),
                &format!("double loss_final({dimensions}) ;"),
                &format!("int hit_steps({dimensions}, loss_target) ;"),
                "trial = 30 ;",
            ] {
                assert!(header.contains(line), "{name}: no `{line}` in\n{header}");
            }
        }
        if let Some(listing) = dump("h5dump", &["-H"], &path) {
            assert!(
                listing.contains("DATASET \"probability\"")
                    && listing.contains("GROUP \"provenance\"")
            );
        }
        // All data too, through every filter.
        dump("h5dump", &[], &path);
    }
}

#[test]
fn ncdump_and_h5dump_read_files_that_lack_rows() {
    let desk = results();
    add_lacking(&desk);
    for (_, file, _) in LACKING {
        let path = desk.path(file);
        if let Some(header) = dump("ncdump", &["-h"], &path) {
            let has_rows = file == "partial/partial.h5";
            assert_eq!(header.contains("trial = 30 ;"), has_rows, "{header}");
            for line in ["int64 steps_histogram_value(steps_entry) ;", ":rows = 0LL ;"] {
                assert_eq!(header.contains(line), !has_rows, "{header}");
            }
            let complete = i32::from(!file.ends_with("partial.h5"));
            assert!(header.contains(&format!(":complete = {complete}LL ;")), "{header}");
        }
        dump("ncdump", &[], &path);
        dump("h5dump", &[], &path);
    }
}

/// The file does not tell when, where or by how many workers it was made.
#[test]
fn equal_studies_have_equal_bytes_seconds_apart() {
    let first = results();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let second = results();
    for name in ["swept/results.h5", "unswept/results.h5"] {
        assert!(first.read(name) == second.read(name), "{name}");
    }
}
