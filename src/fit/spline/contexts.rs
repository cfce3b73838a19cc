//! The context model over all grids: bits, and their slopes.

use super::combinations::Combinations;
use super::pyramid::{Grid, rows};
use super::slopes::Slopes;
use crate::backend::simd::Level;
use crate::backend::simd::spline::training::{
    AddRows, ContextNetwork, ContextRows, ContextRun, LANES, Padded, Sinks, Subset,
};
use crate::field::spline::Shape;
use rayon::prelude::*;
use std::ops::Range;

/// Latents of a grid from which on the slopes by parameters are those of a subset of its rows.
const MANY: usize = 1 << 14;

/// Rows of one grid, and what the context model says of them.
pub(super) struct Chunk {
    grid: usize,
    rows: Range<usize>,
    /// Slopes by the rounded latents, from two rows above the first on.
    latents: Vec<f32>,
    /// Slopes by the parameters, in lanes.
    parameters: Vec<f32>,
    bits: f64,
}

/// The chunks of all grids, grid by grid.
pub(super) struct Contexts {
    chunks: Vec<Chunk>,
    /// Rows and columns, relative to the latent.
    neighbours: Vec<(isize, isize)>,
    count: usize,
}

/// The rows that slopes by parameters are summed over, and the factor that makes up for the others.
fn subset(layout: Padded, seed: u32, every: u32) -> Subset {
    if layout.columns * layout.rows < MANY { Subset::ALL } else { Subset { seed, every } }
}

impl Contexts {
    pub fn new(shape: &Shape, grids: &[Grid]) -> Self {
        let m = shape.context.width();
        let parameters = (2 * m * (m + 1) + 2 * (2 * m + 1)) * LANES;
        let of_grid = |(number, grid): (usize, &Grid)| {
            let layout = grid.layout;
            let starts = (0..layout.rows).step_by(grid.chunk_rows);
            let chunk = move |start: usize, chunk_rows: usize| {
                let rows = start..layout.rows.min(start + chunk_rows);
                let lines = Padded { rows: rows.len(), ..layout };
                let latents = vec![0.0; lines.len()];
                Chunk { grid: number, rows, latents, parameters: vec![0.0; parameters], bits: 0.0 }
            };
            starts.map(move |start| chunk(start, grid.chunk_rows)).collect::<Vec<_>>()
        };
        let chunks = grids.iter().enumerate().flat_map(of_grid).collect();
        let offset = |(x, y): (isize, usize)| (-y.cast_signed(), -x);
        let neighbours = shape.neighbours().into_iter().map(offset).collect();
        Contexts { chunks, neighbours, count: shape.context.combinations }
    }

    /// Computes the bits of all rounded latents and the slopes of `lambda` times them; those by combinations
    /// lie in the finest maps.
    pub fn run(
        &mut self,
        level: Level,
        network: &ContextNetwork,
        grids: &[Grid],
        combinations: &mut [Combinations],
        (lambda, slopes): (f32, Slopes),
        (seed, every): (u32, u32),
    ) {
        let maps = parts(grids, combinations);
        let work: Vec<_> = self.chunks.iter_mut().zip(maps).collect();
        let (neighbours, count) = (&self.neighbours[..], self.count);
        work.into_par_iter().enumerate().for_each(|(n, (chunk, (values, combination_slopes)))| {
            let grid = &grids[chunk.grid];
            let subset = subset(grid.layout, seed.wrapping_add(n as u32 * 977), every);
            let rows = ContextRows {
                network,
                grid: chunk.grid,
                layout: grid.layout,
                rounded: &grid.rounded,
                rows: chunk.rows.clone(),
                neighbours,
                count,
                combinations: values,
            };
            let sinks = (slopes != Slopes::None).then(|| {
                chunk.parameters.fill(0.0);
                let latents = (slopes == Slopes::All).then(|| {
                    chunk.latents.fill(0.0);
                    &mut chunk.latents[..]
                });
                let parameters = &mut chunk.parameters[..];
                Sinks { lambda, latents, parameters, combinations: combination_slopes, subset }
            });
            chunk.bits = level.run(ContextRun { rows, sinks });
        });
    }

    /// One in how many rows of a grid gives slopes by parameters.
    pub fn every(&self, layout: Padded, every: u32) -> u32 {
        subset(layout, 0, every).every
    }

    /// The bits of each grid at the last run.
    pub fn bits(&self, grids: &[Grid]) -> Vec<f64> {
        let mut bits = vec![0.0; grids.len()];
        self.chunks.iter().for_each(|chunk| bits[chunk.grid] += chunk.bits);
        bits
    }

    /// The slopes by the parameters with the biases of each grid.
    pub fn parameter_slopes(&self, grids: &[Grid], every: u32) -> Vec<Vec<f32>> {
        let mut slopes = vec![vec![0.0; self.chunks[0].parameters.len() / LANES]; grids.len()];
        for chunk in &self.chunks {
            let factor = subset(grids[chunk.grid].layout, 0, every).every as f32;
            for (slope, lanes) in slopes[chunk.grid].iter_mut().zip(chunk.parameters.chunks_exact(LANES)) {
                *slope += factor * lanes.iter().sum::<f32>();
            }
        }
        slopes
    }

    /// Adds the slopes by the rounded latents of `grid` to its gradient.
    pub fn add_slopes(&self, level: Level, number: usize, grid: &Grid, chunk: usize, gradient: &mut [f32]) {
        let mut chunks = self.chunks.iter().filter(|chunk| chunk.grid == number).skip(chunk);
        let layout = grid.layout;
        let Some(own) = chunks.next() else { return };
        let lines = Padded { rows: own.rows.len(), ..layout };
        level.run(AddRows { layout, from: rows(lines, &own.latents), to: gradient });
        if let Some(below) = chunks.next() {
            // The rows of the next chunk reach two rows above it.
            let (above, last) = (layout.row(0) - 2 * layout.stride, gradient.len() - 2 * layout.stride);
            let from = &below.latents[above..][..2 * layout.stride];
            level.run(AddRows { layout, from, to: &mut gradient[last..] });
        }
    }
}

/// The combinations of each chunk's rows and where their slopes go; none for grids without.
fn parts<'a>(grids: &[Grid], combinations: &'a mut [Combinations]) -> Vec<(&'a [f32], &'a mut [f32])> {
    let mut combinations = combinations.iter_mut().peekable();
    let mut parts: Vec<(&'a [f32], &'a mut [f32])> = vec![];
    for (number, grid) in grids.iter().enumerate() {
        match combinations.next_if(|of| of.grid == number) {
            Some(Combinations { maps, .. }) => {
                let map = &mut maps[0];
                let length = map.values.len() / grid.layout.rows.div_ceil(2) * (grid.chunk_rows / 2);
                parts.extend(map.values.chunks(length).zip(map.slopes.chunks_mut(length)));
            }
            None => parts.extend((0..grid.chunks()).map(|_| -> (&[f32], &mut [f32]) { (&[], &mut []) })),
        }
    }
    parts
}
