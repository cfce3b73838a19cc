//! Training of spline fields: a pyramid of integer latents whose filtered B-splines are the features of a
//! small network, and a context model that predicts the latents' bits.

mod combinations;
mod contexts;
mod feature;
mod further;
mod initial;
mod loss;
mod networks;
mod panels;
mod pyramid;
mod slopes;
mod soap;
mod train;
mod training;

pub use initial::drawn;
pub use loss::{Loss, Step};
pub use panels::Samples;
pub use train::{Schedule, Trained};
pub use training::Training;

#[cfg(test)]
mod tests;
