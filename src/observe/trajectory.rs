//! One trial followed along its way.

use std::ops::Range;

use ndarray::Array2;

use super::Observer;
use super::acceleration::{derivative, preconditioned};
use super::hessian::{Hessian, Spectrum};
use super::imbalance::Imbalances;
use super::spacing::RecordedSteps;
use crate::digest::Digest;
use crate::kernel::rule::{Method, Rule};
use crate::network::svd::{Svd, singular_values, svd};
use crate::network::{Shape, Weights, matrix};
use crate::rng::{Purpose, stream};
use crate::start::Start;
use crate::study::Cell;

/// A dimension that a quantity has besides the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// The layers `1..=N`.
    Layer,
    /// The pairs of neighbouring layers, `j` and `j + 1` for `j = 1..N-1`.
    Pair,
    /// The singular values, largest first; NaN where a matrix has fewer than another.
    Singular,
}

impl Dimension {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Layer, Self::Pair, Self::Singular];

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Layer => "layer",
            Self::Pair => "layer_pair",
            Self::Singular => "singular",
        }
    }

    /// What its points are.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Layer => "layer j = 1..N, counted from 0",
            Self::Pair => "layers j and j+1, j = 1..N-1, counted from 0",
            Self::Singular => "singular value, largest first",
        }
    }
}

/// How long the dimensions are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Number of layers.
    pub layers: usize,
    /// The most singular values that a layer or the end-to-end matrix has.
    pub singular: usize,
}

impl Sizes {
    /// Those of networks of this shape.
    pub fn of(shape: &Shape) -> Self {
        let layers = shape.dims().windows(2).map(|pair| pair[0].min(pair[1]));
        let end_to_end = shape.input().min(shape.output());
        Self { layers: shape.depth(), singular: layers.fold(end_to_end, usize::max) }
    }

    /// The larger one of each.
    pub fn max(self, other: Self) -> Self {
        let Self { layers, singular } = other;
        Self { layers: self.layers.max(layers), singular: self.singular.max(singular) }
    }

    /// Number of points of a dimension.
    pub fn length(self, dimension: Dimension) -> usize {
        match dimension {
            Dimension::Layer => self.layers,
            Dimension::Pair => self.layers - 1,
            Dimension::Singular => self.singular,
        }
    }

    /// How many numbers a quantity has in each record.
    pub fn numbers_of(self, quantity: &Quantity) -> usize {
        quantity.dimensions.iter().map(|&dimension| self.length(dimension)).product()
    }

    /// How many numbers a record has, its step included.
    pub fn numbers(self, spectra: bool) -> usize {
        1 + quantities(spectra).map(|quantity| self.numbers_of(quantity)).sum::<usize>()
    }

    /// Where each quantity is in the numbers of so many records (see [`Trajectory::to_numbers`]).
    pub fn places(
        self,
        spectra: bool,
        records: usize,
    ) -> impl Iterator<Item = (&'static Quantity, Range<usize>)> {
        quantities(spectra).scan(records, move |next, quantity| {
            let begin = *next;
            *next += records * self.numbers_of(quantity);
            Some((quantity, begin..*next))
        })
    }
}

/// The quantities that are recorded with or without spectra.
pub fn quantities(spectra: bool) -> impl Iterator<Item = &'static Quantity> {
    QUANTITIES.iter().filter(move |quantity| spectra || !quantity.spectral)
}

/// A quantity that is recorded: for each record one number, or one for each point of its dimensions, the
/// last fastest.
#[derive(Debug)]
pub struct Quantity {
    /// Name of the variable.
    pub name: &'static str,
    /// What it is.
    pub long_name: &'static str,
    /// Its dimensions after the record.
    pub dimensions: &'static [Dimension],
    /// Whether it needs singular vectors, layer by layer, or the Hessian.
    pub spectral: bool,
}

/// Declares [`Trajectory`] once: the struct, and the words of the file format.
macro_rules! trajectory {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident [$($dimension:ident),*] $($spectral:ident)?: $long:literal,
    )+) => {
        /// All quantities, in the order of files.
        pub const QUANTITIES: &[Quantity] = &[$(Quantity {
            name: stringify!($name),
            long_name: $long,
            dimensions: &[$(Dimension::$dimension),*],
            spectral: !<[&str]>::is_empty(&[$(stringify!($spectral))?]),
        }),+];

        /// What is recorded along a trial. The last record is its end.
        #[derive(Debug, Clone, Default)]
        pub struct Trajectory {
            /// Updates made, for each record.
            pub step: Vec<i64>,
            $($(#[doc = $doc])+ pub $name: Vec<f64>,)+
            /// The weights of the last record.
            pub last: Option<Weights>,
            /// Times to be sampled within the steps of a flow, ascending, and the excess losses and
            /// end-to-end matrices there, as far as the trial has come.
            pub times: Vec<f64>,
            /// See [`times`](Self::times).
            pub sample_loss: Vec<f64>,
            /// See [`times`](Self::times); each row-major.
            pub sample_end_to_end: Vec<f64>,
        }

        impl Trajectory {
            /// The values of each of [`QUANTITIES`], record by record; none if it was not recorded.
            pub fn columns(&self) -> impl Iterator<Item = (&'static Quantity, &[f64])> {
                QUANTITIES.iter().zip([$(&self.$name[..]),+])
            }

            fn columns_mut(&mut self) -> [&mut Vec<f64>; QUANTITIES.len()] {
                [$(&mut self.$name),+]
            }
        }
    };
}

trajectory! {
    /// The sum of the learning rates of the steps made, or the time of a flow.
    time []: "sum of the learning rates of the steps made; method flow: time",
    /// Excess loss.
    loss []: "excess loss",
    /// Learning rate of the next step; NaN for a flow.
    next_learning_rate []: "learning rate of the next step (NaN: method flow)",
    /// `sqrt(sum_j ||G_j||_F^2)`.
    gradient_norm []: "Euclidean norm of the loss gradient",
    /// `max_j ||W_{j+1}' W_{j+1} - W_j W_j'||_F`.
    balancedness []: "balancedness, max_j ||W_{j+1}' W_{j+1} - W_j W_j'||_F",
    /// `||W_{j+1}' W_{j+1} - W_j W_j'||_F`.
    imbalance [Pair]: "imbalance of two layers, ||W_{j+1}' W_{j+1} - W_j W_j'||_F",
    /// `||D_j - D_j(0)||_F` for `D_j = W_{j+1}' W_{j+1} - W_j W_j'`.
    imbalance_drift [Pair]:
        "how far the imbalance D_j = W_{j+1}' W_{j+1} - W_j W_j' of two layers is from that of the start, ||D_j - D_j(0)||_F (gradient flow conserves D_j)",
    /// `min_j ||W_j W_j'||_F`.
    gram_norm_min []: "smallest Gram matrix of a layer, min_j ||W_j W_j'||_F",
    /// Singular values of `W_j`.
    layer_singular_values [Layer, Singular] spectral: "singular values of each layer",
    /// `|u_k(W_j)' v_k(W_{j+1})|`.
    alignment [Pair, Singular] spectral:
        "alignment of singular vectors, |u_k(W_j)' v_k(W_{j+1})|, left ones of layer j, right ones of j+1",
    /// `||W_N ... W_1||_F`.
    end_to_end_norm []: "Frobenius norm of the end-to-end matrix",
    /// Singular values of the end-to-end matrix.
    singular_values [Singular]: "singular values of the end-to-end matrix",
    /// Smallest of the `min(d_0, d_N)` singular values of the end-to-end matrix.
    sigma_min []: "smallest singular value of the end-to-end matrix",
    /// `sigma_min(Phi) - ||W - Phi||_F`.
    margin []: "deficiency margin, sigma_min(Phi) - ||W - Phi||_F",
    /// Excess loss after a step of gradient descent over the one before.
    decrease []: "excess loss after the next step over the one before, by gradient descent",
    /// `1 - eta sigma_min(W)^(2(N-1)/N)`, which Lemma 1 of Arora, Cohen, Golowich and Hu (2019) has for it
    /// where its conditions hold.
    decrease_bound []:
        "bound of Lemma 1 (Arora et al. 2019) on decrease, 1 - eta sigma_min(W)^(2(N-1)/N)",
    /// Largest eigenvalue of the Hessian.
    sharpness [] spectral: "largest eigenvalue of the Hessian of the loss",
    /// Smallest eigenvalue of the Hessian.
    hessian_min [] spectral: "smallest eigenvalue of the Hessian of the loss",
    /// Cosine of the angle between the way that the gradients of the layers move the end-to-end matrix and
    /// the preconditioned gradient of Arora, Cohen and Hazan (2018).
    acceleration_cosine [] spectral:
        "cosine between the derivative of the end-to-end matrix along the gradient and its preconditioned gradient",
    /// Their distance over the length of the first.
    acceleration_error [] spectral:
        "distance between the derivative of the end-to-end matrix along the gradient and its preconditioned gradient, relative to the derivative",
}

impl Trajectory {
    /// The records as one list: the steps (doubles hold them exactly), then one quantity after another, each
    /// record by record.
    pub fn to_numbers(&self) -> Vec<f64> {
        let steps = self.step.iter().map(|&step| step as f64);
        steps.chain(self.columns().flat_map(|(_, values)| values.iter().copied())).collect()
    }

    /// The inverse of [`to_numbers`](Self::to_numbers), for a network of these sizes; `None` if they do
    /// not make whole records.
    pub fn from_numbers(numbers: &[f64], sizes: Sizes, spectra: bool) -> Option<Self> {
        let records = numbers.len() / sizes.numbers(spectra);
        if records * sizes.numbers(spectra) != numbers.len() {
            return None;
        }
        let (steps, mut rest) = numbers.split_at(records);
        let step = steps.iter().map(|&step| step as i64).collect();
        let mut along = Self { step, ..Self::default() };
        for (quantity, column) in QUANTITIES.iter().zip(along.columns_mut()) {
            if spectra || !quantity.spectral {
                let (values, behind) = rest.split_at(records * sizes.numbers_of(quantity));
                column.extend(values);
                rest = behind;
            }
        }
        Some(along)
    }
}

/// Records a trial of a cell.
#[derive(Debug)]
pub struct Recorder {
    recorded: RecordedSteps,
    /// Whether singular vectors and the Hessian are computed too.
    spectra: bool,
    rule: Rule,
    /// Imbalances of the start, once something has been recorded.
    imbalances: Option<Imbalances>,
    sizes: Sizes,
    /// Digest of the cell and number of the trial: keys of the start vectors of Lanczos.
    digest: Digest,
    trial: u64,
    trajectory: Trajectory,
}

impl Recorder {
    /// Of a trial of this cell, at the steps of `recorded` and at its end, with samples of a flow at these
    /// times. Without `spectra` all quantities that need singular vectors, layer by layer, or the Hessian
    /// stay empty: they take most of the time in wide networks.
    pub fn new(
        cell: &Cell,
        trial: u64,
        recorded: RecordedSteps,
        mut times: Vec<f64>,
        spectra: bool,
    ) -> Self {
        times.sort_by(f64::total_cmp);
        Self {
            recorded,
            spectra,
            rule: cell.rule,
            imbalances: None,
            sizes: Sizes::of(&cell.shape),
            digest: cell.digest,
            trial,
            trajectory: Trajectory { times, ..Trajectory::default() },
        }
    }

    /// Learning rate of the step after `step`.
    fn learning_rate(&self, step: u64, start: &Start) -> f64 {
        match self.rule.method {
            Method::Flow { .. } => f64::NAN,
            _ => start.terms.learning_rate * self.rule.schedule.factor(step),
        }
    }

    /// Goes on from what has been recorded of the trial, as [`Trajectory::to_numbers`] gives it; whether
    /// that fits.
    pub fn go_on(&mut self, numbers: &[f64]) -> bool {
        let there = Trajectory::from_numbers(numbers, self.sizes, self.spectra);
        let times = std::mem::take(&mut self.trajectory.times);
        let fits = there.is_some();
        self.trajectory = Trajectory { times, ..there.unwrap_or_default() };
        fits
    }

    /// What has been recorded so far.
    pub fn so_far(&self) -> &Trajectory {
        &self.trajectory
    }

    /// What has been recorded.
    pub fn trajectory(self) -> Trajectory {
        self.trajectory
    }

    /// Each layer by itself, and each with the next.
    fn record_layers(&mut self, weights: &Weights, start: &Start) {
        let depth = weights.shape().depth();
        let along = &mut self.trajectory;
        let now = Imbalances::of(weights);
        let first = self.imbalances.get_or_insert_with(|| Imbalances::of(&start.weights));
        along.balancedness.push(now.balancedness());
        along.imbalance.extend(now.norms());
        along.imbalance_drift.extend(now.moved_from(first));
        let gram = |j| {
            let layer = weights.layer(j);
            matrix::frobenius(matrix::product(layer, layer.t()).view())
        };
        along.gram_norm_min.push((1..=depth).map(gram).fold(f64::INFINITY, f64::min));
    }

    /// The end-to-end matrix.
    fn record_end_to_end(&mut self, w: &Array2<f64>, start: &Start) {
        let along = &mut self.trajectory;
        let values = singular_values(w.view());
        let sigma_min = values.last().copied().unwrap_or(f64::NAN);
        along.singular_values.extend(padded(values.into_iter(), self.sizes.singular));
        along.sigma_min.push(sigma_min);
        along.end_to_end_norm.push(matrix::frobenius(w.view()));
        let distance = matrix::frobenius((w - &start.problem.phi).view());
        along.margin.push(start.landscape.sigma_min - distance);
    }

    /// What a step of gradient descent does to the loss, and what theory has for it.
    fn record_step(
        &mut self,
        w: &Array2<f64>,
        weights: &Weights,
        gradient: &Weights,
        rate: f64,
        start: &Start,
    ) {
        let after = stepped(weights, gradient, rate).end_to_end();
        let excess = |w: &Array2<f64>| start.problem.loss(w) - start.landscape.floor;
        let along = &mut self.trajectory;
        let sigma_min = along.sigma_min.last().copied().unwrap_or(f64::NAN);
        let n = weights.shape().depth() as f64;
        along.next_learning_rate.push(rate);
        along.decrease.push(excess(&after) / excess(w));
        along.decrease_bound.push(1.0 - rate * libm::pow(sigma_min, 2.0 * (n - 1.0) / n));
    }

    /// Singular values and vectors of the layers.
    fn record_singular_vectors(&mut self, weights: &Weights) {
        let shape = weights.shape();
        let decomposed: Vec<Svd> = (1..=shape.depth()).map(|j| svd(weights.layer(j))).collect();
        let longest = self.sizes.singular;
        for Svd { s, .. } in &decomposed {
            self.trajectory.layer_singular_values.extend(padded(s.iter().copied(), longest));
        }
        for pair in decomposed.windows(2) {
            let aligned = pair[0].u.columns().into_iter().zip(pair[1].v.columns());
            let aligned = aligned.map(|(u, v)| u.dot(&v).abs());
            self.trajectory.alignment.extend(padded(aligned, longest));
        }
    }

    /// How the gradient moves the end-to-end matrix.
    fn record_acceleration(
        &mut self,
        w: &Array2<f64>,
        weights: &Weights,
        gradient: &Weights,
        start: &Start,
    ) {
        let expected = preconditioned(w, &start.problem.residual(w), weights.shape().depth());
        let moved = derivative(weights, gradient);
        let norm = |matrix: &Array2<f64>| matrix::frobenius(matrix.view());
        let inner = (&moved * &expected).sum();
        let along = &mut self.trajectory;
        along.acceleration_cosine.push(inner / (norm(&moved) * norm(&expected)));
        along.acceleration_error.push(norm(&(&moved - &expected)) / norm(&moved));
    }

    /// The ends of the spectrum of the Hessian, from a start vector of the step's own: a record does not
    /// depend on the others.
    fn record_hessian(&mut self, step: u64, weights: &Weights, start: &Start) {
        let hessian = Hessian::new(weights, &start.problem);
        let mut random = stream(step, &self.digest, Purpose::Lanczos, self.trial);
        let Spectrum { largest, smallest } = hessian.spectrum(&mut random);
        self.trajectory.sharpness.push(largest);
        self.trajectory.hessian_min.push(smallest);
    }
}

impl Observer for Recorder {
    fn next(&self, step: u64) -> Option<u64> {
        self.recorded.next(step)
    }

    fn observe(&mut self, step: u64, time: f64, excess: f64, weights: &Weights, start: &Start) {
        self.trajectory.step.push(step as i64);
        self.trajectory.time.push(time);
        self.trajectory.loss.push(excess);
        let (w, gradient) = (weights.end_to_end(), start.problem.gradient(weights));
        self.trajectory.gradient_norm.push(gradient.norm());
        self.record_layers(weights, start);
        self.record_end_to_end(&w, start);
        self.record_step(&w, weights, &gradient, self.learning_rate(step, start), start);
        if self.spectra {
            self.record_singular_vectors(weights);
            self.record_acceleration(&w, weights, &gradient, start);
            self.record_hessian(step, weights, start);
        }
        self.trajectory.last = Some(weights.clone());
    }

    fn next_time(&self) -> Option<f64> {
        self.trajectory.times.get(self.trajectory.sample_loss.len()).copied()
    }

    fn sample(&mut self, weights: &Weights, start: &Start) {
        let end_to_end = weights.end_to_end();
        let excess = start.problem.loss(&end_to_end) - start.landscape.floor;
        self.trajectory.sample_loss.push(excess);
        self.trajectory.sample_end_to_end.extend(end_to_end.iter());
    }
}

/// `W_j - eta G_j` for all layers.
fn stepped(weights: &Weights, gradient: &Weights, learning_rate: f64) -> Weights {
    let mut after = weights.clone();
    for (w, g) in after.as_mut_slice().iter_mut().zip(gradient.as_slice()) {
        *w -= learning_rate * g;
    }
    after
}

fn padded(values: impl Iterator<Item = f64>, length: usize) -> impl Iterator<Item = f64> {
    values.chain(std::iter::repeat(f64::NAN)).take(length)
}
