//! Encodes a signal as a field of splines: one training in which λ follows the target, then the rounding of
//! the networks, and corrections until the file is close enough.

mod control;
mod goal;
mod plan;

use super::finish::Finished;
use super::note::Note;
use super::options::{Phase, Target, quality_psnr_db};
use super::progress::Stage;
use super::rate::{FitSummary, Outcome};
use super::session::Session;
use super::tuning::*;
use crate::container::Stored;
use crate::error::Result;
use crate::field::spline::Shape;
use crate::fit::{SplineSamples, SplineSchedule, SplineStep, SplineTraining};
use crate::quantize;
use control::{Aim, Control};
use goal::{Goal, lambda_of_psnr};
use std::time::{Duration, Instant};

/// Encodes the signal of a session.
///
/// # Errors
/// `TooSmall` for a size below the smallest file of the signal.
pub(super) fn encode(session: &Session<'_>) -> Result<Outcome> {
    let description = &session.signal.description;
    let (shapes, goal) = (plan::shapes(description), Goal::of(session)?);
    let (values, weights) = (values(session), weights(session));
    let samples = SplineSamples { values: &values, weights: weights.as_deref() };
    announce(session, shapes.len());
    let mut best: Option<(Fitted, Search<'_>)> = None;
    for (n, shape) in shapes.iter().enumerate() {
        let mut search = Search::new(session, shape.clone(), goal, &samples);
        // Each training takes its part of the time that the ones before have left.
        search.share = 1.0 / (shapes.len() - n) as f64;
        let fitted = search.run()?;
        best = Some(match best {
            Some(best) if !goal.prefers(&fitted, &best.0) => best,
            _ => (fitted, search),
        });
        if session.meter.stopped() {
            break;
        }
    }
    let Some((fitted, search)) = best else { unreachable!("every signal has a shape") };
    search.outcome(fitted)
}

/// Announces the work of so many trainings and of the rounding after each.
fn announce(session: &Session<'_>, trainings: usize) {
    let description = &session.signal.description;
    let steps = plan::steps(description, session.options.effort) as usize;
    let [soft, hard] = [SplineSchedule::soft(steps), SplineSchedule::hard(steps)];
    let work = |steps: usize| (trainings * steps) as f64 * description.positions() as f64;
    session.meter.plan([(Phase::Fit, work(soft)), (Phase::Quantize, work(hard))]);
}

/// The amplitude of features at the start: a latent's step of a size whose error is worth about a bit.
fn amplitude(lambda: f64) -> f32 {
    (lambda / 1e-3).sqrt().clamp(0.02, 1.0) as f32
}

/// A file, and the squared error before the networks were rounded, the mean over the channels.
struct Fitted {
    finished: Finished,
    error: f64,
    /// Positions of the signal.
    positions: f64,
}

/// How often latents are rounded to measure what they will take, if this is done in the whole training.
const MEASUREMENTS: usize = 25;
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
    /// The least λ of a file so far, by which parameters are rounded: a larger one that makes latents fewer
    /// would make them far coarser, for few bits.
    rounding: f64,
    /// The share of the time that is left which this training may take.
    share: f64,
}

impl<'s> Search<'s> {
    fn new(session: &'s Session<'s>, shape: Shape, goal: Goal, samples: &SplineSamples<'_>) -> Self {
        let training = SplineTraining::start(session.level, &shape, samples, session.seed(0));
        let steps = plan::steps(&session.signal.description, session.options.effort) as usize;
        let exponents = quantize::usual_exponents(&shape);
        let (rounding, share) = (f64::INFINITY, 1.0);
        Search { session, shape, goal, training, steps, exponents, rounding, share }
    }

    /// Trains, corrects and returns the best file.
    fn run(&mut self) -> Result<Fitted> {
        let mut control = self.control()?;
        self.train(&mut control);
        let best = self.corrected(&mut control)?;
        if self.goal.is_exceeded_by(&best.finished) { self.squeezed(control.lambda) } else { Ok(best) }
    }

    /// What the training aims at, and the λ that it begins with.
    fn control(&self) -> Result<Control> {
        let positions = self.session.signal.description.positions() as f64;
        let (aim, lambda) = match self.goal {
            Goal::Bytes(limit) => {
                let overhead = self.session.smallest()? as f64;
                let bits = 8.0 * (SPLINE_FILL * limit as f64 - overhead).max(0.1 * limit as f64);
                (Aim::Bits(bits), 1e-3 * (0.4 * positions / bits).powf(1.7).clamp(1e-4, 1e4))
            }
            Goal::Psnr(db) => (Aim::Error(positions * 10f64.powf(-db / 10.0)), lambda_of_psnr(db)),
            Goal::Lambda(lambda) => (Aim::Lambda, lambda),
        };
        Ok(Control::new(aim, lambda, positions, &self.shape))
    }

    /// The best file of the trained field and of its corrections, which end when one is close enough.
    fn corrected(&mut self, control: &mut Control) -> Result<Fitted> {
        let mut last = self.finish(control, 1.0)?;
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
            corrections += 1;
            control.correct(found, wanted, too_large);
            last = if self.positions() < SPLINE_SMALL as f64 && corrections <= SPLINE_RETRAININGS {
                self.retrain(control.lambda);
                self.finish(control, 1.0)?
            } else {
                self.train_on(control, (found / wanted).ln().abs());
                self.finish(control, 0.5)?
            };
        }
    }

    /// Trains with soft rounding; begins again where λ turns out to be far off, because a field hardly recovers
    /// from a wrong one.
    fn train(&mut self, control: &mut Control) {
        for restarts in 0..=SPLINE_RESTARTS {
            self.training.begin_again();
            self.training.amplify(amplitude(control.lambda));
            if !self.train_from_start(control, restarts < SPLINE_RESTARTS) {
                break;
            }
        }
    }

    /// Trains with one λ, from the start: what was learned with another one hardly changes.
    fn retrain(&mut self, lambda: f64) {
        self.training.begin_again();
        self.training.amplify(amplitude(lambda));
        self.train_by(SplineSchedule::soft(self.steps), |f| SplineSchedule::at(f, lambda));
    }

    /// Trains for so many steps, each of which is given by the share of them that is done.
    fn train_by(&mut self, steps: usize, step: impl Fn(f64) -> SplineStep) {
        self.begin(Phase::Fit, steps);
        for n in 0..steps {
            let loss = self.training.step(step(n as f64 / steps as f64));
            if !self.advance(loss.squared_error) {
                break;
            }
        }
    }

    /// One training; returns early with `true` if it `may_restart` and λ was far off.
    fn train_from_start(&mut self, control: &mut Control, may_restart: bool) -> bool {
        self.begin(Phase::Fit, SplineSchedule::soft(self.steps));
        let (mut soft, start) = (SplineSchedule::soft(self.steps), Instant::now());
        let mut followed = false;
        for n in 0.. {
            if n == TIMED {
                self.limit_steps(start.elapsed() / TIMED as u32);
                soft = SplineSchedule::soft(self.steps);
            }
            if n >= soft {
                break;
            }
            let (f, every) = (n as f64 / soft as f64, (soft / MEASUREMENTS).max(1));
            let loss = self.training.step(SplineSchedule::at(f, control.lambda));
            if f >= control::FROM && n >= control::FROM_STEP && n % every == 0 && control.aims() {
                let hard = self.training.hard_loss();
                if !followed && control.jump(f, &hard) && may_restart {
                    return true;
                }
                if followed {
                    control.follow(f, &hard, MEASUREMENTS);
                }
                followed = true;
            }
            if !self.advance(loss.squared_error) {
                break;
            }
        }
        false
    }

    /// Reduces the iterations to what the time limit allows, where one takes `step`.
    fn limit_steps(&mut self, step: Duration) {
        let Some(left) = self.session.meter.remaining() else { return };
        let affordable = self.share * left.as_secs_f64() / step.as_secs_f64().max(1e-9) - SPLINE_AFTER;
        self.steps = self.steps.min(affordable.max(TIMED as f64) as usize);
    }

    /// Trains on with soft rounding and a corrected λ: longer, the more it is `off`, natural logarithms.
    fn train_on(&mut self, control: &Control, off: f64) {
        let strength = (1.0 + off / SPLINE_FAR).min(SPLINE_STRONGEST);
        let share = SPLINE_CORRECTION * strength;
        let steps = (share * self.steps as f64).max(30.0 * strength) as usize;
        self.train_by(steps, |f| SplineSchedule::again(f, control.lambda, strength));
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
    fn squeezed(&mut self, mut lambda: f64) -> Result<Fitted> {
        for _ in 0..SPLINE_SQUEEZES {
            lambda *= SPLINE_SQUEEZE;
            let start = Instant::now();
            for n in 0..SPLINE_SQUEEZE_STEPS {
                let f = f64::from(n) / f64::from(SPLINE_SQUEEZE_STEPS);
                self.training.step(SplineSchedule::again(f, lambda, SPLINE_STRONGEST));
                if start.elapsed() > Duration::from_secs(1) {
                    break;
                }
            }
            self.training.harden();
            let fitted = self.written(lambda, true)?;
            if !self.goal.is_exceeded_by(&fitted.finished) {
                return Ok(fitted);
            }
        }
        let finished = self.session.finish(self.session.mean())?;
        Ok(Fitted { finished, error: f64::NAN, positions: self.positions() })
    }

    /// The file of the field as it is trained, with rounded latents; if `hurried`, its networks are rounded
    /// without measurements.
    fn written(&mut self, lambda: f64, hurried: bool) -> Result<Fitted> {
        let (latents, tensors) = self.training.rounded();
        let error = self.training.evaluate(&latents, &tensors).squared_error;
        self.rounding = self.rounding.min(lambda);
        if !hurried {
            let fitted = (&latents[..], &tensors[..]);
            let (training, exponents) = (&mut self.training, std::mem::take(&mut self.exponents));
            self.exponents =
                quantize::best_exponents(training, &self.shape, fitted, self.rounding, exponents);
        }
        let field = quantize::spline_of(&self.shape, &latents, &tensors, self.exponents.clone());
        let finished = self.session.finish(Stored::Spline(field))?;
        Ok(Fitted { finished, error, positions: self.positions() })
    }

    fn positions(&self) -> f64 {
        self.session.signal.description.positions() as f64
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

    fn outcome(&self, Fitted { finished, error, .. }: Fitted) -> Result<Outcome> {
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
