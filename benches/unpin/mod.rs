//! Benchmarks without the variables that pin OpenBLAS to slower products than the processor has.

use std::process::Command;

use deeplin::kernel::blas::PINS;

/// Starts the program again without the variables: OpenBLAS reads them when it is loaded.
pub(crate) fn openblas() {
    if PINS.iter().all(|pin| std::env::var_os(pin).is_none()) {
        return;
    }
    let mut again = Command::new(std::env::current_exe().expect("own path"));
    again.args(std::env::args_os().skip(1));
    for pin in PINS {
        again.env_remove(pin);
    }
    let status = again.status().expect("starting again");
    std::process::exit(status.code().unwrap_or(1));
}
