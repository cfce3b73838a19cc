//! The layout of the samples of a page, and their conversion to a signal.

use super::directory::Directory;
use super::from_tiff;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::media::notes::Rounding;
use crate::signal::{SampleFormat, Samples};
use std::io::{Read, Seek};
use tiff::decoder::{BufferLayoutPreference, ChunkType, Decoder, DecodingResult};
use tiff::tags::Tag;

/// The meaning of the samples of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colours {
    /// Grey; `inverted` if the highest value is black.
    Grey {
        inverted: bool,
    },
    Rgb,
    Palette,
    Cmyk,
    YCbCr,
}

impl Colours {
    fn of(photometric: u16) -> Result<Self> {
        let other = match photometric {
            0 => return Ok(Colours::Grey { inverted: true }),
            1 => return Ok(Colours::Grey { inverted: false }),
            2 => return Ok(Colours::Rgb),
            3 => return Ok(Colours::Palette),
            5 => return Ok(Colours::Cmyk),
            6 => return Ok(Colours::YCbCr),
            4 => "a mask".into(),
            8..=10 => "CIE L*a*b* colours".into(),
            32803 | 34892 => "raw samples of a camera".into(),
            32844 | 32845 => "LogLuv colours".into(),
            other => format!("colours of kind {other}"),
        };
        let detail = format!(
            "{other}, but only grey, RGB, palettes, CMYK and YCbCr are read (convert it to an RGB TIFF or PNG first)"
        );
        Err(Error::unsupported("TIFF", detail))
    }
    /// The number of colour samples of a pixel.
    pub fn count(self) -> u16 {
        match self {
            Colours::Grey { .. } | Colours::Palette => 1,
            Colours::Rgb | Colours::YCbCr => 3,
            Colours::Cmyk => 4,
        }
    }
}

/// The layout of a page.
#[derive(Debug)]
pub(super) struct Layout {
    pub size: (u32, u32),
    pub bits: u16,
    /// The stored colours.
    pub colours: Colours,
    /// The sample format of the signal.
    pub format: SampleFormat,
    /// Whether colours are multiplied by alpha.
    pub associated: bool,
    /// The index of alpha among the samples of a pixel.
    alpha: Option<u16>,
    /// Whether alpha is only assumed: the file does not describe that channel.
    guessed: bool,
    per_pixel: u16,
    planar: bool,
}

impl Layout {
    /// Reads and checks the tags.
    pub fn of<R: Read + Seek>(
        decoder: &mut Decoder<R>,
        directory: &Directory,
        limits: &Limits,
    ) -> Result<Self> {
        let mut list = |tag| {
            let found =
                decoder.find_tag_unsigned_vec::<u16>(tag).map_err(|error| from_tiff(error, limits))?;
            Ok::<_, Error>(found.unwrap_or_default())
        };
        let mut one = |tag, default| Ok::<u16, Error>(list(tag)?.first().copied().unwrap_or(default));
        let compression = one(Tag::Compression, 1)?;
        require_compression(compression)?;
        let colours = Colours::of(directory.photometric)?;
        let (per_pixel, bits) = (one(Tag::SamplesPerPixel, 1)?, one(Tag::BitsPerSample, 1)?);
        let (kind, planar) = (one(Tag::SampleFormat, 1)?, one(Tag::PlanarConfiguration, 1)? == 2);
        let subsampled = one(Tag::ChromaSubsampling, 2)? != 1;
        let extra = list(Tag::ExtraSamples)?;
        let size = decoder.dimensions().map_err(|error| from_tiff(error, limits))?;

        let refuse = |detail: String| Err(Error::unsupported("TIFF", detail));
        let format = format(kind, bits)?;
        if bits < 8 && per_pixel > 1 && !planar {
            return refuse(format!(
                "{bits}-bit samples, {per_pixel} per pixel, but only 8 bits or more are read"
            ));
        }
        let codes = matches!(format, SampleFormat::U8 | SampleFormat::U16);
        let fits = match colours {
            Colours::Palette => codes,
            Colours::Cmyk => codes && bits >= 8,
            Colours::YCbCr => bits == 8,
            Colours::Grey { inverted } => !inverted || codes || kind == 3,
            Colours::Rgb => true,
        };
        if !fits {
            return refuse(format!("{bits}-bit {} as {colours:?}", words(kind)));
        }
        if colours == Colours::YCbCr && compression != 7 && subsampled {
            return refuse(
                "subsampled YCbCr colours without JPEG compression (convert it to RGB first)".into(),
            );
        }
        // The decoder treats the last tiles of all planes but the first as complete.
        if planar
            && per_pixel > 1
            && decoder.get_chunk_type() == ChunkType::Tile
            && size.1 % decoder.chunk_dimensions().1 != 0
        {
            return refuse("tiles of separate planes that extend beyond the picture (store its samples interleaved first)".into());
        }
        let Some(beside) = per_pixel.checked_sub(colours.count()) else {
            let detail = format!("{per_pixel} samples per pixel, but {} were expected", colours.count());
            return Err(Error::format("TIFF", detail));
        };
        // 1 is associated alpha, 2 unassociated. A single extra sample without a description usually is
        // alpha.
        let guessed =
            extra.is_empty() && beside == 1 && matches!(colours, Colours::Grey { .. } | Colours::Rgb);
        let said = extra.iter().position(|kind| matches!(kind, 1 | 2));
        let alpha = if guessed {
            Some(0)
        } else {
            said.filter(|_| matches!(colours, Colours::Grey { .. } | Colours::Rgb))
        };
        let associated = alpha.is_some_and(|at| extra.get(at) == Some(&1));
        let alpha = alpha.map(|at| colours.count() + at as u16).filter(|&at| at < per_pixel);
        if alpha.is_some() && !codes && kind != 3 {
            return refuse(format!(
                "alpha with {bits}-bit {}, but 8 or 16-bit unsigned or float samples were expected",
                words(kind)
            ));
        }
        Ok(Layout { size, bits, colours, format, associated, alpha, guessed, per_pixel, planar })
    }

    /// Adds notes on channels and conversions.
    pub fn add_notes(&self, notes: &mut Vec<String>) {
        if self.guessed {
            notes.push("a channel that the file does not describe is read as alpha".into());
        }
        let others = self.per_pixel - self.colours.count() - u16::from(self.alpha.is_some());
        if others > 0 {
            let plural = if others == 1 { "" } else { "s" };
            notes.push(format!("{others} more channel{plural} of its {} not read", self.per_pixel));
        }
        if self.colours == Colours::Cmyk {
            notes.push("its CMYK colours are converted to RGB by the plain formula, not by a profile".into());
        }
    }

    /// The number of channels read, before colours become grey or RGB.
    pub fn channels(&self) -> u8 {
        self.colours.count() as u8 + u8::from(self.alpha.is_some())
    }

    /// The bytes of all samples as stored.
    pub fn stored_bytes(&self) -> u64 {
        let row = (u64::from(self.size.0) * u64::from(self.per_pixel) * u64::from(self.bits)).div_ceil(8);
        let row = if self.bits < 8 { u64::from(self.size.0) * u64::from(self.per_pixel) } else { row };
        row.saturating_mul(u64::from(self.size.1))
    }

    /// The samples of colours and alpha, interleaved: codes, or floats in their own units.
    pub fn samples(
        &self,
        stored: DecodingResult,
        planes: &BufferLayoutPreference,
        notes: &mut Vec<String>,
    ) -> Result<Samples> {
        let mut rounding = Rounding::default();
        let samples = match stored {
            DecodingResult::U8(v) if self.bits < 8 => {
                let rows = (self.size.0 as usize * usize::from(self.bits)).div_ceil(8);
                Samples::U8(self.picked(&unpacked(&v, self.size.0, self.bits, rows), planes, |v| v)?)
            }
            DecodingResult::U8(v) => Samples::U8(self.picked(&v, planes, |v| v)?),
            DecodingResult::U16(v) => Samples::U16(self.picked(&v, planes, |v| v)?),
            DecodingResult::F32(v) => Samples::F32(self.picked(&v, planes, |v| v)?),
            DecodingResult::F16(v) => Samples::F32(self.picked(&v, planes, |v| v.to_f32())?),
            DecodingResult::I8(v) => Samples::F32(self.picked(&v, planes, f32::from)?),
            DecodingResult::I16(v) => Samples::F32(self.picked(&v, planes, f32::from)?),
            DecodingResult::U32(v) => Samples::F32(self.picked(&v, planes, |v| rounding.integer(v.into()))?),
            DecodingResult::I32(v) => Samples::F32(self.picked(&v, planes, |v| rounding.integer(v.into()))?),
            DecodingResult::U64(v) => Samples::F32(self.picked(&v, planes, |v| rounding.integer(v.into()))?),
            DecodingResult::I64(v) => Samples::F32(self.picked(&v, planes, |v| rounding.integer(v.into()))?),
            DecodingResult::F64(v) => Samples::F32(self.picked(&v, planes, |v| rounding.single(v))?),
        };
        rounding.require_range("TIFF")?;
        notes.extend(rounding.note());
        Ok(samples)
    }

    /// The selected samples of every pixel.
    fn picked<T: Copy, U>(
        &self,
        stored: &[T],
        planes: &BufferLayoutPreference,
        mut convert: impl FnMut(T) -> U,
    ) -> Result<Vec<U>> {
        let pixels = self.size.0 as usize * self.size.1 as usize;
        let (all, picked) = (usize::from(self.per_pixel), self.colours.count());
        if stored.len() != pixels * all || self.planar && planes.planes != all {
            let detail = format!("{} samples, but {} were expected", stored.len(), pixels * all);
            return Err(Error::format("TIFF", detail));
        }
        // In separate planes the samples of a pixel are a whole plane apart.
        let (pixel, sample) = if self.planar { (1, pixels) } else { (all, 1) };
        let order: Vec<usize> = (0..picked).chain(self.alpha).map(|s| usize::from(s) * sample).collect();
        let mut samples = Vec::with_capacity(pixels * order.len());
        for at in 0..pixels {
            samples.extend(order.iter().map(|s| convert(stored[at * pixel + s])));
        }
        Ok(samples)
    }
}

/// The sample format of a signal for TIFF samples of `bits` bits and of `kind` (unsigned, signed or float).
fn format(kind: u16, bits: u16) -> Result<SampleFormat> {
    match (kind, bits) {
        (1 | 4, 1 | 2 | 4 | 8) => Ok(SampleFormat::U8),
        (1 | 4, 16) => Ok(SampleFormat::U16),
        (1 | 4, 32 | 64) | (2, 8 | 16 | 32 | 64) | (3, 16 | 32 | 64) => Ok(SampleFormat::F32),
        _ => {
            let detail = format!(
                "{bits}-bit {}, but only integers of 1, 2, 4, 8, 16, 32 and 64 bits and floats of 16, 32 and 64 bits are read (convert it to 16 bits first)",
                words(kind)
            );
            Err(Error::unsupported("TIFF", detail))
        }
    }
}

fn words(kind: u16) -> &'static str {
    match kind {
        1 | 4 => "unsigned integers",
        2 => "signed integers",
        3 => "floats",
        5 | 6 => "complex numbers",
        _ => "samples of an unknown kind",
    }
}

fn require_compression(number: u16) -> Result<()> {
    let name = match number {
        1 | 4 | 5 | 7 | 8 | 32773 | 32946 => return Ok(()),
        2 | 3 => "CCITT (Group 3)".into(),
        6 => "old-style JPEG".into(),
        34712 => "JPEG 2000".into(),
        34887 => "LERC".into(),
        34925 => "LZMA".into(),
        50000 => "Zstandard".into(),
        50001 => "WebP".into(),
        50002 | 52546 => "JPEG XL".into(),
        other => format!("method {other}"),
    };
    let detail = format!(
        "compressed by {name}, but only none, LZW, Deflate, PackBits, JPEG and CCITT Group 4 are read (convert it to one of these, or to PNG, first)"
    );
    Err(Error::unsupported("TIFF", detail))
}

/// Unpacks rows of codes to one byte per code.
fn unpacked(packed: &[u8], width: u32, bits: u16, row: usize) -> Vec<u8> {
    let (width, bits) = (width as usize, usize::from(bits));
    let mut codes = Vec::with_capacity(packed.len() * (8 / bits));
    for row in packed.chunks_exact(row) {
        let code = |x: usize| row[x * bits / 8] >> (8 - bits - x * bits % 8) & ((1 << bits) - 1);
        codes.extend((0..width).map(code));
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_rows_are_unpacked_and_their_padding_dropped() {
        assert_eq!(unpacked(&[0b1010_0000, 0b0100_0000], 3, 1, 1), [1, 0, 1, 0, 1, 0]);
        assert_eq!(unpacked(&[0b0001_1011], 4, 2, 1), [0, 1, 2, 3]);
        assert_eq!(unpacked(&[0x0F, 0x80], 3, 4, 2), [0, 15, 8]);
    }

    #[test]
    fn what_is_not_read_is_named_in_a_users_words() {
        let error = format(1, 12).unwrap_err().to_string();
        assert!(error.contains("12-bit unsigned integers"), "{error}");
        assert!(Colours::of(8).unwrap_err().to_string().contains("CIE L*a*b*"));
        assert!(require_compression(50000).unwrap_err().to_string().contains("compressed by Zstandard"));
    }
}
