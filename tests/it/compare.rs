//! Comparing the values of an axis: on the same starts where they are shared.

use deeplin::stats::{Pairs, confidence_sequence, difference_interval};
use deeplin::stop::Outcome;
use deeplin::store::ResultsFile;
use serde_json::Value;

use crate::program::{Desk, Ran};

/// Products of two numbers from starts of either sign, which converge, diverge, or take long.
const STUDY: &str = r#"
name = "rates"
seed = 5
trials = 300
[network]
input = 1
hidden = 1
output = 1
depth = 2
[descent]
max_steps = 60
[stop]
loss = 1e-4
[sweep]
"init.std" = [1.0, 3.0]
"descent.learning_rate" = [0.05, 0.1, 0.2]
"#;

fn study(text: &str, sets: &[&str]) -> Desk {
    let desk = Desk::new();
    desk.write("study.toml", text);
    let sets = sets.iter().flat_map(|set| ["--set", set]);
    let arguments = ["run", "study.toml", "-o", "out", "--quiet"].into_iter().chain(sets);
    desk.succeed(&arguments.collect::<Vec<_>>());
    desk
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}{}", ran.stdout, ran.stderr))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is a number"))
}

/// How the trials of two cells ended, in pairs: whether the first might have converged and the second has.
fn pairs(results: &ResultsFile, cells: [usize; 2], counts: [fn(Outcome) -> bool; 2]) -> Pairs {
    let [first, second] = cells.map(|cell| results.outcomes(cell).expect("outcomes"));
    let mut pairs = Pairs { both: 0, first: 0, second: 0, neither: 0 };
    for ((a, _), (b, _)) in first.into_iter().zip(second) {
        *match (counts[0](a), counts[1](b)) {
            (true, true) => &mut pairs.both,
            (true, false) => &mut pairs.first,
            (false, true) => &mut pairs.second,
            (false, false) => &mut pairs.neither,
        } += 1;
    }
    pairs
}

fn converged(outcome: Outcome) -> bool {
    outcome == Outcome::Converged
}

fn might(outcome: Outcome) -> bool {
    converged(outcome) || outcome == Outcome::StepLimit
}

/// Against the definitions, from the rows.
#[test]
fn learning_rates_meet_the_same_starts() {
    let desk = study(STUDY, &[]);
    let results = ResultsFile::open(&desk.path("out/results.h5")).expect("results");
    let start = |cell| {
        results
            .measure("end_to_end_norm_initial", cell, 0..results.cells[cell].trials)
            .expect("a measure")
    };
    assert_eq!(start(0), start(2));
    assert_ne!(start(0), start(3));
    let arguments = ["compare", "out", "--axis", "descent.learning_rate", "--baseline", "0.1"];
    let found = json(&desk.succeed(&[&arguments[..], &["--json"]].concat()));
    assert_eq!(found["same_starts"], true);
    assert_eq!(found["baseline"]["descent.learning_rate"], 0.1);
    let lines = found["comparisons"].as_array().expect("a list");
    assert_eq!(lines.len(), 4);
    for (line, cells) in lines.iter().zip([[0, 1], [2, 1], [3, 4], [5, 4]]) {
        let budget = pairs(&results, cells, [converged, converged]);
        let get = |name: &str| number(&line[name]);
        assert_eq!(get("only_here_count"), budget.first as f64);
        assert_eq!(get("only_baseline_count"), budget.second as f64);
        assert_eq!(get("p_value"), budget.p_value());
        assert!((get("difference") - budget.difference()).abs() < 1e-15);
        let worst = pairs(&results, cells, [converged, might]).interval(0.95);
        let best = pairs(&results, cells, [might, converged]).interval(0.95);
        assert_eq!([get("difference_lower"), get("difference_upper")], [worst.lower, best.upper]);
        let within = budget.interval(0.95);
        assert_eq!(
            [get("difference_lower_budget"), get("difference_upper_budget")],
            [within.lower, within.upper]
        );
    }
    let undecided: u64 = results.cells.iter().map(|cell| cell.step_limit).sum();
    assert!(undecided > 50, "{undecided}: undecided trials widen the bounds");
    let text = desk.succeed(&arguments).stdout;
    assert!(text.contains("McNemar") && text.contains("learning_rate = 0.1"), "{text}");
}

/// Balanced scalar starts converge if and only if they are positive, at any small learning rate: not one
/// pair differs, so the difference is known much better than from independent starts.
#[test]
fn what_only_the_start_decides_does_not_differ() {
    let text = r#"
        trials = 400
        network = { input = 1, hidden = 1, output = 1, depth = 2 }
        init = { kind = "balanced", std = 0.5 }
        descent = { max_steps = 40000 }
        sweep = { "descent.learning_rate" = [0.05, 0.1] }
    "#;
    let desk = study(text, &[]);
    let found = json(&desk.succeed(&["compare", "out", "--json"]));
    let line = &found["comparisons"][0];
    assert_eq!(line["step_limit_count"], 0);
    let converged = number(&line["converged_count"]);
    // 400 signs: five standard deviations of 10, false alarm 6e-7.
    assert!((converged - 200.0).abs() < 50.0, "{converged}");
    assert_eq!(line["baseline_converged_count"], converged);
    assert_eq!([&line["only_here_count"], &line["only_baseline_count"]], [0, 0]);
    assert_eq!(number(&line["p_value"]), 1.0);
    let width = number(&line["difference_upper"]) - number(&line["difference_lower"]);
    let k = converged as u64;
    let independent = 2.0 * difference_interval((k, 400), (k, 400), 0.95).half_width();
    assert!(width < 0.1 * independent, "{width} against {independent}");
}

#[test]
fn cells_with_starts_of_their_own_are_independent() {
    let desk = study(STUDY, &["store.rows=false"]);
    let results = ResultsFile::open(&desk.path("out/results.h5")).expect("results");
    let arguments = ["compare", "out", "--axis", "init.std", "--level", "0.9", "--json"];
    let found = json(&desk.succeed(&arguments));
    assert_eq!(found["same_starts"], false);
    let line = &found["comparisons"][1];
    let [here, there] = [4, 1].map(|cell: usize| &results.cells[cell]);
    let all = |cell: &deeplin::store::CellSummary| cell.converged + cell.step_limit;
    let worst = difference_interval((here.converged, 300), (all(there), 300), 0.9);
    let best = difference_interval((all(here), 300), (there.converged, 300), 0.9);
    assert_eq!(number(&line["difference_lower"]), worst.lower);
    assert_eq!(number(&line["difference_upper"]), best.upper);
    assert!(line["p_value"].is_null());
    let csv = desk.succeed(&["compare", "out", "--axis", "init.std", "--csv"]).stdout;
    assert_eq!(csv.lines().count(), 4, "{csv}");
    assert!(csv.starts_with("init.std,descent.learning_rate,trial_count,"), "{csv}");
    assert!(csv.lines().nth(1).is_some_and(|line| line.ends_with(",,,,,,")), "{csv}");
}

/// Where precision decides how many trials there are, the bounds are those of confidence sequences over the
/// trials that both cells have.
#[test]
fn adaptive_studies_are_compared_by_sequences() {
    let trials = "trials={ min = 20, max = 400, half_width = 0.12 }";
    let desk = study(STUDY, &[trials]);
    let results = ResultsFile::open(&desk.path("out/results.h5")).expect("results");
    let arguments = ["compare", "out", "--axis", "descent.learning_rate", "--json"];
    let found = json(&desk.succeed(&arguments));
    let line = &found["comparisons"][0];
    let budget = pairs(&results, [1, 0], [converged, converged]);
    assert_eq!(number(&line["trial_count"]), budget.trials() as f64);
    assert!(results.cells[0].trials != results.cells[1].trials, "the cells have different numbers");
    let within = budget.sequence(0.95);
    assert_eq!(number(&line["difference_lower_budget"]), within.lower);
    assert_eq!(number(&line["p_value"]), budget.sequence_p_value());
    let independent = ["compare", "out", "--axis", "init.std", "--json"];
    let line = &json(&desk.succeed(&independent))["comparisons"][0];
    let [here, there] = [3, 0].map(|cell: usize| &results.cells[cell]);
    let lower = confidence_sequence(here.converged, here.trials, 0.975).lower
        - confidence_sequence(there.converged + there.step_limit, there.trials, 0.975).upper;
    assert_eq!(number(&line["difference_lower"]), lower);
}

/// A baseline is a value of the key that was named, and the one that is written so in full before one that is
/// shown so in tables.
#[test]
fn the_baseline_is_the_value_that_is_meant() {
    let zipped = STUDY.replace("\"descent.learning_rate\" = [0.05, 0.1, 0.2]", "")
        + "[[sweep.zip]]\n\"network.depth\" = [2, 3]\n\"init.scale\" = [3.0, 2.0]\n";
    let zipped = zipped
        .replace("\"init.std\" = [1.0, 3.0]", "")
        .replace("[descent]", "[init]\nkind = \"identity\"\nnoise = 0.1\n[descent]");
    let desk = study(&zipped, &["trials=10"]);
    let arguments = ["compare", "out", "--axis", "init.scale", "--baseline", "3", "--json"];
    let found = json(&desk.succeed(&arguments));
    assert_eq!(found["baseline"]["network.depth"], 2);
    let near = STUDY.replace("[1.0, 3.0]", "[0.30001, 0.3, 0.300012]");
    let desk = study(&near, &["trials=10"]);
    let arguments = ["compare", "out", "--axis", "init.std", "--baseline", "0.3"];
    let found = json(&desk.succeed(&[&arguments[..], &["--json"]].concat()));
    assert_eq!(found["baseline"]["init.std"], 0.3);
    let near = STUDY.replace("[1.0, 3.0]", "[0.30001, 0.4, 0.300012]");
    let ran = study(&near, &["trials=10"]).run(&arguments);
    assert!(ran.stderr.contains("`0.3` is not a value"), "no table shows it: {}", ran.stderr);
}

#[test]
fn what_cannot_be_compared_is_refused_with_advice() {
    let desk = study(STUDY, &["store.rows=false", "trials=10"]);
    let cases: [(&[&str], &str); 6] = [
        (&[], "several axes"),
        (&["--axis", "init.sd"], "`init.sd` is not an axis"),
        (&["--axis", "descent.learning_rate"], "keep no rows"),
        (&["--axis", "init.std", "--baseline", "2"], "its values are 1, 3"),
        (&["--axis", "init.std", "--level", "1"], "strictly between 0 and 1"),
        (&["--axis", "network.depth"], "its axes are"),
    ];
    for (arguments, expected) in cases {
        let ran = desk.run(&[&["compare", "out"], arguments].concat());
        assert!(ran.said().contains(expected), "{arguments:?}: {}", ran.stderr);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{arguments:?}");
    }
    assert_eq!(desk.run(&["compare", "nowhere"]).code, 3);
    let one = study(STUDY, &["trials=10", "init.std=1", "descent.learning_rate=0.1"]);
    assert!(one.run(&["compare", "out"]).stderr.contains("one cell only"));
}
