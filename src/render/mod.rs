//! RENDER: networks to values on a grid, tile by tile, band by band.
//!
//! At each position the tiles with a weight above 0 are visited in ascending order, `value ← fma(weight, network,
//! value)` from 0, where the weight is the product of the axes' weights, first axis first.

mod plan;

use crate::backend::simd::{BLOCK, Level, Workspace};
use crate::error::Result;
use crate::network::Network;
use crate::signal::{Grid, Tile, Tiles};
use plan::AxisPlan;
use std::ops::Range;

/// Positions per band, about: enough to fill the kernels, little enough to stay in cache.
const BAND: u64 = 1 << 14;

/// A grid laid over tiles.
pub(crate) struct Rendering<'a> {
    networks: &'a [Network],
    tiles: &'a Tiles,
    axes: Vec<AxisPlan>,
    channels: usize,
}

impl<'a> Rendering<'a> {
    /// Lays `grid` over the tiles of `networks`, which all have `channels` outputs.
    pub fn new(networks: &'a [Network], tiles: &'a Tiles, grid: &Grid, channels: usize) -> Self {
        let axes = grid.axes.iter().enumerate().map(|(a, axis)| AxisPlan::new(tiles, a, axis)).collect();
        Rendering { networks, tiles, axes, channels }
    }

    /// Multiply-adds of the whole rendering.
    pub fn macs(&self) -> u64 {
        self.networks.iter().enumerate().fold(0u64, |sum, (number, network)| {
            let index = self.tiles.tile(number).index;
            let seen = self.axes.iter().zip(index).map(|(axis, k)| axis.spans[k as usize].len() as u64);
            sum.saturating_add(seen.product::<u64>().saturating_mul(network.shape().macs() as u64))
        })
    }

    /// Renders in bands along the last axis, in order, `positions × channels` values each.
    pub fn bands(&self, mut sink: impl FnMut(&[f32]) -> Result<()>) -> Result<()> {
        let counts: Vec<u32> = self.axes.iter().map(|plan| plan.axis.count).collect();
        let (&last, inner) = counts.split_last().expect("a grid has an axis");
        let line: u64 = inner.iter().map(|&n| u64::from(n)).product();
        let rows = (BAND / line).clamp(1, u64::from(last)) as u32;
        let bands: Vec<Range<u32>> =
            (0..last).step_by(rows as usize).map(|from| from..from.saturating_add(rows).min(last)).collect();
        for group in bands.chunks(group_size()) {
            for band in self.render_group(group) {
                sink(&band)?;
            }
        }
        Ok(())
    }

    #[cfg(feature = "threads")]
    fn render_group(&self, bands: &[Range<u32>]) -> Vec<Vec<f32>> {
        use rayon::prelude::*;
        bands
            .par_iter()
            .map_init(Workspace::default, |workspace, band| self.band(band.clone(), workspace))
            .collect()
    }

    #[cfg(not(feature = "threads"))]
    fn render_group(&self, bands: &[Range<u32>]) -> Vec<Vec<f32>> {
        let mut workspace = Workspace::default();
        bands.iter().map(|band| self.band(band.clone(), &mut workspace)).collect()
    }

    /// The values at the positions whose last index lies in `band`.
    fn band(&self, band: Range<u32>, workspace: &mut Workspace) -> Vec<f32> {
        let mut window: Vec<Range<u32>> = self.axes.iter().map(|plan| 0..plan.axis.count).collect();
        if let Some(last) = window.last_mut() {
            *last = band;
        }
        let positions: usize = window.iter().map(|w| w.len()).product();
        let mut out = vec![0.0; positions * self.channels];
        for number in self.tiles_in(&window) {
            let tile = self.tiles.tile(number);
            let spans = self.axes.iter().zip(&tile.index).map(|(plan, &k)| &plan.spans[k as usize]);
            let visible: Vec<Range<u32>> =
                spans.zip(&window).map(|(s, w)| s.start.max(w.start)..s.end.min(w.end)).collect();
            if visible.iter().all(|v| !v.is_empty()) {
                self.add_tile(&self.networks[number], &tile, &window, &visible, &mut out, workspace);
            }
        }
        out
    }

    /// The tiles that may be visible in `window`: those whose last index sees its last axis, in ascending order.
    fn tiles_in(&self, window: &[Range<u32>]) -> Range<usize> {
        let (Some(axis), Some(window)) = (self.axes.last(), window.last()) else { return 0..0 };
        let seen = |s: &Range<u32>| s.start < window.end && window.start < s.end;
        let first = axis.spans.iter().position(seen).unwrap_or(0);
        let end = axis.spans.iter().rposition(seen).map_or(first, |k| k + 1);
        let layer = self.networks.len() / axis.spans.len();
        first * layer..end * layer
    }

    /// Adds the share of one tile at the indices `visible` to `out`, which covers the indices `window`.
    fn add_tile(
        &self,
        network: &Network,
        tile: &Tile,
        window: &[Range<u32>],
        visible: &[Range<u32>],
        out: &mut [f32],
        workspace: &mut Workspace,
    ) {
        let (inputs, channels) = (visible.len(), self.channels);
        // What is separable, per axis: coordinates, weights and places in `out`.
        let mut stride = channels;
        let axes: Vec<Vec<(f32, f32, usize)>> = (0..inputs)
            .map(|a| {
                let column = visible[a].clone().map(|i| {
                    let position = self.axes[a].axis.position(i);
                    let weight = self.tiles.weight(a, tile.index[a], position);
                    (tile.coordinate(a, position), weight, stride * (i - window[a].start) as usize)
                });
                let column = column.collect();
                stride *= window[a].len();
                column
            })
            .collect();
        let total: usize = axes.iter().map(Vec::len).product();
        let mut cursor = vec![0usize; inputs];
        let (mut coordinates, mut values) = (vec![0.0; inputs * BLOCK], vec![0.0; channels * BLOCK]);
        let (mut weights, mut places) = ([0f32; BLOCK], [0usize; BLOCK]);
        for from in (0..total).step_by(BLOCK) {
            let count = BLOCK.min(total - from);
            for lane in 0..count {
                (weights[lane], places[lane]) = (1.0, 0);
                for (a, axis) in axes.iter().enumerate() {
                    let (coordinate, weight, place) = axis[cursor[a]];
                    coordinates[a * BLOCK + lane] = coordinate;
                    weights[lane] *= weight;
                    places[lane] += place;
                }
                for (c, axis) in cursor.iter_mut().zip(&axes) {
                    *c += 1;
                    if *c < axis.len() {
                        break;
                    }
                    *c = 0;
                }
            }
            Level::best().forward(network, &coordinates, &mut values, workspace);
            for (lane, (&weight, &place)) in weights.iter().zip(&places).enumerate().take(count) {
                for (c, value) in out[place..place + channels].iter_mut().enumerate() {
                    *value = weight.mul_add(values[c * BLOCK + lane], *value);
                }
            }
        }
    }
}

/// Bands rendered before they are handed on: a few for every thread.
fn group_size() -> usize {
    #[cfg(feature = "threads")]
    return 4 * rayon::current_num_threads();
    #[cfg(not(feature = "threads"))]
    1
}
