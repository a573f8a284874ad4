//! Which axis of a sweep goes where in a figure.

use super::{Choice, Group, Kind, Table};
use crate::draw::{Axis, Figure, Key, Panel, Sample, Scale};
use crate::report::axis::{AxisScale, numbers};
use crate::report::format::{points, texts};
use crate::report::labels::{Labels, last_part};
use crate::report::{number, position, swept_keys};
use crate::store::reader::ResultsFile;
use crate::study::{self, AxisValues};

/// What is asked of a figure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The number of the axis that is to go to the right, and which of its keys.
    pub x: Option<[usize; 2]>,
    /// Of each axis the number of the only value to be shown, if only one is to be.
    pub fixed: Vec<Option<usize>>,
    /// How many cells a figure shows in more than one panel, at most; any number if `None`.
    pub cells: Option<usize>,
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
    /// Where it is on each axis that is not shown, if the request says so.
    fixed: Vec<Option<usize>>,
    /// The key that stands for each axis; none where the values of each repeat, so that it takes all of them.
    keys: Vec<Option<usize>>,
    /// Of each axis its values, those of all its keys where it takes all.
    values: Vec<Vec<String>>,
    /// The same after the last part of their key.
    short: Vec<Vec<String>>,
    labels: Labels<'a>,
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
        let keys: Vec<Option<usize>> = axes
            .iter()
            .enumerate()
            .map(|(i, axis)| match request.x {
                Some([x, key]) if x == i => Some(key),
                _ => axis.keys.iter().position(|key| are_distinct(&key.values)),
            })
            .collect();
        let is_numeric =
            |axis: usize| keys[axis].is_some_and(|key| numbers(&axes[axis].keys[key]).is_ok());
        let asked = request.x.filter(|_| slots.x);
        let x = asked.and_then(|[x, _]| take(&|axis| axis == x));
        let x =
            x.or_else(|| slots.x.then(|| take(&is_numeric).or_else(|| take(&|_| true))).flatten());
        let series = take(&|axis| axes[axis].len() <= slots.series);
        let mut panels = Vec::new();
        let of_panel: usize = [x, series].iter().flatten().map(|&axis| axes[axis].len()).product();
        let mut room = slots.panels.min(request.cells.map_or(usize::MAX, |cells| cells / of_panel));
        while let Some(axis) = take(&|axis| axes[axis].len() <= room) {
            room /= axes[axis].len();
            panels.push(axis);
        }
        let fixed = (0..axes.len()).map(fixed).collect();
        let values = |(axis, key): (&study::Axis, &Option<usize>)| {
            key.map_or_else(|| points(axis), |key| texts(&axis.keys[key].values))
        };
        let values = axes.iter().zip(&keys).map(values).collect();
        let short = (0..axes.len()).map(|axis| short(axes, axis, keys[axis])).collect();
        let labels = Labels::of(axes);
        Self { results, x, series, panels, choices: free, fixed, keys, values, short, labels }
    }

    /// The cells that the figures show.
    pub(super) fn shown(&self) -> Vec<usize> {
        let is_shown = |&cell: &usize| {
            let position = position(&self.results.axes, cell).into_iter();
            position.zip(&self.fixed).all(|(at, fixed)| fixed.is_none_or(|fixed| fixed == at))
        };
        (0..self.results.cells.len()).filter(is_shown).collect()
    }

    /// The number of a cell.
    pub(super) fn cell(&self, choice: &[usize], panel: usize, series: usize, x: usize) -> usize {
        let mut position: Vec<usize> = self.fixed.iter().map(|at| at.unwrap_or(0)).collect();
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
        let values =
            self.keys[axis].and_then(|key| numbers(&self.results.axes[axis].keys[key]).ok());
        match values {
            None => self.names(axis),
            Some(values) => {
                let is_log = AxisScale::of(&values) == AxisScale::Log;
                let scale = match Scale::of(&values, is_log) {
                    Scale::Linear(range) if self.is_whole(axis) => Scale::Whole(range),
                    scale => scale,
                };
                Along { axis: Axis { label, scale }, positions: values }
            }
        }
    }

    /// Whether the values of an axis are whole numbers.
    fn is_whole(&self, axis: usize) -> bool {
        let values = self.keys[axis].map(|key| &self.results.axes[axis].keys[key].values);
        matches!(values, Some(AxisValues::Integers(_)))
    }

    /// The values of x, or of another axis, as names beside each other.
    pub(super) fn names(&self, axis: usize) -> Along {
        let names = self.values[axis].clone();
        let positions = (0..names.len()).map(|i| i as f64).collect();
        Along { axis: Axis { label: self.key(axis), scale: Scale::Names(names) }, positions }
    }

    /// What the series mean.
    pub(super) fn legend(&self, sample: fn(usize) -> Sample) -> (String, Vec<Key>) {
        let Some(axis) = self.series else { return (String::new(), Vec::new()) };
        let keys = self.values[axis].iter().cloned().enumerate();
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
    fn titles(&self) -> Vec<String> {
        let count = self.panels.iter().map(|&axis| self.results.axes[axis].len()).product();
        let title = |panel| {
            let places = self.panels.iter().zip(self.panel(panel));
            places.map(|(&axis, at)| self.short[axis][at].as_str()).collect::<Vec<_>>().join(", ")
        };
        (0..count).map(title).collect()
    }

    /// The axis of the series.
    pub(super) fn series_axis(&self) -> Option<usize> {
        self.series
    }

    /// How many panels stand beside each other, if two axes say so: the shorter one goes to the right.
    pub(super) fn columns(&self) -> Option<usize> {
        /// More than that are too wide for paper.
        const MOST: usize = 6;
        let [_, .., last] = self.panels[..] else { return None };
        Some(self.results.axes[last].len()).filter(|columns| *columns <= MOST)
    }

    /// What can be chosen.
    pub(super) fn choices(&self) -> Vec<Choice> {
        let choice = |&axis: &usize| {
            let key = self.results.axes[axis].keys[self.keys[axis].unwrap_or(0)].key.clone();
            Choice { key, values: self.values[axis].clone() }
        };
        self.choices.iter().map(choice).collect()
    }

    /// Of each axis that is to be chosen from its first value.
    pub(super) fn first_choice(&self) -> Vec<Option<usize>> {
        let axes = 0..self.results.axes.len();
        axes.map(|axis| self.choices.contains(&axis).then_some(0)).collect()
    }

    /// A figure for each choice, from the choice and the number of a panel: what is in it, its title aside.
    pub(super) fn group(
        &self,
        kind: Kind,
        legend: (String, Vec<Key>),
        table: Option<Table>,
        panel: impl Fn(&[usize], usize) -> Panel,
    ) -> Group {
        self.group_of(kind, legend, table, &[""], |choice, number, _| panel(choice, number))
    }

    /// The same where there are more panels beside each other, of these names.
    pub(super) fn group_of(
        &self,
        kind: Kind,
        legend: (String, Vec<Key>),
        table: Option<Table>,
        names: &[&str],
        panel: impl Fn(&[usize], usize, usize) -> Panel,
    ) -> Group {
        let choices = self.choices();
        let titles = self.titles();
        let panels = |choice: &[usize]| {
            let all = (0..titles.len()).flat_map(|p| (0..names.len()).map(move |i| (p, i)));
            let titled = all.map(|(p, i)| {
                let parts = [titles[p].as_str(), names[i]];
                let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
                Panel { title: parts.join(", "), ..panel(choice, p, i) }
            });
            titled.collect()
        };
        let axes = self.results.axes.iter().enumerate().filter(|(_, axis)| axis.len() > 1);
        let fixed = axes.filter_map(|(axis, _)| Some((axis, self.fixed[axis]?)));
        let fixed: Vec<(usize, usize)> = fixed.collect();
        let figures = every(&choices).into_iter().enumerate().map(|(i, choice)| {
            let chosen = self.choices.iter().copied().zip(choice.iter().copied());
            let chosen = fixed.iter().copied().chain(chosen);
            let chosen =
                chosen.map(|(axis, at)| format!(", {} {}", self.key(axis), self.values[axis][at]));
            let figure = figure(self.results, kind, i, chosen.collect(), &legend, panels(&choice));
            let columns = match names.len() {
                1 => self.columns().unwrap_or(figure.columns),
                together => together * self.columns().unwrap_or(1),
            };
            (choice, Figure { columns, ..figure })
        });
        Group { kind, figures: figures.collect(), choices, table, left_out: None }
    }

    /// A cell, by what tells it from the others of its figure.
    pub(super) fn name(&self, cell: usize) -> String {
        let position = position(&self.results.axes, cell);
        let shown = [self.x, self.series].into_iter().flatten().chain(self.panels.iter().copied());
        let named = shown.map(|axis| self.short[axis][position[axis]].as_str());
        let name = named.collect::<Vec<_>>().join(", ");
        if name.is_empty() { self.full_name(cell) } else { name }
    }

    /// A cell, by its place in the sweep.
    pub(super) fn full_name(&self, cell: usize) -> String {
        let name = self.labels.named(&position(&self.results.axes, cell));
        if name.is_empty() { self.results.name.clone() } else { name }
    }

    /// The key of an axis, and how many move with it; all of them if it takes all.
    fn key(&self, axis: usize) -> String {
        let keys = &self.results.axes[axis].keys;
        match (self.keys[axis], keys.len()) {
            (Some(key), 1) => keys[key].key.clone(),
            (Some(key), all) => format!("{} (and {} more)", keys[key].key, all - 1),
            (None, _) => keys.iter().map(|key| key.key.as_str()).collect::<Vec<_>>().join(", "),
        }
    }
}

/// The values of an axis, each after the last part of its key if no other key has the same; those of all keys
/// where none stands for the axis.
fn short(axes: &[study::Axis], axis: usize, key: Option<usize>) -> Vec<String> {
    let swept = swept_keys(axes);
    let short = |key: &str| {
        let alike = swept.iter().filter(|(_, other)| last_part(&other.key) == last_part(key));
        if alike.count() > 1 { key.to_owned() } else { last_part(key).to_owned() }
    };
    let keys = &axes[axis].keys;
    let keys = key.map_or(&keys[..], |key| &keys[key..=key]);
    let columns: Vec<(String, Vec<String>)> =
        keys.iter().map(|key| (short(&key.key), texts(&key.values))).collect();
    let at = |i: usize| columns.iter().map(move |(key, texts)| format!("{key} {}", texts[i]));
    (0..axes[axis].len()).map(|i| at(i).collect::<Vec<_>>().join(", ")).collect()
}

/// Whether no value is there twice.
fn are_distinct(values: &AxisValues) -> bool {
    let mut texts: Vec<String> = (0..values.len()).map(|i| values.text(i)).collect();
    texts.sort_unstable();
    texts.windows(2).all(|two| two[0] != two[1])
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
        is_titled: true,
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

/// Where no steps are on a logarithmic axis: 0 has no logarithm, and stands before 1.
pub(super) const ZERO: f64 = 0.5;

/// Where a number of steps is on a logarithmic axis.
pub(super) fn step(step: u64) -> f64 {
    if step == 0 { ZERO } else { step as f64 }
}

/// Where a mean number of steps is.
pub(super) fn place(steps: f64) -> f64 {
    if steps < ZERO { ZERO } else { steps }
}

/// The number of steps that [`step`] puts there.
pub(super) fn step_at(place: f64) -> u64 {
    if place < 1.0 { 0 } else { place as u64 }
}

/// An axis of numbers of steps, of those that [`step`] and [`place`] give; which of its ends is the first.
pub(super) fn steps(places: impl IntoIterator<Item = f64>, end: &str) -> Axis {
    let mut places: Vec<f64> = places.into_iter().collect();
    let has_zero = places.iter().any(|place| *place <= ZERO);
    if places.iter().any(|place| *place < 1.0) {
        // Far enough for whole numbers to be written.
        places.push(10.0);
    }
    let label = if has_zero { format!("steps (0 at the {end} end)") } else { "steps".to_owned() };
    Axis { label, scale: Scale::log(places) }
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
