//! Missing samples: a position has no value where the sample nearest to it is missing.

use crate::signal::Missing;

/// Replaces the numbers at positions of a grid by NaN where samples are missing. `nearest` are the samples nearest to the positions
/// along each axis; `out` has `components` numbers for each channel, channels interleaved.
pub(super) fn erase(missing: &Missing, nearest: &[Vec<u32>], components: usize, out: &mut [f32]) {
    let (Some((first, others)), lengths) = (nearest.split_first(), missing.lengths()) else { return };
    let width = first.len().max(1);
    let numbers = out.len() / nearest.iter().map(Vec::len).product::<usize>().max(1);
    for (line, out) in out.chunks_exact_mut((width * numbers).max(1)).enumerate() {
        let (mut rest, mut start, mut stride) = (line, 0, u64::from(lengths[0]));
        for (samples, &length) in others.iter().zip(&lengths[1..]) {
            start += stride * u64::from(samples[rest % samples.len()]);
            rest /= samples.len();
            stride *= u64::from(length);
        }
        for (&x, numbers) in first.iter().zip(out.chunks_exact_mut(numbers)) {
            erase_at(missing, start + u64::from(x), components, numbers);
        }
    }
}

/// Replaces the `numbers` at a point by NaN in channels whose sample nearest to `position` is missing.
pub(super) fn erase_point(missing: &Missing, position: &[f64], components: usize, numbers: &mut [f32]) {
    erase_at(missing, missing.sample_at(position), components, numbers);
}

fn erase_at(missing: &Missing, sample: u64, components: usize, numbers: &mut [f32]) {
    for (channel, jet) in numbers.chunks_exact_mut(components).enumerate() {
        if missing.is_missing(sample, channel) {
            jet.fill(f32::NAN);
        }
    }
}
