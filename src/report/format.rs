//! Numbers as people read them.

use std::f64::consts::LN_10;

use crate::study::{Axis, AxisValues};

/// The values with four digits, or as many more as tell them apart.
pub(super) fn texts(values: &AxisValues) -> Vec<String> {
    let AxisValues::Floats(numbers) = values else {
        return (0..values.len()).map(|i| values.text(i)).collect();
    };
    /// Digits that tell any two numbers apart.
    const ALL: usize = 17;
    let with = |digits: usize| -> Vec<String> {
        numbers.iter().map(|&number| significant(number, digits)).collect()
    };
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_by(|&i, &j| numbers[i].total_cmp(&numbers[j]));
    let tell_apart = |texts: &Vec<String>| {
        order
            .windows(2)
            .all(|two| numbers[two[0]] == numbers[two[1]] || texts[two[0]] != texts[two[1]])
    };
    (4..ALL).map(with).find(tell_apart).unwrap_or_else(|| with(ALL))
}

/// The values of all keys of an axis at each of its points.
pub(super) fn points(axis: &Axis) -> Vec<String> {
    let columns: Vec<Vec<String>> = axis.keys.iter().map(|key| texts(&key.values)).collect();
    let point = |i: usize| columns.iter().map(|column| column[i].as_str()).collect::<Vec<_>>();
    (0..axis.len()).map(|i| point(i).join(", ")).collect()
}

/// `x` with so many significant digits, without trailing zeros; in scientific notation when very
/// small or large.
pub(crate) fn significant(x: f64, digits: usize) -> String {
    if x == 0.0 || !x.is_finite() {
        return x.to_string();
    }
    let scientific = format!("{x:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..7).contains(&exponent) {
        let mantissa = trimmed(mantissa);
        return format!("{mantissa}e{exponent}");
    }
    let decimals = usize::try_from(digits as i32 - 1 - exponent).unwrap_or(0);
    // Through the rounded decimal, so that large numbers lose the digits they do not have.
    let rounded: f64 = scientific.parse().unwrap_or(x);
    trimmed(&format!("{rounded:.decimals$}")).to_owned()
}

/// `e^ln` with so many significant digits, where it is too small for a number as well.
pub(super) fn exponential(ln: f64, digits: usize) -> String {
    let value = libm::exp(ln);
    if value > 1e-300 || ln == f64::NEG_INFINITY {
        return significant(value, digits);
    }
    let log10 = ln / LN_10;
    // Rounding the mantissa up to 10 is left to the formatting of a number.
    let mantissa = format!("{:.*e}", digits - 1, libm::pow(10.0, log10 - log10.floor()));
    let (mantissa, carried) = mantissa.split_once('e').unwrap_or((&mantissa, "0"));
    let exponent = log10.floor() as i64 + carried.parse::<i64>().unwrap_or(0);
    format!("{}e{exponent}", trimmed(mantissa))
}

/// Without zeros at the end of the decimals.
fn trimmed(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

/// `7.2 s`, `3 min 20 s`, `4 h 10 min`, `3 d 4 h`, `2.1 years`.
pub(crate) fn duration(seconds: f64) -> String {
    // The largest two of the units, the smaller one rounded.
    const UNITS: [(f64, f64, &str, &str); 3] =
        [(60.0, 1.0, "min", "s"), (3600.0, 60.0, "h", "min"), (86_400.0, 3600.0, "d", "h")];
    let year = 365.25 * 86_400.0;
    if seconds < 59.95 {
        return format!("{seconds:.1} s");
    }
    if seconds >= year {
        return format!("{} years", significant(seconds / year, 2));
    }
    let fits = |(large, small, ..): &&(f64, f64, _, _)| (seconds / small).round() * small >= *large;
    let (large, small, many, few) = UNITS.iter().rev().find(|unit| fits(unit)).unwrap_or(&UNITS[0]);
    let smalls = (seconds / small).round() as u64;
    let ratio = (large / small) as u64;
    format!("{} {many} {} {few}", smalls / ratio, smalls % ratio)
}

/// A probability with three decimals; 0 and 1 only if they are exact. `-` for none.
pub(super) fn probability(p: f64) -> String {
    if p.is_nan() {
        "-".to_owned()
    } else if p > 0.0 && p < 5e-4 {
        significant(p, 2)
    } else if (1.0 - 5e-4..1.0).contains(&p) {
        ">0.999".to_owned()
    } else {
        format!("{p:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn significant_digits() {
        for (x, expected) in [
            (0.05, "0.05"),
            (0.076_696_3, "0.0767"),
            (1.0, "1"),
            (123_456.0, "123500"),
            (0.000_012_34, "1.234e-5"),
            (-2.5, "-2.5"),
            (9.999_96, "10"),
            (1e9, "1e9"),
            (0.0, "0"),
        ] {
            assert_eq!(significant(x, 4), expected);
        }
    }

    #[test]
    fn values_are_told_apart() {
        for (values, expected) in [
            (vec![0.5, 0.25], ["0.5", "0.25"].to_vec()),
            (vec![0.123_456, 7.0, 0.123_45], vec!["0.12346", "7", "0.12345"]),
            (vec![0.1, 0.1], vec!["0.1", "0.1"]),
        ] {
            assert_eq!(texts(&AxisValues::Floats(values)), expected);
        }
    }

    #[test]
    fn exponentials() {
        for (log10, expected) in [
            (0.0, "1"),
            (-1.0, "0.1"),
            (-8.5, "3.16e-9"),
            (-320.5, "3.16e-321"),
            (-1000.0001, "1e-1000"),
            (f64::NEG_INFINITY, "0"),
        ] {
            assert_eq!(exponential(log10 * LN_10, 3), expected);
        }
    }

    #[test]
    fn durations() {
        for (seconds, expected) in [
            (0.04, "0.0 s"),
            (59.9, "59.9 s"),
            (59.96, "1 min 0 s"),
            (200.0, "3 min 20 s"),
            (3599.7, "1 h 0 min"),
            (15_000.0, "4 h 10 min"),
            (273_600.0, "3 d 4 h"),
            (6.6e7, "2.1 years"),
        ] {
            assert_eq!(duration(seconds), expected);
        }
    }

    #[test]
    fn probabilities() {
        for (p, expected) in [
            (0.0, "0.000"),
            (1.0, "1.000"),
            (0.5, "0.500"),
            (1e-5, "1e-5"),
            (0.9999, ">0.999"),
            (0.9995, ">0.999"),
            (0.0188, "0.019"),
            (f64::NAN, "-"),
        ] {
            assert_eq!(probability(p), expected);
        }
    }
}
