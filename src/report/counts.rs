//! What was counted in the cells of results, for analyses that need nothing else of them.

use serde::{Deserialize, Serialize};

use crate::store::reader::ResultsFile;
use crate::study::{Axis, AxisKey};

/// The counts of a study's cells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Name of the study.
    pub name: String,
    /// Axes of the sweep.
    pub axes: Vec<Axis>,
    /// The cells, row-major in the axes.
    pub cells: Vec<CellCounts>,
    /// Trials of all cells that are missing.
    pub missing: u64,
    /// Whether precision decided how many trials each cell has.
    pub sequential: bool,
    /// Of each axis whether cells that differ in it are independent.
    pub independent: Vec<bool>,
}

/// The counts of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellCounts {
    /// Trials.
    pub trials: u64,
    /// Those that converged.
    pub converged: u64,
    /// Those that were undecided at the step limit.
    pub undecided: u64,
}

impl Counts {
    /// Those of results.
    pub fn of(results: &ResultsFile) -> Self {
        let cells = results.cells.iter().map(|cell| CellCounts {
            trials: cell.trials,
            converged: cell.converged,
            undecided: cell.step_limit,
        });
        Self {
            name: results.name.clone(),
            axes: results.axes.clone(),
            cells: cells.collect(),
            missing: results.missing,
            sequential: results.is_adaptive(),
            independent: results.axes.iter().map(|a| results.is_independent_along(a)).collect(),
        }
    }

    /// As text for another process.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("plain data")
    }

    /// From what another process said; `None` if that cannot be.
    pub(crate) fn from_json(text: &str) -> Option<Self> {
        let counts: Self = serde_json::from_str(text).ok()?;
        let whole = |axis: &Axis| {
            let length = axis.keys.first().map(|key| key.values.len())?;
            let equal = |key: &AxisKey| key.values.len() == length;
            axis.keys.iter().all(equal).then_some(length)
        };
        let lengths: Vec<usize> = counts.axes.iter().map(whole).collect::<Option<_>>()?;
        let product = lengths.iter().try_fold(1_usize, |all, length| all.checked_mul(*length))?;
        let possible = |cell: &CellCounts| {
            cell.converged.checked_add(cell.undecided).is_some_and(|sum| sum <= cell.trials)
        };
        let fits = product == counts.cells.len() && counts.independent.len() == counts.axes.len();
        (fits && counts.cells.iter().all(possible)).then_some(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::AxisValues;

    fn counts() -> Counts {
        let key = |key: &str, values| AxisKey { key: key.to_owned(), values };
        let floats = AxisValues::Floats(vec![0.1, 0.1 + 0.2]);
        let labels = AxisValues::Labels(vec!["zas".to_owned(), "he".to_owned()]);
        let cell = CellCounts { trials: 4, converged: 1, undecided: 3 };
        Counts {
            name: "study".to_owned(),
            axes: vec![Axis { keys: vec![key("init.std", floats), key("init.kind", labels)] }],
            cells: vec![cell; 2],
            missing: 0,
            sequential: true,
            independent: vec![true],
        }
    }

    #[test]
    fn another_process_hands_them_on_to_the_bit() {
        assert_eq!(Counts::from_json(&counts().to_json()), Some(counts()));
    }

    #[test]
    fn nonsense_is_not_taken() {
        let broken: [fn(&mut Counts); 5] = [
            |counts| counts.cells.truncate(1),
            |counts| counts.cells[1].converged = 2,
            |counts| counts.cells[1].undecided = u64::MAX,
            |counts| counts.axes[0].keys.clear(),
            |counts| counts.axes[0].keys[1].values = AxisValues::Integers(vec![1]),
        ];
        for change in broken {
            let mut counts = counts();
            change(&mut counts);
            assert_eq!(Counts::from_json(&counts.to_json()), None, "{counts:?}");
        }
        assert_eq!(Counts::from_json("nonsense"), None);
    }
}
