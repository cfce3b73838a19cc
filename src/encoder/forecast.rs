//! Forecasts the duration of an encode from the work of its stages and the speed of the machine.

use super::budget::Budget;
use super::options::{EncodeOptions, Phase, Target};
use super::plan;
use super::session::Session;
use super::tuning::*;
use crate::backend::simd::{BLOCK, Residuals, Workspace};
use crate::backend::trainer::Points;
use crate::network::{Network, Shape};
use std::time::{Duration, Instant};

impl Session<'_> {
    /// Multiply-adds of one pass over the signal with the requested network, or with networks of the usual
    /// size.
    pub fn pass(&self) -> f64 {
        let description = &self.signal.description;
        let usual = plan::usual_shape(description);
        let shape = match self.options.target {
            Target::Shape { layers, width } => Shape { layers, width, ..usual },
            _ => usual,
        };
        let macs = shape.macs() as f64;
        self.evaluations() * description.positions() as f64 * macs
    }

    /// Times a few training steps and sets the expected speed of the meter.
    pub fn measure_speed(&self) {
        const STEPS: u32 = 20;
        let shape = plan::usual_shape(&self.signal.description);
        let count = BATCH_BLOCKS * BLOCK;
        let mut points = Points::zeros(shape.inputs, shape.outputs, count, Residuals::Values);
        points.weights.fill(1.0);
        let (network, mut gradient) = (Network::zeros(shape), vec![0.0; shape.parameters()]);
        let mut workspace = Workspace::default();
        let start = Instant::now();
        for _ in 0..STEPS {
            self.level.step(&network, points.all(), 0.0, &mut gradient, &mut workspace);
        }
        let work = f64::from(STEPS) * (count * shape.macs()) as f64;
        let speed = work / start.elapsed().as_secs_f64().max(1e-6);
        self.meter.set_speed(EFFICIENCY * speed * rayon::current_num_threads() as f64);
    }

    /// The time of a fit and the quantization after it on the CPU.
    pub fn foresee(&self) -> Duration {
        self.measure_speed();
        let EncodeOptions { target, effort, .. } = *self.options;
        let passes = plan::passes(target, &self.signal.description, effort);
        let stages = self.stages(Budget::of(effort, passes));
        let work: f64 = stages.iter().map(|(_, work)| work).sum();
        Duration::try_from_secs_f64(work / self.meter.speed()).unwrap_or(Duration::MAX)
    }

    /// `passes`, or about as many as the time limit allows. Reserves time for rendering the result twice:
    /// once in the encoder, once in the program that verifies the file.
    pub fn affordable(&self, passes: f64) -> f64 {
        // The timed steps ran on the CPU; a device keeps to the time by its own schedules.
        if self.trainer.is_parallel() {
            return passes;
        }
        let second = self.meter.speed() / EFFICIENCY;
        self.meter.reserve(Duration::from_secs_f64(2.0 * RENDERING * self.pass() / second));
        let Some(left) = self.meter.remaining() else { return passes };
        passes.min(SURPLUS * FIT_TIME * left.as_secs_f64() * second / self.pass())
    }

    /// The stages of a full fit and of the quantization after it.
    pub fn stages(&self, budget: Budget) -> Vec<(Phase, f64)> {
        let mut stages = vec![(Phase::Probe, budget.placing().passes)];
        let fits = plan::fits(&self.signal.description, budget.effort);
        stages.extend(fits.into_iter().map(|share| (Phase::Fit, share * budget.passes)));
        stages.extend(self.quantizations(budget.passes));
        stages.into_iter().map(|(phase, passes)| (phase, passes * self.pass())).collect()
    }

    /// The work after a fit, in passes: two quantizations, each with its sweeps, size estimates and
    /// renderings.
    fn quantizations(&self, passes: f64) -> [(Phase, f64); 2] {
        let sweeps = if passes < PASSES_FOR_SWEEPS { 0.0 } else { SWEEP * SWEEPS as f64 };
        let one = (REFIT * passes).min(MOST_REFIT) + sweeps + 2.0 * RENDERING;
        [(Phase::Quantize, one); 2]
    }
}
