//! The border of the encoder: normalises samples of any unit to the range in which networks, steps and searches
//! work.

use super::EncodeOptions;
use crate::error::Result;
use crate::limits::try_vec;
use crate::signal::metric::{PEAK, peak_of_range};
use crate::signal::source::read;
use crate::signal::{Description, Metadata, Missing, SampleFormat, Samples, Scan, Source, Units};
use std::borrow::Cow;
use std::ops::Range;

/// A signal as it is fitted, and the way back to its own units.
pub(crate) struct Normalised<'a> {
    /// The signal as supplied.
    pub source: &'a dyn Source,
    /// The signal as it is fitted: pictures with a range up to 1, sounds with an amplitude up to 1.
    pub signal: Fitted<'a>,
    /// The options with their gradient in fitted units.
    pub options: Cow<'a, EncodeOptions>,
    /// The peak of each channel that PSNR refers to, in units of the source.
    pub peaks: Vec<f64>,
    /// The range of each channel that NRMSE refers to, in units of the source; `None` of codes.
    pub ranges: Option<Vec<f64>>,
    /// Which samples are missing; `signal` has numbers in their places.
    pub missing: Option<Missing>,
}

/// A signal in the units in which it is fitted.
pub(crate) struct Fitted<'a> {
    source: &'a dyn Source,
    /// The description of the source, with binary32 samples if there are units.
    pub description: Description,
    /// The units that the file records; `None` if the samples are fitted unchanged.
    pub units: Option<Units>,
}

impl Source for Fitted<'_> {
    fn description(&self) -> &Description {
        &self.description
    }
    fn metadata(&self) -> &[Metadata] {
        self.source.metadata()
    }
    fn read(&self, region: &[Range<u32>]) -> Result<Cow<'_, Samples>> {
        let samples = read(self.source, region)?;
        let Some(units) = &self.units else { return Ok(samples) };
        let mut fitted = try_vec(samples.len())?;
        let of_channels = units.offsets.iter().zip(&units.scales).cycle();
        // A channel of scale 0 is constant.
        let in_units = |(i, (&offset, &scale)): (usize, (&f32, &f32))| match scale {
            0.0 => 0.0,
            _ => ((f64::from(samples.get(i)) - f64::from(offset)) / f64::from(scale)) as f32,
        };
        fitted.extend((0..samples.len()).zip(of_channels).map(in_units));
        Ok(Cow::Owned(Samples::F32(fitted)))
    }
    fn resident_bytes(&self) -> u64 {
        self.source.resident_bytes()
    }
}

impl<'a> Normalised<'a> {
    /// Samples that have their own range are centred on the middle of each channel and divided by a scale, so that
    /// `Units` restore them with a single rounding. The scale is a power of two near the peak, or, where channels are
    /// quantities of their own with different ranges, the range of each channel. Codes, and measurements in the range
    /// of codes, stay unchanged.
    ///
    /// # Errors
    /// Those of reading the source.
    pub fn of(source: &'a dyn Source, options: &'a EncodeOptions) -> Result<Self> {
        let description = source.description().clone();
        let unchanged = |description, peaks, ranges| {
            let signal = Fitted { source, description, units: None };
            Normalised { source, signal, options: Cow::Borrowed(options), peaks, ranges, missing: None }
        };
        let channels = usize::from(description.channels);
        if !description.has_own_range() {
            return Ok(unchanged(description, vec![PEAK; channels], None));
        }
        let extents = extents(source)?;
        let mut ranges: Vec<f64> =
            extents.iter().map(|&(low, high)| f64::from(high) - f64::from(low)).collect();
        // Where a peak is given, it is in the unit of all channels.
        if options.peak.is_some() || !description.has_range_per_channel() {
            ranges = vec![ranges.iter().copied().fold(0.0, f64::max); channels];
        }
        let peaks: Vec<f64> = ranges.iter().map(|&range| peak_of_range(description.kind(), range)).collect();
        let units = units(&extents, &peaks);
        let peaks = options.peak.map_or(peaks, |peak| vec![peak; channels]);
        let Some(units) = units else { return Ok(unchanged(description, peaks, Some(ranges))) };
        let mut options = Cow::Borrowed(options);
        if let Some(gradient) = &options.gradient {
            let scales =
                units.scales.iter().flat_map(|scale| description.axes.iter().map(move |_| scale)).cycle();
            let in_units = |(&slope, &scale): (&f32, &f32)| match scale {
                0.0 => 0.0,
                _ => (f64::from(slope) / f64::from(scale)) as f32,
            };
            let slopes = gradient.iter().zip(scales).map(in_units).collect();
            options.to_mut().gradient = Some(slopes);
        }
        let description = Description { format: SampleFormat::F32, ..description };
        let signal = Fitted { source, description, units: Some(units) };
        Ok(Normalised { source, signal, options, peaks, ranges: Some(ranges), missing: None })
    }

    /// Offset and scale that return the fitted alpha to its own units.
    pub fn units_of_alpha(&self) -> (f32, f32) {
        let last = |numbers: &[f32], default| numbers.last().copied().unwrap_or(default);
        let of = |units: &Units| (last(&units.offsets, 0.0), last(&units.scales, 1.0));
        self.signal.units.as_ref().map_or((0.0, 1.0), of)
    }
    /// The peaks of the PSNR of the fit, in units of the source.
    pub fn fitted_peaks(&self) -> Vec<f64> {
        let per_peak = self.fitted_unit() / self.peaks[self.largest()];
        self.peaks.iter().map(|peak| peak * per_peak).collect()
    }
    /// What 1 stands for in the fit of the channel with the largest range, in units of the source.
    fn fitted_unit(&self) -> f64 {
        PEAK * self.signal.units.as_ref().map_or(1.0, |units| units.scales[self.largest()].into())
    }
    /// The channel with the largest range.
    fn largest(&self) -> usize {
        let ranges = self.ranges.as_ref().unwrap_or(&self.peaks);
        (0..ranges.len()).max_by(|&a, &b| ranges[a].total_cmp(&ranges[b])).unwrap_or(0)
    }
    /// The PSNR of the source at its own peak, dB, for a PSNR of the fit of `db`.
    pub fn source_db(&self, db: f64) -> f64 {
        db + self.gain_db()
    }
    /// The PSNR of the fit, dB, for a PSNR of the source of `db`.
    pub fn fitted_db(&self, db: f64) -> f64 {
        db - self.gain_db()
    }
    /// The PSNR of the fit, dB, for an NRMSE of the source.
    pub fn fitted_db_of_nrmse(&self, nrmse: f64) -> f64 {
        let range = self.ranges.as_ref().map_or(PEAK, |ranges| ranges[self.largest()]);
        20.0 * (self.fitted_unit() / (nrmse * range)).log10()
    }
    fn gain_db(&self) -> f64 {
        20.0 * (self.peaks[self.largest()] / self.fitted_unit()).log10()
    }
}

/// The lowest and the highest sample of each channel.
fn extents(source: &dyn Source) -> Result<Vec<(f32, f32)>> {
    let channels = usize::from(source.description().channels);
    let mut extents = vec![(f32::INFINITY, f32::NEG_INFINITY); channels];
    for samples in Scan::of(source) {
        let samples = samples?;
        for i in 0..samples.len() {
            let ((low, high), sample) = (&mut extents[i % channels], samples.get(i));
            (*low, *high) = (low.min(sample), high.max(sample));
        }
    }
    Ok(extents)
}

/// The units of samples with these `extents` and these `peaks` of the channels; `None` if they would gain nothing,
/// which is for a common peak of ½ to 2 and middles of at most 1: there lie pictures of 0..1 and sounds of −1..1.
fn units(extents: &[(f32, f32)], peaks: &[f64]) -> Option<Units> {
    let middle = |&(low, high): &(f32, f32)| ((f64::from(low) + f64::from(high)) / 2.0) as f32;
    let offsets: Vec<f32> = extents.iter().map(middle).collect();
    let (peak, least_peak) =
        peaks.iter().fold((0.0, f64::INFINITY), |(most, least), &p| (p.max(most), p.min(least)));
    if least_peak < peak {
        // The largest range of all binary32 numbers is twice the largest of them.
        let part = if peak > f64::from(f32::MAX) { 0.5 } else { 1.0 };
        return Some(Units { offsets, scales: peaks.iter().map(|peak| (part * peak) as f32).collect() });
    }
    if (0.5..=2.0).contains(&peak) && offsets.iter().all(|offset| offset.abs() <= 1.0) {
        return None;
    }
    let (least, most) = (f64::from(*Units::EXPONENTS.start()), f64::from(*Units::EXPONENTS.end()));
    let exponent = peak.log2().ceil().clamp(least, most) as i16;
    Some(Units::with_exponent(exponent, offsets)).filter(|units| !units.is_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::source::whole;
    use crate::signal::{Axis, Description, SampleFormat, Signal};
    use std::sync::Arc;

    fn picture(samples: Vec<f32>) -> Signal {
        let description = Description::picture([samples.len() as u32 / 2, 1], 2, SampleFormat::F32);
        Signal { description, samples: Samples::F32(samples), metadata: vec![] }
    }

    fn fitted_samples(normalised: &Normalised<'_>) -> Vec<f32> {
        let region = whole(&normalised.signal.description);
        let Samples::F32(fitted) = normalised.signal.read(&region).unwrap().into_owned() else {
            unreachable!("binary32")
        };
        fitted
    }

    #[test]
    fn what_is_fitted_has_a_range_of_a_half_to_one_and_comes_back() {
        for (offset, range) in
            [(290.0, 10.0), (0.0, 1e-30), (-3e37, 1e34), (1e6, 0.25), (0.0, 3e-44), (5e37, 1.2e38)]
        {
            let at = |share: f32| offset + range * share;
            let source = picture(vec![at(0.0), at(0.0), at(0.3), at(0.1), at(1.0), at(0.2)]);
            let options = EncodeOptions::default();
            let normalised = Normalised::of(&source, &options).unwrap();
            let fitted = fitted_samples(&normalised);
            let Samples::F32(samples) = &source.samples else { unreachable!("binary32") };
            let spread = fitted[4] - fitted[0];
            assert!(
                (0.5..=1.0).contains(&spread) && fitted.iter().all(|v| v.abs() <= 0.5),
                "{range}: {fitted:?}"
            );
            let mut back = fitted.clone();
            normalised.signal.units.as_ref().unwrap().apply(1, &mut back);
            let close = |(a, b): (&f32, &f32)| (a - b).abs() <= f32::EPSILON * b.abs().max(range);
            assert!(back.iter().zip(samples).all(close), "{back:?} {samples:?}");
            // The PSNR at the range, computed from the fitted samples.
            assert!((normalised.gain_db() - 20.0 * f64::from(spread).log10()).abs() < 0.01);
        }
    }

    #[test]
    fn numbers_where_integers_lie_are_fitted_as_they_are() {
        let options = EncodeOptions::default();
        let source = picture(vec![0.0, 0.1, 0.9, 1.0]);
        let normalised = Normalised::of(&source, &options).unwrap();
        assert!(normalised.signal.units.is_none() && (normalised.peaks[0] - 0.9).abs() < 1e-6);
        // A small range needs units, and so do values far from 0.
        assert!(Normalised::of(&picture(vec![0.0, 0.1, 0.2, 0.1]), &options).unwrap().signal.units.is_some());
        assert!(Normalised::of(&picture(vec![7.0, 0.1, 8.0, 0.1]), &options).unwrap().signal.units.is_some());
    }

    #[test]
    fn the_largest_numbers_have_a_scale_too() {
        let source = picture(vec![f32::MAX, 0.0, f32::MIN, f32::MIN_POSITIVE]);
        let options = EncodeOptions::default();
        let normalised = Normalised::of(&source, &options).unwrap();
        let fitted = fitted_samples(&normalised);
        assert!((fitted[0] - 2.0).abs() < 1e-6 && (fitted[2] + 2.0).abs() < 1e-6, "{fitted:?}");
        assert!((normalised.gain_db() - 20.0 * 4f64.log10()).abs() < 1e-6);
    }

    #[test]
    fn channels_that_are_quantities_of_their_own_have_a_scale_each() {
        let description =
            Description { axes: [3, 1, 1].map(Axis::space).to_vec(), channels: 3, format: SampleFormat::F32 };
        // Of ranges 40, 3000 and 0.
        let samples = vec![270.0, 99_000.0, 7.0, 310.0, 102_000.0, 7.0, 300.0, 100_000.0, 7.0];
        let source = Signal { description, samples: Samples::F32(samples), metadata: vec![] };
        let slopes: Arc<[f32]> = (0..27).map(|i| [40.0, 3000.0, 5.0][i / 3 % 3]).collect();
        let options = EncodeOptions::default().gradient(slopes);
        let normalised = Normalised::of(&source, &options).unwrap();
        assert_eq!(normalised.ranges.as_deref(), Some(&[40.0, 3000.0, 0.0][..]));
        assert_eq!(normalised.signal.units.as_ref().unwrap().scales, [40.0, 3000.0, 0.0]);
        let fitted = fitted_samples(&normalised);
        assert_eq!(fitted[..6], [-0.5, -0.5, 0.0, 0.5, 0.5, 0.0]);
        assert_eq!(
            normalised.options.gradient.as_ref().unwrap()[..9],
            [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
        );
        assert_eq!(normalised.gain_db(), 0.0);
        assert_eq!(normalised.fitted_db_of_nrmse(0.01), 40.0);
        assert_eq!(normalised.fitted_peaks(), [40.0, 3000.0, 0.0]);
        // A peak is one of all channels.
        let options = EncodeOptions::default().peak(6000.0);
        let normalised = Normalised::of(&source, &options).unwrap();
        assert_eq!(normalised.ranges.as_deref(), Some(&[3000.0; 3][..]));
        assert_eq!(normalised.signal.units.as_ref().unwrap().scales, [4096.0; 3]);
    }

    #[test]
    fn a_given_gradient_and_a_given_peak_go_along() {
        let source = picture(vec![0.0, 0.0, 1000.0, 10.0]);
        let options = EncodeOptions::default().gradient(Arc::from([256.0, -512.0])).peak(4096.0);
        let normalised = Normalised::of(&source, &options).unwrap();
        assert_eq!(normalised.options.gradient.as_deref(), Some(&[0.25, -0.5][..]));
        assert!((normalised.gain_db() - 20.0 * 4f64.log10()).abs() < 1e-9);
        // The range is 1000, whatever the peak.
        let source_db = normalised.source_db(normalised.fitted_db_of_nrmse(0.01));
        assert!((source_db - 20.0 * (4096.0f64 / 10.0).log10()).abs() < 1e-9);
    }
}
