//! RENDER: from networks to samples on a grid, tile by tile, band by band.
//!
//! At each position the tiles with a weight above 0 are visited in ascending order, `value ← fma(weight,
//! network, value)` from 0, where the weight is the product of the axes' weights, first axis first; then the
//! value is converted to the units of the signal. A sample is the mean over the positions of its footprint,
//! where colours are weighted by their alpha.
//!
//! Requests are checked before they reach this module, so an index out of range is a mistake in the module:
//! it panics, since a default value would be a wrong sample.

#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic, clippy::unwrap_used))]

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
pub use derivative::{Derivative, Layout};
pub(crate) use points::Points;
pub use taylor::Taylor;
pub(crate) use taylor::{HIGHEST_ORDER, taylor};

use crate::backend::Engine;
use crate::backend::simd::{BLOCK, Workspace};
use crate::error::Result;
use crate::limits::{Amount, bytes_of, try_filled};
use crate::network::{Jet, Network};
use crate::signal::{Axis, Description, Grid, Tiles, Units};
use crate::watch::Watch;
use bands::{group_size, threads};
use plan::AxisPlan;
use std::num::Saturating;
use std::ops::{Add, Mul, Range};

/// Approximate positions per band: enough to fill the CPU's kernels, few enough to stay in cache.
const BAND: u64 = 1 << 14;
/// Bytes of small allocations on each thread.
const SCRATCH: Amount = Saturating(16 << 10);

/// A grid laid over tiles.
pub(crate) struct Rendering<'a> {
    networks: &'a [Network],
    tiles: &'a Tiles,
    axes: Vec<AxisPlan>,
    channels: usize,
    /// Whether the last channel is alpha.
    alpha: bool,
    jet: Jet,
    engine: &'a Engine,
    watch: Watch<'a>,
    units: Option<&'a Units>,
}

impl<'a> Rendering<'a> {
    /// Lays `grid` over the tiles of `networks`, which all have as many outputs as `description` has
    /// channels. The axes of the grid have been checked against the lengths of the signal.
    ///
    /// # Errors
    /// `Io` if the system has no memory for the spans of the tiles.
    pub fn new(
        networks: &'a [Network],
        tiles: &'a Tiles,
        grid: &Grid,
        description: &Description,
        jet: Jet,
        (engine, watch): (&'a Engine, Watch<'a>),
    ) -> Result<Self> {
        assert!(!grid.axes.is_empty() && grid.axes.len() == description.lengths.len(), "{grid:?}");
        assert_eq!(networks.len(), tiles.len(), "networks");
        let axes = grid.axes.iter().zip(&description.lengths).enumerate();
        let axes: Result<_> =
            axes.map(|(a, (axis, &length))| AxisPlan::new(tiles, a, axis, length)).collect();
        let (channels, alpha) = (usize::from(description.channels), description.has_alpha());
        Ok(Rendering { networks, tiles, axes: axes?, channels, alpha, jet, engine, watch, units: None })
    }

    /// Returns the rendering with values in the units of the signal.
    pub fn in_units(self, units: Option<&'a Units>) -> Self {
        Rendering { units, ..self }
    }

    /// Numbers at a position: for each channel the components of the jet.
    pub fn values_per_position(&self) -> usize {
        self.channels * self.values_per_channel()
    }
    /// Components of the jet of one channel.
    fn values_per_channel(&self) -> usize {
        self.jet.components(self.axes.len())
    }

    /// Bytes of memory in addition to the result: finished bands that wait to be returned, and the buffers of
    /// each thread.
    pub fn working_bytes(&self) -> Amount {
        let size = |n: usize| Saturating(n as u64);
        let count = |n: u32| Saturating(u64::from(n));
        let values = size(self.values_per_position());
        let line = self.inner().map(|plan| count(plan.axis.count)).fold(count(1), Mul::mul);
        let samples = line * count(self.band_length());
        let slab_length = count(self.slab_length().min(self.last().positions()));
        let slab = self.inner_positions() * slab_length;
        let columns = self.inner().map(|plan| count(plan.positions())).fold(slab_length, Add::add);
        let width = self.networks.iter().map(|n| n.shape().width.max(self.channels)).max().unwrap_or(0);
        // For each point of a block: two layers, of which a growing buffer may hold a smaller copy. For each
        // point of a batch: inputs, places, outputs and the copies on a device.
        let block = size(width) * Saturating(4) * values;
        let batch = values * Saturating(4) + Saturating(64);
        let worker = SCRATCH
            // Values, and the sums of their means.
            + bytes_of::<f32>(slab * values)
            + bytes_of::<f64>(samples * size(self.sums_per_sample()))
            // Separable data, for each axis.
            + columns * tile::COLUMN_BYTES
            + bytes_of::<f32>(block * size(BLOCK))
            + bytes_of::<f32>(batch * size(self.engine.points()));
        worker * size(threads()) + bytes_of::<f32>(samples * values) * size(group_size())
    }

    /// The rendering in bands along the last axis, in order, `samples × channels × components` values each.
    pub fn bands(self) -> Bands<'a> {
        Bands::new(self)
    }

    /// The axis along which bands are divided.
    fn last(&self) -> &AxisPlan {
        &self.axes[self.axes.len() - 1]
    }
    /// All axes but the last.
    fn inner(&self) -> impl Iterator<Item = &AxisPlan> {
        self.axes[..self.axes.len() - 1].iter()
    }
    /// Positions for each position along the last axis.
    fn inner_positions(&self) -> Amount {
        self.inner().map(|plan| Saturating(plan.positions().into())).fold(Saturating(1), Mul::mul)
    }
    /// Positions along the last axis that are evaluated together.
    fn slab_length(&self) -> u32 {
        (BAND.max(self.engine.points() as u64) / self.inner_positions().0).max(1) as u32
    }
    /// Samples of a band along the last axis.
    fn band_length(&self) -> u32 {
        let Axis { count, footprint, .. } = self.last().axis;
        (self.slab_length() / footprint).clamp(1, count)
    }

    /// The samples whose last index lies in `band`.
    fn band(&self, band: &Range<u32>, workspace: &mut Workspace) -> Result<Vec<f32>> {
        let footprint = self.last().axis.footprint;
        let last = band.start * footprint..band.end * footprint;
        let window: Vec<Range<u32>> = self.inner().map(|plan| 0..plan.positions()).chain([last]).collect();
        if self.axes.iter().all(|plan| plan.axis.footprint == 1) {
            return self.values(&window, workspace);
        }
        self.means(&window, workspace)
    }

    /// The values at the positions `window`.
    fn values(&self, window: &[Range<u32>], workspace: &mut Workspace) -> Result<Vec<f32>> {
        let positions: u64 = window.iter().map(|w| w.len() as u64).product();
        let mut out = try_filled(positions * self.values_per_position() as u64, 0.0)?;
        for number in self.tiles_in(window) {
            let index = self.tiles.tile(number).index;
            let spans = self.axes.iter().zip(&index).map(|(plan, &k)| &plan.spans[k as usize]);
            let visible: Vec<Range<u32>> =
                spans.zip(window).map(|(s, w)| s.start.max(w.start)..s.end.min(w.end)).collect();
            if visible.iter().all(|v| !v.is_empty()) {
                self.add_tile(number, window, &visible, &mut out, workspace)?;
            }
        }
        if let Some(units) = self.units {
            units.apply(self.values_per_channel(), &mut out);
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
        let count: usize = seen.iter().map(|(_, range)| range.len()).product();
        (0..count).map(move |mut n| {
            let (mut number, mut stride) = (0, 1);
            for (tiles, range) in &seen {
                number += stride * (range.start + n % range.len());
                n /= range.len();
                stride *= tiles;
            }
            number
        })
    }
}

/// Advances to the next index of a box of `lengths`, first axis fastest; the last index is followed by the
/// first.
fn advance(index: &mut [usize], lengths: impl Iterator<Item = usize>) {
    for (i, length) in index.iter_mut().zip(lengths) {
        *i += 1;
        if *i < length {
            return;
        }
        *i = 0;
    }
}
