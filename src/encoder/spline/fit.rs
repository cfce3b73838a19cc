//! The training of one field of splines: its iterations, their λ, and the time that they may take.

use super::control::{self, Control};
use crate::encoder::options::Phase;
use crate::encoder::progress::{Meter, Stage};
use crate::encoder::tuning::*;
use crate::fit::{SplineSchedule, SplineStep, SplineTraining};
use std::time::{Duration, Instant};

/// How often latents are rounded to measure what they will take, if this is done in the whole training.
const MEASUREMENTS: usize = 25;
/// Iterations whose time is measured.
const TIMED: usize = 5;

/// A field in training.
pub(super) struct Fit<'s> {
    pub meter: &'s Meter<'s>,
    pub training: SplineTraining,
    /// Iterations of a whole training.
    pub steps: usize,
    /// Positions of the trained signal.
    pub positions: u64,
    /// The share of the time that is left which this training may take.
    pub share: f64,
}

impl Fit<'_> {
    /// Trains with soft rounding; begins again where λ turns out to be far off, because a field hardly recovers
    /// from a wrong one.
    pub fn train(&mut self, control: &mut Control) {
        for restarts in 0..=SPLINE_RESTARTS {
            self.training.begin_again();
            self.training.amplify(amplitude(control.lambda));
            if !self.train_from_start(control, restarts < SPLINE_RESTARTS) {
                break;
            }
        }
    }

    /// Trains with one λ, from the start: what was learned with another one hardly changes.
    pub fn retrain(&mut self, lambda: f64) {
        self.training.begin_again();
        self.training.amplify(amplitude(lambda));
        self.train_by(SplineSchedule::soft(self.steps), |f| SplineSchedule::at(f, lambda));
    }

    /// Trains for so many steps, each of which is given by the share of them that is done.
    pub fn train_by(&mut self, steps: usize, step: impl Fn(f64) -> SplineStep) {
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
        let Some(left) = self.meter.remaining() else { return };
        let affordable = self.share * left.as_secs_f64() / step.as_secs_f64().max(1e-9) - SPLINE_AFTER;
        self.steps = self.steps.min(affordable.max(TIMED as f64) as usize);
    }

    /// Trains on with soft rounding and a corrected λ: longer, the more it is `off`, natural logarithms.
    pub fn train_on(&mut self, lambda: f64, off: f64) {
        let strength = (1.0 + off / SPLINE_FAR).min(SPLINE_STRONGEST);
        let share = SPLINE_CORRECTION * strength;
        let steps = (share * self.steps as f64).max(30.0 * strength) as usize;
        self.train_by(steps, |f| SplineSchedule::again(f, lambda, strength));
    }

    /// Rounds the latents, and trains the networks on them for a `share` of the usual iterations.
    pub fn tune(&mut self, lambda: f64, share: f64) {
        let usual = if self.meter.stopped() { 0 } else { SplineSchedule::hard(self.steps) };
        let steps = (share * usual as f64) as usize;
        self.begin(Phase::Quantize, steps);
        self.training.harden();
        for n in 0..steps {
            self.training.tune(lambda as f32, SplineSchedule::hard_rate(n as f64 / steps as f64));
            if !self.advance(f64::NAN) {
                break;
            }
        }
    }

    fn begin(&self, phase: Phase, steps: usize) {
        let work = steps as f64 * self.positions as f64;
        let stage = Stage { points: self.positions, iterations: steps as u64, work, mse: f64::NAN };
        self.meter.begin(phase, [stage]);
    }

    /// Reports an iteration; whether to go on.
    fn advance(&self, squared_error: f64) -> bool {
        self.meter.advance(0, 1, squared_error / self.positions as f64)
    }
}

/// The amplitude of features at the start: a latent's step of a size whose error is worth about a bit.
pub(super) fn amplitude(lambda: f64) -> f32 {
    (lambda / 1e-3).sqrt().clamp(0.02, 1.0) as f32
}
