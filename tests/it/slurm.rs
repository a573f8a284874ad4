//! The scripts for clusters: a queue that only takes notes, tasks that are stopped, and Slurm itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, getuid, kill_process};

use crate::program::{self, Desk, Ran};

const STUDY: &str = "name = \"small\"\ntrials = 20\n[descent]\nmax_steps = 200\n";

/// Writes its arguments, one a line, to the next of the files submission.1, submission.2, ...
const SBATCH: &str = r#"#!/usr/bin/env bash
number=1
while [ -e "$NOTES/submission.$number" ]; do number=$((number + 1)); done
printf '%s\n' "$@" >"$NOTES/submission.$number"
echo "$((40 + number));cluster"
"#;

/// Says what it is told to say of a job and of the configuration; notes what is requeued.
const SCONTROL: &str = r#"#!/usr/bin/env bash
case "$*" in
  'show config') echo 'MaxArraySize            = 5' ;;
  *'show job '*) echo "JobId=1 JobName=x JobState=$STATE Reason=None" ;;
  requeue*) printf '%s\n' "$*" >>"$NOTES/requeued" ;;
esac
"#;

/// A directory with bad names in it, and false Slurm commands.
struct Queue {
    desk: Desk,
    work: PathBuf,
    notes: PathBuf,
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts")
}

fn executable(path: &Path, text: &str) {
    fs::write(path, text).expect("writing a script");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("making it executable");
}

impl Queue {
    fn new() -> Self {
        let desk = Desk::new();
        let notes = desk.path("notes");
        let work = desk.path("a b $(touch x) 'q\" %j ;é");
        for dir in [&notes, &work] {
            fs::create_dir(dir).expect("a directory");
        }
        executable(&notes.join("sbatch"), SBATCH);
        executable(&notes.join("scontrol"), SCONTROL);
        fs::write(work.join("study %a.toml"), STUDY).expect("a study");
        Self { desk, work, notes }
    }

    /// A script of `scripts/slurm`, with the false commands first on its path.
    fn command(&self, script: &str, arguments: &[&str]) -> Command {
        let mut command = self.with_environment(Command::new(scripts().join("slurm").join(script)));
        command.args(arguments);
        command
    }

    /// As [`Self::command`], of a script that hears INT: a shell cannot catch what was ignored when it
    /// began, as it is in the background of another one.
    fn listening(&self, script: &str, arguments: &[&str]) -> Command {
        let mut command = self.with_environment(Command::new("env"));
        command.arg("--default-signal=INT");
        command.arg(scripts().join("slurm").join(script)).args(arguments);
        command
    }

    fn with_environment(&self, mut command: Command) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .current_dir(&self.work)
            .env("PATH", format!("{}:{path}", self.notes.display()))
            .env("NOTES", &self.notes)
            .env("STATE", "RUNNING")
            .env("DEEPLIN", env!("CARGO_BIN_EXE_deeplin"))
            .env("LC_ALL", "C.UTF-8")
            .envs([("SLURM_ARRAY_JOB_ID", "41"), ("SLURM_ARRAY_TASK_ID", "1")])
            .env_remove("SLURM_RESTART_COUNT")
            .env_remove("DEEPLIN_MAX_RESTARTS");
        command
    }

    fn submit(&self, arguments: &[&str]) -> Ran {
        Ran::from(self.command("submit", arguments).output().expect("starting submit"))
    }

    /// What the false `sbatch` was given.
    fn submission(&self, number: usize) -> Vec<String> {
        let path = self.notes.join(format!("submission.{number}"));
        let text = fs::read_to_string(path).expect("a submission");
        text.lines().map(str::to_owned).collect()
    }

    fn requeued(&self) -> Option<String> {
        fs::read_to_string(self.notes.join("requeued")).ok()
    }

    /// Runs a task with this program in place of deeplin; the log holds some lines already.
    fn task(&self, program: &str, log: &str, environment: &[(&str, &str)]) -> Ran {
        let deeplin = self.desk.path("deeplin");
        executable(&deeplin, &format!("#!/usr/bin/env bash\n{program}\n"));
        let path = self.desk.write("log", log);
        let file = fs::OpenOptions::new().append(true).open(&path).expect("the log");
        let arguments = [&deeplin.display().to_string(), "3", "study.toml", "out", "--set=a=b c"];
        let status = self
            .command("task", &arguments)
            .envs(environment.iter().copied())
            .stderr(Stdio::from(file))
            .status();
        Ran {
            code: status.expect("starting a task").code().unwrap_or(-1),
            stdout: String::new(),
            stderr: fs::read_to_string(path).expect("the log"),
        }
    }
}

/// Every script of the project that bash runs.
fn bash_scripts(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a directory of the project").flatten() {
        let path = entry.path();
        if path.is_dir() {
            bash_scripts(&path, found);
        } else if fs::read(&path).is_ok_and(|text| text.starts_with(b"#!/usr/bin/env bash")) {
            found.push(path);
        }
    }
}

#[test]
fn scripts_are_clean() {
    let mut found = vec![];
    for dir in [scripts(), scripts().with_file_name(".ci")] {
        bash_scripts(&dir, &mut found);
    }
    assert!(found.len() >= 8, "the scripts were found: {found:?}");
    for script in &found {
        let ran = Ran::from(Command::new("bash").arg("-n").arg(script).output().expect("bash"));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    match Command::new("shellcheck").arg("--external-sources").args(&found).output() {
        Ok(output) => {
            let ran = Ran::from(output);
            assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        }
        Err(_) => program::may_skip("shellcheck"),
    }
}

#[test]
fn a_study_is_queued_as_an_array_and_a_job_that_merges() {
    let queue = Queue::new();
    let arguments =
        ["study %a.toml", "--tasks", "4", "--time=02:00:00", "--cpus", "2", "--at-once", "3"];
    let more =
        ["--set", "init.kind=\"he\"", "--set=store.block=5", "--", "--account=a b", "-p", "$x"];
    let ran = queue.submit(&[&arguments[..], &more].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.stdout, "41 42\n");
    let (work, slurm) = (queue.work.display(), scripts().join("slurm"));
    let (slurm, deeplin) = (slurm.display(), env!("CARGO_BIN_EXE_deeplin"));
    let dir = format!("{work}/runs/small");
    let pattern = format!("{dir}/slurm").replace('%', "%%");
    assert_eq!(
        queue.submission(1),
        [
            "--parsable",
            "--job-name=small",
            "--array=1-4%3",
            "--time=02:00:00",
            "--cpus-per-task=2",
            "--ntasks=1",
            "--signal=B:USR1@120",
            "--requeue",
            "--open-mode=append",
            &format!("--output={pattern}/%A_%a.log"),
            "--account=a b",
            "-p",
            "$x",
            &format!("{slurm}/task"),
            deeplin,
            "4",
            &format!("{work}/study %a.toml"),
            &dir,
            "--set=init.kind=\"he\"",
            "--set=store.block=5",
        ]
    );
    assert_eq!(
        queue.submission(2),
        [
            "--parsable",
            "--account=a b",
            "-p",
            "$x",
            "--job-name=small-merge",
            "--time=02:00:00",
            "--cpus-per-task=1",
            "--ntasks=1",
            "--requeue",
            "--open-mode=append",
            "--kill-on-invalid-dep=yes",
            "--dependency=afterok:41",
            &format!("--output={pattern}/41_merge.log"),
            &format!("{slurm}/merge"),
            deeplin,
            &dir,
        ]
    );
    assert!(Path::new(&dir).join("slurm").is_dir(), "Slurm makes no directories for logs");
    for words in ["job 41", &format!("{dir}/slurm/41_*.log"), "squeue -j 41,42", "submit again"] {
        assert!(ran.stderr.contains(words), "no {words} in {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
    assert!(!queue.work.join("x").exists(), "a name is no command");
}

/// The lines that `--dry-run` prints do in a shell what `submit` does.
#[test]
fn a_dry_run_prints_what_would_be_done() {
    let queue = Queue::new();
    let arguments = ["study %a.toml", "--tasks", "4", "--time", "60", "-o", "o $u't@%A"];
    let dry = queue.submit(&[&arguments[..], &["--dry-run"]].concat());
    assert_eq!(dry.code, 0, "{}", dry.stderr);
    assert!(!queue.notes.join("submission.1").exists() && !queue.work.join("o $u't@%A").exists());
    assert_eq!(queue.submit(&arguments).code, 0);
    let asked = [queue.submission(1), queue.submission(2)];
    for number in 1..=2 {
        fs::remove_file(queue.notes.join(format!("submission.{number}"))).expect("a note");
    }
    let mut bash = queue.with_environment(Command::new("bash"));
    let ran = Ran::from(bash.args(["-euc", &dry.stdout]).output().expect("starting bash"));
    assert_eq!(ran.code, 0, "{}{}", dry.stdout, ran.stderr);
    assert_eq!([queue.submission(1), queue.submission(2)], asked);
}

#[test]
fn mistakes_show_before_anything_is_queued() {
    let queue = Queue::new();
    let base = ["study %a.toml", "--tasks", "2", "--time", "60"];
    for (arguments, words) in [
        (&["--set", "init.sdt=1"][..], "init.std"),
        (&["-o", "back\\slash"], "backslash"),
        (&["-o", "two\nlines"], "control character"),
        (&["-o", "study %a.toml"], "would refuse"),
        (&["--tasks", "none"], "--tasks needs a number"),
        (&["--tasks", "0"], "--tasks needs a number"),
        (&["--cpus"], "--cpus"),
        (&["--time", "soon"], "04:00:00"),
        (&["--partition", "long"], "options of sbatch go after --"),
        (&["--", "--array=1-3"], "--at-once"),
        (&["second.toml"], "more than one study"),
    ] {
        let ran = queue.submit(&[&base[..], arguments].concat());
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(words), "{arguments:?}: no {words} in {}", ran.stderr);
        assert!(ran.stdout.is_empty(), "{}", ran.stdout);
    }
    for missing in [&[][..], &base[..1], &base[..3], &["absent.toml", "--tasks=1", "--time=60"]] {
        assert_eq!(queue.submit(missing).code, 2, "{missing:?}");
    }
    let absent = queue.command("submit", &base).env("DEEPLIN", "/no/deeplin").output();
    let absent = Ran::from(absent.expect("starting submit"));
    assert!(absent.code == 2 && absent.stderr.contains("cargo build"), "{}", absent.stderr);
    assert!(!queue.notes.join("submission.1").exists(), "nothing was queued");
    assert!(queue.submit(&["--help"]).stdout.contains("--at-once"));
}

#[test]
fn warnings_and_nothing_to_do() {
    let queue = Queue::new();
    let ran = queue.submit(&["study %a.toml", "--tasks", "5", "--time", "60"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for words in ["up to 4 tasks", "of 5 tasks some have nothing to do"] {
        assert!(ran.stderr.contains(words), "no {words} in {}", ran.stderr);
    }
    let study = queue.work.join("study %a.toml").display().to_string();
    let out = queue.work.join("out").display().to_string();
    queue.desk.succeed(&["run", &study, "-o", &out, "--quiet"]);
    let ran = queue.submit(&["study %a.toml", "--tasks", "2", "--time", "60", "-o", "out"]);
    assert!(ran.code == 0 && ran.stderr.contains("Nothing was queued"), "{}", ran.stderr);
    assert!(!queue.notes.join("submission.3").exists());
}

#[test]
fn a_task_is_a_part() {
    let queue = Queue::new();
    let ran = queue.task(r#"printf '<%s>' "$OMP_NUM_THREADS" "$@" >&2; exit 3"#, "", &[]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    let expected = "<1><run><study.toml><--part><1/3><--output><out><--set=a=b c>";
    assert!(ran.stderr.ends_with(expected), "{}", ran.stderr);
    assert_eq!(queue.requeued(), None);
    assert_eq!(queue.task("exit 0", "", &[]).code, 0);
    assert_eq!(queue.requeued(), None);
}

#[test]
fn a_task_that_was_stopped_early_goes_back_into_the_queue() {
    let queue = Queue::new();
    // Three lines with what this run adds.
    let stuck = "stopped early: 5 trials are left\nstopped early: 5 trials are left\n";
    let moving = "stopped early: 6 trials are left\nstopped early: 5 trials are left\n";
    let stop = "echo 'stopped early: 5 trials are left' >&2; exit 75";
    for (log, environment, words) in [
        ("", &[("STATE", "COMPLETING")][..], "being ended by Slurm"),
        ("", &[("STATE", "CANCELLED")], "being ended by Slurm"),
        (stuck, &[], "3 runs in a row made no progress"),
        (moving, &[("SLURM_RESTART_COUNT", "100")], "restarted 100 times"),
        ("", &[("SLURM_RESTART_COUNT", "2"), ("DEEPLIN_MAX_RESTARTS", "2")], "restarted 2 times"),
    ] {
        let ran = queue.task(stop, log, environment);
        assert_eq!(ran.code, 75, "{}", ran.stderr);
        assert!(ran.stderr.contains(words), "no {words} in {}", ran.stderr);
        assert_eq!(queue.requeued(), None, "{words}");
    }
    let ran = queue.task(stop, moving, &[("SLURM_RESTART_COUNT", "99")]);
    assert_eq!(ran.code, 75, "{}", ran.stderr);
    assert_eq!(queue.requeued().as_deref(), Some("requeue 41_1\n"));
    // One that was signalled before it could listen.
    assert_eq!(queue.task("kill -USR1 $$; sleep 9", "", &[]).code, 75);
    assert_eq!(queue.requeued().as_deref(), Some("requeue 41_1\nrequeue 41_1\n"));
}

/// The program under a task stops safely at each signal, and continues.
#[test]
fn signals_reach_the_program() {
    let queue = Queue::new();
    // Minutes of work, and no trial that ends early.
    let long = "trials = 50_000\n[descent]\nlearning_rate = 1e-9\nmax_steps = 100_000\n";
    let study = queue.desk.write("long.toml", long);
    let (study, out) = (study.display().to_string(), queue.desk.path("out").display().to_string());
    let log = queue.desk.path("log");
    let arguments = [env!("CARGO_BIN_EXE_deeplin"), "1", &study, &out, "--threads=1"];
    for (i, signal) in [Signal::USR1, Signal::USR2, Signal::TERM, Signal::INT].iter().enumerate() {
        let file = fs::OpenOptions::new().append(true).create(true).open(&log).expect("the log");
        let mut task = queue.listening("task", &arguments).stderr(file).spawn().expect("a task");
        let begun = || fs::read_to_string(&log).is_ok_and(|l| l.matches("begin: ").count() > i);
        while !begun() && task.try_wait().expect("waiting").is_none() {
            sleep(Duration::from_millis(20));
        }
        kill_process(Pid::from_child(&task), *signal).expect("signalling");
        let status = task.wait().expect("waiting");
        let said = fs::read_to_string(&log).expect("the log");
        assert_eq!(status.code(), Some(75), "{said}");
        assert_eq!(said.matches("stopped early: ").count(), i + 1, "{said}");
    }
}

/// The commands of the guide that need no cluster.
#[test]
fn recipes_without_a_scheduler() {
    let guide = fs::read_to_string(scripts().join("slurm/README.md")).expect("the guide");
    let blocks = guide.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    for (tool, mark) in [("xargs", "xargs -P"), ("parallel", "parallel --jobs")] {
        if Command::new(tool).arg("--version").output().is_err() {
            program::may_skip(tool);
            continue;
        }
        let recipe = blocks.clone().find(|block| block.contains(mark)).expect("a recipe");
        let desk = Desk::new();
        desk.write("study.toml", &STUDY.replace("small", "study"));
        let path = std::env::var("PATH").unwrap_or_default();
        let program = Path::new(env!("CARGO_BIN_EXE_deeplin")).parent().expect("its directory");
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", recipe]).current_dir(desk.path(""));
        bash.env("PATH", format!("{}:{path}", program.display()));
        let ran = Ran::from(bash.output().expect("bash"));
        assert_eq!(ran.code, 0, "{recipe}{}", ran.stderr);
        desk.succeed(&["run", "study.toml", "-o", "whole", "--quiet"]);
        assert!(desk.read("runs/study/results.h5") == desk.read("whole/results.h5"), "{tool}");
    }
}

/// All of it on Slurm: see `scripts/slurm/test`.
#[test]
#[expect(clippy::print_stderr, reason = "nobody else tells")]
fn a_study_on_a_cluster() {
    if !getuid().is_root() {
        eprintln!("skipped: the test on a cluster of one node needs root");
        return;
    }
    if Command::new("slurmctld").arg("-V").output().is_err() {
        program::may_skip("slurmctld");
        return;
    }
    let mut test = Command::new(scripts().join("slurm/test"));
    test.env("DEEPLIN", env!("CARGO_BIN_EXE_deeplin"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SLURM")) {
        test.env_remove(name);
    }
    let ran = Ran::from(test.output().expect("starting the test"));
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("the first task was restarted once: begin: "), "{}", ran.stderr);
}
