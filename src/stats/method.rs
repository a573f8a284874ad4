//! The intervals for a fixed number of trials by name, and the level of many of them at once.

use serde::{Deserialize, Serialize};

use super::{Interval, clopper_pearson, jeffreys, wilson};

/// A confidence interval of a probability for a fixed number of independent trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Never contains the probability less often than it says: see [`clopper_pearson`].
    #[default]
    ClopperPearson,
    /// Right on average over the probability: see [`wilson`](wilson()).
    Wilson,
    /// Right on average over the probability: see [`jeffreys`](jeffreys()).
    Jeffreys,
}

impl Method {
    /// All methods.
    pub const ALL: [Self; 3] = [Self::ClopperPearson, Self::Wilson, Self::Jeffreys];

    /// Its word in configurations.
    pub fn word(self) -> &'static str {
        match self {
            Self::ClopperPearson => "clopper-pearson",
            Self::Wilson => "wilson",
            Self::Jeffreys => "jeffreys",
        }
    }

    /// The method of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.word() == word)
    }

    /// Its name in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClopperPearson => "Clopper-Pearson",
            Self::Wilson => "Wilson",
            Self::Jeffreys => "Jeffreys",
        }
    }

    /// The interval for `successes` of `trials`.
    ///
    /// # Panics
    /// If there are more successes than trials, or `level` is not strictly between 0 and 1.
    pub fn interval(self, successes: u64, trials: u64, level: f64) -> Interval {
        match self {
            Self::ClopperPearson => clopper_pearson(successes, trials, level),
            Self::Wilson => wilson(successes, trials, level),
            Self::Jeffreys => jeffreys(successes, trials, level),
        }
    }
}

/// The level each of `cells` intervals needs so that all are right at once with probability
/// `level`: `1 - (1 - level) / cells` (Bonferroni; Dunn 1961, J. Am. Stat. Assoc. 56(293) 52-64).
///
/// Chances of being wrong add up at most, whatever ties the cells together, so this holds for cells
/// that share their random numbers too. It costs little: against a single 95 % interval, 10 cells
/// are wider by 1.43, 1000 cells by 2.07. The level is good to about `1e-16 cells / (1 - level)` of
/// the chance left.
///
/// # Panics
/// If there are no cells, or `level` is not strictly between 0 and 1.
pub fn simultaneous(level: f64, cells: u64) -> f64 {
    assert!(cells > 0, "one cell or more");
    assert!(level > 0.0 && level < 1.0, "a confidence level is between 0 and 1, not {level}");
    1.0 - (1.0 - level) / cells as f64
}

#[cfg(test)]
mod tests {
    use super::super::normal;
    use super::*;

    const METHODS: [Method; 3] = [Method::Wilson, Method::Jeffreys, Method::ClopperPearson];

    /// The intervals of all outcomes of `n` trials.
    fn intervals(method: Method, n: u64, level: f64) -> Vec<Interval> {
        (0..=n).map(|k| method.interval(k, n, level)).collect()
    }

    /// Probability that an interval contains `p`: the sum over the outcomes, from the likeliest one
    /// outwards.
    fn coverage(intervals: &[Interval], p: f64) -> f64 {
        let n = intervals.len() - 1;
        let mode = ((n + 1) as f64 * p) as usize;
        let choose = |k: usize| libm::lgamma((k + 1) as f64) + libm::lgamma((n - k + 1) as f64);
        let ln = libm::lgamma((n + 1) as f64) - choose(mode)
            + mode as f64 * libm::log(p)
            + (n - mode) as f64 * libm::log1p(-p);
        let odds = p / (1.0 - p);
        let counted = |k: usize, mass| if intervals[k].contains(p) { mass } else { 0.0 };
        let (mut sum, mut mass) = (0.0, libm::exp(ln));
        for k in mode..=n {
            sum += counted(k, mass);
            mass *= (n - k) as f64 / (k + 1) as f64 * odds;
        }
        mass = libm::exp(ln);
        for k in (0..mode).rev() {
            mass *= (k + 1) as f64 / (n - k) as f64 / odds;
            sum += counted(k, mass);
        }
        sum
    }

    fn grid() -> impl Iterator<Item = f64> {
        (1..2000).map(|i| f64::from(i) / 2000.0)
    }

    #[test]
    fn names_are_distinct() {
        let names: std::collections::HashSet<_> = Method::ALL.map(Method::name).into();
        assert_eq!(names.len(), Method::ALL.len());
        assert_eq!(Method::default().name(), "Clopper-Pearson");
    }

    #[test]
    fn the_exact_interval_never_covers_less_than_it_says() {
        for n in [10, 50, 100, 1000] {
            for level in [0.9, 0.95, 0.99] {
                let intervals = intervals(Method::ClopperPearson, n, level);
                for p in grid() {
                    let coverage = coverage(&intervals, p);
                    assert!(coverage >= level - 1e-12, "n = {n}, p = {p}: {coverage} < {level}");
                }
            }
        }
    }

    #[test]
    fn least_and_mean_coverage() {
        for (n, expected) in [
            (10, [(0.838, 0.954), (0.868, 0.953), (0.961, 0.984)]),
            (50, [(0.839, 0.952), (0.884, 0.950), (0.951, 0.969)]),
            (100, [(0.861, 0.951), (0.881, 0.950), (0.950, 0.965)]),
            (500, [(0.910, 0.950), (0.915, 0.950), (0.950, 0.957)]),
        ] {
            for (method, (least, mean)) in METHODS.into_iter().zip(expected) {
                let intervals = intervals(method, n, 0.95);
                let coverages: Vec<f64> = grid().map(|p| coverage(&intervals, p)).collect();
                let low = coverages.iter().copied().fold(1.0, f64::min);
                let average = coverages.iter().sum::<f64>() / coverages.len() as f64;
                let name = method.name();
                assert!((low - least).abs() < 6e-4, "{name}, {n}: {low}, not {least}");
                assert!((average - mean).abs() < 6e-4, "{name}, {n}: {average}, not {mean}");
            }
        }
    }

    #[test]
    fn coverage_at_points() {
        for (n, p, expected) in [
            (50, 0.5, [0.935091, 0.935091, 0.967161]),
            (50, 0.1, [0.970308, 0.941676, 0.970308]),
            (100, 0.01, [0.920627, 0.981626, 0.981626]),
            (1000, 0.001, [0.919791, 0.981073, 0.981073]),
            (1000, 0.5, [0.946322, 0.946322, 0.953709]),
        ] {
            for (method, expected) in METHODS.into_iter().zip(expected) {
                let coverage = coverage(&intervals(method, n, 0.95), p);
                assert!((coverage - expected).abs() < 1e-6, "{method:?}, {n}, {p}: {coverage}");
            }
        }
    }

    #[test]
    fn the_cost_of_many_cells() {
        assert_eq!(simultaneous(0.95, 1), 0.95);
        assert!((simultaneous(0.95, 10) - 0.995).abs() < 1e-15);
        let z = |level: f64| normal::quantile(0.5 * (1.0 + level));
        for (cells, ratio) in [(10, 1.43), (100, 1.78), (1000, 2.07), (10_000, 2.33)] {
            let cost = z(simultaneous(0.95, cells)) / z(0.95);
            assert!((cost - ratio).abs() < 0.005, "{cells}: {cost}");
        }
    }
}
