//! signal → fit → quantize → container.
//!
//! [`encode`] validates, decides the kind of field, normalises the signal to the range that fields are fitted
//! in, and chooses a device. Splines: `spline` trains towards the target. Sine networks: a recipe fits and
//! quantizes at a given capacity; the search in `rate` finds the capacity and precision that meet the target.

mod afford;
mod budget;
mod check;
mod constant;
mod finish;
mod forecast;
mod invisible;
mod keep;
mod kind;
mod missing;
mod note;
mod options;
mod plan;
mod progress;
mod rate;
mod recipe;
mod report;
mod session;
mod spline;
mod tuning;
mod units;

pub use note::Note;
pub use options::{
    EncodeOptions, FieldKind, Flow, Phase, Progress, Target, WeightCoding, quality_bits_per_sample,
    quality_psnr_db,
};
pub use report::{Encoded, Report};

use crate::backend::Opened;
use crate::backend::simd::Level;
use crate::backend::trainer::Trainer;
use crate::error::{Error, Result};
use crate::fit::Cpu;
use crate::ieee::ieee;
use crate::signal::{Signal, Source};
use progress::Meter;
use recipe::Siren;
use session::Session;
use std::time::Instant;
use units::Normalised;

/// Fits `signal` and returns the finished file.
///
/// By default pictures are stored as splines and sounds as sine networks, see [`FieldKind::Auto`].
///
/// Splines are fitted on the CPU. For networks, `Device::Auto` uses a GPU if one is usable and the fit would
/// take the CPU longer than a GPU takes to be opened, and otherwise the CPU; it also falls back to the CPU if
/// the GPU fails during the encode.
///
/// The same signal, seed, device kind and options give the same bytes at one instruction level, whatever the
/// number of threads, unless a time limit is set or an observer ends the fit. Instruction levels round the
/// gradients of the fit differently, so each finds different parameters; the samples that a file decodes to
/// do not depend on the level.
///
/// Binary32 samples may be in any unit: they are fitted relative to their range, which the file records.
/// Constant signals are stored exactly, whatever the target. Samples of binary32 that are NaN are missing: the file
/// records exactly which, the fit leaves them out, and PSNR is that of the samples that exist.
///
/// # Errors
/// `Parameter` for invalid options or signals (infinite samples, or all of them missing), `TooSmall` for a size below the smallest file of
/// the signal, `Limit` if the encode needs more than `options.limits` allow, `Device` for an unusable device.
///
/// # Examples
/// ```
/// use sirenc::signal::{Description, SampleFormat, Samples, Signal};
/// use sirenc::{EncodeOptions, Target, encode};
///
/// # fn main() -> sirenc::Result<()> {
/// let samples: Vec<u8> = (0..32 * 24).map(|i| (i % 32 * 8) as u8).collect();
/// let signal = Signal {
///     description: Description::picture([32, 24], 1, SampleFormat::U8),
///     samples: Samples::U8(samples),
///     metadata: vec![],
/// };
/// let options = EncodeOptions::default().target(Target::Psnr(30.0)).effort(1);
/// let encoded = encode(&signal, &options)?;
/// assert!(encoded.report.psnr_db > 29.9);
/// # Ok(())
/// # }
/// ```
pub fn encode(signal: &Signal, options: &EncodeOptions) -> Result<Encoded> {
    encode_with_progress(signal, options, &|_| Flow::Continue)
}

/// Fits `signal` like [`encode`] and reports progress to `observe`, which is called from worker threads about
/// ten times a second and may end the fit early with the best field so far.
///
/// # Errors
/// The errors of [`encode`].
///
/// # Examples
/// ```
/// use sirenc::signal::{Description, SampleFormat, Samples, Signal};
/// use sirenc::{EncodeOptions, Flow, Target, encode_with_progress};
///
/// # fn main() -> sirenc::Result<()> {
/// let samples: Vec<u8> = (0..32 * 24).map(|i| (i % 32 * 8) as u8).collect();
/// let signal = Signal {
///     description: Description::picture([32, 24], 1, SampleFormat::U8),
///     samples: Samples::U8(samples),
///     metadata: vec![],
/// };
/// let options = EncodeOptions::default().target(Target::Bytes(400)).effort(9);
/// // Half of the work is enough here.
/// let encoded = encode_with_progress(&signal, &options, &|progress| {
///     if progress.done > 0.5 { Flow::Finish } else { Flow::Continue }
/// })?;
/// assert!(encoded.bytes.len() <= 400);
/// # Ok(())
/// # }
/// ```
pub fn encode_with_progress(
    signal: &Signal,
    options: &EncodeOptions,
    observe: &(dyn Fn(&Progress) -> Flow + Sync),
) -> Result<Encoded> {
    encode_source(signal, options, observe)
}

/// Fits a signal that is read box by box like [`encode_with_progress`], to the same bytes. Sine networks need the boxes
/// of the tiles that are trained at a time; splines, pictures with alpha, and signals with missing samples need all
/// samples.
///
/// # Errors
/// The errors of [`encode`] and those of reading.
///
/// # Examples
/// ```
/// use sirenc::signal::{Description, Metadata, SampleFormat, Samples, Source};
/// use sirenc::{EncodeOptions, Flow, Target, encode_source};
/// use std::borrow::Cow;
/// use std::ops::Range;
///
/// /// A ramp that is computed where it is read.
/// struct Ramp(Description);
///
/// impl Source for Ramp {
///     fn description(&self) -> &Description {
///         &self.0
///     }
///     fn metadata(&self) -> &[Metadata] {
///         &[]
///     }
///     fn read(&self, region: &[Range<u32>]) -> sirenc::Result<Cow<'_, Samples>> {
///         let [columns, rows] = region else { unreachable!("two axes") };
///         let row = |y| columns.clone().map(move |x| (x + y) as u8);
///         Ok(Cow::Owned(Samples::U8(rows.clone().flat_map(row).collect())))
///     }
///     fn resident_bytes(&self) -> u64 {
///         0
///     }
/// }
///
/// # fn main() -> sirenc::Result<()> {
/// let ramp = Ramp(Description::picture([32, 24], 1, SampleFormat::U8));
/// let options = EncodeOptions::default().target(Target::Psnr(30.0)).effort(1);
/// let encoded = encode_source(&ramp, &options, &|_| Flow::Continue)?;
/// assert!(encoded.report.psnr_db > 29.9);
/// # Ok(())
/// # }
/// ```
pub fn encode_source(
    signal: &dyn Source,
    options: &EncodeOptions,
    observe: &(dyn Fn(&Progress) -> Flow + Sync),
) -> Result<Encoded> {
    let has_missing = check::check(signal, options)?;
    let options = &EncodeOptions { field: kind::decide(signal, has_missing, options)?, ..options.clone() };
    // Worker threads inherit the floating-point settings of the host.
    ieee(|| {
        let source = signal;
        let (missing, filled) = if has_missing { missing::filled(signal)? } else { (None, None) };
        let signal = filled.as_ref().map_or(signal, |filled| filled as &dyn Source);
        let smoothed = invisible::smoothed(signal, options)?;
        let signal = smoothed.as_ref().map_or(signal, |smoothed| smoothed as &dyn Source);
        match constant::encode(signal, missing.as_ref(), options)? {
            Some(encoded) => Ok(encoded),
            None => {
                let mut normalised = Normalised::of(signal, options)?;
                if missing.is_some() {
                    (normalised.source, normalised.missing) = (source, missing);
                }
                fitted(&normalised, observe)
            }
        }
    })
}

/// Encodes a signal that needs a fit, on a device or on the CPU.
fn fitted(normalised: &Normalised<'_>, observe: &(dyn Fn(&Progress) -> Flow + Sync)) -> Result<Encoded> {
    let observe = |progress: &Progress| {
        observe(&Progress { psnr_db: normalised.source_db(progress.psnr_db), ..*progress })
    };
    let options = &*normalised.options;
    let deadline = options.time_limit.and_then(|limit| Instant::now().checked_add(limit));
    let pool = pool(options.threads)?;
    let meter = || Meter::new(&observe, deadline);
    let on = |trainer: &dyn Trainer, cpu_reason| {
        let session = Session::new(normalised, meter(), Level::best(), trainer);
        pool.install(|| run(&session, cpu_reason))
    };
    let cpu = Cpu { level: Level::best() };
    if options.field == FieldKind::Spline {
        let cpu_reason = options.device.cpu_alone("fields of splines are fitted on the CPU")?;
        let session = Session::new(normalised, meter(), Level::best(), &cpu).in_memory()?;
        return pool.install(|| Ok(report::report(&session, spline::encode(&session)?, cpu_reason)));
    }
    let on_cpu = || {
        let session = Session::new(normalised, meter(), Level::best(), &cpu);
        pool.install(|| session.foresee())
    };
    let Opened { accelerator, mut cpu_reason } = options.device.open_for(on_cpu)?;
    if let Some(accelerator) = accelerator {
        match on(&*accelerator, None) {
            Err(error) => cpu_reason = Some(options.device.fall_back(error)?),
            encoded => return encoded,
        }
    }
    on(&cpu, cpu_reason)
}

/// Runs one encode: finds capacity and precision for the target, then writes the report.
fn run(session: &Session<'_>, cpu_reason: Option<String>) -> Result<Encoded> {
    session.measure_speed();
    let outcome = rate::search(&Siren::new(session))?;
    Ok(report::report(session, outcome, cpu_reason))
}

fn pool(threads: Option<usize>) -> Result<rayon::ThreadPool> {
    let threads = threads.map_or(0, |threads| threads.min(most_threads()));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(|e| Error::parameter("threads", format!("{threads}: {e}")))
}

/// The largest useful number of threads: four for each core of this machine.
pub fn most_threads() -> usize {
    std::thread::available_parallelism().map_or(4, |cores| 4 * cores.get())
}
