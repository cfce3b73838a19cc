//! What the encoder is asked for, what it reports meanwhile, and what it returns.

use crate::backend::Device;
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
    /// PSNR in dB at the native samples, met within ±0.1 dB.
    Psnr(f64),
    /// 0..=100, see the command line's help for the scale.
    Quality(f64),
    /// A given network over the whole signal, without a target.
    Shape {
        /// Hidden sine layers.
        layers: usize,
        /// Neurons of each.
        width: usize,
    },
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
    /// Threads; default all.
    pub threads: Option<usize>,
    /// Wall-clock limit of the encode and of one rendering after it; default none. Bytes then depend on the machine's speed.
    pub time_limit: Option<Duration>,
    /// How parameters are stored.
    pub weights: WeightCoding,
    /// Whether metadata is kept; default true.
    pub metadata: bool,
    /// Where the fit runs.
    pub device: Device,
    /// What a squared error of the gradient counts beside one of the values, both in the fit and in quantization, 0 to
    /// 1000; default 0. The gradient is in unit values per native sample, so at 1 an error counts twice whose phase turns by one
    /// radian from sample to sample. A fit takes twice as long with it. The [`guide`](crate::guide) has figures.
    pub gradient_weight: f64,
    /// The gradient that is aimed at: `positions × channels × axes` in unit values per native sample, as
    /// [`Decoder::differentiate`](crate::Decoder::differentiate) gives. Default: central differences of the samples,
    /// of the eighth order where there is room.
    pub gradient: Option<Arc<[f32]>>,
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
            device: Device::Auto,
            gradient_weight: 0.0,
            gradient: None,
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
    /// Optimiser steps done in this phase.
    pub step: u64,
    /// Optimiser steps of this phase.
    pub steps: u64,
    /// The recent training loss as PSNR, dB.
    pub psnr_db: f64,
}

/// What an observer wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Finish soon with the best network so far.
    Finish,
}

/// What was done.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// Optimiser steps of all networks.
    pub steps: u64,
    /// Parameters of all networks.
    pub parameters: u64,
    /// Tiles.
    pub tiles: u64,
    /// Hidden layers.
    pub layers: usize,
    /// The widest network's width.
    pub width: usize,
    /// PSNR at the native samples, dB.
    pub psnr_db: f64,
    /// Whether the target was reached.
    pub reached: bool,
    /// Whether the observer asked to finish.
    pub interrupted: bool,
    /// The device and instruction set used, as in `cpu (avx512, 2 threads)` or `cuda:0 (NVIDIA H100)`.
    pub device: String,
    /// Why [`Device::Auto`] came to the CPU.
    pub cpu_reason: Option<String>,
}

/// A finished file and how it was made.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// The bytes of the `.siren` file.
    pub bytes: Vec<u8>,
    /// How it was made.
    pub report: Report,
}
