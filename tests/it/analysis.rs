//! `scripts/analysis`: the recipes for other tools print the same numbers, those of `deeplin report`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::{self, Desk};

/// Studies with two axes of numbers, with none, with one, and with three of which one is of words.
const SWEEPS: [(&str, &str); 4] = [
    ("two", "[sweep]\n\"network.depth\" = [2, 3]\n\"init.std\" = [0.05, 0.3, 3.0]"),
    ("none", ""),
    ("one", "[sweep]\n\"init.std\" = { log = [0.03, 3.0], points = 5 }"),
    (
        "three",
        "[sweep]\n\"init.kind\" = [\"gaussian\", \"balanced\"]\n\"network.depth\" = [2, 3]\n\
         \"init.std\" = [0.1, 1.0, 3.0]",
    ),
];

/// A desk with the results of these sweeps.
fn desk() -> Desk {
    let desk = Desk::new();
    for (name, sweep) in SWEEPS {
        let study = format!(
            "name = \"{name}\"\ntrials = 30\n[network]\ninput = 3\nhidden = 4\noutput = 2\n\
             [descent]\nlearning_rate = 0.1\nmax_steps = 300\n{sweep}\n"
        );
        desk.write(&format!("{name}.toml"), &study);
        desk.succeed(&["run", &format!("{name}.toml"), "--quiet", "-o", name]);
    }
    desk
}

fn recipe(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/analysis").join(name)
}

/// What a command prints; `None` if its program is missing and may be.
fn printed(command: &mut Command) -> Option<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let Ok(output) = command.output() else {
        program::may_skip(&name);
        return None;
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}:\n{stderr}");
    Some(String::from_utf8(output.stdout).expect("text"))
}

/// The columns of a recipe's table as `deeplin report --csv` has them, in the recipe's form.
fn reported(desk: &Desk, results: &str, header: &str) -> String {
    let report = desk.succeed(&["report", results, "--csv"]).stdout;
    let mut lines = report.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let names: Vec<String> =
        lines.next().expect("a header").iter().map(|name| name.replace('.', "_")).collect();
    let place = |name| names.iter().position(|n| n == name).expect("a column of the report");
    let columns: Vec<(&str, usize)> = header.split(',').map(|name| (name, place(name))).collect();
    let form = |(name, at): &(&str, usize), fields: &[&str]| match (*name, fields[*at]) {
        ("probability" | "steps_median", "") => "NaN".to_owned(),
        ("probability" | "steps_median", field) => {
            format!("{:.6}", field.parse::<f64>().expect("a number"))
        }
        // What is swept here has six digits at most once rounded; `%.6g` writes no zeros at the end.
        ("init_std", field) => {
            let rounded: f64 = format!("{:.5e}", field.parse::<f64>().expect("a number"))
                .parse()
                .expect("a number");
            rounded.to_string()
        }
        (_, field) => field.to_owned(),
    };
    let rows = lines.map(|fields| {
        columns.iter().map(|column| form(column, &fields)).collect::<Vec<_>>().join(",")
    });
    [header.to_owned()].into_iter().chain(rows).map(|line| line + "\n").collect()
}

/// Compares what a recipe prints with the report.
fn compare(desk: &Desk, name: &str, table: &str) {
    let header = table.lines().next().expect("a header");
    assert!(header.ends_with("trial_count,converged_count,probability,steps_median"), "{header}");
    assert_eq!(table, reported(desk, name, header), "{name}");
}

#[test]
fn xarray_and_duckdb_print_the_numbers_of_the_report() {
    let Some(python) = program::python() else { return };
    let desk = desk();
    for (name, _) in SWEEPS {
        let (results, figure) = (desk.path(name).join("results.h5"), desk.path("figure.svg"));
        let mut command = Command::new(&python);
        command.arg(recipe("cells_xarray.py")).arg(results).arg(&figure);
        compare(&desk, name, &printed(&mut command).expect("Python is there"));
        assert!(String::from_utf8(desk.read("figure.svg")).expect("text").contains("<svg"));
        let rows = format!("{name}.parquet");
        desk.succeed(&["export", name, "-o", &rows]);
        let mut command = Command::new(&python);
        command.arg(recipe("rows_duckdb.py")).arg(desk.path(&rows));
        compare(&desk, name, &printed(&mut command).expect("Python is there"));
    }
}

#[test]
fn r_prints_the_numbers_of_the_report() {
    let desk = desk();
    for (name, _) in SWEEPS {
        let (results, figure) = (desk.path(name).join("results.h5"), desk.path("figure.pdf"));
        let mut command = Command::new("Rscript");
        command.arg(recipe("cells_ncdf4.R")).arg(results).arg(&figure);
        let Some(table) = printed(&mut command) else { return };
        compare(&desk, name, &table);
        // Without an axis there is nothing to draw.
        assert_eq!(figure.exists(), name != "none");
        let _ = std::fs::remove_file(figure);
    }
}

#[test]
fn octave_prints_the_numbers_of_the_report() {
    let desk = desk();
    for (name, _) in SWEEPS {
        let results = desk.path(name).join("results.h5");
        let mut command = Command::new("octave-cli");
        command.args(["--norc", "--quiet", "--path"]).arg(recipe(""));
        command.args(["--eval", &format!("cells_ncread('{}')", results.display())]);
        let Some(table) = printed(&mut command) else { return };
        // It reads no words but has their positions.
        let words = if name == "three" {
            vec![("\n1,", "\ngaussian,"), ("\n2,", "\nbalanced,")]
        } else {
            vec![]
        };
        let table = words.iter().fold(table, |table, (from, to)| table.replace(from, to));
        compare(&desk, name, &table);
    }
}

/// With the step limit as the only censoring, the estimator is the share that had converged by then.
#[test]
fn lifelines_finds_the_shares_that_converged() {
    let Some(python) = program::python() else { return };
    let desk = desk();
    for (name, _) in SWEEPS {
        let mut command = Command::new(&python);
        command.arg(recipe("survival_lifelines.py")).arg(desk.path(name).join("results.h5"));
        command.arg(desk.path("figure.png"));
        let table = printed(&mut command).expect("Python is there");
        let last = |line: &str| line.rsplit(',').next().map(str::to_owned);
        let found: Vec<_> = table.lines().skip(1).map(last).collect();
        let report = reported(&desk, name, "probability");
        let wanted: Vec<_> = report.lines().skip(1).map(last).collect();
        assert_eq!(found, wanted, "{name}:\n{table}");
        assert!(desk.read("figure.png").starts_with(b"\x89PNG"));
    }
}

/// Without rows it says in a line what it needs; whose reader has gone away ends without a word.
#[test]
fn recipes_end_without_tracebacks() {
    let Some(python) = program::python() else { return };
    let desk = Desk::new();
    let study = "name = \"tallied\"\ntrials = 30\n[network]\ninput = 3\noutput = 2\n[store]\nrows = false\n";
    desk.write("study.toml", study);
    desk.succeed(&["run", "study.toml", "--quiet", "-o", "out"]);
    let mut command = Command::new(&python);
    let output = command.arg(recipe("survival_lifelines.py")).arg(desk.path("out/results.h5"));
    let output = output.output().expect("starting Python");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("has no rows of trials") && stderr.lines().count() == 1, "{stderr}");
    assert_eq!(output.status.code(), Some(1));

    let mut command = Command::new(&python);
    command.arg(recipe("cells_xarray.py")).arg(desk.path("out/results.h5"));
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = command.stdout(writer).output().expect("starting Python");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn every_recipe_is_in_the_list() {
    let list = include_str!("../../scripts/analysis/README.md");
    for file in std::fs::read_dir(recipe("")).expect("the recipes").flatten() {
        let name = file.file_name().into_string().expect("a name in UTF-8");
        assert!(name == "README.md" || list.contains(&format!("`{name}")), "{name}");
    }
}

/// The Python of the README in its order: what the study needs for it, and what has to hold after it.
const EXAMPLES: [(&str, &str); 3] = [
    (
        "store.rows=true",
        "import matplotlib.pyplot as plt\nline, = plt.gca().lines\n\
         assert (line.get_ydata() == results.probability.sel(network_depth=4)).all()",
    ),
    (
        "store.rows=false",
        "counts = ends.steps_histogram_count.where(ends.steps_histogram_outcome == 1)\n\
         assert counts.sum() == results.converged_count[3, 1]\n\
         assert len(converged) == counts.count()",
    ),
    (
        "record.trajectory={ trials = 2, points = 20, spacing = \"log\" }",
        "import matplotlib.pyplot as plt\nline, = plt.gca().lines\n\
         assert abs(line.get_ydata()[0] / traced.loss_initial[0] - 1) < 1e-12",
    ),
];

#[test]
fn the_examples_of_the_readme_work_as_typed() {
    let Some(python) = program::python() else { return };
    let study = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/quickstart.toml");
    let study = study.to_str().expect("a path in UTF-8");
    let readme = include_str!("../../README.md");
    let codes: Vec<&str> =
        readme.split("```python\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(codes.len(), EXAMPLES.len());
    assert!(codes[0].contains("results.probability.sel(network_depth=4).plot()"), "{}", codes[0]);
    for (code, (set, check)) in codes.iter().zip(EXAMPLES) {
        let desk = Desk::new();
        desk.succeed(&["run", study, "--quiet", "--set", "trials=10", "--set", set]);
        // The first of them opens the results.
        let opens = if code.contains("open_dataset") { "" } else { codes[0] };
        let clear = "import matplotlib.pyplot\nmatplotlib.pyplot.close()\n";
        let checked = format!("{opens}{clear}{code}{check}\n");
        let mut command = Command::new(&python);
        command.current_dir(desk.path("")).env("MPLBACKEND", "Agg").args(["-c", &checked]);
        printed(&mut command).expect("Python is there");
    }
}
