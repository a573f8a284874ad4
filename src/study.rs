//! Plain data of the program: studies, cells, blocks and the rows they become.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::kernel::real::Precision;
use crate::kernel::rule::Rule;
use crate::network::Shape;
use crate::network::init::{Init, Law};
use crate::network::target::{Draw, Target};
use crate::stats::{self, Goal, Interval};
use crate::stop::{Outcome, StopRule};

/// One validated configuration: cells times trials.
#[derive(Debug, Clone)]
pub struct Study {
    /// `name`: what the default directory and the title of the results are called.
    pub name: String,
    /// `seed`, the only source of randomness.
    pub seed: u64,
    /// Trials of each cell; the most that one may have, if there is a [`stopping`](Self::stopping) rule.
    pub trials: u64,
    /// When a cell has enough trials, if not when it has [`trials`](Self::trials).
    pub stopping: Option<StoppingRule>,
    /// Where one axis has further points that get trials about a transition.
    pub refinement: Option<Refinement>,
    /// Axes of the sweep, with all points that may get trials; the cells are their product in row-major order (last axis fastest).
    pub axes: Vec<Axis>,
    /// The points of the sweep; exactly one if there is no sweep.
    pub cells: Vec<Cell>,
    /// Excess losses whose first hits are recorded, strictly decreasing (`stop.ladder`).
    pub ladder: Vec<f64>,
    /// Which trials leave their trajectory too, and how; `None`: none of them.
    pub record: Option<TrajectoryRule>,
    /// How bounds of probabilities are computed; decides no bit of any row.
    pub interval: IntervalRule,
    /// How the work is cut and stored; decides no bit of any row.
    pub storage: StorageRule,
    /// The resolved configuration as TOML: every key that decides a bit of the results, defaults
    /// and `--set` applied. Two studies with equal text (and equal data files) are the same study.
    pub config: String,
    /// Digest of `config` and of the content of every data file it names.
    pub digest: Digest,
}

/// Which trials leave their trajectory, and when they are recorded (`[record]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrajectoryRule {
    /// How many: the first ones of every cell.
    pub trials: u64,
    /// How many steps are recorded between the start and the step limit, at least 2.
    pub points: u64,
    /// How these lie.
    pub spacing: Spacing,
    /// Whether singular vectors and the Hessian are recorded too.
    pub spectra: bool,
}

/// How the records of a trial lie between its start and its step limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spacing {
    /// Equally far from each other in the logarithm.
    Log,
    /// Equally far from each other.
    Linear,
}

impl Refinement {
    /// Most points that get trials, of an axis with so many.
    pub fn most_points(&self, length: usize) -> usize {
        length.div_ceil(self.spacing).saturating_add(self.cells as usize).min(length)
    }

    /// Most cells that get trials, of so many with these axes.
    pub fn most_cells(&self, cells: usize, axes: &[Axis]) -> usize {
        let length = axes[self.axis].len();
        cells / length * self.most_points(length)
    }
}

/// What is before the words of a law in the configuration of [`Study::with_law`].
const OTHER_LAW: &str = "# Initial weights of another law than that of [init]: ";

/// The words of the law of initial weights that a resolved configuration names and does not hold; see
/// [`Study::with_law`].
pub fn other_law(config: &str) -> Option<&str> {
    config.lines().last()?.strip_prefix(OTHER_LAW)
}

impl Study {
    /// The same study with initial weights of this law in every cell, instead of those of `[init]`, whose keys
    /// have no effect any more. The digests of the study and of its cells, and its configuration, name it.
    pub fn with_law(mut self, law: Arc<dyn Law>) -> Self {
        let words = law.words().escape_debug().to_string();
        let with_words = |digest: Digest| Digest::of(&[&digest.0, words.as_bytes()].concat());
        for cell in &mut self.cells {
            cell.init = Arc::new(Init::Own(Arc::clone(&law)));
            cell.digest = with_words(cell.digest);
        }
        self.digest = with_words(self.digest);
        self.config += &format!("\n{OTHER_LAW}{words}\n");
        self
    }

    /// Trials of all cells together that are spread by precision, if there is such a budget.
    pub fn budget(&self) -> Option<u64> {
        self.stopping?.budget
    }

    /// Most cells that get trials.
    pub fn most_cells(&self) -> usize {
        let cells = self.cells.len();
        self.refinement.map_or(cells, |refinement| refinement.most_cells(cells, &self.axes))
    }

    /// Whether what came of trials decides which cells have how many.
    pub fn is_adaptive(&self) -> bool {
        self.stopping.is_some() || self.refinement.is_some()
    }
}

/// When a cell has enough trials, where their number is not fixed beforehand
/// (`trials = { min = .., max = .., .. }`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StoppingRule {
    /// Trials before the first look and between two.
    pub every: u64,
    /// Confidence level.
    pub level: f64,
    /// How precise the probability of convergence has to be.
    pub goal: Goal,
    /// Trials of all cells together, at most: the least precise cell gets the next ones until they are
    /// spent. `None`: as many as all cells need.
    #[serde(default)]
    pub budget: Option<u64>,
}

impl StoppingRule {
    /// Whether looks come, and the level is one.
    pub fn is_possible(&self) -> bool {
        self.every > 0 && self.level > 0.0 && self.level < 1.0
    }

    /// Whether so many trials are enough: judged on a confidence sequence.
    pub fn is_met(&self, converged: u64, undecided: u64, trials: u64) -> bool {
        self.goal.is_reached(converged, undecided, trials, |k| self.interval(k, trials))
    }

    /// How far a cell with so many trials is from being precise: the half width of the wider interval, of
    /// those that converged and of those that did or still might; for a relative goal as a part of its
    /// share of trials, and 0 for a share of 0, of which no number of trials says enough.
    pub fn width(&self, converged: u64, undecided: u64, trials: u64) -> f64 {
        let width = |successes: u64| {
            let half = self.interval(successes, trials).half_width();
            match self.goal {
                Goal::Relative(_) if successes == 0 => 0.0,
                Goal::Relative(_) => half * trials as f64 / successes as f64,
                Goal::HalfWidth(_) | Goal::Decide(_) => half,
            }
        };
        width(converged).max(width(converged + undecided))
    }

    /// The interval of so many successes.
    pub fn interval(&self, successes: u64, trials: u64) -> Interval {
        stats::confidence_sequence(successes, trials, self.level)
    }
}

/// An axis that is refined where the probability of convergence crosses a value (`[refine]`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Refinement {
    /// Number of the axis.
    pub axis: usize,
    /// The probability.
    pub at: f64,
    /// How many points get trials besides those of the sweep, for each combination of the other axes.
    pub cells: u64,
    /// Every so many points of the axis one is of the sweep, from the first on; a power of two.
    pub spacing: usize,
}

/// How bounds of probabilities are computed (`[interval]`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct IntervalRule {
    /// The method.
    pub method: stats::Method,
    /// Confidence level of each interval, and of all intervals of the simultaneous ones.
    pub level: f64,
}

impl Default for IntervalRule {
    fn default() -> Self {
        Self { method: stats::Method::default(), level: 0.95 }
    }
}

/// How the work is cut and stored (`[store]`).
#[derive(Debug, Clone, PartialEq)]
pub struct StorageRule {
    /// Whether the row of every trial is kept, not only what the cells come to.
    pub rows: bool,
    /// Trials of a block; `None`: chosen from the cost of the cell.
    pub block: Option<u64>,
    /// Seconds of work after which the blocks that are done are published as a part.
    pub part_seconds: f64,
}

/// One axis of a sweep: one key, or several that move together (`[[sweep.zip]]`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    /// The keys with their values, all equally long; the first names the dimension.
    pub keys: Vec<AxisKey>,
}

impl Axis {
    /// Number of points.
    pub fn len(&self) -> usize {
        self.keys[0].values.len()
    }

    /// Whether there is no point (never so in a validated study).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A swept key and its values along the axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AxisKey {
    /// Dotted key, for instance `init.std`.
    pub key: String,
    /// Its values.
    pub values: AxisValues,
}

impl AxisKey {
    /// The key as a variable of the results file: `init_std`.
    pub fn variable(&self) -> String {
        self.key.replace('.', "_")
    }
}

/// Values of a swept key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum AxisValues {
    /// Floating-point numbers.
    Floats(Vec<f64>),
    /// Whole numbers.
    Integers(Vec<i64>),
    /// Anything else, as the TOML text of the value (strings without quotes).
    Labels(Vec<String>),
}

impl AxisValues {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::Floats(v) => v.len(),
            Self::Integers(v) => v.len(),
            Self::Labels(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Those at these positions.
    pub fn only(&self, positions: &[usize]) -> Self {
        match self {
            Self::Floats(v) => Self::Floats(positions.iter().map(|&i| v[i]).collect()),
            Self::Integers(v) => Self::Integers(positions.iter().map(|&i| v[i]).collect()),
            Self::Labels(v) => Self::Labels(positions.iter().map(|&i| v[i].clone()).collect()),
        }
    }

    /// The `i`-th value as people write it.
    pub fn text(&self, i: usize) -> String {
        match self {
            Self::Floats(v) => v[i].to_string(),
            Self::Integers(v) => v[i].to_string(),
            Self::Labels(v) => v[i].clone(),
        }
    }
}

/// One point of the sweep, with everything that decides its rows.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Position in the product of the axes, row-major.
    pub index: usize,
    /// Trials that it is to have, as far as is known: all of the study's where their number is fixed.
    pub trials: u64,
    /// Dimensions of the network.
    pub shape: Shape,
    /// Target.
    pub target: Arc<Target>,
    /// Digest of the `[target]` table and `d_0`, `d_N`: keys the random numbers of the target.
    pub target_digest: Digest,
    /// How often a random target is drawn.
    pub draw: Draw,
    /// Law of the initial weights.
    pub init: Arc<Init>,
    /// Learning rate `eta`; NaN where each trial has its own, and before it is tuned.
    pub learning_rate: f64,
    /// Where the learning rate comes from.
    pub rate_law: RateLaw,
    /// How it is tuned, if it is.
    pub tuning: Option<Arc<Tuning>>,
    /// The method of descent.
    pub rule: Rule,
    /// Format of the numbers of the steps.
    pub precision: Precision,
    /// Whether the network may be computed in a smaller shape (see `reduce`).
    pub reduce: bool,
    /// When a trial ends.
    pub stop: StopRule,
    /// Whether and how convergence is proved.
    pub certificate: CertificateRule,
    /// Digest of `[network]`, `[target]` and `[init]`: keys the random numbers of the initial weights.
    /// So another learning rate, method, budget or loss target meets the same starts, and cells that
    /// differ in these can be compared trial by trial.
    pub digest: Digest,
}

/// Whether and how it is proved on the way that a trial converges (`[certificate]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CertificateRule {
    /// Whether proofs are tried.
    pub check: bool,
    /// Whether a trial has converged, and ends, where that is proved.
    pub ends: bool,
    /// Steps that a trial runs on after it has hit its target without a proof, at most.
    pub extra_steps: u64,
}

impl Default for CertificateRule {
    fn default() -> Self {
        Self { check: true, ends: false, extra_steps: 0 }
    }
}

impl CertificateRule {
    /// This one without the proofs that decide no outcome.
    pub fn deciding(self) -> Self {
        Self { check: self.ends, extra_steps: 0, ..self }
    }
}

/// A proof that a trial converges to a global minimum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Certified {
    /// The step from whose weights it was made.
    pub step: u64,
    /// From there on the residual falls at least by this factor in every step.
    pub rate: f64,
    /// The loss target is reached at this step at the latest.
    pub steps_bound: u64,
}

impl Certified {
    /// From what files say of it; `None` if there is none.
    pub fn new(step: i64, rate: f64, steps_bound: i64) -> Option<Self> {
        let [step, steps_bound] = [step, steps_bound].map(|n| u64::try_from(n).ok());
        Some(Self { step: step?, rate, steps_bound: steps_bound? })
    }
}

/// Where a learning rate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RateLaw {
    /// It is given.
    #[default]
    Given,
    /// Each trial has the largest one that theorem 1 of Arora, Cohen, Golowich and Hu (2019) allows for
    /// the margin of its start; one without a margin has none.
    Theorem1,
    /// The best of several for the cell, found on trials that do not count.
    Tuned,
}

impl RateLaw {
    /// Whether all trials of a cell have the same learning rate.
    pub fn is_of_cell(self) -> bool {
        self != Self::Theorem1
    }
}

/// How the learning rate of a cell is tuned (`descent.tuning_*`): each of the rates is tried on the same
/// pilot trials, and the one at which most of them converge, in the fewest steps, is taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuning {
    /// The rates, strictly increasing.
    pub rates: Vec<f64>,
    /// Number of pilot trials.
    pub trials: u64,
}

/// A range of trial numbers of one cell: the unit of work and of durability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Block {
    /// Cell index.
    pub cell: usize,
    /// First trial.
    pub first: u64,
    /// Number of trials.
    pub count: u64,
}

impl Block {
    /// Its trials.
    pub fn trials(&self) -> Range<u64> {
        self.first..self.first + self.count
    }

    /// Whether a trial belongs to it.
    pub fn holds(&self, cell: usize, trial: u64) -> bool {
        cell == self.cell && self.trials().contains(&trial)
    }
}

/// What one trial leaves.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialRow {
    /// How it ended.
    pub outcome: Outcome,
    /// Updates made when it ended; for a converged trial the first step at or under the loss target.
    pub steps: u64,
    /// What was measured at its ends.
    pub measures: Measures,
    /// Conditions of the convergence theorem that its start meets (see [`theorem`](crate::theorem)).
    pub theorem1: u8,
    /// The proof that it converges, if one was made.
    pub certificate: Option<Certified>,
    /// For each rung of the study's ladder the first step at or under it, -1 if never.
    pub hit_steps: Vec<i64>,
}

/// Where a trial is in the middle of its descent: with its start, which its number gives again, all that
/// it needs to go on to the same bits.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialState {
    /// Index of its cell.
    pub cell: usize,
    /// Its number.
    pub trial: u64,
    /// Updates made.
    pub steps: u64,
    /// The sum of the learning rates of its steps, or the time of a flow.
    pub time: f64,
    /// The weights in the shape that is computed in, layer 1 first, each row-major.
    pub weights: Vec<f64>,
    /// What the method keeps besides the weights.
    pub memory: Vec<f64>,
    /// The weights, and then the memory, that the next test for a stall compares with.
    pub before: Vec<f64>,
    /// For each rung of the study's ladder the first step at or under it, -1 if not yet.
    pub hit_steps: Vec<i64>,
    /// The proof that it converges, if one was made.
    pub certificate: Option<Certified>,
    /// Number of the loss at which a proof is tried next.
    pub next_check: u64,
    /// Of a trial that has hit its target and goes on until it is proved: the steps, and what was
    /// measured there.
    pub hit: Option<(u64, Measures)>,
    /// Whether the loss was at its target but not when it was computed anew from the weights.
    pub unconfirmed: bool,
    /// Of a trial that is recorded, what has been: the numbers of its trajectory.
    pub recorded: Option<Vec<f64>>,
}

/// Declares [`Measures`] once: the struct, the order in files, and the words of the file format.
macro_rules! measures {
    ($($(#[doc = $doc:literal])+ $name:ident: $long:literal,)+) => {
        /// Floating-point measurements of one trial, each a variable of `results.h5`.
        #[derive(Debug, Clone, Copy, Default)]
        pub struct Measures {
            $($(#[doc = $doc])+ pub $name: f64,)+
        }

        impl Measures {
            /// Number of measurements.
            pub const COUNT: usize = [$(stringify!($name)),+].len();
            /// Variable name and `long_name` of each, in the order of [`Self::to_array`].
            pub const NAMES: [(&'static str, &'static str); Self::COUNT] = [$((stringify!($name), $long)),+];

            /// The values in the order of [`Self::NAMES`].
            pub fn to_array(self) -> [f64; Self::COUNT] {
                [$(self.$name),+]
            }

            /// The inverse of [`Self::to_array`].
            pub fn from_array(values: [f64; Self::COUNT]) -> Self {
                let [$($name),+] = values;
                Self { $($name),+ }
            }
        }
    };
}

/// Bit for bit: what was not measured, NaN, is equal to itself.
impl PartialEq for Measures {
    fn eq(&self, other: &Self) -> bool {
        self.to_array().map(f64::to_bits) == other.to_array().map(f64::to_bits)
    }
}

measures! {
    /// Excess loss of the initial weights.
    loss_initial: "excess loss of the initial weights",
    /// Excess loss of the final weights.
    loss_final: "excess loss of the final weights",
    /// `max_j ||W_{j+1}' W_{j+1} - W_j W_j'||_F` at the start.
    balancedness_initial: "balancedness of the initial weights, max_j ||W_{j+1}' W_{j+1} - W_j W_j'||_F",
    /// The same at the end.
    balancedness_final: "balancedness of the final weights, max_j ||W_{j+1}' W_{j+1} - W_j W_j'||_F",
    /// `max_j ||D_j - D_j(0)||_F` at the end, `D_j = W_{j+1}' W_{j+1} - W_j W_j'`.
    balancedness_drift: "drift of the imbalances D_j = W_{j+1}' W_{j+1} - W_j W_j' from the initial to the final weights, max_j ||D_j(final) - D_j(initial)||_F (gradient flow conserves D_j)",
    /// `sigma_min(Phi) - ||W(0) - Phi||_F`.
    margin_initial: "deficiency margin of the initial weights, sigma_min(Phi) - ||W - Phi||_F (negative: none)",
    /// `||Phi||_F`.
    target_norm: "Frobenius norm of the target Phi",
    /// `sigma_min(Phi)`.
    target_sigma_min: "smallest of the min(d_0, d_N) singular values of the target Phi",
    /// The bound of the convergence theorem on the steps to the loss target.
    theorem1_steps: "step from which on the loss is proved to be at or under its target by theorem 1 of arXiv:1810.02281; NaN unless all of its conditions hold",
    /// Smallest of the `min(d_0, d_N)` singular values of the final end-to-end matrix.
    sigma_min_final: "smallest singular value of the final end-to-end matrix",
    /// `sqrt(sum_j ||G_j||_F^2)` at the end.
    gradient_norm_final: "Euclidean norm of the loss gradient at the final weights",
    /// `prod_j ||W_j||_F` at the start.
    norm_product_initial: "product of the Frobenius norms of the initial layers",
    /// `||W_N ... W_1||_F` at the start.
    end_to_end_norm_initial: "Frobenius norm of the initial end-to-end matrix",
    /// `||W_N ... W_1||_F` at the end.
    end_to_end_norm_final: "Frobenius norm of the final end-to-end matrix",
    /// Learning rate, before any schedule; NaN: none.
    learning_rate: "learning rate of the trial, before any schedule (NaN: none)",
    /// The sum of the learning rates of all steps, or the time of a flow.
    time_final: "sum of the learning rates of all steps; method flow: time",
}
