//! Gathers the samples of one tile as training points in whole blocks, shuffled once and normalised; a subset
//! of them for very large tiles.

use crate::backend::simd::{BLOCK, Residuals};
use crate::backend::trainer::Points;
use crate::error::Result;
use crate::fit::Normalisation;
use crate::fit::slopes::{GradientTerm, half_step};
use crate::signal::source::{Patch, slabs};
use crate::signal::{Axis, Description, Missing, Source, Tile, Tiles};
use std::ops::Range;

/// The smallest weight of a point, relative to one inside a single tile: in the seam too, a network must not
/// diverge from the signal.
const LEAST_WEIGHT: f32 = 0.05;

/// Points of a tile in signal units.
pub(super) struct Gathered {
    /// Number of points or pairs, without padding.
    pub count: usize,
    /// Points or pairs of the tile per point or pair gathered.
    pub thinning: f64,
    pub points: Points,
    /// The root mean squared slope along each axis, signal units per unit of coordinate; 0 along an axis of one sample.
    pub slopes: Vec<f64>,
}

/// Points whose slopes are measured.
const MEASURED: usize = 1 << 16;

/// The most samples of a tile that are read at a time: a larger one is read in slabs.
pub(crate) const MOST_READ: u64 = 1 << 24;

/// Gathers tile `number` of `source`, shuffled by `seed`, without positions whose samples are all `missing`; a tile
/// that has only such is a single point. A tile of more than `most` points or pairs is divided into `most` equal
/// stretches, and one is drawn from each. The weight of a point is that of the tile in the blend.
///
/// # Errors
/// Those of reading the source.
///
/// # Panics
/// With a gradient term and missing samples.
pub(super) fn gather(
    (source, missing): (&dyn Source, Option<&Missing>),
    tiles: &Tiles,
    number: usize,
    gradient: Option<GradientTerm<'_>>,
    most: u64,
    seed: u64,
) -> Result<Gathered> {
    let (tile, description) = (tiles.tile(number), source.description());
    let (inputs, outputs) = (description.axes.len(), usize::from(description.channels));
    let sides: Vec<u32> = tile.start.iter().zip(&tile.end).map(|(a, b)| b - a).collect();
    let samples = tile.points();
    let (all, order) = match missing {
        None => {
            let all = if gradient.is_some() { samples * inputs as u64 } else { samples };
            (all, shuffled(all, all.min(most), seed))
        }
        Some(missing) => {
            assert!(gradient.is_none(), "missing samples have no gradient");
            existing(missing, &tile.ranges(), most, seed)
        }
    };
    let count = order.len();

    // Coordinates and weights are separable: one table per axis.
    let axis = |a: usize| (tile.start[a]..tile.end[a]).map(move |x| (a, f64::from(x)));
    let coordinate: Vec<Vec<f32>> =
        (0..inputs).map(|a| axis(a).map(|(a, x)| tile.coordinate(a, x)).collect()).collect();
    let weight: Vec<Vec<f32>> =
        (0..inputs).map(|a| axis(a).map(|(a, x)| tiles.weight(a, tile.index[a], x)).collect()).collect();

    let residuals = if gradient.is_some() { Residuals::SumsAndDifferences } else { Residuals::Values };
    let mut points = Points::zeros(inputs, outputs, count, residuals);
    let margin = gradient.as_ref().map_or(0, GradientTerm::margin);
    let mut position = vec![0; inputs];
    let mut slopes = vec![(0.0, 0u64); inputs];
    for slab in slabs(description, &tile.ranges(), MOST_READ) {
        let patch = Patch::read(source, widened(&slab, margin, description))?;
        for (n, &point) in order.iter().enumerate() {
            let mut rest = point % samples;
            for ((at, &side), start) in position.iter_mut().zip(&sides).zip(&tile.start) {
                *at = start + (rest % u64::from(side)) as u32;
                rest /= u64::from(side);
            }
            if !slab[inputs - 1].contains(&position[inputs - 1]) {
                continue;
            }
            let ((block, lane), mut share) = (points.place(n), 1f32);
            for a in 0..inputs {
                let local = (position[a] - tile.start[a]) as usize;
                share *= weight[a][local];
                points.coordinates[(block * inputs + a) * BLOCK + lane] = coordinate[a][local];
            }
            points.weights[block * BLOCK + lane] = share.max(LEAST_WEIGHT);
            let place = patch.place(&position);
            if n < MEASURED {
                for (a, (sum, count)) in slopes.iter_mut().enumerate() {
                    if let Some(next) = patch.next(&position, a) {
                        *sum += difference(&patch, [place, next], outputs);
                        *count += 1;
                    }
                }
            }
            for c in 0..outputs {
                points.targets[(block * outputs + c) * BLOCK + lane] = patch.value(place, c);
            }
            if let Some(term) = &gradient {
                let axis = (point / samples) as usize;
                let slope = |c| term.slope(&patch, description, &position, axis, c);
                split(&mut points, &tile, term.weight, (axis, position[axis]), (block, lane), slope);
            }
        }
    }
    let per_unit = |((sum, count), &span): (&(f64, u64), &u32)| {
        0.5 * f64::from(span) * (sum / (*count).max(1) as f64).sqrt()
    };
    let slopes = slopes.iter().zip(&tile.spans).map(per_unit).collect();
    Ok(Gathered { count, thinning: all as f64 / count as f64, points, slopes })
}

/// The squared difference between two positions, summed over channels.
fn difference(patch: &Patch<'_>, places: [usize; 2], channels: usize) -> f64 {
    let of_channel = |c: usize| {
        let [a, b] = places.map(|place| f64::from(patch.value(place, c)));
        (a - b).powi(2)
    };
    (0..channels).map(of_channel).sum()
}

/// A box with so many samples more on each side, as far as the signal has them.
fn widened(region: &[Range<u32>], margin: u32, description: &Description) -> Vec<Range<u32>> {
    let wider = |(range, axis): (&Range<u32>, &Axis)| {
        range.start.saturating_sub(margin)..range.end.saturating_add(margin).min(axis.length)
    };
    region.iter().zip(&description.axes).map(wider).collect()
}

/// `count` of the numbers in `0..all`, in an order drawn by `seed`.
fn shuffled(all: u64, count: u64, seed: u64) -> Vec<u64> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut order = if count == all { (0..all).collect() } else { one_of_each(all, count, &mut rng) };
    rng.shuffle(&mut order);
    order
}

/// The number of positions in a box at which a sample exists, at least 1, and at most `most` of them in an order
/// drawn by `seed`.
fn existing(missing: &Missing, ranges: &[Range<u32>], most: u64, seed: u64) -> (u64, Vec<u64>) {
    let all = missing.count_existing(ranges);
    if all == 0 {
        return (1, vec![0]);
    }
    let mut rng = fastrand::Rng::with_seed(seed);
    let ranks = if all <= most { (0..all).collect() } else { one_of_each(all, most, &mut rng) };
    let mut order = Vec::with_capacity(ranks.len());
    let mut wanted = ranks.iter().peekable();
    for (rank, position) in (0..).zip(missing.existing(ranges)) {
        if wanted.next_if_eq(&&rank).is_some() {
            order.push(position);
        }
    }
    rng.shuffle(&mut order);
    (all, order)
}

/// Turns the point at `place` into a pair along an axis, at sample `at` of it; `slope` gives the target of each
/// channel, of this `weight`.
fn split(
    points: &mut Points,
    tile: &Tile,
    weight: f32,
    (axis, at): (usize, u32),
    (block, lane): (usize, usize),
    slope: impl Fn(usize) -> f64,
) {
    let second = lane + points.residuals.groups();
    for a in 0..points.inputs {
        let row = (block * points.inputs + a) * BLOCK;
        points.coordinates[row + second] = points.coordinates[row + lane];
    }
    let row = (block * points.inputs + axis) * BLOCK;
    let step = half_step(tile.spans[axis]);
    let [ahead, behind] = [step, -step].map(|step| tile.coordinate(axis, f64::from(at) + step));
    (points.coordinates[row + lane], points.coordinates[row + second]) = (ahead, behind);
    // The distance between the rounded coordinates, native samples.
    let distance = 0.5 * f64::from(ahead - behind) * f64::from(tile.spans[axis]);
    let row = block * BLOCK;
    let share = points.weights[row + lane];
    // Half the sum is the value, of which every axis has a share; the difference over the distance is the
    // slope.
    points.weights[row + lane] = share / (4 * points.inputs) as f32;
    points.weights[row + second] = share * weight / (distance * distance) as f32;
    for c in 0..points.outputs {
        let row = (block * points.outputs + c) * BLOCK;
        points.targets[row + second] = (distance * slope(c)) as f32;
    }
}

/// Normalises targets to zero mean per channel and a standard deviation of ½ over all channels; returns the
/// way back. The first `count` points or pairs are not padding.
pub(super) fn normalise(points: &mut Points, count: usize) -> Normalisation {
    let (outputs, residuals, groups) = (points.outputs, points.residuals, points.residuals.groups());
    let places = |c: usize| (0..count).map(move |n| (n / groups * outputs + c) * BLOCK + n % groups);
    let (mut variance, mut means) = (0f64, vec![0f32; outputs]);
    for (c, rounded) in means.iter_mut().enumerate() {
        let mean = places(c).map(|i| f64::from(points.targets[i])).sum::<f64>() / count as f64;
        variance += places(c).map(|i| (f64::from(points.targets[i]) - mean).powi(2)).sum::<f64>();
        *rounded = mean as f32;
    }
    variance /= (count * outputs) as f64;
    // A constant tile has nothing to scale: its mean describes it, and the network must add nothing visible.
    let scale = 2.0 * variance.sqrt() as f32;
    let peak = means.iter().fold(0f32, |peak, mean| peak.max(mean.abs()));
    let least = if peak > 0.0 { peak * f32::EPSILON } else { f32::EPSILON };
    let scale = scale.max(least).clamp(f32::MIN_POSITIVE, f32::MAX);
    for (c, mean) in means.iter().enumerate() {
        for i in places(c) {
            // The first residual of a group is the sum of its values, in the others the mean has no part.
            points.targets[i] = (points.targets[i] - mean) / scale * residuals.points() as f32;
            (1..residuals.points()).for_each(|point| points.targets[i + point * groups] /= scale);
        }
    }
    Normalisation { means, scale }
}

/// One number from each of `count` equal stretches of `0..all`.
fn one_of_each(all: u64, count: u64, rng: &mut fastrand::Rng) -> Vec<u64> {
    let start = |n: u64| (u128::from(n) * u128::from(all) / u128::from(count)) as u64;
    (0..count).map(|n| rng.u64(start(n)..start(n + 1))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_each_stretch_is_chosen() {
        let chosen = one_of_each(1 << 33, 1000, &mut fastrand::Rng::with_seed(3));
        assert!(chosen.iter().enumerate().all(|(n, &point)| (point * 1000) >> 33 == n as u64));
    }
}
