//! SIGNAL → FILE: which formats are written, what each can hold, and the writing itself.

use crate::error::{Error, Result};
use crate::media::{exr, npy, png, pnm, resolution, tiff, wav};
use crate::signal::{Description, Kind, Metadata, MetadataKind, SampleFormat, Samples, Signal};
use image::codecs::jpeg::{JpegEncoder, PixelDensity, PixelDensityUnit};
use image::codecs::{bmp::BmpEncoder, webp::WebPEncoder};
use image::error::ImageError;
use image::{EncodableLayout, ExtendedColorType, ImageEncoder};
use std::io::{Seek, Write};
use std::path::Path;

use OutputFormat::{Bmp, Exr, Jpeg, Npy, Pam, Pgm, Png, Pnm, Ppm, Tiff, Wav, WebP};

/// A format that signals are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OutputFormat {
    /// PNG: 8 and 16 bits, 1 to 4 channels.
    Png,
    /// JPEG of quality 95: 8 bits, grey or RGB.
    Jpeg,
    /// TIFF, deflated: 8 and 16 bits and binary32, 1 to 4 channels.
    Tiff,
    /// WebP without loss: 8 bits, 1 to 4 channels, at most 16384 pixels a side. Grey is stored as RGB.
    WebP,
    /// BMP: 8 bits, grey, RGB or RGBA.
    Bmp,
    /// PGM, PPM or, of alpha, PAM: 8 and 16 bits, 1 to 4 channels.
    Pnm,
    /// PGM: 8 and 16 bits, grey.
    Pgm,
    /// PPM: 8 and 16 bits, RGB. Grey is stored as RGB.
    Ppm,
    /// PAM: 8 and 16 bits, 1 to 4 channels.
    Pam,
    /// OpenEXR, uncompressed: binary32, 1 to 4 channels, not converted to linear light. Colours are multiplied by alpha.
    Exr,
    /// WAV: 8, 16, 24 and 32-bit integers and binary32, 1 to 8 channels.
    Wav,
    /// NumPy: binary32 of any signal, shape `(height, width, channels)` or `(samples, channels)`; integer samples
    /// become 0..1 or −1..1.
    Npy,
}

/// Extensions and the formats they choose; the first of a format is its own.
pub const EXTENSIONS: &[(&str, OutputFormat)] = &[
    ("png", Png),
    ("jpg", Jpeg),
    ("jpeg", Jpeg),
    ("tiff", Tiff),
    ("tif", Tiff),
    ("webp", WebP),
    ("bmp", Bmp),
    ("pnm", Pnm),
    ("pgm", Pgm),
    ("ppm", Ppm),
    ("pam", Pam),
    ("exr", Exr),
    ("wav", Wav),
    ("wave", Wav),
    ("npy", Npy),
];

/// Of a JPEG: high enough that what the network lost is not lost again.
const JPEG_QUALITY: u8 = 95;
/// A JPEG segment's length counts itself (2 bytes) and, of an Exif block, a prefix of 6.
const JPEG_EXIF_BYTES: usize = 0xFFFF - 8;

impl OutputFormat {
    /// The format that the extension of `path` names, in either case.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if there is no extension or none that is known; the message lists those that are.
    pub fn from_extension(path: impl AsRef<Path>) -> Result<Self> {
        let given = path.as_ref().extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        let found = EXTENSIONS.iter().find(|(extension, _)| given.as_deref() == Some(extension));
        found.map(|&(_, format)| format).ok_or_else(|| {
            let known: Vec<_> = EXTENSIONS.iter().map(|&(extension, _)| extension).collect();
            let given = given.map_or("no extension".into(), |e| format!("extension {e:?}"));
            Error::unsupported("output format", format!("{given}, one of {} expected", known.join(" ")))
        })
    }

    /// The format for a signal when none was asked for: PNG for pictures, TIFF for those of binary32, WAV for sound.
    pub fn default_for(kind: Kind, format: SampleFormat) -> Self {
        match (kind, format) {
            (Kind::Sound, _) => Wav,
            (Kind::Picture, SampleFormat::U8 | SampleFormat::U16) => Png,
            (Kind::Picture, _) => Tiff,
        }
    }

    /// The format's own extension, without a dot.
    pub fn extension(self) -> &'static str {
        EXTENSIONS.iter().find(|&&(_, format)| format == self).map_or("", |&(extension, _)| extension)
    }

    /// The name for messages.
    fn name(self) -> &'static str {
        match self {
            Png => "PNG",
            Jpeg => "JPEG",
            Tiff => "TIFF",
            WebP => "WebP",
            Bmp => "BMP",
            Pnm => "PNM",
            Pgm => "PGM",
            Ppm => "PPM",
            Pam => "PAM",
            Exr => "EXR",
            Wav => "WAV",
            Npy => "NPY",
        }
    }

    /// Whether [`write()`] stores metadata of this kind in the format; others are left out.
    pub fn keeps(self, kind: MetadataKind) -> bool {
        match kind {
            MetadataKind::Icc => matches!(self, Png | Jpeg | Tiff | WebP),
            MetadataKind::Exif => matches!(self, Png | Jpeg | WebP),
            MetadataKind::Xmp => matches!(self, Png | Tiff),
            MetadataKind::CodePoints | MetadataKind::Gamma | MetadataKind::Chromaticities => self == Png,
            MetadataKind::Resolution => matches!(self, Png | Jpeg | Tiff),
            MetadataKind::Tags => self == Wav,
        }
    }

    /// Whether the format can hold such a signal: cheap, to be asked before anything is rendered.
    ///
    /// # Errors
    /// [`Error::Unsupported`], naming formats that can.
    pub fn accepts(self, description: &Description) -> Result<()> {
        let &Description { kind, channels, format, ref lengths, .. } = description;
        let refuse = |what: String, instead: &str| {
            Err(Error::unsupported(self.name(), format!("it cannot hold {what}; {instead} can")))
        };
        if self == Npy {
            return Ok(());
        }
        match kind {
            Kind::Sound if self != Wav => return refuse("sound".into(), "WAV and NPY"),
            Kind::Picture if self == Wav => return refuse("a picture".into(), "PNG, TIFF and NPY"),
            _ => {}
        }
        let (held, instead) = match (self, format) {
            (Wav, SampleFormat::U8 | SampleFormat::U16) => (false, "NPY"),
            (Exr, SampleFormat::F32) => (true, ""),
            (Exr, _) => (false, "PNG, TIFF and PNM"),
            (Wav, _) | (Tiff, SampleFormat::F32) | (_, SampleFormat::U8) => (true, ""),
            (Png | Tiff | Pnm | Pgm | Ppm | Pam, SampleFormat::U16) => (true, ""),
            (_, SampleFormat::U16) => (false, "PNG, TIFF and PNM"),
            (_, SampleFormat::F32) => (false, "TIFF, EXR and NPY"),
            _ => (false, "NPY"),
        };
        if !held {
            return refuse(format!("{} samples", words(format)), instead);
        }
        let most = kind.max_channels();
        if channels == 0 || channels > most {
            return Err(Error::unsupported(
                self.name(),
                format!("{channels} channels, 1 to {most} expected"),
            ));
        }
        match (self, channels) {
            (Jpeg, 2 | 4) => return refuse("alpha".into(), "PNG, TIFF and WebP"),
            (Bmp, 2) => return refuse("grey with alpha".into(), "PNG, TIFF and WebP"),
            (Pgm | Ppm, 2 | 4) => return refuse("alpha".into(), "PAM, PNG and TIFF"),
            (Pgm, 3) => return refuse("colour".into(), "PPM, PNG and TIFF"),
            _ => {}
        }
        let side = match self {
            Jpeg => 65535,
            WebP => 16384,
            Exr => exr::longest_row(channels),
            _ => u32::MAX,
        };
        match lengths.iter().find(|&&length| length > side) {
            Some(length) => refuse(format!("{length} pixels along a side, {side} at most"), "PNG and TIFF"),
            None => Ok(()),
        }
    }
}

/// What writing takes, for limits that are asked before it.
impl OutputFormat {
    /// Bytes of memory that [`write()`] takes beside the signal, at most: encoders of compressed formats hold more than a few rows.
    pub fn working_bytes(self, description: &Description, metadata: &[Metadata]) -> u64 {
        const SCRATCH: u64 = 1 << 20;
        let samples = bytes_of_samples(description);
        let held = match self {
            Wav | Npy | Pnm | Pgm | Pam | Exr | Bmp => 0,
            // Grey becomes RGB.
            Ppm => samples.saturating_mul(4),
            // The filtered rows, which are compressed as one, and what they are compressed to, in a buffer that grows; of 16 bits
            // the samples in the order of the file too.
            Png => samples.saturating_mul(5),
            Jpeg | Tiff => samples,
            // Pixels in 4 bytes, their symbols and the file.
            WebP => description.positions().saturating_mul(32),
        };
        held.saturating_add(metadata_bytes(metadata).saturating_mul(3)).saturating_add(SCRATCH)
    }

    /// Bytes of the file that [`write()`] makes, at most.
    pub fn most_bytes(self, description: &Description, metadata: &[Metadata]) -> u64 {
        const HEAD: u64 = 1 << 16;
        let samples = bytes_of_samples(description);
        let stored = match self {
            Wav | Pnm | Pgm | Pam | Exr => samples,
            Ppm => samples.saturating_mul(3),
            Npy => description.positions().saturating_mul(4 * u64::from(description.channels)),
            // Noise does not shrink, and rows, blocks and offsets come on top. 64 coefficients of a JPEG take up to 27 bits each.
            Png | Tiff | Bmp => samples.saturating_mul(2),
            Jpeg | WebP => description.positions().saturating_mul(16),
        };
        stored.saturating_add(metadata_bytes(metadata)).saturating_add(HEAD)
    }
}

fn bytes_of_samples(description: &Description) -> u64 {
    let samples = description.positions().saturating_mul(description.channels.into());
    samples.saturating_mul(u64::from(description.format.bits()).div_ceil(8))
}

fn metadata_bytes(metadata: &[Metadata]) -> u64 {
    metadata.iter().fold(0, |sum: u64, block| sum.saturating_add(block.bytes.len() as u64))
}

impl std::fmt::Display for OutputFormat {
    /// The name for messages.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A sample format in words.
fn words(format: SampleFormat) -> String {
    match format {
        SampleFormat::F32 => "binary32".into(),
        SampleFormat::U8 | SampleFormat::U16 => format!("{}-bit unsigned", format.bits()),
        _ => format!("{}-bit signed", format.bits()),
    }
}

/// Writes `signal` as a file of `format`, with the metadata that the format [`keeps`](OutputFormat::keeps).
///
/// Unbuffered: pass a buffered writer.
///
/// # Errors
/// [`Error::Unsupported`] if the format cannot hold the signal; [`Error::Parameter`] if the samples are not those of the
/// description; [`Error::Io`] if writing fails.
pub fn write<W: Write + Seek>(signal: &Signal, format: OutputFormat, writer: W) -> Result<()> {
    let description = &signal.description;
    let expected = description.positions().saturating_mul(u64::from(description.channels));
    let found = (signal.samples.format(), signal.samples.len() as u64);
    if found != (description.format, expected) {
        let detail = format!("{} of {:?}, {expected} of {:?} expected", found.1, found.0, description.format);
        return Err(Error::parameter("samples", detail));
    }
    format.accepts(description)?;
    let size = match description.lengths[..] {
        [width, height] => (width, height),
        _ => (0, 0),
    };
    match format {
        Wav => wav::write(signal, writer),
        Npy => write_array(signal, writer),
        Pnm | Pgm | Ppm | Pam => pnm::write(signal, format, size, writer),
        Exr => exr::write(signal, size, writer),
        Tiff => tiff::write(signal, size, writer),
        Png => png::write(signal, size, writer),
        Jpeg => {
            let mut encoder = JpegEncoder::new_with_quality(writer, JPEG_QUALITY);
            if let Some(density) = jpeg_density(signal) {
                encoder.set_pixel_density(density);
            }
            put(signal, size, format, encoder)
        }
        WebP => put(signal, size, format, WebPEncoder::new_lossless(writer)),
        Bmp => {
            let mut writer = writer;
            put(signal, size, format, BmpEncoder::new(&mut writer))
        }
    }
}

fn write_array<W: Write>(signal: &Signal, writer: W) -> Result<()> {
    let lengths = signal.description.lengths.iter().rev().map(|&n| u64::from(n));
    let shape: Vec<_> = lengths.chain([u64::from(signal.description.channels)]).collect();
    npy::write_npy(writer, &shape, (0..signal.samples.len()).map(|i| signal.samples.get(i)))
}

/// The resolution as JFIF has it, in 16 bits.
fn jpeg_density(signal: &Signal) -> Option<PixelDensity> {
    let block = signal.metadata.iter().find(|block| block.kind == MetadataKind::Resolution)?;
    let (across, down, unit) = resolution::densities(&block.bytes)?;
    let [x, y] = [across, down].map(|density| density.round().clamp(1.0, f64::from(u16::MAX)) as u16);
    let unit = match unit {
        2 => PixelDensityUnit::Inches,
        3 => PixelDensityUnit::Centimeters,
        _ => PixelDensityUnit::PixelAspectRatio,
    };
    Some(PixelDensity { density: (x, y), unit })
}

/// Writes a picture through an encoder of the `image` crate.
fn put<E: ImageEncoder>(
    signal: &Signal,
    size: (u32, u32),
    format: OutputFormat,
    mut encoder: E,
) -> Result<()> {
    let refused = |error: String| Error::unsupported(format.name(), error);
    for block in signal.metadata.iter().filter(|block| format.keeps(block.kind)) {
        if format == Jpeg && block.kind == MetadataKind::Exif && block.bytes.len() > JPEG_EXIF_BYTES {
            let detail =
                format!("an Exif block of {} bytes, at most {JPEG_EXIF_BYTES} expected", block.bytes.len());
            return Err(refused(detail));
        }
        match block.kind {
            MetadataKind::Icc => encoder.set_icc_profile(block.bytes.clone()),
            MetadataKind::Exif => encoder.set_exif_metadata(block.bytes.clone()),
            // Where other kinds are kept, they are told to the encoder before.
            _ => Ok(()),
        }
        .map_err(|error| refused(error.to_string()))?;
    }
    let (bytes, colours) = match &signal.samples {
        Samples::U8(v) => (
            v.as_bytes(),
            [
                ExtendedColorType::L8,
                ExtendedColorType::La8,
                ExtendedColorType::Rgb8,
                ExtendedColorType::Rgba8,
            ],
        ),
        Samples::U16(v) => (
            v.as_bytes(),
            [
                ExtendedColorType::L16,
                ExtendedColorType::La16,
                ExtendedColorType::Rgb16,
                ExtendedColorType::Rgba16,
            ],
        ),
        other => return Err(refused(format!("{} samples", words(other.format())))),
    };
    let colour = colours[usize::from(signal.description.channels - 1).min(3)];
    encoder.write_image(bytes, size.0, size.1, colour).map_err(|error| match error {
        ImageError::IoError(error) => Error::Io(error),
        other => refused(other.to_string()),
    })
}
