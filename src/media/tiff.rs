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
use std::io::{BufRead, Read, Seek, SeekFrom, Write};
use tiff::decoder::{ChunkType, Decoder, DecodingResult, Limits as Budget};
use tiff::encoder::{Compression, DeflateLevel, TiffEncoder, TiffValue, colortype};
use tiff::tags::{ExtraSamples, PlanarConfiguration, Tag};
use tiff::{ColorType, TiffError};

/// The tag of an XMP packet.
const XMP: Tag = Tag::Unknown(700);

/// What is read of a directory.
const READ: [Tag; 23] = [
    Tag::ImageWidth,
    Tag::ImageLength,
    Tag::BitsPerSample,
    Tag::Compression,
    Tag::PhotometricInterpretation,
    Tag::StripOffsets,
    Tag::Orientation,
    Tag::SamplesPerPixel,
    Tag::RowsPerStrip,
    Tag::StripByteCounts,
    Tag::PlanarConfiguration,
    Tag::Predictor,
    Tag::TileWidth,
    Tag::TileLength,
    Tag::TileOffsets,
    Tag::TileByteCounts,
    Tag::ExtraSamples,
    Tag::SampleFormat,
    Tag::JPEGTables,
    Tag::ChromaSubsampling,
    Tag::ColorMap,
    Tag::IccProfile,
    XMP,
];

/// Reads the first page.
///
/// # Errors
/// Those of [`read_from`](crate::media::read_from).
pub(super) fn read<R: BufRead + Seek>(mut reader: R, limits: &Limits) -> Result<Signal> {
    require_values(&mut reader, limits)?;
    reader.seek(SeekFrom::Start(0))?;
    let mut budget = Budget::default();
    let bytes = usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX);
    (budget.decoding_buffer_size, budget.intermediate_buffer_size) = (bytes, bytes);
    budget.ifd_value_size = usize::try_from(limits.metadata_bytes).unwrap_or(usize::MAX);
    let decoder = Decoder::new(&mut reader).map_err(|error| from_tiff(error, limits))?;
    let mut decoder = decoder.with_limits(budget);
    let held = require_jpegs(&mut decoder, limits)?;
    match read_plain(decoder, held, limits)? {
        Some(signal) => Ok(signal),
        None => {
            reader.seek(SeekFrom::Start(0))?;
            picture::decode(reader, ImageFormat::Tiff, "TIFF", held, limits)
        }
    }
}

/// `None` if the file is one for the general route. Beside what is asked for here, `held` bytes are taken.
fn read_plain<R: BufRead + Seek>(
    mut decoder: Decoder<R>,
    held: u64,
    limits: &Limits,
) -> Result<Option<Signal>> {
    let fault = |error| from_tiff(error, limits);
    let (width, height) = decoder.dimensions().map_err(fault)?;
    // A row of a tile, or one with samples that are left out, is held beside the picture.
    let of = |tag: Option<u32>| u64::from(tag.unwrap_or(1));
    let tile = of(decoder.find_tag_unsigned(Tag::TileWidth).map_err(fault)?);
    let per_pixel = of(decoder.find_tag_unsigned(Tag::SamplesPerPixel).map_err(fault)?);
    let row = tile.max(u64::from(width)).saturating_mul(per_pixel).saturating_mul(8);
    Limits::ask("bytes of memory for a row", row, limits.memory_bytes)?;
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
    // Turned upright, they are held twice.
    let samples = description.positions().saturating_mul(u64::from(channels));
    let twice = samples.saturating_mul(u64::from(format.bits()) / 4);
    Limits::ask("bytes of memory for decoding", twice.saturating_add(held), limits.memory_bytes)?;

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

/// The decoder makes room for as many values as the first directory announces, up to 256 MiB, before it reads them and
/// before it can be given limits; a file that does not hold them is refused instead.
fn require_values<R: BufRead + Seek>(reader: &mut R, limits: &Limits) -> Result<()> {
    let length = reader.seek(SeekFrom::End(0))?;
    reader.seek(SeekFrom::Start(0))?;
    let little = number(reader, 2, true)? == u64::from(u16::from_le_bytes(*b"II"));
    let word = match number(reader, 2, little)? {
        42 => 4,
        // The size of an offset, which is 8.
        43 => number(reader, 4, little).map(|_| 8)?,
        // The decoder's to judge.
        _ => return Ok(()),
    };
    let directory = number(reader, word, little)?;
    reader.seek(SeekFrom::Start(directory))?;
    let mut bytes = 0u64;
    for _ in 0..number(reader, if word == 8 { 8 } else { 2 }, little)? {
        let tag = Tag::from_u16_exhaustive(number(reader, 2, little)? as u16);
        let size = match number(reader, 2, little)? {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 | 16..=18 => 8,
            _ => 0,
        };
        let (count, place) = (number(reader, word, little)?, number(reader, word, little)?);
        if !READ.contains(&tag) {
            continue;
        }
        let (announced, present) = (count.saturating_mul(size), length.saturating_sub(place));
        if announced > word as u64 && announced > present {
            let detail = format!("truncated: {announced} bytes of {tag:?} announced, {present} present");
            return Err(Error::format("TIFF", detail));
        }
        // As values of 32 bytes, and as numbers of 8 that they become, before and after they are moved.
        bytes = bytes.saturating_add(count.saturating_mul(48));
    }
    Limits::ask("bytes of memory for a directory", bytes, limits.memory_bytes)
}

/// What the largest JPEG takes that a strip or tile is. It is decoded to the size that it says itself, whatever the
/// limits are; one that is larger than its place is refused.
fn require_jpegs<R: BufRead + Seek>(decoder: &mut Decoder<R>, limits: &Limits) -> Result<u64> {
    const JPEG: u16 = 7;
    let fault = |error| from_tiff(error, limits);
    if decoder.find_tag_unsigned(Tag::Compression).map_err(fault)? != Some(JPEG) {
        return Ok(0);
    }
    let (width, height) = decoder.chunk_dimensions();
    let height = height.min(decoder.dimensions().map_err(fault)?.1);
    let tables = decoder.find_tag(Tag::JPEGTables).map_err(fault)?;
    let tables = tables.map(|tables| tables.into_u8_vec()).transpose().map_err(fault)?;
    let (places, sizes) = match decoder.get_chunk_type() {
        ChunkType::Strip => (Tag::StripOffsets, Tag::StripByteCounts),
        ChunkType::Tile => (Tag::TileOffsets, Tag::TileByteCounts),
    };
    let places = decoder.get_tag_u64_vec(places).map_err(fault)?;
    let sizes = decoder.get_tag_u64_vec(sizes).map_err(fault)?;

    let shared = tables.as_ref().map_or(0, |tables| tables.len() as u64);
    let total = sizes.iter().fold(0u64, |sum, &size| sum.saturating_add(size).saturating_add(shared));
    Limits::ask("bytes of strips or tiles", total, limits.memory_bytes)?;
    let mut jpeg = Vec::new();
    for (place, size) in places.into_iter().zip(sizes) {
        jpeg.clear();
        let reader = decoder.inner();
        reader.seek(SeekFrom::Start(place))?;
        reader.take(size).read_to_end(&mut jpeg)?;
        if let Some(tables) = &tables {
            // As they are joined: the mark of the end of the one and that of the beginning of the other fall away.
            jpeg.splice(..jpeg.len().min(2), tables[..tables.len().saturating_sub(2)].iter().copied());
        }
        if let Some((x, y)) = frames(&jpeg).find(|&(x, y)| x > width || y > height) {
            let detail = format!("a JPEG of {x}×{y} in a strip or tile of {width}×{height}");
            return Err(Error::format("TIFF", detail));
        }
    }
    let pixels = u64::from(width).next_multiple_of(32) * u64::from(height).next_multiple_of(32);
    // As of JPEGs alone; and their bytes in buffers that grow.
    Ok(pixels.saturating_mul(16).saturating_add(4 * jpeg.capacity() as u64))
}

/// The sizes in all that a decoder of JPEG may take for the head of a frame, which it looks for behind any garbage.
fn frames(jpeg: &[u8]) -> impl Iterator<Item = (u32, u32)> {
    jpeg.windows(10).filter_map(|bytes| match *bytes {
        // The last bytes of a marker, a length, bits per sample, height, width and components, of three bytes each.
        [0xFF | 0, 0xC0..=0xC2, a, b, 8, c, d, e, f, n]
            if u16::from_be_bytes([a, b]) == 8 + 3 * u16::from(n) =>
        {
            let two = |high, low| u32::from(u16::from_be_bytes([high, low]));
            Some((two(e, f), two(c, d)))
        }
        _ => None,
    })
}

fn number(reader: &mut impl Read, bytes: usize, little: bool) -> Result<u64> {
    let mut number = [0; 8];
    let field = &mut number[..bytes];
    reader.read_exact(field).map_err(|error| from_io(error, "TIFF"))?;
    if !little {
        field.reverse();
    }
    Ok(u64::from_le_bytes(number))
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
