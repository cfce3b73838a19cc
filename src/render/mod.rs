//! RENDER: networks to samples on a grid, tile by tile, band by band.
//!
//! At each position the tiles with a weight above 0 are visited in ascending order, `value ← fma(weight, network,
//! value)` from 0, where the weight is the product of the axes' weights, first axis first; then it is taken to the units of
//! the signal. A sample is the mean over the positions of its footprint, where colours count by their alpha.

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

mod bands;
mod blend;
mod cost;
mod derivative;
mod footprint;
mod plan;
mod points;
mod taylor;
mod tile;

pub(crate) use bands::Bands;
pub(crate) use cost::Work;
pub use derivative::Derivative;
pub(crate) use points::Points;
pub use taylor::Taylor;
pub(crate) use taylor::{HIGHEST_ORDER, taylor};

use crate::backend::Engine;
use crate::backend::simd::{BLOCK, Workspace};
use crate::error::Result;
use crate::limits::{bytes_of, filled};
use crate::network::{Jet, Network};
use crate::signal::{Description, Grid, Tiles, Units};
use crate::watch::Watch;
use bands::{group_size, threads};
use blend::components;
use plan::AxisPlan;
use std::ops::Range;

/// Positions per band, about: enough to fill the CPU's kernels, little enough to stay in cache.
const BAND: u64 = 1 << 14;
/// Bytes of small things on each thread.
const SCRATCH: u64 = 16 << 10;

/// A grid laid over tiles.
pub(crate) struct Rendering<'a> {
    networks: &'a [Network],
    tiles: &'a Tiles,
    axes: Vec<AxisPlan>,
    channels: usize,
    /// Whether the last channel is alpha.
    alpha: bool,
    /// What is computed; `None` is the value alone.
    jet: Option<Jet>,
    engine: &'a Engine,
    watch: Watch<'a>,
    units: Option<&'a Units>,
}

impl<'a> Rendering<'a> {
    /// Lays `grid` over the tiles of `networks`, which all have as many outputs as `description` has channels. The axes of
    /// the grid have been checked against its lengths.
    ///
    /// # Errors
    /// `Io` if the system has no memory for what each tile sees of the axes.
    pub fn new(
        networks: &'a [Network],
        tiles: &'a Tiles,
        grid: &Grid,
        description: &Description,
        jet: Option<Jet>,
        (engine, watch): (&'a Engine, Watch<'a>),
    ) -> Result<Self> {
        let axes = grid.axes.iter().zip(&description.lengths).enumerate();
        let axes: Result<_> =
            axes.map(|(a, (axis, &length))| AxisPlan::new(tiles, a, axis, length)).collect();
        let (channels, alpha) = (usize::from(description.channels), description.has_alpha());
        Ok(Rendering { networks, tiles, axes: axes?, channels, alpha, jet, engine, watch, units: None })
    }

    /// The same rendering, of a signal in such units.
    pub fn in_units(self, units: Option<&'a Units>) -> Self {
        Rendering { units, ..self }
    }

    /// Numbers at a position: all channels, and of each the components of the jet.
    pub fn values_per_position(&self) -> usize {
        self.channels.saturating_mul(self.values_per_channel())
    }
    /// Those of one channel.
    fn values_per_channel(&self) -> usize {
        components(self.jet, self.axes.len())
    }

    /// Bytes of memory beside the result: finished bands that wait for their turn, and what each thread works with.
    pub fn working_bytes(&self) -> u64 {
        let product =
            |factors: &[u64]| factors.iter().fold(1, |product: u64, &factor| product.saturating_mul(factor));
        let (values, last) =
            (self.values_per_position() as u64, self.axes.last().map_or(0, AxisPlan::positions));
        let line = self.inner().map(|plan| u64::from(plan.axis.count)).fold(1, u64::saturating_mul);
        let samples = product(&[line, self.band_length().into(), values]);
        let slab = product(&[self.inner_positions(), self.slab_length().min(last).into(), values]);
        let inner: u64 = self.inner().map(|plan| u64::from(plan.positions())).sum();
        let columns = inner.saturating_add(self.slab_length().min(last).into());
        let width =
            self.networks.iter().map(|n| n.shape().width.max(self.channels) as u64).max().unwrap_or(0);
        // Per point of a block two layers, of which a growing buffer may hold a smaller copy; of a batch inputs, places, outputs and what a
        // device has of them.
        let block = width.saturating_mul(4).saturating_mul(values);
        let batch = values.saturating_mul(4).saturating_add(64);
        let worker = [
            // Values and the sums of their means.
            bytes_of::<f32>(slab),
            bytes_of::<f64>(product(&[line, self.band_length().into(), self.sums_per_sample() as u64])),
            // What is separable, per axis.
            columns.saturating_mul(tile::COLUMN_BYTES),
            bytes_of::<f32>(product(&[block, BLOCK as u64])),
            bytes_of::<f32>(product(&[batch, self.engine.points() as u64])),
        ];
        let worker = worker.iter().fold(SCRATCH, |sum, &bytes| sum.saturating_add(bytes));
        let bands = product(&[bytes_of::<f32>(samples), group_size() as u64]);
        product(&[worker, threads() as u64]).saturating_add(bands)
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
        BAND.max(self.engine.points() as u64).checked_div(self.inner_positions()).unwrap_or(0).max(1) as u32
    }
    /// Samples along the last axis of a band.
    fn band_length(&self) -> u32 {
        let footprint = self.axes.last().map_or(1, |plan| plan.axis.footprint);
        self.slab_length().checked_div(footprint).unwrap_or(0).clamp(1, self.last_count())
    }
    /// Samples along the last axis.
    fn last_count(&self) -> u32 {
        self.axes.last().map_or(1, |plan| plan.axis.count)
    }

    /// The samples whose last index lies in `band`.
    fn band(&self, band: &Range<u32>, workspace: &mut Workspace) -> Result<Vec<f32>> {
        let mut window: Vec<Range<u32>> = self.axes.iter().map(|plan| 0..plan.positions()).collect();
        let Some((last, plan)) = window.last_mut().zip(self.axes.last()) else { return Ok(vec![]) };
        let footprint = plan.axis.footprint;
        *last = band.start.saturating_mul(footprint)..band.end.saturating_mul(footprint);
        if self.axes.iter().all(|plan| plan.axis.footprint == 1) {
            return self.values(&window, workspace);
        }
        self.means(&window, workspace)
    }

    /// The values at the positions `window`.
    fn values(&self, window: &[Range<u32>], workspace: &mut Workspace) -> Result<Vec<f32>> {
        let positions = window.iter().map(|w| w.len()).fold(1, usize::saturating_mul);
        let mut out = filled(positions.saturating_mul(self.values_per_position()), 0.0)?;
        for number in self.tiles_in(window) {
            let index = self.tiles.tile(number).index;
            let spans = self.axes.iter().zip(&index).map(|(plan, &k)| plan.span(k));
            let visible: Vec<Range<u32>> =
                spans.zip(window).map(|(s, w)| s.start.max(w.start)..s.end.min(w.end)).collect();
            if visible.iter().all(|v| !v.is_empty()) {
                self.add_tile(number, window, &visible, &mut out, workspace)?;
            }
        }
        if let Some(units) = self.units {
            units.apply(components(self.jet, self.axes.len()), &mut out);
        }
        Ok(out)
    }

    /// The tiles that may be visible in `window`, in ascending order.
    fn tiles_in(&self, window: &[Range<u32>]) -> impl Iterator<Item = usize> {
        let seen: Vec<(usize, Range<usize>)> = self
            .axes
            .iter()
            .zip(window)
            .map(|(plan, window)| (plan.spans.len(), plan.tiles_in(window)))
            .collect();
        let count = seen.iter().map(|(_, range)| range.len()).fold(1, usize::saturating_mul);
        (0..count).map(move |mut n| {
            let (mut number, mut stride) = (0usize, 1usize);
            for (tiles, range) in &seen {
                let along = n.checked_rem(range.len()).unwrap_or(0).saturating_add(range.start);
                n = n.checked_div(range.len()).unwrap_or(0);
                number = number.saturating_add(stride.saturating_mul(along));
                stride = stride.saturating_mul(*tiles);
            }
            number
        })
    }
}
