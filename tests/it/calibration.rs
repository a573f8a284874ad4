//! Whether intervals are right as often as they say, through whole studies: every cell of a sweep is a small
//! study of its own, of a probability that is known.

use deeplin::stats::{Interval, clopper_pearson, confidence_sequence};
use deeplin::store::ResultsFile;

use crate::program::Desk;

/// Balanced scalar starts at depth 2, positive or negative with probability one half whatever their standard
/// deviation: positive ones converge in some hundred steps, negative ones are proved to stall after about
/// ten thousand.
const SIGNS: &str = r#"
name = "signs"
seed = 4
[network]
input = 1
hidden = 1
output = 1
depth = 2
[init]
kind = "balanced"
[descent]
learning_rate = 0.1
max_steps = 40000
[stop]
ladder = [1e-5]
[certificate]
check = false
[sweep]
"init.std" = { linear = [0.3, 0.8], points = 2000 }
"#;

fn run(study: &str, trials: &str) -> ResultsFile {
    let desk = Desk::new();
    desk.write("study.toml", &format!("trials = {trials}\n{study}"));
    desk.succeed(&["run", "study.toml", "-o", "out", "--quiet", "--set", "store.rows=false"]);
    ResultsFile::open(&desk.path("out/results.h5")).expect("results")
}

/// In how many of all cells the interval contains `p`.
fn covering(results: &ResultsFile, p: f64) -> u64 {
    let covers = |cell: &&deeplin::store::CellSummary| {
        Interval { lower: cell.probability_lower, upper: cell.probability_upper }.contains(p)
    };
    results.cells.iter().filter(covers).count() as u64
}

/// Intervals for a fixed number of trials cover as often as the sum over all outcomes says, .9672 of the time
/// for 50 trials of one half. False alarm: 1e-6.
#[test]
fn intervals_of_a_fixed_number_of_trials() {
    let results = run(SIGNS, "50");
    assert!(results.cells.iter().all(|cell| cell.step_limit == 0), "all are decided");
    let mut mass = 0.5_f64.powi(50);
    let mut coverage = 0.0;
    for k in 0..=50_u64 {
        coverage += if clopper_pearson(k, 50, 0.95).contains(0.5) { mass } else { 0.0 };
        mass *= (50 - k) as f64 / (k + 1) as f64;
    }
    assert!((coverage - 0.967_161).abs() < 1e-6);
    let observed = clopper_pearson(covering(&results, 0.5), 2000, 1.0 - 1e-6);
    assert!(observed.contains(coverage), "{observed:?}");
}

/// Ending when the interval is narrow enough, while successes end a hundred times sooner than failures, keeps
/// the level and the mean: counting the first that end would give .634. False alarm: 1e-6 each.
#[test]
fn cells_that_end_when_they_are_precise_enough() {
    let results = run(SIGNS, "{ min = 10, max = 1000, half_width = 0.15 }");
    let cells = results.cells.len() as f64;
    assert!(results.cells.iter().all(|cell| cell.step_limit == 0 && cell.trials < 1000));
    let covered = clopper_pearson(covering(&results, 0.5), 2000, 1.0 - 2e-6);
    assert!(covered.upper >= 0.95, "{covered:?}");
    for cell in &results.cells {
        let interval = confidence_sequence(cell.converged, cell.trials, 0.95);
        assert_eq!(cell.probability_lower, interval.lower);
    }
    let mean = results.cells.iter().map(|cell| cell.probability).sum::<f64>() / cells;
    let square = |cell: &deeplin::store::CellSummary| (cell.probability - 0.5).powi(2);
    let deviation = results.cells.iter().map(square).sum::<f64>() / cells;
    // 4.9 standard errors.
    assert!((mean - 0.5).abs() < 4.9 * (deviation / cells).sqrt(), "{mean}");
}
