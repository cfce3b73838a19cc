//! The grids of latents, and the way between latents and features that are expanded along the first axis.

use crate::backend::simd::Level;
use crate::backend::simd::spline::training::{
    COLUMNS, Collapse, DEVIATES, Expand, Expanded, FilterAdjoint, FilterRows, Padded, Round, Vertical,
};
use crate::field::spline::basis::Taps;
use crate::field::spline::{Grid as GridShape, Role, Shape, gain, mirror, taps};
use rayon::prelude::*;
use std::ops::Range;

/// Latents of a chunk of rows, about: the unit of parallel work, whatever the number of threads.
const CHUNK: usize = 1 << 15;

/// How latents are rounded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Softness {
    pub temperature: f32,
    /// Standard deviation of the noise.
    pub noise: f32,
    /// The first of the table's deviates.
    pub first_deviate: usize,
}

/// The latents of one grid and what is computed of them.
pub(super) struct Grid {
    pub shape: GridShape,
    pub layout: Padded,
    /// Rows per chunk, even.
    pub chunk_rows: usize,
    pub latents: Vec<f32>,
    pub rounded: Vec<f32>,
    /// Slopes of the rounded by the latents.
    pub slopes: Vec<f32>,
    /// Slopes of the loss by the rounded latents.
    pub gradient: Vec<f32>,
    /// First and second moments of Adam.
    pub moments: [Vec<f32>; 2],
    /// Columns and rows of latents that do not move.
    held: Vec<[Range<usize>; 2]>,
    pub feature: Option<Feature>,
}

/// What turns a grid into a feature.
pub(super) struct Feature {
    /// The number of the feature.
    pub number: usize,
    phases: Vec<Taps>,
    verticals: Vec<Vertical>,
    vertical: bool,
    /// Samples along the first axis.
    width: usize,
    /// Rounded latents, filtered along the first axis.
    filtered: Vec<f32>,
    /// Rows of the picture's width.
    expanded: Vec<f32>,
    /// Slopes by the coefficients.
    coefficients: Vec<f32>,
}

impl Grid {
    pub fn new(of: &Shape, shape: GridShape) -> Self {
        let (layout, [width, height]) = (layout(of, shape.level), of.plane());
        let zeros = || vec![0.0; layout.len()];
        let feature = shape.is_feature().then(|| Feature {
            number: of.feature(shape.level),
            phases: (0..1u32 << shape.level).map(|p| Taps::new(f64::from(p), shape.level)).collect(),
            verticals: verticals(&shape, height),
            vertical: of.axes() > 1,
            width,
            filtered: zeros(),
            expanded: vec![0.0; layout.rows * width.next_multiple_of(COLUMNS)],
            coefficients: zeros(),
        });
        Grid {
            shape,
            layout,
            chunk_rows: (CHUNK / layout.stride).next_multiple_of(2).max(2),
            latents: zeros(),
            rounded: zeros(),
            slopes: zeros(),
            gradient: zeros(),
            moments: [zeros(), zeros()],
            held: vec![],
            feature,
        }
    }

    pub fn chunks(&self) -> usize {
        self.layout.rows.div_ceil(self.chunk_rows)
    }

    /// Rounds the latents softly.
    pub fn round(&mut self, level: Level, softness: Softness, deviates: &[f32]) {
        let (layout, chunk) = (self.layout, self.chunk_rows * self.layout.stride);
        let Softness { temperature, noise, first_deviate } = softness;
        let latents = rows(layout, &self.latents).par_chunks(chunk);
        let rounded = rows_mut(layout, &mut self.rounded).par_chunks_mut(chunk);
        let slopes = rows_mut(layout, &mut self.slopes).par_chunks_mut(chunk);
        latents.zip(rounded).zip(slopes).enumerate().for_each(|(n, ((latents, rounded), slopes))| {
            let first_deviate = (first_deviate + n * chunk) % DEVIATES;
            level.run(Round {
                layout,
                temperature,
                noise,
                deviates,
                first_deviate,
                latents,
                rounded,
                slopes,
            });
        });
    }

    /// Holds the latents whose places are in these areas of samples, columns and rows.
    pub fn hold(&mut self, areas: &[[Range<usize>; 2]]) {
        self.held = areas.iter().map(|area| self.shape.places(area)).collect();
    }

    /// Sets the gradient of the latents that are held to 0.
    pub fn stop_held(&mut self) {
        for [columns, rows] in &self.held {
            for y in rows.clone() {
                self.gradient[self.layout.row(y)..][columns.clone()].fill(0.0);
            }
        }
    }

    /// Computes the expanded feature of the rounded latents.
    pub fn expand(&mut self, level: Level, taps: &[f32]) {
        let Some(feature) = &mut self.feature else { return };
        let (layout, stride, taps) = (self.layout, self.layout.stride, feature.taps(taps));
        let chunk = self.chunk_rows * stride;
        let from = rows(layout, &self.rounded).par_chunks(chunk);
        let to = rows_mut(layout, &mut feature.filtered).par_chunks_mut(chunk);
        from.zip(to).for_each(|(rows, filtered)| level.run(FilterRows { layout, taps, rows, filtered }));
        let wide = feature.width.next_multiple_of(COLUMNS);
        let chunks = feature.expanded.par_chunks_mut(self.chunk_rows * wide);
        chunks.enumerate().for_each(|(n, expanded)| {
            level.run(Expand {
                layout,
                taps,
                vertical: feature.vertical,
                phases: &feature.phases,
                filtered: &feature.filtered,
                first_row: n * self.chunk_rows,
                width: feature.width,
                expanded,
            });
        });
    }

    /// Sets the gradient to what comes through the feature, whose slopes lie in `strips`; returns the slopes
    /// by the taps.
    pub fn gradient_of_feature(&mut self, level: Level, taps: &[f32], strips: &[&[f32]]) -> [f32; 4] {
        let Some(feature) = &mut self.feature else {
            self.gradient.fill(0.0);
            return [0.0; 4];
        };
        let (layout, taps, chunk_rows) = (self.layout, feature.taps(taps), self.chunk_rows);
        let chunk = chunk_rows * layout.stride;
        let chunks = rows_mut(layout, &mut feature.coefficients).par_chunks_mut(chunk);
        chunks.enumerate().for_each(|(n, coefficients)| {
            let (phases, width, first_row) = (&feature.phases[..], feature.width, n * chunk_rows);
            level.run(Collapse { layout, phases, width, strips, first_row, coefficients });
        });
        let rounded = rows(layout, &self.rounded).par_chunks(chunk);
        let filtered = rows(layout, &feature.filtered).par_chunks(chunk);
        let gradient = rows_mut(layout, &mut self.gradient).par_chunks_mut(chunk);
        let chunks = rounded.zip(filtered).zip(gradient).enumerate();
        let slopes: Vec<[f32; 4]> = chunks
            .map(|(n, ((rounded, filtered), gradient))| {
                level.run(FilterAdjoint {
                    layout,
                    taps,
                    vertical: feature.vertical,
                    coefficients: &feature.coefficients,
                    first_row: n * chunk_rows,
                    rounded,
                    filtered,
                    gradient,
                })
            })
            .collect();
        slopes.iter().fold([0.0; 4], |sum, part| std::array::from_fn(|t| sum[t] + part[t]))
    }
}

impl Feature {
    /// The filter of this feature.
    fn taps(&self, stored: &[f32]) -> [f32; 4] {
        taps(&stored[4 * self.number..][..4])
    }
    pub fn expanded(&self) -> Expanded<'_> {
        Expanded { samples: &self.expanded, verticals: &self.verticals }
    }
}

/// The storage of a grid at `level`.
pub(super) fn layout(shape: &Shape, level: u32) -> Padded {
    let [columns, rows] = shape.grid(level, Role::Context).plane();
    Padded::new(columns, rows)
}

/// For each row of a picture of `height` the coefficients' rows and their weights, which have the gain;
/// for one axis the only row.
fn verticals(grid: &GridShape, height: usize) -> Vec<Vertical> {
    let gain = gain(grid.level);
    if grid.lengths.len() == 1 {
        return vec![Vertical { rows: [0; 4], weights: [gain, 0.0, 0.0, 0.0] }];
    }
    let [_, rows] = grid.plane();
    let vertical = |y: usize| {
        let Taps { first, weights } = Taps::new(y as f64, grid.level);
        let row = |j: usize| mirror(first + j as i64, rows) as u32;
        Vertical { rows: std::array::from_fn(row), weights: weights.map(|weight| gain * weight) }
    };
    (0..height).map(vertical).collect()
}

/// The rows of a grid without what is before the first and behind the last.
pub(super) fn rows(layout: Padded, grid: &[f32]) -> &[f32] {
    &grid[layout.row(0)..layout.row(layout.rows)]
}

pub(super) fn rows_mut(layout: Padded, grid: &mut [f32]) -> &mut [f32] {
    &mut grid[layout.row(0)..layout.row(layout.rows)]
}
