//! One SIREN per tile: places capacity by difficulty, trains, and quantizes.

use super::fit::Fit;
use super::groups::{Group, Groups};
use crate::backend::simd::BLOCK;
use crate::backend::trainer::{Run, Schedule, Turn};
use crate::container::QuantizedNetwork;
use crate::encoder::budget::Budget;
use crate::encoder::options::Phase;
use crate::encoder::plan;
use crate::encoder::progress::Stage;
use crate::encoder::session::Session;
use crate::encoder::tuning::*;
use crate::error::Result;
use crate::fit::{self, Dataset};
use crate::network::{Network, Shape};
use crate::quantize::{self, Fitted, HURRIED, Rounded, SAMPLED};
use crate::signal::Tiles;
use rayon::prelude::*;
use std::ops::Range;
use std::time::Instant;

/// The recipe for one SIREN per tile.
pub(crate) struct Siren<'a> {
    pub session: &'a Session<'a>,
    groups: Groups<'a>,
}

/// Networks to be trained.
struct Training<'a> {
    phase: Phase,
    tiles: &'a Tiles,
    /// The number of each tile and the shape of its network.
    networks: &'a [(usize, Shape)],
    /// Earlier networks of these tiles, if any: if the encode is stopped, the better ones are kept.
    before: &'a [Fitted],
    budget: Budget,
    /// Number of the attempt; each attempt at a tile starts from different networks.
    attempt: u64,
}

/// Capacity placed among tiles.
struct Placed {
    tiles: Tiles,
    shapes: Vec<Shape>,
    /// The networks of the placing fit, unmeasured, if one was made.
    networks: Vec<Fitted>,
}

/// Multiply-adds of `steps` iterations.
fn work(iterations: usize, shape: Shape) -> f64 {
    (iterations * BATCH_BLOCKS * BLOCK) as f64 * shape.macs() as f64
}

/// Of each tile the network with the lower loss.
fn better(networks: Vec<Fitted>, others: Vec<Fitted>) -> Vec<Fitted> {
    let better = |(network, other): (Fitted, Fitted)| {
        if other.loss.total < network.loss.total { other } else { network }
    };
    networks.into_iter().zip(others).map(better).collect()
}

impl<'a> Siren<'a> {
    pub fn new(session: &'a Session<'a>) -> Self {
        Siren { session, groups: Groups::new(session) }
    }

    /// Fits about `parameters` parameters, ready to be quantized.
    pub fn fit(&self, parameters: f64, budget: Budget) -> Result<Fit> {
        let Placed { tiles, shapes, networks } = self.place(parameters, budget)?;
        self.train_best(tiles, &shapes, &networks, budget)
    }

    /// Fits one network of the given shape per tile.
    pub fn fit_shapes(&self, tiles: Tiles, shapes: &[Shape], budget: Budget) -> Result<Fit> {
        self.train_best(tiles, shapes, &[], budget)
    }

    /// Fits like `fit`, but skips measuring the curvature, and of many tiles trains only a sample: enough to
    /// compare errors, not to quantize.
    pub fn probe(&self, parameters: f64, budget: Budget) -> Result<Fit> {
        let Placed { tiles, shapes, mut networks } = self.place(parameters, budget)?;
        let chosen = self.representative(&networks, shapes.len());
        let before: Vec<Fitted> = chosen.iter().filter_map(|&n| networks.get(n).cloned()).collect();
        let trained = self.train(&Training {
            phase: Phase::Probe,
            tiles: &tiles,
            networks: &chosen.iter().map(|&n| (n, shapes[n])).collect::<Vec<_>>(),
            before: &before,
            budget: budget.training(1.0),
            attempt: 0,
        })?;
        if networks.is_empty() {
            return Ok(Fit::new(tiles, trained, budget.passes));
        }
        // The other tiles are assumed to gain as much as the sampled ones.
        let sum = |networks: &[Fitted]| networks.iter().map(|fitted| fitted.loss.values).sum::<f64>();
        let gained = sum(&trained) / sum(&before).max(f64::MIN_POSITIVE);
        let error = sum(&networks) * gained;
        for (n, fitted) in chosen.into_iter().zip(trained) {
            networks[n] = fitted;
        }
        Ok(Fit { error, ..Fit::new(tiles, networks, budget.passes) })
    }

    /// The numbers of a sample of the tiles that represents the errors of their `networks`; all tiles if they
    /// are few.
    fn representative(&self, networks: &[Fitted], count: usize) -> Vec<usize> {
        let most = if self.session.trainer.is_parallel() { count } else { MOST_PROBED.max(count / 8) };
        if count <= most || networks.is_empty() {
            return (0..count).collect();
        }
        // Every `count / most`-th tile in order of difficulty.
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by(|&a, &b| networks[a].loss.total.total_cmp(&networks[b].loss.total));
        let mut chosen: Vec<usize> = (0..most).map(|k| order[(2 * k + 1) * count / (2 * most)]).collect();
        chosen.sort_unstable();
        chosen
    }

    /// Divides the signal into tiles and about `parameters` parameters among them, by difficulty.
    fn place(&self, parameters: f64, budget: Budget) -> Result<Placed> {
        let description = &self.session.signal.description;
        let (tiles, used) = self.tiles(parameters)?;
        let each = parameters / used.iter().filter(|used| **used).count().max(1) as f64;
        let layers = plan::layers(description.axes.len(), each);
        // A tile without a sample costs next to nothing.
        let of =
            |used: bool, parameters| plan::shape(description, layers, if used { parameters } else { 0.0 });
        let equal: Vec<Shape> = used.iter().map(|&used| of(used, each)).collect();
        if tiles.len() == 1 || budget.placing().passes < LEAST_PLACING {
            return Ok(Placed { tiles, shapes: equal, networks: vec![] });
        }
        let networks = self.train(&Training {
            phase: Phase::Probe,
            tiles: &tiles,
            networks: &equal.into_iter().enumerate().collect::<Vec<_>>(),
            before: &[],
            budget: budget.placing(),
            attempt: 0,
        })?;
        let errors = networks.iter().zip(&used).filter(|(_, used)| **used);
        let errors: Vec<f64> = errors.map(|(fitted, _)| fitted.loss.total).collect();
        let mut shares = plan::share(parameters, &errors).into_iter();
        let mut share = |used: bool| if used { shares.next().unwrap_or(0.0) } else { 0.0 };
        let shapes = used.iter().map(|&used| of(used, share(used))).collect();
        Ok(Placed { tiles, shapes, networks })
    }

    /// A partition for about `parameters` parameters, and of each tile whether it has a sample: as many tiles have as would
    /// be in a signal without missing samples.
    fn tiles(&self, parameters: f64) -> Result<(Tiles, Vec<bool>)> {
        let description = &self.session.signal.description;
        let used = |tiles: &Tiles| {
            let exists = |n| self.session.existing(tiles, n) > 0;
            (0..tiles.len()).map(exists).collect::<Vec<bool>>()
        };
        let mut tiles = plan::tiles(description, parameters)?;
        let mut are_used = used(&tiles);
        let count = are_used.iter().filter(|used| **used).count().max(1);
        if count < tiles.len() {
            tiles = plan::tiles(description, parameters * tiles.len() as f64 / count as f64)?;
            are_used = used(&tiles);
        }
        Ok((tiles, are_used))
    }

    /// Fits networks of these shapes; if the plan has several fits, each tile keeps its best.
    fn train_best(&self, tiles: Tiles, shapes: &[Shape], before: &[Fitted], budget: Budget) -> Result<Fit> {
        let networks: Vec<_> = shapes.iter().copied().enumerate().collect();
        let mut best: Vec<Fitted> = vec![];
        let fits = plan::fits(&self.session.signal.description, budget.effort);
        for (attempt, share) in fits.into_iter().enumerate() {
            let start = Instant::now();
            let trained = self.train(&Training {
                phase: Phase::Fit,
                tiles: &tiles,
                networks: &networks,
                before,
                budget: budget.training(share),
                attempt: attempt as u64,
            })?;
            best = if best.is_empty() { trained } else { better(best, trained) };
            // The remaining time must be enough for another fit and for the work after it.
            let another = 2 * start.elapsed();
            if self.session.meter.remaining().is_some_and(|left| left < another) {
                break;
            }
        }
        self.measured(Fit::new(tiles, best, budget.passes))
    }

    /// Trains networks and returns each with its loss and, except in probes, its curvature.
    fn train(&self, training: &Training<'_>) -> Result<Vec<Fitted>> {
        let Training { phase, tiles, networks, before, budget, .. } = *training;
        let session = self.session;
        let points: Vec<u64> = {
            let all = session.points(tiles);
            networks.iter().map(|&(n, _)| all[n]).collect()
        };
        let passes = session.evaluations() * budget.passes;
        let iterations: Vec<usize> = points.iter().map(|&points| plan::iterations(points, passes)).collect();
        let costs: Vec<u64> =
            networks.iter().zip(&points).map(|((_, shape), points)| shape.macs() as u64 * points).collect();
        let stage = |(i, &(n, shape)): (usize, &(usize, Shape))| {
            let points = session.existing(tiles, n);
            let mse = before.get(i).map_or(f64::NAN, |fitted| self.mse(fitted, points));
            Stage { points, iterations: iterations[i] as u64, work: work(iterations[i], shape), mse }
        };
        session.meter.begin(phase, networks.iter().enumerate().map(stage));
        self.groups.each(&points, &costs, budget.time, |range, turn| {
            let earlier = before.get(range.clone()).map(<[Fitted]>::to_vec);
            let attempt = || self.train_group(training, &iterations, range, turn);
            session.meter.improve(earlier, attempt, better)
        })
    }

    fn train_group(
        &self,
        training: &Training<'_>,
        iterations: &[usize],
        range: Range<usize>,
        turn: Turn,
    ) -> Result<Vec<Fitted>> {
        let Training { phase, tiles, networks, attempt, .. } = *training;
        let (meter, level) = (&self.session.meter, self.session.level);
        let numbers = networks[range.clone()].iter().map(|&(n, _)| n).collect();
        let group = self.groups.hold(tiles, numbers)?;
        let start = |(i, data): (usize, &Dataset)| {
            let (number, shape) = networks[i];
            self.prepared(number, data, shape, iterations[i], attempt)
        };
        let mut fits: Vec<(Network, Schedule)> =
            range.clone().into_par_iter().zip(&group.data).map(start).collect();
        let mut runs: Vec<Run<'_>> = fits
            .iter_mut()
            .enumerate()
            .map(|(points, (network, schedule))| Run { network, points, schedule: *schedule })
            .collect();
        group.resident.train(&mut runs, turn, &|run, iterations, mse| {
            meter.advance(range.start + run, iterations, mse * units(&group.data[run]))
        })?;
        range.for_each(|i| meter.end(i));
        let networks: Vec<Network> = fits.into_iter().map(|(network, _)| network).collect();
        if phase == Phase::Probe {
            let unmeasured = |(network, data)| Fitted::unmeasured(level, network, data);
            return Ok(networks.into_par_iter().zip(&group.data).map(unmeasured).collect());
        }
        self.measure(&group, networks)
    }

    /// The initial network and the schedule of one training attempt on a tile.
    fn prepared(
        &self,
        number: usize,
        data: &Dataset,
        shape: Shape,
        iterations: usize,
        attempt: u64,
    ) -> (Network, Schedule) {
        let mut rng = fastrand::Rng::with_seed(self.session.seed(number).wrapping_add(attempt << 32));
        let network = fit::initial_network(shape, data, &mut rng);
        let schedule = Schedule {
            iterations,
            blocks: BATCH_BLOCKS,
            rate: RATE,
            warmup: WARMUP,
            end: END,
            first_layer: 0,
            loss_of_mean: data.loss_of_mean(),
        };
        (network, schedule)
    }

    /// Measures the curvature of networks, on fewer blocks once the encode is stopped.
    fn measure(&self, group: &Group<'_>, networks: Vec<Network>) -> Result<Vec<Fitted>> {
        let blocks = if self.session.meter.stopped() { HURRIED } else { SAMPLED };
        quantize::measure(self.session.level, &*group.resident, networks, &group.data, blocks)
    }

    /// The fit with its curvature measured, so that it can be quantized.
    pub fn measured(&self, fit: Fit) -> Result<Fit> {
        if fit.networks.iter().all(Fitted::is_measured) {
            return Ok(fit);
        }
        let Fit { tiles, networks, passes, .. } = fit;
        let points = self.session.points(&tiles);
        let measured = self.groups.each(&points, &points, 1.0, |range, _| {
            let fitted = &networks[range.clone()];
            if fitted.iter().all(Fitted::is_measured) {
                return Ok(fitted.to_vec());
            }
            let group = self.groups.hold(&tiles, range.collect())?;
            self.measure(&group, fitted.iter().map(|fitted| fitted.network.clone()).collect())
        })?;
        // A probe may have estimated its error from a sample of the tiles.
        Ok(Fit::new(tiles, measured, passes))
    }

    /// The mean squared error of a network on a tile of `points` points.
    fn mse(&self, fitted: &Fitted, points: u64) -> f64 {
        fitted.loss.values / (points.max(1) as f64 * f64::from(self.session.signal.description.channels))
    }

    /// Rounds the networks of `fit` with an added error of `delta` per parameter, refitting the layers that
    /// are not rounded yet.
    pub fn quantize(&self, fit: &Fit, delta: f64) -> Result<Vec<QuantizedNetwork>> {
        let Session { meter, level, .. } = self.session;
        let points = self.session.points(&fit.tiles);
        let refits: Vec<Schedule> = fit
            .networks
            .iter()
            .zip(&points)
            .map(|(fitted, &points)| self.refit(fit, fitted, points))
            .collect();
        let sweeps = if fit.passes < PASSES_FOR_SWEEPS { 0 } else { SWEEPS };
        let stage = |(n, refit): (usize, &Schedule)| {
            let shape = fit.networks[n].network.shape();
            let evaluations = self.session.evaluations() * points[n] as f64;
            let pass = (evaluations / (BLOCK * BATCH_BLOCKS) as f64).ceil() as usize;
            let iterations = shape.layers * refit.iterations + sweeps * (shape.layers + 1) * pass;
            let all = self.session.existing(&fit.tiles, n);
            let mse = self.mse(&fit.networks[n], all);
            Stage { points: all, iterations: iterations as u64, work: work(iterations, shape), mse }
        };
        meter.begin(Phase::Quantize, refits.iter().enumerate().map(stage));
        let costs: Vec<u64> =
            fit.networks.iter().zip(&points).map(|(f, &n)| f.network.shape().macs() as u64 * n).collect();
        self.groups.each(&points, &costs, QUANTIZE_TIME, |range, turn| {
            if meter.stopped() {
                return Ok(fit.networks[range].iter().map(|fitted| fitted.rounded(delta)).collect());
            }
            let group = self.groups.hold(&fit.tiles, range.clone().collect())?;
            let tile = |(n, data)| Rounded { fitted: &fit.networks[n], data, refit: refits[n] };
            let tiles: Vec<Rounded<'_>> = range.clone().zip(&group.data).map(tile).collect();
            let observe = |tile: usize, iterations, mse: f64| {
                meter.advance(range.start + tile, iterations, mse * units(&group.data[tile]))
            };
            let networks =
                quantize::quantize(*level, &*group.resident, &tiles, delta, sweeps, turn, &observe)?;
            range.clone().for_each(|n| meter.end(n));
            Ok(networks)
        })
    }

    /// The schedule of the refit after each rounded layer of a network.
    fn refit(&self, fit: &Fit, fitted: &Fitted, points: u64) -> Schedule {
        let passes = (REFIT * fit.passes).min(MOST_REFIT);
        let iterations = plan::iterations(points, self.session.evaluations() * passes) as f64;
        Schedule {
            iterations: (iterations / fitted.network.shape().layers as f64) as usize,
            blocks: BATCH_BLOCKS,
            rate: REFIT_RATE,
            warmup: REFIT_WARMUP,
            end: REFIT_END,
            first_layer: 0,
            loss_of_mean: f64::INFINITY,
        }
    }
}

/// The factor from squared errors in units of training to squared errors in units of the signal.
fn units(data: &Dataset) -> f64 {
    f64::from(data.normalisation.scale).powi(2)
}
