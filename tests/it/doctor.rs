//! What `deeplin doctor` finds.

use serde_json::Value;

use crate::program::{Desk, Ran};

/// `deeplin doctor` with these arguments, OpenBLAS free or pinned to a family of kernels.
fn doctor(arguments: &[&str], core: Option<&str>) -> Ran {
    let desk = Desk::new();
    let mut command = desk.command(&[&["doctor"], arguments].concat());
    for pin in ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OPENBLAS_BLOCK_FACTOR"] {
        command.env_remove(pin);
    }
    command.envs(core.map(|core| ("OPENBLAS_CORETYPE", core)));
    let ran = Ran::from(command.output().expect("starting deeplin"));
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    ran
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {}", ran.stdout))
}

#[test]
fn it_finds_this_machine_sound() {
    let ran = doctor(&[], None);
    for words in ["OpenBLAS core", "self-test", "passed", "HDF5", "peak", "products of width 64"] {
        assert!(ran.stdout.contains(words), "no {words} in\n{}", ran.stdout);
    }
    assert!(!ran.stdout.contains("pinned"), "{}", ran.stdout);
}

#[test]
fn for_programs_it_is_one_object() {
    let report = json(&doctor(&["--json", "--threads", "2"], None));
    let positive = |value: &Value| value.as_f64().is_some_and(|x| x > 0.0 && x.is_finite());
    for key in ["fma_peak_gflops", "fma_peak_one_core_gflops"] {
        assert!(positive(&report[key]), "{key}: {report}");
    }
    for pointer in ["/cpu", "/simd", "/hdf5", "/blas/config", "/blas/core", "/blas/threading"] {
        let text = report.pointer(pointer).and_then(Value::as_str);
        assert!(text.is_some_and(|text| !text.is_empty()), "{pointer}: {report}");
    }
    assert_eq!(report["workers"], 2);
    assert_eq!(report["blas"]["self_test"]["wrong"], 0);
    let one_core = report["fma_peak_one_core_gflops"].as_f64().unwrap_or(f64::NAN);
    let gemm = report["gemm"].as_array().expect("a list");
    assert_eq!(gemm.iter().map(|g| g["width"].as_u64()).collect::<Vec<_>>(), [Some(64), Some(256)]);
    for gemm in gemm {
        let percent = 100.0 * gemm["gflops"].as_f64().unwrap_or(f64::NAN) / one_core;
        let said = gemm["percent_of_peak"].as_f64().unwrap_or(f64::NAN);
        assert!(positive(&gemm["gflops"]) && (percent - said).abs() < 1e-6, "{gemm}");
    }
    assert_eq!(report["pinned"], Value::Null);
}

#[test]
#[cfg(target_arch = "x86_64")]
fn a_pinned_openblas_is_compared_with_a_free_one() {
    let report = json(&doctor(&["--json"], Some("Nehalem")));
    assert_eq!(report["blas"]["core"], "Nehalem");
    let pinned = &report["pinned"];
    assert_eq!(pinned["variables"]["OPENBLAS_CORETYPE"], "Nehalem");
    assert_eq!(pinned["core"], "Nehalem");
    let free = json(&doctor(&["--json"], None));
    assert_eq!(pinned["unpinned"]["core"], free["blas"]["core"], "what the processor would choose");
    let rate = |report: &Value, i: usize| {
        report["gemm"][i]["percent_of_peak"].as_f64().unwrap_or(f64::NAN)
    };
    let speedup = pinned["speedup"].as_f64().expect("a number");
    let ratios = [0, 1].map(|i| rate(&pinned["unpinned"], i) / rate(&report, i));
    assert!(ratios.iter().any(|ratio| (ratio - speedup).abs() < 1e-9), "{pinned}");
    let message = pinned["message"].as_str().expect("a sentence");
    assert!(message.contains("pins OpenBLAS to Nehalem (OPENBLAS_CORETYPE)"), "{message}");
}
