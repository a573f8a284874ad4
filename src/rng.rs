//! Random numbers: a counter-based generator with one stream for each use, and a pinned Gaussian.
//!
//! `stream(seed, digest, purpose, trial)` is ChaCha with 12 rounds (Bernstein 2008). Its 256-bit key
//! is the BLAKE3 hash of seed, digest and purpose; its 64-bit stream number is the trial. So a
//! trial's numbers depend on nothing else: not on the order of trials, on threads, or on the other
//! cells of a sweep.

use ndarray::Array2;
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

use crate::digest::Digest;

/// Name of the generator and the Gaussian, stored with every result.
pub const GENERATOR: &str = "ChaCha12 keyed by BLAKE3, Box-Muller with libm";

/// What random numbers are for; different purposes never share numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The initial weights of a trial.
    Init,
    /// The target.
    Target,
    /// The first vector of a Lanczos iteration.
    Lanczos,
    /// The noise of a perturbation, by its number in the trial.
    Perturbation(u64),
    /// Starts that are drawn and moved by multilevel splitting; the trial is the number of the run.
    Splitting,
}

impl Purpose {
    fn label(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Target => "target",
            Self::Lanczos => "lanczos",
            Self::Perturbation(_) => "perturbation",
            Self::Splitting => "splitting",
        }
    }
}

/// Where whatever is drawn takes its random numbers from.
pub trait Random {
    /// Uniform on `(0, 1)`.
    fn uniform(&mut self) -> f64;

    /// Standard normal.
    fn gaussian(&mut self) -> f64;

    /// `rows x cols` independent normals of standard deviation `std`, drawn row by row.
    fn gaussian_matrix(&mut self, rows: usize, cols: usize, std: f64) -> Array2<f64> {
        Array2::from_shape_simple_fn((rows, cols), || std * self.gaussian())
    }
}

/// The random numbers of one trial for one purpose.
#[derive(Debug, Clone)]
pub struct Stream {
    rng: ChaCha12Rng,
    /// Second half of the last Box-Muller pair.
    spare: Option<f64>,
}

/// All streams of one trial.
#[derive(Debug, Clone, Copy, Default)]
pub struct Source {
    /// The seed of the study.
    pub seed: u64,
    /// The digest of the cell.
    pub digest: Digest,
    /// The number of the trial.
    pub trial: u64,
}

impl Source {
    /// The stream for `purpose`.
    pub fn stream(&self, purpose: Purpose) -> Stream {
        stream(self.seed, &self.digest, purpose, self.trial)
    }
}

/// The stream of `trial` for `purpose` in the study with this `seed`, in the cell (or whatever else
/// the numbers belong to) with this `digest`.
pub fn stream(seed: u64, digest: &Digest, purpose: Purpose, trial: u64) -> Stream {
    let mut hasher = blake3::Hasher::new_derive_key("deeplin 2026 random stream v1");
    hasher.update(&seed.to_le_bytes());
    hasher.update(&digest.0);
    hasher.update(purpose.label().as_bytes());
    if let Purpose::Perturbation(count) = purpose {
        hasher.update(&count.to_le_bytes());
    }
    let mut rng = ChaCha12Rng::from_seed(*hasher.finalize().as_bytes());
    rng.set_stream(trial);
    Stream { rng, spare: None }
}

impl Stream {
    /// Uniform on `(0, 1)`: the 2^53 midpoints `(k + 1/2) 2^-53`, so never 0 and never 1.
    pub fn uniform(&mut self) -> f64 {
        let k = self.rng.next_u64() >> 11;
        // k + 1/2 needs 54 bits: scale first, both operations are then exact or correctly rounded.
        (k as f64) * 2f64.powi(-53) + 2f64.powi(-54)
    }

    /// Standard normal, by Box and Muller (1958): two uniforms give two normals, so the number of
    /// draws is fixed.
    pub fn gaussian(&mut self) -> f64 {
        if let Some(z) = self.spare.take() {
            return z;
        }
        let radius = (-2.0 * libm::log(self.uniform())).sqrt();
        let (sin, cos) = libm::sincos(2.0 * std::f64::consts::PI * self.uniform());
        self.spare = Some(radius * sin);
        radius * cos
    }

    /// `rows x cols` independent normals of standard deviation `std`, drawn row by row.
    pub fn gaussian_matrix(&mut self, rows: usize, cols: usize, std: f64) -> Array2<f64> {
        Random::gaussian_matrix(self, rows, cols, std)
    }
}

impl Random for Stream {
    fn uniform(&mut self) -> f64 {
        self.uniform()
    }

    fn gaussian(&mut self) -> f64 {
        self.gaussian()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest() -> Digest {
        Digest::of(b"cell")
    }

    /// Pinned bits: a change of any of them changes every stored result.
    #[test]
    fn known_answers() {
        let mut random = stream(2018, &digest(), Purpose::Init, 7);
        let uniforms: Vec<u64> = (0..3).map(|_| random.uniform().to_bits()).collect();
        let gaussians: Vec<u64> = (0..4).map(|_| random.gaussian().to_bits()).collect();
        assert_eq!(
            format!("{uniforms:x?}"),
            "[3fe4506062a7ca38, 3fe19337747d60b6, 3fd2e91b4ca18ff9]"
        );
        assert_eq!(
            format!("{gaussians:x?}"),
            "[3ff1fecb59e1f184, bfe972789c138245, 3fdfe2d896f4762a, bff658ffb8da7d30]"
        );
    }

    #[test]
    fn streams_differ_in_each_of_their_keys() {
        let first = |seed, digest: &[u8], purpose, trial| {
            stream(seed, &Digest::of(digest), purpose, trial).uniform()
        };
        let base = first(1, b"a", Purpose::Init, 0);
        assert_eq!(base, first(1, b"a", Purpose::Init, 0));
        for other in [
            first(2, b"a", Purpose::Init, 0),
            first(1, b"b", Purpose::Init, 0),
            first(1, b"a", Purpose::Target, 0),
            first(1, b"a", Purpose::Perturbation(0), 0),
            first(1, b"a", Purpose::Perturbation(1), 0),
            first(1, b"a", Purpose::Splitting, 0),
            first(1, b"a", Purpose::Init, 1),
        ] {
            assert_ne!(base, other);
        }
    }

    /// Moments of 1e6 draws, each bound five standard errors wide (false alarm 6e-7 each); fixed seed.
    #[test]
    fn gaussian_moments() {
        let mut random = stream(1, &digest(), Purpose::Init, 0);
        let n = 1e6;
        let mut sums = [0.0; 4];
        for _ in 0..n as usize {
            let z = random.gaussian();
            for (k, sum) in sums.iter_mut().enumerate() {
                *sum += z.powi(k as i32 + 1) / n;
            }
        }
        for (got, (mean, variance)) in
            sums.into_iter().zip([(0.0, 1.0), (1.0, 2.0), (0.0, 15.0), (3.0, 96.0)])
        {
            let bound = 5.0 * f64::sqrt(variance / n);
            assert!((got - mean).abs() < bound, "{got} is not {mean} within {bound}");
        }
    }

    /// Kolmogorov-Smirnov over 1e5 uniforms: the bound 2.4/sqrt(n) is passed wrongly with chance 2e-5.
    #[test]
    fn uniforms_are_uniform() {
        let mut random = stream(1, &digest(), Purpose::Target, 3);
        let mut draws: Vec<f64> = (0..100_000).map(|_| random.uniform()).collect();
        draws.sort_by(f64::total_cmp);
        let n = draws.len() as f64;
        let distance = draws
            .iter()
            .enumerate()
            .map(|(i, u)| ((i as f64 + 1.0) / n - u).max(u - i as f64 / n))
            .fold(0.0, f64::max);
        assert!(distance < 2.4 / n.sqrt(), "{distance}");
    }
}
