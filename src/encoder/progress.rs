//! Merges the progress of many tiles into one stream of reports, and decides when to stop.

use super::options::{Flow, Phase, Progress};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Time between two calls of the observer.
const INTERVAL: Duration = Duration::from_millis(100);

/// Collects progress from the workers.
pub(crate) struct Meter<'a> {
    observe: &'a (dyn Fn(&Progress) -> Flow + Sync),
    deadline: Option<Instant>,
    /// Time to keep free before the deadline, microseconds.
    reserved: AtomicU64,
    state: Mutex<State>,
    /// Optimiser iterations of all phases.
    iterations: AtomicU64,
    interrupted: AtomicBool,
}

struct State {
    phase: Phase,
    tiles: Vec<TileState>,
    /// Work of the stages to come.
    planned: Vec<(Phase, f64)>,
    /// Work of the stages that have ended, and the expected work of one second until a speed is measured.
    done: f64,
    expected_speed: f64,
    started: Instant,
    reported: Instant,
}

/// A tile in the current stage.
struct TileState {
    iteration: u64,
    stage: Stage,
}

/// The work of a stage on one tile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stage {
    pub points: u64,
    pub iterations: u64,
    /// Multiply-adds of all iterations.
    pub work: f64,
    /// Mean squared error before the stage; NaN if unknown.
    pub mse: f64,
}

impl<'a> Meter<'a> {
    pub fn new(observe: &'a (dyn Fn(&Progress) -> Flow + Sync), deadline: Option<Instant>) -> Self {
        let state = State {
            phase: Phase::Probe,
            tiles: vec![],
            planned: vec![],
            done: 0.0,
            expected_speed: 1.0,
            started: Instant::now(),
            reported: Instant::now(),
        };
        Meter {
            observe,
            deadline,
            reserved: AtomicU64::new(0),
            state: Mutex::new(state),
            iterations: AtomicU64::new(0),
            interrupted: AtomicBool::new(false),
        }
    }

    /// Sets the expected speed, in multiply-adds per second.
    pub fn set_speed(&self, speed: f64) {
        self.lock().expected_speed = speed;
    }

    /// The expected speed, in multiply-adds per second.
    pub fn speed(&self) -> f64 {
        self.lock().expected_speed
    }

    /// Sets the stages to come, with their work.
    pub fn plan(&self, stages: impl IntoIterator<Item = (Phase, f64)>) {
        self.lock().planned = stages.into_iter().collect();
    }

    /// Begins the next stage, on all tiles. It is taken to be the first planned stage of its phase; stages
    /// planned before that are dropped.
    pub fn begin(&self, phase: Phase, tiles: impl IntoIterator<Item = Stage>) {
        let mut state = self.lock();
        state.done = state.work();
        state.phase = phase;
        state.tiles = tiles.into_iter().map(|stage| TileState { iteration: 0, stage }).collect();
        if let Some(at) = state.planned.iter().position(|(planned, _)| *planned == phase) {
            state.planned.drain(..=at);
        }
        state.reported = Instant::now();
        let progress = state.progress();
        drop(state);
        self.report(&progress);
    }

    /// Records `iterations` more on `tile`, whose mean squared error is now `mse`. Returns whether to
    /// continue.
    pub fn advance(&self, tile: usize, iterations: u64, mse: f64) -> bool {
        self.iterations.fetch_add(iterations, Ordering::Relaxed);
        let report = {
            let mut state = self.lock();
            if let Some(tile) = state.tiles.get_mut(tile) {
                tile.iteration = (tile.iteration + iterations).min(tile.stage.iterations);
                tile.stage.mse = mse;
            }
            let due = state.reported.elapsed() >= INTERVAL;
            if due {
                state.reported = Instant::now();
            }
            due.then(|| state.progress())
        };
        if let Some(progress) = report {
            self.report(&progress);
        }
        !self.stopped()
    }

    /// Marks `tile` as done, however many iterations it took.
    pub fn end(&self, tile: usize) {
        if let Some(tile) = self.lock().tiles.get_mut(tile) {
            tile.iteration = tile.stage.iterations;
        }
    }

    fn report(&self, progress: &Progress) {
        if (self.observe)(progress) == Flow::Finish {
            self.interrupted.store(true, Ordering::Relaxed);
        }
    }

    /// Whether no more work should be started.
    pub fn stopped(&self) -> bool {
        self.remaining() == Some(Duration::ZERO)
    }
    /// Whether time is limited or the observer requested the end: no work should be repeated.
    pub fn is_limited(&self) -> bool {
        self.remaining().is_some()
    }
    /// Whether the observer requested the end.
    pub fn interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
    /// Optimiser iterations so far.
    pub fn iterations(&self) -> u64 {
        self.iterations.load(Ordering::Relaxed)
    }
    /// Time left until the deadline, less the reserved time: zero once the observer has requested the end,
    /// and `None` if nothing limits it.
    pub fn remaining(&self) -> Option<Duration> {
        if self.interrupted() {
            return Some(Duration::ZERO);
        }
        let reserved = Duration::from_micros(self.reserved.load(Ordering::Relaxed));
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        left.map(|left| left.saturating_sub(reserved))
    }
    /// Reserves `time` for the work after all fits.
    pub fn reserve(&self, time: Duration) {
        self.reserved.store(time.as_micros() as u64, Ordering::Relaxed);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl State {
    fn progress(&self) -> Progress {
        let (done, left) = (self.work(), self.left());
        // The expected speed counts like one second of work.
        let speed = (done + self.expected_speed) / (self.started.elapsed().as_secs_f64() + 1.0);
        Progress {
            phase: self.phase,
            step: self.tiles.iter().map(|tile| tile.iteration).sum(),
            steps: self.tiles.iter().map(|tile| tile.stage.iterations).sum(),
            psnr_db: self.psnr_db(),
            done: if done + left > 0.0 { done / (done + left) } else { 0.0 },
            remaining: Duration::try_from_secs_f64(left / speed).unwrap_or(Duration::MAX),
        }
    }

    /// Multiply-adds done so far.
    fn work(&self) -> f64 {
        self.done + self.tiles.iter().map(TileState::work).sum::<f64>()
    }

    /// Planned multiply-adds still to do.
    fn left(&self) -> f64 {
        let of_tiles: f64 = self.tiles.iter().map(|tile| tile.stage.work - tile.work()).sum();
        of_tiles + self.planned.iter().map(|(_, work)| work).sum::<f64>()
    }

    /// PSNR of the whole signal over the tiles whose error is known, dB.
    fn psnr_db(&self) -> f64 {
        let known = || self.tiles.iter().map(|tile| &tile.stage).filter(|stage| stage.mse.is_finite());
        let points: f64 = known().map(|stage| stage.points as f64).sum();
        let error: f64 = known().map(|stage| stage.mse * stage.points as f64).sum();
        -10.0 * (error / points).log10()
    }
}

impl TileState {
    fn work(&self) -> f64 {
        self.stage.work * self.iteration as f64 / self.stage.iterations.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_estimate_spans_all_stages_and_steps_never_exceed_their_total() {
        let seen = Mutex::new(vec![]);
        let observe = |progress: &Progress| {
            seen.lock().unwrap().push(*progress);
            Flow::Continue
        };
        let meter = Meter::new(&observe, None);
        let stage = |work| Stage { points: 10, iterations: 4, work, mse: f64::NAN };
        meter.set_speed(100.0);
        meter.plan([
            (Phase::Probe, 100.0),
            (Phase::Probe, 100.0),
            (Phase::Fit, 700.0),
            (Phase::Quantize, 100.0),
        ]);
        meter.begin(Phase::Probe, [stage(50.0), stage(50.0)]);
        meter.advance(0, 9, 0.01);
        meter.end(1);
        // The second probe was not needed.
        meter.begin(Phase::Fit, [stage(700.0)]);
        meter.advance(0, 2, 0.001);
        meter.begin(Phase::Quantize, [stage(100.0)]);
        let seen = seen.lock().unwrap();
        let done: Vec<f64> = seen.iter().map(|progress| progress.done).collect();
        assert!(done.is_sorted() && done[0] == 0.0, "{done:?}");
        assert_eq!(done[1], 100.0 / 900.0);
        assert!(seen.iter().all(|progress| progress.step <= progress.steps));
        assert!((10.0..11.0).contains(&seen[0].remaining.as_secs_f64()), "{:?}", seen[0]);
    }
}
