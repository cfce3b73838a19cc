//! The context model on rows of a grid: neighbours and combinations of coarser grids to the bits of each
//! latent, and all slopes, one block of `COLUMNS` latents at a time.

#![allow(unsafe_code)]

use super::combine::{double, halve};
use super::dense::{LANES, bias, outer, rows, transposed};
use super::laplace::{Bits, laplace};
use super::{COLUMNS, Padded, Subset};
use crate::backend::simd::gemm::{Bias, Epilogue, Identity, product};
use crate::backend::simd::kernels::Kernel;
use crate::backend::simd::lanes::Lanes;
use crate::backend::simd::spline::layers::matrix;
use crate::field::spline::Layer;

/// The parameters as the kernel reads them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ContextNetwork {
    /// Weights of the first layer plus the identity, `inputs × inputs`.
    pub first: Vec<f32>,
    /// Biases of the first layer, `inputs` for each grid.
    pub biases: Vec<f32>,
    /// The second layer, its weights plus the identity.
    pub second: Layer,
    /// Weights of the second layer's outputs and, behind them, of the inputs: rows of the centre and of the
    /// octaves.
    pub output: Layer,
    /// The first layer's weights and, below them, those of the inputs in the output: the way back to inputs.
    pub back: Vec<f32>,
}

impl ContextNetwork {
    /// Number of parameters with one grid's biases: first weights, these biases, second layer, output.
    pub fn parameters(&self) -> usize {
        self.first.len() + self.inputs() + self.second.parameters() + self.output.parameters()
    }
    fn inputs(&self) -> usize {
        self.second.outputs()
    }
}

/// A neighbour of a latent: a source, and the row and column relative to the latent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Neighbour {
    pub source: usize,
    pub row: isize,
    pub column: isize,
}

/// Where slopes go.
pub(crate) struct Sinks<'a> {
    /// The factor of bits in the loss.
    pub lambda: f32,
    /// By the rounded latents of each source, if wanted: the rows, the two above and the one below, laid out like
    /// a plane from two rows above on.
    pub latents: Option<&'a mut [Vec<f32>]>,
    /// By the parameters, in lanes, of the rows of a subset.
    pub parameters: &'a mut [f32],
    /// By the combinations, summed over pairs of columns and rows: like the combinations of the rows.
    pub combinations: &'a mut [f32],
    /// Without slopes by latents, the rows outside the subset are not visited.
    pub subset: Subset,
}

/// Computes the bits of the latents of some rows, an even number of them except at the end, from an even row
/// on.
pub(crate) struct ContextRows<'a> {
    pub network: &'a ContextNetwork,
    /// The number of the grid.
    pub grid: usize,
    pub layout: Padded,
    /// Whole planes: the one of the rows, and those of earlier slices.
    pub sources: &'a [&'a [f32]],
    pub rows: std::ops::Range<usize>,
    pub neighbours: &'a [Neighbour],
    /// Number of combinations.
    pub count: usize,
    /// The combinations of the rows at half the resolution: per pair of rows `count` rows, each of half the
    /// columns rounded up to a multiple of 16. Empty if the grid has none: they count as 0.
    pub combinations: &'a [f32],
}

/// The negative numbers as 0.
#[derive(Clone, Copy)]
struct Ramp;

impl<V: Lanes> Epilogue<V> for Ramp {
    #[inline(always)]
    unsafe fn apply(self, _: usize, sum: V) -> V {
        // SAFETY: the caller's contract.
        unsafe { sum.max(V::splat(0.0)) }
    }
}

/// The sums where the activations are positive, 0 elsewhere.
#[derive(Clone, Copy)]
struct WhereActive(*const f32);

impl<V: Lanes> Epilogue<V> for WhereActive {
    #[inline(always)]
    unsafe fn apply(self, at: usize, sum: V) -> V {
        // SAFETY: the caller's contract.
        unsafe {
            let zero = V::splat(0.0);
            zero.less(V::load(self.0.add(at)), sum, zero)
        }
    }
}

/// Ones before and zeros from the middle on: the weights of a block that the row ends in.
static VALID: [f32; 2 * COLUMNS] = {
    let mut valid = [0.0; 2 * COLUMNS];
    let mut i = 0;
    while i < COLUMNS {
        valid[i] = 1.0;
        i += 1;
    }
    valid
};

/// A run of [`ContextRows`], with slopes or without.
pub(crate) struct ContextRun<'a> {
    pub rows: ContextRows<'a>,
    pub sinks: Option<Sinks<'a>>,
}

impl Kernel for ContextRun<'_> {
    /// Bits of the visited rows.
    type Output = f64;

    #[inline(always)]
    unsafe fn run<V: Lanes, const C: usize>(mut self) -> f64 {
        self.check();
        let rows = &self.rows;
        let (layout, count) = (rows.layout, rows.count);
        let long = layout.columns.next_multiple_of(COLUMNS);
        let half = layout.columns.div_ceil(2).next_multiple_of(16);
        let scratch = Scratch::new(rows.network.inputs());
        let mut doubled = vec![0.0; count * long];
        let mut slopes = vec![0.0; count * long];
        let mut bits = 0.0;
        for (pair, y0) in rows.rows.clone().step_by(2).enumerate() {
            let combinations = pair * count * half..(pair + 1) * count * half;
            if !rows.combinations.is_empty() {
                double(&rows.combinations[combinations.clone()], half, &mut doubled, long);
                slopes.fill(0.0);
            }
            for y in y0..rows.rows.end.min(y0 + 2) {
                let sampled = self.sinks.as_ref().is_some_and(|sinks| sinks.subset.contains(y));
                if self.sinks.as_ref().is_some_and(|sinks| sinks.latents.is_none()) && !sampled {
                    continue;
                }
                for x in (0..layout.columns).step_by(COLUMNS) {
                    let block = Block { rows, y, x, doubled: &doubled, long, sampled };
                    // SAFETY: the lengths of all slices are asserted in `check`.
                    bits += unsafe { block.run::<V, C>(&scratch, self.sinks.as_mut(), &mut slopes) };
                }
            }
            if let Some(sinks) = self.sinks.as_mut().filter(|_| !rows.combinations.is_empty()) {
                let sums = &mut sinks.combinations[combinations];
                sums.fill(0.0);
                halve(&slopes, long, sums, half);
            }
        }
        bits
    }
}

impl ContextRun<'_> {
    /// # Panics
    /// If the lengths of slices contradict each other.
    fn check(&self) {
        let rows = &self.rows;
        let (network, layout, m) = (rows.network, rows.layout, rows.network.inputs());
        assert!(m == rows.neighbours.len() + rows.count && m > 0);
        assert!(network.first.len() == m * m && network.biases.len() >= (rows.grid + 1) * m);
        assert!(network.second.weights.len() == m * m && network.back.len() == (m + 2) * m);
        assert!(network.output.outputs() == 2 && network.output.weights.len() == 2 * 2 * m);
        assert!(rows.rows.end <= layout.rows && !rows.sources.is_empty());
        assert!(rows.sources.iter().all(|source| source.len() == layout.len()));
        let within = |&Neighbour { source, row, column }: &Neighbour| {
            source < rows.sources.len() && (-2..=1).contains(&row) && (-12..=12).contains(&column)
        };
        assert!(rows.neighbours.iter().all(within));
        let pairs = rows.rows.len().div_ceil(2);
        let combinations = pairs * rows.count * layout.columns.div_ceil(2).next_multiple_of(16);
        assert!([0, combinations].contains(&rows.combinations.len()));
        if let Some(sinks) = &self.sinks {
            assert_eq!(sinks.combinations.len(), rows.combinations.len());
            assert_eq!(sinks.parameters.len(), network.parameters() * LANES);
            let lines = Padded { rows: rows.rows.len(), ..layout }.len();
            let fits = |latents: &&mut [Vec<f32>]| {
                latents.len() == rows.sources.len() && latents.iter().all(|latents| latents.len() == lines)
            };
            assert!(sinks.latents.as_ref().is_none_or(fits));
        }
    }
}

/// `COLUMNS` latents of row `y` from column `x` on.
struct Block<'a> {
    rows: &'a ContextRows<'a>,
    y: usize,
    x: usize,
    /// Rows of combinations, `long` numbers each.
    doubled: &'a [f32],
    long: usize,
    /// Whether slopes by parameters are wanted.
    sampled: bool,
}

impl Block<'_> {
    #[inline(always)]
    unsafe fn run<V: Lanes, const C: usize>(
        &self,
        scratch: &Scratch,
        sinks: Option<&mut Sinks<'_>>,
        combination_slopes: &mut [f32],
    ) -> f64 {
        // SAFETY: the caller's contract.
        unsafe {
            self.inputs::<V>(scratch);
            self.forward::<V, C>(scratch);
            let Some(sinks) = sinks else {
                return f64::from(self.bits::<V>(scratch, 0.0, None));
            };
            let lines = self.rows.layout.row(self.y - self.rows.rows.start) + self.x;
            let direct = sinks.latents.as_mut().map(|latents| latents[0].as_mut_ptr().add(lines));
            let bits = self.bits::<V>(scratch, sinks.lambda, direct);
            self.backward::<V, C>(scratch);
            if self.sampled {
                self.parameter_slopes::<V>(scratch, sinks.parameters.as_mut_ptr());
            }
            let latents = sinks.latents.as_mut().map(|latents| (&mut **latents, lines));
            self.input_slopes::<V, C>(scratch, latents, combination_slopes);
            f64::from(bits)
        }
    }

    /// Gathers the neighbours and combinations.
    #[inline(always)]
    unsafe fn inputs<V: Lanes>(&self, scratch: &Scratch) {
        let ContextRows { layout, sources, neighbours, count, .. } = *self.rows;
        let at = layout.row(self.y) + self.x;
        // SAFETY: a plane's buffer has room for blocks that begin within it, and for their neighbours.
        unsafe {
            let mut to = scratch.inputs();
            for &Neighbour { source, row, column } in neighbours {
                let latents = sources[source].as_ptr().add(at);
                copy::<V>(latents.offset(row * layout.stride as isize + column), to);
                to = to.add(COLUMNS);
            }
            for j in 0..count {
                copy::<V>(self.doubled[j * self.long + self.x..][..COLUMNS].as_ptr(), to);
                to = to.add(COLUMNS);
            }
        }
    }

    #[inline(always)]
    unsafe fn forward<V: Lanes, const C: usize>(&self, scratch: &Scratch) {
        let network = self.rows.network;
        let m = network.inputs();
        // SAFETY: the caller's contract; the second layer's outputs are followed by the inputs.
        unsafe {
            let size = (m, m, COLUMNS);
            let first = bias(&network.biases[self.rows.grid * m..][..m]);
            product::<V, C>(size, rows(&network.first, m), scratch.inputs(), first, Ramp, scratch.first());
            let second = &network.second;
            let biases = bias(&second.biases);
            product::<V, C>(size, matrix(second), scratch.first(), biases, Ramp, scratch.second());
            let output = &network.output;
            let size = (2, 2 * m, COLUMNS);
            let (biases, out) = (bias(&output.biases), scratch.outputs());
            product::<V, C>(size, matrix(output), scratch.second(), biases, Identity, out);
        }
    }

    /// Replaces centres and octaves by slopes, adds those by the latents themselves to `direct`, and returns
    /// the bits.
    #[inline(always)]
    unsafe fn bits<V: Lanes>(&self, scratch: &Scratch, lambda: f32, direct: Option<*mut f32>) -> f32 {
        let ContextRows { layout, sources, .. } = *self.rows;
        let valid = (layout.columns - self.x).min(COLUMNS);
        // SAFETY: the caller's contract.
        unsafe {
            let latents = sources[0].as_ptr().add(layout.row(self.y) + self.x);
            let valid = VALID.as_ptr().add(COLUMNS - valid);
            let (centres, octaves) = (scratch.outputs(), scratch.outputs().add(COLUMNS));
            let mut sum = V::splat(0.0);
            for p in (0..COLUMNS).step_by(V::N) {
                let (centre, octave) = (V::load(centres.add(p)), V::load(octaves.add(p)));
                let Bits { bits, by_latent, by_octaves } = laplace(V::load(latents.add(p)), centre, octave);
                let valid = V::load(valid.add(p));
                sum = bits.fma(valid, sum);
                let factor = valid.mul(V::splat(lambda));
                let by_latent = by_latent.mul(factor);
                if let Some(direct) = direct {
                    by_latent.add(V::load(direct.add(p))).store(direct.add(p));
                }
                V::splat(0.0).sub(by_latent).store(centres.add(p));
                by_octaves.mul(factor).store(octaves.add(p));
            }
            sum.sum()
        }
    }

    /// Slopes by the sums of both layers.
    #[inline(always)]
    unsafe fn backward<V: Lanes, const C: usize>(&self, scratch: &Scratch) {
        let network = self.rows.network;
        let m = network.inputs();
        // SAFETY: the caller's contract.
        unsafe {
            let (active, out) = (WhereActive(scratch.second()), scratch.second_slopes());
            let matrix = transposed(&network.output.weights, 2 * m);
            product::<V, C>((m, 2, COLUMNS), matrix, scratch.outputs(), Bias::NONE, active, out);
            let (active, out) = (WhereActive(scratch.first()), scratch.first_slopes());
            let matrix = transposed(&network.second.weights, m);
            product::<V, C>((m, m, COLUMNS), matrix, scratch.second_slopes(), Bias::NONE, active, out);
        }
    }

    #[inline(always)]
    unsafe fn parameter_slopes<V: Lanes>(&self, scratch: &Scratch, slopes: *mut f32) {
        let m = self.rows.network.inputs();
        // SAFETY: the caller's contract.
        unsafe {
            outer::<V>((m, m), scratch.first_slopes(), scratch.inputs(), slopes);
            let slopes = slopes.add(m * (m + 1) * LANES);
            outer::<V>((m, m), scratch.second_slopes(), scratch.first(), slopes);
            let slopes = slopes.add(m * (m + 1) * LANES);
            outer::<V>((2, 2 * m), scratch.outputs(), scratch.second(), slopes);
        }
    }

    /// The slopes by neighbours, relative to the latents' own, and by combinations.
    #[inline(always)]
    unsafe fn input_slopes<V: Lanes, const C: usize>(
        &self,
        scratch: &Scratch,
        mut latents: Option<(&mut [Vec<f32>], usize)>,
        combination_slopes: &mut [f32],
    ) {
        let ContextRows { network, layout, neighbours, combinations, .. } = *self.rows;
        let m = network.inputs();
        // SAFETY: the caller's contract; the slopes of the first layer are followed by those of the outputs.
        unsafe {
            let (matrix, out) = (transposed(&network.back, m), scratch.input_slopes());
            product::<V, C>((m, m + 2, COLUMNS), matrix, scratch.first_slopes(), Bias::NONE, Identity, out);
            let mut from: *const f32 = out;
            for &Neighbour { source, row, column } in neighbours {
                if let Some((latents, at)) = &mut latents {
                    let to = latents[source].as_mut_ptr().add(*at);
                    accumulate::<V>(from, to.offset(row * layout.stride as isize + column));
                }
                from = from.add(COLUMNS);
            }
            if !combinations.is_empty() {
                for row in combination_slopes.chunks_exact_mut(self.long) {
                    accumulate::<V>(from, row[self.x..][..COLUMNS].as_mut_ptr());
                    from = from.add(COLUMNS);
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn copy<V: Lanes>(from: *const f32, to: *mut f32) {
    // SAFETY: the caller's pointers are valid for COLUMNS numbers.
    unsafe {
        for p in (0..COLUMNS).step_by(V::N) {
            V::load(from.add(p)).store(to.add(p));
        }
    }
}

#[inline(always)]
unsafe fn accumulate<V: Lanes>(from: *const f32, to: *mut f32) {
    // SAFETY: the caller's pointers are valid for COLUMNS numbers.
    unsafe {
        for p in (0..COLUMNS).step_by(V::N) {
            V::load(from.add(p)).add(V::load(to.add(p))).store(to.add(p));
        }
    }
}

/// Rows of `COLUMNS` numbers: the outputs of both layers and, behind the second's, which the output reads
/// together, the inputs; the slopes of the second and the first layer and, behind the first's, which the way
/// back reads together, the centres and octaves or their slopes; the slopes by inputs.
struct Scratch {
    _rows: Vec<f32>,
    base: *mut f32,
    inputs: usize,
}

impl Scratch {
    fn new(inputs: usize) -> Self {
        let mut rows = vec![0.0; (6 * inputs + 2) * COLUMNS];
        Scratch { base: rows.as_mut_ptr(), _rows: rows, inputs }
    }
    fn at(&self, row: usize) -> *mut f32 {
        self.base.wrapping_add(row * COLUMNS)
    }
    fn first(&self) -> *mut f32 {
        self.at(0)
    }
    fn second(&self) -> *mut f32 {
        self.at(self.inputs)
    }
    fn inputs(&self) -> *mut f32 {
        self.at(2 * self.inputs)
    }
    fn second_slopes(&self) -> *mut f32 {
        self.at(3 * self.inputs)
    }
    fn first_slopes(&self) -> *mut f32 {
        self.at(4 * self.inputs)
    }
    fn outputs(&self) -> *mut f32 {
        self.at(5 * self.inputs)
    }
    fn input_slopes(&self) -> *mut f32 {
        self.at(5 * self.inputs + 2)
    }
}
