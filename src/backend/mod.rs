//! Runs the arithmetic on a device.
//!
//! The topology of networks is fixed, so a backend needs few coarse calls: `forward` (coordinates → values),
//! `jet` (coordinates → values and derivatives) and `step` (batch → loss and gradient). The specification as
//! loops is [`crate::network::Network::evaluate`].

#[cfg(not(feature = "cuda"))]
#[path = "absent.rs"]
mod accelerator;
#[cfg(feature = "candle")]
pub mod candle;
#[cfg(feature = "cuda")]
pub mod cuda;
mod device;
pub mod simd;
#[cfg(feature = "encoder")]
pub(crate) mod trainer;
#[cfg(feature = "encoder")]
pub(crate) mod training;

/// The accelerator: a GPU, in builds that can use one.
#[cfg(feature = "cuda")]
mod accelerator {
    pub(crate) use super::cuda::Cuda as Accelerator;
}

pub(crate) use device::Engine;
#[cfg(feature = "encoder")]
pub(crate) use device::Opened;
pub use device::{Device, DeviceUsed};
