//! container → network → a handle to render from.

use crate::container::{self, File};
use crate::error::Result;
use crate::limits::Limits;
use crate::network::Network;
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
    /// Bytes of the rendered values (binary32) and the working memory.
    pub memory_bytes: u64,
}

impl Decoder {
    /// Reads a `.siren` file to its end and decodes its networks.
    ///
    /// # Errors
    /// [`crate::Error::Format`] if the file breaks the specification, `Unsupported`, `Limit`, `Io`.
    pub fn open<R: Read>(reader: R, limits: &Limits) -> Result<Self> {
        let file = container::read(reader, limits)?;
        let _ = &file;
        unimplemented!()
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
    pub fn cost(&self, grid: &Grid) -> Cost {
        let _ = grid;
        unimplemented!()
    }
    /// Renders `grid`: `positions × channels` unit values, first axis fastest, channels interleaved.
    ///
    /// # Errors
    /// `Limit` if the cost exceeds the limits given to [`Decoder::open`], `Parameter` if the grid does not fit.
    pub fn render(&self, grid: &Grid) -> Result<Vec<f32>> {
        let _ = (grid, &self.limits);
        unimplemented!()
    }
    /// Renders `grid` in rows along its first axis, handing bands of whole rows to `sink` in order.
    pub fn render_rows(&self, grid: &Grid, sink: impl FnMut(&[f32]) -> Result<()>) -> Result<()> {
        let _ = (grid, sink);
        unimplemented!()
    }
}
