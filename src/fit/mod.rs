//! FIT: from the signal's samples to the parameters of networks. Reports progress as values and prints
//! nothing.

mod cpu;
mod dataset;
mod gather;
mod initial;
mod optimizer;
mod slopes;
mod spectrum;
mod train;

pub(crate) use cpu::Cpu;
pub(crate) use dataset::{Dataset, Loss, MOST_POINTS, Normalisation};
pub(crate) use initial::initial_network;
pub(crate) use slopes::GradientTerm;
#[cfg(test)]
pub(crate) use train::train;
