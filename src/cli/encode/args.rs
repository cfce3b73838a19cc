//! The arguments of `sirenc encode`.

use super::help;
use super::inputs::Shard;
use crate::cli::limits::InputLimitArgs;
use crate::cli::peak::PeakArgs;
use crate::cli::reading::ReadArgs;
use crate::cli::{input, values};
use clap::{ArgGroup, ValueEnum};
use sirenc::signal::Rate;
use sirenc::{Device, EncodeOptions, FieldKind, Target, WeightCoding};
use std::path::{Path, PathBuf};
use std::time::Duration;

const MANY: &str = "Many inputs";
const TARGET: &str = "Target (at most one)";
const NETWORK: &str = "Network (research)";
const FIT: &str = "Fit";
const DERIVATIVES: &str = "Derivatives";
const EFFORTS: [&str; 9] = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// The kind of field.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum FieldArg {
    /// spline for pictures, siren for sound and for what only networks have
    Auto,
    /// Sine networks of tiles
    Siren,
    /// A pyramid of splines and one network
    Spline,
}

/// How parameters are stored.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Weights {
    /// Quantized and range coded
    Quantized,
    /// Binary16
    F16,
    /// Binary32, without loss
    F32,
}

/// Fit a picture or sound and store it as a .siren file
///
/// The file is a smooth function fitted to the samples: fit, quantize, store, then decode the finished bytes
/// and compare them with the source. Pictures are stored as splines, sounds as small sine networks, unless
/// --field says otherwise. Ctrl-C or SIGTERM ends the fit early and writes the best result so far as a valid
/// file (exit code 130 or 143); with -f it is written to NAME.interrupted.siren and an existing
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
    /// PNG, JPEG, TIFF, WebP, BMP, PNM, PFM, GIF, OpenEXR, NPY, NRRD, NIfTI, NetCDF, WAV or Y4M files, recognised by content;
    /// - is standard input
    ///
    /// FILE.nc:VARIABLE is a variable of a classic NetCDF file, which may hold several; its default output is
    /// FILE.VARIABLE.siren.
    ///
    /// A folder of pictures or a pattern of numbered files (shot-%04d.png) is a video. MP4, QuickTime,
    /// Matroska, WebM, AVI and MPEG are read by ffprobe and ffmpeg, which must be on the path.
    ///
    /// An array of one axis is a sound. An array of two axes is a sound (samples, channels) if the second axis
    /// has at most 8 elements, and else a grey picture. An array of three axes is a picture (height, width,
    /// channels) if the last has at most 4 elements, and else a volume (depth, height, width); one of four axes
    /// is a volume with at most 4 channels. --axes names others.
    ///
    /// Several inputs give the same bytes as one by one, each in a file of its own; if one fails, the others
    /// are still written, and the exit code is the worst of all. A GPU fits sine networks of several inputs at once. If there
    /// are two inputs and the second ends in .siren, it is the output.
    #[arg(value_name = "INPUT", required = true)]
    pub(super) inputs: Vec<PathBuf>,

    /// File to write, for a single input; - is standard output [default: INPUT with .siren; standard output
    /// for -]
    #[arg(short, long, value_name = "PATH")]
    pub(super) output: Option<PathBuf>,
    /// Directory to write to, created if missing; files are named after the inputs [default: beside
    /// each input]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath, conflicts_with = "output")]
    pub(super) output_dir: Option<PathBuf>,
    /// Encode every picture, sound, array and video in folders, each in a file of its own
    ///
    /// Files are recognised by content; hidden ones and .siren files are passed over. --output-dir gets the same folders.
    #[arg(short, long, help_heading = MANY)]
    pub(super) recursive: bool,
    /// Pass over inputs whose output is there, intact and made from them
    ///
    /// The existing file is decoded and compared with the input, as `sirenc verify` does, whatever its options were. So a run that was
    /// killed is simply started again. A file that was made from something else is an error without -f. A fit that Ctrl-C or SIGTERM ends
    /// early goes to NAME.interrupted.siren, so that it is not taken for a finished one.
    #[arg(long, help_heading = MANY)]
    pub(super) skip_existing: bool,
    /// Only every N-th of all inputs, from the I-th on: I from 1 to N, one for each of N machines
    #[arg(long, value_name = "I/N", help_heading = MANY)]
    pub(super) shard: Option<Shard>,
    /// Like --json, one object per line as each input ends, with failures too: input, error and exit code
    #[arg(long, help_heading = MANY)]
    pub(super) jsonl: bool,

    /// Bits per pixel, counting every byte of the file; never exceeded
    #[arg(long, value_name = "X", group = "target", value_parser = values::positive, help_heading = TARGET)]
    pub(super) bpp: Option<f64>,
    /// Size of the file in bytes, or with kB, MB, KiB or MiB; never exceeded
    #[arg(long, value_name = "N", group = "target", value_parser = values::bytes, help_heading = TARGET)]
    pub(super) size: Option<u64>,
    /// PSNR in dB, reached within 0.1 dB (exit code 6 if not)
    #[arg(long, value_name = "DB", group = "target", value_parser = values::positive, help_heading = TARGET)]
    pub(super) psnr: Option<f64>,
    /// Root mean square error relative to the range of the samples, as in 0.01 or 1%: binary32, volumes and
    /// fields; reached within 1.2 % of it (exit code 6 if not)
    #[arg(long, value_name = "X", group = "target", value_parser = values::fraction, help_heading = TARGET)]
    pub(super) nrmse: Option<f64>,
    /// From 0, the smallest file, to 100, nearly lossless [default: 75]
    ///
    /// Pictures: 21 dB at 0, 33 dB at 75 and 48 dB at 100, where the root mean square error is one of 255
    /// codes. Splines make one fit with the trade of error for bytes at which photographs have this PSNR in the
    /// mean: smooth and simple pictures have more, textures less; a note says if it is 5 dB less. Sine networks
    /// aim at the PSNR itself, by up to three fits; a note says if they are 1 dB away. Sound: 0.02·Q bits per
    /// sample, 1.5 at 75.
    #[arg(long, value_name = "0..100", group = "target", value_parser = values::quality, help_heading = TARGET)]
    pub(super) quality: Option<f64>,
    /// Sound only: kilobits (1000 bits) per second, counting every byte of the file; never exceeded
    #[arg(long, value_name = "X", group = "target", value_parser = values::positive, help_heading = TARGET)]
    pub(super) kbps: Option<f64>,

    /// The kind of field that the file holds
    ///
    /// auto is spline for pictures and siren for all else. It is siren for pictures, too, with --layers and
    /// --width, --gradient-weight or --device cuda, which only sine networks have, and where --max-memory
    /// allows a fit of networks, but not one of splines, which takes about 100 bytes for each pixel. -v and
    /// --json say which was used.
    #[arg(long, value_name = "KIND", default_value = "auto", help_heading = NETWORK)]
    pub(super) field: FieldArg,
    /// Hidden layers of a network of fixed size, with --width, instead of a target
    #[arg(long, value_name = "N", requires = "width", conflicts_with = "target", help_heading = NETWORK)]
    #[arg(value_parser = values::whole(1..=255u32))]
    pub(super) layers: Option<u32>,
    /// Neurons of each hidden layer, with --layers
    #[arg(long, value_name = "W", requires = "layers", conflicts_with = "target", help_heading = NETWORK)]
    #[arg(value_parser = values::whole(1..=65535u32))]
    pub(super) width: Option<u32>,
    /// How parameters are stored
    #[arg(long, value_name = "CODING", default_value = "quantized", help_heading = NETWORK)]
    pub(super) weights: Weights,

    /// How much work the fit may do: 1 is the fastest, 9 the most faithful
    ///
    /// Splines: about twice the work of the level below; level 3 takes 13 s for a 768×512 picture on two Zen
    /// 4 server cores with AVX-512. The time is proportional to the samples up to 3.2 megapixels.
    ///
    /// Sine networks: seconds of CPU time for such a picture at 0.3 bpp on one of these cores: 2, 4, 9, 20
    /// and 44 for levels 1 to 5; half as long on two cores. Levels 6 and 7 do 1.7 times the work of the level
    /// below; 8 and 9 run the fit of level 7 two and three times and keep the best. The time hardly depends
    /// on the target and is proportional to the samples up to 1.6 megapixels. Levels 1 and 2 apply to a given
    /// size or rate (--size, --bpp, --kbps), where their quality is far below level 3. With --psnr or
    /// --quality for a picture, they work like 3: fewer passes would only make files larger.
    ///
    /// Larger pictures get fewer passes, so that the time stays the same, but at least as many as at level 1;
    /// a note says so.
    #[arg(long, value_name = "1..9", default_value_t = 5, help_heading = FIT)]
    #[arg(value_parser = values::listed(EFFORTS, values::whole(1..=9u8)), hide_possible_values = true)]
    pub(super) effort: u8,
    /// Device that runs the fit: auto, cpu, cuda or cuda:I
    ///
    /// Splines are fitted on the CPU. For networks, auto uses a GPU if one is usable and the fit would take
    /// the CPU longer than opening it (3 s), else the CPU; -v says which and why. A device that is named
    /// explicitly and is not usable is an error.
    #[arg(long, value_name = "DEVICE", default_value = "auto", help_heading = FIT)]
    #[arg(value_parser = values::devices(), hide_possible_values = true)]
    pub(super) device: Device,
    /// Number of threads; changes the time, not the bytes [default: all]
    #[arg(long, value_name = "N", value_parser = values::threads, help_heading = FIT)]
    pub(super) threads: Option<std::num::NonZeroU16>,
    /// Seed of all random numbers
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = values::whole(0..=u64::MAX), help_heading = FIT)]
    pub(super) seed: u64,
    /// Time limit in seconds; the bytes then depend on the speed of the machine [default: no limit]
    ///
    /// Reading, rendering and verifying count too, but are never shortened.
    #[arg(long, value_name = "S", value_parser = values::seconds, help_heading = FIT)]
    pub(super) time_limit: Option<Duration>,

    /// Weight of the squared gradient error relative to the squared value error, 0 to 1000
    ///
    /// It applies to the fit and to quantization. The gradient is in unit values per native sample: at weight
    /// 1, errors of a wavelength of 6.3 samples (1 radian of phase per sample) count twice. Any weight above
    /// 0 doubles the time. 0.1 is a good choice: at 1 to 3 bpp it reduces the gradient error to between a
    /// half and a quarter without loss of PSNR (measure with `sirenc verify INPUT ORIGINAL --derivatives`),
    /// and pictures look better when enlarged.
    #[arg(long, value_name = "LAMBDA", default_value_t = 0.0, value_parser = values::weight, help_heading = DERIVATIVES)]
    pub(super) gradient_weight: f64,
    /// Target gradient: an .npy array as written by `decode --derivative gradient`, with --gradient-weight
    /// [default: central differences of the samples]
    #[arg(long, value_name = "FILE", requires = "gradient_weight", help_heading = DERIVATIVES)]
    pub(super) gradient: Option<PathBuf>,

    #[command(flatten)]
    pub(super) read: ReadArgs,
    #[command(flatten)]
    pub(super) limits: InputLimitArgs,
    #[command(flatten)]
    pub(super) peak: PeakArgs,

    /// Samples per second of a sound in an array, Hz, or of its axis t [default: 48000; of an axis t: unknown]
    #[arg(long, value_name = "HZ", value_parser = values::rate)]
    pub(super) rate: Option<Rate>,
    /// Do not decode the finished bytes and compare them with the source
    #[arg(long)]
    pub(super) no_verify: bool,
    /// Drop ICC, Exif and XMP blocks, colour and resolution chunks of PNG, and tags of WAV
    #[arg(long)]
    pub(super) no_metadata: bool,
    /// Keep colours of fully transparent pixels: fit and count them like all others
    ///
    /// By default they are replaced by smooth colours, which cost almost nothing, and PSNR measures what is
    /// visible: the squared error of a colour is weighted by its alpha.
    #[arg(long)]
    pub(super) keep_invisible: bool,
    /// Print one JSON object on standard output instead of the summary; --help lists its keys
    #[arg(long)]
    pub(super) json: bool,
    /// Overwrite an existing output
    #[arg(short, long)]
    pub(super) force: bool,
    /// No progress and no summary
    #[arg(short, long, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Print details: the device, the kind of field, the networks, the steps
    #[arg(short, long)]
    pub(super) verbose: bool,
}

impl Args {
    /// The options of the library, except those that depend on the input.
    pub(super) fn options(&self) -> EncodeOptions {
        EncodeOptions::default()
            .target(self.target())
            .field(match self.field {
                FieldArg::Auto => FieldKind::Auto,
                FieldArg::Siren => FieldKind::Siren,
                FieldArg::Spline => FieldKind::Spline,
            })
            .effort(self.effort)
            .seed(self.seed)
            .threads(self.threads.map(|n| usize::from(n.get())))
            .time_limit(self.time_limit)
            .weights(match self.weights {
                Weights::Quantized => WeightCoding::Quantized,
                Weights::F16 => WeightCoding::Half,
                Weights::F32 => WeightCoding::Single,
            })
            .metadata(!self.no_metadata)
            .keep_invisible(self.keep_invisible)
            .device(self.device)
            .limits(self.limits.limits())
            .gradient_weight(self.gradient_weight)
    }
    pub(super) fn target(&self) -> Target {
        if let (Some(layers), Some(width)) = (self.layers, self.width) {
            return Target::Shape { layers: layers as usize, width: width as usize };
        }
        let given = [
            self.bpp.map(Target::BitsPerPosition),
            self.size.map(Target::Bytes),
            self.psnr.map(Target::Psnr),
            self.nrmse.map(Target::Nrmse),
            self.quality.map(Target::Quality),
            self.kbps.map(Target::Kbps),
        ];
        given.into_iter().flatten().next().unwrap_or(EncodeOptions::default().target)
    }
    /// Whether reports are JSON.
    pub(super) fn is_json(&self) -> bool {
        self.json || self.jsonl
    }
    /// The file to write for `input`.
    pub(super) fn output_path(&self, input: &Path) -> PathBuf {
        match &self.output {
            Some(path) => path.clone(),
            None if input::is_stdin(input) => "-".into(),
            None => {
                let name = match input::split(input) {
                    (file, Some(variable)) => file.with_extension(format!("{variable}.siren")),
                    (file, None) => file.with_extension("siren"),
                };
                let elsewhere = self.output_dir.as_ref().zip(name.file_name());
                elsewhere.map_or(name.clone(), |(directory, name)| directory.join(name))
            }
        }
    }
}
