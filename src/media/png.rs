//! PNG with the `png` crate. Ancillary chunks are read here: profile and texts are inflated up to a limit,
//! and colour chunks are ranked as the standard specifies.
//!
//! Reference: W3C, *Portable Network Graphics (PNG) Specification (Third Edition)*, 2025.

use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::media::blocks::{Blocks, take_orientation};
use crate::media::notes::Reading;
use crate::media::orientation::make_upright;
use crate::media::picture::{from_io, over_budget};
use crate::media::video::Film;
use crate::media::{admit, blocks, require_samples_fit, resolution};
use crate::signal::{Description, Metadata, MetadataKind, SampleFormat, Samples, Signal};
use flate2::Compression;
use flate2::read::{ZlibDecoder, ZlibEncoder};
use png::{BitDepth, ColorType, DecodingError, Transformations};
use std::borrow::Cow;
use std::io::{BufRead, Read, Seek, SeekFrom, Write};

/// The chunks that are read; those about colours only before the pixels.
const LOOKED_AT: [&[u8; 4]; 9] =
    [b"cICP", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"pHYs", b"acTL", b"eXIf", b"iTXt"];
/// Chunks that affect the appearance but are not kept.
const MISSED: [&[u8; 4]; 2] = [b"mDCV", b"cLLI"];
/// The keyword of an XMP packet.
const XMP: &[u8] = b"XML:com.adobe.xmp";
/// The values of gAMA and cHRM for sRGB.
const SRGB_GAMMA: [u8; 4] = 45_455u32.to_be_bytes();
const SRGB_CHROMATICITIES: [u32; 8] = [31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000];

/// Reads the picture, of an animation the default image, and the number of frames.
///
/// # Errors
/// The errors of [`read_from`](crate::media::read_from).
pub(super) fn read<R: BufRead + Seek>(mut reader: R, limits: &Limits) -> Result<(Reading, u64)> {
    let mut notes = vec![];
    let chunks = Chunks::gather(&mut reader, limits, &mut notes)?;
    reader.seek(SeekFrom::Start(0))?;

    let fault = |error| from_png(error, limits);
    let mut options = png::DecodeOptions::default();
    options.set_ignore_text_chunk(true);
    options.set_ignore_iccp_chunk(true);
    let mut decoder = png::Decoder::new_with_options(reader, options);
    // The other half of the budget is for the samples.
    decoder.set_limits(png::Limits { bytes: usize::try_from(limits.memory_bytes / 2).unwrap_or(usize::MAX) });
    decoder.set_transformations(Transformations::EXPAND);
    let mut decoder = decoder.read_info().map_err(fault)?;
    let (width, height) = decoder.info().size();
    let (colour, depth) = decoder.output_color_type();
    let format = if depth == BitDepth::Sixteen { SampleFormat::U16 } else { SampleFormat::U8 };
    let channels = match colour {
        ColorType::Grayscale => 1,
        ColorType::GrayscaleAlpha => 2,
        ColorType::Rgb => 3,
        ColorType::Rgba => 4,
        // The decoder expands palettes; a palette without colours has been rejected already.
        ColorType::Indexed => return Err(Error::format("PNG", "a palette without colours")),
    };
    let description = Description::picture([width, height], channels, format);
    admit("PNG", &description, limits)?;
    require_samples_fit(&description, 2, chunks.held(), limits)?;

    let size = decoder.output_buffer_size().ok_or_else(|| over_budget(limits))?;
    let mut bytes = vec![0; size];
    decoder.next_frame(&mut bytes).map_err(fault)?;
    let samples = match format {
        SampleFormat::U16 => {
            Samples::U16(bytes.as_chunks().0.iter().map(|&code| u16::from_be_bytes(code)).collect())
        }
        _ => Samples::U8(bytes),
    };

    let (metadata, orientation) = chunks.metadata(channels, limits, &mut notes);
    let mut signal = Signal { description, samples, metadata };
    make_upright(&mut signal, orientation);
    Ok((Reading { notes, ..signal.into() }, chunks.frames()))
}

/// The chunks that are read, the first of each name.
#[derive(Default)]
struct Chunks(Vec<([u8; 4], Vec<u8>)>);

impl Chunks {
    /// Walks the whole file, because metadata may follow the pixels. Rejects a palette without 1 to 256
    /// colours, on which the decoder panics.
    fn gather(reader: &mut (impl BufRead + Seek), limits: &Limits, notes: &mut Vec<String>) -> Result<Self> {
        let mut chunks = Chunks::default();
        let (mut pixels, mut missed, mut text) = (false, vec![], false);
        reader.seek(SeekFrom::Start(8))?;
        loop {
            let mut head = [0; 8];
            // A file that ends early is left to the decoder.
            if reader.read_exact(&mut head).is_err() {
                break;
            }
            let [a, b, c, d, name @ ..] = head;
            let length = u64::from(u32::from_be_bytes([a, b, c, d]));
            let skip = (length + 4).min(i64::MAX as u64) as i64;
            match &name {
                b"IEND" => break,
                b"IDAT" => pixels = true,
                b"PLTE" if !(3..=768).contains(&length) || length % 3 != 0 => {
                    let detail = format!(
                        "a palette of {length} bytes, but 3 for each of 1 to 256 colours were expected"
                    );
                    return Err(Error::format("PNG", detail));
                }
                b"tEXt" | b"zTXt" => text = true,
                _ if MISSED.contains(&&name) => missed.push(String::from_utf8_lossy(&name).into_owned()),
                _ if !LOOKED_AT.contains(&&name) || chunks.get(&name).is_some() => {}
                _ if pixels && !matches!(&name, b"eXIf" | b"iTXt") => {}
                _ if length > blocks::most(limits).saturating_sub(chunks.held()) => {
                    let name = String::from_utf8_lossy(&name);
                    notes.push(format!("a {name} chunk of {length} bytes is too large and is not kept"));
                }
                _ => {
                    let mut bytes = vec![];
                    reader.by_ref().take(length).read_to_end(&mut bytes)?;
                    let mut checksum = [0; 4];
                    if bytes.len() as u64 != length || reader.read_exact(&mut checksum).is_err() {
                        break;
                    }
                    let mut hasher = crc32fast::Hasher::new();
                    hasher.update(&name);
                    hasher.update(&bytes);
                    if hasher.finalize() != u32::from_be_bytes(checksum) {
                        let name = String::from_utf8_lossy(&name);
                        notes.push(format!("a damaged {name} chunk is not kept"));
                    } else if name == *b"iTXt" && !bytes.starts_with(&[XMP, &[0]].concat()) {
                        text = true;
                    } else {
                        chunks.0.push((name, bytes));
                    }
                    continue;
                }
            }
            reader.seek_relative(skip)?;
        }
        if !missed.is_empty() {
            notes.push(format!("the light levels of its {} are not kept", missed.join(" and ")));
        }
        if text {
            notes.push("its text is not kept".into());
        }
        Ok(chunks)
    }

    /// The number of frames that the file announces.
    fn frames(&self) -> u64 {
        match self.get(b"acTL") {
            Some([a, b, c, d, ..]) => u32::from_be_bytes([*a, *b, *c, *d]).into(),
            _ => 1,
        }
    }

    /// The total bytes of the chunks.
    fn held(&self) -> u64 {
        self.0.iter().map(|(_, bytes)| bytes.len() as u64).sum()
    }

    fn get(&self, name: &[u8; 4]) -> Option<&[u8]> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, bytes)| &bytes[..])
    }

    /// The blocks of metadata with orientation 1, and the orientation to apply to the pixels. Of the colour
    /// chunks only the one with the highest rank is kept: cICP, then iCCP, then sRGB, then gAMA and cHRM. A
    /// profile is also kept beside cICP, for readers that do not support cICP.
    fn metadata(
        &self,
        channels: u8,
        limits: &Limits,
        notes: &mut Vec<String>,
    ) -> (Vec<crate::signal::Metadata>, u8) {
        let most = blocks::most(limits);
        let mut blocks = Blocks::new(limits);
        let profile = self.get(b"iCCP").and_then(|chunk| {
            let (_name, rest) = split_at_zero(chunk)?;
            inflated(rest.get(1..)?, most, "an ICC profile", notes)
        });
        blocks.profile(profile, channels, notes);
        let mut exif = self.get(b"eXIf").map(<[u8]>::to_vec);
        let orientation = exif.as_mut().and_then(take_orientation).unwrap_or(1);
        blocks.add(MetadataKind::Exif, exif, notes);
        let xmp = self.get(b"iTXt").and_then(|chunk| packet(chunk, most, notes));
        blocks.add(MetadataKind::Xmp, xmp, notes);

        let of = |name, length| self.get(name).filter(|bytes| bytes.len() == length).map(<[u8]>::to_vec);
        let points = of(b"cICP", 4).filter(|points| points[2] == 0 && points[3] <= 1);
        let known = points.is_some() || blocks.has(MetadataKind::Icc) || self.get(b"sRGB").is_some();
        blocks.add(MetadataKind::CodePoints, points, notes);
        let (gamma, chromaticities) = (of(b"gAMA", 4), of(b"cHRM", 32));
        // Without colour chunks a picture is sRGB, so chunks that say so are dropped.
        let is_srgb = gamma == Some(SRGB_GAMMA.to_vec())
            && chromaticities
                .as_ref()
                .is_none_or(|bytes| *bytes == SRGB_CHROMATICITIES.map(u32::to_be_bytes).concat());
        if !known && !is_srgb {
            blocks.add(MetadataKind::Gamma, gamma, notes);
            blocks.add(MetadataKind::Chromaticities, chromaticities, notes);
        }
        let resolution = of(b"pHYs", 9).filter(|bytes| resolution::is_known(bytes));
        blocks.add(MetadataKind::Resolution, resolution, notes);
        (blocks.into(), orientation)
    }
}

/// The bytes before and after the first zero.
fn split_at_zero(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let zero = bytes.iter().position(|&byte| byte == 0)?;
    Some((&bytes[..zero], &bytes[zero + 1..]))
}

/// The XMP packet of an iTXt chunk. Before it come the keyword, a compression flag, a compression method, a
/// language and a translated keyword.
fn packet(chunk: &[u8], most: u64, notes: &mut Vec<String>) -> Option<Vec<u8>> {
    let (_keyword, rest) = split_at_zero(chunk)?;
    let (compressed, rest) = (*rest.first()?, rest.get(2..)?);
    let (_language, rest) = split_at_zero(rest)?;
    let (_translated, text) = split_at_zero(rest)?;
    if compressed == 0 { Some(text.to_vec()) } else { inflated(text, most, "XMP", notes) }
}

/// Inflates Zlib data; `None`, with a note, if the result exceeds `most` bytes or the data are damaged.
fn inflated(data: &[u8], most: u64, what: &str, notes: &mut Vec<String>) -> Option<Vec<u8>> {
    let mut bytes = vec![];
    match ZlibDecoder::new(data).take(most + 1).read_to_end(&mut bytes) {
        Ok(count) if count as u64 <= most => return Some(bytes),
        Ok(_) => notes.push(format!("{what} of more than {most} bytes is not kept")),
        Err(_) => notes.push(format!("{what} is damaged and is not kept")),
    }
    None
}

/// Writes a picture of 8 or 16 bits.
///
/// # Errors
/// [`Error::Unsupported`] for other samples; [`Error::Io`] if writing fails.
pub(super) fn write<W: Write>(signal: &Signal, (width, height): (u32, u32), writer: W) -> Result<()> {
    let frame = std::iter::once(Ok(Cow::Borrowed(&signal.samples)));
    encode(&signal.description, &signal.metadata, png::Encoder::new(writer, width, height), frame)
}

/// Writes a video of 8 or 16 bits as an animation without an end.
///
/// # Errors
/// [`Error::Unsupported`] for other samples, and rates that are no fraction of 16-bit numbers; [`Error::Io`]
/// if writing fails; those of the frames.
pub(super) fn write_animation<W: Write>(film: &mut Film<'_>, writer: W) -> Result<()> {
    let refused = |detail: String| Error::unsupported("PNG", detail);
    let (description, metadata) = (film.description().clone(), film.metadata().to_vec());
    let (&[width, height, frames], Some(rate)) = (&description.lengths()[..], description.rate()) else {
        return Err(refused("a signal that is no video".into()));
    };
    let part = |number: u32| {
        let detail = || format!("a rate of {rate}, but a fraction of numbers below 65536 was expected");
        u16::try_from(number).map_err(|_| refused(detail()))
    };
    let (delay, unit) = (part(rate.denominator())?, part(rate.numerator())?);
    let mut encoder = png::Encoder::new(writer, width, height);
    let animate = |encoder: &mut png::Encoder<W>| {
        encoder.set_animated(frames, 0)?;
        encoder.set_frame_delay(delay, unit)
    };
    animate(&mut encoder).map_err(from_encoder)?;
    let frames = (0..frames).map(|_| film.frame().map(Cow::Owned));
    encode(&description, &metadata, encoder, frames)
}

/// Writes the frames of a picture or a video of 8 or 16 bits.
fn encode<'a, W: Write>(
    description: &Description,
    metadata: &[Metadata],
    mut encoder: png::Encoder<W>,
    frames: impl Iterator<Item = Result<Cow<'a, Samples>>>,
) -> Result<()> {
    encoder.set_color(match description.channels {
        1 => ColorType::Grayscale,
        2 => ColorType::GrayscaleAlpha,
        3 => ColorType::Rgb,
        _ => ColorType::Rgba,
    });
    encoder.set_compression(png::Compression::Fast);
    encoder.set_filter(png::Filter::Adaptive);
    encoder.set_depth(match description.format {
        SampleFormat::U8 => BitDepth::Eight,
        SampleFormat::U16 => BitDepth::Sixteen,
        other => return Err(Error::unsupported("PNG", format!("{other:?} samples"))),
    });
    let mut writer = encoder.write_header().map_err(from_encoder)?;
    for block in metadata {
        if let Some((name, bytes)) = chunk(block.kind, &block.bytes)? {
            writer.write_chunk(png::chunk::ChunkType(name), &bytes).map_err(from_encoder)?;
        }
    }
    for frame in frames {
        let wide;
        let frame = frame?;
        let bytes = match &*frame {
            Samples::U8(v) => &v[..],
            Samples::U16(v) => {
                wide = v.iter().flat_map(|code| code.to_be_bytes()).collect::<Vec<u8>>();
                &wide[..]
            }
            other => return Err(Error::unsupported("PNG", format!("{:?} samples", other.format()))),
        };
        writer.write_image_data(bytes).map_err(from_encoder)?;
    }
    writer.finish().map_err(from_encoder)
}

fn from_encoder(error: png::EncodingError) -> Error {
    match error {
        png::EncodingError::IoError(error) => Error::Io(error),
        other => Error::unsupported("PNG", other.to_string()),
    }
}

/// The chunk that stores a block; `None` if PNG has no chunk for its kind, or the length of the block is
/// wrong.
fn chunk(kind: MetadataKind, bytes: &[u8]) -> std::io::Result<Option<([u8; 4], Vec<u8>)>> {
    let (name, length, head) = match kind {
        MetadataKind::Icc => {
            let mut profile = b"ICC profile\0\0".to_vec();
            ZlibEncoder::new(bytes, Compression::default()).read_to_end(&mut profile)?;
            return Ok(Some((*b"iCCP", profile)));
        }
        MetadataKind::Exif => (b"eXIf", bytes.len(), vec![]),
        // No compression, no language, no translated keyword.
        MetadataKind::Xmp => (b"iTXt", bytes.len(), [XMP, &[0; 5]].concat()),
        MetadataKind::CodePoints => (b"cICP", 4, vec![]),
        MetadataKind::Gamma => (b"gAMA", 4, vec![]),
        MetadataKind::Chromaticities => (b"cHRM", 32, vec![]),
        MetadataKind::Resolution => (b"pHYs", 9, vec![]),
        MetadataKind::Tags | MetadataKind::Coordinates | MetadataKind::Nifti | MetadataKind::Fill => {
            return Ok(None);
        }
    };
    Ok((bytes.len() == length).then(|| (*name, [&head[..], bytes].concat())))
}

/// Converts an error of the `png` crate.
fn from_png(error: DecodingError, limits: &Limits) -> Error {
    match error {
        DecodingError::IoError(error) => from_io(error, "PNG"),
        DecodingError::LimitsExceeded => over_budget(limits),
        other => Error::format("PNG", other.to_string().trim_end_matches('.').to_string()),
    }
}
