//! The contribution of one tile to a window of positions.

use super::blend::{Blend, Seen};
use super::{Rendering, advance};
use crate::backend::simd::Workspace;
use crate::error::Result;
use crate::limits::{Amount, try_collect};
use std::num::Saturating;
use std::ops::Range;

/// Bytes of a tile's view of a position along an axis, and its place.
pub(super) const COLUMN_BYTES: Amount = Saturating(size_of::<(Seen, usize)>() as u64);

impl Rendering<'_> {
    /// Adds the contribution of tile `number` at the positions `visible` to `out`, which covers the positions
    /// `window`.
    pub(super) fn add_tile(
        &self,
        number: usize,
        window: &[Range<u32>],
        visible: &[Range<u32>],
        out: &mut [f32],
        workspace: &mut Workspace,
    ) -> Result<()> {
        let tile = self.tiles.tile(number);
        // For each axis: the tile's views of its positions, and their offsets in `out`.
        let mut stride = self.values_per_position();
        let ranges = self.axes.iter().zip(visible.iter().zip(window)).enumerate();
        let axes: Vec<Vec<(Seen, usize)>> = ranges
            .map(|(a, (plan, (visible, window)))| {
                let column = visible.clone().map(|p| {
                    let seen = Seen::new(self.tiles, &tile, a, plan.position(p));
                    (seen, stride * (p - window.start) as usize)
                });
                let column = try_collect(column);
                stride *= window.len();
                column
            })
            .collect::<Result<_>>()?;
        let mut blend = Blend::new((self.engine, &self.watch), &self.networks[number], &tile, self.jet);
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
