//! Processes that are killed or told to stop at random moments, again and again, alone and two at a
//! time: what is there at the end has the bytes of an undisturbed run.
//!
//! `scripts/kill` runs many more rounds of the same.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::program::Desk;

/// Cells of trials that end soon, and of trials that outlast most of the processes. Parts and states
/// are written all the time.
const STUDY: &str = r#"
name = "kill"
seed = 11
trials = 40
[network]
input = 3
hidden = 3
output = 3
depth = 3
[init]
kind = "gaussian"
std = 0.5
[store]
part_seconds = 0.005
[sweep]
"init.std" = [0.1, 0.5]
[[sweep.zip]]
"descent.learning_rate" = [0.1, 1e-9]
"descent.max_steps" = [2000, 1500000]
"#;

/// Longest time that a process has, in milliseconds.
const LONGEST: u64 = 250;

/// How many times a test interrupts: `usual` times, or by what part `scripts/kill` wants it longer.
fn rounds(usual: u64) -> u64 {
    let times = std::env::var("DEEPLIN_TEST_TIMES").ok();
    usual * times.map_or(1, |text| text.parse().expect("DEEPLIN_TEST_TIMES is a number"))
}

/// Moments, signals and parts: a fixed sequence of numbers that look random (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// A study that is run on one desk after another until enough processes were interrupted.
struct Trouble<'a> {
    sets: &'a [&'a str],
    expected: Vec<u8>,
    desk: Desk,
    dice: Dice,
    interrupted: u64,
    finished: u64,
}

impl<'a> Trouble<'a> {
    fn new(sets: &'a [&'a str]) -> Self {
        let mut trouble = Self {
            sets,
            expected: Vec::new(),
            desk: Self::desk(),
            dice: Dice(0x9e37_79b9_7f4a_7c15),
            interrupted: 0,
            finished: 0,
        };
        trouble.finish();
        trouble.expected = trouble.desk.read("out/results.h5");
        trouble.desk = Self::desk();
        trouble
    }

    fn desk() -> Desk {
        let desk = Desk::new();
        desk.write("study.toml", STUDY);
        desk
    }

    fn arguments<'b>(&self, more: &[&'b str]) -> Vec<&'b str>
    where
        'a: 'b,
    {
        [&["run", "study.toml", "-o", "out", "--quiet", "--threads", "2"], self.sets, more].concat()
    }

    fn start(&self, more: &[&str]) -> Child {
        let mut command = self.desk.command(&self.arguments(more));
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starting deeplin")
    }

    /// Sends `signal` after a random time, if the process has not ended by then.
    fn interrupt(&mut self, child: &mut Child, signal: Signal) -> ExitStatus {
        // Starting takes a part of the time.
        let mut left = self.dice.below(LONGEST);
        while left > 0 {
            if let Some(status) = child.try_wait().expect("waiting") {
                return status;
            }
            let nap = left.min(5);
            sleep(Duration::from_millis(nap));
            left -= nap;
        }
        let id = Pid::from_raw(child.id().cast_signed()).expect("a process");
        kill_process(id, signal).expect("the process is ours and not waited for yet");
        child.wait().expect("waiting")
    }

    /// Counts how a process ended, and judges the results when one has finished the study.
    fn count(&mut self, status: ExitStatus, whole: bool) {
        match (status.code(), status.signal()) {
            (Some(0), _) if whole => {
                self.judge();
                self.desk = Self::desk();
            }
            (Some(0), _) => {}
            (Some(75), _) | (None, Some(_)) => self.interrupted += 1,
            other => panic!("unexpected end {other:?}"),
        }
    }

    fn judge(&mut self) {
        let there = self.desk.read("out/results.h5");
        assert!(there == self.expected, "other bytes after {} interruptions", self.interrupted);
        self.finished += 1;
    }

    /// An undisturbed run to the end.
    fn finish(&self) {
        self.desk.succeed(&self.arguments(&[]));
    }

    /// The end of the last desk: the bytes are right, and nothing is left over.
    fn end(mut self) {
        self.finish();
        self.judge();
        for name in crate::program::files(&self.desk.path("out")) {
            let name = name.0.display().to_string();
            assert!(!name.ends_with(".tmp") && !name.ends_with(".states"), "{name} is left");
        }
    }
}

/// Interrupts by these signals in turn.
fn interrupted_by(signals: &[Signal], sets: &[&str], rounds: u64) {
    let mut trouble = Trouble::new(sets);
    for &signal in signals.iter().cycle() {
        if trouble.interrupted >= rounds {
            break;
        }
        let mut child = trouble.start(&[]);
        let status = trouble.interrupt(&mut child, signal);
        trouble.count(status, true);
    }
    trouble.end();
}

#[test]
fn killed_at_any_moment() {
    interrupted_by(&[Signal::KILL], &[], rounds(200));
}

#[test]
fn killed_at_any_moment_without_rows() {
    interrupted_by(&[Signal::KILL], &["--set", "store.rows=false"], rounds(30));
}

#[test]
fn killed_at_any_moment_with_trajectories() {
    let sets = ["--set", "record.trajectory={trials=3, points=20}"];
    interrupted_by(&[Signal::KILL, Signal::TERM], &sets, rounds(40));
}

#[test]
fn told_to_stop_at_any_moment() {
    let signals = [Signal::TERM, Signal::USR1, Signal::USR2, Signal::INT];
    interrupted_by(&signals, &[], rounds(40));
}

#[test]
fn two_processes_on_one_directory_both_interrupted() {
    let mut trouble = Trouble::new(&[]);
    while trouble.interrupted < rounds(40) {
        let mut children = [trouble.start(&[]), trouble.start(&[])];
        let signals = [Signal::KILL, Signal::TERM];
        let statuses = [0, 1].map(|i| {
            let signal = signals[trouble.dice.below(2) as usize];
            trouble.interrupt(&mut children[i], signal)
        });
        // Both may have finished it.
        let finished = statuses.iter().any(|status| status.code() == Some(0));
        for status in statuses.into_iter().filter(|status| status.code() != Some(0)) {
            trouble.count(status, true);
        }
        if finished {
            trouble.judge();
            trouble.desk = Trouble::desk();
        }
    }
    trouble.end();
}

#[test]
fn other_numbers_of_parts_on_every_run() {
    let mut trouble = Trouble::new(&[]);
    while trouble.interrupted < rounds(40) {
        let of = 1 + trouble.dice.below(5);
        let share = format!("{}/{of}", 1 + trouble.dice.below(of));
        let mut child = trouble.start(&["--part", &share]);
        let signal = [Signal::KILL, Signal::USR1][trouble.dice.below(2) as usize];
        let status = trouble.interrupt(&mut child, signal);
        // 1/1 is the whole study, and ends with the results.
        trouble.count(status, of == 1);
        let merged = trouble.desk.run(&["merge", "out"]);
        if merged.code == 0 {
            trouble.judge();
            trouble.desk = Trouble::desk();
        }
    }
    trouble.end();
}

/// Trials of a second or more, processes of a third of one: they end only because they are gone on
/// with.
#[test]
fn trials_that_outlast_every_process_end() {
    let study = STUDY.replace("1500000", "6000000").replace("trials = 40", "trials = 9");
    let desk = || {
        let desk = Desk::new();
        desk.write("study.toml", &study);
        desk
    };
    let run = ["run", "study.toml", "-o", "out", "--quiet", "--threads", "1"];
    let undisturbed = desk();
    undisturbed.succeed(&run);
    let desk = desk();
    let mut stopped = 0;
    loop {
        // Longer and longer, so that slow machines come to an end too.
        let limit = format!("{}ms", 300 + 5 * stopped);
        let ran = desk.run(&[&run[..], &["--max-time", &limit]].concat());
        match ran.code {
            0 => break,
            75 => stopped += 1,
            _ => panic!("{}", ran.stderr),
        }
        assert!(stopped < 4000, "it ends at some time");
    }
    assert!(stopped >= 3, "{stopped}");
    let (there, expected) = (desk.read("out/results.h5"), undisturbed.read("out/results.h5"));
    assert!(there == expected, "stopped {stopped} times");
}
