//! Tables of numbers from files: one format a file, rows in file order, a chunk at a time.

mod columns;
mod csv;
pub(crate) mod hdf5;
mod libsvm;
mod moments;
mod npy;
mod text;

use std::io::Read;
use std::path::{Path, PathBuf};

use ndarray::{Array2, ArrayView2, s};

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::foreign::file;

use self::columns::Columns;
pub use self::moments::{Moments, moments};

/// Most features, most labels, and most rows of a matrix: their second moments take 2 GiB.
pub const MAX_DIMENSION: usize = 16_384;

/// Rows read at a time. The sums of second moments are cut here, so it decides their last bits.
const CHUNK_ROWS: usize = 256;

/// Rows of a table, in file order.
trait Rows {
    /// Reads rows into `chunk` from its top and says how many; fewer than it holds only at the end
    /// of the file. Every number is finite, or it is an error.
    fn fill(&mut self, chunk: &mut Array2<f64>) -> Result<usize>;
}

/// Whether the first row of a CSV file names the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Header {
    /// It does.
    Present,
    /// It is a row of numbers as the others.
    Absent,
}

/// An opened table.
pub(crate) struct Table {
    path: PathBuf,
    columns: Columns,
    rows: Box<dyn Rows>,
}

impl Table {
    /// Opens a CSV, LIBSVM, NPY or HDF5 file; `dataset` names a dataset of the last.
    pub(crate) fn open(path: &Path, header: Header, dataset: Option<&str>) -> Result<Self> {
        let format = Format::of(path)?;
        if let (Some(name), true) = (dataset, format != Format::Hdf5) {
            let message = format!("`{name}` is to be read from it, but this is no HDF5 file");
            return Err(Error::data(path, message, None));
        }
        let (columns, rows) = match format {
            Format::Csv => csv::open(path, header)?,
            Format::Libsvm => libsvm::open(path)?,
            Format::Npy => npy::open(path)?,
            Format::Hdf5 => hdf5::open(path, dataset)?,
        };
        if !(1..=2 * MAX_DIMENSION).contains(&columns.len()) {
            return Err(impossible_columns(path, columns.len()));
        }
        Ok(Self { path: path.to_owned(), columns, rows })
    }

    /// Calls `use_chunk` with all rows, at most [`CHUNK_ROWS`] at a time, and counts them.
    ///
    /// # Errors
    /// If there is no row, a number is not finite, or reading fails.
    fn for_each_chunk(&mut self, mut use_chunk: impl FnMut(ArrayView2<'_, f64>)) -> Result<u64> {
        let mut chunk = Array2::zeros((CHUNK_ROWS, self.columns.len()));
        let mut total = 0;
        loop {
            let count = self.rows.fill(&mut chunk)?;
            if count == 0 {
                break;
            }
            use_chunk(chunk.slice(s![..count, ..]));
            total += count as u64;
        }
        match total {
            0 => Err(Error::data(&self.path, "there are no rows of data", None)),
            _ => Ok(total),
        }
    }

    /// The whole table as a matrix.
    ///
    /// # Errors
    /// If a dimension exceeds [`MAX_DIMENSION`] or reading fails.
    pub(crate) fn into_matrix(mut self) -> Result<Array2<f64>> {
        let columns = self.columns.len();
        let mut entries = Vec::new();
        let mut chunk = Array2::zeros((CHUNK_ROWS, columns));
        loop {
            let count = self.rows.fill(&mut chunk)?;
            entries.extend(chunk.slice(s![..count, ..]).iter());
            let rows = entries.len() / columns;
            if rows == 0 || rows > MAX_DIMENSION || columns > MAX_DIMENSION {
                let message = format!("a matrix has 1 to {MAX_DIMENSION} rows and columns");
                return Err(Error::data(&self.path, message, None));
            }
            if count < CHUNK_ROWS {
                let matrix = Array2::from_shape_vec((rows, columns), entries);
                return Ok(matrix.expect("whole rows were collected"));
            }
        }
    }
}

/// The error for a table without columns or with too many.
fn impossible_columns(path: &Path, count: usize) -> Error {
    let most = 2 * MAX_DIMENSION;
    Error::data(path, format!("{count} columns, from 1 to {most} are possible"), None)
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Libsvm,
    Npy,
    Hdf5,
}

impl Format {
    /// Binary formats are told by their first bytes, text by the ending of the name.
    fn of(path: &Path) -> Result<Self> {
        let mut start = Vec::new();
        let file = file::open(path).map_err(Error::storage("open", path))?;
        file.take(8).read_to_end(&mut start).map_err(Error::storage("read", path))?;
        if start.is_empty() {
            return Err(Error::data(path, "the file is empty", None));
        }
        if start.starts_with(npy::MAGIC) {
            return Ok(Self::Npy);
        }
        if start.starts_with(crate::foreign::hdf5::MAGIC) {
            return Ok(Self::Hdf5);
        }
        let name = path.to_string_lossy().to_ascii_lowercase();
        match name.trim_end_matches(".gz").rsplit('.').next() {
            Some("csv") => Ok(Self::Csv),
            Some("libsvm" | "svm" | "svmlight") => Ok(Self::Libsvm),
            _ => Err(Error::data(
                path,
                "the content is neither NPY nor HDF5, and the name does not say which text it is",
                Some("name text files .csv or .libsvm, with .gz after it if compressed".to_owned()),
            )),
        }
    }
}

/// The digest of the bytes of a file, as stored (compressed if it is).
pub(crate) fn digest(path: &Path) -> Result<Digest> {
    let file = file::open(path).map_err(Error::storage("open", path))?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file).map_err(Error::storage("read", path))?;
    Ok(Digest(*hasher.finalize().as_bytes()))
}

/// Refuses the first number that is not finite in `rows`, whose first is row `first` of the file.
fn check_finite(path: &Path, rows: &ArrayView2<'_, f64>, first: usize) -> Result<()> {
    match rows.indexed_iter().find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some(((row, column), value)) => {
            let row = first + row;
            let message =
                format!("row {row}, column {column} (counted from 0): {value} is not finite");
            Err(Error::data(path, message, Some("drop or fill in such rows first".to_owned())))
        }
    }
}

#[cfg(test)]
mod tests;
