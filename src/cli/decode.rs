//! `sirenc decode`: a `.siren` file → a picture or sound of any size or rate.

use super::failure::{Exit, Failure};
use super::input::{self, Input};
use super::limits::LimitArgs;
use super::output::Output;
use super::progress::Meter;
use super::values::{self, PictureSize};
use super::{Outcome, render, report};
use clap::ValueEnum;
use sirenc::media::{self, OutputFormat};
use sirenc::signal::{Axis, Description, Grid, Kind, SampleFormat};
use sirenc::{Decoder, Limits};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Render a .siren file as a picture or sound, at any size
///
/// Without options the result has the size, rate, channels, sample format and metadata of the source. Float output of
/// integer sources is normalised: 0..1 for pictures, −1..1 for sound.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  sirenc decode photo.siren                     photo.png
  sirenc decode photo.siren -o big.tiff --scale 4 --bits 16
  sirenc decode photo.siren --size 320x200 -o - --format jpg > thumbnail.jpg
  sirenc decode voice.siren --rate 96000        voice.wav
  sirenc decode photo.siren -o photo.npy        C-order binary32, (height, width, channels)")]
pub struct Args {
    /// The .siren file; - is standard input
    #[arg(value_name = "INPUT")]
    input: PathBuf,

    /// File to write, its extension chooses the format; - is standard output
    ///
    /// By default INPUT with .png, .tiff (pictures of binary32) or .wav; standard output if INPUT is -.
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Format of the output, whatever its name: png, jpg, tiff, webp, bmp, pnm, wav or npy
    /// [default: by the extension of PATH]
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    format: Option<OutputFormat>,

    /// Width and height of a picture in pixels [default: native]
    #[arg(long, value_name = "WxH", conflicts_with_all = ["scale", "rate"], help_heading = SAMPLING)]
    #[arg(value_parser = values::picture_size)]
    size: Option<PictureSize>,
    /// Width and height of a picture as a multiple of the native ones [default: 1]
    #[arg(long, value_name = "F", conflicts_with = "rate", help_heading = SAMPLING)]
    #[arg(value_parser = values::positive)]
    scale: Option<f64>,
    /// Samples per second of a sound, Hz [default: native]
    #[arg(long, value_name = "HZ", help_heading = SAMPLING)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Sample format of the output, bits of an integer or f32 [default: native]
    #[arg(long, value_name = "BITS", help_heading = SAMPLING)]
    bits: Option<Bits>,

    #[command(flatten)]
    limits: LimitArgs,

    /// Threads; they change the time, not the bytes [default: all]
    #[arg(long, value_name = "N")]
    threads: Option<std::num::NonZeroU16>,
    /// Overwrite an existing output
    #[arg(short, long)]
    force: bool,
    /// No progress and no summary
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// More words: the cost, and metadata that the format does not keep
    #[arg(short, long)]
    verbose: bool,
}

const SAMPLING: &str = "Sampling";

/// Sample formats to ask for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Bits {
    /// 8-bit integers
    #[value(name = "8")]
    Eight,
    /// 16-bit integers
    #[value(name = "16")]
    Sixteen,
    /// Binary32
    F32,
}

/// A format by the extension that stands for it.
fn format(text: &str) -> Result<OutputFormat, String> {
    OutputFormat::from_extension(Path::new("name").with_extension(text)).map_err(|error| error.to_string())
}

/// Runs `sirenc decode`.
pub fn run(args: &Args) -> Outcome {
    let started = Instant::now();
    render::use_threads(args.threads)?;
    let limits = args.limits.limits();
    let content = Input::open(&args.input)?.read(&Limits::default())?;
    let decoder = content.decoder(&limits)?;
    let name = content.name;

    let plan = args.plan(&name, &decoder)?;
    args.limits.admit(&name, &plan.grid)?;
    let output = Output::prepare(&plan.path, &args.input, args.force)?;

    let bytes = render_file(&decoder, &plan, args.quiet).map_err(|error| Failure::work(&name, error))?;
    output.write(&bytes)?;
    if !args.quiet {
        args.print(&name, &decoder, &plan, &output, started);
    }
    Ok(Exit::Done)
}

/// What is to be rendered, and as what.
struct Plan {
    grid: Grid,
    description: Description,
    format: OutputFormat,
    path: PathBuf,
}

impl Args {
    /// Holds the flags against the file, before anything is rendered.
    fn plan(&self, name: &str, decoder: &Decoder) -> Result<Plan, Failure> {
        let native = decoder.description();
        let (grid, rate) = self.sampling(name, native)?;
        let format = self.output_format(native)?;
        let mut description = Description {
            kind: native.kind,
            lengths: grid.axes.iter().map(|axis| axis.count).collect(),
            channels: native.channels,
            format: self.sample_format(native),
            rate,
        };
        // JPEG, WebP and BMP know 8 bits only: nobody who names them expects 16.
        if self.bits.is_none()
            && description.format == SampleFormat::U16
            && format.accepts(&description).is_err()
        {
            description.format = SampleFormat::U8;
        }
        let path = self.output_path(format);
        format.accepts(&description).map_err(|error| {
            let failure = Failure::new(Exit::Usage, path.display(), error);
            if self.bits.is_none() { failure.hint("--bits chooses other samples") } else { failure }
        })?;
        Ok(Plan { grid, description, format, path })
    }

    /// The positions to render and the rate of the result.
    fn sampling(&self, name: &str, native: &Description) -> Result<(Grid, u32), Failure> {
        let wrong = |flag: &str, found: &str, hint: &str| {
            Err(Failure::new(Exit::Usage, name, format!("{flag} does not fit {found}")).hint(hint))
        };
        let sound = native.kind == Kind::Sound;
        if self.size.is_some() && sound {
            return wrong("--size", "a sound", "--rate");
        }
        if self.scale.is_some() && sound {
            return wrong("--scale", "a sound", "--rate");
        }
        if self.rate.is_some() && !sound {
            return wrong("--rate", "a picture", "--size or --scale");
        }
        if let Some(rate) = self.rate {
            let grid = native.lengths.iter().map(|&length| resampled(length, native.rate, rate)).collect();
            let axes: Option<Vec<_>> = grid;
            let Some(axes) = axes else { return wrong("--rate", "so long a sound", "a lower rate") };
            return Ok((Grid { axes }, rate));
        }
        let counts = match (self.size, self.scale) {
            (Some(size), _) => vec![size.width, size.height],
            (_, Some(factor)) => {
                let scaled =
                    native.lengths.iter().map(|&length| (f64::from(length) * factor).round().max(1.0));
                if scaled.clone().any(|length| length > f64::from(u32::MAX)) {
                    return wrong("--scale", "so large a picture", "a smaller factor");
                }
                scaled.map(|length| length as u32).collect()
            }
            _ => native.lengths.clone(),
        };
        let grid = Grid::resized(native, &counts).map_err(|error| Failure::work(name, error))?;
        Ok((grid, native.rate))
    }

    fn output_format(&self, native: &Description) -> Result<OutputFormat, Failure> {
        match (self.format, &self.output) {
            (Some(format), _) => Ok(format),
            (None, Some(path)) if !super::output::is_stdout(path) && path.extension().is_some() => {
                OutputFormat::from_extension(path).map_err(|error| {
                    Failure::new(Exit::Usage, path.display(), error).hint("--format overrides the extension")
                })
            }
            _ => Ok(OutputFormat::default_for(native.kind, self.sample_format(native))),
        }
    }

    fn sample_format(&self, native: &Description) -> SampleFormat {
        match (self.bits, native.kind) {
            (None, _) => native.format,
            (Some(Bits::Eight), Kind::Sound) => SampleFormat::I8,
            (Some(Bits::Sixteen), Kind::Sound) => SampleFormat::I16,
            (Some(Bits::Eight), _) => SampleFormat::U8,
            (Some(Bits::Sixteen), _) => SampleFormat::U16,
            (Some(Bits::F32), _) => SampleFormat::F32,
        }
    }

    fn output_path(&self, format: OutputFormat) -> PathBuf {
        match &self.output {
            Some(path) => path.clone(),
            None if input::is_stdin(&self.input) => "-".into(),
            None => self.input.with_extension(format.extension()),
        }
    }

    /// The summary for people, on standard error.
    fn print(&self, name: &str, decoder: &Decoder, plan: &Plan, output: &Output, started: Instant) {
        let description = &plan.description;
        eprintln!(
            "{name} → {}: {}, {}, {}, {:.2} s",
            output.name(),
            report::extent(description),
            report::channels(description),
            report::sample_format(description.format).1,
            started.elapsed().as_secs_f64(),
        );
        if !self.verbose {
            return;
        }
        eprintln!("  cost      {} multiply-adds", report::prefixed(decoder.cost(&plan.grid).macs));
        for block in decoder.metadata().iter().filter(|block| !plan.format.keeps(block.kind)) {
            eprintln!("  metadata  {} is not kept by this format", report::metadata_kind(block.kind));
        }
    }
}

/// An axis of `length` samples at `native` Hz, sampled at `rate` Hz: sample `k` of either lies at `k / rate` seconds,
/// and none lies beyond the extent of the sound. `None` if there are more than an axis can have.
fn resampled(length: u32, native: u32, rate: u32) -> Option<Axis> {
    let spacing = f64::from(native) / f64::from(rate);
    let count = ((f64::from(length) - 0.5) / spacing).floor() + 1.0;
    (count <= f64::from(u32::MAX)).then_some(Axis { origin: 0.0, spacing, first: 0, count: count as u32 })
}

/// Renders the plan and writes it as a file in memory, so that it reaches its place whole.
fn render_file(decoder: &Decoder, plan: &Plan, quiet: bool) -> sirenc::Result<Vec<u8>> {
    let meter = Meter::render(quiet, decoder.cost(&plan.grid).samples);
    let signal = render::render(decoder, &plan.grid, plan.description.clone(), &meter)?;
    let mut file = Cursor::new(vec![]);
    media::write(&signal, plan.format, &mut file)?;
    Ok(file.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resampling_keeps_the_first_instant_and_the_extent() {
        let axis = |length, native, rate| resampled(length, native, rate).unwrap();
        assert_eq!(axis(7, 8000, 8000), Axis::native(7));
        assert_eq!(axis(44_100, 44_100, 48_000).count, 48_000);
        assert_eq!(axis(4, 8000, 16_000).count, 8);
        assert_eq!((axis(5, 8000, 4000).count, axis(5, 8000, 4000).position(2)), (3, 4.0));
        assert_eq!(axis(1, 8000, 1).count, 1);
        assert_eq!(resampled(u32::MAX, 1, 2), None);
    }
}
