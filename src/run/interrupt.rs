//! Requests to stop: signals and a limit of wall time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXFSZ};
use signal_hook::flag;

/// The exit status of a run that was stopped early: run again to continue.
pub const STOPPED: u8 = 75;

/// Raised when the run has to end soon.
#[derive(Debug, Clone)]
pub struct Interrupt {
    flag: Arc<AtomicBool>,
    deadline: Option<Instant>,
}

impl Interrupt {
    /// One that only a deadline or [`raise`](Self::raise) raises.
    pub fn new(max_time: Option<Duration>) -> Self {
        let deadline = max_time.and_then(|time| Instant::now().checked_add(time));
        Self { flag: Arc::new(AtomicBool::new(false)), deadline }
    }

    /// One that TERM, INT, USR1 and USR2 raise too; a second INT ends the process at once, which is
    /// safe because files appear whole or not at all.
    ///
    /// # Errors
    /// If the operating system refuses the handlers.
    pub fn on_signals(max_time: Option<Duration>) -> std::io::Result<Self> {
        let interrupt = Self::new(max_time);
        flag::register_conditional_shutdown(
            SIGINT,
            i32::from(STOPPED),
            Arc::clone(&interrupt.flag),
        )?;
        for signal in [SIGTERM, SIGINT, SIGUSR1, SIGUSR2] {
            flag::register(signal, Arc::clone(&interrupt.flag))?;
        }
        Ok(interrupt)
    }

    /// Asks the run to end.
    pub fn raise(&self) {
        self.flag.store(true, Ordering::Relaxed);
    }

    /// Whether the run has to end; looks at the clock.
    pub fn raised(&self) -> bool {
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            self.raise();
        }
        self.flag.load(Ordering::Relaxed)
    }

    /// The bare flag, for loops that only need to look at it.
    pub fn flag(&self) -> &AtomicBool {
        &self.flag
    }
}

/// Lets a write beyond the limit for the size of files (`ulimit -f`) fail with an error, which says so
/// and ends the run as it should, where the system would kill the process.
///
/// # Errors
/// If the operating system refuses the handler.
pub fn outlive_file_size_limit() -> std::io::Result<()> {
    flag::register(SIGXFSZ, Arc::default()).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_raises_it() {
        assert!(!Interrupt::new(None).raised());
        assert!(!Interrupt::new(Some(Duration::from_secs(3600))).raised());
        let late = Interrupt::new(Some(Duration::ZERO));
        assert!(!late.flag().load(Ordering::Relaxed));
        assert!(late.raised() && late.flag().load(Ordering::Relaxed));
    }
}
