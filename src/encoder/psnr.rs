//! Targets of a PSNR: short fits foretell how many parameters it takes, and the quantizer's one number settles the rest.

use super::options::{Note, Phase, quality_psnr_db};
use super::plan;
use super::session::{Finished, Fit, PROBE, Session};
use super::size::{Outcome, usual_delta};
use crate::container::Networks;
use crate::error::{Error, Result};

/// How much PSNR quantization at the usual delta costs, dB, about.
const QUANTIZATION_LOSS: f64 = 0.35;
/// What refits and compensation leave of the error that plain rounding would add, about.
const COMPENSATED: f64 = 0.4;
/// Parameters per sample beyond which a network saves little over the samples.
const MOST_PARAMETERS_PER_SAMPLE: f64 = 1.0;
/// The fewest parameters that are worth a search.
const FEWEST_PARAMETERS: f64 = 40.0;
/// How near a target comes to the PSNR that was asked for, dB, and how near a search for it stops.
const PSNR_TOLERANCE: f64 = 0.1;
const PSNR_NEAR: f64 = 0.07;
/// The same of a quality and the PSNR that it stands for.
const QUALITY_TOLERANCE: f64 = 1.0;
const QUALITY_NEAR: f64 = 0.5;
/// The least PSNR that a fit has to have more than what it is rounded to, dB.
const LEAST_HEADROOM: f64 = 0.12;
/// Fits towards a PSNR until one can be rounded to it, and further ones where that fails.
const MOST_FITS: usize = 6;
const MORE_FITS: usize = 2;
/// Positions up to which a quality whose first fit ends far from it is worth another.
const CHEAP: f64 = 65536.0;

/// PSNR over parameters as a line in their logarithm, through what was seen last, between what was too little and too much.
struct Trend {
    /// dB per doubling.
    slope: f64,
    seen: Option<(f64, f64)>,
    /// The most parameters that gave too little, and the fewest that gave enough.
    too_few: f64,
    enough: f64,
}

impl Trend {
    /// A slope between that of smooth pictures and that of rough ones.
    fn new() -> Self {
        Trend { slope: 1.4, seen: None, too_few: 0.0, enough: f64::INFINITY }
    }
    /// Parameters that give `wanted` dB, now that so many were seen to give `reached`.
    fn next(&mut self, parameters: f64, reached: f64, wanted: f64) -> f64 {
        if let Some((other, other_reached)) = self.seen.replace((parameters, reached))
            && parameters != other
        {
            self.slope = ((reached - other_reached) / (parameters / other).log2()).clamp(0.6, 3.0);
        }
        if reached < wanted {
            self.too_few = self.too_few.max(parameters);
        } else {
            self.enough = self.enough.min(parameters);
        }
        let next = parameters * 2f64.powf(((wanted - reached) / self.slope).clamp(-4.0, 3.0));
        // Exact fits stand beside ones that have learnt nothing: no line goes through both.
        let between = self.too_few * 1.05..self.enough * 0.95;
        if self.too_few == 0.0 || self.enough.is_infinite() || between.contains(&next) {
            next
        } else {
            (self.too_few * self.enough).sqrt()
        }
    }
}

/// Whether `fit` is a better start for rounding to `db` than `other`: it has enough for it and fewer parameters, or is nearer.
fn is_better(session: &Session<'_>, fit: &Fit, other: &Fit, db: f64) -> bool {
    let enough = |fit: &Fit| session.psnr_db(fit.error) >= db + LEAST_HEADROOM;
    match (enough(fit), enough(other)) {
        (true, true) => fit.parameters() < other.parameters(),
        (false, false) => fit.error < other.error,
        (enough, _) => enough,
    }
}

/// A file within 0.1 dB of `db`, refitting with other sizes as often as needed and sensible.
pub(crate) fn to_psnr(session: &Session<'_>, db: f64, passes: f64) -> Result<Outcome> {
    let most = most_parameters(session);
    let Probed { mut parameters, mut trend, probe } = probe_parameters(session, db, passes)?;
    session.meter.plan(session.stages(passes));
    let mut best = fit_after(session, probe, parameters, passes)?;
    let mut last = (parameters, session.psnr_db(best.error) - db);
    for _ in 1..MOST_FITS {
        let headroom = last.1;
        // Too little cannot be quantized, much too much would waste bits: another size.
        let fits =
            (LEAST_HEADROOM..1.0).contains(&headroom) || (headroom < LEAST_HEADROOM && parameters >= most);
        if fits || session.meter.is_limited() {
            break;
        }
        let next = trend.next(parameters, headroom, QUANTIZATION_LOSS).clamp(FEWEST_PARAMETERS, most);
        if (next / parameters).log2().abs() < 0.05 {
            break;
        }
        parameters = next;
        session.meter.plan(session.stages(passes));
        let fit = fit_after(session, best.clone(), parameters, passes)?;
        last = (parameters, session.psnr_db(fit.error) - db);
        if is_better(session, &fit, &best, db) {
            best = fit;
        }
    }
    let cheap = session.signal.description.positions() as f64 <= CHEAP;
    let tries = if session.meter.stopped() {
        1
    } else if cheap {
        12
    } else {
        6
    };
    let mut outcome = quantize_to_psnr(session, &best, db, PSNR_NEAR, tries)?;
    // What foretold enough and did not give it was too small.
    for _ in 0..MORE_FITS {
        let parameters = 1.4 * best.parameters() as f64;
        if outcome.reached || session.meter.is_limited() || parameters >= most {
            break;
        }
        session.meter.plan(session.stages(passes));
        best = fit_after(session, best, parameters, passes)?;
        let other = quantize_to_psnr(session, &best, db, PSNR_NEAR, tries)?;
        if other.finished.psnr_db > outcome.finished.psnr_db {
            outcome = other;
        }
    }
    let [wanted_db, reached_db] = [db, outcome.finished.psnr_db].map(|db| session.normalised.source_db(db));
    if reached_db > wanted_db + PSNR_TOLERANCE {
        outcome.notes.push(Note::PsnrExceeded { wanted_db, reached_db });
    }
    Ok(outcome)
}

/// A file near what `quality` stands for from one fit; others where the first ends far from what the probes foretold and
/// takes little time.
pub(crate) fn near_quality(session: &Session<'_>, quality: f64, passes: f64) -> Result<Outcome> {
    let normalised = session.normalised;
    let db = normalised.fitted_db(quality_psnr_db(quality));
    let Probed { mut parameters, mut trend, probe } = probe_parameters(session, db, passes)?;
    session.meter.plan(session.stages(passes));
    let mut best = fit_after(session, probe, parameters, passes)?;
    let mut headroom = session.psnr_db(best.error) - db;
    let cheap = session.signal.description.positions() as f64 <= CHEAP;
    let (refits, tries) = if cheap { (3, 6) } else { (0, 2) };
    for _ in 0..refits {
        let near = (-0.5..2.0).contains(&(headroom - QUANTIZATION_LOSS));
        let next = trend.next(parameters, headroom, QUANTIZATION_LOSS);
        let next = next.clamp(FEWEST_PARAMETERS, most_parameters(session));
        if near || session.meter.is_limited() || next == parameters {
            break;
        }
        parameters = next;
        session.meter.plan(session.stages(passes));
        let fit = fit_after(session, best.clone(), parameters, passes)?;
        headroom = session.psnr_db(fit.error) - db;
        if is_better(session, &fit, &best, db) {
            best = fit;
        }
    }
    // Another rounding of a large signal takes a minute.
    let near = if is_large(session) { QUALITY_TOLERANCE } else { QUALITY_NEAR };
    let mut outcome = quantize_to_psnr(session, &best, db, near, tries)?;
    let [wanted_db, reached_db] = [db, outcome.finished.psnr_db].map(|db| normalised.source_db(db));
    if (reached_db - wanted_db).abs() > QUALITY_TOLERANCE && !session.meter.interrupted() {
        outcome.notes.push(Note::QualityMissed { wanted_db, reached_db });
    }
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
    /// The most that a probe of limited time may ask for, of its own parameters: what it left undone is want of time.
    const MOST_GROWTH: f64 = 2.0;
    /// The share of what time is left that it may take: more than by its work, since one that is cut short misleads.
    const PROBE_TIME: f64 = 0.25;
    let most = most_parameters(session);
    // Of a large signal some tiles stand for all, so that a probe that tells something costs little.
    let least = if is_large(session) && !session.meter.is_limited() { TELLING_PASSES } else { LEAST_PASSES };
    let probe_passes = (WORK * passes).max(least).min(passes);
    let most_probes = if probe_passes < TELLING_PASSES { 1 } else { 4 };
    let probe_work = (1.0 + PROBE) * probe_passes * session.pass();
    let probes = [(Phase::Probe, probe_work); 2];
    session.meter.plan(probes.into_iter().take(most_probes).chain(session.stages(passes)));
    // Where time is short, the fit falls short of the target rather than the file growing.
    let full_passes = passes.max(plan::FEWEST_PASSES_FOR_PSNR);
    let mut parameters = (0.03 * session.samples()).clamp(FEWEST_PARAMETERS, most);
    let mut trend = Trend::new();
    let mut probe = session.probe(parameters, probe_passes, PROBE_TIME)?;
    for number in 1..=most_probes {
        // One that was broken off would ask for far too many.
        if session.meter.stopped() {
            break;
        }
        let density = parameters / session.samples();
        let gain = short_of_the_limit(probe_passes, density) - short_of_the_limit(full_passes, density);
        let reached = session.psnr_db(probe.error) + gain - QUANTIZATION_LOSS;
        let mut next = trend.next(parameters, reached, db).clamp(FEWEST_PARAMETERS, most);
        if session.meter.is_limited() {
            next = next.min(MOST_GROWTH * parameters);
        }
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
    Ok(Probed { parameters, trend: Trend { slope: trend.slope, ..Trend::new() }, probe })
}

/// Whether a signal has fewer passes than its effort means.
fn is_large(session: &Session<'_>) -> bool {
    session.signal.description.positions() as f64 > plan::FULL_SIZE
}

/// How far a fit of so many passes, with so many parameters per sample, stays below one without end, dB: what kodim15 at 0.3
/// bits per pixel (0.019 parameters per sample) shows between 12 and 640 passes, and camera.png at 33 dB (0.12) between 38 and
/// 280.
fn short_of_the_limit(passes: f64, density: f64) -> f64 {
    16.8 * passes.powf(-0.55) * (density / 0.02).clamp(0.5, 20.0).powf(0.3)
}

fn most_parameters(session: &Session<'_>) -> f64 {
    (MOST_PARAMETERS_PER_SAMPLE * session.samples()).max(FEWEST_PARAMETERS)
}

/// Finds the delta whose file decodes to within `near` of `db`, in at most `tries`: coarser steps cost PSNR, finer ones only approach
/// the fit's own.
fn quantize_to_psnr(session: &Session<'_>, fit: &Fit, db: f64, near: f64, tries: usize) -> Result<Outcome> {
    let usual = usual_delta(fit);
    let allowed = 10f64.powf(-db / 10.0) * session.samples() - fit.error;
    let mut delta = allowed / (COMPENSATED * fit.parameters() as f64);
    // Where the fit is far better than what is wanted, rounding may add many times what is usual.
    delta = delta.clamp(0.1 * usual, 1e4 * usual);
    let mut best: Option<Finished> = None;
    for _ in 0..tries {
        let networks = session.quantize(fit, delta)?;
        let finished = session.finish(&fit.tiles, Networks::Quantized(networks))?;
        let missing = db - finished.psnr_db;
        let added = 10f64.powf(-finished.psnr_db / 10.0) * session.samples() - fit.error;
        if best.as_ref().is_none_or(|b| missing.abs() < (b.psnr_db - db).abs()) {
            best = Some(finished);
        }
        // What quantization really added, per delta, tells the next delta; there may be nothing left to gain.
        let factor = if added > 0.0 { (allowed / added).clamp(0.02, 4.0) } else { 4.0 };
        let spent = missing > 0.0 && delta <= 0.01 * usual;
        if missing.abs() <= near || spent || session.meter.stopped() {
            break;
        }
        delta *= factor;
    }
    let finished = best.ok_or_else(|| Error::parameter("psnr", format!("{db:?}")))?;
    // More than was asked for is reached, too: where nothing smaller comes nearer, as with what is exact in any case.
    let reached = finished.psnr_db >= db - PSNR_TOLERANCE;
    Ok(Outcome { finished, fit: fit.clone(), reached, notes: vec![] })
}
