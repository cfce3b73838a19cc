//! What the encoder is asked for, and what it reports meanwhile.

use crate::backend::Device;
use crate::limits::Limits;
use crate::setters::setters;
use crate::signal::Description;
use std::sync::Arc;
use std::time::Duration;

/// What the encoder aims at.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Target {
    /// Bits of the whole file per native position; never exceeded.
    BitsPerPosition(f64),
    /// Bytes of the whole file; never exceeded.
    Bytes(u64),
    /// Kilobits (1000 bits) of the whole file per second of sound; never exceeded.
    Kbps(f64),
    /// PSNR in dB at the native samples, met within ±0.1 dB: of what is visible ([`EncodeOptions::keep_invisible`]), of binary32 by
    /// [`EncodeOptions::peak`].
    Psnr(f64),
    /// From 0, the smallest file, to 100, nearly lossless: a PSNR to come near to, or bits per sample of sound. See
    /// [`quality_psnr_db`](crate::quality_psnr_db) and [`quality_bits_per_sample`](crate::quality_bits_per_sample).
    Quality(f64),
    /// A given network over the whole signal, without a target.
    Shape {
        /// Hidden sine layers.
        layers: usize,
        /// Neurons of each.
        width: usize,
    },
}

/// The PSNR that a quality from 0 to 100 stands for, of pictures: 21 dB at 0, 33 dB at 75, and from there to 48 dB at 100, where
/// the root of the mean squared error is one of 255 codes.
pub fn quality_psnr_db(quality: f64) -> f64 {
    21.0 + 0.16 * quality.min(75.0) + 0.6048 * (quality - 75.0).max(0.0)
}

/// The bits per sample that a quality from 0 to 100 spends on sound: 0.05 to 2.0, 1.5 at 75.
pub fn quality_bits_per_sample(quality: f64) -> f64 {
    (0.02 * quality).max(0.05)
}

impl Target {
    /// The bytes that a file of `description` may have at most; `u64::MAX` if the target does not say.
    pub(crate) fn limit(self, description: &Description) -> u64 {
        let positions = description.positions() as f64;
        let bytes = |bits: f64| (bits / 8.0).floor() as u64;
        match self {
            Target::Bytes(limit) => limit,
            Target::BitsPerPosition(bpp) => bytes(bpp * positions),
            Target::Kbps(kbps) => bytes(kbps * 1000.0 * positions / f64::from(description.rate)),
            _ => u64::MAX,
        }
    }
}

/// How parameters are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WeightCoding {
    /// Quantized and range coded.
    #[default]
    Quantized,
    /// Binary16 and Zstandard.
    Half,
    /// Binary32 and Zstandard, without loss.
    Single,
}

/// Options of [`encode`](crate::encode).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EncodeOptions {
    /// What to aim at; default quality 75.
    pub target: Target,
    /// Work, 1 to 9; default 5.
    pub effort: u8,
    /// Seed of everything random; default 0.
    pub seed: u64,
    /// Threads, [`most_threads`](crate::most_threads) at most; default all.
    pub threads: Option<usize>,
    /// Wall-clock limit of the encode and of one rendering after it; default none. Bytes then depend on the machine's speed.
    pub time_limit: Option<Duration>,
    /// How parameters are stored.
    pub weights: WeightCoding,
    /// Whether metadata is kept; default true.
    pub metadata: bool,
    /// Whether colours under an alpha of 0 are fitted and counted like all others; default false: they are replaced by smooth ones,
    /// which cost next to nothing, and the squared error of a colour counts by its alpha.
    pub keep_invisible: bool,
    /// Where the fit runs.
    pub device: Device,
    /// What a squared error of the gradient counts beside one of the values, both in the fit and in quantization, 0 to
    /// 1000; default 0. The gradient is taken per native sample, so at 1 an error counts twice whose phase turns by one
    /// radian from sample to sample. A fit takes twice as long with it. The [`guide`](crate::guide) has figures.
    pub gradient_weight: f64,
    /// What it may take: [`Limits::parameters`] of all networks together, and [`Limits::memory_bytes`] of the signal and the fit, about;
    /// the others are those of reading.
    pub limits: Limits,
    /// The gradient that is aimed at: `positions × channels × axes` in unit values per native sample, as
    /// [`Request::derivative`](crate::Request::derivative) gives. Default: central differences of the
    /// samples, of the eighth order where there is room.
    pub gradient: Option<Arc<[f32]>>,
    /// What PSNR refers to, of binary32 samples in their own units; default the range of the source for pictures and half
    /// of it for sound, see [`metric::peak_of_range`](crate::signal::metric::peak_of_range). Of integers it is always 1.
    pub peak: Option<f64>,
}

impl EncodeOptions {
    setters! {
        target: Target,
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

/// What the encoder is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Short fits that choose the networks.
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
    /// The phase.
    pub phase: Phase,
    /// Optimiser steps done in this stage of the phase, at most `steps`.
    pub step: u64,
    /// Optimiser steps of this stage.
    pub steps: u64,
    /// The recent training loss of the whole signal as PSNR, dB; NaN before anything is known of it.
    pub psnr_db: f64,
    /// How much of all work is done, 0 to 1, as far as the work to come is known.
    pub done: f64,
    /// How long the work to come will take, from the speed so far, or from a first look at the machine's.
    pub remaining: Duration,
}

/// What an observer wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Finish soon with the best network so far.
    Finish,
}
