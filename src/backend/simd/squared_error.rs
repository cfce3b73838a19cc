//! The weighted squared error of residuals, and a training step: its gradient by the parameters.

#![allow(unsafe_code)]

use super::fused::{Loss, backward};
use super::lanes::Lanes;
use super::pass::{Pass, length};
use super::{BLOCK, Batch};

/// `Σ_r weight_r · (r − target_r)²`, whose derivatives are times `scale`.
struct SquaredError<'a> {
    batch: Batch<'a>,
    scale: f32,
}

impl Loss for SquaredError<'_> {
    #[inline(always)]
    unsafe fn seed<V: Lanes>(&self, block: usize, values: &mut [f32]) -> f64 {
        let Batch { targets, weights, residuals, .. } = self.batch;
        let targets = &targets[block * values.len()..][..values.len()];
        let weights = &weights[block * BLOCK..][..BLOCK];
        // SAFETY: the caller's contract; rows hold BLOCK numbers, which are whole vectors.
        unsafe {
            let (mut loss, factor) = (V::splat(0.0), V::splat(2.0 * self.scale));
            for (values, targets) in values.chunks_exact_mut(BLOCK).zip(targets.chunks_exact(BLOCK)) {
                residuals.apply(values);
                for p in (0..BLOCK).step_by(V::N) {
                    let at = values.as_mut_ptr().add(p);
                    let error = V::load(at).sub(V::load(targets.as_ptr().add(p)));
                    let weighted = error.mul(V::load(weights.as_ptr().add(p)));
                    loss = weighted.fma(error, loss);
                    weighted.mul(factor).store(at);
                }
                residuals.transpose(values);
            }
            f64::from(loss.sum())
        }
    }
}

/// The weighted squared error of the residuals of `batch`; adds `scale` times its derivative to `gradient`.
///
/// # Safety
/// V's instructions are present.
#[inline(always)]
pub(crate) unsafe fn step<V: Lanes, const C: usize, const R: usize>(
    pass: Pass<'_>,
    batch: Batch<'_>,
    scale: f32,
    gradient: &mut [f32],
) -> f64 {
    assert_eq!(batch.targets.len(), length(&[pass.blocks(), pass.shape.outputs, BLOCK]));
    assert_eq!(batch.weights.len(), length(&[pass.blocks(), BLOCK]));
    // SAFETY: the caller's contract.
    unsafe { backward::<V, C, R>(pass, batch.first_layer, &SquaredError { batch, scale }, gradient) }
}
