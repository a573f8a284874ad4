//! Which axis of a sweep goes where in a figure.

use super::{Choice, Group, Kind, Table};
use crate::draw::{Axis, Figure, Key, Panel, Sample, Scale};
use crate::report::axis::AxisScale;
use crate::report::format::value;
use crate::report::{number, swept_keys};
use crate::store::reader::ResultsFile;
use crate::study::AxisValues;

/// What is asked of a figure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The number of the axis that is to go to the right.
    pub x: Option<usize>,
    /// Of each axis the number of the only value to be shown, if only one is to be.
    pub fixed: Vec<Option<usize>>,
}

/// How many values of an axis a figure has room for in each place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slots {
    /// Whether an axis goes to the right.
    pub(super) x: bool,
    /// In how many series.
    pub(super) series: usize,
    /// In how many panels, of all axes that make some together.
    pub(super) panels: usize,
}

/// Which axis goes where. Those that have one value, or one that is shown, go nowhere; for those that find no
/// place there is a figure for each value.
#[derive(Debug)]
pub(super) struct Arrangement<'a> {
    pub(super) results: &'a ResultsFile,
    pub(super) x: Option<usize>,
    series: Option<usize>,
    panels: Vec<usize>,
    choices: Vec<usize>,
    fixed: Vec<usize>,
}

/// Where cells are along x.
#[derive(Debug, Clone)]
pub(super) struct Along {
    /// The axis.
    pub(super) axis: Axis,
    /// Where each value is.
    pub(super) positions: Vec<f64>,
}

impl<'a> Arrangement<'a> {
    pub(super) fn new(results: &'a ResultsFile, slots: Slots, request: &Request) -> Self {
        let fixed = |axis: usize| request.fixed.get(axis).copied().flatten();
        let axes = &results.axes;
        let mut free: Vec<usize> =
            (0..axes.len()).filter(|&i| axes[i].len() > 1 && fixed(i).is_none()).collect();
        let mut take = |of: &dyn Fn(usize) -> bool| {
            let fitting = free.iter().copied().filter(|&axis| of(axis));
            // Of equally long ones the first.
            let longest = fitting.rev().max_by_key(|&axis| axes[axis].len())?;
            free.retain(|&axis| axis != longest);
            Some(longest)
        };
        let is_numeric = |axis: usize| numbers(results, axis).is_some();
        let asked = request.x.filter(|_| slots.x);
        let x = asked.and_then(|x| take(&|axis| axis == x));
        let x =
            x.or_else(|| slots.x.then(|| take(&is_numeric).or_else(|| take(&|_| true))).flatten());
        let series = take(&|axis| axes[axis].len() <= slots.series);
        let mut panels = Vec::new();
        let mut room = slots.panels;
        while let Some(axis) = take(&|axis| axes[axis].len() <= room) {
            room /= axes[axis].len();
            panels.push(axis);
        }
        let fixed = (0..axes.len()).map(|axis| fixed(axis).unwrap_or(0)).collect();
        Self { results, x, series, panels, choices: free, fixed }
    }

    /// The number of a cell.
    pub(super) fn cell(&self, choice: &[usize], panel: usize, series: usize, x: usize) -> usize {
        let mut position = self.fixed.clone();
        let places = [(self.x, x), (self.series, series)];
        let places = places.into_iter().filter_map(|(axis, at)| Some((axis?, at)));
        let chosen = self.choices.iter().copied().zip(choice.iter().copied());
        let of_panel = self.panels.iter().copied().zip(self.panel(panel));
        for (axis, at) in places.chain(chosen).chain(of_panel) {
            position[axis] = at;
        }
        number(&self.results.axes, &position)
    }

    /// Where the cells are along x.
    pub(super) fn along(&self) -> Along {
        let Some(axis) = self.x else {
            let scale = Scale::Names(vec![self.results.name.clone()]);
            return Along { axis: Axis { label: "study".to_owned(), scale }, positions: vec![0.0] };
        };
        let label = self.key(axis);
        match numbers(self.results, axis) {
            None => self.names(axis),
            Some(values) => {
                let is_log = AxisScale::of(&values) == AxisScale::Log;
                let scale = Scale::of(&values, is_log);
                Along { axis: Axis { label, scale }, positions: values }
            }
        }
    }

    /// The values of x, or of another axis, as names beside each other.
    pub(super) fn names(&self, axis: usize) -> Along {
        let names = self.values(axis);
        let positions = (0..names.len()).map(|i| i as f64).collect();
        Along { axis: Axis { label: self.key(axis), scale: Scale::Names(names) }, positions }
    }

    /// What the series mean.
    pub(super) fn legend(&self, sample: fn(usize) -> Sample) -> (String, Vec<Key>) {
        let Some(axis) = self.series else { return (String::new(), Vec::new()) };
        let keys = self.values(axis).into_iter().enumerate();
        let keys = keys.map(|(i, label)| Key { sample: sample(i), label });
        (self.key(axis), keys.collect())
    }

    /// How many series there are.
    pub(super) fn series(&self) -> usize {
        self.series.map_or(1, |axis| self.results.axes[axis].len())
    }

    /// Where a panel is on each of the axes that make panels, the last one fastest.
    fn panel(&self, mut panel: usize) -> Vec<usize> {
        let mut at = vec![0; self.panels.len()];
        for (at, &axis) in at.iter_mut().zip(&self.panels).rev() {
            let length = self.results.axes[axis].len();
            *at = panel % length;
            panel /= length;
        }
        at
    }

    /// Titles of the panels.
    pub(super) fn panels(&self) -> Vec<String> {
        let count = self.panels.iter().map(|&axis| self.results.axes[axis].len()).product();
        let title = |panel| {
            let places = self.panels.iter().zip(self.panel(panel));
            let named =
                places.map(|(&axis, at)| format!("{} {}", self.key(axis), self.values(axis)[at]));
            named.collect::<Vec<_>>().join(", ")
        };
        (0..count).map(title).collect()
    }

    /// The axis of the series.
    pub(super) fn series_axis(&self) -> Option<usize> {
        self.series
    }

    /// How many panels stand beside each other, if two axes say so: the shorter one goes to the right.
    fn columns(&self) -> Option<usize> {
        /// More than that are too wide for paper.
        const MOST: usize = 6;
        let [_, .., last] = self.panels[..] else { return None };
        Some(self.results.axes[last].len()).filter(|columns| *columns <= MOST)
    }

    /// A figure for each choice: from its choice, panel by panel.
    pub(super) fn group(
        &self,
        kind: Kind,
        legend: (String, Vec<Key>),
        table: Option<Table>,
        panels: impl Fn(&[usize]) -> crate::Result<Vec<Panel>>,
    ) -> crate::Result<Group> {
        let choices: Vec<Choice> = self
            .choices
            .iter()
            .map(|&axis| Choice { key: self.key(axis), values: self.values(axis) })
            .collect();
        let figures = every(&choices).into_iter().enumerate().map(|(i, choice)| {
            let chosen = choices.iter().zip(&choice);
            let chosen = chosen.map(|(of, &at)| format!(", {} {}", of.key, of.values[at]));
            let mut figure =
                figure(self.results, kind, i, chosen.collect(), &legend, panels(&choice)?);
            figure.columns = self.columns().unwrap_or(figure.columns);
            Ok((choice, figure))
        });
        let figures = figures.collect::<crate::Result<_>>()?;
        Ok(Group { kind, choices, figures, table })
    }

    /// The first key of an axis, and how many move with it.
    fn key(&self, axis: usize) -> String {
        let keys = &self.results.axes[axis].keys;
        match keys.len() {
            1 => keys[0].key.clone(),
            more => format!("{} (and {} more)", keys[0].key, more - 1),
        }
    }

    fn values(&self, axis: usize) -> Vec<String> {
        let values = &self.results.axes[axis].keys[0].values;
        (0..values.len()).map(|i| value(values, i)).collect()
    }
}

/// A figure of a kind, of these panels.
pub(super) fn figure(
    results: &ResultsFile,
    kind: Kind,
    number: usize,
    chosen: String,
    (legend_title, legend): &(String, Vec<Key>),
    panels: Vec<Panel>,
) -> Figure {
    let partial = if results.missing > 0 { " (partial)" } else { "" };
    let (columns, plane) = match panels.len() {
        n @ ..=1 => (n, [460.0, 300.0]),
        2 => (2, [340.0, 240.0]),
        n @ 3..=9 => (if n == 4 { 2 } else { 3 }, [250.0, 180.0]),
        _ => (4, [200.0, 150.0]),
    };
    Figure {
        name: format!("{}-{number}", kind.name()),
        title: format!("{}{partial}: {}{chosen}", results.name, kind.title()),
        about: kind.says().to_owned(),
        panels,
        columns,
        plane,
        legend_title: legend_title.clone(),
        legend: legend.clone(),
    }
}

/// All ways to choose.
fn every(choices: &[Choice]) -> Vec<Vec<usize>> {
    choices.iter().fold(vec![Vec::new()], |ways, choice| {
        let longer = |way: &Vec<usize>| {
            let way = way.clone();
            (0..choice.values.len()).map(move |i| [&way[..], &[i]].concat())
        };
        ways.iter().flat_map(longer).collect()
    })
}

/// Where a number of steps is on a logarithmic axis: 0 has no logarithm, and stands before 1.
pub(super) fn step(step: u64) -> f64 {
    if step == 0 { 0.5 } else { step as f64 }
}

/// The values of an axis as numbers, if they are and all differ.
fn numbers(results: &ResultsFile, axis: usize) -> Option<Vec<f64>> {
    let values: Vec<f64> = match &results.axes[axis].keys[0].values {
        AxisValues::Floats(values) => values.clone(),
        AxisValues::Integers(values) => values.iter().map(|&value| value as f64).collect(),
        AxisValues::Labels(_) => return None,
    };
    let mut sorted = values.clone();
    sorted.sort_by(f64::total_cmp);
    sorted.windows(2).all(|two| two[0] < two[1]).then_some(values)
}

/// A cell, by its place in the sweep.
pub(super) fn cell_name(results: &ResultsFile, cell: usize) -> String {
    let position = crate::report::position(&results.axes, cell);
    let keys = swept_keys(&results.axes).into_iter();
    let named =
        keys.map(|(axis, key)| format!("{} {}", key.key, value(&key.values, position[axis])));
    let name = named.collect::<Vec<_>>().join(", ");
    if name.is_empty() { results.name.clone() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_choose_is_there_once() {
        let choice = |n: usize| Choice { key: String::new(), values: vec![String::new(); n] };
        assert_eq!(every(&[]), [Vec::<usize>::new()]);
        assert_eq!(every(&[choice(2), choice(2)]), [[0, 0], [0, 1], [1, 0], [1, 1]]);
    }
}
