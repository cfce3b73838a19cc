//! First-layer frequencies for sound, drawn from the signal's own spectrum.
//!
//! A network of a few thousand parameters finds the frequencies of a sound only if it starts near them, so
//! the frequencies of the first layer are distributed over the spectrum in proportion to its power.

use crate::backend::simd::BLOCK;
use crate::fit::Dataset;
use crate::network::Shape;
use rustfft::FftPlanner;
use rustfft::num_complex::Complex32;

/// `width` frequencies in turns per unit of coordinate for a signal of one axis: quantiles of its power
/// spectrum over all channels, with random signs.
pub(crate) fn frequencies(shape: Shape, data: &Dataset, rng: &mut fastrand::Rng) -> Vec<f32> {
    let powers = powers(data);
    let total: f64 = powers.iter().sum();
    let (mut bin, mut before) = (0, 0.0);
    (0..shape.width)
        .map(|k| {
            let quantile = total * (k as f64 + rng.f64()) / shape.width as f64;
            while bin + 1 < powers.len() && before + powers[bin] <= quantile {
                before += powers[bin];
                bin += 1;
            }
            let within = ((quantile - before) / powers[bin].max(1e-30)).clamp(0.0, 1.0);
            // Bin k is k cycles over the whole extent, which is two units of coordinate long.
            let frequency = 0.5 * (bin as f64 + within - 0.5).max(0.1);
            if rng.bool() { frequency as f32 } else { -frequency as f32 }
        })
        .collect()
}

/// Power spectrum up to the Nyquist frequency, summed over channels.
fn powers(data: &Dataset) -> Vec<f64> {
    let (points, count) = (&data.points, data.count);
    let mut sum = vec![0.0; count / 2 + 1];
    let fft = FftPlanner::new().plan_fft_forward(count);
    for channel in 0..points.outputs {
        let mut samples = vec![Complex32::default(); count];
        for n in 0..count {
            let (block, lane) = points.place(n);
            // The box is centred on 0 and spans −1..1: coordinate to index.
            let x = points.coordinates[block * points.inputs * BLOCK + lane];
            let index = ((x + 1.0) * 0.5 * count as f32 - 0.5).round() as usize;
            samples[index.min(count - 1)].re =
                points.targets[(block * points.outputs + channel) * BLOCK + lane];
        }
        fft.process(&mut samples);
        sum.iter_mut().zip(&samples).for_each(|(s, x)| *s += f64::from(x.norm_sqr()));
    }
    sum
}
