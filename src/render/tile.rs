//! The share of one tile: its network at the positions it sees, blended into what is there.

use super::Rendering;
use crate::backend::simd::{BLOCK, Level, Workspace};
use crate::network::Network;
use crate::signal::Tile;
use std::ops::Range;

impl Rendering<'_> {
    /// Adds the share of one tile at the positions `visible` to `out`, which covers the positions `window`.
    pub(super) fn add_tile(
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
                let column = visible[a].clone().map(|p| {
                    let position = self.axes[a].position(p);
                    let weight = self.tiles.weight(a, tile.index[a], position);
                    (tile.coordinate(a, position), weight, stride * (p - window[a].start) as usize)
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
