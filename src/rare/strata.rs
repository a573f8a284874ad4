//! The probability that trials converge, from strata of starts: very many starts are looked at, which is
//! cheap, put into strata by what is seen, and of each stratum as many are run.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::trials::Runner;
use crate::error::{Error, Result};
use crate::network::matrix::determinant_sign;
use crate::observe::balancedness;
use crate::run::{self, interrupt::Interrupt};
use crate::start::{Start, Starts};
use crate::stats::stratified::{self, Estimate, Sighted};
use crate::stats::{Interval, quantile};
use crate::stop::Outcome;
use crate::study::{Cell, TrialRow};
use crate::theorem;

/// What the strata tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// The sign of the determinant of the end-to-end matrix, which must be square.
    Determinant,
    /// The deficiency margin, below zero too: `sigma_min(Phi) - ||W - Phi||_F`.
    Margin,
    /// The balancedness `max_j ||W_{j+1}' W_{j+1} - W_j W_j'||_F`.
    Imbalance,
}

impl Quantity {
    fn of(self, start: &Start) -> f64 {
        match self {
            Self::Determinant => determinant_sign(start.weights.end_to_end().view()),
            Self::Margin => start.margin(),
            Self::Imbalance => balancedness(&start.weights),
        }
    }
}

/// What is to be done.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Seed of the study.
    pub seed: u64,
    /// The cell; its learning rate is tuned, if it is to be.
    pub cell: &'a Cell,
    /// What the strata tell apart.
    pub quantity: Quantity,
    /// Number of strata, for a quantity that is not a sign.
    pub strata: usize,
    /// How many starts are looked at: those of the first trials.
    pub looked: u64,
    /// How many trials are run, all strata together, at most.
    pub trials: u64,
    /// Number of threads; decides nothing else.
    pub workers: usize,
}

/// One stratum: the starts whose quantity is at least `from` and below `to`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stratum {
    /// Its lower end.
    pub from: f64,
    /// Its upper end.
    pub to: f64,
    /// How many of the starts that were looked at belong to it.
    pub starts: u64,
    /// How many of these were run.
    pub trials: u64,
    /// How many converged.
    pub converged: u64,
    /// How many were undecided at the step limit.
    pub undecided: u64,
}

impl Stratum {
    /// With every undecided trial taken as one that `converges`, or as one that does not.
    fn sighted(&self, converges: bool) -> Sighted {
        let successes = self.converged + if converges { self.undecided } else { 0 };
        Sighted { starts: self.starts, successes, trials: self.trials }
    }
}

/// All strata, the lowest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Strata(pub Vec<Stratum>);

impl Strata {
    /// The probability of convergence within the step limit, and its standard error; `None` if a stratum
    /// has starts and no trials.
    pub fn estimate(&self) -> Option<Estimate> {
        stratified::sighted_estimate(&self.sighted(false))
    }

    /// An interval that contains the probability of convergence, with any number of steps, at this
    /// confidence or more: below, undecided trials are taken not to converge, above to do so.
    ///
    /// # Panics
    /// If `level` is not strictly between 0 and 1.
    pub fn interval(&self, level: f64) -> Interval {
        let upper = stratified::sighted_interval(&self.sighted(true), level).upper;
        Interval { upper, ..self.budget_interval(level) }
    }

    /// An interval that contains the probability of convergence within the step limit, at this confidence
    /// or more.
    ///
    /// # Panics
    /// If `level` is not strictly between 0 and 1.
    pub fn budget_interval(&self, level: f64) -> Interval {
        stratified::sighted_interval(&self.sighted(false), level)
    }

    fn sighted(&self, converges: bool) -> Vec<Sighted> {
        self.0.iter().map(|stratum| stratum.sighted(converges)).collect()
    }
}

/// Number of the first start that the ends of strata are made of: above the trials of every study, and
/// none of those that learning rates are tuned on.
const FIRST_OF_ENDS: u64 = 3 << 62;
/// How many starts to each stratum these are.
const STARTS_OF_ENDS: u64 = 1000;
/// Trials that one thread runs on one kernel.
const CHUNK: usize = 64;

/// Looks at starts and runs some of each stratum; `None` if `interrupt` was raised. A function of all but
/// the number of threads. `watch` is told how many trials have been run.
///
/// The ends of the strata are quantiles of starts that do not count. The starts that are run are the first
/// of each stratum, equally many of each as far as there are: trials of the study.
///
/// # Errors
/// If the cell has no such quantity, or the threads cannot be started.
pub fn run(
    request: &Request<'_>,
    interrupt: &Interrupt,
    watch: &(dyn Fn(u64) + Sync),
) -> Result<Option<Strata>> {
    check(request)?;
    let starts = Starts::new(request.seed, request.cell);
    let pool = run::pool(request.workers)?;
    let ends = pool.install(|| ends(request, &starts));
    let of = |trial| place(&ends, request.quantity.of(&starts.start(trial)));
    let places: Vec<u16> = pool.install(|| {
        let looked = (0..request.looked).into_par_iter();
        looked.map(|trial| if interrupt.raised() { 0 } else { of(trial) }).collect()
    });
    let chosen = choose(&places, ends.len() + 1, request.trials);
    let outcomes = pool.install(|| outcomes(request.cell, &starts, &chosen, interrupt, watch));
    if interrupt.raised() {
        return Ok(None);
    }
    Ok(Some(summed(&ends, &places, &outcomes)))
}

/// Refuses a cell that has no such quantity.
fn check(request: &Request<'_>) -> Result<()> {
    let shape = &request.cell.shape;
    let refuse = |message: &str, help: &str| Err(Error::usage(message, Some(help.to_owned())));
    match request.quantity {
        Quantity::Determinant if shape.input() != shape.output() => refuse(
            "only a square end-to-end matrix has a determinant",
            "the cell needs network.input = network.output; or take other strata",
        ),
        Quantity::Determinant if !theorem::is_wide(shape) => refuse(
            "the determinant is always 0: a hidden layer is narrower than input and output",
            "widen network.hidden to network.input, or take other strata",
        ),
        Quantity::Imbalance if shape.depth() == 1 => refuse(
            "one layer is always balanced",
            "take other strata, or network.depth = 2 and more",
        ),
        _ => Ok(()),
    }
}

/// Where one stratum ends and the next begins, in increasing order.
fn ends(request: &Request<'_>, starts: &Starts<'_>) -> Vec<f64> {
    if request.quantity == Quantity::Determinant {
        return vec![0.0];
    }
    let count = STARTS_OF_ENDS * request.strata as u64;
    let trials = (0..count).into_par_iter().map(|k| FIRST_OF_ENDS + k);
    let mut seen: Vec<f64> = trials.map(|k| request.quantity.of(&starts.start(k))).collect();
    seen.sort_by(f64::total_cmp);
    let parts = (1..request.strata).map(|h| h as f64 / request.strata as f64);
    let mut ends: Vec<f64> = parts.filter_map(|q| quantile(&seen, q)).collect();
    // A law with atoms has fewer.
    ends.dedup();
    ends
}

/// The stratum of a start.
fn place(ends: &[f64], quantity: f64) -> u16 {
    ends.partition_point(|&end| end <= quantity) as u16
}

/// The trials to run, each with its stratum: the first of each, in increasing order.
fn choose(places: &[u16], strata: usize, trials: u64) -> Vec<(u64, u16)> {
    let mut left = vec![trials / strata as u64; strata];
    let numbered = (0..).zip(places.iter().copied());
    let takes = |&(_, place): &(u64, u16)| {
        let left = &mut left[usize::from(place)];
        let takes = *left > 0;
        *left -= u64::from(takes);
        takes
    };
    numbered.filter(takes).collect()
}

/// How the chosen trials end, each with its stratum.
fn outcomes(
    cell: &Cell,
    starts: &Starts<'_>,
    chosen: &[(u64, u16)],
    interrupt: &Interrupt,
    watch: &(dyn Fn(u64) + Sync),
) -> Vec<(u16, Outcome)> {
    let done = AtomicU64::new(0);
    let run = |chunk: &[(u64, u16)]| {
        let runner = Runner::new(cell, interrupt.flag());
        let numbered = (0..).zip(chunk);
        let rows = runner.rows(numbered.map(|(k, &(trial, _))| (k, starts.start(trial))));
        let ended = rows.len() as u64;
        watch(done.fetch_add(ended, Ordering::Relaxed) + ended);
        let outcome = |(k, row): (u64, TrialRow)| (chunk[k as usize].1, row.outcome);
        rows.into_iter().map(outcome).collect::<Vec<_>>()
    };
    chosen.par_chunks(CHUNK).flat_map_iter(run).collect()
}

/// The strata with what was counted.
fn summed(ends: &[f64], places: &[u16], outcomes: &[(u16, Outcome)]) -> Strata {
    let from = std::iter::once(f64::NEG_INFINITY).chain(ends.iter().copied());
    let to = ends.iter().copied().chain(std::iter::once(f64::INFINITY));
    let empty = |(from, to)| Stratum { from, to, starts: 0, trials: 0, converged: 0, undecided: 0 };
    let mut strata: Vec<Stratum> = from.zip(to).map(empty).collect();
    for &place in places {
        strata[usize::from(place)].starts += 1;
    }
    for &(place, outcome) in outcomes {
        let stratum = &mut strata[usize::from(place)];
        stratum.trials += 1;
        stratum.converged += u64::from(outcome == Outcome::Converged);
        stratum.undecided += u64::from(outcome == Outcome::StepLimit);
    }
    Strata(strata)
}
