//! The budget of a fit: passes over the samples and a share of the remaining time.

use super::tuning::{FIT_TIME, PLACING, PLACING_TIME, PROBE_TIME};
use crate::backend::trainer::Allowance;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The budget of a fit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// Passes over the samples.
    pub passes: f64,
    /// Share of the time remaining until the deadline, 0 to 1; ignored without a deadline.
    pub time: f64,
    /// The effort, 1 to 9, which decides how many fits each tile gets.
    pub effort: u8,
}

impl Budget {
    /// The budget of a full fit: `passes` passes and all of the remaining time.
    pub fn of(effort: u8, passes: f64) -> Self {
        Budget { passes, time: 1.0, effort }
    }
    /// The budget of a probe.
    pub fn of_probe(passes: f64) -> Self {
        Budget { passes, time: PROBE_TIME, effort: 1 }
    }
    /// The part of this budget for placing capacity among tiles.
    pub fn placing(self) -> Self {
        Budget { passes: PLACING * self.passes, time: PLACING_TIME * self.time, ..self }
    }
    /// The part of this budget for training after placing, with a share of the passes.
    pub fn training(self, share: f64) -> Self {
        Budget { passes: share * self.passes, time: FIT_TIME * self.time, ..self }
    }
}

/// Divides time among groups of tiles that run side by side. The time a group spends outside training is not
/// known beforehand: it reduces the time of groups that begin later.
pub(crate) struct Pace {
    end: Instant,
    state: Mutex<State>,
}

/// Costs of groups, in any unit.
struct State {
    waiting: f64,
    running: f64,
}

impl Pace {
    /// Divides `time` from now on among groups with these costs.
    pub fn new(time: Duration, costs: &[u64]) -> Self {
        let waiting = costs.iter().sum::<u64>() as f64;
        Pace { end: Instant::now() + time, state: Mutex::new(State { waiting, running: 0.0 }) }
    }

    /// The time of a group that begins now, where `together` groups run at a time.
    pub fn begin(&self, cost: u64, together: usize) -> Allowance {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let from = Instant::now();
        // On average, running groups are half done.
        let all = state.waiting + 0.5 * state.running;
        let part = (cost as f64 / all.max(1.0) * together as f64).clamp(0.0, 1.0);
        state.waiting -= cost as f64;
        state.running += cost as f64;
        Allowance { from, length: self.end.saturating_duration_since(from).mul_f64(part) }
    }

    /// Records that a group that had begun has ended.
    pub fn end(&self, cost: u64) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).running -= cost as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_share_what_is_left_when_they_begin() {
        let second = Duration::from_secs(1);
        let pace = Pace::new(1000 * second, &[10, 10, 20]);
        let near = |allowance: Allowance, seconds: f64| {
            let length = allowance.length.as_secs_f64();
            assert!((length / seconds - 1.0).abs() < 0.01, "{length} of {seconds}");
        };
        near(pace.begin(10, 1), 250.0);
        pace.end(10);
        // As if the first group had taken 700 seconds instead of 250.
        let pace = Pace { end: pace.end - 700 * second, ..pace };
        near(pace.begin(10, 1), 100.0);
        pace.end(10);
        near(pace.begin(20, 1), 300.0);
    }

    #[test]
    fn tiles_side_by_side_have_as_much_time_as_they_would_alone() {
        let pace = Pace::new(Duration::from_secs(1000), &[10; 10]);
        let lengths: Vec<f64> = (0..2).map(|_| pace.begin(10, 2).length.as_secs_f64()).collect();
        assert!((lengths[0] - 200.0).abs() < 1.0 && (200.0..220.0).contains(&lengths[1]), "{lengths:?}");
        // The last of many groups has no more than the remaining time.
        let pace = Pace::new(Duration::from_secs(1000), &[10]);
        assert!(pace.begin(10, 8).length <= Duration::from_secs(1000));
    }
}
