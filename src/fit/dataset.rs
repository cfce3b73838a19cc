//! The samples of one tile as the kernels want them: shuffled once, in whole blocks, normalised; of very large tiles a part.

use crate::backend::simd::{BLOCK, Batch, Level, Workspace};
use crate::fit::slopes::{GradientTerm, half_step};
use crate::network::Network;
use crate::signal::{Signal, Tile, Tiles};

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

    /// The network that [`Normalisation::undo`] takes to `network`, but for rounding.
    pub fn redo(&self, network: &Network) -> Network {
        let mut network = network.clone();
        let layer = network.shape().layers().next_back().expect("a network has layers");
        let parameters = network.parameters_mut();
        parameters[layer.weights()].iter_mut().for_each(|w| *w /= self.scale);
        for (bias, mean) in parameters[layer.biases()].iter_mut().zip(&self.means) {
            *bias = (*bias - mean) / self.scale;
        }
        network
    }
}

/// Points of a tile that are enough to train a network of the usual size on: thousands for each parameter. More would only
/// take memory, 24 bytes each for three channels.
pub(crate) const MOST_POINTS: u64 = 1 << 22;

/// A squared error over a tile, in squared signal units, summed over points (weighted) and channels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loss {
    /// Of the values.
    pub values: f64,
    /// With the gradient term.
    pub total: f64,
}

/// Shuffled training points of one tile: the samples, or with a gradient term a pair of points around each sample along each
/// axis, whose sum gives the value there and whose difference the slope.
#[derive(Clone, Debug)]
pub(crate) struct Dataset {
    /// Points or pairs, without padding.
    pub points: usize,
    /// Points or pairs of the tile for each of these.
    pub thinning: f64,
    /// Whether they are pairs, in the layout of [`Batch::paired`].
    pub paired: bool,
    /// Offset and scale that make alpha of the last channel, if errors of the others count by it in [`Dataset::squared_error`]. In
    /// training they count alike: kernels have one weight for all channels.
    pub by_alpha: Option<(f32, f32)>,
    /// Input coordinates per point.
    pub inputs: usize,
    /// Channels.
    pub outputs: usize,
    /// Per block `inputs × BLOCK` local coordinates.
    pub coordinates: Vec<f32>,
    /// Per block `outputs × BLOCK` normalised values; of pairs, sums and differences.
    pub targets: Vec<f32>,
    /// Per block `BLOCK` weights: the tile's share at the point; 0 for padding.
    pub weights: Vec<f32>,
    /// How `targets` relate to the signal.
    pub normalisation: Normalisation,
}

impl Dataset {
    /// Tile `number` of `signal`, shuffled by `seed`; if it has more than `most` points or pairs, one of each of so many equal
    /// stretches of them. Points weigh as much as the tile counts in the blend, but never less than 5 %, so that a network is
    /// not free to run wild where its neighbour takes over.
    pub fn of_tile(
        signal: &Signal,
        tiles: &Tiles,
        number: usize,
        gradient: Option<GradientTerm<'_>>,
        most: u64,
        seed: u64,
    ) -> Self {
        let (tile, lengths) = (tiles.tile(number), &signal.description.lengths);
        let (inputs, outputs) = (lengths.len(), usize::from(signal.description.channels));
        let sides: Vec<u32> = tile.start.iter().zip(&tile.end).map(|(a, b)| b - a).collect();
        let samples = tile.points();
        let all = if gradient.is_some() { samples * inputs as u64 } else { samples };
        let points = all.min(most) as usize;

        // Coordinates and weights are separable: one table per axis.
        let axis = |a: usize| (tile.start[a]..tile.end[a]).map(move |x| (a, f64::from(x)));
        let coordinate: Vec<Vec<f32>> =
            (0..inputs).map(|a| axis(a).map(|(a, x)| tile.coordinate(a, x)).collect()).collect();
        let weight: Vec<Vec<f32>> =
            (0..inputs).map(|a| axis(a).map(|(a, x)| tiles.weight(a, tile.index[a], x)).collect()).collect();

        let mut rng = fastrand::Rng::with_seed(seed);
        let mut order =
            if points as u64 == all { (0..all).collect() } else { one_of_each(all, points as u64, &mut rng) };
        rng.shuffle(&mut order);
        let blocks = points.div_ceil(if gradient.is_some() { BLOCK / 2 } else { BLOCK });
        let mut data = Dataset {
            points,
            thinning: all as f64 / points as f64,
            by_alpha: None,
            paired: gradient.is_some(),
            inputs,
            outputs,
            coordinates: vec![0.0; blocks * inputs * BLOCK],
            targets: vec![0.0; blocks * outputs * BLOCK],
            weights: vec![0.0; blocks * BLOCK],
            normalisation: Normalisation { means: vec![0.0; outputs], scale: 1.0 },
        };
        for (n, &point) in order.iter().enumerate() {
            let (block, lane) = data.place(n);
            let (mut rest, mut index, mut stride, mut share) = (point % samples, 0usize, 1usize, 1f32);
            for a in 0..inputs {
                let local = (rest % u64::from(sides[a])) as usize;
                rest /= u64::from(sides[a]);
                index += stride * (tile.start[a] as usize + local);
                stride *= lengths[a] as usize;
                share *= weight[a][local];
                data.coordinates[(block * inputs + a) * BLOCK + lane] = coordinate[a][local];
            }
            data.weights[block * BLOCK + lane] = share.max(0.05);
            for c in 0..outputs {
                data.targets[(block * outputs + c) * BLOCK + lane] = signal.samples.get(index * outputs + c);
            }
            if let Some(term) = &gradient {
                data.split(signal, &tile, term, (index, (point / samples) as usize), (block, lane));
            }
        }
        data.normalise();
        data
    }

    /// Makes the point at `place`, sample `index` of the signal, a pair along `axis`.
    fn split(
        &mut self,
        signal: &Signal,
        tile: &Tile,
        term: &GradientTerm<'_>,
        (index, axis): (usize, usize),
        (block, lane): (usize, usize),
    ) {
        let (lengths, second) = (&signal.description.lengths, lane + BLOCK / 2);
        let stride: usize = lengths[..axis].iter().map(|&n| n as usize).product();
        let at = (index / stride % lengths[axis] as usize) as u32;
        for a in 0..self.inputs {
            let row = (block * self.inputs + a) * BLOCK;
            self.coordinates[row + second] = self.coordinates[row + lane];
        }
        let row = (block * self.inputs + axis) * BLOCK;
        let step = half_step(tile.span());
        let [ahead, behind] = [step, -step].map(|step| tile.coordinate(axis, f64::from(at) + step));
        (self.coordinates[row + lane], self.coordinates[row + second]) = (ahead, behind);
        // As far apart as their rounded coordinates say, native samples.
        let distance = 0.5 * f64::from(ahead - behind) * f64::from(tile.span());
        let row = block * BLOCK;
        let share = self.weights[row + lane];
        // Half the sum is the value, which every axis shares; the difference over the distance is the slope.
        self.weights[row + lane] = share / (4 * self.inputs) as f32;
        self.weights[row + second] = share * term.weight / (distance * distance) as f32;
        for c in 0..self.outputs {
            let row = (block * self.outputs + c) * BLOCK;
            self.targets[row + second] = (distance * term.slope(signal, index, axis, at, c)) as f32;
        }
    }

    /// The block and the lane of a point, or of the first of a pair.
    pub fn place(&self, n: usize) -> (usize, usize) {
        (n / self.lanes(), n % self.lanes())
    }

    /// Points or pairs of a block.
    fn lanes(&self) -> usize {
        if self.paired { BLOCK / 2 } else { BLOCK }
    }

    /// How often one sample is evaluated when all points are.
    pub fn evaluations(&self) -> usize {
        if self.paired { 2 * self.inputs } else { 1 }
    }

    /// Zero mean per channel, a standard deviation of ½ over all.
    fn normalise(&mut self) {
        let (points, outputs, lanes) = (self.points, self.outputs, self.lanes());
        let places = |c: usize| (0..points).map(move |n| (n / lanes * outputs + c) * BLOCK + n % lanes);
        let mut variance = 0f64;
        for c in 0..outputs {
            let mean = places(c).map(|i| f64::from(self.targets[i])).sum::<f64>() / points as f64;
            variance += places(c).map(|i| (f64::from(self.targets[i]) - mean).powi(2)).sum::<f64>();
            self.normalisation.means[c] = mean as f32;
        }
        variance /= (points * outputs) as f64;
        // A constant tile has nothing to scale: its mean alone describes it, and what the network adds must not show.
        let scale = 2.0 * variance.sqrt() as f32;
        let peak = self.normalisation.means.iter().fold(0f32, |peak, mean| peak.max(mean.abs()));
        let least = if peak > 0.0 { peak * f32::EPSILON } else { f32::EPSILON };
        self.normalisation.scale = scale.max(least).clamp(f32::MIN_POSITIVE, f32::MAX);
        for c in 0..outputs {
            for i in places(c) {
                self.targets[i] = (self.targets[i] - self.normalisation.means[c]) / self.normalisation.scale;
                if self.paired {
                    self.targets[i] *= 2.0;
                    self.targets[i + BLOCK / 2] /= self.normalisation.scale;
                }
            }
        }
    }

    /// The squared error `network` leaves, estimated for all points of the tile.
    pub fn squared_error(&self, level: Level, network: &Network) -> Loss {
        let (mut workspace, mut sums) = (Workspace::default(), [0f64; 2]);
        let mut values = vec![0.0; self.outputs * BLOCK];
        for block in 0..self.blocks() {
            let batch = self.batch(block..block + 1);
            level.forward(network, batch.coordinates, &mut values, &mut workspace);
            let opacity = self.opacity(batch.targets);
            for (c, (values, targets)) in
                values.chunks_exact_mut(BLOCK).zip(batch.targets.chunks_exact(BLOCK)).enumerate()
            {
                if self.paired {
                    let (first, second) = values.split_at_mut(BLOCK / 2);
                    first.iter_mut().zip(second).for_each(|(a, b)| (*a, *b) = (*a + *b, *a - *b));
                }
                for (lane, ((v, t), w)) in values.iter().zip(targets).zip(batch.weights).enumerate() {
                    let slope = self.paired && lane >= BLOCK / 2;
                    let visible = if c + 1 < self.outputs { opacity[lane] } else { 1.0 };
                    sums[usize::from(slope)] += f64::from(visible * w * (v - t) * (v - t));
                }
            }
        }
        let units = f64::from(self.normalisation.scale).powi(2) * self.thinning;
        let [values, slopes] = sums.map(|sum| sum * units);
        Loss { values, total: values + slopes }
    }

    /// The squared error that the mean of each channel leaves, with the gradient term, estimated for all points of the tile.
    pub fn squared_error_of_mean(&self) -> f64 {
        let units = f64::from(self.normalisation.scale).powi(2) * self.thinning;
        self.errors_of_mean(|targets| self.opacity(targets)) * units
    }

    /// The same per number in the errors of all points, normalised, as the loss of a training step is.
    pub fn loss_of_mean(&self) -> f64 {
        let numbers = self.weights.len() * self.outputs / self.evaluations();
        self.errors_of_mean(|_| [1.0; BLOCK]) / numbers.max(1) as f64
    }

    /// The sum of the squared errors of the mean at all points, normalised, those of colours times what `opacity` has for a block.
    fn errors_of_mean(&self, opacity: impl Fn(&[f32]) -> [f32; BLOCK]) -> f64 {
        let of_block = |block: usize| {
            let batch = self.batch(block..block + 1);
            let opacity = opacity(batch.targets);
            let row = |(c, targets): (usize, &[f32])| -> f64 {
                let visible = |lane: usize| if c + 1 < self.outputs { opacity[lane] } else { 1.0 };
                let points = targets.iter().zip(batch.weights).enumerate();
                points.map(|(lane, (t, w))| f64::from(visible(lane) * w * t * t)).sum()
            };
            batch.targets.chunks_exact(BLOCK).enumerate().map(row).sum::<f64>()
        };
        (0..self.blocks()).map(of_block).sum()
    }

    /// How much errors of colours count in each lane of a block with these `targets`.
    fn opacity(&self, targets: &[f32]) -> [f32; BLOCK] {
        let Normalisation { means, scale } = &self.normalisation;
        let (Some((offset, unit)), Some(mean), Some(alpha)) =
            (self.by_alpha, means.last(), targets.rchunks_exact(BLOCK).next())
        else {
            return [1.0; BLOCK];
        };
        let value = |lane: usize| match self.paired {
            // A pair has one sum, twice the value.
            true => 0.5 * alpha[lane % (BLOCK / 2)],
            false => alpha[lane],
        };
        std::array::from_fn(|lane| (offset + unit * (mean + scale * value(lane))).clamp(0.0, 1.0))
    }

    /// All points, padding included.
    #[cfg(feature = "cuda")]
    pub fn samples(&self) -> crate::backend::cuda::Samples<'_> {
        crate::backend::cuda::Samples {
            coordinates: &self.coordinates,
            targets: &self.targets,
            weights: &self.weights,
            paired: self.paired,
        }
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
            paired: self.paired,
        }
    }
}

/// A number of each of `count` equal stretches of `0..all`.
fn one_of_each(all: u64, count: u64, rng: &mut fastrand::Rng) -> Vec<u64> {
    let start = |n: u64| (u128::from(n) * u128::from(all) / u128::from(count)) as u64;
    (0..count).map(|n| rng.u64(start(n)..start(n + 1))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Shape;
    use crate::signal::{Description, Kind, SampleFormat, Samples};

    fn picture(lengths: [u32; 2], channels: u8, value: impl Fn(u32) -> f64) -> Signal {
        let description = Description {
            kind: Kind::Picture,
            lengths: lengths.to_vec(),
            channels,
            format: SampleFormat::F32,
            rate: 0,
        };
        let count = lengths[0] * lengths[1] * u32::from(channels);
        Signal {
            description,
            samples: Samples::F32((0..count).map(|i| value(i) as f32).collect()),
            metadata: vec![],
        }
    }

    #[test]
    fn a_few_points_of_a_large_tile_stand_for_all() {
        let signal =
            picture([200, 150], 1, |i| f64::from(i % 200).mul_add(0.02, f64::from(i / 200) * 0.01).sin());
        let tiles = Tiles::one(&signal.description);
        let constant = Network::zeros(Shape { inputs: 2, outputs: 1, layers: 1, width: 1 });
        for weight in [0.0f32, 20.0] {
            let term = (weight > 0.0).then_some(GradientTerm { weight, reference: None });
            let [all, few] =
                [MOST_POINTS, 3000].map(|most| Dataset::of_tile(&signal, &tiles, 0, term, most, 1));
            assert_eq!((all.thinning, few.points), (1.0, 3000));
            assert_eq!(few.thinning, all.points as f64 / 3000.0);
            let of_mean = [&all, &few].map(Dataset::squared_error_of_mean);
            assert!((of_mean[1] / of_mean[0] - 1.0).abs() < 0.05, "{of_mean:?}");
            let [all, few] = [&all, &few].map(|data| data.squared_error(Level::best(), &constant));
            assert!((few.values / all.values - 1.0).abs() < 0.05, "{few:?} {all:?}");
            assert!((few.total / all.total - 1.0).abs() < 0.05, "{few:?} {all:?}");
        }
        let mut rng = fastrand::Rng::with_seed(3);
        let chosen = one_of_each(1 << 33, 1000, &mut rng);
        assert!(chosen.iter().enumerate().all(|(n, &point)| (point * 1000) >> 33 == n as u64));
    }

    #[test]
    fn colours_count_by_their_alpha() {
        // Grey 1 where alpha is ¼, and grey 0 where it is ¾.
        let signal = picture([40, 30], 2, |i| match (i / 2 % 2, i % 2) {
            (column, 0) => f64::from(1 - column),
            (column, _) => 0.25 + 0.5 * f64::from(column),
        });
        let tiles = Tiles::one(&signal.description);
        let constant = Network::zeros(Shape { inputs: 2, outputs: 2, layers: 1, width: 1 });
        for term in [None, Some(GradientTerm { weight: 1.0, reference: None })] {
            let data = Dataset::of_tile(&signal, &tiles, 0, term, MOST_POINTS, 1);
            let loss = |by_alpha| {
                let data = Dataset { by_alpha, ..data.clone() };
                let loss = data.squared_error(Level::best(), &constant);
                assert!((data.squared_error_of_mean() / loss.total - 1.0).abs() < 1e-5);
                loss.values
            };
            // The means are a half; ¼ of the colour's variance at half of the points, ¾ at the others.
            assert!((loss(None) / (1200.0 * (0.25 + 0.0625)) - 1.0).abs() < 1e-5);
            assert!(
                (loss(Some((0.0, 1.0))) / (1200.0 * (0.125 + 0.0625)) - 1.0).abs() < 1e-5,
                "{}",
                loss(Some((0.0, 1.0)))
            );
        }
    }

    #[test]
    fn the_loss_of_a_constant_is_the_variance_and_the_slopes_of_a_ramp() {
        let (width, height, slopes) = (9u32, 20u32, [0.03, -0.02]);
        let value = |i: u32| slopes[0] * f64::from(i % width) + slopes[1] * f64::from(i / width);
        let signal = picture([width, height], 1, value);
        let tiles = Tiles::one(&signal.description);
        // The variance of n equidistant numbers is (n² − 1) / 12.
        let variance = |slope: f64, n: u32| slope * slope * f64::from(n * n - 1) / 12.0;
        let count = f64::from(width * height);
        let values = count * (variance(slopes[0], width) + variance(slopes[1], height));
        let constant = Network::zeros(Shape { inputs: 2, outputs: 1, layers: 1, width: 1 });
        for weight in [0.0f32, 0.5, 3.0] {
            let term = (weight > 0.0).then_some(GradientTerm { weight, reference: None });
            let data = Dataset::of_tile(&signal, &tiles, 0, term, MOST_POINTS, 1);
            assert_eq!(data.points * data.evaluations(), 180 * if weight > 0.0 { 8 } else { 1 });
            let loss = data.squared_error(Level::best(), &constant);
            let gradient = count * f64::from(weight) * (slopes[0].powi(2) + slopes[1].powi(2));
            assert!((loss.values / values - 1.0).abs() < 1e-5, "{} {values}", loss.values);
            assert!((loss.total - values - gradient).abs() < 1e-5 * loss.total, "{loss:?} {gradient}");
        }
    }
}
