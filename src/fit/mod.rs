//! FIT: the signal's samples to a network's parameters. Reports progress as values and prints nothing.

pub(crate) mod dataset;
mod initial;
mod optimizer;
mod spectrum;
mod train;

pub(crate) use dataset::{Dataset, Normalisation};
pub(crate) use initial::initial_network;
pub(crate) use train::{Allowance, Schedule, train};
