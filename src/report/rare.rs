//! What `deeplin rare` found, for people and for programs.

use std::f64::consts::LN_10;

use serde::Serialize;

use super::format::{exponential, probability, significant};
use super::table::{align, plain_table, without_trailing_blanks};
use crate::rare::splitting::Request;
use crate::rare::strata::{self, Quantity, Strata};
use crate::stats::splitting_runs::Counts;

/// The cell and the level of an estimate.
#[derive(Debug, Clone, Serialize)]
pub struct Subject {
    /// Name of the study.
    pub study: String,
    /// Number of the cell.
    pub cell: usize,
    /// Confidence level.
    pub level: f64,
}

/// A probability by multilevel splitting.
#[derive(Debug, Clone, Serialize)]
pub struct Splitting {
    /// What it is about.
    #[serde(flatten)]
    pub subject: Subject,
    /// The event in words.
    pub event: String,
    /// The estimate, 0 where it is too small for a number.
    pub probability: f64,
    /// The ends of its interval, likewise.
    pub probability_lower: f64,
    /// Upper end.
    pub probability_upper: f64,
    /// Decimal logarithm of the estimate.
    pub log10_probability: f64,
    /// Of the lower end.
    pub log10_lower: f64,
    /// Of the upper end.
    pub log10_upper: f64,
    /// Particles of each run.
    pub particles: u64,
    /// Moves of each copy.
    pub moves: u64,
    /// How many particles each run took out.
    pub removed: Vec<u64>,
    /// How many starts were scored.
    pub evaluations: u64,
    /// Part of the proposed moves that were accepted.
    pub accepted: Option<f64>,
    /// Part of the copies that accepted none.
    pub unmoved: Option<f64>,
    /// The chance that runs of chains that forget take out numbers as unequal.
    pub dispersion_p: Option<f64>,
    /// How many times their variance is that of such runs, if it is that by more than chance: the interval
    /// is then made of it.
    pub excess_variance: Option<f64>,
}

impl Splitting {
    /// What the runs of a request come to.
    pub fn new(subject: Subject, request: &Request<'_>, counts: &Counts) -> Self {
        let total = counts.total();
        let middle = total.ln_estimate();
        let (low, high) = counts.ln_interval(subject.level);
        let proposed = total.removed * request.plan.moves;
        let part = |k: u64, n: u64| (n > 0).then(|| k as f64 / n as f64);
        Self {
            subject,
            event: request.event.meaning(),
            probability: libm::exp(middle),
            probability_lower: libm::exp(low),
            probability_upper: libm::exp(high),
            log10_probability: middle / LN_10,
            log10_lower: low / LN_10,
            log10_upper: high / LN_10,
            particles: request.plan.particles,
            moves: request.plan.moves,
            removed: counts.runs.iter().map(|run| run.removed).collect(),
            evaluations: total.evaluations,
            accepted: part(total.accepted, proposed),
            unmoved: part(total.unmoved, total.removed),
            dispersion_p: counts.chance(),
            excess_variance: counts.excess(),
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        let [p, low, high] = [self.log10_probability, self.log10_lower, self.log10_upper]
            .map(|log10| exponential(log10 * LN_10, 3));
        let level = significant(100.0 * self.subject.level, 4);
        let removed: Vec<String> = self.removed.iter().map(u64::to_string).collect();
        let mut lines = vec![
            format!("{}, cell {}: {}", self.subject.study, self.subject.cell, self.event),
            String::new(),
            format!("P = {p}  [{low}, {high}] at {level} %"),
            String::new(),
            format!(
                "{} starts scored in {} runs of {} particles",
                self.evaluations,
                removed.len(),
                self.particles
            ),
            format!("particles taken out, run by run: {}", removed.join(" ")),
        ];
        if let (Some(accepted), Some(unmoved)) = (self.accepted, self.unmoved) {
            lines.push(format!(
                "moves accepted: {} %; copies that accepted none of {}: {} %",
                significant(100.0 * accepted, 2),
                self.moves,
                significant(100.0 * unmoved, 2)
            ));
        }
        lines.extend(self.warning());
        lines.push(format!(
            "\nThe interval holds if {} moves make a copy forget where it came from. To see whether they do,\n\
             double --moves and compare; more --particles make the interval narrower.",
            self.moves
        ));
        lines.join("\n") + "\n"
    }

    /// What speaks against the estimate.
    fn warning(&self) -> Option<String> {
        if let Some(excess) = self.excess_variance {
            return Some(format!(
                "WARNING: the runs differ by more than chance (variance x {}), so the interval is made of\n\
                 their differences; give more --moves and --particles",
                significant(excess, 2)
            ));
        }
        self.unmoved.filter(|&part| part > MOST_UNMOVED).map(|_| {
            "WARNING: many copies did not move, so the interval is too narrow: give more --moves"
                .to_owned()
        })
    }
}

/// The largest part of copies without a move that nobody has to be told of.
const MOST_UNMOVED: f64 = 0.1;

/// The probability of convergence from strata.
#[derive(Debug, Clone, Serialize)]
pub struct Stratification {
    /// What it is about.
    #[serde(flatten)]
    pub subject: Subject,
    /// What the strata tell apart.
    pub quantity: &'static str,
    /// The estimate of convergence within the step limit; none if a stratum was not tried.
    pub probability: Option<f64>,
    /// Its standard error.
    pub standard_error: Option<f64>,
    /// Lower end of the interval, from the converged trials alone.
    pub probability_lower: f64,
    /// Upper end, as if every undecided trial would converge.
    pub probability_upper: f64,
    /// Upper end for convergence within the step limit.
    pub probability_upper_budget: f64,
    /// Starts that were looked at.
    pub looked: u64,
    /// Trials that were run.
    pub trials: u64,
    /// Stratum by stratum.
    pub strata: Vec<Row>,
}

/// One stratum.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Its lower end, none at the bottom.
    pub from: Option<f64>,
    /// Its upper end, none at the top.
    pub to: Option<f64>,
    /// Part of the starts that belong to it.
    pub share: f64,
    /// Starts that belong to it.
    pub starts: u64,
    /// Trials that were run.
    pub trials: u64,
    /// How many converged.
    pub converged: u64,
    /// How many were undecided at the step limit.
    pub undecided: u64,
}

impl Stratification {
    /// What the strata of a request come to.
    pub fn new(subject: Subject, request: &strata::Request<'_>, found: &Strata) -> Self {
        let estimate = found.estimate();
        let (interval, budget) =
            (found.interval(subject.level), found.budget_interval(subject.level));
        let finite = |x: f64| x.is_finite().then_some(x);
        let row = |stratum: &strata::Stratum| Row {
            from: finite(stratum.from),
            to: finite(stratum.to),
            share: stratum.starts as f64 / request.looked as f64,
            starts: stratum.starts,
            trials: stratum.trials,
            converged: stratum.converged,
            undecided: stratum.undecided,
        };
        Self {
            subject,
            quantity: name(request.quantity),
            probability: estimate.map(|estimate| estimate.p),
            standard_error: estimate.map(|estimate| estimate.error),
            probability_lower: interval.lower,
            probability_upper: interval.upper,
            probability_upper_budget: budget.upper,
            looked: request.looked,
            trials: found.0.iter().map(|stratum| stratum.trials).sum(),
            strata: found.0.iter().map(row).collect(),
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        let level = significant(100.0 * self.subject.level, 4);
        let mut table = plain_table();
        table.set_header([
            self.quantity,
            "share",
            "starts",
            "trials",
            "converged",
            "undecided",
            "P",
        ]);
        for row in &self.strata {
            let p = row.converged as f64 / row.trials as f64;
            table.add_row([
                range(row),
                significant(row.share, 4),
                row.starts.to_string(),
                row.trials.to_string(),
                row.converged.to_string(),
                row.undecided.to_string(),
                probability(p),
            ]);
        }
        align(&mut table);
        let middle = match (self.probability, self.standard_error) {
            (Some(p), Some(error)) => {
                format!("P = {} (standard error {})", significant(p, 4), significant(error, 2))
            }
            _ => {
                "P is not known: a stratum was not tried, give more --looked or --trials".to_owned()
            }
        };
        format!(
            "{}, cell {}: convergence by strata, {} starts looked at, {} run\n\n{}\n\n{middle}\n\
             [{}, {}] at {level} % or more, the lower end from the converged trials alone, the upper as if\n\
             every undecided trial would converge with more steps; within the step limit: at most {}\n",
            self.subject.study,
            self.subject.cell,
            self.looked,
            self.trials,
            without_trailing_blanks(&table),
            significant(self.probability_lower, 4),
            significant(self.probability_upper, 4),
            significant(self.probability_upper_budget, 4)
        )
    }

    /// The strata as CSV with a header.
    pub fn csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        // A writer into memory does not fail.
        self.strata.iter().for_each(|row| drop(writer.serialize(row)));
        writer
            .into_inner()
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }
}

/// What a quantity is called.
fn name(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Determinant => "determinant",
        Quantity::Margin => "margin",
        Quantity::Imbalance => "imbalance",
    }
}

/// Where the quantity of a stratum lies.
fn range(row: &Row) -> String {
    match [row.from, row.to].map(|end| end.map(|x| significant(x, 4))) {
        [None, None] => "all".to_owned(),
        [None, Some(to)] => format!("below {to}"),
        [Some(from), None] => format!("{from} and above"),
        [Some(from), Some(to)] => format!("{from} to {to}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn splitting(excess_variance: Option<f64>, unmoved: f64) -> Splitting {
        Splitting {
            subject: Subject { study: "deep".to_owned(), cell: 3, level: 0.95 },
            event: "a margin".to_owned(),
            probability: 0.0,
            probability_lower: 0.0,
            probability_upper: 0.0,
            log10_probability: -400.3,
            log10_lower: -400.5,
            log10_upper: -400.1,
            particles: 100,
            moves: 50,
            removed: vec![92_170, 92_100],
            evaluations: 1_000_000,
            accepted: Some(0.3),
            unmoved: Some(unmoved),
            dispersion_p: Some(0.5),
            excess_variance,
        }
    }

    #[test]
    fn probabilities_below_every_number_are_written_out() {
        let text = splitting(None, 0.01).text();
        assert!(text.contains("P = 5.01e-401  [3.16e-401, 7.94e-401] at 95 %"), "{text}");
        assert!(text.contains("run by run: 92170 92100\n"), "{text}");
        assert!(text.contains("30 %; copies that accepted none of 50: 1 %"), "{text}");
        assert!(!text.contains("WARNING"), "{text}");
    }

    #[test]
    fn what_speaks_against_the_interval_is_said() {
        for (text, words) in [
            (splitting(Some(31.4), 0.01).text(), "(variance x 31)"),
            (splitting(None, 0.2).text(), "did not move"),
        ] {
            assert!(text.contains("WARNING") && text.contains(words), "{text}");
        }
    }

    #[test]
    fn ranges_are_written_by_their_ends() {
        let row = |from, to| Row {
            from,
            to,
            share: 1.0,
            starts: 1,
            trials: 1,
            converged: 1,
            undecided: 0,
        };
        assert_eq!(range(&row(None, None)), "all");
        assert_eq!(range(&row(None, Some(0.5))), "below 0.5");
        assert_eq!(range(&row(Some(-1.0), Some(0.5))), "-1 to 0.5");
        assert_eq!(range(&row(Some(0.5), None)), "0.5 and above");
    }
}
