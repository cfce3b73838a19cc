//! Quantizes a group of tiles, one layer of all of them after the other.

use super::Fitted;
use super::canonical::fold_biases;
use super::rounding::Rounding;
use crate::backend::simd::Level;
use crate::backend::trainer::{Observe, Resident, Run, Sampled, Schedule, Turn};
use crate::container::QuantizedNetwork;
use crate::error::Result;
use crate::fit::Dataset;
use crate::network::Network;
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};

/// Factor of the added error at each retry of a spoilt tile, and the most retries.
const FINER: f64 = 1.0 / 16.0;
const RETRIES: usize = 4;

/// A tile to be quantized.
#[derive(Clone, Copy)]
pub(crate) struct Rounded<'a> {
    pub fitted: &'a Fitted,
    pub data: &'a Dataset,
    /// Schedule of the refit after each rounded layer; its `first_layer` is set at each refit.
    pub refit: Schedule,
}

/// Measures the mean curvatures of the trained networks of a group, on at most `blocks` blocks of points
/// each.
pub(crate) fn measure(
    level: Level,
    resident: &dyn Resident,
    mut networks: Vec<Network>,
    data: &[Dataset],
    blocks: usize,
) -> Result<Vec<Fitted>> {
    networks.par_iter_mut().for_each(fold_biases);
    let sampled = |(points, (network, data)): (usize, (_, &Dataset))| {
        let (blocks, share) = data.sampled(blocks);
        Sampled { network, points, blocks, share }
    };
    let requested: Vec<Sampled<'_>> = networks.iter().zip(data).enumerate().map(sampled).collect();
    let means = resident.mean_curvatures(&requested)?;
    let measured = |((network, data), means)| Fitted::measured(level, network, data, means);
    Ok(networks.into_par_iter().zip(data).zip(means).map(measured).collect())
}

/// Rounds the networks of all `tiles` of a group with an added squared error of about `delta` per parameter,
/// or less if that spoils a tile; in the worst case a tile becomes its mean.
///
/// Rounds layer after layer with compensation, refitting the later layers each time, and then rounds all
/// layers again in `sweeps`, until the time of `turn` ends. `observe` gets the number of a tile, the
/// iterations since its last call and the mean squared error in units of training, and ends refits and sweeps
/// by returning false.
pub(crate) fn quantize(
    level: Level,
    resident: &dyn Resident,
    tiles: &[Rounded<'_>],
    delta: f64,
    sweeps: usize,
    turn: Turn,
    observe: Observe<'_>,
) -> Result<Vec<QuantizedNetwork>> {
    let going = AtomicBool::new(true);
    let observe = |tile: usize, iterations: u64, mse: f64| {
        let go_on = observe(tile, iterations, mse);
        going.fetch_and(go_on, Ordering::Relaxed);
        go_on
    };
    let stage = Stage { level, resident, tiles, sweeps, turn, observe: &observe, going: &going };
    let constant = |tile: &Rounded<'_>| (tile.fitted.error_of_mean, tile.fitted.constant(delta));
    let mut best: Vec<(f64, QuantizedNetwork)> = tiles.iter().map(constant).collect();
    let mut open: Vec<usize> = (0..tiles.len()).filter(|&n| !tiles[n].fitted.is_constant(delta)).collect();
    let mut finer = delta;
    for attempt in 0..=RETRIES {
        if open.is_empty() || (attempt > 0 && !stage.goes_on()) {
            break;
        }
        let rounded = stage.round(&open, finer)?;
        let with_error = |(&n, rounding): (&usize, Rounding<'_>)| {
            (n, rounding.error(level, tiles[n].data), rounding.finished())
        };
        let rounded: Vec<_> = open.par_iter().zip(rounded).map(with_error).collect();
        for (n, error, network) in rounded {
            if error < best[n].0 {
                best[n] = (error, network);
            }
        }
        open.retain(|&n| tiles[n].fitted.is_spoilt(best[n].0, delta));
        finer *= FINER;
    }
    Ok(best.into_iter().map(|(_, network)| network).collect())
}

/// The inputs of rounding a group of tiles.
struct Stage<'a> {
    level: Level,
    resident: &'a dyn Resident,
    tiles: &'a [Rounded<'a>],
    sweeps: usize,
    turn: Turn,
    observe: Observe<'a>,
    /// Whether `observe` has always returned true.
    going: &'a AtomicBool,
}

impl<'a> Stage<'a> {
    fn goes_on(&self) -> bool {
        self.going.load(Ordering::Relaxed) && self.turn.in_time()
    }

    /// Rounds all layers of the tiles `open`, one after the other.
    fn round(&self, open: &[usize], delta: f64) -> Result<Vec<Rounding<'a>>> {
        let mut roundings: Vec<Rounding<'a>> =
            open.par_iter().map(|&n| self.tiles[n].fitted.rounding(delta)).collect();
        let layers = roundings.iter().map(Rounding::layers).max().unwrap_or(0);
        for l in 0..layers {
            let of_layer = open.par_iter().zip(&mut roundings).filter(|(_, rounding)| l < rounding.layers());
            of_layer.for_each(|(&n, rounding)| rounding.round(self.level, self.tiles[n].data, l));
            if l + 1 < layers && self.going.load(Ordering::Relaxed) {
                self.refit(open, &mut roundings, l + 1, layers - 1 - l)?;
            }
        }
        if self.sweeps > 0 && self.goes_on() {
            open.par_iter().zip(&mut roundings).for_each(|(&n, rounding)| self.sweep(n, rounding));
        }
        Ok(roundings)
    }

    /// Trains the layers from `first_layer` on, in one of `parts` equal parts of the time.
    fn refit(
        &self,
        open: &[usize],
        roundings: &mut [Rounding<'a>],
        first_layer: usize,
        parts: usize,
    ) -> Result<()> {
        let behind = open
            .iter()
            .zip(roundings)
            .filter(|(n, rounding)| first_layer < rounding.layers() && self.tiles[**n].refit.iterations > 0);
        let (numbers, mut runs): (Vec<usize>, Vec<Run<'_>>) = behind
            .map(|(&n, rounding)| {
                let schedule = Schedule { first_layer, ..self.tiles[n].refit };
                (n, Run { network: rounding.network_mut(), points: n, schedule })
            })
            .unzip();
        if runs.is_empty() {
            return Ok(());
        }
        let turn = Turn { time: self.turn.time.map(|time| time.part(parts)), ..self.turn };
        let observe = |run: usize, iterations, mse| (self.observe)(numbers[run], iterations, mse);
        self.resident.train(&mut runs, turn, &observe)
    }

    /// Rounds the layers of tile `n` again.
    fn sweep(&self, n: usize, rounding: &mut Rounding<'_>) {
        let Rounded { data, refit, .. } = self.tiles[n];
        let iterations = data.points.blocks().div_ceil(refit.blocks) as u64;
        rounding.sweep(self.level, data, self.sweeps, |mse| {
            (self.observe)(n, iterations, mse) && self.turn.in_time()
        });
    }
}
