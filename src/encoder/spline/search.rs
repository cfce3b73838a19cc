//! Trains a field until its file is close enough to a goal, and says what is far from it.

use super::control::{Aim, Control};
use super::goal::{Fitted, Goal, lambda_of_psnr};
use super::plan;
use crate::container::{QuantizedSpline, Stored};
use crate::encoder::finish::Finished;
use crate::encoder::note::Note;
use crate::encoder::options::{FieldKind, Target, quality_psnr_db};
use crate::encoder::rate::{FitSummary, Outcome};
use crate::encoder::session::Session;
use crate::encoder::tuning::*;
use crate::error::Result;
use crate::field::spline::Shape;

/// A field that is trained.
pub(super) trait Trainee {
    fn shape(&self) -> &Shape;
    /// Trains from the start; λ follows the loss.
    fn train(&mut self, control: &mut Control);
    /// Trains on with another λ after so many corrections `before`; the last file was `off`, natural
    /// logarithms.
    fn correct(&mut self, lambda: f64, off: f64, before: usize);
    /// Trains on in a short time with a λ that makes the file smaller.
    fn squeeze(&mut self, lambda: f64);
    /// The field with rounded parameters; if `hurried`, without measurements for that. And its squared error
    /// before they were rounded, the mean over the channels; `None` if they were rounded first.
    fn field(&mut self, lambda: f64, hurried: bool) -> (QuantizedSpline, Option<f64>);
    /// What is to be said of the training.
    fn notes(&self) -> Vec<Note>;
}

/// One encode.
pub(super) struct Search<'s, T> {
    session: &'s Session<'s>,
    goal: Goal,
    trainee: T,
}

impl<'s, T: Trainee> Search<'s, T> {
    pub fn new(session: &'s Session<'s>, goal: Goal, trainee: T) -> Self {
        Search { session, goal, trainee }
    }

    /// Trains, corrects and returns the best file.
    pub fn run(&mut self) -> Result<Fitted> {
        let mut control = self.control()?;
        self.trainee.train(&mut control);
        let best = self.corrected(&mut control)?;
        if self.goal.is_exceeded_by(&best.finished) { self.squeezed(control.lambda) } else { Ok(best) }
    }

    /// What the training aims at, and the λ that it begins with.
    fn control(&self) -> Result<Control> {
        let positions = self.positions();
        let (aim, lambda) = match self.goal {
            Goal::Bytes(limit) => {
                let overhead = self.session.smallest()? as f64;
                let bits = 8.0 * (SPLINE_FILL * limit as f64 - overhead).max(0.1 * limit as f64);
                (Aim::Bits(bits), 1e-3 * (0.4 * positions / bits).powf(1.7).clamp(1e-4, 1e4))
            }
            Goal::Psnr(db) => (Aim::Error(positions * 10f64.powf(-db / 10.0)), lambda_of_psnr(db)),
            Goal::Lambda(lambda) => (Aim::Lambda, lambda),
        };
        Ok(Control::new(aim, lambda, positions, self.trainee.shape()))
    }

    /// The best file of the trained field and of its corrections, which end when one is close enough.
    fn corrected(&mut self, control: &mut Control) -> Result<Fitted> {
        let mut last = self.finish(control.lambda)?;
        let (mut best, mut corrections) = (None, 0);
        loop {
            let (met, too_large) =
                (self.goal.is_met_by(&last.finished), self.goal.is_exceeded_by(&last.finished));
            let (found, wanted) = self.goal.missed_by(&last.finished);
            let kept = match best.take() {
                Some(best) if !self.goal.prefers(&last, &best) => best,
                _ => last,
            };
            let must = too_large || matches!(self.goal, Goal::Psnr(_));
            let most = if must { SPLINE_CORRECTIONS_TO_FIT } else { SPLINE_CORRECTIONS };
            let meter = &self.session.meter;
            if met || corrections >= most || meter.stopped() || meter.is_limited() && !too_large {
                return Ok(kept);
            }
            best = Some(kept);
            control.correct(found, wanted, too_large);
            self.trainee.correct(control.lambda, (found / wanted).ln().abs(), corrections);
            last = self.finish(control.lambda)?;
            corrections += 1;
        }
    }

    /// A file that is small enough, by iterations with larger and larger λ, which take about a second each
    /// time, whether or not the encode was stopped; in the end, the mean of the signal.
    fn squeezed(&mut self, mut lambda: f64) -> Result<Fitted> {
        for _ in 0..SPLINE_SQUEEZES {
            lambda *= SPLINE_SQUEEZE;
            self.trainee.squeeze(lambda);
            let fitted = self.written(lambda, true)?;
            if !self.goal.is_exceeded_by(&fitted.finished) {
                return Ok(fitted);
            }
        }
        Ok(self.fitted(self.session.finish(self.session.mean()?)?, None))
    }

    /// The file of the field as it is trained.
    fn finish(&mut self, lambda: f64) -> Result<Fitted> {
        let hurried = self.session.meter.stopped();
        self.written(lambda, hurried)
    }

    /// Likewise; if `hurried`, the networks are rounded without measurements.
    fn written(&mut self, lambda: f64, hurried: bool) -> Result<Fitted> {
        let (field, error) = self.trainee.field(lambda, hurried);
        Ok(self.fitted(self.session.finish(Stored::Spline(field))?, error))
    }

    fn fitted(&self, finished: Finished, error: Option<f64>) -> Fitted {
        let positions = self.positions();
        let measured = || positions * 10f64.powf(-finished.psnr_db / 10.0);
        Fitted { error: error.unwrap_or_else(measured), finished, positions }
    }

    fn positions(&self) -> f64 {
        self.session.positions()
    }

    /// What became of the encode that chose a file.
    pub fn outcome(&self, Fitted { finished, error, .. }: Fitted) -> Result<Outcome> {
        let reached = match self.goal {
            Goal::Bytes(limit) => finished.bytes.len() as u64 <= limit,
            Goal::Psnr(db) => (finished.psnr_db - db).abs() <= 0.1,
            Goal::Lambda(_) => true,
        };
        let shape = self.trainee.shape();
        let channels = f64::from(self.session.signal.description.channels);
        let fit = FitSummary {
            error: error * channels,
            parameters: shape.parameters() as u64 + shape.latents(),
            tiles: 1,
            layers: shape.layers,
            width: shape.width,
        };
        let notes = self.notes(&finished);
        Ok(Outcome { finished, fit, reached, notes })
    }

    /// Notes on a file that is far from what was asked, or had fewer iterations than usual.
    fn notes(&self, file: &Finished) -> Vec<Note> {
        let Session { signal, options, normalised, meter, .. } = self.session;
        let bytes = file.bytes.len() as u64;
        if file.field == FieldKind::Siren {
            return vec![Note::MeanAlone];
        }
        let mut notes = self.trainee.notes();
        match (self.goal, options.target) {
            (Goal::Bytes(limit), _) if (bytes as f64) < SIZE_LEFT * limit as f64 && !meter.interrupted() => {
                notes.push(Note::SizeLeft { bytes, limit });
            }
            (Goal::Lambda(_), Target::Quality(quality)) => {
                let (wanted_db, reached_db) = (quality_psnr_db(quality), normalised.source_db(file.psnr_db));
                if wanted_db - reached_db > SPLINE_LESS_DB && !meter.interrupted() {
                    notes.push(Note::QualityMissed { wanted_db, reached_db });
                }
            }
            _ => {}
        }
        let (passes, usual) =
            (plan::steps(&signal.description, options.effort), plan::usual_steps(options.effort));
        if passes < usual && options.time_limit.is_none() {
            notes.push(Note::FewerPasses { passes, usual });
        }
        notes
    }
}
