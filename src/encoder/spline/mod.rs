//! Encodes a signal as a field of splines: one training in which λ follows the target, then the rounding of
//! the networks, and corrections until the file is close enough.

mod control;
mod plan;

use super::finish::Finished;
use super::note::Note;
use super::options::{Phase, Target, quality_bits_per_sample, quality_psnr_db};
use super::progress::Stage;
use super::rate::{FitSummary, Outcome};
use super::session::Session;
use super::tuning::*;
use crate::container::Stored;
use crate::error::{Error, Result};
use crate::field::spline::Shape;
use crate::fit::{SplineSamples, SplineSchedule, SplineTraining};
use crate::quantize;
use crate::signal::Kind;
use control::{Aim, Control};
use std::time::{Duration, Instant};

/// Encodes the signal of a session.
///
/// # Errors
/// `TooSmall` for a size below the smallest file of the signal.
pub(super) fn encode(session: &Session<'_>) -> Result<Outcome> {
    let description = &session.signal.description;
    let (shape, goal) = (plan::shape(description), Goal::of(session)?);
    let (values, weights) = (values(session), weights(session));
    let samples = SplineSamples { values: &values, weights: weights.as_deref() };
    let training = SplineTraining::start(session.level, &shape, &samples, session.seed(0));
    let steps = plan::steps(description, session.options.effort) as usize;
    let exponents = quantize::usual_exponents(&shape);
    let mut search = Search { session, shape, goal, training, steps, exponents };
    search.run()
}

/// What a file should be.
#[derive(Clone, Copy, Debug)]
enum Goal {
    /// At most so many bytes.
    Bytes(u64),
    /// A PSNR of the fitted signal, dB.
    Psnr(f64),
    /// The trade of error for bits of a quality.
    Lambda(f64),
}

impl Goal {
    fn of(session: &Session<'_>) -> Result<Goal> {
        let description = &session.signal.description;
        let size = |limit: u64| {
            let least = session.smallest()?;
            if limit >= least {
                return Ok(Goal::Bytes(limit));
            }
            Err(Error::TooSmall { requested: limit, least, metadata: session.metadata_bytes()? })
        };
        match session.options.target {
            target @ (Target::Bytes(_) | Target::BitsPerPosition(_) | Target::Kbps(_)) => {
                size(target.limit(description))
            }
            Target::Psnr(db) => Ok(Goal::Psnr(session.normalised.fitted_db(db))),
            Target::Quality(quality) if description.kind == Kind::Sound => {
                let bits = quality_bits_per_sample(quality) * session.samples();
                size(((bits / 8.0) as u64).max(session.smallest()?))
            }
            Target::Quality(quality) => Ok(Goal::Lambda(lambda_of_psnr(quality_psnr_db(quality)))),
            Target::Shape { .. } => {
                Err(Error::parameter("field", "splines, expected sine networks with layers"))
            }
        }
    }
}

/// The amplitude of features at the start: a latent's step of a size whose error is worth about a bit.
fn amplitude(lambda: f64) -> f32 {
    (lambda / 1e-3).sqrt().clamp(0.02, 1.0) as f32
}

/// The λ that photographs of this PSNR have, roughly.
fn lambda_of_psnr(db: f64) -> f64 {
    1e-3 * 10f64.powf((33.3 - db) / SPLINE_DB_PER_DECADE)
}

/// A file, and the squared error before the networks were rounded, the mean over the channels.
struct Fitted {
    finished: Finished,
    error: f64,
}

/// Iterations whose time is measured.
const TIMED: usize = 5;

/// One encode.
struct Search<'s> {
    session: &'s Session<'s>,
    shape: Shape,
    goal: Goal,
    training: SplineTraining,
    /// Iterations of the whole training.
    steps: usize,
    /// Exponents of the steps of the tensors, as last chosen.
    exponents: Vec<u8>,
}

impl Search<'_> {
    /// Trains, corrects and keeps the best file.
    fn run(&mut self) -> Result<Outcome> {
        let mut control = self.control()?;
        self.training.amplify(amplitude(control.lambda));
        self.announce();
        self.train(&mut control);
        let best = self.corrected(&mut control)?;
        match self.goal {
            Goal::Bytes(limit) if self.is_too_large(&best.finished) => {
                let squeezed = self.squeezed(limit, control.lambda)?;
                self.outcome(squeezed)
            }
            _ => self.outcome(best),
        }
    }

    /// What the training aims at, and the λ that it begins with.
    fn control(&self) -> Result<Control> {
        let positions = self.session.signal.description.positions() as f64;
        let (aim, lambda) = match self.goal {
            Goal::Bytes(limit) => {
                let overhead = self.session.smallest()? as f64;
                let bits =
                    (8.0 * (SPLINE_FILL * limit as f64 - overhead) - self.network_bits()) / SPLINE_HARD;
                let bits = bits.max(0.05 * 8.0 * limit as f64);
                (Aim::Bits(bits), 1e-3 * (0.4 * positions / bits).powf(1.7).clamp(1e-4, 1e4))
            }
            Goal::Psnr(db) => (Aim::Error(positions * 10f64.powf(-db / 10.0)), lambda_of_psnr(db)),
            Goal::Lambda(lambda) => (Aim::Lambda, lambda),
        };
        Ok(Control::new(aim, lambda, self.steps, positions))
    }

    /// Bits of the parameters of a usual file.
    fn network_bits(&self) -> f64 {
        SPLINE_BITS_PER_PARAMETER * self.shape.parameters() as f64
    }

    /// Announces the work of the training and of the rounding after it.
    fn announce(&self) {
        let positions = self.session.signal.description.positions() as f64;
        let [soft, hard] = [SplineSchedule::soft(self.steps), SplineSchedule::hard(self.steps)];
        let stages = [(Phase::Fit, soft), (Phase::Quantize, hard)];
        self.session.meter.plan(stages.map(|(phase, steps)| (phase, steps as f64 * positions)));
    }

    /// The best file of the trained field and of its corrections, which end when one is close enough.
    fn corrected(&mut self, control: &mut Control) -> Result<Fitted> {
        let mut last = self.finish(control, 1.0)?;
        let (mut best, mut corrections) = (None, 0);
        loop {
            let (met, too_large) = (self.is_met(&last.finished), self.is_too_large(&last.finished));
            let (found, wanted) = self.missed(&last.finished);
            let kept = match best.take() {
                Some(best) => self.better(best, last),
                None => last,
            };
            let must = too_large || matches!(self.goal, Goal::Psnr(_));
            let most = if must { SPLINE_CORRECTIONS_TO_FIT } else { SPLINE_CORRECTIONS };
            let meter = &self.session.meter;
            if met || corrections == most || meter.stopped() || meter.is_limited() && !too_large {
                return Ok(kept);
            }
            best = Some(kept);
            corrections += 1;
            control.correct(found, wanted, too_large);
            self.train_on(control, (found / wanted).ln().abs());
            last = self.finish(control, 0.5)?;
        }
    }

    /// Trains with soft rounding, from the start.
    fn train(&mut self, control: &mut Control) {
        self.begin(Phase::Fit, SplineSchedule::soft(self.steps));
        let (mut soft, start) = (SplineSchedule::soft(self.steps), Instant::now());
        for n in 0.. {
            if n == TIMED {
                self.limit_steps(start.elapsed() / TIMED as u32);
                soft = SplineSchedule::soft(self.steps);
                *control = control.of_steps(self.steps);
            }
            if n >= soft {
                break;
            }
            let f = n as f64 / soft as f64;
            let loss = self.training.step(SplineSchedule::at(f, control.lambda));
            control.follow(f, &loss);
            if !self.advance(loss.squared_error) {
                break;
            }
        }
    }

    /// Reduces the iterations to what the time limit allows, where one takes `step`.
    fn limit_steps(&mut self, step: Duration) {
        let Some(left) = self.session.meter.remaining() else { return };
        let affordable = left.as_secs_f64() / step.as_secs_f64().max(1e-9) - SPLINE_AFTER;
        self.steps = self.steps.min(affordable.max(TIMED as f64) as usize);
    }

    /// Trains on with soft rounding and a corrected λ: longer, the more it is `off`, natural logarithms.
    fn train_on(&mut self, control: &Control, off: f64) {
        let share = SPLINE_CORRECTION * (1.0 + off / SPLINE_FAR).min(3.0);
        let steps = (share * self.steps as f64).max(30.0) as usize;
        self.begin(Phase::Fit, steps);
        for n in 0..steps {
            let loss = self.training.step(SplineSchedule::again(n as f64 / steps as f64, control.lambda));
            if !self.advance(loss.squared_error) {
                break;
            }
        }
    }

    /// Rounds the latents, trains the networks on them for a `share` of the usual iterations and rounds them;
    /// writes the file and measures it.
    fn finish(&mut self, control: &Control, share: f64) -> Result<Fitted> {
        let usual = if self.session.meter.stopped() { 0 } else { SplineSchedule::hard(self.steps) };
        let steps = (share * usual as f64) as usize;
        self.begin(Phase::Quantize, steps);
        self.training.harden();
        for n in 0..steps {
            self.training.tune(control.lambda as f32, SplineSchedule::hard_rate(n as f64 / steps as f64));
            if !self.advance(f64::NAN) {
                break;
            }
        }
        let hurried = self.session.meter.stopped();
        self.written(control.lambda, hurried)
    }

    /// A file that is small enough, by iterations with larger and larger λ, which take about a second each
    /// time, whether or not the encode was stopped; in the end, the mean of the signal.
    fn squeezed(&mut self, limit: u64, mut lambda: f64) -> Result<Fitted> {
        for _ in 0..SPLINE_SQUEEZES {
            if self.network_bits() > 8.0 * limit as f64 {
                break;
            }
            lambda *= SPLINE_SQUEEZE;
            let start = Instant::now();
            for n in 0..SPLINE_SQUEEZE_STEPS {
                let f = f64::from(n) / f64::from(SPLINE_SQUEEZE_STEPS);
                self.training.step(SplineSchedule::again(f, lambda));
                if start.elapsed() > Duration::from_secs(1) {
                    break;
                }
            }
            self.training.harden();
            let fitted = self.written(lambda, true)?;
            if !self.is_too_large(&fitted.finished) {
                return Ok(fitted);
            }
        }
        Ok(Fitted { finished: self.session.finish(self.session.mean())?, error: f64::NAN })
    }

    /// The file of the field as it is trained, with rounded latents; if `hurried`, its networks are rounded
    /// without measurements.
    fn written(&mut self, lambda: f64, hurried: bool) -> Result<Fitted> {
        let (latents, tensors) = self.training.rounded();
        let error = self.training.evaluate(&latents, &tensors).squared_error;
        if !hurried {
            let fitted = (&latents[..], &tensors[..]);
            let (training, exponents) = (&mut self.training, std::mem::take(&mut self.exponents));
            self.exponents = quantize::best_exponents(training, &self.shape, fitted, lambda, exponents);
        }
        let field = quantize::spline_of(&self.shape, &latents, &tensors, self.exponents.clone());
        Ok(Fitted { finished: self.session.finish(Stored::Spline(field))?, error })
    }

    fn begin(&self, phase: Phase, steps: usize) {
        let points = self.session.signal.description.positions();
        let work = steps as f64 * points as f64;
        let stage = Stage { points, iterations: steps as u64, work, mse: f64::NAN };
        self.session.meter.begin(phase, [stage]);
    }

    /// Reports an iteration; whether to go on.
    fn advance(&self, squared_error: f64) -> bool {
        let positions = self.session.signal.description.positions() as f64;
        self.session.meter.advance(0, 1, squared_error / positions)
    }

    /// Whether a file is as close to the goal as asked.
    fn is_met(&self, file: &Finished) -> bool {
        match self.goal {
            Goal::Bytes(limit) => {
                let size = file.bytes.len() as f64;
                size <= limit as f64 && size >= SPLINE_FULL * limit as f64
            }
            Goal::Psnr(db) => (file.psnr_db - db).abs() <= SPLINE_NEAR_DB,
            Goal::Lambda(_) => true,
        }
    }

    /// Whether a file has more bytes than allowed.
    fn is_too_large(&self, file: &Finished) -> bool {
        matches!(self.goal, Goal::Bytes(limit) if file.bytes.len() as u64 > limit)
    }

    /// What a file has of what is aimed at, and what is wanted: bytes, or a squared error.
    fn missed(&self, file: &Finished) -> (f64, f64) {
        match self.goal {
            Goal::Bytes(limit) => (file.bytes.len() as f64, SPLINE_FILL * limit as f64),
            Goal::Psnr(db) => (10f64.powf(-file.psnr_db / 10.0), 10f64.powf(-db / 10.0)),
            Goal::Lambda(_) => (1.0, 1.0),
        }
    }

    /// The better of two files.
    fn better(&self, a: Fitted, b: Fitted) -> Fitted {
        let off = |file: &Finished| match self.goal {
            Goal::Bytes(limit) => match file.bytes.len() as u64 {
                size if size > limit => 1e3 + size as f64,
                _ => -file.psnr_db,
            },
            Goal::Psnr(db) => (file.psnr_db - db).abs(),
            Goal::Lambda(_) => 0.0,
        };
        if off(&b.finished) < off(&a.finished) { b } else { a }
    }

    fn outcome(&self, Fitted { finished, error }: Fitted) -> Result<Outcome> {
        let reached = match self.goal {
            Goal::Bytes(limit) => finished.bytes.len() as u64 <= limit,
            Goal::Psnr(db) => (finished.psnr_db - db).abs() <= 0.1,
            Goal::Lambda(_) => true,
        };
        let channels = f64::from(self.session.signal.description.channels);
        let fit = FitSummary {
            error: error * channels,
            parameters: self.shape.parameters() as u64 + self.shape.latents(),
            tiles: 1,
            layers: self.shape.layers,
            width: self.shape.width,
        };
        let notes = self.notes(&finished, error.is_nan());
        Ok(Outcome { finished, fit, reached, notes })
    }

    /// Notes on a file that is far from what was asked, or had fewer iterations than usual.
    fn notes(&self, file: &Finished, mean_alone: bool) -> Vec<Note> {
        let Session { signal, options, normalised, meter, .. } = self.session;
        let bytes = file.bytes.len() as u64;
        let mut notes = vec![];
        if mean_alone {
            return vec![Note::MeanAlone];
        }
        match (self.goal, options.target) {
            (Goal::Bytes(limit), _)
                if (bytes as f64) < SPLINE_LEFT * limit as f64 && !meter.interrupted() =>
            {
                notes.push(Note::SizeLeft { bytes, limit });
            }
            (Goal::Lambda(_), Target::Quality(quality)) => {
                let (wanted_db, reached_db) = (quality_psnr_db(quality), normalised.source_db(file.psnr_db));
                if (reached_db - wanted_db).abs() > QUALITY_TOLERANCE && !meter.interrupted() {
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

/// The samples as they are fitted, channels interleaved.
fn values(session: &Session<'_>) -> Vec<f32> {
    let samples = &session.signal.samples;
    (0..samples.len()).map(|i| samples.get(i)).collect()
}

/// The weights of the samples' errors: those of colours are weighted by alpha. `None` if all are 1.
fn weights(session: &Session<'_>) -> Option<Vec<f32>> {
    let channels = usize::from(session.signal.description.channels);
    let (offset, scale) = session.normalised.units_of_alpha();
    let samples = &session.signal.samples;
    let weight = |i: usize| match i % channels + 1 == channels {
        true => 1.0,
        false => (offset + scale * samples.get(i - i % channels + channels - 1)).clamp(0.0, 1.0),
    };
    session.weighs_by_alpha().then(|| (0..samples.len()).map(weight).collect())
}
