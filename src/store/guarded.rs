//! Access to a sealed HDF5 file: only plain data inside the file, of known types and shapes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use hdf5::types::{FloatSize, IntSize, TypeDescriptor, VarLenUnicode};
use hdf5::{
    Container, Dataset, Group, H5Type, Hyperslab, IndexType, IterationOrder, Location, SliceOrIndex,
};
use ndarray::IxDyn;

use super::io::{Disk, FileSystem, OpenFile};
use super::seal;
use crate::foreign::Refusal;
use crate::foreign::hdf5::{Hdf5, MAGIC};
use crate::study::AxisValues;
use crate::{Error, Result};

/// Most values that are read at once of what there is for each cell or axis, so that a file that
/// says it is large is not believed: a study has at most a million cells.
const MOST_VALUES: usize = 1 << 24;

/// A file opened for reading.
#[derive(Debug)]
pub(super) struct Guarded {
    path: PathBuf,
    /// Datasets by their names: as long as one is open, HDF5 keeps its last chunks unpacked, which would else
    /// be unpacked anew for every cell.
    open: Mutex<BTreeMap<String, Dataset>>,
    file: Hdf5,
}

impl Guarded {
    /// Opens a sealed file; HDF5 does not see it before its seal is found right.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let metadata = fs::metadata(path).map_err(Error::storage("open", path))?;
        if !metadata.is_file() {
            let help = "give the file results.h5 in a directory that `deeplin run` wrote to";
            return Err(Error::content(path, "is not a file", Some(help.into())));
        }
        let mut file = Disk.open(path).map_err(Error::storage("open", path))?;
        if seal::of(&mut *file).map_err(Error::storage("read", path))?.is_none() {
            return Err(unsealed(path, &mut *file));
        }
        let refused = |e: Refusal| Error::content(path, e.message, e.help);
        let file = Hdf5::open(path).map_err(refused)?;
        file.refuse_links().map_err(refused)?;
        Ok(Self { path: path.to_owned(), open: Mutex::default(), file })
    }

    /// The error for content that is not as it must be.
    pub(super) fn refuse(&self, message: impl Into<String>) -> Error {
        let help = "it is damaged or was not written by this program; `deeplin merge` writes it \
                    anew from the parts";
        self.refuse_and_advise(message, help)
    }

    /// The error for a file that may be in order and is another one than was asked for.
    pub(super) fn refuse_and_advise(&self, message: impl Into<String>, help: &str) -> Error {
        Error::content(&self.path, message, Some(help.into()))
    }

    /// The error for what a file in order does not have.
    pub(super) fn lacks(&self, what: &str) -> Error {
        let help = "`deeplin trace` computes any single trial again";
        self.refuse_and_advise(format!("has no {what}"), help)
    }

    fn fault(&self, what: &str, error: &hdf5::Error) -> Error {
        self.refuse(format!("{what} cannot be read: {error}"))
    }

    /// The error for what is not read.
    fn refused(&self, refusal: Refusal) -> Error {
        match refusal.help {
            Some(help) => Error::content(&self.path, refusal.message, Some(help)),
            None => self.refuse(refusal.message),
        }
    }

    /// The root group.
    pub(super) fn root(&self) -> &Group {
        self.file.root()
    }

    /// Whether the root group has something of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.file.has(name)
    }

    /// A group.
    pub(super) fn group(&self, name: &str) -> Result<Group> {
        self.file.group(name).map_err(|e| self.refused(e))
    }

    /// A dataset, of whatever type and shape.
    pub(super) fn dataset(&self, name: &str) -> Result<Dataset> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dataset) = open.get(name) {
            return Ok(dataset.clone());
        }
        let dataset = self.file.dataset(name).map_err(|e| self.refused(e))?;
        open.insert(name.to_owned(), dataset.clone());
        Ok(dataset)
    }

    /// A text attribute.
    pub(super) fn text(&self, location: &Location, name: &str) -> Result<String> {
        let attribute = location.attr(name).map_err(|e| self.fault(name, &e))?;
        self.check_type(name, &attribute, &[TypeDescriptor::VarLenUnicode])?;
        let text: VarLenUnicode = attribute.read_scalar().map_err(|e| self.fault(name, &e))?;
        self.string(name, &text)
    }

    /// A numeric attribute: a scalar or a short list.
    pub(super) fn attribute<T: H5Type>(&self, location: &Location, name: &str) -> Result<Vec<T>> {
        let attribute = location.attr(name).map_err(|e| self.fault(name, &e))?;
        self.check_type(name, &attribute, &[T::type_descriptor()])?;
        if attribute.size() > 256 {
            return Err(self.refuse(format!("the attribute {name} is too long")));
        }
        attribute.read_raw().map_err(|e| self.fault(name, &e))
    }

    /// All text attributes of a group, in order of creation.
    pub(super) fn texts(&self, group: &Group) -> Result<Vec<(String, String)>> {
        let names = group
            .attr_names_by(IndexType::CreationOrder, IterationOrder::Increasing)
            .map_err(|e| self.fault("a list of attributes", &e))?;
        let text = |name: String| self.text(group, &name).map(|text| (name, text));
        names.into_iter().map(text).collect()
    }

    /// Length of a 1-dimensional dataset.
    pub(super) fn length(&self, name: &str) -> Result<usize> {
        let dataset = self.dataset(name)?;
        match dataset.shape()[..] {
            [length] => Ok(length),
            _ => Err(self.refuse(format!("{name} is not a list"))),
        }
    }

    /// All values of a dataset of this shape.
    pub(super) fn values<T: H5Type>(&self, name: &str, shape: &[usize]) -> Result<Vec<T>> {
        let dataset = self.checked(name, shape, &convertible::<T>())?;
        if dataset.size() > MOST_VALUES {
            return Err(self.refuse(format!("{name} has more values than a study can have")));
        }
        dataset.read_raw().map_err(|e| self.fault(name, &e))
    }

    /// The values of a selection of a dataset of this shape.
    pub(super) fn selected<T: H5Type>(
        &self,
        name: &str,
        shape: &[usize],
        selection: Vec<SliceOrIndex>,
    ) -> Result<Vec<T>> {
        let dataset = self.checked(name, shape, &convertible::<T>())?;
        let selected = dataset
            .read_slice::<T, _, IxDyn>(Hyperslab::from(selection))
            .map_err(|e| self.fault(name, &e))?;
        Ok(selected.into_raw_vec_and_offset().0)
    }

    /// The coordinates of a swept key.
    pub(super) fn coordinates(&self, name: &str, length: usize) -> Result<AxisValues> {
        let dataset = self.dataset(name)?;
        let kind = dataset.dtype().and_then(|t| t.to_descriptor());
        match kind.map_err(|e| self.fault(name, &e))? {
            TypeDescriptor::Float(_) => Ok(AxisValues::Floats(self.values(name, &[length])?)),
            TypeDescriptor::Integer(_) => Ok(AxisValues::Integers(self.values(name, &[length])?)),
            _ => {
                let dataset = self.checked(name, &[length], &[TypeDescriptor::VarLenUnicode])?;
                if length > MOST_VALUES {
                    return Err(
                        self.refuse(format!("{name} has more values than an axis can have"))
                    );
                }
                let labels =
                    dataset.read_raw::<VarLenUnicode>().map_err(|e| self.fault(name, &e))?;
                let labels = labels.iter().map(|label| self.string(name, label));
                labels.collect::<Result<_>>().map(AxisValues::Labels)
            }
        }
    }

    /// A dataset, if it is of this shape.
    pub(super) fn of_shape(&self, name: &str, shape: &[usize]) -> Result<Dataset> {
        let dataset = self.dataset(name)?;
        let found = dataset.shape();
        if found == shape {
            return Ok(dataset);
        }
        Err(self.refuse(format!("{name} has shape {found:?} instead of {shape:?}")))
    }

    /// A dataset, if it is of this shape and one of these types.
    fn checked(&self, name: &str, shape: &[usize], types: &[TypeDescriptor]) -> Result<Dataset> {
        let dataset = self.of_shape(name, shape)?;
        self.check_type(name, &dataset, types)?;
        Ok(dataset)
    }

    fn check_type(&self, name: &str, of: &Container, types: &[TypeDescriptor]) -> Result<()> {
        let found = of.dtype().and_then(|t| t.to_descriptor());
        if types.contains(&found.map_err(|e| self.fault(name, &e))?) {
            Ok(())
        } else {
            Err(self.refuse(format!("{name} is not of the type of this format")))
        }
    }

    /// Not by [`VarLenUnicode::as_str`], which takes on trust that a file holds UTF-8.
    fn string(&self, name: &str, text: &VarLenUnicode) -> Result<String> {
        String::from_utf8(text.as_bytes().to_vec())
            .map_err(|_| self.refuse(format!("{name} is not UTF-8")))
    }
}

/// The error for a file without a seal that is right: damaged, or none of this program's.
fn unsealed(path: &Path, file: &mut dyn OpenFile) -> Error {
    let mut beginning = [0; MAGIC.len()];
    let is_hdf5 = file.read_at(0, &mut beginning).is_ok() && beginning == *MAGIC;
    let is_export = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("nc"));
    let (message, help) = match (is_hdf5, is_export) {
        (false, _) => (
            "is no results file of deeplin (it is not HDF5)",
            "give results.h5, or the directory that holds it",
        ),
        (true, true) => (
            "is no results file of deeplin but netCDF: exports are not read again",
            "give the results.h5 that it was made of; xarray and others read it as it is",
        ),
        (true, false) => (
            "is not a file of deeplin as it was written (the hash at its end is wrong)",
            "if a copy was interrupted or another program has written to it, `deeplin merge` \
             writes it anew from the parts",
        ),
    };
    Error::content(path, message, Some(help.into()))
}

/// The types in a file that are read as `T`: itself, and for 64-bit integers the narrower ones.
fn convertible<T: H5Type>() -> Vec<TypeDescriptor> {
    match T::type_descriptor() {
        TypeDescriptor::Integer(IntSize::U8) => {
            vec![TypeDescriptor::Integer(IntSize::U4), TypeDescriptor::Integer(IntSize::U8)]
        }
        TypeDescriptor::Float(FloatSize::U8) => vec![TypeDescriptor::Float(FloatSize::U8)],
        other => vec![other],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::draft::Values;
    use crate::store::draft::tests::sealed;

    #[test]
    fn a_dataset_stays_open() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file.h5");
        let bytes = sealed(|draft| Ok(draft.dimension("trial", Values::Int64(&[0, 1]), &[])?));
        fs::write(&path, bytes).unwrap();
        let file = Guarded::open(&path).unwrap();
        let opened = || file.dataset("trial").unwrap().id();
        assert_eq!(opened(), opened());
        assert_eq!(file.values::<i64>("trial", &[2]).unwrap(), [0, 1]);
    }
}
