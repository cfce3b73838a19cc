//! Trains many networks together: each iteration is three launches, whatever the number of networks.

#![allow(unsafe_code)]

use super::constants::{THREADS, UPDATERS};
use super::driver::{Device, Stream};
use super::job::{Job, Resident, State};
use super::kernels::{self, Kernels};
use super::samples::DeviceSamples;
use crate::backend::simd::ITERATIONS;
use crate::backend::trainer::{Allowance, Schedule};
use crate::network::Network;
use cudarc::driver::{CudaFunction, CudaSlice, DevicePtr, DriverError, LaunchConfig, PushKernelArg};
use std::time::{Duration, Instant};

/// Iterations between two reads of the loss.
const INTERVAL: usize = 64;

/// A network to be trained in place, and the points it is trained on.
pub(super) struct Fit<'a> {
    pub network: &'a mut Network,
    pub samples: &'a DeviceSamples,
    pub schedule: Schedule,
}

/// Trains all `fits`. `observe` gets the number of a fit, its iterations so far and its recent mean squared
/// error at intervals, and ends the training by returning false.
pub(super) fn train(
    device: &Device,
    kernels: &Kernels,
    fits: &mut [Fit<'_>],
    time: Option<&Allowance>,
    mut observe: impl FnMut(usize, usize, f64) -> bool,
) -> Result<(), DriverError> {
    let iterations = fits.iter().map(|fit| fit.schedule.iterations).max().unwrap_or(0);
    let mut groups = Group::of_fits(device, kernels, fits)?;
    for iteration in 0..iterations {
        let passed = time.map_or(0.0, Allowance::passed);
        for group in &mut groups {
            group.step(kernels, iteration % 2, passed as f32)?;
        }
        if (iteration + 1) % INTERVAL == 0 || iteration + 1 == iterations {
            let (mut finished, mut go_on) = (true, true);
            for group in &groups {
                for (&fit, state) in group.fits.iter().zip(group.states((iteration + 1) % 2)?) {
                    let schedule = &fits[fit].schedule;
                    let done = (state.step.max(0) as usize).min(schedule.iterations);
                    finished &= done == schedule.iterations;
                    go_on &= observe(fit, done, state.recent);
                }
            }
            if finished || !go_on {
                break;
            }
        }
    }
    for group in &groups {
        for (&fit, resident) in group.fits.iter().zip(&group.residents) {
            fits[fit].network.parameters_mut().copy_from_slice(&resident.parameters(&group.stream)?);
        }
    }
    Ok(())
}

/// The sum `Σ_p weight_p · Σ_c (value − target)²` over all samples, and the gradient of its mean over `p` and
/// `c`.
pub(super) fn step(
    device: &Device,
    kernels: &Kernels,
    mut fit: Fit<'_>,
) -> Result<(f64, Vec<f32>), DriverError> {
    let group = &mut Group::of_fits(device, kernels, std::slice::from_mut(&mut fit))?[0];
    group.launch_step(0)?;
    group.launch_reduce(kernels, 0)?;
    group.residents[0].gradient(&group.stream)
}

/// Wall-clock time of computing [`step`] `steps` times on samples that are already on the device.
pub(super) fn time_steps(
    device: &Device,
    kernels: &Kernels,
    mut fit: Fit<'_>,
    steps: usize,
) -> Result<Duration, DriverError> {
    let group = &mut Group::of_fits(device, kernels, std::slice::from_mut(&mut fit))?[0];
    group.stream.synchronize()?;
    let start = Instant::now();
    for _ in 0..steps {
        group.launch_step(0)?;
        group.launch_reduce(kernels, 0)?;
    }
    group.stream.synchronize()?;
    Ok(start.elapsed())
}

/// Networks of one class of width, on their own stream.
struct Group {
    stream: Stream,
    step: CudaFunction,
    /// Indices of the fits.
    fits: Vec<usize>,
    residents: Vec<Resident>,
    jobs: CudaSlice<Job>,
    /// Two states of each network.
    states: CudaSlice<State>,
    shares: usize,
    chunks: usize,
    layers: usize,
    /// Thread blocks for each hidden matrix of the widest network, if its Muon iterations are launches of
    /// their own.
    matrix_tiles: usize,
    /// Bytes of shared memory of a thread block.
    step_bytes: usize,
    update_bytes: usize,
}

impl Group {
    /// Divides the fits into groups by class.
    fn of_fits(device: &Device, kernels: &Kernels, fits: &[Fit<'_>]) -> Result<Vec<Self>, DriverError> {
        let class = |fit: usize| kernels.step(fits[fit].network.shape().width).class;
        let mut order: Vec<usize> =
            (0..fits.len()).filter(|&fit| fits[fit].schedule.iterations > 0).collect();
        order.sort_by_key(|&fit| class(fit));
        let groups = order.chunk_by(|&a, &b| class(a) == class(b));
        groups.map(|members| Group::new(device, kernels, fits, members.to_vec())).collect()
    }

    fn new(
        device: &Device,
        kernels: &Kernels,
        fits: &[Fit<'_>],
        members: Vec<usize>,
    ) -> Result<Self, DriverError> {
        let stream = device.stream()?;
        let kernel = kernels.step(fits[members[0]].network.shape().width);
        let residents: Vec<Resident> = members
            .iter()
            .map(|&fit| {
                let Fit { network, samples, schedule } = &fits[fit];
                let network = (network.shape(), network.parameters());
                Resident::new(device, &stream, network, kernel.class, samples.blocks(), schedule)
            })
            .collect::<Result<_, _>>()?;
        let states = stream.upload(&vec![State::START; 2 * members.len()])?;
        let (base, _) = states.device_ptr(&stream);
        let jobs: Vec<Job> = residents
            .iter()
            .zip(&members)
            .enumerate()
            .map(|(n, (resident, &fit))| {
                let own = base + (2 * n * size_of::<State>()) as u64;
                let Fit { samples, schedule, .. } = &fits[fit];
                resident.job(&stream, samples, schedule, own)
            })
            .collect();
        let most = |of: &dyn Fn(&Resident) -> usize| residents.iter().map(of).max().unwrap_or(0);
        Ok(Group {
            step: kernel.function.clone(),
            shares: most(&Resident::shares),
            chunks: most(&|r| r.shape().parameters().div_ceil(UPDATERS as usize)),
            layers: most(&|r| r.shape().layers),
            matrix_tiles: most(&Resident::matrix_tiles),
            step_bytes: most(&|r| r.shared_bytes().0),
            update_bytes: most(&|r| r.shared_bytes().1),
            jobs: stream.upload(&jobs)?,
            fits: members,
            states,
            residents,
            stream,
        })
    }

    /// One iteration of all networks, which reads state `turn` of each and writes the other.
    fn step(&mut self, kernels: &Kernels, turn: usize, passed: f32) -> Result<(), DriverError> {
        self.launch_step(turn)?;
        self.launch_reduce(kernels, turn)?;
        let turn = turn as i32;
        let mut launch = self.stream.launch_builder(&kernels.update_parameters);
        launch.arg(&self.jobs).arg(&turn).arg(&passed);
        // SAFETY: the arguments are those of the kernel; block 0 and one per hidden matrix, and the jobs name
        // memory that `residents`, `states` and the samples of the fits hold.
        unsafe { launch.launch(self.grid(self.layers.max(1), UPDATERS, self.update_bytes)) }?;
        if self.matrix_tiles > 0 {
            self.launch_iterations(kernels)?;
        }
        Ok(())
    }

    fn launch_iterations(&mut self, kernels: &Kernels) -> Result<(), DriverError> {
        let hidden = self.layers as i32 - 1;
        let mut grid = self.grid(self.matrix_tiles, UPDATERS, kernels::ITERATE_BYTES);
        grid.grid_dim.1 *= hidden as u32;
        for iteration in 0..ITERATIONS as i32 {
            for product in 0..kernels::PRODUCTS {
                let mut launch = self.stream.launch_builder(&kernels.iterate_matrices);
                launch.arg(&self.jobs).arg(&hidden).arg(&iteration).arg(&product);
                // SAFETY: the arguments are those of the kernel; a block per tile, in rows one per hidden
                // matrix of each network, of which there is at least one.
                unsafe { launch.launch(grid) }?;
            }
        }
        Ok(())
    }

    fn launch_step(&mut self, turn: usize) -> Result<(), DriverError> {
        let turn = turn as i32;
        let mut launch = self.stream.launch_builder(&self.step);
        launch.arg(&self.jobs).arg(&turn);
        // SAFETY: the arguments are those of the kernel, whose class is that of the networks; the shared
        // memory is the maximum over the networks.
        unsafe { launch.launch(self.grid(self.shares, THREADS, self.step_bytes)) }?;
        Ok(())
    }

    fn launch_reduce(&mut self, kernels: &Kernels, turn: usize) -> Result<(), DriverError> {
        let turn = turn as i32;
        let mut launch = self.stream.launch_builder(&kernels.reduce_gradient);
        launch.arg(&self.jobs).arg(&turn);
        // SAFETY: the arguments are those of the kernel; one block per 256 parameters.
        unsafe { launch.launch(self.grid(self.chunks, UPDATERS, kernels::SUM_BYTES)) }?;
        Ok(())
    }

    fn grid(&self, blocks: usize, threads: u32, shared: usize) -> LaunchConfig {
        LaunchConfig {
            grid_dim: (blocks as u32, self.residents.len() as u32, 1),
            block_dim: (threads, 1, 1),
            shared_mem_bytes: shared as u32,
        }
    }

    /// The states written by the last iteration, one per network.
    fn states(&self, turn: usize) -> Result<impl Iterator<Item = State>, DriverError> {
        Ok(self.stream.download(&self.states)?.into_iter().skip(turn).step_by(2))
    }
}
