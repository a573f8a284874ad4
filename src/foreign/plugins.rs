//! The switch that keeps HDF5 from loading plugins.

use std::ptr;
use std::sync::Once;

use hdf5::sync::sync;
use hdf5_sys::h5pl::H5PLset_loading_state;

/// Keeps HDF5 from loading filter plugins, which a file together with the environment could
/// otherwise make it do: a plugin is code that runs. To be called before any file is read.
pub(crate) fn disable() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        sync(|| {
            // SAFETY: the library's lock is held. HDF5 takes a mask by value, which the binding calls
            // a pointer: a null pointer is the mask of no plugin, and nothing reads through it. The
            // only possible failure is a library without plugins, which is what is asked for.
            unsafe { H5PLset_loading_state(ptr::null_mut()) };
        });
    });
}

#[cfg(test)]
mod tests {
    use hdf5_sys::h5pl::H5PLget_loading_state;

    use super::*;

    #[test]
    fn no_kind_of_plugin_is_loaded() {
        disable();
        let mut kinds = 1;
        // SAFETY: the library's lock is held and `kinds` outlives the call.
        let status = sync(|| unsafe { H5PLget_loading_state(&raw mut kinds) });
        assert!(status >= 0);
        assert_eq!(kinds, 0);
    }
}
