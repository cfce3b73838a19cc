//! container → network → a handle to render from.

use crate::container::{self, File};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::network::Network;
use crate::render::Rendering;
use crate::signal::{Description, Grid, Metadata, Tiles};
use std::io::Read;

/// An opened `.siren` file, ready to render.
#[derive(Clone, Debug)]
pub struct Decoder {
    file: File,
    networks: Vec<Network>,
    limits: Limits,
}

/// What a rendering costs, known before it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Positions × channels.
    pub samples: u64,
    /// Multiply-adds of the networks.
    pub macs: u64,
    /// Bytes of the rendered values (binary32) and of the networks.
    pub memory_bytes: u64,
}

impl Decoder {
    /// Reads a `.siren` file to its end and decodes its networks.
    ///
    /// # Errors
    /// [`Error::Format`] if the file breaks the specification, `Unsupported`, `Limit`, `Io`.
    pub fn open<R: Read>(reader: R, limits: &Limits) -> Result<Self> {
        Ok(Self::of(container::read(reader, limits)?, limits))
    }
    /// A decoder for a file that is already in memory and valid.
    pub(crate) fn of(file: File, limits: &Limits) -> Self {
        Decoder { networks: file.networks.decode(), file, limits: limits.clone() }
    }
    /// The signal.
    pub fn description(&self) -> &Description {
        &self.file.description
    }
    /// Its partition.
    pub fn tiles(&self) -> &Tiles {
        &self.file.tiles
    }
    /// The decoded networks, one per tile.
    pub fn networks(&self) -> &[Network] {
        &self.networks
    }
    /// The file as stored.
    pub fn file(&self) -> &File {
        &self.file
    }
    /// Metadata.
    pub fn metadata(&self) -> &[Metadata] {
        &self.file.metadata
    }
    /// What rendering `grid` would cost.
    ///
    /// # Errors
    /// `Limit` if `grid` has more samples than the limits given to [`Decoder::open`] allow, `Parameter` if it does
    /// not fit the signal.
    pub fn cost(&self, grid: &Grid) -> Result<Cost> {
        Ok(self.rendering(grid)?.1)
    }
    /// Renders `grid`: `positions × channels` unit values, first axis fastest, channels interleaved.
    ///
    /// # Errors
    /// `Limit` if the cost exceeds the limits given to [`Decoder::open`], `Parameter` if the grid does not fit.
    pub fn render(&self, grid: &Grid) -> Result<Vec<f32>> {
        let (rendering, cost) = self.affordable(grid)?;
        let mut values = Vec::with_capacity(usize::try_from(cost.samples).unwrap_or(0));
        rendering.bands(|band| {
            values.extend_from_slice(band);
            Ok(())
        })?;
        Ok(values)
    }
    /// Renders `grid` in bands along its last axis — rows of a picture, stretches of a sound — handing the values of
    /// each to `sink` in order. Memory stays bounded by a few bands.
    ///
    /// # Errors
    /// As [`Decoder::render`], and whatever `sink` returns.
    pub fn render_rows(&self, grid: &Grid, sink: impl FnMut(&[f32]) -> Result<()>) -> Result<()> {
        self.affordable(grid)?.0.bands(sink)
    }

    fn affordable(&self, grid: &Grid) -> Result<(Rendering<'_>, Cost)> {
        let (rendering, cost) = self.rendering(grid)?;
        Limits::ask("multiply-adds of the rendering", cost.macs, self.limits.macs)?;
        Limits::ask("bytes of memory for the rendering", cost.memory_bytes, self.limits.memory_bytes)?;
        Ok((rendering, cost))
    }

    fn rendering(&self, grid: &Grid) -> Result<(Rendering<'_>, Cost)> {
        let description = self.description();
        let proper = |axis: &crate::signal::Axis| {
            let far = axis.position(axis.count.saturating_sub(1));
            axis.count > 0 && axis.spacing > 0.0 && axis.origin.is_finite() && far.is_finite()
        };
        if grid.axes.len() != description.lengths.len() || !grid.axes.iter().all(proper) {
            return Err(Error::parameter(
                "grid",
                format!("{:?}, expected {} axes with samples", grid.axes, description.lengths.len()),
            ));
        }
        let counts = grid.axes.iter().map(|axis| u64::from(axis.count));
        let positions = counts.fold(1u64, u64::saturating_mul);
        let samples = positions.saturating_mul(u64::from(description.channels));
        Limits::ask("samples of the rendering", samples, self.limits.samples)?;
        let rendering = Rendering::new(&self.networks, self.tiles(), grid, usize::from(description.channels));
        let parameters: usize = self.networks.iter().map(|network| network.parameters().len()).sum();
        let memory_bytes = samples.saturating_mul(4).saturating_add(4 * parameters as u64);
        let macs = rendering.macs();
        Ok((rendering, Cost { samples, macs, memory_bytes }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::Networks;
    use crate::network::Shape;
    use crate::signal::{Axis, Kind, SampleFormat};

    /// A picture of `tiles` with networks of pseudo-random parameters.
    fn decoder(lengths: [u32; 2], counts: [u32; 2], overlap: u32) -> Decoder {
        let description = Description {
            kind: Kind::Picture,
            lengths: lengths.to_vec(),
            channels: 3,
            format: SampleFormat::U8,
            rate: 0,
        };
        let tiles = Tiles::new(&description, &counts, overlap).unwrap();
        let networks = (0..tiles.len())
            .map(|n| {
                let shape = Shape { inputs: 2, outputs: 3, layers: 2, width: 5 + n };
                let parameter = |k: usize| ((k * 7919 + n * 31) % 97) as f32 / 97.0 - 0.5;
                Network::from_parameters(shape, (0..shape.parameters()).map(parameter).collect())
            })
            .collect();
        let file = File { description, tiles, networks: Networks::Single(networks), metadata: vec![] };
        Decoder::of(file, &Limits::default())
    }

    /// The specification, position by position.
    fn naive(decoder: &Decoder, grid: &Grid) -> Vec<f32> {
        let (tiles, mut out) = (decoder.tiles(), vec![]);
        for j in 0..grid.axes[1].count {
            for i in 0..grid.axes[0].count {
                let position = [grid.axes[0].position(i), grid.axes[1].position(j)];
                let mut value = [0f32; 3];
                for (n, network) in decoder.networks().iter().enumerate() {
                    let tile = tiles.tile(n);
                    let weight = (0..2).map(|a| tiles.weight(a, tile.index[a], position[a])).product::<f32>();
                    if weight > 0.0 {
                        let point = [tile.coordinate(0, position[0]), tile.coordinate(1, position[1])];
                        for (v, y) in value.iter_mut().zip(network.evaluate(&point)) {
                            *v = weight.mul_add(y, *v);
                        }
                    }
                }
                out.extend(value);
            }
        }
        out
    }

    #[test]
    fn rendering_has_the_bits_of_the_specification() {
        for (lengths, counts, overlap) in
            [([33, 20], [1, 1], 0), ([33, 20], [3, 2], 4), ([40, 9], [4, 1], 0), ([300, 70], [2, 3], 7)]
        {
            let decoder = decoder(lengths, counts, overlap);
            for size in [lengths, [17, 31], [5, 1]] {
                let grid = Grid::resized(decoder.description(), &size).unwrap();
                let (got, expected) = (decoder.render(&grid).unwrap(), naive(&decoder, &grid));
                let bits = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&got), bits(&expected), "{lengths:?} {counts:?} {size:?}");
            }
        }
    }

    #[test]
    fn a_region_has_the_bits_of_the_whole() {
        let decoder = decoder([64, 48], [2, 2], 5);
        let mut grid = Grid::resized(decoder.description(), &[200, 100]).unwrap();
        let whole = decoder.render(&grid).unwrap();
        grid.axes[0] = Axis { first: 90, count: 20, ..grid.axes[0] };
        grid.axes[1] = Axis { first: 40, count: 15, ..grid.axes[1] };
        let region = decoder.render(&grid).unwrap();
        for (j, row) in region.chunks_exact(60).enumerate() {
            assert_eq!(row, &whole[((40 + j) * 200 + 90) * 3..][..60]);
        }
    }

    #[test]
    fn the_cost_is_known_and_limited_before_rendering() {
        let mut decoder = decoder([64, 48], [1, 1], 0);
        let grid = Grid::native(decoder.description());
        let cost = decoder.cost(&grid).unwrap();
        assert_eq!((cost.samples, cost.macs), (64 * 48 * 3, 64 * 48 * (10 + 25 + 15)));
        decoder.limits.macs = cost.macs - 1;
        assert!(matches!(decoder.render(&grid), Err(Error::Limit { .. })));
        decoder.limits = Limits { samples: 10, ..Limits::default() };
        assert!(matches!(decoder.cost(&grid), Err(Error::Limit { needed: 9216, allowed: 10, .. })));
        assert!(matches!(decoder.render(&Grid { axes: vec![] }), Err(Error::Parameter { .. })));
    }
}
