//! One encode: its signal, its options, and where it runs.

use super::Target;
use super::options::EncodeOptions;
use super::progress::Meter;
use super::tuning::POINTS_PER_PARAMETER;
use super::units::Normalised;
use crate::backend::simd::Level;
use crate::backend::trainer::Trainer;
use crate::fit::MOST_POINTS;
use crate::signal::{Missing, Signal, Tiles};

/// The inputs that all stages of an encode share.
pub(crate) struct Session<'a> {
    /// The source, the fitted signal and the units between them.
    pub normalised: &'a Normalised<'a>,
    /// The signal as it is fitted.
    pub signal: &'a Signal,
    pub options: &'a EncodeOptions,
    pub meter: Meter<'a>,
    /// The instruction level of the work that always runs on the CPU.
    pub level: Level,
    pub trainer: &'a dyn Trainer,
}

impl<'a> Session<'a> {
    pub fn new(
        normalised: &'a Normalised<'a>,
        meter: Meter<'a>,
        level: Level,
        trainer: &'a dyn Trainer,
    ) -> Self {
        let Normalised { signal, options, .. } = normalised;
        Session { normalised, signal, options, meter, level, trainer }
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
