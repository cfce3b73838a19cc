//! A signal stored as a [`field`], a smooth function of its coordinates: splines and one network for
//! pictures, small networks with sine activations (a SIREN) for sound.
//!
//! file → [`media`] → [`signal`] → [`encode`]: fit → quantize → [`container`]; and back, [`container`] →
//! [`field`] → [`Decoder::render`]
//!
//! ```no_run
//! use sirenc::signal::Grid;
//! use sirenc::{Decoder, EncodeOptions, Limits, Target, encode, media};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let signal = media::read(&std::fs::read("photo.png")?, &Limits::default())?;
//! let options = EncodeOptions::default().target(Target::BitsPerPosition(0.3));
//! let encoded = encode(&signal, &options)?;
//!
//! let decoder = Decoder::open(&encoded.bytes[..])?;
//! let grid = Grid::resized(decoder.description(), &[3000, 2000])?;
//! let values: Vec<f32> = decoder.render(&grid)?; // height × width × channels, 0..1
//! # Ok(())
//! # }
//! ```
//!
//! The [`guide`] explains coordinates, units, footprints and derivatives.
//!
//! Features: `cli` and `cuda` (the default: the whole program, which uses a GPU if one is present),
//! `encoder`, `media`, `threads`, `image-hook` (`.siren` files for the `image` crate), and `candle`, a
//! reference backend for tests (`candle-cuda` runs it on a GPU; it needs the CUDA toolkit and excludes
//! `cuda`, so no build has all features). Without default features the crate is the decoder alone.

#![deny(unsafe_op_in_unsafe_fn)]

pub mod backend;
pub mod container;
mod decoder;
#[cfg(feature = "encoder")]
mod encoder;
mod error;
pub mod field;
#[cfg(feature = "encoder")]
mod fit;
pub mod guide;
mod ieee;
#[cfg(feature = "image-hook")]
mod image_hook;
mod limits;
#[cfg(feature = "media")]
pub mod media;
pub mod network;
#[cfg(feature = "encoder")]
mod quantize;
mod render;
mod setters;
pub mod signal;
#[cfg(feature = "encoder")]
pub mod solve;
#[cfg(test)]
mod vectors;
mod watch;

pub use backend::{Device, DeviceUsed};
pub use decoder::{Cost, Decoder, GradientError, Request, Sampled};
#[cfg(feature = "encoder")]
pub use encoder::{
    EncodeOptions, Encoded, FieldKind, Flow, Note, Phase, Progress, Report, Target, WeightCoding, encode,
    encode_source, encode_with_progress, most_threads, quality_bits_per_sample, quality_psnr_db,
};
pub use error::{Error, Result};
// For `benches/spline.rs`.
#[cfg(feature = "encoder")]
#[doc(hidden)]
pub use fit::spline;
#[cfg(feature = "image-hook")]
pub use image_hook::register_image_hook;
pub use limits::Limits;
pub use render::{Derivative, Layout, Taylor};
