//! Two-dimensional numeric datasets of HDF5 files.
//!
//! Data files may come from anywhere, so nothing is followed out of the file (external storage,
//! external links, virtual datasets) and no filter is used that would be loaded from a plugin.

use std::path::{Path, PathBuf};

use hdf5::filters::Filter;
use hdf5::plist::dataset_create::Layout;
use hdf5::types::TypeDescriptor;
use hdf5::{Dataset, File};
use ndarray::{Array2, s};

use super::columns::Columns;
use super::{Rows, check_finite};
use crate::error::{Error, Result};

/// First bytes of an HDF5 file.
pub(super) const MAGIC: &[u8] = b"\x89HDF\r\n\x1a\n";

/// The most that deflate compresses, rounded up (its limit is 1032 to 1).
const MAX_COMPRESSION: u64 = 1100;

/// Opens a dataset; without a name it is the only member of the root group.
pub(super) fn open(path: &Path, dataset: Option<&str>) -> Result<(Columns, Box<dyn Rows>)> {
    let file = File::open(path).map_err(|e| unreadable(path, &e))?;
    let name = match dataset {
        Some(name) => name.to_owned(),
        None => only_member(path, &file)?,
    };
    let dataset = file.dataset(&name).map_err(|_| missing(path, &file, &name))?;
    check_origin(path, &file, &dataset, &name)?;
    let (rows, columns) = check_size(path, &dataset, &name)?;
    let rows = Hdf5 { path: path.to_owned(), dataset, rows, next: 0 };
    Ok((Columns::Numbered(columns), Box::new(rows)))
}

struct Hdf5 {
    path: PathBuf,
    dataset: Dataset,
    rows: usize,
    /// The first row not read yet.
    next: usize,
}

impl Rows for Hdf5 {
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
fn only_member(path: &Path, file: &File) -> Result<String> {
    match members(file).as_slice() {
        [only] => Ok(only.clone()),
        several => {
            let message =
                format!("which dataset to read is not said: the file holds {}", list(several));
            Err(Error::data(path, message, Some("name it with the key `dataset`".to_owned())))
        }
    }
}

fn missing(path: &Path, file: &File, name: &str) -> Error {
    let message = format!("there is no dataset `{name}`");
    let help = format!("at its top the file holds {}", list(&members(file)));
    Error::data(path, message, Some(help))
}

/// Names in the root group; none if it cannot be listed.
fn members(file: &File) -> Vec<String> {
    file.member_names().unwrap_or_default()
}

fn list(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        _ => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    }
}

fn unreadable(path: &Path, error: &hdf5::Error) -> Error {
    Error::data(path, format!("HDF5 cannot read it: {error}"), None)
}

/// Refuses what is not a plain numeric dataset inside this file.
fn check_origin(path: &Path, file: &File, dataset: &Dataset, name: &str) -> Result<()> {
    let create = dataset.create_plist().map_err(|e| unreadable(path, &e))?;
    let external = create.get_external().map_err(|e| unreadable(path, &e))?;
    let inside = matches!(dataset.layout(), Layout::Compact | Layout::Contiguous | Layout::Chunked);
    if dataset.filename() != file.filename() || !external.is_empty() || !inside {
        let message = format!("the numbers of `{name}` lie in another file, which is not followed");
        return Err(Error::data(path, message, Some("copy them into this file".to_owned())));
    }
    let filters = create.get_filters().map_err(|e| unreadable(path, &e))?;
    if let Some(Filter::User(id, _)) = filters.iter().find(|f| matches!(f, Filter::User(..))) {
        let message = format!("`{name}` is stored with filter {id}, which needs a plugin");
        let help = "store it uncompressed or with gzip".to_owned();
        return Err(Error::data(path, message, Some(help)));
    }
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

/// Rows and columns, checked against the size of the file before anything is allocated.
fn check_size(path: &Path, dataset: &Dataset, name: &str) -> Result<(usize, usize)> {
    let shape = dataset.shape();
    let &[rows, columns] = shape.as_slice() else {
        let message = format!("`{name}` has shape {shape:?}, two dimensions are needed");
        return Err(Error::data(path, message, None));
    };
    let length = std::fs::metadata(path).map_err(Error::storage("read", path))?.len();
    let width = dataset.dtype().map_err(|e| unreadable(path, &e))?.size();
    let chunk = dataset.chunk().unwrap_or_default();
    let plausible = |dims: &[usize]| {
        let bytes = dims.iter().try_fold(width as u64, |n, &k| n.checked_mul(k as u64));
        bytes.is_some_and(|bytes| bytes <= MAX_COMPRESSION.saturating_mul(length))
    };
    if columns == 0 || !plausible(&shape) || !plausible(&chunk) {
        let message = format!(
            "`{name}` declares {rows} x {columns} entries of {width} bytes in a file of {length} bytes"
        );
        return Err(Error::data(path, message, Some("write the file again".to_owned())));
    }
    Ok((rows, columns))
}
