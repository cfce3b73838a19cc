//! `sirenc encode`: a picture or sound → a verified `.siren` file.

mod args;
mod gradient;
mod help;
mod inputs;
mod several;
mod summary;

use super::failure::{Exit, Failure};
use super::input::{self, Content, SignalInput};
use super::interrupt::Interrupt;
use super::limits::{InputLimitArgs, LimitArgs};
use super::output::{self, Output};
use super::progress::Meter;
use super::{Outcome, notes, report, terminal};
pub use args::Args;
use inputs::Item;
use sirenc::media::{ASSUMED_FRAME_RATE, ASSUMED_RATE, SourceReading};
use sirenc::signal::metric::{Distortion, ErrorSum};
use sirenc::signal::{Grid, Kind, Scan, Source};
use sirenc::{Decoder, EncodeOptions, Encoded, Error, Flow, Limits};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use summary::Done;

/// Largest difference between the PSNR of the decoded file and that reported by the fit, which sums in
/// another order.
const PSNR_TOLERANCE_DB: f64 = 1e-3;

/// Limits for decoding the file that was just encoded: its cost has been checked already.
fn trusting(args: &InputLimitArgs) -> Limits {
    let mut limits = args.limits();
    (limits.samples, limits.macs) = (u64::MAX, u64::MAX);
    limits
}

/// Runs `sirenc encode`.
pub fn run(mut args: Args, interrupt: &Interrupt) -> Outcome {
    if let ([_, second], None, None) = (&args.inputs[..], &args.output, &args.output_dir)
        && input::is_siren_name(second)
    {
        args.output = args.inputs.pop();
    }
    match &inputs::items(&args)?[..] {
        [item] => Job::encode(&args, item, interrupt, args.quiet),
        items => several::run(&args, items, interrupt),
    }
}

/// One file to encode: input and output.
struct Job<'a> {
    path: &'a Path,
    input: SignalInput,
    output: Output,
}

impl<'a> Job<'a> {
    /// Encodes an item.
    fn encode(args: &Args, item: &'a Item, interrupt: &Interrupt, silent: bool) -> Outcome {
        let encoded = Self::prepare(args, item).and_then(|job| job.run(args, interrupt, silent));
        let encoded = encoded.map_err(LimitArgs::name_flag);
        if let Err(failure) = &encoded
            && args.jsonl
        {
            output::print(&format!("{}\n", summary::failed(&item.input, failure)))?;
        }
        encoded
    }

    /// Checks input and output before the work begins.
    fn prepare(args: &Args, Item { input: path, output: target }: &'a Item) -> Result<Self, Failure> {
        if args.is_json() && output::is_stdout(target) {
            return Err(Failure::usage("--json and the file would both go to standard output")
                .hint("use -o FILE with --json"));
        }
        let input = SignalInput::open(path)?;
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
            let directory = target.parent().unwrap_or(directory);
            let unwritable = |error| Failure::unwritable(directory.display(), &error);
            std::fs::create_dir_all(directory).map_err(unwritable)?;
        }
        // A pattern of files, or a folder such as `..`.
        let nameless = !path.exists() || path.file_name().is_none();
        if args.output.is_none() && matches!(input, SignalInput::Video(_)) && nameless {
            let sentence = format!("{}: this gives the output no name", path.display());
            return Err(Failure::usage(sentence).hint("-o FILE names it"));
        }
        let overwrite = args.force || args.skip_existing;
        let output = Output::prepare(target, &input::split(path).0, overwrite, "use -f to overwrite it")?;
        Ok(Job { path, input, output })
    }

    /// Reads, fits, verifies, writes and reports; without progress if `silent`.
    fn run(self, args: &Args, interrupt: &Interrupt, silent: bool) -> Outcome {
        let started = Instant::now();
        let content = self.input.read(&args.limits.limits())?;
        let SourceReading { source, notes, .. } = args.open(&content)?;
        let (source, name) = (&*source, content.name.clone());
        // Its bytes are not needed any more.
        drop(content);
        if args.skip_existing && self.output.path().exists() {
            if is_made_from(args, self.output.path(), source) {
                return skip(args, self.path, &self.output);
            }
            if !args.force {
                let sentence = "the file already exists, but it is damaged or not made from this input";
                return Err(Failure::new(Exit::Other, self.output.name(), sentence).hint("-f replaces it"));
            }
        }
        let mut options = args.options();
        options.time_limit = options.time_limit.map(|limit| limit.saturating_sub(started.elapsed()));
        options.peak = args.peak.of(&name, source.description())?;
        if let Some(path) = &args.gradient {
            options.gradient = Some(gradient::read(path, source.description())?);
        }
        let encoded = args.fit(&name, source, &options, interrupt, silent)?;
        // An interrupted run ends without rendering again: the encoder has rendered the file once already.
        let verify_it = !args.no_verify && !encoded.report.interrupted;
        let verified = match verify_it {
            true => Some(verify(args, &name, source, &encoded, silent)?),
            false => None,
        };

        // Files that are encoded in parallel are written and reported one at a time.
        static ONE_BY_ONE: Mutex<()> = Mutex::new(());
        let _turn = ONE_BY_ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut output = self.output;
        // Neither a better file is replaced, nor is this one taken for a finished one by another run.
        if encoded.report.interrupted
            && (output.replaces() || args.skip_existing)
            && let Some(aside) = output.aside()
        {
            let (old, new) = (output.name(), aside.name());
            let word = if output.replaces() { "kept" } else { "not written" };
            terminal::print(&format!(
                "sirenc: {old}: {word}, because the fit was interrupted; the new file is {new}"
            ));
            output = aside;
        }
        output.write(&encoded.bytes)?;
        let done = Done {
            args,
            path: self.path,
            name: &name,
            description: source.description(),
            notes: &notes,
            encoded: &encoded,
            verified,
            started,
        };
        if args.is_json() {
            output::print(&format!("{}\n", done.json(output.path())))?;
        } else if !args.quiet {
            done.print(&output);
        }
        Ok(interrupt.noted().unwrap_or_else(|| done.exit()))
    }
}

/// Reports that the output of `path` is there.
fn skip(args: &Args, path: &Path, output: &Output) -> Outcome {
    if args.is_json() {
        output::print(&format!("{}\n", summary::skipped(path, output.path())))?;
    } else if !args.quiet {
        terminal::print(&format!("{}: {} is there", path.display(), output.name()));
    }
    Ok(Exit::Done)
}

impl Args {
    fn open(&self, content: &Content) -> Result<SourceReading, Failure> {
        let mut reading = content.source(&self.limits.limits(), &self.read, self.quiet)?;
        let description = reading.source.description();
        self.limits.admit(&content.name, description.positions())?;
        let wrong = |sentence: &str| Failure::new(Exit::Usage, &content.name, sentence);
        if self.kbps.is_some() && description.kind() != Kind::Sound {
            let sentence = format!("this is a {}, but --kbps is for sound", report::kind(description));
            return Err(wrong(&sentence).hint("use --bpp or --size"));
        }
        if self.nrmse.is_some() && !description.has_own_range() {
            let (kind, bits) = (report::kind(description), report::sample_format(description.format).1);
            let sentence = format!(
                "this is a {kind} of {bits}, but --nrmse is for binary32 samples, volumes and fields, which have a range of their own"
            );
            return Err(wrong(&sentence).hint("use --psnr"));
        }
        let sound = description.kind() == Kind::Sound;
        match self.rate {
            Some(rate) if (reading.rate_assumed && sound) || self.read.axes().is_some() => {
                reading = reading.set_rate(rate);
            }
            Some(_) if sound => {
                return Err(wrong("the file states its rate; --rate is for sounds in arrays"));
            }
            Some(_) => {
                let sentence =
                    format!("this is a {}, but --rate is for sounds in arrays", report::kind(description));
                return Err(wrong(&sentence));
            }
            None if reading.rate_assumed => {
                let note = match sound {
                    true => {
                        format!("an array states no rate, {ASSUMED_RATE} Hz is assumed (--rate sets another)")
                    }
                    false => format!(
                        "pictures state no rate, {ASSUMED_FRAME_RATE} frames per second are assumed (--fps sets another)"
                    ),
                };
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
        source: &dyn Source,
        options: &EncodeOptions,
        interrupt: &Interrupt,
        silent: bool,
    ) -> Result<Encoded, Failure> {
        let meter = Meter::fit(silent);
        let announced = AtomicBool::new(self.quiet);
        let begun = AtomicBool::new(false);
        // Until the fit begins a signal ends the process: there is no field to finish with.
        let begin = || {
            interrupt.be_patient();
            if !begun.swap(true, Ordering::Relaxed) && self.verbose {
                meter.say(&format!("{name}: fitting {}", report::description(source.description())));
            }
        };
        let encoded = sirenc::encode_source(source, options, &|progress| {
            begin();
            meter.report(progress);
            if interrupt.noted().is_none() {
                return Flow::Continue;
            }
            if !announced.swap(true, Ordering::Relaxed) {
                meter.say("sirenc: finishing with the best result so far (interrupt again to stop at once)");
            }
            Flow::Finish
        });
        // A fit may end before its first report.
        begin();
        encoded.map_err(|error| match error {
            Error::TooSmall { requested, least, metadata } => {
                self.too_small(name, requested, least, metadata)
            }
            error => Failure::work(name, error),
        })
    }
    /// The failure for a target below the smallest possible file, which names the bytes of metadata in it.
    fn too_small(&self, name: &str, requested: u64, least: u64, metadata: u64) -> Failure {
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
            report::grouped(requested),
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
    source: &dyn Source,
    encoded: &Encoded,
    quiet: bool,
) -> Result<Distortion, Failure> {
    let distortion = distortion(args, name, source, &encoded.bytes, &trusting(&args.limits), quiet)?;
    let distortion = match args.peak.given() {
        Some(peak) => distortion.with_peak(peak),
        None => distortion.with_peaks(&encoded.report.peaks),
    };
    let (found, claimed) = (distortion.psnr_db(), encoded.report.psnr_db);
    // Both are infinite if the file is lossless.
    let equal = found == claimed || (found - claimed).abs() <= PSNR_TOLERANCE_DB;
    if !equal {
        let sentence = format!("the finished file has {found:.3} dB, the fit had {claimed:.3} dB");
        return Err(Failure::new(Exit::Verification, name, sentence));
    }
    Ok(distortion)
}

/// Decodes the bytes of a file and compares them with a source.
fn distortion(
    args: &Args,
    name: &str,
    source: &dyn Source,
    bytes: &[u8],
    limits: &Limits,
    quiet: bool,
) -> Result<Distortion, Failure> {
    let failed = |sentence: String| Failure::new(Exit::Verification, name, sentence);
    let broken = |error| failed(format!("the finished file does not decode: {error}"));
    let decoder = Decoder::from_bytes(bytes, limits).map_err(broken)?;
    if decoder.description() != source.description() {
        return Err(failed("the finished file describes another signal".into()));
    }
    let grid = Grid::native(source.description());
    let meter = Meter::render(quiet, decoder.request(&grid).cost().map_err(broken)?.samples);
    let (mut sum, mut scan) = (ErrorSum::new(source.description()), Scan::of(source));
    if args.keep_invisible {
        sum = sum.with_invisible();
    }
    for rows in decoder.request(&grid).bands().map_err(broken)? {
        let rows = rows.map_err(broken)?;
        let samples = scan.read(rows.len()).map_err(|error| Failure::media(name, error))?;
        sum.add(&samples, 0, &rows).map_err(broken)?;
        meter.advance(rows.len());
    }
    Ok(sum.distortion())
}

/// Whether an existing file is intact and holds a source, as far as [`verify`](super::verify) can tell.
fn is_made_from(args: &Args, file: &Path, source: &dyn Source) -> bool {
    let limits = args.limits.limits();
    let compared = Content::read(file, &limits)
        .and_then(|content| distortion(args, &content.name, source, &content.bytes, &limits, true));
    compared.is_ok_and(|distortion| super::verify::is_close(&distortion))
}
