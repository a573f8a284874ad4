//! What is seen on a terminal, by way of a pseudo-terminal, and what goes to a pipe instead.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, open};
use rustix::process::{ioctl_tiocsctty, setsid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::Value;

use crate::program::{Desk, files};

/// Trials that end at once, and others that never do.
const ENDLESS: &str = r#"
name = "endless"
trials = 40
[network]
input = 3
hidden = 3
output = 3
[store]
part_seconds = 0.1
[sweep]
"init.std" = [0.1, 0.2, 0.3, 0.4]
[[sweep.zip]]
"descent.learning_rate" = [0.1, 1e-9]
"descent.max_steps" = [2000, 1_000_000_000]
"#;

/// How long something may take that takes a moment, on a machine that has much to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// A program on a terminal.
struct Terminal {
    child: Child,
    keyboard: File,
    output: Receiver<Vec<u8>>,
    /// All that it wrote.
    bytes: Vec<u8>,
    /// What that looks like.
    screen: vt100::Parser,
}

impl Terminal {
    /// Starts a command in a terminal of so many lines and columns, as a shell does.
    fn start(mut command: Command, lines: u16, columns: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("a terminal to open");
        let size = Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let name = ptsname(&master, Vec::new()).expect("its name");
        let slave = || -> OwnedFd {
            open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("its other end")
        };
        tcsetwinsize(slave(), size).expect("its size");
        command.stdin(slave()).stdout(slave()).stderr(slave());
        // SAFETY: both are plain calls of the system, allowed between fork and exec.
        unsafe {
            command.pre_exec(|| {
                setsid()?;
                Ok(ioctl_tiocsctty(rustix::stdio::stdin())?)
            });
        }
        let child = command.spawn().expect("starting deeplin");
        // Ends that stay open here would keep the terminal from ending.
        drop(command);
        let keyboard = File::from(master);
        let mut master = keyboard.try_clone().expect("the terminal");
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Reading fails when nobody has the other end any more.
            while let Ok(count @ 1..) = master.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let cells = |count| NonZeroU16::new(count).expect("more than none");
        let screen = vt100::Parser::new(cells(lines), cells(columns), 1000);
        Self { child, keyboard, output, bytes: Vec::new(), screen }
    }

    /// What is on the screen.
    fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Waits until the screen shows what is wanted.
    fn wait_for(&mut self, wanted: impl Fn(&str) -> bool) {
        let begin = Instant::now();
        // Reading may split a picture, or a line.
        let is_whole = |bytes: &[u8]| bytes.ends_with(b"\n") || bytes.ends_with(b"\x1b[J");
        while !(is_whole(&self.bytes) && wanted(&self.text())) {
            assert!(begin.elapsed() < PATIENCE, "it shows\n{}", self.text());
            match self.output.recv_timeout(Duration::from_millis(100)) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => panic!("it ended with\n{}", self.text()),
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.screen.process(bytes);
        self.bytes.extend(bytes);
    }

    /// Presses Ctrl-C.
    fn interrupt(&mut self) {
        self.keyboard.write_all(b"\x03").expect("a key");
    }

    /// Waits until it ends; its status.
    fn end(&mut self) -> i32 {
        let begin = Instant::now();
        loop {
            match self.output.recv_timeout(PATIENCE.saturating_sub(begin.elapsed())) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it goes on with\n{}", self.text()),
            }
        }
        self.child.wait().expect("waiting").code().unwrap_or(-1)
    }

    /// Whether it ever wrote a code that ends with this letter.
    fn has_code(&self, letter: u8) -> bool {
        let codes = self.bytes.split(|&byte| byte == 0x1b).skip(1);
        let last = |code: &[u8]| code.iter().copied().skip(1).find(|b| b.is_ascii_alphabetic());
        codes.filter(|code| code.first() == Some(&b'[')).any(|code| last(code) == Some(letter))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("study.toml", ENDLESS);
    desk
}

/// The command on a terminal that knows all codes.
fn command(desk: &Desk, arguments: &[&str]) -> Command {
    let mut command = desk.command(arguments);
    command.env("TERM", "xterm-256color").env_remove("NO_COLOR").env_remove("CLICOLOR");
    command
}

const RUN: [&str; 6] = ["run", "study.toml", "-o", "out", "--threads", "2"];

#[test]
fn a_run_draws_its_cells_and_is_clean_after_an_interrupt() {
    let desk = desk();
    let mut terminal = Terminal::start(command(&desk, &RUN), 24, 120);
    terminal.wait_for(|text| text.contains(" 40/40 "));
    let text = terminal.text();
    for words in ["of 320 trials", "left about", "trials/s", "steps/s", "[lower, upper]", " 0/40 "]
    {
        assert!(text.contains(words), "no {words} in\n{text}");
    }
    assert!(text.lines().all(|line| !line.contains("more")), "there is room for all:\n{text}");
    terminal.interrupt();
    assert_eq!(terminal.end(), 75);
    let text = terminal.text();
    assert!(text.contains("trials in "), "{text}");
    assert!(text.contains("stopped early: ") && text.contains("to continue"), "{text}");
    for gone in ["[lower, upper]", "40/40", "elapsed"] {
        assert!(!text.contains(gone), "{gone} is left in\n{text}");
    }
    assert!(!terminal.screen.screen().hide_cursor());
    assert!(terminal.has_code(b'm'), "the header stands out");
}

/// Its own trials are a sample, though the first of all is not among them.
#[test]
fn a_part_shows_probabilities() {
    let desk = desk();
    let part = [&RUN[..], &["--set", "store.block=10", "--part", "2/3"]].concat();
    let mut terminal = Terminal::start(command(&desk, &part), 24, 120);
    // Of four blocks of the first cell it has the second.
    terminal.wait_for(|text| text.contains(" 10/10 "));
    let text = terminal.text();
    let row = text.lines().find(|line| line.contains(" 10/10 ")).unwrap_or_default();
    let words: Vec<&str> = row.split_whitespace().collect();
    let at = words.iter().position(|&word| word == "10/10").expect("it is there");
    let share: f64 = words[at + 1].parse().unwrap_or_else(|_| panic!("no share in\n{text}"));
    assert!((0.0..=1.0).contains(&share) && words.get(at + 4) == Some(&"10"), "{row}");
    terminal.interrupt();
    assert_eq!(terminal.end(), 75);
}

#[test]
fn a_small_terminal_shows_what_fits() {
    let desk = desk();
    let mut terminal = Terminal::start(command(&desk, &RUN), 10, 40);
    for _ in 0..3 {
        let before = terminal.bytes.len();
        terminal.wait_for(|text| text.contains("40/40"));
        let text = terminal.text();
        let with = |words: &str| text.lines().filter(|line| line.contains(words)).count();
        assert_eq!(
            [with("of 320 trials"), with("  trials"), with("3 cells more")],
            [1, 1, 1],
            "{text}"
        );
        assert_eq!(with("1e-9"), 2, "the cells that are worked at:\n{text}");
        while terminal.bytes.len() == before {
            let bytes = terminal.output.recv_timeout(PATIENCE).expect("another picture");
            terminal.take(&bytes);
        }
    }
    // Nothing was pushed off the screen.
    terminal.screen.screen_mut().set_scrollback(usize::MAX);
    assert_eq!(terminal.screen.screen().scrollback(), 0);
    terminal.interrupt();
    assert_eq!(terminal.end(), 75);
}

#[test]
fn terminals_without_colours_or_codes() {
    let desk = desk();
    for (name, value) in [("NO_COLOR", "1"), ("CLICOLOR", "0")] {
        let mut command = command(&desk, &RUN);
        command.env(name, value);
        let mut terminal = Terminal::start(command, 24, 120);
        terminal.wait_for(|text| text.contains("[lower, upper]"));
        terminal.interrupt();
        assert_eq!(terminal.end(), 75);
        assert!(!terminal.has_code(b'm'), "{name}");
    }
    let mut command = command(&desk, &RUN);
    command.env("TERM", "dumb");
    let mut terminal = Terminal::start(command, 24, 120);
    terminal.wait_for(|text| text.contains("begin: "));
    terminal.interrupt();
    assert_eq!(terminal.end(), 75);
    assert!(!terminal.bytes.contains(&0x1b), "{}", terminal.text());
}

/// Progress, warnings and refusals.
#[test]
fn no_code_goes_to_a_pipe() {
    let desk = desk();
    let warned = ["--set", "init.kind=he", "--set", "descent.max_steps=100"];
    for (arguments, code, words) in [
        (&warned[..], 0, &["WARN", "begin: 0 of 80 trials", "80 trials in "][..]),
        (&[&warned[..], &["--verbose"]].concat(), 0, &["INFO", "nothing to do"]),
        (&["--set", "init.sdt=1"], 2, &["init.std"]),
        (&["--nonsense"], 2, &["--nonsense"]),
    ] {
        let mut command = command(&desk, &[&RUN[..], arguments].concat());
        let output = command.output().expect("starting deeplin");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(words.iter().all(|word| said.contains(word)), "{words:?}: {said}");
        assert!(!said.contains('\u{1b}') && !output.stdout.contains(&0x1b), "{said}");
    }
    let quiet = desk.succeed(&[&RUN[..], &warned, &["--quiet"]].concat());
    assert_eq!(quiet.stdout, "out/results.h5\n");
    assert!(
        quiet.stderr.trim_start().starts_with("WARN ") && quiet.stderr.lines().count() == 1,
        "{}",
        quiet.stderr
    );
}

/// A study that takes a moment.
const SHORT: [&str; 4] =
    ["--set", "descent.max_steps=200_000", "--set", "descent.learning_rate=1e-9"];

#[test]
fn a_watch_ends_when_the_run_does() {
    let desk = desk();
    // There is something to watch.
    let beginning = [&RUN[..], &SHORT, &["--max-time", "1ms"]].concat();
    assert_eq!(desk.run(&beginning).code, 75);
    let watch = ["watch", "out", "--interval", "50ms"];
    let mut terminal = Terminal::start(command(&desk, &watch), 24, 120);
    terminal.wait_for(|text| text.contains("endless: ") && text.contains("watched for"));
    let mut lines = desk.command(&watch);
    let lines = lines.stdout(std::process::Stdio::piped()).spawn().expect("starting deeplin");
    desk.succeed(&[&RUN[..], &SHORT, &["--quiet"]].concat());
    assert_eq!(terminal.end(), 0);
    let text = terminal.text();
    assert!(text.contains("160 of 160 trials") && text.contains("40/40"), "{text}");
    assert!(!text.contains("watched for"), "only the last table is left:\n{text}");
    let output = lines.wait_with_output().expect("waiting");
    let said = String::from_utf8_lossy(&output.stdout);
    let last = said.lines().last().unwrap_or_default();
    assert!(output.status.success() && last.contains("160 of 160 trials"), "{said}");
    assert!(!said.contains('\u{1b}'), "{said}");
}

#[test]
fn a_watch_waits_for_a_run_to_begin() {
    let desk = desk();
    let mut watch = desk.command(&["watch", "out", "--interval", "50ms"]);
    watch.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut watch = watch.spawn().expect("starting deeplin");
    let mut said = [0; 7];
    watch.stderr.as_mut().expect("its stderr").read_exact(&mut said).expect("a message");
    assert_eq!(&said, b"waiting");
    desk.succeed(&[&RUN[..], &SHORT, &["--quiet"]].concat());
    let output = watch.wait_with_output().expect("waiting");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("160 of 160 trials"), "{text}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(" for a run to begin in out (Ctrl-C ends it)"), "{said}");
    // Where no run can begin it does not wait: results alone, without their parts.
    std::fs::create_dir(desk.path("copied")).expect("a directory");
    std::fs::copy(desk.path("out/results.h5"), desk.path("copied/results.h5")).expect("a copy");
    assert_eq!(desk.run(&["watch", "copied"]).code, 3);
}

#[test]
fn what_is_watched_is_left_alone() {
    let desk = desk();
    let part = [&RUN[..], &SHORT, &["--set", "store.block=10", "--part", "1/3"]].concat();
    desk.succeed(&part);
    let before = files(&desk.path("out"));
    let object = |arguments: &[&str]| -> Value {
        let text = desk.succeed(&[&["watch", "out", "--once"], arguments].concat()).stdout;
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    };
    let some = object(&["--json"]);
    assert_eq!(some["complete"], false);
    let cells = some["cells"].as_array().expect("a list");
    let done: u64 = cells.iter().filter_map(|cell| cell["done_count"].as_u64()).sum();
    assert_eq!((cells.len(), done), (4, 60), "{some}");
    // Blocks go round the parts: of the first cell the first and the last of four, of the next its third.
    let counts = |cell: usize, key: &str| cells[cell][key].as_u64();
    assert_eq!([counts(0, "done_count"), counts(0, "first_count")], [Some(20), Some(10)]);
    assert_eq!([counts(1, "done_count"), counts(1, "first_count")], [Some(10), Some(0)]);
    assert_eq!(cells[1]["probability"], Value::Null);
    let table = desk.succeed(&["watch", "out", "--once"]).stdout;
    assert!(table.starts_with("endless: 60 of 160 trials\n") && table.contains("20/40"), "{table}");
    let csv = desk.succeed(&["watch", "out", "--once", "--csv"]).stdout;
    assert!(csv.starts_with("init.std,done_count,"), "{csv}");
    assert_eq!(before, files(&desk.path("out")), "nothing is written");

    for part in ["2/3", "3/3"] {
        desk.succeed(&[&RUN[..], &SHORT, &["--set", "store.block=10", "--part", part]].concat());
    }
    let ran = desk.succeed(&["watch", "out", "--json"]);
    assert!(ran.stderr.contains("deeplin merge out"), "{}", ran.stderr);
    let all: Value = serde_json::from_str(&ran.stdout).expect("one object");
    assert_eq!(all["complete"], true);
    desk.succeed(&["merge", "out"]);
    let report = desk.succeed(&["report", "out", "--json"]).stdout;
    let report: Value = serde_json::from_str(&report).expect("an object");
    for key in ["converged_count", "step_limit_count", "probability_upper"] {
        assert_eq!(all["cells"][3][key], report["cells"][3][key], "{key}");
    }
    assert_eq!(all["cells"][3]["wanted_count"], report["cells"][3]["trial_count"]);
    assert_eq!(desk.run(&["watch", "nowhere", "--once"]).code, 3);
    assert_eq!(desk.run(&["watch", "out", "--interval", "0s"]).code, 2);
    // A table after the other, each with its header, would be no CSV.
    let refused = desk.run(&["watch", "out", "--csv"]);
    assert!(refused.code == 2 && refused.said().contains("--once"), "{}", refused.said());
}
