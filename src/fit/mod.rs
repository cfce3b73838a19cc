//! FIT: from the signal's samples to the parameters of networks. Reports progress as values and prints
//! nothing.

mod cpu;
mod dataset;
mod gather;
mod initial;
pub mod objective;
mod optimizer;
mod slopes;
mod spectrum;
pub mod spline;
mod train;

pub(crate) use cpu::Cpu;
pub(crate) use dataset::{Dataset, Loss, MOST_POINTS, Normalisation};
pub(crate) use gather::MOST_READ;
pub(crate) use initial::{initial_network, network_of_frequency};
pub(crate) use slopes::GradientTerm;
pub(crate) use spline::{
    Loss as SplineLoss, Samples as SplineSamples, Schedule as SplineSchedule, Step as SplineStep,
    Training as SplineTraining,
};
#[cfg(test)]
pub(crate) use train::Values;
pub(crate) use train::train;
