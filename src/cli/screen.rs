//! The lines at the end of the terminal that are drawn over again and again.
//!
//! The cursor stays below them, where it can be seen, so that nothing is left to put right however the
//! process ends. What else is said on stderr goes above them.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use console::{Term, truncate_str};

/// Up so many lines, to their beginning; what follows in the line, and below it, is cleared.
fn up(lines: usize) -> String {
    if lines == 0 { "\r".to_owned() } else { format!("\r\x1b[{lines}A") }
}
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

/// What is drawn now.
static DRAWN: Mutex<Drawn> = Mutex::new(Drawn { lines: Vec::new() });

struct Drawn {
    lines: Vec<String>,
}

fn drawn() -> MutexGuard<'static, Drawn> {
    DRAWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether stderr can be drawn on.
pub(super) fn is_there() -> bool {
    io::stderr().is_terminal() && has_codes()
}

/// Whether the terminal, if it is one, understands codes.
fn has_codes() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term != "dumb" && !term.is_empty())
}

/// Whether what is said on a stream may have colours (<https://no-color.org>, <https://bixense.com/clicolors>).
pub(super) fn has_colors(stream: &impl IsTerminal) -> bool {
    let variable = |name| std::env::var(name).unwrap_or_default();
    stream.is_terminal()
        && has_codes()
        && variable("NO_COLOR").is_empty()
        && variable("CLICOLOR") != "0"
}

/// Text that stands out, where there are colours.
pub(super) fn bold(text: &str) -> String {
    styled("1", text)
}

/// Text that stands back.
pub(super) fn dim(text: &str) -> String {
    styled("2", text)
}

fn styled(code: &str, text: &str) -> String {
    match has_colors(&io::stderr()) {
        true => format!("\x1b[{code}m{text}\x1b[0m"),
        false => text.to_owned(),
    }
}

/// Columns and lines of the terminal.
pub(super) fn size() -> (usize, usize) {
    let (lines, columns) = Term::stderr().size();
    (usize::from(columns), usize::from(lines))
}

/// Draws these lines instead of what is there, at most as many as there is room for, each cut to the width
/// of the terminal. All goes out at once, so that nothing flickers.
pub(super) fn draw(lines: Vec<String>) {
    let (columns, rows) = size();
    let mut drawn = drawn();
    let mut frame = up(drawn.lines.len());
    drawn.lines = lines.into_iter().take(rows.saturating_sub(1)).collect();
    for line in &drawn.lines {
        // A line as long as the terminal is wide may go on in the next one.
        frame += &truncate_str(line, columns.saturating_sub(1), "…");
        frame += CLEAR_LINE;
        frame.push('\n');
    }
    frame += CLEAR_BELOW;
    write(frame.as_bytes());
}

/// Takes away what is drawn.
pub(super) fn clear() {
    clear_locked(&mut drawn());
}

fn clear_locked(drawn: &mut Drawn) {
    if !drawn.lines.is_empty() {
        write((up(drawn.lines.len()) + CLEAR_BELOW).as_bytes());
        drawn.lines.clear();
    }
}

/// Stderr, where nothing is drawn: what is, gives way, until it is drawn again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Above;

impl Write for Above {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut drawn = drawn();
        clear_locked(&mut drawn);
        io::stderr().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Nobody listening is not an error.
fn write(bytes: &[u8]) {
    let _ = io::stderr().lock().write_all(bytes);
}
