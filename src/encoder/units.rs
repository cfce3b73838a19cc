//! The border of the encoder: normalises samples of any unit to the range in which networks, steps and searches
//! work.

use super::EncodeOptions;
use crate::signal::metric::{PEAK, peak_of_range};
use crate::signal::{Description, Missing, SampleFormat, Samples, Signal, Units};
use std::borrow::Cow;

/// A signal as it is fitted, and the way back to its own units.
pub(crate) struct Normalised<'a> {
    /// The signal as supplied.
    pub source: &'a Signal,
    /// The signal as it is fitted: pictures with a range up to 1, sounds with an amplitude up to 1.
    pub signal: Cow<'a, Signal>,
    /// The options with their gradient in fitted units.
    pub options: Cow<'a, EncodeOptions>,
    /// The units that the file records; `None` if the samples are fitted unchanged.
    pub units: Option<Units>,
    /// The peak that PSNR refers to, in units of the source.
    pub peak: f64,
    /// The range that NRMSE refers to, in units of the source; `None` of codes.
    pub range: Option<f64>,
    /// Which samples are missing; `signal` has numbers in their places.
    pub missing: Option<Missing>,
}

impl<'a> Normalised<'a> {
    /// Samples that have their own range are centred on the middle of each channel and divided by a power of two
    /// near the peak, so that `Units` restore them with a single rounding. Codes, and measurements in the range of
    /// codes, stay unchanged.
    pub fn of(source: &'a Signal, options: &'a EncodeOptions) -> Self {
        let unchanged = |peak, range| {
            let (signal, options) = (Cow::Borrowed(source), Cow::Borrowed(options));
            Normalised { source, signal, options, units: None, peak, range, missing: None }
        };
        let description = &source.description;
        if !description.has_own_range() {
            return unchanged(PEAK, None);
        }
        let samples = (0..source.samples.len()).map(|i| source.samples.get(i));
        let extents = extents(samples.clone(), description.channels.into());
        let range = extents.iter().map(|&(low, high)| f64::from(high) - f64::from(low)).fold(0.0, f64::max);
        let peak = peak_of_range(description.kind(), range);
        let units = units(&extents, peak);
        let peak = options.peak.unwrap_or(peak);
        let Some(units) = units else { return unchanged(peak, Some(range)) };
        let scale = f64::from(units.scale());
        let offsets = units.offsets.iter().cycle();
        let fitted =
            samples.zip(offsets).map(|(s, &offset)| ((f64::from(s) - f64::from(offset)) / scale) as f32);
        let signal = Signal {
            description: Description { format: SampleFormat::F32, ..description.clone() },
            samples: Samples::F32(fitted.collect()),
            metadata: source.metadata.clone(),
        };
        let mut options = Cow::Borrowed(options);
        if let Some(gradient) = &options.gradient {
            let slopes = gradient.iter().map(|&slope| (f64::from(slope) / scale) as f32).collect();
            options.to_mut().gradient = Some(slopes);
        }
        let (signal, units, range) = (Cow::Owned(signal), Some(units), Some(range));
        Normalised { source, signal, options, units, peak, range, missing: None }
    }

    /// Offset and scale that return the fitted alpha to its own units.
    pub fn units_of_alpha(&self) -> (f32, f32) {
        let of = |units: &Units| (units.offsets.last().copied().unwrap_or(0.0), units.scale());
        self.units.as_ref().map_or((0.0, 1.0), of)
    }
    /// The peak of the PSNR of the fit, in units of the source.
    pub fn fitted_peak(&self) -> f64 {
        PEAK * self.units.as_ref().map_or(1.0, |units| units.scale().into())
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
        20.0 * (self.fitted_peak() / (nrmse * self.range.unwrap_or(PEAK))).log10()
    }
    fn gain_db(&self) -> f64 {
        20.0 * (self.peak / self.fitted_peak()).log10()
    }
}

/// The lowest and the highest sample of each channel.
fn extents(samples: impl Iterator<Item = f32>, channels: usize) -> Vec<(f32, f32)> {
    let mut extents = vec![(f32::INFINITY, f32::NEG_INFINITY); channels];
    samples.enumerate().for_each(|(i, sample)| {
        let (low, high) = &mut extents[i % channels];
        (*low, *high) = (low.min(sample), high.max(sample));
    });
    extents
}

/// The units of samples with these `extents`; `None` if they would gain nothing, which is for a peak of ½ to
/// 2 and middles of at most 1: there lie pictures of 0..1 and sounds of −1..1.
fn units(extents: &[(f32, f32)], peak: f64) -> Option<Units> {
    let middle = |&(low, high): &(f32, f32)| ((f64::from(low) + f64::from(high)) / 2.0) as f32;
    let offsets: Vec<f32> = extents.iter().map(middle).collect();
    if (0.5..=2.0).contains(&peak) && offsets.iter().all(|offset| offset.abs() <= 1.0) {
        return None;
    }
    let (least, most) = (f64::from(*Units::EXPONENTS.start()), f64::from(*Units::EXPONENTS.end()));
    let exponent = peak.log2().ceil().clamp(least, most) as i16;
    Some(Units { offsets, exponent }).filter(|units| !units.is_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{Description, SampleFormat};
    use std::sync::Arc;

    fn picture(samples: Vec<f32>) -> Signal {
        let description = Description::picture([samples.len() as u32 / 2, 1], 2, SampleFormat::F32);
        Signal { description, samples: Samples::F32(samples), metadata: vec![] }
    }

    #[test]
    fn what_is_fitted_has_a_range_of_a_half_to_one_and_comes_back() {
        for (offset, range) in
            [(290.0, 10.0), (0.0, 1e-30), (-3e37, 1e34), (1e6, 0.25), (0.0, 3e-44), (5e37, 1.2e38)]
        {
            let at = |share: f32| offset + range * share;
            let source = picture(vec![at(0.0), at(0.0), at(0.3), at(0.1), at(1.0), at(0.2)]);
            let options = EncodeOptions::default();
            let normalised = Normalised::of(&source, &options);
            let (Samples::F32(fitted), Samples::F32(samples)) = (&normalised.signal.samples, &source.samples)
            else {
                unreachable!("binary32")
            };
            let spread = fitted[4] - fitted[0];
            assert!(
                (0.5..=1.0).contains(&spread) && fitted.iter().all(|v| v.abs() <= 0.5),
                "{range}: {fitted:?}"
            );
            let mut back = fitted.clone();
            normalised.units.as_ref().unwrap().apply(1, &mut back);
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
        let normalised = Normalised::of(&source, &options);
        assert!(normalised.units.is_none() && (normalised.peak - 0.9).abs() < 1e-6);
        // A small range needs units, and so do values far from 0.
        assert!(Normalised::of(&picture(vec![0.0, 0.1, 0.2, 0.1]), &options).units.is_some());
        assert!(Normalised::of(&picture(vec![7.0, 0.1, 8.0, 0.1]), &options).units.is_some());
    }

    #[test]
    fn the_largest_numbers_have_a_scale_too() {
        let source = picture(vec![f32::MAX, 0.0, f32::MIN, f32::MIN_POSITIVE]);
        let options = EncodeOptions::default();
        let normalised = Normalised::of(&source, &options);
        let Samples::F32(fitted) = &normalised.signal.samples else { unreachable!("binary32") };
        assert!((fitted[0] - 2.0).abs() < 1e-6 && (fitted[2] + 2.0).abs() < 1e-6, "{fitted:?}");
        assert!((normalised.gain_db() - 20.0 * 4f64.log10()).abs() < 1e-6);
    }

    #[test]
    fn a_given_gradient_and_a_given_peak_go_along() {
        let source = picture(vec![0.0, 0.0, 1000.0, 10.0]);
        let options = EncodeOptions::default().gradient(Arc::from([256.0, -512.0])).peak(4096.0);
        let normalised = Normalised::of(&source, &options);
        assert_eq!(normalised.options.gradient.as_deref(), Some(&[0.25, -0.5][..]));
        assert!((normalised.gain_db() - 20.0 * 4f64.log10()).abs() < 1e-9);
        // The range is 1000, whatever the peak.
        let source_db = normalised.source_db(normalised.fitted_db_of_nrmse(0.01));
        assert!((source_db - 20.0 * (4096.0f64 / 10.0).log10()).abs() < 1e-9);
    }
}
