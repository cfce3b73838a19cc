//! Where the arithmetic runs.
//!
//! The topology is fixed, so a backend meets the rest at coarse calls: `forward` (coordinates → values), `jet`
//! (coordinates → values and derivatives) and `step` (batch → loss and gradient). The specification as loops is [`crate::network::Network::evaluate`].

#[cfg(feature = "candle")]
pub mod candle;
#[cfg(feature = "cuda")]
pub mod cuda;
mod device;
pub mod simd;

pub use device::Device;
pub(crate) use device::Engine;
#[cfg(feature = "cuda")]
pub(crate) use device::reason;
