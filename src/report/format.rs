//! Numbers as people read them.

use crate::study::AxisValues;

/// A swept value: numbers with four significant digits.
pub(super) fn value(values: &AxisValues, i: usize) -> String {
    match values {
        AxisValues::Floats(v) => significant(v[i], 4),
        _ => values.text(i),
    }
}

/// `x` with so many significant digits, without trailing zeros; in scientific notation when very
/// small or large.
pub(super) fn significant(x: f64, digits: usize) -> String {
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

/// Without zeros at the end of the decimals.
fn trimmed(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

/// A probability with three decimals; 0 and 1 only if they are exact.
pub(super) fn probability(p: f64) -> String {
    if p > 0.0 && p < 5e-4 {
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
    fn probabilities() {
        for (p, expected) in [
            (0.0, "0.000"),
            (1.0, "1.000"),
            (0.5, "0.500"),
            (1e-5, "1e-5"),
            (0.9999, ">0.999"),
            (0.9995, ">0.999"),
            (0.0188, "0.019"),
        ] {
            assert_eq!(probability(p), expected);
        }
    }
}
