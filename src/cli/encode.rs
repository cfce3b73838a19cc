//! `sirenc encode`: a picture or sound → a verified `.siren` file.

mod gradient;
mod help;
mod several;
mod summary;

use super::failure::{Exit, Failure};
use super::input::{self, Content, Input};
use super::interrupt::Interrupt;
use super::limits::{InputLimitArgs, LimitArgs};
use super::output::{self, Output};
use super::peak::PeakArgs;
use super::progress::Meter;
use super::{Outcome, notes, report, terminal, values};
use clap::{ArgGroup, ValueEnum};
use sirenc::media::{ASSUMED_RATE, Reading};
use sirenc::signal::metric::{Distortion, ErrorSum};
use sirenc::signal::{Grid, Kind, Signal};
use sirenc::{Decoder, Device, EncodeOptions, Encoded, Error, Flow, Limits, Target, WeightCoding};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use summary::Done;

/// Largest difference between the PSNR of the decoded file and that reported by the fit, which sums in
/// another order.
const PSNR_TOLERANCE_DB: f64 = 1e-3;

/// Fit a picture or sound and store it as a .siren file
///
/// The file is a small network fitted to the samples: fit, quantize, store, then decode the finished bytes
/// and compare them with the source. Ctrl-C or SIGTERM ends the fit early and writes the best network so far
/// as a valid file (exit code 130 or 143); with -f it is written to NAME.interrupted.siren and an existing
/// NAME.siren is kept. A second Ctrl-C or SIGTERM stops at once and leaves no file.
///
/// The same seed, kind of device and options give the same bytes, whatever the number of threads.
#[derive(Debug, clap::Args)]
#[command(
    group = ArgGroup::new("target"),
    override_usage = "\
sirenc encode [OPTIONS] <INPUT>...
       sirenc encode [OPTIONS] <INPUT> <OUTPUT.siren>",
    after_long_help = format!("{}\n\n{}", help::EXAMPLES, help::JSON)
)]
pub struct Args {
    /// PNG, JPEG, TIFF, WebP, BMP, PNM, PFM, GIF, OpenEXR, NPY or WAV files, recognised by content; - is
    /// standard input
    ///
    /// An array of three axes is a picture (height, width, channels). An array of one axis is a sound. An
    /// array of two axes is a sound (samples, channels) if the second axis has at most 8 elements, and else a
    /// grey picture.
    ///
    /// Several inputs give the same bytes as one by one, each in a file of its own; if one fails, the others
    /// are still written. A GPU fits several at once. If there are two and the second ends in .siren, it is
    /// the output.
    #[arg(value_name = "INPUT", required = true)]
    inputs: Vec<PathBuf>,

    /// File to write, for a single input; - is standard output [default: INPUT with .siren; standard output
    /// for -]
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Directory to write to, created if missing; files are named after the inputs [default: that of each
    /// input]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath, conflicts_with = "output")]
    output_dir: Option<PathBuf>,

    /// Bits per pixel, counting every byte of the file; never exceeded
    #[arg(long, value_name = "X", group = "target", value_parser = values::positive, help_heading = TARGET)]
    bpp: Option<f64>,
    /// Size of the file in bytes, or with kB, MB, KiB or MiB; never exceeded
    #[arg(long, value_name = "N", group = "target", value_parser = values::bytes, help_heading = TARGET)]
    size: Option<u64>,
    /// PSNR in dB, reached within 0.1 dB (exit code 6 if not)
    #[arg(long, value_name = "DB", group = "target", value_parser = values::positive, help_heading = TARGET)]
    psnr: Option<f64>,
    /// From 0, the smallest file, to 100, nearly lossless [default: 75]
    ///
    /// Pictures: one fit, or up to three if the picture is small, that aims at a PSNR: 21 dB at 0, 33 dB at
    /// 75 and 48 dB at 100, where the root mean square error is one of 255 codes. If the file is more than 1
    /// dB away from it, a note says so. Sound: 0.02·Q bits per sample, 1.5 at 75.
    #[arg(long, value_name = "0..100", group = "target", value_parser = values::quality, help_heading = TARGET)]
    quality: Option<f64>,
    /// Sound only: kilobits (1000 bits) per second, counting every byte of the file; never exceeded
    #[arg(long, value_name = "X", group = "target", value_parser = values::positive, help_heading = TARGET)]
    kbps: Option<f64>,

    /// Hidden layers of a network of fixed size, with --width, instead of a target
    #[arg(long, value_name = "N", requires = "width", conflicts_with = "target", help_heading = NETWORK)]
    #[arg(value_parser = values::whole(1..=255u32))]
    layers: Option<u32>,
    /// Neurons of each hidden layer, with --layers
    #[arg(long, value_name = "W", requires = "layers", conflicts_with = "target", help_heading = NETWORK)]
    #[arg(value_parser = values::whole(1..=65535u32))]
    width: Option<u32>,
    /// How parameters are stored
    #[arg(long, value_name = "CODING", default_value = "quantized", help_heading = NETWORK)]
    weights: Weights,

    /// How much work the fit may do: 1 is the fastest, 9 the most faithful
    ///
    /// Seconds of CPU time for a 768×512 picture at 0.3 bpp on a Zen 4 server core with AVX-512: 2, 4, 9, 20
    /// and 44 for levels 1 to 5; half as long on two cores. Levels 6 and 7 do 1.7 times the work of the level
    /// below; 8 and 9 run the fit of level 7 two and three times and keep the best. The time hardly depends
    /// on the target and is proportional to the samples up to 1.6 megapixels. Larger pictures get fewer
    /// passes, so that the time stays the same, but at least as many as at level 1; a note says so.
    ///
    /// Levels 1 and 2 apply to a given size or rate (--size, --bpp, --kbps), where their quality is far below
    /// level 3. With --psnr or --quality (also the default) for a picture, they work like 3: fewer passes
    /// would only make files larger.
    #[arg(long, value_name = "1..9", default_value_t = 5, help_heading = FIT)]
    #[arg(value_parser = values::listed(EFFORTS, values::whole(1..=9u8)), hide_possible_values = true)]
    effort: u8,
    /// Device that runs the fit: auto, cpu, cuda or cuda:I
    ///
    /// auto uses a GPU if one is usable, else the CPU; -v says which and why. A device that is named
    /// explicitly and is not usable is an error.
    #[arg(long, value_name = "DEVICE", default_value = "auto", help_heading = FIT)]
    #[arg(value_parser = values::devices(), hide_possible_values = true)]
    device: Device,
    /// Number of threads; changes the time, not the bytes [default: all]
    #[arg(long, value_name = "N", value_parser = values::threads, help_heading = FIT)]
    threads: Option<std::num::NonZeroU16>,
    /// Seed of all random numbers
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = values::whole(0..=u64::MAX), help_heading = FIT)]
    seed: u64,
    /// Time limit in seconds; the bytes then depend on the speed of the machine [default: no limit]
    ///
    /// Reading, rendering and verifying count too, but are never shortened.
    #[arg(long, value_name = "S", value_parser = values::seconds, help_heading = FIT)]
    time_limit: Option<Duration>,

    /// Weight of the squared gradient error relative to the squared value error, 0 to 1000
    ///
    /// It applies to the fit and to quantization. The gradient is in unit values per native sample: at weight
    /// 1, errors of a wavelength of 6.3 samples (1 radian of phase per sample) count twice. Any weight above
    /// 0 doubles the time. 0.1 is a good choice: at 1 to 3 bpp it reduces the gradient error to between a
    /// half and a quarter without loss of PSNR (measure with `sirenc verify INPUT ORIGINAL --derivatives`),
    /// and pictures look better when enlarged.
    #[arg(long, value_name = "LAMBDA", default_value_t = 0.0, value_parser = values::weight, help_heading = DERIVATIVES)]
    gradient_weight: f64,
    /// Target gradient: an .npy array as written by `decode --derivative gradient`, with --gradient-weight
    /// [default: central differences of the samples]
    #[arg(long, value_name = "FILE", requires = "gradient_weight", help_heading = DERIVATIVES)]
    gradient: Option<PathBuf>,

    #[command(flatten)]
    limits: InputLimitArgs,
    #[command(flatten)]
    peak: PeakArgs,

    /// Sampling rate of a sound read from an array, Hz [default: 48000]
    #[arg(long, value_name = "HZ", value_parser = clap::value_parser!(u32).range(1..1 << 31))]
    rate: Option<u32>,
    /// Do not decode the finished bytes and compare them with the source
    #[arg(long)]
    no_verify: bool,
    /// Drop ICC, Exif and XMP blocks, colour and resolution chunks of PNG, and tags of WAV
    #[arg(long)]
    no_metadata: bool,
    /// Keep colours of fully transparent pixels: fit and count them like all others
    ///
    /// By default they are replaced by smooth colours, which cost almost nothing, and PSNR measures what is
    /// visible: the squared error of a colour is weighted by its alpha.
    #[arg(long)]
    keep_invisible: bool,
    /// Print one JSON object on standard output instead of the summary; --help lists its keys
    #[arg(long)]
    json: bool,
    /// Overwrite an existing output
    #[arg(short, long)]
    force: bool,
    /// No progress and no summary
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Print details: the device, the networks, the steps
    #[arg(short, long)]
    verbose: bool,
}

/// Limits for decoding the file that was just encoded: its cost has been checked already.
fn trusting(args: &InputLimitArgs) -> Limits {
    let mut limits = args.limits();
    (limits.samples, limits.macs) = (u64::MAX, u64::MAX);
    limits
}

const TARGET: &str = "Target (at most one)";
const NETWORK: &str = "Network (research)";
const FIT: &str = "Fit";
const DERIVATIVES: &str = "Derivatives";
const EFFORTS: [&str; 9] = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// How parameters are stored.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Weights {
    /// Quantized and range coded
    Quantized,
    /// Binary16
    F16,
    /// Binary32, without loss
    F32,
}

/// Runs `sirenc encode`.
pub fn run(mut args: Args, interrupt: &Interrupt) -> Outcome {
    if let ([_, second], None, None) = (&args.inputs[..], &args.output, &args.output_dir)
        && input::is_siren_name(second)
    {
        args.output = args.inputs.pop();
    }
    match &args.inputs[..] {
        [input] => Job::encode(&args, input, interrupt, args.quiet),
        inputs => several::run(&args, inputs, interrupt),
    }
}

/// One file to encode: input and output.
struct Job<'a> {
    path: &'a Path,
    input: Input,
    output: Output,
}

impl<'a> Job<'a> {
    /// Encodes `path`.
    fn encode(args: &Args, path: &'a Path, interrupt: &Interrupt, silent: bool) -> Outcome {
        let encoded = Self::prepare(args, path).and_then(|job| job.run(args, interrupt, silent));
        encoded.map_err(LimitArgs::name_flag)
    }

    /// Checks input and output before the work begins.
    fn prepare(args: &Args, path: &'a Path) -> Result<Self, Failure> {
        let target = args.output_path(path);
        if args.json && output::is_stdout(&target) {
            return Err(Failure::usage("--json and the file would both go to standard output")
                .hint("use -o FILE with --json"));
        }
        let input = Input::open(path)?;
        if args.output.is_none() && input::is_siren_name(path) {
            return Err(Failure::new(
                Exit::Input,
                path.display(),
                "this is a .siren file, but a picture or sound was expected",
            )
            .hint("`sirenc decode` renders it"));
        }
        if let Some(directory) = &args.output_dir {
            if input::is_stdin(path) {
                return Err(Failure::usage(
                    "--output-dir needs an input with a name, but standard input has none",
                ));
            }
            let unwritable = |error| Failure::unwritable(directory.display(), &error);
            std::fs::create_dir_all(directory).map_err(unwritable)?;
        }
        let output = Output::prepare(&target, path, args.force, "use -f to overwrite it")?;
        Ok(Job { path, input, output })
    }

    /// Reads, fits, verifies, writes and reports; without progress if `silent`.
    fn run(self, args: &Args, interrupt: &Interrupt, silent: bool) -> Outcome {
        let started = Instant::now();
        let content = self.input.read(&args.limits.limits())?;
        let Reading { signal: source, notes, .. } = args.read_signal(&content)?;
        let mut options = args.options();
        options.time_limit = options.time_limit.map(|limit| limit.saturating_sub(started.elapsed()));
        options.peak = args.peak.of(&content.name, &source.description)?;
        if let Some(path) = &args.gradient {
            options.gradient = Some(gradient::read(path, &source.description)?);
        }
        let encoded = args.fit(&content.name, &source, &options, interrupt, silent)?;
        // An interrupted run ends without rendering again: the encoder has rendered the file once already.
        let verify_it = !args.no_verify && !encoded.report.interrupted;
        let verified = match verify_it {
            true => Some(verify(args, &content.name, &source, &encoded, silent)?),
            false => None,
        };

        // Files that are encoded in parallel are written and reported one at a time.
        static ONE_BY_ONE: Mutex<()> = Mutex::new(());
        let _turn = ONE_BY_ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut output = self.output;
        if encoded.report.interrupted
            && let Some(aside) = output.aside()
        {
            let (old, new) = (output.name(), aside.name());
            terminal::print(&format!(
                "sirenc: {old}: kept, because the fit was interrupted; the new file is {new}"
            ));
            output = aside;
        }
        output.write(&encoded.bytes)?;
        let done = Done {
            args,
            path: self.path,
            name: &content.name,
            source: &source,
            notes: &notes,
            encoded: &encoded,
            verified,
            started,
        };
        if args.json {
            output::print(&format!("{}\n", done.json(output.path())))?;
        } else if !args.quiet {
            done.print(&output);
        }
        Ok(interrupt.noted().unwrap_or_else(|| done.exit()))
    }
}

impl Args {
    fn options(&self) -> EncodeOptions {
        let mut options = EncodeOptions::default();
        options.target = self.target();
        options.effort = self.effort;
        options.seed = self.seed;
        options.threads = self.threads.map(|n| usize::from(n.get()));
        options.time_limit = self.time_limit;
        options.weights = match self.weights {
            Weights::Quantized => WeightCoding::Quantized,
            Weights::F16 => WeightCoding::Half,
            Weights::F32 => WeightCoding::Single,
        };
        options.metadata = !self.no_metadata;
        options.keep_invisible = self.keep_invisible;
        options.device = self.device;
        options.limits = self.limits.limits();
        options.gradient_weight = self.gradient_weight;
        options
    }
    fn target(&self) -> Target {
        if let (Some(layers), Some(width)) = (self.layers, self.width) {
            return Target::Shape { layers: layers as usize, width: width as usize };
        }
        let given = [
            self.bpp.map(Target::BitsPerPosition),
            self.size.map(Target::Bytes),
            self.psnr.map(Target::Psnr),
            self.quality.map(Target::Quality),
            self.kbps.map(Target::Kbps),
        ];
        given.into_iter().flatten().next().unwrap_or(EncodeOptions::default().target)
    }
    fn output_path(&self, input: &Path) -> PathBuf {
        match &self.output {
            Some(path) => path.clone(),
            None if input::is_stdin(input) => "-".into(),
            None => {
                let name = input.with_extension("siren");
                let elsewhere = self.output_dir.as_ref().zip(name.file_name());
                elsewhere.map_or(name.clone(), |(directory, name)| directory.join(name))
            }
        }
    }
    fn read_signal(&self, content: &Content) -> Result<Reading, Failure> {
        let mut reading = content.signal(&self.limits.limits(), self.quiet)?;
        self.limits.admit(&content.name, reading.signal.description.positions())?;
        let description = &mut reading.signal.description;
        let wrong = |sentence: &str| Failure::new(Exit::Usage, &content.name, sentence);
        if self.kbps.is_some() && description.kind != Kind::Sound {
            return Err(wrong("this is a picture, but --kbps is for sound").hint("use --bpp or --size"));
        }
        match self.rate {
            Some(rate) if reading.rate_assumed => description.rate = rate,
            Some(_) if description.kind == Kind::Sound => {
                return Err(wrong("the file states its rate; --rate is for sounds in arrays"));
            }
            Some(_) => return Err(wrong("this is a picture, but --rate is for sounds in arrays")),
            None if reading.rate_assumed => {
                let note =
                    format!("an array states no rate, {ASSUMED_RATE} Hz is assumed (--rate sets another)");
                notes::print(&content.name, [&note], self.quiet);
                reading.notes.push(note);
            }
            None => {}
        }
        Ok(reading)
    }
    fn fit(
        &self,
        name: &str,
        source: &Signal,
        options: &EncodeOptions,
        interrupt: &Interrupt,
        silent: bool,
    ) -> Result<Encoded, Failure> {
        let meter = Meter::fit(silent);
        let announced = AtomicBool::new(self.quiet);
        let begun = AtomicBool::new(false);
        // Until the fit begins a signal ends the process: there is no network to finish with.
        let begin = || {
            interrupt.be_patient();
            if !begun.swap(true, Ordering::Relaxed) && self.verbose {
                meter.say(&format!("{name}: fitting {}", report::description(&source.description)));
            }
        };
        let encoded = sirenc::encode_with_progress(source, options, &|progress| {
            begin();
            meter.report(progress);
            if interrupt.noted().is_none() {
                return Flow::Continue;
            }
            if !announced.swap(true, Ordering::Relaxed) {
                meter.say("sirenc: finishing with the best network so far (interrupt again to stop at once)");
            }
            Flow::Finish
        });
        // A fit may end before its first report.
        begin();
        encoded.map_err(|error| match error {
            Error::TooSmall { asked, least, metadata } => self.too_small(name, asked, least, metadata),
            error => Failure::work(name, error),
        })
    }
    /// The failure for a target below the smallest possible file, which names the bytes of metadata in it.
    fn too_small(&self, name: &str, asked: u64, least: u64, metadata: u64) -> Failure {
        let flags = [("bpp", self.bpp), ("kbps", self.kbps), ("size", self.size.map(|bytes| bytes as f64))];
        let given =
            flags.iter().find_map(|(flag, value)| Some(format!("--{flag} {}", report::short((*value)?))));
        let of = if metadata > 0 {
            format!(", {} of them metadata", report::grouped(metadata))
        } else {
            String::new()
        };
        let sentence = format!(
            "{} is {} bytes, but the smallest file of this signal has {}{of}",
            given.unwrap_or_else(|| "the target".into()),
            report::grouped(asked),
            report::grouped(least),
        );
        let failure = Failure::new(Exit::Usage, name, sentence);
        if metadata > 0 { failure.hint("--no-metadata drops it") } else { failure }
    }
}

/// Decodes the finished bytes and compares them with the source.
fn verify(
    args: &Args,
    name: &str,
    source: &Signal,
    encoded: &Encoded,
    quiet: bool,
) -> Result<Distortion, Failure> {
    let failed = |sentence: String| Failure::new(Exit::Verification, name, sentence);
    let broken = |error| failed(format!("the finished file does not decode: {error}"));
    let decoder = Decoder::from_bytes(&encoded.bytes, &trusting(&args.limits)).map_err(broken)?;
    if decoder.description() != &source.description {
        return Err(failed("the finished file describes another signal".into()));
    }
    let grid = Grid::native(&source.description);
    let meter = Meter::render(quiet, decoder.request(&grid).cost().map_err(broken)?.samples);
    let (mut sum, mut at) = (ErrorSum::new(&source.description), 0);
    if args.keep_invisible {
        sum = sum.with_invisible();
    }
    for rows in decoder.request(&grid).bands().map_err(broken)? {
        let rows = rows.map_err(broken)?;
        sum.add(&source.samples, at, &rows).map_err(broken)?;
        at += rows.len();
        meter.advance(rows.len());
    }
    let distortion = sum.distortion().with_peak(encoded.report.peak);
    let (found, claimed) = (distortion.psnr_db(), encoded.report.psnr_db);
    // Both are infinite if the file is lossless.
    let equal = found == claimed || (found - claimed).abs() <= PSNR_TOLERANCE_DB;
    if !equal {
        return Err(failed(format!("the finished file has {found:.3} dB, the fit had {claimed:.3} dB")));
    }
    Ok(distortion)
}
