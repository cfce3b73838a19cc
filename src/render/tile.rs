//! The share of one tile in a window of positions.

use super::Rendering;
use super::blend::{Blend, Seen};
use crate::backend::simd::Workspace;
use crate::error::Result;
use crate::limits::collected;
use std::ops::Range;

/// Bytes of what a tile sees at a position along an axis, and its place.
pub(super) const COLUMN_BYTES: u64 = size_of::<(Seen, usize)>() as u64;

impl Rendering<'_> {
    /// Adds the share of tile `number` at the positions `visible` to `out`, which covers the positions `window`.
    pub(super) fn add_tile(
        &self,
        number: usize,
        window: &[Range<u32>],
        visible: &[Range<u32>],
        out: &mut [f32],
        workspace: &mut Workspace,
    ) -> Result<()> {
        let tile = self.tiles.tile(number);
        // What is separable, per axis: what the tile sees, and places in `out`.
        let mut stride = self.values_per_position();
        let ranges = self.axes.iter().zip(visible.iter().zip(window)).enumerate();
        let axes: Vec<Vec<(Seen, usize)>> = ranges
            .map(|(a, (plan, (visible, window)))| {
                let column = visible.clone().map(|p| {
                    let seen = Seen::new(self.tiles, &tile, a, plan.position(p));
                    (seen, stride.saturating_mul(p.abs_diff(window.start) as usize))
                });
                let column = collected(column);
                stride = stride.saturating_mul(window.len());
                column
            })
            .collect::<Result<_>>()?;
        let Some(network) = self.networks.get(number) else { return Ok(()) };
        let mut blend = Blend::new((self.engine, &self.watch), network, &tile, self.jet);
        let mut cursor = vec![0usize; axes.len()];
        for _ in 0..axes.iter().map(Vec::len).fold(1, usize::saturating_mul) {
            let point = || cursor.iter().zip(&axes).filter_map(|(&c, axis)| axis.get(c).copied());
            let place = point().map(|(_, place)| place).sum();
            blend.push(point().map(|(seen, _)| seen), place, out, workspace)?;
            for (c, axis) in cursor.iter_mut().zip(&axes) {
                *c = c.saturating_add(1);
                if *c < axis.len() {
                    break;
                }
                *c = 0;
            }
        }
        blend.flush(out, workspace)
    }
}
