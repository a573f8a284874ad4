//! A netCDF-4 compatible HDF5 file under construction: dimensions, variables, groups, attributes.
//!
//! The bytes depend on what is put in and on the versions of HDF5 and of the compressor (which
//! `Cargo.lock` fixes) only: times are off, and the order of links and attributes is the order of the
//! calls.

use std::collections::BTreeMap;
use std::path::Path;

use hdf5::dataset::DatasetCreateBuilder;
use hdf5::file::{
    AttrCreationOrder, FileAccessBuilder, FileCloseDegree, FileCreateBuilder, LibraryVersion,
    LinkCreationOrder,
};
use hdf5::types::VarLenUnicode;
use hdf5::{Dataset, File, Group, Location};

use super::column::{Column, Grid, Item};
use super::filter::GZIP;
use super::io::NewFile;
use super::medium::Medium;
use super::{driver, unbound};
use crate::foreign::plugins;
use crate::{Error, Result};

/// Values of a variable, in row-major order.
#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    /// Codes.
    Int8(&'a [i8]),
    /// Whole numbers.
    Int32(&'a [i32]),
    /// Whole numbers.
    Int64(&'a [i64]),
    /// Numbers.
    Float64(&'a [f64]),
    /// UTF-8 strings of variable length.
    Text(&'a [String]),
}

/// Value of an attribute.
#[derive(Debug, Clone, Copy)]
pub enum Attribute<'a> {
    /// A UTF-8 string.
    Text(&'a str),
    /// A number.
    Float(f64),
    /// Whole numbers.
    Ints(&'a [i32]),
    /// A whole number.
    Whole(i64),
    /// Codes.
    Codes(&'a [i8]),
}

/// An attribute with its name.
pub type Named<'a> = (&'a str, Attribute<'a>);

/// The attributes that every variable has: what it is, and that it has no unit.
pub(crate) fn words(long_name: &str) -> [Named<'_>; 2] {
    [("long_name", Attribute::Text(long_name)), ("units", Attribute::Text("1"))]
}

/// Why a file was not built.
#[derive(Debug)]
pub enum Failure {
    /// HDF5 refused.
    Hdf5(hdf5::Error),
    /// What is to be in it could not be had.
    Other(Error),
}

/// What filling a file comes to.
pub type Drafted<T> = std::result::Result<T, Failure>;

impl From<hdf5::Error> for Failure {
    fn from(error: hdf5::Error) -> Self {
        Self::Hdf5(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// The file under construction.
pub struct Draft {
    file: File,
    /// What the file is on; `None`: HDF5 has opened it itself.
    medium: Option<Medium>,
    dimensions: BTreeMap<String, Dimension>,
}

/// A dimension: a scale in the root group.
struct Dimension {
    length: usize,
    /// Paths of the datasets that use it, and as which axis.
    uses: Vec<(String, i32)>,
}

/// Makes `file`, which is new and empty and at `path`, an HDF5 file with what `build` puts in, and
/// gives it back.
///
/// # Errors
/// Those of the file system, of `build` and of HDF5, in this order.
pub fn write(
    path: &Path,
    file: Box<dyn NewFile>,
    build: impl FnOnce(&mut Draft) -> Drafted<()>,
) -> Result<Box<dyn NewFile>> {
    if driver::is_known() {
        write_by_us(path, file, build)
    } else {
        write_by_hdf5(path, file, build)
    }
}

fn write_by_us(
    path: &Path,
    file: Box<dyn NewFile>,
    build: impl FnOnce(&mut Draft) -> Drafted<()>,
) -> Result<Box<dyn NewFile>> {
    let medium = Medium::new(file);
    match Draft::complete(path, Some(&medium), build) {
        // What failed below HDF5 is the cause of what failed in it.
        Err(error) if !medium.has_failed() => Err(error),
        _ => medium.take(path),
    }
}

fn write_by_hdf5(
    path: &Path,
    file: Box<dyn NewFile>,
    build: impl FnOnce(&mut Draft) -> Drafted<()>,
) -> Result<Box<dyn NewFile>> {
    Draft::complete(path, None, build)?;
    Ok(file)
}

impl Draft {
    /// Creates, fills and closes a file.
    fn complete(
        path: &Path,
        medium: Option<&Medium>,
        build: impl FnOnce(&mut Self) -> Drafted<()>,
    ) -> Result<()> {
        let complete = || -> Drafted<()> {
            let mut draft = Self::create(path, medium)?;
            build(&mut draft)?;
            Ok(draft.close()?)
        };
        complete().map_err(|failure| match failure {
            Failure::Other(error) => error,
            Failure::Hdf5(error) => {
                Error::content(path, format!("HDF5 failed to build it: {error}"), None)
            }
        })
    }

    fn create(path: &Path, medium: Option<&Medium>) -> hdf5::Result<Self> {
        plugins::disable();
        let access = FileAccessBuilder::new()
            .libver_bounds(LibraryVersion::V110, LibraryVersion::V110)
            // Or objects that are still open after an error would keep the file open.
            .fclose_degree(FileCloseDegree::Strong)
            .finish()?;
        let create = FileCreateBuilder::new()
            .obj_track_times(false)
            .link_creation_order(LinkCreationOrder::Indexed)
            .attr_creation_order(AttrCreationOrder::Indexed)
            .finish()?;
        let file = match medium {
            Some(medium) => driver::create_on(medium, &access, &create)?,
            None => driver::create_at(path, &access, &create)?,
        };
        Ok(Self { file, medium: medium.cloned(), dimensions: BTreeMap::new() })
    }

    /// Writes what is known at the end only.
    fn close(self) -> hdf5::Result<()> {
        for (name, dimension) in &self.dimensions {
            if !dimension.uses.is_empty() {
                unbound::list_uses(&self.file, name, &dimension.uses)?;
            }
        }
        self.file.close()
    }

    /// An error if writing has failed already, so that all further work is in vain.
    ///
    /// # Errors
    /// If so; and in all methods, if HDF5 fails.
    pub fn check(&self) -> hdf5::Result<()> {
        match &self.medium {
            Some(medium) if medium.has_failed() => Err("the file cannot be written".into()),
            _ => Ok(()),
        }
    }

    /// Adds a dimension with its coordinates.
    pub fn dimension(
        &mut self,
        name: &str,
        coordinates: Values<'_>,
        attributes: &[Named<'_>],
    ) -> hdf5::Result<()> {
        let length = coordinates.len();
        let dataset = self.dataset(name, &[length], coordinates)?;
        self.register(name, length, &dataset, attributes)
    }

    /// Adds a dimension whose coordinates are `0 .. length`.
    pub fn numbered(
        &mut self,
        name: &str,
        length: usize,
        attributes: &[Named<'_>],
    ) -> hdf5::Result<()> {
        let (dataset, mut column) = self.empty::<i64>(name, &[length])?;
        for number in 0..length as i64 {
            column.extend([number]);
            if column.has_chunk() {
                column.pack();
                column.write()?;
                self.check()?;
            }
        }
        column.finish()?;
        self.register(name, length, &dataset, attributes)
    }

    /// Makes a dataset a dimension.
    fn register(
        &mut self,
        name: &str,
        length: usize,
        dataset: &Dataset,
        attributes: &[Named<'_>],
    ) -> hdf5::Result<()> {
        let id = i32::try_from(self.dimensions.len()).map_err(|_| "too many dimensions")?;
        unbound::make_scale(dataset, name, id)?;
        write_attributes(dataset, attributes)?;
        let dimension = Dimension { length, uses: Vec::new() };
        self.dimensions.insert(name.to_owned(), dimension);
        Ok(())
    }

    /// Adds a variable at `path` (`name`, or `group/name` of a group that exists) over dimensions
    /// that exist; without dimensions a scalar.
    ///
    /// # Errors
    /// Also if a dimension is unknown or the number of values is not the product of the lengths.
    pub fn variable(
        &mut self,
        path: &str,
        dimensions: &[&str],
        values: Values<'_>,
        attributes: &[Named<'_>],
    ) -> hdf5::Result<()> {
        let shape = self.shape(path, dimensions)?;
        let dataset = self.dataset(path, &shape, values)?;
        self.describe(path, &dataset, dimensions, attributes)
    }

    /// Adds a variable as [`Self::variable`] whose values are to come.
    ///
    /// # Errors
    /// Also if a dimension is unknown.
    pub fn column<T: Item>(
        &mut self,
        path: &str,
        dimensions: &[&str],
        attributes: &[Named<'_>],
    ) -> hdf5::Result<Column> {
        let shape = self.shape(path, dimensions)?;
        let (dataset, column) = self.empty::<T>(path, &shape)?;
        self.describe(path, &dataset, dimensions, attributes)?;
        Ok(column)
    }

    /// The lengths of dimensions.
    fn shape(&self, path: &str, dimensions: &[&str]) -> hdf5::Result<Vec<usize>> {
        let length = |name: &&str| match self.dimensions.get(*name) {
            Some(dimension) => Ok(dimension.length),
            None => Err(format!("the variable {path} uses an unknown dimension {name}").into()),
        };
        dimensions.iter().map(length).collect()
    }

    /// Gives a new variable its dimensions and attributes.
    fn describe(
        &mut self,
        path: &str,
        dataset: &Dataset,
        dimensions: &[&str],
        attributes: &[Named<'_>],
    ) -> hdf5::Result<()> {
        for (axis, &name) in (0_i32..).zip(dimensions) {
            if let Some(dimension) = self.dimensions.get_mut(name) {
                dimension.uses.push((path.to_owned(), axis));
            }
        }
        if !dimensions.is_empty() {
            unbound::attach(&self.file, dataset, dimensions)?;
        }
        write_attributes(dataset, attributes)
    }

    /// Adds a group with attributes.
    pub fn group(&mut self, name: &str, attributes: &[Named<'_>]) -> hdf5::Result<()> {
        let group: Group = self
            .file
            .create_group_builder()
            .obj_track_times(false)
            .with_gcpl(|create| {
                create
                    .link_creation_order(LinkCreationOrder::Indexed)
                    .attr_creation_order(AttrCreationOrder::Indexed)
            })
            .create(name)?;
        write_attributes(&group, attributes)
    }

    /// Adds attributes to the root group.
    pub fn attributes(&mut self, attributes: &[Named<'_>]) -> hdf5::Result<()> {
        write_attributes(&self.file, attributes)
    }

    fn dataset(&self, path: &str, shape: &[usize], values: Values<'_>) -> hdf5::Result<Dataset> {
        if shape.iter().product::<usize>() != values.len() {
            let len = values.len();
            return Err(format!("the variable {path} of shape {shape:?} got {len} values").into());
        }
        match values {
            Values::Int8(v) => self.numbers(path, shape, v),
            Values::Int32(v) => self.numbers(path, shape, v),
            Values::Int64(v) => self.numbers(path, shape, v),
            Values::Float64(v) => self.numbers(path, shape, v),
            Values::Text(v) => self.strings(path, shape, v),
        }
    }

    fn numbers<T: Item>(&self, path: &str, shape: &[usize], values: &[T]) -> hdf5::Result<Dataset> {
        let (dataset, mut column) = self.empty::<T>(path, shape)?;
        column.extend(values.iter().copied());
        column.finish()?;
        Ok(dataset)
    }

    /// A dataset of numbers that are to come, compressed and with checksums unless it is a scalar.
    fn empty<T: Item>(&self, path: &str, shape: &[usize]) -> hdf5::Result<(Dataset, Column)> {
        let grid = Grid::new(shape, size_of::<T>());
        let mut builder = self.file.new_dataset::<T>().with_dcpl(in_order);
        if !grid.is_scalar() {
            // The filters of `filter::pack`, in its order.
            builder = builder.chunk(grid.chunk()).shuffle().deflate(GZIP).fletcher32();
        }
        let dataset = builder.shape(shape).create(path)?;
        Ok((dataset.clone(), Column::new(dataset, grid, size_of::<T>())))
    }

    /// Strings, uncompressed: what the filters would see are addresses.
    fn strings(&self, path: &str, shape: &[usize], values: &[String]) -> hdf5::Result<Dataset> {
        let values = values.iter().map(|text| unicode(text)).collect::<hdf5::Result<Vec<_>>>()?;
        let dataset = self
            .file
            .new_dataset::<VarLenUnicode>()
            .with_dcpl(in_order)
            .shape(shape)
            .create(path)?;
        dataset.write_raw(&values)?;
        Ok(dataset)
    }
}

/// Keeps the attributes of a dataset in the order of their creation.
fn in_order(create: &mut DatasetCreateBuilder) -> &mut DatasetCreateBuilder {
    create.attr_creation_order(AttrCreationOrder::Indexed)
}

impl Values<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Int8(v) => v.len(),
            Self::Int32(v) => v.len(),
            Self::Int64(v) => v.len(),
            Self::Float64(v) => v.len(),
            Self::Text(v) => v.len(),
        }
    }
}

fn write_attributes(location: &Location, attributes: &[Named<'_>]) -> hdf5::Result<()> {
    for &(name, value) in attributes {
        match value {
            Attribute::Text(text) => {
                location.new_attr::<VarLenUnicode>().create(name)?.write_scalar(&unicode(text)?)?;
            }
            Attribute::Float(x) => location.new_attr::<f64>().create(name)?.write_scalar(&x)?,
            Attribute::Whole(n) => location.new_attr::<i64>().create(name)?.write_scalar(&n)?,
            Attribute::Ints(v) => {
                location.new_attr_builder().with_data(v).create(name)?;
            }
            Attribute::Codes(v) => {
                location.new_attr_builder().with_data(v).create(name)?;
            }
        }
    }
    Ok(())
}

fn unicode(text: &str) -> hdf5::Result<VarLenUnicode> {
    text.parse().map_err(|_| format!("the text {text:?} holds a null character").into())
}

#[cfg(test)]
pub(super) mod tests {
    use std::{fs, io};

    use super::*;
    use crate::store::io::{Disk, FileSystem, OpenFile};
    use crate::store::seal;

    /// The bytes of a sealed file with what `build` puts in.
    pub(in crate::store) fn sealed(build: impl FnOnce(&mut Draft) -> Drafted<()>) -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.h5");
        let mut file = write(&path, Disk.create_new(&path).unwrap(), build).unwrap();
        seal::close(&mut *file).unwrap();
        fs::read(&path).unwrap()
    }

    /// Values of every type, in several chunks and in one, and the rest that a file can have.
    fn example(draft: &mut Draft) -> Drafted<()> {
        draft.attributes(&[("title", Attribute::Text("μ"))])?;
        draft.numbered("n", 100_000, &words("number"))?;
        draft.dimension("label", Values::Text(&["a".into(), "b".into()]), &[])?;
        draft.group("g", &[("codes", Attribute::Codes(&[1, 2]))])?;
        draft.variable("scalar", &[], Values::Float64(&[0.5]), &[])?;
        draft.variable("g/few", &["label"], Values::Int8(&[-1, 7]), &words("few"))?;
        let mut many = draft.column::<f64>("many", &["label", "n"], &words("many"))?;
        for piece in many_values().chunks(30_000) {
            many.extend(piece.iter().copied());
            many.pack();
            many.write()?;
        }
        many.finish()?;
        Ok(())
    }

    fn many_values() -> Vec<f64> {
        (0..200_000).map(|i| f64::from(i).sin()).collect()
    }

    #[test]
    fn hdf5_reads_what_was_packed_and_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.h5");
        write(&path, Disk.create_new(&path).unwrap(), example).unwrap();
        let file = File::open(&path).unwrap();
        assert_eq!(
            file.dataset("n").unwrap().read_raw::<i64>().unwrap(),
            Vec::from_iter(0..100_000)
        );
        assert_eq!(file.dataset("many").unwrap().read_raw::<f64>().unwrap(), many_values());
        assert_eq!(file.dataset("g/few").unwrap().read_raw::<i8>().unwrap(), [-1, 7]);
        assert_eq!(file.dataset("scalar").unwrap().read_scalar::<f64>().unwrap(), 0.5);
    }

    /// Also where HDF5 has another version and its own driver has to do, files are as they are here.
    #[test]
    fn the_driver_of_hdf5_writes_the_same_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let bytes = |name: &str, write: &dyn Fn(&Path, Box<dyn NewFile>) -> Result<_>| {
            let path = dir.path().join(name);
            write(&path, Disk.create_new(&path).unwrap()).unwrap();
            fs::read(&path).unwrap()
        };
        let theirs = bytes("theirs", &|path, file| write_by_hdf5(path, file, example));
        assert!(theirs == bytes("again", &|path, file| write_by_hdf5(path, file, example)));
        if driver::is_known() {
            assert!(theirs == bytes("ours", &|path, file| write_by_us(path, file, example)));
        }
    }

    /// A file that writes something else than it was given.
    struct Lying(Box<dyn NewFile>);

    impl OpenFile for Lying {
        fn size(&mut self) -> io::Result<u64> {
            self.0.size()
        }
        fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
            self.0.read_at(offset, bytes)
        }
    }

    impl NewFile for Lying {
        fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
            let mut bytes = bytes.to_vec();
            if bytes.len() > 10_000 {
                bytes[5000] ^= 1;
            }
            self.0.write_at(offset, &bytes)
        }
        fn set_size(&mut self, size: u64) -> io::Result<()> {
            self.0.set_size(size)
        }
        fn sync(&mut self) -> io::Result<()> {
            self.0.sync()
        }
    }

    #[test]
    fn a_disk_that_does_not_give_back_what_was_written_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.h5");
        let file = Box::new(Lying(Disk.create_new(&path).unwrap()));
        if driver::is_known() {
            let error = write(&path, file, example).err().unwrap().to_string();
            assert!(error.contains("reads back otherwise"), "{error}");
        }
    }

    #[test]
    fn refuses_unknown_dimensions_and_wrong_lengths() {
        sealed(|draft| {
            draft.dimension("x", Values::Int64(&[1, 2]), &[])?;
            assert!(draft.variable("a", &["y"], Values::Int8(&[0]), &[]).is_err());
            assert!(draft.variable("b", &["x"], Values::Int8(&[0]), &[]).is_err());
            let mut column = draft.column::<i8>("c", &["x"], &[])?;
            column.extend([1_i8]);
            assert!(column.finish().is_err());
            Ok(())
        });
    }
}
