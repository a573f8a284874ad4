//! `results.h5` in the hands of others: xarray with both engines, ncdump, h5dump.

use std::path::Path;
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
