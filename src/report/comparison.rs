//! Values of an axis compared with one of them, everything else equal: trial by trial where they share
//! their starts.

use std::fmt::Write;

use serde_json::{Map, Value, json as value};

use super::export::{axis_value, lines, swept};
use super::format::{self, significant, texts};
use super::labels::Labels;
use super::table::{align, partial_counts, plain_table, without_trailing_blanks};
use super::{number, position};
use crate::stats::{Interval, Pairs, confidence_sequence, difference_interval, holm, simultaneous};
use crate::stop::Outcome;
use crate::store::reader::ResultsFile;
use crate::study::{Axis, AxisKey};
use crate::{Error, Result, start, suggest};

/// What is to be compared.
#[derive(Debug, Clone, Copy, Default)]
pub struct Question<'a> {
    /// A key of the axis; `None`: the only one.
    pub axis: Option<&'a str>,
    /// The value that all others are compared with; `None`: the first.
    pub baseline: Option<&'a str>,
    /// Confidence level; `None`: that of the results.
    pub level: Option<f64>,
}

/// Every cell off the baseline, compared with the one on it that has all other values in common.
#[derive(Debug)]
pub struct Comparison<'a> {
    results: &'a ResultsFile,
    /// Number of the axis.
    axis: usize,
    /// Position on it that all others are compared with.
    baseline: usize,
    level: f64,
    contrasts: Vec<Contrast>,
    /// Whether both cells of each contrast have the same starts.
    paired: bool,
}

/// Two cells.
#[derive(Debug)]
struct Contrast {
    cell: usize,
    trials: Trials,
    /// Bounds of the difference of the probabilities of convergence: as if all undecided trials of the one
    /// fail and all of the other converge, and the reverse.
    bounds: Interval,
    /// Bounds of the difference of the probabilities of convergence within the budget of steps.
    budget: Interval,
    p_value: Option<f64>,
    /// The p-value, adjusted for that all contrasts are tested.
    p_value_of_all: Option<f64>,
}

/// What came of the trials of two cells: first the cell itself, then the baseline.
#[derive(Debug)]
enum Trials {
    Paired(Joint),
    Independent([Counts; 2]),
}

/// Trials of one cell.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    trials: u64,
    converged: u64,
    undecided: u64,
}

/// What a trial came to, as far as its probability goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Converged,
    Undecided,
    Failed,
}

impl End {
    fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Converged => Self::Converged,
            Outcome::StepLimit => Self::Undecided,
            Outcome::NotRun | Outcome::Diverged | Outcome::Stalled => Self::Failed,
        }
    }
}

/// Trials that were run in both cells.
#[derive(Debug, Clone, Copy, Default)]
struct Joint {
    /// By what they came to in the cell and in the baseline.
    counts: [[u64; 3]; 3],
    /// Those that converged in both, in fewer steps in the cell.
    faster: u64,
    /// Those that converged in both, in more steps in the cell.
    slower: u64,
}

impl Joint {
    fn add(&mut self, here: (Outcome, u64), there: (Outcome, u64)) {
        self.counts[End::of(here.0) as usize][End::of(there.0) as usize] += 1;
        if [here.0, there.0] == [Outcome::Converged; 2] {
            self.faster += u64::from(here.1 < there.1);
            self.slower += u64::from(here.1 > there.1);
        }
    }

    /// The pairs, if these ends count as success.
    fn pairs(&self, here: impl Fn(End) -> bool, there: impl Fn(End) -> bool) -> Pairs {
        const ENDS: [End; 3] = [End::Converged, End::Undecided, End::Failed];
        let sum = |first: bool, second: bool| {
            let of = |a: End| ENDS.into_iter().map(move |b| (a, b));
            let all = ENDS.into_iter().flat_map(of);
            let those = all.filter(|&(a, b)| here(a) == first && there(b) == second);
            those.map(|(a, b)| self.counts[a as usize][b as usize]).sum()
        };
        Pairs {
            both: sum(true, true),
            first: sum(true, false),
            second: sum(false, true),
            neither: sum(false, false),
        }
    }

    /// The pairs within the budget of steps.
    fn within_budget(&self) -> Pairs {
        let converged = |end| end == End::Converged;
        self.pairs(converged, converged)
    }

    fn bounds(&self, interval: impl Fn(&Pairs) -> Interval) -> Interval {
        let converged = |end| end == End::Converged;
        let might = |end| end != End::Failed;
        let [worst, best] = [self.pairs(converged, might), self.pairs(might, converged)];
        Interval { lower: interval(&worst).lower, upper: interval(&best).upper }
    }
}

/// Compares the cells of `results` along an axis.
///
/// Where the axis leaves the starts as they are ([`start::depends_on`]), trials of the same number have the
/// same start in both cells, so what differs is due to the axis alone: McNemar's exact test and the paired
/// interval of [`Pairs`]. Otherwise the cells are independent, and so is Newcombe's interval; there is no
/// test then. Where precision decided how many trials there are, both are those of confidence sequences.
///
/// # Errors
/// [`Error::Usage`] if the axis or value is not there, or the file keeps no rows that it needs;
/// [`Error::Content`] if they cannot be read.
pub fn compare<'a>(results: &'a ResultsFile, question: &Question<'_>) -> Result<Comparison<'a>> {
    let axis = find_axis(results, question.axis)?;
    let along = &results.axes[axis];
    let baseline = match question.baseline {
        None => 0,
        Some(text) => find_value(along, question.axis, text)?,
    };
    let paired = !along.keys.iter().any(|key| start::depends_on(&key.key));
    if paired && !results.has_rows {
        return Err(Error::usage(
            "the results keep no rows, so it is not known which trials converged at both values",
            Some("run the study with `store.rows = true` to compare trial by trial".to_owned()),
        ));
    }
    let level = question.level.unwrap_or(results.interval_level);
    let cells = 0..results.cells.len();
    let off = cells.filter(|&cell| position(&results.axes, cell)[axis] != baseline);
    let pairs = off.map(|cell| {
        let mut there = position(&results.axes, cell);
        there[axis] = baseline;
        [cell, number(&results.axes, &there)]
    });
    // Not all cells of a refined axis have trials.
    let tried = pairs.filter(|pair| pair.iter().all(|&cell| results.cells[cell].trials > 0));
    let contrasts = tried.map(|[cell, there]| Contrast::of(results, cell, there, paired, level));
    let mut contrasts = contrasts.collect::<Result<Vec<_>>>()?;
    let p_values: Vec<f64> = contrasts.iter().filter_map(|contrast| contrast.p_value).collect();
    for (contrast, adjusted) in contrasts.iter_mut().zip(holm(&p_values)) {
        contrast.p_value_of_all = Some(adjusted);
    }
    Ok(Comparison { results, axis, baseline, level, contrasts, paired })
}

/// The number of the axis that has a key, or of the only one.
fn find_axis(results: &ResultsFile, key: Option<&str>) -> Result<usize> {
    let along = |axis: &Axis| axis.len() > 1;
    let names = |axis: &Axis| axis.keys.iter().map(|key| format!("`{}`", key.key)).collect();
    let axes: Vec<Vec<String>> = results.axes.iter().filter(|a| along(a)).map(names).collect();
    let names = axes.iter().flatten().cloned().collect::<Vec<_>>().join(", ");
    let advice = |text: String| Some(text).filter(|_| !names.is_empty());
    let Some(key) = key else {
        let only = results.axes.iter().position(along).filter(|_| axes.len() == 1);
        return only.ok_or_else(|| match axes.len() {
            0 => Error::usage("the study has one cell only: there is nothing to compare", None),
            _ => Error::usage(
                "the study has several axes",
                advice(format!("say along which one to compare with `--axis`: {names}")),
            ),
        });
    };
    let of_key = |axis: &Axis| axis.keys.iter().any(|k| k.key == key);
    match results.axes.iter().position(of_key) {
        Some(axis) if along(&results.axes[axis]) => Ok(axis),
        Some(_) => Err(Error::usage(format!("`{key}` has one value only"), None)),
        None => Err(Error::usage(
            format!("`{key}` is not an axis of the study"),
            advice(suggest::before(
                format!("its axes are {names}"),
                key,
                results.axes.iter().flat_map(|axis| &axis.keys).map(|key| key.key.as_str()),
            )),
        )),
    }
}

/// The position of a value of a key of an axis, of the first if none is named: as it is written in full, or,
/// if only one is written so, in tables.
fn find_value(axis: &Axis, key: Option<&str>, text: &str) -> Result<usize> {
    let named = axis.keys.iter().find(|k| Some(k.key.as_str()) == key);
    let AxisKey { key, values } = named.unwrap_or(&axis.keys[0]);
    let number = |text: &str| text.parse::<f64>().ok();
    let is = |written: &str| {
        written == text || (number(written).is_some() && number(written) == number(text))
    };
    if let Some(exact) = (0..axis.len()).find(|&i| is(&values.text(i))) {
        return Ok(exact);
    }
    let shown = texts(values).into_iter().enumerate();
    let mut shown = shown.filter(|(_, text)| is(text)).map(|(i, _)| i);
    match (shown.next(), shown.next()) {
        (Some(only), None) => Ok(only),
        (first, _) => {
            let all: Vec<String> = (0..axis.len()).map(|i| values.text(i)).collect();
            let what = if first.is_some() { "more than one value" } else { "not a value" };
            Err(Error::usage(
                format!("`{text}` is {what} of `{key}`"),
                Some(format!("its values are {}", all.join(", "))),
            ))
        }
    }
}

impl Contrast {
    fn of(
        results: &ResultsFile,
        cell: usize,
        baseline: usize,
        paired: bool,
        level: f64,
    ) -> Result<Self> {
        let is_adaptive = results.is_adaptive();
        if !paired {
            let sides = [cell, baseline].map(|cell| Counts::of(results, cell));
            let [bounds, budget] = independent(sides, level, is_adaptive);
            let trials = Trials::Independent(sides);
            return Ok(Self { cell, trials, bounds, budget, p_value: None, p_value_of_all: None });
        }
        let mut joint = Joint::default();
        for (here, there) in results.outcomes(cell)?.into_iter().zip(results.outcomes(baseline)?) {
            joint.add(here, there);
        }
        let interval = |pairs: &Pairs| match is_adaptive {
            true => pairs.sequence(level),
            false => pairs.interval(level),
        };
        let (pairs, bounds) = (joint.within_budget(), joint.bounds(interval));
        let p_value = if is_adaptive { pairs.sequence_p_value() } else { pairs.p_value() };
        Ok(Self {
            cell,
            trials: Trials::Paired(joint),
            bounds,
            budget: interval(&pairs),
            p_value: Some(p_value),
            p_value_of_all: None,
        })
    }

    /// Of the cell and of the baseline.
    fn sides(&self) -> [Counts; 2] {
        match &self.trials {
            Trials::Independent(sides) => *sides,
            Trials::Paired(joint) => {
                let sum = |counts: [u64; 3]| Counts {
                    trials: counts.iter().sum(),
                    converged: counts[End::Converged as usize],
                    undecided: counts[End::Undecided as usize],
                };
                let there = [0, 1, 2].map(|end: usize| joint.counts.iter().map(|c| c[end]).sum());
                [sum(joint.counts.map(|counts| counts.iter().sum())), sum(there)]
            }
        }
    }

    /// Of the shares of trials that converged within the budget.
    fn difference(&self) -> f64 {
        let [here, there] = self.sides().map(Counts::share);
        here - there
    }
}

impl Counts {
    fn of(results: &ResultsFile, cell: usize) -> Self {
        let cell = &results.cells[cell];
        Self { trials: cell.trials, converged: cell.converged, undecided: cell.step_limit }
    }

    fn share(self) -> f64 {
        // The sign of 0 / 0 depends on the processor.
        if self.trials == 0 { f64::NAN } else { self.converged as f64 / self.trials as f64 }
    }
}

/// Bounds of the difference of two cells with starts of their own, and of that within the budget.
fn independent([here, there]: [Counts; 2], level: f64, is_adaptive: bool) -> [Interval; 2] {
    let interval = |first: u64, second: u64| match is_adaptive {
        false => difference_interval((first, here.trials), (second, there.trials), level),
        true => {
            let each = simultaneous(level, 2);
            let a = confidence_sequence(first, here.trials, each);
            let b = confidence_sequence(second, there.trials, each);
            Interval { lower: a.lower - b.upper, upper: a.upper - b.lower }
        }
    };
    let bounds = Interval {
        lower: interval(here.converged, there.converged + there.undecided).lower,
        upper: interval(here.converged + here.undecided, there.converged).upper,
    };
    [bounds, interval(here.converged, there.converged)]
}

impl Comparison<'_> {
    /// For people.
    pub fn table(&self) -> String {
        let mut table = plain_table();
        let labels = Labels::of(&self.results.axes);
        let columns = ["P", "baseline P", "difference", "[lower, upper]"];
        let of_pairs = ["only here", "only baseline", "faster", "p", "p of all"];
        let of_pairs = of_pairs.into_iter().filter(|_| self.paired);
        table.set_header(labels.keys().chain(columns).chain(of_pairs));
        for contrast in &self.contrasts {
            table.add_row(self.row(&labels, contrast));
        }
        align(&mut table);
        let along = &self.results.axes[self.axis].keys;
        let baseline: Vec<String> = along
            .iter()
            .map(|key| format!("{} = {}", key.key, texts(&key.values)[self.baseline]))
            .collect();
        let mut text = format!("{}: compared with {}\n\n", self.results.name, baseline.join(", "));
        // Writing to a string cannot fail.
        if self.results.missing > 0 {
            let _ = writeln!(text, "{}\n", partial_counts(self.results.missing));
        }
        let _ = writeln!(text, "{}\n\n{}", without_trailing_blanks(&table), self.legend());
        text
    }

    fn row(&self, labels: &Labels<'_>, contrast: &Contrast) -> Vec<String> {
        let at = position(&self.results.axes, contrast.cell);
        let mut row: Vec<String> = labels.values(&at).map(str::to_owned).collect();
        let [here, there] = contrast.sides();
        let Interval { lower, upper } = contrast.bounds;
        row.extend([here, there].map(|side| format::probability(side.share())));
        row.push(signed(contrast.difference()));
        row.push(format!("[{}, {}]", signed(lower), signed(upper)));
        if let Trials::Paired(joint) = &contrast.trials {
            let Pairs { both, first, second, .. } = joint.within_budget();
            row.extend([first, second].map(|count| count.to_string()));
            row.push(format!("{} of {both}", joint.faster));
            let p_values = [contrast.p_value, contrast.p_value_of_all];
            row.extend(p_values.map(|p| p.map_or("-".to_owned(), |p| significant(p, 2))));
        }
        row
    }

    fn legend(&self) -> String {
        let level = significant(100.0 * self.level, 4);
        let bounds = format!(
            "difference: P less that of the baseline, of trials that converged within the step limit.\n\
             [lower, upper]: bounds at {level} %, as if all undecided trials here fail and those of the\n\
             baseline converge, and the reverse{}.",
            if self.results.is_adaptive() {
                "; from confidence sequences, because precision decided\nhow many trials there are"
            } else {
                ""
            }
        );
        if !self.paired {
            let along = &self.results.axes[self.axis];
            return match self.results.is_independent_along(along) {
                true => {
                    format!("{bounds}\nThe cells have starts of their own: they are independent.")
                }
                false => format!(
                    "{bounds}\nThe cells have starts of their own but targets in common, trial by trial, which the\n\
                     bounds leave out: they are those of independent cells."
                ),
            };
        }
        format!(
            "{bounds}\n\
             Both cells have the same starts. only here, only baseline: trials that converged in one of\n\
             them. faster: of those that converged in both, how many took fewer steps here. p: {}\n\
             that both probabilities within the step limit are equal; p of all: adjusted for all lines\n\
             (Holm).",
            match self.results.is_adaptive() {
                true => "anytime-valid test of McNemar's hypothesis",
                false => "McNemar's exact test",
            }
        )
    }

    /// For programs, as one JSON object, numbers in full precision.
    pub fn json(&self) -> String {
        let along = &self.results.axes[self.axis].keys;
        let keys: Vec<&str> = along.iter().map(|key| key.key.as_str()).collect();
        let baseline: Map<String, Value> = along
            .iter()
            .map(|key| (key.key.clone(), axis_value(&key.values, self.baseline)))
            .collect();
        let object = value!({
            "name": self.results.name,
            "study_digest": self.results.digest.hex(),
            "missing_trials": self.results.missing,
            "axis": keys,
            "baseline": baseline,
            "same_starts": self.paired,
            "level": self.level,
            "comparisons": self.lines(),
        });
        format!("{object:#}\n")
    }

    /// As CSV with a header, empty where there is none.
    pub fn csv(&self) -> String {
        lines(&self.lines())
    }

    /// Of every contrast the swept keys with their values, then what came out.
    fn lines(&self) -> Vec<Map<String, Value>> {
        let line = |contrast: &Contrast| {
            let swept = swept(self.results, contrast.cell);
            let [here, there] = contrast.sides();
            let joint = match &contrast.trials {
                Trials::Paired(joint) => Some(joint),
                Trials::Independent(_) => None,
            };
            let pairs = joint.map(Joint::within_budget);
            let columns = [
                ("trial_count", value!(here.trials)),
                ("converged_count", value!(here.converged)),
                ("step_limit_count", value!(here.undecided)),
                ("baseline_trial_count", value!(there.trials)),
                ("baseline_converged_count", value!(there.converged)),
                ("baseline_step_limit_count", value!(there.undecided)),
                ("difference", value!(contrast.difference())),
                ("difference_lower", value!(contrast.bounds.lower)),
                ("difference_upper", value!(contrast.bounds.upper)),
                ("difference_lower_budget", value!(contrast.budget.lower)),
                ("difference_upper_budget", value!(contrast.budget.upper)),
                ("only_here_count", value!(pairs.map(|pairs| pairs.first))),
                ("only_baseline_count", value!(pairs.map(|pairs| pairs.second))),
                ("faster_count", value!(joint.map(|joint| joint.faster))),
                ("slower_count", value!(joint.map(|joint| joint.slower))),
                ("p_value", value!(contrast.p_value)),
                ("p_value_of_all", value!(contrast.p_value_of_all)),
            ];
            swept.chain(columns.map(|(name, v)| (name.to_owned(), v))).collect()
        };
        self.contrasts.iter().map(line).collect()
    }
}

/// A difference of probabilities with three decimals and its sign.
fn signed(x: f64) -> String {
    if x.is_nan() { "-".to_owned() } else { format!("{x:+.3}") }
}
