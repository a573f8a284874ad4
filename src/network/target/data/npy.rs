//! NumPy's array files (format versions 1 to 3): two-dimensional, real, row- or column-major.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use ndarray::{Array2, s};
use ndarray_npy::npy::header::{Header, Layout, ReadHeaderError};

use super::columns::Columns;
use super::{Rows, check_finite};
use crate::error::{Error, Result};
use crate::foreign::file;

/// First bytes of an NPY file.
pub(super) const MAGIC: &[u8] = b"\x93NUMPY";

/// Largest header that is read; NumPy's take 128 bytes.
const MAX_HEADER: u64 = 4096;

/// Most brackets of a header: the dictionary and the shape have one each.
const MAX_BRACKETS: usize = 8;

/// Opens an NPY file.
pub(super) fn open(path: &Path) -> Result<(Columns, Box<dyn Rows>)> {
    let file = file::open(path).map_err(Error::storage("open", path))?;
    let length = file.metadata().map_err(Error::storage("read", path))?.len();
    let mut reader = BufReader::new(file);
    check_head(path, &mut reader)?;
    let header = Header::from_reader(&mut reader).map_err(|e| match e {
        ReadHeaderError::Io(source) => Error::storage("read the header of", path)(source),
        ReadHeaderError::Parse(cause) => {
            Error::data(path, format!("the header is not NPY: {cause}"), None)
        }
    })?;
    let start = reader.stream_position().map_err(Error::storage("read", path))?;
    let &[rows, columns] = header.shape.as_slice() else {
        let message = format!("the array has shape {:?}, two dimensions are needed", header.shape);
        return Err(Error::data(path, message, None));
    };
    let descr = header.type_descriptor.to_string();
    let item = Item::named(descr.trim_matches('\'')).ok_or_else(|| {
        let help = "save it as float64, for instance with numpy.save(f, a.astype(\"f8\"))";
        let message = format!("entries of type {descr} are not supported");
        Error::data(path, message, Some(help.to_owned()))
    })?;
    let declared =
        [rows, columns, item.size].iter().try_fold(1_u64, |n, &k| n.checked_mul(k as u64));
    if declared != Some(length - start) || columns == 0 {
        let message = format!(
            "the header declares {rows} x {columns} entries of {} bytes, {} bytes follow it",
            item.size,
            length - start
        );
        return Err(Error::data(path, message, Some("write the file again".to_owned())));
    }
    let (path, column_major) = (path.to_owned(), header.layout == Layout::Fortran);
    let npy = Npy { path, reader, start, item, column_major, rows, columns, next: 0 };
    Ok((Columns::Numbered(columns), Box::new(npy)))
}

/// Refuses a header that its parser should not see, and goes back to the start of the file: the
/// parser believes any length, and recurses as deep as brackets are nested.
fn check_head(path: &Path, reader: &mut BufReader<File>) -> Result<()> {
    let unreadable = |e| Error::storage("read the header of", path)(e);
    let mut head = Vec::new();
    reader.take(MAX_HEADER).read_to_end(&mut head).map_err(unreadable)?;
    reader.rewind().map_err(unreadable)?;
    let length = match head.get(MAGIC.len()..) {
        Some(&[1, _, a, b, ..]) => 10 + usize::from(u16::from_le_bytes([a, b])),
        Some(&[_, _, a, b, c, d, ..]) => {
            12_usize.saturating_add(u32::from_le_bytes([a, b, c, d]) as usize)
        }
        _ => head.len(),
    };
    let text = &head[..length.min(head.len())];
    let brackets = text.iter().filter(|byte| b"([{".contains(byte)).count();
    if length as u64 > MAX_HEADER || brackets > MAX_BRACKETS {
        let help = "write the file again, for instance with numpy.save".to_owned();
        let message = "the header is not one of a plain array of numbers";
        return Err(Error::data(path, message, Some(help)));
    }
    Ok(())
}

struct Npy {
    path: PathBuf,
    reader: BufReader<File>,
    /// Where the entries begin, in bytes.
    start: u64,
    item: Item,
    column_major: bool,
    rows: usize,
    columns: usize,
    /// The first row not read yet.
    next: usize,
}

impl Rows for Npy {
    fn fill(&mut self, chunk: &mut Array2<f64>) -> Result<usize> {
        let count = chunk.nrows().min(self.rows - self.next);
        let mut read = chunk.slice_mut(s![..count, ..]);
        if self.column_major {
            for (j, column) in read.columns_mut().into_iter().enumerate() {
                self.read_run(j * self.rows + self.next, column.into_iter())?;
            }
        } else {
            self.read_run(self.next * self.columns, read.iter_mut())?;
        }
        check_finite(&self.path, &chunk.slice(s![..count, ..]), self.next)?;
        self.next += count;
        Ok(count)
    }
}

impl Npy {
    /// Reads consecutive entries, the first of them number `first` in the file.
    fn read_run<'a>(&mut self, first: usize, run: impl Iterator<Item = &'a mut f64>) -> Result<()> {
        let offset = self.start + (first * self.item.size) as u64;
        self.reader.seek(SeekFrom::Start(offset)).map_err(Error::storage("read", &self.path))?;
        let mut bytes = [0; 8];
        let bytes = &mut bytes[..self.item.size];
        for value in run {
            self.reader.read_exact(bytes).map_err(Error::storage("read", &self.path))?;
            *value = (self.item.decode)(bytes);
        }
        Ok(())
    }
}

/// A type of entries.
struct Item {
    /// Bytes.
    size: usize,
    decode: fn(&[u8]) -> f64,
}

impl Item {
    /// The type that NumPy describes so.
    #[expect(clippy::cast_lossless, reason = "one expression for every type of number")]
    fn named(descr: &str) -> Option<Self> {
        macro_rules! item {
            ($type:ty, $from_bytes:ident) => {
                Self {
                    size: size_of::<$type>(),
                    decode: |b| <$type>::$from_bytes(b.try_into().expect("one entry")) as f64,
                }
            };
        }
        Some(match descr {
            "|i1" => item!(i8, from_ne_bytes),
            "|u1" => item!(u8, from_ne_bytes),
            "<i2" => item!(i16, from_le_bytes),
            "<u2" => item!(u16, from_le_bytes),
            "<i4" => item!(i32, from_le_bytes),
            "<u4" => item!(u32, from_le_bytes),
            "<i8" => item!(i64, from_le_bytes),
            "<u8" => item!(u64, from_le_bytes),
            "<f4" => item!(f32, from_le_bytes),
            "<f8" => item!(f64, from_le_bytes),
            ">i2" => item!(i16, from_be_bytes),
            ">u2" => item!(u16, from_be_bytes),
            ">i4" => item!(i32, from_be_bytes),
            ">u4" => item!(u32, from_be_bytes),
            ">i8" => item!(i64, from_be_bytes),
            ">u8" => item!(u64, from_be_bytes),
            ">f4" => item!(f32, from_be_bytes),
            ">f8" => item!(f64, from_be_bytes),
            _ => return None,
        })
    }
}
