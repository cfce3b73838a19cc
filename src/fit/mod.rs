//! FIT: the signal's samples to a network's parameters. Reports progress as values and prints nothing.

pub(crate) mod dataset;
mod initial;
mod optimizer;
mod slopes;
mod spectrum;
mod train;

pub(crate) use dataset::{Dataset, Loss, MOST_POINTS, Normalisation};
pub(crate) use initial::initial_network;
pub(crate) use slopes::GradientTerm;
pub(crate) use train::{Allowance, Schedule, train};
