//! `export`: results as one table, in the hands of others.

use std::path::Path;

use crate::program::{self, Desk, run_script};

/// A label axis with blanks in its words, and two keys zipped.
const STUDY: &str = r#"
name = "swept"
trials = 30
[network]
input = 3
hidden = 4
output = 2
depth = 3
[descent]
max_steps = 300
[store]
block = 7
[sweep]
"init.kind" = ["gaussian", "balanced"]
[[sweep.zip]]
"init.std" = [0.05, 0.5, 3.0]
"descent.learning_rate" = [0.1, 0.05, 0.2]
"#;

const TABLES: [&str; 4] = ["rows.parquet", "rows.csv", "rows.csv.gz", "rows.nc"];

fn desk(arguments: &[&str]) -> Desk {
    let desk = Desk::new();
    desk.write("swept.toml", STUDY);
    desk.succeed(&[&["run", "swept.toml", "--quiet", "-o", "swept"], arguments].concat());
    desk
}

/// Exports to every format and compares.
fn compare(desk: &Desk, results: &str) {
    for table in TABLES {
        let ran = desk.succeed(&["export", results, "-o", table]);
        assert!(ran.stdout.contains(" rows of "), "{}", ran.stdout);
    }
    let Some(python) = program::python() else { return };
    let paths = TABLES.map(|table| desk.path(table));
    let results = desk.path(results);
    let all: Vec<&Path> = [&results].into_iter().chain(&paths).map(|path| path.as_path()).collect();
    run_script(&python, "export.py", &all);
}

#[test]
fn every_format_has_every_value_of_every_trial() {
    compare(&desk(&[]), "swept/results.h5");
}

#[test]
fn only_trials_that_were_run_have_rows() {
    let desk = desk(&["--part", "2/2"]);
    desk.succeed(&["merge", "swept", "--partial"]);
    compare(&desk, "swept/partial.h5");
}

#[test]
fn cells_with_different_numbers_of_trials() {
    let trials = "trials = { min = 10, max = 40, half_width = 0.25 }";
    let desk = Desk::new();
    desk.write("swept.toml", &STUDY.replace("trials = 30", trials));
    desk.succeed(&["run", "swept.toml", "--quiet", "-o", "swept"]);
    let csv = desk.succeed(&["report", "swept", "--csv"]).stdout;
    assert!(
        csv.contains(",40,") && !csv.lines().skip(1).all(|line| line.contains(",40,")),
        "{csv}"
    );
    compare(&desk, "swept/results.h5");
}

/// More rows than are read at a time: two cells together, then the third.
#[test]
fn results_that_come_in_several_pieces() {
    let desk = Desk::new();
    let study = "trials = 50_000\n[network]\ninput = 1\nhidden = 1\noutput = 1\ndepth = 2\n\
                 [descent]\nmax_steps = 3\n[sweep]\n\"init.std\" = [0.5, 1.0, 2.0]\n";
    desk.write("large.toml", study);
    desk.succeed(&["run", "large.toml", "--quiet", "-o", "large"]);
    compare(&desk, "large/results.h5");
}

/// `export --cells` and `report --csv` say the same: the first has the number of each cell besides, and the
/// names of variables for those of keys.
#[test]
fn cells_are_those_of_the_report() {
    let desk = desk(&[]);
    desk.succeed(&["export", "swept", "--cells", "-o", "cells.csv"]);
    let cells = String::from_utf8(desk.read("cells.csv")).expect("text");
    let report = desk.succeed(&["report", "swept", "--csv"]).stdout;
    let (header, lines) = report.split_once('\n').expect("a header");
    let numbered = lines.lines().enumerate().map(|(i, line)| format!("{i},{line}\n"));
    let expected = format!("cell,{}\n{}", header.replace('.', "_"), numbered.collect::<String>());
    assert_eq!(cells, expected);
    assert!(report.contains(",inf,"), "bounds that the trials are too few for: {report}");
}

#[test]
fn equal_results_are_equal_bytes_and_nothing_else_is_left() {
    let desk = desk(&[]);
    for table in TABLES {
        desk.succeed(&["export", "swept", "-o", table]);
        let again = format!("again-{table}");
        desk.succeed(&["export", "swept", "-o", &again]);
        assert!(desk.read(table) == desk.read(&again), "{table}");
    }
    let names = std::fs::read_dir(desk.path("")).expect("a directory");
    assert_eq!(names.count(), 2 + 2 * TABLES.len());
}

#[test]
fn what_is_there_is_replaced_only_if_asked() {
    let desk = desk(&[]);
    desk.write("rows.csv", "mine");
    let ran = desk.run(&["export", "swept", "-o", "rows.csv"]);
    assert_eq!(ran.code, 2);
    assert!(ran.said().contains("rows.csv is there already") && ran.said().contains("--force"));
    assert_eq!(desk.read("rows.csv"), b"mine");
    desk.succeed(&["export", "swept", "-o", "rows.csv", "--force"]);
    assert!(
        desk.read("rows.csv").starts_with(b"cell,init_kind,init_std,descent_learning_rate,trial,")
    );
}

#[test]
fn refusals_say_what_to_do() {
    let desk = desk(&["--set", "store.rows=false"]);
    let refused = |arguments: &[&str], code: i32, words: &[&str]| {
        let ran = desk.run(&[&["export"], arguments].concat());
        assert_eq!(ran.code, code, "{}", ran.stderr);
        for word in words {
            assert!(ran.said().contains(word), "no `{word}` in {}", ran.stderr);
        }
    };
    refused(&["swept", "-o", "x.parquet"], 2, &["no rows of trials", "--cells"]);
    refused(&["swept", "-o", "x.xlsx"], 2, &["x.xlsx", ".parquet, .csv.gz, .csv, .nc"]);
    refused(&["swept.toml", "-o", "x.csv"], 3, &["swept.toml", "is no results file of deeplin"]);
    refused(&["absent", "-o", "x.csv"], 3, &["absent"]);
    refused(
        &["swept", "-o", "no/such/x.csv", "--cells"],
        3,
        &["cannot create no/such/x.csv", "its directory has to be there"],
    );
    assert!(!desk.path("x.parquet").exists() && !desk.path("x.csv").exists());
    desk.succeed(&["export", "swept", "--cells", "-o", "cells.nc"]);
}
