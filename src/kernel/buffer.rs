//! Memory of kernels: numbers that begin at a cache line.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use super::real::Real;

/// A cache line.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// A slice of numbers on the heap, aligned to cache lines, zero at first.
#[derive(Debug, Clone)]
pub(super) struct Buffer<T> {
    lines: Vec<Line>,
    len: usize,
    numbers: PhantomData<T>,
}

impl<T: Real> Buffer<T> {
    /// `len` zeros.
    pub(super) fn zeros(len: usize) -> Self {
        let lines = vec![Line([0; 64]); len.div_ceil(T::LINE)];
        Self { lines, len, numbers: PhantomData }
    }
}

impl<T: Real> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: the lines hold at least `len` numbers and are aligned for them; every pattern of bits
        // is a number of the two formats that `Real` has.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl<T: Real> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_on_cache_lines() {
        for len in [0, 1, 8, 17] {
            let mut buffer = Buffer::<f32>::zeros(len);
            assert_eq!((buffer.len(), buffer.as_ptr() as usize % 64), (len, 0));
            assert!(buffer.iter().all(|&x| x == 0.0));
            buffer.fill(1.5);
            assert!(buffer.clone().iter().all(|&x| x == 1.5));
        }
    }
}
