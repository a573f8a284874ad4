//! What the HDF5 crate does not bind: dimension scales as netCDF wants them, and chunks that have
//! passed their filters already.
//!
//! The scales follow the HDF5 Dimension Scale Specification (H5DS): `CLASS` and `NAME` as
//! null-terminated strings (netCDF rejects the null-padded ones of the crate), `DIMENSION_LIST` on
//! every variable and `REFERENCE_LIST` on every scale.

use std::ffi::CString;

use hdf5::sync::sync;
use hdf5::types::VarLenArray;
use hdf5::{Dataset, File, H5Type, Location, ObjectReference1};
use hdf5_sys::h5a::{H5Aclose, H5Acreate2, H5Awrite};
use hdf5_sys::h5d::{H5Dwrite, H5Dwrite_chunk};
use hdf5_sys::h5p::H5P_DEFAULT;
use hdf5_sys::h5s::{H5S_ALL, H5S_class_t, H5Sclose, H5Screate};
use hdf5_sys::h5t::{H5T_C_S1, H5T_str_t, H5Tclose, H5Tcopy, H5Tset_size, H5Tset_strpad};

/// One use of a scale: an entry of `REFERENCE_LIST`. Packed, so that no padding reaches the file.
#[derive(H5Type, Clone, Copy)]
#[repr(C, packed)]
struct Use {
    dataset: ObjectReference1,
    dimension: i32,
}

/// Turns a 1-dimensional dataset of the root group into the dimension scale `name`, the `id`-th
/// dimension of the file.
pub(super) fn make_scale(dataset: &Dataset, name: &str, id: i32) -> hdf5::Result<()> {
    null_terminated(dataset, "CLASS", "DIMENSION_SCALE")?;
    null_terminated(dataset, "NAME", name)?;
    dataset.new_attr::<i32>().create("_Netcdf4Dimid")?.write_scalar(&id)
}

/// Names the scales of a dataset's axes, in order.
pub(super) fn attach(file: &File, dataset: &Dataset, scales: &[&str]) -> hdf5::Result<()> {
    let list = scales
        .iter()
        .map(|scale| {
            let reference = file.reference::<ObjectReference1>(scale)?;
            Ok(VarLenArray::from([reference]))
        })
        .collect::<hdf5::Result<Vec<_>>>()?;
    dataset.new_attr_builder().with_data(&list).create("DIMENSION_LIST")?;
    Ok(())
}

/// Tells the scale `name` which datasets use it as which of their axes.
pub(super) fn list_uses(file: &File, name: &str, uses: &[(String, i32)]) -> hdf5::Result<()> {
    let list = uses
        .iter()
        .map(|(path, dimension)| {
            let dataset = file.reference(path)?;
            Ok(Use { dataset, dimension: *dimension })
        })
        .collect::<hdf5::Result<Vec<_>>>()?;
    file.dataset(name)?
        .new_attr_builder()
        .with_data(&list)
        .packed(true)
        .create("REFERENCE_LIST")?;
    Ok(())
}

/// Writes a chunk of a dataset as it is stored, packed by all filters; `offset` is the index of its
/// first value.
pub(super) fn write_chunk(dataset: &Dataset, offset: &[u64], packed: &[u8]) -> hdf5::Result<()> {
    assert_eq!(offset.len(), dataset.ndim(), "one index for each axis");
    let status = sync(|| {
        // SAFETY: the library's lock is held, the dataset is open, `offset` has an entry for each of
        // its axes, and `packed` has the bytes that are announced. HDF5 checks that the dataset is
        // chunked and `offset` the start of a chunk; what `packed` holds it does not interpret.
        unsafe {
            let (size, bytes) = (packed.len(), packed.as_ptr().cast());
            H5Dwrite_chunk(dataset.id(), H5P_DEFAULT, 0, offset.as_ptr(), size, bytes)
        }
    });
    if status >= 0 { Ok(()) } else { Err(format!("cannot write {}", dataset.name()).into()) }
}

/// Writes the one value of a scalar dataset from its bytes.
pub(super) fn write_scalar(dataset: &Dataset, bytes: &[u8]) -> hdf5::Result<()> {
    let kind = dataset.dtype()?;
    assert!(dataset.is_scalar() && bytes.len() == kind.size(), "the bytes of one value");
    let status = sync(|| {
        // SAFETY: the library's lock is held, the dataset and its type are open, and `bytes` has the
        // size of the only value, in the very type of the file.
        unsafe {
            let bytes = bytes.as_ptr().cast();
            H5Dwrite(dataset.id(), kind.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes)
        }
    });
    if status >= 0 { Ok(()) } else { Err(format!("cannot write {}", dataset.name()).into()) }
}

/// Writes a scalar attribute of type fixed null-terminated ASCII string.
fn null_terminated(location: &Location, name: &str, text: &str) -> hdf5::Result<()> {
    let name = CString::new(name).map_err(|_| "an attribute name holds a null character")?;
    let text = CString::new(text).map_err(|_| "an attribute holds a null character")?;
    let size = text.as_bytes_with_nul().len();
    let complete = sync(|| {
        // SAFETY: the library's lock is held. Every identifier comes from the library and is closed
        // once; a negative one (an earlier failure) makes the calls that take it fail, which is
        // caught below. `name` and `text` are null-terminated and outlive the calls, and `text`
        // holds the `size` bytes that the type announces.
        unsafe {
            let string = H5Tcopy(*H5T_C_S1);
            let sized = H5Tset_size(string, size) >= 0
                && H5Tset_strpad(string, H5T_str_t::H5T_STR_NULLTERM) >= 0;
            let space = H5Screate(H5S_class_t::H5S_SCALAR);
            let attribute =
                H5Acreate2(location.id(), name.as_ptr(), string, space, H5P_DEFAULT, H5P_DEFAULT);
            let written = H5Awrite(attribute, string, text.as_ptr().cast()) >= 0;
            let closed = H5Aclose(attribute) >= 0 && H5Sclose(space) >= 0 && H5Tclose(string) >= 0;
            sized && written && closed
        }
    });
    if complete { Ok(()) } else { Err(format!("cannot write the attribute {name:?}").into()) }
}
