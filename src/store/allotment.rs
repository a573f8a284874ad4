//! How many trials the cells of a study get where precision decides: each until it is precise enough, or,
//! within a budget, the least precise one the next ones until the budget is spent.
//!
//! Bounds are those of confidence sequences, which hold at every number of trials at once, so a cell may end
//! by what came of any cell, its own trials included.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::RangeInclusive;

use crate::study::StoppingRule;

/// What came of the first trials of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// Trials.
    pub trials: u64,
    /// Those that converged.
    pub converged: u64,
    /// Those that were undecided when their budget was spent.
    pub undecided: u64,
}

impl Seen {
    /// What would come of so many trials if the shares stayed as they are.
    fn grown_to(self, trials: u64) -> Self {
        let grown = |count: u64| {
            (u128::from(count) * u128::from(trials) / u128::from(self.trials.max(1))) as u64
        };
        Self { trials, converged: grown(self.converged), undecided: grown(self.undecided) }
    }
}

/// How a cell stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It ends with its first so many trials.
    Ended(u64),
    /// It has these, and what comes next is not known yet.
    Open(Seen),
}

impl Standing {
    /// Its trials.
    pub fn trials(self) -> u64 {
        match self {
            Self::Ended(trials) => trials,
            Self::Open(seen) => seen.trials,
        }
    }
}

/// Says how cells stand.
#[derive(Debug, Clone, Copy)]
pub struct Allotment {
    /// Trials before the first look at a cell, and between two.
    pub every: u64,
    /// Most trials of a cell.
    pub most: u64,
    /// When a cell has enough of them; `None`: with the most.
    pub rule: Option<StoppingRule>,
}

impl Allotment {
    fn budget(self) -> Option<u64> {
        self.rule?.budget
    }

    /// How many trials a cell has at the look after one.
    fn next(self, trials: u64) -> u64 {
        trials.saturating_add(self.every).min(self.most)
    }

    /// How `cells` cells stand if `known` says what came of the first trials of a cell, at a number of them
    /// at which it is looked at; `None` if they are not all there.
    ///
    /// Without a budget a cell ends at the first look at which it is precise enough, or with the most trials
    /// that it may have. With one all cells get their first look; then, again and again, the cell with the
    /// widest interval that is not precise enough goes on to its next, until the budget does not suffice. So equal knowledge gives equal standings, and more knowledge changes only
    /// those that are open.
    pub fn standings(
        self,
        cells: usize,
        known: impl Fn(usize, u64) -> Option<Seen>,
    ) -> Vec<Standing> {
        let mut standings = vec![Standing::Open(Seen::default()); cells];
        let mut open = BinaryHeap::new();
        let mut is_known = true;
        let mut left = self.budget();
        for (cell, standing) in standings.iter_mut().enumerate() {
            let first = self.next(0);
            left = left.map(|left| left.saturating_sub(first));
            match known(cell, first) {
                Some(seen) => self.enter(cell, seen, standing, &mut open),
                None => is_known = false,
            }
        }
        // The next trials of a budget go where all cells say.
        while let Some(Wide { cell, seen, .. }) = open.pop() {
            let trials = self.next(seen.trials);
            if let Some(left) = &mut left {
                if !is_known {
                    break;
                }
                let more = trials - seen.trials;
                if *left < more {
                    end_all(&mut standings);
                    break;
                }
                *left -= more;
            }
            match known(cell, trials) {
                Some(seen) => self.enter(cell, seen, &mut standings[cell], &mut open),
                None => is_known = false,
            }
        }
        standings
    }

    /// Notes how a cell stands after a look.
    fn enter(self, cell: usize, seen: Seen, standing: &mut Standing, open: &mut BinaryHeap<Wide>) {
        let Seen { trials, converged, undecided } = seen;
        let is_met = |rule: StoppingRule| rule.is_met(converged, undecided, trials);
        if trials >= self.most || self.rule.is_some_and(is_met) {
            *standing = Standing::Ended(trials);
        } else {
            *standing = Standing::Open(seen);
            // Without a budget all go on, in any order.
            let width = match self.rule {
                Some(rule) if rule.budget.is_some() => rule.width(converged, undecided, trials),
                _ => 0.0,
            };
            open.push(Wide { width, cell, seen });
        }
    }

    /// How many trials each cell should have next: as `known` says, and, for what it does not know, as if
    /// the shares stayed as they are, up to `growth.end()` times as many trials as are known. Without a
    /// budget a cell that needs more gets `growth.start()` times as many or more.
    pub fn planned(
        self,
        cells: usize,
        growth: RangeInclusive<f64>,
        known: impl Fn(usize, u64) -> Option<Seen>,
    ) -> Vec<u64> {
        let last: Vec<Seen> = (0..cells).map(|cell| self.last_known(cell, &known)).collect();
        let guess = |cell: usize, trials: u64| {
            known(cell, trials).or_else(|| {
                let Seen { trials: there, .. } = last[cell];
                let most = self.next(there).max((growth.end() * there as f64) as u64);
                (trials <= most).then(|| last[cell].grown_to(trials))
            })
        };
        let least = |there: u64| {
            let looks = (growth.start() * there as f64 / self.every as f64).ceil() as u64;
            looks.saturating_mul(self.every).min(self.most)
        };
        let standings = self.standings(cells, guess).into_iter().map(Standing::trials);
        let planned = standings.zip(&last).map(|(planned, last)| match self.budget() {
            None if planned > last.trials => planned.max(least(last.trials)),
            _ => planned,
        });
        planned.collect()
    }

    /// How many trials cells come to have that stand so, if the shares stay as they are: the fewest at which
    /// they are precise enough. What is left of a budget is spread evenly over those that need it.
    pub fn foreseen(self, standings: &[Standing]) -> Vec<u64> {
        let mut foreseen: Vec<u64> = standings.iter().map(|standing| standing.trials()).collect();
        let spent = foreseen.iter().fold(0, |sum: u64, &trials| sum.saturating_add(trials));
        let mut left = self.budget().map_or(u64::MAX, |budget| budget.saturating_sub(spent));
        let needed = |(cell, standing): (usize, &Standing)| match standing {
            Standing::Open(seen) => Some((self.enough(*seen) - seen.trials, cell)),
            Standing::Ended(_) => None,
        };
        let mut needed: Vec<(u64, usize)> =
            standings.iter().enumerate().filter_map(needed).collect();
        // What those do not need that need the least is the others'.
        needed.sort_unstable();
        let count = needed.len() as u64;
        for ((more, cell), others) in needed.into_iter().zip((1..=count).rev()) {
            let given = more.min(left / others);
            foreseen[cell] += given;
            left -= given;
        }
        foreseen
    }

    /// The fewest trials at a look at which a cell is precise enough, if the shares stay as they are.
    fn enough(self, seen: Seen) -> u64 {
        let at = |look: u64| look.saturating_mul(self.every).min(self.most);
        let is_enough = |look: u64| {
            let Seen { trials, converged, undecided } = seen.grown_to(at(look));
            self.rule.is_some_and(|rule| rule.is_met(converged, undecided, trials))
        };
        let (mut low, mut high) = (seen.trials / self.every, self.most.div_ceil(self.every));
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            if is_enough(middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        at(high)
    }

    /// The last look of a cell that is known.
    fn last_known(self, cell: usize, known: impl Fn(usize, u64) -> Option<Seen>) -> Seen {
        let mut last = Seen::default();
        while let Some(seen) = known(cell, self.next(last.trials)) {
            last = seen;
            if last.trials >= self.most {
                break;
            }
        }
        last
    }
}

/// Ends what is open: there is nothing left for it.
fn end_all(standings: &mut [Standing]) {
    for standing in standings {
        *standing = Standing::Ended(standing.trials());
    }
}

/// A cell that is not precise enough; the widest is the greatest, of several the one with the fewest trials, of
/// these the first cell.
struct Wide {
    width: f64,
    cell: usize,
    seen: Seen,
}

impl Ord for Wide {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_width = self.width.total_cmp(&other.width);
        let by_trials = other.seen.trials.cmp(&self.seen.trials);
        by_width.then(by_trials).then_with(|| other.cell.cmp(&self.cell))
    }
}

impl PartialOrd for Wide {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Wide {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Wide {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::Goal;

    fn allotment(budget: Option<u64>, goal: Goal) -> Allotment {
        let rule = StoppingRule { every: 20, level: 0.95, goal, budget };
        Allotment { every: 20, most: 5000, rule: Some(rule) }
    }

    /// A cell whose trials converge in the rhythm of its share.
    fn even(share: f64, trials: u64) -> Seen {
        Seen { trials, converged: (share * trials as f64) as u64, undecided: 0 }
    }

    fn ends(standings: &[Standing]) -> Vec<u64> {
        let end = |standing: &Standing| match standing {
            Standing::Ended(trials) => *trials,
            Standing::Open(_) => panic!("{standings:?}"),
        };
        standings.iter().map(end).collect()
    }

    #[test]
    fn without_a_budget_cells_do_not_know_of_each_other() {
        let shares = [0.0, 0.5, 0.9];
        let known = |cell: usize, trials| Some(even(shares[cell], trials));
        let goal = Goal::HalfWidth(0.1);
        let all = ends(&allotment(None, goal).standings(3, known));
        for (cell, &end) in all.iter().enumerate() {
            let alone = allotment(None, goal).standings(1, |_, trials| known(cell, trials));
            assert_eq!(ends(&alone), [end]);
        }
        assert!(all[0] < all[2] && all[2] < all[1], "{all:?}");
        let first_only = |cell: usize, trials| (cell != 1).then(|| known(cell, trials)).flatten();
        let some = allotment(None, goal).standings(3, first_only);
        assert_eq!(some[0], Standing::Ended(all[0]));
        assert_eq!(some[1], Standing::Open(Seen::default()));
        assert_eq!(some[2], Standing::Ended(all[2]));
    }

    /// All intervals that are not narrow enough become as narrow as one another.
    #[test]
    fn a_budget_goes_to_the_widest() {
        let shares = [0.02, 0.5, 0.85, 0.5];
        let known = |cell: usize, trials| Some(even(shares[cell], trials));
        let allotment = allotment(Some(3000), Goal::HalfWidth(0.01));
        let rule = allotment.rule.unwrap();
        let ends = ends(&allotment.standings(4, known));
        assert_eq!(ends.iter().sum::<u64>(), 3000);
        let width = |cell: usize| {
            let Seen { trials, converged, .. } = even(shares[cell], ends[cell]);
            rule.width(converged, 0, trials)
        };
        let widths: Vec<f64> = (0..4).map(width).collect();
        let (least, most) =
            widths.iter().fold((1.0_f64, 0.0_f64), |(l, m), &w| (l.min(w), m.max(w)));
        assert!(most < 1.1 * least, "{widths:?} of {ends:?}");
        assert!(ends[0] < ends[2] && ends[2] < ends[1], "{ends:?}");
    }

    #[test]
    fn what_is_decided_gets_no_more() {
        let shares = [0.0, 0.45, 1.0];
        let known = |cell: usize, trials| Some(even(shares[cell], trials));
        let ends = ends(&allotment(Some(1000), Goal::Decide(0.5)).standings(3, known));
        assert_eq!(ends, [20, 960, 20]);
    }

    /// A probability of 0 is never known to a part of itself: it must not take all of the budget.
    #[test]
    fn cells_without_a_success_come_last() {
        let shares = [0.0, 0.2, 0.0, 0.6];
        let known = |cell: usize, trials| Some(even(shares[cell], trials));
        let goal = Goal::Relative(0.2);
        let ends = ends(&allotment(Some(4000), goal).standings(4, known));
        let rule = allotment(None, goal).rule.unwrap();
        for cell in [1, 3] {
            let Seen { trials, converged, .. } = even(shares[cell], ends[cell]);
            assert!(rule.is_met(converged, 0, trials), "{ends:?}");
        }
        assert!(ends[0].abs_diff(ends[2]) <= 20 && ends.iter().sum::<u64>() > 3980, "{ends:?}");
    }

    #[test]
    fn a_budget_that_is_not_needed_is_not_spent() {
        let known = |_, trials| Some(even(0.5, trials));
        let goal = Goal::HalfWidth(0.1);
        let alone = ends(&allotment(None, goal).standings(3, known));
        assert_eq!(ends(&allotment(Some(1_000_000), goal).standings(3, known)), alone);
    }

    /// Cells whose shares stay as they were at the first look.
    #[test]
    fn what_is_foreseen_comes() {
        let shares = [0.0, 0.5, 0.9];
        let known = |cell: usize, trials| Some(even(shares[cell], trials));
        let first = |cell: usize, trials| known(cell, trials).filter(|_| trials <= 20);
        for budget in [None, Some(1_000_000)] {
            let allotment = allotment(budget, Goal::HalfWidth(0.1));
            let foreseen = allotment.foreseen(&allotment.standings(3, first));
            assert_eq!(foreseen, ends(&allotment.standings(3, known)));
        }
        let allotment = allotment(Some(3000), Goal::HalfWidth(0.01));
        assert_eq!(allotment.foreseen(&allotment.standings(3, first)), [460, 1270, 1270]);
    }

    proptest! {
        /// Whatever is known, what is said of ended cells stays true, the budget is kept, and the next
        /// plan asks for something that is not known.
        #[test]
        fn more_knowledge_changes_open_cells_only(
            shares in proptest::collection::vec(0.0..1.0_f64, 1..6),
            there in proptest::collection::vec(0..60_u64, 6),
            budget in proptest::option::of(200..6000_u64),
        ) {
            let allotment = allotment(budget, Goal::HalfWidth(0.05));
            let cells = shares.len();
            let all = |cell: usize, trials| Some(even(shares[cell], trials));
            let known = |cell: usize, trials: u64| {
                all(cell, trials).filter(|_| trials <= 20 * there[cell])
            };
            let last = ends(&allotment.standings(cells, all));
            let first: u64 = 20 * cells as u64;
            if let Some(budget) = budget {
                prop_assert!(last.iter().sum::<u64>() <= budget.max(first));
            }
            let standings = allotment.standings(cells, known);
            let planned = allotment.planned(cells, 1.1..=1.5, known);
            let mut is_open = false;
            for (cell, standing) in standings.iter().enumerate() {
                match standing {
                    Standing::Ended(trials) => prop_assert_eq!(*trials, last[cell]),
                    Standing::Open(seen) => {
                        is_open = true;
                        prop_assert!(seen.trials <= last[cell]);
                    }
                }
                prop_assert!(planned[cell] >= standing.trials());
            }
            let asks = (0..cells).any(|cell| planned[cell] > 20 * there[cell]);
            prop_assert_eq!(is_open, asks, "{:?} {:?}", standings, planned);
        }
    }
}
