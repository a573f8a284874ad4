//! A dataset that is written chunk by chunk, in the order of its values.

use std::ops::Range;

use hdf5::{Dataset, H5Type};
use rayon::prelude::*;

use super::{filter, unbound};

/// Bytes of a chunk before compression, at most.
const CHUNK_BYTES: usize = 256 * 1024;

/// A number that datasets hold.
pub trait Item: H5Type + Copy {
    /// Appends its bytes as this machine has them, which is how files hold them too.
    fn append(self, bytes: &mut Vec<u8>);
}

macro_rules! items {
    ($($number:ty)+) => {
        $(impl Item for $number {
            fn append(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_ne_bytes());
            }
        })+
    };
}

items!(i8 i32 i64 f64);

/// A dataset of numbers under construction. Values are appended, packed into chunks, and written,
/// each step as often as one likes.
pub struct Column {
    dataset: Dataset,
    grid: Grid,
    item: usize,
    /// The bytes of values that make no whole chunk yet.
    loose: Vec<u8>,
    /// Chunks that are packed and not written, the first of them number `written`.
    packed: Vec<Vec<u8>>,
    written: usize,
}

impl Column {
    /// The column of an empty dataset of items of `item` bytes on this grid.
    pub(super) fn new(dataset: Dataset, grid: Grid, item: usize) -> Self {
        Self { dataset, grid, item, loose: Vec::new(), packed: Vec::new(), written: 0 }
    }

    /// Appends values, of the type of the dataset.
    pub fn extend<T: Item>(&mut self, values: impl IntoIterator<Item = T>) {
        assert_eq!(size_of::<T>(), self.item, "values of the type of the dataset");
        for value in values {
            value.append(&mut self.loose);
        }
    }

    /// Whether there is something to pack.
    pub fn has_chunk(&self) -> bool {
        self.whole_chunks().next().is_some()
    }

    /// Packs what makes whole chunks, on all processors.
    pub fn pack(&mut self) {
        let ranges: Vec<Range<usize>> = self.whole_chunks().collect();
        let whole = self.item * self.grid.volume();
        let pack = |range: &Range<usize>| {
            let values = &self.loose[range.clone()];
            if self.grid.is_scalar() {
                values.to_vec()
            } else if values.len() == whole {
                filter::pack(values, self.item)
            } else {
                // The chunks at the end of an axis are stored as large as the others.
                let mut values = values.to_vec();
                values.resize(whole, 0);
                filter::pack(&values, self.item)
            }
        };
        let packed: Vec<Vec<u8>> = ranges.par_iter().map(pack).collect();
        self.packed.extend(packed);
        self.loose.drain(..ranges.last().map_or(0, |range| range.end));
    }

    /// Where the next chunks are in the loose bytes.
    fn whole_chunks(&self) -> impl Iterator<Item = Range<usize>> {
        let next = self.written + self.packed.len();
        let sizes = (next..self.grid.chunks()).map(|number| self.item * self.grid.values(number));
        let ranges = sizes.scan(0, |from, size| {
            let start = *from;
            *from += size;
            Some(start..*from)
        });
        ranges.take_while(|range| range.end <= self.loose.len())
    }

    /// Writes what is packed.
    ///
    /// # Errors
    /// If HDF5 fails.
    pub fn write(&mut self) -> hdf5::Result<()> {
        for packed in self.packed.drain(..) {
            if self.grid.is_scalar() {
                unbound::write_scalar(&self.dataset, &packed)?;
            } else {
                unbound::write_chunk(&self.dataset, &self.grid.offset(self.written), &packed)?;
            }
            self.written += 1;
        }
        Ok(())
    }

    /// Packs and writes the rest.
    ///
    /// # Errors
    /// If HDF5 fails, or the values are not as many as the dataset has.
    pub fn finish(mut self) -> hdf5::Result<()> {
        self.pack();
        self.write()?;
        if self.written == self.grid.chunks() && self.loose.is_empty() {
            return Ok(());
        }
        let (name, shape) = (self.dataset.name(), &self.grid.shape);
        Err(format!("{name} of shape {shape:?} got another number of values").into())
    }
}

/// How the values of an array are cut into chunks: each is a range of them in row-major order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grid {
    shape: Vec<usize>,
    /// Shape of a chunk: 1 before `axis`, everything behind it.
    chunk: Vec<usize>,
    /// The axis that is cut; 0 for a scalar, which has none and is one chunk.
    axis: usize,
}

impl Grid {
    /// Chunks for an array of this shape and of items of `size` bytes: whole trailing axes while they
    /// fit, then equal shares of the first one that does not.
    pub(super) fn new(shape: &[usize], size: usize) -> Self {
        Self::of_volume(shape, (CHUNK_BYTES / size).max(1))
    }

    /// Chunks of at most `room` values for an array of this shape.
    pub(super) fn of_volume(shape: &[usize], mut room: usize) -> Self {
        let mut chunk = vec![1; shape.len()];
        let mut axis = shape.len();
        for (share, &length) in chunk.iter_mut().zip(shape).rev() {
            let length = length.max(1);
            *share = length.div_ceil(length.div_ceil(room));
            room /= *share;
            axis -= 1;
            if *share < length {
                break;
            }
        }
        Self { shape: shape.to_vec(), chunk, axis }
    }

    /// Whether the array is one value without axes, which HDF5 cannot chunk.
    pub(super) fn is_scalar(&self) -> bool {
        self.shape.is_empty()
    }

    /// Shape of a chunk.
    pub(super) fn chunk(&self) -> &[usize] {
        &self.chunk
    }

    /// Values that a chunk has room for.
    fn volume(&self) -> usize {
        self.chunk.iter().product()
    }

    /// Chunks along the axis that is cut.
    fn along(&self) -> usize {
        self.shape.get(self.axis).map_or(1, |length| length.div_ceil(self.chunk[self.axis]))
    }

    /// Number of chunks.
    pub(super) fn chunks(&self) -> usize {
        match self.shape.contains(&0) {
            true => 0,
            false => self.shape[..self.axis].iter().product::<usize>() * self.along(),
        }
    }

    /// Values of the array in a chunk.
    pub(super) fn values(&self, number: usize) -> usize {
        let Some(&length) = self.shape.get(self.axis) else { return 1 };
        let start = number % self.along() * self.chunk[self.axis];
        let share = self.chunk[self.axis].min(length - start);
        share * self.shape[self.axis + 1..].iter().product::<usize>()
    }

    /// The indices of the array in a chunk, along each axis.
    pub(super) fn indices(&self, number: usize) -> Vec<Range<usize>> {
        let (offset, lengths) = (self.offset(number), self.shape.iter().zip(&self.chunk));
        let range = |(first, (&length, &share)): (u64, (&usize, &usize))| {
            first as usize..length.min(first as usize + share)
        };
        offset.into_iter().zip(lengths).map(range).collect()
    }

    /// Index of the first value of a chunk.
    fn offset(&self, number: usize) -> Vec<u64> {
        let mut offset = vec![0; self.shape.len()];
        if self.is_scalar() {
            return offset;
        }
        offset[self.axis] = (number % self.along() * self.chunk[self.axis]) as u64;
        let mut rest = number / self.along();
        for (index, &length) in offset[..self.axis].iter_mut().zip(&self.shape[..self.axis]).rev() {
            *index = (rest % length) as u64;
            rest /= length;
        }
        offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_gather_trailing_axes() {
        let cases: [(&[usize], usize, &[usize]); 5] = [
            (&[5], 8, &[5]),
            (&[12, 3, 1000], 8, &[6, 3, 1000]),
            (&[4, 20_000], 8, &[1, 20_000]),
            (&[2, 33_000], 8, &[1, 16_500]),
            (&[1_000_000], 1, &[250_000]),
        ];
        for (shape, size, chunk) in cases {
            assert_eq!(Grid::new(shape, size).chunk(), chunk, "{shape:?}");
        }
    }

    #[test]
    fn a_chunk_never_exceeds_its_array_nor_the_limit() {
        for shape in [[1, 1, 1], [7, 1, 40_000], [1000, 1000, 1], [3, 262_145, 2]] {
            let grid = Grid::new(&shape, 8);
            assert!(grid.chunk().iter().zip(&shape).all(|(c, n)| c <= n && *c > 0));
            assert!(grid.volume() * 8 <= CHUNK_BYTES);
        }
    }

    /// Every chunk begins where the ones before it end.
    #[test]
    fn chunks_are_ranges_in_row_major_order() {
        let shapes: [&[usize]; 7] =
            [&[0], &[3, 0], &[1], &[100_000], &[5, 3, 1000], &[100, 3, 1000], &[2, 3, 70_001]];
        for shape in shapes {
            let grid = Grid::new(shape, 8);
            let mut next = 0;
            for number in 0..grid.chunks() {
                let offset = grid.offset(number);
                let start = offset.iter().zip(shape).fold(0, |i, (&o, &n)| i * n + o as usize);
                assert_eq!(start, next, "chunk {number} of {shape:?}");
                assert!(
                    offset.iter().zip(&grid.chunk).all(|(&o, &c)| (o as usize).is_multiple_of(c))
                );
                next += grid.values(number);
            }
            assert_eq!(next, shape.iter().product::<usize>(), "{shape:?}");
        }
    }
}
