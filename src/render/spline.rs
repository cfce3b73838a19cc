//! Values of a spline field at a window of positions, and at scattered points.

use super::Window;
use super::work::Work;
use crate::backend::simd::spline::{Interpolate, Synthesis};
use crate::backend::simd::{BLOCK, Level};
use crate::error::Result;
use crate::field::Spline;
use crate::field::spline::basis::Taps;
use crate::limits::{Amount, bytes_of, try_filled};
use crate::network::Jet;
use crate::watch::Watch;
use std::num::Saturating;

/// Multiply-adds equivalent to the activation of a neuron.
const ACTIVATION: u64 = 16;
/// Multiply-adds equivalent to a feature at a position, and to a number of the output.
const FEATURE: u64 = 100;
const NUMBER: u64 = 50;

/// The derivatives of a feature that a jet of the field needs: how often by each axis.
fn orders(jet: Jet, axes: usize) -> Vec<Vec<usize>> {
    let along = |indices: &[usize]| (0..axes).map(|a| indices.iter().filter(|&&i| i == a).count()).collect();
    let mut orders = vec![along(&[])];
    if jet != Jet::Value {
        orders.extend((0..axes).map(|i| along(&[i])));
    }
    match jet {
        Jet::Value | Jet::Gradient => {}
        Jet::Laplacian => orders.extend((0..axes).map(|i| along(&[i, i]))),
        Jet::Hessian => {
            orders.extend((0..axes).flat_map(|i| (i..axes).map(move |j| [i, j])).map(|ij| along(&ij)))
        }
    }
    orders
}

/// The work at `positions`.
pub(super) fn work(field: &Spline, jet: Jet, axes: usize, positions: Amount) -> Work {
    let size = |n: usize| Saturating(n as u64);
    let (components, shape) = (size(jet.components(axes)), &field.shape);
    let neurons = size(shape.layers * shape.width) * Saturating(ACTIVATION);
    let features = size(shape.inputs() * orders(jet, axes).len());
    Work {
        networks: positions * components * (size(shape.macs()) + neurons),
        rest: positions
            * (features * Saturating(FEATURE) + components * size(shape.outputs) * Saturating(NUMBER)),
    }
}

/// Bytes of memory for evaluating `positions`.
pub(super) fn bytes(field: &Spline, jet: Jet, axes: usize, positions: Amount) -> Amount {
    let size = |n: usize| Saturating(n as u64);
    let (components, shape) = (size(jet.components(axes)), &field.shape);
    let positions = positions + size(BLOCK);
    // Features, three passes of one of them, and blocks of features, layers and values.
    let block = (size(shape.inputs() * 2) + size(shape.width * 2) + size(shape.outputs)) * size(BLOCK);
    let taps = bytes_of::<Taps>(positions * size(axes * 3));
    bytes_of::<f32>(positions * (size(shape.inputs()) * components + Saturating(6)) + block * components)
        + taps
}

/// Computes the jets of `field` at the positions of `window` into `out`: for each position the channels, for
/// each channel the components.
pub(super) fn values(field: &Spline, window: &Window<'_>, out: &mut [f32]) -> Result<()> {
    let axes = window.axes.iter().zip(window.ranges);
    let positions: Vec<Vec<f64>> =
        axes.map(|(plan, range)| range.clone().map(|p| plan.position(p)).collect()).collect();
    let count = positions.iter().map(Vec::len).product();
    let mut features = Features::new(field, window.jet, count)?;
    features.fill(0, &positions, window.watch)?;
    features.synthesize(window.watch, out)
}

/// Computes jets like [`values`] at scattered points, the positions of one point after the other.
pub(super) fn at_points(
    field: &Spline,
    jet: Jet,
    positions: &[f64],
    watch: &Watch<'_>,
    out: &mut [f32],
) -> Result<()> {
    let axes = field.shape.lengths.len();
    let mut features = Features::new(field, jet, positions.len() / axes)?;
    for (point, position) in positions.chunks_exact(axes).enumerate() {
        let position: Vec<Vec<f64>> = position.iter().map(|&p| vec![p]).collect();
        features.fill(point, &position, watch)?;
    }
    features.synthesize(watch, out)
}

/// The jets of all features at some positions.
struct Features<'a> {
    field: &'a Spline,
    jet: Jet,
    orders: Vec<Vec<usize>>,
    components: usize,
    /// Positions.
    count: usize,
    /// `components × features` rows of `count` numbers.
    rows: Vec<f32>,
    scratch: [Vec<f32>; 2],
    part: Vec<f32>,
}

impl<'a> Features<'a> {
    fn new(field: &'a Spline, jet: Jet, count: usize) -> Result<Self> {
        let axes = field.shape.lengths.len();
        let components = jet.components(axes);
        let rows = try_filled((components * field.shape.inputs() * count) as u64, 0.0)?;
        let (orders, scratch) = (orders(jet, axes), [vec![], vec![]]);
        Ok(Features { field, jet, orders, components, count, rows, scratch, part: vec![] })
    }

    /// Computes the features at a box of positions, into the places from `from` on.
    fn fill(&mut self, from: usize, positions: &[Vec<f64>], watch: &Watch<'_>) -> Result<()> {
        let count = positions.iter().map(Vec::len).product();
        let inputs = self.field.shape.inputs();
        self.part.resize(count, 0.0);
        let highest = self.orders.iter().flatten().copied().max().unwrap_or(0);
        for (number, (grid, coefficients)) in
            self.field.shape.features().zip(&self.field.coefficients).enumerate()
        {
            watch.check()?;
            let taps: Vec<Vec<Vec<Taps>>> = (0..=highest)
                .map(|order| {
                    let of = |axis, &p: &f64| Taps::derivative(p, grid.level(axis), order);
                    let axes = positions.iter().enumerate();
                    axes.map(|(axis, positions)| positions.iter().map(|p| of(axis, p)).collect()).collect()
                })
                .collect();
            for (component, order) in self.orders.iter().enumerate() {
                let taps: Vec<&[Taps]> = order.iter().enumerate().map(|(a, &n)| &taps[n][a][..]).collect();
                let (scratch, out) = (&mut self.scratch, &mut self.part);
                Level::best().run(Interpolate { grid: &grid, coefficients, taps: &taps, scratch, out });
                // The second derivatives of a Laplacian are summed in the last component.
                let into = component.min(self.components - 1);
                let row = &mut self.rows[(into * inputs + number) * self.count + from..][..count];
                row.iter_mut().zip(&self.part).for_each(|(sum, part)| *sum += part);
            }
        }
        Ok(())
    }

    /// Applies the network: for each position the channels, for each channel the components.
    fn synthesize(&self, watch: &Watch<'_>, out: &mut [f32]) -> Result<()> {
        let (shape, components) = (&self.field.shape, self.components);
        let (inputs, outputs) = (shape.inputs(), shape.outputs);
        let mut block = try_filled((components * inputs * BLOCK) as u64, 0f32)?;
        let mut values = try_filled((components * outputs * BLOCK) as u64, 0f32)?;
        let mut scratch = vec![];
        let places = (0..self.count).step_by(BLOCK);
        for (from, out) in places.zip(out.chunks_mut(BLOCK * outputs * components)) {
            watch.check()?;
            let points = BLOCK.min(self.count - from);
            for (row, feature) in block.chunks_exact_mut(BLOCK).zip(self.rows.chunks_exact(self.count)) {
                row[..points].copy_from_slice(&feature[from..][..points]);
            }
            Level::best().run(Synthesis {
                layers: &self.field.layers,
                axes: shape.axes(),
                jet: self.jet,
                features: &block,
                scratch: &mut scratch,
                out: &mut values,
            });
            for (row, values) in values.chunks_exact(BLOCK).enumerate() {
                let (component, channel) = (row / outputs, row % outputs);
                let numbers = out.iter_mut().skip(channel * components + component);
                let numbers = numbers.step_by(outputs * components);
                numbers.zip(&values[..points]).for_each(|(out, &value)| *out = value);
            }
        }
        Ok(())
    }
}
