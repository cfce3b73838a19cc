//! The shape of a field of splines, the iterations of its training and the memory that they take, before the fit.

use super::samples::Area;
use crate::encoder::tuning::*;
use crate::field::spline::{ContextShape, Shape, Slow};
use crate::signal::{Description, Measure};
use std::ops::{Range, RangeInclusive};

/// Neurons of each hidden layer of a small network, and inputs of its context model.
const SMALL_WIDTH: usize = 8;
const SMALL_NEIGHBOURS: usize = 5;
const SMALL_EARLIER: usize = 2;
const SMALL_COMBINATIONS: usize = 3;
/// Levels of a small field: its coarsest grid has so many latents along the longer side, at least.
const COARSEST: u32 = 8;

/// Neighbours in earlier slices, for signals of more than two axes.
const EARLIER: usize = 6;
/// The levels of slow grids of signals in time, along the first two axes and along time. What stays as it is for some
/// frames is stored once.
const SLOW: Slow = Slow { levels: 0b111, further: [3, 3] };

/// The usual shape for a signal: that of a picture, whose grids are halved along every axis alike, and slow grids if
/// there is time beyond the second axis.
pub(in crate::encoder) fn usual_shape(description: &Description) -> Shape {
    let mut usual = Shape::usual(&description.lengths(), description.channels.into());
    let further = description.axes.get(2..).unwrap_or_default();
    if further.is_empty() {
        return usual;
    }
    usual.context.earlier = EARLIER;
    let is_slow =
        |axis: usize| further.get(axis).is_some_and(|axis| matches!(axis.measure, Measure::Time(_)));
    if is_slow(0) || is_slow(1) {
        let levels = std::array::from_fn(|axis| if is_slow(axis) { SLOW.further[axis] } else { 0 });
        usual.further.slow = vec![Slow { further: levels, ..SLOW }];
    }
    usual
}

/// The shapes of fields that are worth a training for a signal: the usual one, whose parameters a file hardly
/// spends bytes on, and for small signals one of few parameters, which suits what is unlike a photograph.
pub(super) fn shapes(description: &Description) -> Vec<Shape> {
    let usual = usual_shape(description);
    if description.positions() >= SPLINE_SMALL {
        return vec![usual];
    }
    let longest = description.lengths().iter().copied().max().unwrap_or(1);
    let levels = usual.levels & ((2 << (longest / COARSEST).max(1).ilog2()) - 1);
    let informed = usual.context.informed & (levels >> 1);
    let combinations = if informed == 0 { 0 } else { SMALL_COMBINATIONS };
    let earlier = usual.context.earlier.min(SMALL_EARLIER);
    let context = ContextShape { levels: 0, informed, neighbours: SMALL_NEIGHBOURS, earlier, combinations };
    vec![Shape { levels, width: SMALL_WIDTH, context, ..usual.clone() }, usual]
}

/// Iterations of a training at an effort, for a signal that is not large.
pub(super) fn usual_steps(effort: u8) -> f64 {
    SPLINE_STEPS[usize::from(effort.clamp(1, 9)) - 1]
}

/// Iterations of a training at an effort: fewer for large signals.
pub(super) fn steps(description: &Description, effort: u8) -> f64 {
    let usual = usual_steps(effort);
    (usual * (SPLINE_FULL_SIZE / description.positions() as f64).min(1.0)).max(usual.min(SPLINE_STEPS[0]))
}

/// The side of regions is a multiple of this, and margins of the spacing of the coarsest grid.
const REGION: usize = 256;
/// Samples before and behind a region on which its latents are trained too: most of what they reach.
const MARGINS: [usize; 2] = [192, 128];

/// A region's samples along an axis of so many, and those around it on which it is trained.
pub(super) fn with_margins(own: &Range<usize>, length: usize) -> Range<usize> {
    own.start.saturating_sub(MARGINS[0])..length.min(own.end + MARGINS[1])
}

/// Samples of a part of the sample along each axis, and the least and the most parts along it. Many small parts are
/// better than few large ones, and as many as memory allows better than few: of 12 megapixels at effort 1 and
/// quality 75, in regions, 4, 8 and 12 parts of 256, 128 and 128 take 571, 549 and 544 kB at 32.7, 33.1 and 33.3 dB,
/// and 543 kB at 33.4 dB if all is trained at once.
const PART: usize = 128;
const PARTS: RangeInclusive<usize> = 8..=12;

/// The parts of a signal on which networks are trained for all of it, in rows, for regions with this side; a sound
/// has a single row.
pub(super) fn sample(lengths: &[u32], side: usize) -> Vec<Vec<Area>> {
    let power = if lengths.len() > 1 { 1 } else { 2 };
    let parts = (side / PART).clamp(*PARTS.start(), *PARTS.end());
    let along = |axis: usize| {
        let length = lengths.get(axis).map_or(1, |&n| n as usize);
        let size = length.min(PART.pow(power));
        let count = parts.pow(power).min(length / size);
        let start = move |n: usize| match count {
            1 => (length - size) / 2,
            _ => n * (length - size) / (count - 1),
        };
        (0..count).map(move |n| start(n)..start(n) + size)
    };
    along(1).map(|rows| along(0).map(|columns| [columns, rows.clone()]).collect()).collect()
}

/// The number of positions of an area.
pub(super) fn positions(area: &Area) -> usize {
    area.iter().map(ExactSizeIterator::len).product()
}

/// Bytes of a training for each position, and for each sample: a picture of 12 megapixels of three channels takes
/// 1.49 GB.
const POSITION: u64 = 88;
const SAMPLE: u64 = 13;
/// Bytes of latents and of the decoder for each position: of a field, and of its copy in a file that is read.
const LATENTS: u64 = 4;
const DECODED: u64 = 18;
/// Copies of the samples: invisible colours that are smoothed, and floats that are normalised, are copied.
const COPIES: u64 = 2;
/// Bytes for everything small.
const SCRATCH: u64 = 8 << 20;

/// Bytes of a training of so many positions.
fn training(description: &Description, positions: u64) -> u64 {
    positions.saturating_mul(POSITION + SAMPLE * u64::from(description.channels)).saturating_add(SCRATCH)
}

/// Bytes of a training in regions with this side.
fn in_regions(description: &Description, side: usize) -> u64 {
    let (lengths, channels) = (&description.lengths(), u64::from(description.channels));
    let trained = |&length: &u32| (length as usize).min(side + MARGINS[0] + MARGINS[1]) as u64;
    let sample = sample(lengths, side).iter().flatten().map(positions).sum::<usize>() as u64;
    let trained = lengths.iter().map(trained).product::<u64>().max(sample);
    let bytes = u64::from(description.format.bits()).div_ceil(8).next_power_of_two();
    let of_all = |each: u64| description.positions().saturating_mul(each);
    let kept = of_all(LATENTS + COPIES * bytes * channels);
    kept.saturating_add(training(description, trained).max(of_all(DECODED)))
}

/// The least bytes of memory that a training takes.
pub(in crate::encoder) fn least_memory(description: &Description) -> u64 {
    let at_once = training(description, description.positions());
    if description.axes.len() > 2 { at_once } else { at_once.min(in_regions(description, REGION)) }
}

/// The side of the regions in which a signal is trained within `memory`, bytes; `None` if it can be trained at
/// once, as every signal of more than two axes must be.
pub(super) fn region(description: &Description, memory: u64) -> Option<usize> {
    if description.axes.len() > 2 || training(description, description.positions()) <= memory {
        return None;
    }
    let longest = description.lengths().iter().copied().max().unwrap_or(1) as usize;
    let most = longest.div_ceil(REGION);
    let affordable = |&n: &usize| in_regions(description, n * REGION) <= memory;
    // Of the sides that give as many regions the shortest: regions of about the same size.
    let side = (1..=most).rev().find(affordable).unwrap_or(1) * REGION;
    let count = longest.div_ceil(side);
    Some(longest.div_ceil(count).next_multiple_of(REGION))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::SampleFormat;

    #[test]
    fn small_pictures_have_small_fields_too() {
        let of = |width, height| shapes(&Description::picture([width, height], 3, SampleFormat::U8));
        assert_eq!(of(768, 512).len(), 1);
        let small =
            [[1, 1], [15, 1], [16, 16], [128, 128]].map(|[width, height]| of(width, height)[0].clone());
        assert_eq!(small.clone().map(|shape| shape.levels), [1, 1, 3, 31]);
        assert_eq!(small.clone().map(|shape| shape.context.informed), [0, 0, 1, 7]);
        assert!(small.iter().all(|shape| shape.parameters() < 500 && !shape.has_usual()));
    }

    #[test]
    fn regions_fit_the_memory_and_are_of_about_the_same_size() {
        let of = |width, height, memory| {
            let description = Description::picture([width, height], 3, SampleFormat::U8);
            let side = region(&description, memory);
            assert!(side.is_none_or(|side| in_regions(&description, side) <= memory));
            side
        };
        assert_eq!(of(4000, 3000, 4 << 30), None);
        assert_eq!(of(4000, 3000, 600_000_000), Some(1536));
        assert_eq!(of(7752, 5168, 3 << 29), Some(2048));
        let least = least_memory(&Description::picture([4000, 3000], 3, SampleFormat::U8));
        assert!(least < 400_000_000, "{least}");
        assert_eq!(of(4000, 3000, least), Some(768));
    }

    #[test]
    fn a_sample_is_of_parts_from_edge_to_edge() {
        let rows = sample(&[4000, 100], 256);
        assert_eq!(
            rows,
            [[0, 553, 1106, 1659, 2212, 2765, 3318, 3872].map(|x| [x..x + 128, 0..100]).to_vec()]
        );
        assert_eq!(sample(&[128, 130], 256), [[[0..128, 1..129]]]);
        assert_eq!(sample(&[40_000], 256), [[[0..16384, 0..1], [23616..40000, 0..1]]]);
    }
}
