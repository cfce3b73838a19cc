//! The weighted mean loss of conditions on a field of blended tiles, as training minimises it.
//!
//! The loss is a mean over points, and a network's gradient depends on the points that its tile sees, where the jets of
//! neighbours are constants. So each tile draws points of its own, and the networks of all tiles are trained together.

use super::blend::Share;
use super::places::{Block, Places, extent, seeing};
use super::{Condition, Points};
use crate::backend::simd::{BLOCK, Level, Workspace};
use crate::fit::train::{Objective, Part};
use crate::network::{Jet, Network};
use crate::signal::{Tile, Tiles};
use rayon::prelude::*;

/// Blocks of a share of an iteration.
const SHARE: usize = 4;
/// Blocks at which losses are estimated.
const ESTIMATED: usize = 128;

/// Conditions on the field of the networks of tiles.
pub(crate) struct Equations<'a> {
    tiles: Tiles,
    boxes: Vec<Tile>,
    conditions: &'a [Condition<'a>],
    /// The places of each condition in each tile.
    places: Vec<Vec<Places>>,
    /// Signal value of each channel where the networks have 0, and signal units per unit of their outputs.
    offsets: Vec<f64>,
    scale: f64,
    /// Shares of each condition in an iteration of a tile.
    shares: usize,
    /// Factor of all losses.
    factor: f64,
    /// An axis along which random points spread from the start of their region, and the iterations until they fill it.
    growth: Option<(usize, usize)>,
    seed: u64,
}

impl<'a> Equations<'a> {
    /// For networks whose outputs are `offsets + scale · output` in signal units, about `batch` points of each condition in
    /// an iteration of each tile.
    pub fn new(
        tiles: &Tiles,
        conditions: &'a [Condition<'a>],
        (offsets, scale): (Vec<f64>, f64),
        batch: usize,
        seed: u64,
    ) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let places = conditions.iter().map(|condition| Places::of(condition, tiles, &mut rng)).collect();
        let boxes = (0..tiles.len()).map(|number| tiles.tile(number)).collect();
        let shares = batch.div_ceil(SHARE * BLOCK);
        Equations {
            tiles: tiles.clone(),
            boxes,
            conditions,
            places,
            offsets,
            scale,
            shares,
            factor: 1.0,
            growth: None,
            seed,
        }
    }

    /// Random points spread along `axis` from the start of their region during the first `iterations`. The axis is not divided.
    pub fn growing(self, axis: usize, iterations: usize) -> Self {
        Equations { growth: Some((axis, iterations)), ..self }
    }

    /// Scales all losses so that their sum for `networks` is 1.
    pub fn normalise(&mut self, level: Level, networks: &[Network]) {
        let loss = self.loss(level, networks);
        if loss.is_finite() && loss > 0.0 {
            self.factor /= loss;
        }
    }

    /// The weighted sum of the mean losses of all conditions, estimated at some of their points.
    pub fn loss(&self, level: Level, networks: &[Network]) -> f64 {
        let losses = self.losses(level, networks, ESTIMATED);
        self.factor * losses.iter().zip(self.conditions).map(|(loss, of)| of.weight * loss).sum::<f64>()
    }

    /// The mean loss of each condition at the points of up to `most` blocks, the same ones for all networks.
    pub fn losses(&self, level: Level, networks: &[Network], most: usize) -> Vec<f64> {
        let of_tile = most.div_ceil(self.boxes.len());
        let of_condition = |(number, condition): (usize, &Condition<'_>)| {
            // A point that several tiles see counts for each by the tile's weight.
            let tasks: Vec<(usize, usize, usize)> = (0..self.boxes.len())
                .flat_map(|tile| {
                    let all = self.places[number][tile].blocks(of_tile.min(ESTIMATED));
                    let blocks = all.min(of_tile);
                    (0..blocks).map(move |block| (tile, block, blocks))
                })
                .collect();
            let of_block = |&(tile, block, blocks): &(usize, usize, usize)| {
                let places = &self.places[number][tile];
                let seed = self.seed_of(1, number, tile);
                let block = Block::new(condition, places, block, self.tiles.counts().len(), (seed, None));
                let (loss, weight) = self.block_loss(level, networks, (tile, condition), &block);
                (loss * places.share(blocks), weight * places.share(blocks))
            };
            let sums: Vec<(f64, f64)> = tasks.par_iter().map(of_block).collect();
            let [loss, weight] = sums.iter().fold([0.0; 2], |[a, b], (loss, weight)| [a + loss, b + weight]);
            if weight > 0.0 { loss / weight } else { 0.0 }
        };
        self.conditions.iter().enumerate().map(of_condition).collect()
    }

    /// The sum of the losses at the points of a block and that of the weights that a tile has there, each loss times that
    /// weight.
    fn block_loss(
        &self,
        level: Level,
        networks: &[Network],
        (tile, condition): (usize, &Condition<'_>),
        block: &Block,
    ) -> (f64, f64) {
        let jet = condition.residual.jet();
        let mut fields = self.start(block, jet);
        let (mut coordinates, mut out, mut workspace) = (vec![], vec![], Workspace::default());
        for number in self.seen(block) {
            let scratch = (&mut coordinates, &mut out, &mut workspace);
            self.add(level, &networks[number], number, (block, jet), &mut fields, scratch);
        }
        let (mut loss, mut weight) = (0.0, 0.0);
        for (n, field) in fields.chunks_exact_mut(self.numbers(jet)).enumerate() {
            let by = self.share(tile, block.position(n), Jet::Value).weight;
            loss += by * condition.residual.loss(block.point(n), field);
            weight += by;
        }
        (loss, weight)
    }

    /// The tiles that see a point of a block.
    fn seen(&self, block: &Block) -> Vec<usize> {
        if self.boxes.len() == 1 {
            return vec![0];
        }
        let mut seen: Vec<usize> =
            (0..block.len()).flat_map(|n| seeing(&self.tiles, block.position(n))).collect();
        seen.sort_unstable();
        seen.dedup();
        seen
    }

    /// Numbers of the jets of all channels.
    fn numbers(&self, jet: Jet) -> usize {
        self.offsets.len() * jet.components(self.tiles.counts().len())
    }

    /// The jets of the field at the points of a block before any network: the offsets.
    fn start(&self, block: &Block, jet: Jet) -> Vec<f64> {
        let of_channel = |&offset: &f64| {
            let components = jet.components(self.tiles.counts().len());
            (0..components).map(move |component| if component == 0 { offset } else { 0.0 })
        };
        (0..block.len()).flat_map(|_| self.offsets.iter().flat_map(of_channel)).collect()
    }

    fn share(&self, tile: usize, position: &[f64], jet: Jet) -> Share {
        Share::new(&self.tiles, &self.boxes[tile], position, jet, self.scale)
    }

    /// The shares of a tile at the points of a block: one where it is the same at all.
    fn shares_of(&self, tile: usize, block: &Block, jet: Jet) -> Vec<Share> {
        let first = self.share(tile, block.position(0), jet);
        if self.boxes.len() == 1 {
            return vec![first];
        }
        let shares: Vec<Share> = (0..block.len()).map(|n| self.share(tile, block.position(n), jet)).collect();
        let components = jet.components(self.tiles.counts().len());
        if shares.iter().all(|share| share.is_whole(components)) { vec![first] } else { shares }
    }

    /// Adds the jets of the network of tile `number` to those of the field.
    fn add(
        &self,
        level: Level,
        network: &Network,
        number: usize,
        (block, jet): (&Block, Jet),
        fields: &mut [f64],
        (coordinates, out, workspace): (&mut Vec<f32>, &mut Vec<f32>, &mut Workspace),
    ) {
        let (channels, axes) = (self.offsets.len(), self.tiles.counts().len());
        let components = jet.components(axes);
        block.coordinates(&self.boxes[number], coordinates);
        out.resize(components * channels * BLOCK, 0.0);
        level.jet(network, coordinates, jet, out, workspace);
        let shares = self.shares_of(number, block, jet);
        for (n, field) in fields.chunks_exact_mut(channels * components).enumerate() {
            let share = &shares[n % shares.len()];
            for (c, field) in field.chunks_exact_mut(components).enumerate() {
                share.add(|k| out[(k * channels + c) * BLOCK + n], field);
            }
        }
    }

    /// The seed of the random points of a condition in a tile; purposes have points of their own.
    fn seed_of(&self, purpose: usize, condition: usize, tile: usize) -> u64 {
        // SplitMix64's increments and finaliser.
        [purpose, condition, tile].iter().fold(self.seed, |seed, &number| {
            let z = (seed ^ number as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        })
    }

    /// Points of a condition, or their volume.
    fn total(&self, condition: &Condition<'_>) -> f64 {
        match &condition.points {
            Points::Given { positions, .. } => (positions.len() / self.tiles.counts().len()) as f64,
            Points::Random(region) | Points::Interpolated { region, .. } => {
                region.iter().map(extent).product()
            }
        }
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
        networks: &[Network],
        Part { iteration, network: tile, share }: Part,
        scale: f32,
        gradient: &mut [f32],
        workspace: &mut Workspace,
    ) -> f64 {
        let (number, part) = (share / self.shares, share % self.shares);
        let (condition, places) = (&self.conditions[number], &self.places[number][tile]);
        // A tile that sees fewer blocks than a batch has draws each once.
        let blocks = places.blocks(usize::MAX).min(self.shares * SHARE);
        let from = part * SHARE;
        let grown = |(axis, all): (usize, usize)| (axis, ((iteration + 1) as f64 / all as f64).min(1.0));
        let reach = self.growth.map(grown);
        let (axes, jet) = (self.tiles.counts().len(), condition.residual.jet());
        let weight = self.factor * condition.weight * places.share(blocks.max(1)) / self.total(condition);
        let (components, channels) = (jet.components(axes), self.offsets.len());
        let (mut coordinates, mut out, mut sum) = (vec![], vec![], 0.0);
        let mut slopes = vec![0.0; components];
        for k in from..(from + SHARE).min(blocks) {
            let random = (self.seed_of(0, number, tile), reach);
            let block = iteration.wrapping_mul(blocks).wrapping_add(k);
            let block = Block::new(condition, places, block, axes, random);
            let mut fields = self.start(&block, jet);
            for other in self.seen(&block).into_iter().filter(|&other| other != tile) {
                let scratch = (&mut coordinates, &mut out, &mut *workspace);
                self.add(level, &networks[other], other, (&block, jet), &mut fields, scratch);
            }
            let shares = self.shares_of(tile, &block, jet);
            let mut seeds = |first: usize, jets: &mut [f32]| {
                let lanes = jets.len() / (channels * components);
                let valid = block.len().saturating_sub(first).min(lanes);
                let mut loss = 0.0;
                for lane in 0..lanes {
                    let at = |c: usize, k: usize| (c * components + k) * lanes + lane;
                    if lane >= valid {
                        (0..channels * components).for_each(|row| jets[row * lanes + lane] = 0.0);
                        continue;
                    }
                    let n = first + lane;
                    let share = &shares[n % shares.len()];
                    let field = &mut fields[n * channels * components..][..channels * components];
                    for (c, field) in field.chunks_exact_mut(components).enumerate() {
                        share.add(|k| jets[at(c, k)], field);
                    }
                    // Points that several tiles see are counted once in all.
                    loss += share.weight * condition.residual.loss(block.point(n), field);
                    for (c, field) in field.chunks_exact(components).enumerate() {
                        share.back(field, &mut slopes);
                        for (k, slope) in slopes.iter().enumerate() {
                            jets[at(c, k)] = (f64::from(scale) * weight * slope) as f32;
                        }
                    }
                }
                loss
            };
            block.coordinates(&self.boxes[tile], &mut coordinates);
            sum += level.adjoint(&networks[tile], &coordinates, jet, &mut seeds, gradient, workspace);
        }
        weight * sum
    }
}
