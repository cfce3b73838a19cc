//! The samples of one tile as the kernels want them: shuffled once, in whole blocks, normalised.

use crate::backend::simd::{BLOCK, Batch, Level, Workspace};
use crate::network::Network;
use crate::signal::{Signal, Tiles};

/// The map between signal units and the values a network is trained on: `value = mean + scale · trained`.
#[derive(Clone, Debug)]
pub(crate) struct Normalisation {
    /// Mean of each channel, signal units.
    pub means: Vec<f32>,
    /// One scale for all channels, so that the squared error stays that of the signal; positive.
    pub scale: f32,
}

impl Normalisation {
    /// The network whose outputs are in signal units: the output layer scaled and shifted.
    pub fn undo(&self, network: &Network) -> Network {
        let mut network = network.clone();
        let layer = network.shape().layers().next_back().expect("a network has layers");
        let parameters = network.parameters_mut();
        parameters[layer.weights()].iter_mut().for_each(|w| *w *= self.scale);
        for (bias, mean) in parameters[layer.biases()].iter_mut().zip(&self.means) {
            *bias = *bias * self.scale + mean;
        }
        network
    }
}

/// Shuffled training points of one tile.
#[derive(Clone, Debug)]
pub(crate) struct Dataset {
    /// Points, without padding.
    pub points: usize,
    /// Input coordinates per point.
    pub inputs: usize,
    /// Channels.
    pub outputs: usize,
    /// Per block `inputs × BLOCK` local coordinates.
    pub coordinates: Vec<f32>,
    /// Per block `outputs × BLOCK` normalised values.
    pub targets: Vec<f32>,
    /// Per block `BLOCK` weights: the tile's share at the point; 0 for padding.
    pub weights: Vec<f32>,
    /// How `targets` relate to the signal.
    pub normalisation: Normalisation,
}

impl Dataset {
    /// Tile `number` of `signal`, shuffled by `seed`. Points weigh as much as the tile counts in the blend, but never
    /// less than 5 %, so that a network is not free to run wild where its neighbour takes over.
    pub fn of_tile(signal: &Signal, tiles: &Tiles, number: usize, seed: u64) -> Self {
        let (tile, lengths) = (tiles.tile(number), &signal.description.lengths);
        let (inputs, outputs) = (lengths.len(), usize::from(signal.description.channels));
        let sides: Vec<u32> = tile.start.iter().zip(&tile.end).map(|(a, b)| b - a).collect();
        let points: usize = sides.iter().map(|&n| n as usize).product();

        // Coordinates and weights are separable: one table per axis.
        let axis = |a: usize| (tile.start[a]..tile.end[a]).map(move |x| (a, f64::from(x)));
        let coordinate: Vec<Vec<f32>> =
            (0..inputs).map(|a| axis(a).map(|(a, x)| tile.coordinate(a, x)).collect()).collect();
        let weight: Vec<Vec<f32>> =
            (0..inputs).map(|a| axis(a).map(|(a, x)| tiles.weight(a, tile.index[a], x)).collect()).collect();

        let mut order: Vec<u32> = (0..points as u32).collect();
        fastrand::Rng::with_seed(seed).shuffle(&mut order);
        let blocks = points.div_ceil(BLOCK);
        let mut data = Dataset {
            points,
            inputs,
            outputs,
            coordinates: vec![0.0; blocks * inputs * BLOCK],
            targets: vec![0.0; blocks * outputs * BLOCK],
            weights: vec![0.0; blocks * BLOCK],
            normalisation: Normalisation { means: vec![0.0; outputs], scale: 1.0 },
        };
        for (n, &point) in order.iter().enumerate() {
            let (block, lane) = (n / BLOCK, n % BLOCK);
            let (mut rest, mut index, mut stride, mut share) = (point, 0usize, 1usize, 1f32);
            for a in 0..inputs {
                let local = (rest % sides[a]) as usize;
                rest /= sides[a];
                index += stride * (tile.start[a] as usize + local);
                stride *= lengths[a] as usize;
                share *= weight[a][local];
                data.coordinates[(block * inputs + a) * BLOCK + lane] = coordinate[a][local];
            }
            data.weights[block * BLOCK + lane] = share.max(0.05);
            for c in 0..outputs {
                data.targets[(block * outputs + c) * BLOCK + lane] = signal.samples.get(index * outputs + c);
            }
        }
        data.normalise();
        data
    }

    /// Zero mean per channel, a standard deviation of ½ over all.
    fn normalise(&mut self) {
        let rows = |data: &Dataset, c: usize| {
            (0..data.points)
                .map(move |n| (n / BLOCK * data.outputs + c) * BLOCK + n % BLOCK)
                .collect::<Vec<_>>()
        };
        let mut variance = 0f64;
        for c in 0..self.outputs {
            let at = rows(self, c);
            let mean = at.iter().map(|&i| f64::from(self.targets[i])).sum::<f64>() / self.points as f64;
            variance += at.iter().map(|&i| (f64::from(self.targets[i]) - mean).powi(2)).sum::<f64>();
            self.normalisation.means[c] = mean as f32;
        }
        variance /= (self.points * self.outputs) as f64;
        // A constant tile has nothing to scale: its mean alone describes it, and what the network adds must not show.
        let scale = 2.0 * variance.sqrt() as f32;
        let peak = self.normalisation.means.iter().fold(0f32, |peak, mean| peak.max(mean.abs()));
        let least = if peak > 0.0 { peak * f32::EPSILON } else { f32::EPSILON };
        self.normalisation.scale = scale.max(least).clamp(f32::MIN_POSITIVE, f32::MAX);
        for c in 0..self.outputs {
            for i in rows(self, c) {
                self.targets[i] = (self.targets[i] - self.normalisation.means[c]) / self.normalisation.scale;
            }
        }
    }

    /// The squared error `network` leaves, in squared signal units, summed over points (weighted) and channels.
    pub fn squared_error(&self, level: Level, network: &Network) -> f64 {
        let (mut workspace, mut sum) = (Workspace::default(), 0f64);
        let mut values = vec![0.0; self.outputs * BLOCK];
        for block in 0..self.blocks() {
            let batch = self.batch(block..block + 1);
            level.forward(network, batch.coordinates, &mut values, &mut workspace);
            for (values, targets) in values.chunks_exact(BLOCK).zip(batch.targets.chunks_exact(BLOCK)) {
                for ((v, t), w) in values.iter().zip(targets).zip(batch.weights) {
                    sum += f64::from(w * (v - t) * (v - t));
                }
            }
        }
        sum * f64::from(self.normalisation.scale).powi(2)
    }

    /// All points, padding included.
    #[cfg(feature = "cuda")]
    pub fn samples(&self) -> crate::backend::cuda::Samples<'_> {
        let Dataset { coordinates, targets, weights, .. } = self;
        crate::backend::cuda::Samples { coordinates, targets, weights }
    }

    /// The number of blocks.
    pub fn blocks(&self) -> usize {
        self.weights.len() / BLOCK
    }

    /// The points of `blocks`.
    pub fn batch(&self, blocks: std::ops::Range<usize>) -> Batch<'_> {
        let slice = |data: &'_ [f32], rows: usize| {
            blocks.start * rows * BLOCK..(blocks.end * rows * BLOCK).min(data.len())
        };
        Batch {
            coordinates: &self.coordinates[slice(&self.coordinates, self.inputs)],
            targets: &self.targets[slice(&self.targets, self.outputs)],
            weights: &self.weights[slice(&self.weights, 1)],
            first_layer: 0,
        }
    }
}
