//! The plan of a decode: what is rendered and in which format, from the flags and the file.

use super::background::Background;
use super::{Args, Bits};
use crate::cli::failure::{Exit, Failure};
use crate::cli::values::{PictureSize, Rectangle, Span};
use crate::cli::{input, output, report};
use sirenc::Decoder;
use sirenc::media::OutputFormat;
use sirenc::signal::{Description, Grid, Kind, Rate, Region, SampleFormat, Sampling};
use std::path::PathBuf;

/// What is rendered, and in which format it is written.
pub struct Plan {
    pub grid: Grid,
    pub description: Description,
    pub format: OutputFormat,
    /// The colour that replaces alpha.
    pub background: Option<Background>,
    pub path: PathBuf,
    /// The values of the lowest and the highest code, if not the ends of the unit range.
    pub range: Option<(f64, f64)>,
}

impl Args {
    /// Checks the flags against the file before anything is rendered.
    pub fn plan(&self, name: &str, decoder: &Decoder) -> Result<Plan, Failure> {
        let native = decoder.description();
        let (grid, sampled) = self.sampling(name, native)?;
        let format =
            self.output_format(OutputFormat::default_for(native.kind(), self.sample_format(native)))?;
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
        let path = self.output_path(format);
        if format == OutputFormat::Npy && description.format != SampleFormat::F32 {
            let failure = Failure::new(
                Exit::Usage,
                path.display(),
                "NPY holds binary32, values are not rounded to integers",
            );
            return Err(failure.hint("--bits applies to png, tiff and wav"));
        }
        format.accepts(&description).map_err(|error| {
            let failure = Failure::new(Exit::Usage, path.display(), error);
            let opaque = Description { channels: description.channels - 1, ..description.clone() };
            if description.has_alpha() && format.accepts(&opaque).is_ok() {
                return failure.hint("--background white puts it on a colour, without alpha");
            }
            let eight = Description { format: SampleFormat::U8, ..description.clone() };
            let fewer = self.bits.is_none() && format.accepts(&eight).is_ok();
            if fewer { failure.hint("--bits 8 converts to 8 bits") } else { failure }
        })?;
        let range = self.value_range(&path, &description)?;
        Ok(Plan { grid, description, format, background, path, range })
    }

    /// The grid of positions to render, and the description of the signal on it.
    pub(super) fn sampling(&self, name: &str, native: &Description) -> Result<(Grid, Description), Failure> {
        let (grid, rate) = self.whole_or_part(name, native)?;
        let on_grid = native.on(&grid);
        let on_grid = rate.map_or(on_grid.clone(), |rate| on_grid.with_rate(rate));
        Ok((grid, on_grid))
    }

    /// The grid of positions to render, and the rate of the result if it is another one.
    fn whole_or_part(&self, name: &str, native: &Description) -> Result<(Grid, Option<Rate>), Failure> {
        self.require_flags_of(name, native.kind())?;
        let wrong = |flag: &str, found: &str, hint: &str| {
            Err(Failure::new(Exit::Usage, name, format!("{flag} does not fit {found}")).hint(hint))
        };
        let region = self.part(name, native)?;
        let fault = |error| Failure::work(name, error);
        let (grid, rate) = match (self.size, self.scale, self.rate) {
            (Some(PictureSize { width, height }), ..) => {
                let zoom = region.as_ref().map(|region| Grid::over(region, &[width, height]));
                let grid = zoom.unwrap_or_else(|| Grid::resized(native, &[width, height]));
                return Ok((grid.map_err(fault)?, None));
            }
            (_, Some(factor), _) => {
                let scaled =
                    native.axes.iter().map(|axis| (f64::from(axis.length) * factor).round().max(1.0));
                if scaled.clone().any(|length| length > f64::from(u32::MAX)) {
                    return wrong("--scale", "a picture that large", "--region with --size goes further");
                }
                let counts: Vec<u32> = scaled.map(|length| length as u32).collect();
                (Grid::resized(native, &counts).map_err(fault)?, None)
            }
            (.., Some(rate)) => {
                let rates = native.rate().map(|native| (native.hertz(), rate.hertz()));
                let axes = native
                    .axes
                    .iter()
                    .map(|axis| rates.and_then(|(native, new)| Sampling::at_rate(axis.length, native, new)));
                let Some(axes) = axes.collect() else {
                    return wrong("--rate", "a sound that long", "a lower rate");
                };
                (Grid { axes }, Some(rate))
            }
            _ => (Grid::native(native), None),
        };
        let Some(region) = region else { return Ok((grid, rate)) };
        let hint = if native.kind() == Kind::Sound { "--rate takes more" } else { "--size takes more" };
        Ok((grid.crop(&region).map_err(|error| fault(error).hint(hint))?, rate))
    }

    /// Rejects flags for pictures if the signal is a sound, and the other way round.
    fn require_flags_of(&self, name: &str, kind: Kind) -> Result<(), Failure> {
        let pictures = [
            ("--size", self.size.is_some(), "--rate"),
            ("--scale", self.scale.is_some(), "--rate"),
            ("--region", self.region.is_some(), "--time"),
            ("--background", self.background.is_some(), "sounds have no alpha"),
        ];
        let sounds = [
            ("--rate", self.rate.is_some(), "--size or --scale"),
            ("--time", self.time.is_some(), "--region"),
        ];
        let (flags, found) =
            if kind == Kind::Sound { (&pictures[..], "a sound") } else { (&sounds[..], "a picture") };
        match flags.iter().find(|(_, given, _)| *given) {
            Some((flag, _, hint)) => {
                Err(Failure::new(Exit::Usage, name, format!("{flag} does not fit {found}")).hint(hint))
            }
            None => Ok(()),
        }
    }

    /// The part of the signal that --region or --time selects.
    fn part(&self, name: &str, native: &Description) -> Result<Option<Region>, Failure> {
        if let Some(Rectangle { x, y, width, height }) = self.region {
            let (from, to) = ([x - 0.5, y - 0.5], [x + width - 0.5, y + height - 0.5]);
            return Region::new(native, &from, &to).map(Some).map_err(|_| {
                let numbers = [x, y, width, height].map(report::short).join(",");
                let [across, down] = [native.lengths()[0], native.lengths()[1]];
                let sentence =
                    format!("--region {numbers} is not within the picture of {across}×{down} pixels");
                Failure::new(Exit::Usage, name, sentence)
            });
        }
        let Some(Span { from, to }) = self.time else { return Ok(None) };
        let Some((seconds, rate)) = native.seconds().zip(native.rate()) else { return Ok(None) };
        let outside = || {
            let [from, to, seconds] = [from, to, seconds].map(report::short);
            let sentence = format!("--time {from}..{to} is not within the sound of 0 to {seconds} s");
            Failure::new(Exit::Usage, name, sentence)
        };
        // The end of a sound in seconds is one sample after its last sample: half a sample beyond its extent.
        let [from, to] = [from, to].map(|time| position_at(time, rate));
        let end = f64::from(native.lengths()[0]);
        if to > end {
            return Err(outside());
        }
        Region::new(native, &[from], &[to.min(end - 0.5)]).map(Some).map_err(|_| outside())
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

/// The position at `seconds`, in native samples, rounded to a millionth: 0.3 s at 44100 Hz is sample 13230
/// although 0.3 is not exact in binary.
fn position_at(seconds: f64, rate: Rate) -> f64 {
    const STEPS: f64 = (1 << 20) as f64;
    (seconds * rate.hertz() * STEPS).round() / STEPS
}
