//! The CUDA backend: kernels in CUDA C++, embedded as PTX and run through the driver alone.
//!
//! Building needs no toolkit, and running needs only a driver, which is searched for when a device is opened.
//! [`Cuda::forward`] and [`Cuda::jet`] give the same bits as [`Level`](crate::backend::simd::Level), except
//! that the bits of NaN, which only huge weights produce, depend on the processor. A fit on the device finds
//! different parameters than on the CPU, the same ones in every run.
//!
//! The tests also compile the kernels for the host and compare them with the CPU.

mod check;
mod constants;
mod curvature;
mod driver;
mod job;
mod kernels;
mod samples;
mod train;
mod trainer;

#[cfg(all(test, target_os = "linux"))]
pub(crate) mod tests;

use curvature::CurvatureOf;
use samples::DeviceSamples;
use train::Fit;

use crate::backend::simd::{BLOCK, Batch};
use crate::backend::trainer::{Allowance, Schedule};
use crate::container::MAX_DEPTH;
use crate::error::{Error, Result};
use crate::network::{Jet, Network, Shape};
use constants::{POINTS, THREADS};
use cudarc::driver::sys::CUresult;
use cudarc::driver::{DriverError, LaunchConfig, PushKernelArg};
use driver::Device;
use kernels::Kernels;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The most points per call: the kernels index numbers in 31 bits, with up to 8 rows of inputs or outputs and
/// 15 components of jets.
const MOST_POINTS: usize = 1 << 24;

/// A CUDA device with the kernels loaded.
#[derive(Debug)]
pub struct Cuda {
    index: u32,
    device: Device,
    kernels: Kernels,
    /// Whether it failed in a way that lasts as long as its context.
    failed: AtomicBool,
}

impl Cuda {
    /// Opens the device `index`, in the numbering of the driver.
    ///
    /// # Errors
    /// `Device` if there is no driver or no such device, if either is too old, or if the device computes
    /// wrong results.
    pub fn open(index: u32) -> Result<Self> {
        let failed = |detail| Error::Device { device: format!("cuda:{index}"), detail };
        let device = driver::open(index).map_err(failed)?;
        let kernels = Kernels::load(&device)
            .map_err(|error| failed(format!("the kernels do not load: {}", driver::describe(error))))?;
        let cuda = Cuda { index, device, kernels, failed: AtomicBool::new(false) };
        cuda.check_answers()?;
        Ok(cuda)
    }

    /// The device `index`, opened at the first call and kept until it fails. Then the next call opens it
    /// again, with a new context once nobody holds the old one.
    pub(crate) fn shared(index: u32) -> Result<Arc<Self>> {
        let mut open = Self::open_devices();
        if let Some(cuda) = open.iter().find(|cuda| cuda.index == index) {
            return Ok(cuda.clone());
        }
        let cuda = Arc::new(Cuda::open(index)?);
        open.push(cuda.clone());
        Ok(cuda)
    }

    /// Whether the device `index` is not open yet, and a driver is installed.
    pub(crate) fn takes_start(index: u32) -> bool {
        Self::open_devices().iter().all(|cuda| cuda.index != index) && driver::is_installed()
    }

    /// The devices that are open and have not failed.
    fn open_devices() -> MutexGuard<'static, Vec<Arc<Self>>> {
        static OPEN: Mutex<Vec<Arc<Cuda>>> = Mutex::new(vec![]);
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|cuda| !cuda.failed.load(Ordering::Relaxed));
        open
    }

    /// The widest network that the shared memory of the device allows: 384 with 227 KiB of it, 128 with 99
    /// KiB.
    pub fn widest(&self) -> usize {
        let fits = |width: &usize| kernels::step_bytes(8, *width) <= self.device.shared_memory;
        (1..).map(|passes| 128 * passes).take_while(fits).last().unwrap_or(64)
    }

    /// Values of `network`: `coordinates` holds `inputs × BLOCK` numbers per block, the result `outputs ×
    /// BLOCK`. The bits are those of [`Network::evaluate`], except those of NaN.
    ///
    /// # Errors
    /// `Device` if the network is wider than [`Cuda::widest`] or deeper than 64 layers, if its inputs or
    /// outputs are none or more than 8, or if the device fails.
    ///
    /// # Panics
    /// If the coordinates are not whole blocks.
    pub fn forward(&self, network: &Network, coordinates: &[f32]) -> Result<Vec<f32>> {
        self.blocks(network.shape(), coordinates)?;
        self.evaluate(network, coordinates, Jet::Value)
    }

    /// Values and derivatives of `network` by its own coordinates, `components × outputs × BLOCK` per block,
    /// with the same bits as [`Level::jet`](crate::backend::simd::Level::jet), except those of NaN.
    ///
    /// # Errors
    /// The errors of [`Cuda::forward`].
    ///
    /// # Panics
    /// If the network has no inputs or more than 4, or the coordinates are not whole blocks.
    pub fn jet(&self, network: &Network, coordinates: &[f32], jet: Jet) -> Result<Vec<f32>> {
        let shape = network.shape();
        assert!((1..=4).contains(&shape.inputs), "a jet in {} inputs, expected 1 to 4", shape.inputs);
        self.blocks(shape, coordinates)?;
        self.evaluate(network, coordinates, jet)
    }

    /// The error `Σ_p weight_p · Σ_c (value − target)²` over `batch`, and the gradient of its mean over `p`
    /// and `c`, from layer `batch.first_layer` on.
    ///
    /// # Errors
    /// The errors of [`Cuda::forward`], and `Device` for more than 2²⁴ points.
    ///
    /// # Panics
    /// If the slices are not whole blocks of equal number, or the network has no layer `batch.first_layer`.
    pub fn step(&self, network: &Network, batch: Batch<'_>) -> Result<(f64, Vec<f32>)> {
        self.check_batch(network, batch)?;
        if batch.weights.is_empty() {
            return Ok((0.0, vec![0.0; network.shape().parameters()]));
        }
        self.once(network, batch, |fit| train::step(&self.device, &self.kernels, fit))
    }

    /// Wall-clock time of computing [`Cuda::step`] `steps` times on samples that are already on the device.
    ///
    /// Hidden from the documentation, since only benchmarks use it.
    ///
    /// # Errors
    /// The errors of [`Cuda::forward`].
    ///
    /// # Panics
    /// Like [`Cuda::step`], or if there are no samples.
    #[doc(hidden)]
    pub fn time_steps(&self, network: &Network, batch: Batch<'_>, steps: usize) -> Result<Duration> {
        self.once(network, batch, |fit| train::time_steps(&self.device, &self.kernels, fit, steps))
    }

    /// Peak performance of the device in binary32, in operations per second: two for each lane and cycle.
    ///
    /// Hidden from the documentation, since only benchmarks use it.
    ///
    /// # Errors
    /// `Device` if the driver does not report it.
    #[doc(hidden)]
    pub fn peak(&self) -> Result<f64> {
        self.device.peak().map_err(|error| self.failed(error))
    }

    /// Uploads `batch`, which must not be empty, for fits and curvatures of networks on it until the result
    /// is dropped.
    ///
    /// # Errors
    /// `Device` if there are more than 2²⁴ points, or the device fails or has not enough memory.
    fn upload(&self, batch: Batch<'_>) -> Result<DeviceSamples> {
        let points = batch.weights.len();
        if points > MOST_POINTS {
            let detail = format!("{points} points of one network, expected at most {MOST_POINTS}; use cpu");
            return Err(Error::Device { device: self.device_name(), detail });
        }
        DeviceSamples::new(&self.device, batch).map_err(|error| self.failed(error))
    }

    /// Runs `work` on a single fit of `network` on `batch`.
    fn once<T>(
        &self,
        network: &Network,
        batch: Batch<'_>,
        work: impl FnOnce(Fit<'_>) -> std::result::Result<T, DriverError>,
    ) -> Result<T> {
        self.check_batch(network, batch)?;
        let samples = &self.upload(batch)?;
        let schedule = Schedule {
            iterations: 1,
            blocks: samples.blocks(),
            rate: 0.0,
            warmup: 0.0,
            end: 0.0,
            first_layer: batch.first_layer,
            loss_of_mean: f64::INFINITY,
        };
        let fit = Fit { network: &mut network.clone(), samples, schedule };
        work(fit).map_err(|error| self.failed(error))
    }

    /// Rejects a batch that does not match `network`.
    fn check_batch(&self, network: &Network, batch: Batch<'_>) -> Result<()> {
        let Batch { coordinates, targets, weights, first_layer, .. } = batch;
        let blocks = self.blocks(network.shape(), coordinates)?;
        assert_eq!(targets.len(), blocks * network.shape().outputs * BLOCK);
        assert_eq!(weights.len(), blocks * BLOCK);
        // The backward pass of the kernels ends at this layer, so it must exist.
        let layers = network.shape().layers;
        assert!(first_layer <= layers, "first layer {first_layer}, expected 0 to {layers}");
        Ok(())
    }

    /// Trains all `fits` side by side; each gets the same bits as alone. `observe` gets the number of a fit,
    /// its iterations so far and its recent mean squared error at intervals, and ends the training by
    /// returning false.
    ///
    /// # Errors
    /// `Device` if a network is wider than [`Cuda::widest`] or the device fails; the networks are then
    /// unchanged.
    fn train(
        &self,
        fits: &mut [Fit<'_>],
        time: Option<&Allowance>,
        observe: impl FnMut(usize, usize, f64) -> bool,
    ) -> Result<()> {
        for fit in fits.iter() {
            self.check(fit.network.shape())?;
        }
        train::train(&self.device, &self.kernels, fits, time, observe).map_err(|error| self.failed(error))
    }

    /// Curvature matrices of each layer, `groups × (inputs + 1)²`, row by row: for each group of outputs the
    /// mean of `Σ_p energy · x xᵀ`, as [`crate::quantize`] uses it. Each has the same bits as alone.
    ///
    /// # Errors
    /// The errors of [`Cuda::forward`].
    fn curvatures(&self, of: &[CurvatureOf<'_>]) -> Result<Vec<Vec<f64>>> {
        for of in of {
            self.check(of.network.shape())?;
        }
        curvature::curvatures(&self.device, &self.kernels, of).map_err(|error| self.failed(error))
    }

    /// Values or jets at whole blocks of points, as many per launch as the kernels can index.
    fn evaluate(&self, network: &Network, coordinates: &[f32], jet: Jet) -> Result<Vec<f32>> {
        let Shape { inputs, outputs, .. } = network.shape();
        let numbers = outputs * jet.components(inputs);
        let mut values = Vec::with_capacity(coordinates.len() / inputs * numbers);
        for coordinates in coordinates.chunks(MOST_POINTS * inputs) {
            let part = coordinates.len() / inputs * numbers;
            let part = self.launch_evaluate(network, coordinates, jet, part);
            values.extend(part.map_err(|error| self.failed(error))?);
        }
        Ok(values)
    }

    #[allow(unsafe_code)]
    fn launch_evaluate(
        &self,
        network: &Network,
        coordinates: &[f32],
        jet: Jet,
        values: usize,
    ) -> std::result::Result<Vec<f32>, DriverError> {
        let Shape { inputs, outputs, layers, width } = network.shape();
        let shape = [inputs, outputs, layers, width].map(|n| n as i32);
        let points = coordinates.len() / inputs;
        let stream = self.device.stream()?;
        let parameters = stream.upload(network.parameters())?;
        let coordinates = stream.upload(coordinates)?;
        let mut out = stream.alloc_zeros::<f32>(values)?;
        let kernel = match jet {
            Jet::Value => self.kernels.forward(width),
            _ => self.kernels.jet(width),
        };
        let grid = |parts: usize| LaunchConfig {
            grid_dim: (parts as u32, 1, 1),
            block_dim: (THREADS, 1, 1),
            shared_mem_bytes: kernels::evaluate_bytes(kernel.class, width) as u32,
        };
        let mut launch = stream.launch_builder(&kernel.function);
        launch.arg(&shape).arg(&parameters).arg(&coordinates);
        match jet {
            // SAFETY: the arguments are those of `forward`: coordinates and values of as many points as the
            // grid covers.
            Jet::Value => unsafe { launch.arg(&mut out).launch(grid(points / POINTS)) }?,
            Jet::Gradient | Jet::Laplacian | Jet::Hessian => {
                // The kernel numbers derivatives from the gradient on.
                let (derivatives, count) = (jet as i32 - Jet::Gradient as i32, points as i32);
                let parts = points.div_ceil(POINTS / jet.components(inputs));
                launch.arg(&derivatives).arg(&count).arg(&mut out);
                // SAFETY: the arguments are those of `jet`, which stops at `count` points.
                unsafe { launch.launch(grid(parts)) }?
            }
        };
        stream.download(&out)
    }

    /// The number of blocks in `coordinates`.
    fn blocks(&self, shape: Shape, coordinates: &[f32]) -> Result<usize> {
        self.check(shape)?;
        let block = shape.inputs * BLOCK;
        assert!(
            block > 0 && coordinates.len().is_multiple_of(block),
            "{} coordinates, expected whole blocks of {block}",
            coordinates.len()
        );
        Ok(coordinates.len() / block)
    }

    /// Rejects shapes that the kernels do not support.
    pub(crate) fn check(&self, shape: Shape) -> Result<()> {
        let Shape { inputs, outputs, layers, width } = shape;
        let detail = if width > self.widest() {
            format!("a network {width} wide, expected at most {}; use cpu", self.widest())
        } else if !(1..=8).contains(&inputs) || !(1..=8).contains(&outputs) || width == 0 {
            format!(
                "a network of {inputs} inputs, {width} neurons and {outputs} outputs, expected 1 to 8 in- and outputs"
            )
        } else if !(1..=usize::from(MAX_DEPTH)).contains(&layers) {
            format!("a network of {layers} layers, expected 1 to {MAX_DEPTH}")
        } else {
            return Ok(());
        };
        Err(Error::Device { device: self.device_name(), detail })
    }

    fn device_name(&self) -> String {
        format!("cuda:{}", self.index)
    }

    fn failed(&self, error: DriverError) -> Error {
        if error.0 != CUresult::CUDA_ERROR_OUT_OF_MEMORY {
            self.failed.store(true, Ordering::Relaxed);
        }
        Error::Device { device: self.device_name(), detail: driver::describe(error) }
    }
}

/// Displays as `cuda:0 (NVIDIA H100)`.
impl fmt::Display for Cuda {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.device_name(), self.device.name)
    }
}
