//! Pictures read with the `image` crate: JPEG, WebP, BMP, PNM, GIF.
//!
//! Details that the crate does not report are read from the files here: frames, resolution, and whether
//! colours were converted.

use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::media::blocks::{Blocks, take_orientation};
use crate::media::notes::Reading;
use crate::media::orientation::make_upright;
use crate::media::{admit, gif, resolution};
use crate::signal::{Description, Metadata, MetadataKind, SampleFormat, Samples, Signal};
use image::error::ImageError;
use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader};
use std::io::{BufRead, Cursor, ErrorKind, Seek, SeekFrom};

/// Reads the first frame of a picture of `format`, and the number of frames. Messages use `name`.
///
/// # Errors
/// The errors of [`read_from`](crate::media::read_from).
pub(super) fn read<R: BufRead + Seek>(
    mut reader: R,
    format: ImageFormat,
    name: &'static str,
    limits: &Limits,
) -> Result<(Reading, u64)> {
    let mut notes = vec![];
    let frames = match format {
        ImageFormat::Jpeg => {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes)?;
            let jpeg = Jpeg::of(&bytes)?;
            if jpeg.components == 4 {
                notes.push(
                    "its CMYK colours are converted to RGB by the plain formula, not by a profile".into(),
                );
            }
            // The file is held twice, here and in the decoder, each time in a growing buffer.
            let held = 4 * bytes.len() as u64;
            let cursor = Cursor::new(bytes);
            let reading = decode(cursor, format, name, held, limits, jpeg.resolution, notes)?;
            return Ok((reading, 1));
        }
        ImageFormat::WebP => require_webp(&mut reader, limits)?,
        ImageFormat::Gif => gif::frames(&mut reader)?,
        _ => 1,
    };
    let indexed = format == ImageFormat::Bmp && has_palette(&mut reader)?;
    reader.seek(SeekFrom::Start(0))?;
    let mut reading = decode(reader, format, name, 0, limits, None, notes)?;
    if indexed {
        without_idle_colour(&mut reading.signal);
    }
    Ok((reading, frames))
}

/// Decodes a picture. `held` bytes of memory are in use already.
fn decode<R: BufRead + Seek>(
    reader: R,
    format: ImageFormat,
    name: &'static str,
    held: u64,
    limits: &Limits,
    resolution: Option<Vec<u8>>,
    mut notes: Vec<String>,
) -> Result<Reading> {
    let fault = |error| from_image(error, name, limits);
    let mut reader = ImageReader::with_format(reader, format);
    let mut budget = image::Limits::default();
    // The other half of the budget is for the samples.
    budget.max_alloc = Some(limits.memory_bytes / 2);
    reader.limits(budget);
    let mut decoder = reader.into_decoder().map_err(fault)?;

    let (width, height) = decoder.dimensions();
    let (channels, samples) = layout(decoder.color_type(), name)?;
    let mut description = Description::picture([width, height], channels, samples);
    admit(name, &description, limits)?;
    let padded = u64::from(width.next_multiple_of(32)) * u64::from(height.next_multiple_of(32));
    let bytes = match format {
        // A progressive JPEG needs 16-bit coefficients of four components, the samples, and the samples
        // turned upright.
        ImageFormat::Jpeg => padded.saturating_mul(16),
        _ => decoder.total_bytes().saturating_mul(2),
    };
    Limits::check("bytes of memory for decoding", bytes.saturating_add(held), limits.memory_bytes)?;

    let (mut metadata, orientation) = metadata(&mut decoder, channels, name, limits, &mut notes)?;
    metadata.extend(resolution.map(|bytes| Metadata { kind: MetadataKind::Resolution, bytes }));
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
        other => return Err(unsupported_colour(name, other.color())),
    };
    let mut signal = Signal { description, samples, metadata };
    make_upright(&mut signal, orientation);
    Ok(Reading { notes, ..signal.into() })
}

/// The number of channels and the sample format of a colour type.
fn layout(colour: ColorType, name: &'static str) -> Result<(u8, SampleFormat)> {
    let format = match colour {
        ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8 => SampleFormat::U8,
        ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16 => SampleFormat::U16,
        other => return Err(unsupported_colour(name, other)),
    };
    Ok((colour.channel_count(), format))
}

fn unsupported_colour(name: &'static str, colour: ColorType) -> Error {
    Error::unsupported(
        name,
        format!("colour type {colour:?}, but grey or RGB with or without alpha was expected"),
    )
}

/// The blocks of metadata with orientation 1, and the orientation to apply to the pixels.
fn metadata(
    decoder: &mut impl ImageDecoder,
    channels: u8,
    name: &'static str,
    limits: &Limits,
    notes: &mut Vec<String>,
) -> Result<(Vec<Metadata>, u8)> {
    let fault = |error| from_image(error, name, limits);
    let mut blocks = Blocks::new(limits);
    blocks.profile(decoder.icc_profile().map_err(fault)?, channels, notes);
    let mut exif = decoder.exif_metadata().map_err(fault)?;
    let orientation = match &mut exif {
        Some(bytes) => take_orientation(bytes).unwrap_or(1),
        None => decoder.orientation().map_err(fault)?.to_exif(),
    };
    blocks.add(MetadataKind::Exif, exif, notes);
    blocks.add(MetadataKind::Xmp, decoder.xmp_metadata().map_err(fault)?, notes);
    Ok((blocks.into(), orientation))
}

/// Removes alpha in place if it is opaque everywhere: a GIF always decodes to RGBA.
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
    // The length fits by construction; the caller has rejected empty pictures.
    image::RgbImage::from_raw(width, height, raw).unwrap_or_default().into()
}

/// Whether a BMP has a palette: at most 8 bits per pixel. The header states the bits after width, height and
/// planes.
fn has_palette(reader: &mut (impl BufRead + Seek)) -> Result<bool> {
    let mut head = [0; 30];
    reader.seek(SeekFrom::Start(0))?;
    reader.read_exact(&mut head).map_err(|error| from_io(error, "BMP"))?;
    // The oldest header has width and height in 16 bits.
    let at = if head[14] == 12 { 24 } else { 28 };
    Ok(u16::from_le_bytes([head[at], head[at + 1]]) <= 8)
}

/// Converts RGB to grey if all pixels are grey: a palette always decodes to RGB.
fn without_idle_colour(signal: &mut Signal) {
    let Samples::U8(codes) = &mut signal.samples else { return };
    let pixels = codes.as_chunks::<3>().0;
    if signal.description.channels == 3 && pixels.iter().all(|[r, g, b]| r == g && g == b) {
        *codes = pixels.iter().map(|pixel| pixel[0]).collect();
        signal.description.channels = 1;
    }
}

/// Facts from the segments of a JPEG that its decoder does not report.
#[derive(Debug, Default)]
struct Jpeg {
    /// The number of components: 4 means CMYK.
    components: u8,
    /// The resolution from JFIF, as a block of metadata.
    resolution: Option<Vec<u8>>,
}

impl Jpeg {
    /// Walks the segments. The decoder would fill the missing part of a truncated JPEG with grey, so a file
    /// without an end marker is rejected here.
    ///
    /// The search for the end marker begins after the first scan header, because thumbnails in earlier
    /// segments have end markers of their own.
    fn of(bytes: &[u8]) -> Result<Self> {
        const START_OF_SCAN: u8 = 0xDA;
        let truncated =
            || Error::format("JPEG", format!("truncated: no end-of-image marker in {} bytes", bytes.len()));
        let mut found = Jpeg::default();
        let mut at = 2;
        loop {
            match bytes.get(at..at + 4) {
                Some(&[0xFF, START_OF_SCAN, ..]) => break,
                // Fill bytes and markers without a length.
                Some(&[0xFF, 0xFF, ..]) => at += 1,
                Some(&[0xFF, 0x01 | 0xD0..=0xD8, ..]) => at += 2,
                Some(&[0xFF, marker, high, low]) => {
                    found.note(marker, bytes.get(at + 4..).unwrap_or_default());
                    at += 2 + usize::from(u16::from_be_bytes([high, low]));
                }
                // Garbage between segments is left to the decoder.
                Some(_) => at += 1,
                None => return Err(truncated()),
            }
        }
        let ended = bytes[at..].windows(2).any(|pair| pair == [0xFF, 0xD9]);
        if ended { Ok(found) } else { Err(truncated()) }
    }

    /// Takes components from a frame header, or resolution from JFIF.
    fn note(&mut self, marker: u8, segment: &[u8]) {
        match (marker, segment) {
            (0xC0..=0xC2, &[_, _, _, _, _, components, ..]) => self.components = components,
            (0xE0, &[b'J', b'F', b'I', b'F', 0, _, _, unit @ 0..=2, a, b, c, d, ..]) => {
                let [across, down] = [[a, b], [c, d]].map(|bytes| f64::from(u16::from_be_bytes(bytes)));
                // Units are none, inch, centimetre: numbered one lower than in TIFF.
                self.resolution = resolution::block(across, down, u16::from(unit) + 1);
            }
            _ => {}
        }
    }
}

/// The number of frames of a WebP. Rejects files whose decoding would exceed the memory limit.
///
/// The decoder allocates the length that a metadata chunk announces, up to 4 GiB, before reading it: a file
/// that does not hold these bytes is rejected. The decoder has no memory limit of its own: the cost of the
/// picture is estimated here instead.
fn require_webp(reader: &mut (impl BufRead + Seek), limits: &Limits) -> Result<u64> {
    // Lossy: the largest partition, which is allocated before it is read.
    const PARTITION: u64 = (1 << 24) + (1 << 19);
    // Lossless: bytes of code tables per byte of the file, and their upper limit.
    const TABLES: (u64, u64) = (512, 1 << 30);
    let length = reader.seek(SeekFrom::End(0))?;
    let (mut pixels, mut per_pixel, mut fixed, mut frames) = (0u64, 12, 0u64, 0);
    // After `RIFF`, its size and `WEBP` come chunks: a name, a size, and as many bytes, padded to an even
    // number.
    let mut at = 12u64;
    while at + 8 <= length {
        reader.seek(SeekFrom::Start(at))?;
        // The head of the chunk, and the bytes after it that give the size of a picture.
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
            // A frame contains chunks of its own after 16 bytes, and needs a canvas.
            b"ANMF" => {
                per_pixel = 20;
                frames += 1;
                next = at + 24;
            }
            _ => {}
        }
        // Canvas and bitstream should have the same size, but this is only checked during decoding.
        pixels = pixels.max(width.next_multiple_of(16).saturating_mul(height.next_multiple_of(16)));
        at = next;
    }
    let bytes = pixels.saturating_mul(per_pixel).saturating_add(fixed);
    Limits::check("bytes of memory for decoding", bytes, limits.memory_bytes)?;
    Ok(frames)
}

/// Converts an error of the `image` crate.
pub(super) fn from_image(error: ImageError, name: &'static str, limits: &Limits) -> Error {
    match error {
        ImageError::IoError(error) => from_io(error, name),
        ImageError::Unsupported(error) => Error::unsupported(name, sentence(&error)),
        ImageError::Limits(_) => over_budget(limits),
        // The decoders wrap an early end of the file in errors of their own.
        error if is_end(&error) => truncated(name),
        error => Error::format(name, sentence(&error)),
    }
}

/// The innermost message of the decoder, as one sentence without a full stop.
fn sentence(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string().replace('\n', " ").trim_end_matches('.').to_string()
}

/// The error for a decoder that stopped at its memory budget. It does not report how much it needed.
pub(super) fn over_budget(limits: &Limits) -> Error {
    Error::Limit {
        what: "bytes of memory for decoding, at least",
        needed: limits.memory_bytes.saturating_add(1),
        allowed: limits.memory_bytes,
    }
}

/// Converts an I/O error: an early end of the file is a format error.
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
    Error::format(name, "truncated: the file ends too early")
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
    fn a_thumbnail_does_not_hide_a_missing_end() {
        let thumbnail = [0xFF, 0xD8, 0xFF, 0xE1, 0, 4, 0xFF, 0xD9, 0xFF, 0xDA, 0, 2, 1, 2];
        assert!(Jpeg::of(&thumbnail).is_err());
        assert!(Jpeg::of(&[&thumbnail[..], &[0xFF, 0xD9]].concat()).is_ok());
    }

    #[test]
    fn components_and_resolution_are_seen() {
        let jfif = b"\xFF\xD8\xFF\xE0\0\x10JFIF\0\x01\x01\x01\x01\x2C\x01\x2C\0\0";
        let frame = b"\xFF\xC0\0\x0B\x08\0\x01\0\x01\x04\0\0\0\xFF\xDA\0\x02\xFF\xD9";
        let found = Jpeg::of(&[&jfif[..], frame].concat()).unwrap();
        assert_eq!(found.components, 4);
        assert_eq!(resolution::densities(&found.resolution.unwrap()), Some((300.0, 300.0, 2)));
    }
}
