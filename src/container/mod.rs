//! The container: bytes to header, partition and quantized networks, and back. Integers only.

use crate::error::Result;
use crate::limits::Limits;
use crate::network::{Network, Shape};
use crate::signal::{Description, Metadata, Tiles};
use std::io::{Read, Write};

/// A network as integers: per layer two quantizer steps, per parameter a symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuantizedNetwork {
    /// The shape.
    pub shape: Shape,
    /// Step indices of each layer, `(weights, biases)`; see [`step`].
    pub steps: Vec<(i16, i16)>,
    /// Symbols in file order: layer by layer, weights row by row, then biases.
    pub symbols: Vec<i32>,
}

/// The networks of a file, one per tile, in tile order.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Networks {
    /// Quantized and range coded: the ordinary case.
    Quantized(Vec<QuantizedNetwork>),
    /// Binary16 parameters, Zstandard.
    Half(Vec<Network>),
    /// Binary32 parameters, Zstandard.
    Single(Vec<Network>),
}

/// Everything a `.siren` file says.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// The signal.
    pub description: Description,
    /// Its partition.
    pub tiles: Tiles,
    /// One network per tile.
    pub networks: Networks,
    /// Metadata.
    pub metadata: Vec<Metadata>,
}

/// The quantizer step with index `index`, −512..=511: `2^(index/8)`.
pub fn step(index: i16) -> f32 {
    let _ = index;
    unimplemented!()
}

/// Reads a file to its end.
pub fn read<R: Read>(reader: R, limits: &Limits) -> Result<File> {
    let _ = (reader, limits);
    unimplemented!()
}

/// Writes a file.
pub fn write<W: Write>(file: &File, writer: W) -> Result<()> {
    let _ = (file, writer);
    unimplemented!()
}
