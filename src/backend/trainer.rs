//! The seam between the encoder and the device that trains its networks.

use super::simd::{BLOCK, Batch};
use crate::error::Result;
use crate::network::Network;
use std::f32::consts::PI;
use std::fmt::Display;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Trains networks, those of a group of tiles at a time.
pub(crate) trait Trainer: Display + Sync {
    /// Divides consecutive tiles of so many points into groups that are trained together.
    fn groups(&self, points: &[u64]) -> Vec<Range<usize>>;

    /// Groups that are worked on side by side. With 1, a group stays resident for the stages that follow.
    fn concurrency(&self) -> usize;

    /// Whether a group of tiles takes about as long as one tile.
    fn is_parallel(&self) -> bool;

    /// Makes the points of a group resident until the result is dropped.
    ///
    /// # Errors
    /// `Device` if the device fails or has no room.
    fn hold<'a>(&'a self, points: Vec<Arc<Points>>) -> Result<Box<dyn Resident + 'a>>;
}

/// The points of a group of tiles, where networks are trained on them.
pub(crate) trait Resident: Send + Sync {
    /// Trains all `runs`, each to the bits it would have alone. `observe` gets the number of a run, its steps since the last
    /// call and its recent mean squared error now and then, and ends the training by returning false.
    ///
    /// # Errors
    /// `Device`; the networks are then as they were.
    fn train(&self, runs: &mut [Run<'_>], turn: Turn, observe: Observe<'_>) -> Result<()>;

    /// The mean curvature of each layer of each network: what a squared unit of error in one parameter adds to the summed
    /// squared error of the outputs, on average over the layer's weights and over its biases.
    ///
    /// # Errors
    /// `Device`.
    fn mean_curvatures(&self, of: &[Sampled<'_>]) -> Result<Vec<Vec<PerKind<f64>>>>;
}

/// Gets the number of a run, steps and the recent mean squared error; returns whether to go on.
pub(crate) type Observe<'a> = &'a (dyn Fn(usize, u64, f64) -> bool + Sync);

/// A network to be trained in place.
pub(crate) struct Run<'a> {
    pub network: &'a mut Network,
    /// Its points: the index of its tile in the group.
    pub points: usize,
    pub schedule: Schedule,
}

/// A network whose curvature is sampled.
#[derive(Clone, Copy)]
pub(crate) struct Sampled<'a> {
    pub network: &'a Network,
    /// Its points: the index of its tile in the group.
    pub points: usize,
    /// The first blocks of them, at least one, that are sampled.
    pub blocks: usize,
    /// What sums over these blocks are multiplied by.
    pub share: f32,
}

/// One number for the weights of a layer and one for its biases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PerKind<T> {
    pub weights: T,
    pub biases: T,
}

/// How a group is worked on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Turn {
    /// Whether it has all threads of the CPU to itself.
    pub alone: bool,
    /// The time after which schedules must have come to their end.
    pub time: Option<Allowance>,
}

impl Turn {
    /// Whether there is time left.
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
    /// How much of it has passed, from 0 up.
    pub fn passed(&self) -> f64 {
        self.from.elapsed().as_secs_f64() / self.length.as_secs_f64().max(1e-9)
    }
    /// One of `n` equal parts of what is left, from now.
    pub fn part(&self, n: usize) -> Self {
        let left = self.length.saturating_sub(self.from.elapsed());
        Allowance { from: Instant::now(), length: left / n as u32 }
    }
}

/// How a network is trained.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    /// Optimiser steps.
    pub steps: usize,
    /// Blocks per step.
    pub blocks: usize,
    /// Peak learning rate, radians.
    pub rate: f32,
    /// Share of the steps over which the rate rises from 0.
    pub warmup: f32,
    /// Final rate over peak rate.
    pub end: f32,
    /// The first layer that is trained.
    pub first_layer: usize,
    /// The loss of the mean of the points, above which nothing was learnt; infinite where that is not watched.
    pub loss_of_mean: f64,
}

impl Schedule {
    /// How far the schedule has come when `step` steps are done, in steps: further than that where time is short, so
    /// that the learning rate falls to its end in any case.
    pub fn position(&self, step: usize, time: Option<Allowance>) -> f32 {
        let passed = time.map_or(0.0, |time| time.passed());
        (step as f32).max((passed * self.steps as f64) as f32)
    }

    /// The learning rate at a position: linear warm-up, then half a cosine.
    pub fn rate(&self, position: f32) -> f32 {
        let warmup = (self.warmup * self.steps as f32).max(1.0);
        if position < warmup {
            return self.rate * (position + 1.0) / warmup;
        }
        let phase = (position - warmup) / (self.steps as f32 - warmup).max(1.0);
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
    /// Per block `inputs × BLOCK` local coordinates.
    pub coordinates: Vec<f32>,
    /// Per block `outputs × BLOCK` normalised values; of pairs, sums and differences.
    pub targets: Vec<f32>,
    /// Per block `BLOCK` weights; 0 for padding.
    pub weights: Vec<f32>,
    /// Whether they are pairs, in the layout of [`Batch::paired`].
    pub paired: bool,
}

impl Points {
    /// Room for `count` points or pairs.
    pub fn zeros(inputs: usize, outputs: usize, count: usize, paired: bool) -> Self {
        let numbers = count.div_ceil(if paired { BLOCK / 2 } else { BLOCK }) * BLOCK;
        Points {
            inputs,
            outputs,
            coordinates: vec![0.0; inputs * numbers],
            targets: vec![0.0; outputs * numbers],
            weights: vec![0.0; numbers],
            paired,
        }
    }

    /// The number of blocks.
    pub fn blocks(&self) -> usize {
        self.weights.len() / BLOCK
    }

    /// Points or pairs of a block.
    pub fn lanes(&self) -> usize {
        if self.paired { BLOCK / 2 } else { BLOCK }
    }

    /// The block and the lane of point `n`, or of the first of pair `n`.
    pub fn place(&self, n: usize) -> (usize, usize) {
        (n / self.lanes(), n % self.lanes())
    }

    /// How often one sample is evaluated when all points are.
    pub fn evaluations(&self) -> usize {
        if self.paired { 2 * self.inputs } else { 1 }
    }

    /// The points of `blocks`.
    pub fn batch(&self, blocks: Range<usize>) -> Batch<'_> {
        let rows = |rows: usize| blocks.start * rows * BLOCK..blocks.end * rows * BLOCK;
        Batch {
            coordinates: &self.coordinates[rows(self.inputs)],
            targets: &self.targets[rows(self.outputs)],
            weights: &self.weights[rows(1)],
            first_layer: 0,
            paired: self.paired,
        }
    }

    /// All points, padding included.
    pub fn all(&self) -> Batch<'_> {
        self.batch(0..self.blocks())
    }
}
