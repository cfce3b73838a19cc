//! `sirenc encode`: a picture or sound → a `.siren` file that has been verified.

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

/// The file and the report of its fit may differ in the last digits of a sum, not in what they say.
const PSNR_TOLERANCE_DB: f64 = 1e-3;

/// Fit a picture or sound and store it as a .siren file
///
/// The file is a small network fitted to the samples: fit, quantize, store, then decode the finished bytes and
/// compare them with the source. Ctrl-C and SIGTERM finish with the best network so far, as a valid file (exit code
/// 130 or 143), which with -f goes to NAME.interrupted.siren beside an old NAME.siren; a second one stops at once and leaves
/// nothing.
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
    /// PNG, JPEG, TIFF, WebP, BMP, PNM, PFM, GIF, OpenEXR, NPY or WAV files, told by their content; - is standard input
    ///
    /// An array of three axes is a picture (height, width, channels), of one axis a sound, of two axes a sound (samples, channels) if
    /// the second is at most 8, and else a grey picture.
    ///
    /// Several are encoded as if one by one: to the same bytes, each to a file of its own, and one that fails does not
    /// keep the others from being written. A GPU fits several at once. Of two, a second that ends in .siren is the output.
    #[arg(value_name = "INPUT", required = true)]
    inputs: Vec<PathBuf>,

    /// File to write, of one input; - is standard output [default: INPUT with .siren; standard output for -]
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Directory to write to, made if there is none; names are those of the inputs [default: beside each input]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath, conflicts_with = "output")]
    output_dir: Option<PathBuf>,

    /// Bits per pixel, every byte of the file counted; never exceeded
    #[arg(long, value_name = "X", group = "target", value_parser = values::positive, help_heading = TARGET)]
    bpp: Option<f64>,
    /// Bytes of the file; kB, MB, KiB or MiB may follow; never exceeded
    #[arg(long, value_name = "N", group = "target", value_parser = values::bytes, help_heading = TARGET)]
    size: Option<u64>,
    /// PSNR in dB, met within 0.1 dB (exit code 6 if not)
    #[arg(long, value_name = "DB", group = "target", value_parser = values::positive, help_heading = TARGET)]
    psnr: Option<f64>,
    /// From 0, the smallest file, to 100, nearly lossless [default: 75]
    ///
    /// Pictures: one fit that aims at a PSNR, 21 dB at 0, 33 dB at 75 and 48 dB at 100, where the error is one of 255 codes
    /// (root of the mean square); of small pictures up to three. A file that is more than 1 dB away from it is told. Sound:
    /// 0.02·Q bits per sample, 1.5 at 75.
    #[arg(long, value_name = "0..100", group = "target", value_parser = values::quality, help_heading = TARGET)]
    quality: Option<f64>,
    /// Sound only: kilobits (1000 bits) per second, every byte counted; never exceeded
    #[arg(long, value_name = "X", group = "target", value_parser = values::positive, help_heading = TARGET)]
    kbps: Option<f64>,

    /// Hidden layers of a given network, with --width and instead of a target
    #[arg(long, value_name = "N", requires = "width", conflicts_with = "target", help_heading = NETWORK)]
    #[arg(value_parser = values::whole(1..=255u32))]
    layers: Option<u32>,
    /// Neurons of each hidden layer, with --layers
    #[arg(long, value_name = "W", requires = "layers", conflicts_with = "target", help_heading = NETWORK)]
    #[arg(value_parser = values::whole(1..=65535u32))]
    width: Option<u32>,
    /// How the parameters are stored
    #[arg(long, value_name = "CODING", default_value = "quantized", help_heading = NETWORK)]
    weights: Weights,

    /// How much work the fit may do: 1 is the fastest, 9 the most faithful
    ///
    /// Seconds of CPU time for a 768×512 picture at 0.3 bpp on a Zen 4 server core with AVX-512: 2, 4, 9, 20 and 44
    /// for levels 1 to 5; half as long on two cores. 6 and 7 do 1.7 times the work of the level below; 8 and 9 fit two and
    /// three times as 7 does, and keep the best. The time hardly depends on the target, and is in proportion to the samples up
    /// to 1.6 megapixels; larger pictures are passed over as often as takes the same time, but not less than at level 1,
    /// which is told.
    ///
    /// 1 and 2 are for a given size or rate (--size, --bpp, --kbps), and are far below 3 there. Towards --psnr or --quality of a
    /// picture, the default among them, they work as 3: with fewer passes files would only be larger.
    #[arg(long, value_name = "1..9", default_value_t = 5, help_heading = FIT)]
    #[arg(value_parser = values::listed(EFFORTS, values::whole(1..=9u8)), hide_possible_values = true)]
    effort: u8,
    /// Where the fit runs: auto, cpu, cuda or cuda:I
    ///
    /// auto uses a usable GPU, else the CPU, and -v says which and why. A device that was asked for by name and is
    /// not usable is an error.
    #[arg(long, value_name = "DEVICE", default_value = "auto", help_heading = FIT)]
    #[arg(value_parser = values::devices(), hide_possible_values = true)]
    device: Device,
    /// Threads; they change the time, not the bytes [default: all]
    #[arg(long, value_name = "N", value_parser = values::threads, help_heading = FIT)]
    threads: Option<std::num::NonZeroU16>,
    /// Seed of everything random
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = values::whole(0..=u64::MAX), help_heading = FIT)]
    seed: u64,
    /// Seconds that all may take; the bytes then depend on the machine's speed [default: no limit]
    ///
    /// Reading, rendering and verifying are counted, and take their time in any case.
    #[arg(long, value_name = "S", value_parser = values::seconds, help_heading = FIT)]
    time_limit: Option<Duration>,

    /// What a squared error of the gradient counts beside one of the values, 0 to 1000
    ///
    /// In the fit and in what quantization takes for an error. The gradient is in unit values per native sample, so at 1
    /// an error counts twice whose phase turns by one radian from sample to sample, a wave of 6.3 samples. It takes twice
    /// the time. 0.1 is a good weight: at 1 to 3 bpp it leaves a half to a quarter of the gradient's error, at no loss of PSNR
    /// (measure with `sirenc verify INPUT ORIGINAL --derivatives`), and pictures can be enlarged better.
    #[arg(long, value_name = "LAMBDA", default_value_t = 0.0, value_parser = values::weight, help_heading = DERIVATIVES)]
    gradient_weight: f64,
    /// The gradient to aim at, an .npy array as `decode --derivative gradient` writes it, with --gradient-weight
    /// [default: central differences of the samples]
    #[arg(long, value_name = "FILE", requires = "gradient_weight", help_heading = DERIVATIVES)]
    gradient: Option<PathBuf>,

    #[command(flatten)]
    limits: InputLimitArgs,
    #[command(flatten)]
    peak: PeakArgs,

    /// Samples per second of a sound that is an array and tells none, Hz [default: 48000]
    #[arg(long, value_name = "HZ", value_parser = clap::value_parser!(u32).range(1..1 << 31))]
    rate: Option<u32>,
    /// Do not decode the finished bytes and compare them with the source
    #[arg(long)]
    no_verify: bool,
    /// Drop ICC, Exif and XMP blocks, colour and resolution of PNG, and tags of WAV, which are kept otherwise
    #[arg(long)]
    no_metadata: bool,
    /// Fit and count colours under an alpha of 0 like all others
    ///
    /// By default they are replaced by smooth ones, which cost next to nothing, and PSNR is that of what is visible: the
    /// squared error of a colour counts by its alpha.
    #[arg(long)]
    keep_invisible: bool,
    /// Print one JSON object on standard output instead of the summary; --help has its keys
    #[arg(long)]
    json: bool,
    /// Overwrite an existing output
    #[arg(short, long)]
    force: bool,
    /// No progress and no summary
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// More words: the device, the networks, the times
    #[arg(short, long)]
    verbose: bool,
}

/// The limits of a decoder that reads what was written here, whose cost has been asked already.
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

/// One file to encode: what is read, and where it goes.
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

    /// Checks what can be checked before the work.
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
                "a .siren file, a picture or sound was expected",
            )
            .hint("`sirenc decode` renders it"));
        }
        if let Some(directory) = &args.output_dir {
            if input::is_stdin(path) {
                return Err(Failure::usage(
                    "--output-dir needs the name of an input, standard input has none",
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
        // The encoder has rendered the file once. Who interrupts it is not kept waiting for another time.
        let verify_it = !args.no_verify && !encoded.report.interrupted;
        let verified = match verify_it {
            true => Some(verify(args, &content.name, &source, &encoded, silent)?),
            false => None,
        };

        // Files that are encoded at once are written and reported one by one.
        static ONE_BY_ONE: Mutex<()> = Mutex::new(());
        let _turn = ONE_BY_ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut output = self.output;
        if encoded.report.interrupted
            && let Some(aside) = output.aside()
        {
            let (old, new) = (output.name(), aside.name());
            terminal::tell(&format!(
                "sirenc: {old}: kept, as the fit for a new one was interrupted; it came to {new}"
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
            return Err(wrong("a picture, but --kbps is for sound").hint("--bpp or --size"));
        }
        match self.rate {
            Some(rate) if reading.rate_assumed => description.rate = rate,
            Some(_) if description.kind == Kind::Sound => {
                return Err(wrong("it tells its rate itself, --rate is for sounds in arrays"));
            }
            Some(_) => return Err(wrong("a picture, but --rate is for sounds in arrays")),
            None if reading.rate_assumed => {
                let note =
                    format!("an array tells no rate, {ASSUMED_RATE} Hz is assumed (--rate gives another)");
                notes::tell(&content.name, [&note], self.quiet);
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
        let told = AtomicBool::new(self.quiet);
        let begun = AtomicBool::new(false);
        // Before that there is nothing to finish with: a signal ends the process.
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
            if !told.swap(true, Ordering::Relaxed) {
                meter.say("sirenc: finishing with the best network so far (once more to stop at once)");
            }
            Flow::Finish
        });
        // A fit may be over before it has reported.
        begin();
        encoded.map_err(|error| match error {
            Error::TooSmall { asked, least, metadata } => self.too_small(name, asked, least, metadata),
            error => Failure::work(name, error),
        })
    }
    /// The target is below the smallest file, perhaps because of what is not signal.
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
            "{} is {} bytes, the smallest file of this signal has {}{of}",
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
    // Lossless is infinite on both sides.
    let equal = found == claimed || (found - claimed).abs() <= PSNR_TOLERANCE_DB;
    if !equal {
        return Err(failed(format!("the finished file has {found:.3} dB, the fit had {claimed:.3} dB")));
    }
    Ok(distortion)
}
