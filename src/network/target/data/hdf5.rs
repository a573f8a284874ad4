//! Two-dimensional numeric datasets of HDF5 files.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use hdf5::Dataset;
use hdf5::types::TypeDescriptor;
use ndarray::{Array2, s};

use super::columns::Columns;
use super::{CHUNK_ROWS, MAX_DIMENSION, Rows, check_finite, impossible_columns};
use crate::error::{Error, Result};
use crate::foreign::Refusal;
use crate::foreign::apart::{Apart, Reply};
use crate::foreign::hdf5::{Hdf5, list};

/// Opens a dataset; without a name it is the only member of the root group. The program reads it in
/// a process of its own.
pub(super) fn open(path: &Path, dataset: Option<&str>) -> Result<(Columns, Box<dyn Rows>)> {
    let mut arguments = vec![OsStr::new("table")];
    let named = dataset.map(|name| format!("--dataset={name}"));
    arguments.extend(named.as_ref().map(OsStr::new));
    let Some(apart) = Apart::start(&arguments, path) else {
        let (columns, rows) = open_here(path, dataset)?;
        return Ok((Columns::Numbered(columns), Box::new(rows)));
    };
    let mut rows = Received { path: path.to_owned(), apart: apart.map_err(|e| refused(path, e))? };
    let head = rows.next()?.unwrap_or_default();
    let columns = <[u8; 8]>::try_from(head).map_err(|_| nonsense(path))?;
    Ok((Columns::Numbered(u64::from_le_bytes(columns) as usize), Box::new(rows)))
}

/// What a process of the program reads for another: the number of columns, then the rows.
pub(crate) fn send(path: &Path, dataset: Option<&str>, reply: &mut Reply<'_>) -> Result<()> {
    let (columns, mut rows) = open_here(path, dataset)?;
    let unsaid = |e| Error::storage("hand on", path)(e);
    reply.content(&(columns as u64).to_le_bytes()).map_err(unsaid)?;
    let mut chunk = Array2::zeros((CHUNK_ROWS, columns));
    loop {
        let count = rows.fill(&mut chunk)?;
        if count == 0 {
            return Ok(());
        }
        let values = chunk.slice(s![..count, ..]);
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        reply.content(&bytes).map_err(unsaid)?;
    }
}

/// Rows that another process reads.
struct Received {
    path: PathBuf,
    apart: Apart,
}

impl Received {
    fn next(&mut self) -> Result<Option<Vec<u8>>> {
        self.apart.next().map_err(|e| refused(&self.path, e))
    }
}

impl Rows for Received {
    fn fill(&mut self, chunk: &mut Array2<f64>) -> Result<usize> {
        let Some(bytes) = self.next()? else { return Ok(0) };
        let row = 8 * chunk.ncols();
        if bytes.len() % row != 0 || bytes.len() > row * chunk.nrows() {
            return Err(nonsense(&self.path));
        }
        for (value, bytes) in chunk.iter_mut().zip(bytes.chunks_exact(8)) {
            *value = f64::from_le_bytes(bytes.try_into().expect("eight bytes"));
        }
        Ok(bytes.len() / row)
    }
}

fn nonsense(path: &Path) -> Error {
    Error::data(path, "the process that reads it does not say numbers", None)
}

fn refused(path: &Path, refusal: Refusal) -> Error {
    Error::data(path, refusal.message, refusal.help)
}

/// Opens a dataset in this process.
fn open_here(path: &Path, dataset: Option<&str>) -> Result<(usize, Values)> {
    let refused = |e| refused(path, e);
    let file = Hdf5::open(path).map_err(refused)?;
    let name = match dataset {
        Some(name) => name.to_owned(),
        None => only_member(path, file.names().map_err(refused)?)?,
    };
    let dataset = file.dataset(&name).map_err(refused)?;
    check_type(path, &dataset, &name)?;
    let shape = dataset.shape();
    let &[rows, columns] = shape.as_slice() else {
        let message = format!("`{name}` has shape {shape:?}, two dimensions are needed");
        return Err(Error::data(path, message, None));
    };
    if !(1..=2 * MAX_DIMENSION).contains(&columns) {
        return Err(impossible_columns(path, columns));
    }
    Ok((columns, Values { path: path.to_owned(), dataset, rows, next: 0 }))
}

struct Values {
    path: PathBuf,
    dataset: Dataset,
    rows: usize,
    /// The first row not read yet.
    next: usize,
}

impl Rows for Values {
    fn fill(&mut self, chunk: &mut Array2<f64>) -> Result<usize> {
        let count = chunk.nrows().min(self.rows - self.next);
        if count > 0 {
            let rows = self.dataset.read_slice_2d::<f64, _>(s![self.next..self.next + count, ..]);
            let rows = rows.map_err(|e| unreadable(&self.path, &e))?;
            check_finite(&self.path, &rows.view(), self.next)?;
            chunk.slice_mut(s![..count, ..]).assign(&rows);
            self.next += count;
        }
        Ok(count)
    }
}

/// The only member of the root group.
fn only_member(path: &Path, mut names: Vec<String>) -> Result<String> {
    match (names.pop(), names.is_empty()) {
        (Some(only), true) => Ok(only),
        (last, _) => {
            names.extend(last);
            let held = list(names.iter().map(String::as_str));
            let message = format!("which dataset to read is not said: the file holds {held}");
            Err(Error::data(path, message, Some("name it with the key `dataset`".to_owned())))
        }
    }
}

fn unreadable(path: &Path, error: &hdf5::Error) -> Error {
    Error::data(path, format!("HDF5 cannot read it: {error}"), None)
}

/// Refuses what is not numbers.
fn check_type(path: &Path, dataset: &Dataset, name: &str) -> Result<()> {
    let descriptor = dataset.dtype().and_then(|dtype| dtype.to_descriptor());
    match descriptor.map_err(|e| unreadable(path, &e))? {
        TypeDescriptor::Integer(_) | TypeDescriptor::Unsigned(_) | TypeDescriptor::Float(_) => {
            Ok(())
        }
        other => {
            let message = format!("`{name}` holds {other}, numbers are needed");
            Err(Error::data(path, message, None))
        }
    }
}
