//! `sirenc compare`: how far apart two signals are.

use super::failure::{Exit, Failure};
use super::limits::LimitArgs;
use super::peak::PeakArgs;
use super::reading::ReadArgs;
use super::sides::{self, Side, share_rate};
use super::verify::comparable;
use super::{Outcome, output, report};
use serde_json::{Map, Value, json};
use sirenc::signal::Description;
use sirenc::signal::metric::Comparison;
use std::fmt::Write;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  sirenc compare photo.png other.png
  sirenc compare photo.png photo.siren --json
  sirenc compare voice.wav voice.siren";

const JSON: &str = "\
JSON object:
  a, b       paths; for names that are not UTF-8, a_hex and b_hex hold the bytes
             in hexadecimal
  psnr_db    PSNR over all samples, dB; null if infinite (identical)
  peak       the peak of PSNR: 1 for integers; for binary32, volumes and fields the
             range of A (sound: half of it), or --peak; null if channels have
             different ones
  nrmse      binary32, volumes and fields: root mean square error relative to
             the range of A; null if A is constant and B differs
  range      binary32, volumes and fields: maximum - minimum of A; null if
             channels have different ones
  channels   volumes and fields of several channels: {range, nrmse, max_error}
             of each
  identical  whether all samples are equal, visible or not
  snr_db     sound: SNR, dB; null if infinite
  ssim       pictures of at least 11 pixels a side: SSIM, 1 if identical
  ms_ssim    pictures of at least 176 pixels a side: MS-SSIM, 1 if identical
  lsd_db     sound: log-spectral distance, dB
  max_error  largest error of a sample, as a fraction of full scale (0..1); for
             binary32, volumes and fields in the units of the samples
  missing    [A, B] numbers of samples that are missing
  unmatched  samples that are missing in one of them alone; errors are those of
             samples that exist in both
  notes      sentences about what was left out, assumed or converted
  version    version of sirenc";

/// Compare two signals: PSNR, SSIM, max error and more
///
/// Binary32, volumes and fields: also the root mean square error relative to the range of A (NRMSE).
/// Pictures: PSNR, SSIM, MS-SSIM and the largest error. Sound: PSNR, SNR, LSD (log-spectral distance) and the
/// largest error. Each input may be a .siren file, which is decoded at its native size, or any picture,
/// sound or video that `encode` reads. PSNR and SSIM cover all channels; the samples of each file are scaled to their
/// own range. With alpha, only visible errors count: a colour's squared error is weighted by A's alpha, and
/// SSIM compares colours multiplied by their alpha.
#[derive(Debug, clap::Args)]
#[command(after_long_help = format!("{EXAMPLES}\n\n{JSON}"))]
pub struct Args {
    /// The reference
    #[arg(value_name = "A")]
    a: PathBuf,
    /// The signal to compare with it; either of the two (not both) may be - for standard input
    #[arg(value_name = "B")]
    b: PathBuf,
    /// Print one JSON object; --help lists its keys
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    peak: PeakArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    read: ReadArgs,
    /// No progress and no notes
    #[arg(short, long)]
    quiet: bool,
}

/// Runs `sirenc compare`.
pub fn run(args: &Args) -> Outcome {
    work(args).map_err(LimitArgs::name_flag)
}

fn work(args: &Args) -> Outcome {
    if super::input::is_stdin(&args.a) && super::input::is_stdin(&args.b) {
        return Err(Failure::usage("only one of the two signals can come from standard input"));
    }
    let open = |path: &PathBuf| Side::open(path, &args.limits, &args.read, args.quiet);
    let (mut a, mut b) = (open(&args.a)?, open(&args.b)?);
    share_rate(&mut a, &mut b);
    let notes: Vec<String> = [(&args.a, &a.notes), (&args.b, &b.notes)]
        .into_iter()
        .flat_map(|(path, notes)| notes.iter().map(|note| format!("{}: {note}", path.display())))
        .collect();
    let name = args.b.display();
    if !comparable(&a.description, &b.description) {
        let (found, expected) = (report::description(&b.description), report::description(&a.description));
        let sentence = format!("{found}, but {} is {expected}", args.a.display());
        return Err(Failure::new(Exit::Other, name, sentence));
    }
    let peak = args.peak.of(&args.a.display().to_string(), &a.description)?;
    let compared = sides::compare(&a, &b, peak).map_err(|error| Failure::work(name, error))?;
    output::print(&if args.json {
        json(args, &a.description, &compared, notes)
    } else {
        table(args, &a.description, &compared)
    })?;
    Ok(Exit::Done)
}

/// The measurements as a table for people.
fn table(args: &Args, description: &Description, compared: &Comparison) -> String {
    let distortion = &compared.distortion;
    let own = description.has_own_range();
    let rows = [
        (
            "PSNR",
            Some(args.peak.psnr(description, distortion.psnr_db(), distortion.peak(), distortion.identical)),
        ),
        ("NRMSE", own.then(|| format!("{} %", report::significant(100.0 * distortion.nrmse())))),
        (
            "range",
            distortion
                .range()
                .filter(|_| own)
                .map(|range| report::significant(report::in_numbers(description, range))),
        ),
        ("SNR", report::snr_db(description, &compared.distortion).map(report::decibels)),
        ("SSIM", compared.ssim.map(|ssim| format!("{ssim:.5}"))),
        ("MS-SSIM", compared.ms_ssim.map(|ssim| format!("{ssim:.5}"))),
        ("LSD", compared.lsd_db.map(|lsd| format!("{lsd:.3} dB"))),
        ("max error", Some(report::max_error(description, &compared.distortion))),
        ("missing", report::missing(distortion.missing)),
        ("unmatched", (distortion.unmatched > 0).then(|| report::grouped(distortion.unmatched))),
    ];
    let mut text = String::new();
    for (name, value) in rows {
        if let Some(value) = value {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name:<11}{value}");
        }
    }
    for (channel, error) in report::channels_of(description, distortion).iter().enumerate() {
        let _ = writeln!(text, "{:<11}{error}", format!("channel {channel}"));
    }
    text
}

/// The measurements as JSON for scripts: those that do not apply are left out, infinite ones are null.
fn json(args: &Args, description: &Description, compared: &Comparison, notes: Vec<String>) -> String {
    let mut object = Map::new();
    report::put_path(&mut object, "a", &args.a);
    report::put_path(&mut object, "b", &args.b);
    let own = description.has_own_range();
    let measures = [
        ("psnr_db", Some(compared.distortion.psnr_db())),
        ("nrmse", own.then(|| compared.distortion.nrmse())),
        ("snr_db", report::snr_db(description, &compared.distortion)),
        ("ssim", compared.ssim),
        ("ms_ssim", compared.ms_ssim),
        ("lsd_db", compared.lsd_db),
        ("max_error", Some(report::in_numbers(description, compared.distortion.max()))),
    ];
    for (name, value) in measures {
        if let Some(value) = value {
            object.insert(name.into(), report::number(value));
        }
    }
    object.insert("peak".into(), report::shared(description, compared.distortion.peak()));
    if own {
        object.insert("range".into(), report::shared(description, compared.distortion.range()));
        let channels = report::channels_json(description, &compared.distortion);
        object.insert("channels".into(), channels.into());
    }
    object.insert("identical".into(), json!(compared.distortion.identical));
    object.insert("missing".into(), json!(compared.distortion.missing));
    object.insert("unmatched".into(), json!(compared.distortion.unmatched));
    object.insert("notes".into(), json!(notes));
    object.insert("version".into(), json!(env!("CARGO_PKG_VERSION")));
    format!("{}\n", Value::Object(object))
}
