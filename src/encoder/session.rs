//! One encode: its signal, its options, and where it runs.

use super::Target;
use super::options::EncodeOptions;
use super::progress::Meter;
use super::tuning::POINTS_PER_PARAMETER;
use super::units::{Fitted, Normalised};
use crate::backend::simd::Level;
use crate::backend::trainer::Trainer;
use crate::error::Result;
use crate::fit::MOST_POINTS;
use crate::signal::source::{read, whole};
use crate::signal::{Missing, Samples, Scan, Tiles};
use std::borrow::Cow;
use std::sync::OnceLock;

/// The inputs that all stages of an encode share.
pub(crate) struct Session<'a> {
    /// The source, the fitted signal and the units between them.
    pub normalised: &'a Normalised<'a>,
    /// The signal as it is fitted.
    pub signal: &'a Fitted<'a>,
    pub options: &'a EncodeOptions,
    pub meter: Meter<'a>,
    /// The instruction level of the work that always runs on the CPU.
    pub level: Level,
    pub trainer: &'a dyn Trainer,
    /// All samples as they are fitted, if the session [holds](Session::in_memory) them.
    pub samples: Option<Cow<'a, Samples>>,
    /// The mean of each channel, once it was asked for.
    means: OnceLock<Vec<f64>>,
}

impl<'a> Session<'a> {
    pub fn new(
        normalised: &'a Normalised<'a>,
        meter: Meter<'a>,
        level: Level,
        trainer: &'a dyn Trainer,
    ) -> Self {
        let Normalised { signal, options, .. } = normalised;
        Session { normalised, signal, options, meter, level, trainer, samples: None, means: OnceLock::new() }
    }

    /// The session with all samples in memory, for fits that need them at once.
    ///
    /// # Errors
    /// Those of reading the source.
    pub fn in_memory(self) -> Result<Self> {
        let samples = read(self.signal, &whole(&self.signal.description))?;
        Ok(Session { samples: Some(samples), ..self })
    }

    /// Whether errors of colours are weighted by alpha.
    pub fn weighs_by_alpha(&self) -> bool {
        self.signal.description.has_alpha() && !self.options.keep_invisible
    }

    /// Samples of the signal that exist: positions times channels, without missing ones.
    pub fn samples(&self) -> f64 {
        let all = self.signal.description.positions() as f64 * f64::from(self.signal.description.channels);
        all - self.normalised.missing.as_ref().map_or(0, Missing::samples) as f64
    }

    /// Positions of the signal at which samples exist; where some channels do, a part of a position.
    pub fn positions(&self) -> f64 {
        self.samples() / f64::from(self.signal.description.channels)
    }

    /// The mean of each channel of the fitted signal over the samples that exist. The signal is read for it once.
    ///
    /// # Errors
    /// Those of reading the source.
    pub fn means(&self) -> Result<&[f64]> {
        if let Some(means) = self.means.get() {
            return Ok(means);
        }
        let channels = usize::from(self.signal.description.channels);
        let missing = self.normalised.missing.as_ref();
        let mut sums = vec![(0f64, 0u64); channels];
        let mut before = 0;
        for samples in Scan::of(self.signal) {
            let samples = samples?;
            for i in 0..samples.len() {
                let position = before + (i / channels) as u64;
                if missing.is_none_or(|missing| !missing.is_missing(position, i % channels)) {
                    let (sum, count) = &mut sums[i % channels];
                    (*sum, *count) = (*sum + f64::from(samples.get(i)), *count + 1);
                }
            }
            before += (samples.len() / channels) as u64;
        }
        let mean = |(sum, count): (f64, u64)| sum / count.max(1) as f64;
        Ok(self.means.get_or_init(|| sums.into_iter().map(mean).collect()))
    }

    /// The PSNR of a summed squared error in unit values, dB.
    pub fn psnr_db(&self, error: f64) -> f64 {
        -10.0 * (error / self.samples()).max(1e-15).log10()
    }

    /// Network evaluations per sample and pass: a gradient term evaluates pairs of samples, along one axis or
    /// another.
    pub fn evaluations(&self) -> f64 {
        if self.options.gradient_weight > 0.0 { 2.0 } else { 1.0 }
    }

    /// Training points of each tile.
    pub fn points(&self, tiles: &Tiles) -> Vec<u64> {
        let most = most_points(self.options.target);
        (0..tiles.len()).map(|n| self.existing(tiles, n).min(most)).collect()
    }

    /// Positions of tile `number` at which a sample exists.
    pub fn existing(&self, tiles: &Tiles, number: usize) -> u64 {
        let tile = tiles.tile(number);
        let existing = |missing: &Missing| missing.count_existing(&tile.ranges());
        self.normalised.missing.as_ref().map_or_else(|| tile.points(), existing)
    }

    /// Seed of all random numbers in the fit of a tile.
    pub fn seed(&self, tile: usize) -> u64 {
        self.options.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(tile as u64)
    }
}

/// The most training points of a tile; a given network that is larger than usual gets more.
pub(super) fn most_points(target: Target) -> u64 {
    match target {
        Target::Shape { layers, width } => {
            MOST_POINTS.max(POINTS_PER_PARAMETER * (layers * width * width) as u64)
        }
        _ => MOST_POINTS,
    }
}
