//! The program; see [`deeplin::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    deeplin::cli::main()
}
