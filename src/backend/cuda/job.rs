//! A network in training on the device: its memory, and its record for the kernels.

#![allow(unsafe_code)]

use super::constants::{POINTS, SIDE, UPDATERS};
use super::driver::{Device, Stream};
use super::kernels;
use super::samples::DeviceSamples;
use crate::backend::simd::BLOCK;
use crate::backend::trainer::Schedule;
use crate::network::Shape;
use cudarc::driver::sys::CUdeviceptr;
use cudarc::driver::{CudaSlice, DevicePtr, DeviceRepr, DriverError, ValidAsZeroBits};

/// The most independently accumulated parts of a gradient. The number of parts depends on the batch only, so
/// a network trains to the same bits whatever trains beside it.
const MOST_SHARES: usize = 256;

/// The host's copy of `State` in `kernels/job.cuh`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    pub recent: f64,
    pub best: f64,
    pub norm: f64,
    pub slow_down: f32,
    pub step: i32,
    pub kept_at: i32,
    pub powers: [f32; 2],
    pub steps_above_best: i32,
}

impl State {
    pub const START: State = State {
        recent: f64::INFINITY,
        best: f64::INFINITY,
        norm: 0.0,
        slow_down: 1.0,
        step: 0,
        kept_at: 0,
        powers: [1.0, 1.0],
        steps_above_best: 0,
    };
}

// SAFETY: plain numbers in C's layout, the same on the device; every bit pattern is valid.
unsafe impl DeviceRepr for State {}
// SAFETY: plain numbers, for which zero bits are valid.
unsafe impl ValidAsZeroBits for State {}

/// The host's copy of `Job` in `kernels/job.cuh`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    pub coordinates: CUdeviceptr,
    pub targets: CUdeviceptr,
    pub weights: CUdeviceptr,
    pub parameters: CUdeviceptr,
    pub best: CUdeviceptr,
    pub first: CUdeviceptr,
    pub second: CUdeviceptr,
    pub gradient: CUdeviceptr,
    pub partials: CUdeviceptr,
    pub losses: CUdeviceptr,
    pub squares: CUdeviceptr,
    pub matrices: CUdeviceptr,
    pub phases: CUdeviceptr,
    pub states: CUdeviceptr,
    pub inputs: i32,
    pub outputs: i32,
    pub layers: i32,
    pub width: i32,
    pub blocks: i32,
    pub batches: i32,
    pub shares: i32,
    pub first_layer: i32,
    pub steps: i32,
    pub rate: f32,
    pub warmup: f32,
    pub end: f32,
    pub gradient_shared: i32,
    pub residuals: i32,
    pub evaluations: i32,
    pub loss_of_mean: f64,
}

// SAFETY: plain numbers in C's layout, the same on the device.
unsafe impl DeviceRepr for Job {}

/// The memory of a job except its samples, in few allocations, since there may be hundreds of jobs.
pub(super) struct Resident {
    shape: Shape,
    floats: CudaSlice<f32>,
    doubles: CudaSlice<f64>,
    layout: Layout,
}

/// Offsets within the allocations, and the sizes of what does not fit into shared memory.
#[derive(Clone, Copy)]
struct Layout {
    /// Offset from one array of parameters to the next.
    parameters: usize,
    shares: usize,
    batches: usize,
    matrices: usize,
    phases: usize,
    gradient_shared: bool,
    step_bytes: usize,
    update_bytes: usize,
}

impl Layout {
    fn new(device: &Device, shape: Shape, class: usize, blocks: usize, schedule: &Schedule) -> Self {
        let count = shape.parameters();
        let batches = blocks.div_ceil(schedule.blocks.max(1)).max(1);
        let parts = blocks.div_ceil(batches) * (BLOCK / POINTS);
        let shares = parts.clamp(1, MOST_SHARES);
        let (base, limit) = (kernels::step_bytes(class, shape.width), device.shared_memory);
        let phases = shape.layers * shape.width * POINTS;
        let with_phases = base + size_of::<f32>() * phases;
        let (step_bytes, phases) =
            if with_phases <= limit { (with_phases, 0) } else { (base, shares * phases) };
        // With two thread blocks per multiprocessor, each runs while the other waits.
        let with_gradient = step_bytes + size_of::<f32>() * count;
        let gradient_shared = with_gradient <= device.half_shared_memory;
        let (update_bytes, matrices) = kernels::update_room(shape.width);
        Layout {
            parameters: count.next_multiple_of(64),
            shares,
            batches,
            matrices: (shape.layers - 1) * matrices,
            phases,
            gradient_shared,
            step_bytes: if gradient_shared { with_gradient } else { step_bytes },
            update_bytes,
        }
    }
    /// Numbers before the partial gradients: parameters, best parameters, two moments and the gradient.
    fn partials(&self) -> usize {
        5 * self.parameters
    }
    /// Numbers before the matrices and phases, which are read as vectors and therefore start at a multiple of
    /// the vector length.
    fn matrices(&self, shape: Shape) -> usize {
        (self.partials() + self.shares * shape.parameters()).next_multiple_of(64)
    }
}

impl Resident {
    /// Uploads a network; `class` is that of the kernel that trains it.
    pub fn new(
        device: &Device,
        stream: &Stream,
        (shape, parameters): (Shape, &[f32]),
        class: usize,
        blocks: usize,
        schedule: &Schedule,
    ) -> Result<Self, DriverError> {
        let layout = Layout::new(device, shape, class, blocks, schedule);
        let floats = layout.matrices(shape) + layout.matrices + layout.phases;
        let mut resident = Resident {
            shape,
            floats: stream.alloc_zeros(floats)?,
            doubles: stream.alloc_zeros(layout.shares + shape.parameters().div_ceil(UPDATERS as usize))?,
            layout,
        };
        for copy in 0..2 {
            let from = copy * layout.parameters;
            stream.upload_to(parameters, &mut resident.floats.slice_mut(from..from + parameters.len()))?;
        }
        Ok(resident)
    }

    /// The record of this job on `samples`, with its two states at `states`.
    pub fn job(
        &self,
        stream: &Stream,
        samples: &DeviceSamples,
        schedule: &Schedule,
        states: CUdeviceptr,
    ) -> Job {
        let Resident { shape, layout, .. } = self;
        let DeviceSamples { coordinates, targets, weights, residuals } = samples;
        let (floats, _) = self.floats.device_ptr(stream);
        let (doubles, _) = self.doubles.device_ptr(stream);
        let float = |base: CUdeviceptr, index: usize| base + (index * size_of::<f32>()) as CUdeviceptr;
        let partials = layout.partials();
        let matrices = layout.matrices(*shape);
        let array = |n: usize| float(floats, n * layout.parameters);
        let unless_empty = |numbers: usize, at: usize| if numbers == 0 { 0 } else { float(floats, at) };
        Job {
            coordinates: coordinates.device_ptr(stream).0,
            targets: targets.device_ptr(stream).0,
            weights: weights.device_ptr(stream).0,
            parameters: array(0),
            best: array(1),
            first: array(2),
            second: array(3),
            gradient: array(4),
            partials: float(floats, partials),
            losses: doubles,
            squares: doubles + (layout.shares * size_of::<f64>()) as CUdeviceptr,
            matrices: unless_empty(layout.matrices, matrices),
            phases: unless_empty(layout.phases, matrices + layout.matrices),
            states,
            inputs: shape.inputs as i32,
            outputs: shape.outputs as i32,
            layers: shape.layers as i32,
            width: shape.width as i32,
            blocks: samples.blocks() as i32,
            batches: layout.batches as i32,
            shares: layout.shares as i32,
            first_layer: schedule.first_layer as i32,
            steps: schedule.iterations as i32,
            rate: schedule.rate,
            warmup: schedule.warmup,
            end: schedule.end,
            gradient_shared: i32::from(layout.gradient_shared),
            residuals: *residuals as i32,
            evaluations: residuals.points_per_sample(shape.inputs) as i32,
            loss_of_mean: schedule.loss_of_mean,
        }
    }

    /// Thread blocks for each of its hidden matrices in global memory.
    pub fn matrix_tiles(&self) -> usize {
        if self.layout.matrices == 0 { 0 } else { self.shape.width.div_ceil(SIDE).pow(2) }
    }
    pub fn shares(&self) -> usize {
        self.layout.shares
    }
    pub fn shape(&self) -> Shape {
        self.shape
    }
    /// Bytes of shared memory of this job's `step` and `update_parameters`.
    pub fn shared_bytes(&self) -> (usize, usize) {
        (self.layout.step_bytes, self.layout.update_bytes)
    }
    /// The current parameters.
    pub fn parameters(&self, stream: &Stream) -> Result<Vec<f32>, DriverError> {
        stream.download(&self.floats.slice(0..self.shape.parameters()))
    }
    /// The loss of the last step and its gradient.
    pub fn gradient(&self, stream: &Stream) -> Result<(f64, Vec<f32>), DriverError> {
        let from = 4 * self.layout.parameters;
        let gradient = stream.download(&self.floats.slice(from..from + self.shape.parameters()))?;
        let losses = stream.download(&self.doubles.slice(0..self.layout.shares))?;
        Ok((losses.iter().sum(), gradient))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::backend::cuda::tests::device;
    use cudarc::driver::sys::CUdevice_attribute as Attribute;

    #[test]
    fn a_gradient_in_shared_memory_leaves_room_for_a_second_thread_block() {
        let Some(device) = device().map(|cuda| &cuda.device) else { return };
        let attribute = |attribute| device.context.attribute(attribute).unwrap() as usize;
        let multiprocessor = attribute(Attribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR);
        let reserved = attribute(Attribute::CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK);
        let schedule = Schedule {
            iterations: 1,
            blocks: 1,
            rate: 0.0,
            warmup: 0.0,
            end: 0.0,
            first_layer: 0,
            loss_of_mean: 0.0,
        };
        for width in 1..=64 {
            for layers in 1..=40 {
                let shape = Shape { inputs: 2, outputs: 3, layers, width };
                let layout = Layout::new(device, shape, width.div_ceil(16), 1, &schedule);
                let two_blocks = 2 * (layout.step_bytes + reserved);
                assert!(
                    !layout.gradient_shared || two_blocks <= multiprocessor,
                    "{shape:?}: {two_blocks} bytes"
                );
            }
        }
    }
}
