//! The independent reference: forward and training passes as candle tensors, with the gradient by candle's
//! automatic differentiation.
//!
//! It shares no arithmetic with the fused kernels: matrix products of whole batches, the library's sine of
//! `2πt`, a squared error, `backward`. In binary64 it is the oracle of
//! [`Level::step`](crate::backend::simd::Level::step); it is not meant to be fast.

use crate::backend::simd::{BLOCK, Batch, Residuals};
use crate::error::{Error, Result};
use crate::network::Network;
use candle_core::{DType, Device, Tensor, Var};
use candle_nn::{Linear, Module};
use std::f64::consts::TAU;

/// The arithmetic of [`CandleBackend`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precision {
    /// IEEE 754 binary32, like the kernels.
    Binary32,
    /// IEEE 754 binary64 for all operations; the reference for the error of the kernels.
    Binary64,
}

/// Passes over whole blocks, with the data layout of [`Level`](crate::backend::simd::Level): for each block
/// one row of [`BLOCK`] points per feature.
#[derive(Clone, Debug)]
pub struct CandleBackend {
    dtype: DType,
    device: Device,
}

/// Weights and biases of each layer.
type Layers = Vec<(Tensor, Tensor)>;

impl CandleBackend {
    /// A backend that computes in `precision`.
    pub fn new(precision: Precision) -> Self {
        CandleBackend { dtype: dtype(precision), device: Device::Cpu }
    }

    /// A backend that computes in `precision` on the CUDA device `index`; requires the feature `candle-cuda`.
    ///
    /// # Errors
    /// `Device` without that feature or without the device.
    pub fn on_cuda(precision: Precision, index: usize) -> Result<Self> {
        let device = Device::new_cuda(index).map_err(device_error)?;
        Ok(CandleBackend { dtype: dtype(precision), device })
    }

    /// Values of `network`: `coordinates` holds `inputs × BLOCK` numbers per block, the result `outputs ×
    /// BLOCK`.
    ///
    /// # Errors
    /// `Parameter` if the coordinates are not whole blocks, `Device` if candle fails.
    pub fn forward(&self, network: &Network, coordinates: &[f32]) -> Result<Vec<f64>> {
        let shape = network.shape();
        let blocks = whole_blocks(coordinates, shape.inputs)?;
        if blocks == 0 {
            return Ok(vec![]);
        }
        self.values(network, coordinates, blocks).map_err(device_error)
    }

    /// The error `Σ_p weight_p · Σ_c (residual − target)²` and `scale` times its gradient by all parameters, in
    /// file order; 0 for the layers before `batch.first_layer`, which are frozen.
    ///
    /// # Errors
    /// `Parameter` if the slices of the batch are not whole blocks of equal number, `Device` if candle fails.
    pub fn step(&self, network: &Network, batch: Batch<'_>, scale: f64) -> Result<(f64, Vec<f64>)> {
        let shape = network.shape();
        let blocks = whole_blocks(batch.coordinates, shape.inputs)?;
        if (whole_blocks(batch.targets, shape.outputs)?, whole_blocks(batch.weights, 1)?) != (blocks, blocks)
        {
            let detail = format!(
                "{blocks} blocks of coordinates with {} targets and {} weights, expected equally many blocks",
                batch.targets.len(),
                batch.weights.len()
            );
            return Err(Error::parameter("batch", detail));
        }
        if blocks == 0 {
            return Ok((0.0, vec![0.0; shape.parameters()]));
        }
        self.loss_and_gradient(network, batch, scale, blocks).map_err(device_error)
    }

    fn values(&self, network: &Network, coordinates: &[f32], blocks: usize) -> candle_core::Result<Vec<f64>> {
        let shape = network.shape();
        let layers = self.layers(network, shape.layers().len())?;
        let values = evaluate(&layers, self.points(coordinates, blocks)?)?;
        // From points by features to rows of a block.
        let rows = values.reshape((blocks, BLOCK, shape.outputs))?.permute((0, 2, 1))?;
        rows.to_dtype(DType::F64)?.flatten_all()?.to_vec1()
    }

    fn loss_and_gradient(
        &self,
        network: &Network,
        batch: Batch<'_>,
        scale: f64,
        blocks: usize,
    ) -> candle_core::Result<(f64, Vec<f64>)> {
        let shape = network.shape();
        let layers = self.layers(network, batch.first_layer)?;
        let values = evaluate(&layers, self.points(batch.coordinates, blocks)?)?;
        let errors = self
            .residuals(batch.residuals, values, blocks)?
            .sub(&self.points(batch.targets, blocks)?)?
            .sqr()?;
        let loss = errors.broadcast_mul(&self.points(batch.weights, blocks)?)?.sum_all()?;
        let gradients = (&loss * scale)?.backward()?;
        let mut gradient = vec![0.0; shape.parameters()];
        for (layer, (weights, biases)) in shape.layers().zip(&layers).skip(batch.first_layer) {
            for (tensor, range) in [(weights, layer.weights()), (biases, layer.biases())] {
                if let Some(part) = gradients.get(tensor) {
                    let part = part.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
                    gradient[range].copy_from_slice(&part);
                }
            }
        }
        Ok((loss.to_dtype(DType::F64)?.to_scalar()?, gradient))
    }

    /// The residuals of `values`, `points × features`: in each block its values times a matrix.
    fn residuals(&self, residuals: Residuals, values: Tensor, blocks: usize) -> candle_core::Result<Tensor> {
        if residuals == Residuals::Values {
            return Ok(values);
        }
        let mut transposed = vec![0.0; BLOCK * BLOCK];
        for (point, row) in transposed.chunks_exact_mut(BLOCK).enumerate() {
            row[point] = 1.0;
            residuals.apply(row);
        }
        let matrix = Tensor::from_vec(transposed, (BLOCK, BLOCK), &self.device)?.to_dtype(self.dtype)?.t()?;
        let features = values.dim(1)?;
        matrix.broadcast_matmul(&values.reshape((blocks, BLOCK, features))?)?.reshape(values.shape())
    }

    /// The layers as tensors; those from `first_layer` on are variables, so that they have gradients.
    fn layers(&self, network: &Network, first_layer: usize) -> candle_core::Result<Layers> {
        let tensor = |values: &[f32], shape: &[usize], trained: bool| {
            let tensor = Tensor::from_slice(values, shape, &self.device)?.to_dtype(self.dtype)?;
            if trained { Var::from_tensor(&tensor).map(Var::into_inner) } else { Ok(tensor) }
        };
        network
            .shape()
            .layers()
            .enumerate()
            .map(|(l, layer)| {
                let (weights, biases) = layer.split(network.parameters());
                let trained = l >= first_layer;
                Ok((
                    tensor(weights, &[layer.outputs, layer.inputs], trained)?,
                    tensor(biases, &[layer.outputs], trained)?,
                ))
            })
            .collect()
    }

    /// Rows of blocks as a matrix, `points × features`.
    fn points(&self, data: &[f32], blocks: usize) -> candle_core::Result<Tensor> {
        let features = data.len() / (blocks * BLOCK);
        Tensor::from_slice(data, (blocks, features, BLOCK), &self.device)?
            .to_dtype(self.dtype)?
            .permute((0, 2, 1))?
            .reshape((blocks * BLOCK, features))
    }
}

fn dtype(precision: Precision) -> DType {
    match precision {
        Precision::Binary32 => DType::F32,
        Precision::Binary64 => DType::F64,
    }
}

/// `h' = sin(2π(W·h + b))` for each layer, without the sine in the last.
fn evaluate(layers: &Layers, coordinates: Tensor) -> candle_core::Result<Tensor> {
    let mut h = coordinates;
    for (l, (weights, biases)) in layers.iter().enumerate() {
        let phase = Linear::new(weights.clone(), Some(biases.clone())).forward(&h)?;
        h = if l + 1 < layers.len() { (phase * TAU)?.sin()? } else { phase };
    }
    Ok(h)
}

/// The number of blocks in `data` with `features` rows each.
fn whole_blocks(data: &[f32], features: usize) -> Result<usize> {
    let block = features * BLOCK;
    if block == 0 || !data.len().is_multiple_of(block) {
        let detail = format!("{} numbers, expected whole blocks of {features} × {BLOCK}", data.len());
        return Err(Error::parameter("batch", detail));
    }
    Ok(data.len() / block)
}

fn device_error(error: candle_core::Error) -> Error {
    Error::Device { device: "candle".into(), detail: error.to_string() }
}
