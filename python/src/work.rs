//! Long work: the interpreter is free meanwhile, and Ctrl-C ends it.

use crate::errors::exception;
use pyo3::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// Time between two looks at signals.
const INTERVAL: Duration = Duration::from_millis(50);

/// Runs `work` on a thread of its own without the interpreter's lock. Meanwhile the calling thread handles signals and
/// calls `watch`; an exception of either sets `stop`, which ends the work early, and is raised once it has ended.
pub fn run<T: Send>(
    py: Python<'_>,
    stop: &AtomicBool,
    mut watch: impl FnMut(Python<'_>) -> PyResult<()> + Send,
    work: impl FnOnce() -> sirenc::Result<T> + Send,
) -> PyResult<T> {
    py.detach(|| {
        thread::scope(|scope| {
            let (send, receive) = mpsc::channel();
            scope.spawn(move || send.send(work()));
            let mut raised = None;
            loop {
                match receive.recv_timeout(INTERVAL) {
                    Ok(done) => {
                        let done = done.map_err(|error| Python::attach(|py| exception(py, error)));
                        return raised.map_or(done, Err);
                    }
                    Err(RecvTimeoutError::Timeout) if raised.is_none() => {
                        let looked = Python::attach(|py| py.check_signals().and_then(|()| watch(py)));
                        if let Err(error) = looked {
                            stop.store(true, Ordering::Relaxed);
                            raised = Some(error);
                        }
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => unreachable!("a panic of the work is raised here"),
                }
            }
        })
    })
}
