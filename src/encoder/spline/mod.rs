//! Encodes a signal as a field of splines: one training in which λ follows the target, then the rounding of
//! the networks, and corrections until the file is close enough.

mod control;
mod fit;
mod goal;
mod plan;
mod search;
mod whole;

use super::options::Phase;
use super::rate::Outcome;
use super::session::Session;
use crate::error::Result;
use crate::fit::{SplineSamples, SplineSchedule};
use goal::Goal;
use search::{Fitted, Search};
use whole::Whole;

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
    let steps = plan::steps(description, session.options.effort) as usize;
    let mut best: Option<(Fitted, Search<'_, Whole<'_>>)> = None;
    for (n, shape) in shapes.iter().enumerate() {
        // Each training takes its part of the time that the ones before have left.
        let share = 1.0 / (shapes.len() - n) as f64;
        let whole = Whole::new(session, shape.clone(), &samples, (steps, share));
        let mut search = Search::new(session, goal, whole);
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
