//! How the cells of a study stand while it runs: a table that fits a terminal, and JSON.
//!
//! Which trials end first is not random. So probabilities are those of the first trials of a cell that are
//! there without a gap, and the counts, which are of all that have ended, come without bounds.

use std::collections::VecDeque;

use serde_json::{Map, Value, json as value};

use super::export::{axis_value, lines};
use super::format::probability;
use super::labels::{Labels, last_part};
use super::table::{align, plain_table, without_trailing_blanks};
use super::{position, swept_keys};
use crate::stats::Interval;
use crate::stop::Outcome;
use crate::store::counted::CellCounts;
use crate::store::summary::Intervals;
use crate::study::{Axis, AxisKey};

/// What the table says of its numbers.
pub const LEGEND: &str = "P is of each cell's first trials without a gap (`of first`), the counts of all that have ended.";

/// Cells without a trial yet that are taken to be worked at.
const BEGINNING: usize = 2;

/// How far a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trials {
    /// Trials that are done.
    pub done: u64,
    /// Of how many; `None` if that is not known yet.
    pub of: Option<u64>,
}

impl Trials {
    fn is_open(self) -> bool {
        self.of.is_none_or(|of| self.done < of)
    }

    /// `120/200`.
    fn text(self) -> String {
        format!("{}/{}", self.done, self.of.map_or_else(|| "?".to_owned(), |of| of.to_string()))
    }
}

/// The cells of a study.
pub struct Standing<'a> {
    /// Axes of the sweep.
    pub axes: &'a [Axis],
    /// How bounds are computed.
    pub intervals: Intervals,
    /// How many they are.
    pub cells: usize,
    /// What came of the trials of each.
    pub counted: &'a dyn Fn(usize) -> CellCounts,
    /// How far each cell is.
    pub trials: &'a dyn Fn(usize) -> Trials,
}

/// A table of cells, line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Names of the columns.
    pub header: String,
    /// The cells that are shown.
    pub rows: Vec<String>,
    /// Cells that are not shown.
    pub hidden: usize,
}

impl Standing<'_> {
    /// The cells, at most so many of them; where there is no room for all, those that are worked at first,
    /// then those that have ended last, then those that are next. Where `columns` of the terminal are too few,
    /// names of keys are short, and of those that move together the first one is shown.
    pub fn table(&self, columns: usize, most: usize) -> Table {
        let (cells, hidden) = self.chosen(most);
        let long = self.lines(&cells, &Labels::of(self.axes), |key| key);
        let fits = |lines: &[String]| lines.iter().all(|line| line.chars().count() <= columns);
        let rows = if fits(&long) {
            long
        } else {
            let first = self.axes.iter().map(|axis| &axis.keys[0]);
            let first: Vec<(usize, &AxisKey)> = first.enumerate().collect();
            self.lines(&cells, &Labels::of_keys(&first), last_part)
        };
        let mut rows = rows.into_iter();
        Table { header: rows.next().unwrap_or_default(), rows: rows.collect(), hidden }
    }

    /// Which cells are shown, in the order of the study, and how many are not.
    fn chosen(&self, most: usize) -> (Vec<usize>, usize) {
        let (mut begun, mut next, mut ended) = (Vec::new(), Vec::new(), VecDeque::new());
        let mut count = 0;
        for (cell, trials) in self.shown() {
            count += 1;
            match trials {
                Trials { done, .. } if trials.is_open() && done > 0 => begun.push(cell),
                _ if trials.is_open() => next.push(cell),
                _ => {
                    if ended.len() == most {
                        ended.pop_front();
                    }
                    ended.push_back(cell);
                }
            }
        }
        let later = next.split_off(next.len().min(BEGINNING));
        let by_rank = begun.into_iter().chain(next).chain(ended.into_iter().rev()).chain(later);
        let mut chosen: Vec<usize> = by_rank.take(most).collect();
        chosen.sort_unstable();
        let hidden = count - chosen.len();
        (chosen, hidden)
    }

    /// The cells that have or get trials: not all of a refined axis do.
    fn shown(&self) -> impl Iterator<Item = (usize, Trials)> {
        let all = (0..self.cells).map(|cell| (cell, (self.trials)(cell)));
        all.filter(|(_, trials)| *trials != Trials { done: 0, of: Some(0) })
    }

    /// A header and a line for each of these cells, with these keys and what is shown of their names.
    fn lines(&self, cells: &[usize], labels: &Labels<'_>, name: fn(&str) -> &str) -> Vec<String> {
        let mut table = plain_table();
        let columns = [
            "trials",
            "P",
            "[lower, upper]",
            "of first",
            "converged",
            "undecided",
            "diverged",
            "stalled",
        ];
        table.set_header(labels.keys().map(name).chain(columns));
        for &cell in cells {
            let position = position(self.axes, cell);
            let values = labels.values(&position).map(str::to_owned);
            let trials = (self.trials)(cell).text();
            table.add_row(values.chain([trials]).chain(self.summary((self.counted)(cell))));
        }
        align(&mut table);
        without_trailing_blanks(&table).lines().map(str::to_owned).collect()
    }

    /// Share of the first trials that converged, with its bounds.
    fn probability(&self, CellCounts { first, .. }: CellCounts) -> (f64, Interval) {
        let (converged, undecided) =
            (first.count(Outcome::Converged), first.count(Outcome::StepLimit));
        self.intervals.convergence(converged, undecided, first.trials())
    }

    fn summary(&self, counted: CellCounts) -> [String; 7] {
        let (share, Interval { lower, upper }) = self.probability(counted);
        let count = |outcome| counted.there.count(outcome).to_string();
        [
            probability(share),
            format!("[{}, {}]", probability(lower), probability(upper)),
            counted.first.trials().to_string(),
            count(Outcome::Converged),
            count(Outcome::StepLimit),
            count(Outcome::Diverged),
            count(Outcome::Stalled),
        ]
    }

    /// Every cell as an object: the swept keys with their values, then how many trials are done and wanted,
    /// and what is known, as the variables of `results.h5` are called. `null`: not known yet.
    pub fn objects(&self) -> Vec<Map<String, Value>> {
        let keys = swept_keys(self.axes);
        let object = |(cell, trials): (usize, Trials)| {
            let position = position(self.axes, cell);
            let swept = keys
                .iter()
                .map(|(axis, key)| (key.key.clone(), axis_value(&key.values, position[*axis])));
            let columns = self.columns(cell, trials);
            swept.chain(columns.map(|(name, value)| (name.to_owned(), value))).collect()
        };
        self.shown().map(object).collect()
    }

    fn columns(&self, cell: usize, trials: Trials) -> [(&'static str, Value); 10] {
        let counted = (self.counted)(cell);
        let (share, Interval { lower, upper }) = self.probability(counted);
        let count = |outcome| value!(counted.there.count(outcome));
        [
            ("done_count", value!(trials.done)),
            ("wanted_count", value!(trials.of)),
            ("converged_count", count(Outcome::Converged)),
            ("diverged_count", count(Outcome::Diverged)),
            ("stalled_count", count(Outcome::Stalled)),
            ("step_limit_count", count(Outcome::StepLimit)),
            ("first_count", value!(counted.first.trials())),
            ("probability", value!(share)),
            ("probability_lower", value!(lower)),
            ("probability_upper", value!(upper)),
        ]
    }

    /// The cells as CSV with a header, empty where something is not known yet.
    pub fn csv(&self) -> String {
        lines(&self.objects())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Method;
    use crate::store::counted::{Counted, OutcomeCounts};
    use crate::store::tally::Tally;
    use crate::study::{AxisValues, Block, IntervalRule};

    fn axes(cells: i64) -> Vec<Axis> {
        let values = AxisValues::Integers((0..cells).collect());
        vec![Axis { keys: vec![AxisKey { key: "network.depth".to_owned(), values }] }]
    }

    /// So many trials, of which every second converges and the others are undecided.
    fn counts(trials: u64) -> OutcomeCounts {
        let mut tally = Tally::new(0);
        let codes = [Outcome::Converged as u8, Outcome::StepLimit as u8];
        (0..trials).for_each(|trial| tally.add(codes[(trial % 2) as usize], 5, 0, false));
        OutcomeCounts::of_tally(&tally)
    }

    /// Cells with so many trials of ten; those of the last one do not begin with the first.
    fn with_standing<T>(done: &[u64], use_it: impl FnOnce(Standing<'_>) -> T) -> T {
        let mut counted = Counted::new(done.len());
        for (cell, &count) in done.iter().enumerate() {
            let first = u64::from(cell + 1 == done.len());
            counted.add(Block { cell, first, count }, |range| counts(range.len() as u64));
        }
        let rule = IntervalRule { method: Method::Wilson, level: 0.9 };
        use_it(Standing {
            axes: &axes(done.len() as i64),
            intervals: Intervals::fixed(rule, done.len()),
            cells: done.len(),
            counted: &|cell| counted.cell(cell),
            trials: &|cell| Trials { done: done[cell], of: Some(10) },
        })
    }

    fn first_words(table: &Table) -> Vec<&str> {
        table.rows.iter().filter_map(|row| row.split_whitespace().next()).collect()
    }

    #[test]
    fn cells_that_are_worked_at_come_before_others() {
        let done = [10, 10, 4, 10, 0, 0, 0, 0, 3];
        let shown = |most| {
            with_standing(&done, |standing| {
                let table = standing.table(200, most);
                (first_words(&table).join(" "), table.hidden)
            })
        };
        for (most, expected) in [
            (9, "0 1 2 3 4 5 6 7 8"),
            (7, "0 1 2 3 4 5 8"),
            (5, "2 3 4 5 8"),
            (3, "2 4 8"),
            (1, "2"),
            (0, ""),
        ] {
            assert_eq!(shown(most), (expected.to_owned(), 9 - most), "{most}");
        }
    }

    #[test]
    fn a_probability_is_of_the_first_trials_only() {
        let interval = Method::Wilson.interval(2, 4, 0.9);
        let objects = with_standing(&[4, 6], |standing| standing.objects());
        assert_eq!(objects[0]["probability"], 0.5);
        assert_eq!(objects[0]["probability_lower"], interval.lower);
        assert_eq!(objects[0]["probability_upper"], 1.0, "undecided trials may converge");
        // The first one is missing.
        assert_eq!(objects[1]["converged_count"], 3);
        assert_eq!(objects[1]["first_count"], 0);
        assert_eq!(objects[1]["probability"], Value::Null);
        let rows = with_standing(&[4, 6], |standing| standing.table(200, 9).rows);
        assert!(rows[1].contains(" -  [0.000, 1.000]"), "{rows:?}");
    }

    #[test]
    fn names_are_short_where_there_is_little_room() {
        let header = |columns| with_standing(&[1], |standing| standing.table(columns, 9).header);
        assert!(header(200).trim_start().starts_with("network.depth"));
        assert!(header(40).trim_start().starts_with("depth"));
    }
}
