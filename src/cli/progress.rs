//! Progress of a run: a table of its cells on a terminal, a plain line now and then elsewhere.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::HumanCount;

use super::{output, screen};
use crate::report::format::{duration, significant};
use crate::report::standing::{LEGEND, Standing, Trials};
use crate::run::work::{Outlook, Work};
use crate::run::{Progress, Silent};

/// Time between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// Time between two pictures of the table, at least; and in parts of what drawing one takes, so that the
/// run, which waits for it, is not slowed; and at most, since it may have been the terminal that waited.
const DRAW_EVERY: Duration = Duration::from_millis(200);
const DRAW_PART: u32 = 50;
const DRAW_AT_LEAST_EVERY: Duration = Duration::from_secs(5);
/// Time over which throughput is measured, and between two looks at it.
const WINDOW: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Width of a terminal from which it has room for a bar, and the bar's.
const WIDE: usize = 110;
const BAR: usize = 24;
/// Lines of the screen besides those of cells: progress, header, how many are hidden, legend, cursor.
const OTHER_LINES: usize = 5;

/// Says something now and then.
pub(super) struct Pace {
    said: Mutex<Instant>,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { said: Mutex::new(Instant::now()) }
    }

    /// Says it if the last time is long enough ago.
    pub(super) fn say(&self, text: impl FnOnce() -> String) {
        let Ok(mut said) = self.said.lock() else { return };
        if said.elapsed() >= LINE_EVERY {
            *said = Instant::now();
            output::say(&text());
        }
    }
}

/// What a run shows of its progress.
pub(super) fn display() -> Box<dyn Progress> {
    if output::is_quiet() {
        Box::new(Silent)
    } else if screen::is_there() {
        Box::new(Live(Mutex::default()))
    } else {
        Box::new(Lines(Mutex::default()))
    }
}

/// How much was done by when: what throughput is told by.
pub(super) struct Throughput<const N: usize> {
    window: Duration,
    looks: VecDeque<(Instant, [f64; N])>,
}

impl<const N: usize> Default for Throughput<N> {
    fn default() -> Self {
        Self::over(WINDOW)
    }
}

impl<const N: usize> Throughput<N> {
    /// Measured over so long a time, once there is as much.
    pub(super) fn over(window: Duration) -> Self {
        Self { window, looks: VecDeque::new() }
    }

    /// How much a second it was lately, now that so much of each kind is done; `None` as long as there is nothing
    /// of the first kind to tell it by.
    pub(super) fn look(&mut self, done: [f64; N]) -> Option<[f64; N]> {
        let now = Instant::now();
        if self.looks.back().is_none_or(|(last, _)| now.duration_since(*last) >= LOOK_EVERY) {
            self.looks.push_back((now, done));
        }
        let is_old = |(next, _): &(Instant, [f64; N])| now.duration_since(*next) >= self.window;
        while self.looks.len() > 2 && self.looks.get(1).is_some_and(is_old) {
            self.looks.pop_front();
        }
        let &(begin, before) = self.looks.front()?;
        let seconds = now.duration_since(begin).as_secs_f64();
        let since = |kind: usize| (done[kind] - before[kind]).max(0.0) / seconds;
        (done[0] > before[0] && seconds > 0.0).then(|| std::array::from_fn(since))
    }
}

/// `35 trials/s, 348,000 steps/s`.
pub(super) fn rate(trials: f64, steps: f64) -> String {
    let rounded = |x: f64| {
        let text = significant(x, 3);
        text.parse().map_or(text, |whole| HumanCount(whole).to_string())
    };
    format!("{} trials/s, {} steps/s", rounded(trials), rounded(steps))
}

/// A table that is drawn over again.
struct Live(Mutex<Picture>);

#[derive(Default)]
struct Picture {
    throughput: Throughput<2>,
    /// Not before this time is the next one drawn.
    next: Option<Instant>,
}

impl Live {
    /// Draws what `lines` says, if it is time.
    fn draw(&self, is_due: bool, lines: impl FnOnce(&mut Throughput<2>) -> Vec<String>) {
        let Ok(mut picture) = self.0.lock() else { return };
        let begin = Instant::now();
        if is_due || picture.next.is_none_or(|next| begin >= next) {
            screen::draw(lines(&mut picture.throughput));
            let pause = (DRAW_PART * begin.elapsed()).clamp(DRAW_EVERY, DRAW_AT_LEAST_EVERY);
            picture.next = Some(Instant::now() + pause);
        }
    }
}

impl Progress for Live {
    fn begin(&self, work: &Work) {
        // Rounds may follow each other fast.
        self.draw(false, |throughput| picture(work, throughput));
    }

    fn tuning(&self, done: usize, cells: usize) {
        self.draw(done == 0 || done == cells, |_| vec![tuned(done, cells)]);
    }

    fn update(&self, work: &Work) {
        self.draw(false, |throughput| picture(work, throughput));
    }

    fn end(&self) {
        screen::clear();
    }
}

/// The lines of a picture.
fn picture(work: &Work, throughput: &mut Throughput<2>) -> Vec<String> {
    let (columns, lines) = screen::size();
    let outlook = work.outlook();
    let mut first = String::new();
    if columns >= WIDE {
        let filled = (outlook.fraction * BAR as f64) as usize;
        first = format!("{}{} ", "█".repeat(filled), "░".repeat(BAR - filled));
    }
    let percent = 100.0 * outlook.fraction.min(0.99);
    let of = of_what(work);
    first += &format!("{percent:.0} %{of}  {}", sentence(work, &outlook, throughput));
    let standing = Standing {
        axes: &work.axes,
        intervals: work.intervals,
        cells: work.cells.len(),
        counted: &|cell| work.counts(cell),
        trials: &|cell| of_cell(work, cell),
    };
    let mut picture = vec![first];
    picture.extend(cells(&standing, columns, lines));
    let whole = work.share.is_whole();
    let legend = if whole { LEGEND } else { &format!("{LEGEND} All of this part.") };
    picture.push(screen::dim(legend));
    picture
}

/// What a percentage is of, where it is not the whole.
fn of_what(work: &Work) -> &'static str {
    if work.is_foreseen { "" } else { " of this round" }
}

/// The lines of a table of cells, on a terminal of this size.
pub(super) fn cells(standing: &Standing<'_>, columns: usize, lines: usize) -> Vec<String> {
    let table = standing.table(columns, lines.saturating_sub(OTHER_LINES));
    let mut cells = vec![screen::bold(&table.header)];
    cells.extend(table.rows);
    if table.hidden > 0 {
        let word = if table.hidden == 1 { "cell" } else { "cells" };
        cells.push(format!("... and {} {word} more", HumanCount(table.hidden as u64)));
    }
    cells
}

fn of_cell(work: &Work, cell: usize) -> Trials {
    let cell = &work.cells[cell];
    Trials { done: cell.trials - cell.left, of: Some(cell.trials) }
}

/// `1,200 of 4,800 trials, left about 2 min 3 s, elapsed 34 s, 35 trials/s, 1.2e6 steps/s`.
fn sentence(work: &Work, outlook: &Outlook, throughput: &mut Throughput<2>) -> String {
    let mut parts = vec![trials(work)];
    if let Some(seconds) = outlook.seconds_left {
        let about = if outlook.is_bound { "at most about" } else { "about" };
        parts.push(format!("left{} {about} {}", of_what(work), duration(seconds)));
    }
    parts.push(format!("elapsed {}", duration(work.elapsed().as_secs_f64())));
    let look = throughput.look(done(work)).filter(|_| work.left() > 0);
    parts.extend(look.map(|[trials, steps]| rate(trials, steps)));
    parts.join(", ")
}

/// A line every ten seconds: what a log file of a cluster job can hold.
struct Lines(Mutex<Said>);

#[derive(Default)]
struct Said {
    /// Whether it was said that trials begin.
    begun: bool,
    last: Option<Instant>,
    throughput: Throughput<2>,
}

impl Said {
    /// Whether it is time for a line, which is then said.
    fn is_due(&mut self) -> bool {
        let is_due = self.last.is_none_or(|last| last.elapsed() >= LINE_EVERY);
        if is_due {
            self.last = Some(Instant::now());
        }
        is_due
    }
}

impl Progress for Lines {
    fn begin(&self, work: &Work) {
        let Ok(mut said) = self.0.lock() else { return };
        said.throughput.look(done(work));
        // Rounds may follow each other fast.
        let is_first = !std::mem::replace(&mut said.begun, true);
        if said.is_due() || is_first {
            output::say(&format!("begin: {}", trials(work)));
        }
    }

    fn tuning(&self, done: usize, cells: usize) {
        let Ok(mut said) = self.0.lock() else { return };
        if said.is_due() || done == 0 || done == cells {
            output::say(&tuned(done, cells));
        }
    }

    fn update(&self, work: &Work) {
        let Ok(mut said) = self.0.lock() else { return };
        if said.is_due() {
            let outlook = work.outlook();
            let sentence = sentence(work, &outlook, &mut said.throughput);
            let of = if work.is_foreseen { " of the work" } else { of_what(work) };
            output::say(&format!("{:.1} %{of}: {sentence}", 100.0 * outlook.fraction));
        }
    }

    fn end(&self) {}
}

/// `learning rates of 3 of 12 cells are tuned`.
fn tuned(done: usize, cells: usize) -> String {
    let (done, cells) = (HumanCount(done as u64), HumanCount(cells as u64));
    format!("learning rates of {done} of {cells} cells are tuned")
}

/// Trials and steps that this process has made.
fn done(work: &Work) -> [f64; 2] {
    let done = work.done();
    [done.trials as f64, done.steps as f64]
}

/// `1,200 of 4,800 trials, 3 of 16 trajectories`.
fn trials(work: &Work) -> String {
    let of = |all: u64, left: u64| format!("{} of {}", HumanCount(all - left), HumanCount(all));
    let round = if work.is_adaptive { " of this round" } else { "" };
    let trials = format!("{} trials{round}", of(work.trials(), work.left()));
    match work.recordings() {
        0 => trials,
        all => format!("{trials}, {} trajectories", of(all, work.recordings_left())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_grouped_as_counts_are() {
        assert_eq!(rate(34.56, 348_123.0), "34.6 trials/s, 348,000 steps/s");
        assert_eq!(rate(1234.0, 1.2345e7), "1,230 trials/s, 1.23e7 steps/s");
    }
}
