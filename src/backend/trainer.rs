//! The interface between the encoder and the device that trains its networks.

use super::simd::{BLOCK, Batch, Residuals};
use crate::error::Result;
use crate::network::Network;
use std::f32::consts::PI;
use std::fmt::Display;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Trains the networks of a group of tiles at a time.
pub(crate) trait Trainer: Display + Sync {
    /// Divides consecutive tiles with these numbers of points into groups that are trained together.
    fn groups(&self, points: &[u64]) -> Vec<Range<usize>>;

    /// The number of groups that run side by side. With 1, a group stays resident for the following stages.
    fn concurrency(&self) -> usize;

    /// Whether a group of tiles takes about as long as one tile.
    fn is_parallel(&self) -> bool;

    /// Makes the points of a group resident until the result is dropped.
    ///
    /// # Errors
    /// `Device` if the device fails or has not enough memory.
    fn hold<'a>(&'a self, points: Vec<Arc<Points>>) -> Result<Box<dyn Resident + 'a>>;
}

/// The points of a group of tiles, resident where networks are trained on them.
pub(crate) trait Resident: Send + Sync {
    /// Trains all `runs`; each gets the same bits as alone. `observe` gets the number of a run, its
    /// iterations since the last call and its recent mean squared error at intervals, and ends the training
    /// by returning false.
    ///
    /// # Errors
    /// `Device`; the networks are then unchanged.
    fn train(&self, runs: &mut [Run<'_>], turn: Turn, observe: Observe<'_>) -> Result<()>;

    /// The mean curvature of each layer of each network: the increase of the summed squared error of the
    /// outputs for a unit error in one parameter, averaged over the layer's weights and over its biases.
    ///
    /// # Errors
    /// `Device`.
    fn mean_curvatures(&self, of: &[Sampled<'_>]) -> Result<Vec<Vec<PerKind<f64>>>>;
}

/// Receives the number of a run, iterations and the recent mean squared error; returns whether to continue.
pub(crate) type Observe<'a> = &'a (dyn Fn(usize, u64, f64) -> bool + Sync);

/// A network to be trained in place.
pub(crate) struct Run<'a> {
    pub network: &'a mut Network,
    /// Index of its tile in the group, whose points it is trained on.
    pub points: usize,
    pub schedule: Schedule,
}

/// A network whose curvature is sampled.
#[derive(Clone, Copy)]
pub(crate) struct Sampled<'a> {
    pub network: &'a Network,
    /// Index of its tile in the group, on whose points it is sampled.
    pub points: usize,
    /// The number of blocks that are sampled, the first ones; at least one.
    pub blocks: usize,
    /// Factor from sums over these blocks to sums over all points.
    pub share: f32,
}

/// One number for the weights of a layer and one for its biases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PerKind<T> {
    pub weights: T,
    pub biases: T,
}

/// The circumstances under which a group runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Turn {
    /// Whether the group has all threads of the CPU to itself.
    pub alone: bool,
    /// The time in which schedules must end.
    pub time: Option<Allowance>,
}

impl Turn {
    /// Whether time is left.
    pub fn in_time(&self) -> bool {
        self.time.is_none_or(|time| time.passed() < 1.0)
    }
}

/// A span of wall-clock time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    pub from: Instant,
    pub length: Duration,
}

impl Allowance {
    /// The fraction of the time that has passed, from 0 up.
    pub fn passed(&self) -> f64 {
        self.from.elapsed().as_secs_f64() / self.length.as_secs_f64().max(1e-9)
    }
    /// One of `n` equal parts of the remaining time, from now on.
    pub fn part(&self, n: usize) -> Self {
        let left = self.length.saturating_sub(self.from.elapsed());
        Allowance { from: Instant::now(), length: left / n as u32 }
    }
}

/// The schedule of training a network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    /// Optimiser iterations.
    pub iterations: usize,
    /// Blocks per iteration.
    pub blocks: usize,
    /// Peak learning rate, radians.
    pub rate: f32,
    /// Fraction of the iterations over which the rate rises from 0.
    pub warmup: f32,
    /// Final rate over peak rate.
    pub end: f32,
    /// The first layer that is trained.
    pub first_layer: usize,
    /// The loss of the mean of the points: a fit above it has learnt nothing. Infinite to disable the check.
    pub loss_of_mean: f64,
}

impl Schedule {
    /// The position in the schedule, in iterations, after `iteration` of them: further if time is short, so that
    /// the learning rate always falls to its end.
    pub fn position(&self, iteration: usize, time: Option<Allowance>) -> f32 {
        let passed = time.map_or(0.0, |time| time.passed());
        (iteration as f32).max((passed * self.iterations as f64) as f32)
    }

    /// The learning rate at a position: linear warm-up, then half a cosine.
    pub fn rate(&self, position: f32) -> f32 {
        let warmup = (self.warmup * self.iterations as f32).max(1.0);
        if position < warmup {
            return self.rate * (position + 1.0) / warmup;
        }
        let phase = (position - warmup) / (self.iterations as f32 - warmup).max(1.0);
        self.rate * (self.end + (1.0 - self.end) * 0.5 * (1.0 + (PI * phase).cos()))
    }
}

/// Training points of one network in whole blocks, as the kernels read them.
#[derive(Clone, Debug)]
pub(crate) struct Points {
    /// Input coordinates per point.
    pub inputs: usize,
    /// Channels.
    pub outputs: usize,
    /// `inputs × BLOCK` local coordinates for each block.
    pub coordinates: Vec<f32>,
    /// `outputs × BLOCK` normalised residuals for each block.
    pub targets: Vec<f32>,
    /// `BLOCK` weights of residuals for each block; 0 for padding.
    pub weights: Vec<f32>,
    /// What the targets and weights are of.
    pub residuals: Residuals,
}

impl Points {
    /// Zeroed blocks for `count` groups of points.
    pub fn zeros(inputs: usize, outputs: usize, count: usize, residuals: Residuals) -> Self {
        let numbers = count.div_ceil(residuals.groups()) * BLOCK;
        Points {
            inputs,
            outputs,
            coordinates: vec![0.0; inputs * numbers],
            targets: vec![0.0; outputs * numbers],
            weights: vec![0.0; numbers],
            residuals,
        }
    }

    /// The number of blocks.
    pub fn blocks(&self) -> usize {
        self.weights.len() / BLOCK
    }

    /// The block and the lane of the first point of group `n`.
    pub fn place(&self, n: usize) -> (usize, usize) {
        let groups = self.residuals.groups();
        (n / groups, n % groups)
    }

    /// Evaluations per sample when all points are evaluated.
    pub fn evaluations(&self) -> usize {
        self.residuals.points_per_sample(self.inputs)
    }

    /// The points of `blocks`.
    pub fn batch(&self, blocks: Range<usize>) -> Batch<'_> {
        let rows = |rows: usize| blocks.start * rows * BLOCK..blocks.end * rows * BLOCK;
        Batch {
            coordinates: &self.coordinates[rows(self.inputs)],
            targets: &self.targets[rows(self.outputs)],
            weights: &self.weights[rows(1)],
            first_layer: 0,
            residuals: self.residuals,
        }
    }

    /// All points, padding included.
    pub fn all(&self) -> Batch<'_> {
        self.batch(0..self.blocks())
    }
}
