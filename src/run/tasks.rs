//! A study cut into tasks, each a process with workers of its own and its share of the blocks.

use std::time::Duration;

use serde::Serialize;

/// How a study is to be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Into so many tasks.
    Into(u64),
    /// Into tasks of about this length.
    Lasting(Duration),
}

impl Cut {
    /// The number of tasks for work of so many seconds in so many blocks: at least one, and if it is
    /// free to choose, at most a task for every block.
    pub(super) fn count(self, seconds: f64, blocks: u64) -> u64 {
        match self {
            Self::Into(count) => count.max(1),
            Self::Lasting(time) => {
                ((seconds / time.as_secs_f64()).ceil() as u64).clamp(1, blocks.max(1))
            }
        }
    }
}

/// What each of several tasks takes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tasks {
    /// How many.
    pub count: u64,
    /// Of these, the ones that have something to do.
    pub with_work: u64,
    /// Time of the longest if every trial runs to its step limit.
    pub seconds_at_most: f64,
    /// Time of the longest by what the pilot saw.
    pub seconds_likely: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_tasks() {
        let lasting = |seconds| Cut::Lasting(Duration::from_secs(seconds));
        assert_eq!(Cut::Into(7).count(1e9, 3), 7);
        assert_eq!(lasting(3600).count(36_000.0, 1000), 10);
        assert_eq!(lasting(3600).count(36_001.0, 1000), 11);
        assert_eq!(lasting(3600).count(1.0, 1000), 1);
        assert_eq!(lasting(1).count(1e6, 1000), 1000, "a block is not cut");
    }
}
