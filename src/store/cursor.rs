//! The bytes of a stored file that are still to be read.

/// The bytes end before what should be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooShort;

impl From<TooShort> for String {
    fn from(TooShort: TooShort) -> Self {
        "it ends too early".into()
    }
}

/// Reads numbers, little-endian, one after another. Never panics, and allocates no more than there is.
#[derive(Debug)]
pub(super) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    /// At the beginning of `bytes`.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether nothing is left.
    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of bytes that are left.
    pub(super) fn left(&self) -> usize {
        self.0.len()
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], TooShort> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(TooShort)?;
        self.0 = rest;
        Ok(taken)
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], TooShort> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(TooShort)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// The next two bytes, as a number.
    pub(super) fn u16(&mut self) -> Result<u16, TooShort> {
        self.array().map(u16::from_le_bytes)
    }

    /// The next four bytes, as a number.
    pub(super) fn u32(&mut self) -> Result<u32, TooShort> {
        self.array().map(u32::from_le_bytes)
    }

    /// The next eight bytes, as a number.
    pub(super) fn u64(&mut self) -> Result<u64, TooShort> {
        self.array().map(u64::from_le_bytes)
    }

    /// A count, and as many numbers of eight bytes.
    pub(super) fn list<T>(&mut self, from: impl Fn([u8; 8]) -> T) -> Result<Vec<T>, TooShort> {
        let count = usize::try_from(self.u64()?).map_err(|_| TooShort)?;
        let bytes = self.take(count.checked_mul(8).ok_or(TooShort)?)?;
        let (numbers, _) = bytes.as_chunks();
        Ok(numbers.iter().map(|bytes| from(*bytes)).collect())
    }
}
