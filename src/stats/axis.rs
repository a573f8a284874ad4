//! Counts of successes along one axis of a sweep, and what is common to the ways of asking where along
//! it a probability is crossed.

/// The trials at one place of an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// The place.
    pub x: f64,
    /// How many trials succeeded.
    pub successes: u64,
    /// How many trials were run.
    pub trials: u64,
}

/// Which way a probability goes along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Up.
    Increasing,
    /// Down.
    Decreasing,
}

impl Direction {
    /// 1 up, -1 down.
    pub fn sign(self) -> f64 {
        match self {
            Self::Increasing => 1.0,
            Self::Decreasing => -1.0,
        }
    }

    /// The other one.
    pub fn opposite(self) -> Self {
        match self {
            Self::Increasing => Self::Decreasing,
            Self::Decreasing => Self::Increasing,
        }
    }
}

/// A range of an axis; an end that nothing is known of is infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bracket {
    /// Lower end, or minus infinity.
    pub lower: f64,
    /// Upper end, or infinity.
    pub upper: f64,
}

impl Bracket {
    /// Whether `x` is in the range, ends included.
    pub fn contains(&self, x: f64) -> bool {
        self.lower <= x && x <= self.upper
    }
}

/// The points that have trials.
///
/// # Panics
/// If a place is not a finite number, or a point has more successes than trials.
pub(super) fn observed(points: &[Point]) -> Vec<Point> {
    for point in points {
        assert!(point.x.is_finite(), "a place on an axis is a finite number, not {}", point.x);
        assert!(point.successes <= point.trials, "more successes than trials: {point:?}");
    }
    points.iter().copied().filter(|point| point.trials > 0).collect()
}

/// Mean place and its standard deviation, each trial counted; the deviation of one place is 1.
pub(super) fn centre_and_scale(points: &[Point]) -> (f64, f64) {
    let total: f64 = points.iter().map(|point| point.trials as f64).sum();
    let mean = |f: &dyn Fn(f64) -> f64| {
        points.iter().map(|point| point.trials as f64 / total * f(point.x)).sum::<f64>()
    };
    let centre = mean(&|x| x);
    let scale = mean(&|x| (x - centre) * (x - centre)).sqrt();
    (centre, if scale > 0.0 { scale } else { 1.0 })
}

/// The direction in which the shares go on average: the sign of the covariance of place and outcome.
pub(super) fn trend(points: &[Point]) -> Direction {
    let (centre, _) = centre_and_scale(points);
    let trials: f64 = points.iter().map(|point| point.trials as f64).sum();
    let share = points.iter().map(|point| point.successes as f64).sum::<f64>() / trials;
    let rise: f64 = points
        .iter()
        .map(|point| (point.successes as f64 - share * point.trials as f64) * (point.x - centre))
        .sum();
    if rise < 0.0 { Direction::Decreasing } else { Direction::Increasing }
}

/// Twice the log-likelihood that the shares themselves have above these probabilities (`p`, `1 - p`).
pub(super) fn deviance(points: &[Point], probability: impl Fn(f64) -> (f64, f64)) -> f64 {
    /// `k ln(k / mean) + mean - k`.
    fn part(k: f64, mean: f64, excess: f64) -> f64 {
        match () {
            () if k == 0.0 => mean,
            () if mean == 0.0 => f64::INFINITY,
            () => super::beta::deviance(k, mean, excess),
        }
    }
    let of_point = |point: &Point| {
        let (p, q) = probability(point.x);
        let (n, k) = (point.trials as f64, point.successes as f64);
        // k - n p without cancellation where p is near 1.
        let excess = k * q - (n - k) * p;
        part(k, n * p, excess) + part(n - k, n * q, -excess)
    };
    2.0 * points.iter().map(of_point).sum::<f64>()
}
