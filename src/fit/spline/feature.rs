//! The way between the rounded latents of a plane and a feature that is expanded along the first axis.

use super::further::Mixture;
use super::pyramid::{Grid, add, rows, rows_mut};
use crate::backend::simd::Level;
use crate::backend::simd::spline::training::{
    COLUMNS, Collapse, Expand, Expanded, FilterAdjoint, FilterRows, Padded, Vertical,
};
use crate::field::spline::basis::Taps;
use crate::field::spline::{Grid as GridShape, Shape, gain, mirror, taps};
use rayon::prelude::*;

/// What turns a grid into a feature, plane by plane.
pub(super) struct Feature {
    /// The number of the grid in coding order.
    pub grid: usize,
    /// The number of the feature.
    pub number: usize,
    layout: Padded,
    chunk_rows: usize,
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
    /// Slopes by the rounded latents of a plane, and by the taps in all planes.
    pub gradient: Vec<f32>,
    pub by_taps: [f32; 4],
    /// What a plane is made of, for signals of more than two axes.
    pub mixture: Option<Mixture>,
}

/// The features of a shape in the order of their numbers.
pub(super) fn features(shape: &Shape, grids: &[Grid]) -> Vec<Feature> {
    let of_features = grids.iter().enumerate().rev().filter(|(_, grid)| grid.shape.is_feature());
    of_features.enumerate().map(|(number, (grid, of))| Feature::new(shape, of, grid, number)).collect()
}

impl Feature {
    fn new(of: &Shape, grid: &Grid, n: usize, number: usize) -> Self {
        let (shape, layout, [width, height]) = (&grid.shape, grid.layout, of.plane());
        let zeros = || vec![0.0; layout.len()];
        Feature {
            grid: n,
            number,
            layout,
            chunk_rows: grid.chunk_rows,
            phases: (0..1u32 << shape.level).map(|p| Taps::new(f64::from(p), shape.level)).collect(),
            verticals: verticals(shape, height),
            vertical: of.axes() > 1,
            width,
            filtered: zeros(),
            expanded: vec![0.0; layout.rows * width.next_multiple_of(COLUMNS)],
            coefficients: zeros(),
            gradient: zeros(),
            by_taps: [0.0; 4],
            mixture: (of.axes() > 2).then(|| Mixture::new(of, grid)),
        }
    }

    /// Computes what does not depend on a slice of the signal: with a mixture, all planes filtered along the further
    /// axes, otherwise the expanded feature.
    pub fn prepare(&mut self, level: Level, grid: &Grid, stored: &[f32]) {
        let taps = self.taps(stored);
        match &mut self.mixture {
            Some(mixture) => mixture.filter(level, grid, taps),
            None => self.expand(level, &grid.rounded, taps),
        }
    }

    /// Computes the expanded feature of a slice of the signal, unless all slices have the same.
    pub fn expand_slice(&mut self, level: Level, slice: usize, stored: &[f32]) {
        let taps = self.taps(stored);
        if let Some(mut mixture) = self.mixture.take() {
            mixture.mix(level, slice);
            self.expand(level, &mixture.plane, taps);
            self.mixture = Some(mixture);
        }
    }

    /// Computes the expanded feature of a plane.
    fn expand(&mut self, level: Level, plane: &[f32], taps: [f32; 4]) {
        let (layout, stride) = (self.layout, self.layout.stride);
        let chunk = self.chunk_rows * stride;
        let from = rows(layout, plane).par_chunks(chunk);
        let to = rows_mut(layout, &mut self.filtered).par_chunks_mut(chunk);
        from.zip(to).for_each(|(rows, filtered)| level.run(FilterRows { layout, taps, rows, filtered }));
        let wide = self.width.next_multiple_of(COLUMNS);
        let chunks = self.expanded.par_chunks_mut(self.chunk_rows * wide);
        chunks.enumerate().for_each(|(n, expanded)| {
            level.run(Expand {
                layout,
                taps,
                vertical: self.vertical,
                phases: &self.phases,
                filtered: &self.filtered,
                first_row: n * self.chunk_rows,
                width: self.width,
                expanded,
            });
        });
    }

    /// Forgets the slopes of all slices.
    pub fn clear(&mut self) {
        self.by_taps = [0.0; 4];
        if let Some(mixture) = &mut self.mixture {
            mixture.clear();
        }
    }

    /// Computes the slopes by the plane of a slice, whose slopes by the expanded feature lie in `strips`, and adds
    /// them to those of the planes that it is made of.
    pub fn collapse_slice(
        &mut self,
        level: Level,
        grid: &Grid,
        stored: &[f32],
        strips: &[&[f32]],
        slice: usize,
    ) {
        let taps = self.taps(stored);
        let mut mixture = self.mixture.take();
        let plane = mixture.as_ref().map_or(&grid.rounded, |mixture| &mixture.plane);
        self.collapse(level, plane, taps, strips);
        if let Some(mixture) = &mut mixture {
            mixture.spread(level, slice, &self.gradient);
        }
        self.mixture = mixture;
    }

    fn collapse(&mut self, level: Level, plane: &[f32], taps: [f32; 4], strips: &[&[f32]]) {
        let (layout, chunk_rows) = (self.layout, self.chunk_rows);
        let chunk = chunk_rows * layout.stride;
        let chunks = rows_mut(layout, &mut self.coefficients).par_chunks_mut(chunk);
        chunks.enumerate().for_each(|(n, coefficients)| {
            let (phases, width, first_row) = (&self.phases[..], self.width, n * chunk_rows);
            level.run(Collapse { layout, phases, width, strips, first_row, coefficients });
        });
        let rounded = rows(layout, plane).par_chunks(chunk);
        let filtered = rows(layout, &self.filtered).par_chunks(chunk);
        let gradient = rows_mut(layout, &mut self.gradient).par_chunks_mut(chunk);
        let chunks = rounded.zip(filtered).zip(gradient).enumerate();
        let slopes: Vec<[f32; 4]> = chunks
            .map(|(n, ((rounded, filtered), gradient))| {
                level.run(FilterAdjoint {
                    layout,
                    taps,
                    vertical: self.vertical,
                    coefficients: &self.coefficients,
                    first_row: n * chunk_rows,
                    rounded,
                    filtered,
                    gradient,
                })
            })
            .collect();
        self.add_by_taps(slopes.iter().fold([0.0; 4], |sum, part| std::array::from_fn(|t| sum[t] + part[t])));
    }

    /// Adds the slopes by the rounded latents to a grid's gradient.
    pub fn finish(&mut self, level: Level, grid: &Grid, gradient: &mut [f32], stored: &[f32]) {
        let taps = self.taps(stored);
        match &mut self.mixture {
            Some(mixture) => {
                let by_taps = mixture.finish(level, grid, gradient, taps);
                self.add_by_taps(by_taps);
            }
            None => add(gradient, &self.gradient),
        }
    }

    fn add_by_taps(&mut self, by_taps: [f32; 4]) {
        self.by_taps.iter_mut().zip(by_taps).for_each(|(sum, slope)| *sum += slope);
    }

    /// The filter of this feature.
    fn taps(&self, stored: &[f32]) -> [f32; 4] {
        taps(&stored[4 * self.number..][..4])
    }
    pub fn expanded(&self) -> Expanded<'_> {
        Expanded { samples: &self.expanded, verticals: &self.verticals }
    }
}

/// For each row of a picture of `height` the coefficients' rows and their weights, which have the gain;
/// for one axis the only row.
fn verticals(grid: &GridShape, height: usize) -> Vec<Vertical> {
    let gain = gain(grid);
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
