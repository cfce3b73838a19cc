//! A signal stored as a SIREN, a small network with sine activations.
//!
//! file → [`signal`] → fit → quantize → [`container`] → [`network`] → [`render`](Decoder::render)

#![deny(unsafe_op_in_unsafe_fn)]

pub mod backend;
pub mod container;
mod decoder;
#[cfg(feature = "encoder")]
mod encoder;
mod error;
#[cfg(feature = "encoder")]
mod fit;
mod limits;
#[cfg(feature = "media")]
pub mod media;
pub mod network;
mod render;
pub mod signal;

pub use decoder::{Cost, Decoder};
#[cfg(feature = "encoder")]
pub use encoder::*;
pub use error::{Error, Result};
pub use limits::Limits;
