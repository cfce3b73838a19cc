//! Pictures through the `image` crate: PNG, JPEG, WebP, BMP, PNM, GIF, and the rarer colour spaces of TIFF.
//!
//! What the dependency does not tell: metadata that follow the pixels of a PNG are not seen, and XMP can be read but
//! not written.

use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::media::orientation::make_upright;
use crate::media::{admit, require_finite};
use crate::signal::{Description, Kind, Metadata, MetadataKind, SampleFormat, Samples, Signal};
use image::error::ImageError;
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader};
use std::io::{BufRead, Cursor, ErrorKind, Read, Seek, SeekFrom};

/// Reads the first frame of a picture of `format`, called `name` in messages.
///
/// # Errors
/// Those of [`read_from`](crate::media::read_from).
pub(super) fn read<R: BufRead + Seek>(
    mut reader: R,
    format: ImageFormat,
    name: &'static str,
    limits: &Limits,
) -> Result<Signal> {
    if format == ImageFormat::Jpeg {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes)?;
        require_jpeg_end(&bytes)?;
        // Read into a growing buffer, as the decoder does once more.
        let held = 4 * bytes.len() as u64;
        decode(Cursor::new(bytes), format, name, held, limits)
    } else {
        let held = match format {
            ImageFormat::Png => require_png(&mut reader)?,
            ImageFormat::WebP => require_webp(&mut reader, limits).map(|()| 0)?,
            _ => 0,
        };
        reader.seek(SeekFrom::Start(0))?;
        decode(reader, format, name, held, limits)
    }
}

/// Reads with what the format's decoder says of a picture, beside which `held` bytes are taken.
///
/// # Errors
/// Those of [`read_from`](crate::media::read_from).
pub(super) fn decode<R: BufRead + Seek>(
    reader: R,
    format: ImageFormat,
    name: &'static str,
    held: u64,
    limits: &Limits,
) -> Result<Signal> {
    let fault = |error| from_image(error, name, limits);
    let mut reader = ImageReader::with_format(reader, format);
    let mut budget = image::Limits::default();
    // The other half is for the samples.
    budget.max_alloc = Some(limits.memory_bytes / 2);
    reader.limits(budget);
    let mut decoder = reader.into_decoder().map_err(fault)?;

    let (width, height) = decoder.dimensions();
    let (channels, samples) = layout(decoder.color_type(), name)?;
    let mut description =
        Description { kind: Kind::Picture, lengths: vec![width, height], channels, format: samples, rate: 0 };
    admit(name, &description, limits)?;
    let padded = u64::from(width.next_multiple_of(32)) * u64::from(height.next_multiple_of(32));
    let bytes = match format {
        // Of a progressive one, four components of coefficients in 16 bits, the samples and those turned upright.
        ImageFormat::Jpeg => padded.saturating_mul(16),
        // Of other colour spaces and planes, the samples as they are stored.
        ImageFormat::Tiff => decoder.total_bytes().saturating_mul(3),
        _ => decoder.total_bytes().saturating_mul(2),
    };
    Limits::ask("bytes of memory for decoding", bytes.saturating_add(held), limits.memory_bytes)?;

    let (metadata, orientation) = metadata(&mut decoder, channels, name, limits)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(fault)?;
    if format == ImageFormat::Gif {
        picture = without_idle_alpha(picture);
    }
    description.channels = picture.color().channel_count();
    let samples = match picture {
        DynamicImage::ImageLuma8(p) => Samples::U8(p.into_raw()),
        DynamicImage::ImageLumaA8(p) => Samples::U8(p.into_raw()),
        DynamicImage::ImageRgb8(p) => Samples::U8(p.into_raw()),
        DynamicImage::ImageRgba8(p) => Samples::U8(p.into_raw()),
        DynamicImage::ImageLuma16(p) => Samples::U16(p.into_raw()),
        DynamicImage::ImageLumaA16(p) => Samples::U16(p.into_raw()),
        DynamicImage::ImageRgb16(p) => Samples::U16(p.into_raw()),
        DynamicImage::ImageRgba16(p) => Samples::U16(p.into_raw()),
        DynamicImage::ImageRgb32F(p) => Samples::F32(p.into_raw()),
        DynamicImage::ImageRgba32F(p) => Samples::F32(p.into_raw()),
        other => return Err(unsupported_colour(name, other.color())),
    };
    if let Samples::F32(values) = &samples {
        require_finite(name, values, &description)?;
    }
    let mut signal = Signal { description, samples, metadata };
    make_upright(&mut signal, orientation);
    Ok(signal)
}

/// Channels and sample format of a colour type.
fn layout(colour: ColorType, name: &'static str) -> Result<(u8, SampleFormat)> {
    let format = match colour {
        ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8 => SampleFormat::U8,
        ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16 => SampleFormat::U16,
        ColorType::Rgb32F | ColorType::Rgba32F => SampleFormat::F32,
        other => return Err(unsupported_colour(name, other)),
    };
    Ok((colour.channel_count(), format))
}

fn unsupported_colour(name: &'static str, colour: ColorType) -> Error {
    Error::unsupported(name, format!("colour type {colour:?}, grey or RGB with or without alpha expected"))
}

/// The metadata blocks, made upright, and the orientation that the pixels still have to be given.
fn metadata(
    decoder: &mut impl ImageDecoder,
    channels: u8,
    name: &'static str,
    limits: &Limits,
) -> Result<(Vec<Metadata>, u8)> {
    let fault = |error| from_image(error, name, limits);
    let icc = decoder.icc_profile().map_err(fault)?.filter(|profile| describes(profile, channels));
    let mut exif = decoder.exif_metadata().map_err(fault)?;
    let xmp = decoder.xmp_metadata().map_err(fault)?;
    let orientation = match &mut exif {
        Some(bytes) => {
            // Some writers keep JPEG's prefix in other containers; the block starts at its TIFF header.
            if bytes.starts_with(b"Exif\0\0") {
                bytes.drain(..6);
            }
            Orientation::remove_from_exif_chunk(bytes).unwrap_or(Orientation::NoTransforms)
        }
        None => decoder.orientation().map_err(fault)?,
    };
    let blocks = [(MetadataKind::Icc, icc), (MetadataKind::Exif, exif), (MetadataKind::Xmp, xmp)];
    Ok((kept(blocks, limits)?, orientation.to_exif()))
}

/// Whether the colour space of an ICC profile (bytes 16 to 19 of its header) is that of the decoded channels: a CMYK
/// profile would mislead about the RGB that its picture was decoded to.
pub(super) fn describes(profile: &[u8], channels: u8) -> bool {
    profile.get(16..20) == Some(if channels <= 2 { b"GRAY" } else { b"RGB " })
}

/// The blocks that are there and not empty, if together they are within the limit.
pub(super) fn kept<const N: usize>(
    blocks: [(MetadataKind, Option<Vec<u8>>); N],
    limits: &Limits,
) -> Result<Vec<Metadata>> {
    let blocks: Vec<_> = blocks
        .into_iter()
        .filter_map(|(kind, bytes)| Some(Metadata { kind, bytes: bytes? }))
        .filter(|block| !block.bytes.is_empty())
        .collect();
    let total = blocks.iter().map(|block| block.bytes.len() as u64).sum();
    Limits::ask("bytes of metadata", total, limits.metadata_bytes)?;
    Ok(blocks)
}

/// A GIF decodes to RGBA always; an alpha that is opaque everywhere is dropped in place.
fn without_idle_alpha(picture: DynamicImage) -> DynamicImage {
    let pixels = match picture {
        DynamicImage::ImageRgba8(pixels) if pixels.pixels().all(|p| p.0[3] == 255) => pixels,
        other => return other,
    };
    let (width, height) = pixels.dimensions();
    let mut raw = pixels.into_raw();
    for i in 0..raw.len() / 4 {
        raw.copy_within(4 * i..4 * i + 3, 3 * i);
    }
    raw.truncate(raw.len() / 4 * 3);
    // The length fits by construction; an empty picture would be refused by the caller's description.
    image::RgbImage::from_raw(width, height, raw).unwrap_or_default().into()
}

/// The decoder fills what is missing of a truncated JPEG with grey; a file without its end marker is refused instead.
///
/// The marker is looked for behind the first scan header, since thumbnails in earlier segments have their own.
fn require_jpeg_end(bytes: &[u8]) -> Result<()> {
    const START_OF_SCAN: u8 = 0xDA;
    let truncated =
        || Error::format("JPEG", format!("truncated: no end-of-image marker in {} bytes", bytes.len()));
    let mut at = 2;
    loop {
        match bytes.get(at..at + 4) {
            Some(&[0xFF, START_OF_SCAN, ..]) => break,
            // Fill bytes and markers without a length.
            Some(&[0xFF, 0xFF, ..]) => at += 1,
            Some(&[0xFF, 0x01 | 0xD0..=0xD8, ..]) => at += 2,
            Some(&[0xFF, _, high, low]) => at += 2 + usize::from(u16::from_be_bytes([high, low])),
            // Garbage between segments is the decoder's to judge.
            Some(_) => at += 1,
            None => return Err(truncated()),
        }
    }
    if bytes[at..].windows(2).any(|pair| pair == [0xFF, 0xD9]) { Ok(()) } else { Err(truncated()) }
}

/// What a PNG takes beside its samples: where its XMP is compressed, up to 2 MiB of it are inflated, whatever the limits
/// are, into a buffer that grows. Refuses a palette that is not of 1 to 256 colours, on which the decoder panics.
fn require_png(reader: &mut (impl BufRead + Seek)) -> Result<u64> {
    const MOST: u64 = 8 << 20;
    // A keyword, a zero and whether what follows is compressed.
    const TOLD: u64 = 79 + 2;
    reader.seek(SeekFrom::Start(8))?;
    let (mut most, mut bytes) = (0, Vec::new());
    loop {
        bytes.clear();
        reader.by_ref().take(8).read_to_end(&mut bytes)?;
        let &[a, b, c, d, ref name @ ..] = &bytes[..] else { return Ok(most) };
        let mut rest = u64::from(u32::from_be_bytes([a, b, c, d])) + 4;
        match name {
            b"IDAT" => return Ok(most),
            b"PLTE" => {
                let bytes = rest - 4;
                if !(3..=768).contains(&bytes) || bytes % 3 != 0 {
                    let detail =
                        format!("a palette of {bytes} bytes, 3 for each of 1 to 256 colours expected");
                    return Err(Error::format("PNG", detail));
                }
            }
            b"iTXt" => {
                let told = rest.min(TOLD);
                bytes.clear();
                reader.by_ref().take(told).read_to_end(&mut bytes)?;
                if bytes.splitn(2, |&byte| byte == 0).nth(1).is_some_and(|rest| rest.first() == Some(&1)) {
                    most = MOST;
                }
                rest -= told;
            }
            _ => {}
        }
        std::io::copy(&mut reader.by_ref().take(rest), &mut std::io::sink())?;
    }
}

/// Refuses a WebP whose decoder would take more than it may.
///
/// The decoder makes room for as many bytes of metadata as a chunk announces, up to 4 GiB, before it reads them; a file
/// that does not hold them is refused. It has no limit of memory of its own: what a picture costs is asked for instead.
fn require_webp(reader: &mut (impl BufRead + Seek), limits: &Limits) -> Result<()> {
    // Of a lossy picture, the largest partition, which is made room for before it is read.
    const PARTITION: u64 = (1 << 24) + (1 << 19);
    // Of a lossless one, tables of codes for each byte, as far as there can be groups of them.
    const TABLES: (u64, u64) = (512, 1 << 30);
    let length = reader.seek(SeekFrom::End(0))?;
    let (mut pixels, mut per_pixel, mut fixed) = (0u64, 12, 0u64);
    // Behind `RIFF`, its size and `WEBP`: chunks of a name, a size and as many bytes, padded to an even number.
    let mut at = 12u64;
    while at + 8 <= length {
        reader.seek(SeekFrom::Start(at))?;
        // The head, and as much behind it as tells a size.
        let mut head = [0; 18];
        let known = length.min(at + 18) - at;
        reader.read_exact(&mut head[..known as usize])?;
        let number = |at: usize, bytes: usize| {
            head[at..at + bytes].iter().rev().fold(0, |n, &byte| n << 8 | u64::from(byte))
        };
        let (size, present) = (number(4, 4), length - at - 8);
        let mut next = at + 8 + size.next_multiple_of(2);
        let (mut width, mut height) = (0, 0);
        match &head[..4] {
            b"ICCP" | b"EXIF" | b"XMP " if size > present => {
                let name = String::from_utf8_lossy(&head[..4]);
                let detail =
                    format!("truncated: {size} bytes of {} announced, {present} present", name.trim_end());
                return Err(Error::format("WebP", detail));
            }
            b"VP8X" => (width, height) = (number(12, 3) + 1, number(15, 3) + 1),
            b"VP8L" => {
                (width, height) = ((number(9, 4) & 0x3FFF) + 1, (number(9, 4) >> 14 & 0x3FFF) + 1);
                fixed = fixed.max((TABLES.0 * length).min(TABLES.1));
            }
            b"VP8 " => {
                (width, height) = (number(14, 2) & 0x3FFF, number(16, 2) & 0x3FFF);
                fixed = fixed.max(PARTITION);
            }
            // A frame has chunks of its own behind 16 bytes, and a canvas beside it.
            b"ANMF" => {
                per_pixel = 20;
                next = at + 24;
            }
            _ => {}
        }
        // A canvas and its bitstream are to be of one size, which is known when it is decoded only.
        pixels = pixels.max(width.next_multiple_of(16).saturating_mul(height.next_multiple_of(16)));
        at = next;
    }
    let bytes = pixels.saturating_mul(per_pixel).saturating_add(fixed);
    Limits::ask("bytes of memory for decoding", bytes, limits.memory_bytes)
}

/// The error of the `image` crate by who is at fault.
pub(super) fn from_image(error: ImageError, name: &'static str, limits: &Limits) -> Error {
    match error {
        ImageError::IoError(error) => from_io(error, name),
        ImageError::Unsupported(error) => Error::unsupported(name, sentence(&error)),
        ImageError::Limits(_) => over_budget(limits),
        // The decoders wrap the end of the file in errors of their own.
        error if is_end(&error) => truncated(name),
        error => Error::format(name, sentence(&error)),
    }
}

/// What the format's decoder says, without the dependency's wrapping, as one sentence without a full stop.
fn sentence(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string().replace('\n', " ").trim_end_matches('.').to_string()
}

/// A decoder stopped at its budget; how much it wanted it does not say, only that it was more than allowed.
pub(super) fn over_budget(limits: &Limits) -> Error {
    Error::Limit {
        what: "bytes of memory for decoding, at least",
        needed: limits.memory_bytes.saturating_add(1),
        allowed: limits.memory_bytes,
    }
}

/// The end of the file where more was expected is the file's fault, everything else the system's.
pub(super) fn from_io(error: std::io::Error, name: &'static str) -> Error {
    match error.kind() {
        ErrorKind::UnexpectedEof => truncated(name),
        ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::Other => {
            Error::format(name, error.to_string())
        }
        _ => Error::Io(error),
    }
}

fn truncated(name: &'static str) -> Error {
    Error::format(name, "truncated: the file ends where more was expected")
}

fn is_end(error: &ImageError) -> bool {
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == ErrorKind::UnexpectedEof) {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opaque_alpha_of_a_gif_is_dropped_and_another_kept() {
        let opaque = image::RgbaImage::from_raw(2, 1, vec![1, 2, 3, 255, 4, 5, 6, 255]).unwrap();
        assert_eq!(without_idle_alpha(opaque.into()).into_bytes(), [1, 2, 3, 4, 5, 6]);
        let clear = image::RgbaImage::from_raw(1, 1, vec![1, 2, 3, 0]).unwrap();
        assert_eq!(without_idle_alpha(clear.into()).into_bytes(), [1, 2, 3, 0]);
    }

    #[test]
    fn a_profile_of_another_colour_space_is_dropped() {
        let profile = |space: &[u8]| [&[0; 16], space, &[0; 108]].concat();
        assert!(describes(&profile(b"RGB "), 3) && describes(&profile(b"GRAY"), 2));
        assert!(
            !describes(&profile(b"CMYK"), 3) && !describes(&profile(b"RGB "), 1) && !describes(b"RGB ", 3)
        );
    }

    #[test]
    fn a_thumbnail_does_not_hide_a_missing_end() {
        let thumbnail = [0xFF, 0xD8, 0xFF, 0xE1, 0, 4, 0xFF, 0xD9, 0xFF, 0xDA, 0, 2, 1, 2];
        assert!(require_jpeg_end(&thumbnail).is_err());
        assert!(require_jpeg_end(&[&thumbnail[..], &[0xFF, 0xD9]].concat()).is_ok());
    }
}
