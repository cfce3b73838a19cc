//! Rounds the parameters of a layer to multiples of their steps so that the errors compensate each other.
//!
//! Minimises `(q − w)ᵀ H (q − w)` over multiples of the steps: the closest point of a lattice. With the
//! Cholesky factor `H = L Lᵀ`, parameters are rounded from the last to the first, each after compensating the
//! errors of those already rounded. A single path is Babai's nearest plane, which GPTQ (Frantar et al. 2022)
//! computes; this is the K-best (or M-) algorithm of multi-antenna decoders, which follows the best few paths
//! side by side.

/// Number of paths followed side by side. Twelve crops of Kodak pictures at 0.5 bits per pixel, 30.01 dB
/// before rounding: 29.43, 29.48, 29.49 and 29.50 dB with 1, 4, 16 and 64 paths.
const PATHS: usize = 32;
/// Damping of the diagonal relative to its mean. Twelve crops of Kodak pictures have the same PSNR, within
/// 0.012 dB, with 0.1, 0.005 and 0.001.
const DAMPING: f64 = 0.02;

/// A factored curvature matrix.
pub(crate) struct Curvature {
    n: usize,
    /// Lower Cholesky factor: for each column `i` its `n − i` numbers from the pivot down, one column after
    /// the other.
    factor: Vec<f32>,
}

impl Curvature {
    /// Factors a symmetric `matrix` with a slightly damped diagonal; the damping grows until the matrix is
    /// positive definite. Entries that overflowed carry no information and count as 0.
    pub fn new(mut matrix: Vec<f64>) -> Self {
        let n = matrix.len().isqrt();
        matrix.iter_mut().filter(|entry| !entry.is_finite()).for_each(|entry| *entry = 0.0);
        let mean = (0..n).map(|i| matrix[i * n + i]).sum::<f64>() / n as f64;
        let mut damping = DAMPING * if mean.is_normal() { mean.abs() } else { 1.0 };
        while !factor(&mut matrix, n, damping) {
            damping *= 10.0;
        }
        let lower = (0..n).flat_map(|i| (i..n).map(move |j| j * n + i));
        Curvature { n, factor: lower.map(|k| matrix[k] as f32).collect() }
    }

    /// Column `i` of the factor: the pivot and the numbers below it.
    fn column(&self, i: usize) -> (f64, &[f32]) {
        let column = &self.factor[i * self.n - i * i.saturating_sub(1) / 2..][..self.n - i];
        (f64::from(column[0]), &column[1..])
    }

    /// The number of parameters.
    pub fn parameters(&self) -> usize {
        self.n
    }

    /// Solves `H x = right`.
    pub fn solve(&self, mut right: Vec<f64>) -> Vec<f64> {
        for i in 0..self.n {
            let (pivot, below) = self.column(i);
            right[i] /= pivot;
            let (done, left) = right.split_at_mut(i + 1);
            left.iter_mut().zip(below).for_each(|(x, &l)| *x -= f64::from(l) * done[i]);
        }
        for i in (0..self.n).rev() {
            let (pivot, below) = self.column(i);
            let known: f64 = below.iter().zip(&right[i + 1..]).map(|(&l, x)| f64::from(l) * x).sum();
            right[i] = (right[i] - known) / pivot;
        }
        right
    }

    /// Rounds `parameters` to multiples of `steps`, in place, and returns the multiples.
    pub fn closest(&self, parameters: &mut [f32], steps: &[f32]) -> Vec<i32> {
        self.closest_of(PATHS, parameters, steps)
    }

    /// Rounds `parameters` to multiples of `steps` like `closest`, following at most `most` paths.
    fn closest_of(&self, most: usize, parameters: &mut [f32], steps: &[f32]) -> Vec<i32> {
        let n = self.n;
        let mut paths = vec![Path { cost: 0.0, errors: vec![0.0; n], symbols: vec![0; n] }];
        for i in (0..n).rev() {
            let (value, step) = (f64::from(parameters[i]), steps[i]);
            let (pivot, below) = self.column(i);
            let mut next: Vec<(f64, usize, i32)> = Vec::with_capacity(3 * paths.len());
            for (number, path) in paths.iter().enumerate() {
                let wanted = value - dot(below, &path.errors[i + 1..]) / pivot;
                let other = f64::from(step);
                next.extend([wanted, wanted - other, wanted + other].map(|value| {
                    let symbol = super::symbol(value, step);
                    let error = pivot * (f64::from(symbol as f32 * step) - wanted);
                    (path.cost + error * error, number, symbol)
                }));
            }
            next.sort_by(|a, b| a.0.total_cmp(&b.0));
            next.truncate(most);
            let extended = next.into_iter().map(|(cost, number, symbol)| {
                let mut path = Path { cost, ..paths[number].clone() };
                path.symbols[i] = symbol;
                path.errors[i] = (f64::from(symbol as f32 * step) - value) as f32;
                path
            });
            paths = extended.collect();
        }
        let symbols = paths.swap_remove(0).symbols;
        for ((parameter, symbol), step) in parameters.iter_mut().zip(&symbols).zip(steps) {
            *parameter = *symbol as f32 * step;
        }
        symbols
    }
}

/// Multiples chosen for the parameters rounded so far, which are the last ones.
#[derive(Clone)]
struct Path {
    /// The cost of their errors if the remaining parameters compensated them as well as real numbers could.
    cost: f64,
    /// Rounded minus exact value of every parameter; 0 for those not yet rounded.
    errors: Vec<f32>,
    symbols: Vec<i32>,
}

/// Replaces the lower triangle of `matrix` (`n × n`, row by row) by the Cholesky factor of `matrix +
/// damping·I`, and returns whether that is positive definite. The matrix is read from the diagonal and the
/// upper triangle; the upper triangle is kept, the diagonal only if the result is false.
fn factor(matrix: &mut [f64], n: usize, damping: f64) -> bool {
    let mut diagonal = vec![0.0; n];
    for i in 0..n {
        let (above, row) = matrix.split_at_mut(i * n);
        for j in 0..i {
            let row_j = &above[j * n..][..n];
            row[j] = (row_j[i] - sum_of_products(&row[..j], &row_j[..j])) / diagonal[j];
        }
        let square = row[i] + damping - sum_of_products(&row[..i], &row[..i]);
        if square.is_nan() || square <= 0.0 {
            return false;
        }
        diagonal[i] = square.sqrt();
    }
    (0..n).for_each(|i| matrix[i * n + i] = diagonal[i]);
    true
}

/// A dot product in eight partial sums, which the compiler vectorises.
fn sum_of_products(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        sums.iter_mut().zip(a).zip(b).for_each(|((sum, a), b)| *sum += a * b);
    }
    rest + sums.iter().sum::<f64>()
}

/// A binary32 dot product in sixteen partial sums.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0f32; 16];
    let (a, b) = (a.chunks_exact(16), b.chunks_exact(16));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        sums.iter_mut().zip(a).zip(b).for_each(|((sum, a), b)| *sum += a * b);
    }
    f64::from(rest) + sums.iter().map(|&sum| f64::from(sum)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_compensate_along_correlated_parameters() {
        // Two parameters of which only the sum matters: rounding both up would miss it by 0.8.
        let (mut w, h) = ([0.4, 0.4], [1.0, 0.999, 0.999, 1.0]);
        assert_eq!(Curvature::new(h.to_vec()).closest(&mut w, &[1.0, 1.0]).iter().sum::<i32>(), 1);
    }

    #[test]
    fn a_diagonal_matrix_rounds_to_nearest() {
        let mut w = [0.4, -1.6, 2.5];
        assert_eq!(
            Curvature::new(vec![1., 0., 0., 0., 2., 0., 0., 0., 3.]).closest(&mut w, &[1.0, 1.0, 0.5]),
            [0, -2, 5]
        );
        assert_eq!(w, [0.0, -2.0, 2.5]);
    }

    #[test]
    fn a_matrix_that_overflowed_is_survived() {
        let mut w = [0.4, 0.6];
        let matrix = vec![f64::INFINITY, f64::NAN, f64::NAN, 1.0];
        assert_eq!(Curvature::new(matrix).closest(&mut w, &[1.0, 1.0]), [0, 1]);
    }

    #[test]
    fn a_solution_solves_the_damped_equations() {
        let mut rng = fastrand::Rng::with_seed(5);
        for n in [1, 2, 7, 40] {
            let (mut matrix, _) = entangled(n, &mut rng);
            let right: Vec<f64> = (0..n).map(|_| rng.f64() - 0.5).collect();
            let solution = Curvature::new(matrix.clone()).solve(right.clone());
            let damping = DAMPING * (0..n).map(|i| matrix[i * n + i]).sum::<f64>() / n as f64;
            (0..n).for_each(|i| matrix[i * n + i] += damping);
            for (i, right) in right.into_iter().enumerate() {
                let left: f64 = (0..n).map(|j| matrix[i * n + j] * solution[j]).sum();
                assert!((left - right).abs() < 1e-4, "{left} for {right} of {n}");
            }
        }
    }

    #[test]
    fn a_zero_matrix_is_survived() {
        let mut w = [0.4, 0.6];
        assert_eq!(Curvature::new(vec![0.0; 4]).closest(&mut w, &[1.0, 1.0]), [0, 1]);
    }

    /// A curvature matrix of strongly dependent parameters, as in a layer of a network, and the parameters.
    fn entangled(n: usize, rng: &mut fastrand::Rng) -> (Vec<f64>, Vec<f32>) {
        let rows: Vec<f64> = (0..n * (n + 2)).map(|_| rng.f64() - 0.35).collect();
        let product = |i: usize, j: usize| rows.chunks_exact(n).map(|row| row[i] * row[j]).sum::<f64>();
        let matrix = (0..n * n).map(|k| product(k / n, k % n)).collect();
        (matrix, (0..n).map(|_| 20.0 * (rng.f32() - 0.5)).collect())
    }

    fn cost(matrix: &[f64], parameters: &[f32], symbols: &[i32]) -> f64 {
        let n = parameters.len();
        let error = |i: usize| f64::from(symbols[i]) - f64::from(parameters[i]);
        (0..n * n).map(|k| matrix[k] * error(k / n) * error(k % n)).sum()
    }

    #[test]
    fn few_parameters_are_rounded_as_well_as_can_be() {
        let mut rng = fastrand::Rng::with_seed(3);
        for _ in 0..50 {
            let (mut matrix, parameters) = entangled(3, &mut rng);
            let symbols = Curvature::new(matrix.clone()).closest(&mut parameters.clone(), &[1.0; 3]);
            let damping = DAMPING * (0..3).map(|i| matrix[4 * i]).sum::<f64>() / 3.0;
            (0..3).for_each(|i| matrix[4 * i] += damping);
            let all = (0..7 * 7 * 7).map(|k| {
                let near = |i: usize, k: i32| parameters[i].round() as i32 + k % 7 - 3;
                cost(&matrix, &parameters, &[near(0, k), near(1, k / 7), near(2, k / 49)])
            });
            let least = all.fold(f64::INFINITY, f64::min);
            let reached = cost(&matrix, &parameters, &symbols);
            assert!(reached <= least * (1.0 + 1e-9), "{reached} for {least}");
        }
    }

    #[test]
    fn several_paths_end_nearer_than_one() {
        let mut rng = fastrand::Rng::with_seed(4);
        let (n, mut one, mut several) = (24, 0.0, 0.0);
        for _ in 0..20 {
            let (matrix, parameters) = entangled(n, &mut rng);
            let curvature = Curvature::new(matrix.clone());
            let rounded = |paths| {
                let symbols = curvature.closest_of(paths, &mut parameters.clone(), &vec![1.0; n]);
                cost(&matrix, &parameters, &symbols)
            };
            one += rounded(1);
            several += rounded(PATHS);
        }
        assert!(several < 0.8 * one, "{several} for {one}");
    }
}
