//! Probability of a rare event by adaptive multilevel splitting on the start.
//!
//! An event `S(X) > goal` of a random start `X` is reached through a ladder of conditioned laws. `N`
//! particles are drawn; the one with the lowest score is taken out, again and again, and a copy of
//! another, moved by a Markov chain that keeps the law of `X` given a higher score, takes its place. If
//! `K` are taken out before all scores are above the goal, then with independent particles
//!
//! ```text
//! K ~ Poisson(-N ln p),   E (1 - 1/N)^K = p
//! ```
//!
//! (the last-particle algorithm: Cerou and Guyader 2007, Stoch. Anal. Appl. 25(2) 417-443; Guyader,
//! Hengartner and Matzner-Lober 2011, Appl. Math. Optim. 64 171-196). Counts of independent runs add up
//! like those of one run with all their particles (Walter 2015, Stat. Comput. 25 1161-1177), which is how
//! the work is spread over threads: [`Tally::and`].
//!
//! **The score needs a law without atoms.** If two starts can have equal scores with positive
//! probability (all starts that diverge, a pass or fail score), the count is no longer Poisson and the
//! estimate is wrong; Walter (2015, arXiv:1507.00919) describes corrections, here a tie is refused:
//! [`Failure::Tie`].
//!
//! **How good the Markov chain is decides how true the law of `K` is.** It is exact for chains that forget
//! where they began. A short chain leaves copies alike, which widens the law of the estimate (the interval
//! is then too narrow) and, as the size of the steps is tuned on the way, biases it by an amount that
//! falls with the number of particles and moves. Two runs with different numbers of moves show it.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::normal;
use crate::rng::Stream;

/// A random start, its score, and a way to move it.
pub trait Problem {
    /// A start.
    type State: Clone;

    /// Draws a start.
    fn draw(&self, random: &mut Stream) -> Self::State;

    /// The score; its law has no atoms.
    fn score(&self, state: &Self::State) -> f64;

    /// A step of a Markov chain that is reversible with respect to the law of [`Problem::draw`]. A step of
    /// size 1 is the largest there is; the smaller the size, the nearer the new state.
    fn propose(&self, state: &Self::State, size: f64, random: &mut Stream) -> Self::State;

    /// The same along the line through two other particles, whatever these are: where the event is narrow,
    /// the way from one to another is one on which a state can be moved far (adaptive direction sampling:
    /// Gilks, Roberts and George 1994, The Statistician 43(1) 179-189).
    fn propose_along(
        &self,
        state: &Self::State,
        others: [&Self::State; 2],
        size: f64,
        random: &mut Stream,
    ) -> Self::State;
}

/// How a run is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// Number of particles of this run, at least 2.
    pub particles: u64,
    /// Number of proposed moves of each copy, at least 1.
    pub moves: u64,
    /// The most evaluations of the score.
    pub evaluations: u64,
}

/// What a run counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Number of particles.
    pub particles: u64,
    /// How many were taken out.
    pub removed: u64,
    /// How many copies accepted none of their moves: few or none in a sound run.
    pub unmoved: u64,
    /// How many of the proposed moves were accepted.
    pub accepted: u64,
    /// How often the score was evaluated.
    pub evaluations: u64,
}

/// Why a run has no result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Failure {
    /// Two starts that are not copies have this score: its law has an atom, or more starts than numbers.
    Tie(f64),
    /// The evaluations did not suffice, or the run was stopped. `P(S > level)` follows from the tally like
    /// the probability from a complete one; that of the event is smaller.
    Unfinished {
        /// The score that all particles have reached.
        level: f64,
        /// What was counted up to there.
        tally: Tally,
    },
}

/// The share of accepted moves that the step size is steered to, and how fast.
const ACCEPTANCE: f64 = 0.3;
const GAIN: f64 = 0.2;

/// Runs the algorithm once.
///
/// Every other move of a copy is one along a line. The size of the steps of either kind follows the acceptance
/// from copy to copy: `ln s` grows by a fifth of the share of accepted moves above 0.3, and `s` is at most 1.
/// So it is a function of the numbers in `random` alone.
///
/// Before a particle is taken out, `goes_on` is told the lowest score and what has been counted; the run
/// stops where it says no.
///
/// # Panics
/// If the plan has less than two particles or no moves, or a score is not a number.
pub fn run<P: Problem>(
    problem: &P,
    goal: f64,
    plan: Plan,
    random: &mut Stream,
    mut goes_on: impl FnMut(f64, &Tally) -> bool,
) -> Result<Tally, Failure> {
    assert!(plan.particles > 1 && plan.moves > 0, "a run needs particles and moves: {plan:?}");
    let mut swarm = Swarm::new(problem, plan, random);
    loop {
        let lowest = swarm.lowest();
        // Of scores above the goal it does not matter which are equal.
        if lowest.score > goal {
            return Ok(swarm.tally);
        }
        swarm.refuse_ties(lowest)?;
        let is_spent = swarm.tally.evaluations + plan.moves > plan.evaluations;
        if is_spent || !goes_on(lowest.score, &swarm.tally) {
            return Err(Failure::Unfinished { level: lowest.score, tally: swarm.tally });
        }
        swarm.replace(lowest, random);
    }
}

impl Tally {
    /// The tally of this run and an independent one of the same problem and goal.
    pub fn and(self, other: Self) -> Self {
        Self {
            particles: self.particles + other.particles,
            removed: self.removed + other.removed,
            unmoved: self.unmoved + other.unmoved,
            accepted: self.accepted + other.accepted,
            evaluations: self.evaluations + other.evaluations,
        }
    }

    /// `ln (1 - 1/N)^K`, the logarithm of the unbiased estimate.
    pub fn ln_estimate(&self) -> f64 {
        self.removed as f64 * libm::log1p(-1.0 / self.particles as f64)
    }

    /// Ends of the interval of `ln p` for the Poisson law of the count: all `p` with
    /// `(K + N ln p)^2 <= -z^2 N ln p` (Guyader, Hengartner and Matzner-Lober 2011, section 3).
    ///
    /// # Panics
    /// If `level` is not strictly between 0 and 1.
    pub fn ln_interval(&self, level: f64) -> (f64, f64) {
        assert!(level > 0.0 && level < 1.0, "a confidence level is between 0 and 1, not {level}");
        self.ln_bounds(normal::quantile(0.5 + 0.5 * level))
    }

    /// The same for `z` standard deviations of the count, or as many as are called for.
    pub fn ln_bounds(&self, z: f64) -> (f64, f64) {
        let (count, half) = (self.removed as f64, 0.5 * z * z);
        let root = z * (count + 0.25 * z * z).sqrt();
        // The product of the ends is K^2: the smaller one without cancellation.
        let most = count + half + root;
        let least = count / most * count;
        (-most / self.particles as f64, -least / self.particles as f64)
    }
}

/// A step of the Ornstein-Uhlenbeck process, `m + sqrt(1 - s^2) (x - m) + s std g` with standard normal
/// `g`: reversible for independent `N(m, std^2)` entries (the proposal of Cotter, Roberts, Stuart and White
/// 2013, Stat. Sci. 28(3) 424-446). An accepted move of a [`Problem`] with normal starts needs no more
/// than a score above the level.
///
/// # Panics
/// If the size is not in `[0, 1]`.
pub fn normal_step(x: f64, mean: f64, std: f64, size: f64, random: &mut Stream) -> f64 {
    assert!((0.0..=1.0).contains(&size), "a step has a size in [0, 1], not {size}");
    mean + (1.0 - size * size).sqrt() * (x - mean) + size * std * random.gaussian()
}

/// Such a step of independent standard normals along the line through two points `a` and `b`: the part of `x`
/// in the direction of `a - b` makes the step, the rest stays. Equal points give no line, and `x` itself.
///
/// # Panics
/// If the size is not in `[0, 1]`.
pub fn line_step(x: &[f64], [a, b]: [&[f64]; 2], size: f64, random: &mut Stream) -> Vec<f64> {
    let direction: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let square: f64 = direction.iter().map(|d| d * d).sum();
    if square == 0.0 {
        return x.to_vec();
    }
    let length = square.sqrt();
    let part = x.iter().zip(&direction).map(|(x, d)| x * d).sum::<f64>() / length;
    let step = (normal_step(part, 0.0, 1.0, size, random) - part) / length;
    x.iter().zip(&direction).map(|(x, d)| x + step * d).collect()
}

/// One particle as the queue sees it.
#[derive(Debug, Clone, Copy)]
struct Entry {
    score: f64,
    particle: usize,
}

impl Ord for Entry {
    /// The lowest score is the greatest entry, the lowest number among equals.
    fn cmp(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(other.particle.cmp(&self.particle))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

/// All particles of a run.
struct Swarm<'a, P: Problem> {
    problem: &'a P,
    moves: u64,
    states: Vec<P::State>,
    scores: Vec<f64>,
    /// The number of the draw or accepted move that made the state: equal for exact copies.
    origins: Vec<u64>,
    queue: BinaryHeap<Entry>,
    /// Of steps everywhere and of those along lines.
    sizes: [f64; 2],
    next_origin: u64,
    tally: Tally,
}

impl<'a, P: Problem> Swarm<'a, P> {
    fn new(problem: &'a P, plan: Plan, random: &mut Stream) -> Self {
        let count = plan.particles;
        let states: Vec<P::State> = (0..count).map(|_| problem.draw(random)).collect();
        let scores: Vec<f64> = states.iter().map(|state| score(problem, state)).collect();
        let entry = |(particle, &score)| Entry { score, particle };
        Self {
            problem,
            moves: plan.moves,
            queue: scores.iter().enumerate().map(entry).collect(),
            states,
            scores,
            origins: (0..count).collect(),
            sizes: [0.5; 2],
            next_origin: count,
            tally: Tally {
                particles: count,
                removed: 0,
                unmoved: 0,
                accepted: 0,
                evaluations: count,
            },
        }
    }

    /// The particle with the lowest score, taken from the queue.
    fn lowest(&mut self) -> Entry {
        self.queue.pop().expect("there are particles")
    }

    /// Refuses a particle that has the score of another and is no copy of it.
    fn refuse_ties(&self, lowest: Entry) -> Result<(), Failure> {
        let second = self.queue.peek().expect("there are two particles");
        let is_copy = self.origins[second.particle] == self.origins[lowest.particle];
        match second.score == lowest.score && !is_copy {
            true => Err(Failure::Tie(lowest.score)),
            false => Ok(()),
        }
    }

    /// Puts a moved copy of another particle in the place of this one.
    fn replace(&mut self, lowest: Entry, random: &mut Stream) {
        let here = lowest.particle;
        let parent = self.other(here, random);
        self.states[here] = self.states[parent].clone();
        self.scores[here] = self.scores[parent];
        self.origins[here] = self.origins[parent];
        let (mut made, mut accepted) = ([0_u64; 2], [0_u64; 2]);
        for kind in (0..self.moves).map(|k| (k % 2) as usize) {
            made[kind] += 1;
            accepted[kind] += u64::from(self.step(here, kind, lowest.score, random));
        }
        self.tally.removed += 1;
        self.tally.unmoved += u64::from(accepted == [0; 2]);
        self.tally.accepted += accepted.iter().sum::<u64>();
        for ((size, made), accepted) in self.sizes.iter_mut().zip(made).zip(accepted) {
            let share = accepted as f64 / made.max(1) as f64;
            *size = (*size * libm::exp(GAIN * (share - ACCEPTANCE))).min(1.0);
        }
        self.queue.push(Entry { score: self.scores[here], particle: here });
    }

    /// Any particle but this one.
    fn other(&self, here: usize, random: &mut Stream) -> usize {
        let others = self.states.len() - 1;
        let pick = ((random.uniform() * others as f64) as usize).min(others - 1);
        if pick < here { pick } else { pick + 1 }
    }

    /// Proposes a move of a kind, 0 everywhere and 1 along a line, and makes it if it stays above the level.
    fn step(&mut self, here: usize, kind: usize, level: f64, random: &mut Stream) -> bool {
        let (state, size) = (&self.states[here], self.sizes[kind]);
        let state = if kind == 0 {
            self.problem.propose(state, size, random)
        } else {
            let others = [self.other(here, random), self.other(here, random)];
            let others = others.map(|other| &self.states[other]);
            self.problem.propose_along(state, others, size, random)
        };
        let score = score(self.problem, &state);
        self.tally.evaluations += 1;
        // No move is one that would leave an exact copy.
        if score <= level || score == self.scores[here] {
            return false;
        }
        self.states[here] = state;
        self.scores[here] = score;
        self.origins[here] = self.next_origin;
        self.next_origin += 1;
        true
    }
}

/// The score, which is a number.
fn score<P: Problem>(problem: &P, state: &P::State) -> f64 {
    let score = problem.score(state);
    assert!(!score.is_nan(), "a score is a number");
    score
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::splitting_runs::Counts;
    use super::super::{chi_squared, normal};
    use super::*;
    use crate::digest::Digest;
    use crate::rng::{Purpose, stream};

    /// A run that nothing stops.
    fn run<P: Problem>(
        problem: &P,
        goal: f64,
        plan: Plan,
        random: &mut Stream,
    ) -> Result<Tally, Failure> {
        super::run(problem, goal, plan, random, |_, _| true)
    }

    /// Standard normal entries, scored by a function of them.
    struct Normal<F> {
        entries: usize,
        score: F,
    }

    impl<F: Fn(&[f64]) -> f64> Problem for Normal<F> {
        type State = Vec<f64>;

        fn draw(&self, random: &mut Stream) -> Vec<f64> {
            (0..self.entries).map(|_| random.gaussian()).collect()
        }

        fn score(&self, state: &Vec<f64>) -> f64 {
            (self.score)(state)
        }

        fn propose(&self, state: &Vec<f64>, size: f64, random: &mut Stream) -> Vec<f64> {
            state.iter().map(|&x| normal_step(x, 0.0, 1.0, size, random)).collect()
        }

        fn propose_along(
            &self,
            state: &Vec<f64>,
            others: [&Vec<f64>; 2],
            size: f64,
            random: &mut Stream,
        ) -> Vec<f64> {
            line_step(state, others.map(Vec::as_slice), size, random)
        }
    }

    fn random(name: &str, trial: u64) -> Stream {
        stream(1, &Digest::of(name.as_bytes()), Purpose::Init, trial)
    }

    /// A known problem: its event is a score above the goal and has probability `p`.
    struct Known {
        name: &'static str,
        entries: usize,
        score: fn(&[f64]) -> f64,
        goal: f64,
        p: f64,
    }

    /// A normal tail.
    fn tail(name: &'static str, p: f64) -> Known {
        Known { name, entries: 1, score: |x| x[0], goal: -normal::quantile(p), p }
    }

    /// Ten normal entries in a small ball.
    fn ball() -> Known {
        let p = chi_squared::lower(0.5, 10);
        Known { name: "ball", entries: 10, score: |x| -squares(x), goal: -0.5, p }
    }

    /// A margin of at least 0.3 for `W ~ N(0, 0.01 I)` with twenty entries and a target of norm 1:
    /// `||W - Phi|| <= 0.7`.
    fn margin() -> Known {
        let score = |x: &[f64]| -(10.0 - x[0]).powi(2) - squares(&x[1..]);
        let p = chi_squared::noncentral_lower(49.0, 20, 100.0);
        Known { name: "margin", entries: 20, score, goal: -49.0, p }
    }

    fn squares(x: &[f64]) -> f64 {
        x.iter().map(|x| x * x).sum()
    }

    impl Known {
        /// The tally of as many independent runs together.
        fn tally(&self, plan: Plan, trial: u64, runs: u64) -> Tally {
            let problem = Normal { entries: self.entries, score: self.score };
            let tallies = (0..runs).map(|part| {
                run(&problem, self.goal, plan, &mut random(self.name, runs * trial + part)).unwrap()
            });
            tallies.reduce(Tally::and).unwrap()
        }

        fn is_held_by(&self, tally: &Tally) -> bool {
            let (low, high) = tally.ln_interval(0.95);
            (low..=high).contains(&libm::log(self.p))
        }
    }

    /// Four runs of 50 particles together, 40 times: of the 40 intervals at 95 % fewer than 31 hold the
    /// probability with chance 2e-5 each (3e-4 were the true coverage 93 %). Seeds fixed.
    #[test]
    fn known_probabilities_are_held() {
        let plan = Plan { particles: 50, moves: 30, evaluations: 100_000 };
        for known in [tail("tail-4", 1e-4), tail("tail-6", 1e-6), ball(), margin()] {
            let held = (0..40).filter(|&trial| known.is_held_by(&known.tally(plan, trial, 4)));
            let held = held.count();
            assert!(held >= 31, "{}: {held} of 40 hold {}", known.name, known.p);
        }
    }

    /// The requirement on the method: 95 % intervals from at most a million scores hold probabilities of
    /// 1e-4, 1e-6 and 1e-8, and the two others, at least 93 times in 100. The seeds are fixed; an interval that
    /// holds 97.5 % of the time, which these do about, falls short of 93 with chance 4e-3.
    #[test]
    #[ignore = "five hundred runs of up to a million scores: scripts/rare"]
    fn rare_events_in_full() {
        let plan = Plan { particles: 120, moves: 50, evaluations: 125_000 };
        let tails = [tail("tail", 1e-4), tail("tail", 1e-6), tail("tail", 1e-8)];
        for known in tails.into_iter().chain([ball(), margin()]) {
            let runs =
                |i: u64| (8 * i..8 * i + 8).map(|trial| known.tally(plan, trial, 1)).collect();
            let all: Vec<Counts> = (0..100).map(|i| Counts { runs: runs(i) }).collect();
            let holds = |counts: &&Counts| {
                let (low, high) = counts.ln_interval(0.95);
                low <= libm::log(known.p) && libm::log(known.p) <= high
            };
            let held = all.iter().filter(holds).count();
            let most = all.iter().map(|counts| counts.total().evaluations).max().unwrap();
            let report =
                format!("{} {:e}: {held} of 100, at most {most} scores", known.name, known.p);
            assert!(held >= 93 && most <= 1_000_000, "{report}");
            writeln!(std::io::stderr(), "{report}").unwrap();
        }
    }

    /// The mean of 400 estimates of 1e-3 with twenty particles is within four of its standard errors
    /// (false alarm 1e-4; an estimate has a relative deviation of 0.6, that of the mean is 0.03).
    #[test]
    fn the_estimate_is_unbiased() {
        let plan = Plan { particles: 20, moves: 20, evaluations: 100_000 };
        let known = tail("unbiased", 1e-3);
        let estimates: Vec<f64> = (0..400)
            .map(|trial| libm::exp(known.tally(plan, trial, 1).ln_estimate()) / 1e-3)
            .collect();
        let mean = estimates.iter().sum::<f64>() / 400.0;
        let square = estimates.iter().map(|e| (e - mean).powi(2)).sum::<f64>() / 400.0;
        assert!((mean - 1.0).abs() < 4.0 * (square / 400.0).sqrt(), "{mean} {square}");
    }

    #[test]
    fn an_event_that_is_not_rare_takes_no_step() {
        let plan = Plan { particles: 10, moves: 5, evaluations: 10 };
        let problem = Normal { entries: 1, score: |x: &[f64]| x[0] };
        let tally = run(&problem, -100.0, plan, &mut random("sure", 0)).unwrap();
        let nothing = Tally { particles: 10, removed: 0, unmoved: 0, accepted: 0, evaluations: 10 };
        assert_eq!(tally, nothing);
        assert_eq!(tally.ln_estimate(), 0.0);
        let (low, high) = tally.ln_interval(0.95);
        assert!((low + 0.384_145_882_069_412_4).abs() < 1e-15 && high == 0.0, "{low}");
    }

    #[test]
    fn atoms_are_refused() {
        let plan = Plan { particles: 50, moves: 5, evaluations: 100_000 };
        let pass = Normal { entries: 1, score: |x: &[f64]| f64::from(u8::from(x[0] > 3.0)) };
        assert_eq!(run(&pass, 0.5, plan, &mut random("atom", 0)), Err(Failure::Tie(0.0)));
        // Smooth up to a ceiling that is met on the way, and a floor of starts that are all as bad.
        let ceiling = Normal { entries: 1, score: |x: &[f64]| x[0].min(2.0) };
        assert_eq!(run(&ceiling, 2.5, plan, &mut random("atom", 1)), Err(Failure::Tie(2.0)));
        let floor = |x: &[f64]| if x[0] < 0.0 { f64::NEG_INFINITY } else { x[0] };
        let floor = Normal { entries: 1, score: floor };
        let tie = Err(Failure::Tie(f64::NEG_INFINITY));
        assert_eq!(run(&floor, 2.5, plan, &mut random("atom", 2)), tie);
    }

    #[test]
    fn a_spent_budget_says_how_far_it_came() {
        let plan = Plan { particles: 100, moves: 20, evaluations: 5000 };
        let problem = Normal { entries: 1, score: |x: &[f64]| x[0] };
        let failed = run(&problem, 6.0, plan, &mut random("budget", 0));
        let Err(Failure::Unfinished { level, tally }) = failed else { panic!("{failed:?}") };
        assert_eq!((tally.removed, tally.evaluations), (245, 5000));
        // exp(-2.45) of the starts are above the level; four deviations of the estimate, 0.16 each.
        let ln_p = libm::log(normal::cdf(-level));
        assert!((tally.ln_estimate() - ln_p).abs() < 0.63, "{level}");
    }

    #[test]
    fn a_run_can_be_stopped() {
        let plan = Plan { particles: 100, moves: 20, evaluations: 100_000 };
        let problem = Normal { entries: 1, score: |x: &[f64]| x[0] };
        let mut levels = Vec::new();
        let watch = |level, tally: &Tally| {
            levels.push(level);
            tally.removed < 30
        };
        let stopped = super::run(&problem, 6.0, plan, &mut random("stop", 0), watch);
        let Err(Failure::Unfinished { level, tally }) = stopped else { panic!("{stopped:?}") };
        assert_eq!((tally.removed, tally.evaluations), (30, 700));
        assert!(tally.unmoved <= 30 && (1..600).contains(&tally.accepted), "{tally:?}");
        assert!(levels.len() == 31 && levels.is_sorted() && levels.last() == Some(&level));
    }

    /// A pass or fail score is a tie unless all have passed.
    #[test]
    fn equal_scores_above_the_goal_are_no_ties() {
        let plan = Plan { particles: 50, moves: 5, evaluations: 100_000 };
        let score = |x: &[f64]| if x[0] > 3.0 { f64::INFINITY } else { x[0] };
        let sure = Normal { entries: 1, score };
        let tally = run(&sure, 3.0, plan, &mut random("above", 0)).unwrap();
        assert!((tally.ln_estimate() - libm::log(normal::cdf(-3.0))).abs() < 5.0 * 0.36);
    }

    #[test]
    fn the_interval_inverts_its_law() {
        for removed in [1, 17, 18_000] {
            let tally = Tally { particles: 1000, removed, unmoved: 0, accepted: 0, evaluations: 0 };
            let (low, high) = tally.ln_interval(0.99);
            for ln_p in [low, high] {
                let distance = removed as f64 + 1000.0 * ln_p;
                let z = distance.abs() / (-1000.0 * ln_p).sqrt();
                assert!((z - 2.575_829_303_548_900_4).abs() < 1e-9, "{removed}: {z}");
            }
            let twice = tally.and(tally);
            assert_eq!((twice.particles, twice.removed), (2000, 2 * removed));
            assert!(twice.ln_interval(0.99).0 > low && twice.ln_interval(0.99).1 < high);
        }
    }

    /// Along a line too, and what is at right angles to it stays: moments as below.
    #[test]
    fn steps_along_lines_keep_the_law() {
        let mut random = random("line", 0);
        let (a, b) = ([3.0, 1.0], [0.0, 5.0]);
        let n = 100_000;
        let (mut sums, mut squares, mut mixed) = ([0.0; 2], [0.0; 2], 0.0);
        for _ in 0..n {
            let x = [random.gaussian(), random.gaussian()];
            let y = line_step(&x, [&a, &b], 0.6, &mut random);
            assert!((4.0 * (y[0] - x[0]) + 3.0 * (y[1] - x[1])).abs() < 1e-14);
            for k in 0..2 {
                sums[k] += y[k];
                squares[k] += y[k] * y[k];
            }
            mixed += y[0] * y[1];
        }
        let n = f64::from(n);
        for (sum, square) in sums.into_iter().zip(squares) {
            assert!((sum / n).abs() < 5.0 / n.sqrt());
            assert!((square / n - 1.0).abs() < 5.0 * (2.0 / n).sqrt());
        }
        assert!((mixed / n).abs() < 5.0 / n.sqrt());
        assert_eq!(line_step(&a, [&b, &b], 0.6, &mut random), a);
    }

    /// A step keeps the law: moments of 100,000 of them within five standard errors (6e-7 each).
    #[test]
    fn normal_steps_keep_the_law() {
        let mut random = random("step", 0);
        let n = 100_000;
        let (mut sum, mut squares, mut product) = (0.0, 0.0, 0.0);
        for _ in 0..n {
            let x = 2.0 + 0.5 * random.gaussian();
            let y = normal_step(x, 2.0, 0.5, 0.6, &mut random);
            let (u, v) = ((x - 2.0) / 0.5, (y - 2.0) / 0.5);
            (sum, squares, product) = (sum + v, squares + v * v, product + u * v);
        }
        let n = f64::from(n);
        assert!((sum / n).abs() < 5.0 / n.sqrt());
        assert!((squares / n - 1.0).abs() < 5.0 * (2.0 / n).sqrt());
        assert!((product / n - 0.8).abs() < 5.0 * (1.64 / n).sqrt());
    }
}
