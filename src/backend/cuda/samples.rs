//! Samples on the device: brought there once, for every fit and curvature of networks on them.

use super::driver::Device;
use crate::backend::simd::BLOCK;
use cudarc::driver::{CudaSlice, DriverError};

/// Numbers of points in whole blocks: what a network is fitted to.
#[derive(Clone, Copy)]
pub(crate) struct Samples<'a> {
    /// Per block `inputs × BLOCK`.
    pub coordinates: &'a [f32],
    /// Per block `outputs × BLOCK`.
    pub targets: &'a [f32],
    /// Per block `BLOCK`; 0 for padding.
    pub weights: &'a [f32],
    /// Whether the points `p` and `p + BLOCK / 2` of a block are a pair, whose loss is that of the sum and the difference of
    /// their values: targets and weights of the sum at `p`, of the difference at the other.
    pub paired: bool,
}

/// The same on the device, until it is dropped.
#[derive(Debug)]
pub(crate) struct DeviceSamples {
    pub(super) coordinates: CudaSlice<f32>,
    pub(super) targets: CudaSlice<f32>,
    pub(super) weights: CudaSlice<f32>,
    pub(super) paired: bool,
}

impl DeviceSamples {
    /// Brings `samples`, of which there are some.
    pub(super) fn new(device: &Device, samples: Samples<'_>) -> Result<Self, DriverError> {
        let Samples { coordinates, targets, weights, paired } = samples;
        let stream = device.context.default_stream();
        let [coordinates, targets, weights] =
            [coordinates, targets, weights].map(|numbers| stream.clone_htod(numbers));
        let samples =
            DeviceSamples { coordinates: coordinates?, targets: targets?, weights: weights?, paired };
        // They are read on other streams.
        stream.synchronize()?;
        Ok(samples)
    }

    /// The number of blocks.
    pub(super) fn blocks(&self) -> usize {
        self.weights.len() / BLOCK
    }
}
