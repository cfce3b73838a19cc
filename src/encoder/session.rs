//! One encode: the signal, what is asked of it, and where it runs.

use super::options::EncodeOptions;
use super::progress::Meter;
use super::tuning::POINTS_PER_PARAMETER;
use super::units::Normalised;
use super::{Target, plan};
use crate::backend::simd::Level;
use crate::backend::trainer::Trainer;
use crate::fit::MOST_POINTS;
use crate::signal::{Signal, Tiles};

/// What every stage of an encode reads.
pub(crate) struct Session<'a> {
    /// The source and its units.
    pub normalised: &'a Normalised<'a>,
    /// The signal as it is fitted.
    pub signal: &'a Signal,
    pub options: &'a EncodeOptions,
    pub meter: Meter<'a>,
    /// The instructions of what runs on the CPU in any case.
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

    /// Samples of the signal: positions times channels.
    pub fn samples(&self) -> f64 {
        self.signal.description.positions() as f64 * f64::from(self.signal.description.channels)
    }

    /// The PSNR of a summed squared error in unit values, dB.
    pub fn psnr_db(&self, error: f64) -> f64 {
        -10.0 * (error / self.samples()).max(1e-15).log10()
    }

    /// Evaluations of a network per sample and pass: with a gradient term samples are seen as pairs, along one axis or
    /// another.
    pub fn evaluations(&self) -> f64 {
        if self.options.gradient_weight > 0.0 { 2.0 } else { 1.0 }
    }

    /// The points of each tile that are trained on.
    pub fn points(&self, tiles: &Tiles) -> Vec<u64> {
        let most = most_points(self.options.target);
        (0..tiles.len()).map(|n| tiles.tile(n).points().min(most)).collect()
    }

    /// The seed of everything random in the fit of a tile.
    pub fn seed(&self, tile: usize) -> u64 {
        self.options.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(tile as u64)
    }

    /// The fits of each tile, in passes relative to what was asked for.
    pub fn fits(&self) -> Vec<f64> {
        plan::fits(&self.signal.description, self.options.effort)
    }
}

/// The most points of a tile that are trained on: more for a network that is larger than those of the usual size.
pub(super) fn most_points(target: Target) -> u64 {
    match target {
        Target::Shape { layers, width } => {
            MOST_POINTS.max(POINTS_PER_PARAMETER * (layers * width * width) as u64)
        }
        _ => MOST_POINTS,
    }
}
