//! The stages of an encode — fit, quantize, assemble — each over all tiles at once.

#[cfg(feature = "cuda")]
use super::device::Gpu;
use super::meter::Meter;
use super::options::{EncodeOptions, Phase, WeightCoding};
use super::pace::Pace;
use super::plan::{self, BATCH_BLOCKS};
use crate::backend::simd::{BLOCK, Batch, Level, Workspace};
use crate::container::{self, File, Networks, QuantizedNetwork};
use crate::decoder::Decoder;
use crate::error::Result;
use crate::fit::{self, Allowance, Dataset, GradientTerm, Loss, Schedule};
use crate::limits::Limits;
use crate::network::{Network, Shape};
use crate::quantize::Fitted;
use crate::signal::metric::ErrorSum;
use crate::signal::{Grid, Signal, Tiles};
use rayon::prelude::*;
use std::time::Instant;

/// Peak learning rate, radians.
const RATE: f32 = 0.045;
/// Work of the probe that places capacity, relative to the fit.
const PROBE: f64 = 0.06;
/// The fewest passes that such a probe is worth, which only a time limit leaves less of.
const LEAST_PROBE: f64 = 0.4;
/// Work of all refits during quantization, relative to the fit.
const REFIT: f64 = 0.3;
/// The most passes that they take: with sweeps behind them more gain nothing.
const MOST_REFIT: f64 = 96.0;
/// Sweeps over the rounded layers.
const SWEEPS: usize = 2;
/// Passes of a fit that sweeps are worth their time after: they take as long as about 50 passes, which gain more
/// where there are few.
const PASSES_FOR_SWEEPS: f64 = 250.0;
/// Where time is limited: the shares of what is left that a probe, the fit and one quantization may take.
const PROBE_TIME: f64 = 0.06;
const FIT_TIME: f64 = 0.75;
const QUANTIZE_TIME: f64 = 0.9;

/// One encode: what every stage needs.
pub(crate) struct Session<'a> {
    pub signal: &'a Signal,
    pub options: &'a EncodeOptions,
    pub meter: Meter<'a>,
    pub level: Level,
    /// Fits run here if there is one.
    #[cfg(feature = "cuda")]
    pub gpu: Option<Gpu<'a>>,
}

/// Trained networks over a partition.
pub(crate) struct Fit {
    pub tiles: Tiles,
    pub networks: Vec<Fitted>,
    /// Squared error in unit values, summed over positions and channels.
    pub error: f64,
    /// The same with the gradient term.
    pub loss: f64,
    /// Passes over the samples it was trained for.
    pub passes: f64,
}

impl Fit {
    fn new(tiles: Tiles, trained: Vec<(Fitted, Loss)>, passes: f64) -> Self {
        let error = trained.iter().map(|(_, loss)| loss.values).sum();
        let loss = trained.iter().map(|(_, loss)| loss.total).sum();
        let networks = trained.into_iter().map(|(fitted, _)| fitted).collect();
        Fit { tiles, networks, error, loss, passes }
    }
    /// Parameters of all networks.
    pub fn parameters(&self) -> usize {
        self.networks.iter().map(|fitted| fitted.network.parameters().len()).sum()
    }
    /// Every parameter rounded to the nearest multiple of its step at `delta`.
    pub fn rounded(&self, delta: f64) -> Vec<QuantizedNetwork> {
        self.networks.par_iter().map(|fitted| fitted.rounded(delta)).collect()
    }
}

/// Replaces the networks of tiles that `others` leave less of the loss for.
fn keep_better(networks: &mut [(Fitted, Loss)], others: Vec<(Fitted, Loss)>) {
    for (network, other) in networks.iter_mut().zip(others) {
        if other.1.total < network.1.total {
            *network = other;
        }
    }
}

/// What a probe of equal networks leads to.
enum Placed {
    /// The shapes that are to be fitted, and the probe, if there was one.
    Shapes(Tiles, Vec<Shape>, Vec<(Fitted, Loss)>),
    /// The probe itself, not measured: the meter has stopped, so that nothing can be trained longer.
    BrokenOff(Fit),
}

/// Finished bytes and the PSNR they decode to.
pub(crate) struct Finished {
    pub bytes: Vec<u8>,
    pub psnr_db: f64,
}

impl Session<'_> {
    /// `passes`, or about as many as the time limit leaves room for, judged by a few training steps. Keeps time for
    /// rendering what was fitted: here, and by who verifies the file.
    pub fn affordable(&self, passes: f64) -> f64 {
        const STEPS: u32 = 20;
        /// What is too long for its time is cut short, what is too short is not drawn out.
        const SURPLUS: f64 = 1.15;
        const RENDERINGS: u32 = 2;
        if !self.meter.is_limited() {
            return passes;
        }
        // The steps below are the CPU's. A device's schedules keep to the time by themselves.
        #[cfg(feature = "cuda")]
        if self.gpu.is_some() {
            return passes;
        }
        let description = &self.signal.description;
        let shape = plan::usual_shape(description);
        let points = BATCH_BLOCKS * BLOCK;
        let [coordinates, targets] = [shape.inputs, shape.outputs].map(|rows| vec![0.5; rows * points]);
        let (network, weights) = (Network::zeros(shape), vec![1.0; points]);
        let (mut gradient, mut workspace) = (vec![0.0; shape.parameters()], Workspace::default());
        let start = Instant::now();
        for _ in 0..STEPS {
            let batch = Batch {
                coordinates: &coordinates,
                targets: &targets,
                weights: &weights,
                first_layer: 0,
                paired: false,
            };
            self.level.step(&network, batch, 0.0, &mut gradient, &mut workspace);
        }
        let evaluations = self.evaluations() * description.positions() as f64;
        let pass = (start.elapsed() / STEPS).mul_f64(evaluations / points as f64)
            / rayon::current_num_threads() as u32;
        // A rendering and its comparison with the signal take as long as two passes on two threads: its products are a
        // third of one, seams, rows and sums the rest.
        self.meter.reserve(2 * RENDERINGS * pass);
        let left = self.meter.remaining().unwrap_or_default();
        passes.min(SURPLUS * FIT_TIME * left.as_secs_f64() / pass.as_secs_f64())
    }

    /// Fits about `parameters` parameters in `passes` passes over the samples, within `time` of what the time limit
    /// leaves for fits (0 to 1).
    pub fn fit(&self, parameters: f64, passes: f64, time: f64) -> Result<Fit> {
        match self.placed(parameters, passes, time)? {
            Placed::Shapes(tiles, shapes, probe) => {
                let mut fit = self.fit_trained(&tiles, &shapes, passes, time)?;
                // What was broken off before it began is worse than its probe.
                if self.meter.stopped() {
                    keep_better(&mut fit, probe);
                }
                Ok(self.measured(Fit::new(tiles, fit, passes)))
            }
            Placed::BrokenOff(fit) => Ok(self.measured(fit)),
        }
    }

    /// Such a fit of which only the error is asked for: its curvature is not measured.
    pub fn probe(&self, parameters: f64, passes: f64, time: f64) -> Result<Fit> {
        match self.placed(parameters, passes, time)? {
            Placed::Shapes(tiles, shapes, _) => {
                let trained = self.train(Phase::Probe, &tiles, &shapes, passes, FIT_TIME * time, 0)?;
                Ok(Fit::new(tiles, trained, passes))
            }
            Placed::BrokenOff(fit) => Ok(fit),
        }
    }

    /// A fit or probe whose curvature is measured, so that it can be quantized.
    pub fn measured(&self, fit: Fit) -> Fit {
        let Fit { tiles, networks, .. } = fit;
        let measure = |(number, fitted): (usize, Fitted)| match fitted.is_measured() {
            true => fitted,
            false => Fitted::new(self.level, fitted.network, &self.dataset(&tiles, number)),
        };
        let networks = networks.into_par_iter().enumerate().map(measure).collect();
        Fit { tiles, networks, ..fit }
    }

    /// Tiles, and networks of about `parameters` parameters in all, as many in each as it is difficult.
    fn placed(&self, parameters: f64, passes: f64, time: f64) -> Result<Placed> {
        let tiles = plan::tiles(&self.signal.description, parameters)?;
        let each = parameters / tiles.len() as f64;
        let layers = plan::layers(self.signal.description.kind, each);
        let equal = vec![plan::shape(&self.signal.description, layers, each); tiles.len()];
        if tiles.len() == 1 || PROBE * passes < LEAST_PROBE {
            return Ok(Placed::Shapes(tiles, equal, vec![]));
        }
        let probe = self.train(Phase::Probe, &tiles, &equal, PROBE * passes, PROBE_TIME * time, 0)?;
        if self.meter.stopped() {
            return Ok(Placed::BrokenOff(Fit::new(tiles, probe, passes)));
        }
        let errors: Vec<f64> = probe.iter().map(|(_, loss)| loss.total).collect();
        let shares = plan::share(parameters, &errors);
        let shapes = shares.into_iter().map(|p| plan::shape(&self.signal.description, layers, p)).collect();
        Ok(Placed::Shapes(tiles, shapes, probe))
    }

    /// Fits networks of given shapes.
    pub fn fit_shapes(&self, tiles: Tiles, shapes: &[Shape], passes: f64, time: f64) -> Result<Fit> {
        let trained = self.fit_trained(&tiles, shapes, passes, time)?;
        Ok(Fit::new(tiles, trained, passes))
    }

    /// The networks of such a fit; at the highest efforts the best of several for each tile.
    fn fit_trained(
        &self,
        tiles: &Tiles,
        shapes: &[Shape],
        passes: f64,
        time: f64,
    ) -> Result<Vec<(Fitted, Loss)>> {
        let fit = |attempt| self.train(Phase::Fit, tiles, shapes, passes, FIT_TIME * time, attempt);
        let start = Instant::now();
        let mut best = fit(0)?;
        for attempt in 1..plan::fits(self.options.effort) {
            // Time that is limited has to be enough for another fit, and for what comes after it.
            let another = 2 * (start.elapsed() / attempt as u32);
            if self.meter.interrupted() || self.meter.remaining().is_some_and(|left| left < another) {
                break;
            }
            keep_better(&mut best, fit(attempt)?);
        }
        Ok(best)
    }

    /// Trains one network per tile; each comes with what it leaves of the loss, in unit values. Attempts begin with other
    /// networks.
    fn train(
        &self,
        phase: Phase,
        tiles: &Tiles,
        shapes: &[Shape],
        passes: f64,
        time: f64,
        attempt: u64,
    ) -> Result<Vec<(Fitted, Loss)>> {
        let points: Vec<u64> = (0..tiles.len()).map(|n| tiles.tile(n).points()).collect();
        let steps: Vec<usize> = points.iter().map(|&n| plan::steps(n, self.evaluations() * passes)).collect();
        self.meter.begin(phase, steps.iter().map(|&n| n as u64).sum(), &points);
        let costs: Vec<u64> = shapes.iter().zip(&points).map(|(s, &n)| s.macs() as u64 * n).collect();
        #[cfg(feature = "cuda")]
        if let Some(gpu) = &self.gpu {
            return self.train_on(gpu, tiles, shapes, &steps, time, attempt);
        }
        Ok(self.for_tiles(&costs, time, |number, parallel, time| {
            let data = self.dataset(tiles, number);
            let (mut network, schedule) =
                self.prepared(number, &data, shapes[number], steps[number], attempt);
            let schedule = Schedule { parallel, time, ..schedule };
            if !self.meter.stopped() {
                self.run(number, &mut network, &data, &schedule);
            }
            let loss = data.squared_error(self.level, &network);
            let fitted = match phase {
                Phase::Probe => Fitted::unmeasured(network, &data),
                _ => Fitted::new(self.level, network, &data),
            };
            (fitted, loss)
        }))
    }

    /// What an attempt at the fit of a tile begins with.
    pub fn prepared(
        &self,
        number: usize,
        data: &Dataset,
        shape: Shape,
        steps: usize,
        attempt: u64,
    ) -> (Network, Schedule) {
        let mut rng = fastrand::Rng::with_seed(self.seed(number).wrapping_add(attempt << 32));
        let network = fit::initial_network(shape, data, self.signal.description.kind, &mut rng);
        let schedule = Schedule {
            steps,
            blocks: BATCH_BLOCKS,
            rate: RATE,
            warmup: 0.02,
            end: 0.01,
            first_layer: 0,
            parallel: false,
            time: None,
        };
        (network, schedule)
    }

    fn run(&self, number: usize, network: &mut Network, data: &Dataset, schedule: &Schedule) {
        let (units, mut seen) = (f64::from(data.normalisation.scale).powi(2), 0);
        fit::train(self.level, network, data, schedule, |step, mse| {
            let steps = (step - seen) as u64;
            seen = step;
            self.meter.advance(number, steps, mse * units)
        });
    }

    /// Rounds the networks of `fit` with an added error of `delta` per parameter, refitting as they are rounded.
    pub fn quantize(&self, fit: &Fit, delta: f64) -> Result<Vec<QuantizedNetwork>> {
        let points: Vec<u64> = (0..fit.tiles.len()).map(|n| fit.tiles.tile(n).points()).collect();
        let refits: Vec<Schedule> = fit
            .networks
            .iter()
            .zip(&points)
            .map(|(fitted, &points)| {
                let passes = (REFIT * fit.passes).min(MOST_REFIT);
                let steps = plan::steps(points, self.evaluations() * passes) as f64;
                let steps = (steps / fitted.network.shape().layers as f64) as usize;
                Schedule {
                    steps,
                    blocks: BATCH_BLOCKS,
                    rate: 0.01,
                    warmup: 0.1,
                    end: 0.02,
                    first_layer: 0,
                    parallel: false,
                    time: None,
                }
            })
            .collect();
        let sweeps = if fit.passes < PASSES_FOR_SWEEPS { 0 } else { SWEEPS };
        let total = |(n, refit): (usize, &Schedule)| {
            let layers = fit.networks[n].network.shape().layers;
            let pass =
                (self.evaluations() * points[n] as f64 / (BLOCK * BATCH_BLOCKS) as f64).ceil() as usize;
            let swept = sweeps * (layers + 1) * pass;
            (layers * refit.steps + swept) as u64
        };
        if self.meter.stopped() {
            return Ok(fit.rounded(delta));
        }
        self.meter.begin(Phase::Quantize, refits.iter().enumerate().map(total).sum(), &points);
        let costs: Vec<u64> =
            fit.networks.iter().zip(&points).map(|(f, &n)| f.network.shape().macs() as u64 * n).collect();
        #[cfg(feature = "cuda")]
        if let Some(gpu) = &self.gpu {
            return self.quantize_on(gpu, fit, delta, &refits, sweeps, QUANTIZE_TIME);
        }
        Ok(self.for_tiles(&costs, QUANTIZE_TIME, |number, parallel, time| {
            let data = self.dataset(&fit.tiles, number);
            let units = f64::from(data.normalisation.scale).powi(2);
            if self.meter.stopped() {
                return fit.networks[number].rounded(delta);
            }
            let refit = Schedule { parallel, time, ..refits[number] };
            let advance = |steps, mse: f64| self.meter.advance(number, steps, mse * units);
            fit.networks[number].quantized(self.level, &data, delta, &refit, sweeps, advance)
        }))
    }

    /// The finished file with these networks, and the PSNR it decodes to.
    pub fn finish(&self, tiles: &Tiles, networks: Networks) -> Result<Finished> {
        let file = self.file(tiles, networks);
        let mut bytes = vec![];
        container::write(&file, &mut bytes)?;
        let mut sum = ErrorSum::new(&self.signal.description);
        let mut at = 0;
        let unlimited =
            Limits { samples: u64::MAX, memory_bytes: u64::MAX, macs: u64::MAX, ..Limits::default() };
        let decoder = Decoder::of(file, &unlimited)?;
        decoder.render_rows(&Grid::native(&self.signal.description), |row| {
            sum.add(&self.signal.samples, at, row)?;
            at += row.len();
            Ok(())
        })?;
        Ok(Finished { bytes, psnr_db: sum.distortion().psnr_db() })
    }

    /// The networks of `fit` as they were trained, in binary16 or binary32.
    pub fn lossless(&self, fit: &Fit) -> Result<Networks> {
        let networks: Vec<Network> = fit.networks.iter().map(Fitted::in_signal_units).collect();
        Ok(match self.options.weights {
            WeightCoding::Half => {
                Networks::Half(networks.iter().map(container::round_to_half).collect::<Result<_>>()?)
            }
            _ => Networks::Single(networks),
        })
    }

    /// Bytes of the file besides the coded parameters.
    pub fn overhead(&self, tiles: &Tiles) -> Result<u64> {
        let shape = plan::shape(&self.signal.description, 1, 0.0);
        let empty = QuantizedNetwork { shape, steps: vec![(0, 0); 2], symbols: vec![0; shape.parameters()] };
        let networks = vec![empty; tiles.len()];
        let coded = container::quantized_size(&networks);
        let mut bytes = vec![];
        container::write(&self.file(tiles, Networks::Quantized(networks)), &mut bytes)?;
        // Section lengths of larger sections take up to three bytes more.
        Ok(bytes.len() as u64 - coded + 3)
    }

    /// The file with these networks.
    pub fn file(&self, tiles: &Tiles, networks: Networks) -> File {
        let metadata = if self.options.metadata { self.signal.metadata.clone() } else { vec![] };
        File { description: self.signal.description.clone(), tiles: tiles.clone(), networks, metadata }
    }

    pub fn dataset(&self, tiles: &Tiles, number: usize) -> Dataset {
        let EncodeOptions { gradient_weight, gradient, .. } = self.options;
        let term = GradientTerm { weight: *gradient_weight as f32, reference: gradient.as_deref() };
        let term = (*gradient_weight > 0.0).then_some(term);
        Dataset::of_tile(self.signal, tiles, number, term, self.seed(number))
    }

    /// Evaluations of a network per sample and pass: with a gradient term samples are seen as pairs, along one axis or
    /// another.
    fn evaluations(&self) -> f64 {
        if self.options.gradient_weight > 0.0 { 2.0 } else { 1.0 }
    }

    fn seed(&self, tile: usize) -> u64 {
        self.options.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(tile as u64)
    }

    /// Runs `work` for every tile, the costly ones first: as many tiles side by side as there are threads, and those
    /// that do not fill the threads one by one, with their steps in parallel. The results do not depend on it.
    ///
    /// `work` gets the number of the tile, whether to work in parallel and, where time is limited, its part of the share
    /// `time` of what is left.
    fn for_tiles<T: Send>(
        &self,
        costs: &[u64],
        time: f64,
        work: impl Fn(usize, bool, Option<Allowance>) -> T + Sync,
    ) -> Vec<T> {
        let threads = rayon::current_num_threads();
        let pace = self.meter.remaining().map(|left| Pace::new(left.mul_f64(time), costs));
        let work = |n: usize, parallel: bool| {
            let allowance =
                pace.as_ref().map(|pace| pace.begin(costs[n], if parallel { 1 } else { threads }));
            let result = work(n, parallel, allowance);
            pace.iter().for_each(|pace| pace.end(costs[n]));
            result
        };
        let mut order: Vec<usize> = (0..costs.len()).collect();
        order.sort_by_key(|&n| std::cmp::Reverse(costs[n]));
        let (together, alone) = order.split_at(order.len() / threads * threads);
        let mut results: Vec<(usize, T)> =
            together.iter().par_bridge().map(|&n| (n, work(n, false))).collect();
        results.extend(alone.iter().map(|&n| (n, work(n, true))));
        results.sort_by_key(|(n, _)| *n);
        results.into_iter().map(|(_, result)| result).collect()
    }
}
