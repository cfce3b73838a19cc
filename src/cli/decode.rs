//! `sirenc decode`: a `.siren` file → a picture or sound of any size or rate.

mod background;
mod derivative;
mod plan;

use super::derivative::DerivativeArgs;
use super::failure::{Exit, Failure};
use super::input::Input;
use super::limits::{self, LimitArgs};
use super::output::Output;
use super::progress::Meter;
use super::values::{self, PictureSize, Rectangle, Span};
use super::{Outcome, render, report};
use background::Background;
use clap::ValueEnum;
use plan::Plan;
use sirenc::media::{self, OutputFormat};
use sirenc::signal::Signal;
use sirenc::{Decoder, Device, Error, Limits};
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
  sirenc decode photo.siren --region 100,80,4.5,3 --size 1800x1200
  sirenc decode logo.siren -o logo.jpg --background white
  sirenc decode voice.siren --rate 96000        voice.wav
  sirenc decode voice.siren --time 1.5..2
  sirenc decode photo.siren --derivative gradient            photo.npy, (height, width, channels, 2)
  sirenc decode photo.siren --derivative laplacian -o l.png  8 bits, by a mapping that is printed and stored
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
    /// Format of the output, whatever its name: png, jpg, tiff, webp, bmp, pnm, exr, wav or npy
    /// [default: by the extension of PATH]
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    format: Option<OutputFormat>,

    /// Render this part of a picture: X,Y,W,H in native pixels, fractions allowed [default: all of it]
    ///
    /// X,Y is its upper left corner, 0,0 that of the picture. With --size the part fills that size, at any zoom.
    /// Without, the result has the pixels of the whole whose centres lie in the part, bit for bit.
    #[arg(long, value_name = "X,Y,W,H", allow_hyphen_values = true, help_heading = SAMPLING)]
    #[arg(value_parser = values::rectangle)]
    region: Option<Rectangle>,
    /// Render this part of a sound: A..B in seconds, the samples from A to before B [default: all of it]
    #[arg(long, value_name = "A..B", allow_hyphen_values = true, help_heading = SAMPLING)]
    #[arg(value_parser = values::span)]
    time: Option<Span>,
    /// Width and height of a picture in pixels [default: native]
    ///
    /// A smaller picture has means over its pixels' extent, a larger one has values at its pixels' centres.
    #[arg(long, value_name = "WxH", conflicts_with_all = ["scale", "rate"], help_heading = SAMPLING)]
    #[arg(value_parser = values::picture_size)]
    size: Option<PictureSize>,
    /// Width and height of a picture as a multiple of the native ones [default: 1]
    #[arg(long, value_name = "F", conflicts_with = "rate", help_heading = SAMPLING)]
    #[arg(value_parser = values::positive)]
    scale: Option<f64>,
    /// Samples per second of a sound, Hz [default: native]
    ///
    /// At a lower rate samples are means over their extent.
    #[arg(long, value_name = "HZ", help_heading = SAMPLING)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Sample format of the output, bits of an integer or f32 [default: native]
    #[arg(long, value_name = "BITS", help_heading = SAMPLING)]
    bits: Option<Bits>,
    /// Put a picture with alpha on this colour, and write it without alpha: white, black, #rrggbb, or R,G,B from 0 to 255
    /// [default: alpha is kept]
    ///
    /// Colours are mixed as they are stored, not in linear light. A picture without alpha stays as it is.
    #[arg(long, value_name = "COLOR", help_heading = SAMPLING, value_parser = Background::parse)]
    background: Option<Background>,

    #[command(flatten)]
    derivative: DerivativeArgs,
    /// For derivatives as PNG: the value of the highest code; of 0 is the middle one, for magnitude the lowest
    /// [default: the largest]
    #[arg(long, value_name = "VALUE", value_parser = values::positive, help_heading = super::derivative::HEADING)]
    range: Option<f64>,

    #[command(flatten)]
    limits: LimitArgs,

    /// Where the networks are evaluated: auto, cpu, cuda or cuda:I; to the same bits everywhere
    ///
    /// To open a GPU takes its time too: it is meant for large renderings. auto uses one that is usable, else the CPU, and
    /// -v says which and why. A device that was asked for by name and is not usable is an error.
    #[arg(long, value_name = "DEVICE", default_value = "cpu", value_parser = values::device)]
    device: Device,
    /// Threads; they change the time, not the bytes [default: all]
    #[arg(long, value_name = "N")]
    threads: Option<std::num::NonZeroU16>,
    /// Overwrite an existing output
    #[arg(short, long)]
    force: bool,
    /// No progress and no summary
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// More words: the device, the cost, and metadata that the format does not keep
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
    let content = Input::open(&args.input)?.read(&Limits::default())?;
    let decoder = args.limits.decoder(&content)?;
    let name = content.name;

    let derivative = args.derivative.of(&name, decoder.description())?;
    let plan = match derivative {
        None => args.plan(&name, &decoder)?,
        Some(derivative) => args.plan_derivative(&name, &decoder, derivative)?,
    };
    args.limits.admit(&name, &plan.grid)?;
    let output = Output::prepare(&plan.path, &args.input, args.force)?;
    let decoder = decoder.with_device(args.device).map_err(|error| Failure::work(&name, error))?;

    let work = Work { args, name: &name, decoder: &decoder, plan: &plan, output: &output };
    let mapping = match derivative {
        None => work.save_signal().map(|()| None),
        Some(derivative) => work.save_derivative(derivative),
    }?;
    if !args.quiet {
        args.print(&name, &decoder, &plan, &output, started);
        mapping.iter().for_each(|mapping| eprintln!("  {mapping}"));
    }
    Ok(Exit::Done)
}

impl Args {
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
        eprintln!("  device    {}", report::device(decoder.device(), self.device));
        if let Some(threads) = render::clamped(self.threads) {
            eprintln!("  threads   {threads}");
        }
        if let Ok(cost) = decoder.cost(&plan.grid) {
            eprintln!("  cost      {} multiply-adds", report::prefixed(cost.macs));
        }
        for block in decoder.metadata().iter().filter(|block| !plan.format.keeps(block.kind)) {
            eprintln!("  metadata  {} is not kept by this format", report::metadata_kind(block.kind));
        }
    }
}

/// One decode: what is rendered, and where it goes.
struct Work<'a> {
    args: &'a Args,
    /// Of the input.
    name: &'a str,
    decoder: &'a Decoder,
    plan: &'a Plan,
    output: &'a Output,
}

impl Work<'_> {
    /// Renders the plan and writes it.
    fn save_signal(&self) -> Result<(), Failure> {
        let fault = |error| self.fault(error);
        let Plan { grid, description, .. } = self.plan;
        let cost = self.decoder.cost(grid).map_err(fault)?;
        self.admit_file(cost.memory_bytes)?;
        let meter = Meter::render(self.args.quiet, cost.samples);
        let signal = render::render(self.decoder, grid, description.clone(), &meter, |values| {
            if let Some(background) = self.plan.background {
                background.put_behind(values, description);
            }
        });
        let signal = signal.map_err(fault)?;
        self.save(&signal)
    }

    /// Asks for the memory of a rendering and of the file that it becomes.
    fn admit_file(&self, rendering: u64) -> Result<(), Failure> {
        let Plan { description, format, .. } = self.plan;
        let metadata = self.decoder.metadata();
        let mut bytes = rendering.saturating_add(format.working_bytes(description, metadata));
        if self.output.is_held() {
            bytes = bytes.saturating_add(format.most_bytes(description, metadata));
        }
        self.args.limits.admit_memory(self.name, bytes)
    }

    fn save(&self, signal: &Signal) -> Result<(), Failure> {
        self.output.save(|writer| {
            media::write(signal, self.plan.format, writer).map_err(|error| self.unwritten(error))
        })
    }

    /// The failure of reading or rendering.
    fn fault(&self, error: Error) -> Failure {
        limits::explained(Failure::work, self.name, error)
    }
    /// The failure of writing.
    fn unwritten(&self, error: Error) -> Failure {
        match error {
            Error::Io(error) => self.output.fault(&error),
            error => Failure::work(self.name, error),
        }
    }
}
