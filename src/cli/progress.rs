//! Progress of a run: a bar on a terminal, a plain line now and then elsewhere.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};

use super::output;
use crate::run::{Progress, Silent, Work};

/// Time between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Says something now and then, unless it is to be quiet.
pub(super) struct Pace {
    quiet: bool,
    said: Mutex<Instant>,
}

impl Pace {
    pub(super) fn new(quiet: bool) -> Self {
        Self { quiet, said: Mutex::new(Instant::now()) }
    }

    /// Says it if the last time is long enough ago.
    pub(super) fn say(&self, text: impl FnOnce() -> String) {
        let Ok(mut said) = self.said.lock() else { return };
        if !self.quiet && said.elapsed() >= LINE_EVERY {
            *said = Instant::now();
            output::say(&text());
        }
    }
}

/// What a run shows of its progress.
pub(super) fn display(quiet: bool) -> Box<dyn Progress> {
    if quiet {
        Box::new(Silent)
    } else if std::io::stderr().is_terminal() {
        Box::new(Bar::new())
    } else {
        Box::new(Lines::new())
    }
}

/// A bar whose length is the work, in thousandths of the whole.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let style = ProgressStyle::with_template(
            "{bar:32} {percent:>3} %  {msg}  elapsed {elapsed}, left about {eta}",
        )
        .unwrap_or_else(|_| ProgressStyle::default_bar());
        Self(ProgressBar::new(1000).with_style(style))
    }

    fn show(&self, work: Work) {
        self.0.set_position((1000.0 * work.fraction()) as u64);
        self.0.set_message(trials(work));
    }
}

impl Progress for Bar {
    fn begin(&self, work: Work) {
        // It may have ended before: rounds follow each other.
        self.0.reset();
        self.show(work);
        self.0.reset_eta();
        self.0.enable_steady_tick(Duration::from_millis(200));
    }

    fn tuning(&self, done: usize, cells: usize) {
        self.0.set_position(0);
        self.0.set_message(tuned(done, cells));
        self.0.enable_steady_tick(Duration::from_millis(200));
    }

    fn update(&self, work: Work) {
        self.show(work);
    }

    fn end(&self) {
        self.0.finish_and_clear();
    }
}

/// A line every ten seconds: what a log file of a cluster job can hold.
struct Lines {
    state: Mutex<State>,
}

struct State {
    begin: Instant,
    said: Instant,
    fraction_at_begin: f64,
}

impl Lines {
    fn new() -> Self {
        let now = Instant::now();
        Self { state: Mutex::new(State { begin: now, said: now, fraction_at_begin: 0.0 }) }
    }
}

impl Progress for Lines {
    fn begin(&self, work: Work) {
        if let Ok(mut state) = self.state.lock() {
            state.fraction_at_begin = work.fraction();
            state.begin = Instant::now();
        }
        output::say(&format!("begin: {}", trials(work)));
    }

    fn tuning(&self, done: usize, cells: usize) {
        let Ok(mut state) = self.state.lock() else { return };
        if done > 0 && done < cells && state.said.elapsed() < LINE_EVERY {
            return;
        }
        state.said = Instant::now();
        output::say(&tuned(done, cells));
    }

    fn update(&self, work: Work) {
        let Ok(mut state) = self.state.lock() else { return };
        if state.said.elapsed() < LINE_EVERY {
            return;
        }
        state.said = Instant::now();
        let elapsed = state.begin.elapsed();
        let done = work.fraction() - state.fraction_at_begin;
        let left = if done > 0.0 {
            let seconds = elapsed.as_secs_f64() * (1.0 - work.fraction()) / done;
            format!(", left about {}", HumanDuration(Duration::from_secs_f64(seconds.min(1e9))))
        } else {
            String::new()
        };
        let percent = 100.0 * work.fraction();
        output::say(&format!(
            "{percent:.1} %: {}, elapsed {}{left}",
            trials(work),
            HumanDuration(elapsed)
        ));
    }

    fn end(&self) {}
}

/// `learning rates of 3 of 12 cells are tuned`.
fn tuned(done: usize, cells: usize) -> String {
    let (done, cells) = (HumanCount(done as u64), HumanCount(cells as u64));
    format!("learning rates of {done} of {cells} cells are tuned")
}

/// `1,200 of 4,800 trials`.
fn trials(work: Work) -> String {
    format!("{} of {} trials", HumanCount(work.trials_done), HumanCount(work.trials))
}
