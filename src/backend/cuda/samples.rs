//! Training points on the device: uploaded once for all fits and curvatures of networks on them.

use super::driver::Device;
use crate::backend::simd::{BLOCK, Batch, Residuals};
use cudarc::driver::{CudaSlice, DriverError};

/// The points of a [`Batch`] on the device, freed when this is dropped.
#[derive(Debug)]
pub(crate) struct DeviceSamples {
    pub(super) coordinates: CudaSlice<f32>,
    pub(super) targets: CudaSlice<f32>,
    pub(super) weights: CudaSlice<f32>,
    pub(super) residuals: Residuals,
}

impl DeviceSamples {
    /// Uploads `batch`, which must not be empty; its first layer is ignored.
    pub(super) fn new(device: &Device, batch: Batch<'_>) -> Result<Self, DriverError> {
        let Batch { coordinates, targets, weights, residuals, .. } = batch;
        let [coordinates, targets, weights] =
            [coordinates, targets, weights].map(|numbers| device.samples.upload(numbers));
        Ok(DeviceSamples { coordinates: coordinates?, targets: targets?, weights: weights?, residuals })
    }

    /// The number of blocks.
    pub(super) fn blocks(&self) -> usize {
        self.weights.len() / BLOCK
    }
}
