//! Rounding a layer to its quantizer steps so that the errors compensate each other.
//!
//! Minimises `(q − w)ᵀ H (q − w)` over multiples of the steps by Babai's nearest plane: with the Cholesky factor
//! `H = L Lᵀ`, parameters are rounded from the last to the first, each after taking in the errors made behind it.
//! This is what GPTQ (Frantar et al. 2022) computes.

/// A factored curvature matrix.
pub(crate) struct Curvature {
    n: usize,
    /// Lower Cholesky factor, `n × n`, row by row.
    factor: Vec<f64>,
}

impl Curvature {
    /// Factors `matrix` (`n × n`, row by row) with a slightly damped diagonal; what is not positive is damped until it
    /// is.
    pub fn new(matrix: &[f64], n: usize) -> Self {
        let mean = (0..n).map(|i| matrix[i * n + i]).sum::<f64>() / n as f64;
        let mut damping = 0.02 * if mean.is_normal() { mean.abs() } else { 1.0 };
        loop {
            if let Some(factor) = cholesky(matrix, n, damping) {
                return Curvature { n, factor };
            }
            damping *= 10.0;
        }
    }

    /// Rounds `parameters` to multiples of `steps`, in place, and returns the multiples.
    pub fn nearest_plane(&self, parameters: &mut [f32], steps: &[f32]) -> Vec<i32> {
        let Curvature { n, factor } = self;
        let (mut symbols, mut errors) = (vec![0; *n], vec![0f64; *n]);
        for i in (0..*n).rev() {
            let carried: f64 = (i + 1..*n).map(|j| factor[j * n + i] * errors[j]).sum();
            symbols[i] = super::symbol(f64::from(parameters[i]) - carried / factor[i * n + i], steps[i]);
            let rounded = symbols[i] as f32 * steps[i];
            errors[i] = f64::from(rounded) - f64::from(parameters[i]);
            parameters[i] = rounded;
        }
        symbols
    }
}

/// Lower Cholesky factor of `matrix + damping·I`, if that is positive definite.
fn cholesky(matrix: &[f64], n: usize, damping: f64) -> Option<Vec<f64>> {
    let mut l = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            let (before, row) = l.split_at(i * n);
            let row_j = if j == i { row } else { &before[j * n..] };
            let sum: f64 = row[..j].iter().zip(&row_j[..j]).map(|(a, b)| a * b).sum();
            let value = matrix[i * n + j] - sum;
            l[i * n + j] = if i == j {
                let square = value + damping;
                if square.is_nan() || square <= 0.0 {
                    return None;
                }
                square.sqrt()
            } else {
                value / l[j * n + j]
            };
        }
    }
    Some(l)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_compensate_along_correlated_parameters() {
        // Two parameters that only matter by their sum: rounding both up would miss it by 0.8.
        let (mut w, h) = ([0.4, 0.4], [1.0, 0.999, 0.999, 1.0]);
        assert_eq!(Curvature::new(&h, 2).nearest_plane(&mut w, &[1.0, 1.0]).iter().sum::<i32>(), 1);
    }

    #[test]
    fn a_diagonal_matrix_rounds_to_nearest() {
        let mut w = [0.4, -1.6, 2.5];
        assert_eq!(
            Curvature::new(&[1., 0., 0., 0., 2., 0., 0., 0., 3.], 3).nearest_plane(&mut w, &[1.0, 1.0, 0.5]),
            [0, -2, 5]
        );
        assert_eq!(w, [0.0, -2.0, 2.5]);
    }

    #[test]
    fn a_zero_matrix_is_survived() {
        let mut w = [0.4, 0.6];
        assert_eq!(Curvature::new(&[0.0; 4], 2).nearest_plane(&mut w, &[1.0, 1.0]), [0, 1]);
    }
}
