//! Poisson's equation on the samples of a grid, by cosine and sine transforms along each axis.

use rustfft::FftPlanner;
use rustfft::num_complex::Complex64;
use std::f64::consts::PI;

/// How samples go on beyond the first and the last one.
#[derive(Clone, Copy, PartialEq)]
enum Beyond {
    /// Mirrored.
    Even,
    /// Mirrored with the other sign: the first and the last sample are 0.
    Odd,
}

/// Samples whose quintic spline has a given Laplacian at all of them, but for its mean: no slope at the border and a mean of 0.
/// First axis fastest, channels interleaved.
pub(super) fn potential(lengths: &[u32], channels: usize, laplacian: &[f32]) -> Vec<f64> {
    // Of the second derivative of a quintic B-spline at integers and of the spline.
    let symbol = |w: f64| {
        (4.0 * w.cos() + 2.0 * (2.0 * w).cos() - 6.0)
            / 6.0
            / ((66.0 + 52.0 * w.cos() + 2.0 * (2.0 * w).cos()) / 120.0)
    };
    let mut samples: Vec<f64> = laplacian.iter().map(|&x| x.into()).collect();
    solve(lengths, channels, &mut samples, Beyond::Even, symbol);
    samples
}

/// Adds a function without Laplacian to samples so that they have the values that `border` gives for the numbers of those at the
/// border.
pub(super) fn fix_border(
    lengths: &[u32],
    channels: usize,
    samples: &mut [f64],
    border: impl Fn(usize) -> f64,
) {
    let strides = strides(lengths, channels);
    // What is known at the border is its right side for the neighbours inside.
    let (mut known, mut right) = (vec![0.0; samples.len()], vec![0.0; samples.len()]);
    let at = |number: usize, axis: usize| number / strides[axis] % lengths[axis] as usize;
    let is_border = |number: usize| {
        (0..lengths.len())
            .any(|axis| lengths[axis] > 1 && [0, lengths[axis] as usize - 1].contains(&at(number, axis)))
    };
    for number in (0..samples.len()).filter(|&number| is_border(number)) {
        known[number] = border(number) - samples[number];
    }
    for number in (0..samples.len()).filter(|&number| !is_border(number)) {
        for axis in (0..lengths.len()).filter(|&axis| lengths[axis] > 1) {
            right[number] -= known[number - strides[axis]] + known[number + strides[axis]];
        }
    }
    solve(lengths, channels, &mut right, Beyond::Odd, |w| 2.0 * w.cos() - 2.0);
    for ((sample, inside), known) in samples.iter_mut().zip(&right).zip(&known) {
        *sample += inside + known;
    }
}

/// Replaces a right side by the solution of the equation whose operator multiplies a wave by the sum of `symbol` of its
/// frequencies, radians per sample; what it makes 0 is left out.
fn solve(lengths: &[u32], channels: usize, samples: &mut [f64], beyond: Beyond, symbol: impl Fn(f64) -> f64) {
    let strides = strides(lengths, channels);
    transform(lengths, channels, samples, beyond);
    for (number, sample) in samples.iter_mut().enumerate() {
        let of_axis = |axis: usize| {
            let (length, at) = (lengths[axis] as usize, number / strides[axis] % lengths[axis] as usize);
            if length > 1 { symbol(PI * at as f64 / (length - 1) as f64) } else { 0.0 }
        };
        let factor: f64 = (0..lengths.len()).map(of_axis).sum();
        *sample = if factor < -1e-12 { *sample / factor } else { 0.0 };
    }
    transform(lengths, channels, samples, beyond);
    // The transform is its own inverse but for this.
    let scale: f64 = lengths.iter().filter(|&&n| n > 1).map(|&n| 2.0 * f64::from(n - 1)).product();
    samples.iter_mut().for_each(|sample| *sample /= scale);
}

/// The cosine (I) or sine (I) transform along each axis of more than one sample, not scaled.
fn transform(lengths: &[u32], channels: usize, samples: &mut [f64], beyond: Beyond) {
    let mut planner = FftPlanner::new();
    for (axis, &stride) in strides(lengths, channels).iter().enumerate() {
        let length = lengths[axis] as usize;
        if length == 1 {
            continue;
        }
        let fft = planner.plan_fft_forward(2 * (length - 1));
        let mut line = vec![Complex64::ZERO; 2 * (length - 1)];
        for plane in samples.chunks_exact_mut(stride * length) {
            for first in 0..stride {
                for n in 0..length {
                    let (x, mirrored) = (plane[first + n * stride], (line.len() - n) % line.len());
                    (line[n], line[mirrored]) = match beyond {
                        Beyond::Even => (x.into(), x.into()),
                        Beyond::Odd if mirrored == n => (Complex64::ZERO, Complex64::ZERO),
                        Beyond::Odd => (x.into(), (-x).into()),
                    };
                }
                fft.process(&mut line);
                for (n, of_line) in line[..length].iter().enumerate() {
                    plane[first + n * stride] = if beyond == Beyond::Even { of_line.re } else { -of_line.im };
                }
            }
        }
    }
}

/// Distances in numbers between neighbours along each axis.
fn strides(lengths: &[u32], channels: usize) -> Vec<usize> {
    let stride = |axis: usize| lengths[..axis].iter().map(|&n| n as usize).product::<usize>() * channels;
    (0..lengths.len()).map(stride).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Jet;
    use crate::solve::Interpolant;

    const LENGTHS: [u32; 2] = [13, 9];

    fn waves(number: usize) -> f64 {
        let (x, y) = ((number / 2 % 13) as f64, (number / 26) as f64);
        if number.is_multiple_of(2) { (0.9 * x).sin() + 0.3 * y } else { 0.01 * x * y * y }
    }

    #[test]
    fn a_potential_has_the_laplacian_of_its_spline() {
        let samples: Vec<f32> = (0..13 * 9 * 2).map(|i| waves(i) as f32).collect();
        let laplacian = |samples: Vec<f32>| {
            let spline = Interpolant::new(&LENGTHS, 2, samples).unwrap();
            let mut found = vec![];
            for at in 0..13 * 9 {
                let position = [f64::from(at % 13), f64::from(at / 13)];
                spline.numbers(Jet::Laplacian, &position, |x| found.push(x));
            }
            found
        };
        let found = potential(&LENGTHS, 2, &laplacian(samples.clone()));
        for channel in 0..2 {
            let offset = found[channel] - f64::from(samples[channel]);
            for i in (channel..samples.len()).step_by(2) {
                let error = found[i] - offset - f64::from(samples[i]);
                assert!(error.abs() < 1e-4, "{channel} {i}: {error}");
            }
        }
    }

    #[test]
    fn a_border_is_fixed_by_a_harmonic_function() {
        // x² − y² and 1 + x·y have no second differences.
        let harmonic = |number: usize| {
            let (x, y) = ((number / 2 % 13) as f64, (number / 26) as f64);
            if number.is_multiple_of(2) { x * x - y * y } else { 1.0 + x * y }
        };
        let mut samples: Vec<f64> = (0..13 * 9 * 2).map(waves).collect();
        fix_border(&LENGTHS, 2, &mut samples, |number| waves(number) + harmonic(number));
        for (number, sample) in samples.iter().enumerate() {
            let expected = waves(number) + harmonic(number);
            assert!((sample - expected).abs() < 1e-9, "{number}: {sample} {expected}");
        }
    }
}
