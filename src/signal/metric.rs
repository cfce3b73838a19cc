//! Differences between two signals: PSNR, NRMSE, SNR, largest error, SSIM, MS-SSIM and log-spectral distance.
//!
//! Errors are measured in unit values (0..1 for unsigned, −1..1 for signed integers, floats unchanged)
//! *after* rounding to the codes of the signal's format, as a decoded file would store them. They are errors
//! of the visible signal: in a picture with alpha, the squared error of a colour is weighted by the source's
//! alpha, clamped to 0..1, while alpha itself has weight 1. Samples that are missing (NaN) in either signal are left
//! out.
//!
//! The peak of PSNR is 1 for integers: the full range of pictures, half of that of sounds. Binary32 samples
//! may have any unit, so their peak is the same part of the range of the source, unless the caller supplies
//! it. The channels of volumes and fields may be different quantities, so that each has a range and a peak of its own,
//! and errors are averaged relative to them.

mod distortion;
#[cfg(feature = "encoder")]
mod spectral;
mod ssim;
mod tile;

use crate::error::{Error, Result};
use crate::signal::{Description, Kind, SampleFormat, Samples, Signal};
use std::ops::Range;

#[cfg(feature = "encoder")]
pub(crate) use distortion::shared;
pub use distortion::{ChannelDistortion, Distortion};
pub use tile::{TileErrors, WorstTile};

/// The peak of PSNR for integers in unit values: full scale of a picture, full amplitude of a sound.
pub const PEAK: f64 = 1.0;

/// The peak of PSNR for samples with this `range`, the largest maximum − minimum of a channel: all
/// of it for pictures, half of it, the amplitude, for sound.
pub fn peak_of_range(kind: Kind, range: f64) -> f64 {
    if kind == Kind::Sound { 0.5 * range } else { range }
}

/// Accumulates the error of a signal that is rendered block by block.
#[derive(Clone, Debug)]
pub struct ErrorSum {
    kind: Kind,
    format: SampleFormat,
    /// Whether PSNR refers to the range of the source.
    own_range: bool,
    /// Whether the range is that of each channel, otherwise the largest of all.
    per_channel: bool,
    channels: Vec<ChannelSum>,
    /// Whether errors of colours are weighted by the alpha in the last channel.
    by_alpha: bool,
}

/// Sums of one channel, in codes: exact for opaque 8-bit samples in any order, and for 16-bit ones up to 2²¹
/// positions.
#[derive(Clone, Copy, Debug)]
struct ChannelSum {
    positions: u64,
    error: f64,
    source: f64,
    /// Sums of the weights, and of the weighted samples of the source and their squares.
    visible: [f64; 3],
    max: f64,
    /// The range of the visible samples of the source.
    low: f64,
    high: f64,
    /// Whether any sample differs, visible or not.
    differs: bool,
    /// Samples that are missing in the source, in the other signal, and in one of them alone.
    missing: [u64; 3],
}

impl ChannelSum {
    const NOTHING: ChannelSum = ChannelSum {
        positions: 0,
        error: 0.0,
        source: 0.0,
        visible: [0.0; 3],
        max: 0.0,
        low: f64::INFINITY,
        high: f64::NEG_INFINITY,
        differs: false,
        missing: [0; 3],
    };

    /// Adds an error with the given weight.
    fn add(&mut self, source: f64, other: f64, weight: f64) {
        if source.is_nan() || other.is_nan() {
            let missing = [source.is_nan(), other.is_nan(), source.is_nan() != other.is_nan()];
            self.missing.iter_mut().zip(missing).for_each(|(count, missing)| *count += u64::from(missing));
            self.differs |= missing[2];
            return;
        }
        let error = (other - source).abs();
        self.positions += 1;
        self.source += source * source;
        self.differs |= error != 0.0;
        if weight == 0.0 {
            return;
        }
        let moments = [weight, weight * source, weight * (source * source)];
        self.visible.iter_mut().zip(moments).for_each(|(sum, moment)| *sum += moment);
        self.low = self.low.min(source);
        self.high = self.high.max(source);
        self.error += weight * (error * error);
        self.max = self.max.max(weight * error);
    }
    /// The sum of the weighted squared distances of the source from its mean.
    fn deviation(&self) -> f64 {
        let [weight, total, squares] = self.visible;
        let of_mean = if weight > 0.0 { total * (total / weight) } else { 0.0 };
        (squares - of_mean).max(0.0)
    }
}

impl ErrorSum {
    /// An empty sum for signals of `description`.
    pub fn new(description: &Description) -> Self {
        let channels = vec![ChannelSum::NOTHING; usize::from(description.channels.max(1))];
        let by_alpha = description.has_alpha();
        ErrorSum {
            kind: description.kind(),
            format: description.format,
            own_range: description.has_own_range(),
            per_channel: description.has_range_per_channel(),
            channels,
            by_alpha,
        }
    }

    /// Gives all colours weight 1, whatever their alpha.
    pub fn with_invisible(self) -> Self {
        ErrorSum { by_alpha: false, ..self }
    }

    /// Adds the error of `rendered`, unit values that are rounded to the format here, against as many samples
    /// of `source` from the sample (not the position) `start_index` on.
    ///
    /// # Errors
    /// [`Error::Parameter`] if `source` has another format or ends earlier.
    pub fn add(&mut self, source: &Samples, start_index: usize, rendered: &[f32]) -> Result<()> {
        let available = source.len().saturating_sub(start_index);
        if source.format() != self.format || rendered.len() > available {
            return Err(Error::parameter(
                "rendered",
                format!(
                    "{} values against {available} samples of {:?}, expected at most as many of {:?}",
                    rendered.len(),
                    source.format(),
                    self.format
                ),
            ));
        }
        let format = self.format;
        self.add_codes(source, start_index..start_index + rendered.len(), |i| {
            (code(source, i), f64::from(format.quantize(rendered[i - start_index])))
        });
        Ok(())
    }

    /// Adds the samples `range` of `source`; `codes` gives the code of the source and that of the other
    /// signal.
    fn add_codes(&mut self, source: &Samples, range: Range<usize>, codes: impl Fn(usize) -> (f64, f64)) {
        let (channels, opaque) = (self.channels.len(), source.format().codes_per_unit());
        let mut channel = range.start % channels;
        for i in range {
            let (own, other) = codes(i);
            let weight = if self.by_alpha && channel + 1 < channels {
                opacity(code(source, i - channel + channels - 1) / opaque)
            } else {
                1.0
            };
            self.channels[channel].add(own, other, weight);
            channel = if channel + 1 == channels { 0 } else { channel + 1 };
        }
    }

    /// The error of everything added so far.
    pub fn distortion(&self) -> Distortion {
        self.scaled(self.format.codes_per_unit())
    }

    /// The error for `scale` codes per unit.
    fn scaled(&self, scale: f64) -> Distortion {
        let mean = |sum: f64, n: u64| if n == 0 { 0.0 } else { sum / n as f64 / (scale * scale) };
        let largest = self.channels.iter().map(|c| c.high - c.low).fold(0.0, f64::max);
        let most = self.channels.iter().map(|c| c.positions).max().unwrap_or(0).max(1);
        let missing = |which: usize| self.channels.iter().map(|c| c.missing[which]).sum();
        let of_channel = |c: &ChannelSum| {
            let range = if self.per_channel { (c.high - c.low).max(0.0) } else { largest } / scale;
            ChannelDistortion {
                mse: mean(c.error, c.positions),
                power: mean(c.source, c.positions),
                variance: mean(c.deviation(), c.positions),
                max: c.max / scale,
                range,
                peak: if self.own_range { peak_of_range(self.kind, range) } else { PEAK },
                share: c.positions as f64 / most as f64,
            }
        };
        Distortion {
            channels: self.channels.iter().map(of_channel).collect(),
            missing: [missing(0), missing(1)],
            unmatched: missing(2),
            identical: !self.channels.iter().any(|c| c.differs),
        }
    }
}

/// The result of [`compare`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    /// Errors of the samples.
    pub distortion: Distortion,
    /// SSIM of a picture, mean over channels, colours times their alpha; `None` for sound, below 11 pixels along a
    /// side, and with missing samples, as the two below.
    pub ssim: Option<f64>,
    /// MS-SSIM of a picture, mean over channels; `None` for sound and below 176 pixels along a side.
    pub ms_ssim: Option<f64>,
    /// Log-spectral distance of a sound in dB, mean over channels; `None` for pictures and in builds without
    /// the encoder.
    pub lsd_db: Option<f64>,
}

impl Comparison {
    /// A comparison of samples alone.
    pub fn of(distortion: Distortion) -> Self {
        Comparison { distortion, ssim: None, ms_ssim: None, lsd_db: None }
    }
}

/// Accumulates the error of one signal against another while both are read.
#[derive(Clone, Debug)]
pub struct Comparing {
    sum: ErrorSum,
    /// Codes per unit of both signals, if their formats differ.
    units: Option<[f64; 2]>,
}

impl Comparing {
    /// An empty comparison of a signal of `other` with one of `source`. If sample formats differ, unit values are
    /// compared, measurements as numbers in the unit of the source.
    ///
    /// # Errors
    /// [`Error::Parameter`] if kind, lengths, channels or rate differ.
    pub fn of(source: &Description, other: &Description) -> Result<Self> {
        let (a, b) = (source, other);
        if (&a.axes, a.channels) != (&b.axes, b.channels) {
            let detail = format!("{} against {}, expected equal ones", shape(a), shape(b));
            return Err(Error::parameter("signals", detail));
        }
        let units =
            [a.format.codes_per_unit(), b.format.codes_per_unit() / b.unit_number() * a.unit_number()];
        Ok(Comparing { sum: ErrorSum::new(a), units: (a.format != b.format).then_some(units) })
    }

    /// Adds samples of the same positions, whole positions, in the formats of the two signals.
    ///
    /// # Errors
    /// [`Error::Parameter`] if there are more of one signal.
    pub fn add(&mut self, source: &Samples, other: &Samples) -> Result<()> {
        if source.len() != other.len() {
            let detail = format!("{} samples, expected {}", other.len(), source.len());
            return Err(Error::parameter("other", detail));
        }
        self.add_first(source.len(), source, other);
        Ok(())
    }

    fn add_first(&mut self, count: usize, source: &Samples, other: &Samples) {
        match self.units {
            None => self.sum.add_codes(source, 0..count, |i| (code(source, i), code(other, i))),
            Some([p, q]) => {
                self.sum.add_codes(source, 0..count, |i| (code(source, i) / p, code(other, i) / q));
            }
        }
    }

    /// The error of everything added so far.
    pub fn distortion(&self) -> Distortion {
        if self.units.is_some() { self.sum.scaled(1.0) } else { self.sum.distortion() }
    }
}

/// Compares `other` with `source`. If sample formats differ, unit values are compared.
///
/// # Errors
/// [`Error::Parameter`] if kind, lengths, channels or rate differ.
///
/// # Examples
/// ```
/// use sirenc::signal::{Description, SampleFormat, Samples, Signal, metric};
///
/// # fn main() -> sirenc::Result<()> {
/// let grey = |codes: [u8; 4]| Signal {
///     description: Description::picture([2, 2], 1, SampleFormat::U8),
///     samples: Samples::U8(codes.to_vec()),
///     metadata: vec![],
/// };
/// let comparison = metric::compare(&grey([0, 80, 160, 240]), &grey([0, 80, 160, 235]))?;
/// // One of four samples is wrong by 5 of 255.
/// let mean = (5.0f64 / 255.0).powi(2) / 4.0;
/// assert!((comparison.distortion.psnr_db() + 10.0 * mean.log10()).abs() < 1e-9);
/// # Ok(())
/// # }
/// ```
pub fn compare(source: &Signal, other: &Signal) -> Result<Comparison> {
    compare_by(source, other, None)
}

/// Compares `other` with `source` like [`compare`], with the given `peak` in unit values instead of the one
/// of the source.
///
/// # Errors
/// The errors of [`compare`].
pub fn compare_by(source: &Signal, other: &Signal, peak: Option<f64>) -> Result<Comparison> {
    let a = &source.description;
    let mut comparing = Comparing::of(a, &other.description)?;
    let count = source.samples.len().min(other.samples.len());
    comparing.add_first(count, &source.samples, &other.samples);
    let distortion = comparing.distortion();
    let distortion = match peak {
        Some(peak) => distortion.with_peak(peak),
        None => distortion,
    };
    // A constant has no range to refer to.
    let peak = distortion.peak().filter(|&peak| peak > 0.0).unwrap_or(PEAK);
    let mut comparison = Comparison::of(distortion);
    match a.kind() {
        _ if comparison.distortion.missing != [0, 0] => {}
        Kind::Picture => (comparison.ssim, comparison.ms_ssim) = ssim::of_pictures(source, other, peak),
        #[cfg(feature = "encoder")]
        Kind::Sound => comparison.lsd_db = Some(spectral::log_spectral_distance(source, other, peak)),
        _ => {}
    }
    Ok(comparison)
}

/// A description in words, for messages.
fn shape(d: &Description) -> String {
    let lengths: Vec<_> = d.lengths().iter().map(u32::to_string).collect();
    let rate = d.rate().map_or_else(String::new, |rate| format!(" at {rate} Hz"));
    format!("{:?} of {} × {} channels{rate}", d.kind(), lengths.join("×"), d.channels)
}

/// Opacity of a value of alpha, 0 to 1.
fn opacity(alpha: f64) -> f64 {
    if alpha > 0.0 { alpha.min(1.0) } else { 0.0 }
}

/// Code `i`, or the float itself.
#[inline]
fn code(samples: &Samples, i: usize) -> f64 {
    match samples {
        Samples::U8(v) => f64::from(v[i]),
        Samples::U16(v) => f64::from(v[i]),
        Samples::I8(v) => f64::from(v[i]),
        Samples::I16(v) => f64::from(v[i]),
        Samples::I24(v) | Samples::I32(v) => f64::from(v[i]),
        Samples::F32(v) => f64::from(v[i]),
    }
}

#[cfg(test)]
pub(crate) mod tests;
