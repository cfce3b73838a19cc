//! Rate control: from a target to the number of parameters and the quantizer's one number.

use super::plan::{self, BITS_PER_PARAMETER};
use super::session::{Finished, Fit, Session};
use crate::container::{self, Networks, QuantizedNetwork, quantized_size, step};
use crate::error::{Error, Result};
use crate::signal::Tiles;

/// The step index that costs nothing to store: what the first ones are differences to.
const FIRST_STEP: i16 = -56;

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
    0.3 * fit.loss.max(1e-12) / fit.parameters() as f64
}

impl Session<'_> {
    /// The bytes of the smallest file for this signal: its mean.
    pub fn smallest(&self) -> Result<u64> {
        let mut bytes = vec![];
        container::write(&self.file(&Tiles::one(&self.signal.description), self.mean()), &mut bytes)?;
        Ok(bytes.len() as u64)
    }

    /// One network of one neuron that gives the mean of the signal everywhere, to about a hundredth.
    fn mean(&self) -> Networks {
        let (samples, channels) = (&self.signal.samples, usize::from(self.signal.description.channels));
        let positions = samples.len() / channels;
        let sum =
            |channel| (0..positions).map(|i| f64::from(samples.get(i * channels + channel))).sum::<f64>();
        let means: Vec<f64> = (0..channels).map(|channel| sum(channel) / positions as f64).collect();
        let peak = means.iter().fold(0f64, |peak, mean| peak.max(mean.abs()));
        let coarser = (8.0 * peak.log2()).ceil().clamp(0.0, 512.0) as i16;
        let steps = vec![(FIRST_STEP, FIRST_STEP), (FIRST_STEP, FIRST_STEP + coarser)];
        let shape = plan::shape(&self.signal.description, 1, 0.0);
        let mut symbols = vec![0; shape.parameters()];
        let biases = symbols.len() - channels..;
        for (symbol, mean) in symbols[biases].iter_mut().zip(means) {
            *symbol = (mean / f64::from(step(steps[1].1))).round() as i32;
        }
        Networks::Quantized(vec![QuantizedNetwork { shape, steps, symbols }])
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
    let one = Tiles::one(&session.signal.description);
    let bits = 8.0 * limit.saturating_sub(session.overhead(&one)?) as f64;
    let fit = session.fit(bits / BITS_PER_PARAMETER, passes, 1.0)?;
    let room = limit.saturating_sub(session.overhead(&fit.tiles)?);
    let networks = quantize_into(session, &fit, room)?;
    let finished = session.finish(&fit.tiles, Networks::Quantized(networks))?;
    if finished.bytes.len() as u64 <= limit {
        return Ok(Outcome { finished, fit, reached: true });
    }
    // Too little room for any rounding of the fit: what always fits is the mean.
    let shape = plan::shape(&session.signal.description, 1, 0.0);
    let fit = session.fit_shapes(one.clone(), &[shape], 0.0, 0.0)?;
    Ok(Outcome { finished: session.finish(&one, session.mean())?, fit, reached: true })
}

/// Quantized networks of at most `room` bytes and at least 97 % of it where the fit allows.
fn quantize_into(session: &Session<'_>, fit: &Fit, room: u64) -> Result<Vec<QuantizedNetwork>> {
    // Compensation and refits move the size by less than a percent: aim a little below, then correct once or twice.
    let mut delta = delta_for_size(fit, room as f64 * 0.99);
    let mut best: Option<(u64, Vec<QuantizedNetwork>)> = None;
    for _ in 0..3 {
        let networks = session.quantize(fit, delta)?;
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
    Ok(match best {
        Some((_, networks)) => networks,
        None => fit.rounded(delta_for_size(fit, room as f64)),
    })
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
/// What refits and compensation leave of the error that plain rounding would add, about.
const COMPENSATED: f64 = 0.4;
/// Parameters per sample beyond which a network saves little over the samples.
const MOST_PARAMETERS_PER_SAMPLE: f64 = 1.0;
/// The fewest parameters that are worth a search.
const FEWEST_PARAMETERS: f64 = 40.0;

/// PSNR over parameters as a line in their logarithm, through what was seen last.
struct Trend {
    /// dB per doubling.
    slope: f64,
    seen: Option<(f64, f64)>,
}

impl Trend {
    /// A slope between that of smooth pictures and that of rough ones.
    fn new() -> Self {
        Trend { slope: 1.4, seen: None }
    }
    /// Parameters that give `wanted` dB, now that so many were seen to give `reached`.
    fn next(&mut self, parameters: f64, reached: f64, wanted: f64) -> f64 {
        if let Some((other, other_reached)) = self.seen.replace((parameters, reached))
            && parameters != other
        {
            self.slope = ((reached - other_reached) / (parameters / other).log2()).clamp(0.6, 3.0);
        }
        parameters * 2f64.powf(((wanted - reached) / self.slope).clamp(-4.0, 3.0))
    }
}

/// A file within 0.1 dB of `db`, refitting with other sizes as often as needed and sensible.
pub(crate) fn to_psnr(session: &Session<'_>, db: f64, passes: f64) -> Result<Outcome> {
    let most = most_parameters(session);
    let Probed { mut parameters, mut trend, probe: mut before } = probe_parameters(session, db, passes)?;
    for attempt in 1.. {
        let fit = fit_after(session, before, parameters, passes)?;
        if session.meter.stopped() {
            return quantize_to_psnr(session, fit, db, 1);
        }
        let headroom = psnr_db(session, fit.error) - db;
        // Too little cannot be quantized, much too much would waste bits: another size, a few times.
        let fits = (0.12..1.0).contains(&headroom) || (headroom < 0.12 && parameters >= most);
        if fits || attempt == 4 || session.meter.is_limited() {
            return quantize_to_psnr(session, fit, db, 6);
        }
        let next = trend.next(parameters, headroom, QUANTIZATION_LOSS);
        parameters = next.clamp(FEWEST_PARAMETERS, most);
        before = fit;
    }
    unreachable!("the last attempt returns")
}

/// A file near `db` from one fit, or up to three where the first ends far from what the probes foretold, as those of small
/// pictures do.
pub(crate) fn near_psnr(session: &Session<'_>, db: f64, passes: f64) -> Result<Outcome> {
    let Probed { mut parameters, mut trend, probe } = probe_parameters(session, db, passes)?;
    let mut fit = fit_after(session, probe, parameters, passes)?;
    for _ in 0..2 {
        let headroom = psnr_db(session, fit.error) - db;
        let near = (-1.0..2.0).contains(&(headroom - QUANTIZATION_LOSS));
        if near || session.meter.stopped() || session.meter.is_limited() {
            break;
        }
        let next = trend.next(parameters, headroom, QUANTIZATION_LOSS);
        parameters = next.clamp(FEWEST_PARAMETERS, most_parameters(session));
        fit = fit_after(session, fit, parameters, passes)?;
    }
    let outcome = quantize_to_psnr(session, fit, db, 2)?;
    Ok(Outcome { reached: true, ..outcome })
}

/// A fit, or `before` if the meter stops: what was broken off may be worse.
fn fit_after(session: &Session<'_>, before: Fit, parameters: f64, passes: f64) -> Result<Fit> {
    if session.meter.stopped() {
        return Ok(session.measured(before));
    }
    let fit = session.fit(parameters, passes, 1.0)?;
    let better = session.meter.stopped() && before.error < fit.error;
    Ok(if better { session.measured(before) } else { fit })
}

/// What short fits tell of the full one.
struct Probed {
    /// What it needs for the PSNR that is wanted.
    parameters: f64,
    /// How PSNR goes with parameters.
    trend: Trend,
    /// The last probe, or a better one if that was broken off.
    probe: Fit,
}

/// Short fits, of other sizes until one foretells `db` of the full fit.
fn probe_parameters(session: &Session<'_>, db: f64, passes: f64) -> Result<Probed> {
    /// Work of a probe relative to the fit, and its least passes.
    const WORK: f64 = 0.06;
    const LEAST_PASSES: f64 = 12.0;
    /// With fewer passes, more parameters hardly help whatever they would do in the fit: the first probe is believed, by the
    /// usual slope, and no other made.
    const TELLING_PASSES: f64 = 30.0;
    /// The share of what time is left that it may take: more than by its work, since one that is cut short misleads.
    const PROBE_TIME: f64 = 0.25;
    let most = most_parameters(session);
    let probe_passes = (WORK * passes).max(LEAST_PASSES).min(passes);
    // Where time is short, the fit falls short of the target rather than the file growing.
    let gain =
        short_of_the_limit(probe_passes) - short_of_the_limit(passes.max(plan::FEWEST_PASSES_FOR_PSNR));
    let mut parameters = (0.03 * samples(session)).clamp(FEWEST_PARAMETERS, most);
    let mut trend = Trend::new();
    let mut probe = session.probe(parameters, probe_passes, PROBE_TIME)?;
    let most_probes = if probe_passes < TELLING_PASSES { 1 } else { 4 };
    for number in 1..=most_probes {
        // One that was broken off would ask for far too many.
        if session.meter.stopped() {
            break;
        }
        let reached = psnr_db(session, probe.error) + gain - QUANTIZATION_LOSS;
        let next = trend.next(parameters, reached, db).clamp(FEWEST_PARAMETERS, most);
        let settled = (db - reached).abs() < 0.6 || next == parameters;
        parameters = next;
        if settled || number == most_probes {
            break;
        }
        let other = session.probe(parameters, probe_passes, PROBE_TIME)?;
        if !session.meter.stopped() || other.error < probe.error {
            probe = other;
        }
    }
    // What a full fit reaches need not lie on the line of the probes: only its slope is kept.
    Ok(Probed { parameters, trend: Trend { seen: None, ..trend }, probe })
}

/// How far a fit of so many passes stays below one without end, dB: what kodim15 at 0.3 bits per pixel shows between
/// 12 and 640 passes.
fn short_of_the_limit(passes: f64) -> f64 {
    16.8 * passes.powf(-0.55)
}

fn most_parameters(session: &Session<'_>) -> f64 {
    (MOST_PARAMETERS_PER_SAMPLE * samples(session)).max(FEWEST_PARAMETERS)
}

/// Finds the delta whose file decodes to `db`, in at most `tries`: coarser steps cost PSNR, finer ones only approach
/// the fit's own.
fn quantize_to_psnr(session: &Session<'_>, fit: Fit, db: f64, tries: usize) -> Result<Outcome> {
    let usual = usual_delta(&fit);
    let allowed = 10f64.powf(-db / 10.0) * samples(session) - fit.error;
    let mut delta = allowed / (COMPENSATED * fit.parameters() as f64);
    delta = delta.clamp(0.1 * usual, 10.0 * usual);
    let mut best: Option<Finished> = None;
    for _ in 0..tries {
        let networks = session.quantize(&fit, delta)?;
        let finished = session.finish(&fit.tiles, Networks::Quantized(networks))?;
        let missing = db - finished.psnr_db;
        let added = 10f64.powf(-finished.psnr_db / 10.0) * samples(session) - fit.error;
        if best.as_ref().is_none_or(|b| missing.abs() < (b.psnr_db - db).abs()) {
            best = Some(finished);
        }
        // What quantization really added, per delta, tells the next delta; there may be nothing left to gain.
        let factor = if added > 0.0 { (allowed / added).clamp(0.2, 4.0) } else { 4.0 };
        let spent = missing > 0.0 && delta <= 0.01 * usual;
        if missing.abs() <= 0.07 || spent || session.meter.stopped() {
            break;
        }
        delta *= factor;
    }
    let finished = best.ok_or_else(|| Error::parameter("psnr", format!("{db:?}")))?;
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
