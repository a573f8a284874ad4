//! Methods of descent besides gradient descent with a constant rate: answers that are known exactly, and
//! formulas evaluated as they are written.

use std::path::Path;
use std::sync::Arc;

use deeplin::config::parse;
use deeplin::descent::{Entry, run_observed};
use deeplin::kernel::real::Precision;
use deeplin::kernel::rule::{Method, Perturbation, Rule, Schedule};
use deeplin::kernel::select::{self, Choice};
use deeplin::kernel::simd::Level;
use deeplin::kernel::{Kernel, Window};
use deeplin::network::init::{Init, LayerValues};
use deeplin::network::target::{Problem, Target};
use deeplin::network::{Shape, Weights};
use deeplin::observe::acceleration::derivative;
use deeplin::observe::balancedness;
use deeplin::observe::spacing::{RecordedSteps, Spacing};
use deeplin::observe::trajectory::Recorder;
use deeplin::start::Starts;
use deeplin::stop::{Outcome, StopRule};
use deeplin::study::{Cell, TrialRow};
use ndarray::{Array2, array};

use crate::support::{self, cell, rows, rows_on, scalar_cell};

const DIMS: [&[usize]; 5] = [&[4, 4, 4, 4], &[5, 3, 4, 2], &[2, 4, 3, 5], &[6, 4, 1], &[3, 2]];

const EVERYWHERE: Window = Window { low: f64::NEG_INFINITY, high: f64::INFINITY };

fn rule(method: Method) -> Rule {
    Rule { method, schedule: Schedule::Constant }
}

fn flow(max_time: f64) -> Rule {
    rule(Method::Flow { tolerance: 1e-10, max_time })
}

/// Weights of trial 3 after `steps` steps.
fn weights_after(kernel: &mut dyn Kernel, cell: &Cell, steps: u64) -> Weights {
    let start = Starts::new(2018, cell).start(3);
    kernel.load(0, &start.weights, &start.problem);
    kernel.advance(steps, &vec![EVERYWHERE; kernel.lanes()]);
    let mut weights = start.weights;
    kernel.unload(0, &mut weights);
    weights
}

fn assert_near(got: &Weights, expected: &Weights, what: &str) {
    for (a, b) in got.as_slice().iter().zip(expected.as_slice()) {
        assert!((a - b).abs() < 1e-12, "{what}: {a} {b}");
    }
}

/// Each method as its formula reads, on the plain gradient, with a rate that changes.
#[test]
fn formulas() {
    let schedule = Schedule::Inverse { steps: 5, power: 0.7 };
    let (momentum, eta) = (0.8, 0.03);
    for dims in DIMS {
        let cell = cell(dims);
        let start = Starts::new(2018, &cell).start(3);
        for method in
            [Method::Gradient, Method::Momentum { momentum }, Method::Nesterov { momentum }]
        {
            let mut expected = start.weights.clone();
            let mut velocity = vec![0.0; cell.shape.parameters()];
            for t in 0..30 {
                let rate = eta * schedule.factor(t);
                let gradient = start.problem.gradient(&expected);
                let entries = expected.as_mut_slice().iter_mut().zip(&mut velocity);
                for ((w, v), g) in entries.zip(gradient.as_slice()) {
                    match method {
                        Method::Gradient => *w -= rate * g,
                        Method::Momentum { .. } => {
                            *v = momentum * *v - rate * g;
                            *w += *v;
                        }
                        _ => {
                            *v = momentum * *v - rate * g;
                            *w += momentum * *v - rate * g;
                        }
                    }
                }
            }
            let mut kernel = select::build(Rule { method, schedule }, &cell.shape, eta);
            let got = weights_after(kernel.as_mut(), &cell, 30);
            assert_near(&got, &expected, &format!("{method:?} {dims:?}"));
        }
    }
}

/// Nesterov's iterates as Sutskever, Martens, Dahl and Hinton (2013) write them: the gradient is taken
/// ahead, at `W + momentum V`; that point is what the kernel holds.
#[test]
fn nesterov_takes_its_gradient_ahead() {
    let (momentum, eta) = (0.9, 0.02);
    let cell = cell(&[3, 4, 2]);
    let start = Starts::new(2018, &cell).start(3);
    let (mut weights, mut velocity) = (start.weights.clone(), vec![0.0; cell.shape.parameters()]);
    let ahead = |weights: &Weights, velocity: &[f64]| {
        let mut ahead = weights.clone();
        for (w, v) in ahead.as_mut_slice().iter_mut().zip(velocity) {
            *w += momentum * v;
        }
        ahead
    };
    for _ in 0..40 {
        let gradient = start.problem.gradient(&ahead(&weights, &velocity));
        let entries = weights.as_mut_slice().iter_mut().zip(&mut velocity);
        for ((w, v), g) in entries.zip(gradient.as_slice()) {
            *v = momentum * *v - eta * g;
            *w += *v;
        }
    }
    let mut kernel = select::build(rule(Method::Nesterov { momentum }), &cell.shape, eta);
    let got = weights_after(kernel.as_mut(), &cell, 40);
    assert_near(&got, &ahead(&weights, &velocity), "Sutskever's form");
}

/// Without momentum, and with a constant factor, all is gradient descent; so it is on a loss with a
/// metric, and mirrored.
#[test]
fn without_momentum_it_is_gradient_descent() {
    for dims in DIMS {
        let cell = cell(dims);
        let mut plain = Choice::Panels.build(&cell.shape, 0.1, Precision::Float64);
        let expected = weights_after(plain.as_mut(), &cell, 50);
        for method in [
            Method::Gradient,
            Method::Momentum { momentum: 0.0 },
            Method::Nesterov { momentum: 0.0 },
            Method::Perturbed(Perturbation { threshold: 0.0, radius: 1.0, interval: 0 }),
        ] {
            let mut kernel = select::build(rule(method), &cell.shape, 0.1);
            let got = weights_after(kernel.as_mut(), &cell, 50);
            assert_near(&got, &expected, &format!("{method:?} {dims:?}"));
        }
    }
}

#[test]
fn methods_have_the_same_bits_on_all_instruction_sets() {
    let methods = [
        Method::Momentum { momentum: 0.9 },
        Method::Flow { tolerance: 1e-9, max_time: f64::INFINITY },
    ];
    for (dims, method) in DIMS.iter().flat_map(|dims| methods.map(|method| (dims, method))) {
        let cell = cell(dims);
        let here = Level::ALL.into_iter().filter(|level| level.is_here());
        let on = |level| {
            let mut kernel = select::build_at(level, rule(method), &cell.shape, 0.05);
            weights_after(kernel.as_mut(), &cell, 60)
        };
        let weights: Vec<Weights> = here.map(on).collect();
        assert!(weights.iter().all(|w| w.same_bits(&weights[0])), "{dims:?} {method:?}");
    }
}

/// Polyak (1964) on a quadratic: one layer is `W <- W - V` with residual `r`, which obeys
/// `r(t+1) = (1 + m - eta) r(t) - m r(t-1)`: with the roots' product `m`, critically damped at
/// `eta = (1 - sqrt m)^2` it goes as `(a + b t) sqrt(m)^t`.
#[test]
fn heavy_ball_on_one_layer() {
    let momentum: f64 = 0.81;
    let root = momentum.sqrt();
    let eta = (1.0 - root).powi(2);
    let cell = Cell { learning_rate: eta, ..cell(&[3, 2]) };
    let mut kernel = select::build(rule(Method::Momentum { momentum }), &cell.shape, eta);
    let losses = support::losses(kernel.as_mut(), &cell, 0, 60);
    let slope = (1.0 - eta) / root - 1.0;
    for (t, loss) in losses.iter().enumerate() {
        let t = t as f64;
        let expected = losses[0] * ((1.0 + slope * t) * root.powf(t)).powi(2);
        assert!((loss - expected).abs() < 1e-11 * losses[0], "step {t}: {loss} {expected}");
    }
}

/// A balanced diagonal start of one mode of strength `u`, towards `s`, in a net of depth `n`.
fn mode(n: usize, s: f64, u: f64) -> Cell {
    scalar_cell(&vec![u.powf(1.0 / n as f64); n], s, 1e-3)
}

/// The product of the layers at time 1.
fn at_time_1(cell: &Cell) -> f64 {
    let cell = Cell { rule: flow(1.0), ..cell.clone() };
    let row = &rows(&cell, 1)[0];
    assert_eq!((row.outcome, row.measures.time_final), (Outcome::StepLimit, 1.0));
    row.measures.end_to_end_norm_final
}

/// Saxe, McClelland and Ganguli (2014): `u(t) = s e^{2st} / (e^{2st} - 1 + s / u_0)` at depth 2, and
/// `du/dt = N u^{2-2/N} (s - u)` at any. Gradient descent comes to the flow at first order in `eta`.
#[test]
fn modes_of_the_flow() {
    let (s, u) = (3.0, 0.01);
    let two = at_time_1(&mode(2, s, u));
    let exponential = f64::exp(2.0 * s);
    let exact = s * exponential / (exponential - 1.0 + s / u);
    assert!((two - exact).abs() < 1e-8 && (exact - 1.723_002_234_1).abs() < 1e-10, "{two}");
    let three = at_time_1(&mode(3, s, u));
    assert!((three - 0.205_852_350_5).abs() < 1e-8, "{three}");

    let descended = |eta: f64| {
        let steps = (1.0 / eta).round() as u64;
        let stop = StopRule { max_steps: steps, ..cell(&[1, 1]).stop };
        let cell = Cell { learning_rate: eta, stop, ..mode(2, s, u) };
        rows(&cell, 1)[0].measures.end_to_end_norm_final
    };
    let [coarse, fine] = [1e-3, 5e-4].map(descended);
    assert!((coarse - 1.719_203_72).abs() < 1e-8, "{coarse}");
    let ratio = (coarse - exact) / (fine - exact);
    assert!((ratio - 2.0).abs() < 0.01, "first order: {ratio}");
}

/// The error of the flow follows its tolerance.
#[test]
fn tolerance_is_what_it_says() {
    let exact = 1.723_002_234_106_29;
    let error = |tolerance: f64| {
        let rule = rule(Method::Flow { tolerance, max_time: 1.0 });
        let row = &rows(&Cell { rule, ..mode(2, 3.0, 0.01) }, 1)[0];
        ((row.measures.end_to_end_norm_final - exact).abs(), row.steps)
    };
    let [(coarse, few), (_, more), (fine, many)] = [1e-5, 1e-8, 1e-11].map(error);
    assert!(coarse < 1e-3 && fine < 1e-9 && coarse > 100.0 * fine, "{coarse} {fine}");
    assert!(few < more && more < many, "{few} {more} {many}");
}

/// Balancedness is conserved by the flow (Arora, Cohen and Hazan 2018; Du, Hu and Lee 2018).
#[test]
fn the_flow_keeps_balancedness() {
    for dims in [&[3, 4, 2][..], &[4, 4, 4, 4], &[6, 4, 1]] {
        let cell = Cell { rule: flow(f64::INFINITY), ..cell(dims) };
        for row in rows(&cell, 4) {
            let (before, after) =
                (row.measures.balancedness_initial, row.measures.balancedness_final);
            assert!((before - after).abs() < 1e-7 * before, "{dims:?}: {before} {after}");
        }
    }
    // Not only its norm: the matrices.
    let cell = cell(&[3, 4, 2]);
    let mut kernel = select::build(flow(f64::INFINITY), &cell.shape, 1.0);
    let start = Starts::new(2018, &cell).start(3);
    let after = weights_after(kernel.as_mut(), &cell, 100);
    let imbalance = |w: &Weights| w.layer(2).t().dot(&w.layer(2)) - w.layer(1).dot(&w.layer(1).t());
    let moved = imbalance(&after) - imbalance(&start.weights);
    assert!(moved.iter().all(|x| x.abs() < 1e-7), "{moved}");
    assert!(balancedness(&after) > 0.1);
}

/// What a computed flow moves the conserved `D_j = W_{j+1}' W_{j+1} - W_j W_j'` by is the error of its steps.
/// A step errs by `tolerance ||W||` or about that, which moves `D_j` by `2 sqrt(2) tolerance ||W||^2` at most.
#[test]
fn the_drift_of_a_flow_is_of_its_tolerance() {
    for dims in [&[3, 4, 2][..], &[4, 4, 4, 4], &[6, 4, 1]] {
        let drifts = [1e-5, 1e-8, 1e-11].map(|tolerance| {
            let rule = rule(Method::Flow { tolerance, max_time: f64::INFINITY });
            let cell = Cell { rule, ..cell(dims) };
            let starts = Starts::new(2018, &cell);
            let drift = |(trial, row): (u64, TrialRow)| {
                let norm = starts.start(trial).weights.norm();
                let drift = row.measures.balancedness_drift;
                let most = 10.0 * row.steps as f64 * tolerance * norm * norm;
                assert!(drift < most, "{dims:?} {tolerance}: {drift} above {most}");
                drift
            };
            (0..).zip(rows(&cell, 4)).map(drift).fold(0.0, f64::max)
        });
        assert!(drifts[0] > 100.0 * drifts[1] && drifts[1] > 100.0 * drifts[2], "{drifts:?}");
    }
}

/// The drifts of a trace begin at zero, and the largest of its end is that of the row.
#[test]
fn a_trace_follows_the_drift() {
    let methods =
        [Method::Gradient, flow(f64::INFINITY).method, Method::Momentum { momentum: 0.5 }];
    for (dims, method) in DIMS.iter().flat_map(|dims| methods.map(|method| (dims, method))) {
        let cell = Cell { rule: rule(method), ..cell(dims) };
        let starts = Starts::new(2018, &cell);
        let recorded = RecordedSteps { spacing: Spacing::Log, points: 10, max_steps: 1000 };
        let mut along = Recorder::new(&cell, 3, recorded, Vec::new(), false);
        let mut kernel = deeplin::run::method::kernel(&cell);
        let entry = Entry { cell: &cell, trial: 3, start: starts.start(3), state: None };
        let row = run_observed(kernel.as_mut(), entry, &[], &mut along).expect("it goes on");
        let (pairs, along) = (cell.shape.depth() - 1, along.trajectory());
        let drifts = &along.imbalance_drift;
        assert_eq!(drifts.len(), pairs * along.step.len());
        // Up to the change of basis where the shape is reduced.
        assert!(drifts[..pairs].iter().all(|&drift| drift < 1e-14), "{dims:?}: {drifts:?}");
        let last = drifts[drifts.len() - pairs..].iter().fold(0.0, |a: f64, &b| a.max(b));
        assert_eq!(last, row.measures.balancedness_drift, "{dims:?} {method:?}");
        assert_eq!(last > 0.0, pairs > 0);
    }
}

/// ZAS, Wu, Wang and Ma (2019): with `W_N = 0` and identities, `l(t) <= e^{-2t} l(0)` for every target.
#[test]
fn zas_under_the_flow() {
    for (depth, trial_targets) in [(2, 3.0), (3, 1.0), (5, 0.5)] {
        for time in [0.3, 1.0, 2.0] {
            let cell = Cell {
                target: Arc::new(Target::Gaussian { std: trial_targets }),
                draw: deeplin::network::target::Draw::Trial,
                init: Arc::new(Init::Zas),
                rule: flow(time),
                stop: StopRule { loss: 1e-12, ..cell(&[4, 4]).stop },
                ..cell(&vec![4; depth + 1])
            };
            for row in rows(&cell, 5) {
                let bound = f64::exp(-2.0 * time) * row.measures.loss_initial;
                assert!(row.measures.loss_final <= bound * (1.0 + 1e-8), "{depth} {time}");
            }
        }
    }
}

/// Tarmoun et al. and Min et al. (2021): for two scalar layers `w_2^2 - w_1^2 = delta` is conserved, and
/// `l(t) <= e^{-2 |delta| t} l(0)`.
#[test]
fn imbalance_accelerates_two_scalar_layers() {
    for (values, target) in [([0.1, 1.5], 1.0), ([-2.0, 0.5], 3.0), ([1.0, 0.2], -1.0)] {
        for time in [0.2, 1.0, 3.0] {
            let stop = StopRule { loss: 1e-15, ..cell(&[1, 1]).stop };
            let cell = Cell { rule: flow(time), stop, ..scalar_cell(&values, target, 0.1) };
            let measures = rows(&cell, 1)[0].measures;
            let delta = values[1] * values[1] - values[0] * values[0];
            assert!((measures.balancedness_final - delta.abs()).abs() < 1e-8, "{measures:?}");
            let bound = f64::exp(-2.0 * delta.abs() * time) * measures.loss_initial;
            assert!(measures.loss_final <= bound * (1.0 + 1e-8), "{values:?} {time}");
        }
    }
}

/// Balanced starts with one output (`||Phi|| = 1`): with `r = ||W||` and the angle `th` to `Phi`,
/// `dr/dt = N r^{2-2/N} (cos th - r)`, `dth/dt = -r^{1-2/N} sin th`, and so
/// `1/r(th) = sin^N th [1/(r_0 sin^N th_0) + N int_th^{th_0} sin^{-(N+1)}]` along the orbit.
#[test]
fn orbit_of_a_balanced_start_with_one_output() {
    let depth = 3;
    let (r, angle) = (0.3_f64, 2.0_f64);
    let root = r.powf(1.0 / f64::from(depth));
    let shape = Shape::new(vec![2, 1, 1, 1]);
    let layers: [Array2<f64>; 3] =
        [array![[root * angle.cos(), root * angle.sin()]], array![[root]], array![[root]]];
    let weights = Weights::from_layers(&shape, &layers);
    let problem = Problem::from_matrix(array![[1.0, 0.0]]);
    let mut kernel = select::build(flow(f64::INFINITY), &shape, 1.0);
    kernel.load(0, &weights, &problem);
    let mut now = weights;
    let mut checked = 0;
    for _ in 0..400 {
        kernel.advance(1, &[EVERYWHERE]);
        kernel.unload(0, &mut now);
        let product = now.end_to_end();
        let (r_now, th) =
            (product[[0, 0]].hypot(product[[0, 1]]), product[[0, 1]].atan2(product[[0, 0]]));
        if th < 0.05 {
            break;
        }
        let n = f64::from(depth);
        let velocity = derivative(&now, &problem.gradient(&now)) * -1.0;
        let (x, y, dx, dy) = (product[[0, 0]], product[[0, 1]], velocity[[0, 0]], velocity[[0, 1]]);
        let (outward, turning) = ((x * dx + y * dy) / r_now, (x * dy - y * dx) / (r_now * r_now));
        let expected_outward = n * r_now.powf(2.0 - 2.0 / n) * (th.cos() - r_now);
        let expected_turning = -r_now.powf(1.0 - 2.0 / n) * th.sin();
        assert!((outward - expected_outward).abs() < 1e-8, "th {th}: {outward}");
        assert!((turning - expected_turning).abs() < 1e-8, "th {th}: {turning}");
        let integral = simpson(|x| x.sin().powf(-(n + 1.0)), th, angle);
        let inverse = th.sin().powf(n) * (1.0 / (r * angle.sin().powf(n)) + n * integral);
        assert!((1.0 / r_now / inverse - 1.0).abs() < 1e-6, "th {th}: {r_now} {}", 1.0 / inverse);
        checked += 1;
    }
    assert!(checked > 20, "{checked}");
}

fn simpson(f: impl Fn(f64) -> f64, a: f64, b: f64) -> f64 {
    let n = 20_000;
    let h = (b - a) / f64::from(n);
    let inner = (1..n).map(|i| f64::from(2 + 2 * (i % 2)) * f(a + h * f64::from(i)));
    h / 3.0 * (f(a) + f(b) + inner.sum::<f64>())
}

/// The interpolant is of order 4 inside a step.
#[test]
fn weights_within_a_step() {
    let exact = |t: f64| {
        let exponential = f64::exp(6.0 * t);
        3.0 * exponential / (exponential - 1.0 + 300.0)
    };
    let cell = mode(2, 3.0, 0.01);
    let start = Starts::new(2018, &cell).start(0);
    let mut kernel = select::build(flow(f64::INFINITY), &cell.shape, 1.0);
    kernel.load(0, &start.weights, &start.problem);
    let mut at = start.weights.clone();
    assert!(!kernel.within(0, 0.0, &mut at), "no step was made");
    let mut worst: f64 = 0.0;
    for _ in 0..60 {
        let begin = kernel.time(0).expect("a flow has a time");
        kernel.advance(1, &[EVERYWHERE]);
        let end = kernel.time(0).expect("a flow has a time");
        for part in [0.0, 0.2, 0.5, 0.8, 1.0] {
            let time = begin + part * (end - begin);
            assert!(kernel.within(0, time.clamp(begin, end), &mut at));
            worst = worst.max((at.end_to_end()[[0, 0]] - exact(time)).abs());
        }
        assert!(!kernel.within(0, end + 1e-3, &mut at) && !kernel.within(0, begin - 1e-3, &mut at));
    }
    assert!(worst < 1e-7, "{worst}");
}

/// Jin et al. (2017), Kawaguchi (2016): at `W = 0` the saddle of depth 2 is strict, so that noise
/// leaves it; gradient descent and the flow never move.
#[test]
fn only_noise_leaves_the_saddle_at_zero() {
    let zeros = |rule: Rule, depth: usize| Cell {
        init: Arc::new(Init::Values(LayerValues::Scalars(vec![0.0; depth]))),
        rule,
        stop: StopRule { max_steps: 20_000, ..cell(&[3, 3]).stop },
        ..cell(&vec![3; depth + 1])
    };
    let noise = Perturbation { threshold: 1e-3, radius: 1e-2, interval: 100 };
    // The length of the flow's steps grows first.
    let still = [
        (Method::Gradient, 1),
        (Method::Momentum { momentum: 0.9 }, 1),
        (flow(f64::INFINITY).method, 2),
    ];
    for (method, periods) in still {
        for row in rows(&zeros(rule(method), 2), 1) {
            assert_eq!((row.outcome, row.steps), (Outcome::Stalled, periods * 5040), "{method:?}");
        }
    }
    let perturbed = rows(&zeros(rule(Method::Perturbed(noise)), 2), 8);
    assert!(perturbed.iter().all(|row| row.outcome == Outcome::Converged), "{perturbed:?}");
    let steps: std::collections::BTreeSet<u64> = perturbed.iter().map(|row| row.steps).collect();
    assert!(steps.len() > 4, "trials have noise of their own: {steps:?}");
    assert_eq!(perturbed, rows(&zeros(rule(Method::Perturbed(noise)), 2), 8));
    // At depth 3 the saddle is flat: the noise has to add up before the weights go on.
    let slowest = steps.last().expect("a trial");
    for row in rows(&zeros(rule(Method::Perturbed(noise)), 3), 3) {
        assert!(row.outcome == Outcome::Converged && row.steps > 2 * slowest, "{row:?} {slowest}");
    }
}

/// A schedule that ends leaves a trial undecided: weights that stand still prove nothing.
#[test]
fn schedules_never_stall() {
    let rule = Rule { schedule: Schedule::Step { steps: 10, factor: 0.0 }, ..Rule::default() };
    let stop = StopRule { max_steps: 15_000, ..cell(&[2, 2]).stop };
    let cell = Cell { rule, stop, ..cell(&[2, 2, 2]) };
    for row in rows(&cell, 3) {
        assert_eq!((row.outcome, row.steps), (Outcome::StepLimit, 15_000));
        assert!((row.measures.time_final - 1.0).abs() < 1e-12, "{}", row.measures.time_final);
    }
}

/// Theorem 1 of Arora, Cohen, Golowich and Hu (2019): the rate of their formula, the bound on the steps,
/// and nothing for starts without a margin.
#[test]
fn the_rate_of_theorem_1() {
    let text = "trials = 1\n[network]\ninput = 1\nhidden = 1\noutput = 1\ndepth = 2\n\
                [target]\nkind = \"unit\"\n[init]\nkind = \"values\"\nvalues = [1, 0.9]\n\
                [descent]\nlearning_rate = \"theorem1\"\nmax_steps = 1_000_000\n\
                [stop]\nloss = 1e-6\n";
    let study = |sets: &[&str]| {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        parse("theorem1", text, &sets, Path::new(".")).expect("a study")
    };
    let row = &rows(&study(&[]).cells[0], 1)[0];
    assert!((row.measures.learning_rate / 1.483_154e-5 - 1.0).abs() < 1e-6, "{row:?}");
    let bound = f64::ln(row.measures.loss_initial / 1e-6) / (row.measures.learning_rate * 0.9);
    assert!(row.outcome == Outcome::Converged && (row.steps as f64) < bound, "{row:?} {bound}");
    for without in ["init.values=[0, 1]", "init.values=[2, 1]"] {
        let row = &rows(&study(&[without]).cells[0], 1)[0];
        assert_eq!((row.outcome, row.steps), (Outcome::StepLimit, 0), "{without}");
        assert!(row.measures.learning_rate.is_nan());
    }
}

/// A traced flow at chosen times, reduced to a smaller shape: the modes of Saxe et al. (2014) again.
#[test]
fn samples_of_a_traced_flow() {
    let (s, u) = (3.0, 0.01);
    let text = "trials = 1\n[network]\ninput = 1\nhidden = 9\noutput = 1\ndepth = 2\n\
                [target]\nkind = \"unit\"\nnorm = 3\n[init]\nkind = \"balanced\"\nnorm = 0.01\n\
                [descent]\nmethod = \"flow\"\nmax_time = 1.5";
    let study = parse("flow", text, &[], Path::new(".")).expect("a study");
    let mut sampled = 0;
    for trial in 0..6 {
        let starts = Starts::new(study.seed, &study.cells[0]);
        let mut kernel = deeplin::run::method::kernel(&study.cells[0]);
        let (cell, ladder) = (&study.cells[0], &study.ladder);
        let recorded = RecordedSteps { spacing: Spacing::Linear, points: 10, max_steps: 100 };
        let mut along = Recorder::new(cell, trial, recorded, vec![1.0, 0.25, 9.0], false);
        let entry = Entry { cell, trial, start: starts.start(trial), state: None };
        let row = run_observed(kernel.as_mut(), entry, ladder, &mut along).expect("it goes on");
        assert_eq!(row, rows_on(kernel.as_mut(), cell, trial + 1, ladder)[trial as usize]);
        let along = along.trajectory();
        assert_eq!(along.time.last(), Some(&row.measures.time_final));
        assert_eq!(along.sample_loss.len(), 2, "the third is beyond the end");
        // Half of the starts have the other sign, and go to zero.
        if along.sample_end_to_end[0] < 0.0 {
            continue;
        }
        for (time, product) in along.times.iter().zip(&along.sample_end_to_end) {
            let exponential = f64::exp(2.0 * s * time);
            let exact = s * exponential / (exponential - 1.0 + s / u);
            assert!((product - exact).abs() < 1e-7, "{time}: {product} {exact}");
        }
        sampled += 1;
    }
    assert!(sampled > 0);
}
