//! The synthesis network on a strip of the picture: splines along the second axis, network, squared error,
//! and all their slopes, one row of `COLUMNS` positions at a time.

#![allow(unsafe_code)]

use super::dense::{InPlace, LANES, bias, outer, transposed};
use super::{COLUMNS, Subset};
use crate::backend::simd::gemm::{Bias, Epilogue, Identity, product};
use crate::backend::simd::kernels::Kernel;
use crate::backend::simd::lanes::Lanes;
use crate::backend::simd::spline::activation::activation_and_slope;
use crate::backend::simd::spline::layers::{check, matrix};
use crate::backend::simd::spline::lines::weigh;
use crate::field::spline::Layer;

/// The parameters as the kernel reads them. Phases are in turns: a hidden unit is `t + sin(2πt) / 2π`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SynthesisNetwork {
    /// Those of the field.
    pub layers: Vec<Layer>,
    /// The first layer's weights and, below them, those of the features in the output: the way back to
    /// features.
    pub back: Vec<f32>,
}

impl SynthesisNetwork {
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(Layer::parameters).sum()
    }
    fn hidden(&self) -> &[Layer] {
        &self.layers[..self.layers.len() - 1]
    }
    fn output(&self) -> &Layer {
        &self.layers[self.layers.len() - 1]
    }
    fn features(&self) -> usize {
        self.layers[0].inputs()
    }
    fn width(&self) -> usize {
        self.layers[0].outputs()
    }
    fn channels(&self) -> usize {
        self.output().outputs()
    }

    /// # Panics
    /// If the sizes of the layers contradict each other.
    fn check(&self) {
        check(&self.layers);
        assert!(self.hidden().iter().all(|layer| layer.outputs() == self.width()));
        assert_eq!(self.back.len(), self.features() * (self.width() + self.channels()));
    }
}

/// The coefficients' rows that a row of the picture is made of, and their weights.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vertical {
    pub rows: [u32; 4],
    pub weights: [f32; 4],
}

/// A grid that is expanded along the first axis: rows of `stride` samples.
#[derive(Clone, Copy)]
pub(crate) struct Expanded<'a> {
    pub samples: &'a [f32],
    /// One per row of the picture.
    pub verticals: &'a [Vertical],
}

/// Computes the squared error `Σ weight · (value − target)²` of a strip, and adds its slopes over the
/// number of channels.
pub(crate) struct Strip<'a> {
    pub network: &'a SynthesisNetwork,
    pub features: &'a [Expanded<'a>],
    pub stride: usize,
    /// The first column of the picture.
    pub column: usize,
    /// `channels × COLUMNS` per row.
    pub targets: &'a [f32],
    /// `channels × COLUMNS` per row, or `COLUMNS` for all rows and channels.
    pub weights: &'a [f32],
    /// By the expanded samples of each feature: `COLUMNS` per row.
    pub by_features: Option<&'a mut [Vec<f32>]>,
    /// By the parameters, in lanes, of the rows of a subset. Without slopes by features, the rows outside the
    /// subset are not visited.
    pub by_parameters: Option<(&'a mut [f32], Subset)>,
}

/// Turns phases into activations and stores their slopes.
#[derive(Clone, Copy)]
struct Snake(*mut f32);

impl<V: Lanes> Epilogue<V> for Snake {
    #[inline(always)]
    unsafe fn apply(self, at: usize, phase: V) -> V {
        // SAFETY: the caller's contract.
        unsafe {
            let (value, slope, _) = activation_and_slope(phase);
            slope.store(self.0.add(at));
            value
        }
    }
}

impl Kernel for Strip<'_> {
    type Output = f64;

    #[inline(always)]
    unsafe fn run<V: Lanes, const C: usize>(mut self) -> f64 {
        let height = self.check();
        let scratch = Scratch::new(self.network);
        let mut error = 0.0;
        for y in 0..height {
            let sampled = self.by_parameters.as_ref().is_some_and(|(_, subset)| subset.contains(y));
            if self.by_parameters.is_some() && self.by_features.is_none() && !sampled {
                continue;
            }
            // SAFETY: the lengths of all slices are asserted in `check`.
            unsafe {
                self.interpolate::<V>(y, scratch.features());
                self.forward::<V, C>(&scratch);
                error += f64::from(self.residuals::<V>(y, scratch.residuals()));
                if sampled || self.by_features.is_some() {
                    self.backward::<V, C>(&scratch);
                }
                if sampled {
                    self.parameter_slopes::<V>(&scratch);
                }
                if self.by_features.is_some() {
                    self.feature_slopes::<V, C>(y, &scratch);
                }
            }
        }
        error
    }
}

impl Strip<'_> {
    /// The number of rows.
    ///
    /// # Panics
    /// If the lengths of slices contradict each other.
    fn check(&self) -> usize {
        self.network.check();
        assert!(!self.features.is_empty() && self.features.len() == self.network.features());
        assert!(self.column + COLUMNS <= self.stride);
        let height = self.features[0].verticals.len();
        for (f, Expanded { samples, verticals }) in self.features.iter().enumerate() {
            let rows = samples.len() / self.stride;
            assert!(verticals.len() == height);
            assert!(verticals.iter().all(|vertical| vertical.rows.iter().all(|&row| (row as usize) < rows)));
            if let Some(slopes) = &self.by_features {
                assert!(slopes.len() == self.features.len() && slopes[f].len() >= rows * COLUMNS);
            }
        }
        assert_eq!(self.targets.len(), height * self.network.channels() * COLUMNS);
        assert!([COLUMNS, self.targets.len()].contains(&self.weights.len()));
        if let Some((slopes, _)) = &self.by_parameters {
            assert_eq!(slopes.len(), self.network.parameters() * LANES);
        }
        height
    }

    /// The features of row `y`.
    #[inline(always)]
    unsafe fn interpolate<V: Lanes>(&self, y: usize, out: *mut f32) {
        // SAFETY: the caller's contract.
        unsafe {
            for (f, feature) in self.features.iter().enumerate() {
                let Vertical { rows, weights } = feature.verticals[y];
                let rows =
                    rows.map(|row| feature.samples.as_ptr().add(row as usize * self.stride + self.column));
                weigh::<V>(rows, weights, COLUMNS, out.add(f * COLUMNS));
            }
        }
    }

    /// Activations, their slopes and values.
    #[inline(always)]
    unsafe fn forward<V: Lanes, const C: usize>(&self, scratch: &Scratch) {
        let network = self.network;
        // SAFETY: the caller's contract; the scratch has room for the network.
        unsafe {
            let mut input: *const f32 = scratch.features();
            for (l, layer) in network.hidden().iter().enumerate() {
                let size = (layer.outputs(), layer.inputs(), COLUMNS);
                let (out, slopes) = (scratch.activations(l), scratch.slopes(l));
                product::<V, C>(size, matrix(layer), input, bias(&layer.biases), Snake(slopes), out);
                input = out;
            }
            let output = network.output();
            let size = (output.outputs(), output.inputs(), COLUMNS);
            let biases = bias(&output.biases);
            product::<V, C>(size, matrix(output), input, biases, Identity, scratch.residuals());
        }
    }

    /// Replaces values by slopes of the error over the number of channels; returns the error.
    #[inline(always)]
    unsafe fn residuals<V: Lanes>(&self, y: usize, values: *mut f32) -> f32 {
        let channels = self.network.channels();
        let weighted = self.weights.len() > COLUMNS;
        // SAFETY: the caller's contract.
        unsafe {
            let (mut error, factor) = (V::splat(0.0), V::splat(2.0 / channels as f32));
            for c in 0..channels {
                let row = (y * channels + c) * COLUMNS;
                let targets = self.targets.as_ptr().add(row);
                let weights = self.weights.as_ptr().add(if weighted { row } else { 0 });
                for p in (0..COLUMNS).step_by(V::N) {
                    let at = values.add(c * COLUMNS + p);
                    let difference = V::load(at).sub(V::load(targets.add(p)));
                    let weighted = difference.mul(V::load(weights.add(p)));
                    error = weighted.fma(difference, error);
                    weighted.mul(factor).store(at);
                }
            }
            error.sum()
        }
    }

    /// Replaces the slopes of activations by those of the error by the phases.
    #[inline(always)]
    unsafe fn backward<V: Lanes, const C: usize>(&self, scratch: &Scratch) {
        let network = self.network;
        let width = network.width();
        // SAFETY: the caller's contract; the scratch has room for the network.
        unsafe {
            let (mut next, mut from) = (network.output(), scratch.residuals());
            for (l, layer) in network.hidden().iter().enumerate().rev() {
                let slopes = scratch.slopes(l);
                let size = (width, next.outputs(), COLUMNS);
                let matrix = transposed(&next.weights, next.inputs());
                product::<V, C>(size, matrix, from, Bias::NONE, InPlace(slopes), slopes);
                (next, from) = (layer, slopes);
            }
        }
    }

    #[inline(always)]
    unsafe fn parameter_slopes<V: Lanes>(&mut self, scratch: &Scratch) {
        let Some((slopes, _)) = &mut self.by_parameters else { return };
        let mut to = slopes.as_mut_ptr();
        // SAFETY: the caller's contract; the scratch has room for the network.
        unsafe {
            let mut input: *const f32 = scratch.features();
            for (l, layer) in self.network.hidden().iter().enumerate() {
                outer::<V>((layer.outputs(), layer.inputs()), scratch.slopes(l), input, to);
                to = to.add(layer.parameters() * LANES);
                input = scratch.activations(l);
            }
            let output = self.network.output();
            outer::<V>((output.outputs(), output.inputs()), scratch.residuals(), input, to);
        }
    }

    /// The slopes by the features of row `y`, and from them by the expanded samples.
    #[inline(always)]
    unsafe fn feature_slopes<V: Lanes, const C: usize>(&mut self, y: usize, scratch: &Scratch) {
        let Some(by_features) = &mut self.by_features else { return };
        let network = self.network;
        // SAFETY: the caller's contract; the slopes of the first layer are followed by the residuals.
        unsafe {
            let size = (network.features(), network.width() + network.channels(), COLUMNS);
            let (matrix, out) = (transposed(&network.back, network.features()), scratch.feature_slopes());
            product::<V, C>(size, matrix, scratch.slopes(0), Bias::NONE, Identity, out);
            for (f, (feature, slopes)) in self.features.iter().zip(by_features.iter_mut()).enumerate() {
                let Vertical { rows, weights } = feature.verticals[y];
                for (&row, &weight) in rows.iter().zip(&weights).filter(|(_, weight)| **weight != 0.0) {
                    let (to, weight) = (slopes.as_mut_ptr().add(row as usize * COLUMNS), V::splat(weight));
                    for p in (0..COLUMNS).step_by(V::N) {
                        let slope = V::load(out.add(f * COLUMNS + p));
                        slope.fma(weight, V::load(to.add(p))).store(to.add(p));
                    }
                }
            }
        }
    }
}

/// Rows of `COLUMNS` numbers: the activations from the first layer on, then the features, which the output
/// reads behind the last layer; the slopes from the last layer on, then the residuals, which the way back to
/// features reads behind the first layer; the slopes by features.
struct Scratch {
    _rows: Vec<f32>,
    base: *mut f32,
    layers: usize,
    width: usize,
    features: usize,
    channels: usize,
}

impl Scratch {
    fn new(network: &SynthesisNetwork) -> Self {
        let (layers, width) = (network.hidden().len(), network.width());
        let (features, channels) = (network.features(), network.channels());
        let mut rows = vec![0.0; (2 * layers * width + 2 * features + channels) * COLUMNS];
        Scratch { base: rows.as_mut_ptr(), _rows: rows, layers, width, features, channels }
    }
    fn at(&self, row: usize) -> *mut f32 {
        self.base.wrapping_add(row * COLUMNS)
    }
    fn activations(&self, layer: usize) -> *mut f32 {
        self.at(layer * self.width)
    }
    fn features(&self) -> *mut f32 {
        self.at(self.layers * self.width)
    }
    fn slopes(&self, layer: usize) -> *mut f32 {
        self.at((2 * self.layers - 1 - layer) * self.width + self.features)
    }
    fn residuals(&self) -> *mut f32 {
        self.at(2 * self.layers * self.width + self.features)
    }
    fn feature_slopes(&self) -> *mut f32 {
        self.at(2 * self.layers * self.width + self.features + self.channels)
    }
}
