//! Minibatch training of networks, with clipping, detection of divergence and rollback.

use crate::backend::simd::{BLOCK, Level, Workspace};
use crate::backend::trainer::{Points, Schedule, Turn};
use crate::backend::training::*;
use crate::fit::optimizer::Optimizer;
use crate::network::{Network, Shape};
use rayon::prelude::*;

/// What a training minimises: for each iteration a mean over numbers, whose gradient by each network is computed in
/// independent shares, as many for each number of threads.
pub(crate) trait Objective: Sync {
    /// The most shares of an iteration for each network.
    fn shares(&self) -> usize;
    /// Numbers that the mean of an iteration is over.
    fn count(&self, iteration: usize) -> usize;
    /// Adds the gradient of a share of an iteration by its network, times `scale`, to `gradient`, which is zero, and returns
    /// the share's part of the loss.
    fn add(
        &self,
        level: Level,
        networks: &[Network],
        part: Part,
        scale: f32,
        gradient: &mut [f32],
        workspace: &mut Workspace,
    ) -> f64;
}

/// A share of an iteration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub iteration: usize,
    /// The network by which the gradient is.
    pub network: usize,
    pub share: usize,
}

/// Blocks per share of the error of values.
const SHARE: usize = 4;

/// The weighted squared error of values at points, a batch in each iteration.
pub(crate) struct Values<'a> {
    points: &'a Points,
    batches: usize,
    first_layer: usize,
}

impl<'a> Values<'a> {
    /// In batches of `schedule.blocks` blocks, by the layers from `schedule.first_layer` on.
    pub fn new(points: &'a Points, schedule: &Schedule) -> Self {
        let batches = points.blocks().div_ceil(schedule.blocks).max(1);
        Values { points, batches, first_layer: schedule.first_layer }
    }

    fn blocks(&self, iteration: usize) -> std::ops::Range<usize> {
        let (batch, all) = (iteration % self.batches, self.points.blocks());
        batch * all / self.batches..(batch + 1) * all / self.batches
    }
}

impl Objective for Values<'_> {
    fn shares(&self) -> usize {
        self.points.blocks().div_ceil(self.batches).div_ceil(SHARE)
    }
    fn count(&self, iteration: usize) -> usize {
        self.blocks(iteration).len() * BLOCK * self.points.outputs / self.points.evaluations()
    }
    fn add(
        &self,
        level: Level,
        networks: &[Network],
        Part { iteration, network, share }: Part,
        scale: f32,
        gradient: &mut [f32],
        workspace: &mut Workspace,
    ) -> f64 {
        let blocks = self.blocks(iteration);
        let from = (blocks.start + share * SHARE).min(blocks.end);
        let mut part = self.points.batch(from..(from + SHARE).min(blocks.end));
        part.first_layer = self.first_layer;
        level.step(&networks[network], part, scale, gradient, workspace)
    }
}

/// Trains `networks`, all of one shape, in place and together; if `turn.alone`, the shares of a gradient are computed in
/// parallel. `observe` gets the iteration and the recent mean loss at intervals, and ends the training by returning false.
/// Returns the number of iterations.
pub(crate) fn train(
    level: Level,
    networks: &mut [Network],
    objective: &dyn Objective,
    schedule: &Schedule,
    turn: Turn,
    mut observe: impl FnMut(usize, f64) -> bool,
) -> usize {
    let shape = networks[0].shape();
    let shares = objective.shares();
    let mut workers: Vec<Worker> = (0..networks.len() * shares).map(|_| Worker::new(shape)).collect();
    let mut optimizers = vec![Optimizer::new(shape); networks.len()];
    let mut guard = Guard::new(networks, schedule.loss_of_mean);

    for iteration in 0..schedule.iterations {
        let position = schedule.position(iteration, turn.time);
        if position >= schedule.iterations as f32 {
            return iteration;
        }
        let count = objective.count(iteration).max(1);
        let now: &[Network] = networks;
        let one = |(number, worker): (usize, &mut Worker)| {
            worker.gradient.fill(0.0);
            let part = Part { iteration, network: number / shares, share: number % shares };
            let Worker { gradient, workspace, loss } = worker;
            *loss = objective.add(level, now, part, 1.0 / count as f32, gradient, workspace);
        };
        let of_network = |workers: &mut [Worker]| {
            let (sum, others) = workers.split_first_mut().expect("a share");
            for worker in others {
                sum.loss += worker.loss;
                sum.gradient.iter_mut().zip(&worker.gradient).for_each(|(sum, part)| *sum += part);
            }
        };
        if turn.alone {
            workers.par_iter_mut().enumerate().for_each(one);
            workers.par_chunks_mut(shares).for_each(of_network);
        } else {
            workers.iter_mut().enumerate().for_each(one);
            workers.chunks_mut(shares).for_each(of_network);
        }
        let loss: f64 = workers.iter().step_by(shares).map(|worker| worker.loss).sum();
        let mut gradients: Vec<&mut [f32]> =
            workers.iter_mut().step_by(shares).map(|worker| &mut worker.gradient[..]).collect();
        if guard.diverged(iteration, loss / count as f64, &mut gradients) {
            guard.restore(networks);
            optimizers.fill(Optimizer::new(shape));
            continue;
        }
        guard.keep(iteration, networks);
        let rate = guard.slow_down * schedule.rate(position);
        let step = |((network, optimizer), gradient): ((&mut Network, &mut Optimizer), &mut [f32])| {
            optimizer.step(level, network, gradient, rate, schedule.first_layer);
        };
        if turn.alone {
            let pairs = networks.par_iter_mut().zip(optimizers.par_iter_mut());
            pairs.zip(gradients).for_each(step);
        } else {
            networks.iter_mut().zip(&mut optimizers).zip(gradients).for_each(step);
        }
        if iteration % 32 == 0 && !observe(iteration, guard.recent) {
            return iteration + 1;
        }
    }
    schedule.iterations
}

/// What computes one share of a gradient.
struct Worker {
    gradient: Vec<f32>,
    loss: f64,
    workspace: Workspace,
}

impl Worker {
    fn new(shape: Shape) -> Self {
        Worker { gradient: vec![0.0; shape.parameters()], loss: 0.0, workspace: Workspace::default() }
    }
}

/// Watches the loss: clips unusually large gradients, saves a good state and decides when to return to it.
struct Guard {
    recent: f64,
    best: f64,
    /// Parameters of each network.
    best_parameters: Vec<Vec<f32>>,
    kept_at: usize,
    /// Iterations since the recent loss was near the best and below that of the mean.
    steps_above_best: usize,
    /// Loss of the mean.
    loss_of_mean: f64,
    norm: f64,
    /// Factor of the learning rate, lowered at every rollback.
    slow_down: f32,
}

impl Guard {
    fn new(networks: &[Network], loss_of_mean: f64) -> Self {
        Guard {
            recent: f64::INFINITY,
            best: f64::INFINITY,
            best_parameters: networks.iter().map(|network| network.parameters().to_vec()).collect(),
            kept_at: 0,
            steps_above_best: 0,
            loss_of_mean,
            norm: 0.0,
            slow_down: 1.0,
        }
    }

    /// Records the loss of `iteration`, clips `gradients` to a multiple of their usual norm, and returns
    /// whether training has diverged: the loss is not finite, or its recent mean is far above the best, or
    /// has been above the best or the loss of the mean for too long.
    fn diverged(&mut self, iteration: usize, mse: f64, gradients: &mut [&mut [f32]]) -> bool {
        let squares = gradients.iter().flat_map(|gradient| gradient.iter());
        let norm = squares.map(|&g| f64::from(g) * f64::from(g)).sum::<f64>().sqrt();
        if !mse.is_finite() || !norm.is_finite() {
            return true;
        }
        self.recent = if self.recent.is_finite() { self.recent + RECENT * (mse - self.recent) } else { mse };
        if self.norm > 0.0 && norm > CLIP * self.norm {
            let factor = (CLIP * self.norm / norm) as f32;
            gradients.iter_mut().for_each(|gradient| gradient.iter_mut().for_each(|g| *g *= factor));
        }
        let usual = if self.norm > 0.0 { norm.min(CLIP * self.norm) } else { norm };
        self.norm += if self.norm > 0.0 { USUAL * (usual - self.norm) } else { usual };
        let flat = self.recent > FLAT * self.loss_of_mean && self.slow_down > SLOWEST_FLAT;
        self.steps_above_best =
            if flat || self.recent > ABOVE_BEST * self.best { self.steps_above_best + 1 } else { 0 };
        iteration > SETTLING && (self.recent > LOST * self.best || self.steps_above_best > ABOVE_BEST_STEPS)
    }

    /// Saves the parameters if the recent loss is the best so far, but not at every iteration.
    fn keep(&mut self, iteration: usize, networks: &[Network]) {
        if self.recent < self.best && (iteration < SETTLING || iteration >= self.kept_at + SETTLING) {
            self.best = self.recent;
            for (kept, network) in self.best_parameters.iter_mut().zip(networks) {
                kept.copy_from_slice(network.parameters());
            }
            self.kept_at = iteration;
        }
    }

    /// Restores the saved parameters.
    fn restore(&mut self, networks: &mut [Network]) {
        for (kept, network) in self.best_parameters.iter().zip(networks) {
            network.parameters_mut().copy_from_slice(kept);
        }
        self.recent = self.best;
        self.steps_above_best = 0;
        self.norm = 0.0;
        self.slow_down *= SLOWER;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_that_stays_above_the_best_is_lost_and_a_spike_is_not() {
        let networks = [Network::zeros(Shape { inputs: 1, outputs: 1, layers: 1, width: 1 })];
        let mut guard = Guard::new(&networks, f64::INFINITY);
        let diverged = |guard: &mut Guard, iterations: std::ops::Range<usize>, mse: f64| {
            iterations.into_iter().find(|&iteration| {
                let diverged = guard.diverged(iteration, mse, &mut [&mut [1.0]]);
                guard.keep(iteration, &networks);
                diverged
            })
        };
        assert_eq!(diverged(&mut guard, 0..500, 1.0), None);
        assert_eq!(diverged(&mut guard, 500..750, 1.6), None);
        assert_eq!(diverged(&mut guard, 750..1000, 1.0), None);
        assert!(
            diverged(&mut guard, 1000..1500, 1.6)
                .is_some_and(|iteration| iteration >= 1000 + ABOVE_BEST_STEPS)
        );
        assert!(diverged(&mut guard, 1500..1600, 4.0).is_some());
    }
}
