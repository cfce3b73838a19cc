//! The stages on a CUDA device: what the processor does tile by tile, all tiles at once.

use super::meter::Meter;
use super::session::Session;
use crate::backend::cuda::{Cuda, CurvatureOf, Run};
use crate::container::QuantizedNetwork;
use crate::error::Result;
use crate::fit::{Allowance, Dataset, Loss, Schedule};
use crate::network::{Network, Shape};
use crate::quantize::{Fitted, Rounding, fold_biases, sampled};
use crate::signal::Tiles;
use rayon::prelude::*;
use std::ops::Range;
use std::time::Instant;

/// Points that are brought to the device at a time, about: 24 bytes each for three channels, here and there.
const LOAD: u64 = 1 << 24;
/// Tiles at a time, for which a grid of thread blocks has rows.
const MOST_TILES: usize = 1 << 12;

/// A tile on its way through a stage.
struct Tile<T> {
    number: usize,
    data: Dataset,
    schedule: Schedule,
    work: T,
}

impl Session<'_> {
    /// Trains one network per tile, as [`Session::train`] does on the processor.
    pub(super) fn train_on(
        &self,
        cuda: &Cuda,
        tiles: &Tiles,
        shapes: &[Shape],
        steps: &[usize],
        time: f64,
    ) -> Result<Vec<(Fitted, Loss)>> {
        let mut trained = vec![];
        for (numbers, time) in self.loads(tiles, time) {
            let prepare = |number: usize| {
                let (data, network, schedule) = self.prepared(tiles, number, shapes[number], steps[number]);
                Tile { number, data, schedule, work: network }
            };
            let mut load: Vec<Tile<Network>> = numbers.into_par_iter().map(prepare).collect();
            if !self.meter.stopped() {
                run(cuda, &self.meter, &mut load, |network| network, time)?;
            }
            load.par_iter_mut().for_each(|tile| fold_biases(&mut tile.work));
            let means = mean_curvatures(cuda, &load)?;
            let finish = |(tile, means): (Tile<Network>, _)| {
                let Tile { data, work: network, .. } = tile;
                let loss = data.squared_error(self.level, &network);
                (Fitted::with_means(network, &data, means), loss)
            };
            trained.par_extend(load.into_par_iter().zip(means).map(finish));
        }
        Ok(trained)
    }

    /// Rounds all tiles layer by layer and refits the layers behind, as [`Session::quantize`] does on the processor.
    pub(super) fn quantize_on(
        &self,
        cuda: &Cuda,
        tiles: &Tiles,
        networks: &[Fitted],
        delta: f64,
        refits: &[Schedule],
        time: f64,
    ) -> Result<Vec<QuantizedNetwork>> {
        let mut quantized = vec![];
        for (numbers, time) in self.loads(tiles, time) {
            let prepare = |number: usize| {
                let (data, work) = (self.dataset(tiles, number), networks[number].rounding(delta));
                Tile { number, data, schedule: refits[number], work }
            };
            let mut load: Vec<Tile<Rounding>> = numbers.into_par_iter().map(prepare).collect();
            let layers = load.iter().map(|tile| tile.work.layers()).max().unwrap_or(0);
            for l in 0..layers {
                round(cuda, &mut load, l)?;
                for tile in &mut load {
                    tile.schedule.first_layer = l + 1;
                    if l + 1 >= tile.work.layers() {
                        tile.schedule.steps = 0;
                    }
                }
                if l + 1 < layers && !self.meter.stopped() {
                    let time = time.map(|time| time.part(layers - 1 - l));
                    run(cuda, &self.meter, &mut load, Rounding::network_mut, time)?;
                }
            }
            quantized.extend(load.into_iter().map(|tile| tile.work.finished()));
        }
        Ok(quantized)
    }

    /// Neighbouring tiles that are on the device together, each with its part of the share `time` of what time is left.
    fn loads(&self, tiles: &Tiles, time: f64) -> Vec<(Range<usize>, Option<Allowance>)> {
        let left = self.meter.remaining().map(|left| left.mul_f64(time));
        let points = |numbers: &Range<usize>| numbers.clone().map(|n| tiles.tile(n).points()).sum::<u64>();
        let all = points(&(0..tiles.len())).max(1) as f64;
        let (mut loads, mut from) = (vec![], 0);
        for to in 1..=tiles.len() {
            if to == tiles.len() || to - from == MOST_TILES || points(&(from..to + 1)) > LOAD {
                loads.push(from..to);
                from = to;
            }
        }
        let allow = |numbers: Range<usize>| {
            let part = points(&numbers) as f64 / all;
            let time = left.map(|left| Allowance { from: Instant::now(), length: left.mul_f64(part) });
            (numbers, time)
        };
        loads.into_iter().map(allow).collect()
    }
}

/// The mean curvature of the weights and of the biases of each layer, of each network of a load.
fn mean_curvatures(cuda: &Cuda, load: &[Tile<Network>]) -> Result<Vec<Vec<(f64, f64)>>> {
    let layers = |tile| {
        let Tile { data, work: network, .. }: &Tile<Network> = tile;
        let (samples, share) = sampled(data);
        let layers = network.shape().layers().enumerate();
        layers.map(move |(layer, of)| CurvatureOf { network, layer, samples, share, together: of.outputs })
    };
    let matrices = cuda.curvatures(&load.iter().flat_map(layers).collect::<Vec<_>>())?;
    let mut matrices = matrices.iter();
    let of_tile = |tile: &Tile<Network>| {
        let layers = tile.work.shape().layers().zip(matrices.by_ref());
        layers.map(|(layer, matrix)| diagonal_means(matrix, layer.inputs)).collect()
    };
    Ok(load.iter().map(of_tile).collect())
}

/// The mean of the first `inputs` numbers on the diagonal of a matrix, and the one that is left.
fn diagonal_means(matrix: &[f64], inputs: usize) -> (f64, f64) {
    let diagonal = |i: usize| matrix[i * (inputs + 2)];
    ((0..inputs).map(diagonal).sum::<f64>() / inputs as f64, diagonal(inputs))
}

/// Rounds layer `l` of the networks of a load that have it.
fn round(cuda: &Cuda, load: &mut [Tile<Rounding<'_>>], l: usize) -> Result<()> {
    let mut having: Vec<_> = load.iter_mut().filter(|tile| l < tile.work.layers()).collect();
    let asked = having.iter().map(|tile| {
        let (samples, share) = sampled(&tile.data);
        let together = tile.work.together(l);
        CurvatureOf { network: tile.work.network(), layer: l, samples, share, together }
    });
    let matrices = cuda.curvatures(&asked.collect::<Vec<_>>())?;
    having.par_iter_mut().zip(matrices).for_each(|(tile, matrices)| {
        let layer = tile.work.network().shape().layers().nth(l).expect("a layer of the network");
        let size = (layer.inputs + 1).pow(2);
        tile.work.round(l, |group| matrices[group.start / group.len() * size..][..size].to_vec());
    });
    Ok(())
}

/// Trains the networks of a load by its schedules.
fn run<T>(
    cuda: &Cuda,
    meter: &Meter<'_>,
    load: &mut [Tile<T>],
    network: impl Fn(&mut T) -> &mut Network,
    time: Option<Allowance>,
) -> Result<()> {
    let (mut told, mut runs) = (vec![], vec![]);
    for Tile { number, data, schedule, work } in load {
        told.push((*number, f64::from(data.normalisation.scale).powi(2), 0));
        runs.push(Run { network: network(work), samples: data.samples(), schedule: *schedule });
    }
    cuda.train(&mut runs, time.as_ref(), |run, step, mse| {
        let (number, units, seen) = &mut told[run];
        let steps = (step - *seen) as u64;
        *seen = step;
        meter.advance(*number, steps, mse * *units)
    })
}
