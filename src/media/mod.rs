//! FILE ↔ SIGNAL: pictures and sound, one file per format family, recognised by content.
//!
//! ```text
//! bytes → sniff → picture | tiff | wav → Signal → output → PNG, JPEG, TIFF, WebP, BMP, PNM, EXR, WAV, NPY
//! ```
//!
//! Samples keep the width of their source, pixels are stored upright, and ICC, Exif and XMP blocks come along.
//! This module knows no networks.

mod exr;
mod npy;
mod orientation;
mod output;
mod picture;
mod pnm;
mod sniff;
mod tiff;
mod wav;

pub use npy::{NpyReader, read_npy, write_npy, write_npy_header};
pub use output::{EXTENSIONS, OutputFormat, write};
pub use sniff::{is_siren, kind};

use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::signal::{Description, Signal};
use image::ImageFormat;
use sniff::Found;
use std::io::{BufRead, Cursor, Read, Seek, SeekFrom};

/// Reads a picture or a sound that lies in memory; see [`read_from`].
///
/// # Errors
/// Those of [`read_from`].
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Signal> {
    read_from(Cursor::new(bytes), limits)
}

/// Reads a picture (PNG, JPEG, TIFF, WebP, BMP, PNM, GIF) or a sound (WAV); the content decides which.
///
/// Pictures have 1 to 4 channels (grey, grey + alpha, RGB, RGBA) of 8 or 16 bits or binary32; palettes and 1, 2 and
/// 4 bit samples are expanded to 8 bits; of several pages or frames the first is read. The orientation of the file is
/// applied to the pixels and set to 1 in the Exif block. Sounds have 1 to 8 channels of 8, 16, 24 or 32 bits or binary32.
///
/// What the decoders underneath may take is asked for by the announced size, which for some is more than they do take:
/// twice the samples; for a JPEG 16 bytes per pixel, as for the largest strip or tile of a TIFF that holds JPEGs; for a
/// WebP 12 (animated 20) per pixel, and beside them up to 17 MiB (lossy) or 512 times the file, at most 1 GiB (lossless);
/// for compressed XMP of a PNG 8 MiB. Up to 512 KiB of tables of a decoder are not counted.
///
/// # Errors
/// [`Error::Format`] if the file is empty, truncated or malformed, has no samples, or holds NaN or infinity;
/// [`Error::Unsupported`] if it is of another kind or of a variant that is not read; [`Error::Limit`], before anything
/// is allocated, if the file is larger than `memory_bytes`, has more than `samples` samples or needs more than
/// `memory_bytes`, or if its metadata exceed `metadata_bytes`; [`Error::Io`] if reading fails.
pub fn read_from<R: BufRead + Seek>(mut reader: R, limits: &Limits) -> Result<Signal> {
    let mut head = Vec::with_capacity(sniff::SNIFFED);
    reader.by_ref().take(sniff::SNIFFED as u64).read_to_end(&mut head)?;
    let found = sniff::sniff(&head)?;
    let length = reader.seek(SeekFrom::End(0))?;
    Limits::ask("bytes of the input file", length, limits.memory_bytes)?;
    reader.seek(SeekFrom::Start(0))?;
    match found {
        Found::Wav => wav::read(reader, length, limits),
        Found::Picture(ImageFormat::Tiff, _) => tiff::read(reader, limits),
        Found::Picture(format, name) => picture::read(reader, format, name, limits),
    }
}

/// Refuses a signal without samples or beyond the limits, before its samples are allocated.
fn admit(what: &'static str, description: &Description, limits: &Limits) -> Result<()> {
    if description.lengths.contains(&0) {
        let size: Vec<_> = description.lengths.iter().map(u32::to_string).collect();
        return Err(Error::format(
            what,
            format!("size {}, at least 1 along each axis expected", size.join("×")),
        ));
    }
    let samples = description.positions().saturating_mul(u64::from(description.channels));
    Limits::ask("samples", samples, limits.samples)?;
    // 24-bit samples are held in 32 bits.
    let bytes = u64::from(description.format.bits()).div_ceil(8).next_power_of_two();
    Limits::ask("bytes of samples", samples.saturating_mul(bytes), limits.memory_bytes)
}

/// Refuses NaN and infinity, which no network can be fitted to.
fn require_finite(what: &'static str, values: &[f32], description: &Description) -> Result<()> {
    let Some(index) = values.iter().position(|v| !v.is_finite()) else { return Ok(()) };
    let channels = usize::from(description.channels);
    let (position, channel) = (index / channels, index % channels);
    let at = match description.lengths.as_slice() {
        [width, _] => format!("pixel ({}, {})", position % *width as usize, position / *width as usize),
        _ => format!("sample {position}"),
    };
    Err(Error::format(what, format!("{at}, channel {channel} is {}, a finite value expected", values[index])))
}
