//! From the jet of one tile's network at a point to what it adds to the jet of the blended field there, and back.

use crate::network::Jet;
use crate::signal::{Tile, Tiles};

/// The linear map from the jet of a tile's network by its coordinates to that of `scale · weight · network`, in signal
/// units per native sample: with the weight `w` and the network `f`, `∂ᵢ(wf) = wᵢf + wfᵢ` and `∂ᵢⱼ(wf) = wᵢⱼf + wᵢfⱼ +
/// wⱼfᵢ + wfᵢⱼ`.
#[derive(Clone, Debug)]
pub(super) struct Share {
    /// The weight of the tile.
    pub weight: f64,
    /// Component of the field, component of the network, factor.
    entries: Vec<(usize, usize, f64)>,
}

impl Share {
    /// The share of `tile` at `position`, native samples.
    pub fn new(tiles: &Tiles, tile: &Tile, position: &[f64], jet: Jet, scale: f64) -> Self {
        let axes = position.len();
        let along: Vec<[f64; 3]> = (0..axes)
            .map(|axis| {
                let (k, x) = (tile.index[axis], position[axis]);
                let [slope, curvature] = tiles.weight_derivatives(axis, k, x);
                [tiles.weight(axis, k, x).into(), slope, curvature]
            })
            .collect();
        // The derivative of the weight by some axes.
        let by = |by: &[usize]| -> f64 {
            let order = |a: usize| by.iter().filter(|&&axis| axis == a).count();
            scale * along.iter().enumerate().map(|(a, weight)| weight[order(a)]).product::<f64>()
        };
        let unit: Vec<f64> = tile.spans.iter().map(|&span| 2.0 / f64::from(span)).collect();
        let weight = by(&[]);
        let mut entries = vec![(0, 0, weight)];
        if jet != Jet::Value {
            for (i, unit) in unit.iter().enumerate() {
                entries.extend([(1 + i, 0, by(&[i])), (1 + i, 1 + i, weight * unit)]);
            }
        }
        // What the second derivative by two axes has of the network's value and slopes.
        let lower = |component: usize, i: usize, j: usize| {
            [
                (component, 0, by(&[i, j])),
                (component, 1 + j, by(&[i]) * unit[j]),
                (component, 1 + i, by(&[j]) * unit[i]),
            ]
        };
        match jet {
            Jet::Value | Jet::Gradient => {}
            Jet::Laplacian => {
                entries.extend((0..axes).flat_map(|i| lower(1 + axes, i, i)));
                entries.push((1 + axes, 1 + axes, weight * unit[0] * unit[0]));
            }
            Jet::Hessian => {
                let pairs = (0..axes).flat_map(|i| (i..axes).map(move |j| (i, j)));
                for (component, (i, j)) in (1 + axes..).zip(pairs) {
                    entries.extend(lower(component, i, j));
                    entries.push((component, component, weight * unit[i] * unit[j]));
                }
            }
        }
        entries.retain(|&(_, _, factor)| factor != 0.0);
        Share { weight: weight / scale, entries }
    }

    /// Whether the tile alone makes the field, so that the share is the same at every such point.
    pub fn is_whole(&self, components: usize) -> bool {
        self.weight == 1.0 && self.entries.len() == components
    }

    /// Adds the jet of one channel of the network to that of the field.
    pub fn add(&self, network: impl Fn(usize) -> f32, field: &mut [f64]) {
        for &(to, from, factor) in &self.entries {
            field[to] = factor.mul_add(network(from).into(), field[to]);
        }
    }

    /// Turns the derivatives of a loss by the jet of one channel of the field into those by the network's.
    pub fn back(&self, field: &[f64], network: &mut [f64]) {
        network.fill(0.0);
        for &(to, from, factor) in &self.entries {
            network[from] = factor.mul_add(field[to], network[from]);
        }
    }
}
