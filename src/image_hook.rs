//! `.siren` pictures for the `image` crate: after [`register_image_hook`], `image::open("x.siren")` works.

use crate::container::MAGIC;
use crate::ieee::ieee;
use crate::signal::{Grid, Kind, MetadataKind, SampleFormat};
use crate::{Decoder, Error, Limits};
use image::error::{DecodingError, ImageFormatHint, LimitError, LimitErrorKind};
use image::error::{UnsupportedError, UnsupportedErrorKind};
use image::{ColorType, ImageDecoder, ImageError, ImageResult, hooks};
use std::io::Read;
use std::time::Duration;

/// Registers a decoder of `.siren` pictures with the `image` crate, by extension and by content. Returns
/// false if it was registered already.
///
/// Pictures have their native size, sample format, ICC profile and Exif block. Binary32 grey, for which
/// `image` has no colour type, is read as RGB. A picture that takes more than 10¹² multiply-adds
/// ([`Cost::macs`](crate::Cost::macs)), 512 MiB or a minute is refused; [`Decoder`] accepts other [`Limits`].
///
/// ```no_run
/// sirenc::register_image_hook();
/// let picture = image::open("photo.siren")?;
/// # Ok::<(), image::ImageError>(())
/// ```
pub fn register_image_hook() -> bool {
    let registered = hooks::register_decoding_hook(
        "siren".into(),
        Box::new(|reader| Ok(Box::new(Picture::open(reader)?))),
    );
    if registered {
        hooks::register_format_detection_hook("siren".into(), &MAGIC, None);
    }
    registered
}

/// Limits for a picture that a program opens without inspecting it: a tenth of the usual work, as much memory
/// as the `image` crate allows by default, and a minute.
fn limits() -> Limits {
    let usual = Limits::default();
    Limits { macs: usual.macs / 10, memory_bytes: 512 << 20, time: Some(Duration::from_secs(60)), ..usual }
}

/// An opened picture.
struct Picture {
    decoder: Decoder,
    colour: ColorType,
}

impl Picture {
    fn open(reader: impl Read) -> ImageResult<Self> {
        let decoder = Decoder::with_limits(reader, &limits()).map_err(fault)?;
        let description = decoder.description();
        if description.kind() != Kind::Picture {
            return Err(unsupported("a sound, a picture was expected".into()));
        }
        let colours = match description.format {
            SampleFormat::U8 => [ColorType::L8, ColorType::La8, ColorType::Rgb8, ColorType::Rgba8],
            SampleFormat::U16 => [ColorType::L16, ColorType::La16, ColorType::Rgb16, ColorType::Rgba16],
            SampleFormat::F32 => {
                [ColorType::Rgb32F, ColorType::Rgba32F, ColorType::Rgb32F, ColorType::Rgba32F]
            }
            other => return Err(unsupported(format!("{other:?} samples"))),
        };
        let colour = colours.get(usize::from(description.channels) - 1).copied();
        let colour = colour.ok_or_else(|| unsupported(format!("{} channels", description.channels)))?;
        Ok(Picture { decoder, colour })
    }

    fn metadata(&self, kind: MetadataKind) -> Option<Vec<u8>> {
        let block = self.decoder.metadata().iter().find(|block| block.kind == kind);
        block.map(|block| block.bytes.clone())
    }
}

impl ImageDecoder for Picture {
    fn dimensions(&self) -> (u32, u32) {
        let lengths = &self.decoder.description().lengths();
        (lengths[0], lengths[1])
    }
    fn color_type(&self) -> ColorType {
        self.colour
    }
    fn icc_profile(&mut self) -> ImageResult<Option<Vec<u8>>> {
        Ok(self.metadata(MetadataKind::Icc))
    }
    fn exif_metadata(&mut self) -> ImageResult<Option<Vec<u8>>> {
        Ok(self.metadata(MetadataKind::Exif))
    }
    fn xmp_metadata(&mut self) -> ImageResult<Option<Vec<u8>>> {
        Ok(self.metadata(MetadataKind::Xmp))
    }
    fn read_image(self, buf: &mut [u8]) -> ImageResult<()> {
        let description = self.decoder.description();
        let (format, channels) = (description.format, usize::from(description.channels));
        let mut rest = &mut buf[..];
        let mut put = |bytes: &[u8]| {
            let (place, behind) = std::mem::take(&mut rest).split_at_mut(bytes.len());
            place.copy_from_slice(bytes);
            rest = behind;
        };
        for band in self.decoder.request(&Grid::native(description)).bands().map_err(fault)? {
            let band = band.map_err(fault)?;
            let mut put_pixel = |pixel: &[f32]| match format {
                SampleFormat::U8 => pixel.iter().for_each(|&v| put(&[format.quantize(v) as u8])),
                SampleFormat::U16 => {
                    pixel.iter().for_each(|&v| put(&(format.quantize(v) as u16).to_ne_bytes()));
                }
                _ => {
                    let grey = if channels < 3 { 3 } else { 1 };
                    (0..grey).for_each(|_| put(&pixel[0].to_ne_bytes()));
                    pixel[1..].iter().for_each(|v| put(&v.to_ne_bytes()));
                }
            };
            ieee(|| band.chunks_exact(channels).for_each(&mut put_pixel));
        }
        Ok(())
    }
    fn read_image_boxed(self: Box<Self>, buf: &mut [u8]) -> ImageResult<()> {
        (*self).read_image(buf)
    }
}

fn hint() -> ImageFormatHint {
    ImageFormatHint::Name("siren".into())
}

fn unsupported(what: String) -> ImageError {
    let kind = UnsupportedErrorKind::GenericFeature(what);
    ImageError::Unsupported(UnsupportedError::from_format_and_kind(hint(), kind))
}

/// Converts an error to one of the `image` crate, by who is at fault.
fn fault(error: Error) -> ImageError {
    match error {
        Error::Io(error) => ImageError::IoError(error),
        Error::Unsupported { .. } => unsupported(error.to_string()),
        Error::Limit { .. } => ImageError::Limits(LimitError::from_kind(LimitErrorKind::InsufficientMemory)),
        _ => ImageError::Decoding(DecodingError::new(hint(), error)),
    }
}
