//! Ctrl-C and SIGTERM: a fit is finished early, everything else stops at once and leaves no temporary file.

use super::failure::{Exit, Failure};
use super::output;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// The interrupts of this process.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// Whether the first signal is only noted.
    patient: AtomicBool,
    /// The noted signal, or 0.
    noted: AtomicI32,
}

impl Interrupt {
    /// Takes over SIGINT and SIGTERM.
    pub fn install() -> Result<Self, Failure> {
        let interrupt = Interrupt::default();
        let failed = |error: io::Error| Failure::new(Exit::Other, "signals", error);
        watch(interrupt.clone()).map_err(failed)?;
        Ok(interrupt)
    }
    /// From now on the first signal is only noted; the second still ends the process.
    pub fn be_patient(&self) {
        self.0.patient.store(true, Ordering::SeqCst);
    }
    /// The exit code of a noted signal.
    pub fn noted(&self) -> Option<Exit> {
        match self.0.noted.load(Ordering::SeqCst) {
            0 => None,
            signal => Some(exit_of(signal)),
        }
    }
    /// Notes the signal, or ends the process.
    fn receive(&self, signal: i32) {
        let patient = self.0.patient.load(Ordering::SeqCst);
        let first = self.0.noted.swap(signal, Ordering::SeqCst) == 0;
        if !(patient && first) {
            output::abandon();
            if io::stderr().is_terminal() {
                // Moves the shell's prompt to a line of its own, below the progress bar.
                eprintln!();
            }
            signal_hook::low_level::exit(exit_of(signal) as i32);
        }
    }
}

fn exit_of(signal: i32) -> Exit {
    if signal == SIGTERM { Exit::Terminated } else { Exit::Interrupted }
}

/// Whether the process was started with `signal` ignored, as `nohup` and shells without job control do for
/// background processes; it then stays ignored. Known on Linux only, from a file of the kernel.
#[cfg(unix)]
fn ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

/// Receives the signals in a thread rather than a handler, so that it can remove a half-written file.
#[cfg(unix)]
fn watch(interrupt: Interrupt) -> io::Result<()> {
    // With SIGXFSZ handled, a write beyond RLIMIT_FSIZE fails like on a full disk instead of ending the
    // process.
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default())?;
    let heeded = [SIGINT, SIGTERM].into_iter().filter(|&signal| !ignored(signal));
    let mut signals = signal_hook::iterator::Signals::new(heeded)?;
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || signals.forever().for_each(|signal| interrupt.receive(signal)))
        .map(drop)
}

/// Polls flags, because this system has no signals to wait for.
#[cfg(not(unix))]
fn watch(interrupt: Interrupt) -> io::Result<()> {
    use signal_hook::flag;
    let arrived = [(SIGINT, Arc::new(AtomicBool::new(false))), (SIGTERM, Arc::new(AtomicBool::new(false)))];
    for (signal, flag) in &arrived {
        flag::register(*signal, Arc::clone(flag))?;
    }
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            loop {
                for (signal, flag) in &arrived {
                    if flag.swap(false, Ordering::SeqCst) {
                        interrupt.receive(*signal);
                    }
                }
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        })
        .map(drop)
}
