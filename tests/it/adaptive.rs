//! Studies whose cells end when they are precise enough: at the same trials however they are run.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::time::{Duration, Instant};

use deeplin::config;
use deeplin::kernel::blas;
use deeplin::run::blocks::Share;
use deeplin::run::interrupt::Interrupt;
use deeplin::run::work::Work;
use deeplin::run::{self, Options, Progress, numerics};
use deeplin::stats::{confidence_sequence, watched_restart_interval};
use deeplin::stop::Outcome;
use deeplin::store::{Disk, ResultsFile};
use serde_json::Value;

use crate::program::Desk;

/// Products of two numbers: they converge, or diverge where the start is large; hardly any is undecided.
const STUDY: &str = r#"
name = "adaptive"
seed = 11
trials = { min = 20, max = 1000, half_width = 0.1 }
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

fn results(desk: &Desk) -> ResultsFile {
    ResultsFile::open(&desk.path("out/results.h5")).expect("results")
}

fn run(arguments: &[&str]) -> (Desk, Vec<u8>) {
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    desk.succeed(&[&["run", "study.toml", "-o", "out", "--quiet"], arguments].concat());
    let bytes = desk.read("out/results.h5");
    (desk, bytes)
}

/// Every cell ends at the first look at which the confidence sequence of its first trials is narrow enough.
#[test]
fn cells_end_when_they_are_precise_enough() {
    let (desk, _) = run(&[]);
    let results = results(&desk);
    let name = "beta-binomial confidence sequence";
    assert_eq!((results.interval_method.as_str(), results.missing), (name, 0));
    let most = results.cells.iter().map(|cell| cell.trials).max();
    assert_eq!(most, Some(results.trials), "the dimension is as long as the longest cell");
    for (i, cell) in results.cells.iter().enumerate() {
        let rows = results.rows(i, 0..cell.trials).expect("rows");
        let width = |n: usize| {
            let count =
                |outcome| rows[..n].iter().filter(|row| row.outcome == outcome).count() as u64;
            let (converged, open) = (count(Outcome::Converged), count(Outcome::StepLimit));
            let half_width = |k| confidence_sequence(k, n as u64, 0.95).half_width();
            half_width(converged).max(half_width(converged + open))
        };
        let looks: Vec<usize> = (20..=rows.len()).step_by(20).collect();
        let (last, before) = looks.split_last().expect("a look");
        assert_eq!(*last, rows.len());
        assert!(width(*last) <= 0.1, "cell {i}");
        assert!(before.iter().all(|&n| width(n) > 0.1), "cell {i} ends at the first such look");
        assert_eq!(cell.probability_upper, {
            let decided = cell.converged + cell.step_limit;
            confidence_sequence(decided, cell.trials, 0.95).upper
        });
    }
    // Outcomes decide how many trials there are, and steps do not.
    for (i, cell) in results.cells.iter().enumerate().filter(|(_, cell)| cell.converged > 5) {
        let [quantile, cost] = [cell.steps_median_interval, cell.cost.interval];
        assert!(quantile.contains(cell.steps_median) && quantile.upper.is_finite());
        assert!(cell.cost.restarted <= cell.cost.expected);
        let rows = results.step_counts(i, None).expect("ends");
        assert_eq!(cost, watched_restart_interval(&rows, cell.cost.cutoff as u64, 0.95));
    }
    let text = desk.succeed(&["times", "out"]).stdout;
    assert!(text.contains("confidence sequence bounds"), "{text}");
    let text = desk.succeed(&["report", "out/results.h5"]).stdout;
    assert!(text.contains("up to") && text.contains("confidence sequence"), "{text}");
}

#[test]
fn the_end_does_not_depend_on_how_it_is_run() {
    let (_, expected) = run(&["--threads", "1"]);
    for arguments in [
        &["--threads", "3"][..],
        &["--set", "store.block=64"],
        &["--set", "store.block=0", "--set", "store.part_seconds=0.01"],
    ] {
        assert!(run(arguments).1 == expected, "{arguments:?}");
    }
    // In parts that run one after the other: each does what the others leave.
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    let set = "store.part_seconds=0.1";
    for share in ["2/3", "1/3", "3/3"] {
        desk.succeed(&["run", "study.toml", "-o", "out", "--quiet", "--part", share, "--set", set]);
    }
    desk.succeed(&["merge", "out"]);
    assert!(desk.read("out/results.h5") == expected, "in parts");
    // Again, all is there.
    let again = desk.succeed(&["run", "study.toml", "-o", "out"]);
    assert!(again.stderr.contains("nothing to do"), "{}", again.stderr);
}

/// Parts that run at once wait for each other, and end at the same trials.
#[test]
fn parts_that_run_at_once_share_the_rounds() {
    let (_, expected) = run(&[]);
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    let start = |share: &str| {
        let arguments = ["run", "study.toml", "-o", "out", "--quiet", "--part", share];
        let set = ["--set", "store.part_seconds=5"];
        desk.command(&[&arguments[..], &set].concat()).spawn().expect("starting deeplin")
    };
    let parts = ["1/2", "2/2"].map(start);
    for mut part in parts {
        assert!(part.wait().expect("its end").success());
    }
    desk.succeed(&["merge", "out"]);
    assert!(desk.read("out/results.h5") == expected);
}

/// A part that waits for others stops when it is told to.
#[test]
fn a_part_that_waits_can_be_stopped() {
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    let begin = Instant::now();
    let arguments = ["run", "study.toml", "-o", "out", "--part", "1/2", "--max-time", "1s"];
    let ran = desk.run(&[&arguments[..], &["--set", "store.part_seconds=3600"]].concat());
    assert_eq!(ran.code, 75, "{}", ran.stderr);
    assert!(ran.stderr.contains("more trials are needed in"), "{}", ran.stderr);
    assert!(begin.elapsed().as_secs() < 600, "it does not wait for two hours");
}

/// A run that is stopped says so, `merge` says what is open, `--partial` shows it, and running goes on.
#[test]
fn a_stopped_study_goes_on() {
    let (_, expected) = run(&[]);
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    let arguments = ["run", "study.toml", "-o", "out", "--quiet", "--threads", "1"];
    let ran = desk.run(&[&arguments[..], &["--max-time", "60ms"]].concat());
    if ran.code == 75 {
        assert!(ran.stderr.contains("stopped early"), "{}", ran.stderr);
        let merged = desk.run(&["merge", "out"]);
        // It may have been stopped after the last trial, before the results.
        if merged.code != 0 {
            assert_eq!(merged.code, 3, "{}", merged.stderr);
            assert!(merged.stderr.contains("more trials"), "{}", merged.stderr);
            desk.succeed(&["merge", "out", "--partial"]);
            desk.succeed(&["report", "out/partial.h5"]);
        }
    }
    desk.succeed(&arguments);
    assert!(desk.read("out/results.h5") == expected);
}

/// Without rows the same trials count.
#[test]
fn tallies_end_at_the_same_trials() {
    let (with_rows, _) = run(&[]);
    let (without, _) = run(&["--set", "store.rows=false", "--set", "store.block=0"]);
    let [a, b] = [&with_rows, &without].map(results);
    for (a, b) in a.cells.iter().zip(&b.cells) {
        assert_eq!(format!("{a:?}"), format!("{b:?}"));
    }
}

#[test]
fn mistakes_are_explained() {
    let desk = Desk::new();
    let cases = [
        ("{ min = 100, half_with = 0.1 }", "half_width"),
        ("{ min = 100 }", "exactly one of"),
        ("{ half_width = 0.1, decide = 0.5 }", "exactly one of"),
        ("{ min = 100, max = 50, half_width = 0.1 }", "at least `min`, 100"),
        ("{ half_width = 2 }", "above 0 and below 1"),
        ("0", "`half_width`, and a `level`"),
    ];
    for (trials, expected) in cases {
        desk.write("study.toml", &format!("trials = {trials}\n"));
        let ran = desk.run(&["plan", "study.toml"]);
        assert_eq!(ran.code, 2, "{trials}");
        let text = ran.said();
        assert!(text.contains(expected), "{trials}: {text}");
    }
    desk.write("study.toml", "trials = { half_width = 0.1 }\n[interval]\nlevel = 0.9\n");
    let ran = desk.run(&["plan", "study.toml"]);
    assert!(ran.stderr.contains("confidence sequence"), "{}", ran.stderr);
}

/// Half the width is largest for one half: no cell needs more than that takes.
#[test]
fn a_plan_knows_how_many_trials_are_enough() {
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    let plan = desk.succeed(&["plan", "study.toml", "--quick"]).stdout;
    let enough =
        (20..).step_by(20).find(|&n| confidence_sequence(n / 2, n, 0.95).half_width() <= 0.1);
    let enough = enough.expect("a number of trials");
    assert!(plan.contains(&format!("4 cells x up to {enough} trials")), "{plan}");
    assert!(plan.contains("each cell ends when it is precise enough"), "{plan}");
    let (desk, _) = run(&[]);
    assert!(results(&desk).cells.iter().all(|cell| cell.trials <= enough));
}

/// Where cells have ended is known, so nothing is left of a study that is complete.
#[test]
fn a_plan_asks_where_the_cells_stand() {
    let (desk, _) = run(&[]);
    let plan = desk.succeed(&["plan", "study.toml", "-o", "out"]).stdout;
    assert!(plan.contains("nothing to do"), "{plan}");
    let trials: u64 = results(&desk).cells.iter().map(|cell| cell.trials).sum();
    let plan = desk.succeed(&["plan", "study.toml", "-o", "out", "--json"]).stdout;
    let plan: Value = serde_json::from_str(&plan).expect("an object");
    assert_eq!((&plan["trials"], &plan["trials_left"]), (&trials.into(), &0.into()), "{plan}");
}

/// A process computes trials beyond the end of a cell, which only a look at those before them tells.
#[test]
fn what_is_watched_are_the_trials_of_the_results() {
    let (desk, _) = run(&[]);
    let object = |command: &[&str]| -> Value {
        let text = desk.succeed(&[command, &["--json"]].concat()).stdout;
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    };
    let watched = object(&["watch", "out", "--once"]);
    let reported = object(&["report", "out"]);
    let computed: Value = serde_json::from_slice(&desk.read("out/run.json")).expect("the session");
    let trials = reported["cells"].as_array().expect("cells").iter();
    let trials: u64 = trials.filter_map(|cell| cell["trial_count"].as_u64()).sum();
    assert!(computed[0]["trials"].as_u64() > Some(trials), "none was beyond: {computed}");
    for cell in 0..4 {
        let [here, there] = [&watched, &reported].map(|object| &object["cells"][cell]);
        for key in ["converged_count", "diverged_count", "probability"] {
            assert_eq!(here[key], there[key], "{key} of {cell}");
        }
        assert_eq!(here["wanted_count"], there["trial_count"]);
    }
}

/// A log is not filled by rounds that follow each other fast.
#[test]
fn rounds_are_not_lines() {
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    let begin = Instant::now();
    let ran = desk.succeed(&["run", "study.toml", "-o", "out", "--verbose"]);
    let lines = |words: &str| ran.stderr.matches(words).count() as u64;
    let (begun, rounds) = (lines("begin: "), lines("cells need more trials"));
    assert!(rounds > 4, "{}", ran.stderr);
    // One every ten seconds.
    assert!(begun >= 1 && begun <= 1 + begin.elapsed().as_secs() / 10, "{}", ran.stderr);
}

/// What is told when rounds begin: the time since the process began, the trials that it has done, and whether
/// it is known how many follow.
#[derive(Default)]
struct Heard {
    rounds: RefCell<Vec<(Duration, u64, bool)>>,
    ends: Cell<usize>,
}

impl Progress for Heard {
    fn begin(&self, work: &Work) {
        let heard = (work.elapsed(), work.done().trials, work.is_foreseen);
        self.rounds.borrow_mut().push(heard);
    }

    fn tuning(&self, _: usize, _: usize) {}

    fn update(&self, _: &Work) {}

    fn end(&self) {
        self.ends.set(self.ends.get() + 1);
    }
}

#[test]
fn rounds_are_one_run() {
    let desk = Desk::new();
    let study = config::parse("study.toml", STUDY, &[], Path::new("")).expect("the study");
    let (dir, share) = (desk.path("out"), Share::WHOLE);
    let options = Options { dir, share, workers: 2, mixed: false };
    let numerics = numerics::of_this_build(&blas::prepare(2).expect("a safe build"));
    let heard = Heard::default();
    run::run(&study, &options, &numerics, &Disk, &Interrupt::new(None), &heard).expect("a run");
    let rounds = heard.rounds.borrow();
    assert!(rounds.len() > 4 && heard.ends.get() == 1, "{rounds:?}");
    assert!(rounds.is_sorted_by(|a, b| a.0 < b.0 && a.1 < b.1), "{rounds:?}");
    let foreseen: Vec<bool> = rounds.iter().map(|round| round.2).collect();
    assert!(!foreseen[0] && foreseen[1..].iter().all(|&is| is), "{rounds:?}");
}
