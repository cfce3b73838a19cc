//! The weighted mean loss of conditions, as training minimises it.

use super::{Condition, Point, Points};
use crate::backend::simd::{BLOCK, Level, Workspace};
use crate::fit::train::{Objective, Part};
use crate::network::{Jet, Network};
use crate::signal::Tile;

/// Points of a share of an iteration.
const SHARE: usize = 512;

/// Conditions on the field of one network over a box.
pub(crate) struct Equations<'a> {
    tile: Tile,
    conditions: &'a [Condition<'a>],
    /// Signal value of each channel where the network has 0, and signal units per unit of its outputs.
    offsets: Vec<f64>,
    scale: f64,
    /// Shares of each condition in an iteration.
    shares: usize,
    /// The given points of each condition in training order.
    orders: Vec<Vec<u32>>,
    /// Factor of all losses.
    factor: f64,
    seed: u64,
}

/// Points at which losses are estimated.
const ESTIMATED: usize = 1 << 14;

impl<'a> Equations<'a> {
    /// For a network over `tile` whose outputs are `offsets + scale · output` in signal units, `batch` points of each
    /// condition in an iteration.
    pub fn new(
        tile: Tile,
        conditions: &'a [Condition<'a>],
        (offsets, scale): (Vec<f64>, f64),
        batch: usize,
        seed: u64,
    ) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let axes = tile.start.len();
        let order = |condition: &Condition<'_>| match &condition.points {
            Points::Random(_) => vec![],
            Points::Given { positions, .. } => {
                let mut order: Vec<u32> = (0..(positions.len() / axes) as u32).collect();
                rng.shuffle(&mut order);
                order
            }
        };
        let orders = conditions.iter().map(order).collect();
        let shares = batch.div_ceil(SHARE);
        Equations { tile, conditions, offsets, scale, shares, orders, factor: 1.0, seed }
    }

    /// Scales all losses so that their sum for `network` is 1.
    pub fn normalise(&mut self, level: Level, network: &Network) {
        let loss = self.loss(level, network);
        if loss.is_finite() && loss > 0.0 {
            self.factor /= loss;
        }
    }

    /// The weighted sum of the mean losses of all conditions, estimated at some of their points.
    pub fn loss(&self, level: Level, network: &Network) -> f64 {
        let losses = self.losses(level, network, ESTIMATED);
        self.factor * losses.iter().zip(self.conditions).map(|(loss, of)| of.weight * loss).sum::<f64>()
    }

    /// The mean loss of each condition at up to `most` of its points, the same ones for every network.
    pub fn losses(&self, level: Level, network: &Network, most: usize) -> Vec<f64> {
        let mut workspace = Workspace::default();
        let mut of = |number: usize| {
            let condition = &self.conditions[number];
            let (jet, components) = (condition.residual.jet(), self.factors(condition.residual.jet()));
            let all = match &condition.points {
                Points::Random(_) => most.min(ESTIMATED),
                Points::Given { .. } => self.orders[number].len().min(most),
            };
            let (mut sum, mut numbers) = (0.0, vec![0.0; self.offsets.len() * components.len()]);
            let mut out = vec![0.0; components.len() * self.offsets.len() * BLOCK];
            for first in (0..all).step_by(BLOCK) {
                let drawn = Drawn::new(self, number, (usize::MAX, first / BLOCK), first, BLOCK);
                level.jet(network, &drawn.coordinates, jet, &mut out, &mut workspace);
                for lane in 0..BLOCK.min(all - first) {
                    let of = |c: usize, k: usize| out[(k * self.offsets.len() + c) * BLOCK + lane];
                    self.in_signal_units(&components, of, &mut numbers);
                    sum += condition.residual.loss(drawn.point(lane, self.tile.start.len()), &mut numbers);
                }
            }
            sum / all.max(1) as f64
        };
        (0..self.conditions.len()).map(&mut of).collect()
    }

    /// Writes the jet of a point, of which `of` gives each channel and component in units of the network, in signal units.
    fn in_signal_units(&self, factors: &[f64], of: impl Fn(usize, usize) -> f32, numbers: &mut [f64]) {
        for ((c, jet), &offset) in numbers.chunks_exact_mut(factors.len()).enumerate().zip(&self.offsets) {
            for ((k, number), factor) in jet.iter_mut().enumerate().zip(factors) {
                *number = factor.mul_add(of(c, k).into(), if k == 0 { offset } else { 0.0 });
            }
        }
    }

    /// What each component of a jet by the network's coordinates is in signal units per native sample.
    fn factors(&self, jet: Jet) -> Vec<f64> {
        let per_sample: Vec<f64> = self.tile.spans.iter().map(|&span| 2.0 / f64::from(span)).collect();
        let axes = per_sample.len();
        let mut factors = vec![1.0];
        if jet != Jet::Value {
            factors.extend(&per_sample);
        }
        match jet {
            Jet::Value | Jet::Gradient => {}
            Jet::Laplacian => factors.push(per_sample[0] * per_sample[0]),
            Jet::Hessian => {
                let pairs = (0..axes).flat_map(|i| (i..axes).map(move |j| (i, j)));
                factors.extend(pairs.map(|(i, j)| per_sample[i] * per_sample[j]));
            }
        }
        factors.iter().map(|factor| self.scale * factor).collect()
    }
}

/// Points of a condition, and their coordinates in whole blocks.
struct Drawn<'a> {
    coordinates: Vec<f32>,
    positions: Vec<f64>,
    numbers: Vec<usize>,
    /// What is known of each point, if it is given.
    data: &'a [f32],
    per_point: usize,
}

impl<'a> Drawn<'a> {
    /// `count` points of condition `number` from its point `first` in training order on, or drawn for a `turn`.
    fn new(
        equations: &'a Equations<'a>,
        number: usize,
        turn: (usize, usize),
        first: usize,
        count: usize,
    ) -> Self {
        let (tile, order) = (&equations.tile, &equations.orders[number]);
        let axes = tile.start.len();
        let (mut positions, mut numbers) = (Vec::with_capacity(count * axes), vec![]);
        let (data, per_point) = match &equations.conditions[number].points {
            Points::Random(region) => {
                let mut rng = fastrand::Rng::with_seed(equations.seed);
                let at =
                    (turn.0 as u64).wrapping_mul(0x9e37_79b9) ^ (turn.1 as u64) << 40 ^ (number as u64) << 56;
                rng.seed(rng.get_seed() ^ at);
                for _ in 0..count {
                    positions.extend(
                        region.iter().map(|range| range.start + (range.end - range.start) * rng.f64()),
                    );
                }
                (&[][..], 0)
            }
            Points::Given { positions: all, data } => {
                numbers.extend((0..count).map(|n| order[(first + n) % order.len()] as usize));
                numbers.iter().for_each(|&n| positions.extend(&all[n * axes..][..axes]));
                (&data[..], data.len() / order.len())
            }
        };
        let mut coordinates = vec![0.0; count * axes];
        for (n, position) in positions.chunks_exact(axes).enumerate() {
            for (a, &x) in position.iter().enumerate() {
                coordinates[(n / BLOCK * axes + a) * BLOCK + n % BLOCK] = tile.coordinate(a, x);
            }
        }
        Drawn { coordinates, positions, numbers, data, per_point }
    }

    /// Point `n` of a signal of so many `axes`.
    fn point(&self, n: usize, axes: usize) -> Point<'_> {
        let data = match self.numbers.get(n) {
            Some(number) => &self.data[number * self.per_point..][..self.per_point],
            None => &[],
        };
        Point { position: &self.positions[n * axes..][..axes], data }
    }
}

impl Objective for Equations<'_> {
    fn shares(&self) -> usize {
        self.conditions.len() * self.shares
    }
    fn count(&self, _: usize) -> usize {
        1
    }
    fn add(
        &self,
        level: Level,
        network: &Network,
        Part { iteration, share }: Part,
        scale: f32,
        gradient: &mut [f32],
        workspace: &mut Workspace,
    ) -> f64 {
        let (number, part) = (share / self.shares, share % self.shares);
        let condition = &self.conditions[number];
        let (jet, factors) = (condition.residual.jet(), self.factors(condition.residual.jet()));
        let first = iteration.wrapping_mul(self.shares).wrapping_add(part).wrapping_mul(SHARE);
        let mut drawn = Drawn::new(self, number, (iteration, part), first, SHARE);
        let coordinates = std::mem::take(&mut drawn.coordinates);
        let axes = self.tile.start.len();
        let weight = self.factor * condition.weight / (self.shares * SHARE) as f64;
        let (components, mut numbers) = (factors.len(), vec![0.0; self.offsets.len() * factors.len()]);
        let mut seeds = |first: usize, jets: &mut [f32]| {
            let lanes = jets.len() / numbers.len();
            let mut sum = 0.0;
            for lane in 0..lanes {
                let of = |c: usize, k: usize| jets[(c * components + k) * lanes + lane];
                self.in_signal_units(&factors, of, &mut numbers);
                sum += condition.residual.loss(drawn.point(first + lane, axes), &mut numbers);
                for (i, number) in numbers.iter().enumerate() {
                    let slope = f64::from(scale) * weight * factors[i % components] * number;
                    jets[i * lanes + lane] = slope as f32;
                }
            }
            weight * sum
        };
        level.adjoint(network, &coordinates, jet, &mut seeds, gradient, workspace)
    }
}
