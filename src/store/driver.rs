//! A file driver for HDF5 that reads and writes a [`Medium`].
//!
//! With it every byte of a results file goes through [`super::io::FileSystem`]: a full disk is an
//! error of the operating system with its own words, tests can fail any call, and HDF5 neither locks
//! files (which network file systems refuse) nor opens any.
//!
//! The structures that a driver consists of differ between versions of HDF5, and those of `hdf5-sys`
//! have fields missing; [`Class`] is that of the versions in [`is_known`], compared field by field
//! with their `H5FDpublic.h`. With other versions HDF5's own driver has to do ([`create_at`]).

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_ulong, c_void};
use std::mem::offset_of;
use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use hdf5::File;
use hdf5::file::{FileAccess, FileCreate};
use hdf5::sync::sync;
use hdf5_sys::h5f::{H5F_ACC_TRUNC, H5Fcreate};
use hdf5_sys::h5fd::{
    H5FD_FEAT_ACCUMULATE_METADATA, H5FD_FEAT_AGGREGATE_METADATA, H5FD_FEAT_AGGREGATE_SMALLDATA,
    H5FD_FEAT_DATA_SIEVE, H5FDregister,
};
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5p::H5Pset_driver;

use super::medium::Medium;

/// Whether [`Class`] is right for the version of HDF5 that the program runs with.
pub(super) fn is_known() -> bool {
    hdf5::library_version() == (1, 10, 8)
}

/// Creates an HDF5 file on `medium`.
pub(super) fn create_on(
    medium: &Medium,
    access: &FileAccess,
    create: &FileCreate,
) -> hdf5::Result<File> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let id = driver()?;
    sync(|| {
        // SAFETY: the library's lock is held, and both identifiers are open.
        let set = unsafe { H5Pset_driver(access.id(), id, ptr::null()) };
        if set < 0 { Err("cannot choose the driver") } else { Ok(()) }
    })?;
    // Nothing of this name is on any disk: `open` finds the medium by it.
    let name = format!("deeplin-medium-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let c_name = CString::new(name.as_str()).expect("no null character");
    media().insert(name.clone(), medium.clone());
    let file = create_named(&c_name, access, create);
    media().remove(&name);
    file
}

/// Creates an HDF5 file at `path`, or makes the one there empty, with HDF5's own driver.
pub(super) fn create_at(
    path: &Path,
    access: &FileAccess,
    create: &FileCreate,
) -> hdf5::Result<File> {
    let name = path.to_str().and_then(|name| CString::new(name).ok());
    create_named(&name.ok_or("the name of the file is not text")?, access, create)
}

fn create_named(name: &CStr, access: &FileAccess, create: &FileCreate) -> hdf5::Result<File> {
    sync(|| {
        // SAFETY: the library's lock is held, `name` is null-terminated, the lists are open, and
        // the identifier is owned by the returned object alone, if it is one.
        unsafe {
            let id = H5Fcreate(name.as_ptr(), H5F_ACC_TRUNC, create.id(), access.id());
            if id < 0 {
                return Err(hdf5::Error::query().unwrap_or_else(|error| error));
            }
            hdf5::from_id(id)
        }
    })
}

/// The media that are being opened, by name.
fn media() -> MutexGuard<'static, BTreeMap<String, Medium>> {
    static MEDIA: Mutex<BTreeMap<String, Medium>> = Mutex::new(BTreeMap::new());
    MEDIA.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The driver's identifier; it is registered once and for all.
fn driver() -> hdf5::Result<hid_t> {
    static DRIVER: OnceLock<hid_t> = OnceLock::new();
    assert!(is_known(), "the driver has the layout of another version of HDF5");
    let id = *DRIVER.get_or_init(|| {
        sync(|| {
            // SAFETY: the library's lock is held, and `CLASS`, which HDF5 copies, has the layout
            // that this version of HDF5 declares.
            unsafe { H5FDregister((&raw const CLASS).cast()) }
        })
    });
    if id < 0 { Err("cannot register the driver".into()) } else { Ok(id) }
}

/// Status codes of HDF5.
const SUCCESS: c_int = 0;
const FAILURE: c_int = -1;

/// The largest address of HDF5's own drivers.
const LARGEST_ADDRESS: u64 = i64::MAX as u64;

/// `H5F_CLOSE_WEAK`, as HDF5's own drivers.
const CLOSE_WEAK: c_int = 1;

/// A file of HDF5: `H5FD_t`, then what is the driver's.
#[repr(C)]
struct Handle {
    /// Written and read by HDF5; more than any version declares (80 bytes in 1.10.8).
    public: [u64; 32],
    medium: Medium,
    /// End of the addresses that HDF5 has given out.
    end: u64,
}

/// `H5FD_class_t` of HDF5 1.10.8. A pointer that is not used is null.
#[repr(C)]
struct Class {
    name: *const c_char,
    maxaddr: u64,
    fc_degree: c_int,
    terminate: Unused,
    sb_size: Unused,
    sb_encode: Unused,
    sb_decode: Unused,
    fapl_size: usize,
    fapl_get: Unused,
    fapl_copy: Unused,
    fapl_free: Unused,
    dxpl_size: usize,
    dxpl_copy: Unused,
    dxpl_free: Unused,
    open: unsafe extern "C" fn(*const c_char, c_uint, hid_t, u64) -> *mut Handle,
    close: unsafe extern "C" fn(*mut Handle) -> c_int,
    cmp: Unused,
    query: unsafe extern "C" fn(*const Handle, *mut c_ulong) -> c_int,
    get_type_map: Unused,
    alloc: Unused,
    free: Unused,
    get_eoa: unsafe extern "C" fn(*const Handle, c_int) -> u64,
    set_eoa: unsafe extern "C" fn(*mut Handle, c_int, u64) -> c_int,
    get_eof: unsafe extern "C" fn(*const Handle, c_int) -> u64,
    get_handle: Unused,
    read: unsafe extern "C" fn(*mut Handle, c_int, hid_t, u64, usize, *mut c_void) -> c_int,
    write: unsafe extern "C" fn(*mut Handle, c_int, hid_t, u64, usize, *const c_void) -> c_int,
    flush: Unused,
    truncate: unsafe extern "C" fn(*mut Handle, hid_t, bool) -> c_int,
    lock: Unused,
    unlock: Unused,
    fl_map: [c_int; 7],
}

/// As a C compiler lays out that structure for 64-bit machines.
#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(offset_of!(Class, open) == 112);
    assert!(offset_of!(Class, query) == 136);
    assert!(offset_of!(Class, get_eof) == 184);
    assert!(offset_of!(Class, truncate) == 224);
    assert!(offset_of!(Class, fl_map) == 248);
    assert!(size_of::<Class>() == 280);
};

/// A callback that HDF5 does without.
type Unused = Option<unsafe extern "C" fn()>;

// SAFETY: nothing in it is ever written, and its pointers are to constants and functions.
unsafe impl Sync for Class {}

static CLASS: Class = Class {
    name: c"deeplin".as_ptr(),
    maxaddr: LARGEST_ADDRESS,
    fc_degree: CLOSE_WEAK,
    terminate: None,
    sb_size: None,
    sb_encode: None,
    sb_decode: None,
    fapl_size: 0,
    fapl_get: None,
    fapl_copy: None,
    fapl_free: None,
    dxpl_size: 0,
    dxpl_copy: None,
    dxpl_free: None,
    open,
    close,
    cmp: None,
    query,
    get_type_map: None,
    alloc: None,
    free: None,
    get_eoa,
    set_eoa,
    get_eof,
    get_handle: None,
    read,
    write,
    flush: None,
    truncate,
    lock: None,
    unlock: None,
    // `H5FD_FLMAP_DICHOTOMY`, as HDF5's own drivers: freed metadata apart from freed data.
    fl_map: [1, 1, 1, 3, 3, 1, 1],
};

// SAFETY of what follows: HDF5 calls these functions with its lock held, one at a time, with names
// that are null-terminated, buffers of the sizes it announces, and handles that `open` has returned
// and `close` has not been given yet. `query` alone may be called without a handle.

/// HDF5 may open the same name several times before it is content.
unsafe extern "C" fn open(name: *const c_char, _: c_uint, _: hid_t, _: u64) -> *mut Handle {
    // SAFETY: see above.
    let name = unsafe { CStr::from_ptr(name) }.to_string_lossy();
    let medium = media().get(&*name).cloned();
    medium.map_or(ptr::null_mut(), |medium| {
        Box::into_raw(Box::new(Handle { public: [0; 32], medium, end: 0 }))
    })
}

unsafe extern "C" fn close(handle: *mut Handle) -> c_int {
    // SAFETY: see above; `open` made it from a box.
    drop(unsafe { Box::from_raw(handle) });
    SUCCESS
}

/// The same features as HDF5's own driver for a local file.
unsafe extern "C" fn query(_: *const Handle, flags: *mut c_ulong) -> c_int {
    let features = H5FD_FEAT_AGGREGATE_METADATA
        | H5FD_FEAT_ACCUMULATE_METADATA
        | H5FD_FEAT_DATA_SIEVE
        | H5FD_FEAT_AGGREGATE_SMALLDATA;
    if !flags.is_null() {
        // SAFETY: it is a place for the answer.
        unsafe { *flags = c_ulong::from(features) };
    }
    SUCCESS
}

unsafe extern "C" fn get_eoa(handle: *const Handle, _: c_int) -> u64 {
    // SAFETY: see above.
    unsafe { (*handle).end }
}

unsafe extern "C" fn set_eoa(handle: *mut Handle, _: c_int, end: u64) -> c_int {
    // SAFETY: see above.
    unsafe { (*handle).end = end };
    SUCCESS
}

unsafe extern "C" fn get_eof(handle: *const Handle, _: c_int) -> u64 {
    // SAFETY: see above.
    let medium = unsafe { &(*handle).medium };
    medium.size()
}

unsafe extern "C" fn read(
    handle: *mut Handle,
    _: c_int,
    _: hid_t,
    address: u64,
    size: usize,
    buffer: *mut c_void,
) -> c_int {
    if size == 0 {
        return SUCCESS;
    }
    // SAFETY: see above; zeroed, because HDF5 need not have initialized it.
    let (medium, bytes) = unsafe {
        ptr::write_bytes(buffer.cast::<u8>(), 0, size);
        (&(*handle).medium, std::slice::from_raw_parts_mut(buffer.cast::<u8>(), size))
    };
    if medium.read(address, bytes) { SUCCESS } else { FAILURE }
}

unsafe extern "C" fn write(
    handle: *mut Handle,
    _: c_int,
    _: hid_t,
    address: u64,
    size: usize,
    buffer: *const c_void,
) -> c_int {
    if size > 0 {
        // SAFETY: see above.
        let (medium, bytes) =
            unsafe { (&(*handle).medium, std::slice::from_raw_parts(buffer.cast::<u8>(), size)) };
        medium.write(address, bytes);
    }
    SUCCESS
}

/// Makes the file as long as what HDF5 has given out of it.
unsafe extern "C" fn truncate(handle: *mut Handle, _: hid_t, _: bool) -> c_int {
    // SAFETY: see above.
    let (medium, end) = unsafe { (&(*handle).medium, (*handle).end) };
    medium.set_size(end);
    SUCCESS
}
