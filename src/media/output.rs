//! Signals → files: the output formats, what each can hold, and writing them.

mod cost;

use crate::error::{Error, Result};
use crate::media::streams::Output;
use crate::media::video::{Film, y4m};
use crate::media::{exr, netcdf, nifti, npy, nrrd, png, pnm, resolution, tiff, wav};
use crate::signal::{Description, Kind, MetadataKind, SampleFormat, Samples, Signal};
use flate2::{Compression, write::GzEncoder};
use image::codecs::jpeg::{JpegEncoder, PixelDensity, PixelDensityUnit};
use image::codecs::{bmp::BmpEncoder, webp::WebPEncoder};
use image::error::ImageError;
use image::{EncodableLayout, ExtendedColorType, ImageEncoder};
use std::io::{Seek, Write};
use std::path::Path;

use OutputFormat::{
    Bmp, Exr, Jpeg, NetCdf, Nifti, NiftiGz, Npy, Nrrd, Pam, Pgm, Png, Pnm, Ppm, Tiff, Wav, WebP, Y4m,
};

/// An output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OutputFormat {
    /// PNG: 8 and 16 bits, 1 to 4 channels.
    Png,
    /// JPEG of quality 95: 8 bits, grey or RGB.
    Jpeg,
    /// TIFF with Deflate compression: 8 and 16 bits and binary32, 1 to 4 channels; beyond two axes of space, a page for each
    /// place along the others.
    Tiff,
    /// Lossless WebP: 8 bits, 1 to 4 channels, at most 16384 pixels per side. Grey is stored as RGB.
    WebP,
    /// BMP: 8 bits, grey, RGB or RGBA.
    Bmp,
    /// PGM, PPM or, with alpha, PAM: 8 and 16 bits, 1 to 4 channels.
    Pnm,
    /// PGM: 8 and 16 bits, grey.
    Pgm,
    /// PPM: 8 and 16 bits, RGB. Grey is stored as RGB.
    Ppm,
    /// PAM: 8 and 16 bits, 1 to 4 channels.
    Pam,
    /// OpenEXR, uncompressed: binary32, 1 to 4 channels, not converted to linear light. Colours are
    /// multiplied by alpha.
    Exr,
    /// WAV: 8, 16, 24 and 32-bit integers and binary32, 1 to 8 channels.
    Wav,
    /// NumPy: any signal as binary32, of shape `(height, width, channels)` or `(samples, channels)`; integers of
    /// pictures, sounds and videos are scaled to 0..1 or −1..1.
    Npy,
    /// NRRD, uncompressed: any signal, with names, units and uniform coordinates of its axes; all samples but
    /// those of 24 bits.
    Nrrd,
    /// NIfTI: up to three axes of space, then up to one of time or something else; at most 32767 samples along
    /// each; all samples but those of 24 bits. Version 1, or that of the source's header, which is kept.
    Nifti,
    /// The same, compressed by gzip.
    NiftiGz,
    /// NetCDF of version 2: any signal, with names, units and coordinates of its axes; a variable for each channel, of at
    /// most 4 GiB.
    NetCdf,
    /// YUV4MPEG2 with chroma at every pixel, in limited range: video of 8 and 16 bits, grey or RGB.
    Y4m,
}

/// Extensions and the formats they choose; the first extension of a format is its default.
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
    ("nrrd", Nrrd),
    ("nii", Nifti),
    ("nii.gz", NiftiGz),
    ("nc", NetCdf),
    ("cdf", NetCdf),
    ("y4m", Y4m),
];

/// Quality of JPEG: high enough that its loss is small beside that of the network.
const JPEG_QUALITY: u8 = 95;
/// The largest Exif block of a JPEG: the length of a segment includes its own 2 bytes and a prefix of 6.
const JPEG_EXIF_BYTES: usize = 0xFFFF - 8;

impl OutputFormat {
    /// The format for the extension of `path`, in upper or lower case.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the extension is missing or unknown; the message lists the known ones.
    pub fn from_extension(path: impl AsRef<Path>) -> Result<Self> {
        let name = path.as_ref().file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let ends = |extension| {
            let stem = name.strip_suffix(extension).and_then(|rest: &str| rest.strip_suffix('.'));
            stem.is_some_and(|stem| !stem.is_empty())
        };
        let found = EXTENSIONS.iter().find(|&&(extension, _)| ends(extension));
        found.map(|&(_, format)| format).ok_or_else(|| {
            let known: Vec<_> = EXTENSIONS.iter().map(|&(extension, _)| extension).collect();
            let given = path.as_ref().extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
            let given = given.map_or("no extension".into(), |e| format!("extension {e:?}"));
            Error::unsupported(
                "output format",
                format!("{given}, but one of {} was expected", known.join(" ")),
            )
        })
    }

    /// The default format of a signal: PNG for pictures, TIFF for pictures of binary32, WAV for sound, Y4M for
    /// video, and NPY for all others.
    pub fn default_for(kind: Kind, format: SampleFormat) -> Self {
        match (kind, format) {
            (Kind::Sound, _) => Wav,
            (Kind::Picture, SampleFormat::U8 | SampleFormat::U16) => Png,
            (Kind::Picture, _) => Tiff,
            (Kind::Video, SampleFormat::U8 | SampleFormat::U16) => Y4m,
            _ => Npy,
        }
    }

    /// The default extension of the format, without a dot.
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
            Nrrd => "NRRD",
            Nifti | NiftiGz => "NIfTI",
            NetCdf => "NetCDF",
            Y4m => "Y4M",
        }
    }

    /// Whether [`write()`] stores metadata of this kind in the format; it leaves out other kinds.
    pub fn keeps(self, kind: MetadataKind) -> bool {
        match kind {
            MetadataKind::Icc => matches!(self, Png | Jpeg | Tiff | WebP),
            MetadataKind::Exif => matches!(self, Png | Jpeg | WebP),
            MetadataKind::Xmp => matches!(self, Png | Tiff),
            MetadataKind::CodePoints | MetadataKind::Gamma | MetadataKind::Chromaticities => self == Png,
            MetadataKind::Resolution => matches!(self, Png | Jpeg | Tiff),
            MetadataKind::Tags => self == Wav,
            MetadataKind::Coordinates => matches!(self, Nrrd | Nifti | NiftiGz | NetCdf),
            MetadataKind::Nifti => matches!(self, Nifti | NiftiGz),
            MetadataKind::Fill => self == NetCdf,
        }
    }

    /// Checks whether the format can hold a signal of `description`. Cheap: call it before anything is
    /// rendered.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if it cannot; the message names formats that can.
    pub fn accepts(self, description: &Description) -> Result<()> {
        let &Description { channels, format, .. } = description;
        let (kind, lengths) = (description.kind(), description.lengths());
        let refuse = |what: String, instead: &str| {
            Err(Error::unsupported(self.name(), format!("it cannot hold {what}; {instead} can")))
        };
        match (self, kind) {
            (Npy, _) => return Ok(()),
            (Nrrd | Nifti | NiftiGz, _) if format == SampleFormat::I24 => {
                return refuse("24-bit signed samples".into(), "NPY");
            }
            (Nrrd, _) => return Ok(()),
            (Nifti | NiftiGz, _) => return nifti::accepts(description),
            (NetCdf, _) => return netcdf::accepts(description),
            (Tiff, _) if tiff::is_stack(description) => {}
            (Wav, Kind::Sound) => {}
            (_, Kind::Sound) => return refuse("sound".into(), "WAV and NPY"),
            (Wav | Y4m, Kind::Picture) => return refuse("a picture".into(), "PNG, TIFF and NPY"),
            (_, Kind::Picture) => {}
            (Y4m, Kind::Video) => {}
            (_, Kind::Video) => return refuse("a video".into(), "Y4M and NPY"),
            (_, Kind::Volume) => return refuse("a volume".into(), "NIfTI, NRRD and NPY"),
            _ => return refuse("a signal of these axes".into(), "NRRD and NPY"),
        }
        let (held, instead) = match (self, format) {
            (Wav, SampleFormat::U8 | SampleFormat::U16) => (false, "NPY"),
            (Exr, SampleFormat::F32) => (true, ""),
            (Exr, _) => (false, "PNG, TIFF and PNM"),
            (Wav, _) | (Tiff, SampleFormat::F32) | (_, SampleFormat::U8) => (true, ""),
            (Png | Tiff | Pnm | Pgm | Ppm | Pam | Y4m, SampleFormat::U16) => (true, ""),
            (_, SampleFormat::U16) => (false, "PNG, TIFF and PNM"),
            (Y4m, _) => (false, "NPY"),
            (_, SampleFormat::F32) => (false, "TIFF, EXR and NPY"),
            _ => (false, "NPY"),
        };
        if !held {
            return refuse(format!("{} samples", words(format)), instead);
        }
        let most = if kind == Kind::Sound { 8 } else { 4 };
        if channels == 0 || channels > most {
            return Err(Error::unsupported(
                self.name(),
                format!("{channels} channels, but 1 to {most} were expected"),
            ));
        }
        match (self, channels) {
            (Jpeg, 2 | 4) => return refuse("alpha".into(), "PNG, TIFF and WebP"),
            (Bmp, 2) => return refuse("grey with alpha".into(), "PNG, TIFF and WebP"),
            (Pgm | Ppm, 2 | 4) => return refuse("alpha".into(), "PAM, PNG and TIFF"),
            (Y4m, 2 | 4) => return refuse("alpha".into(), "NPY"),
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
            Some(length) => refuse(format!("a side of {length} pixels, more than {side}"), "PNG and TIFF"),
            None => Ok(()),
        }
    }
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

/// Writes `signal` in `format`, with the metadata that the format [`keeps`](OutputFormat::keeps).
///
/// Unbuffered: pass a buffered writer.
///
/// # Errors
/// [`Error::Unsupported`] if the format cannot hold the signal; [`Error::Parameter`] if the samples do not
/// match the description; [`Error::Io`] if writing fails.
///
/// # Examples
/// ```
/// use sirenc::signal::{Description, SampleFormat, Samples, Signal};
/// use sirenc::{Limits, media};
/// use std::io::Cursor;
///
/// # fn main() -> sirenc::Result<()> {
/// let signal = Signal {
///     description: Description::picture([3, 2], 1, SampleFormat::U8),
///     samples: Samples::U8(vec![0, 51, 102, 153, 204, 255]),
///     metadata: vec![],
/// };
/// let mut file = Cursor::new(vec![]);
/// media::write(&signal, media::OutputFormat::from_extension("small.png")?, &mut file)?;
/// assert_eq!(media::read(file.get_ref(), &Limits::default())?.samples, signal.samples);
/// # Ok(())
/// # }
/// ```
pub fn write<W: Write + Seek>(signal: &Signal, format: OutputFormat, mut writer: W) -> Result<()> {
    write_signal(signal, format, &mut writer)
}

fn write_signal(signal: &Signal, format: OutputFormat, writer: &mut dyn Output) -> Result<()> {
    let description = &signal.description;
    require_samples(signal)?;
    format.accepts(description)?;
    let size = match description.lengths()[..] {
        [width, height] => (width, height),
        _ => (0, 0),
    };
    match format {
        Wav => wav::write(signal, writer),
        Npy => write_array(signal, writer),
        Nrrd => nrrd::write(signal, writer),
        Nifti => nifti::write(signal, writer),
        NetCdf => netcdf::write(signal, writer),
        NiftiGz => {
            let mut gzip = GzEncoder::new(writer, Compression::default());
            nifti::write(signal, &mut gzip)?;
            gzip.finish()?;
            Ok(())
        }
        Y4m => y4m::write(&mut Film::of(signal)?, writer),
        Pnm | Pgm | Ppm | Pam => pnm::write(signal, format, size, writer),
        Exr => exr::write(signal, size, writer),
        Tiff => tiff::write(signal, writer),
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

/// Rejects a signal whose samples do not match its description.
pub(super) fn require_samples(signal: &Signal) -> Result<()> {
    let description = &signal.description;
    let expected = description.positions().saturating_mul(u64::from(description.channels));
    let found = (signal.samples.format(), signal.samples.len() as u64);
    if found != (description.format, expected) {
        let detail =
            format!("{} of {:?}, but {expected} of {:?} were expected", found.1, found.0, description.format);
        return Err(Error::parameter("samples", detail));
    }
    Ok(())
}

fn write_array<W: Write>(signal: &Signal, writer: W) -> Result<()> {
    let lengths = signal.description.axes.iter().rev().map(|axis| u64::from(axis.length));
    let shape: Vec<_> = lengths.chain([u64::from(signal.description.channels)]).collect();
    let number = signal.description.unit_number() as f32;
    npy::write_npy(writer, &shape, (0..signal.samples.len()).map(|i| number * signal.samples.get(i)))
}

/// The resolution for JFIF, if it fits into 16 bits.
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

/// Writes a picture with an encoder of the `image` crate.
fn put<E: ImageEncoder>(
    signal: &Signal,
    size: (u32, u32),
    format: OutputFormat,
    mut encoder: E,
) -> Result<()> {
    let refused = |error: String| Error::unsupported(format.name(), error);
    for block in signal.metadata.iter().filter(|block| format.keeps(block.kind)) {
        if format == Jpeg && block.kind == MetadataKind::Exif && block.bytes.len() > JPEG_EXIF_BYTES {
            let detail = format!(
                "an Exif block of {} bytes, but at most {JPEG_EXIF_BYTES} were expected",
                block.bytes.len()
            );
            return Err(refused(detail));
        }
        match block.kind {
            MetadataKind::Icc => encoder.set_icc_profile(block.bytes.clone()),
            MetadataKind::Exif => encoder.set_exif_metadata(block.bytes.clone()),
            // Other kinds that the format keeps have been given to the encoder already.
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
