//! Storage that refuses: limits, directories that are not what they must be, file locks.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::program::{Desk, Ran};

const STUDY: &str = r#"
name = "storage"
trials = 40
[network]
input = 2
hidden = 2
output = 2
[descent]
max_steps = 200
[store]
block = 10
part_seconds = 0.001
[sweep]
"init.std" = [0.1, 0.5]
"#;

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("study.toml", STUDY);
    desk
}

const RUN: [&str; 5] = ["run", "study.toml", "--quiet", "-o", "out"];

/// Runs the study under a limit for the size of files, in units of 1024 bytes.
fn run_limited(desk: &Desk, limit: usize, before: &str) -> Ran {
    let deeplin = desk.command(&RUN);
    let script = format!("ulimit -f {limit}; {before} exec \"$@\"");
    let mut shell = Command::new("bash");
    shell.args(["-c", &script, "bash"]).arg(deeplin.get_program()).args(deeplin.get_args());
    shell.current_dir(desk.path("")).env("NO_COLOR", "1");
    Ran::from(shell.output().expect("starting bash"))
}

#[test]
fn a_full_disk_is_told_and_the_run_continues_when_there_is_space() {
    let whole = desk();
    whole.succeed(&RUN);
    let expected = whole.read("out/results.h5");
    let size = expected.len() / 1024;
    for limit in [0, 1, 2, 4, size / 2, size - 1] {
        // The signal that comes with the error ends a process, unless it or its parent sees to it.
        for before in ["", "trap '' XFSZ;"] {
            let desk = desk();
            let ran = run_limited(&desk, limit, before);
            assert_eq!(ran.code, 3, "limit {limit} {before}: {}", ran.stderr);
            assert!(ran.stderr.contains("ulimit -f"), "says what to do: {}", ran.stderr);
            assert!(!desk.path("out/results.h5").exists(), "limit {limit}");
            let ran = desk.succeed(&RUN);
            assert!(!ran.stderr.contains("damaged"), "limit {limit}: {}", ran.stderr);
            assert!(desk.read("out/results.h5") == expected, "limit {limit}");
        }
    }
}

/// Runs the study and expects it to be refused with a message that names `path`.
fn assert_refused(desk: &Desk, path: &Path) {
    let ran = desk.run(&RUN);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
    // The message is wrapped where the terminal ends.
    let text: String = ran.stderr.split_whitespace().collect();
    assert!(text.contains(name), "names {name}: {}", ran.stderr);
}

#[test]
fn what_cannot_be_read_as_a_part_is_refused() {
    let desk = desk();
    desk.succeed(&[&RUN[..], &["--part", "1/2"]].concat());
    for name in ["directory.part", "pipe.part", "loop.part", "nowhere.part"] {
        let path = desk.path("out/parts").join(name);
        match name {
            "directory.part" => fs::create_dir(&path).expect("a directory"),
            "pipe.part" => {
                let made = Command::new("mkfifo").arg(&path).status().expect("starting mkfifo");
                assert!(made.success());
            }
            "loop.part" => symlink(name, &path).expect("a link to itself"),
            _ => symlink("absent", &path).expect("a link to nowhere"),
        }
        assert_refused(&desk, &path);
        if path.is_dir() { fs::remove_dir(&path) } else { fs::remove_file(&path) }
            .expect("removing it again");
    }
    assert!(!desk.path("out/results.h5").exists());
    desk.succeed(&RUN);
}

#[test]
fn a_directory_that_cannot_be_written_to_is_refused_before_computing() {
    let desk = desk();
    fs::create_dir(desk.path("out")).expect("a directory");
    desk.write("out/parts", "a file");
    assert_refused(&desk, &desk.path("out/parts"));
    assert!(!desk.path("out/study.json").exists());
    fs::remove_file(desk.path("out/parts")).expect("removing it again");

    desk.succeed(&[&RUN[..], &["--part", "1/2"]].concat());
    let before = fs::read_dir(desk.path("out/parts")).expect("parts").count();
    let ran = run_limited(&desk, 0, "");
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains(".probe."), "{}", ran.stderr);
    assert_eq!(fs::read_dir(desk.path("out/parts")).expect("parts").count(), before);
    desk.succeed(&RUN);
    // Where nothing is left to do, nothing has to be written.
    assert_eq!(run_limited(&desk, 0, "").code, 0);
}

#[test]
fn processes_that_compact_one_directory_lose_nothing() {
    let many = ["--set", "trials=300", "--set", "store.block=1", "--threads", "1"];
    let arguments = [&RUN[..], &many].concat();
    let alone = desk();
    alone.succeed(&arguments);
    let parts = fs::read_dir(alone.path("out/parts")).expect("parts").count();
    assert_eq!(parts, 1, "600 blocks in one part");
    let desk = desk();
    let start = |_| {
        let mut command = desk.command(&arguments);
        command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starting deeplin")
    };
    for child in (0..3).map(start).collect::<Vec<_>>() {
        let ran = Ran::from(child.wait_with_output().expect("waiting"));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(ran.stderr.is_empty(), "{}", ran.stderr);
    }
    assert!(desk.read("out/results.h5") == alone.read("out/results.h5"));
}

/// Parts go away while they are read; `merge` begins again, `--partial` too.
#[test]
fn what_is_there_is_merged_beside_a_process_that_compacts() {
    let desk = desk();
    let many = ["--set", "trials=2000", "--set", "store.block=1", "--set"];
    let often = ["store.part_seconds=0.001", "--threads", "1"];
    let mut command = desk.command(&[&RUN[..], &many, &often].concat());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("deeplin");
    let has_begun =
        || fs::read_dir(desk.path("out/parts")).is_ok_and(|mut parts| parts.next().is_some());
    while !has_begun() {
        assert!(child.try_wait().expect("waiting").is_none_or(|status| status.success()));
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let mut merged = 0;
    while child.try_wait().expect("waiting").is_none() && merged < 200 {
        desk.succeed(&["merge", "out", "--partial"]);
        merged += 1;
    }
    assert!(child.wait().expect("waiting").success());
}

#[test]
fn file_locks_of_hdf5_make_no_difference() {
    let images = ["TRUE", "FALSE", "BEST_EFFORT"].map(|locking| {
        let desk = desk();
        for arguments in [&RUN[..], &["report", "out/results.h5"]] {
            let mut command = desk.command(arguments);
            let ran = command.env("HDF5_USE_FILE_LOCKING", locking).output();
            let ran = Ran::from(ran.expect("starting deeplin"));
            assert_eq!(ran.code, 0, "{locking}: {}", ran.stderr);
        }
        desk.read("out/results.h5")
    });
    assert!(images.windows(2).all(|pair| pair[0] == pair[1]));
}
