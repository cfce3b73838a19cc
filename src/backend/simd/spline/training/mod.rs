//! Kernels of the training of spline fields: rounding of latents, prefilter and splines, the synthesis
//! network, the context model, and their adjoints.

mod adam;
mod combine;
mod context;
mod dense;
mod expand;
mod exponential;
mod filter;
mod laplace;
mod padded;
mod planes;
mod round;
mod strip;
mod subset;

pub(crate) use adam::Adam;
pub(crate) use combine::{AddRows, Combined, GridSlopes, Include, Pool, Refine, WeightSlopes};
pub(crate) use context::{ContextNetwork, ContextRows, ContextRun, Neighbour, Sinks};
pub(crate) use dense::LANES;
pub(crate) use expand::{Collapse, Expand};
pub(crate) use filter::{FilterAdjoint, FilterRows};
pub(crate) use padded::Padded;
pub(crate) use planes::{AddPlane, Around, FilterPlane, FilterPlaneAdjoint, Mix};
pub(crate) use round::{DEVIATES, Round};
pub(crate) use strip::{Expanded, Strip, SynthesisNetwork, Vertical};
pub(crate) use subset::Subset;

/// Positions per block of a network: a multiple of every vector length.
pub(crate) const COLUMNS: usize = 64;

#[cfg(test)]
mod tests;
