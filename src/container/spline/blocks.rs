//! The blocks of a field: squares or cubes of the signal whose latents are coded alone, so that they can be read at
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
    /// Blocks along each axis.
    counts: Vec<u64>,
}

impl Blocks {
    /// Blocks with a side of `2^side` samples; a single one if `side` is 0.
    pub fn new(shape: &Shape, side: u8) -> Self {
        let side = if side == 0 { WHOLE } else { side.into() };
        let counts = shape.lengths.iter().map(|&n| u64::from(n).div_ceil(1 << side)).collect();
        Blocks { grids: shape.grids(), side, counts }
    }

    /// The number of blocks.
    pub fn count(&self) -> u64 {
        self.counts.iter().product()
    }

    /// The place of block `n` along each axis.
    fn place(&self, mut n: u64) -> impl Iterator<Item = u64> {
        self.counts.iter().map(move |count| {
            let at = n % count;
            n /= count;
            at
        })
    }

    /// The latents of a grid along each axis that belong to block `n`.
    fn part(&self, n: u64, grid: &Grid) -> Vec<Range<usize>> {
        let along = |(axis, at): (usize, u64)| {
            let side = self.side - grid.level(axis);
            let end = |block: u64| (block << side).min(grid.lengths[axis].into()) as usize;
            end(at)..end(at + 1)
        };
        self.place(n).enumerate().map(along).collect()
    }

    /// The ranges of the latents of a grid that belong to block `n`: lines along the first axis.
    fn lines(&self, n: u64, grid: &Grid) -> Vec<Range<usize>> {
        let mut starts = vec![0];
        let mut part = self.part(n, grid);
        let columns = part.remove(0);
        for (along, &length) in part.iter().zip(&grid.lengths[1..]).rev() {
            starts = starts
                .iter()
                .flat_map(|start| along.clone().map(move |i| start * length as usize + i))
                .collect();
        }
        let length = grid.lengths[0] as usize;
        starts.into_iter().map(|start| start * length + columns.start..start * length + columns.end).collect()
    }

    /// Whether values in `region` depend on latents of block `n`.
    pub fn is_needed(&self, n: u64, region: &Region) -> bool {
        region.sides().zip(self.place(n)).enumerate().all(|(axis, ([from, to], at))| {
            let highest = self.grids.iter().map(|grid| grid.level(axis)).max().unwrap_or(0);
            let reach = f64::from(REACH << highest);
            let [start, end] = [at, at + 1].map(|at| (at << self.side) as f64);
            from - reach <= end && to + reach >= start
        })
    }

    /// The parts of all grids that belong to block `n`.
    pub fn grids(&self, n: u64) -> Vec<Grid> {
        let part = |grid: &Grid| {
            let lengths = self.part(n, grid).iter().map(|range| range.len() as u32).collect();
            Grid { lengths, ..*grid }
        };
        self.grids.iter().map(part).collect()
    }

    /// The latents of block `n`, from those of all grids.
    #[cfg(feature = "encoder")]
    pub fn cut(&self, n: u64, latents: &[Vec<i16>]) -> Vec<Vec<i16>> {
        let cut = |(grid, latents): (&Grid, &Vec<i16>)| {
            let lines = self.lines(n, grid).into_iter().map(|line| &latents[line]);
            lines.collect::<Vec<_>>().concat()
        };
        self.grids.iter().zip(latents).map(cut).collect()
    }

    /// Puts the latents of block `n` where they belong.
    pub fn put(&self, n: u64, block: &[Vec<i16>], latents: &mut [Vec<i16>]) {
        for ((grid, block), latents) in self.grids.iter().zip(block).zip(latents) {
            let mut rest = &block[..];
            for line in self.lines(n, grid) {
                let (taken, after) = rest.split_at(line.len());
                latents[line].copy_from_slice(taken);
                rest = after;
            }
        }
    }

    /// The most rows of latents of a block.
    pub fn rows(&self) -> u64 {
        let rows =
            self.grids.iter().map(|grid| self.part(0, grid).get(1).map_or(1, |rows| rows.len() as u64));
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
