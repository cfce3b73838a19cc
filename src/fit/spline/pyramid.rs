//! The grids of latents, as planes: slices of a grid of more than two axes follow one another.

use crate::backend::simd::Level;
use crate::backend::simd::spline::training::{DEVIATES, Padded, Round};
use crate::field::spline::{FURTHER, Grid as GridShape, Shape};
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
    /// Of a plane.
    pub layout: Padded,
    /// Planes along the third and the fourth axis.
    pub slices: [usize; FURTHER],
    /// Rows per chunk, even.
    pub chunk_rows: usize,
    pub latents: Vec<f32>,
    pub rounded: Vec<f32>,
    /// Slopes of the rounded by the latents.
    pub slopes: Vec<f32>,
    /// First and second moments of Adam.
    pub moments: [Vec<f32>; 2],
    /// Columns and rows of latents that do not move.
    held: Vec<[Range<usize>; 2]>,
}

impl Grid {
    pub fn new(shape: GridShape) -> Self {
        let ([columns, rows], slices) = (shape.plane(), shape.slices());
        let layout = Padded::new(columns, rows);
        let zeros = || vec![0.0; slices[0] * slices[1] * layout.len()];
        Grid {
            shape,
            layout,
            slices,
            chunk_rows: (CHUNK / layout.stride).next_multiple_of(2).max(2),
            latents: zeros(),
            rounded: zeros(),
            slopes: zeros(),
            moments: [zeros(), zeros()],
            held: vec![],
        }
    }

    /// The number of planes.
    pub fn planes(&self) -> usize {
        self.slices[0] * self.slices[1]
    }

    /// The number of a plane.
    pub fn plane_of(&self, [z, t]: [usize; FURTHER]) -> usize {
        z + self.slices[0] * t
    }

    /// A plane of the rounded latents.
    pub fn rounded_plane(&self, plane: usize) -> &[f32] {
        &self.rounded[plane * self.layout.len()..][..self.layout.len()]
    }

    /// The rows of all planes of a buffer of this grid, in chunks.
    fn parts<'a>(&self, buffer: &'a [f32]) -> Vec<&'a [f32]> {
        parts(self.layout, self.chunk_rows, buffer)
    }

    /// The rounded latents, row by row.
    pub fn integers(&self) -> Vec<i32> {
        let rows =
            self.parts(&self.rounded).into_iter().flat_map(|rows| rows.chunks_exact(self.layout.stride));
        rows.flat_map(|row| &row[..self.layout.columns]).map(|&q| q as i32).collect()
    }

    /// Sets the rounded latents, row by row.
    pub fn set(&mut self, latents: &[i32]) {
        let (layout, columns) = (self.layout, self.layout.columns);
        assert_eq!(latents.len(), self.planes() * columns * layout.rows);
        let parts = parts_mut(layout, layout.rows, &mut self.rounded);
        let rows = parts.into_iter().flat_map(|rows| rows.chunks_exact_mut(layout.stride));
        for (row, latents) in rows.zip(latents.chunks_exact(columns)) {
            row.iter_mut().zip(latents).for_each(|(to, &q)| *to = q as f32);
        }
    }

    /// Rounds the latents softly.
    pub fn round(&mut self, level: Level, softness: Softness, deviates: &[f32]) {
        let (layout, chunk) = (self.layout, self.chunk_rows * self.layout.stride);
        let Softness { temperature, noise, first_deviate } = softness;
        let latents = parts(layout, self.chunk_rows, &self.latents);
        let rounded = parts_mut(layout, self.chunk_rows, &mut self.rounded);
        let slopes = parts_mut(layout, self.chunk_rows, &mut self.slopes);
        let parts = latents.into_par_iter().zip(rounded).zip(slopes);
        parts.enumerate().for_each(|(n, ((latents, rounded), slopes))| {
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

    /// Rounds the latents to integers.
    pub fn round_hard(&mut self) {
        let (layout, columns) = (self.layout, self.layout.columns);
        let latents = parts(layout, self.chunk_rows, &self.latents).into_par_iter();
        latents.zip(parts_mut(layout, self.chunk_rows, &mut self.rounded)).for_each(|(latents, rounded)| {
            let rows = latents.chunks_exact(layout.stride).zip(rounded.chunks_exact_mut(layout.stride));
            for (latents, rounded) in rows {
                let pairs = rounded[..columns].iter_mut().zip(&latents[..columns]);
                pairs.for_each(|(rounded, latent)| *rounded = latent.round_ties_even());
            }
        });
    }

    /// Holds the latents whose places are in these areas of samples, columns and rows.
    pub fn hold(&mut self, areas: &[[Range<usize>; 2]]) {
        self.held = areas.iter().map(|area| self.shape.places(area)).collect();
    }

    /// Sets the gradient of the latents that are held to 0.
    pub fn stop_held(&self, gradient: &mut [f32]) {
        for [columns, rows] in &self.held {
            for y in rows.clone() {
                gradient[self.layout.row(y)..][columns.clone()].fill(0.0);
            }
        }
    }
}

/// The grids of a shape in coding order.
pub(super) fn grids(shape: &Shape) -> Vec<Grid> {
    shape.grids().into_iter().map(Grid::new).collect()
}

/// Adds numbers to numbers.
pub(super) fn add(to: &mut [f32], from: &[f32]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
}

/// The rows of a plane without what is before the first and behind the last.
pub(super) fn rows(layout: Padded, plane: &[f32]) -> &[f32] {
    &plane[layout.row(0)..layout.row(layout.rows)]
}

pub(super) fn rows_mut(layout: Padded, plane: &mut [f32]) -> &mut [f32] {
    &mut plane[layout.row(0)..layout.row(layout.rows)]
}

/// The rows of all planes of a buffer in chunks of so many.
pub(super) fn parts(layout: Padded, chunk_rows: usize, buffer: &[f32]) -> Vec<&[f32]> {
    let planes = buffer.chunks_exact(layout.len());
    planes.flat_map(|plane| rows(layout, plane).chunks(chunk_rows * layout.stride)).collect()
}

pub(super) fn parts_mut(layout: Padded, chunk_rows: usize, buffer: &mut [f32]) -> Vec<&mut [f32]> {
    let planes = buffer.chunks_exact_mut(layout.len());
    planes.flat_map(|plane| rows_mut(layout, plane).chunks_mut(chunk_rows * layout.stride)).collect()
}
