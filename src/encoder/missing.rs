//! Missing samples in the fit: numbers in their places, so that everything that is not told of them sees only numbers that
//! exist or lie between such.

use crate::error::Result;
use crate::limits::{try_collect, try_filled};
use crate::signal::{Missing, Samples, Signal};

/// `signal` with a number in place of each sample that `missing` names: the last one before it on its line along the first
/// axis, else the next one after it, else the mean of its channel, else 0.
///
/// # Errors
/// `Io` if the system has no memory for a copy.
pub(super) fn filled(signal: &Signal, missing: &Missing) -> Result<Signal> {
    let description = &signal.description;
    let (channels, width) = (usize::from(description.channels), description.lengths()[0] as usize);
    let mut samples = try_collect((0..signal.samples.len()).map(|i| signal.samples.get(i)))?;
    let means = means(signal, missing)?;
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
    Ok(Signal {
        description: description.clone(),
        samples: Samples::F32(samples),
        metadata: signal.metadata.clone(),
    })
}

/// The mean of each channel over the samples that exist; 0 for a channel without any.
pub(super) fn means(signal: &Signal, missing: &Missing) -> Result<Vec<f32>> {
    let channels = usize::from(signal.description.channels);
    let mut sums = try_filled(channels, (0f64, 0u64))?;
    for i in 0..signal.samples.len() {
        if !missing.is_missing((i / channels) as u64, i % channels) {
            let (sum, count) = &mut sums[i % channels];
            *sum += f64::from(signal.samples.get(i));
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
        let missing = Missing::of(&signal.description, &signal.samples).unwrap().unwrap();
        assert_eq!(means(&signal, &missing).unwrap(), [3.0, 4.0]);
        let filled = filled(&signal, &missing).unwrap();
        let expected = [2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 4.0, 7.0, 3.0, 4.0, 3.0, 4.0, 3.0, 4.0, 3.0, 4.0];
        assert_eq!(filled.samples, Samples::F32(expected.to_vec()));
    }
}
