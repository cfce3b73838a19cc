//! Arrays and files → `.siren` files.

use crate::errors::{exception, named, parameter};
use crate::input::{Input, choice};
use crate::verify::distortion;
use crate::work;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use sirenc::signal::{Description, Rate};
use sirenc::{
    Decoder, Device, EncodeOptions, Encoded, Error, FieldKind, Flow, Limits, Phase, Progress, Result, Target,
    encode_source,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Largest difference between the PSNR of the decoded file and that reported by the fit, which sums in another order.
const PSNR_TOLERANCE_DB: f64 = 1e-3;

/// How a signal is read and encoded: a dictionary.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Options {
    target: Option<(String, f64)>,
    field: String,
    effort: u8,
    seed: u64,
    threads: Option<usize>,
    time_limit: Option<f64>,
    metadata: bool,
    keep_invisible: bool,
    gradient_weight: f64,
    max_memory: Option<u64>,
    verify: bool,
    axes: Option<String>,
    variable: Option<String>,
    rate: Option<(u32, u32)>,
}

/// Encodes, and decodes the finished bytes again unless told otherwise. Returns bytes, report and notes about the input.
/// `progress` is called about ten times a second with phase, step, steps, PSNR in dB, the fraction done and seconds
/// left; once it returns false the fit ends with the best field so far.
#[pyfunction]
pub fn encode<'py>(
    py: Python<'py>,
    input: Input<'py>,
    options: Options,
    progress: Option<Py<PyAny>>,
) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyDict>)> {
    let readable = input.readable()?;
    let encoding = options.encoding().map_err(|error| exception(py, error))?;
    let rate = match options.rate {
        Some((numerator, denominator)) => Some(Rate::new(numerator, denominator).ok_or_else(|| {
            let detail =
                format!("{numerator}/{denominator}, expected a positive number of samples per second");
            exception(py, parameter("rate", detail))
        })?),
        None => None,
    };
    let (stop, latest) = (AtomicBool::new(false), Mutex::new(None));
    let watch = |py: Python<'_>| {
        let news: Option<Progress> = latest.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (Some(news), Some(progress)) = (news, &progress) else { return Ok(()) };
        if progress.bind(py).call1(report_of(&news))?.is(pyo3::types::PyBool::new(py, false)) {
            stop.store(true, Ordering::Relaxed);
        }
        Ok(())
    };
    let observe = |progress: &Progress| {
        *latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(*progress);
        if stop.load(Ordering::Relaxed) { Flow::Finish } else { Flow::Continue }
    };
    let choice = choice(options.variable, options.axes);
    let started = Instant::now();
    let work = || {
        let reading = readable.open(&choice, rate, &encoding.limits)?;
        let mut encoding = encoding;
        encoding.time_limit = encoding.time_limit.map(|limit| limit.saturating_sub(started.elapsed()));
        let source = &*reading.source;
        let encoded = encode_source(source, &encoding, &observe)?;
        let mut differs = None;
        if options.verify && !encoded.report.interrupted {
            let limits = encoding.limits.clone().samples(u64::MAX).macs(u64::MAX);
            let decoder = Decoder::from_bytes(&encoded.bytes, &limits)?;
            let distortion = distortion(&decoder, source, options.keep_invisible)?;
            let (found, claimed) =
                (distortion.with_peaks(&encoded.report.peaks).psnr_db(), encoded.report.psnr_db);
            let equal = found == claimed || (found - claimed).abs() <= PSNR_TOLERANCE_DB;
            differs =
                (!equal).then(|| format!("the finished file has {found:.3} dB, the fit had {claimed:.3} dB"));
        }
        Ok((encoded, source.description().clone(), reading.notes, differs))
    };
    let (encoded, description, notes, differs) = work::run(py, &stop, watch, work)?;
    if let Some(differs) = differs {
        return Err(named(py, "VerificationError", &differs));
    }
    let report = report(py, &encoded, &description, notes)?;
    report.set_item("seconds", started.elapsed().as_secs_f64())?;
    Ok((PyBytes::new(py, &encoded.bytes), report))
}

impl Options {
    fn encoding(&self) -> Result<EncodeOptions> {
        let mut limits = Limits::default();
        limits.memory_bytes = self.max_memory.unwrap_or(limits.memory_bytes);
        let time = |seconds| {
            Duration::try_from_secs_f64(seconds)
                .map_err(|_| parameter("time_limit", format!("{seconds:?}, expected seconds")))
        };
        let target = match &self.target {
            None => EncodeOptions::default().target,
            Some((name, value)) => target(name, *value)?,
        };
        Ok(EncodeOptions::default()
            .target(target)
            .field(match &*self.field {
                "auto" => FieldKind::Auto,
                "siren" => FieldKind::Siren,
                "spline" => FieldKind::Spline,
                other => {
                    return Err(parameter("field", format!("{other:?}, expected auto, siren or spline")));
                }
            })
            .effort(self.effort)
            .seed(self.seed)
            .threads(self.threads)
            .time_limit(self.time_limit.map(time).transpose()?)
            .metadata(self.metadata)
            .keep_invisible(self.keep_invisible)
            .gradient_weight(self.gradient_weight)
            .device(Device::Auto)
            .limits(limits))
    }
}

fn target(name: &str, value: f64) -> Result<Target> {
    Ok(match name {
        "psnr" => Target::Psnr(value),
        "bpp" => Target::BitsPerPosition(value),
        "kbps" => Target::Kbps(value),
        "nrmse" => Target::Nrmse(value),
        "quality" => Target::Quality(value),
        "size" if value >= 0.0 => Target::Bytes(value as u64),
        _ => return Err(Error::Parameter { name: "size", detail: format!("{value}, expected bytes") }),
    })
}

fn report_of(progress: &Progress) -> (&'static str, u64, u64, f64, f64, f64) {
    let phase = match progress.phase {
        Phase::Probe => "probe",
        Phase::Fit => "fit",
        _ => "quantize",
    };
    let Progress { step, steps, psnr_db, done, remaining, .. } = *progress;
    (phase, step, steps, psnr_db, done, remaining.as_secs_f64())
}

/// How the file was made, and what its bytes are in relation to the signal.
fn report<'py>(
    py: Python<'py>,
    Encoded { bytes, report, .. }: &Encoded,
    description: &Description,
    mut notes: Vec<String>,
) -> PyResult<Bound<'py, PyDict>> {
    notes.extend(report.notes.iter().map(ToString::to_string));
    let result = PyDict::new(py);
    result.set_item("bytes", bytes.len())?;
    let bits = 8.0 * bytes.len() as f64;
    result.set_item("bpp", bits / description.positions() as f64)?;
    result.set_item("kbps", description.seconds().map(|seconds| bits / 1000.0 / seconds))?;
    result.set_item("psnr_db", report.psnr_db)?;
    result.set_item("nrmse", report.nrmse())?;
    result.set_item("reached", report.reached)?;
    result.set_item("interrupted", report.interrupted)?;
    result.set_item("field", report.field.to_string())?;
    result.set_item("steps", report.steps)?;
    result.set_item("parameters", report.parameters)?;
    result.set_item("tiles", report.tiles)?;
    result.set_item("layers", report.layers)?;
    result.set_item("width", report.width)?;
    result.set_item("device", &report.device)?;
    result.set_item("notes", notes)?;
    Ok(result)
}
