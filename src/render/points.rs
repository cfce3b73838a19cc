//! Scattered points. In a field of tiles each is evaluated by the tiles that touch it, and a tile evaluates its points together.

use super::blend::{Blend, Seen};
use super::work::Work;
use super::{missing, spline};
use crate::backend::Engine;
use crate::backend::simd::Workspace;
use crate::error::{Error, Result};
use crate::field::{Field, Siren};
use crate::ieee::ieee;
use crate::limits::try_filled;
use crate::network::{Jet, Network};
use crate::signal::{Missing, Tiles, Units};
use crate::watch::Watch;
use std::num::Saturating;

/// A field, ready to be evaluated at scattered points.
pub(crate) struct Points<'a> {
    pub field: &'a Field,
    pub axes: usize,
    pub channels: usize,
    pub jet: Jet,
    pub engine: &'a Engine,
    pub watch: Watch<'a>,
    pub units: Option<&'a Units>,
    pub missing: Option<&'a Missing>,
}

impl Points<'_> {
    /// Points that a thread evaluates at a time.
    pub const CHUNK: usize = 1 << 13;

    /// The most work that `points` scattered points of `field` can take.
    pub fn work(field: &Field, jet: Jet, points: u64) -> Work {
        let siren = match field {
            Field::Siren(siren) => siren,
            Field::Spline(field) => {
                return spline::work(field, jet, field.shape.lengths.len(), Saturating(points));
            }
        };
        // At most two tiles of an axis touch a point. Each may evaluate only that point, but a chunk of
        // points visits no tile twice.
        let cut = siren.tiles.counts().iter().filter(|&&count| count > 1).count();
        let positions = Saturating(points) * Saturating(1 << cut);
        let chunks = Saturating(points.div_ceil(Self::CHUNK as u64));
        let visits = (chunks * Saturating(siren.tiles.len() as u64)).min(positions).0;
        let work = |network: &Network| Work::of(network.shape(), jet, positions, visits);
        siren.networks.iter().map(work).max_by_key(|work| work.total()).unwrap_or_default()
    }

    /// The components of the jet for each point and channel. `positions` are the first point's along all
    /// axes, then the next point's.
    pub fn evaluate(&self, positions: &[f64]) -> Result<Vec<f32>> {
        let axes = self.axes;
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
        self.channels * self.jet.components(self.axes)
    }

    fn evaluate_chunk(&self, positions: &[f64], out: &mut [f32], workspace: &mut Workspace) -> Result<()> {
        ieee(|| match self.field {
            Field::Siren(siren) => self.blend(siren, positions, out, workspace),
            Field::Spline(field) => spline::at_points(field, self.jet, positions, &self.watch, out),
        })?;
        if let Some(units) = self.units {
            ieee(|| units.apply(self.jet.components(self.axes), out));
        }
        if let Some(missing) = self.missing {
            let points = positions.chunks_exact(self.axes).zip(out.chunks_exact_mut(self.values_per_point()));
            let components = self.jet.components(self.axes);
            points.for_each(|(position, out)| missing::erase_point(missing, position, components, out));
        }
        Ok(())
    }

    /// Blends the values of the tiles that touch the points.
    fn blend(
        &self,
        Siren { tiles, networks }: &Siren,
        positions: &[f64],
        out: &mut [f32],
        workspace: &mut Workspace,
    ) -> Result<()> {
        let axes = self.axes;
        let width = self.values_per_point();
        let mut shares: Vec<(usize, usize)> = vec![];
        for (point, position) in positions.chunks_exact(axes).enumerate() {
            let seen = touching(tiles, position);
            shares.try_reserve(seen.len()).map_err(|_| Error::out_of_memory())?;
            shares.extend(seen.into_iter().map(|tile| (tile, point)));
        }
        // Ascending tile numbers, the order in which the specification blends.
        shares.sort_unstable();
        for group in shares.chunk_by(|a, b| a.0 == b.0) {
            let (number, _) = group[0];
            let tile = tiles.tile(number);
            let mut blend = Blend::new((self.engine, &self.watch), &networks[number], &tile, self.jet);
            for &(_, point) in group {
                let position = positions[point * axes..][..axes].iter();
                let seen = position.enumerate().map(|(a, &p)| Seen::new(tiles, &tile, a, p));
                blend.push(seen, point * width, out, workspace)?;
            }
            blend.flush(out, workspace)?;
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
