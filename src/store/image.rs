//! A netCDF-4 compatible HDF5 file built in memory: dimensions, variables, groups, attributes.
//!
//! The bytes depend on what is put in and on the versions of HDF5 and zlib only: times are off, and
//! the order of links and attributes is the order of the calls.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use hdf5::file::{AttrCreationOrder, LibraryVersion, LinkCreationOrder};
use hdf5::types::VarLenUnicode;
use hdf5::{Dataset, File, Group, H5Type, Location};

use super::{scale, superblock};

/// Bytes of a chunk before compression, at most.
const CHUNK_BYTES: usize = 256 * 1024;

/// Level of the gzip filter.
const GZIP: u8 = 4;

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
    /// Codes.
    Codes(&'a [i8]),
}

/// An attribute with its name.
pub type Named<'a> = (&'a str, Attribute<'a>);

/// The attributes that every variable has: what it is, and that it has no unit.
pub(super) fn words(long_name: &str) -> [Named<'_>; 2] {
    [("long_name", Attribute::Text(long_name)), ("units", Attribute::Text("1"))]
}

/// The file under construction.
pub struct Image {
    file: File,
    dimensions: BTreeMap<String, Dimension>,
}

/// A dimension: a scale in the root group.
struct Dimension {
    length: usize,
    /// Paths of the datasets that use it, and as which axis.
    uses: Vec<(String, i32)>,
}

impl Image {
    /// An empty file.
    ///
    /// # Errors
    /// If HDF5 fails, as in all methods.
    pub fn new() -> hdf5::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        scale::disable_plugins();
        // HDF5 tells open files apart by name; nothing of this name is on any disk.
        let name = format!(
            ".deeplin-image-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let file = File::with_options()
            .with_fapl(|access| {
                access
                    .core_filebacked(false)
                    .libver_bounds(LibraryVersion::V110, LibraryVersion::V110)
            })
            .with_fcpl(|create| {
                create
                    .obj_track_times(false)
                    .link_creation_order(LinkCreationOrder::Indexed)
                    .attr_creation_order(AttrCreationOrder::Indexed)
            })
            .create(name)?;
        Ok(Self { file, dimensions: BTreeMap::new() })
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
        let id = i32::try_from(self.dimensions.len()).map_err(|_| "too many dimensions")?;
        scale::make_scale(&dataset, name, id)?;
        write_attributes(&dataset, attributes)?;
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
        let mut shape = Vec::with_capacity(dimensions.len());
        for (axis, &name) in (0_i32..).zip(dimensions) {
            let Some(dimension) = self.dimensions.get_mut(name) else {
                return Err(format!("the variable {path} uses an unknown dimension {name}").into());
            };
            dimension.uses.push((path.to_owned(), axis));
            shape.push(dimension.length);
        }
        let dataset = self.dataset(path, &shape, values)?;
        if !dimensions.is_empty() {
            scale::attach(&self.file, &dataset, dimensions)?;
        }
        write_attributes(&dataset, attributes)
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

    /// The bytes of the complete file.
    pub fn finish(self) -> hdf5::Result<Vec<u8>> {
        for (name, dimension) in &self.dimensions {
            if !dimension.uses.is_empty() {
                scale::list_uses(&self.file, name, &dimension.uses)?;
            }
        }
        let mut bytes = scale::image(&self.file)?;
        superblock::close(&mut bytes)?;
        self.file.close()?;
        Ok(bytes)
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

    /// Numbers, compressed and with checksums unless scalar (which HDF5 cannot chunk).
    fn numbers<T: H5Type>(
        &self,
        path: &str,
        shape: &[usize],
        values: &[T],
    ) -> hdf5::Result<Dataset> {
        let mut builder = self
            .file
            .new_dataset::<T>()
            .with_dcpl(|create| create.attr_creation_order(AttrCreationOrder::Indexed));
        if !shape.is_empty() {
            builder = builder
                .chunk(chunk_shape(shape, size_of::<T>()))
                .shuffle()
                .deflate(GZIP)
                .fletcher32();
        }
        let dataset = builder.shape(shape).create(path)?;
        dataset.write_raw(values)?;
        Ok(dataset)
    }

    /// Strings, uncompressed: what the filters would see are addresses.
    fn strings(&self, path: &str, shape: &[usize], values: &[String]) -> hdf5::Result<Dataset> {
        let values = values.iter().map(|text| unicode(text)).collect::<hdf5::Result<Vec<_>>>()?;
        let dataset = self
            .file
            .new_dataset::<VarLenUnicode>()
            .with_dcpl(|create| create.attr_creation_order(AttrCreationOrder::Indexed))
            .shape(shape)
            .create(path)?;
        dataset.write_raw(&values)?;
        Ok(dataset)
    }
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

/// Shape of the chunks of an array of items of `size` bytes: whole trailing axes while they fit,
/// then equal shares of the first one that does not.
fn chunk_shape(shape: &[usize], size: usize) -> Vec<usize> {
    let mut room = (CHUNK_BYTES / size).max(1);
    let mut chunk = vec![1; shape.len()];
    for (share, &length) in chunk.iter_mut().zip(shape).rev() {
        let length = length.max(1);
        *share = length.div_ceil(length.div_ceil(room));
        room /= *share;
        if *share < length {
            break;
        }
    }
    chunk
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_gather_trailing_axes() {
        let cases: [(&[usize], usize, &[usize]); 6] = [
            (&[], 8, &[]),
            (&[5], 8, &[5]),
            (&[12, 3, 1000], 8, &[6, 3, 1000]),
            (&[4, 20_000], 8, &[1, 20_000]),
            (&[2, 33_000], 8, &[1, 16_500]),
            (&[1_000_000], 1, &[250_000]),
        ];
        for (shape, size, chunk) in cases {
            assert_eq!(chunk_shape(shape, size), chunk, "{shape:?}");
        }
    }

    #[test]
    fn a_chunk_never_exceeds_its_array_nor_the_limit() {
        for shape in [[1, 1, 1], [7, 1, 40_000], [1000, 1000, 1], [3, 262_145, 2]] {
            let chunk = chunk_shape(&shape, 8);
            assert!(chunk.iter().zip(&shape).all(|(c, n)| c <= n && *c > 0));
            assert!(chunk.iter().product::<usize>() * 8 <= CHUNK_BYTES);
        }
    }

    #[test]
    fn refuses_unknown_dimensions_and_wrong_lengths() {
        let mut image = Image::new().unwrap();
        image.dimension("x", Values::Int64(&[1, 2]), &[]).unwrap();
        assert!(image.variable("a", &["y"], Values::Int8(&[0]), &[]).is_err());
        assert!(image.variable("b", &["x"], Values::Int8(&[0]), &[]).is_err());
    }
}
