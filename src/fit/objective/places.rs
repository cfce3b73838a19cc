//! The points of a condition that one tile sees, in blocks of points that the same tiles see.

use super::{Condition, Point, Points};
use crate::backend::simd::BLOCK;
use crate::signal::{Tile, Tiles};
use std::collections::BTreeMap;
use std::ops::Range;

/// Where a condition holds within a tile.
pub(super) enum Places {
    /// Numbers of given points, a list of up to [`BLOCK`] each.
    Given(Vec<Vec<u32>>),
    /// Boxes in native samples with their volumes, in each of which the same tiles are seen.
    Random(Vec<(f64, Vec<Range<f64>>)>),
}

impl Places {
    /// Those of `condition` in each tile.
    pub fn of(condition: &Condition<'_>, tiles: &Tiles, rng: &mut fastrand::Rng) -> Vec<Places> {
        match &condition.points {
            Points::Given { positions, .. } => given(positions, tiles, rng),
            Points::Random(region) | Points::Interpolated { region, .. } => {
                (0..tiles.len()).map(|n| random(region, tiles, &tiles.tile(n))).collect()
            }
        }
    }

    /// Blocks in which all points come once; of random points, as many as asked.
    pub fn blocks(&self, random: usize) -> usize {
        match self {
            Places::Given(blocks) => blocks.len(),
            Places::Random(boxes) if boxes.is_empty() => 0,
            Places::Random(_) => random,
        }
    }

    /// What the sum over one of `blocks` drawn blocks counts for: points of the whole condition, or its volume.
    pub fn share(&self, blocks: usize) -> f64 {
        let all = match self {
            Places::Given(all) => all.len() as f64,
            Places::Random(boxes) => boxes.iter().map(|(volume, _)| volume).sum::<f64>() / BLOCK as f64,
        };
        all / blocks as f64
    }
}

/// Given points by tile, those that the same tiles see side by side, in blocks in random order.
fn given(positions: &[f64], tiles: &Tiles, rng: &mut fastrand::Rng) -> Vec<Places> {
    let axes = tiles.counts().len();
    let mut order: Vec<u32> = (0..(positions.len() / axes) as u32).collect();
    rng.shuffle(&mut order);
    // For each tile, the points that each set of tiles sees.
    let mut cells = vec![BTreeMap::<Vec<usize>, Vec<u32>>::new(); tiles.len()];
    for n in order {
        let seen = seeing(tiles, &positions[n as usize * axes..][..axes]);
        for &tile in &seen {
            cells[tile].entry(seen.clone()).or_default().push(n);
        }
    }
    let blocks = |cells: BTreeMap<Vec<usize>, Vec<u32>>| {
        let side_by_side: Vec<u32> = cells.into_values().flatten().collect();
        let mut blocks: Vec<Vec<u32>> = side_by_side.chunks(BLOCK).map(<[u32]>::to_vec).collect();
        rng.shuffle(&mut blocks);
        Places::Given(blocks)
    };
    cells.into_iter().map(blocks).collect()
}

/// The tiles that see a position, in ascending order.
pub(super) fn seeing(tiles: &Tiles, position: &[f64]) -> Vec<usize> {
    let (mut seen, mut stride) = (vec![0], 1);
    for (axis, (&x, &count)) in position.iter().zip(tiles.counts()).enumerate() {
        let along = tiles.touching(axis, x);
        seen = along.flat_map(|k| seen.iter().map(move |n| n + k as usize * stride)).collect();
        stride *= count as usize;
    }
    seen
}

/// The boxes of a region within a tile.
fn random(region: &[Range<f64>], tiles: &Tiles, tile: &Tile) -> Places {
    let mut boxes: Vec<(f64, Vec<Range<f64>>)> = vec![(1.0, vec![])];
    for (axis, region) in region.iter().enumerate() {
        let (start, end) = (f64::from(tile.start[axis]) - 0.5, f64::from(tile.end[axis]) - 0.5);
        let (blend, k) = (2.0 * f64::from(tiles.overlap(axis)), tile.index[axis]);
        let left = if k > 0 { start + blend } else { start };
        let right = if k + 1 < tiles.counts()[axis] { end - blend } else { end };
        let flat = region.start == region.end;
        let pieces = [start..left, left..right, right..end].map(|piece| {
            let (from, to) = (piece.start.max(region.start), piece.end.min(region.end));
            // A position on a border of two pieces is in the second one.
            let inside = if flat { from == to && (to < piece.end || to == end) } else { from < to };
            (if inside { extent(&(from..to)) } else { 0.0 }, from..to)
        });
        boxes = boxes
            .iter()
            .flat_map(|(volume, sides)| {
                pieces.iter().map(move |(extent, piece)| {
                    (volume * extent, sides.iter().cloned().chain([piece.clone()]).collect())
                })
            })
            .filter(|(volume, _)| *volume > 0.0)
            .collect();
    }
    Places::Random(boxes)
}

/// The length of a side; 1 for a single position.
pub(super) fn extent(side: &Range<f64>) -> f64 {
    if side.start == side.end { 1.0 } else { side.end - side.start }
}

/// The points of a block.
pub(super) struct Block {
    /// `axes` coordinates of each, native samples.
    positions: Vec<f64>,
    /// What is known of each.
    data: Vec<f32>,
    per_point: usize,
    axes: usize,
}

impl Block {
    /// Block `number`, counted around if points are given, of `places` of a condition; `seed` shifts random points, which reach
    /// along an axis as far as `reach` says, as a part of the region.
    pub fn new(
        condition: &Condition<'_>,
        places: &Places,
        number: usize,
        axes: usize,
        (seed, reach): (u64, Option<(usize, f64)>),
    ) -> Self {
        match (&condition.points, places) {
            (Points::Given { positions: all, data: known }, Places::Given(blocks)) => {
                let per_point = known.len() / (all.len() / axes);
                let (mut positions, mut data) = (vec![], vec![]);
                for &n in &blocks[number % blocks.len()] {
                    positions.extend_from_slice(&all[n as usize * axes..][..axes]);
                    data.extend_from_slice(&known[n as usize * per_point..][..per_point]);
                }
                Block { positions, data, per_point, axes }
            }
            (points, Places::Random(boxes)) => {
                let mut positions = drawn(boxes, number as u64, seed);
                if let (Some((axis, part)), Some(region)) = (reach, points.region()) {
                    let start = region[axis].start;
                    let along = positions.iter_mut().skip(axis).step_by(axes);
                    along.for_each(|x| *x = start + (*x - start) * part);
                }
                let (mut data, mut per_point) = (vec![], 0);
                if let Points::Interpolated { data: signal, of, .. } = points {
                    per_point = signal.count(*of);
                    positions
                        .chunks_exact(axes)
                        .for_each(|position| signal.numbers(*of, position, |x| data.push(x)));
                }
                Block { positions, data, per_point, axes }
            }
            _ => unreachable!("places are of the condition's kind"),
        }
    }

    /// The number of points, 1 to [`BLOCK`].
    pub fn len(&self) -> usize {
        self.positions.len() / self.axes
    }

    /// Point `n`.
    pub fn point(&self, n: usize) -> Point<'_> {
        Point { position: self.position(n), data: &self.data[n * self.per_point..][..self.per_point] }
    }

    pub fn position(&self, n: usize) -> &[f64] {
        &self.positions[n * self.axes..][..self.axes]
    }

    /// The coordinates of a whole block for the network of `tile`; the first point again where there is none.
    pub fn coordinates(&self, tile: &Tile, coordinates: &mut Vec<f32>) {
        coordinates.clear();
        for axis in 0..self.axes {
            let of = |n: usize| self.positions[if n < self.len() { n } else { 0 } * self.axes + axis];
            coordinates.extend((0..BLOCK).map(|n| tile.coordinate(axis, of(n))));
        }
    }
}

/// The positions of a block of random points, all of one box: the points of all blocks follow each other in a sequence that
/// leaves gaps nowhere, the multiples of powers of `1/g` with `g^(d+1) = g + 1` (Roberts 2018), shifted at random, so that
/// means over points are much closer to integrals than those of independent ones.
fn drawn(boxes: &[(f64, Vec<Range<f64>>)], block: u64, seed: u64) -> Vec<f64> {
    let axes = boxes[0].1.len();
    // A dimension more than axes chooses the box.
    let ratio = (0..64).fold(1.5f64, |g, _| (1.0 + g).powf(1.0 / (axes + 2) as f64));
    let mut rng = fastrand::Rng::with_seed(seed);
    let steps: Vec<(u64, u64)> = (1..=axes + 1)
        .map(|power| ((ratio.powi(-(power as i32)) * (1u64 << 63) as f64) as u64 * 2, rng.u64(..)))
        .collect();
    // Parts of 1, in integers without rounding.
    let part =
        |n: u64, (step, shift): (u64, u64)| n.wrapping_mul(step).wrapping_add(shift) as f64 / 2f64.powi(64);
    let mut at = part(block, steps[axes]) * boxes.iter().map(|(volume, _)| volume).sum::<f64>();
    let fits = |(volume, _): &&(f64, Vec<Range<f64>>)| {
        at -= volume;
        at <= 0.0
    };
    let (_, sides) = boxes.iter().find(fits).or(boxes.last()).expect("a box");
    let points = (0..BLOCK as u64).map(|n| block.wrapping_mul(BLOCK as u64).wrapping_add(n));
    let of_point = |n: u64| {
        let along = sides.iter().zip(&steps);
        along.map(move |(side, &step)| side.start + (side.end - side.start) * part(n, step))
    };
    points.flat_map(of_point).collect()
}
