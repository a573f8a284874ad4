//! Running the program as a user does, in a directory of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

use tempfile::TempDir;

/// A scratch directory with study files in it, removed at the end.
pub(crate) struct Desk {
    dir: TempDir,
}

/// What a command left behind.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { dir: TempDir::new().expect("a scratch directory") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).expect("writing a file of the test");
        path
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        let path = self.path(name);
        std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// A `deeplin` command in this directory, free of what the caller's environment says to it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deeplin"));
        command.current_dir(self.dir.path()).args(arguments);
        for variable in [
            "SLURM_CPUS_PER_TASK",
            "SLURM_CPUS_ON_NODE",
            "SLURM_MEM_PER_NODE",
            "SLURM_MEM_PER_CPU",
            "DEEPLIN_LOG",
            "DEEPLIN_SIMD",
            "RUST_BACKTRACE",
        ] {
            command.env_remove(variable);
        }
        command.env("NO_COLOR", "1");
        command
    }

    /// Runs `deeplin` with these arguments.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::from(self.command(arguments).output().expect("starting deeplin"))
    }

    /// Runs `deeplin` and expects it to succeed.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "deeplin {arguments:?}:\n{}{}", ran.stdout, ran.stderr);
        ran
    }
}

impl Ran {
    /// What it said on stderr, in one line and without the frames of messages.
    pub(crate) fn said(&self) -> String {
        let words = self.stderr.split(|c: char| c.is_whitespace() || c == '│');
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Every file below a directory with the time of its last change, in order.
pub(crate) fn files(dir: &Path) -> Vec<(PathBuf, SystemTime)> {
    let mut all = vec![];
    for entry in std::fs::read_dir(dir).expect("a directory").flatten() {
        if entry.path().is_dir() {
            all.extend(files(&entry.path()));
        } else {
            let changed = entry.metadata().and_then(|m| m.modified()).expect("metadata");
            all.push((entry.path(), changed));
        }
    }
    all.sort();
    all
}

/// Whether a tool that a test needs may be missing: `scripts/test` installs all of them and sets
/// DEEPLIN_TEST_REQUIRE, so that nothing is passed over there.
#[expect(clippy::print_stderr, reason = "nobody else tells")]
pub(crate) fn may_skip(what: &str) {
    assert!(
        std::env::var_os("DEEPLIN_TEST_REQUIRE").is_none(),
        "{what} is missing; run scripts/test"
    );
    eprintln!("skipped: {what} is missing; scripts/test installs it");
}

/// The Python with the readers of results, if there is one.
pub(crate) fn python() -> Option<PathBuf> {
    let python = std::env::var_os("DEEPLIN_TEST_PYTHON").map(PathBuf::from);
    if python.is_none() {
        may_skip("DEEPLIN_TEST_PYTHON");
    }
    python
}

/// Runs a script of `tests/python` and expects it to succeed.
pub(crate) fn run_script(python: &Path, name: &str, arguments: &[&Path]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(name);
    let output =
        Command::new(python).arg(&script).args(arguments).output().expect("starting Python");
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{name}:\n{text}");
}
