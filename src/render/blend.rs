//! Points of one tile, evaluated block by block and blended into what is there.

use crate::backend::simd::{BLOCK, Level, Workspace};
use crate::network::{Jet, Network};
use crate::signal::{Tile, Tiles};

/// The most axes of a signal.
const AXES: usize = 4;

/// A position along one axis, seen by a tile.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// The coordinate of the tile's network.
    coordinate: f32,
    /// The tile's weight and its first and second derivative by the position.
    weight: [f32; 3],
}

impl Seen {
    /// `position` along `axis`, native samples.
    pub fn new(tiles: &Tiles, tile: &Tile, axis: usize, position: f64) -> Self {
        let [slope, curvature] = tiles.weight_derivatives(axis, tile.index[axis], position);
        let weight = tiles.weight(axis, tile.index[axis], position);
        Seen { coordinate: tile.coordinate(axis, position), weight: [weight, slope as f32, curvature as f32] }
    }
}

/// Points of one tile on their way to the places where their values belong.
pub(super) struct Blend<'a> {
    network: &'a Network,
    /// What is computed; `None` is the value alone.
    jet: Option<Jet>,
    /// Local coordinates per native sample.
    scale: f32,
    /// Per point the weights along its axes, and its place.
    points: Vec<([[f32; 3]; AXES], usize)>,
    coordinates: Vec<f32>,
    values: Vec<f32>,
}

impl<'a> Blend<'a> {
    pub fn new(network: &'a Network, tile: &Tile, jet: Option<Jet>) -> Self {
        let shape = network.shape();
        Blend {
            network,
            jet,
            scale: (2.0 / f64::from(tile.span())) as f32,
            points: Vec::with_capacity(BLOCK),
            coordinates: vec![0.0; shape.inputs * BLOCK],
            values: vec![0.0; components(jet, shape.inputs) * shape.outputs * BLOCK],
        }
    }

    /// Adds a point, whose share goes to `out[place..]`: per channel, the components of the jet.
    pub fn push(
        &mut self,
        point: impl Iterator<Item = Seen>,
        place: usize,
        out: &mut [f32],
        workspace: &mut Workspace,
    ) {
        let mut weights = [[1.0, 0.0, 0.0]; AXES];
        for (a, seen) in point.enumerate() {
            self.coordinates[a * BLOCK + self.points.len()] = seen.coordinate;
            weights[a] = seen.weight;
        }
        self.points.push((weights, place));
        if self.points.len() == BLOCK {
            self.flush(out, workspace);
        }
    }

    /// Evaluates the points and adds their shares to `out`.
    pub fn flush(&mut self, out: &mut [f32], workspace: &mut Workspace) {
        let shape = self.network.shape();
        match self.jet {
            None => Level::best().forward(self.network, &self.coordinates, &mut self.values, workspace),
            Some(jet) => Level::best().jet(self.network, &self.coordinates, jet, &mut self.values, workspace),
        }
        let (inputs, channels) = (shape.inputs, shape.outputs);
        let size = components(self.jet, inputs);
        for (lane, (weights, place)) in self.points.iter().enumerate() {
            let weights = Weights { axes: &weights[..inputs] };
            let whole = weights.product([]);
            for (c, out) in out[*place..].chunks_exact_mut(size).take(channels).enumerate() {
                let component = |k: usize| self.values[(k * channels + c) * BLOCK + lane];
                out[0] = whole.mul_add(component(0), out[0]);
                if let Some(jet) = self.jet {
                    weights.differentiate(jet, self.scale, component, out);
                }
            }
        }
        self.points.clear();
    }
}

/// The number of values of a channel: the value alone, or the components of a jet.
pub(super) fn components(jet: Option<Jet>, inputs: usize) -> usize {
    jet.map_or(1, |jet| jet.components(inputs))
}

/// The weight of a tile at a point: the product of its weights along the axes.
struct Weights<'a> {
    axes: &'a [[f32; 3]],
}

impl Weights<'_> {
    /// The derivative of the weight by the axes `by`, the first axis multiplied first.
    fn product<const N: usize>(&self, by: [usize; N]) -> f32 {
        let order = |a: usize| by.iter().filter(|&&axis| axis == a).count();
        self.axes.iter().enumerate().map(|(a, weight)| weight[order(a)]).product()
    }

    /// Adds the derivatives of `weight · f` to `out`, where `component` has those of `f` by local coordinates, of which
    /// a native sample is `scale`: `∂ᵢ(wf) = wᵢf + wfᵢ`, `∂ᵢⱼ(wf) = wᵢⱼf + wᵢfⱼ + wⱼfᵢ + wfᵢⱼ`.
    fn differentiate(&self, jet: Jet, scale: f32, component: impl Fn(usize) -> f32, out: &mut [f32]) {
        let (axes, whole, value) = (self.axes.len(), self.product([]), component(0));
        let slope = |i: usize| scale * component(1 + i);
        for i in 0..axes {
            out[1 + i] += self.product([i]) * value + whole * slope(i);
        }
        let mixed = |i: usize, j: usize| {
            self.product([i, j]) * value + (self.product([i]) * slope(j) + self.product([j]) * slope(i))
        };
        let second = |k: usize| whole * (scale * scale * component(k));
        match jet {
            Jet::Gradient => {}
            Jet::Laplacian => out[1 + axes] += (0..axes).map(|i| mixed(i, i)).sum::<f32>() + second(1 + axes),
            Jet::Hessian => {
                let pairs = (0..axes).flat_map(|i| (i..axes).map(move |j| (i, j)));
                for (k, (i, j)) in (1 + axes..).zip(pairs) {
                    out[k] += mixed(i, j) + second(k);
                }
            }
        }
    }
}
