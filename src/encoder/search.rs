//! Rate control: from a target to the number of parameters and the quantizer's one number.

use super::plan::BITS_PER_PARAMETER;
use super::session::{Finished, Fit, Session};
use crate::container::{Networks, QuantizedNetwork, quantized_size};
use crate::error::{Error, Result};
use crate::signal::Tiles;

/// What a search ends with.
pub(crate) struct Outcome {
    pub finished: Finished,
    pub fit: Fit,
    /// Whether the target was reached.
    pub reached: bool,
}

/// The added error per parameter at the usual trade between more parameters and finer ones: together a third of what
/// the fit itself leaves.
pub(crate) fn usual_delta(fit: &Fit) -> f64 {
    0.3 * fit.error.max(1e-12) / fit.parameters() as f64
}

impl Session<'_> {
    /// The bytes of the smallest file for this signal, one tile, about.
    pub fn smallest(&self) -> Result<u64> {
        Ok(self.overhead(&Tiles::one(&self.signal.description))? + 8)
    }
}

/// A file of at most `limit` bytes and nearly as many.
pub(crate) fn to_bytes(session: &Session<'_>, limit: u64, passes: f64) -> Result<Outcome> {
    let smallest = session.smallest()?;
    if limit < smallest {
        return Err(Error::parameter(
            "size",
            format!(
                "{limit} bytes for the whole file, this signal and its metadata need at least {smallest}"
            ),
        ));
    }
    let bits = 8.0 * (limit - session.overhead(&Tiles::one(&session.signal.description))?) as f64;
    let fit = session.fit(bits / BITS_PER_PARAMETER, passes)?;
    let room = limit.saturating_sub(session.overhead(&fit.tiles)?);
    let networks = quantize_into(session, &fit, room);
    let finished = session.finish(&fit.tiles, Networks::Quantized(networks))?;
    let reached = finished.bytes.len() as u64 <= limit;
    Ok(Outcome { finished, fit, reached })
}

/// Quantized networks of at most `room` bytes and at least 97 % of it where the fit allows.
fn quantize_into(session: &Session<'_>, fit: &Fit, room: u64) -> Vec<QuantizedNetwork> {
    // Compensation and refits move the size by less than a percent: aim a little below, then correct once or twice.
    let mut delta = delta_for_size(fit, room as f64 * 0.99);
    let mut best: Option<(u64, Vec<QuantizedNetwork>)> = None;
    for _ in 0..3 {
        let networks = session.quantize(fit, delta);
        let size = quantized_size(&networks);
        let better = best.as_ref().is_none_or(|(largest, _)| size > *largest);
        if size <= room && better {
            best = Some((size, networks));
        }
        if size <= room && (size as f64 >= 0.975 * room as f64 || session.meter.stopped()) {
            break;
        }
        // Half a bit per parameter for each factor of two in delta.
        delta *= 2f64.powf(2.0 * 8.0 * (size as f64 - 0.988 * room as f64) / fit.parameters() as f64);
    }
    match best {
        Some((_, networks)) => networks,
        None => fit.rounded(delta_for_size(fit, room as f64)),
    }
}

/// The delta at which plainly rounded networks take at most `size` bytes, by bisection.
fn delta_for_size(fit: &Fit, size: f64) -> f64 {
    let usual = usual_delta(fit);
    let (mut fine, mut coarse) = (usual * 1e-9, usual * 1e9);
    for _ in 0..24 {
        let middle = (fine * coarse).sqrt();
        if quantized_size(&fit.rounded(middle)) as f64 <= size {
            coarse = middle;
        } else {
            fine = middle;
        }
    }
    coarse
}

/// How much PSNR quantization at the usual delta costs, dB, about.
const QUANTIZATION_LOSS: f64 = 0.35;
/// PSNR gained per doubling of the parameters, dB, about.
const PER_DOUBLING: f64 = 2.0;
/// Parameters per sample beyond which a network no longer saves anything over the samples.
const MOST_PARAMETERS_PER_SAMPLE: f64 = 1.0;

/// A file within 0.1 dB of `db`, refitting with other sizes as often as needed and sensible.
pub(crate) fn to_psnr(session: &Session<'_>, db: f64, passes: f64) -> Result<Outcome> {
    let mut parameters = probe_parameters(session, db, passes)?;
    let most = most_parameters(session);
    let mut best: Option<Outcome> = None;
    for _ in 0..4 {
        let fit = session.fit(parameters, passes)?;
        let outcome = quantize_to_psnr(session, fit, db)?;
        let got = outcome.finished.psnr_db;
        let headroom = psnr_db(session, outcome.fit.error) - db;
        let closer = best.as_ref().is_none_or(|b| (got - db).abs() < (b.finished.psnr_db - db).abs());
        let reached = outcome.reached;
        if closer {
            best = Some(outcome);
        }
        if reached || session.meter.stopped() || (headroom < 0.0 && parameters >= most) {
            break;
        }
        parameters = (parameters * 2f64.powf((QUANTIZATION_LOSS - headroom) / PER_DOUBLING)).min(most);
    }
    best.ok_or_else(|| Error::parameter("psnr", format!("{db}")))
}

/// A file near `db` with one fit.
pub(crate) fn near_psnr(session: &Session<'_>, db: f64, passes: f64) -> Result<Outcome> {
    let parameters = probe_parameters(session, db, passes)?;
    let fit = session.fit(parameters, passes)?;
    let mut outcome = quantize_to_psnr(session, fit, db)?;
    outcome.reached = true;
    Ok(outcome)
}

/// The parameters that reach `db` after a full fit, from short fits.
fn probe_parameters(session: &Session<'_>, db: f64, passes: f64) -> Result<f64> {
    /// Work of a probe relative to the fit, and what the rest of the work gains, dB.
    const WORK: f64 = 0.06;
    const GAIN: f64 = 1.6;
    let samples =
        session.signal.description.positions() as f64 * f64::from(session.signal.description.channels);
    let most = most_parameters(session);
    let mut parameters = (0.03 * samples).clamp(40.0, most);
    for _ in 0..3 {
        let probe = session.fit(parameters, WORK * passes)?;
        let missing = db + QUANTIZATION_LOSS - psnr_db(session, probe.error) - GAIN;
        parameters = (parameters * 2f64.powf((missing / PER_DOUBLING).clamp(-4.0, 3.0))).clamp(40.0, most);
        if missing.abs() < 1.5 || session.meter.stopped() {
            break;
        }
    }
    Ok(parameters)
}

fn most_parameters(session: &Session<'_>) -> f64 {
    let description = &session.signal.description;
    let samples = description.positions() as f64 * f64::from(description.channels);
    (MOST_PARAMETERS_PER_SAMPLE * samples).max(40.0)
}

/// Finds the delta whose file decodes to `db`; coarser steps cost PSNR, finer ones only approach the fit's own.
fn quantize_to_psnr(session: &Session<'_>, fit: Fit, db: f64) -> Result<Outcome> {
    let allowed = 10f64.powf(-db / 10.0) * samples(session);
    let mut delta = ((allowed - fit.error) / fit.parameters() as f64).max(0.1 * usual_delta(&fit));
    let mut best: Option<Finished> = None;
    for _ in 0..5 {
        let networks = session.quantize(&fit, delta);
        let finished = session.finish(&fit.tiles, Networks::Quantized(networks))?;
        let error = 10f64.powf(-finished.psnr_db / 10.0) * samples(session);
        let missing = db - finished.psnr_db;
        if best.as_ref().is_none_or(|b| missing.abs() < (b.psnr_db - db).abs()) {
            best = Some(finished);
        }
        if missing.abs() <= 0.08 || session.meter.stopped() {
            break;
        }
        // What quantization really added, per delta, tells the next delta.
        let added = (error - fit.error).max(0.05 * error);
        let factor = ((allowed - fit.error) / added).clamp(0.05, 8.0);
        if factor < 0.06 {
            break;
        }
        delta *= factor;
    }
    let finished = best.expect("at least one try");
    let reached = (finished.psnr_db - db).abs() <= 0.1;
    Ok(Outcome { finished, fit, reached })
}

fn samples(session: &Session<'_>) -> f64 {
    session.signal.description.positions() as f64 * f64::from(session.signal.description.channels)
}

/// The PSNR of a summed squared error in unit values, dB.
fn psnr_db(session: &Session<'_>, error: f64) -> f64 {
    -10.0 * (error / samples(session)).max(1e-15).log10()
}
