//! Constants of training, the same on every device: of the optimiser, and of the watch over the loss.

/// Muon's momentum.
pub(crate) const MOMENTUM: f32 = 0.95;
/// Singular values of Muon's update, relative to the learning rate.
pub(crate) const SPECTRAL: f32 = 0.9;
/// Adam's decay rates.
pub(crate) const BETA1: f32 = 0.9;
pub(crate) const BETA2: f32 = 0.99;
/// What Adam adds to the root of the second moment.
pub(crate) const EPSILON: f32 = 1e-12;

/// Weight of a step in the recent loss, and in the usual norm of the gradient.
pub(crate) const RECENT: f64 = 0.05;
pub(crate) const USUAL: f64 = 0.02;
/// Gradients are clipped to so many times their usual norm.
pub(crate) const CLIP: f64 = 4.0;
/// A fit is lost when the recent loss is `LOST` times the best, or stays `ASTRAY` times the best for so many steps: on
/// rough textures the mean alone is less than twice as bad as a good fit. Smaller and shorter spikes pass by themselves,
/// and giving way to them costs learning rate.
pub(crate) const LOST: f64 = 2.0;
pub(crate) const ASTRAY: f64 = 1.4;
pub(crate) const ASTRAY_STEPS: usize = 300;
/// A fit whose recent loss is above `FLAT` times that of the mean has learnt nothing. Muon's steps are as long where the
/// gradient is noise as anywhere, and lead into networks that cannot learn any more: a page of text needs a lower rate. Noise
/// has nothing to learn at any, so the rate is lowered to `SLOWEST_FLAT` for it.
pub(crate) const FLAT: f64 = 0.97;
pub(crate) const SLOWEST_FLAT: f32 = 0.125;
/// Factor of the learning rate at every return to the best.
pub(crate) const SLOWER: f32 = 0.5;
/// Steps before a fit may be lost, and between two states that are remembered as the best.
pub(crate) const SETTLING: usize = 100;
