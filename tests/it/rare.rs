//! Rare events on the starts of real studies: splitting and strata held to known probabilities.

use std::f64::consts::{FRAC_1_PI, PI};
use std::io::Write;
use std::path::Path;

use deeplin::rare::event::Event;
use deeplin::rare::splitting;
use deeplin::rare::strata::{self, Quantity, Strata};
use deeplin::run::interrupt::Interrupt;
use deeplin::stats::splitting::Plan;
use deeplin::stats::splitting_runs::Counts;
use deeplin::stats::{Interval, chi_squared};
use deeplin::study::Study;
use deeplin::theorem::least_margin;

use crate::program::Desk;

/// A study of one cell, an event of its starts, and the probability of that.
struct Known {
    name: &'static str,
    study: Study,
    event: Event,
    p: f64,
}

impl Known {
    fn new(name: &'static str, study: &str, event: Event, p: f64) -> Self {
        let study = deeplin::config::parse(name, study, &[], Path::new(".")).expect("a study");
        Self { name, study, event, p }
    }

    fn counts(&self, seed: u64, runs: u64, plan: Plan, workers: usize) -> Counts {
        let Self { study, event, .. } = self;
        let cell = &study.cells[0];
        let request = splitting::Request { seed, cell, event: *event, runs, plan, workers };
        splitting::estimate(&request, &Interrupt::new(None), &|_, _, _| {})
            .expect("an estimate")
            .expect("nothing stops it")
    }

    /// How many of so many intervals at 95 % hold the probability, and the most evaluations of one.
    fn held(&self, repetitions: u64, runs: u64, plan: Plan) -> (usize, u64) {
        let counts: Vec<Counts> =
            (0..repetitions).map(|seed| self.counts(seed, runs, plan, 2)).collect();
        let holds = |&&(low, high): &&(f64, f64)| (low..=high).contains(&self.p.ln());
        let intervals: Vec<_> = counts.iter().map(|counts| counts.ln_interval(0.95)).collect();
        let most = counts.iter().map(|counts| counts.total().evaluations).max().unwrap_or(0);
        (intervals.iter().filter(holds).count(), most)
    }
}

/// `P(||W - I|| < 1)` for square matrices of this width with entries `N(0, std^2)`.
fn near_identity(width: u64, std: f64) -> f64 {
    let precision = 1.0 / (std * std);
    chi_squared::noncentral_lower(precision, width * width, width as f64 * precision)
}

/// Where in this range an increasing probability is `p`, which it is somewhere.
fn at_probability(probability: impl Fn(f64) -> f64, range: [f64; 2], p: f64) -> f64 {
    let [mut low, mut high] = range;
    assert!(probability(low) < p && p < probability(high), "{p} is in range");
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if probability(middle) < p { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// One layer of Gaussian entries: the margin is above 0 within the unit ball around the identity.
fn margin(p: f64) -> Known {
    let std = at_probability(|std| near_identity(3, std), [0.01, 0.4], p);
    let study = format!("[network]\ninput = 3\noutput = 3\ndepth = 1\n[init]\nstd = {std:e}");
    Known::new("margin", &study, Event::Margin { above: 0.0 }, p)
}

/// Such a ball as the starts that converge in time: a residual shrinks by 0.9 in each of 20 steps.
fn converged(p: f64) -> Known {
    let std = at_probability(|std| near_identity(2, std), [0.01, 0.4], p);
    let loss = 0.5 * 0.9_f64.powi(40);
    let study = format!(
        "[network]\ninput = 2\noutput = 2\ndepth = 1\n[init]\nstd = {std:e}\n[descent]\n\
         learning_rate = 0.1\nmax_steps = 20\n[stop]\nloss = {loss:e}\nladder = [{loss:e}]"
    );
    Known::new("converged", &study, Event::Converged, p)
}

/// A uniform number on `[-1/4, 1/4]` within `0.75 + p / 2` of one.
fn uniform(p: f64) -> Known {
    let study =
        "[network]\ninput = 1\noutput = 1\ndepth = 1\n[init]\nkind = \"uniform\"\nbound = 0.25";
    Known::new("uniform", study, Event::Margin { above: 0.25 - 0.5 * p }, p)
}

/// Two scalar layers: `b = |w_2^2 - w_1^2|` is twice the product of two independent normals, and
/// `P(|uv| < x) = 2/pi times the integral of K_0 up to x` (Craig 1936, Ann. Math. Stat. 7(1) 1-15), whose
/// series begins `x (1 - gamma - ln (x/2))`.
fn balanced(p: f64) -> Known {
    const EULER: f64 = 0.577_215_664_901_532_9;
    // The next term of the series is x^2 / 12 of the first.
    let law = |x: f64| 2.0 * FRAC_1_PI * x * (1.0 - EULER - (0.5 * x).ln());
    let x = at_probability(|ln| law(ln.exp()), [-40.0, -1.0], p).exp();
    let study = "[network]\ninput = 1\nhidden = 1\noutput = 1\ndepth = 2\n[init]\nstd = 0.5";
    Known::new("balanced", study, Event::Balanced { below: Some(2.0 * 0.25 * x) }, p)
}

/// Two scalar layers that meet both conditions of theorem 1, by Simpson's rule over the radius: at
/// `(w_1, w_2)` of polar angle `t`, `w_2 w_1 = r^2/2 sin 2t` and `b = r^2 |cos 2t|`.
fn joint(std: f64) -> Known {
    let meets = |r: f64, phi: f64| {
        let margin = 1.0 - (0.5 * r * r * phi.cos() - 1.0).abs();
        margin >= least_margin(2, 1.0, r * r * phi.sin())
    };
    // Half of the width of the angles `phi = 2 t - pi/2` that meet them, which lie around 0.
    let width = |r: f64| {
        let (mut inside, mut outside) = (0.0, 0.5 * PI);
        for _ in 0..80 {
            let middle = 0.5 * (inside + outside);
            if meets(r, middle) { inside = middle } else { outside = middle }
        }
        inside
    };
    // Of the 4 pi that `phi` goes through, one range of 2 phi around each of 0 and 2 pi.
    let density = |r: f64| width(r) / PI * r / (std * std) * (-0.5 * r * r / (std * std)).exp();
    let (pieces, end) = (20_000, 2.0);
    let h = end / f64::from(pieces);
    let weight = |k: i32| if k % 2 == 1 { 4.0 } else { 2.0 };
    let p = (1..pieces).map(|k| weight(k) * density(h * f64::from(k))).sum::<f64>() * h / 3.0;
    let study =
        format!("[network]\ninput = 1\nhidden = 1\noutput = 1\ndepth = 2\n[init]\nstd = {std}");
    Known::new("joint", &study, Event::Joint, p)
}

/// Four runs of 50 particles, 40 times: of the 40 intervals at 95 % fewer than 31 hold the probability with
/// chance 2e-5 each (3e-4 were the true coverage 93 %). Seeds fixed.
#[test]
fn known_probabilities_of_starts_are_held() {
    let plan = Plan { particles: 50, moves: 30, evaluations: 100_000 };
    for known in [margin(1e-4), margin(1e-6), uniform(1e-5), balanced(1e-6), joint(0.2)] {
        let (held, _) = known.held(40, 4, plan);
        assert!(held >= 31, "{}: {held} of 40 hold {:e}", known.name, known.p);
    }
}

/// Ten times a whole descent for each score: fewer than 6 of 10 hold with chance 6e-5. Seeds fixed.
#[test]
fn a_known_probability_of_convergence_is_held() {
    let plan = Plan { particles: 50, moves: 20, evaluations: 100_000 };
    let (held, _) = converged(1e-4).held(10, 2, plan);
    assert!(held >= 6, "{held} of 10");
}

/// The requirement on the method: 95 % intervals from at most a million starts hold probabilities of 1e-4, 1e-6
/// and 1e-8 at least 93 times in 100, by splitting and by strata. The seeds are fixed; an interval that holds
/// 97.5 % of the time, which these do about, falls short of 93 with chance 4e-3.
#[test]
#[ignore = "a thousand estimates of up to a million starts: scripts/rare"]
fn rare_starts_in_full() {
    let plan = Plan { particles: 120, moves: 50, evaluations: 125_000 };
    let rare = [1e-4, 1e-6, 1e-8].into_iter();
    let events = rare.flat_map(|p| [margin(p), uniform(p), balanced(p)]);
    let mut short = Vec::new();
    for known in events.chain([joint(0.2), joint(0.02), converged(1e-4)]) {
        let (held, most) = known.held(100, 8, plan);
        let line = format!("{} {:.3e}: {held} of 100, at most {most} starts", known.name, known.p);
        report(&line);
        if held < 93 || most > 1_000_000 {
            short.push(line);
        }
    }
    for p in [1e-2, 1e-3, 1e-4, 1e-6, 1e-8] {
        let held = (0..100)
            .filter(|&seed| margin_strata(seed, p, 100_000, 80).budget_interval(0.95).contains(p))
            .count();
        let line = format!("strata of the margin, {p:e}: {held} of 100");
        report(&line);
        if held < 93 {
            short.push(line);
        }
    }
    assert!(short.is_empty(), "{short:?}");
}

fn report(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("stderr");
}

#[test]
fn threads_change_nothing() {
    let plan = Plan { particles: 30, moves: 10, evaluations: 100_000 };
    let known = margin(1e-4);
    let one = known.counts(1, 5, plan, 1);
    assert_eq!(one.runs.len(), 5);
    assert_ne!(one.runs[0], one.runs[1]);
    for workers in [2, 3] {
        assert_eq!(one, known.counts(1, 5, plan, workers));
    }
}

/// Chains of one move keep copies together: the runs differ by far more than chance allows.
#[test]
fn runs_that_differ_show_chains_that_are_too_short() {
    let known = margin(1e-8);
    let short = Plan { particles: 20, moves: 1, evaluations: 100_000 };
    let counts = known.counts(1, 20, short, 2);
    let chance = counts.chance().expect("many runs");
    assert!(chance < 1e-6 && counts.excess().is_some_and(|excess| excess > 2.0), "{chance}");
    let long = Plan { moves: 50, ..short };
    let chance = known.counts(1, 20, long, 2).chance().expect("many runs");
    assert!(chance > 1e-3, "{chance}");
}

fn strata(
    known: &Known,
    seed: u64,
    quantity: Quantity,
    (looked, pilot): (u64, u64),
    workers: usize,
) -> Strata {
    let cell = &known.study.cells[0];
    let request =
        strata::Request { seed, cell, quantity, strata: 8, looked, trials: 400, pilot, workers };
    strata::run(&request, &Interrupt::new(None), &|_| {})
        .expect("strata")
        .expect("nothing stops it")
}

/// Strata of the margin for the starts that converge in time with probability `p`.
fn margin_strata(seed: u64, p: f64, looked: u64, pilot: u64) -> Strata {
    strata(&converged(p), seed, Quantity::Margin, (looked, pilot), 2)
}

/// Ten times; the interval is guaranteed, so fewer than 6 of 10 hold with chance 6e-5. Seeds fixed.
#[test]
fn strata_of_the_margin_hold_a_known_probability() {
    let found: Vec<Strata> = (0..10).map(|seed| margin_strata(seed, 0.05, 10_000, 0)).collect();
    let held = found.iter().filter(|found| found.budget_interval(0.95).contains(0.05)).count();
    assert!(held >= 6, "{held} of 10");
    for found in &found {
        let strata = &found.0;
        assert_eq!(strata.len(), 8);
        // All others are undecided.
        assert_eq!(found.interval(0.95).upper, 1.0);
        assert_eq!(strata.iter().map(|stratum| stratum.starts).sum::<u64>(), 10_000);
        assert!(strata.iter().all(|stratum| stratum.trials == 50));
        // All that converge are in the highest.
        assert!(strata[..7].iter().all(|stratum| stratum.converged == 0));
        assert!((3..48).contains(&strata[7].converged), "{strata:?}");
    }
}

/// A pilot finds the only stratum that is undecided: it gets most of the trials, which makes the interval
/// narrower; ten times, of which fewer than 6 hold with chance 6e-5. Seeds fixed.
#[test]
fn a_pilot_sends_trials_where_they_tell_most() {
    let found: Vec<Strata> = (0..10).map(|seed| margin_strata(seed, 0.05, 10_000, 400)).collect();
    let intervals = || found.iter().map(|found| found.budget_interval(0.95));
    assert!(intervals().filter(|interval| interval.contains(0.05)).count() >= 6);
    for (seed, (found, interval)) in (0..).zip(found.iter().zip(intervals())) {
        let trials: Vec<u64> = found.0.iter().map(|stratum| stratum.trials).collect();
        assert!(trials[..7].iter().all(|&few| few > 0 && trials[7] > 2 * few), "{trials:?}");
        let even = margin_strata(seed, 0.05, 10_000, 0).budget_interval(0.95);
        let width = |interval: Interval| interval.upper - interval.lower;
        // The seven others are wider, for want of trials.
        assert!(found.estimate().unwrap().error < 0.01, "{found:?}");
        assert!(width(interval) < 1.5 * width(even), "{interval:?} {even:?}");
    }
}

/// Balanced scalar starts of depth 2 converge if they are positive: the strata are unanimous, and all that
/// is uncertain is how many starts are positive.
#[test]
fn the_sign_decides_scalar_balanced_starts() {
    let study = "[network]\ninput = 1\nhidden = 1\noutput = 1\ndepth = 2\n[init]\nkind = \"balanced\"\n\
                 std = 0.5\n[descent]\nmax_steps = 40000\nlearning_rate = 0.1";
    let known = Known::new("signs", study, Event::Converged, 0.5);
    let found = strata(&known, 3, Quantity::Determinant, (2000, 0), 1);
    let [below, above] = found.0.as_slice() else { panic!("two signs: {found:?}") };
    assert_eq!((below.converged, below.trials, below.undecided), (0, 200, 0));
    assert_eq!((above.converged, above.trials, above.undecided), (200, 200, 0));
    let estimate = found.estimate().expect("both are tried");
    assert_eq!(estimate.p, above.starts as f64 / 2000.0);
    // Five standard deviations of the share: false alarm 6e-7.
    assert!((estimate.p - 0.5).abs() < 5.0 * 0.0112, "{estimate:?}");
    assert!(found.interval(0.95).contains(0.5));
    assert_eq!(found, strata(&known, 3, Quantity::Determinant, (2000, 0), 3));
}

#[test]
fn what_is_stopped_estimates_nothing() {
    let stopped = Interrupt::new(None);
    stopped.raise();
    let known = converged(1e-3);
    let (seed, cell) = (1, &known.study.cells[0]);
    let plan = Plan { particles: 10, moves: 5, evaluations: 100_000 };
    let event = Event::Converged;
    let request = splitting::Request { seed, cell, event, runs: 2, plan, workers: 2 };
    assert_eq!(splitting::estimate(&request, &stopped, &|_, _, _| {}).unwrap(), None);
    let (quantity, looked) = (Quantity::Margin, 100);
    let request = strata::Request {
        seed,
        cell,
        quantity,
        strata: 2,
        looked,
        trials: 10,
        pilot: 0,
        workers: 2,
    };
    assert_eq!(strata::run(&request, &stopped, &|_| {}).unwrap(), None);
}

const CELLS: &str = "name = \"rare\"\n[network]\ninput = 2\nhidden = 2\noutput = 2\n[init]\nstd = 0.3\n\
                     [descent]\nmax_steps = 100\n[sweep]\n\"network.depth\" = [1, 2]\n";

#[test]
fn the_command_prints_what_the_library_finds() {
    let desk = Desk::new();
    desk.write("study.toml", CELLS);
    let base = ["rare", "study.toml", "--cell", "1", "--quiet"];
    let with = |more: &[&str]| desk.succeed(&[&base[..], more].concat()).stdout;
    let small = ["--event", "joint", "--particles", "50", "--moves", "20", "--runs", "3"];
    let text = with(&small);
    assert!(text.starts_with("rare, cell 1: a deficiency margin, and"), "{text}");
    assert!(text.contains("\nP = ") && text.contains("in 3 runs of 50 particles"), "{text}");
    let json = with(&[&small[..], &["--json", "--threads", "1", "--level", "0.9"]].concat());
    assert_eq!(json, with(&[&small[..], &["--json", "--threads", "3", "--level", "0.9"]].concat()));
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&value["level"], &value["particles"]), (&0.9.into(), &50.into()));
    let log10 = |key: &str| value[key].as_f64().expect("a number");
    assert!(log10("log10_lower") < log10("log10_probability"));
    assert!(log10("log10_probability") < log10("log10_upper") && log10("log10_upper") < -3.0);

    let strata = ["--strata", "imbalance", "--bins", "3", "--looked", "500", "--trials", "60"];
    let text = with(&strata);
    assert!(text.contains("500 starts looked at, 60 run") && text.contains("below"), "{text}");
    let csv = with(&[&strata[..], &["--csv"]].concat());
    assert!(csv.starts_with("from,to,share,starts,trials,converged,undecided\n,"), "{csv}");
    assert_eq!(csv.lines().count(), 4);
    let json = with(&[&strata[..], &["--json"]].concat());
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&value["looked"], &value["strata"][2]["to"]), (&500.into(), &().into()));
}

#[test]
fn refusals_say_what_to_do() {
    let desk = Desk::new();
    desk.write("study.toml", CELLS);
    for (arguments, words) in [
        ("", "--event"),
        ("--event joint", "network.depth"),
        ("--event balanced --cell 0", "one layer is always balanced"),
        ("--event joint --cell 1 --threshold 0.5", "--threshold 0.5 is out of place"),
        ("--event margin --cell 1 --threshold 2", "the largest is 1"),
        ("--event joint --cell 1 --set network.hidden=1", "network.hidden"),
        ("--event joint --cell 1 --evaluations 5000", "--evaluations"),
        ("--event margin --cell 1 --set init.kind=zas", "init.kind"),
        // Half of these starts stall at the loss of the zero network.
        (
            "--event converged --cell 1 --set network.input=1 --set network.hidden=1 --set \
             network.output=1 --set init.kind=balanced --set descent.max_steps=40000 --particles 20",
            "--strata",
        ),
        ("--event converged --cell 1 --set descent.method=perturbed", "descent.method"),
        ("--event margin --cell 1 --level 1", "--level"),
        ("--strata determinant --cell 1 --set network.output=1", "network.input"),
        ("--strata imbalance --cell 0", "always balanced"),
        ("--strata margin --cell 1 --threshold 1", "--threshold"),
        ("--strata margin --cell 1 --particles 50", "--particles"),
        ("--event margin --cell 1 --trials 50", "--trials"),
    ] {
        let words_of = arguments.split_whitespace();
        let all: Vec<&str> = ["rare", "study.toml"].into_iter().chain(words_of).collect();
        let ran = desk.run(&all);
        assert_eq!(ran.code, 2, "{arguments}: {}", ran.stderr);
        assert!(ran.stderr.contains(words), "{arguments}: no {words} in\n{}", ran.stderr);
    }
}
