//! The training of one field of splines: its iterations, their λ, and the time that they may take.

use super::control::{self, Control};
use crate::encoder::options::Phase;
use crate::encoder::progress::{Meter, Stage};
use crate::encoder::tuning::*;
use crate::fit::{SplineLoss, SplineSchedule, SplineStep, SplineTraining};
use std::time::{Duration, Instant};

/// How often latents are rounded to measure what they will take, if this is done in the whole training.
const MEASUREMENTS: usize = 25;
/// The most states of a course.
const STATES: usize = 4096;
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
    /// Iterations that the work after this training takes as long as.
    pub after: f64,
    /// What the networks and λ were in the training.
    pub course: Course,
}

/// The networks and λ in the course of a training. Latents that are trained with networks that know the end of it
/// do not become as good as those that learned together with them.
#[derive(Default)]
pub(super) struct Course {
    states: Vec<State>,
    /// One in so many steps is recorded; none if 0.
    every: usize,
}

/// Tensors in the trainer's units, and λ.
struct State {
    lambda: f64,
    tensors: Vec<Vec<f32>>,
}

impl Course {
    /// A course of a training of so many steps that is recorded.
    pub fn recorded(steps: usize) -> Self {
        Course { states: vec![], every: steps.div_ceil(STATES).max(1) }
    }

    /// Records the state before step `n`.
    fn record(&mut self, n: usize, lambda: f64, training: &SplineTraining) {
        if self.every > 0 && n.is_multiple_of(self.every) {
            self.states.push(State { lambda, tensors: training.tensors().to_vec() });
        }
    }

    /// The state at a share `f` of the training.
    fn at(&self, f: f64) -> &State {
        let last = self.states.len() - 1;
        &self.states[((f * self.states.len() as f64) as usize).min(last)]
    }
}

impl Fit<'_> {
    /// Trains with soft rounding; begins again where λ turns out to be far off, because a field hardly recovers
    /// from a wrong one.
    pub fn train(&mut self, control: &mut Control) {
        for restarts in 0..=SPLINE_RESTARTS {
            self.training.begin_again();
            self.training.amplify(amplitude(control.lambda));
            if !self.train_once(control, restarts < SPLINE_RESTARTS) {
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

    /// One training of a field that has learned nothing; returns early with `true` if it `may_restart` and λ was
    /// far off.
    fn train_once(&mut self, control: &mut Control, may_restart: bool) -> bool {
        let (mut followed, mut restart) = (false, false);
        self.course.states.clear();
        self.train_from_start(|training, course, n, soft| {
            let (f, every) = (n as f64 / soft as f64, (soft / MEASUREMENTS).max(1));
            course.record(n, control.lambda, training);
            let loss = training.step(SplineSchedule::at(f, control.lambda));
            if f >= control::FROM && n >= control::FROM_STEP && n % every == 0 && control.aims() {
                let hard = training.hard_loss();
                if !followed && control.jump(f, &hard) && may_restart {
                    restart = true;
                    return None;
                }
                if followed {
                    control.follow(f, &hard, MEASUREMENTS);
                }
                followed = true;
            }
            Some(loss)
        });
        restart
    }

    /// Trains latents that are 0 with the networks and λ that another training had at each share of it.
    pub fn train_along(&mut self, course: &Course) {
        self.train_from_start(|training, _, n, soft| {
            let f = n as f64 / soft as f64;
            let State { lambda, tensors } = course.at(f);
            training.set_tensors(tensors);
            Some(training.step(SplineSchedule::at(f, *lambda)))
        });
    }

    /// Trains for the steps that the time allows by `step`, which gets the number of the step and of all steps, and
    /// returns nothing to end the training.
    fn train_from_start(
        &mut self,
        mut step: impl FnMut(&mut SplineTraining, &mut Course, usize, usize) -> Option<SplineLoss>,
    ) {
        let (mut soft, start) = (SplineSchedule::soft(self.steps), Instant::now());
        self.begin(Phase::Fit, soft);
        for n in 0.. {
            if n == TIMED {
                self.limit_steps(start.elapsed() / TIMED as u32);
                soft = SplineSchedule::soft(self.steps);
            }
            if n >= soft {
                break;
            }
            let loss = step(&mut self.training, &mut self.course, n, soft);
            if !loss.is_some_and(|loss| self.advance(loss.squared_error)) {
                break;
            }
        }
    }

    /// Reduces the iterations to what the time limit allows, where one takes `step`.
    fn limit_steps(&mut self, step: Duration) {
        let Some(left) = self.meter.remaining() else { return };
        let affordable = self.share * left.as_secs_f64() / step.as_secs_f64().max(1e-9) - self.after;
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
fn amplitude(lambda: f64) -> f32 {
    (lambda / 1e-3).sqrt().clamp(0.02, 1.0) as f32
}
