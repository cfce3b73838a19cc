//! The stages of an encode — fit, quantize, assemble — each over all tiles at once.

#[cfg(feature = "cuda")]
use super::device::Gpu;
use super::meter::{Meter, Stage};
use super::options::{EncodeOptions, Phase, Target, WeightCoding};
use super::pace::Pace;
use super::plan::{self, BATCH_BLOCKS};
use super::units::Normalised;
use crate::backend::simd::{BLOCK, Level};
use crate::container::{self, File, Networks, QuantizedNetwork};
use crate::decoder::Decoder;
use crate::error::Result;
use crate::fit::{self, Allowance, Dataset, GradientTerm, MOST_POINTS, Schedule};
use crate::limits::Limits;
use crate::network::{Network, Shape};
use crate::quantize::{self, Fitted};
use crate::signal::metric::{ErrorSum, TileErrors, WorstTile};
use crate::signal::{Grid, Signal, Tiles};
use rayon::prelude::*;
use std::time::Instant;

/// Peak learning rate, radians.
const RATE: f32 = 0.045;
/// Work of the probe that places capacity, relative to the fit.
pub(super) const PROBE: f64 = 0.06;
/// The fewest passes that such a probe is worth, which only a time limit leaves less of.
const LEAST_PROBE: f64 = 0.4;
/// Work of all refits during quantization, relative to the fit.
pub(super) const REFIT: f64 = 0.3;
/// The most passes that they take: with sweeps behind them more gain nothing.
pub(super) const MOST_REFIT: f64 = 96.0;
/// The most tiles that a probe which only foretells trains; an eighth of them where that is more.
const MOST_PROBED: usize = 48;
/// Sweeps over the rounded layers.
pub(super) const SWEEPS: usize = 2;
/// Passes of a fit that sweeps are worth their time after: they take as long as about 50 passes, which gain more
/// where there are few.
pub(super) const PASSES_FOR_SWEEPS: f64 = 250.0;
/// Where time is limited: the shares of what is left that a probe, the fit and one quantization may take.
const PROBE_TIME: f64 = 0.06;
pub(super) const FIT_TIME: f64 = 0.75;
const QUANTIZE_TIME: f64 = 0.9;

/// One encode: what every stage needs.
pub(crate) struct Session<'a> {
    /// The source and its units.
    pub normalised: &'a Normalised<'a>,
    /// What is fitted.
    pub signal: &'a Signal,
    pub options: &'a EncodeOptions,
    pub meter: Meter<'a>,
    pub level: Level,
    /// Fits run here if there is one.
    #[cfg(feature = "cuda")]
    pub gpu: Option<Gpu<'a>>,
}

/// Trained networks over a partition.
#[derive(Clone)]
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
    fn new(tiles: Tiles, networks: Vec<Fitted>, passes: f64) -> Self {
        let error = networks.iter().map(|fitted| fitted.loss.values).sum();
        let loss = networks.iter().map(|fitted| fitted.loss.total).sum();
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
fn keep_better(networks: &mut [Fitted], others: Vec<Fitted>) {
    for (network, other) in networks.iter_mut().zip(others) {
        if other.loss.total < network.loss.total {
            *network = other;
        }
    }
}

/// What a probe of equal networks leads to.
enum Placed {
    /// The shapes that are to be fitted, and the probe, if there was one.
    Shapes(Tiles, Vec<Shape>, Vec<Fitted>),
    /// The probe itself, not measured: the meter has stopped, so that nothing can be trained longer.
    BrokenOff(Fit),
}

/// Finished bytes and what they decode to.
pub(crate) struct Finished {
    pub bytes: Vec<u8>,
    pub psnr_db: f64,
    /// How much closer it is than the mean of the signal, dB.
    pub gain_db: f64,
    pub worst_tile: Option<WorstTile>,
}

/// The multiply-adds of so many training steps, by the points of one.
fn work(steps: usize, shape: Shape) -> f64 {
    (steps * BATCH_BLOCKS * BLOCK) as f64 * shape.macs() as f64
}

/// Networks that are to be trained.
struct Training<'a> {
    phase: Phase,
    tiles: &'a Tiles,
    /// Tiles by their numbers, and the shapes of their networks.
    networks: &'a [(usize, Shape)],
    /// Networks of these tiles that are there already, or none: kept where they are better once the meter has stopped.
    before: &'a [Fitted],
    passes: f64,
    /// The share of what time is left that it may take.
    time: f64,
    attempt: u64,
}

/// The most points of a tile that are trained on: more for a network that is larger than those of the usual size.
pub(super) fn most_points(target: Target) -> u64 {
    const POINTS_PER_PARAMETER: u64 = 16;
    match target {
        Target::Shape { layers, width } => {
            MOST_POINTS.max(POINTS_PER_PARAMETER * (layers * width * width) as u64)
        }
        _ => MOST_POINTS,
    }
}

impl<'a> Session<'a> {
    /// On the CPU.
    pub fn new(normalised: &'a Normalised<'a>, meter: Meter<'a>) -> Self {
        Session {
            normalised,
            signal: &normalised.signal,
            options: &normalised.options,
            meter,
            level: Level::best(),
            #[cfg(feature = "cuda")]
            gpu: None,
        }
    }

    /// Fits about `parameters` parameters in `passes` passes over the samples, within `time` of what the time limit
    /// leaves for fits (0 to 1).
    pub fn fit(&self, parameters: f64, passes: f64, time: f64) -> Result<Fit> {
        match self.placed(parameters, passes, time)? {
            Placed::Shapes(tiles, shapes, probe) => {
                let fit = self.fit_trained(&tiles, &shapes, &probe, passes, time)?;
                Ok(self.measured(Fit::new(tiles, fit, passes)))
            }
            Placed::BrokenOff(fit) => Ok(self.measured(fit)),
        }
    }

    /// Such a fit of which only the error is asked for: its curvature is not measured, and of many tiles some stand for all.
    pub fn probe(&self, parameters: f64, passes: f64, time: f64) -> Result<Fit> {
        let (tiles, shapes, mut networks) = match self.placed(parameters, passes, time)? {
            Placed::Shapes(tiles, shapes, networks) => (tiles, shapes, networks),
            Placed::BrokenOff(fit) => return Ok(fit),
        };
        let chosen = self.representative(&networks, shapes.len());
        let before: Vec<Fitted> = chosen.iter().filter_map(|&n| networks.get(n).cloned()).collect();
        let trained = self.train(&Training {
            phase: Phase::Probe,
            tiles: &tiles,
            networks: &chosen.iter().map(|&n| (n, shapes[n])).collect::<Vec<_>>(),
            before: &before,
            passes,
            time: FIT_TIME * time,
            attempt: 0,
        })?;
        if networks.is_empty() {
            return Ok(Fit::new(tiles, trained, passes));
        }
        // What the chosen tiles gained the others would gain, too.
        let sum = |networks: &[Fitted]| networks.iter().map(|fitted| fitted.loss.values).sum::<f64>();
        let gained = sum(&trained) / sum(&before).max(f64::MIN_POSITIVE);
        let error = sum(&networks) * gained;
        for (n, fitted) in chosen.into_iter().zip(trained) {
            networks[n] = fitted;
        }
        Ok(Fit { error, ..Fit::new(tiles, networks, passes) })
    }

    /// The numbers of tiles that stand for all `count`, of which `networks` tell how difficult they are; all where those are few.
    fn representative(&self, networks: &[Fitted], count: usize) -> Vec<usize> {
        let most = MOST_PROBED.max(count / 8);
        #[cfg(feature = "cuda")]
        let most = if self.gpu.is_some() { count } else { most };
        if count <= most || networks.is_empty() {
            return (0..count).collect();
        }
        // Equally many of each difficulty.
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by(|&a, &b| networks[a].loss.total.total_cmp(&networks[b].loss.total));
        let mut chosen: Vec<usize> = (0..most).map(|k| order[(2 * k + 1) * count / (2 * most)]).collect();
        chosen.sort_unstable();
        chosen
    }

    /// A fit or probe whose curvature is measured, so that it can be quantized.
    pub fn measured(&self, fit: Fit) -> Fit {
        let Fit { tiles, networks, passes, .. } = fit;
        let measure = |(number, fitted): (usize, Fitted)| match fitted.is_measured() {
            true => fitted,
            false => {
                let data = self.dataset(&tiles, number);
                Fitted::new(self.level, fitted.network, &data, self.measuring())
            }
        };
        let networks = networks.into_par_iter().enumerate().map(measure).collect();
        // A probe may have estimated its error from some of its tiles.
        Fit::new(tiles, networks, passes)
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
        let numbered: Vec<_> = equal.into_iter().enumerate().collect();
        let probe = self.train(&Training {
            phase: Phase::Probe,
            tiles: &tiles,
            networks: &numbered,
            before: &[],
            passes: PROBE * passes,
            time: PROBE_TIME * time,
            attempt: 0,
        })?;
        if self.meter.stopped() {
            return Ok(Placed::BrokenOff(Fit::new(tiles, probe, passes)));
        }
        let errors: Vec<f64> = probe.iter().map(|fitted| fitted.loss.total).collect();
        let shares = plan::share(parameters, &errors);
        let shapes = shares.into_iter().map(|p| plan::shape(&self.signal.description, layers, p)).collect();
        Ok(Placed::Shapes(tiles, shapes, probe))
    }

    /// Fits networks of given shapes.
    pub fn fit_shapes(&self, tiles: Tiles, shapes: &[Shape], passes: f64, time: f64) -> Result<Fit> {
        let trained = self.fit_trained(&tiles, shapes, &[], passes, time)?;
        Ok(Fit::new(tiles, trained, passes))
    }

    /// The networks of such a fit; the best of several for each tile where the plan has several.
    fn fit_trained(
        &self,
        tiles: &Tiles,
        shapes: &[Shape],
        before: &[Fitted],
        passes: f64,
        time: f64,
    ) -> Result<Vec<Fitted>> {
        let networks: Vec<_> = shapes.iter().copied().enumerate().collect();
        let mut best: Option<Vec<Fitted>> = None;
        for (attempt, share) in self.fits().into_iter().enumerate() {
            let start = Instant::now();
            let trained = self.train(&Training {
                phase: Phase::Fit,
                tiles,
                networks: &networks,
                before,
                passes: share * passes,
                time: FIT_TIME * time,
                attempt: attempt as u64,
            })?;
            match &mut best {
                None => best = Some(trained),
                Some(best) => keep_better(best, trained),
            }
            // Time that is limited has to be enough for another fit, and for what comes after it.
            let another = 2 * start.elapsed();
            if self.meter.interrupted() || self.meter.remaining().is_some_and(|left| left < another) {
                break;
            }
        }
        Ok(best.expect("a fit at least"))
    }

    /// The fits of each tile, in passes relative to what was asked for.
    pub fn fits(&self) -> Vec<f64> {
        plan::fits(&self.signal.description, self.options.effort)
    }

    /// Trains networks; each comes with what it leaves of the loss. Attempts begin with other networks.
    fn train(&self, training: &Training<'_>) -> Result<Vec<Fitted>> {
        let Training { phase, tiles, networks, before, passes, time, attempt } = *training;
        let points = |n: usize| self.points(tiles, n);
        let steps: Vec<usize> =
            networks.iter().map(|&(n, _)| plan::steps(points(n), self.evaluations() * passes)).collect();
        let costs: Vec<u64> = networks.iter().map(|&(n, shape)| shape.macs() as u64 * points(n)).collect();
        self.meter.begin(
            phase,
            networks.iter().enumerate().map(|(i, &(n, shape))| Stage {
                points: tiles.tile(n).points(),
                steps: steps[i] as u64,
                work: work(steps[i], shape),
                mse: before.get(i).map_or(f64::NAN, |fitted| self.mse(fitted, tiles.tile(n).points())),
            }),
        );
        #[cfg(feature = "cuda")]
        if let Some(gpu) = &self.gpu {
            let shapes: Vec<Shape> = networks.iter().map(|(_, shape)| *shape).collect();
            let mut trained = self.train_on(gpu, tiles, &shapes, &steps, time, attempt)?;
            if self.meter.stopped() {
                keep_better(&mut trained, before.to_vec());
            }
            return Ok(trained);
        }
        Ok(self.for_tiles(&costs, time, |i, parallel, time| {
            let (number, shape) = networks[i];
            if let Some(before) = before.get(i).filter(|_| self.meter.stopped()) {
                return before.clone();
            }
            let data = self.dataset(tiles, number);
            let (mut network, schedule) = self.prepared(number, &data, shape, steps[i], attempt);
            let schedule = Schedule { parallel, time, ..schedule };
            if !self.meter.stopped() {
                self.run(i, &mut network, &data, &schedule);
            }
            self.meter.end(i);
            let fitted = match phase {
                Phase::Probe => Fitted::unmeasured(self.level, network, &data),
                _ => Fitted::new(self.level, network, &data, self.measuring()),
            };
            let better =
                before.get(i).filter(|before| self.meter.stopped() && before.loss.total < fitted.loss.total);
            better.cloned().unwrap_or(fitted)
        }))
    }

    /// The mean squared error that a network left on a tile of so many points.
    fn mse(&self, fitted: &Fitted, points: u64) -> f64 {
        fitted.loss.values / (points as f64 * f64::from(self.signal.description.channels))
    }

    /// How thoroughly curvatures are measured: hardly, once the meter has stopped.
    fn measuring(&self) -> usize {
        if self.meter.stopped() { quantize::HURRIED } else { quantize::SAMPLED }
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
            of_mean: data.loss_of_mean(),
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
        let points: Vec<u64> = (0..fit.tiles.len()).map(|n| self.points(&fit.tiles, n)).collect();
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
                    of_mean: f64::INFINITY,
                    parallel: false,
                    time: None,
                }
            })
            .collect();
        let sweeps = if fit.passes < PASSES_FOR_SWEEPS { 0 } else { SWEEPS };
        if self.meter.stopped() {
            return Ok(fit.rounded(delta));
        }
        let stage = |(n, refit): (usize, &Schedule)| {
            let (points, shape) = (points[n], fit.networks[n].network.shape());
            let pass = (self.evaluations() * points as f64 / (BLOCK * BATCH_BLOCKS) as f64).ceil() as usize;
            let steps = shape.layers * refit.steps + sweeps * (shape.layers + 1) * pass;
            let all = fit.tiles.tile(n).points();
            let mse = self.mse(&fit.networks[n], all);
            Stage { points: all, steps: steps as u64, work: work(steps, shape), mse }
        };
        self.meter.begin(Phase::Quantize, refits.iter().enumerate().map(stage));
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
            let quantized = fit.networks[number].quantized(self.level, &data, delta, &refit, sweeps, advance);
            self.meter.end(number);
            quantized
        }))
    }

    /// The finished file with these networks, and the PSNR it decodes to, of the source by the peak of the fit.
    pub fn finish(&self, tiles: &Tiles, networks: Networks) -> Result<Finished> {
        let file = self.file(tiles, networks);
        let mut bytes = vec![];
        container::write(&file, &mut bytes)?;
        let mut sum = ErrorSum::new(&self.signal.description);
        let mut of_tiles = TileErrors::new(&self.signal.description, tiles);
        if self.options.keep_invisible {
            (sum, of_tiles) = (sum.with_invisible(), of_tiles.with_invisible());
        }
        let mut at = 0;
        let unlimited =
            Limits { samples: u64::MAX, memory_bytes: u64::MAX, macs: u64::MAX, ..Limits::default() };
        let decoder = Decoder::of(file, &unlimited)?;
        decoder.render_rows(&Grid::native(&self.signal.description), |row| {
            sum.add(&self.normalised.source.samples, at, row)?;
            of_tiles.add(&self.normalised.source.samples, at, row);
            at += row.len();
            Ok(())
        })?;
        let peak = self.normalised.fitted_peak();
        let distortion = sum.distortion().with_peak(peak);
        let worst_tile = of_tiles.worst(peak);
        Ok(Finished { bytes, psnr_db: distortion.psnr_db(), gain_db: distortion.gain_db(), worst_tile })
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
        File {
            description: self.signal.description.clone(),
            tiles: tiles.clone(),
            units: self.normalised.units.clone(),
            networks,
            metadata,
        }
    }

    /// Samples of the signal: positions times channels.
    pub fn samples(&self) -> f64 {
        self.signal.description.positions() as f64 * f64::from(self.signal.description.channels)
    }

    /// The PSNR of a summed squared error in unit values, dB.
    pub fn psnr_db(&self, error: f64) -> f64 {
        -10.0 * (error / self.samples()).max(1e-15).log10()
    }

    /// The points of a tile that are trained on.
    pub fn points(&self, tiles: &Tiles, number: usize) -> u64 {
        tiles.tile(number).points().min(most_points(self.options.target))
    }

    pub fn dataset(&self, tiles: &Tiles, number: usize) -> Dataset {
        let EncodeOptions { gradient_weight, gradient, .. } = self.options;
        let term = GradientTerm { weight: *gradient_weight as f32, reference: gradient.as_deref() };
        let term = (*gradient_weight > 0.0).then_some(term);
        let data = Dataset::of_tile(
            self.signal,
            tiles,
            number,
            term,
            most_points(self.options.target),
            self.seed(number),
        );
        let by_alpha = self.signal.description.has_alpha() && !self.options.keep_invisible;
        // Alpha as it is fitted, back to its own units.
        let units = self
            .normalised
            .units
            .as_ref()
            .map_or((0.0, 1.0), |units| (units.offsets.last().copied().unwrap_or(0.0), units.scale()));
        Dataset { by_alpha: by_alpha.then_some(units), ..data }
    }

    /// Evaluations of a network per sample and pass: with a gradient term samples are seen as pairs, along one axis or
    /// another.
    pub fn evaluations(&self) -> f64 {
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
