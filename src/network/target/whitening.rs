//! Second moments of the inputs taken apart: their rank, whitening, and the way back.

use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use ndarray_linalg::{Eigh, LeastSquaresSvd, UPLO};

/// Second moments `Lxx` of rank `r` taken apart: `F F' = Lxx`, `M Lxx M' = I_r`, `M F = I_r`.
#[derive(Debug, Clone)]
pub struct Whitening {
    /// `M = Lambda^{-1/2} V' D^{-1}`, `r x d_0`: whitened inputs are `M x`.
    pub matrix: Array2<f64>,
    /// `F = D V Lambda^{1/2}`, `d_0 x r`.
    pub factor: Array2<f64>,
    /// A basis of the null space of `Lxx`, `d_0 x (d_0 - r)`.
    null: Array2<f64>,
}

impl Whitening {
    /// `D` scales every column to unit second moment, so that the rank does not depend on units;
    /// `V Lambda V'` are the eigenpairs of `D^{-1} Lxx D^{-1}` above `tolerance` times the largest,
    /// in descending order, the largest entry of each vector positive.
    ///
    /// # Errors
    /// The message for the user, if `Lxx` is zero or LAPACK fails.
    pub fn of(xx: &Array2<f64>, tolerance: f64) -> Result<Self, String> {
        // A column of zeros has no scale; with 1 it stays zero and ends in the null space.
        let scale = xx.diag().mapv(|d| if d > 0.0 { d.sqrt() } else { 1.0 });
        let correlation = xx / &scale / scale.view().insert_axis(Axis(1));
        let (values, vectors) = correlation.eigh(UPLO::Lower).map_err(|e| lapack(&e))?;
        let largest = values.last().copied().unwrap_or_default();
        if largest <= 0.0 {
            return Err("every feature is zero in every row".to_owned());
        }
        let kept = |value: &&f64| **value > tolerance * largest;
        let dropped = values.len() - values.iter().filter(kept).count();
        let roots: Array1<f64> = values.slice(s![dropped..;-1]).mapv(f64::sqrt);
        let mut kept = row_major(&vectors.slice(s![.., dropped..;-1]));
        for mut vector in kept.columns_mut() {
            if largest_entry(vector.iter()) < 0.0 {
                vector.mapv_inplace(|v| -v);
            }
        }
        let scale = scale.insert_axis(Axis(1));
        let matrix = row_major(&(&kept / &roots / &scale).t());
        let factor = kept * &roots * &scale;
        let null = row_major(&vectors.slice(s![.., ..dropped])) / &scale;
        Ok(Self { matrix, factor, null })
    }

    /// `r`.
    pub fn rank(&self) -> usize {
        self.factor.ncols()
    }

    /// The `Phi` of least norm among those with `Phi F = common`: `common M` without its part in
    /// the null space. That part is subtracted in the null space's own basis, so `Phi F` stays
    /// right to round-off even if units are so far apart that the norm is not quite the least.
    ///
    /// # Errors
    /// The message for the user, if LAPACK fails.
    pub fn least_norm(&self, common: &Array2<f64>) -> Result<Array2<f64>, String> {
        let phi = common.dot(&self.matrix);
        if self.null.is_empty() {
            return Ok(phi);
        }
        let part = self.null.least_squares(&row_major(&phi.t()));
        let part = part.map_err(|e| lapack(&e))?.solution;
        Ok(phi - part.t().dot(&self.null.t()))
    }
}

fn lapack(error: &ndarray_linalg::error::LinalgError) -> String {
    format!("LAPACK fails on the second moments of the features: {error}")
}

/// A copy in row-major order, whatever the strides: kernels and LAPACK rely on it.
pub(super) fn row_major(a: &ArrayView2<'_, f64>) -> Array2<f64> {
    a.as_standard_layout().into_owned()
}

/// The entry of largest magnitude, the first of several.
fn largest_entry<'a>(entries: impl Iterator<Item = &'a f64>) -> f64 {
    let larger = |best: f64, entry: &f64| {
        if entry.abs() > best.abs() { *entry } else { best }
    };
    entries.fold(0.0, larger)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::digest::Digest;
    use crate::network::matrix::frobenius;
    use crate::rng::{Purpose, stream};

    fn close(a: &Array2<f64>, b: &Array2<f64>, tolerance: f64) -> bool {
        frobenius((a - b).view()) <= tolerance * frobenius(b.view())
    }

    /// `Lxx` of 30 samples of four features, the last the difference of the first two, in units
    /// `scale`; and the samples.
    fn dependent(scale: [f64; 4]) -> (Array2<f64>, Array2<f64>) {
        let mut random = stream(1, &Digest::of(b"whitening"), Purpose::Target, 0);
        let free = random.gaussian_matrix(3, 30, 1.0);
        let map = array![[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.5, 1.0], [1.0, -1.0, 0.0]];
        let x = map.dot(&free) * Array1::from(scale.to_vec()).insert_axis(Axis(1));
        (x.dot(&x.t()) / 30.0, x)
    }

    #[test]
    fn two_by_two_by_hand() {
        // D = diag(2, 10), D^-1 Lxx D^-1 = [[1, .6], [.6, 1]]: eigenvalues 1.6 and .4.
        let whitening = Whitening::of(&array![[4.0, 12.0], [12.0, 100.0]], 1e-10).unwrap();
        let (a, b) = (0.8_f64.sqrt(), 0.2_f64.sqrt());
        let first = whitening.factor.column(0).to_owned();
        assert!((first - array![2.0 * a, 10.0 * a]).iter().all(|e| e.abs() < 1e-14));
        let second = whitening.factor.column(1).mapv(f64::abs);
        assert!((second - array![2.0 * b, 10.0 * b]).iter().all(|e| e.abs() < 1e-14));
    }

    #[test]
    fn whitened_inputs_have_identity_second_moments() {
        for scale in [[1.0; 4], [1e-4, 1.0, 1e5, 30.0]] {
            let (xx, x) = dependent(scale);
            let whitening = Whitening::of(&xx, 1e-10).unwrap();
            assert_eq!(whitening.rank(), 3);
            let white = whitening.matrix.dot(&x);
            let identity = Array2::eye(3);
            assert!(close(&(white.dot(&white.t()) / 30.0), &identity, 1e-13));
            assert!(close(&whitening.matrix.dot(&whitening.factor), &identity, 1e-13));
            assert!(close(&whitening.factor.dot(&whitening.factor.t()), &xx, 1e-13));
            assert!(whitening.matrix.is_standard_layout() && whitening.factor.is_standard_layout());
        }
    }

    #[test]
    fn the_rank_does_not_depend_on_units() {
        let (plain, _) = dependent([1.0; 4]);
        let (scaled, _) = dependent([1e-6, 1.0, 1e6, 3.0]);
        let (plain, scaled) = (Whitening::of(&plain, 1e-10), Whitening::of(&scaled, 1e-10));
        // So well that the whitened coordinates are the same.
        let (plain, mut scaled) = (plain.unwrap().factor, scaled.unwrap().factor);
        for (mut row, scale) in scaled.rows_mut().into_iter().zip([1e-6, 1.0, 1e6, 3.0]) {
            row /= scale;
        }
        assert!(close(&scaled, &plain, 1e-12));
    }

    #[test]
    fn least_norm_leaves_nothing_in_the_null_space() {
        for scale in [[1.0; 4], [1e-2, 1.0, 1e3, 30.0]] {
            let whitening = Whitening::of(&dependent(scale).0, 1e-10).unwrap();
            let common = array![[1.0, -2.0, 0.5], [0.0, 1.0, 3.0]];
            let phi = whitening.least_norm(&common).unwrap();
            assert!(close(&phi.dot(&whitening.factor), &common, 1e-13));
            let null = array![[1.0], [-1.0], [0.0], [-1.0]]
                / Array1::from(scale.to_vec()).insert_axis(Axis(1));
            let (part, size) = (phi.dot(&null), frobenius(phi.view()) * frobenius(null.view()));
            assert!(frobenius(part.view()) < 1e-12 * size, "{part}");
        }
    }

    #[test]
    fn tolerance_decides_the_rank() {
        let xx = Array2::from_diag(&array![1.0, 1.0]) + array![[0.0, 0.98], [0.98, 0.0]];
        // Eigenvalues 1.98 and .02.
        assert_eq!(Whitening::of(&xx, 0.0).unwrap().rank(), 2);
        assert_eq!(Whitening::of(&xx, 0.01).unwrap().rank(), 2);
        assert_eq!(Whitening::of(&xx, 0.011).unwrap().rank(), 1);
        assert!(Whitening::of(&(xx * 0.0), 0.0).is_err());
    }
}
