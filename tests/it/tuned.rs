//! Learning rates that are tuned: the same for every process, whatever happens to them.

use deeplin::store::ResultsFile;

use crate::program::Desk;

/// Depths with different best rates; the last axis reaches cells that do not converge at all.
const STUDY: &str = r#"
name = "tuned"
seed = 5
trials = 12
[network]
input = 3
hidden = 4
output = 3
[descent]
learning_rate = "tuned"
tuning_rates = [0.01, 0.05, 0.2, 0.8]
tuning_trials = 6
max_steps = 3000
[store]
block = 4
[sweep]
"network.depth" = [1, 2, 3]
"init.std" = [0.3, 0.6]
"#;

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    desk
}

fn tuned_rates(desk: &Desk) -> Vec<f64> {
    let file = hdf5::File::open(desk.path("out/results.h5")).expect("results");
    let rates = file.dataset("tuned_learning_rate").expect("a variable of the rates");
    assert_eq!(rates.shape(), [3, 2]);
    rates.read_raw().expect("numbers")
}

#[test]
fn trials_take_the_rate_of_their_cell() {
    let desk = desk();
    let ran = desk.succeed(&["run", "study.toml", "-o", "out"]);
    assert!(ran.stderr.contains("learning rates of 6 of 6 cells are tuned"), "{}", ran.stderr);
    let rates = tuned_rates(&desk);
    let tried = [0.01, 0.05, 0.2, 0.8];
    assert!(rates.iter().all(|rate| tried.contains(rate)), "{rates:?}");
    // One layer converges fastest with the largest, `1 - eta` a step.
    assert_eq!(rates[..2], [0.8, 0.8]);
    assert!(ran.stderr.contains("at an end of descent.tuning_rates"), "{}", ran.stderr);
    assert!(ran.stdout.contains("tuned rate  "), "{}", ran.stdout);
    let csv = desk.succeed(&["report", "out", "--csv"]).stdout;
    let last = csv.lines().map(|line| line.rsplit(',').next().expect("a field").to_owned());
    let shown: Vec<String> = rates.iter().map(f64::to_string).collect();
    assert_eq!(
        last.collect::<Vec<_>>(),
        [&["tuned_learning_rate".to_owned()], &shown[..]].concat()
    );

    let file = hdf5::File::open(desk.path("out/results.h5")).expect("results");
    let of_trials: Vec<f64> =
        file.dataset("learning_rate").expect("a measure").read_raw().expect("numbers");
    let expected: Vec<f64> = rates.iter().flat_map(|&rate| [rate; 12]).collect();
    assert_eq!(of_trials, expected);

    // A second run finds everything there.
    let again = desk.succeed(&["run", "study.toml", "-o", "out"]);
    assert!(again.stderr.contains("nothing to do"), "{}", again.stderr);
    // A trace meets the trial that was run: it tunes the rate of the cell anew.
    let arguments = ["trace", "study.toml", "--trial", "7", "--cell", "3", "-o", "trace.h5"];
    desk.succeed(&arguments);
    let trace = hdf5::File::open(desk.path("trace.h5")).expect("a trace");
    let [rate, loss] = ["learning_rate", "loss_final"]
        .map(|name| trace.dataset(name).expect(name).read_scalar::<f64>().expect(name));
    let losses: Vec<f64> = file.dataset("loss_final").expect("a measure").read_raw().expect("them");
    assert_eq!(rate, rates[3]);
    assert_eq!(loss, losses[3 * 12 + 7], "the bits of the row");
}

#[test]
fn neither_parts_nor_interruption_nor_damage_change_a_byte() {
    let whole = desk();
    whole.succeed(&["run", "study.toml", "-o", "out", "--quiet"]);
    let expected = whole.read("out/results.h5");

    let parts = desk();
    for share in ["2/3", "3/3", "1/3"] {
        parts.succeed(&["run", "study.toml", "-o", "out", "--quiet", "--part", share]);
    }
    parts.succeed(&["merge", "out"]);
    assert!(parts.read("out/results.h5") == expected, "in three parts");

    // Stopped while it tunes, as often as it takes.
    let stopped = desk();
    let arguments = ["run", "study.toml", "-o", "out", "--quiet", "--max-time"];
    let first = stopped.run(&[&arguments[..], &["0s"]].concat());
    assert_eq!(first.code, 75, "{}", first.stderr);
    assert!(first.stderr.contains("learning rates of 6 cells are still"), "{}", first.stderr);
    stopped.succeed(&[&arguments[..], &["1h"]].concat());
    assert!(stopped.read("out/results.h5") == expected, "stopped and continued");

    // A damaged file of rates is named, set aside and made again.
    let rates = stopped.path("out/rates");
    let path =
        std::fs::read_dir(&rates).expect("rates").next().expect("a file").expect("it").path();
    let mut bytes = std::fs::read(&path).expect("rates");
    bytes[100] ^= 1;
    std::fs::write(&path, &bytes).expect("damage");
    std::fs::remove_file(stopped.path("out/results.h5")).expect("removing the results");
    let merged = stopped.run(&["merge", "out"]);
    assert_eq!(merged.code, 3, "{}", merged.stderr);
    assert!(merged.stderr.contains("lacks the tuned learning rate of cell 0"), "{}", merged.stderr);
    let ran = stopped.succeed(&[&arguments[..], &["1h"]].concat());
    assert!(ran.stderr.contains("damaged, set aside as"), "{}", ran.stderr);
    assert!(stopped.read("out/results.h5") == expected, "after damage");
}

/// A part may record trials of cells of which it runs none: it needs their rates too.
#[test]
fn parts_that_only_record_a_cell_know_its_rate() {
    let record =
        ["--set", "record.trajectory.trials=2", "--set", "record.trajectory.spectra=false"];
    let set = [&record[..], &["--set", "store.block=12"]].concat();
    let whole = desk();
    whole.succeed(&[&["run", "study.toml", "-o", "out", "--quiet"], &set[..]].concat());
    let parts = desk();
    for share in ["4/7", "7/7", "2/7", "1/7", "3/7", "6/7", "5/7"] {
        let run = ["run", "study.toml", "-o", "out", "--quiet", "--part", share];
        parts.succeed(&[&run[..], &set[..]].concat());
    }
    parts.succeed(&["merge", "out"]);
    assert!(parts.read("out/results.h5") == whole.read("out/results.h5"));
}

/// A part that takes over what another one leaves knows the rates of its cells.
#[test]
fn a_part_that_takes_over_knows_the_rates() {
    let sets = [
        "--set",
        "trials={ min = 12, max = 60, half_width = 0.2 }",
        "--set",
        "store.block=12",
        "--set",
        "store.part_seconds=0.1",
    ];
    let whole = desk();
    whole.succeed(&[&["run", "study.toml", "-o", "out", "--quiet"], &sets[..]].concat());
    let part = desk();
    let run = ["run", "study.toml", "-o", "out", "--quiet", "--part", "1/3"];
    part.succeed(&[&run[..], &sets[..]].concat());
    part.succeed(&["merge", "out"]);
    assert!(part.read("out/results.h5") == whole.read("out/results.h5"));
}

/// The pilot trials are no trials of the study: with fixed rates the rows are others, but those of a
/// tuned study do not depend on how many pilots there were, only on the rate that they choose.
#[test]
fn pilots_do_not_count() {
    let rows = |pilots: &str| {
        let desk = desk();
        let pilots = format!("descent.tuning_trials={pilots}");
        desk.succeed(&["run", "study.toml", "-o", "out", "--quiet", "--set", &pilots]);
        let rates = tuned_rates(&desk);
        let results = ResultsFile::open(&desk.path("out/results.h5")).expect("results");
        let counts: Vec<u64> = results.cells.iter().map(|cell| cell.converged).collect();
        (rates, counts)
    };
    let (few, many) = (rows("5"), rows("40"));
    for cell in (0..6).filter(|&cell| few.0[cell] == many.0[cell]) {
        assert_eq!(few.1[cell], many.1[cell]);
    }
    assert!(few.0.iter().zip(&many.0).any(|(a, b)| a == b), "some cell has the same best rate");
}

#[test]
fn a_study_without_rows_has_its_rates() {
    let desk = desk();
    desk.succeed(&["run", "study.toml", "-o", "out", "--quiet", "--set", "store.rows=false"]);
    assert_eq!(tuned_rates(&desk)[..2], [0.8, 0.8]);
}

#[test]
fn a_plan_counts_the_pilots() {
    let desk = desk();
    let plan = desk.succeed(&["plan", "study.toml", "--quick"]);
    assert!(plan.stdout.contains("up to 144 pilot trials before"), "{}", plan.stdout);
}
