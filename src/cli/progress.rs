//! The progress bar, on standard error and only on a terminal.

use super::{report, terminal};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sirenc::{Phase, Progress, solve};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time between updates: too short for the eye to notice, longer than a fast optimiser iteration.
const REFRESH: Duration = Duration::from_millis(60);
/// Resolution of the bar: the number of parts into which the work is divided.
const PARTS: u64 = 10_000;

/// A progress bar that may be hidden. Removes itself when dropped.
#[derive(Debug)]
pub struct Meter {
    bar: ProgressBar,
    shown: Mutex<Option<Instant>>,
}

impl Meter {
    /// A bar for a task that reports [`Progress`]; `quiet` hides it.
    pub fn fit(quiet: bool) -> Self {
        Self::new(quiet, PARTS, "{prefix:<8} {wide_bar} {percent:>3} %  {msg}")
    }
    /// A bar for a rendering of `samples` samples; `quiet` hides it.
    pub fn render(quiet: bool, samples: u64) -> Self {
        let meter = Self::new(quiet, samples, "{prefix:<8} {wide_bar} {percent} %  ETA {eta}");
        meter.bar.set_prefix("render");
        meter
    }
    fn new(quiet: bool, length: u64, template: &str) -> Self {
        // The target hides the bar by itself if standard error is not a terminal.
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸ "));
        }
        Meter { bar, shown: Mutex::default() }
    }
    /// Shows the progress of the fit, at most once per [`REFRESH`]. Called often and from many threads.
    pub fn report(&self, progress: &Progress) {
        self.show(progress.done, || {
            let quality = if progress.psnr_db.is_finite() {
                format!("{:.2} dB  ", progress.psnr_db)
            } else {
                String::new()
            };
            let (step, steps) = (progress.step, progress.steps);
            let left = report::duration(progress.remaining);
            (name(progress.phase), format!("step {step}/{steps}  {quality}ETA {left}"))
        });
    }
    /// Shows the progress of a fit of equations.
    pub fn report_equations(&self, progress: &solve::Progress) {
        self.show(progress.done, || {
            let (step, steps) = (progress.iteration, progress.iterations);
            let left = report::duration(progress.remaining);
            ("fit", format!("step {step}/{steps}  loss {:.2e}  ETA {left}", progress.loss))
        });
    }
    fn show(&self, done: f64, words: impl FnOnce() -> (&'static str, String)) {
        if self.bar.is_hidden() {
            return;
        }
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.is_some_and(|at| at.elapsed() < REFRESH) {
            return;
        }
        let (prefix, message) = words();
        self.bar.set_prefix(prefix);
        self.bar.set_position((done * PARTS as f64) as u64);
        self.bar.set_message(message);
        *shown = Some(Instant::now());
    }
    /// Adds `samples` rendered samples to the progress.
    pub fn advance(&self, samples: usize) {
        self.bar.inc(samples as u64);
    }
    /// Prints a line above the bar.
    pub fn say(&self, line: &str) {
        self.bar.suspend(|| terminal::print(line));
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Probe => "probe",
        Phase::Fit => "fit",
        Phase::Quantize => "quantize",
        _ => "work",
    }
}
