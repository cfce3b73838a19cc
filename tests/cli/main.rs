//! The command line as seen by users and scripts.
#![cfg(feature = "cli")]

mod alpha;
mod axes;
mod comparing;
mod decoding;
mod determinism;
#[cfg(all(feature = "cuda", target_os = "linux"))]
mod devices;
mod encoding;
#[cfg(unix)]
mod faults;
mod inputs;
#[cfg(unix)]
mod interrupts;
mod limits;
mod missing;
mod outputs;
mod physical;
mod sampling;
mod solve;
mod splines;
mod support;
#[cfg(target_os = "linux")]
mod terminals;
mod usage;
mod values;
mod videos;
