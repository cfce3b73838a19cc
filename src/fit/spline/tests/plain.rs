//! The loss of a spline field as plain loops in binary64, from the definition of the format.

use crate::field::spline::{Grid, Shape, coarser};
use std::f64::consts::{LN_2, TAU};

pub struct Field<'a> {
    pub shape: &'a Shape,
    /// Rounded latents of each grid in coding order.
    pub latents: Vec<Vec<f64>>,
    /// Tensors in the order and units of files.
    pub tensors: Vec<Vec<f64>>,
}

fn mirrored(i: i64, n: usize) -> usize {
    let i = i.rem_euclid(2 * n as i64) as usize;
    i.min(2 * n - 1 - i)
}

impl Field<'_> {
    /// The rounded latent at a position, 0 outside.
    fn latent(&self, n: usize, grid: &Grid, position: [i64; 4]) -> f64 {
        let (mut at, mut stride) = (0, 1);
        for (axis, index) in position.into_iter().enumerate() {
            let length = grid.lengths.get(axis).map_or(1, |&n| i64::from(n));
            if !(0..length).contains(&index) {
                return 0.0;
            }
            at += index * stride;
            stride *= length;
        }
        self.latents[n][at as usize]
    }

    /// Coefficients of a feature.
    fn coefficients(&self, n: usize, grid: &Grid, feature: usize) -> Vec<f64> {
        let taps = &self.tensors[0][4 * feature..][..4];
        let tap = |t: i64| taps[t as usize] + if t == 0 { 1.0 } else { 0.0 };
        let (mut values, mut stride) = (self.latents[n].clone(), 1);
        for &length in &grid.lengths {
            let length = length as usize;
            let of = |p: usize| {
                let at = |t: i64| {
                    let index = p / stride % length;
                    values[p + stride * mirrored(index as i64 + t, length) - stride * index]
                };
                (0..4).map(|t| tap(t) * (at(-t) + if t > 0 { at(t) } else { 0.0 })).sum()
            };
            values = (0..values.len()).map(of).collect();
            stride *= length;
        }
        values
    }

    /// The spline of a grid at a sample, whose indices are these along the axes, the last one first.
    fn spline(grid: &Grid, of: &[f64], position: &[usize]) -> f64 {
        let Some((&p, inner)) = position.split_last() else { return of[0] };
        let axis = position.len() - 1;
        let (first, weights) = Self::weights(p, grid.level(axis));
        let length = grid.lengths[axis] as usize;
        let size = of.len() / length;
        let part = |j: usize| &of[mirrored(first + j as i64, length) * size..][..size];
        (0..4).map(|j| weights[j] * Self::spline(grid, part(j), inner)).sum()
    }

    /// The B-spline weights of a sample and the first of four coefficients.
    fn weights(p: usize, level: u32) -> (i64, [f64; 4]) {
        let u = (p as f64 + 0.5) / f64::from(1 << level) - 0.5;
        let (t, i) = (u - u.floor(), u.floor() as i64);
        let s = 1.0 - t;
        let middle = |t: f64| t * t * (0.5 * t - 1.0) + 2.0 / 3.0;
        (i - 1, [s * s * s / 6.0, middle(t), middle(s), t * t * t / 6.0])
    }

    /// Squared error over the number of channels.
    pub fn squared_error(&self, values: &[f32], weights: &[f32]) -> f64 {
        let Shape { outputs: channels, layers, .. } = *self.shape;
        let grids = self.shape.grids();
        let mut features: Vec<_> = grids.iter().enumerate().filter(|(_, grid)| grid.is_feature()).collect();
        features.reverse();
        let coefficients: Vec<_> =
            features.iter().enumerate().map(|(f, &(n, grid))| self.coefficients(n, grid, f)).collect();
        let mut error = 0.0;
        for p in 0..values.len() / channels {
            let feature = |f: usize| {
                let (grid, of) = (features[f].1, &coefficients[f]);
                let mut rest = p;
                let along = self.shape.lengths.iter().map(|&length| {
                    let index = rest % length as usize;
                    rest /= length as usize;
                    index
                });
                let position: Vec<usize> = along.collect();
                let further: u32 = grid.further.iter().sum();
                Self::spline(grid, of, &position) * 2f64.powi(3 - (grid.level + further / 2) as i32)
            };
            let features: Vec<f64> = (0..features.len()).map(feature).collect();
            let mut h = features.clone();
            let layer = |at: usize, x: &[f64]| -> Vec<f64> {
                let rows = self.tensors[at].chunks_exact(x.len());
                let dot = |row: &[f64]| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
                rows.zip(&self.tensors[at + 1]).map(|(row, bias)| bias + dot(row)).collect()
            };
            for l in 0..layers {
                h = layer(1 + 2 * l, &h).into_iter().map(|t| t + (TAU * t).sin() / TAU).collect();
            }
            let skip = self.tensors[3 + 2 * layers].chunks_exact(features.len());
            for (c, (value, skip)) in layer(1 + 2 * layers, &h).into_iter().zip(skip).enumerate() {
                let value = value + skip.iter().zip(&features).map(|(w, x)| w * x).sum::<f64>();
                let i = p * channels + c;
                error += f64::from(weights[i]) * (value - f64::from(values[i])).powi(2);
            }
        }
        error / channels as f64
    }

    /// Bits of each grid.
    pub fn bits(&self) -> Vec<f64> {
        let grids = self.shape.grids();
        (0..grids.len()).map(|n| self.bits_of(&grids, n)).collect()
    }

    fn bits_of(&self, grids: &[Grid], n: usize) -> f64 {
        let shape = self.shape;
        let (grid, m, f) = (&grids[n], shape.context.width(), shape.context.combinations);
        let informed = grids[..n].iter().filter(|grid| grid.is_informed()).count();
        let first = 4 + 2 * shape.layers;
        let context = first + 2 * grids.iter().filter(|grid| grid.is_informed()).count();
        let tensor = |n: usize| &self.tensors[context + n];
        let coarser: Vec<_> = coarser(grids, n).collect();
        let mut bits = 0.0;
        for p in 0..grid.latents() as i64 {
            let (mut rest, lengths) = (p, &grid.lengths);
            let [x, y, z, t] = [0, 1, 2, 3].map(|axis| {
                let length = lengths.get(axis).map_or(1, |&n| i64::from(n));
                let index = rest % length;
                rest /= length;
                index
            });
            let mut inputs: Vec<f64> = shape
                .neighbours()
                .into_iter()
                .map(|(dx, dy)| self.latent(n, grid, [x - dx as i64, y - dy as i64, z, t]))
                .collect();
            let earlier = shape.earlier().iter().map(|&([dx, dy], [dz, dt])| {
                let position = [x + dx as i64, y + dy as i64, z - dz as i64, t - dt as i64];
                self.latent(n, grid, position)
            });
            inputs.extend(earlier);
            for j in 0..f {
                let at = first + 2 * informed;
                let sum = || -> f64 {
                    let term = |(i, &g): (usize, &usize)| {
                        let up = |index: i64, axis| match shape.axes() {
                            axes if axis < axes => index >> (grids[g].level(axis) - grid.level(axis)),
                            _ => 0,
                        };
                        let position = [up(x, 0), up(y, 1), up(z, 2), up(t, 3)];
                        self.tensors[at][j * coarser.len() + i] * self.latent(g, &grids[g], position)
                    };
                    self.tensors[at + 1][j] + coarser.iter().enumerate().map(term).sum::<f64>()
                };
                inputs.push(if grid.is_informed() { sum() } else { 0.0 });
            }
            let residual = |weights: &[f64], biases: &[f64], x: &[f64]| -> Vec<f64> {
                let dot = |i: usize| weights[i * m..][..m].iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
                (0..m).map(|i| (biases[i] + dot(i) + x[i]).max(0.0)).collect()
            };
            let h1 = residual(tensor(0), &tensor(1)[n * m..], &inputs);
            let h2 = residual(tensor(2), tensor(3), &h1);
            let output = |o: usize| -> f64 {
                let dot =
                    |w: &[f64], x: &[f64]| w[o * m..][..m].iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
                tensor(5)[o] + dot(tensor(4), &h2) + dot(tensor(6), &inputs)
            };
            let octaves = output(1);
            // Outside, the trainer's slopes are on purpose not those of the loss.
            assert!((0.01..13.86).contains(&octaves), "{octaves} octaves");
            let scale = ((octaves - 6.5) * LN_2).exp();
            bits += laplace(self.latent(n, grid, [x, y, z, t]) - output(0), scale);
        }
        bits
    }
}

/// Bits of the integral of a Laplace density over a unit interval around `d`.
fn laplace(d: f64, scale: f64) -> f64 {
    let (near, far) = (d.abs() - 0.5, d.abs() + 0.5);
    let probability = if near >= 0.0 {
        0.5 * ((-near / scale).exp() - (-far / scale).exp())
    } else {
        1.0 - 0.5 * ((near / scale).exp() + (-far / scale).exp())
    };
    -probability.log2()
}
