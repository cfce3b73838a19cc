//! The word to stop: of the clock, and of whoever asked for the work.

use crate::error::{Error, Result};
use crate::limits::Limits;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Tells whether the work is still wanted.
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

/// One piece of work, to be asked often, from any thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch<'a> {
    /// When it began and how long it may take.
    time: Option<(Instant, Duration)>,
    cancel: Option<&'a Cancel>,
}

impl<'a> Watch<'a> {
    /// Work that begins now.
    pub fn new(limits: &Limits, cancel: Option<&'a Cancel>) -> Self {
        Watch { time: limits.time.map(|allowed| (Instant::now(), allowed)), cancel }
    }
    /// `Ok` if it may go on.
    ///
    /// # Errors
    /// `Cancelled`; `Limit` if its time is over.
    pub fn ask(&self) -> Result<()> {
        if self.cancel.is_some_and(|Cancel(cancelled)| cancelled()) {
            return Err(Error::Cancelled);
        }
        match self.time.map(|(began, allowed)| (began.elapsed(), allowed)) {
            Some((passed, allowed)) if passed > allowed => {
                let [needed, allowed] = [passed, allowed].map(|time| u64::try_from(time.as_millis()));
                let what = "milliseconds of the rendering, so far";
                Limits::ask(what, needed.unwrap_or(u64::MAX), allowed.unwrap_or(u64::MAX))
            }
            _ => Ok(()),
        }
    }
}
