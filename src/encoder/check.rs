//! Validates signal and options.

use super::options::{EncodeOptions, Target, WeightCoding};
use crate::error::{Error, Result};
use crate::signal::source::{read, whole};
use crate::signal::{Description, Kind, SampleFormat, Samples, Scan, Source};

/// Rejects signals and options that cannot be fitted, before any work; whether samples are missing.
pub(super) fn check(signal: &dyn Source, options: &EncodeOptions) -> Result<bool> {
    let description = signal.description();
    let missing = check_samples(signal)?;
    if let Some(peak) = options.peak {
        check_peak(description, peak)?;
    }
    range("effort", options.effort.into(), 1.0, 9.0)?;
    range("gradient_weight", options.gradient_weight, 0.0, 1000.0)?;
    if options.gradient_weight > 0.0 && missing {
        let detail = "set for a signal with missing samples, whose gradient is not known beside them";
        return Err(Error::parameter("gradient_weight", detail));
    }
    if let Some(gradient) = &options.gradient {
        check_gradient(description, options.gradient_weight, gradient)?;
    }
    check_target(description, options.target)?;
    if options.weights != WeightCoding::Quantized && !matches!(options.target, Target::Shape { .. }) {
        return Err(Error::parameter(
            "weights",
            "f16 and f32 store one network as trained, expected only with layers and width",
        ));
    }
    Ok(missing)
}

/// Rejects a number outside `low..=high`, and NaN.
fn range(name: &'static str, value: f64, low: f64, high: f64) -> Result<()> {
    let detail = format!("{value:?}, expected {low:?} to {high:?}");
    if (low..=high).contains(&value) { Ok(()) } else { Err(Error::parameter(name, detail)) }
}

/// Rejects samples that are not those of the description, infinite, or all missing; whether some are missing.
fn check_samples(signal: &dyn Source) -> Result<bool> {
    let description = signal.description();
    let error = |detail| Err(Error::parameter("signal", detail));
    if description.samples() == 0 {
        return error(format!("no samples, size {:?}", description.lengths()));
    }
    if description.format != SampleFormat::F32 {
        // A box of one position shows whether samples are as described.
        let first: Vec<_> = whole(description).iter().map(|_| 0..1).collect();
        return read(signal, &first).map(|_| false);
    }
    let (mut before, mut missing) = (0, 0);
    for samples in Scan::of(signal) {
        let samples = samples?;
        let Samples::F32(values) = &*samples else { continue };
        if let Some(at) = values.iter().position(|sample| sample.is_infinite()) {
            let (number, sample) = (before + at as u64, values[at]);
            return error(format!("sample {number} is {sample}, expected finite values, or NaN if missing"));
        }
        before += values.len() as u64;
        missing += values.iter().filter(|sample| sample.is_nan()).count() as u64;
    }
    match missing {
        all if all == before => error(format!("all {all} samples are missing")),
        some => Ok(some > 0),
    }
}

/// Rejects a peak that is not positive, or one of integer samples.
fn check_peak(description: &Description, peak: f64) -> Result<()> {
    let detail = match description.format {
        SampleFormat::F32 if peak > 0.0 && peak.is_finite() => return Ok(()),
        SampleFormat::F32 => format!("{peak:?}, expected a positive number"),
        _ => "set for integer samples, whose peak is the full range of their format".into(),
    };
    Err(Error::parameter("peak", detail))
}

/// Rejects a target out of its range, or of another kind of signal.
fn check_target(description: &Description, target: Target) -> Result<()> {
    match target {
        Target::BitsPerPosition(bpp) => range("bpp", bpp, 1e-6, 1e6),
        Target::Bytes(bytes) => range("size", bytes as f64, 1.0, 1e15),
        Target::Kbps(kbps) if description.kind() == Kind::Sound => range("kbps", kbps, 1e-3, 1e6),
        Target::Kbps(_) => {
            Err(Error::parameter("kbps", "set for a signal without sound, expected only for sound"))
        }
        Target::Psnr(db) => range("psnr", db, 1.0, 120.0),
        Target::Nrmse(nrmse) if description.has_own_range() => range("nrmse", nrmse, 1e-6, 1.0),
        Target::Nrmse(_) => {
            let (kind, format) = (description.kind(), description.format);
            let detail =
                format!("set for a {kind:?} of {format:?}, expected binary32 samples, a volume or a field");
            Err(Error::parameter("nrmse", detail))
        }
        Target::Quality(quality) => range("quality", quality, 0.0, 100.0),
        Target::Shape { layers, width } => {
            range("layers", layers as f64, 1.0, 64.0)?;
            range("width", width as f64, 1.0, 4096.0)
        }
    }
}

/// Rejects a supplied gradient of the wrong length, with non-finite numbers, or with weight 0.
fn check_gradient(description: &Description, weight: f64, gradient: &[f32]) -> Result<()> {
    let samples = description.positions().saturating_mul(description.channels.into());
    let expected = samples.saturating_mul(description.axes.len() as u64);
    let detail = if gradient.len() as u64 != expected {
        format!("{} numbers, expected {expected}", gradient.len())
    } else if let Some(at) = gradient.iter().position(|slope| !slope.is_finite()) {
        format!("number {at} is {}, expected finite numbers", gradient[at])
    } else if weight == 0.0 {
        "without effect: gradient_weight is 0".into()
    } else {
        return Ok(());
    };
    Err(Error::parameter("gradient", detail))
}
