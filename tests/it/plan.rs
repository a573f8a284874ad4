//! What `deeplin plan` foretells.

use deeplin::config;
use deeplin::run::method::Method;
use serde_json::Value;

use crate::program::{Desk, files};

const STUDY: &str = r#"
name = "small"
trials = 20
[network]
input = 12
hidden = 6
output = 4
depth = 2
[descent]
learning_rate = 0.1
max_steps = 500
[sweep]
"init.std" = [0.1, 0.3]
"network.depth" = [2, 3]
"descent.max_steps" = [50, 500]
"#;

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    desk
}

fn json(desk: &Desk, arguments: &[&str]) -> Value {
    let ran = desk.succeed(&[&["plan", "study.toml", "--json"], arguments].concat());
    serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {}", ran.stdout))
}

/// The columns of a table that do not depend on the machine: net, cells, kernel, precision, operations
/// of a step, step limit.
fn rows(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().skip_while(|line| !line.trim_start().starts_with("net ")).skip(1);
    let columns = |line: &str| {
        line.replace(" as ", "=").split_whitespace().take(6).map(str::to_owned).collect()
    };
    lines.take_while(|line| !line.is_empty()).map(columns).collect()
}

/// A step of a flow takes six gradients.
#[test]
fn flows_take_six_gradients_a_step() {
    let desk = Desk::new();
    let text = "trials = 2\n[descent]\nmax_steps = 50\n[sweep]\n\
                \"descent.method\" = [\"gradient\", \"momentum\", \"flow\"]\n";
    desk.write("study.toml", text);
    let plan = json(&desk, &["--quick"]);
    let groups = plan["groups"].as_array().expect("groups");
    let flops = |kernel: &str| {
        let group = groups.iter().find(|group| group["kernel"] == kernel).expect("a group");
        group["flops_per_step"].as_f64().expect("a number")
    };
    assert_eq!([flops("compact"), flops("momentum"), flops("flow")], [6144.0, 6144.0, 36_864.0]);
    assert_eq!(plan["flops"], 2.0 * 50.0 * (6144.0 + 6144.0 + 36_864.0));
}

#[test]
fn the_default_is_one_cell() {
    let desk = Desk::new();
    let default = desk.write("study.toml", config::DEFAULT);
    let cell = &config::load(&default, &[]).expect("the default").cells[0];
    let text = desk.succeed(&["plan", "study.toml", "--quick"]).stdout;
    assert!(text.starts_with("study: 1 cell x 1,000 trials; no sweep\n"), "{text}");
    // 6 r (e_1 e_0 + e_2 e_1) operations of a step.
    assert_eq!(
        rows(&text),
        [["8-8-8-8", "1", Method::of(cell).kernel, "float64", "6144", "20000"]]
    );
    assert!(text.contains("at most") && !text.contains("about 0.0 s"), "{text}");
    assert!(!text.contains("pilot"), "{text}");
}

#[test]
fn cells_of_the_same_cost_are_one_row() {
    let desk = desk();
    let text = desk.succeed(&["plan", "study.toml", "--quick"]).stdout;
    assert!(
        text.starts_with(
            "small: 8 cells x 20 trials; init.std (2) x network.depth (2) x descent.max_steps (2)\n"
        ),
        "{text}"
    );
    let study = config::load(&desk.path("study.toml"), &[]).expect("the study");
    let kernel = |cell: usize| Method::of(&study.cells[cell]).kernel;
    // The rows of W_1 and Phi span 10 of 12 inputs.
    let (shallow, deep) = (6 * 4 * (6 * 10), 6 * 4 * (6 * 10 + 6 * 6));
    let row = |net: &str, cell, flops: i32, limit: i32| {
        [net, "2", kernel(cell), "float64", &flops.to_string(), &limit.to_string()]
            .map(str::to_owned)
    };
    assert_eq!(
        rows(&text),
        [
            row("12-6-4=10-6-4", 0, shallow, 50),
            row("12-6-4=10-6-4", 1, shallow, 500),
            row("12-6-6-4=10-6-6-4", 2, deep, 50),
            row("12-6-6-4=10-6-6-4", 3, deep, 500),
        ]
    );
    let total = 40.0 * 550.0 * f64::from(shallow + deep);
    let json = json(&desk, &["--quick"]);
    assert_eq!(json["flops"].as_f64(), Some(total));
    assert_eq!(total, 82_368_000.0);
    assert!(text.contains("at most 0.08237 Gflop"), "{text}");
}

#[test]
fn the_object_says_what_the_table_says() {
    let desk = desk();
    let json = json(&desk, &["--quick", "--threads", "2"]);
    let text = desk.succeed(&["plan", "study.toml", "--quick", "--threads", "2"]).stdout;
    let groups = json["groups"].as_array().expect("a list");
    let keys = ["net", "cells", "kernel", "precision", "flops_per_step", "max_steps"];
    let word = |value: &Value| match value {
        Value::String(text) => text.clone(),
        number => number.as_f64().map_or_else(String::new, |x| x.to_string()),
    };
    let row = |group: &Value| {
        let mut row = keys.map(|key| word(&group[key])).to_vec();
        row[0] = format!("{}={}", row[0], word(&group["computed_as"]));
        row
    };
    assert_eq!(groups.iter().map(row).collect::<Vec<_>>(), rows(&text));
    assert_eq!(json["trials"], 160);
    assert_eq!(json["trials_left"], 160);
    assert_eq!(json["workers"], 2);
    let blocks = json["blocks"].to_string();
    assert!(
        text.lines().any(|line| line.starts_with(&format!("blocks       {blocks},"))),
        "{text}"
    );
    assert_eq!(json["seconds_likely"], Value::Null, "that takes a pilot");
    let sum: f64 = groups.iter().filter_map(|g| g["seconds_at_most"].as_f64()).sum();
    let at_most = json["seconds_at_most"].as_f64().expect("seconds");
    assert!(sum > 0.0 && sum <= at_most, "shares of the workers' time: {sum} of {at_most}");
    for need in ["memory", "disk"] {
        assert_eq!(json[need]["fits"], true, "{json}");
        assert!(json[need]["needed"].as_u64() > Some(0), "{json}");
    }
}

/// A pilot that has time for every trial sees what the run will do.
#[test]
fn a_whole_pilot_counts_the_steps_of_the_run() {
    let desk = desk();
    // A machine that is busy elsewhere may not have the time.
    let is_whole = |plan: &Value| {
        let pilot = &plan["pilot"];
        pilot["trials"] == 160 && pilot["cells"] == 8 && pilot["unfinished"] == 0
    };
    let mut plans = (0..10).map(|_| json(&desk, &[]));
    let plan = plans.find(is_whole).expect("a pilot of all trials");
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let steps = |group: &Value| number(&group["cells"]) * 20.0 * number(&group["mean_steps"]);
    let foretold: f64 = plan["groups"].as_array().expect("a list").iter().map(steps).sum();
    desk.succeed(&["run", "study.toml", "--quiet"]);
    let sessions: Value =
        serde_json::from_slice(&desk.read("runs/small/run.json")).expect("the session");
    let ran = number(&sessions[0]["steps"]);
    assert!((foretold - ran).abs() < 1e-6 * ran, "{foretold} steps foretold, {ran} run");
    assert!(number(&plan["seconds_likely"]) <= number(&plan["seconds_at_most"]), "{plan}");
}

#[test]
fn what_is_there_already_is_left_out_and_left_alone() {
    let desk = desk();
    let before = files(&desk.path(""));
    desk.succeed(&["plan", "study.toml", "--quick"]);
    assert_eq!(before, files(&desk.path("")), "a plan writes nothing");
    desk.succeed(&["run", "study.toml", "-o", "out", "--quiet", "--part", "1/2"]);
    let before = files(&desk.path(""));
    let plan = json(&desk, &["--quick", "-o", "out"]);
    assert_eq!(before, files(&desk.path("")), "a plan writes nothing");
    let left = plan["trials_left"].as_u64().expect("a number");
    assert!(left > 0 && left < 160 && left.is_multiple_of(20), "{left}");
    let all = json(&desk, &["--quick", "-o", "elsewhere"]);
    assert!(plan["flops"].as_f64() < all["flops"].as_f64());
    assert!(plan["blocks"].as_u64() < all["blocks"].as_u64());
    let text = desk.succeed(&["plan", "study.toml", "--quick", "-o", "out"]).stdout;
    assert!(text.contains(&format!("of which {} are in out already", 160 - left)), "{text}");

    desk.succeed(&["run", "study.toml", "-o", "out", "--quiet"]);
    let text = desk.succeed(&["plan", "study.toml", "-o", "out"]).stdout;
    let end = text.split_once("\ntrials ").map(|(_, end)| end.trim_start());
    assert_eq!(end, Some("160, all of them in out already\ntime         nothing to do\n"));
}

#[test]
fn what_a_run_would_refuse_is_said() {
    let desk = desk();
    desk.succeed(&["run", "study.toml", "--quiet"]);
    let other = desk.succeed(&["plan", "study.toml", "--quick", "--set", "seed=1"]).stdout;
    assert!(other.contains("`deeplin run` would refuse runs/small: "), "{other}");
    let vast = ["plan", "study.toml", "--quick", "--set", "trials=1_000_000_000", "-o", "vast"];
    let vast = desk.succeed(&vast).stdout;
    let disk = vast.lines().find(|line| line.starts_with("disk")).unwrap_or_default();
    assert!(disk.contains("DOES NOT FIT"), "{vast}");
}

#[test]
fn tasks_of_a_cluster() {
    let desk = desk();
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let quick = |more: &[&str]| json(&desk, &[&["--quick", "--threads", "1"], more].concat());
    assert_eq!(quick(&[])["tasks"], Value::Null);
    assert_eq!(quick(&[])["submission"], Value::Null);
    let one = quick(&["--tasks", "1"]);
    assert_eq!(one["tasks"]["seconds_at_most"], one["seconds_at_most"]);
    let three = quick(&["--tasks", "3"]);
    let (longest, whole) =
        (number(&three["tasks"]["seconds_at_most"]), number(&three["seconds_at_most"]));
    assert!(whole / 3.0 <= longest * (1.0 + 1e-9) && longest < whole, "{longest} of {whole}");
    assert_eq!(three["tasks"]["seconds_likely"], Value::Null, "that takes a pilot");
    let piloted = json(&desk, &["--tasks", "3"]);
    assert!(number(&piloted["tasks"]["seconds_likely"]) <= number(&piloted["seconds_likely"]));

    // A task for every block is the most that are proposed.
    let blocks = &three["blocks"];
    assert_eq!(*blocks, 8);
    for (wanted, count) in [("1h", 1), ("1ns", 8)] {
        assert_eq!(quick(&["--task-time", wanted])["tasks"]["count"], count, "{wanted}");
    }
    let many = quick(&["--tasks", "2000"]);
    assert_eq!(many["tasks"]["with_work"], *blocks);
    let warnings = many["submission"]["warnings"].to_string();
    for word in ["1992 of the 2000 tasks", "MaxArraySize", "half an hour"] {
        assert!(warnings.contains(word), "no {word} in {warnings}");
    }
    desk.succeed(&["run", "study.toml", "--quiet"]);
    assert_eq!(quick(&["--tasks", "3"])["tasks"], Value::Null, "nothing is left");
}

#[test]
fn the_line_that_queues_them() {
    let desk = desk();
    let asked = ["--quick", "-t", "2", "--tasks", "3", "-o", "it's here", "--set", "trials=30"];
    let text = desk.succeed(&[&["plan", "study.toml"], &asked[..]].concat()).stdout;
    let tasks = text.split_once("\ntasks ").map_or("", |(_, tasks)| tasks);
    // The time is the machine's.
    let (begin, end) = tasks.split_once(" at most ").unwrap_or_default();
    let end = end.split_once(" (").map_or("", |(_, end)| end);
    insta::assert_snapshot!(format!("tasks {begin} at most TIME ({end}"), @r#"
    tasks        3: each takes at most TIME (2 workers)
                 warning: tasks of less than half an hour, which clusters do not like: fewer and longer ones (--task-time 1h proposes a number)
    submit       scripts/slurm/submit study.toml --tasks 3 --time 00:10:00 --cpus 2 -o "it's here" --set 'trials=30'
    "#);
    assert_eq!(
        json(&desk, &asked)["submission"]["command"],
        tasks.lines().last().and_then(|line| line.strip_prefix("submit       ")).unwrap_or("")
    );
}

#[test]
fn wrong_tasks_are_refused() {
    let desk = desk();
    for (arguments, word) in [
        (&["study.toml", "--tasks"][..], "--tasks <N>"),
        (&["--tasks", "study.toml"], "expected a number of tasks"),
        (&["study.toml", "--tasks", "0"], "--task-time 1h"),
        (&["study.toml", "--tasks", "2", "--task-time", "1h"], "cannot be used with"),
        (&["study.toml", "--task-time", "0s"], "a task takes longer"),
        (&["study.toml", "--task-time", "soon"], "--task-time <TIME>"),
    ] {
        let ran = desk.run(&[&["plan"], arguments].concat());
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.stdout);
        assert!(ran.stderr.contains(word), "no {word} in {}", ran.stderr);
    }
}

#[test]
fn a_bad_study_is_refused() {
    let desk = desk();
    let ran = desk.run(&["plan", "study.toml", "--set", "init.sdt=0.3"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stdout.is_empty() && ran.stderr.contains("init.std"), "{}", ran.stderr);
    for arguments in [&["plan"][..], &["plan", "absent.toml"], &["plan", "study.toml", "-t", "0"]] {
        assert_eq!(desk.run(arguments).code, 2, "{arguments:?}");
    }
}
