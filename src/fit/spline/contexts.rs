//! The context model over all grids: bits, and their slopes.

use super::combinations::{Combinations, Informed};
use super::pyramid::Grid;
use super::slopes::Slopes;
use crate::backend::simd::Level;
use crate::backend::simd::spline::training::{
    AddRows, ContextNetwork, ContextRows, ContextRun, LANES, Neighbour, Padded, Sinks, Subset,
};
use crate::field::spline::{FURTHER, Shape};
use rayon::prelude::*;
use std::ops::Range;

/// Latents of a grid from which on the slopes by parameters are those of a subset of its rows.
const MANY: usize = 1 << 14;

/// Rows of a plane of one grid, and what the context model says of them in all planes.
struct Chunk {
    number: u32,
    rows: Range<usize>,
    /// Slopes by the rounded latents of each source, from two rows above the first on.
    latents: Vec<Vec<f32>>,
    /// Slopes by the parameters, in lanes.
    parameters: Vec<f32>,
    bits: f64,
}

/// The context model of one grid.
struct OfGrid {
    chunks: Vec<Chunk>,
    /// A plane of zeros, for slices that are not there.
    nothing: Vec<f32>,
}

/// The context model of all grids.
pub(super) struct Contexts {
    grids: Vec<OfGrid>,
    neighbours: Vec<Neighbour>,
    /// The slices that neighbours are in, relative to the latent, its own first.
    sources: Vec<[usize; FURTHER]>,
    count: usize,
}

/// The rows that slopes by parameters are summed over, and the factor that makes up for the others.
fn subset(grid: &Grid, seed: u32, every: u32) -> Subset {
    let latents = grid.layout.columns * grid.layout.rows * grid.planes();
    if latents < MANY { Subset::ALL } else { Subset { seed, every } }
}

impl Contexts {
    pub fn new(shape: &Shape, grids: &[Grid]) -> Self {
        let m = shape.context.width();
        let parameters = (2 * m * (m + 1) + 2 * (2 * m + 1)) * LANES;
        let mut sources = vec![[0; FURTHER]];
        let in_plane = shape.neighbours().into_iter();
        let mut neighbours: Vec<Neighbour> =
            in_plane.map(|(x, y)| Neighbour { source: 0, row: -y.cast_signed(), column: -x }).collect();
        for &([column, row], slice) in shape.earlier() {
            let known = sources.iter().position(|source| *source == slice);
            let source = known.unwrap_or_else(|| {
                sources.push(slice);
                sources.len() - 1
            });
            neighbours.push(Neighbour { source, row, column });
        }
        let mut number = 0;
        let mut of_grid = |grid: &Grid| {
            let layout = grid.layout;
            let chunk = |start: usize| {
                let rows = start..layout.rows.min(start + grid.chunk_rows);
                let lines = Padded { rows: rows.len(), ..layout }.len();
                let latents = sources.iter().map(|_| vec![0.0; lines]).collect();
                number += 1;
                Chunk { number: number - 1, rows, latents, parameters: vec![0.0; parameters], bits: 0.0 }
            };
            let chunks = (0..layout.rows).step_by(grid.chunk_rows).map(chunk).collect();
            OfGrid { chunks, nothing: if sources.len() > 1 { vec![0.0; layout.len()] } else { vec![] } }
        };
        let grids = grids.iter().map(&mut of_grid).collect();
        Contexts { grids, neighbours, sources, count: shape.context.combinations }
    }

    /// Computes the bits of all rounded latents and the slopes of `lambda` times them: those by latents are the
    /// `gradients` of the grids, those by combinations lie in the finest maps.
    pub fn run(
        &mut self,
        level: Level,
        network: &ContextNetwork,
        (grids, gradients): (&[Grid], &mut [Vec<f32>]),
        informed: &mut [Informed],
        (lambda, slopes): (f32, Slopes),
        subset: (u32, u32),
    ) {
        let mut informed = informed.iter_mut().peekable();
        let mut work = vec![];
        for (number, (of, gradient)) in self.grids.iter_mut().zip(gradients).enumerate() {
            work.push((of, number, gradient, informed.next_if(|of| of.grid == number)));
        }
        let model =
            Of { level, network, neighbours: &self.neighbours, sources: &self.sources, count: self.count };
        work.into_par_iter().for_each(|(of, number, gradient, informed)| {
            of.run(&model, (number, &grids[number]), gradient, informed, (lambda, slopes), subset);
        });
    }

    /// One in how many rows of a grid gives slopes by parameters.
    pub fn every(&self, grid: &Grid, every: u32) -> u32 {
        subset(grid, 0, every).every
    }

    /// The bits of each grid at the last run.
    pub fn bits(&self) -> Vec<f64> {
        self.grids.iter().map(|of| of.chunks.iter().map(|chunk| chunk.bits).sum()).collect()
    }

    /// The slopes by the parameters with the biases of each grid.
    pub fn parameter_slopes(&self, grids: &[Grid], every: u32) -> Vec<Vec<f32>> {
        let of_grid = |(of, grid): (&OfGrid, &Grid)| {
            let mut slopes = vec![0.0; of.chunks[0].parameters.len() / LANES];
            let factor = subset(grid, 0, every).every as f32;
            for chunk in &of.chunks {
                for (slope, lanes) in slopes.iter_mut().zip(chunk.parameters.chunks_exact(LANES)) {
                    *slope += factor * lanes.iter().sum::<f32>();
                }
            }
            slopes
        };
        self.grids.iter().zip(grids).map(of_grid).collect()
    }
}

/// The model that all grids share.
struct Of<'a> {
    level: Level,
    network: &'a ContextNetwork,
    neighbours: &'a [Neighbour],
    sources: &'a [[usize; FURTHER]],
    count: usize,
}

impl OfGrid {
    fn run(
        &mut self,
        model: &Of<'_>,
        (number, grid): (usize, &Grid),
        gradient: &mut [f32],
        mut informed: Option<&mut Informed>,
        (lambda, slopes): (f32, Slopes),
        (seed, every): (u32, u32),
    ) {
        for chunk in &mut self.chunks {
            chunk.parameters.fill(0.0);
            chunk.bits = 0.0;
        }
        if slopes == Slopes::All {
            gradient.fill(0.0);
        }
        let [depth, times] = grid.slices;
        for (plane, slice) in (0..times).flat_map(|t| (0..depth).map(move |z| [z, t])).enumerate() {
            let before = |source: &[usize; FURTHER]| {
                let slice = slice[0].checked_sub(source[0]).zip(slice[1].checked_sub(source[1]));
                slice.map(|(z, t)| grid.plane_of([z, t]))
            };
            let planes: Vec<Option<usize>> = model.sources.iter().map(before).collect();
            let source =
                |plane: &Option<usize>| plane.map_or(&self.nothing[..], |plane| grid.rounded_plane(plane));
            let sources: Vec<&[f32]> = planes.iter().map(source).collect();
            let combinations = informed.as_mut().map(|informed| &mut informed.planes[plane]);
            let maps = maps(grid, self.chunks.len(), combinations);
            let work: Vec<_> = self.chunks.iter_mut().zip(maps).collect();
            work.into_par_iter().for_each(|(chunk, (values, combination_slopes))| {
                let seed =
                    seed.wrapping_add(chunk.number * 977).wrapping_add((plane as u32).wrapping_mul(7919));
                let rows = ContextRows {
                    network: model.network,
                    grid: number,
                    layout: grid.layout,
                    sources: &sources,
                    rows: chunk.rows.clone(),
                    neighbours: model.neighbours,
                    count: model.count,
                    combinations: values,
                };
                let sinks = (slopes != Slopes::None).then(|| {
                    let latents = (slopes == Slopes::All).then(|| {
                        chunk.latents.iter_mut().for_each(|latents| latents.fill(0.0));
                        &mut chunk.latents[..]
                    });
                    let parameters = &mut chunk.parameters[..];
                    let subset = subset(grid, seed, every);
                    Sinks { lambda, latents, parameters, combinations: combination_slopes, subset }
                });
                chunk.bits += model.level.run(ContextRun { rows, sinks });
            });
            if slopes == Slopes::All {
                self.add_slopes(model.level, grid, &planes, gradient);
            }
        }
    }

    /// Adds the slopes by the rounded latents of a slice and of those before it to the grid's gradient.
    fn add_slopes(&self, level: Level, grid: &Grid, planes: &[Option<usize>], gradient: &mut [f32]) {
        let (layout, size) = (grid.layout, grid.layout.len());
        let sources = planes.iter().enumerate().filter_map(|(source, plane)| Some((source, (*plane)?)));
        for (source, plane) in sources {
            let gradient = &mut gradient[plane * size..][..size];
            for chunk in &self.chunks {
                // The rows that a chunk reaches: two above its own and one below.
                let [above, below] = [2.min(chunk.rows.start), 1.min(layout.rows - chunk.rows.end)];
                let lines = Padded { rows: chunk.rows.len() + below, ..layout };
                let from =
                    &chunk.latents[source][layout.row(0) - above * layout.stride..lines.row(lines.rows)];
                let to =
                    &mut gradient[layout.row(chunk.rows.start - above)..layout.row(chunk.rows.end + below)];
                level.run(AddRows { layout, from, to });
            }
        }
    }
}

/// The combinations of each chunk's rows and where their slopes go; none for grids without.
fn maps<'a>(
    grid: &Grid,
    chunks: usize,
    combinations: Option<&'a mut Combinations>,
) -> Vec<(&'a [f32], &'a mut [f32])> {
    match combinations {
        Some(Combinations { maps, .. }) => {
            let map = &mut maps[0];
            let length = map.values.len() / grid.layout.rows.div_ceil(2) * (grid.chunk_rows / 2);
            map.values.chunks(length).zip(map.slopes.chunks_mut(length)).collect()
        }
        None => (0..chunks).map(|_| -> (&[f32], &mut [f32]) { (&[], &mut []) }).collect(),
    }
}
