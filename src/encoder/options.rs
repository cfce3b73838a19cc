//! Options of an encode and its progress reports.

use crate::backend::Device;
use crate::limits::Limits;
use crate::setters::setters;
use crate::signal::Description;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The target of an encode.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Target {
    /// Bits of the whole file per native position; never exceeded.
    BitsPerPosition(f64),
    /// Bytes of the whole file; never exceeded.
    Bytes(u64),
    /// Kilobits (1000 bits) of the whole file per second of sound; never exceeded.
    Kbps(f64),
    /// PSNR in dB at the native samples, met within ±0.1 dB. It covers the visible samples
    /// ([`EncodeOptions::keep_invisible`]); for binary32 it refers to [`EncodeOptions::peak`].
    Psnr(f64),
    /// Root mean squared error relative to the range of the samples, such as 0.01, for samples that
    /// [have their own range](Description::has_own_range); met within 1.2 % of it, as 0.1 dB of PSNR are. The range is the
    /// largest maximum − minimum of a channel, whatever [`EncodeOptions::peak`].
    Nrmse(f64),
    /// Quality from 0, the smallest file, to 100, nearly lossless: an approximate PSNR for pictures, bits per
    /// sample for sound. See [`quality_psnr_db`](crate::quality_psnr_db) and
    /// [`quality_bits_per_sample`](crate::quality_bits_per_sample).
    Quality(f64),
    /// One network of a given shape for the whole signal, whatever its size and PSNR.
    Shape {
        /// Hidden sine layers.
        layers: usize,
        /// Neurons of each hidden layer.
        width: usize,
    },
}

/// The PSNR in dB that a quality from 0 to 100 stands for in pictures: 21 dB at 0, 33 dB at 75, then up to 48
/// dB at 100, where the root mean squared error is one of 255 codes.
pub fn quality_psnr_db(quality: f64) -> f64 {
    21.0 + 0.16 * quality.min(75.0) + 0.6048 * (quality - 75.0).max(0.0)
}

/// The bits per sample that a quality from 0 to 100 stands for in sound: 0.05 at 0, 1.5 at 75, 2.0 at 100.
pub fn quality_bits_per_sample(quality: f64) -> f64 {
    (0.02 * quality).max(0.05)
}

impl Target {
    /// The most bytes that a file of `description` may have; `u64::MAX` if the target sets no size.
    pub(crate) fn limit(self, description: &Description) -> u64 {
        let positions = description.positions() as f64;
        let bytes = |bits: f64| (bits / 8.0).floor() as u64;
        match self {
            Target::Bytes(limit) => limit,
            Target::BitsPerPosition(bpp) => bytes(bpp * positions),
            Target::Kbps(kbps) => bytes(kbps * 1000.0 * description.seconds().unwrap_or(0.0)),
            _ => u64::MAX,
        }
    }
}

/// The kind of field that a signal is stored as. A constant, or a size with room for the mean alone, is one
/// network in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum FieldKind {
    /// [`Spline`](FieldKind::Spline) for pictures, [`Siren`](FieldKind::Siren) for all else: at the same time of a
    /// fit, networks are better for sound, videos and volumes. Also `Siren` for pictures with what only sine
    /// networks have (a [`Target::Shape`], weights other than quantized, a gradient weight, a fit on
    /// [`Device::Cuda`]), and where [`EncodeOptions::limits`] allow a fit of networks, but not one of splines: that
    /// takes about 100 bytes of memory for each pixel, or about 30 if the limits call for a training region by
    /// region.
    #[default]
    Auto,
    /// Sine networks of tiles.
    Siren,
    /// A pyramid of splines and one network.
    Spline,
}

impl fmt::Display for FieldKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FieldKind::Auto => "auto",
            FieldKind::Siren => "siren",
            FieldKind::Spline => "spline",
        })
    }
}

/// How parameters are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WeightCoding {
    /// Quantized, then range coded.
    #[default]
    Quantized,
    /// Binary16, then Zstandard.
    Half,
    /// Binary32, then Zstandard; lossless.
    Single,
}

/// Options of [`encode`](crate::encode).
///
/// ```
/// use sirenc::{Device, EncodeOptions, Target};
/// use std::time::Duration;
///
/// let options = EncodeOptions::default()
///     .target(Target::BitsPerPosition(0.5))
///     .effort(7)
///     .device(Device::Cpu)
///     .time_limit(Duration::from_secs(60));
/// assert_eq!(options.target, Target::BitsPerPosition(0.5));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EncodeOptions {
    /// The target; default quality 75.
    pub target: Target,
    /// The kind of field; default [`FieldKind::Auto`].
    pub field: FieldKind,
    /// Amount of work, 1 to 9; default 5.
    pub effort: u8,
    /// Seed of all random numbers; default 0.
    pub seed: u64,
    /// Number of threads, at most [`most_threads`](crate::most_threads); default all cores.
    pub threads: Option<usize>,
    /// Wall-clock limit for the encode and one rendering after it; default none. With a limit, the bytes of
    /// the file depend on the speed of the machine.
    pub time_limit: Option<Duration>,
    /// How parameters are stored; default quantized.
    pub weights: WeightCoding,
    /// Whether metadata is stored; default true.
    pub metadata: bool,
    /// Whether colours under an alpha of 0 are fitted and counted like all others. Default false: they are
    /// replaced by smooth ones, which cost almost nothing, and the squared error of a colour is weighted by
    /// its alpha.
    pub keep_invisible: bool,
    /// Where the fit runs; fields of splines are fitted on the CPU alone.
    pub device: Device,
    /// Weight of the squared gradient error relative to the squared value error, in fit and quantization, 0
    /// to 1000; default 0. The gradient is taken per native sample: at weight 1, an error whose phase turns
    /// by one radian from sample to sample counts twice. With a gradient term a fit takes twice as long. The
    /// [`guide`](crate::guide) has figures.
    pub gradient_weight: f64,
    /// Limits of the encode: [`Limits::parameters`] for all networks together and latents of splines,
    /// [`Limits::memory_bytes`] for the estimated memory of signal and fit. The other limits apply to reading
    /// only.
    pub limits: Limits,
    /// Target gradient, `positions × channels × axes` in unit values per native sample, ordered as
    /// [`Request::derivative`](crate::Request::derivative) returns it. Default: central differences of the
    /// samples, of eighth order except near the borders.
    pub gradient: Option<Arc<[f32]>>,
    /// Peak that PSNR refers to, for binary32 samples in their own units. Default: the range of the source
    /// for pictures and half of it for sound, see
    /// [`metric::peak_of_range`](crate::signal::metric::peak_of_range). For integer samples it is always 1.
    pub peak: Option<f64>,
}

impl EncodeOptions {
    setters! {
        target: Target,
        field: FieldKind,
        effort: u8,
        seed: u64,
        threads ?optional: usize,
        time_limit ?optional: Duration,
        weights: WeightCoding,
        metadata: bool,
        keep_invisible: bool,
        device: Device,
        gradient_weight: f64,
        limits: Limits,
        gradient ?optional: Arc<[f32]>,
        peak ?optional: f64,
    }
}

impl Default for EncodeOptions {
    fn default() -> Self {
        EncodeOptions {
            target: Target::Quality(75.0),
            field: FieldKind::Auto,
            effort: 5,
            seed: 0,
            threads: None,
            time_limit: None,
            weights: WeightCoding::Quantized,
            metadata: true,
            keep_invisible: false,
            device: Device::Auto,
            gradient_weight: 0.0,
            limits: Limits::default(),
            gradient: None,
            peak: None,
        }
    }
}

/// The current phase of an encode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Short fits that choose the sizes of the networks.
    Probe,
    /// The fit.
    Fit,
    /// Rounding and refitting.
    Quantize,
}

/// A progress report.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// The current phase.
    pub phase: Phase,
    /// Optimiser iterations done in this stage of the phase, at most `steps`.
    pub step: u64,
    /// Optimiser iterations of this stage in total.
    pub steps: u64,
    /// Recent training loss of the whole signal as PSNR, dB; NaN until it is known.
    pub psnr_db: f64,
    /// Fraction of all planned work that is done, 0 to 1.
    pub done: f64,
    /// Estimated time that the planned work still takes, from the speed so far or, at first, from a short
    /// benchmark.
    pub remaining: Duration,
}

/// What an observer requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Continue.
    Continue,
    /// Finish soon with the best field so far.
    Finish,
}
