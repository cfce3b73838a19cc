//! Progress of many tiles at once as one stream of reports, and the word to stop.

use super::options::{Flow, Phase, Progress};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often the observer is called.
const INTERVAL: Duration = Duration::from_millis(100);

/// Collects progress from the workers.
pub(crate) struct Meter<'a> {
    observe: &'a (dyn Fn(&Progress) -> Flow + Sync),
    deadline: Option<Instant>,
    /// What has to be left at the deadline, microseconds.
    reserved: AtomicU64,
    state: Mutex<State>,
    /// Optimiser steps of all phases.
    all_steps: AtomicU64,
    interrupted: AtomicBool,
}

struct State {
    phase: Phase,
    step: u64,
    steps: u64,
    /// Mean squared error of each tile and its number of points.
    errors: Vec<(f64, f64)>,
    reported: Instant,
}

impl<'a> Meter<'a> {
    pub fn new(observe: &'a (dyn Fn(&Progress) -> Flow + Sync), deadline: Option<Instant>) -> Self {
        let state =
            State { phase: Phase::Probe, step: 0, steps: 0, errors: vec![], reported: Instant::now() };
        Meter {
            observe,
            deadline,
            reserved: AtomicU64::new(0),
            state: Mutex::new(state),
            all_steps: AtomicU64::new(0),
            interrupted: AtomicBool::new(false),
        }
    }

    /// A new phase of `steps` on tiles of so many points.
    pub fn begin(&self, phase: Phase, steps: u64, points: &[u64]) {
        let mut state = self.lock();
        (state.phase, state.step, state.steps) = (phase, 0, steps);
        state.errors = points.iter().map(|&n| (f64::NAN, n as f64)).collect();
    }

    /// `steps` more steps on `tile`, whose mean squared error is now `mse`. Returns whether to go on.
    pub fn advance(&self, tile: usize, steps: u64, mse: f64) -> bool {
        self.all_steps.fetch_add(steps, Ordering::Relaxed);
        let report = {
            let mut state = self.lock();
            state.step += steps;
            if let Some(error) = state.errors.get_mut(tile) {
                error.0 = mse;
            }
            let due = state.reported.elapsed() >= INTERVAL;
            if due {
                state.reported = Instant::now();
            }
            due.then(|| Progress {
                phase: state.phase,
                step: state.step.min(state.steps),
                steps: state.steps,
                psnr_db: state.psnr_db(),
            })
        };
        if report.is_some_and(|report| (self.observe)(&report) == Flow::Finish) {
            self.interrupted.store(true, Ordering::Relaxed);
        }
        !self.stopped()
    }

    /// Whether no more work should be started.
    pub fn stopped(&self) -> bool {
        self.interrupted() || self.remaining().is_some_and(|left| left.is_zero())
    }
    /// Whether time is limited or the observer asked to finish: no work should be done twice.
    pub fn is_limited(&self) -> bool {
        self.deadline.is_some() || self.stopped()
    }
    /// Whether the observer asked to finish.
    pub fn interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
    /// Optimiser steps so far.
    pub fn steps(&self) -> u64 {
        self.all_steps.load(Ordering::Relaxed)
    }
    /// What is left until the deadline, without what is reserved.
    pub fn remaining(&self) -> Option<Duration> {
        let reserved = Duration::from_micros(self.reserved.load(Ordering::Relaxed));
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        left.map(|left| left.saturating_sub(reserved))
    }
    /// Keeps `time` for what comes after all fits.
    pub fn reserve(&self, time: Duration) {
        self.reserved.store(time.as_micros() as u64, Ordering::Relaxed);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl State {
    /// Over the tiles that have begun.
    fn psnr_db(&self) -> f64 {
        let begun = || self.errors.iter().filter(|(mse, _)| mse.is_finite());
        let points: f64 = begun().map(|(_, n)| n).sum();
        let error: f64 = begun().map(|(mse, n)| mse * n).sum();
        -10.0 * (error / points).log10()
    }
}
