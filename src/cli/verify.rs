//! `sirenc verify`: checks that a `.siren` file is intact, and how close it is to its original.

use super::derivative::axis_names;
use super::failure::{Exit, Failure};
use super::input::Content;
use super::limits::LimitArgs;
use super::peak::PeakArgs;
use super::reading::ReadArgs;
use super::{Outcome, output, render, report};
use serde_json::{Map, Value, json};
use sirenc::media::SourceReading;
use sirenc::signal::metric::{Comparing, Distortion, TileErrors, WorstTile};
use sirenc::signal::{Description, Grid, Metadata, SampleFormat, Samples, Scan, Source, Tiles};
use sirenc::{Decoder, GradientError, Limits};
use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  sirenc verify photo.siren                           check that it is intact
  sirenc verify photo.siren photo.png                 and compare
  sirenc verify photo.siren photo.png --min-psnr 35   exit code 7 if it is lower";

const JSON: &str = "\
JSON object:
  input, original
                  paths; for names that are not UTF-8, input_hex and
                  original_hex hold the bytes in hexadecimal
  intact          true; if damaged, no object is printed and the exit code is 4
  psnr_db         PSNR over all samples, dB; null if infinite (identical)
  peak            the peak of PSNR: 1 for integers; for binary32, volumes and fields
                  the range of ORIGINAL (sound: half of it), or --peak; null if
                  channels have different ones
  nrmse, range    binary32, volumes and fields: root mean square error relative
                  to the range of ORIGINAL, and the range: maximum - minimum;
                  null if channels have different ones
  channels        volumes and fields of several channels: {range, nrmse, max_error}
                  of each
  snr_db          sound: SNR, dB; null if infinite
  max_error       largest error of a sample, as a fraction of full scale (0..1);
                  for binary32, volumes and fields in the units of the samples
  missing         [file, ORIGINAL] numbers of samples that are missing
  unmatched       samples that are missing in one of them alone; if any, exit code 7
  worst_tile      {psnr_db, region} of the tile with the largest error, region
                  as in decode --region; null if there is only one tile
  notes           sentences about what was left out, assumed or converted
  gradient_error, dx_error, dy_error, dt_error
                  with --derivatives: relative errors of the gradient and of
                  its components, from 0; 1 if as large as the gradient itself";

/// Check a .siren file and, with the original, the error it was stored with
///
/// Without ORIGINAL, structure, checksums and networks are read (exit code 4 if damaged). With ORIGINAL, the
/// file is also decoded and compared with it (exit code 7 if it holds another signal or is not close enough).
/// With alpha, only visible errors count: a colour's squared error is weighted by the original's alpha.
#[derive(Debug, clap::Args)]
#[command(after_long_help = format!("{EXAMPLES}\n\n{JSON}"))]
pub struct Args {
    /// The .siren file; - is standard input
    #[arg(value_name = "INPUT")]
    input: PathBuf,
    /// The picture, sound or video it was made from
    #[arg(value_name = "ORIGINAL")]
    original: Option<PathBuf>,
    /// Fail with exit code 7 below this PSNR in dB [default: 0.5 dB less than ORIGINAL's mean would have]
    ///
    /// A file with a lower PSNR than a constant picture or sound of ORIGINAL's mean does not represent
    /// ORIGINAL. By default 48 dB are always enough.
    #[arg(long, value_name = "DB", requires = "original", value_parser = super::values::positive)]
    min_psnr: Option<f64>,
    #[command(flatten)]
    peak: PeakArgs,
    /// Also measure the relative error of the gradient, through a Gaussian window of one sample
    ///
    /// The reference is the original convolved with the derivative of a Gaussian of σ = 1 native sample; the
    /// exact gradient of the decoded signal is convolved with the Gaussian. Six samples at each edge are left
    /// out. Colours count in full whatever their alpha.
    #[arg(long, requires = "original")]
    derivatives: bool,
    /// Print one JSON object; --help lists its keys
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    read: ReadArgs,
    /// No progress and no result; print only failures
    #[arg(short, long, conflicts_with = "json")]
    quiet: bool,
}

/// Runs `sirenc verify`.
pub fn run(args: &Args) -> Outcome {
    work(args).map_err(LimitArgs::name_flag)
}

fn work(args: &Args) -> Outcome {
    let content = Content::read(&args.input, &Limits::default())?;
    let decoder = content.decoder(&args.limits.limits())?;
    let name = &content.name;

    let mut object = Map::new();
    report::put_path(&mut object, "input", &args.input);
    object.insert("intact".into(), json!(true));
    let mut sentence = format!("{name}: intact");
    let (mut fault, mut channels) = (None, vec![]);
    if let Some(original) = &args.original {
        let Measured { distortion, worst, gradient, notes } = against(args, name, &decoder, original)?;
        let psnr = distortion.psnr_db();
        fault = args.fault(&distortion, original);
        let description = decoder.description();
        report::put_path(&mut object, "original", original);
        object.insert("notes".into(), json!(notes));
        object.insert("psnr_db".into(), report::number(psnr));
        object.insert("peak".into(), report::shared(description, distortion.peak()));
        let mut nrmse = String::new();
        if description.has_own_range() {
            let (error, range) = (distortion.nrmse(), distortion.range());
            object.insert("nrmse".into(), report::number(error));
            object.insert("range".into(), report::shared(description, range));
            nrmse = format!(", {}", report::nrmse(description, error, range));
            object.insert("channels".into(), report::channels_json(description, &distortion).into());
            channels = report::channels_of(description, &distortion);
        }
        let snr = report::snr_db(description, &distortion);
        if let Some(snr) = snr {
            object.insert("snr_db".into(), report::number(snr));
        }
        object.insert("max_error".into(), report::number(report::in_numbers(description, distortion.max())));
        let snr = snr.map_or(String::new(), |snr| format!(", SNR {}", report::decibels(snr)));
        sentence += &format!(
            ", PSNR {}{nrmse}{snr}, max error {} against {}",
            args.peak.psnr(description, psnr, distortion.peak(), distortion.identical),
            report::max_error(description, &distortion),
            original.display()
        );
        let Distortion { missing: [of_original, of_file], unmatched, .. } = distortion;
        object.insert("missing".into(), json!([of_file, of_original]));
        object.insert("unmatched".into(), json!(unmatched));
        if let Some(missing) = report::missing([of_file, of_original]) {
            sentence += &format!(", {missing} samples missing");
        }
        object.insert("worst_tile".into(), report::worst_tile_json(worst.as_ref()));
        if let Some(worst) = &worst {
            sentence += &format!(", {}", report::worst_tile(worst));
        }
        if let Some(error) = gradient {
            let names = axis_names(description).into_iter().zip(&error.axes);
            let axes: Vec<String> =
                names.clone().map(|(name, e)| format!("d{name} {:.2} %", 100.0 * e)).collect();
            sentence += &format!(", gradient error {:.2} % ({})", 100.0 * error.total, axes.join(", "));
            object.insert("gradient_error".into(), report::number(error.total));
            for (axis, &error) in names {
                object.insert(format!("d{axis}_error"), report::number(error));
            }
        }
    }
    if args.json {
        output::print(&format!("{}\n", Value::Object(object)))?;
    } else if !args.quiet {
        output::print(&format!("{sentence}\n"))?;
        for (channel, error) in channels.iter().enumerate() {
            output::print(&format!("  channel {channel:<2} {error}\n"))?;
        }
    }
    match fault {
        Some(sentence) => Err(Failure::new(Exit::Verification, name, sentence)),
        None => Ok(Exit::Done),
    }
}

/// A file whose PSNR is lower than that of the original's mean by more than this, dB, holds another signal.
const MARGIN_DB: f64 = 0.5;
/// A file with at least this PSNR, dB, is accepted even if the original is nearly constant: errors are about
/// one 8-bit code.
const CLOSE_DB: f64 = 48.0;

/// Whether a file with this distortion represents its original.
pub fn is_close(distortion: &Distortion) -> bool {
    let psnr = distortion.psnr_db();
    distortion.unmatched == 0 && (psnr >= CLOSE_DB || psnr >= distortion.constant_psnr_db() - MARGIN_DB)
}

impl Args {
    /// A sentence on why the distortion is too large, if it is.
    fn fault(&self, distortion: &Distortion, original: &Path) -> Option<String> {
        let (psnr, constant) = (distortion.psnr_db(), distortion.constant_psnr_db());
        if distortion.unmatched > 0 {
            let unmatched = report::grouped(distortion.unmatched);
            return Some(format!("samples missing in one of the two alone: {unmatched}, expected 0"));
        }
        match self.min_psnr {
            Some(least) if psnr >= least => None,
            Some(least) => {
                let least = report::short(least);
                Some(format!("PSNR {psnr:.2} dB, expected at least {least} dB"))
            }
            None if is_close(distortion) => None,
            None => {
                let (original, constant) = (original.display(), report::decibels(constant));
                Some(format!(
                    "not made from {original}: PSNR {psnr:.2} dB, while its mean alone has {constant}"
                ))
            }
        }
    }
}

/// The comparison of a file with its original.
struct Measured {
    distortion: Distortion,
    worst: Option<WorstTile>,
    gradient: Option<GradientError>,
    /// Notes about the original.
    notes: Vec<String>,
}

/// Decodes the file and compares it with its original, and its gradient if `--derivatives` is set.
fn against(args: &Args, name: &str, decoder: &Decoder, original: &Path) -> Result<Measured, Failure> {
    let original = Content::read_signal(original, &Limits::default())?;
    let limits = args.limits.of_originals(original.is_in_place());
    let read = args.read.for_signal(decoder.description());
    let mut reading = original.source(&limits, &read, args.quiet)?;
    if let Some(rate) = decoder.description().rate()
        && (reading.rate_assumed || args.read.axes().is_some())
    {
        reading = reading.set_rate(rate);
    }
    let SourceReading { source, notes, .. } = reading;
    let (found, expected) = (decoder.description(), source.description());
    if !comparable(found, expected) {
        let sentence = format!(
            "{}, but {} is {}",
            report::description(found),
            original.name,
            report::description(expected)
        );
        return Err(Failure::new(Exit::Verification, name, sentence));
    }
    let native = Grid::native(found);
    args.limits.admit(name, &native)?;
    let fault = |error| Failure::work(name, error);
    let peak = args.peak.of(&original.name, expected)?;
    // Measurements of another format are compared in the unit of the file.
    let factor = expected.unit_number() / found.unit_number();
    let single = |of: &Description| Description { format: SampleFormat::F32, ..of.clone() };
    let mut comparing = match factor {
        1.0 => Comparing::of(expected, found),
        _ => Comparing::of(&single(expected), &single(found)),
    }
    .map_err(fault)?;
    let whole = Tiles::one(found);
    let tiles = decoder.field().siren().map_or(&whole, |siren| &siren.tiles);
    let mut of_tiles = TileErrors::new(found, tiles);
    let (mut scan, mut at) = (Scan::of(&*source), 0);
    for decoded in render::parts(decoder, &native, args.quiet).map_err(fault)? {
        let mut decoded = decoded.map_err(fault)?;
        let mut samples = scan.read(decoded.len()).map_err(|error| Failure::media(&original.name, error))?;
        if factor != 1.0 {
            samples = Cow::Owned(scaled(&samples, factor));
            decoded = scaled(&decoded, 1.0);
        }
        comparing.add(&samples, &decoded).map_err(fault)?;
        of_tiles.add_samples(at, &samples, &decoded);
        at += decoded.len();
    }
    let distortion = comparing.distortion();
    let distortion = peak.map_or(distortion.clone(), |peak| distortion.with_peak(peak));
    let gradient = args.derivatives.then(|| gradient_error(decoder, &*source, factor));
    let gradient = gradient.transpose().map_err(fault)?;
    let peaks: Vec<f64> = distortion.channels.iter().map(|channel| channel.peak).collect();
    let worst = of_tiles.worst(&peaks);
    Ok(Measured { distortion, worst, gradient, notes })
}

/// The error of the gradient, relative to that of a source with `factor` times its unit values.
fn gradient_error(decoder: &Decoder, source: &dyn Source, factor: f64) -> sirenc::Result<GradientError> {
    if factor == 1.0 {
        return decoder.gradient_error(source);
    }
    let description = Description { format: SampleFormat::F32, ..source.description().clone() };
    decoder.gradient_error(&Scaled { source, description, factor })
}

/// A source of binary32 with `factor` times the unit values of another.
struct Scaled<'a> {
    source: &'a dyn Source,
    description: Description,
    factor: f64,
}

impl Source for Scaled<'_> {
    fn description(&self) -> &Description {
        &self.description
    }
    fn metadata(&self) -> &[Metadata] {
        self.source.metadata()
    }
    fn read(&self, region: &[Range<u32>]) -> sirenc::Result<Cow<'_, Samples>> {
        Ok(Cow::Owned(scaled(&*self.source.read(region)?, self.factor)))
    }
    fn resident_bytes(&self) -> u64 {
        self.source.resident_bytes()
    }
}

/// Samples of binary32 with `factor` times the unit values.
fn scaled(samples: &Samples, factor: f64) -> Samples {
    Samples::F32((0..samples.len()).map(|i| (factor * f64::from(samples.get(i))) as f32).collect())
}

/// Whether two signals have the same axes and channels.
pub fn comparable(a: &Description, b: &Description) -> bool {
    (&a.axes, a.channels) == (&b.axes, b.channels)
}
