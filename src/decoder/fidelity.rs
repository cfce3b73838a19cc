//! How close the derivatives of the decoded signal are to those of its original.
//!
//! Samples do not determine the signal between them, so both signals are compared through a window, a
//! Gaussian of [`SIGMA`] native samples: the reference is the original convolved with the derivative of the
//! Gaussian; the decoded gradient, which is exact, is convolved with the Gaussian itself. For a signal
//! decoded without error both are equal, except for the aliasing of the sampled window: 10⁻⁵ at a sixth of
//! the sampling rate, 2·10⁻³ at a third.

use super::Decoder;
use crate::error::{Error, Result};
use crate::network::Jet;
use crate::signal::source::{read, whole};
use crate::signal::{Grid, Sampling, Source};
use std::ops::Range;

/// Standard deviation of the window, native samples.
const SIGMA: f64 = 1.0;
/// Samples of the window on each side; positions closer to the edge of the signal are not compared.
const RADIUS: usize = 6;

/// The relative error of a gradient: `‖decoded − reference‖ / ‖reference‖` over all positions and channels;
/// colours count alike whatever their alpha.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GradientError {
    /// Error of the derivative by each axis.
    pub axes: Vec<f64>,
    /// Error of all derivatives together.
    pub total: f64,
}

impl Decoder {
    /// The error of the gradient against that of `original`, both through a Gaussian window of one native
    /// sample.
    ///
    /// # Errors
    /// `Parameter` if `original` has another shape, an axis has fewer than 13 samples, or no sample has all samples
    /// around it; the errors of [`Decoder::render`] and of reading `original`.
    pub fn gradient_error(&self, original: &dyn Source) -> Result<GradientError> {
        let (found, expected) = (original.description(), self.description());
        let lengths = &expected.lengths();
        if (&found.lengths(), found.channels) != (lengths, expected.channels) {
            let detail = format!(
                "{:?} × {}, {lengths:?} × {} expected",
                found.lengths(),
                found.channels,
                expected.channels
            );
            return Err(Error::parameter("original", detail));
        }
        if let Some(short) = lengths.iter().find(|&&n| (n as usize) < 2 * RADIUS + 1) {
            let detail = format!("an axis of {short} samples, expected at least {}", 2 * RADIUS + 1);
            return Err(Error::parameter("original", detail));
        }
        let [window, slope] = kernels();
        let line: usize = lengths[..lengths.len() - 1].iter().map(|&n| n as usize).product();
        let (last, strip) = (lengths[lengths.len() - 1], ((1 << 16) / line).max(64) as u32);
        let channels = usize::from(expected.channels);
        let (mut errors, mut powers) = (vec![0.0; lengths.len()], vec![0.0; lengths.len()]);
        let mut compared = 0u64;
        // Strips along the last axis, which overlap by the window.
        let margin = 2 * RADIUS as u32;
        for from in (0..last - margin).step_by(strip as usize) {
            let rows = from..from + (strip + margin).min(last - from);
            let gradient = self.gradient(rows.clone())?;
            let mut region = whole(found);
            region.iter_mut().last().into_iter().for_each(|last| *last = rows.clone());
            let samples = read(original, &region)?;
            let shape: Vec<usize> =
                lengths[..lengths.len() - 1].iter().map(|&n| n as usize).chain([rows.len()]).collect();
            for c in 0..channels {
                let source: Vec<f64> =
                    (0..line * rows.len()).map(|i| f64::from(samples.get(c + i * channels))).collect();
                for a in 0..lengths.len() {
                    let kernel = |b: usize| if a == b { &slope } else { &window };
                    let reference = convolve(source.clone(), &shape, kernel);
                    let decoded = gradient[c * lengths.len() + a..].iter().step_by(channels * lengths.len());
                    let decoded = convolve(decoded.map(|&v| f64::from(v)).collect(), &shape, |_| &window);
                    for (decoded, reference) in decoded.iter().zip(&reference) {
                        // The window reaches a missing sample.
                        if decoded.is_nan() || reference.is_nan() {
                            continue;
                        }
                        compared += 1;
                        errors[a] += (decoded - reference).powi(2);
                        powers[a] += reference * reference;
                    }
                }
            }
        }
        if compared == 0 {
            return Err(Error::parameter(
                "original",
                "missing samples within six samples of every other one",
            ));
        }
        let relative = |error: f64, power: f64| if error == 0.0 { 0.0 } else { (error / power).sqrt() };
        Ok(GradientError {
            axes: errors.iter().zip(&powers).map(|(&error, &power)| relative(error, power)).collect(),
            total: relative(errors.iter().sum(), powers.iter().sum()),
        })
    }

    /// The gradient at the native samples whose last index lies in `rows`: `samples × channels × axes`.
    fn gradient(&self, rows: Range<u32>) -> Result<Vec<f32>> {
        let mut grid = Grid::native(self.description());
        if let Some(last) = grid.axes.last_mut() {
            *last = Sampling { first: rows.start, count: rows.end - rows.start, ..*last };
        }
        let components = Jet::Gradient.components(grid.axes.len());
        let jets = self.request(&grid).jet(Jet::Gradient).values()?;
        Ok(jets.chunks_exact(components).flat_map(|jet| &jet[1..]).copied().collect())
    }
}

/// The Gaussian window, whose sum is 1, and its derivative, which measures the slope of a ramp exactly.
fn kernels() -> [Vec<f64>; 2] {
    let offsets = || (0..=2 * RADIUS).map(|i| i as f64 - RADIUS as f64);
    let window: Vec<f64> = offsets().map(|x| (-0.5 * (x / SIGMA).powi(2)).exp()).collect();
    let slope: Vec<f64> = offsets().zip(&window).map(|(x, w)| x * w).collect();
    let sum: f64 = window.iter().sum();
    let rise: f64 = offsets().zip(&slope).map(|(x, s)| x * s).sum();
    [window.iter().map(|w| w / sum).collect(), slope.iter().map(|s| s / rise).collect()]
}

/// Correlates an array of `shape`, first axis fastest, with a kernel along each axis, wherever the kernels
/// lie within the array.
fn convolve<'a>(mut data: Vec<f64>, shape: &[usize], kernel: impl Fn(usize) -> &'a Vec<f64>) -> Vec<f64> {
    let mut stride = 1;
    for (a, &length) in shape.iter().enumerate() {
        let kernel = kernel(a);
        let inner = length - 2 * RADIUS;
        let mut next = Vec::with_capacity(data.len());
        for block in data.chunks_exact(stride * length) {
            for start in 0..stride * inner {
                next.push(kernel.iter().enumerate().map(|(k, w)| w * block[start + k * stride]).sum());
            }
        }
        data = next;
        stride *= inner;
    }
    data
}

#[cfg(test)]
mod tests {
    use super::super::tests::decoder;
    use super::*;
    use crate::signal::{Description, SampleFormat, Samples, Signal};

    fn original(decoder: &Decoder, change: impl Fn(usize, f32) -> f32) -> Signal {
        let values = decoder.render(&Grid::native(decoder.description())).unwrap();
        let samples = Samples::F32(values.iter().enumerate().map(|(i, &v)| change(i, v)).collect());
        let description = Description { format: SampleFormat::F32, ..decoder.description().clone() };
        Signal { description, samples, metadata: vec![] }
    }

    #[test]
    fn the_gradient_of_its_own_samples_is_without_error() {
        // Large tiles give smooth signals, which the window does not alias.
        for (counts, overlap) in [([1, 1], 0), ([3, 2], 25)] {
            let decoder = decoder([240, 200], counts, overlap);
            let error = decoder.gradient_error(&original(&decoder, |_, v| v)).unwrap();
            assert!(error.total < 5e-5 && error.axes.iter().all(|&axis| axis < 5e-5), "{error:?}");
        }
    }

    #[test]
    fn a_signal_of_half_the_contrast_has_twice_the_gradient_it_should() {
        let decoder = decoder([240, 200], [2, 1], 25);
        let error = decoder.gradient_error(&original(&decoder, |_, v| 0.5 * v)).unwrap();
        assert!((error.total - 1.0).abs() < 1e-4, "{error:?}");
    }

    #[test]
    fn a_ramp_on_top_shows_in_its_axis_alone() {
        let decoder = decoder([40, 90], [1, 1], 0);
        // 40 pixels of 3 channels a row.
        let error = decoder.gradient_error(&original(&decoder, |i, v| v + 0.5 * (i / 120) as f32)).unwrap();
        assert!(error.axes[0] < 1e-4 && error.axes[1] > 0.5, "{error:?}");
    }

    #[test]
    fn other_shapes_and_short_axes_are_refused() {
        let (small, other) = (decoder([8, 30], [1, 1], 0), decoder([9, 30], [1, 1], 0));
        let refused = |decoder: &Decoder, signal: &Signal| {
            matches!(decoder.gradient_error(signal), Err(Error::Parameter { name: "original", .. }))
        };
        assert!(refused(&small, &original(&small, |_, v| v)));
        assert!(refused(&other, &original(&small, |_, v| v)));
        let large = decoder([20, 30], [1, 1], 0);
        let whole = original(&large, |_, v| v);
        assert!(large.gradient_error(&whole).is_ok());
        let short = Signal { samples: Samples::F32(vec![0.0; whole.samples.len() - 1]), ..whole };
        assert!(matches!(large.gradient_error(&short), Err(Error::Parameter { name: "signal", .. })));
    }
}
