//! Transitions for programs.

use serde_json::{Map, Value, json as value};

use super::{Curve, Law, Slice, Transition, Transitions};
use crate::report::export::{Columns, axis_value, lines};
use crate::study::AxisKey;

/// What is said of a transition.
const COLUMNS: Columns<Transition, 17> = [
    ("transition", |transition| value!(transition.course.word())),
    ("threshold", |transition| of_curve(transition, |curve| curve.threshold)),
    ("threshold_lower", |transition| of_curve(transition, |curve| curve.interval.lower)),
    ("threshold_upper", |transition| of_curve(transition, |curve| curve.interval.upper)),
    ("bracket_lower", |transition| value!(transition.bracket.map(|bracket| bracket.lower))),
    ("bracket_upper", |transition| value!(transition.bracket.map(|bracket| bracket.upper))),
    ("isotonic", |transition| value!(transition.isotonic)),
    ("slope", |transition| of_curve(transition, |curve| curve.slope)),
    ("width", |transition| of_curve(transition, |curve| curve.width)),
    ("floor", |transition| of_curve(transition, |curve| curve.floor)),
    ("ceiling", |transition| of_curve(transition, |curve| curve.ceiling)),
    ("deviance", |transition| of_curve(transition, |curve| curve.deviance)),
    ("freedom", |transition| value!(transition.curve.as_ref().map(|curve| curve.freedom))),
    ("lack_of_fit", |transition| value!(transition.curve.as_ref().and_then(Curve::lack_of_fit))),
    ("points", |transition| value!(transition.points)),
    ("trials", |transition| value!(transition.trials)),
    ("undecided", |transition| value!(transition.undecided)),
];

/// What is said of a law.
const LAW_COLUMNS: Columns<Law, 10> = [
    ("transition", |law| value!(law.course.word())),
    ("ordinal", |law| value!(law.ordinal)),
    ("thresholds", |law| value!(law.thresholds)),
    ("exponent", |law| value!(law.fit.map(|fit| fit.exponent))),
    ("exponent_lower", |law| value!(law.interval.map(|interval| interval.0))),
    ("exponent_upper", |law| value!(law.interval.map(|interval| interval.1))),
    ("factor", |law| value!(law.fit.map(|fit| fit.at(1.0)))),
    ("chi_squared", |law| value!(law.fit.map(|fit| fit.chi_squared))),
    ("freedom", |law| value!(law.fit.map(|fit| fit.freedom))),
    ("lack_of_fit", |law| value!(law.fit.and_then(|fit| fit.lack_of_fit()))),
];

/// A number of the curve of a transition, if it has one.
fn of_curve(transition: &Transition, number: fn(&Curve) -> f64) -> Value {
    value!(transition.curve.as_ref().map(number))
}

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
        match self.law_rows() {
            None => lines(names(&self.slice_keys(), &COLUMNS), &self.rows()),
            Some(laws) => lines(names(&self.law_keys(), &LAW_COLUMNS), &laws),
        }
    }

    /// The swept keys that tell slices apart.
    fn slice_keys(&self) -> Vec<(usize, &AxisKey)> {
        self.keys(&[self.axis.number])
    }

    /// The swept keys that tell laws apart.
    fn law_keys(&self) -> Vec<(usize, &AxisKey)> {
        let scaling = self.scaling.as_ref().map(|scaling| scaling.axis.number);
        self.keys(&[Some(self.axis.number), scaling].into_iter().flatten().collect::<Vec<_>>())
    }

    fn rows(&self) -> Vec<Map<String, Value>> {
        let keys = self.slice_keys();
        let of_slice = |slice: &Slice| {
            let row = |transition| row(&keys, &slice.position, &COLUMNS, transition);
            slice.transitions.iter().map(row).collect::<Vec<_>>()
        };
        self.slices.iter().flat_map(of_slice).collect()
    }

    fn law_rows(&self) -> Option<Vec<Map<String, Value>>> {
        let (scaling, keys) = (self.scaling.as_ref()?, self.law_keys());
        let row = |law: &Law| row(&keys, &law.position, &LAW_COLUMNS, law);
        Some(scaling.laws.iter().map(row).collect())
    }
}

/// The names of the swept keys and of the columns.
fn names<'a, T, const N: usize>(
    keys: &[(usize, &'a AxisKey)],
    columns: &Columns<T, N>,
) -> Vec<&'a str> {
    let swept = keys.iter().map(|(_, key)| key.key.as_str());
    swept.chain(columns.iter().map(|(name, _)| *name)).collect()
}

/// The values of the swept keys, and the columns of something at a position.
fn row<T, const N: usize>(
    keys: &[(usize, &AxisKey)],
    position: &[usize],
    columns: &Columns<T, N>,
    of: &T,
) -> Map<String, Value> {
    let swept =
        keys.iter().map(|(i, key)| (key.key.clone(), axis_value(&key.values, position[*i])));
    swept.chain(columns.iter().map(|(name, value)| ((*name).to_owned(), value(of)))).collect()
}
