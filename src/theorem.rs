//! Theorem 1 of Arora, Cohen, Golowich and Hu (2019, arXiv:1810.02281): conditions on a start under which
//! gradient descent is proved to converge, and after how many steps at the latest.
//!
//! The theorem speaks of the loss `1/2 ||W - Phi||_F^2`. With `N` layers, `W(0)` of deficiency margin
//! `c = sigma_min(Phi) - ||W(0) - Phi||_F > 0` and learning rate `eta` it asks that
//!
//! ```text
//! balanced       max_j ||W_{j+1}' W_{j+1} - W_j W_j'||_F <= c^2 / (256 N^3 ||Phi||_F^{2(N-1)/N})
//! margin         c > 0
//! width          d_j >= min(d_0, d_N) for every hidden layer
//! learning_rate  eta <= c^{(4N-2)/N} / (6144 N^3 ||Phi||_F^{(6N-4)/N})
//! ```
//!
//! and then the loss is at or under `eps` from step `ln(l(0) / eps) / (eta c^{2(N-1)/N})` on. The
//! conditions are judged one by one, with the largest margin that the start has; without a margin the
//! bounds that are made of it hold for nothing.

use crate::network::Shape;

/// Names of the conditions, in the order of their bits: the words of the file format.
pub const NAMES: [&str; 4] = ["balanced", "margin", "width", "learning_rate"];

/// Bit of the condition on balancedness.
pub const BALANCED: u8 = 1;
/// Bit of the deficiency margin.
pub const MARGIN: u8 = 2;
/// Bit of the condition on the hidden widths.
pub const WIDTH: u8 = 4;
/// Bit of the condition on the learning rate.
pub const LEARNING_RATE: u8 = 8;
/// All of them: what the theorem asks for.
pub const ALL: u8 = BALANCED | MARGIN | WIDTH | LEARNING_RATE;

/// A start as the theorem sees it.
#[derive(Debug, Clone, Copy)]
pub struct Theorem {
    /// Number of layers `N`.
    pub depth: usize,
    /// `||Phi||_F`.
    pub target_norm: f64,
    /// `c`, as far as there is one: else not above 0, or NaN.
    pub margin: f64,
    /// `max_j ||W_{j+1}' W_{j+1} - W_j W_j'||_F`.
    pub balancedness: f64,
    /// `eta`.
    pub learning_rate: f64,
    /// Whether no hidden width is below `min(d_0, d_N)`.
    pub wide: bool,
}

impl Theorem {
    /// The largest balancedness that the theorem allows; NaN without a margin.
    pub fn most_imbalance(&self) -> f64 {
        let n = self.depth as f64;
        let norm = libm::pow(self.target_norm, 2.0 * (n - 1.0) / n);
        positive(self.margin) * self.margin / (256.0 * n * n * n * norm)
    }

    /// The largest learning rate that the theorem allows; NaN without a margin.
    pub fn largest_rate(&self) -> f64 {
        largest_rate(self.depth, self.target_norm, self.margin)
    }

    /// The conditions that hold.
    pub fn conditions(&self) -> u8 {
        let held = [
            (BALANCED, self.balancedness <= self.most_imbalance()),
            (MARGIN, self.margin > 0.0),
            (WIDTH, self.wide),
            (LEARNING_RATE, self.learning_rate <= self.largest_rate()),
        ];
        held.iter().filter(|(_, holds)| *holds).map(|(bit, _)| bit).sum()
    }

    /// From which step on the loss is at or under `target`, if it begins at `loss`; NaN unless all
    /// conditions hold.
    pub fn steps(&self, loss: f64, target: f64) -> f64 {
        if self.conditions() != ALL {
            return f64::NAN;
        }
        let n = self.depth as f64;
        let rate = self.learning_rate * libm::pow(self.margin, 2.0 * (n - 1.0) / n);
        (libm::log(loss / target) / rate).max(0.0)
    }
}

/// The largest learning rate that the theorem allows `depth` layers whose start has this margin; NaN
/// without a margin.
pub fn largest_rate(depth: usize, target_norm: f64, margin: f64) -> f64 {
    let n = depth as f64;
    let norm = libm::pow(target_norm, (6.0 * n - 4.0) / n);
    libm::pow(positive(margin), (4.0 * n - 2.0) / n) / (6144.0 * n * n * n * norm)
}

/// The least margin with which the theorem allows `depth` layers this balancedness `b`, which is what
/// [`Theorem::most_imbalance`] comes to turned round: `16 N^{3/2} ||Phi||_F^{(N-1)/N} sqrt(b)`.
pub fn least_margin(depth: usize, target_norm: f64, balancedness: f64) -> f64 {
    let n = depth as f64;
    let norm = libm::pow(target_norm, (n - 1.0) / n);
    16.0 * n * n.sqrt() * norm * balancedness.sqrt()
}

/// A margin if there is one, else NaN.
fn positive(margin: f64) -> f64 {
    if margin > 0.0 { margin } else { f64::NAN }
}

/// Whether no hidden width is below `min(d_0, d_N)`.
pub fn is_wide(shape: &Shape) -> bool {
    let ends = shape.input().min(shape.output());
    shape.hidden().iter().all(|&width| width >= ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Theorem {
        Theorem {
            depth: 2,
            target_norm: 1.0,
            margin: 0.9,
            balancedness: 3.95e-4,
            learning_rate: 1.483e-5,
            wide: true,
        }
    }

    fn assert_close(value: f64, expected: f64) {
        assert!((value / expected - 1.0).abs() < 5e-5, "{value} is not {expected}");
    }

    /// Worked by hand from the theorem: `||Phi|| = 1`, `N = 2`, `c = .9`, so that the loss begins at
    /// .005.
    #[test]
    fn the_bounds_of_an_example() {
        let theorem = example();
        assert_close(theorem.most_imbalance(), 3.955_078e-4);
        assert_close(theorem.largest_rate(), 1.483_154e-5);
        let at_most = Theorem { learning_rate: theorem.largest_rate(), ..theorem };
        assert_close(at_most.steps(0.005, 1e-6), 6.3807e5);
        assert_eq!(at_most.steps(1e-7, 1e-6), 0.0);
    }

    #[test]
    fn the_least_margin_allows_the_balancedness_just_so() {
        for (depth, target_norm, balancedness) in [(2, 1.0, 3.95e-4), (3, 2.0, 1e-9), (8, 0.3, 0.1)]
        {
            let margin = least_margin(depth, target_norm, balancedness);
            let theorem = Theorem { depth, target_norm, margin, balancedness, ..example() };
            assert!((theorem.most_imbalance() / balancedness - 1.0).abs() < 1e-14);
        }
    }

    /// `||Phi|| = 2`, `N = 3`, `c = 1`: powers 4/3, 10/3 and 14/3.
    #[test]
    fn the_bounds_of_a_deeper_example() {
        let theorem = Theorem { depth: 3, target_norm: 2.0, margin: 1.0, ..example() };
        assert_close(theorem.most_imbalance(), 1.0 / (256.0 * 27.0 * 2.519_842));
        assert_close(theorem.largest_rate(), 1.0 / (6144.0 * 27.0 * 25.398_417));
        let wider = Theorem { margin: 1.5, ..theorem };
        assert_close(wider.largest_rate() / theorem.largest_rate(), 3.863_411);
    }

    #[test]
    fn every_condition_is_judged_on_its_own() {
        let held = example();
        assert_eq!(held.conditions(), ALL);
        let without = |broken: Theorem, bits: u8| {
            assert_eq!(broken.conditions(), ALL & !bits);
            assert!(broken.steps(0.005, 1e-6).is_nan());
        };
        without(Theorem { balancedness: 3.96e-4, ..held }, BALANCED);
        without(Theorem { wide: false, ..held }, WIDTH);
        without(Theorem { learning_rate: 1.484e-5, ..held }, LEARNING_RATE);
        let on_margin = BALANCED | MARGIN | LEARNING_RATE;
        for margin in [0.0, -0.1, f64::NAN, f64::NEG_INFINITY] {
            without(Theorem { margin, balancedness: 0.0, ..held }, on_margin);
        }
        without(Theorem { balancedness: f64::NAN, ..held }, BALANCED);
    }

    #[test]
    fn one_layer_is_always_balanced_and_wide_enough() {
        assert!(is_wide(&Shape::new(vec![5, 3])));
        assert!(is_wide(&Shape::new(vec![5, 3, 3])) && !is_wide(&Shape::new(vec![5, 2, 3])));
        let one = Theorem { depth: 1, balancedness: 0.0, ..example() };
        assert_eq!(one.conditions(), ALL);
        assert_close(one.largest_rate(), 0.81 / 6144.0);
    }
}
