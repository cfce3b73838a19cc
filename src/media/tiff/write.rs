//! Writes TIFF with Deflate compression.

use crate::error::{Error, Result};
use crate::media::resolution::densities;
use crate::signal::{MetadataKind, Samples, Signal};
use std::io::{Seek, Write};
use tiff::TiffError;
use tiff::encoder::{Compression, DeflateLevel, Rational, TiffEncoder, TiffValue, colortype};
use tiff::tags::{ExtraSamples, Tag};

/// The tag of an XMP packet.
const XMP: Tag = Tag::Unknown(700);

/// Writes a picture with Deflate compression.
///
/// # Errors
/// [`Error::Unsupported`] if a TIFF cannot hold it (its samples, or a size above 4 GiB); [`Error::Io`] if
/// writing fails.
pub(in crate::media) fn write<W: Write + Seek>(signal: &Signal, size: (u32, u32), writer: W) -> Result<()> {
    use colortype::{Gray8, Gray16, Gray32Float, RGB8, RGB16, RGB32Float};
    let colour = signal.description.channels >= 3;
    match &signal.samples {
        Samples::U8(v) if colour => put::<RGB8, W>(signal, size, v, writer),
        Samples::U8(v) => put::<Gray8, W>(signal, size, v, writer),
        Samples::U16(v) if colour => put::<RGB16, W>(signal, size, v, writer),
        Samples::U16(v) => put::<Gray16, W>(signal, size, v, writer),
        Samples::F32(v) if colour => put::<RGB32Float, W>(signal, size, v, writer),
        Samples::F32(v) => put::<Gray32Float, W>(signal, size, v, writer),
        other => Err(Error::unsupported("TIFF", format!("{:?} samples", other.format()))),
    }
}

fn put<C: colortype::ColorType, W: Write + Seek>(
    signal: &Signal,
    (width, height): (u32, u32),
    samples: &[C::Inner],
    writer: W,
) -> Result<()>
where
    [C::Inner]: TiffValue,
{
    let write = || {
        let encoder = TiffEncoder::new(writer)?;
        let mut encoder = encoder.with_compression(Compression::Deflate(DeflateLevel::Balanced));
        let mut page = encoder.new_image::<C>(width, height)?;
        if signal.description.channels.is_multiple_of(2) {
            page.extra_samples(&[ExtraSamples::UnassociatedAlpha])?;
        }
        for block in &signal.metadata {
            match block.kind {
                MetadataKind::Icc => page.encoder().write_tag(Tag::IccProfile, &block.bytes[..])?,
                MetadataKind::Xmp => page.encoder().write_tag(XMP, &block.bytes[..])?,
                MetadataKind::Resolution => {
                    if let Some((across, down, unit)) = densities(&block.bytes) {
                        // Whole pixels per metre are hundredths per centimetre; other densities are whole.
                        let d = if unit == 3 { 100 } else { 1 };
                        let ratio = |density: f64| Rational { n: (f64::from(d) * density).round() as u32, d };
                        let encoder = page.encoder();
                        encoder.write_tag(Tag::ResolutionUnit, unit)?;
                        encoder.write_tag(Tag::XResolution, ratio(across))?;
                        encoder.write_tag(Tag::YResolution, ratio(down))?;
                    }
                }
                // Exif would have to be parsed and its offsets rewritten; TIFF has no place for the other
                // kinds.
                _ => {}
            }
        }
        page.write_data(samples)
    };
    write().map_err(|error| match error {
        TiffError::IoError(error) => Error::Io(error),
        other => Error::unsupported("TIFF", other.to_string()),
    })
}
