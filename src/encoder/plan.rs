//! Plans tiles, network shapes and passes before the fit.

use super::options::Target;
use super::tuning::*;
use crate::backend::simd::BLOCK;
use crate::error::Result;
use crate::network::Shape;
use crate::signal::{Axis, Description, Kind, Tiles};

/// A partition into tiles of about the usual capacity, for `parameters` in total.
pub(crate) fn tiles(description: &Description, parameters: f64) -> Result<Tiles> {
    let counts = counts(&description.lengths(), (parameters / PARAMETERS_PER_TILE).max(1.0));
    let scales = description.scales();
    let overlap = |scale: usize| {
        let axes = description.axes.iter().zip(&counts).zip(&scales);
        let divided = axes.filter(|((_, count), of)| **count > 1 && **of == scale);
        let shortest = divided.map(|((axis, count), _)| axis.length / count).min();
        shortest.map_or(0, |n| match description.axes.len() {
            1 => (n / 64).clamp(2, 64).min(n / 2),
            _ => (n / 24).clamp(2, 12).min(n / 2),
        })
    };
    let last = scales.iter().copied().max().unwrap_or(0);
    let overlaps: Vec<u32> = (0..=last).map(overlap).collect();
    Tiles::with_overlaps(description, &counts, &overlaps)
}

/// The most positions of a tile of the partition for `parameters` in total.
pub(crate) fn largest_tile(description: &Description, parameters: f64) -> Result<u64> {
    let tiles = tiles(description, parameters)?;
    let sides = description.axes.iter().zip(tiles.counts()).enumerate();
    let longest = |(axis, (&Axis { length, .. }, &count)): (usize, (&Axis, &u32))| {
        length.div_ceil(count).saturating_add(2 * tiles.overlap(axis)).min(length)
    };
    Ok(sides.map(longest).fold(1, |points: u64, side| points.saturating_mul(side.into())))
}

/// Tile counts per axis for about `wanted` tiles in total, as close to cubes as the signal allows, and long
/// enough for a useful overlap.
///
/// An axis shorter than the side of a cube is not divided; the other axes share all tiles.
fn counts(lengths: &[u32], wanted: f64) -> Vec<u32> {
    let mut cut: Vec<f64> = lengths.iter().map(|&n| f64::from(n)).collect();
    loop {
        let side = (cut.iter().product::<f64>() / wanted).powf(1.0 / cut.len() as f64);
        let longer = cut.iter().filter(|&&n| n >= side).count();
        if longer == cut.len() || longer == 0 {
            let side = side.max(16.0);
            let uncut = |n: f64| !cut.contains(&n);
            let count = |n: f64| if uncut(n) { 1 } else { (n / side).round().max(1.0) as u32 };
            return lengths.iter().map(|&n| count(f64::from(n))).collect();
        }
        cut.retain(|&n| n >= side);
    }
}

/// Hidden layers of a network of about `parameters` over `axes` axes. Pictures: from a few hundred parameters on,
/// deep and narrow is better. Sound: the first layer finds the frequencies, and few layers keep them separate
/// (three are better than seven by 6 dB).
pub(crate) fn layers(axes: usize, parameters: f64) -> usize {
    match parameters {
        p if p < 120.0 => 2,
        _ if axes == 1 => 3,
        p if p < 400.0 => 4,
        p if p < 900.0 => 6,
        _ => 7,
    }
}

/// The shape of `layers` hidden layers with at most `parameters`, at least one neuron wide.
pub(crate) fn shape(description: &Description, layers: usize, parameters: f64) -> Shape {
    let of_width = |width| Shape {
        inputs: description.axes.len(),
        outputs: usize::from(description.channels),
        layers,
        width,
    };
    let fits = |width: &usize| of_width(*width).parameters() as f64 <= parameters;
    of_width((2..=512).take_while(fits).last().unwrap_or(1))
}

/// The shape of a network of the usual size.
pub(crate) fn usual_shape(description: &Description) -> Shape {
    shape(description, layers(description.axes.len(), PARAMETERS_PER_TILE), PARAMETERS_PER_TILE)
}

/// Whether a signal is so small that the time of a fit does not matter.
pub(crate) fn is_small(description: &Description) -> bool {
    description.positions() <= SMALL
}

/// The fits of each tile, of which the best is kept: their passes relative to those of the effort.
pub(crate) fn fits(description: &Description, effort: u8) -> Vec<f64> {
    let index = usize::from(effort.clamp(1, 9)) - 1;
    let mut fits = vec![1.0; 1 + usize::from(effort).saturating_sub(LONGEST)];
    if is_small(description) {
        fits.extend(PASSES[..index.min(LONGEST - 1)].iter().rev().map(|passes| passes / PASSES[index]));
    }
    fits
}

/// Passes at an effort for `target`, for a signal of at most [`FULL_SIZE`].
pub(crate) fn usual_passes(target: Target, kind: Kind, effort: u8) -> f64 {
    let psnr = match target {
        Target::Psnr(_) | Target::Nrmse(_) => true,
        Target::Quality(_) => kind != Kind::Sound,
        _ => false,
    };
    let passes = PASSES[usize::from(effort.clamp(1, 9)) - 1];
    passes.max(if psnr { FEWEST_PASSES_FOR_PSNR } else { 0.0 })
}

/// Passes at an effort for `target`, reduced for large signals.
pub(crate) fn passes(target: Target, description: &Description, effort: u8) -> f64 {
    let usual = usual_passes(target, description.kind(), effort);
    (usual * (FULL_SIZE / description.positions() as f64).min(1.0)).max(usual.min(PASSES[0]))
}

/// Optimiser iterations for `passes` over `points` points. Signals of less than eight batches get more
/// passes, since an iteration on them costs less; those without a point get none.
pub(crate) fn iterations(points: u64, passes: f64) -> usize {
    if points == 0 {
        return 0;
    }
    let blocks = points.div_ceil(BLOCK as u64) as f64;
    (passes * (blocks / BATCH_BLOCKS as f64).max(8.0)).ceil() as usize
}

/// Parameters of each tile, `total` in all, from the squared error that equal networks left in each after
/// placing.
pub(crate) fn share(total: f64, errors: &[f64]) -> Vec<f64> {
    let base = total / errors.len() as f64;
    let shares: Vec<f64> = errors.iter().map(|e| e.max(1e-30).powf(CAPACITY_EXPONENT)).collect();
    let [least, most] = CAPACITY.map(|share| share * base);
    // Clamping changes the sum; a few rounds of rescaling correct it.
    let mut scale = total / shares.iter().sum::<f64>();
    let clamped = |scale: f64| shares.iter().map(move |s| (s * scale).clamp(least, most));
    for _ in 0..20 {
        scale *= total / clamped(scale).sum::<f64>();
    }
    clamped(scale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::SampleFormat;

    fn picture(width: u32, height: u32) -> Description {
        Description::picture([width, height], 3, SampleFormat::U8)
    }

    #[test]
    fn a_kodak_picture_at_0_3_bits_per_pixel_is_fifteen_tiles() {
        assert_eq!(tiles(&picture(768, 512), 393216.0 * 0.3 / BITS_PER_PARAMETER).unwrap().counts(), [5, 3]);
    }

    #[test]
    fn long_pictures_are_cut_along_their_length_only() {
        for (lengths, wanted, expected) in [
            ([20000, 1], 1.0, [1, 1]),
            ([2400, 40], 1.0, [1, 1]),
            ([40, 2400], 3.0, [1, 3]),
            ([2400, 40], 100.0, [77, 1]),
            ([768, 512], 2.0, [2, 1]),
            ([512, 512], 4.0, [2, 2]),
        ] {
            assert_eq!(counts(&lengths, wanted), expected, "{lengths:?} in {wanted}");
        }
    }

    #[test]
    fn large_pictures_have_fewer_passes_but_those_of_effort_1() {
        let passes = |side, effort| passes(Target::Bytes(9), &picture(side, side), effort);
        assert_eq!([passes(512, 5), passes(512, 1)], [640.0, 12.0]);
        assert!((passes(3464, 5) - 85.3).abs() < 0.1);
        assert_eq!([passes(30000, 5), passes(30000, 1)], [12.0, 12.0]);
    }

    #[test]
    fn odd_pictures_have_a_partition_too() {
        for (width, height) in [(1, 1), (1, 500), (20000, 1), (3, 70000), (17, 31)] {
            for parameters in [1.0, 1e3, 1e5, 1e7] {
                tiles(&picture(width, height), parameters).unwrap();
            }
        }
    }

    #[test]
    fn shares_add_up_and_follow_the_error() {
        let shares = share(6000.0, &[1.0, 1.0, 100.0, 1e-9]);
        assert!((shares.iter().sum::<f64>() - 6000.0).abs() < 60.0, "{shares:?}");
        assert!(shares[2] > shares[0] && shares[0] > shares[3] && shares[3] > 0.0);
    }
}
