//! The stages on a CUDA device: what the processor does tile by tile, all tiles at once.

use super::meter::Meter;
use super::session::{Fit, Session};
use crate::backend::cuda::{Cuda, CurvatureOf, DeviceSamples, Run};
use crate::container::QuantizedNetwork;
use crate::error::Result;
use crate::fit::{Allowance, Dataset, Schedule};
use crate::network::{Network, Shape};
use crate::quantize::{Fitted, Rounding, SAMPLED, fold_biases, sampled};
use crate::signal::Tiles;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Points that are on the device at a time, about: 24 bytes each for three channels, here and there.
const LOAD: u64 = 1 << 24;
/// Tiles at a time, for which a grid of thread blocks has rows.
const MOST_TILES: usize = 1 << 12;

/// A device that fits run on, and the tiles that are there.
pub(crate) struct Gpu<'a> {
    pub cuda: &'a Cuda,
    there: Mutex<Option<Arc<Load>>>,
}

impl<'a> Gpu<'a> {
    pub fn new(cuda: &'a Cuda) -> Self {
        Gpu { cuda, there: Mutex::new(None) }
    }
    fn there(&self) -> MutexGuard<'_, Option<Arc<Load>>> {
        self.there.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Neighbouring tiles whose samples are on the device together. They stay for the stages that follow, until others are asked for:
/// a signal of one load, which nearly all are, goes there once for each way it is cut.
struct Load {
    tiles: Tiles,
    numbers: Range<usize>,
    samples: Vec<(DeviceSamples, Dataset)>,
}

/// A tile on its way through a stage.
struct Tile<'a, T> {
    number: usize,
    data: &'a Dataset,
    samples: &'a DeviceSamples,
    schedule: Schedule,
    work: T,
}

impl Session<'_> {
    /// Trains one network per tile, as [`Session::train`] does on the processor.
    pub(super) fn train_on(
        &self,
        gpu: &Gpu<'_>,
        tiles: &Tiles,
        shapes: &[Shape],
        steps: &[usize],
        time: f64,
        attempt: u64,
    ) -> Result<Vec<Fitted>> {
        let mut trained = vec![];
        for (numbers, time) in self.loads(tiles, time) {
            let load = self.load(gpu, tiles, numbers)?;
            let mut fits = load.tiles(|number, data| {
                let (network, schedule) = self.prepared(number, data, shapes[number], steps[number], attempt);
                (schedule, network)
            });
            if !self.meter.stopped() {
                run(gpu.cuda, &self.meter, &mut fits, |network| network, time)?;
            }
            fits.par_iter_mut().for_each(|tile| fold_biases(&mut tile.work));
            let means = mean_curvatures(gpu.cuda, &fits)?;
            let finish = |(tile, means): (Tile<Network>, _)| {
                let Tile { data, work: network, .. } = tile;
                Fitted::with_means(self.level, network, data, means)
            };
            trained.par_extend(fits.into_par_iter().zip(means).map(finish));
        }
        Ok(trained)
    }

    /// Rounds all tiles layer by layer and refits the layers behind, as [`Session::quantize`] does on the processor. Rounding
    /// itself is the processor's.
    pub(super) fn quantize_on(
        &self,
        gpu: &Gpu<'_>,
        fit: &Fit,
        delta: f64,
        refits: &[Schedule],
        sweeps: usize,
        time: f64,
    ) -> Result<Vec<QuantizedNetwork>> {
        let mut quantized = vec![];
        for (numbers, time) in self.loads(&fit.tiles, time) {
            let load = self.load(gpu, &fit.tiles, numbers)?;
            let mut fits = load.tiles(|number, _| (refits[number], fit.networks[number].rounding(delta)));
            let layers = fits.iter().map(|tile| tile.work.layers()).max().unwrap_or(0);
            for l in 0..layers {
                let having = fits.par_iter_mut().filter(|tile| l < tile.work.layers());
                having.for_each(|tile| tile.work.round(self.level, tile.data, l));
                for tile in &mut fits {
                    tile.schedule.first_layer = l + 1;
                    if l + 1 >= tile.work.layers() {
                        tile.schedule.steps = 0;
                    }
                }
                if l + 1 < layers && !self.meter.stopped() {
                    let time = time.map(|time| time.part(layers - 1 - l));
                    run(gpu.cuda, &self.meter, &mut fits, Rounding::network_mut, time)?;
                }
            }
            if sweeps > 0 && !self.meter.stopped() {
                fits.par_iter_mut().for_each(|tile| self.sweep(tile, sweeps, time));
            }
            quantized
                .par_extend(fits.into_par_iter().map(|tile| self.mended(fit, delta, tile, refits, sweeps)));
        }
        Ok(quantized)
    }

    /// Rounds the layers of a tile anew.
    fn sweep(&self, tile: &mut Tile<Rounding<'_>>, sweeps: usize, time: Option<Allowance>) {
        let Tile { number, data, schedule, work, .. } = tile;
        let steps = data.blocks().div_ceil(schedule.blocks) as u64;
        let units = f64::from(data.normalisation.scale).powi(2);
        work.sweep(self.level, data, sweeps, |mse| {
            self.meter.advance(*number, steps, mse * units) && time.is_none_or(|time| time.passed() < 1.0)
        });
    }

    /// A rounded tile, or a finer one where rounding spoilt it.
    fn mended(
        &self,
        fit: &Fit,
        delta: f64,
        tile: Tile<'_, Rounding<'_>>,
        refits: &[Schedule],
        sweeps: usize,
    ) -> QuantizedNetwork {
        let Tile { number, data, work, .. } = tile;
        let units = f64::from(data.normalisation.scale).powi(2);
        let (fitted, mut first) = (&fit.networks[number], Some(work));
        fitted.least_spoilt(self.level, data, delta, |delta| {
            let again = || {
                fitted.round_layers(self.level, data, delta, &refits[number], sweeps, |steps, mse| {
                    self.meter.advance(number, steps, mse * units)
                })
            };
            first.take().or_else(|| (!self.meter.stopped()).then(again))
        })
    }

    /// The tiles `numbers`, which are brought to the device unless they are there.
    fn load(&self, gpu: &Gpu<'_>, tiles: &Tiles, numbers: Range<usize>) -> Result<Arc<Load>> {
        let there = gpu.there().take().filter(|load| load.tiles == *tiles && load.numbers == numbers);
        let load = match there {
            Some(load) => load,
            None => {
                let data: Vec<Dataset> =
                    numbers.clone().into_par_iter().map(|n| self.dataset(tiles, n)).collect();
                let bring = |data: Dataset| Ok((gpu.cuda.bring(data.samples())?, data));
                let samples = data.into_iter().map(bring).collect::<Result<_>>()?;
                Arc::new(Load { tiles: tiles.clone(), numbers, samples })
            }
        };
        *gpu.there() = Some(load.clone());
        Ok(load)
    }

    /// Neighbouring tiles that are on the device together, each with its part of the share `time` of what time is left,
    /// which begins when it is asked for.
    fn loads(
        &self,
        tiles: &Tiles,
        time: f64,
    ) -> impl Iterator<Item = (Range<usize>, Option<Allowance>)> + use<> {
        let left = self.meter.remaining().map(|left| left.mul_f64(time));
        let points = |numbers: &Range<usize>| numbers.clone().map(|n| self.points(tiles, n)).sum::<u64>();
        let all = points(&(0..tiles.len()));
        let (mut loads, mut from) = (vec![], 0);
        for to in 1..=tiles.len() {
            if to == tiles.len() || to - from == MOST_TILES || points(&(from..to + 1)) > LOAD {
                let part = points(&(from..to)) as f64 / all.max(1) as f64;
                loads.push((from..to, left.map(|left| left.mul_f64(part))));
                from = to;
            }
        }
        let allow = |length| Allowance { from: Instant::now(), length };
        loads.into_iter().map(move |(numbers, time)| (numbers, time.map(allow)))
    }
}

impl Load {
    /// All tiles, each with a schedule and work.
    fn tiles<T: Send>(&self, of: impl Fn(usize, &Dataset) -> (Schedule, T) + Sync) -> Vec<Tile<'_, T>> {
        let tiles = self.numbers.clone().into_par_iter().zip(&self.samples);
        tiles
            .map(|(number, (samples, data))| {
                let (schedule, work) = of(number, data);
                Tile { number, data, samples, schedule, work }
            })
            .collect()
    }
}

/// The mean curvature of the weights and of the biases of each layer, of each network of a load.
fn mean_curvatures(cuda: &Cuda, fits: &[Tile<Network>]) -> Result<Vec<Vec<(f64, f64)>>> {
    let layers = |tile| {
        let Tile { data, samples, work: network, .. }: &Tile<Network> = tile;
        let (blocks, share) = sampled(data, SAMPLED);
        let layers = network.shape().layers().enumerate();
        layers.map(move |(layer, of)| CurvatureOf {
            network,
            layer,
            samples,
            blocks,
            share,
            together: of.outputs,
        })
    };
    let matrices = cuda.curvatures(&fits.iter().flat_map(layers).collect::<Vec<_>>())?;
    let mut matrices = matrices.iter();
    let of_tile = |tile: &Tile<Network>| {
        let layers = tile.work.shape().layers().zip(matrices.by_ref());
        layers.map(|(layer, matrix)| diagonal_means(matrix, layer.inputs)).collect()
    };
    Ok(fits.iter().map(of_tile).collect())
}

/// The mean of the first `inputs` numbers on the diagonal of a matrix, and the one that is left.
fn diagonal_means(matrix: &[f64], inputs: usize) -> (f64, f64) {
    let diagonal = |i: usize| matrix[i * (inputs + 2)];
    ((0..inputs).map(diagonal).sum::<f64>() / inputs as f64, diagonal(inputs))
}

/// Trains the networks of a load by its schedules.
fn run<T>(
    cuda: &Cuda,
    meter: &Meter<'_>,
    fits: &mut [Tile<T>],
    network: impl Fn(&mut T) -> &mut Network,
    time: Option<Allowance>,
) -> Result<()> {
    let (mut told, mut runs) = (vec![], vec![]);
    for Tile { number, data, samples, schedule, work } in fits {
        told.push((*number, f64::from(data.normalisation.scale).powi(2), 0));
        runs.push(Run { network: network(work), samples, schedule: *schedule });
    }
    cuda.train(&mut runs, time.as_ref(), |run, step, mse| {
        let (number, units, seen) = &mut told[run];
        let steps = (step - *seen) as u64;
        *seen = step;
        meter.advance(*number, steps, mse * *units)
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::backend::cuda::tests::{device, emulator::bytes_to_device};
    use crate::backend::simd::BLOCK;
    use crate::encoder::units::Normalised;
    use crate::encoder::{EncodeOptions, Flow, Target, aim};
    use crate::signal::{Description, Kind, SampleFormat, Samples, Signal};

    /// The bytes that `work` on a signal of so many samples brings to the device.
    fn brought(cuda: &Cuda, samples: u32, work: impl Fn(&Session<'_>)) -> Option<usize> {
        let description = Description {
            kind: Kind::Sound,
            lengths: vec![samples],
            channels: 2,
            format: SampleFormat::F32,
            rate: 8000,
        };
        let value = |i: u32| ((i / 2) as f32 * 0.05 + (i % 2) as f32).sin();
        let samples = Samples::F32((0..2 * samples).map(value).collect());
        let mut options = EncodeOptions::default();
        (options.effort, options.target) = (1, Target::Shape { layers: 3, width: 4 });
        let signal = Signal { description, samples, metadata: vec![] };
        let normalised = Normalised::of(&signal, &options);
        let meter = Meter::new(&|_| Flow::Continue, None);
        let session = Session { gpu: Some(Gpu::new(cuda)), ..Session::new(&normalised, meter) };
        let before = bytes_to_device()?;
        work(&session);
        Some(bytes_to_device()? - before)
    }

    /// Signals of up to 96 blocks train for as many steps: what more of them bring to the device is their samples alone.
    #[test]
    fn samples_are_brought_to_the_device_once() {
        const NUMBERS: usize = 1 + 2 + 1;
        let Some(cuda) = device() else { return };
        let encode = |session: &Session<'_>| drop(aim(session).unwrap());
        let Some(few) = brought(cuda, 640, encode) else { return };
        let many = brought(cuda, 1920, encode).unwrap();
        assert_eq!(many - few, 10 * BLOCK * NUMBERS * size_of::<f32>(), "{few} and {many} bytes");

        // A search: a probe, its fit, and several quantizations of that, of three tiles of 3 or 5 blocks.
        let search = |session: &Session<'_>| {
            let tiles = Tiles::new(&session.signal.description, &[3], 0).unwrap();
            let shape = Shape { inputs: 1, outputs: 2, layers: 2, width: 4 };
            session.fit_shapes(tiles.clone(), &[shape; 3], 1.0, 1.0).unwrap();
            let fit = session.fit_shapes(tiles, &[shape; 3], 12.0, 1.0).unwrap();
            for delta in [1e-5, 1e-4] {
                session.quantize(&fit, delta).unwrap();
            }
        };
        let [few, many] = [3, 5].map(|blocks| brought(cuda, 3 * blocks * BLOCK as u32, search).unwrap());
        assert_eq!(many - few, 3 * 2 * BLOCK * NUMBERS * size_of::<f32>(), "{few} and {many} bytes");
    }
}
