//! RENDER: networks to samples on a grid, tile by tile, band by band.
//!
//! At each position the tiles with a weight above 0 are visited in ascending order, `value ← fma(weight, network,
//! value)` from 0, where the weight is the product of the axes' weights, first axis first. A sample is the mean over
//! the positions of its footprint.

mod bands;
mod blend;
mod derivative;
mod footprint;
mod plan;
mod points;
mod taylor;
mod tile;

pub(crate) use bands::Bands;
pub use derivative::Derivative;
pub(crate) use points::Points;
pub use taylor::Taylor;
pub(crate) use taylor::{HIGHEST_ORDER, taylor};

use crate::backend::simd::Workspace;
use crate::network::{Jet, Network};
use crate::signal::{Grid, Tiles};
use bands::group_size;
use blend::components;
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
    /// What is computed; `None` is the value alone.
    jet: Option<Jet>,
}

impl<'a> Rendering<'a> {
    /// Lays `grid` over the tiles of `networks`, which all have `channels` outputs. The axes of the grid have been
    /// checked against `lengths`.
    pub fn new(
        networks: &'a [Network],
        tiles: &'a Tiles,
        grid: &Grid,
        lengths: &[u32],
        channels: usize,
        jet: Option<Jet>,
    ) -> Self {
        let axes = grid.axes.iter().zip(lengths).enumerate();
        let axes = axes.map(|(a, (axis, &length))| AxisPlan::new(tiles, a, axis, length)).collect();
        Rendering { networks, tiles, axes, channels, jet }
    }

    /// Numbers at a position: all channels, and of each the components of the jet.
    pub fn values_per_position(&self) -> usize {
        self.channels * components(self.jet, self.axes.len())
    }

    /// Multiply-adds of the whole rendering; a component of a jet costs as much as a value.
    pub fn macs(&self) -> u64 {
        let components = components(self.jet, self.axes.len()) as u64;
        self.networks.iter().enumerate().fold(0u64, |sum, (number, network)| {
            let index = self.tiles.tile(number).index;
            let seen = self.axes.iter().zip(index).map(|(axis, k)| axis.spans[k as usize].len() as u64);
            let positions = seen.fold(1, u64::saturating_mul);
            sum.saturating_add(positions.saturating_mul(components * network.shape().macs() as u64))
        })
    }

    /// Bytes of memory beside the result: the bands in work.
    pub fn working_bytes(&self) -> u64 {
        let line = self.inner().map(|plan| u64::from(plan.axis.count)).fold(1, u64::saturating_mul);
        let samples = line.saturating_mul(u64::from(self.band_length()));
        let last = self.axes.last().map_or(0, AxisPlan::positions);
        let positions = self.inner_positions().saturating_mul(u64::from(self.slab_length().min(last)));
        let bytes = samples.saturating_mul(8).saturating_add(positions.saturating_mul(4));
        bytes.saturating_mul((group_size() * self.values_per_position()) as u64)
    }

    /// The rendering in bands along the last axis, in order, `samples × channels × components` values each.
    pub fn bands(self) -> Bands<'a> {
        Bands::new(self)
    }

    /// All axes but the last.
    fn inner(&self) -> impl Iterator<Item = &AxisPlan> {
        self.axes.iter().rev().skip(1)
    }
    /// Positions for each position along the last axis.
    fn inner_positions(&self) -> u64 {
        self.inner().map(|plan| u64::from(plan.positions())).fold(1, u64::saturating_mul)
    }
    /// Positions along the last axis that are evaluated at once.
    fn slab_length(&self) -> u32 {
        (BAND / self.inner_positions()).max(1) as u32
    }
    /// Samples along the last axis of a band.
    fn band_length(&self) -> u32 {
        let footprint = self.axes.last().map_or(1, |plan| plan.axis.footprint);
        (self.slab_length() / footprint).clamp(1, self.last_count())
    }
    /// Samples along the last axis.
    fn last_count(&self) -> u32 {
        self.axes.last().map_or(1, |plan| plan.axis.count)
    }

    /// The samples whose last index lies in `band`.
    fn band(&self, band: &Range<u32>, workspace: &mut Workspace) -> Vec<f32> {
        let mut window: Vec<Range<u32>> = self.axes.iter().map(|plan| 0..plan.positions()).collect();
        let Some((last, plan)) = window.last_mut().zip(self.axes.last()) else { return vec![] };
        let footprint = plan.axis.footprint;
        *last = band.start * footprint..band.end * footprint;
        if self.axes.iter().all(|plan| plan.axis.footprint == 1) {
            return self.values(&window, workspace);
        }
        self.means(&window, workspace)
    }

    /// The values at the positions `window`.
    fn values(&self, window: &[Range<u32>], workspace: &mut Workspace) -> Vec<f32> {
        let positions: usize = window.iter().map(|w| w.len()).product();
        let mut out = vec![0.0; positions * self.values_per_position()];
        for number in self.tiles_in(window) {
            let index = self.tiles.tile(number).index;
            let spans = self.axes.iter().zip(&index).map(|(plan, &k)| &plan.spans[k as usize]);
            let visible: Vec<Range<u32>> =
                spans.zip(window).map(|(s, w)| s.start.max(w.start)..s.end.min(w.end)).collect();
            if visible.iter().all(|v| !v.is_empty()) {
                self.add_tile(number, window, &visible, &mut out, workspace);
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
}
