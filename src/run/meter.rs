//! How fast the workers of a process are, as they say themselves: while trials are on their way, and not
//! only when they have ended.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often a worker says what it has made: other workers say it in the same place.
const SAY_EVERY: Duration = Duration::from_millis(1);

/// What workers have made of one kind of work, and the time that they took for it.
#[derive(Debug, Default)]
pub(super) struct Meter {
    made: Sum,
    possible: Sum,
    seconds: Sum,
}

impl Meter {
    /// A worker has made so much in this time, in which so much was possible: all lanes of its kernel full.
    pub(super) fn add(&self, made: f64, possible: f64, time: Duration) {
        self.made.add(made);
        self.possible.add(possible);
        self.seconds.add(time.as_secs_f64());
    }

    /// What workers have said that they made; what each made since it said so last is missing.
    pub(super) fn made(&self) -> f64 {
        self.made.get()
    }

    /// Seconds that one worker takes for one if its kernel is full; `None` as long as nothing was made.
    pub(super) fn pace(&self) -> Option<f64> {
        let (possible, seconds) = (self.possible.get(), self.seconds.get());
        (possible > 0.0 && seconds > 0.0).then(|| seconds / possible)
    }
}

/// What one worker makes, which says so now and then.
pub(super) struct Teller<'a> {
    meter: &'a Meter,
    /// When it was said last, and what was made and possible since then.
    said: Instant,
    made: f64,
    possible: f64,
}

impl<'a> Teller<'a> {
    /// Nothing was made yet.
    pub(super) fn new(meter: &'a Meter) -> Self {
        Self { meter, said: Instant::now(), made: 0.0, possible: 0.0 }
    }

    /// A trial has begun. That is not said before some steps are made: they come much later.
    pub(super) fn begun(&mut self, operations: f64) {
        self.made += operations;
        self.possible += operations;
    }

    /// Steps were made.
    pub(super) fn stepped(&mut self, made: f64, possible: f64) {
        self.made += made;
        self.possible += possible;
        if self.said.elapsed() >= SAY_EVERY {
            self.say();
        }
    }

    /// Says what was made since it was said last.
    pub(super) fn say(&mut self) {
        let now = Instant::now();
        let [made, possible] = [&mut self.made, &mut self.possible].map(std::mem::take);
        self.meter.add(made, possible, now.duration_since(self.said));
        self.said = now;
    }
}

/// A sum to which all workers add.
#[derive(Debug, Default)]
struct Sum(AtomicU64);

impl Sum {
    fn add(&self, x: f64) {
        let sum = |bits| Some((f64::from_bits(bits) + x).to_bits());
        // It never gives up.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum);
    }

    fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
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
    fn the_pace_is_that_of_one_worker_with_a_full_kernel() {
        let meter = Meter::default();
        assert_eq!(meter.pace(), None);
        meter.add(30.0, 30.0, Duration::from_secs(2));
        meter.add(10.0, 50.0, Duration::from_secs(6));
        assert_eq!((meter.made(), meter.pace()), (40.0, Some(0.1)));
    }
}
