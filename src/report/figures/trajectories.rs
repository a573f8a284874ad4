//! Recorded trajectories of some cells.

use super::arrangement::{Arrangement, figure, step, step_at, steps};
use super::readings::readings;
use super::{Choice, Group, Kind, Table};
use crate::Result;
use crate::draw::{Axis, Figure, Key, Mark, Panel, Readings, SERIES, Sample, Scale, Spot};
use crate::report::format::significant;
use crate::store::reader::Traced;

/// Trials of a cell that are shown, and cells that are.
const TRIALS: usize = 4;
const CELLS: usize = 8;
/// Records of a trial that are shown.
const RECORDS: usize = 80;

/// The lines of a trial, from the values of a record, of which so many belong together.
type OfRecord = fn(&[f64], usize) -> Vec<f64>;

/// What is shown: the name of a quantity in results, the label of its axis, and its lines.
const SHOWN: [(&str, &str, OfRecord); 6] = [
    ("loss", "excess loss", whole),
    ("balancedness", "balancedness", whole),
    ("singular_values", "singular values, end-to-end", whole),
    ("alignment", "alignment of first vectors", first),
    ("sharpness", "sharpness", whole),
    ("margin", "deficiency margin", whole),
];

/// All values.
fn whole(values: &[f64], _: usize) -> Vec<f64> {
    values.to_vec()
}

/// Of the first values of each pair of layers the least.
fn first(values: &[f64], together: usize) -> Vec<f64> {
    let firsts = values.chunks(together.max(1)).filter_map(|pair| pair.first().copied());
    vec![firsts.fold(f64::NAN, f64::min)]
}

/// `None` if no trajectory of the cells is there.
pub(super) fn group(arrangement: &Arrangement<'_>) -> Result<Option<Group>> {
    let results = arrangement.results;
    let traced = results.traced_trials()?;
    let trials = traced.min(TRIALS);
    let (cells, all) = cells(arrangement)?;
    let of_cell = |(cell, steps): &Recorded| -> Result<Vec<(&str, Lines)>> {
        let mut shown = Vec::new();
        for (quantity, label, lines) in SHOWN {
            let traced = results.trajectory(*cell, quantity)?;
            shown.extend(traced.map(|traced| (label, Lines::of(&traced, &steps[..trials], lines))));
        }
        Ok(shown)
    };
    let shown: Vec<_> = cells.iter().map(of_cell).collect::<Result<_>>()?;
    let curves = shown.iter().flatten().map(|(_, lines)| lines.count()).sum();
    let (mut figures, mut rows) = (Vec::new(), Vec::new());
    for (i, ((cell, _), shown)) in cells.iter().zip(&shown).enumerate() {
        let name = arrangement.full_name(*cell);
        let panels = shown.iter().map(|(label, lines)| lines.panel(label, curves)).collect();
        rows.extend(shown.iter().flat_map(|(label, lines)| lines.rows(&name, label)));
        let chosen = if results.axes.is_empty() { String::new() } else { format!(", {name}") };
        let key = |trial: usize| Key { sample: Sample::Line(trial), label: trial.to_string() };
        let legend = ("trial".to_owned(), (0..trials).map(key).collect());
        let figure = figure(results, Kind::Trajectories, i, chosen, &legend, panels);
        figures.push((vec![i], Figure { columns: 3, ..figure }));
    }
    let values = cells.iter().map(|(cell, _)| arrangement.full_name(*cell)).collect();
    let header = ["cell", "quantity", "trial", "first", "last"].map(str::to_owned).to_vec();
    let choices = vec![Choice { key: "cell".to_owned(), values }];
    let table = Some(Table { header, rows });
    let left_out = (cells.len() < all || trials < traced).then(|| {
        format!(
            "Shown are {} of {all} cells that have trials, of each {trials} of {traced} recorded ones.",
            cells.len()
        )
    });
    let kind = Kind::Trajectories;
    Ok((!figures.is_empty()).then_some(Group { kind, choices, figures, table, left_out }))
}

/// A cell and the steps of its trajectories.
type Recorded = (usize, Vec<Vec<i64>>);

/// Some of the cells whose trajectories are there, spread evenly, with the steps of these; of how many.
fn cells(arrangement: &Arrangement<'_>) -> Result<(Vec<Recorded>, usize)> {
    let results = arrangement.results;
    // Of a partial file trajectories may be there before the trials, of a refined one neither may.
    let may_have = |cell: &usize| results.cells[*cell].trials > 0 || results.missing > 0;
    let all: Vec<usize> = arrangement.shown().into_iter().filter(may_have).collect();
    let shown = all.len().min(CELLS);
    let mut cells = Vec::new();
    for i in 0..shown {
        let cell = all[i * all.len() / shown];
        let steps = results.trajectory_steps(cell)?;
        if steps.iter().any(|steps| !steps.is_empty()) {
            cells.push((cell, steps));
        }
    }
    Ok((cells, all.len()))
}

/// The lines of a quantity: trial by trial, value by value, points of step and value.
struct Lines(Vec<Vec<Vec<[f64; 2]>>>);

impl Lines {
    fn of(traced: &Traced, steps: &[Vec<i64>], lines: OfRecord) -> Self {
        let of_trial = |(trial, steps): (usize, &Vec<i64>)| {
            let every = steps.len().div_ceil(RECORDS).max(1);
            let last = steps.len().saturating_sub(1);
            let shown = (0..steps.len()).filter(|record| record % every == 0 || *record == last);
            let mut all: Vec<Vec<[f64; 2]>> = Vec::new();
            for record in shown {
                let step = step(steps[record].unsigned_abs());
                let values = lines(traced.record(trial, record), traced.together());
                all.resize(values.len(), Vec::new());
                all.iter_mut().zip(values).for_each(|(line, value)| line.push([step, value]));
            }
            // Singular values that a smaller matrix does not have.
            all.retain(|line| line.iter().any(|[_, value]| !value.is_nan()));
            all
        };
        Self(steps.iter().enumerate().map(of_trial).collect())
    }

    fn points(&self) -> impl Iterator<Item = [f64; 2]> {
        self.0.iter().flatten().flatten().copied()
    }

    /// How many lines there are.
    fn count(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }

    /// The panel of a quantity; all figures together have so many curves.
    fn panel(&self, label: &str, curves: usize) -> Panel {
        let values = || self.points().map(|point| point[1]).filter(|value| value.is_finite());
        let [least, most] = [values().fold(f64::NAN, f64::min), values().fold(f64::NAN, f64::max)];
        let is_log = least > 0.0 && most > 20.0 * least;
        let scale = Scale::of(&values().collect::<Vec<_>>(), is_log);
        let marks = self.0.iter().enumerate().flat_map(|(trial, lines)| {
            lines.iter().enumerate().flat_map(move |(i, points)| {
                let number = if lines.len() > 1 {
                    format!(", {} of {}", i + 1, lines.len())
                } else {
                    String::new()
                };
                let curve = format!("trial {trial}, {label}{number}");
                let line = Mark::Line { series: trial % SERIES, points: points.clone() };
                [line, Mark::Readings(said(trial, curve, points, curves))]
            })
        });
        Panel {
            title: String::new(),
            x: steps(self.points().map(|point| point[0]), "left"),
            y: Axis { label: label.to_owned(), scale },
            marks: marks.collect(),
        }
    }

    /// The first and the last value of the first line of each trial.
    fn rows(&self, cell: &str, label: &str) -> Vec<Vec<String>> {
        let row = |(trial, lines): (usize, &Vec<Vec<[f64; 2]>>)| {
            let line = lines.first()?;
            let [first, last] =
                [line.first()?[1], line.last()?[1]].map(|value| significant(value, 3));
            Some(vec![cell.to_owned(), label.to_owned(), trial.to_string(), first, last])
        };
        self.0.iter().enumerate().filter_map(row).collect()
    }
}

/// What is said along the line of a trial, one of so many.
fn said(trial: usize, curve: String, points: &[[f64; 2]], curves: usize) -> Readings {
    let there = points.iter().filter(|[_, value]| value.is_finite());
    let spot = |&[x, value]: &[f64; 2]| {
        let tip = format!("{} at step {}", significant(value, 3), step_at(x));
        Spot { at: [x, value], tip }
    };
    readings(trial, curve, false, &there.map(spot).collect::<Vec<_>>(), curves)
}
