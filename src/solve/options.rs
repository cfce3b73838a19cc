//! Options of a fit of equations.

use crate::limits::Limits;
use crate::setters::setters;
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
    /// Points of each condition in an iteration, in steps of 512; default 2048.
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
        batch: usize,
        rate: f32,
        seed: u64,
        time_limit ?optional: Duration,
        loss_of_rounding: f64,
        limits: Limits,
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
