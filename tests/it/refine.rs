//! An axis that gets further points where the probability of convergence crosses a value.

use deeplin::store::{CellSummary, ResultsFile};
use deeplin::study::AxisValues;

use crate::program::Desk;

/// Products of two numbers diverge where the start is large: the sooner, the larger the learning rate.
const STUDY: &str = r#"
name = "refined"
seed = 13
trials = 60
[refine]
axis = "init.std"
cells = 7
[network]
input = 1
hidden = 1
output = 1
depth = 2
[descent]
max_steps = 3000
[stop]
loss = 1e-4
[store]
block = 16
[sweep]
"descent.learning_rate" = [0.05, 0.4]
"init.std" = [0.5, 3.0, 5.0, 20.0]
"#;

/// The axis of the refined points, without what `[refine]` is.
const PLAIN: [&str; 2] = ["[refine]\naxis = \"init.std\"\ncells = 7\n", ""];

fn run_text(text: &str, arguments: &[&str]) -> (ResultsFile, Vec<u8>) {
    let desk = Desk::new();
    desk.write("study.toml", text);
    desk.succeed(&[&["run", "study.toml", "-o", "out", "--quiet"], arguments].concat());
    let results = ResultsFile::open(&desk.path("out/results.h5")).expect("results");
    (results, desk.read("out/results.h5"))
}

fn run(arguments: &[&str]) -> (ResultsFile, Vec<u8>) {
    run_text(STUDY, arguments)
}

fn stds(results: &ResultsFile) -> Vec<f64> {
    match &results.axes[1].keys[0].values {
        AxisValues::Floats(values) => values.clone(),
        other => panic!("{other:?}"),
    }
}

/// The cells of one learning rate, by their standard deviations.
fn slice(results: &ResultsFile, rate: usize) -> Vec<(f64, &CellSummary)> {
    let stds = stds(results);
    let cells = &results.cells[rate * stds.len()..(rate + 1) * stds.len()];
    stds.into_iter().zip(cells).collect()
}

/// Seven points more for each learning rate, about its own crossing; the others have no trials.
#[test]
fn points_lie_about_the_crossing() {
    let (results, _) = run(&[]);
    assert!(stds(&results).is_sorted_by(|a, b| a < b));
    for rate in [0, 1] {
        let tried: Vec<(f64, &CellSummary)> =
            slice(&results, rate).into_iter().filter(|(_, cell)| cell.trials > 0).collect();
        assert_eq!(tried.len(), 4 + 7);
        assert!(tried.iter().all(|(_, cell)| cell.trials == 60));
        let after = tried.iter().position(|(_, cell)| cell.probability < 0.5).expect("it crosses");
        let gap = tried[after].0 / tried[after - 1].0;
        // Of 4 the widest gap has the ratio 6; halved three times in the logarithm.
        assert!(gap <= 6_f64.powf(0.126), "{gap}");
    }
    let idle: Vec<&CellSummary> = results.cells.iter().filter(|cell| cell.trials == 0).collect();
    assert!(!idle.is_empty(), "the rates cross at different places");
    for cell in idle {
        assert!(cell.probability.is_nan());
        assert_eq!([cell.probability_lower, cell.probability_upper], [0.0, 1.0]);
    }
}

/// A study whose axis has the same points to begin with has the same trials.
#[test]
fn rows_are_those_of_the_points_alone() {
    let (refined, _) = run(&[]);
    let all = format!("\"init.std\" = {:?}", stds(&refined));
    let plain =
        STUDY.replace(PLAIN[0], PLAIN[1]).replace("\"init.std\" = [0.5, 3.0, 5.0, 20.0]", &all);
    let (plain, _) = run_text(&plain, &[]);
    assert_eq!(stds(&plain), stds(&refined));
    for (cell, summary) in refined.cells.iter().enumerate().filter(|(_, cell)| cell.trials > 0) {
        let rows =
            |results: &ResultsFile| format!("{:?}", results.rows(cell, 0..60).expect("rows"));
        assert_eq!(rows(&refined), rows(&plain), "cell {cell}");
        assert_eq!(summary.converged, plain.cells[cell].converged);
        assert_eq!(summary.probability_lower, plain.cells[cell].probability_lower);
    }
}

#[test]
fn the_points_do_not_depend_on_how_it_is_run() {
    let (with_rows, expected) = run(&["--threads", "1"]);
    for arguments in [&["--threads", "3"][..], &["--set", "store.block=7"]] {
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
    let (without_rows, _) = run(&["--set", "store.rows=false"]);
    assert_eq!(stds(&with_rows), stds(&without_rows));
    assert_eq!(format!("{:?}", with_rows.cells), format!("{:?}", without_rows.cells));
}

/// Stopped again and again, it ends with the same points; what is there on the way can be looked at.
#[test]
fn a_stopped_study_goes_on() {
    let (_, expected) = run(&[]);
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    let arguments = ["run", "study.toml", "-o", "out", "--quiet", "--threads", "1"];
    let stopped = [&arguments[..], &["--max-time", "40ms"]].concat();
    let mut stops = 0;
    while desk.run(&stopped).code == 75 && stops < 100 {
        stops += 1;
        let merged = desk.run(&["merge", "out"]);
        assert!(merged.code == 3 || merged.code == 0, "{}", merged.stderr);
        if merged.code == 3 {
            desk.succeed(&["merge", "out", "--partial"]);
            desk.succeed(&["report", "out/partial.h5"]);
        }
    }
    desk.succeed(&arguments);
    assert!(desk.read("out/results.h5") == expected, "after {stops} stops");
}

/// With a number of trials that precision decides, all points of the refined axis end by it.
#[test]
fn precise_points() {
    let (results, _) = run(&["--set", "trials={ min = 20, max = 500, half_width = 0.12 }"]);
    let tried: Vec<&CellSummary> = results.cells.iter().filter(|cell| cell.trials > 0).collect();
    assert_eq!(tried.len(), 2 * 11);
    let width = |cell: &CellSummary| cell.probability_upper_budget - cell.probability_lower;
    assert!(tried.iter().all(|cell| width(cell) <= 0.24));
    let different = tried.iter().any(|cell| cell.trials != tried[0].trials);
    assert!(different, "the numbers of trials differ");
}

#[test]
fn a_plan_counts_the_points() {
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    let plan = desk.succeed(&["plan", "study.toml", "--quick"]).stdout;
    assert!(plan.contains("22 cells x up to 60 trials"), "{plan}");
    assert!(plan.contains("init.std (11)"), "{plan}");
}

/// A point of the refined axis can be replayed by its value.
#[test]
fn a_refined_point_is_replayed() {
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    desk.succeed(&["run", "study.toml", "-o", "out", "--quiet"]);
    let results = ResultsFile::open(&desk.path("out/results.h5")).expect("results");
    let new = |std: &f64| ![0.5, 3.0, 5.0, 20.0].contains(std);
    let number = stds(&results).iter().position(new).expect("a refined point");
    let std = stds(&results)[number];
    let cell = [number, stds(&results).len() + number]
        .into_iter()
        .find(|&cell| results.cells[cell].trials > 0)
        .expect("one of the rates has trials there");
    let rate = if cell == number { "0.05" } else { "0.4" };
    let at = format!("init.std={std},descent.learning_rate={rate}");
    desk.succeed(&["trace", "study.toml", "--trial", "5", "--at", &at, "-o", "trace.h5"]);
    let trace = hdf5::File::open(desk.path("trace.h5")).expect("a trace");
    let steps: Vec<i64> = trace.dataset("step").expect("steps").read_raw().expect("numbers");
    let row = &results.rows(cell, 5..6).expect("rows")[0];
    assert_eq!(steps.last().copied(), i64::try_from(row.steps).ok());
}

#[test]
fn mistakes_are_explained() {
    let desk = Desk::new();
    let sweep = "\n[sweep]\n\"init.std\" = [0.1, 0.2]\n\"network.depth\" = [2, 3]";
    for (text, expected) in [
        ("[refine]\naxis = \"init.sdt\"", "did you mean `init.std`?"),
        ("[refine]\naxis = \"network.depth\"", "two or more real numbers that rise"),
        ("[refine]\ncells = 5", "give `refine.axis` too"),
        (
            "[refine]\naxis = \"init.std\"\n[descent]\nlearning_rate = \"tuned\"",
            "do not go together",
        ),
        ("[refine]\naxis = \"init.std\"\nat = 1.5", "above 0 and below 1"),
        (
            "[refine]\naxis = \"init.std\"\n[record]\ntrajectory = { trials = 3 }",
            "do not go together",
        ),
        (
            "trials = { half_width = 0.1 }\n[refine]\naxis = \"init.std\"\n[budget]\ntrials = 5000",
            "do not go together",
        ),
    ] {
        desk.write("study.toml", &format!("{text}{sweep}"));
        let ran = desk.run(&["plan", "study.toml"]);
        assert_eq!(ran.code, 2, "{text}: {}", ran.stdout);
        let plain = ran.said();
        assert!(plain.contains(expected), "{text}: {plain}");
    }
}

/// As many points as no study may have are refused at once.
#[test]
fn too_many_points_are_refused() {
    let desk = Desk::new();
    let text = "[refine]\naxis = \"init.std\"\ncells = 1000\n[sweep]\n\
                \"init.std\" = { linear = [0.1, 1.0], points = 100_000 }";
    desk.write("study.toml", text);
    let ran = desk.run(&["plan", "study.toml", "--quick"]);
    assert_eq!(ran.code, 2, "{}", ran.stdout);
    assert!(ran.stderr.contains("too many points"), "{}", ran.stderr);
}

/// A phase diagram has the points of the refined axis where their numbers are, and nothing where there are none.
#[test]
fn a_phase_diagram_is_as_fine_as_its_points() {
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    desk.succeed(&["run", "study.toml", "-o", "out", "--quiet"]);
    desk.succeed(&["plot", "out", "--figure", "phase", "-o", "phase.svg"]);
    let svg = String::from_utf8(desk.read("phase.svg")).expect("text");
    assert!(!svg.contains("no trials"), "{svg}");
    // x, y and width of each tile, those of the legend aside.
    let tag = |text: &str, name: &str| -> f64 {
        let (_, rest) = text.split_once(&format!(" {name}=\"")).expect(name);
        rest.split('"').next().and_then(|number| number.parse().ok()).expect(name)
    };
    let tiles = svg.split("<rect").filter(|text| text.contains("><title>"));
    let mut tiles: Vec<[f64; 3]> =
        tiles.map(|text| [tag(text, "y"), tag(text, "x"), tag(text, "width")]).collect();
    let results = ResultsFile::open(&desk.path("out/results.h5")).expect("results");
    assert_eq!(tiles.len(), results.cells.iter().filter(|cell| cell.trials > 0).count());
    tiles.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
    let rows: Vec<&[[f64; 3]]> = tiles.chunk_by(|a, b| a[0] == b[0]).collect();
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert!(
            row.windows(2).all(|two| (two[0][1] + two[0][2] - two[1][1]).abs() < 0.2),
            "{row:?}"
        );
        let widths = || row.iter().map(|tile| tile[2]);
        let (least, most) = (widths().fold(f64::MAX, f64::min), widths().fold(0.0, f64::max));
        assert!(most > 3.0 * least, "{row:?}");
    }
}
