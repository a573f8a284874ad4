//! Known transitions, by counts that are made from curves.

use proptest::prelude::*;

use super::*;
use crate::digest::Digest;
use crate::rng::{Purpose, stream};
use crate::stats::axis::Bracket;
use crate::study::{AxisKey, AxisValues};

fn axis(key: &str, values: AxisValues) -> Axis {
    Axis { keys: vec![AxisKey { key: key.to_owned(), values }] }
}

/// Standard deviations from 0.02 to 5, equally far from each other in the logarithm.
fn stds() -> Vec<f64> {
    (0..24).map(|i| 0.02 * libm::exp(f64::from(i) / 23.0 * libm::log(250.0))).collect()
}

fn cell(trials: u64, p: f64) -> CellCounts {
    CellCounts { trials, converged: (p * trials as f64).round() as u64, undecided: 0 }
}

/// Counts over depth and standard deviation that follow a probability as nearly as they can.
fn counts(depths: &[i64], trials: u64, probability: impl Fn(f64, f64) -> f64) -> Counts {
    let cells = depths.iter().flat_map(|&depth| stds().into_iter().map(move |std| (depth, std)));
    Counts {
        name: "made".to_owned(),
        axes: vec![
            axis("network.depth", AxisValues::Integers(depths.to_vec())),
            axis("init.std", AxisValues::Floats(stds())),
        ],
        cells: cells.map(|(depth, std)| cell(trials, probability(depth as f64, std))).collect(),
        missing: 0,
        independent: vec![true, true],
        sequential: false,
    }
}

fn question() -> Question {
    Question {
        axis: Some("init.std".to_owned()),
        p: 0.5,
        level: 0.95,
        link: Link::Logit,
        asymptotes: Asymptotes::Free,
        scale: None,
        undecided: Undecided::Failed,
        scaling: None,
    }
}

/// A window that narrows with depth: it rises to .96 at `.2 depth^-.5` and falls at `4 / depth`. The flank
/// that is far away changes neither by a thousandth.
fn window(depth: f64, std: f64) -> f64 {
    let curve = |slope: f64, at: f64| Link::Logit.response(slope * libm::log(std / at)).p;
    0.96 * curve(5.0, 0.2 / depth.sqrt()) * curve(-8.0, 4.0 / depth)
}

/// Where `.96 F` is `.5`, as a factor of the middle of `F`.
fn shift(slope: f64) -> f64 {
    libm::exp(Link::Logit.predictor(0.5 / 0.96) / slope)
}

/// A table without laws has the columns of one with laws.
#[test]
fn without_crossings_the_columns_of_laws_are_named() {
    let csv = |probability: fn(f64, f64) -> f64| {
        let question = Question { scaling: Some("network.depth".to_owned()), ..question() };
        transitions(&counts(&[2, 4, 8], 10_000, probability), &question).unwrap().csv()
    };
    let (some, none) = (csv(window), csv(|_, _| 0.1));
    assert!(some.lines().count() > 1, "{some}");
    assert_eq!(none.lines().collect::<Vec<_>>(), [some.lines().next().unwrap()]);
}

#[test]
fn both_flanks_of_a_window_are_found() {
    let counts = counts(&[2, 4], 1_000_000, window);
    let found = transitions(&counts, &question()).unwrap();
    assert_eq!((found.scale, found.slices.len()), (AxisScale::Log, 2));
    for (slice, depth) in found.slices.iter().zip([2.0, 4.0_f64]) {
        let [rising, falling] = slice.transitions.as_slice() else { panic!("two: {slice:?}") };
        let flanks = [
            (rising, Course::Rising, 0.2 / depth.sqrt() * shift(5.0), 5.0),
            (falling, Course::Falling, 4.0 / depth * shift(-8.0), -8.0),
        ];
        for (transition, course, threshold, slope) in flanks {
            assert_eq!(transition.course, course);
            let curve = transition.curve.unwrap();
            assert!((curve.threshold / threshold - 1.0).abs() < 2e-3, "{curve:?} {threshold}");
            assert!((curve.slope / slope - 1.0).abs() < 0.02, "{curve:?}");
            assert!((curve.ceiling - 0.96).abs() < 2e-3 && curve.floor < 1e-3, "{curve:?}");
            let width = libm::exp(2.0 * libm::log(9.0) / slope.abs());
            assert!((curve.width / width - 1.0).abs() < 0.02, "{curve:?}");
            assert!(curve.interval.contains(curve.threshold));
            assert!(transition.bracket.unwrap().contains(threshold), "{transition:?}");
            // Straight lines between values that are a factor of 1.27 apart.
            let isotonic = transition.isotonic.unwrap();
            assert!((isotonic / threshold - 1.0).abs() < 0.02, "{transition:?} {threshold}");
        }
    }
}

/// 500 experiments with 200 trials a point: 1000 intervals at 95 %, on pieces that were cut where the counts
/// said. The share that holds the threshold is within 4 standard errors, and .01 for a small sample (false
/// alarm 1e-4).
#[test]
fn intervals_hold_on_pieces_that_the_counts_cut() {
    let mut random = stream(1, &Digest::of(b"transitions"), Purpose::Init, 0);
    let truth = [0.2 / 2f64.sqrt() * shift(5.0), 2.0 * shift(-8.0)];
    let mut counts = counts(&[2], 200, window);
    let mut held = 0;
    for _ in 0..500 {
        for (cell, std) in counts.cells.iter_mut().zip(stds()) {
            let p = window(2.0, std);
            cell.converged = (0..200).filter(|_| random.uniform() < p).count() as u64;
        }
        let found = transitions(&counts, &question()).unwrap();
        let flanks = &found.slices[0].transitions;
        assert_eq!(flanks.len(), 2, "{flanks:?}");
        let holds = |(flank, &x): (&Transition, &f64)| flank.curve.unwrap().interval.contains(x);
        held += flanks.iter().zip(&truth).filter(|pair| holds(*pair)).count();
    }
    let share = held as f64 / 1000.0;
    assert!((share - 0.95).abs() < 4.0 * (0.95 * 0.05 / 1000.0_f64).sqrt() + 0.01, "{share}");
}

#[test]
fn a_curve_from_0_to_1_misses_a_ceiling_and_says_so() {
    let counts = counts(&[2], 10_000, window);
    let plain = Question { asymptotes: Asymptotes::None, ..question() };
    let found = transitions(&counts, &plain).unwrap();
    let fit = |transitions: &Transitions| {
        transitions.slices[0].transitions[0].curve.unwrap().lack_of_fit().unwrap()
    };
    assert!(fit(&found) < 1e-6);
    assert!(found.table().contains(" !") && found.table().contains("Fieller"), "{}", found.table());
    assert!(fit(&transitions(&counts, &question()).unwrap()) > 0.5);
}

#[test]
fn thresholds_scale_as_they_were_made() {
    let counts = counts(&[2, 4, 8, 16], 10_000, window);
    let scaling = Question { scaling: Some("network.depth".to_owned()), ..question() };
    let found = transitions(&counts, &scaling).unwrap();
    let Scaling { axis, laws } = found.scaling.as_ref().unwrap();
    assert_eq!(axis.key, "network.depth");
    for (law, (course, exponent)) in
        laws.iter().zip([(Course::Rising, -0.5), (Course::Falling, -1.0)])
    {
        assert_eq!((law.course, law.ordinal, law.thresholds), (course, 1, 4));
        let (lower, upper) = law.interval.unwrap();
        assert!(lower < exponent && exponent < upper && upper - lower < 0.1, "{law:?}");
        assert!(law.fit.unwrap().lack_of_fit().unwrap() > 0.5, "{law:?}");
    }
    assert_eq!(laws.len(), 2);
    let csv = found.csv();
    assert!(csv.starts_with("transition,ordinal,thresholds,exponent,"), "{csv}");
    let along = Question { scaling: Some("init.std".to_owned()), ..question() };
    assert!(transitions(&counts, &along).unwrap_err().to_string().contains("no function of"));
}

#[test]
fn the_course_of_a_slice_without_crossings() {
    for (trials, p, course) in [
        (1000, 0.6, Course::Above),
        (1000, 0.4, Course::Below),
        (1000, 0.5, Course::Unclear),
        (3, 1.0, Course::Unclear),
        (0, 0.0, Course::Unclear),
    ] {
        let found = transitions(&counts(&[2], trials, |_, _| p), &question()).unwrap();
        let [only] = found.slices[0].transitions.as_slice() else { panic!("one") };
        assert_eq!(only.course, course, "{trials} {p}");
        assert!(only.bracket.is_none() && only.curve.is_none());
    }
}

/// Sudden, with no value or one on the way, between 0 and 1 or other asymptotes: a bracket, no curve.
#[test]
fn a_step_is_bracketed() {
    let x = stds();
    for (floor, middle, ceiling) in
        [(0.0, 0.0, 1.0), (0.0, 0.3, 1.0), (0.03, 0.3, 0.9), (1.0, 0.7, 0.1)]
    {
        let step = |_, std| match () {
            () if std < x[10] => floor,
            () if std == x[10] => middle,
            () => ceiling,
        };
        for asymptotes in Asymptotes::ALL {
            if asymptotes == Asymptotes::None && floor * (1.0 - ceiling) > 0.0 {
                continue;
            }
            let asked = Question { asymptotes, ..question() };
            let found = transitions(&counts(&[2], 1000, step), &asked).unwrap();
            let [only] = found.slices[0].transitions.as_slice() else { panic!("one") };
            assert!(only.is_step(), "{floor} {middle} {ceiling}: {only:?}");
            let bracket = only.bracket.unwrap();
            let near = if (middle > 0.5) == (ceiling > 0.5) { 9 } else { 10 };
            assert_eq!((bracket.lower, bracket.upper), (x[near], x[near + 1]), "{middle}");
            assert!(bracket.contains(only.isotonic.unwrap()));
        }
    }
}

/// Few trials a point: no two points show on which side of a half they are, all of them together do.
#[test]
fn many_weak_points_make_a_curve() {
    let curve = |_: f64, std: f64| Link::Logit.response(0.35 * libm::log(std / 0.3)).p;
    let found = transitions(&counts(&[2], 20, curve), &question()).unwrap();
    let [only] = found.slices[0].transitions.as_slice() else { panic!("one") };
    assert_eq!(only.course, Course::Rising);
    let curve = only.curve.unwrap();
    assert!(curve.interval.contains(0.3) && curve.is_bounded(), "{curve:?}");
    assert_eq!(only.bracket.unwrap(), Bracket { lower: f64::NEG_INFINITY, upper: f64::INFINITY });
    let json: serde_json::Value = serde_json::from_str(&found.json()).unwrap();
    assert!(json["transitions"][0]["bracket_lower"].is_null());
    assert_eq!(json["transitions"][0]["threshold"], curve.threshold);
}

#[test]
fn undecided_trials_count_as_asked() {
    let mut counts = counts(&[2], 1000, |_, std| if std < 0.3 { 0.0 } else { 1.0 });
    for cell in &mut counts.cells {
        cell.undecided = 1000 - cell.converged;
    }
    let course = |undecided| {
        let found = transitions(&counts, &Question { undecided, ..question() }).unwrap();
        let transition = &found.slices[0].transitions[0];
        (transition.course, transition.undecided)
    };
    let low = stds().iter().filter(|&&std| std < 0.3).count() as u64;
    assert_eq!(course(Undecided::Failed), (Course::Rising, 1000 * low));
    assert_eq!(course(Undecided::Converged), (Course::Above, 1000 * low));
}

/// Axes in any order, and one whose values come in no order.
#[test]
fn the_order_of_axes_and_values_changes_nothing() {
    let made = counts(&[2, 4], 1000, window);
    let expected = transitions(&made, &question()).unwrap();
    let turned: Vec<CellCounts> =
        (0..24).flat_map(|i| [made.cells[23 - i], made.cells[47 - i]]).collect();
    let values: Vec<f64> = stds().into_iter().rev().collect();
    let axes = vec![axis("init.std", AxisValues::Floats(values)), made.axes[0].clone()];
    let found = transitions(&Counts { axes, cells: turned, ..made }, &question()).unwrap();
    assert_eq!(found.csv(), expected.csv());
    assert_eq!(found.table(), expected.table());
}

#[test]
fn a_logarithm_of_what_has_none_is_refused() {
    let mut counts = counts(&[2], 10, window);
    counts.axes[1] = axis("init.std", AxisValues::Floats((0..24).map(f64::from).collect()));
    let log = Question { scale: Some(AxisScale::Log), ..question() };
    let error = transitions(&counts, &log).unwrap_err().to_string();
    assert_eq!(error, "`init.std` takes the value 0, which has no logarithm");
    assert_eq!(transitions(&counts, &question()).unwrap().scale, AxisScale::Linear);
}

#[test]
fn the_table() {
    let mut counts = counts(&[2, 4, 8], 1000, window);
    counts.missing = 7;
    for cell in &mut counts.cells[48..] {
        *cell = CellCounts { trials: 10, converged: 6, undecided: 1 };
    }
    let asked = Question { scaling: Some("network.depth".to_owned()), ..question() };
    insta::assert_snapshot!(transitions(&counts, &asked).unwrap().table(), @r#"
    made: transitions along init.std

    PARTIAL: 7 trials are missing. Each cell is of its first trials, before the first that is missing.

     network.depth  transition  init.std at 0.5    [lower, upper]   width  deviance/df     fit  isotonic            between  undecided
                 2      rising           0.1438   [0.1416, 0.146]  x 2.41   0.738 / 12  >0.999    0.1443   0.1365 .. 0.1735          0
                 2     falling            1.979    [1.956, 2.003]  x 1.73   0.0834 / 6  >0.999     1.989     1.914 .. 2.433          0
                 4      rising           0.1017  [0.1001, 0.1033]   x 2.4   0.641 / 10  >0.999    0.1015  0.08445 .. 0.1074          0
                 4     falling           0.9898   [0.9779, 1.002]  x 1.73    0.366 / 9  >0.999    0.9942    0.9315 .. 1.184          0
                 8     unclear                -                 -       -            -       -         -                  -         24

    rising, falling: the way in which the probability of convergence crosses 0.5; where the curve of
    greatest likelihood does so (logit in the logarithm of init.std, asymptotes fitted too) and its 95 %
    interval (profile likelihood). width: factor over which it goes from a tenth to nine tenths of its way.
    deviance/df: how far the counts are from it, and degrees of freedom; fit: the probability of as much
    if the curve is right. isotonic: where the best monotone probability crosses. between: a crossing is
    there whatever the curve (Clopper-Pearson at 95 % for all values of a line at once).
    undecided: trials that were at the step limit, and count as failed (--undecided).
    unclear: neither a crossing is shown nor that there is none; more trials may.

     transition  exponent      [lower, upper]  chi2/df  fit  thresholds
         rising   -0.5001  [-0.5315, -0.4687]        -    -           2
        falling   -0.9997   [-1.024, -0.9753]        -    -           2

    exponent: b of init.std = a network.depth^b through the thresholds above, with its 95 % interval; chi2/df, fit: as
    of the deviance (!: no such law, and no such interval; -: also where cells have starts in common).
    thresholds: how many have an interval; those of curves that are not right count too.
    "#);
}

proptest! {
    /// Whatever the counts: crossings alternate, brackets and intervals are in order and hold what they are
    /// of, and everything can be written.
    #[test]
    fn any_counts_have_an_answer(
        cells in prop::collection::vec((0_u64..30, 0_u64..10, 0_u64..30), 2..9),
        trials in prop::sample::select(vec![1_u64, 7, 1000]),
        ends in any::<bool>(),
        p in prop::sample::select(vec![0.01, 0.3, 0.5, 0.9]),
        link in prop::sample::select(Link::ALL.to_vec()),
        asymptotes in prop::sample::select(Asymptotes::ALL.to_vec()),
        undecided in prop::sample::select(Undecided::ALL.to_vec()),
        scale in prop::sample::select(AxisScale::ALL.to_vec()),
        sequential in any::<bool>(),
    ) {
        let cell = |&(converged, undecided, failed): &(u64, u64, u64)| {
            // Sudden counts too: all or none.
            let converged = if ends && converged > failed { 30 } else { converged };
            let failed = if ends && converged == 30 { 0 } else { failed };
            let converged = if ends && converged < 30 { 0 } else { converged };
            let [converged, undecided] = [converged, undecided].map(|count| count * trials);
            CellCounts { trials: converged + undecided + failed * trials, converged, undecided }
        };
        let values: Vec<f64> = (0..cells.len()).map(|i| 0.1 * (1 + i * i) as f64).collect();
        let counts = Counts {
            name: "any".to_owned(),
            axes: vec![axis("init.std", AxisValues::Floats(values.clone()))],
            cells: cells.iter().map(cell).collect(),
            missing: 0,
            independent: vec![true],
            sequential,
        };
        let asked = Question { p, link, asymptotes, undecided, scale: Some(scale), ..question() };
        let found = transitions(&counts, &asked).unwrap();
        let crossings = &found.slices[0].transitions;
        prop_assert!(!crossings.is_empty());
        for pair in crossings.windows(2) {
            prop_assert_ne!(pair[0].course, pair[1].course);
        }
        for crossing in crossings {
            let Some(bracket) = crossing.bracket else {
                prop_assert!(crossing.curve.is_none() && crossing.isotonic.is_none());
                continue;
            };
            prop_assert!(bracket.lower < bracket.upper, "{crossing:?}");
            if let Some(curve) = &crossing.curve {
                prop_assert!(curve.interval.contains(curve.threshold), "{curve:?}");
                prop_assert!(curve.width > 0.0 && curve.deviance >= 0.0, "{curve:?}");
                prop_assert!(curve.floor < p && p < curve.ceiling, "{curve:?}");
            }
        }
        prop_assert!(serde_json::from_str::<serde_json::Value>(&found.json()).is_ok());
        prop_assert!(found.table().contains("any: transitions along init.std"));
    }
}
