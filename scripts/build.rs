//! Build script: hands the revision of the source and the versions of the libraries that decide bits
//! to the crate, for the provenance of its results.

use std::fs;
use std::path::Path;
use std::process::Command;

fn main() {
    // Every commit and checkout appends to the log of HEAD; the index would change at every `git status`.
    for path in [".git/logs/HEAD", "Cargo.lock", "src"] {
        if Path::new(path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    println!("cargo::rustc-env=DEEPLIN_GIT_REVISION={}", revision());
    let lock = fs::read_to_string("Cargo.lock").unwrap_or_default();
    for library in ["libm", "rand_chacha"] {
        let version = locked_version(&lock, library).unwrap_or("unknown");
        println!("cargo::rustc-env=DEEPLIN_{}_VERSION={version}", library.to_uppercase());
    }
}

/// The commit, with `-dirty` if tracked files differ from it; `unknown` outside a repository.
fn revision() -> String {
    let describe = ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"];
    match Command::new("git").args(describe).output() {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => "unknown".to_owned(),
    }
}

/// The version of a package in `Cargo.lock`.
fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let entry =
        lock.split("[[package]]").find(|e| e.contains(&format!("name = \"{package}\"\n")))?;
    let line = entry.lines().find_map(|line| line.strip_prefix("version = \""))?;
    line.strip_suffix('"')
}
