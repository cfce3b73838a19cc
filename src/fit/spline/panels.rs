//! A plane of the signal in strips of columns, on which the synthesis network is trained.

use super::feature::Feature;
use super::pyramid::Grid;
use super::slopes::Slopes;
use crate::backend::simd::Level;
use crate::backend::simd::spline::training::{COLUMNS, Expanded, LANES, Strip, Subset, SynthesisNetwork};
use crate::field::spline::Shape;
use rayon::prelude::*;

/// The signal of a field.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a> {
    /// Positions with the first axis fastest, `channels` numbers each.
    pub values: &'a [f32],
    /// The weight of each value's squared error; 1 if none are given.
    pub weights: Option<&'a [f32]>,
}

impl Samples<'_> {
    /// The weighted means of the channels.
    ///
    /// # Panics
    /// If there are not as many samples or weights as the shape says.
    pub(super) fn means(&self, shape: &Shape) -> Vec<f32> {
        let positions: usize = shape.lengths.iter().map(|&n| n as usize).product();
        assert_eq!(self.values.len(), positions * shape.outputs);
        assert!(self.weights.is_none_or(|weights| weights.len() == self.values.len()));
        let mut sums = vec![(0.0, 0.0); shape.outputs];
        for (i, &value) in self.values.iter().enumerate() {
            let weight = f64::from(self.weights.map_or(1.0, |weights| weights[i]));
            let (sum, total) = &mut sums[i % shape.outputs];
            *sum += weight * f64::from(value);
            *total += weight;
        }
        sums.iter().map(|&(sum, total)| (sum / f64::max(total, f64::MIN_POSITIVE)) as f32).collect()
    }
}

/// Positions of a panel, about: enough to be worth its own sums of slopes.
const PANEL: usize = 1 << 14;

/// Neighbouring strips, the unit of parallel work, whatever the number of threads.
struct Panel {
    strips: Vec<Columns>,
    /// Slopes by the parameters, in lanes.
    parameters: Vec<f32>,
    error: f64,
}

/// `COLUMNS` columns of a plane.
struct Columns {
    first: usize,
    /// Slopes by the expanded features.
    by_features: Vec<Vec<f32>>,
}

/// What the columns of a slice should be.
struct Targets {
    /// Per row `channels × COLUMNS`.
    values: Vec<f32>,
    /// As the values, or `COLUMNS` for all rows and channels.
    weights: Vec<f32>,
}

/// All panels of a plane, and the targets of every slice.
pub(super) struct Panels {
    panels: Vec<Panel>,
    /// For each slice, those of each strip.
    slices: Vec<Vec<Targets>>,
    stride: usize,
}

impl Panels {
    pub fn new(
        shape: &Shape,
        samples: &Samples<'_>,
        (grids, features): (&[Grid], &[Feature]),
        parameters: usize,
    ) -> Self {
        let [width, height] = shape.plane();
        let features: Vec<&Grid> = features.iter().map(|feature| &grids[feature.grid]).collect();
        let channels = shape.outputs;
        let starts: Vec<_> = (0..width).step_by(COLUMNS).collect();
        let size = width * height * channels;
        let targets = |first: usize, slice: usize| {
            let valid = COLUMNS.min(width - first);
            let strip = |numbers: &[f32]| {
                let numbers = &numbers[slice * size..][..size];
                let mut strip = vec![0.0; height * channels * COLUMNS];
                for (row, strip) in strip.chunks_exact_mut(COLUMNS).enumerate() {
                    let (y, c) = (row / channels, row % channels);
                    let row = numbers[(y * width + first) * channels..].iter().skip(c).step_by(channels);
                    strip[..valid].iter_mut().zip(row).for_each(|(to, &number)| *to = number);
                }
                strip
            };
            let ones = || (0..COLUMNS).map(|x| if x < valid { 1.0 } else { 0.0 }).collect();
            Targets { values: strip(samples.values), weights: samples.weights.map_or_else(ones, strip) }
        };
        let of_strip = |first: usize| {
            let by_features = features.iter().map(|grid| vec![0.0; grid.layout.rows * COLUMNS]).collect();
            Columns { first, by_features }
        };
        let strips = (PANEL / (height * COLUMNS)).max(1);
        let panel = |starts: &[usize]| Panel {
            strips: starts.iter().copied().map(of_strip).collect(),
            parameters: vec![0.0; parameters * LANES],
            error: 0.0,
        };
        let count = shape.slices().into_iter().product();
        let of_slice = |slice| starts.iter().map(|&first| targets(first, slice)).collect();
        Panels {
            panels: starts.chunks(strips).map(panel).collect(),
            slices: (0..count).into_par_iter().map(of_slice).collect(),
            stride: width.next_multiple_of(COLUMNS),
        }
    }

    /// The number of slices.
    pub fn slices(&self) -> usize {
        self.slices.len()
    }

    /// Forgets the error and the slopes by parameters of all slices.
    pub fn clear(&mut self) {
        for panel in &mut self.panels {
            panel.parameters.fill(0.0);
            panel.error = 0.0;
        }
    }

    /// Adds the weighted squared error of a slice and its slopes by parameters, and computes those by its features,
    /// over the number of channels.
    pub fn run(
        &mut self,
        level: Level,
        network: &SynthesisNetwork,
        (slice, features): (usize, &[Feature]),
        slopes: Slopes,
        (seed, every): (u32, u32),
    ) {
        let features: Vec<Expanded<'_>> = features.iter().map(Feature::expanded).collect();
        let (stride, targets) = (self.stride, &self.slices[slice][..]);
        let seed = seed.wrapping_add((slice as u32).wrapping_mul(31));
        self.panels.par_iter_mut().for_each(|panel| {
            for strip in &mut panel.strips {
                let Targets { values, weights } = &targets[strip.first / COLUMNS];
                let by_features = (slopes == Slopes::All).then(|| {
                    strip.by_features.iter_mut().for_each(|slopes| slopes.fill(0.0));
                    &mut strip.by_features[..]
                });
                let seed = seed.wrapping_add(strip.first as u32);
                let by_parameters =
                    (slopes != Slopes::None).then_some((&mut panel.parameters[..], Subset { seed, every }));
                panel.error += level.run(Strip {
                    network,
                    features: &features,
                    stride,
                    column: strip.first,
                    targets: values,
                    weights,
                    by_features,
                    by_parameters,
                });
            }
        });
    }

    /// The weighted squared error of the slices.
    pub fn error(&self) -> f64 {
        self.panels.iter().map(|panel| panel.error).sum()
    }

    /// The slopes by the parameters.
    pub fn parameter_slopes(&self, every: u32) -> Vec<f32> {
        let mut slopes = vec![0.0; self.panels[0].parameters.len() / LANES];
        for panel in &self.panels {
            for (slope, lanes) in slopes.iter_mut().zip(panel.parameters.chunks_exact(LANES)) {
                *slope += every as f32 * lanes.iter().sum::<f32>();
            }
        }
        slopes
    }

    /// The slopes by an expanded feature, strip by strip.
    pub fn feature_slopes(&self, feature: usize) -> Vec<&[f32]> {
        let strips = self.panels.iter().flat_map(|panel| &panel.strips);
        strips.map(|strip| &strip.by_features[feature][..]).collect()
    }
}
