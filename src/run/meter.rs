//! How fast the workers of a process are, as they say themselves: while trials are on their way, and not
//! only when they have ended.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What workers have made of one kind of work, and the time that they took for it.
#[derive(Debug, Default)]
pub(super) struct Meter {
    made: AtomicU64,
    nanoseconds: AtomicU64,
}

impl Meter {
    /// A worker has made so much in this time.
    pub(super) fn add(&self, made: f64, time: Duration) {
        // Their sums hold for centuries of many workers.
        self.made.fetch_add(made as u64, Ordering::Relaxed);
        self.nanoseconds.fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
    }

    /// All that was made.
    pub(super) fn made(&self) -> f64 {
        self.made.load(Ordering::Relaxed) as f64
    }

    /// Seconds that one worker takes for one; `None` as long as nothing was made.
    pub(super) fn pace(&self) -> Option<f64> {
        let made = self.made();
        let seconds = self.nanoseconds.load(Ordering::Relaxed) as f64 / 1e9;
        (made > 0.0 && seconds > 0.0).then(|| seconds / made)
    }
}

/// Those of a process, from its first trial to its last.
#[derive(Debug, Default)]
pub(super) struct Meters {
    /// Of the trials of blocks, in operations.
    pub(super) trials: Meter,
    /// Of trials that are recorded, in nanoseconds by the guess.
    pub(super) recordings: Meter,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_that_of_one_worker() {
        let meter = Meter::default();
        assert_eq!(meter.pace(), None);
        meter.add(30.0, Duration::from_secs(2));
        meter.add(10.0, Duration::from_secs(6));
        assert_eq!((meter.made(), meter.pace()), (40.0, Some(0.2)));
    }
}
