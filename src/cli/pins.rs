//! Variables that pin OpenBLAS to kernels or block sizes, and what they cost: the program starts itself
//! again without them and measures the same products.

use std::collections::BTreeMap;
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::doctor::PRODUCTS_ONLY;
use crate::kernel::blas::PINS;
use crate::run::speed::{Gemm, OneCore};

/// Speeds that differ by less are the same: measurements on a machine that others use vary by as much.
const NOTABLE: f64 = 1.15;

/// What one process measures.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Measured {
    /// Family of kernels.
    pub(super) core: String,
    #[serde(flatten)]
    pub(super) speed: OneCore,
}

/// The pins of the environment.
#[derive(Debug, Serialize)]
pub(super) struct Pinned {
    /// The variables that are set.
    variables: BTreeMap<&'static str, String>,
    /// Family of kernels with them.
    core: String,
    /// Family and speed without them; `None` if that could not be measured.
    unpinned: Option<Measured>,
    /// How many times as fast OpenBLAS is without them, at the width where it differs most.
    speedup: Option<f64>,
    /// All of it in a sentence.
    pub(super) message: String,
}

/// What the environment pins, compared with `pinned`, which this process has measured; `None` if it
/// pins nothing.
pub(super) fn pinned(pinned: &Measured) -> Option<Pinned> {
    let set = |name: &'static str| Some((name, std::env::var_os(name)?.to_string_lossy().into()));
    let variables: BTreeMap<_, _> = PINS.iter().copied().filter_map(set).collect();
    if variables.is_empty() {
        return None;
    }
    let names = variables.keys().copied().collect::<Vec<_>>().join(", ");
    let (core, unpinned) = (pinned.core.clone(), measure_without());
    let (message, speedup) = match &unpinned {
        Ok(free) => {
            let (width, speedup) = largest_difference(&pinned.speed.gemm, &free.speed.gemm);
            (verdict(&names, &core, &free.core, width, speedup), Some(speedup))
        }
        Err(why) => (
            format!("the environment sets {names}; without, it could not be measured: {why}"),
            None,
        ),
    };
    Some(Pinned { variables, core, unpinned: unpinned.ok(), speedup, message })
}

/// Measures in a process of its own: OpenBLAS reads the variables when it is loaded.
fn measure_without() -> Result<Measured, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut child = Command::new(program);
    child.arg("doctor").arg(format!("--{PRODUCTS_ONLY}"));
    for pin in PINS {
        child.env_remove(pin);
    }
    let output = child.output().map_err(|error| error.to_string())?;
    serde_json::from_slice(&output.stdout)
        .map_err(|_| String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

/// The width at which speeds differ most, and by which factor `free` is faster there: by the parts of
/// the peak, since the clock may have changed between the two processes.
fn largest_difference(pinned: &[Gemm], free: &[Gemm]) -> (usize, f64) {
    let factors = pinned
        .iter()
        .zip(free)
        .map(|(pinned, free)| (free.width, free.percent_of_peak / pinned.percent_of_peak));
    let by_size = |a: &(usize, f64), b: &(usize, f64)| a.1.ln().abs().total_cmp(&b.1.ln().abs());
    factors.max_by(by_size).unwrap_or((0, 1.0))
}

/// The sentence.
fn verdict(names: &str, core: &str, free: &str, width: usize, speedup: f64) -> String {
    let pins = format!("the environment pins OpenBLAS to {core} ({names})");
    let picks = if core == free {
        "unpinned it picks the same".to_owned()
    } else {
        format!("unpinned it picks {free}")
    };
    if speedup >= NOTABLE {
        format!("{pins}; {picks} and is {speedup:.1}x faster at width {width}: unset it")
    } else if speedup <= 1.0 / NOTABLE {
        format!("{pins}; {picks} and is {:.1}x slower at width {width}: keep it", 1.0 / speedup)
    } else {
        format!("{pins}; {picks} and is as fast: it makes no difference")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_says_what_to_do() {
        let verdict = |free, speedup| verdict("OPENBLAS_CORETYPE", "Haswell", free, 64, speedup);
        assert_eq!(
            verdict("SkylakeX", 2.34),
            "the environment pins OpenBLAS to Haswell (OPENBLAS_CORETYPE); unpinned it picks SkylakeX \
             and is 2.3x faster at width 64: unset it"
        );
        assert!(verdict("Zen", 0.5).contains("2.0x slower at width 64: keep it"));
        assert!(verdict("Haswell", 1.03).contains("picks the same and is as fast"));
    }

    #[test]
    fn the_largest_difference_counts_in_either_direction() {
        let gemm = |rates: [f64; 2]| {
            let one = |(width, percent_of_peak)| Gemm { width, gflops: 0.0, percent_of_peak };
            [64, 256].into_iter().zip(rates).map(one).collect::<Vec<_>>()
        };
        assert_eq!(largest_difference(&gemm([10.0, 40.0]), &gemm([15.0, 10.0])), (256, 0.25));
        assert_eq!(largest_difference(&gemm([10.0, 40.0]), &gemm([15.0, 40.0])), (64, 1.5));
    }
}
