//! The page of the file format: made from the declarations, and right about files of every kind.

use std::path::{Path, PathBuf};

use deeplin::store::page::page;

use crate::program::{self, Desk, run_script};

const PAGE: &str = "src/book/format.md";

/// Set to write the page anew.
const RENEW: &str = "DEEPLIN_RENEW";

#[test]
fn the_page_is_what_is_declared() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    if std::env::var_os(RENEW).is_some() {
        std::fs::write(&path, page()).expect("writing the page");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == page(),
        "{PAGE} is not what the schema says now; look at the changes after\n  \
         {RENEW}=1 cargo test --test it format::the_page"
    );
}

const STUDY: &str = r#"
name = "kinds"
trials = 12
[network]
input = 3
hidden = 3
output = 3
[descent]
max_steps = 300
[store]
block = 5
[sweep]
"network.depth" = [1, 3]
[[sweep.zip]]
"init.std" = [0.1, 0.5, 3.0]
"descent.learning_rate" = [0.1, 0.05, 0.2]
"#;

/// The same with an axis that can be refined.
fn refined() -> String {
    let (study, _) = STUDY.split_once("[[sweep.zip]]").expect("an axis of two keys");
    format!("{study}\"init.std\" = [0.3, 1.0, 3.0]\n[refine]\naxis = \"init.std\"\ncells = 3\n")
}

/// A name, the overrides of the study, and what is run: enough for every variable to be in one of the files.
const KINDS: [(&str, &[&str]); 6] = [
    ("rows", &[]),
    ("tallied", &["store.rows=false"]),
    ("traced", &["record.trajectory={ trials = 2, points = 5, spectra = true }"]),
    ("adaptive", &["trials={ min = 10, max = 20, half_width = 0.2 }"]),
    ("spread", &["trials={ min = 10, max = 40, half_width = 0.01 }", "budget.trials=100"]),
    ("tuned", &["sweep={ \"network.depth\" = [1, 2] }", "descent.learning_rate=tuned"]),
];

/// The results of all kinds of studies, a partial one and a mixed one.
fn results(desk: &Desk) -> Vec<PathBuf> {
    desk.write("kinds.toml", STUDY);
    let run = |name: &str, sets: &[&str], more: &[&str]| {
        let mut arguments = vec!["run", "kinds.toml", "--quiet", "-o", name];
        sets.iter().for_each(|set| arguments.extend(["--set", set]));
        arguments.extend(more);
        desk.command(&arguments)
    };
    let succeed = |mut command: std::process::Command| {
        let output = command.output().expect("starting deeplin");
        assert!(
            output.status.success(),
            "{command:?}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    KINDS.iter().for_each(|(name, sets)| succeed(run(name, sets, &[])));
    desk.write("refined.toml", &refined());
    desk.succeed(&["run", "refined.toml", "--quiet", "-o", "refined"]);
    succeed(run("partial", &[], &["--part", "2/2"]));
    desk.succeed(&["merge", "partial", "--partial"]);
    let mut other = run("mixed", &[], &["--part", "1/2"]);
    other.env("OPENBLAS_CORETYPE", "Nehalem");
    succeed(other);
    succeed(run("mixed", &[], &["--mixed"]));
    let complete = KINDS.iter().map(|(name, _)| *name).chain(["refined", "mixed"]);
    let mut all: Vec<PathBuf> = complete.map(|name| desk.path(name).join("results.h5")).collect();
    all.push(desk.path("partial/partial.h5"));
    all
}

#[test]
fn the_page_is_right_about_files_of_every_kind() {
    let Some(python) = program::python() else { return };
    let desk = Desk::new();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let files = results(&desk);
    let arguments: Vec<&Path> = [&page].into_iter().chain(&files).map(PathBuf::as_path).collect();
    run_script(&python, "format.py", &arguments);
}
