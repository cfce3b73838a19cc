//! signal → fit → quantize → container.

mod afford;
mod constant;
#[cfg(feature = "cuda")]
mod device;
mod forecast;
mod invisible;
mod meter;
mod options;
mod pace;
mod plan;
mod psnr;
mod session;
mod size;
mod units;

pub use options::*;

#[cfg(feature = "cuda")]
use crate::backend::{self, Device};
use crate::container::Networks;
use crate::error::{Error, Result};
use crate::ieee::ieee;
use crate::signal::metric::WorstTile;
use crate::signal::{Description, Kind, SampleFormat, Samples, Signal, Tiles};
#[cfg(feature = "cuda")]
use device::Gpu;
use meter::Meter;
use session::Session;
use size::Outcome;
use std::time::Instant;
use units::Normalised;

/// Fits `signal` and returns the finished file. `observe` is called from worker threads, about ten times a second.
///
/// `Device::Auto` takes a usable GPU and otherwise the CPU, also when the GPU fails while it works.
///
/// The same signal, seed, device kind and options give the same bytes at one instruction level, whatever the number of
/// threads, unless a time limit is set or the observer ends the fit. Levels round the gradients of the fit differently,
/// so each finds parameters of its own; what a file decodes to does not depend on them.
///
/// Binary32 samples may be in any unit: they are fitted over their range, which the file says. Constants are exact, whatever
/// the target.
///
/// # Errors
/// `Parameter` for impossible options or signals (NaN samples), `TooSmall` for a size below that of any file of the signal,
/// `Device` for an unusable device.
pub fn encode(
    signal: &Signal,
    options: &EncodeOptions,
    observe: &(dyn Fn(&Progress) -> Flow + Sync),
) -> Result<Encoded> {
    check(signal, options)?;
    // Threads inherit what the host has set.
    ieee(|| encode_checked(signal, options, observe))
}

/// [`encode`], of a signal and options that are possible.
fn encode_checked(
    signal: &Signal,
    options: &EncodeOptions,
    observe: &(dyn Fn(&Progress) -> Flow + Sync),
) -> Result<Encoded> {
    let smoothed = invisible::smoothed(signal, options)?;
    let signal = smoothed.as_ref().unwrap_or(signal);
    if let Some(encoded) = constant::encode(signal, options)? {
        return Ok(encoded);
    }
    let normalised = Normalised::of(signal, options);
    let observe = |progress: &Progress| {
        observe(&Progress { psnr_db: normalised.source_db(progress.psnr_db), ..*progress })
    };
    let deadline = options.time_limit.and_then(|limit| Instant::now().checked_add(limit));
    let threads = options.threads.map_or(0, |threads| threads.min(most_threads()));
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|e| Error::parameter("threads", format!("{threads}: {e}")))?;
    let meter = || Meter::new(&observe, deadline);
    #[cfg(feature = "cuda")]
    let reason = match options.device.open()? {
        Ok(cuda) => {
            let session = Session { gpu: Some(Gpu::new(&cuda)), ..Session::new(&normalised, meter()) };
            match pool.install(|| run(&session, None)) {
                Err(error @ Error::Device { .. }) if options.device == Device::Auto => {
                    Some(backend::reason(&error))
                }
                result => return result,
            }
        }
        Err(reason) => reason,
    };
    #[cfg(not(feature = "cuda"))]
    let reason = options.device.open()?;
    let session = Session::new(&normalised, meter());
    pool.install(|| run(&session, reason))
}

/// The most threads that are of use: four for each core of this machine.
pub fn most_threads() -> usize {
    std::thread::available_parallelism().map_or(4, |cores| 4 * cores.get())
}

/// One encode on the session's device, which is the CPU for `cpu_reason`.
fn run(session: &Session<'_>, cpu_reason: Option<String>) -> Result<Encoded> {
    let outcome = aim(session)?;
    Ok(report(session, outcome, cpu_reason))
}

/// Fits, quantizes and assembles for the target.
fn aim(session: &Session<'_>) -> Result<Outcome> {
    let description = &session.signal.description;
    let positions = description.positions() as f64;
    session.foresee();
    let passes =
        session.affordable(plan::passes(session.options.target, description, session.options.effort));
    match session.options.target {
        target @ (Target::Bytes(_) | Target::BitsPerPosition(_) | Target::Kbps(_)) => {
            size::to_bytes(session, target.limit(description), passes)
        }
        Target::Psnr(db) => psnr::to_psnr(session, session.normalised.fitted_db(db), passes),
        Target::Quality(quality) if description.kind == Kind::Sound => {
            let bits = quality_bits_per_sample(quality) * positions * f64::from(description.channels);
            size::to_bytes(session, ((bits / 8.0) as u64).max(session.smallest()?), passes)
        }
        Target::Quality(quality) => psnr::near_quality(session, quality, passes),
        Target::Shape { layers, width } => {
            let shape = crate::network::Shape {
                inputs: description.lengths.len(),
                outputs: usize::from(description.channels),
                layers,
                width,
            };
            session.meter.plan(session.stages(passes));
            let fit = session.fit_shapes(Tiles::one(description), &[shape], passes, 1.0)?;
            let networks = match session.options.weights {
                WeightCoding::Quantized => {
                    Networks::Quantized(session.quantize(&fit, size::usual_delta(&fit))?)
                }
                _ => session.lossless(&fit)?,
            };
            let finished = session.finish(&fit.tiles, networks)?;
            Ok(Outcome { finished, fit, reached: true, notes: vec![] })
        }
    }
}

/// What a file has to be closer to its signal by than the mean of it, dB, or it is said.
const LITTLE_GAIN: f64 = 3.0;

fn report(session: &Session<'_>, outcome: Outcome, cpu_reason: Option<String>) -> Encoded {
    let mut notes = outcome.notes;
    let gain_db = outcome.finished.gain_db;
    if gain_db < LITTLE_GAIN && !notes.contains(&Note::MeanAlone) {
        notes.push(Note::LittleGain { gain_db });
    }
    notes.extend(plan_notes(session, outcome.finished.bytes.len() as u64));
    let shapes = || outcome.fit.networks.iter().map(|fitted| fitted.network.shape());
    Encoded {
        bytes: outcome.finished.bytes,
        report: Report {
            steps: session.meter.steps(),
            parameters: outcome.fit.parameters() as u64,
            tiles: outcome.fit.tiles.len() as u64,
            layers: shapes().map(|s| s.layers).max().unwrap_or(0),
            width: shapes().map(|s| s.width).max().unwrap_or(0),
            psnr_db: session.normalised.source_db(outcome.finished.psnr_db),
            fit_psnr_db: session.normalised.source_db(session.psnr_db(outcome.fit.error)),
            peak: session.normalised.peak,
            reached: outcome.reached,
            worst_tile: outcome
                .finished
                .worst_tile
                .map(|worst| WorstTile { psnr_db: session.normalised.source_db(worst.psnr_db), ..worst }),
            notes,
            interrupted: session.meter.interrupted(),
            device: device_name(session),
            cpu_reason,
        },
    }
}

/// What is to be said of the work and of the size of the file.
fn plan_notes(session: &Session<'_>, bytes: u64) -> Vec<Note> {
    let EncodeOptions { target, effort, .. } = *session.options;
    let description = &session.signal.description;
    let mut notes = vec![];
    let (passes, usual) =
        (plan::passes(target, description, effort), plan::usual_passes(target, description.kind, effort));
    // A time limit decides by itself.
    if passes < usual && session.options.time_limit.is_none() {
        notes.push(Note::FewerPasses { passes, usual });
    }
    let samples = session.signal.samples.len() as u64 * u64::from(description.format.bits()) / 8;
    let asked = matches!(target, Target::Psnr(_) | Target::Quality(_));
    // The header of a tiny file is larger than its few samples.
    if asked && bytes > samples.max(256) {
        notes.push(Note::LargerThanSamples { samples });
    }
    notes
}

fn device_name(session: &Session<'_>) -> String {
    #[cfg(feature = "cuda")]
    if let Some(gpu) = &session.gpu {
        return gpu.cuda.to_string();
    }
    let threads = rayon::current_num_threads();
    format!("cpu ({}, {threads} thread{})", session.level.name(), if threads == 1 { "" } else { "s" })
}

/// Refuses a gradient that is not that of such a signal, or that nothing asks for.
fn check_gradient(description: &Description, weight: f64, gradient: &[f32]) -> Result<()> {
    let samples = description.positions().saturating_mul(description.channels.into());
    let expected = samples.saturating_mul(description.lengths.len() as u64);
    let detail = if gradient.len() as u64 != expected {
        format!("{} numbers, expected {expected}", gradient.len())
    } else if let Some(at) = gradient.iter().position(|slope| !slope.is_finite()) {
        format!("number {at} is {}, expected finite ones", gradient[at])
    } else if weight == 0.0 {
        "of no weight: gradient_weight is 0".into()
    } else {
        return Ok(());
    };
    Err(Error::parameter("gradient", detail))
}

/// Refuses what cannot be fitted, before any work.
fn check(signal: &Signal, options: &EncodeOptions) -> Result<()> {
    let description = &signal.description;
    let expected = description.positions().saturating_mul(description.channels.into());
    if signal.samples.len() as u64 != expected || expected == 0 {
        return Err(Error::parameter(
            "signal",
            format!("{} samples, expected {expected}", signal.samples.len()),
        ));
    }
    if signal.samples.format() != description.format {
        return Err(Error::parameter(
            "signal",
            format!("{:?} samples in a signal of {:?}", signal.samples.format(), description.format),
        ));
    }
    if let Samples::F32(samples) = &signal.samples
        && let Some(at) = samples.iter().position(|sample| !sample.is_finite())
    {
        let detail = format!("sample {at} is {}, expected finite values", samples[at]);
        return Err(Error::parameter("signal", detail));
    }
    if let Some(peak) = options.peak {
        let detail = match description.format {
            SampleFormat::F32 if peak > 0.0 && peak.is_finite() => None,
            SampleFormat::F32 => Some(format!("{peak:?}, a positive number expected")),
            _ => Some("of integers, which refer to the full range of their format".into()),
        };
        if let Some(detail) = detail {
            return Err(Error::parameter("peak", detail));
        }
    }
    let range = |name, value: f64, low: f64, high: f64| {
        let detail = format!("{value:?}, expected {low:?} to {high:?}");
        if (low..=high).contains(&value) { Ok(()) } else { Err(Error::parameter(name, detail)) }
    };
    range("effort", options.effort.into(), 1.0, 9.0)?;
    range("gradient_weight", options.gradient_weight, 0.0, 1000.0)?;
    if let Some(gradient) = &options.gradient {
        check_gradient(description, options.gradient_weight, gradient)?;
    }
    match options.target {
        Target::BitsPerPosition(bpp) => range("bpp", bpp, 1e-6, 1e6)?,
        Target::Bytes(bytes) => range("size", bytes as f64, 1.0, 1e15)?,
        Target::Kbps(kbps) if description.kind == Kind::Sound => range("kbps", kbps, 1e-3, 1e6)?,
        Target::Kbps(_) => {
            return Err(Error::parameter("kbps", "a rate over time, expected with sound only"));
        }
        Target::Psnr(db) => range("psnr", db, 1.0, 120.0)?,
        Target::Quality(quality) => range("quality", quality, 0.0, 100.0)?,
        Target::Shape { layers, width } => {
            range("layers", layers as f64, 1.0, 64.0)?;
            range("width", width as f64, 1.0, 4096.0)?;
        }
    }
    if options.weights != WeightCoding::Quantized && !matches!(options.target, Target::Shape { .. }) {
        return Err(Error::parameter(
            "weights",
            "f16 and f32 are stored as trained, expected with layers and width",
        ));
    }
    afford::ask(signal, options)
}
