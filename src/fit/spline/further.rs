//! The axes beyond the second: a slice of the signal sees a mixture of planes of a grid, filtered along these axes.

use super::pyramid::{Grid, add};
use crate::backend::simd::Level;
use crate::backend::simd::spline::training::{AddPlane, Around, FilterPlane, FilterPlaneAdjoint, Mix};
use crate::field::spline::basis::Taps;
use crate::field::spline::{FURTHER, Shape, mirror};
use rayon::prelude::*;

/// Planes and their weights.
type Seen = Vec<(usize, f32)>;

/// The planes of a grid as slices of the signal see them.
pub(super) struct Mixture {
    /// Numbers of a plane.
    size: usize,
    /// Planes along the third and the fourth axis.
    slices: [usize; FURTHER],
    /// Whether there is a fourth axis.
    axes: usize,
    /// For each slice of the signal, the planes that it sees and their weights.
    seen: Vec<Seen>,
    /// All planes, filtered along the third axis, and along the fourth axis too.
    filtered: Vec<Vec<f32>>,
    /// Slopes by all filtered planes.
    slopes: Vec<f32>,
    /// What the last slice has seen.
    pub plane: Vec<f32>,
}

impl Mixture {
    pub fn new(of: &Shape, grid: &Grid) -> Self {
        let (size, slices, axes) = (grid.layout.len(), grid.slices, of.axes() - 2);
        let along = |axis: usize| -> Vec<Seen> {
            let seen = |position: usize| {
                if axis >= axes {
                    return vec![(0, 1.0)];
                }
                let Taps { first, weights } = Taps::new(position as f64, grid.shape.further[axis]);
                let index = |j: usize| mirror(first + j as i64, slices[axis]);
                weights.iter().enumerate().map(|(j, &weight)| (index(j), weight)).collect()
            };
            (0..of.slices()[axis]).map(seen).collect()
        };
        let [third, fourth] = [along(0), along(1)];
        let of_slice = |(outer, inner): (&Seen, &Seen)| {
            let pairs = outer.iter().flat_map(|&(t, v)| inner.iter().map(move |&(z, w)| (z, t, v * w)));
            let planes = pairs.filter(|&(.., weight)| weight != 0.0);
            planes.map(|(z, t, weight)| (grid.plane_of([z, t]), weight)).collect()
        };
        let seen = fourth.iter().flat_map(|outer| third.iter().map(move |inner| (outer, inner)));
        let zeros = || vec![0.0; grid.rounded.len()];
        Mixture {
            size,
            slices,
            axes,
            seen: seen.map(of_slice).collect(),
            filtered: (0..axes).map(|_| zeros()).collect(),
            slopes: zeros(),
            plane: vec![0.0; size],
        }
    }

    /// The planes at −3 … 3 of plane `n` along an axis.
    fn around<'a>(&self, planes: &'a [f32], axis: usize, n: usize) -> Around<'a> {
        let stride = if axis == 0 { 1 } else { self.slices[0] };
        let (length, index) = (self.slices[axis], n / stride % self.slices[axis]);
        std::array::from_fn(|k| {
            let other = mirror((index + k) as i64 - 3, length);
            &planes[(n + stride * other - stride * index) * self.size..][..self.size]
        })
    }

    /// Filters the rounded latents of a grid.
    pub fn filter(&mut self, level: Level, grid: &Grid, taps: [f32; 4]) {
        let mut filtered = std::mem::take(&mut self.filtered);
        for axis in 0..self.axes {
            let (before, after) = filtered.split_at_mut(axis);
            let from = before.last().unwrap_or(&grid.rounded);
            after[0].par_chunks_exact_mut(self.size).enumerate().for_each(|(n, filtered)| {
                level.run(FilterPlane { taps, planes: self.around(from, axis, n), filtered });
            });
        }
        self.filtered = filtered;
    }

    /// Mixes the plane that a slice of the signal sees.
    pub fn mix(&mut self, level: Level, slice: usize) {
        let filtered = self.filtered.last().expect("a further axis");
        let plane = |&(plane, weight): &(usize, f32)| (&filtered[plane * self.size..][..self.size], weight);
        let planes: Vec<_> = self.seen[slice].iter().map(plane).collect();
        level.run(Mix { planes: &planes, out: &mut self.plane });
    }

    pub fn clear(&mut self) {
        self.slopes.fill(0.0);
    }

    /// Adds the slopes by the plane that a slice sees to those by the filtered planes.
    pub fn spread(&mut self, level: Level, slice: usize, gradient: &[f32]) {
        for &(plane, weight) in &self.seen[slice] {
            let to = &mut self.slopes[plane * self.size..][..self.size];
            level.run(AddPlane { weight, from: gradient, to });
        }
    }

    /// Adds the slopes by the rounded latents to the gradient of the grid; returns those by the taps.
    pub fn finish(&mut self, level: Level, grid: &Grid, gradient: &mut [f32], taps: [f32; 4]) -> [f32; 4] {
        let mut sums = [0.0; 4];
        for axis in (0..self.axes).rev() {
            let input = if axis == 0 { &grid.rounded } else { &self.filtered[axis - 1] };
            let mut out = vec![0.0; self.slopes.len()];
            let planes = out.par_chunks_exact_mut(self.size).zip(input.par_chunks_exact(self.size));
            let by_taps: Vec<[f32; 4]> = planes
                .enumerate()
                .map(|(n, (gradient, input))| {
                    let planes = self.around(&self.slopes, axis, n);
                    level.run(FilterPlaneAdjoint { taps, planes, input, gradient })
                })
                .collect();
            by_taps.iter().for_each(|part| sums.iter_mut().zip(part).for_each(|(sum, x)| *sum += x));
            self.slopes = out;
        }
        add(gradient, &self.slopes);
        sums
    }
}
