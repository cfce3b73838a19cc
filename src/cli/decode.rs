//! `sirenc decode`: a `.siren` file → a picture or sound of any size or rate.

mod background;
mod colormap;
mod derivative;
mod plan;
mod range;
mod sampling;

use super::derivative::DerivativeArgs;
use super::failure::{Exit, Failure};
use super::input::{self, Input};
use super::limits::LimitArgs;
use super::output::Output;
use super::progress::Meter;
use super::values::{self, Range, Slice, Time};
use super::{Outcome, notes, render, report, terminal};
use background::Background;
use clap::ValueEnum;
use clap::builder::TypedValueParser;
use colormap::Colormap;
use plan::Plan;
use range::Codes;
use sampling::Sampled;
use sirenc::media::{self, Film, OutputFormat};
use sirenc::signal::{Description, Kind, Rate, SampleFormat, Samples, Signal};
use sirenc::{Decoder, Device, Error};
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Render a .siren file as a picture, sound, video or array, at any size
///
/// Without options the result has the size, rate, channels, sample format and metadata of the source. Float
/// output of integer sources is normalised: 0..1 for pictures and videos, −1..1 for sound; integers of volumes and
/// fields are the numbers that they are.
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
  sirenc decode scan.siren --slice z=40 -o slice.png
  sirenc decode wind.siren --slice t=0 --colormap blue-red -o wind.png
  sirenc decode film.siren --time 1.25 -o frame.png
  sirenc decode film.siren --fps 240 -o slow.y4m
  sirenc decode photo.siren photo.npy           C-order binary32, not rounded,
                                                (height, width, channels)
  sirenc decode photo.siren --derivative gradient
                                                photo.npy, with a last axis of 2
  sirenc decode photo.siren --derivative laplacian -o l.png
                                                8 bits; the mapping is
                                                printed and stored
  sirenc decode flow.siren --derivative curl --per unit
                                                of three channels; with the
                                                spacings of the axes
  sirenc decode relief.siren -o relief.png --bits 8 --range 0..3000")]
pub struct Args {
    /// The .siren file; - is standard input
    #[arg(value_name = "INPUT")]
    input: PathBuf,

    /// File to write, same as --output
    #[arg(value_name = "OUTPUT", conflicts_with = "output")]
    to: Option<PathBuf>,

    /// File to write; its extension chooses the format; - is standard output
    ///
    /// A video is also written as an animation (.gif, .apng), as numbered pictures (shot-%04d.png) or, through ffmpeg,
    /// as .mp4, .m4v, .mov, .mkv or .webm.
    ///
    /// By default INPUT with its extension replaced by .png, .tiff (pictures of binary32), .wav, .y4m, .nii (what was
    /// read from NIfTI) or .npy (other volumes and fields, derivatives); standard output if INPUT is -. If a file of that name exists, which may be the
    /// original, a different output has to be named.
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Format of the output, whatever its name [default: from the extension of PATH]
    #[arg(long, value_name = "FORMAT", value_parser = formats())]
    format: Option<OutputFormat>,

    /// Render this part of space: X,Y,W,H in native pixels, fractions allowed; of a volume X,Y,Z,W,H,D
    /// [default: all of it]
    ///
    /// X,Y is the upper left corner of the part; 0,0 is that of the picture. With --size the part is rendered
    /// at that size, at any zoom. Without --size the result is a crop of the full decode, bit for bit: the
    /// pixels whose centres lie in the part.
    #[arg(long, value_name = "X,Y,W,H", allow_hyphen_values = true, help_heading = SAMPLING)]
    #[arg(value_parser = values::region)]
    region: Option<Numbers>,
    /// Render this part of a sound or video: A..B in seconds, samples at A and later but before B; a single time is
    /// one frame of a video, as a picture [default: all of it]
    #[arg(long, value_name = "A..B", allow_hyphen_values = true, help_heading = SAMPLING)]
    #[arg(value_parser = values::time)]
    time: Option<Time>,
    /// Render the slice of a volume, video or field at one place of an axis, as in z=40: native samples, fractions
    /// allowed, 0 is the first; the axis is left out. Can be given for several axes
    #[arg(long, value_name = "AXIS=K", allow_hyphen_values = true, help_heading = SAMPLING)]
    #[arg(value_parser = values::slice)]
    slice: Vec<Slice>,
    /// Width and height of a picture or video in pixels, of a volume WxHxD [default: native]
    ///
    /// A smaller picture has averages over the area of its pixels, a larger one has values at the centres of
    /// its pixels.
    #[arg(long, value_name = "WxH", conflicts_with = "scale", help_heading = SAMPLING)]
    #[arg(value_parser = values::size)]
    size: Option<Counts>,
    /// Width and height (and depth) as a multiple of the native ones [default: 1]
    #[arg(long, value_name = "F", help_heading = SAMPLING)]
    #[arg(value_parser = values::positive)]
    scale: Option<f64>,
    /// Samples per second of a sound, frames per second of a video, a fraction too [default: native]
    ///
    /// At a lower rate each sample is the average over its duration.
    #[arg(long, visible_alias = "fps", value_name = "HZ", help_heading = SAMPLING)]
    #[arg(value_parser = values::rate)]
    rate: Option<Rate>,
    /// Sample format of the output: bits of an integer, or f32 [default: native]
    #[arg(long, value_name = "BITS", help_heading = SAMPLING)]
    bits: Option<Bits>,
    /// Put a picture with alpha on this background and write it without alpha: white, black, #rrggbb, or
    /// R,G,B from 0 to 255 [default: alpha is kept]
    ///
    /// Stored values are blended, not linear light. A picture without alpha does not change.
    #[arg(long, value_name = "COLOR", help_heading = SAMPLING, value_parser = Background::parse)]
    background: Option<Background>,

    /// Show a single channel in colours, as a picture of 8 bits; blue-red has its middle at 0 if values have both signs
    /// [default: grey]
    #[arg(long, value_name = "NAME", help_heading = SAMPLING)]
    colormap: Option<Colormap>,

    #[command(flatten)]
    derivative: DerivativeArgs,
    /// For pictures of 8 or 16 bits: the values of the lowest and the highest code [default: 0..1; for
    /// derivatives the largest magnitude]
    ///
    /// Colours are mapped, alpha is not. For derivatives as PNG a single number is enough, the value of the
    /// highest code; 0 is then the middle code, or the lowest code for magnitude.
    #[arg(long, value_name = "LOW..HIGH", value_parser = values::range, allow_hyphen_values = true)]
    #[arg(help_heading = SAMPLING)]
    range: Option<Range>,

    #[command(flatten)]
    limits: LimitArgs,

    /// Device that evaluates the field: auto, cpu, cuda or cuda:I; all give the same bits
    ///
    /// Opening a GPU takes time too, so it is meant for large renderings; splines are evaluated on the CPU
    /// alone. auto uses a GPU if one is usable, else the CPU; -v says which and why. A device that is named
    /// explicitly and is not usable is an error.
    #[arg(long, value_name = "DEVICE", default_value = "cpu", value_parser = values::devices(), hide_possible_values = true)]
    device: Device,
    /// Number of threads; changes the time, not the bytes [default: all]
    #[arg(long, value_name = "N", value_parser = values::threads)]
    threads: Option<std::num::NonZeroU16>,
    /// Overwrite an existing output
    #[arg(short, long)]
    force: bool,
    /// No progress and no summary
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Print details: the device and the cost
    #[arg(short, long)]
    verbose: bool,
}

const SAMPLING: &str = "Sampling";

/// The numbers of one flag, which clap would take for several flags as a `Vec`.
type Numbers = Box<[f64]>;
type Counts = Box<[u32]>;

/// Sample formats of `--bits`.
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

/// A parser of output formats, which are named by their extensions.
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
            let sentence =
                "a .siren file was given, but the name of the picture or sound to write was expected";
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
    let content = Input::open(&args.input)?.read(&limits)?;
    let name = content.name.clone();
    // What is wrong with the flags is said by the plan.
    let grid = |description: &Description| match args.sampling(&name, description) {
        Ok(Sampled { grid, .. }) => args.limits.check(&grid).map(|()| Some(grid)),
        Err(_) => Ok(None),
    };
    let decoder = content.decoder_for(&limits, grid)?;
    drop(content);

    let derivative = args.derivative.of(&name, decoder.description())?;
    let steps = args.derivative.steps(&name, &decoder, derivative)?;
    let plan = match derivative {
        None => args.plan(&name, &decoder)?,
        Some(derivative) => args.plan_derivative(&name, &decoder, derivative)?,
    };
    args.limits.admit(&name, &plan.grid)?;
    let output = Output::prepare(&plan.path, &args.input, args.force, &args.advice(&plan.path))?;
    let frames = plan.description.axes.last().map_or(0, |axis| axis.length);
    if plan.video
        && !args.force
        && let Some(picture) = media::existing_picture(&plan.path, frames)
    {
        let failure = Failure::new(Exit::Other, picture.display(), "the file already exists");
        return Err(failure.hint("use -f to overwrite it"));
    }
    let decoder = decoder.with_device(args.device).map_err(|error| Failure::work(&name, error))?;

    let work = Work { args, name: &name, decoder: &decoder, plan: &plan, output: &output };
    let notes = match derivative {
        None => work.save_signal()?,
        Some(derivative) => work.save_derivative(derivative, steps.as_ref())?.into_iter().collect(),
    };
    let lost: Vec<_> = decoder.metadata().iter().filter(|block| !plan.format.keeps(block.kind)).collect();
    if derivative.is_none() && !lost.is_empty() {
        let kinds: Vec<_> = lost.iter().map(|block| block.kind.to_string()).collect();
        let note = format!("{} cannot hold its {}", plan.format, kinds.join(", "));
        notes::print(&name, [note], args.quiet);
    }
    if !args.quiet {
        args.print(&name, &decoder, &plan, &output, started);
        notes.iter().for_each(|note| eprintln!("  {note}"));
    }
    Ok(Exit::Done)
}

impl Args {
    /// The hint if the output exists: a default name that exists may be the original.
    fn advice(&self, path: &Path) -> String {
        if self.output.is_some() {
            return "use -f to overwrite it".into();
        }
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        let other = path.with_extension(format!("decoded.{extension}"));
        format!("it may be the original: name another file with -o, as in -o {}", other.display())
    }

    /// The summary for people, on standard error.
    fn print(&self, name: &str, decoder: &Decoder, plan: &Plan, output: &Output, started: Instant) {
        let description = &plan.description;
        terminal::print(&format!(
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
        let device = decoder.device();
        eprintln!("  device    {}", report::device(&device.name, device.cpu_reason, self.device));
        if let Some(threads) = render::clamped(self.threads) {
            eprintln!("  threads   {threads}");
        }
        if let Ok(cost) = decoder.request(&plan.grid).cost() {
            eprintln!("  cost      {} multiply-adds", report::prefixed(cost.macs));
        }
    }
}

/// One decode: the plan, the decoder and the output.
struct Work<'a> {
    args: &'a Args,
    /// The name of the input.
    name: &'a str,
    decoder: &'a Decoder,
    plan: &'a Plan,
    output: &'a Output,
}

impl Work<'_> {
    /// Renders the plan and writes it. Returns notes on the mapping of values to codes and on clipping.
    fn save_signal(&self) -> Result<Vec<String>, Failure> {
        let fault = |error| self.fault(error);
        let Plan { grid, description, format, .. } = self.plan;
        if description.kind() == Kind::Video && (self.plan.video || *format == OutputFormat::Y4m) {
            return self.save_film();
        }
        let cost = self.decoder.request(grid).cost().map_err(fault)?;
        self.admit_file(cost.memory_bytes)?;
        let meter = Meter::render(self.args.quiet, cost.samples);
        let mut codes = Codes::new(self.decoder.description(), self.plan);
        let change = |values: &mut Vec<f32>| self.change(&mut codes, values);
        let signal =
            render::render(self.decoder, (grid, &self.plan.kept), description.clone(), &meter, change)
                .map_err(fault)?;
        let mapping = codes.mapping(description.format);
        match mapping.as_ref().filter(|_| *format == OutputFormat::Png) {
            Some(mapping) => self.save_described(&signal, mapping)?,
            None => self.save(&signal)?,
        }
        Ok(mapping.into_iter().chain(self.losses(&codes)).collect())
    }

    /// Maps rendered values to those that are written.
    fn change(&self, codes: &mut Codes, values: &mut Vec<f32>) {
        codes.map(values);
        if let Some(background) = self.plan.background {
            background.put_behind(values, &self.plan.description);
        }
        if let Some(map) = self.plan.colormap {
            map.paint(values);
        }
    }

    /// Notes on samples that are clipped or missing. Clipping is worth one only for float sources or with --range:
    /// decoded values of integer sources exceed their range only slightly.
    fn losses(&self, codes: &Codes) -> impl Iterator<Item = String> + use<> {
        let anywhere = self.decoder.description().format == SampleFormat::F32 || self.plan.range.is_some();
        let clipped = codes.clipped().filter(|_| anywhere);
        clipped.into_iter().chain(codes.missing(self.plan))
    }

    /// Renders a video and writes it frame by frame.
    fn save_film(&self) -> Result<Vec<String>, Failure> {
        let fault = |error| self.fault(error);
        let Plan { grid, kept, description, format, path, .. } = self.plan;
        let request = self.decoder.request(grid);
        let cost = request.cost().map_err(fault)?;
        let frame = cost.samples / u64::from(description.axes.last().map_or(1, |axis| axis.length.max(1)));
        let metadata = render::metadata(self.decoder, (grid, kept), description);
        let rendering = request.memory_in_bands().map_err(fault)?;
        let writing = format.working_bytes(description, &metadata);
        self.args
            .limits
            .admit_memory(self.name, rendering.saturating_add(writing).saturating_add(4 * frame))?;
        let meter = Meter::render(self.args.quiet, cost.samples);
        let mut codes = Codes::new(self.decoder.description(), self.plan);
        let parts = request.bands().map_err(fault)?.map(|rows| {
            let mut rows = rows?;
            meter.advance(rows.len());
            self.change(&mut codes, &mut rows);
            let mut samples = Samples::with_capacity(description.format, 0);
            samples.reserve(rows.len())?;
            samples.extend_from_units(&rows);
            Ok(samples)
        });
        let mut film = Film::new(description.clone(), metadata, parts).map_err(fault)?;
        let notes = match self.plan.video {
            true => media::write_film(&mut film, path).map_err(|error| match error {
                Error::Io(error) => self.output.fault(&error),
                error => Failure::work(path.display(), error),
            })?,
            false => {
                let mut write = |writer: &mut dyn Write| media::write_y4m(&mut film, writer);
                self.output.stream(|writer| write(writer).map_err(|error| self.unwritten(error)))?;
                vec![]
            }
        };
        drop(film);
        Ok(notes.into_iter().chain(codes.mapping(description.format)).chain(self.losses(&codes)).collect())
    }

    /// Writes a PNG with a text chunk that describes the mapping of its codes.
    fn save_described(&self, signal: &Signal, mapping: &str) -> Result<(), Failure> {
        let mut png = Cursor::new(vec![]);
        media::write(signal, OutputFormat::Png, &mut png).map_err(|error| self.unwritten(error))?;
        self.output.write(&derivative::with_description(png.get_ref(), mapping))
    }

    /// Checks the memory limit for a rendering plus the file that it is written to.
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

    /// An error of reading or rendering, as a failure that names the input.
    fn fault(&self, error: Error) -> Failure {
        Failure::work(self.name, error)
    }
    /// An error of writing, as a failure that names the output.
    fn unwritten(&self, error: Error) -> Failure {
        match error {
            Error::Io(error) => self.output.fault(&error),
            error => Failure::work(self.name, error),
        }
    }
}
