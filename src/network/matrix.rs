//! Small dense products in a fixed order of operations.
//!
//! What is computed once a trial (initial weights, what is observed at its ends) goes through these
//! loops instead of BLAS: IEEE 754 fixes every one of their operations, so the results are the same
//! bits on every machine, whatever BLAS is installed.

use ndarray::{Array2, ArrayView2};

/// `A B`, row-major; sums run over the inner index in increasing order, without fused multiply-add.
///
/// # Panics
/// If the inner dimensions differ.
pub fn product(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> Array2<f64> {
    assert_eq!(a.ncols(), b.nrows(), "inner dimensions of a product");
    let mut c = Array2::zeros((a.nrows(), b.ncols()));
    for (a_row, mut c_row) in a.rows().into_iter().zip(c.rows_mut()) {
        for (&a_ik, b_row) in a_row.iter().zip(b.rows()) {
            c_row.zip_mut_with(&b_row, |c_ij, &b_kj| *c_ij += a_ik * b_kj);
        }
    }
    c
}

/// Frobenius norm, `sqrt(sum a_ij^2)`, summed in row-major order.
pub fn frobenius(a: ArrayView2<'_, f64>) -> f64 {
    a.iter().map(|x| x * x).sum::<f64>().sqrt()
}
