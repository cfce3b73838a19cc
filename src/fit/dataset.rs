//! The training points of one tile: samples in whole blocks, shuffled once and normalised; a subset of them
//! for very large tiles.

use crate::backend::simd::{BLOCK, Level, Workspace};
use crate::backend::trainer::Points;
use crate::error::Result;
use crate::fit::gather::{Gathered, gather, normalise};
use crate::fit::slopes::GradientTerm;
use crate::network::Network;
use crate::signal::{Missing, Source, Tiles};
use std::sync::Arc;

/// The map between signal units and the values that a network is trained on: `value = mean + scale ·
/// trained`.
#[derive(Clone, Debug)]
pub(crate) struct Normalisation {
    /// Mean of each channel, signal units.
    pub means: Vec<f32>,
    /// One positive scale for all channels, so that the squared error stays proportional to that of the
    /// signal.
    pub scale: f32,
}

impl Normalisation {
    /// The network with outputs in signal units: its output layer scaled and shifted.
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

    /// The inverse of [`Normalisation::undo`] up to rounding: the network with outputs in units of training.
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

/// The most points of a tile that are gathered: thousands per parameter of a network of the usual size. More
/// would only take memory, 24 bytes each for three channels.
pub(crate) const MOST_POINTS: u64 = 1 << 22;

/// A squared error over a tile, in squared signal units, summed over points (weighted) and channels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loss {
    /// Squared error of the values.
    pub values: f64,
    /// Squared error of the values plus the gradient term.
    pub total: f64,
}

/// Shuffled training points of one tile: its samples or, with a gradient term, a pair of points around each
/// sample along each axis; the sum of a pair gives the value at the sample, the difference the slope.
#[derive(Clone, Debug)]
pub(crate) struct Dataset {
    /// Number of points or pairs, without padding.
    pub count: usize,
    /// Points or pairs of the tile per point or pair gathered.
    pub thinning: f64,
    /// Offset and scale from the last channel to alpha, if [`Dataset::squared_error`] weights the errors of
    /// colours by alpha. Training does not: kernels have one weight for all channels.
    pub by_alpha: Option<(f32, f32)>,
    /// The points in training order, each weighted by the weight of the tile in the blend at the point.
    pub points: Arc<Points>,
    /// How the targets relate to signal units.
    pub normalisation: Normalisation,
    /// The root mean squared slope of the samples along each axis, signal units per unit of coordinate; 0 along an
    /// axis of one sample.
    pub slopes: Vec<f64>,
}

impl Dataset {
    /// Gathers tile `number` of a source, shuffled by `seed`, without positions whose samples are all missing. A
    /// tile of more than `most` points or pairs is divided into `most` equal stretches, and one is drawn from each.
    ///
    /// # Errors
    /// Those of reading the source.
    pub fn of_tile(
        source: (&dyn Source, Option<&Missing>),
        tiles: &Tiles,
        number: usize,
        gradient: Option<GradientTerm<'_>>,
        most: u64,
        seed: u64,
    ) -> Result<Self> {
        let Gathered { count, thinning, mut points, slopes } =
            gather(source, tiles, number, gradient, most, seed)?;
        let normalisation = normalise(&mut points, count);
        Ok(Dataset { count, thinning, by_alpha: None, points: Arc::new(points), normalisation, slopes })
    }

    /// The squared error of `network`, estimated for all points of the tile.
    pub fn squared_error(&self, level: Level, network: &Network) -> Loss {
        let (mut workspace, mut sums) = (Workspace::default(), [0f64; 2]);
        let residuals = self.points.residuals;
        let mut values = vec![0.0; self.points.outputs * BLOCK];
        for block in 0..self.points.blocks() {
            let batch = self.points.batch(block..block + 1);
            level.forward(network, batch.coordinates, &mut values, &mut workspace);
            let opacity = self.opacity(batch.targets);
            for (c, (values, targets)) in
                values.chunks_exact_mut(BLOCK).zip(batch.targets.chunks_exact(BLOCK)).enumerate()
            {
                residuals.apply(values);
                for (lane, ((v, t), w)) in values.iter().zip(targets).zip(batch.weights).enumerate() {
                    let slope = lane >= residuals.groups();
                    let visible = if c + 1 < self.points.outputs { opacity[lane] } else { 1.0 };
                    sums[usize::from(slope)] += f64::from(visible * w * (v - t) * (v - t));
                }
            }
        }
        let units = f64::from(self.normalisation.scale).powi(2) * self.thinning;
        let [values, slopes] = sums.map(|sum| sum * units);
        Loss { values, total: values + slopes }
    }

    /// The squared error of the mean of each channel, with the gradient term, estimated for all points of the
    /// tile.
    pub fn squared_error_of_mean(&self) -> f64 {
        let units = f64::from(self.normalisation.scale).powi(2) * self.thinning;
        self.errors_of_mean(|targets| self.opacity(targets)) * units
    }

    /// The squared error of the mean of each channel per sample, with the gradient term, normalised like the
    /// loss of a training iteration.
    pub fn loss_of_mean(&self) -> f64 {
        let numbers = self.points.weights.len() * self.points.outputs / self.points.evaluations();
        self.errors_of_mean(|_| [1.0; BLOCK]) / numbers.max(1) as f64
    }

    /// The normalised squared errors of the mean, summed over all points; those of colours are multiplied by
    /// `opacity` of their block.
    fn errors_of_mean(&self, opacity: impl Fn(&[f32]) -> [f32; BLOCK]) -> f64 {
        let of_block = |block: usize| {
            let batch = self.points.batch(block..block + 1);
            let opacity = opacity(batch.targets);
            let row = |(c, targets): (usize, &[f32])| -> f64 {
                let visible = |lane: usize| if c + 1 < self.points.outputs { opacity[lane] } else { 1.0 };
                let points = targets.iter().zip(batch.weights).enumerate();
                points.map(|(lane, (t, w))| f64::from(visible(lane) * w * t * t)).sum()
            };
            batch.targets.chunks_exact(BLOCK).enumerate().map(row).sum::<f64>()
        };
        (0..self.points.blocks()).map(of_block).sum()
    }

    /// The weight of colour errors in each lane of a block with these `targets`.
    fn opacity(&self, targets: &[f32]) -> [f32; BLOCK] {
        let Normalisation { means, scale } = &self.normalisation;
        let (Some((offset, unit)), Some(mean), Some(alpha)) =
            (self.by_alpha, means.last(), targets.rchunks_exact(BLOCK).next())
        else {
            return [1.0; BLOCK];
        };
        let residuals = self.points.residuals;
        // The first residual of a group is the sum of its values.
        let value = |lane: usize| alpha[lane % residuals.groups()] / residuals.points() as f32;
        std::array::from_fn(|lane| (offset + unit * (mean + scale * value(lane))).clamp(0.0, 1.0))
    }

    /// The number of blocks on which a curvature is sampled, the first ones and at most `most`, and the
    /// factor from sums over them to sums over all points of the tile, weights included.
    pub fn sampled(&self, most: usize) -> (usize, f32) {
        let blocks = self.points.blocks().min(most);
        let total = |w: &[f32]| w.iter().map(|&w| f64::from(w)).sum::<f64>();
        let share = total(&self.points.weights) / total(self.points.batch(0..blocks).weights).max(1e-30);
        (blocks, (self.thinning * share) as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Shape;
    use crate::signal::{Description, SampleFormat, Samples, Signal};

    fn picture(lengths: [u32; 2], channels: u8, value: impl Fn(u32) -> f64) -> Signal {
        let description = Description::picture(lengths, channels, SampleFormat::F32);
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
            let [all, few] = [MOST_POINTS, 3000]
                .map(|most| Dataset::of_tile((&signal, None), &tiles, 0, term, most, 1).unwrap());
            assert_eq!((all.thinning, few.count), (1.0, 3000));
            assert_eq!(few.thinning, all.count as f64 / 3000.0);
            let of_mean = [&all, &few].map(Dataset::squared_error_of_mean);
            assert!((of_mean[1] / of_mean[0] - 1.0).abs() < 0.05, "{of_mean:?}");
            let [all, few] = [&all, &few].map(|data| data.squared_error(Level::best(), &constant));
            assert!((few.values / all.values - 1.0).abs() < 0.05, "{few:?} {all:?}");
            assert!((few.total / all.total - 1.0).abs() < 0.05, "{few:?} {all:?}");
        }
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
            let data = Dataset::of_tile((&signal, None), &tiles, 0, term, MOST_POINTS, 1).unwrap();
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
            let data = Dataset::of_tile((&signal, None), &tiles, 0, term, MOST_POINTS, 1).unwrap();
            assert_eq!(data.count * data.points.evaluations(), 180 * if weight > 0.0 { 8 } else { 1 });
            let loss = data.squared_error(Level::best(), &constant);
            let gradient = count * f64::from(weight) * (slopes[0].powi(2) + slopes[1].powi(2));
            assert!((loss.values / values - 1.0).abs() < 1e-5, "{} {values}", loss.values);
            assert!((loss.total - values - gradient).abs() < 1e-5 * loss.total, "{loss:?} {gradient}");
        }
    }
}
