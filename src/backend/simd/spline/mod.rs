//! Kernels of spline fields: from latents to coefficients, from these to features at positions, and the
//! network of the features; and those of training.

mod activation;
mod coefficients;
mod interpolate;
mod layers;
mod lines;
mod synthesis;
#[cfg(feature = "encoder")]
pub(crate) mod training;

pub(crate) use coefficients::Coefficients;
pub(crate) use interpolate::Interpolate;
pub(crate) use synthesis::Synthesis;
