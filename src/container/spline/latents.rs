//! The latents of a field as one stream: the order of grids and of latents within a grid.
//!
//! Within a grid latents come in wavefronts, `x + 3y = t` for ascending `t`: no latent of a front is a
//! neighbour of another, so a front is predicted at once. The last fronts are kept as rows over `y`, where
//! the neighbours of a front are parts of earlier rows. Grids of more than two axes are planes, one slice after
//! the other.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "indices follow from the lengths of the grids, which are below 2³²"
)]

use super::context::{Earlier, Model, Rows, input};
use super::laplace::Laplace;
use crate::container::magnitude::Reader;
use crate::container::range_coder::TOTAL_BITS;
use crate::error::{Error, Result};
use crate::field::spline::{FURTHER, Grid, MAX_LATENT, coarser};
use crate::limits::{try_filled, try_vec};
use std::ops::Range;

/// Rows of a picture by which a front advances ahead of the next one.
const LAG: usize = 3;
/// The most rows above a latent that a neighbour is in.
const ABOVE: usize = 2;

/// One direction of coding latents.
pub(super) trait LatentCoder {
    /// Writes the given value and returns it, or ignores it and returns the value read.
    fn latent(&mut self, distribution: &Laplace, value: i32) -> Result<i32>;
}

impl LatentCoder for Reader<'_> {
    fn latent(&mut self, distribution: &Laplace, _: i32) -> Result<i32> {
        let (symbol, start, size) = distribution.find(self.range.peek(TOTAL_BITS)?);
        self.range.consume(start, size, TOTAL_BITS)?;
        let beyond = if symbol.abs() == distribution.listed { self.beyond()?.cast_signed() } else { 0 };
        let value = distribution.centre + symbol + symbol.signum() * beyond;
        match value.abs() {
            0..=MAX_LATENT => Ok(value),
            _ => Err(Error::format("latents", format!("latent {value}, expected at most {MAX_LATENT}"))),
        }
    }
}

#[cfg(feature = "encoder")]
impl LatentCoder for crate::container::magnitude::Writer {
    fn latent(&mut self, distribution: &Laplace, value: i32) -> Result<i32> {
        let distance = value - distribution.centre;
        let symbol = distance.clamp(-distribution.listed, distribution.listed);
        let (start, size) = distribution.interval(symbol);
        self.range.encode(start, size, TOTAL_BITS);
        if symbol.abs() == distribution.listed {
            self.beyond(distance.abs_diff(symbol));
        }
        Ok(value)
    }
}

/// Passes the latents of all `grids`, in coding order, through `coder`. Each grid has as many latents as its
/// lengths require, first axis fastest.
pub(super) fn visit<C: LatentCoder>(
    model: &Model,
    grids: &[Grid],
    latents: &mut [Vec<i16>],
    coder: &mut C,
) -> Result<()> {
    let mut layers = [Rows::default(), Rows::default()];
    for number in 0..grids.len() {
        let (done, rest) = latents.split_at_mut(number);
        let [depth, times] = grids[number].slices();
        for slice in (0..times).flat_map(|t| (0..depth).map(move |z| [z, t])) {
            let combined = Combined::new(model, grids, (number, slice), done)?;
            visit_slice(model, (number, &grids[number], slice), &combined, &mut rest[0], coder, &mut layers)?;
        }
    }
    Ok(())
}

/// The number of a slice of a grid, with the third axis fastest.
fn slice_number(grid: &Grid, [z, t]: [usize; FURTHER]) -> usize {
    z + grid.slices()[0] * t
}

/// Combinations of coarser grids for the places of one slice of a grid; they are equal in boxes of two places along each
/// axis.
struct Combined {
    /// Boxes along each axis.
    lengths: [usize; 2],
    /// For each combination one number for each box; empty if the grid is not informed.
    values: Vec<i16>,
}

impl Combined {
    fn new(
        model: &Model,
        grids: &[Grid],
        (number, slice): (usize, [usize; FURTHER]),
        latents: &[Vec<i16>],
    ) -> Result<Self> {
        let own = &grids[number];
        let lengths = own.plane().map(|n| n.div_ceil(2));
        let combinations = model.combinations(number);
        let size = lengths[0] * lengths[1];
        let mut values = try_filled((combinations * size) as u64, 0)?;
        if combinations == 0 {
            return Ok(Combined { lengths, values });
        }
        let of_plane = |other: usize| {
            let ([width, height], grid) = (grids[other].plane(), &grids[other]);
            let slice = std::array::from_fn(|axis| slice[axis] >> (grid.further[axis] - own.further[axis]));
            let plane = &latents[other][slice_number(grid, slice) * width * height..][..width * height];
            (grid.level - own.level - 1, width, plane)
        };
        let coarser: Vec<_> = coarser(grids, number).map(of_plane).collect();
        let mut inputs = Rows::default();
        inputs.resize(coarser.len(), lengths[0]);
        for y in 0..lengths[1] {
            for (row, &(shift, width, plane)) in coarser.iter().enumerate() {
                let line = &plane[(y >> shift) * width..];
                inputs.set(row, (0..lengths[0]).map(|x| input(line[x >> shift])));
            }
            model.combine(number, &inputs, |combination, from, numbers| {
                let row = &mut values[combination * size + y * lengths[0]..][..lengths[0]];
                row[from..].iter_mut().zip(numbers).for_each(|(value, number)| *value = number);
            });
        }
        Ok(Combined { lengths, values })
    }

    /// Combination `number` at the places of a front; 0 if the grid is not informed.
    fn front(&self, number: usize, t: usize, rows: Range<usize>) -> impl Iterator<Item = i16> {
        let [width, height] = self.lengths;
        let plane = self.values.get(number * width * height..).filter(|plane| !plane.is_empty());
        rows.map(move |y| plane.map_or(0, |plane| plane[(t - LAG * y) / 2 + y / 2 * width]))
    }
}

/// A neighbour in an earlier slice, for all places of a plane.
struct Before<'a> {
    by: [isize; 2],
    lengths: [usize; 2],
    /// `None` if there is no such slice.
    plane: Option<&'a [i16]>,
}

impl<'a> Before<'a> {
    fn new(&(by, slices): &Earlier, grid: &Grid, [z, t]: [usize; FURTHER], before: &'a [i16]) -> Self {
        let lengths = grid.plane();
        let size = lengths[0] * lengths[1];
        let slice = z.checked_sub(slices[0]).zip(t.checked_sub(slices[1]));
        let plane = slice.map(|(z, t)| &before[slice_number(grid, [z, t]) * size..][..size]);
        Before { by, lengths, plane }
    }

    /// The neighbour at the places of a front; 0 outside the grid.
    fn front(&self, t: usize, rows: Range<usize>) -> impl Iterator<Item = i16> {
        let [width, height] = self.lengths;
        rows.map(move |y| {
            let x = (t - LAG * y).checked_add_signed(self.by[0]).filter(|&x| x < width);
            let y = y.checked_add_signed(self.by[1]).filter(|&y| y < height);
            match (self.plane, x, y) {
                (Some(plane), Some(x), Some(y)) => input(plane[y * width + x]),
                _ => 0,
            }
        })
    }
}

fn visit_slice<C: LatentCoder>(
    model: &Model,
    (number, grid, slice): (usize, &Grid, [usize; FURTHER]),
    combined: &Combined,
    latents: &mut [i16],
    coder: &mut C,
    layers: &mut [Rows; 2],
) -> Result<()> {
    let [width, height] = grid.plane();
    let (before, latents) = latents.split_at_mut(slice_number(grid, slice) * width * height);
    let earlier: Vec<Before<'_>> =
        model.earlier().iter().map(|earlier| Before::new(earlier, grid, slice, before)).collect();
    // As fronts before a latent and rows above it.
    let offsets = model.neighbours().iter().map(|&(x, y)| ((LAG * y).wrapping_add_signed(x), y));
    let neighbours: Vec<(usize, usize)> = offsets.collect();
    let kept = neighbours.iter().map(|&(t, _)| t).max().unwrap_or(0) + 1;
    // Fronts as inputs of the model; a row begins with rows above the grid, which are 0 as all that is
    // outside.
    let mut fronts: Vec<(Range<usize>, Vec<i16>)> = try_vec(kept)?;
    for _ in 0..kept {
        fronts.push((0..0, try_filled((height + ABOVE) as u64, 0)?));
    }
    let (mut inputs, mut predicted) = (Rows::default(), vec![]);
    for t in 0..width + LAG * (height - 1) {
        let rows = (t + 1).saturating_sub(width).div_ceil(LAG)..(t / LAG + 1).min(height);
        inputs.resize(model.width(), rows.len());
        predicted.resize(rows.len(), (0, 0));
        for (row, &(before, above)) in neighbours.iter().enumerate() {
            let (_, front) = &fronts[(t + kept - before) % kept];
            inputs.set(row, front[ABOVE + rows.start - above..].iter().copied().take(rows.len()));
        }
        for (row, earlier) in (neighbours.len()..).zip(&earlier) {
            inputs.set(row, earlier.front(t, rows.clone()));
        }
        let first = neighbours.len() + earlier.len();
        for row in first..model.width() {
            inputs.set(row, combined.front(row - first, t, rows.clone()));
        }
        model.predict(number, &inputs, layers, &mut predicted);
        let (written, front) = &mut fronts[t % kept];
        front[written.start + ABOVE..written.end + ABOVE].fill(0);
        *written = rows.clone();
        for (y, &(centre, scale)) in rows.zip(&predicted) {
            let latent = &mut latents[y * width + t - LAG * y];
            *latent = coder.latent(&Laplace::new(centre, scale), i32::from(*latent))? as i16;
            front[y + ABOVE] = input(*latent);
        }
    }
    Ok(())
}
