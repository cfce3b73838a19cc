//! Evaluates the points of one tile in batches and blends their values into the output.

use crate::backend::Engine;
use crate::backend::simd::{BLOCK, Workspace};
use crate::error::Result;
use crate::limits::try_grow;
use crate::network::{Jet, Network, Shape};
use crate::signal::{Tile, Tiles};
use crate::watch::Watch;

/// The most axes of a signal.
const AXES: usize = 4;

/// A position along one axis, as a tile sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Local coordinate, the input of the tile's network.
    coordinate: f32,
    /// The tile's weight, and its first and second derivative by the position.
    weight: [f32; 3],
}

impl Seen {
    /// The view of `tile` at `position` along `axis`, native samples.
    pub fn new(tiles: &Tiles, tile: &Tile, axis: usize, position: f64) -> Self {
        let k = tile.index[axis];
        let [slope, curvature] = tiles.weight_derivatives(axis, k, position);
        let weight = tiles.weight(axis, k, position);
        Seen { coordinate: tile.coordinate(axis, position), weight: [weight, slope as f32, curvature as f32] }
    }
}

/// A batch of points of one tile, with the places of their values in the output.
pub(super) struct Blend<'a> {
    engine: &'a Engine,
    watch: &'a Watch<'a>,
    network: &'a Network,
    jet: Jet,
    /// Local coordinates per native sample.
    scales: [f32; AXES],
    /// For each point: the weights along its axes, and its place.
    points: Vec<([[f32; 3]; AXES], usize)>,
    /// For each block: `inputs × BLOCK`.
    coordinates: Vec<f32>,
    /// For each block: `components × outputs × BLOCK`.
    values: Vec<f32>,
}

impl<'a> Blend<'a> {
    pub fn new(
        (engine, watch): (&'a Engine, &'a Watch<'a>),
        network: &'a Network,
        tile: &Tile,
        jet: Jet,
    ) -> Self {
        Blend {
            engine,
            watch,
            network,
            jet,
            scales: std::array::from_fn(|axis| {
                tile.spans.get(axis).map_or(0.0, |&span| (2.0 / f64::from(span)) as f32)
            }),
            points: Vec::with_capacity(BLOCK),
            coordinates: vec![],
            values: vec![],
        }
    }

    /// Adds a point, whose values will be added to `out[place..]`: for each channel the components of the
    /// jet.
    pub fn push(
        &mut self,
        point: impl ExactSizeIterator<Item = Seen>,
        place: usize,
        out: &mut [f32],
        workspace: &mut Workspace,
    ) -> Result<()> {
        let mut weights = [[1.0, 0.0, 0.0]; AXES];
        let (block, lane) = (self.points.len() / BLOCK, self.points.len() % BLOCK);
        let inputs = self.network.shape().inputs;
        assert_eq!(point.len(), inputs, "axes of a point");
        try_grow(&mut self.coordinates, (block + 1) * inputs * BLOCK, 0.0)?;
        for (axis, seen) in point.enumerate() {
            self.coordinates[(block * inputs + axis) * BLOCK + lane] = seen.coordinate;
            weights[axis] = seen.weight;
        }
        self.points.push((weights, place));
        if self.points.len() < self.engine.points() { Ok(()) } else { self.flush(out, workspace) }
    }

    /// Evaluates the points and adds their weighted values to `out`.
    pub fn flush(&mut self, out: &mut [f32], workspace: &mut Workspace) -> Result<()> {
        self.watch.check()?;
        let Shape { inputs, outputs: channels, .. } = self.network.shape();
        let size = self.jet.components(inputs);
        let (blocks, rows) = (self.points.len().div_ceil(BLOCK), size * channels);
        let length = |rows: usize| blocks * rows * BLOCK;
        try_grow(&mut self.values, length(rows), 0.0)?;
        self.values.truncate(length(rows));
        let coordinates = &self.coordinates[..length(inputs)];
        self.engine.evaluate(self.network, coordinates, self.jet, &mut self.values, workspace)?;
        for (n, (weights, place)) in self.points.iter().enumerate() {
            let (first_row, lane) = (n / BLOCK * rows, n % BLOCK);
            let weights = Weights { axes: &weights[..inputs] };
            let whole = weights.product([]);
            for (c, out) in out[*place..][..rows].chunks_exact_mut(size).enumerate() {
                // A block has its rows component by component, and within a component channel by channel.
                let component = |k: usize| self.values[(first_row + k * channels + c) * BLOCK + lane];
                out[0] = whole.mul_add(component(0), out[0]);
                if self.jet != Jet::Value {
                    weights.differentiate(self.jet, &self.scales, component, &mut out[1..]);
                }
            }
        }
        self.points.clear();
        Ok(())
    }
}

/// The weight of a tile at a point: the product of its weights along the axes.
struct Weights<'a> {
    axes: &'a [[f32; 3]],
}

impl Weights<'_> {
    /// The derivative of the weight by the axes `by`, the first axis multiplied first.
    fn product<const N: usize>(&self, by: [usize; N]) -> f32 {
        let order = |a: usize| by.iter().filter(|&&axis| axis == a).count();
        let weights = self.axes.iter().enumerate();
        weights.map(|(a, weight)| weight[order(a)]).product()
    }

    /// Adds the derivatives of `weight · f` to `out`, first derivatives before second ones. `component` gives
    /// those of `f` by local coordinates, and along each axis a native sample is `scales` of these: `∂ᵢ(wf) = wᵢf + wfᵢ`,
    /// `∂ᵢⱼ(wf) = wᵢⱼf + wᵢfⱼ + wⱼfᵢ + wfᵢⱼ`.
    fn differentiate(
        &self,
        jet: Jet,
        scales: &[f32; AXES],
        component: impl Fn(usize) -> f32,
        out: &mut [f32],
    ) {
        let (axes, whole, value) = (self.axes.len(), self.product([]), component(0));
        let (first, seconds) = out.split_at_mut(axes);
        let slope = |i: usize| scales[i] * component(1 + i);
        for (i, first) in first.iter_mut().enumerate() {
            *first += self.product([i]) * value + whole * slope(i);
        }
        let mixed = |i: usize, j: usize| {
            self.product([i, j]) * value + (self.product([i]) * slope(j) + self.product([j]) * slope(i))
        };
        // Second derivatives follow the value and the first derivatives.
        let second = |k: usize, i: usize, j: usize| whole * (scales[i] * scales[j] * component(1 + axes + k));
        match jet {
            Jet::Value | Jet::Gradient => {}
            Jet::Laplacian => {
                // Its axes have one scale.
                seconds[0] += (0..axes).map(|i| mixed(i, i)).sum::<f32>() + second(0, 0, 0);
            }
            Jet::Hessian => {
                let pairs = (0..axes).flat_map(|i| (i..axes).map(move |j| (i, j)));
                for (k, (i, j)) in pairs.enumerate() {
                    seconds[k] += mixed(i, j) + second(k, i, j);
                }
            }
        }
    }
}
