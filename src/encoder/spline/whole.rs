//! Trains the field of a whole signal at once.

use super::control::Control;
use super::fit::{Course, Fit};
use super::samples::Part;
use super::search::Trainee;
use crate::container::QuantizedSpline;
use crate::encoder::note::Note;
use crate::encoder::session::Session;
use crate::encoder::tuning::*;
use crate::field::spline::Shape;
use crate::fit::{SplineSchedule, SplineTraining};
use crate::quantize;
use std::time::{Duration, Instant};

/// A field that is trained at once.
pub(super) struct Whole<'s> {
    shape: Shape,
    fit: Fit<'s>,
    /// Exponents of the steps of the tensors, as last chosen.
    exponents: Vec<u8>,
    /// The least λ of a file so far, by which parameters are rounded: a larger one that makes latents fewer
    /// would make them far coarser, for few bits.
    rounding: f64,
}

impl<'s> Whole<'s> {
    /// A field for `samples` that is trained for so many `steps` in a `share` of the time that is left.
    pub fn new(session: &'s Session<'s>, shape: Shape, samples: &Part, (steps, share): (usize, f64)) -> Self {
        let training = SplineTraining::start(session.level, &shape, &samples.samples(), session.seed(0));
        let (meter, positions, after) = (&session.meter, samples.positions(), SPLINE_AFTER);
        let fit = Fit { meter, training, steps, positions, share, after, course: Course::default() };
        let exponents = quantize::usual_exponents(&shape);
        Whole { shape, fit, exponents, rounding: f64::INFINITY }
    }
}

impl Trainee for Whole<'_> {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn train(&mut self, control: &mut Control) {
        self.fit.train(control);
        self.fit.tune(control.lambda, 1.0);
    }

    fn correct(&mut self, lambda: f64, off: f64, before: usize) {
        if self.fit.positions < SPLINE_SMALL && before < SPLINE_RETRAININGS {
            self.fit.retrain(lambda);
            self.fit.tune(lambda, 1.0);
        } else {
            self.fit.train_on(lambda, off);
            self.fit.tune(lambda, 0.5);
        }
    }

    fn squeeze(&mut self, lambda: f64) {
        let start = Instant::now();
        for n in 0..SPLINE_SQUEEZE_STEPS {
            let f = f64::from(n) / f64::from(SPLINE_SQUEEZE_STEPS);
            self.fit.training.step(SplineSchedule::again(f, lambda, SPLINE_STRONGEST));
            if start.elapsed() > Duration::from_secs(1) {
                break;
            }
        }
        self.fit.training.harden();
    }

    fn field(&mut self, lambda: f64, hurried: bool) -> (QuantizedSpline, Option<f64>) {
        let training = &mut self.fit.training;
        let (latents, tensors) = training.rounded();
        let error = training.evaluate(&latents, &tensors).squared_error;
        self.rounding = self.rounding.min(lambda);
        if !hurried {
            let fitted = (&latents[..], &tensors[..]);
            let exponents = std::mem::take(&mut self.exponents);
            let lambdas = [self.rounding; 2];
            self.exponents = quantize::best_exponents(training, &self.shape, fitted, lambdas, exponents);
        }
        let latents = latents.iter().map(|grid| quantize::stored_latents(grid)).collect();
        (quantize::spline_of(&self.shape, latents, &tensors, self.exponents.clone()), Some(error))
    }

    fn notes(&self) -> Vec<Note> {
        vec![]
    }
}
