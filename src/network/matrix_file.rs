//! Matrices and weights from files.

use std::path::Path;

use ndarray::Array2;

use super::target::data::{self, Header, Table};
use super::{Shape, Weights};
use crate::digest::Digest;
use crate::error::{Error, Result};

/// Reads a matrix from an NPY file, a CSV file of numbers without a header (gzip or not), or the
/// two-dimensional `dataset` of an HDF5 file, with the digest of the file.
///
/// # Errors
/// If the file is none of these, is not a whole table of finite numbers, or is too large.
pub fn load_matrix(path: &Path, dataset: Option<&str>) -> Result<(Array2<f64>, Digest)> {
    let digest = data::digest(path)?;
    let matrix = Table::open(path, Header::Absent, dataset)?.into_matrix()?;
    Ok((matrix, digest))
}

/// Reads the weights of a network of this `shape` from the datasets `W_1 .. W_N` of an HDF5 file,
/// in its root or in `group` (for instance `initial` of a trace), with the digest of the file.
///
/// # Errors
/// If a layer is missing, is not a table of finite numbers, or has other dimensions than `shape`.
pub fn load_weights(path: &Path, group: Option<&str>, shape: &Shape) -> Result<(Weights, Digest)> {
    let digest = data::digest(path)?;
    let prefix = group.map(|group| format!("{group}/")).unwrap_or_default();
    let mut weights = Weights::zeros(shape);
    for j in 1..=shape.depth() {
        let name = format!("{prefix}W_{j}");
        let table = Table::open(path, Header::Absent, Some(&name))?;
        let matrix = table.into_matrix()?;
        let (rows, columns) = shape.layer(j);
        if matrix.dim() != (rows, columns) {
            let (r, c) = matrix.dim();
            let message =
                format!("`{name}` is {r} x {c}, the network {shape} needs {rows} x {columns}");
            let help = format!(
                "the network is written input first: layer {j} maps {columns} numbers to {rows}"
            );
            return Err(Error::data(path, message, Some(help)));
        }
        weights.layer_mut(j).assign(&matrix);
    }
    Ok((weights, digest))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use ndarray::array;
    use tempfile::TempDir;

    use super::*;

    /// A file with `W_1` (2 x 3) and `W_2` (1 x 2) in its group `initial`.
    fn trace(directory: &TempDir) -> PathBuf {
        let path = directory.path().join("trace.h5");
        let file = hdf5::File::create(&path).unwrap();
        let group = file.create_group("initial").unwrap();
        let w_1 = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
        group.new_dataset_builder().with_data(&w_1).create("W_1").unwrap();
        group.new_dataset_builder().with_data(&array![[7_i32, 8]]).create("W_2").unwrap();
        path
    }

    #[test]
    fn every_format_gives_the_same_matrix() {
        let directory = TempDir::new().unwrap();
        let matrix = array![[1.5, -2.0], [0.0, 4e-3], [7.0, 8.0]];
        let (csv, npy, h5) = ("m.csv", "m.npy", "m.h5");
        let path = |name: &str| directory.path().join(name);
        fs::write(path(csv), "1.5,-2\n0, 4e-3\n7,8\n").unwrap();
        ndarray_npy::write_npy(path(npy), &matrix).unwrap();
        let file = hdf5::File::create(path(h5)).unwrap();
        file.new_dataset_builder().with_data(&matrix).create("target").unwrap();
        file.close().unwrap();
        for (name, dataset) in [(csv, None), (npy, None), (h5, None), (h5, Some("target"))] {
            let (read, digest) = load_matrix(&path(name), dataset).unwrap();
            assert_eq!(read, matrix, "{name}");
            assert_eq!(digest, Digest::of(&fs::read(path(name)).unwrap()));
        }
    }

    #[test]
    fn matrices_longer_than_a_chunk_are_whole() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("m.npy");
        for rows in [255, 256, 257, 512] {
            let matrix = Array2::from_shape_fn((rows, 2), |(i, j)| (2 * i + j) as f64);
            ndarray_npy::write_npy(&path, &matrix).unwrap();
            assert_eq!(load_matrix(&path, None).unwrap().0, matrix);
        }
    }

    #[test]
    fn weights_come_from_a_group() {
        let directory = TempDir::new().unwrap();
        let path = trace(&directory);
        let (weights, _) =
            load_weights(&path, Some("initial"), &Shape::new(vec![3, 2, 1])).unwrap();
        assert_eq!(weights.as_slice(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    }

    #[test]
    fn other_dimensions_and_missing_layers_are_refused() {
        let directory = TempDir::new().unwrap();
        let path = trace(&directory);
        for (group, dims, words) in [
            (
                Some("initial"),
                vec![3, 4, 1],
                "`initial/W_1` is 2 x 3, the network 3-4-1 needs 4 x 3",
            ),
            (Some("initial"), vec![3, 2, 1, 1], "there is no dataset `initial/W_3`"),
            (None, vec![3, 2, 1], "there is no dataset `W_1`"),
        ] {
            let error = load_weights(&path, group, &Shape::new(dims)).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
