//! Multilevel splitting on the start of a trial: independent runs of [`crate::stats::splitting`], whose states are
//! the normals that a start is made of.
//!
//! Every law of initial weights, and every target that is drawn anew for every trial, is a function of
//! standard normals. They are moved by steps of an Ornstein-Uhlenbeck process, all of them or along a line,
//! which keep their law and so that of the start.

use rayon::prelude::*;

use super::event::Event;
use super::normals::{self, Given};
use super::trials::Runner;
use crate::error::{Error, Result};
use crate::rng::{Purpose, Stream, stream};
use crate::run::{self, interrupt::Interrupt};
use crate::start::Starts;
use crate::stats::splitting::{self, Failure, Plan, Problem, Tally, line_step, normal_step};
use crate::stats::splitting_runs::Counts;
use crate::study::Cell;

/// What is to be estimated, and how.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Seed of the study.
    pub seed: u64,
    /// The cell; its learning rate is tuned, if it is to be.
    pub cell: &'a Cell,
    /// The event.
    pub event: Event,
    /// Number of independent runs, at least 1.
    pub runs: u64,
    /// How each of them is done.
    pub plan: Plan,
    /// Number of threads; decides nothing else.
    pub workers: usize,
}

/// Estimates the probability of the event; `None` if `interrupt` was raised. A function of all but the
/// number of threads. `watch` is told the run, its lowest score and what it has counted.
///
/// # Errors
/// If the cell has no random start or the event is out of place there, if scores have ties, if the
/// evaluations do not suffice, or the threads cannot be started.
pub fn estimate(
    request: &Request<'_>,
    interrupt: &Interrupt,
    watch: &(dyn Fn(u64, f64, &Tally) + Sync),
) -> Result<Option<Counts>> {
    let Request { seed, cell, event, .. } = *request;
    let starts = Starts::new(seed, cell);
    let random = |run| stream(seed, &cell.digest, Purpose::Splitting, run);
    event.check(cell, &starts.start_from(&mut random(0)))?;
    let normals = normals::count(&starts, random(0));
    if normals == 0 {
        return Err(no_random_start());
    }
    let one = |run: u64| {
        let runner = Runner::new(cell, interrupt.flag());
        let problem = Moving { starts: &starts, event, normals, runner };
        splitting::run(&problem, 0.0, request.plan, &mut random(run), |level, tally| {
            watch(run, level, tally);
            !interrupt.raised()
        })
    };
    let runs: Vec<std::result::Result<Tally, Failure>> = run::pool(request.workers)?
        .install(|| (0..request.runs).into_par_iter().map(one).collect());
    if interrupt.raised() {
        return Ok(None);
    }
    let runs: std::result::Result<_, _> = runs.into_iter().collect();
    runs.map(|runs| Some(Counts { runs })).map_err(|failure| refusal(event, failure))
}

/// The starts of a cell, which are moved by their normals.
struct Moving<'a> {
    starts: &'a Starts<'a>,
    event: Event,
    normals: usize,
    runner: Runner<'a>,
}

impl Problem for Moving<'_> {
    type State = Vec<f64>;

    fn draw(&self, random: &mut Stream) -> Vec<f64> {
        (0..self.normals).map(|_| random.gaussian()).collect()
    }

    fn score(&self, normals: &Vec<f64>) -> f64 {
        let start = self.starts.start_from(&mut Given::new(normals));
        self.event.score(start, &self.runner)
    }

    fn propose(&self, normals: &Vec<f64>, size: f64, random: &mut Stream) -> Vec<f64> {
        normals.iter().map(|&x| normal_step(x, 0.0, 1.0, size, random)).collect()
    }

    fn propose_along(
        &self,
        normals: &Vec<f64>,
        others: [&Vec<f64>; 2],
        size: f64,
        random: &mut Stream,
    ) -> Vec<f64> {
        line_step(normals, others.map(Vec::as_slice), size, random)
    }
}

fn no_random_start() -> Error {
    let help = "splitting moves random starts: choose another init.kind (see `deeplin config`)";
    Error::usage("nothing is random in the starts of this cell", Some(help.to_owned()))
}

/// What a failed run means.
fn refusal(event: Event, failure: Failure) -> Error {
    match failure {
        Failure::Tie(score) => {
            let (message, help) = tie(event, score);
            Error::usage(message, Some(help.to_owned()))
        }
        Failure::Unfinished { level, tally } => Error::usage(
            format!(
                "{} evaluations did not suffice: a run of {} particles came to the score {level:e}, which \
                 a start exceeds with probability 10^{:.1}; the event is a score above 0",
                tally.evaluations,
                tally.particles,
                tally.ln_estimate() / std::f64::consts::LN_10
            ),
            Some("give more --evaluations, or fewer --particles or --moves".to_owned()),
        ),
    }
}

fn tie(event: Event, score: f64) -> (String, &'static str) {
    match event {
        Event::Converged => (
            format!(
                "different starts end at the same loss (score {score:e}): these trials are told apart by \
                 nothing, so splitting does not apply"
            ),
            "a plateau or a saddle holds them, or they leave it: lower descent.max_steps, or divide the \
             starts into strata (--strata)",
        ),
        _ => (
            format!("different starts have the same score {score:e}, so splitting does not apply"),
            "the initial weights have too few different values (init with no noise, or f32)",
        ),
    }
}
