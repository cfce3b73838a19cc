//! TIFF through the `tiff` crate itself, which knows what `image` leaves out: binary32 grey, grey with alpha, 2 and 4
//! bit grey. Colour spaces that want a conversion (CMYK) and planar files go on to [`picture`].
//!
//! An Exif directory is not read: it is spread over the file, and would have to be gathered into a block of its own.

use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::media::orientation::make_upright;
use crate::media::picture::{describes, from_io, kept, over_budget};
use crate::media::{admit, picture, require_finite};
use crate::signal::{Description, Kind, MetadataKind, SampleFormat, Samples, Signal};
use image::ImageFormat;
use std::io::{BufRead, Seek, SeekFrom, Write};
use tiff::decoder::{Decoder, DecodingResult, Limits as Budget};
use tiff::encoder::{Compression, DeflateLevel, TiffEncoder, TiffValue, colortype};
use tiff::tags::{ExtraSamples, PlanarConfiguration, Tag};
use tiff::{ColorType, TiffError};

/// The tag of an XMP packet.
const XMP: Tag = Tag::Unknown(700);

/// Reads the first page.
///
/// # Errors
/// Those of [`read_from`](crate::media::read_from).
pub(super) fn read<R: BufRead + Seek>(mut reader: R, limits: &Limits) -> Result<Signal> {
    match read_plain(&mut reader, limits)? {
        Some(signal) => Ok(signal),
        None => {
            reader.seek(SeekFrom::Start(0))?;
            picture::read(reader, ImageFormat::Tiff, "TIFF", limits)
        }
    }
}

/// `None` if the file is one for the general route.
fn read_plain<R: BufRead + Seek>(reader: R, limits: &Limits) -> Result<Option<Signal>> {
    let fault = |error| from_tiff(error, limits);
    let mut budget = Budget::default();
    let bytes = usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX);
    (budget.decoding_buffer_size, budget.intermediate_buffer_size) = (bytes, bytes);
    budget.ifd_value_size = usize::try_from(limits.metadata_bytes).unwrap_or(usize::MAX);
    let mut decoder = Decoder::new(reader).map_err(fault)?.with_limits(budget);

    let (width, height) = decoder.dimensions().map_err(fault)?;
    let (bits, channels) = match decoder.colortype().map_err(fault)? {
        ColorType::Gray(bits) => (bits, 1),
        ColorType::Multiband { bit_depth, num_samples: 2 } => (bit_depth, 2),
        ColorType::RGB(bits) => (bits, 3),
        ColorType::RGBA(bits) => (bits, 4),
        _ => return Ok(None),
    };
    let planar = decoder.find_tag_unsigned(Tag::PlanarConfiguration).map_err(fault)?;
    if channels > 1 && planar == Some(PlanarConfiguration::Planar.to_u16()) {
        return Ok(None);
    }
    let format = match bits {
        8 => SampleFormat::U8,
        1 | 2 | 4 if channels == 1 => SampleFormat::U8,
        16 => SampleFormat::U16,
        32 => SampleFormat::F32,
        _ => return Err(unsupported(bits, "samples")),
    };
    let description =
        Description { kind: Kind::Picture, lengths: vec![width, height], channels, format, rate: 0 };
    admit("TIFF", &description, limits)?;

    let icc = decoder.find_tag(Tag::IccProfile).map_err(fault)?.and_then(|v| v.into_u8_vec().ok());
    let icc = icc.filter(|profile| describes(profile, channels));
    let xmp = decoder.find_tag(XMP).map_err(fault)?.and_then(|v| v.into_u8_vec().ok());
    let metadata = kept([(MetadataKind::Icc, icc), (MetadataKind::Xmp, xmp)], limits)?;
    let orientation = decoder.find_tag_unsigned::<u8>(Tag::Orientation).ok().flatten();
    let samples = match decoder.read_image().map_err(fault)? {
        DecodingResult::U8(v) if bits < 8 => Samples::U8(expand(&v, width, bits)),
        DecodingResult::U8(v) => Samples::U8(v),
        DecodingResult::U16(v) => Samples::U16(v),
        DecodingResult::F32(v) => Samples::F32(v),
        _ => return Err(unsupported(bits, "signed or integer samples")),
    };
    let expected = description.positions() * u64::from(channels);
    if samples.format() != format || samples.len() as u64 != expected {
        let detail =
            format!("{} {:?} samples, {expected} of {format:?} expected", samples.len(), samples.format());
        return Err(Error::format("TIFF", detail));
    }
    let mut signal = Signal { description, samples, metadata };
    make_upright(&mut signal, orientation.unwrap_or(1));
    if let Samples::F32(values) = &signal.samples {
        require_finite("TIFF", values, &signal.description)?;
    }
    Ok(Some(signal))
}

fn unsupported(bits: u8, what: &str) -> Error {
    let detail =
        format!("{bits}-bit {what}, 8 or 16-bit unsigned or binary32 expected (grey also 1, 2, 4-bit)");
    Error::unsupported("TIFF", detail)
}

/// Rows of packed codes to one byte each, the highest code to 255.
fn expand(packed: &[u8], width: u32, bits: u8) -> Vec<u8> {
    let (width, bits) = (width as usize, usize::from(bits));
    let top = (1u8 << bits) - 1;
    let mut samples = Vec::with_capacity(packed.len() * (8 / bits));
    for row in packed.chunks_exact((width * bits).div_ceil(8)) {
        samples.extend((0..width).map(|x| {
            let shift = 8 - bits - x * bits % 8;
            (row[x * bits / 8] >> shift & top) * (255 / top)
        }));
    }
    samples
}

/// Writes a picture, deflated.
///
/// # Errors
/// [`Error::Unsupported`] if a TIFF cannot hold it (samples, or a size beyond 4 GiB); [`Error::Io`] if writing fails.
pub(super) fn write<W: Write + Seek>(signal: &Signal, size: (u32, u32), writer: W) -> Result<()> {
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
                // Its directories would have to be taken apart and laid out anew.
                MetadataKind::Exif => {}
            }
        }
        page.write_data(samples)
    };
    write().map_err(|error| match error {
        TiffError::IoError(error) => Error::Io(error),
        other => Error::unsupported("TIFF", other.to_string()),
    })
}

fn from_tiff(error: TiffError, limits: &Limits) -> Error {
    match error {
        TiffError::IoError(error) => from_io(error, "TIFF"),
        TiffError::LimitsExceeded => over_budget(limits),
        TiffError::UnsupportedError(error) => Error::unsupported("TIFF", error.to_string()),
        other => Error::format("TIFF", other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_rows_are_expanded_and_their_padding_dropped() {
        assert_eq!(expand(&[0b1010_0000, 0b0100_0000], 3, 1), [255, 0, 255, 0, 255, 0]);
        assert_eq!(expand(&[0b0001_1011], 4, 2), [0, 85, 170, 255]);
        assert_eq!(expand(&[0x0F, 0x80], 3, 4), [0, 255, 136]);
    }
}
