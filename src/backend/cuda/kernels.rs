//! The kernels as functions: their names, their classes of width, and the memory of their thread blocks.

use super::constants::*;
use super::driver::Device;
use cudarc::driver::sys::CUfunction_attribute as Attribute;
use cudarc::driver::{CudaFunction, DriverError};
use cudarc::nvrtc::Ptx;

/// Generated from `kernels/kernels.cu` by `kernels/make_ptx.py`.
const PTX: &str = include_str!("kernels/kernels.ptx");

/// Classes for evaluation (`EVALUATE`) and for training; class N is for networks up to 16 · N wide.
const EVALUATE: [usize; 3] = [2, 4, 8];
const TRAIN: [usize; 5] = [1, 2, 3, 4, 8];
/// Above this width the matrices of Muon's iterations are in global memory, and many thread blocks work on
/// each.
const WIDEST_SHARED_MATRIX: usize = 64;
/// Products of a Newton–Schulz iteration.
pub(super) const PRODUCTS: i32 = 3;

/// A kernel for networks of one class.
#[derive(Clone, Debug)]
pub(super) struct Classed {
    pub function: CudaFunction,
    pub class: usize,
}

/// All kernels, loaded.
#[derive(Debug)]
pub(super) struct Kernels {
    forward: Vec<Classed>,
    jet: Vec<Classed>,
    step: Vec<Classed>,
    trace: Vec<Classed>,
    pub reduce_gradient: CudaFunction,
    pub iterate_matrices: CudaFunction,
    pub update_parameters: CudaFunction,
    pub sum_curvature: CudaFunction,
}

impl Kernels {
    /// Compiles the kernels for `device`; the driver does this once and caches the result.
    pub fn load(device: &Device) -> Result<Self, DriverError> {
        let module = device.context.load_module(Ptx::from_src(PTX))?;
        let load = |name: &str| -> Result<CudaFunction, DriverError> {
            let function = module.load_function(name)?;
            let shared = device.shared_memory as i32;
            function.set_attribute(Attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, shared)?;
            Ok(function)
        };
        let classes = |name: &str, classes: &[usize]| -> Result<Vec<Classed>, DriverError> {
            let load = |&class| Ok(Classed { function: load(&format!("{name}_{class}"))?, class });
            classes.iter().map(load).collect()
        };
        Ok(Kernels {
            forward: classes("forward", &EVALUATE)?,
            jet: classes("jet", &EVALUATE)?,
            step: classes("step", &TRAIN)?,
            trace: classes("trace", &EVALUATE)?,
            reduce_gradient: load("reduce_gradient")?,
            iterate_matrices: load("iterate_matrices")?,
            update_parameters: load("update_parameters")?,
            sum_curvature: load("sum_curvature")?,
        })
    }
    /// The `forward` kernel for networks of `width`.
    pub fn forward(&self, width: usize) -> &Classed {
        of_width(&self.forward, width)
    }
    /// The `jet` kernel for networks of `width`.
    pub fn jet(&self, width: usize) -> &Classed {
        of_width(&self.jet, width)
    }
    /// The `trace` kernel for networks of `width`.
    pub fn trace(&self, width: usize) -> &Classed {
        of_width(&self.trace, width)
    }
    /// The `step` kernel for networks of `width`.
    pub fn step(&self, width: usize) -> &Classed {
        of_width(&self.step, width)
    }
}

fn of_width(kernels: &[Classed], width: usize) -> &Classed {
    kernels.iter().find(|kernel| width <= 16 * kernel.class).unwrap_or(&kernels[kernels.len() - 1])
}

/// Numbers of staged weights in shared memory.
fn stage(class: usize) -> usize {
    let group = if class == 3 { 4 } else { class };
    DEPTH * (16 * group + 4)
}

/// Numbers of a layer's points, and whether its outputs need memory of their own beside its inputs.
fn layer(class: usize, width: usize) -> (usize, usize) {
    (width.next_multiple_of(16 * class) * STRIDE, usize::from(class == TRAIN[TRAIN.len() - 1]))
}

/// Bytes of shared memory of `forward`, `jet` and `trace`: staged weights and a layer of points.
pub(super) fn evaluate_bytes(class: usize, width: usize) -> usize {
    let (layer, spare) = layer(class, width);
    size_of::<f32>() * (stage(class) + (1 + spare) * layer)
}

/// Bytes of shared memory of `step` without phases and gradient: staged weights, a layer of points and a
/// layer of gradients.
pub(super) fn step_bytes(class: usize, width: usize) -> usize {
    let (layer, spare) = layer(class, width);
    size_of::<f32>() * (stage(class) + (2 + spare) * layer)
}

/// Bytes of shared memory for sums over a thread block.
pub(super) const SUM_BYTES: usize = UPDATERS as usize * size_of::<f64>();

/// Bytes of shared memory of `iterate_matrices`.
pub(super) const ITERATE_BYTES: usize = size_of::<f32>() * 2 * INNER * PANEL;

/// Bytes of shared memory of `sum_curvature`: the panels and two energies for each point.
pub(super) const CURVATURE_BYTES: usize = size_of::<f32>() * STAGED * (2 * PANEL + 2);

/// Bytes of shared memory of `update_parameters`, and numbers in global memory for each hidden layer: three
/// matrices are in either one or the other.
pub(super) fn update_room(width: usize) -> (usize, usize) {
    let matrices = 3 * width * width.next_multiple_of(4);
    match width {
        ..=WIDEST_SHARED_MATRIX => (SUM_BYTES + size_of::<f32>() * matrices, 0),
        _ => (SUM_BYTES, matrices + 4),
    }
}
