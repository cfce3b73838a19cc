//! RENDER: from a field to samples on a grid, band by band.
//!
//! At each position of a field of tiles, those with a weight above 0 are visited in ascending order, `value ← fma(weight,
//! network, value)` from 0, where the weight is the product of the axes' weights, first axis first; then the
//! value is converted to the units of the signal. A sample is the mean over the positions of its footprint
//! that have a value, where colours are weighted by their alpha.
//!
//! Requests are checked before they reach this module, so an index out of range is a mistake in the module:
//! it panics, since a default value would be a wrong sample.

#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic, clippy::unwrap_used))]

mod bands;
mod blend;
mod cost;
mod derivative;
mod differential;
mod footprint;
mod missing;
mod plan;
mod points;
mod spline;
mod taylor;
mod tiling;
mod work;

pub(crate) use bands::Bands;
pub use derivative::{Derivative, Layout};
pub(crate) use differential::Differential;
pub(crate) use points::Points;
pub use taylor::Taylor;
pub(crate) use taylor::{HIGHEST_ORDER, taylor};

use crate::backend::Engine;
use crate::backend::simd::{BLOCK, Workspace};
use crate::error::Result;
use crate::field::{Field, Spline};
use crate::limits::{Amount, bytes_of, try_collect, try_filled};
use crate::network::Jet;
use crate::signal::{Description, Grid, Missing, Sampling, Units};
use crate::watch::Watch;
use bands::{group_size, threads};
use plan::AxisPlan;
use std::num::Saturating;
use std::ops::{Add, Mul, Range};
use tiling::Tiling;

/// Approximate positions per band: enough to fill the CPU's kernels, few enough to stay in cache.
const BAND: u64 = 1 << 14;
/// Bytes of small allocations on each thread.
const SCRATCH: Amount = Saturating(16 << 10);

/// A grid laid over a field.
pub(crate) struct Rendering<'a> {
    source: Source<'a>,
    axes: Vec<AxisPlan>,
    channels: usize,
    /// Whether the last channel is alpha.
    alpha: bool,
    jet: Jet,
    engine: &'a Engine,
    watch: Watch<'a>,
    units: Option<&'a Units>,
    missing: Option<&'a Missing>,
}

/// What values are computed from.
enum Source<'a> {
    Siren(Tiling<'a>),
    Spline(&'a Spline),
}

/// Positions that are evaluated together: the ranges of their numbers along each axis.
struct Window<'a> {
    axes: &'a [AxisPlan],
    ranges: &'a [Range<u32>],
    jet: Jet,
    engine: &'a Engine,
    watch: &'a Watch<'a>,
}

impl<'a> Rendering<'a> {
    /// Lays `grid` over `field`, which has as many outputs as `description` has channels. The axes of the grid
    /// have been checked against the lengths of the signal.
    ///
    /// # Errors
    /// `Io` if the system has no memory for the spans of the tiles.
    pub fn new(
        field: &'a Field,
        grid: &Grid,
        description: &Description,
        jet: Jet,
        (engine, watch): (&'a Engine, Watch<'a>),
    ) -> Result<Self> {
        assert!(!grid.axes.is_empty() && grid.axes.len() == description.axes.len(), "{grid:?}");
        let axes = grid.axes.iter().zip(&description.axes);
        let axes: Vec<AxisPlan> = axes.map(|(grid, axis)| AxisPlan::new(grid, axis.length)).collect();
        let source = match field {
            Field::Siren(siren) => Source::Siren(Tiling::new(siren, &axes)?),
            Field::Spline(spline) => Source::Spline(spline),
        };
        let (channels, alpha) = (usize::from(description.channels), description.has_alpha());
        Ok(Rendering { source, axes, channels, alpha, jet, engine, watch, units: None, missing: None })
    }

    /// Returns the rendering with values in the units of the signal.
    pub fn in_units(self, units: Option<&'a Units>) -> Self {
        Rendering { units, ..self }
    }
    /// Returns the rendering with NaN where samples are missing.
    pub fn without(self, missing: Option<&'a Missing>) -> Self {
        Rendering { missing, ..self }
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
        let worker = SCRATCH
            // Values, and the sums of their means.
            + bytes_of::<f32>(slab * values)
            + bytes_of::<f64>(samples * size(self.sums_per_sample()))
            + bytes_of::<u32>(columns)
            + self.source_bytes(slab, columns, values);
        worker * size(threads()) + bytes_of::<f32>(samples * values) * size(group_size(self.band_positions()))
    }

    /// Bytes of memory for evaluating a `slab` of positions with `columns` positions along all axes together
    /// and `values` numbers at each.
    fn source_bytes(&self, slab: Amount, columns: Amount, values: Amount) -> Amount {
        let size = |n: usize| Saturating(n as u64);
        match &self.source {
            Source::Siren(Tiling { field, .. }) => {
                let widths = field.networks.iter().map(|n| n.shape().width.max(self.channels));
                // For each point of a block: two layers, of which a growing buffer may hold a smaller copy. For
                // each point of a batch: inputs, places, outputs and the copies on a device.
                let block = size(widths.max().unwrap_or(0)) * Saturating(4) * values;
                let batch = values * Saturating(4) + Saturating(64);
                // Separable data, for each axis.
                columns * tiling::COLUMN_BYTES
                    + bytes_of::<f32>(block * size(BLOCK))
                    + bytes_of::<f32>(batch * size(self.engine.points()))
            }
            Source::Spline(field) => spline::bytes(field, self.jet, self.axes.len(), slab),
        }
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
        let Sampling { count, footprint, .. } = self.last().axis;
        (self.slab_length() / footprint).clamp(1, count)
    }

    /// Positions of a band that is not the last.
    fn band_positions(&self) -> u64 {
        let along = u64::from(self.band_length()) * u64::from(self.last().axis.footprint);
        self.inner_positions().0.saturating_mul(along)
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
        let Rendering { axes, jet, engine, watch, .. } = self;
        let window = Window { axes, ranges: window, jet: *jet, engine, watch };
        match &self.source {
            Source::Siren(tiling) => tiling.values(&window, &mut out, workspace)?,
            Source::Spline(field) => spline::values(field, &window, &mut out)?,
        }
        if let Some(units) = self.units {
            units.apply(self.values_per_channel(), &mut out);
        }
        if let Some(missing) = self.missing {
            let nearest = |(plan, range): (&AxisPlan, &Range<u32>)| {
                try_collect(range.clone().map(|p| Missing::nearest(plan.position(p))))
            };
            let nearest = self.axes.iter().zip(window.ranges).map(nearest).collect::<Result<Vec<_>>>()?;
            missing::erase(missing, &nearest, self.values_per_channel(), &mut out);
        }
        Ok(out)
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
