//! Stops work when its time is over or its caller cancels it.

use crate::error::{Error, Result};
use crate::limits::Limits;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Returns true once the caller cancels the work.
#[derive(Clone)]
pub(crate) struct Cancel(Arc<dyn Fn() -> bool + Send + Sync>);

impl Cancel {
    pub fn new(cancelled: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Cancel(Arc::new(cancelled))
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cancel")
    }
}

/// Watches one piece of work; checked often, from any thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch<'a> {
    /// The start of the work and the time it may take.
    time: Option<(Instant, Duration)>,
    cancel: Option<&'a Cancel>,
}

impl<'a> Watch<'a> {
    /// Begins to watch work that starts now.
    pub fn new(limits: &Limits, cancel: Option<&'a Cancel>) -> Self {
        Watch { time: limits.time.map(|allowed| (Instant::now(), allowed)), cancel }
    }
    /// `Ok` if the work may continue.
    ///
    /// # Errors
    /// `Cancelled`; `Limit` if the time is over.
    pub fn check(&self) -> Result<()> {
        if self.cancel.is_some_and(|Cancel(cancelled)| cancelled()) {
            return Err(Error::Cancelled);
        }
        match self.time.map(|(began, allowed)| (began.elapsed(), allowed)) {
            Some((passed, allowed)) if passed > allowed => {
                let [needed, allowed] = [passed, allowed].map(|time| u64::try_from(time.as_millis()));
                let what = "milliseconds of the rendering, so far";
                Limits::check(what, needed.unwrap_or(u64::MAX), allowed.unwrap_or(u64::MAX))
            }
            _ => Ok(()),
        }
    }
}
