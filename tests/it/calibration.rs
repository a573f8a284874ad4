//! Whether intervals are right as often as they say, through whole studies: every cell of a sweep is a small
//! study of its own, of a probability that is known.

use deeplin::stats::{Interval, chi_squared, clopper_pearson, confidence_sequence};
use deeplin::store::{CellSummary, ResultsFile};
use deeplin::study::AxisValues;

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
    let covers = |cell: &&CellSummary| {
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
    let square = |cell: &CellSummary| (cell.probability - 0.5).powi(2);
    let deviation = results.cells.iter().map(square).sum::<f64>() / cells;
    // 4.9 standard errors.
    assert!((mean - 0.5).abs() < 4.9 * (deviation / cells).sqrt(), "{mean}");
}

/// One layer of 2 x 2 from normal weights towards the identity: the residual is halved in every step, so
/// that a start converges within one to an excess loss of 1/8 if and only if it is nearer than 1 to the
/// identity, which is a deficiency margin.
const MARGINS: &str = r#"
name = "margins"
seed = 9
[network]
input = 2
output = 2
depth = 1
[descent]
learning_rate = 0.5
max_steps = 1
[stop]
loss = 0.125
ladder = [0.125]
[sweep]
"init.std" = { linear = [0.4, 1.2], points = 2000 }
"#;

/// Of each cell the probability of a margin: of `||Z - I / std||^2 < 1 / std^2` for a standard normal `Z`.
fn margins(results: &ResultsFile) -> Vec<f64> {
    let AxisValues::Floats(stds) = &results.axes[0].keys[0].values else { panic!("numbers") };
    let margin = |std: &f64| chi_squared::noncentral_lower(std.powi(-2), 4, 2.0 * std.powi(-2));
    stds.iter().map(margin).collect()
}

/// In how many cells the bounds of the probability within the budget contain the true one.
fn covering_margins(results: &ResultsFile) -> u64 {
    let covers = |(cell, p): (&CellSummary, f64)| {
        assert_eq!(cell.converged, cell.theorem1_met[1], "converged if and only if near enough");
        (cell.probability_lower..=cell.probability_upper_budget).contains(&p)
    };
    results.cells.iter().zip(margins(results)).filter(|&pair| covers(pair)).count() as u64
}

/// Probabilities of a margin from .04 to .11: bounds for a fixed number of trials cover as often as the sums
/// over all outcomes say, cell by cell, within 4.9 standard deviations. False alarm: 1e-6.
#[test]
fn margins_of_a_fixed_number_of_trials() {
    let results = run(MARGINS, "200");
    let coverage = |p: f64| {
        let mut mass = (1.0 - p).powi(200);
        let mut sum = 0.0;
        for k in 0..=200_u64 {
            sum += if clopper_pearson(k, 200, 0.95).contains(p) { mass } else { 0.0 };
            mass *= (200 - k) as f64 / (k + 1) as f64 * p / (1.0 - p);
        }
        sum
    };
    let expected: Vec<f64> = margins(&results).into_iter().map(coverage).collect();
    let mean: f64 = expected.iter().sum();
    let variance: f64 = expected.iter().map(|c| c * (1.0 - c)).sum();
    let observed = covering_margins(&results) as f64;
    assert!((observed - mean).abs() < 4.9 * variance.sqrt(), "{observed} of {mean}");
    assert!(mean > 0.95 * 2000.0 && mean < 0.985 * 2000.0, "{mean}");
}

/// Ending when the interval is narrow enough covers at least as often as the level. False alarm: 1e-6.
#[test]
fn margins_that_are_precise_enough() {
    let results = run(MARGINS, "{ min = 20, max = 4000, half_width = 0.05 }");
    let different = results.cells.iter().any(|cell| cell.trials != results.cells[0].trials);
    assert!(different && results.cells.iter().all(|cell| cell.trials < 4000));
    let covered = clopper_pearson(covering_margins(&results), 2000, 1.0 - 2e-6);
    assert!(covered.upper >= 0.95, "{covered:?}");
}
