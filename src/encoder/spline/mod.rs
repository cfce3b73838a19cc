//! Encodes a signal as a field of splines: one training in which λ follows the target, then the rounding of
//! the networks, and corrections until the file is close enough.

mod control;
mod fit;
mod goal;
mod plan;
mod regions;
mod samples;
mod search;
mod whole;

use super::options::Phase;
use super::rate::Outcome;
use super::session::Session;
use crate::error::Result;
use crate::fit::SplineSchedule;
use goal::{Fitted, Goal};
pub(super) use plan::{least_memory, usual_shape};
use regions::Regions;
use samples::Part;
use search::Search;
use whole::Whole;

/// Encodes the signal of a session.
///
/// # Errors
/// `TooSmall` for a size below the smallest file of the signal.
pub(super) fn encode(session: &Session<'_>) -> Result<Outcome> {
    let description = &session.signal.description;
    let (shapes, goal) = (plan::shapes(description), Goal::of(session)?);
    let steps = plan::steps(description, session.options.effort) as usize;
    if let Some(side) = plan::region(description, session.options.limits.memory_bytes) {
        let Some(shape) = shapes.last() else { unreachable!("every signal has a shape") };
        let mut search = Search::new(session, goal, Regions::new(session, shape, side, steps));
        let fitted = search.run()?;
        return search.outcome(fitted);
    }
    announce(session, shapes.len(), steps);
    let samples = Part::whole(session);
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

/// Announces the work of so many trainings of so many `steps`, and of the rounding after each.
fn announce(session: &Session<'_>, trainings: usize, steps: usize) {
    let [soft, hard] = [SplineSchedule::soft(steps), SplineSchedule::hard(steps)];
    let positions = session.signal.description.positions() as f64;
    let work = |steps: usize| (trainings * steps) as f64 * positions;
    session.meter.plan([(Phase::Fit, work(soft)), (Phase::Quantize, work(hard))]);
}
