//! A start as a function of independent standard normals, by which it can be moved a little.

use std::slice;

use crate::rng::{Random, Stream};
use crate::start::Starts;
use crate::stats::normal;

/// How many normals a start takes; every start of a cell takes as many. 0 if none of it is random.
pub(super) fn count(starts: &Starts<'_>, stream: Stream) -> usize {
    let mut counted = Counted { stream, count: 0 };
    starts.start_from(&mut counted);
    counted.count
}

/// Gives the numbers of a stream and counts them.
struct Counted {
    stream: Stream,
    count: usize,
}

impl Random for Counted {
    fn uniform(&mut self) -> f64 {
        self.count += 1;
        self.stream.uniform()
    }

    fn gaussian(&mut self) -> f64 {
        self.count += 1;
        self.stream.gaussian()
    }
}

/// Gives these normals one after the other; a uniform number is the distribution function of one.
pub(super) struct Given<'a>(slice::Iter<'a, f64>);

impl<'a> Given<'a> {
    pub(super) fn new(normals: &'a [f64]) -> Self {
        Self(normals.iter())
    }
}

impl Random for Given<'_> {
    fn uniform(&mut self) -> f64 {
        normal::cdf(self.gaussian())
    }

    fn gaussian(&mut self) -> f64 {
        *self.0.next().expect("every start of a cell takes as many numbers")
    }
}
