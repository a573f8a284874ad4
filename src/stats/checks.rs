//! What the tests of all intervals ask.

use proptest::prelude::*;

use super::Interval;

/// Whether a number is its reference value, to a relative error.
pub(super) fn close(value: f64, expected: f64, tolerance: f64) -> bool {
    (value - expected).abs() <= tolerance * expected.abs()
}

fn assert_is(interval: Interval, lower: &str, upper: &str, tolerance: f64, line: &str) {
    let [lower, upper] = [lower, upper].map(|text| text.parse().unwrap());
    assert!(close(interval.lower, lower, tolerance), "{line}: {interval:?}");
    assert!(close(interval.upper, upper, tolerance), "{line}: {interval:?}");
}

/// Compares with lines of `k/n lower upper`, at 95 %, or `level k/n lower upper`.
pub(super) fn assert_known(
    table: &str,
    tolerance: f64,
    interval: impl Fn(u64, u64, f64) -> Interval,
) {
    for line in table.lines().filter(|line| !line.trim().is_empty()) {
        let field: Vec<&str> = line.split_whitespace().collect();
        let (level, [trials, lower, upper]) = match field[..] {
            [trials, lower, upper] => (0.95, [trials, lower, upper]),
            [level, trials, lower, upper] => (level.parse().unwrap(), [trials, lower, upper]),
            _ => panic!("{line}"),
        };
        let (k, n) = trials.split_once('/').unwrap();
        let interval = interval(k.parse().unwrap(), n.parse().unwrap(), level);
        assert_is(interval, lower, upper, tolerance, line);
    }
}

/// Compares with a table of `k,n,level,lower,upper` below a line of titles.
pub(super) fn assert_agrees(
    table: &str,
    tolerance: f64,
    interval: impl Fn(u64, u64, f64) -> Interval,
) {
    let mut rows = 0;
    for line in table.lines().skip(1) {
        let field: Vec<&str> = line.split(',').collect();
        let [k, n] = [field[0], field[1]].map(|text| text.parse().unwrap());
        assert_is(interval(k, n, field[2].parse().unwrap()), field[3], field[4], tolerance, line);
        rows += 1;
    }
    assert!(rows > 150, "{rows} rows of reference values");
}

/// Numbers of trials of all sizes up to a billion, shares of successes, and levels.
pub(super) fn cases() -> impl Strategy<Value = (u64, u64, f64)> {
    let ranges = (0.0..9.0_f64, 0.0..1.0_f64, 0.5..0.9999_f64);
    ranges.prop_map(|(magnitude, fraction, level)| {
        let n = 10_f64.powf(magnitude) as u64;
        (((n as f64 * fraction) as u64).min(n - 1), n, level)
    })
}

/// The ends lie on both sides of the share of successes, rise with it, and swap places with failures.
pub(super) fn ends_are_in_order(
    (k, n): (u64, u64),
    interval: impl Fn(u64) -> Interval,
) -> Result<(), TestCaseError> {
    let (here, next, mirror) = (interval(k), interval(k + 1), interval(n - k));
    prop_assert!(0.0 <= here.lower && here.upper <= 1.0 && here.contains(k as f64 / n as f64));
    prop_assert!(here.lower < next.lower && here.upper < next.upper);
    prop_assert!((here.lower - (1.0 - mirror.upper)).abs() < 1e-15);
    prop_assert!((here.upper - (1.0 - mirror.lower)).abs() < 1e-15);
    Ok(())
}
