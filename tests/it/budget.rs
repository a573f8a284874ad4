//! Trials that go where precision is missing, within a budget for the whole study.

use deeplin::stats::confidence_sequence;
use deeplin::store::{CellSummary, ResultsFile};

use crate::program::Desk;

/// Products of two numbers: they converge, or diverge where the start is large.
const STUDY: &str = r#"
name = "budget"
seed = 12
trials = { min = 20, max = 3000, half_width = 0.01 }
[budget]
trials = 2000
[network]
input = 1
hidden = 1
output = 1
depth = 2
[descent]
learning_rate = 0.1
max_steps = 5000
[stop]
loss = 1e-4
[store]
block = 7
[sweep]
"init.std" = [0.5, 3.0, 5.0, 20.0]
"#;

fn run(arguments: &[&str]) -> (ResultsFile, Vec<u8>) {
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    desk.succeed(&[&["run", "study.toml", "-o", "out", "--quiet"], arguments].concat());
    let results = ResultsFile::open(&desk.path("out/results.h5")).expect("results");
    (results, desk.read("out/results.h5"))
}

/// Half the width of the wider interval.
fn width(cell: &CellSummary) -> f64 {
    let half_width = |k| confidence_sequence(k, cell.trials, 0.95).half_width();
    half_width(cell.converged).max(half_width(cell.converged + cell.step_limit))
}

fn trials_of(results: &ResultsFile) -> Vec<u64> {
    results.cells.iter().map(|cell| cell.trials).collect()
}

/// All of the budget is spent, and no cell is much wider than another; equal numbers of trials are.
#[test]
fn the_widest_cells_get_the_budget() {
    let (results, _) = run(&[]);
    let spread = trials_of(&results);
    assert_eq!(spread.iter().sum::<u64>(), 2000, "{spread:?}");
    let widest = |results: &ResultsFile| results.cells.iter().map(width).fold(0.0, f64::max);
    let narrowest = results.cells.iter().map(width).fold(1.0, f64::min);
    assert!(widest(&results) < 1.2 * narrowest, "{spread:?}");
    let (equal, _) = run(&["--set", "trials={ min = 20, max = 500, half_width = 0.001 }"]);
    assert_eq!(trials_of(&equal), [500; 4]);
    assert!(widest(&results) < 0.95 * widest(&equal), "{spread:?}");
}

#[test]
fn the_spread_does_not_depend_on_how_it_is_run() {
    let (with_rows, expected) = run(&["--threads", "1"]);
    for arguments in [
        &["--threads", "3"][..],
        &["--set", "store.block=64"],
        &["--set", "store.block=0", "--set", "store.part_seconds=0.01"],
    ] {
        assert!(run(arguments).1 == expected, "{arguments:?}");
    }
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    for share in ["2/3", "1/3", "3/3"] {
        let set = ["--set", "store.part_seconds=0.1"];
        let part = ["run", "study.toml", "-o", "out", "--quiet", "--part", share];
        desk.succeed(&[&part[..], &set].concat());
    }
    desk.succeed(&["merge", "out"]);
    assert!(desk.read("out/results.h5") == expected, "in parts");
    let again = desk.succeed(&["run", "study.toml", "-o", "out"]);
    assert!(again.stderr.contains("nothing to do"), "{}", again.stderr);
    let (without_rows, _) = run(&["--set", "store.rows=false", "--set", "store.block=0"]);
    assert_eq!(format!("{:?}", with_rows.cells), format!("{:?}", without_rows.cells));
}

/// Stopped as often as it takes, it ends at the same trials.
#[test]
fn a_stopped_study_goes_on() {
    let (_, expected) = run(&[]);
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    let arguments = ["run", "study.toml", "-o", "out", "--quiet", "--threads", "1"];
    let stopped = [&arguments[..], &["--max-time", "50ms"]].concat();
    let ends = (0..400).map(|_| desk.run(&stopped).code);
    let stops = ends.take_while(|&code| code == 75).count();
    desk.succeed(&arguments);
    assert!(desk.read("out/results.h5") == expected, "after {stops} stops");
}

/// What is known to be on one side of one half gets no more.
#[test]
fn cells_that_are_decided_get_no_more() {
    let (results, _) = run(&["--set", "trials={ min = 20, max = 3000, decide = 0.5 }"]);
    for cell in &results.cells {
        let interval = |k| confidence_sequence(k, cell.trials, 0.95);
        let bounds = (interval(cell.converged), interval(cell.converged + cell.step_limit));
        let decided = bounds.0.lower > 0.5 || bounds.1.upper < 0.5;
        assert!(decided || cell.trials >= 600, "{cell:?}");
    }
    assert!(trials_of(&results).iter().sum::<u64>() <= 2000);
    assert!(trials_of(&results)[0] < 60, "{:?}", trials_of(&results));
}

#[test]
fn a_plan_says_the_budget() {
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    let plan = desk.succeed(&["plan", "study.toml", "--quick"]).stdout;
    assert!(plan.contains("4 cells, a budget of 2,000 trials"), "{plan}");
    assert!(plan.contains("at most 2,000"), "{plan}");
}

/// Hours of a processor become a number of trials before the study begins, so that its results do not depend
/// on how fast the machine was.
#[test]
fn core_hours_are_trials() {
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    let plan = |arguments: &[&str]| {
        let all = [&["plan", "study.toml", "--quick", "--core-hours"][..], arguments].concat();
        let text = desk.succeed(&all).stdout;
        text.lines().find(|line| line.starts_with("core-hours")).map(str::to_owned)
    };
    let line = plan(&["2"]).expect("a line");
    let (_, budget) = line.split_once("--set budget.trials=").expect("a setting");
    let trials: u64 = budget.parse().expect("a number");
    // At most 5,000 steps of some 10 to 100 nanoseconds each.
    assert!((1_000_000..10_000_000_000).contains(&trials), "{line}");
    let fixed = ["--set", "trials=10", "--set", "init.std=1.0"];
    let plain = STUDY.replace("[budget]\ntrials = 2000\n", "");
    desk.write("study.toml", &plain);
    let line = plan(&[&["2"], &fixed[..]].concat()).expect("a line");
    assert!(line.contains("--set trials="), "{line}");
    // Too few for the first look at all cells: nothing that a run would refuse.
    desk.write("study.toml", STUDY);
    let line = plan(&["1e-9"]).expect("a line");
    assert!(line.ends_with("too few for all cells"), "{line}");
    let wrong = desk.run(&["plan", "study.toml", "--core-hours", "0"]);
    assert_eq!(wrong.code, 2, "{}", wrong.stderr);
}

/// The quickstart study: all intervals at once have a half width of .1 with less than half of the trials that
/// equal numbers for all cells take.
#[test]
fn the_quickstart_study_needs_less_than_half() {
    let desk = Desk::new();
    let quickstart = concat!(env!("CARGO_MANIFEST_DIR"), "/configs/quickstart.toml");
    // 32 cells: .05 / 32 each.
    let trials = "trials={ min = 20, max = 100000, half_width = 0.1, level = 0.9984375 }";
    let sets = ["--set", trials, "--set", "store.rows=false"];
    desk.succeed(&[&["run", quickstart, "-o", "out", "--quiet"], &sets[..]].concat());
    let results = ResultsFile::open(&desk.path("out/results.h5")).expect("results");
    let spent: u64 = trials_of(&results).iter().sum();
    let equal = 32 * trials_of(&results).into_iter().max().expect("cells");
    assert!(2 * spent < equal, "{spent} of {equal}");
}

#[test]
fn mistakes_are_explained() {
    let desk = Desk::new();
    let text = |trials: &str, budget: u64| {
        let sweep = "[sweep]\n\"init.std\" = [0.1, 0.2, 0.3]";
        format!("trials = {trials}\n[budget]\ntrials = {budget}\n{sweep}")
    };
    for (study, expected) in [
        (text("1000", 5000), "say how precise each cell has to be"),
        (text("{ min = 100, half_width = 0.1 }", 299), "write 300 or more"),
        (text("{ min = 100, max = 200, half_width = 0.1 }", 0), "from 1 to"),
    ] {
        desk.write("study.toml", &study);
        let ran = desk.run(&["plan", "study.toml"]);
        assert_eq!(ran.code, 2, "{study}");
        let plain = ran.said();
        assert!(plain.contains(expected), "{study}: {plain}");
    }
}
