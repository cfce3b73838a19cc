//! Size targets: the number of parameters, and the delta with which they fill the size.

use super::{FitSummary, Outcome, Search};
use crate::container::{Networks, QuantizedNetwork, Stored, quantized_size};
use crate::encoder::budget::Budget;
use crate::encoder::finish::Finished;
use crate::encoder::note::Note;
use crate::encoder::plan;
use crate::encoder::recipe::Fit;
use crate::encoder::tuning::*;
use crate::error::{Error, Result};
use crate::signal::Tiles;

/// The usual added error per parameter: in total [`USUAL_ERROR`] of the error of the fit itself.
pub(super) fn usual_delta(fit: &Fit) -> f64 {
    USUAL_ERROR * fit.loss.max(1e-12) / fit.parameters() as f64
}

impl Search<'_, '_> {
    /// A file of at most `limit` bytes, and close to it.
    pub(super) fn size(&self, limit: u64) -> Result<Outcome> {
        let description = &self.session.signal.description;
        let least = self.session.smallest()?;
        if limit < least {
            let metadata = self.session.metadata_bytes()?;
            return Err(Error::TooSmall { requested: limit, least, metadata });
        }
        let mut best = self.file(limit)?;
        // More effort must not make a small signal worse: it is encoded as at all lower efforts, too.
        for effort in (1..self.budget.effort).rev() {
            if !plan::is_small(description) || !self.may_repeat() {
                break;
            }
            let passes = plan::passes(self.session.options.target, description, effort);
            let lower = Search { budget: Budget::of(effort, passes), ..*self };
            best = better(best, lower.file(limit)?);
        }
        match best {
            Some((fit, finished)) => {
                Ok(Outcome { finished, fit: FitSummary::of(&fit), reached: true, notes: vec![] })
            }
            None => self.mean(),
        }
    }

    /// A file of at most `limit` bytes, and close to it; `None` if only the mean fits.
    fn file(&self, limit: u64) -> Result<Option<(Fit, Finished)>> {
        let description = &self.session.signal.description;
        let bits = 8.0 * limit.saturating_sub(self.session.overhead(&Tiles::one(description))?) as f64;
        let mut best = self.fit_into(limit, bits / BITS_PER_PARAMETER)?;
        // Long fits of sharp pictures gain from finer parameters than usual.
        for bits_per_parameter in FINE_BITS_PER_PARAMETER {
            let much_lost = best.as_ref().is_some_and(|(fit, finished)| {
                self.session.psnr_db(fit.error) - finished.psnr_db > MUCH_LOST
            });
            if !plan::is_small(description) || !much_lost || !self.may_repeat() {
                break;
            }
            let finer = self.fit_into(limit, bits / bits_per_parameter)?;
            if psnr_db(&finer) <= psnr_db(&best) {
                break;
            }
            best = finer;
        }
        Ok(best)
    }

    /// The mean of the signal, which fits into any size allowed.
    fn mean(&self) -> Result<Outcome> {
        let description = &self.session.signal.description;
        let one = Tiles::one(description);
        let untrained = Budget { passes: 0.0, time: 0.0, effort: 1 };
        let fit = self.recipe.fit_shapes(one, &[plan::shape(description, 1, 0.0)], untrained)?;
        let finished = self.session.finish(self.session.mean()?)?;
        Ok(Outcome { finished, fit: FitSummary::of(&fit), reached: true, notes: vec![Note::MeanAlone] })
    }

    /// A fit of about `parameters` parameters and its file of at most `limit` bytes; `None` if it cannot be
    /// made that small.
    fn fit_into(&self, limit: u64, parameters: f64) -> Result<Option<(Fit, Finished)>> {
        let fit = self.fit(parameters)?;
        let room = limit.saturating_sub(self.session.overhead(&fit.tiles)?);
        let networks = self.quantize_into(&fit, room)?;
        let finished = self
            .session
            .finish(Stored::Siren { tiles: fit.tiles.clone(), networks: Networks::Quantized(networks) })?;
        Ok((finished.bytes.len() as u64 <= limit).then_some((fit, finished)))
    }

    /// Quantized networks of at most `room` bytes, and at least 97 % of that if the fit allows it.
    fn quantize_into(&self, fit: &Fit, room: u64) -> Result<Vec<QuantizedNetwork>> {
        // Compensation and refits change the size by less than a percent: aim slightly below, then correct
        // once or twice.
        let mut delta = delta_for_size(fit, room as f64 * 0.99);
        let mut best: Option<(u64, Vec<QuantizedNetwork>)> = None;
        for _ in self.tries(3) {
            let networks = self.recipe.quantize(fit, delta)?;
            let size = quantized_size(&networks);
            let better = best.as_ref().is_none_or(|(largest, _)| size > *largest);
            if size <= room && better {
                best = Some((size, networks));
            }
            if size <= room && size as f64 >= 0.975 * room as f64 {
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
}

/// The PSNR of a file, if there is one.
fn psnr_db(file: &Option<(Fit, Finished)>) -> f64 {
    file.as_ref().map_or(f64::NEG_INFINITY, |(_, finished)| finished.psnr_db)
}

/// The file with the higher PSNR.
fn better(a: Option<(Fit, Finished)>, b: Option<(Fit, Finished)>) -> Option<(Fit, Finished)> {
    if psnr_db(&b) > psnr_db(&a) { b } else { a }
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
