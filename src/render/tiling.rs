//! A grid laid over tiles, and the contribution of one tile to a window of positions.

use super::blend::{Blend, Seen};
use super::plan::AxisPlan;
use super::{Window, advance};
use crate::backend::simd::Workspace;
use crate::error::Result;
use crate::field::Siren;
use crate::limits::{Amount, try_collect};
use crate::signal::{Tiles, first_index};
use std::num::Saturating;
use std::ops::Range;

/// Bytes of a tile's view of a position along an axis, and its place.
pub(super) const COLUMN_BYTES: Amount = Saturating(size_of::<(Seen, usize)>() as u64);

/// A grid laid over the tiles of a field.
pub(super) struct Tiling<'a> {
    pub field: &'a Siren,
    /// Along each axis, for each tile, the positions at which its weight is above 0.
    pub spans: Vec<Vec<Range<u32>>>,
}

impl<'a> Tiling<'a> {
    /// Lays the axes over the tiles of `field`.
    ///
    /// # Errors
    /// `Io` if the system has no memory for the spans.
    pub fn new(field: &'a Siren, axes: &[AxisPlan]) -> Result<Self> {
        assert_eq!(field.networks.len(), field.tiles.len(), "networks");
        let spans: Result<_> =
            axes.iter().enumerate().map(|(a, plan)| spans(&field.tiles, a, plan)).collect();
        Ok(Tiling { field, spans: spans? })
    }

    /// Adds all tiles at the positions of `window` to `out`, in ascending order.
    pub fn values(&self, window: &Window<'_>, out: &mut [f32], workspace: &mut Workspace) -> Result<()> {
        for number in self.tiles_in(window.ranges) {
            let index = self.field.tiles.tile(number).index;
            let spans = self.spans.iter().zip(&index).map(|(spans, &k)| &spans[k as usize]);
            let visible: Vec<Range<u32>> =
                spans.zip(window.ranges).map(|(s, w)| s.start.max(w.start)..s.end.min(w.end)).collect();
            if visible.iter().all(|v| !v.is_empty()) {
                self.add_tile(number, window, &visible, out, workspace)?;
            }
        }
        Ok(())
    }

    /// The tiles that may be visible in `window`, in ascending order.
    fn tiles_in(&self, window: &[Range<u32>]) -> impl Iterator<Item = usize> {
        let seen: Vec<(usize, Range<usize>)> = self
            .spans
            .iter()
            .zip(window)
            .map(|(spans, window)| {
                let first = spans.partition_point(|seen| seen.end <= window.start);
                let end = spans.partition_point(|seen| seen.start < window.end);
                (spans.len(), first..end.max(first))
            })
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

    /// Adds the contribution of tile `number` at the positions `visible` to `out`, which covers `window`.
    fn add_tile(
        &self,
        number: usize,
        window: &Window<'_>,
        visible: &[Range<u32>],
        out: &mut [f32],
        workspace: &mut Workspace,
    ) -> Result<()> {
        let Siren { tiles, networks } = self.field;
        let tile = tiles.tile(number);
        // For each axis: the tile's views of its positions, and their offsets in `out`.
        let mut stride = out.len() / window.ranges.iter().map(|range| range.len()).product::<usize>();
        let ranges = window.axes.iter().zip(visible.iter().zip(window.ranges)).enumerate();
        let axes: Vec<Vec<(Seen, usize)>> = ranges
            .map(|(a, (plan, (visible, window)))| {
                let column = visible.clone().map(|p| {
                    let seen = Seen::new(tiles, &tile, a, plan.position(p));
                    (seen, stride * (p - window.start) as usize)
                });
                let column = try_collect(column);
                stride *= window.len();
                column
            })
            .collect::<Result<_>>()?;
        let mut blend = Blend::new((window.engine, window.watch), &networks[number], &tile, window.jet);
        let mut index = vec![0; axes.len()];
        for _ in 0..axes.iter().map(Vec::len).product() {
            let point = || index.iter().zip(&axes).map(|(&i, axis)| axis[i]);
            let place = point().map(|(_, place)| place).sum();
            blend.push(point().map(|(seen, _)| seen), place, out, workspace)?;
            advance(&mut index, axes.iter().map(Vec::len));
        }
        blend.flush(out, workspace)
    }
}

/// The first index from `from` on for which `passed` holds, or `count` if there is none; `passed` holds from
/// some index on and for none before `from`. Doubling steps find a near index fast: a million tiles may be
/// searched for one after the other.
fn first_from(mut from: u32, count: u32, passed: impl Fn(u32) -> bool) -> u32 {
    let mut step = 0u64;
    loop {
        let candidate = (u64::from(from) + step).min(count.into()) as u32;
        if candidate == count || passed(candidate) {
            return from + first_index(candidate - from, |i| passed(from + i));
        }
        from = candidate + 1;
        step = (step * 2).max(1);
    }
}

/// For each tile along axis `number`, the positions of `plan` at which its weight is above 0.
fn spans(tiles: &Tiles, number: usize, plan: &AxisPlan) -> Result<Vec<Range<u32>>> {
    // Positions ascend, and so do the tiles that touch them.
    let touching = |p: u32| tiles.touching(number, plan.position(p));
    let (count, positions) = (tiles.counts()[number], plan.positions());
    let (mut start, mut end) = (0, 0);
    let span = |k| {
        start = first_from(start, positions, |p| *touching(p).end() >= k);
        end = first_from(end, positions, |p| *touching(p).start() > k);
        start..end
    };
    try_collect((0..count).map(span))
}
