//! Adam (Kingma and Ba 2015) on latents.

#![allow(unsafe_code)]

use crate::backend::simd::kernels::Kernel;
use crate::backend::simd::lanes::Lanes;

/// One step on numbers whose count is a multiple of 16.
pub(crate) struct Adam<'a> {
    pub decays: [f32; 2],
    /// The learning rate over the bias of the first moments.
    pub rate: f32,
    /// One over the bias of the second moments.
    pub scale: f32,
    pub gradient: &'a [f32],
    /// Factors of the gradient.
    pub slopes: &'a [f32],
    pub parameters: &'a mut [f32],
    pub first: &'a mut [f32],
    pub second: &'a mut [f32],
}

/// Keeps the steps of latents without any slope finite.
const EPSILON: f32 = 1e-10;

impl Kernel for Adam<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Lanes, const C: usize>(self) {
        let n = self.gradient.len();
        assert!(n.is_multiple_of(16));
        assert!([self.slopes.len(), self.parameters.len(), self.first.len(), self.second.len()] == [n; 4]);
        let (parameters, first, second) =
            (self.parameters.as_mut_ptr(), self.first.as_mut_ptr(), self.second.as_mut_ptr());
        // SAFETY: all slices hold n numbers, a multiple of the number of lanes.
        unsafe {
            let [decay1, decay2] = self.decays;
            let (keep1, take1) = (V::splat(decay1), V::splat(1.0 - decay1));
            let (keep2, take2) = (V::splat(decay2), V::splat(1.0 - decay2));
            // m / (√(v · scale) + ε) = m / √scale / (√v + ε / √scale)
            let rate = V::splat(self.rate / self.scale.sqrt());
            let epsilon = V::splat(EPSILON);
            for i in (0..n).step_by(V::N) {
                let g = V::load(self.gradient.as_ptr().add(i)).mul(V::load(self.slopes.as_ptr().add(i)));
                let m = take1.mul(g).add(keep1.mul(V::load(first.add(i))));
                let v = take2.mul(g.mul(g)).add(keep2.mul(V::load(second.add(i))));
                let step = rate.mul(m).div(v.sqrt().add(epsilon));
                m.store(first.add(i));
                v.store(second.add(i));
                V::load(parameters.add(i)).sub(step).store(parameters.add(i));
            }
        }
    }
}
