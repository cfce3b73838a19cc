//! The container: from bytes to header, partition and quantized networks, and back. Integers only.
//!
//! Reading follows the file: `section` divides it and checks the parts, `signal` reads the description, `header` tiles and units, then
//! come `metadata` and the parameters: `coded` (over `magnitude`, `table`, `range_coder`) or `stored` (over
//! `frame` and `zstandard`). The specification is `spec/siren.md`.

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

mod coded;
mod fields;
mod frame;
mod header;
#[cfg(feature = "encoder")]
mod least;
mod magnitude;
mod metadata;
mod missing;
#[cfg(fuzzing)]
pub mod parts;
mod quantized;
mod range_coder;
mod read;
mod section;
mod signal;
mod spline;
mod stored;
mod table;
#[cfg(feature = "encoder")]
mod write;
mod zstandard;

#[cfg(feature = "encoder")]
pub(crate) use least::{constant, overhead};
pub use quantized::{LayerSteps, QuantizedNetwork, step};
pub(crate) use read::parse_part;
pub use read::{parse, read};
pub use section::{MAGIC, SectionInfo, VERSION, sections};
pub use spline::QuantizedSpline;
#[cfg(feature = "encoder")]
pub use stored::round_to_half;
#[cfg(feature = "encoder")]
pub use write::{quantized_size, write};

use crate::network::Network;
use crate::signal::{Description, Metadata, Missing, Tiles, Units};

/// The most hidden layers of a network.
pub const MAX_DEPTH: u8 = 64;
/// The most neurons of a hidden layer.
pub const MAX_WIDTH: u32 = 4096;
/// The largest magnitude of a parameter: sums over 4096 inputs stay far from overflow.
pub const MAX_PARAMETER: f32 = 18446744073709551616.0;

/// The coding of a field of splines; smaller numbers are those of networks.
const SPLINE: u8 = 3;

/// The networks of a file, one per tile, in tile order, all of the same depth.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Networks {
    /// Quantized and range coded: the usual case.
    Quantized(Vec<QuantizedNetwork>),
    /// Binary16 parameters, compressed by Zstandard.
    Half(Vec<Network>),
    /// Binary32 parameters, compressed by Zstandard.
    Single(Vec<Network>),
}

/// What a file stores of its field.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Stored {
    /// Sine networks.
    Siren {
        /// The partition of the signal.
        tiles: Tiles,
        /// One network per tile.
        networks: Networks,
    },
    /// A pyramid of splines.
    Spline(QuantizedSpline),
}

impl Stored {
    /// The tiles and networks, if that is the kind of field.
    pub fn siren(&self) -> Option<(&Tiles, &Networks)> {
        match self {
            Stored::Siren { tiles, networks } => Some((tiles, networks)),
            Stored::Spline(_) => None,
        }
    }
}

/// The complete content of a `.siren` file.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// The description of the signal.
    pub description: Description,
    /// The conversion from values of the field to binary32 samples; `None` if they are equal, and for integers.
    pub units: Option<Units>,
    /// Which samples are missing; `None` if all exist.
    pub missing: Option<Missing>,
    /// The field.
    pub field: Stored,
    /// Metadata, each kind at most once, in the order of [`crate::signal::MetadataKind`].
    pub metadata: Vec<Metadata>,
}

#[cfg(all(test, feature = "encoder"))]
mod tests;
