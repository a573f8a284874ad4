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
    /// How many pilot trials, evenly from all strata, say how many trials each stratum gets; they do not
    /// count. 0: all get equally many.
    pub pilot: u64,
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

/// Number of the first start that the ends of strata are made of, and of the first that pilot trials are
/// taken from: above the trials of every study, and none of those that learning rates are tuned on.
const FIRST_OF_PILOT: u64 = 3 << 62;
/// How many starts to each stratum these are.
const STARTS_OF_PILOT: u64 = 1000;
/// Trials that one thread runs on one kernel.
const CHUNK: usize = 64;

/// Looks at starts and runs some of each stratum; `None` if `interrupt` was raised. A function of all but
/// the number of threads. `watch` is told how many trials have been run.
///
/// The ends of the strata are quantiles of starts that do not count. The starts that are run are the first
/// of each stratum, as far as there are so many: trials of the study.
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
    let found = run::pool(request.workers)?.install(|| {
        let seen = seen(request, &starts, FIRST_OF_PILOT, STARTS_OF_PILOT * request.strata as u64);
        let ends = ends(request, &seen);
        let place = |quantity: &f64| place(&ends, *quantity);
        let run =
            |chosen: Vec<(u64, u16)>| outcomes(request.cell, &starts, &chosen, interrupt, watch);
        let even = |trials| vec![trials / (ends.len() as u64 + 1); ends.len() + 1];
        let aside: Vec<u16> = seen.iter().map(place).collect();
        let pilot = run(choose(FIRST_OF_PILOT, &aside, even(request.pilot)));
        let looked = (0..request.looked).into_par_iter().map(|trial| {
            // Once it is interrupted there is no need to look.
            if interrupt.raised() { 0 } else { place(&request.quantity.of(&starts.start(trial))) }
        });
        let places: Vec<u16> = looked.collect();
        let sizes = match request.pilot {
            0 => even(request.trials),
            _ => allocation(&summed(&ends, &places, &pilot), request.trials),
        };
        summed(&ends, &places, &run(choose(0, &places, sizes)))
    });
    Ok((!interrupt.raised()).then_some(found))
}

/// The quantities of starts from a first trial on.
fn seen(request: &Request<'_>, starts: &Starts<'_>, first: u64, count: u64) -> Vec<f64> {
    let trials = (0..count).into_par_iter();
    trials.map(|k| request.quantity.of(&starts.start(first + k))).collect()
}

/// How many of so many trials each stratum gets: in proportion to `w sqrt(p (1 - p))`, which makes the variance
/// least (Neyman 1934, J. R. Stat. Soc. 97(4) 558-625), with `p = (k + 1) / (n + 2)` from `k` of `n` pilot
/// trials.
fn allocation(piloted: &Strata, trials: u64) -> Vec<u64> {
    let weight = |stratum: &Stratum| {
        let (k, n) = (stratum.converged as f64, stratum.trials as f64);
        let p = (k + 1.0) / (n + 2.0);
        stratum.starts as f64 * (p * (1.0 - p)).sqrt()
    };
    let weights: Vec<f64> = piloted.0.iter().map(weight).collect();
    let sum: f64 = weights.iter().sum();
    // One at least: without any, nothing would be known of a stratum.
    weights.iter().map(|weight| ((trials as f64 * weight / sum) as u64).max(1)).collect()
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

/// Where one stratum ends and the next begins, in increasing order: quantiles of what was seen.
fn ends(request: &Request<'_>, seen: &[f64]) -> Vec<f64> {
    if request.quantity == Quantity::Determinant {
        return vec![0.0];
    }
    let mut seen = seen.to_vec();
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

/// The trials to run, each with its stratum: the first of each, so many as are left to it, in increasing
/// order. The places are those of the trials from `first` on.
fn choose(first: u64, places: &[u16], mut left: Vec<u64>) -> Vec<(u64, u16)> {
    let numbered = (first..).zip(places.iter().copied());
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

#[cfg(test)]
mod tests {
    use super::*;

    fn stratum(starts: u64, trials: u64, converged: u64) -> Stratum {
        Stratum { from: 0.0, to: 1.0, starts, trials, converged, undecided: 0 }
    }

    /// By hand: `p = 1/2, 1/2, 1/10`, so `w sqrt(p (1 - p))` is as 5 to 10 to 3.
    #[test]
    fn trials_go_where_they_tell_most() {
        let piloted = [stratum(100, 8, 4), stratum(200, 8, 4), stratum(100, 8, 0)];
        assert_eq!(allocation(&Strata(piloted.to_vec()), 180), [50, 100, 30]);
    }

    #[test]
    fn the_first_of_each_stratum_are_chosen() {
        let chosen = choose(10, &[1, 0, 1, 1, 0, 2], vec![1, 2, 5]);
        assert_eq!(chosen, [(10, 1), (11, 0), (12, 1), (15, 2)]);
    }

    #[test]
    fn a_stratum_begins_with_its_end() {
        let places = [-1.0, 0.5, 0.7, 2.0, 3.0].map(|quantity| place(&[0.5, 2.0], quantity));
        assert_eq!(places, [0, 1, 1, 2, 2]);
    }
}
