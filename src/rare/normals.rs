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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config;
    use crate::rng::{Purpose, stream};

    /// Writes the normals of a stream down as it gives them.
    struct Written(Stream, Vec<f64>);

    impl Random for Written {
        fn uniform(&mut self) -> f64 {
            unreachable!("these laws are made of normals")
        }

        fn gaussian(&mut self) -> f64 {
            let normal = self.0.gaussian();
            self.1.push(normal);
            normal
        }
    }

    fn with_starts(text: &str, check: impl Fn(&Starts<'_>, Stream)) {
        let network = "[network]\ninput = 3\nhidden = 4\noutput = 2\ndepth = 3\n";
        let study = config::parse("x", &format!("{network}{text}"), &[], Path::new(".")).unwrap();
        let cell = &study.cells[0];
        check(&Starts::new(1, cell), stream(1, &cell.digest, Purpose::Splitting, 0));
    }

    #[test]
    fn the_normals_of_a_stream_give_its_start() {
        let (weights, drawn) = (12 + 16 + 8, "[target]\ndraw = \"trial\"\nkind = ");
        for (text, count) in [
            ("[init]\nkind = \"gaussian\"", weights),
            ("[init]\nkind = \"xavier\"", weights),
            ("[init]\nkind = \"he\"", weights),
            ("[init]\nkind = \"orthogonal\"", weights),
            ("[init]\nkind = \"identity\"\nnoise = 0.1", weights),
            ("[init]\nkind = \"balanced\"", 6),
            ("[init]\nkind = \"balanced\"\nrotate = true", 6 + 2 * 16),
            ("[init]\nkind = \"zas\"", 0),
            (&format!("{drawn}\"gaussian\"\n[init]\nkind = \"zas\""), 6),
            (&format!("{drawn}\"spectrum\"\nsingular_values = [2, 1]"), 4 + 6 + weights),
        ] {
            with_starts(text, |starts, random| {
                assert_eq!(super::count(starts, random.clone()), count, "{text}");
                let mut written = Written(random, vec![]);
                let (first, normals) = (starts.start_from(&mut written), written.1);
                assert_eq!(normals.len(), count, "{text}");
                let second = starts.start_from(&mut Given::new(&normals));
                assert_eq!(first.weights, second.weights, "{text}");
                assert_eq!(first.problem.phi, second.problem.phi, "{text}");
            });
        }
    }

    #[test]
    fn uniform_entries_are_the_distribution_function_of_normals() {
        with_starts("[init]\nkind = \"uniform\"\nbound = 2", |starts, random| {
            assert_eq!(count(starts, random), 36);
            let normals: Vec<f64> = (0..36).map(|k| 0.1 * f64::from(k) - 1.8).collect();
            let start = starts.start_from(&mut Given::new(&normals));
            for (w, &normal) in start.weights.as_slice().iter().zip(&normals) {
                assert_eq!(*w, 2.0 * (2.0 * normal::cdf(normal) - 1.0));
            }
        });
    }
}
