//! What is stored: a function from positions to channels, of one of two kinds.

pub mod spline;

pub use spline::Spline;

use crate::network::Network;
use crate::signal::Tiles;

/// A stored signal: position → values.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Field {
    /// Sine networks, one for each tile.
    Siren(Siren),
    /// A pyramid of splines and a network of what they give.
    Spline(Spline),
}

/// A signal as tiles, each with a network of its own, which are blended where they overlap.
#[derive(Clone, Debug, PartialEq)]
pub struct Siren {
    /// The partition of the signal.
    pub tiles: Tiles,
    /// The network of each tile.
    pub networks: Vec<Network>,
}

impl Field {
    /// The tiles and networks, if that is the kind of field.
    pub fn siren(&self) -> Option<&Siren> {
        match self {
            Field::Siren(siren) => Some(siren),
            Field::Spline(_) => None,
        }
    }
    /// The splines, if that is the kind of field.
    pub fn spline(&self) -> Option<&Spline> {
        match self {
            Field::Siren(_) => None,
            Field::Spline(spline) => Some(spline),
        }
    }
}
