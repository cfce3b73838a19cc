//! The share of one tile in a window of positions.

use super::Rendering;
use super::blend::{Blend, Seen};
use crate::backend::simd::Workspace;
use std::ops::Range;

impl Rendering<'_> {
    /// Adds the share of tile `number` at the positions `visible` to `out`, which covers the positions `window`.
    pub(super) fn add_tile(
        &self,
        number: usize,
        window: &[Range<u32>],
        visible: &[Range<u32>],
        out: &mut [f32],
        workspace: &mut Workspace,
    ) {
        let tile = self.tiles.tile(number);
        // What is separable, per axis: what the tile sees, and places in `out`.
        let mut stride = self.values_per_position();
        let axes: Vec<Vec<(Seen, usize)>> = (0..visible.len())
            .map(|a| {
                let column = visible[a].clone().map(|p| {
                    let seen = Seen::new(self.tiles, &tile, a, self.axes[a].position(p));
                    (seen, stride * (p - window[a].start) as usize)
                });
                let column = column.collect();
                stride *= window[a].len();
                column
            })
            .collect();
        let mut blend = Blend::new(&self.networks[number], &tile, self.jet);
        let mut cursor = vec![0usize; axes.len()];
        for _ in 0..axes.iter().map(Vec::len).product() {
            let point = || cursor.iter().zip(&axes).map(|(&c, axis)| axis[c]);
            let place = point().map(|(_, place)| place).sum();
            blend.push(point().map(|(seen, _)| seen), place, out, workspace);
            for (c, axis) in cursor.iter_mut().zip(&axes) {
                *c += 1;
                if *c < axis.len() {
                    break;
                }
                *c = 0;
            }
        }
        blend.flush(out, workspace);
    }
}
