//! Curvature matrices of many layers of many networks together: two launches, whatever their number.

#![allow(unsafe_code)]

use super::constants::{POINTS, SIDE, THREADS, UPDATERS};
use super::driver::{Device, Stream};
use super::kernels::{self, Kernels};
use super::samples::DeviceSamples;
use crate::backend::simd::{BLOCK, Residuals};
use crate::network::{LayerShape, Network};
use cudarc::driver::sys::CUdeviceptr;
use cudarc::driver::{DevicePtr, DeviceRepr, DriverError, LaunchConfig, PushKernelArg};

/// Bytes of device memory used at a time, unless one layer needs more.
const CHUNK: usize = 256 << 20;
/// Layers at a time: a grid of thread blocks has a row for each.
const MOST_LAYERS: usize = 1 << 15;

/// A layer whose curvature is requested.
#[derive(Clone, Copy)]
pub(super) struct CurvatureOf<'a> {
    pub network: &'a Network,
    pub layer: usize,
    pub samples: &'a DeviceSamples,
    /// The number of blocks that are sampled, the first ones; at least one.
    pub blocks: usize,
    /// Factor from sums over the sampled points to sums over all points.
    pub share: f32,
    /// Neighbouring outputs that share a matrix, the mean of theirs; a divisor of the number of outputs.
    pub together: usize,
}

/// The host's copy of `Trace` in `kernels/curvature.cuh`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Trace {
    parameters: CUdeviceptr,
    coordinates: CUdeviceptr,
    weights: CUdeviceptr,
    slopes: CUdeviceptr,
    inputs: CUdeviceptr,
    energy: CUdeviceptr,
    cross: CUdeviceptr,
    matrices: CUdeviceptr,
    shape: [i32; 4],
    blocks: i32,
    layer: i32,
    together: i32,
    residuals: i32,
    factor: f32,
}

// SAFETY: plain numbers in C's layout, the same on the device.
unsafe impl DeviceRepr for Trace {}

impl CurvatureOf<'_> {
    fn shape(&self) -> LayerShape {
        self.network.shape().layers().nth(self.layer).expect("a layer of the network")
    }
    /// Numbers uploaded to the device.
    fn parameters(&self) -> usize {
        self.network.parameters().len()
    }
    /// Intermediate numbers: slopes, inputs, energy and cross.
    fn worked(&self) -> [usize; 4] {
        let (shape, layer, points) = (self.network.shape(), self.shape(), self.blocks * BLOCK);
        let cross = (self.samples.residuals.points() - 1) * layer.outputs;
        [shape.layers * shape.width, layer.inputs, layer.outputs, cross].map(|rows| rows * points)
    }
    /// Numbers of the result.
    fn numbers(&self) -> usize {
        let layer = self.shape();
        layer.outputs / self.together * (layer.inputs + 1).pow(2)
    }
    fn bytes(&self) -> usize {
        let floats = self.parameters() + self.worked().iter().sum::<usize>();
        floats * size_of::<f32>() + self.numbers() * size_of::<f64>()
    }
    /// Thread blocks of `trace` and of `sum_curvature`.
    fn grid(&self) -> [usize; 2] {
        let layer = self.shape();
        let panels = (layer.inputs + 1).div_ceil(SIDE).pow(2);
        [self.blocks * (BLOCK / POINTS), layer.outputs / self.together * panels]
    }
}

/// The matrices of each layer, `groups × (inputs + 1)²` in binary64, row by row.
pub(super) fn curvatures(
    device: &Device,
    kernels: &Kernels,
    of: &[CurvatureOf<'_>],
) -> Result<Vec<Vec<f64>>, DriverError> {
    let stream = device.stream()?;
    let class = |n: usize| kernels.trace(of[n].network.shape().width).class;
    let mut order: Vec<usize> = (0..of.len()).collect();
    order.sort_by_key(|&n| class(n));
    let mut matrices = vec![vec![]; of.len()];
    for members in order.chunk_by(|&a, &b| class(a) == class(b)) {
        for chunk in chunks(members, of) {
            let requested: Vec<CurvatureOf<'_>> = chunk.iter().map(|&n| of[n]).collect();
            for (&n, result) in chunk.iter().zip(launch(&stream, kernels, &requested)?) {
                matrices[n] = result;
            }
        }
    }
    Ok(matrices)
}

/// Divides the members into chunks that fit the device memory.
fn chunks<'m>(members: &'m [usize], of: &[CurvatureOf<'_>]) -> Vec<&'m [usize]> {
    let (mut chunks, mut from, mut bytes) = (vec![], 0, 0);
    for to in 0..members.len() {
        let more = of[members[to]].bytes();
        if to > from && (bytes + more > CHUNK || to - from == MOST_LAYERS) {
            chunks.push(&members[from..to]);
            (from, bytes) = (to, 0);
        }
        bytes += more;
    }
    chunks.push(&members[from..]);
    chunks
}

/// Computes the matrices of layers of one class of width.
fn launch(stream: &Stream, kernels: &Kernels, of: &[CurvatureOf<'_>]) -> Result<Vec<Vec<f64>>, DriverError> {
    let parameters: Vec<&[f32]> = of.iter().map(|of| of.network.parameters()).collect();
    let parameters = stream.upload(&parameters.concat())?;
    let worked = stream.alloc_zeros::<f32>(of.iter().flat_map(|of| of.worked()).sum())?;
    let matrices = stream.alloc_zeros::<f64>(of.iter().map(|of| of.numbers()).sum())?;

    let places =
        [parameters.device_ptr(stream).0, worked.device_ptr(stream).0, matrices.device_ptr(stream).0];
    let [mut next_parameters, mut next_worked, mut next_matrix] = places;
    let take = |next: &mut CUdeviceptr, bytes: usize| {
        let place = *next;
        *next += bytes as CUdeviceptr;
        place
    };
    let trace = |of: &CurvatureOf<'_>| {
        let [slopes, inputs, energy, cross] =
            of.worked().map(|n| take(&mut next_worked, n * size_of::<f32>()));
        let shape = of.network.shape();
        Trace {
            parameters: take(&mut next_parameters, of.parameters() * size_of::<f32>()),
            coordinates: of.samples.coordinates.device_ptr(stream).0,
            weights: of.samples.weights.device_ptr(stream).0,
            slopes,
            inputs,
            energy,
            cross: if of.samples.residuals == Residuals::Values { 0 } else { cross },
            matrices: take(&mut next_matrix, of.numbers() * size_of::<f64>()),
            shape: [shape.inputs, shape.outputs, shape.layers, shape.width].map(|n| n as i32),
            blocks: of.blocks as i32,
            layer: of.layer as i32,
            together: of.together as i32,
            residuals: of.samples.residuals as i32,
            factor: of.share.sqrt(),
        }
    };
    let traces = stream.upload(&of.iter().map(trace).collect::<Vec<_>>())?;

    let widest = of.iter().map(|of| of.network.shape().width).max().unwrap_or(0);
    let kernel = kernels.trace(widest);
    let grid = |stage: usize, threads: u32, shared: usize| LaunchConfig {
        grid_dim: (of.iter().map(|of| of.grid()[stage]).max().unwrap_or(0) as u32, of.len() as u32, 1),
        block_dim: (threads, 1, 1),
        shared_mem_bytes: shared as u32,
    };
    let shared = kernels::evaluate_bytes(kernel.class, widest);
    // SAFETY: the argument is that of the kernel, whose class is that of the networks; one block per part of
    // the points of each layer, and the memory named in the traces is held here.
    unsafe { stream.launch_builder(&kernel.function).arg(&traces).launch(grid(0, THREADS, shared)) }?;
    let sums = &kernels.sum_curvature;
    // SAFETY: the argument is that of the kernel, and the memory named in the traces is held here; one block
    // per panel of each matrix.
    unsafe { stream.launch_builder(sums).arg(&traces).launch(grid(1, UPDATERS, kernels::CURVATURE_BYTES)) }?;

    let numbers = stream.download(&matrices)?;
    let mut rest = &numbers[..];
    let split = |of: &CurvatureOf<'_>| {
        let (matrix, behind) = rest.split_at(of.numbers());
        rest = behind;
        matrix.to_vec()
    };
    Ok(of.iter().map(split).collect())
}
