//! The blocks of a field: squares of the signal whose latents are coded alone, so that they can be read at
//! the same time. A latent belongs to the block that its place is in.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "grids have the lengths that the shape says, which are below 2³²"
)]

use crate::error::Result;
use crate::field::spline::{Grid, Shape};
use crate::limits::{try_filled, try_vec};
use crate::signal::Region;
use std::ops::Range;

/// A side that is longer than any axis.
const WHOLE: u32 = 48;

/// Latents of a grid that a value depends on: at most so many before and behind its position, of which a spline
/// has two and its filter three.
const REACH: u32 = 6;

/// How the latents of a field are cut into blocks.
pub(super) struct Blocks {
    grids: Vec<Grid>,
    /// The binary logarithm of the side, samples.
    side: u32,
    /// Blocks along the two axes of a picture; a sound has a single row.
    counts: [u64; 2],
}

impl Blocks {
    /// Blocks with a side of `2^side` samples; a single one if `side` is 0.
    pub fn new(shape: &Shape, side: u8) -> Self {
        let side = if side == 0 { WHOLE } else { side.into() };
        let counts = shape.plane().map(|n| (n as u64).div_ceil(1 << side));
        Blocks { grids: shape.grids(), side, counts }
    }

    /// The number of blocks.
    pub fn count(&self) -> u64 {
        self.counts[0] * self.counts[1]
    }

    /// The rows and the columns of a grid that belong to block `n`.
    fn part(&self, n: u64, grid: &Grid) -> [Range<usize>; 2] {
        let at = [n % self.counts[0], n / self.counts[0]];
        let (side, lengths) = (self.side - grid.level, grid.plane());
        std::array::from_fn(|axis| {
            let end = |block: u64| (block << side).min(lengths[axis] as u64) as usize;
            end(at[axis])..end(at[axis] + 1)
        })
    }

    /// Whether values in `region` depend on latents of block `n`.
    pub fn is_needed(&self, n: u64, region: &Region) -> bool {
        let highest = self.grids.iter().map(|grid| grid.level).max().unwrap_or(0);
        let reach = f64::from(REACH << highest);
        let at = [n % self.counts[0], n / self.counts[0]];
        region.sides().zip(at).all(|([from, to], at)| {
            let [start, end] = [at, at + 1].map(|at| (at << self.side) as f64);
            from - reach <= end && to + reach >= start
        })
    }

    /// The parts of all grids that belong to block `n`.
    pub fn grids(&self, n: u64) -> Vec<Grid> {
        let part = |grid: &Grid| {
            let lengths = self.part(n, grid).map(|range| range.len() as u32);
            Grid { lengths: lengths[..grid.lengths.len()].to_vec(), ..*grid }
        };
        self.grids.iter().map(part).collect()
    }

    /// The latents of block `n`, from those of all grids.
    #[cfg(feature = "encoder")]
    pub fn cut(&self, n: u64, latents: &[Vec<i16>]) -> Vec<Vec<i16>> {
        let cut = |(grid, latents): (&Grid, &Vec<i16>)| {
            let [columns, rows] = self.part(n, grid);
            let rows = rows.map(|y| &latents[y * grid.plane()[0]..][columns.clone()]);
            rows.collect::<Vec<_>>().concat()
        };
        self.grids.iter().zip(latents).map(cut).collect()
    }

    /// Puts the latents of block `n` where they belong.
    pub fn put(&self, n: u64, block: &[Vec<i16>], latents: &mut [Vec<i16>]) {
        for ((grid, block), latents) in self.grids.iter().zip(block).zip(latents) {
            let [columns, rows] = self.part(n, grid);
            for (y, row) in rows.zip(block.chunks_exact(columns.len().max(1))) {
                latents[y * grid.plane()[0]..][columns.clone()].copy_from_slice(row);
            }
        }
    }

    /// The most rows of latents of a block.
    pub fn rows(&self) -> u64 {
        let rows = self.grids.iter().map(|grid| self.part(0, grid)[1].len() as u64);
        rows.max().unwrap_or(1)
    }
}

/// What `of` gives for each item and its number; several run at the same time.
pub(super) fn each<I: Sync, T: Send>(
    items: &[I],
    of: impl Fn((u64, &I)) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    #[cfg(feature = "threads")]
    let all: Vec<Result<T>> = {
        use rayon::prelude::*;
        items.par_iter().enumerate().map(|(n, item)| of((n as u64, item))).collect()
    };
    #[cfg(not(feature = "threads"))]
    let all: Vec<Result<T>> = (0..).zip(items).map(of).collect();
    // The error of the first item that has one, whatever was done first.
    all.into_iter().collect()
}

/// Room for the latents of `grids`, all 0.
pub(super) fn empty(grids: &[Grid]) -> Result<Vec<Vec<i16>>> {
    let mut all = try_vec(grids.len())?;
    for grid in grids {
        all.push(try_filled(grid.latents(), 0)?);
    }
    Ok(all)
}
