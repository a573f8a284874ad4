//! What the HDF5 crate does not bind: dimension scales as netCDF wants them, the image of a file in
//! memory, and the switch that keeps HDF5 from loading plugins.
//!
//! The scales follow the HDF5 Dimension Scale Specification (H5DS): `CLASS` and `NAME` as
//! null-terminated strings (netCDF rejects the null-padded ones of the crate), `DIMENSION_LIST` on
//! every variable and `REFERENCE_LIST` on every scale.

use std::ffi::{CString, c_void};
use std::ptr;
use std::sync::Once;

use hdf5::sync::sync;
use hdf5::types::VarLenArray;
use hdf5::{Dataset, File, H5Type, Location, ObjectReference1};
use hdf5_sys::h5a::{H5Aclose, H5Acreate2, H5Awrite};
use hdf5_sys::h5f::H5Fget_file_image;
use hdf5_sys::h5p::H5P_DEFAULT;
use hdf5_sys::h5pl::H5PLset_loading_state;
use hdf5_sys::h5s::{H5S_class_t, H5Sclose, H5Screate};
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

/// The bytes of a file of the core driver; its superblock is to be closed.
pub(super) fn image(file: &File) -> hdf5::Result<Vec<u8>> {
    file.flush()?;
    sync(|| {
        // SAFETY: the file is open for as long as `file` lives, the library's lock is held, and a
        // null buffer of length 0 asks for the size only.
        let size = unsafe { H5Fget_file_image(file.id(), ptr::null_mut(), 0) };
        let size = usize::try_from(size).map_err(|_| "the file has no image in memory")?;
        let mut bytes = vec![0_u8; size];
        // SAFETY: as above, and the buffer has exactly the `size` bytes that are announced.
        let written =
            unsafe { H5Fget_file_image(file.id(), bytes.as_mut_ptr().cast::<c_void>(), size) };
        if usize::try_from(written) != Ok(size) {
            return Err("the image of the file changed its size".into());
        }
        Ok(bytes)
    })
}

/// Keeps HDF5 from loading filter plugins, which a file or the environment could otherwise make it
/// do. To be called before any file is read.
pub(super) fn disable_plugins() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        sync(|| {
            let mut none = 0;
            // SAFETY: the library's lock is held and `none` outlives the call. The only possible
            // failure is a library without plugin support, which is what is asked for.
            unsafe { H5PLset_loading_state(&raw mut none) };
        });
    });
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
