//! Constants of training, the same on every device: of the optimiser and of the divergence check.

/// Muon's momentum.
pub(crate) const MOMENTUM: f32 = 0.95;
/// Singular values of Muon's update, relative to the learning rate.
pub(crate) const SPECTRAL: f32 = 0.9;
/// Adam's decay rates.
pub(crate) const BETA1: f32 = 0.9;
pub(crate) const BETA2: f32 = 0.99;
/// Added to the root of the second moment in Adam.
pub(crate) const EPSILON: f32 = 1e-12;

/// Weight of one iteration in the recent loss (`RECENT`) and in the usual norm of the gradient (`USUAL`).
pub(crate) const RECENT: f64 = 0.05;
pub(crate) const USUAL: f64 = 0.02;
/// Gradients are clipped to this multiple of their usual norm.
pub(crate) const CLIP: f64 = 4.0;
/// A fit has diverged if the recent loss is `LOST` times the best, or has been `ABOVE_BEST` times the best
/// for `ABOVE_BEST_STEPS` iterations: on rough textures the mean alone is less than twice as bad as a good
/// fit. Smaller and shorter spikes end by themselves, and reacting to them would cost learning rate. With
/// `ABOVE_BEST`, kodim13 at 0.15 bits per pixel and effort 5 has 21.2 dB instead of 19.4, since no tile ends
/// at its mean.
pub(crate) const LOST: f64 = 2.0;
pub(crate) const ABOVE_BEST: f64 = 1.4;
pub(crate) const ABOVE_BEST_STEPS: usize = 300;
/// A fit whose recent loss is above `FLAT` times that of the mean has learnt nothing. Muon's steps have full
/// length even where the gradient is noise, and may lead to networks that cannot learn any more: a page of
/// text needs a lower rate (at 0.3 bits per pixel and effort 4 it has 18.1 dB with this rule, 13.5 without).
/// Noise cannot be learnt at any rate, so the rate is lowered to `SLOWEST_FLAT` at most.
pub(crate) const FLAT: f64 = 0.97;
pub(crate) const SLOWEST_FLAT: f32 = 0.125;
/// Factor of the learning rate at every rollback. With 0.7, rollbacks after smaller losses, and 5200 passes,
/// kodim15 at 0.3 bits per pixel has 32.3 dB instead of 32.4.
pub(crate) const SLOWER: f32 = 0.5;
/// Iterations before a fit may count as diverged, and between two saved states.
pub(crate) const SETTLING: usize = 100;
