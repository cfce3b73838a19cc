//! A whole training: soft rounding that hardens, then the networks alone on rounded latents.

use super::loss::{Loss, Step};
use super::training::Training;
use std::f64::consts::PI;

/// Temperatures and noise of soft rounding at the start and at the end.
const TEMPERATURE: [f64; 2] = [0.35, 0.08];
const NOISE: [f64; 2] = [0.22, 0.15];
/// Learning rates of latents and tensors, and the shares of them that remain at the end.
const RATES: [f64; 2] = [0.16, 0.01];
const LAST: [f64; 2] = [0.01, 0.03];
/// λ begins this much larger and falls to itself over this share of the steps: few bits first.
const HEAVIER: f64 = 2.0;
const RELIEF: f64 = 0.3;
/// The share of all steps in which the networks are trained on rounded latents, and their learning rate.
const TUNING: f64 = 0.08;
const TUNING_RATE: f64 = 0.001;
/// The first temperature and the share of the learning rates with which a trained field is trained on, and the
/// temperature that each unit of strength adds.
const AGAIN_TEMPERATURE: f64 = 0.12;
const AGAIN: f64 = 0.1;
const AGAIN_WARMER: f64 = 0.065;

/// How long to train for which trade of error for bits.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// All steps.
    pub steps: usize,
    /// Squared error (of the mean over the channels) per bit.
    pub lambda: f64,
}

/// A trained field, before its parameters are quantized.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// Integers of each grid in coding order, row by row.
    pub latents: Vec<Vec<i32>>,
    /// In the order and the units of files.
    pub tensors: Vec<Vec<f32>>,
    /// Of these latents and tensors.
    pub loss: Loss,
}

impl Schedule {
    /// The steps of a training of `steps` that round softly, and those on rounded latents.
    pub fn soft(steps: usize) -> usize {
        steps - Self::hard(steps)
    }
    /// The steps of a training of `steps` on rounded latents.
    pub fn hard(steps: usize) -> usize {
        (steps as f64 * TUNING) as usize
    }
    /// The learning rate at the share `f` of the steps on rounded latents.
    pub fn hard_rate(f: f64) -> f64 {
        TUNING_RATE * (1.0 - f)
    }
    /// The step at the share `f` of the steps with soft rounding.
    pub fn at(f: f64, lambda: f64) -> Step {
        let between = |[from, to]: [f64; 2]| (from + (to - from) * f) as f32;
        let cosine = 0.5 * (1.0 + (PI * f).cos());
        Step {
            lambda: (lambda * (1.0 + (HEAVIER - 1.0) * (1.0 - f / RELIEF).max(0.0))) as f32,
            temperature: between(TEMPERATURE),
            noise: between(NOISE),
            rates: std::array::from_fn(|n| RATES[n] * cosine.max(LAST[n])),
        }
    }
    /// A step that trains a field on, at the share `f` of such steps, with a `strength` of 1 for a field that
    /// is to change little, and of more for one that may lose what it learned last.
    pub fn again(f: f64, lambda: f64, strength: f64) -> Step {
        let first = AGAIN_TEMPERATURE + AGAIN_WARMER * (strength - 1.0);
        let temperature = (first + (TEMPERATURE[1] - first) * f) as f32;
        let rates = RATES.map(|rate| strength * AGAIN * rate * (1.0 - 0.95 * f));
        Step { rates, temperature, ..Schedule::at(1.0, lambda) }
    }
}

impl Training {
    /// Trains by `schedule`. `observe` gets the number of steps done and the loss before the last one, of
    /// softly rounded latents; if it returns false, the rest of the soft steps is skipped.
    pub fn fit(&mut self, schedule: &Schedule, mut observe: impl FnMut(usize, &Loss) -> bool) -> Trained {
        let (soft, hard) = (Schedule::soft(schedule.steps), Schedule::hard(schedule.steps));
        for n in 0..soft {
            let loss = self.step(Schedule::at(n as f64 / soft as f64, schedule.lambda));
            if !observe(n + 1, &loss) {
                break;
            }
        }
        self.harden();
        for n in 0..hard {
            self.tune(schedule.lambda as f32, Schedule::hard_rate(n as f64 / hard as f64));
        }
        let (latents, tensors) = self.rounded();
        let loss = self.evaluate(&latents, &tensors);
        Trained { latents, tensors, loss }
    }
}
