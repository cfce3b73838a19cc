//! PSNR targets: probes predict the number of parameters, and `delta`, the quantizer's single parameter, sets
//! the rest.

use super::size::usual_delta;
use super::trend::Trend;
use super::{FitSummary, Outcome, Search};
use crate::container::{Networks, Stored};
use crate::encoder::budget::Budget;
use crate::encoder::finish::Finished;
use crate::encoder::note::Note;
use crate::encoder::options::{Phase, quality_psnr_db};
use crate::encoder::recipe::Fit;
use crate::encoder::session::Session;
use crate::encoder::tuning::*;
use crate::error::{Error, Result};

/// The full fit as extrapolated from probes.
struct Probed {
    /// Predicted parameters for the target PSNR.
    parameters: f64,
    /// How PSNR grows with the number of parameters.
    trend: Trend,
    /// The last probe, or an earlier one that is better than a truncated last one.
    probe: Fit,
}

impl Search<'_, '_> {
    /// A file within 0.1 dB of `db`, refitting with other sizes as often as is needed and affordable.
    pub(super) fn psnr(&self, db: f64) -> Result<Outcome> {
        let best = self.fit_for_psnr(db)?;
        let tries = if self.is_cheap() { 12 } else { 6 };
        let mut outcome = self.quantize_to(&best, db, PSNR_NEAR, tries)?;
        let fits = if self.is_cheap() { MORE_CHEAP_FITS } else { MORE_FITS };
        outcome = self.with_more_parameters(outcome, best, (db, PSNR_TOLERANCE), fits, tries)?;
        let [wanted_db, reached_db] =
            [db, outcome.finished.psnr_db].map(|db| self.session.normalised.source_db(db));
        if reached_db > wanted_db + PSNR_TOLERANCE {
            outcome.notes.push(Note::PsnrExceeded { wanted_db, reached_db });
        }
        Ok(outcome)
    }

    /// The outcome of a fit or, where it is more than `tolerance` below `db`, the best of up to `fits` others with more
    /// parameters: a fit that seemed large enough but cannot be rounded to the target was too small.
    fn with_more_parameters(
        &self,
        mut outcome: Outcome,
        mut last: Fit,
        (db, tolerance): (f64, f64),
        fits: usize,
        tries: usize,
    ) -> Result<Outcome> {
        let most = if self.is_cheap() { 2.0 } else { 1.0 } * self.most_parameters();
        let mut parameters = last.parameters() as f64;
        for _ in 0..fits {
            parameters *= MORE_PARAMETERS;
            let reached = outcome.finished.psnr_db >= db - tolerance;
            if reached || !self.may_repeat() || parameters >= most {
                break;
            }
            last = self.fit_after(last, parameters)?;
            let other = self.quantize_to(&last, db, PSNR_NEAR, tries)?;
            if other.finished.psnr_db > outcome.finished.psnr_db {
                outcome = other;
            }
        }
        Ok(outcome)
    }

    /// The best fit for rounding to `db`: slightly above it, with as few parameters as possible.
    fn fit_for_psnr(&self, db: f64) -> Result<Fit> {
        let most = self.most_parameters();
        self.fit_near(db, MOST_FITS - 1, |parameters, headroom, next| {
            // Another size: a fit below the target cannot be rounded to it, one far above would waste bits.
            let fits = HEADROOM.contains(&headroom) || (headroom < HEADROOM.start && parameters >= most);
            fits || (next / parameters).log2().abs() < 0.05
        })
    }

    /// The best of a fit and up to `refits` others with other sizes for rounding to `db`, until `is_enough`
    /// for the parameters of the last fit, its headroom, and the parameters of the next.
    fn fit_near(&self, db: f64, refits: usize, is_enough: impl Fn(f64, f64, f64) -> bool) -> Result<Fit> {
        let Probed { mut parameters, mut trend, probe } = self.probe(db)?;
        let mut best = self.fit_after(probe, parameters)?;
        let mut headroom = self.headroom(&best, db);
        for _ in 0..refits {
            let next = trend.next(parameters, headroom, QUANTIZATION_LOSS);
            let next = next.clamp(FEWEST_PARAMETERS, self.most_parameters());
            if is_enough(parameters, headroom, next) || !self.may_repeat() {
                break;
            }
            parameters = next;
            let fit = self.fit_after(best.clone(), parameters)?;
            headroom = self.headroom(&fit, db);
            if self.is_better(&fit, &best, db) {
                best = fit;
            }
        }
        Ok(best)
    }

    /// A file near the PSNR that `quality` stands for, from one fit; small signals are fitted again if the
    /// first fit ends far from the prediction.
    pub(super) fn quality(&self, quality: f64) -> Result<Outcome> {
        let normalised = self.session.normalised;
        let db = normalised.fitted_db(quality_psnr_db(quality));
        let (refits, tries) = if self.is_cheap() { (3, 6) } else { (0, 2) };
        let best = self.fit_near(db, refits, |parameters, headroom, next| {
            QUALITY_HEADROOM.contains(&(headroom - QUANTIZATION_LOSS)) || next == parameters
        })?;
        // A further rounding of a large signal takes a minute.
        let near = if self.is_large() { QUALITY_TOLERANCE } else { QUALITY_NEAR };
        let outcome = self.quantize_to(&best, db, near, tries)?;
        let fits = if self.is_cheap() { MORE_CHEAP_FITS } else { 0 };
        let mut outcome = self.with_more_parameters(outcome, best, (db, QUALITY_TOLERANCE), fits, tries)?;
        let [wanted_db, reached_db] = [db, outcome.finished.psnr_db].map(|db| normalised.source_db(db));
        if (reached_db - wanted_db).abs() > QUALITY_TOLERANCE && !self.session.meter.interrupted() {
            outcome.notes.push(Note::QualityMissed { wanted_db, reached_db });
        }
        Ok(Outcome { reached: true, ..outcome })
    }

    /// The PSNR of a fit above `db`, dB.
    fn headroom(&self, fit: &Fit, db: f64) -> f64 {
        self.session.psnr_db(fit.error) - db
    }

    /// Whether `fit` is a better start for rounding to `db` than `other`: it reaches `db` with fewer
    /// parameters, or is closer.
    fn is_better(&self, fit: &Fit, other: &Fit, db: f64) -> bool {
        let enough = |fit: &Fit| self.headroom(fit, db) >= HEADROOM.start;
        match (enough(fit), enough(other)) {
            (true, true) => fit.parameters() < other.parameters(),
            (false, false) => fit.error < other.error,
            (enough, _) => enough,
        }
    }

    /// A fit of `parameters` parameters, or `before` if the encode is stopped and `before` is better.
    fn fit_after(&self, before: Fit, parameters: f64) -> Result<Fit> {
        let fit = self.session.meter.improve(Some(before), || self.fit(parameters), Fit::or_better)?;
        self.recipe.measured(fit)
    }

    /// Runs up to four short fits, changing the size until the extrapolated PSNR of the full fit is `db`.
    fn probe(&self, db: f64) -> Result<Probed> {
        let Session { meter, .. } = self.session;
        let (samples, most) = (self.session.samples(), self.most_parameters());
        // On a large signal a sample of the tiles stands for all, so that an informative probe costs little.
        let least = if self.is_large() && !meter.is_limited() { INFORMATIVE_PROBE } else { LEAST_PROBE };
        let passes = (PROBE * self.budget.passes).max(least).min(self.budget.passes);
        let most_probes = if passes < INFORMATIVE_PROBE { 1 } else { MOST_PROBES };
        let work = (1.0 + PLACING) * passes * self.session.pass();
        let probes = [(Phase::Probe, work); 2];
        meter.plan(probes.into_iter().take(most_probes).chain(self.session.stages(self.budget)));
        // With little time, the fit should miss the target rather than the file grow.
        let full_passes = self.budget.passes.max(FEWEST_PASSES_FOR_PSNR);
        let mut parameters = (PROBED_DENSITY * samples).clamp(FEWEST_PARAMETERS, most);
        let mut trend = Trend::new();
        let mut best: Option<Fit> = None;
        for _ in self.tries(most_probes) {
            let attempt = || self.recipe.probe(parameters, Budget::of_probe(passes));
            let probe = meter.improve(best.take(), attempt, Fit::or_better)?;
            let density = parameters / samples;
            let gain = short_of_the_limit(passes, density) - short_of_the_limit(full_passes, density);
            let reached = self.session.psnr_db(probe.error) + gain - QUANTIZATION_LOSS;
            let mut next = trend.next(parameters, reached, db).clamp(FEWEST_PARAMETERS, most);
            if meter.is_limited() {
                next = next.min(MOST_GROWTH * parameters);
            }
            let settled = (db - reached).abs() < PROBE_NEAR || next == parameters;
            (parameters, best) = (next, Some(probe));
            if settled {
                break;
            }
        }
        let probe = best.expect("at least one probe");
        Ok(Probed { parameters, trend: trend.of_longer_fits(), probe })
    }

    fn most_parameters(&self) -> f64 {
        (MOST_PARAMETERS_PER_SAMPLE * self.session.samples()).max(FEWEST_PARAMETERS)
    }

    /// Whether another fit takes little time.
    fn is_cheap(&self) -> bool {
        self.session.signal.description.positions() as f64 <= CHEAP
    }

    /// Finds the delta whose file decodes to within `near` dB of `db`, in at most `tries` tries. Coarser
    /// steps lower the PSNR; finer ones only approach that of the fit.
    fn quantize_to(&self, fit: &Fit, db: f64, near: f64, tries: usize) -> Result<Outcome> {
        let (usual, samples) = (usual_delta(fit), self.session.samples());
        let allowed = 10f64.powf(-db / 10.0) * samples - fit.error;
        let mut delta = allowed / (COMPENSATED * fit.parameters() as f64);
        // If the fit is far better than the target, rounding may add many times the usual error.
        delta = delta.clamp(0.1 * usual, 1e4 * usual);
        let mut best: Option<Finished> = None;
        for _ in self.tries(tries) {
            let networks = self.recipe.quantize(fit, delta)?;
            let finished = self.session.finish(Stored::Siren {
                tiles: fit.tiles.clone(),
                networks: Networks::Quantized(networks),
            })?;
            let missing = db - finished.psnr_db;
            let added = 10f64.powf(-finished.psnr_db / 10.0) * samples - fit.error;
            if best.as_ref().is_none_or(|b| missing.abs() < (b.psnr_db - db).abs()) {
                best = Some(finished);
            }
            // The error that quantization actually added gives the next delta; it may be zero.
            let factor = if added > 0.0 { (allowed / added).clamp(0.02, 4.0) } else { 4.0 };
            let spent = missing > 0.0 && delta <= 0.01 * usual;
            if missing.abs() <= near || spent {
                break;
            }
            delta *= factor;
        }
        let finished = best.ok_or_else(|| Error::parameter("psnr", format!("{db:?}")))?;
        // A PSNR above the target counts as reached: no smaller file is closer, as for signals that are exact
        // at any size.
        let reached = finished.psnr_db >= db - PSNR_TOLERANCE;
        Ok(Outcome { finished, fit: FitSummary::of(fit), reached, notes: vec![] })
    }
}
