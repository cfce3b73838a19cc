//! Scattered points: each is evaluated by the tiles that touch it, and a tile evaluates its points together.

use super::blend::{Blend, Seen};
use crate::backend::Engine;
use crate::backend::simd::Workspace;
use crate::error::{Error, Result};
use crate::ieee::ieee;
use crate::limits::try_filled;
use crate::network::{Jet, Network};
use crate::signal::{Tiles, Units};
use crate::watch::Watch;

/// The networks of a signal, ready to be evaluated at scattered points.
pub(crate) struct Points<'a> {
    pub networks: &'a [Network],
    pub tiles: &'a Tiles,
    pub channels: usize,
    pub jet: Jet,
    pub engine: &'a Engine,
    pub watch: Watch<'a>,
    pub units: Option<&'a Units>,
}

impl Points<'_> {
    /// Points that a thread evaluates at a time.
    pub const CHUNK: usize = 1 << 13;

    /// The components of the jet for each point and channel. `positions` are the first point's along all
    /// axes, then the next point's.
    pub fn evaluate(&self, positions: &[f64]) -> Result<Vec<f32>> {
        let axes = self.tiles.counts().len();
        let width = self.values_per_point();
        let points = positions.len() / axes;
        let mut out = try_filled(points as u64 * width as u64, 0.0)?;
        let chunks = (positions.chunks(Self::CHUNK * axes), out.chunks_mut(Self::CHUNK * width));
        #[cfg(feature = "threads")]
        {
            use rayon::prelude::*;
            let chunks = crate::limits::try_collect(chunks.0.zip(chunks.1))?;
            chunks.into_par_iter().try_for_each_init(Workspace::default, |workspace, (positions, out)| {
                self.evaluate_chunk(positions, out, workspace)
            })?;
        }
        #[cfg(not(feature = "threads"))]
        {
            let mut workspace = Workspace::default();
            chunks
                .0
                .zip(chunks.1)
                .try_for_each(|(positions, out)| self.evaluate_chunk(positions, out, &mut workspace))?;
        }
        Ok(out)
    }

    fn values_per_point(&self) -> usize {
        self.channels * self.jet.components(self.tiles.counts().len())
    }

    fn evaluate_chunk(&self, positions: &[f64], out: &mut [f32], workspace: &mut Workspace) -> Result<()> {
        ieee(|| self.blend(positions, out, workspace))
    }

    /// Evaluates points like [`Points::evaluate`], on one thread.
    fn blend(&self, positions: &[f64], out: &mut [f32], workspace: &mut Workspace) -> Result<()> {
        let axes = self.tiles.counts().len();
        let width = self.values_per_point();
        let mut shares: Vec<(usize, usize)> = vec![];
        for (point, position) in positions.chunks_exact(axes).enumerate() {
            let tiles = touching(self.tiles, position);
            shares.try_reserve(tiles.len()).map_err(|_| Error::out_of_memory())?;
            shares.extend(tiles.into_iter().map(|tile| (tile, point)));
        }
        // Ascending tile numbers, the order in which the specification blends.
        shares.sort_unstable();
        for group in shares.chunk_by(|a, b| a.0 == b.0) {
            let (number, _) = group[0];
            let tile = self.tiles.tile(number);
            let mut blend = Blend::new((self.engine, &self.watch), &self.networks[number], &tile, self.jet);
            for &(_, point) in group {
                let position = positions[point * axes..][..axes].iter();
                let seen = position.enumerate().map(|(a, &p)| Seen::new(self.tiles, &tile, a, p));
                blend.push(seen, point * width, out, workspace)?;
            }
            blend.flush(out, workspace)?;
        }
        if let Some(units) = self.units {
            units.apply(self.jet.components(axes), out);
        }
        Ok(())
    }
}

/// The numbers of the tiles that touch `position`, at most two for each axis.
pub(super) fn touching(tiles: &Tiles, position: &[f64]) -> Vec<usize> {
    let (mut numbers, mut stride) = (vec![0], 1);
    for (a, (&p, &count)) in position.iter().zip(tiles.counts()).enumerate() {
        let shares = tiles.touching(a, p).map(|k| stride * k as usize);
        numbers = shares.flat_map(|share| numbers.iter().map(move |n| share + n)).collect();
        stride *= count as usize;
    }
    numbers
}
