//! What besides the study decides the bits of a row: versions, libraries, machine.

use serde::{Deserialize, Serialize};

/// Declares [`Numerics`] once: the struct and the names under which the results file shows it.
macro_rules! numerics {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// Everything outside a study that decides bits; each part records it, and parts that differ
        /// in it are merged on request only.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        pub struct Numerics {
            $($(#[doc = $doc])+ pub $name: String,)+
        }

        impl Numerics {
            /// Name and meaning of each field, in the order of [`Self::fields`].
            pub const MEANINGS: &[(&str, &str)] = &[$((stringify!($name), concat!($($doc),+))),+];

            /// Names and values, in the order of the results file.
            pub fn fields(&self) -> Vec<(&'static str, &str)> {
                vec![$((stringify!($name), self.$name.as_str())),+]
            }
        }
    };
}

numerics! {
    /// Version of this crate.
    engine_version,
    /// Revision of its source, with a mark if it was changed since.
    git_revision,
    /// Generator of random numbers and law of the Gaussian, with version.
    generator,
    /// Library of elementary functions, with version.
    elementary_functions,
    /// Name of the BLAS.
    blas,
    /// How it was built.
    blas_config,
    /// Family of kernels that it has chosen for this machine.
    blas_core,
    /// Architecture and the features of it that decide bits.
    architecture,
}

impl Numerics {
    /// Names and values in which `self` and `other` differ, for messages.
    pub fn differences(&self, other: &Self) -> String {
        self.fields()
            .iter()
            .zip(other.fields())
            .filter(|((_, a), (_, b))| a != b)
            .map(|((name, a), (_, b))| format!("{name}: {a:?} and {b:?}"))
            .collect::<Vec<_>>()
            .join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_name_the_field_and_both_values() {
        let a = Numerics { blas_core: "Haswell".into(), ..Numerics::default() };
        let b = Numerics { blas_core: "SkylakeX".into(), ..Numerics::default() };
        assert_eq!(a.differences(&b), r#"blas_core: "Haswell" and "SkylakeX""#);
        assert_eq!(a.differences(&a), "");
    }
}
