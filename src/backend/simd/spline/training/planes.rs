//! Whole planes of a grid of three or four axes: the prefilter and cubic B-splines along the axes beyond the
//! second, and their adjoints.

#![allow(unsafe_code)]

use super::filter::adjoint;
use crate::backend::simd::kernels::Kernel;
use crate::backend::simd::lanes::Lanes;
use crate::backend::simd::spline::lines::{REACH, filter};

/// Planes at −3 … 3 of one.
pub(crate) type Around<'a> = [&'a [f32]; 2 * REACH + 1];

/// Filters one plane.
pub(crate) struct FilterPlane<'a> {
    pub taps: [f32; 4],
    pub planes: Around<'a>,
    pub filtered: &'a mut [f32],
}

impl Kernel for FilterPlane<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Lanes, const C: usize>(self) {
        let n = self.filtered.len();
        assert!(self.planes.iter().all(|plane| plane.len() == n));
        // SAFETY: all planes hold `n` numbers, and the output is none of them.
        unsafe { filter::<V>(self.planes.map(<[f32]>::as_ptr), self.taps, n, self.filtered.as_mut_ptr()) };
    }
}

/// The adjoint of [`FilterPlane`]: from slopes by filtered planes to slopes by what was filtered. Returns the
/// slopes by the taps.
pub(crate) struct FilterPlaneAdjoint<'a> {
    pub taps: [f32; 4],
    /// Slopes by the filtered planes.
    pub planes: Around<'a>,
    /// The plane that was filtered.
    pub input: &'a [f32],
    pub gradient: &'a mut [f32],
}

impl Kernel for FilterPlaneAdjoint<'_> {
    type Output = [f32; 4];

    #[inline(always)]
    unsafe fn run<V: Lanes, const C: usize>(self) -> [f32; 4] {
        let n = self.gradient.len();
        assert!(n.is_multiple_of(16) && self.input.len() == n);
        assert!(self.planes.iter().all(|plane| plane.len() == n));
        // SAFETY: all planes hold `n` numbers, a multiple of every vector length.
        unsafe {
            let mut sums = [V::splat(0.0); 4];
            let planes = self.planes.map(<[f32]>::as_ptr);
            adjoint(planes, self.taps, n, self.input.as_ptr(), self.gradient.as_mut_ptr(), &mut sums);
            [sums[0].sum(), sums[1].sum(), sums[2].sum(), sums[3].sum()]
        }
    }
}

/// The weighted sum of planes.
pub(crate) struct Mix<'a> {
    pub planes: &'a [(&'a [f32], f32)],
    pub out: &'a mut [f32],
}

impl Kernel for Mix<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Lanes, const C: usize>(self) {
        self.out.fill(0.0);
        for &(plane, weight) in self.planes {
            self.out.iter_mut().zip(plane).for_each(|(sum, x)| *sum += weight * x);
        }
    }
}

/// Adds a plane times a weight to another.
pub(crate) struct AddPlane<'a> {
    pub weight: f32,
    pub from: &'a [f32],
    pub to: &'a mut [f32],
}

impl Kernel for AddPlane<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Lanes, const C: usize>(self) {
        self.to.iter_mut().zip(self.from).for_each(|(to, from)| *to += self.weight * from);
    }
}
