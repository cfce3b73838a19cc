//! SOAP (Vyas et al. 2024): Adam in the eigenbases of the running covariances of a matrix's gradients; Adam
//! on biases.

use crate::field::spline::Tensor;

const BETA: f64 = 0.95;
/// Decay of the covariances.
const COVARIANCE: f64 = 0.95;
const EPSILON: f64 = 1e-12;
/// Steps between changes of the bases.
const REFRESH: u32 = 10;
/// Sweeps of Jacobi rotations per change at most: the bases are nearly right already.
const SWEEPS: usize = 6;

/// The optimiser's state of all tensors.
#[derive(Clone, Debug)]
pub(super) struct Soap {
    steps: u32,
    states: Vec<State>,
}

#[derive(Clone, Debug)]
struct State {
    shape: Tensor,
    first: Vec<f64>,
    second: Vec<f64>,
    /// The bases of rows and of columns; none where Adam works on the numbers themselves.
    bases: Option<[Basis; 2]>,
}

/// A running covariance and its eigenvectors, as columns.
#[derive(Clone, Debug)]
struct Basis {
    n: usize,
    covariance: Vec<f64>,
    vectors: Vec<f64>,
}

impl Soap {
    /// `plain` says which tensors are not matrices.
    pub fn new(shapes: &[Tensor], plain: impl Fn(usize) -> bool) -> Self {
        let state = |(n, &shape): (usize, &Tensor)| {
            let zeros = vec![0.0; shape.parameters()];
            let matrix = shape.columns > 1 && !plain(n);
            let bases = matrix.then(|| [Basis::new(shape.rows), Basis::new(shape.columns)]);
            State { shape, first: zeros.clone(), second: zeros, bases }
        };
        Soap { steps: 0, states: shapes.iter().enumerate().map(state).collect() }
    }

    /// One step along `gradients`, but for the tensors that are `frozen`.
    pub fn step(
        &mut self,
        rate: f64,
        tensors: &mut [Vec<f32>],
        gradients: &[Vec<f32>],
        frozen: impl Fn(usize) -> bool,
    ) {
        self.steps += 1;
        let bias = 1.0 - BETA.powi(self.steps as i32);
        let refresh = self.steps == 1 || self.steps.is_multiple_of(REFRESH);
        let all = self.states.iter_mut().zip(tensors).zip(gradients).enumerate();
        for (_, ((state, tensor), gradient)) in all.filter(|(n, _)| !frozen(*n)) {
            let mut gradient: Vec<f64> = gradient.iter().map(|&g| g.into()).collect();
            if gradient.is_empty() {
                continue;
            }
            state.enter(&mut gradient, refresh);
            let moments = state.first.iter_mut().zip(&mut state.second);
            for (g, (m, v)) in gradient.iter_mut().zip(moments) {
                *m += (1.0 - BETA) * (*g - *m);
                *v += (1.0 - BETA) * (*g * *g - *v);
                *g = *m / bias / ((*v / bias).sqrt() + EPSILON);
            }
            if let Some([rows, columns]) = &state.bases {
                gradient = rotated(&gradient, &rows.transposed(), &columns.transposed());
            }
            tensor.iter_mut().zip(&gradient).for_each(|(w, step)| *w -= (rate * step) as f32);
        }
    }
}

impl State {
    /// Updates the bases and turns `gradient` into them.
    fn enter(&mut self, gradient: &mut Vec<f64>, refresh: bool) {
        let Some([rows, columns]) = &mut self.bases else { return };
        let Tensor { rows: r, columns: c } = self.shape;
        rows.observe(|i, j| (0..c).map(|k| gradient[i * c + k] * gradient[j * c + k]).sum());
        columns.observe(|i, j| (0..r).map(|k| gradient[k * c + i] * gradient[k * c + j]).sum());
        if refresh {
            let (left, right) = (rows.refresh(), columns.refresh());
            self.first = rotated(&self.first, &left, &right);
        }
        *gradient = rotated(gradient, &rows.vectors, &columns.vectors);
    }
}

impl Basis {
    fn new(n: usize) -> Self {
        let mut vectors = vec![0.0; n * n];
        vectors.iter_mut().step_by(n + 1).for_each(|x| *x = 1.0);
        Basis { n, covariance: vec![0.0; n * n], vectors }
    }

    fn observe(&mut self, product: impl Fn(usize, usize) -> f64) {
        for i in 0..self.n {
            for j in 0..=i {
                let at = i * self.n + j;
                self.covariance[at] += (1.0 - COVARIANCE) * (product(i, j) - self.covariance[at]);
                self.covariance[j * self.n + i] = self.covariance[at];
            }
        }
    }

    /// Turns the vectors into eigenvectors; returns the turn in terms of the former vectors.
    fn refresh(&mut self) -> Vec<f64> {
        let mut turned = rotated(&self.covariance, &self.vectors, &self.vectors);
        let turn = jacobi(&mut turned, self.n);
        self.vectors = multiplied(&self.vectors, &turn, self.n);
        turn
    }

    fn transposed(&self) -> Vec<f64> {
        let n = self.n;
        (0..n * n).map(|at| self.vectors[at % n * n + at / n]).collect()
    }
}

/// `a · b` of matrices with `b` of `n` rows and columns.
fn multiplied(a: &[f64], b: &[f64], n: usize) -> Vec<f64> {
    let mut product = vec![0.0; a.len()];
    for (a, row) in a.chunks_exact(n).zip(product.chunks_exact_mut(n)) {
        for (&a, b) in a.iter().zip(b.chunks_exact(n)) {
            row.iter_mut().zip(b).for_each(|(x, b)| *x += a * b);
        }
    }
    product
}

/// `leftᵀ · x · right`.
fn rotated(x: &[f64], left: &[f64], right: &[f64]) -> Vec<f64> {
    let n = right.len().isqrt();
    let x = multiplied(x, right, n);
    let r = left.len().isqrt();
    let mut product = vec![0.0; x.len()];
    for (x, left) in x.chunks_exact(n).zip(left.chunks_exact(r)) {
        for (row, &l) in product.chunks_exact_mut(n).zip(left) {
            row.iter_mut().zip(x).for_each(|(p, x)| *p += l * x);
        }
    }
    product
}

/// The eigenvectors of a symmetric matrix, as columns, by cyclic Jacobi rotations; the matrix becomes
/// diagonal.
fn jacobi(a: &mut [f64], n: usize) -> Vec<f64> {
    let mut vectors = vec![0.0; n * n];
    vectors.iter_mut().step_by(n + 1).for_each(|x| *x = 1.0);
    for _ in 0..SWEEPS {
        let squares = |of: fn(usize, usize) -> bool| -> f64 {
            (0..n * n).filter(|at| of(at / n, at % n)).map(|at| a[at] * a[at]).sum()
        };
        if squares(|i, j| i != j) < 2e-10 * squares(|i, j| i == j) {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                let x = a[p * n + q];
                if x.abs() < 1e-300 {
                    continue;
                }
                let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * x);
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let c = 1.0 / (t * t + 1.0).sqrt();
                let turn = |x: &mut f64, y: &mut f64| (*x, *y) = (c * *x - t * c * *y, t * c * *x + c * *y);
                for row in a.chunks_exact_mut(n).chain(vectors.chunks_exact_mut(n)) {
                    let (left, right) = row.split_at_mut(q);
                    turn(&mut left[p], &mut right[0]);
                }
                let (above, below) = a.split_at_mut(q * n);
                above[p * n..][..n].iter_mut().zip(&mut below[..n]).for_each(|(x, y)| turn(x, y));
            }
        }
    }
    vectors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvectors_make_a_covariance_diagonal() {
        let n = 5;
        let mut rng = fastrand::Rng::with_seed(3);
        let x: Vec<f64> = (0..n * n).map(|_| rng.f64() - 0.5).collect();
        let mut basis = Basis::new(n);
        basis.observe(|i, j| (0..n).map(|k| x[i * n + k] * x[j * n + k]).sum());
        basis.refresh();
        let diagonal = rotated(&basis.covariance, &basis.vectors, &basis.vectors);
        let scale = diagonal.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        let unit = multiplied(&basis.transposed(), &basis.vectors, n);
        for at in 0..n * n {
            let expected = if at % (n + 1) == 0 { 1.0 } else { 0.0 };
            assert!((unit[at] - expected).abs() < 1e-12, "{unit:?}");
            assert!(at % (n + 1) == 0 || diagonal[at].abs() < 1e-4 * scale, "{diagonal:?}");
        }
    }

    #[test]
    fn a_badly_scaled_quadratic_is_solved() {
        // ½ (w − goal)ᵀ M (w − goal) with an ill-conditioned M in a turned basis.
        let goal = [[0.7f32, -0.4], [0.1, 0.9]];
        let shape = Tensor { rows: 2, columns: 2 };
        let mut soap = Soap::new(&[shape], |_| false);
        let mut tensor = vec![vec![0.0f32; 4]];
        for step in 0..400 {
            let d: Vec<f32> = (0..4).map(|i| tensor[0][i] - goal[i / 2][i % 2]).collect();
            let (s, t) = (100.0 * (d[0] + d[2]), 100.0 * (d[1] + d[3]));
            let gradient = vec![vec![s + d[0] - d[2], t + d[1] - d[3], s + d[2] - d[0], t + d[3] - d[1]]];
            soap.step(0.05 * (1.0 - f64::from(step) / 400.0), &mut tensor, &gradient, |_| false);
        }
        for (w, goal) in tensor[0].iter().zip(goal.as_flattened()) {
            assert!((w - goal).abs() < 1e-3, "{tensor:?}");
        }
    }
}
