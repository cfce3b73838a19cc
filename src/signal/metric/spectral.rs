//! Log-spectral distance of sounds.
//!
//! Gray, Markel, *Distance measures for speech processing*, IEEE TASSP 24(5), 1976, in the form in general
//! use for audio: root mean square over frequency of the difference of log power spectra, mean over time.

use super::code;
use crate::signal::Signal;
use rustfft::{FftPlanner, num_complex::Complex};

/// Samples of one frame.
const FRAME: usize = 2048;
/// Samples between frames.
const HOP: usize = 512;
/// Power of a bin, relative to a full-scale sine, below which it counts as silence: −120 dB. Without it,
/// digital silence would be infinitely far from inaudible noise.
const FLOOR: f64 = 1e-12;

/// The distance in dB of sounds whose full amplitude is `peak`, mean over frames and channels; 0 for equal
/// sounds. The end is padded with zeros to whole frames.
pub(super) fn log_spectral_distance(source: &Signal, other: &Signal, peak: f64) -> f64 {
    let channels = usize::from(source.description.channels).max(1);
    let positions = source.samples.len().min(other.samples.len()) / channels;
    let frames = positions.saturating_sub(FRAME).div_ceil(HOP) + 1;
    let fft = FftPlanner::new().plan_fft_forward(FRAME);
    let window = window();
    let mut scratch = vec![Complex::default(); fft.get_inplace_scratch_len()];
    let mut spectrum = |signal: &Signal, channel: usize, start: usize| {
        let scale = signal.description.format.codes_per_unit() * peak;
        let mut frame = vec![Complex::default(); FRAME];
        for (k, value) in frame.iter_mut().enumerate().take(positions.saturating_sub(start)) {
            value.re = code(&signal.samples, (start + k) * channels + channel) / scale * window[k];
        }
        fft.process_with_scratch(&mut frame, &mut scratch);
        frame.truncate(FRAME / 2 + 1);
        frame
    };
    let mut sum = 0.0;
    for channel in 0..channels {
        for frame in 0..frames {
            let a = spectrum(source, channel, frame * HOP);
            let b = spectrum(other, channel, frame * HOP);
            let squares: f64 = a.iter().zip(&b).map(|(a, b)| ratio_db(a, b).powi(2)).sum();
            sum += (squares / a.len() as f64).sqrt();
        }
    }
    sum / (channels * frames) as f64
}

/// The ratio of the powers of two bins in dB.
fn ratio_db(a: &Complex<f64>, b: &Complex<f64>) -> f64 {
    10.0 * (a.norm_sqr().max(FLOOR) / b.norm_sqr().max(FLOOR)).log10()
}

/// The periodic Hann window, scaled so that a full-scale sine in the middle of a bin has power 1.
fn window() -> Vec<f64> {
    let turn = 2.0 * std::f64::consts::PI / FRAME as f64;
    (0..FRAME).map(|k| (0.5 - 0.5 * (turn * k as f64).cos()) * 4.0 / FRAME as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::sound;
    use super::*;
    use crate::signal::Samples;

    fn noise(count: usize, gain: f32) -> Signal {
        let mut state = 1u32;
        let values = (0..count).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            gain * (state as f32 / 4_294_967_296.0 - 0.5)
        });
        sound(1, Samples::F32(values.collect()))
    }

    #[test]
    fn a_gain_of_two_is_6_02_db_everywhere() {
        // With few samples, at the foot of the window, powers come close to the floor.
        for (count, tolerance) in [(100, 0.1), (2048, 1e-6), (2049, 1e-6), (5000, 1e-6)] {
            let distance = log_spectral_distance(&noise(count, 0.25), &noise(count, 0.5), 1.0);
            assert!((distance - 20.0 * 2f64.log10()).abs() < tolerance, "{count}: {distance}");
        }
        assert_eq!(log_spectral_distance(&noise(5000, 1.0), &noise(5000, 1.0), 1.0), 0.0);
    }

    #[test]
    fn a_full_scale_sine_has_power_one() {
        let turn = 2.0 * std::f32::consts::PI * 100.0 / FRAME as f32;
        let sine = sound(1, Samples::F32((0..FRAME).map(|k| (turn * k as f32).sin()).collect()));
        let silence = sound(1, Samples::F32(vec![0.0; FRAME]));
        // Three bins of 1025 stand out: the line and its two neighbours at a quarter of the power.
        let expected = ((120f64.powi(2) + 2.0 * (120.0 - 6.0206f64).powi(2)) / 1025.0).sqrt();
        let distance = log_spectral_distance(&sine, &silence, 1.0);
        assert!((distance - expected).abs() < 0.05, "{distance} {expected}");
    }
}
