//! The plan of a decode: what is rendered and in which format, from the flags and the file.

use super::background::Background;
use super::colormap::Colormap;
use super::sampling::Sampled;
use super::{Args, Bits};
use crate::cli::failure::{Exit, Failure};
use crate::cli::{input, output};
use sirenc::Decoder;
use sirenc::media::{self, OutputFormat};
use sirenc::signal::{Axis, Description, Grid, Kind, MetadataKind, SampleFormat};
use std::path::PathBuf;

/// What is rendered, and in which format it is written.
pub struct Plan {
    pub grid: Grid,
    /// Whether each axis of the grid is one of the result.
    pub kept: Vec<bool>,
    pub description: Description,
    pub format: OutputFormat,
    /// The colour that replaces alpha.
    pub background: Option<Background>,
    /// The colours of a single channel.
    pub colormap: Option<Colormap>,
    pub path: PathBuf,
    /// The values of the lowest and the highest code, if not the ends of the unit range.
    pub range: Option<(f64, f64)>,
    /// The number that a value of 1 is written as: see [`Description::unit_number`].
    pub number: f64,
    /// Whether the name is that of a file that only videos are written to.
    pub video: bool,
}

/// The description of what is written as `format`: in a file of a picture any two axes are one, such as space and time
/// of a slice through a video.
pub(super) fn pictured(sampled: Description, format: OutputFormat) -> Description {
    use OutputFormat::{Bmp, Exr, Jpeg, Pam, Pgm, Png, Pnm, Ppm, WebP};
    let of_pictures = matches!(format, Bmp | Exr | Jpeg | Pam | Pgm | Png | Pnm | Ppm | WebP);
    match &sampled.axes[..] {
        [x, y] if of_pictures => {
            Description { axes: vec![Axis::space(x.length), Axis::space(y.length)], ..sampled }
        }
        _ => sampled,
    }
}

impl Args {
    /// Checks the flags against the file before anything is rendered.
    pub fn plan(&self, name: &str, decoder: &Decoder) -> Result<Plan, Failure> {
        let native = decoder.description();
        let Sampled { grid, kept, description: sampled } = self.sampling(name, native)?;
        let measured = matches!(native.kind(), Kind::Volume | Kind::Field);
        let video = sampled.kind() == Kind::Video
            && self.format.is_none()
            && self.output.as_deref().is_some_and(media::is_video_name);
        let from_nifti = decoder.metadata().iter().any(|block| block.kind == MetadataKind::Nifti);
        let default = match measured {
            true if from_nifti && OutputFormat::Nifti.accepts(&sampled).is_ok() => OutputFormat::Nifti,
            true => OutputFormat::Npy,
            false => OutputFormat::default_for(sampled.kind(), self.sample_format(native)),
        };
        let format = if video { OutputFormat::Y4m } else { self.output_format(default)? };
        let sampled = pictured(sampled, format);
        let sampled_kind = sampled.kind();
        let background = self.background.filter(|_| native.has_alpha());
        if native.channels == 2 && background.is_some_and(|colour| !colour.is_grey()) {
            let sentence = "--background is a colour, but the picture is grey with alpha";
            return Err(Failure::new(Exit::Usage, name, sentence).hint("use a grey one, as in 128,128,128"));
        }
        let mut description = Description {
            channels: native.channels - u8::from(background.is_some()),
            format: self.sample_format(native),
            ..sampled
        };
        // JPEG, WebP and BMP have 8 bits only: naming one of them implies 8 bits.
        if self.bits.is_none()
            && description.format == SampleFormat::U16
            && format.accepts(&description).is_err()
        {
            description.format = SampleFormat::U8;
        }
        if self.bits.is_none() && matches!(format, OutputFormat::Exr | OutputFormat::Npy) {
            description.format = SampleFormat::F32;
        }
        // Pages have unsigned codes or numbers.
        let codes = matches!(description.format, SampleFormat::U8 | SampleFormat::U16);
        if self.bits.is_none() && measured && format == OutputFormat::Tiff && !codes {
            description.format = SampleFormat::F32;
        }
        // Measurements become colours where the file of a picture is asked for.
        use OutputFormat::{NetCdf, Nifti, NiftiGz, Nrrd};
        let keeps_numbers = matches!(format, Nrrd | NetCdf | Nifti | NiftiGz);
        if keeps_numbers && matches!(self.bits, Some(Bits::Eight | Bits::Sixteen)) {
            let sentence = "--bits does not apply, this format holds the samples as they are";
            return Err(Failure::new(Exit::Usage, name, sentence).hint("--bits f32 does, or another format"));
        }
        if self.bits.is_none() && measured && !keeps_numbers && description.kind() == Kind::Picture {
            let whole = matches!(format, OutputFormat::Exr | OutputFormat::Npy | OutputFormat::Tiff);
            description.format = if whole { SampleFormat::F32 } else { SampleFormat::U8 };
        }
        let colormap = self.colours(name, native.channels, sampled_kind)?;
        if colormap.is_some() {
            (description.channels, description.format) = (3, SampleFormat::U8);
        }
        let path = self.output_path(format);
        if format == OutputFormat::Npy && description.format != SampleFormat::F32 {
            let failure = Failure::new(
                Exit::Usage,
                path.display(),
                "NPY holds binary32, values are not rounded to integers",
            );
            return Err(failure.hint("--bits applies to png, tiff and wav"));
        }
        let accepted = if video { Ok(()) } else { format.accepts(&description) };
        accepted.map_err(|error| {
            let failure = Failure::new(Exit::Usage, path.display(), error);
            let opaque = Description { channels: description.channels - 1, ..description.clone() };
            if description.has_alpha() && format.accepts(&opaque).is_ok() {
                return failure.hint("--background white puts it on a colour, without alpha");
            }
            let eight = Description { format: SampleFormat::U8, ..description.clone() };
            let fewer = self.bits.is_none() && format.accepts(&eight).is_ok();
            if fewer { failure.hint("--bits 8 converts to 8 bits") } else { failure }
        })?;
        let mut range = self.value_range(&path, &description)?;
        let as_stored = range.is_none() && description.format == native.format;
        let number = if as_stored { 1.0 } else { native.unit_number() };
        let codes = matches!(description.format, SampleFormat::U8 | SampleFormat::U16);
        let numbers = measured || colormap.is_some() && native.format == SampleFormat::F32;
        if range.is_none() && numbers && codes && !as_stored {
            let found = extent(decoder, &grid, number).map_err(|error| Failure::work(name, error))?;
            range = Some(colormap.map_or(found, |map| map.widened(found)));
        }
        Ok(Plan { grid, kept, description, format, background, colormap, path, range, number, video })
    }

    /// The colours of a signal of `channels`, if there are to be some.
    pub(super) fn colours(&self, name: &str, channels: u8, kind: Kind) -> Result<Option<Colormap>, Failure> {
        let Some(map) = self.colormap.and_then(Colormap::coloured) else { return Ok(None) };
        let refuse = |sentence: &str, hint: &str| Err(Failure::new(Exit::Usage, name, sentence).hint(hint));
        if channels != 1 || !matches!(kind, Kind::Picture | Kind::Video) {
            return refuse("--colormap is for a single channel of two axes", "--slice leaves axes out");
        }
        if matches!(self.bits, Some(Bits::Sixteen | Bits::F32)) {
            return refuse("--colormap makes pictures of 8 bits", "leave out --bits");
        }
        Ok(Some(map))
    }

    /// The format that the flags name, or `default`.
    pub(super) fn output_format(&self, default: OutputFormat) -> Result<OutputFormat, Failure> {
        match (self.format, &self.output) {
            (Some(format), _) => Ok(format),
            (None, Some(path)) if !output::is_stdout(path) && path.extension().is_some() => {
                OutputFormat::from_extension(path).map_err(|error| {
                    Failure::new(Exit::Usage, path.display(), error).hint("--format overrides the extension")
                })
            }
            _ => Ok(default),
        }
    }

    fn sample_format(&self, native: &Description) -> SampleFormat {
        match (self.bits, native.kind()) {
            (None, _) => native.format,
            (Some(Bits::Eight), Kind::Sound) => SampleFormat::I8,
            (Some(Bits::Sixteen), Kind::Sound) => SampleFormat::I16,
            (Some(Bits::Eight), _) => SampleFormat::U8,
            (Some(Bits::Sixteen), _) => SampleFormat::U16,
            (Some(Bits::F32), _) => SampleFormat::F32,
        }
    }

    pub(super) fn output_path(&self, format: OutputFormat) -> PathBuf {
        match &self.output {
            Some(path) => path.clone(),
            None if input::is_stdin(&self.input) => "-".into(),
            None => self.input.with_extension(format.extension()),
        }
    }
}

/// The least and the greatest value on a grid, times `number`; a range of 1 around a constant, and 0 to 1 without any value.
fn extent(decoder: &Decoder, grid: &Grid, number: f64) -> sirenc::Result<(f64, f64)> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for band in decoder.request(grid).bands()? {
        for value in band? {
            let value = number * f64::from(value);
            (low, high) = (low.min(value), high.max(value));
        }
    }
    Ok(match (low, high) {
        _ if low < high => (low, high),
        _ if low > high => (0.0, 1.0),
        _ => (low - 0.5, low + 0.5),
    })
}
