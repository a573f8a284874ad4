//! The ladder of losses whose first hits are recorded.

use super::holds::MOST_RUNGS;
use super::refuse::{Advise, Refusal, refuse};

/// Decades from 10 down to the smallest loss target, and every loss target: strictly decreasing.
///
/// # Errors
/// If these are more than [`MOST_RUNGS`].
pub(super) fn default(losses: &[f64]) -> Result<Vec<f64>, Refusal> {
    let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
    // Parsed rather than multiplied: 1e-3 is then the number that a person writes as 1e-3.
    let decades = (-308..=1)
        .rev()
        .map(|exponent| format!("1e{exponent}").parse().unwrap_or(0.0))
        .take_while(|&decade: &f64| decade >= least);
    let mut rungs: Vec<f64> = decades.chain(losses.iter().copied()).collect();
    rungs.sort_by(|a, b| b.total_cmp(a));
    rungs.dedup();
    if rungs.len() > MOST_RUNGS {
        return Err(refuse(format!(
            "the default ladder of this study would have {} rungs, more than {MOST_RUNGS}",
            rungs.len()
        ))
        .advise("give the losses to record in stop.ladder"));
    }
    Ok(rungs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decades_and_targets() {
        assert_eq!(default(&[1e-3]).unwrap(), [10.0, 1.0, 0.1, 0.01, 0.001]);
        assert_eq!(default(&[0.05, 0.5]).unwrap(), [10.0, 1.0, 0.5, 0.1, 0.05]);
        assert_eq!(default(&[20.0, 20.0]).unwrap(), [20.0]);
        let many: Vec<f64> = (1..=70).map(|i| f64::from(i) * 1e-4).collect();
        assert!(default(&many).unwrap_err().message.contains("rungs"));
    }
}
