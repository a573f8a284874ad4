//! Transitions for people.

use std::fmt::Write;

use super::{Asymptotes, Course, Curve, Law, Scaling, Transition, Transitions};
use crate::report::axis::AxisScale;
use crate::report::format::{probability, significant};
use crate::report::labels::Labels;
use crate::report::swept_keys;
use crate::report::table::{align, partial_counts, plain_table, without_trailing_blanks};
use crate::stats::axis::Bracket;
use crate::study::AxisKey;

/// Digits of a threshold.
const DIGITS: usize = 4;

impl Transitions {
    /// The keys of all axes but these.
    pub(super) fn keys(&self, without: &[usize]) -> Vec<(usize, &AxisKey)> {
        let mut keys = swept_keys(&self.axes);
        keys.retain(|(axis, _)| !without.contains(axis));
        keys
    }

    /// A line for each crossing, then one for each law, and what they mean.
    pub fn table(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}: transitions along {}\n", self.name, self.axis.key);
        if self.missing > 0 {
            let _ = writeln!(text, "{}\n", partial_counts(self.missing));
        }
        let _ = writeln!(text, "{}\n\n{}", self.transition_table(), self.legend());
        if let Some(scaling) = &self.scaling {
            let _ = writeln!(text, "\n{}", self.law_table(scaling));
        }
        text
    }

    fn transition_table(&self) -> String {
        let mut table = plain_table();
        let labels = Labels::of_keys(&self.keys(&[self.axis.number]));
        let threshold = format!("{} at {}", self.axis.key, self.question.p);
        let header = labels.keys().chain(["transition", &threshold]);
        table.set_header(header.chain([
            "[lower, upper]",
            "width",
            "deviance/df",
            "fit",
            "isotonic",
            "between",
            "undecided",
        ]));
        for slice in &self.slices {
            for transition in &slice.transitions {
                let swept = labels.values(&slice.position).map(str::to_owned);
                table.add_row(swept.chain(self.entries(transition)));
            }
        }
        align(&mut table);
        without_trailing_blanks(&table)
    }

    /// The columns that do not depend on the sweep.
    fn entries(&self, transition: &Transition) -> [String; 9] {
        let none = || "-".to_owned();
        let [threshold, interval, width, deviance, fit] = match &transition.curve {
            Some(curve) => self.curve_entries(curve),
            None if transition.is_step() => ["step".to_owned(), none(), none(), none(), none()],
            None => [none(), none(), none(), none(), none()],
        };
        [
            transition.course.word().to_owned(),
            threshold,
            interval,
            width,
            deviance,
            fit,
            transition.isotonic.map_or_else(none, |x| significant(x, DIGITS)),
            transition.bracket.map_or_else(none, |bracket| range(&bracket, " .. ")),
            transition.undecided.to_string(),
        ]
    }

    fn curve_entries(&self, curve: &Curve) -> [String; 5] {
        let width = significant(curve.width, 3);
        [
            significant(curve.threshold, DIGITS),
            match curve.is_bounded() {
                true => format!("[{}]", range(&curve.interval, ", ")),
                false => "-".to_owned(),
            },
            match self.scale {
                AxisScale::Log => format!("x {width}"),
                AxisScale::Linear => width,
            },
            misfit(curve.deviance, curve.freedom),
            fit(curve.lack_of_fit()),
        ]
    }

    /// What the columns mean.
    fn legend(&self) -> String {
        let question = &self.question;
        let (by, interval) = match question.asymptotes {
            Asymptotes::Free => ("asymptotes fitted too", "profile likelihood"),
            Asymptotes::None => ("from 0 to 1", "Fieller"),
        };
        let (of, width) = match self.scale {
            AxisScale::Log => ("the logarithm of ", "factor"),
            AxisScale::Linear => ("", "distance"),
        };
        let mut legend = format!(
            "rising, falling: the way in which the probability of convergence crosses {p}; where the curve of\n\
             greatest likelihood does so ({link} in {of}{key}, {by}) and its {level} %\n\
             interval ({interval}). width: {width} over which it goes from a tenth to nine tenths of its way.\n\
             deviance/df: how far the counts are from it, and degrees of freedom; fit: the probability of as much\n\
             if the curve is right. isotonic: where the best monotone probability crosses. between: a crossing is\n\
             there whatever the curve ({bounds} at {level} % for all values of a line at once).\n\
             undecided: trials that were at the step limit, and count as {counted} (--undecided).",
            p = question.p,
            link = question.link.word(),
            key = self.axis.key,
            level = significant(100.0 * question.level, DIGITS),
            bounds = if self.sequential { "confidence sequences" } else { "Clopper-Pearson" },
            counted = question.undecided.word(),
        );
        for remark in self.remarks() {
            // Writing to a string cannot fail.
            let _ = write!(legend, "\n{remark}");
        }
        legend
    }

    /// What is to be said of some lines only.
    fn remarks(&self) -> impl Iterator<Item = &'static str> {
        let any = |is: fn(&Transition) -> bool| {
            self.slices.iter().flat_map(|slice| &slice.transitions).any(is)
        };
        let is_misfit = |transition: &Transition| {
            transition.curve.as_ref().and_then(Curve::lack_of_fit).is_some_and(is_unlikely)
        };
        let is_one_sided =
            |transition: &Transition| matches!(transition.course, Course::Above | Course::Below);
        let remarks = [
            (
                any(is_misfit),
                "!: the curve is not right and its interval too narrow: trust isotonic and between.",
            ),
            (any(Transition::is_step), "step: these values give no curve that goes this way."),
            (
                any(Transition::is_of_curve),
                "Where `between` is open, only the curve shows the crossing.",
            ),
            (
                !self.independent,
                "The cells of a line have starts in common: their counts are not independent, so no interval and\n\
                 no fit are given. `between` and the estimates stand.",
            ),
            (any(is_one_sided), "above, below: the probability is, at all values."),
            (
                any(|transition| transition.course == Course::Unclear),
                "unclear: neither a crossing is shown nor that there is none; more trials may.",
            ),
            (
                self.sequential,
                "The numbers of trials depend on what was seen: estimates and `between` stand, intervals and fit\n\
                 are those for numbers that were fixed beforehand.",
            ),
        ];
        remarks.into_iter().filter(|(is_said, _)| *is_said).map(|(_, remark)| remark)
    }

    /// The power laws and what they mean.
    fn law_table(&self, scaling: &Scaling) -> String {
        let mut table = plain_table();
        let labels = Labels::of_keys(&self.keys(&[self.axis.number, scaling.axis.number]));
        let columns = ["transition", "exponent", "[lower, upper]", "chi2/df", "fit", "thresholds"];
        table.set_header(labels.keys().chain(columns));
        for law in &scaling.laws {
            let swept = labels.values(&law.position).map(str::to_owned);
            table.add_row(swept.chain(law_entries(law)));
        }
        align(&mut table);
        format!(
            "{}\n\nexponent: b of {} = a {}^b through the thresholds above, with its {} % interval; chi2/df, fit: as\n\
             of the deviance (!: no such law, and no such interval; -: also where cells have starts in common).\n\
             thresholds: how many have an interval; those of curves that are not right count too.",
            without_trailing_blanks(&table),
            self.axis.key,
            scaling.axis.key,
            significant(100.0 * self.question.level, DIGITS),
        )
    }
}

fn law_entries(law: &Law) -> [String; 6] {
    let none = || "-".to_owned();
    let course = match law.ordinal {
        1 => law.course.word().to_owned(),
        ordinal => format!("{} {ordinal}", law.course.word()),
    };
    let thresholds = law.thresholds.to_string();
    let Some(power) = law.fit else {
        return [course, none(), none(), none(), none(), thresholds];
    };
    let interval = |(lower, upper)| format!("[{}]", range(&Bracket { lower, upper }, ", "));
    [
        course,
        significant(power.exponent, DIGITS),
        law.interval.map_or_else(none, interval),
        misfit(power.chi_squared, power.freedom),
        fit(power.lack_of_fit()),
        thresholds,
    ]
}

/// A sum of squares or a deviance and its degrees of freedom; without them it is nothing but round-off.
fn misfit(sum: f64, freedom: u64) -> String {
    match freedom {
        0 => "-".to_owned(),
        _ => format!("{} / {freedom}", significant(sum, 3)),
    }
}

/// The probability of a misfit, marked if it is small.
fn fit(lack_of_fit: Option<f64>) -> String {
    match lack_of_fit {
        None => "-".to_owned(),
        Some(p) if is_unlikely(p) => format!("{} !", probability(p)),
        Some(p) => probability(p),
    }
}

/// Whether a model is called wrong when a misfit as large has this probability.
fn is_unlikely(p: f64) -> bool {
    p < 0.01
}

/// Both ends with four digits; nothing for an end that is infinite.
fn range(bracket: &Bracket, between: &str) -> String {
    let end = |x: f64| if x.is_finite() { significant(x, DIGITS) } else { String::new() };
    format!("{}{between}{}", end(bracket.lower), end(bracket.upper)).trim().to_owned()
}
