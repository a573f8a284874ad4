//! Transitions for programs.

use serde_json::{Map, Value, json as value};

use super::{Curve, Law, Slice, Transition, Transitions};
use crate::report::export::{axis_value, lines};
use crate::stats::axis::Bracket;
use crate::study::AxisKey;

/// Columns of a line by name.
type Columns<const N: usize> = [(&'static str, Value); N];

impl Transitions {
    /// All of it as one JSON object, numbers in full precision; `null` for what there is not, an infinite
    /// end of an interval too.
    pub fn json(&self) -> String {
        let question = &self.question;
        let mut object = value!({
            "name": self.name,
            "axis": self.axis.key,
            "scale": self.scale.word(),
            "p": question.p,
            "level": question.level,
            "link": question.link.word(),
            "asymptotes": question.asymptotes.word(),
            "undecided": question.undecided.word(),
            "missing_trials": self.missing,
            "sequential": self.sequential,
            "independent": self.independent,
            "transitions": self.rows(),
        });
        if let Some(scaling) = &self.scaling {
            object["scaling"] = value!({ "axis": scaling.axis.key, "laws": self.law_rows() });
        }
        format!("{object:#}\n")
    }

    /// The transitions, or the laws if they were asked for, as CSV with a header.
    pub fn csv(&self) -> String {
        lines(&self.law_rows().unwrap_or_else(|| self.rows()))
    }

    fn rows(&self) -> Vec<Map<String, Value>> {
        let keys = self.keys(&[self.axis.number]);
        let of_slice = |slice: &Slice| {
            let row = |transition| row(&keys, &slice.position, columns(transition));
            slice.transitions.iter().map(row).collect::<Vec<_>>()
        };
        self.slices.iter().flat_map(of_slice).collect()
    }

    fn law_rows(&self) -> Option<Vec<Map<String, Value>>> {
        let scaling = self.scaling.as_ref()?;
        let keys = self.keys(&[self.axis.number, scaling.axis.number]);
        let row = |law: &Law| row(&keys, &law.position, law_columns(law));
        Some(scaling.laws.iter().map(row).collect())
    }
}

/// The values of the swept keys, and the columns.
fn row<const N: usize>(
    keys: &[(usize, &AxisKey)],
    position: &[usize],
    columns: Columns<N>,
) -> Map<String, Value> {
    let swept =
        keys.iter().map(|(i, key)| (key.key.clone(), axis_value(&key.values, position[*i])));
    swept.chain(columns.map(|(name, v)| (name.to_owned(), v))).collect()
}

fn columns(transition: &Transition) -> Columns<17> {
    let curve = transition.curve.as_ref();
    let bracket = transition.bracket;
    let number = |f: fn(&Curve) -> f64| value!(curve.map(f));
    let end = |f: fn(&Bracket) -> f64| value!(bracket.as_ref().map(f));
    [
        ("transition", value!(transition.course.word())),
        ("threshold", number(|curve| curve.threshold)),
        ("threshold_lower", number(|curve| curve.interval.lower)),
        ("threshold_upper", number(|curve| curve.interval.upper)),
        ("bracket_lower", end(|bracket| bracket.lower)),
        ("bracket_upper", end(|bracket| bracket.upper)),
        ("isotonic", value!(transition.isotonic)),
        ("slope", number(|curve| curve.slope)),
        ("width", number(|curve| curve.width)),
        ("floor", number(|curve| curve.floor)),
        ("ceiling", number(|curve| curve.ceiling)),
        ("deviance", number(|curve| curve.deviance)),
        ("freedom", value!(curve.map(|curve| curve.freedom))),
        ("lack_of_fit", value!(curve.and_then(|curve| curve.lack_of_fit()))),
        ("points", value!(transition.points)),
        ("trials", value!(transition.trials)),
        ("undecided", value!(transition.undecided)),
    ]
}

fn law_columns(law: &Law) -> Columns<10> {
    [
        ("transition", value!(law.course.word())),
        ("ordinal", value!(law.ordinal)),
        ("thresholds", value!(law.thresholds)),
        ("exponent", value!(law.fit.map(|fit| fit.exponent))),
        ("exponent_lower", value!(law.interval.map(|interval| interval.0))),
        ("exponent_upper", value!(law.interval.map(|interval| interval.1))),
        ("factor", value!(law.fit.map(|fit| fit.at(1.0)))),
        ("chi_squared", value!(law.fit.map(|fit| fit.chi_squared))),
        ("freedom", value!(law.fit.map(|fit| fit.freedom))),
        ("lack_of_fit", value!(law.fit.and_then(|fit| fit.lack_of_fit()))),
    ]
}
