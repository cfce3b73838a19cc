//! FIT: the signal's samples to a network's parameters. Reports progress as values and prints nothing.

pub(crate) mod dataset;
mod initial;
mod optimizer;
mod train;

pub(crate) use dataset::Dataset;
pub(crate) use initial::*;
pub(crate) use train::{Outcome, Schedule, train};
