//! Targets of a size: the number of parameters, and the quantizer's one number that makes them fit.

use super::options::Note;
use super::plan::{self, BITS_PER_PARAMETER};
use super::session::{Finished, Fit, Session};
use crate::container::{self, Networks, QuantizedNetwork, quantized_size, step};
use crate::error::{Error, Result};
use crate::signal::Tiles;

/// The step index that costs nothing to store: what the first ones are differences to.
const FIRST_STEP: i16 = -56;

/// What rounding may cost, dB, before a small signal is fitted again with fewer and finer parameters, of so many bits: a page of
/// text of 160×96 at 1 bit per pixel and effort 5 has 15.3 dB with the usual ones, 15.9 and 14.6 with these, a screenshot of
/// 176×120 22.3, 23.4 and 24.5.
const MUCH_LOST: f64 = 1.0;
const FINE_BITS_PER_PARAMETER: [f64; 2] = [5.8, 6.3];

/// What a search ends with.
pub(crate) struct Outcome {
    pub finished: Finished,
    pub fit: Fit,
    /// Whether the target was reached.
    pub reached: bool,
    pub notes: Vec<Note>,
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

    /// The bytes that metadata take in a file.
    fn metadata_bytes(&self) -> Result<u64> {
        let mut file = self.file(&Tiles::one(&self.signal.description), self.mean());
        file.metadata.clear();
        let mut bytes = vec![];
        container::write(&file, &mut bytes)?;
        Ok(self.smallest()? - bytes.len() as u64)
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
    let least = session.smallest()?;
    if limit < least {
        return Err(Error::TooSmall { asked: limit, least, metadata: session.metadata_bytes()? });
    }
    let one = Tiles::one(&session.signal.description);
    let bits = 8.0 * limit.saturating_sub(session.overhead(&one)?) as f64;
    session.meter.plan(session.stages(passes));
    let mut best = fit_into(session, limit, bits / BITS_PER_PARAMETER, passes)?;
    let lost = |(fit, finished): &(Fit, Finished)| session.psnr_db(fit.error) - finished.psnr_db;
    // Sharp networks of long fits want finer parameters than usual.
    let small = plan::is_small(&session.signal.description);
    for bits_per_parameter in FINE_BITS_PER_PARAMETER {
        let much = best.as_ref().is_some_and(|best| lost(best) > MUCH_LOST);
        if !small || !much || session.meter.is_limited() {
            break;
        }
        session.meter.plan(session.stages(passes));
        let finer = fit_into(session, limit, bits / bits_per_parameter, passes)?;
        let psnr = |outcome: &Option<(Fit, Finished)>| {
            outcome.as_ref().map_or(f64::NEG_INFINITY, |(_, finished)| finished.psnr_db)
        };
        if psnr(&finer) <= psnr(&best) {
            break;
        }
        best = finer;
    }
    if let Some((fit, finished)) = best {
        return Ok(Outcome { finished, fit, reached: true, notes: vec![] });
    }
    // Too little room for any rounding of the fit: what always fits is the mean.
    let shape = plan::shape(&session.signal.description, 1, 0.0);
    let fit = session.fit_shapes(one.clone(), &[shape], 0.0, 0.0)?;
    let finished = session.finish(&one, session.mean())?;
    Ok(Outcome { finished, fit, reached: true, notes: vec![Note::MeanAlone] })
}

/// A fit of about so many parameters and its file of at most `limit` bytes, unless it cannot be made that small.
fn fit_into(
    session: &Session<'_>,
    limit: u64,
    parameters: f64,
    passes: f64,
) -> Result<Option<(Fit, Finished)>> {
    let fit = session.fit(parameters, passes, 1.0)?;
    let room = limit.saturating_sub(session.overhead(&fit.tiles)?);
    let networks = quantize_into(session, &fit, room)?;
    let finished = session.finish(&fit.tiles, Networks::Quantized(networks))?;
    Ok((finished.bytes.len() as u64 <= limit).then_some((fit, finished)))
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
