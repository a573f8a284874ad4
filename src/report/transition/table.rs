//! Transitions for people.

use std::fmt::Write;

use super::{Asymptotes, Course, Curve, Law, Scaling, Transition, Transitions};
use crate::report::axis::AxisScale;
use crate::report::format::{probability, significant, value};
use crate::report::swept_keys;
use crate::report::table::{align, plain_table, without_trailing_blanks};
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
        let key = &self.axis.key;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}: transitions along {key}\n", self.name);
        if self.missing > 0 {
            let missing = self.missing;
            let _ =
                writeln!(text, "PARTIAL: {missing} trials are missing, the last ones of cells\n");
        }
        let _ = writeln!(text, "{}\n\n{}", self.transition_table(), self.legend());
        if let Some(scaling) = &self.scaling {
            let _ = writeln!(text, "\n{}", self.law_table(scaling));
        }
        text
    }

    fn transition_table(&self) -> String {
        let mut table = plain_table();
        let keys = self.keys(&[self.axis.number]);
        let threshold = format!("{} at {}", self.axis.key, self.question.p);
        let columns = ["[lower, upper]", "width", "deviance", "df", "fit", "between", "undecided"];
        let header = keys.iter().map(|(_, key)| key.key.as_str()).chain(["transition", &threshold]);
        table.set_header(header.chain(columns));
        for slice in &self.slices {
            for transition in &slice.transitions {
                let swept =
                    keys.iter().map(|(axis, key)| value(&key.values, slice.position[*axis]));
                table.add_row(swept.chain(self.entries(transition)));
            }
        }
        align(&mut table);
        without_trailing_blanks(&table)
    }

    /// The columns that do not depend on the sweep.
    fn entries(&self, transition: &Transition) -> [String; 9] {
        let none = || "-".to_owned();
        let between = transition.bracket.map_or_else(none, |bracket| range(&bracket, " .. "));
        let course = transition.course.word().to_owned();
        let undecided = transition.undecided.to_string();
        let Some(curve) = &transition.curve else {
            let step = if transition.bracket.is_some() { "step".to_owned() } else { none() };
            return [course, step, none(), none(), none(), none(), none(), between, undecided];
        };
        [
            course,
            significant(curve.threshold, DIGITS),
            self.interval(curve),
            match self.scale {
                AxisScale::Log => format!("x {}", significant(curve.width, 3)),
                AxisScale::Linear => significant(curve.width, 3),
            },
            significant(curve.deviance, 3),
            curve.freedom.to_string(),
            curve.lack_of_fit().map_or_else(none, probability),
            between,
            undecided,
        ]
    }

    fn interval(&self, curve: &Curve) -> String {
        match curve.is_bounded() {
            true => format!("[{}]", range(&curve.interval, ", ")),
            false => "-".to_owned(),
        }
    }
}

/// Both ends with four digits; nothing for an end that is infinite.
fn range(bracket: &Bracket, between: &str) -> String {
    let end = |x: f64| if x.is_finite() { significant(x, DIGITS) } else { String::new() };
    format!("{}{between}{}", end(bracket.lower), end(bracket.upper)).trim().to_owned()
}

impl Transitions {
    /// What the columns mean.
    fn legend(&self) -> String {
        let question = &self.question;
        let level = significant(100.0 * question.level, DIGITS);
        let (by, interval) = match question.asymptotes {
            Asymptotes::Free => {
                ("between two asymptotes that are fitted too", "profile likelihood")
            }
            Asymptotes::None => ("from 0 to 1", "Fieller"),
        };
        let (of, width) = match self.scale {
            AxisScale::Log => ("the logarithm of ", "factor"),
            AxisScale::Linear => ("", "distance"),
        };
        let mut legend = format!(
            "rising, falling: which way the probability crosses {p}: where the {link} curve of greatest likelihood in\n\
             {of}{key} does, {by}. [lower, upper]: {level} % interval ({interval}).\n\
             width: {width} over which the curve goes from a tenth to nine tenths of its way.\n\
             deviance, df, fit: its distance from the counts, degrees of freedom, and the probability of one as\n\
             large if the curve is right. between: a crossing is there whatever the curve, by {bounds} bounds\n\
             at {level} % for all values of a line's axis at once. undecided: trials at the step limit, which count\n\
             as {counted} (see --undecided).",
            p = question.p,
            link = question.link.word(),
            key = self.axis.key,
            bounds = if self.sequential { "confidence sequence" } else { "Clopper-Pearson" },
            counted = question.undecided.word(),
        );
        let courses = [Course::Above, Course::Below];
        for (line, is_said) in [
            (
                "step: the counts go over at once, no curve can be fitted.",
                self.any(|transition| transition.is_step()),
            ),
            (
                "above, below: the probability is, at all values.",
                self.any(|transition| courses.contains(&transition.course)),
            ),
            (
                "unclear: no crossing is shown; more trials may.",
                self.any(|transition| transition.course == Course::Unclear),
            ),
        ] {
            if is_said {
                let _ = write!(legend, "\n{line}");
            }
        }
        if self.sequential {
            legend.push_str(
                "\nThe numbers of trials depend on what was seen: estimates stand, but [lower, upper] and fit are\n\
                 those for numbers that were fixed beforehand.",
            );
        }
        legend
    }

    /// Whether there is such an entry.
    fn any(&self, is: impl Fn(&Transition) -> bool) -> bool {
        self.slices.iter().flat_map(|slice| &slice.transitions).any(is)
    }

    /// The power laws and what they mean.
    fn law_table(&self, scaling: &Scaling) -> String {
        let mut table = plain_table();
        let keys = self.keys(&[self.axis.number, scaling.axis.number]);
        let columns =
            ["transition", "exponent", "[lower, upper]", "chi2", "df", "fit", "thresholds"];
        table.set_header(keys.iter().map(|(_, key)| key.key.as_str()).chain(columns));
        for law in &scaling.laws {
            let swept = keys.iter().map(|(axis, key)| value(&key.values, law.position[*axis]));
            table.add_row(swept.chain(law_entries(law)));
        }
        align(&mut table);
        format!(
            "{}\n\nexponent: b of {} = a {}^b through the thresholds, by weighted least squares; [lower, upper]:\n\
             its {} % interval. chi2, df, fit: as of the deviance. thresholds: how many have an interval.",
            without_trailing_blanks(&table),
            self.axis.key,
            scaling.axis.key,
            significant(100.0 * self.question.level, DIGITS),
        )
    }
}

fn law_entries(law: &Law) -> [String; 7] {
    let none = || "-".to_owned();
    let course = match law.ordinal {
        1 => law.course.word().to_owned(),
        ordinal => format!("{} {ordinal}", law.course.word()),
    };
    let (Some(fit), Some((lower, upper))) = (law.fit, law.interval) else {
        return [course, none(), none(), none(), none(), none(), law.thresholds.to_string()];
    };
    [
        course,
        significant(fit.exponent, DIGITS),
        format!("[{}]", range(&Bracket { lower, upper }, ", ")),
        significant(fit.chi_squared, 3),
        fit.freedom.to_string(),
        fit.lack_of_fit().map_or_else(none, probability),
        law.thresholds.to_string(),
    ]
}
