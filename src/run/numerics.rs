//! What this build computes with, for the provenance of its results.

use super::method::Method;
use crate::kernel::blas::Build;
use crate::rng;
use crate::store::manifest::CellKernel;
use crate::store::numerics::Numerics;
use crate::study::Study;

/// Everything outside a study that decides bits.
pub fn of_this_build(blas: &Build) -> Numerics {
    Numerics {
        engine_version: env!("CARGO_PKG_VERSION").to_owned(),
        git_revision: env!("DEEPLIN_GIT_REVISION").to_owned(),
        generator: format!(
            "{} (rand_chacha {})",
            rng::GENERATOR,
            env!("DEEPLIN_RAND_CHACHA_VERSION")
        ),
        elementary_functions: format!("libm {}", env!("DEEPLIN_LIBM_VERSION")),
        blas: "OpenBLAS".to_owned(),
        blas_config: blas.config.clone(),
        blas_core: blas.core.clone(),
        architecture: std::env::consts::ARCH.to_owned(),
    }
}

/// How each cell of the study is computed.
pub fn kernels(study: &Study) -> Vec<CellKernel> {
    let named = |Method { kernel, precision, .. }| CellKernel {
        kernel: String::from(kernel),
        precision: String::from(precision),
    };
    study.cells.iter().map(|cell| named(Method::of(cell))).collect()
}
