//! `sirenc decode`: a `.siren` file → a picture or sound of any size or rate.

mod background;
mod derivative;
mod plan;
mod range;

use super::derivative::DerivativeArgs;
use super::failure::{Exit, Failure};
use super::input::{self, Input};
use super::limits::LimitArgs;
use super::output::Output;
use super::progress::Meter;
use super::values::{self, PictureSize, Range, Rectangle, Span};
use super::{Outcome, notes, render, report, terminal};
use background::Background;
use clap::ValueEnum;
use clap::builder::TypedValueParser;
use plan::Plan;
use range::Codes;
use sirenc::media::{self, OutputFormat};
use sirenc::signal::SampleFormat;
use sirenc::{Decoder, Device, Limits};
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
  sirenc decode photo.siren big.tiff --scale 4 --bits 16
  sirenc decode photo.siren --size 320x200 -o - --format jpg > thumbnail.jpg
  sirenc decode photo.siren --region 100,80,4.5,3 --size 1800x1200
  sirenc decode logo.siren -o logo.jpg --background white
  sirenc decode voice.siren --rate 96000        voice.wav
  sirenc decode voice.siren --time 1.5..2
  sirenc decode photo.siren photo.npy           C-order binary32, not rounded,
                                                (height, width, channels)
  sirenc decode photo.siren --derivative gradient
                                                photo.npy, with a last axis of 2
  sirenc decode photo.siren --derivative laplacian -o l.png
                                                8 bits, by a mapping that is
                                                printed and stored
  sirenc decode relief.siren -o relief.png --bits 8 --range 0..3000")]
pub struct Args {
    /// The .siren file; - is standard input
    #[arg(value_name = "INPUT")]
    input: PathBuf,

    /// File to write, as with --output
    #[arg(value_name = "OUTPUT", conflicts_with = "output")]
    to: Option<PathBuf>,

    /// File to write, its extension chooses the format; - is standard output
    ///
    /// By default INPUT with .png, .tiff (pictures of binary32), .wav or .npy (derivatives); standard output if INPUT is -.
    /// Where a file of that name exists, which may be the original, another has to be named.
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Format of the output, whatever its name [default: by the extension of PATH]
    #[arg(long, value_name = "FORMAT", value_parser = formats())]
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
    #[arg(value_parser = values::whole(1..=u32::MAX))]
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
    /// For pictures of 8 or 16 bits: the values of the lowest and the highest code [default: 0..1; of derivatives the
    /// largest magnitude]
    ///
    /// Colours are mapped, alpha is not. For derivatives as PNG one number does: that of the highest code; 0 is then the
    /// middle code, for magnitude the lowest.
    #[arg(long, value_name = "LOW..HIGH", value_parser = values::range, allow_hyphen_values = true)]
    #[arg(help_heading = SAMPLING)]
    range: Option<Range>,

    #[command(flatten)]
    limits: LimitArgs,

    /// Where the networks are evaluated: auto, cpu, cuda or cuda:I; to the same bits everywhere
    ///
    /// To open a GPU takes its time too: it is meant for large renderings. auto uses one that is usable, else the CPU, and
    /// -v says which and why. A device that was asked for by name and is not usable is an error.
    #[arg(long, value_name = "DEVICE", default_value = "cpu", value_parser = values::devices(), hide_possible_values = true)]
    device: Device,
    /// Threads; they change the time, not the bytes [default: all]
    #[arg(long, value_name = "N", value_parser = values::threads)]
    threads: Option<std::num::NonZeroU16>,
    /// Overwrite an existing output
    #[arg(short, long)]
    force: bool,
    /// No progress and no summary
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// More words: the device and the cost
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

/// Formats by the extensions that stand for them.
fn formats() -> impl TypedValueParser<Value = OutputFormat> {
    values::listed(media::EXTENSIONS.iter().map(|&(extension, _)| extension), |text: &str| {
        OutputFormat::from_extension(Path::new("name").with_extension(text))
            .map_err(|error| error.to_string())
    })
}

/// Runs `sirenc decode`.
pub fn run(mut args: Args) -> Outcome {
    if let Some(second) = args.to.take() {
        if input::is_siren_name(&second) {
            let sentence = "a .siren file, the name of the picture or sound to write was expected";
            return Err(
                Failure::new(Exit::Usage, second.display(), sentence).hint("one file is decoded at a time")
            );
        }
        args.output = Some(second);
    }
    work(&args).map_err(LimitArgs::name_flag)
}

fn work(args: &Args) -> Outcome {
    let started = Instant::now();
    render::use_threads(args.threads)?;
    let limits = args.limits.limits();
    let content = Input::open(&args.input)?.read(&Limits::default())?;
    let decoder = content.decoder(&limits)?;
    let name = content.name;

    let derivative = args.derivative.of(&name, decoder.description())?;
    let plan = match derivative {
        None => args.plan(&name, &decoder)?,
        Some(derivative) => args.plan_derivative(&name, &decoder, derivative)?,
    };
    args.limits.admit(&name, &plan.grid)?;
    let output = Output::prepare(&plan.path, &args.input, args.force, &args.advice(&plan.path))?;
    let decoder = decoder.with_device(args.device).map_err(|error| Failure::work(&name, error))?;

    let rendered = match derivative {
        None => render_file(&decoder, &plan, args.quiet),
        Some(derivative) => args
            .render_derivative(&decoder, &plan, derivative)
            .map(|(bytes, mapping)| (bytes, mapping.into_iter().collect())),
    };
    let (bytes, notes) = rendered.map_err(|error| Failure::work(&name, error))?;
    output.write(&bytes)?;
    let lost: Vec<_> = decoder.metadata().iter().filter(|block| !plan.format.keeps(block.kind)).collect();
    if derivative.is_none() && !lost.is_empty() {
        let kinds: Vec<_> = lost.iter().map(|block| block.kind.to_string()).collect();
        let note = format!("{} cannot hold its {}", plan.format, kinds.join(", "));
        notes::tell(&name, [note], args.quiet);
    }
    if !args.quiet {
        args.print(&name, &decoder, &plan, &output, started);
        notes.iter().for_each(|note| eprintln!("  {note}"));
    }
    Ok(Exit::Done)
}

impl Args {
    /// What to do where a file is in the way: one that was not named is perhaps the original.
    fn advice(&self, path: &Path) -> String {
        if self.output.is_some() {
            return "use -f to overwrite it".into();
        }
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        let other = path.with_extension(format!("decoded.{extension}"));
        format!("it may be the original: name another with -o, as in -o {}", other.display())
    }

    /// The summary for people, on standard error.
    fn print(&self, name: &str, decoder: &Decoder, plan: &Plan, output: &Output, started: Instant) {
        let description = &plan.description;
        terminal::tell(&format!(
            "{name} → {}: {}, {}, {}, {:.2} s",
            output.name(),
            report::extent(description),
            report::channels(description),
            report::sample_format(description.format).1,
            started.elapsed().as_secs_f64(),
        ));
        if !self.verbose {
            return;
        }
        eprintln!("  device    {}", report::device(decoder.device(), self.device));
        if let Ok(cost) = decoder.cost(&plan.grid) {
            eprintln!("  cost      {} multiply-adds", report::prefixed(cost.macs));
        }
    }
}

/// Renders the plan and writes it as a file in memory, so that it reaches its place whole. Says how values became codes, and
/// what got lost.
fn render_file(decoder: &Decoder, plan: &Plan, quiet: bool) -> sirenc::Result<(Vec<u8>, Vec<String>)> {
    let meter = Meter::render(quiet, decoder.cost(&plan.grid)?.samples);
    let mut codes = Codes::new(decoder.description(), plan.description.format, plan.range);
    let change = |values: &mut Vec<f32>| {
        codes.map(values);
        if let Some(background) = plan.background {
            background.put_behind(values, &plan.description);
        }
    };
    let signal = render::render(decoder, &plan.grid, plan.description.clone(), &meter, change)?;
    let mut file = Cursor::new(vec![]);
    media::write(&signal, plan.format, &mut file)?;
    let mut bytes = file.into_inner();
    let mapping = codes.mapping(plan.description.format);
    if let Some(mapping) = mapping.as_ref().filter(|_| plan.format == OutputFormat::Png) {
        bytes = derivative::with_description(&bytes, mapping);
    }
    // What integers were stored as does not go far beyond their range; what floats were may.
    let anywhere = decoder.description().format == SampleFormat::F32 || plan.range.is_some();
    let clipped = codes.clipped().filter(|_| anywhere);
    Ok((bytes, mapping.into_iter().chain(clipped).collect()))
}
