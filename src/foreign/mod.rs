//! What a user hands to the program may be damaged or made to harm: how such files are opened, how
//! much of them is taken into memory, what of HDF5 is followed, and how its library is kept apart.

pub(crate) mod apart;
pub(crate) mod file;
pub(crate) mod hdf5;
pub(crate) mod plugins;

use serde::{Deserialize, Serialize};

/// Why something is not read.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Refusal {
    /// What is wrong with which object; the file is to be added.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) help: Option<String>,
    /// Whether the file is right and the request is wrong.
    #[serde(default)]
    pub(crate) is_of_request: bool,
}

impl Refusal {
    /// Without advice.
    pub(crate) fn plain(message: String) -> Self {
        Self { message, help: None, is_of_request: false }
    }

    pub(crate) fn new(message: String, help: &str) -> Self {
        Self { message, help: Some(help.to_owned()), is_of_request: false }
    }
}
