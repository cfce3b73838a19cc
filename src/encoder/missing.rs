//! Missing samples in the fit: numbers in their places, so that everything that is not told of them sees only
//! numbers that exist or lie between such.

use crate::error::Result;
use crate::limits::{try_collect, try_filled};
use crate::signal::source::{read, whole};
use crate::signal::{Missing, Samples, Signal, Source};
use std::borrow::Cow;

/// The mask of the samples of `source` that are missing, and a signal with a number in place of each: the last one
/// before it on its line along the first axis, else the next one after it, else the mean of its channel, else 0. The
/// source is read as a whole, and the signal is in memory. Neither is there if no sample is missing.
///
/// # Errors
/// Those of reading the source; `Io` if the system has no memory for a copy.
pub(super) fn filled(source: &dyn Source) -> Result<(Option<Missing>, Option<Signal>)> {
    let description = source.description();
    let (channels, width) = (usize::from(description.channels), description.lengths()[0] as usize);
    let samples = read(source, &whole(description))?;
    let Some(missing) = Missing::of(description, &samples)? else { return Ok((None, None)) };
    let means = means(&samples, channels)?;
    let mut samples = match samples {
        Cow::Owned(Samples::F32(samples)) => samples,
        samples => try_collect((0..samples.len()).map(|i| samples.get(i)))?,
    };
    for line in samples.chunks_exact_mut(channels * width) {
        for (channel, mean) in means.iter().enumerate() {
            let first = line.iter().skip(channel).step_by(channels).find(|sample| !sample.is_nan());
            let mut last = first.copied().unwrap_or(*mean);
            for sample in line.iter_mut().skip(channel).step_by(channels) {
                if sample.is_nan() {
                    *sample = last;
                }
                last = *sample;
            }
        }
    }
    let (description, metadata) = (description.clone(), source.metadata().to_vec());
    Ok((Some(missing), Some(Signal { description, samples: Samples::F32(samples), metadata })))
}

/// The mean of each channel over the samples that exist; 0 for a channel without any.
fn means(samples: &Samples, channels: usize) -> Result<Vec<f32>> {
    let mut sums = try_filled(channels, (0f64, 0u64))?;
    for i in 0..samples.len() {
        let sample = samples.get(i);
        if !sample.is_nan() {
            let (sum, count) = &mut sums[i % channels];
            *sum += f64::from(sample);
            *count += 1;
        }
    }
    Ok(sums.into_iter().map(|(sum, count)| (sum / count.max(1) as f64) as f32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{Description, SampleFormat};

    #[test]
    fn gaps_continue_their_line_or_have_the_mean() {
        const N: f32 = f32::NAN;
        // Lines of the channels: N 2 N 4, N N N N; and 1 N N 7, 4 4 N 4.
        let samples = vec![N, 1.0, 2.0, N, N, N, 4.0, 7.0, N, 4.0, N, 4.0, N, N, N, 4.0];
        let description = Description::picture([4, 2], 2, SampleFormat::F32);
        let signal = Signal { description, samples: Samples::F32(samples), metadata: vec![] };
        assert_eq!(means(&signal.samples, 2).unwrap(), [3.0, 4.0]);
        let (missing, filled) = filled(&signal).unwrap();
        assert_eq!(missing, Missing::of(&signal.description, &signal.samples).unwrap());
        let expected = [2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 4.0, 7.0, 3.0, 4.0, 3.0, 4.0, 3.0, 4.0, 3.0, 4.0];
        assert_eq!(filled.unwrap().samples, Samples::F32(expected.to_vec()));
    }
}
