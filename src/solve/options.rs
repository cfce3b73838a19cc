//! Options of a fit of equations.

use crate::error::Result;
use crate::limits::Limits;
use crate::setters::setters;
use crate::signal::{Description, Tiles};
use std::time::Duration;

/// How a field is found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SolveOptions {
    /// Hidden layers of the network, 1 to 16; default 3.
    pub layers: usize,
    /// Neurons of a layer, 1 to 512; default 128.
    pub width: usize,
    /// Bound of the first layer's frequencies before training, radians per unit of coordinate (the longest side is 2
    /// units), above 0 to 1000; default 8. From the gradient of a picture of 256×256, 1000 iterations at 128 neurons find
    /// its values with 25.5, 29.2, 19 and 15 dB with 4, 8, 15 and 30: what the network has at first between the frequencies
    /// that the equations weigh most is hardly unlearned.
    pub frequency: f64,
    /// How long the fit is, 1 to 9; default 5. Each level takes twice as many iterations as the one before.
    pub effort: u8,
    /// About the length of a tile along each axis, native samples, from 8 on; each tile has a network, and they are trained
    /// together. By default one network is the field. Tiles find detail in much less time; what is smooth over the whole
    /// signal passes from tile to tile.
    pub tile: Option<u32>,
    /// Points of each condition in an iteration of a tile, in steps of 512; default 2048.
    pub batch: usize,
    /// Peak learning rate, radians; default 0.04.
    pub rate: f32,
    /// Seed of initial parameters and of the order of points.
    pub seed: u64,
    /// Wall-clock time after which the fit ends with what it has found.
    pub time_limit: Option<Duration>,
    /// How much rounding may add to the loss, relative to it; default 0.02.
    pub loss_of_rounding: f64,
    /// [`Limits::parameters`] and [`Limits::memory_bytes`] bound the fit.
    pub limits: Limits,
}

impl SolveOptions {
    setters! {
        layers: usize,
        width: usize,
        frequency: f64,
        effort: u8,
        tile ?optional: u32,
        batch: usize,
        rate: f32,
        seed: u64,
        time_limit ?optional: Duration,
        loss_of_rounding: f64,
        limits: Limits,
    }

    /// The tiles of a signal, which overlap by about a quarter of their length. The axis `whole` is not divided.
    pub(super) fn tiles(&self, description: &Description, whole: Option<usize>) -> Result<Tiles> {
        let Some(length) = self.tile else { return Ok(Tiles::one(description)) };
        let one = |side: u32| (f64::from(side) / f64::from(length)).round().max(1.0) as u32;
        let lengths = description.lengths();
        let of_axis = |(axis, &side): (usize, &u32)| if whole == Some(axis) { 1 } else { one(side) };
        let counts: Vec<u32> = lengths.iter().enumerate().map(of_axis).collect();
        let divided = lengths.iter().zip(&counts).filter(|&(_, &count)| count > 1);
        let shortest = divided.map(|(&side, &count)| side / count).min().unwrap_or(length);
        Tiles::new(description, &counts, (shortest / 8).max(1))
    }

    /// Iterations of the fit.
    pub fn iterations(&self) -> usize {
        125 << self.effort.min(16)
    }
}

impl Default for SolveOptions {
    fn default() -> Self {
        SolveOptions {
            layers: 3,
            width: 128,
            frequency: 8.0,
            effort: 5,
            tile: None,
            batch: 2048,
            rate: 0.04,
            seed: 0,
            time_limit: None,
            loss_of_rounding: 0.02,
            limits: Limits::default(),
        }
    }
}

/// How far a fit is.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// Optimiser iterations done.
    pub iteration: u64,
    /// All iterations, unless a time limit ends the fit earlier.
    pub iterations: u64,
    /// The recent loss, relative to that of the network before training.
    pub loss: f64,
    /// The part of the fit that is done, 0 to 1.
    pub done: f64,
    /// Estimated time until the fit ends.
    pub remaining: Duration,
}
